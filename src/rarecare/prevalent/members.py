"""Who stands in a window before the index date, and what is known of them on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import polars as pl

from rarecare.errors import CaseError, ColumnError
from rarecare.prevalent.followed import add_sums, survival_sums
from rarecare.prevalent.plan import AGE_CLASS, PERIOD, PrevalencePlan, Window, group_labels
from rarecare.rates.plan import canonical_levels
from rarecare.tally.plan import ALL

_FAR = 10**6
PATIENT = "patient_id"


@dataclass(frozen=True, slots=True)
class PrevalenceTally:
    """What one registry gives for a prevalence: two frames that add over registries.

    Attributes
    ----------
    plan_hash
        Of the plan.
    strata
        The strata that there are among all cases given.
    survival
        Deaths and exits by survival stratum and day.
    members
        Cases with incidence up to the index date and within the widest window: ``_gap`` (days
        from incidence to the index date), ``_before`` (gap of the same person's tumour before
        it), ``_time``, ``died``, the strata, the survival strata, ``_age`` (completed years on
        the index date).
    first, last
        First date of incidence and last date of follow-up of all cases given.
    """

    plan_hash: str
    strata: pl.DataFrame
    survival: pl.DataFrame
    members: pl.DataFrame
    first: date
    last: date

    def __add__(self, other: PrevalenceTally) -> PrevalenceTally:
        """Return that of both registries: the later beginning, the earlier end."""
        return PrevalenceTally(
            self.plan_hash,
            pl.concat([self.strata, other.strata]).unique(),
            add_sums([self.survival, other.survival]),
            pl.concat([self.members, other.members]),
            max(self.first, other.first),
            min(self.last, other.last),
        )


def tally_prevalence(cases: pl.DataFrame, plan: PrevalencePlan) -> PrevalenceTally:
    """Return the sums and members of one registry's cases.

    Parameters
    ----------
    cases
        Cases that count: ``incidence_date``, ``follow_up_days``, ``died``, the strata, and
        where there are such, ``age_days`` or ``age``, ``sex``, ``patient_id``.
    plan
        The choices.

    Raises
    ------
    ColumnError
        A column is missing.
    CaseError
        There is no case.
    """
    table = _prepared(cases, plan)
    days = pl.col("follow_up_days").cast(pl.Int64)
    strata = [name for name in plan.survival_strata if name in table.columns]
    far = max(far for _, far in plan.windows)
    inside = pl.col("incidence_date").is_between(plan.since(far), plan.index, closed="right")
    columns = dict.fromkeys((*plan.columns, *strata, "_gap", "_before", "_time", "died", "_age"))
    members = _with_earlier(table, plan).filter(inside).with_columns(_time=days)
    reached = table.select(
        first=pl.col("incidence_date").min(),
        last=(pl.col("incidence_date") + pl.duration(days=days)).max(),
    ).row(0)
    return PrevalenceTally(
        plan.hash,
        table.select(plan.columns).unique(),
        survival_sums(table, strata),
        members.select(list(columns)),
        *reached,
    )


def _prepared(cases: pl.DataFrame, plan: PrevalencePlan) -> pl.DataFrame:
    """Return the cases with their strata, gaps, and ages at diagnosis and on the index date."""
    if cases.is_empty():
        raise CaseError("there is no case to count")
    made = (AGE_CLASS, PERIOD)
    for column in ("incidence_date", "follow_up_days", "died", *plan.strata, *(
        name for name in plan.survival_strata if name not in made
    )):  # fmt: skip
        if column not in cases.columns:
            raise ColumnError("the cases have no such column", value=column, allowed=cases.columns)
    known = set(plan.strata) | (set(plan.survival_strata) - set(made))
    table = cases.with_columns(
        *(canonical_levels(cases[name]).alias(name) for name in sorted(known)),
        pl.col("incidence_date").cast(pl.Date),
    )
    if not plan.strata:
        table = table.with_columns(pl.lit("all").alias(ALL))
    year = plan.days_per_year
    if "age_days" in table.columns:
        age = pl.col("age_days").cast(pl.Float64)
    elif "age" in table.columns:
        age = (pl.col("age").cast(pl.Float64) + 0.5) * year
    else:
        age = pl.lit(None, dtype=pl.Float64)
    gap = (pl.lit(plan.index) - pl.col("incidence_date")).dt.total_days()
    table = table.with_columns(_gap=gap, _age_days=age).with_columns(
        _age=((pl.col("_age_days") + pl.col("_gap")) / year).floor().cast(pl.Int64)
    )
    if AGE_CLASS in plan.survival_strata:
        table = table.with_columns(
            _labelled(pl.col("_age_days") / year, plan.class_lower).alias(AGE_CLASS)
        )
    if PERIOD in plan.survival_strata:
        starts = plan.period_starts
        labels = [*(f"{a}-{b - 1}" for a, b in pairwise(starts)),
                  f"{starts[-1]}-"]  # fmt: skip
        table = table.with_columns(
            _labelled(pl.col("incidence_date").dt.year(), starts, labels).alias(PERIOD)
        )
    return table


def _labelled(values: pl.Expr, lower: Sequence[int], labels: Sequence[str] = ()) -> pl.Expr:
    """Return in which class each value falls; null below the first, and of unknown values."""
    names = list(labels) or list(group_labels(lower))
    found = pl.lit(None, dtype=pl.String)
    for first, name in zip(lower, names, strict=True):
        found = pl.when(values >= first).then(pl.lit(name)).otherwise(found)
    return found


def _with_earlier(table: pl.DataFrame, plan: PrevalencePlan) -> pl.DataFrame:
    """Return the cases with ``_before``: days from the same person's tumour before to the index."""
    none = pl.lit(_FAR, dtype=pl.Int64).alias("_before")
    if not plan.persons or PATIENT not in table.columns:
        return table.with_columns(none)
    keys = [name for name in ("registry", PATIENT) if name in table.columns] + list(plan.strata)
    keys = list(dict.fromkeys(keys))
    several = table.select(pl.struct(keys).is_duplicated() & pl.col(PATIENT).is_not_null())
    repeated = several.to_series()
    # a stable sort keeps the file's order among tumours of one day
    again = table.filter(repeated).sort("incidence_date", maintain_order=True)
    again = again.with_columns(
        _before=pl.col("_gap").shift(1).over(keys).fill_null(_FAR).cast(pl.Int64)
    )
    return pl.concat([table.filter(~repeated).with_columns(none), again])


def in_window(plan: PrevalencePlan, window: Window) -> pl.Expr:
    """Return which members stand in a window: its first tumour of the person, of that age."""
    near, far = ((plan.index - plan.since(years)).days for years in window)
    first = pl.col("_before") >= far
    return first & (pl.col("_gap") < far) & (pl.col("_gap") >= near)


def on_the_date(frame: pl.DataFrame, day: str) -> tuple[np.ndarray, np.ndarray]:
    """Return who is known to be alive at the end of a day, and who was lost before it."""
    time, until = frame["_time"].to_numpy(), frame[day].to_numpy()
    died = frame["died"].to_numpy()
    return (time >= until) & ~(died & (time <= until)), ~died & (time < until)
