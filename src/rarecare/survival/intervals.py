"""Interval life tables: the formulas, from interval tallies.

Sources: Dickman & Coviello, *The Stata Journal* 2015;15:186-215 (strs: actuarial and hazard
forms, Ederer I and II, Hakulinen, Pohar Perme with weights at mid-interval); Hakulinen,
*Biometrics* 1982;38:933-942 (his interval formula); popEpi's ``survtab`` for its two forms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rarecare.survival.curves import Arrays, Floats, Interval, limits
from rarecare.tally.intervals import IntervalPlan

IntervalForm = Literal["actuarial", "hazard"]
IntervalMethod = Literal["observed", "ederer2", "ederer1", "hakulinen", "pohar-perme"]
FORMS: tuple[IntervalForm, ...] = ("actuarial", "hazard")
METHODS: dict[str, tuple[IntervalMethod, ...]] = {
    "strs": ("observed", "ederer2", "ederer1", "hakulinen", "pohar-perme"),
    "popepi": ("observed", "ederer2", "pohar-perme"),
}
"""What each convention has."""


@dataclass(frozen=True, slots=True)
class IntervalCurve:
    """Cumulative estimates at the ends of intervals, shape (n_strata, n_intervals).

    Attributes
    ----------
    value, se
        Estimate and its standard error; nan where there is none.
    divisor
        Expected survival that limits are divided by after their scale was applied, as strs
        does; 1 elsewhere.
    """

    value: Floats
    se: Floats
    divisor: Floats

    def limits(self, z: float, interval: Interval) -> tuple[Floats, Floats]:
        """Return lower and upper limits."""
        with np.errstate(divide="ignore", invalid="ignore"):
            own, se = self.value * self.divisor, self.se * self.divisor
            if interval == "log-log":  # no deaths: 1, which rounding may put below 1
                own = np.where(self.se == 0, np.nan, own)
            lower, upper = limits(own, se, z, interval)
            return lower / self.divisor, upper / self.divisor


def interval_parts(arrays: Arrays, plan: IntervalPlan, form: IntervalForm) -> tuple[Floats, ...]:
    """Return observed p, expected p* and relative r of each interval, nan where no one is."""
    length = np.diff(plan.breaks)
    n, deaths, withdrawn = (arrays[name].astype(float) for name in ("n", "deaths", "withdrawn"))
    with np.errstate(divide="ignore", invalid="ignore"):
        if form == "actuarial":
            observed = 1 - deaths / (n - withdrawn / 2)
        else:
            observed = np.exp(-length * deaths / arrays["person_years"])
        if plan.convention == "strs":
            expected = arrays["p_star"] / n
        else:
            expected = np.exp(-length * arrays["expected"] / arrays["person_years"])
    return observed, expected, observed / expected


def interval_curve(
    arrays: Arrays, plan: IntervalPlan, form: IntervalForm, method: IntervalMethod
) -> IntervalCurve:
    """Return the cumulative estimates of one method.

    Intervals before anyone has entered add nothing; after the last one at risk there is none.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        if method == "pohar-perme":
            value, variance = _pohar_perme(arrays, plan, form)
            divisor = np.ones_like(value)
        else:
            observed, variance = _observed(arrays, plan, form)
            if plan.convention == "popepi" and method == "ederer2":
                value = _net_of_expected(arrays, plan, form)
                divisor = np.ones_like(value)
            else:
                divisor = _expected(arrays, method)
                value = observed / divisor
        se = np.where(value > 0, value, np.nan) * np.sqrt(variance)
        if plan.convention == "popepi" and method == "ederer2":
            # popEpi divides the standard error of observed by expected survival
            deaths = arrays["expected"] / arrays["n"]
            if form == "hazard":
                deaths = 1 - np.exp(
                    -np.diff(plan.breaks) * arrays["expected"] / arrays["person_years"]
                )
            se = observed * np.sqrt(variance) * np.exp(_total(-np.log1p(-deaths), arrays))
    if plan.convention == "popepi":
        divisor = np.ones_like(value)
    gone = ~listed(arrays)
    return IntervalCurve(
        np.where(gone, np.nan, value), np.where(gone, np.nan, se), np.where(gone, np.nan, divisor)
    )


def listed(arrays: Arrays) -> NDArray[np.bool_]:
    """Return the intervals of the first unbroken run in which someone is at risk."""
    some = arrays["n"] > 0
    entered = np.maximum.accumulate(some, axis=1)
    ended = np.maximum.accumulate(entered & ~some, axis=1)
    return np.asarray(some & ~ended)


def _total(increments: Floats, arrays: Arrays) -> Floats:
    return np.asarray(np.cumsum(np.where(arrays["n"] > 0, increments, 0.0), axis=1))


def _observed(arrays: Arrays, plan: IntervalPlan, form: IntervalForm) -> tuple[Floats, Floats]:
    length = np.diff(plan.breaks)
    n, deaths, withdrawn = (arrays[name].astype(float) for name in ("n", "deaths", "withdrawn"))
    if form == "actuarial":
        effective = n - withdrawn / 2
        terms = deaths / (effective * (effective - deaths))
        hazard = -np.log1p(-deaths / effective)
    else:
        hazard = length * deaths / arrays["person_years"]
        terms = length**2 * deaths / arrays["person_years"] ** 2
    return np.exp(-_total(hazard, arrays)), _total(np.where(deaths > 0, terms, 0.0), arrays)


def _expected(arrays: Arrays, method: IntervalMethod) -> Floats:
    """Return the cumulative expected survival that observed survival is divided by."""
    if method == "observed":
        return np.ones_like(arrays["p_star"])
    if method == "ederer1":
        return np.asarray(arrays["s_all"] / arrays["cases"][:, None])
    if method == "hakulinen":
        return np.exp(-_total(-np.log(_hakulinen(arrays)), arrays))
    return np.exp(-_total(-np.log(arrays["p_star"] / arrays["n"]), arrays))


def _net_of_expected(arrays: Arrays, plan: IntervalPlan, form: IntervalForm) -> Floats:
    """Return popEpi's Ederer II: survival of the excess of deaths over those expected."""
    deaths, expected = arrays["deaths"].astype(float), arrays["expected"]
    if form == "hazard":
        excess = np.diff(plan.breaks) * (deaths - expected) / arrays["person_years"]
    else:
        excess = -np.log1p(-(deaths - expected) / (arrays["n"] - arrays["withdrawn"] / 2))
    return np.exp(-_total(excess, arrays))


def _hakulinen(arrays: Arrays) -> Floats:
    """Return his expected survival of each interval, withdrawals spread evenly over it."""
    alive, part, lost, full = (arrays[name] for name in ("l", "l_part", "l_part_lost", "l_full"))
    left = alive - (part + lost) / 2
    root = np.sqrt(lost**2 / 4 + 4 * left * (full + part / 2))
    return np.asarray(((-lost / 2 + root) / left) ** 2 / 4)


def _pohar_perme(arrays: Arrays, plan: IntervalPlan, form: IntervalForm) -> tuple[Floats, Floats]:
    length = np.diff(plan.breaks)
    deaths, squares = arrays["w_deaths"], arrays["w2_deaths"]
    if form == "hazard":
        years = arrays["w_years"]
        excess = length * (deaths - arrays["w_years_hazard"]) / years
        terms = length**2 * squares / years**2
    elif plan.convention == "strs":
        effective = arrays["w"] - arrays["w_withdrawn"] / 2
        excess = -np.log1p(-deaths / effective) - arrays["w_half_hazard"] / arrays["w_half"]
        terms = squares / (effective - deaths / 2) ** 2
    else:
        effective = arrays["w"] - arrays["w_withdrawn"] / 2
        excess = -np.log1p(-(deaths - arrays["w_years_hazard"]) / effective)
        terms = squares / (arrays["n"] - arrays["withdrawn"] / 2) ** 2  # unweighted, as popEpi
    return np.exp(-_total(excess, arrays)), _total(terms, arrays)
