"""Counts that stand in several measures: withheld in one, withheld in all.

The cases behind a trend are those of the rate; those followed for survival are among them. Where a
count is withheld in one measure, the rows of another that show it, or nearly it, go with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

ALL = "all"


@dataclass(frozen=True, slots=True)
class Link:
    """Rows of a measure that show the count of a cell of another, or a part of it.

    Attributes
    ----------
    measure
        Whose rows go.
    base
        The measure of the cell, all its ages together.
    period
        Of the cell; that of the row where it is not given.
    everywhere
        Whether the cell of all areas is behind every row; else that of the row's own area.
    by_sex
        Whether the cell has the sex of the row; else both sexes.
    same
        Whether the count is the very one of the cell, which needs no protection of its own.
    """

    measure: str
    base: str
    period: str | None = None
    everywhere: bool = False
    by_sex: bool = False
    same: bool = True

    def rows(self, estimates: pl.DataFrame, cells: pl.DataFrame) -> pl.Series:
        """Return which rows of the measure go, ``cells`` of the base being withheld.

        Parameters
        ----------
        estimates
            Rows of the measure.
        cells
            ``entity_id``, ``area``, ``sex``, ``age_group``, ``period`` of what is withheld.
        """
        held = cells.filter(age_group=ALL)
        if self.period is not None:
            held = held.filter(period=self.period)
        if self.everywhere:
            held = held.filter(area=ALL)
        if not self.by_sex:
            held = held.filter(sex=ALL)
        keys = ["entity_id"]
        keys += [] if self.everywhere else ["area"]
        keys += ["sex"] if self.by_sex else []
        keys += [] if self.period is not None else ["period"]
        marked = held.select(keys).unique().with_columns(_gone=pl.lit(value=True))
        joined = estimates.select(keys).join(marked, on=keys, how="left", maintain_order="left")
        return joined["_gone"].fill_null(value=False)


@dataclass(frozen=True, slots=True)
class Together:
    """Measures whose rows of one entity and area are shown together, or not at all.

    They divide the cases of one denominator: what is withheld of one would follow from the others.

    Attributes
    ----------
    measures
        Whose rows.
    cases
        Whether their cases go too, which divide those of the whole.
    timed
        Whether each time goes by itself where its cases are shown.
    """

    measures: tuple[str, ...]
    cases: bool = False
    timed: bool = False
