"""Steps of a pathway: which events they are, and when several are one.

The table shipped, ``steps/steps.csv``, is this project's own definition (sureness D), to be edited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl

from rarecare.errors import CodeError, ColumnError, InputError, UsageError
from rarecare.files import read_table
from rarecare.registry.casts import as_text
from rarecare.registry.events import EVENTS

WORK_UP, DIAGNOSIS, TREATMENT = "work-up", "diagnosis", "treatment"
WATCHING, RECURRENCE, DEATH = "watching", "recurrence", "death"
KINDS = (WORK_UP, DIAGNOSIS, TREATMENT, WATCHING, RECURRENCE, DEATH)
"""What a step is to a patient; it decides the states of occupancy."""

COLUMNS = ("step", "kind", "events", "course_days", "not_before", "source", "sureness")
MOST_STEPS = 31
_ONCE = (DIAGNOSIS, WATCHING, RECURRENCE, DEATH)


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes
    ----------
    name, kind
        Its name, and one of ``KINDS``.
    events
        Those of ``EVENTS`` that are this step; ``death`` is no event but told by the cases.
    course_days
        An event at most so many days after the one before it, of the same step, belongs to the
        same course, which ends so many days after its last event. None: the first counts only.
    not_before
        Steps it cannot come before.
    source, sureness
        Where the definition is from, and how sure: D own definition, M memory.
    """

    name: str
    kind: str
    events: tuple[str, ...]
    course_days: int | None = None
    not_before: tuple[str, ...] = ()
    source: str = ""
    sureness: str = "D"


@dataclass(frozen=True, slots=True)
class Steps:
    """Steps in their order within a day.

    Raises
    ------
    UsageError
        There is none or more than 31, a name comes twice or holds " > " or " + ", an event is
        of two steps, a course is negative, a treatment has no length, there is more than one step
        of diagnosis, watching, recurrence or death, or a step comes before itself.
    CodeError
        A kind, an event or a step named is not in its list.
    """

    rows: tuple[Step, ...]

    def __post_init__(self) -> None:
        names = self.names
        if not 0 < len(names) <= MOST_STEPS:
            raise UsageError("so many steps cannot be", value=len(names), allowed="1 to 31")
        _once(names, "a step comes twice")
        _once([event for row in self.rows for event in row.events], "an event is of two steps")
        for kind in _ONCE:
            _once([row.kind for row in self.rows if row.kind == kind], "two steps are of one kind")
        for row in self.rows:
            _check(row, names)

    @property
    def names(self) -> tuple[str, ...]:
        """The steps, in their order within a day."""
        return tuple(row.name for row in self.rows)

    def of_kind(self, kind: str) -> tuple[int, ...]:
        """Return the places of the steps of a kind."""
        return tuple(k for k, row in enumerate(self.rows) if row.kind == kind)

    def plan(self) -> list[dict[str, Any]]:
        """Return the definitions, for the provenance."""
        return [
            {"step": row.name, "kind": row.kind, "events": "; ".join(row.events),
             "course_days": row.course_days, "not_before": "; ".join(row.not_before),
             "source": row.source, "sureness": row.sureness}
            for row in self.rows
        ]  # fmt: skip

    def note(self) -> str:
        """Return the lengths of courses and their sureness, as a sentence."""
        told = [f"{row.name} {row.course_days} days ({row.sureness})" for row in self.rows
                if row.course_days is not None]  # fmt: skip
        return f"Events of one step are one course within: {', '.join(told)}" if told else (
            "Only the first event of each step counts"
        )  # fmt: skip


def _once(names: Sequence[str], problem: str) -> None:
    for k, name in enumerate(names):
        if name in names[:k]:
            raise UsageError(problem, value=name, allowed="each once")


def _check(row: Step, names: Sequence[str]) -> None:
    if not row.name.strip() or " > " in row.name or " + " in row.name:
        raise UsageError("this cannot name a step", value=row.name, allowed="no blank, > or +")
    if row.kind not in KINDS:
        raise CodeError("a step is of no known kind", value=row.kind, allowed=KINDS)
    known = [DEATH] if row.kind == DEATH else list(EVENTS)
    for event in row.events:
        if event not in known:
            raise CodeError(f"step {row.name} is of no known event", value=event, allowed=known)
    if row.course_days is not None and row.course_days < 0:
        raise UsageError(f"the course of {row.name} is negative", value=row.course_days,
                         allowed="0 days or more")  # fmt: skip
    if row.kind == TREATMENT and row.course_days is None:
        raise UsageError(f"treatment {row.name} has no length", value="blank",
                         allowed="course_days, 0 or more")  # fmt: skip
    for name in row.not_before:
        if name not in names:
            raise CodeError(f"{row.name} is not before an unknown step", value=name, allowed=names)
        if name == row.name:
            raise UsageError("a step cannot come before itself", value=name)


@cache
def default_steps() -> Steps:
    """Return the steps shipped.

    >>> default_steps().names[:3]
    ('diagnosis', 'imaging', 'pathology')
    """
    text = (files("rarecare.care") / "steps" / "steps.csv").read_bytes()
    return _steps(pl.read_csv(text, infer_schema=False), "steps.csv")


def read_steps(source: str | Path | Any) -> Steps:
    """Return the steps of a table.

    Parameters
    ----------
    source
        Path of a CSV file, or a data frame, with the columns of ``COLUMNS``; several events or
        steps in one field have semicolons between them.

    Raises
    ------
    ColumnError
        A column is missing or too many.
    InputError
        A length is no whole number.
    CodeError, UsageError
        As for ``Steps``.
    """
    raw = read_table(source)
    return _steps(raw.frame, raw.source.name)


def _steps(frame: pl.DataFrame, file: str) -> Steps:
    for name in (*COLUMNS, *frame.columns):
        if name not in COLUMNS or name not in frame.columns:
            missing = name in COLUMNS
            raise ColumnError(
                "the steps lack a column" if missing else "the steps have a column too many",
                file=file, value=name, allowed=frame.columns if missing else COLUMNS,
            )  # fmt: skip
    rows = frame.select(as_text(frame[name]) for name in COLUMNS).to_dicts()
    return Steps(tuple(_step(row, file, k + 2) for k, row in enumerate(rows)))


def _step(row: Mapping[str, str | None], file: str, line: int) -> Step:
    days = row["course_days"]
    if days is not None and not days.lstrip("-").isdigit():
        raise InputError("the length of a course is no whole number", file=file, row=line,
                         column="course_days", value=days, allowed="days, or blank")  # fmt: skip
    return Step(
        row["step"] or "", row["kind"] or "", _listed(row["events"]),
        None if days is None else int(days), _listed(row["not_before"]), row["source"] or "",
        row["sureness"] or "",
    )  # fmt: skip


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(";") if part.strip())
