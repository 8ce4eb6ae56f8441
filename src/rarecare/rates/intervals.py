"""Confidence limits of counts and of directly standardised rates.

Sources: Garwood, *Biometrika* 1936;28:437-442 (exact Poisson, by chi-square quantiles);
Breslow & Day, *Statistical Methods in Cancer Research* vol. II, IARC 1987, p. 69 (Byar's
approximation); Dobson, Kuulasmaa, Eberle, Scherer, *Statistics in Medicine*
1991;10:457-462; Fay & Feuer, *Statistics in Medicine* 1997;16:791-801; Tiwari, Clegg,
Zou, *Statistical Methods in Medical Research* 2006;15:547-569.

Every function takes arrays of any one shape and works on each element.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rarecare.errors import UsageError
from rarecare.rates.formulas import WeightedRate
from rarecare.shares import tail_probability

__all__ = [
    "COUNT_INTERVALS",
    "FEW",
    "RATE_INTERVALS",
    "CountInterval",
    "Floats",
    "RateInterval",
    "count_limits",
    "dobson",
    "fay_feuer",
    "poisson_byar",
    "poisson_exact",
    "rate_limits",
    "tail_probability",
    "tiwari",
]

Floats = NDArray[np.float64]
CountInterval = Literal["exact", "byar"]
RateInterval = Literal["tiwari", "fay-feuer", "dobson", "dobson-byar"]
COUNT_INTERVALS: tuple[CountInterval, ...] = ("exact", "byar")
RATE_INTERVALS: tuple[RateInterval, ...] = ("tiwari", "fay-feuer", "dobson", "dobson-byar")

_MANY = 10_000
FEW = 10
"""Below this number of cases Tiwari's limits can miss their level: Fay and Feuer's are used."""


def poisson_exact(cases: ArrayLike, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Return the exact limits of the mean of a Poisson count O.

    χ²(α/2; 2O)/2 and χ²(1 − α/2; 2O + 2)/2; the lower limit of 0 is 0.

    Parameters
    ----------
    cases
        Counts, any shape.
    level
        Confidence level, between 0 and 1.

    Returns
    -------
    lower, upper
        Float64, the shape of ``cases``.

    Examples
    --------
    No case: the upper 95 % limit is −ln 0.025.

    >>> lower, upper = poisson_exact(0)
    >>> float(lower), round(float(upper), 6)
    (0.0, 3.688879)
    """
    from scipy.special import gammainccinv, gammaincinv  # noqa: PLC0415 - slow to import

    count, tail = np.asarray(cases, dtype=np.float64), tail_probability(level)
    if count.size > _MANY and (count.astype(np.int64) == count).all():
        # a few different counts stand in many cells: each is computed once
        values, place = _distinct(count.astype(np.int64))
        low, high = poisson_exact(values, level=level)
        return low[place], high[place]
    lower = np.where(count > 0, gammaincinv(np.maximum(count, 1), tail), 0.0)
    return lower, np.asarray(gammainccinv(count + 1, tail))


def _distinct(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the different counts, or all up to the largest, and the place of each among them."""
    low, high = int(counts.min()), int(counts.max())
    if low >= 0 and high < _MANY:
        return np.arange(high + 1), counts
    values, place = np.unique(counts, return_inverse=True)
    return values, place.reshape(counts.shape)


def poisson_byar(cases: ArrayLike, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Return Byar's limits of the mean of a Poisson count O.

    Lower O(1 − 1/9O − z/3√O)³; upper the same with O + 1 and + z. The lower limit of 0 is
    0, and so is one that would be negative (1 case at 99 %). Shape as in ``poisson_exact``.
    """
    from scipy.special import ndtri  # noqa: PLC0415 - slow to import

    count, z = np.asarray(cases, dtype=np.float64), float(-ndtri(tail_probability(level)))
    some, more = np.maximum(count, 1), count + 1
    lower = some * np.maximum(1 - 1 / (9 * some) - z / (3 * np.sqrt(some)), 0) ** 3
    upper = more * (1 - 1 / (9 * more) + z / (3 * np.sqrt(more))) ** 3
    return np.where(count > 0, lower, 0.0), upper


def count_limits(
    cases: ArrayLike, *, interval: CountInterval = "exact", level: float = 0.95
) -> tuple[Floats, Floats]:
    """Return limits of the mean of a Poisson count, exact or Byar's.

    Raises
    ------
    UsageError
        There is no such interval, or the level is not between 0 and 1.
    """
    if interval not in COUNT_INTERVALS:
        raise UsageError("there is no such interval", value=interval, allowed=COUNT_INTERVALS)
    limits = poisson_exact if interval == "exact" else poisson_byar
    return limits(cases, level=level)


def fay_feuer(rates: WeightedRate, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Return Fay and Feuer's gamma limits of weighted rates, never below their level.

    With r and v the rate and its variance, a the weight of one case: lower
    v/(2r)·χ²(α/2; 2r²/v), 0 without cases; upper the same quantile 1 − α/2 with
    r + max a and v + (max a)².
    """
    return _gamma_limits(rates, rates.largest, rates.largest**2, level)


def tiwari(rates: WeightedRate, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Return the gamma limits of Tiwari, Clegg and Zou: narrower above than Fay and Feuer's.

    Lower as Fay and Feuer; upper with r + mean a and v + mean a², over the age groups used.
    """
    return _gamma_limits(rates, rates.mean, rates.mean_square, level)


def dobson(
    rates: WeightedRate, *, interval: CountInterval = "exact", level: float = 0.95
) -> tuple[Floats, Floats]:
    """Return Dobson's limits of weighted rates, from those of the number of cases O.

    r + √(v/O)·(L − O), and U, with L and U the exact or Byar's limits of O. Missing (nan)
    without cases.
    """
    count = rates.cases.astype(np.float64)
    lower, upper = count_limits(count, interval=interval, level=level)
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.sqrt(rates.variance / count)
    return rates.rate + scale * (lower - count), rates.rate + scale * (upper - count)


def rate_limits(
    rates: WeightedRate, *, interval: RateInterval = "tiwari", level: float = 0.95
) -> tuple[Floats, Floats, NDArray[np.str_]]:
    """Return the limits of weighted rates and which method gave each.

    ``"tiwari"`` gives way to Fay and Feuer's below 10 cases, Dobson's two forms without cases.

    Returns
    -------
    lower, upper
        Float64, nan where the rate is not estimable.
    method
        Name of the interval used, of ``RATE_INTERVALS``.

    Raises
    ------
    UsageError
        There is no such interval, or the level is not between 0 and 1.
    """
    if interval not in RATE_INTERVALS:
        raise UsageError("there is no such interval", value=interval, allowed=RATE_INTERVALS)
    if interval == "tiwari":
        own, replaced = tiwari(rates, level=level), rates.cases < FEW
    elif interval == "fay-feuer":
        own, replaced = fay_feuer(rates, level=level), rates.cases < 0
    else:
        form: CountInterval = "exact" if interval == "dobson" else "byar"
        own, replaced = dobson(rates, interval=form, level=level), rates.cases == 0
    other = fay_feuer(rates, level=level)
    lower, upper = (np.where(replaced, b, a) for a, b in zip(own, other, strict=True))
    return lower, upper, np.where(replaced, "fay-feuer", interval)


def _gamma_limits(
    rates: WeightedRate, shift: Floats, shift_square: Floats, level: float
) -> tuple[Floats, Floats]:
    from scipy.special import gammainccinv, gammaincinv  # noqa: PLC0415 - slow to import

    tail, rate, variance = tail_probability(level), rates.rate, rates.variance
    with np.errstate(invalid="ignore", divide="ignore"):
        lower = variance / rate * gammaincinv(rate**2 / variance, tail)
        higher, spread = rate + shift, variance + shift_square
        upper = spread / higher * gammainccinv(higher**2 / spread, tail)
    return np.where(rates.cases == 0, 0.0 * rate, lower), upper
