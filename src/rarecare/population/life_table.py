"""Life tables: the hazard of death in the general population.

A table is kept as a piecewise constant hazard on (keys, completed age, calendar
year): per year from m = m(x) or from q by h = -ln(1 - q), per day where the file
gives it per day (R's ratetables). Source: METHODS section 1 of the project's
methods page; Chiang, *The Life Table and its Applications*, 1984, ch. 4.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import ColumnError, LifeTableError
from rarecare.files import RawTable, Source, read_table
from rarecare.population.columns import canonical_sex, find_column, whole_numbers
from rarecare.population.hazards import (
    DAILY,
    DEATH,
    RATE,
    SURVIVAL,
    MissingYears,
    absent_years,
    carry_last,
    filled,
    hazard_of,
    refuse_gaps,
    refuse_wrong_kind,
)

QUANTITIES: Mapping[str, tuple[str, ...]] = {
    DAILY: ("haz_per_day", "hazard_per_day"),
    RATE: ("mx", "m", "hazard", "haz", "haz_per_year", "hazard_per_year", "rate"),
    DEATH: ("qx", "q", "all causes death probability", "death_probability"),
    SURVIVAL: ("px", "p", "prob", "survival_probability"),
}
"""Column names that say which quantity a table holds, in order of preference."""

_AGE_NAMES = ("age", "_age", "annual age", "age_unit", "agegroup", "x")
_YEAR_NAMES = ("year", "_year", "calendar year", "calendar_year", "period")
_SEX_NAMES = ("sex", "_sex", "gender")
_REGION_NAMES = ("geo_code", "geo code")  # of ENCR-JRC files; cases have it as region
_NOT_KEYS = frozenset(
    {"lx", "dx", "ex", "ax", "tx", "lxx", "source", "age_cut", "year_cut"}
    | {"haz_per_year_365.241", "q_1yr"}
    | {name for names in QUANTITIES.values() for name in names}
)


@dataclass(frozen=True, slots=True, eq=False)
class LifeTable:
    """Hazard of death by keys, completed age and calendar year.

    Attributes
    ----------
    keys
        Columns that divide the table beside age and year: ``("sex",)``, ``("sex", "region")``.
    levels
        One row per combination of keys, sorted; row i belongs to ``hazard[i]``.
    first_age
        Completed age of the first row; the last row carries on for older ages.
    years
        Calendar years, ascending int64, shape (n_years,); each holds until the next begins.
    hazard
        Float64, shape (n_levels, n_ages, n_years), per person-year, or per day when ``per_day``.
    quantity
        What the file gave, in words.
    notes
        Rules applied while reading.
    """

    keys: tuple[str, ...]
    levels: pl.DataFrame
    first_age: int
    years: NDArray[np.int64]
    hazard: NDArray[np.float64]
    quantity: str
    source: Source
    per_day: bool = False
    notes: tuple[str, ...] = ()

    @classmethod
    def read(
        cls,
        source: str | Path | Any,
        *,
        columns: Mapping[str, str] | None = None,
        codes: Mapping[str, Mapping[str, str]] | None = None,
        keys: Sequence[str] | None = None,
        delimiter: str | None = None,
        missing_years: MissingYears = "refuse",
    ) -> LifeTable:
        """Read a tidy life table, a Stata popmort file, or the export of an R ratetable.

        Parameters
        ----------
        source
            CSV, Parquet or Stata file, or a data frame: one row per age, year, sex and key.
        columns
            Our name to the file's: ``{"age": "alder", "mx": "rate"}``.
        codes
            Per key, the file's code to ours: ``{"sex": {"0": "male", "1": "female"}}``.
        keys
            The columns that divide the table beside age and year. By default sex and every
            column that is neither age, year nor a known life-table quantity.
        delimiter
            See ``rarecare.files.read_table``.
        missing_years
            Of calendar years that the table lacks between its first and its last:
            ``"refuse"``; ``"carry"``: the year before holds on; ``"interpolate"``: the
            logarithm of the hazard runs straight between the years beside (the hazard itself
            where one is 0). ``notes`` say which years.

        Notes
        -----
        The quantity is told by its column: hazard per day (``haz_per_day``), hazard or
        central rate per year (``mx``, ``hazard``, ``rate``), probability of death
        (``qx``) or of survival (``px``, Stata's ``prob``); where several are present the
        first of that order is used. Ages are single years. Irregular years are taken as
        cut points only in a table of hazards per day, as in R; elsewhere a missing year
        is refused.

        Raises
        ------
        ColumnError
            No age, year or quantity column; a key that is not in the file.
        LifeTableError
            A cell is missing or doubled, a probability lies outside 0 to 1 or is of the other
            kind, a rate is negative, q = 1 before the last age.
        """
        raw = read_table(source, delimiter=delimiter)
        name = raw.source.name
        chosen = dict(columns or {})
        for ours, theirs in chosen.items():
            find_column(raw.frame, (theirs,), ours, name)
        age = find_column(raw.frame, (chosen.get("age"), *_AGE_NAMES), "age", name)
        year = find_column(raw.frame, (chosen.get("year"), *_YEAR_NAMES), "year", name)
        quantity, value = _find_quantity(raw, chosen)
        key_columns = _find_keys(raw, chosen, {age, year, value}, keys)
        table = pl.DataFrame(
            {
                **{
                    key: canonical_sex(raw.frame[theirs], (codes or {}).get("sex"), name)
                    if key == "sex"
                    else _key(raw.frame[theirs], (codes or {}).get(key))
                    for key, theirs in key_columns.items()
                },
                "age": whole_numbers(raw.frame[age], age, name),
                "year": whole_numbers(raw.frame[year], year, name),
                "value": _floats(raw.frame[value], value, name),
            }
        ).with_row_index("line", offset=2)
        return build(
            table, keys=tuple(key_columns), quantity=quantity, source=raw.source,
            missing_years=missing_years,
        )  # fmt: skip

    def rescaled(self, key: str, factors: Mapping[str, float]) -> LifeTable:
        """Return the table with the hazard of each group multiplied by its factor.

        For a table that is too coarse: one for all, where groups (deprivation, region) are
        known to die more or less, as excess-hazard models that rescale the table do.

        Parameters
        ----------
        key
            A key of the table, or a further one, which then is a column of the cases too.
        factors
            Hazard ratio of each group to the table, above 0; of a key of the table, every
            level.

        Raises
        ------
        LifeTableError
            A factor is not above 0 and finite, or a level of the key has none.
        """
        wrong = {name: value for name, value in factors.items() if not 0 < value < np.inf}
        if wrong or not factors:
            raise LifeTableError(
                f"the factors of {key} are not such",
                file=self.source.name,
                value=wrong or None,
                allowed="group and hazard ratio above 0, as {'1': 0.9, '2': 1.1}",
            )
        said = ", ".join(f"{name} {value:g}" for name, value in factors.items())
        note = f"life table {self.source.name}: hazards multiplied by {key} ({said})"
        if key in self.keys:
            levels = self.levels[key].cast(pl.String).to_list()
            lacking = [level for level in levels if level not in factors]
            if lacking:
                raise LifeTableError(
                    f"a level of {key} has no factor",
                    file=self.source.name,
                    value=lacking[0],
                    allowed=sorted(factors),
                )
            ratio = np.array([factors[level] for level in levels])
            hazard = self.hazard * ratio[:, None, None]
            return replace(self, hazard=hazard, notes=(*self.notes, note))
        groups = pl.DataFrame({key: sorted(factors)}, schema={key: pl.String})
        own = self.levels.select(self.keys).with_row_index("_level")
        levels_now = own.join(groups, how="cross").sort(*self.keys, key)
        ratio = np.array([factors[name] for name in levels_now[key].to_list()])
        hazard = self.hazard[levels_now["_level"].to_numpy()] * ratio[:, None, None]
        return replace(
            self,
            keys=(*self.keys, key),
            levels=levels_now.drop("_level"),
            hazard=np.ascontiguousarray(hazard),
            notes=(*self.notes, note),
        )

    @property
    def n_ages(self) -> int:
        """Number of single years of age."""
        return int(self.hazard.shape[1])

    @property
    def hash(self) -> str:
        """SHA-256 of what decides numbers: keys, levels, ages, years and hazards."""
        digest = hashlib.sha256(
            repr((self.keys, self.levels.rows(), self.first_age, self.per_day)).encode()
        )
        digest.update(self.years.tobytes())
        digest.update(np.ascontiguousarray(self.hazard).tobytes())
        return digest.hexdigest()

    def daily_hazard(self, days_per_year: float) -> NDArray[np.float64]:
        """Return the hazard per day, shape (n_levels, n_ages, n_years).

        A table per person-year is divided by ``days_per_year``; one per day is as it stands.
        """
        return self.hazard if self.per_day else self.hazard / days_per_year

    def year_starts(self) -> NDArray[np.int64]:
        """Return 1 January of each year as days since 1970-01-01, shape (n_years,)."""
        epoch = date(1970, 1, 1)
        return np.array([(date(int(y), 1, 1) - epoch).days for y in self.years], dtype=np.int64)


def _find_quantity(raw: RawTable, chosen: Mapping[str, str]) -> tuple[str, str]:
    present = {column.lower(): column for column in raw.frame.columns}
    for quantity, names in QUANTITIES.items():
        for name in names:
            if name in chosen:
                return quantity, chosen[name]
    for quantity, names in QUANTITIES.items():
        for name in names:
            if name in present:
                return quantity, present[name]
    raise ColumnError(
        "the life table has no column that says which quantity it holds",
        file=raw.source.name,
        value=", ".join(raw.frame.columns),
        allowed=[name for names in QUANTITIES.values() for name in names],
        remedy="Name it, for example mx=YOUR_COLUMN, qx=YOUR_COLUMN or prob=YOUR_COLUMN.",
    )


def _find_keys(
    raw: RawTable, chosen: Mapping[str, str], taken: set[str], keys: Sequence[str] | None
) -> dict[str, str]:
    """Return our key name to the file's column."""
    name = raw.source.name
    theirs_to_ours = {theirs: ours for ours, theirs in chosen.items()}
    if keys is not None:
        return {
            key: find_column(
                raw.frame,
                (chosen.get(key), *((_SEX_NAMES) if key == "sex" else (key,))),
                key,
                name,
            )
            for key in keys
        }
    found = {}
    for column in raw.frame.columns:
        if column in taken or column.lower() in _NOT_KEYS:
            continue
        plain = column.lower()
        own = "sex" if plain in _SEX_NAMES else "region" if plain in _REGION_NAMES else column
        ours = theirs_to_ours.get(column, own)
        found[ours] = column
    return found


def _key(values: pl.Series, codes: Mapping[str, str] | None) -> pl.Series:
    text = values.cast(pl.String)
    return text.replace(dict(codes)) if codes else text


def _floats(values: pl.Series, column: str, file: str) -> pl.Series:
    numbers = values.cast(pl.Float64, strict=False)
    bad = (numbers.is_null() | ~numbers.is_finite()).arg_true()
    if len(bad):
        raise LifeTableError(
            "the life table has a value that is no number",
            file=file,
            row=int(bad[0]) + 2,
            column=column,
            value=values[int(bad[0])],
            allowed="a number",
            remedy=f"Correct {len(bad)} such rows.",
        )
    return numbers


def build(
    table: pl.DataFrame,
    *,
    keys: tuple[str, ...],
    quantity: str,
    source: Source,
    notes: tuple[str, ...] = (),
    missing_years: MissingYears = "refuse",
) -> LifeTable:
    """Return a life table from its cells, checked.

    Parameters
    ----------
    table
        One row per cell: the keys, ``age`` and ``year`` (int64), ``value`` (float64) and
        ``line`` of the file, for messages.
    keys, quantity, source, notes
        See ``LifeTable``.
    missing_years
        See ``LifeTable.read``.

    Raises
    ------
    LifeTableError
        See ``LifeTable.read``.
    """
    file = source.name
    refuse_wrong_kind(table, quantity, file)
    doubled = table.filter(pl.struct(*keys, "age", "year").is_duplicated())
    if doubled.height:
        row = doubled.sort(*keys, "age", "year", "line").row(1, named=True)
        cell = ", ".join(f"{c} {row[c]}" for c in (*keys, "age", "year"))
        raise LifeTableError(
            "a cell of the life table occurs twice",
            file=file,
            row=row["line"],
            value=cell,
            allowed="one row per age, year and key",
            remedy="Remove one, or name the column that tells them apart as a key.",
        )
    levels = table.select(keys).unique().sort(keys) if keys else pl.DataFrame({"all": ["all"]})
    years = table["year"].unique().sort()
    first, last = int(table["age"].min()), int(table["age"].max())  # type: ignore[arg-type]
    ages = pl.Series("age", range(first, last + 1))
    absent = absent_years(years, quantity, missing_years, file)
    refuse_gaps(table, keys, levels=levels, ages=ages, years=years, file=file)
    hazard_column, more = hazard_of(table, quantity, last, file)
    shape = (levels.height, len(ages), len(years))
    cube = table.with_columns(hazard_column).sort(*keys, "age", "year")["hazard"]
    hazard = carry_last(cube.to_numpy().reshape(shape))
    known: NDArray[np.int64] = years.to_numpy().astype(np.int64)
    if absent:
        hazard = filled(hazard, known, missing_years)
        known = np.arange(known[0], known[-1] + 1, dtype=np.int64)
        how = {"carry": "the year before holds on", "interpolate": "interpolated on the log scale"}
        more = (
            *more,
            f"life table {file}: years {', '.join(map(str, absent))} are missing: "
            f"{how[missing_years]}",
        )
    return LifeTable(
        keys=keys,
        levels=levels,
        first_age=first,
        years=known,
        hazard=np.ascontiguousarray(hazard),
        quantity=quantity,
        source=source,
        per_day=quantity == DAILY,
        notes=(f"life table {file}: {quantity}", *notes, *more),
    )
