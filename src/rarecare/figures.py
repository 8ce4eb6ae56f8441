"""Figures: rows in, one Vega-Lite specification out.

Colours, markers, dashes and manners follow the project's visual guide; every
drawing carries a title, a description with its finding, and ``role="img"``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import polars as pl

from rarecare.errors import UsageError

INK, INK_SOFT, RULE, PAPER = "#16211d", "#4a5852", "#ccd6cf", "#fcfdfb"
SERIES = ("#0b8a72", "#a87a10", "#2c4fb8", "#7d2a12", "#c2489f", "#2b3236")
MARKERS = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 4], [1, 3])
SYNTHETIC = "Synthetic data: not an estimate of anything"
_FORMATS = (".svg", ".png", ".pdf", ".json")


@dataclass(frozen=True, slots=True)
class Figure:
    """A Vega-Lite specification that can be saved.

    Attributes
    ----------
    spec
        The specification, a plain dictionary.
    title
        What the figure shows.
    description
        Its finding in a sentence, for those who do not see it.
    """

    spec: dict[str, Any]
    title: str
    description: str

    def to_svg(self) -> str:
        """Return the drawing as SVG with role, title and description."""
        import vl_convert  # noqa: PLC0415 - 60 MB, only for drawing

        svg: str = vl_convert.vegalite_to_svg(self.spec)
        head, rest = svg.split(">", 1)
        head = head.replace(' role="graphics-document"', "").replace(" role=\"img\"", "")
        return (
            f'{head} role="img"><title>{escape(self.title)}</title>'
            f"<desc>{escape(self.description)}</desc>{rest}"
        )

    def save(self, path: str | Path) -> Path:
        """Write the figure; the suffix decides the format.

        Raises
        ------
        UsageError
            The suffix is not .svg, .png, .pdf or .json.
        """
        import vl_convert  # noqa: PLC0415 - 60 MB, only for drawing

        path = Path(path)
        if path.suffix == ".svg":
            path.write_text(self.to_svg(), encoding="utf-8")
        elif path.suffix == ".png":
            path.write_bytes(vl_convert.vegalite_to_png(self.spec, scale=2))
        elif path.suffix == ".pdf":
            path.write_bytes(vl_convert.vegalite_to_pdf(self.spec))
        elif path.suffix == ".json":
            path.write_text(json.dumps(self.spec, indent=1, sort_keys=True), encoding="utf-8")
        else:
            raise UsageError("a figure has no such format", value=path.suffix, allowed=_FORMATS)
        return path
