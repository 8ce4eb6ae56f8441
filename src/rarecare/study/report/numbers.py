"""Numbers in words: the same digits everywhere, and a look of its own for each kind of missing."""

from __future__ import annotations

from collections.abc import Mapping
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
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


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


def _interval(row: Row | None, words: Any) -> Markup:
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
