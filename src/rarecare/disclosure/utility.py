"""What protection costs: how much of a table is left, and what the plain way would leave."""

from __future__ import annotations

import polars as pl

_CELL = ["entity_id", "area", "sex", "age_group", "period"]


def utility(estimates: pl.DataFrame, shown: pl.DataFrame, threshold: int) -> pl.DataFrame:
    """Return what is left of each measure.

    Parameters
    ----------
    estimates, shown
        Before and after protection: the same rows.
    threshold
        The smallest positive count that is shown.

    Returns
    -------
    DataFrame
        ``measure``; ``cells`` with cases; ``small``: the share of them that is below the threshold;
        ``withheld``: the share whose cases are withheld; ``cases_shown``: of the cases of all
        these cells, the share in cells that are shown; ``whole_rows``: the share that would be
        withheld if each entity lost its whole row (by area, by sex and age, by year) wherever one
        of its cells is small.
    """
    both = estimates.select("measure", *_CELL, "n").with_columns(_shown=shown["n"])
    cells = (
        both.group_by("measure", *_CELL)
        .agg(pl.col("n").max(), gone=pl.col("_shown").is_null().any())
        .filter(pl.col("n") > 0)
        .with_columns(
            few=pl.col("n") < threshold,
            _row=pl.when(pl.col("area") != "all").then(pl.lit("area"))
            .when(pl.col("period").str.len_chars() == 4).then(pl.lit("year"))
            .otherwise(pl.lit("sex and age")),
        )
        .with_columns(_whole=pl.col("few").any().over("measure", "entity_id", "_row"))
    )  # fmt: skip
    kept = pl.col("n").filter(~pl.col("gone")).sum() / pl.col("n").sum()
    return (
        cells.group_by("measure")
        .agg(
            pl.len().cast(pl.Int64).alias("cells"),
            pl.col("few").mean().alias("small"),
            pl.col("gone").mean().alias("withheld"),
            kept.alias("cases_shown"),
            pl.col("_whole").mean().alias("whole_rows"),
        )
        .sort("measure")
    )
