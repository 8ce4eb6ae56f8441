"""Maps of Europe: a value per country in six classes, raw beside shrunken on one scale.

Shapes: Natural Earth, public domain. Lambert azimuthal equal-area projection: Snyder, *Map
Projections: A Working Manual*, USGS Professional Paper 1395, 1987, section 24.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import polars as pl

from rarecare.errors import CodeError, UsageError
from rarecare.figures.dots import between, said_value
from rarecare.figures.explore import tip, tipped
from rarecare.figures.figure import Figure
from rarecare.figures.lexis import (
    FORETOLD,
    NO_DATA,
    NO_PERSON_YEARS,
    NOT_ESTIMABLE,
    VOID,
    VOIDS,
    XY,
    Area,
    Ring,
    classes,
    colour_of,
    fill_void,
    kind_of,
    legend,
)
from rarecare.figures.look import LINE, MISSING, NARROW, SYNTHETIC, capital, listed, wrap
from rarecare.figures.page import Body, Canvas, check_width, head_canvas, sheet
from rarecare.figures.tables import Row, check_table, in_brackets, level_of, why_missing
from rarecare.figures.words import say, to_say, tongue
from rarecare.results import OK, WITHHELD

AREA = "area"
_NEEDED = (AREA, "estimate", "lower", "upper", "level", "status")
_SEA, _LAND, _EDGE = "#f5f8f7", "#e4e8e5", "#ffffff"
_CENTRE = (11.0, 52.0)
_FRAME = (-0.30, 0.375, -0.352, 0.300)
"""Left, right, top and bottom of the map, in radii of the earth from its centre."""

_EUROSTAT = {"EL": "GR", "UK": "GB"}
_SMALL = frozenset(("AD", "CY", "LI", "LU", "MC", "MT", "SM"))
"""Countries too small to be seen, drawn as circles."""

_STEP, _LEAST, _RADIUS = 0.7, 1.5, 4.5
"""Px: detail of a border, smallest island, radius of circles."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """A country: its code and name, its polygons as arcs, and where it stands."""

    code: str
    name: str
    polygons: list[list[list[int]]]
    place: XY
    data: bool


@dataclass(frozen=True, slots=True)
class _Frame:
    """A panel of the canvas that holds a map, in px."""

    left: float
    top: float
    width: float

    @property
    def height(self) -> float:
        """Its height, which the projection gives."""
        return self.width * (_FRAME[3] - _FRAME[2]) / (_FRAME[1] - _FRAME[0])

    def at(self, point: XY) -> XY:
        """Return the px of a projected point."""
        scale = self.width / (_FRAME[1] - _FRAME[0])
        return self.left + (point[0] - _FRAME[0]) * scale, self.top + (point[1] - _FRAME[2]) * scale


def country_map(
    table: pl.DataFrame,
    *,
    value_label: str,
    title: str,
    beside: pl.DataFrame | None = None,
    names: tuple[str, str] = (to_say("Observed"), to_say("Shrunken towards the mean")),
    scale: Sequence[float] = (),
    subtitle: str | None = None,
    note: str | None = None,
    synthetic: bool = False,
    width: float = 600,
) -> Figure:
    """Return a map of Europe, or two on one scale: side by side, on a phone below one another.

    What is withheld is hatched, what is not estimable dotted; countries without a row are grey
    with a dashed edge. A rate that is foretold, the country's count being withheld, is hatched over
    its colour. Small countries are circles.

    Parameters
    ----------
    table
        One row per country: ``area`` (ISO code of two or three letters, or Eurostat's), and
        ``estimate``, ``lower``, ``upper``, ``level``, ``status``, and where there is one,
        ``reason``, ``method``: ``results.OWN_WITHHELD`` of what is foretold.
    value_label
        What the numbers are, with their unit: "New cases per 100 000 person-years".
    beside
        The same of a second map, such as shrunken rates.
    names
        Of both maps, where there are two.
    scale
        Further values that decide the classes, so that maps on several pages share them.
    title, subtitle, note, synthetic, width
        As for ``rates_figure``.

    Raises
    ------
    ColumnError
        A table lacks a column.
    CodeError
        An area is no country of the map.
    UsageError
        A table is empty or has several rows for one country, no country has a value, or the
        width is below 300.
    """
    check_width(width)
    tables = [table] if beside is None else [table, beside]
    maps = [_rows(own) for own in tables]
    level = listed(list(dict.fromkeys(map(level_of, tables))))
    values = [row["estimate"] for rows in maps for row in rows.values() if _valued(row)]
    if not values:
        raise UsageError(
            "no country has a value", value=f"{table.height} rows", allowed="one or more status ok"
        )
    values += scale
    limits = classes(values)
    head = head_canvas(
        width, title=title, subtitle=[subtitle] if subtitle else [], synthetic=synthetic
    )
    head.height += 10
    canvas = Canvas(head.width)
    _draw(canvas, maps, names, limits, narrow=width < NARROW)
    kinds = {kind_of(rows.get(s.code)) for rows in maps for s in _shapes() if s.data}
    legend(canvas, values, value_label, [kind for kind in VOIDS if kind in kinds])
    missing = [_missing(rows) for rows in maps]
    remarks = missing[0]
    if len(maps) > 1 and missing[0] != missing[1]:
        remarks = [f"{name}: {words}" for name, own in zip(names, missing, strict=True)
                   for words in own]  # fmt: skip
    told = [words for k, rows in enumerate(maps)
            for words in _words(rows, names[k] if len(maps) > 1 else "")]  # fmt: skip
    return sheet(
        head, Body(canvas.view(0), 0, 0), Canvas(head.width, 1), width=width, title=title,
        notes=[*remarks, *([note] if note else [])],
        description=[*([f"{say(SYNTHETIC)}."] if synthetic else []),
                     in_brackets(say("%(label)s by country") % {"label": value_label}, level),
                     *told, *remarks],
    )  # fmt: skip


def _rows(table: pl.DataFrame) -> dict[str, Row]:
    """Return the row of each country by its code.

    Raises
    ------
    CodeError
        An area is no country of the map.
    """
    check_table(table, _NEEDED, unique=[AREA])
    known = map_codes()
    areas = table[AREA].cast(pl.String).to_list()
    for area in areas:
        if area not in known:
            raise CodeError(
                "the map has no such country", column=AREA, value=area,
                allowed=sorted(set(known.values())), remedy="Draw the rows of countries only.",
            )  # fmt: skip
    table = table.with_columns(pl.Series(AREA, [known[area] for area in areas]))
    check_table(table, _NEEDED, unique=[AREA])
    return {row[AREA]: row for row in table.iter_rows(named=True)}


@cache
def _topology() -> dict[str, Any]:
    from rarecare.codes.packaged import packaged_text  # noqa: PLC0415 - the map alone needs it

    topology: dict[str, Any] = json.loads(packaged_text("tables/europe.topojson"))
    return topology


@cache
def _shapes() -> tuple[_Shape, ...]:
    """Return the countries of the map, those around it first."""
    shapes = []
    for name in ("context", "countries"):
        for own in _topology()["objects"][name]["geometries"]:
            told = own["properties"]
            polygons = own["arcs"] if own["type"] == "MultiPolygon" else [own["arcs"]]
            place = projected(told["lon"], told["lat"]) if "lon" in told else (0.0, 0.0)
            shapes.append(_Shape(own["id"], told["name"], polygons, place, name == "countries"))
    return tuple(shapes)


@cache
def map_codes() -> dict[str, str]:
    """Return the two letters of each country by every code it goes by."""
    codes = dict(_EUROSTAT)
    for own in _topology()["objects"]["countries"]["geometries"]:
        codes |= dict.fromkeys((own["id"], own["properties"]["iso3"]), own["id"])
    return codes


@cache
def _arcs() -> tuple[Ring, ...]:
    """Return the borders as projected points: differences of whole numbers, times a scale."""
    (scale_x, scale_y), (x0, y0) = (_topology()["transform"][k] for k in ("scale", "translate"))
    arcs = []
    for arc in _topology()["arcs"]:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.append(projected(x * scale_x + x0, y * scale_y + y0))
        arcs.append(points)
    return tuple(arcs)


def projected(longitude: float, latitude: float) -> XY:
    """Return a place on the map, in radii of the earth: right of and below the centre.

    >>> x, y = projected(11.0, 52.0)
    >>> abs(x) < 1e-12, abs(y) < 1e-12
    (True, True)
    """
    along, up = math.radians(longitude - _CENTRE[0]), math.radians(latitude)
    centre = math.radians(_CENTRE[1])
    k = math.sqrt(
        2
        / (1 + math.sin(centre) * math.sin(up) + math.cos(centre) * math.cos(up) * math.cos(along))
    )
    north = math.cos(centre) * math.sin(up) - math.sin(centre) * math.cos(up) * math.cos(along)
    return k * math.cos(up) * math.sin(along), -k * north


def _draw(
    canvas: Canvas, maps: Sequence[dict[str, Row]], names: tuple[str, str],
    limits: Sequence[float], *, narrow: bool,
) -> None:  # fmt: skip
    across = 1 if narrow or len(maps) == 1 else len(maps)
    each = (canvas.width - 16 * (across - 1)) / across
    if len(maps) == 1:
        each = min(each, 440.0)
    titles = [wrap(names[k], width=each) if len(maps) > 1 else [] for k in range(len(maps))]
    y = 0.0
    for start in range(0, len(maps), across):
        row = range(start, start + across)
        top = y + LINE * max(len(titles[k]) for k in row) + (4 if len(maps) > 1 else 0)
        for k in row:
            x = (k - start) * (each + 16)
            for line, words in enumerate(titles[k]):
                canvas.text(x, y + LINE * (line + 1) - 4, words, "strong")
            frame = _Frame(x + 1, top, each - 2)
            _map(canvas, frame, maps[k], limits)
        y = top + frame.height + 12
    canvas.height = y - 6


def _map(canvas: Canvas, frame: _Frame, rows: dict[str, Row], limits: Sequence[float]) -> None:
    """Draw one map: the land around, countries without a value, then those with one."""
    canvas.box(frame.left, frame.top, frame.left + frame.width, frame.top + frame.height,
               color=_SEA)  # fmt: skip
    arcs = [_thinned([frame.at(point) for point in arc]) for arc in _arcs()]
    found = [(shape, _polygons(shape, arcs, frame)) for shape in _shapes()]
    _areas(canvas, [(polygons, _LAND, "") for s, polygons in found if not s.data],
           stroke=_EDGE, strokeWidth=0.6)  # fmt: skip
    land = [(s.code, polygons) for s, polygons in found if s.data]
    small = [(s.code, [[_circle(frame.at(s.place))]]) for s, _ in found
             if s.code in _SMALL and s.code in rows]  # fmt: skip
    for areas, edge in ((land, _EDGE), (small, MISSING)):
        _layer(canvas, areas, rows, limits, edge=edge)


def _layer(
    canvas: Canvas, areas: Sequence[tuple[str, Area]], rows: dict[str, Row],
    limits: Sequence[float], *, edge: str,
) -> None:  # fmt: skip
    """Draw areas without a row, without a value, then those with one, each over the one before."""
    kinds: dict[str, list[tuple[Area, str, str]]] = {}
    for code, area in areas:
        kind = kind_of(rows.get(code))
        kind = NO_DATA if kind == NO_PERSON_YEARS else kind
        colour = colour_of(rows[code]["estimate"], limits) if _valued(rows.get(code)) else VOID
        kinds.setdefault(kind, []).append((area, colour, code))

    def told(code: str) -> dict[str, str]:
        row = rows.get(code)
        if row is None:
            return tip(f"{_name(code)}: {say(VOIDS[NO_DATA])}")
        value = said_value(row, between()) if _valued(row) else why_missing(row)
        mark = f" ({say(VOIDS[FORETOLD])})" if kind_of(row) == FORETOLD else ""
        return tip(f"{_name(code)}: {value}{mark}")

    _areas(canvas, kinds.get(NO_DATA, []), told=told, stroke=MISSING, strokeWidth=0.6,
           strokeDash=[2, 2])  # fmt: skip
    for kind in (WITHHELD, NOT_ESTIMABLE):
        _areas(canvas, kinds.get(kind, []), told=told, stroke=MISSING, strokeWidth=0.6)
        fill_void(canvas, kind, [area for area, _, _ in kinds.get(kind, [])], apart=4.5)
    for kind in (OK, FORETOLD):
        _areas(canvas, kinds.get(kind, []), told=told, stroke=edge, strokeWidth=0.7)
    fill_void(canvas, FORETOLD, [area for area, _, _ in kinds.get(FORETOLD, [])], apart=6.5)


def _thinned(points: Ring) -> Ring:
    """Return a border without the points too near to the one before; its ends stay."""
    kept = points[:1]
    for point in points[1:-1]:
        if math.dist(point, kept[-1]) >= _STEP:
            kept.append(point)
    return [*kept, points[-1]]


def _polygons(shape: _Shape, arcs: Sequence[Ring], frame: _Frame) -> Area:
    """Return a country's polygons in px, cut at the frame; islands of few px are left out."""
    polygons = []
    for polygon in shape.polygons:
        rings = []
        for places in polygon:
            ring: Ring = []
            for place in places:
                arc = arcs[place] if place >= 0 else arcs[~place][::-1]
                ring += arc[1:] if ring else arc
            ring = clipped(ring, frame)
            if len(ring) > 3 and _extent(ring) > _LEAST:
                rings.append([*ring, ring[0]])
        if rings:
            polygons.append(rings)
    return polygons


def _extent(ring: Ring) -> float:
    """Return the longer side of the box around a ring, in px."""
    xs, ys = [x for x, _ in ring], [y for _, y in ring]
    return max(max(xs) - min(xs), max(ys) - min(ys))


def clipped(ring: Ring, frame: _Frame) -> Ring:
    """Return the part of a ring within a frame (Sutherland & Hodgman, Comm. ACM 1974;17:32)."""
    sides = ((0, 1, frame.left), (0, -1, frame.left + frame.width), (1, 1, frame.top),
             (1, -1, frame.top + frame.height))  # fmt: skip
    for axis, sign, edge in sides:
        kept: Ring = []
        for before, point in zip([*ring[-1:], *ring[:-1]], ring, strict=True):
            a, b = sign * (before[axis] - edge), sign * (point[axis] - edge)
            if (a >= 0) != (b >= 0):
                share = a / (a - b)
                kept.append((before[0] + share * (point[0] - before[0]),
                             before[1] + share * (point[1] - before[1])))  # fmt: skip
            if b >= 0:
                kept.append(point)
        ring = kept
    return ring


def _circle(centre: XY) -> Ring:
    angles = [2 * math.pi * k / 20 for k in range(21)]
    return [(centre[0] + _RADIUS * math.cos(a), centre[1] + _RADIUS * math.sin(a)) for a in angles]


def _no_words(code: str) -> dict[str, str]:
    del code
    return {}


def _areas(
    canvas: Canvas, areas: Sequence[tuple[Area, str, str]], *,
    told: Callable[[str], dict[str, str]] = _no_words, **look: Any,
) -> None:  # fmt: skip
    """Draw areas in px, each in its colour; an area without a value would vanish by default.

    ``told`` gives what an area says where the figure is explored.
    """
    values = [
        {
            "type": "Feature", "fill": colour, "area": code, **told(code),
            "geometry": {"type": "MultiPolygon", "coordinates": [
                [[[round(x, 1), round(y, 1)] for x, y in ring] for ring in polygon]
                for polygon in polygons
            ]},
        }
        for polygons, colour, code in areas
    ]  # fmt: skip
    if values:
        canvas.marks.append(
            {
                "data": {"values": values},
                "mark": {
                    "type": "geoshape",
                    "invalid": None,
                    "clip": False,
                    "strokeJoin": "round",
                    **look,
                },
                "projection": {"type": "identity", "scale": 1, "translate": [0, 0]},
                "encoding": tipped(
                    {"fill": {"field": "fill", "type": "nominal", "scale": None}}, values
                ),
            }
        )


def _name(code: str) -> str:
    name = next(shape.name for shape in _shapes() if shape.code == code)
    return tongue().country(code, name)


def _valued(row: Row | None) -> bool:
    """Return whether a country is drawn in a colour."""
    return kind_of(row) in (OK, FORETOLD)


def _missing(rows: dict[str, Row]) -> list[str]:
    """Return the countries that have a row and no value of their own, by their reason."""
    missing: dict[str, list[str]] = {}
    for code, row in rows.items():
        if kind_of(row) != OK:
            why = say(VOIDS[FORETOLD]) if _valued(row) else why_missing(row)
            missing.setdefault(why, []).append(_name(code))
    return [f"{capital(why)}: {listed(sorted(names))}." for why, names in missing.items()]


def _words(rows: dict[str, Row], name: str) -> list[str]:
    """Return the ends of a map and then all its countries from the highest, in words."""
    shown = {_name(code): row for code, row in rows.items() if _valued(row)}
    order = sorted(shown, key=lambda n: (-shown[n]["estimate"], n))
    said = [f"{country} {said_value(shown[country], between())}" for country in order]
    before = f"{name}: " if name else ""
    if len(said) < 2:
        return [f"{before}{said[0] if said else NO_DATA}."]
    ends = say("highest %(high)s, lowest %(low)s") % {"high": order[0], "low": order[-1]}
    return [f"{before}{ends if name else capital(ends)}. {'; '.join(said)}."]
