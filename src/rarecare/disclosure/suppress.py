"""Which more counts to withhold, so that no small count can be worked out.

For a small count that some reader could narrow, the cheapest other table in which it is 0, or as
large as the rule asks, names the counts that must be withheld as well (Fischetti and Salazar,
Management Science 47 (2001) 1008-1027, after Kelly, Golden and Assad, Networks 22 (1992)
397-417). Of small blocks ``exact`` finds the cheapest set, by integer programming.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from rarecare.disclosure.attack import CLEAR, reader_of, solver_of
from rarecare.disclosure.web import Cutter, Flags, Integers, Reals, Web


@dataclass(frozen=True, slots=True, eq=False)
class Need:
    """How far tables must reach that agree with what is shown.

    Attributes
    ----------
    counts
        Positions of the counts to protect.
    least, greatest
        Of every count: the value that it must be able to take, below and above its own.
    """

    counts: Integers
    least: Reals
    greatest: Reals

    @classmethod
    def of(cls, web: Web, small: Flags, threshold: int, most: Reals | None = None) -> Need:
        """Return the need of small counts.

        Each must be able to be 0, and twice the threshold, or the smallest total that it is part
        of where that is smaller; ``most``: what another time says of each, such a total too.
        """
        reach = np.minimum(web.ceiling, 2.0 * threshold)
        if most is not None:
            reach = np.minimum(reach, most)
        return cls(np.flatnonzero(small), np.zeros(len(web.values)), np.maximum(reach, web.values))

    def within(self, place: Integers) -> Need:
        """Return the need of the counts among some, by their place among these."""
        chosen = np.flatnonzero(np.isin(place, self.counts))
        return Need(chosen, self.least[place], self.greatest[place])

    def also(self, counts: Integers, least: Reals, greatest: Reals) -> tuple[Need, Integers]:
        """Return the need with that of more counts, and those of them for which it is new."""
        lows, highs = self.least.copy(), self.greatest.copy()
        old = np.isin(counts, self.counts)
        lows[counts] = np.where(old, np.minimum(least, lows[counts]), least)
        highs[counts] = np.where(old, np.maximum(greatest, highs[counts]), greatest)
        wider = (lows[counts] < self.least[counts]) | (highs[counts] > self.greatest[counts])
        return Need(np.union1d(self.counts, counts), lows, highs), counts[~old | wider]


def narrow(web: Web, hidden: Flags, need: Need) -> tuple[Integers, Integers]:
    """Return the counts that cannot be as small, and those that cannot be as large, as need be."""
    above: list[int] = []
    below: list[int] = []
    wanted = np.zeros(len(web.values), dtype=bool)
    wanted[need.counts] = True
    cutter = Cutter(web)
    for place in web.pieces(hidden):
        if not wanted[place].any():
            continue
        part, own = cutter.part(place), need.within(place)
        reader = reader_of(part)
        reader.look(own.counts, own.least, own.greatest)
        for count in own.counts:
            long = own.least[count] + CLEAR
            if reader.least_seen[count] > long and reader.extreme(count, 1.0) > long:
                above.append(place[count])
            short = own.greatest[count] - CLEAR
            if reader.greatest_seen[count] < short and reader.extreme(count, -1.0) < short:
                below.append(place[count])
    return np.array(above, dtype=np.int64), np.array(below, dtype=np.int64)


class Chooser:
    """Finds the cheapest counts to withhold beside those withheld, in one block of a web."""

    def __init__(self, web: Web, hidden: Flags, cost: Reals) -> None:
        self.web, self.hidden, self.cost = web, hidden.copy(), cost
        free = hidden | (web.values > 0)
        columns = np.flatnonzero(free)
        fixed = web.part(columns)
        size = len(columns)
        self._columns = columns
        self._size = size
        self._upper = np.concatenate([fixed.upper - fixed.values, fixed.values - fixed.lower])
        self._upper = np.maximum(self._upper, 0.0)
        sums = _sums(fixed)
        moved = replace(fixed, least=fixed.least - sums, greatest=fixed.greatest - sums)
        self._solver = solver_of(
            moved, np.zeros(2 * size), self._upper, cost=self._costs(), both_ways=True
        )

    def _costs(self) -> Reals:
        own = np.where(self.hidden[self._columns], 0.0, self.cost[self._columns])
        return np.tile(own, 2)

    def _solved(self) -> Reals | None:
        self._solver.run()
        if self._solver.getModelStatus().name != "kOptimal":
            return None
        moves = np.array(self._solver.getSolution().col_value)
        return np.asarray(moves[: self._size] - moves[self._size :])

    def withhold(self, count: int, move: float) -> dict[int, float] | None:
        """Return the counts that move, and to what, when one moves so far at least cost.

        Nothing where it cannot. Those that move are to be withheld.
        """
        at = int(np.searchsorted(self._columns, count))
        variable, other = (at, at + self._size) if move > 0 else (at + self._size, at)
        if self._upper[variable] < abs(move) - CLEAR:
            return None
        self._solver.changeColBounds(variable, abs(move), self._upper[variable])
        self._solver.changeColBounds(other, 0.0, 0.0)
        net = self._solved()
        self._solver.changeColBounds(variable, 0.0, self._upper[variable])
        self._solver.changeColBounds(other, 0.0, self._upper[other])
        if net is None:
            return None
        used = np.flatnonzero(np.abs(net) > CLEAR)
        places = self._columns[used]
        return dict(zip(places.tolist(), (self.web.values[places] + net[used]).tolist(),
                        strict=True))  # fmt: skip

    def take(self, more: Integers) -> None:
        """Take counts as withheld from now on: they move at no cost."""
        new = np.flatnonzero(np.isin(self._columns, more[~self.hidden[more]])).astype(np.int32)
        self.hidden[more] = True
        both = np.concatenate([new, new + self._size]).astype(np.int32)
        if len(both):
            self._solver.changeColsCost(len(both), both, np.zeros(len(both)))


def _sums(web: Web) -> Reals:
    return np.bincount(
        web.row, weights=web.sign * web.values[web.column], minlength=len(web.least)
    ).astype(float)


@dataclass(slots=True)
class Block:
    """What is withheld of a block, and what could not be done within it.

    Attributes
    ----------
    hidden
        What is withheld.
    stretched
        Counts that must be able to take a value beyond what other times say of them.
    beyond
        Counts that cannot move so far whatever is withheld of the block, and the move.
    """

    hidden: Flags
    stretched: dict[int, float] = field(default_factory=dict)
    beyond: dict[int, float] = field(default_factory=dict)


def protect_block(
    web: Web, hidden: Flags, need: Need, cost: Reals, free: tuple[Reals, Reals] | None = None
) -> Block:
    """Return what is to be withheld of a block so that no count is narrowed.

    A table once found stays one that agrees when more is withheld: each count is asked once.

    Parameters
    ----------
    web
        A block: counts that hang together.
    hidden
        What is withheld already.
    need
        How far the counts to protect must reach.
    cost
        Of withholding each count.
    free
        Least and greatest of each count if it were withheld at other times too.
    """
    done = Block(hidden.copy())
    low, high = _seen(web, hidden, need)
    tight: Chooser | None = None
    loose: Chooser | None = None
    for goal, seen in ((need.least, low), (need.greatest, high)):
        for count in need.counts.tolist():
            move = float(goal[count] - web.values[count])
            if abs(seen[count] - web.values[count]) >= abs(move) - CLEAR:
                continue
            tight = tight or Chooser(web, done.hidden, cost)
            found = tight.withhold(count, move)
            if found is None and free is not None:
                loose = loose or Chooser(
                    replace(web, lower=free[0], upper=free[1]), done.hidden, cost
                )
                found = loose.withhold(count, move)
                for place, value in (found or {}).items():
                    if not web.lower[place] <= value <= web.upper[place]:
                        done.stretched[place] = value
            if found is None:
                done.beyond[count] = move
                continue
            more, moved = np.array(list(found)), np.array(list(found.values()))
            low[more] = np.minimum(low[more], moved)
            high[more] = np.maximum(high[more], moved)
            done.hidden[more] = True
            for one in (tight, loose):
                if one is not None:
                    one.take(more)
    return done


def _seen(web: Web, hidden: Flags, need: Need) -> tuple[Reals, Reals]:
    """Return the least and greatest of each count in some tables that agree with what is shown."""
    low, high = web.values.copy(), web.values.copy()
    wanted = np.zeros(len(web.values), dtype=bool)
    wanted[need.counts] = True
    cutter = Cutter(web)
    for place in web.pieces(hidden):
        if wanted[place].any():
            reader, own = reader_of(cutter.part(place)), need.within(place)
            reader.look(own.counts, own.least, own.greatest)
            low[place], high[place] = reader.least_seen, reader.greatest_seen
    return low, high
