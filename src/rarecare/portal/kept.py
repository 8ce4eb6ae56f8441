"""Pages kept ready: compressed, by release, address, reader and language.

A kept page is the same for everyone. Its view gets the release; it may not look at the session,
the user or messages, and answers 200 only with what is worth keeping.
"""

from __future__ import annotations

import gzip
import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from rarecare.errors import UsageError
from rarecare.portal import errors
from rarecare.portal.knowledge.catalogue import reviewed_languages
from rarecare.portal.languages import FALLBACK
from rarecare.portal.opened import OpenedRelease
from rarecare.portal.places import Places
from rarecare.portal.readers import reader_of
from rarecare.portal.releases import store

MOST_BYTES = 160 * 2**20
"""Of compressed pages, in each process."""

_LEVEL = 5
_MANY_PARAMETERS = 12
Key = tuple[Any, ...]


class Shelf:
    """Compressed pages, the least used thrown out first."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._lock = threading.Lock()
        self._pages: OrderedDict[Key, tuple[bytes, str, str]] = OrderedDict()
        self._bytes = 0

    def get(self, key: Key) -> tuple[bytes, str, str] | None:
        """Return body, content type and tag of a page, or None."""
        with self._lock:
            found = self._pages.get(key)
            if found is not None:
                self._pages.move_to_end(key)
            return found

    def put(self, key: Key, page: tuple[bytes, str, str]) -> None:
        """Keep a page."""
        with self._lock:
            old = self._pages.pop(key, None)
            self._bytes += len(page[0]) - (len(old[0]) if old else 0)
            self._pages[key] = page
            while self._bytes > self.most_bytes and len(self._pages) > 1:
                _, (body, *_rest) = self._pages.popitem(last=False)
                self._bytes -= len(body)

    def clear(self) -> None:
        """Throw all pages out."""
        with self._lock:
            self._pages.clear()
            self._bytes = 0


shelf = Shelf(MOST_BYTES)


class ReleaseRequest(HttpRequest):
    """A request that knows its release."""

    release: OpenedRelease
    places: Places
    kept: bool


def only_read(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Refuse every method but GET and HEAD with a page that says so."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **rest: Any) -> HttpResponseBase:
        if request.method in ("GET", "HEAD"):
            return view(request, *args, **rest)
        error = UsageError("this page is only read", value=request.method, allowed=("GET", "HEAD"))
        response = errors.page(request, status=405, error=error)
        response.headers["Allow"] = "GET, HEAD"
        return response

    return csrf_exempt(answer)  # what is only read has nothing to forge


def with_release(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Give a view the release its address names, or the current one."""

    @wraps(view)
    def answer(request: Any, *args: Any, release: str | None = None, **rest: Any) -> HttpResponse:
        opened = store().current() if release is None else store().named(release)
        if opened is None:
            raise Http404(
                _("Release %(name)s is not kept here; the current one is %(current)s.")
                % {"name": release, "current": store().current().name}
            )
        request.release = opened
        request.places = Places(get_language() or FALLBACK, opened.name, pinned=release is not None)
        return view(request, *args, **rest)

    return answer


def kept(*parameters: str) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Keep the pages of a view ready.

    Parameters
    ----------
    parameters
        Of the query that the page depends on; others are not looked at.
    """

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def answer(request: Any, *args: Any, **rest: Any) -> HttpResponse:
            language = get_language() or FALLBACK
            key = (
                request.release.hash,
                store().current().hash,
                request.path,
                language,
                reader_of(request).code,
                language in reviewed_languages(),
                bool(getattr(request, "htmx", False)),
                *((name, request.GET.get(name)) for name in parameters),
            )
            page = shelf.get(key)
            if page is None:
                request.kept = True
                response = view(request, *args, **rest)
                if response.status_code != 200 or response.streaming:
                    return response
                body = response.content
                tag = f'"{sha256(body).hexdigest()[:24]}"'
                page = gzip.compress(body, _LEVEL, mtime=0), response["content-type"], tag
                shelf.put(key, page)
            return _sent(request, *page)

        return answer

    return decorate


def _sent(request: HttpRequest, body: bytes, content_type: str, tag: str) -> HttpResponse:
    """Return a kept page as this visitor can read it, or that theirs is still good."""
    if tag in request.headers.get("if-none-match", ""):
        response = HttpResponse(status=304)
    elif "gzip" in request.headers.get("accept-encoding", ""):
        response = HttpResponse(body, content_type=content_type)
        response.headers["Content-Encoding"] = "gzip"
    else:
        response = HttpResponse(gzip.decompress(body), content_type=content_type)
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["Accept-Encoding", "Cookie", "HX-Request"])
    return response
