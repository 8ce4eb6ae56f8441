"""The true values of the synthetic Europe, exactly as it was drawn.

Every value is a mean over all entities, sexes, ages, years and stages by their expected
numbers, not over the cases drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import polars as pl

from rarecare.demo.model import (
    FIRST_YEAR,
    LAST_YEAR,
    SEX_FACTOR,
    UNSPECIFIED_FACTOR,
    YEARS,
    europe,
    year_hazard_factor,
)
from rarecare.demo.registry import Registry
from rarecare.demo.tables import SEXES

TIMES = (1, 5, 10)
"""Years since diagnosis at which net survival is given."""

ALL = "all"
ADULT = 15
_YOUNG, _ADULT = "0-14", "15-99"
AGE_GROUPS = {ALL: (_YOUNG, _ADULT), _YOUNG: (_YOUNG,), _ADULT: (_ADULT,)}
"""Age groups given, and what they are made of."""

PERIODS = ((FIRST_YEAR, LAST_YEAR), (FIRST_YEAR, 2003), (FIRST_YEAR, 1998))
"""All years, and those of which every case is followed for 5 and for 10 years."""

_ENTITIES = ("entity_id", "tier1", "rarity", "everything")
_AREAS = ("country", "region", ALL)
_GROUPS = ["country", "region", "sex", "age_group"]
_RARE = 6e-5


def truth(registries: Sequence[Registry], *, drawn: pl.DataFrame, workers: int = 1) -> pl.DataFrame:
    """Return true incidence and net survival, and the number of cases drawn.

    Parameters
    ----------
    registries
        The registries drawn from; pooled areas are those registries together.
    drawn
        Cases drawn: ``country, entity_id`` (null where the codes are unspecified), ``tier1``,
        ``sex, age_group`` (``"0-14"`` or ``"15-99"``), ``year, cases``.
    workers
        Registries at once.

    Returns
    -------
    pl.DataFrame
        ``measure`` (``"incidence"``, ``"net_survival"``), ``entity_id`` (tier 2; tier 1
        with its unspecified cases; ``"all"``; ``"rare"`` and ``"common"``: their tier-2
        entities), ``area`` (country, region, ``"all"``), ``sex``, ``age_group``, ``period``,
        ``time_years``, ``cases_drawn``, ``cases_expected``, ``person_years``, ``unit``,
        ``estimate`` (the true value: cases per 100 000 person-years, or a share) and
        ``synthetic``. Groups with no expected cases are left out.
    """
    with ThreadPoolExecutor(workers) as pool:
        cells = pl.concat(pool.map(_cells, registries))
    keys = ["country", "entity_id", "tier1", "sex", "age_group", "year"]
    cells = cells.join(drawn, on=keys, how="left", nulls_equal=True, maintain_order="left")
    cells = cells.with_columns(pl.col("cases").fill_null(0), pl.lit(ALL).alias("everything"))
    persons = pl.concat(_person_years(each) for each in registries)
    tables = []
    for first, last in PERIODS:
        within = pl.col("year").is_between(first, last)
        own = _total(cells.filter(within), [*_GROUPS, "entity_id", "tier1", "rarity", "everything"])
        lived = _total(persons.filter(within), _GROUPS)
        for entity, area, sex, ages in product(_ENTITIES, _AREAS, ("sex", ALL), AGE_GROUPS):
            chosen = pl.col("age_group").is_in(AGE_GROUPS[ages])
            by = {"area": area, "sex": sex}
            table = _grouped(own.filter(chosen, pl.col(entity).is_not_null()), by, entity)
            table = table.join(
                _grouped(lived.filter(chosen), by), on=["area", "sex"], maintain_order="left"
            )
            tables.append(
                table.with_columns(
                    pl.lit(ages).alias("age_group"), pl.lit(f"{first}-{last}").alias("period")
                )
            )
    return _measures(pl.concat(tables))


def _total(table: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Return the sums of everything that is neither a group nor the year."""
    return table.group_by(by, maintain_order=True).agg(pl.selectors.numeric().exclude("year").sum())


def _grouped(table: pl.DataFrame, by: Mapping[str, str], entity: str | None = None) -> pl.DataFrame:
    """Return the sums by ``area``, ``sex`` and ``entity_id``, each from the column named."""
    groups = {
        name: pl.lit(ALL) if column == ALL else pl.col(column) for name, column in by.items()
    } | ({"entity_id": pl.col(entity)} if entity else {})
    numbers = table.select(pl.selectors.numeric()).columns
    return _total(table.select(*numbers, **groups), list(groups))


def _measures(table: pl.DataFrame) -> pl.DataFrame:
    table = table.filter(pl.col("expected") > 0)
    rates = table.with_columns(
        pl.lit("incidence").alias("measure"),
        pl.lit(None, dtype=pl.Float64).alias("time_years"),
        pl.lit("per 100 000 person-years").alias("unit"),
        (pl.col("expected") / pl.col("person_years") * 1e5).alias("estimate"),
    )
    alive = [
        table.with_columns(
            pl.lit("net_survival").alias("measure"),
            pl.lit(float(years)).alias("time_years"),
            pl.lit("share").alias("unit"),
            (pl.col(f"alive_{years}") / pl.col("expected")).alias("estimate"),
        )
        for years in TIMES
    ]
    return (
        pl.concat([rates, *alive])
        .select(
            *("measure", "entity_id", "area", "sex", "age_group", "period", "time_years"),
            pl.col("cases").alias("cases_drawn"),
            pl.col("expected").alias("cases_expected"),
            *("person_years", "unit", "estimate"),
            pl.lit(value=True).alias("synthetic"),
        )
        .sort("measure", "entity_id", "area", "sex", "age_group", "period", "time_years")
    )


def _person_years(registry: Registry) -> pl.DataFrame:
    group = pl.when(pl.col("age") < ADULT).then(pl.lit(_YOUNG)).otherwise(pl.lit(_ADULT))
    return registry.population().select(
        pl.lit(registry.code).alias("country"),
        pl.lit(registry.region).alias("region"),
        "sex",
        group.alias("age_group"),
        "year",
        "person_years",
    )


def _cells(registry: Registry) -> pl.DataFrame:
    """Return expected cases, and those surviving to each time, by the finest groups."""
    keys = [*_GROUPS, "year", "entity_id", "tier1", "rarity"]
    table = pl.concat(_entity_cells(registry))
    return table.group_by(keys, maintain_order=True).agg(
        pl.selectors.numeric().exclude("year").sum()
    )


def _entity_cells(registry: Registry) -> Iterator[pl.DataFrame]:
    model = europe()
    own = model.entities
    expected = registry.expected()  # (entity, sex, age, year)
    years = np.array(YEARS, dtype=float)
    country = model.countries.values["excess_hazard_factor"][registry.index]
    by_year = year_hazard_factor(years) * country
    starts = [0, ADULT]
    shape = (len(SEXES), len(starts), len(YEARS))
    group: dict[str, object] = {
        "country": pl.repeat(registry.code, int(np.prod(shape)), eager=True),
        "region": pl.repeat(registry.region, int(np.prod(shape)), eager=True),
        "sex": np.repeat(SEXES, len(starts) * len(YEARS)),
        "age_group": np.tile(np.repeat([_YOUNG, _ADULT], len(YEARS)), len(SEXES)),
        "year": np.tile(YEARS, len(SEXES) * len(starts)),
    }
    for row, entity in enumerate(own.ids):
        person = SEX_FACTOR[:, None, None] * model.age_factor[row][:, None] * by_year
        stage, share = model.stage_factor[row], model.stage[row, registry.index]
        unspecified = own.unspecified[row]
        for factor, part in ((1.0, 1 - unspecified), (UNSPECIFIED_FACTOR, unspecified)):
            if not part:
                continue
            cases = expected[row] * part
            columns = dict(group)
            columns["expected"] = np.add.reduceat(cases, starts, axis=1).ravel()
            for years_on in TIMES:
                reach = model.baseline[row, 12 * years_on] * factor
                alive = sum(
                    w * np.exp(-reach * f * person) for w, f in zip(share, stage, strict=True) if w
                )
                columns[f"alive_{years_on}"] = np.add.reduceat(
                    cases * alive, starts, axis=1
                ).ravel()
            named = factor == 1.0
            yield pl.DataFrame(columns).with_columns(
                pl.lit(entity if named else None, dtype=pl.String).alias("entity_id"),
                pl.lit(own.tier1[row]).alias("tier1"),
                pl.lit(_rarity(float(own.rate[row])) if named else None, dtype=pl.String).alias(
                    "rarity"
                ),
            )


def _rarity(rate: float) -> str:
    return "rare" if rate < _RARE else "common"
