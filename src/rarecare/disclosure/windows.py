"""What a reader of rounded counts knows: each lies in a window, and totals hold their parts.

All counts of a measure stand side by side: cases of known age, cases where they differ, deaths,
persons at risk. Their relations are one linear programme (``web.Web``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from rarecare.disclosure.attack import Reader
from rarecare.disclosure.cells import ENTITY, Family, Lattice, Measure
from rarecare.disclosure.web import Flags, Integers, Reals, Web, family_sums
from rarecare.errors import DisagreementError


def nearest(counts: Integers, base: int) -> Integers:
    """Return the nearest multiples of a base; ties go up.

    >>> nearest(np.array([0, 2, 3, 7, 8]), 5).tolist(), nearest(np.array([2, 3, 9]), 6).tolist()
    ([0, 0, 5, 5, 10], [0, 6, 12])
    """
    return (2 * counts + base) // (2 * base) * base


def window(shown: Reals, base: int) -> tuple[Reals, Reals]:
    """Return the least and the greatest count that is shown as each multiple of a base.

    >>> window(np.array([0.0, 5.0, 10.0]), 5)
    (array([0., 3., 8.]), array([ 2.,  7., 12.]))
    """
    return np.maximum(shown - base // 2, 0.0), shown + (base - 1) // 2


def tightened(web: Web) -> Web:
    """Return a web whose bounds are what one relation after the other leaves of them."""
    lower, upper = web.lower.copy(), web.upper.copy()
    row, column, sign, size = web.row, web.column, web.sign, len(web.least)
    up = sign > 0
    while True:
        small = np.where(up, lower[column], -upper[column])
        large = np.where(up, upper[column], -lower[column])
        most = web.greatest[row] - (np.bincount(row, small, size)[row] - small)
        least = web.least[row] - (np.bincount(row, large, size)[row] - large)
        before = (lower.sum(), upper.sum())
        np.minimum.at(upper, column, np.where(up, most, -least))
        np.maximum.at(lower, column, np.where(up, least, -most))
        if (lower.sum(), upper.sum()) == before or (lower > upper).any():
            return replace(web, lower=np.minimum(lower, upper), upper=upper)


@dataclass(slots=True, eq=False)
class Windows:
    """The windows of a measure's counts.

    Attributes
    ----------
    measure
        Whose counts.
    threshold
        What they are rounded to multiples of.
    values
        All counts, lattice after lattice; where they are not known, any table that agrees.
    start
        Where each lattice begins.
    cells_gone, units_gone
        Which cells, and which (cells, times), are withheld.
    relations
        Pairs of a family, placed among all counts, and whether the parts make up each total.
    alive
        Whether deaths and persons at risk together are not above the cases; else deaths are
        among those at risk: a share's numerator and denominator.
    taken
        Whether the relations of one cell's counts are taken to hold, ``values`` being unknown.
    """

    measure: Measure
    threshold: int
    values: Integers
    start: Integers
    cells_gone: Flags
    units_gone: Flags
    relations: list[tuple[Family, Flags, Flags]]
    alive: bool
    taken: bool = False

    @classmethod
    def of_truth(cls, measure: Measure, rows: pl.DataFrame, threshold: int) -> Windows:
        """Return the windows of counts that are known, withheld ones apart."""
        made = cls._of(measure, rows, threshold)
        for lattice, start in zip(measure.lattices, made.start, strict=True):
            unknown = measure.follow_up_hidden if lattice.timed else measure.n_hidden
            for family in (*lattice.families, lattice.union):
                left, n_gone = family_sums(family, lattice.values, unknown)
                whole = (left == 0) & (n_gone == 0)
                made.relations.append((_placed(family, start), whole, (left >= 0) | (n_gone > 0)))
        return made

    @classmethod
    def agreeing(
        cls, measure: Measure, rows: pl.DataFrame, threshold: int, *, like: Windows | None = None
    ) -> Windows:
        """Return the windows of counts that are shown, in the narrowest way that agrees.

        Parts are taken to make up their total, those of an entity to be some of it; where no
        table agrees, all parts are. That an entity has nothing else is not guessed: no reader
        sees it of rounded counts. ``like``: windows of the same, whose withheld counts are so here.

        Raises
        ------
        DisagreementError
            No table agrees with the windows.
        """
        for whole in (True, False):
            made = cls._of(measure, rows, threshold)
            made.taken = whole
            if like is not None:
                made.cells_gone, made.units_gone = like.cells_gone, like.units_gone
            for lattice, start in zip(measure.lattices, made.start, strict=True):
                for family in lattice.families:
                    flags = np.full(len(family.total), whole and family.name != ENTITY)
                    made.relations.append((_placed(family, start), flags, np.ones_like(flags)))
            if Reader(made.web(), known=False).agrees():
                return made
        raise DisagreementError(
            "the counts shown contradict one another",
            value=str(rows["measure"][0]),
            remedy="Check the totals of the table.",
        )

    @classmethod
    def _of(cls, measure: Measure, rows: pl.DataFrame, threshold: int) -> Windows:
        values = [lattice.values for lattice in measure.lattices]
        start = np.cumsum([0, *(len(one) for one in values)])
        return cls(
            measure, threshold, np.concatenate(values), start[:-1], measure.n_hidden.copy(),
            measure.follow_up_hidden.copy(), [], bool(rows["time_years"].is_not_null().all()),
        )  # fmt: skip

    @property
    def _gone(self) -> Flags:
        """Which counts are withheld."""
        return np.concatenate([self._flags(one) for one in self.measure.lattices])

    def _flags(self, lattice: Lattice) -> Flags:
        measure = self.measure
        if not lattice.timed:
            return self.cells_gone | measure.rest
        cell = measure.unit_cell
        return self.units_gone | self.cells_gone[cell] | measure.rest[cell]

    def may_be_small(self) -> Flags:
        """Return which counts are shown as 0 or as the threshold."""
        return ~self._gone & (nearest(self.values, self.threshold) <= self.threshold)

    def bounds(self) -> tuple[Reals, Reals]:
        """Return the least and the greatest of every count by itself."""
        shown = nearest(self.values, self.threshold).astype(float)
        lower, upper = window(shown, self.threshold)
        gone = self._gone
        lower[gone] = 0.0
        upper[gone] = 2.0 * float(self.values.sum()) + 1000.0
        return lower, upper

    def web(self) -> Web:
        """Return all counts and relations as one linear programme."""
        lower, upper = self.bounds()
        row, column, sign, least = [], [], [], []
        size = 0
        for family, whole, good in self.relations:
            number = np.cumsum(good) - 1 + size
            kept = good[family.relation]
            total = family.total[good]
            row += [number[family.relation[kept]], number[good]]
            column += [family.part[kept], total]
            sign += [np.ones(int(kept.sum())), np.full(len(total), -1.0)]
            least.append(np.where(whole[good], 0.0, -np.inf))
            size += len(total)
        for places, signs in self._across():
            row.append(np.repeat(np.arange(len(places)) + size, len(signs)))
            column.append(places.ravel())
            sign.append(np.tile(signs, len(places)))
            least.append(np.full(len(places), -np.inf))
            size += len(places)
        none = np.zeros(0, dtype=np.int64)
        return Web(
            values=self.values.astype(float), lower=lower, upper=upper,
            row=np.concatenate([none, *row]), column=np.concatenate([none, *column]),
            sign=np.concatenate([np.zeros(0), *sign]), least=np.concatenate([np.zeros(0), *least]),
            greatest=np.zeros(size), ceiling=upper,
        )  # fmt: skip

    def _across(self) -> Iterable[tuple[Integers, Reals]]:
        """Yield relations of one cell's counts: positions by column and signs, not above 0."""
        plain = [s for s, one in zip(self.start, self.measure.lattices, strict=True)
                 if not one.timed]  # fmt: skip
        timed = [s for s, one in zip(self.start, self.measure.lattices, strict=True) if one.timed]
        cell = np.arange(len(self.measure.n))
        if len(plain) == 2:  # of known age, all
            yield cell[:, None] + np.array(plain), np.array([1.0, -1.0])
        if len(timed) != 2:
            return
        unit = np.arange(len(self.measure.unit_cell))[~self.measure.rest[self.measure.unit_cell]]
        known = ~(self.measure.follow_up_hidden[unit])
        unit = unit[known]
        events, at_risk = (unit + start for start in timed)
        if self.alive:
            whole = self.measure.unit_cell[unit] + plain[-1]
            inside = self.taken | (self.values[events] + self.values[at_risk] <= self.values[whole])
            three = np.column_stack([events, at_risk, whole])
            yield three[inside], np.array([1.0, 1.0, -1.0])
        else:
            inside = self.taken | (self.values[events] <= self.values[at_risk])
            yield np.column_stack([events, at_risk])[inside], np.array([1.0, -1.0])

    def withhold(self, counts: Integers) -> None:
        """Withhold counts and the totals that narrow them."""
        lower, upper = self.bounds()
        asked = np.zeros(len(self.values), dtype=bool)
        asked[counts] = True
        gone = asked.copy()
        told = np.zeros(len(self.values), dtype=bool)
        for family, whole, good in self.relations:
            size = len(family.total)
            least, most = (
                np.bincount(family.relation, weights=side[family.part], minlength=size)
                for side in (lower, upper)
            )
            relation, part = family.relation, family.part
            total = family.total[relation]
            high = np.minimum(upper[part], upper[total] - (least[relation] - lower[part]))
            low = np.maximum(lower[part], lower[total] - (most[relation] - upper[part]))
            low = np.where(whole[relation], low, lower[part])
            narrow = asked[part] & good[relation] & (high - low < 2)
            gone[total[narrow]] = True
            told[part[narrow]] = True
        shown = ~self._gone
        for family, _whole, good in self.relations:  # narrowed by several relations together
            relation, part = family.relation, family.part
            total = family.total[relation]
            lost = asked[part] & ~told[part] & good[relation] & shown[total]
            gone[total[lost]] = True
        self._mark(gone)

    def _mark(self, gone: Flags) -> None:
        for start, lattice in zip(self.start, self.measure.lattices, strict=True):
            own = np.flatnonzero(gone[start : start + len(lattice.values)])
            (self.withhold_units if lattice.timed else self.withhold_cells)(own)

    def withhold_cells(self, cells: Iterable[int]) -> None:
        """Withhold cells in all their rows."""
        self.cells_gone[np.asarray(cells, dtype=np.int64)] = True

    def withhold_units(self, units: Iterable[int]) -> None:
        """Withhold deaths and persons at risk of (cells, times)."""
        self.units_gone[np.asarray(units, dtype=np.int64)] = True

    def _lattice_of(self, count: int) -> int:
        return int(np.searchsorted(self.start, count, side="right")) - 1

    def row_of(self, count: int) -> int:
        """Return the first row that shows a count."""
        which = self._lattice_of(count)
        timed = self.measure.lattices[which].timed
        of_rows = self.measure.unit if timed else self.measure.cell
        return int(np.flatnonzero(of_rows == count - self.start[which])[0])

    def name_of(self, count: int) -> str:
        """Return the column of a count."""
        which = self._lattice_of(count)
        if not self.measure.lattices[which].timed:
            return "n"
        return "at_risk" if which == len(self.start) - 1 else "events"


def _placed(family: Family, start: int) -> Family:
    return replace(family, part=family.part + start, total=family.total + start)
