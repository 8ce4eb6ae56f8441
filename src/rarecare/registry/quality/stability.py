"""Whether an indicator changes over the years: slope, and a test of it.

The slope of a share on the year is that of weighted least squares with the cases of each year
as weights, b = Σ nₜ(t − t̄)(pₜ − p̄) / Σ nₜ(t − t̄)², with variance p̄(1 − p̄) / Σ nₜ(t − t̄)²
under no change; b²/var is Armitage's χ² for a trend in proportions. Any other difference
between years is tested by what it leaves of Pearson's χ² of homogeneity. Source: Armitage,
*Biometrics* 1955;11:375-386.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import polars as pl

from rarecare.errors import ColumnError
from rarecare.results import NOT_ESTIMABLE, OK
from rarecare.shares import tail_probability

_KEYS = ("registry", "entity_id", "indicator")
_NEEDED = (*_KEYS, "period", "numerator", "denominator")
SLOPE = "percentage points a year"


def stability(table: pl.DataFrame, *, level: float = 0.95) -> pl.DataFrame:
    """Return the change of each indicator over the years.

    Parameters
    ----------
    table
        Rows of ``quality`` by year (others are not looked at).
    level
        Of the confidence interval.

    Returns
    -------
    DataFrame
        One row per registry, entity and indicator: ``registry``, ``entity_id``,
        ``indicator``, ``first``, ``last`` (years), ``n`` (cases), ``slope``, ``lower``,
        ``upper`` (percentage points a year), ``level``, ``unit``, ``p_trend``,
        ``p_other`` (differences between years beyond the trend), ``status``, ``reason``.

    Raises
    ------
    ColumnError
        The table is not one of quality.
    UsageError
        The level is not between 0 and 1.

    Examples
    --------
    10, 20 and 30 of 100: t̄ is the second year, b = (100·10 + 100·10)/(100 + 100) = 10 points.

    >>> table = pl.DataFrame({
    ...     "registry": ["SI"] * 3, "entity_id": ["all"] * 3, "indicator": ["stage unknown"] * 3,
    ...     "period": ["2000", "2001", "2002"], "numerator": [10, 20, 30],
    ...     "denominator": [100] * 3,
    ... })
    >>> round(stability(table)["slope"].item(), 10)
    10.0
    """
    for name in _NEEDED:
        if name not in table.columns:
            raise ColumnError("this is not a table of quality", value=name, allowed=table.columns)
    z = NormalDist().inv_cdf(1 - tail_probability(level))
    years = table.filter(pl.col("period").str.contains(r"^\d{4}$"))
    rows = []
    for key, part in years.group_by(_KEYS, maintain_order=True):
        known = part.filter(pl.col("numerator").is_not_null(), pl.col("denominator") > 0)
        rows.append(dict(zip(_KEYS, key, strict=True)) | _change(known, z) | {"level": level})
    return pl.DataFrame(rows, schema=_SCHEMA)


def _change(part: pl.DataFrame, z: float) -> dict[str, object]:
    """Return slope, limits and tests of one indicator, its rows by year."""
    from scipy.stats import chi2  # noqa: PLC0415 - slow to import

    year = part["period"].cast(pl.Float64).to_numpy()
    n = part["denominator"].cast(pl.Float64).to_numpy()
    p = part["numerator"].cast(pl.Float64).to_numpy() / n
    facts: dict[str, object] = {
        "first": int(year.min()) if len(year) else None,
        "last": int(year.max()) if len(year) else None,
        "n": int(n.sum()),
        "unit": SLOPE,
        "status": NOT_ESTIMABLE,
    }
    if len(year) < 2:
        return facts | {"reason": "fewer than two years with cases"}
    whole = float(n @ p / n.sum())
    if not 0 < whole < 1:
        return facts | {"reason": "the share is 0 or 100 per cent in every year"}
    centred = year - n @ year / n.sum()
    spread = float(n @ centred**2)
    variance = whole * (1 - whole)
    slope = float((n * centred) @ (p - whole)) / spread
    se = float(np.sqrt(variance / spread))
    trend = (slope / se) ** 2
    other = max(float(n @ (p - whole) ** 2) / variance - trend, 0.0)
    freedom = len(year) - 2
    return facts | {
        "slope": 100 * slope,
        "lower": 100 * (slope - z * se),
        "upper": 100 * (slope + z * se),
        "p_trend": float(chi2.sf(trend, 1)),
        "p_other": float(chi2.sf(other, freedom)) if freedom else None,
        "status": OK,
        "reason": None,
    }


_SCHEMA = {
    "registry": pl.String,
    "entity_id": pl.String,
    "indicator": pl.String,
    "first": pl.Int64,
    "last": pl.Int64,
    "n": pl.Int64,
    "slope": pl.Float64,
    "lower": pl.Float64,
    "upper": pl.Float64,
    "level": pl.Float64,
    "unit": pl.String,
    "p_trend": pl.Float64,
    "p_other": pl.Float64,
    "status": pl.String,
    "reason": pl.String,
}
