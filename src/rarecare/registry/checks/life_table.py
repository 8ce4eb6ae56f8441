"""Checks of the life table: probabilities of death within the year, by single age."""

from __future__ import annotations

import polars as pl

from rarecare.registry.checks.check import ENCR, Check, Files
from rarecare.registry.checks.coverage import nowhere, years_without
from rarecare.registry.checks.population import absent_cells, doubled
from rarecare.registry.checks.remedies import COMPLETE_FILE, CORRECT_FILE, EXPLAIN_FILE

KEYS = ("year", "sex", "age", "region")
AGES = range(100)
"""Ages a life table of the European call has."""

RISING = (40, 90)
"""From and to which age mortality rises."""

STEP = 5
"""Years of age between the probabilities compared."""

YOUNG = (15, 40)
"""Ages at which fewer than half of the living die in a year."""

_q = pl.col("death_probability")
_IN_TABLE = "Expected survival needs each age, sex and year."


def _absent(files: Files) -> pl.DataFrame:
    return absent_cells(files.life_table.drop_nulls(["year", "sex", "age"]), KEYS)


def _ages(files: Files) -> pl.DataFrame:
    have = set(files.life_table["age"])
    return nowhere([str(age) for age in AGES if age not in have])


def _years(files: Files) -> pl.DataFrame:
    """Return the years of incidence and follow-up that the table does not have."""
    closing = files.facts.closing_date
    last = max(files.facts.last_year, closing.year) if closing else files.facts.last_year
    return years_without(files.life_table, files.facts.first_year, last)


def _apart(files: Files, older_by: int) -> pl.DataFrame:
    """Return the table with ``later``, the probability at an age some years higher."""
    table = files.life_table.drop_nulls(["year", "sex", "age", "death_probability"])
    keys = ["year", "sex", "region"]
    later = table.select(*keys, pl.col("age") - older_by, later="death_probability")
    return table.join(later, on=[*keys, "age"], nulls_equal=True, maintain_order="left")


def _shown(table: pl.DataFrame) -> pl.DataFrame:
    named = ("year", "sex", "age", "region", "death_probability")
    shown = [pl.col(name).cast(pl.String) for name in named]
    return table.with_columns(values=pl.concat_str(shown, separator="; ", ignore_nulls=True))


def _infants(files: Files) -> pl.DataFrame:
    return _shown(_apart(files, 1).filter((pl.col("age") == 0) & (_q <= pl.col("later"))))


def _falling(files: Files) -> pl.DataFrame:
    table = _apart(files, STEP)
    inside = pl.col("age").is_between(RISING[0], RISING[1] - STEP)
    return _shown(table.filter(inside & (pl.col("later") < _q)))


_ROW = ("year", "sex", "age", "region", "death_probability")

LIFE_TABLE = (
    Check(
        "life-table-range", "life table", "error", "life_table", _ROW, (_q < 0) | (_q > 1),
        ENCR, "C",
        "A probability outside 0 to 1", "Probabilities lie between 0 and 1.", CORRECT_FILE,
    ),
    Check(
        "life-table-unknown", "life table", "error", "life_table",
        ("year", "sex", "age", "death_probability"),
        pl.any_horizontal(pl.col("year", "sex", "age", "death_probability").is_null()), ENCR, "C",
        "A year, sex, age or probability is missing", _IN_TABLE, CORRECT_FILE,
    ),
    Check(
        "life-table-survival", "life table", "error", "life_table", _ROW,
        pl.col("age").is_between(*YOUNG) & (_q > 0.5), ENCR, "D",
        "More than half of the young die in a year",
        "The file seems to hold probabilities of survival; those of death are asked.",
        "Send 1 less the probability.",
    ),
    Check(
        "life-table-doubled", "life table", "error", "life_table", KEYS, doubled(*KEYS), ENCR, "C",
        "The same age, sex, year and area more than once",
        "Which of them is right cannot be told.", CORRECT_FILE,
    ),
    Check(
        "life-table-incomplete", "life table", "error", "life_table", KEYS, _absent, ENCR, "C",
        "An age, sex, year or area is missing", _IN_TABLE, COMPLETE_FILE,
    ),
    Check(
        "life-table-ages", "life table", "warning", "life_table", ("age",), _ages, ENCR, "A",
        "An age from 0 to 99 is missing", _IN_TABLE, COMPLETE_FILE,
    ),
    Check(
        "life-table-years", "coverage", "error", "life_table", ("year",), _years, ENCR, "C",
        "A year of incidence or follow-up is not in the life table", _IN_TABLE, COMPLETE_FILE,
    ),
    Check(
        "life-table-infants", "life table", "warning", "life_table", _ROW, _infants, ENCR, "C",
        "Mortality at age 0 is not above that at age 1",
        "The first year of life is the most dangerous until old age.", EXPLAIN_FILE,
    ),
    Check(
        "life-table-falling", "life table", "warning", "life_table", _ROW, _falling, ENCR, "C",
        "Mortality falls over five years of age, between 40 and 90",
        "From 40 on mortality rises with age.", EXPLAIN_FILE,
    ),
)  # fmt: skip
