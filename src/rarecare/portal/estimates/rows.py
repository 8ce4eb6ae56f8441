"""The rows of a cancer that pages speak of and figures show, in order. Nothing is computed here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rarecare.portal.opened import Entity, OpenedRelease, once
from rarecare.results import OK
from rarecare.study import schema
from rarecare.study.stages import STAGES

Rows = Sequence[dict[str, Any]]

ADULTS, CHILDREN = "15-99", "0-14"
FEWEST = 10
"""No percentage of fewer people is drawn or said."""


@once
def main_ages(release: OpenedRelease, entity: Entity) -> str:
    """Return the ages survival is spoken of: adults, or children where most are children."""
    most = {ADULTS: 0, CHILDREN: 0}
    for row in release.rows(entity.entity_id).get(schema.NET_SURVIVAL, ()):
        if row["area"] == schema.ALL and row["sex"] == schema.ALL and row["age_group"] in most:
            most[row["age_group"]] = max(most[row["age_group"]], row["n"] or 0)
    return CHILDREN if most[CHILDREN] > most[ADULTS] else ADULTS


@once
def survival_rows(release: OpenedRelease, entity: Entity) -> Rows:
    """Return net survival of all areas on its grid of times."""
    ages = main_ages(release, entity)
    rows = [
        row
        for row in release.rows(entity.entity_id).get(schema.NET_SURVIVAL, ())
        if (row["area"], row["sex"], row["standard"], row["age_group"])
        == (schema.ALL, schema.ALL, schema.NONE, ages)
    ]
    return sorted(rows, key=lambda row: float(row["time_years"]))


@once
def stage_survival(release: OpenedRelease, entity: Entity) -> dict[str, dict[float, Any]]:
    """Return net survival of adults by stage and time, of the stages the release has."""
    rows = release.rows(entity.entity_id)
    found = {stage: rows.get(schema.of_stage(stage), ()) for stage in STAGES}
    return {stage: {row["time_years"]: row for row in own} for stage, own in found.items() if own}


@once
def conditional_survival(release: OpenedRelease, entity: Entity) -> dict[float, dict[float, Any]]:
    """Return net survival by years already lived and time from diagnosis, of the main ages."""
    ages = main_ages(release, entity)
    found: dict[float, dict[float, Any]] = {}
    for measure, rows in release.rows(entity.entity_id).items():
        if measure.startswith(schema.ALIVE_AFTER):
            own = {row["time_years"]: row for row in rows if row["age_group"] == ages}
            if own:
                found[float(measure.removeprefix(schema.ALIVE_AFTER))] = own
    return dict(sorted(found.items()))


@once
def age_rows(release: OpenedRelease, entity: Entity) -> Rows:
    """Return rates by five-year ages: of each sex, or of both where there is no choice."""
    rows = _by_age(release, entity)
    both = [row for row in rows if row["sex"] == schema.ALL]
    by_sex = [row for row in rows if row["sex"] != schema.ALL]
    shown, known = (
        sum(row["status"] == OK and bool(row["n"]) for row in some) for some in (by_sex, both)
    )
    # by sex where that leaves as many ages to see; a rarer cancer is seen better as one line
    chosen = by_sex if shown and shown >= 1.5 * known else both
    return sorted(chosen, key=lambda row: (row["sex"], _age(row["age_group"])))


@once
def age_rows_of_both(release: OpenedRelease, entity: Entity) -> Rows:
    """Return rates by five-year ages of both sexes together."""
    rows = [row for row in _by_age(release, entity) if row["sex"] == schema.ALL]
    return sorted(rows, key=lambda row: _age(row["age_group"]))


def _by_age(release: OpenedRelease, entity: Entity) -> Rows:
    return [
        row
        for row in release.rows(entity.entity_id).get(schema.INCIDENCE, ())
        if row["area"] == schema.ALL
        and row["age_group"] != schema.ALL
        and row["standard"] == schema.NONE
    ]


@once
def trend_rows(release: OpenedRelease, entity: Entity) -> Rows:
    """Return age-standardised rates of each year."""
    rows = [
        row
        for row in release.rows(entity.entity_id).get(schema.INCIDENCE, ())
        if (row["area"], row["sex"], row["age_group"]) == (schema.ALL,) * 3
        and row["standard"] != schema.NONE
        and "-" not in row["period"]
    ]
    return sorted(rows, key=lambda row: str(row["period"]))


@once
def prevalence_rows(release: OpenedRelease, entity: Entity) -> Rows:
    """Return people alive by the longest time since diagnosis, then ever diagnosed."""
    found = release.rows(entity.entity_id)
    rows = [
        row
        for measure in (schema.PREVALENT, schema.COMPLETE_PERSONS)
        for row in found.get(measure, ())
        if row["area"] == schema.ALL and row["sex"] == schema.ALL
    ]
    return sorted(
        rows,
        key=lambda row: (row["measure"] == schema.COMPLETE_PERSONS, length(row["period"])),
    )


def country_rows(release: OpenedRelease, entity: Entity, measure: str, **where: object) -> Rows:
    """Return one measure of the whole and of each country, in the order of their names."""
    order = release.order
    rows = [
        row
        for row in release.rows(entity.entity_id).get(measure, ())
        if row["area"] in order
        and row["sex"] == schema.ALL
        and all(row[name] == value for name, value in where.items())
    ]
    return sorted(rows, key=lambda row: order[row["area"]])


@once
def incidence_by_country(release: OpenedRelease, entity: Entity) -> Rows:
    """Return age-standardised rates by country over the whole period."""
    standard = standard_of(release, entity)
    return country_rows(
        release, entity, schema.INCIDENCE, age_group=schema.ALL, standard=standard,
        period=release.period,
    )  # fmt: skip


@once
def survival_by_country(release: OpenedRelease, entity: Entity) -> Rows:
    """Return net survival by country at the time the pages speak of."""
    return country_rows(
        release, entity, schema.NET_SURVIVAL, standard=schema.NONE,
        age_group=main_ages(release, entity), time_years=spoken_of(release),
    )  # fmt: skip


@once
def projection_rows(release: OpenedRelease, entity: Entity) -> Rows:
    """Return the cases of each year observed, then those projected."""
    found = release.rows(entity.entity_id)
    ahead = [
        row for row in found.get(schema.PROJECTED, ())
        if (row["area"], row["sex"]) == (schema.ALL, schema.ALL)
    ]  # fmt: skip
    if not ahead:
        return []
    seen = [
        row for row in found.get(schema.INCIDENCE, ())
        if (row["area"], row["sex"], row["age_group"]) == (schema.ALL,) * 3
        and row["standard"] == schema.NONE and "-" not in row["period"]
    ]  # fmt: skip
    return sorted([*seen, *ahead], key=lambda row: (row["measure"] != schema.INCIDENCE,
                                                   row["period"]))  # fmt: skip


def spoken_of(release: OpenedRelease) -> float:
    """Return the time since diagnosis that pages speak of: 5 years, or the last there is."""
    years = release.manifest["choices"]["survival"]["at"]
    return 5.0 if 5.0 in years else float(years[-1])


@once
def standard_of(release: OpenedRelease, entity: Entity) -> str:
    """Return the standard population of the rates, or none."""
    for row in release.rows(entity.entity_id).get(schema.INCIDENCE, ()):
        if row["standard"] != schema.NONE:
            return str(row["standard"])
    return schema.NONE


def length(period: str) -> int:
    """Return how many years a period holds.

    >>> length("2007"), length("2003-2007")
    (1, 5)
    """
    first, _, last = period.partition("-")
    return int(last or first) - int(first) + 1


def _age(group: str) -> int:
    return int(group.partition("-")[0].rstrip("+"))
