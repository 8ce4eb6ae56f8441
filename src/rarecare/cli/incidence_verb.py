"""``rarecare incidence``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from rarecare.cli import output, values
from rarecare.cli.cases import read_cases
from rarecare.cli.options import Counting, Output, Reading, Text


def incidence(
    cases: Path,
    *,
    population: Path,
    by: str = "",
    age_groups: str | None = None,
    standard: str = "esp2013",
    level: float = 0.95,
    interval: Literal["tiwari", "fay-feuer", "dobson", "dobson-byar"] = "tiwari",
    count_interval: Literal["exact", "byar"] = "exact",
    per: float = 100_000,
    unknown_age: Literal["exclude", "proportional"] = "exclude",
    ages: str = "all",
    population_columns: Text = (),
    population_codes: Text = (),
    reading: Reading = Reading(),
    counting: Counting = Counting(),
    output_to: Output = Output(),
) -> None:
    """Crude, age-specific and age-standardised incidence.

    Parameters
    ----------
    cases
        File of cases (CSV, Parquet, Stata).
    population
        Person-years by age group, year, sex and area.
    by
        Strata, by commas: sex,year. Entities too: family, entity_tier1, entity_tier2.
    age_groups
        Lower bounds of age groups, by commas; five-year groups when not given.
    standard
        Standard populations, by commas: esp2013, esp1976, segi, who2000, nordic2000.
    level
        Confidence level.
    interval
        Limits of standardised rates.
    count_interval
        Limits of crude and age-specific rates.
    per
        Person-years the rates refer to.
    unknown_age
        Cases of unknown age: in crude rates alone, or distributed like the known.
    ages
        Ages counted, as 15-99, or all.
    population_columns
        As --columns, for the population.
    population_codes
        As --codes, for the population: sex:0=male,1=female.
    """
    from rarecare.population.population import Population  # noqa: PLC0415
    from rarecare.rates import incidence as rates  # noqa: PLC0415

    output.check_all_writable(output_to)
    strata = values.words(by)
    table = read_cases(cases, reading, strata)
    with output.step(f"reading {population.name}"):
        people = Population.read(
            population,
            columns=values.columns(population_columns),
            codes=values.code_maps(population_codes),
        )
    with output.step("counting"):
        result = rates(
            table,
            people,
            by=strata,
            age_groups=values.whole_numbers(age_groups, "--age-groups") if age_groups else None,
            standards=values.words(standard),
            level=level,
            interval=interval,
            count_interval=count_interval,
            per=per,
            unknown_age=unknown_age,
            rules=counting.rules("incidence", ages),
            bad_rows=counting.bad_rows,
        )
    output.show(result, output_to)
