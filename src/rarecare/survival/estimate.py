"""Survival tables: from a follow-up tally to estimates with their limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import UsageError
from rarecare.results import NOT_ESTIMABLE, OK
from rarecare.survival.curves import Arrays, Curve, Method, curve, limits
from rarecare.survival.plan import AGE_CLASS, RESULT_COLUMNS, Standard, SurvivalPlan
from rarecare.tally.tally import Tally

NO_STANDARD = "none"
_STRATA_AT_ONCE = 256
_SQUARED = ("death_w2", "deaths_weighted2")
_COUNTS = ("at_risk", "deaths", "cases", "person_days", "person_days_outside")

Floats = NDArray[np.float64]


def estimate_survival(
    tally: Tally, plan: SurvivalPlan, *, times: Sequence[float] | None = None
) -> pl.DataFrame:
    """Return survival with its limits from a tally.

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
        ``reason``, which also says why limits are missing.

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
    if plan.standard is None:
        strata = tally.strata
        parts = [
            _rows(_slice(tally.arrays, start), plan, days, offset=start)
            for start in range(0, strata.height, _STRATA_AT_ONCE)
        ]
    else:
        strata = tally.strata.drop(AGE_CLASS).unique(maintain_order=True)
        if not plan.by:
            strata = pl.DataFrame({"group": ["all"]})
        parts = [
            _standardised(arrays, plan, plan.standard, days, offset=i)
            for i, arrays in enumerate(_by_class(tally, strata, plan))
        ]
    rows = pl.concat(parts)
    numbered = strata.with_columns(_stratum=pl.int_range(pl.len(), dtype=pl.Int64))
    order = {method: i for i, method in enumerate(plan.methods)}
    return (
        numbered.join(rows, on="_stratum", how="inner")
        .sort("_stratum", pl.col("method").replace_strict(order), "time_days")
        .with_columns(
            pl.col("estimate", "se", "lower", "upper").fill_nan(None),
            time_years=(pl.col("time_days") / plan.days_per_year).round(12),
            standard=pl.lit(plan.standard.name if plan.standard else NO_STANDARD),
            level=pl.lit(plan.level),
        )
        .with_columns(
            status=pl.when(pl.col("estimate").is_null())
            .then(pl.lit(NOT_ESTIMABLE))
            .otherwise(pl.lit(OK))
        )
        .select(*strata.columns, *RESULT_COLUMNS)
    )


def _slice(arrays: Arrays, start: int) -> Arrays:
    return {name: array[start : start + _STRATA_AT_ONCE] for name, array in arrays.items()}


def _rows(arrays: Arrays, plan: SurvivalPlan, days: Floats, *, offset: int) -> pl.DataFrame:
    """Return the rows of several strata, each by itself."""
    parts = []
    for method in plan.methods:
        own = _curve(arrays, plan, days, method)
        reasons = [f"no one at risk from day {day + 1}" for day in own.last_day.tolist()]
        se = _standard_error(own)
        parts.append(
            _table(
                own, se, plan, days=days, method=method, cases=arrays["cases"], reasons=reasons,
                offset=offset,
            )
        )  # fmt: skip
    return pl.concat(parts)


def _curve(arrays: Arrays, plan: SurvivalPlan, days: Floats, method: Method) -> Curve:
    return curve(arrays, plan, days, method=method, form=plan.form, variance=plan.variance)


def _standard_error(own: Curve) -> Floats:
    """Return S·√V, missing where S is 0 (its variance is not finite there)."""
    alive = np.where(own.survival == 0, np.nan, own.survival)
    return alive * np.sqrt(own.variance)


def _table(
    own: Curve,
    se: Floats,
    plan: SurvivalPlan,
    *,
    days: Floats,
    method: Method,
    cases: NDArray[np.int64],
    reasons: Sequence[str],
    offset: int,
) -> pl.DataFrame:
    """Return one row per stratum and time."""
    survival = own.survival
    z = NormalDist().inv_cdf(0.5 + plan.level / 2)
    lower, upper = limits(survival, se, z, plan.interval)
    n_strata, n_times = survival.shape
    told = []
    for stratum in range(n_strata):
        for s, low in zip(survival[stratum], lower[stratum], strict=True):
            told.append(_reason(s, low, plan, reasons[stratum]))
    return pl.DataFrame(
        {
            "_stratum": np.repeat(np.arange(n_strata, dtype=np.int64) + offset, n_times),
            "method": pl.Series([method] * survival.size, dtype=pl.String),
            "time_days": np.tile(days, n_strata),
            "n": np.repeat(cases, n_times),
            "at_risk": own.at_risk.ravel(),
            "events": own.events.ravel(),
            "estimate": survival.ravel(),
            "se": se.ravel(),
            "lower": lower.ravel(),
            "upper": upper.ravel(),
            "reason": pl.Series(told, dtype=pl.String),
        }
    )


def _reason(survival: float, lower: float, plan: SurvivalPlan, beyond: str) -> str | None:
    if np.isnan(survival):
        return beyond
    if not np.isnan(lower):
        return None
    if survival == 0:
        return "everyone had died: no interval"
    return f"no {plan.interval} interval: the estimate is not between 0 and 1"


def _by_class(tally: Tally, strata: pl.DataFrame, plan: SurvivalPlan) -> list[Arrays]:
    """Return each stratum's arrays by age class, zeros where a class has no case."""
    assert plan.standard is not None
    size = len(plan.standard.weights)
    numbered = strata.with_row_index("_stratum")
    if plan.by:
        place = tally.strata.join(
            numbered, on=list(plan.by), how="left", nulls_equal=True, maintain_order="left"
        )["_stratum"].to_numpy()
    else:
        place = np.zeros(tally.strata.height, dtype=np.int64)
    classes = tally.strata[AGE_CLASS].to_numpy()
    answers: list[Arrays] = []
    for stratum in range(strata.height):
        own = np.flatnonzero(place == stratum)
        arrays = {}
        for name, array in tally.arrays.items():
            whole = np.zeros((size, *array.shape[1:]), dtype=array.dtype)
            whole[classes[own]] = array[own]
            arrays[name] = whole
        answers.append(arrays)
    return answers


def _standardised(
    arrays: Arrays, plan: SurvivalPlan, standard: Standard, days: Floats, *, offset: int
) -> pl.DataFrame:
    """Return the rows of one stratum, its age classes weighted."""
    weights = np.array(standard.weights)
    cases = arrays["cases"].sum(keepdims=True)
    parts = []
    for method in plan.methods:
        by_class = _curve(arrays, plan, days, method)
        if plan.standardisation == "individual":
            merged = _preweighted(arrays, weights)
            own = _curve(merged, plan, days, method)
            empty = (arrays["cases"] == 0) & (weights > 0)
            reason = f"no one at risk from day {own.last_day[0] + 1}"
            if empty.any():
                own = replace(own, survival=np.full_like(own.survival, np.nan))
                reason = f"no cases in ages {standard.labels[int(empty.argmax())]}"
            se = _standard_error(own)
        else:
            own, se = _weighted_classes(by_class, weights)
            day = int(own.last_day[0])
            gone = np.where(weights > 0, by_class.last_day, np.iinfo(np.int64).max).argmin()
            label = standard.labels[int(gone)]
            reason = f"no one at risk in ages {label} from day {day + 1}"
        parts.append(
            _table(
                own, se, plan, days=days, method=method, cases=cases, reasons=[reason],
                offset=offset,
            )
        )  # fmt: skip
    return pl.concat(parts)


def _weighted_classes(by_class: Curve, weights: Floats) -> tuple[Curve, Floats]:
    """Return Σ w_k S_k and its standard error √Σ w_k² SE_k², shape (1, n_times).

    A class in which everyone had died adds no variance.
    """
    used = weights > 0
    share = weights[used, None]
    survival = by_class.survival[used]
    se = survival * np.sqrt(np.where(survival == 0, 0.0, by_class.variance[used]))
    total = (share * survival).sum(axis=0, keepdims=True)
    spread = np.sqrt((share**2 * se**2).sum(axis=0, keepdims=True))
    own = Curve(
        survival=total,
        variance=np.full_like(total, np.nan),
        at_risk=by_class.at_risk.sum(axis=0, keepdims=True),
        events=by_class.events.sum(axis=0, keepdims=True),
        last_day=by_class.last_day[used].min(keepdims=True),
    )
    return own, np.where(total == 0, np.nan, spread)


def _preweighted(arrays: Arrays, weights: Floats) -> dict[str, NDArray[Any]]:
    """Return the sums of all classes, each case weighing share / observed share at diagnosis."""
    n = arrays["weight"]
    factor = np.where(n > 0, weights * n.sum() / np.where(n > 0, n, 1), 0.0)
    complete = dict(arrays)
    if "deaths_weighted" not in arrays:
        deaths = arrays["deaths"].astype(np.float64)
        complete |= {
            "at_risk_weighted": arrays["at_risk"].astype(np.float64),
            "deaths_weighted": deaths,
            "deaths_weighted2": deaths,
        }
    merged = {}
    for name, array in complete.items():
        if name in _COUNTS:
            merged[name] = array.sum(axis=0, keepdims=True)
        else:
            power = factor**2 if name in _SQUARED else factor
            merged[name] = np.tensordot(power, array, axes=(0, 0))[None, ...]
    return merged
