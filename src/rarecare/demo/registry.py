"""The synthetic registries: one per country, each covering a share of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from rarecare.demo.model import (
    FIRST_YEAR,
    LAST_YEAR,
    YEARS,
    Europe,
    europe,
    year_incidence_factor,
)
from rarecare.demo.tables import SEXES, Floats, death_probabilities
from rarecare.errors import CodeError, UsageError

CLOSING_DATE = date(2008, 12, 31)
YEARS_TO_COME = tuple(range(LAST_YEAR + 1, LAST_YEAR + 11))
"""Of the projected population, which stays as it was."""
LIFE_TABLE_YEARS = tuple(range(FIRST_YEAR, CLOSING_DATE.year + 1))

_SMALLEST = 1_000
_STEPS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Registry:
    """One synthetic registry.

    Attributes
    ----------
    code
        The country's two letters, which name the folder as well.
    index
        Position of its country in ``Countries``.
    coverage
        Share of the country's inhabitants covered.
    persons
        Inhabitants covered, whole numbers, shape (2, 100), the same every year.
    death_probability
        q of the country's life table, shape (2, 100, 14), years ``LIFE_TABLE_YEARS``.
    expected_cases
        Mean number of cases drawn.
    hospitals
        Hospitals in the area covered: the country's times the coverage, at least 5 where it has
        so many.
    """

    code: str
    name: str
    region: str
    index: int
    coverage: float
    persons: Floats
    death_probability: Floats
    expected_cases: float
    hospitals: int

    @property
    def hazard(self) -> Floats:
        """−ln(1 − q), per person-year, as ``death_probability``."""
        return np.asarray(-np.log1p(-self.death_probability))

    def expected(self) -> Floats:
        """Return the mean number of cases, unspecified ones with the entity they are drawn from.

        Shape (n_entities, 2, 100, n_years).
        """
        model = europe()
        factor = model.countries.values["incidence_factor"][self.index]
        own = model.rate_with_unspecified * self.persons * factor
        return np.asarray(own[..., None] * year_incidence_factor(np.array(YEARS, dtype=float)))

    def population(self, years: Sequence[int] = YEARS) -> pl.DataFrame:
        """Return one row per year, sex and age: ``year, sex, age, person_years``."""
        n_years, (n_sexes, n_ages) = len(years), self.persons.shape
        return pl.DataFrame(
            {
                "year": np.repeat(years, n_sexes * n_ages),
                "sex": np.tile(np.repeat(SEXES, n_ages), n_years),
                "age": np.tile(np.arange(n_ages), n_years * n_sexes),
                "person_years": np.tile(self.persons.ravel(), n_years).astype(np.int64),
            }
        )

    def life_table(self) -> pl.DataFrame:
        """Return one row per year, sex and age: ``year, sex, age, qx``."""
        n_sexes, n_ages, n_years = self.death_probability.shape
        return pl.DataFrame(
            {
                "year": np.repeat(LIFE_TABLE_YEARS, n_sexes * n_ages),
                "sex": np.tile(np.repeat(SEXES, n_ages), n_years),
                "age": np.tile(np.arange(n_ages), n_years * n_sexes),
                "qx": np.moveaxis(self.death_probability, 2, 0).ravel(),
            }
        )


def registries(*, cases: int, countries: Sequence[str] | None = None) -> tuple[Registry, ...]:
    """Return the registries that together have about ``cases`` cases, in order of their codes.

    A registry covers inhabitants in proportion to the square root of its country's number, so
    that small countries are seen and large ones count more; a country that would have more than
    it has is covered whole. Populations stay as they were in 2010.

    Raises
    ------
    UsageError
        ``cases`` is too small, or more than these countries have.
    CodeError
        A country is not among the 31.
    """
    model = europe()
    nations = model.countries
    chosen = nations.codes if countries is None else tuple(sorted(set(countries)))
    for code in chosen:
        if code not in nations.codes:
            raise CodeError(
                "there is no such country in the synthetic Europe",
                value=code,
                allowed=nations.codes,
            )
    if not chosen:
        raise UsageError("no countries are chosen", value=countries, allowed=nations.codes)
    rows = [nations.codes.index(code) for code in chosen]
    yearly = np.einsum("esa,csa->c", model.rate_with_unspecified, nations.persons[rows])
    growth = year_incidence_factor(np.array(YEARS, dtype=float)).sum()
    whole = yearly * nations.values["incidence_factor"][rows] * growth
    if not _SMALLEST <= cases <= whole.sum() * 1.0001:
        raise UsageError(
            "this number of cases cannot be drawn",
            value=cases,
            allowed=f"{_SMALLEST} to {int(whole.sum())} for {len(rows)} countries",
        )
    coverage = _coverage(whole, nations.persons[rows].sum(axis=(1, 2)), cases)
    return tuple(
        _registry(model, row, float(share)) for row, share in zip(rows, coverage, strict=True)
    )


def _coverage(whole: Floats, persons: Floats, cases: int) -> Floats:
    """Return min(1, c / √persons) with c such that Σ coverage · whole = cases."""
    low, high = 0.0, float(np.sqrt(persons.max()))
    for _ in range(_STEPS):
        middle = (low + high) / 2
        total = float(np.minimum(1.0, middle / np.sqrt(persons)) @ whole)
        low, high = (middle, high) if total < cases else (low, middle)
    return np.minimum(1.0, high / np.sqrt(persons))


def _registry(model: Europe, row: int, coverage: float) -> Registry:
    nations = model.countries
    persons = np.maximum(1.0, np.rint(nations.persons[row] * coverage))
    growth = year_incidence_factor(np.array(YEARS, dtype=float)).sum()
    yearly = float((model.rate_with_unspecified * persons).sum())
    hospitals = int(nations.values["hospitals"][row])
    return Registry(
        code=nations.codes[row],
        name=nations.names[row],
        region=nations.regions[row],
        index=row,
        coverage=coverage,
        persons=persons,
        death_probability=death_probabilities(nations.codes[row], LIFE_TABLE_YEARS),
        expected_cases=yearly * float(nations.values["incidence_factor"][row] * growth),
        hospitals=max(min(5, hospitals), round(hospitals * coverage)),
    )


def registry_table(chosen: Sequence[Registry]) -> pl.DataFrame:
    """Return one row per registry: what a study has to know of it beside its files."""
    return pl.DataFrame(
        [
            {
                "registry": each.code,
                "name": f"Synthetic registry of {each.name}",
                "country": each.code,
                "country_name": each.name,
                "region": each.region,
                "folder": each.code,
                "coverage": each.coverage,
                "first_year": FIRST_YEAR,
                "last_year": LAST_YEAR,
                "closing_date": CLOSING_DATE,
                "persons": int(each.persons.sum()),
                "hospitals": each.hospitals,
                "synthetic": True,
            }
            for each in chosen
        ]
    )
