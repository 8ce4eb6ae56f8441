"""One registry's files, read, classified, and divided into those counted and those not."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from rarecare.codes.rare_cancers import RareCancerList
from rarecare.errors import CodeError, ColumnError, InputError, LifeTableError, UsageError
from rarecare.files import Source, read_table
from rarecare.population.life_table import LifeTable
from rarecare.population.population import Population
from rarecare.registry import Cases, ExclusionRules, exclude, read_cases
from rarecare.registry.classification import classify
from rarecare.registry.events import read_events
from rarecare.study.care_config import KitFiles
from rarecare.study.config import (
    CaseFiles,
    Expected,
    Files,
    LifeTableFiles,
    PopulationFiles,
    Registry,
    Study,
)

if TYPE_CHECKING:
    from rarecare.care.dictionary import Dictionary
    from rarecare.care.incoming import Incoming


@dataclass(frozen=True, slots=True)
class Submission:
    """What one registry sent.

    Attributes
    ----------
    registry
        Its entry in the study.
    cases
        All records, classified.
    population, life_table, projected
        None where the registry sent none; ``projected`` is the population to come.
    events
        Dated facts of its cases.
    facts
        The files of events and kits.
    kits
        Data of high-resolution studies.
    """

    registry: Registry
    cases: Cases
    population: Population | None
    life_table: LifeTable | None
    projected: Population | None = None
    events: pl.DataFrame | None = None
    kits: tuple[tuple[KitFiles, Incoming, Dictionary], ...] = ()
    facts: tuple[Source, ...] = ()

    @property
    def sources(self) -> tuple[Source, ...]:
        """The files read."""
        parts = (self.population, self.life_table, self.projected)
        others = (part.source for part in parts if part is not None)
        return (self.cases.source, *others, *self.facts)

    def counted(self, study: Study) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the cases counted in incidence and the accounting of the others."""
        keys = self.population.keys if self.population else ()
        rules = ExclusionRules(
            purpose="incidence",
            behaviours=study.exclusions.behaviours,
            period=study.study.period,
            first_primary_only=study.exclusions.first_primary_only,
            multiple_primaries=study.exclusions.multiple_primaries,
            needed=tuple(keys),
        )
        return exclude(self.cases, rules, bad_rows=study.exclusions.bad_rows)

    def followed(self, study: Study) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the cases counted in survival and the accounting of the others."""
        keys = self.life_table.keys if self.life_table else ()
        rules = ExclusionRules(
            purpose="survival",
            behaviours=study.exclusions.behaviours,
            period=_diagnosed(study),
            ages=study.exclusions.ages,
            first_primary_only=study.exclusions.first_primary_only,
            multiple_primaries=study.exclusions.multiple_primaries,
            needed=tuple(dict.fromkeys((*keys, "sex"))),
        )
        return exclude(self.cases, rules, bad_rows=study.exclusions.bad_rows)


def _diagnosed(study: Study) -> tuple[date, date] | None:
    """Return the days of diagnosis counted in survival, None for all (a period analysis)."""
    if study.survival.incidence is not None:  # hybrid: those before count within the window
        return date.min, study.survival.incidence[1]
    return None if study.survival.window else study.study.period


def read_submission(registry: Registry, study: Study, entities: RareCancerList) -> Submission:
    """Read the files of one registry.

    Raises
    ------
    InputError
        A file cannot be used; the message begins with the registry.
    """
    try:
        cases = _classified(_cases(registry.cases, study), registry.cases, entities)
        population = _population(registry.population)
        projected = _population(registry.projected_population)
        life_table = _life_table(registry.life_table)
        if life_table is not None and "country" in life_table.keys:
            raise LifeTableError(
                "the life table holds several countries",
                file=life_table.source.name,
                allowed="one",
                remedy='Keep the registry\'s own: select = { country = "…" }.',
            )
        events, kits, facts = _facts(registry)
    except InputError as error:
        raise type(error)(f"registry {registry.id}: {error}") from None
    return Submission(registry, cases, population, life_table, projected, events, kits, facts)


def _facts(
    registry: Registry,
) -> tuple[
    pl.DataFrame | None, tuple[tuple[KitFiles, Incoming, Dictionary], ...], tuple[Source, ...]
]:
    """Return the dated facts of a registry, the data of its high-resolution studies, the files."""
    from rarecare.care.dictionary_reading import study_kit  # noqa: PLC0415 - only with care
    from rarecare.care.incoming import read_incoming  # noqa: PLC0415

    events, sources = None, []
    if registry.events is not None:
        path = registry.events.path
        events = read_events(path)
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        sources.append(Source(path.name, sha256, events.height))
    kits = []
    for own in registry.kits:
        dictionary = study_kit(own.kit)
        found = read_incoming(own.path, dictionary, columns=own.columns)
        kits.append((own, found, dictionary))
        sources.append(found.source)
    return events, tuple(kits), tuple(sources)


def _cases(files: CaseFiles, study: Study) -> Cases:
    days = study.study.days_per_year
    if files.format == "encr":
        from rarecare.registry.encr import read_encr  # noqa: PLC0415

        return read_encr(files.path, days_per_year=days)
    cases = read_cases(
        files.path,
        columns=files.columns,
        codes=files.codes,
        delimiter=files.delimiter,
        date_format=files.date_format,
        days_per_year=days,
    )
    return cases if files.counts is None else _repeated(cases, files.counts)


def _repeated(cases: Cases, column: str) -> Cases:
    """Return one row per case where each row stands for several."""
    if column not in cases.table.columns:
        raise ColumnError(
            "there is no such column of counts",
            file=cases.source.name,
            value=column,
            allowed=cases.table.columns,
        )
    times = cases.table[column].cast(pl.Int64)
    rows = pl.int_range(cases.table.height, eager=True).repeat_by(times).explode().drop_nulls()
    return replace(cases, table=cases.table[rows].drop(column))


def _classified(cases: Cases, files: CaseFiles, entities: RareCancerList) -> Cases:
    """Return the cases with their entities: by their codes, or as the study says."""
    if files.entity is None and files.entity_column is None:
        return classify(cases, classification=entities)
    table, file = cases.table, cases.source.name
    if files.entity_column is None:
        wanted = pl.lit(files.entity, dtype=pl.String)
        asked = [files.entity]
    else:
        if files.entity_column not in table.columns:
            raise ColumnError(
                "there is no such column of entities",
                file=file,
                value=files.entity_column,
                allowed=table.columns,
            )
        codes = pl.col(files.entity_column).cast(pl.String)
        wanted = codes.replace_strict(files.entity_codes, default=None, return_dtype=pl.String)
        asked = list(files.entity_codes.values())
    listed = entities.entities.select("entity_id", "parent_id", "family", "rare")
    known = listed["entity_id"].to_list()
    for entity in asked:
        if entity not in known:
            raise UsageError(
                "the study gives the cases an entity the list does not have",
                file=file,
                value=entity,
                allowed=known,
            )
    tier1 = pl.coalesce("parent_id", "_entity").alias("entity_tier1")
    tier2 = pl.when(pl.col("parent_id").is_not_null()).then("_entity").alias("entity_tier2")
    found = table.with_columns(wanted.alias("_entity")).join(
        listed, left_on="_entity", right_on="entity_id", how="left", maintain_order="left"
    )
    return replace(cases, table=found.with_columns(tier1, tier2).drop("_entity", "parent_id"))


def _population(files: PopulationFiles | None) -> Population | None:
    if files is None:
        return None
    return Population.read(
        _selected(files, files.select),
        columns=files.columns,
        codes=_single_codes(files),
        keys=files.keys,
        age_groups=files.age_groups,
    )


def target_population(asked: Expected) -> Population:
    """Return the population that expected cases are of.

    Raises
    ------
    InputError
        The file cannot be used; the message begins with the part of the study.
    """
    try:
        found = _population(asked.population)
    except InputError as error:
        raise type(error)(f"[expected]: {error}") from None
    assert found is not None
    return found


def _life_table(files: LifeTableFiles | None) -> LifeTable | None:
    if files is None:
        return None
    return LifeTable.read(
        _selected(files, files.select),
        columns=files.columns,
        codes=_single_codes(files),
        keys=files.keys,
    )


def _selected(files: Files, select: dict[str, str]) -> pl.DataFrame | str:
    """Return the path, or the rows of the file with the values that the study selects."""
    if not select:
        return str(files.path)
    raw = read_table(files.path, delimiter=files.delimiter)
    frame = raw.frame
    for column, value in select.items():
        if column not in frame.columns:
            raise ColumnError(
                "there is no such column to select by",
                file=raw.source.name,
                value=column,
                allowed=frame.columns,
            )
        present = frame[column].cast(pl.String)
        if value not in present:
            raise CodeError(
                f"no row has this {column}",
                file=raw.source.name,
                value=value,
                allowed=present.unique().drop_nulls().sort().to_list(),
            )
        frame = frame.filter(present == value).drop(column)
    return frame


def _single_codes(files: Files) -> dict[str, dict[str, str]]:
    named = [field for field, codes in files.codes.items() if isinstance(codes, str)]
    if named:
        raise UsageError("codes are given by name", value=named[0], allowed="single codes")
    return {field: dict(codes) for field, codes in files.codes.items() if isinstance(codes, dict)}
