"""Dates as registries write them: whole, or with an unknown day or month.

An unknown day is taken as the 15th and an unknown month as 1 July, unless said
otherwise; birth, incidence and last date are kept in order as far as what is known of
them allows. Source: METHODS section 1.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from operator import or_

import polars as pl

from rarecare.errors import UsageError

YEARS = (1850, 2100)
"""Calendar years a date of a case may lie in."""

_ISO = r"^(?<year>\d{4})(?:-(?<month>\d{2})(?:-(?<day>\d{2}))?)?$"
_TOKENS = {
    "%Y": r"(?<year>\d{4})",
    "%m": r"(?<month>\d{1,2})",
    "%b": r"(?<month>[A-Za-z]{3})",
    "%d": r"(?<day>\d{1,2})",
}
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

OTHER_LAYOUTS = (
    r"\d{1,2}[./ -]\d{1,2}[./ -]\d{2,4}|\d{4}[./ ]\d{1,2}[./ ]\d{1,2}"
    r"|\d{1,2}[ -]?[A-Za-z]{3}[ -]?\d{2,4}"
)
"""Dates that are no ISO dates: 31/12/2001, 2001/12/31, 31dec2001."""


@dataclass(frozen=True, slots=True)
class DateImputation:
    """What stands in for the unknown part of a date.

    Attributes
    ----------
    day
        Day of the month when only the day is unknown.
    month, month_day
        Month and day when the month is unknown.
    """

    day: int = 15
    month: int = 7
    month_day: int = 1

    def __post_init__(self) -> None:
        for name, highest in (("day", 28), ("month", 12), ("month_day", 28)):
            value = getattr(self, name)
            if not 1 <= value <= highest:
                raise UsageError(
                    f"{name} of the date imputation is out of range",
                    value=value,
                    allowed=f"whole numbers from 1 to {highest}",
                )


MID_PERIOD = DateImputation()
"""The 15th of a month, 1 July of a year."""


@dataclass(frozen=True, slots=True)
class DateReading:
    """How the dates of one file are read.

    Attributes
    ----------
    layout
        ``%Y``, ``%m`` (or ``%b``, an English month of three letters) and ``%d`` with what
        stands between them, such as ``"%d/%m/%Y"``.
        None: ISO ``YYYY-MM-DD`` (a time of day after it is dropped) or ``YYYYMMDD``.
    imputation
        What stands in for an unknown day or month.

    Raises
    ------
    UsageError
        The layout has no year, an unknown token, or one twice.
    """

    layout: str | None = None
    imputation: DateImputation = MID_PERIOD

    def __post_init__(self) -> None:
        if self.layout is None:
            return
        tokens = re.findall("%.", self.layout.replace("%b", "%m"))
        if "%Y" not in tokens or len(set(tokens)) < len(tokens) or set(tokens) - set(_TOKENS):
            raise UsageError(
                "date_format is not a layout of dates",
                value=self.layout,
                allowed="%Y with %m or %b and %d, each once, such as %d/%m/%Y or %d%b%Y",
                remedy="Years must have four digits (%Y).",
            )

    @property
    def allowed(self) -> str:
        """What a date may look like, for messages."""
        if self.layout is not None:
            return f"{self.layout}, an unknown day or month as 99"
        return "YYYY-MM-DD or YYYYMMDD, an unknown day or month as 99; or state date_format"

    def expressions(self, text: pl.Expr) -> dict[str, pl.Expr]:
        """Return ``value``, ``precision`` ("day", "month", "year") and ``unknown``.

        Unknown parts are 00, 99 or left out; the year 9999 makes the date unknown.
        """
        year, month, day = self._parts(text)
        known_month = ~month.is_in(["00", "99"]).fill_null(value=True)
        known_day = known_month & ~day.is_in(["00", "99"]).fill_null(value=True)
        rule = self.imputation
        month_taken = pl.when(known_month).then(month).otherwise(pl.lit(f"{rule.month:02}"))
        day_taken = (
            pl.when(known_day)
            .then(day)
            .when(known_month)
            .then(pl.lit(f"{rule.day:02}"))
            .otherwise(pl.lit(f"{rule.month_day:02}"))
        )
        iso = pl.concat_str(year, month_taken, day_taken, separator="-")
        date = iso.str.to_date("%Y-%m-%d", strict=False)
        precision = (
            pl.when(known_day)
            .then(pl.lit("day"))
            .when(known_month)
            .then(pl.lit("month"))
            .otherwise(pl.lit("year"))
        )
        return {
            "value": pl.when(date.dt.year().is_between(*YEARS)).then(date),
            "precision": precision,
            "unknown": (year == "9999").fill_null(value=False),
        }

    def _parts(self, text: pl.Expr) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
        if self.layout is None:
            plain = text.str.replace(r"^(\d{4}-\d\d-\d\d)[T ][\d:.]+$", "${1}")
            parts = plain.str.replace(
                r"^(\d{4})(\d\d)(\d\d)$", "${1}-${2}-${3}"
            ).str.extract_groups(_ISO)
            return tuple(parts.struct.field(p) for p in ("year", "month", "day"))  # type: ignore[return-value]
        pieces = [_TOKENS.get(p) or re.escape(p) for p in re.split("(%[Ymbd])", self.layout)]
        groups = text.str.extract_groups(f"^{''.join(pieces)}$").struct
        month = day = pl.lit(None, pl.String)
        if "%m" in self.layout:
            month = groups.field("month").str.zfill(2)
        if "%b" in self.layout:
            numbers = {name: f"{i:02}" for i, name in enumerate(_MONTHS, start=1)}
            named = groups.field("month").str.to_lowercase()
            month = named.replace_strict(numbers, default="no month")
        if "%d" in self.layout:
            day = groups.field("day").str.zfill(2)
        return groups.field("year"), month, day


def keep_order(table: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Move imputed dates, within what is known of them, so that birth ≤ incidence ≤ last.

    A date known to the day never moves, nor does one that no move within what is known
    would bring into order, so a contradiction stays visible.

    Returns
    -------
    table, moved
        The table and the number of records in which a date moved.
    """
    names = [n for n in ("birth_date", "incidence_date", "last_date") if n in table.columns]
    imputed = [n for n in names if f"{n}_precision" in table.columns]
    if not imputed or "incidence_date" not in names:
        return table, 0
    amiss = [table[a] > table[b] for a, b in combinations(names, 2)]
    rows = reduce(or_, amiss, pl.repeat(False, table.height, eager=True)).arg_true()
    if rows.is_empty():
        return table, 0
    before = table.select(names)
    dated = [column for column in table.columns if column.removesuffix("_precision") in names]
    after = _in_order(table.select(dated)[rows], names, imputed)
    moved = after.select(
        pl.any_horizontal((pl.col(n) != before[n][rows]).fill_null(value=False) for n in imputed)
    ).to_series()
    table = table.with_columns(before[n].scatter(rows, after[n]) for n in imputed)
    return table, int(moved.sum())


def _in_order(
    table: pl.DataFrame, names: Collection[str], imputed: Collection[str]
) -> pl.DataFrame:
    incidence = pl.col("incidence_date")
    if "incidence_date" in imputed:
        wanted = incidence
        if "birth_date" in names:
            wanted = pl.max_horizontal(wanted, _earliest("birth_date", table))
        if "last_date" in names:
            wanted = pl.min_horizontal(wanted, _latest("last_date", table))
        table = _move(table, "incidence_date", wanted)
    if "last_date" in imputed:
        table = _move(table, "last_date", pl.max_horizontal("last_date", incidence))
    if "birth_date" in imputed:
        table = _move(table, "birth_date", pl.min_horizontal("birth_date", incidence))
    return table


def _move(table: pl.DataFrame, name: str, wanted: pl.Expr) -> pl.DataFrame:
    possible = wanted.is_between(_earliest(name, table), _latest(name, table))
    return table.with_columns(pl.when(possible).then(wanted).otherwise(name).alias(name))


def _earliest(name: str, table: pl.DataFrame) -> pl.Expr:
    return _bound(name, table, pl.col(name).dt.month_start(), pl.col(name).dt.truncate("1y"))


def _latest(name: str, table: pl.DataFrame) -> pl.Expr:
    next_year = pl.col(name).dt.truncate("1y").dt.offset_by("1y")
    return _bound(name, table, pl.col(name).dt.month_end(), next_year.dt.offset_by("-1d"))


def _bound(name: str, table: pl.DataFrame, of_month: pl.Expr, of_year: pl.Expr) -> pl.Expr:
    precision = f"{name}_precision"
    if precision not in table.columns:
        return pl.col(name)
    return (
        pl.when(pl.col(precision) == "month")
        .then(of_month)
        .when(pl.col(precision) == "year")
        .then(of_year)
        .otherwise(pl.col(name))
    )
