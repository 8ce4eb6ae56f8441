"""Age-standardised survival: from the sums of age classes to one estimate.

Sources: Corazziari, Quinn, Capocaccia, *European Journal of Cancer* 2004;40:2307-2316
(ICSS); Brenner et al., *European Journal of Cancer* 2004;40:2317-2322 (individual weights).
Weights are never rescaled: a class with no one at risk makes the estimate missing, or is
dealt with as the plan says, and the row says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.survival.curves import Arrays, Floats
from rarecare.survival.methods import Curve, Method, curve
from rarecare.survival.plan import AGE_CLASS, Standard, SurvivalPlan
from rarecare.tally.tally import Tally

_SQUARED = ("death_w2", "deaths_weighted2", "cancer_deaths_weighted2")
_COUNTS = (
    "at_risk", "deaths", "cancer_deaths", "cases", "person_days", "person_days_outside",
)  # fmt: skip
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Standardised:
    """One stratum's estimates at its times, shape (1, n_times), and what is to be said of each.

    Attributes
    ----------
    curve
        The estimates.
    missing
        Why there is none, where there is none.
    remarks
        How it came about, where a rule for empty classes was used.
    """

    curve: Curve
    missing: str
    remarks: tuple[str | None, ...]


def arrays_by_class(tally: Tally, strata: pl.DataFrame, plan: SurvivalPlan) -> Arrays:
    """Return the arrays by stratum and age class, zeros where a class has no case."""
    assert plan.standard is not None
    shape = (strata.height, len(plan.standard.weights))
    numbered = strata.with_row_index("_stratum")
    stratum = np.zeros(tally.strata.height, dtype=np.int64)
    if plan.by:
        stratum = tally.strata.join(
            numbered, on=list(plan.by), how="left", nulls_equal=True, maintain_order="left"
        )["_stratum"].to_numpy()
    place = stratum * shape[1] + tally.strata[AGE_CLASS].to_numpy()
    if np.array_equal(place, np.arange(shape[0] * shape[1])):
        return {name: a.reshape(*shape, *a.shape[1:]) for name, a in tally.arrays.items()}
    answer = {}
    for name, array in tally.arrays.items():
        whole = np.zeros((shape[0] * shape[1], *array.shape[1:]), dtype=array.dtype)
        whole[place] = array
        answer[name] = whole.reshape(*shape, *array.shape[1:])
    return answer


def standardised(
    arrays: Arrays, plan: SurvivalPlan, standards: Sequence[Standard], days: Floats, *,
    method: Method,
) -> list[Standardised]:  # fmt: skip
    """Return the standardised estimates of each stratum, by its own standard.

    ``arrays``: by stratum and age class.
    """
    own = [{name: array[k] for name, array in arrays.items()} for k in range(len(standards))]
    if plan.standardisation == "individual":
        return [
            _individual(classes, plan, standard, days, method)
            for classes, standard in zip(own, standards, strict=True)
        ]
    size = arrays["cases"].shape[1]
    n = len(standards) * size
    flat = {name: array.reshape(n, *array.shape[2:]) for name, array in arrays.items()}
    by_class = curve(flat, plan, days, method=method, form=plan.form)
    return [
        _weighted(classes, by_class.part(slice(k * size, (k + 1) * size)), plan, standard, days,
                  method=method)
        for k, (classes, standard) in enumerate(zip(own, standards, strict=True))
    ]  # fmt: skip


def _weighted(
    arrays: Arrays, by_class: Curve, plan: SurvivalPlan, standard: Standard, days: Floats, *,
    method: Method,
) -> Standardised:  # fmt: skip
    """Return the weighted sum of one stratum's classes, dealing with empty ones as planned."""
    own = weighted_sum(by_class, standard.weights)
    missing = _who_is_gone(by_class, standard)
    remarks: list[str | None] = [None] * len(days)
    gone = np.flatnonzero(np.isnan(own.value[0]))
    if plan.when_empty == "individual" and len(gone):
        other = _individual(arrays, plan, standard, days, method)
        _put(own, other.curve, gone)
        for at in gone[~np.isnan(own.value[0, gone])]:
            remarks[at] = f"{missing}: each case weighted instead"
        missing = other.missing
    elif plan.when_empty == "collapse":
        for at in gone:
            merged, labels = _collapsed(arrays, plan, standard, days[at : at + 1], method)
            if merged is None:
                continue
            _put(own, merged, np.array([at]), taken=np.array([0]))
            remarks[at] = f"age classes merged to {', '.join(labels)}"
    return Standardised(own, missing, tuple(remarks))


def weighted_sum(by_class: Curve, weights: Sequence[float]) -> Curve:
    """Return Σ w_k S_k with its standard error √Σ w_k² SE_k², shape (1, n_times).

    A class in which everyone had died adds no variance.
    """
    given = np.array(weights)
    used = given > 0
    share = given[used, None]
    value = by_class.value[used]
    gone = (value == 0) & np.isnan(by_class.se[used])
    se = np.where(gone, 0.0, by_class.se[used])
    total = (share * value).sum(axis=0, keepdims=True)
    spread = np.sqrt((share**2 * se**2).sum(axis=0, keepdims=True))
    return Curve(
        value=total,
        se=np.where((total == 0) & gone.any(axis=0), np.nan, spread),
        at_risk=by_class.at_risk.sum(axis=0, keepdims=True),
        events=by_class.events.sum(axis=0, keepdims=True),
        last_day=by_class.last_day[used].min(keepdims=True),
    )


def preweighted(arrays: Arrays, weights: Sequence[float]) -> dict[str, NDArray[Any]]:
    """Return the sums of all classes, each case weighing share / observed share at diagnosis."""
    n = arrays["weight"]
    share = np.array(weights)
    factor = np.where(n > 0, share * n.sum() / np.where(n > 0, n, 1), 0.0)
    complete = dict(arrays)
    for name in ("at_risk", "deaths", "cancer_deaths"):
        if name in arrays and f"{name}_weighted" not in arrays:
            complete[f"{name}_weighted"] = arrays[name].astype(np.float64)
            if name != "at_risk":
                complete[f"{name}_weighted2"] = complete[f"{name}_weighted"]
    merged = {}
    for name, array in complete.items():
        if name in _COUNTS:
            merged[name] = array.sum(axis=0, keepdims=True)
        else:
            power = factor**2 if name in _SQUARED else factor
            merged[name] = np.tensordot(power, array, axes=(0, 0))[None, ...]
    return merged


def _individual(
    arrays: Arrays, plan: SurvivalPlan, standard: Standard, days: Floats, method: Method
) -> Standardised:
    own = curve(preweighted(arrays, standard.weights), plan, days, method=method, form=plan.form)
    empty = (arrays["cases"] == 0) & (np.array(standard.weights) > 0)
    missing = f"no one at risk from day {own.last_day[0] + 1}"
    if empty.any():
        own.value[:], own.se[:] = np.nan, np.nan
        missing = f"no cases in ages {standard.labels[int(empty.argmax())]}"
    return Standardised(own, missing, (None,) * len(days))


def _collapsed(
    arrays: Arrays, plan: SurvivalPlan, standard: Standard, day: Floats, method: Method
) -> tuple[Curve | None, tuple[str, ...]]:
    """Merge each class with no one left into its younger neighbour (the first, into the next).

    Returns the estimate at one time, or None where no one at all is left, and the classes.
    """
    weights, lower = list(standard.weights), list(standard.age_lower)
    parts = dict(arrays)
    while True:
        by_class = curve(parts, plan, day, method=method, form=plan.form)
        gone = np.flatnonzero(np.isnan(by_class.value[:, 0]) & (np.array(weights) > 0))
        if not len(gone):
            break
        if len(weights) == 1:
            return None, ()
        into = max(int(gone[-1]) - 1, 0)
        parts = {
            name: np.delete(
                np.concatenate([a[:into], a[into : into + 2].sum(axis=0, keepdims=True),
                                a[into + 1 :]]), into + 1, axis=0,
            )
            for name, a in parts.items()
        }  # fmt: skip
        weights[into : into + 2] = [weights[into] + weights[into + 1]]
        del lower[into + 1]
    merged = Standard(name=standard.name, age_lower=tuple(lower), weights=tuple(weights))
    return weighted_sum(by_class, weights), merged.labels


def _who_is_gone(by_class: Curve, standard: Standard) -> str:
    last = np.where(np.array(standard.weights) > 0, by_class.last_day, _NEVER)
    first = int(last.argmin())
    return f"no one at risk in ages {standard.labels[first]} from day {last[first] + 1}"


def _put(
    own: Curve, other: Curve, at: NDArray[np.int64], *, taken: NDArray[np.int64] | None = None
) -> None:
    source = at if taken is None else taken
    own.value[:, at], own.se[:, at] = other.value[:, source], other.se[:, source]
