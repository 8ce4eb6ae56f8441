"""Long survivors of tumours that few survive: a sign of a wrong diagnosis or a missed death.

Source: RARECARE's review of suspicious records, *Tumori* 2017;103:22-32, in which most long
survivors were confirmed: a suspicious case is to be looked at, not left out. Which tumours and
years is in the table ``highly_fatal.csv``, with its source.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files
from typing import Any

import numpy as np
import polars as pl

from rarecare.codes.code_rules import histology_positions, site_positions, spread
from rarecare.errors import ColumnError
from rarecare.files import read_table

SUSPICIOUS, SUSPICIOUS_OF = "_suspicious", "_highly_fatal"
"""Working columns: a suspicious long survivor; a highly fatal tumour."""

_DAYS = 365.2425
_NEEDED = ("topography", "morphology", "follow_up_days")


@cache
def highly_fatal() -> pl.DataFrame:
    """Return the highly fatal tumours.

    Columns: ``name``, ``topography`` and ``morphology`` (codes and ranges of ICD-O-3), ``years``
    (int64) beyond which survival is suspicious, ``why``, ``sureness`` (D: our own choice).
    """
    source = files("rarecare.registry.quality") / "highly_fatal.csv"
    with as_file(source) as path:
        return read_table(path).frame.with_columns(pl.col("years").cast(pl.Int64))


def suspicious_survivors(cases: Any) -> pl.DataFrame:
    """Return the cases to look at again, one row each.

    Parameters
    ----------
    cases
        A data frame with ``topography``, ``morphology``, ``follow_up_days`` and, where there
        are such, ``row``, ``behaviour`` and ``tumour_id``.

    Returns
    -------
    DataFrame
        ``row`` (its place from 0 where there is none), ``tumour_id``, ``name`` of the highly
        fatal tumour, ``years`` beyond which survival is suspicious, ``follow_up_years``.

    Raises
    ------
    ColumnError
        A column is missing.

    Examples
    --------
    >>> cases = pl.DataFrame({
    ...     "topography": ["C38.4", "C38.4"], "morphology": [9050, 9050],
    ...     "behaviour": [3, 3], "follow_up_days": [3000, 300],
    ... })
    >>> suspicious_survivors(cases).select("row", "name", "years").rows()
    [(0, 'mesothelioma', 5)]
    """
    raw = read_table(cases)
    for name in _NEEDED:
        if name not in raw.frame.columns:
            raise ColumnError(
                "long survivors need a column",
                file=raw.source.name,
                value=name,
                allowed=raw.frame.columns,
            )
    frame, table = raw.frame, highly_fatal()
    marked = frame.with_columns(suspicious_columns(frame), _number=_number(frame))
    row = pl.col("row") if "row" in frame.columns else pl.int_range(pl.len(), dtype=pl.Int64)
    tumour = pl.col("tumour_id") if "tumour_id" in frame.columns else pl.lit(None, pl.String)
    return (
        marked.with_columns(row.alias("row"), tumour.alias("tumour_id"))
        .filter(SUSPICIOUS)
        .select(
            "row",
            "tumour_id",
            name=pl.col("_number").replace_strict(range(table.height), table["name"]),
            years=pl.col("_number").replace_strict(range(table.height), table["years"]),
            follow_up_years=pl.col("follow_up_days") / _DAYS,
        )
    )


def suspicious_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the working columns ``SUSPICIOUS_OF`` and ``SUSPICIOUS`` of a table of cases."""
    number = _number(frame)
    years = np.append(highly_fatal()["years"].to_numpy(), 0)[number.to_numpy()]
    fatal = number >= 0
    longer = frame["follow_up_days"] > pl.Series(years * _DAYS)
    return pl.DataFrame({SUSPICIOUS_OF: fatal, SUSPICIOUS: fatal & longer.fill_null(value=False)})


def _number(frame: pl.DataFrame) -> pl.Series:
    """Return each case's place among the highly fatal tumours, or -1."""
    decided = spread(highly_fatal().select("topography", "morphology").iter_rows())
    site, histology = site_positions(frame["topography"]), histology_positions(frame["morphology"])
    number = np.where((site < 0) | (histology < 0), -1, decided[site, histology])
    if "behaviour" in frame.columns:
        malignant = (frame["behaviour"] == 3).fill_null(value=False).to_numpy()
        number = np.where(malignant, number, -1)
    return pl.Series(number.astype(np.int64))
