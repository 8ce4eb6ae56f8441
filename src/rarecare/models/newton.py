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
    at: Callable[[Floats], Point], start: Floats, names: Sequence[str]
) -> tuple[Floats, Point, int]:
    """Return where the log-likelihood is highest, it and its derivatives there, and the steps.

    Raises
    ------
    ModelError
        The start is not defined, or there is no convergence; the message names the columns along
        which the likelihood still rises.
    """
    beta, point, damping = start, at(start), 0.0
    if not np.isfinite(point.value):
        raise ModelError("the model is not defined at its start", value=list(names)[:3])
    for step in range(1, _STEPS + 1):
        spread = np.sqrt(np.maximum(np.diag(point.information), 0))
        if (np.abs(point.score) <= np.maximum(_GRADIENT * spread, _NOTHING)).all():
            return beta, point, step
        for _ in range(_TRIALS):
            trial = beta + _direction(point, damping)
            now = at(trial)
            if np.isfinite(now.value) and now.value >= point.value - 1e-13 * abs(point.value):
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


def _direction(point: Point, damping: float) -> Floats:
    """Return Newton's step where the information is positive definite, else Fisher's, damped."""
    stand_in = point.information if point.scoring is None else point.scoring
    ridge = np.maximum(np.abs(np.diag(stand_in)), 1e-8)
    for own, extra in ((point.information, damping), (stand_in, damping), (stand_in, 1.0)):
        try:
            factor = np.linalg.cholesky(own + np.diag(extra * ridge))
        except np.linalg.LinAlgError:
            continue
        return np.asarray(np.linalg.solve(factor.T, np.linalg.solve(factor, point.score)))
    return np.asarray(point.score / ridge)
