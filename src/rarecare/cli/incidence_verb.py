"""``rarecare incidence``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from rarecare.cli import output, values
from rarecare.cli.cases import read_cases
from rarecare.cli.options import Counting, Output, Reading, Text, read_population
from rarecare.errors import UsageError


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
    trend: Annotated[bool, Parameter(negative="")] = False,
    selection: Literal["bic", "permutation"] = "bic",
    max_joinpoints: int | None = None,
    target: Path | None = None,
    target_by: str = "",
    shrink: str | None = None,
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
    trend
        Instead: the rate of each year, its annual change, and its joinpoints.
    selection, max_joinpoints
        With --trend: how the number of joinpoints is chosen, and the most.
    target
        Instead: new cases to be expected in this population, of one year, at the rates of all.
    target_by
        With --target: its columns that get rows of their own, by commas: area.
    shrink
        Instead: the rates of each level of this column of the population (country), drawn
        towards their common level, beside the raw ones.
    ages
        Ages counted, as 15-99, or all.
    population_columns
        As --columns, for the population.
    population_codes
        As --codes, for the population: sex:0=male,1=female.
    """
    from rarecare import rates  # noqa: PLC0415

    output.check_all_writable(output_to)
    asked = [
        flag for flag, on in (("--trend", trend), ("--target", target), ("--shrink", shrink)) if on
    ]
    if len(asked) > 1:
        raise UsageError("a run gives one kind of table", value=", ".join(asked), allowed="one")
    strata, wanted = values.words(by), values.words(standard)
    if trend and len(wanted) != 1:
        raise UsageError("a trend takes one standard population", value=standard)
    table = read_cases(cases, reading, strata)
    people = read_population(population, population_columns, population_codes)
    groups = values.whole_numbers(age_groups, "--age-groups") if age_groups else None
    counted = {"rules": counting.rules("incidence", ages), "bad_rows": counting.bad_rows}
    with output.step("counting"):
        if trend:
            result = rates.trend(
                table, people, by=strata, age_groups=groups, standard=wanted[0], level=level,
                interval=interval, per=per, selection=selection, max_joinpoints=max_joinpoints,
                **counted,  # type: ignore[arg-type]
            )  # fmt: skip
        elif shrink is not None:
            result = rates.hierarchical_incidence(
                table, people, by_unit=shrink, by=strata, age_groups=groups, level=level, per=per,
                unknown_age="proportional", **counted,  # type: ignore[arg-type]
            )  # fmt: skip
        elif target is not None:
            result = rates.expected_cases(
                table, people, read_population(target, population_columns, population_codes),
                by=strata, target_by=values.words(target_by), age_groups=groups, level=level,
                interval=interval, unknown_age=unknown_age, **counted,  # type: ignore[arg-type]
            )  # fmt: skip
        else:
            result = rates.incidence(
                table, people, by=strata, age_groups=groups, standards=wanted, level=level,
                interval=interval, count_interval=count_interval, per=per,
                unknown_age=unknown_age, **counted,  # type: ignore[arg-type]
            )  # fmt: skip
    output.show(result, output_to)
