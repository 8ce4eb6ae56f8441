"""Prevalence the slow way: one stratum of survival, double sums over cases and days."""

from __future__ import annotations

from collections.abc import Sequence


def kaplan_meier(times: Sequence[int], died: Sequence[bool]) -> tuple[list[float], list[float]]:
    """Return S(t) and d(t)/Y(t)² for t = 0, 1, …, the last time."""
    last = max(times)
    survival, steps = [1.0], [0.0]
    for day in range(1, last + 1):
        at_risk = sum(t >= day for t in times)
        deaths = sum(t == day and d for t, d in zip(times, died, strict=True))
        survival.append(survival[-1] * (1 - deaths / at_risk))
        steps.append(deaths / at_risk**2)
    return survival, steps


def counted(
    gaps: Sequence[int], times: Sequence[int], died: Sequence[bool], inside: Sequence[bool],
    weights: Sequence[float] | None = None,
) -> tuple[float, float, float]:  # fmt: skip
    """Return persons alive, their variance given the registry, and with Poisson incidence.

    ``gaps``: days from incidence to the index date, of all cases; ``inside``: who is counted.
    """
    survival, steps = kaplan_meier(times, died)
    w = weights or [1.0] * len(gaps)
    total = variance = poisson = 0.0
    lost = []
    for k, (gap, time, dead) in enumerate(zip(gaps, times, died, strict=True)):
        if not inside[k]:
            continue
        if time >= gap and not (dead and time <= gap):
            p = 1.0
        elif dead and time <= gap:
            p = 0.0
        else:
            p = survival[gap] / survival[time]
            lost.append((time, gap, w[k] * p))
        total += w[k] * p
        variance += w[k] ** 2 * p * (1 - p)
        poisson += w[k] ** 2 * p
    for time_i, gap_i, p_i in lost:
        for time_j, gap_j, p_j in lost:
            days = range(max(time_i, time_j) + 1, min(gap_i, gap_j) + 1)
            variance += p_i * p_j * sum(steps[day] for day in days)
    return total, variance, variance + poisson
