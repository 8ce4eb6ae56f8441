"""From whatever a caller has to the cases an estimator counts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from rarecare.errors import CaseError, ColumnError, UsageError
from rarecare.files import Source, read_table
from rarecare.registry.cases import Cases
from rarecare.registry.exclusion_rules import ExclusionRules
from rarecare.registry.exclusions import KEPT, READ, exclude
from rarecare.registry.reading import read_cases


@dataclass(frozen=True, slots=True)
class Prepared:
    """The cases that count, and how they came about.

    Attributes
    ----------
    table
        One row per case, as ``exclude`` keeps them.
    source
        The file or frame.
    exclusions
        The accounting of ``exclude``.
    notes
        What reading decided.
    """

    table: pl.DataFrame
    source: Source
    exclusions: pl.DataFrame
    notes: tuple[str, ...]


def prepare(
    cases: Cases | Any,
    rules: ExclusionRules,
    *,
    days_per_year: float,
    bad_rows: Literal["refuse", "exclude"] = "refuse",
) -> Prepared:
    """Return the cases that count.

    Parameters
    ----------
    cases
        Cases as read; or a data frame in canonical columns, which is read. For survival, a
        frame with a boolean column ``died`` is taken as it stands, as cases that count.
    rules
        Who is counted.
    days_per_year
        D, in days, for ages.
    bad_rows
        See ``exclude``.

    Raises
    ------
    UsageError
        A path instead of cases.
    InputError
        As ``read_cases`` and ``exclude``.
    """
    if isinstance(cases, str | Path):
        raise UsageError(
            "this takes cases, not the path of a file",
            value=str(cases),
            remedy="Read the file first: read_cases(path).",
        )
    if not isinstance(cases, Cases):
        raw = read_table(cases)
        if rules.survival and raw.frame.schema.get("died") == pl.Boolean:
            return _as_it_stands(raw.frame, raw.source)
        cases = read_cases(raw.frame, days_per_year=days_per_year)
    table, accounting = exclude(cases, rules, bad_rows=bad_rows)
    if table.is_empty():
        lost = accounting.filter(~pl.col("reason").is_in([READ, KEPT])).sort("records")
        raise CaseError(
            "no case is left to analyse",
            file=cases.source.name,
            value=f"{cases.table.height} read; most left out for: {lost['reason'][-1]}",
            remedy="See the exclusions.",
        )
    return Prepared(table, cases.source, accounting, cases.notes)


def _as_it_stands(table: pl.DataFrame, source: Source) -> Prepared:
    if "follow_up_days" not in table.columns:
        raise ColumnError("survival needs follow_up_days", file=source.name, allowed=table.columns)
    short = table["follow_up_days"].min()
    if isinstance(short, int | float) and short < 1:
        row = int((table["follow_up_days"] < 1).arg_true()[0])
        raise CaseError(
            "a case that counts has less than one day of follow-up",
            file=source.name,
            row=row + 2,
            value=table["follow_up_days"][row],
            allowed="whole days from 1",
            remedy="Give vital_status instead of died, so that such cases are accounted for.",
        )
    accounting = pl.DataFrame(
        [(0, READ, table.height, ""), (1, KEPT, table.height, "prepared by the caller")],
        schema={"order": pl.Int64, "reason": pl.String, "records": pl.Int64, "note": pl.String},
        orient="row",
    )
    return Prepared(table, source, accounting, ())
