"""Multiple imputation of a category that is unknown for some cases, such as stage.

The category follows a multinomial logistic model of the covariates, death, and the cumulative
hazard of death at exit (Nelson–Aalen): what the analysis holds, the imputation must hold. Each
imputation draws the model's coefficients, then the categories. Sources: White & Royston,
*Statistics in Medicine* 2009;28:1982-1998; Falcaro, Nur, Rachet, Carpenter, *Epidemiology*
2015;26:421-428 (net survival); Rubin, *Multiple Imputation for Nonresponse in Surveys*, 1987.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import ModelError, UsageError
from rarecare.models.design import Design
from rarecare.models.newton import Point, maximum
from rarecare.results import OK

Floats = NDArray[np.float64]
_RIDGE = 1e-3
"""Precision of the prior on each coefficient: finite where a level is always the same."""


def impute(
    cases: pl.DataFrame, column: str, *, given: Sequence[str], times: int = 10,
    seed: int = 20261123,
) -> list[pl.DataFrame]:  # fmt: skip
    """Return the cases so many times, each with its own draw of what is unknown.

    Parameters
    ----------
    cases
        With ``follow_up_days``, ``died``, the column and the covariates.
    column
        Null where it is unknown.
    given
        Covariates of the imputation model: those of the analysis, complete.
    times, seed
        How many imputations, and the seed of the draws.

    Raises
    ------
    UsageError
        A column is missing, or there is nothing to draw from.
    ModelError
        A covariate is unknown for some, or the model cannot be fitted.
    """
    for name in (column, *given, "follow_up_days", "died"):
        if name not in cases.columns:
            raise UsageError("the cases have no such column", value=name, allowed=cases.columns)
    unknown = cases[column].is_null()
    known = cases.filter(~unknown)
    levels = known[column].cast(pl.String).unique().sort().to_list()
    if times < 2 or len(levels) < 2:
        raise UsageError(
            f"{column} cannot be imputed", value=f"{times} times, levels {levels}",
            allowed="two imputations or more, of a column with two levels or more",
        )  # fmt: skip
    incomplete = next((name for name in given if cases[name].null_count()), None)
    if incomplete is not None:
        raise ModelError(
            "a covariate of the imputation is unknown for some cases", value=incomplete,
            remedy="Impute it first, or leave those cases out.",
        )  # fmt: skip
    told = cases.with_columns(
        _cumulative=pl.Series(cumulative_hazard(cases)), _died=pl.col("died").cast(pl.Float64)
    )
    formula = " + ".join(["~ _died", "_cumulative", *given])
    design, matrix = Design.of(formula, told)
    mask = unknown.to_numpy()
    place = known[column].cast(pl.String).replace_strict(
        {level: k for k, level in enumerate(levels)}, return_dtype=pl.Int64
    ).to_numpy()  # fmt: skip
    beta, covariance = _multinomial(matrix[~mask], place, len(levels), design.names)
    rng = np.random.default_rng(seed)
    factor = np.linalg.cholesky(covariance)
    made = []
    for _ in range(times):
        drawn = (beta + factor @ rng.standard_normal(len(beta))).reshape(len(levels) - 1, -1)
        shares = _shares(matrix[mask], drawn)
        pick = (rng.random(len(shares))[:, None] > np.cumsum(shares, axis=1)).sum(axis=1)
        values = np.empty(cases.height, dtype=np.int64)
        values[~mask], values[mask] = place, np.minimum(pick, len(levels) - 1)
        made.append(cases.with_columns(pl.Series(levels).gather(values).alias(column)))
    return made


def cumulative_hazard(cases: pl.DataFrame) -> Floats:
    """Return the Nelson–Aalen cumulative hazard of death at each case's exit, from diagnosis."""
    days = cases["follow_up_days"].cast(pl.Int64).to_numpy()
    died = cases["died"].to_numpy()
    size = int(days.max()) + 1
    at_risk = np.cumsum(np.bincount(days, minlength=size)[::-1])[::-1]
    deaths = np.bincount(days[died], minlength=size)
    return np.asarray(np.cumsum(deaths / np.maximum(at_risk, 1))[days])


@dataclass(frozen=True, slots=True)
class Pooled:
    """An estimate over imputations.

    Attributes
    ----------
    estimate, se, lower, upper
        By Rubin's rules; limits by Student's t.
    df
        Degrees of freedom.
    missing_information
        Share of the information that is missing for what is unknown.
    """

    estimate: float
    se: float
    lower: float
    upper: float
    df: float
    missing_information: float


def rubin(estimates: Sequence[float], variances: Sequence[float], level: float = 0.95) -> Pooled:
    """Return the pooled estimate: T = U + (1 + 1/m) B.

    Raises
    ------
    UsageError
        There are fewer than two, or not as many of each.
    """
    m = len(estimates)
    if m < 2 or len(variances) != m:
        raise UsageError("Rubin's rules need two imputations or more", value=m)
    mean, within = float(np.mean(estimates)), float(np.mean(variances))
    between = (1 + 1 / m) * float(np.var(estimates, ddof=1))
    total = within + between
    df = np.inf if between == 0 else (m - 1) * (total / between) ** 2
    quantile = NormalDist().inv_cdf(0.5 + level / 2)
    if df < 1e6:
        from scipy.special import stdtrit  # noqa: PLC0415 - slow to import

        quantile = float(stdtrit(df, 0.5 + level / 2))
    se = float(np.sqrt(total))
    return Pooled(
        mean, se, mean - quantile * se, mean + quantile * se, float(df),
        between / total if total > 0 else 0.0,
    )  # fmt: skip


def pooled_rows(
    keys: pl.DataFrame, values: Floats, variances: Floats, level: float, *, plain: bool = False
) -> pl.DataFrame:
    """Add estimates with limits to rows; over imputations by Rubin's rules.

    Parameters
    ----------
    keys
        What tells the rows apart.
    values, variances
        Shape (n_rows, n_imputations).
    level
        Confidence level.
    plain
        Whether limits are of the value itself; else of log(−log) of a survival.
    """
    rows = []
    for value, variance in zip(values, variances, strict=True):
        if plain or not ((value > 0) & (value < 1)).all():
            own = _pooled(value, variance, level)
            rows.append((own.estimate, own.se, own.lower, own.upper))
            continue
        scaled = _pooled(np.log(-np.log(value)), variance / (value * np.log(value)) ** 2, level)
        middle, upper, lower = (
            float(np.exp(-np.exp(x))) for x in (scaled.estimate, scaled.lower, scaled.upper)
        )
        rows.append((middle, _pooled(value, variance, level).se, lower, upper))
    made = pl.DataFrame(rows, schema=["estimate", "se", "lower", "upper"], orient="row")
    return pl.concat([keys, made], how="horizontal").with_columns(
        level=pl.lit(level), status=pl.lit(OK), reason=pl.lit(None, dtype=pl.String)
    )


def _pooled(values: Floats, variances: Floats, level: float) -> Pooled:
    """Return the pooled estimate, or that of the one there is."""
    if len(values) > 1:
        return rubin(values.tolist(), variances.tolist(), level)
    value, se = float(values[0]), float(variances[0]) ** 0.5
    half = NormalDist().inv_cdf(0.5 + level / 2) * se
    return Pooled(value, se, value - half, value + half, np.inf, 0.0)


def _shares(matrix: Floats, beta: Floats) -> Floats:
    eta = np.hstack([np.zeros((len(matrix), 1)), matrix @ beta.T])
    grown = np.exp(eta - eta.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))


def _multinomial(
    matrix: Floats, place: NDArray[np.int64], levels: int, names: Sequence[str]
) -> tuple[Floats, Floats]:
    """Return the coefficients, the first level being the reference, and their covariance."""
    n, k = matrix.shape
    rest = levels - 1
    chosen = np.zeros((n, levels))
    chosen[np.arange(n), place] = 1.0

    def at(beta: Floats) -> Point:
        shares = _shares(matrix, beta.reshape(rest, k))
        value = float(np.log(np.maximum(shares[np.arange(n), place], 1e-300)).sum())
        score = ((chosen - shares)[:, 1:].T @ matrix).ravel() - _RIDGE * beta
        information = np.empty((rest * k, rest * k))
        for a in range(rest):
            for b in range(a, rest):
                own = shares[:, a + 1] * ((a == b) - shares[:, b + 1])
                block = matrix.T @ (own[:, None] * matrix)
                information[a * k : (a + 1) * k, b * k : (b + 1) * k] = block
                information[b * k : (b + 1) * k, a * k : (a + 1) * k] = block
        return Point(
            value - 0.5 * _RIDGE * float(beta @ beta), score,
            information + _RIDGE * np.eye(rest * k),
        )  # fmt: skip

    labels = [f"{name} ({level + 1})" for level in range(rest) for name in names]
    beta, point, _ = maximum(at, np.zeros(rest * k), labels)
    return beta, np.asarray(np.linalg.inv(point.information))
