"""The languages of the portal, with their own names."""

from __future__ import annotations

LANGUAGES = (
    ("en", "English"),
    ("it", "Italiano"),
    ("fr", "Français"),
    ("de", "Deutsch"),
    ("es", "Español"),
    ("nl", "Nederlands"),
    ("sl", "Slovenščina"),
    ("bg", "Български"),
)
"""Code and own name, in the order of the menu; the first is the language of last resort."""

CODES = tuple(code for code, _ in LANGUAGES)
FALLBACK = CODES[0]
