"""Trends of incidence: the rate of each year, its annual change, and where the change changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import ColumnError, PopulationError, UsageError
from rarecare.population.population import Population
from rarecare.rates.change import annual_change
from rarecare.rates.estimate import COUNTED, population_within, prepare_incidence
from rarecare.rates.formulas import standard_weights, weighted_rate
from rarecare.rates.intervals import RateInterval, rate_limits
from rarecare.rates.joinpoint import PERMUTATIONS, SEED, Joinpoint, Selection, joinpoint
from rarecare.rates.plan import IncidencePlan, Standard, incidence_plan
from rarecare.rates.tally import tally_incidence
from rarecare.registry import Cases, ExclusionRules
from rarecare.results import NOT_ESTIMABLE, OK, Provenance, Result
from rarecare.tally.tally import Tally

if TYPE_CHECKING:
    from rarecare.figures import Figure

YEAR = "year"
RATE, SEGMENT = "standardised rate", "annual percentage change of a segment"
AVERAGE, FITTED = "average annual percentage change", "fitted rate"
_NUMBERS = ("estimate", "se", "lower", "upper", "p_value", "dispersion")


def trend(
    cases: Cases | Any, population: Population, *, by: Sequence[str] = (),
    standard: Standard = "esp2013", age_groups: Sequence[int] | None = None,
    selection: Selection = "bic", max_joinpoints: int | None = None,
    permutations: int = PERMUTATIONS, seed: int = SEED, scale: bool = False, level: float = 0.95,
    interval: RateInterval = "tiwari", per: float = 100_000, rules: ExclusionRules = COUNTED,
    bad_rows: Literal["refuse", "exclude"] = "refuse",
) -> Result:  # fmt: skip
    """Return the standardised rate of each year, its annual change and its joinpoints.

    Parameters
    ----------
    cases, population, age_groups, rules, bad_rows, interval, per, level
        As for ``incidence``; the population has years, of which those from the first to the last
        case of any stratum are used.
    by
        Strata, without the year.
    standard
        Standard population of the rates.
    selection, max_joinpoints, permutations, seed
        As for ``joinpoint``.
    scale
        As for ``annual_change``.

    Returns
    -------
    Result
        Rows by stratum: ``measure`` (``"standardised rate"`` of each year, ``"fitted rate"`` of
        the segmented line, ``"annual percentage change"`` by Poisson regression with age, over
        all years, ``"annual percentage change of a segment"``, ``"average annual percentage
        change"``), ``first``, ``last`` (years), ``n``, ``unit``, ``estimate``, ``se``,
        ``lower``, ``upper``, ``p_value``, ``dispersion``, ``level``, ``method``, ``status``,
        ``reason``.

    Raises
    ------
    PopulationError
        The population has no years, or a case lies outside it.
    UsageError, CaseError, ColumnError
        As for ``incidence`` and ``joinpoint``.
    """
    if not population.years:
        raise PopulationError(
            "a trend takes a population with years", file=population.source.name,
            remedy="Give a population with a column year.",
        )  # fmt: skip
    if YEAR in by:
        raise UsageError("the years of a trend are no strata", value=YEAR, allowed="other strata")
    prepared = prepare_incidence(cases, rules, by, population, bad_rows)
    whole = population
    population, left = _held(population_within(population, cases, rules), prepared.table)
    plan = incidence_plan(
        prepared.table, population, by=[*by, YEAR], age_groups=age_groups, standards=(standard,),
        level=level, interval=interval, per=per,
    )  # fmt: skip
    tally = tally_incidence(prepared.table, population, plan)
    table = estimate_trend(
        tally, plan, selection=selection, max_joinpoints=max_joinpoints,
        permutations=permutations, seed=seed, scale=scale,
    )  # fmt: skip
    unknown = int(tally.arrays["cases_age_unknown"].sum())
    provenance = Provenance(
        statistic="trend of incidence",
        inputs=(prepared.source, whole.source),
        plan=plan.to_dict() | {
            "selection": selection, "max_joinpoints": max_joinpoints, "scale": scale,
            "permutations": permutations, "seed": seed,
        },
        plan_hash=plan.hash,
        exclusions=prepared.exclusions,
        notes=(
            *prepared.notes, *whole.notes, *left,
            *([f"cases of unknown age, left out: {unknown}"] if unknown else []),
        ),
    )  # fmt: skip
    return Result(table, provenance, partial(_figure, table, plan))


def _held(population: Population, cases: pl.DataFrame) -> tuple[Population, tuple[str, ...]]:
    """Return the years of the population from the first to the last case of any stratum."""
    first, last = cases.select(
        first=pl.col("incidence_date").dt.year().min(),
        last=pl.col("incidence_date").dt.year().max(),
    ).row(0)
    if first is None:
        return population, ()
    left = [year for year in population.years if not first <= year <= last]
    held = [year for year in population.years if first <= year <= last]
    if not left or not held:
        return population, ()
    note = f"years of the population before or after all cases, left out: {len(left)}"
    return population.part(year=held), (note,)


def estimate_trend(
    tally: Tally, plan: IncidencePlan, *, selection: Selection = "bic",
    max_joinpoints: int | None = None, permutations: int = PERMUTATIONS, seed: int = SEED,
    scale: bool = False,
) -> pl.DataFrame:  # fmt: skip
    """Return the rows of ``trend`` from a tally by year and other strata.

    Raises
    ------
    DisagreementError
        The tally was made with another plan.
    ColumnError
        The tally is not by year.
    """
    tally.check_plan(plan)
    if YEAR not in tally.strata.columns:
        raise ColumnError("a trend takes a tally by year", value=YEAR, allowed=tally.strata.columns)
    others = [name for name in tally.strata.columns if name != YEAR]
    w = standard_weights(plan.standards[0][1])
    rows: list[dict[str, Any]] = []
    for stratum, years, d, y in yearly_series(tally, others):
        rates = weighted_rate(d, y, w)
        lower, upper, method = rate_limits(rates, interval=plan.interval, level=plan.level)
        each = zip(
            years, rates.cases, rates.rate, rates.se, lower, upper, method, strict=True
        )  # fmt: skip
        for year, n, rate, se, low, high, how in each:
            known = not np.isnan(rate)
            rows.append(stratum | {
                "measure": RATE, "first": int(year), "last": int(year), "n": int(n),
                "unit": plan.unit, "estimate": plan.per * rate, "se": plan.per * se,
                "lower": plan.per * low, "upper": plan.per * high, "level": plan.level,
                "method": str(how), "status": OK if known else NOT_ESTIMABLE,
                "reason": None if known else "no person-years at an age of the standard",
            })  # fmt: skip
        rows += [
            stratum | row
            for row in annual_change(years, d, y, scale=scale, level=plan.level).to_dicts()
        ]
        told = {"level": plan.level, "method": f"joinpoint, {selection}"}
        whole = told | {"first": int(years[0]), "last": int(years[-1]), "n": int(d.sum())}
        reason = _unfit(rates.rate, len(years))
        if reason is None:
            found = joinpoint(
                years, rates.rate, rates.se, selection=selection, max_joinpoints=max_joinpoints,
                permutations=permutations, seed=seed, level=plan.level,
            )  # fmt: skip
            for row in _segments(found, plan):
                within = (years >= row["first"]) & (years <= row["last"])
                n = int(d[within].sum())
                rows.append(stratum | told | row | {"n": n, "status": OK})
        else:
            rows.append(stratum | whole | {
                "measure": AVERAGE, "unit": "percent per year", "status": NOT_ESTIMABLE,
                "reason": reason,
            })  # fmt: skip
    text = ("measure", "unit", "method", "status", "reason")
    schema: dict[str, Any] = {
        **{name: tally.strata.schema[name] for name in others}, "measure": pl.String,
        "first": pl.Int64, "last": pl.Int64, "n": pl.Int64, "unit": pl.String,
        **dict.fromkeys(_NUMBERS, pl.Float64), "level": pl.Float64,
        **dict.fromkeys(text[2:], pl.String),
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema).with_columns(pl.col(_NUMBERS).fill_nan(None))


def yearly_series(
    tally: Tally, others: Sequence[str]
) -> Iterator[tuple[dict[str, Any], NDArray[Any], NDArray[np.int64], NDArray[np.float64]]]:
    """Yield each stratum with its years in order, and cases and person-years by year and age."""
    strata = tally.strata.with_columns(_row=pl.int_range(pl.len()))
    groups = strata.partition_by(others, maintain_order=True) if others else [strata]
    for group in groups:
        own = group.sort(YEAR)
        rows = own["_row"].to_numpy()
        yield (
            {name: own[name][0] for name in others}, own[YEAR].to_numpy(),
            tally.arrays["cases"][rows], tally.arrays["person_years"][rows],
        )  # fmt: skip


def _unfit(rates: NDArray[np.float64], years: int) -> str | None:
    if years < 4:
        return "fewer than 4 years"
    if np.isnan(rates).any():
        return "no person-years at an age of the standard in a year"
    return None if (rates > 0).all() else "a year without cases has no log rate: take wider periods"


def _segments(found: Joinpoint, plan: IncidencePlan) -> list[dict[str, Any]]:
    fitted = [
        {"measure": FITTED, "first": year, "last": year, "unit": plan.unit,
         "estimate": plan.per * rate}
        for year, rate in found.fitted.select("year", "fitted").iter_rows()
    ]  # fmt: skip
    own = [row | {"measure": SEGMENT} for row in found.segments.to_dicts()]
    return [*fitted, *own, *found.average().to_dicts()]


def _figure(
    table: pl.DataFrame, plan: IncidencePlan, title: str = "Trend of incidence", **choices: Any
) -> Figure:
    """Draw the rates of each year, the segmented line and what each segment changes by."""
    from rarecare.figures.trend import trend_figure  # noqa: PLC0415 - drawn when asked

    by = [name for name in plan.strata if name != YEAR]
    told = table.with_columns(year=pl.col("first"))
    fitted = told.filter(measure=FITTED).select(*by, "year", fitted=pl.col("estimate"))
    return trend_figure(
        told.filter(measure=RATE), fitted=fitted, changes=told.filter(measure=SEGMENT), by=by,
        value_label=f"New cases {plan.unit}", title=title,
        subtitle=f"Age-standardised, {plan.standards[0][0]}", **choices,
    )  # fmt: skip
