"""The Aalen–Johansen estimate of the share in each state, with its standard error.

p(t) = p(0) ∏ (I + dA(s)), whose shares hold without the Markov property where censoring is
independent (Datta & Satten, *Statistics & Probability Letters* 2001;55:403-411). Standard errors:
the infinitesimal jackknife over patients, as in R's survival, or Greenwood's, which needs the
Markov property (Andersen et al., *Statistical Models Based on Counting Processes*, 1993, section
IV.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rarecare.care.occupancy_states import CENSORED, DEAD, LOST, Stays

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Variance = Literal["robust", "greenwood"]


@dataclass(frozen=True, slots=True)
class Occupancy:
    """Shares of states at times.

    Attributes
    ----------
    share, se
        Shape (n_times, n_states).
    at_risk
        Patients in each state and still followed on the day, shape (n_times, n_states).
    last
        Last day on which anybody not in a final state is followed.
    """

    share: Floats
    se: Floats
    at_risk: Ints
    last: int


def aalen_johansen(
    own: Stays, times: ArrayLike, *, variance: Variance = "robust", given_start: bool = False
) -> Occupancy:
    """Return the share in each state at times.

    Parameters
    ----------
    own
        Stays in states, of one patient or more.
    times
        Days since diagnosis, rising, shape (n_times,).
    variance
        ``"robust"``: infinitesimal jackknife; ``"greenwood"``.
    given_start
        Take the shares on day 0 as known, as R's ``survfit`` does; otherwise they have an error.

    Examples
    --------
    Two of four leave state a for b, on days 1 and 3; one is censored on day 2:

    >>> own = Stays(("a", "b"), np.array([0, 0, 1, 2, 2, 3]), np.array([0, 1, 0, 0, 1, 0]),
    ...             np.array([0, 1, 0, 0, 3, 0]), np.array([1, 99, 2, 3, 99, 4]),
    ...             np.array([1, -1, -1, 1, -1, -1]), np.arange(4))
    >>> aalen_johansen(own, [1, 2, 3]).share[:, 0].tolist()  # 3/4, then 1/2 of it
    [0.75, 0.75, 0.375]
    """
    days = np.asarray(times, dtype=np.int64)
    horizon, size = int(days.max(initial=0)), len(own.states)
    counts = _Counts.of(own, horizon, size)
    share, covariance = counts.run(days, greenwood=variance == "greenwood", given=given_start)
    se = np.sqrt(np.maximum(covariance, 0.0))
    if variance == "robust":
        se = np.sqrt(
            np.stack([_influence(own, counts, int(day), given=given_start) for day in days])
        )
    moving = ~np.isin(own.state, [own.states.index(n) for n in (DEAD, LOST) if n in own.states])
    return Occupancy(share[days], se, counts.present[days], int(own.leave[moving].max(initial=0)))


@dataclass(slots=True)
class _Counts:
    """Patients by day and state.

    ``at_risk`` and ``present``: before and after the day's changes, shape (horizon + 1, n_states);
    ``moves`` by day: the matrix I + dA where there is one. ``share``: p(t), same shape.
    """

    start: Floats
    at_risk: Ints
    present: Ints
    moves: dict[int, Floats]
    share: Floats

    @classmethod
    def of(cls, own: Stays, horizon: int, size: int) -> _Counts:
        def through(first: Ints, last: Ints) -> Ints:
            edges = np.zeros((horizon + 3, size), dtype=np.int64)
            np.add.at(edges, (np.minimum(first, horizon + 1), own.state), 1)
            np.add.at(edges, (np.minimum(last + 1, horizon + 2), own.state), -1)
            return np.asarray(np.cumsum(edges, axis=0)[: horizon + 1])

        moved = own.next != CENSORED
        at_risk = through(own.enter + 1, own.leave)
        present = through(own.enter, own.leave - moved)
        seen = moved & (own.leave <= horizon)
        code = (own.leave[seen] * size + own.state[seen]) * size + own.next[seen]
        cells, numbers = np.unique(code, return_counts=True)
        moves: dict[int, Floats] = {}
        for cell, number in zip(cells.tolist(), numbers.tolist(), strict=True):
            day, i, j = cell // size**2, cell // size % size, cell % size
            matrix = moves.setdefault(day, np.eye(size))
            matrix[i, j] += number / at_risk[day, i]
            matrix[i, i] -= number / at_risk[day, i]
        first = np.flatnonzero(own.enter == 0)
        start = np.bincount(own.state[first], minlength=size) / len(first)
        return cls(start, at_risk, present, moves, np.zeros((horizon + 1, size)))

    def run(self, days: Ints, *, greenwood: bool, given: bool) -> tuple[Floats, Floats]:
        """Return p(t) of every day, and Greenwood's variance at days."""
        size = len(self.start)
        p = self.start.copy()
        n = np.inf if given else float(self.present[0].sum())
        covariance = (np.diag(p) - np.outer(p, p)) / n
        at = {int(day): k for k, day in enumerate(days)}
        found = np.zeros((len(days), size))
        for day in range(len(self.share)):
            matrix = self.moves.get(day)
            if matrix is not None:
                if greenwood:
                    covariance = matrix.T @ covariance @ matrix
                    weight = p**2 / np.maximum(self.at_risk[day], 1)
                    covariance += np.diag(weight @ matrix) - matrix.T @ (weight[:, None] * matrix)
                p = p @ matrix
            self.share[day] = p
            if day in at:
                found[at[day]] = np.diag(covariance)
        return self.share, found


def _influence(own: Stays, counts: _Counts, time: int, *, given: bool) -> Floats:
    """Return the sum over patients of their squared influence on the shares at a time."""
    size = len(own.states)
    then = np.eye(size)  # from the end of a day to the time
    per_day = np.zeros((time + 1, size, size))
    after = {}
    for day in sorted((day for day in counts.moves if day <= time), reverse=True):
        matrix = counts.moves[day]
        risk = np.maximum(counts.at_risk[day], 1)
        weight = counts.share[day - 1] / risk
        after[day] = weight[:, None, None] * (np.eye(size)[None] - np.eye(size)[:, None]) @ then
        per_day[day] = weight[:, None] * ((np.eye(size) - matrix) @ then)
        then = matrix @ then
    through = np.cumsum(per_day, axis=0)
    held = np.flatnonzero(own.enter <= time)
    patient, state, enter, leave, next_ = (
        each[held] for each in (own.patient, own.state, own.enter, own.leave, own.next)
    )
    first = np.flatnonzero(np.append(True, patient[1:] != patient[:-1]))
    moved = (next_ != CENSORED) & (leave <= time)
    jump = np.zeros((time + 1, size, size, size))
    for day, each in after.items():
        jump[day] = each
    begin = ((np.eye(size) - counts.start) @ then) / (np.inf if given else len(first))
    found = np.zeros(size)
    for j in range(size):
        stay = through[:, :, j].ravel()
        part = stay[np.minimum(leave, time) * size + state] - stay[enter * size + state]
        steps = jump[:, :, :, j].ravel()
        part[moved] += steps[(leave[moved] * size + state[moved]) * size + next_[moved]]
        whole = np.add.reduceat(part, first) + begin[state[first], j]
        found[j] = whole @ whole
    return found
