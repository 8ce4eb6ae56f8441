"""In which state each patient is on each day since diagnosis, from the courses of a pathway.

A patient waits until the first treatment begins, is in treatment for the length of each course
(in the one that began last, where several run), then after treatment, until a recurrence, from
which there is no way back but death. Watching without treatment is a state until treatment begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.care.pathway_steps import RECURRENCE, TREATMENT, WATCHING, Steps
from rarecare.care.pathways import Pathways

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Lost = Literal["censor", "state"]
WAITING, AFTER, DEAD, LOST = "waiting", "after treatment", "dead", "lost"
NO_START = "no date of diagnosis"
NO_END = "no end of follow-up, or not known whether dead"
BACKWARD = "follow-up ends before diagnosis"
EARLY = "a treatment, watching or recurrence comes before diagnosis"
CENSORED = -1


@dataclass(frozen=True, slots=True)
class Stays:
    """The stays of patients in states, sorted by patient and day.

    Attributes
    ----------
    states
        Their names, in order.
    patient
        Of each stay: number of the patient, from 0, each with one stay or more.
    state
        Place among ``states``.
    enter, leave
        Days since diagnosis; the first stay begins on day 0. A patient is in the state at the end
        of the day of entry, and on the day of leaving until its end.
    next
        The state entered then, ``CENSORED`` where follow-up ends.
    rows
        Row of each patient in the pathways.
    """

    states: tuple[str, ...]
    patient: Ints
    state: Ints
    enter: Ints
    leave: Ints
    next: Ints
    rows: Ints


def state_names(steps: Steps, *, lost: Lost = "censor") -> tuple[str, ...]:
    """Return the states that steps lead to, in order.

    >>> from rarecare.care.pathway_steps import default_steps
    >>> state_names(default_steps())[:3]
    ('waiting', 'surgery', 're-excision')
    """
    return (
        WAITING,
        *(steps.rows[k].name for kind in (TREATMENT, WATCHING) for k in steps.of_kind(kind)),
        AFTER,
        *(steps.rows[k].name for k in steps.of_kind(RECURRENCE)),
        DEAD,
        *([LOST] if lost == "state" else []),
    )


def stays(pathways: Pathways, *, lost: Lost = "censor") -> tuple[Stays, pl.DataFrame]:
    """Return the stays of patients, and those left out: ``reason``, ``records``.

    Parameters
    ----------
    pathways
        Of ``pathways``, with all steps.
    lost
        Whether the end of follow-up of the living is censoring, or a state on the day after.
    """
    table, names = pathways.steps, state_names(pathways.steps, lost=lost)
    good, end, died, exclusions = _followed(pathways)
    patient, step, first, last = _courses(pathways)
    held = good[patient]
    patient, step, first, last = (each[held] for each in (patient, step, first, last))
    day, state, who = _treated(table, names, (patient, step, first, last))
    start = np.full(len(end), 2**30, dtype=np.int64)
    np.minimum.at(start, who, day)
    for k in table.of_kind(WATCHING):
        own = (step == k) & (first < start[patient])
        more = (patient[own], first[own], names.index(table.names[k]))
        who, day, state = _with((who, day, state), *more)
    stop = np.where(died, end, end + 1)
    for k in table.of_kind(RECURRENCE):
        own = step == k
        came = np.full(len(end), 2**30, dtype=np.int64)
        np.minimum.at(came, patient[own], first[own])
        kept = day < came[who]
        back = np.flatnonzero(came < 2**30)
        so_far = (who[kept], day[kept], state[kept])
        who, day, state = _with(so_far, back, came[back], names.index(table.names[k]))
    kept = day < stop[who]
    who, day, state = who[kept], day[kept], state[kept]
    rows = np.flatnonzero(good)
    own = rows[died[rows]]
    changes = _with((who, day, state), own, end[own], names.index(DEAD))
    if lost == "state":
        own = rows[~died[rows]]
        changes = _with(changes, own, end[own] + 1, names.index(LOST))
    return _stays(names, rows, changes, stop), exclusions


_Changes = tuple[Ints, Ints, Ints]
"""Patient, day since diagnosis, and the state entered."""


def _with(changes: _Changes, more: Ints, days: Ints, state: int) -> _Changes:
    """Add changes of patients into one state."""
    return (
        np.concatenate([changes[0], more]), np.concatenate([changes[1], days]),
        np.concatenate([changes[2], np.full(len(more), state)]),
    )  # fmt: skip


def _followed(pathways: Pathways) -> tuple[Flags, Ints, Flags, pl.DataFrame]:
    """Return who counts, the last day since diagnosis, who died, and how many are left out."""
    own = pathways.patients
    missing = 2**40
    start, end = (own[name].cast(pl.Int64).fill_null(missing).to_numpy()
                  for name in ("start_day", "end_day"))  # fmt: skip
    died = own["died"].fill_null(value=False).to_numpy()
    patient, step, first, _ = _courses(pathways)
    after = [k for kind in (TREATMENT, WATCHING, RECURRENCE) for k in pathways.steps.of_kind(kind)]
    early = np.zeros(len(start), dtype=bool)
    early[patient[np.isin(step, after) & (first < 0)]] = True
    reasons = {
        NO_START: start == missing,
        NO_END: (end == missing) | own["died"].is_null().to_numpy(),
        BACKWARD: end < start,
        EARLY: early,
    }
    good, counts = np.ones(len(start), dtype=bool), []
    for wrong in reasons.values():
        counts.append(int((good & wrong).sum()))
        good &= ~wrong
    exclusions = pl.DataFrame({"reason": list(reasons), "records": counts},
                              schema={"reason": pl.String, "records": pl.Int64})  # fmt: skip
    return good, np.where(good, end - start, 0), died, exclusions


def _courses(pathways: Pathways) -> tuple[Ints, Ints, Ints, Ints]:
    """Return patient, step, first and last day since diagnosis of each course."""
    own = pathways.courses
    patient, step, first, last = (
        each.cast(pl.Int64).to_numpy()
        for each in (own["patient"], own["step"].to_physical(), own["first_day"], own["last_day"])
    )
    start = pathways.patients["start_day"].cast(pl.Int64).fill_null(0).to_numpy()[patient]
    return patient, step, first - start, last - start


def _treated(
    table: Steps, names: tuple[str, ...], courses: tuple[Ints, Ints, Ints, Ints]
) -> tuple[Ints, Ints, Ints]:
    """Return day, state and patient wherever a course begins or ends, the last of each day."""
    patient, step, first, last = courses
    kinds = table.of_kind(TREATMENT)
    own = np.isin(step, kinds)
    patient, step, first, last = patient[own], step[own], first[own], last[own]
    length = np.array([row.course_days or 0 for row in table.rows], dtype=np.int64)
    # a course of no length is over on the day after, so that it is seen
    over = last + np.maximum(length[step], 1)
    who, what = np.tile(patient, 2), np.tile(step, 2)
    day, began = np.concatenate([first, over]), np.repeat([True, False], len(first))
    order = pl.Series(who * 2**23 + day).arg_sort().to_numpy()
    who, what, day, began = who[order], what[order], day[order], began[order]
    place = np.arange(len(who))
    new = np.ones(len(who), dtype=bool)
    new[1:] = who[1:] != who[:-1]
    base = np.maximum.accumulate(np.where(new, place, 0))
    latest = np.full(len(who), -1, dtype=np.int64)
    state = np.full(len(who), names.index(AFTER), dtype=np.int64)
    for k in kinds:
        at = np.maximum.accumulate(np.where(what == k, place, -1))
        runs = (at >= base) & began[at]
        since = np.where(runs, day[at], -1)
        later = runs & (since >= latest)
        latest = np.where(later, since, latest)
        state = np.where(later, names.index(table.rows[k].name), state)
    end_of_day = np.ones(len(who), dtype=bool)
    end_of_day[:-1] = new[1:] | (day[1:] != day[:-1])
    return day[end_of_day], state[end_of_day], who[end_of_day]


def _stays(names: tuple[str, ...], rows: Ints, changes: _Changes, stop: Ints) -> Stays:
    """Return stays from changes of state, the last of each day, none into the same state."""
    who = np.concatenate([rows, changes[0]])
    day = np.concatenate([np.zeros(len(rows), dtype=np.int64), changes[1]])
    state = np.concatenate([np.zeros(len(rows), dtype=np.int64), changes[2]])
    # waiting stands first on day 0
    order = pl.Series((who * 2**23 + day) * 2 + (np.arange(len(who)) >= len(rows))).arg_sort()
    who, day, state = (each[order.to_numpy()] for each in (who, day, state))
    last = np.ones(len(who), dtype=bool)
    last[:-1] = (who[1:] != who[:-1]) | (day[1:] != day[:-1])
    who, day, state = who[last], day[last], state[last]
    changed = np.ones(len(who), dtype=bool)
    changed[1:] = (who[1:] != who[:-1]) | (state[1:] != state[:-1])
    who, day, state = who[changed], day[changed], state[changed]
    leave, next_ = stop[who], np.full(len(who), CENSORED)
    same = np.flatnonzero(who[1:] == who[:-1])
    leave[same], next_[same] = day[same + 1], state[same + 1]
    number = np.cumsum(np.append(True, who[1:] != who[:-1])) - 1 if len(who) else who
    absorbing = np.isin(state, [names.index(name) for name in (DEAD, LOST) if name in names])
    leave = np.where(absorbing, 2**30, np.maximum(leave - (next_ == CENSORED), day))
    return Stays(names, number, state, day, leave, next_, rows)
