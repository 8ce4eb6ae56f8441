"""The cheapest set of counts to withhold, by integer programming; for small webs.

Which counts are withheld is a choice of 0 or 1 for each. That a small count cannot be narrowed is,
by duality, an inequality in these choices for every reader who narrows it; inequalities are added
as readers are found (Benders; Fischetti and Salazar, Management Science 47 (2001) 1008-1027).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rarecare.disclosure.attack import CLEAR, solver_of
from rarecare.disclosure.suppress import Block, Need
from rarecare.disclosure.web import Flags, Reals, Web
from rarecare.errors import DisagreementError

_SMALL = 100
"""Counts of a block of which the cheapest set is looked for; of more, the quick way is taken."""
_ROUNDS, _NODES = 200, 100_000
"""How often inequalities are added, and of one programme the branches that are looked at: no limit
of time, so that the answer is the same on every machine."""


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """What is withheld, and how good that is.

    Attributes
    ----------
    hidden
        What is withheld.
    cost
        Of what is withheld beside what was withheld before.
    bound
        No set costs less.
    """

    hidden: Flags
    cost: float
    bound: float


def cheaper(web: Web, hidden: Flags, need: Need, cost: Reals, found: Block) -> Flags:
    """Return what to withhold of a block: the cheapest set where it is small, else the one found.

    Parameters
    ----------
    web, hidden, need, cost
        As for ``protect_block``.
    found
        Its answer.
    """
    more = found.hidden & ~hidden
    few = (hidden | (web.values > 0)).sum() <= _SMALL
    if more.sum() < 2 or not few or found.stretched:
        return found.hidden
    within = np.setdiff1d(need.counts, list(found.beyond)).astype(np.int64)
    best = _cheapest(web, hidden, replace(need, counts=within), cost)
    return found.hidden if best is None or best.cost >= cost[more].sum() else best.hidden


def exact_pattern(web: Web, hidden: Flags, need: Need, cost: Reals) -> Pattern:
    """Return the cheapest counts to withhold beside those withheld.

    Parameters
    ----------
    web
        The counts; up to some hundreds.
    hidden
        What is withheld already.
    need
        How far the counts to protect must reach.
    cost
        Of withholding each count.

    Raises
    ------
    DisagreementError
        No set protects them all, or none was found in 200 rounds of inequalities.
    """
    found = _cheapest(web, hidden, need, cost)
    if found is None:
        raise DisagreementError(
            "no set of withheld counts protects all small ones",
            value=f"{len(need.counts)} small counts",
            allowed="a table whose totals leave each small count room",
            remedy="Withhold the totals too.",
        )
    return found


def _cheapest(web: Web, hidden: Flags, need: Need, cost: Reals) -> Pattern | None:
    """Return the cheapest set, or nothing where none is found."""
    from scipy.optimize import Bounds, LinearConstraint, milp  # noqa: PLC0415 - slow to import

    size = len(web.values)
    free = hidden | (web.values > 0)
    price = np.where(hidden, 0.0, cost)
    bounds = Bounds(hidden.astype(float), free.astype(float))
    rows: list[Reals] = []
    least: list[float] = []
    chosen, bound = hidden.copy(), 0.0
    for _ in range(_ROUNDS):
        cuts = _readers_of(web, chosen, need)
        if not cuts:
            return Pattern(chosen, float(price[chosen].sum()), bound)
        for row, right in cuts:
            if row[free].sum() < right - CLEAR:
                return None
            rows.append(row)
            least.append(right)
        answer = milp(
            price, integrality=np.ones(size, dtype=np.int64), bounds=bounds,
            constraints=LinearConstraint(np.array(rows), np.array(least), np.inf),
            options={"node_limit": _NODES},
        )  # fmt: skip
        if answer.x is None:
            return None
        chosen, bound = answer.x > 0.5, float(answer.mip_dual_bound)
    return None


def _readers_of(web: Web, hidden: Flags, need: Need) -> list[tuple[Reals, float]]:
    """Return an inequality for every small count that a reader narrows, and direction."""
    lower = np.where(hidden, web.lower, web.values)
    upper = np.where(hidden, web.upper, web.values)
    solver = solver_of(web, lower, upper)
    place = np.arange(len(web.values), dtype=np.int32)
    cuts = []
    for count in need.counts:
        for sign, wanted in (
            (1.0, web.values[count] - need.least[count]),
            (-1.0, need.greatest[count] - web.values[count]),
        ):
            cost = np.zeros(len(place))
            cost[count] = sign
            solver.changeColsCost(len(place), place, cost)
            solver.run()
            answer = solver.getSolution()
            moved = abs(answer.col_value[count] - web.values[count])
            if moved >= wanted - CLEAR:
                continue
            dual = np.array(answer.col_dual)
            reach = np.maximum(-dual, 0.0) * (web.upper - web.values)
            reach += np.maximum(dual, 0.0) * (web.values - web.lower)
            constant = moved - reach[hidden].sum()
            right = wanted - constant
            cuts.append((np.minimum(reach, right), right))
    return cuts
