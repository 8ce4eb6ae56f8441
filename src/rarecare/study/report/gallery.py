"""The drawings on the page: numbered, made at the width of a desk and of a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from markupsafe import Markup

from rarecare.figures import Figure
from rarecare.study.report import drawings

WIDE, NARROW = 600, 360
"""Px."""


@dataclass(slots=True)
class Drawing:
    """A drawing on the page: number, title, SVG for a phone and a desk, and how to read it."""

    number: int
    title: str
    narrow: Markup
    wide: Markup | None
    caption: str
    intervals: str


@dataclass(slots=True)
class Gallery:
    """The drawings made so far, at most as many as the study asks for."""

    most: int
    made: int = 0
    names: Iterator[int] = field(default_factory=lambda: iter(range(1, 1000)))

    def add(
        self, draw: Callable[[float], Figure | None], caption: str, *, pair: bool = False,
        intervals: str = "Lines and bands are intervals.",
    ) -> Drawing | None:  # fmt: skip
        """Return a drawing made at both widths, or of a ``pair`` at one; None without room."""
        figure = draw(NARROW) if self.made < self.most else None
        if figure is None:
            return None
        self.made += 1
        number = next(self.names)
        broad = None if pair else draw(WIDE)
        return Drawing(
            number,
            figure.title,
            Markup(drawings.svg(figure, f"n{number}")),
            Markup(drawings.svg(broad, f"w{number}")) if broad else None,
            caption,
            intervals,
        )
