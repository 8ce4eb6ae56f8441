"""From the dated items of a study kit to the table of events.

Which date is which event, with which hospital and value, stands in the dictionary. The condition
of such a date says that the event took place: where it holds and the date is unknown, the event
has no date; where it does not hold, there is no event, whatever the date (which the reader lists).
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from rarecare.care.dictionary import IDS, Dictionary, EventRule, Variable
from rarecare.errors import ColumnError
from rarecare.registry.events import COLUMNS, EVENTS


def to_events(data: pl.DataFrame, dictionary: Dictionary) -> pl.DataFrame:
    """Return the events of the records of a study.

    Parameters
    ----------
    data
        As ``Incoming.data``: typed columns named as in the dictionary; those absent are unknown.
    dictionary
        Which date is which event.

    Returns
    -------
    polars.DataFrame
        The columns of ``rarecare.registry.events.COLUMNS``, in the order of records, dates and
        the dictionary. An event told by two items on one day stands once, with the value known,
        and one without a date gives way to the same with one.

    Raises
    ------
    ColumnError
        The columns that tell records apart are missing.
    """
    for name in IDS:
        if name not in data.columns:
            raise ColumnError(f"data have no column {name}", value=name, allowed=data.columns)
    frame = _codes(data, dictionary).with_row_index("_record")
    parts = [
        _events(frame, each, each.event)
        for each in dictionary.variables
        if each.event is not None and each.name in data.columns
    ]
    if not parts:
        return pl.DataFrame(schema=dict(COLUMNS))
    every = pl.concat(parts).sort("_record", "date", maintain_order=True, nulls_last=True)
    return _once(every).select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())


def _once(every: pl.DataFrame) -> pl.DataFrame:
    """Return each event once; those told by one item alone, nearly all, are left as they are."""
    kinds = pl.concat_str("event", "_number", separator=" ").rank("dense").cast(pl.Int64)
    every = every.with_columns(_own=pl.col("_record").cast(pl.Int64) * 1_000 + kinds)
    several = every["_own"].is_duplicated()
    if not several.any():
        return every
    every = every.with_row_index("_order")
    told = pl.col("value", "hospital_id").drop_nulls().first().over("_own", "date")
    dated = pl.col("date").is_not_null().any().over("_own")
    again = (
        every.filter(several)
        .with_columns(told)
        .filter(pl.col("date").is_not_null() | ~dated)
        .unique(["_own", "date"], keep="first", maintain_order=True)
    )
    return pl.concat([every.filter(~several), again]).sort("_order")


def _codes(data: pl.DataFrame, dictionary: Dictionary) -> pl.DataFrame:
    """Return the variables as codes, dates as dates, and how well each is known."""
    return data.select(_code(data, each) for each in dictionary.variables).with_columns(
        _precisions(data, dictionary)
    )


def _code(data: pl.DataFrame, each: Variable) -> pl.Expr:
    if each.name not in data.columns:
        return pl.lit(None, pl.Date if each.type == "date" else pl.String).alias(each.name)
    column = pl.col(each.name)
    if each.type == "date":
        return column
    if data[each.name].dtype == pl.Boolean:
        return column.replace_strict({True: "1", False: "0"}, default=None, return_dtype=pl.String)
    return column.cast(pl.String)


def _precisions(data: pl.DataFrame, dictionary: Dictionary) -> Iterator[pl.Series]:
    for each in dictionary.variables:
        name = f"{each.name}_precision"
        if each.type == "date" and name in data.columns:
            yield data[name]


def _events(frame: pl.DataFrame, each: Variable, rule: EventRule) -> pl.DataFrame:
    """Return the events of one dated item; ``frame`` holds codes."""
    date = pl.col(each.name)
    happened = date.is_not_null()
    if each.condition is not None:
        holds = each.condition.expression()
        happened = holds | (happened & holds.is_null())
    named = pl.lit(None, pl.String)
    if rule.kind is not None:
        kind = pl.col(rule.kind)
        named = pl.when(kind.is_in(list(EVENTS))).then(kind)
    name = f"{each.name}_precision"
    precision = pl.coalesce(name, pl.lit("day")) if name in frame.columns else pl.lit("day")
    value = pl.lit(rule.constant, pl.String) if rule.value is None else pl.col(rule.value)
    hospital = pl.lit(None, pl.String) if rule.hospital is None else pl.col(rule.hospital)
    return (
        frame.filter(happened)
        .select(
            "_record",
            *IDS,
            _number=pl.lit(rule.number or "1"),
            event=pl.coalesce(named, pl.lit(rule.event, pl.String)),
            date=date,
            date_precision=pl.when(date.is_not_null()).then(precision),
            hospital_id=hospital,
            value=value,
        )
        .filter(pl.col("event").is_not_null())
    )
