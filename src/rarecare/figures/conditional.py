"""Conditional survival: how those fare who have lived some years."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from rarecare.figures.figure import Figure
from rarecare.figures.lines import Axes, Line, Point, draw_lines, x_title
from rarecare.figures.look import SYNTHETIC, listed, percent
from rarecare.figures.page import Canvas, check_width, head_canvas, sheet
from rarecare.figures.tables import Row, check_table, drawable, level_of, strata, why_missing

_NEEDED = ("method", "given_years", "time_years", "estimate", "lower", "upper", "level", "status")
AHEAD = "_ahead"


def conditional_figure(
    table: pl.DataFrame,
    *,
    by: Sequence[str],
    title: str,
    subtitle: str | None = None,
    note: str | None = None,
    synthetic: bool = False,
    width: float = 600,
) -> Figure:
    """Return survival over further years against the years already lived.

    One line with its band per stratum; several numbers of years ahead are lines of their own.

    Parameters
    ----------
    table
        As ``conditional_survival`` returns it: the strata, ``method``, ``given_years``,
        ``time_years``, ``estimate``, ``lower``, ``upper``, ``level``, ``status``, ``reason``.
    by
        Strata. Several methods are strata of their own.
    title, subtitle, note, synthetic, width
        As for ``survival_figure``.

    Raises
    ------
    ColumnError
        The table lacks a column.
    UsageError
        The table is empty or has several rows for one point, there are more than 40 strata,
        or the width is below 300.
    """
    check_width(width)
    several = [name for name in ("method",) if name in table.columns and table[name].n_unique() > 1]
    check_table(table, [*by, *_NEEDED], unique=[*by, *several, "given_years", "time_years"])
    ahead = (pl.col("time_years") - pl.col("given_years")).round(3)
    table = table.with_columns(ahead.alias("_k"))
    spans = table["_k"].unique().sort().to_list()
    keys = [*by, *several]
    if len(spans) > 1:
        words = {k: f"{_years(k)} more" for k in spans}
        table = table.with_columns(pl.col("_k").replace_strict(words).alias(AHEAD))
        keys.append(AHEAD)
    level = level_of(table)
    lines, remarks = [], []
    for name, rows in strata(table.sort("given_years", maintain_order=True), keys):
        lines.append(_line(name, rows))
        remarks += [
            f"Not shown: {name}, after {_years(row['given_years'])}, {why_missing(row)}."
            for row in rows
            if not drawable(row)
        ]
    said = _years(spans[0]) if len(spans) == 1 else "more years"
    given = sorted(table["given_years"].unique().to_list())
    head = head_canvas(
        width,
        title=title,
        subtitle=[*([subtitle] if subtitle else []), f"Band: {level} interval"],
        synthetic=synthetic,
    )
    axes = _axes(lines, given, f"Survival over {said} of those alive (%)")
    body = draw_lines(lines, axes, head, width=width)
    foot = Canvas(head.width, body.below)
    x_title(foot, axes, body)
    return sheet(
        head, body, foot, width=width, title=title, notes=[*remarks, *([note] if note else [])],
        description=[*([f"{SYNTHETIC}."] if synthetic else []),
                     f"Survival over {said}, in brackets the {level} interval.",
                     *_words(lines), *remarks],
    )  # fmt: skip


def _years(years: float) -> str:
    near = round(years, 2)
    return "1 year" if near == 1 else f"{near:g} years"


def _line(name: str, rows: Sequence[Row]) -> Line:
    runs: list[list[Point]] = [[]]
    for row in rows:
        if not drawable(row):
            runs.append([])
            continue
        limits = row["lower"], row["upper"]
        runs[-1].append(Point(float(row["given_years"]), row["estimate"], *limits, marked=True))
    return Line(name, tuple(tuple(run) for run in runs if run))


def _axes(lines: Sequence[Line], given: Sequence[float], y_title: str) -> Axes:
    values = [p.y if p.upper is None else p.upper for line in lines for p in line.points]
    top = 1.0 if max(values, default=1.0) <= 1 else min(max(values), 1.5)
    first, last = given[0], given[-1]
    room = 0.04 * (last - first) or 0.5
    return Axes(
        x_title="Years already lived since diagnosis",
        y_title=y_title,
        x_ticks=list(given),
        y_ticks=[0, 0.25, 0.5, 0.75, 1.0],
        x_domain=(first - (room if first > 0 else 0.0), last + room),
        y_domain=(0.0, top),
        y_labels="round(100 * datum.value)",
        full=1.0 if top > 1 else None,
    )


def _words(lines: Sequence[Line]) -> list[str]:
    words = []
    for line in lines:
        said = [
            f"{percent(p.y)}"
            + (f" ({100 * p.lower:.0f} to {100 * p.upper:.0f})"
               if p.lower is not None and p.upper is not None else "")
            + f" after {_years(p.x)}"
            for p in line.points
        ]  # fmt: skip
        if said:
            words.append(f"{line.name}: {listed(said)}.")
    return words
