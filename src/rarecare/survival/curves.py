"""Survival curves from follow-up tallies: the formulas, day by day.

Sources: Perme, Stare, Estève, *Biometrics* 2012;68:113-120 (net survival); Ederer,
Axtell, Cutler, *NCI Monograph* 1961;6:101-121 (Ederer I); Ederer & Heise 1959 (Ederer
II); Hakulinen, *Biometrics* 1982;38:933-942; Kaplan & Meier, *JASA* 1958;53:457-481.
With events on whole days and a hazard constant within a day the integral of the
expected part is exact: ∫ Σwh / Σw = log(Σw at the end / Σw at the start of the day).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rarecare.tally.follow_up import FollowUpPlan

Form = Literal["exponential", "product"]
Interval = Literal["log", "log-log", "plain"]
FORMS: tuple[Form, ...] = ("exponential", "product")
INTERVALS: tuple[Interval, ...] = ("log", "log-log", "plain")

Arrays = Mapping[str, NDArray[Any]]
Floats = NDArray[np.float64]


def limits(survival: Floats, se: Floats, z: float, interval: Interval) -> tuple[Floats, Floats]:
    """Return lower and upper limits of survival from its standard error.

    log: S·exp(∓z·SE/S), missing where S is not above 0; log-log: S^exp(±z·SE/(S·|log S|)),
    missing unless 0 < S < 1; plain: S ∓ z·SE. Nothing is clipped; limits beyond all numbers
    are missing.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if interval == "plain":
            lower, upper = survival - z * se, survival + z * se
        elif interval == "log":
            above = np.where(survival > 0, survival, np.nan)
            spread = np.exp(z * se / above)
            lower, upper = above / spread, above * spread
        else:
            inside = np.where((survival > 0) & (survival < 1), survival, np.nan)
            spread = np.exp(z * se / (inside * np.abs(np.log(inside))))
            lower, upper = inside**spread, inside ** (1 / spread)
    known = np.isfinite(lower) & np.isfinite(upper)
    return np.where(known, lower, np.nan), np.where(known, upper, np.nan)


def running(cumulative: NDArray[Any], times: Floats, first: float = 0) -> NDArray[Any]:
    """Return a running value after day ⌊t⌋ for each time; ``first`` stands for day 0."""
    start = np.full((cumulative.shape[0], 1), first, dtype=cumulative.dtype)
    days = np.minimum(times.astype(int), cumulative.shape[1])
    return np.hstack([start, cumulative])[:, days]


def counts(arrays: Arrays) -> tuple[Floats, Floats, Floats]:
    """Return the number at risk, deaths and squared deaths, weighted where weights exist."""
    if "at_risk_weighted" in arrays:
        return (
            arrays["at_risk_weighted"],
            arrays["deaths_weighted"],
            arrays["deaths_weighted2"],
        )
    deaths = arrays["deaths"].astype(np.float64)
    return arrays["at_risk"].astype(np.float64), deaths, deaths


def part_of_day(plan: FollowUpPlan, times: Floats) -> tuple[NDArray[np.int64], Any, Any]:
    """Return which times fall within a day, their position among the plan's, and their day."""
    within = np.flatnonzero(times != np.floor(times))
    position = np.searchsorted(plan.fractional, times[within])
    return within, position, times[within].astype(int)


def of_cancer(arrays: Arrays) -> Arrays:
    """Return the sums with the deaths from the cancer in the place of all deaths."""
    names = ("deaths", "deaths_weighted", "deaths_weighted2")
    return {
        **arrays,
        **{name: arrays[f"cancer_{name}"] for name in names if f"cancer_{name}" in arrays},
    }


def expected_alive(arrays: Arrays, plan: FollowUpPlan, times: Floats) -> Floats:
    """Return Σ exp(−Λ) over all cases, those who left included (Ederer I, nessie)."""
    expected = running(arrays["s_all"], times)
    within, position, _ = part_of_day(plan, times)
    expected[:, within] = arrays["s_all_at"][:, position]
    expected[:, times == 0] = arrays["weight"][:, None]
    return expected


def _sum_or_product(
    increments: Floats, rest: tuple[Any, Floats], times: Floats, form: Form
) -> Floats:
    """Return survival from daily increments of Λ and those of the last part of a day."""
    within, parts = rest
    if form == "exponential":
        cumulative = running(np.cumsum(increments, axis=1), times)
        cumulative[:, within] += parts
        survival: Floats = np.exp(-cumulative)
        return survival
    survival = running(np.cumprod(1 - increments, axis=1), times, first=1)
    survival[:, within] *= 1 - parts
    return survival


def _risk_variance(arrays: Arrays, times: Floats) -> Floats:
    """Return Σ dN / Y² up to each time."""
    at_risk, _, deaths2 = counts(arrays)
    return running(np.cumsum(share(deaths2, at_risk**2), axis=1), times)


def kaplan_meier(arrays: Arrays) -> Floats:
    """Return Π (1 − dN / Y) after each day."""
    at_risk, deaths, _ = counts(arrays)
    return np.asarray(np.cumprod(1 - share(deaths, at_risk), axis=1), dtype=np.float64)


def greenwood(deaths: Floats, deaths2: Floats, at_risk: Floats) -> Floats:
    """Return dN / (Y (Y − dN)) of each day, not finite on a day on which everyone dies."""
    left = at_risk - deaths
    gone = (left <= 1e-12 * at_risk) & (deaths > 0)  # weighted sums leave rounding
    return np.where(gone, np.inf, share(deaths2, at_risk * left))


def share(part: Floats, whole: Floats) -> Floats:
    """Return part / whole, 0 on days on which there is no one."""
    nothing: Floats = np.zeros(np.broadcast_shapes(np.shape(part), np.shape(whole)))
    answer: Floats = np.divide(part, whole, out=nothing, where=whole > 0)
    return answer


def _observed(
    arrays: Arrays, _plan: FollowUpPlan, times: Floats, _form: Form
) -> tuple[Floats, Floats]:
    """Kaplan–Meier with Greenwood's variance Σ dN / (Y (Y − dN))."""
    at_risk, deaths, deaths2 = counts(arrays)
    variance = np.cumsum(greenwood(deaths, deaths2, at_risk), axis=1)
    return running(kaplan_meier(arrays), times, first=1), running(variance, times)


def _observed_tsiatis(
    arrays: Arrays, _plan: FollowUpPlan, times: Floats, _form: Form
) -> tuple[Floats, Floats]:
    """Kaplan–Meier with Tsiatis' variance Σ dN / Y²."""
    return running(kaplan_meier(arrays), times, first=1), _risk_variance(arrays, times)


def _cause_specific(
    arrays: Arrays, plan: FollowUpPlan, times: Floats, form: Form
) -> tuple[Floats, Floats]:
    """Kaplan–Meier of deaths from the cancer, other deaths being censored."""
    return _observed(of_cancer(arrays), plan, times, form)


def _pohar_perme(
    arrays: Arrays, plan: FollowUpPlan, times: Floats, form: Form
) -> tuple[Floats, Floats]:
    """ΔΛ = Σ_dead w / Σw − log(Σw at end / Σw at start); Var Λ = Σ Σ_dead w² / (Σw)²."""
    end, start = arrays["w_end"], arrays["w_start"]
    increments = arrays["death_w"] / end - np.log(end / start)
    within, position, day = part_of_day(plan, times)
    parts = -np.log(arrays["w_at"][:, position] / start[:, day])
    variance = running(np.cumsum(arrays["death_w2"] / end**2, axis=1), times)
    return _sum_or_product(increments, (within, parts), times, form), variance


def _ederer2(
    arrays: Arrays, plan: FollowUpPlan, times: Floats, form: Form
) -> tuple[Floats, Floats]:
    """ΔΛ = dN / Y − Σλ / Y over those at risk."""
    at_risk, deaths, _ = counts(arrays)
    expected = arrays["expected"] / at_risk
    within, _, day = part_of_day(plan, times)
    parts = -expected[:, day] * (times[within] - day)
    survival = _sum_or_product(deaths / at_risk - expected, (within, parts), times, form)
    return survival, _risk_variance(arrays, times)


def _ederer1(
    arrays: Arrays, plan: FollowUpPlan, times: Floats, _form: Form
) -> tuple[Floats, Floats]:
    """Kaplan–Meier over the mean expected survival of all cases."""
    expected = expected_alive(arrays, plan, times)
    survival = running(kaplan_meier(arrays), times, first=1)
    return survival * arrays["weight"][:, None] / expected, _risk_variance(arrays, times)


def _hakulinen(
    arrays: Arrays, plan: FollowUpPlan, times: Floats, _form: Form
) -> tuple[Floats, Floats]:
    """Kaplan–Meier over Π ΣS(s) / ΣS(s−1) of those with potential follow-up."""
    expected = running(np.cumprod(arrays["s_end"] / arrays["s_start"], axis=1), times, first=1)
    within, position, day = part_of_day(plan, times)
    expected[:, within] *= arrays["s_at"][:, position] / arrays["s_start"][:, day]
    survival = running(kaplan_meier(arrays), times, first=1)
    return survival / expected, _risk_variance(arrays, times)


SURVIVAL = {
    "observed": _observed,
    "observed-tsiatis": _observed_tsiatis,
    "cause-specific": _cause_specific,
    "pohar-perme": _pohar_perme,
    "ederer2": _ederer2,
    "ederer1": _ederer1,
    "hakulinen": _hakulinen,
}
"""By method: survival and the variance of its logarithm at the times, (n_strata, n_times)."""
