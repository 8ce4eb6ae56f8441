"""Life expectancy from a life table.

With the hazard h constant within each year of age,
e(a) = Σ_{x ≥ a} S(x)/S(a) · (1 - e^{-h(x)})/h(x), S(x + 1) = S(x)·e^{-h(x)}; the last age is
open and adds S/h. Source: Chiang, *The Life Table and its Applications*, 1984, ch. 4.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from rarecare.errors import LifeTableError, UsageError
from rarecare.population.life_table import LifeTable


def life_expectancy(
    table: LifeTable, *, year: int, age: int = 0, days_per_year: float = 365.2425
) -> pl.DataFrame:
    """Return the years of life expected at an age by the hazards of one calendar year.

    Parameters
    ----------
    table
        The life table; its last age is taken as open.
    year
        Calendar year, not before the table's first nor after its last.
    age
        Completed age, of the table's.
    days_per_year
        D, for a table of hazards per day.

    Returns
    -------
    polars.DataFrame
        One row per level of the table's keys: the keys, ``year``, ``age`` and
        ``life_expectancy`` (years).

    Raises
    ------
    UsageError
        The table has not this year or age.
    LifeTableError
        Nobody dies at the last age, so that life has no end.

    Examples
    --------
    A hazard of 0.02 at every age: 1/0.02 = 50 years.

    >>> frame = pl.DataFrame({"age": [0, 1, 2], "year": [2000] * 3, "mx": [0.02] * 3})
    >>> life_expectancy(LifeTable.read(frame), year=2000)["life_expectancy"].round(9).to_list()
    [50.0]
    """
    ages = range(table.first_age, table.first_age + table.n_ages)
    for name, value, known in (
        ("year", year, range(int(table.years[0]), int(table.years[-1]) + 1)),
        ("age", age, ages),
    ):
        if value not in known:
            raise UsageError(
                f"the life table has not this {name}",
                file=table.source.name,
                value=value,
                allowed=f"{known[0]} to {known[-1]}",
            )
    place = int(np.searchsorted(table.years, year, side="right")) - 1
    hazard = table.hazard[:, age - table.first_age :, place]
    if table.per_day:
        hazard = hazard * days_per_year
    if not hazard[:, -1].all():
        raise LifeTableError(
            "nobody dies at the last age of the life table",
            file=table.source.name,
            value=f"age {ages[-1]}, year {year}, hazard 0",
            allowed="a hazard above 0",
            remedy="Close the table at an age with deaths.",
        )
    start = np.exp(-np.cumsum(hazard, axis=1) + hazard)
    positive = np.where(hazard > 0, hazard, 1.0)
    lived = np.where(hazard > 0, -np.expm1(-positive) / positive, 1.0)
    lived[:, -1] = 1 / hazard[:, -1]
    years = (start * lived).sum(axis=1)
    found = pl.DataFrame({"life_expectancy": years}).select(
        pl.lit(year).alias("year"), pl.lit(age).alias("age"), "life_expectancy"
    )
    if not table.keys:
        return found
    return pl.concat([table.levels.select(table.keys), found], how="horizontal")
