"""What a data check is: one value that says all of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import polars as pl

from rarecare.registry.submission import Facts

Severity = Literal["error", "warning"]
"""An error is impossible: the record cannot be used until it is corrected. A warning is
unlikely: the record is corrected or confirmed."""

Scope = Literal[
    "record", "value", "tumours", "patient", "cases", "population", "mortality", "life_table"
]  # fmt: skip
"""What a check looks at: one record of the cases; what reading rejected of any file; all tumours
beside one another; all records of one patient; a file as a whole."""

Sureness = Literal["A", "B", "C", "D"]
SURENESS: Mapping[Sureness, str] = {
    "A": "read in a public machine-readable source",
    "B": "read in the beginning of a published page",
    "C": "from memory of a public report, not re-read: check it before relying on it",
    "D": "own definition, in the spirit of the published procedures",
}

IARC = "IARC Technical Report 42 (2005), as coded in CanReg5"
ENCR = "JRC-ENCR common data quality checks, JRC132486 (2023)"


@dataclass(frozen=True, slots=True)
class Files:
    """What the checks of the other files see.

    Attributes
    ----------
    facts
        What the submission says of itself.
    columns
        Columns of the cases.
    cases_by_year
        ``year`` and ``region`` of incidence with ``cases``.
    population, mortality, life_table
        As submitted; empty where there is no such file.
    today
        The day of the checks.
    """

    facts: Facts
    columns: frozenset[str]
    cases_by_year: pl.DataFrame
    population: pl.DataFrame
    mortality: pl.DataFrame
    life_table: pl.DataFrame
    today: date


Between = Callable[[Files], pl.DataFrame]
"""From the files to what is wrong between or within them: ``row`` (null where no line is at
fault) and ``values``."""


@dataclass(frozen=True, slots=True)
class Check:
    """One rule of the data checks.

    Attributes
    ----------
    code
        Its name, for silencing and confirming: ``"sex-site"``.
    family
        The family it belongs to.
    severity
        ``"error"`` or ``"warning"``.
    applies_to
        What it looks at.
    columns
        Canonical columns it needs; findings show their values.
    offending
        True for what breaks the rule; null is "cannot tell" and no finding. An expression of the
        file's columns and of the working columns of ``columns.WORKING``; for what no row can
        show, a function of ``Files``. None where reading has found it already.
    source, sureness
        Where the rule comes from, and how sure that is (``SURENESS``).
    title, why, remedy
        What is wrong, why it is, what to do: in English, translated by ``messages``.
        ``{column}`` is the first of ``columns``.
    """

    code: str
    family: str
    severity: Severity
    applies_to: Scope
    columns: tuple[str, ...]
    offending: pl.Expr | Between | None
    source: str
    sureness: Sureness
    title: str
    why: str
    remedy: str
