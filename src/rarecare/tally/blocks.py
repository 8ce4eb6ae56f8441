"""Cutting packed records into blocks, and adding the blocks' sums into a tally.

The order of summation is fixed by the data: records sorted by everything a kernel reads, cut
within each registry and stratum, each block summed serially, blocks added pairwise. An engine
only places them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import CaseError
from rarecare.tally.engines import Engine, LocalEngine
from rarecare.tally.plan import ALL, Plan
from rarecare.tally.records import BLOCK_ROWS, Field, Layout, Strata, pack, unpack
from rarecare.tally.tally import Tally, add_pairwise

_TASK_ROWS = 1 << 16
_BLOCK_COST = 512
"""Rows in whose time a kernel begins and ends a block."""

Sums = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Records:
    """Packed records and where the kernel's fields stand in them (the stratum is left out)."""

    words: NDArray[np.uint64]
    layout: tuple[NDArray[Any], ...]


Blocks = Sequence[tuple[int, int]]
"""First row of each block, and the row after its last."""
Worker = Callable[[Records, Blocks, Any], Sums]
"""Sums the records of each block, with whatever the kernel needs beside them; axis 0: block."""


@dataclass(frozen=True, slots=True)
class _Task:
    """Blocks to be summed in one go."""

    records: Records
    blocks: Blocks
    worker: Worker
    context: Any


def tally_blocks(
    cases: pl.DataFrame,
    plan: Plan,
    fields: Sequence[Field],
    worker: Worker,
    context: Any,
    *,
    engine: Engine | None = None,
) -> Tally:
    """Return the tally of cases by the plan's strata.

    Parameters
    ----------
    cases
        The plan's strata, and ``registry`` where there are several; at least one row.
    plan
        The choices.
    fields
        What the kernel reads of each case, in its order.
    worker, context
        A module's function (it may run in another process), and its last argument.
    engine
        Where blocks are summed; by default threads on this machine.

    Raises
    ------
    CaseError
        There are no cases.
    """
    if cases.is_empty():
        raise CaseError("there are no cases to follow", allowed="at least one case")
    registries = Strata.of(cases, ["registry"] if "registry" in cases.columns else [])
    strata = Strata.of(cases, plan.strata)
    words, layout = pack([Field(registries.codes * strata.size + strata.codes), *fields])
    unit = unpack(words, layout, 0)
    starts = np.flatnonzero(np.diff(unit, prepend=-1))
    stops = np.append(starts[1:], len(unit))
    units = unit[starts]
    blocks = [
        [(row, min(row + BLOCK_ROWS, stop)) for row in range(start, stop, BLOCK_ROWS)]
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)
    ]
    records = Records(words, _without_stratum(layout))
    arrays = _sum_units(records, blocks, worker, context, engine or LocalEngine())
    registry = units // strata.size
    first = np.flatnonzero(np.diff(registry, prepend=-1))
    parts = []
    for begin, end in zip(first.tolist(), [*first[1:].tolist(), len(units)], strict=True):
        own = units[begin:end] % strata.size
        table = strata.table(own) if plan.strata else pl.DataFrame({ALL: ["all"]})
        parts.append(
            Tally(plan.hash, table, {name: array[begin:end] for name, array in arrays.items()})
        )
    return add_pairwise(parts)


def _without_stratum(layout: Layout) -> tuple[NDArray[Any], ...]:
    return layout.word[1:], layout.shift[1:], layout.mask[1:], layout.base[1:]


def _sum_units(
    records: Records, units: Sequence[Blocks], worker: Worker, context: Any, engine: Engine
) -> dict[str, NDArray[Any]]:
    """Return the sums of each unit (a stratum of a registry), its blocks added pairwise."""
    tasks = []
    pending: list[tuple[int, int]] = []
    for block in (block for unit in units for block in unit):
        pending.append(block)
        if block[1] - pending[0][0] + _BLOCK_COST * len(pending) >= _TASK_ROWS:
            tasks.append(_task(records, pending, worker, context))
            pending = []
    if pending:
        tasks.append(_task(records, pending, worker, context))
    arrays = _joined(engine.map(_sum_blocks, tasks), sum(len(unit) for unit in units))
    if all(len(unit) == 1 for unit in units):
        return arrays
    stops = np.cumsum([len(unit) for unit in units])[:-1]
    return {
        name: np.stack([_added(own) for own in np.split(array, stops)])
        for name, array in arrays.items()
    }


def _joined(parts: Iterable[Sums], n_blocks: int) -> dict[str, NDArray[Any]]:
    """Return parts one after another; each is let go of as soon as it is copied."""
    whole: dict[str, NDArray[Any]] = {}
    start = 0
    for part in parts:
        stop = start + len(next(iter(part.values())))
        if stop - start == n_blocks:
            return dict(part)
        for name, array in part.items():
            if name not in whole:
                whole[name] = np.empty((n_blocks, *array.shape[1:]), dtype=array.dtype)
            whole[name][start:stop] = array
        start = stop
    return whole


def _added(parts: NDArray[Any]) -> NDArray[Any]:
    while len(parts) > 1:
        pairs = parts[:-1:2] + parts[1::2]
        parts = np.concatenate([pairs, parts[len(pairs) * 2 :]])
    whole: NDArray[Any] = parts[0]
    return whole


def _task(records: Records, blocks: Blocks, worker: Worker, context: Any) -> _Task:
    first, last = blocks[0][0], blocks[-1][1]
    own = tuple((start - first, stop - first) for start, stop in blocks)
    return _Task(Records(records.words[:, first:last], records.layout), own, worker, context)


def _sum_blocks(task: _Task) -> Sums:
    return task.worker(task.records, task.blocks, task.context)
