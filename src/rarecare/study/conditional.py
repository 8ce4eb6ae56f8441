"""Survival of those who have lived some years, from the rows of a release that are shown.

A ratio of two published numbers tells nothing that these do not: it is made after small counts
were withheld, and withheld where either is. S(t|s) = S(t)/S(s); increments of the cumulative hazard
are independent, so that Var log S(t|s) = Var log S(t) − Var log S(s). Source: as
``survival.conditional``.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import polars as pl

from rarecare.results import NOT_ESTIMABLE, OK, WITHHELD
from rarecare.study import schema
from rarecare.study.config import Study
from rarecare.study.survival import ADULTS, CHILDREN
from rarecare.survival.curves import limits

_CELL = ("entity_id", "area", "sex", "age_group", "period", "standard", "method")


def conditional_rows(estimates: pl.DataFrame, study: Study) -> pl.DataFrame:
    """Return the rows, in the schema's columns, for every two times of the study.

    Crude net survival of adults and of children, all areas and both sexes together. ``n`` is the
    number at risk after the years lived; ``time_years`` counts from diagnosis.

    Parameters
    ----------
    estimates
        Protected rows of a release.
    """
    shown = estimates.filter(
        pl.col("age_group").is_in([ADULTS, CHILDREN]),
        pl.col("time_years").is_in(list(study.survival.at)),
        measure=schema.NET_SURVIVAL, area=schema.ALL, sex=schema.ALL, standard=schema.NONE,
    )  # fmt: skip
    pairs = shown.join(shown, on=list(_CELL), suffix="_then").filter(
        pl.col("time_years") < pl.col("time_years_then")
    )
    lived, then = (pl.col(f"estimate{name}") for name in ("", "_then"))
    spread = (pl.col("se_then") / then) ** 2 - (pl.col("se") / lived) ** 2
    ratio = pl.when(lived > 0).then(then / lived)
    value, se = (
        pairs.select(of.cast(pl.Float64)).to_series().fill_null(np.nan).to_numpy()
        for of in (ratio, ratio * spread.clip(0).sqrt())
    )
    z = NormalDist().inv_cdf(0.5 + study.level / 2)
    lower, upper = limits(value, se, z, study.survival.interval)
    numbers = {"estimate": value, "se": se, "lower": lower, "upper": upper}
    both = (pl.col("status") == OK) & (pl.col("status_then") == OK)
    known = both & (pl.col("estimate") > 0) & pl.col("_estimate").is_finite()
    gone = (pl.col("status") == WITHHELD) | (pl.col("status_then") == WITHHELD)
    first = (pl.col("status") == WITHHELD) | ((pl.col("status") != OK) & ~gone)
    told = pl.when(first).then("reason").otherwise("reason_then")
    status = (
        pl.when(gone).then(pl.lit(WITHHELD)).when(known).then(pl.lit(OK))
        .otherwise(pl.lit(NOT_ESTIMABLE))
    )  # fmt: skip
    return (
        pairs.with_columns(pl.Series(f"_{name}", array) for name, array in numbers.items())
        .with_columns(
            *(pl.when(known).then(pl.col(f"_{name}").fill_nan(None)).alias(name)
              for name in numbers),
            measure=pl.format(
                f"{schema.ALIVE_AFTER} {{}}", pl.col("time_years").map_elements(
                    lambda years: f"{years:g}", return_dtype=pl.String
                )
            ),
            n="at_risk",
            events=pl.lit(None, dtype=pl.Int64),
            at_risk=pl.lit(None, dtype=pl.Int64),
            time_years=pl.col("time_years_then"),
            status=status,
            reason=pl.when(gone | ~both).then(told)
            .when(~known).then(pl.lit("net survival is 0 after the years lived")),
        )
        .select(list(schema.ESTIMATES))
    )  # fmt: skip
