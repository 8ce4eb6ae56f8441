"""Reading the ENCR-JRC incidence file: 39 columns, months and years in place of dates.

Source: ENCR-JRC call for data and QCS, JRC132486 (2023); columns and codes in ``encr_columns``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from rarecare.errors import ColumnError, FileError, UsageError
from rarecare.files import RawTable, read_table
from rarecare.registry.cases import BY_NAME, CODE_SETS, MISSING, REJECTS, Cases
from rarecare.registry.casts import as_text, read_column
from rarecare.registry.dates import MID_PERIOD, YEARS, DateImputation, keep_order
from rarecare.registry.derived import add_age, add_follow_up
from rarecare.registry.encr_columns import (
    COLUMNS,
    DATES,
    NAMES,
    NO_EXTENT,
    NUMBERS,
    SEPARATOR,
    STAGE,
    STAGE_TNM,
    TNM_TYPES,
    Column,
)
from rarecare.registry.reading import imputation_notes, reject_note, with_given

_MONTHS = ("MoB", "MoI", "MoF")
_FIRST_PROTOCOL = 45  # columns of the call of 2015
_PRECISIONS = pl.Series(["year", "month"])
_FREE = ("PAT", "TUM", "Geo_Code", "Geo_Label")


def read_encr(
    source: str | Path | Any,
    *,
    registry: str | None = None,
    date_imputation: DateImputation = MID_PERIOD,
    days_per_year: float = 365.2425,
    keep_given: bool = False,
) -> Cases:
    """Return the cases of an ENCR-JRC incidence file in canonical columns and codes.

    Parameters
    ----------
    source
        Path of the file (39 columns divided by ``;``, in the order of the protocol), or the
        same table as Parquet or a data frame.
    registry
        The registry's code, which the file does not hold: a column ``registry`` when given.
    date_imputation
        What stands in for the day, which is never sent, and for an unknown month.
    days_per_year
        D, in days: an age in completed years becomes (age + 0.5)·D days.
    keep_given
        See ``read_cases``.

    Returns
    -------
    Cases
        Canonical columns, then ``region_label``, ``cause_of_death_icd_edition``, ``tnm_*``,
        ``stage_type``, ``stage_code``, ``stage_tnm`` and ``treatment_*`` (the file's numbers).
        ``Surv_time`` is the follow-up and decides ``last_date``. A value not in the list of
        its column is null and a row of ``rejects``: ``column`` is the canonical name, as
        from ``read_cases``, and ``reason`` begins with the file's.

    Raises
    ------
    FileError
        The file is missing, empty, binary, not divided by ``;``, or its lines do not match
        its header.
    ColumnError
        A column is missing, too many, or out of place.
    UsageError
        ``days_per_year`` is not positive.
    """
    if not days_per_year > 0:
        raise UsageError(
            "days_per_year is out of range", value=days_per_year, allowed="days, above 0"
        )
    raw = read_table(source, numbers=NUMBERS, strip=False)
    _check_header(raw)
    numbers, rejected = _read_numbers(raw.frame)
    words, more = _read_words(raw.frame)
    made = numbers.select(*_dates(date_imputation), *_coded_words(), *_carried_numbers())
    table = pl.concat([words, made], how="horizontal").with_columns(
        raw.lines.alias("row"),
        *([] if registry is None else [pl.lit(registry).alias("registry")]),
    )
    table, notes = _add_stage(table)
    notes = [*_date_notes(table, date_imputation), *notes]
    table, moved = keep_order(table)
    if moved:
        notes.append(
            f"imputed dates of {moved} cases were moved so that birth, incidence and last date "
            "stay in order"
        )
    table = with_given(table) if keep_given else table
    table, follow_up_notes = add_follow_up(table)
    table, refused, age_notes = add_age(table, days_per_year=days_per_year)
    rejected = [
        each.with_columns(row=raw.lines.gather(each["row"] - 2)) for each in (*rejected, *more)
    ]
    canonical = [name for name in BY_NAME if name in table.columns]
    carried = [name for name in table.columns if name not in BY_NAME and name != "row"]
    return Cases(
        table.select("row", *canonical, *carried),
        pl.concat([pl.DataFrame(schema=REJECTS), *rejected, refused]).sort(
            "row", maintain_order=True
        ),
        raw.source,
        (*_reject_notes(rejected, table.height), *notes, *follow_up_notes, *age_notes),
        _file_columns(),
    )


def _check_header(raw: RawTable) -> None:
    """Refuse a file that has not the columns of the protocol in their order."""
    present, file = raw.frame.columns, raw.source.name
    missing = [name for name in NAMES if name not in present]
    extra = [name for name in present if name not in NAMES]
    convert = (
        "Send the columns of protocol 2 (JRC132486), in its order; a tidy file of another layout "
        "is read with a column map instead."
    )
    if raw.source.delimiter not in (None, SEPARATOR):
        raise FileError(
            "the columns of an ENCR-JRC file are divided by semicolons",
            file=file,
            row=1,
            value=raw.source.delimiter,
            allowed=SEPARATOR,
            remedy=f"Save the file with {SEPARATOR!r} between the columns.",
        )
    if missing or extra:
        parts = [f"lacks {', '.join(missing)}"] if missing else []
        parts += [f"has {', '.join(extra)} too many"] if extra else []
        if len(present) == _FIRST_PROTOCOL:
            convert = (
                f"{_FIRST_PROTOCOL} columns are those of the first protocol (2015): convert the "
                "file with the JRC CSV data layout converter. " + convert
            )
        raise ColumnError(
            f"the file has {len(present)} columns where an ENCR-JRC incidence file has "
            f"{len(NAMES)}: it {' and '.join(parts)}",
            file=file,
            row=1,
            value=extra[0] if extra else None,
            allowed=missing or "only the columns of the protocol",
            remedy=convert,
        )
    for place, (name, expected) in enumerate(zip(present, NAMES, strict=True), start=1):
        if name != expected:
            raise ColumnError(
                f"the columns are not in the order of the protocol: column {place} is not "
                f"{expected}",
                file=file,
                row=1,
                value=name,
                allowed=expected,
                remedy=convert,
            )


def _read_numbers(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """Return the columns of numbers as int32 by the file's names, and what was rejected.

    An unknown number is null; an unknown month is 0, so that a month rejected stays apart.
    """
    columns = [column for column in COLUMNS if column.numbers is not None]
    values, bad = [], {}
    for column in columns:
        name, given = column.name, pl.col(column.name)
        faulty = pl.lit(value=False)
        if not frame.schema[name].is_integer():
            text = frame[name]
            number = text.cast(pl.Int64, strict=False)
            if text.dtype != pl.String or (text.is_not_null() & number.is_null()).any():
                text = as_text(text)
                number = text.cast(pl.Int64, strict=False)
                frame = frame.with_columns(text.alias(name))
            lost = text.is_not_null() & number.is_null()
            if lost.any():
                faulty = pl.lit(lost) & ~given.str.to_lowercase().is_in(list(MISSING))
            given = pl.lit(number)
        known = _among(given, column.numbers or ())
        unknown = given.is_in([int(code) for code in column.unknown])
        bad[name] = (faulty | ~(known | unknown)).fill_null(value=False)
        empty = pl.when(~bad[name]).then(0) if name in _MONTHS else None
        value = pl.when(known).then(given).otherwise(empty)
        values.append(value.cast(pl.Int32).alias(name))
    found = frame.select(each.any().alias(name) for name, each in bad.items()).row(0, named=True)
    rejects = [
        _rejects(frame.select(name, bad=bad[name]), column)
        for column in columns
        if found[name := column.name]
    ]
    return frame.select(values), rejects


def _among(values: pl.Expr, numbers: range | tuple[int, ...]) -> pl.Expr:
    if numbers[-1] - numbers[0] + 1 == len(numbers):
        return values.is_between(numbers[0], numbers[-1])
    return values.is_in(list(numbers))


def _rejects(frame: pl.DataFrame, column: Column) -> pl.DataFrame:
    """Return the rejects of a column from its values and ``bad``."""
    kind = "a known code" if column.listed else "a number in its range"
    return (
        frame.with_row_index("row", offset=2)
        .filter("bad")
        .select(
            pl.col("row").cast(pl.Int64),
            column=pl.lit(column.ours),
            value=pl.col(column.name).cast(pl.String),
            reason=pl.lit(f"{column.name} is not {kind}"),
            allowed=pl.lit(column.allowed),
        )
    )


def _read_words(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """Return the columns of text by our names, unknown ones null, and what was rejected."""
    columns = {column.name: column for column in COLUMNS if column.numbers is None}
    free = frame.select(pl.col(_FREE).cast(pl.String).str.strip_chars())
    blank = free.select((pl.all() == "").any()).row(0, named=True)
    read = [
        (free[name].replace("", None) if blank[name] else free[name]).alias(columns[name].ours)
        for name in _FREE
    ]
    topography = read_column(frame["Topo"], BY_NAME["topography"])
    read.append(topography.values["value"].alias("topography"))
    rejects = [topography.rejects.with_columns(pl.col("row") + 2)]
    coded = [name for name in columns if name not in (*_FREE, "Topo")]
    text = frame.select(pl.col(coded).cast(pl.String))
    distinct = text.select(pl.all().unique().implode()).row(0, named=True)
    for name in coded:
        values, rejected = _read_codes(text[name], distinct[name], columns[name])
        read.append(values)
        rejects += rejected
    order = [column.ours for column in columns.values()]
    return pl.DataFrame(read).select(order), [each for each in rejects if each.height]


def _read_codes(
    values: pl.Series, distinct: Collection[str | None], column: Column
) -> tuple[pl.Series, list[pl.DataFrame]]:
    """Return text with unknown codes as null, and what is not among the column's words."""
    spelt = {word.lower(): word for word in column.words}
    none = {"", *MISSING, *(code.lower() for code in column.unknown)}
    becomes: dict[str, str | None] = {}
    bad = []
    for given in filter(None, distinct):
        code = given.strip()
        low = code.lower()
        if low in none:
            becomes[given] = None
        else:
            becomes[given] = spelt.get(low) if spelt else code
            bad += [given] if spelt and low not in spelt else []
    becomes = {given: code for given, code in becomes.items() if given != code}
    if "" in distinct:
        becomes[""] = None
    read = values.replace(becomes) if becomes else values
    rejected = []
    if bad:
        faulty = values.is_in(bad).fill_null(value=False)
        stripped = values.str.strip_chars()
        rejected = [_rejects(pl.DataFrame({column.name: stripped, "bad": faulty}), column)]
    return read.alias(column.ours), rejected


def _dates(rule: DateImputation) -> Iterator[pl.Expr]:
    """Yield each date and its precision, ``"month"`` or ``"year"``, from the numbers."""
    parts: dict[str, list[str]] = {name: [] for name in DATES}
    for column in COLUMNS:
        if column.ours in DATES:
            parts[column.ours].append(column.name)
    for name, (month, year) in parts.items():
        place = (pl.col(year) - YEARS[0]) * 13 + pl.col(month)
        known = pl.when(place.is_not_null()).then((pl.col(month) > 0).cast(pl.UInt32))
        yield pl.lit(_calendar(rule)).gather(place).alias(name)
        yield pl.lit(_PRECISIONS).gather(known).alias(f"{name}_precision")


@cache
def _calendar(rule: DateImputation) -> pl.Series:
    """Return the day taken for each year and month; month 0 is unknown."""
    days = [
        date(year, month, rule.day) if month else date(year, rule.month, rule.month_day)
        for year in range(YEARS[0], YEARS[1] + 1)
        for month in range(13)
    ]
    return pl.Series(days)


def _date_notes(table: pl.DataFrame, rule: DateImputation) -> list[str]:
    notes = []
    for name in DATES:
        precision = table[f"{name}_precision"]
        month = int((precision == "month").sum())
        counts = {"month": month, "year": precision.count() - month}
        notes += imputation_notes(name, counts, table.height, rule)
    return notes


def _carried_numbers() -> Iterator[pl.Expr]:
    for column in COLUMNS:
        if column.numbers is not None and column.ours not in (*DATES, "sex", "vital_status"):
            yield pl.col(column.name).alias(column.ours)


def _coded_words() -> Iterator[pl.Expr]:
    """Yield sex and vital status; what they do not know (sex 3, status 9) is null."""
    for name, column, codes in (
        ("sex", "Sex", BY_NAME["sex"].codes),
        ("vital_status", "Vit_stat", CODE_SETS["vital_status"]["encr"]),
    ):
        words = pl.Series([codes.get(str(number)) for number in range(4)], dtype=pl.String)
        yield pl.lit(words).gather(pl.col(column)).alias(name)


def _add_stage(table: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Add ``stage`` and ``stage_tnm`` from the type and number of the stage."""
    code, kind = table["stage_code"], table["stage_type"]
    other, is_tnm = (_is_any(kind, types) for types in (NO_EXTENT, TNM_TYPES))
    table = table.with_columns(
        _words(STAGE, ~other).alias("stage"), _words(STAGE_TNM, is_tnm).alias("stage_tnm")
    )
    notes = []
    if known := code.count():
        notes.append(
            "stage from its number: 1 localised, 2 and 3 regional, 4 distant, 0 (in situ) none"
        )
        left = int((other & code.is_not_null()).sum())
        if left:
            notes.append(
                f"{left} of {known} stages are of types that are no extent of disease "
                f"({', '.join(NO_EXTENT)}): their number is kept in stage_code alone"
            )
    return table, notes


def _words(codes: Mapping[int, str], kept: pl.Series) -> pl.Expr:
    """Return the words of ``stage_code``, null where not kept."""
    if not kept.any():
        return pl.lit(None, dtype=pl.String)
    words = pl.Series([codes.get(number) for number in range(5)], dtype=pl.String)
    found = pl.lit(words).gather(pl.col("stage_code"))
    return found if kept.all() else pl.when(kept).then(found)


def _is_any(values: pl.Series, words: tuple[str, ...]) -> pl.Series:
    """Return whether each value is one of the words; quick where none of them occurs."""
    if not set(values.unique()) & set(words):
        return pl.repeat(False, len(values), eager=True)
    return values.is_in(words).fill_null(value=False)


def _reject_notes(rejected: list[pl.DataFrame], height: int) -> Iterator[str]:
    for rejects in rejected:
        yield reject_note(rejects, height)


def _file_columns() -> dict[str, str]:
    """Return the file's column of each canonical one; of a date, both."""
    names: dict[str, str] = {}
    for column in COLUMNS:
        if column.ours in BY_NAME:
            before = f"{names[column.ours]}, " if column.ours in names else ""
            names[column.ours] = before + column.name
    return names
