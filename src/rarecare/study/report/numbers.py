"""Numbers in words: the same digits everywhere, and a look of its own for each kind of missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup, escape

from rarecare.results import NOT_ESTIMABLE, OK, WITHHELD

THIN = "\u202f"
Row = Mapping[str, Any]

_LOOKS = {
    WITHHELD: ("withheld", "withheld"),
    NOT_ESTIMABLE: ("not-estimable", "not estimable"),
    None: ("no-data", "no data"),
}
_SWATCH = (
    '<svg class="look {look}" viewBox="0 0 20 12" aria-hidden="true">'
    '<rect x=".5" y=".5" width="19" height="11"/></svg>'
)


def count(value: int | None) -> str:
    """Return a count with thin spaces: ``3 214``."""
    return "–" if value is None else f"{value:,}".replace(",", THIN)


def percent(value: float, *, decimals: int = 1) -> str:
    """Return a share in percent, without the sign."""
    return f"{100 * value:.{decimals}f}".replace("-", "\u2212")


def rate(value: float) -> str:
    """Return a rate with the decimals its size calls for."""
    return _apart(value, 1 if value >= 10 else 2 if value >= 0.1 else 3)


def persons(value: float) -> str:
    """Return how many persons a population holds."""
    return _apart(value, 0)


def years(period: str) -> str:
    """Return years with a dash between them: ``2003–2007``."""
    return period.replace("-", "–")


def missing(row: Row | None) -> Markup:
    """Return why there is no number: withheld, not estimable, or no data."""
    look, words = _LOOKS[row["status"] if row is not None else None]
    reason = row["reason"] if row is not None else None
    title = Markup(' title="{}"').format(reason) if reason else Markup("")
    swatch = Markup(_SWATCH.format(look=look))
    return Markup('<span class="missing"{}>{}{}</span>').format(title, swatch, words)


def survival(row: Row | None, *, decimals: int = 1) -> Markup:
    """Return net survival in percent."""
    if row is None or row["status"] != OK:
        return missing(row)
    return escape(percent(row["estimate"], decimals=decimals))


def survival_interval(row: Row | None, *, decimals: int = 1) -> Markup:
    """Return its interval: ``45.5 to 46.8``."""
    return _interval(row, lambda value: percent(value, decimals=decimals))


def incidence(row: Row | None) -> Markup:
    """Return a rate per 100 000."""
    if row is None or row["status"] != OK:
        return missing(row)
    return escape(rate(row["estimate"]))


def incidence_interval(row: Row | None) -> Markup:
    """Return its interval."""
    return _interval(row, rate)


def people(row: Row | None) -> Markup:
    """Return a number of persons: whole from 10 on."""
    return _amount(row, _digits_of_people)


def people_interval(row: Row | None) -> Markup:
    """Return its interval, with as many decimals."""
    return _amount_interval(row, _digits_of_people)


def people_limits(row: Row) -> str:
    """Return its interval as plain text."""
    digits = _digits_of_people(_size(row))
    return f"{_said(row['lower'], digits)} to {_said(row['upper'], digits)}"


def cases(row: Row | None) -> Markup:
    """Return cases a year: whole from 100 on, about two digits below."""
    return _amount(row, _digits_of_cases)


def cases_interval(row: Row | None) -> Markup:
    """Return its interval, with as many decimals."""
    return _amount_interval(row, _digits_of_cases)


def change(row: Row | None) -> Markup:
    """Return a change in percent with its sign, one decimal or more near 0: ``+0.7``, ``−0.02``."""
    if row is None or row["status"] != OK:
        return missing(row)
    return escape(_signed(row["estimate"]))


def change_interval(row: Row | None) -> Markup:
    """Return its interval."""
    return _interval(row, _signed)


def _signed(value: float) -> str:
    digits = 1 if abs(value) >= 0.1 else 2 if abs(value) >= 0.01 else 3
    return f"{value:+,.{digits}f}".replace(",", THIN).replace("-", "\u2212") if value else "0"


def _size(row: Row) -> float:
    """Return the size that decides the digits of a row: its estimate, or where that is 0 above."""
    return float(row["estimate"] or row["upper"] or 0.0)


def _digits_of_people(value: float) -> int:
    return 0 if value >= 10 else 1


def _digits_of_cases(value: float) -> int:
    return 0 if value >= 100 else 1 if value >= 1 else 2 if value >= 0.1 else 3


def _apart(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}".replace(",", THIN)


def _said(value: float, digits: int) -> str:
    return _apart(value, digits) if value else "0"


def _amount(row: Row | None, digits: Callable[[float], int]) -> Markup:
    if row is None or row["status"] != OK:
        return missing(row)
    return escape(_said(row["estimate"], digits(_size(row))))


def _amount_interval(row: Row | None, digits: Callable[[float], int]) -> Markup:
    if row is None or row["status"] != OK:
        return _interval(row, str)
    return _interval(row, lambda value: _said(value, digits(_size(row))))


def _interval(row: Row | None, words: Callable[[float], str]) -> Markup:
    if row is None or row["status"] != OK or row["lower"] is None:
        return Markup("–")
    text = f"{words(row['lower'])} to {words(row['upper'])}"
    return Markup('<span class="int">{}</span>').format(text)


def ruler(row: Row, *, end: float) -> Markup:
    """Return the drawing of a number on its interval, from 0 to ``end``."""
    scale = 224 / end
    at, low, high = (8 + scale * min(row[k], end) for k in ("estimate", "lower", "upper"))
    size = 4.5 if high - low > 12 else 3.5
    base = "".join(
        f'<line class="ruler-base" x1="{x:g}" y1="7" x2="{x:g}" y2="15"/>' for x in (8, 120, 232)
    )
    ends = "".join(
        f'<line class="ruler-end" x1="{x:.1f}" y1="4" x2="{x:.1f}" y2="18"/>' for x in (low, high)
    )
    return Markup(
        '<svg class="ruler" aria-hidden="true" viewBox="0 0 240 22">'
        f'<line class="ruler-base" x1="8" y1="11" x2="232" y2="11"/>{base}'
        f'<line class="ruler-int" x1="{low:.1f}" y1="11" x2="{high:.1f}" y2="11"/>{ends}'
        f'<circle class="key-dot" cx="{at:.1f}" cy="11" r="{size}"/></svg>'
    )
