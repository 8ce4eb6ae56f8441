"""Small answers that belong to no part: health, robots, the mark."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import cache_control

from rarecare.portal.kept import only_read
from rarecare.portal.releases import store

_MARK = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="4" fill="#123c32"/>'
    '<path d="M4 16H28M4 10V22M28 10V22" stroke="#fff" stroke-width="2.5"/>'
    '<circle cx="19" cy="16" r="6" fill="#f2b134"/></svg>'
)


@only_read
def health(request: HttpRequest) -> JsonResponse:
    """Say which release is open."""
    release = store().current()
    return JsonResponse({"release": release.name, "synthetic": release.synthetic})


@only_read
def robots(request: HttpRequest) -> HttpResponse:
    """Keep search engines away from invented data, and from pages without end."""
    rules = "Disallow: /\n" if store().current().synthetic else "Disallow: /*/search/\n"
    return HttpResponse(f"User-agent: *\n{rules}", content_type="text/plain; charset=utf-8")


@only_read
@cache_control(max_age=86_400, public=True)
def favicon(request: HttpRequest) -> HttpResponse:
    """Return the mark: a value on its interval."""
    return HttpResponse(_MARK, content_type="image/svg+xml")
