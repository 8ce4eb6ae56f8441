"""Rates of countries as a gamma distribution: the conjugate, quick form of shrinkage.

Source: Clayton, Kaldor, *Biometrics* 1987;43:671-681.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from rarecare.rates.hierarchical import country_names, observed_ratios, status_columns
from rarecare.rates.intervals import tail_probability
from rarecare.rates.ratios import NONE_EXPECTED

Floats = NDArray[np.float64]
NO_VARIANCE = "common rate: no variance between countries"
_NUMBERS = ("estimate", "se", "lower", "upper")
_GAIN = 1e-7  # least gain in log-likelihood that tells a shape from infinity


@dataclass(frozen=True, slots=True)
class GammaPoisson:
    """Rates of countries as a gamma distribution.

    Attributes
    ----------
    table
        One row per country: ``name``, ``n``, ``expected``, ``raw``, ``estimate``, ``se``,
        ``lower``, ``upper``, ``level``, ``method``, ``status``, ``reason``.
    shape, mean
        Of the gamma distribution of ratios; the shape is infinite where the counts vary no more
        than those of one common rate, and ``method`` then says so. nan where not estimable.
    """

    table: pl.DataFrame
    shape: float
    mean: float


def gamma_poisson(
    cases: ArrayLike, expected: ArrayLike, *, names: Sequence[str] | None = None,
    level: float = 0.95,
) -> GammaPoisson:  # fmt: skip
    """Return rate ratios of countries by the conjugate model, the quick form.

    Ratios ~ Gamma(shape k, mean μ), both at their marginal (negative binomial) maximum
    likelihood; given them the ratio of a country is Gamma(k + y, k/μ + λ), whose quantiles are the
    limits. k and μ count as known, so limits are too narrow with few countries. Where the
    likelihood rises to k = ∞ there is no variance between countries: the ratio is one, with the
    posterior Gamma(Σy, Σλ), Σy + ½ without cases.

    Parameters
    ----------
    cases, expected, names, level
        As for ``shrunken_rates``.

    Raises
    ------
    UsageError, PopulationError
        As for ``shrunken_rates``.
    """
    from scipy.special import gammaincinv  # noqa: PLC0415 - slow to import

    tail = tail_probability(level)
    raw, y, lam = observed_ratios(cases, expected, level)
    labels, used = country_names(len(y), names), lam > 0
    k, mean = gamma_of_ratios(y[used], lam[used])
    if np.isfinite(k):
        shape, rate = k + y[used], k / mean + lam[used]
    else:
        whole = float(y.sum()) or 0.5
        shape, rate = np.full(used.sum(), whole), np.full(used.sum(), lam.sum())
    found = np.full((4, len(y)), np.nan)
    found[:, used] = [
        shape / rate, np.sqrt(shape) / rate, gammaincinv(shape, tail) / rate,
        gammaincinv(shape, 1 - tail) / rate,
    ]  # fmt: skip
    method = "gamma-Poisson" if np.isfinite(k) else NO_VARIANCE
    table = pl.DataFrame(
        {
            "name": pl.Series(labels, dtype=pl.String), "n": raw["n"], "expected": lam,
            "raw": raw["estimate"], **dict(zip(_NUMBERS, found, strict=True)),
            "level": np.full(len(y), level), "method": [method] * len(y),
            **status_columns(used, [None if one else NONE_EXPECTED for one in used]),
        }
    ).with_columns(pl.col(_NUMBERS).fill_nan(None))  # fmt: skip
    return GammaPoisson(table, k, mean)


def gamma_of_ratios(cases: Floats, expected: Floats) -> tuple[float, float]:
    """Return shape k and mean μ of the gamma distribution of ratios, by marginal likelihood.

    y ~ negative binomial of mean λμ and shape k. For each k, log μ solves Σ (y − λμ)k/(k + λμ) = 0,
    which falls in log μ; k is searched on a grid of its logarithm, then between neighbours. The
    shape is infinite where no k is likelier than the Poisson; both are nan without expected cases.
    """
    from scipy.optimize import minimize_scalar  # noqa: PLC0415 - slow to import
    from scipy.special import gammaln  # noqa: PLC0415 - slow to import

    y, lam = cases, expected
    if not y.any():
        return (np.inf, 0.0) if len(y) else (np.nan, np.nan)
    common = float(y.sum() / lam.sum())

    def mean_given(k: float) -> float:
        low, high = np.log((y[y > 0] / lam[y > 0]).min()) - 50, np.log((y / lam).max()) + 1
        for _ in range(100):
            middle = (low + high) / 2
            e = lam * np.exp(middle)
            low, high = (middle, high) if ((y - e) / (1 + e / k)).sum() > 0 else (low, middle)
        return float(np.exp((low + high) / 2))

    def gain(log_k: float) -> float:
        """Return the log-likelihood beyond that of the common rate."""
        k = float(np.exp(log_k))
        e, one = lam * mean_given(k), lam * common
        each = gammaln(k + y) - gammaln(k) - y * np.log(k) - (y + k) * np.log1p(e / k)
        return float((each + y * np.log(e) - y * np.log(one) + one).sum())

    steps = np.linspace(-7, 14, 64)
    found = np.array([gain(step) for step in steps])
    best = int(found.argmax())
    around = (float(steps[max(best - 1, 0)]), float(steps[min(best + 1, len(steps) - 1)]))
    top = minimize_scalar(lambda step: -gain(step), bounds=around, method="bounded",
                          options={"xatol": 1e-8})  # fmt: skip
    if -top.fun < _GAIN or best == len(steps) - 1:
        return np.inf, common
    k = float(np.exp(top.x))
    return k, mean_given(k)
