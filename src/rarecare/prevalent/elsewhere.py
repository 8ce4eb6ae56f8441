"""Persons alive with a cancer to be expected in a population, from the prevalence of another.

Σ N/P × persons over sex and age on the index date: a weighted sum of the persons counted, so the
survival that stands in for cases lost is shared by all ages in its variance. Source: METHODS 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import PopulationError
from rarecare.population.population import Population
from rarecare.prevalent.counting import Counted, Curves, count_window, curves_of
from rarecare.prevalent.estimate import EXACT
from rarecare.prevalent.members import PrevalenceTally, in_window, tally_prevalence
from rarecare.prevalent.plan import SEX, PrevalencePlan, Window, group_labels, window_label
from rarecare.prevalent.prevalence import COUNTED, population_on
from rarecare.prevalent.windowed import (
    BLIND,
    NO_AGE,
    alive_on_the_date,
    as_date,
    unknown_note,
    unreached_because,
    window_plan,
)
from rarecare.rates.expected import check_pooled
from rarecare.rates.formulas import WeightedRate
from rarecare.rates.intervals import rate_limits
from rarecare.rates.plan import default_age_groups
from rarecare.registry import Cases, ExclusionRules
from rarecare.registry.preparation import prepare
from rarecare.results import NOT_ESTIMABLE, OK, Provenance, Result

Floats = NDArray[np.float64]
EXPECTED = "expected prevalent persons"
METHOD = "proportions by sex and age × persons"
_GROUP, _WEIGHT, _FROM, _TO = "_group", "_weight", "_from", "_to"


def expected_prevalence(
    cases: Cases | Any, population: Population, target: Population, *,
    index_date: date | str, windows: Sequence[float | Window] = (1, 3, 5, 10),
    by: Sequence[str] = (), target_by: Sequence[str] = (),
    age_groups: Sequence[int] | None = None, registered_since: date | str | None = None,
    level: float = 0.95, days_per_year: float = 365.2425, rules: ExclusionRules = COUNTED,
    bad_rows: Literal["refuse", "exclude"] = "refuse",
) -> Result:  # fmt: skip
    """Return the prevalent persons that the pooled proportions give in a target population.

    Parameters
    ----------
    cases, population
        As for ``prevalence``: where the proportions come from, pooled over areas; by sex where
        both populations have it, and the cases too.
    target
        Persons of the countries asked about, of one year.
    index_date, windows, registered_since, days_per_year, rules, bad_rows
        As for ``prevalence``.
    by
        Strata that only the cases have: entity.
    target_by
        Keys of the target that get rows of their own: area; none: the target as a whole.
    age_groups
        First ages on the index date, of both populations; by default the five-year bounds to 85
        that both have.
    level
        Confidence level.

    Returns
    -------
    Result
        One row per stratum, part of the target and window: these, ``measure``, ``n`` (diagnosed
        in the window) and ``prevalent`` (alive) of the registries, ``population`` (of the
        target), ``unit``, ``estimate``, ``se``, ``lower``, ``upper``, ``level``, ``method``,
        ``status``, ``reason``. Persons of unknown age are distributed like the known.

    Raises
    ------
    PopulationError
        The target has several years, or lacks an age group or a sex of the proportions; as for
        ``prevalence``.
    UsageError
        A stratum of ``by`` is a key of the population; as for ``prevalence``.
    CaseError, ColumnError
        A column of the cases is missing or not what it must be.
    """
    check_pooled(population, target, by, what="proportions")
    pairs = tuple(
        (float(w[0]), float(w[1])) if isinstance(w, Sequence) else (0.0, float(w)) for w in windows
    )
    prepared = prepare(cases, rules, days_per_year=days_per_year, bad_rows=bad_rows)
    table, plan = window_plan(
        prepared.table, index_date=index_date, years=1, by=by, level=level, per=1.0,
        days_per_year=days_per_year,
    )  # fmt: skip
    sexed = SEX in population.keys and SEX in target.keys
    bounds = tuple(age_groups) if age_groups is not None else tuple(
        age for age in default_age_groups(population) if age in target.age_lower
    )  # fmt: skip
    plan = replace(plan, windows=pairs, age_lower=bounds)
    people, note = population_on(population, replace(plan, strata=(SEX,) if sexed else ()))
    factors, parts = _factors(
        people, _persons(target, target_by, bounds, plan, sexed=sexed), target_by
    )
    if sexed:
        _check_sexes(table, people, population)
    tally = tally_prevalence(table, plan)
    curves = curves_of(tally, plan)
    since = as_date(registered_since or tally.first)
    whole = replace(plan, age_lower=())
    rows, unknown = [], 0
    for labels in tally.strata.sort(plan.columns, nulls_last=False).iter_rows(named=True):
        same = [pl.col(name).eq_missing(pl.lit(value)) for name, value in labels.items()]
        one = pl.DataFrame([labels], schema=tally.strata.select(list(labels)).schema)
        part = replace(tally, members=tally.members.filter(same), strata=one)
        for place in parts.iter_rows(named=True):
            own = [pl.col(name).eq_missing(pl.lit(place[name])) for name in target_by]
            here = factors.filter(own) if own else factors
            for window in pairs:
                made = _expected(part, whole, curves, window, factor=here, bounds=bounds)
                unknown += made.pop("_unknown") if window == max(pairs, key=_reach) else 0
                why = unreached_because(tally, plan, since, window[1])
                rows.append(
                    {**labels, **place, **_shown(made, why), "window": window_label(window)}
                )
    strata = tally.strata.select(plan.columns)
    schema: dict[str, Any] = dict(strata.schema) | dict(parts.schema)
    numbers = dict.fromkeys(("estimate", "se", "lower", "upper"), pl.Float64)
    made_of = pl.DataFrame(
        rows, infer_schema_length=None, schema_overrides=schema | numbers | {"reason": pl.String}
    )
    result = made_of.select(
        *plan.columns, *target_by, pl.lit(EXPECTED).alias("measure"), "window", "n", "prevalent",
        "population", pl.lit("persons").alias("unit"), *numbers,
        pl.lit(level).alias("level"), pl.lit(METHOD).alias("method"), "status", "reason",
    )  # fmt: skip
    provenance = Provenance(
        statistic=f"{EXPECTED} on {plan.index_date}",
        inputs=(prepared.source, population.source, target.source),
        plan=plan.to_dict() | {"target_by": list(target_by), "target": target.sha256},
        plan_hash=plan.hash,
        exclusions=prepared.exclusions,
        notes=(
            *prepared.notes, *population.notes, *note,
            "by sex and age" if sexed else "by age",
            *unknown_note(unknown // max(parts.height, 1)),
        ),
    )  # fmt: skip
    return Result(result, provenance)


def _reach(window: Window) -> tuple[float, float]:
    return window[1], -window[0]


def _check_sexes(table: pl.DataFrame, own: pl.DataFrame, population: Population) -> None:
    if SEX not in table.columns:
        raise PopulationError(
            "the population is divided by sex, the cases are not", file=population.source.name,
            remedy="Give the cases a column sex, or a population of both sexes.",
        )  # fmt: skip
    known = own[SEX].unique().sort().to_list()
    wrong = table.filter(~pl.col(SEX).is_in(known) | pl.col(SEX).is_null())
    if wrong.height:
        raise PopulationError(
            "the population has no such sex", file=population.source.name,
            value=str(wrong[SEX][0]), allowed=known,
        )  # fmt: skip


def _persons(
    target: Population, by: Sequence[str], bounds: Sequence[int], plan: PrevalencePlan, *,
    sexed: bool,
) -> pl.DataFrame:  # fmt: skip
    """Return the persons of the target by its parts, sex and age group."""
    if not bounds or target.age_lower[0] != bounds[0] or not set(bounds) <= set(target.age_lower):
        raise PopulationError(
            "the target population lacks an age group of the proportions",
            file=target.source.name, value=f"from {bounds[0]}" if bounds else None,
            allowed=", ".join(map(str, target.age_lower)),
            remedy="Give age_groups that both populations have.",
        )  # fmt: skip
    levels, sums = target.person_years_by([*by, *([SEX] if sexed else [])], age_lower=bounds)
    return pl.concat(
        levels.with_columns(
            pl.lit(label).alias("age_group"), pl.Series(_TO, sums[:, k], dtype=pl.Float64)
        )
        for k, label in enumerate(plan.age_groups)
    )


def _factors(
    own: pl.DataFrame, persons: pl.DataFrame, by: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return persons of each part of the target over those of the registries, and the parts.

    Raises
    ------
    PopulationError
        A part of the target lacks a sex of the proportions.
    """
    cells = [name for name in (SEX, "age_group") if name in own.columns]
    groups = own.filter(pl.col("age_group") != "all").rename({"population": _FROM})
    parts = persons.select(by).unique().sort(by) if by else pl.DataFrame(height=1)
    grid = parts.join(groups, how="cross") if by else groups
    joined = grid.join(persons, on=[*by, *cells], how="left")
    absent = joined.filter(pl.col(_TO).is_null())
    if absent.height:
        raise PopulationError(
            "the target population lacks a sex of the proportions", value=absent[SEX][0],
            allowed=persons[SEX].unique().sort().to_list(),
        )  # fmt: skip
    return joined, parts


def _expected(
    part: PrevalenceTally, plan: PrevalencePlan, curves: Curves, window: Window, *,
    factor: pl.DataFrame, bounds: Sequence[int],
) -> dict[str, Any]:  # fmt: skip
    """Return the expected persons of one stratum in one part of the target."""
    cells = [name for name in (SEX, "age_group") if name in factor.columns]
    who = part.members.filter(in_window(plan, window))
    age = who["_age"].fill_null(-1).to_numpy()
    place = np.searchsorted(bounds, age, side="right") - 1
    names = [*group_labels(bounds), None]  # the last is that of an unknown age, or too young
    who = who.with_columns(age_group=pl.Series([names[k] for k in place], dtype=pl.String))
    at = factor.select(
        *cells,
        pl.when(pl.col(_FROM) > 0).then(pl.col(_TO) / pl.col(_FROM)).alias(_WEIGHT),
    )
    who = who.join(at, on=cells, how="left", maintain_order="left")
    alive = alive_on_the_date(who, plan, curves)
    known = who["age_group"].is_not_null().to_numpy()
    weight = who[_WEIGHT].fill_null(0.0).to_numpy().copy()
    nobody = bool(who.filter(pl.col("age_group").is_not_null())[_WEIGHT].null_count())
    mean = float(weight[known] @ alive[known] / alive[known].sum()) if alive[known].sum() else 0.0
    weight[~known] = mean
    counted = count_window(
        replace(part, members=who.with_columns(pl.Series(_WEIGHT, weight))), plan, window, curves,
        weight=pl.col(_WEIGHT),
    )  # fmt: skip
    return {
        "n": int(counted.n[0]), "prevalent": float(alive.sum()),
        "population": float(factor[_TO].sum()), "_unknown": int((alive[~known] > 0).sum()),
        "_counted": counted, "_level": plan.level,
        "_weights": at.filter(pl.col(_WEIGHT) > 0)[_WEIGHT].to_numpy(),
        "_why": "the population has nobody of an age and sex of those counted" if nobody
        else NO_AGE if alive.sum() > 0 and not alive[known].sum() > 0
        else f"{counted.blind[0]} {BLIND}" if counted.blind[0] else None,
    }  # fmt: skip


def _shown(made: dict[str, Any], unreached: str | None) -> dict[str, Any]:
    """Return the numbers of a row with their limits, or why there are none."""
    counted: Counted = made.pop("_counted")
    level, weights, why = (made.pop(name) for name in ("_level", "_weights", "_why"))
    why = unreached or why
    made.pop("_unknown", None)
    if why is None and not len(weights):
        why = "the population has nobody of these"
    if why is not None:
        return made | dict.fromkeys(("estimate", "se", "lower", "upper")) | {
            "status": NOT_ESTIMABLE, "reason": why,
        }  # fmt: skip
    value, variance = counted.estimate[:1], counted.variance[:1]
    cases = np.array([int(np.floor(made["prevalent"] + EXACT))])
    rate = WeightedRate(
        cases=cases, rate=value, variance=variance, largest=weights.max(keepdims=True),
        mean=np.array([weights.mean()]), mean_square=np.array([(weights**2).mean()]),
    )  # fmt: skip
    lower, upper, _ = rate_limits(rate, level=level)
    return made | {
        "estimate": float(value[0]), "se": float(variance[0] ** 0.5),
        "lower": float(lower[0]), "upper": float(upper[0]), "status": OK, "reason": None,
    }  # fmt: skip
