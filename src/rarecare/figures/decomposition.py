"""What explains the differences between countries: one panel per step, one dot per country."""

from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl

from rarecare.errors import UsageError
from rarecare.figures.figure import Figure
from rarecare.figures.look import (
    LINE,
    MISSING,
    NARROW,
    NOT_ESTIMABLE_SHAPE,
    SYNTHETIC,
    WITHHELD_SHAPE,
    capital,
    text_width,
    wrap,
)
from rarecare.figures.page import Body, Canvas, check_width, head_canvas, sheet
from rarecare.figures.plane import Plane, in_percent, round_ticks
from rarecare.figures.tables import Row, check_table, drawable, level_of, why_missing
from rarecare.results import WITHHELD

_MOST_UNITS, _MOST_STEPS = 40, 6
_ROW, _GAP = 24, 14
_LABEL = "Net survival at {} (%), over the case mix of all"


def decomposition_figure(
    table: pl.DataFrame,
    *,
    unit: str,
    time_years: float = 5,
    title: str,
    subtitle: str | None = None,
    note: str | None = None,
    synthetic: bool = False,
    width: float = 600,
) -> Figure:
    """Return net survival of units step by step, as determinants are made alike.

    Dots that draw together from one panel to the next have been explained by its determinant.

    Parameters
    ----------
    table
        ``Decomposition.units``.
    unit
        Its column of units: country, registry, hospital.
    time_years
        The time drawn.
    title, subtitle, note, synthetic, width
        As for ``survival_figure``.

    Raises
    ------
    ColumnError
        The table lacks a column.
    UsageError
        No rows at the time, several for one step and unit, more than 40 units or 6 steps, or the
        width is below 300.
    """
    check_width(width)
    needed = ("step", unit, "time_years", "estimate", "lower", "upper", "level", "status")
    check_table(table, needed, unique=["step", unit, "time_years"])
    chosen = table.filter((pl.col("time_years") - time_years).abs() < 1e-6)
    if chosen.is_empty():
        raise UsageError(
            "the table has no rows at this time", value=time_years,
            allowed=", ".join(f"{year:g}" for year in table["time_years"].unique().sort()),
        )  # fmt: skip
    steps = chosen["step"].unique(maintain_order=True).to_list()
    rows = {(row["step"], str(row[unit])): row for row in chosen.iter_rows(named=True)}
    first = {name: row for (step, name), row in rows.items() if step == steps[0]}
    names = sorted(first, key=lambda n: (not drawable(first[n]), -(first[n]["estimate"] or 0.0), n))
    if len(names) > _MOST_UNITS or len(steps) > _MOST_STEPS:
        raise UsageError(
            "too much for one figure", value=f"{len(names)} units, {len(steps)} steps",
            allowed=f"up to {_MOST_UNITS} units and {_MOST_STEPS} steps",
        )  # fmt: skip
    level = level_of(chosen)
    after = f"{time_years:g} years" if time_years != 1 else "1 year"
    head = head_canvas(
        width, title=title, synthetic=synthetic,
        subtitle=[*([subtitle] if subtitle else []),
                  f"Each panel makes one more determinant alike. Line: {level} interval; dashed: "
                  "the mean"],
    )  # fmt: skip
    head.height += 10
    body = _narrow if width < NARROW else _wide
    canvas = body(head.width, steps, names, rows)
    canvas.height += 4
    canvas.paragraph(_LABEL.format(after), "plain")
    foot = Canvas(head.width, 1)
    told = [
        f"{_head(step, steps)}: " + "; ".join(_said(name, rows.get((step, name))) for name in names)
        for step in steps
    ]
    return sheet(
        head, Body(canvas.view(0), 0, 0), foot, width=width, title=title,
        notes=[note] if note else [],
        description=[*([f"{SYNTHETIC}."] if synthetic else []), f"{_LABEL.format(after)}.",
                     *(f"{words}." for words in told)],
    )  # fmt: skip


def _wide(
    width: float, steps: Sequence[str], names: Sequence[str], rows: dict[tuple[str, str], Row]
) -> Canvas:
    """Return the panels side by side."""
    canvas = Canvas(width)
    left = min(max(text_width(name) for name in names) + 14, 0.3 * width)
    each = (width - left - 12 - _GAP * (len(steps) - 1)) / len(steps)
    heads = [wrap(_head(step, steps), width=each) for step in steps]
    top = LINE * (max(map(len, heads)) + 1) + 6
    tall = _ROW * len(names)
    ends = _ends(rows)
    for k, step in enumerate(steps):
        x = left + k * (each + _GAP)
        for line, words in enumerate(heads[k]):
            canvas.text(x, LINE * (line + 1) - 4, words, "strong")
        canvas.text(x, top - 10, _spread(step, rows), "soft")
        _panel(Plane(canvas, x, top, each, tall, ends), step, names, rows)
    for k, name in enumerate(names):
        lines = wrap(name, width=left - 14)
        canvas.text(left - 12, top + _ROW * (k + 0.5) + 4.5, lines[0], "plain", "right")
    canvas.height = top + tall + 22
    return canvas


def _narrow(
    width: float, steps: Sequence[str], names: Sequence[str], rows: dict[tuple[str, str], Row]
) -> Canvas:
    """Return the panels below one another."""
    canvas = Canvas(width)
    left = min(max(text_width(name) for name in names) + 14, 0.38 * width)
    ends = _ends(rows)
    y = 0.0
    for step in steps:
        for words in wrap(_head(step, steps), width=width):
            y += LINE
            canvas.text(0, y - 4, words, "strong")
        y += LINE
        canvas.text(0, y - 4, _spread(step, rows), "soft")
        y += 4
        tall = _ROW * len(names)
        _panel(Plane(canvas, left, y, width - left - 12, tall, ends), step, names, rows)
        for k, name in enumerate(names):
            lines = wrap(name, width=left - 12)
            canvas.text(left - 10, y + _ROW * (k + 0.5) + 4.5, lines[0], "plain", "right")
        y += tall + 30
    canvas.height = y - 8
    return canvas


def _panel(plane: Plane, step: str, names: Sequence[str], rows: dict[tuple[str, str], Row]) -> None:
    """Draw one step: rules, the mean, a dot per unit."""
    most = max(2, int(plane.width // 44))
    plane.columns(round_ticks(*plane.x, most), in_percent)
    shown = [row["estimate"] for (own, _), row in rows.items() if own == step and drawable(row)]
    if shown:
        plane.mark_column(sum(shown) / len(shown))
    for k, name in enumerate(names):
        y = plane.top + _ROW * (k + 0.5)
        row = rows.get((step, name))
        if row is not None and drawable(row):
            plane.across(y, row["lower"], row["upper"], row["estimate"])
        elif row is not None:
            shape = WITHHELD_SHAPE if row["status"] == WITHHELD else NOT_ESTIMABLE_SHAPE
            plane.canvas.sign(plane.left + 9, y, shape=shape, color=MISSING, size=130,
                              strokeWidth=1.2)  # fmt: skip


def _head(step: str, steps: Sequence[str]) -> str:
    return capital(step) if step == steps[0] else f"+ {step}"


def _spread(step: str, rows: dict[tuple[str, str], Row]) -> str:
    """Return how far the units lie apart, in words."""
    shown = [row["estimate"] for (own, _), row in rows.items() if own == step and drawable(row)]
    if len(shown) < 2:
        return "spread not known"
    return f"spread {100 * (max(shown) - min(shown)):.1f} points"


def _ends(rows: dict[tuple[str, str], Row]) -> tuple[float, float]:
    """Return the ends of the shared scale: all intervals, out to whole five percent."""
    values = [
        value for row in rows.values() if drawable(row)
        for value in (row["estimate"], row["lower"], row["upper"]) if value is not None
    ]  # fmt: skip
    if not values:
        return 0.0, 1.0
    low, high = math.floor(min(values) * 20) / 20, math.ceil(max(values) * 20) / 20
    return max(low, 0.0), max(high, low + 0.05)


def _said(name: str, row: Row | None) -> str:
    if row is None:
        return f"{name}: not given"
    if not drawable(row):
        return f"{name}: {why_missing(row)}"
    ends = (
        f" ({100 * row['lower']:.1f} to {100 * row['upper']:.1f})"
        if row["lower"] is not None and row["upper"] is not None
        else ""
    )
    return f"{name} {100 * row['estimate']:.1f}{ends}"
