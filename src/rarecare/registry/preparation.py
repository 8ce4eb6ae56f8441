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
    days_per_year: float = 365.2425,
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
    if not isinstance(cases, Cases):
        given = as_it_stands(cases)
        if rules.follow_up and given.table.schema.get("died") == pl.Boolean:
            _check_follow_up(given, rules.purpose, least=1 if rules.purpose == "survival" else 0)
            return given
        cases = read_cases(given.table, days_per_year=days_per_year)
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


def as_it_stands(cases: Any) -> Prepared:
    """Return a data frame as cases that count, nothing excluded.

    Raises
    ------
    UsageError
        A path instead of cases.
    """
    if isinstance(cases, str | Path):
        raise UsageError(
            "this takes cases, not the path of a file",
            value=str(cases),
            remedy="Read the file first: read_cases(path).",
        )
    raw = read_table(cases)
    height = raw.frame.height
    accounting = pl.DataFrame(
        [(0, READ, height, ""), (1, KEPT, height, "prepared by the caller")],
        schema={"order": pl.Int64, "reason": pl.String, "records": pl.Int64, "note": pl.String},
        orient="row",
    )
    return Prepared(raw.frame, raw.source, accounting, ())


def _check_follow_up(given: Prepared, purpose: str, *, least: int) -> None:
    table, file = given.table, given.source.name
    if "follow_up_days" not in table.columns:
        raise ColumnError(f"{purpose} needs follow_up_days", file=file, allowed=table.columns)
    for name, right in (("follow_up_days", "numbers"), ("incidence_date", "dates")):
        dtype = table.schema.get(name, pl.Date)
        if not (dtype.is_numeric() if right == "numbers" else dtype.is_temporal()):
            raise CaseError(
                f"{name} are not {right}",
                file=file,
                column=name,
                value=str(dtype),
                remedy="Give vital_status instead of died, so that the values are read.",
            )
    broken = (table["follow_up_days"] % 1 != 0).arg_true()
    if len(broken):
        raise CaseError(
            "follow_up_days is not whole",
            file=file,
            row=int(broken[0]) + 2,
            value=table["follow_up_days"][int(broken[0])],
            allowed=f"whole days from {least}",
            remedy="Count whole days from incidence to the last date.",
        )
    short = (table["follow_up_days"] < least).arg_true()
    if len(short):
        raise CaseError(
            "a case that counts has less than one day of follow-up"
            if least
            else "a case that counts has negative follow-up",
            file=file,
            row=int(short[0]) + 2,
            value=table["follow_up_days"][int(short[0])],
            allowed=f"whole days from {least}",
            remedy="Give vital_status instead of died, so that such cases are accounted for.",
        )
