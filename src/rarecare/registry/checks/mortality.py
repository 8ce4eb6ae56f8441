"""Checks of the mortality file."""

from __future__ import annotations

import polars as pl

from rarecare.registry.checks.check import ENCR, Check, Files
from rarecare.registry.checks.coverage import nowhere, years_without
from rarecare.registry.checks.population import doubled
from rarecare.registry.checks.remedies import COMPLETE_FILE, CORRECT_FILE

KEYS = ("year", "sex", "age_lower", "region", "cause_of_death")


def _years(files: Files) -> pl.DataFrame:
    return years_without(files.mortality, files.facts.first_year, files.facts.last_year)


def _sexes(files: Files) -> pl.DataFrame:
    have = set(files.mortality["sex"])
    return nowhere([sex for sex in ("male", "female") if sex not in have])


_BESIDE = "Mortality beside incidence shows how complete a registry is."

MORTALITY = (
    Check(
        "mortality-negative", "mortality", "error", "mortality", ("deaths",),
        pl.col("deaths") < 0, ENCR, "C",
        "A negative number", "Deaths are counted from 0.", CORRECT_FILE,
    ),
    Check(
        "mortality-fraction", "mortality", "error", "mortality", ("deaths",),
        pl.col("deaths") != pl.col("deaths").round(), ENCR, "D",
        "A number of deaths that is not whole", "Deaths are counted from 0.", CORRECT_FILE,
    ),
    Check(
        "mortality-unknown", "mortality", "error", "mortality",
        ("year", "sex", "cause_of_death", "deaths"),
        pl.any_horizontal(pl.col("year", "sex", "cause_of_death", "deaths").is_null()), ENCR, "C",
        "A year, sex, cause or number is missing",
        "Such deaths cannot be set beside incidence.", CORRECT_FILE,
    ),
    Check(
        "mortality-doubled", "mortality", "error", "mortality", KEYS, doubled(*KEYS), ENCR, "C",
        "The same age, sex, year, area and cause more than once",
        "It would be counted more than once.", CORRECT_FILE,
    ),
    Check(
        "mortality-sex", "mortality", "warning", "mortality", ("sex",), _sexes, ENCR, "C",
        "The deaths of one sex are missing", _BESIDE, COMPLETE_FILE,
    ),
    Check(
        "mortality-years", "coverage", "warning", "mortality", ("year",), _years, ENCR, "C",
        "A year of incidence has no deaths",
        _BESIDE, COMPLETE_FILE,
    ),
)  # fmt: skip
