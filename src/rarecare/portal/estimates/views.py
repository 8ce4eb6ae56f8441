"""Views of the estimates: read a release, give a page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import get_language_from_request
from django.views.decorators.http import require_safe


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show the start page."""
    return render(request, "estimates/home.html")


@require_safe
def permanent(request: HttpRequest, release: str, rest: str = "") -> HttpResponse:
    """Lead a permanent address, which has no language, to the visitor's language."""
    language = get_language_from_request(request)
    query = request.META.get("QUERY_STRING", "")
    return HttpResponseRedirect(f"/{language}/r/{release}/{rest}" + (f"?{query}" if query else ""))
