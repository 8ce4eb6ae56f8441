"""New cases to be expected in a population, from the rates of another.

Σ d/y × persons over sex and age: a directly standardised rate whose weights are the persons of the
target population, so its limits are those of such a rate. Source: METHODS 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import polars as pl

from rarecare.errors import PopulationError, UsageError
from rarecare.population.population import Population
from rarecare.rates.estimate import COUNTED, population_within, prepare_incidence
from rarecare.rates.formulas import weighted_rate
from rarecare.rates.intervals import RateInterval, rate_limits
from rarecare.rates.plan import UnknownAge, default_age_groups, incidence_plan
from rarecare.rates.table import NO_PERSON_YEARS
from rarecare.rates.tally import tally_incidence
from rarecare.registry import Cases, ExclusionRules
from rarecare.results import NOT_ESTIMABLE, OK, Provenance, Result

EXPECTED = "expected new cases"
SEX = "sex"


def expected_cases(
    cases: Cases | Any, population: Population, target: Population, *,
    by: Sequence[str] = (), target_by: Sequence[str] = (),
    age_groups: Sequence[int] | None = None, level: float = 0.95,
    interval: RateInterval = "tiwari", unknown_age: UnknownAge = "proportional",
    rules: ExclusionRules = COUNTED, bad_rows: Literal["refuse", "exclude"] = "refuse",
) -> Result:  # fmt: skip
    """Return the yearly new cases that the pooled rates give in a target population.

    Parameters
    ----------
    cases, population
        As for ``incidence``: where the rates come from, pooled over areas and years; by sex
        where both populations have it.
    target
        Persons of the countries asked about, of one year.
    by
        Strata that only the cases have: entity.
    target_by
        Keys of the target that get rows of their own: area; none: the target as a whole.
    age_groups
        First ages, of both populations; by default the five-year bounds to 85 that both have.
    level, interval, unknown_age, rules, bad_rows
        As for ``incidence``; cases of unknown age are by default distributed like the known.

    Returns
    -------
    Result
        One row per stratum and part of the target: these, ``measure``, ``n`` and
        ``person_years`` of the rates, ``population`` (of the target), ``unit``, ``estimate``,
        ``se``, ``lower``, ``upper``, ``level``, ``method``, ``status``, ``reason``. The limits
        are those of the mean; the number of a single year varies more.

    Raises
    ------
    PopulationError
        The target has several years, or lacks an age group or a sex of the rates.
    UsageError
        A stratum of ``by`` is a key of the population: pooled rates have none.
    CaseError, ColumnError
        A column of the cases is missing or not what it must be.
    """
    check_pooled(population, target, by, what="rates")
    sexed = SEX in population.keys and SEX in target.keys
    bounds = tuple(age_groups) if age_groups is not None else tuple(
        age for age in default_age_groups(population) if age in target.age_lower
    )  # fmt: skip
    prepared = prepare_incidence(
        cases, rules, (*by, *([SEX] if sexed else [])), population, bad_rows
    )
    population = population_within(population, cases, rules)
    plan = incidence_plan(
        prepared.table, population, by=[*by, *([SEX] if sexed else [])], age_groups=bounds,
        standards=(), level=level, interval=interval, unknown_age=unknown_age,
    )  # fmt: skip
    tally = tally_incidence(prepared.table, population, plan)
    sexes = sorted(tally.strata[SEX].unique().to_list()) if sexed else ["all"]
    parts, persons = _persons(target, target_by, sexes if sexed else None, plan.age_lower)
    strata = tally.strata.select(by).unique(maintain_order=True) if by else pl.DataFrame(height=1)
    size = (strata.height, len(sexes) * len(plan.age_lower))
    d, y = (tally.arrays[name].reshape(size) for name in ("cases", "person_years"))
    known = d.sum(axis=1)
    unknown = tally.arrays["cases_age_unknown"].reshape(strata.height, -1).sum(axis=1)
    factor = np.ones(len(known))
    if unknown_age == "proportional":
        factor = np.where(unknown > 0, (known + unknown) / np.where(known > 0, known, np.nan), 1.0)
    rows = []
    for k, weights in enumerate(persons):
        if not weights.any():
            raise PopulationError(
                "a part of the target population has nobody", file=target.source.name,
                value=", ".join(str(parts[name][k]) for name in target_by) or "all",
                allowed="persons above 0",
            )  # fmt: skip
        rate = weighted_rate(d, y, weights)
        lower, upper, method = rate_limits(rate, interval=interval, level=level)
        block = {
            "measure": EXPECTED, "n": known + unknown, "person_years": y.sum(axis=1),
            "population": float(weights.sum()), "unit": "cases per year",
            "estimate": rate.rate * factor, "se": rate.se * factor, "lower": lower * factor,
            "upper": upper * factor, "level": level, "method": method,
        }  # fmt: skip
        place = {name: parts[name][k] for name in target_by}
        rows.append(strata.with_columns(_order=pl.int_range(pl.len()), _known=pl.Series(known), **{
            name: pl.Series(value) if isinstance(value, np.ndarray) else pl.lit(value)
            for name, value in (place | block).items()
        }))  # fmt: skip
    estimable = pl.col("estimate").is_not_null()
    ageless = (pl.col("n") > 0) & (pl.col("_known") == 0)
    why = pl.when(ageless).then(pl.lit("no case of known age")).otherwise(
        pl.lit(f"{NO_PERSON_YEARS} at an age")
    )  # fmt: skip
    table = (
        pl.concat(rows)
        .sort("_order", maintain_order=True)
        .drop("_order")
        .with_columns(pl.col("estimate", "se", "lower", "upper").fill_nan(None))
        .with_columns(
            status=pl.when(estimable).then(pl.lit(OK)).otherwise(pl.lit(NOT_ESTIMABLE)),
            reason=pl.when(estimable).then(None).otherwise(why),
        )
        .drop("_known")
    )
    notes = [*prepared.notes, *population.notes, f"sexes: {', '.join(sexes)}"]
    if unknown.any():
        done = "distributed like the known" if unknown_age == "proportional" else "left out"
        notes.append(f"cases of unknown age, {done}: {int(unknown.sum())}")
    provenance = Provenance(
        statistic=EXPECTED,
        inputs=(prepared.source, population.source, target.source),
        plan=plan.to_dict() | {"target_by": list(target_by), "target": target.sha256},
        plan_hash=plan.hash,
        exclusions=prepared.exclusions,
        notes=tuple(notes),
    )
    return Result(table, provenance)


def check_pooled(
    population: Population, target: Population, by: Sequence[str], *, what: str
) -> None:
    """Refuse strata that are pooled, and a target of several years.

    Raises
    ------
    UsageError, PopulationError
        As ``expected_cases``.
    """
    wrong = [name for name in by if name in (*population.keys, SEX, "year")]
    if wrong:
        raise UsageError(
            f"pooled {what} have no strata that the population has", value=wrong[0],
            allowed="strata of the cases", remedy="Take its part: population.part(...).",
        )  # fmt: skip
    if len(target.years) > 1:
        raise PopulationError(
            "the target population has several years", file=target.source.name,
            value=f"{target.years[0]} to {target.years[-1]}", allowed="one year",
            remedy="Take one: target.part(year=...).",
        )  # fmt: skip


def _persons(
    target: Population, by: Sequence[str], sexes: Sequence[str] | None, bounds: Sequence[int]
) -> tuple[pl.DataFrame, list[Any]]:
    """Return the parts of the target, and the persons of each by sex and age in one row."""
    if target.age_lower[0] != bounds[0] or not set(bounds) <= set(target.age_lower):
        raise PopulationError(
            "the target population lacks an age group of the rates", file=target.source.name,
            value=f"from {bounds[0]}", allowed=", ".join(map(str, target.age_lower)),
            remedy="Give age_groups that both populations have.",
        )  # fmt: skip
    if sexes is None:
        levels, sums = target.person_years_by(by, age_lower=bounds)
        return levels, list(sums)
    levels, sums = target.person_years_by([*by, SEX], age_lower=bounds)
    parts = levels.select(by).unique(maintain_order=True) if by else pl.DataFrame({"_": [0]})
    found = []
    for row in parts.iter_rows(named=True):
        own = np.ones(levels.height, dtype=bool)
        for name in by:
            own &= (levels[name] == row[name]).to_numpy()
        missing = set(sexes) - set(levels[SEX].to_numpy()[own])
        if missing:
            raise PopulationError(
                "the target population lacks a sex of the rates", file=target.source.name,
                value=min(missing), allowed=levels[SEX].unique().sort().to_list(),
            )  # fmt: skip
        each = [sums[own & (levels[SEX] == sex).to_numpy()].sum(axis=0) for sex in sexes]
        found.append(np.concatenate(each))
    return parts, found
