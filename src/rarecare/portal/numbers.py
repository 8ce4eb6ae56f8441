"""Numbers, dates and places in words of a language, by CLDR: the same digits everywhere.

Decimals follow the size of a number, not the language: a rate has three decimals below 0.1, two
below 10, one above; a share is whole percent, one decimal for oncologists' tables on request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache

from babel import Locale, dates
from babel.numbers import get_decimal_symbol, get_group_symbol
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from rarecare.portal.languages import FALLBACK

MINUS = "\u2212"


@cache
def locale_of(language: str) -> Locale:
    """Return the conventions of a language; English ones are British: day before month."""
    return Locale.parse("en_GB" if language == "en" else language)


def here() -> Locale:
    """Return the conventions of the language of this request."""
    return locale_of(get_language() or FALLBACK)


@cache
def _signs(language: str) -> dict[int, str]:
    """Return what stands for the comma, the point and the minus of Python's numbers."""
    locale = locale_of(language)
    return str.maketrans({
        ",": get_group_symbol(locale), ".": get_decimal_symbol(locale), "-": MINUS,
    })  # fmt: skip


def number(value: float, *, decimals: int = 0) -> str:
    """Return a number with fixed decimals.

    >>> number(3214), number(0.2197, decimals=2)
    ('3,214', '0.22')
    """
    return f"{value:,.{decimals}f}".translate(_signs(get_language() or FALLBACK))


def short(value: float) -> str:
    """Return a round number with no more decimals than it needs.

    >>> short(1.0), short(0.25), short(1500.0)
    ('1', '0.25', '1,500')
    """
    text = f"{value:,.3f}".rstrip("0").rstrip(".")
    return text.translate(_signs(get_language() or FALLBACK))


def rate_decimals(value: float) -> int:
    """Return the decimals of a rate per 100 000 of this size.

    >>> [rate_decimals(x) for x in (57.2, 0.24, 0.033, 0.0)]
    [1, 2, 3, 2]
    """
    return 1 if value >= 10 else 2 if value >= 0.1 or value == 0 else 3


@dataclass(frozen=True, slots=True)
class Write:
    """How numbers of a kind are written in the language of the request.

    >>> rate(1234.5), percent(0.569), proportion(0.5694), people(7.31), people(5012.4)
    ('1,234.5', '57', '0.569', '7.3', '5,012')
    """

    plain: Callable[[float], str]

    def __call__(self, value: float) -> str:
        """Return a number in the language of the request."""
        return self.plain(value).translate(_signs(get_language() or FALLBACK))

    def here(self) -> Callable[[float], str]:
        """Return the same for a table: the language is looked up once, not for each number."""
        plain, signs = self.plain, _signs(get_language() or FALLBACK)
        return lambda value: plain(value).translate(signs)


count = Write(lambda value: f"{value:,.0f}")
"""A whole number."""
rate = Write(lambda value: f"{value:,.{rate_decimals(value)}f}")
"""A rate with the decimals of its size."""
percent = Write(lambda share: f"{100 * share:,.0f}")
"""A share in percent, without the sign."""
proportion = Write(lambda share: f"{share:,.3f}")
"""A share as researchers print it."""
people = Write(
    lambda value: f"{value:,.0f}" if value >= 10 or value == round(value) else f"{value:,.1f}"
)
"""People: whole from 10 on, one decimal below."""


def change(value: float) -> str:
    """Return a change in percent with its sign.

    >>> change(-2.4549) == "\u22122.5", change(0.31)
    (True, '+0.3')
    """
    text = number(value, decimals=1)
    return f"+{text}" if value > 0 and not text.startswith("+") else text


def two_digits(value: float) -> str:
    """Return a number of about: two digits, the rest zeros.

    >>> two_digits(207.8), two_digits(5012), two_digits(7.31)
    ('210', '5,000', '7.3')
    """
    if value == 0:
        return "0"
    from math import floor, log10  # noqa: PLC0415 - one line needs them

    digits = 1 - floor(log10(abs(value)))
    return number(round(value, digits), decimals=max(0, digits))


def span(lower: float, upper: float, words: Callable[[float], str]) -> str:
    """Return an interval in words: ``0.18 to 0.27``."""
    return _("%(lower)s to %(upper)s") % {"lower": words(lower), "upper": words(upper)}


def between(lower: float, upper: float, words: Callable[[float], str]) -> str:
    """Return an interval for people who do not read intervals: ``between 55 and 59``."""
    low, high = words(lower), words(upper)
    if low == high:
        return _("close to %(value)s") % {"value": low}
    return _("between %(lower)s and %(upper)s") % {"lower": low, "upper": high}


def years(period: str) -> str:
    """Return years with a dash between them.

    >>> years("1995-2007")
    '1995–2007'
    """
    return period.replace("-", "–")


def ages(group: str) -> str:
    """Return an age group with a dash: ``15–99``."""
    return group.replace("-", "–")


def day(iso: str) -> str:
    """Return a day in words of the language."""
    return str(dates.format_date(date.fromisoformat(iso[:10]), format="long", locale=here()))


def country(code: str, fallback: str) -> str:
    """Return a country's name in the language, by CLDR; the fallback where it has none."""
    return countries().get(code) or fallback


def countries() -> dict[str, str]:
    """Return the names of countries and territories in the language, by code."""
    return _countries(get_language() or FALLBACK)


@cache
def _countries(language: str) -> dict[str, str]:
    return {str(code): str(name) for code, name in locale_of(language).territories.items()}
