"""Estimated annual percentage change of a rate.

EAPC = 100(e^β − 1), β the slope of the log rate on the calendar year. Source: Boyle & Parkin, in
*Cancer Registration: Principles and Methods*, IARC 1991, ch. 11; METHODS_DETAIL 10.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from rarecare.errors import UsageError
from rarecare.rates.formulas import standard_weights, weighted_rate
from rarecare.rates.glm import fit_rates
from rarecare.rates.intervals import tail_probability
from rarecare.results import NOT_ESTIMABLE, OK

Floats = NDArray[np.float64]
Form = Literal["poisson", "weighted"]
EAPC = "annual percentage change"
FEWEST_YEARS = 3
"""Years below which a change has no standard error."""


def annual_change(
    years: ArrayLike, cases: ArrayLike, person_years: ArrayLike, *, form: Form = "poisson",
    weights: ArrayLike | None = None, scale: bool = False, level: float = 0.95,
) -> pl.DataFrame:  # fmt: skip
    """Return the estimated annual percentage change of a rate.

    Parameters
    ----------
    years
        Calendar years, shape (n_years,).
    cases, person_years
        Shape (n_years, n_ages), or (n_years,) for one age group.
    form
        ``"poisson"``: log-linear model of the cases with a factor for age, so the change is the
        same at every age. ``"weighted"``: least squares of the log standardised rate, weights
        r²/v; a year without cases has no log rate, and the Poisson form is used instead.
    weights
        Of the standard, shape (n_ages,), for ``"weighted"``.
    scale
        Multiply the variance by the dispersion where that is above 1 (Poisson form).
    level
        Confidence level of the limits, by Student's t with n_years − 2 degrees of freedom.

    Returns
    -------
    DataFrame
        One row: ``measure``, ``first``, ``last`` (years), ``n``, ``unit``, ``estimate``, ``se``,
        ``lower``, ``upper``, ``p_value``, ``dispersion`` (Pearson's χ² or the residual variance
        over its degrees of freedom), ``level``, ``method``, ``status``, ``reason``.

    Raises
    ------
    UsageError
        A choice is not among its choices, shapes differ, a year comes twice, or the weighted
        form lacks weights.
    PopulationError
        A cell has cases and no person-years.

    Examples
    --------
    Cases double each year in the same person-years:

    >>> table = annual_change([2001, 2002, 2003], [10, 20, 40], [1e5, 1e5, 1e5])
    >>> round(table["estimate"][0], 6)
    100.0
    """
    if form not in get_args(Form):
        raise UsageError("there is no such form", value=form, allowed=get_args(Form))
    when, d, y = _cells(years, cases, person_years)
    if form == "weighted" and weights is None and d.shape[1] > 1:
        raise UsageError(
            "the weighted form is of standardised rates, and there are no weights",
            value="no weights", allowed=f"{d.shape[1]} weights",
        )  # fmt: skip
    total = int(d.sum())
    row: dict[str, Any] = {
        "measure": EAPC, "first": int(when.min()), "last": int(when.max()), "n": total,
        "unit": "percent per year",
    }  # fmt: skip
    nothing = dict.fromkeys(("estimate", "se", "lower", "upper", "p_value", "dispersion"))
    reason = None
    if len(when) < FEWEST_YEARS:
        reason = f"fewer than {FEWEST_YEARS} years"
    elif not total:
        reason = "no case"
    elif np.count_nonzero(d.sum(axis=1)) < 2:
        reason = "cases in one year only"
    if reason is not None:
        row |= {**nothing, "level": level, "method": form, "status": NOT_ESTIMABLE}
        return _frame(row | {"reason": reason})
    if form == "weighted" and not d.sum(axis=1).all():
        form, reason = "poisson", "a year without cases has no log rate: the Poisson form"
    if form == "poisson":
        slope, se, dispersion = _poisson(when, d, y)
        se *= np.sqrt(max(dispersion, 1.0)) if scale else 1.0
    else:
        slope, se, dispersion = _weighted(when, d, y, weights)
    lower, upper, p_value = _limits(slope, se, len(when) - 2, level)
    percent = 100 * np.expm1([slope, lower, upper])
    row |= {
        "estimate": percent[0], "se": 100 * np.exp(slope) * se, "lower": percent[1],
        "upper": percent[2], "p_value": p_value, "dispersion": dispersion, "level": level,
        "method": form, "status": OK, "reason": reason,
    }  # fmt: skip
    return _frame(row)


def _frame(row: dict[str, Any]) -> pl.DataFrame:
    numbers = ("estimate", "se", "lower", "upper", "p_value", "dispersion")
    schema = dict.fromkeys(numbers, pl.Float64) | {"reason": pl.String}
    return pl.DataFrame([row], schema_overrides=schema).with_columns(pl.col(numbers).fill_nan(None))


def _poisson(when: Floats, d: Floats, y: Floats) -> tuple[float, float, float]:
    """Return the slope, its standard error and the dispersion; ages without cases add nothing."""
    ages = d.sum(axis=0) > 0
    d, y = d[:, ages], y[:, ages]
    age = np.broadcast_to(np.arange(d.shape[1]), d.shape)
    year = np.broadcast_to((when - when.mean())[:, None], d.shape)
    on = y > 0
    columns = np.column_stack([np.eye(d.shape[1])[age[on]], year[on]])
    fit = fit_rates(columns, d[on], y[on])
    return float(fit.coefficients[-1]), float(np.sqrt(fit.covariance[-1, -1])), fit.dispersion


def _weighted(
    when: Floats, d: Floats, y: Floats, weights: ArrayLike | None
) -> tuple[float, float, float]:
    w = standard_weights([1.0] if weights is None else weights)
    rates = weighted_rate(d.astype(np.int64), y, w)
    own = rates.rate**2 / rates.variance
    log, centre = np.log(rates.rate), np.average(when, weights=own)
    across = float((own * (when - centre) ** 2).sum())
    slope = float((own * (when - centre) * log).sum() / across)
    rest = log - np.average(log, weights=own) - slope * (when - centre)
    variance = float((own * rest**2).sum() / (len(when) - 2))
    return slope, float(np.sqrt(variance / across)), variance


def _limits(slope: float, se: float, df: int, level: float) -> tuple[float, float, float]:
    from scipy.special import stdtr, stdtrit  # noqa: PLC0415 - slow to import

    reach = -float(stdtrit(df, tail_probability(level))) * se
    p_value = float(2 * stdtr(df, -abs(slope) / se)) if se > 0 else float(slope == 0)
    return slope - reach, slope + reach, p_value


def _cells(
    years: ArrayLike, cases: ArrayLike, person_years: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    when = np.asarray(years, dtype=np.float64)
    d, y = np.asarray(cases, dtype=np.float64), np.asarray(person_years, dtype=np.float64)
    d, y = (part[:, None] if part.ndim == 1 else part for part in (d, y))
    if d.shape != y.shape or when.shape != d.shape[:1] or not len(when):
        raise UsageError(
            "years, cases and person-years differ in shape",
            value=f"{when.shape}, {d.shape}, {y.shape}", allowed="(n,), (n, ages), (n, ages)",
        )  # fmt: skip
    if len(np.unique(when)) < len(when):
        raise UsageError("a year comes twice", allowed="each year once")
    if not (d >= 0).all() or not (y >= 0).all() or ((d > 0) & (y == 0)).any():
        raise UsageError(
            "cases or person-years are negative or missing, or cases lack person-years",
            value=float(d.min()), allowed="0 or more, person-years wherever there are cases",
        )  # fmt: skip
    return when, d, y
