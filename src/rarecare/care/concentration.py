"""How care is spread over hospitals: formulas on their numbers of patients.

Sources: Gini's coefficient of sorted values: Sen, *On Economic Inequality*, 1973, ch. 2; Herfindahl
and Hirschman: Hirschman, *American Economic Review* 1964;54:761-762; the volume as a patient meets
it, Σv²/Σv, is the mean of a size-biased sample: METHODS 8. Bootstrap limits with
the bias taken off: Davison & Hinkley, *Bootstrap Methods and their Application*, 1997, section 5.2.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rarecare.errors import UsageError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def checked_level(level: float) -> float:
    """Return the confidence level.

    Raises
    ------
    UsageError
        It is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise UsageError("a level is a share", value=level, allowed="between 0 and 1, as 0.95")
    return level


def volumes_of(values: ArrayLike) -> Floats:
    """Return volumes as an array, shape (n,).

    Raises
    ------
    UsageError
        There is none, or one is negative or not finite, or all are 0.
    """
    v = np.asarray(values, dtype=np.float64)
    if v.ndim != 1 or not len(v) or not np.isfinite(v).all() or (v < 0).any() or not v.sum() > 0:
        raise UsageError(
            "volumes are missing, negative, or all 0", value=v.ravel()[:6].tolist(),
            allowed="one row of values, 0 or more",
        )  # fmt: skip
    return v


def gini(values: ArrayLike) -> float:
    """Return Gini's coefficient: 0 where all are equal, (n − 1)/n where one has all.

    Σ (2i − n − 1)·v₍ᵢ₎ / (n·Σv), v sorted ascending.

    >>> gini([5, 5, 5]), gini([0, 0, 0, 8])
    (0.0, 0.75)
    """
    return float(ginis(volumes_of(values)[None, :])[0])


def ginis(rows: Floats) -> Floats:
    """Return Gini's coefficient of each row, shape (m, n); nan where a row is all 0."""
    size = rows.shape[1]
    place = 2 * np.arange(1, size + 1) - size - 1
    total = rows.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.sort(rows, axis=1) @ place / (size * total))


def herfindahl(values: ArrayLike) -> float:
    """Return Σ(v/Σv)²: 1 for one hospital, 1/n for n equal ones.

    >>> herfindahl([10]), herfindahl([5, 5])
    (1.0, 0.5)
    """
    v = volumes_of(values)
    return float(((v / v.sum()) ** 2).sum())


def volume_met(values: ArrayLike) -> float:
    """Return Σv²/Σv, the mean volume as a patient meets it.

    >>> volume_met([9, 1])  # nine patients meet 9, one meets 1
    8.2
    """
    v = volumes_of(values)
    return float((v**2).sum() / v.sum())


def covering(values: ArrayLike, share: float) -> int:
    """Return how many hospitals, the largest first, together treat at least a share.

    >>> covering([50, 30, 15, 5], 0.75)
    2

    Raises
    ------
    UsageError
        The share is not above 0 and at most 1.
    """
    v = np.sort(volumes_of(values))[::-1]
    if not 0 < share <= 1:
        raise UsageError("this is no share to cover", value=share, allowed="above 0, at most 1")
    return int((np.cumsum(v) - v < share * v.sum() * (1 - 1e-12)).sum())


def resampled(
    patterns: Ints, hospitals: Ints, patients: Ints, *, draws: int, rng: np.random.Generator
) -> Floats:
    """Return hospital volumes of samples of patients with replacement.

    A pattern is the set of hospitals that treated a patient: patients of one pattern are alike,
    so a sample is multinomial over patterns.

    Parameters
    ----------
    patterns, hospitals
        One row per hospital of a pattern: numbers of both, shape (m,).
    patients
        Patients of each pattern, shape (n_patterns,).
    draws, rng
        Number of samples, and their generator.

    Returns
    -------
    volumes
        Patients, shape (draws, n_hospitals).
    """
    n = int(patients.sum())
    counts = rng.multinomial(n, patients / n, size=draws).T
    volumes = np.zeros((int(hospitals.max()) + 1, draws))
    np.add.at(volumes, hospitals, counts[patterns].astype(np.float64))
    return np.asarray(volumes.T)


def corrected_limits(
    estimate: float, samples: Floats, level: float, ends: tuple[float, float]
) -> tuple[float, float, float]:
    """Return the standard error and limits: θ less its bootstrap bias ∓ z·SE, within ends.

    Resampling adds inequality, which the bias takes off again. Near the bound 0 of Gini, where
    hospitals are alike, no such limits hold their level.
    """
    z = NormalDist().inv_cdf(0.5 + level / 2)
    centre, se = 2 * estimate - float(samples.mean()), float(samples.std(ddof=1))
    limits = np.clip([centre - z * se, centre + z * se], *ends)
    return se, float(limits[0]), float(limits[1])
