"""Projection: new cases and rates of the years to come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import ModelError
from rarecare.population.population import Population
from rarecare.projection.choice import Choices, Model, projection_of
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
from rarecare.projection.series import Gathered, Series, gather
from rarecare.rates.estimate import COUNTED
from rarecare.rates.formulas import standard_weights
from rarecare.rates.glm import Link
from rarecare.rates.plan import IncidencePlan, Standard
from rarecare.registry import Cases, ExclusionRules
from rarecare.results import NOT_ESTIMABLE, OK, Provenance, Result

if TYPE_CHECKING:
    from rarecare.figures import Figure

Floats = NDArray[np.float64]
OBSERVED = "observed "
LEVELS = (0.95, 0.8, 0.5)
_NUMBERS = ("estimate", "se", "lower", "upper", "level")


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
        ``last`` (years), ``n`` (cases observed in the row's years, or those that a projection
        rests on), ``population`` (persons in the row's years), ``unit``, ``estimate``, ``se``,
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
    found = gather(
        cases, population, by=by, family=family, width=width, last_year=last_year,
        horizon=horizon, standard=standard, age_groups=age_groups, level=float(levels[0]),
        per=per, rules=rules, bad_rows=bad_rows,
    )  # fmt: skip
    weights = standard_weights(found.plan.standards[0][1])
    rows = [
        series.labels | row
        for series in found.series
        for row in _stratum_rows(
            series, found, choices, weights, levels=levels, draws=draws, seed=seed
        )
    ]
    provenance = Provenance(
        statistic="projection",
        inputs=(found.prepared.source, population.source),
        plan=found.plan.to_dict() | {
            "model": model, "width": width, "link": link, "recent": recent, "cut": list(cut),
            "start": start, "use": use, "last": last, "last_year": found.observed[-1][1],
            "family": family, "levels": list(levels), "draws": draws, "seed": seed,
        },
        plan_hash=found.plan.hash,
        exclusions=found.prepared.exclusions,
        notes=(*found.notes, "limits are of what will be counted, given that the model holds"),
    )  # fmt: skip
    schema: dict[str, Any] = {
        **found.schema, "measure": pl.String, "first": pl.Int64, "last": pl.Int64, "n": pl.Int64,
        "population": pl.Float64, "unit": pl.String, **dict.fromkeys(_NUMBERS, pl.Float64),
        **dict.fromkeys(("method", "status", "reason"), pl.String),
    }  # fmt: skip
    result = pl.DataFrame(rows, schema=schema)
    return Result(result, provenance, partial(_figure, result, found.plan))


def _stratum_rows(
    series: Series, found: Gathered, choices: Choices, weights: Floats, *,
    levels: Sequence[float], draws: int, seed: int,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    data, width = series.observed(found.observed), choices.width
    per, unit = found.plan.per, found.plan.unit
    persons, totals = data.person_years.sum(axis=0), data.cases.sum(axis=0)
    on = data.person_years > 0
    rates = np.where(on, data.cases / np.where(on, data.person_years, 1), np.nan)
    shown = {
        CASES: totals / width,
        CRUDE: np.where(persons > 0, per * totals / np.where(persons > 0, persons, 1), np.nan),
        STANDARDISED: per * (weights @ np.where(weights[:, None] > 0, rates, 0.0)),
    }  # fmt: skip
    for measure, values in shown.items():
        for k, (first, last) in enumerate(found.observed):
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
    try:
        projected = projection_of(data, len(found.future), choices)
    except ModelError as error:
        for first, last in found.future:
            yield {
                "measure": CASES, "first": first, "last": last, "n": n, "unit": "cases per year",
                "level": float(levels[0]), "status": NOT_ESTIMABLE, "reason": str(error),
            }  # fmt: skip
        return
    future = series.person_years_of(found.future)
    drawn = simulated(projected, future, weights, width=width, draws=draws, seed=seed)
    for row in projected_rows(
        drawn, found.future, future.sum(axis=0), levels=levels, per=per, unit=unit
    ):
        yield row | {
            "n": projected.n, "method": projected.method, "status": OK,
            "reason": "; ".join(projected.notes),
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
