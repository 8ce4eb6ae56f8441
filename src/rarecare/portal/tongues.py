"""The language of drawings: that of the request, by the same catalogue as the pages."""

from __future__ import annotations

from babel.numbers import get_decimal_symbol
from django.utils.translation import get_language, gettext, gettext_noop

from rarecare.figures.words import ENGLISH, Tongue
from rarecare.portal import numbers
from rarecare.portal.languages import FALLBACK

METHODS = (
    gettext_noop("Net survival (Pohar Perme)"),
    gettext_noop("Relative survival (Ederer II)"),
    gettext_noop("Relative survival (Ederer I)"),
    gettext_noop("Relative survival (Hakulinen)"),
)
"""Names of methods that a drawing of a release may say: for the catalogue."""


def tongue_here() -> Tongue:
    """Return the language of this request, for drawings."""
    language = get_language() or FALLBACK
    if language == FALLBACK:
        return ENGLISH
    return Tongue(gettext, get_decimal_symbol(numbers.locale_of(language)), numbers.country)
