"""Age-period-cohort projection by single years, with splines of period and cohort.

g(rate) = A_a + D·t + P(t) + K(c): age groups, a drift, natural cubic splines of the year and of
the year of birth freed of their straight lines. Future years follow the slope at the last year, or
the drift of all, damped; births after the last one modelled keep its effect. After Møller et al.
2003 (drift, cut, cohorts) and Rutherford, Thompson, Lambert, *International Journal of
Biostatistics* 2012;8:33 (splines).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rarecare.errors import UsageError
from rarecare.models.splines import RestrictedCubic
from rarecare.projection.drawn import LEAST, Projected, coefficients
from rarecare.projection.nordpred import CURVED, CUT
from rarecare.rates.glm import Link, RateFit, fit_rates, rate_of

Floats = NDArray[np.float64]
FEWEST_YEARS = 8


@dataclass(frozen=True, slots=True)
class _Curve:
    """A natural spline without its straight line."""

    spline: RestrictedCubic
    line: Floats
    """Intercepts and slopes of the columns over the training values, shape (2, size)."""

    @classmethod
    def of(cls, values: Floats, weights: Floats, df: int) -> _Curve:
        spread = np.repeat(values, np.maximum(weights.astype(np.int64), 0))
        spline = RestrictedCubic.of(values, spread, df=df)
        distinct = np.unique(values)
        raw = spline.basis(distinct)[:, 1:]
        x = np.column_stack([np.ones(len(distinct)), distinct])
        line = np.linalg.lstsq(x, raw, rcond=None)[0]
        return cls(spline, line.astype(np.float64))

    def basis(self, values: Floats) -> Floats:
        flat = values.ravel()
        raw = self.spline.basis(flat)[:, 1:] - (self.line[0] + np.outer(flat, self.line[1]))
        own: Floats = raw.reshape(*values.shape, -1)
        return own


def project_single_years(
    cases: Floats, person_years: Floats, ages: Sequence[float], years: int, *, start: int,
    use: int, link: Link = "power5", recent: bool | None = None, cut: Sequence[float] = CUT,
    df: tuple[int, int] = (3, 4),
) -> Projected:  # fmt: skip
    """Return the rates of future single years.

    Parameters
    ----------
    cases, person_years
        Observed by age group and single year, shape (n_ages, n_years).
    ages
        Middle of each age group in years.
    years
        Number of future years.
    start, use, link, recent
        As in ``nordpred``.
    cut
        Share of the drift cut in each five years to come.
    df
        Columns of the splines of year and birth, their straight lines counted.

    Raises
    ------
    UsageError
        Fewer than 8 years, or ages out of order.
    ModelError
        No case, or no convergence.
    """
    d, y = np.asarray(cases, dtype=np.float64), np.asarray(person_years, dtype=np.float64)
    n_ages, n_years = d.shape
    if n_years < FEWEST_YEARS or not 0 <= start <= use < n_ages - 1:
        raise UsageError(
            "a projection by single years takes more years, or other ages",
            value=f"{n_years} years, ages from {start} and {use}",
            allowed=f"{FEWEST_YEARS} years or more, 0 <= start <= use < {n_ages - 1}",
            remedy="Use the constant or the one-drift model.",
        )  # fmt: skip
    a = n_ages - start
    mid = np.asarray(ages, dtype=np.float64)
    t = np.broadcast_to(np.arange(n_years) - (n_years - 1.0), (a, n_years))
    born = t - mid[start:, None]
    own_d, own_y = d[start:], y[start:]
    period, cohort = (
        _Curve.of(values.ravel(), own_d.ravel(), k) for values, k in zip((t, born), df, strict=True)
    )

    def columns(rows: range, when: Floats, drift: Floats, at: Floats) -> Floats:
        births = np.minimum(when - mid[list(rows)][:, None], 0.0 - mid[use])
        ones = np.zeros((len(rows), when.shape[1], a))
        for i, age in enumerate(rows):
            ones[i, :, age - start] = 1
        return np.concatenate([ones, drift[..., None], at, cohort.basis(births)], axis=-1)

    observed = np.concatenate(
        [np.repeat(np.eye(a)[:, None], n_years, axis=1), t[..., None], period.basis(t),
         cohort.basis(born)], axis=-1,
    )  # fmt: skip
    size = observed.shape[-1]
    fit = fit_rates(
        observed.reshape(-1, size), own_d.ravel(), own_y.ravel(), link=link, least=LEAST
    )
    bend = _bend(observed.reshape(-1, size), a, df[0] - 1, own_d.ravel(), own_y.ravel())
    recent = bend < CURVED if recent is None else recent
    kept = np.cumsum([1 - cut[min(j // 5, len(cut) - 1)] for j in range(years)])
    rows = range(use, n_ages)
    when = np.broadcast_to(np.arange(1.0, years + 1), (len(rows), years))
    drift = np.broadcast_to(kept, (len(rows), years))
    end = period.basis(np.zeros((1, 1)))
    slope = period.basis(np.ones((1, 1))) - end  # beyond the last knot the spline is straight
    at = np.broadcast_to(end, (len(rows), years, end.shape[-1])) + 0.0
    if recent:
        at = at + drift[..., None] * slope
    future = columns(rows, when, drift, at)
    future[..., ~fit.kept] = 0
    low_d, low_y = d[:use, -10:].sum(axis=1), y[:use, -10:].sum(axis=1)

    def whole(beta: Floats, young: Floats) -> Floats:
        eta = np.tensordot(beta, future, axes=([-1], [-1]))
        old = rate_of(np.maximum(eta, 0.0) if link == "power5" else eta, link)
        each = np.broadcast_to(young[..., None], (*young.shape, years))
        return np.concatenate([each, old], axis=-2)

    def draw(random: np.random.Generator, n: int) -> Floats:
        beta = coefficients(random, fit.coefficients, fit.covariance, fit.dispersion, n)
        return whole(beta, random.standard_gamma(low_d, (n, len(low_d))) / low_y)

    note = (
        f"{n_years} single years, {'slope at the last year' if recent else 'drift of all years'} "
        f"(p of the bend {bend:.3g}), dispersion {fit.dispersion:.2f}"
    )
    return Projected(
        whole(fit.coefficients, low_d / low_y), draw,
        f"age-period-cohort splines by single years, {link} link", int(d.sum()), (note,),
    )  # fmt: skip


def _bend(columns: Floats, a: int, size: int, d: Floats, y: Floats) -> float:
    """Return the p-value of the curved part of the period, by the log link's deviances."""
    from scipy.special import chdtrc  # noqa: PLC0415 - slow to import

    if not size:
        return 1.0
    whole: RateFit = fit_rates(columns, d, y)
    less = fit_rates(np.delete(columns, np.s_[a + 1 : a + 1 + size], axis=1), d, y)
    df = less.df - whole.df
    return float(chdtrc(df, max(less.deviance - whole.deviance, 0.0))) if df > 0 else 1.0
