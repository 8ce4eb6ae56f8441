"""Options that several verbs share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from rarecare.cli import output, values
from rarecare.cli.output import Format
from rarecare.errors import UsageError
from rarecare.population.population import Population
from rarecare.registry import Cases, ExclusionRules, read_cases, read_column_map
from rarecare.survival.styles import STYLES, Style

Text = Annotated[tuple[str, ...], Parameter(negative="")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Reading:
    """How the file of cases is read."""

    columns: Text = ()
    "Our column names to the file's: NAME=COLUMN, several by commas."
    codes: Text = ()
    "Codes of the file: FIELD:CODE=WORD,CODE=WORD, or FIELD=SET (vital_status=encr)."
    map: Path | None = None
    "TOML file with [columns] and [codes]."
    delimiter: str | None = None
    "Character between columns; found by itself when not given."
    date_format: str | None = None
    "Layout of dates that are not ISO, as %d/%m/%Y."
    days_per_year: float = 365.2425
    "Days in a year; R's relsurv has 365.241."
    classification: Path | None = None
    "Folder of another rare-cancer list."

    def without_style(self) -> tuple[Style | None, Reading]:
        """Return the style named in --columns (strs, popepi, seer), and the rest."""
        parts = [part for text in self.columns for part in values.words(text)]
        named = [style for style in STYLES if style in parts]
        if len(named) > 1:
            raise UsageError("--columns names two styles", value=", ".join(named))
        rest = tuple(part for part in parts if part not in STYLES)
        return (named[0] if named else None), replace(self, columns=rest)

    def read(self, path: Path) -> Cases:
        """Return the cases of the file."""
        columns, codes = values.columns(self.columns), values.codes(self.codes)
        if self.map is not None:
            given = read_column_map(self.map)
            columns = {**given.columns, **columns}
            codes = {**given.codes, **codes}  # type: ignore[dict-item]
        with output.step(f"reading {path.name}"):
            return read_cases(
                path,
                columns=columns,
                codes=codes,
                delimiter=self.delimiter,
                date_format=self.date_format,
                days_per_year=self.days_per_year,
            )

    def classify(self, cases: Cases) -> Cases:
        """Return the cases with their entities."""
        from rarecare.registry.classification import classify  # noqa: PLC0415

        with output.step("classifying"):
            return classify(cases, classification=self.classification)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Counting:
    """Who is counted."""

    period: str | None = None
    "Dates of incidence counted, FIRST:LAST."
    behaviours: str = "3"
    "ICD-O-3 behaviours counted, or all."
    first_primary_only: Annotated[bool, Parameter(negative="")] = False
    "Count a person's first tumour only."
    multiple_primaries: Literal["iarc", "canreg5", "msspchelpr", "imsweb"] | None = None
    "Count new primaries only, by this reading of the international rules."
    bad_rows: Literal["refuse", "exclude"] = "refuse"
    "Values that cannot be read: refuse the file, or exclude and count such records."

    def rules(
        self, purpose: Literal["survival", "incidence", "prevalence"], ages: str
    ) -> ExclusionRules:
        """Return the exclusion rules."""
        every = self.behaviours == "all"
        return ExclusionRules(
            purpose=purpose,
            behaviours=None if every else values.whole_numbers(self.behaviours, "--behaviours"),
            period=values.dates(self.period, "--period"),
            ages=values.ages(ages, "--ages"),
            needed=(),
            first_primary_only=self.first_primary_only,
            multiple_primaries=self.multiple_primaries,
        )


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Output:
    """Where the result goes."""

    format: Format = "table"
    "How it is printed."
    out: Path | None = None
    "File instead: .csv, .json, .parquet or .dta; its provenance is written beside it."
    figure: Path | None = None
    "Draw it too: .svg, .png, .pdf or .json."
    title: str | None = None
    "Title of the figure."
    synthetic: Annotated[bool, Parameter(negative="")] = False
    "The data are made up: say so in the figure and in every row."


def read_population(path: Path, columns: Text, codes: Text) -> Population:
    """Return the population of a file."""
    with output.step(f"reading {path.name}"):
        return Population.read(path, columns=values.columns(columns), codes=values.code_maps(codes))
