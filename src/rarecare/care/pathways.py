"""Pathways: the steps of each patient in order of time, from dated events.

Events are mapped to steps by an editable table (``pathway_steps``); events of one step close in
time are one course; patients whose dates are not known or cannot be are listed, left out and
counted. The definitions are this project's own (sureness D).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.care.linking import KEYS, UNDATED, Linked
from rarecare.care.pathway_facts import (
    FOREVER,
    Facts,
    Flags,
    excluded,
    listed_problems,
    problems_of,
)
from rarecare.care.pathway_steps import DEATH, DIAGNOSIS, TREATMENT, Steps, default_steps
from rarecare.care.pathway_told import Told
from rarecare.care.volumes import hashed
from rarecare.errors import ColumnError, UsageError
from rarecare.files import Source
from rarecare.results import Provenance

SameDay = Literal["order", "together"]
Imprecise = Literal["exclude", "use"]

NO_STEP = "no step recorded"
BETWEEN, AND = " > ", " + "
_DAY_ZERO = 2**20  # keeps days before 1970 positive in a sort key
_TEXT = pl.String()


@dataclass(frozen=True, slots=True, eq=False)
class Pathways:
    """The paths of patients.

    Attributes
    ----------
    patients
        One row per tumour with a path: the columns of the cases, ``path`` (its steps, with
        ``" > "`` between them), ``steps`` (their number), ``treated_at`` (hospital of the first
        treatment), ``start_day`` (diagnosis, days from 1970), ``end_day`` (last date of
        follow-up) and ``died``, null where not known.
    courses
        One row per step of a path, in order: ``patient`` (row of ``patients``), ``place``
        (from 1; steps of one day share it where they stand together), ``step``, ``first_day`` and
        ``last_day`` (days from 1970, first and last event of the course).
    problems
        What is wrong, by patient: the keys, ``reason``, ``step``, ``date``, ``other``,
        ``other_date``, ``days`` (from the other step to this one).
    exclusions
        Patients left out: ``reason``, ``records``; each under the first reason that holds.
    steps
        The definitions.
    plan, inputs, notes
        For provenance.
    """

    patients: pl.DataFrame
    courses: pl.DataFrame
    problems: pl.DataFrame
    exclusions: pl.DataFrame
    steps: Steps
    plan: dict[str, Any]
    inputs: tuple[Source, ...]
    notes: tuple[str, ...]

    def stops(self) -> pl.DataFrame:
        """Return one row per place of a path: ``patient``, ``place``, ``step``."""
        if self.plan["same_day"] == "order":
            return self.courses.select("patient", "place", "step")
        joined = self.courses.group_by("patient", "place", maintain_order=True).agg("step")
        return joined.with_columns(pl.col("step").cast(pl.List(_TEXT)).list.join(AND))

    def strata(self, by: Sequence[str]) -> pl.DataFrame:
        """Return the columns of patients that divide them.

        Raises
        ------
        ColumnError
            There is no such column.
        """
        for name in by:
            if name not in self.patients.columns:
                raise ColumnError("patients have no such column", value=name,
                                  allowed=self.patients.columns)  # fmt: skip
        return self.patients.select(by)

    def provenance(self, statistic: str, plan: Mapping[str, Any], *notes: str) -> Provenance:
        """Return the provenance of a statistic made from these paths."""
        whole = self.plan | dict(plan)
        return Provenance(
            statistic=statistic, inputs=self.inputs, plan=whole, plan_hash=hashed(whole),
            exclusions=self.exclusions, notes=(*self.notes, *notes),
        )  # fmt: skip


def pathways(
    events: pl.DataFrame, cases: pl.DataFrame | None = None, *, steps: Steps | None = None,
    only: Sequence[str] | None = None, same_day: SameDay = "order",
    imprecise: Imprecise = "exclude", inputs: Sequence[Source] = (),
) -> Pathways:  # fmt: skip
    """Return the steps of each patient in order of time.

    Parameters
    ----------
    events
        Dated facts, as ``read_events`` gives them.
    cases
        One row per tumour, for deaths (``died`` or ``vital_status``, and ``last_date`` or
        ``incidence_date`` and ``follow_up_days``), for the date of diagnosis where no event
        tells it, and for strata. Without cases, patients are those of the events.
    steps
        The definitions, ``default_steps()`` by default.
    only
        Steps that make the path, all by default; orders are checked on all.
    same_day
        Steps of one day stand in the order of their table, or ``"together"`` as one.
    imprecise
        Whether a patient with a date not known to the day is left out, or such dates used as they
        stand. A step without any date always leaves its patient out. Dates of cases whose precision
        is a month or a year (``last_date_precision``) are first made exact by the event of
        diagnosis and ``follow_up_days``, or moved within what is known of them.
    inputs
        Sources of the tables, for the provenance.

    Raises
    ------
    UsageError
        A choice is not among its choices, or ``only`` names no step.
    ColumnError
        A column is missing.
    CaseError
        Two cases have the same key.

    Examples
    --------
    >>> from datetime import date
    >>> events = pl.DataFrame({
    ...     "patient_id": ["1", "1", "1"], "event": ["surgery", "diagnosis", "chemotherapy"],
    ...     "date": [date(2020, 2, 1), date(2020, 1, 9), date(2020, 3, 1)]})
    >>> pathways(events).patients["path"].to_list()
    ['diagnosis > surgery > systemic']
    """
    table = steps or default_steps()
    _check(same_day, imprecise, only, table)
    if imprecise == "use" and "date_precision" in events.columns:
        events = events.with_columns(date_precision=pl.lit("day"))
    if cases is None:
        keys = [name for name in KEYS if name in events.columns]
        cases = events.select(keys).unique(maintain_order=True)
    linked = Linked.of(cases, events)
    facts = Facts.of(linked, Told.of(cases), table, exact=imprecise == "exclude")
    told = facts.told
    kept = np.ones(len(table.rows), dtype=bool)
    if only is not None:
        kept[:] = [name in only for name in table.names]
    problems, first_reason = problems_of(facts, told, table, kept)
    good = first_reason < 0
    courses, place = _courses(facts, table, good, kept)
    courses = _placed(courses, same_day)
    patients = _patients(cases, told, facts, table, good)
    made = Pathways(
        patients, courses, listed_problems(cases, problems, table), excluded(first_reason), table,
        {"steps": table.plan(), "only": list(only) if only is not None else None,
         "same_day": same_day, "imprecise": imprecise},
        tuple(inputs), (table.note(), *_notes(linked, told, facts, table)),
    )  # fmt: skip
    return _with_paths(made, _treated_at(courses, place, linked, table))


def _check(
    same_day: str, imprecise: str, only: Sequence[str] | None, table: Steps
) -> None:  # fmt: skip
    if same_day not in get_args(SameDay):
        raise UsageError("there is no such rule of one day", value=same_day,
                         allowed=get_args(SameDay))  # fmt: skip
    if imprecise not in get_args(Imprecise):
        raise UsageError("there is no such rule of dates", value=imprecise,
                         allowed=get_args(Imprecise))  # fmt: skip
    for name in only or ():
        if name not in table.names:
            raise UsageError("there is no such step", value=name, allowed=table.names)
    if only is not None and not only:
        raise UsageError("no step is asked for", value="none", allowed=table.names)


def _courses(
    facts: Facts, table: Steps, good: Flags, kept: Flags
) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    """Return one row per course of the good patients, in order, and the place of its event."""
    held = good[facts.row] & kept[facts.step] & (facts.day != UNDATED)
    row, step, day, place = (each[held] for each in (facts.row, facts.step, facts.day, facts.place))
    number = np.cumsum(good, dtype=np.int32) - 1
    row = number[row]
    days = day.astype(np.int64) + _DAY_ZERO
    order = pl.Series((row.astype(np.int64) * 32 + step) * 2**22 + days).arg_sort().to_numpy()
    row, step, day, place = row[order], step[order], day[order], place[order]
    gap = np.array([FOREVER * 2 if one.course_days is None else one.course_days
                    for one in table.rows])  # fmt: skip
    begins = np.ones(len(row), dtype=bool)
    same = (row[1:] == row[:-1]) & (step[1:] == step[:-1])
    begins[1:] = ~same | (np.diff(day.astype(np.int64)) > gap[step[1:]])
    starts = np.flatnonzero(begins)
    last = day[np.append(starts[1:], len(row)) - 1] if len(row) else day
    row, step, day, place = row[starts], step[starts], day[starts], place[starts]
    days = day.astype(np.int64) + _DAY_ZERO
    order = pl.Series((row.astype(np.int64) * 2**22 + days) * 32 + step).arg_sort().to_numpy()
    names = pl.Series(table.names, dtype=pl.Enum(table.names))
    made = pl.DataFrame(
        {
            "patient": row[order],
            "step": names.gather(step[order].astype(np.uint32)),
            "first_day": day[order],
            "last_day": last[order],
        },
        schema_overrides={"patient": pl.Int32, "first_day": pl.Int32, "last_day": pl.Int32},
    )
    return made, place[order]


def _placed(courses: pl.DataFrame, same_day: SameDay) -> pl.DataFrame:
    patient, day = courses["patient"].to_numpy(), courses["first_day"].to_numpy()
    new = np.ones(len(patient), dtype=bool)
    new[1:] = patient[1:] != patient[:-1]
    steps = np.ones(len(patient), dtype=bool)
    if same_day == "together":
        steps[1:] = new[1:] | (day[1:] != day[:-1])
    run = np.cumsum(steps)
    base = run[np.flatnonzero(new)] - 1
    place = run - base[np.cumsum(new) - 1] if len(run) else run
    numbers = pl.Series("place", place.astype(np.int32), dtype=pl.Int32)
    return courses.select("patient", numbers, "step", "first_day", "last_day")


def _patients(
    cases: pl.DataFrame, told: Told, facts: Facts, table: Steps, good: Flags
) -> pl.DataFrame:
    start = told.start
    for k in table.of_kind(DIAGNOSIS):
        start = np.where(facts.first[:, k] != UNDATED, facts.first[:, k], start)
    columns = []
    for name, days in (("start_day", start), ("end_day", told.end)):
        own = pl.Series(name, days, dtype=pl.Int32)
        columns.append(own.set(own == int(UNDATED), None))
    died = pl.Series("died", told.died).set(pl.Series(~told.vital_known), None)
    return cases.with_columns(*columns, died).filter(pl.Series(good))


def _treated_at(
    courses: pl.DataFrame, place: NDArray[np.int64], linked: Linked, table: Steps
) -> pl.DataFrame:
    """Return the hospital of the first treatment: ``patient``, ``treated_at``."""
    treatments = [table.names[k] for k in table.of_kind(TREATMENT)]
    first = courses.select("patient", "step", _at=pl.Series(place, dtype=pl.Int64)).filter(
        pl.col("step").cast(pl.String).is_in(treatments)
    ).unique("patient", keep="first", maintain_order=True)  # fmt: skip
    hospital = linked.text("hospital_id", first["_at"].to_numpy())
    return first.select("patient", hospital.alias("treated_at"))


def _with_paths(made: Pathways, treated_at: pl.DataFrame) -> Pathways:
    stops = made.stops()
    paths = stops.group_by("patient", maintain_order=True).agg(
        path=pl.col("step").cast(_TEXT), steps=pl.len().cast(pl.Int32)
    ).with_columns(pl.col("path").list.join(BETWEEN))  # fmt: skip
    mine = made.patients.drop("path", "steps", "treated_at", strict=False)
    patients = (
        mine.with_row_index("patient").with_columns(pl.col("patient").cast(pl.Int32))
        .join(paths, on="patient", how="left", maintain_order="left")
        .join(treated_at, on="patient", how="left", maintain_order="left")
        .with_columns(pl.col("path").fill_null(NO_STEP), pl.col("steps").fill_null(0))
        .drop("patient")
    )  # fmt: skip
    return Pathways(
        patients, made.courses, made.problems, made.exclusions, made.steps, made.plan,
        made.inputs, made.notes,
    )  # fmt: skip


def _notes(linked: Linked, told: Told, facts: Facts, table: Steps) -> list[str]:
    notes = []
    if facts.no_step:
        each = ", ".join(f"{name} {k:,}" for name, k in facts.no_step.items())
        notes.append(f"Events that are no step: {each}")
    if linked.unlinked:
        notes.append(f"{linked.unlinked:,} events have no case")
    for row in linked.unknown.iter_rows(named=True):
        notes.append(f"{row['records']:,} events {row['event']} are not in the list of events")
    if facts.added:
        notes.append(f"{facts.added:,} diagnoses are the incidence date: no event tells them")
    unknown = int((~told.vital_known).sum())
    if table.of_kind(DEATH) and unknown:
        notes.append(f"{unknown:,} patients whose death is not known have no step of death")
    return notes
