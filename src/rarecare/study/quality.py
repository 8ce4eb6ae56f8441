"""The quality table of a release: shares that say how far a registry's data go."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from rarecare.results import NOT_ESTIMABLE, OK
from rarecare.study.schema import QUALITY


@dataclass(frozen=True, slots=True)
class Indicator:
    """A share of the cases counted.

    Attributes
    ----------
    name
        As the table and the report say it.
    column
        The column it looks at; without it, not estimable.
    counted
        True for a case in the numerator.
    """

    name: str
    column: str
    counted: pl.Expr


INDICATORS = (
    Indicator("death certificate only", "basis_of_diagnosis", pl.col("basis_of_diagnosis") == 0),
    Indicator(
        "microscopically verified",
        "basis_of_diagnosis",
        pl.col("basis_of_diagnosis").is_in([5, 6, 7, 8]),
    ),
    Indicator(
        "unspecified morphology",
        "morphology",
        pl.col("morphology").is_between(8000, 8005),
    ),
    Indicator("stage unknown", "stage", pl.col("stage").is_null()),
    Indicator("age unknown", "age", pl.col("age").is_null()),
    Indicator("lost to follow-up", "vital_status", pl.col("vital_status") == "lost"),
    Indicator("vital status unknown", "vital_status", pl.col("vital_status").is_null()),
)
"""One entry, one row per registry."""


def quality_rows(registry: str, cases: pl.DataFrame) -> pl.DataFrame:
    """Return one row per indicator for the cases counted in incidence."""
    rows = []
    for indicator in INDICATORS:
        known = indicator.column in cases.columns and cases.height > 0
        found = int(cases.select(indicator.counted.sum()).item() or 0) if known else None
        rows.append(
            {
                "registry": registry,
                "indicator": indicator.name,
                "numerator": found,
                "denominator": cases.height,
                "value": 100 * found / cases.height if found is not None else None,
                "unit": "percent",
                "status": OK if known else NOT_ESTIMABLE,
                "reason": None if known else f"the file has no {indicator.column}",
            }
        )
    return pl.DataFrame(rows, schema=QUALITY)
