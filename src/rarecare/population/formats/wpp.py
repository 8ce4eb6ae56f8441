"""Life tables of the United Nations' World Population Prospects 2024, as CSV.

``WPP2024_Life_Table_Complete_Medium_Both/Male/Female_*.csv`` (single years) and the abridged
ones: one row per ``Location``, ``Time``, ``Sex`` and ``AgeGrpStart`` with ``AgeGrpSpan`` (-1 when
open), ``mx``, ``qx`` and more. Column names from memory of the 2022 and 2024 editions, sure.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from rarecare.errors import LifeTableError
from rarecare.files import read_table
from rarecare.population.abridged import Method, single_years
from rarecare.population.formats.cells import (
    between_years,
    need_columns,
    numbers,
    pick_countries,
)
from rarecare.population.hazards import RATE
from rarecare.population.life_table import LifeTable

_NEEDED = ("Location", "Time", "Sex", "AgeGrpStart", "AgeGrpSpan", "mx")
_CODES = ("ISO2_code", "ISO3_code")
_SEXES = {"Male": "male", "Female": "female"}
_BOTH = ("Total", "Both sexes", "Both")


def read_wpp(
    source: str | Path | Any,
    *,
    country: str | Sequence[str] | None = None,
    years: tuple[int, int] | None = None,
    method: Method = "constant",
) -> LifeTable:
    """Read a UN WPP life table, complete or abridged.

    Parameters
    ----------
    source
        The CSV (or .csv.gz), or a data frame with its columns.
    country
        A name (``Location``) or ISO code of two or three letters: the table has no key for
        it. Several, or None for all: a key ``country``.
    years
        First and last calendar year kept; the published years run to 2100.
    method
        How age groups become single years; see ``abridged``.

    Notes
    -----
    The death rate m(x) is used. Rows of both sexes together are left out.

    Raises
    ------
    ColumnError
        The file lacks a column.
    LifeTableError
        A sex is not known, or nothing but both sexes is in the file; see also
        ``LifeTable.read``.
    UsageError
        A country or the years are not in the file.
    """
    raw = read_table(source)
    need_columns(raw, _NEEDED, "the UN's World Population Prospects")
    file = raw.source.name
    frame = raw.frame.with_row_index("line", offset=2)
    known = frame["Sex"].is_in([*_SEXES, *_BOTH]).fill_null(value=False)
    if not known.all():
        place = int((~known).arg_true()[0])
        raise LifeTableError(
            "sex is not a known word",
            file=file,
            row=place + 2,
            column="Sex",
            value=frame["Sex"][place],
            allowed=[*_SEXES, *_BOTH],
        )
    frame = frame.filter(pl.col("Sex").is_in(list(_SEXES)))
    if frame.is_empty():
        raise LifeTableError(
            "the file holds both sexes together only",
            file=file,
            allowed="rows of Male and Female",
            remedy="Use the files of men and of women.",
        )
    names = ["Location", *(code for code in _CODES if code in frame.columns)]
    frame, several = pick_countries(frame, country, names, file)
    read = {
        name: numbers(frame[name].cast(pl.String), name, frame["line"], file)
        for name in ("Time", "AgeGrpStart", "AgeGrpSpan", "mx")
    }
    span = read["AgeGrpSpan"].cast(pl.Int64)
    cells = frame.select(
        "country",
        "line",
        sex=pl.col("Sex").replace_strict(_SEXES),
        year=read["Time"].cast(pl.Int64),
        age=read["AgeGrpStart"].cast(pl.Int64),
        span=span.set(span < 0, None),
        value=read["mx"],
    )
    cells = between_years(cells, years, file)
    keys = ("sex", "country") if several else ("sex",)
    return single_years(
        cells if several else cells.drop("country"),
        keys=keys,
        quantity=RATE,
        source=raw.source,
        method=method,
    )
