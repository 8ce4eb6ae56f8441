"""How much of the variance between units each determinant takes away, and how surely.

``Step`` is one set of determinants: its model, and each unit's net survival standardised to the
determinants of all cases. Draws of the deaths move every step's coefficients by one Newton step
from its fit, so that hundreds of draws cost no more than a few fits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import factorial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.models.cells import Cells
from rarecare.models.poisson import PoissonFit, fit_poisson

Floats = NDArray[np.float64]
LEFT = "unexplained"
Set = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: the units, the determinants' columns, and where the times stand."""

    unit: str
    units: tuple[object, ...]
    columns: Mapping[str, Sequence[str]]
    at: tuple[float, ...]
    places: tuple[int, ...]

    @property
    def names(self) -> Set:
        """The determinants, in the stated order."""
        return tuple(self.columns)

    @property
    def sets(self) -> list[Set]:
        """All sets of determinants."""
        size = len(self.columns)
        return [own for k in range(size + 1) for own in combinations(self.names, k)]

    def formula(self, own: Set, *, by_interval: bool = True) -> str:
        """Return the model of a set: each unit with its own hazard in each interval, or not."""
        joined = f"C(interval) {'*' if by_interval else '+'} {self.unit}"
        return " + ".join([f"~ {joined}", *(c for name in own for c in self.columns[name])])


@dataclass(frozen=True, slots=True)
class Step:
    """One set of determinants.

    Attributes
    ----------
    fit
        Its model.
    survival, variance
        Standardised net survival of each unit at each time, and its variance, (n_units, n_times).
    """

    fit: PoissonFit
    survival: Floats
    variance: Floats
    _matrices: tuple[Floats, ...]
    _weight: Floats
    _places: tuple[int, ...]
    _pull: Floats

    @classmethod
    def of(cls, cells: Cells, asked: Question, own: Set) -> Step:
        """Fit the model of a set and standardise each unit's net survival.

        Raises
        ------
        ModelError
            See ``fit_poisson``.
        """
        used = [column for name in own for column in asked.columns[name]]
        fit = fit_poisson(cells, asked.formula(own))
        over = (
            cells.cases.group_by(used).agg(pl.col("n").sum()).sort(used)
            if used
            else pl.DataFrame({"n": [int(cells.cases["n"].sum())]})
        )
        weight = over["n"].to_numpy() / over["n"].sum()
        matrices = tuple(
            fit.matrices(over.drop("n").with_columns(pl.lit(one).alias(asked.unit)))
            for one in asked.units
        )
        mu, excess = fit.expected_cells()
        design = fit.design.matrix(fit.cells)
        # ∂β for one more death in each cell
        pull = fit.covariance @ (design * (excess / mu)[:, None]).T
        made = cls(fit, np.empty(0), np.empty(0), matrices, weight, asked.places, pull)
        values, gradients = zip(*(made._mean(matrix, fit.beta) for matrix in matrices), strict=True)
        variance = [
            np.einsum("ti,ij,tj->t", gradient, fit.covariance, gradient) for gradient in gradients
        ]
        return cls(fit, np.array(values), np.array(variance), matrices, weight, asked.places, pull)

    def drawn(self, deaths: Floats) -> Floats:
        """Return the units' survival had there been these deaths, by one Newton step."""
        mu, _ = self.fit.expected_cells()
        beta = self.fit.beta + self._pull @ (deaths - mu)
        return np.array([self._mean(matrix, beta)[0] for matrix in self._matrices])

    def _mean(self, matrix: Floats, beta: Floats) -> tuple[Floats, Floats]:
        """Return the mean survival over the profiles, and its gradient, at the times."""
        lived = np.exp(np.minimum(matrix @ beta, 50.0)) * np.diff(self.fit.breaks)
        survival = self._weight[:, None] * np.exp(-np.cumsum(lived, axis=1))
        gradient = []
        for place in self._places:
            until = slice(None, place + 1)
            slope = np.einsum("pi,pik->pk", lived[:, until], matrix[:, until])
            gradient.append(-survival[:, place] @ slope)
        return survival[:, list(self._places)].sum(axis=0), np.array(gradient)


def shapley(variances: Mapping[Set, Floats], names: Set) -> dict[str, Floats]:
    """Return the mean over orders of what each determinant takes off the variance, as shares."""
    whole = variances[()]
    size = len(names)
    shares = {}
    for name in names:
        others = [other for other in names if other != name]
        total = np.zeros(len(whole))
        for count in range(size):
            weight = factorial(count) * factorial(size - count - 1) / factorial(size)
            for own in combinations(others, count):
                with_it = tuple(n for n in names if n in own or n == name)
                total += weight * (variances[own] - variances[with_it])
        shares[name] = _over(total, whole)
    shares[LEFT] = 1 - np.sum([shares[name] for name in names], axis=0)
    return shares


def in_order(variances: Mapping[Set, Floats], names: Set) -> dict[str, Floats]:
    """Return what each determinant takes off the variance in the stated order, as shares."""
    whole = variances[()]
    shares = {
        name: _over(variances[names[:place]] - variances[names[: place + 1]], whole)
        for place, name in enumerate(names)
    }
    shares[LEFT] = 1 - np.sum([shares[name] for name in names], axis=0)
    return shares


def draws(
    steps: Mapping[Set, Step], names: Set, *, bootstrap: int, seed: int,
    progress: Callable[[int, int], None] | None,
) -> list[dict[str, Floats]]:  # fmt: skip
    """Return the shares of so many draws of the deaths from the model of all determinants."""
    rng = np.random.default_rng(seed)
    mean, _ = steps[names].fit.expected_cells()
    answers = []
    for number in range(bootstrap):
        deaths = rng.poisson(mean).astype(np.float64)
        variances = {own: step.drawn(deaths).var(axis=0) for own, step in steps.items()}
        answers.append(shapley(variances, names))
        if progress is not None:
            progress(number + 1, bootstrap)
    return answers


def _over(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
