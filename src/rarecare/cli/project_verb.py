"""``rarecare project``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from rarecare.cli import output, values
from rarecare.cli.cases import read_cases
from rarecare.cli.options import Counting, Output, Reading, Text, read_population


def project(
    cases: Path,
    *,
    population: Path,
    by: str = "",
    family: str | None = None,
    model: Literal[
        "auto", "age-period-cohort", "one drift", "constant rates", "share of the family"
    ] = "auto",
    width: Literal[1, 5] = 5,
    link: Literal["power5", "log"] = "power5",
    trend: Literal["by the bend", "recent", "whole"] = "by the bend",
    cut: str = "0,0.25,0.5,0.75,0.75",
    start: int | None = None,
    use: int | None = None,
    last: int | None = None,
    last_year: int | None = None,
    horizon: int | None = None,
    back_test: int | None = None,
    origins: int = 1,
    standard: str = "esp2013",
    age_groups: str | None = None,
    levels: str = "0.95,0.8,0.5",
    draws: int = 10_000,
    seed: int = 20261123,
    per: float = 100_000,
    ages: str = "all",
    population_columns: Text = (),
    population_codes: Text = (),
    reading: Reading = Reading(),
    counting: Counting = Counting(),
    output_to: Output = Output(),
) -> None:
    """Project new cases and rates to the years to come, with prediction intervals.

    Parameters
    ----------
    cases
        File of cases (CSV, Parquet, Stata).
    population
        Persons by year and age group, of the years observed and of those to come.
    by
        Strata, by commas: sex,area. Entities too: family, entity_tier1, entity_tier2.
    family
        Column that names the family of each entity, whose share a sparse one may take.
    model
        By the number of cases, or one of the models.
    width
        Years in a period.
    link
        Of the age-period-cohort model.
    trend
        The drift of the last two periods, of all, or recent where the rates bend.
    cut
        Share of the drift that is cut in each five years to come, by commas.
    start, use
        First ages that the age-period-cohort model is fitted to, and that it projects.
    last
        Periods that the simple models look back on.
    last_year
        Last year observed whole; by default the last year of the cases.
    horizon
        Number of periods to come; by default all that the population has.
    back_test
        Instead: hold out so many of the last periods, and compare.
    origins
        With --back-test: from how many last years.
    standard
        Standard population of the rates.
    age_groups
        Lower bounds of age groups, by commas; five-year groups when not given.
    levels
        Of the prediction intervals, the published one first.
    draws, seed
        Of the simulation behind them.
    per
        Person-years that rates refer to.
    ages
        Ages counted, as 15-99, or all.
    population_columns
        As --columns, for the population.
    population_codes
        As --codes, for the population: sex:0=male,1=female.
    """
    from rarecare import projection  # noqa: PLC0415

    output.check_all_writable(output_to)
    strata = values.words(by)
    table = read_cases(cases, reading, (*strata, *([family] if family else [])))
    people = read_population(population, population_columns, population_codes)
    wanted = values.numbers(levels, "--levels") or ()
    common = {
        "by": strata, "family": family, "model": model, "width": width, "link": link,
        "recent": {"by the bend": None, "recent": True, "whole": False}[trend],
        "cut": values.numbers(cut, "--cut") or (), "start": start, "use": use, "last": last,
        "last_year": last_year, "draws": draws, "seed": seed,
        "age_groups": values.whole_numbers(age_groups, "--age-groups") if age_groups else None,
        "rules": counting.rules("incidence", ages), "bad_rows": counting.bad_rows,
    }  # fmt: skip
    with output.step("projecting"):
        if back_test is not None:
            result = projection.back_test(
                table, people, held_out=back_test, origins=origins, level=wanted[0],
                **common,  # type: ignore[arg-type]
            )  # fmt: skip
        else:
            result = projection.project(
                table, people, horizon=horizon, standard=standard, levels=wanted, per=per,
                **common,  # type: ignore[arg-type]
            )  # fmt: skip
    output.show(result, output_to)
