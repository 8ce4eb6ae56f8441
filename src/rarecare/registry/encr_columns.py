"""The columns of the ENCR-JRC incidence file, protocol 2, as data.

Names, order and codes: ENCR-JRC call for data and QCS, JRC132486 (2023). From memory of that
protocol, and not re-read: the unknown follow-up 99999, status 3 as lost to follow-up, basis of
diagnosis 8, and R99 and 7999 as unknown causes of death.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from rarecare.registry.cases import BY_NAME, LONGEST_LIFE
from rarecare.registry.dates import YEARS

SEPARATOR = ";"
"""What stands between the columns."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the file.

    Attributes
    ----------
    name
        In the file's header.
    ours
        In the case table; a part of a date names its date.
    numbers
        Whole numbers allowed; None where the column is text.
    words
        Words allowed in a column of text; empty: any.
    unknown
        Codes that say "unknown", beside a blank.
    """

    name: str
    ours: str
    numbers: range | tuple[int, ...] | None = None
    words: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def listed(self) -> bool:
        """Whether its codes are a list, not a range."""
        return bool(self.words) or isinstance(self.numbers, tuple)

    @property
    def allowed(self) -> str:
        """What the column may hold, for messages; single codes are divided by commas."""
        if self.listed:
            return ", ".join((*self.words, *map(str, self.numbers or ()), *self.unknown))
        if self.numbers is None:
            return "text"
        also = f"; unknown {self.unknown[0]}" if self.unknown else ""
        return f"whole numbers from {max(self.numbers[0], 0)} to {self.numbers[-1]}{also}"


_NINE = ("9",)


def _limits(field: str) -> range:
    low, high = BY_NAME[field].limits or (0, 0)
    return range(int(low), int(high) + 1)


def _codes(name: str, ours: str, *numbers: int) -> Column:
    return Column(name, ours, numbers, unknown=_NINE)


def _month(name: str, ours: str) -> Column:
    return Column(name, ours, range(1, 13), unknown=("99",))


def _year(name: str, ours: str, first: int) -> Column:
    return Column(name, ours, range(first, YEARS[1] + 1), unknown=("9999",))


def _tnm(name: str) -> Column:
    return Column(name, f"tnm_{name.lower()}", unknown=("9", "X"))


COLUMNS = (
    Column("PAT", "patient_id"),
    _month("MoB", "birth_date"),
    _year("YoB", "birth_date", 1870),
    Column("Age", "age", range(LONGEST_LIFE + 1), unknown=("999",)),
    _codes("Sex", "sex", 1, 2, 3),
    Column("Geo_Code", "region"),
    Column("Geo_Label", "region_label"),
    Column("TUM", "tumour_id"),
    _month("MoI", "incidence_date"),
    _year("YoI", "incidence_date", 1901),
    _codes("BoD", "basis_of_diagnosis", 0, 1, 2, 4, 5, 6, 7, 8),
    Column("Topo", "topography"),
    Column("Morpho", "morphology", _limits("morphology")),
    Column("Beh", "behaviour", (0, 1, 2, 3)),
    _codes("Grade", "grade", *range(1, 9)),
    _codes("Autopsy", "autopsy", 0, 1),
    _codes("Vit_stat", "vital_status", 1, 2, 3),
    _month("MoF", "last_date"),
    _year("YoF", "last_date", 1901),
    Column("Surv_time", "follow_up_days", _limits("follow_up_days"), unknown=("99999",)),
    Column("ICD", "cause_of_death_icd_edition", range(1, 12), unknown=("99",)),
    Column("CoD", "cause_of_death", unknown=("R99", "7999")),
    Column("TNM_ed", "tnm_edition", range(1, 10), unknown=("99",)),
    *(_tnm(name) for name in ("cT", "cN", "cM", "pT", "pN", "pM")),
    Column(
        "ToS",
        "stage_type",
        words=("A", "D", "E", "F", "S", "cIS", "paS", "cpS", "coS", "esS", "T1", "T2", "8"),
        unknown=_NINE,
    ),
    _codes("Stage", "stage_code", 0, 1, 2, 3, 4),
    _codes("Surgery", "treatment_surgery", 0, 1, 2, 3),
    _codes("Rt", "treatment_radiotherapy", 0, 1, 2, 3),
    _codes("Cht", "treatment_chemotherapy", 0, 1, 2, 3, 4),
    _codes("Tt", "treatment_targeted", 0, 1),
    _codes("It", "treatment_immunotherapy", 0, 1),
    _codes("Ht", "treatment_hormonal", 0, 1),
    _codes("Ot", "treatment_other", 0, 1, 2, 3),
    _codes("SCT", "treatment_stem_cell", 0, 1),
)
"""The 39 columns in their order. Where ``Stage`` goes is in ``STAGE``."""

NAMES = tuple(column.name for column in COLUMNS)
"""The file's header."""

NUMBERS: Mapping[str, type[pl.DataType]] = {
    column.name: pl.Int32 if column.name == "Surv_time" else pl.Int16
    for column in COLUMNS
    if column.numbers is not None
}
"""The columns of whole numbers, and types their codes fit: small ones are read quicker."""

STAGE: Mapping[int, str] = {1: "localised", 2: "regional", 3: "regional", 4: "distant"}
"""Extent of disease by the number of the stage: I, FIGO I and Dukes A are localised; II (locally
advanced, Dukes B) and III are regional; IV is distant."""

NO_EXTENT = ("A", "T1", "T2", "8")
"""Types of stage whose numbers are no extent: Ann Arbor or Lugano, Toronto, other."""

TNM_TYPES = ("S", "cIS", "paS", "cpS", "coS", "esS")
"""Types of stage whose numbers are TNM stages I to IV."""

STAGE_TNM: Mapping[int, str] = {1: "I", 2: "II", 3: "III", 4: "IV"}

DATES = ("birth_date", "incidence_date", "last_date")
"""Dates, each from a month and a year."""
