"""Checks between the records of one patient.

Dates known in part differ only where no day can be both.
"""

from __future__ import annotations

import polars as pl

from rarecare.registry.checks.check import ENCR, Check
from rarecare.registry.checks.remedies import SAME_PERSON
from rarecare.registry.multiple_primaries import DUPLICATE

_PERSON = "patient_id"
_WHY = "All records of a person carry the same facts about that person."


def _varies(column: str) -> pl.Expr:
    """Return whether a person has two known values."""
    value = pl.col(column)
    return (value.min() != value.max()).over(_PERSON)


def _apart(name: str) -> pl.Expr:
    """Return whether a person has two dates that cannot be the same."""
    return (pl.col(f"{name}_from").max() > pl.col(f"{name}_to").min()).over(_PERSON)


PATIENT = (
    Check(
        "patient-sex", "patient", "error", "patient", (_PERSON, "sex"), _varies("sex"), ENCR, "C",
        "The sex of this person differs between records", _WHY, SAME_PERSON,
    ),
    Check(
        "patient-birth", "patient", "error", "patient", (_PERSON, "birth_date"), _apart("_born"),
        ENCR, "C",
        "The date of birth of this person differs between records", _WHY, SAME_PERSON,
    ),
    Check(
        "patient-vital-status", "patient", "error", "patient", (_PERSON, "vital_status"),
        _varies("vital_status"), ENCR, "C",
        "The vital status of this person differs between records", _WHY, SAME_PERSON,
    ),
    Check(
        "patient-last-date", "patient", "error", "patient", (_PERSON, "last_date"),
        _apart("_seen"), ENCR, "C",
        "The end of follow-up of this person differs between records", _WHY, SAME_PERSON,
    ),
    Check(
        "tumour-doubled", "duplicates", "warning", "patient",
        (_PERSON, "topography", "morphology", "behaviour", "incidence_date"),
        pl.all_horizontal(
            pl.col("topography", "morphology", "behaviour", "_found_from").is_not_null()
        )
        & pl.struct(
            _PERSON, "topography", "morphology", "behaviour", pl.col("_found_from") // 100
        ).is_duplicated(),
        ENCR, "C",
        "The same tumour of the same person in the same month",
        "One tumour sent twice is counted twice.",
        "Keep one record, or confirm that there are two tumours.",
    ),
    Check(
        "not-new-primary", "multiple primaries", "warning", "patient",
        (_PERSON, "topography", "morphology", "behaviour", "incidence_date"),
        pl.col("_primary") == DUPLICATE,
        "International Rules for Multiple Primary Cancers, IARC/ENCR/IACR 2004", "A",
        "Not a new primary tumour by the international rules",
        "The rules count one tumour of each organ and group of histologies.",
        "Leave it in the file; figures of incidence leave it out.",
    ),
)  # fmt: skip
