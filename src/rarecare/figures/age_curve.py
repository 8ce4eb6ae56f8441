"""Age-specific rates: one line with its band per stratum, on a linear or a log axis."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import polars as pl

from rarecare.errors import UsageError
from rarecare.figures.dots import between, highest_of, said_value, ticks
from rarecare.figures.figure import Figure
from rarecare.figures.lines import Axes, Line, Point, draw_lines, x_title
from rarecare.figures.look import SYNTHETIC, listed
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
from rarecare.figures.words import say, to_say

AGE_GROUP = "age_group"
_NEEDED = (AGE_GROUP, "estimate", "lower", "upper", "level", "status")
_DECADE = 1000
"""Units of the log axis per factor of 10; enough digits for the width of its labels."""

_AGE, _ROOM = to_say("Age (years)"), 1.25
_STEPS: tuple[tuple[float, ...], ...] = ((1, 2, 5), (1, 3), (1,))
_Ages = tuple[float, float]


def age_curve_figure(
    table: pl.DataFrame,
    *,
    value_label: str,
    title: str,
    by: Sequence[str] = (),
    log: bool = False,
    subtitle: str | None = None,
    note: str | None = None,
    synthetic: bool = False,
    width: float = 600,
) -> Figure:
    """Return rates over age, a line with its band per stratum, labelled at its end.

    A rate stands in the middle of its ages; an open group is taken as wide as the one before.
    Ages that are missing, withheld or not estimable break the line and are said in words. Up
    to 6 strata share one plot; more become small multiples.

    Parameters
    ----------
    table
        Age-specific rates: the strata, ``age_group`` (``"0-4"``, ``"85+"``), ``estimate``,
        ``lower``, ``upper``, ``level``, ``status``, and where there is one, ``reason``.
    value_label
        What the numbers are, with their unit: "New cases per 100 000 person-years".
    by
        Strata.
    log
        Whether the axis of rates is logarithmic; a rate of 0 is then off it, and said.
    title, subtitle, note, synthetic, width
        As for ``rates_figure``.

    Raises
    ------
    ColumnError
        The table lacks a column.
    UsageError
        The table is empty, has several rows for one stratum and age, or an age group that is
        none; no rate can be drawn, there are more than 40 strata, or the width is below 300.
    """
    check_width(width)
    check_table(table, [*by, *_NEEDED], unique=[*by, AGE_GROUP])
    level = level_of(table)
    spans = age_spans(sorted(set(table[AGE_GROUP].to_list())))
    named = [
        (name, sorted(rows, key=lambda row: spans[row[AGE_GROUP]]))
        for name, rows in strata(table, by)
    ]
    lines, remarks = [], []
    for name, rows in named:
        line, missing = _line(name, rows, spans, log=log)
        lines.append(line)
        of = f"{name}, " if by else ""
        remarks += [
            not_shown(of + say("ages %(ages)s") % {"ages": listed(ages)}, why)
            for why, ages in missing.items()
        ]
    if not any(line.points for line in lines):
        raise UsageError(
            "no rate can be drawn", value=f"{table.height} rows",
            allowed="one or more with status ok" + (", above 0 on a log axis" if log else ""),
        )  # fmt: skip
    axes = _log_axes(lines, value_label, spans) if log else _axes(lines, value_label, spans)
    if log:
        lines = [_cut(line, axes.y_domain[0]) for line in lines]
    band = interval_words(level, band=True) + ("; the axis is logarithmic" if log else "")
    head = head_canvas(
        width, title=title, subtitle=[subtitle, band] if subtitle else [band], synthetic=synthetic
    )
    body = draw_lines(lines, axes, head, width=width)
    foot = Canvas(head.width, body.below)
    x_title(foot, axes, body)
    return sheet(
        head, body, foot, width=width, title=title, notes=[*remarks, *([note] if note else [])],
        description=[*([f"{say(SYNTHETIC)}."] if synthetic else []),
                     in_brackets(say("%(label)s by age") % {"label": value_label}, level),
                     *(words for name, rows in named for words in _words(name, rows)), *remarks],
    )  # fmt: skip


def age_spans(groups: Sequence[str]) -> dict[str, _Ages]:
    """Return from which age up to which each group goes, in years.

    From the youngest on. An open group is as wide as the widest of the others that ends where it
    begins, else 5.

    Raises
    ------
    UsageError
        A group is not written as ages.

    Examples
    --------
    >>> age_spans(["75-84", "85+", "0"])
    {'0': (0.0, 1.0), '75-84': (75.0, 85.0), '85+': (85.0, 95.0)}
    """
    spans: dict[str, _Ages] = {}
    for group in groups:
        found = re.fullmatch(r"(\d+)(?:\s*[-–]\s*(\d+)|(\+))?", str(group))
        if not found:
            raise UsageError(
                "this is no age group", value=group, allowed='ages such as "0-4", "85+"',
                remedy="Draw the rows of single age groups only.",
            )  # fmt: skip
        first = float(found[1])
        last = math.inf if found[3] else float(found[2] or found[1]) + 1
        spans[group] = first, last
    for group, (first, last) in spans.items():
        if last == math.inf:
            before = [first - a for a, b in spans.values() if b == first]
            spans[group] = first, first + max(before, default=5.0)
    return dict(sorted(spans.items(), key=lambda item: item[1]))


def _line(
    name: str, rows: Sequence[Row], spans: dict[str, _Ages], *, log: bool
) -> tuple[Line, dict[str, list[str]]]:
    """Return the unbroken runs of one stratum, and the ages not shown by their reason."""
    runs: list[list[Point]] = [[]]
    missing: dict[str, list[str]] = {}
    before = None
    for row in rows:
        first, last = spans[row[AGE_GROUP]]
        if before is not None and first != before:
            runs.append([])
        before = last
        why = None if drawable(row) else why_missing(row)
        if why is None and log and row["estimate"] <= 0:
            why = "rate 0, which a log axis does not have"
        if why is not None:
            runs.append([])
            missing.setdefault(why, []).append(row[AGE_GROUP])
            continue
        own = {column: row[column] for column in ("estimate", "lower", "upper")}
        if log:
            own = {column: _logged(value) for column, value in own.items()}
        middle = (first + last) / 2
        told = say("ages %(ages)s") % {"ages": row[AGE_GROUP]}
        runs[-1].append(Point(
            middle, own["estimate"], own["lower"], own["upper"], marked=True,
            tip=f"{told}: {said_value(row, between())}",
        ))  # fmt: skip
    return Line(name, tuple(tuple(run) for run in runs if run)), missing


def _logged(value: Any) -> Any:
    """Return a rate in units of the log axis; 0 is far below, and null stays null."""
    if value is None:
        return None
    return _DECADE * math.log10(value) if value > 0 else -math.inf


def _cut(line: Line, low: float) -> Line:
    """Return the line with its band cut at the lower end of the axis."""
    return Line(
        line.name,
        tuple(
            tuple(
                Point(
                    p.x, p.y, p.lower if p.lower is None else max(p.lower, low), p.upper, p.marked
                )
                for p in run
            )
            for run in line.runs
        ),
    )


def _axes(lines: Sequence[Line], label: str, spans: dict[str, _Ages]) -> Axes:
    points = [point for line in lines for point in line.points]
    highest = highest_of([(p.y, p.y if p.upper is None else p.upper) for p in points], None)
    x_ticks, x_domain = _age_axis(spans)
    return Axes(say(_AGE), label, x_ticks, ticks(highest, 6), x_domain, (0.0, highest))


def _log_axes(lines: Sequence[Line], label: str, spans: dict[str, _Ages]) -> Axes:
    """Return axes from below the lowest rate to the highest limit, bands cut at both ends."""
    points = [point for line in lines for point in line.points]
    room = _DECADE * math.log10(_ROOM)
    low = min(p.y for p in points) - room
    top = max(p.y for p in points) + _DECADE / 2
    high = min(top, max(p.y if p.upper is None else p.upper for p in points)) + room / 2
    powers = range(math.floor(low / _DECADE), math.ceil(high / _DECADE) + 1)
    for step in _STEPS:
        marks = [_DECADE * (power + math.log10(k)) for power in powers for k in step]
        inside = [round(mark) for mark in marks if low <= mark <= high]
        if len(inside) <= 7:
            break
    x_ticks, x_domain = _age_axis(spans)
    said = f"format(pow(10, datum.value / {_DECADE}), '.1~r')"
    return Axes(say(_AGE), label, x_ticks, inside, x_domain, (low, high), y_labels=said)


def _age_axis(spans: dict[str, _Ages]) -> tuple[list[float], tuple[float, float]]:
    """Return at most 7 ticks, and both ends of the axis of ages."""
    first, last = min(a for a, _ in spans.values()), max(b for _, b in spans.values())
    step = next((k for k in (1, 2, 5, 10, 15, 20) if (last - first) / k <= 6), 25)
    start = math.ceil(first / step) * step
    return [float(k) for k in range(start, int(last) + 1, step)], (first, last)


def _words(name: str, rows: Sequence[Row]) -> list[str]:
    """Return the highest and the lowest rate of a stratum in words."""
    shown = [row for row in rows if drawable(row)]
    if not shown:
        return []
    high = max(shown, key=lambda row: row["estimate"])
    low = min(shown, key=lambda row: row["estimate"])
    words = {"name": name, "ages": high[AGE_GROUP], "value": said_value(high, between())}
    if low is high:
        return [say("%(name)s: highest at ages %(ages)s, %(value)s.") % words]
    words |= {"low_ages": low[AGE_GROUP], "low": said_value(low, between())}
    said = say(
        "%(name)s: highest at ages %(ages)s, %(value)s; lowest at ages %(low_ages)s, %(low)s."
    )
    return [said % words]
