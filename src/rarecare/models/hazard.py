"""Log excess hazard by B-splines of time, with a normal random intercept for groups.

ln h_E(t | x, u) = Σ B_j(t) γ_j + xβ + u_g, u_g ~ N(0, σ²). Cumulative hazards by Gauss–Legendre
quadrature on each piece between knots; the random effect by adaptive Gauss–Hermite quadrature.
Source: Charvat, Remontet, Bossard, Roche, Dejardin, Rachet, Launoy, Belot, *Statistics in
Medicine* 2016;35:3066-3084.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import ModelError, UsageError
from rarecare.models.design import Design
from rarecare.models.flexible import observed_times
from rarecare.results import OK

Floats = NDArray[np.float64]
_NODES, _HERMITE = 20, 10
_MODE_STEPS = 50
_GRADIENT = 1e-4
"""Largest score, in deaths, at which a fit counts as ended."""


@dataclass(frozen=True, slots=True)
class HazardFit:
    """A fitted model.

    Attributes
    ----------
    names
        Baseline (``"baseline[0]"`` the level), covariates, and ``"log sd"`` with groups.
    coefficients, covariance, loglik
        At the maximum.
    knots
        Boundary and inner knots of the baseline, in years.
    groups
        With groups: one row each: the group, ``n``, ``deaths``, ``effect`` (the shrunken log
        hazard ratio), ``se``, ``lower``, ``upper``, ``level``.
    """

    names: tuple[str, ...]
    coefficients: Floats
    covariance: Floats
    loglik: float
    knots: tuple[float, ...]
    groups: pl.DataFrame | None

    def table(self, level: float = 0.95) -> pl.DataFrame:
        """Return one row per coefficient.

        ``term``, ``coefficient``, ``se``, ``ratio``, ``lower``, ``upper`` (covariates),
        ``level``, ``status``, ``reason``.
        """
        z = NormalDist().inv_cdf(0.5 + level / 2)
        rows = []
        for place, name in enumerate(self.names):
            value = float(self.coefficients[place])
            se = float(np.sqrt(self.covariance[place, place]))
            ratio = not name.startswith(("baseline", "log sd"))
            rows.append(
                {
                    "term": name, "coefficient": value, "se": se,
                    "ratio": float(np.exp(value)) if ratio else None,
                    "lower": float(np.exp(value - z * se)) if ratio else None,
                    "upper": float(np.exp(value + z * se)) if ratio else None,
                    "level": level, "status": OK,
                    "reason": None if ratio else "of the baseline, or of the groups",
                }
            )  # fmt: skip
        return pl.DataFrame(rows, infer_schema_length=None)


@dataclass(frozen=True, slots=True)
class _Data:
    """The baseline's basis at exit and at quadrature nodes, and the covariates.

    Pieces between knots that a case has lived through are the same for all: ``whole`` holds their
    nodes once. ``own`` are those of the piece in which a case ends.
    """

    at_exit: Floats
    x: Floats
    dead: NDArray[np.bool_]
    background: Floats
    piece: NDArray[np.int64]
    whole: Floats
    whole_weights: Floats
    own: Floats
    own_weights: Floats


def hazard_model(
    data: pl.DataFrame,
    formula: str,
    *,
    knots: Sequence[float] = (1.0, 5.0),
    degree: int = 3,
    group: str | None = None,
    time: str = "time_years",
    died: str = "died",
    expected: str = "expected_hazard",
    level: float = 0.95,
) -> HazardFit:
    """Fit the model, with a random intercept where ``group`` is given.

    Parameters
    ----------
    data
        One row per case; see ``flexible_excess_hazard`` for ``time``, ``died``, ``expected``.
    formula
        Right-hand side, its intercept being the level of the baseline.
    knots, degree
        Inner knots in years (those beyond the longest time are left out), and degree, of the
        B-splines of time between 0 and the longest time.
    group
        Column: country, registry, hospital.
    level
        Of the limits of the groups' effects.

    Returns
    -------
    HazardFit

    Raises
    ------
    UsageError
        A column is missing, the formula has no intercept, or knots do not rise.
    ModelError
        No deaths, an impossible value, fewer than two groups, or no convergence.
    """
    t, dead, background, _ = observed_times(data, time, died, expected, None)
    design, covariates = Design.of(formula, data)
    if design.names[0] != "Intercept":
        raise UsageError("the formula needs its intercept", value=formula)
    inner = [float(knot) for knot in knots if knot < t.max()]
    if inner != sorted(set(inner)) or (inner and inner[0] <= 0):
        raise UsageError("knots must rise from above 0", value=list(knots))
    longest = float(t.max())
    basis = _basis(inner, longest, degree)
    made = _prepared(t, dead, background, covariates[:, 1:], basis, [0.0, *inner])
    names = (*(f"baseline[{k}]" for k in range(made.at_exit.shape[1])), *design.names[1:])
    begin = np.zeros(len(names))
    excess = max(dead.sum() - (background * t).sum(), 0.1 * dead.sum())
    begin[0] = np.log(excess / t.sum())
    beta = _climb(lambda b: _plain(b, made), begin, names)
    bounds = (0.0, *inner, longest)
    if group is None:
        information = _information(lambda b: _plain(b, made), beta)
        return HazardFit(
            names, beta, _inverse(information, names), _plain(beta, made)[0], bounds, None
        )
    if group not in data.columns:
        raise UsageError("there is no such column", value=group, allowed=data.columns)
    levels = data[group].unique().sort()
    if len(levels) < 2:
        raise ModelError(f"there is one {group}", value=levels.to_list())
    of_group = data[group].replace_strict(
        {value: place for place, value in enumerate(levels.to_list())}, return_dtype=pl.Int64
    ).to_numpy()  # fmt: skip
    size = len(levels)

    def grouped(b: Floats) -> tuple[float, Floats]:
        value, gradient, _, _ = _random(b, made, of_group, size)
        return value, gradient

    beta = _climb(grouped, np.append(beta, np.log(0.3)), (*names, "log sd"))
    value, _, mode, scale = _random(beta, made, of_group, size)
    z = NormalDist().inv_cdf(0.5 + level / 2)
    counted = np.bincount(of_group, minlength=size), np.bincount(of_group[dead], minlength=size)
    effects = pl.DataFrame(
        {
            group: levels, "n": counted[0], "deaths": counted[1], "effect": mode, "se": scale,
            "lower": mode - z * scale, "upper": mode + z * scale, "level": [level] * size,
        }
    )  # fmt: skip
    information = _information(grouped, beta)
    covariance = _inverse(information, (*names, "log sd"))
    return HazardFit((*names, "log sd"), beta, covariance, value, bounds, effects)


def _basis(inner: Sequence[float], longest: float, degree: int) -> Callable[[Floats], Floats]:
    from scipy.interpolate import BSpline  # noqa: PLC0415 - slow to import

    whole = np.concatenate([[0.0] * (degree + 1), inner, [longest] * (degree + 1)])

    def at(t: Floats) -> Floats:
        columns = BSpline.design_matrix(np.clip(t, 0, longest), whole, degree).toarray()
        columns[:, 0] = 1.0  # the first is dropped, the level takes its place
        return np.asarray(columns)

    return at


def _prepared(  # noqa: PLR0917
    t: Floats, dead: NDArray[np.bool_], background: Floats, x: Floats,
    basis: Callable[[Floats], Floats], starts: Sequence[float],
) -> _Data:  # fmt: skip
    points, share = np.polynomial.legendre.leggauss(_NODES)
    begins = np.array(starts)
    piece = np.searchsorted(begins, t, side="left") - 1
    halves = np.diff(begins) / 2
    whole = basis((begins[:-1, None] + halves[:, None] * (points + 1)).ravel())
    half = (t - begins[piece]) / 2
    own = basis((begins[piece][:, None] + half[:, None] * (points + 1)).ravel())
    return _Data(
        at_exit=basis(t), x=x, dead=dead, background=background, piece=piece,
        whole=whole.reshape(len(halves), _NODES, -1), whole_weights=halves[:, None] * share,
        own=own.reshape(len(t), _NODES, -1), own_weights=half[:, None] * share,
    )  # fmt: skip


def _hazards(beta: Floats, made: _Data) -> tuple[Floats, Floats, Floats]:
    """Return h at exit, H, and the gradient of H in the baseline, shape (n, n_baseline)."""
    size = made.at_exit.shape[1]
    gamma, slope = beta[:size], beta[size:]
    ratio = np.exp(np.minimum(made.x @ slope, 100.0))
    whole = made.whole_weights * np.exp(np.minimum(made.whole @ gamma, 100.0))
    own = made.own_weights * np.exp(np.minimum(made.own @ gamma, 100.0))
    passed = np.concatenate([[0.0], np.cumsum(whole.sum(axis=1))])
    moved = np.vstack(
        [np.zeros(size), np.cumsum(np.einsum("pk,pkj->pj", whole, made.whole), axis=0)]
    )
    total = ratio * (passed[made.piece] + own.sum(axis=1))
    inner = np.matmul(own[:, None, :], made.own)[:, 0, :]
    gradient = ratio[:, None] * (moved[made.piece] + inner)
    h = ratio * np.exp(np.minimum(made.at_exit @ gamma, 100.0))
    return h, total, gradient


def _plain(beta: Floats, made: _Data) -> tuple[float, Floats]:
    """Return the log-likelihood and its gradient without groups."""
    h, total, of_baseline = _hazards(beta, made)
    sum_ = made.background + h
    value = float(np.log(sum_[made.dead]).sum() - total.sum())
    ratio = np.where(made.dead, h / sum_, 0.0)
    baseline = made.at_exit.T @ ratio - of_baseline.sum(axis=0)
    return value, np.concatenate([baseline, made.x.T @ (ratio - total)])


def _random(
    beta: Floats, made: _Data, of_group: NDArray[np.int64], size: int
) -> tuple[float, Floats, Floats, Floats]:
    """Return Σ log L_g, its gradient, and the groups' modes and scales."""
    sigma = float(np.exp(beta[-1]))
    h, total, of_baseline = _hazards(beta[:-1], made)
    whole = np.bincount(of_group, weights=total, minlength=size)
    dead, own = made.dead, of_group[made.dead]
    h_dead, back = h[dead], made.background[dead]

    def ratio(u: Floats) -> Floats:
        grown = h_dead * np.exp(u[own])
        return np.asarray(grown / (back + grown))

    mode = np.zeros(size)
    for _ in range(_MODE_STEPS):
        q = ratio(mode)
        held = whole * np.exp(mode)
        first = np.bincount(own, weights=q, minlength=size) - held - mode / sigma**2
        second = np.bincount(own, weights=q * (1 - q), minlength=size) - held - 1 / sigma**2
        step = np.clip(-first / np.minimum(second, -1e-8), -1.0, 1.0)
        mode = mode + step
        if np.abs(step).max() < 1e-12:
            break
    scale = 1 / np.sqrt(np.maximum(-second, 1e-8))
    points, weights = np.polynomial.hermite.hermgauss(_HERMITE)
    u = mode[:, None] + np.sqrt(2) * scale[:, None] * points  # (n_groups, n_nodes)
    grown = h_dead[:, None] * np.exp(u[own])
    logs = np.zeros((size, _HERMITE))
    np.add.at(logs, own, np.log(back[:, None] + grown))
    logs += -whole[:, None] * np.exp(u) - u**2 / (2 * sigma**2) - np.log(sigma)
    logs += -0.5 * np.log(2 * np.pi) + np.log(weights) + points**2
    top = logs.max(axis=1)
    part = np.exp(logs - top[:, None])
    value = float((top + np.log(part.sum(axis=1)) + np.log(np.sqrt(2) * scale)).sum())
    share = part / part.sum(axis=1, keepdims=True)
    mean_ratio = (share[own] * (grown / (back[:, None] + grown))).sum(axis=1)
    factor = (share * np.exp(u)).sum(axis=1)
    own_factor = factor[of_group]
    baseline = made.at_exit[dead].T @ mean_ratio - own_factor @ of_baseline
    slope = made.x[dead].T @ mean_ratio - made.x.T @ (own_factor * total)
    of_scale = float((share * (u**2 / sigma**2 - 1)).sum())
    return value, np.concatenate([baseline, slope, [of_scale]]), mode, scale


def _climb(
    function: Callable[[Floats], tuple[float, Floats]], begin: Floats, names: Sequence[str]
) -> Floats:
    """Return the maximum by BFGS and a few Newton steps on the gradient.

    Raises
    ------
    ModelError
        The gradient does not come to nothing.
    """
    from scipy.optimize import minimize  # noqa: PLC0415 - slow to import

    def negative(b: Floats) -> tuple[float, Floats]:
        value, gradient = function(b)
        return (-value, -gradient) if np.isfinite(value) else (1e12, np.zeros_like(b))

    beta = minimize(negative, begin, jac=True, method="BFGS", options={"gtol": 1e-6}).x
    for _ in range(10):
        value, gradient = function(beta)
        if np.abs(gradient).max() < 1e-8:
            break
        try:
            trial = beta + np.linalg.solve(_information(function, beta), gradient)
        except np.linalg.LinAlgError:
            break
        if not function(trial)[0] >= value - 1e-9:
            break
        beta = trial
    gradient = function(beta)[1]
    if not np.abs(gradient).max() < _GRADIENT:
        raise ModelError(
            "the model did not converge",
            value=", ".join(names[k] for k in np.argsort(-np.abs(gradient))[:3]),
            remedy="Leave a term out, take fewer knots, or pool small groups.",
        )
    return np.asarray(beta)


def _information(function: Callable[[Floats], tuple[float, Floats]], beta: Floats) -> Floats:
    """Return the observed information, by central differences of the gradient."""
    step = 1e-5
    rows = []
    for place in range(len(beta)):
        move = np.zeros_like(beta)
        move[place] = step
        rows.append((function(beta - move)[1] - function(beta + move)[1]) / (2 * step))
    whole = np.array(rows)
    return np.asarray((whole + whole.T) / 2)


def _inverse(information: Floats, names: Sequence[str]) -> Floats:
    try:
        np.linalg.cholesky(information)
    except np.linalg.LinAlgError:
        raise ModelError(
            "the data do not tell the coefficients apart", value=", ".join(names),
            remedy="Leave a term out, take fewer knots, or pool small groups.",
        ) from None  # fmt: skip
    return np.asarray(np.linalg.inv(information))
