"""What the checks found: a table of findings, counts, and what was silenced or confirmed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from rarecare.errors import ColumnError
from rarecare.files import read_table
from rarecare.registry.checks.check import Check

FINDINGS = {
    "file": pl.String,
    "row": pl.Int64,
    "patient_id": pl.String,
    "tumour_id": pl.String,
    "code": pl.String,
    "severity": pl.String,
    "columns": pl.String,
    "values": pl.String,
}
"""Columns of a finding, before its status."""

CONFIRMATIONS = dict.fromkeys(("tumour_id", "code", "who", "when"), pl.String)
"""Columns of ``confirmed.csv``."""

DIVIDER = "; "
"""What stands between columns, and between their values."""


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """What the checks of a submission found.

    Attributes
    ----------
    table
        One row per broken rule: ``file`` ("cases", "population", "mortality", "life_table"),
        ``row`` (line of the file; null where no line is at fault), ``patient_id``,
        ``tumour_id``, ``code`` of the check, ``severity``, ``columns`` and their ``values`` with
        "; " between them, and ``status``: "open", "confirmed" or "silenced".
    counts
        One row per check: ``code``, ``family``, ``severity``, ``ran`` (whether it could be run),
        ``reason`` (why not), ``found``, and of these ``open``, ``confirmed``, ``silenced``.
    confirmations
        The rows of ``confirmed.csv`` with ``outcome``: "used", or why it is not.
    records
        Records of cases checked.
    """

    table: pl.DataFrame
    counts: pl.DataFrame
    confirmations: pl.DataFrame
    records: int

    @property
    def errors(self) -> int:
        """Findings that are errors, and open."""
        return self._open("error")

    @property
    def warnings(self) -> int:
        """Findings that are warnings, and open."""
        return self._open("warning")

    def _open(self, severity: str) -> int:
        return int(self.counts.filter(severity=severity)["open"].sum())


def read_confirmed(path: str | Path) -> pl.DataFrame:
    """Return the confirmations of a registry: ``tumour_id``, ``code``, ``who``, ``when``.

    Raises
    ------
    ColumnError
        A column is missing.
    FileError
        As ``rarecare.files.read_table``.
    """
    raw = read_table(path)
    _need_columns(raw.frame, raw.source.name)
    return raw.frame.select(pl.col(name).cast(pl.String) for name in CONFIRMATIONS)


def judged(
    found: pl.DataFrame,
    *,
    checks: Sequence[Check],
    not_run: Mapping[str, str],
    records: int,
    silenced: Collection[str],
    confirmed: pl.DataFrame,
) -> Findings:
    """Return findings with their status, counted by check.

    Parameters
    ----------
    found
        Rows of ``FINDINGS``.
    not_run
        Checks that could not be run, and why.
    confirmed
        Rows of ``CONFIRMATIONS``. One counts for a finding of its tumour and check that is a
        warning.

    Raises
    ------
    ColumnError
        ``confirmed`` lacks a column.
    """
    _need_columns(confirmed, "confirmed")
    severities = {check.code: check.severity for check in checks}
    keys = ["tumour_id", "code"]
    named = confirmed.select(pl.col(name).cast(pl.String) for name in CONFIRMATIONS)
    outcome = (
        pl.when(~pl.col("code").is_in(list(severities)).fill_null(value=False))
        .then(pl.lit("there is no such check"))
        .when(pl.col("code").replace_strict(severities, default=None) == "error")
        .then(pl.lit("an error cannot be confirmed, only corrected"))
        .when(pl.col("who").is_null() | pl.col("when").is_null())
        .then(pl.lit("who confirmed it, or when, is blank"))
    )
    named = named.with_columns(outcome=outcome)
    good = named.filter(pl.col("outcome").is_null()).select(keys).unique()
    table = found.join(good.with_columns(is_confirmed=True), on=keys, how="left")
    table = table.with_columns(
        status=pl.when(pl.col("code").is_in(list(silenced)))
        .then(pl.lit("silenced"))
        .when(pl.col("is_confirmed"))
        .then(pl.lit("confirmed"))
        .otherwise(pl.lit("open"))
    ).drop("is_confirmed")
    met = table.select(keys).unique().with_columns(is_met=True)
    named = (
        named.join(met, on=keys, how="left", maintain_order="left")
        .with_columns(
            pl.col("outcome").fill_null(
                pl.when(pl.col("is_met"))
                .then(pl.lit("used"))
                .otherwise(pl.lit("the check finds nothing in this tumour"))
            )
        )
        .drop("is_met")
    )
    return Findings(table, _counted(table, checks, not_run), named, records)


def _counted(
    table: pl.DataFrame, checks: Sequence[Check], not_run: Mapping[str, str]
) -> pl.DataFrame:
    """Return the counts of every check, found or not, in the order of the register."""
    status = pl.col("status")
    counts = table.group_by("code").agg(
        found=pl.len(),
        **{name: (status == name).sum() for name in ("open", "confirmed", "silenced")},
    )
    rows = [
        (
            check.code,
            check.family,
            check.severity,
            check.code not in not_run,
            not_run.get(check.code),
        )
        for check in checks
    ]
    schema = {
        "code": pl.String, "family": pl.String, "severity": pl.String, "ran": pl.Boolean,
        "reason": pl.String,
    }  # fmt: skip
    return (
        pl.DataFrame(rows, schema=schema, orient="row")
        .join(counts, on="code", how="left", maintain_order="left")
        .with_columns(pl.col("found", "open", "confirmed", "silenced").fill_null(0).cast(pl.Int64))
    )


def _need_columns(frame: pl.DataFrame, file: str) -> None:
    for name in CONFIRMATIONS:
        if name not in frame.columns:
            raise ColumnError(
                f"confirmations lack the column {name}",
                file=file,
                value=", ".join(frame.columns),
                allowed=list(CONFIRMATIONS),
                remedy="Write one line for each record and check: tumour_id, code, who, when.",
            )
