"""Prevalence: persons alive on a date who were told they had a cancer in the years before it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from rarecare.errors import PopulationError, UsageError
from rarecare.population.population import Population
from rarecare.prevalent.estimate import PERSONS, PROPORTION, estimate_prevalence
from rarecare.prevalent.members import PATIENT, PrevalenceTally, tally_prevalence
from rarecare.prevalent.plan import (
    AGE_CLASS,
    PERIOD,
    SEX,
    Estimand,
    PrevalencePlan,
    Window,
)
from rarecare.registry import Cases, ExclusionRules
from rarecare.registry.preparation import prepare
from rarecare.results import Provenance, Result

if TYPE_CHECKING:
    from rarecare.figures import Figure

COUNTED = ExclusionRules(purpose="prevalence", needed=())
"""Who is counted by default: behaviour 3, all ages, without DCO and autopsy-only cases."""

MADE = (AGE_CLASS, PERIOD)


def prevalence(
    cases: Cases | Any,
    population: Population | None = None,
    *,
    index_date: date | str,
    windows: Sequence[float | Window] = (1, 3, 5, 10),
    by: Sequence[str] = (),
    age_groups: Sequence[int] = (),
    phases: bool = False,
    persons: bool = True,
    estimand: Estimand = "underlying",
    survival_strata: Sequence[str] | None = None,
    age_classes: Sequence[int] = (0, 15, 45, 55, 65, 75),
    period_starts: Sequence[int] = (),
    min_at_risk: int = 10,
    registered_since: date | str | None = None,
    level: float = 0.95,
    per: float = 100_000,
    days_per_year: float = 365.2425,
    rules: ExclusionRules = COUNTED,
    bad_rows: Literal["refuse", "exclude"] = "refuse",
) -> Result:
    """Return limited-duration prevalence on a date, by counting.

    Those known to be alive on the date are counted; each case lost before it counts with its
    probability of being alive, by the observed survival of its stratum.

    Parameters
    ----------
    cases
        Cases as read; or a data frame with ``incidence_date``, ``follow_up_days``, ``died``
        (truth values), ``age_days`` or ``age``, and the strata, taken as it stands. All cases
        with follow-up, also those outside the windows: their survival is used. A person is
        told by ``patient_id``.
    population
        For proportions: persons by age group, and by year and the keys among ``by``.
    index_date
        The day at whose end the living are counted. R's way of counting on the morning of
        1 January is 31 December here.
    windows
        Years before the index date: 5 for ``(0, 5)``, or pairs as ``(1, 5)``.
    by
        Strata.
    age_groups
        First ages, on the index date, of groups that get rows of their own.
    phases
        Count also, in the widest window, the initial phase, monitoring, and the last year of
        life.
    persons
        A person counts once in a window, by the first tumour of the stratum in it; False: every
        tumour.
    estimand
        ``"underlying"``: the error includes the chance of incidence; to be published.
        ``"registered"``: the number alive on that very date, given the registry.
    survival_strata
        Columns of the survival that stands in for cases lost, the last dropped first where
        fewer than ``min_at_risk`` are at risk; ``"age_class"`` (at diagnosis) and ``"period"``
        are made here. By default the strata, sex and age class.
    age_classes, period_starts
        First ages of the classes, first years of the periods.
    min_at_risk
        See ``survival_strata``.
    registered_since
        First date of registration; by default the first date of incidence.
    level, per, days_per_year
        Confidence level, persons that proportions refer to, D.
    rules, bad_rows
        As for ``incidence``.

    Returns
    -------
    Result
        Its ``table`` is that of ``estimate_prevalence``.

    Raises
    ------
    UsageError
        A choice is not among its choices.
    PopulationError
        The population lacks the year of the index date, a stratum or an age group.
    CaseError, ColumnError
        A column of the cases is missing or not what it must be.
    """
    prepared = prepare(cases, rules, days_per_year=days_per_year, bad_rows=bad_rows)
    table = prepared.table
    if survival_strata is None:
        own = [*by, *([SEX] if SEX in table.columns and SEX not in by else [])]
        aged = {"age_days", "age"} & set(table.columns)
        survival_strata = [
            *own,
            *([AGE_CLASS] if aged else []),
            *([PERIOD] if period_starts else []),
        ]
    plan = PrevalencePlan(
        strata=tuple(by),
        index_date=_iso(index_date),
        windows=tuple(
            (float(w[0]), float(w[1])) if isinstance(w, Sequence) else (0.0, float(w))
            for w in windows
        ),
        survival_strata=tuple(survival_strata),
        class_lower=tuple(age_classes),
        period_starts=tuple(period_starts),
        age_lower=tuple(age_groups),
        persons=persons,
        estimand=estimand,
        phases=phases,
        min_at_risk=min_at_risk,
        level=level,
        per=float(per),
        days_per_year=days_per_year,
    )
    people, notes = (None, ()) if population is None else population_on(population, plan)
    tally = tally_prevalence(table, plan)
    since = None if registered_since is None else _iso(registered_since)
    rows = estimate_prevalence(tally, plan, people, registered_since=since)
    provenance = Provenance(
        statistic=f"prevalence on {plan.index_date}",
        inputs=(prepared.source, *([population.source] if population is not None else [])),
        plan=plan.to_dict(),
        plan_hash=plan.hash,
        exclusions=prepared.exclusions,
        notes=(*prepared.notes, *prevalence_notes(table, tally, plan), *notes),
    )
    return Result(rows, provenance, partial(prevalence_figure, rows, plan.strata))


def prevalence_figure(
    table: pl.DataFrame, by: Sequence[str], title: str = "Prevalence", **choices: Any
) -> Figure:
    """Draw proportions by time since diagnosis, or persons where there is no population."""
    from rarecare.figures import prevalence_bars  # noqa: PLC0415 - drawn when asked

    measure = PROPORTION if PROPORTION in table["measure"] else PERSONS
    own = table.filter(pl.col("measure") == measure)
    for name in ("age_group", "phase"):
        if name in own.columns:
            own = own.filter(pl.col(name) == "all")
    unit = own["unit"][0]
    label = f"Persons alive after a diagnosis, {unit}" if measure == PROPORTION else "Persons alive"
    return prevalence_bars(own, value_label=label, title=title, by=by, **choices)


def prevalence_notes(
    table: pl.DataFrame, tally: PrevalenceTally, plan: PrevalencePlan
) -> tuple[str, ...]:
    """Return what a reader of the table must know of how it was made."""
    notes = []
    if plan.persons and PATIENT in table.columns:
        notes.append("a person counts once in a window, by the first tumour of the stratum in it")
    elif plan.persons:
        notes.append(f"no column {PATIENT}: each tumour is taken for a person")
    else:
        notes.append("every tumour counts")
    notes.append(
        "the error includes the chance of incidence"
        if plan.estimand == "underlying"
        else "the error is that of the number alive on that date, given the registry"
    )
    unknown = int(tally.members["_age"].null_count())
    if plan.age_lower and unknown:
        notes.append(f"cases of unknown age, counted at all ages only: {unknown}")
    return tuple(notes)


def population_on(
    population: Population, plan: PrevalencePlan
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return the persons on the index date, by strata and age group, and how they were had.

    Between the middles of two years by a straight line; at the ends, of the nearest year.

    Raises
    ------
    PopulationError
        The population does not have the year, or the first ages.
    """
    keys = [name for name in plan.strata if name in population.keys]
    ages = plan.age_lower or population.age_lower[:1]
    weights, note = _weights(population, plan.index)
    whole: pl.DataFrame | None = None
    for year, weight in weights:
        own = population if year is None else population.part(year=year)
        levels, sums = own.person_years_by(keys, age_lower=_bounds(own, ages))
        sums = sums[:, -len(ages) :] if plan.age_lower else sums
        everyone, _ = own.person_years_by(keys), None
        total = everyone[1].sum(axis=1)
        columns = [levels.with_columns(age_group=pl.lit("all"), population=pl.Series(total))]
        if plan.age_lower:
            columns += [
                levels.with_columns(age_group=pl.lit(label), population=pl.Series(sums[:, k]))
                for k, label in enumerate(plan.age_groups)
            ]
        part = pl.concat(columns).with_columns(pl.col("population") * weight)
        whole = part if whole is None else pl.concat([whole, part])
    assert whole is not None
    cells = [*keys, "age_group"]
    return whole.group_by(cells).agg(pl.col("population").sum()).sort(cells), (note,)


def _bounds(population: Population, ages: Sequence[int]) -> list[int]:
    first = population.age_lower[0]
    return sorted({first, *ages})


def _weights(population: Population, index: date) -> tuple[list[tuple[int | None, float]], str]:
    years = population.years
    if not years:
        return [(None, 1.0)], "proportions: persons of the population as given, without years"
    middle = date(index.year, 7, 1)
    other = index.year + (1 if index >= middle else -1)
    if index.year not in years and other not in years:
        raise PopulationError(
            "the population has no year next to the index date", file=population.source.name,
            value=index.isoformat(), allowed=f"{years[0]} to {years[-1]}",
        )  # fmt: skip
    if index.year not in years or other not in years:
        only = index.year if index.year in years else other
        return [(only, 1.0)], f"proportions: persons in the middle of {only}"
    far = abs((index - middle).days) / abs((date(other, 7, 1) - middle).days)
    return (
        [(index.year, 1 - far), (other, far)],
        f"proportions: persons on {index}, between the middles of {min(index.year, other)} and "
        f"{max(index.year, other)}",
    )


def _iso(day: date | str) -> str:
    try:
        return (date.fromisoformat(day) if isinstance(day, str) else day).isoformat()
    except ValueError:
        raise UsageError("this is no date", value=day, allowed="YYYY-MM-DD") from None
