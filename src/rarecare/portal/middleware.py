"""What every answer carries: the content policy, the reader chosen, words for errors."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from rarecare.errors import FileError, RarecareError, UsageError
from rarecare.portal import errors
from rarecare.portal.readers import BY_CODE, COOKIE, PARAMETER

_YEAR = 31_536_000
_Answer = Callable[[HttpRequest], HttpResponseBase]


class ContentSecurityPolicy:
    """Add the policy of the settings; a view's own header stays."""

    def __init__(self, get_response: _Answer) -> None:
        self.get_response = get_response
        self.policy = "; ".join(
            f"{name} {sources}" for name, sources in settings.CONTENT_SECURITY_POLICY.items()
        )

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, with the policy."""
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", self.policy)
        response.headers.setdefault(
            "Permissions-Policy", "geolocation=(), camera=(), microphone=()"
        )
        return response


class ChosenReader:
    """Refuse an unknown ``?for=``; keep a known one in a cookie."""

    def __init__(self, get_response: _Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, or say which readers there are."""
        asked = request.GET.get(PARAMETER)
        if asked is None:
            return self.get_response(request)
        if asked not in BY_CODE:
            error = UsageError("the page is not written for this reader", value=asked,
                               allowed=list(BY_CODE))  # fmt: skip
            return errors.page(request, status=400, error=error)
        response = self.get_response(request)
        if request.COOKIES.get(COOKIE) != asked:
            response.set_cookie(
                COOKIE, asked, max_age=_YEAR, samesite="Lax", httponly=True,
                secure=settings.HTTPS,
            )  # fmt: skip
        return response


class WordsForErrors:
    """Turn an error raised on purpose into a page that says what is wrong."""

    def __init__(self, get_response: _Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the page of an error of this package, None for any other."""
        if isinstance(exception, FileError):
            return errors.page(request, status=503, error=exception)
        if isinstance(exception, RarecareError):
            return errors.page(request, status=400, error=exception)
        return None
