"""What every page knows: the release, the languages, the reader."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import get_language

from rarecare.portal.languages import FALLBACK, LANGUAGES
from rarecare.portal.places import Places
from rarecare.portal.readers import READERS, reader_of, words_language
from rarecare.portal.releases import store


def portal(request: HttpRequest) -> dict[str, Any]:
    """Return what the base template shows."""
    here = get_language() or FALLBACK
    address = request.get_full_path()
    words_in = words_language(request)
    current = store().current()
    release = getattr(request, "release", None) or current
    return {
        "release": release,
        "current": current,
        "places": getattr(request, "places", None) or Places(here, release.name),
        "kept": getattr(request, "kept", False),
        "language": here,
        "languages": [
            {"code": code, "name": name, "address": in_language(address, here, code)}
            for code, name in LANGUAGES
        ],
        "language_name": dict(LANGUAGES)[here],
        "readers": READERS,
        "reader": reader_of(request),
        "words_in": words_in,
        "english": words_in != here,
    }


def in_language(address: str, here: str, code: str) -> str:
    """Return the address of the same page in another language; others stay as they are.

    Django's ``translate_url`` would resolve and reverse eight addresses for each page.

    >>> in_language("/en/cancers/?for=gp", "en", "sl"), in_language("/health/", "en", "sl")
    ('/sl/cancers/?for=gp', '/health/')
    """
    prefix = f"/{here}/"
    return f"/{code}/{address.removeprefix(prefix)}" if address.startswith(prefix) else address
