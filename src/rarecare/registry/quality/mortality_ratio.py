"""Deaths by cause against new cases of the same ICD-10 categories: the M:I ratio.

Source: Parkin & Bray, *Eur J Cancer* 2009;45:756-764. Deaths and cases are those of the years
that both files hold; the cases' ICD-10 categories follow from their codes (``codes.icd10``).
Limits are on the log scale with variance 1/deaths + 1/cases, as for two Poisson counts; deaths
and cases are taken as independent, which for the fatal cancers they are not quite.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import polars as pl

from rarecare.codes.icd10 import to_icd10
from rarecare.errors import ColumnError
from rarecare.files import read_table
from rarecare.registry.cases import Cases
from rarecare.registry.quality.table import ALL, QUALITY
from rarecare.results import NOT_ESTIMABLE, OK
from rarecare.shares import tail_probability

MI_RATIO = "deaths to new cases"
_CANCER = r"^C(\d\d)"


def mortality_incidence(
    cases: Cases | Any, deaths: Any, *, registry: str = ALL, level: float = 0.95
) -> pl.DataFrame:
    """Return the ratio of deaths to new cases, of all cancers and by ICD-10 category.

    Parameters
    ----------
    cases
        The cases counted in incidence: ``topography``, ``morphology``, ``behaviour``,
        ``incidence_date``.
    deaths
        A data frame with ``year``, ``cause_of_death`` (ICD-10, "C50" or "C50.1"), ``deaths``.
    registry
        Whose they are.
    level
        Of the confidence intervals.

    Returns
    -------
    DataFrame
        The columns of ``QUALITY``: ``entity_id`` is ``all`` (C00 to C97) or a category
        ("C50"), numerator the deaths, denominator the cases, unit ratio.

    Raises
    ------
    ColumnError
        A column is missing.
    """
    table = cases.table if isinstance(cases, Cases) else read_table(cases).frame
    died = deaths if isinstance(deaths, pl.DataFrame) else read_table(deaths).frame
    for frame, names in (
        (table, ("incidence_date", "topography", "morphology", "behaviour")),
        (died, ("year", "cause_of_death", "deaths")),
    ):
        for name in names:
            if name not in frame.columns:
                raise ColumnError(
                    "deaths against new cases need a column", value=name, allowed=frame.columns
                )
    z = NormalDist().inv_cdf(1 - tail_probability(level))
    new = table.select(
        year=pl.col("incidence_date").dt.year().cast(pl.Int64),
        category=to_icd10(table)["icd10"].str.slice(0, 3),
    )
    died = died.select(
        pl.col("year").cast(pl.Int64),
        category=pl.col("cause_of_death").cast(pl.String).str.slice(0, 3).str.to_uppercase(),
        deaths=pl.col("deaths").cast(pl.Float64),
    )
    years = set(new["year"].drop_nulls()) & set(died["year"].drop_nulls())
    shared = pl.col("year").is_in(sorted(years)) & pl.col("category").str.contains(_CANCER)
    new, died = new.filter(shared), died.filter(shared)
    both = (
        died.group_by("category")
        .agg(pl.col("deaths").sum())
        .join(new.group_by("category").agg(pl.len().alias("cases")), on="category", how="full",
              coalesce=True)
        .fill_null(0)
        .sort("category")
    )  # fmt: skip
    whole = both.select(
        category=pl.lit(ALL), deaths=pl.col("deaths").sum(), cases=pl.col("cases").sum()
    )
    both = pl.concat([whole, both], how="vertical_relaxed")
    m, i = (both[name].cast(pl.Float64).to_numpy() for name in ("deaths", "cases"))
    known = i > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = m / i
        factor = np.exp(z * np.sqrt(1 / m + 1 / i))
        lower, upper = ratio / factor, ratio * factor
    limited = known & (m > 0)
    period = f"{min(years)}-{max(years)}" if years else ALL
    empty = "the files share no year" if not years else "there are no such cases"
    return pl.DataFrame(
        {
            "registry": [registry] * both.height,
            "entity_id": both["category"],
            "period": [period] * both.height,
            "indicator": [MI_RATIO] * both.height,
            "numerator": both["deaths"].round().cast(pl.Int64),
            "denominator": both["cases"],
            "value": _where(known, ratio),
            "lower": _where(limited, lower),
            "upper": _where(limited, upper),
            "level": [level] * both.height,
            "unit": ["ratio"] * both.height,
            "status": [OK if one else NOT_ESTIMABLE for one in known],
            "reason": [None if one else empty for one in known],
            "benchmark": pl.Series([None] * both.height, dtype=pl.Float64),
            "benchmark_source": pl.Series([None] * both.height, dtype=pl.String),
        },
        schema=dict(QUALITY),
        strict=False,
    )


def _where(known: np.ndarray[Any, np.dtype[np.bool_]], values: Any) -> list[float | None]:
    return [float(value) if one else None for one, value in zip(known, values, strict=True)]
