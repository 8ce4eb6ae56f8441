"""Tallies of interval life tables: sums over cases by interval of time since diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import CaseError, LifeTableError
from rarecare.population.life_table import LifeTable
from rarecare.tally.blocks import Blocks, Records, Sums, tally_blocks
from rarecare.tally.engines import Engine
from rarecare.tally.follow_up import life_table_levels
from rarecare.tally.plan import Plan
from rarecare.tally.records import Field
from rarecare.tally.tally import Tally

Convention = Literal["strs", "popepi"]
NEEDED = ("time_years", "age_years", "diagnosis_year", "died")


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalPlan(Plan):
    """What decides an interval tally.

    Attributes
    ----------
    breaks
        In years since diagnosis, rising from 0.
    convention
        ``"strs"``: one expected hazard per case and interval, that of the age and year at its
        start. ``"popepi"``: that of the middle of the case's stay in it.
    life_table
        Hash of the life table.
    days_per_year
        Length of a year in days, for life tables per day.
    """

    breaks: tuple[float, ...]
    convention: Convention = "strs"
    life_table: str
    days_per_year: float = 365.24


@dataclass(frozen=True, slots=True)
class _Context:
    plan: IntervalPlan
    values: tuple[NDArray[np.float64], ...]
    hazard: NDArray[np.float64]
    first_age: int
    first_year: int


def tally_intervals(
    cases: pl.DataFrame,
    plan: IntervalPlan,
    *,
    life_table: LifeTable,
    engine: Engine | None = None,
) -> Tally:
    """Sum the follow-up of cases by interval, in each stratum.

    Parameters
    ----------
    cases
        ``time_years`` of follow-up, ``age_years`` and ``diagnosis_year`` as the expected
        hazards are to be looked up (whole or with a fraction), ``died`` (boolean), the life
        table's keys; ``entry_years`` and ``potential_years`` (Hakulinen; by default the time)
        where they apply; the plan's strata. Cases without person-time add nothing.
    plan
        The choices.
    life_table
        The one whose hash is in the plan.
    engine
        Where blocks are summed; by default threads on this machine.

    Returns
    -------
    Tally
        Arrays by interval, shape (n_strata, n_intervals): ``interval_kernel.COUNTS`` (int64)
        and ``SUMS`` (float64); by stratum ``cases``.

    Raises
    ------
    CaseError
        A column is missing, or holds no number; ``died`` is not boolean.
    LifeTableError
        The life table is not the plan's, or lacks a key of a case.
    """
    if cases.is_empty():
        raise CaseError("there are no cases to follow", allowed="at least one case")
    if life_table.hash != plan.life_table:
        raise LifeTableError("the life table is not the one of the plan")
    for column in (*NEEDED, *plan.strata, *life_table.keys):
        if column not in cases.columns:
            raise CaseError("the cases have no such column", value=column, allowed=cases.columns)
    if cases.schema["died"] != pl.Boolean or cases["died"].null_count():
        raise CaseError(
            "died is not yes or no for every case",
            column="died",
            value=f"{cases.schema['died']}, {cases['died'].null_count()} unknown",
            allowed="true or false",
        )
    time = _numbers(cases, "time_years")
    entry = _numbers(cases, "entry_years") if "entry_years" in cases.columns else time * 0
    potential = _numbers(cases, "potential_years") if "potential_years" in cases.columns else time
    given = (
        _numbers(cases, "age_years"), _numbers(cases, "diagnosis_year"), entry, time, potential
    )  # fmt: skip
    coded = [np.unique(values, return_inverse=True) for values in given]
    fields = [
        Field(life_table_levels(cases, life_table)),
        *(Field(codes.astype(np.int64)) for _, codes in coded),
        Field(cases["died"].to_numpy().astype(np.int64)),
    ]
    hazard, first_year = _annual(life_table, plan.days_per_year)
    context = _Context(
        plan=plan,
        values=tuple(values for values, _ in coded),
        hazard=hazard,
        first_age=life_table.first_age,
        first_year=first_year,
    )
    return tally_blocks(cases, plan, fields, _sum_blocks, context, engine=engine)


def _numbers(cases: pl.DataFrame, column: str) -> NDArray[np.float64]:
    values = cases[column].cast(pl.Float64).to_numpy()
    if not np.isfinite(values).all():
        raise CaseError(
            f"{column} is unknown for {int((~np.isfinite(values)).sum())} cases",
            remedy="Exclude them first (registry.exclude).",
        )
    return values


def _annual(life_table: LifeTable, days_per_year: float) -> tuple[NDArray[np.float64], int]:
    """Return the annual hazard of every calendar year, and the first of them."""
    years = life_table.years
    every = np.arange(years[0], years[-1] + 1)
    place = np.searchsorted(years, every, side="right") - 1
    scale = days_per_year if life_table.per_day else 1.0
    return np.ascontiguousarray(life_table.hazard[..., place] * scale), int(years[0])


def _sum_blocks(records: Records, blocks: Blocks, context: _Context) -> Sums:
    from rarecare.tally import interval_kernel  # noqa: PLC0415 - numba is slow to import

    plan = context.plan
    breaks, size = np.array(plan.breaks), len(plan.breaks) - 1
    counts = np.zeros((len(interval_kernel.COUNTS), len(blocks), size), dtype=np.int64)
    sums = np.zeros((len(interval_kernel.SUMS), len(blocks), size))
    cases = [
        interval_kernel.interval_sums(  # type: ignore[call-arg]
            records.words, start, stop, *records.layout, *context.values, context.hazard,
            context.first_age, context.first_year, breaks, plan.convention == "popepi",
            counts[:, block], sums[:, block],
        )
        for block, (start, stop) in enumerate(blocks)
    ]  # fmt: skip
    answer: dict[str, NDArray[Any]] = {
        **dict(zip(interval_kernel.COUNTS, counts, strict=True)),
        **dict(zip(interval_kernel.SUMS, sums, strict=True)),
    }
    return answer | {"cases": np.array(cases, dtype=np.int64)}
