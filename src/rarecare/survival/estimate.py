"""Survival tables: from a follow-up tally to estimates with their limits."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import UsageError
from rarecare.results import NOT_ESTIMABLE, OK
from rarecare.survival.curves import Arrays, Floats, limits
from rarecare.survival.methods import METHODS, Curve, Method, curve
from rarecare.survival.plan import AGE_CLASS, RESULT_COLUMNS, Standard, SurvivalPlan
from rarecare.survival.standardisation import arrays_by_class, standardised
from rarecare.tally.follow_up import day_number
from rarecare.tally.tally import Tally

NO_STANDARD = "none"


def estimate_survival(
    tally: Tally, plan: SurvivalPlan, *, times: Sequence[float] | None = None
) -> pl.DataFrame:
    """Return survival, probabilities of death or years, with their limits, from a tally.

    Parameters
    ----------
    tally
        Made with the plan, of one part or the sum of several.
    plan
        The choices.
    times
        Whole days up to the plan's last, instead of the plan's times: the points of a figure.

    Returns
    -------
    DataFrame
        One row per stratum, method and time: the strata; ``method``; ``standard`` (``"none"``
        where there is none); ``time_years``, ``time_days``; ``n`` (cases that contribute),
        ``at_risk`` on the day of the time, ``events`` (deaths up to it); ``estimate``,
        ``se``, ``lower``, ``upper``; ``level``; ``status`` ("ok", "not estimable") and
        ``reason``: why there is no estimate, or what is to be known of it.

    Raises
    ------
    DisagreementError
        The tally was made with another plan.
    UsageError
        ``times`` are not such.
    """
    tally.check_plan(plan)
    bad = [day for day in times or () if not (0 <= day <= plan.horizon and day == int(day))]
    if bad:
        raise UsageError(
            "a time cannot be read from this tally",
            value=bad[0],
            allowed=f"whole days, 0 to {plan.horizon}",
            remedy="Make the tally with this time in its plan.",
        )
    days = np.array(plan.times if times is None else sorted(times), dtype=np.float64)
    strata = strata_of(tally, plan)
    if plan.standard is None:
        names = [NO_STANDARD] * strata.height
        parts = [_plain(tally.arrays, plan, days, method) for method in plan.methods]
    else:
        standards = [plan.standard_of(row) for row in strata.iter_rows(named=True)]
        names = [standard.name for standard in standards]
        by_class = arrays_by_class(tally, strata, plan)
        parts = [_standardised(by_class, plan, standards, days, method) for method in plan.methods]
    rows = pl.concat(parts)
    numbered = strata.with_columns(
        _stratum=pl.int_range(pl.len(), dtype=pl.Int64), standard=pl.Series(names, dtype=pl.String)
    )
    order = {method: i for i, method in enumerate(plan.methods)}
    return (
        numbered.join(rows, on="_stratum", how="inner")
        .sort("_stratum", pl.col("method").replace_strict(order), "time_days")
        .with_columns(
            pl.col("estimate", "se", "lower", "upper").fill_nan(None),
            time_years=(pl.col("time_days") / plan.days_per_year).round(12),
            level=pl.lit(plan.level),
        )
        .with_columns(
            status=pl.when(pl.col("estimate").is_null())
            .then(pl.lit(NOT_ESTIMABLE))
            .otherwise(pl.lit(OK))
        )
        .select(*strata.columns, *RESULT_COLUMNS)
    )


def strata_of(tally: Tally, plan: SurvivalPlan) -> pl.DataFrame:
    """Return the strata of the table: those of the tally without the age classes."""
    if plan.standard is None:
        return tally.strata
    if not plan.by:
        return pl.DataFrame({"group": ["all"]})
    return tally.strata.drop(AGE_CLASS).unique(maintain_order=True)


def _plain(arrays: Arrays, plan: SurvivalPlan, days: Floats, method: Method) -> pl.DataFrame:
    """Return the rows of strata, each by itself."""
    own = curve(arrays, plan, days, method=method, form=plan.form)
    missing = [f"no one at risk from day {day + 1}" for day in own.last_day.tolist()]
    return rows_of(own, plan, days, method, cases=arrays["cases"], missing=missing)


def _standardised(
    arrays: Arrays, plan: SurvivalPlan, standards: Sequence[Standard], days: Floats, method: Method
) -> pl.DataFrame:
    """Return the rows of strata, their age classes weighted."""
    made = standardised(arrays, plan, standards, days, method=method)
    return rows_of(
        Curve.joined([own.curve for own in made]), plan, days, method,
        cases=arrays["cases"].sum(axis=1), missing=[own.missing for own in made],
        remarks=[own.remarks for own in made],
    )  # fmt: skip


def rows_of(
    own: Curve,
    plan: SurvivalPlan,
    days: Floats,
    method: Method,
    *,
    cases: NDArray[np.int64],
    missing: Sequence[str],
    offset: int = 0,
    remarks: Sequence[Sequence[str | None]] | None = None,
) -> pl.DataFrame:
    """Return one row per stratum and time, with limits and what is to be said of each.

    ``missing``: per stratum, why there is no estimate where there is none; ``remarks``: per
    stratum and time, how it came about.
    """
    value, se = own.value.copy(), own.se.copy()
    estimated = ~np.isnan(value) & (not METHODS[method].known)
    few = (own.at_risk < plan.min_at_risk) & estimated
    late = np.broadcast_to(days > _potential(plan), value.shape) & estimated
    value[few | late], se[few | late] = np.nan, np.nan
    z = NormalDist().inv_cdf(0.5 + plan.level / 2)
    interval = plan.interval or METHODS[method].interval
    lower, upper = limits(value, se, z, interval)
    said: list[str | None] = []
    for stratum, time in np.ndindex(value.shape):
        estimate = float(value[stratum, time])
        if late[stratum, time]:
            said.append(_beyond_cohort(plan))
        elif few[stratum, time]:
            said.append(f"fewer than {plan.min_at_risk} at risk")
        elif np.isnan(estimate):
            said.append(missing[stratum])
        else:
            words = [remarks[stratum][time]] if remarks else []
            words += _notes(method, estimate, float(se[stratum, time]), plan)
            if np.isnan(lower[stratum, time]):
                words.append(_no_interval(method, estimate, interval))
            said.append("; ".join(word for word in words if word) or None)
    return pl.DataFrame(
        {
            "_stratum": np.repeat(np.arange(len(value), dtype=np.int64) + offset, len(days)),
            "method": pl.Series([method] * value.size, dtype=pl.String),
            "time_days": np.tile(days, len(value)),
            "n": np.repeat(cases, len(days)),
            "at_risk": own.at_risk.ravel(),
            "events": own.events.ravel(),
            "estimate": value.ravel(),
            "se": se.ravel(),
            "lower": lower.ravel(),
            "upper": upper.ravel(),
            "reason": pl.Series(said, dtype=pl.String),
        }
    )


def _potential(plan: SurvivalPlan) -> float:
    """Return the last day to which all of a cohort could be followed."""
    if plan.approach != "cohort":
        return np.inf
    assert plan.closing_date is not None
    assert plan.incidence is not None
    return float(day_number(plan.closing_date) - day_number(plan.incidence[1]))


def _beyond_cohort(plan: SurvivalPlan) -> str:
    assert plan.incidence is not None
    return (
        f"those diagnosed last, on {plan.incidence[1]}, were followed for at most "
        f"{_potential(plan):.0f} days: the complete approach takes all that were"
    )


def _notes(method: Method, value: float, se: float, plan: SurvivalPlan) -> list[str]:
    """Return what is to be known of an estimate that stands."""
    notes = []
    if METHODS[method].measure == "survival" and value > 1:
        notes.append("above 1: the cases died less than the general population; not cut")
    if METHODS[method].measure == "probability of death" and value < 0:
        notes.append("below 0: the cases died less than the general population; not cut")
    if plan.max_se is not None and se > plan.max_se:
        notes.append(f"standard error above {plan.max_se:g}")
    return notes


def _no_interval(method: Method, value: float, interval: str) -> str:
    if METHODS[method].known:
        return "follows from the life table alone: no interval"
    if value == 0 and METHODS[method].measure == "survival":
        return "everyone had died: no interval"
    if interval == "plain":
        return "no one is left: no standard error"
    if interval == "log" and value > 0:
        return "no log interval: the standard error is too large"
    return f"no {interval} interval: the estimate is not between 0 and 1"
