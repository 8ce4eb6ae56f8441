"""Dated facts about tumours: diagnoses, treatments and what came after, ``events.parquet``.

The list of events is this project's own: what the RARECAREnet indicators (imaging, pathology
report and review, time to treatment, margins, revisions, adjuvant therapy, hospitals) and the
treatments of the ENCR-JRC call for data need.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from rarecare.errors import CaseError, CodeError, ColumnError
from rarecare.files import read_table
from rarecare.registry.casts import as_text
from rarecare.registry.dates import YEARS

EVENTS: Mapping[str, str] = {
    "diagnosis": "diagnosis, at the hospital that made it",
    "imaging": "imaging for diagnosis or staging; value: the kind",
    "marker": "tumour marker measured; value: which, and how much",
    "pathology": "pathological confirmation; value: the items reported",
    "pathology_review": "second reading by an expert; value: the diagnosis when it changed",
    "multidisciplinary_meeting": "discussion of the case",
    "referral": "referral, at the hospital referred to",
    "surgery": "surgery of the tumour; value: margins R0, R1, R2 or RX",
    "re_excision": "surgery again for the margins; value as for surgery",
    "radiotherapy": "start of radiotherapy; value: neoadjuvant or adjuvant, where it is one",
    "systemic": "start of systemic therapy, its kind not told; value as for radiotherapy",
    "chemotherapy": "start of chemotherapy; value as for radiotherapy",
    "targeted": "start of targeted therapy",
    "immunotherapy": "start of immunotherapy",
    "hormonal": "start of hormonal therapy",
    "stem_cell": "stem cell transplantation",
    "recurrence": "recurrence or progression; value: local, regional or distant",
    "surveillance": "start of watching without treatment",
}
"""Every event and what its date, hospital and value are."""

PRECISIONS = ("day", "month", "year")
"""How well a date is known; below "day" its day, or day and month, stand in for unknown ones."""

COLUMNS: Mapping[str, type[pl.DataType]] = {
    "registry": pl.String,
    "patient_id": pl.String,
    "tumour_id": pl.String,
    "event": pl.String,
    "date": pl.Date,
    "date_precision": pl.String,
    "hospital_id": pl.String,
    "value": pl.String,
}
"""The columns, in their order."""


def read_events(source: str | Path | Any) -> pl.DataFrame:
    """Return the dated facts of a file, checked.

    Parameters
    ----------
    source
        Path of ``events.parquet`` (or the same as CSV), or a data frame.

    Returns
    -------
    polars.DataFrame
        The columns of ``COLUMNS``, in the file's order of rows. ``date`` and its precision may
        be unknown (both null), as may hospital and value.

    Raises
    ------
    ColumnError
        A column is missing or too many.
    CodeError
        An event or a precision is not in its list.
    CaseError
        An id is blank, a date is no date, or stands without its precision or the other way.
    """
    raw = read_table(source)
    frame, file = raw.frame, raw.source.name
    for name in (*COLUMNS, *frame.columns):
        if name not in COLUMNS or name not in frame.columns:
            lacking = name in COLUMNS
            raise ColumnError(
                f"events have no column {name}" if lacking else "events have a column too many",
                file=file,
                value=name,
                allowed=frame.columns if lacking else list(COLUMNS),
            )
    text = [name for name, dtype in COLUMNS.items() if dtype == pl.String]
    given = frame.select(list(COLUMNS)).with_columns(as_text(frame[name]) for name in text)
    as_given = as_text(frame["date"]).alias("_given")
    table = given.with_columns(_dates(frame["date"]), as_given)
    for fault in _FAULTS:
        bad = table.select(fault.bad).to_series().fill_null(value=False).arg_true()
        if not len(bad):
            continue
        first = int(bad[0])
        more = f" {len(bad) - 1} more rows are so." if len(bad) > 1 else ""
        raise fault.error(
            fault.problem,
            file=file,
            row=first + 2,
            column=fault.column,
            value=given[fault.column].cast(pl.String)[first],
            allowed=fault.allowed,
            remedy=f"Correct the row.{more}",
        )
    return table.drop("_given")


def _dates(values: pl.Series) -> pl.Series:
    """Return dates; null where it is none of the years dates may have."""
    if values.dtype == pl.Datetime:
        dates = values.cast(pl.Date)
    elif values.dtype == pl.Date:
        dates = values
    else:
        dates = as_text(values).str.to_date("%Y-%m-%d", strict=False)
    possible = dates.dt.year().is_between(*YEARS).fill_null(value=False)
    return dates.zip_with(possible, pl.Series([None], dtype=pl.Date)).alias("date")


@dataclass(frozen=True, slots=True)
class _Fault:
    """What a row may not have: ``bad`` is true for it (null counts as false)."""

    column: str
    problem: str
    allowed: Sequence[str] | str
    bad: pl.Expr
    error: type[CaseError | CodeError] = CaseError


_dated, _precise = pl.col("date").is_not_null(), pl.col("date_precision").is_not_null()

_FAULTS = (
    *(
        _Fault(name, f"{name} is blank", "an id on every row", pl.col(name).is_null())
        for name in ("registry", "patient_id", "tumour_id")
    ),
    _Fault(
        "event",
        "the event is not in the list",
        list(EVENTS),
        ~pl.col("event").is_in(list(EVENTS)) | pl.col("event").is_null(),
        CodeError,
    ),
    _Fault(
        "date",
        "the date is no date",
        f"YYYY-MM-DD, years {YEARS[0]} to {YEARS[1]}",
        pl.col("date").is_null() & pl.col("_given").is_not_null(),
    ),
    _Fault(
        "date_precision",
        "the precision of the date is not in the list",
        PRECISIONS,
        ~pl.col("date_precision").is_in(PRECISIONS),
        CodeError,
    ),
    _Fault("date_precision", "a date has no precision", PRECISIONS, _dated & ~_precise),
    _Fault("date", "a precision has no date", "both or neither", ~_dated & _precise),
)
