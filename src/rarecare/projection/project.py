"""Projection: new cases and rates of the years to come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import CaseError, PopulationError, UsageError
from rarecare.population.population import Population
from rarecare.projection.choice import Choices, Model, Observed, projection_of
from rarecare.projection.estimate import (
    CASES,
    CRUDE,
    DRAWS,
    SEED,
    STANDARDISED,
    projected_rows,
    simulated,
)
from rarecare.projection.nordpred import CUT
from rarecare.rates.estimate import COUNTED, prepare_incidence
from rarecare.rates.formulas import standard_weights
from rarecare.rates.glm import Link
from rarecare.rates.plan import IncidencePlan, Standard, incidence_plan
from rarecare.rates.tally import tally_incidence
from rarecare.rates.trend import YEAR, yearly_series
from rarecare.registry import Cases, ExclusionRules
from rarecare.results import NOT_ESTIMABLE, OK, Provenance, Result

if TYPE_CHECKING:
    from rarecare.figures import Figure

Floats = NDArray[np.float64]
OBSERVED = "observed "
LEVELS = (0.95, 0.8, 0.5)
_NUMBERS = ("population", "estimate", "se", "lower", "upper", "level")


def project(
    cases: Cases | Any, population: Population, *, by: Sequence[str] = (),
    family: str | None = None, model: Model = "auto", width: int = 5, link: Link = "power5",
    recent: bool | None = None, cut: Sequence[float] = CUT, start: int | None = None,
    use: int | None = None, last: int | None = None, last_year: int | None = None,
    horizon: int | None = None, standard: Standard = "esp2013",
    age_groups: Sequence[int] | None = None, levels: Sequence[float] = LEVELS,
    draws: int = DRAWS, seed: int = SEED, per: float = 100_000,
    rules: ExclusionRules = COUNTED, bad_rows: Literal["refuse", "exclude"] = "refuse",
) -> Result:  # fmt: skip
    """Return new cases and rates of the periods to come, with prediction intervals.

    Parameters
    ----------
    cases, standard, age_groups, per, rules, bad_rows
        As for ``incidence``.
    population
        Persons by year and age, of the years observed and of those to come.
    by
        Strata, without the year.
    family
        Column of the cases that names the family of each entity: the share of the family is then
        among the models. It needs ``by`` with strata of the cases.
    model, width, link, recent, cut, start, use, last
        As in ``Choices`` (``rarecare.projection.choice``).
    last_year
        Last year observed whole; by default the last year of the cases.
    horizon
        Number of periods to come; by default all that the population has.
    levels
        Of the prediction intervals, the published one first.
    draws, seed
        Of the simulation behind the intervals.

    Returns
    -------
    Result
        Rows by stratum: ``measure`` (``"new cases per year"``, ``"crude rate"``,
        ``"standardised rate"``, and the same with ``"observed "`` before it), ``first``,
        ``last`` (years), ``n`` (cases observed: of the row's years, or of all behind a
        projection), ``population`` (persons in the row's years), ``unit``, ``estimate``, ``se``,
        ``lower``, ``upper``, ``level``, ``method``, ``status``, ``reason`` (also what a reader
        must know of the fit). Limits are of what will be counted.

    Raises
    ------
    PopulationError
        The population has no years to come, or too few observed.
    UsageError, CaseError, ColumnError
        A choice is not among its choices, or a column is missing.
    """
    choices = Choices(
        model=model, width=width, link=link, recent=recent, cut=tuple(cut), start=start, use=use,
        last=last,
    )  # fmt: skip
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
    periods = _periods(population, end, width=width, horizon=horizon)
    seen = [year for first, last_ in periods.observed for year in range(first, last_ + 1)]
    table = prepared.table.filter(years.is_between(seen[0], end))
    left = prepared.table.height - table.height
    plan = incidence_plan(
        table, population, by=[*by, YEAR], age_groups=age_groups, standards=(standard,),
        level=float(levels[0]), per=per,
    )  # fmt: skip
    tally = tally_incidence(table, population, plan)
    families = _families(table, plan, population, family) if family is not None else {}
    weights = standard_weights(plan.standards[0][1])
    rows: list[dict[str, Any]] = []
    for stratum, every, d, y in yearly_series(tally, list(by)):
        data = _grouped(every, d, y, periods.observed)
        future = _grouped(every, d, y, periods.future)[1]
        known = tuple(stratum[name] for name in families.get("by", ()))
        own = families.get("counts", {}).get(known)
        counts = None if own is None else _grouped(every, own, y, periods.observed)[0]
        observed = Observed(*data, plan.age_lower, counts)
        rows += [
            stratum | row
            for row in _stratum_rows(
                observed,
                future,
                periods,
                choices,
                weights,
                levels=levels,
                draws=draws,
                seed=seed,
                per=per,
                unit=plan.unit,
            )  # fmt: skip
        ]
    notes = [
        *prepared.notes, *population.notes,
        f"observed {periods.observed[0][0]} to {periods.observed[-1][1]}, in periods of {width}",
        *([f"cases of other years, left out: {left}"] if left else []),
        *(["limits are of what will be counted, given that the model holds"]),
    ]  # fmt: skip
    unknown = int(tally.arrays["cases_age_unknown"].sum())
    if unknown:
        notes.append(f"cases of unknown age, left out: {unknown}")
    provenance = Provenance(
        statistic="projection",
        inputs=(prepared.source, population.source),
        plan=plan.to_dict() | {
            "model": model, "width": width, "link": link, "recent": recent, "cut": list(cut),
            "start": start, "use": use, "last": last, "last_year": end, "family": family,
            "levels": list(levels), "draws": draws, "seed": seed,
        },
        plan_hash=plan.hash,
        exclusions=prepared.exclusions,
        notes=tuple(notes),
    )  # fmt: skip
    text = ("method", "status", "reason")
    schema: dict[str, Any] = {
        **{name: tally.strata.schema[name] for name in by}, "measure": pl.String,
        "first": pl.Int64, "last": pl.Int64, "n": pl.Int64, "population": pl.Float64,
        "unit": pl.String, **dict.fromkeys(_NUMBERS[1:], pl.Float64),
        **dict.fromkeys(text, pl.String),
    }  # fmt: skip
    result = pl.DataFrame(rows, schema=schema)
    return Result(result, provenance, partial(_figure, result, plan))


@dataclass(frozen=True, slots=True)
class _Periods:
    """First and last years of the periods observed and to come."""

    observed: list[tuple[int, int]]
    future: list[tuple[int, int]]


def _periods(population: Population, end: int, *, width: int, horizon: int | None) -> _Periods:
    years = set(population.years)
    observed: list[tuple[int, int]] = []
    while set(range(end - width + 1, end + 1)) - {y for p in observed for y in range(*p)} <= years:
        first = (observed[0][0] if observed else end + 1) - width
        if not set(range(first, first + width)) <= years:
            break
        observed.insert(0, (first, first + width - 1))
    future: list[tuple[int, int]] = []
    first = end + 1
    while set(range(first, first + width)) <= years and len(future) != horizon:
        future.append((first, first + width - 1))
        first += width
    if not observed or not future or (horizon is not None and len(future) < horizon):
        raise PopulationError(
            "the population lacks years observed, or years to come",
            file=population.source.name,
            value=f"{min(years)} to {max(years)}, cases to {end}",
            allowed=f"whole periods of {width} on both sides of {end}",
            remedy="Add the projected population, or give last_year, horizon or width=1.",
        )
    return _Periods(observed, future)


def _grouped(
    years: NDArray[Any], cases: NDArray[np.int64], person_years: Floats,
    periods: Sequence[tuple[int, int]],
) -> tuple[Floats, Floats]:  # fmt: skip
    """Return cases and person-years by age group and period, shape (n_ages, n_periods)."""
    inside = [(years >= first) & (years <= last) for first, last in periods]
    d = np.stack([cases[on].sum(axis=0) for on in inside], axis=1)
    return d.astype(np.float64), np.stack([person_years[on].sum(axis=0) for on in inside], axis=1)


def _families(
    table: pl.DataFrame, plan: IncidencePlan, population: Population, family: str
) -> dict[str, Any]:
    """Return the cases by year and age of the family of each combination of the case strata."""
    if not plan.case_strata:
        raise UsageError(
            "a share of a family takes strata of the cases", value=family,
            remedy="Name the entity among the strata.",
        )  # fmt: skip
    strata = [name for name in plan.strata if name != YEAR]
    shared = [name for name in strata if name not in plan.case_strata]
    own = incidence_plan(
        table, population, by=[family, *shared, YEAR], age_groups=plan.age_lower, standards=()
    )
    tally = tally_incidence(table, population, own)
    of = table.group_by(plan.case_strata).agg(pl.col(family).unique()).rows()
    belongs = {}
    for *level, names in of:
        if len(names) != 1 or names[0] is None:
            raise CaseError(
                "an entity belongs to several families, or to none", column=family,
                value=f"{', '.join(map(str, level))}: {names}", allowed="one family each",
            )  # fmt: skip
        belongs[tuple(level)] = names[0]
    sums = {
        (stratum[family], *(stratum[name] for name in shared)): d
        for stratum, _, d, _ in yearly_series(tally, [family, *shared])
    }
    counts = {
        (*level, *place[1:]): d
        for level, name in belongs.items()
        for place, d in sums.items()
        if place[0] == name
    }
    return {"by": (*plan.case_strata, *shared), "counts": counts}


def _stratum_rows(
    data: Observed, future: Floats, periods: _Periods, choices: Choices, weights: Floats, *,
    levels: Sequence[float], draws: int, seed: int, per: float, unit: str,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    width = choices.width
    persons = data.person_years.sum(axis=0)
    totals = data.cases.sum(axis=0)
    rates = data.cases / np.where(data.person_years > 0, data.person_years, np.nan)
    shown = {
        CASES: totals / width, CRUDE: per * totals / persons,
        STANDARDISED: per * (weights @ np.where(weights[:, None] > 0, rates, 0.0)),
    }  # fmt: skip
    for measure, values in shown.items():
        for k, (first, last) in enumerate(periods.observed):
            known = bool(np.isfinite(values[k]))
            yield {
                "measure": OBSERVED + measure, "first": first, "last": last, "n": int(totals[k]),
                "population": float(persons[k]),
                "unit": "cases per year" if measure == CASES else unit,
                "estimate": float(values[k]) if known else None, "method": "observed",
                "status": OK if known else NOT_ESTIMABLE,
                "reason": None if known else "no person-years at an age",
            }  # fmt: skip
    n = int(totals.sum())
    if not n:
        for first, last in periods.future:
            yield {
                "measure": CASES, "first": first, "last": last, "n": 0, "unit": "cases per year",
                "level": float(levels[0]), "status": NOT_ESTIMABLE,
                "reason": "no case was observed to project from",
            }  # fmt: skip
        return
    projected = projection_of(data, len(periods.future), choices)
    found = simulated(projected, future, weights, width=width, draws=draws, seed=seed)
    for row in projected_rows(
        found, periods.future, future.sum(axis=0), levels=levels, per=per, unit=unit
    ):
        yield row | {
            "n": n, "method": projected.method, "status": OK, "reason": "; ".join(projected.notes),
        }  # fmt: skip


def _figure(
    table: pl.DataFrame, plan: IncidencePlan, title: str = "Projection", **choices: Any
) -> Figure:
    """Draw new cases per year, observed and projected."""
    from rarecare.figures.fan import fan  # noqa: PLC0415 - drawn when asked

    del plan
    told = table.with_columns(
        period=pl.when(pl.col("first") == pl.col("last"))
        .then(pl.col("first").cast(pl.String))
        .otherwise(pl.format("{}-{}", "first", "last"))
    )
    return fan(
        told.filter(measure=CASES), told.filter(measure=OBSERVED + CASES),
        value_label="New cases per year", title=title, **choices,
    )  # fmt: skip
