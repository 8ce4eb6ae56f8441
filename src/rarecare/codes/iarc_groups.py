"""Groups of sites and histologies that count as one in the rules for multiple primaries.

Source: International Rules for Multiple Primary Cancers (ICD-O third edition), IARC/ENCR/IACR
2004, Internal Report 2004/02: Table 1 (sites) and Table 2 (histologies), and the histologies as
ICD-O-3.1 and 3.2 and two programs have them; each row of the tables names its source and how
sure it is (A read in the source, B read in a program that transcribes it).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.codes.icdo3 import topographies
from rarecare.codes.packaged import packaged_table
from rarecare.errors import CodeError

NO_GROUP = 0
"""The histology stands in no group of Table 2."""

UNKNOWN_PRIMARY = "C80"
"""The topography group of tumours whose primary site is unknown."""

_LAST_HISTOLOGY = 10_000


@cache
def topography_groups() -> pl.DataFrame:
    """Return Table 1 for every three-character site.

    Columns: ``site`` ("C01"), ``topography_group`` ("C01-C02"; the site itself where it is
    alone), ``same_time_code``, the code of several tumours found at the same time in different
    sites of the group (null where it is alone).

    Examples
    --------
    >>> topography_groups().filter(pl.col("site").is_in(["C19", "C50"])).rows()
    [('C19', 'C19-C20', 'C20.9'), ('C50', 'C50', None)]
    """
    sites = topographies().filter(level="group").select(site="topography")
    grouped = packaged_table("tables/iarc_topography_groups.csv").select(
        site=pl.col("topographies").str.split(";"),
        topography_group="group",
        same_time_code="same_time_code",
    )
    return (
        sites.join(grouped.explode("site"), on="site", how="left", maintain_order="left")
        .with_columns(pl.coalesce("topography_group", "site").alias("topography_group"))
        .select("site", "topography_group", "same_time_code")
    )


@cache
def histology_groups() -> pl.DataFrame:
    """Return the groups of Table 2: ``group`` (int8), ``name``, ``kind``.

    ``kind`` is ``specific`` or ``unspecified``: 5 is not different from 1 to 4, 14 not from 8
    to 13, 17 not from any.
    """
    return packaged_table("tables/iarc_histology_groups.csv").with_columns(
        pl.col("group").cast(pl.Int8)
    )


@cache
def histology_tables() -> tuple[str, ...]:
    """Return the names of the tables of histologies."""
    return tuple(_ranges()["table"].unique(maintain_order=True))


@cache
def histology_group_of(tables: tuple[str, ...]) -> NDArray[np.int8]:
    """Return the group of every four-digit histology, shape (10 000,); 0 where it has none.

    Parameters
    ----------
    tables
        Names from ``histology_tables``: a histology has the group of the first that holds it.

    Raises
    ------
    CodeError
        There is no such table.

    Examples
    --------
    The precursor B-cell leukaemias, on which the tables disagree:

    >>> [int(histology_group_of((name,))[9811]) for name in histology_tables()]
    [14, 9, 9, 9]
    """
    groups = np.zeros(_LAST_HISTOLOGY, dtype=np.int8)
    for table in tables:
        if table not in histology_tables():
            raise CodeError(
                "there is no such table of histology groups", value=table,
                allowed=histology_tables(),
            )  # fmt: skip
        for _, group, histologies in _ranges().filter(table=table).iter_rows():
            for part in histologies.split(";"):
                first, _, last = part.partition("-")
                codes = slice(int(first), int(last or first) + 1)
                own = groups[codes]
                own[own == NO_GROUP] = group
    return groups


@cache
def _ranges() -> pl.DataFrame:
    table = packaged_table("tables/iarc_histology_ranges.csv")
    return table.select("table", pl.col("group").cast(pl.Int8), "histologies")
