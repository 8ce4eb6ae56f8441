"""Messages of the checks, and of the page of a report, in eight languages.

English stands in the checks and in ``report.words``. Translations are gettext catalogs in
``locale``: edit the ``.po``, then run ``make checks``, which compiles them. No named person has
reviewed them yet; each catalog says so in its header.
"""

from __future__ import annotations

import gettext
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from rarecare.errors import UsageError
from rarecare.registry.checks.check import Check

LANGUAGES: Mapping[str, str] = {
    "en": "English",
    "it": "italiano",
    "fr": "français",
    "de": "Deutsch",
    "es": "español",
    "nl": "Nederlands",
    "sl": "slovenščina",
    "bg": "български",
}
"""The languages, each by its own name."""

TRANSLATED = tuple(language for language in LANGUAGES if language != "en")
FOLDER = files("rarecare.registry.checks") / "locale"


@dataclass(frozen=True, slots=True)
class Message:
    """What a check says, in one language: what is wrong, why it is, what to do."""

    title: str
    why: str
    remedy: str


def message(check: Check, language: str = "en") -> Message:
    """Return what a check says.

    Raises
    ------
    UsageError
        There are no messages in this language.

    Examples
    --------
    >>> from rarecare.registry.checks.register import BY_CODE
    >>> message(BY_CODE["missing-sex"]).title, message(BY_CODE["missing-sex"], "de").title
    ('sex is missing or unknown', 'sex fehlt oder ist unbekannt')
    """
    translate = translation(language)
    column = check.columns[0] if check.columns else ""
    said = (translate(text) for text in (check.title, check.why, check.remedy))
    return Message(*(text.replace("{column}", column) for text in said))


def translation(language: str) -> Callable[[str], str]:
    """Return what translates an English text; what has no translation stays English.

    Raises
    ------
    UsageError
        There are no messages in this language.
    """
    return _catalog(language).gettext


@cache
def _catalog(language: str) -> gettext.NullTranslations:
    if language not in LANGUAGES:
        raise UsageError(
            "there are no messages in this language", value=language, allowed=list(LANGUAGES)
        )
    if language == "en":
        return gettext.NullTranslations()
    with (FOLDER / language / "LC_MESSAGES" / "checks.mo").open("rb") as file:
        return gettext.GNUTranslations(file)
