"""Incidence: from cases and a population to rates with their limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import PopulationError, UsageError
from rarecare.population.population import Population
from rarecare.rates.intervals import (
    FEW,
    CountInterval,
    RateInterval,
)
from rarecare.rates.plan import IncidencePlan, Standard, UnknownAge, incidence_plan
from rarecare.rates.table import CRUDE, NO_STANDARD, STANDARDISED, estimate_incidence
from rarecare.rates.tally import tally_incidence
from rarecare.registry import Cases, ExclusionRules
from rarecare.registry.preparation import Prepared, as_it_stands, prepare
from rarecare.results import Provenance, Result
from rarecare.tally.tally import Tally

if TYPE_CHECKING:
    from rarecare.figures import Figure

COUNTED = ExclusionRules(purpose="incidence", needed=())
"""Who is counted by default: behaviour 3, all ages."""

_DONE = {
    "exclude": "counted in crude rates only",
    "proportional": "distributed over the ages like the cases of known age",
}

Floats = NDArray[np.float64]


def incidence_table(
    cases: pl.DataFrame, population: Population, plan: IncidencePlan
) -> pl.DataFrame:
    """Return the table of ``estimate_incidence`` for one set of cases and its population."""
    return estimate_incidence(tally_incidence(cases, population, plan), plan)


def incidence(
    cases: Cases | Any,
    population: Population,
    *,
    by: Sequence[str] = (),
    age_groups: Sequence[int] | None = None,
    standards: Sequence[Standard] = ("esp2013",),
    level: float = 0.95,
    interval: RateInterval = "tiwari",
    count_interval: CountInterval = "exact",
    per: float = 100_000,
    unknown_age: UnknownAge = "exclude",
    rules: ExclusionRules = COUNTED,
    bad_rows: Literal["refuse", "exclude"] = "refuse",
) -> Result:
    """Return crude, age-specific, standardised, truncated and cumulative incidence.

    Parameters
    ----------
    cases
        Cases as read; or a data frame in canonical columns, taken as it stands, one row per
        case that counts: ``incidence_date`` (where the population has years), ``age`` in
        completed years, null when unknown, and the strata. Columns named as keys of the
        population are compared with it.
    population
        The person-years the cases come from: only the areas and years in which they were
        registered (``Population.part``).
    by
        Strata. Keys of the population, and ``year`` (of the incidence date), have their
        own person-years; any other column (entity, stage) shares the whole. Keys of the
        population that are not strata are summed over.
    age_groups
        Lower bounds of the age groups, among the population's; the last group is open unless
        the population ends. By default the five-year bounds to 85 that the population has.
    standards
        Names of standard populations (``rarecare.codes.standards``), or pairs of a name and
        one weight per age group, of any scale.
    level
        Confidence level.
    interval
        Limits of standardised, truncated and cumulative rates: ``"tiwari"`` (Fay and
        Feuer's below 10 cases), ``"fay-feuer"``, ``"dobson"`` or ``"dobson-byar"`` (Fay and
        Feuer's without cases). ``method`` in the table says which was used.
    count_interval
        Limits of crude and age-specific rates: ``"exact"`` or ``"byar"``.
    per
        Person-years the rates refer to. Cumulative rate and risk are in percent.
    unknown_age
        ``"exclude"``: cases of unknown age count in crude rates and in no other; ``reason``
        says how many. ``"proportional"``: the other rates, their errors and limits are
        multiplied by all cases / cases of known age, as if the unknown ages were
        distributed like the known.
    rules
        Who is counted among cases as read; by default behaviour 3, all ages.
    bad_rows
        ``"refuse"``: stop at values that cannot be read. ``"exclude"``: count them and go on.

    Returns
    -------
    Result
        Its ``table`` is that of ``estimate_incidence``.

    Raises
    ------
    PopulationError
        A case lies outside the population, or the age groups are not among its own.
    CaseError, ColumnError
        A column of the cases is missing or not what it must be.
    UsageError
        A choice is not among its choices.
    """
    prepared = prepare_incidence(cases, rules, by, population, bad_rows)
    population = population_within(population, cases, rules)
    plan = incidence_plan(
        prepared.table,
        population,
        by=by,
        age_groups=age_groups,
        standards=standards,
        level=level,
        interval=interval,
        count_interval=count_interval,
        per=per,
        unknown_age=unknown_age,
    )
    tally = tally_incidence(prepared.table, population, plan)
    provenance = Provenance(
        statistic="incidence",
        inputs=(prepared.source, population.source),
        plan=plan.to_dict(),
        plan_hash=plan.hash,
        exclusions=prepared.exclusions,
        notes=(
            *prepared.notes,
            *incidence_notes(prepared.table, population, plan, tally),
        ),
    )
    table = estimate_incidence(tally, plan)
    return Result(table, provenance, partial(_figure, table, plan))


def _figure(
    table: pl.DataFrame, plan: IncidencePlan, title: str = "Incidence", **choices: Any
) -> Figure:
    """Draw the first standard's rates, or crude rates where there is no standard."""
    from rarecare.figures import rates_figure  # noqa: PLC0415 - drawn when asked

    name = plan.standards[0][0] if plan.standards else NO_STANDARD
    measure = STANDARDISED if plan.standards else CRUDE
    rows = table.filter(pl.col("measure") == measure, pl.col("standard") == name)
    return rates_figure(
        rows,
        value_label=f"New cases {plan.unit}",
        by=plan.columns,
        title=title,
        subtitle=f"Age-standardised, {name}" if plan.standards else "Crude rates",
        **choices,
    )


def prepare_incidence(
    cases: Cases | Any,
    rules: ExclusionRules,
    by: Sequence[str],
    population: Population,
    bad_rows: Literal["refuse", "exclude"],
) -> Prepared:
    """Return the cases that count, ready to be tallied with their population."""
    if not isinstance(cases, Cases):
        return as_it_stands(cases)
    keys = [key for key in population.keys if key in cases.table.columns]
    rules = replace(
        rules,
        strata=tuple(dict.fromkeys((*rules.strata, *(name for name in by if name != "year")))),
        needed=tuple(dict.fromkeys((*rules.needed, *keys))),
    )
    return prepare(cases, rules, bad_rows=bad_rows)


def population_within(
    population: Population, cases: Cases | Any, rules: ExclusionRules
) -> Population:
    """Return the years of the population in which cases are counted: those of the rules' period.

    Raises
    ------
    UsageError
        The period does not begin and end with a year.
    PopulationError
        The population has no year of the period.
    """
    if rules.period is None or not population.years or not isinstance(cases, Cases):
        return population
    first = rules.period[0] or date(population.years[0], 1, 1)
    last = rules.period[1] or date(population.years[-1], 12, 31)
    if (first.month, first.day, last.month, last.day) != (1, 1, 12, 31):
        raise UsageError(
            "rates are of whole years, and the period is not", value=f"{first} to {last}",
            allowed="from a 1 January to a 31 December",
        )  # fmt: skip
    held = [year for year in population.years if first.year <= year <= last.year]
    if not held:
        raise PopulationError(
            "the population has no year of the period", file=population.source.name,
            value=f"{first.year} to {last.year}",
            allowed=f"{population.years[0]} to {population.years[-1]}",
        )  # fmt: skip
    return population if len(held) == len(population.years) else population.part(year=held)


def incidence_notes(
    cases: pl.DataFrame, population: Population, plan: IncidencePlan, tally: Tally
) -> tuple[str, ...]:
    """Return what a reader of the table must know of how it was made."""
    notes = list(population.notes)
    summed = [key for key in population.keys if key not in plan.strata]
    if summed:
        notes.append(f"person-years are summed over {', '.join(summed)}")
    if plan.case_strata:
        notes.append(f"each {', '.join(plan.case_strata)} shares the whole person-years")
    if population.years and cases.height:
        years = cases["incidence_date"].dt.year().unique().sort()
        if (years[0], years[-1]) != (population.years[0], population.years[-1]):
            notes.append(
                f"person-years are of {population.years[0]}-{population.years[-1]}, cases of "
                f"{years[0]}-{years[-1]}: leave out years that were not registered"
            )
    unknown = int(tally.arrays["cases_age_unknown"].sum())
    if unknown:
        notes.append(f"cases of unknown age, {_DONE[plan.unknown_age]}: {unknown}")
    if plan.interval == "tiwari":
        notes.append(f"weighted rates from fewer than {FEW} cases have Fay and Feuer's limits")
    return tuple(notes)
