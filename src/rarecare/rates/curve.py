"""Incidence as a smooth function of age, and of the year where there are years.

A Poisson model with a natural cubic spline of age. The BIC takes the number of cases for the number
of observations, so that how finely cells are cut does not matter: Volinsky & Raftery, *Biometrics*
2000;56:256-262.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rarecare.errors import ModelError
from rarecare.models.splines import RestrictedCubic
from rarecare.rates.glm import RateFit, fit_rates

Floats = NDArray[np.float64]
MOST = 6
"""Most columns of the spline of age."""


@dataclass(frozen=True, slots=True)
class IncidenceCurve:
    """log rate = natural cubic spline of age + drift × (year − centre).

    Attributes
    ----------
    spline
        Of age in years, linear beyond its outer knots.
    centre
        Year at which the drift is 0.
    drift
        Whether the last coefficient is a drift by year.
    fit
        Coefficients, covariance, deviance.
    bic
        Of the number of columns chosen.
    """

    spline: RestrictedCubic
    centre: float
    drift: bool
    fit: RateFit
    bic: float

    def columns(self, age: Floats, year: Floats) -> Floats:
        """Return the columns of the linear predictor, shape (n, size)."""
        return _columns(self.spline, age, year - self.centre, drift=self.drift)

    def rate(self, age: Floats, year: Floats) -> Floats:
        """Return rates per person-year."""
        rate: Floats = np.exp(self.columns(age, year) @ self.fit.coefficients)
        return rate

    @property
    def yearly_change(self) -> float:
        """Change of the rate per year, as a share; 0 without drift."""
        return float(np.expm1(self.fit.coefficients[-1])) if self.drift else 0.0


def incidence_curve(
    age_lower: Floats, age_upper: Floats, year: Floats, cases: Floats, person_years: Floats, *,
    drift: bool = True,
) -> IncidenceCurve:  # fmt: skip
    """Fit the curve with as many columns of age, 1 to 6, as the BIC asks.

    Parameters
    ----------
    age_lower, age_upper
        Exact ages at which each cell begins and ends, in years.
    year
        Middle of each cell's calendar time: 2003.5.
    cases, person_years
        Of each cell; cells without person-years are left out.
    drift
        Whether rates change by the same factor each year at every age.

    Raises
    ------
    ModelError
        Fewer than 5 cases, all of one age group, or no model could be fitted.
    """
    on = person_years > 0
    middle = 0.5 * (age_lower + age_upper)[on]
    d, y, when = cases[on], person_years[on], year[on]
    if d.sum() < 5:
        raise ModelError(
            "too few cases for a curve of incidence by age", value=int(d.sum()),
            allowed="5 or more",
            remedy="Pool areas, sexes or years, or use a group above.",
        )  # fmt: skip
    centre = float(np.average(when, weights=y))
    drift = drift and len(np.unique(when)) > 1
    at = np.repeat(middle, d.astype(np.int64))
    found: list[IncidenceCurve] = []
    for df in range(1, MOST + 1):
        knots = np.unique(np.quantile(at, np.linspace(0, 1, df + 1)))
        if len(knots) < df + 1:
            break
        spline = RestrictedCubic.on(middle, knots.tolist())
        columns = _columns(spline, middle, when - centre, drift=drift)
        try:
            fit = fit_rates(columns, d, y)
        except ModelError:  # fewer columns may do
            continue
        bic = fit.deviance + fit.kept.sum() * np.log(d.sum())
        found.append(IncidenceCurve(spline, centre, drift, fit, float(bic)))
    if not found and at.min() == at.max():
        raise ModelError(
            "all cases are of one age group: incidence by age has no curve", value=float(at[0]),
            remedy="Use a group above.",
        )  # fmt: skip
    if not found:
        raise ModelError(
            "no curve of incidence by age converged", value=f"{len(at)} cases",
            remedy="Pool areas, sexes or years, or use a group above.",
        )  # fmt: skip
    return min(found, key=lambda curve: curve.bic)


def _columns(spline: RestrictedCubic, age: Floats, years: Floats, *, drift: bool) -> Floats:
    own = [np.ones(len(age)), *spline.basis(age).T]
    return np.column_stack([*own, years] if drift else own)
