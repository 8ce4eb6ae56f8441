"""The trade-off of a scenario: the volume that hospitals reach against the distance travelled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import polars as pl

from rarecare.errors import UsageError
from rarecare.figures.dots import ticks
from rarecare.figures.fan import axis_width, said_limit
from rarecare.figures.figure import Figure
from rarecare.figures.look import INK_SOFT, NARROW, SERIES, SYNTHETIC, text_width
from rarecare.figures.page import Body, Canvas, check_width, head_canvas, sheet
from rarecare.figures.plane import Plane, dot, ring
from rarecare.figures.tables import Row, check_table, drawable

TODAY = "today"
_NEEDED = ("hospitals", "measure", "estimate", "unit", "method", "status")


def trade_off_figure(
    table: pl.DataFrame,
    *,
    title: str,
    volume: str = "smallest volume",
    distance: str = "mean distance",
    threshold: float | None = None,
    subtitle: str | None = None,
    note: str | None = None,
    synthetic: bool = False,
    width: float = 600,
) -> Figure:
    """Return the volume reached against the distance, a point per number of hospitals.

    The volume has a logarithmic scale: doubling it is as long everywhere.

    Parameters
    ----------
    table
        Of ``rarecare.care.scenario.concentrate``: one row per number of hospitals and measure;
        the rows of ``method`` ``"today"`` are drawn as a ring.
    volume, distance
        Measures up and to the right.
    threshold
        A volume to mark, in patients per year.
    title, subtitle, note, synthetic, width
        As for ``rates_figure``.

    Raises
    ------
    ColumnError
        The table lacks a column.
    UsageError
        There is no such measure, several rows for one number of hospitals, nothing can be
        drawn, or the width is below 300.
    """
    check_width(width)
    check_table(table, _NEEDED, unique=["hospitals", "measure", "method"])
    ups, rights = (_measure(table, name) for name in (volume, distance))
    shown = [(row, rights[key]) for key, row in ups.items() if key in rights]
    shown = [(a, b) for a, b in shown if drawable(a) and drawable(b)]
    if not shown:
        raise UsageError("nothing can be drawn", value=f"{table.height} rows", allowed="status ok")
    y_label = f"{volume.capitalize()} of the hospitals, {shown[0][0]['unit']}"
    x_label = f"{distance.capitalize()} to the hospital, {shown[0][1]['unit']}"
    today = [(a, b) for a, b in shown if a["method"] == TODAY]
    future = sorted(((a, b) for a, b in shown if a["method"] != TODAY),
                    key=lambda pair: pair[0]["hospitals"])  # fmt: skip
    said = "A number: care in so many hospitals" + (". Diamond: today" if today else "")
    head = head_canvas(
        width, title=title, subtitle=[*([subtitle] if subtitle else []), said], synthetic=synthetic
    )
    head.height += 8
    head.paragraph(f"{y_label} (logarithmic scale)", "plain")
    canvas = Canvas(head.width)
    _draw(canvas, future, today, threshold, narrow=width < NARROW)
    canvas.paragraph(x_label, "plain")
    missing = len(set(ups) | set(rights)) - len(shown)
    remarks = [f"Not drawn, withheld or not estimable: {missing}"] if missing else []
    return sheet(
        head, Body(canvas.view(0), 0, 0), Canvas(head.width, 1), width=width, title=title,
        notes=[*remarks, *([note] if note else [])],
        description=[*([f"{SYNTHETIC}."] if synthetic else []), f"{y_label}, against {x_label}.",
                     *(_words(a, b) for a, b in (*future, *today)), *remarks],
    )  # fmt: skip


def _measure(table: pl.DataFrame, name: str) -> dict[tuple[int, bool], Row]:
    """Return the rows of a measure by number of hospitals, today's apart."""
    own = table.filter(pl.col("measure") == name)
    if own.is_empty():
        raise UsageError("the scenario has no such measure", value=name,
                         allowed=table["measure"].unique().sort().to_list())  # fmt: skip
    return {(row["hospitals"], row["method"] == TODAY): row for row in own.iter_rows(named=True)}


def _words(up: Row, right: Row) -> str:
    number = f"{up['hospitals']} hospital{'s' if up['hospitals'] != 1 else ''}"
    when = "Today, " if up["method"] == TODAY else "In "
    return (f"{when}{number}: {up['estimate']:.3g} {up['unit']}, {right['estimate']:.3g} "
            f"{right['unit']}.")  # fmt: skip


def _draw(
    canvas: Canvas, future: Sequence[tuple[Row, Row]], today: Sequence[tuple[Row, Row]],
    threshold: float | None, *, narrow: bool,
) -> None:  # fmt: skip
    points = [(b["estimate"], a["estimate"]) for a, b in (*future, *today)]
    values = [y for _, y in points] + ([threshold] if threshold else [])
    low, high = math.log10(min(values) / 1.25), math.log10(max(values) * 1.25)
    end = 1.06 * max(x for x, _ in points) or 1.0
    marks = log_ticks(low, high)
    left = axis_width([10**high], 2)
    plane = Plane(canvas, left, 14, canvas.width - left - 12, 240 if narrow else 300,
                  (0.0, end), (low, high))  # fmt: skip
    plane.rows([math.log10(mark) for mark in marks], lambda v: said_limit(round(10**v, 10)))
    bottom = plane.top + plane.height
    canvas.line(plane.left, bottom, plane.left + plane.width, bottom, color=INK_SOFT)
    plane.columns(ticks(end, 5 if narrow else 8), said_limit)
    if threshold:
        y = plane.at_y(math.log10(threshold))
        canvas.line(plane.left, y, plane.left + plane.width, y, color=INK_SOFT, strokeDash=[2, 3])
        canvas.text(plane.left + plane.width, y - 5, f"Threshold {threshold:g}", "plain", "right")
    line = [(b["estimate"], math.log10(a["estimate"])) for a, b in future]
    plane.curve(line, color=SERIES[0], strokeWidth=1.5, opacity=0.6)
    for x, y in line:
        dot(canvas, plane.at_x(x), plane.at_y(y))
    taken: list[tuple[float, float, float]] = []
    for up, right in today:
        x, y = plane.at_x(right["estimate"]), plane.at_y(math.log10(up["estimate"]))
        ring(canvas, x, y)
        words = f"Today: {up['hospitals']}"
        wide = text_width(words)
        start = x + 9 if x + 9 + wide < canvas.width else x - 9 - wide
        canvas.text(start, y - 7, words, "plain")
        taken.append((start, y - 7, wide))
    for (x, y), (up, _) in zip(line, future, strict=True):
        words = str(up["hospitals"])
        _label(canvas, words, plane.at_x(x) - text_width(words) / 2, plane.at_y(y) - 9, taken)
    canvas.height = bottom + 24


def _label(
    canvas: Canvas, words: str, x: float, y: float, taken: list[tuple[float, float, float]]
) -> None:
    """Write a label where it lies on no other, else leave it out: its neighbours have theirs."""
    wide = text_width(words)
    free: Any = all(
        abs(y - b) >= 15 or x + wide + 2 < a or a + other + 2 < x for a, b, other in taken
    )
    if free:
        canvas.text(x, y, words, "strong")
        taken.append((x, y, wide))


def log_ticks(low: float, high: float) -> list[float]:
    """Return round values between two powers of 10: 1, 2 and 5 of each, or the powers alone.

    >>> log_ticks(0.0, 1.2)
    [1.0, 2.0, 5.0, 10.0]
    """
    steps = (1.0, 2.0, 5.0) if high - low < 3 else (1.0,)
    found = [
        round(step * 10.0**power, 10)
        for power in range(math.floor(low), math.ceil(high) + 1)
        for step in steps
    ]
    return [value for value in found if low - 1e-9 <= math.log10(value) <= high + 1e-9]
