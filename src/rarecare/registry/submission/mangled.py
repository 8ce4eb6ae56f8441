"""What Excel makes of codes and dates, named where a value could not be read.

Excel reads ``5-9`` and ``8070/3`` as dates, counts days from 1900, drops zeros in front and
writes long numbers as 1.23E+12. None of it can be undone for sure, so none is undone.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from rarecare.registry.cases import BY_NAME, REJECTS

_DATES = [name for name, field in BY_NAME.items() if field.kind == "date"]
_IDS = ("patient_id", "tumour_id")
_LONG_NUMBER = r"^\d(?:[.,]\d+)?[eE]\+\d+$"
_DATE_LIKE = (
    r"^(?:\d{1,2}[-. ][A-Za-z]{3,4}\.?|[A-Za-z]{3,4}\.?[-. ]\d{2,4}"
    r"|\d{4}-\d\d-\d\d(?: 00:00:00)?|\d{1,2}[/.]\d{1,2}[/.]\d{2,4})$"
)


def name_mangled(rejects: pl.DataFrame) -> pl.DataFrame:
    """Return the rejects with Excel named in the reason, where it is the likely cause."""
    value, column = pl.col("value"), pl.col("column")
    serial = value.str.contains(r"^\d{5}$") & column.is_in(_DATES)
    day = pl.date(1899, 12, 30) + pl.duration(days=value.str.extract(r"^(\d{5})$").cast(pl.Int64))
    said = (
        pl.when(serial)
        .then(
            pl.format(
                "{}: it is a number as Excel counts days ({} if from 1900); write dates as text",
                pl.col("reason"),
                day.dt.to_string("%Y-%m-%d"),
            )
        )
        .when(value.str.contains(_LONG_NUMBER))
        .then(pl.format("{}: Excel has rounded a long number", pl.col("reason")))
        .when(~column.is_in(_DATES) & value.str.contains(_DATE_LIKE))
        .then(pl.format("{}: Excel has made a date of a code", pl.col("reason")))
        .when((column == "topography") & value.str.contains(r"^\d{1,2}$"))
        .then(pl.format("{}: zeros in front are lost, as Excel does", pl.col("reason")))
        .otherwise("reason")
    )
    return rejects.with_columns(reason=said.fill_null(pl.col("reason")))


def refuse_rounded_ids(
    table: pl.DataFrame, names: Sequence[str] = _IDS
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the table without ids that Excel has rounded, and those as rejects."""
    rejects = [pl.DataFrame(schema=REJECTS)]
    for name in names:
        if name not in table.columns:
            continue
        bad = table[name].str.contains(_LONG_NUMBER).fill_null(value=False)
        if not bad.any():
            continue
        rejects.append(
            table.filter(bad).select(
                "row",
                column=pl.lit(name),
                value=name,
                reason=pl.lit(f"{name} is not an id"),
                allowed=pl.lit("ids as text"),
            )
        )
        table = table.with_columns(pl.when(~pl.lit(bad)).then(name).alias(name))
    return table, pl.concat(rejects)
