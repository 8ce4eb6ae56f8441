"""Cutting packed records into blocks, and adding the blocks' sums into a tally.

The order of summation is fixed by the data: records sorted by everything a kernel reads, cut
within each registry and stratum, each block summed serially, blocks added pairwise. An engine
only places them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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

Sums = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Records:
    """Packed records and where the kernel's fields stand in them (the stratum is left out)."""

    words: NDArray[np.uint64]
    layout: tuple[NDArray[Any], ...]


Worker = Callable[[Records, int, int, Any], Sums]
"""Sums the records ``start..stop``, with whatever the kernel needs beside them."""


@dataclass(frozen=True, slots=True)
class _Task:
    """Blocks to be summed in one go: (first, last) rows of the records."""

    records: Records
    blocks: tuple[tuple[int, int], ...]
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
    sums = _sum_units(records, blocks, worker, context, engine or LocalEngine())
    parts = []
    for registry in np.unique(units // strata.size):
        own = units[units // strata.size == registry] % strata.size
        arrays = _stack([next(sums) for _ in own])
        table = strata.table(own) if plan.strata else pl.DataFrame({ALL: ["all"]})
        parts.append(Tally(plan.hash, table, arrays))
    return add_pairwise(parts)


def _without_stratum(layout: Layout) -> tuple[NDArray[Any], ...]:
    return layout.word[1:], layout.shift[1:], layout.mask[1:], layout.base[1:]


def _sum_units(
    records: Records,
    units: Sequence[Sequence[tuple[int, int]]],
    worker: Worker,
    context: Any,
    engine: Engine,
) -> Iterator[Sums]:
    """Yield the sums of each unit (a stratum of a registry), its blocks added pairwise."""
    tasks = []
    pending: list[tuple[int, int]] = []
    for block in (block for unit in units for block in unit):
        pending.append(block)
        if pending[-1][1] - pending[0][0] >= _TASK_ROWS:
            tasks.append(_task(records, pending, worker, context))
            pending = []
    if pending:
        tasks.append(_task(records, pending, worker, context))
    sums = (one for answer in engine.map(_sum_blocks, tasks) for one in answer)
    for unit in units:
        parts = [next(sums) for _ in unit]
        while len(parts) > 1:
            pairs = [
                {name: a[name] + b[name] for name in a}
                for a, b in zip(parts[::2], parts[1::2], strict=False)
            ]
            parts = [*pairs, *parts[len(pairs) * 2 :]]
        yield parts[0]


def _task(
    records: Records, blocks: Sequence[tuple[int, int]], worker: Worker, context: Any
) -> _Task:
    first, last = blocks[0][0], blocks[-1][1]
    own = tuple((start - first, stop - first) for start, stop in blocks)
    return _Task(Records(records.words[:, first:last], records.layout), own, worker, context)


def _sum_blocks(task: _Task) -> list[Sums]:
    return [task.worker(task.records, start, stop, task.context) for start, stop in task.blocks]


def _stack(sums: Sequence[Sums]) -> dict[str, NDArray[Any]]:
    return {name: np.stack([one[name] for one in sums]) for name in sums[0]}
