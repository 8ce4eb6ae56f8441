"""The rows of complete prevalence of a release: one pair of models per entity and area.

The cases of an area's registries are pooled, each with its own population and life table, which are
told apart by a key ``registry``. Cases of unknown sex have no life table and are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from rarecare.errors import DisagreementError, InputError, ModelError, UsageError
from rarecare.population.life_table import LifeTable
from rarecare.population.population import Population
from rarecare.prevalent import complete_prevalence
from rarecare.prevalent.estimate import PERSONS
from rarecare.registry import ExclusionRules, exclude
from rarecare.results import NOT_ESTIMABLE
from rarecare.study import schema
from rarecare.study.config import Study
from rarecare.study.entities import Groups
from rarecare.study.prevalence import in_schema, index_year, window_period
from rarecare.study.sources import Submission

METHOD = "counted over completeness, modelled"
REGISTRY = "registry"
_COLUMNS = ("patient_id", "sex", "age", "age_days", "incidence_date", "follow_up_days", "died")


@dataclass(slots=True)
class Registered:
    """What the registries of one area give for complete prevalence.

    Attributes
    ----------
    cases
        Frames by entity.
    populations, life_tables
        By registry.
    lacking
        Registries without the one or the other.
    """

    cases: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    populations: dict[str, Population] = field(default_factory=dict)
    life_tables: dict[str, LifeTable] = field(default_factory=dict)
    lacking: list[str] = field(default_factory=list)

    def add(self, other: Registered) -> None:
        """Add those of another area."""
        for entity, frames in other.cases.items():
            self.cases.setdefault(entity, []).extend(frames)
        self.populations |= other.populations
        self.life_tables |= other.life_tables
        self.lacking += other.lacking


def registered(submission: Submission, groups: Groups, study: Study) -> Registered:
    """Return one registry's cases of the entities asked for.

    Raises
    ------
    UsageError
        An entity asked for is not reported on.
    """
    own, registry = Registered(), submission.registry.id
    if submission.population is None or submission.life_table is None:
        return Registered(lacking=[registry])
    own.populations[registry], own.life_tables[registry] = (
        submission.population, submission.life_table,
    )  # fmt: skip
    keys = (*submission.population.keys, *submission.life_table.keys)
    rules = ExclusionRules(
        purpose="prevalence", behaviours=study.exclusions.behaviours, needed=tuple(set(keys))
    )
    cases, _ = exclude(submission.cases, rules, bad_rows=study.exclusions.bad_rows)
    leaf = groups.leaf_codes(cases).to_physical().cast(pl.Int64)
    columns = [name for name in dict.fromkeys((*_COLUMNS, *keys)) if name in cases.columns]
    listed = groups.table["entity_id"].to_list()
    for entity in study.prevalence.complete:
        if entity not in listed:
            raise UsageError(
                "complete prevalence is asked of an entity that the study does not report on",
                value=entity, allowed=listed,
            )  # fmt: skip
        held = np.flatnonzero(groups.members[listed.index(entity)])
        frame = cases.filter(leaf.is_in(held.tolist())).select(columns)
        own.cases[entity] = [frame.with_columns(pl.lit(registry).alias(REGISTRY))]
    return own


def complete_rows(area_of: Registered, study: Study, *, area: str) -> pl.DataFrame:
    """Return the rows of one area: persons and proportions."""
    parts = []
    for entity in study.prevalence.complete:
        try:
            table = _estimated(entity, area_of, study)
        except (InputError, ModelError, UsageError) as error:
            table = pl.DataFrame([_nothing(str(error))], schema_overrides=_NUMBERS)
        parts.append(table.with_columns(entity_id=pl.lit(entity)))
    whole = pl.concat(parts, how="diagonal_relaxed")
    reached = whole["population"].drop_nulls()
    rows = whole.select(
        "entity_id", pl.col("n").cast(pl.Int64), "estimate", "se", "lower", "upper", "status",
        pl.when(status=NOT_ESTIMABLE).then("reason").alias("reason"),
        measure=pl.lit(schema.COMPLETE_PERSONS), unit=pl.lit("persons"),
        period=pl.lit(window_period(study, max(study.prevalence.windows))),
    )  # fmt: skip
    return in_schema(
        rows, float(reached[0]) if len(reached) else None, study, area=area, method=METHOD,
        proportion=schema.COMPLETE,
    )  # fmt: skip


_NUMBERS = dict.fromkeys(("estimate", "se", "lower", "upper", "population"), pl.Float64)


def _nothing(reason: str) -> dict[str, Any]:
    return {"n": 0, **dict.fromkeys(_NUMBERS), "status": NOT_ESTIMABLE, "reason": reason}


def _estimated(entity: str, area_of: Registered, study: Study) -> pl.DataFrame:
    """Return the row of persons; ``n``: those counted in the window."""
    if area_of.lacking:
        raise UsageError(
            "a registry has no population, or no life table", value=", ".join(area_of.lacking)
        )
    asked = study.prevalence
    cases = pl.concat(area_of.cases[entity], how="diagonal_relaxed")
    found = complete_prevalence(
        cases, _population(area_of.populations), _life_table(area_of.life_tables),
        index_date=date(index_year(study), 12, 31), years=max(asked.windows), cured=asked.cured,
        uncured=asked.uncured, level=study.level, days_per_year=study.study.days_per_year,
        allow_outside=study.survival.allow_outside,
    ).result.table.filter(measure=PERSONS)  # fmt: skip
    whole, limited = (
        found.filter(window="complete"),
        found.filter(pl.col("window").str.contains("-")),
    )
    return whole.with_columns(n=limited["estimate"].fill_null(0).round())


def _population(populations: dict[str, Population]) -> Population:
    """Return the populations of several registries as one with the key ``registry``.

    Raises
    ------
    DisagreementError
        They have other keys, age groups or years.
    """
    first = next(iter(populations.values()))
    for registry, own in populations.items():
        if (own.keys, own.age_lower, own.age_end, own.years) != (
            first.keys, first.age_lower, first.age_end, first.years
        ):  # fmt: skip
            raise DisagreementError(
                "the populations differ in keys, ages or years", value=registry,
                allowed=next(iter(populations)),
            )  # fmt: skip
    names = sorted(populations)
    table = pl.concat(
        [populations[name].table.select(pl.lit(name).alias(REGISTRY), pl.all()) for name in names]
    )
    return replace(first, table=table, keys=(REGISTRY, *first.keys))


def _life_table(tables: dict[str, LifeTable]) -> LifeTable:
    """Return the life tables of several registries as one with the key ``registry``.

    Raises
    ------
    DisagreementError
        They have other keys, ages or years.
    """
    first = next(iter(tables.values()))
    for registry, own in tables.items():
        alike = (own.keys, own.first_age, own.hazard.shape, own.per_day) == (
            first.keys, first.first_age, first.hazard.shape, first.per_day
        )  # fmt: skip
        if not alike or not np.array_equal(own.years, first.years):
            raise DisagreementError(
                "the life tables differ in keys, ages or years", value=registry,
                allowed=next(iter(tables)),
            )  # fmt: skip
    names = sorted(tables)
    levels = [tables[name].levels.select(pl.lit(name).alias(REGISTRY), pl.all()) for name in names]
    return replace(
        first, keys=(REGISTRY, *first.keys), levels=pl.concat(levels),
        hazard=np.concatenate([tables[name].hazard for name in names]),
    )  # fmt: skip
