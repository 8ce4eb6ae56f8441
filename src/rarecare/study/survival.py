"""The survival rows of a release: daily sums by leaf, sex and age class, and their margins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.population.life_table import LifeTable
from rarecare.study import schema
from rarecare.study.config import Study
from rarecare.study.entities import LEAF, Groups
from rarecare.survival import SurvivalPlan, estimate_survival, named_standard, survival_plan
from rarecare.survival.plan import AGE_CLASS
from rarecare.tally.engines import Engine
from rarecare.tally.follow_up import FollowUpPlan, tally_follow_up
from rarecare.tally.tally import Tally

CLASSES = (0, 15, 45, 55, 65, 75)
"""First completed age of each class; adults are the classes from 15."""

CLASS_LABELS = ("0-14", "15-44", "45-54", "55-64", "65-74", "75+")
CHILDREN, ADULTS = "0-14", "15-99"
SEXES = ("female", "male")
METHOD: Literal["pohar-perme"] = "pohar-perme"
_STANDARDS = ("1", "2", "3")

Arrays = dict[str, NDArray[Any]]


@dataclass(slots=True)
class Sums:
    """Daily sums by leaf, sex and age class, to which registries are added.

    Attributes
    ----------
    arrays
        As of a follow-up tally, shape (n_leaves, 2, n_classes, …); empty before the first.
    """

    arrays: Arrays = field(default_factory=dict)

    def add(self, tally: Tally, groups: Groups) -> None:
        """Add a registry's tally in place."""
        leaf, sex, age = _positions(tally)
        for name, array in tally.arrays.items():
            if name not in self.arrays:
                shape = (len(groups.leaves), len(SEXES), len(CLASSES), *array.shape[1:])
                self.arrays[name] = np.zeros(shape, dtype=array.dtype)
            self.arrays[name][leaf, sex, age] += array


def tally_registry(
    cases: pl.DataFrame, life_table: LifeTable, study: Study, *, engine: Engine | None = None
) -> Tally:
    """Return the daily sums of one registry by leaf, sex and age class.

    ``cases`` are those kept by the exclusions for survival, with their leaf ``entity``.
    """
    classes = np.searchsorted(CLASSES, cases["age"].to_numpy(), side="right") - 1
    choices = study.survival
    plan = FollowUpPlan(
        strata=(LEAF, "sex", AGE_CLASS),
        estimators=(METHOD,),
        times=_times(study),
        days_per_year=study.study.days_per_year,
        life_table=life_table.hash,
        window=choices.window and (choices.window[0].isoformat(), choices.window[1].isoformat()),
    )
    table = cases.with_columns(pl.Series(AGE_CLASS, classes, dtype=pl.Int64))
    table = table.drop("registry", strict=False)  # one registry, one tally
    return tally_follow_up(table, plan, life_table=life_table, engine=engine)


def survival_rows(
    sums: Sums, groups: Groups, study: Study, *, area: str, margins: tuple[str, ...]
) -> pl.DataFrame:
    """Return the rows of one area in the schema's columns.

    ``margins``: ``"whole"``: adults crude and age-standardised, and children; ``"sex"``: adults
    by sex; ``"age"``: by age class; ``"curve"``: adults and children at every quarter of a
    year, on whole days.
    """
    parts = []
    if "whole" in margins:
        pooled = _rolled_up(sums.arrays, groups, sexes=slice(None))
        parts.append(_by_standard(pooled, groups, study).with_columns(sex=pl.lit(schema.ALL)))
        child = _crude(_part(pooled, slice(0, 1)), groups, study)
        parts.append(child.with_columns(sex=pl.lit(schema.ALL), age_group=pl.lit(CHILDREN)))
    if "curve" in margins:
        pooled = _rolled_up(sums.arrays, groups, sexes=slice(None))
        days = _quarters(study)
        for label, classes in ((ADULTS, slice(1, None)), (CHILDREN, slice(0, 1))):
            rows = _crude(_part(pooled, classes), groups, study, days=days)
            parts.append(rows.with_columns(sex=pl.lit(schema.ALL), age_group=pl.lit(label)))
    if "age" in margins:
        pooled = _rolled_up(sums.arrays, groups, sexes=slice(None))
        for position, label in enumerate(CLASS_LABELS[1:], start=1):
            rows = _crude(_part(pooled, slice(position, position + 1)), groups, study)
            parts.append(rows.with_columns(sex=pl.lit(schema.ALL), age_group=pl.lit(label)))
    if "sex" in margins:
        for position, sex in enumerate(SEXES):
            own = _rolled_up(sums.arrays, groups, sexes=slice(position, position + 1))
            rows = _by_standard(own, groups, study)
            parts.append(rows.with_columns(sex=pl.lit(sex)))
    rows = pl.concat(part.select(sorted(part.columns)) for part in parts)
    return rows.filter(pl.col("n") > 0).with_columns(
        measure=pl.lit(schema.NET_SURVIVAL),
        area=pl.lit(area),
        period=pl.lit(_period(study)),
        person_years=pl.lit(None, dtype=pl.Float64),
        unit=pl.lit("proportion"),
        synthetic=pl.lit(study.study.synthetic),
    )


def _by_standard(arrays: Arrays, groups: Groups, study: Study) -> pl.DataFrame:
    """Return adults' survival, crude and by each group's own standard."""
    adults = _part(arrays, slice(1, None))
    parts = [_crude(adults, groups, study)]
    if study.survival.standard != schema.NONE:
        own = groups.standard_of(_STANDARDS)
        for position, number in enumerate(_STANDARDS):
            chosen = np.flatnonzero(own == position)
            if len(chosen):
                parts.append(_standardised(adults, groups, chosen, f"icss{number}", study))
    return pl.concat(parts).with_columns(age_group=pl.lit(ADULTS))


def _crude(
    arrays: Arrays, groups: Groups, study: Study, *, days: Sequence[float] | None = None
) -> pl.DataFrame:
    plan = _plan(study, None)
    summed = {name: array.sum(axis=1) for name, array in arrays.items()}
    strata = groups.table.select("entity_id")
    return estimate_survival(Tally(plan.hash, strata, summed), plan, times=days)


def _standardised(
    arrays: Arrays, groups: Groups, chosen: NDArray[np.int64], standard: str, study: Study
) -> pl.DataFrame:
    plan = _plan(study, standard)
    n_classes = len(CLASSES) - 1
    entities = groups.table["entity_id"].gather(np.repeat(chosen, n_classes))
    strata = pl.DataFrame(
        {"entity_id": entities, AGE_CLASS: np.tile(np.arange(n_classes), len(chosen))}
    )
    own = {
        name: array[chosen].reshape(len(chosen) * n_classes, *array.shape[2:])
        for name, array in arrays.items()
    }
    return estimate_survival(Tally(plan.hash, strata, own), plan)


def _plan(study: Study, standard: str | None) -> SurvivalPlan:
    choices = study.survival
    return survival_plan(
        by=("entity_id",),
        at_days=_times(study),
        methods=(METHOD,),
        days_per_year=study.study.days_per_year,
        standard=named_standard(standard),
        form=choices.form,
        interval=choices.interval,
        level=study.level,
        life_table="of each registry",
    )


def _rolled_up(arrays: Mapping[str, NDArray[Any]], groups: Groups, *, sexes: slice) -> Arrays:
    """Return sums by group and age class, over the sexes chosen."""
    from scipy.sparse import csr_array  # noqa: PLC0415 - slow to import

    out = {}
    for name, array in arrays.items():
        leaves = array[:, sexes].sum(axis=1)
        present = np.flatnonzero(leaves.reshape(len(leaves), -1).any(axis=1))
        held = csr_array(groups.members[:, present].astype(array.dtype))
        width = int(np.prod(leaves.shape[1:]))
        flat = held @ leaves[present].reshape(len(present), width)
        out[name] = flat.reshape(len(groups.members), *leaves.shape[1:])
    return out


def _part(arrays: Arrays, classes: slice) -> Arrays:
    return {name: array[:, classes] for name, array in arrays.items()}


def _positions(tally: Tally) -> tuple[NDArray[np.int64], ...]:
    strata = tally.strata
    sexes = {name: position for position, name in enumerate(SEXES)}
    sex = strata["sex"].cast(pl.String).replace_strict(sexes, return_dtype=pl.Int64)
    leaf = strata[LEAF].to_physical().cast(pl.Int64)
    return leaf.to_numpy(), sex.to_numpy(), strata[AGE_CLASS].to_numpy()


def _times(study: Study) -> tuple[float, ...]:
    return tuple(sorted(years * study.study.days_per_year for years in study.survival.at))


def _quarters(study: Study) -> list[float]:
    """Return the whole days nearest to each quarter of a year, but for the study's own times."""
    year, last = study.study.days_per_year, max(study.survival.at)
    quarters = [quarter / 4 for quarter in range(1, int(last * 4) + 1)]
    return [float(round(q * year)) for q in quarters if q not in study.survival.at]


def _period(study: Study) -> str:
    window = study.survival.window or study.study.period
    return f"{window[0].year}-{window[1].year}"
