"""The counts of one measure, withheld until no reader can narrow a small one.

From the top of the tree of entities down, block by block (see ``web``). What is withheld of an
entity is withheld of its parts, so that any other table of the entity can be one of its parts too.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rarecare.disclosure.cells import ENTITY, Integers, Lattice
from rarecare.disclosure.exact import cheaper
from rarecare.disclosure.suppress import Chooser, Need, narrow, protect_block
from rarecare.disclosure.times import Times
from rarecare.disclosure.web import Cutter, Flags, Reals, Web, family_sums

_WORTH = 4.0
"""How many parts one of their totals is worth."""
_LARGE = 20
"""Times the threshold, from which a total of everything is always shown."""


def settle(
    lattice: Lattice, hidden: Flags, unknown: Flags, threshold: int, *,
    fixed: Flags | None = None, times: Times | None = None,
) -> Flags:  # fmt: skip
    """Return what is withheld of a lattice.

    Parameters
    ----------
    lattice
        The counts.
    hidden
        What is withheld already, every small count among it.
    unknown
        Counts whose values are not known here, for they were withheld before.
    threshold
        The smallest positive count that may be shown.
    fixed
        Counts that are known from elsewhere: withholding them would protect nothing.
    times
        Where the counts are of a (cell, time): what other times say of them.
    """
    return _Settling(lattice, hidden, unknown, threshold, fixed=fixed, times=times).settled()


class _Settling:
    """A lattice on its way: what is withheld, and how far each count must be able to move."""

    def __init__(
        self, lattice: Lattice, hidden: Flags, unknown: Flags, threshold: int, *,
        fixed: Flags | None, times: Times | None,
    ) -> None:  # fmt: skip
        self.lattice, self.threshold, self.times = lattice, threshold, times
        self.hidden = hidden.copy()
        values, families = lattice.values, lattice.families
        self.told = Web.of(values, families, hidden=hidden, unknown=unknown)
        untold = Web.of(values, families, hidden=hidden, unknown=unknown, told=False)
        self.told_parts, self.untold_parts = Cutter(self.told), Cutter(untold)
        small = (values > 0) & (values < threshold) & ~unknown
        most = times.bounds(hidden, np.arange(len(hidden)))[1] if times is not None else None
        self.need = Need.of(self.told, small, threshold, most)
        self.free = (values > 0) & ~_tops(lattice, threshold)
        """Counts that may be withheld."""
        if fixed is not None:
            self.free &= ~fixed
        self.depth = _depth(lattice)
        self.cost = _costs(lattice, hidden, self.depth)

    def settled(self) -> Flags:
        """Return what is withheld."""
        asked = self.need.counts
        while len(asked):
            beyond = self._from_the_top(asked)
            asked, stuck = self._untold(beyond)
            asked = np.union1d(asked, self._totals_of(stuck))
            if self.times is None:
                asked = np.union1d(asked, self._one_each())
        self._with_unions()
        for level in range(1, int(self.depth.max(initial=0)) + 1):
            self._hand_down(level)
        return self.hidden

    def _from_the_top(self, asked: Integers) -> list[int]:
        """Withhold in the blocks of some counts; return those that no block lets move."""
        wanted = np.zeros(len(self.hidden), dtype=bool)
        wanted[asked] = True
        depth = self.depth
        blocks = [
            place for place in self.told.pieces(self.hidden | self.free) if wanted[place].any()
        ]
        blocks.sort(key=lambda place: (depth[place[0]], place[0]))
        beyond: list[int] = []
        level = 0
        for place in blocks:
            while level < depth[place[0]]:
                level += 1
                self._hand_down(level)
            beyond += self._one_block(place)
        while level < depth.max(initial=0):
            level += 1
            self._hand_down(level)
        return beyond

    def _one_block(self, place: Integers) -> list[int]:
        part, own = self.told_parts.part(place), self.need.within(place)
        times, cost = self.times, self.cost[place]
        if times is None:
            block = protect_block(part, self.hidden[place], own, cost)
            self.hidden[place] = cheaper(part, self.hidden[place], own, cost, block)
            return [int(place[count]) for count in block.beyond]
        lower, upper = times.bounds(self.hidden, place)
        part = replace(part, lower=lower, upper=upper)
        block = protect_block(part, self.hidden[place], own, cost, times.free(place))
        self.hidden[place] = cheaper(part, self.hidden[place], own, cost, block)
        for count, value in block.stretched.items():
            times.stretch(self.hidden, int(place[count]), value)
        return [int(place[count]) for count in block.beyond]

    def _untold(self, beyond: list[int]) -> tuple[Integers, dict[int, float]]:
        """Withhold what lets counts move that a reader narrows who is told nothing.

        The entity above them moves with them, in its own row; that it can is asked in its own
        block: its counts that move are returned, and the moves that are not possible so either.
        """
        lattice = self.lattice
        above = lattice.above
        holder = np.where(above >= 0, lattice.entity[above], -1)
        by_parent: dict[int, list[int]] = {}
        for count in beyond:
            if above[count] >= 0:
                by_parent.setdefault(int(holder[count]), []).append(count)
        asked: list[Integers] = [np.zeros(0, dtype=np.int64)]
        stuck: dict[int, float] = {}
        for parent, counts in by_parent.items():
            own = lattice.entity == parent
            inside = (holder == parent) | own
            place = np.flatnonzero(inside & (self.hidden | self.free))
            grand = holder[own][0]
            around = ~inside & ((holder == grand) | (lattice.entity == grand))
            part = self.untold_parts.part(place, around)
            loose = part
            if self.times is not None:
                lower, upper = self.times.bounds(self.hidden, place)
                part = replace(part, lower=lower, upper=upper)
                lower, upper = self.times.free(place)
                loose = replace(part, lower=lower, upper=upper)
            need = Need(
                np.searchsorted(place, counts), self.need.least[place], self.need.greatest[place]
            )
            low, high = narrow(part, self.hidden[place], need)
            goals = [(count, need.least[count]) for count in low]
            goals += [(count, need.greatest[count]) for count in high]
            chooser = Chooser(loose, self.hidden[place], self.cost[place]) if goals else None
            least, greatest = part.values.copy(), part.values.copy()
            for count, goal in goals:
                assert chooser is not None
                move = float(goal - part.values[count])
                moved = chooser.withhold(int(count), move)
                if moved is None:
                    stuck[int(place[count])] = move
                    continue
                at, value = np.array(list(moved)), np.array(list(moved.values()))
                chooser.take(at)
                self.hidden[place[at]] = True
                least[at] = np.minimum(least[at], value)
                greatest[at] = np.maximum(greatest[at], value)
                if self.times is not None:
                    for one, new in zip(place[at].tolist(), value.tolist(), strict=True):
                        self.times.stretch(self.hidden, one, new)
            moves = own[place] & (least < greatest)
            asked.append(self._must_reach(place[moves], least[moves], greatest[moves]))
        return np.unique(np.concatenate(asked)), stuck

    def _totals_of(self, stuck: dict[int, float]) -> Integers:
        """Withhold totals that pin a part, and return them: they must move with it."""
        least, greatest = (self.lattice.values.astype(float) for _ in range(2))
        asked = np.zeros(len(least), dtype=bool)
        for count, move in stuck.items():
            total = int(self.lattice.above[count])
            if total >= 0 and not self.hidden[total] and self.free[total]:
                asked[total] = True
                moved = float(self.lattice.values[total]) + move
                least[total] = min(least[total], moved)
                greatest[total] = max(greatest[total], moved)
        return self._withheld_too(np.flatnonzero(asked), least, greatest)

    def _withheld_too(self, totals: Integers, least: Reals, greatest: Reals) -> Integers:
        """Withhold totals, which must move as far; return them. Limits: of every count."""
        self._must_reach(totals, least[totals], greatest[totals])
        self.hidden[totals] = True
        return totals

    def _must_reach(self, counts: Integers, least: Reals, greatest: Reals) -> Integers:
        """Add to the need that counts can take two values; return those for which that is new."""
        self.need, new = self.need.also(counts, least, greatest)
        return new

    def _one_each(self) -> Integers:
        """Withhold one more where each withheld part of a total would have to be 1.

        A count of 0 is shown where nothing above it is withheld, so that one withheld is 1 or
        more. The smallest other part goes, or the total, which is returned.
        """
        values, asked = self.lattice.values, np.zeros(len(self.hidden), dtype=bool)
        for family in self.lattice.families:
            left, _ = family_sums(family, np.where(self.hidden, 0, values), self.hidden)
            gone = self.hidden[family.part] & (values[family.part] > 0)
            number = np.bincount(family.relation, weights=gone, minlength=len(family.total))
            ones = (number > 1) & (left == number) & ~self.hidden[family.total]
            for relation in np.flatnonzero(ones):
                own = family.part[family.relation == relation]
                others = own[~self.hidden[own] & self.free[own]]
                total = int(family.total[relation])
                if len(others):
                    self.hidden[others[np.argmin(values[others])]] = True
                elif self.free[total]:
                    asked[total] = True
        own = values.astype(float)
        return self._withheld_too(np.flatnonzero(asked), own, own + self.threshold)

    def _with_unions(self) -> None:
        """Withhold more where a group that overlaps the tree would tell one of its parts.

        Such a group hangs all blocks together. It says little of each part where three or more of
        them are withheld, twice the threshold or more together: the smallest go, or the group.
        """
        family, values = self.lattice.union, self.lattice.values
        order = np.argsort(family.relation, kind="stable")
        sizes = np.bincount(family.relation, minlength=len(family.total))
        ends = np.cumsum(sizes)
        for total, start, end in zip(family.total, ends - sizes, ends, strict=True):
            own = family.part[order[start:end]]
            gone = own[self.hidden[own] & (values[own] > 0)]
            if not len(gone) or self.hidden[total]:
                continue
            left = own[~self.hidden[own] & self.free[own]]
            more = left[np.argsort(values[left], kind="stable")]
            beside = max(int(values[total] - values[own].sum()), 0)  # in parts not listed here
            number = max(3 - len(gone) - (beside > 0), 0)
            enough = 2 * self.threshold - beside - int(values[gone].sum())
            if enough > 0:
                number = max(number, int(np.searchsorted(np.cumsum(values[more]), enough)) + 1)
            self.hidden[more[:number] if number <= len(more) else [total]] = True

    def _hand_down(self, level: int) -> None:
        """Withhold the parts at one depth of what is withheld above them."""
        above = self.lattice.above
        part = np.flatnonzero((self.depth == level) & self.free & (above >= 0))
        self.hidden[part] |= self.hidden[above[part]]


def _tops(lattice: Lattice, threshold: int) -> Flags:
    """Return large totals of everything, which are part of nothing: they are never withheld."""
    top = (lattice.above < 0) & (lattice.values >= _LARGE * threshold)
    for family in lattice.families:
        top[family.part] = False
    return top


def _depth(lattice: Lattice) -> Integers:
    depth = np.zeros(len(lattice.values), dtype=np.int64)
    up = lattice.above.copy()
    while (up >= 0).any():
        depth[up >= 0] += 1
        up = np.where(up >= 0, lattice.above[up], -1)
    return depth


def _costs(lattice: Lattice, hidden: Flags, depth: Integers) -> Reals:
    """Return the cost of withholding each count and all below it; totals are worth more."""
    cost = 1.0 + np.log1p(lattice.values)
    for family in lattice.families:
        if family.name != ENTITY:
            cost[np.unique(family.total)] *= _WORTH
    cost[hidden] = 0.0
    for level in range(int(depth.max(initial=0)), 0, -1):
        part = np.flatnonzero(depth == level)
        np.add.at(cost, lattice.above[part], cost[part])
    return cost
