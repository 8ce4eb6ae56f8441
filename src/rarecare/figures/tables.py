"""Reading the tables that figures are made of: strata, their names, what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from rarecare.errors import ColumnError, UsageError
from rarecare.figures.look import capital
from rarecare.results import OK

Row = dict[str, Any]


def check_table(table: pl.DataFrame, needed: Sequence[str], *, unique: Sequence[str]) -> None:
    """Refuse a table that cannot be drawn.

    Raises
    ------
    ColumnError
        A column is missing.
    UsageError
        There are no rows, or several for one stratum and point.
    """
    for column in needed:
        if column not in table.columns:
            raise ColumnError(
                "the figure needs a column that the table has not",
                value=column,
                allowed=table.columns,
            )
    if table.is_empty():
        raise UsageError(
            "there is nothing to draw", value="no rows", allowed="a table of one row or more"
        )
    twice = table.filter(table.select(unique).is_duplicated()) if unique else table[1:]
    if not twice.is_empty():
        raise UsageError(
            "several rows of the table fall on one place of the figure",
            value=", ".join(f"{name}={twice[name][0]}" for name in unique)
            or f"{table.height} rows",
            allowed="one row per stratum and point",
            remedy="Name what tells them apart in by, or draw a part of the table.",
        )


def strata(table: pl.DataFrame, by: Sequence[str]) -> Iterator[tuple[str, list[Row]]]:
    """Yield the name and the rows of each stratum, in the order of the table."""
    if not by:
        yield "All", table.to_dicts()
        return
    for key, rows in table.group_by(by, maintain_order=True):
        yield stratum_name(key, by), rows.to_dicts()


def stratum_name(key: Sequence[Any], by: Sequence[str]) -> str:
    """Return the name of a stratum in words.

    >>> stratum_name(["female", None], ["sex", "stage"])
    'Female, stage not known'
    """
    words = []
    for column, value in zip(by, key, strict=True):
        if value is None:
            words.append(f"{column.replace('_', ' ')} not known")
        elif isinstance(value, bool):
            words.append(f"{column.replace('_', ' ')}: {'yes' if value else 'no'}")
        else:
            words.append(str(value))
    return capital(", ".join(words))


def drawable(row: Row) -> bool:
    """Return whether a row has an estimate that may be shown."""
    return row["status"] == OK and row["estimate"] is not None


def why_missing(row: Row) -> str:
    """Return the status of a row that is not shown, with its reason."""
    reason = row.get("reason")
    status = row["status"] if row["status"] != OK else "no estimate"
    return f"{status}: {reason}" if reason else str(status)


def level_of(table: pl.DataFrame) -> str:
    """Return the confidence level of a table: ``"95%"``."""
    levels = table["level"].drop_nulls().unique().to_list()
    if len(levels) != 1:
        raise UsageError(
            "the intervals of a figure must have one level",
            value=", ".join(f"{level:g}" for level in sorted(levels)) or "none",
            allowed="one level in the whole table",
        )
    return f"{100 * levels[0]:g}%"
