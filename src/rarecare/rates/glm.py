"""Poisson models of rates with a log or a fifth-root link, fitted by weighted least squares.

Cases ~ Poisson(Y·g⁻¹(xβ)), g(rate) = log rate, or rate^(1/5) (Møller, Fekjær, Hakulinen,
Sigvaldason, Storm, Talbäck, Haldorsen, *Statistics in Medicine* 2003;22:2751-2766). Columns that
depend on those before them get no coefficient, as in R. Source of the start and the floors:
METHODS_DETAIL 12.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rarecare.errors import ModelError, UsageError

Floats = NDArray[np.float64]
Link = Literal["log", "power5"]

FLOOR = 2e-16
"""Smallest mean and smallest derivative of it."""

_CONVERGED, _STEPS, _DEPENDENT = 1e-10, 100, 1e-7


@dataclass(frozen=True, slots=True)
class RateFit:
    """A fitted model of rates.

    Attributes
    ----------
    coefficients
        One per column; 0 where the column depends on those before it.
    covariance
        Of the coefficients, by the expected information; 0 in columns without one.
    kept
        Which columns have a coefficient.
    fitted
        Cases expected in each cell.
    deviance, df
        Residual deviance and degrees of freedom.
    link
        ``"log"`` or ``"power5"``.
    """

    coefficients: Floats
    covariance: Floats
    kept: NDArray[np.bool_]
    fitted: Floats
    deviance: float
    df: int
    link: Link
    pearson: float

    @property
    def dispersion(self) -> float:
        """Pearson's χ² over its degrees of freedom; nan with none."""
        return self.pearson / self.df if self.df > 0 else float("nan")

    @property
    def p_value(self) -> float:
        """Of the deviance against the saturated model; nan with no degrees of freedom."""
        from scipy.special import chdtrc  # noqa: PLC0415 - slow to import

        return float(chdtrc(self.df, self.deviance)) if self.df > 0 else float("nan")


def fit_rates(
    columns: Floats, cases: Floats, person_years: Floats, *, link: Link = "log",
    least: float = 0.0,
) -> RateFit:  # fmt: skip
    """Fit a Poisson model of rates.

    Parameters
    ----------
    columns
        Shape (n_cells, n_columns).
    cases, person_years
        Shape (n_cells,); person-years above 0.
    link
        ``"log"`` or ``"power5"``.
    least
        Fewest expected cases with which a cell enters the covariance. An effect whose cells have
        no case has next to no information: draws of it would run away without a floor.

    Raises
    ------
    UsageError
        There is no such link, or the shapes differ.
    ModelError
        No case, a cell without person-years, or no convergence.
    """
    if link not in get_args(Link):
        raise UsageError("there is no such link", value=link, allowed=get_args(Link))
    y, d = np.asarray(person_years, dtype=np.float64), np.asarray(cases, dtype=np.float64)
    if columns.shape[0] != len(d) or d.shape != y.shape:
        raise UsageError(
            "cells, cases and person-years differ in number",
            value=f"{columns.shape[0]}, {len(d)}, {len(y)}", allowed="the same",
        )  # fmt: skip
    if not (y > 0).all() or not (d >= 0).all():
        raise ModelError(
            "a cell of a model of rates lacks person-years, or has negative cases",
            value=float(np.min(np.where(y > 0, d, y))),
            allowed="person-years above 0, cases from 0",
        )  # fmt: skip
    if not d.any():
        raise ModelError("there is no case to fit a model of rates to", value=0)
    kept = _independent(columns)
    x = columns[:, kept]
    mean = d + 0.1
    eta = np.log(mean / y) if link == "log" else (mean / y) ** 0.2
    deviance = np.inf
    for _ in range(_STEPS):
        slope = np.maximum(mean if link == "log" else 5 * y * eta**4, FLOOR)
        weight = slope**2 / mean
        root = np.sqrt(weight)
        working = eta + (d - mean) / slope
        beta, *_ = np.linalg.lstsq(x * root[:, None], working * root, rcond=None)
        eta = x @ beta
        mean = _mean(eta, y, link)
        found = _deviance(d, mean)
        if abs(deviance - found) <= _CONVERGED * (abs(found) + 0.1):
            break
        deviance = found
    else:
        raise ModelError(
            "the model of rates did not converge", value=f"{_STEPS} steps",
            remedy="Leave out columns, or merge cells without cases.",
        )  # fmt: skip
    information = x.T @ (x * _weights(np.maximum(mean, least), y, link)[:, None])
    covariance = np.zeros((columns.shape[1],) * 2)
    covariance[np.ix_(kept, kept)] = _inverse(information)
    whole = np.zeros(columns.shape[1])
    whole[kept] = beta
    return RateFit(
        whole, covariance, kept, mean, _deviance(d, mean), len(d) - int(kept.sum()), link,
        float(((d - mean) ** 2 / mean).sum()),
    )  # fmt: skip


def _weights(mean: Floats, y: Floats, link: Link) -> Floats:
    """Return the expected information of each cell about its linear predictor."""
    slope = mean if link == "log" else 5 * y * (mean / y) ** 0.8
    weights: Floats = np.maximum(slope, FLOOR) ** 2 / mean
    return weights


def _inverse(information: Floats) -> Floats:
    """Return the covariance; scaled first, so that a column with little information keeps its own.

    Without it an effect whose cells have no case would get a standard error of 0.
    """
    scale = 1 / np.sqrt(np.maximum(np.diag(information), FLOOR))
    scaled = np.linalg.pinv(information * np.outer(scale, scale), hermitian=True)
    inverse: Floats = scaled * np.outer(scale, scale)
    return inverse


def rate_of(eta: Floats, link: Link) -> Floats:
    """Return the rate of a linear predictor."""
    rate: Floats = np.exp(eta) if link == "log" else eta**5
    return rate


def _mean(eta: Floats, y: Floats, link: Link) -> Floats:
    with np.errstate(over="ignore"):
        found: Floats = np.maximum(y * rate_of(eta, link), FLOOR)
    if not np.isfinite(found).all():
        raise ModelError(
            "the model of rates ran away", remedy="Leave out columns, or merge cells without cases."
        )
    return found


def _deviance(d: Floats, mean: Floats) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.where(d > 0, d * np.log(d / mean), 0.0)
    return max(float(2 * (log - (d - mean)).sum()), 0.0)  # a perfect fit may round below 0


def _independent(columns: Floats) -> NDArray[np.bool_]:
    """Return which columns do not depend on those before them."""
    kept = np.zeros(columns.shape[1], dtype=bool)
    basis = np.zeros((columns.shape[0], 0))
    for k in range(columns.shape[1]):
        own = columns[:, k].astype(np.float64)
        size = np.linalg.norm(own)
        rest = own - basis @ (basis.T @ own)
        rest -= basis @ (basis.T @ rest)
        left = np.linalg.norm(rest)
        if size > 0 and left > _DEPENDENT * size:
            kept[k] = True
            basis = np.column_stack([basis, rest / left])
    return kept
