"""The counts of one measure, withheld until no reader can narrow a small one.

From the top of the tree of entities down, block by block (see ``web``). What is withheld of an
entity is withheld of its parts, so that any other table of the entity can be one of its parts too.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rarecare.disclosure.cells import Integers, Lattice
from rarecare.disclosure.suppress import Block, Need, protect_block
from rarecare.disclosure.times import Times
from rarecare.disclosure.web import Flags, Reals, Web


def settle(
    lattice: Lattice, hidden: Flags, unknown: Flags, threshold: int, *, times: Times | None = None
) -> Flags:
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
    times
        Where the counts are of a (cell, time): what other times say of them.
    """
    web = Web.of(lattice.values, lattice.families, unknown=unknown)
    small = (lattice.values > 0) & (lattice.values < threshold) & ~unknown
    need = Need.of(web, small, threshold)
    hidden = hidden.copy()
    while True:
        beyond = _one_pass(lattice, web, hidden, need, times)
        told = {
            int(lattice.above[count]): (count, move) for count, move in beyond.items()
            if lattice.above[count] >= 0 and not hidden[lattice.above[count]]
        }  # fmt: skip
        if not told:
            return hidden
        for total, (_, move) in told.items():  # withheld too, and able to move with its part
            hidden[total] = True
            whole = lattice.values[total]
            need = need.also(total, whole + min(move, 0.0), whole + max(move, 0.0))


def _one_pass(
    lattice: Lattice, web: Web, hidden: Flags, need: Need, times: Times | None
) -> dict[int, float]:
    """Withhold, in place, from the top down; return what no withholding of a block achieves."""
    depth = _depth(lattice)
    cost = _costs(lattice, hidden, depth)
    positive = lattice.values > 0
    wanted = np.zeros(len(hidden), dtype=bool)
    wanted[need.counts] = True
    blocks = [place for place in web.pieces(hidden | positive) if wanted[place].any()]
    blocks.sort(key=lambda place: (depth[place[0]], place[0]))
    beyond: dict[int, float] = {}
    level = 0
    free = times.free() if times is not None else None
    for place in blocks:
        while level < depth[place[0]]:
            level += 1
            _hand_down(lattice, hidden, positive, depth == level)
        loose = (free[0][place], free[1][place]) if free is not None else None
        while True:
            part = web.part(place)
            if times is not None:
                lower, upper = times.bounds(hidden)
                part = replace(part, lower=lower[place], upper=upper[place])
            own = need.within(place)
            block: Block = protect_block(part, hidden[place], own, cost[place], loose)
            hidden[place] = block.hidden
            for count, value in block.stretched.items():
                assert times is not None
                times.stretch(hidden, int(place[count]), value)
            if not block.stretched:
                break
        beyond |= {int(place[count]): move for count, move in block.beyond.items()}
    while level < depth.max(initial=0):
        level += 1
        _hand_down(lattice, hidden, positive, depth == level)
    return beyond


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
    """Return the cost of withholding each count and all below it."""
    cost = np.where(hidden, 0.0, 1.0 + np.log1p(lattice.values))
    for level in range(int(depth.max(initial=0)), 0, -1):
        part = np.flatnonzero(depth == level)
        np.add.at(cost, lattice.above[part], cost[part])
    return cost
