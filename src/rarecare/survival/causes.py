"""Who died of cancer, by the cause of death recorded."""

from __future__ import annotations

from typing import Literal

import polars as pl

from rarecare.errors import CaseError, CodeError, ColumnError, UsageError
from rarecare.tally.follow_up import OF_CANCER

UnknownCause = Literal["refuse", "cancer", "other"]
UNKNOWN_CAUSES: tuple[UnknownCause, ...] = ("refuse", "cancer", "other")
_ICD10 = r"^(C([0-8][0-9]|9[0-7])|D4[5-7])(\.?[0-9A-Z]{0,2})$"
_ICD10_SHAPE = r"^[A-Z][0-9]{2}(\.?[0-9A-Z]{0,2})$"
_ICD9 = r"^((1[4-9][0-9]|20[0-8])(\.?[0-9]{0,2})|238\.?[4-7][0-9]?)$"
_ICD9_SHAPE = r"^([0-9]{3}|E[0-9]{3})(\.?[0-9]{0,2})$"


def with_cause(
    table: pl.DataFrame, unknown: UnknownCause, file: str
) -> tuple[pl.DataFrame, list[str]]:
    """Add ``died_of_cancer``, and say what was decided.

    A boolean column of that name is taken as it stands. Otherwise ``cause_of_death`` decides:
    the words cancer and other; ICD-10 C00-C97 and D45-D47; ICD-9 140-208 and 238.4-238.7 (the
    latter of both are malignant in ICD-O-3). Any cancer counts: registries code the site of
    the underlying cause less surely than that it was cancer.

    Parameters
    ----------
    table
        Cases that count, with ``died``.
    unknown
        What a death of unknown cause is: refused, from the cancer, or from another cause.
    file
        For messages.

    Raises
    ------
    UsageError
        ``unknown`` is none of the three words.
    ColumnError
        No column tells the cause.
    CodeError
        A cause is neither a word nor a code.
    CaseError
        A cause is unknown, and ``unknown`` is ``"refuse"``.
    """
    if unknown not in UNKNOWN_CAUSES:
        raise UsageError("unknown_cause has no such choice", value=unknown, allowed=UNKNOWN_CAUSES)
    died = pl.col("died")
    if OF_CANCER in table.columns:
        if table.schema[OF_CANCER] != pl.Boolean:
            raise CaseError(
                f"{OF_CANCER} is not true or false",
                file=file,
                value=str(table.schema[OF_CANCER]),
                allowed="a boolean column",
            )
        told = pl.col(OF_CANCER)
    elif "cause_of_death" in table.columns:
        told = _told(table, file)
    else:
        raise ColumnError(
            "causes of death are needed",
            file=file,
            allowed=[OF_CANCER, "cause_of_death"],
            remedy="Name the column: columns={'cause_of_death': ...}.",
        )
    table = table.with_columns(pl.when(died).then(told).otherwise(statement=False).alias(OF_CANCER))
    lost = table[OF_CANCER].null_count()
    if not lost:
        return table, []
    deaths = int(table["died"].sum())
    if unknown == "refuse":
        raise CaseError(
            f"the cause of death is unknown for {lost:,} of {deaths:,} deaths",
            file=file,
            allowed="unknown_cause cancer or other",
            remedy="Say what they are taken as, or leave such cases out.",
        )
    as_cancer = unknown == "cancer"
    note = f"{lost:,} of {deaths:,} deaths of unknown cause taken as from {unknown}"
    return table.with_columns(pl.col(OF_CANCER).fill_null(value=as_cancer)), [note]


def _told(table: pl.DataFrame, file: str) -> pl.Expr:
    """Return whether the recorded cause is cancer, null where it is not known."""
    cause = pl.col("cause_of_death").cast(pl.String).str.strip_chars().str.to_uppercase()
    blank = cause.is_null() | cause.is_in(["", "UNKNOWN", "R99", "7999", "799.9"])
    known = cause.is_in(["CANCER", "OTHER"]) | cause.str.contains(_ICD10_SHAPE)
    known |= cause.str.contains(_ICD9_SHAPE)
    wrong = table.filter(pl.col("died") & ~blank & ~known)
    if wrong.height:
        raise CodeError(
            f"cause_of_death has {wrong.height:,} values that are no cause",
            file=file,
            row=wrong["row"][0] if "row" in wrong.columns else None,
            value=wrong["cause_of_death"][0],
            allowed="cancer, other, an ICD-10 code as C56 or I21.9, an ICD-9 code as 183",
            remedy="Map the codes: codes={'cause_of_death': {...}}.",
        )
    of_cancer = (cause == "CANCER") | cause.str.contains(_ICD10) | cause.str.contains(_ICD9)
    return pl.when(~blank).then(of_cancer)
