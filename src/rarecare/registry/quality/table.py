"""The table of quality: every indicator by registry, entity and year, with limits.

Limits are Wilson's (``rarecare.shares``). What other registries publish stands beside each
indicator as the benchmark, with its source.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from functools import cache
from importlib.resources import as_file, files
from typing import Any, Literal, get_args

import numpy as np
import polars as pl

from rarecare.errors import ColumnError, UsageError
from rarecare.files import read_table
from rarecare.registry.cases import Cases
from rarecare.registry.quality.indicators import DUE, FIVE_YEARS, INDICATORS, LATER, Indicator
from rarecare.registry.quality.suspicious import suspicious_columns
from rarecare.results import NOT_ESTIMABLE, OK
from rarecare.shares import wilson

ALL = "all"
"""All entities, or the whole period."""

QUALITY: Mapping[str, Any] = {
    "registry": pl.String,
    "entity_id": pl.String,
    "period": pl.String,
    "indicator": pl.String,
    "numerator": pl.Int64,
    "denominator": pl.Int64,
    "value": pl.Float64,
    "lower": pl.Float64,
    "upper": pl.Float64,
    "level": pl.Float64,
    "unit": pl.String,
    "status": pl.String,
    "reason": pl.String,
    "benchmark": pl.Float64,
    "benchmark_source": pl.String,
}
"""Columns of a table of quality. ``entity_id`` is an entity of the list or ``all``, of a ratio
of deaths to cases an ICD-10 category; ``period`` a year or ``all``; ``reason`` why a row is not
estimable or withheld, or a remark."""

Margin = Literal["all", "year", "entity", "entity and year"]
MARGINS: tuple[Margin, ...] = get_args(Margin)
TIERS = ("entity_tier1", "entity_tier2")
_COUNTS = ("numerator", "denominator")


@cache
def benchmarks() -> pl.DataFrame:
    """Return what is published: ``indicator``, ``value``, ``unit``, ``of``, ``source``."""
    with as_file(files("rarecare.registry.quality") / "benchmarks.csv") as path:
        return read_table(path).frame.with_columns(pl.col("value").cast(pl.Float64))


def quality(
    cases: Cases | Any,
    *,
    registry: str = ALL,
    by: Collection[Margin] = MARGINS,
    closing_date: date | None = None,
    level: float = 0.95,
) -> pl.DataFrame:
    """Return every indicator of some cases, one row per indicator, entity and period.

    Parameters
    ----------
    cases
        The cases counted in incidence, in canonical columns; by entity they need
        ``entity_tier1`` and ``entity_tier2`` (see ``classify``), by year ``incidence_date``.
    registry
        Whose they are.
    by
        All cases, by year of diagnosis, by entity (both tiers), by entity and year.
    closing_date
        The day to which follow-up is complete; by default the latest last date of the cases,
        which the reason says.
    level
        Of the confidence intervals.

    Returns
    -------
    DataFrame
        The columns of ``QUALITY``; unit percent.

    Raises
    ------
    ColumnError
        A margin lacks its column.
    UsageError
        There is no such margin, or the level is not between 0 and 1.

    Examples
    --------
    >>> cases = pl.DataFrame({"basis_of_diagnosis": [0, 7, 7, 2]})
    >>> found = quality(cases, by=["all"])
    >>> found.filter(indicator="microscopically verified")["value"].item()
    50.0
    """
    table = cases.table if isinstance(cases, Cases) else read_table(cases).frame
    table, remark = prepared(table, closing_date)
    parts = []
    for margin in (margin for margin in MARGINS if margin in _known(by)):
        year = "year" in margin
        _check(table, year=year, entity="entity" in margin)
        tiers = TIERS if "entity" in margin else (None,)
        parts += [
            count_by(table, entity=tier, year=year)
            for tier in tiers
            if tier in (None, *table.columns)
        ]
    return shares(pl.concat(parts), registry=registry, level=level, remark=remark)


def _known(by: Collection[str]) -> Collection[str]:
    for margin in by:
        if margin not in MARGINS:
            raise UsageError("there is no such margin", value=margin, allowed=MARGINS)
    return by


def _check(table: pl.DataFrame, *, year: bool, entity: bool) -> None:
    for asked, column in ((year, "incidence_date"), (entity, TIERS[0])):
        if asked and column not in table.columns:
            raise ColumnError(
                "quality by year or entity needs a column", value=column, allowed=table.columns
            )


def prepared(table: pl.DataFrame, closing_date: date | None) -> tuple[pl.DataFrame, str | None]:
    """Return the cases with the working columns that indicators look at, and a remark.

    The remark says which closing date stands in where none is given.
    """
    remark = None
    have = set(table.columns)
    if {"incidence_date", "follow_up_days"} <= have:
        last = pl.col("incidence_date") + pl.duration(days=pl.col("follow_up_days"))
        closing = pl.lit(closing_date) if closing_date else last.max()
        if closing_date is None:
            remark = f"closing date taken as the latest last date, {table.select(closing).item()}"
        incidence = pl.col("incidence_date")
        after = incidence.dt.offset_by("5y")
        table = table.with_columns(
            (after <= closing).fill_null(value=False).alias(DUE),
            (after - incidence).dt.total_days().alias(FIVE_YEARS),
        )
    if {"topography", "morphology", "follow_up_days"} <= have:
        table = table.with_columns(suspicious_columns(table))
    if {"patient_id", "incidence_date"} <= have:
        table = _mark_later(table)
    return table, remark


def _mark_later(table: pl.DataFrame) -> pl.DataFrame:
    """Mark tumours after a person's first among these cases."""
    own = [name for name in ("registry", "patient_id") if name in table.columns]
    placed = table.select(*own, "incidence_date").with_row_index("_place")
    known = placed.filter(pl.col("patient_id").is_not_null())
    first = known.sort("incidence_date", "_place", nulls_last=True).unique(own, keep="first")
    is_first = pl.Series(np.isin(placed["_place"].to_numpy(), first["_place"].to_numpy()))
    return table.with_columns((~is_first & table["patient_id"].is_not_null()).alias(LATER))


def count_by(table: pl.DataFrame, *, entity: str | None = None, year: bool = False) -> pl.DataFrame:
    """Return numerator and denominator of every indicator, by a column of entities and by year.

    ``table`` is prepared. A missing column leaves numerators null. The columns are
    ``entity_id``, ``period``, ``indicator``, ``numerator``, ``denominator``.
    """
    sums = {one.name: _sum(one, table.columns) for one in INDICATORS}
    exprs = [expr for pair in sums.values() if pair is not None for expr in pair]
    groups = {
        "entity_id": pl.lit(ALL) if entity is None else pl.col(entity).cast(pl.String),
        "period": pl.col("incidence_date").dt.year().cast(pl.String) if year else pl.lit(ALL),
    }
    exprs.append(pl.len().cast(pl.Int64).alias("_n"))
    if entity is None and not year:  # a row even where there are no cases
        wide = table.select(pl.lit(ALL).alias("entity_id"), pl.lit(ALL).alias("period"), *exprs)
    else:
        keyed = table.with_columns(**groups).drop_nulls(["entity_id", "period"])
        wide = keyed.group_by("entity_id", "period").agg(exprs)
    return pl.concat(
        wide.select(
            "entity_id",
            "period",
            indicator=pl.lit(name),
            numerator=pl.lit(None, pl.Int64) if pair is None else pl.col(f"n {name}"),
            denominator=pl.col("_n") if pair is None else pl.col(f"d {name}"),
        )
        for name, pair in sums.items()
    )


def _sum(one: Indicator, columns: Collection[str]) -> tuple[pl.Expr, pl.Expr] | None:
    """Return the sums of an indicator, or None where a column is missing."""
    if not set(one.columns) <= set(columns):
        return None
    among = pl.lit(value=True) if one.among is None else one.among.fill_null(value=False)
    counted = one.counted.fill_null(value=False) & among
    size = pl.len() if one.among is None else among.sum()
    return (
        counted.sum().cast(pl.Int64).alias(f"n {one.name}"),
        size.cast(pl.Int64).alias(f"d {one.name}"),
    )


def shares(
    counts: pl.DataFrame, *, registry: str, level: float = 0.95, remark: str | None = None
) -> pl.DataFrame:
    """Return counts of ``count_by`` as a table of quality.

    ``remark`` is the reason of the rows that depend on the closing date.
    """
    missing = {one.name: f"the file has no {' or '.join(one.columns)}" for one in INDICATORS}
    found = pl.col("numerator").is_not_null() & (pl.col("denominator") > 0)
    numbers = counts.select(_COUNTS).fill_null(0).cast(pl.Float64).to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        share = numbers[:, 0] / numbers[:, 1]
    lower, upper = wilson(share, numbers[:, 1], level=level)
    published = (
        benchmarks()
        .unique("indicator", keep="first", maintain_order=True)
        .select(
            "indicator",
            benchmark="value",
            benchmark_source=pl.format("{}: {}", "source", "of"),
        )
    )
    return (
        counts.with_columns(
            registry=pl.lit(registry),
            value=100 * pl.Series(share),
            lower=100 * pl.Series(lower),
            upper=100 * pl.Series(upper),
            level=pl.lit(level),
            unit=pl.lit("percent"),
            status=pl.when(found).then(pl.lit(OK)).otherwise(pl.lit(NOT_ESTIMABLE)),
            reason=pl.when(pl.col("numerator").is_null())
            .then(pl.col("indicator").replace_strict(missing))
            .when(pl.col("denominator") == 0)
            .then(pl.lit("there are no such cases"))
            .when(pl.col("indicator") == "censored before 5 years")
            .then(pl.lit(remark, pl.String)),
        )
        .with_columns(
            pl.when(found).then(pl.col(name)).alias(name) for name in ("value", "lower", "upper")
        )
        .join(published, on="indicator", how="left", maintain_order="left")
        .select(pl.col(name).cast(dtype) for name, dtype in QUALITY.items())
        .sort("entity_id", "period", maintain_order=True)
    )
