r"""Eurostat's life tables, ``demo_mlifetable``: the TSV of the database or SDMX-CSV.

TSV: the first column joins the dimensions by commas (``freq,indic_de,sex,age,geo\TIME_PERIOD``; in
older files ``indic_de,sex,age,geo\time``), one column per year, values with flags behind a blank
(``0.00321 b``), ``:`` where there is none. SDMX-CSV: one row per value, ``TIME_PERIOD``
and ``OBS_VALUE``. Ages ``Y_LT1``, ``Y1`` … ``Y_GE85``. From memory: the layouts and ages
sure, the indicators ``DEATHRATE`` and ``PROBDEATH`` sure, the name of their dimension less so;
it is found by these values.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from rarecare.errors import ColumnError, LifeTableError
from rarecare.files import RawTable, read_table
from rarecare.population.abridged import Method, single_years
from rarecare.population.formats.cells import (
    between_years,
    need_columns,
    numbers,
    pick_countries,
    read_age,
)
from rarecare.population.hazards import DEATH, RATE
from rarecare.population.life_table import LifeTable

_INDICATORS = {"DEATHRATE": RATE, "PROBDEATH": DEATH}
_SEXES = {"M": "male", "F": "female"}
_GEO = ("geo",)


def read_eurostat(
    source: str | Path | Any,
    *,
    country: str | Sequence[str] | None = None,
    years: tuple[int, int] | None = None,
    method: Method = "constant",
) -> LifeTable:
    """Read a Eurostat life table.

    Parameters
    ----------
    source
        TSV or SDMX-CSV file, or a data frame of either layout.
    country
        A code of ``geo`` (``"SE"``): the table has no key for it. Several, or None for all: a
        key ``country``.
    years
        First and last calendar year kept.
    method
        How age groups become single years; see ``abridged``.

    Notes
    -----
    ``DEATHRATE`` is used where the file has it, else ``PROBDEATH``. Rows of both sexes and of
    other indicators are left out. A year without any value for a country is not in the table.

    Raises
    ------
    ColumnError
        A dimension is missing.
    LifeTableError
        Neither indicator is there, an age is not known, a value is missing beside others
        of its year; see also ``LifeTable.read``.
    UsageError
        A country or the years are not in the file.
    """
    raw = read_table(source, delimiter=_delimiter(source))
    file = raw.source.name
    long = _long(raw)
    quantity, long = _indicator(long, file)
    long = long.filter(pl.col("sex").is_in(list(_SEXES)))
    long, several = pick_countries(long, country, _GEO, file)
    values = long["value"].cast(pl.String).str.extract(r"^\s*([^\s:]+)", 1)
    cells = long.with_columns(
        pl.col("sex").replace_strict(_SEXES, return_dtype=pl.String),
        year=numbers(long["year"].str.strip_chars(), "TIME_PERIOD", long["line"], file).cast(
            pl.Int64
        ),
        value=numbers(values, "OBS_VALUE", long["line"], file),
    )
    filled = pl.col("value").is_not_null().any().over("country", "year")
    cells = between_years(cells.filter(filled), years, file)
    missing = cells.filter(pl.col("value").is_null())
    if missing.height:
        row = missing.row(0, named=True)
        raise LifeTableError(
            "a value of the life table is missing",
            file=file,
            row=row["line"],
            value=f"{row['geo']}, {row['year']}, {row['sex']}, {row['age']}",
            allowed="a value for every age of a year that has any",
            remedy="Keep the years that have all: years=.",
        )
    keys = ("sex", "country") if several else ("sex",)
    return single_years(
        _with_ages(cells, file).select(*keys, "age", "span", "year", "value", "line"),
        keys=keys,
        quantity=quantity,
        source=raw.source,
        method=method,
    )


def _delimiter(source: str | Path | Any) -> str | None:
    """Return the tab for a file with one in its header, whose first column has commas within."""
    if not isinstance(source, str | Path) or not Path(source).is_file():
        return None
    opened = gzip.open if Path(source).suffix == ".gz" else open
    with opened(source, "rb") as file:
        return "\t" if b"\t" in file.readline() else None


def _long(raw: RawTable) -> pl.DataFrame:
    """Return one row per value: the dimensions, ``year``, ``value`` and ``line``."""
    frame = raw.frame.with_row_index("line", offset=2)
    first = raw.frame.columns[0]
    if "\\" in first:
        names = [name.strip() for name in first.split("\\")[0].split(",")]
        _need(names, raw)
        parts = pl.col(first).str.split_exact(",", len(names) - 1)
        split = parts.struct.rename_fields(names).alias("dimensions")
        wide = frame.with_columns(split).unnest("dimensions").drop(first)
        return wide.unpivot(
            index=["line", *names], variable_name="year", value_name="value"
        ).with_columns(pl.col(*names).str.strip_chars())
    _need(raw.frame.columns, raw)
    need_columns(raw, ("TIME_PERIOD", "OBS_VALUE"), "Eurostat")
    return frame.rename({"TIME_PERIOD": "year", "OBS_VALUE": "value"}).with_columns(
        pl.col("year", "value").cast(pl.String)
    )


def _need(names: Sequence[str], raw: RawTable) -> None:
    for name in ("sex", "age", "geo"):
        if name not in names:
            raise ColumnError(
                f"the file is not a life table of Eurostat: there is no dimension {name}",
                file=raw.source.name,
                row=1,
                value=name,
                allowed=list(names),
            )


def _indicator(long: pl.DataFrame, file: str) -> tuple[str, pl.DataFrame]:
    """Return the quantity and its rows; the dimension is found by its values."""
    dimensions = [name for name, dtype in long.schema.items() if dtype == pl.String]
    for indicator, quantity in _INDICATORS.items():
        for name in dimensions:
            if (long[name] == indicator).any():
                return quantity, long.filter(pl.col(name) == indicator)
    raise LifeTableError(
        "the file holds neither death rates nor probabilities of death",
        file=file,
        allowed=list(_INDICATORS),
        remedy="Download demo_mlifetable with the indicator DEATHRATE or PROBDEATH.",
    )


def _with_ages(cells: pl.DataFrame, file: str) -> pl.DataFrame:
    """Return the cells with ``age`` and ``span`` from ``Y_LT1``, ``Y7``, ``Y_GE85``."""
    ages = {}
    for code, line in cells.group_by("age").agg(pl.col("line").min()).rows():
        label = "0" if code == "Y_LT1" else code
        label = re.sub(r"^Y(?:_GE(\d+))$", r"\1+", label)
        label = re.sub(r"^Y(\d+(?:-\d+)?)$", r"\1", label)
        ages[code] = (code, *read_age(label, file=file, row=line))
    known = pl.DataFrame(
        list(ages.values()),
        schema={"age": pl.String, "first": pl.Int64, "span": pl.Int64},
        orient="row",
    )
    joined = cells.join(known, on="age", how="left", maintain_order="left")
    return joined.drop("age").rename({"first": "age"})
