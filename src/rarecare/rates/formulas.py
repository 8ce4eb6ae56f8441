"""Rates from cases and person-years by age group.

Source of every formula: Breslow & Day, *Statistical Methods in Cancer Research* vol. II,
IARC 1987, ch. 2; Day, in *Cancer Incidence in Five Continents* vol. IV, IARC 1982
(cumulative rate and risk).

Cases are int64 and person-years float64, shape (n_strata, n_ages); rates are per
person-year. A rate that cannot be estimated is nan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rarecare.errors import PopulationError, UsageError

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class WeightedRate:
    """A weighted sum of age-specific rates, Σ a·d with a = weight / person-years.

    Every array has the shape (n_strata,). All but ``cases`` are nan where an age group
    with a weight has no person-years.

    Attributes
    ----------
    cases
        Cases in the age groups that have a weight, int64.
    rate
        Σ a·d.
    variance
        Σ a²·d.
    largest, mean, mean_square
        Over the age groups that have a weight: max a, mean a, mean a².
    """

    cases: Counts
    rate: Floats
    variance: Floats
    largest: Floats
    mean: Floats
    mean_square: Floats

    @property
    def se(self) -> Floats:
        """Standard error of the rate."""
        return np.sqrt(self.variance)


def crude_rate(cases: ArrayLike, person_years: ArrayLike) -> Floats:
    """Return all cases over all person-years, shape (n_strata,)."""
    d, y = _checked(cases, person_years)
    return _divide(d.sum(axis=-1), y.sum(axis=-1))


def age_specific_rates(cases: ArrayLike, person_years: ArrayLike) -> Floats:
    """Return cases over person-years in each age group, shape (n_strata, n_ages)."""
    return _divide(*_checked(cases, person_years))


def weighted_rate(cases: ArrayLike, person_years: ArrayLike, weights: ArrayLike) -> WeightedRate:
    """Return Σ w·d/y with its variance, the weights as they stand.

    Parameters
    ----------
    cases, person_years
        Shape (n_strata, n_ages).
    weights
        One per age group, 0 or more, shape (n_ages,). A group of weight 0 is not used.

    Raises
    ------
    PopulationError
        A group has cases and no person-years.
    UsageError
        The weights are not one per age group, negative, or all 0.
    """
    d, y = _checked(cases, person_years)
    w = np.asarray(weights, dtype=np.float64)
    if w.shape != d.shape[-1:] or not (w >= 0).all() or not w.any():
        raise UsageError(
            "the weights do not fit the age groups",
            value=w.tolist(),
            allowed=f"{d.shape[-1]} weights from 0, not all 0",
        )
    used = w > 0
    d, y, w = d[..., used], y[..., used], w[used]
    a = _divide(np.broadcast_to(w, y.shape), y)
    return WeightedRate(
        cases=d.sum(axis=-1),
        rate=(a * d).sum(axis=-1),
        variance=(a**2 * d).sum(axis=-1),
        largest=a.max(axis=-1),
        mean=a.mean(axis=-1),
        mean_square=(a**2).mean(axis=-1),
    )


def standard_weights(weights: ArrayLike) -> Floats:
    """Return weights brought to a sum of 1, as a direct standardisation takes them.

    Examples
    --------
    Rates 0.01 and 0.03 with weights 1/4 and 3/4:

    >>> result = weighted_rate([[10, 30]], [[1000.0, 1000.0]], standard_weights([1, 3]))
    >>> round(float(result.rate[0]), 12), round(float(result.variance[0]) * 1e6, 9)
    (0.025, 17.5)
    """
    w: Floats = np.asarray(weights, dtype=np.float64)
    scaled: Floats = w / w.sum()
    return scaled


def truncated_weights(
    weights: ArrayLike,
    age_lower: Sequence[int],
    *,
    age_end: int | None = None,
    first: int = 35,
    before: int = 65,
) -> Floats | None:
    """Return the weights of ages ``first`` to ``before`` − 1 brought to a sum of 1.

    Parameters
    ----------
    weights
        One per age group, of any scale, shape (n_ages,).
    age_lower, age_end
        First ages of the groups, and the end of the last (None: open).
    first, before
        First age counted, first age left out; by default 35-64.

    Returns
    -------
    ndarray or None
        Shape (n_ages,), 0 outside the ages; None when the age groups do not make them up
        or the standard has no weight there.
    """
    inside = np.where(_between(age_lower, age_end, first, before), weights, 0.0)
    return standard_weights(inside) if inside.any() else None


def cumulative_weights(
    age_lower: Sequence[int], *, age_end: int | None = None, before: int = 75
) -> Floats | None:
    """Return the widths in years of the age groups from birth to ``before`` − 1.

    With them ``weighted_rate`` is the cumulative rate: a sum over years of age, without unit.
    Parameters and None as in ``truncated_weights``.
    """
    widths = np.diff([*age_lower, age_end if age_end is not None else before])
    inside = np.where(_between(age_lower, age_end, 0, before), widths, 0.0)
    return inside if inside.any() else None


def cumulative_risk(rate: ArrayLike) -> Floats:
    """Return the risk 1 − exp(−cumulative rate), of rates or of their limits."""
    risk: Floats = -np.expm1(-np.asarray(rate, dtype=np.float64))
    return risk


def _between(
    age_lower: Sequence[int], age_end: int | None, first: int, before: int
) -> NDArray[np.bool_]:
    """Return which groups make up the ages; none when no bounds fall on both ends."""
    bounds = {*age_lower, age_end}
    lower = np.array(age_lower)
    return (lower >= first) & (lower < before) & (first in bounds) & (before in bounds)


def _checked(cases: ArrayLike, person_years: ArrayLike) -> tuple[Counts, Floats]:
    d, y = np.asarray(cases, dtype=np.int64), np.asarray(person_years, dtype=np.float64)
    if d.shape != y.shape:
        raise UsageError(
            "cases and person-years have different shapes", value=d.shape, allowed=str(y.shape)
        )
    alone = (d > 0) & (y == 0)
    if alone.any():
        where = tuple(int(i) for i in np.argwhere(alone)[0])
        raise PopulationError(
            "there are cases where there are no person-years",
            value=f"{int(d[where])} cases at position {where}",
            allowed="person-years above 0 wherever there are cases",
            remedy="Correct the population, or merge age groups.",
        )
    return d, y


def _divide(numerator: NDArray[Any], denominator: Floats) -> Floats:
    """Return the quotient, nan where the denominator is 0."""
    quotient: Floats = np.full(np.shape(denominator), np.nan)
    np.divide(numerator, denominator, out=quotient, where=denominator > 0)
    return quotient
