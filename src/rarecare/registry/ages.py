"""Age groups as a stratum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import polars as pl

from rarecare.errors import ColumnError, UsageError
from rarecare.registry.cases import Cases


def add_age_groups(cases: Cases, age_lower: Sequence[int]) -> Cases:
    """Return the cases with a column ``age_group``: ``"15-44"``, ``"75+"``, in this order.

    Ages below the first bound, and unknown ages, have none.

    Raises
    ------
    ColumnError
        The cases have no age.
    UsageError
        The bounds do not rise.
    """
    if "age" not in cases.table.columns:
        raise ColumnError(
            "age groups need age", file=cases.source.name, allowed=cases.table.columns
        )
    if not age_lower or any(b <= a for a, b in pairwise(age_lower)):
        raise UsageError(
            "the lower bounds of age groups must rise", value=age_lower, allowed="as 15, 45, 65"
        )
    labels = [f"{a}-{b - 1}" for a, b in pairwise(age_lower)] + [f"{age_lower[-1]}+"]
    group = pl.lit(None, dtype=pl.String)
    for age, label in zip(age_lower, labels, strict=True):
        group = pl.when(pl.col("age") >= age).then(pl.lit(label)).otherwise(group)
    named = group.cast(pl.Enum(labels)).alias("age_group")
    return replace(cases, table=cases.table.with_columns(named))
