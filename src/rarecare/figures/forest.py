"""Survival of many strata at one time, or differences and ratios: one dot on its interval each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import polars as pl

from rarecare.errors import UsageError
from rarecare.figures.dots import Scale, draw_dots
from rarecare.figures.figure import Figure
from rarecare.figures.lines import check_number
from rarecare.figures.look import LINE, SYNTHETIC, wrap
from rarecare.figures.page import Canvas, check_width, head_canvas, sheet
from rarecare.figures.tables import Row, check_table, drawable, level_of, strata, why_missing

Measure = Literal["survival", "difference", "ratio"]
_NEEDED = ("time_years", "estimate", "lower", "upper", "level", "status")
_NEAR = 1e-3
_LABELS: dict[Measure, str] = {
    "survival": "Survival at {} (%)",
    "difference": "Difference at {} (percentage points)",
    "ratio": "Ratio at {}",
}


def forest_figure(
    table: pl.DataFrame,
    *,
    by: Sequence[str],
    time_years: float = 5,
    measure: Measure = "survival",
    title: str,
    subtitle: str | None = None,
    note: str | None = None,
    synthetic: bool = False,
    width: float = 600,
) -> Figure:
    """Return one dot on its interval per stratum: entities or countries at one time.

    Rows stand in the order of the table; what is withheld or not estimable keeps its place
    and is said in words.

    Parameters
    ----------
    table
        As the functions of survival return it, one row per stratum at the time.
    by
        Strata.
    time_years
        The time drawn.
    measure
        ``"survival"`` (or a probability of death), from 0 to 100 %; ``"difference"``, with a
        line at 0; ``"ratio"``, with a line at 1.
    title, subtitle, note, synthetic, width
        As for ``survival_figure``.

    Raises
    ------
    ColumnError
        The table lacks a column.
    UsageError
        The table has no rows at the time or several for one stratum, there are more than 40
        strata, or the width is below 300.
    """
    check_width(width)
    if measure not in _LABELS:
        raise UsageError("measure has no such choice", value=measure, allowed=list(_LABELS))
    check_table(table, [*by, *_NEEDED], unique=[*by, "time_years"])
    chosen = table.filter((pl.col("time_years") - time_years).abs() < _NEAR)
    if chosen.is_empty():
        raise UsageError(
            "the table has no rows at this time",
            value=time_years,
            allowed=", ".join(f"{year:g}" for year in table["time_years"].unique().sort()),
        )
    rows = [(name, own[0]) for name, own in strata(chosen, by)]
    check_number([name for name, _ in rows])
    level = level_of(chosen)
    label = _LABELS[measure].format(f"{time_years:g} years" if time_years != 1 else "1 year")
    line = f"Line: {level} interval"
    head = head_canvas(
        width, title=title, subtitle=[subtitle, line] if subtitle else [line], synthetic=synthetic
    )
    body = draw_dots(rows, head, _scale(rows, measure), width=width)
    foot = Canvas(head.width, body.below)
    for k, words in enumerate(wrap(label, width=head.width - body.left)):
        foot.text(body.left, 38 + k * LINE, words, "plain")
        foot.height += LINE if k else 0
    said = _said(measure)
    told = [f"{name}: {said(row, ' to ')}." for name, row in rows if drawable(row)]
    told += [f"{name}: {why_missing(row)}." for name, row in rows if not drawable(row)]
    return sheet(
        head, body, foot, width=width, title=title, notes=[note] if note else [],
        description=[*([f"{SYNTHETIC}."] if synthetic else []),
                     f"{label}, in brackets the {level} interval.", *told],
    )  # fmt: skip


def _said(measure: Measure) -> Callable[[Row, str], str]:
    scale, digits = (1, 2) if measure == "ratio" else (100, 0 if measure == "survival" else 1)

    def number(value: float | None) -> str:
        if value is None:
            return ""
        text = f"{scale * value:.{digits}f}".replace("-", "\u2212")
        return text if measure != "difference" or value <= 0 else f"+{text}"

    def said(row: Row, between: str) -> str:
        value, lower, upper = (number(row[name]) for name in ("estimate", "lower", "upper"))
        if measure == "difference":
            between = " to "
        return f"{value} ({lower}{between}{upper})" if lower and upper else value

    return said


def _scale(rows: Sequence[tuple[str, Row]], measure: Measure) -> Scale:
    shown = [row for _, row in rows if drawable(row)]
    values = [
        value
        for row in shown
        for value in (row["estimate"], row["lower"], row["upper"])
        if value is not None
    ]
    if measure == "survival":
        top = min(max(1.0, *values) if values else 1.0, 1.5)
        return Scale(
            top, lambda _: [0.0, 0.25, 0.5, 0.75, 1.0], _said(measure),
            labels={"labelExpr": "round(100 * datum.value)"},
        )  # fmt: skip
    at = 0.0 if measure == "difference" else 1.0
    low, high = min([at, *values]), max([at, *values])
    room = 0.05 * (high - low) or 0.1
    low, high = low - room, high + room
    labels = {"format": "~r"}
    if measure == "difference":
        labels = {"labelExpr": "replace(round(100 * datum.value), '-', '\u2212')"}
    return Scale(
        high, lambda most: _between(low, high, most), _said(measure), lowest=low, labels=labels,
        line=(at, "No difference"),
    )  # fmt: skip


def _between(low: float, high: float, most: int) -> list[float]:
    """Return round ticks between two ends."""
    power = 10.0 ** math.floor(math.log10(high - low))
    for step in (power * k for k in (0.1, 0.2, 0.5, 1, 2, 5)):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            return [round(step * k, 10) for k in range(first, last + 1)]
    return [0.0]
