"""Populations, life tables and deaths as a registry submits them, with whatever is amiss in them.

Columns are those of the ENCR-JRC call for data (``Calendar year``, ``Sex``, ``Age unit`` in its
three spellings), NORDCAN's, Stata's ``popmort`` and our own. Nothing is refused but a file that
lacks a column: a value that cannot be read is null and a row of the rejects, so that the checks can
say all that is wrong with a file at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import polars as pl

from rarecare.errors import ColumnError, UsageError
from rarecare.files import RawTable
from rarecare.population.ages import AgeGroups, first_age, may_be_numbers
from rarecare.registry.cases import MISSING
from rarecare.registry.casts import as_text
from rarecare.registry.dates import YEARS
from rarecare.registry.submission.config import CountFile, LifeTableFile, Quantity, TableFile
from rarecare.registry.submission.records import LIFE_TABLE, MORTALITY, POPULATION, REJECTS, Kind

AGES = ("age unit", "annual age", "age group", "agegroup", "age lower", "age", "agegr")
"""Names of a column of ages, in lower case and with blanks for ``_``."""

PERSONS = (
    *("number of residents", "pop midyear", "person years", "pyrs", "meanpop"),
    *("population", "pop", "persons"),
)
"""Names of a column of persons."""

_NAMES: Mapping[str, tuple[str, ...]] = {
    "year": ("calendar year", "year"),
    "sex": ("sex", "gender"),
    "age": AGES,
    "region": ("geo code", "region", "area"),
    "persons": PERSONS,
    "cause_of_death": ("cause of death", "icd code", "cause"),
    "deaths": ("number of deaths", "cancer death count", "deaths"),
}
_QUANTITIES: Mapping[Quantity, tuple[str, ...]] = {
    "daily rate": ("haz per day", "hazard per day"),
    "yearly rate": ("mx", "m", "hazard", "haz", "haz per year", "hazard per year", "rate"),
    "death probability": ("all causes death probability", "death probability", "qx", "q"),
    "survival probability": ("prob", "px", "p", "survival probability"),
}
RISKS = tuple(name for names in _QUANTITIES.values() for name in names)
"""Names of a life table's column of risks."""

_SEXES = {
    "1": "male",
    "2": "female",
    "m": "male",
    "f": "female",
    "male": "male",
    "female": "female",
}
_UNKNOWN = {"year": ("9999",), "sex": ("9",), "age": ("999",)}
_DAYS_PER_YEAR = 365.2425


@dataclass(frozen=True, slots=True)
class Counts:
    """A table as it stands in its file.

    Attributes
    ----------
    table
        Columns of ``records.POPULATION``, ``LIFE_TABLE`` or ``MORTALITY``.
    rejects
        As ``Submitted.rejects``.
    notes
        What reading decided.
    """

    table: pl.DataFrame
    rejects: pl.DataFrame
    notes: tuple[str, ...]


def population_of(raw: RawTable, own: CountFile) -> Counts:
    """Return a population: ``persons`` by year, sex, age group and region.

    Raises
    ------
    ColumnError
        There is no column of ages, years, sexes or persons.
    UsageError
        Ages are bare numbers that may be years of age or numbers of age groups.
    """
    return _read(raw, own, "population", POPULATION, own.age_groups)


def mortality_of(raw: RawTable, own: CountFile) -> Counts:
    """Return deaths by year, sex, age group, region and cause; see ``population_of``."""
    return _read(raw, own, "mortality", MORTALITY, own.age_groups)


def life_table_of(raw: RawTable, own: LifeTableFile) -> Counts:
    """Return the probability of death within the year by year, sex, single age and region.

    A probability of survival p becomes 1 - p, a rate m becomes 1 - exp(-m); ``notes`` say so.

    Raises
    ------
    ColumnError
        A column is missing, or several could be the quantity.
    """
    quantity, column = _quantity(raw, own)
    held = own.model_copy(update={"columns": {**own.columns, "death_probability": column}})
    read = _read(raw, held, "life_table", LIFE_TABLE, "lower")
    value = pl.col("death_probability")
    made = {
        "death probability": value,
        "survival probability": 1 - value,
        "yearly rate": 1 - (-value).exp(),
        "daily rate": 1 - (-value * _DAYS_PER_YEAR).exp(),
    }[quantity]
    note = f"life table {raw.source.name}: {column!r} is taken as {quantity}"
    return Counts(
        read.table.with_columns(death_probability=made), read.rejects, (note, *read.notes)
    )


def _read(
    raw: RawTable,
    own: TableFile,
    kind: Kind,
    schema: Mapping[str, type[pl.DataType]],
    age_groups: AgeGroups | None,
) -> Counts:
    columns: dict[str, pl.Series] = {"row": raw.lines}
    rejects = [pl.DataFrame(schema=REJECTS)]
    for name in schema:
        if name == "row":
            continue
        asked = "age" if name in ("age_lower", "age_group") else name
        column = _column(raw, own, asked)
        if column is None:
            columns[name] = pl.Series([None] * raw.frame.height, dtype=schema[name])
            continue
        given = own.codes.get(asked, {})
        if isinstance(given, str):
            raise UsageError("codes are given by name", value=given, allowed="single codes")
        text = as_text(raw.frame[column]).replace(given)
        if name in ("region", "cause_of_death", "age_group"):
            columns[name] = text
            continue
        values, allowed = _cast(name, text, age_groups, file=raw.source.name, column=column)
        unknown = text.str.to_lowercase().is_in([*MISSING, *_UNKNOWN.get(asked, ())])
        bad = (text.is_not_null() & values.is_null() & ~unknown).fill_null(value=False)
        columns[name] = pl.select(pl.when(~unknown.fill_null(value=False)).then(values)).to_series()
        rejects.append(
            pl.DataFrame({"row": raw.lines.filter(bad), "value": text.filter(bad)}).select(
                file=pl.lit(kind),
                row=pl.col("row").cast(pl.Int64),
                column=pl.lit(name),
                value="value",
                reason=pl.lit(f"{column} is not {_what(name)}"),
                allowed=pl.lit(allowed),
            )
        )
    table = pl.DataFrame({name: values.cast(schema[name]) for name, values in columns.items()})
    return Counts(table, pl.concat(rejects).sort("row", maintain_order=True), ())


def _what(name: str) -> str:
    return {"age_lower": "an age group", "age": "an age", "sex": "a known code"}.get(
        name, "a number"
    )


def _cast(
    name: str, text: pl.Series, age_groups: AgeGroups | None, *, file: str, column: str
) -> tuple[pl.Series, str]:
    """Return what could be read, null elsewhere, and what is allowed."""
    distinct = [value for value in text.unique() if value is not None]
    if name == "sex":
        read = {value: _SEXES.get(value.lower()) for value in distinct}
        return text.replace_strict(read, default=None, return_dtype=pl.String), ", ".join(_SEXES)
    if name in ("age", "age_lower"):
        if age_groups is None and may_be_numbers(distinct):
            raise UsageError(
                "these ages may be single years or numbers of age groups",
                file=file,
                column=column,
                value=min(distinct, key=int),
                allowed='age_groups = "lower": ages; age_groups = "number": 1 = 0-4 to 18 = 85+',
            )
        ages = {value: first_age(value, age_groups) for value in distinct}
        allowed = "1 to 18" if age_groups == "number" else "ages such as 7, 5-9, 85+, [5,10)"
        return text.replace_strict(ages, default=None, return_dtype=pl.Int64), allowed
    number = text.cast(pl.Float64, strict=False)
    number = number.zip_with(
        number.is_finite().fill_null(value=False), pl.Series([None], dtype=pl.Float64)
    )
    if name == "year":
        fits = (number.is_between(*YEARS) & (number == number.round())).fill_null(value=False)
        whole = number.zip_with(fits, pl.Series([None], dtype=pl.Float64)).cast(pl.Int64)
        return whole, f"years from {YEARS[0]} to {YEARS[1]}"
    return number, "numbers"


def _column(raw: RawTable, own: TableFile, name: str) -> str | None:
    """Return the file's column for one of ours; None where it has none and need not."""
    present = {column.lower().replace("_", " ").strip(): column for column in raw.frame.columns}
    if name in own.columns:
        asked = own.columns[name]
        if asked not in raw.frame.columns:
            raise ColumnError(
                f"the column mapped to {name} is not in the file",
                file=raw.source.name,
                value=asked,
                allowed=raw.frame.columns,
            )
        return asked
    found = [present[each] for each in _NAMES.get(name, ()) if each in present]
    free = [column for column in found if column not in own.columns.values()]
    if free:
        return free[0]
    if name == "region":
        return None
    raise ColumnError(
        f"there is no column for {name}",
        file=raw.source.name,
        value=name,
        allowed=raw.frame.columns,
        remedy=f'Name it in the table columns: {name} = "…".',
    )


def _quantity(raw: RawTable, own: LifeTableFile) -> tuple[Quantity, str]:
    """Return what a life table holds and its column."""
    mapped = own.columns.get("death_probability")
    if mapped is not None:
        return own.quantity or "death probability", mapped
    present = {column.lower().replace("_", " ").strip(): column for column in raw.frame.columns}
    found: dict[Quantity, str] = {}
    for quantity, names in _QUANTITIES.items():
        columns = [present[name] for name in names if name in present]
        if columns and own.quantity in (None, quantity):
            found[quantity] = columns[0]
    if not found:
        raise ColumnError(
            "the life table has no column that says which quantity it holds",
            file=raw.source.name,
            value=", ".join(raw.frame.columns),
            allowed=RISKS,
            remedy='Name it: quantity = "death probability" and columns.death_probability = "…".',
        )
    return next(iter(found.items()))


READERS: Mapping[Kind, Callable[..., Counts]] = cast(
    "Mapping[Kind, Callable[..., Counts]]",
    {"population": population_of, "life_table": life_table_of, "mortality": mortality_of},
)
"""What reads each file beside the cases."""
