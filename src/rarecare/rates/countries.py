"""Incidence of a very rare entity by country: raw rates beside those drawn to their level."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import ColumnError, UsageError
from rarecare.population.population import Population
from rarecare.rates.between_countries import Integration
from rarecare.rates.estimate import COUNTED, population_within, prepare_incidence
from rarecare.rates.hierarchical import (
    COMMON,
    COMMON_RATIO,
    LOWER,
    NEW,
    SPREAD,
    TYPICAL,
    UPPER,
    ShrunkenRates,
    check_prior,
    shrunken_rates,
)
from rarecare.rates.plan import IncidencePlan, UnknownAge, incidence_plan
from rarecare.rates.ratios import NONE_EXPECTED
from rarecare.rates.tally import tally_incidence
from rarecare.registry import Cases, ExclusionRules
from rarecare.results import NOT_ESTIMABLE, OK, Provenance, Result
from rarecare.tally.tally import Tally

if TYPE_CHECKING:
    from rarecare.figures import Figure

Floats = NDArray[np.float64]
RAW, SHRUNKEN, COMMON_RATE = "raw rate", "shrunken rate", "common rate"
TYPICAL_RATE, NEW_RATE = "rate of the typical country", "rate of a new country"
SEX = "sex"
_NUMBERS = ("estimate", "se", "lower", "upper")
_ROWS = ("name", "measure", "n", "person_years", "unit", *_NUMBERS, "level", "method", "status",
         "reason")  # fmt: skip


def hierarchical_incidence(
    cases: Cases | Any, population: Population, *, by_unit: str = "area", by: Sequence[str] = (),
    age_groups: Sequence[int] | None = None, lower: float = LOWER, upper: float = UPPER,
    level: float = 0.95, per: float = 100_000, unknown_age: UnknownAge = "proportional",
    integration: Integration = "auto", rules: ExclusionRules = COUNTED,
    bad_rows: Literal["refuse", "exclude"] = "refuse",
) -> Result:  # fmt: skip
    """Return the rate of each country, as counted and drawn towards the common level.

    What is expected in a country are the rates by age, and by sex where the population has it, of
    all countries together times its own person-years (indirect standardisation). Both rates are
    its ratio of observed to expected cases times the crude rate of all: they differ by the
    drawing alone, and equal crude rates where countries are alike in age and sex.

    Parameters
    ----------
    cases, population, age_groups, per, rules, bad_rows
        As for ``incidence``.
    by_unit
        Key of the population whose levels are the countries.
    by
        Strata, each with a model of its own.
    lower, upper, level, integration
        As for ``shrunken_rates``.
    unknown_age
        ``"proportional"``: cases of unknown age count, distributed like the known;
        ``"exclude"``: they do not.

    Returns
    -------
    Result
        Rows by stratum. For each country ``measure`` ``"raw rate"`` (exact limits) and
        ``"shrunken rate"`` (posterior mean and quantiles). Then, with the country null, of all:
        ``"rate of the typical country"``, ``"rate of a new country"`` (predictive limits),
        ``"standard deviation between countries"`` (of log rates), ``"common rate"`` (of the
        model without differences), ``"WAIC, hierarchical"``, ``"WAIC, common rate"`` and the
        same of ``"DIC"``; ``reason`` says which WAIC is the lower. Columns: the strata,
        ``by_unit``, ``measure``, ``n``, ``person_years``, ``unit``, ``estimate``, ``se``,
        ``lower``, ``upper``, ``level``, ``method``, ``status``, ``reason``.

    Raises
    ------
    UsageError
        The countries are no key of the population, or a stratum; a choice is not among its
        choices.
    PopulationError, CaseError, ColumnError
        As for ``incidence``.
    """
    check_prior(lower, upper, integration)
    if by_unit not in population.keys or by_unit in by:
        raise UsageError(
            "countries are a key of the population, and no stratum", value=by_unit,
            allowed=[key for key in population.keys if key not in by],
        )  # fmt: skip
    sex = [SEX] if SEX in population.keys and SEX not in (*by, by_unit) else []
    strata = (*by, by_unit, *sex)
    prepared = prepare_incidence(cases, rules, strata, population, bad_rows)
    population = population_within(population, cases, rules)
    plan = incidence_plan(
        prepared.table, population, by=strata, age_groups=age_groups, standards=(), level=level,
        per=per, unknown_age=unknown_age,
    )  # fmt: skip
    tally = tally_incidence(prepared.table, population, plan)
    table = estimate_hierarchical(
        tally, plan, by_unit=by_unit, by=by, lower=lower, upper=upper, integration=integration
    )
    unknown = int(tally.arrays["cases_age_unknown"].sum())
    done = "left out" if unknown_age == "exclude" else "distributed like the known"
    provenance = Provenance(
        statistic="incidence by country, drawn towards the common rate",
        inputs=(prepared.source, population.source),
        plan=plan.to_dict() | {
            "by_unit": by_unit, "lower": lower, "upper": upper, "integration": integration,
        },
        plan_hash=plan.hash,
        exclusions=prepared.exclusions,
        notes=(
            *prepared.notes, *population.notes,
            f"standard deviation of log rates between countries: uniform from {lower:g} to "
            f"{upper:g} beforehand",
            f"expected cases from the rates of all by age{' and sex' if sex else ''}",
            *([f"cases of unknown age, {done}: {unknown}"] if unknown else []),
        ),
    )  # fmt: skip
    return Result(table, provenance, partial(_figure, table, by_unit, plan.unit))


def estimate_hierarchical(
    tally: Tally, plan: IncidencePlan, *, by_unit: str = "area", by: Sequence[str] = (),
    lower: float = LOWER, upper: float = UPPER, integration: Integration = "auto",
) -> pl.DataFrame:  # fmt: skip
    """Return the rows of ``hierarchical_incidence`` from a tally by stratum, country and sex.

    Raises
    ------
    DisagreementError
        The tally was made with another plan.
    ColumnError
        The tally is not by country.
    """
    tally.check_plan(plan)
    if by_unit not in tally.strata.columns:
        raise ColumnError("the tally is not by country", value=by_unit, allowed=list(plan.strata))
    strata = tally.strata.with_columns(_row=pl.int_range(pl.len()))
    groups = strata.partition_by(by, maintain_order=True) if by else [strata]
    blocks = []
    for group in groups:
        units, y, lam, years, pooled = _indirect(tally, plan, group, by_unit)
        found = shrunken_rates(
            y, lam, names=units, lower=lower, upper=upper, level=plan.level, reference=pooled,
            integration=integration,
        )  # fmt: skip
        own = pl.concat([_country_rows(found, years, pooled), _common_rows(found, years, pooled)])
        stratum = [pl.lit(group[name][0], group.schema[name]).alias(name) for name in by]
        blocks.append(own.rename({"name": by_unit}).select(*stratum, pl.all()))
    rate = pl.col("unit").is_null()
    return pl.concat(blocks).with_columns(
        unit=pl.when(rate).then(pl.lit(plan.unit)).otherwise("unit")
    )


def _indirect(
    tally: Tally, plan: IncidencePlan, group: pl.DataFrame, by_unit: str
) -> tuple[list[str], NDArray[np.int64], Floats, Floats, float]:
    """Return the countries, observed and expected cases, person-years, and the rate of all.

    Without a case of known age all ages and countries are given one rate, ``per`` cases' worth.
    """
    rows = group["_row"].to_numpy()
    d, y = (tally.arrays[name][rows] for name in ("cases", "person_years"))
    unknown = tally.arrays["cases_age_unknown"][rows] * (plan.unknown_age == "proportional")
    units = group[by_unit].unique().sort()
    unit = np.searchsorted(units.to_numpy(), group[by_unit].to_numpy())
    other = [c for c in group.columns if c not in ("_row", by_unit)]
    cell = np.zeros(group.height, dtype=np.int64)
    if other:
        cell = group.select(pl.struct(other).rank("dense")).to_series().to_numpy().astype(int) - 1
    shape = (int(cell.max()) + 1, d.shape[1])
    cases, person_years = np.zeros(shape), np.zeros(shape)
    np.add.at(cases, cell, d)
    np.add.at(person_years, cell, y)
    flat = np.full(shape, 1 / plan.per)
    some = bool(cases.any())
    rates = np.divide(cases, person_years, out=np.zeros(shape), where=person_years > 0)
    observed, expected, years = (np.zeros(len(units)) for _ in range(3))
    np.add.at(observed, unit, d.sum(axis=1) + unknown)
    np.add.at(expected, unit, ((rates if some else flat)[cell] * y).sum(axis=1))
    np.add.at(years, unit, y.sum(axis=1))
    if not some:
        return units.to_list(), observed.astype(np.int64), expected, years, 1.0
    expected *= observed.sum() / d.sum()
    pooled = float(plan.per * observed.sum() / years.sum())
    return units.to_list(), observed.astype(np.int64), expected, years, pooled


def _country_rows(found: ShrunkenRates, years: Floats, pooled: float) -> pl.DataFrame:
    own = found.countries.with_columns(person_years=pl.Series(years), _order=pl.int_range(pl.len()))
    raw = own.with_columns(
        measure=pl.lit(RAW), estimate=pl.col("raw"), lower="raw_lower", upper="raw_upper",
        se=pl.when(pl.col("expected") > 0).then(pl.col("n").sqrt() / pl.col("expected")),
        method=pl.lit("exact"),
        status=pl.when(pl.col("raw").is_null()).then(pl.lit(NOT_ESTIMABLE)).otherwise(pl.lit(OK)),
        reason=pl.when(pl.col("raw").is_null()).then(pl.lit(NONE_EXPECTED)),
    )  # fmt: skip
    both = pl.concat([raw, own.with_columns(measure=pl.lit(SHRUNKEN)).select(raw.columns)])
    return (
        both.sort("_order", maintain_order=True)
        .with_columns(pl.col(_NUMBERS) * pooled, unit=pl.lit(None, pl.String))
        .select(_ROWS)
    )


def _common_rows(found: ShrunkenRates, years: Floats, pooled: float) -> pl.DataFrame:
    """Return the rows of all countries together; a unit of null is that of the rates."""
    names = {TYPICAL: TYPICAL_RATE, NEW: NEW_RATE, SPREAD: SPREAD, COMMON_RATIO: COMMON_RATE}
    rate = pl.col("measure") != SPREAD
    between = (
        found.between.filter(pl.col("measure").is_in(list(names)))
        .with_columns(pl.col("measure").replace(names))
        .with_columns(
            pl.when(rate).then(pl.col(_NUMBERS) * pooled).otherwise(pl.col(_NUMBERS)),
            unit=pl.when(~rate).then(pl.lit("log ratio")),
            method=pl.when(measure=COMMON_RATE).then(pl.lit("gamma")).otherwise(
                pl.lit(found.countries["method"][0])
            ),
        )
    )  # fmt: skip
    preferred = pl.col("model") == (found.prefers or "")
    missing = [pl.lit(None, pl.Float64).alias(name) for name in ("se", "lower", "upper", "level")]
    models = [
        found.models.select(
            *missing, "status", estimate=name.lower(), unit=pl.lit("deviance"),
            measure=pl.lit(f"{name}, ") + pl.col("model"),
            method=pl.when(model=COMMON).then(pl.lit("gamma")).otherwise(
                pl.lit(found.countries["method"][0])
            ),
            reason=pl.when(preferred).then(pl.lit("the lower WAIC")).otherwise("reason")
            if name == "WAIC" else pl.col("reason"),
        )
        for name in ("WAIC", "DIC")
    ]  # fmt: skip
    return pl.concat([between, *models], how="diagonal").select(
        name=pl.lit(None, pl.String), n=pl.lit(found.countries["n"].sum(), pl.Int64),
        person_years=pl.lit(float(years.sum())),
        **{c: pl.col(c) for c in _ROWS if c not in ("name", "n", "person_years")},
    ).select(_ROWS)  # fmt: skip


def _figure(
    table: pl.DataFrame, by_unit: str, unit: str, title: str = "Incidence by country",
    **choices: Any,
) -> Figure:  # fmt: skip
    """Draw a map of raw rates beside one of shrunken rates; of one stratum."""
    from rarecare.figures import country_map  # noqa: PLC0415 - drawn when asked

    own = table.drop_nulls(by_unit).rename({by_unit: "area"})
    return country_map(
        own.filter(measure=RAW), value_label=f"New cases {unit}", title=title,
        beside=own.filter(measure=SHRUNKEN), **choices,
    )  # fmt: skip
