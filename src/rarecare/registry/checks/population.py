"""Checks of the population file."""

from __future__ import annotations

import polars as pl

from rarecare.registry.checks.check import ENCR, Check, Files
from rarecare.registry.checks.coverage import nowhere, years_without
from rarecare.registry.checks.remedies import COMPLETE_FILE, CORRECT_FILE, EXPLAIN_FILE

KEYS = ("year", "sex", "age_lower", "region")
JUMP = 0.1
"""By how much the population of a sex and area changes at most from one year to the next."""


def doubled(*keys: str) -> pl.Expr:
    """Return whether a cell occurs more than once; an unknown key is a key too."""
    return pl.struct(keys).is_duplicated()


def absent_cells(table: pl.DataFrame, keys: tuple[str, ...]) -> pl.DataFrame:
    """Return the combinations of the values of each key that the table does not have."""
    grid = pl.DataFrame({"_": [0]})
    for key in keys:
        grid = grid.join(table.select(key).unique().sort(key), how="cross")
    missing = grid.join(table, on=list(keys), how="anti", nulls_equal=True, maintain_order="left")
    shown = pl.concat_str([pl.col(key).cast(pl.String) for key in keys], separator="; ",
                          ignore_nulls=True)  # fmt: skip
    return nowhere(missing.select(shown).to_series().to_list())


def _absent(files: Files) -> pl.DataFrame:
    known = files.population.drop_nulls(["year", "sex", "age_lower"])
    return absent_cells(known, KEYS)


def _years(files: Files) -> pl.DataFrame:
    return years_without(files.population, files.facts.first_year, files.facts.last_year)


def _sexes(files: Files) -> pl.DataFrame:
    have = set(files.population["sex"])
    return nowhere([sex for sex in ("male", "female") if sex not in have])


def _jumps(files: Files) -> pl.DataFrame:
    keys = ["sex", "region"]
    totals = (
        files.population.drop_nulls(["year", "sex"])
        .group_by("year", *keys)
        .agg(pl.col("persons").sum())
        .sort(*keys, "year")
    )
    before = pl.col("persons").shift().over(keys)
    jumped = totals.with_columns(before=before).filter(
        (pl.col("persons") - pl.col("before")).abs() > JUMP * pl.col("before")
    )
    shown = pl.concat_str(
        "year", "sex", "region", pl.format("{} -> {}", "before", "persons"),
        separator="; ", ignore_nulls=True,
    )  # fmt: skip
    return nowhere(jumped.select(shown).to_series().to_list())


def _regions(files: Files) -> pl.DataFrame:
    have = set(files.population["region"].drop_nulls())
    regions = files.cases_by_year["region"].drop_nulls().unique().sort()
    return nowhere([region for region in regions if have and region not in have])


_GRID = "A rate needs the population of each age, sex, year and area."

POPULATION = (
    Check(
        "population-negative", "population", "error", "population", ("persons",),
        pl.col("persons") < 0, ENCR, "C",
        "A negative number", "Persons are counted from 0.", CORRECT_FILE,
    ),
    Check(
        "population-unknown", "population", "error", "population", (*KEYS[:3], "persons"),
        pl.any_horizontal(pl.col("year", "sex", "age_lower", "persons").is_null()), ENCR, "C",
        "A year, sex, age or number is missing", _GRID, CORRECT_FILE,
    ),
    Check(
        "population-doubled", "population", "error", "population", KEYS, doubled(*KEYS), ENCR, "C",
        "The same age, sex, year and area more than once",
        "It would be counted more than once.", CORRECT_FILE,
    ),
    Check(
        "population-incomplete", "population", "error", "population", KEYS, _absent, ENCR, "C",
        "An age, sex, year or area is missing", _GRID, COMPLETE_FILE,
    ),
    Check(
        "population-sex", "population", "error", "population", ("sex",), _sexes, ENCR, "C",
        "The population of one sex is missing", _GRID, COMPLETE_FILE,
    ),
    Check(
        "population-years", "coverage", "error", "population", ("year",), _years, ENCR, "C",
        "A year of incidence has no population", _GRID, COMPLETE_FILE,
    ),
    Check(
        "population-regions", "coverage", "warning", "population", ("region",), _regions, ENCR, "D",
        "An area of the cases has no population", _GRID, COMPLETE_FILE,
    ),
    Check(
        "population-jump", "population", "warning", "population",
        ("year", "sex", "region", "persons"),
        _jumps, f"{ENCR}; the limit of 10% is our own", "D",
        "The population changes by more than a tenth from one year to the next",
        "Populations change slowly; often ages or areas are missing in one of the years.",
        EXPLAIN_FILE,
    ),
)  # fmt: skip
