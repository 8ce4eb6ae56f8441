"""The plan of an incidence analysis: every choice that decides a rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import polars as pl

from rarecare.errors import CaseError, UsageError
from rarecare.population.population import Population
from rarecare.rates.intervals import (
    COUNT_INTERVALS,
    RATE_INTERVALS,
    CountInterval,
    RateInterval,
    tail_probability,
)
from rarecare.tally.plan import Plan

UnknownAge = Literal["exclude", "proportional"]
Level = str | int | bool | None
Standard = str | tuple[str, Sequence[float]]

_FIVE_YEARS = frozenset(range(0, 90, 5))


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidencePlan(Plan):
    """What decides an incidence table.

    Attributes
    ----------
    age_lower, age_end
        First completed age of each group, ascending, and the end of the last (None: open).
    case_strata, case_levels
        Strata that only the cases have, and their combinations: each shares the whole
        person-years, in every part of the data, whether or not the part has such a case.
    standards
        Name and weights, one per age group, of each standard population.
    level
        Confidence level.
    interval
        Limits of standardised and cumulative rates; see ``intervals.rate_limits``.
    count_interval
        Limits of crude and age-specific rates.
    per
        Person-years the rates refer to.
    unknown_age
        ``"exclude"``: cases of unknown age count in crude rates alone. ``"proportional"``:
        all other rates are also multiplied by all cases / cases of known age.
    populations
        Hashes of the populations that may be used, one per part of the data; none: any.
    """

    age_lower: tuple[int, ...]
    age_end: int | None = None
    case_strata: tuple[str, ...] = ()
    case_levels: tuple[tuple[Level, ...], ...] = ()
    standards: tuple[tuple[str, tuple[float, ...]], ...] = ()
    level: float = 0.95
    interval: RateInterval = "tiwari"
    count_interval: CountInterval = "exact"
    per: float = 100_000
    unknown_age: UnknownAge = "exclude"
    populations: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        tail_probability(self.level)
        for name, value, allowed in (
            ("interval", self.interval, RATE_INTERVALS),
            ("count_interval", self.count_interval, COUNT_INTERVALS),
            ("unknown_age", self.unknown_age, get_args(UnknownAge)),
        ):
            if value not in allowed:
                raise UsageError(f"{name} has no such choice", value=value, allowed=allowed)
        if not self.per > 0:
            raise UsageError("rates refer to person-years above 0", value=self.per)
        ends = [*self.age_lower, *([self.age_end] if self.age_end is not None else [])]
        if not self.age_lower or any(b <= a for a, b in pairwise(ends)):
            raise UsageError(
                "the lower bounds of age groups must rise", value=ends, allowed="as 0, 5, 10"
            )
        for name, weights in self.standards:
            if len(weights) != len(self.age_lower):
                raise UsageError(
                    f"the standard {name} has {len(weights)} weights",
                    allowed=f"{len(self.age_lower)}, one per age group",
                )
        if not set(self.case_strata) <= set(self.strata):
            raise UsageError(
                "strata that only the cases have must be among the strata",
                value=self.case_strata,
                allowed=self.strata,
            )

    @property
    def age_groups(self) -> tuple[str, ...]:
        """Labels of the age groups: ``"0-4"``, ``"85+"``."""
        last = f"{self.age_lower[-1]}+"
        if self.age_end is not None:
            last = _label(self.age_lower[-1], self.age_end)
        return (*(_label(a, b) for a, b in pairwise(self.age_lower)), last)

    @property
    def unit(self) -> str:
        """Unit of the rates: ``"per 100 000 person-years"``."""
        number = f"{self.per:,.0f}".replace(",", " ") if self.per % 1 == 0 else f"{self.per:g}"
        return "per person-year" if self.per == 1 else f"per {number} person-years"


def incidence_plan(
    cases: pl.DataFrame,
    population: Population,
    *,
    by: Sequence[str] = (),
    age_groups: Sequence[int] | None = None,
    standards: Sequence[Standard] = ("esp2013",),
    level: float = 0.95,
    interval: RateInterval = "tiwari",
    count_interval: CountInterval = "exact",
    per: float = 100_000,
    unknown_age: UnknownAge = "exclude",
) -> IncidencePlan:
    """Return the plan of one analysis, with the levels that these cases have.

    Parameters are those of ``incidence``.

    Raises
    ------
    UsageError
        A choice is not among its choices; ``year`` is asked of a population without years.
    CaseError
        A stratum is neither a column of the population nor of the cases.
    """
    shared = (*population.keys, *(["year"] if population.years else []))
    only_cases = tuple(column for column in by if column not in shared)
    if "year" in only_cases:
        raise UsageError(
            "the population has no years, so rates by year cannot be made",
            value="year",
            allowed=shared,
            remedy="Give a population with a column year.",
        )
    for column in only_cases:
        if column not in cases.columns:
            raise CaseError(
                "a stratum is neither a column of the cases nor of the population",
                value=column,
                allowed=sorted({*cases.columns, *shared}),
            )
    bounds = tuple(age_groups) if age_groups is not None else default_age_groups(population)
    levels = [canonical_levels(cases[column]) for column in only_cases]
    table = pl.DataFrame(levels).unique().sort(only_cases) if levels else pl.DataFrame()
    return IncidencePlan(
        strata=tuple(by),
        age_lower=bounds,
        age_end=population.age_end,
        case_strata=only_cases,
        case_levels=tuple(table.rows()),
        standards=tuple(
            named_weights(standard, bounds, population.age_end) for standard in standards
        ),
        level=float(level),
        interval=interval,
        count_interval=count_interval,
        per=float(per),
        unknown_age=unknown_age,
        populations=(population.sha256,),
    )


def default_age_groups(population: Population) -> tuple[int, ...]:
    """Return the five-year bounds from 0 to 85 that the population has.

    The population's own bounds where its first is not one of them.
    """
    own = population.age_lower
    return tuple(age for age in own if age in _FIVE_YEARS) if own[0] in _FIVE_YEARS else own


def canonical_levels(values: pl.Series) -> pl.Series:
    """Return the values of a stratum as a plan holds them: truth values, int64, or text."""
    if values.dtype in (pl.Boolean, pl.Null):
        return values
    return values.cast(pl.Int64 if values.dtype.is_integer() else pl.String)


def named_weights(
    standard: Standard, age_lower: Sequence[int], age_end: int | None
) -> tuple[str, tuple[float, ...]]:
    """Return the name and weights of a standard in these age groups.

    Ages of the standard outside them get no weight; its open last group stands for
    whatever of it the age groups hold.
    """
    if not isinstance(standard, str):
        return standard[0], tuple(float(weight) for weight in standard[1])
    from rarecare.codes.standards import standard_population  # noqa: PLC0415

    whole = standard_population(standard)
    before = (0,) if age_lower[0] > 0 else ()
    after = (age_end,) if age_end is not None and age_end <= whole.age_lower[-1] else ()
    weights = whole.collapse((*before, *age_lower, *after)).weights
    return whole.name, tuple(weights[len(before) : len(before) + len(age_lower)])


def _label(lower: int, end: int) -> str:
    return str(lower) if end == lower + 1 else f"{lower}-{end - 1}"
