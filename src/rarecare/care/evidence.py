"""Evidence for criteria: what a centre says of itself, what registries show, what is certified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from rarecare.care.criteria import CriteriaSet
from rarecare.errors import ColumnError
from rarecare.files import Source, read_table

KINDS: Mapping[str, int] = {"self-declared": 1, "computed": 2, "certified": 3}
"""Self-declared, computed from registry data, externally certified; the higher is preferred."""
MET, NOT_MET, NOT_KNOWN = "met", "not met", "not known"
COLUMNS = ("centre", "criterion", "value", "met", "kind", "date", "source", "expires")
_NEEDED = ("centre", "criterion", "value", "kind", "date", "source")
_YES, _NO = ("yes", "true", "1"), ("no", "false", "0")
FINDINGS: Mapping[str, type[pl.DataType]] = {
    "row": pl.Int64, "column": pl.String, "value": pl.String, "finding": pl.String,
}  # fmt: skip
"""Columns of a list of faults; ``row`` counts records from 1."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Evidence that was read.

    Attributes
    ----------
    table
        One row per usable piece: ``row``, ``centre``, ``criterion``, ``value`` (text),
        ``number`` (of numbers and proportions, in the criterion's unit), ``state`` (met, not met,
        not known), ``kind``, ``date``, ``source``, ``expires``, ``reason`` (why not known).
    findings
        What is wrong with the others: ``row``, ``column``, ``value``, ``finding``.
    exclusions
        Records left out by reason.
    source
        The file.
    """

    table: pl.DataFrame
    findings: pl.DataFrame
    exclusions: pl.DataFrame
    source: Source


def read_evidence(source: str | Path | Any, criteria: CriteriaSet) -> Evidence:
    """Return the evidence of a table, its faults listed and what has one left out.

    Parameters
    ----------
    source
        CSV, Parquet or data frame: ``centre``, ``criterion``, ``value`` (yes or no; a number in
        the criterion's unit; for a text criterion any words), ``kind`` (one of ``KINDS``),
        ``date`` (ISO), ``source``; and where there are some ``expires`` (ISO), and ``met`` (yes or
        no, of text criteria only: what the reviewers say).
    criteria
        The version that the evidence is for.

    Raises
    ------
    ColumnError
        A column is missing or not known.
    """
    raw = read_table(source)
    _check_columns(raw.frame.columns)
    rows = _read(as_texts(raw.frame, COLUMNS), criteria)
    checks = _checks(criteria)
    found = findings_of(rows, checks)
    used = rows.join(found.select("row").unique(), on="row", how="anti")
    table = used.with_columns(state=_state(), reason=_reason()).select(
        "row", "centre", "criterion", "value", "number", "state", "kind",
        date="day", source="source", expires="end", reason="reason",
    )  # fmt: skip
    return Evidence(table, found, counted(found), raw.source)


def as_texts(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Return columns as stripped text, null where blank or absent, with ``row`` from 1."""
    return frame.select(
        pl.col(name).cast(pl.String).str.strip_chars().replace("", None) if name in frame.columns
        else pl.lit(None, pl.String).alias(name)
        for name in columns
    ).with_row_index("row", 1).with_columns(pl.col("row").cast(pl.Int64))  # fmt: skip


def _check_columns(columns: Sequence[str]) -> None:
    for name in _NEEDED:
        if name not in columns:
            raise ColumnError("the evidence lacks a column", value=name, allowed=columns)
    for name in columns:
        if name not in COLUMNS:
            raise ColumnError("the evidence has an unknown column", value=name, allowed=COLUMNS)


def _read(given: pl.DataFrame, criteria: CriteriaSet) -> pl.DataFrame:
    known = pl.DataFrame(
        [
            (one.id, one.type, one.threshold and one.threshold.value,
             one.threshold and one.threshold.direction)
            for one in criteria.criteria
        ],
        schema={"criterion": pl.String, "type": pl.String, "threshold": pl.Float64,
                "direction": pl.String}, orient="row",
    )  # fmt: skip

    def truth(name: str) -> pl.Expr:
        low = pl.col(name).str.to_lowercase()
        return pl.when(low.is_in(_YES)).then(True).when(low.is_in(_NO)).then(False)

    return given.join(known, on="criterion", how="left", maintain_order="left").with_columns(
        number=pl.when(pl.col("type").is_in(["number", "proportion"])).then(
            pl.col("value").cast(pl.Float64, strict=False)
        ),
        truth=truth("value"),
        said=truth("met"),
        day=pl.col("date").str.to_date("%Y-%m-%d", strict=False),
        end=pl.col("expires").str.to_date("%Y-%m-%d", strict=False),
    )


def _checks(criteria: CriteriaSet) -> list[tuple[str, pl.Expr, str]]:
    """Return column, where it is at fault, and the finding."""
    of_type, value = pl.col("type"), pl.col("value")
    number = of_type.is_in(["number", "proportion"])
    finite = pl.col("number").is_finite().fill_null(value=False)
    same = pl.struct("centre", "criterion", "kind", "day")
    asked = f"no criterion of {criteria.id} {criteria.version}"
    return [
        ("centre", pl.col("centre").is_null(), "blank"),
        ("criterion", pl.col("criterion").is_null(), "blank"),
        ("criterion", pl.col("criterion").is_not_null() & of_type.is_null(), asked),
        ("kind", ~pl.col("kind").is_in(list(KINDS)).fill_null(value=False),
         f"not one of {', '.join(KINDS)}"),
        ("source", pl.col("source").is_null(), "blank"),
        ("date", pl.col("day").is_null(), "not a date as 2024-12-31"),
        ("expires", pl.col("expires").is_not_null() & pl.col("end").is_null(),
         "not a date as 2024-12-31"),
        ("expires", pl.col("end") < pl.col("day"), "before the date of the evidence"),
        ("value", value.is_null() & (of_type != "text"), "blank"),
        ("value", value.is_not_null() & (of_type == "boolean") & pl.col("truth").is_null(),
         "neither yes nor no"),
        ("value", value.is_not_null() & number & ~finite, "not a number"),
        ("value", pl.col("number") < 0, "negative"),
        ("value", (of_type == "proportion") & (pl.col("number") > 100), "above 100 percent"),
        ("met", pl.col("met").is_not_null() & (of_type != "text"),
         "said of a criterion that its value decides"),
        ("met", pl.col("met").is_not_null() & (of_type == "text") & pl.col("said").is_null(),
         "neither yes nor no"),
        ("criterion", same.is_duplicated() & of_type.is_not_null() & pl.col("day").is_not_null(),
         "several pieces of one kind and day: none is taken"),
    ]  # fmt: skip


def findings_of(
    rows: pl.DataFrame, checks: Sequence[tuple[str, pl.Expr, str]]
) -> pl.DataFrame:  # fmt: skip
    """Return one row per record and check it fails: ``row``, ``column``, ``value``, ``finding``."""
    parts = [
        rows.filter(where.fill_null(value=False)).select(
            "row", column=pl.lit(column), value=pl.col(column).cast(pl.String),
            finding=pl.lit(finding),
        )
        for column, where, finding in checks
    ]  # fmt: skip
    return pl.concat([pl.DataFrame(schema=FINDINGS), *parts]).sort("row", maintain_order=True)


def counted(findings: pl.DataFrame) -> pl.DataFrame:
    """Return records by the first fault of each: ``reason``, ``records``."""
    first = findings.unique("row", keep="first", maintain_order=True)
    reason = pl.format("{}: {}", "column", "finding")
    return (
        first.group_by(reason=reason, maintain_order=True)
        .agg(records=pl.len().cast(pl.Int64))
        .select(pl.col("reason").cast(pl.String), "records")
    )


def _state() -> pl.Expr:
    number, threshold, direction = pl.col("number"), pl.col("threshold"), pl.col("direction")
    reached = (
        pl.when(direction == "at least").then(number >= threshold)
        .when(direction == "above").then(number > threshold)
        .when(direction == "at most").then(number <= threshold)
        .when(direction == "below").then(number < threshold)
    )  # fmt: skip
    met = (
        pl.when(pl.col("type") == "boolean").then("truth")
        .when(pl.col("type") == "text").then("said").otherwise(reached)
    )  # fmt: skip
    return (
        pl.when(met).then(pl.lit(MET)).when(~met).then(pl.lit(NOT_MET))
        .otherwise(pl.lit(NOT_KNOWN))
    )  # fmt: skip


def _reason() -> pl.Expr:
    return (
        pl.when((pl.col("type") == "text") & pl.col("said").is_null())
        .then(pl.lit("the reviewers have not said whether it is met"))
        .when(pl.col("number").is_not_null() & pl.col("threshold").is_null())
        .then(pl.lit("no threshold is agreed"))
    )
