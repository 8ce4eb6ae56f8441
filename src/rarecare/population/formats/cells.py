"""What the readers of published life tables share."""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from rarecare.errors import ColumnError, LifeTableError, UsageError
from rarecare.files import RawTable

_AGE = re.compile(r"(?P<first>\d+)(?:\s*[-–]\s*(?P<last>\d+)|(?P<open>\+))?")


def read_age(label: str, *, file: str, row: int) -> tuple[int, int | None]:
    """Return first age and years of ``"7"``, ``"1-4"`` or ``"110+"`` (None: open).

    Raises
    ------
    LifeTableError
        It is none of these.
    """
    match = _AGE.fullmatch(label)
    if match is None or (match["last"] and int(match["last"]) < int(match["first"])):
        raise LifeTableError(
            "this is no age group",
            file=file,
            row=row,
            value=label,
            allowed="ages such as 7, 1-4 and 110+",
        )
    first = int(match["first"])
    if match["open"]:
        return first, None
    return first, int(match["last"] or first) - first + 1


def between_years(cells: pl.DataFrame, years: tuple[int, int] | None, file: str) -> pl.DataFrame:
    """Return the cells of some calendar years, first and last included.

    Raises
    ------
    UsageError
        There are none.
    """
    if years is None:
        return cells
    kept = cells.filter(pl.col("year").is_between(*years))
    if kept.is_empty():
        raise UsageError(
            "the life table has none of these years",
            file=file,
            value=f"{years[0]}-{years[1]}",
            allowed=f"{cells['year'].min()!r} to {cells['year'].max()!r}",
        )
    return kept


def need_columns(raw: RawTable, names: Sequence[str], publisher: str) -> None:
    """Refuse a file without the columns of its publisher.

    Raises
    ------
    ColumnError
        One is missing.
    """
    for name in names:
        if name not in raw.frame.columns:
            raise ColumnError(
                f"the file is not a life table of {publisher}: there is no column {name}",
                file=raw.source.name,
                value=name,
                allowed=raw.frame.columns,
            )


def pick_countries(
    cells: pl.DataFrame, country: str | Sequence[str] | None, names: Sequence[str], file: str
) -> tuple[pl.DataFrame, bool]:
    """Return the cells of some countries with a column ``country``, and whether it is a key.

    Parameters
    ----------
    cells
        Cells with the columns ``names``.
    country
        One country (no key), several (their names as given become the key), or None: all.
    names
        Columns in which a country is looked up; the first names it when all are kept.

    Raises
    ------
    UsageError
        A country is not in the file.
    """
    if country is None:
        return cells.with_columns(pl.col(names[0]).alias("country")), True
    asked = [country] if isinstance(country, str) else list(country)
    found = []
    for each in asked:
        rows = cells.filter(pl.any_horizontal(pl.col(name) == each for name in names))
        if rows.is_empty():
            known = {value for name in names for value in cells[name].drop_nulls().unique()}
            raise UsageError(
                "the file has no such country", file=file, value=each, allowed=sorted(known)
            )
        found.append(rows.with_columns(pl.lit(each).alias("country")))
    return pl.concat(found), not isinstance(country, str)


def numbers(values: pl.Series, column: str, lines: pl.Series, file: str) -> pl.Series:
    """Return float64 values, null where blank.

    Raises
    ------
    LifeTableError
        A value is no number.
    """
    read = values.cast(pl.Float64, strict=False)
    bad = (read.is_null() & values.is_not_null()).arg_true()
    if len(bad):
        raise LifeTableError(
            "a value of the life table is no number",
            file=file,
            row=lines[int(bad[0])],
            column=column,
            value=values[int(bad[0])],
            allowed="a number",
        )
    return read
