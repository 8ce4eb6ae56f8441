"""The maximum of a log-likelihood: damped Newton steps, or a named error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rarecare.errors import ModelError

Floats = NDArray[np.float64]
_STEPS, _TRIALS = 200, 40
_GRADIENT, _NOTHING = 1e-8, 1e-7
"""Largest score at a maximum: per standard error, and in deaths."""


@dataclass(frozen=True, slots=True)
class Point:
    """A log-likelihood with its derivatives.

    Attributes
    ----------
    value
        Minus infinity where the model is not defined.
    score, information
        Gradient, and minus the Hessian.
    scoring
        A positive definite stand-in where the information is not.
    """

    value: float
    score: Floats
    information: Floats
    scoring: Floats | None = None


def maximum(
    at: Callable[[Floats], Point],
    start: Floats,
    names: Sequence[str],
    *,
    least: Floats | None = None,
    slack: float = 0.0,
) -> tuple[Floats, Point, int]:
    """Return where the log-likelihood is highest, it and its derivatives there, and the steps.

    Parameters
    ----------
    at
        The log-likelihood with its derivatives.
    start, names
        Of the coefficients.
    least
        Lower bounds; minus infinity where there is none.
    slack
        By how much the value may fall in a step, where it is not exact.

    Raises
    ------
    ModelError
        The start is not defined, or there is no convergence; the message names the columns along
        which the likelihood still rises.
    """
    low = np.full(len(start), -np.inf) if least is None else least
    beta, damping = np.maximum(start, low), 0.0
    point = at(beta)
    if not np.isfinite(point.value):
        raise ModelError("the model is not defined at its start", value=list(names)[:3])
    for step in range(1, _STEPS + 1):
        free = (beta > low) | (point.score > 0)
        spread = np.sqrt(np.maximum(np.diag(point.information), 0))
        still = np.abs(point.score) > np.maximum(_GRADIENT * spread, _NOTHING)
        if not (still & free).any():
            return beta, point, step
        for _ in range(_TRIALS):
            trial = np.maximum(beta + _direction(point, damping, free), low)
            now = at(trial)
            fall = max(1e-13 * abs(point.value), slack)
            if np.isfinite(now.value) and now.value >= point.value - fall:
                damping = damping / 10 if damping > 1e-8 else 0.0
                break
            damping = max(10 * damping, 1e-4)
        else:
            break
        beta, point = trial, now
    steepest = [names[place] for place in np.argsort(-np.abs(point.score))[:3]]
    raise ModelError(
        "the model did not converge",
        value=", ".join(steepest),
        remedy="Leave a term out, merge sparse levels, or widen the intervals.",
    )


def inverse(information: Floats, names: Sequence[str]) -> Floats:
    """Return the covariance.

    Raises
    ------
    ModelError
        The information is not positive definite.
    """
    try:
        np.linalg.cholesky(information)
    except np.linalg.LinAlgError:
        raise ModelError(
            "the data do not tell the coefficients apart",
            value=", ".join(names),
            remedy="Leave a term out, take fewer knots, or pool small groups.",
        ) from None
    return np.asarray(np.linalg.inv(information))


def _direction(point: Point, damping: float, free: NDArray[np.bool_]) -> Floats:
    """Return Newton's step where the information is positive definite, else Fisher's, damped."""
    stand_in = point.information if point.scoring is None else point.scoring
    ridge = np.maximum(np.abs(np.diag(stand_in)), 1e-8)
    step = np.where(free, point.score / ridge, 0.0)
    held = np.ix_(free, free)
    for own, extra in ((point.information, damping), (stand_in, damping), (stand_in, 1.0)):
        try:
            factor = np.linalg.cholesky(own[held] + np.diag(extra * ridge[free]))
        except np.linalg.LinAlgError:
            continue
        step[free] = np.linalg.solve(factor.T, np.linalg.solve(factor, point.score[free]))
        break
    return step
