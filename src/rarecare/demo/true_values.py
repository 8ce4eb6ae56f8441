"""The true values of the synthetic Europe, exactly as it was drawn.

Every value is a mean over all entities, sexes, ages, years and stages by their expected
numbers, not over the cases drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import polars as pl

from rarecare.demo.draw import Drawn
from rarecare.demo.model import (
    FIRST_YEAR,
    LAST_YEAR,
    SEX_FACTOR,
    UNSPECIFIED_FACTOR,
    YEARS,
    europe,
    year_hazard_factor,
)
from rarecare.demo.persons import month_number
from rarecare.demo.registry import Registry
from rarecare.demo.tables import SEXES, Floats, Ints

TIMES = (1, 5, 10)
"""Years since diagnosis at which net survival is given."""

PERIODS = ((FIRST_YEAR, LAST_YEAR), (FIRST_YEAR, 2003), (FIRST_YEAR, 1998))
"""All years, and those of which every case is followed for 5 and for 10 years."""

ADULT = 15
ALL = "all"
AGE_GROUPS = ("0-14", "15-99")

_RARE = 6e-5
_ONE_FACTOR = np.array([0, *range(ADULT, 91)])  # ages between which φ does not change
_MONTH_OF_FIRST_YEAR = 12 * (FIRST_YEAR - 1880)

# Cells are (entity or tier-1 entity of unspecified cases, sex, age group, year).
_GROUPS = (len(SEXES), len(AGE_GROUPS), len(YEARS))


@cache
def _tier1() -> tuple[tuple[str, ...], Ints]:
    """Return the tier-1 entities, and the position among them of each entity."""
    own = europe().entities.tier1
    names = tuple(sorted(set(own)))
    return names, np.array([names.index(name) for name in own])


def case_counts(drawn: Drawn) -> Ints:
    """Return numbers of cases: tier 2, then unspecified by tier 1; sex; age group; year."""
    names, tier1 = _tier1()
    n_entities = len(tier1)
    row = np.where(drawn.unnamed, n_entities + tier1[drawn.entity], drawn.entity)
    year = (month_number(drawn.incidence) - _MONTH_OF_FIRST_YEAR) // 12
    shape = (n_entities + len(names), *_GROUPS)
    cell = np.ravel_multi_index((row, drawn.sex, (drawn.age >= ADULT).astype(int), year), shape)
    return np.bincount(cell, minlength=int(np.prod(shape))).reshape(shape)


def truth(registries: Sequence[Registry], *, drawn: Ints, workers: int = 1) -> pl.DataFrame:
    """Return true incidence and net survival, and the number of cases drawn.

    Parameters
    ----------
    registries
        The registries drawn from; pooled areas are those registries together.
    drawn
        ``case_counts`` of each registry, stacked.
    workers
        Registries at once.

    Returns
    -------
    pl.DataFrame
        ``measure`` (``"incidence"``, ``"net_survival"``), ``entity_id`` (tier 2; tier 1
        with its unspecified cases; ``"rare"`` and ``"common"``: their tier-2 entities;
        ``"all"``), ``area`` (country, region, ``"all"``), ``sex``, ``age_group``, ``period``,
        ``time_years`` (null for incidence), ``cases_drawn``, ``cases_expected``,
        ``person_years``, ``unit``, ``estimate`` (the true value: cases per 100 000
        person-years, or a share) and ``synthetic``. Groups that have no cases are left out.
    """
    with ThreadPoolExecutor(workers) as pool:
        cells = np.stack(list(pool.map(_cells, registries)))
    values = np.concatenate([cells, drawn[:, None]], axis=1)  # (registry, value, row, cell…)
    lived = np.stack([_person_years(each) for each in registries])
    areas = _areas(registries)
    entities = _entities()
    groups: tuple[dict[str, Floats], ...] = (
        _with_all(SEXES),
        _with_all(AGE_GROUPS),
        {f"{a}-{b}": np.array([float(a <= y <= b) for y in YEARS]) for a, b in PERIODS},
    )
    members = [np.stack(list(group.values())) for group in (areas, entities, *groups)]
    sums = np.einsum(
        "cvesgy,Ac,Ee,Ss,Gg,Yy->vAESGY", values, *members, optimize="greedy"
    )  # fmt: skip
    persons = np.einsum(
        "csgy,Ac,Ss,Gg,Yy->ASGY", lived, members[0], *members[2:], optimize="greedy"
    )
    persons = np.broadcast_to(persons[:, None], sums.shape[1:])
    return _table(sums, persons, [list(group) for group in (areas, entities, *groups)])


def _table(sums: Floats, persons: Floats, labels: Sequence[Sequence[str]]) -> pl.DataFrame:
    expected = sums[0]
    present = np.nonzero(expected)
    area, entity, sex, ages, period = (
        pl.Series(names).gather(at) for names, at in zip(labels, present, strict=True)
    )
    measures: list[tuple[str, float | None, str, Floats]] = [
        ("incidence", None, "per 100 000 person-years", 1e5 * expected / persons)
    ]
    with np.errstate(invalid="ignore"):
        measures += [
            ("net_survival", float(years), "share", sums[number] / expected)
            for number, years in enumerate(TIMES, start=1)
        ]
    common = pl.DataFrame(
        {
            **{"entity_id": entity, "area": area, "sex": sex, "age_group": ages},
            "period": period,
            "cases_drawn": np.rint(sums[-1][present]).astype(np.int64),
            "cases_expected": expected[present],
            "person_years": persons[present],
        }
    ).with_row_index("order")
    tables = [
        common.select(
            pl.lit(measure).alias("measure"),
            *("entity_id", "area", "sex", "age_group", "period"),
            pl.lit(time, dtype=pl.Float64).alias("time_years"),
            *("cases_drawn", "cases_expected", "person_years"),
            pl.lit(unit).alias("unit"),
            pl.Series("estimate", value[present]),
            pl.lit(value=True).alias("synthetic"),
        )
        for measure, time, unit, value in measures
    ]
    return pl.concat(tables)


def _with_all(names: Sequence[str]) -> dict[str, Floats]:
    return {ALL: np.ones(len(names)), **dict(zip(names, np.eye(len(names)), strict=True))}


def _areas(registries: Sequence[Registry]) -> dict[str, Floats]:
    regions = sorted({each.region for each in registries})
    return _with_all([each.code for each in registries]) | {
        region: np.array([float(each.region == region) for each in registries])
        for region in regions
    }


def _entities() -> dict[str, Floats]:
    """Return which rows of cells each entity is made of."""
    own = europe().entities
    names, tier1 = _tier1()
    n, rows = len(own.ids), len(own.ids) + len(names)
    rare: Floats = np.zeros(rows)
    rare[:n] = own.rate < _RARE
    common = 1 - rare
    common[n:] = 0
    made_of = {ALL: np.ones(rows), "rare": rare, "common": common}
    for number, name in enumerate(names):
        made_of[name] = np.concatenate([tier1 == number, np.arange(len(names)) == number]) * 1.0
    return made_of | dict(zip(own.ids, np.eye(n, rows), strict=True))


def _person_years(registry: Registry) -> Floats:
    lived = np.add.reduceat(registry.persons, [0, ADULT], axis=1)
    return np.repeat(lived[:, :, None], len(YEARS), axis=2)


def _cells(registry: Registry) -> Floats:
    """Return expected cases, then those surviving to each time, shape (4, n_rows, 2, 2, 13)."""
    model = europe()
    names, tier1 = _tier1()
    n, told = len(tier1), model.entities.told_anyway
    totals: Floats = np.zeros((1 + len(TIMES), n + len(names), *_GROUPS))
    expected = np.add.reduceat(registry.expected(), _ONE_FACTOR, axis=2)
    by_year = year_hazard_factor(np.array(YEARS, dtype=float))
    by_year *= model.countries.values["excess_hazard_factor"][registry.index]
    for row, unspecified in enumerate(model.entities.unspecified):
        by_age = model.age_factor[row, _ONE_FACTOR]
        person = SEX_FACTOR[:, None, None] * by_age[:, None] * by_year
        stages = list(zip(model.stage_factor[row], model.stage[row, registry.index], strict=True))
        for target, factor, part in (
            (row, 1.0, 1 - unspecified),
            (row if told[row] else n + tier1[row], UNSPECIFIED_FACTOR, unspecified),
        ):
            if not part:
                continue
            cases = expected[row] * part
            totals[0, target] += np.add.reduceat(cases, [0, 1], axis=1)
            for number, years in enumerate(TIMES, start=1):
                reached = model.baseline[row, 12 * years] * factor
                alive = sum(w * np.exp(-reached * f * person) for f, w in stages if w)
                totals[number, target] += np.add.reduceat(cases * alive, [0, 1], axis=1)
    return totals
