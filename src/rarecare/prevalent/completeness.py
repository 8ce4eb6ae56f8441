"""Completeness: which share of all who are alive a registry of so many years can see.

R(x, L) = ∫₀ᴸ I(x−d) S(x−d, d) dd / ∫₀ˣ I(x−d) S(x−d, d) dd, with incidence I as a curve of age (and
year), and net survival S from a cure model: other causes of death take those with and without the
cancer alike, and cancel in proportions. Source: Capocaccia & De Angelis, *Statistics in Medicine*
1997;16:425-440.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.models.cure import CureFit
from rarecare.models.fitted import Fitted
from rarecare.rates.curve import IncidenceCurve

Floats = NDArray[np.float64]
OLDEST = 105
AGE, DECADES = "age", "age10"
_PANELS = (0.0, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0)
_NODES = 5


@dataclass(frozen=True, slots=True)
class Integrals:
    """Of incidence × survival over the time since diagnosis, by age x on the index date.

    Attributes
    ----------
    seen, alive, cured
        ∫₀ᴸ I S, ∫₀ˣ I S, ∫₀ˣ I π, shape (n_ages,).
    of_seen, of_alive, of_cured
        Their gradients in the parameters of incidence, then of survival, (n_ages, n_parameters).
    covariance
        Of these parameters.
    """

    seen: Floats
    alive: Floats
    cured: Floats
    of_seen: Floats
    of_alive: Floats
    of_cured: Floats
    covariance: Floats

    @property
    def completeness(self) -> Floats:
        """R(x, L); 1 where nobody can have had the cancer before."""
        return np.where(self.alive > 0, self.seen / np.where(self.alive > 0, self.alive, 1), 1.0)

    @property
    def gradient(self) -> Floats:
        """Of the completeness, shape (n_ages, n_parameters)."""
        alive = np.where(self.alive > 0, self.alive, 1)[:, None]
        own: Floats = (self.of_seen - self.completeness[:, None] * self.of_alive) / alive
        return own


def integrals(
    curve: IncidenceCurve, fit: Fitted, *, ages: Floats, years: float, index: date,
    fixed: Mapping[str, object] | None = None,
) -> Integrals:  # fmt: skip
    """Return the integrals for a registry of so many years.

    Parameters
    ----------
    curve
        Incidence by age and year.
    fit
        Net survival; its covariates may be ``age`` (years at diagnosis), ``age10`` (decades),
        and those fixed.
    ages
        Exact ages on the index date, in years.
    years
        L: how far the registry goes back.
    index
        The index date.
    fixed
        Values of other covariates.
    """
    now = index.year + (index.timetuple().tm_yday - 1) / 365.25
    places, back, width, within = _grid(ages, years)
    at = ages[places] - back
    rate = curve.rate(at, now - back)
    rows = pl.DataFrame({AGE: at, DECADES: at / 10}).with_columns(
        pl.lit(value).alias(name) for name, value in (fixed or {}).items()
    )
    hazards = fit.hazards(rows, np.maximum(back, 1e-9))
    survival = np.exp(-hazards.total)
    pi, of_pi = _cured(fit, rows)
    of_rate = curve.columns(at, now - back) * rate[:, None]
    first, second = of_rate.shape[1], hazards.of_total.shape[1]

    def total(values: Floats) -> Floats:
        return np.bincount(places, weights=values, minlength=len(ages)).astype(np.float64)

    def totals(values: Floats) -> Floats:
        return np.column_stack([total(column) for column in values.T])

    def gradient(share: Floats, of_share: Floats, on: Floats) -> Floats:
        own = np.column_stack([of_rate * share[:, None], rate[:, None] * of_share])
        return totals(own * (width * on)[:, None])

    everyone = np.ones(len(places))
    of_survival = -survival[:, None] * hazards.of_total
    covariance = np.zeros((first + second,) * 2)
    covariance[:first, :first] = curve.fit.covariance
    covariance[first:, first:] = fit.covariance
    return Integrals(
        seen=total(rate * survival * width * within),
        alive=total(rate * survival * width),
        cured=total(rate * pi * width),
        of_seen=gradient(survival, of_survival, within),
        of_alive=gradient(survival, of_survival, everyone),
        of_cured=gradient(pi, of_pi, everyone),
        covariance=covariance,
    )


def _grid(ages: Floats, years: float) -> tuple[NDArray[np.int64], Floats, Floats, Floats]:
    """Return nodes of Gauss and Legendre: the age's place, time back, weight, within L or not.

    Short panels first, where survival falls; none crosses L.
    """
    node, weight = np.polynomial.legendre.leggauss(_NODES)
    places, back, width, within = [], [], [], []
    for place, age in enumerate(ages):
        ends = sorted({p for p in (*_PANELS, *range(15, OLDEST + 5, 5), years) if p < age} | {age})
        for low, high in pairwise(ends):
            half = (high - low) / 2
            places.append(np.full(_NODES, place))
            back.append(low + half * (node + 1))
            width.append(half * weight)
            within.append(np.full(_NODES, float(high <= years + 1e-12)))
    return tuple(np.concatenate(part) for part in (places, back, width, within))  # type: ignore[return-value]


def _cured(fit: Fitted, rows: pl.DataFrame) -> tuple[Floats, Floats]:
    """Return the share that is cured and its gradient; 0 for a model without cure."""
    size = len(fit.coefficients)
    if not isinstance(fit, CureFit):
        return np.zeros(rows.height), np.zeros((rows.height, size))
    matrix = fit.cured.matrix(rows)
    share = 1 / (1 + np.exp(-(matrix @ fit.coefficients[: matrix.shape[1]])))
    of = np.zeros((rows.height, size))
    of[:, : matrix.shape[1]] = matrix * (share * (1 - share))[:, None]
    return share, of


def empirical_completeness(n_seen: Sequence[int], n_all: Sequence[int]) -> tuple[Floats, Floats]:
    """Return R = n_L/n of a long registry and its variance R(1 − R)/n; nan with no one.

    For cancers of the young it is too high: those diagnosed before registration are not in n.
    """
    seen, everyone = np.asarray(n_seen, dtype=float), np.asarray(n_all, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = seen / everyone
        return share, share * (1 - share) / everyone
