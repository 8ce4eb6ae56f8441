"""Drawing the cases of a registry, a part at a time.

A part holds the persons born in a run of years, so that no person is in two parts. Every part
has its own generator, seeded by the seed, the country and the part alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.demo.care import treatments
from rarecare.demo.model import (
    DAYS_PER_YEAR,
    FIRST_YEAR,
    MONTHS,
    SEX_FACTOR,
    UNSPECIFIED_FACTOR,
    YEARS,
    Europe,
    europe,
    year_hazard_factor,
)
from rarecare.demo.registry import CLOSING_DATE, LIFE_TABLE_YEARS, Registry
from rarecare.demo.tables import N_AGES, SEXES, STAGES, Choices, Floats, Ints

PART_CASES = 200_000
"""Mean number of cases in a part, about."""

ALIVE, DEAD, LOST = 1, 2, 3
NO_CAUSE, CANCER, OTHER = 0, 1, 2

_SECOND = 0.05  # persons with a later second primary, among all persons
_NEVER = 10**6
_EPOCH = date(1970, 1, 1)
_CLOSING = (CLOSING_DATE - _EPOCH).days
_YEAR_STARTS = np.array(
    [(date(y, 1, 1) - _EPOCH).days for y in (*LIFE_TABLE_YEARS, LIFE_TABLE_YEARS[-1] + 1)]
)
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
        drawn = _draw(registry, counts, order[own], rng, tumours, patients)
        tumours += len(drawn)
        patients = int(drawn.patient.max(initial=patients))
        yield drawn, rng


def _draw(
    registry: Registry,
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
    starts = _YEAR_STARTS[cell % len(YEARS)]
    days = _YEAR_STARTS[cell % len(YEARS) + 1] - starts
    incidence = starts + (rng.random(n) * days).astype(np.int64)
    order = np.argsort(incidence, kind="stable")
    incidence, row, cell = incidence[order], row[order], cell[order]
    entity, sex = row >> 1, row & 1
    age, year = np.divmod(cell, len(YEARS))
    unspecified = rng.random(n) < model.entities.unspecified[entity]
    stage = _stages(model, registry).draw(entity, rng.random(n))
    code_row = 2 * row + unspecified
    phi = _phi(model, registry, entity, sex, age, year, stage)
    phi[unspecified] *= UNSPECIFIED_FACTOR
    # within the completed age as the life table counts it, in years of 365.2425 days
    age_days = np.ceil(age * DAYS_PER_YEAR).astype(np.int64)
    age_days += rng.integers(0, 365, n)
    excess = _excess_days(model, entity, rng.standard_exponential(n) / phi)
    follow_up, status, cause = _follow(registry, sex, incidence, age_days, excess, rng)
    dco = rng.random(n) < model.countries.values["dco"][registry.index]
    follow_up[dco], status[dco] = 0, DEAD
    cause[dco] = CANCER
    basis = _BASES[np.searchsorted(_BASIS_SHARES, rng.random(n), side="right")]
    basis[unspecified] = 2
    basis[dco] = 0
    birth = incidence - age_days
    patient = _patients(sex, birth, incidence, incidence + follow_up, status, dco, rng)
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


def _excess_days(model: Europe, entity: Ints, reached: Floats) -> Ints:
    """Return the day of death from the cancer: the one in which Λ0 passes ``reached``.

    Λ0 is linear within a month of the grid, so that the true survival at a whole number of
    months is exact; whoever passes none of it within 14 years is never drawn to die of it.
    """
    size = MONTHS + 1
    grid = model.baseline
    rows = np.arange(len(grid))[:, None] + grid / (1 + grid)  # ascending over all rows
    upper = np.searchsorted(rows.ravel(), entity + reached / (1 + reached), side="left")
    dies = upper < (entity + 1) * size
    upper = np.where(dies, np.maximum(upper, entity * size + 1), entity * size + 1)
    flat = grid.ravel()
    low, high = flat[upper - 1], flat[upper]
    months = upper - entity * size - 1 + (reached - low) / (high - low)
    days = np.ceil(np.where(dies, months, 0.0) * (DAYS_PER_YEAR / 12)).astype(np.int64)
    return np.where(dies, np.maximum(days, 1), _NEVER)


def _follow(
    registry: Registry,
    sex: Ints,
    incidence: Ints,
    age_days: Ints,
    excess: Ints,
    rng: np.random.Generator,
) -> tuple[Ints, Ints, Ints]:
    """Return days of follow-up, vital status and cause of death.

    The country's percentage is that of cases given a day of loss, even over the time to the
    closing date; those dead before it are not lost.
    """
    n = len(sex)
    share = europe().countries.values["lost_to_follow_up"][registry.index]
    closing = _CLOSING - incidence
    lost = np.full(n, _NEVER)
    given = np.flatnonzero(rng.random(n) < share)
    lost[given] = 1 + (rng.random(len(given)) * closing[given]).astype(np.int64)
    end = np.minimum(np.minimum(excess, closing), lost)
    other = other_cause_days(
        registry.hazard, sex, incidence, age_days, end, rng.standard_exponential(n)
    )
    death = np.minimum(excess, other)
    dead = death <= np.minimum(closing, lost)
    follow_up = np.where(dead, death, np.minimum(closing, lost))
    status = np.where(dead, DEAD, np.where(lost < closing, LOST, ALIVE))
    cause = np.where(dead, np.where(other < excess, OTHER, CANCER), NO_CAUSE)
    return follow_up, status, cause


def other_cause_days(
    hazard: Floats, sex: Ints, incidence: Ints, age_days: Ints, end: Ints, reached: Floats
) -> Ints:
    """Return the day on which the cumulative hazard of the life table passes ``reached``.

    The hazard of day s is that of the completed age ⌊(age_days + s − 1)/D⌋, the last of the
    table beyond it, and of the calendar year of incidence + s − 1, over D = 365.2425: the very
    rule by which the estimators look it up.

    Parameters
    ----------
    hazard
        Per person-year, shape (2, 100, 14), years ``LIFE_TABLE_YEARS``.
    sex, incidence, age_days
        Of each case; days since 1970-01-01 and days since birth, shape (n,).
    end
        Last day looked at; later deaths are given as a day that never comes.
    reached
        Cumulative hazard at death: exponential with mean 1.
    """
    n_years = hazard.shape[2]
    daily = (hazard / DAYS_PER_YEAR).ravel()
    result = np.full(len(sex), _NEVER)
    case = np.arange(len(sex))
    age = np.floor(age_days / DAYS_PER_YEAR).astype(np.int64)
    year = np.searchsorted(_YEAR_STARTS, incidence, side="right") - 1
    elapsed = np.zeros(len(sex), dtype=np.int64)
    left = reached.copy()
    while len(case):
        birthday = np.ceil((age + 1) * DAYS_PER_YEAR).astype(np.int64) - age_days
        new_year = _YEAR_STARTS[year + 1] - incidence
        stop = np.minimum(np.minimum(birthday, new_year), end)
        rate = daily[(sex * N_AGES + np.minimum(age, N_AGES - 1)) * n_years + year]
        used = rate * (stop - elapsed)
        dies = left <= used
        at = np.flatnonzero(dies)
        days = np.maximum(np.ceil(left[at] / rate[at]).astype(np.int64), 1)
        result[case[at]] = np.minimum(elapsed[at] + days, stop[at])
        on = np.flatnonzero(~dies & (stop < end))
        case, sex, incidence, age_days = case[on], sex[on], incidence[on], age_days[on]
        elapsed, left, end = stop[on], (left - used)[on], end[on]
        age = age[on] + (elapsed == birthday[on])
        year = year[on] + (elapsed == new_year[on])
    return result


def _patients(
    sex: Ints,
    birth: Ints,
    incidence: Ints,
    last: Ints,
    status: Ints,
    dco: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Ints:
    """Return patient numbers from 1; 5 % of persons have two cases.

    Two cases become one person's when they agree in sex, month of birth, vital status and month
    of last follow-up, as the files of one person must, and differ in the day of incidence.
    Survival of each case is left as drawn, so that truth stays exact; those who have died agree
    seldom, so that most second primaries are in persons alive at the closing date.
    """
    n = len(sex)
    fit = np.flatnonzero((status != LOST) & ~dco)
    key = (month_number(birth[fit]) * 2 + sex[fit]) * 4096 + month_number(last[fit])
    key = key * 2 + (status[fit] == DEAD)
    order = np.lexsort((incidence[fit], key))
    fit, key = fit[order], key[order]
    place = np.arange(len(fit)) - np.searchsorted(key, key, side="left")
    first = np.flatnonzero(
        (place[:-1] % 2 == 0) & (key[1:] == key[:-1]) & (incidence[fit[1:]] > incidence[fit[:-1]])
    )
    wanted = round(n * _SECOND / (1 + _SECOND))
    first = rng.permutation(first)
    dead = status[fit[first]] == DEAD
    first = np.concatenate([first[dead], first[~dead]])[:wanted]
    joined: NDArray[np.bool_] = np.zeros(n, dtype=bool)
    joined[fit[first + 1]] = True
    number = np.cumsum(~joined)
    number[fit[first + 1]] = number[fit[first]]
    return number


_MONTH_ORIGIN = np.datetime64("1880-01", "M")
_DAY_ORIGIN = (date(1880, 1, 1) - _EPOCH).days
_MONTHS = (
    np.arange(_DAY_ORIGIN, _CLOSING + 400, dtype=np.int64)
    .astype("datetime64[D]")
    .astype("datetime64[M]")
    - _MONTH_ORIGIN
).astype(np.int64)


def month_number(day: Ints) -> Ints:
    """Return months since January 1880 of days since 1970-01-01."""
    return np.asarray(_MONTHS[day - _DAY_ORIGIN])


def case_table(drawn: Drawn) -> pl.DataFrame:
    """Return cases in canonical columns, exact and without planted errors.

    Beside them: ``entity_id`` and ``tier1`` (the entity is null where the codes are unspecified),
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
            "entity_id": ids.set(pl.Series(drawn.unspecified), None),
            "tier1": pl.Series(own.tier1).gather(drawn.entity),
            "country": pl.repeat(drawn.registry.code, len(drawn), eager=True),
            "area_region": pl.repeat(drawn.registry.region, len(drawn), eager=True),
            "phi": drawn.phi,
        }
    )


def patient_ids(numbers: Ints) -> pl.Series:
    """Return ``"pat0000001"`` and so on."""
    return _ids("pat", numbers)


def tumour_ids(numbers: Ints) -> pl.Series:
    """Return ``"tum0000001"`` and so on."""
    return _ids("tum", numbers)


def _ids(prefix: str, numbers: Ints) -> pl.Series:
    digits = pl.Series("n", numbers).cast(pl.String).str.zfill(7)
    return pl.select(pl.concat_str(pl.lit(prefix), digits)).to_series()
