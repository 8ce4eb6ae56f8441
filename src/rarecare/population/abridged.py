"""Life tables by age group as tables by single year of age.

Within a group of n years from age x the hazard is taken as constant (the default),
h = m, or h = -ln(1 - q)/n from the probability of dying in the group; or the cumulative hazard
H(x), known at the bounds of the groups, is joined by a monotone cubic and
h(a) = H(a + 1) - H(a). Both keep the survivors at every bound. Sources: Chiang, *The Life Table
and its Applications*, 1984, ch. 4-5; Fritsch & Butland, SIAM J. Sci. Stat. Comput. 1984;5:300-304
(the cubic).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import LifeTableError, UsageError
from rarecare.files import Source
from rarecare.population.hazards import DEATH, RATE, SURVIVAL
from rarecare.population.life_table import LifeTable, build

Method = Literal["constant", "monotone"]

METHODS = {
    "constant": "hazard constant within the group",
    "monotone": "cumulative hazard joined by a monotone cubic",
}


def single_years(
    cells: pl.DataFrame,
    *,
    keys: tuple[str, ...],
    quantity: str,
    source: Source,
    method: Method = "constant",
    notes: tuple[str, ...] = (),
) -> LifeTable:
    """Return a life table by single year from cells by single year or by age group.

    Parameters
    ----------
    cells
        One row per cell: the keys, ``age`` (first completed age), ``span`` (years in the
        group; null when open), ``year`` (int64), ``value`` (float64; a probability is over
        the whole group) and ``line`` of the file.
    keys, quantity, source, notes
        See ``LifeTable``.
    method
        What is assumed within a group. The open group keeps its own hazard; where death
        in it is certain, it takes the hazard of the age before.

    Raises
    ------
    LifeTableError
        The groups overlap or leave a gap, a cell is missing or doubled, or a value cannot be;
        see also ``LifeTable.read``.
    UsageError
        The method is not known.
    """
    if method not in METHODS:
        raise UsageError(
            "the method for age groups is not known", value=method, allowed=list(METHODS)
        )
    if (cells["span"].fill_null(1) == 1).all():
        tidy = cells.drop("span")
        return build(tidy, keys=keys, quantity=quantity, source=source, notes=notes)
    groups = _groups(cells, source.name)
    levels, hazard, lines = _matrix(cells, keys, groups, quantity, source.name)
    start, span = groups["age"].to_numpy(), groups["span"].fill_null(1).to_numpy()
    open_end = bool(groups["span"].has_nulls())
    if open_end and np.isinf(hazard[:, -1]).any():
        hazard[:, -1] = np.where(np.isinf(hazard[:, -1]), hazard[:, -2], hazard[:, -1])
        notes = (*notes, f"certain death from age {start[-1]} on: the hazard of the age before")
    yearly = np.repeat(hazard, span, axis=1)
    if method == "monotone":
        closed = len(span) - open_end
        yearly[:, : span[:closed].sum()] = _monotone(hazard[:, :closed], span[:closed])
    ages = np.arange(start[0], start[0] + span.sum())
    rows = levels[np.repeat(np.arange(levels.height), len(ages))]
    tidy = rows.with_columns(
        age=pl.Series(np.tile(ages, levels.height), dtype=pl.Int64),
        value=pl.Series(yearly.ravel()),
        line=pl.Series(np.repeat(lines, span, axis=1).ravel()),
    )
    note = f"from {quantity} by age group to single years: {METHODS[method]}"
    return build(tidy, keys=keys, quantity=RATE, source=source, notes=(*notes, note))


def _groups(cells: pl.DataFrame, file: str) -> pl.DataFrame:
    """Return first age and span of each group, after checking that they follow one another."""
    groups = cells.group_by("age", "span").agg(pl.col("line").min()).sort("age", "line")
    following = groups["age"].shift(-1)
    fits = (groups["age"] + groups["span"] == following).fill_null(value=False)
    bad = (~fits[: groups.height - 1]).arg_true()
    if len(bad):
        row = groups.row(int(bad[0]) + 1, named=True)
        last = groups.row(int(bad[0]), named=True)
        end = "open" if last["span"] is None else f"{last['age'] + last['span'] - 1}"
        raise LifeTableError(
            "the age groups of the life table overlap or leave a gap",
            file=file,
            row=row["line"],
            value=f"{row['age']} after {last['age']}-{end}",
            allowed="groups that follow one another, the same in every year",
        )
    return groups.select("age", "span")


def _matrix(
    cells: pl.DataFrame, keys: tuple[str, ...], groups: pl.DataFrame, quantity: str, file: str
) -> tuple[pl.DataFrame, NDArray[np.float64], NDArray[np.int64]]:
    """Return levels, hazards per year and lines, each of shape (n_levels, n_groups)."""
    columns = [*keys, "year"]
    levels = cells.select(columns).unique().sort(columns)
    wanted = levels.join(groups.select("age"), how="cross")
    found = wanted.join(cells, on=[*columns, "age"], how="left", maintain_order="left")
    doubled = found.filter(pl.struct(*columns, "age").is_duplicated())
    absent = found.filter(pl.col("value").is_null())
    for rows, problem in ((doubled, "occurs twice"), (absent, "is missing")):
        if rows.height:
            row = rows.row(-1 if rows is doubled else 0, named=True)
            raise LifeTableError(
                f"a cell of the life table {problem}",
                file=file,
                row=row["line"],
                value=", ".join(f"{name} {row[name]}" for name in (*columns, "age")),
                allowed="one row per age group, year and key",
            )
    value = pl.col("value")
    outside = (value < 0) | ((value > 1) if quantity in (DEATH, SURVIVAL) else pl.lit(value=False))
    early = pl.col("span").is_not_null() & (value == {DEATH: 1, SURVIVAL: 0}.get(quantity, -1))
    for rows, problem in (
        (found.filter(outside), f"the {quantity} lies outside its range"),
        (found.filter(early), "death is certain before the open last age group"),
    ):
        if rows.height:
            row = rows.row(0, named=True)
            raise LifeTableError(
                problem, file=file, row=row["line"], value=row["value"], allowed="0 to 1"
            )
    survival = {DEATH: 1 - value, SURVIVAL: value}.get(quantity)
    hazard = value if survival is None else -survival.log() / pl.col("span").fill_null(1)
    shape = (levels.height, groups.height)
    return (
        levels,
        found.select(hazard).to_series().to_numpy().reshape(shape).copy(),
        found["line"].cast(pl.Int64).to_numpy().reshape(shape),
    )


def _monotone(hazard: NDArray[np.float64], span: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return hazards by single year, shape (n_levels, n_years), from those by group."""
    from scipy.interpolate import PchipInterpolator  # noqa: PLC0415 - slow to import

    bounds = np.concatenate([[0], np.cumsum(span)])
    summed = np.cumsum(hazard * span, axis=1)
    cumulative = np.concatenate([np.zeros((len(hazard), 1)), summed], axis=1)
    curve = PchipInterpolator(bounds, cumulative, axis=1)
    return np.asarray(np.maximum(np.diff(curve(np.arange(bounds[-1] + 1)), axis=1), 0.0))
