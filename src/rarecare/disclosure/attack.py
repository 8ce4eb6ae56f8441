"""What a reader can work out: the least and the greatest value of a count that is withheld.

Each solution of a programme is a whole table that agrees with everything shown. Tables found for
one count speak of all others too, so that most counts need no programme of their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rarecare.disclosure.web import Integers, Reals, Web
from rarecare.errors import DisagreementError

CLEAR = 1e-6
"""What a solver may be off by."""
_OFF_BY = 1e-4
_FEW = 3
"""Counts that one programme must spare to be worth it."""


class Reader:
    """The tables that agree with what is shown of a web; all its counts are withheld.

    Attributes
    ----------
    least_seen, greatest_seen
        Of each count, in the tables found so far; the true table is one.
    """

    def __init__(self, web: Web, *, known: bool = True) -> None:
        """``known``: whether the values of the web are a table that agrees."""
        self.web = web
        size = len(web.values)
        self.least_seen = web.values.copy() if known else np.full(size, np.inf)
        self.greatest_seen = web.values.copy() if known else np.full(size, -np.inf)
        self._solver = solver_of(web, web.lower, web.upper)
        self._cost = np.zeros(size)
        self._place = np.arange(size, dtype=np.int32)

    def agrees(self) -> bool:
        """Return whether any table agrees with what is shown."""
        self._solver.run()
        return bool(self._solver.getModelStatus().name == "kOptimal")

    def best(self, cost: Reals) -> Reals | None:
        """Return the table of least cost, or nothing where there is none or it has no bound."""
        self._solver.changeColsCost(len(cost), self._place, cost)
        return self._solved()

    def extreme(self, count: int, sign: float) -> float:
        """Return the least (1) or the greatest (−1) value of one count; ``inf`` without bound."""
        cost = np.zeros(len(self.web.values))
        cost[count] = sign
        table = self.best(cost)
        if table is None:
            return -sign * np.inf
        return float(table[count])

    def look(self, counts: Integers, least: Reals, greatest: Reals) -> None:
        """Search tables in which many counts at once are as small, or as large, as asked."""
        for sign in (1.0, -1.0):
            before = np.inf
            while True:
                if sign > 0:
                    short = counts[self.least_seen[counts] > least[counts] + CLEAR]
                else:
                    short = counts[self.greatest_seen[counts] < greatest[counts] - CLEAR]
                if len(short) < _FEW or before - len(short) < _FEW:
                    break
                before = len(short)
                cost = np.zeros(len(self.web.values))
                cost[short] = sign / (1.0 + self.web.values[short])
                if self.best(cost) is None:
                    break

    def _solved(self) -> Reals | None:
        self._solver.run()
        status = self._solver.getModelStatus().name
        if status in {"kUnbounded", "kUnboundedOrInfeasible"}:
            return None
        if status != "kOptimal":
            raise DisagreementError(
                "a programme of disclosure control has no solution", value=status,
                remedy="Counts of this table contradict one another; check the totals.",
            )  # fmt: skip
        table = np.array(self._solver.getSolution().col_value)
        np.minimum(self.least_seen, table, out=self.least_seen)
        np.maximum(self.greatest_seen, table, out=self.greatest_seen)
        return table


class PlainReader:
    """The same of a web of one relation, or none: its limits need no programme."""

    def __init__(self, web: Web) -> None:
        self.web = web
        sign = np.zeros(len(web.values))
        sign[web.column] = web.sign
        low = np.where(sign > 0, web.lower, -web.upper) * (sign != 0)
        high = np.where(sign > 0, web.upper, -web.lower) * (sign != 0)
        least, greatest = (web.least[0], web.greatest[0]) if len(web.least) else (-np.inf, np.inf)
        self._agrees = bool(low.sum() <= greatest + _OFF_BY and high.sum() >= least - _OFF_BY)
        own_low = least - (high.sum() - high)
        own_high = greatest - (low.sum() - low)
        up, down = sign > 0, sign < 0
        self.least_seen = web.lower.copy()
        self.greatest_seen = web.upper.copy()
        self.least_seen[up] = np.maximum(web.lower, own_low)[up]
        self.greatest_seen[up] = np.minimum(web.upper, own_high)[up]
        self.least_seen[down] = np.maximum(web.lower, -own_high)[down]
        self.greatest_seen[down] = np.minimum(web.upper, -own_low)[down]

    def agrees(self) -> bool:
        """Return whether any table agrees with what is shown."""
        return self._agrees

    def extreme(self, count: int, sign: float) -> float:
        """Return the least (1) or the greatest (−1) value of one count."""
        return float(self.least_seen[count] if sign > 0 else self.greatest_seen[count])

    def look(self, counts: Integers, least: Reals, greatest: Reals) -> None:
        """Nothing is left to search."""


def reader_of(web: Web, *, known: bool = True) -> Reader | PlainReader:
    """Return who reads a web; ``known``: as for ``Reader``."""
    if len(web.least) <= 1 and len(np.unique(web.column)) == len(web.column):
        return PlainReader(web)
    return Reader(web, known=known)


def solver_of(
    web: Web, lower: Reals, upper: Reals, *, cost: Reals | None = None, both_ways: bool = False
) -> Any:
    """Return a solver that holds the relations of a web.

    Parameters
    ----------
    web
        Whose relations hold.
    lower, upper, cost
        Of the variables.
    both_ways
        Whether the variables are how far each count goes up, and then how far each goes down; by
        default they are the counts.
    """
    import highspy  # noqa: PLC0415 - slow to import
    from scipy.sparse import coo_array  # noqa: PLC0415

    row, column, sign = web.row, web.column, web.sign
    if both_ways:
        row, sign = np.tile(row, 2), np.concatenate([sign, -sign])
        column = np.concatenate([column, column + len(web.values)])
    matrix = coo_array((sign, (row, column)), shape=(len(web.least), len(lower))).tocsc()
    programme = highspy.HighsLp()
    programme.num_col_ = len(lower)
    programme.num_row_ = len(web.least)
    programme.col_cost_ = np.zeros(len(lower)) if cost is None else cost
    programme.col_lower_, programme.col_upper_ = lower, upper
    programme.row_lower_ = np.where(np.isinf(web.least), -highspy.kHighsInf, web.least)
    programme.row_upper_ = web.greatest
    programme.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    programme.a_matrix_.start_ = matrix.indptr
    programme.a_matrix_.index_ = matrix.indices
    programme.a_matrix_.value_ = matrix.data
    solver = highspy.Highs()
    solver.silent()
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("presolve", "off")
    solver.passModel(programme)
    return solver
