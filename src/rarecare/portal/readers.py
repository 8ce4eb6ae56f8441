"""The five readers: the same number in other words, order and depth."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from rarecare.portal.knowledge.catalogue import reviewed_languages
from rarecare.portal.languages import FALLBACK

COOKIE = "reader"
PARAMETER = "for"


@dataclass(frozen=True, slots=True)
class Reader:
    """Someone a page is written for.

    Attributes
    ----------
    code
        As in ``?for=``.
    name
        Of the switch, in the plural.
    door, door_text
        What the start page says of them.
    """

    code: str
    name: str | Promise
    door: str | Promise
    door_text: str | Promise


READERS = (
    Reader(
        "patient",
        _("Patients"),
        _("I have a rare cancer, or someone close to me has"),
        _("Plain words, what the figures can and cannot tell, where to find help."),
    ),
    Reader(
        "gp",
        _("Family doctors"),
        _("I am a family doctor"),
        _("How rarely you will meet it, and where to refer."),
    ),
    Reader(
        "oncologist",
        _("Oncologists"),
        _("I treat people with cancer"),
        _("Survival with its intervals, stage at diagnosis, indicators of care."),
    ),
    Reader(
        "researcher",
        _("Researchers"),
        _("I do research"),
        _("Methods, tables, tidy files, an interface for programs."),
    ),
    Reader(
        "authority",
        _("Health authorities"),
        _("I plan health care"),
        _("Burden by country, hospital volumes, expected needs."),
    ),
)
"""In the order of the switch; the first is who we take a visitor for."""

BY_CODE = {reader.code: reader for reader in READERS}


def words_language(request: HttpRequest) -> str:
    """Return the language of text with numbers: that of the page, for patients if it is reviewed.

    Patients read numbers in a language whose texts a named person has reviewed, else in English.
    """
    here = get_language() or FALLBACK
    patient = reader_of(request).code == READERS[0].code
    return FALLBACK if patient and here not in reviewed_languages() else here


def reader_of(request: HttpRequest) -> Reader:
    """Return whom the page is written for: by address, by cookie, else the first.

    An unknown ``?for=`` is refused before a view runs (``middleware.ChosenReader``).
    """
    code = request.GET.get(PARAMETER) or request.COOKIES.get(COOKIE, "")
    return BY_CODE.get(code, READERS[0])
