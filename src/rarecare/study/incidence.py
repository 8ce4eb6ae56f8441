"""The incidence rows of a release: counts by leaf, sex, year and age, and their margins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import DisagreementError
from rarecare.population.population import Population
from rarecare.rates.plan import IncidencePlan, incidence_plan, named_weights
from rarecare.rates.table import AGE_SPECIFIC, CRUDE, STANDARDISED, estimate_incidence
from rarecare.rates.tally import tally_incidence
from rarecare.study import schema
from rarecare.study.config import Study
from rarecare.study.entities import LEAF, Groups
from rarecare.tally.tally import Tally

BOTH = "all"
_KEPT = (CRUDE, AGE_SPECIFIC, STANDARDISED)


@dataclass(frozen=True, slots=True)
class Counts:
    """Cases and person-years of one area; areas add.

    Attributes
    ----------
    sexes, years, age_lower
        The axes: sexes in order (``("all",)`` where the population is not divided by sex),
        calendar years of the study, first completed age of each group.
    cases
        int64, shape (n_leaves, n_sexes, n_years, n_ages); ``unknown``, without ages, those
        of unknown age.
    person_years
        float64, shape (n_sexes, n_years, n_ages).
    """

    sexes: tuple[str, ...]
    years: tuple[int, ...]
    age_lower: tuple[int, ...]
    cases: NDArray[np.int64]
    unknown: NDArray[np.int64]
    person_years: NDArray[np.float64]

    def __add__(self, other: Counts) -> Counts:
        """Return the counts of both areas."""
        axes = (self.sexes, self.years, self.age_lower)
        if axes != (other.sexes, other.years, other.age_lower):
            raise DisagreementError(
                "two areas have different sexes or age groups",
                value=f"{other.sexes}, ages from {other.age_lower}",
                allowed=f"{self.sexes}, ages from {self.age_lower}",
                remedy="Give the populations of all registries in one form.",
            )
        return Counts(
            *axes,
            self.cases + other.cases,
            self.unknown + other.unknown,
            self.person_years + other.person_years,
        )


def count(cases: pl.DataFrame, population: Population, groups: Groups, study: Study) -> Counts:
    """Return the counts of one registry.

    ``cases`` have the column ``entity``, their leaf. Years of the study that the population
    lacks count nothing; a case in such a year is an error.
    """
    sexes = population.table["sex"].unique().sort().to_list() if "sex" in population.keys else []
    first, last = (day.year for day in study.study.period)
    years = tuple(range(first, last + 1))
    by = [LEAF, *(["sex"] if sexes else []), *(["year"] if population.years else [])]
    if population.years:
        held = [year for year in years if year in population.years]
        population = population.part(year=held)
    plan = incidence_plan(
        cases.with_columns(pl.col(LEAF).cast(pl.String)),
        population,
        by=by,
        standards=study.incidence.standards,
    )
    own = plan.case_levels
    tally = tally_incidence(cases.with_columns(pl.col(LEAF).cast(pl.String)), population, plan)
    position = {leaf: i for i, leaf in enumerate(groups.leaves)}
    shape = (len(groups.leaves), max(1, len(sexes)), len(years), len(plan.age_lower))
    counts = np.zeros(shape, dtype=np.int64)
    unknown = np.zeros(shape[:3], dtype=np.int64)
    person_years = np.zeros(shape[1:])
    strata = tally.strata
    leaf = np.array([position[name] for name in strata[LEAF]], dtype=np.int64)
    sex = np.array([sexes.index(s) for s in strata["sex"]] if sexes else np.zeros(len(leaf), int))
    year = strata["year"].to_numpy() - first if population.years else np.zeros(len(leaf), int)
    counts[leaf, sex, year] = tally.arrays["cases"]
    unknown[leaf, sex, year] = tally.arrays["cases_age_unknown"]
    if own:
        person_years[sex, year] = tally.arrays["person_years"]
    return Counts(tuple(sexes) or (BOTH,), years, plan.age_lower, counts, unknown, person_years)


def incidence_rows(
    counts: Counts, groups: Groups, study: Study, *, area: str, margins: Sequence[str]
) -> pl.DataFrame:
    """Return the rows of one area in the schema's columns.

    ``margins``: ``"whole"``: crude and standardised, both sexes, whole period; ``"sex"``: the
    same and age-specific by sex; ``"year"``: by year; ``"age"``: age-specific, both sexes.
    """
    cases, unknown = groups.summed(counts.cases), groups.summed(counts.unknown)
    parts = []
    for margin in margins:
        by_sex = margin == "sex"
        by_year = margin == "year"
        if by_sex and counts.sexes == (BOTH,):
            continue
        summed = tuple(axis for axis, kept in ((1, by_sex), (2, by_year)) if not kept)
        sexes = counts.sexes if by_sex else (schema.ALL,)
        years = [str(year) for year in counts.years] if by_year else [study_period(study)]
        parts.append(
            _estimated(
                cases.sum(axis=summed, keepdims=True),
                unknown.sum(axis=summed, keepdims=True),
                counts.person_years.sum(axis=tuple(axis - 1 for axis in summed), keepdims=True),
                labels=(groups.table["entity_id"].to_list(), sexes, years),
                age_lower=counts.age_lower,
                study=study,
            ).filter(
                pl.col("measure").is_in([CRUDE, STANDARDISED])
                if margin in ("whole", "year")
                else pl.col("measure").is_in(_KEPT)
                if by_sex
                else pl.col("measure") == AGE_SPECIFIC
            )
        )
    return in_schema(pl.concat(parts), study, measure=schema.INCIDENCE, area=area)


def _estimated(
    cases: NDArray[np.int64],
    unknown: NDArray[np.int64],
    person_years: NDArray[np.float64],
    *,
    labels: tuple[Sequence[str], Sequence[str], Sequence[str]],
    age_lower: tuple[int, ...],
    study: Study,
) -> pl.DataFrame:
    """Return estimates of cells (entity, sex, period, age)."""
    shape = cases.shape[:3]
    entity, sex, period = (axis.ravel() for axis in np.indices(shape))
    strata = pl.DataFrame(
        {
            name: pl.Series(list(values), dtype=pl.String).gather(axis)
            for name, values, axis in zip(
                ("entity_id", "sex", "period"), labels, (entity, sex, period), strict=True
            )
        }
    )
    plan = _plan(study, age_lower)
    whole = np.broadcast_to(person_years[None], cases.shape)
    tally = Tally(
        plan.hash,
        strata,
        {
            "cases": cases.reshape(-1, cases.shape[-1]),
            "cases_age_unknown": unknown.reshape(-1),
            "person_years": whole.reshape(-1, cases.shape[-1]),
        },
    )
    return estimate_incidence(tally, plan)


def _plan(study: Study, age_lower: tuple[int, ...]) -> IncidencePlan:
    return IncidencePlan(
        strata=("entity_id", "sex", "period"),
        age_lower=age_lower,
        case_strata=("entity_id",),
        standards=tuple(named_weights(name, age_lower, None) for name in study.incidence.standards),
        level=study.level,
        interval=study.incidence.interval,
        unknown_age=study.incidence.unknown_age,
    )


def study_period(study: Study) -> str:
    """Return the years of the study: ``"2000-2007"``."""
    first, last = study.study.period
    return f"{first.year}-{last.year}"


def in_schema(
    rows: pl.DataFrame, study: Study, *, measure: str | None = None, area: str | None = None
) -> pl.DataFrame:
    """Return rows with the columns that have no time, and what is the same in all of them."""
    same = {"measure": measure, "area": area}
    return rows.with_columns(
        **{name: pl.lit(value) for name, value in same.items() if value is not None},
        time_years=pl.lit(None, dtype=pl.Float64),
        events=pl.lit(None, dtype=pl.Int64),
        at_risk=pl.lit(None, dtype=pl.Int64),
        synthetic=pl.lit(study.study.synthetic),
    )
