"""What R's relsurv 2.3-2 and survival 3.5-3 sum with the day of a birthday split in two.

cmp.rel, nessie, rs.diff, years and survexp walk a person through the cells of the rate table in
continuous time, so that a birthday or a new year falls where it falls. Plain numpy on a table of
cases and a ``relsurv_twin.RateTable``; no estimator of the package is used.
"""

from dataclasses import dataclass

import numpy as np

CHUNK = 400
LIFETIME = 100  # years of nessie's mean


class Walk:
    """The expected cumulative hazard of each case, exact at any time.

    It is a broken line: its knots are the case's birthdays and the rate table's new years, in
    days since diagnosis.
    """

    def __init__(self, cases, rates, *, until):
        numbers = {level: i for i, level in enumerate(rates.levels)}
        level = np.array([numbers[row] for row in cases.select(rates.keys).iter_rows()])[:, None]
        age = cases["age_days"].to_numpy().astype(float)[:, None]
        start = cases["incidence_date"].to_physical().to_numpy()[:, None]
        length, (_, n_ages, _) = rates.days_per_year, rates.cells.shape
        birthdays = (np.floor(age / length) + np.arange(1, until / length + 2)) * length - age
        knots = np.hstack([birthdays, rates.starts - start, np.full_like(age, until)])
        knots = np.sort(np.clip(np.hstack([np.zeros_like(age), knots]), 0, until), axis=1)
        middle = (knots[:, 1:] + knots[:, :-1]) / 2
        row = np.minimum(np.floor((age + middle) / length), n_ages - 1).astype(int)
        year = np.maximum(np.searchsorted(rates.starts, start + middle, side="right") - 1, 0)
        grown = np.cumsum(rates.cells[level, row, year] * np.diff(knots, axis=1), axis=1)
        self.knots = knots
        self.values = np.hstack([np.zeros_like(age), grown])

    def __len__(self):
        return len(self.knots)

    def at(self, times, who=slice(None)):
        """Cumulative hazards at some times (days), shape (n, n_times)."""
        lines = zip(self.knots[who], self.values[who], strict=True)
        return np.array([np.interp(times, knots, values) for knots, values in lines])


@dataclass(frozen=True)
class Sums:
    """Sums over the cases at each of some times, or over the gap before it, shape (n_times,).

    ``hazard`` is Σ ΔΛ of those at risk, ``weighted`` Σ e^Λ at the time's end, ``weighted_hazard``
    Σ e^Λ ΔΛ; ``alive`` and ``alive_hazard`` are Σ e^-Λ and Σ e^-Λ ΔΛ of all who were diagnosed.
    """

    times: np.ndarray
    people: np.ndarray
    dead: np.ndarray
    hazard: np.ndarray
    weighted: np.ndarray
    weighted_hazard: np.ndarray
    weighted_dead: np.ndarray
    weighted_dead2: np.ndarray
    alive: np.ndarray
    alive_hazard: np.ndarray

    @classmethod
    def over(cls, cases, rates, times):
        """From cases followed from day 0; a death counts at its own time alone."""
        times = np.asarray(times, dtype=float)
        walk = Walk(cases, rates, until=times[-1])
        leaves = cases["follow_up_days"].to_numpy().astype(float)[:, None]
        died = cases["died"].to_numpy()[:, None]
        sums = np.zeros((9, len(times)))
        for first in range(0, len(walk), CHUNK):
            own = slice(first, first + CHUNK)
            cumulative = walk.at(times, own)
            gap = np.diff(cumulative, axis=1, prepend=0.0)
            here = leaves[own] >= times
            dead = (leaves[own] == times) & died[own]
            weight = np.exp(np.where(here, cumulative, 0.0)) * here
            alive = np.exp(-cumulative)
            sums += [
                term.sum(axis=0)
                for term in (here, dead, gap * here, weight, weight * gap, weight * dead,
                             weight**2 * dead, alive, alive * gap)
            ]  # fmt: skip
        return cls(times, *sums)


def divided(top, bottom):
    """top / bottom, 0 where no one is left."""
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)


def steps(cases, *, every, until=np.inf, add_times=()):
    """The distinct times of follow-up, a regular grid and the times asked for, up to ``until``."""
    leaves = cases["follow_up_days"].to_numpy().astype(float)
    grid = np.arange(1 if every == 1 else 0, leaves.max() + 1e-9, every)
    return np.unique(np.minimum(np.concatenate([leaves, grid, add_times]), until))
