"""Rows of a release beyond the rates of its years: trends, projections, expected cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.codes.countries import countries
from rarecare.errors import CodeError, ModelError, PopulationError, UsageError
from rarecare.population.population import Population
from rarecare.projection.choice import Choices, Observed, projection_of
from rarecare.projection.estimate import CASES, CRUDE, projected_rows, simulated
from rarecare.projection.series import split_periods
from rarecare.rates.change import annual_change
from rarecare.rates.formulas import weighted_rate
from rarecare.rates.hierarchical import shrunken_rates
from rarecare.rates.intervals import rate_limits
from rarecare.results import NOT_ESTIMABLE, OK
from rarecare.study import schema
from rarecare.study.config import Projection, Study
from rarecare.study.entities import Groups
from rarecare.study.incidence import BOTH, Counts, in_schema, study_period

Floats = NDArray[np.float64]
PER = 100_000


@dataclass(slots=True)
class Ahead:
    """Person-years of the years after a study, by year: shape (n_ages,). Areas add.

    Only years that every registry has are kept.
    """

    years: dict[int, Floats] | None = None
    lacking: list[str] = field(default_factory=list)

    def add(self, other: Ahead) -> None:
        """Add another area."""
        self.lacking += other.lacking
        if self.years is None or other.years is None:
            self.years = other.years if self.years is None else self.years
            return
        both = self.years.keys() & other.years.keys()
        self.years = {year: self.years[year] + other.years[year] for year in sorted(both)}


def years_ahead(population: Population, counts: Counts, registry: str) -> Ahead:
    """Return the person-years of one registry after the years of the study."""
    years = [year for year in population.years if year > counts.years[-1]]
    if not years:
        return Ahead({}, [registry])
    levels, sums = population.part(year=years).person_years_by(["year"], age_lower=counts.age_lower)
    return Ahead({int(y): sums[k] for k, y in enumerate(levels["year"])})


def trend_rows(counts: Counts, groups: Groups, study: Study, *, area: str) -> pl.DataFrame:
    """Return the annual percentage change of each group over the years of the study."""
    cases = held(counts, groups)
    person_years = counts.person_years.sum(axis=0)
    on = person_years.sum(axis=1) > 0
    years = np.array(counts.years)[on]
    rows = []
    for k, entity in enumerate(groups.table["entity_id"]):
        found = annual_change(years, cases[k][on], person_years[on], scale=True, level=study.level)
        rows.append(found.with_columns(entity_id=pl.lit(entity)))
    table = pl.concat(rows).select(
        "entity_id", "n", "unit", "estimate", "se", "lower", "upper", "level", "status", "reason",
        method=pl.concat_str("method", pl.lit(" with age, variance times the dispersion")),
        measure=pl.lit(schema.TREND), period=pl.lit(study_period(study)),
    )  # fmt: skip
    return in_schema(_filled(table, float(person_years.sum())), study, area=area)


def projection_rows(
    counts: Counts, ahead: Ahead, groups: Groups, study: Study, *, area: str
) -> pl.DataFrame | None:
    """Return projected cases and rates of the entities asked for; None without years to come.

    Raises
    ------
    UsageError
        An entity asked for is not reported on.
    """
    asked = study.projection
    assert asked is not None
    person_years = counts.person_years.sum(axis=0)
    known = {y: person_years[k] for k, y in enumerate(counts.years) if person_years[k].any()}
    years = known | (ahead.years or {})
    seen, future = split_periods(set(years), counts.years[-1], width=asked.width)
    future = future[: asked.horizon]
    if not seen or not future or ahead.lacking:
        return None
    cases = held(counts, groups)
    listed = groups.table["entity_id"].to_list()
    rows: list[dict[str, Any]] = []
    for entity in asked.entities:
        if entity not in listed:
            raise UsageError(
                "a projection is asked of an entity that the study does not report on",
                value=entity, allowed=listed,
            )  # fmt: skip
        own = {y: cases[listed.index(entity)][k].astype(float) for k, y in enumerate(counts.years)}
        observed = Observed(_grouped(own, seen), _grouped(years, seen), counts.age_lower)
        persons = _grouped(years, future)
        rows += [
            row | {"entity_id": entity}
            for row in _projected(observed, persons, future, asked, study)
        ]
    numbers = ("estimate", "se", "lower", "upper", "person_years", "level")
    table = pl.DataFrame(
        rows, schema_overrides={**dict.fromkeys(numbers, pl.Float64), "reason": pl.String}
    )
    return in_schema(_filled(table, None), study, area=area)


def _projected(
    observed: Observed, persons: Floats, future: Sequence[tuple[int, int]], asked: Projection,
    study: Study,
) -> list[dict[str, Any]]:  # fmt: skip
    choices = Choices(
        model=asked.model, width=asked.width, link=asked.link, cut=asked.cut,
        recent={"by the bend": None, "recent": True, "whole": False}[asked.trend],
    )  # fmt: skip
    names = {CASES: schema.PROJECTED, CRUDE: schema.PROJECTED_RATE}
    try:
        projected = projection_of(observed, len(future), choices)
    except ModelError as error:
        return [
            {"measure": schema.PROJECTED, "period": _label(period),
             "n": int(observed.cases.sum()), "unit": "cases per year",
             "method": "projection", "level": study.level, "status": NOT_ESTIMABLE,
             "reason": str(error), "person_years": float(persons[:, k].sum())}
            for k, period in enumerate(future)
        ]  # fmt: skip
    drawn = simulated(
        projected, persons, None, width=asked.width, draws=asked.draws, seed=asked.seed
    )
    found = projected_rows(
        drawn, future, persons.sum(axis=0), levels=(study.level,), per=PER,
        unit="per 100 000 person-years",
    )  # fmt: skip
    return [
        {"measure": names[row["measure"]], "period": _label((row["first"], row["last"])),
         "n": projected.n, "method": projected.method, "status": OK, "reason": None,
         "person_years": row["population"],
         **{k: row[k] for k in ("unit", "estimate", "se", "lower", "upper", "level")}}
        for row in found
    ]  # fmt: skip


def expected_rows(
    counts: Counts, target: Population, groups: Groups, study: Study
) -> tuple[pl.DataFrame, list[str]]:
    """Return yearly new cases in each country of the target and in their sum, and its countries.

    Raises
    ------
    PopulationError
        The target has several years, no key ``area``, or lacks an age group or a sex.
    CodeError
        An area is no country.
    """
    assert study.expected is not None
    areas = _check_target(target, counts)
    own = held(counts, groups, by_sex=True).sum(axis=2)
    unknown = groups.summed(counts.unknown.sum(axis=(1, 2))).astype(float)
    person_years = counts.person_years.sum(axis=1)
    total = own.sum(axis=(1, 2))
    factor = np.where(unknown > 0, (total + unknown) / np.where(total > 0, total, 1), 1.0)
    parts = []
    for area in (None, *areas):
        part = target if area is None else target.part(area=area)
        keys = ["sex"] if counts.sexes != (BOTH,) else []
        _, persons = part.person_years_by(keys, age_lower=counts.age_lower)
        shape = (len(own), -1)
        rate = weighted_rate(
            own.reshape(shape), np.broadcast_to(person_years, own.shape).reshape(shape),
            persons.ravel(),
        )  # fmt: skip
        lower, upper, method = rate_limits(
            rate, interval=study.incidence.interval, level=study.level
        )
        known = np.isfinite(rate.rate) & ((total > 0) | (unknown == 0))
        shown = {
            name: pl.Series(np.where(known, values * factor, np.nan)).fill_nan(None)
            for name, values in (
                ("estimate", rate.rate), ("se", rate.se), ("lower", lower), ("upper", upper)
            )
        }  # fmt: skip
        parts.append(
            pl.DataFrame(
                {
                    "measure": schema.EXPECTED, "entity_id": groups.table["entity_id"],
                    "area": study.expected.name if area is None else area,
                    "period": str(target.years[0]) if target.years else study_period(study),
                    "n": (total + unknown).astype(np.int64),
                    "person_years": float(persons.sum()), "unit": "cases per year",
                    "method": method.astype(str), "level": study.level,
                    "status": np.where(known, OK, NOT_ESTIMABLE),
                    "reason": [None if k else "no person-years at an age, or no age known"
                               for k in known],
                    **shown,
                },
                schema_overrides={"reason": pl.String},
            )
        )  # fmt: skip
    return in_schema(_filled(pl.concat(parts), None), study), areas


def _check_target(target: Population, counts: Counts) -> list[str]:
    name = target.source.name
    if len(target.years) > 1:
        raise PopulationError(
            "the population of [expected] has several years", file=name,
            value=f"{target.years[0]} to {target.years[-1]}", allowed="one",
            remedy="Select one: select = { year = \"…\" }.",
        )  # fmt: skip
    if "area" not in target.keys:
        raise PopulationError(
            "the population of [expected] has no key area", file=name, value=target.keys,
            allowed="area, countries by ISO code",
        )  # fmt: skip
    areas: list[str] = target.table["area"].unique().sort().to_list()
    listed = countries()["iso2"].to_list()
    wrong = next((area for area in areas if area not in listed), None)
    if wrong is not None:
        raise CodeError(
            "an area of [expected] is no country", file=name, value=wrong, allowed=listed
        )
    lacking = next((age for age in counts.age_lower if age not in target.age_lower), None)
    if lacking is not None:
        raise PopulationError(
            "the population of [expected] lacks an age group", file=name, value=lacking,
            allowed=", ".join(map(str, target.age_lower)),
        )  # fmt: skip
    if counts.sexes != (BOTH,) and "sex" not in target.keys:
        raise PopulationError(
            "the population of [expected] is not by sex", file=name, value=target.keys,
            allowed="sex, area",
        )  # fmt: skip
    return areas


def shrunken_rows(
    by_country: Mapping[str, Counts], groups: Groups, study: Study, *,
    entities: Sequence[str] | None = None,
) -> list[pl.DataFrame]:  # fmt: skip
    """Return crude rates of countries, adjusted for age and sex and drawn to their common level.

    Parameters
    ----------
    by_country
        What each country holds.
    entities
        Of which; by default all that the study asks for.

    Raises
    ------
    UsageError
        An entity asked for is not reported on.
    """
    names = list(by_country)
    listed = groups.table["entity_id"].to_list()
    cases = np.stack(
        [held(own, groups, by_sex=True).sum(axis=2) for own in by_country.values()], axis=1
    )  # (n_groups, n_countries, n_sexes, n_ages)
    person_years = np.stack([own.person_years.sum(axis=1) for own in by_country.values()])
    total = person_years.sum(axis=0)
    parts = []
    for entity in study.incidence.shrunken if entities is None else entities:
        if entity not in listed:
            raise UsageError(
                "shrunken rates are asked of an entity that the study does not report on",
                value=entity, allowed=listed,
            )  # fmt: skip
        own = cases[listed.index(entity)]
        pooled = np.where(total > 0, own.sum(axis=0) / np.where(total > 0, total, 1), 0.0)
        crude = PER * float(own.sum() / total.sum())
        found = shrunken_rates(
            own.sum(axis=(1, 2)), (person_years * pooled).sum(axis=(1, 2)), names=names,
            level=study.level, reference=crude,
        ).countries  # fmt: skip
        rows = found.select(
            "n", "level", "status", "reason", measure=pl.lit(schema.SHRUNKEN),
            entity_id=pl.lit(entity), area="name", period=pl.lit(study_period(study)),
            unit=pl.lit("per 100 000 person-years"), estimate="rate",
            se=pl.col("se") * crude, lower="rate_lower", upper="rate_upper",
            method=pl.col("method").fill_null("hierarchical"),
            person_years=pl.Series(person_years.sum(axis=(1, 2))),
        )  # fmt: skip
        parts.append(in_schema(_filled(rows, None), study))
    return parts


def held(counts: Counts, groups: Groups, *, by_sex: bool = False) -> NDArray[np.int64]:
    """Return cases of each group, shape (n_groups[, n_sexes], n_years, n_ages)."""
    return groups.summed(counts.cases if by_sex else counts.cases.sum(axis=1))


def _grouped(by_year: dict[int, Floats], periods: Sequence[tuple[int, int]]) -> Floats:
    """Return sums by age and period, shape (n_ages, n_periods)."""
    sums = [np.sum([by_year[y] for y in range(first, last + 1)], axis=0) for first, last in periods]
    return np.stack(sums, axis=1).astype(np.float64)


def _label(period: tuple[int, int]) -> str:
    return str(period[0]) if period[0] == period[1] else f"{period[0]}-{period[1]}"


def _filled(rows: pl.DataFrame, person_years: float | None) -> pl.DataFrame:
    if "person_years" not in rows.columns:
        rows = rows.with_columns(person_years=pl.lit(person_years, dtype=pl.Float64))
    return rows.with_columns(
        sex=pl.lit(schema.ALL), age_group=pl.lit(schema.ALL), standard=pl.lit(schema.NONE)
    )
