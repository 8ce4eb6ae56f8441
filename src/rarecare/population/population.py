"""Populations: person-years by age group, calendar year, sex and area.

The number of persons at the middle of a year stands for the person-years lived in it
(Breslow & Day, *Statistical Methods in Cancer Research* vol. II, IARC 1987, ch. 2).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import ColumnError, PopulationError
from rarecare.files import Source, read_table
from rarecare.population.ages import AgeGroups, age_bounds
from rarecare.population.columns import canonical_sex, find_column, whole_numbers

_AGE = ("age_group", "age", "agegroup", "age_unit", "age_lower")
_YEAR = ("year", "calendar_year")
_SEX = ("sex", "gender")
_COUNT = (
    *("person_years", "pyrs", "pop_midyear", "meanpop"),
    *("population", "pop", "number_of_residents", "persons"),
)
_AREA = ("area", "region", "country", "registry", "geo_code")
_NOT_KEYS = frozenset({"source", "pop_endofyear", "geo_label", *_COUNT})
_TOTALS = ("all", "total", "both")


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """Person-years by keys, calendar year and age group.

    Attributes
    ----------
    table
        One row per cell, sorted: the keys (text), ``year`` (int64; absent when the file
        has none, and each cell then holds the whole period), ``age_lower`` (int64, first
        completed age of the group) and ``person_years`` (float64).
    keys
        Columns that divide the population beside age and year: ``("sex", "area")``.
    age_lower
        First completed age of each group, ascending.
    source
        Where it came from.
    age_end
        First completed age beyond the last group; None when the last group is open, which
        is also how a last group given by its lower bound alone is read.
    notes
        Which column gave the person-years, and rules applied while reading.
    """

    table: pl.DataFrame
    keys: tuple[str, ...]
    age_lower: tuple[int, ...]
    source: Source
    age_end: int | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def read(
        cls,
        source: str | Path | Any,
        *,
        columns: Mapping[str, str] | None = None,
        codes: Mapping[str, Mapping[str, str]] | None = None,
        keys: Sequence[str] | None = None,
        age_groups: AgeGroups | None = None,
        delimiter: str | None = None,
    ) -> Population:
        """Read a tidy population: one row per age group, year, sex and further keys.

        Parameters
        ----------
        source
            CSV, Parquet or Stata file, or a data frame.
        columns
            Our name to the file's: ``{"person_years": "inhabitants", "area": "nuts"}``.
        codes
            Per key, the file's code to ours: ``{"sex": {"0": "male", "1": "female"}}``.
        keys
            The columns that divide the population beside age and year. By default sex and
            every column that is neither age, year nor a known count of persons.
        age_groups
            What bare whole numbers in the age column are: ``"lower"``, first ages of groups
            (or single ages), or ``"number"``, 1 for 0-4 to 18 for 85+ (the last one present
            is open). Needed only for an unbroken run from 0 or 1 to at most 21, which can be
            read both ways; labels such as ``0-4``, ``85+`` and ``[5,10)`` need nothing.
        delimiter
            See ``rarecare.files.read_table``.

        Raises
        ------
        ColumnError
            No column of ages or of person-years, or a name that is nearly a known one.
        CodeError
            A sex or a year that cannot be read.
        PopulationError
            A count that is no number, negative or missing; an age that is no age group; a
            cell that occurs twice or not at all; a total beside its parts.

        Examples
        --------
        >>> frame = pl.DataFrame({"sex": ["female"] * 2, "age_group": ["0-74", "75+"],
        ...                       "year": [2010] * 2, "pop": [900.0, 100.0]})
        >>> population = Population.read(frame)
        >>> population.age_lower, population.keys, population.years
        ((0, 75), ('sex',), (2010,))
        """
        raw = read_table(source, delimiter=delimiter)
        file, frame = raw.source.name, raw.frame
        chosen = {
            ours: find_column(frame, (theirs,), ours, file)
            for ours, theirs in (columns or {}).items()
        }
        age = find_column(frame, (chosen.get("age"), *_AGE), "age", file)
        count = find_column(frame, (chosen.get("person_years"), *_COUNT), "person_years", file)
        present = {_plain(column): column for column in frame.columns}
        year = chosen.get("year") or next((present[n] for n in _YEAR if n in present), None)
        key_columns = _find_keys(frame, chosen, (age, count, year), keys, file)
        lower, age_end, age_notes = age_bounds(frame[age], age_groups, age, file)
        series = {
            key: _key(frame[theirs], key, (codes or {}).get(key, {}), file)
            for key, theirs in key_columns.items()
        }
        if year:
            series["year"] = whole_numbers(frame[year], year, file)
        cells = [*series, "age_lower"]
        counts = _counts(frame[count], count, file)
        table = pl.DataFrame({**series, "age_lower": lower, "person_years": counts})
        _refuse_doubled(table, cells, file)
        notes = [f"person-years from column {count!r}", *age_notes]
        notes += _refuse_holes(table, list(key_columns), file)
        notes += [] if year else ["no years: it is taken for the whole period of the cases"]
        return cls(
            table=table.sort(cells),
            keys=tuple(key_columns),
            age_lower=tuple(lower.unique().sort()),
            source=raw.source,
            age_end=age_end,
            notes=tuple(f"population {file}: {note}" for note in notes),
        )

    @property
    def years(self) -> tuple[int, ...]:
        """Calendar years, ascending; none when the population stands for a whole period."""
        return tuple(self.table["year"].unique().sort()) if "year" in self.table.columns else ()

    @property
    def sha256(self) -> str:
        """SHA-256 of what decides numbers: columns, age groups and every cell, in order."""
        cells = self.table.drop("person_years")
        text = repr((cells.columns, self.age_lower, self.age_end, cells.rows()))
        digest = hashlib.sha256(text.encode())
        digest.update(self.table["person_years"].to_numpy().tobytes())
        return digest.hexdigest()

    def part(self, **levels: str | int | Iterable[str | int]) -> Population:
        """Return the population of some levels: ``part(area="north", year=range(1995, 2008))``.

        Raises
        ------
        PopulationError
            The population has no such column or level.
        """
        table = self.table
        for column, level in levels.items():
            self._refuse_unknown(column)
            wanted = [str(each) for each in ([level] if isinstance(level, str | int) else level)]
            allowed = self.table[column].cast(pl.String).unique().sort().to_list()
            for each in wanted:
                if each not in allowed:
                    problem = f"the population has no such {column}"
                    raise PopulationError(problem, value=each, allowed=allowed)
            table = table.filter(pl.col(column).cast(pl.String).is_in(wanted))
        return replace(self, table=table)

    def grouped(self, age_lower: Sequence[int]) -> Population:
        """Return the population in wider age groups; their bounds must be bounds here.

        Raises
        ------
        PopulationError
            A bound is not one of this population's, or the first is not its first.
        """
        bounds = sorted(set(age_lower))
        columns = [*self.keys, *(["year"] if self.years else [])]
        levels, sums = self.person_years_by(columns, age_lower=bounds)
        table = levels.join(pl.DataFrame({"age_lower": bounds}), how="cross")
        table = table.with_columns(person_years=pl.Series(sums.ravel()))
        return replace(self, table=table, age_lower=tuple(bounds))

    def person_years_by(
        self, columns: Sequence[str], *, age_lower: Sequence[int] | None = None
    ) -> tuple[pl.DataFrame, NDArray[np.float64]]:
        """Sum person-years over everything but ``columns`` and age.

        Parameters
        ----------
        columns
            Keys of the population, and ``"year"`` where it has years.
        age_lower
            Lower bounds of the age groups, of the population's; by default all of them.

        Returns
        -------
        levels
            One row per combination of the columns, sorted; one row when none is asked.
        person_years
            Float64, shape (n_levels, n_ages), summed in the order of ``table``.

        Raises
        ------
        PopulationError
            The population has no such column, or its age groups do not make these.
        """
        for column in columns:
            self._refuse_unknown(column)
        bounds = sorted(set(self.age_lower if age_lower is None else age_lower))
        wrong = [bound for bound in bounds if bound not in self.age_lower]
        if wrong or bounds[:1] != [self.age_lower[0]]:
            raise PopulationError(
                "these age groups cannot be made of those of the population",
                file=self.source.name,
                value=wrong[0] if wrong else bounds[:1],
                allowed=f"{self.age_lower[0]} and any of {', '.join(map(str, self.age_lower[1:]))}",
                remedy="Use lower bounds that the population has.",
            )
        levels, row = pl.DataFrame(height=1), np.zeros(self.table.height, dtype=np.int64)
        if columns:
            levels = self.table.select(columns).unique().sort(columns)
            numbered = levels.with_columns(_row=pl.int_range(pl.len()))
            joined = self.table.join(numbered, on=list(columns), how="left", maintain_order="left")
            row = joined["_row"].to_numpy()
        age = np.searchsorted(bounds, self.table["age_lower"].to_numpy(), side="right") - 1
        sums = np.zeros((levels.height, len(bounds)))
        np.add.at(sums, (row, age), self.table["person_years"].to_numpy())
        return levels, sums

    def _refuse_unknown(self, column: str) -> None:
        allowed = [*self.keys, *(["year"] if self.years else [])]
        if column not in allowed:
            raise PopulationError(
                "the population has no such column",
                file=self.source.name,
                value=column,
                allowed=allowed,
            )


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_")


def _find_keys(
    frame: pl.DataFrame,
    chosen: Mapping[str, str],
    taken: Sequence[str | None],
    keys: Sequence[str] | None,
    file: str,
) -> dict[str, str]:
    """Return our key name to the file's column."""
    if keys is not None:
        names = {key: (chosen.get(key), *(_SEX if key == "sex" else (key,))) for key in keys}
        return {key: find_column(frame, names[key], key, file) for key in keys}
    theirs_to_ours = {theirs: ours for ours, theirs in chosen.items()}
    known = [*_AGE, *_YEAR, *_SEX, *_COUNT, *_AREA]
    found = {}
    for column in frame.columns:
        plain = _plain(column)
        if column in taken or plain in _NOT_KEYS:
            continue
        near = get_close_matches(plain, known, n=1, cutoff=0.75)
        if column not in theirs_to_ours and near and near[0] != plain:
            raise ColumnError(
                f"the column's name is nearly {near[0]!r}",
                file=file,
                row=1,
                value=column,
                remedy=f"Rename it, say what it is ({near[0]}={column}), or name the keys.",
            )
        key = "sex" if plain in _SEX else plain if plain in _AREA else column
        key = "region" if plain == "geo_code" else key  # of ENCR-JRC files; cases have it so
        key = theirs_to_ours.get(column, key)
        if key in found or _plain(key) in (*_AGE, *_YEAR):
            raise ColumnError(
                "two columns say the same",
                file=file,
                row=1,
                value=column,
                remedy="Leave one out, or name the keys.",
            )
        found[key] = column
    return found


def _key(values: pl.Series, key: str, codes: Mapping[str, str], file: str) -> pl.Series:
    if key == "sex":
        return canonical_sex(values, codes, file)
    text = values.cast(pl.String).replace(dict(codes))
    lower = text.str.to_lowercase()
    bad = (lower.is_null() | (lower.is_in(_TOTALS) & (lower.n_unique() > 1))).arg_true()
    if len(bad):
        value = text[int(bad[0])]
        raise PopulationError(
            f"{key} is blank" if value is None else "a total stands beside its parts",
            file=file,
            row=int(bad[0]) + 2,
            column=key,
            value=value,
            allowed=f"one {key} per row",
            remedy=f"Remove or complete {len(bad)} such rows.",
        )
    return text


def _counts(values: pl.Series, column: str, file: str) -> pl.Series:
    numbers = values.cast(pl.Float64, strict=False)
    bad = (numbers.is_null() | ~numbers.is_finite() | (numbers < 0)).arg_true()
    if len(bad):
        value, number = values[int(bad[0])], numbers[int(bad[0])]
        negative = number is not None and number < 0
        kind = "missing" if value is None else "negative" if negative else "no number"
        raise PopulationError(
            f"a count of persons is {kind}",
            file=file,
            row=int(bad[0]) + 2,
            column=column,
            value=value,
            allowed="numbers from 0",
            remedy=f"Correct {len(bad)} such rows.",
        )
    return numbers


def _refuse_doubled(table: pl.DataFrame, cells: Sequence[str], file: str) -> None:
    doubled = table.with_row_index("_line", offset=2).filter(pl.struct(cells).is_duplicated())
    if doubled.height:
        row = doubled.sort(*cells, "_line").row(1, named=True)
        raise PopulationError(
            "a cell of the population occurs twice",
            file=file,
            row=row["_line"],
            value=", ".join(f"{column} {row[column]}" for column in cells),
            allowed="one row per age, year and key",
            remedy="Remove one, or name the column that tells them apart as a key.",
        )


def _refuse_holes(table: pl.DataFrame, keys: Sequence[str], file: str) -> list[str]:
    """Refuse missing cells; say where the years of areas differ.

    An area is a combination of keys other than sex. Each must have every sex and age of
    the file in every year from its own first to its own last.
    """
    area = [key for key in keys if key != "sex"]
    grid = table.select(area).unique() if area else pl.DataFrame(height=1)
    notes = []
    if "year" in table.columns:
        span = (pl.col("year").min().alias("_first"), pl.col("year").max().alias("_last"))
        spans = table.group_by(area).agg(span).sort(area) if area else table.select(span)
        if spans.select("_first", "_last").unique().height > 1:
            each = [f"{', '.join(row[:-2])} {row[-2]}-{row[-1]}" for row in spans.rows()]
            notes = [f"years differ between areas: {'; '.join(each)}"]
        years = pl.int_ranges("_first", pl.col("_last") + 1).alias("year")
        grid = spans.with_columns(years).drop("_first", "_last").explode("year")
    for column in ("sex", "age_lower"):
        if column in table.columns:
            grid = grid.join(table.select(column).unique(), how="cross")
    absent = grid.join(table, on=grid.columns, how="anti").sort(grid.columns)
    if absent.height:
        row = absent.row(0, named=True)
        raise PopulationError(
            "a cell of the population is missing",
            file=file,
            value=", ".join(f"{column} {value}" for column, value in row.items()),
            allowed=f"every combination of {', '.join(grid.columns)}",
            remedy=f"Add the {absent.height} missing rows (0 where nobody lives); if one of "
            "these columns is no key, name the keys.",
        )
    return notes
