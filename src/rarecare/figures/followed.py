"""The people still followed, beneath a drawing over time; and the years it is marked at."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from rarecare.figures.look import LINE, RULE, text_width, whole, wrap
from rarecare.figures.page import Align, Body, Canvas
from rarecare.figures.tables import Row
from rarecare.figures.words import digits, say
from rarecare.results import WITHHELD

NEAR = 0.05
"""A row belongs to a year when it lies so little before it."""

_YEARS = (0, 1, 3, 5, 10)
_EPS = 1e-6


def time_of(row: Row) -> float:
    """Return the time of a row, in years."""
    return float(row["time_years"])


def end_of(last: float) -> float:
    """Return the end of the time axis: 10 years are 3 652 whole days, a little less than 10."""
    return float(round(last)) if abs(last - round(last)) < 0.01 and round(last) else last


def marked_years(last: float) -> list[float]:
    """Return the years that are ticks and columns of the table below."""
    if last >= 3:
        later = range(15, int(last) + 1, 5)
        return [float(year) for year in (*_YEARS, *later) if year <= last + _EPS]
    step = 0.5 if last >= 1 else 0.25 if last >= 0.5 else 0.1
    return [round(k * step, 2) for k in range(int(last / step + _EPS) + 1)]


def at_year(rows: Sequence[Row], year: float) -> Row | None:
    """Return the last row up to this year, unless it lies far before it."""
    near = [row for row in rows if year - NEAR <= time_of(row) <= year + _EPS]
    return near[-1] if near else None


def people(row: Row | None) -> str:
    """Return how many people are still followed, – where that is withheld or not known."""
    if row is None or row["at_risk"] is None:
        return "–"
    return whole(row["at_risk"]) if row["status"] != WITHHELD else "–"


def followed(
    foot: Canvas,
    named: Sequence[tuple[str, list[Row]]],
    years: Sequence[float],
    body: Body,
    last: float,
) -> None:
    """Write how many people are still followed: below the ticks, or as a table of its own."""
    cells = [[people(at_year(rows, year)) for year in years] for _, rows in named]
    wide = max(text_width(cell) for row in cells for cell in row) + 6
    places = [body.left + body.plot * year / last for year in years] if last else [body.left]
    beside = foot.width - body.left - body.plot - max(22, wide / 2 + 4)
    aligned = body.plot > 0 and all(b - a >= wide for a, b in pairwise(places))
    foot.height += 10
    foot.line(1, foot.height, foot.width - 1, foot.height, color=RULE)
    foot.height += LINE + 2
    foot.text(0, foot.height - 4, say("People still followed"), "strong")
    align: Align = "center"
    if not aligned:
        longest = max(text_width(name) for name, _ in named) + 12
        column = max(wide, text_width(say("years")) + 4, min(longest, 0.36 * foot.width))
        column = min(column, foot.width - wide * len(years))
        beside, align = column - 4, "right"
        step = min((foot.width - column) / len(years), 70)
        places = [column + step * (k + 1) for k in range(len(years))]
        foot.height += LINE
        foot.text(0, foot.height - 4, say("years"), "soft")
        for place, year in zip(places, years, strict=True):
            foot.text(place, foot.height - 4, digits(f"{year:g}"), "soft", align)
    for (name, _), row in zip(named, cells, strict=True):
        for place, cell in zip(places, row, strict=True):
            foot.text(place, foot.height + LINE - 4, cell, "plain", align)
        words = wrap(name, width=beside) if len(named) > 1 else [""]
        x = foot.width - beside if aligned else 0
        for word in words:
            foot.height += LINE
            if word:
                foot.text(x, foot.height - 4, word, "plain")
    foot.height += 6
