"""Incidence tables: from a tally of cases and person-years to rates with their limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import PopulationError, UsageError
from rarecare.population.population import Population
from rarecare.rates import formulas
from rarecare.rates.intervals import (
    FEW,
    CountInterval,
    RateInterval,
    count_limits,
    rate_limits,
)
from rarecare.rates.plan import IncidencePlan, Standard, UnknownAge, incidence_plan
from rarecare.rates.tally import tally_incidence
from rarecare.registry import Cases, ExclusionRules
from rarecare.registry.preparation import Prepared, as_it_stands, prepare
from rarecare.results import NOT_ESTIMABLE, OK, Provenance, Result
from rarecare.tally.tally import Tally

if TYPE_CHECKING:
    from rarecare.figures import Figure

CRUDE = "crude rate"
AGE_SPECIFIC = "age-specific rate"
STANDARDISED = "standardised rate"
TRUNCATED = "truncated rate 35-64"
CUMULATIVE_RATE = "cumulative rate 0-74"
CUMULATIVE_RISK = "cumulative risk 0-74"
MEASURES = (CRUDE, AGE_SPECIFIC, STANDARDISED, TRUNCATED, CUMULATIVE_RATE, CUMULATIVE_RISK)

ALL_AGES = "all"
NO_STANDARD = "none"
PERCENT = "percent"
NO_PERSON_YEARS = "no person-years"
COUNTED = ExclusionRules(purpose="incidence", needed=())
"""Who is counted by default: behaviour 3, all ages."""

_NUMBERS = ("estimate", "se", "lower", "upper")
_DONE = {
    "exclude": "counted in crude rates only",
    "proportional": "distributed over the ages like the cases of known age",
}

Floats = NDArray[np.float64]


def estimate_incidence(tally: Tally, plan: IncidencePlan) -> pl.DataFrame:
    """Return rates with their limits from a tally.

    Parameters
    ----------
    tally
        Made with the plan, of one part or the sum of several.
    plan
        The choices.

    Returns
    -------
    DataFrame
        One row per stratum and rate: the strata; ``measure`` (of ``MEASURES``);
        ``age_group`` (``"all"``, ``"0-4"``, ``"0-74"``); ``standard`` (``"none"`` where there
        is none); ``method`` (of the limits); ``n`` and ``person_years`` of the ages that
        the rate is made of; ``unit``; ``estimate``, ``se``, ``lower``, ``upper``; ``level``;
        ``status`` ("ok", "not estimable") and ``reason``, which also says on rows that are ok
        what was done about unknown ages. Crude rates count cases of unknown age; ``n``
        of the others does not.

    Raises
    ------
    DisagreementError
        The tally was made with another plan.
    """
    tally.check_plan(plan)
    blocks = [_crude(tally, plan), _age_specific(tally, plan)]
    for name, given in plan.standards:
        blocks += _standardised(tally, plan, name, given)
    blocks += _cumulative(tally, plan)
    rows = pl.concat(block.with_columns(_block=pl.lit(i)) for i, block in enumerate(blocks))
    strata = tally.strata.with_columns(_stratum=pl.int_range(pl.len(), dtype=pl.Int64))
    estimable = pl.col("estimate").is_not_null()
    return (
        strata.join(rows, on="_stratum", how="inner")
        .sort("_stratum", "_block", "_age")
        .with_columns(
            level=pl.lit(plan.level),
            status=pl.when(estimable).then(pl.lit(OK)).otherwise(pl.lit(NOT_ESTIMABLE)),
        )
        .select(
            *tally.strata.columns,
            *("measure", "age_group", "standard", "method", "n", "person_years", "unit"),
            *(*_NUMBERS, "level", "status", "reason"),
        )
    )


def incidence_table(
    cases: pl.DataFrame, population: Population, plan: IncidencePlan
) -> pl.DataFrame:
    """Return the table of ``estimate_incidence`` for one set of cases and its population."""
    return estimate_incidence(tally_incidence(cases, population, plan), plan)


def incidence(
    cases: Cases | Any,
    population: Population,
    *,
    by: Sequence[str] = (),
    age_groups: Sequence[int] | None = None,
    standards: Sequence[Standard] = ("esp2013",),
    level: float = 0.95,
    interval: RateInterval = "tiwari",
    count_interval: CountInterval = "exact",
    per: float = 100_000,
    unknown_age: UnknownAge = "exclude",
    rules: ExclusionRules = COUNTED,
    bad_rows: Literal["refuse", "exclude"] = "refuse",
) -> Result:
    """Return crude, age-specific, standardised, truncated and cumulative incidence.

    Parameters
    ----------
    cases
        Cases as read; or a data frame in canonical columns, taken as it stands, one row per
        case that counts: ``incidence_date`` (where the population has years), ``age`` in
        completed years, null when unknown, and the strata. Columns named as keys of the
        population are compared with it.
    population
        The person-years the cases come from: only the areas and years in which they were
        registered (``Population.part``).
    by
        Strata. Keys of the population, and ``year`` (of the incidence date), have their
        own person-years; any other column (entity, stage) shares the whole. Keys of the
        population that are not strata are summed over.
    age_groups
        Lower bounds of the age groups, among the population's; the last group is open unless
        the population ends. By default the five-year bounds to 85 that the population has.
    standards
        Names of standard populations (``rarecare.codes.standards``), or pairs of a name and
        one weight per age group, of any scale.
    level
        Confidence level.
    interval
        Limits of standardised, truncated and cumulative rates: ``"tiwari"`` (Fay and
        Feuer's below 10 cases), ``"fay-feuer"``, ``"dobson"`` or ``"dobson-byar"`` (Fay and
        Feuer's without cases). ``method`` in the table says which was used.
    count_interval
        Limits of crude and age-specific rates: ``"exact"`` or ``"byar"``.
    per
        Person-years the rates refer to. Cumulative rate and risk are in percent.
    unknown_age
        ``"exclude"``: cases of unknown age count in crude rates and in no other; ``reason``
        says how many. ``"proportional"``: the other rates, their errors and limits are
        multiplied by all cases / cases of known age, as if the unknown ages were
        distributed like the known.
    rules
        Who is counted among cases as read; by default behaviour 3, all ages.
    bad_rows
        ``"refuse"``: stop at values that cannot be read. ``"exclude"``: count them and go on.

    Returns
    -------
    Result
        Its ``table`` is that of ``estimate_incidence``.

    Raises
    ------
    PopulationError
        A case lies outside the population, or the age groups are not among its own.
    CaseError, ColumnError
        A column of the cases is missing or not what it must be.
    UsageError
        A choice is not among its choices.
    """
    prepared = prepare_incidence(cases, rules, by, population, bad_rows)
    population = population_within(population, cases, rules)
    plan = incidence_plan(
        prepared.table,
        population,
        by=by,
        age_groups=age_groups,
        standards=standards,
        level=level,
        interval=interval,
        count_interval=count_interval,
        per=per,
        unknown_age=unknown_age,
    )
    tally = tally_incidence(prepared.table, population, plan)
    provenance = Provenance(
        statistic="incidence",
        inputs=(prepared.source, population.source),
        plan=plan.to_dict(),
        plan_hash=plan.hash,
        exclusions=prepared.exclusions,
        notes=(
            *prepared.notes,
            *incidence_notes(prepared.table, population, plan, tally),
        ),
    )
    table = estimate_incidence(tally, plan)
    return Result(table, provenance, partial(_figure, table, plan))


def _figure(
    table: pl.DataFrame, plan: IncidencePlan, title: str = "Incidence", **choices: Any
) -> Figure:
    """Draw the first standard's rates, or crude rates where there is no standard."""
    from rarecare.figures import rates_figure  # noqa: PLC0415 - drawn when asked

    name = plan.standards[0][0] if plan.standards else NO_STANDARD
    measure = STANDARDISED if plan.standards else CRUDE
    rows = table.filter(pl.col("measure") == measure, pl.col("standard") == name)
    return rates_figure(
        rows,
        value_label=f"New cases {plan.unit}",
        by=plan.columns,
        title=title,
        subtitle=f"Age-standardised, {name}" if plan.standards else "Crude rates",
        **choices,
    )


def prepare_incidence(
    cases: Cases | Any,
    rules: ExclusionRules,
    by: Sequence[str],
    population: Population,
    bad_rows: Literal["refuse", "exclude"],
) -> Prepared:
    """Return the cases that count, ready to be tallied with their population."""
    if not isinstance(cases, Cases):
        return as_it_stands(cases)
    keys = [key for key in population.keys if key in cases.table.columns]
    rules = replace(
        rules,
        strata=tuple(dict.fromkeys((*rules.strata, *(name for name in by if name != "year")))),
        needed=tuple(dict.fromkeys((*rules.needed, *keys))),
    )
    return prepare(cases, rules, bad_rows=bad_rows)


def population_within(
    population: Population, cases: Cases | Any, rules: ExclusionRules
) -> Population:
    """Return the years of the population in which cases are counted: those of the rules' period.

    Raises
    ------
    UsageError
        The period does not begin and end with a year.
    PopulationError
        The population has no year of the period.
    """
    if rules.period is None or not population.years or not isinstance(cases, Cases):
        return population
    first = rules.period[0] or date(population.years[0], 1, 1)
    last = rules.period[1] or date(population.years[-1], 12, 31)
    if (first.month, first.day, last.month, last.day) != (1, 1, 12, 31):
        raise UsageError(
            "rates are of whole years, and the period is not", value=f"{first} to {last}",
            allowed="from a 1 January to a 31 December",
        )  # fmt: skip
    held = [year for year in population.years if first.year <= year <= last.year]
    if not held:
        raise PopulationError(
            "the population has no year of the period", file=population.source.name,
            value=f"{first.year} to {last.year}",
            allowed=f"{population.years[0]} to {population.years[-1]}",
        )  # fmt: skip
    return population if len(held) == len(population.years) else population.part(year=held)


def incidence_notes(
    cases: pl.DataFrame, population: Population, plan: IncidencePlan, tally: Tally
) -> tuple[str, ...]:
    """Return what a reader of the table must know of how it was made."""
    notes = list(population.notes)
    summed = [key for key in population.keys if key not in plan.strata]
    if summed:
        notes.append(f"person-years are summed over {', '.join(summed)}")
    if plan.case_strata:
        notes.append(f"each {', '.join(plan.case_strata)} shares the whole person-years")
    if population.years and cases.height:
        years = cases["incidence_date"].dt.year().unique().sort()
        if (years[0], years[-1]) != (population.years[0], population.years[-1]):
            notes.append(
                f"person-years are of {population.years[0]}-{population.years[-1]}, cases of "
                f"{years[0]}-{years[-1]}: leave out years that were not registered"
            )
    unknown = int(tally.arrays["cases_age_unknown"].sum())
    if unknown:
        notes.append(f"cases of unknown age, {_DONE[plan.unknown_age]}: {unknown}")
    if plan.interval == "tiwari":
        notes.append(f"weighted rates from fewer than {FEW} cases have Fay and Feuer's limits")
    return tuple(notes)


@dataclass(frozen=True, slots=True)
class _Block:
    """One rate in every stratum and age group: arrays (n_strata, n_groups) or (n_strata,).

    ``numbers`` are the estimate, its standard error, and the lower and upper limit.
    """

    n: NDArray[np.int64]
    person_years: Floats
    numbers: tuple[Floats, Floats, Floats, Floats]
    method: str | NDArray[np.str_]
    reasons: list[str | None]

    def rows(
        self,
        measure: str,
        *,
        per: float,
        unit: str,
        age_groups: Sequence[str] = (ALL_AGES,),
        standard: str = NO_STANDARD,
    ) -> pl.DataFrame:
        """Return one row per stratum and age group, numbers multiplied by ``per``."""
        groups, size = len(age_groups), self.n.size
        methods = np.broadcast_to(np.asarray(self.method), self.n.shape)
        columns = {
            "_stratum": np.arange(size) // groups,
            "_age": np.arange(size) % groups,
            "age_group": pl.Series(list(age_groups) * (size // groups), dtype=pl.String),
            "method": pl.Series(methods.ravel().tolist(), dtype=pl.String),
            "n": self.n.ravel(),
            "person_years": self.person_years.ravel(),
            "reason": pl.Series(self.reasons, dtype=pl.String),
        }
        numbers = {
            name: (per * number).ravel()
            for name, number in zip(_NUMBERS, self.numbers, strict=True)
        }
        return pl.DataFrame(columns | numbers).with_columns(
            pl.col(_NUMBERS).fill_nan(None),
            measure=pl.lit(measure),
            standard=pl.lit(standard),
            unit=pl.lit(unit),
        )


def _crude(tally: Tally, plan: IncidencePlan) -> pl.DataFrame:
    n = tally.arrays["cases"].sum(axis=1) + tally.arrays["cases_age_unknown"]
    y = tally.arrays["person_years"].sum(axis=1)
    reasons = [None if some else NO_PERSON_YEARS for some in y > 0]
    block = _Block(n, y, _count_rates(n, y, plan, np.ones(len(n))), plan.count_interval, reasons)
    return block.rows(CRUDE, per=plan.per, unit=plan.unit)


def _age_specific(tally: Tally, plan: IncidencePlan) -> pl.DataFrame:
    n, y = tally.arrays["cases"], tally.arrays["person_years"]
    factor, remarks = _unknown_ages(tally, plan)
    numbers = _count_rates(n, y, plan, factor[:, None])
    reasons = [
        remark if some else NO_PERSON_YEARS
        for remark, row in zip(remarks, y > 0, strict=True)
        for some in row
    ]
    block = _Block(n, y, numbers, plan.count_interval, reasons)
    return block.rows(AGE_SPECIFIC, per=plan.per, unit=plan.unit, age_groups=plan.age_groups)


def _standardised(
    tally: Tally, plan: IncidencePlan, standard: str, given: Sequence[float]
) -> list[pl.DataFrame]:
    whole = _weighted(tally, plan, formulas.standard_weights(given), ALL_AGES)
    part = formulas.truncated_weights(given, plan.age_lower, age_end=plan.age_end)
    truncated = _weighted(tally, plan, part, "35-64")
    per, unit = plan.per, plan.unit
    return [
        whole.rows(STANDARDISED, per=per, unit=unit, standard=standard),
        truncated.rows(TRUNCATED, per=per, unit=unit, age_groups=("35-64",), standard=standard),
    ]


def _cumulative(tally: Tally, plan: IncidencePlan) -> list[pl.DataFrame]:
    widths = formulas.cumulative_weights(plan.age_lower, age_end=plan.age_end)
    rate = _weighted(tally, plan, widths, "0-74")
    estimate, se, lower, upper = rate.numbers
    risk_of = formulas.cumulative_risk
    numbers = (risk_of(estimate), np.exp(-estimate) * se, risk_of(lower), risk_of(upper))
    risk = replace(rate, numbers=numbers)
    return [
        block.rows(measure, per=100, unit=PERCENT, age_groups=("0-74",))
        for block, measure in ((rate, CUMULATIVE_RATE), (risk, CUMULATIVE_RISK))
    ]


def _count_rates(
    n: NDArray[np.int64], y: Floats, plan: IncidencePlan, factor: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return rates of counts times ``factor``, standard errors, limits; nan without y."""
    rate = formulas.age_specific_rates(n, y)
    lower, upper = count_limits(n, interval=plan.count_interval, level=plan.level)
    each = factor / np.where(y > 0, y, np.nan)
    return rate * factor, np.sqrt(n) * each, lower * each, upper * each


def _weighted(tally: Tally, plan: IncidencePlan, weights: Floats | None, ages: str) -> _Block:
    """Return a weighted rate, corrected for unknown ages; no weights: not estimable."""
    d, y = tally.arrays["cases"], tally.arrays["person_years"]
    if weights is None:
        nothing = np.full(len(d), np.nan)
        reasons: list[str | None] = [f"no age groups make up ages {ages}"] * len(d)
        none, zero = np.zeros(len(d), dtype=np.int64), np.zeros(len(d))
        return _Block(none, zero, (nothing, nothing, nothing, nothing), plan.interval, reasons)
    rate = formulas.weighted_rate(d, y, weights)
    lower, upper, method = rate_limits(rate, interval=plan.interval, level=plan.level)
    factor, remarks = _unknown_ages(tally, plan)
    numbers = (rate.rate * factor, rate.se * factor, lower * factor, upper * factor)
    used = weights > 0
    empty = (y == 0) & used
    reasons = [
        f"{NO_PERSON_YEARS} at ages {plan.age_groups[int(row.argmax())]}" if row.any() else remark
        for remark, row in zip(remarks, empty, strict=True)
    ]
    return _Block(rate.cases, y[:, used].sum(axis=1), numbers, method, reasons)


def _unknown_ages(tally: Tally, plan: IncidencePlan) -> tuple[Floats, list[str | None]]:
    """Return what rates by age are multiplied by (nan where no age is known), and remarks."""
    known, unknown = tally.arrays["cases"].sum(axis=1), tally.arrays["cases_age_unknown"]
    factor: Floats = np.ones(len(known))
    if plan.unknown_age == "proportional":
        factor = np.where(unknown > 0, (known + unknown) / np.where(known > 0, known, np.nan), 1)
    remarks = []
    for n, k, f in zip(unknown.tolist(), known.tolist(), factor.tolist(), strict=True):
        done = "left out" if plan.unknown_age == "exclude" else f"rate multiplied by {f:.6g}"
        done = done if k or plan.unknown_age == "exclude" else "nothing to distribute them by"
        remarks.append(f"age unknown in {n} of {n + k} cases: {done}" if n else None)
    return factor, remarks
