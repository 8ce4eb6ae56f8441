"""The drawings of the report, as SVG text for the page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from rarecare.codes.packaged import packaged_text
from rarecare.figures import Figure, rates_figure, survival_figure
from rarecare.figures.figure import renamed, without_roles
from rarecare.results import OK
from rarecare.study import schema
from rarecare.study.release import Release
from rarecare.study.report.content import Numbers, places

Row = Mapping[str, Any]
_COLOURS = ("#dcebe3", "#b3d6c6", "#84bda7", "#529f88", "#267d68", "#0c5546")
_EMPTY = {"withheld": "#cfd3d0", "not estimable": "#e7e7e2", "no data": "#f3f3f0"}
_STEPS = (1, 2, 3, 4, 5, 10, 15, 20)
_CLASSES = 6


def svg(figure: Figure, name: str) -> str:
    """Return a figure's SVG with identifiers of its own, so that several fit on one page."""
    return renamed(figure.to_svg(), name)


def curve(release: Release, entity: str, title: str, *, width: float) -> Figure | None:
    """Return the survival curve of an entity over all areas; None where nothing is shown."""
    names = {"15-99": "Adults", "0-14": "Children"}
    pooled = release.estimates.filter(
        measure=schema.NET_SURVIVAL, entity_id=entity, area=schema.ALL, sex=schema.ALL
    )
    rows = pooled.filter(pl.col("age_group").is_in(list(names)), standard=schema.NONE)
    rows = rows.sort("age_group", "time_years").with_columns(
        ages=pl.col("age_group").replace_strict(names)
    )
    shown = rows.group_by("ages").agg((pl.col("status") == OK).any()).filter("status")["ages"]
    rows = rows.filter(pl.col("ages").is_in(shown.implode()))
    if rows.is_empty():
        return None
    start = rows.unique("ages", keep="first", maintain_order=True).with_columns(
        time_years=pl.lit(0.0), estimate=pl.lit(1.0), se=pl.lit(0.0), lower=pl.lit(1.0),
        upper=pl.lit(1.0), at_risk="n", status=pl.lit(OK), reason=pl.lit(None, pl.String),
    )  # fmt: skip
    table = pl.concat([start, rows]).sort("ages", "time_years")
    return survival_figure(
        table,
        by=["ages"],
        title=title,
        subtitle=f"Diagnosed {rows['period'][0]}, all areas",
        synthetic=bool(release.manifest["study"]["synthetic"]),
        width=width,
    )


def dots(
    release: Release,
    rows: Sequence[tuple[str, Row | None]],
    *,
    label: str,
    title: str,
    width: float,
    factor: float = 1.0,
    threshold: float | None = None,
) -> Figure | None:
    """Return named rows as dots on their intervals; None where no row has a number."""
    given = [(name, row) for name, row in rows if row is not None]
    if not any(row["status"] == OK for _, row in given):
        return None
    table = pl.DataFrame(
        [
            {"name": name} | {k: row[k] for k in ("n", "level", "status", "reason")}
            | {k: row[k] and row[k] * factor for k in ("estimate", "lower", "upper")}
            for name, row in given
        ],
        schema_overrides=dict.fromkeys(("estimate", "lower", "upper"), pl.Float64)
        | {"n": pl.Int64, "reason": pl.String},
    )  # fmt: skip
    return rates_figure(
        table,
        value_label=label,
        by=["name"],
        title=title,
        subtitle=f"Diagnosed {given[0][1]['period']}",
        synthetic=bool(release.manifest["study"]["synthetic"]),
        threshold=threshold,
        width=width,
    )


def europe(release: Release, numbers: Numbers, entity: str) -> tuple[str, list[tuple[str, str]]]:
    """Return a map of net survival by country, and its legend as colours and words."""
    import json  # noqa: PLC0415 - the map alone needs it

    import vl_convert  # noqa: PLC0415 - 60 MB, loaded when drawing

    values = {
        row["area"]: numbers.at(entity, row["area"], numbers.spoken_of)
        for row in places(release, "country")
    }
    shown = {k: 100 * v["estimate"] for k, v in values.items() if v and v["status"] == OK}
    bounds = _round_classes(list(shown.values()))
    topology = json.loads(packaged_text("tables/europe.topojson"))
    legend = [
        (colour, f"{low:g} to {high:g}%")
        for colour, low, high in zip(_COLOURS, bounds, bounds[1:], strict=False)
    ]
    for shape in topology["objects"]["countries"]["geometries"]:
        own = shape["properties"]
        code = own["iso2"]
        row = values.get(code)
        own["fill"] = _EMPTY["no data"] if row is None else _EMPTY.get(row["status"], "")
        if code in shown:
            place = sum(shown[code] >= bound for bound in bounds[1:-1])
            own["fill"] = _COLOURS[min(place, _CLASSES - 1)]
    spec = _map_spec(topology, list(shown))
    text = without_roles(renamed(vl_convert.vegalite_to_svg(json.dumps(spec)), "map"))
    described = ", ".join(f"{code} {value:.0f}%" for code, value in sorted(shown.items()))
    head = (
        f"<title>Net survival at {numbers.spoken_of:g} years by country</title>"
        f"<desc>{described or 'No country has a number.'}</desc>"
    )
    text = re.sub(r"<svg ([^>]*)>", rf'<svg role="img" \1>{head}', text, count=1)
    return text, legend


def _map_spec(topology: dict[str, Any], shown: Sequence[str]) -> dict[str, Any]:
    def layer(feature: str, **mark: Any) -> dict[str, Any]:
        return {
            "data": {"values": topology, "format": {"type": "topojson", "feature": feature}},
            "mark": {"type": "geoshape", "invalid": None, **mark},
        }

    countries = layer("countries", stroke="#ffffff", strokeWidth=0.7)
    countries["encoding"] = {"fill": {"field": "properties.fill", "type": "nominal", "scale": None}}
    small = {"AD", "CY", "LI", "LU", "MC", "MT", "SM"}
    points = [
        shape["properties"]
        for shape in topology["objects"]["countries"]["geometries"]
        if shape["properties"]["iso2"] in small & set(shown)
    ]
    circles = {
        "data": {"values": points},
        "mark": {
            "type": "circle",
            "size": 130,
            "stroke": "#16211d",
            "strokeWidth": 1,
            "opacity": 1,
        },
        "encoding": {
            "longitude": {"field": "lon", "type": "quantitative"},
            "latitude": {"field": "lat", "type": "quantitative"},
            "fill": {"field": "fill", "type": "nominal", "scale": None},
        },
    }
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": 560,
        "height": 520,
        "background": "#fcfdfb",
        "config": {"view": {"stroke": None}},
        "projection": {
            "type": "azimuthalEqualArea",
            "rotate": [-15, -52, 0],
            "scale": 760,
            "translate": [262, 262],
            "clipExtent": [[0, 0], [560, 520]],
        },
        "layer": [layer("context", fill="#e4e8e5"), countries, *([circles] if points else [])],
    }


def _round_classes(values: Sequence[float]) -> list[float]:
    """Return the limits of six classes, round numbers that hold all values."""
    if not values:
        return []
    low, high = min(values), max(values)
    for step in _STEPS:
        first = step * (low // step)
        if first + _CLASSES * step > high:
            return [first + k * step for k in range(_CLASSES + 1)]
    return [0.0, *(high * k / _CLASSES for k in range(1, _CLASSES + 1))]
