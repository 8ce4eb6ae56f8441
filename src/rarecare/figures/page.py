"""The sheet of a figure: title, subtitle and notes around a drawing, at a fixed width.

A sheet is three views on top of one another: head, body and foot. Head and foot are
text at px positions, counted from the left edge and the top of the view, so that the
layout does not depend on the fonts of the machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rarecare.errors import UsageError
from rarecare.figures.explore import tip, tipped
from rarecare.figures.figure import Figure
from rarecare.figures.look import (
    INK,
    INK_SOFT,
    LINE,
    NARROW,
    NOTE_EDGE,
    NOTE_PAPER,
    PAPER,
    RULE,
    SANS,
    SERIF,
    SYNTHETIC,
    TEXT,
    TITLE,
    text_width,
    wrap,
)
from rarecare.figures.words import say, tongue

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
LEAST_WIDTH = 300
Style = Literal["soft", "strong", "plain", "title", "note"]
Align = Literal["left", "right", "center"]
View = dict[str, Any]

STYLES: dict[Style, dict[str, Any]] = {
    "soft": {"color": INK_SOFT},
    "plain": {"color": INK},
    "strong": {"color": INK, "fontWeight": 600},
    "title": {"color": INK, "font": SERIF, "fontSize": TITLE, "fontWeight": 600},
    "note": {"color": INK, "fontWeight": 600},
}


def px(name: str) -> dict[str, Any]:
    """Return the encoding of a field that is a position in px."""
    same = {"domain": [0, 1], "range": [0, 1], "nice": False, "zero": False}
    return {"field": name, "type": "quantitative", "scale": same, "axis": None}


def text_mark(style: Style, align: Align = "left", **more: Any) -> dict[str, Any]:
    """Return a text mark in one of the styles, its position the baseline."""
    return {
        "type": "text", "font": SANS, "fontSize": TEXT, "align": align, "baseline": "alphabetic",
        "lineBreak": "\n", "lineHeight": LINE, **STYLES[style], **more,
    }  # fmt: skip


def margin(width: float) -> int:
    """Return the margin on all sides of a sheet, in px."""
    return 8 if width < NARROW else 14


@dataclass(slots=True)
class Canvas:
    """Texts, signs, lines and boxes at px positions, over the whole width of the sheet."""

    width: float
    height: float = 0
    marks: list[View] = field(default_factory=list)
    _texts: dict[tuple[Style, Align], list[dict[str, Any]]] = field(default_factory=dict)

    def text(self, x: float, y: float, text: str, style: Style, align: Align = "left") -> None:
        """Write a text, its baseline at y."""
        place = {"x": round(x, 1), "y": round(y, 1), "text": text}
        self._texts.setdefault((style, align), []).append(place)

    def paragraph(self, text: str, style: Style, *, size: float = TEXT, line: float = LINE) -> None:
        """Write a text in lines at the end of the canvas, which grows by them."""
        for words in wrap(text, width=self.width, size=size):
            self.height += line
            self.text(0, self.height - 4, words, style)

    def box(
        self, x: float, y: float, x2: float, y2: float, *, told: str = "", **look: Any
    ) -> None:  # fmt: skip
        """Draw a filled box; ``told`` is what it says where the figure is explored."""
        row: dict[str, Any] = {"x": x, "y": y, "x2": x2, "y2": y2}
        self._mark({"type": "rect", **look}, row | (tip(told) if told else {}), ends=True)

    def line(self, x: float, y: float, x2: float, y2: float, **look: Any) -> None:
        """Draw a straight line."""
        self._mark({"type": "rule", **look}, {"x": x, "y": y, "x2": x2, "y2": y2}, ends=True)

    def sign(self, x: float, y: float, **look: Any) -> None:
        """Draw a point mark."""
        self._mark({"type": "point", **look}, {"x": x, "y": y})

    def _mark(self, mark: dict[str, Any], row: dict[str, Any], *, ends: bool = False) -> None:
        more = {"x2": {"field": "x2"}, "y2": {"field": "y2"}} if ends else {}
        self.marks.append(
            {
                "data": {"values": [row]},
                "mark": mark,
                "encoding": tipped({"x": px("x"), "y": px("y"), **more}, [row]),
            }
        )

    def view(self, left: float) -> View:
        """Return the view, moved left by the width of the y axis."""
        texts = [
            {
                "data": {"values": rows},
                "mark": text_mark(style, align),
                "encoding": {
                    "x": px("x"),
                    "y": px("y"),
                    "text": {"field": "text", "type": "nominal"},
                },
            }
            for (style, align), rows in self._texts.items()
        ]
        ground = Canvas(self.width)
        ground.box(0, 0, self.width, self.height, color=PAPER, opacity=0)
        layers = [*ground.marks, *self.marks, *texts]
        for layer in layers:
            for row in layer["data"]["values"]:
                row |= {name: round(row[name] - left, 1) for name in ("x", "x2") if name in row}
        return {"width": self.width - left, "height": self.height, "layer": layers}


@dataclass(frozen=True, slots=True)
class Body:
    """A drawing and its measures, in px.

    ``left`` is the width of the y axis, ``below`` what the x axis takes below the view,
    ``plot`` the width of a single plot, 0 where there are several.
    """

    view: View
    left: float
    below: float
    plot: float = 0.0


def check_width(width: float) -> None:
    """Refuse a width too small to read.

    Raises
    ------
    UsageError
        The width is below 300 px.
    """
    if not width >= LEAST_WIDTH:
        raise UsageError(
            "the figure is too narrow to read",
            value=width,
            allowed=f"a width of {LEAST_WIDTH} px or more; 600 on a page, 340 on a phone",
        )


def head_canvas(width: float, *, title: str, subtitle: Iterable[str], synthetic: bool) -> Canvas:
    """Return the head of a sheet: title, subtitle, and the notice of synthetic data."""
    canvas = Canvas(width - 2 * margin(width))
    canvas.paragraph(title, "title", size=TITLE, line=24)
    canvas.height += 2
    for sentence in subtitle:
        canvas.paragraph(sentence, "soft")
    if synthetic:
        top = canvas.height + 6
        words = say(SYNTHETIC)
        end = min(canvas.width, text_width(words) + 22)
        canvas.box(0, top, end, top + 24, color=NOTE_PAPER)
        canvas.box(0, top, 4, top + 24, color=NOTE_EDGE)
        canvas.text(12, top + 16.5, words, "note")
        canvas.height = top + 24
    return canvas


def sheet(
    head: Canvas,
    body: Body,
    foot: Canvas,
    *,
    width: float,
    title: str,
    description: Sequence[str],
    notes: Iterable[str],
) -> Figure:
    """Return the figure: head, body and foot, the notes at the end."""
    notes = list(notes)
    if notes:
        foot.height += 8
        foot.line(1, foot.height, foot.width - 1, foot.height, color=RULE)
        foot.height += 4
    for sentence in notes:
        foot.paragraph(sentence, "soft")
    words = " ".join(description)
    spec: dict[str, Any] = {
        "$schema": SCHEMA,
        "description": f"{title}. {words}",
        "background": PAPER,
        "padding": margin(width),
        "vconcat": [head.view(body.left), body.view, foot.view(body.left)],
        "spacing": 0,
        "bounds": "flush",
        "config": {
            "font": SANS,
            "aria": False,
            "view": {"stroke": None},
            "axis": {
                "labelColor": INK_SOFT, "labelFontSize": TEXT, "labelFont": SANS,
                "domainColor": INK_SOFT, "tickColor": INK_SOFT, "gridColor": RULE,
            },
        },
    }  # fmt: skip
    if tongue().decimal != ".":
        number = {"decimal": tongue().decimal, "thousands": "\u00a0", "grouping": [3],
                  "currency": ["", ""]}  # fmt: skip
        spec["config"] = {**spec["config"], "locale": {"number": number}}
    return Figure(spec, title, words)
