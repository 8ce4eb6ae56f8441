"""Rates and other estimates as dots on their intervals, or as lines over years."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import polars as pl

from rarecare.figures.dots import (
    Scale,
    between,
    draw_dots,
    highest_of,
    ordered,
    rare,
    said_value,
    spoken_name,
    ticks,
)
from rarecare.figures.figure import Figure
from rarecare.figures.lines import Axes, Line, Point, check_number, draw_lines, x_title
from rarecare.figures.look import LINE, SYNTHETIC, listed, wrap
from rarecare.figures.page import Canvas, check_width, head_canvas, sheet
from rarecare.figures.tables import (
    Row,
    check_table,
    drawable,
    in_brackets,
    interval_words,
    level_of,
    not_shown,
    strata,
    why_missing,
)
from rarecare.figures.words import digits, say

YEAR = "year"
_NEEDED = ("estimate", "lower", "upper", "level", "status")


def rates_figure(
    table: pl.DataFrame,
    *,
    value_label: str,
    by: Sequence[str],
    title: str,
    subtitle: str | None = None,
    note: str | None = None,
    synthetic: bool = False,
    threshold: float | None = None,
    width: float = 600,
) -> Figure:
    """Return one dot on its interval per stratum; over years, a line with its band.

    Rows are ordered by estimate, "all" first; what is withheld or not estimable is said in
    words below them. Where ``by`` has ``"year"``, time runs across and each other stratum
    is a line; years that are missing or not shown break it.

    Parameters
    ----------
    table
        One row per stratum: the strata, ``estimate``, ``lower``, ``upper``, ``level``,
        ``status``, and where there are such, ``n`` and ``reason``.
    value_label
        What the numbers are, with their unit: "New cases per 100 000 person-years".
    by
        Strata.
    title
        What the figure shows.
    subtitle
        Who, where and when.
    note
        Sentence below the drawing.
    synthetic
        Whether the data are made up: the drawing then says so.
    threshold
        In units of the estimate: a line below which a cancer is rare (6 per 100 000).
    width
        In px: 600 on a page, 340 on a phone.

    Raises
    ------
    ColumnError
        The table lacks a column.
    UsageError
        The table is empty or has several rows for one stratum, there are more than 40
        strata, or the width is below 300.
    """
    check_width(width)
    check_table(table, [*by, *_NEEDED], unique=list(by))
    level = level_of(table)
    over_years = YEAR in by
    interval = interval_words(level, band=over_years and len(set(table[YEAR].to_list())) > 1)
    head = head_canvas(
        width,
        title=title,
        subtitle=[subtitle, interval] if subtitle else [interval],
        synthetic=synthetic,
    )
    foot = Canvas(head.width)
    if over_years:
        lines, remarks = _over_years(table, [name for name in by if name != YEAR])
        axes = _axes(lines, value_label, threshold)
        body = draw_lines(lines, axes, head, width=width)
        foot.height = body.below
        x_title(foot, axes, body)
        words = _line_words(lines)
    else:
        rows = ordered([(name, own[0]) for name, own in strata(table, by)])
        check_number([name for name, _ in rows])
        body = draw_dots(rows, head, _scale(rows, threshold), width=width)
        foot.height = body.below
        for k, line in enumerate(wrap(value_label, width=head.width - body.left)):
            foot.text(body.left, 38 + k * LINE, line, "plain")
            foot.height += LINE if k else 0
        words, remarks = _dot_words(rows), []
    if threshold is not None:
        words.append(
            say("A line marks %(limit)s: cancers below it are rare.")
            % {"limit": digits(f"{threshold:g}")}
        )
    return sheet(
        head, body, foot, width=width, title=title, notes=[*remarks, *([note] if note else [])],
        description=[*([f"{say(SYNTHETIC)}."] if synthetic else []),
                     in_brackets(value_label, level), *words, *remarks],
    )  # fmt: skip


def _scale(rows: Sequence[tuple[str, Row]], threshold: float | None) -> Scale:
    shown = [row for _, row in rows if drawable(row)]
    highest = highest_of(
        [(row["estimate"], max(row["estimate"], row["upper"] or 0.0)) for row in shown], threshold
    )
    line = (threshold, rare(threshold)) if threshold is not None else None
    return Scale(highest, partial(ticks, highest), said_value, line=line)


def _over_years(table: pl.DataFrame, by: Sequence[str]) -> tuple[list[Line], list[str]]:
    """Return one line per stratum, with a gap where a year is missing or not shown."""
    lines, remarks = [], []
    for name, rows in strata(table.sort(YEAR, maintain_order=True), by):
        runs: list[list[Point]] = [[]]
        before = None
        missing: dict[str, list[str]] = {}
        for row in rows:
            if before is not None and row[YEAR] != before + 1:
                runs.append([])
            before = row[YEAR]
            if not drawable(row):
                runs.append([])
                missing.setdefault(why_missing(row), []).append(str(row[YEAR]))
                continue
            values = row["estimate"], row["lower"], row["upper"]
            told = f"{row[YEAR]}: {said_value(row, between())}"
            runs[-1].append(Point(float(row[YEAR]), *values, marked=True, tip=told))
        lines.append(Line(name, tuple(tuple(run) for run in runs if run)))
        of = f"{name}, " if by else ""
        remarks += [not_shown(f"{of}{listed(years)}", why) for why, years in missing.items()]
    return lines, remarks


def _axes(lines: Sequence[Line], label: str, threshold: float | None) -> Axes:
    points = [point for line in lines for point in line.points]
    highest = highest_of([(p.y, p.y if p.upper is None else p.upper) for p in points], threshold)
    years = [point.x for point in points] or [0.0]
    first, last = min(years), max(years)
    step = next((k for k in (1, 2, 5, 10, 20) if (last - first) / k <= 5), 50)
    y_ticks = ticks(highest, 6)
    return Axes(
        x_title=say("Year"),
        y_title=label,
        x_ticks=[first + step * k for k in range(int((last - first) / step) + 1)],
        y_ticks=y_ticks,
        x_domain=(first - 0.4, last + 0.4),
        y_domain=(0.0, highest),
        full=threshold,
        full_label=rare(threshold) if threshold is not None else "",
    )


def _dot_words(rows: Sequence[tuple[str, Row]]) -> list[str]:
    """Return each value in words; of more than 12, the first and the last."""
    said = [
        f"{spoken_name(name)}: {said_value(row, between())}." for name, row in rows if drawable(row)
    ]
    if len(said) > 12:
        first, last = say("First: %(value)s"), say("Last: %(value)s")
        said = [
            say("%(n)s groups.") % {"n": len(said)},
            first % {"value": said[0]}, last % {"value": said[-1]},
        ]  # fmt: skip
    return said + [f"{name}: {why_missing(row)}." for name, row in rows if not drawable(row)]


def _line_words(lines: Sequence[Line]) -> list[str]:
    """Return the first and the last year of each line in words."""
    words = []
    for line in lines:
        ends = dict.fromkeys([line.points[0], line.points[-1]] if line.points else [])
        said = []
        for point in ends:
            row = {"estimate": point.y, "lower": point.lower, "upper": point.upper}
            value = said_value(row, between())
            said.append(say("%(value)s in %(year)s") % {"value": value, "year": f"{point.x:.0f}"})
        if said:
            words.append(f"{line.name}: {listed(said)}.")
    return words
