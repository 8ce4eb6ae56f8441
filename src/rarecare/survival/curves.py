"""Survival curves from follow-up tallies: the formulas, day by day.

Sources: Perme, Stare, Estève, *Biometrics* 2012;68:113-120 (net survival); Ederer,
Axtell, Cutler, *NCI Monograph* 1961;6:101-121 (Ederer I); Ederer & Heise 1959 (Ederer
II); Hakulinen, *Biometrics* 1982;38:933-942; Kaplan & Meier, *JASA* 1958;53:457-481.
With events on whole days and a hazard constant within a day the integral of the
expected part is exact: ∫ Σwh / Σw = log(Σw at the end / Σw at the start of the day).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rarecare.tally.follow_up import FollowUpPlan

Method = Literal["observed", "pohar-perme", "ederer2", "ederer1", "hakulinen"]
Form = Literal["exponential", "product"]
Interval = Literal["log", "log-log", "plain"]
Variance = Literal["greenwood", "tsiatis"]
METHODS: tuple[Method, ...] = ("pohar-perme", "ederer2", "ederer1", "hakulinen", "observed")
FORMS: tuple[Form, ...] = ("exponential", "product")
INTERVALS: tuple[Interval, ...] = ("log", "log-log", "plain")

Arrays = Mapping[str, NDArray[Any]]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """Estimates of several strata at several times.

    Attributes
    ----------
    survival
        Shape (n_strata, n_times); nan where not estimable.
    variance
        Variance of log survival, same shape.
    at_risk, events
        Number at risk on the day of the time, deaths up to it; int64, same shape.
    last_day
        Last day of the first unbroken run of days with someone at risk, int64 (n_strata,).
    """

    survival: Floats
    variance: Floats
    at_risk: NDArray[np.int64]
    events: NDArray[np.int64]
    last_day: NDArray[np.int64]


def curve(
    arrays: Arrays,
    plan: FollowUpPlan,
    times: Floats,
    *,
    method: Method,
    form: Form = "exponential",
    variance: Variance = "greenwood",
) -> Curve:
    """Return the estimates at ``times`` (days, ascending, within the plan's horizon).

    Fractional times must be among the plan's. ``variance`` is that of observed survival.
    """
    at_risk, deaths = arrays["at_risk"], arrays["deaths"]
    horizon = at_risk.shape[1]
    empty = at_risk == 0
    last_day = np.where(empty.any(axis=1), empty.argmax(axis=1), horizon)
    with np.errstate(divide="ignore", invalid="ignore"):
        survival, spread = _ESTIMATORS[method](arrays, plan, times, form)
        if method == "observed" and variance == "tsiatis":
            spread = _risk_variance(arrays, times)
    beyond = times[None, :] > last_day[:, None]
    survival[beyond], spread[beyond] = np.nan, np.nan
    on_day = np.clip(np.ceil(times).astype(int), 1, horizon) - 1
    return Curve(
        survival=survival,
        variance=spread,
        at_risk=at_risk[:, on_day],
        events=_at(np.cumsum(deaths, axis=1), times),
        last_day=last_day,
    )


def limits(survival: Floats, se: Floats, z: float, interval: Interval) -> tuple[Floats, Floats]:
    """Return lower and upper limits of survival from its standard error.

    log: S·exp(∓z·SE/S); log-log: S^exp(±z·SE/(S·|log S|)), missing unless 0 < S < 1; plain:
    S ∓ z·SE. Nothing is clipped. Limits are missing where S is 0.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        if interval == "plain":
            lower, upper = survival - z * se, survival + z * se
        elif interval == "log":
            spread = np.exp(z * se / survival)
            lower, upper = survival / spread, survival * spread
        else:
            inside = np.where((survival > 0) & (survival < 1), survival, np.nan)
            spread = np.exp(z * se / (inside * np.abs(np.log(inside))))
            lower, upper = inside**spread, inside ** (1 / spread)
    missing = survival == 0
    return np.where(missing, np.nan, lower), np.where(missing, np.nan, upper)


def _at(cumulative: NDArray[Any], times: Floats, first: float = 0) -> NDArray[Any]:
    """Return a running value after day ⌊t⌋ for each time; ``first`` stands for day 0."""
    start = np.full((cumulative.shape[0], 1), first, dtype=cumulative.dtype)
    days = np.minimum(times.astype(int), cumulative.shape[1])
    return np.hstack([start, cumulative])[:, days]


def _counts(arrays: Arrays) -> tuple[Floats, Floats, Floats]:
    """Return the number at risk, deaths and squared deaths, weighted where weights exist."""
    if "at_risk_weighted" in arrays:
        return (
            arrays["at_risk_weighted"],
            arrays["deaths_weighted"],
            arrays["deaths_weighted2"],
        )
    deaths = arrays["deaths"].astype(np.float64)
    return arrays["at_risk"].astype(np.float64), deaths, deaths


def _part_of_day(plan: FollowUpPlan, times: Floats) -> tuple[NDArray[np.int64], Any, Any]:
    """Return which times fall within a day, their position among the plan's, and their day."""
    within = np.flatnonzero(times != np.floor(times))
    position = np.searchsorted(plan.fractional, times[within])
    return within, position, times[within].astype(int)


def _sum_or_product(
    increments: Floats, rest: tuple[Any, Floats], times: Floats, form: Form
) -> Floats:
    """Return survival from daily increments of Λ and those of the last part of a day."""
    within, parts = rest
    if form == "exponential":
        cumulative = _at(np.cumsum(increments, axis=1), times)
        cumulative[:, within] += parts
        survival: Floats = np.exp(-cumulative)
        return survival
    survival = _at(np.cumprod(1 - increments, axis=1), times, first=1)
    survival[:, within] *= 1 - parts
    return survival


def _risk_variance(arrays: Arrays, times: Floats) -> Floats:
    """Return Σ dN / Y² up to each time."""
    at_risk, _, deaths2 = _counts(arrays)
    return _at(np.cumsum(deaths2 / at_risk**2, axis=1), times)


def _kaplan_meier(arrays: Arrays) -> Floats:
    at_risk, deaths, _ = _counts(arrays)
    return np.cumprod(1 - deaths / at_risk, axis=1, dtype=np.float64)


def _observed(
    arrays: Arrays, _plan: FollowUpPlan, times: Floats, _form: Form
) -> tuple[Floats, Floats]:
    """Kaplan–Meier with Greenwood's variance Σ dN / (Y (Y − dN))."""
    at_risk, deaths, deaths2 = _counts(arrays)
    variance = np.cumsum(deaths2 / (at_risk * (at_risk - deaths)), axis=1)
    return _at(_kaplan_meier(arrays), times, first=1), _at(variance, times)


def _pohar_perme(
    arrays: Arrays, plan: FollowUpPlan, times: Floats, form: Form
) -> tuple[Floats, Floats]:
    """ΔΛ = Σ_dead w / Σw − log(Σw at end / Σw at start); Var Λ = Σ Σ_dead w² / (Σw)²."""
    end, start = arrays["w_end"], arrays["w_start"]
    increments = arrays["death_w"] / end - np.log(end / start)
    within, position, day = _part_of_day(plan, times)
    parts = -np.log(arrays["w_at"][:, position] / start[:, day])
    variance = _at(np.cumsum(arrays["death_w2"] / end**2, axis=1), times)
    return _sum_or_product(increments, (within, parts), times, form), variance


def _ederer2(
    arrays: Arrays, plan: FollowUpPlan, times: Floats, form: Form
) -> tuple[Floats, Floats]:
    """ΔΛ = dN / Y − Σλ / Y over those at risk."""
    at_risk, deaths, _ = _counts(arrays)
    expected = arrays["expected"] / at_risk
    within, _, day = _part_of_day(plan, times)
    parts = -expected[:, day] * (times[within] - day)
    survival = _sum_or_product(deaths / at_risk - expected, (within, parts), times, form)
    return survival, _risk_variance(arrays, times)


def _ederer1(
    arrays: Arrays, plan: FollowUpPlan, times: Floats, _form: Form
) -> tuple[Floats, Floats]:
    """Kaplan–Meier over the mean expected survival of all cases."""
    expected = _at(arrays["s_all"], times)
    within, position, _ = _part_of_day(plan, times)
    expected[:, within] = arrays["s_all_at"][:, position]
    expected[:, times == 0] = arrays["weight"][:, None]
    survival = _at(_kaplan_meier(arrays), times, first=1)
    return survival * arrays["weight"][:, None] / expected, _risk_variance(arrays, times)


def _hakulinen(
    arrays: Arrays, plan: FollowUpPlan, times: Floats, _form: Form
) -> tuple[Floats, Floats]:
    """Kaplan–Meier over Π ΣS(s) / ΣS(s−1) of those with potential follow-up."""
    expected = _at(np.cumprod(arrays["s_end"] / arrays["s_start"], axis=1), times, first=1)
    within, position, day = _part_of_day(plan, times)
    expected[:, within] *= arrays["s_at"][:, position] / arrays["s_start"][:, day]
    survival = _at(_kaplan_meier(arrays), times, first=1)
    return survival / expected, _risk_variance(arrays, times)


_ESTIMATORS = {
    "observed": _observed,
    "pohar-perme": _pohar_perme,
    "ederer2": _ederer2,
    "ederer1": _ederer1,
    "hakulinen": _hakulinen,
}
