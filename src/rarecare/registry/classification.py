"""Cases and the list of rare cancers: which entity each case is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, overload

import polars as pl

from rarecare.codes.rare_cancers import RareCancerList, chosen_list
from rarecare.files import read_table
from rarecare.registry.cases import Cases


@overload
def classify(cases: Cases, *, classification: RareCancerList | Path | None = None) -> Cases: ...
@overload
def classify(
    cases: Any, *, classification: RareCancerList | Path | None = None
) -> pl.DataFrame: ...
def classify(
    cases: Cases | Any, *, classification: RareCancerList | Path | None = None
) -> Cases | pl.DataFrame:
    """Return the cases with family, tier 1, tier 2, rare or not, and the rule that decided.

    Parameters
    ----------
    cases
        Cases as read, or a data frame with ``topography``, ``morphology``, ``behaviour`` and,
        where there is one, ``sex``.
    classification
        Another list, or its folder. The list that comes with the package is derived and
        unofficial.

    Returns
    -------
    Cases or DataFrame
        As given, with the columns of ``RareCancerList.classify``.

    Raises
    ------
    ColumnError, CaseError
        A column is missing or not what it must be.

    Examples
    --------
    >>> cases = pl.DataFrame({"topography": ["C40.2"], "morphology": [9180], "behaviour": [3]})
    >>> classify(cases).select("entity_tier1", "entity_tier2", "rare").row(0)
    ('08.02', '08.02.01', True)
    """
    given = classification
    entities = given if isinstance(given, RareCancerList) else chosen_list(given)
    if isinstance(cases, Cases):
        return replace(cases, table=entities.classify(cases.table))
    return entities.classify(read_table(cases).frame)
