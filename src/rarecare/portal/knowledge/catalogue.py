"""Languages whose texts a named person has read, as they are now.

Patient texts with numbers are shown only in these; English is the language they are written in.
"""

from __future__ import annotations

import time
from pathlib import Path

from rarecare.care.history import sha256
from rarecare.portal.languages import FALLBACK

LOCALE = Path(__file__).resolve().parent.parent / "locale"
LOOK_SECONDS = 5.0
_known: dict[str, tuple[float, frozenset[str]]] = {}


def digest(language: str) -> str:
    """Return the hash of the texts of a language, as they are shown; of nothing without any."""
    path = LOCALE / language / "LC_MESSAGES" / "django.mo"
    return sha256(path.read_bytes() if path.is_file() else b"")


def reviewed_languages() -> frozenset[str]:
    """Return the languages that may show numbers to patients; looked up every few seconds."""
    at, known = _known.get("", (0.0, frozenset()))
    if not at or time.monotonic() - at > LOOK_SECONDS:
        known = _reviewed()
        _known[""] = (time.monotonic(), known)
    return known


def forget() -> None:
    """Look up anew at the next question; called when a review is added or removed."""
    _known.clear()


def _reviewed() -> frozenset[str]:
    from rarecare.portal.knowledge.models import CatalogueReview  # noqa: PLC0415

    found = {
        one.language for one in CatalogueReview.objects.all()
        if one.digest == digest(one.language)
    }  # fmt: skip
    return frozenset(found | {FALLBACK})
