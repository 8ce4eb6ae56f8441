"""The table of a cancer by country: the whole, then countries by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from rarecare.portal import numbers
from rarecare.portal.estimates import words
from rarecare.portal.estimates.facts import Facts, Row, ok
from rarecare.portal.estimates.rows import (
    country_rows,
    incidence_by_country,
    survival_by_country,
)
from rarecare.portal.opened import Entity, OpenedRelease
from rarecare.study import schema


def country_table(release: OpenedRelease, entity: Entity, facts: Facts) -> dict[str, Any] | None:
    """Return people, rates and survival by country; None of fewer than two countries."""
    rates = {row["area"]: row for row in incidence_by_country(release, entity)}
    alive = {row["area"]: row for row in survival_by_country(release, entity)}
    shrunken = {row["area"]: row for row in country_rows(release, entity, schema.SHRUNKEN)}
    areas = list(dict.fromkeys([*rates, *alive]))
    if sum(area != schema.ALL for area in areas) < 2:
        return None
    rate, percent, count = numbers.rate.here(), numbers.percent.here(), numbers.count.here()
    columns = [
        _("People"),
        _("New cases per 100 000, age-standardised"),
        *([_("Shrunken rate")] if shrunken else []),
        _("Net survival at %(years)s (%%)") % {"years": words.in_years(facts.spoken_of)},
    ]
    named = sorted(
        ((area != schema.ALL, _name(release, area), area) for area in areas),
        key=lambda item: item[:2],
    )
    lines = [
        {
            "name": name,
            "strong": area == schema.ALL,
            "cells": [
                _people(rates.get(area), count),
                _cell(rates.get(area), rate),
                *([_cell(shrunken.get(area), rate)] if shrunken else []),
                _cell(alive.get(area), percent),
            ],
        }
        for _whole, name, area in named
    ]
    return {
        "caption": _("By country, 95%% interval in brackets; diagnosed %(period)s")
        % {"period": numbers.years(release.period)}
        + (f".{told}" if (told := words.foretold_told(shrunken.values())) else ""),
        "columns": columns,
        "lines": lines,
    }


def _name(release: OpenedRelease, area: str) -> str:
    if area == schema.ALL:
        return _("All countries together")
    row = release.areas[area]
    return numbers.country(row["country"] or area, row["name"])


def _people(row: Row | None, write: Callable[[float], str]) -> dict[str, Any]:
    if row is None or row["n"] is None:
        return {"state": words.state(row), "reason": row["reason"] if row else ""}
    return {"value": write(row["n"])}


def _cell(row: Row | None, write: Callable[[float], str]) -> dict[str, Any]:
    if row is None or not ok(row):
        return {"state": words.state(row), "reason": row["reason"] if row else ""}
    interval = f"{write(row['lower'])}–{write(row['upper'])}" if row["lower"] is not None else ""
    return {"value": words.starred(row, write(row["estimate"])), "interval": interval}


def places_of(release: OpenedRelease) -> str:
    """Return the countries together, in words."""
    countries = [row for row in release.areas.values() if row["kind"] == "country"]
    if len(countries) == 1:
        return numbers.country(countries[0]["country"], countries[0]["name"])
    return ngettext("%(number)s country", "%(number)s countries", len(countries)) % {
        "number": numbers.number(len(countries))
    }
