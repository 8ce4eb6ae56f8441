"""Age-period-cohort projection with damped drift, as the Nordic countries do it.

g(rate) = A_a + D·p + P_p + K_c with g the fifth root or the logarithm; future periods follow the
drift, cut by a growing share, and the last known cohort effects. Source: Møller, Fekjær,
Hakulinen, Sigvaldason, Storm, Talbäck, Haldorsen, *Statistics in Medicine* 2003;22:2751-2766;
METHODS_DETAIL 12. Ages and periods are groups of the same width, five years.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rarecare.errors import UsageError
from rarecare.projection.drawn import LEAST, Projected, coefficients
from rarecare.rates.glm import Link, RateFit, fit_rates, rate_of

Floats = NDArray[np.float64]
CUT = (0.0, 0.25, 0.5, 0.75, 0.75)
"""Share of the drift that is cut in each future five-year period, the last one from then on."""

CANDIDATES = (6, 5, 4)
"""Numbers of periods to fit, tried from the widest; the oldest is dropped while the fit is bad."""

BAD_FIT, CURVED = 0.01, 0.05


@dataclass(frozen=True, slots=True)
class Nordpred:
    """A fitted age-period-cohort model and what it projects with.

    Attributes
    ----------
    fit
        Coefficients in the order of the columns: ages, drift, periods, cohorts.
    n_ages, start, use
        Age groups of the data; first one modelled; first one projected by the model.
    periods
        Number of periods fitted, the last ones.
    recent
        Whether the drift of the last two periods is projected instead of that of all.
    curvature_p
        Of the square of the period, which decides on that unless told.
    """

    fit: RateFit
    n_ages: int
    start: int
    use: int
    periods: int
    recent: bool
    curvature_p: float

    def future(self, periods: int, *, cut: Sequence[float] = CUT) -> Floats:
        """Return the columns of future cells, shape (n_ages − use, periods, n_coefficients)."""
        kept = 1 - np.array([cut[min(j, len(cut) - 1)] for j in range(periods)])
        a, m = self.n_ages - self.start, self.periods
        x = np.zeros((self.n_ages - self.use, periods, len(self.fit.coefficients)))
        for i, age in enumerate(range(self.use, self.n_ages)):
            for j in range(periods):
                x[i, j, age - self.start] = 1
                steps = kept[: j + 1].sum()
                x[i, j, a] = m + steps
                if self.recent:  # the slope from the last period but one, whose effect is 0
                    x[i, j, a + m - 1] -= steps
                cohort = min(self.n_ages - 1 - age + m + j + 1, self.n_ages - 1 - self.use + m)
                x[i, j, a + 1 + m + cohort - 1] = 1
        x[..., ~self.fit.kept] = 0
        return x


def nordpred(
    cases: Floats, person_years: Floats, *, start: int, use: int, link: Link = "power5",
    candidates: Sequence[int] = CANDIDATES, recent: bool | None = None,
) -> Nordpred:  # fmt: skip
    """Fit the model to the last periods.

    Parameters
    ----------
    cases, person_years
        Observed, shape (n_ages, n_periods), the oldest period first.
    start
        First age group in the model, from 0.
    use
        First age group that it projects, ``start`` or older: those below keep the mean rate of
        the last two periods.
    link
        ``"power5"`` or ``"log"``.
    candidates
        Numbers of periods, from the widest: the oldest period is dropped while the deviance test
        has p < 0.01; the last candidate is kept whatever its fit.
    recent
        True: project the drift of the last two periods; False: of all; None: recent where the
        rates bend (p < 0.05 of the square of the period).

    Raises
    ------
    UsageError
        Shapes, ages or candidates do not fit the data: four periods are the fewest, and ``use``
        lies from ``start`` to the last age.
    ModelError
        No case, a cell without person-years, or no convergence.
    """
    d, y = np.asarray(cases, dtype=np.float64), np.asarray(person_years, dtype=np.float64)
    if d.ndim != 2 or d.shape != y.shape:
        raise UsageError(
            "cases and person-years by age and period differ in shape",
            value=f"{d.shape}, {y.shape}", allowed="(n_ages, n_periods)",
        )  # fmt: skip
    n_ages, n_periods = d.shape
    if not 0 <= start <= use < n_ages - 1:
        raise UsageError(
            "the first age groups of the model are out of order", value=f"{start}, {use}",
            allowed=f"0 <= start <= use < {n_ages - 1}",
        )  # fmt: skip
    possible = [m for m in candidates if 4 <= m <= n_periods]
    if not possible:
        raise UsageError(
            "an age-period-cohort projection takes four periods or more", value=n_periods,
            allowed="4 or more", remedy="Use the constant or the log-linear model.",
        )  # fmt: skip
    for m in possible:
        columns, cells = _columns(n_ages, start, m)
        own_d, own_y = (part[start:, n_periods - m :].ravel() for part in (d, y))
        fit = fit_rates(columns, own_d, own_y, link=link, least=LEAST)
        if fit.p_value >= BAD_FIT:
            break
    others = np.delete(columns, np.s_[n_ages - start + 1 : n_ages - start + 1 + m], axis=1)
    curvature_p = _curvature(others, cells, own_d, own_y)
    if recent is None:
        recent = curvature_p < CURVED
    return Nordpred(fit, n_ages, start, use, m, recent, curvature_p)


def project_nordpred(
    cases: Floats, person_years: Floats, model: Nordpred, periods: int, *,
    cut: Sequence[float] = CUT,
) -> Projected:  # fmt: skip
    """Return the rates of future periods.

    Parameters
    ----------
    cases, person_years
        Those the model was fitted to.
    model
        Fitted.
    periods
        Number of future periods.
    cut
        Share of the drift cut in each, the last one from then on.
    """
    x, use = model.future(periods, cut=cut), model.use
    low_d, low_y = (np.asarray(part, dtype=np.float64)[:use, -2:] for part in (cases, person_years))
    link = model.fit.link

    def whole(beta: Floats, young: Floats) -> Floats:
        eta = np.tensordot(beta, x, axes=([-1], [-1]))
        old = rate_of(np.maximum(eta, 0.0) if link == "power5" else eta, link)
        return np.concatenate([np.broadcast_to(young, (*young.shape[:-1], periods)), old], axis=-2)

    def draw(random: np.random.Generator, n: int) -> Floats:
        beta = coefficients(
            random, model.fit.coefficients, model.fit.covariance, model.fit.dispersion, n
        )
        young = (random.standard_gamma(low_d, (n, *low_d.shape)) / low_y).mean(axis=-1)
        return whole(beta, young[..., None])

    trend = "recent drift" if model.recent else "drift of all periods"
    notes = (
        f"{model.periods} periods, {trend} (p of the bend {model.curvature_p:.3g}), deviance "
        f"{model.fit.deviance:.1f} on {model.fit.df} degrees of freedom, dispersion "
        f"{model.fit.dispersion:.2f}",
    )
    young = (low_d / low_y).mean(axis=-1)[:, None]
    n = int(np.asarray(cases, dtype=np.float64)[:, -model.periods :].sum())
    return Projected(
        whole(model.fit.coefficients, young), draw, f"age-period-cohort, {link} link", n, notes
    )


def _columns(n_ages: int, start: int, m: int) -> tuple[Floats, Floats]:
    """Return the columns of the model, and the period (1 to m) of each cell.

    Ages, drift, m periods (first and last empty), cohorts 1 to n_ages − 1 − start + m
    (first and last empty).
    """
    a = n_ages - start
    n_cohorts = a - 1 + m
    x = np.zeros((a, m, a + 1 + m + n_cohorts))
    for i in range(a):
        for j in range(m):
            x[i, j, i] = 1
            x[i, j, a] = j + 1
            if 0 < j < m - 1:
                x[i, j, a + 1 + j] = 1
            cohort = a - 1 - i + j  # 0 is the oldest
            if 0 < cohort < n_cohorts - 1:
                x[i, j, a + 1 + m + cohort] = 1
    return x.reshape(a * m, -1), np.tile(np.arange(1.0, m + 1), a)


def _curvature(columns: Floats, period: Floats, d: Floats, y: Floats) -> float:
    """Return the p-value of period² beside ages, drift and cohorts, with the log link."""
    from scipy.special import ndtr  # noqa: PLC0415 - slow to import

    fit = fit_rates(np.column_stack([columns, period**2]), d, y)
    se = float(np.sqrt(fit.covariance[-1, -1]))
    return float(2 * ndtr(-abs(fit.coefficients[-1]) / se)) if se > 0 else 1.0
