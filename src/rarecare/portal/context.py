"""What every page knows: the release, the languages, the reader."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import translate_url
from django.utils.translation import get_language

from rarecare.portal.languages import FALLBACK, LANGUAGES
from rarecare.portal.places import Places
from rarecare.portal.readers import READERS, reader_of
from rarecare.portal.releases import store


def portal(request: HttpRequest) -> dict[str, Any]:
    """Return what the base template shows."""
    here = get_language() or FALLBACK
    address = request.get_full_path()
    current = store().current()
    release = getattr(request, "release", None) or current
    return {
        "release": release,
        "current": current,
        "places": getattr(request, "places", None) or Places(here, release.name),
        "kept": getattr(request, "kept", False),
        "language": here,
        "languages": [
            {"code": code, "name": name, "address": translate_url(address, code)}
            for code, name in LANGUAGES
        ],
        "language_name": dict(LANGUAGES)[here],
        "readers": READERS,
        "reader": reader_of(request),
    }
