"""What a release's rows speak of: cancers, areas, and which counts are the same."""

from __future__ import annotations

import polars as pl

from rarecare.codes.countries import countries, region_of
from rarecare.disclosure import Link
from rarecare.results import OK
from rarecare.study import schema
from rarecare.study.config import Study
from rarecare.study.entities import Groups
from rarecare.study.incidence import study_period
from rarecare.study.prevalence import window_period

THRESHOLD_OF_RARITY = 6.0
"""New cases per 100 000 a year, below which a cancer is rare."""


def links(study: Study) -> list[Link]:
    """Return which rows show the count of a cell of another measure."""
    whole = study_period(study)
    widest = window_period(study, max(study.prevalence.windows))
    return [
        Link(schema.TREND, schema.INCIDENCE, whole),
        Link(schema.EXPECTED, schema.INCIDENCE, whole, everywhere=True),
        Link(schema.SHRUNKEN, schema.INCIDENCE, whole),
        Link(schema.PROJECTED, schema.INCIDENCE, whole),
        Link(schema.PROJECTED_RATE, schema.INCIDENCE, whole),
        Link(schema.NET_SURVIVAL, schema.INCIDENCE, whole, by_sex=True, same=False),
        Link(schema.PREVALENT, schema.INCIDENCE, whole, same=False),
        Link(schema.PREVALENCE, schema.PREVALENT),
        Link(schema.COMPLETE_PERSONS, schema.PREVALENT, widest),
        Link(schema.COMPLETE, schema.PREVALENT, widest),
    ]


def listed_entities(groups: Groups, estimates: pl.DataFrame) -> pl.DataFrame:
    """Return the groups that have estimates, rare or not by the crude rate of all areas."""
    pooled = dict.fromkeys(("area", "sex", "age_group"), schema.ALL)
    crude = estimates.filter(measure=schema.INCIDENCE, standard=schema.NONE, **pooled)
    rates = crude.filter(pl.col("period").str.contains("-"))
    limit = THRESHOLD_OF_RARITY
    verdict = (
        pl.when(pl.col("status") != OK)
        .then(None)
        .when(pl.col("upper") < limit)
        .then(pl.lit("rare"))
        .when(pl.col("lower") >= limit)
        .then(pl.lit("common"))
        .otherwise(pl.lit("straddles 6"))
    )
    verdicts = rates.select("entity_id", rare=verdict)
    return groups.table.join(verdicts, on="entity_id", how="left", maintain_order="left").select(
        [pl.col(name).cast(dtype) for name, dtype in schema.ENTITIES.items()]
    )


def listed_areas(study: Study, estimates: pl.DataFrame, targets: list[str]) -> pl.DataFrame:
    """Return registries' countries, their regions, targets: those that have estimates."""
    names = dict(countries().select("iso2", "name").iter_rows())
    rows: list[tuple[str | None, ...]] = [(schema.ALL, "all", "All areas of the study", None, None)]
    own = sorted({*(registry.country for registry in study.registries), *targets})
    if study.expected is not None:
        rows.append((study.expected.name, "region", study.expected.name, None, None))
    rows += [(place, "region", place, None, place) for place in sorted({*map(region_of, own)})]
    rows += [(code, "country", names[code], code, region_of(code)) for code in own]
    table = pl.DataFrame(rows, schema=schema.AREAS, orient="row")
    return table.filter(pl.col("area").is_in(estimates["area"].unique().implode()))
