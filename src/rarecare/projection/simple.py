"""Projections for sparse entities: constant rates, one drift, or the family's rates.

An age-period-cohort model needs some hundreds of cases. With fewer: the rates of the last periods
as they are; one drift at all ages, damped; or the rates of the family that the entity belongs to,
times the entity's share of it. Source: METHODS 6.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rarecare.errors import ModelError, UsageError
from rarecare.projection.drawn import LEAST, Projected, coefficients
from rarecare.projection.nordpred import CUT
from rarecare.rates.glm import fit_rates

Floats = NDArray[np.float64]


def constant_rates(
    cases: Floats, person_years: Floats, periods: int, *, last: int
) -> Projected:  # fmt: skip
    """Keep the age-specific rates of the last periods.

    Parameters
    ----------
    cases, person_years
        Observed, shape (n_ages, n_periods).
    periods
        Number of future periods.
    last
        How many of the last periods the rates come from.

    Raises
    ------
    UsageError
        There are not so many periods.
    ModelError
        They have no case: a rate of 0 would be projected as certain.
    """
    d, y = _last(cases, person_years, last)
    d, y = d.sum(axis=1), y.sum(axis=1)
    if not d.any():
        raise ModelError(
            f"there is no case in the last {last} periods", value=0,
            remedy="Look back on more periods, or take a share of the family.",
        )  # fmt: skip
    shape = (len(d), periods)

    def draw(random: np.random.Generator, n: int) -> Floats:
        own = random.standard_gamma(d, (n, len(d))) / y
        return np.broadcast_to(own[..., None], (n, *shape))

    return Projected(
        np.broadcast_to((d / y)[:, None], shape), draw, "constant rates",
        int(d.sum()), (f"rates of the last {last} periods, {int(d.sum())} cases",),
    )  # fmt: skip


def one_drift(
    cases: Floats, person_years: Floats, periods: int, *, last: int, cut: Sequence[float] = CUT
) -> Projected:  # fmt: skip
    """Project one log-linear drift, the same at all ages, cut as the drift of ``nordpred``.

    Parameters and errors as in ``constant_rates``; ``last`` is 2 or more.
    """
    d, y = _last(cases, person_years, last)
    if last < 2:
        raise UsageError("a drift takes two periods or more", value=last, allowed="2 or more")
    ages = d.sum(axis=1) > 0
    if not ages.any():
        raise ModelError("there is no case to fit a drift to", value=0)
    own_d, own_y = d[ages], y[ages]
    a = len(own_d)
    t = np.tile(np.arange(last) - (last - 1.0), a)
    x = np.column_stack([np.kron(np.eye(a), np.ones((last, 1))), t])
    fit = fit_rates(x, own_d.ravel(), own_y.ravel(), least=LEAST)
    steps = np.cumsum([1 - cut[min(j, len(cut) - 1)] for j in range(periods)])

    def rates(beta: Floats) -> Floats:
        out = np.zeros((*beta.shape[:-1], len(d), periods))
        out[..., ages, :] = np.exp(beta[..., :a, None] + beta[..., a, None, None] * steps)
        return out

    def draw(random: np.random.Generator, n: int) -> Floats:
        return rates(coefficients(random, fit.coefficients, fit.covariance, fit.dispersion, n))

    change = 100 * np.expm1(fit.coefficients[a])
    note = f"drift {change:.2f} % per period over the last {last}, dispersion {fit.dispersion:.2f}"
    return Projected(rates(fit.coefficients), draw, "one drift, log link", int(d.sum()), (note,))


def share_of_family(
    cases: Floats, person_years: Floats, family_cases: Floats, family: Projected, *, last: int
) -> Projected:  # fmt: skip
    """Project the family and take the entity's share of it, by the cases of the last periods.

    The share, cases of the entity over cases of the family in the last periods, is taken as the
    same at all ages.

    Parameters
    ----------
    cases, person_years, family_cases
        Observed, shape (n_ages, n_periods); the family's contain the entity's.
    family
        Projection of the family.
    last
        How many of the last periods the share comes from.

    Raises
    ------
    UsageError
        There are not so many periods, or the family has fewer cases than the entity.
    ModelError
        The family has no case.
    """
    d, _ = _last(cases, person_years, last)
    whole, _ = _last(family_cases, person_years, last)
    if (whole < d).any():
        raise UsageError(
            "a family has at least the cases of its member", value=int((whole - d).min()),
            remedy="Give the cases of the family with those of the entity among them.",
        )  # fmt: skip
    n, total = float(d.sum()), float(whole.sum())
    if not total:
        raise ModelError("the family has no case", value=0)

    def draw(random: np.random.Generator, size: int) -> Floats:
        share = random.beta(n + 0.5, total - n + 0.5, size)
        return family.draw(random, size) * share[:, None, None]

    return Projected(
        family.rates * (n / total), draw, f"share of the family, {family.method}",
        int(n), (f"{int(n)} of the family's {int(total)} cases in the last {last} periods",
         *family.notes),
    )  # fmt: skip


def _last(cases: Floats, person_years: Floats, last: int) -> tuple[Floats, Floats]:
    d, y = np.asarray(cases, dtype=np.float64), np.asarray(person_years, dtype=np.float64)
    if d.shape != y.shape or d.ndim != 2 or not 1 <= last <= d.shape[1]:
        raise UsageError(
            "the last periods are not among those of the data", value=f"{last} of {d.shape}",
            allowed=f"1 to {d.shape[1] if d.ndim == 2 else 0}",
        )  # fmt: skip
    d, y = d[:, -last:], y[:, -last:]
    if not (y > 0).all():
        raise ModelError(
            "an age group has no person-years in the last periods", value=float(y.min()),
            allowed="above 0", remedy="Merge age groups.",
        )  # fmt: skip
    return d, y
