"""Checks of structure, identifiers and values that are missing."""

from __future__ import annotations

import polars as pl

from rarecare.registry.checks.check import ENCR, Check, Files
from rarecare.registry.checks.remedies import COMPLETE, CORRECT, CORRECT_FILE

CORE = (
    *("patient_id", "tumour_id", "sex", "birth_date", "incidence_date", "age"),
    *("basis_of_diagnosis", "topography", "morphology", "behaviour", "autopsy"),
    *("vital_status", "last_date", "follow_up_days"),
)
"""Columns a European submission cannot do without."""

_NO_UNKNOWN = ("patient_id", "tumour_id", "incidence_date", "topography", "morphology", "behaviour")


def _absent(files: Files) -> pl.DataFrame:
    absent = [name for name in CORE if name not in files.columns]
    rows = pl.Series([None] * len(absent), dtype=pl.Int64)
    return pl.DataFrame({"row": rows, "values": pl.Series(absent, dtype=pl.String)})


STRUCTURE = (
    Check(
        "column-missing", "structure", "error", "cases", (), _absent, ENCR, "A",
        "A column of the protocol is missing",
        "Without it, checks and figures that need it cannot be made.",
        "Add the column, or name it in the column map of the submission.",
    ),
    Check(
        "record-not-read", "structure", "error", "value", (), None, ENCR, "A",
        "A whole record could not be read",
        "A record that is not read is missing from every figure.",
        CORRECT_FILE,
    ),
    Check(
        "value-not-read", "ranges", "error", "value", (), None, ENCR, "A",
        "A value is not in the list or range of its column",
        "It counts as unknown until it is corrected.",
        "Correct the value, or say in the code map what it means.",
    ),
)  # fmt: skip

IDENTIFIERS = (
    Check(
        "tumour-id-doubled", "identifiers", "error", "tumours", ("tumour_id",),
        pl.col("tumour_id").is_not_null() & pl.col("tumour_id").is_duplicated(), ENCR, "C",
        "The number of the tumour occurs more than once",
        "Each tumour is one record, with a number of its own.",
        "Remove the record that was sent twice, or give each tumour its own number.",
    ),
)  # fmt: skip


def _missing(column: str) -> Check:
    no_unknown = column in _NO_UNKNOWN
    return Check(
        "missing-" + column.replace("_", "-"), "missing", "error" if no_unknown else "warning",
        "record", (column,), pl.col(column).is_null(), ENCR, "C",
        "{column} is missing" if no_unknown else "{column} is missing or unknown",
        "The record cannot be counted or compared without it." if no_unknown
        else "What depends on it cannot be computed for this record.",
        CORRECT if no_unknown else COMPLETE,
    )  # fmt: skip


MISSING = tuple(_missing(column) for column in CORE)
