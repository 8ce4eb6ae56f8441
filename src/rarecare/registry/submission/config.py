"""``submission.toml``: which files a registry submits and how they are to be read."""

from __future__ import annotations

from datetime import date
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from rarecare.encoded import Encoding
from rarecare.errors import FileError, UsageError
from rarecare.registry.dates import YEARS
from rarecare.registry.submission.records import Facts
from rarecare.toml_files import faults, parsed, toml_content

FILE = "submission.toml"
"""The file's name in the folder."""

CaseFormat = Literal["encr", "nordcan", "canreg5", "seerstat", "stata", "tidy"]
Quantity = Literal["death probability", "survival probability", "yearly rate", "daily rate"]
"""What a life table may hold: q(x), its complement, or a hazard per year or per day."""


def _inside(name: str) -> str:
    path = PurePosixPath(name.replace("\\", "/"))
    if not name or path.is_absolute() or ".." in path.parts or ":" in name:
        raise ValueError("a file of the submission lies in its folder or below")
    return name


Name = Annotated[str, AfterValidator(_inside)]
Year = Annotated[int, Field(ge=YEARS[0], le=YEARS[1])]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class About(_Part):
    """``[submission]``: who submits what.

    ``confirmed`` is false in a proposal, which is not read until someone has checked it.
    """

    registry: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    name: str = ""
    country: str = Field(pattern=r"^[A-Z]{2}$")
    region: str = ""
    period: tuple[Year, Year]
    closing_date: date | None = None
    contact: str = ""
    confirmed: bool = True

    @model_validator(mode="after")
    def _ordered(self) -> About:
        if self.period[0] > self.period[1]:
            raise ValueError("the period ends before it begins")
        if self.closing_date is not None and self.closing_date.year < self.period[1]:
            raise ValueError("the closing date is before the last year of the period")
        return self


class TableFile(_Part):
    """How a file is read: our names to its columns, and what its codes mean."""

    file: Name
    delimiter: Annotated[str, Field(pattern=r"^[,;\t|]$")] | None = None
    encoding: Encoding = "utf-8"
    sheet: str | None = None
    columns: dict[str, str] = {}
    codes: dict[str, dict[str, str] | str] = {}


class CaseFile(TableFile):
    """``[cases]``; ``dictionary`` is the .dic file of a SEER*Stat pair."""

    format: CaseFormat
    date_format: str | None = None
    dictionary: Name | None = None

    @model_validator(mode="after")
    def _fits(self) -> CaseFile:
        if (self.format == "seerstat") != (self.dictionary is not None):
            raise ValueError("a dictionary is given with the format seerstat, and only with it")
        if self.format == "encr" and (self.columns or self.codes or self.date_format):
            raise ValueError("the format encr has its own columns, codes and dates")
        return self


class CountFile(TableFile):
    """``[population]`` and ``[mortality]``; ``age_groups`` as in ``Population.read``."""

    age_groups: Literal["lower", "number"] | None = None


class LifeTableFile(TableFile):
    """``[life_table]``."""

    quantity: Quantity | None = None


class Submission(_Part):
    """A submission as its file describes it."""

    submission: About
    cases: CaseFile
    population: CountFile | None = None
    life_table: LifeTableFile | None = None
    mortality: CountFile | None = None

    @property
    def facts(self) -> Facts:
        """What it says of itself."""
        about = self.submission
        return Facts(
            registry=about.registry,
            country=about.country,
            first_year=about.period[0],
            last_year=about.period[1],
            closing_date=about.closing_date,
            name=about.name,
            region=about.region,
            contact=about.contact,
        )

    @classmethod
    def read(cls, folder: str | Path) -> Submission:
        """Return the submission of a folder.

        Raises
        ------
        FileError
            There is no such folder, no ``submission.toml`` in it, or it is not TOML.
        UsageError
            A key or value is not among those a submission can have, or nobody has confirmed it.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise FileError("there is no such folder", value=str(folder))
        if not (folder / FILE).is_file():
            raise FileError(
                f"the folder has no {FILE}",
                value=str(folder),
                remedy=f"Propose one from its files: rarecare submission init {folder}",
            )
        made = submission_of(parsed(toml_content(folder / FILE, [FILE]), FILE))
        if not made.submission.confirmed:
            raise UsageError(
                "the submission is a proposal that nobody has confirmed",
                file=FILE,
                value="confirmed = false",
                remedy="Check each line of it, then say confirmed = true.",
            )
        return made


def submission_of(given: dict[str, Any], *, file: str = FILE) -> Submission:
    """Return the submission that a dict describes.

    Raises
    ------
    UsageError
        As ``Submission.read``.
    """
    try:
        return Submission.model_validate(given)
    except ValidationError as error:
        raise faults(error, given, file, Submission) from None
