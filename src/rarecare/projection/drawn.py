"""What every model of the future gives: rates, and draws of them that carry its uncertainty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEAST = 0.1
"""Fewest expected cases with which a cell enters the covariance of a projection.

With it the limits agree with those of a parametric bootstrap where whole cohorts have no case.
"""
Draw = Callable[[np.random.Generator, int], Floats]


@dataclass(frozen=True, slots=True)
class Projected:
    """Rates of periods to come.

    Attributes
    ----------
    rates
        Per person-year, shape (n_ages, n_future).
    draw
        ``draw(random, n)``: rates of shape (n, n_ages, n_future), drawn as uncertain as they are.
    method
        Model in words.
    n
        Cases that the rates rest on.
    notes
        What a reader must know of the fit.
    """

    rates: Floats
    draw: Draw
    method: str
    n: int
    notes: tuple[str, ...] = ()


def coefficients(
    random: np.random.Generator, mean: Floats, covariance: Floats, dispersion: float, n: int
) -> Floats:
    """Draw n sets of coefficients; a dispersion above 1 widens them. Shape (n, size)."""
    values, vectors = np.linalg.eigh(covariance * max(dispersion, 1.0))
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    drawn: Floats = mean + random.standard_normal((n, len(mean))) @ root.T
    return drawn
