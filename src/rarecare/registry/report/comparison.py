"""What became of the findings of the last submission: fixed, gone, confirmed, still there, new.

A finding is the same when its file, check and columns are, and the number of its tumour; where
there is no tumour number, its values. Rows move when a file is corrected, so they do not count.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from rarecare.errors import FileError, UsageError
from rarecare.files import read_table
from rarecare.registry.checks import Findings
from rarecare.registry.checks.findings import FINDINGS

FINDINGS_FILE, SUMMARY_FILE = "findings.parquet", "summary.json"
"""What is read of the earlier check's own folder."""

FIXED, GONE, CONFIRMED, SILENCED, UNTRIED, STAYS, NEW = OUTCOMES = (
    "fixed",
    "record no longer sent",
    "confirmed since",
    "silenced now",
    "not checked now",
    "still there",
    "new",
)  # fmt: skip
"""What a finding became."""

COMPARISON: Mapping[str, type[pl.DataType]] = {
    "outcome": pl.String,
    "file": pl.String,
    "row_before": pl.Int64,
    "row_now": pl.Int64,
    "tumour_id": pl.String,
    "code": pl.String,
    "severity": pl.String,
    "columns": pl.String,
    "values_before": pl.String,
    "values_now": pl.String,
}
"""Columns of a comparison."""

_SAME = ("file", "code", "columns")


@dataclass(frozen=True, slots=True, eq=False)
class Earlier:
    """The check of the last submission.

    Attributes
    ----------
    findings
        Its findings: rows of ``FINDINGS`` with ``status``.
    registry
        Code of the registry.
    checked
        Day of that check.
    """

    findings: pl.DataFrame
    registry: str
    checked: str


def read_earlier(folder: str | Path) -> Earlier:
    """Return the check whose own files lie in a folder.

    Raises
    ------
    FileError
        There is no such folder, or it has no own files of a check.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileError("there is no such folder", value=str(folder))
    for name in (FINDINGS_FILE, SUMMARY_FILE):
        if not (folder / name).is_file():
            raise FileError(
                f"the folder of the last check has no {name}",
                value=str(folder),
                allowed="the folder that --own named then",
                remedy="Files for outside name no record, so they cannot be compared.",
            )
    table = read_table(folder / FINDINGS_FILE).frame
    needed = {*FINDINGS, "status"}
    try:
        said = json.loads((folder / SUMMARY_FILE).read_text(encoding="utf-8"))
        registry, checked = str(said["registry"]["code"]), str(said["checked"])
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
        raise FileError("this is not the summary of a check", value=SUMMARY_FILE) from None
    if not needed <= set(table.columns):
        raise FileError(
            "these are not the findings of a check",
            value=", ".join(table.columns),
            allowed=sorted(needed),
        )
    return Earlier(table, registry, checked)


def compare(
    earlier: Earlier, findings: Findings, tumours: pl.Series | None, *, registry: str
) -> pl.DataFrame:
    """Return what became of each open finding of the last check, and the findings that are new.

    Parameters
    ----------
    earlier
        The last check.
    findings
        What the checks find now.
    tumours
        Numbers of all tumours now submitted; None where the file has no such column.
    registry
        Code of the registry now.

    Returns
    -------
    DataFrame
        The columns of ``COMPARISON``. Open findings of then are each ``FIXED``, ``GONE`` (its
        record is no longer sent), ``CONFIRMED``, ``SILENCED``, ``UNTRIED`` (its check cannot be
        run now) or ``STAYS``; open findings that were not open then are ``NEW``.

    Raises
    ------
    UsageError
        The last check was of another registry.
    """
    if earlier.registry != registry:
        raise UsageError(
            "the last check was of another registry", value=earlier.registry, allowed=registry
        )
    before = _keyed(earlier.findings.filter(status="open"))
    now = _keyed(findings.table)
    keys = [*_SAME, "_who", "_count"]
    untried = findings.counts.filter(~pl.col("ran"))["code"]
    sent = pl.Series([], dtype=pl.String) if tumours is None else tumours.drop_nulls().unique()
    found = pl.col("status_now")
    absent = pl.col("tumour_id").is_not_null() & ~pl.col("tumour_id").is_in(sent.implode())
    then = before.join(now, on=keys, how="left", suffix="_now", maintain_order="left")
    then = then.with_columns(
        outcome=pl.when(found == "open")
        .then(pl.lit(STAYS))
        .when(found == "confirmed")
        .then(pl.lit(CONFIRMED))
        .when(found == "silenced")
        .then(pl.lit(SILENCED))
        .when(pl.lit(tumours is not None) & absent)
        .then(pl.lit(GONE))
        .when(pl.col("code").is_in(untried.implode()))
        .then(pl.lit(UNTRIED))
        .otherwise(pl.lit(FIXED))
    )
    is_new = now.filter(status="open").join(before, on=keys, how="anti", maintain_order="left")
    shared = ("outcome", "file", "tumour_id", "code", "severity", "columns")
    return pl.concat(
        [
            then.select(
                *shared,
                row_before="row",
                row_now="row_now",
                values_before="values",
                values_now="values_now",
            ),
            is_new.with_columns(outcome=pl.lit(NEW)).select(
                *shared,
                row_before=pl.lit(None, pl.Int64),
                row_now="row",
                values_before=pl.lit(None, pl.String),
                values_now="values",
            ),
        ]
    ).select(pl.col(name).cast(dtype) for name, dtype in COMPARISON.items())


def outcomes(comparison: pl.DataFrame) -> pl.DataFrame:
    """Return how many findings of each check had each outcome: ``code`` and the outcomes."""
    outcome = pl.col("outcome")
    counts = {name: (outcome == name).sum().cast(pl.Int64) for name in OUTCOMES}
    return comparison.group_by("code", maintain_order=True).agg(**counts)


def _keyed(findings: pl.DataFrame) -> pl.DataFrame:
    """Return findings with who they are of, and a number among those of the same."""
    who = pl.when(pl.col("tumour_id").is_null()).then("v " + pl.col("values")).otherwise(
        "t " + pl.col("tumour_id")
    )  # fmt: skip
    return findings.with_columns(_who=who.fill_null("")).with_columns(
        _count=pl.int_range(pl.len()).over(*_SAME, "_who")
    )
