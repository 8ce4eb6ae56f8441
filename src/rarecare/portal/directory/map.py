"""The map of the directory: where organisations are, drawn by the server, with links.

Shapes and projection are those of ``rarecare.figures.country_map`` (Natural Earth, public domain).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from rarecare.codes.packaged import packaged_text
from rarecare.figures.country_map import projected

WIDTH, HEIGHT = 640.0, 618.0
_LEFT, _TOP, _RIGHT = -0.30, -0.352, 0.375
_LEAST = 1.2
"""Px: what is nearer to the point before is left out of a border."""


@dataclass(frozen=True, slots=True)
class Land:
    """Paths of the map, as ``d`` of SVG."""

    countries: str
    around: str


@dataclass(frozen=True, slots=True)
class Point:
    """A point of the map."""

    x: float
    y: float
    what: Any


@cache
def _topology() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(packaged_text("tables/europe.topojson"))
    return found


@cache
def country_places() -> dict[str, tuple[float, float]]:
    """Return the middle of each country, latitude and longitude, by English name and code."""
    found = {}
    for one in _topology()["objects"]["countries"]["geometries"]:
        told = one["properties"]
        found[told["name"]] = found[one["id"]] = (told["lat"], told["lon"])
    return found


def _px(longitude: float, latitude: float) -> tuple[float, float]:
    x, y = projected(longitude, latitude)
    scale = WIDTH / (_RIGHT - _LEFT)
    return (x - _LEFT) * scale, (y - _TOP) * scale


@cache
def land() -> Land:
    """Return the land of the map, made once."""
    topology = _topology()
    (scale_x, scale_y), (x0, y0) = (topology["transform"][k] for k in ("scale", "translate"))
    arcs = []
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.append(_px(x * scale_x + x0, y * scale_y + y0))
        arcs.append(points)
    paths = {
        name: "".join(_path(one, arcs) for one in topology["objects"][name]["geometries"])
        for name in ("countries", "context")
    }
    return Land(paths["countries"], paths["context"])


def _path(shape: dict[str, Any], arcs: list[list[tuple[float, float]]]) -> str:
    polygons = shape["arcs"] if shape["type"] == "MultiPolygon" else [shape["arcs"]]
    parts = []
    for polygon in polygons:
        for places in polygon:
            ring: list[tuple[float, float]] = []
            for place in places:
                arc = arcs[place] if place >= 0 else arcs[~place][::-1]
                for point in arc:
                    if not ring or math.dist(point, ring[-1]) >= _LEAST:
                        ring.append(point)
            inside = any(-20 < x < WIDTH + 20 and -20 < y < HEIGHT + 20 for x, y in ring)
            if len(ring) > 3 and inside:
                parts.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in ring) + "Z")
    return "".join(parts)


def points(places: Iterable[tuple[float, float, Any]]) -> list[Point]:
    """Return latitude, longitude and what stands there as points; those off the map left out."""
    found = []
    for latitude, longitude, what in places:
        x, y = _px(longitude, latitude)
        if 0 <= x <= WIDTH and 0 <= y <= HEIGHT:
            found.append(Point(round(x, 1), round(y, 1), what))
    return found
