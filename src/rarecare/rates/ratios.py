"""Observed against expected, and one standardised rate against another.

Sources: Breslow & Day, *Statistical Methods in Cancer Research* vol. II, IARC 1987, ch. 2-3 (SIR,
exact limits, comparison of two); Boyle & Parkin, in *Cancer Registration: Principles and
Methods*, IARC 1991, ch. 11 (two standardised rates); Clopper & Pearson, *Biometrika*
1934;26:404-413 (exact limits of a proportion); METHODS_DETAIL 10.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from rarecare.errors import PopulationError, UsageError
from rarecare.rates.formulas import WeightedRate, standard_weights, weighted_rate
from rarecare.rates.intervals import FEW, poisson_exact, tail_probability
from rarecare.results import NOT_ESTIMABLE, OK

Floats = NDArray[np.float64]
RATIO, DIFFERENCE = "ratio", "difference"
NONE_EXPECTED = "no case is expected"
Numbers = tuple[float, float, float, float]
_NOTHING: Numbers = (np.nan,) * 4


def standardised_ratio(
    observed: ArrayLike, expected: ArrayLike, *, level: float = 0.95
) -> pl.DataFrame:
    """Return standardised incidence or mortality ratios, observed over expected cases.

    Parameters
    ----------
    observed
        Counts, shape (n,).
    expected
        Cases that reference rates give in the same person-years, shape (n,).
    level
        Confidence level.

    Returns
    -------
    DataFrame
        One row each: ``n``, ``expected``, ``estimate``, ``lower``, ``upper`` (exact Poisson
        limits of the count over what is expected), ``p_value`` (exact, twice the smaller tail),
        ``level``, ``method``, ``status``, ``reason``.

    Raises
    ------
    UsageError
        The arrays differ in length, or a count is negative or no whole number.
    PopulationError
        An expected number is negative, or 0 where cases were observed.

    Examples
    --------
    >>> row = standardised_ratio([10], [5.0]).row(0, named=True)
    >>> row["estimate"], round(row["lower"], 4), round(row["upper"], 4)
    (2.0, 0.9591, 3.6781)
    """
    from scipy.special import gammainc, gammaincc  # noqa: PLC0415 - slow to import

    count, e = _observed(observed, expected)
    some = e > 0
    lower, upper = poisson_exact(count, level=level)
    scale = np.where(some, e, np.nan)
    at_most, at_least = gammaincc(count + 1, e), gammainc(np.maximum(count, 1), e)
    at_least = np.where(count > 0, at_least, 1.0)
    p_value = np.minimum(2 * np.minimum(at_most, at_least), 1.0)
    return pl.DataFrame(
        {
            "n": count,
            "expected": e,
            "estimate": count / scale,
            "lower": lower / scale,
            "upper": upper / scale,
            "p_value": np.where(some, p_value, np.nan),
            "level": np.full(len(e), level),
            "method": ["exact"] * len(e),
            "status": np.where(some, OK, NOT_ESTIMABLE).tolist(),
            "reason": pl.Series([None if one else NONE_EXPECTED for one in some], dtype=pl.String),
        }
    ).with_columns(pl.col("estimate", "lower", "upper", "p_value").fill_nan(None))


def compare_ratios(
    observed: ArrayLike, expected: ArrayLike, *, level: float = 0.95
) -> dict[str, Any]:
    """Test whether several standardised ratios are one; of two, give their ratio.

    Parameters
    ----------
    observed, expected
        As for ``standardised_ratio``; all expected numbers above 0, two or more.
    level
        Confidence level of the ratio of two.

    Returns
    -------
    dict
        ``statistic`` and ``p_value`` (likelihood ratio against one common ratio, χ² on ``df``),
        ``df``; of two also ``estimate`` (first over second), ``lower``, ``upper`` (exact,
        given the sum of the counts: the limits of Clopper and Pearson) and ``exact_p_value``;
        nan or infinite where a count is 0.

    Raises
    ------
    UsageError, PopulationError
        As for ``standardised_ratio``; fewer than two; nothing expected; no case at all.
    """
    from scipy.special import chdtrc  # noqa: PLC0415 - slow to import

    count, e = _observed(observed, expected)
    if len(count) < 2:
        raise UsageError("a comparison takes two ratios or more", value=len(count))
    if not (e > 0).all() or not count.any():
        raise PopulationError(
            "these ratios cannot be compared: nothing observed, or nothing expected in one",
            value=f"{int(count.sum())} observed, {e.min():g} the fewest expected",
            allowed="1 observed or more, all expected above 0",
        )
    common = e * count.sum() / e.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(count > 0, count * np.log(count / common), 0.0)
    statistic, df = max(float(2 * terms.sum()), 0.0), len(count) - 1
    found: dict[str, Any] = {
        "statistic": statistic, "df": df, "p_value": float(chdtrc(df, statistic)),
    }  # fmt: skip
    if df == 1:
        estimate, lower, upper, p_value = _conditional(count, e, level)
        found |= {"estimate": estimate, "lower": lower, "upper": upper, "exact_p_value": p_value}
    return found


def compare_rates(
    cases_1: ArrayLike, person_years_1: ArrayLike, cases_2: ArrayLike, person_years_2: ArrayLike,
    weights: ArrayLike, *, level: float = 0.95,
) -> pl.DataFrame:  # fmt: skip
    """Return the ratio and the difference of two directly standardised rates.

    The ratio by the normal approximation of its logarithm. With fewer than 10 cases on either
    side that fails, and the ratio is that of observed over expected cases instead, expected from
    the age-specific rates of both together, with exact limits given the sum of the counts;
    ``method`` says so.

    Parameters
    ----------
    cases_1, person_years_1, cases_2, person_years_2
        By age group, shape (n_ages,).
    weights
        Of the standard, shape (n_ages,); scaled to a sum of 1.
    level
        Confidence level.

    Returns
    -------
    DataFrame
        Rows ``"ratio"`` and ``"difference"`` (first less second, per person-year): ``measure``,
        ``n_1``, ``n_2``, ``estimate``, ``lower``, ``upper``, ``p_value``, ``level``, ``method``,
        ``status``, ``reason``.

    Raises
    ------
    UsageError, PopulationError
        As for ``weighted_rate``.
    """
    w = standard_weights(weights)
    d = np.stack([np.asarray(cases_1), np.asarray(cases_2)])
    y = np.stack([np.asarray(person_years_1), np.asarray(person_years_2)]).astype(np.float64)
    rates = weighted_rate(d, y, w)
    found: list[tuple[str, Numbers, str, str | None]]
    if np.isnan(rates.rate).any():
        reason = "an age group of the standard has no person-years"
        found = [(RATIO, _NOTHING, "log-normal", reason), (DIFFERENCE, _NOTHING, "normal", reason)]
    else:
        used = w > 0
        found = [
            (RATIO, *_ratio(rates, d[:, used], y[:, used], level)),
            (DIFFERENCE, *_difference(rates, level)),
        ]
    return pl.DataFrame(
        [
            {
                "measure": measure, "n_1": int(rates.cases[0]), "n_2": int(rates.cases[1]),
                "estimate": numbers[0], "lower": numbers[1], "upper": numbers[2],
                "p_value": numbers[3], "level": level, "method": method,
                "status": NOT_ESTIMABLE if np.isnan(numbers[0]) else OK, "reason": reason,
            }
            for measure, numbers, method, reason in found
        ],
        schema_overrides={"reason": pl.String},
    ).with_columns(pl.col("estimate", "lower", "upper", "p_value").fill_nan(None))  # fmt: skip


def _ratio(
    rates: WeightedRate, d: NDArray[Any], y: Floats, level: float
) -> tuple[Numbers, str, str | None]:
    if (rates.cases >= FEW).all():
        log = float(np.log(rates.rate[0] / rates.rate[1]))
        se = float(np.sqrt((rates.variance / rates.rate**2).sum()))
        lower, upper, p_value = _normal(log, se, level)
        return (np.exp(log), np.exp(lower), np.exp(upper), p_value), "log-normal", None
    method = "exact conditional"
    if not rates.cases[1]:
        none = "case in either" if not rates.cases[0] else "case in the second: no ratio"
        return _NOTHING, method, f"no {none}"
    expected = (y * d.sum(axis=0) / y.sum(axis=0)).sum(axis=1)
    numbers = _conditional(rates.cases, expected, level)
    return numbers, method, f"fewer than {FEW} cases: observed over expected"


def _difference(rates: WeightedRate, level: float) -> tuple[Numbers, str, str | None]:
    gap = float(rates.rate[0] - rates.rate[1])
    se = float(np.sqrt(rates.variance.sum()))
    if not se > 0:
        return _NOTHING, "normal", "no case in either"
    return (gap, *_normal(gap, se, level)), "normal", None


def _normal(estimate: float, se: float, level: float) -> tuple[float, float, float]:
    from scipy.special import ndtr, ndtri  # noqa: PLC0415 - slow to import

    reach = -float(ndtri(tail_probability(level))) * se
    return estimate - reach, estimate + reach, float(2 * ndtr(-abs(estimate) / se))


def _conditional(count: NDArray[np.int64], expected: Floats, level: float) -> Numbers:
    """Return (O₁/E₁)/(O₂/E₂), its exact limits given O₁ + O₂, and the exact p-value."""
    from scipy.special import bdtr, betaincinv  # noqa: PLC0415 - slow to import

    tail = tail_probability(level)
    (k, other), share = (float(x) for x in count), float(expected[0] / expected.sum())
    back = expected[1] / expected[0]
    low = float(betaincinv(k, other + 1, tail)) if k else 0.0
    high = float(betaincinv(k + 1, other, 1 - tail)) if other else 1.0
    total = int(k + other)
    at_most = float(bdtr(k, total, share))
    at_least = 1 - float(bdtr(k - 1, total, share)) if k else 1.0
    return (
        float(k / other * back) if other else float("inf"),
        float(low / (1 - low) * back),
        float(high / (1 - high) * back) if high < 1 else float("inf"),
        min(2 * min(at_most, at_least), 1.0),
    )


def _observed(observed: ArrayLike, expected: ArrayLike) -> tuple[NDArray[np.int64], Floats]:
    o = np.atleast_1d(np.asarray(observed, dtype=np.float64))
    e = np.atleast_1d(np.asarray(expected, dtype=np.float64))
    if o.shape != e.shape or o.ndim != 1:
        raise UsageError(
            "observed and expected numbers differ in shape", value=f"{o.shape}, {e.shape}",
            allowed="the same length",
        )  # fmt: skip
    wrong = ~(o >= 0) | (o != np.floor(o))
    if wrong.any():
        raise UsageError(
            "an observed number is a count of cases", value=float(o[wrong][0]),
            allowed="whole numbers from 0",
        )  # fmt: skip
    bad = ~(e >= 0) | ((e == 0) & (o > 0))
    if bad.any():
        raise PopulationError(
            "an expected number is negative or missing, or 0 where cases were observed",
            value=float(e[bad][0]), allowed="0 or more, above 0 where there are cases",
            remedy="Correct the person-years or the reference rates.",
        )  # fmt: skip
    return o.astype(np.int64), e
