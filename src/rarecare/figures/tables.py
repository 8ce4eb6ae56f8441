"""Reading the tables that figures are made of: strata, their names, what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from rarecare.errors import ColumnError, UsageError
from rarecare.figures.look import capital
from rarecare.figures.words import say, to_say, tongue
from rarecare.results import NOT_ESTIMABLE, OK, WITHHELD

Row = dict[str, Any]
ALL = to_say("All")
"""Name of the whole."""

_NO_ESTIMATE = to_say("no estimate")
_STATES = {WITHHELD: to_say("withheld"), NOT_ESTIMABLE: to_say("not estimable")}


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
    seen: set[tuple[Any, ...]] = set()
    for key in table.select(unique).rows() if unique else [()] * table.height:
        if key not in seen:
            seen.add(key)
            continue
        raise UsageError(
            "several rows of the table fall on one place of the figure",
            value=", ".join(f"{name}={value}" for name, value in zip(unique, key, strict=True))
            or f"{table.height} rows",
            allowed="one row per stratum and point",
            remedy="Name what tells them apart in by, or draw a part of the table.",
        )


def strata(table: pl.DataFrame, by: Sequence[str]) -> Iterator[tuple[str, list[Row]]]:
    """Yield the name and the rows of each stratum, in the order of the table."""
    if not by:
        yield ALL, table.to_dicts()
        return
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in table.to_dicts():
        found.setdefault(tuple(row[name] for name in by), []).append(row)
    for key, rows in found.items():
        yield stratum_name(key, by), rows


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
    reason = row.get("reason") if tongue().reasons else None
    status = say(_STATES.get(row["status"], str(row["status"])) if row["status"] != OK
                 else _NO_ESTIMATE)  # fmt: skip
    return f"{status}: {reason}" if reason else status


def level_of(table: pl.DataFrame) -> str:
    """Return the confidence level of a table: ``"95%"``."""
    levels = list({level for level in table["level"].to_list() if level is not None})
    if len(levels) != 1:
        raise UsageError(
            "the intervals of a figure must have one level",
            value=", ".join(f"{level:g}" for level in sorted(levels)) or "none",
            allowed="one level in the whole table",
        )
    return f"{100 * levels[0]:g}%"


def not_shown(names: str, why: str) -> str:
    """Return the remark on what a figure does not show."""
    return say("Not shown: %(names)s, %(why)s.") % {"names": names, "why": why}


def in_brackets(what: str, level: str) -> str:
    """Return the sentence that begins a figure's numbers in words."""
    return say("%(what)s, in brackets the %(level)s interval.") % {"what": what, "level": level}


def interval_words(level: str, *, band: bool) -> str:
    """Return what a band or a line is."""
    words = say("Band: %(level)s interval") if band else say("Line: %(level)s interval")
    return words % {"level": level}
