"""The indicators of quality: each a share of some of the cases.

Sources: Bray & Parkin, *Eur J Cancer* 2009;45:747-755, and Parkin & Bray, the same, 756-764
(comparability, validity, completeness); RARECARE's review of its data, *Tumori* 2017;103:22-32
(unspecified morphology, early censoring, long survivors).
An indicator is one entry in ``INDICATORS``.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from rarecare.registry.quality.suspicious import SUSPICIOUS, SUSPICIOUS_OF

DUE, FIVE_YEARS = "_due", "_five_years"
"""Working columns: five years after diagnosis lie before the closing date; their days."""

LATER = "_later"
"""Working column: another tumour of the person, among these cases, came first."""


@dataclass(frozen=True, slots=True)
class Indicator:
    """A share of cases.

    Attributes
    ----------
    name
        As tables and reports say it.
    columns
        The columns it looks at; without one of them it is not estimable.
    counted
        True for a case in the numerator (null counts as false).
    among
        True for a case in the denominator; None: all cases.
    meaning
        What is counted, in a sentence.
    """

    name: str
    columns: tuple[str, ...]
    counted: pl.Expr
    among: pl.Expr | None
    meaning: str


_basis, _status = pl.col("basis_of_diagnosis"), pl.col("vital_status")

INDICATORS = (
    Indicator(
        "death certificate only",
        ("basis_of_diagnosis",),
        _basis == 0,
        None,
        "Known from the death certificate only (basis 0).",
    ),
    Indicator(
        "autopsy only",
        ("autopsy",),
        pl.col("autopsy") == 1,
        None,
        "Found at autopsy only.",
    ),
    Indicator(
        "microscopically verified",
        ("basis_of_diagnosis",),
        _basis.is_in([5, 6, 7, 8]),
        None,
        "By cytology, histology or cytogenetics (basis 5 to 8), of all cases.",
    ),
    Indicator(
        "unspecified morphology",
        ("morphology",),
        pl.col("morphology").is_between(8000, 8005),
        None,
        "Histology 8000 to 8005: neoplasm, cell type unspecified.",
    ),
    Indicator(
        "no more specific than tier 1",
        ("entity_tier1", "entity_tier2"),
        pl.col("entity_tier2").is_null(),
        pl.col("entity_tier1").is_not_null(),
        "Classified to a tier 1 of the list, but by codes too general for one of its tier 2.",
    ),
    Indicator(
        "unknown primary site",
        ("topography",),
        pl.col("topography").str.starts_with("C80"),
        None,
        "Topography C80.9.",
    ),
    Indicator(
        "age unknown",
        ("age",),
        pl.col("age").is_null(),
        None,
        "No age, and none from the dates.",
    ),
    Indicator(
        "basis of diagnosis unknown",
        ("basis_of_diagnosis",),
        _basis.is_null(),
        None,
        "Basis 9 or blank.",
    ),
    Indicator(
        "stage unknown",
        ("stage",),
        pl.col("stage").is_null(),
        None,
        "No extent of disease.",
    ),
    Indicator(
        "lost to follow-up",
        ("vital_status",),
        _status == "lost",
        None,
        "Lost before the closing date.",
    ),
    Indicator(
        "vital status unknown",
        ("vital_status",),
        _status.is_null(),
        None,
        "No vital status.",
    ),
    Indicator(
        "censored before 5 years",
        ("vital_status", "follow_up_days", "incidence_date"),
        _status.is_in(["alive", "lost"]) & (pl.col("follow_up_days") < pl.col(FIVE_YEARS)),
        pl.col(DUE),
        "Last known alive less than five years after diagnosis, of those diagnosed five years or "
        "more before the closing date.",
    ),
    Indicator(
        "second or later primary",
        ("patient_id", "incidence_date"),
        pl.col(LATER),
        pl.col("patient_id").is_not_null(),
        "Not the person's first tumour among the cases counted.",
    ),
    Indicator(
        "suspicious long survivors",
        ("follow_up_days", "topography", "morphology"),
        pl.col(SUSPICIOUS),
        pl.col(SUSPICIOUS_OF),
        "Of the highly fatal tumours listed, those known to live longer than the years stated.",
    ),
)
"""One entry, one row per registry, entity and period."""
