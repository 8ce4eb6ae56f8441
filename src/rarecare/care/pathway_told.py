"""What cases tell of a patient: diagnosis, end of follow-up, death; and how well it is known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.care.linking import UNDATED

Ints = NDArray[np.int32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Told:
    """Days from 1970, ``UNDATED`` where not known; arrays of one value per case.

    Attributes
    ----------
    start, end
        Diagnosis, and the last day of follow-up.
    earliest, latest
        First day that diagnosis and last day that the end can be, where their day stands in for a
        month or a year; otherwise that day.
    follow_up
        Days followed.
    died, vital_known
        Whether the patient died, and whether that is known.
    start_vague, end_vague
        Whether the day stands in for a month or a year.
    """

    start: Ints
    end: Ints
    earliest: Ints
    latest: Ints
    follow_up: Ints
    died: Flags
    vital_known: Flags
    start_vague: Flags
    end_vague: Flags

    @classmethod
    def of(cls, cases: pl.DataFrame) -> Told:
        """Read the cases."""
        n, have = cases.height, cases.columns
        start, earliest, _, start_vague = _date(cases, "incidence_date")
        end, _, latest, end_vague = _date(cases, "last_date")
        follow_up = np.full(n, UNDATED, dtype=np.int32)
        if "follow_up_days" in have:
            days = cases["follow_up_days"].cast(pl.Int32).fill_null(int(UNDATED))
            follow_up = days.to_numpy()
        only = (end == UNDATED) & (start != UNDATED) & (follow_up != UNDATED)
        end, end_vague = end.copy(), end_vague | (only & start_vague)
        end[only] = start[only] + follow_up[only]
        latest = np.where(only, end, latest)
        died = pl.Series("died", [None], dtype=pl.Boolean).new_from_index(0, n)
        if "died" in have:
            died = cases["died"].cast(pl.Boolean)
        elif "vital_status" in have:
            died = cases["vital_status"].cast(pl.String) == "dead"
        return cls(
            start, end, earliest, latest, follow_up, died.fill_null(value=False).to_numpy(),
            died.is_not_null().to_numpy(), start_vague, end_vague,
        )  # fmt: skip

    def settled(self, diagnosed: Ints, treated: Ints, last: Ints, *, exact: bool) -> Told:
        """Return what is told once events are known.

        A day that stands in for a month or a year is the day that an event and the days followed
        tell, or is moved within what is known of it, so that steps stand in their order. What is
        then still not known to the day is ``UNDATED`` where days must be exact: a diagnosis, and
        the end of those who died.

        Parameters
        ----------
        diagnosed
            Day of the event of diagnosis, ``UNDATED`` without one.
        treated, last
            First day of a step that diagnosis must precede, last day of any step.
        exact
            Whether a step must be known to the day.
        """
        start, end, vague = self.start.copy(), self.end.copy(), self.end_vague.copy()
        told = (vague | (end == UNDATED)) & (diagnosed != UNDATED) & (self.follow_up != UNDATED)
        end[told] = diagnosed[told] + self.follow_up[told]
        vague[told] = False
        late = vague & (last > end) & (last <= self.latest)
        end[late] = last[late]
        early = self.start_vague & (treated < start) & (treated >= self.earliest)
        start[early] = treated[early]
        if exact:
            end[vague & self.died] = UNDATED
            start[self.start_vague] = UNDATED
        return replace(self, start=start, end=end, end_vague=vague)


def _date(cases: pl.DataFrame, column: str) -> tuple[Ints, Ints, Ints, Flags]:
    """Return a date's day, the first and last it can be, and whether it stands in for others."""
    n = cases.height
    if column not in cases.columns:
        none = np.full(n, UNDATED, dtype=np.int32)
        return none, none, none, np.zeros(n, dtype=bool)
    day, precision = pl.col(column).cast(pl.Date), f"{column}_precision"
    first = last = day
    vague = pl.lit(value=False)
    if precision in cases.columns:
        of = pl.col(precision)
        month, year = of == "month", of == "year"
        vague = (month | year).fill_null(value=False)
        new_year = day.dt.truncate("1y")
        year_end = new_year.dt.offset_by("1y").dt.offset_by("-1d")
        first = pl.when(month).then(day.dt.month_start()).when(year).then(new_year).otherwise(day)
        last = pl.when(month).then(day.dt.month_end()).when(year).then(year_end).otherwise(day)
    made = cases.select(
        *(each.to_physical().fill_null(int(UNDATED)).cast(pl.Int32).alias(name)
          for name, each in (("day", day), ("first", first), ("last", last))),
        (vague & day.is_not_null()).alias("vague"),
    )  # fmt: skip
    days = [made[name].to_numpy() for name in ("day", "first", "last")]
    return days[0], days[1], days[2], made["vague"].to_numpy()
