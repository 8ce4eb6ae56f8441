"""The survival rows of a release: daily sums by leaf, sex and age class, and their margins."""

from __future__ import annotations

import math
from collections.abc import Sequence
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
_CHILDREN, _ADULTS = range(1), range(1, len(CLASSES))

Arrays = dict[str, NDArray[Any]]


@dataclass(slots=True)
class Sums:
    """Daily sums by leaf, sex and age class, to which registries are added.

    Attributes
    ----------
    codes
        The strata present, ascending: (leaf · 2 + sex) · 6 + age class.
    arrays
        As of a follow-up tally, one row per stratum present.
    """

    codes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    arrays: Arrays = field(default_factory=dict)

    def add(self, other: Sums) -> None:
        """Take in the sums of another area, which is not to be used after."""
        if not len(self.codes):
            self.codes, self.arrays = other.codes, other.arrays
            return
        both = np.union1d(self.codes, other.codes)
        here, there = np.searchsorted(both, self.codes), np.searchsorted(both, other.codes)
        for name, array in other.arrays.items():
            if len(both) > len(here):
                grown = np.zeros((len(both), *array.shape[1:]), dtype=array.dtype)
                grown[here] = self.arrays[name]
                self.arrays[name] = grown
            whole = self.arrays[name]
            for place, own in zip(there, array, strict=True):
                whole[place] += own
        self.codes = both


def tally_registry(
    cases: pl.DataFrame, life_table: LifeTable, study: Study, *, engine: Engine | None = None
) -> Sums:
    """Return the daily sums of one registry by leaf, sex and age class.

    ``cases`` are those kept by the exclusions for survival, with their leaf ``entity``.
    """
    classes = np.searchsorted(CLASSES, cases["age"].to_numpy(), side="right") - 1
    choices = study.survival
    plan = FollowUpPlan(
        strata=(LEAF, "sex", AGE_CLASS),
        estimators=(METHOD,),
        times=times_of(study),
        days_per_year=study.study.days_per_year,
        life_table=life_table.hash,
        window=choices.window and (choices.window[0].isoformat(), choices.window[1].isoformat()),
        from_diagnosis=choices.incidence[0].isoformat() if choices.incidence else None,
    )
    table = cases.with_columns(pl.Series(AGE_CLASS, classes, dtype=pl.Int64))
    table = table.drop("registry", strict=False)  # one registry, one tally
    tally = tally_follow_up(table, plan, life_table=life_table, engine=engine)
    return Sums(_codes(tally), dict(tally.arrays))


def survival_rows(
    sums: Sums, groups: Groups, study: Study, *, area: str, margins: tuple[str, ...]
) -> pl.DataFrame:
    """Return the rows of one area in the schema's columns.

    ``margins``: ``"whole"``: adults crude and age-standardised, and children; ``"sex"``: adults
    by sex; ``"age"``: by age class; ``"curve"``: adults and children at every quarter of a
    year, on whole days.
    """
    adults, children = (_rolled_up(sums, groups, classes) for classes in (_ADULTS, _CHILDREN))
    parts = []
    if "whole" in margins:
        parts.append(_labelled(_by_standard(*adults, study), ADULTS))
        parts.append(_labelled(crude(*children, study), CHILDREN))
    if "curve" in margins:
        days = _quarters(study)
        parts.append(_labelled(crude(*adults, study, days=days), ADULTS))
        parts.append(_labelled(crude(*children, study, days=days), CHILDREN))
    if "age" in margins:
        for position in _ADULTS:
            own = _rolled_up(sums, groups, range(position, position + 1))
            parts.append(_labelled(crude(*own, study), CLASS_LABELS[position]))
    if "sex" in margins:
        for position, sex in enumerate(SEXES):
            own = _rolled_up(sums, groups, _ADULTS, sexes=(position,))
            parts.append(_labelled(_by_standard(*own, study), ADULTS, sex=sex))
    rows = pl.concat(part.select(sorted(part.columns)) for part in parts)
    return in_schema(rows.with_columns(measure=pl.lit(schema.NET_SURVIVAL)), study, area=area)


def in_schema(rows: pl.DataFrame, study: Study, *, area: str) -> pl.DataFrame:
    """Return rows of survival with what is the same in all of them; those of no one go."""
    return rows.filter(pl.col("n") > 0).with_columns(
        area=pl.lit(area),
        period=pl.lit(survival_period(study)),
        person_years=pl.lit(None, dtype=pl.Float64),
        unit=pl.lit("proportion"),
        # the day on which the last person left would point at that person
        reason=pl.col("reason").str.replace(r" from day \d+", " at this time"),
        synthetic=pl.lit(study.study.synthetic),
    )


def _labelled(rows: pl.DataFrame, age_group: str, *, sex: str = schema.ALL) -> pl.DataFrame:
    return rows.with_columns(sex=pl.lit(sex), age_group=pl.lit(age_group))


def _by_standard(adults: Arrays, groups: Groups, study: Study) -> pl.DataFrame:
    """Return adults' survival, crude and by each group's own standard."""
    parts = [crude(adults, groups, study)]
    if study.survival.standard != schema.NONE and groups.table.height:
        parts.append(_standardised(adults, groups, study))
    return pl.concat(parts)


def crude(
    arrays: Arrays, groups: Groups, study: Study, *, days: Sequence[float] | None = None
) -> pl.DataFrame:
    """Return the survival of each group, its age classes together; at the study's times, or days.

    ``arrays``: daily sums, shape (n_groups, n_classes, ...).
    """
    plan = _plan(study)
    summed = {name: array.sum(axis=1) for name, array in arrays.items()}
    strata = groups.table.select("entity_id")
    return estimate_survival(Tally(plan.hash, strata, summed), plan, times=days)


def _standardised(arrays: Arrays, groups: Groups, study: Study) -> pl.DataFrame:
    """Return the survival of each group by its own standard."""
    first, *others = (named_standard(f"icss{number}") for number in _STANDARDS)
    entities, standard = groups.table["entity_id"], groups.standard_of(_STANDARDS)
    plan = _plan(
        study, standard=first, entity_column="entity_id",
        entity_standards=tuple(
            (entity, others[own - 1]) for entity, own in zip(entities, standard, strict=True) if own
        ),
    )  # fmt: skip
    n_groups, n_classes = len(entities), len(_ADULTS)
    strata = pl.DataFrame(
        {
            "entity_id": entities.gather(np.repeat(np.arange(n_groups), n_classes)),
            AGE_CLASS: np.tile(np.arange(n_classes), n_groups),
        }
    )
    flat = {n: array.reshape(strata.height, *array.shape[2:]) for n, array in arrays.items()}
    return estimate_survival(Tally(plan.hash, strata, flat), plan)


def _plan(study: Study, **standards: Any) -> SurvivalPlan:
    choices = study.survival
    return survival_plan(
        by=("entity_id",),
        at_days=times_of(study),
        methods=(METHOD,),
        days_per_year=study.study.days_per_year,
        form=choices.form,
        interval=choices.interval,
        when_empty=choices.when_empty,
        min_at_risk=choices.min_at_risk,
        level=study.level,
        life_table="of each registry",
        **standards,
    )


def _rolled_up(
    sums: Sums, groups: Groups, classes: range, *, sexes: Sequence[int] = (0, 1)
) -> tuple[Arrays, Groups]:
    """Return the sums of groups with cases of these classes and sexes, and the groups.

    Shape (n_groups, n_classes, ...).
    """
    from scipy.sparse import csc_array  # noqa: PLC0415 - slow to import

    leaf, sex, age = _decoded(sums.codes)
    chosen = np.isin(sex, sexes) & np.isin(age, classes)
    held = groups.only(np.asarray(groups.members[:, leaf[chosen]].any(axis=1)))
    group, stratum = np.nonzero(held.members[:, leaf] & chosen)
    n_groups, n_classes = len(held.members), len(classes)
    place = group * n_classes + age[stratum] - classes[0]
    shape = (n_groups * n_classes, len(leaf))
    out = {}
    for name, array in sums.arrays.items():
        adding = csc_array((np.ones(len(group), dtype=array.dtype), (place, stratum)), shape=shape)
        flat = adding @ array.reshape(len(leaf), math.prod(array.shape[1:]))
        out[name] = flat.reshape(n_groups, n_classes, *array.shape[1:])
    return out, held


def _decoded(codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Return the leaf, sex and age class of strata."""
    n_classes = len(CLASSES)
    return codes // (2 * n_classes), codes // n_classes % 2, codes % n_classes


def _codes(tally: Tally) -> NDArray[np.int64]:
    strata = tally.strata
    sexes = {name: position for position, name in enumerate(SEXES)}
    sex = strata["sex"].cast(pl.String).replace_strict(sexes, return_dtype=pl.Int64).to_numpy()
    leaf = strata[LEAF].to_physical().cast(pl.Int64).to_numpy()
    codes: NDArray[np.int64] = (leaf * 2 + sex) * len(CLASSES) + strata[AGE_CLASS].to_numpy()
    return codes


def times_of(study: Study) -> tuple[float, ...]:
    """Return the study's evaluation times, in days."""
    return tuple(sorted(years * study.study.days_per_year for years in study.survival.at))


def _quarters(study: Study) -> list[float]:
    """Return the whole days nearest to each quarter of a year, but for the study's own times."""
    year, last = study.study.days_per_year, max(study.survival.at)
    quarters = [quarter / 4 for quarter in range(1, int(last * 4) + 1)]
    return [float(round(q * year)) for q in quarters if q not in study.survival.at]


def survival_period(study: Study) -> str:
    """Return the years that survival is of."""
    window = study.survival.window or study.study.period
    return f"{window[0].year}-{window[1].year}"
