"""Drawing the cases of a registry, a part at a time.

A part holds the persons born in a run of years, so that no person is in two parts. Every part
has its own generator, seeded by the seed, the country and the part alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.demo.care import treatments
from rarecare.demo.follow_up import CANCER, DEAD, YEAR_STARTS, excess_days, follow
from rarecare.demo.model import (
    DAYS_PER_YEAR,
    SEX_FACTOR,
    UNSPECIFIED_FACTOR,
    YEARS,
    Europe,
    europe,
    year_hazard_factor,
)
from rarecare.demo.persons import patient_ids, patient_numbers, tumour_ids
from rarecare.demo.registry import Registry
from rarecare.demo.tables import N_AGES, SEXES, STAGES, Choices, Floats, Ints

PART_CASES = 200_000
"""Mean number of cases in a part, about."""

_BASES: Ints = np.array([7, 5, 6])
_BASIS_SHARES: Floats = np.array([0.92, 0.97])


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """The cases of one part, one array each, in the order of their tumour numbers.

    Attributes
    ----------
    patient, tumour
        Numbers within the registry, from 1.
    entity, sex, age, stage, unspecified
        Position among the entities, in ``SEXES`` and ``STAGES``; completed age; whether the
        codes are those of the tier-1 entity alone.
    phi
        Relative excess hazard: true net survival is exp(−φ Λ0(t)).
    incidence, birth
        Days since 1970-01-01.
    follow_up
        Days; at least 1 for a death, 0 for a case known from its death certificate only.
    status, cause
        ``ALIVE``, ``DEAD``, ``LOST``; ``NO_CAUSE``, ``CANCER``, ``OTHER``.
    treated
        Whether given each of ``TREATMENTS``, shape (n, 3).
    topography, morphology
        Positions in the labels of the entities' choices.
    """

    registry: Registry
    patient: Ints
    tumour: Ints
    entity: Ints
    sex: Ints
    age: Ints
    stage: Ints
    unspecified: NDArray[np.bool_]
    phi: Floats
    incidence: Ints
    birth: Ints
    follow_up: Ints
    status: Ints
    cause: Ints
    basis: Ints
    treated: NDArray[np.bool_]
    topography: Ints
    morphology: Ints

    def __len__(self) -> int:
        return len(self.entity)

    @property
    def unnamed(self) -> NDArray[np.bool_]:
        """Whether the codes name no tier-2 entity."""
        return self.unspecified & ~europe().entities.told_anyway[self.entity]

    @property
    def last(self) -> Ints:
        """Last day of follow-up, days since 1970-01-01."""
        return self.incidence + self.follow_up


def parts(registry: Registry, seed: int) -> Iterator[tuple[Drawn, np.random.Generator]]:
    """Yield the cases of a registry part by part, and the generator for what else is drawn.

    Poisson numbers of cases by entity, sex, age and year; then everything else of each case.
    """
    expected = registry.expected()
    birth_year = np.array(YEARS) - np.arange(N_AGES)[:, None]
    order = np.argsort(birth_year, axis=None, kind="stable")
    means = expected.reshape(*expected.shape[:2], -1)[:, :, order]
    sizes = means.sum(axis=(0, 1))
    births = birth_year.ravel()[order]
    by_birth = np.bincount(births - births[0], sizes)
    n_parts = np.ceil(by_birth.sum() / PART_CASES)
    part_of_birth = ((np.cumsum(by_birth) - by_birth) / by_birth.sum() * n_parts).astype(np.int64)
    part = part_of_birth[births - births[0]]
    seeds = np.random.SeedSequence([seed, registry.index]).spawn(int(part[-1]) + 1)
    tumours = patients = 0
    for number in np.unique(part):
        own = np.flatnonzero(part == number)
        rng = np.random.default_rng(seeds[number])
        counts = rng.poisson(means[:, :, own[0] : own[-1] + 1])
        drawn = _draw(
            registry,
            counts=counts,
            cells=order[own],
            rng=rng,
            tumours=tumours,
            patients=patients,
        )
        tumours += len(drawn)
        patients = int(drawn.patient.max(initial=patients))
        yield drawn, rng


def _draw(
    registry: Registry,
    *,
    counts: Ints,
    cells: Ints,
    rng: np.random.Generator,
    tumours: int,
    patients: int,
) -> Drawn:
    model = europe()
    n = int(counts.sum())
    by_entity = counts.sum(axis=2)
    row = np.repeat(np.arange(by_entity.size), by_entity.ravel())
    cell = np.repeat(np.tile(cells, by_entity.size), counts.ravel())
    starts = YEAR_STARTS[cell % len(YEARS)]
    days = YEAR_STARTS[cell % len(YEARS) + 1] - starts
    incidence = starts + (rng.random(n) * days).astype(np.int64)
    order = np.argsort(incidence, kind="stable")
    incidence, row, cell = incidence[order], row[order], cell[order]
    entity, sex = row >> 1, row & 1
    age, year = np.divmod(cell, len(YEARS))
    unspecified = rng.random(n) < model.entities.unspecified[entity]
    stage = _stages(model, registry).draw(entity, rng.random(n))
    code_row = 2 * row + unspecified
    phi = _phi(model, registry, entity=entity, sex=sex, age=age, year=year, stage=stage)
    phi[unspecified] *= UNSPECIFIED_FACTOR
    # within the completed age as the life table counts it, in years of 365.2425 days
    age_days = np.ceil(age * DAYS_PER_YEAR).astype(np.int64)
    age_days += rng.integers(0, 365, n)
    excess = excess_days(entity, rng.standard_exponential(n) / phi)
    follow_up, status, cause = follow(
        registry, sex=sex, incidence=incidence, age_days=age_days, excess=excess, rng=rng
    )
    dco = rng.random(n) < model.countries.values["dco"][registry.index]
    follow_up[dco], status[dco] = 0, DEAD
    cause[dco] = CANCER
    basis = _BASES[np.searchsorted(_BASIS_SHARES, rng.random(n), side="right")]
    basis[unspecified] = 2
    basis[dco] = 0
    birth = incidence - age_days
    patient = patient_numbers(
        sex=sex,
        birth=birth,
        incidence=incidence,
        last=incidence + follow_up,
        status=status,
        dco=dco,
        rng=rng,
    )
    return Drawn(
        registry=registry,
        patient=patients + patient,
        tumour=tumours + np.arange(1, n + 1),
        entity=entity,
        sex=sex,
        age=age,
        stage=stage,
        unspecified=unspecified,
        phi=phi,
        incidence=incidence,
        birth=birth,
        follow_up=follow_up,
        status=status,
        cause=cause,
        basis=basis,
        treated=treatments(entity, stage, dco, rng),
        topography=model.entities.topography.draw(code_row, rng.random(n)),
        morphology=model.entities.morphology.draw(code_row, rng.random(n)),
    )


def _stages(model: Europe, registry: Registry) -> Choices:
    shares = model.stage[:, registry.index]
    return Choices.of([list(zip("0123", row, strict=True)) for row in shares])


def _phi(
    model: Europe,
    registry: Registry,
    *,
    entity: Ints,
    sex: Ints,
    age: Ints,
    year: Ints,
    stage: Ints,
) -> Floats:
    country = model.countries.values["excess_hazard_factor"][registry.index]
    by_year = year_hazard_factor(np.array(YEARS, dtype=float)) * country
    by_sex_year = np.multiply.outer(SEX_FACTOR, by_year).ravel()
    return np.asarray(
        model.stage_factor.ravel()[entity * len(STAGES) + stage]
        * model.age_factor.ravel()[entity * N_AGES + age]
        * by_sex_year[sex * len(YEARS) + year]
    )


def draw_cases(registry: Registry, *, seed: int = 1) -> pl.DataFrame:
    """Return all cases of a registry in canonical columns, as ``case_table`` gives them.

    They are the cases that ``write_demo`` writes for this registry and seed, before errors
    are planted and dates cut to months.
    """
    return pl.concat(case_table(drawn) for drawn, _ in parts(registry, seed))


def case_table(drawn: Drawn) -> pl.DataFrame:
    """Return cases in canonical columns, exact and without planted errors.

    Beside them: ``entity_id`` and ``tier1`` (the first is null where the codes name no tier-2
    entity),
    ``country``, ``area_region`` and ``phi``.
    """
    model = europe()
    own = model.entities
    ids = pl.Series(own.ids).gather(drawn.entity)
    morphology = np.array([int(code[:4]) for code in own.morphology.labels], dtype=np.int32)
    stages = pl.Series([*STAGES[:3], None])

    def days(values: Ints) -> pl.Series:
        return pl.Series(values.astype(np.int32)).cast(pl.Date)

    return pl.DataFrame(
        {
            "registry": pl.repeat(drawn.registry.code, len(drawn), eager=True),
            "patient_id": patient_ids(drawn.patient),
            "tumour_id": tumour_ids(drawn.tumour),
            "sex": pl.Series(SEXES).gather(drawn.sex),
            "birth_date": days(drawn.birth),
            "incidence_date": days(drawn.incidence),
            "age": drawn.age.astype(np.int32),
            "age_days": (drawn.incidence - drawn.birth).astype(float),
            "last_date": days(drawn.last),
            "follow_up_days": drawn.follow_up.astype(np.int32),
            "vital_status": pl.Series([None, "alive", "dead", "lost"]).gather(drawn.status),
            "topography": pl.Series(own.topography.labels).gather(drawn.topography),
            "morphology": morphology[drawn.morphology],
            "behaviour": np.full(len(drawn), 3, dtype=np.int32),
            "basis_of_diagnosis": drawn.basis.astype(np.int32),
            "autopsy": np.zeros(len(drawn), dtype=np.int32),
            "stage": stages.gather(drawn.stage),
            "entity_id": ids.set(pl.Series(drawn.unnamed), None),
            "tier1": pl.Series(own.tier1).gather(drawn.entity),
            "country": pl.repeat(drawn.registry.code, len(drawn), eager=True),
            "area_region": pl.repeat(drawn.registry.region, len(drawn), eager=True),
            "phi": drawn.phi,
        }
    )
