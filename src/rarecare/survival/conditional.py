"""Conditional survival: of those who have lived some years, how many live further years.

S(t|s) = S(t)/S(s), weights kept from diagnosis. Increments of the cumulative hazard are
independent, so that the variance of its logarithm is V(t) − V(s). Source: METHODS section 3 of
the project's methods page; Zabor et al., *Urologic Oncology* 2013;31:129-134 for the use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import UsageError
from rarecare.population.life_table import LifeTable
from rarecare.registry import Cases
from rarecare.results import NOT_ESTIMABLE, OK, Result
from rarecare.survival.analysis import Choices, analyse
from rarecare.survival.curves import Arrays, Floats
from rarecare.survival.estimate import NO_STANDARD, rows_of, strata_of
from rarecare.survival.methods import METHODS, NET, Curve, Method, curve
from rarecare.survival.plan import RESULT_COLUMNS, TIME_DIGITS, Standard, SurvivalPlan
from rarecare.survival.standardisation import (
    arrays_by_class,
    preweighted,
    weighted_sum,
)
from rarecare.survival.survival import chosen, needed
from rarecare.tally.tally import Tally

if TYPE_CHECKING:
    from rarecare.figures import Figure

_CONDITIONAL: tuple[Method, ...] = (*NET, "cause-specific")


def conditional_survival(
    cases: Cases | Any,
    life_table: LifeTable | None = None,
    *,
    given: Sequence[float] = (1, 2, 3, 5),
    ahead: Sequence[float] = (5,),
    method: Method | Sequence[Method] = "pohar-perme",
    **choices: Unpack[Choices],
) -> Result:
    """Return survival over further years of those who have lived some.

    Parameters
    ----------
    cases, life_table, **choices
        See ``net_survival``; observed and cause-specific survival need no life table. Times
        come from ``given`` and ``ahead``.
    given
        Years already lived since diagnosis.
    ahead
        Further years.
    method
        Of ``net_survival``, or ``"cause-specific"``.

    Returns
    -------
    Result
        Per stratum, method, years lived and years ahead: ``given_years``, ``given_days``, then
        the columns of ``estimate_survival``, where ``time_years`` counts from diagnosis, ``n``
        are those at risk after the years lived, and ``events`` their deaths.

    Raises
    ------
    UsageError
        A time is negative, ``ahead`` is not above 0, or times are given as ``at``.
    InputError
        See ``net_survival``.
    """
    methods = chosen(method, _CONDITIONAL)
    if choices.get("at") is not None or choices.get("at_days") is not None:
        raise UsageError(
            "conditional survival takes years lived and years ahead, not times",
            allowed="given=(1, 2), ahead=(5,)",
        )
    if choices.get("when_empty", "not estimable") != "not estimable":
        raise UsageError(
            "conditional survival has no rule for empty age classes",
            value=choices["when_empty"],
            allowed="standardisation='individual'",
        )
    if not given or not ahead or min(given) < 0 or min(ahead) <= 0:
        raise UsageError(
            "years lived or ahead are out of range",
            value=f"given {list(given)}, ahead {list(ahead)}",
            allowed="given 0 or more, ahead above 0",
        )
    wants_table = any(METHODS[name].sums for name in methods)
    lives = needed(life_table, "net survival") if wants_table else None  # type: ignore[arg-type]
    year = choices.get("days_per_year", 365.2425)
    spans = sorted(
        {
            (round(s * year, TIME_DIGITS), round((s + k) * year, TIME_DIGITS))
            for s in given
            for k in ahead
        }
    )
    times = sorted({day for span in spans for day in span})
    own: Choices = {**choices, "at": None, "at_days": times}
    analysis = analyse(cases, lives, methods, own)
    table = estimate_conditional(analysis.tally, analysis.plan, spans)
    titles = ", ".join(METHODS[name].title for name in methods)
    plan = analysis.plan

    def draw(title: str = "Survival of those who have lived some years", **more: Any) -> Figure:
        from rarecare.figures import conditional_figure  # noqa: PLC0415 - drawn when asked

        return conditional_figure(table, by=plan.by, title=title, **more)

    return Result(table, analysis.provenance(f"Conditional: {titles}"), draw)


def estimate_conditional(
    tally: Tally, plan: SurvivalPlan, spans: Sequence[tuple[float, float]]
) -> pl.DataFrame:
    """Return conditional survival from a tally; see ``conditional_survival``.

    Parameters
    ----------
    tally, plan
        As for ``estimate_survival``.
    spans
        Days lived and days reached, all of them among the plan's times.

    Raises
    ------
    DisagreementError
        The tally was made with another plan.
    """
    tally.check_plan(plan)
    days = np.array(plan.times)
    begin = np.searchsorted(days, [s for s, _ in spans])
    end = np.searchsorted(days, [t for _, t in spans])
    strata = strata_of(tally, plan)
    parts = []
    if plan.standard is None:
        names = [NO_STANDARD] * strata.height
        for method in plan.methods:
            own = curve(tally.arrays, plan, days, method=method, form=plan.form)
            people = own.at_risk[:, begin]
            parts.append(_rows(_ratio(own, begin, end), people, plan, spans, method=method))
    else:
        standards = [plan.standard_of(row) for row in strata.iter_rows(named=True)]
        names = [standard.name for standard in standards]
        by_class = arrays_by_class(tally, strata, plan)
        for position, standard in enumerate(standards):
            arrays = {name: array[position] for name, array in by_class.items()}
            for method in plan.methods:
                whole, made = _standardised(arrays, plan, standard, method, (begin, end))
                people = whole.at_risk[:, begin]
                parts.append(_rows(made, people, plan, spans, method=method, offset=position))
    numbered = strata.with_columns(
        _stratum=pl.int_range(pl.len(), dtype=pl.Int64), standard=pl.Series(names, dtype=pl.String)
    )
    order = {method: i for i, method in enumerate(plan.methods)}
    return (
        numbered.join(pl.concat(parts), on="_stratum", how="inner")
        .sort("_stratum", pl.col("method").replace_strict(order), "given_days", "time_days")
        .with_columns(
            pl.col("estimate", "se", "lower", "upper").fill_nan(None),
            time_years=(pl.col("time_days") / plan.days_per_year).round(12),
            given_years=(pl.col("given_days") / plan.days_per_year).round(12),
            level=pl.lit(plan.level),
        )
        .with_columns(
            status=pl.when(pl.col("estimate").is_null())
            .then(pl.lit(NOT_ESTIMABLE))
            .otherwise(pl.lit(OK))
        )
        .select(*strata.columns, "given_years", "given_days", *RESULT_COLUMNS)
    )


def _ratio(own: Curve, begin: NDArray[np.int64], end: NDArray[np.int64]) -> Curve:
    """Return S(t)/S(s) with SE = S(t|s) √(V(t) − V(s))."""
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.where(own.value == 0, np.nan, own.se / own.value) ** 2
        value = own.value[:, end] / own.value[:, begin]
        spread = np.maximum(variance[:, end] - variance[:, begin], 0)
        se = np.where(value == 0, np.nan, value * np.sqrt(spread))
    return _between(own, value, se, begin, end)


def _between(
    own: Curve, value: Floats, se: Floats, begin: NDArray[np.int64], end: NDArray[np.int64]
) -> Curve:
    value = np.where(np.isfinite(value), value, np.nan)
    events = own.events[:, end] - own.events[:, begin]
    return replace(own, value=value, se=se, at_risk=own.at_risk[:, end], events=events)


def _standardised(
    arrays: Arrays,
    plan: SurvivalPlan,
    standard: Standard,
    method: Method,
    places: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> tuple[Curve, Curve]:
    """Return the standardised curve and its ratios.

    Var log = Σ w_k² Var(S_k(t)/S(t) − S_k(s)/S(s)).
    """
    begin, end = places
    days = np.array(plan.times)
    if plan.standardisation == "individual":
        merged = preweighted(arrays, standard.weights)
        own = curve(merged, plan, days, method=method, form=plan.form)
        return own, _ratio(own, begin, end)
    by_class = curve(arrays, plan, days, method=method, form=plan.form)
    whole = weighted_sum(by_class, standard.weights)
    used = np.array(standard.weights) > 0
    weights = np.array(standard.weights)[used, None]
    part, se = by_class.value[used], by_class.se[used]
    with np.errstate(divide="ignore", invalid="ignore"):
        of_log = np.where(part == 0, 0.0, se / part) ** 2
        now, before = part[:, end] / whole.value[:, end], part[:, begin] / whole.value[:, begin]
        variance = weights**2 * (
            now**2 * of_log[:, end]
            + before**2 * of_log[:, begin]
            - 2 * now * before * of_log[:, begin]
        )
        value = whole.value[:, end] / whole.value[:, begin]
        spread = value * np.sqrt(variance.sum(axis=0, keepdims=True))
    return whole, _between(whole, value, np.where(value == 0, np.nan, spread), begin, end)


def _rows(
    own: Curve,
    people: NDArray[np.int64],
    plan: SurvivalPlan,
    spans: Sequence[tuple[float, float]],
    *,
    method: Method,
    offset: int = 0,
) -> pl.DataFrame:
    missing = [f"no one at risk from day {day + 1}" for day in own.last_day.tolist()]
    reached = np.array([t for _, t in spans])
    rows = rows_of(own, plan, reached, method, cases=people[:, 0], missing=missing, offset=offset)
    return rows.with_columns(
        n=pl.Series(people.ravel()),
        given_days=pl.Series([s for s, _ in spans] * len(own.value), dtype=pl.Float64),
    )
