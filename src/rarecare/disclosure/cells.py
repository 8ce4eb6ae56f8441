"""Rows of one measure as cells, and cells as families: whole numbers that can be added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.disclosure.families import Dimension, dimensions

Integers = NDArray[np.int64]
ENTITY = "entity_id"
AGE = "age_group"
NO_STANDARD = "none"


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """The relations of one dimension: each a total and its parts.

    Attributes
    ----------
    name
        The dimension.
    part, relation
        Position of each part's count, and of the relation it is in; sorted by relation, the
        smallest count first.
    total
        Position of each relation's total.
    """

    name: str
    part: Integers
    relation: Integers
    total: Integers


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """One count of every cell, or of every (cell, time), and the relations among them.

    Attributes
    ----------
    values
        The counts.
    timed
        Whether they are of a (cell, time).
    families
        The relations, by dimension.
    above
        Position of the same count of the entity that holds each, -1 where there is none.
    entity
        Position of the entity of each, in the tree.
    union
        Groups that overlap the tree, and the entities that make them up.
    """

    values: Integers
    timed: bool
    families: tuple[Family, ...]
    above: Integers
    entity: Integers
    union: Family


@dataclass(frozen=True, slots=True, eq=False)
class Measure:
    """The counts of one measure.

    Attributes
    ----------
    cell
        Of each row: its cell.
    n, known, n_hidden
        Cases by cell, and those of known age; where they are withheld already, 0 and true.
    rest
        Cells that no row shows: the cases of an entity that are in none of its listed parts.
    unit
        Of each row: its (cell, time); empty where there are none.
    follow_up, follow_up_hidden
        ``events`` and ``at_risk`` by (cell, time), shape (n_units, 2), sorted by cell and time.
    unit_cell, unit_time
        The cell and the time of each (cell, time).
    lattices
        Cases, cases of known age where they differ, events, at_risk.
    """

    cell: Integers
    n: Integers
    known: Integers
    n_hidden: NDArray[np.bool_]
    rest: NDArray[np.bool_]
    unit: Integers
    follow_up: Integers
    follow_up_hidden: NDArray[np.bool_]
    unit_cell: Integers
    unit_time: Integers
    lattices: tuple[Lattice, ...]


def measure_of(
    rows: pl.DataFrame, *, areas: pl.DataFrame, entities: pl.DataFrame,
    unions: Mapping[str, Sequence[str]] | None = None,
) -> Measure:  # fmt: skip
    """Return the counts of the rows of one measure.

    ``unions``: of a group that overlaps the tree of entities, the entities that make it up.
    """
    trees = dimensions(rows, areas=areas, entities=entities)
    strides = _strides(trees)
    codes = [tree.codes(rows[tree.name]) for tree in trees]
    key = np.zeros(rows.height, dtype=np.int64)
    for code, stride in zip(codes, strides, strict=True):
        key += code * stride
    table = rows.select("n", "events", "at_risk", "standard", "time_years", key=pl.Series(key))
    by_cell = (
        table.group_by("key")
        .agg(
            n=pl.col("n").max(),
            known=pl.col("n").filter(pl.col("standard") != NO_STANDARD).max(),
            hidden=pl.col("n").is_null().any(),
        )
        .sort("key")
    )
    own = by_cell["key"].to_numpy()
    n = by_cell["n"].fill_null(0).to_numpy()
    known = by_cell.select(pl.coalesce("known", "n").fill_null(0)).to_series().to_numpy()
    grown = _grown(trees[0])
    hidden = by_cell["hidden"].to_numpy()
    keys, counts, hidden = _with_rests(grown, own, np.column_stack([n, known]), hidden, strides[0])
    trees = (grown, *trees[1:])
    n, known = counts.T
    rest = np.arange(len(keys)) >= len(own)
    cell = np.searchsorted(keys, key)
    made = _members(grown, unions or {})
    lattices = [_lattice(known, keys, trees, strides, made, timed=False)]
    if (known != n).any():
        others = [i for i, tree in enumerate(trees) if tree.name != AGE]
        lattices.append(
            _lattice(
                n, keys, [trees[i] for i in others], [strides[i] for i in others], made, timed=False
            )
        )
    cases = (cell, n, known, hidden, rest)
    followed = table.select(pl.any_horizontal(pl.col("events", "at_risk").is_not_null().any()))
    if not followed.item():
        none = np.zeros(0, dtype=np.int64)
        return Measure(
            *cases, none, none.reshape(0, 2), none > 0, none, none, tuple(lattices)
        )  # fmt: skip
    time = table["time_years"].rank("dense").fill_null(0).cast(pl.Int64).to_numpy()
    n_times = int(time.max()) + 1
    timed_key = key * n_times + time
    by_time = (
        table.select("events", "at_risk", key=pl.Series(timed_key))
        .group_by("key")
        .agg(
            pl.col("events", "at_risk").max().fill_null(0),
            hidden=pl.any_horizontal(pl.col("events", "at_risk").is_null()).any(),
        )
        .sort("key")
    )
    own = by_time["key"].to_numpy()
    timed_strides = [stride * n_times for stride in strides]
    follow_up = by_time.select("events", "at_risk").to_numpy()
    timed_keys, follow_up, gone = _with_rests(
        grown, own, follow_up, by_time["hidden"].to_numpy(), timed_strides[0],
        of=np.unique(keys[rest] // strides[0]),
    )  # fmt: skip
    lattices += [
        _lattice(column, timed_keys, trees, timed_strides, made, timed=True)
        for column in follow_up.T
    ]
    return Measure(
        *cases,
        np.searchsorted(timed_keys, timed_key),
        follow_up,
        gone,
        np.searchsorted(keys, timed_keys // n_times),
        timed_keys % n_times,
        tuple(lattices),
    )


def _members(tree: Dimension, unions: Mapping[str, Sequence[str]]) -> dict[int, list[int]]:
    """Return the positions of the groups of ``unions`` and of what makes them up."""
    place = {value: i for i, value in enumerate(tree.values)}
    return {
        place[name]: [place[part] for part in parts if part in place]
        for name, parts in unions.items() if name in place
    }  # fmt: skip


def _lattice(
    values: Integers, keys: Integers, trees: Sequence[Dimension], strides: list[int],
    unions: Mapping[int, Sequence[int]], *, timed: bool,
) -> Lattice:  # fmt: skip
    families = _families(keys, trees, strides, values)
    above = np.full(len(keys), -1, dtype=np.int64)
    for family in families:
        if family.name == ENTITY:
            above[family.part] = family.total[family.relation]
    entity = keys // strides[0]
    parts, totals = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for group, members in unions.items():
        part = np.flatnonzero(np.isin(entity, members))
        wanted = keys[part] + (group - entity[part]) * strides[0]
        found = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        hit = keys[found] == wanted
        parts.append(part[hit])
        totals.append(found[hit])
    total, relation = np.unique(np.concatenate(totals), return_inverse=True)
    union = Family(ENTITY, np.concatenate(parts), relation, total)
    return Lattice(values, timed, families, above, entity, union)


def _grown(tree: Dimension) -> Dimension:
    """Return the tree of entities with, for each, what none of its listed parts holds.

    Two for each entity: a part apart, which overlaps the others, leaves a rest of its own.
    """
    size = len(tree.values)
    return Dimension(
        tree.name,
        (*tree.values, *(f"{value}, others {i}" for value in tree.values for i in (0, 1))),
        np.concatenate([tree.parent, np.repeat(np.arange(size, dtype=np.int64), 2)]),
        np.concatenate([tree.apart, np.tile([False, True], size)]),
    )


def _with_rests(
    grown: Dimension, keys: Integers, counts: Integers, gone: NDArray[np.bool_], stride: int, *,
    of: Integers | None = None,
) -> tuple[Integers, Integers, NDArray[np.bool_]]:  # fmt: skip
    """Return keys, counts and which are not known, with those of the rests.

    ``counts`` has a column for each kind. ``of``: which rests there are; by default those that
    hold something somewhere. A rest is not known where one of its relation is not.
    """
    size = len(grown.values) // 3
    code = keys // stride
    parent = _parents(keys, code, grown, stride)
    part = np.flatnonzero(parent >= 0)
    names, relation = np.unique(parent[part] * 2 + grown.apart[code[part]], return_inverse=True)
    total = names // 2
    left = counts[total].copy()
    for column in range(counts.shape[1]):
        sums = np.bincount(relation, weights=counts[part, column], minlength=len(total))
        left[:, column] = np.maximum(left[:, column] - sums.astype(np.int64), 0)
    lost = gone[total] | (np.bincount(relation, weights=gone[part], minlength=len(total)) > 0)
    left[lost] = 0
    rest = size + 2 * code[total] + names % 2
    held = np.unique(rest[(left > 0).any(axis=1) | lost]) if of is None else of
    kept = np.flatnonzero(np.isin(rest, held))
    added = keys[total[kept]] + (rest[kept] - code[total[kept]]) * stride
    order = kept[np.argsort(added)]
    return (
        np.concatenate([keys, np.sort(added)]),
        np.concatenate([counts, left[order]]),
        np.concatenate([gone, lost[order]]),
    )


def _strides(trees: tuple[Dimension, ...]) -> list[int]:
    """Return what one step in each dimension adds to a key."""
    strides, stride = [], 1
    for tree in reversed(trees):
        strides.append(stride)
        stride *= len(tree.values)
    return strides[::-1]


def _families(
    keys: Integers,
    trees: Sequence[Dimension],
    strides: list[int],
    values: Integers,
) -> tuple[Family, ...]:
    """Return the relations of each dimension among sorted keys."""
    families = []
    for tree, stride in zip(trees, strides, strict=True):
        code = keys // stride % len(tree.values)
        parent = _parents(keys, code, tree, stride)
        part = np.flatnonzero(parent >= 0)
        if not len(part):
            continue
        relation = parent[part] * 2 + tree.apart[code[part]]
        order = np.lexsort((part, values[part], relation))
        part, relation = part[order], relation[order]
        names, relation = np.unique(relation, return_inverse=True)
        families.append(Family(tree.name, part, relation, names // 2))
    return tuple(families)


def _parents(keys: Integers, code: Integers, tree: Dimension, stride: int) -> Integers:
    """Return the position of each cell's nearest ancestor among the cells, or -1."""
    answer = np.full(len(keys), -1, dtype=np.int64)
    pending = np.arange(len(keys))
    up = tree.parent[code]
    while True:
        pending, up = pending[up >= 0], up[up >= 0]
        if not len(pending):
            return answer
        wanted = keys[pending] + (up - code[pending]) * stride
        found = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        hit = keys[found] == wanted
        answer[pending[hit]] = found[hit]
        pending, up = pending[~hit], tree.parent[up[~hit]]
