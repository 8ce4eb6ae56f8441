"""What incoming data are checked for: one rule, one row for each record that breaks it.

Order of dates along the pathway: birth, diagnosis, pathological confirmation, first treatment,
adjuvant treatment, last follow-up, and whatever else the dictionary puts in order. Dates known
to the month or the year break an order only where no day within them would keep it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

import polars as pl

from rarecare.care.dictionary import IDS, Dictionary
from rarecare.care.incoming_casts import Column, allowed, earliest, latest
from rarecare.errors import nearest
from rarecare.registry.dates import DateReading

Severity = Literal["rejected", "error", "warning"]

RULES: Mapping[str, tuple[Severity, str]] = {
    "unknown column": ("warning", "a column that the dictionary does not have; not read"),
    "column missing": ("error", "a required variable has no column"),
    "empty record": ("rejected", "nothing stands on the line"),
    "no id": ("rejected", "registry, patient or tumour is blank"),
    "doubled record": ("rejected", "the tumour stands on an earlier line"),
    "not a code": ("error", "the value is none of the codes; taken as unknown"),
    "not a date": ("error", "the value is no date; taken as unknown"),
    "not a number": ("error", "the value is no number; taken as unknown"),
    "out of range": ("error", "the number is out of its range; taken as unknown"),
    "required": ("error", "a required value is blank"),
    "not asked": ("error", "a value stands where its condition says it is not asked"),
    "date order": ("error", "a date is before one that comes first"),
    "after closing": ("error", "a date is after the closing date"),
}
"""Every rule, its severity and what it says. Rejected records are left out; all others stay."""

FINDINGS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "row": pl.Int64, "variable": pl.Categorical(), "value": pl.String, "rule": pl.Enum(list(RULES)),
    "severity": pl.Enum(list(get_args(Severity))), "remedy": pl.Categorical(),
}  # fmt: skip
"""Columns of the table of findings; ``row`` is the line of the file, null for a column.

A million records can have tens of millions of findings: texts that recur are kept once.
"""


@dataclass(frozen=True, slots=True)
class Given:
    """The columns of a file as read.

    Attributes
    ----------
    lines
        Line of each record.
    columns
        By name of the variable; absent ones are not among them.
    """

    lines: pl.Series
    columns: Mapping[str, Column]

    def coded(self, names: Collection[str]) -> pl.DataFrame:
        """Return the columns of codes of these variables, and as many rows as there are records."""
        held = {name: self.columns[name].coded for name in names if name in self.columns}
        return pl.DataFrame({"_line": self.lines, **held})


def spoken_of(dictionary: Dictionary) -> frozenset[str]:
    """Return the variables that some condition speaks of."""
    conditions = (each.condition for each in dictionary.variables)
    return frozenset(name for one in conditions if one is not None for name in one.variables)


def findings(
    rule: str, *, lines: pl.Series, variable: str | pl.Series, values: pl.Series,
    remedy: str | pl.Series,
) -> pl.DataFrame:  # fmt: skip
    """Return one finding per line; ``variable`` and ``remedy`` are of all or of each."""
    said = {
        "variable": variable, "rule": rule, "severity": RULES[rule][0], "remedy": remedy,
    }  # fmt: skip
    made = {name: pl.lit(each) for name, each in said.items()}
    return pl.DataFrame({"row": lines, "value": values}).select(
        ({"row": pl.col("row"), "value": pl.col("value")} | made)[name].cast(dtype).alias(name)
        for name, dtype in FINDINGS.items()
    )


def unknown_columns(names: list[str], dictionary: Dictionary) -> pl.DataFrame:
    """Return a finding for each column that the dictionary does not have."""
    near = [nearest(name, dictionary.names) for name in names]
    said = [
        f"Did you mean {one!r}? Then rename the column." if one else
        "Rename the column as in the dictionary, or leave it out."
        for one in near
    ]  # fmt: skip
    nothing = pl.Series([None] * len(names), dtype=pl.Int64)
    return findings(
        "unknown column", lines=nothing, variable=pl.Series(names, dtype=pl.String),
        values=pl.Series(names, dtype=pl.String), remedy=pl.Series(said, dtype=pl.String),
    )  # fmt: skip


def missing_columns(given: Given, dictionary: Dictionary) -> pl.DataFrame:
    """Return a finding for each required variable that has no column."""
    names = [
        each.name for each in dictionary.variables
        if each.need == "required" and each.name not in given.columns
    ]  # fmt: skip
    nothing = pl.Series([None] * len(names), dtype=pl.String)
    return findings(
        "column missing", lines=nothing.cast(pl.Int64), variable=pl.Series(names, dtype=pl.String),
        values=nothing, remedy="Add the column; unknown values have a code of their own.",
    )  # fmt: skip


def rejected(text: pl.DataFrame, lines: pl.Series) -> pl.DataFrame:
    """Return a finding for each record that cannot be kept.

    Parameters
    ----------
    text
        Every column as text; those of ``IDS`` are among them.
    lines
        Line of each record.
    """
    frame = text.select(
        *IDS,
        _line=lines,
        _empty=pl.all_horizontal(pl.all().is_null()),
    ).with_columns(
        _no_id=~pl.col("_empty") & pl.any_horizontal(pl.col(IDS).is_null()),
        _first=pl.col("_line").min().over(IDS),
    )
    empty, no_id = frame.filter("_empty"), frame.filter("_no_id")
    again = frame.filter(
        ~pl.col("_empty") & ~pl.col("_no_id") & (pl.col("_line") > pl.col("_first"))
    )
    blank = no_id.select(
        pl.coalesce(*(pl.when(pl.col(name).is_null()).then(pl.lit(name)) for name in IDS))
    ).to_series()
    first = again.select("The tumour stands on line " + pl.col("_first").cast(pl.String) + " too.")
    return pl.concat(
        [
            findings(
                "empty record", lines=empty["_line"], variable="patient_id",
                values=empty["patient_id"], remedy="Leave the line out.",
            ),
            findings(
                "no id", lines=no_id["_line"], variable=blank,
                values=no_id["patient_id"].clear(len(no_id)),
                remedy="Give registry, patient and tumour on every line.",
            ),
            findings(
                "doubled record", lines=again["_line"], variable="tumour_id",
                values=again["tumour_id"], remedy=first.to_series(),
            ),
        ]
    )  # fmt: skip


def unreadable(
    given: Given, text: pl.DataFrame, dictionary: Dictionary, dates: DateReading
) -> Iterator[pl.DataFrame]:
    """Yield a finding for each value that could not be read or is out of its range."""
    for name, column in given.columns.items():
        if column.broken.null_count() == len(column.broken):
            continue
        remedy = f"Allowed: {allowed(dictionary[name], dates)}."
        for rule in column.broken.drop_nulls().unique().sort():
            bad = (column.broken == rule).fill_null(value=False)
            yield findings(
                rule, lines=given.lines.filter(bad), variable=name, values=text[name].filter(bad),
                remedy=remedy,
            )  # fmt: skip


def asked(given: Given, dictionary: Dictionary) -> Mapping[str, pl.Series]:
    """Return for each variable given whether it is asked of each record; null is not known."""
    about = spoken_of(dictionary)
    lacking = [pl.lit(None, pl.String).alias(name) for name in about - set(given.columns)]
    coded = given.coded(about).with_columns(*lacking)
    conditions = {
        each.name: each.condition.expression() if each.condition else pl.lit(value=True)
        for each in dictionary.variables
        if each.name in given.columns
    }
    found = coded.select(
        *(expression.alias(name) for name, expression in conditions.items()),
        _height=pl.int_range(pl.len()),
    )
    return {name: found[name] for name in conditions}


def required(
    given: Given, text: pl.DataFrame, dictionary: Dictionary, wanted: Mapping[str, pl.Series]
) -> Iterator[pl.DataFrame]:
    """Yield a finding for each blank that is required, and each value that is not asked."""
    names = {each.name: each.label for each in dictionary.variables}
    codes = {each.name: each.codes for each in dictionary.variables}
    for name, column in given.columns.items():
        variable = dictionary[name]
        condition = variable.condition
        bad = wanted[name].fill_null(value=False) & column.missing
        if variable.need == "required" and bad.any():
            unknown = f", or {variable.unknown[0]} where it is unknown" if variable.unknown else ""
            if variable.type == "date":
                unknown = ", or the year 9999 where it is unknown"
            yield findings(
                "required", lines=given.lines.filter(bad), variable=name,
                values=text[name].filter(bad), remedy=f"Enter it{unknown}.",
            )  # fmt: skip
        bad = ~wanted[name].fill_null(value=True) & ~column.missing & column.typed.is_not_null()
        if condition is not None and bad.any():
            yield findings(
                "not asked", lines=given.lines.filter(bad), variable=name,
                values=text[name].filter(bad),
                remedy=f"Asked only where {condition.plain(names, codes)}: "
                f"correct {' or '.join(condition.variables)}, or leave it blank.",
            )  # fmt: skip


def date_order(given: Given, dictionary: Dictionary) -> Iterator[pl.DataFrame]:
    """Yield a finding for each pair of dates out of order, with the negative interval."""
    frame = _dates(given)
    pairs = [
        (early, late, [name for name in between if name in given.columns])
        for early, late, between in dictionary.date_pairs()
        if early in given.columns and late in given.columns
    ]
    out_of_order = {}
    for early, late, between in pairs:
        first = earliest(pl.col(early), pl.col(f"{early}|precision"))
        last = latest(pl.col(late), pl.col(f"{late}|precision"))
        apart = [pl.col(name).is_null() for name in between]
        out_of_order[f"{early}|{late}"] = pl.all_horizontal(first > last, *apart)
    flags = frame.select(_line="_line", **out_of_order)
    for early, late, _ in pairs:
        flag = flags[f"{early}|{late}"]
        if not flag.any():
            continue
        bad = frame.select("_line", early, late).filter(flag)
        days = (pl.col(late) - pl.col(early)).dt.total_days().cast(pl.String)
        said = bad.select(
            pl.format("{} {}, {} {}: {} days", pl.lit(late), late, pl.lit(early), early, days)
        ).to_series()
        yield findings(
            "date order", lines=bad["_line"], variable=late, values=said,
            remedy=f"{late} is before {early}: correct one of them; the interval is no interval.",
        )  # fmt: skip


def after_closing(given: Given, dictionary: Dictionary, closing: date) -> Iterator[pl.DataFrame]:
    """Yield a finding for each date after the closing date."""
    frame = _dates(given)
    for each in dictionary.variables:
        if each.type != "date" or each.name not in given.columns:
            continue
        first = earliest(pl.col(each.name), pl.col(f"{each.name}|precision"))
        bad = frame.filter(first > pl.lit(closing))
        if bad.is_empty():
            continue
        yield findings(
            "after closing", lines=bad["_line"], variable=each.name, values=bad[each.name],
            remedy=f"Correct the date: the data close on {closing}.",
        )  # fmt: skip


def _dates(given: Given) -> pl.DataFrame:
    columns = {name: c for name, c in given.columns.items() if c.precision is not None}
    return pl.DataFrame(
        {
            "_line": given.lines,
            **{name: column.typed for name, column in columns.items()},
            **{f"{name}|precision": column.precision for name, column in columns.items()},
        }
    )
