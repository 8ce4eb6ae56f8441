"""Criteria of centres as data: versioned TOML files, general and for one kind of tumour.

A criterion says what is asked of a centre (structure, process, outcome, network), how it is
answered, the threshold with its unit and direction where one is published, where it comes from
and how sure that is. The sets that come with the package are proposals collected from published
lists: none of their criteria is required of a centre, and no centre can be designated by them
until a consensus has published a version.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rarecare.care.history import sha256
from rarecare.care.toml_text import toml_text
from rarecare.errors import UsageError
from rarecare.toml_files import faults, parsed, toml_content

Pillar = Literal["S", "P", "O", "N"]
PILLARS: Mapping[str, str] = {"S": "structure", "P": "process", "O": "outcome", "N": "network"}
Sureness = Literal["X", "A", "D", "M"]
SURENESS: Mapping[str, str] = {
    "X": "verified: read in the published source",
    "A": "read in the abstract only",
    "D": "own definition, not agreed by anyone else",
    "M": "from memory, unchecked",
}
Direction = Literal["at least", "above", "at most", "below"]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Text = Annotated[str, Field(min_length=1)]
PACKAGED = ("general", "head_neck", "sarcoma", "testis", "gep_net")


class Part(BaseModel):
    """A part of a file: its keys are known, its numbers finite, and it does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Threshold(Part):
    """From where on a number meets a criterion."""

    value: Annotated[float, Field(strict=True)]
    direction: Direction
    unit: Text

    def met(self, value: float) -> bool:
        """Return whether a value in the threshold's unit meets it.

        >>> Threshold(value=20, direction="above", unit="cases per year").met(20)
        False
        """
        return {
            "at least": value >= self.value, "above": value > self.value,
            "at most": value <= self.value, "below": value < self.value,
        }[self.direction]  # fmt: skip

    def words(self) -> str:
        """Return the threshold in words: ``"above 20 cases per year"``."""
        return f"{self.direction} {self.value:g} {self.unit}"


class Criterion(Part):
    """One criterion.

    Attributes
    ----------
    id, version
        Of the criterion; the version changes with its wording or its threshold.
    scope, tumour
        ``"general"``: every rare tumour; ``"tumour"``: the one named.
    pillar
        One or more of S structure, P process, O outcome, N network.
    type
        ``"boolean"`` is met when true; ``"number"`` and ``"proportion"`` (percent) when they
        reach the threshold, and not known without one; ``"text"`` when a reviewer says so.
    threshold, unit
        A number has one or the other: the threshold brings its unit.
    volume
        Whether it counts patients or operations: volume alone designates no one.
    required
        Whether a designation needs it met.
    weight
        In the score; the published list leaves weights to each disease.
    either
        A name that alternatives share: one of them met is enough, and they count once.
    source, sureness, note
        Where it comes from, how sure that is (``SURENESS``).
    """

    id: Id
    version: Text
    scope: Literal["general", "tumour"]
    tumour: Text | None = None
    pillar: Annotated[tuple[Pillar, ...], Field(min_length=1)]
    title: Text
    type: Literal["boolean", "number", "proportion", "text"]
    threshold: Threshold | None = None
    unit: Text | None = None
    volume: bool = False
    required: bool = False
    weight: Annotated[float, Field(gt=0)] = 1.0
    either: Id | None = None
    source: Text
    sureness: Sureness
    note: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Criterion:
        if (self.scope == "tumour") != (self.tumour is not None):
            raise ValueError(f"{self.id}: a criterion names a tumour where its scope is tumour")
        if len(set(self.pillar)) != len(self.pillar):
            raise ValueError(f"{self.id}: a pillar is named twice")
        if self.threshold is not None and self.type not in ("number", "proportion"):
            raise ValueError(f"{self.id}: a {self.type} has no threshold")
        if self.type == "proportion" and self.threshold and self.threshold.unit != "percent":
            raise ValueError(f"{self.id}: a proportion is in percent, not {self.threshold.unit}")
        if (self.unit is None) != (self.type != "number" or self.threshold is not None):
            raise ValueError(f"{self.id}: a number without a threshold, and nothing else, "
                             "has a unit of its own")  # fmt: skip
        if self.volume and self.type != "number":
            raise ValueError(f"{self.id}: a volume is a number")
        if self.required and self.sureness == "M":
            raise ValueError(f"{self.id}: what is from memory (M) cannot be required; "
                             "check the source first")  # fmt: skip
        if self.required and self.type in ("number", "proportion") and self.threshold is None:
            raise ValueError(f"{self.id}: what is required needs a threshold")
        return self

    @property
    def measured_in(self) -> str | None:
        """Unit of its value."""
        if self.type == "proportion":
            return "percent"
        return self.threshold.unit if self.threshold else self.unit


class Fact(Part):
    """Something published that bears on the criteria and is none itself."""

    id: Id
    text: Text
    source: Text
    sureness: Sureness


class Dissent(Part):
    """How one proposed criterion was rated in the last round, and what was said against it.

    ``decision`` is "agreed", "uncertain", "rejected" or "not estimable"; ``low``, ``middle`` and
    ``high`` count ratings of 1-3, 4-6 and 7-9. Counts and comments are absent where withheld.
    """

    criterion: Id
    title: Text
    decision: Literal["agreed", "uncertain", "rejected", "not estimable"]
    reason: str = ""
    round: int
    n: int | None = None
    median: float | None = None
    low: int | None = None
    middle: int | None = None
    high: int | None = None
    comments: tuple[str, ...] = ()


class Version(Part):
    """A version of criteria, exactly."""

    id: Id
    version: Text
    sha256: Text


class Follows(Part):
    """The consensus a version was made by, and the version it takes the place of."""

    consensus: Id
    history: Text
    rule: Text
    replaces: str = ""


class CriteriaSet(Part):
    """A version of criteria.

    Attributes
    ----------
    id, version, title, note
        Of the set.
    status
        ``"proposed"``, or ``"agreed"`` by the consensus that ``follows`` names.
    published
        The day an agreed version was published.
    criteria, facts
        In their order.
    dissent
        Of an agreed version, one entry per criterion proposed.
    """

    id: Id
    version: Text
    title: Text
    status: Literal["proposed", "agreed"] = "proposed"
    published: date | None = None
    note: str = ""
    follows: Follows | None = None
    criteria: Annotated[tuple[Criterion, ...], Field(min_length=1)]
    facts: tuple[Fact, ...] = ()
    dissent: tuple[Dissent, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> CriteriaSet:
        for name, ids in (
            ("criteria", [one.id for one in self.criteria]),
            ("facts", [one.id for one in self.facts]),
            ("entries of dissent", [one.criterion for one in self.dissent]),
        ):
            double = next((one for one in ids if ids.count(one) > 1), None)
            if double is not None:
                raise ValueError(f"two {name} have the id {double!r}")
        for group in {one.either for one in self.criteria} - {None}:
            members = [one for one in self.criteria if one.either == group]
            if len({(one.required, one.weight, one.pillar) for one in members}) > 1:
                raise ValueError(f"the alternatives {group} differ in required, weight or pillar")
        agreed = self.status == "agreed"
        if agreed != (self.published is not None) or agreed != (self.follows is not None):
            raise ValueError("an agreed version, and no other, has a day of publication and the "
                             "consensus it follows")  # fmt: skip
        if not agreed and self.dissent:
            raise ValueError("a proposed version has no dissent yet")
        return self

    def to_toml(self) -> str:
        """Return the one way this version is written; reading it gives the same version."""
        return toml_text(self.model_dump(exclude_defaults=True))

    @property
    def sha256(self) -> str:
        """Hash of ``to_toml``: what a designation names beside the version."""
        return sha256(self.to_toml())

    def __getitem__(self, name: str) -> Criterion:
        """Return a criterion by its id.

        Raises
        ------
        UsageError
            There is none.
        """
        found = next((one for one in self.criteria if one.id == name), None)
        if found is None:
            raise UsageError(f"{self.id} {self.version} has no such criterion", value=name,
                             allowed=[one.id for one in self.criteria])  # fmt: skip
        return found


def read_criteria(source: str | Path) -> CriteriaSet:
    """Return a version of criteria from a TOML file, or one that comes with the package.

    Parameters
    ----------
    source
        Path of a TOML file, or one of ``PACKAGED``.

    Raises
    ------
    FileError
        The file is missing or not TOML.
    UsageError
        Keys or values are not among those there can be; the message names every fault.
    """
    if str(source) in PACKAGED:
        name = f"{source}.toml"
        content = (files("rarecare.care") / "criteria" / name).read_text(encoding="utf-8")
    else:
        name, content = Path(source).name, toml_content(source, [*PACKAGED, "a .toml file"])
    return criteria_of(parsed(content, name), file=name)


def criteria_of(given: dict[str, Any], *, file: str = "criteria") -> CriteriaSet:
    """Return the version of criteria that a dict describes.

    Raises
    ------
    UsageError
        As ``read_criteria``.
    """
    try:
        return CriteriaSet.model_validate(given)
    except ValidationError as error:
        raise faults(error, given, file, CriteriaSet) from None
