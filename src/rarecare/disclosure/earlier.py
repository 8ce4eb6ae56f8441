"""What an earlier release said of the same counts.

A reader who has both releases knows what either shows. A count that was shown is no protection for
another any more; a count that was withheld must stay withheld, or its neighbours of then would tell
those withheld beside it. Counts that were revised in between are taken to be others. Not looked at:
cells of another period or another cut, which differ from those of this release by few cases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
_KEY = ["entity_id", "area", "sex", "age_group", "period", "time_years", "standard", "method"]


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """Of each row: what an earlier release withheld, or showed with the same count."""

    cases_withheld: Flags
    cases_shown: Flags
    follow_up_withheld: Flags
    follow_up_shown: Flags


def told_before(rows: pl.DataFrame, earlier: pl.DataFrame) -> Told:
    """Return what the rows of one measure of an earlier release say of those of this one."""
    counts = ["n", "events", "at_risk"]
    then = earlier.select(*_KEY, *counts).with_columns(_held=pl.lit(value=True))
    both = rows.select(*_KEY, *counts).join(
        then, on=_KEY, how="left", suffix="_then", nulls_equal=True, maintain_order="left"
    )
    held = pl.col("_held").fill_null(value=False)
    timed = pl.any_horizontal(pl.col("events", "at_risk").is_not_null())
    lost = pl.any_horizontal(pl.col("events_then", "at_risk_then").is_null())
    alike = pl.all_horizontal(
        pl.col(name).eq_missing(pl.col(f"{name}_then")) for name in ("events", "at_risk")
    )
    answer = both.select(
        cases_withheld=held & pl.col("n_then").is_null(),
        cases_shown=held & (pl.col("n") == pl.col("n_then")).fill_null(value=False),
        follow_up_withheld=held & timed & lost,
        follow_up_shown=held & timed & ~lost & alike,
    )
    return Told(*(answer[name].to_numpy() for name in answer.columns))
