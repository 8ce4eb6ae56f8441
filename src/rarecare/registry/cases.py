"""The canonical case table: one row per tumour, its columns as data.

Names and codes follow ICD-O-3 and the ENCR-JRC call for data (incidence file, 2023),
with dates whole and words in place of registry numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from rarecare.files import Source
from rarecare.lines import NOT_READ

Kind = Literal["text", "word", "whole", "number", "date", "topography", "morphology"]

MISSING = ("na", "nan", ".", "null", "unknown")
"""What stands for an unknown value in any column that is not free text, beside a blank."""

LONGEST_LIFE = 120
"""Highest age in completed years."""

_LONGEST_DAYS = 44_194  # 121 years less a day
_UNKNOWN_9 = {"9": None}


@dataclass(frozen=True, slots=True)
class Field:
    """One canonical column.

    Attributes
    ----------
    name, meaning
        Column name and what it holds.
    kind
        Which cast reads it: free text, a word from ``codes``, a whole number, a number,
        a date, an ICD-O-3 topography or morphology.
    codes
        Codes accepted in a file (lower case) and what they become; None is "unknown".
    unit
        Unit of the values.
    limits
        Lowest and highest number read.
    """

    name: str
    kind: Kind
    meaning: str
    codes: Mapping[str, str | None] = field(default_factory=dict)
    unit: str = ""
    limits: tuple[float, float] | None = None

    @property
    def dtype(self) -> type[pl.DataType]:
        """The polars type of the canonical column."""
        numeric = {"whole": pl.Int32, "morphology": pl.Int32, "number": pl.Float64}
        return pl.Date if self.kind == "date" else numeric.get(self.kind, pl.String)


def _words(*words: str, **codes: str | None) -> dict[str, str | None]:
    return {word: word for word in words} | codes


FIELDS = (
    Field("registry", "text", "the cancer registry"),
    Field("patient_id", "text", "the person, the same for all tumours of that person"),
    Field("tumour_id", "text", "the tumour, unique within the registry"),
    Field(
        "sex",
        "word",
        "sex",
        _words("male", "female", m="male", f="female")
        | {"1": "male", "2": "female", "3": None, "9": None},
    ),
    Field("birth_date", "date", "date of birth"),
    Field("incidence_date", "date", "date of incidence, by the ENCR's rules"),
    Field(
        "age",
        "whole",
        "age at incidence in completed years",
        {"999": None},
        "years",
        (0, LONGEST_LIFE),
    ),
    Field("age_days", "number", "days from birth to incidence", {}, "days", (0, _LONGEST_DAYS)),
    Field(
        "age_years",
        "number",
        "exact age at incidence in years, where neither days nor full dates are given",
        {},
        "years",
        (0, LONGEST_LIFE + 1),
    ),
    Field("last_date", "date", "date of death, or of the last known vital status"),
    Field(
        "follow_up_days",
        "whole",
        "days from incidence to last date; negative values are read and left to the exclusions",
        {"99999": None},
        "days",
        (-_LONGEST_DAYS, _LONGEST_DAYS),
    ),
    Field(
        "vital_status",
        "word",
        "vital status at the last date; numbers need a code map, for they differ between programs",
        _words("alive", "dead", "lost") | _UNKNOWN_9,
    ),
    Field("cause_of_death", "text", "underlying cause of death: an ICD code, or cancer and other"),
    Field("topography", "topography", "ICD-O-3 site, as C40.2"),
    Field("morphology", "morphology", "ICD-O-3 histology, four digits", {}, "", (8000, 9999)),
    Field("behaviour", "whole", "ICD-O-3 behaviour: 3 malignant", {}, "", (0, 9)),
    Field(
        "grade",
        "whole",
        "grade 1-4, or immunophenotype 5-8",
        _UNKNOWN_9,
        "",
        (1, 8),
    ),
    Field(
        "basis_of_diagnosis",
        "whole",
        "most valid basis of diagnosis (ENCR); 0 is death certificate only",
        _UNKNOWN_9,
        "",
        (0, 8),
    ),
    Field("autopsy", "whole", "1 when found at autopsy only", _UNKNOWN_9, "", (0, 1)),
    Field(
        "stage",
        "word",
        "extent of disease at diagnosis",
        _words("localised", "regional", "distant", localized="localised", x=None)
        | {"9": None, "99": None},
    ),
    Field(
        "resident",
        "word",
        "whether the person lived in the registry's area at incidence",
        _words("yes", "no"),
    ),
    Field("region", "text", "region of residence at incidence"),
    Field("hospital_id", "text", "hospital of diagnosis or main treatment"),
    Field(
        "entry_days",
        "whole",
        "days from incidence at which the case comes under observation",
        {},
        "days",
        (0, _LONGEST_DAYS),
    ),
    Field("weight", "number", "weight of the case", {}, "", (0, float("inf"))),
)
"""The canonical columns in their order. Anything else is carried along and may be a stratum."""

BY_NAME: Mapping[str, Field] = {each.name: each for each in FIELDS}

CODE_SETS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "vital_status": {
        "encr": {"1": "alive", "2": "dead", "3": "lost", "9": "unknown"},
        "stata": {"0": "alive", "1": "dead", "2": "dead", "4": "lost"},
        "event": {"0": "alive", "1": "dead"},
    }
}
"""Named code maps by field: ENCR-JRC calls, Stata's strs files, R's event indicator."""

REJECTS = NOT_READ
"""Columns of :attr:`Cases.rejects`."""


@dataclass(frozen=True, slots=True, eq=False)
class Cases:
    """One registry file as a canonical case table.

    Attributes
    ----------
    table
        One row per record: ``row`` (line of the file, the header being line 1), the canonical
        columns the file gives or allows to derive, then the columns carried along.
    rejects
        One row per value that could not be read and is null in ``table``: ``row``,
        ``column`` (canonical name), ``value`` as it stood, ``reason``, ``allowed``.
    source
        The file, for provenance.
    notes
        What reading decided: imputed dates, ages taken at mid-year, values not read.
    file_columns
        Name in the file of each canonical column, for messages.
    """

    table: pl.DataFrame
    rejects: pl.DataFrame
    source: Source
    notes: tuple[str, ...] = ()
    file_columns: Mapping[str, str] = field(default_factory=dict)
