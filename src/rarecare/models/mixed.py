"""A normal random intercept for groups, integrated by adaptive Gauss–Hermite quadrature.

L_g = ∫ exp{Σ d·log(b + h·e^u) − H_g·e^u} φ(u; σ) du, with b expected and h excess hazards (or
deaths) of group g. Score and information are posterior means at the nodes (Louis, *Journal of the
Royal Statistical Society B* 1982;44:226-233). Quadrature: Liu & Pierce, *Biometrika*
1994;81:624-629.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import ModelError, UsageError
from rarecare.models.newton import Point, inverse

Floats = NDArray[np.float64]
LOG_SD = "log sd"
NO_GROUPS = "the groups do not differ by more than chance: their spread is at its bound"
START = -1.2
SLACK = 1e-6
"""Of the log-likelihood, whose score is that of the integral and not of its quadrature."""
LEAST = -6.0
"""Of log σ: groups that differ by a quarter of a percent do not differ."""

_NODES, _MODE_STEPS = 20, 60


@dataclass(frozen=True, slots=True)
class Events:
    """The deaths of all groups, sorted by group.

    Attributes
    ----------
    group
        Number of each row's group, ascending.
    z
        ∂ log h, shape (n, k).
    weight, background
        Deaths in the row, and b.
    """

    group: NDArray[np.int64]
    z: Floats
    weight: Floats
    background: Floats


@dataclass(frozen=True, slots=True)
class Integral:
    """The likelihood with its derivatives, and each group's effect.

    Attributes
    ----------
    point
        In the coefficients and, last, log σ.
    mode, scale
        Of u in each group.
    moves
        ∂mode in the coefficients and log σ, shape (n_groups, k + 1).
    """

    point: Point
    mode: Floats
    scale: Floats
    moves: Floats


def integrated(  # noqa: PLR0917 - the parts of one likelihood
    events: Events,
    h: Floats,
    whole: Floats,
    of_whole: Floats,
    second: Callable[[Floats], Floats],
    log_sd: float,
) -> Integral:
    """Return Σ log L_g.

    Parameters
    ----------
    events
        The deaths.
    h
        Excess hazards of their rows.
    whole, of_whole
        H_g and its gradient, shapes (n_groups,) and (n_groups, k).
    second
        From weights of the groups, the weighted sum of the second derivatives of H_g.
    log_sd
        log σ.
    """
    size, k = of_whole.shape
    variance = float(np.exp(2 * log_sd))
    ends = np.searchsorted(events.group, np.arange(size + 1))
    mode, curvature = _modes(events, h, whole, variance)
    scale = 1 / np.sqrt(curvature)
    points, weights = np.polynomial.hermite.hermgauss(_NODES)
    u = mode[:, None] + np.sqrt(2) * scale[:, None] * points  # (n_groups, n_nodes)
    grown = h[:, None] * np.exp(u[events.group])
    sum_ = events.background[:, None] + grown
    logs = -whole[:, None] * np.exp(u) - u**2 / (2 * variance) - log_sd
    logs += np.log(weights) + points**2 - 0.5 * np.log(np.pi)
    own = events.weight[:, None] * np.log(sum_)
    np.add.at(logs, events.group, own)
    top = logs.max(axis=1, keepdims=True)
    part = np.exp(logs - top)
    value = float((top[:, 0] + np.log(part.sum(axis=1)) + np.log(scale)).sum())
    share = part / part.sum(axis=1, keepdims=True)

    q = grown / sum_
    weighed = events.weight[:, None] * q
    grew = np.exp(u)
    factor = (share * grew).sum(axis=1)
    score, spread = np.zeros(k + 1), np.zeros((k + 1, k + 1))
    for group in range(size):
        held = slice(ends[group], ends[group + 1])
        at = np.empty((_NODES, k + 1))
        at[:, :k] = weighed[held].T @ events.z[held] - grew[group][:, None] * of_whole[group]
        at[:, k] = u[group] ** 2 / variance - 1
        mean = share[group] @ at
        score += mean
        spread += (at * share[group][:, None]).T @ at - np.outer(mean, mean)
    complete = np.zeros((k + 1, k + 1))
    bend = (share[events.group] * weighed * (1 - q)).sum(axis=1)
    complete[:k, :k] = second(factor) - events.z.T @ (bend[:, None] * events.z)
    complete[k, k] = 2 * float((share * u**2).sum()) / variance

    at_mode = events.weight * _ratio(events, h, mode)
    bent = at_mode * (1 - _ratio(events, h, mode))
    moves = np.zeros((size, k + 1))
    np.add.at(moves[:, :k], events.group, bent[:, None] * events.z)
    moves[:, :k] -= np.exp(mode)[:, None] * of_whole
    moves[:, k] = 2 * mode / variance
    moves /= curvature[:, None]
    return Integral(Point(value, score, complete - spread, complete), mode, scale, moves)


def _ratio(events: Events, h: Floats, u: Floats) -> Floats:
    grown = h * np.exp(u[events.group])
    return np.asarray(grown / (events.background + grown))


def _modes(events: Events, h: Floats, whole: Floats, variance: float) -> tuple[Floats, Floats]:
    """Return where each group's integrand is highest, and its curvature there, by Newton."""
    size = len(whole)
    mode = np.zeros(size)
    curvature = np.ones(size)
    for _ in range(_MODE_STEPS):
        q = _ratio(events, h, mode)
        held = whole * np.exp(mode)
        first = by_group(events.group, events.weight * q, size) - held - mode / variance
        bent = by_group(events.group, events.weight * q * (1 - q), size)
        curvature = np.maximum(held + 1 / variance - bent, 1e-8)
        step = np.clip(first / curvature, -1.0, 1.0)
        mode = mode + step
        if np.abs(step).max() < 1e-12:
            break
    return mode, curvature


def by_group(of_group: NDArray[np.int64], values: Floats, size: int) -> Floats:
    """Return the sum of values in each group, shape (n_groups,) or (n_groups, k)."""
    if values.ndim == 1:
        return np.bincount(of_group, weights=values, minlength=size).astype(np.float64)
    return np.column_stack([by_group(of_group, column, size) for column in values.T])


def numbered(data: pl.DataFrame, group: str) -> tuple[pl.Series, NDArray[np.int64]]:
    """Return the groups, ascending, and the number of each row's.

    Raises
    ------
    UsageError
        There is no such column.
    ModelError
        There is one group, or a row has none.
    """
    if group not in data.columns:
        raise UsageError("there is no such column", value=group, allowed=data.columns)
    if data[group].null_count():
        raise ModelError(f"{group} is missing", value=f"{data[group].null_count()} rows")
    levels = data[group].unique().sort()
    if len(levels) < 2:
        raise ModelError(f"there is one {group}", value=levels.to_list())
    places = {value: place for place, value in enumerate(levels.to_list())}
    return levels, data[group].replace_strict(places, return_dtype=pl.Int64).to_numpy()


def covariance_of(point: Point, log_sd: float, names: Sequence[str]) -> Floats:
    """Return the covariance; at its bound log σ is known, and has none.

    Raises
    ------
    ModelError
        The data do not tell the coefficients apart.
    """
    if log_sd > LEAST:
        return inverse(point.information, names)
    covariance = np.zeros_like(point.information)
    covariance[:-1, :-1] = inverse(point.information[:-1, :-1], names[:-1])
    return covariance


def effects(  # noqa: PLR0917 - the columns of one table
    group: str, levels: pl.Series, found: Integral, covariance: Floats, counted: pl.DataFrame,
    level: float,
) -> pl.DataFrame:  # fmt: skip
    """Return each group's shrunken effect, a log ratio of excess hazards.

    Its variance is that of u given the coefficients, and theirs by the delta method.
    """
    z = NormalDist().inv_cdf(0.5 + level / 2)
    more = np.einsum("gi,ij,gj->g", found.moves, covariance, found.moves)
    se = np.sqrt(found.scale**2 + more)
    return (
        pl.DataFrame({group: levels})
        .with_columns(counted)
        .with_columns(
            effect=pl.Series(found.mode),
            se=pl.Series(se),
            lower=pl.Series(found.mode - z * se),
            upper=pl.Series(found.mode + z * se),
            level=pl.lit(level),
        )
    )
