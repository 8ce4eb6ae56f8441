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
from rarecare.registry.quality.indicators import DUE, FIVE_YEARS, INDICATORS, Indicator
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
    table, remark = _prepared(table, closing_date)
    parts = [count_by(table, _keys(margin, table)) for margin in MARGINS if margin in _known(by)]
    return shares(pl.concat(parts), registry=registry, level=level, remark=remark)


def _known(by: Collection[str]) -> Collection[str]:
    for margin in by:
        if margin not in MARGINS:
            raise UsageError("there is no such margin", value=margin, allowed=MARGINS)
    return by


def _keys(margin: Margin, table: pl.DataFrame) -> tuple[str, ...]:
    keys = {
        "all": (),
        "year": ("year",),
        "entity": ("entity",),
        "entity and year": ("entity", "year"),
    }
    needed = {"year": "incidence_date", "entity": "entity_tier1"}
    for key in keys[margin]:
        if needed[key] not in table.columns:
            raise ColumnError(
                f"quality by {key} needs a column", value=needed[key], allowed=table.columns
            )
    return keys[margin]


def prepared(table: pl.DataFrame, closing_date: date | None) -> pl.DataFrame:
    """Return the cases with the working columns that indicators look at."""
    return _prepared(table, closing_date)[0]


def _prepared(table: pl.DataFrame, closing_date: date | None) -> tuple[pl.DataFrame, str | None]:
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
    return table, remark


def count_by(table: pl.DataFrame, keys: tuple[str, ...]) -> pl.DataFrame:
    """Return numerator and denominator of every indicator, by entity (both tiers) and year.

    A column missing leaves numerators null. The columns are ``entity_id``, ``period``,
    ``indicator``, ``numerator``, ``denominator``.
    """
    sums = [_sum(one, table.columns) for one in INDICATORS]
    known = [one for one, pair in zip(INDICATORS, sums, strict=True) if pair is not None]
    exprs = [expr for pair in sums if pair is not None for expr in pair]
    period = pl.col("incidence_date").dt.year().cast(pl.String) if "year" in keys else pl.lit(ALL)
    tables = []
    tiers = ("entity_tier1", "entity_tier2") if "entity" in keys else (None,)
    for tier in tiers:
        entity = pl.lit(ALL) if tier is None else pl.col(tier).cast(pl.String)
        if tier is not None and tier not in table.columns:
            continue
        grouped = table.with_columns(entity_id=entity, period=period)
        if keys:
            grouped = (
                grouped.filter(pl.col("entity_id").is_not_null(), pl.col("period").is_not_null())
                .group_by("entity_id", "period")
                .agg(pl.len().cast(pl.Int64).alias("_n"), *exprs)
            )
        else:
            grouped = grouped.select(
                pl.lit(ALL).alias("entity_id"), pl.lit(ALL).alias("period"),
                pl.len().cast(pl.Int64).alias("_n"), *exprs,
            )  # fmt: skip
        tables.append(grouped)
    wide = pl.concat(tables)
    rows = []
    for one in INDICATORS:
        have = one in known
        rows.append(
            wide.select(
                "entity_id",
                "period",
                indicator=pl.lit(one.name),
                numerator=pl.col(f"n {one.name}") if have else pl.lit(None, pl.Int64),
                denominator=pl.col(f"d {one.name}") if have else pl.col("_n"),
            )
        )
    return pl.concat(rows)


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
            benchmark_source=pl.format("{} ({})", "source", "of"),
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
        .select(list(QUALITY))
        .cast(dict(QUALITY))
        .sort("entity_id", "period", maintain_order=True)
    )
