"""Rows of one measure as cells, and cells as families: whole numbers that can be added."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.disclosure.families import ALL, Dimension, dimensions

Integers = NDArray[np.int64]
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
    """One count of every cell, or of every (cell, time), and the relations among them."""

    values: Integers
    timed: bool
    families: tuple[Family, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Measure:
    """The counts of one measure.

    Attributes
    ----------
    cell, whole_cell
        Of each row: its cell, and that of all ages, or its own where there is none.
    n, known, n_hidden
        Cases by cell, and those of known age; where they are withheld already, 0 and true.
    unit
        Of each row: its (cell, time); empty where there are none.
    follow_up, follow_up_hidden
        ``events`` and ``at_risk`` by (cell, time), shape (n_units, 2), sorted by cell and time.
    unit_cell
        The cell of each (cell, time).
    lattices
        Cases, cases of known age where they differ, events, at_risk.
    """

    cell: Integers
    whole_cell: Integers
    n: Integers
    known: Integers
    n_hidden: NDArray[np.bool_]
    unit: Integers
    follow_up: Integers
    follow_up_hidden: NDArray[np.bool_]
    unit_cell: Integers
    lattices: tuple[Lattice, ...]


def measure_of(rows: pl.DataFrame, *, areas: pl.DataFrame, entities: pl.DataFrame) -> Measure:
    """Return the counts of the rows of one measure."""
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
    keys = by_cell["key"].to_numpy()
    n = by_cell["n"].fill_null(0).to_numpy()
    known = by_cell.select(pl.coalesce("known", "n").fill_null(0)).to_series().to_numpy()
    cell = np.searchsorted(keys, key)
    lattices = [Lattice(known, timed=False, families=_families(keys, trees, strides, known))]
    if (known != n).any():
        others = [i for i, tree in enumerate(trees) if tree.name != AGE]
        families = _families(keys, [trees[i] for i in others], [strides[i] for i in others], n)
        lattices.append(Lattice(n, timed=False, families=families))
    whole_cell = _cell_of_all_ages(keys, key, cell, trees=trees, codes=codes, strides=strides)
    cases = (cell, whole_cell, n, known, by_cell["hidden"].to_numpy())
    followed = table.select(pl.any_horizontal(pl.col("events", "at_risk").is_not_null().any()))
    if not followed.item():
        none = np.zeros(0, dtype=np.int64)
        return Measure(*cases, none, none.reshape(0, 2), none > 0, none, tuple(lattices))
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
    timed_keys = by_time["key"].to_numpy()
    follow_up = by_time.select("events", "at_risk").to_numpy()
    timed_strides = [stride * n_times for stride in strides]
    for column in follow_up.T:
        families = _families(timed_keys, trees, timed_strides, column)
        lattices.append(Lattice(column, timed=True, families=families))
    return Measure(
        *cases,
        np.searchsorted(timed_keys, timed_key),
        follow_up,
        by_time["hidden"].to_numpy(),
        np.searchsorted(keys, timed_keys // n_times),
        tuple(lattices),
    )


def _strides(trees: tuple[Dimension, ...]) -> list[int]:
    """Return what one step in each dimension adds to a key."""
    strides, stride = [], 1
    for tree in reversed(trees):
        strides.append(stride)
        stride *= len(tree.values)
    return strides[::-1]


def _cell_of_all_ages(
    keys: Integers,
    key: Integers,
    cell: Integers,
    *,
    trees: tuple[Dimension, ...],
    codes: list[Integers],
    strides: list[int],
) -> Integers:
    age = [tree.name for tree in trees].index(AGE)
    if ALL not in trees[age].values:
        return cell
    wanted = key + (trees[age].values.index(ALL) - codes[age]) * strides[age]
    found = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[found] == wanted, found, cell)


def _families(
    keys: Integers,
    trees: tuple[Dimension, ...] | list[Dimension],
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
