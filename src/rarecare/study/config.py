"""``study.toml``: what a study asks for, checked before any file is read."""

from __future__ import annotations

import hashlib
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from rarecare.disclosure.rule import LEAST_BASE
from rarecare.errors import UsageError
from rarecare.study.care_config import Care, EventFiles, KitFiles
from rarecare.toml_files import parsed, toml_content

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Measure = Literal["incidence", "net survival", "prevalence", "trend"]


def _ordered(period: tuple[date, date]) -> tuple[date, date]:
    if period[0] > period[1]:
        raise ValueError("the period ends before it begins")
    return period


Period = Annotated[tuple[date, date], AfterValidator(_ordered)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class About(_Part):
    """``[study]``: what the release is called; ``caveats`` stand at the head of its report."""

    name: Name
    title: str
    synthetic: bool = False
    period: Period
    closing_date: date | None = None
    days_per_year: float = Field(default=365.2425, gt=365, lt=366)
    classification: Path | None = None
    measures: tuple[Measure, ...] = ("incidence", "net survival")
    entities: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()


class Files(_Part):
    """How one kind of file is read: our names to the file's, and its codes."""

    path: Path
    columns: dict[str, str] = {}
    codes: dict[str, dict[str, str] | str] = {}
    delimiter: str | None = None


class CaseFiles(Files):
    """The file of cases."""

    format: Literal["tidy", "encr"] = "tidy"
    date_format: str | None = None
    counts: str | None = None
    entity: str | None = None
    entity_column: str | None = None
    entity_codes: dict[str, str] = {}


class PopulationFiles(Files):
    """The population; ``age_groups`` as in ``Population.read``."""

    format: Literal["tidy", "encr"] = "tidy"
    age_groups: Literal["lower", "number"] | None = None
    keys: tuple[str, ...] | None = None
    select: dict[str, str] = {}


class LifeTableFiles(Files):
    """The life table; ``select`` keeps the rows with these values."""

    format: Literal["tidy", "encr"] = "tidy"
    keys: tuple[str, ...] | None = None
    select: dict[str, str] = {}


class Registry(_Part):
    """``[[registries]]``: one registry's files and the area they cover.

    ``projected_population``: of the years after the study; by default those of ``population``.
    """

    id: Name
    name: str = ""
    country: str = Field(pattern=r"^[A-Z]{2}$")
    cases: CaseFiles
    population: PopulationFiles | None = None
    projected_population: PopulationFiles | None = None
    life_table: LifeTableFiles | None = None
    events: EventFiles | None = None
    kits: tuple[KitFiles, ...] = ()


class Counting(_Part):
    """``[exclusions]``: who is counted.

    ``multiple_primaries`` counts new primaries only, by a variant of the international rules.
    """

    behaviours: tuple[int, ...] = (3,)
    first_primary_only: bool = False
    multiple_primaries: Literal["iarc", "canreg5", "msspchelpr", "imsweb"] | None = None
    bad_rows: Literal["refuse", "exclude"] = "exclude"
    ages: tuple[int, int] = (0, 99)


class Incidence(_Part):
    """``[incidence]``; of the entities in ``shrunken``, rates by country drawn to their level."""

    standards: tuple[str, ...] = ("esp2013",)
    interval: Literal["tiwari", "fay-feuer", "dobson", "dobson-byar"] = "tiwari"
    unknown_age: Literal["exclude", "proportional"] = "exclude"
    shrunken: tuple[str, ...] = ()


class Survival(_Part):
    """``[survival]``; ``standard`` is by entity, or none; ``incidence`` makes a window hybrid."""

    at: tuple[float, ...] = (1.0, 3.0, 5.0, 10.0)
    standard: Literal["icss by entity", "none"] = "icss by entity"
    form: Literal["exponential", "product"] = "exponential"
    interval: Literal["log", "log-log", "plain"] = "log"
    window: Period | None = None
    incidence: Period | None = None
    when_empty: Literal["not estimable", "collapse", "individual"] = "not estimable"
    min_at_risk: int = Field(default=0, ge=0)
    allow_outside: float = Field(default=0.05, ge=0, le=1)


class Models(_Part):
    """``[models]``: an excess-hazard model of each entity named, on cells of all registries.

    ``covariates`` make the cells: ``country``, ``age_group`` (from the lower bounds of
    ``age_groups``) and columns of the cases. ``determinants``, in order, are decomposed.
    """

    entities: tuple[str, ...] = Field(min_length=1)
    formula: str = "~ C(interval) + age_group + sex"
    covariates: tuple[str, ...] = ("country", "age_group", "sex")
    age_groups: tuple[int, ...] = (15, 45, 55, 65, 75)
    breaks: str = "0(1)5"
    at: tuple[float, ...] = (1.0, 5.0)
    determinants: dict[str, tuple[str, ...]] = {}
    bootstrap: int = Field(default=200, ge=0)
    seed: int = 20261123


class Prevalence(_Part):
    """``[prevalence]``: alive at the end of ``index_year``, by default the last of the period.

    ``windows`` are years before it. Of the entities in ``complete`` complete prevalence is
    estimated too, from the widest window, incidence by age and a cure model.
    """

    index_year: int | None = None
    windows: tuple[Annotated[int, Field(ge=1)], ...] = Field(default=(1, 3, 5, 10), min_length=1)
    min_at_risk: int = Field(default=10, ge=1)
    complete: tuple[str, ...] = ()
    cured: str = "~ age10"
    uncured: str = "~ age10"


class Projection(_Part):
    """``[projection]``: of the entities named, as far as the populations reach.

    ``width`` years make a period; ``trend`` is that of the last two periods, of all, or recent
    where the rates bend; see ``rarecare.projection``.
    """

    entities: tuple[str, ...] = Field(min_length=1)
    model: Literal["auto", "age-period-cohort", "one drift", "constant rates"] = "auto"
    width: Literal[1, 5] = 5
    link: Literal["power5", "log"] = "power5"
    trend: Literal["by the bend", "recent", "whole"] = "by the bend"
    cut: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 0.75)
    horizon: int | None = Field(default=None, ge=1)
    draws: int = Field(default=10_000, ge=100)
    seed: int = 20261123


class Expected(_Part):
    """``[expected]``: new cases a year in a population with the key ``area``, at all rates pooled.

    ``area`` holds countries by ISO code; their sum is called ``name``.
    """

    name: Name
    population: PopulationFiles


class Disclosure(_Part):
    """``[disclosure]``: the smallest count that is shown, or what counts are rounded to.

    ``earlier``: releases that readers have.
    """

    threshold: int = Field(default=5, ge=1)
    mode: Literal["suppression", "rounding"] = "suppression"
    earlier: tuple[Path, ...] = ()

    @model_validator(mode="after")
    def _hides_enough(self) -> Disclosure:
        if self.mode == "rounding" and 1 < self.threshold < LEAST_BASE:
            raise ValueError(f"rounding needs a threshold of {LEAST_BASE} or more")
        return self


class Report(_Part):
    """``[report]``."""

    figures: int = Field(default=30, ge=0, le=30)


class Study(_Part):
    """A whole ``study.toml``."""

    study: About
    registries: tuple[Registry, ...] = Field(min_length=1)
    exclusions: Counting = Counting()
    incidence: Incidence = Incidence()
    survival: Survival = Survival()
    models: Models | None = None
    prevalence: Prevalence = Prevalence()
    projection: Projection | None = None
    expected: Expected | None = None
    care: Care | None = None
    disclosure: Disclosure = Disclosure()
    report: Report = Report()
    level: float = Field(default=0.95, gt=0, lt=1)

    @property
    def wanted_entities(self) -> tuple[str, ...]:
        """The entities reported on: those named, or else those that the files are said to hold.

        Where all files are classified by their codes, every group of the list (empty).
        """
        given = [
            {*registry.cases.entity_codes.values(), *filter(None, [registry.cases.entity])}
            for registry in self.registries
        ]
        if self.study.entities or not all(given):
            return self.study.entities
        return tuple(sorted(set().union(*given)))

    @model_validator(mode="after")
    def _distinct(self) -> Study:
        ids = [registry.id for registry in self.registries]
        double = next((one for one in ids if ids.count(one) > 1), None)
        if double is not None:
            raise ValueError(f"two registries have the id {double!r}")
        wants = self.study.measures
        if "net survival" in wants and all(r.life_table is None for r in self.registries):
            raise ValueError("net survival is asked for, but no registry has a life_table")
        if self.models and "net survival" not in wants:
            raise ValueError("[models] needs net survival among the measures")
        if self.survival.incidence and not self.survival.window:
            raise ValueError("[survival] incidence makes a window hybrid: give the window too")
        if "incidence" in wants and all(r.population is None for r in self.registries):
            raise ValueError("incidence is asked for, but no registry has a population")
        needs = {"trend": "trend" in wants, "[projection]": self.projection is not None,
                 "[expected]": self.expected is not None}  # fmt: skip
        first = next((name for name, asked in needs.items() if asked), None)
        if first is not None and "incidence" not in wants:
            raise ValueError(f"{first} needs incidence among the measures")
        told = [r.id for r in self.registries if r.events is not None or r.kits]
        if told and self.care is None:
            raise ValueError(f"registry {told[0]} gives events or kits, but there is no [care]")
        return self


def read_study(path: str | Path) -> tuple[Study, str]:
    """Return a study and the SHA-256 of its file; paths in it are made whole.

    Raises
    ------
    FileError
        The file is missing or not TOML.
    UsageError
        A key or value is not among those a study can have; the message names the nearest.
    """
    path = Path(path)
    given = parsed(toml_content(path, ["a study.toml"], what="study"), path.name)
    study = study_of(given, file=path.name)
    return _rooted(study, path.absolute().parent), hashlib.sha256(path.read_bytes()).hexdigest()


def study_of(given: dict[str, Any], *, file: str = "study") -> Study:
    """Return the study that a dict describes.

    Raises
    ------
    UsageError
        As ``read_study``.
    """
    try:
        return Study.model_validate(given)
    except ValidationError as error:
        raise _usage_error(error, file) from None


def _usage_error(error: ValidationError, file: str) -> UsageError:
    """Turn the first fault into one message in our own form."""
    found = error.errors()  # an unknown key first: it explains the one that is missing
    first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
    place = [part for part in first["loc"] if part != "function-after"]
    where = ".".join(str(part + 1) if isinstance(part, int) else part for part in place)
    more = error.error_count() - 1
    remedy = f"{more} more fault{'s' * (more > 1)} in the study." if more else ""
    if first["type"] == "extra_forbidden":
        allowed = _fields_at(place[:-1])
        near = get_close_matches(str(place[-1]), allowed, n=1)
        said = f"Did you mean {near[0]!r}? " if near else ""
        return UsageError(
            f"the study has an unknown key {where}",
            file=file,
            allowed=allowed,
            remedy=(said + remedy).strip(),
        )
    if first["type"] == "missing":
        return UsageError(f"the study lacks {where}", file=file, remedy=remedy)
    message = first["msg"].removeprefix("Value error, ")
    value = None if first["type"] == "value_error" and not where else first.get("input")
    shown = value if isinstance(value, str | int | float | bool) else None
    return UsageError(
        f"the study cannot be used{f': {where}' if where else ''}: {message}",
        file=file,
        value=shown,
        remedy=remedy,
    )


def _fields_at(place: list[int | str]) -> list[str]:
    """Return the keys that may stand at a place in the study."""
    model: Any = Study
    for part in place:
        if isinstance(part, int):
            continue
        field = model.model_fields[part].annotation
        model = next((one for one in _models(field)), model)
    return list(model.model_fields)


def _models(annotation: Any) -> list[Any]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models(part)]


def _rooted(study: Study, folder: Path) -> Study:
    """Return the study with the paths of its files from its own folder."""

    def rooted(files: Any) -> Any:
        return files and files.model_copy(update={"path": folder / files.path})

    registries = tuple(
        registry.model_copy(
            update={
                "cases": rooted(registry.cases),
                "population": rooted(registry.population),
                "projected_population": rooted(registry.projected_population),
                "life_table": rooted(registry.life_table),
                "events": rooted(registry.events),
                "kits": tuple(rooted(one) for one in registry.kits),
            }
        )
        for registry in study.registries
    )
    if study.expected is not None:
        own = study.expected.model_copy(update={"population": rooted(study.expected.population)})
        study = study.model_copy(update={"expected": own})
    if study.care is not None:
        study = study.model_copy(update={"care": _rooted_care(study.care, folder)})
    earlier = tuple(folder / path for path in study.disclosure.earlier)
    rule = study.disclosure.model_copy(update={"earlier": earlier})
    study = study.model_copy(update={"disclosure": rule})
    about = study.study
    if about.classification is not None:
        about = about.model_copy(update={"classification": folder / about.classification})
    return study.model_copy(update={"registries": registries, "study": about})


def _rooted_care(care: Care, folder: Path) -> Care:
    """Return ``[care]`` with its files from the study's folder; sets of the package stay names."""
    sets = tuple(str(folder / one) if one.endswith(".toml") else one for one in care.indicators)
    own = care.criteria
    if own is not None:
        names = tuple(str(folder / one) if one.endswith(".toml") else one for one in own.sets)
        own = own.model_copy(
            update={
                "sets": names,
                "evidence": folder / own.evidence,
                "hospitals": own.hospitals and folder / own.hospitals,
            }
        )
    volumes = care.volumes
    if volumes is not None and volumes.hospitals is not None:
        volumes = volumes.model_copy(update={"hospitals": folder / volumes.hospitals})
    ways = care.pathways
    if ways is not None and ways.definitions is not None:
        ways = ways.model_copy(update={"definitions": folder / ways.definitions})
    return care.model_copy(
        update={"indicators": sets, "criteria": own, "volumes": volumes, "pathways": ways}
    )
