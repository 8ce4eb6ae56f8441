"""Checks of the years and areas of incidence against those submitted."""

from __future__ import annotations

import polars as pl

from rarecare.registry.checks.check import ENCR, Check, Files


def nowhere(values: list[str]) -> pl.DataFrame:
    """Return findings that are on no line of a file."""
    rows = pl.Series([None] * len(values), dtype=pl.Int64)
    return pl.DataFrame({"row": rows, "values": pl.Series(values, dtype=pl.String)})


def years_without(table: pl.DataFrame, first: int, last: int) -> pl.DataFrame:
    """Return the years from first to last that a table does not have."""
    have = set(table["year"])
    return nowhere([str(year) for year in range(first, last + 1) if year not in have])


def _without_cases(files: Files) -> pl.DataFrame:
    if "incidence_date" not in files.columns:
        return nowhere([])
    cases = files.cases_by_year.filter(pl.col("cases") > 0)
    return years_without(cases, files.facts.first_year, files.facts.last_year)


COVERAGE = (
    Check(
        "year-without-cases", "coverage", "error", "cases", (), _without_cases, ENCR, "C",
        "A year of the submission has no case",
        "A year without any case is a year that was not sent.",
        "Send the year, or correct the years of the submission.",
    ),
)  # fmt: skip
