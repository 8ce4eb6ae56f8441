"""From projected rates to new cases and rates of periods to come, with prediction intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rarecare.errors import UsageError
from rarecare.projection.drawn import Projected
from rarecare.rates.intervals import tail_probability

Floats = NDArray[np.float64]
CASES, CRUDE, STANDARDISED = "new cases per year", "crude rate", "standardised rate"
DRAWS, SEED = 10_000, 20261123
_BLOCK = 2**22


def simulated(
    projected: Projected, person_years: Floats, weights: Floats | None, *, width: int,
    draws: int = DRAWS, seed: int = SEED,
) -> dict[str, tuple[Floats, Floats]]:  # fmt: skip
    """Return each measure of future periods with its draws.

    Each draw takes rates as uncertain as the model leaves them and Poisson counts around them: its
    quantiles are limits of what will be counted, not of the mean.

    Parameters
    ----------
    projected
        Rates and how to draw them.
    person_years
        Of future periods, shape (n_ages, n_future).
    weights
        Of the standard, sum 1, shape (n_ages,); None: no standardised rate.
    width
        Years in a period.

    Returns
    -------
    dict
        By measure: the estimates, shape (n_future,), and draws, shape (draws, n_future); rates per
        person-year.

    Raises
    ------
    UsageError
        Shapes differ, or there are fewer than 100 draws.
    """
    y = np.asarray(person_years, dtype=np.float64)
    if y.shape != projected.rates.shape or draws < 100:
        raise UsageError(
            "a projection takes the person-years of its ages and periods, and 100 draws or more",
            value=f"{y.shape}, {draws} draws", allowed=f"{projected.rates.shape}, 100 or more",
        )  # fmt: skip
    random = np.random.default_rng(seed)
    size = max(_BLOCK // y.size, 1)
    blocks = []
    for start in range(0, draws, size):
        mean = projected.draw(random, min(size, draws - start)) * y
        blocks.append(random.poisson(mean).astype(np.float64))
    counts = np.concatenate(blocks)
    expected = projected.rates * y
    persons = y.sum(axis=0)
    total, drawn = expected.sum(axis=0), counts.sum(axis=1)
    found = {CASES: (total / width, drawn / width), CRUDE: (total / persons, drawn / persons)}
    if weights is not None:
        own = np.where(y > 0, counts / np.where(y > 0, y, 1.0), 0.0)
        found[STANDARDISED] = (weights @ projected.rates, np.einsum("a,nak->nk", weights, own))
    return found


def projected_rows(
    found: dict[str, tuple[Floats, Floats]], periods: Sequence[tuple[int, int]],
    persons: Floats, *, levels: Sequence[float], per: float, unit: str,
) -> list[dict[str, Any]]:  # fmt: skip
    """Return one row per measure, period and level of the interval.

    Raises
    ------
    UsageError
        A level is not between 0 and 1.
    """
    rows = []
    for measure, (estimate, draws) in found.items():
        scale = 1.0 if measure == CASES else per
        for level in levels:
            tail = tail_probability(level)
            low, high = np.quantile(draws, [tail, 1 - tail], axis=0)
            rows += [
                {
                    "measure": measure, "first": first, "last": last,
                    "population": float(persons[k]),
                    "unit": "cases per year" if measure == CASES else unit,
                    "estimate": float(scale * estimate[k]),
                    "se": float(scale * draws[:, k].std()),
                    # quantiles of few cases are whole numbers: the limits hold the mean too
                    "lower": float(scale * min(low[k], estimate[k])),
                    "upper": float(scale * max(high[k], estimate[k])), "level": float(level),
                }
                for k, (first, last) in enumerate(periods)
            ]  # fmt: skip
    return rows
