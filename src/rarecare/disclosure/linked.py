"""Counts that stand in several measures: withheld in one, withheld in all.

``protect`` looks at one measure at a time. Where a row of another measure shows the very count of a
cell that is withheld (the cases behind a trend are those of the rate), it goes with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from rarecare.results import WITHHELD

_NUMBERS = ("n", "events", "at_risk", "estimate", "se", "lower", "upper")
ALL = "all"


@dataclass(frozen=True, slots=True)
class Link:
    """Rows of a measure that show the count of a cell of another.

    Attributes
    ----------
    measure
        Whose rows go.
    base
        The measure of the cell: both sexes, all ages.
    period
        Of the cell.
    everywhere
        Whether the cell of all areas is behind every row; else that of the row's own area.
    """

    measure: str
    base: str
    period: str
    everywhere: bool = False


def withhold_linked(estimates: pl.DataFrame, links: Iterable[Link], reason: str) -> pl.DataFrame:
    """Return protected estimates with linked rows withheld.

    Parameters
    ----------
    estimates
        Protected, in the columns of ``study.schema``.
    links
        What shows whose count.
    reason
        Of the rows withheld here.
    """
    for link in links:
        cells = estimates.filter(
            pl.col("n").is_null(), measure=link.base, period=link.period, sex=ALL, age_group=ALL,
            status=WITHHELD,
        )  # fmt: skip
        if link.everywhere:
            cells = cells.filter(area=ALL)
        keys = ["entity_id"] if link.everywhere else ["entity_id", "area"]
        named = cells.select(keys).unique().with_columns(_gone=pl.lit(value=True))
        gone = (pl.col("measure") == link.measure) & pl.col("_gone").is_not_null()
        estimates = (
            estimates.join(named, on=keys, how="left", maintain_order="left")
            .with_columns(
                *(pl.when(~gone).then(pl.col(name)).alias(name) for name in _NUMBERS),
                status=pl.when(gone).then(pl.lit(WITHHELD)).otherwise("status"),
                reason=pl.when(gone).then(pl.lit(reason)).otherwise("reason"),
            )
            .drop("_gone")
        )
    return estimates
