"""Pages of errors: what was wrong, what is allowed, a way on."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

TITLES: dict[int, str | Promise] = {
    400: _("This was not understood"),
    403: _("This is not open to you"),
    404: _("There is no page here"),
    405: _("This page cannot be used in this way"),
    413: _("This is too large"),
    429: _("Too many requests"),
    500: _("Something broke here"),
    503: _("The portal cannot read its release"),
}


def page(
    request: HttpRequest, *, status: int, error: object = None, near: object = None
) -> HttpResponse:
    """Return the page of an error.

    Parameters
    ----------
    request
        What was asked.
    status
        The HTTP status; its title comes from ``TITLES``.
    error
        What was wrong, in words.
    near
        Nearest valid places, as pairs of address and name.
    """
    context = {"status": status, "title": TITLES[status], "error": error, "near": near}
    template = "portal/error_plain.html" if status in (500, 503) else "portal/error.html"
    return render(request, template, context, status=status)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an unknown address."""
    said = exception.args[0] if exception.args and isinstance(exception.args[0], str) else None
    return page(request, status=404, error=said)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that breaks the rules of HTTP or of the site."""
    del exception  # its words are for developers
    return page(request, status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer someone who may not."""
    said = exception.args[0] if exception.args and isinstance(exception.args[0], str) else None
    return page(request, status=403, error=said)


def forbidden_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form whose token is missing or old."""
    del reason
    said = _("The form was open too long, or cookies are off. Go back, load it again and resend.")
    return page(request, status=403, error=said)


def broken(request: HttpRequest) -> HttpResponse:
    """Answer when the portal itself failed: a page that needs nothing to work."""
    return page(request, status=500)
