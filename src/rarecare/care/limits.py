"""Shares and times with their limits, counted or weighted.

Sources: Wilson, *Journal of the American Statistical Association* 1927;22:209-212; Clopper &
Pearson, *Biometrika* 1934;26:404-413; limits of quantiles by order statistics: Conover, *Practical
Nonparametric Statistics*, 3rd ed. 1999, section 3.2; product-limit quantiles: Brookmeyer &
Crowley, *Biometrics* 1982;38:29-41, on the scale log(−log S). With weights n is the effective
number (Σw)²/Σw² (Kish, *Survey Sampling* 1965, section 11.7; for exact limits Korn & Graubard,
*Survey Methodology* 1998;24:193-201); with weights all alike it is the number counted.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rarecare.errors import UsageError
from rarecare.shares import tail_probability, wilson

__all__ = [
    "SHARE_INTERVALS",
    "Floats",
    "ShareInterval",
    "censored_quantiles",
    "effective",
    "exact",
    "quantiles",
    "share_limits",
    "wilson",
]

Floats = NDArray[np.float64]
ShareInterval = Literal["wilson", "exact"]
SHARE_INTERVALS: tuple[ShareInterval, ...] = ("wilson", "exact")
_SAME = 1e-9


def exact(share: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Return the exact (Clopper–Pearson) limits of shares of n; nan where n is 0.

    >>> lower, upper = exact(0.0, 10)
    >>> float(lower), round(float(upper), 4)
    (0.0, 0.3085)
    """
    from scipy.special import betaincinv  # noqa: PLC0415 - slow to import

    p, size = np.asarray(share, dtype=np.float64), np.asarray(n, dtype=np.float64)
    tail, hits = tail_probability(level), p * size
    some, less = np.maximum(hits, _SAME), np.maximum(size - hits, _SAME)
    lower = np.where(p > 0, betaincinv(some, size - hits + 1, tail), 0.0)
    upper = np.where(p < 1, betaincinv(hits + 1, less, 1 - tail), 1.0)
    return np.where(size > 0, lower, np.nan), np.where(size > 0, upper, np.nan)


def share_limits(
    share: ArrayLike, n: ArrayLike, *, interval: ShareInterval = "wilson", level: float = 0.95
) -> tuple[Floats, Floats]:
    """Return limits of shares, Wilson's or exact.

    Raises
    ------
    UsageError
        There is no such interval, or the level is not between 0 and 1.
    """
    if interval not in SHARE_INTERVALS:
        raise UsageError("there is no such interval", value=interval, allowed=SHARE_INTERVALS)
    return (wilson if interval == "wilson" else exact)(share, n, level=level)


def effective(weights: Floats) -> float:
    """Return the effective number (Σw)²/Σw², 0 without weights.

    >>> effective(np.array([2.0, 2.0, 2.0]))
    3.0
    """
    total = float(weights.sum())
    return total**2 / float((weights**2).sum()) if total > 0 else 0.0


def quantiles(
    values: Floats, weights: Floats, at: tuple[float, ...], *, level: float = 0.95
) -> list[tuple[float, float | None, float | None]]:
    """Return quantiles with limits by order statistics.

    A quantile is the value where the weights below reach its share, the mean of two where they
    reach it exactly (type 2 of Hyndman & Fan, *The American Statistician* 1996;50:361-365). The
    ranks of its limits are binomial quantiles; a limit is None where there are too few values.

    Parameters
    ----------
    values, weights
        Sorted by value, shape (n,), n at least 1; weights above 0.
    at
        Shares.
    level
        Confidence level, which the limits hold at least.

    Examples
    --------
    >>> quantiles(np.arange(1.0, 11.0), np.ones(10), (0.5,))
    [(5.5, 2.0, 9.0)]
    """
    from scipy.stats import binom  # noqa: PLC0415 - slow to import

    tail = tail_probability(level)
    reached = np.cumsum(weights) / weights.sum()
    n = max(round(effective(weights)), 1)
    found = []
    for share in at:
        low = int(binom.ppf(tail, n, share))
        high = int(binom.ppf(1 - tail, n, share)) + 1
        lower = None if low < 1 else _ranked(values, reached, low / n)
        upper = None if high > n else _ranked(values, reached, high / n)
        place = min(int(np.searchsorted(reached, share - _SAME)), len(values) - 1)
        value = float(values[place])
        if abs(reached[place] - share) <= _SAME and place + 1 < len(values):
            value = (value + float(values[place + 1])) / 2
        found.append((value, lower, upper))
    return found


def _ranked(values: Floats, reached: Floats, share: float) -> float:
    place = int(np.searchsorted(reached, share - _SAME))
    return float(values[min(place, len(values) - 1)])


def censored_quantiles(
    values: Floats, seen: NDArray[np.bool_], weights: Floats, at: tuple[float, ...], *,
    level: float = 0.95,
) -> list[tuple[float | None, float | None, float | None]]:  # fmt: skip
    """Return product-limit quantiles of times of which some are cut short.

    A quantile is the first time at which S is at or below 1 − its share, the middle of the step
    where it is there exactly, None where S stays above; limits are where those of S cross it.

    Parameters
    ----------
    values, weights
        Sorted by value, shape (n,).
    seen
        Whether the time was seen to its end.
    at, level
        As ``quantiles``.
    """
    z = NormalDist().inv_cdf(1 - tail_probability(level))
    own = weights * effective(weights) / weights.sum()
    times, first = np.unique(values, return_index=True)
    ended = np.add.reduceat(own * seen, first)
    left = np.add.reduceat(own, first)[::-1].cumsum()[::-1]
    stays = np.maximum(1 - ended / left, 0.0)
    stays[stays < _SAME] = 0.0
    survival = np.cumprod(stays)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(ended / (left * (left - ended)))
        se = np.sqrt(variance) / np.abs(np.log(survival))
        upper = survival ** np.exp(-z * se)
        lower = survival ** np.exp(z * se)
    open_ = survival >= 1 - _SAME
    gone = survival <= 0
    lower = np.where(open_, 1.0, np.where(gone, np.nan, lower))
    upper = np.where(open_, 1.0, np.where(gone, np.nan, upper))
    steps = ended > 0
    return [
        tuple(_crossed(times, curve, steps, 1 - share) for curve in (survival, lower, upper))  # type: ignore[misc]
        for share in at
    ]


def _crossed(times: Floats, curve: Floats, steps: NDArray[np.bool_], level: float) -> float | None:
    """Return the first time at which a falling curve is at a level or below it."""
    below = np.flatnonzero(curve <= level + _SAME)
    if not len(below):
        return None
    place = int(below[0])
    if abs(curve[place] - level) <= _SAME:
        later = np.flatnonzero(steps[place + 1 :])
        if len(later):
            return float((times[place] + times[place + 1 + later[0]]) / 2)
    return float(times[place])
