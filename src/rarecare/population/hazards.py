"""The cells of a life table as hazards: refused where they cannot be, filled where a rule says."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import LifeTableError, UsageError

SURVIVAL = "probability of surviving the year"
DEATH = "probability of dying within the year"
RATE = "hazard or central death rate per person-year"
DAILY = "hazard per day"

MissingYears = Literal["refuse", "carry", "interpolate"]
MISSING_YEARS: tuple[MissingYears, ...] = ("refuse", "carry", "interpolate")
_YOUNG = (15, 40)  # ages at which fewer than half die, or survive, in a year


def absent_years(years: pl.Series, quantity: str, rule: MissingYears, file: str) -> tuple[int, ...]:
    """Return the calendar years that the table lacks, where a rule says what they are.

    Raises
    ------
    UsageError
        There is no such rule.
    LifeTableError
        Years are missing, and none was given.
    """
    if rule not in MISSING_YEARS:
        raise UsageError("missing_years has no such choice", value=rule, allowed=MISSING_YEARS)
    missing = sorted(set(range(int(years[0]), int(years[-1]) + 1)) - set(years))
    if rule == "refuse" and quantity != DAILY and missing:
        raise LifeTableError(
            "the life table lacks calendar years between its first and its last",
            file=file,
            value=", ".join(map(str, missing[:5])),
            allowed=f"every year from {years[0]} to {years[-1]}",
            remedy="Add them, or say what they are: missing_years='carry' or 'interpolate'.",
        )
    return () if rule == "refuse" else tuple(missing)


def filled(
    hazard: NDArray[np.float64], years: NDArray[np.int64], rule: MissingYears
) -> NDArray[np.float64]:
    """Return the hazard of every year from the first to the last."""
    every = np.arange(years[0], years[-1] + 1)
    before = np.searchsorted(years, every, side="right") - 1
    low = hazard[..., before]
    if rule == "carry":
        return low
    after = np.minimum(before + 1, len(years) - 1)
    high = hazard[..., after]
    gap = np.maximum(years[after] - years[before], 1)
    part = (every - years[before]) / gap
    both = (low > 0) & (high > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        straight = np.exp(np.log(low) * (1 - part) + np.log(high) * part)
    every_year: NDArray[np.float64] = np.where(both, straight, low * (1 - part) + high * part)
    return np.where(part == 0, low, every_year)


def refuse_gaps(
    table: pl.DataFrame,
    keys: tuple[str, ...],
    *,
    levels: pl.DataFrame,
    ages: pl.Series,
    years: pl.Series,
    file: str,
) -> None:
    """Refuse a table that lacks a cell.

    Raises
    ------
    LifeTableError
        It does.
    """
    if table.height == levels.height * len(ages) * len(years):
        return
    grid = pl.DataFrame({"age": ages}).join(pl.DataFrame({"year": years}), how="cross")
    if keys:
        grid = levels.join(grid, how="cross")
    absent = grid.join(table, on=[*keys, "age", "year"], how="anti", nulls_equal=True)
    row = absent.sort(*keys, "age", "year").row(0, named=True)
    raise LifeTableError(
        "a cell of the life table is missing",
        file=file,
        value=", ".join(f"{column} {value}" for column, value in row.items()),
        allowed=f"every combination of {', '.join((*keys, 'age', 'year'))}",
        remedy=f"Add the {absent.height} missing rows; if one of these columns is no key, "
        "name the keys.",
    )


def refuse_wrong_kind(table: pl.DataFrame, quantity: str, file: str) -> None:
    """Refuse values outside the range of the quantity, or that look like another's.

    Raises
    ------
    LifeTableError
        There are such.
    """
    if quantity in (DEATH, SURVIVAL):
        outside = table.filter((pl.col("value") < 0) | (pl.col("value") > 1))
        allowed = "0 to 1"
    else:
        outside = table.filter(pl.col("value") < 0)
        allowed = "0 or more"
    if outside.height:
        row = outside.row(0, named=True)
        raise LifeTableError(
            f"the {quantity} lies outside its range",
            file=file,
            row=row["line"],
            value=row["value"],
            allowed=allowed,
            remedy=f"Correct {outside.height} such rows, or name the column by what it holds.",
        )
    young = table.filter(pl.col("age").is_between(*_YOUNG))
    if not young.height:
        return
    worst = young.sort("value", descending=quantity != SURVIVAL).row(0, named=True)
    other = {
        DEATH: "These look like probabilities of survival: name the column px or prob.",
        SURVIVAL: "These look like probabilities of death: name the column qx.",
        RATE: "These look like rates per 1 000 or per 100 000, or survival: give them per person.",
        DAILY: "These look like hazards per year: name the column mx.",
    }[quantity]
    limit = 0.5 / 365 if quantity == DAILY else 0.5
    typical = float(young["value"].median())  # type: ignore[arg-type]
    if (typical < limit) if quantity == SURVIVAL else (typical > limit):
        raise LifeTableError(
            f"the column is read as {quantity}, but at age {worst['age']} it cannot be",
            file=file,
            row=worst["line"],
            value=worst["value"],
            allowed=f"{'more' if quantity == SURVIVAL else 'less'} than {limit:.4g} at ages "
            f"{_YOUNG[0]} to {_YOUNG[1]}",
            remedy=other,
        )


def hazard_of(
    table: pl.DataFrame, quantity: str, last_age: int, file: str
) -> tuple[pl.Expr, tuple[str, ...]]:
    """Return the hazard as an expression; certain death in the last age is left infinite.

    Raises
    ------
    LifeTableError
        Death is certain before the last age.
    """
    value = pl.col("value")
    if quantity in (RATE, DAILY):
        return value.alias("hazard"), ()
    certain = table.filter(value == (1.0 if quantity == DEATH else 0.0))
    early = certain.filter(pl.col("age") < last_age)
    if early.height:
        row = early.row(0, named=True)
        raise LifeTableError(
            f"death is certain before the last age of the table ({last_age})",
            file=file,
            row=row["line"],
            value=f"age {row['age']}, year {row['year']}, {row['value']}",
            allowed="certain death in the open last age alone",
            remedy="End the table there, or correct the row.",
        )
    notes: tuple[str, ...] = ()
    if certain.height:
        notes = (
            f"{certain.height} cells of the last age ({last_age}) had certain death: "
            "they take the hazard of the age before",
        )
    survival = 1 - value if quantity == DEATH else value
    return (-survival.log()).alias("hazard"), notes


def carry_last(hazard: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return hazards where certain death in the last age takes the hazard of the age before.

    Raises
    ------
    UsageError
        There is no age before.
    """
    if hazard.shape[1] > 1:
        hazard = hazard.copy()
        last = hazard[:, -1, :]
        last[np.isinf(last)] = hazard[:, -2, :][np.isinf(last)]
    if np.isinf(hazard).any():
        raise UsageError(
            "a life table of one age cannot have certain death", allowed="two ages or more"
        )
    return hazard
