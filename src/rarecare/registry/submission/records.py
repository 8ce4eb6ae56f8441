"""What one registry submitted, as read: what checks, quality and reports start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import polars as pl

from rarecare.errors import FileError
from rarecare.files import Source

Kind = Literal["cases", "population", "life_table", "mortality"]
"""The files of a submission."""

REJECTS = {
    "file": pl.String,
    "row": pl.Int64,
    "column": pl.String,
    "value": pl.String,
    "reason": pl.String,
    "allowed": pl.String,
}
"""Columns of :attr:`Submitted.rejects`."""

POPULATION = {
    "row": pl.Int64,
    "year": pl.Int64,
    "sex": pl.String,
    "age_lower": pl.Int64,
    "age_group": pl.String,
    "region": pl.String,
    "persons": pl.Float64,
}
"""Columns of :attr:`Submitted.population`."""

LIFE_TABLE = {
    "row": pl.Int64,
    "year": pl.Int64,
    "sex": pl.String,
    "age": pl.Int64,
    "region": pl.String,
    "death_probability": pl.Float64,
}
"""Columns of :attr:`Submitted.life_table`."""

MORTALITY = {
    "row": pl.Int64,
    "year": pl.Int64,
    "sex": pl.String,
    "age_lower": pl.Int64,
    "age_group": pl.String,
    "region": pl.String,
    "cause_of_death": pl.String,
    "deaths": pl.Float64,
}
"""Columns of :attr:`Submitted.mortality`."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the submission says of itself.

    Attributes
    ----------
    registry
        Its code, which the case table carries.
    name
        Its name.
    country
        ISO 3166 code of two letters.
    region
        The area covered, in words or by its code.
    first_year, last_year
        Calendar years of incidence submitted.
    closing_date
        Last day to which follow-up is complete.
    contact
        Who answers questions.
    """

    registry: str
    country: str
    first_year: int
    last_year: int
    closing_date: date | None = None
    name: str = ""
    region: str = ""
    contact: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """How many records of a file were read and how many were not.

    Attributes
    ----------
    file
        Which file.
    records
        Lines of the file that hold anything, the header not counted.
    read
        Rows of the table.
    rejected
        Records of which no row was made; each is a row of the rejects without a column.

    Raises
    ------
    FileError
        They do not add up: no record may be lost in silence.
    """

    file: Kind
    records: int
    read: int
    rejected: int

    def __post_init__(self) -> None:
        if self.records != self.read + self.rejected:
            raise FileError(
                f"records of the file of {self.file} were lost in reading: "
                f"{self.records} in the file, {self.read} read, {self.rejected} rejected",
                remedy="Nothing was made of it. Report this with the first lines of the file.",
            )


@dataclass(frozen=True, slots=True, eq=False)
class Submitted:
    """What one registry submitted, whole or one part of it.

    Attributes
    ----------
    facts
        What the submission says of itself.
    cases
        One row per record read: ``row`` (Int64, line of the file, the header being line 1), the
        canonical columns of ``registry.cases``, and those carried along, as ``read_cases`` or
        ``read_encr`` return them. Beside them, where the file has the column, ``age_given``,
        ``last_date_given`` and ``follow_up_days_given``: as they stood, before one was derived
        from another. Dates known to the month or year have ``…_precision``.
    rejects
        One row per value not read, null in its table: ``file`` ("cases", "population",
        "life_table", "mortality"), ``row``, ``column`` (canonical), ``value`` as it stood,
        ``reason``, ``allowed``. Where a whole record was not read, ``column`` is null.
    population, life_table, mortality
        Tables of ``POPULATION``, ``LIFE_TABLE`` and ``MORTALITY``, as they stand in the files:
        cells may be missing, doubled, negative or null. None where there is no such file; a column
        the file lacks is null throughout.
    counts
        Records read and rejected, by file.
    sources
        The files read, with their hashes.
    notes
        What reading decided.
    file_columns
        Name in the file of each canonical column of the cases.
    part
        None for a whole submission; else which part this is, from 0. Every part carries the same
        population, life table and mortality, and their rejects stand in part 0 alone.
    """

    facts: Facts
    cases: pl.DataFrame
    rejects: pl.DataFrame
    population: pl.DataFrame | None = None
    life_table: pl.DataFrame | None = None
    mortality: pl.DataFrame | None = None
    counts: tuple[Count, ...] = ()
    sources: Mapping[Kind, Source] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    file_columns: Mapping[str, str] = field(default_factory=dict)
    part: int | None = None
