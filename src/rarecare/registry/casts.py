"""From what a file holds to canonical values: one cast per kind of column.

A cast works on the distinct values of a column and its answers are joined back to the
rows, which keeps ten million records a matter of seconds. What cannot be read becomes null and
one row of the rejects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from rarecare.errors import CodeError, UsageError
from rarecare.registry.cases import BY_NAME, CODE_SETS, MISSING, REJECTS, Field, Kind
from rarecare.registry.dates import YEARS, DateReading

ISO_DATES = DateReading()

_REASONS: Mapping[Kind, str] = {
    "word": "is not a known code",
    "whole": "is not a number in its range",
    "number": "is not a number in its range",
    "date": "is not a date",
    "topography": "is not an ICD-O-3 topography",
    "morphology": "is not an ICD-O-3 morphology",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """One column as read.

    Attributes
    ----------
    values
        ``value`` and what came with it (``precision`` of dates, ``behaviour`` of
        morphologies), one row per record.
    rejects
        One row per value not read; ``row`` is the record's position, 0-based.
    """

    values: pl.DataFrame
    rejects: pl.DataFrame


def as_text(values: pl.Series) -> pl.Series:
    """Return values as stripped text: blank and NaN as null, 2.0 as ``"2"``."""
    if values.dtype.is_float():
        whole = values.cast(pl.Int64, strict=False)
        is_whole = (whole == values).fill_null(value=False)
        text = values.fill_nan(None).cast(pl.String)
        return whole.cast(pl.String).zip_with(is_whole, text)
    return values.cast(pl.String).str.strip_chars().replace("", None)


def code_map(field: Field, codes: Mapping[str, str] | str | None) -> Mapping[str, str]:
    """Return the map of a field's codes, given as such or by the name of a set.

    Raises
    ------
    UsageError
        There is no such set, or a code is mapped to what the field does not know.
    """
    if isinstance(codes, str):
        sets = CODE_SETS.get(field.name, {})
        if codes not in sets:
            raise UsageError(
                f"there is no set of codes of that name for {field.name}",
                value=codes,
                allowed=list(sets) or "none: give a map, code=meaning",
                remedy=f"Or give a map: --codes {field.name}:CODE=MEANING.",
            )
        return sets[codes]
    if codes and field.kind != "text":
        meanings = pl.Series(list(codes.values()), dtype=pl.String)
        wrong = read_column(meanings, field).rejects
        if wrong.height:
            raise UsageError(
                f"the codes of {field.name} are mapped to what it does not know",
                value=wrong["value"][0],
                allowed=[*_words(field), "unknown"] if field.kind == "word" else _allowed(field),
                remedy=f"Map them as --codes {field.name}:CODE=MEANING.",
            )
    return codes or {}


def read_column(
    values: pl.Series,
    field: Field,
    *,
    codes: Mapping[str, str] | None = None,
    dates: DateReading = ISO_DATES,
) -> Reading:
    """Return a column in its canonical form and what could not be read of it.

    Parameters
    ----------
    values
        The column as it came: text, or any type that says the same.
    codes
        Codes of this file and what they mean, applied first. With a map, the numbers
        the field knows of itself no longer count, except for "unknown".
    dates
        How dates are written.
    """
    if field.kind == "text":
        text = as_text(values).replace(codes or {}).alias("value")
        return Reading(text.to_frame(), pl.DataFrame(schema=REJECTS))
    if field.kind == "date" and values.dtype in (pl.Date, pl.Datetime):
        values = values.cast(pl.Date)
        if values.dt.year().is_between(*YEARS).all():
            return Reading(values.alias("value").to_frame(), pl.DataFrame(schema=REJECTS))
        values, dates = values.cast(pl.String), ISO_DATES  # as text, to say what is amiss
    distinct = values.drop_nulls().unique()
    answers = pl.DataFrame({"raw": distinct, "text": as_text(distinct)}).with_columns(
        coded=pl.col("text").replace(codes or {}).replace("", None)
    )
    answers = answers.with_columns(**_expressions(field, dates, mapped=bool(codes)))
    unknown = pl.col("unknown") | pl.col("coded").str.to_lowercase().is_in(list(MISSING))
    bad = pl.col("coded").is_not_null() & pl.col("value").is_null() & ~unknown
    answers = answers.with_columns(bad=bad).drop("coded", "unknown")
    has_bad = bool(answers["bad"].any())
    if not has_bad:
        answers = answers.drop("text", "bad")
    aligned = (
        values.alias("raw").to_frame().join(answers, on="raw", how="left", maintain_order="left")
    )
    if not has_bad:
        return Reading(aligned.drop("raw"), pl.DataFrame(schema=REJECTS))
    rejects = (
        aligned.with_row_index("row")
        .filter("bad")
        .select(
            pl.col("row").cast(pl.Int64),
            column=pl.lit(field.name),
            value="text",
            reason=pl.lit(f"{field.name} {_REASONS[field.kind]}"),
            allowed=pl.lit(_allowed(field, codes, dates)),
        )
    )
    return Reading(aligned.drop("raw", "text", "bad"), rejects)


def refuse_bare_status(values: pl.Series, *, file: str, column: str) -> None:
    """Refuse a vital status in numbers that nothing explains.

    Raises
    ------
    CodeError
        A value other than 9 (unknown) is a number.
    """
    distinct = values.drop_nulls().unique()
    text = as_text(distinct)
    numeric = text.str.contains(r"^\d+$") & (text != "9")
    if not numeric.any():
        return
    first = int(values.is_in(distinct.filter(numeric).implode()).arg_true()[0])
    raise CodeError(
        "vital_status is in numbers, which are ambiguous: 1 is alive in ENCR files, "
        "dead in Stata and R files",
        file=file,
        row=first + 2,
        column=column,
        value=as_text(values.slice(first, 1))[0],
        allowed=list(_words(BY_NAME["vital_status"])),
        remedy="Say what the numbers mean, as --codes vital_status:0=alive,1=dead, or by a "
        f"named set: --codes vital_status={'|'.join(CODE_SETS['vital_status'])}.",
    )


def _expressions(field: Field, dates: DateReading, *, mapped: bool) -> dict[str, pl.Expr]:
    """Return ``value``, ``unknown`` and companions as expressions of the column ``coded``."""
    text = pl.col("coded")
    low = text.str.to_lowercase()
    codes = {k: v for k, v in field.codes.items() if v is None or not (mapped and k.isdigit())}
    unknown = low.is_in([code for code, meaning in codes.items() if meaning is None])
    if field.kind == "word":
        known: dict[str, Any] = {k: v for k, v in codes.items() if v is not None}
        value = low.replace_strict(known, default=None, return_dtype=pl.String)
        return {"value": value, "unknown": unknown}
    if field.kind == "date":
        return dates.expressions(text)
    if field.kind == "topography":
        value = text.str.replace(r"^[Cc]?(\d\d)\.?(\d)$", "C${1}.${2}")
        site = value.str.extract(r"^C(\d\d)\.\d$").cast(pl.Int32)
        return {"value": pl.when(site <= 80).then(value), "unknown": unknown}
    low_limit, high_limit = field.limits or (float("-inf"), float("inf"))
    digits = text.str.extract(r"^(\d{4})(?:/\d)?$") if field.kind == "morphology" else text
    number = digits.cast(pl.Float64, strict=False)
    fits = number.is_between(low_limit, high_limit) & number.is_finite()
    if field.kind == "number":
        return {"value": pl.when(fits & ~unknown).then(number), "unknown": unknown}
    whole = pl.when(fits & ~unknown & (number == number.round())).then(number).cast(pl.Int32)
    if field.kind == "whole":
        return {"value": whole, "unknown": unknown}
    behaviour = text.str.extract(r"^\d{4}/(\d)$").cast(pl.Int32)
    return {"value": whole, "behaviour": behaviour, "unknown": unknown}


def _words(field: Field) -> list[str]:
    return list(dict.fromkeys(word for word in field.codes.values() if word))


def _allowed(
    field: Field,
    codes: Mapping[str, str] | None = None,
    dates: DateReading = ISO_DATES,
) -> str:
    """Return what a field may hold, for messages."""
    if field.kind == "word":
        own = [code for code, word in field.codes.items() if word and code not in (codes or {})]
        if codes:
            own = [code for code in own if not code.isdigit()]
        return ", ".join([*own, *(codes or {}), "unknown"])
    if field.kind == "date":
        return f"{dates.allowed}; years {YEARS[0]} to {YEARS[1]}"
    if field.kind == "topography":
        return "C00.0 to C80.9, with or without C and dot"
    if field.kind == "morphology":
        return "8000 to 9999, alone or with its behaviour as 9180/3"
    kind = "whole numbers" if field.kind == "whole" else "numbers"
    low, high = field.limits or (0, float("inf"))
    if high == float("inf"):
        return f"{kind} from {low:g}"
    return f"{kind} from {max(low, 0):g} to {high:g}"
