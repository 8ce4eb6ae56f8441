"""Drawings of comparisons: dots on intervals, maps; in the language of the request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import polars as pl
from django.utils.translation import gettext as _

from rarecare.figures import Figure, country_map, rates_figure
from rarecare.figures.country_map import map_codes
from rarecare.portal import numbers
from rarecare.portal.comparing.measures import Measure, Row, measures, shrunken_rows
from rarecare.portal.estimates import words
from rarecare.portal.estimates.drawings import NARROW, WIDE, country_name, per_100_000
from rarecare.portal.estimates.pictures import on_disk, spec_of
from rarecare.portal.estimates.rows import FEWEST
from rarecare.portal.estimates.sizes import Size, size_of
from rarecare.portal.names import name_text
from rarecare.portal.opened import Entity, OpenedRelease, once
from rarecare.results import OK
from rarecare.study import schema

COUNTRIES, OBSERVED, SHRUNKEN = "countries", "map-observed", "map-shrunken"
NAMES = (COUNTRIES, OBSERVED, SHRUNKEN)
MOST = 40
_NUMBERS = dict.fromkeys(("estimate", "lower", "upper", "level"), pl.Float64)
_TYPES = _NUMBERS | {"reason": pl.String, "n": pl.Int64, "method": pl.String}


def drawable(measure: Measure, row: Row | None) -> bool:
    """Return whether a row is drawn: it has a number, a percentage of enough people."""
    if row is None or row["status"] != OK or row["lower"] is None:
        return False
    return not measure.survival or (row["n"] or 0) >= FEWEST


def rows_of(
    release: OpenedRelease, entity: Entity, measure: Measure, name: str
) -> dict[str, Row]:  # fmt: skip
    """Return the rows that a figure shows, by area."""
    if name == SHRUNKEN:
        return shrunken_rows(release, entity) if measure.shrunken else {}
    rows = measure.rows(release, entity)
    return rows if name == COUNTRIES else {a: row for a, row in rows.items() if a != schema.ALL}


def can_draw(release: OpenedRelease, entity: Entity, measure: Measure, name: str) -> bool:
    """Return whether there is something to draw."""
    rows = rows_of(release, entity, measure, name)
    shown = [area for area, row in rows.items() if drawable(measure, row) and area != schema.ALL]
    if name == COUNTRIES:
        return bool(shown)
    return any(_code(release, area) is not None for area in shown)


def drawing(
    release: OpenedRelease, entity: Entity, code: str, name: str, *, narrow: bool, bare: bool
) -> str | None:
    """Return a figure as SVG, or None where there is nothing to draw.

    Parameters
    ----------
    release, entity
        Of whom.
    code
        Of the measure.
    name
        Of ``NAMES``.
    narrow
        For a phone.
    bare
        Without title and place, for a page that says them.
    """
    kind = f"{'narrow' if narrow else 'wide'}{'-bare' if bare else ''}"
    return on_disk(
        release, f"{entity.entity_id}-{code}-{name}-{kind}",
        lambda: _figure(release, entity, measures(release)[code], name,
                        WIDE if not narrow else NARROW, bare=bare),
    )  # fmt: skip


def specification(
    release: OpenedRelease, entity: Entity, code: str, name: str, *, narrow: bool, bare: bool
) -> bytes | None:  # fmt: skip
    """Return a figure to explore as Vega-Lite in JSON, or None where there is nothing to draw."""
    width, measure = NARROW if narrow else WIDE, measures(release)[code]
    return spec_of(lambda: _figure(release, entity, measure, name, width, bare=bare))


@once
def size(
    release: OpenedRelease, entity: Entity, code: str, name: str, *, narrow: bool
) -> Size | None:  # fmt: skip
    """Return width and height that a page keeps for a drawing, or None."""
    width = NARROW if narrow else WIDE
    return size_of(
        lambda: _figure(release, entity, measures(release)[code], name, width, bare=True), width
    )


def _figure(
    release: OpenedRelease, entity: Entity, measure: Measure, name: str, width: float, *, bare: bool
) -> Figure | None:  # fmt: skip
    if not can_draw(release, entity, measure, name):
        return None
    plain = f"{name_text(entity.name)}: {words.inside(measure.label)}"
    head: dict[str, Any] = {
        "title": "" if bare else plain, "synthetic": release.synthetic, "width": width,
    }  # fmt: skip
    if not bare:
        head["subtitle"] = _subtitle(release, name)
    made = (
        _dots(release, measure, rows_of(release, entity, measure, name), head)
        if name == COUNTRIES
        else _map(release, entity, measure, name, head)
    )
    return replace(made, title=plain) if bare else made


def _subtitle(release: OpenedRelease, name: str) -> str:
    diagnosed = _("Diagnosed %(period)s") % {"period": numbers.years(release.period)}
    shown = {SHRUNKEN: _("Shrunken towards the mean"), OBSERVED: _("Observed")}.get(name)
    return f"{shown}. {diagnosed}" if shown else diagnosed


def _dots(
    release: OpenedRelease, measure: Measure, rows: Mapping[str, Row], head: dict[str, Any]
) -> Figure:
    names = {area: country_name(release, area) for area in rows}
    return dots(measure, [(names[area], row) for area, row in rows.items()], head)


def dots(measure: Measure, named: Iterable[tuple[str, Row]], head: dict[str, Any]) -> Figure:
    """Return named rows as dots on their intervals; those not shown are said below."""
    pairs = list(named)
    shown = [(name, row) for name, row in pairs if drawable(measure, row)][:MOST]
    left = [name for name, row in pairs if not drawable(measure, row)]
    table = pl.DataFrame(
        [{"name": name} | _scaled(measure, row) for name, row in shown], schema_overrides=_TYPES
    )
    note = (
        _("Not shown, withheld, fewer than 10 people, or not estimable: %(names)s.")
        if measure.survival
        else _("Not shown, withheld or not estimable: %(names)s.")
    ) % {"names": ", ".join(left)}
    return rates_figure(
        table, by=["name"], value_label=measure.label, note=note if left else None, **head
    )


def _map(
    release: OpenedRelease, entity: Entity, measure: Measure, name: str, head: dict[str, Any]
) -> Figure:  # fmt: skip
    rows = rows_of(release, entity, measure, name)
    every = [*rows_of(release, entity, measure, OBSERVED).values(),
             *rows_of(release, entity, measure, SHRUNKEN).values()]  # fmt: skip
    scale = [row["estimate"] * measure.factor for row in every if drawable(measure, row)]
    table = pl.DataFrame(
        [{"area": code} | _mapped(measure, row)
         for area, row in rows.items() if (code := _code(release, area)) is not None],
        schema_overrides=_TYPES,
    )  # fmt: skip
    label = measure.label
    if name == SHRUNKEN:
        label = per_100_000(_("New cases per 100 000 people, adjusted for age and sex, shrunken"))
    return country_map(table, value_label=label, scale=scale, **head)


def _scaled(measure: Measure, row: Row) -> dict[str, Any]:
    kept = {name: row[name] for name in ("level", "status", "reason", "n", "method")}
    return kept | {
        name: None if row[name] is None else row[name] * measure.factor
        for name in ("estimate", "lower", "upper")
    }


def _mapped(measure: Measure, row: Row) -> dict[str, Any]:
    """Return a row for a map: a percentage of too few people is not estimable there."""
    if row["status"] != OK or drawable(measure, row):
        return _scaled(measure, row)
    return {"level": row["level"], "status": "not estimable", "n": row["n"], "method": None,
            "reason": _("fewer than %(n)s people") % {"n": FEWEST}, "estimate": None, "lower": None,
            "upper": None}  # fmt: skip


def _code(release: OpenedRelease, area: str) -> str | None:
    """Return a country's code on the map, or None where it is not there."""
    code = release.areas[area]["country"] or area
    return str(code) if code in map_codes() else None
