"""Drawings kept ready: drawn once per release, on disk and in memory."""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import tempfile
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from django.conf import settings
from django.utils.translation import get_language

from rarecare.figures import Figure
from rarecare.figures.explore import exploring
from rarecare.figures.words import spoken
from rarecare.portal.estimates.drawings import BY_NAME, NARROW, WIDE, Paper
from rarecare.portal.languages import FALLBACK
from rarecare.portal.opened import OpenedRelease
from rarecare.portal.tongues import tongue_here

log = logging.getLogger("rarecare.portal")

_SIZES = re.compile(r' width="[0-9.]+" height="[0-9.]+"')

_DARK = {
    "#fcfdfb": "#101614", "#ffffff": "#101614", "#16211d": "#e9efec", "#4a5852": "#aebbb5",
    "#ccd6cf": "#34423d", "#ccd3cf": "#34423d", "#6f7a75": "#8d9993", "#fff3d6": "#33290f",
    "#a87a10": "#f2bd45", "#0b8a72": "#4fdcb0", "#2c4fb8": "#c9def6", "#7d2a12": "#dc6238",
    "#c2489f": "#cf62b8", "#2b3236": "#93a49d", "#dcebe3": "#2a5146", "#b3d6c6": "#376b5c",
    "#84bda7": "#488975", "#529f88": "#61a892", "#267d68": "#8accb6", "#0c5546": "#c3efdf",
}  # fmt: skip
"""Colours of a dark page, by those of a light one; both from the style sheet's tokens."""

DARK_STYLE = (
    "@media (prefers-color-scheme:dark){"
    + "".join(
        f'[{part}="{light}" i]{{{part}:{dark}}}'
        for light, dark in _DARK.items()
        for part in ("fill", "stroke")
    )
    + "}"
)
PICTURE_POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(sha256(DARK_STYLE.encode()).digest()).decode()
    + "'"
)
"""Policy of a drawing opened by itself: its one style is named by its hash."""


def drawing(
    release: OpenedRelease, entity_id: str, name: str, *, narrow: bool = False, bare: bool = False
) -> str | None:
    """Return a figure as SVG in the light colours, or None where there is nothing to draw.

    Parameters
    ----------
    release, entity_id, name
        Which figure.
    narrow
        For a phone.
    bare
        Without title and place, for a page that says them.
    """
    paper = Paper(NARROW if narrow else WIDE, bare)
    return _drawing(release, entity_id, name, paper, get_language() or FALLBACK)


def for_page(svg: str, size: tuple[int, int] | None) -> str:
    """Return a drawing that follows the page into the dark, in the place the page keeps for it.

    Its letters may make it some px wider, a language a line higher: then it is scaled.
    """
    head, rest = svg.split(">", 1)
    if size is not None:
        head = _SIZES.sub(
            f' width="{size[0]}" height="{size[1]}" preserveAspectRatio="xMinYMin"', head, count=1
        )
    return f"{head}><style>{DARK_STYLE}</style>{rest}"


def specification(
    release: OpenedRelease, entity_id: str, name: str, *, narrow: bool = False, bare: bool = False
) -> bytes | None:
    """Return a figure to explore as Vega-Lite in JSON, or None where there is nothing to draw."""
    paper = Paper(NARROW if narrow else WIDE, bare)
    return spec_of(lambda: BY_NAME[name].figure(release, release.entities[entity_id], paper))


def spec_of(draw: Callable[[], Figure | None]) -> bytes | None:
    """Return a drawing to explore as Vega-Lite in JSON, in the language of the request."""
    with spoken(tongue_here()), exploring():
        figure = draw()
    return None if figure is None else json.dumps(figure.spec, ensure_ascii=False).encode()


def png(svg: str) -> bytes:
    """Return a drawing as PNG, two pixels per unit."""
    import vl_convert  # noqa: PLC0415 - 60 MB, only for drawing

    made: bytes = vl_convert.svg_to_png(svg, scale=2)
    return made


@lru_cache(maxsize=512)
def _drawing(
    release: OpenedRelease, entity_id: str, name: str, paper: Paper, language: str
) -> str | None:  # fmt: skip
    del language  # of the request: what is kept is kept by language
    kind = f"{paper.width:g}-bare" if paper.bare else f"{paper.width:g}"
    return on_disk(
        release, f"{entity_id}-{name}-{kind}",
        lambda: BY_NAME[name].figure(release, release.entities[entity_id], paper),
    )  # fmt: skip


def on_disk(release: OpenedRelease, name: str, draw: Callable[[], Figure | None]) -> str | None:
    """Return a drawing as SVG, drawn once and kept on disk; None where there is nothing to draw.

    It is in the language of the request.
    """
    path = folder(release) / f"{name}-{get_language() or FALLBACK}.svg"
    if path.is_file():
        return path.read_text(encoding="utf-8") or None
    with spoken(tongue_here()):
        figure = draw()
    svg = figure.to_svg() if figure is not None else ""
    write(path, svg)
    return svg or None


def folder(release: OpenedRelease) -> Path:
    """Return where the drawings of a release lie: another version draws anew."""
    return Path(settings.DATA) / "drawings" / f"{release.hash[:16]}-{version('rarecare')}"


def write(path: Path, text: str) -> None:
    """Write a file whole, or not at all: a drawing that cannot be kept is only drawn again."""
    if settings.DEBUG:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, made = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(made).replace(path)
    except OSError as error:
        log.warning("a drawing cannot be kept: %s", error)
