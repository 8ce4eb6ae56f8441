"""What a projection starts from: cases and person-years by year and age, of each entity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import CaseError, PopulationError, UsageError
from rarecare.population.population import Population
from rarecare.projection.choice import Observed
from rarecare.rates.estimate import prepare_incidence
from rarecare.rates.plan import IncidencePlan, Standard, incidence_plan
from rarecare.rates.tally import tally_incidence
from rarecare.rates.trend import YEAR, yearly_series
from rarecare.registry import Cases, ExclusionRules
from rarecare.registry.preparation import Prepared

Floats = NDArray[np.float64]
Period = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Series:
    """One stratum by single year and age group.

    Attributes
    ----------
    labels
        Of the stratum.
    years
        Of the population, observed and to come, in order.
    cases, person_years
        Shape (n_years, n_ages).
    ages
        First ages of the groups.
    family
        Cases of the stratum's family, shape (n_years, n_ages), or None.
    """

    labels: dict[str, Any]
    years: NDArray[Any]
    cases: Floats
    person_years: Floats
    ages: tuple[int, ...]
    family: Floats | None = None

    def observed(self, periods: Sequence[Period]) -> Observed:
        """Return what was observed in these periods."""
        family = None if self.family is None else self._sums(self.family, periods)
        return Observed(
            self._sums(self.cases, periods), self.person_years_of(periods), self.ages, family
        )

    def person_years_of(self, periods: Sequence[Period]) -> Floats:
        """Return person-years by age group and period, shape (n_ages, n_periods)."""
        return self._sums(self.person_years, periods)

    def _sums(self, values: Floats, periods: Sequence[Period]) -> Floats:
        parts = [
            values[(self.years >= first) & (self.years <= last)].sum(axis=0)
            for first, last in periods
        ]
        return np.stack(parts, axis=1).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Gathered:
    """All strata, the periods observed and to come, and how they were had."""

    series: tuple[Series, ...]
    observed: tuple[Period, ...]
    future: tuple[Period, ...]
    prepared: Prepared
    plan: IncidencePlan
    schema: dict[str, Any]
    notes: tuple[str, ...]


def gather(
    cases: Cases | Any, population: Population, *, by: Sequence[str], family: str | None,
    width: int, last_year: int | None, horizon: int | None, standard: Standard,
    age_groups: Sequence[int] | None, level: float, per: float, rules: ExclusionRules,
    bad_rows: Literal["refuse", "exclude"],
) -> Gathered:  # fmt: skip
    """Count cases and person-years; parameters and errors as in ``project``."""
    if YEAR in by:
        raise UsageError(
            "the years of a projection are no strata", value=YEAR, allowed="other strata"
        )
    if not population.years:
        raise PopulationError(
            "a projection takes a population with years", file=population.source.name,
            remedy="Give a population with a column year, and the years to come in it.",
        )  # fmt: skip
    extra = [*by, *([family] if family is not None and family not in by else [])]
    prepared = prepare_incidence(cases, rules, extra, population, bad_rows)
    years = prepared.table["incidence_date"].dt.year()
    if not prepared.table.height:
        raise CaseError("there is no case to project from", value=0)
    end = int(years.max()) if last_year is None else last_year  # type: ignore[arg-type]
    begun = population.years[0]
    if rules.period is not None and rules.period[0] is not None:
        begun = rules.period[0].year
    registered = population.part(year=[year for year in population.years if year >= begun])
    observed, future = periods_of(registered, end, width=width, horizon=horizon)
    early = int(years.min()) - observed[0][0]  # type: ignore[arg-type]
    table = prepared.table.filter(years.is_between(observed[0][0], end))
    plan = incidence_plan(
        table, population, by=[*by, YEAR], age_groups=age_groups, standards=(standard,),
        level=level, per=per,
    )  # fmt: skip
    tally = tally_incidence(table, population, plan)
    families = _families(table, plan, population, family) if family is not None else {}
    keys = (*plan.case_strata, *(name for name in by if name not in plan.case_strata))
    series = tuple(
        Series(
            labels, every, d.astype(np.float64), y, plan.age_lower,
            families.get(tuple(labels[name] for name in keys)),
        )
        for labels, every, d, y in yearly_series(tally, list(by))
    )  # fmt: skip
    left, unknown = prepared.table.height - table.height, tally.arrays["cases_age_unknown"].sum()
    notes = (
        *prepared.notes, *population.notes,
        f"observed {observed[0][0]} to {end}, in periods of {width}",
        *([f"no case in the first {early} years: leave out years that were not registered"]
          if early > 0 else []),
        *([f"cases of other years, left out: {left}"] if left else []),
        *([f"cases of unknown age, left out: {unknown}"] if unknown else []),
    )  # fmt: skip
    schema = {name: tally.strata.schema[name] for name in by}
    return Gathered(series, tuple(observed), tuple(future), prepared, plan, schema, notes)


def periods_of(
    population: Population, end: int, *, width: int, horizon: int | None
) -> tuple[list[Period], list[Period]]:
    """Return first and last years of the periods to the last year observed, and after it.

    Raises
    ------
    PopulationError
        The population lacks a whole period on either side.
    """
    observed, future = split_periods(set(population.years), end, width=width)
    future = future if horizon is None else future[:horizon]
    if not observed or (horizon != 0 and not future) or len(future) < (horizon or 0):
        raise PopulationError(
            "the population lacks years observed, or years to come",
            file=population.source.name,
            value=f"{population.years[0]} to {population.years[-1]}, cases to {end}",
            allowed=f"whole periods of {width} on both sides of {end}",
            remedy="Add the projected population, or give last_year, horizon or width=1.",
        )
    return observed, future


def split_periods(years: set[int], end: int, *, width: int) -> tuple[list[Period], list[Period]]:
    """Return the unbroken periods up to a year, and those after it.

    >>> split_periods(set(range(2001, 2014)), 2010, width=5)
    ([(2001, 2005), (2006, 2010)], [])
    """
    observed: list[Period] = []
    first = end - width + 1
    while set(range(first, first + width)) <= years:
        observed.insert(0, (first, first + width - 1))
        first -= width
    future: list[Period] = []
    first = end + 1
    while set(range(first, first + width)) <= years:
        future.append((first, first + width - 1))
        first += width
    return observed, future


def _families(
    table: pl.DataFrame, plan: IncidencePlan, population: Population, family: str
) -> dict[tuple[Any, ...], Floats]:
    """Return the cases by year and age of the family of each stratum."""
    if not plan.case_strata:
        raise UsageError(
            "a share of a family takes strata of the cases", value=family,
            remedy="Name the entity among the strata.",
        )  # fmt: skip
    shared = [name for name in plan.strata if name not in (*plan.case_strata, YEAR)]
    own = incidence_plan(
        table, population, by=[family, *shared, YEAR], age_groups=plan.age_lower, standards=()
    )
    tally = tally_incidence(table, population, own)
    belongs = {}
    for *level, names in table.group_by(plan.case_strata).agg(pl.col(family).unique()).rows():
        if len(names) != 1 or names[0] is None:
            raise CaseError(
                "an entity belongs to several families, or to none", column=family,
                value=f"{', '.join(map(str, level))}: {names}", allowed="one family each",
            )  # fmt: skip
        belongs[tuple(level)] = names[0]
    sums = {
        (labels[family], *(labels[name] for name in shared)): d.astype(np.float64)
        for labels, _, d, _ in yearly_series(tally, [family, *shared])
    }
    return {
        (*level, *place[1:]): d
        for level, name in belongs.items()
        for place, d in sums.items()
        if place[0] == name
    }
