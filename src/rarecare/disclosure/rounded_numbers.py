"""Counts as multiples, and statistics that say no more than they do."""

from __future__ import annotations

from statistics import NormalDist
from typing import Literal

import numpy as np
import polars as pl

from rarecare.disclosure.protect import _COUNTS, _NUMBERS, AGES_UNKNOWN
from rarecare.disclosure.rule import DisclosureRule
from rarecare.disclosure.web import Flags, Reals
from rarecare.disclosure.windows import nearest
from rarecare.results import OK, WITHHELD

SHARES = ("share", "proportion")
_OF_CASES = ("per ", "cases", "persons", "patients")
"""How units of what is in proportion to its cases begin."""
_SAME = 1e-9


def with_rounded_numbers(
    estimates: pl.DataFrame, rule: DisclosureRule, *, cases: Flags, follow_up: Flags
) -> pl.DataFrame:
    """Return rows with rounded counts and what stands beside them.

    ``cases``, ``follow_up``: rows whose counts are all withheld, or but for their cases.
    """
    base = rule.threshold
    if base == 1:
        return estimates
    either = pl.Series(cases | follow_up)
    gone = {"n": pl.Series(cases), "events": either, "at_risk": either}
    shown = {
        name: pl.select(pl.when(~gone[name]).then(_rounded(estimates[name], base))).to_series()
        for name in _COUNTS
    }
    few = np.any(
        [(one <= base).fill_null(value=False).to_numpy() for one in shown.values()], axis=0
    )
    held = pl.Series(few) | either | (estimates["status"] == WITHHELD)
    numbers = _numbers(estimates, shown, base)
    stands = ~held & (estimates["status"] == OK)
    told = estimates["reason"].str.contains("unknown").fill_null(value=False)
    return estimates.with_columns(
        *(one.alias(name) for name, one in shown.items()),
        *(
            pl.when(stands).then(pl.Series(name, values).fill_nan(None)).alias(name)
            for name, values in numbers.items()
        ),
        status=pl.when(held).then(pl.lit(WITHHELD)).otherwise("status"),
        reason=pl.when(held)
        .then(pl.lit(rule.reason))
        .when(told)
        .then(pl.lit(AGES_UNKNOWN))
        .otherwise("reason"),
    )


def _rounded(counts: pl.Series, base: int) -> pl.Series:
    values = nearest(counts.fill_null(0).to_numpy(), base)
    return pl.select(pl.when(counts.is_not_null()).then(pl.Series(values))).to_series()


def _numbers(
    estimates: pl.DataFrame, shown: dict[str, pl.Series], base: int
) -> dict[str, Reals]:  # fmt: skip
    """Return estimate, standard error and limits of every row, nan where there are none."""

    def column(series: pl.Series) -> Reals:
        return series.cast(pl.Float64).fill_null(np.nan).to_numpy().copy()

    value, se, lower, upper = (column(estimates[name]) for name in _NUMBERS)
    n, events, at_risk = (column(estimates[name]) for name in _COUNTS)
    own, few, many = (column(shown[name]) for name in _COUNTS)
    unit = estimates["unit"]
    share = unit.is_in(SHARES).to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        of_cases = _any_start(unit) & (n > 0) & (own > 0)
        factor = np.where(of_cases, own / n, 1.0)
        crude = of_cases & _crude(estimates, value, n)
        of_two = (unit == "share").to_numpy() & (np.abs(value - events / at_risk) < _SAME)
        step = base / np.where((unit == "share").to_numpy() & (many > 0), many, own)
        step[~(step > 0)] = np.nan
        digits = np.ceil(np.log10(own / base) - _SAME)
    digits = np.where(digits > 2, digits, 2.0)
    out = cut(value * factor, digits, "nearest")
    error = cut(se * np.sqrt(factor), digits, "up")
    out[crude], error[crude] = (value * factor)[crude], (se * np.sqrt(factor))[crude]
    low, high = cut(lower * factor, digits, "down"), cut(upper * factor, digits, "up")
    z = _quantiles(estimates["level"])
    made = of_cases & (out > 0) & np.isfinite(error) & np.isfinite(lower) & np.isfinite(upper)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        spread = np.exp(z * error / out)
        low[made], high[made] = (out / spread)[made], (out * spread)[made]
        out[share] = (_whole(value / step, "nearest") * step)[share]
        low[share] = (_whole(lower / step, "down") * step)[share]
        high[share] = (_whole(upper / step, "up") * step)[share]
        out[of_two] = (few / many)[of_two]
    inside = (value <= 1.0 + _SAME) & (unit == "share").to_numpy()
    out[inside], high[inside] = np.minimum(out[inside], 1.0), np.minimum(high[inside], 1.0)
    low, high = np.fmin(low, np.where(np.isnan(low), low, out)), np.fmax(high, out + 0 * high)
    return dict(zip(_NUMBERS, (out, error, low, high), strict=True))


def _any_start(unit: pl.Series) -> Flags:
    begins = [unit.str.starts_with(word).fill_null(value=False).to_numpy() for word in _OF_CASES]
    return np.asarray(np.any(begins, axis=0))


def _crude(estimates: pl.DataFrame, value: Reals, n: Reals) -> Flags:
    """Return which rows are their cases, or their cases by person-years and nothing else."""
    years = estimates["person_years"].fill_null(np.nan).to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        per = value * years / n
        return np.asarray((np.abs(per / 100_000 - 1) < _SAME) | (np.abs(value / n - 1) < _SAME))


def _quantiles(level: pl.Series) -> Reals:
    made = {one: NormalDist().inv_cdf(0.5 + one / 2) for one in level.drop_nulls().unique()}
    return np.array([made.get(one, np.nan) for one in level], dtype=float)


Way = Literal["nearest", "down", "up"]


def cut(values: Reals, digits: Reals, way: Way) -> Reals:
    """Return numbers with so many significant digits.

    >>> cut(np.array([0.04567, 1234.0, 0.0]), np.array([2.0, 3.0, 2.0]), "nearest").tolist()
    [0.046, 1230.0, 0.0]
    """
    size = np.abs(np.where(values == 0, 1.0, values))
    places = digits - 1 - np.floor(np.log10(size))
    whole = _whole(values * 10.0**places, way)
    return np.where(places >= 0, whole / 10.0 ** np.abs(places), whole * 10.0 ** np.abs(places))


def _whole(values: Reals, way: Way) -> Reals:
    """Return whole numbers; what is one but for the last bits stays itself."""
    close = np.round(values)
    if way == "nearest":
        return close
    other = np.floor(values) if way == "down" else np.ceil(values)
    return np.where(np.abs(values - close) < 1e-6, close, other)
