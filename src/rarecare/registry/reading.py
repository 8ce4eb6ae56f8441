"""Reading a registry's cases: any file or frame in, the canonical case table out."""

from __future__ import annotations

import re
from calendar import month_name
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from rarecare.errors import CaseError, ColumnError, UsageError
from rarecare.files import RawTable, read_table
from rarecare.registry.cases import BY_NAME, REJECTS, Cases
from rarecare.registry.casts import Reading, as_text, code_map, read_column, refuse_bare_status
from rarecare.registry.column_map import check_required, match_columns
from rarecare.registry.dates import (
    MID_PERIOD,
    OTHER_LAYOUTS,
    DateImputation,
    DateReading,
    keep_order,
)
from rarecare.registry.derived import add_age, add_follow_up

GIVEN = ("age", "follow_up_days", "last_date")
"""What may be given, or derived from other columns."""


def read_cases(
    source: str | Path | Any,
    *,
    columns: Mapping[str, str] | None = None,
    codes: Mapping[str, Mapping[str, str] | str] | None = None,
    required: Collection[str] = (),
    delimiter: str | None = None,
    date_format: str | None = None,
    date_imputation: DateImputation = MID_PERIOD,
    days_per_year: float = 365.2425,
    keep_given: bool = False,
) -> Cases:
    """Return the cases of a file or data frame in canonical columns and codes.

    Parameters
    ----------
    source
        Path of a CSV, Parquet or Stata file, or a data frame.
    columns
        Canonical name -> column of the file, where they differ. Other names rename
        columns that are carried along.
    codes
        Canonical name -> {code of the file: canonical word}, or the name of a set of
        codes: for ``vital_status`` ``"encr"``, ``"stata"`` or ``"event"``.
    required
        Canonical columns the caller needs, given or to be had from others:
        ``follow_up_days`` from two dates, ``age_days`` from two dates or ``age``.
    delimiter
        Character between the columns of a text file; found by itself when None.
    date_format
        Layout of dates in text such as ``"%d/%m/%Y"``; ISO or ``YYYYMMDD`` when None.
    date_imputation
        What stands in for an unknown day or month.
    days_per_year
        D, in days: an age in completed years becomes (age + 0.5)·D days.
    keep_given
        Whether age, follow-up and last date are also kept as they stood, before one is derived
        from another: ``age_given``, ``follow_up_days_given``, ``last_date_given``.

    Returns
    -------
    Cases
        Values that cannot be read are null in ``table`` and listed in ``rejects``;
        unknown values are null only.

    Raises
    ------
    FileError
        The file is missing, empty, binary, or its lines do not match its header.
    ColumnError
        A required or mapped column is missing, or two columns claim one name.
    CodeError
        ``vital_status`` is in numbers and ``codes`` does not say what they mean.
    CaseError
        A column of dates has a layout that must be stated.
    UsageError
        A name or code in the maps is not known, or an argument is out of range.

    Examples
    --------
    >>> cases = read_cases(
    ...     pl.DataFrame({"geslacht": ["2"], "birth_date": ["1950-03-01"],
    ...                   "incidence_date": ["2001-02-99"]}),
    ...     columns={"sex": "geslacht"})
    >>> cases.table.select("row", "sex", "incidence_date", "age").row(0)
    (2, 'female', datetime.date(2001, 2, 15), 50)
    >>> cases.notes[0]
    '1 of 1 incidence dates had no day: day 15 taken'
    """
    if not days_per_year > 0:
        raise UsageError(
            "days_per_year is out of range", value=days_per_year, allowed="days, above 0"
        )
    dates = DateReading(date_format, date_imputation)
    raw = read_table(source, delimiter=delimiter)
    file, present = raw.source.name, raw.frame.columns
    names = match_columns(present, columns=columns or {}, codes=codes or {}, file=file)
    check_required(required, names, present=present, file=file)
    maps = {name: code_map(BY_NAME[name], given) for name, given in (codes or {}).items()}

    table, rejects, notes = _read_all(raw, names, maps, dates)
    table, moved = keep_order(table)
    if moved:
        notes.append(
            f"imputed dates of {moved} cases were moved so that birth, incidence and last date "
            "stay in order"
        )
    table = with_given(table) if keep_given else table
    table, more = add_follow_up(table)
    notes += more
    table, refused, more = add_age(table, days_per_year=days_per_year)
    notes += more
    check_required(required, table.columns, present=present, file=file, derived={})
    carried = [name for name in table.columns if name not in BY_NAME and name != "row"]
    canonical = [name for name in BY_NAME if name in table.columns]
    file_columns = {name: column for name, column in names.items() if name in BY_NAME}
    return Cases(
        table.select("row", *canonical, *carried),
        pl.concat([rejects, refused]).sort("row", maintain_order=True),
        raw.source,
        tuple(notes),
        file_columns,
    )


def _read_all(
    raw: RawTable,
    names: Mapping[str, str],
    maps: Mapping[str, Mapping[str, str]],
    dates: DateReading,
) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    """Cast every column; the table, what was rejected, and notes."""
    file = raw.source.name
    read: dict[str, pl.Series] = {"row": _row_numbers(raw, names)}
    rejects = [pl.DataFrame(schema=REJECTS)]
    notes: list[str] = []
    behaviour = None
    for name, column in names.items():
        values = raw.frame[column]
        if name not in BY_NAME:
            read.setdefault(name, as_text(values) if values.dtype == pl.String else values)
            continue
        field = BY_NAME[name]
        codes = maps.get(name, {})
        if name == "vital_status" and not codes:
            refuse_bare_status(values, file=file, column=column)
        reading = read_column(values, field, codes=codes, dates=dates)
        read[name] = reading.values["value"]
        if reading.rejects.height:
            first = reading.rejects.row(0, named=True)
            if field.kind == "date" and not read[name].count():
                _refuse_other_layout(first, read["row"][first["row"]], file, column)
            rows = reading.rejects["row"]
            rejects.append(reading.rejects.with_columns(row=read["row"].gather(rows)))
            notes.append(reject_note(rejects[-1], len(values)))
        if field.kind == "date":
            notes += _note_imputed(reading, name, dates.imputation, read)
        if field.kind == "morphology":
            behaviour = reading.values["behaviour"]
    if "behaviour" not in read and behaviour is not None and behaviour.count():
        read["behaviour"] = behaviour
    table = pl.DataFrame([values.alias(name) for name, values in read.items()])
    return table, pl.concat(rejects), notes


def _row_numbers(raw: RawTable, names: Mapping[str, str]) -> pl.Series:
    """Lines of the file; a table of cases read before keeps the lines it came with."""
    if "row" not in names:
        return raw.lines
    rows = raw.frame[names["row"]]
    if not rows.dtype.is_integer():
        raise ColumnError(
            "the name row is kept for the line of the file",
            file=raw.source.name,
            column=names["row"],
            remedy=f"Give the column another name: --columns row_in_file={names['row']}.",
        )
    return rows.cast(pl.Int64)


def _refuse_other_layout(first: Mapping[str, Any], row: int, file: str, column: str) -> None:
    """Refuse a column of dates, none of which was read, if they have a layout to state."""
    if not re.fullmatch(OTHER_LAYOUTS, first["value"]):
        return
    raise CaseError(
        f"no value of {first['column']} could be read: its dates have another layout",
        file=file,
        row=row,
        column=column,
        value=first["value"],
        allowed=first["allowed"],
        remedy="State the layout: --date-format %d/%m/%Y, for example.",
    )


def _note_imputed(
    reading: Reading, name: str, rule: DateImputation, read: dict[str, pl.Series]
) -> list[str]:
    """Keep the precision of imputed dates as a column, and say how many there are."""
    if "precision" not in reading.values.columns:
        return []
    known = reading.values.filter(pl.col("value").is_not_null())
    counts = dict(known["precision"].value_counts().iter_rows())
    if set(counts) <= {"day"}:
        return []
    read[f"{name}_precision"] = reading.values.select(
        pl.when(pl.col("value").is_not_null()).then(pl.col("precision"))
    ).to_series()
    return imputation_notes(name, counts, reading.values.height, rule)


def with_given(table: pl.DataFrame) -> pl.DataFrame:
    """Return the table with age, follow-up and last date once more, as they stand."""
    return table.with_columns(
        pl.col(name).alias(f"{name}_given") for name in GIVEN if name in table.columns
    )


def reject_note(rejects: pl.DataFrame, n_records: int) -> str:
    """Return what to say of the values of one column that were not read."""
    first = rejects.row(0, named=True)
    return (
        f"{rejects.height} of {n_records} values of {first['column']} were not read, the first in "
        f"line {first['row']}: {first['value']!r}; allowed: {first['allowed']}"
    )


def imputation_notes(
    name: str, counts: Mapping[str, int], n_records: int, rule: DateImputation
) -> list[str]:
    """Return what to say of imputed dates; ``counts`` are dates by precision."""
    noun = name.replace("_", " ") + "s"
    taken = {
        "month": f"had no day: day {rule.day} taken",
        "year": f"had no month: {rule.month_day} {month_name[rule.month]} taken",
    }
    return [
        f"{counts[key]} of {n_records} {noun} {text}"
        for key, text in taken.items()
        if counts.get(key)
    ]
