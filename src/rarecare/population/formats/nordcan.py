"""NORDCAN life tables: ``year;sex;age;prob``, prob the probability of surviving the year.

Source: NORDCAN call for data, manual of 2024-04-29, read when the project's notes on formats were
compiled; ages 0 to 99, sex 1 and 2.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rarecare.errors import ColumnError
from rarecare.files import read_table
from rarecare.population.life_table import LifeTable

_COLUMNS = ("year", "sex", "age", "prob")


def read_nordcan(source: str | Path | Any) -> LifeTable:
    """Read a NORDCAN life table.

    Parameters
    ----------
    source
        CSV file or data frame with the columns ``year``, ``sex``, ``age``, ``prob``.

    Raises
    ------
    ColumnError
        The columns are others.
    LifeTableError
        ``prob`` looks like probabilities of death; see also ``LifeTable.read``.
    """
    raw = read_table(source)
    present = [name.lower() for name in raw.frame.columns]
    for name in (*_COLUMNS, *present):
        if (name in _COLUMNS) != (name in present):
            raise ColumnError(
                "the columns are not those of a NORDCAN life table",
                file=raw.source.name,
                row=1,
                value=name,
                allowed="year, sex, age and prob, each once",
                remedy="Read other life tables with LifeTable.read.",
            )
    return LifeTable.read(source, keys=("sex",))
