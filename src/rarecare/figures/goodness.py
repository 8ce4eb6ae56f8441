"""A model's net survival beside the life-table estimates of the same strata."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from rarecare.errors import UsageError
from rarecare.figures.figure import Figure
from rarecare.figures.look import INK, LINE, NARROW, SYNTHETIC, wrap
from rarecare.figures.page import Body, Canvas, check_width, head_canvas, sheet
from rarecare.figures.plane import Plane, in_percent
from rarecare.figures.tables import Row, check_table, drawable, level_of, strata, why_missing

_NEEDED = ("time_years", "estimate", "lower", "upper", "model", "residual", "level", "status")
_MOST, _TALL = 12, 150
_QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)


def goodness_figure(
    table: pl.DataFrame,
    *,
    by: Sequence[str],
    title: str,
    subtitle: str | None = None,
    note: str | None = None,
    synthetic: bool = False,
    width: float = 600,
) -> Figure:
    """Return one panel per stratum: observed net survival as dots, the model as a line.

    Parameters
    ----------
    table
        Of ``rarecare.models.goodness``.
    by
        Strata.
    title, subtitle, note, synthetic, width
        As for ``survival_figure``.

    Raises
    ------
    ColumnError
        The table lacks a column.
    UsageError
        There are no rows, several for one stratum and time, more than 12 strata, or the width is
        below 300.
    """
    check_width(width)
    check_table(table, [*by, *_NEEDED], unique=[*by, "time_years"])
    panels = list(strata(table, by))
    if len(panels) > _MOST:
        raise UsageError(
            "too many strata for one figure", value=len(panels), allowed=f"up to {_MOST}"
        )
    level = level_of(table)
    head = head_canvas(
        width, title=title, synthetic=synthetic,
        subtitle=[*([subtitle] if subtitle else []),
                  f"Net survival (%) by years since diagnosis. Dot: observed, with its {level} "
                  "interval; line: the model"],
    )  # fmt: skip
    canvas = Canvas(head.width)
    across = 1 if width < NARROW else 3 if len(panels) > 4 else 2
    each = (head.width - 34 * across - 14 * (across - 1)) / across
    last = float(table["time_years"].max())  # type: ignore[arg-type]
    y = 6.0
    for start in range(0, len(panels), across):
        row = panels[start : start + across]
        words = [(wrap(name, width=each), wrap(_largest(rows), width=each)) for name, rows in row]
        tall = LINE * max(len(a) + len(b) for a, b in words)
        for k, ((name, said), (_, rows)) in enumerate(zip(words, row, strict=True)):
            left = 34 + k * (each + 34 + 14)
            for line, text in enumerate((*name, *said)):
                canvas.text(left, y + LINE * (line + 1) - 4, text,
                            "strong" if line < len(name) else "soft")  # fmt: skip
            _panel(Plane(canvas, left, y + tall + 8, each - 6, _TALL, (0.0, last * 1.03)), rows)
        y += tall + _TALL + 44
    canvas.height = y - 8
    told = [f"{name}: {_largest(rows)}" for name, rows in panels]
    return sheet(
        head, Body(canvas.view(0), 0, 0), Canvas(head.width, 1), width=width, title=title,
        notes=[note] if note else [],
        description=[*([f"{SYNTHETIC}."] if synthetic else []),
                     "A model beside life-table estimates of net survival.",
                     *(f"{words}." for words in told)],
    )  # fmt: skip


def _panel(plane: Plane, rows: Sequence[Row]) -> None:
    plane.rows(_QUARTERS, in_percent)
    last = plane.x[1] / 1.03
    step = 1 if last <= 5 else 2 if last <= 10 else 5
    plane.columns([float(t) for t in range(0, int(last + 1e-9) + 1, step)], lambda v: f"{v:g}")
    model = [(row["time_years"], row["model"]) for row in rows if row["model"] is not None]
    plane.curve([(0.0, 1.0), *model], color=INK, strokeWidth=1.6)
    for row in rows:
        if drawable(row):
            plane.upright(row["time_years"], row["lower"], row["upper"], min(row["estimate"], 1.0))


def _largest(rows: Sequence[Row]) -> str:
    """Return the largest gap between observed and model, in words."""
    shown = [row for row in rows if drawable(row) and row["residual"] is not None]
    if not shown:
        return why_missing(rows[0])
    worst = max(shown, key=lambda row: abs(row["residual"]))
    years = worst["time_years"]
    after = "1 year" if abs(years - 1) < 1e-6 else f"{years:.3g} years"
    return f"largest gap {100 * abs(worst['residual']):.1f} points, at {after}"
