"""Complete prevalence with the completeness that a long registry shows.

R = n_L/n by age on the index date: of those alive whom the long registry knows, the share that was
diagnosed in the last L years. Source: METHODS_DETAIL 11; Capocaccia & De Angelis, *Statistics in
Medicine* 1997;16:425-440.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import UsageError
from rarecare.population.population import Population
from rarecare.prevalent.complete import CompletePrevalence
from rarecare.prevalent.completeness import empirical_completeness, logit_limits
from rarecare.prevalent.counting import Counted, Curves, count_window, curves_of
from rarecare.prevalent.members import PrevalenceTally, in_window, tally_prevalence
from rarecare.prevalent.plan import PrevalencePlan
from rarecare.prevalent.prevalence import COUNTED, population_on
from rarecare.prevalent.windowed import (
    COMPLETE,
    NO_AGE,
    NOBODY,
    SHARE,
    Reckoned,
    alive_on_the_date,
    as_date,
    prevalence_rows,
    unknown_note,
    unreached_because,
    window_plan,
)
from rarecare.registry import Cases, ExclusionRules
from rarecare.registry.preparation import Prepared, prepare
from rarecare.results import Provenance, Result

Floats = NDArray[np.float64]


def empirical_complete_prevalence(
    cases: Cases | Any,
    population: Population,
    *,
    index_date: date | str,
    years: float,
    long_years: float,
    long_cases: Cases | Any | None = None,
    by: Sequence[str] = (),
    age_groups: Sequence[int] = (0, 15, 45, 55, 65, 75),
    registered_since: date | str | None = None,
    long_registered_since: date | str | None = None,
    level: float = 0.95,
    per: float = 100_000,
    days_per_year: float = 365.2425,
    rules: ExclusionRules = COUNTED,
    bad_rows: Literal["refuse", "exclude"] = "refuse",
) -> CompletePrevalence:
    """Return complete prevalence on a date, from a count over some years and a long registry.

    It is too low for cancers of the young: whoever was diagnosed before the long registry began
    is in neither count.

    Parameters
    ----------
    cases, population, index_date, by, registered_since, level, per, days_per_year, rules, bad_rows
        As for ``prevalence``.
    years
        L: the window that is counted.
    long_years
        How far back the long registry is used; more than ``years``.
    long_cases
        Of the long registry, with the same strata; by default it is the same, and complete
        prevalence is then what it counts over ``long_years``.
    age_groups
        First ages on the index date of the groups of R.
    long_registered_since
        Of the long registry; by default its first date of incidence.

    Returns
    -------
    CompletePrevalence
        ``completeness`` has rows by ``age_group`` with ``n_seen`` and ``n``, alive of L and of
        all its years; there are no models, and no row of the cured.

    Raises
    ------
    UsageError, InputError
        As for ``prevalence``; ``long_years`` are not more than ``years``.
    """
    if not years < long_years < float("inf"):
        raise UsageError(
            "the long registry is not longer than the window", value=long_years,
            allowed=f"more than {years:g}",
        )  # fmt: skip
    prepared = prepare(cases, rules, days_per_year=days_per_year, bad_rows=bad_rows)
    table, plan = window_plan(
        prepared.table, index_date=index_date, years=years, by=by, level=level, per=per,
        days_per_year=days_per_year,
    )  # fmt: skip
    people, note = population_on(population, plan)
    windows = (*plan.windows, (0.0, float(long_years)))
    plan = replace(plan, windows=windows, age_lower=tuple(age_groups))
    tally = tally_prevalence(table, plan)
    curves = curves_of(tally, plan)
    unreached = unreached_because(tally, plan, as_date(registered_since or tally.first), years)
    other, others = _long(long_cases, plan, rules, bad_rows) if long_cases is not None else (
        tally, None
    )  # fmt: skip
    begun = as_date(
        long_registered_since or (registered_since if others is None else None) or other.first
    )
    short = unreached_because(other, plan, begun, long_years)
    of_long = curves if others is None else curves_of(other, plan)
    strata, shares = [], []
    groups = tally.strata.sort(plan.columns, nulls_last=False)
    for number, labels in enumerate(groups.iter_rows(named=True)):
        part = _part(tally, labels)
        counted = count_window(part, plan, plan.windows[0], curves)
        made = Reckoned(labels, counted)
        strata.append(made)
        if not made.check(unreached):
            continue
        if short:
            made.why = f"the long registry: {short}"
            continue
        long_part = part if others is None else _part(other, labels)
        seen, everyone = (count_window(long_part, plan, window, of_long) for window in plan.windows)
        made.remarks = (
            f"those diagnosed more than {long_years:g} years ago are missed: too low for "
            "cancers of the young",
        )
        _add(made, part, plan, curves, seen=seen, everyone=everyone, same=others is None)
        shares.append(groups[number].join(
            _share_rows(seen, everyone, plan), how="cross", maintain_order="left_right"
        ))  # fmt: skip
    provenance = Provenance(
        statistic=f"complete prevalence on {plan.index_date}",
        inputs=tuple(one.source for one in (prepared, population, others) if one is not None),
        plan=plan.to_dict() | {"long_years": long_years},
        plan_hash=plan.hash,
        exclusions=prepared.exclusions,
        notes=(
            *prepared.notes, *note,
            f"completeness: of those alive {long_years:g} years after diagnosis at most, the share "
            f"of the last {years:g}, by age on the index date",
            f"whoever was diagnosed more than {long_years:g} years ago is missed: too low for "
            "cancers of the young",
            *unknown_note(sum(own.unknown for own in strata)),
        ),
    )  # fmt: skip
    columns = ("n_seen", "n", "estimate", "se", "lower", "upper")
    empty = pl.DataFrame(schema=groups.schema | {"age_group": pl.String}
                         | dict.fromkeys(columns, pl.Float64))  # fmt: skip
    return CompletePrevalence(
        Result(prevalence_rows(strata, plan, people, (COMPLETE, SHARE)), provenance),
        pl.concat(shares) if shares else empty,
        {},
    )


def _long(
    cases: Cases | Any, plan: PrevalencePlan, rules: ExclusionRules,
    bad_rows: Literal["refuse", "exclude"],
) -> tuple[PrevalenceTally, Prepared]:  # fmt: skip
    """Return the tally of another registry, the long one."""
    prepared = prepare(cases, rules, days_per_year=plan.days_per_year, bad_rows=bad_rows)
    table, _ = window_plan(
        prepared.table, index_date=plan.index, years=1, by=plan.strata, level=plan.level,
        per=plan.per, days_per_year=plan.days_per_year,
    )  # fmt: skip
    return tally_prevalence(table, plan), prepared


def _part(tally: PrevalenceTally, labels: dict[str, Any]) -> PrevalenceTally:
    """Return the part of a tally that one stratum is; its survival is that of all."""
    same = [pl.col(name).eq_missing(pl.lit(value)) for name, value in labels.items()]
    strata = pl.DataFrame([labels], schema=tally.strata.select(list(labels)).schema)
    return replace(tally, members=tally.members.filter(same), strata=strata)


def _add(
    made: Reckoned, part: PrevalenceTally, plan: PrevalencePlan, curves: Curves, *,
    seen: Counted, everyone: Counted, same: bool,
) -> None:  # fmt: skip
    """Add the complete and the share counted, or why there is none.

    Var N = Σ over the members with weights 1/R + Σ (N_L/R²)² R(1 − R)/n. In the same registry
    N_L/R is n, and so is its variance.
    """
    who = part.members.filter(in_window(plan, plan.windows[0]))
    alive = alive_on_the_date(who, plan, curves)
    age = who["_age"].fill_null(-1).to_numpy()
    group = np.searchsorted(plan.age_lower, age, side="right") - 1
    known = group >= 0
    made.unknown = int((alive[~known] > 0).sum())
    if not alive[known].sum() > 0:
        made.why = NO_AGE if alive.sum() > 0 else NOBODY
        return
    if everyone.blind[0]:
        made.why = f"the long registry: {everyone.blind[0]} lost, and nobody at risk stands in"
        return
    size = len(plan.age_lower)
    at_age = np.bincount(group[known], weights=alive[known], minlength=size)
    share, spread = empirical_completeness(seen.estimate[1:], everyone.estimate[1:])
    lacking = (at_age > 0) & ~(share > 0)
    if lacking.any():
        name = plan.age_groups[int(np.argmax(lacking))]
        made.why = f"the long registry has nobody of age {name} in the window"
        return
    factor = np.where(share > 0, 1 / np.where(share > 0, share, 1), 0.0)
    at_age = at_age * (alive.sum() / alive[known].sum())
    weight = np.where(known, factor[np.maximum(group, 0)], at_age @ factor / at_age.sum())
    models = float((at_age * factor**2) ** 2 @ np.nan_to_num(spread))
    total = float(weight @ alive)
    if same:
        total, variance = float(everyone.estimate[0]), float(everyone.variance[0])
    else:
        variance = _weighted(part, who, weight, plan, curves) + models
    made.numbers[COMPLETE] = (total, variance)
    ratio = float(alive.sum() / total)
    of_count = _weighted(part, who, 1 - ratio * weight, plan, curves)
    if same:
        made.numbers[SHARE] = (ratio, ratio * (1 - ratio) / total)
    else:
        made.numbers[SHARE] = (ratio, (of_count + ratio**2 * models) / total**2)


def _weighted(
    part: PrevalenceTally, who: pl.DataFrame, weight: Floats, plan: PrevalencePlan, curves: Curves
) -> float:
    """Return the variance of the members' sum with weights."""
    own = replace(part, members=who.with_columns(pl.Series("_weight", weight)))
    counted = count_window(own, plan, plan.windows[0], curves, weight=pl.col("_weight"))
    return float(counted.variance[0])


def _share_rows(seen: Counted, everyone: Counted, plan: PrevalencePlan) -> pl.DataFrame:
    """Return R by age group on the index date, limits on the logit scale; null with nobody."""
    share, variance = empirical_completeness(seen.estimate[1:], everyone.estimate[1:])
    se = np.sqrt(np.maximum(variance, 0))
    there = everyone.estimate[1:] > 0
    lower, upper = logit_limits(np.where(there, share, 0.5), np.where(there, se, 0.0), plan.level)
    rows = pl.DataFrame({
        "age_group": plan.age_groups, "n_seen": seen.estimate[1:], "n": everyone.estimate[1:],
        "estimate": share, "se": se, "lower": lower, "upper": upper,
    })  # fmt: skip
    empty = pl.col("n") <= 0
    return rows.with_columns(
        pl.when(~empty).then(pl.col(name)).alias(name)
        for name in ("estimate", "se", "lower", "upper")
    )
