"""``rarecare prevalence``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from rarecare.cli import output, values
from rarecare.cli.cases import read_cases
from rarecare.cli.options import Counting, Output, Reading, Text, read_population
from rarecare.errors import UsageError


def prevalence(
    cases: Path,
    *,
    index_date: str,
    population: Path | None = None,
    windows: str = "1,3,5,10",
    by: str = "",
    age_groups: str = "",
    phases: Annotated[bool, Parameter(negative="")] = False,
    tumours: Annotated[bool, Parameter(negative="")] = False,
    estimand: Literal["underlying", "registered"] = "underlying",
    registered_since: str | None = None,
    complete: Path | None = None,
    cured: str = "~ age10",
    uncured: str = "~ age10",
    level: float = 0.95,
    per: float = 100_000,
    population_columns: Text = (),
    population_codes: Text = (),
    life_table_columns: Text = (),
    life_table_codes: Text = (),
    reading: Reading = Reading(),
    counting: Counting = Counting(),
    output_to: Output = Output(),
) -> None:
    """Persons alive on a date after a diagnosis: limited, by phase of care, or complete.

    Parameters
    ----------
    cases
        File of cases with follow-up (CSV, Parquet, Stata).
    index_date
        The day at whose end the living are counted, YYYY-MM-DD.
    population
        Persons by age group, year, sex and area, for proportions.
    windows
        Years before the index date, by commas; or from one to another: 0-1,1-5,5-20.
    by
        Strata, by commas: sex,area. Entities too: family, entity_tier1, entity_tier2.
    age_groups
        First ages, on the index date, of groups that get rows of their own.
    phases
        Count the first year, monitoring, and the last year of life, too.
    tumours
        Count every tumour; else a person counts once.
    estimand
        Error of the proportion behind the count, or of the number alive on that very date.
    registered_since
        First date of registration; by default the first date of incidence.
    complete
        Life table of the general population: estimate complete prevalence, from the widest
        window, a curve of incidence and a cure model. It needs --population.
    cured, uncured
        Formulas of the cure model of --complete.
    level
        Confidence level.
    per
        Persons that proportions refer to.
    population_columns, life_table_columns
        As --columns, for these files.
    population_codes, life_table_codes
        As --codes, for these files: sex:0=male,1=female.
    """
    from rarecare import prevalent  # noqa: PLC0415

    output.check_all_writable(output_to)
    if complete is not None and (population is None or phases or tumours or age_groups):
        raise UsageError(
            "complete prevalence takes a population, and is of persons of all ages and phases",
            value="--complete", allowed="--population, without --phases, --tumours, --age-groups",
        )  # fmt: skip
    strata = values.words(by)
    table = read_cases(cases, reading, strata)
    years = values.windows(windows, "--windows")
    longest = max((w if isinstance(w, float) else w[1] for w in years), default=0.0)
    people = None
    if population is not None:
        people = read_population(population, population_columns, population_codes)
    common = {
        "index_date": index_date, "by": strata, "registered_since": registered_since,
        "level": level, "per": per, "days_per_year": reading.days_per_year,
        "rules": counting.rules("prevalence", "all"), "bad_rows": counting.bad_rows,
    }  # fmt: skip
    if complete is None:
        with output.step("counting"):
            result = prevalent.prevalence(
                table, people, windows=years, phases=phases, persons=not tumours,
                age_groups=values.whole_numbers(age_groups, "--age-groups") if age_groups else (),
                estimand=estimand, **common,  # type: ignore[arg-type]
            )  # fmt: skip
        output.show(result, output_to)
        return
    from rarecare.population.life_table import LifeTable  # noqa: PLC0415

    life_table = LifeTable.read(
        complete,
        columns=values.columns(life_table_columns),
        codes=values.code_maps(life_table_codes),
    )
    assert people is not None
    with output.step("fitting") as progress:
        found = prevalent.complete_prevalence(
            table, people, life_table, years=longest, cured=cured, uncured=uncured,
            progress=progress, **common,  # type: ignore[arg-type]
        )  # fmt: skip
    output.show(found.result, output_to)
