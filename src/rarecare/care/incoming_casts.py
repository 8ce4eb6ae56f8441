"""One column of incoming data: from text to the values of its variable.

A cast works on the distinct values of a column and its answers are joined back to the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from rarecare.care.dictionary import NUMBERS, Variable
from rarecare.registry.cases import MISSING
from rarecare.registry.dates import YEARS, DateReading

SAID_UNKNOWN = "unknown"
BLANK = tuple(word for word in MISSING if word != SAID_UNKNOWN)
"""What stands for a blank in any column that is not text."""

_YES_NO = {"y": "1", "yes": "1", "true": "1", "n": "0", "no": "0", "false": "0"}
_TYPES: Mapping[str, type[pl.DataType]] = {
    "date": pl.Date, "integer": pl.Int64, "number": pl.Float64, "yesno": pl.Boolean,
    "code": pl.String, "text": pl.String,
}  # fmt: skip
_NOT: Mapping[str, str] = {
    "date": "not a date", "integer": "not a number", "number": "not a number",
    "code": "not a code", "yesno": "not a code",
}  # fmt: skip


RULES_BROKEN = pl.Enum([*dict.fromkeys(_NOT.values()), "out of range"])
PRECISION = pl.Enum(["day", "month", "year"])
"""A byte a value: there are as many values as records times variables."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column as read, each series with one value per record.

    Attributes
    ----------
    typed
        The value: date, whole number, number, true or false, code, text; null is unknown.
    coded
        The same as the code or text it is told by, unknown by its own code; of variables that a
        condition speaks of.
    missing
        True where nothing was given, not even "unknown".
    broken
        The rule the value breaks, null where it was read.
    precision
        Of dates: "day", "month" or "year".
    """

    typed: pl.Series
    coded: pl.Series | None
    missing: pl.Series
    broken: pl.Series
    precision: pl.Series | None = None


def dtype(variable: Variable) -> type[pl.DataType]:
    """Return the polars type of a variable's column."""
    return _TYPES[variable.type]


def cast_column(
    text: pl.Series, variable: Variable, dates: DateReading, *, coded: bool = True
) -> Column:
    """Return a column as the values of its variable.

    Parameters
    ----------
    text
        The column as stripped text, blanks as null.
    variable
        What it holds.
    dates
        How dates are written.
    coded
        Whether a condition asks for its codes.
    """
    if variable.type == "text":
        nothing = pl.repeat(None, len(text), dtype=RULES_BROKEN, eager=True)
        return Column(text, text, text.is_null(), nothing)
    said = pl.col("low") == SAID_UNKNOWN
    known = pl.col("typed").is_not_null() | pl.col("unknown")
    answers = (
        pl.LazyFrame({"text": text.unique().drop_nulls()})
        .with_columns(low=pl.col("text").str.to_lowercase())
        .with_columns(**_expressions(variable, dates))
        .with_columns(missing=pl.col("low").is_in(BLANK) & ~known)
        .with_columns(
            broken=pl.when(~known & ~pl.col("missing") & ~said)
            .then(pl.lit(_NOT[variable.type]))
            .when(pl.col("outside"))
            .then(pl.lit("out of range")),
            typed=pl.when(~pl.col("outside")).then("typed"),
        )
        .with_columns(pl.col("broken").cast(RULES_BROKEN))
        .drop("low", "unknown", "outside", *([] if coded else ["coded"]))
        .collect()
    )
    rows = text.alias("text").to_frame().join(answers, on="text", how="left", maintain_order="left")
    return Column(
        rows["typed"].cast(dtype(variable)),
        rows["coded"] if coded else None,
        rows["missing"].fill_null(value=True),
        rows["broken"],
        rows["precision"] if variable.type == "date" else None,
    )


def _expressions(variable: Variable, dates: DateReading) -> dict[str, pl.Expr]:
    """Return ``typed``, ``coded``, ``unknown``, ``outside`` and, of dates, ``precision``."""
    text, low, never = pl.col("text"), pl.col("low"), pl.lit(value=False)
    if variable.type == "date":
        read = dates.expressions(text)
        return {
            "typed": read["value"], "coded": read["value"].cast(pl.String),
            "unknown": read["unknown"], "outside": never,
            "precision": read["precision"].cast(PRECISION),
        }  # fmt: skip
    if variable.type in NUMBERS:
        number = text.cast(pl.Float64, strict=False)
        special = text.is_in(list(variable.codes))
        good = number.is_finite() & (number.abs() < 2**53)
        if variable.type == "integer":
            good &= number == number.round()
        value: pl.Expr = pl.when(good & ~special).then(number)
        low_end = float("-inf") if variable.minimum is None else variable.minimum
        high_end = float("inf") if variable.maximum is None else variable.maximum
        outside = ~value.is_between(low_end, high_end).fill_null(value=True)
        return {
            "typed": value,
            "coded": pl.when(special | (value.is_not_null() & ~outside)).then(text),
            "unknown": special, "outside": outside,
        }  # fmt: skip
    coded = low.replace_strict(_spellings(variable), default=None, return_dtype=pl.String)
    exact = {code: code for code in variable.codes}
    coded = pl.coalesce(text.replace_strict(exact, default=None, return_dtype=pl.String), coded)
    unknown = coded.is_in(list(variable.unknown)).fill_null(value=False)
    meant = coded == "1" if variable.type == "yesno" else coded
    typed = pl.when(~unknown).then(meant)
    return {"typed": typed, "coded": coded, "unknown": unknown, "outside": never}


def _spellings(variable: Variable) -> dict[str, str]:
    """Return what stands for each code, in small letters: the code itself, then its meaning."""
    found = dict(_YES_NO) if variable.type == "yesno" else {}
    for code, said in variable.codes.items():
        found.setdefault(said.lower(), code)
    folded = [code.lower() for code in variable.codes]
    for code in variable.codes:
        if folded.count(code.lower()) == 1:
            found[code.lower()] = code
    return found


def earliest(date: pl.Expr, precision: pl.Expr) -> pl.Expr:
    """Return the first day a date can be, by how well it is known."""
    return (
        pl.when(precision == "year").then(date.dt.truncate("1y"))
        .when(precision == "month").then(date.dt.truncate("1mo"))
        .otherwise(date)
    )  # fmt: skip


def latest(date: pl.Expr, precision: pl.Expr) -> pl.Expr:
    """Return the last day a date can be, by how well it is known."""
    next_year = date.dt.truncate("1y").dt.offset_by("1y")
    return (
        pl.when(precision == "year").then(next_year.dt.offset_by("-1d"))
        .when(precision == "month").then(date.dt.month_end())
        .otherwise(date)
    )  # fmt: skip


def allowed(variable: Variable, dates: DateReading) -> str:
    """Return what a column may hold, for the remedy of a finding."""
    if variable.type == "date":
        return f"{dates.allowed}; years {YEARS[0]} to {YEARS[1]}"
    return variable.allowed
