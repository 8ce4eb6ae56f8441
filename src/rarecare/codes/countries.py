"""European countries and their EUROCARE regions.

The regions are those of EUROCARE-5; countries it did not place stand by geography, as their
``basis`` says.
"""

from __future__ import annotations

from functools import cache

import polars as pl

from rarecare.codes.packaged import packaged_table
from rarecare.errors import CodeError


@cache
def countries() -> pl.DataFrame:
    """Return the EU's members, the United Kingdom and EFTA's, one row each.

    Columns: ``iso2``, ``iso3``, ``eurostat`` (EL and UK where ISO has GR and GB), ``name``,
    ``membership``, ``eurocare_region`` and its ``basis``.
    """
    return packaged_table("tables/countries.csv")


def region_of(country: str) -> str:
    """Return the EUROCARE region of a country, given by code or English name.

    Raises
    ------
    CodeError
        There is no such country in the table.

    Examples
    --------
    >>> region_of("SI"), region_of("EL"), region_of("Norway")
    ('Southern Europe', 'Southern Europe', 'Northern Europe')
    """
    found = _regions().get(country.strip().lower())
    if found is None:
        known = countries()
        column = "name" if len(country.strip()) > 3 else "iso2"
        raise CodeError("the country is not known", value=country, allowed=known[column].to_list())
    return found


@cache
def _regions() -> dict[str, str]:
    rows = countries().iter_rows(named=True)
    columns = ("iso2", "iso3", "eurostat", "name")
    return {row[c].lower(): row["eurocare_region"] for row in rows for c in columns}
