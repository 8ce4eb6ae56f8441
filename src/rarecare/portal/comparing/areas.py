"""A country for those who plan: new cases, people alive, what is to come, needs, hospitals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
from django.utils.html import format_html
from django.utils.translation import gettext as _

from rarecare.portal import numbers
from rarecare.portal.comparing import hospitals
from rarecare.portal.comparing.comparison import cell, name_of
from rarecare.portal.comparing.measures import compared_areas, longest_window, measures
from rarecare.portal.comparing.sides import cancers
from rarecare.portal.comparing.ways import Ways
from rarecare.portal.estimates import words
from rarecare.portal.estimates.facts import ok
from rarecare.portal.estimates.rows import spoken_of
from rarecare.portal.names import name_text, named
from rarecare.portal.opened import Entity, OpenedRelease
from rarecare.portal.places import Places
from rarecare.study import schema

Row = Mapping[str, Any]
TOGETHER = ("rare", "all")
"""The whole that a country is first spoken of by."""


def country_lines(release: OpenedRelease, places: Places) -> list[dict[str, Any]]:
    """Return the countries, and the regions after them, with their new cases of all cancers."""
    regions = [area for area, row in release.areas.items() if row["kind"] == "region"]
    together = _together(release)
    crude = measures(release)["crude-incidence"]
    lines = []
    for area in [*compared_areas(release), *sorted(regions)]:
        row = crude.row(release, together, area) if together else None
        lines.append({
            "name": name_of(release, area), "address": Ways(places).country(area),
            "strong": area == schema.ALL, "region": area in regions,
            "cases": {"value": numbers.number(row["n"])} if row is not None and row["n"] is not None
            else {"state": words.state(row)},
            "rate": cell(crude, row),
        })  # fmt: skip
    return lines


def _together(release: OpenedRelease) -> Entity | None:
    return next((release.entities[one] for one in TOGETHER if one in release.entities), None)


def country_page(
    release: OpenedRelease, area: str, places: Places, *, survival: bool
) -> dict[str, Any]:  # fmt: skip
    """Return what a page says of a country.

    Parameters
    ----------
    survival
        Whether it is shown.
    """
    ways = Ways(places)
    every = measures(release)
    together = _together(release)
    own = [*([together] if together else []), *cancers(release, None)]
    registries = [row["name"] for row in release.areas.values()
                  if row["kind"] == "registry" and row["country"] == area]  # fmt: skip
    return {
        "registries": registries,
        "said": _said(release, together, area),
        "burden": _burden(release, own, area, ways, survival=survival),
        "projected": _ahead(release, area, schema.PROJECTED),
        "expected": _ahead(release, area, schema.EXPECTED),
        "needs": hospitals.needs(release, own, area, ways),
        "centralisation": hospitals.volumes(release, own, area, ways),
        "hospitals": hospitals.each(release, together, area),
        "measures": [(ways.country(area, measure.code), measure.title)
                     for measure in every.values()],
        "download": f"/api/v1/estimates?area={area}&format=csv",
    }  # fmt: skip


def _said(release: OpenedRelease, together: Entity | None, area: str) -> list[str]:
    """Return the country in sentences, each with its number or why there is none."""
    if together is None:
        return []
    found = []
    crude = measures(release)["crude-incidence"].row(release, together, area)
    years = _length(release.period)
    if crude is not None and ok(crude) and crude["n"] is not None:
        found.append(_(
            "%(name)s: %(n)s new cases in %(years)s years, %(value)s per 100 000 people a year "
            "(%(interval)s)."
        ) % {"name": name_text(together.name), "n": numbers.number(crude["n"]),
             "years": numbers.number(years), "value": numbers.rate(crude["estimate"]),
             "interval": numbers.span(crude["lower"], crude["upper"], numbers.rate)})  # fmt: skip
    else:
        found.append(words.missing(words.AUTHORITY, crude))
    window = longest_window(release)
    if window is not None:
        alive = release.row(together.entity_id, schema.PREVALENT, area=area, period=window)
        if alive is not None and ok(alive):
            found.append(words.alive(words.AUTHORITY, alive, place=name_of(release, area)))
        else:
            found.append(words.missing(words.AUTHORITY, alive))
    return [words.said(line, synthetic=release.synthetic) for line in found]


def _burden(
    release: OpenedRelease, own: list[Entity], area: str, ways: Ways, *, survival: bool
) -> dict[str, Any]:  # fmt: skip
    """Return new cases, rates, people alive and survival by family."""
    every = measures(release)
    crude = every["crude-incidence"]
    window = longest_window(release)
    after = every.get(f"survival-{spoken_of(release):g}y") if survival else None
    columns = [_("New cases a year"), f"{crude.title} ({crude.unit})"]
    if window is not None:
        columns.append(_("People alive, diagnosed in %(period)s") % {
            "period": numbers.years(window)})  # fmt: skip
    if after is not None:
        columns.append(f"{after.title} (%)")
    years = _length(release.period)
    lines = []
    for entity in own:
        rate = crude.row(release, entity, area)
        cells = [_a_year(rate, years), cell(crude, rate)]
        if window is not None:
            cells.append(_counted(
                release.row(entity.entity_id, schema.PREVALENT, area=area, period=window)
            ))  # fmt: skip
        if after is not None:
            cells.append(cell(after, after.row(release, entity, area)))
        lines.append({
            "name": named(entity.name), "strong": entity.tier < 0, "cells": cells,
            "address": ways.country(area, "incidence", entity.entity_id) if entity.tier == 0
            else ways.places.cancer(entity),
        })  # fmt: skip
    return {"caption": _("Burden in %(place)s, diagnosed %(period)s; 95%% interval in brackets") % {
        "place": name_of(release, area), "period": numbers.years(release.period)},
        "columns": columns, "lines": lines, "first": _("Cancer")}  # fmt: skip


def _a_year(row: Row | None, years: int) -> dict[str, Any]:
    """Return the mean of cases a year, with the exact interval of the rate."""
    if row is None or not ok(row) or not row["person_years"]:
        return {"state": words.state(row), "reason": row["reason"] if row else ""}
    scale = row["person_years"] / 100_000 / years
    low, high = row["lower"] * scale, row["upper"] * scale
    return {"value": numbers.people(row["estimate"] * scale),
            "interval": f"{numbers.people(low)}–{numbers.people(high)}"}  # fmt: skip


def _counted(row: Row | None) -> dict[str, Any]:
    if row is None or not ok(row):
        return {"state": words.state(row), "reason": row["reason"] if row else ""}
    interval = "" if row["lower"] is None else words.dashed(row, numbers.people)
    return {"value": numbers.people(row["estimate"]), "interval": interval}


def _ahead(release: OpenedRelease, area: str, measure: str) -> dict[str, Any] | None:
    """Return cases to come by cancer and years, or None where the release has none."""
    rows = release.release.estimates.filter(
        pl.col("measure") == measure, pl.col("area") == area, pl.col("sex") == schema.ALL
    )
    if rows.is_empty():
        return None
    lines = [
        {"name": format_html("{}, {}", named(release.entities[row["entity_id"]].name),
                             numbers.years(row["period"])),
         "cells": [_counted(row), {"value": row["method"]}]}
        for row in rows.sort("entity_id", "period").iter_rows(named=True)
    ]  # fmt: skip
    titles = {
        schema.PROJECTED: _("Projected new cases a year; prediction interval in brackets"),
        schema.EXPECTED: _("Expected new cases a year from the rates of all countries; interval "
                           "in brackets"),
    }  # fmt: skip
    return {"caption": titles[measure], "columns": [_("New cases a year"), _("Method")],
            "lines": lines, "first": _("Cancer and years")}  # fmt: skip


def _length(period: str) -> int:
    first, _dash, last = period.partition("-")
    return int(last or first) - int(first) + 1
