"""Lines with bands, one per stratum: labelled at their ends, or as small multiples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rarecare.errors import UsageError
from rarecare.figures.dodge import dodge
from rarecare.figures.explore import TIP, explored, tipped
from rarecare.figures.look import (
    DASHES,
    INK,
    INK_SOFT,
    LINE,
    MARKERS,
    NARROW,
    OTHERS,
    PAPER,
    SERIES,
    TEXT,
    text_width,
    wrap,
)
from rarecare.figures.page import Body, Canvas, View, margin, px, text_mark
from rarecare.figures.words import say

AT_ENDS = 6
"""Up to so many lines are labelled at their ends; more become small multiples."""

MOST = 40
OTHERS_POINTS = 60
_AXIS, _GAP = 44, 24
"""Px below a plot for its labels and title, and between small multiples."""


@dataclass(frozen=True, slots=True)
class Point:
    """A value with its limits, which may be missing; ``marked`` has a marker on the line.

    ``tip`` is what it says where the figure is explored.
    """

    x: float
    y: float
    lower: float | None = None
    upper: float | None = None
    marked: bool = False
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One stratum: unbroken runs of points, with a gap between one run and the next."""

    name: str
    runs: tuple[tuple[Point, ...], ...]

    @property
    def points(self) -> list[Point]:
        """All points, in order."""
        return [point for run in self.runs for point in run]


@dataclass(frozen=True, slots=True)
class Axes:
    """Both axes; ``full`` is a value to mark, such as 100 %."""

    x_title: str
    y_title: str
    x_ticks: Sequence[float]
    y_ticks: Sequence[float]
    x_domain: tuple[float, float]
    y_domain: tuple[float, float]
    y_labels: str = "datum.label"
    full: float | None = None
    full_label: str = ""


def check_number(names: Sequence[str]) -> None:
    """Refuse more strata than a reader can tell apart.

    Raises
    ------
    UsageError
        There are more than 40.
    """
    if len(names) > MOST:
        raise UsageError(
            "a figure cannot show so many strata",
            value=len(names),
            allowed=f"up to {MOST}",
            remedy="Draw a part of the table, or fewer columns in by.",
        )


def draw_lines(lines: Sequence[Line], axes: Axes, head: Canvas, *, width: float) -> Body:
    """Return the drawing of all lines, and write the title of its y axis in the head."""
    check_number([line.name for line in lines])
    head.height += 6
    head.paragraph(axes.y_title, "plain")
    head.height += 10
    if len(lines) > AT_ENDS:
        return _multiples(lines, axes, head, width)
    return _together(lines, axes, width)


def x_title(foot: Canvas, axes: Axes, body: Body) -> None:
    """Write the title of the x axis in the foot."""
    middle = body.left + (body.plot or foot.width - body.left) / 2
    foot.text(middle, body.below - 6, axes.x_title, "plain", "center")


def y_width(axes: Axes) -> float:
    """Return the px that the labels of the y axis take."""
    return max(len(f"{tick:g}") for tick in axes.y_ticks) * 8.0 + 12


def label_width(names: Sequence[str], width: float) -> float:
    """Return the px beside the plot for the names of the lines; 12 for a single one."""
    if len(names) < 2:
        return 14
    widest = max(text_width(name, size=TEXT) for name in names) * 1.05 + 26
    return min(widest, 0.32 * width)


def _together(lines: Sequence[Line], axes: Axes, width: float) -> Body:
    left = y_width(axes)
    right = label_width([line.name for line in lines], width)
    names = [wrap(line.name, width=right - 24) for line in lines if len(lines) > 1]
    tall = max(200.0 if width < NARROW else 240.0, sum(map(_height, names)) - 16)
    size = (width - 2 * margin(width) - left - right, tall)
    view: View = {
        "width": size[0],
        "height": size[1],
        "layer": [{"layer": [*_frame(axes), *_strata(lines, axes)]}],
        "resolve": {"scale": {"x": "independent", "y": "independent"}},
    }
    if len(lines) > 1:
        view["layer"].append({"layer": _labels(lines, axes, size, right)})
    return Body(view, left, _AXIS, size[0])


def _multiples(lines: Sequence[Line], axes: Axes, head: Canvas, width: float) -> Body:
    left = y_width(axes)
    columns = 2 if width < NARROW else 3
    inner = width - 2 * margin(width) - left - 10
    size = ((inner - (columns - 1) * _GAP) / columns, 100.0)
    titles = [wrap(line.name, width=size[0], size=TEXT * 1.05) for line in lines]
    top = max(map(len, titles)) * LINE + 4
    everyone = _rows(lines, thin=True)
    panels: list[View] = []
    for i, line in enumerate(lines):
        grey: View = {
            "data": {"values": everyone},
            "mark": {"type": "line", "color": OTHERS, "strokeWidth": 1},
            "encoding": _xy(axes) | {"detail": [{"field": "stratum"}, {"field": "run"}]},
        }
        title: View = {
            "data": {"values": [{"text": "\n".join(titles[i])}]},
            "mark": text_mark("strong", x=0, y=-8 - LINE * (len(titles[i]) - 1)),
            "encoding": {"text": {"field": "text", "type": "nominal"}},
        }
        own = [grey, *_strata([line], axes)] if line.points else [_nothing()]
        frame = _frame(axes, y_labels=i % columns == 0, space=size[0])
        layers = [*frame, *own, title]
        panels.append({"width": size[0], "height": size[1], "layer": layers})
    rows = [
        {"hconcat": panels[i : i + columns], "spacing": _GAP, "bounds": "flush"}
        for i in range(0, len(panels), columns)
    ]
    head.height += top
    # A concatenation has no height of its own where bounds are flush: the space below each
    # row, and the foot of the sheet, take the height of the plots in.
    between = top + 26
    tall = len(rows) * size[1] + (len(rows) - 1) * between
    view = {"vconcat": rows, "spacing": size[1] + between, "bounds": "flush"}
    return Body(view, left, tall + _AXIS)


def _nothing() -> View:
    return {
        "data": {"values": [{"text": say("not shown, see below")}]},
        "mark": text_mark("soft", x=8, y=50),
        "encoding": {"text": {"field": "text", "type": "nominal"}},
    }


def _xy(axes: Axes, y: str = "y") -> dict[str, Any]:
    return {
        "x": {"field": "x", "type": "quantitative", "title": axes.x_title},
        "y": {"field": y, "type": "quantitative", "title": axes.y_title},
    }


def _frame(axes: Axes, *, y_labels: bool = True, space: float = math.inf) -> list[View]:
    """Return the axes; all other layers share their scales."""
    far = (axes.x_domain[1] - axes.x_domain[0]) / space
    ticks: list[float] = []
    for tick in axes.x_ticks:
        if not ticks or space == math.inf or (tick - ticks[-1]) >= 15 * far:
            ticks.append(tick)
    frame: View = {
        "data": {"values": [{"x": axes.x_domain[0], "y": axes.y_domain[0]}]},
        "mark": {"type": "point", "opacity": 0},
        "encoding": {
            "x": {
                "field": "x", "type": "quantitative",
                "scale": {"domain": list(axes.x_domain), "nice": False, "zero": False},
                "axis": {"values": ticks, "format": ".4~g", "grid": False, "title": None,
                         "tickSize": 5, "labelPadding": 4, "labelOverlap": False,
                         "labelFlush": False},
            },
            "y": {
                "field": "y", "type": "quantitative",
                "scale": {"domain": list(axes.y_domain), "nice": False},
                "axis": {"values": list(axes.y_ticks), "labelExpr": axes.y_labels, "title": None,
                         "domain": False, "ticks": False, "labels": y_labels, "labelPadding": 7},
            },
        },
    }  # fmt: skip
    if axes.full is None:
        return [frame]
    full: View = {
        "mark": {"type": "rule", "color": INK, "strokeDash": [2, 3]},
        "data": {"values": [{"y": axes.full}]},
        "encoding": {"y": {"field": "y", "type": "quantitative"}},
    }
    if not axes.full_label:
        return [frame, full]
    words = full | {
        "mark": text_mark("plain", x=4, dy=-5),
        "encoding": full["encoding"] | {"text": {"value": axes.full_label}},
    }
    return [frame, full, words]


def _rows(lines: Sequence[Line], *, thin: bool = False) -> list[dict[str, Any]]:
    rows = []
    for line in lines:
        step = max(1, len(line.points) // OTHERS_POINTS) if thin else 1
        for number, run in enumerate(line.runs):
            kept = run[::step] if (len(run) - 1) % step == 0 else (*run[::step], run[-1])
            for point in kept:
                row: dict[str, Any] = {"stratum": line.name, "run": number}
                rows.append(row | {"x": round(point.x, 4), "y": round(point.y, 5)})
    return rows


def _bands(lines: Sequence[Line], top: float) -> list[dict[str, Any]]:
    rows = []
    for line in lines:
        number = 0
        for run in line.runs:
            number += 1
            for point in run:
                if point.lower is None or point.upper is None:
                    number += 1
                    continue
                limits = {"lower": min(point.lower, top), "upper": min(point.upper, top)}
                limits = {name: round(limit, 5) for name, limit in limits.items()}
                rows.append({"stratum": line.name, "run": number, "x": round(point.x, 4), **limits})
    return rows


def _strata(lines: Sequence[Line], axes: Axes) -> list[View]:
    """Return bands below lines below markers, each stratum in its colour, dash and marker."""
    names = [line.name for line in lines]
    marked = [
        {"stratum": line.name, "x": round(p.x, 4), "y": round(p.y, 5)}
        for line in lines
        for run in line.runs
        for p in run
        if p.marked or len(run) == 1
    ]
    single = [line for line in lines if any(len(run) == 1 for run in line.runs)]
    whiskers = _bands(
        [Line(x.name, tuple(run for run in x.runs if len(run) == 1)) for x in single],
        axes.y_domain[1],
    )
    detail = {"detail": {"field": "run"}}

    def by_stratum(channel: str, values: Sequence[Any]) -> dict[str, Any]:
        if len(names) == 1:
            return {channel: {"value": values[0]}}
        scale = {"domain": names, "range": list(values[: len(names)])}
        return {channel: {"field": "stratum", "type": "nominal", "scale": scale, "legend": None}}

    band = {"y2": {"field": "upper"}} | by_stratum("color", SERIES) | detail
    line_look = by_stratum("color", SERIES) | by_stratum("strokeDash", DASHES) | detail
    marks = by_stratum("color", SERIES) | by_stratum("shape", MARKERS)
    return [
        *_answering(lines, axes),
        {
            "data": {"values": _bands(lines, axes.y_domain[1])},
            "mark": {"type": "area", "opacity": 0.2 if len(lines) < 3 else 0.14},
            "encoding": _xy(axes, "lower") | band,
        },
        {
            "data": {"values": _rows(lines)},
            "mark": {"type": "line", "strokeWidth": 2.25, "strokeJoin": "round"},
            "encoding": _xy(axes) | line_look,
        },
        {
            "data": {"values": whiskers},
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": _xy(axes, "lower") | {"y2": band["y2"]} | by_stratum("color", SERIES),
        },
        {
            "data": {"values": marked},
            "mark": {"type": "point", "filled": True, "size": 48, "opacity": 1,
                     "stroke": PAPER, "strokeWidth": 1},
            "encoding": _xy(axes) | marks,
        },
    ]  # fmt: skip


def _answering(lines: Sequence[Line], axes: Axes) -> list[View]:
    """Return a point to meet at each value, seen only when met; none in a figure that is still."""
    if not explored():
        return []
    rows = [
        {"x": round(p.x, 4), "y": round(p.y, 5), TIP: _told(line, p, len(lines))}
        for line in lines
        for p in line.points
        if p.tip
    ]
    look = {"type": "point", "filled": False, "size": 160, "opacity": 0, "stroke": INK,
            "strokeWidth": 2}  # fmt: skip
    return [{"data": {"values": rows}, "mark": look, "encoding": tipped(_xy(axes), rows)}]


def _told(line: Line, point: Point, number: int) -> str:
    return f"{line.name}: {point.tip}" if number > 1 else point.tip


def _height(words: Sequence[str]) -> float:
    """Return the height of a label; one of several lines keeps a distance to the next."""
    return len(words) * LINE + (4 if len(words) > 1 else 0)


def _labels(
    lines: Sequence[Line], axes: Axes, size: tuple[float, float], right: float
) -> list[View]:
    """Return the name of each line beside its end, with its marker, and a leader to it."""
    shown = [line for line in lines if line.points]
    span = axes.y_domain[1] - axes.y_domain[0]
    reach = axes.x_domain[1] - axes.x_domain[0]
    texts = [wrap(line.name, width=right - 24) for line in shown]
    ends = [line.points[-1] for line in shown]
    wanted = [size[1] * (1 - (end.y - axes.y_domain[0]) / span) for end in ends]
    heights = [_height(text) for text in texts]
    centres = dodge(wanted, heights, low=-10, high=size[1] + 6)
    rows: list[dict[str, Any]] = []
    for line, text, end, y, centre in zip(shown, texts, ends, wanted, centres, strict=True):
        x = size[0] * (end.x - axes.x_domain[0]) / reach
        rows.append(
            {
                "stratum": line.name,
                "text": "\n".join(text),
                "x": round(size[0] + 14, 1),
                "y": round(centre, 1),
                "text_x": round(size[0] + 22, 1),
                "text_y": round(centre - (len(text) - 1) * LINE / 2 + 4.5, 1),
                "end_x": round(x + 5, 1),
                "end_y": round(y, 1),
                "leader_x": round(size[0] + 8, 1),
            }
        )
    leaders = [row for row in rows if row["leader_x"] - row["end_x"] > 8
               or abs(row["y"] - row["end_y"]) > 3]  # fmt: skip
    order = [line.name for line in lines]
    return [
        {
            "data": {"values": leaders},
            "mark": {"type": "rule", "color": INK_SOFT, "strokeWidth": 0.75, "opacity": 0.7},
            "encoding": {"x": px("end_x"), "y": px("end_y"),
                         "x2": {"field": "leader_x"}, "y2": {"field": "y"}},
        },
        *(
            {
                "data": {"values": [row]},
                "mark": {"type": "point", "filled": True, "size": 56, "opacity": 1,
                         "shape": MARKERS[order.index(row["stratum"])],
                         "color": SERIES[order.index(row["stratum"])]},
                "encoding": {"x": px("x"), "y": px("y")},
            }
            for row in rows
        ),
        {
            "data": {"values": rows},
            "mark": text_mark("strong"),
            "encoding": {"x": px("text_x"), "y": px("text_y"),
                         "text": {"field": "text", "type": "nominal"}},
        },
    ]  # fmt: skip
