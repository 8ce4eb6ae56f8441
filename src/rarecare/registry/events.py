"""Dated facts about tumours: diagnoses, treatments and what came after, ``events.parquet``.

The list of events is this project's own: what the RARECAREnet indicators (imaging, pathology
report and review, time to treatment, margins, revisions, adjuvant therapy, hospitals) and the
treatments of the ENCR-JRC call for data need.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from rarecare.errors import CaseError, CodeError, ColumnError, InputError
from rarecare.files import read_table
from rarecare.registry.dates import YEARS

EVENTS: Mapping[str, str] = {
    "diagnosis": "diagnosis, at the hospital that made it",
    "imaging": "imaging for diagnosis or staging; value: the kind",
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

_FILLED = ("registry", "patient_id", "tumour_id", "event")


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
        A column is missing, unknown, or cannot be read as its type.
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
    table = frame.select(COLUMNS).with_columns(
        pl.col(name).cast(pl.String) for name, dtype in COLUMNS.items() if dtype == pl.String
    )
    date = _dates(table["date"], file)
    for name in _FILLED:
        _refuse(
            table[name],
            table[name].is_null() | (table[name] == ""),
            CaseError(f"{name} is blank", **_place(table[name], name, file)),
        )
    ...
