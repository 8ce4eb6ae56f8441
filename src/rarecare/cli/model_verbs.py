"""``rarecare model`` and ``rarecare determinants``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from rarecare.cli import output, values
from rarecare.cli.cases import read_cases, with_age_groups
from rarecare.cli.options import Counting, Output, Reading, Text


def model(
    cases: Path,
    *,
    life_table: Path,
    formula: str,
    covariates: str,
    kind: Literal["poisson", "flexible", "hazard", "cure", "flexible-cure"] = "flexible",
    breaks: str = "0(1)5",
    df: int = 4,
    varying: str = "",
    group: str | None = None,
    knots: str = "1,5",
    degree: int = 3,
    uncured: str = "~ 1",
    until: float | None = None,
    age_groups: str | None = None,
    level: float = 0.95,
    ages: str = "15-99",
    allow_outside: float = 0.05,
    missing_years: Literal["refuse", "carry", "interpolate"] = "refuse",
    life_table_columns: Text = (),
    life_table_codes: Text = (),
    reading: Reading = Reading(),
    counting: Counting = Counting(),
    output_to: Output = Output(),
) -> None:
    """Excess-hazard models: what goes with survival.

    Parameters
    ----------
    cases
        File of cases (CSV, Parquet, Stata).
    life_table
        Life table of the general population.
    formula
        Right-hand side: "~ sex + stage"; with --kind poisson also C(interval); with cure, of
        the cured share.
    covariates
        Columns the formula names, by commas; age in years is at hand but for --kind poisson.
    kind
        Grouped Poisson; splines of log time; log hazard by splines of time; a cure model
        (Weibull mixture), or splines of log time that are flat at their end.
    breaks
        Intervals of --kind poisson, as in strs.
    df
        Columns of the spline of --kind flexible.
    varying
        Terms whose effect varies with time, and the columns of each: sex=2.
    group
        With --kind poisson or hazard: the column of a random intercept (hospital, country).
    knots, degree
        With --kind hazard: inner knots in years, and degree (0: constant between knots).
    uncured
        With --kind cure: the formula of the survival of the uncured.
    until
        Years at which follow-up is cut; with --kind poisson the last break does it.
    age_groups
        Lower bounds of age groups, made as the column age_group: 15,45,55,65,75.
    level
        Confidence level.
    ages
        Ages counted, as 15-99, or all.
    allow_outside
        Largest share of person-days that may lie outside the life table.
    missing_years
        Of years that the life table lacks: refused, the year before, or interpolated.
    life_table_columns
        As --columns, for the life table.
    life_table_codes
        As --codes, for the life table: sex:0=male,1=female.
    """
    from rarecare.cli.models import fitted  # noqa: PLC0415
    from rarecare.population.life_table import LifeTable  # noqa: PLC0415

    output.check_all_writable(output_to)
    named = values.words(covariates)
    table, named = with_age_groups(read_cases(cases, reading, named), named, age_groups)
    with output.step(f"reading {life_table.name}"):
        lives = LifeTable.read(
            life_table,
            columns=values.columns(life_table_columns),
            codes=values.code_maps(life_table_codes),
            missing_years=missing_years,
        )
    with output.step("fitting"):
        result = fitted(
            table,
            lives,
            kind,
            formula,
            covariates=named,
            breaks=breaks,
            df=df,
            varying=varying,
            group=group,
            knots=values.numbers(knots, "--knots"),
            degree=degree,
            uncured=uncured,
            until=until,
            choices={
                "level": level,
                "days_per_year": reading.days_per_year,
                "allow_outside": allow_outside,
                "rules": counting.rules("survival", ages),
                "bad_rows": counting.bad_rows,
            },
        )
    output.show(result, output_to)


def determinants(
    cases: Path,
    *,
    life_table: Path,
    unit: str,
    explain: Annotated[tuple[str, ...], Parameter(consume_multiple=True)],
    at: str = "1,5",
    breaks: str = "0(1)5",
    landmark: int | None = None,
    imputations: int = 10,
    bootstrap: int = 200,
    seed: int = 20261123,
    show: Literal["shares", "survival", "ratios", "avoidable", "complete-cases"] = "shares",
    age_groups: str | None = None,
    level: float = 0.95,
    ages: str = "15-99",
    allow_outside: float = 0.05,
    missing_years: Literal["refuse", "carry", "interpolate"] = "refuse",
    life_table_columns: Text = (),
    life_table_codes: Text = (),
    reading: Reading = Reading(),
    counting: Counting = Counting(),
    output_to: Output = Output(),
) -> None:
    """Explain the differences in net survival between countries or hospitals.

    Parameters
    ----------
    cases
        File of cases (CSV, Parquet, Stata).
    life_table
        Life table of the general population.
    unit
        Column whose differences are explained: country, registry, hospital.
    explain
        Determinants in order, with their columns: "age and sex=age_group,sex" stage=stage.
    at
        Years at which net survival is compared, ends of --breaks.
    breaks
        Intervals of the model, as in strs.
    landmark
        Days after diagnosis from which follow-up counts; 90 where treatment or volume explains.
    imputations
        Of a determinant that is unknown for some cases.
    bootstrap, seed
        Draws for the intervals of the shares, and their seed.
    show
        Shares of the variance between units; their net survival step by step; hazard ratios,
        which come second; avoidable deaths; shares among complete cases.
    age_groups
        Lower bounds of age groups, made as the column age_group: 15,45,55,65,75.
    level
        Confidence level.
    ages
        Ages counted, as 15-99, or all.
    allow_outside
        Largest share of person-days that may lie outside the life table.
    missing_years
        Of years that the life table lacks: refused, the year before, or interpolated.
    life_table_columns
        As --columns, for the life table.
    life_table_codes
        As --codes, for the life table: sex:0=male,1=female.
    """
    from rarecare.cli.models import explained  # noqa: PLC0415
    from rarecare.population.life_table import LifeTable  # noqa: PLC0415

    output.check_all_writable(output_to)
    asked = values.columns_of(explain, "--explain")
    named = tuple(dict.fromkeys((unit, *(column for own in asked.values() for column in own))))
    table, _ = with_age_groups(read_cases(cases, reading, named), named, age_groups)
    with output.step(f"reading {life_table.name}"):
        lives = LifeTable.read(
            life_table,
            columns=values.columns(life_table_columns),
            codes=values.code_maps(life_table_codes),
            missing_years=missing_years,
        )
    with output.step("explaining"):
        result = explained(
            table, lives, show, unit=unit, determinants=asked,
            at=values.numbers(at, "--at"), breaks=breaks, landmark=landmark,
            imputations=imputations, bootstrap=bootstrap, seed=seed, level=level,
            days_per_year=reading.days_per_year, allow_outside=allow_outside,
            rules=counting.rules("survival", ages), bad_rows=counting.bad_rows,
        )  # fmt: skip
    output.show(result, output_to)
