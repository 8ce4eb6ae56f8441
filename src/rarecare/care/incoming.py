"""Reading the data of a high-resolution study, and saying what is amiss in them.

Every record is kept, rejected with a reason, or kept and listed; every value is read as its
dictionary says, or listed and taken as unknown. Nothing is dropped without a line in the findings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from rarecare.care import incoming_checks as checks
from rarecare.care.dictionary import IDS, Dictionary
from rarecare.care.incoming_casts import Column, cast_column, dtype
from rarecare.care.incoming_checks import FINDINGS, RULES, Given
from rarecare.errors import ColumnError, UsageError
from rarecare.files import RawTable, Source, read_table
from rarecare.registry.casts import as_text
from rarecare.registry.dates import DateReading
from rarecare.registry.exclusions import KEPT, READ

_ADMIN = re.compile(r"record_id|redcap_\w+|\w+_complete|\w+_timestamp")
_ISO = DateReading()


@dataclass(frozen=True, slots=True, eq=False)
class Incoming:
    """The data of a study as read.

    Attributes
    ----------
    data
        One row per record kept: ``row`` (line of the file, the header being line 1), then every
        variable of the dictionary by its type (yes and no as true and false); null is unknown.
        ``<date>_precision`` ("day", "month", "year") stands beside dates with an unknown part.
    findings
        ``row``, ``variable``, ``value`` as it stood, ``rule`` (``incoming_checks.RULES``),
        ``severity`` ("rejected", "error", "warning"), ``remedy``.
    accounting
        ``order``, ``reason``, ``records``: read, rejected by reason, kept.
    completeness
        One row per variable: ``variable``, ``required``, ``asked`` (records in which it is
        asked), ``known``, ``unknown`` (said to be), ``missing``, ``unreadable``.
    source
        The file, for provenance.
    notes
        What reading decided.
    """

    data: pl.DataFrame
    findings: pl.DataFrame
    accounting: pl.DataFrame
    completeness: pl.DataFrame
    source: Source
    notes: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether nothing was found but columns that are not read."""
        return bool((self.findings["severity"] == "warning").all())


def read_incoming(
    source: str | Path | Any, dictionary: Dictionary, *, columns: Mapping[str, str] | None = None,
    dates: DateReading = _ISO, closing: date | None = None,
) -> Incoming:  # fmt: skip
    """Return the data of a study, read and checked.

    Parameters
    ----------
    source
        Path of a file ``rarecare.files.read_table`` reads (CSV, Parquet, Stata), or a data frame.
        An export of REDCap is one: its own columns are left aside.
    dictionary
        The study kit, or one's own dictionary.
    columns
        The file's name of a variable, where it is another: ``{"margins": "resection"}``.
        Capital letters, blanks and hyphens make no other name.
    dates
        How dates are written; by default as YYYY-MM-DD, YYYY-MM or YYYY.
    closing
        No date may be after it.

    Raises
    ------
    FileError
        The file cannot be read, or has no records.
    ColumnError
        The columns that tell records apart are missing, two columns have one name, or a column
        holds no single values.
    UsageError
        ``columns`` names a variable or a column that is not there.
    """
    raw = read_table(source)
    frame, left, notes = _named(raw, dictionary, columns or {})
    lines = pl.int_range(2, frame.height + 2, dtype=pl.Int64, eager=True)
    found = [checks.unknown_columns(left, dictionary)]
    out = checks.rejected(frame, lines)
    kept_lines = lines
    if out.height:  # a filter copies every column
        kept = ~lines.is_in(out["row"].implode())
        frame, kept_lines = frame.filter(kept), lines.filter(kept)
    told = checks.spoken_of(dictionary)
    read = {
        each.name: cast_column(frame[each.name], each, dates, coded=each.name in told)
        for each in dictionary.variables
        if each.name in frame.columns
    }
    given = Given(kept_lines, read)
    wanted = checks.asked(given, dictionary)
    found += [
        checks.missing_columns(given, dictionary),
        out,
        *checks.unreadable(given, frame, dictionary, dates),
        *checks.required(given, frame, dictionary, wanted),
        *checks.date_order(given, dictionary),
    ]
    if closing is not None:
        found += checks.after_closing(given, dictionary, closing)
    table = pl.concat([pl.DataFrame(schema=FINDINGS), *found])
    place = pl.col("variable").replace_strict(
        {name: i for i, name in enumerate(dictionary.names, start=1)},
        default=0,
        return_dtype=pl.Int64,
    )
    # by line, then by variable; what is of a whole column comes first
    order = pl.col("row").fill_null(0) * (len(dictionary.names) + 1) + place
    return Incoming(
        _data(given, dictionary),
        table.sort(order, maintain_order=True),
        _accounting(len(lines), out),
        _completeness(given, dictionary, wanted),
        raw.source,
        tuple(notes),
    )


def _named(
    raw: RawTable, dictionary: Dictionary, columns: Mapping[str, str]
) -> tuple[pl.DataFrame, list[str], list[str]]:
    """Return the columns as text under the names of their variables, those left, and notes."""
    file, frame = raw.source.name, raw.frame
    for name, own in columns.items():
        dictionary[name]  # raises where there is none
        if own not in frame.columns:
            raise UsageError(
                f"{name} is said to be in a column that is not there", value=own,
                allowed=frame.columns,
            )  # fmt: skip
    given = {own: name for name, own in columns.items()}
    found: dict[str, str] = {}
    left: list[str] = []
    admin: list[str] = []
    for own in frame.columns:
        name = given.get(own) or re.sub(r"[\s\-.]+", "_", own.strip().lower())
        if name not in dictionary.names:
            (admin if _ADMIN.fullmatch(name) else left).append(own)
            continue
        if name in found:
            raise ColumnError(
                f"two columns are {name}", file=file, value=own, allowed=[found[name]],
                remedy="Leave one out.",
            )  # fmt: skip
        found[name] = own
    for name in IDS:
        if name not in found:
            raise ColumnError(
                f"there is no column {name}", file=file, value=name, allowed=frame.columns,
                remedy="Every record needs registry, patient_id and tumour_id.",
            )  # fmt: skip
    text = [_text(frame[own], file).alias(name) for name, own in found.items()]
    notes = [f"columns of REDCap itself were left aside: {', '.join(admin)}"] if admin else []
    return pl.DataFrame(text), left, notes


def _text(values: pl.Series, file: str) -> pl.Series:
    """Return a column as text, refusing what holds no single values."""
    if values.dtype.is_nested() or values.dtype in (pl.Binary, pl.Object, pl.Duration, pl.Time):
        raise ColumnError(
            "a column holds no single values", file=file, column=values.name,
            value=str(values.dtype), allowed="text, numbers, dates, true and false",
        )  # fmt: skip
    text = as_text(values)
    # the same column is kept as it stands, not twice
    return values if values.dtype == pl.String and text.equals(values) else text


def _data(given: Given, dictionary: Dictionary) -> pl.DataFrame:
    columns: list[pl.Series] = [given.lines.alias("row")]
    for each in dictionary.variables:
        column = given.columns.get(each.name)
        if column is None:
            nothing = pl.repeat(None, len(given.lines), dtype=dtype(each), eager=True)
            columns.append(nothing.alias(each.name))
            continue
        columns.append(column.typed.alias(each.name))
        if column.precision is not None and (column.precision != "day").any():
            columns.append(_precision(column).alias(f"{each.name}_precision"))
    return pl.DataFrame(columns)


def _precision(column: Column) -> pl.Series:
    """Return how well each date is known; null where it is not."""
    frame = pl.DataFrame({"date": column.typed, "precision": column.precision})
    known = pl.when(pl.col("date").is_not_null()).then("precision")
    return frame.select(known.cast(pl.String)).to_series()


def _accounting(read: int, out: pl.DataFrame) -> pl.DataFrame:
    rejecting = [rule for rule, (severity, _) in RULES.items() if severity == "rejected"]
    counts = [int((out["rule"] == rule).sum()) for rule in rejecting]
    reasons = [READ, *rejecting, KEPT]
    records = [read, *counts, read - sum(counts)]
    return pl.DataFrame({"order": range(len(reasons)), "reason": reasons, "records": records})


def _completeness(
    given: Given, dictionary: Dictionary, wanted: Mapping[str, pl.Series]
) -> pl.DataFrame:
    rows = []
    for each in dictionary.variables:
        column = given.columns.get(each.name)
        if column is None:
            continue
        asked = wanted[each.name].fill_null(value=False)
        known = asked & column.typed.is_not_null()
        missing = asked & column.missing
        broken = asked & column.broken.is_not_null()
        numbers = [int(flag.sum()) for flag in (asked, known, missing, broken)]
        unknown = numbers[0] - sum(numbers[1:])
        rows.append((each.name, each.need, *numbers[:2], unknown, *numbers[2:]))
    schema = {"variable": pl.String, "required": pl.String} | dict.fromkeys(
        ("asked", "known", "unknown", "missing", "unreadable"), pl.Int64
    )
    return pl.DataFrame(rows, schema=schema, orient="row")
