"""Limits of a share, and the tail that a confidence level leaves.

Source: Wilson, *Journal of the American Statistical Association* 1927;22:209-212.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rarecare.errors import UsageError

Floats = NDArray[np.float64]


def wilson(share: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Return Wilson's limits of shares of n, any one shape; nan where n is 0.

    >>> lower, upper = wilson(0.5, 10)
    >>> round(float(lower), 4), round(float(upper), 4)
    (0.2366, 0.7634)
    """
    p, size = np.asarray(share, dtype=np.float64), np.asarray(n, dtype=np.float64)
    z = NormalDist().inv_cdf(1 - tail_probability(level))
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 1 + z**2 / size
        middle = (p + z**2 / (2 * size)) / scale
        half = z / scale * np.sqrt(p * (1 - p) / size + z**2 / (4 * size**2))
        lower = np.where(p <= 0, 0.0 * middle, np.maximum(middle - half, 0.0))
        upper = np.where(p >= 1, 1.0 + 0.0 * middle, np.minimum(middle + half, 1.0))
    return np.where(size > 0, lower, np.nan), np.where(size > 0, upper, np.nan)


def tail_probability(level: float) -> float:
    """Return α/2 of the confidence level 1 − α.

    Raises
    ------
    UsageError
        The level is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise UsageError(
            "a confidence level lies between 0 and 1",
            value=level,
            allowed="more than 0, less than 1",
            remedy=f"For {level} per cent give {level / 100}." if 1 <= level < 100 else "",
        )
    return (1 - level) / 2
