"""The place a page keeps for each drawing, so that nothing moves when it arrives.

It is measured once for a release, on the English drawing, before the portal opens, and kept on
disk; of a release that comes later, a page measures for itself. In another language a drawing may
be a line higher: it is then shown a little smaller, in the same place.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from django.utils.translation import override

from rarecare.figures import Figure
from rarecare.figures.words import ENGLISH, spoken
from rarecare.portal.estimates.drawings import BY_NAME, NARROW, WIDE, Paper
from rarecare.portal.estimates.pictures import folder, write
from rarecare.portal.languages import FALLBACK
from rarecare.portal.opened import OpenedRelease, once

Size = tuple[int, int]
_FILE = "sizes.json"


def size_of(draw: Callable[[], Figure | None], width: float) -> Size | None:
    """Return width and height of a drawing in English, known before it is drawn."""
    with override(FALLBACK), spoken(ENGLISH):
        figure = draw()
    return None if figure is None else (round(width), round(figure.height))


def size(release: OpenedRelease, entity_id: str, name: str, *, narrow: bool) -> Size | None:
    """Return width and height that a page keeps for a figure, or None where there is none."""
    known = _known(release)
    key = f"{entity_id} {name} {'narrow' if narrow else 'wide'}"
    if key not in known:
        known |= _kept(release)
    if key not in known:
        known[key] = _size(release, entity_id, name, narrow=narrow)
    return known[key]


def measure(release: OpenedRelease) -> None:
    """Measure every figure of a release and keep the sizes, unless they are kept already."""
    path = folder(release) / _FILE
    if path.is_file():
        return
    for entity_id in release.entities:
        for name in BY_NAME:
            for narrow in (False, True):
                size(release, entity_id, name, narrow=narrow)
    write(path, json.dumps(_known(release)))


def _size(release: OpenedRelease, entity_id: str, name: str, *, narrow: bool) -> Size | None:
    paper = Paper(NARROW if narrow else WIDE, bare=True)
    return size_of(
        lambda: BY_NAME[name].figure(release, release.entities[entity_id], paper), paper.width
    )


@once
def _known(release: OpenedRelease) -> dict[str, Size | None]:
    """Return the sizes this process knows; it adds to them."""
    del release
    return {}


def _kept(release: OpenedRelease) -> dict[str, Size | None]:
    """Return the sizes that were measured before; a process beside this one may have."""
    path = folder(release) / _FILE
    if not path.is_file():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    return {key: None if one is None else (one[0], one[1]) for key, one in found.items()}
