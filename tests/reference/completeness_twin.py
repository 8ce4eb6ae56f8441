"""Completeness the slow way: sums over short steps since diagnosis, formulas written out."""

from __future__ import annotations

import math
from collections.abc import Callable

STEPS_PER_YEAR = 100


def cure_survival(
    age: float, years: float, *, cured: tuple[float, float], uncured: tuple[float, float],
    shape: float,
) -> tuple[float, float]:  # fmt: skip
    """Return π + (1 − π) exp(−λ t^shape) and π, both by decades of age at diagnosis.

    logit π and log λ are lines in age/10.
    """
    share = 1 / (1 + math.exp(-(cured[0] + cured[1] * age / 10)))
    rate = math.exp(uncured[0] + uncured[1] * age / 10)
    return share + (1 - share) * math.exp(-rate * years**shape), share


def by_steps(
    age: float, years: float, incidence: Callable[[float, float], float],
    survival: Callable[[float, float], tuple[float, float]],
) -> tuple[float, float, float]:  # fmt: skip
    """Return ∫₀ᴸ I S, ∫₀ˣ I S and ∫₀ˣ I π over the years back, by the middles of steps.

    ``incidence`` takes age and years before the index date, ``survival`` age at diagnosis and
    years since; ``age`` x and ``years`` L are whole steps.
    """
    seen = alive = cured = 0.0
    for step in range(round(age * STEPS_PER_YEAR)):
        back = (step + 0.5) / STEPS_PER_YEAR
        rate = incidence(age - back, back) / STEPS_PER_YEAR
        own, share = survival(age - back, back)
        alive += rate * own
        cured += rate * share
        if back < years:
            seen += rate * own
    return seen, alive, cured
