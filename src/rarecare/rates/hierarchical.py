"""Rates of a very rare entity in small countries, drawn towards their common level.

Cases of country c ~ Poisson(λ_c·exp θ_c), λ_c what pooled rates give, θ_c ~ N(a, s²), a flat, s
uniform; beside it the model of one common rate. Source: METHODS 4 and METHODS_DETAIL 13; Gelman,
Hwang, Vehtari, *Statistics and Computing* 2014;24:997-1016 (WAIC, DIC).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from rarecare.errors import UsageError
from rarecare.rates.between_countries import (
    CRITERIA,
    INTEGRATIONS,
    Integration,
    Posterior,
    common_rate,
    criteria,
    draw_log_ratios,
    integrate,
    log_likelihood,
)
from rarecare.rates.intervals import tail_probability
from rarecare.rates.ratios import NONE_EXPECTED, standardised_ratio
from rarecare.results import NOT_ESTIMABLE, OK

Floats = NDArray[np.float64]
LOWER, UPPER, WIDEST = 0.01, 1.5, 10
"""Bounds of the standard deviation between countries, on the log scale, unless told; its limit."""

HIERARCHICAL, COMMON = "hierarchical", "common rate"
MEAN_LOG, SPREAD = "mean log ratio", "standard deviation between countries"
TYPICAL, NEW = "ratio of the typical country", "ratio of a new country"
COMMON_RATIO, ALL = "common ratio", "all"
NO_CASE = "no case in any country: their mean has no posterior"
ONE = "fewer than two countries with expected cases: nothing is known of differences"
DRAWS, SEED = 20_000, 20261124
_NUMBERS = ("estimate", "se", "lower", "upper")


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
    raw, y, lam = observed_ratios(cases, expected, level)
    labels = country_names(len(y), names)
    check_prior(lower, upper, integration)
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
            **status_columns(used if q else used & False, [
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
            **status_columns(known, [reason, None if known[1] else NONE_EXPECTED]),
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
            **status_columns([q is not None] * 4 + [no_common is None], [reason] * 4 + [no_common]),
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
            **status_columns([q is not None] * len(names), [reason] * len(names)),
        }
    )  # fmt: skip


def status_columns(known: Any, reasons: Sequence[str | None]) -> dict[str, pl.Series]:
    """Return the columns ``status`` and ``reason``."""
    return {
        "status": pl.Series([OK if one else NOT_ESTIMABLE for one in known], dtype=pl.String),
        "reason": pl.Series(reasons, dtype=pl.String),
    }


def observed_ratios(
    cases: ArrayLike, expected: ArrayLike, level: float
) -> tuple[pl.DataFrame, Floats, Floats]:
    """Return raw ratios with exact limits, counts, and finite expected numbers."""
    raw = standardised_ratio(cases, expected, level=level)
    lam = raw["expected"].to_numpy()
    if not np.isfinite(lam).all():
        raise UsageError("an expected number is infinite", value=float(lam.max()))
    return raw, raw["n"].to_numpy().astype(np.float64), lam


def country_names(n: int, names: Sequence[str] | None) -> list[str]:
    """Return the names; by default ``"1"``, ``"2"`` and so on."""
    labels = [str(k + 1) for k in range(n)] if names is None else [str(name) for name in names]
    if len(labels) != n or len(set(labels)) != n:
        raise UsageError(
            "countries take one name each", value=len(set(labels)), allowed=f"{n} different names"
        )
    return labels


def check_prior(lower: float, upper: float, integration: str) -> None:
    """Refuse bounds of s, or an integration, that cannot be."""
    if not 0 <= lower < upper <= WIDEST:
        raise UsageError(
            "the bounds of the standard deviation between countries are out of order",
            value=f"{lower:g} to {upper:g}", allowed=f"0 to {WIDEST}, rising",
        )  # fmt: skip
    if integration not in INTEGRATIONS:
        raise UsageError("there is no such integration", value=integration, allowed=INTEGRATIONS)
