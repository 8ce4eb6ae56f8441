"""Counts and the relations among them, as a reader who can add and subtract sees them.

A *web* holds whole numbers and linear relations: the parts of a total add up to it. What a reader
can work out about a count that is withheld is a linear programme: its least and its greatest value
over all tables that agree with everything shown.

A web is taken apart at the tree of entities: the parts of one entity are looked at by a reader who
is told every count of that entity, also those withheld. That reader knows more than any other, so
what he cannot work out nobody can; and the pieces become small enough to be solved exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rarecare.disclosure.cells import ENTITY, Family, Lattice

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Web:
    """Counts that hang together.

    Attributes
    ----------
    values
        The counts, shape (n,).
    lower, upper
        What a reader knows of each count from elsewhere, shape (n,); ``inf``: nothing.
    row, column, sign
        The relations as a sparse matrix: relation, count, 1 for a part and −1 for a total.
    least, greatest
        Limits of each relation, shape (n_relations,); the same where parts make up their total.
    ceiling
        The smallest total, shown or told, that each count is part of, shape (n,).
    """

    values: Reals
    lower: Reals
    upper: Reals
    row: Integers
    column: Integers
    sign: Reals
    least: Reals
    greatest: Reals
    ceiling: Reals

    @classmethod
    def of(
        cls, values: Integers, families: tuple[Family, ...], *, hidden: Flags | None = None,
        bounds: tuple[Reals, Reals] | None = None, unknown: Flags | None = None, told: bool = True,
    ) -> Web:  # fmt: skip
        """Return the web of counts that are known.

        ``told``: whether the reader is told the totals of the tree of entities. ``hidden``: what is
        withheld. ``bounds``: least and greatest of each. ``unknown``: counts whose value is not
        known; relations that hold one are left out.
        """
        none = np.zeros(len(values), dtype=bool)
        gone = none if unknown is None else unknown
        hidden = none if hidden is None else hidden
        made = _Relations(values)
        for family in families:
            left, n_gone = family_sums(family, values, gone)
            good = (left >= 0) & (n_gone == 0)
            top = told and family.name == ENTITY
            lone = _lone(family, values) & hidden[family.total] if top else None
            made.add(
                family, good, slack=left > 0, told=top, shown=None if top else ~hidden, lone=lone
            )
        return made.web(bounds)

    def pieces(self, chosen: Flags) -> Iterator[Integers]:
        """Yield the positions of the chosen counts that hang together, piece by piece."""
        from scipy.sparse import coo_array  # noqa: PLC0415 - slow to import
        from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

        place = np.flatnonzero(chosen)
        if not len(place):
            return
        kept = chosen[self.column]
        new = np.cumsum(chosen) - 1
        size = len(place) + len(self.least)
        links = coo_array(
            (np.ones(int(kept.sum())), (new[self.column[kept]], len(place) + self.row[kept])),
            shape=(size, size),
        )
        _, label = connected_components(links, directed=False)
        own = label[: len(place)]
        order = np.argsort(own, kind="stable")
        cuts = np.flatnonzero(np.diff(own[order])) + 1
        yield from (place[part] for part in np.split(order, cuts))

    def part(self, place: Integers, outside: Flags | None = None) -> Web:
        """Return the web of some of the counts, as ``Cutter.part``."""
        return Cutter(self).part(place, outside)


class Cutter:
    """Takes parts out of a web, each at the cost of its own size."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._in_relation = _Index(web.row, len(web.least))
        self._of_count = _Index(web.column, len(web.values))
        self._inside = np.full(len(web.values), -1, dtype=np.int64)

    def part(self, place: Integers, outside: Flags | None = None) -> Web:
        """Return the web of some of the counts, all others at their values and shown.

        ``outside``: counts that are not known; relations that hold one not among those chosen
        are left out.
        """
        web, inside = self._web, self._inside
        inside[place] = np.arange(len(place))
        touched = np.unique(web.row[self._of_count.entries(place)])
        entry = self._in_relation.entries(touched)
        number = np.repeat(np.arange(len(touched)), self._in_relation.sizes(touched))
        column = inside[web.column[entry]]
        within = column >= 0
        if outside is not None:
            open_ = np.zeros(len(touched), dtype=bool)
            open_[number[~within & outside[web.column[entry]]]] = True
            closed = ~open_[number]
            touched, kept = touched[~open_], np.cumsum(~open_) - 1
            entry, column, within = entry[closed], column[closed], within[closed]
            number = kept[number[closed]]
        beside = entry[~within]
        fixed = np.bincount(
            number[~within], weights=web.sign[beside] * web.values[web.column[beside]],
            minlength=len(touched),
        )  # fmt: skip
        inside[place] = -1
        return Web(
            values=web.values[place], lower=web.lower[place], upper=web.upper[place],
            row=number[within], column=column[within], sign=web.sign[entry[within]],
            least=web.least[touched] - fixed, greatest=web.greatest[touched] - fixed,
            ceiling=web.ceiling[place],
        )  # fmt: skip


class _Index:
    """Where each number from 0 to size − 1 stands in an array."""

    def __init__(self, numbers: Integers, size: int) -> None:
        self._order = np.argsort(numbers, kind="stable")
        self._start = np.concatenate([[0], np.cumsum(np.bincount(numbers, minlength=size))])

    def sizes(self, numbers: Integers) -> Integers:
        """Return how often each of some numbers stands there."""
        return np.asarray(self._start[numbers + 1] - self._start[numbers])

    def entries(self, numbers: Integers) -> Integers:
        """Return the places of some numbers, one number after the other."""
        sizes = self.sizes(numbers)
        first = self._start[numbers] - (np.cumsum(sizes) - sizes)
        return self._order[np.repeat(first, sizes) + np.arange(int(sizes.sum()))]


def family_sums(family: Family, values: Integers, gone: Flags) -> tuple[Integers, Integers]:
    """Return of each relation: the total less its parts, and how many of its counts are gone."""
    size = len(family.total)
    parts = np.bincount(family.relation, weights=values[family.part], minlength=size)
    n_gone = np.bincount(family.relation, weights=gone[family.part], minlength=size)
    left = values[family.total] - parts.astype(np.int64)
    return left, n_gone.astype(np.int64) + gone[family.total]


def _lone(family: Family, values: Integers) -> Flags:
    """Return which relations have one part only that is not 0."""
    positive = np.bincount(
        family.relation, weights=values[family.part] > 0, minlength=len(family.total)
    )
    return np.asarray(positive == 1)


class _Relations:
    """Relations under way to a web."""

    def __init__(self, values: Integers) -> None:
        self._values = values
        self._ceiling = np.full(len(values), np.inf)
        self._row: list[Integers] = []
        self._column: list[Integers] = []
        self._sign: list[Reals] = []
        self._least: list[Reals] = []
        self._greatest: list[Reals] = []
        self._size = 0
        self._held: list[tuple[Integers, Integers]] = []

    def add(
        self, family: Family, good: Flags, *, slack: Flags, told: bool,
        shown: Flags | None = None, lone: Flags | None = None,
    ) -> None:  # fmt: skip
        """Add the good relations of a family.

        ``slack``: where the parts need not make up the total. ``told``: whether the totals are
        known to the reader whatever is withheld. ``shown``: which counts are. ``lone``: relations
        of a withheld total that is all of one part, which the reader is not told: the part would
        be as well.
        """
        number = np.cumsum(good) - 1 + self._size
        kept = good[family.relation]
        total = family.total[good]
        known = self._values[family.total].astype(float)
        if shown is not None:
            known = np.where(shown[family.total], known, np.inf)
            lost = ~shown[family.total[family.relation]] & kept
            self._held.append((family.total[family.relation[lost]], family.part[lost]))
        if lone is not None:
            known = np.where(lone, np.inf, known)
            only = lone[family.relation] & (self._values[family.part] > 0)
            self._held.append((family.total[family.relation[only]], family.part[only]))
        np.minimum.at(self._ceiling, family.part[kept], known[family.relation[kept]])
        self._row.append(number[family.relation[kept]])
        self._column.append(family.part[kept])
        self._sign.append(np.ones(int(kept.sum())))
        rest = slack[good]
        if told:
            whole = self._values[total].astype(float)
            free = np.zeros(len(total), dtype=bool) if lone is None else lone[good]
            self._least.append(np.where(free, 0.0, np.where(rest, -np.inf, whole)))
            self._greatest.append(np.where(free, np.inf, whole))
        else:
            self._row.append(number[good])
            self._column.append(total)
            self._sign.append(np.full(len(total), -1.0))
            self._least.append(np.where(rest, -np.inf, 0.0))
            self._greatest.append(np.zeros(len(total)))
        self._size += len(total)

    def web(self, bounds: tuple[Reals, Reals] | None) -> Web:
        size = len(self._values)
        lower, upper = bounds or (np.zeros(size), np.full(size, np.inf))
        most = 2.0 * float(self._values.sum()) + 1000.0
        for total, part in self._held:  # of a total that is not shown, what its own total says
            np.minimum.at(self._ceiling, part, self._ceiling[total])
        whole = np.zeros(0, dtype=np.int64)
        return Web(
            values=self._values.astype(float), lower=lower, upper=np.minimum(upper, most),
            row=np.concatenate([whole, *self._row]),
            column=np.concatenate([whole, *self._column]),
            sign=np.concatenate([np.zeros(0), *self._sign]),
            least=np.concatenate([np.zeros(0), *self._least]),
            greatest=np.concatenate([np.zeros(0), *self._greatest]),
            ceiling=self._ceiling,
        )  # fmt: skip


def published(
    lattice: Lattice, hidden: Flags, rest: Flags, *, bounds: tuple[Reals, Reals] | None = None,
    overlapping: bool = False, whole: bool = True,
) -> tuple[Web, Flags]:  # fmt: skip
    """Return the web of what is shown, and which of its counts are not known.

    What an entity has beside its listed parts (``rest``) follows where all of them are shown, and
    is not known elsewhere. ``overlapping``: the parts of an entity need not add up to it.
    ``whole``: areas, ages, sexes and years are taken to make up their totals if they do so wherever
    that can be seen.
    """
    values = np.where(hidden | rest, 0, lattice.values)
    unknown = hidden & ~rest if overlapping else hidden | rest
    for family in lattice.families:
        if family.name == ENTITY and not overlapping:
            left, n_gone = family_sums(family, values, unknown)
            at = np.flatnonzero(rest[family.part])
            relation, part = family.relation[at], family.part[at]
            follows = n_gone[relation] == 1
            values[part[follows]] = left[relation[follows]]
            unknown[part[follows]] = False
    made = _Relations(values)
    for family in lattice.families:
        if overlapping and family.name == ENTITY:
            continue
        left, n_gone = family_sums(family, values, unknown)
        seen = n_gone == 0
        slack = np.where(seen, left > 0, not whole or bool((left[seen] > 0).any()))
        slack &= family.name != ENTITY
        made.add(family, ~seen | (left >= 0), slack=slack, told=False, shown=~unknown)
    return made.web(bounds), unknown


def blocks(lattice: Lattice, unknown: Flags) -> Iterator[Integers]:
    """Yield counts that are not known, those of an entity and its parts together."""
    holder = np.where(lattice.above >= 0, lattice.entity[lattice.above], -1)
    place = np.flatnonzero(unknown)
    both = np.concatenate([holder[place], lattice.entity[place]])
    order = np.argsort(both, kind="stable")
    cuts = np.flatnonzero(np.diff(both[order])) + 1
    for group in np.split(np.tile(place, 2)[order], cuts):
        if len(group):
            yield np.unique(group)
