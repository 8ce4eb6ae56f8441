"""Ages and follow-up a file gives only by way of other columns.

Source: METHODS section 1. Days from dates; where no full birth and incidence dates are
given, age in days is the middle of the completed year, (age + 0.5)·D.
"""

from __future__ import annotations

import polars as pl

from rarecare.registry.cases import LONGEST_LIFE, REJECTS


def add_follow_up(table: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Return the table with ``follow_up_days`` and ``last_date``, each from the other.

    Follow-up given in days is kept and decides the last date; otherwise it is the
    last date less the incidence date. Without an incidence date the table stays as it is.
    """
    have = set(table.columns)
    if "incidence_date" not in have or not have & {"last_date", "follow_up_days"}:
        return table, []
    given = _column("follow_up_days", table, pl.Int32)
    last = _column("last_date", table, pl.Date)
    incidence = pl.col("incidence_date")
    reached = incidence + pl.duration(days=given)
    whole = _known_to_the_day("incidence_date", table) & _known_to_the_day("last_date", table)
    differ = table.select((whole & (last != reached)).sum()).item()
    table = table.with_columns(
        last_date=pl.coalesce(reached, last),
        follow_up_days=pl.coalesce(given, (last - incidence).dt.total_days().cast(pl.Int32)),
    )
    if not differ:
        return table, []
    return table, [
        f"{differ} of {table.height} last dates differ from incidence date + follow_up_days: "
        "the days were taken"
    ]


def add_age(
    table: pl.DataFrame, *, days_per_year: float
) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    """Return the table with ``age`` and ``age_days``, the ages refused, and notes.

    Age in days is, in this order: given; from full dates; exact years x ``days_per_year``;
    the middle of the completed year; from imputed dates. Completed years are given, counted
    from birthday to birthday, or the whole part of age in days / ``days_per_year``.
    """
    have = set(table.columns)
    refused = pl.DataFrame(schema=REJECTS)
    dated = {"birth_date", "incidence_date"} <= have
    if not dated and not have & {"age", "age_days", "age_years"}:
        return table, refused, []
    given = _column("age", table, pl.Int32)
    years = days = exact = pl.lit(None, dtype=pl.Int32)
    if dated:
        birth, incidence = pl.col("birth_date"), pl.col("incidence_date")
        between = (incidence - birth).dt.total_days().cast(pl.Int32)
        table = table.with_columns(between.alias("_days"))
        table, refused = _refuse_ages(table)
        days = pl.col("_days")
        if given.meta.is_literal() or table["age"].has_nulls():
            years = pl.when(days.is_not_null()).then(_birthdays(birth, incidence))
        full = _known_to_the_day("birth_date", table) & _known_to_the_day("incidence_date", table)
        exact = pl.when(full).then(days)
    exact_years = (_column("age_years", table, pl.Float64) * days_per_year).floor()
    known = pl.coalesce(_column("age_days", table, pl.Float64), exact.cast(pl.Float64), exact_years)
    middle = (given + 0.5) * days_per_year
    middles = known.is_null() & middle.is_not_null()
    imputed = known.is_null() & middle.is_null() & days.is_not_null()
    counts = table.select(middle=middles.sum(), imputed=imputed.sum()).row(0, named=True)
    table = table.with_columns(age_days=pl.coalesce(known, middle, days))
    by_days = (pl.col("age_days") / days_per_year).floor().cast(pl.Int32)
    table = table.with_columns(age=pl.coalesce(given, years, by_days)).drop("_days", strict=False)
    notes = [
        f"{counts[key]} of {table.height} ages in days are {text}"
        for key, text in (
            ("middle", f"(completed age + 0.5) x {days_per_year}, for want of full dates"),
            ("imputed", "counted from imputed dates"),
        )
        if counts[key]
    ]
    return table, refused, notes


def _birthdays(birth: pl.Expr, incidence: pl.Expr) -> pl.Expr:
    """Completed years: birthdays passed since birth."""
    this_year = incidence.dt.month().cast(pl.Int32) * 100 + incidence.dt.day()
    birthday = birth.dt.month().cast(pl.Int32) * 100 + birth.dt.day()
    return incidence.dt.year() - birth.dt.year() - (this_year < birthday).cast(pl.Int32)


def _refuse_ages(table: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the table with ``_days`` null where the dates make no age, and those refused."""
    doubtful = (~table["_days"].is_between(0, LONGEST_LIFE * 365)).arg_true()
    rows = table.select("row", "birth_date", "incidence_date", "_days")[doubtful]
    years = _birthdays(pl.col("birth_date"), pl.col("incidence_date"))
    refused = rows.select(((pl.col("_days") < 0) | (years > LONGEST_LIFE)).fill_null(value=False))
    rows = rows.filter(refused.to_series())
    if rows.height:
        days = table["_days"].scatter(doubtful.filter(refused.to_series()), None)
        table = table.with_columns(days)
    return table, rows.select(
        "row",
        column=pl.lit("birth_date"),
        value=pl.col("birth_date").cast(pl.String),
        reason=pl.lit(f"birth_date is after incidence or more than {LONGEST_LIFE} years before it"),
        allowed=pl.lit(f"dates 0 to {LONGEST_LIFE} completed years before incidence_date"),
    )


def _known_to_the_day(name: str, table: pl.DataFrame) -> pl.Expr:
    precision = f"{name}_precision"
    if precision not in table.columns:
        return pl.lit(value=name in table.columns)
    return (pl.col(precision) == "day").fill_null(value=False)


def _column(name: str, table: pl.DataFrame, dtype: type[pl.DataType]) -> pl.Expr:
    return pl.col(name) if name in table.columns else pl.lit(None, dtype=dtype)
