"""One verb, one function: read what was asked, call the library, print."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
from cyclopts import App, CycloptsError, Parameter

from rarecare.cli import output, values
from rarecare.cli.options import Counting, Output, Reading, Text
from rarecare.errors import RarecareError, UsageError
from rarecare.registry import Cases

DONE, DATA_ERROR, WRONG_USE = 0, 1, 2
CLASSES = ("family", "entity_tier1", "entity_tier2", "rare")

app = App(
    name="rarecare",
    help="Rare cancers: incidence, survival and care, from cancer-registry files.",
    version=version("rarecare"),
)


@app.command
def classify(
    cases: Path | None = None,
    *,
    explain: tuple[str, str] | None = None,
    sex: Literal["male", "female"] | None = None,
    reading: Reading = Reading(),
    output_to: Output = Output(),
) -> None:
    """Add family, tier 1, tier 2, rare or not, and the rule that decided.

    Parameters
    ----------
    cases
        File of cases with topography, morphology and behaviour.
    explain
        One site and one histology instead of a file: --explain C40.2 9180/3.
    sex
        Of the pair explained; it decides breast cancer.
    """
    from rarecare.codes.rare_cancers import chosen_list  # noqa: PLC0415

    if (cases is None) == (explain is None):
        raise UsageError(
            "classify takes a file of cases, or --explain with one pair of codes",
            allowed="one of the two",
        )
    if explain is not None:
        output.out.print(
            str(chosen_list(reading.classification).explain(*explain, sex=sex)), highlight=False
        )
        return
    assert cases is not None
    output.check_writable(output_to.out)
    table = reading.classify(reading.read(cases)).table
    if output_to.out is not None:
        output.write_table(table, output_to.out)
        output.print_table(_summary(table))
    elif output_to.format == "table":
        output.print_table(_summary(table))
        output.out.print("Add --out FILE for the cases themselves.", style="dim")
    else:
        output.print_rows(table, output_to.format)


@app.command
def survival(
    cases: Path,
    *,
    life_table: Path | None = None,
    method: str = "pohar-perme",
    by: str = "",
    at: str | None = None,
    at_days: str | None = None,
    breaks: str | None = None,
    interval_form: Literal["actuarial", "hazard"] = "actuarial",
    convention: Literal["strs", "popepi"] = "strs",
    given: str | None = None,
    ahead: str = "5",
    test: str = "",
    contrast: str | None = None,
    age_groups: str | None = None,
    standard: str | None = None,
    standardisation: Literal["classes", "individual"] = "classes",
    when_empty: Literal["not estimable", "collapse", "individual", "widen"] = "not estimable",
    approach: Literal["complete", "cohort", "period", "hybrid"] | None = None,
    window: str | None = None,
    incidence: str | None = None,
    closing_date: str | None = None,
    min_at_risk: int = 0,
    max_se: float | None = None,
    form: Literal["exponential", "product"] = "exponential",
    level: float = 0.95,
    interval: Literal["log", "log-log", "plain"] | None = None,
    unknown_cause: Literal["refuse", "cancer", "other"] = "refuse",
    ages: str = "15-99",
    weighted: Annotated[bool, Parameter(negative="")] = False,
    allow_outside: float = 0.05,
    missing_years: Literal["refuse", "carry", "interpolate"] = "refuse",
    in_batches: Annotated[bool, Parameter(negative="")] = False,
    life_table_factors: Text = (),
    life_table_columns: Text = (),
    life_table_codes: Text = (),
    reading: Reading = Reading(),
    counting: Counting = Counting(),
    output_to: Output = Output(),
) -> None:
    """Survival, probabilities of death and years, exact by day.

    ``--columns strs``, ``popepi`` or ``seer`` writes the result as that program does.

    Parameters
    ----------
    cases
        File of cases (CSV, Parquet, Stata).
    life_table
        Life table of the general population; observed and cause-specific survival need none.
    method
        pohar-perme, ederer2, ederer1, hakulinen, observed, several by commas; or one of
        cause-specific, crude (probabilities of death), recorded (the same by recorded cause),
        years (to each time), lifetime (years of life lost in all), expected.
    by
        Strata, by commas: sex,stage. Entities too: family, entity_tier1, entity_tier2.
    at
        Years since incidence, by commas; 1,5 when neither this nor --at-days is given.
    at_days
        Days since incidence, by commas.
    breaks
        An interval life table instead, its intervals as in Stata's strs: "0(1/12)1,1(1)10".
    interval_form
        With --breaks: withdrawals count half, or deaths over person-time.
    convention
        With --breaks: expected survival as strs or popEpi looks it up.
    given
        Conditional survival instead: years already lived, by commas.
    ahead
        With --given: further years, by commas.
    test
        A test of equal net survival instead: the columns that make the groups; --by are strata.
    contrast
        Differences and ratios across a stratum: sex, or sex=female for the reference.
    age_groups
        Lower bounds of age groups to divide by: 15,45,55,65,75.
    standard
        Age standard: icss1, icss2, icss3, icss-prostate, "icss by entity", internal, or
        weights by first age: 15:0.07,45:0.12,55:0.23,65:0.29,75:0.29.
    standardisation
        By age classes, or by weighting each case.
    when_empty
        Where an age class has no one left: no estimate, the class merged, each case weighted,
        or the window widened.
    approach
        Period with a window, hybrid with window and incidence, else complete.
    window
        Days of follow-up of a period or hybrid analysis, FIRST:LAST, both included.
    incidence
        Days of diagnosis, FIRST:LAST, both included.
    closing_date
        The study's last day of follow-up (Hakulinen, cohort); the last one seen when not given.
    min_at_risk
        Fewest at risk with whom an estimate is given.
    max_se
        Standard error above which a remark is made.
    form
        exp(-sum), or the product by day (R relsurv's kaplan-meier).
    level
        Confidence level.
    interval
        Scale of the limits; log for survival, plain for deaths and years when not given.
    unknown_cause
        What a death of unknown cause is.
    ages
        Ages counted, as 15-99, or all.
    weighted
        Count each case as its column weight says.
    allow_outside
        Largest share of person-days that may lie outside the life table.
    missing_years
        Of years that the life table lacks: refused, the year before, or interpolated.
    in_batches
        A Parquet file larger than memory, of cases that count already: columns died,
        follow_up_days, incidence_date, age_days.
    life_table_factors
        Hazard ratios of groups to the life table, KEY:GROUP=RATIO,...: deprivation:1=0.9,5=1.2.
    life_table_columns
        As --columns, for the life table.
    life_table_codes
        As --codes, for the life table: sex:0=male,1=female.
    """
    from rarecare.cli.survival import Question, answer  # noqa: PLC0415
    from rarecare.population.life_table import LifeTable  # noqa: PLC0415
    from rarecare.tally.engines import LocalEngine  # noqa: PLC0415

    style, reading = reading.without_style()
    output.check_all_writable(output_to, style)
    strata = values.words(by)
    groups = values.words(test)
    closing = values.dates(closing_date and f"{closing_date}:{closing_date}", "--closing-date")
    table: Cases | pl.LazyFrame
    if in_batches:
        table = _batches(cases, age_groups)
    else:
        table, strata = _with_age_groups(
            _read(cases, reading, (*strata, *groups)), strata, age_groups
        )
    lives = None
    if life_table is not None:
        with output.step(f"reading {life_table.name}"):
            lives = LifeTable.read(
                life_table,
                columns=values.columns(life_table_columns),
                codes=values.code_maps(life_table_codes),
                missing_years=missing_years,
            )
        for key, ratios in values.code_maps(life_table_factors).items():
            lives = lives.rescaled(key, values.ratios(ratios, "--life-table-factors"))
    with output.step("summing follow-up") as progress:
        result = answer(
            table,
            lives,
            Question(
                method=method,
                breaks=breaks,
                form=interval_form,
                convention=convention,
                given=values.numbers(given, "--given"),
                ahead=values.numbers(ahead, "--ahead") or (),
                test=groups,
                contrast=contrast,
            ),
            {
                "by": strata,
                "at": values.numbers(at, "--at"),
                "at_days": values.numbers(at_days, "--at-days"),
                "form": form,
                "level": level,
                "interval": interval,
                "standard": values.weights(standard, "--standard"),
                "standardisation": standardisation,
                "when_empty": when_empty,
                "approach": approach,
                "window": values.dates(window, "--window"),
                "incidence": values.dates(incidence, "--incidence"),
                "closing_date": closing and closing[0],
                "min_at_risk": min_at_risk,
                "max_se": max_se,
                "unknown_cause": unknown_cause,
                "days_per_year": reading.days_per_year,
                "weighted": weighted,
                "allow_outside": allow_outside,
                "rules": None if in_batches else counting.rules("survival", ages),
                "bad_rows": counting.bad_rows,
                "engine": LocalEngine(progress=progress),
            },
        )
    output.show(result, output_to, style=style)


@app.command
def model(
    cases: Path,
    *,
    life_table: Path,
    formula: str,
    covariates: str,
    kind: Literal["poisson", "flexible", "cure"] = "flexible",
    breaks: str = "0(1)5",
    df: int = 4,
    varying: str = "",
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
        Grouped Poisson, splines of log time, or a cure model (Weibull mixture).
    breaks
        Intervals of --kind poisson, as in strs.
    df
        Columns of the spline of --kind flexible.
    varying
        Terms whose effect varies with time, and the columns of each: sex=2.
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
    table, named = _with_age_groups(_read(cases, reading, named), named, age_groups)
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


@app.command
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
    table = _read(cases, reading, strata)
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


@app.command
def demo(
    *,
    out: Path = Path("rarecare-demo"),
    cases: int = 2_000_000,
    seed: int = 1,
    countries: str = "",
) -> None:
    """Write a synthetic European data call, and run the whole study on it.

    Parameters
    ----------
    out
        Folder: the data call goes to OUT/data, the release with its report to OUT/release.
    cases
        Number of cases, about.
    seed
        The same seed gives the same data.
    countries
        Two-letter codes, by commas; all 31 when not given.
    """
    from rarecare.demo import write_demo  # noqa: PLC0415
    from rarecare.study import run_study  # noqa: PLC0415

    out.mkdir(parents=True, exist_ok=True)
    with output.steps() as progress:
        data = write_demo(
            out / "data",
            cases=cases,
            seed=seed,
            countries=values.words(countries) or None,
            progress=lambda done, expected: progress("drawing cases", done, expected),
        )
        release = run_study(data / "study.toml", out / "release", progress=progress)
    output.show_release(release)


@app.command
def run(study: Path, *, out: Path) -> None:
    """Run a whole study, from registries' files to a release with its report.

    Parameters
    ----------
    study
        The study.toml.
    out
        Folder of the release; an earlier release there is replaced when the new one is whole.
    """
    from rarecare.study import run_study  # noqa: PLC0415

    with output.steps() as progress:
        release = run_study(study, out, progress=progress)
    output.show_release(release)


def main(arguments: list[str] | None = None) -> int:
    """Run one verb and return its exit status: 0 done, 1 the data have errors, 2 wrong use."""
    try:
        app(
            sys.argv[1:] if arguments is None else arguments,
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
    except CycloptsError as error:
        return _fail(str(error), WRONG_USE)
    except UsageError as error:
        return _fail(str(error), WRONG_USE)
    except RarecareError as error:
        return _fail(str(error), DATA_ERROR)
    except OSError as error:
        return _fail(f"{error.strerror or error}: {error.filename}", DATA_ERROR)
    return DONE


def _fail(message: str, status: int) -> int:
    output.err.print("error:", style="bold red", end=" ")
    output.err.print(message, highlight=False, markup=False, soft_wrap=True)
    return status


def _read(path: Path, reading: Reading, strata: tuple[str, ...]) -> Cases:
    """Return the cases, classified where the strata ask for entities the file lacks."""
    cases = reading.read(path)
    wanted = set(strata) & set(CLASSES)
    return reading.classify(cases) if wanted - set(cases.table.columns) else cases


def _batches(path: Path, age_groups: str | None) -> pl.LazyFrame:
    """Return a Parquet file to be read in batches."""
    if path.suffix != ".parquet" or not path.is_file():
        raise UsageError("batches are read from a Parquet file", value=path.name)
    if age_groups is not None:
        raise UsageError("age groups cannot be made in batches", value=age_groups)
    return pl.scan_parquet(path)


def _with_age_groups(
    cases: Cases, strata: tuple[str, ...], bounds: str | None
) -> tuple[Cases, tuple[str, ...]]:
    if bounds is None:
        return cases, strata
    from rarecare.registry.ages import add_age_groups  # noqa: PLC0415

    grouped = add_age_groups(cases, values.whole_numbers(bounds, "--age-groups"))
    return grouped, strata if "age_group" in strata else (*strata, "age_group")


def _summary(table: pl.DataFrame) -> pl.DataFrame:
    """Return cases by family and, for those that fall nowhere, by reason."""
    reason = pl.when(pl.col("family").is_null()).then("classification_reason")
    return (
        table.group_by("family", reason=reason)
        .agg(
            cases=pl.len(),
            rare=pl.col("rare").sum(),
            entities=pl.col("entity_tier1").n_unique() - pl.col("entity_tier1").has_nulls(),
        )
        .sort("family", "cases", descending=[False, True], nulls_last=True)
    )
