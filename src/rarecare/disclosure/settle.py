"""The counts of one measure, withheld until no reader can narrow a small one.

From the top of the tree of entities down, block by block (see ``web``). What is withheld of an
entity is withheld of its parts, so that any other table of the entity can be one of its parts too.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rarecare.disclosure.cells import ENTITY, Integers, Lattice
from rarecare.disclosure.suppress import Chooser, Need, narrow, protect_block
from rarecare.disclosure.times import Times
from rarecare.disclosure.web import Flags, Reals, Web, family_sums

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
    web = Web.of(lattice.values, lattice.families, hidden=hidden, unknown=unknown)
    small = (lattice.values > 0) & (lattice.values < threshold) & ~unknown
    everything = np.arange(len(hidden))
    most = times.bounds(hidden, everything)[1] if times is not None else None
    need = Need.of(web, small, threshold, most)
    hidden = hidden.copy()
    positive = lattice.values > 0
    positive &= ~_tops(lattice, threshold)
    if fixed is not None:
        positive &= ~fixed
    depth = _depth(lattice)
    cost = _costs(lattice, hidden, depth)
    asked = need.counts
    while len(asked):
        wanted = np.zeros(len(hidden), dtype=bool)
        wanted[asked] = True
        blocks = [place for place in web.pieces(hidden | positive) if wanted[place].any()]
        blocks.sort(key=lambda place: (depth[place[0]], place[0]))
        beyond: dict[int, float] = {}
        level = 0
        for place in blocks:
            while level < depth[place[0]]:
                level += 1
                _hand_down(lattice, hidden, positive, depth == level)
            beyond |= _one_block(web, place, hidden, need, cost=cost[place], times=times)
        while level < depth.max(initial=0):
            level += 1
            _hand_down(lattice, hidden, positive, depth == level)
        asked, need, left = _untold(
            lattice, hidden, unknown, beyond, need, cost=cost, times=times
        )  # fmt: skip
        more, need = _told(lattice, hidden, positive, left, need)
        asked = np.union1d(asked, more)
        if times is None:
            more, need = _one_each(lattice, hidden, positive, need, threshold)
            asked = np.union1d(asked, more)
    hidden = _with_unions(lattice, hidden, positive, threshold)
    for level in range(1, int(depth.max(initial=0)) + 1):
        _hand_down(lattice, hidden, positive, depth == level)
    return hidden


def _untold(
    lattice: Lattice, hidden: Flags, unknown: Flags, beyond: dict[int, float], need: Need, *,
    cost: Reals, times: Times | None,
) -> tuple[Integers, Need, dict[int, float]]:  # fmt: skip
    """Withhold, in place, what lets counts move that a reader narrows who is told nothing.

    The entity above them moves with them, in its own row; that it can is asked in its own block:
    its counts that move are returned, and the need with theirs, and what cannot move so either.
    """
    holder = np.where(lattice.above >= 0, lattice.entity[lattice.above], -1)
    asked: list[int] = []
    stuck: dict[int, float] = {}
    by_parent: dict[int, list[int]] = {}
    for count in beyond:
        total = int(lattice.above[count])
        if total >= 0:
            by_parent.setdefault(int(lattice.entity[total]), []).append(count)
    web = Web.of(lattice.values, lattice.families, hidden=hidden, unknown=unknown, told=False)
    for parent, counts in by_parent.items():
        inside = (holder == parent) | (lattice.entity == parent)
        place = np.flatnonzero(inside & (hidden | (lattice.values > 0)))
        grand = np.unique(holder[lattice.entity == parent])[0]
        around = ~inside & ((holder == grand) | (lattice.entity == grand))
        part = web.part(place, around)
        loose = part
        if times is not None:
            lower, upper = times.bounds(hidden, place)
            part = replace(part, lower=lower, upper=upper)
            lower, upper = times.free(place)
            loose = replace(part, lower=lower, upper=upper)
        mine = Need(np.searchsorted(place, counts), need.least[place], need.greatest[place])
        left = np.unique(np.concatenate(narrow(part, hidden[place], mine)))
        if not len(left):
            continue
        chooser = Chooser(loose, hidden[place], cost[place])
        for count in place[left].tolist():
            moved = chooser.withhold(int(np.searchsorted(place, count)), beyond[count])
            if moved is None:
                stuck[count] = beyond[count]
                continue
            more = np.array(list(moved), dtype=np.int64)
            chooser.take(more)
            hidden[place[more]] = True
            for at, value in moved.items():
                one = int(place[at])
                if times is not None:
                    times.stretch(hidden, one, value)
                if lattice.entity[one] == parent:
                    own = float(lattice.values[one])
                    wider = need.also(one, min(own, value), max(own, value))
                    if (
                        one not in need.counts
                        or wider.least[one] < need.least[one]
                        or wider.greatest[one] > need.greatest[one]
                    ):
                        asked.append(one)
                        need = wider
    return np.unique(np.array(asked, dtype=np.int64)), need, stuck


def _one_each(
    lattice: Lattice, hidden: Flags, positive: Flags, need: Need, threshold: int
) -> tuple[Integers, Need]:
    """Withhold, in place, one more where each withheld part of a total would have to be 1.

    A count of 0 is shown where nothing above it is withheld, so that one withheld is 1 or more.
    The smallest other part goes, or the total, which is returned with the need.
    """
    asked = []
    for family in lattice.families:
        left, _ = family_sums(family, np.where(hidden, 0, lattice.values), hidden)
        gone = hidden[family.part] & (lattice.values[family.part] > 0)
        number = np.bincount(family.relation, weights=gone, minlength=len(family.total))
        ones = (number > 1) & (left == number) & ~hidden[family.total]
        for relation in np.flatnonzero(ones):
            own = family.part[family.relation == relation]
            others = own[~hidden[own] & positive[own]]
            if len(others):
                hidden[others[np.argmin(lattice.values[others])]] = True
            elif positive[family.total[relation]]:
                asked.append(int(family.total[relation]))
    for total in asked:
        whole = float(lattice.values[total])
        need = need.also(total, whole, whole + threshold)
    hidden[asked] = True
    return np.unique(np.array(asked, dtype=np.int64)), need


def _with_unions(
    lattice: Lattice, hidden: Flags, positive: Flags, threshold: int
) -> Flags:  # fmt: skip
    """Return what is withheld once no group that overlaps the tree tells one of its parts.

    Such a group hangs all blocks together. It says little of each part where three or more of them
    are withheld, twice the threshold or more together: the smallest go, or the group itself.
    """
    family, values = lattice.union, lattice.values
    if not len(family.total):
        return hidden
    hidden = hidden.copy()
    parts = np.split(
        family.part[np.argsort(family.relation, kind="stable")],
        np.cumsum(np.bincount(family.relation, minlength=len(family.total)))[:-1],
    )
    for total, own in zip(family.total, parts, strict=True):
        gone = own[hidden[own] & (values[own] > 0)]
        if not len(gone) or hidden[total]:
            continue
        left = own[~hidden[own] & positive[own]]
        more = left[np.argsort(values[left], kind="stable")]
        beside = max(int(values[total] - values[own].sum()), 0)  # in parts not listed here
        number = max(3 - len(gone) - (beside > 0), 0)
        enough = 2 * threshold - beside - int(values[gone].sum())
        if enough > 0:
            lacking = int(np.searchsorted(np.cumsum(values[more]), enough)) + 1
            number = max(number, lacking)
        if number > len(more):
            hidden[total] = True
        else:
            hidden[more[:number]] = True
    return hidden


def _tops(lattice: Lattice, threshold: int) -> Flags:
    """Return large totals of everything, which are part of nothing: they are never withheld."""
    top = (lattice.above < 0) & (lattice.values >= _LARGE * threshold)
    for family in lattice.families:
        top[family.part] = False
    return top


def _one_block(
    web: Web, place: Integers, hidden: Flags, need: Need, *, cost: Reals, times: Times | None
) -> dict[int, float]:
    """Withhold, in place, of one block; return what no withholding of it achieves."""
    part, own = web.part(place), need.within(place)
    if times is None:
        block = protect_block(part, hidden[place], own, cost)
        hidden[place] = block.hidden
        return {int(place[count]): move for count, move in block.beyond.items()}
    free = times.free(place)
    while True:
        lower, upper = times.bounds(hidden, place)
        part = replace(part, lower=lower, upper=upper)
        block = protect_block(part, hidden[place], own, cost, free)
        hidden[place] = block.hidden
        for count, value in block.stretched.items():
            times.stretch(hidden, int(place[count]), value)
        if not block.stretched:
            return {int(place[count]): move for count, move in block.beyond.items()}


def _told(
    lattice: Lattice, hidden: Flags, positive: Flags, beyond: dict[int, float], need: Need
) -> tuple[Integers, Need]:
    """Withhold, in place, totals that pin a part; return them, and the need with theirs."""
    asked = []
    for count, move in beyond.items():
        total = int(lattice.above[count])
        if total < 0 or hidden[total] or not positive[total]:
            continue
        asked.append(total)
        whole = float(lattice.values[total])
        need = need.also(total, whole + min(move, 0.0), whole + max(move, 0.0))
    hidden[asked] = True
    return np.unique(np.array(asked, dtype=np.int64)), need


def _hand_down(lattice: Lattice, hidden: Flags, positive: Flags, at: Flags) -> None:
    """Withhold, in place, the parts at one depth of what is withheld above them."""
    part = np.flatnonzero(at & positive & (lattice.above >= 0))
    hidden[part] |= hidden[lattice.above[part]]


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
