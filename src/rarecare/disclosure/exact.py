"""The cheapest set of counts to withhold, by integer programming; for small webs.

Which counts are withheld is a choice of 0 or 1 for each. That a small count cannot be narrowed is,
by duality, an inequality in these choices for every reader who narrows it; inequalities are added
as readers are found (Benders; Fischetti and Salazar, Management Science 47 (2001) 1008-1027).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rarecare.disclosure.attack import CLEAR, solver_of
from rarecare.disclosure.suppress import Need
from rarecare.disclosure.web import Flags, Reals, Web
from rarecare.errors import DisagreementError


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


def exact_pattern(
    web: Web, hidden: Flags, need: Need, cost: Reals, *, rounds: int = 200, seconds: float = 60.0
) -> Pattern:
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
    rounds, seconds
        How often inequalities are added, and how long one programme may take.

    Raises
    ------
    DisagreementError
        No set protects them all, or none was found in the rounds given.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp  # noqa: PLC0415 - slow to import

    size = len(web.values)
    free = hidden | (web.values > 0)
    price = np.where(hidden, 0.0, cost)
    bounds = Bounds(hidden.astype(float), free.astype(float))
    rows: list[Reals] = []
    least: list[float] = []
    chosen, bound = hidden.copy(), 0.0
    for _ in range(rounds):
        cuts = _readers_of(web, chosen, need)
        if not cuts:
            return Pattern(chosen, float(price[chosen].sum()), bound)
        for row, right in cuts:
            if row[free].sum() < right - CLEAR:
                break
            rows.append(row)
            least.append(right)
        else:
            answer = milp(
                price, integrality=np.ones(size, dtype=np.int64), bounds=bounds,
                constraints=LinearConstraint(np.array(rows), np.array(least), np.inf),
                options={"time_limit": seconds},
            )  # fmt: skip
            if answer.x is not None:
                chosen, bound = answer.x > 0.5, float(answer.mip_dual_bound)
                continue
        break
    raise DisagreementError(
        "no set of withheld counts protects all small ones",
        value=f"{len(need.counts)} small counts, {len(rows)} inequalities",
        allowed="a table whose totals leave each small count room",
        remedy="Withhold the totals too, or ask for more rounds.",
    )


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
