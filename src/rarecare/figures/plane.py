"""A small plane at px positions on a canvas: grids, ticks, dots, whiskers and curves.

For figures of several planes side by side, whose scales are shared and laid out by hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rarecare.figures.look import INK, PAPER, RULE, SERIES
from rarecare.figures.page import Canvas, px

Say = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Plane:
    """A rectangle of a canvas and what its edges stand for.

    Attributes
    ----------
    canvas
        Drawn on.
    left, top, width, height
        In px.
    x, y
        Values at the left and right edge, and at the bottom and top edge.
    """

    canvas: Canvas
    left: float
    top: float
    width: float
    height: float
    x: tuple[float, float]
    y: tuple[float, float] = (0.0, 1.0)

    def at_x(self, value: float) -> float:
        """Return the px of a value, kept within the plane."""
        share = (value - self.x[0]) / (self.x[1] - self.x[0])
        return self.left + self.width * min(max(share, 0.0), 1.0)

    def at_y(self, value: float) -> float:
        """Return the px of a value, kept within the plane."""
        share = (value - self.y[0]) / (self.y[1] - self.y[0])
        return self.top + self.height * (1 - min(max(share, 0.0), 1.0))

    def columns(self, ticks: Sequence[float], said: Say, *, labelled: bool = True) -> None:
        """Draw vertical rules, with their values below."""
        for tick in ticks:
            x = self.at_x(tick)
            self.canvas.line(x, self.top, x, self.top + self.height, color=RULE)
            if labelled:
                self.canvas.text(x, self.top + self.height + 16, said(tick), "soft", "center")

    def rows(self, ticks: Sequence[float], said: Say) -> None:
        """Draw horizontal rules, with their values left."""
        for tick in ticks:
            y = self.at_y(tick)
            self.canvas.line(self.left, y, self.left + self.width, y, color=RULE)
            self.canvas.text(self.left - 6, y + 4.5, said(tick), "soft", "right")

    def mark_column(self, value: float) -> None:
        """Draw a dashed vertical line."""
        x = self.at_x(value)
        self.canvas.line(x, self.top, x, self.top + self.height, color=INK, strokeDash=[2, 3])

    def across(self, y: float, lower: float | None, upper: float | None, value: float) -> None:
        """Draw a dot on its horizontal interval, at y px."""
        if lower is not None and upper is not None:
            self.canvas.line(self.at_x(lower), y, self.at_x(upper), y, color=SERIES[0],
                             strokeWidth=2)  # fmt: skip
        dot(self.canvas, self.at_x(value), y)

    def upright(self, x: float, lower: float | None, upper: float | None, value: float) -> None:
        """Draw a dot on its vertical interval, at a value of x."""
        at = self.at_x(x)
        if lower is not None and upper is not None:
            self.canvas.line(at, self.at_y(lower), at, self.at_y(upper), color=SERIES[0],
                             strokeWidth=2)  # fmt: skip
        dot(self.canvas, at, self.at_y(value), size=36)

    def curve(self, points: Sequence[tuple[float, float]], **look: Any) -> None:
        """Draw a line through points, whole or not at all within the plane."""
        inside = [(x, y) for x, y in points if self.y[0] <= y <= self.y[1]]
        if len(inside) < 2:
            return
        self.canvas.marks.append(
            {
                "data": {"values": [
                    {"x": round(self.at_x(x), 1), "y": round(self.at_y(y), 1), "place": k}
                    for k, (x, y) in enumerate(inside)
                ]},
                "mark": {"type": "line", "clip": False, **look},
                "encoding": {"x": px("x"), "y": px("y"), "order": {"field": "place"}},
            }
        )  # fmt: skip


def dot(canvas: Canvas, x: float, y: float, **look: Any) -> None:
    """Draw a filled dot with an edge of paper."""
    canvas.sign(x, y, **{"shape": "circle", "filled": True, "size": 70, "color": SERIES[0],
                         "stroke": PAPER, "strokeWidth": 1, "opacity": 1} | look)  # fmt: skip


def ring(canvas: Canvas, x: float, y: float) -> None:
    """Draw a ring: a second, modelled value."""
    canvas.sign(x, y, shape="diamond", filled=True, fill=PAPER, stroke=INK, strokeWidth=1.6,
                size=70, opacity=1)  # fmt: skip


def round_ticks(low: float, high: float, most: int) -> list[float]:
    """Return round ticks between two ends.

    >>> round_ticks(0.32, 0.61, 4)
    [0.4, 0.5, 0.6]
    """
    span = high - low
    if span <= 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(span))
    for step in (power * k for k in (0.1, 0.2, 0.5, 1, 2, 5)):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            return [round(step * k, 10) for k in range(first, last + 1)]
    return [low]


def in_percent(value: float) -> str:
    """Return a share as a number of percent, without its sign."""
    return f"{100 * value:g}" if abs(100 * value - round(100 * value)) > 1e-9 else (
        f"{round(100 * value)}"
    )  # fmt: skip
