"""Rates of a very rare entity in small countries, drawn towards their common level.

Cases of country c ~ Poisson(λ_c·exp θ_c), λ_c what pooled rates give, θ_c ~ N(a, s²), a flat, s
uniform; beside it the model of one common rate and, as a quick form, a gamma distribution of
rates. Source: METHODS 4 and METHODS_DETAIL 13; Gelman, Hwang, Vehtari, *Statistics and Computing*
2014;24:997-1016 (WAIC, DIC); Clayton, Kaldor, *Biometrics* 1987;43:671-681 (gamma-Poisson).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from rarecare.errors import ColumnError, UsageError
from rarecare.population.population import Population
from rarecare.rates.between_countries import (
    CRITERIA,
    INTEGRATIONS,
    Integration,
    Posterior,
    common_rate,
    criteria,
    draw_log_ratios,
    gamma_of_ratios,
    integrate,
    log_likelihood,
)
from rarecare.rates.estimate import COUNTED, prepare_incidence
from rarecare.rates.intervals import tail_probability
from rarecare.rates.plan import IncidencePlan, UnknownAge, incidence_plan
from rarecare.rates.ratios import NONE_EXPECTED, standardised_ratio
from rarecare.rates.tally import tally_incidence
from rarecare.registry import Cases, ExclusionRules
from rarecare.results import NOT_ESTIMABLE, OK, Provenance, Result
from rarecare.tally.tally import Tally

Floats = NDArray[np.float64]
LOWER, UPPER, WIDEST = 0.01, 1.5, 10
"""Bounds of the standard deviation between countries, on the log scale, unless told; its limit."""

HIERARCHICAL, COMMON = "hierarchical", "common rate"
MEAN_LOG, SPREAD = "mean log ratio", "standard deviation between countries"
TYPICAL, NEW = "ratio of the typical country", "ratio of a new country"
COMMON_RATIO, ALL = "common ratio", "all"
RAW, SHRUNKEN, COMMON_RATE = "raw rate", "shrunken rate", "common rate"
TYPICAL_RATE, NEW_RATE = "rate of the typical country", "rate of a new country"
NO_CASE = "no case in any country: their mean has no posterior"
ONE = "fewer than two countries with expected cases: nothing is known of differences"
NO_VARIANCE = "common rate: no variance between countries"
DRAWS, SEED = 20_000, 20261124
SEX = "sex"
_NUMBERS = ("estimate", "se", "lower", "upper")
_ROWS = ("name", "measure", "n", "person_years", "unit", *_NUMBERS, "level", "method", "status",
         "reason")  # fmt: skip


@dataclass(frozen=True, slots=True)
class ShrunkenRates:
    """The hierarchical model of countries, and the model of one common rate beside it.

    Attributes
    ----------
    countries
        One row each, in the order given: ``name``, ``n``, ``expected``; ``raw``, ``raw_lower``,
        ``raw_upper`` (observed over expected with exact limits); ``estimate``, ``se``,
        ``lower``, ``upper`` (posterior mean, standard deviation and quantiles of the ratio);
        where a reference rate is given ``rate``, ``rate_lower``, ``rate_upper``; ``level``,
        ``method``, ``status``, ``reason``.
    between
        What countries have in common: ``measure`` (``"mean log ratio"`` a, ``"standard
        deviation between countries"`` s, on the log scale; ``"ratio of the typical country"``
        exp a; ``"ratio of a new country"`` with its predictive limits; ``"common ratio"`` of
        the model of one rate), ``estimate``, ``se``, ``lower``, ``upper``, ``level``,
        ``status``, ``reason``.
    models
        Rows ``"hierarchical"`` and ``"common rate"``: ``model``, ``lppd``, ``p_waic``, ``waic``,
        ``p_d``, ``dic``, ``status``, ``reason``. DIC is taken at the posterior means of the
        log ratios.
    new_cases
        Where a target is given, one row per country and ``"all"``: ``name``, ``estimate``,
        ``se``, ``lower``, ``upper`` of the expected number, ``count_lower``, ``count_upper`` of
        the number itself, ``level``, ``status``, ``reason``.
    prior
        Bounds of s.
    """

    countries: pl.DataFrame
    between: pl.DataFrame
    models: pl.DataFrame
    new_cases: pl.DataFrame
    prior: tuple[float, float]

    @property
    def prefers(self) -> str | None:
        """The model with the lower WAIC, the common rate when equal; None if one is missing."""
        own, common = self.models["waic"]
        return None if own is None else HIERARCHICAL if own < common else COMMON


def shrunken_rates(
    cases: ArrayLike, expected: ArrayLike, *, names: Sequence[str] | None = None,
    lower: float = LOWER, upper: float = UPPER, level: float = 0.95,
    reference: ArrayLike | None = None, target: ArrayLike | None = None,
    integration: Integration = "auto", draws: int = DRAWS, seed: int = SEED,
) -> ShrunkenRates:  # fmt: skip
    """Return rate ratios of countries, drawn towards their common level.

    Parameters
    ----------
    cases
        Counts by country, shape (n,).
    expected
        λ, the cases pooled rates give in the same person-years, shape (n,). A country with 0
        has no part in the model.
    names
        Of the countries, each once; by default ``"1"``, ``"2"``, …
    lower, upper
        Bounds of the uniform prior of s, the standard deviation of log ratios.
    level
        Of the credible limits, equal tails.
    reference
        Rates that the ratio 1 stands for, one or one per country, in any unit.
    target
        Cases the pooled rates give in the population to be foretold, shape (n,).
    integration
        ``"grid"``: sums over a lattice of log ratios; ``"gauss-hermite"``: adaptive, 20 nodes;
        ``"auto"``: the second when a count is above 100.
    draws, seed
        Of the limits of the cases foretold; all else is without chance.

    Raises
    ------
    UsageError
        The arrays differ in length, a count is no whole number from 0, names are doubled, or a
        choice is not among its choices.
    PopulationError
        An expected number is negative or missing, or 0 where cases were observed.

    Examples
    --------
    >>> found = shrunken_rates([0, 2, 1, 5, 0, 3, 8, 1], [1.2, 1.5, 0.8, 2.5, 0.9, 3.1, 4.0, 1.1])
    >>> [round(ratio, 3) for ratio in found.countries["estimate"]]
    [0.997, 1.273, 1.263, 1.519, 1.042, 1.141, 1.578, 1.183]
    >>> found.prefers
    'common rate'
    """
    tail = tail_probability(level)
    raw, y, lam = _observed(cases, expected, level)
    labels = _names(len(y), names)
    _check_prior(lower, upper, integration)
    used = lam > 0
    reason = ONE if used.sum() < 2 else None if y.any() else NO_CASE
    q = None
    if reason is None:
        q = integrate(y[used], lam[used], lower=lower, upper=upper, integration=integration)
    countries = pl.DataFrame(
        {
            "name": pl.Series(labels, dtype=pl.String), "n": raw["n"], "expected": lam,
            "raw": raw["estimate"], "raw_lower": raw["lower"], "raw_upper": raw["upper"],
            **_ratios(q, used, tail), "level": np.full(len(y), level),
            "method": [f"hierarchical Poisson, {q.integration}" if q else HIERARCHICAL] * len(y),
            **_status(used if q else used & False, [
                reason or (None if one else NONE_EXPECTED) for one in used
            ]),
        }
    )  # fmt: skip
    if reference is not None:
        each = np.broadcast_to(np.asarray(reference, dtype=np.float64), y.shape)
        countries = countries.with_columns(
            (pl.col(ratio) * pl.lit(pl.Series(each))).alias(name)
            for ratio, name in (("estimate", "rate"), ("lower", "rate_lower"),
                                ("upper", "rate_upper"))
        )  # fmt: skip
    common, common_criteria = common_rate(y[used], lam[used], tail)
    return ShrunkenRates(
        countries,
        _between(q, common, level, reason, NONE_EXPECTED if not used.any() else None),
        _models(q, y[used], lam[used], common_criteria, reason),
        _foretold(
            q, y, lam, target, labels=labels, level=level, reason=reason, draws=draws, seed=seed
        ),
        (float(lower), float(upper)),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class GammaPoisson:
    """Rates of countries as a gamma distribution.

    Attributes
    ----------
    table
        One row per country: ``name``, ``n``, ``expected``, ``raw``, ``estimate``, ``se``,
        ``lower``, ``upper``, ``level``, ``method``, ``status``, ``reason``.
    shape, mean
        Of the gamma distribution of ratios; the shape is infinite where the counts vary no more
        than those of one common rate, and ``method`` then says so. nan where not estimable.
    """

    table: pl.DataFrame
    shape: float
    mean: float


def gamma_poisson(
    cases: ArrayLike, expected: ArrayLike, *, names: Sequence[str] | None = None,
    level: float = 0.95,
) -> GammaPoisson:  # fmt: skip
    """Return rate ratios of countries by the conjugate model, the quick form.

    Ratios ~ Gamma(shape k, mean μ), both at their marginal (negative binomial) maximum
    likelihood; given them the ratio of a country is Gamma(k + y, k/μ + λ), whose quantiles are the
    limits. k and μ count as known, so limits are too narrow with few countries. Where the
    likelihood rises to k = ∞ there is no variance between countries: the ratio is one, with the
    posterior Gamma(Σy, Σλ), Σy + ½ without cases.

    Parameters
    ----------
    cases, expected, names, level
        As for ``shrunken_rates``.

    Raises
    ------
    UsageError, PopulationError
        As for ``shrunken_rates``.
    """
    from scipy.special import gammaincinv  # noqa: PLC0415 - slow to import

    tail = tail_probability(level)
    raw, y, lam = _observed(cases, expected, level)
    labels, used = _names(len(y), names), lam > 0
    k, mean = gamma_of_ratios(y[used], lam[used])
    if np.isfinite(k):
        shape, rate = k + y[used], k / mean + lam[used]
    else:
        whole = float(y.sum()) or 0.5
        shape, rate = np.full(used.sum(), whole), np.full(used.sum(), lam.sum())
    found = np.full((4, len(y)), np.nan)
    found[:, used] = [
        shape / rate, np.sqrt(shape) / rate, gammaincinv(shape, tail) / rate,
        gammaincinv(shape, 1 - tail) / rate,
    ]  # fmt: skip
    method = "gamma-Poisson" if np.isfinite(k) else NO_VARIANCE
    table = pl.DataFrame(
        {
            "name": pl.Series(labels, dtype=pl.String), "n": raw["n"], "expected": lam,
            "raw": raw["estimate"], **dict(zip(_NUMBERS, found, strict=True)),
            "level": np.full(len(y), level), "method": [method] * len(y),
            **_status(used, [None if one else NONE_EXPECTED for one in used]),
        }
    ).with_columns(pl.col(_NUMBERS).fill_nan(None))  # fmt: skip
    return GammaPoisson(table, k, mean)


def _models(
    q: Posterior | None, y: Floats, lam: Floats, common: dict[str, float], reason: str | None
) -> pl.DataFrame:
    own = dict.fromkeys(CRITERIA, np.nan)
    if q:
        log = log_likelihood(q.log_ratio, y, lam)
        mean = q.mean(log)
        peak = log.max(axis=1)
        predicted = peak + np.log(q.mean(np.exp(log - peak[:, None])))
        at_mean = log_likelihood(q.mean(q.log_ratio)[:, None], y, lam)[:, 0]
        own = criteria(predicted, q.mean((log - mean[:, None]) ** 2), mean, at_mean)
    known = [q is not None, bool(len(y))]
    return pl.DataFrame(
        {
            "model": [HIERARCHICAL, COMMON],
            **{name: [own[name], common[name]] for name in CRITERIA},
            **_status(known, [reason, None if known[1] else NONE_EXPECTED]),
        }
    ).with_columns(pl.col(CRITERIA).fill_nan(None))


def _ratios(q: Posterior | None, used: NDArray[np.bool_], tail: float) -> dict[str, pl.Series]:
    found = np.full((4, len(used)), np.nan)
    if q:
        ratio = np.exp(q.log_ratio)
        mean = q.mean(ratio)
        found[0, used] = mean
        found[1, used] = np.sqrt(q.mean((ratio - mean[:, None]) ** 2))
        found[2, used] = np.exp(q.log_ratio_quantile(tail))
        found[3, used] = np.exp(q.log_ratio_quantile(1 - tail))
    return {
        name: pl.Series(own).fill_nan(None) for name, own in zip(_NUMBERS, found, strict=True)
    }  # fmt: skip


def _between(
    q: Posterior | None, common: tuple[float, float, float, float], level: float,
    reason: str | None, no_common: str | None,
) -> pl.DataFrame:  # fmt: skip
    tail = tail_probability(level)
    rows = np.full((4, 4), np.nan)
    if q:
        low, high = (q.quantile_of_a(p) for p in (tail, 1 - tail))
        typical = float((q.weight * np.exp(q.a)).sum())
        spread = float((q.weight * (np.exp(q.a) - typical) ** 2).sum()) ** 0.5
        limits = [q.quantile_of_s(p) for p in (tail, 1 - tail)]
        new = [float(np.exp(q.new_country(p))) for p in (tail, 1 - tail)]
        rows = np.array(
            [
                [*q.mean_of_a(), low, high],
                [*q.mean_of_s(), *limits],
                [typical, spread, np.exp(low), np.exp(high)],
                [*q.new_country_ratio(), *new],
            ]
        )
    numbers = np.vstack([rows, common])
    return pl.DataFrame(
        {
            "measure": [MEAN_LOG, SPREAD, TYPICAL, NEW, COMMON_RATIO],
            **{name: numbers[:, k] for k, name in enumerate(_NUMBERS)},
            "level": [level] * 5,
            **_status([q is not None] * 4 + [no_common is None], [reason] * 4 + [no_common]),
        }
    ).with_columns(pl.col(_NUMBERS).fill_nan(None))


def _foretold(
    q: Posterior | None, y: Floats, lam: Floats, target: ArrayLike | None, *,
    labels: Sequence[str], level: float, reason: str | None, draws: int, seed: int,
) -> pl.DataFrame:  # fmt: skip
    """Return the cases expected in the target, by country and in all, with limits by draws."""
    names = [*labels, ALL] if target is not None else []
    columns: dict[str, Any] = dict.fromkeys((*_NUMBERS, "count_lower", "count_upper"))
    t = np.asarray(target if target is not None else np.zeros(len(y)), dtype=np.float64)
    if t.shape != y.shape or not (np.isfinite(t) & (t >= 0)).all():
        raise UsageError(
            "the target has one number of expected cases per country", value=t.tolist(),
            allowed=f"{len(y)} numbers from 0",
        )  # fmt: skip
    if names and q:
        full = draw_log_ratios(q, y, lam, draws=draws, seed=seed)
        mean = t * np.exp(full)
        mean = np.column_stack([mean, mean.sum(axis=1)])
        count = np.random.default_rng(seed + 1).poisson(mean[:, :-1])
        count = np.column_stack([count, count.sum(axis=1)])
        tails = [tail_probability(level), 1 - tail_probability(level)]
        low, high = np.quantile(mean, tails, axis=0)
        few, many = np.quantile(count, tails, axis=0, method="inverted_cdf")
        columns = {
            "estimate": mean.mean(axis=0), "se": mean.std(axis=0), "lower": low, "upper": high,
            "count_lower": few.astype(np.int64), "count_upper": many.astype(np.int64),
        }  # fmt: skip
    schema = {**dict.fromkeys(_NUMBERS, pl.Float64), "count_lower": pl.Int64,
              "count_upper": pl.Int64}  # fmt: skip
    return pl.DataFrame(
        {
            "name": pl.Series(names, dtype=pl.String),
            **{
                key: pl.Series(own if own is not None else [None] * len(names), dtype=schema[key])
                for key, own in columns.items()
            },
            "level": pl.Series([level] * len(names), dtype=pl.Float64),
            **_status([q is not None] * len(names), [reason] * len(names)),
        }
    )  # fmt: skip


def _status(known: Any, reasons: Sequence[str | None]) -> dict[str, pl.Series]:
    return {
        "status": pl.Series([OK if one else NOT_ESTIMABLE for one in known], dtype=pl.String),
        "reason": pl.Series(reasons, dtype=pl.String),
    }


def _observed(
    cases: ArrayLike, expected: ArrayLike, level: float
) -> tuple[pl.DataFrame, Floats, Floats]:
    """Return raw ratios with exact limits, counts, and finite expected numbers."""
    raw = standardised_ratio(cases, expected, level=level)
    lam = raw["expected"].to_numpy()
    if not np.isfinite(lam).all():
        raise UsageError("an expected number is infinite", value=float(lam.max()))
    return raw, raw["n"].to_numpy().astype(np.float64), lam


def _names(n: int, names: Sequence[str] | None) -> list[str]:
    labels = [str(k + 1) for k in range(n)] if names is None else [str(name) for name in names]
    if len(labels) != n or len(set(labels)) != n:
        raise UsageError(
            "countries take one name each", value=len(set(labels)), allowed=f"{n} different names"
        )
    return labels


def _check_prior(lower: float, upper: float, integration: str) -> None:
    if not 0 <= lower < upper <= WIDEST:
        raise UsageError(
            "the bounds of the standard deviation between countries are out of order",
            value=f"{lower:g} to {upper:g}", allowed=f"0 to {WIDEST}, rising",
        )  # fmt: skip
    if integration not in INTEGRATIONS:
        raise UsageError("there is no such integration", value=integration, allowed=INTEGRATIONS)


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
    _check_prior(lower, upper, integration)
    if by_unit not in population.keys or by_unit in by:
        raise UsageError(
            "countries are a key of the population, and no stratum", value=by_unit,
            allowed=[key for key in population.keys if key not in by],
        )  # fmt: skip
    sex = [SEX] if SEX in population.keys and SEX not in (*by, by_unit) else []
    strata = (*by, by_unit, *sex)
    prepared = prepare_incidence(cases, rules, strata, population, bad_rows)
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
    return Result(table, provenance)


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
