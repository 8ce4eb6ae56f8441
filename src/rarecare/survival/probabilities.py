"""Probabilities of death, and time lost to it, from follow-up tallies.

Sources: Cronin & Feuer, *Statistics in Medicine* 2000;19:1729-1740 (crude probabilities from
relative survival); Aalen, *Annals of Statistics* 1978;6:534-545 (from causes of death);
Andersen, *Statistics in Medicine* 2013;32:5278-5285 (years lost). Probabilities use the
unweighted increments, whatever the weights of net survival: S is observed survival. Variances
follow from the increments dM of each day: a death on day s moves a probability at a later t by
S(s) − (F(t) − F(s)), and others by −(F(t) − F(s)). The squares are expanded into running sums,
so that the cost is one pass over the days.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from rarecare.survival.curves import (
    Arrays,
    Floats,
    Form,
    counts,
    greenwood,
    kaplan_meier,
    of_cancer,
    part_of_day,
    running,
    share,
)
from rarecare.tally.follow_up import FollowUpPlan

Cause = Literal["cancer", "other"]


@dataclass(frozen=True, slots=True)
class _Death:
    """A probability of death by day, and how it answers to each day's deaths.

    ``probability``, ``reach``, ``variance``: shape (n_strata, horizon), at the end of the day;
    ``reach`` is what a death of day s adds for good, ``variance`` that of the day's increment.
    """

    probability: Floats
    reach: Floats
    variance: Floats


def crude(cause: Cause, arrays: Arrays, plan: FollowUpPlan, times: Floats) -> tuple[Floats, Floats]:
    """Return the probability of death from the cancer or from other causes, and its SE.

    F_E = Σ S(s−1) [dN/Y − Σλ/Y], F_P = Σ S(s−1) Σλ/Y: they add up to 1 − S.
    """
    death = _crude(cause, arrays)
    values = running(death.probability, times)
    within, _, day = part_of_day(plan, times)
    rest = _survival_before(arrays)[:, day] * _expected_share(arrays)[:, day]
    part = rest * (times[within] - day)
    values[:, within] += part if cause == "other" else -part
    return values, _standard_error(death, times, values)


def recorded(
    cause: Cause, arrays: Arrays, _plan: FollowUpPlan, times: Floats
) -> tuple[Floats, Floats]:
    """Return the Aalen–Johansen probability of death by recorded cause, and its SE.

    F = Σ S(s−1) dN_cause / Y. Var F(t) = Σ (F(t) − F(s))² dN/(Y(Y − dN))
    + Σ S(s−1)² dN_cause (Y − dN_cause)/Y³ − 2 Σ (F(t) − F(s)) S(s−1) dN_cause/Y², which is
    Greenwood's when there is one cause.
    """
    at_risk, deaths, deaths2 = counts(arrays)
    _, cancer, cancer2 = counts(of_cancer(arrays))
    own, own2 = (cancer, cancer2) if cause == "cancer" else (deaths - cancer, deaths2 - cancer2)
    before = _survival_before(arrays)
    probability = np.cumsum(before * share(own, at_risk), axis=1)
    values = running(probability, times)
    spread = greenwood(deaths, deaths2, at_risk)
    last = ~np.isfinite(spread)  # everyone died: F does not move afterwards
    spread = np.where(last, 0.0, spread)
    own_share = share(own, at_risk)
    jump = before**2 * share(own2, at_risk**2) * (1 - own_share)
    mixed = before * share(own2, at_risk**2)

    upto = partial(_upto, times)

    variance = (
        values**2 * upto(spread)
        - 2 * values * upto(spread * probability)
        + upto(spread * probability**2)
        + upto(jump)
        - 2 * (values * upto(mixed) - upto(mixed * probability))
    )
    return values, np.sqrt(np.maximum(variance, 0))


def years_lost(
    cause: Cause, arrays: Arrays, plan: FollowUpPlan, times: Floats
) -> tuple[Floats, Floats]:
    """Return ∫F from 0 to t, in years, and its SE.

    F is a step function, so that the years lost to both causes and those lived add up to t.
    A day's increment moves the integral by (t − s)·reach(s) − ∫_s^t F.
    """
    death = _crude(cause, arrays)
    before, area = _areas(death.probability, times)
    day = np.arange(1, death.probability.shape[1] + 1, dtype=np.float64)
    fixed = before - day * death.reach
    sums = {
        name: running(np.cumsum(death.variance * daily, axis=1), times)
        for name, daily in (
            ("bb", fixed**2), ("gg", death.reach**2), ("bg", fixed * death.reach),
            ("b", fixed), ("g", death.reach), ("1", np.ones_like(fixed)),
        )
    }  # fmt: skip
    variance = (
        sums["bb"]
        + times**2 * sums["gg"]
        + area**2 * sums["1"]
        + 2 * times * sums["bg"]
        - 2 * area * sums["b"]
        - 2 * times * area * sums["g"]
    )
    year = plan.days_per_year
    return area / year, np.sqrt(np.maximum(variance, 0)) / year


def restricted_mean(
    arrays: Arrays, plan: FollowUpPlan, times: Floats, _form: Form = "exponential"
) -> tuple[Floats, Floats]:
    """Return ∫S from 0 to t, observed survival S, in years, and its SE.

    Var = Σ_{s≤t} (∫_s^t S)² dN/(Y(Y − dN)).
    """
    survival = kaplan_meier(arrays)
    at_risk, deaths, deaths2 = counts(arrays)
    spread = greenwood(deaths, deaths2, at_risk)
    spread = np.where(np.isfinite(spread), spread, 0.0)  # after it S is 0
    before, lost = _areas(1 - survival, times)
    day = np.arange(1, survival.shape[1] + 1, dtype=np.float64)
    lived_before, lived = day - before, times - lost

    upto = partial(_upto, times)

    variance = (
        lived**2 * upto(spread)
        - 2 * lived * upto(spread * lived_before)
        + upto(spread * lived_before**2)
    )
    year = plan.days_per_year
    return lived / year, np.sqrt(np.maximum(variance, 0)) / year


def years_difference(
    arrays: Arrays, plan: FollowUpPlan, times: Floats, _form: Form = "exponential"
) -> tuple[Floats, Floats]:
    """Return ∫(S_P − S) from 0 to t, in years, and its SE, that of ∫S.

    S_P is the mean expected survival of all cases (Ederer I), by the trapezium over days.
    """
    observed, se = restricted_mean(arrays, plan, times)
    return expected_years(arrays, plan, times) - observed, se


def expected_years(arrays: Arrays, plan: FollowUpPlan, times: Floats) -> Floats:
    """Return ∫S_P from 0 to t, in years, S_P the mean expected survival of all cases."""
    weight = arrays["weight"][:, None]
    expected = np.hstack([np.ones_like(weight), share(arrays["s_all"], weight)])
    area = np.cumsum((expected[:, :-1] + expected[:, 1:]) / 2, axis=1)
    lived = running(area, times)
    within, position, day = part_of_day(plan, times)
    now = share(arrays["s_all_at"][:, position], weight)
    lived[:, within] += (expected[:, day] + now) / 2 * (times[within] - day)
    years: Floats = lived / plan.days_per_year
    return years


def _crude(cause: Cause, arrays: Arrays) -> _Death:
    at_risk, deaths, deaths2 = counts(arrays)
    before, expected = _survival_before(arrays), _expected_share(arrays)
    variance = share(deaths2, at_risk**2)
    other = np.cumsum(before * expected, axis=1)
    if cause == "other":
        return _Death(other, other, variance)
    cancer = np.cumsum(before * (share(deaths, at_risk) - expected), axis=1)
    return _Death(cancer, kaplan_meier(arrays) + cancer, variance)


def _standard_error(death: _Death, times: Floats, values: Floats) -> Floats:
    """Return √Σ (reach(s) − F(t))² σ(s)."""
    upto = partial(_upto, times)
    spread = death.variance

    variance = (
        upto(spread * death.reach**2)
        - 2 * values * upto(spread * death.reach)
        + values**2 * upto(spread)
    )
    return np.sqrt(np.maximum(variance, 0))


def _upto(times: Floats, daily: Floats) -> Floats:
    """Return the sum of daily values up to each time."""
    return running(np.cumsum(daily, axis=1), times)


def _areas(probability: Floats, times: Floats) -> tuple[Floats, Floats]:
    """Return ∫ of a step function from 0 to the end of each day, and to each time."""
    start = np.zeros((len(probability), 1))
    steps = np.hstack([start, probability])
    before = np.cumsum(steps[:, :-1], axis=1)
    day = times.astype(int)
    return before, running(before, times) + steps[:, day] * (times - day)


def _survival_before(arrays: Arrays) -> Floats:
    """Return observed survival at the start of each day."""
    survival = kaplan_meier(arrays)
    return np.hstack([np.ones((len(survival), 1)), survival[:, :-1]])


def _expected_share(arrays: Arrays) -> Floats:
    """Return Σλ / Y of each day."""
    at_risk, _, _ = counts(arrays)
    return share(arrays["expected"], at_risk)
