"""Working columns of the checks: codes as numbers, and dates as far as they are known.

A date is two whole numbers, the first and the last day it can be, written yyyymmdd. A month runs
from its day 1 to its day 31, a year from 0101 to 1231. Such numbers order like dates, and
completed years between two of them are the whole part of their difference / 10 000.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from rarecare.codes.icdo3 import site_numbers
from rarecare.codes.site_morphology import unlikely_morphology
from rarecare.registry.cases import BY_NAME
from rarecare.registry.checks.stage_tables import stage_columns
from rarecare.registry.checks.tnm_codes import tnm_number
from rarecare.registry.submission import Facts

_TNM = tuple(f"tnm_{side}{part}" for side in "cp" for part in "tnm")

WORKING: Mapping[str, tuple[str, ...]] = {
    "_site": ("topography",),
    "_unlikely": ("topography", "morphology"),
    "_born_from": ("birth_date",),
    "_born_to": ("birth_date",),
    "_found_from": ("incidence_date",),
    "_found_to": ("incidence_date",),
    "_seen_from": ("last_date",),
    "_seen_to": ("last_date",),
    "_age": ("age",),
    "_whole_dates": ("birth_date", "incidence_date"),
    "_slack": ("incidence_date",),
    "_last": ("last_date",),
    "_causes_sent": ("cause_of_death",),
    **{f"_{name}": (name,) for name in _TNM},
    "_stage_site": ("topography", "morphology"),
    "_stages": ("stage_type", "tnm_edition", *_TNM, "topography", "morphology"),
    "_first_year": (),
    "_last_year": (),
    "_closing": (),
    "_today": (),
}
"""Working columns and the canonical columns each is made of.

``_site`` is the topography as a number, C44.5 as 445, null where ICD-O-3 has no such site.
``_slack`` is by how many days the unknown parts of two dates let a follow-up differ. The last date
is the one that stood in the file, where reading took another from the days of follow-up. Parts of
TNM are numbers as in ``tnm_codes``. ``_stage_site`` is the place among the sites that have a table
of stages, ``_stages`` the stages that T, N and M can give (``stage_tables``).
"""

GIVEN: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "age_given": pl.Int32,
    "last_date_given": pl.Date,
    "follow_up_days_given": pl.Int32,
}
"""Columns as they stood in the file, where reading derives one from another."""

CARRIED: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "tnm_edition": pl.Int32,
    **dict.fromkeys(_TNM, pl.String),
    "stage_type": pl.String,
    "stage_code": pl.Int32,
    **{
        f"treatment_{name}": pl.Int32
        for name in (
            *("surgery", "radiotherapy", "chemotherapy", "targeted", "immunotherapy"),
            *("hormonal", "other", "stem_cell"),
        )
    },
}
"""Columns beyond the canonical ones that checks know, as the ENCR-JRC reader names them."""

_DATES = {"born": "birth_date", "found": "incidence_date", "seen": "_last"}


def known_types() -> dict[str, pl.DataType | type[pl.DataType]]:
    """Return every column the checks of records know, and its type."""
    return {name: field.dtype for name, field in BY_NAME.items()} | dict(GIVEN) | dict(CARRIED)


def with_working(cases: pl.DataFrame, facts: Facts, today: date) -> pl.DataFrame:
    """Return the cases with every column the checks know and the working columns.

    Columns that the file does not have are null throughout.
    """
    have = set(cases.columns)
    absent = {name: dtype for name, dtype in known_types().items() if name not in have}
    precisions = [
        name
        for name in ("birth_date_precision", "incidence_date_precision", "last_date_precision")
        if name not in have
    ]
    table = cases.with_columns(
        *(pl.lit(None, dtype).alias(name) for name, dtype in absent.items()),
        *(pl.lit(None, pl.String).alias(name) for name in precisions),
    )
    last = "last_date_given" if "last_date_given" in have else "last_date"
    age = "age_given" if "age_given" in have else "age"
    sites = {site: int(site[1:3] + site[4]) for site in site_numbers()}
    table = table.with_columns(
        pl.col("topography")
        .replace_strict(sites, default=None, return_dtype=pl.Int16)
        .alias("_site"),
        pl.col(last).alias("_last"),
        pl.col(age).alias("_age"),
        *(tnm_number(table[name]).alias(f"_{name}") for name in _TNM),
        pl.lit(table["cause_of_death"].count() > 0).alias("_causes_sent"),
        pl.lit(facts.first_year, pl.Int32).alias("_first_year"),
        pl.lit(facts.last_year, pl.Int32).alias("_last_year"),
        pl.lit(_number(facts.closing_date), pl.Int32).alias("_closing"),
        pl.lit(_number(today), pl.Int32).alias("_today"),
    )
    table = table.with_columns(stage_columns(table))
    bounds = [bound for name, source in _DATES.items() for bound in _bounds(name, source)]
    incidence, last_known = _precision("incidence_date"), _precision("last_date")
    return table.with_columns(
        *bounds,
        unlikely_morphology(pl.col("_site"), pl.col("morphology")).alias("_unlikely"),
        ((_precision("birth_date") == "day") & (incidence == "day")).alias("_whole_dates"),
        (1 + _days_unknown(incidence) + _days_unknown(last_known)).alias("_slack"),
    )


def _number(day: date | None) -> int | None:
    return None if day is None else day.year * 10_000 + day.month * 100 + day.day


def _precision(name: str) -> pl.Expr:
    return pl.col(f"{name}_precision").fill_null("day")


def _days_unknown(precision: pl.Expr) -> pl.Expr:
    """Return how far a date can be from the one taken: a month, a year, or not at all."""
    return pl.when(precision == "month").then(31).when(precision == "year").then(366).otherwise(0)


def _bounds(name: str, source: str) -> tuple[pl.Expr, pl.Expr]:
    """Return the first and the last day a date can be."""
    day = pl.col(source)
    precision = _precision("last_date" if source == "_last" else source)
    year = day.dt.year()
    month = year * 100 + day.dt.month()
    whole = month * 100 + day.dt.day()
    first = (
        pl.when(precision == "day")
        .then(whole)
        .when(precision == "month")
        .then(month * 100 + 1)
        .otherwise(year * 10_000 + 101)
    )
    last = (
        pl.when(precision == "day")
        .then(whole)
        .when(precision == "month")
        .then(month * 100 + 31)
        .otherwise(year * 10_000 + 1231)
    )
    return first.alias(f"_{name}_from"), last.alias(f"_{name}_to")
