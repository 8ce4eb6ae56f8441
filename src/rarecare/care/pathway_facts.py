"""What is known of each patient before a path is made, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.care.linking import KEYS, UNDATED, Linked
from rarecare.care.pathway_steps import DEATH, DIAGNOSIS, Steps
from rarecare.care.pathway_told import Told
from rarecare.registry.events import EVENTS

Ints = NDArray[np.int32]
Flags = NDArray[np.bool_]
NOT_DATED = "a step has no date known to the day"
OUT_OF_ORDER = "a step comes before one that it cannot precede"
AFTER_DEATH = "a step comes after death"
AFTER_END = "a step comes after the end of follow-up"
REASONS = (NOT_DATED, OUT_OF_ORDER, AFTER_DEATH, AFTER_END)
"""Why a patient has no path, in the order applied."""

FOREVER = 2**30


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """Every step of every patient: row of the case, step, day, place among the events (or −1).

    ``first`` is the first day of each step, shape (n_cases, n_steps), ``latest`` the last day of
    any step but death, both ``UNDATED`` and before all where there is none; ``told`` what the cases
    tell once events are known.
    """

    row: Ints
    step: NDArray[np.uint8]
    day: Ints
    place: NDArray[np.int64]
    first: Ints
    latest: Ints
    latest_step: NDArray[np.uint8]
    added: int
    no_step: dict[str, int]
    told: Told

    @classmethod
    def of(cls, linked: Linked, told: Told, table: Steps, *, exact: bool) -> Facts:
        """Map events to steps, and add diagnosis and death from the cases."""
        code = np.full(256, 255, dtype=np.uint8)
        for k, one in enumerate(table.rows):
            for event in one.events:
                if event in EVENTS:
                    code[list(EVENTS).index(event)] = k
        step = code[linked.kind]
        held = step != 255
        others = np.bincount(linked.kind[~held], minlength=len(EVENTS))
        no_step = {name: int(k) for name, k in zip(EVENTS, others, strict=True) if k}
        place = np.flatnonzero(held)
        row, step, day = linked.row[held], step[held], linked.day[held]
        first = np.full((linked.size, len(table.rows)), UNDATED, dtype=np.int32)
        np.minimum.at(first.reshape(-1), row.astype(np.int64) * len(table.rows) + step, day)
        latest = np.full(linked.size, -FOREVER, dtype=np.int32)
        latest_step = np.zeros(linked.size, dtype=np.uint8)
        dated = day != UNDATED
        latest[row[dated]], latest_step[row[dated]] = day[dated], step[dated]
        vague = told.start_vague
        told = told.settled(*_bounds(first, table), latest, exact=exact)
        more: list[tuple[Ints, int, Ints]] = []
        added = 0
        for k in table.of_kind(DIAGNOSIS):
            had = np.zeros(linked.size, dtype=bool)
            had[row[step == k]] = True
            own = np.flatnonzero(~had & ((told.start != UNDATED) | vague)).astype(np.int32)
            more.append((own, k, told.start[own]))
            added = len(own)
        for k in table.of_kind(DEATH):
            own = np.flatnonzero(told.died).astype(np.int32)
            more.append((own, k, told.end[own]))
        for own, k, days in more:
            first[own, k] = days
            row, day = np.concatenate([row, own]), np.concatenate([day, days])
            step = np.concatenate([step, np.full(len(own), k, dtype=np.uint8)])
            place = np.concatenate([place, np.full(len(own), -1)])
        return cls(row, step, day, place, first, latest, latest_step, added, no_step, told)


def _bounds(first: Ints, table: Steps) -> tuple[Ints, Ints]:
    """Return the day of the event of diagnosis, and of the first step that it must precede."""
    diagnosed = treated = np.full(len(first), UNDATED, dtype=np.int32)
    for k in table.of_kind(DIAGNOSIS):
        diagnosed = first[:, k].copy()
        after = [j for j, row in enumerate(table.rows) if table.names[k] in row.not_before]
        if after:
            treated = first[:, after].min(axis=1)
    return diagnosed, treated


@dataclass(frozen=True, slots=True)
class Problem:
    """Patients of one reason, and the two steps and days that show it; −1: no other step."""

    rows: NDArray[np.int64]
    reason: int
    step: NDArray[np.int64]
    day: Ints
    other: NDArray[np.int64]
    other_day: Ints

    @classmethod
    def of(
        cls, rows: Any, reason: int, own: tuple[Any, Any], other: tuple[Any, Any] = (-1, UNDATED)
    ) -> Problem:
        """Make one from rows, and from the step and day of this step and of the other."""
        size = np.shape(rows)
        days = [np.broadcast_to(np.asarray(pair[1], dtype=np.int32), size) for pair in (own, other)]
        steps = [
            np.broadcast_to(np.asarray(pair[0], dtype=np.int64), size) for pair in (own, other)
        ]
        return cls(np.asarray(rows), reason, steps[0], days[0], steps[1], days[1])


def problems_of(
    facts: Facts, told: Told, table: Steps, kept: Flags
) -> tuple[list[Problem], NDArray[np.int8]]:
    """Return what is wrong, and the first reason of each patient, −1 where nothing is."""
    found: list[Problem] = []

    undated = (facts.day == UNDATED) & kept[facts.step]
    found.append(Problem.of(facts.row[undated], 0, (facts.step[undated], UNDATED)))
    first = facts.first
    for k, one in enumerate(table.rows):
        for name in one.not_before:
            other = table.names.index(name)
            both = (first[:, k] != UNDATED) & (first[:, other] != UNDATED)
            rows = np.flatnonzero(both & (first[:, k] < first[:, other]))
            found.append(Problem.of(rows, 1, (k, first[rows, k]), (other, first[rows, other])))
    known = told.end != UNDATED
    rows = np.flatnonzero(told.died & known & (facts.latest > told.end))
    death = next(iter(table.of_kind(DEATH)), -1)
    own = (facts.latest_step[rows], facts.latest[rows])
    found.append(Problem.of(rows, 2, own, (death, told.end[rows])))
    rows = np.flatnonzero(~told.died & known & (facts.latest > told.end))
    own = (facts.latest_step[rows], facts.latest[rows])
    found.append(Problem.of(rows, 3, own, (-1, told.end[rows])))
    reason = np.full(len(told.start), -1, dtype=np.int8)
    for one_problem in reversed(found):
        reason[one_problem.rows] = one_problem.reason
    return found, reason


def listed_problems(cases: pl.DataFrame, problems: Sequence[Problem], table: Steps) -> pl.DataFrame:
    """Return the problems in words, with the keys of the cases."""
    keys = [name for name in KEYS if name in cases.columns]
    parts = []
    names = pl.Series(table.names)
    for one in problems:
        days = [pl.Series(each).cast(pl.Int32) for each in (one.day, one.other_day)]
        dates = [pl.select(pl.when(each != int(UNDATED)).then(each)).to_series() for each in days]
        other = pl.Series(one.other, dtype=pl.Int64)
        parts.append(
            cases.select(keys)[pl.Series(one.rows, dtype=pl.UInt32)].with_columns(
                pl.lit(REASONS[one.reason]).alias("reason"),
                names.gather(pl.Series(one.step, dtype=pl.Int64)).alias("step"),
                dates[0].cast(pl.Date).alias("date"),
                names.gather(other.set(other < 0, None)).alias("other"),
                dates[1].cast(pl.Date).alias("other_date"),
                (dates[0] - dates[1]).alias("days"),
            )
        )  # fmt: skip
    return pl.concat(parts)


def excluded(reason: NDArray[np.int8]) -> pl.DataFrame:
    """Return how many patients are left out for each reason."""
    return pl.DataFrame(
        {"reason": list(REASONS), "records": [int((reason == k).sum()) for k in range(4)]},
        schema={"reason": pl.String, "records": pl.Int64},
    )
