"""The prevalence rows of a release: counted registry by registry, added over areas.

A registry's own survival stands in for its cases lost; numbers and variances add. Persons count
once in each entity, tier 1, family and in all, by the first tumour of it in the window.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import PopulationError
from rarecare.prevalent.counting import count_window, curves_of
from rarecare.prevalent.estimate import prevalence_limits
from rarecare.prevalent.members import tally_prevalence
from rarecare.prevalent.plan import AGE_CLASS, SEX, PrevalencePlan
from rarecare.prevalent.prevalence import population_on
from rarecare.registry import ExclusionRules, exclude
from rarecare.results import NOT_ESTIMABLE, OK
from rarecare.study import schema
from rarecare.study.config import Study
from rarecare.study.entities import LEAF, Groups
from rarecare.study.sources import Submission

Floats = NDArray[np.float64]
METHOD = "counted, lost by observed survival"
PER = 100_000
SHORT = timedelta(days=31)
_SUMS = ("alive", "lost", "estimate", "variance", "blind")


def index_year(study: Study) -> int:
    """Return the year at whose end the living are counted."""
    return study.prevalence.index_year or study.study.period[1].year


def window_period(study: Study, years: int) -> str:
    """Return the years of diagnosis of a window: ``"2003-2007"``.

    Of one year ``"2007"``.
    """
    last = index_year(study)
    return f"{last - years + 1}-{last}" if years > 1 else str(last)


@dataclass(slots=True)
class Alive:
    """What the registries of one area add to.

    Attributes
    ----------
    sums
        By window: ``_SUMS`` of each group, shape (5, n_groups).
    persons
        On the index date; None where a registry has no population.
    short
        Windows that a registry does not reach back to, or forward, and why.
    """

    sums: dict[int, Floats] = field(default_factory=dict)
    persons: float | None = 0.0
    short: dict[int, str] = field(default_factory=dict)

    def add(self, other: Alive) -> None:
        """Add the numbers of another area."""
        for window, values in other.sums.items():
            self.sums[window] = self.sums.get(window, np.zeros_like(values)) + values
        known = self.persons is not None and other.persons is not None
        self.persons = self.persons + other.persons if known else None  # type: ignore[operator]
        self.short |= other.short


def count_alive(
    submission: Submission, groups: Groups, study: Study
) -> tuple[Alive, pl.DataFrame, list[str]]:
    """Return one registry's prevalence by window and group, its accounting, and notes.

    Raises
    ------
    InputError
        The cases cannot be used.
    """
    registry = submission.registry.id
    rules = ExclusionRules(purpose="prevalence", behaviours=study.exclusions.behaviours, needed=())
    cases, accounting = exclude(submission.cases, rules, bad_rows=study.exclusions.bad_rows)
    cases = cases.with_columns(groups.leaf_codes(cases).alias(LEAF))
    last = index_year(study)
    plan = PrevalencePlan(
        strata=("entity_id",), index_date=date(last, 12, 31).isoformat(),
        windows=tuple((0.0, float(years)) for years in study.prevalence.windows),
        survival_strata=("entity_id", SEX, AGE_CLASS),
        min_at_risk=study.prevalence.min_at_risk, days_per_year=study.study.days_per_year,
    )  # fmt: skip
    alive, notes = Alive(), []
    alive.persons, note = _persons(submission, plan)
    notes += [f"{registry}: {note}"] if note else []
    size = groups.table.height
    if cases.is_empty():
        alive.sums = {years: np.zeros((len(_SUMS), size)) for years in study.prevalence.windows}
        return alive, accounting, [*notes, f"{registry}: no case to count in prevalence"]
    tally = tally_prevalence(_by_group(cases, groups), plan)
    begun = cases["incidence_date"].min()
    assert isinstance(begun, date)
    curves = curves_of(tally, plan)
    position = {entity: k for k, entity in enumerate(groups.table["entity_id"])}
    for years, window in zip(study.prevalence.windows, plan.windows, strict=True):
        counted = count_window(tally, plan, window, curves)
        place = np.array([position[e] for e in counted.keys["entity_id"]], dtype=np.int64)
        values = np.zeros((len(_SUMS), size))
        values[:, place] = (
            counted.alive, counted.lost, counted.estimate, counted.variance, counted.blind,
        )  # fmt: skip
        alive.sums[years] = values
        if tally.last < plan.index:
            alive.short[years] = f"{registry} is followed to {tally.last} only"
        elif begun > plan.since(years) + SHORT:
            alive.short[years] = f"{registry} registers from {begun} only"
    return alive, accounting, notes


def _by_group(cases: pl.DataFrame, groups: Groups) -> pl.DataFrame:
    """Return each case once for every group that holds it."""
    ids = pl.Series(groups.table["entity_id"])
    held = [np.flatnonzero(column).tolist() for column in groups.members.T]
    lists = pl.DataFrame(
        {"_leaf": np.arange(len(held), dtype=np.uint32), "_groups": held},
        schema_overrides={"_groups": pl.List(pl.Int64)},
    )
    columns = [
        name
        for name in ("patient_id", "registry", "sex", "age", "age_days", "incidence_date",
                     "follow_up_days", "died")
        if name in cases.columns
    ]  # fmt: skip
    return (
        cases.with_columns(_leaf=pl.col(LEAF).to_physical().cast(pl.UInt32))
        .select(*columns, "_leaf")
        .join(lists, on="_leaf", how="left", maintain_order="left")
        .explode("_groups")
        .drop_nulls("_groups")
        .with_columns(entity_id=pl.lit(ids).gather(pl.col("_groups")))
        .drop("_leaf", "_groups")
    )


def _persons(submission: Submission, plan: PrevalencePlan) -> tuple[float | None, str | None]:
    if submission.population is None:
        return None, "no population, so no proportions of prevalence"
    everyone = PrevalencePlan(index_date=plan.index_date, windows=plan.windows)
    try:
        table, (note,) = population_on(submission.population, everyone)
    except PopulationError as error:
        return None, f"no proportions of prevalence: {error}"
    return float(table.filter(age_group="all")["population"].sum()), note


def prevalence_rows(alive: Alive, groups: Groups, study: Study, *, area: str) -> pl.DataFrame:
    """Return the rows of one area: persons, and proportions where there is a population."""
    parts = []
    for years in study.prevalence.windows:
        living, lost, estimate, variance, blind = alive.sums[years]
        se = np.sqrt(variance)
        lower, upper = prevalence_limits(
            estimate, se, lost=lost.astype(np.int64), level=study.level
        )
        short = alive.short.get(years)
        reasons = [
            short or (f"{int(k)} were lost, and nobody at risk stands in for them" if k else None)
            for k in blind
        ]
        parts.append(
            pl.DataFrame(
                {
                    "measure": schema.PREVALENT, "entity_id": groups.table["entity_id"],
                    "period": window_period(study, years),
                    "n": living.astype(np.int64), "unit": "persons", "estimate": estimate,
                    "se": se, "lower": lower,
                    "upper": upper, "reason": pl.Series(reasons, dtype=pl.String),
                    "status": [NOT_ESTIMABLE if why else OK for why in reasons],
                }
            )
        )  # fmt: skip
    return in_schema(pl.concat(parts), alive.persons, study, area=area, method=METHOD,
                     proportion=schema.PREVALENCE)  # fmt: skip


def in_schema(
    rows: pl.DataFrame, persons: float | None, study: Study, *, area: str, method: str,
    proportion: str,
) -> pl.DataFrame:  # fmt: skip
    """Return rows of persons, and of proportions, in the columns of the schema."""
    numbers = ("estimate", "se", "lower", "upper")
    ok = pl.col("status") == OK
    rows = rows.with_columns(pl.when(ok).then(pl.col(name)).alias(name) for name in numbers)
    whole = rows.with_columns(person_years=pl.lit(persons, dtype=pl.Float64))
    if persons:
        shares = whole.with_columns(
            *(pl.col(name) * (PER / persons) for name in numbers), measure=pl.lit(proportion),
            unit=pl.lit("per 100 000 persons"),
        )  # fmt: skip
        whole = pl.concat([whole, shares])
    return whole.with_columns(
        area=pl.lit(area), sex=pl.lit(schema.ALL), age_group=pl.lit(schema.ALL),
        time_years=pl.lit(None, dtype=pl.Float64), events=pl.lit(None, dtype=pl.Int64),
        at_risk=pl.lit(None, dtype=pl.Int64), standard=pl.lit(schema.NONE),
        method=pl.lit(method), level=pl.lit(study.level),
        synthetic=pl.lit(study.study.synthetic),
    )  # fmt: skip
