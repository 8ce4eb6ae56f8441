"""The cases of an analysis: read in batches, chosen, and checked for what its plan needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from math import inf, nan
from typing import Any

import polars as pl

from rarecare.errors import CaseError, ColumnError, UsageError
from rarecare.files import Source
from rarecare.population.life_table import LifeTable
from rarecare.registry import Cases, ExclusionRules
from rarecare.registry.exclusions import KEPT, READ
from rarecare.registry.preparation import Prepared, prepare
from rarecare.survival.plan import SurvivalPlan
from rarecare.tally.follow_up import day_number

EPOCH = date(1970, 1, 1)
OTHER_DAYS = "diagnosed outside the days asked"
BATCH_ROWS = 1 << 21
"""Cases of a file read at a time."""


def batches(cases: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """Yield a lazy frame in batches, in order.

    Raises
    ------
    ColumnError
        It has no boolean column ``died``.
    """
    columns = cases.collect_schema()
    if columns.get("died") != pl.Boolean:
        raise ColumnError(
            "cases read in batches need a boolean column died: they are taken as they stand",
            allowed=columns.names(),
            remedy="Read them with read_cases, which applies the exclusion rules.",
        )
    offset = 0
    while True:
        batch = cases.slice(offset, BATCH_ROWS).collect()
        if batch.is_empty():
            return
        yield batch
        offset += BATCH_ROWS


def one_of(parts: list[Prepared]) -> Prepared:
    """Return the accounting of all batches as one."""
    if len(parts) == 1:
        return parts[0]
    exclusions = (
        pl.concat(part.exclusions for part in parts)
        .group_by("order", "reason", "note", maintain_order=True)
        .agg(pl.col("records").sum())
        .select(parts[0].exclusions.columns)
    )
    rows = sum(part.source.rows for part in parts)
    digest = parts[0].source.sha256
    for part in parts[1:]:
        digest = _chained(digest, part.source.sha256)
    source = Source("data frame, in batches", digest, rows)
    notes = tuple(dict.fromkeys(note for part in parts for note in part.notes))
    return Prepared(parts[0].table, source, exclusions, notes)


def _chained(one: str, other: str) -> str:
    import hashlib  # noqa: PLC0415 - only batches need it

    return hashlib.sha256((one + other).encode()).hexdigest()


def _rules(rules: ExclusionRules | None, by: Sequence[str], keys: Sequence[str]) -> ExclusionRules:
    """Return the rules, with the strata to be readable and the life table's keys to be known."""
    rules = rules or ExclusionRules(needed=())
    if rules.purpose != "survival":
        raise UsageError(
            "survival needs exclusion rules for survival",
            value=rules.purpose,
            allowed="survival",
        )
    return replace(
        rules,
        strata=tuple(dict.fromkeys((*rules.strata, *by))),
        needed=tuple(dict.fromkeys((*rules.needed, *keys))),
    )


def prepared_cases(
    cases: Cases | Any,
    rules: ExclusionRules | None,
    *,
    by: tuple[str, ...],
    keys: Sequence[str] = (),
    **choices: Any,
) -> Prepared:
    """Return the cases that count; rules are for cases with a vital status alone.

    Raises
    ------
    UsageError, InputError
        See ``net_survival``.
    """
    prepared = prepare(cases, _rules(rules, by, keys), **choices)
    if rules is not None and prepared.exclusions["reason"].to_list() == [READ, KEPT]:
        raise UsageError(
            "exclusion rules are given for cases taken as they stand, with a column died",
            remedy="Leave the rules out, or give vital_status instead of died.",
        )
    return prepared


def of_days(prepared: Prepared, plan: SurvivalPlan) -> Prepared:
    """Leave out those diagnosed outside the days asked, and say how many.

    Raises
    ------
    CaseError
        No one is left.
    """
    if plan.incidence is None or "incidence_date" not in prepared.table.columns:
        return prepared
    first, last = (date.fromisoformat(day) for day in plan.incidence)
    day = pl.col("incidence_date").cast(pl.Date)
    inside = day <= last if plan.approach == "hybrid" else day.is_between(first, last)
    table = prepared.table.filter(inside)
    left_out = prepared.table.height - table.height
    if table.is_empty():
        raise CaseError(
            "no case was diagnosed in the days asked",
            file=prepared.source.name,
            value=f"{first} to {last}",
            allowed=_span(prepared.table["incidence_date"].cast(pl.Date)),
        )
    exclusions = prepared.exclusions
    counted = pl.when(pl.col("reason") == KEPT)
    exclusions = exclusions.with_columns(
        records=counted.then(pl.col("records") - left_out).otherwise("records"),
        order=counted.then(pl.col("order") + 1).otherwise("order"),
    )
    row = exclusions.tail(1).with_columns(
        order=pl.col("order") - 1,
        reason=pl.lit(OTHER_DAYS),
        records=pl.lit(left_out, dtype=exclusions.schema["records"]),
        note=pl.lit(f"{first} to {last}"),
    )
    whole = pl.concat([exclusions.head(-1), row, exclusions.tail(1)])
    return replace(prepared, table=table, exclusions=whole)


def _span(days: pl.Series) -> str:
    return f"days from {days.min()!s} to {days.max()!s}"


def check_columns(
    table: pl.DataFrame, plan: SurvivalPlan, life_table: LifeTable | None, file: str
) -> None:
    """Refuse cases without what the plan or the life table needs.

    Raises
    ------
    ColumnError
        A column is missing.
    CaseError
        A weight is unknown, or someone enters late where that is not defined.
    """
    needed = ["incidence_date", *plan.by, *(("weight",) if plan.weighted else ())]
    if life_table is not None:
        needed += ["age_days", *life_table.keys]
    for column in needed:
        if column not in table.columns:
            raise ColumnError(
                f"survival needs {column}",
                file=file,
                value=column,
                allowed=table.columns,
                remedy=f"Name it: --columns {column}=COLUMN.",
            )
    if plan.weighted and not (table["weight"].cast(pl.Float64).fill_null(nan) < inf).all():
        raise CaseError("weight is unknown for some cases", file=file, allowed="more than 0")
    if {"ederer1", "hakulinen"} & set(plan.estimators) and "entry_days" in table.columns:
        late = int((table["entry_days"].cast(pl.Int64) > 0).sum())
        if late:
            raise CaseError(
                f"{late} cases enter late: Ederer I and Hakulinen are not defined for them",
                file=file,
                value="entry_days above 0",
                remedy="Use pohar-perme or ederer2.",
            )


def followed_within(table: pl.DataFrame, plan: SurvivalPlan) -> tuple[int, date, date]:
    """Return how many were followed within the window, and the first and last day of any."""
    assert plan.window is not None
    first, last = (day_number(day) for day in plan.window)
    incidence = pl.col("incidence_date").cast(pl.Date).to_physical()
    leaves = pl.col("follow_up_days").cast(pl.Int64)
    entry = pl.lit(0)
    if "entry_days" in table.columns:
        entry = pl.col("entry_days").cast(pl.Int64).fill_null(0)
    if plan.from_diagnosis is None:
        entry = pl.max_horizontal(entry, first - 1 - incidence)
    inside = entry < pl.min_horizontal(leaves, last - incidence)
    end = (incidence + leaves).max().cast(pl.Int32).cast(pl.Date)
    row: tuple[int, date, date] = table.select(
        inside.sum(), incidence.min().cast(pl.Int32).cast(pl.Date).alias("first"), end.alias("last")
    ).row(0)
    return row


def check_window(followed: Sequence[tuple[int, date, date]], plan: SurvivalPlan, file: str) -> None:
    """Refuse a window in which no one was followed.

    Raises
    ------
    CaseError
        No one was.
    """
    if plan.window is None or any(people for people, _, _ in followed):
        return
    raise CaseError(
        "no case was followed within the window",
        file=file,
        value=f"{plan.window[0]} to {plan.window[1]}",
        allowed=f"days of follow-up, {min(first for _, first, _ in followed)} to "
        f"{max(last for _, _, last in followed)}",
    )


def closing_date_of(table: pl.DataFrame, given: date | None) -> date:
    """Return the closing date: the last day of follow-up of any case, or the one given.

    Raises
    ------
    CaseError
        Someone died after the one given.
    """
    last_date = pl.col("incidence_date").cast(pl.Date).to_physical() + pl.col("follow_up_days")
    if given is None:
        return EPOCH + timedelta(days=int(table.select(last_date.max()).item()))
    late = table.filter(pl.col("died"), last_date > (given - EPOCH).days).height
    if late:
        raise CaseError(
            f"{late} cases died after the closing date",
            value=given.isoformat(),
            remedy="Give the last day of follow-up of the whole study, or leave it out.",
        )
    return given
