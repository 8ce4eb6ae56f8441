"""Dots on their intervals, one row per stratum."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rarecare.figures.explore import tip, tipped
from rarecare.figures.look import (
    INK,
    KEY,
    KEY_EDGE,
    LINE,
    MISSING,
    NARROW,
    NOT_ESTIMABLE_SHAPE,
    PAPER,
    RULE,
    SERIES,
    WITHHELD_SHAPE,
    text_width,
    whole,
    wrap,
)
from rarecare.figures.page import Align, Body, Canvas, Style, View, px, text_mark
from rarecare.figures.tables import ALL, Row, drawable, why_missing
from rarecare.figures.words import digits, say, to_say
from rarecare.results import WITHHELD


@dataclass(frozen=True, slots=True)
class Scale:
    """What the dots measure: the ends of the axis, its ticks, how a value is said.

    ``ticks`` takes how many there may be; ``labels`` is Vega's way of writing them; ``line``
    is a value to mark, with its name.
    """

    highest: float
    ticks: Callable[[int], list[float]]
    said: Callable[[Row, str], str]
    lowest: float = 0.0
    labels: dict[str, str] = field(default_factory=lambda: {"format": "~r"})
    line: tuple[float, str] | None = None


_ROW, _LONGEST, _AXIS = 26, 2.5, 44
_HEADING = to_say("Estimate (interval)")


def digits_of(value: float) -> int:
    """Return the decimals that show a value with about two or three digits.

    >>> [digits_of(value) for value in (123, 27.8, 0.24, 0.031)]
    [0, 1, 2, 3]
    """
    if value == 0:
        return 0
    power = math.floor(math.log10(abs(value)))
    return max(2 - power, 0) if power >= 0 else 1 - power


def said_value(row: Row, between: str = "–") -> str:
    """Return an estimate with its limits: ``"0.24 (0.23–0.25)"``.

    ``between`` stands between the limits, or has places for them: ``"%(lower)s to %(upper)s"``.
    Whole numbers have no decimals.
    """
    numbers = [row["estimate"], row["lower"], row["upper"]]
    decimals = digits_of(row["estimate"] or row["upper"] or 0.0)
    if all(isinstance(x, int) for x in numbers):
        decimals = 0
    said = [
        "" if x is None else digits(f"{x:,.{decimals}f}".replace(",", "\u00a0")) if x else "0"
        for x in numbers
    ]
    if not (said[1] and said[2]):
        return said[0]
    two = between if "%(" in between else f"%(lower)s{between}%(upper)s"
    return f"{said[0]} ({two % {'lower': said[1], 'upper': said[2]}})"


def between() -> str:
    """Return how two limits stand in a sentence, for ``said_value``."""
    return say("%(lower)s to %(upper)s")


def spoken_name(name: str) -> str:
    """Return the name of a row; that of the whole in the language of the figure."""
    return say(name) if name == ALL else name


def ticks(highest: float, most: int) -> list[float]:
    """Return round ticks from 0 to the first not below ``highest``, or one step less."""
    power = 10 ** math.floor(math.log10(highest)) if highest > 0 else 1.0
    for step in (power * k for k in (0.1, 0.2, 0.5, 1, 2, 5, 10)):
        if int(highest / step + 1e-9) < most:
            return [round(step * k, 10) for k in range(int(highest / step + 1e-9) + 1)]
    return [0.0]


def highest_of(values: Sequence[tuple[float, float]], threshold: float | None) -> float:
    """Return the end of the axis: past it go intervals longer than 2.5 times all estimates."""
    estimate = max((value for value, _ in values), default=0.0)
    upper = max((upper for _, upper in values), default=0.0)
    end = min(upper, _LONGEST * estimate) if estimate > 0 else upper
    return max(end, estimate, threshold or 0.0) * 1.04 or 1.0


def rare(threshold: float) -> str:
    """Return the words at the line below which a cancer is rare."""
    return say("Rare: below %(limit)s") % {"limit": digits(f"{threshold:g}")}


def ordered(rows: list[tuple[str, Row]]) -> list[tuple[str, Row]]:
    """Return "all" first, then the others from the highest, then what is not shown."""
    return sorted(
        rows,
        key=lambda item: (
            not drawable(item[1]),
            item[0] != ALL,
            -item[1]["estimate"] if drawable(item[1]) else 0.0,
        ),
    )


def draw_dots(
    rows: Sequence[tuple[str, Row]],
    head: Canvas,
    scale: Scale,
    *,
    width: float,
) -> Body:
    """Return dots on whiskers: names left and numbers right, on a phone above each dot."""
    narrow = width < NARROW
    shown = [row for _, row in rows if drawable(row)]
    heading, cases = say(_HEADING), say("Cases")
    numbers = max(text_width(x) for x in [heading, *(scale.said(row, "–") for row in shown)]) + 16
    counts = [whole(row["n"]) for row in shown if row.get("n") is not None]
    counted = 0.0 if narrow or not counts else max(map(text_width, [cases, *counts])) + 16
    left = 8 if narrow else max(text_width(spoken_name(name)) for name, _ in rows) * 1.05 + 14
    left = math.ceil(min(left, 0.36 * head.width))
    right = 12 if narrow else math.ceil(numbers + counted)
    plot = int(head.width - left - right)

    head.height += 8 if narrow and scale.line is None else 8 + LINE
    if shown and not narrow:
        head.text(left + plot + 14, head.height - 8, heading, "soft")
        if counted:
            head.text(head.width, head.height - 8, cases, "soft", "right")

    words, dots = Canvas(head.width), []
    for name, row in rows:
        style: Style = "strong" if name == ALL else "plain"
        names = wrap(spoken_name(name), width=head.width - numbers if narrow else left - 14)
        reason = wrap(why_missing(row), width=head.width - (30 if narrow else left + 22))
        top = words.height + LINE
        for k, line in enumerate(names):
            words.text(0 if narrow else left - 14, top + k * LINE, line, style,
                       "left" if narrow else "right")  # fmt: skip
        y = top - 4.5 + (len(names) * LINE if narrow else 0)
        lines = len(names)
        if drawable(row):
            dots.append(_dot(name, row, y, scale.highest))
            align: Align = "right" if narrow else "left"
            x, base = (head.width, top) if narrow else (left + plot + 14, y + 4.5)
            words.text(x, base, scale.said(row, "–"), style, align)
            if counted and row["n"] is not None:
                words.text(head.width, base, whole(row["n"]), style, "right")
            lines += narrow
        else:
            shape = WITHHELD_SHAPE if row["status"] == WITHHELD else NOT_ESTIMABLE_SHAPE
            words.sign(left + 8, y, shape=shape, color=MISSING, size=130, strokeWidth=1.2)
            for k, line in enumerate(reason):
                words.text(left + 22, y + 4.5 + k * LINE, line, "soft")
            lines = lines + len(reason) if narrow else max(lines, len(reason))
        words.height += lines * LINE + _ROW - LINE
    words.height += 4
    view = words.view(left) | {"width": plot, "resolve": {"scale": {"x": "independent"}}}
    spans = [(0.0, max((dot["y"] for dot in dots), default=0.0) + 14)]
    if narrow:
        spans = [(dot["y"] - 10, dot["y"] + 8) for dot in dots]
    chart = [
        *_scale(scale, spans=spans, most=min(6, max(2, plot // 44))),
        *_whiskers(dots),
    ]
    view["layer"] = [{"layer": chart}, {"layer": view["layer"]}]
    return Body(view, left, _AXIS, plot)


def _dot(name: str, row: Row, y: float, highest: float) -> Row:
    upper = row["upper"] if row["upper"] is not None else row["estimate"]
    lower = row["lower"] if row["lower"] is not None else row["estimate"]
    return {
        "stratum": name,
        "estimate": row["estimate"],
        "lower": lower,
        "upper": min(upper, highest),
        "longer": upper > highest,
        "y": round(y, 1),
        **tip(f"{spoken_name(name)}: {said_value(row, between())}"),
    }


def _scale(scale: Scale, *, spans: Sequence[tuple[float, float]], most: int) -> list[View]:
    """Return the axis, its grid, and the line at the threshold, where there are no words."""
    at = scale.ticks(most)
    domain = [scale.lowest or 0, scale.highest]
    x: dict[str, Any] = {
        "field": "x", "type": "quantitative", "scale": {"domain": domain, "nice": False},
        "axis": {"values": at, "title": None, **scale.labels, "grid": False, "domain": False,
                 "ticks": False, "labelFlush": False, "labelOverlap": False},
    }  # fmt: skip

    def rules(values: Sequence[float], **look: Any) -> View:
        return {
            "data": {"values": [{"x": v, "y": a, "y2": b} for a, b in spans for v in values]},
            "mark": {"type": "rule", **look},
            "encoding": {"x": x, "y": px("y"), "y2": {"field": "y2"}},
        }

    grid = [rules(at, color=RULE)]
    if scale.line is None:
        return grid
    threshold, said = scale.line
    before = threshold > (scale.lowest + scale.highest) / 2
    name: View = {
        "data": {"values": [{"x": threshold}]},
        "mark": text_mark("plain", "right" if before else "left", y=-8, dx=3 if before else -3),
        "encoding": {"x": x, "text": {"value": said}},
    }
    return [*grid, rules([threshold], color=INK, strokeDash=[2, 3]), name]


def _whiskers(dots: Sequence[Row]) -> list[View]:
    """Return lines with end ticks, an arrow where one goes past the axis, and dots."""

    def along(name: str) -> dict[str, Any]:
        return {"x": {"field": name, "type": "quantitative"}, "y": px("y")}

    colour, edge = SERIES[0], {"type": "point", "shape": "M0,-1L0,1", "size": 80, "strokeWidth": 2}
    key = [row for row in dots if row["stratum"] == ALL]
    others = [row for row in dots if row["stratum"] != ALL]
    arrow = {"type": "point", "shape": "triangle-right", "size": 60, "filled": True}
    parts: list[tuple[Sequence[Row], dict[str, Any], dict[str, Any]]] = [
        (dots, {"type": "rule", "strokeWidth": 2}, along("lower") | {"x2": {"field": "upper"}}),
        (dots, edge, along("lower")),
        ([row for row in dots if not row["longer"]], edge, along("upper")),
        ([row for row in dots if row["longer"]], arrow, along("upper")),
        (others, {"type": "point", "filled": True, "size": 90, "stroke": PAPER,
                  "strokeWidth": 1}, along("estimate")),
        (key, {"type": "point", "filled": True, "size": 130, "color": KEY, "stroke": KEY_EDGE,
               "strokeWidth": 1.75}, along("estimate")),
    ]  # fmt: skip
    return [
        {"data": {"values": list(rows)}, "mark": {"color": colour, "opacity": 1} | mark,
         "encoding": tipped(encoding, list(rows)) if mark.get("filled") else encoding}
        for rows, mark, encoding in parts
        if rows
    ]  # fmt: skip
