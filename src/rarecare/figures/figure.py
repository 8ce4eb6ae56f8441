"""A figure: one Vega-Lite specification that can be saved."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

from rarecare.errors import FileError, UsageError
from rarecare.figures.look import SANS

VEGA_LITE = "5.20"
"""Version of Vega-Lite that draws, pinned so that the same rows give the same drawing."""

PNG_SCALE = 2
_MEASURED = "Noto Sans, sans-serif"
"""Stands in while texts are measured: vl-convert misreads names of fonts with a digit."""

_FORMATS = (".svg", ".png", ".pdf", ".json")


def without_roles(svg: str) -> str:
    """Return a drawing whose parts have no roles: the image as a whole has one, and a text."""
    return re.sub(r' (role|aria-[a-z]+)="[^"]*"', "", svg)


def renamed(text: str, name: str) -> str:
    """Return a drawing with identifiers counted from 1: the library counts on and on."""
    places: dict[str, str] = {}

    def new(old: str) -> str:
        return places.setdefault(old, f"{name}-{len(places) + 1}")

    text = re.sub(r'\bid="([^"]+)"', lambda m: f'id="{new(m[1])}"', text)
    text = re.sub(
        r'(aria-labelledby|aria-describedby)="([^"]+)"',
        lambda m: f'{m[1]}="{" ".join(new(part) for part in m[2].split())}"',
        text,
    )
    return re.sub(r"url\(#([^)]+)\)", lambda m: f"url(#{new(m[1])})", text)


@dataclass(frozen=True, slots=True)
class Figure:
    """A Vega-Lite specification that can be saved.

    Attributes
    ----------
    spec
        The specification, a plain dictionary that carries its data.
    title
        What the figure shows.
    description
        Its finding in plain words, for those who do not see it.
    """

    spec: dict[str, Any]
    title: str
    description: str

    @property
    def height(self) -> float:
        """Height of the drawing, in px: known before it is drawn."""
        parts = sum(float(view["height"]) for view in self.spec["vconcat"])
        return parts + 2 * float(self.spec["padding"])

    def to_svg(self) -> str:
        """Return the drawing as SVG with role, title and description."""
        import vl_convert  # noqa: PLC0415 - 60 MB, only for drawing

        spec = json.dumps(self.spec).replace(SANS, _MEASURED)
        svg: str = vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE, allowed_base_urls=[])
        svg = svg.replace(f'font-family="{_MEASURED}"', f'font-family="{SANS}"')
        head, rest = svg.split(">", 1)
        rest = without_roles(rest)
        head = re.sub(r' (role|aria-[a-z]+)="[^"]*"', "", head)
        name = "f" + sha256(svg.encode()).hexdigest()[:12]
        return (
            f'{head} role="img" aria-labelledby="{name}-title {name}-desc">'
            f'<title id="{name}-title">{escape(self.title)}</title>'
            f'<desc id="{name}-desc">{escape(self.description)}</desc>{rest}'
        )

    def save(self, path: str | Path) -> Path:
        """Write the figure; the suffix decides the format. PNG has two pixels per unit.

        The same figure gives the same bytes, except as PDF, whose parts have no fixed order.

        Raises
        ------
        UsageError
            The suffix is not .svg, .png, .pdf or .json.
        FileError
            The folder does not exist.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix not in _FORMATS:
            raise UsageError(
                "a figure has no such format",
                value=path.suffix or path.name,
                allowed=_FORMATS,
                remedy="End the file name with one of them.",
            )
        if not path.parent.is_dir():
            raise FileError(
                "the folder of the figure does not exist",
                value=str(path.parent),
                remedy="Make the folder first, or name another.",
            )
        path.write_bytes(self._bytes(suffix))
        return path

    def _bytes(self, suffix: str) -> bytes:
        import vl_convert  # noqa: PLC0415 - 60 MB, only for drawing

        if suffix == ".json":
            return json.dumps(self.spec, indent=1, sort_keys=True, ensure_ascii=False).encode()
        svg = self.to_svg()
        if suffix == ".svg":
            return svg.encode()
        if suffix == ".png":
            png: bytes = vl_convert.svg_to_png(svg, scale=PNG_SCALE)
            return png
        pdf: bytes = vl_convert.svg_to_pdf(svg)
        return pdf
