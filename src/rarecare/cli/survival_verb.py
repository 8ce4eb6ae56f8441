"""``rarecare survival``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import polars as pl
from cyclopts import Parameter

from rarecare.cli import output, values
from rarecare.cli.cases import batches, read_cases, with_age_groups
from rarecare.cli.options import Counting, Output, Reading, Text
from rarecare.registry import Cases


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
        table = batches(cases, age_groups)
    else:
        table, strata = with_age_groups(
            read_cases(cases, reading, (*strata, *groups)), strata, age_groups
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
