"""The Lexis map: rates by age (up) and period (right) in six classes, with birth cohorts."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import pairwise

import polars as pl

from rarecare.errors import ColumnError, UsageError
from rarecare.figures.age_curve import AGE_GROUP, age_spans
from rarecare.figures.dots import digits_of
from rarecare.figures.fan import batch, period_spans, said_limit
from rarecare.figures.figure import Figure
from rarecare.figures.look import (
    INK,
    INK_SOFT,
    LINE,
    MISSING,
    NARROW,
    PAPER,
    SYNTHETIC,
    capital,
    listed,
    text_width,
)
from rarecare.figures.page import Body, Canvas, check_width, head_canvas, sheet
from rarecare.figures.plane import Plane
from rarecare.figures.tables import Row, check_table, why_missing
from rarecare.figures.words import say, to_say
from rarecare.results import OK, OWN_WITHHELD, WITHHELD

SEQUENTIAL = ("#dcebe3", "#b3d6c6", "#84bda7", "#529f88", "#267d68", "#0c5546")
"""Classes of a map, low to high, as in the project's visual guide."""

VOID = "#f3f3f0"
NO_DATA, NO_PERSON_YEARS, NOT_ESTIMABLE = "no data", "no person-years", "not estimable"
FORETOLD = "foretold"
_ROUND = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
_SKEWED = 4.0
XY = tuple[float, float]
Ring = list[XY]
Area = list[list[Ring]]
Box = tuple[float, float, float, float]
Spans = dict[str, tuple[float, float]]


def lexis_figure(
    table: pl.DataFrame,
    *,
    value_label: str,
    title: str,
    value: str = "estimate",
    subtitle: str | None = None,
    note: str | None = None,
    synthetic: bool = False,
    width: float = 600,
) -> Figure:
    """Return a map of rates: a cell per age group and period, and thin lines of birth cohorts.

    Cells are as long as their years. What is withheld is hatched, what is not estimable dotted;
    a cell without person-years has a dashed edge and no fill, one without a row is grey.

    Parameters
    ----------
    table
        One row per cell: ``age_group`` (``"0-4"``, ``"85+"``), ``period`` (``"2010-2014"``,
        ``"2012"``) or ``year``, the value, ``status``, and where there are such,
        ``person_years`` and ``reason``.
    value_label
        What the numbers are, with their unit: "New cases per 100 000 person-years".
    value
        The column drawn.
    title, subtitle, note, synthetic, width
        As for ``rates_figure``.

    Raises
    ------
    ColumnError
        The table lacks a column.
    UsageError
        The table is empty, has several rows for one cell, or an age group or period that is
        none; periods or ages overlap, no cell has a value, or the width is below 300.
    """
    check_width(width)
    period = _period_column(table)
    check_table(table, [AGE_GROUP, period, value, "status"], unique=[AGE_GROUP, period])
    ages = age_spans(table[AGE_GROUP].unique().to_list())
    times = period_spans(table[period].unique().to_list())
    _check_apart(ages, "age groups")
    _check_apart(times, "periods")
    cells = {(row[AGE_GROUP], str(row[period])): row for row in table.iter_rows(named=True)}
    shown = {key: float(row[value]) for key, row in cells.items() if kind_of(row, value) == OK}
    if not shown:
        raise UsageError(
            "no cell has a value", value=f"{len(cells)} cells", allowed="one or more with status ok"
        )
    head = head_canvas(
        width, title=title, synthetic=synthetic,
        subtitle=[*([subtitle] if subtitle else []),
                  "A cell: one age group in one period. Thin lines: people born in one year"],
    )  # fmt: skip
    head.height += 8
    limits = classes(list(shown.values()))
    kinds = {(age, time): kind_of(cells.get((age, time)), value) for age in ages for time in times}
    canvas = _drawn(head.width, ages, times, kinds, shown, limits=limits, narrow=width < NARROW)
    legend(
        canvas,
        list(shown.values()),
        value_label,
        [kind for kind in VOIDS if kind in kinds.values()],
    )
    remarks = _remarks(cells, times, kinds)
    return sheet(
        head, Body(canvas.view(0), 0, 0), Canvas(head.width, 1), width=width, title=title,
        notes=[*remarks, *([note] if note else [])],
        description=[*([f"{SYNTHETIC}."] if synthetic else []),
                     f"{value_label} by age group and period.",
                     *_words(shown, ages, times), *remarks],
    )  # fmt: skip


def kind_of(row: Row | None, value: str = "estimate") -> str:
    """Return ``"ok"``, or how a cell or an area without a value of its own is drawn."""
    if row is None:
        return NO_DATA
    if row["status"] == OK and row[value] is not None:
        return OK if row.get("method") != OWN_WITHHELD else FORETOLD
    if row["status"] == WITHHELD:
        return WITHHELD
    none = row.get("person_years") == 0 or (row.get("reason") or "").startswith(NO_PERSON_YEARS)
    return NO_PERSON_YEARS if none else NOT_ESTIMABLE


def classes(values: Sequence[float]) -> list[float]:
    """Return the limits between up to six classes: round numbers, at most five.

    Values that differ by a factor above 4 are cut near their sixths, others in equal steps.

    Examples
    --------
    >>> classes([0.05, 0.11, 0.16, 0.21, 0.34, 0.55, 0.9])
    [0.1, 0.15, 0.2, 0.3, 0.5]
    >>> classes([43, 48, 56, 66])
    [45.0, 50.0, 55.0, 60.0, 65.0]
    """
    low, high = min(values), max(values)
    if low == high:
        return []
    positive = sorted(value for value in values if value > 0)
    if low >= 0 and high > _SKEWED * low and len(positive) > 1:
        cuts = [positive[len(positive) * k // 6] for k in range(1, 6)]
        limits = sorted({cut for cut in map(_rounded, cuts) if low < cut <= high})
        if limits:
            return limits
    power = 10.0 ** (math.floor(math.log10(high - low)) - 1)
    for step in (power * k for k in (1, 2, 5, 10, 20, 50)):
        first, last = math.floor(low / step + 1e-9) + 1, math.floor(high / step + 1e-9)
        if last - first < 5:
            return [round(step * k, 10) for k in range(first, last + 1)]
    return []


def _rounded(value: float) -> float:
    """Return the nearest of 1, 1.5, 2, 3, 5, 7 times a power of 10, by ratio."""
    power = 10.0 ** math.floor(math.log10(value))
    near = min((*_ROUND, 10.0), key=lambda k: abs(math.log(value / power / k)))
    return float(f"{power * near:.2g}")


def colour_of(value: float, limits: Sequence[float]) -> str:
    """Return the colour of a value's class; few classes take colours far apart."""
    place = sum(value >= limit for limit in limits)
    return _palette(len(limits) + 1)[place]


def _palette(number: int) -> list[str]:
    if number == 1:
        return [SEQUENTIAL[2]]
    return [SEQUENTIAL[round(k * 5 / (number - 1))] for k in range(number)]


def void(canvas: Canvas, kind: str, boxes: Sequence[Box]) -> None:
    """Draw boxes without a value of their own: hatched, dotted, or with a dashed edge."""
    rows = [{"x": x, "y": y, "x2": x2, "y2": y2} for x, y, x2, y2 in boxes]
    if kind in (FORETOLD, WITHHELD, NOT_ESTIMABLE):
        batch(canvas, "rect", rows, color=SEQUENTIAL[1] if kind == FORETOLD else VOID)
        corners = [[(x, y), (x2, y), (x2, y2), (x, y2), (x, y)] for x, y, x2, y2 in boxes]
        fill_void(canvas, kind, [[[ring]] for ring in corners])
    else:
        fill = VOID if kind == NO_DATA else PAPER
        batch(canvas, "rect", rows, fill=fill, stroke=MISSING, strokeWidth=0.8, strokeDash=[2, 2])


def fill_void(canvas: Canvas, kind: str, areas: Sequence[Area], *, apart: float = 6.0) -> None:
    """Hatch what is withheld or foretold, dot what is not estimable; ``apart`` in px."""
    if kind in (FORETOLD, WITHHELD):
        lines = [
            {"x": x, "y": y, "x2": x2, "y2": y2}
            for area in areas
            for (x, y), (x2, y2) in hatching(area, apart=0.72 * apart, turn=math.pi / 4)
        ]
        if kind == FORETOLD:  # seen on dark colours too
            batch(canvas, "rule", lines, color=PAPER, strokeWidth=2.8)
        batch(canvas, "rule", lines, color=MISSING, strokeWidth=1.2)
    elif kind == NOT_ESTIMABLE:
        dots = [
            {"x": apart * k, "y": y}
            for area in areas
            for (left, y), (right, _) in hatching(area, apart=apart, turn=0.0)
            for k in range(math.ceil((left + 1) / apart), math.floor((right - 1) / apart) + 1)
        ]
        batch(canvas, "point", dots, color=MISSING, shape="circle", filled=True, size=5, opacity=1)


def hatching(polygons: Area, *, apart: float, turn: float) -> list[tuple[XY, XY]]:
    """Return parallel lines within polygons; holes stay free.

    Parameters
    ----------
    polygons
        Rings in px, each closed.
    apart
        Distance of the lines, in px.
    turn
        Angle by which they rise to the right, in radians.

    Examples
    --------
    >>> square = [(0.0, 1.0), (4.0, 1.0), (4.0, 5.0), (0.0, 5.0), (0.0, 1.0)]
    >>> hatching([[square]], apart=2, turn=0)
    [((0.0, 2.0), (4.0, 2.0)), ((0.0, 4.0), (4.0, 4.0))]
    """
    cos, sin = math.cos(turn), math.sin(turn)
    crossings: dict[int, list[float]] = {}
    for ring in (ring for rings in polygons for ring in rings):
        turned = [(x * cos - y * sin, x * sin + y * cos) for x, y in ring]
        for (u, v), (u2, v2) in pairwise(turned):
            low, high = min(v, v2), max(v, v2)
            # a line counts from the lower end of an edge up to below its upper end
            for k in range(math.ceil(low / apart), math.ceil(high / apart)):
                crossings.setdefault(k, []).append(u + (k * apart - v) / (v2 - v) * (u2 - u))
    lines = []
    for k, found in sorted(crossings.items()):
        found.sort()
        for u, u2 in zip(found[::2], found[1::2], strict=True):
            v = k * apart
            lines.append(((u * cos + v * sin, v * cos - u * sin),
                          (u2 * cos + v * sin, v * cos - u2 * sin)))  # fmt: skip
    return lines


VOIDS = {
    FORETOLD: to_say("Foretold, count withheld"),
    WITHHELD: to_say("Withheld"), NOT_ESTIMABLE: to_say("Not estimable"),
    NO_PERSON_YEARS: to_say("No person-years"), NO_DATA: to_say("No data"),
}  # fmt: skip


def legend(canvas: Canvas, values: Sequence[float], label: str, voids: Sequence[str]) -> None:
    """Draw the classes of values with their limits below the canvas, then what has no value."""
    limits = classes(values)
    canvas.height += 8
    canvas.paragraph(label, "plain")
    top, number = canvas.height + 4, len(limits) + 1
    long = min(56.0, (canvas.width - 20) / number)
    for k, colour in enumerate(_palette(number)):
        canvas.box(k * long, top, (k + 1) * long - 2, top + 14, color=colour)
    for k, limit in enumerate(limits):
        canvas.text((k + 1) * long - 1, top + 30, said_limit(limit), "soft", "center")
    if not limits:
        canvas.text(
            long + 6, top + 11.5, say("all %(value)s") % {"value": said_limit(values[0])}, "soft"
        )
    canvas.height = top + (36 if limits else 20)
    x, y = 2.0, canvas.height + 6
    for kind in voids:
        words = say(VOIDS[kind])
        wide = 30 + text_width(words)
        if x > 2 and x + wide > canvas.width:
            x, y = 2.0, y + LINE + 4
        void(canvas, kind, [(x, y, x + 20, y + 14)])
        canvas.text(x + 27, y + 11.5, words, "soft")
        x += wide + 18
    canvas.height = y + LINE + 4 if voids else canvas.height


def _period_column(table: pl.DataFrame) -> str:
    name = next((name for name in ("period", "year") if name in table.columns), None)
    if name is None:
        raise ColumnError(
            "the figure needs a column that the table has not", value="period",
            allowed=table.columns, remedy="It may also be named year.",
        )  # fmt: skip
    return name


def _check_apart(spans: Spans, what: str) -> None:
    before: tuple[str, float] | None = None
    for name, (first, last) in sorted(spans.items(), key=lambda item: item[1]):
        if before is not None and first < before[1]:
            raise UsageError(
                f"{what} overlap", value=f"{before[0]} and {name}", allowed=f"{what} apart",
                remedy="Draw a part of the table.",
            )  # fmt: skip
        before = name, last


def _drawn(
    width: float, ages: Spans, times: Spans,
    kinds: dict[tuple[str, str], str], shown: dict[tuple[str, str], float], *,
    limits: Sequence[float], narrow: bool,
) -> Canvas:  # fmt: skip
    """Return the cells, both axes, and the lines of birth cohorts."""
    canvas = Canvas(width)
    oldest, last = max(b for _, b in ages.values()), max(b for _, b in times.values())
    youngest, first = min(a for a, _ in ages.values()), min(a for a, _ in times.values())
    tall = min(max(len(ages) * (17.0 if narrow else 20.0), 120.0), 420.0)
    plane = Plane(canvas, 34, 26 + LINE, width - 34 - 44, tall, (first, last), (youngest, oldest))
    canvas.text(0, 13, "Age (years)", "plain")
    boxes = {
        (age, time): (plane.at_x(c) + 0.5, plane.at_y(b) + 0.5,
                      plane.at_x(d) - 0.5, plane.at_y(a) - 0.5)
        for age, (a, b) in ages.items()
        for time, (c, d) in times.items()
    }  # fmt: skip
    rows = [
        dict(zip(("x", "y", "x2", "y2"), boxes[key], strict=True))
        | {"fill": colour_of(number, limits), "age": key[0], "period": key[1], "value": number}
        for key, number in shown.items()
    ]
    batch(canvas, "rect", rows)
    for kind in VOIDS:
        void(canvas, kind, [boxes[key] for key, own in kinds.items() if own == kind])
    _cohorts(plane)
    _axes(plane, ages, times)
    return canvas


def _cohorts(plane: Plane) -> None:
    """Draw thin lines of people born in one year, labelled where they leave the plane."""
    canvas, (first, last), (youngest, oldest) = plane.canvas, plane.x, plane.y
    step = 10 if (last - first + oldest - youngest) <= 140 else 20
    right = plane.left + plane.width
    begin, end = first - oldest, last - youngest
    heading, free = False, -math.inf
    for born in range(math.floor(begin / step) * step, math.ceil(end) + 1, step):
        a, b = max(first, born + youngest), min(last, born + oldest)
        if b - a < 0.04 * (last - first):
            continue
        x, y = plane.at_x(a), plane.at_y(a - born)
        x2, y2 = plane.at_x(b), plane.at_y(b - born)
        line = [{"x": x, "y": y, "x2": x2, "y2": y2, "born": born}]
        batch(canvas, "rule", line, color=PAPER, strokeWidth=2.2, opacity=0.45)
        batch(canvas, "rule", line, color=INK, strokeWidth=0.8, opacity=0.7)
        if b == last:
            canvas.text(right + 6, y2 + 4.5, str(born), "soft")
            heading = True
        elif x2 - 16 > free and x2 + 16 < right - 8:
            canvas.text(x2, plane.top - 6, str(born), "soft", "center")
            free = x2 + 16
    if heading:
        canvas.text(canvas.width, 13, "Born in", "plain", "right")


def _axes(plane: Plane, ages: Spans, times: Spans) -> None:
    """Write the lower ends of ages left, and years below, where they fit."""
    canvas, free = plane.canvas, math.inf
    for low, _ in sorted(ages.values()):
        y = plane.at_y(low)
        if free - y >= 30 or free == math.inf:
            canvas.text(plane.left - 6, y + 4.5, f"{low:g}", "soft", "right")
            free = y
    bottom, free = plane.top + plane.height, -math.inf
    single = all(b - a == 1 for a, b in times.values())
    step = next(k for k in (1, 2, 5, 10, 20, 50, 100) if k * plane.width >= 46 * len(times)
                or k == 100) if single else 1  # fmt: skip
    for name, (a, b) in times.items():
        if a % step:
            continue
        x, wide = (plane.at_x(a) + plane.at_x(b)) / 2, text_width(name)
        if x - wide / 2 >= free and x + wide / 2 <= canvas.width:
            canvas.text(x, bottom + 17, name, "soft", "center")
            free = x + wide / 2 + 8
    canvas.text(plane.left + plane.width / 2, bottom + 38, "Period", "plain", "center")
    canvas.line(plane.left, bottom, plane.left + plane.width, bottom, color=INK_SOFT)
    canvas.height = bottom + 42


def _remarks(
    cells: dict[tuple[str, str], Row], times: Spans, kinds: dict[tuple[str, str], str]
) -> list[str]:  # fmt: skip
    """Return which cells have no value, by their reason; of more than 6 ages, how many cells."""
    missing: dict[str, dict[str, list[str]]] = {}
    for (age, time), kind in kinds.items():
        if kind != OK:
            row = cells.get((age, time))
            why = NO_DATA if row is None else why_missing(row)
            missing.setdefault(why, {}).setdefault(age, []).append(time)
    words = []
    for why, own in missing.items():
        named = "; ".join(f"ages {age} in {listed(_runs(own[age], list(times)))}" for age in own)
        many = f"{sum(map(len, own.values()))} cells"
        words.append(f"{capital(why)}: {named if len(own) <= 6 else many}.")
    return words


def _runs(names: Sequence[str], order: Sequence[str]) -> list[str]:
    """Return periods that follow one another as one: from the first year to the last."""
    runs: list[list[str]] = []
    for name in names:
        if runs and order.index(name) == order.index(runs[-1][-1]) + 1:
            runs[-1].append(name)
        else:
            runs.append([name])
    ends = [re.split("[-–]", f"{run[0]}-{run[-1]}") for run in runs]
    return [f"{parts[0]}-{parts[-1]}" if parts[0] != parts[-1] else parts[0] for parts in ends]


def _words(
    shown: dict[tuple[str, str], float], ages: Spans,
    times: Spans,
) -> list[str]:  # fmt: skip
    """Return the extremes of the map, and each period's highest age, in words."""

    def said(key: tuple[str, str]) -> str:
        number = f"{shown[key]:,.{digits_of(shown[key])}f}".replace(",", "\u00a0")
        return f"{number} at ages {key[0]} in {key[1]}"

    high, low = max(shown, key=shown.__getitem__), min(shown, key=shown.__getitem__)
    words = [f"Highest: {said(high)}. Lowest: {said(low)}."]
    peaks = [
        max(own, key=shown.__getitem__)
        for time in times
        if (own := [(age, time) for age in ages if (age, time) in shown])
    ]
    ends = [peaks[0], *([peaks[-1]] if len(peaks) > 1 else [])]
    return [*words, *(f"Highest of {key[1]}: {said(key)}." for key in ends)]
