"""The rule that says what is rare: fewer than 6 new cases per 100 000 persons per year.

Source: Gatta et al., *European Journal of Cancer* 2011;47:2493-2511 (RARECARE): crude
incidence, both sexes together, in the whole of the populations studied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import polars as pl

from rarecare.errors import PopulationError, UsageError
from rarecare.rates.intervals import poisson_exact
from rarecare.rates.plan import IncidencePlan
from rarecare.tally.tally import Tally

THRESHOLD = 6.0
"""Cases per 100 000 person-years; at the threshold a cancer is not rare."""

PER = 100_000
SEX, YEAR, PERIOD = "sex", "year", "period"


@dataclass(frozen=True, slots=True)
class Rarity:
    """What the rule says of one cancer.

    Attributes
    ----------
    verdict
        By the rate alone.
    rate, lower, upper
        Crude incidence and its exact Poisson limits, per 100 000 person-years.
    straddles_6
        Whether the limits lie on both sides of the threshold: chance may have decided.
    cases, person_years
        What the rate is made of.
    level
        Confidence level.
    """

    verdict: Literal["rare", "not rare"]
    rate: float
    lower: float
    upper: float
    straddles_6: bool
    cases: int
    person_years: float
    level: float


_VERDICT = {
    "verdict": pl.String, **dict.fromkeys(("rate", "lower", "upper"), pl.Float64),
    "straddles_6": pl.Boolean, "cases": pl.Int64, "person_years": pl.Float64,
    "level": pl.Float64,
}  # fmt: skip


def rarity_rule(cases: int, person_years: float, *, level: float = 0.95) -> Rarity:
    """Apply the rule to one cancer.

    Parameters
    ----------
    cases
        New cases, both sexes together, all ages, known or not, in the pooled population.
    person_years
        Those of both sexes, also for a cancer that one sex alone can have.
    level
        Confidence level of the interval.

    Raises
    ------
    PopulationError
        There are no person-years.

    Examples
    --------
    >>> rarity_rule(50, 1_000_000).verdict, rarity_rule(50, 1_000_000).straddles_6
    ('rare', True)
    """
    if not person_years > 0:
        raise PopulationError(
            "the rule for rare cancers needs person-years", value=person_years, allowed="above 0"
        )
    scale = PER / person_years
    lower, upper = (float(limit) * scale for limit in poisson_exact(cases, level=level))
    rate = cases * scale
    return Rarity(
        verdict="rare" if rate < THRESHOLD else "not rare",
        rate=rate,
        lower=lower,
        upper=upper,
        straddles_6=lower < THRESHOLD <= upper,
        cases=int(cases),
        person_years=float(person_years),
        level=level,
    )


def rarity_table(
    tally: Tally, plan: IncidencePlan, *, by: Sequence[str], apart: Sequence[str] = (),
    periods: Sequence[tuple[int, int]] = (),
) -> pl.DataFrame:  # fmt: skip
    """Apply the rule to each cancer of a tally, pooled over sexes, and areas and years.

    Parameters
    ----------
    tally, plan
        The tally of the whole study and its plan.
    by
        Strata that name the cancers, of any tier (family, entity_tier1). They must be strata that
        only the cases have: those of the population are pooled.
    apart
        Strata of the population that are judged apart: area. The rule itself is for all together.
    periods
        First and last years of periods that are judged apart, where years are strata; years in
        none of them are left out.

    Returns
    -------
    DataFrame
        ``by``, ``apart``, ``period`` (``"2000-2004"``) where there are any, then the attributes of
        ``Rarity``; a place or period without person-years has none but ``cases``.

    Raises
    ------
    UsageError
        A column of ``by`` or ``apart`` is not such a stratum, the sexes are strata and one is
        absent, or there are no years to make periods of.
    DisagreementError
        The tally was made with another plan.
    """
    tally.check_plan(plan)
    shared = [column for column in plan.strata if column not in plan.case_strata]
    _check_strata(tally, plan, by=by, apart=apart, shared=shared, periods=periods)
    sums = tally.strata.with_columns(
        _cases=tally.arrays["cases"].sum(axis=1) + tally.arrays["cases_age_unknown"],
        _person_years=tally.arrays["person_years"].sum(axis=1),
    )
    if periods:
        label = pl.lit(None, dtype=pl.String)
        for first, last in periods:
            inside = pl.col(YEAR).is_between(first, last)
            label = pl.when(inside).then(pl.lit(f"{first}-{last}")).otherwise(label)
        sums = sums.with_columns(label.alias(PERIOD)).drop_nulls(PERIOD)
    own = [*apart, *([PERIOD] if periods else [])]
    # person-years stand once per combination of the strata of the cases
    places = sums.unique([*shared, *own], keep="first") if shared else sums.head(1)
    people = places.group_by(own or pl.lit(0).alias("_all")).agg(pl.col("_person_years").sum())
    counts = sums.group_by([*by, *own]).agg(pl.col("_cases").sum()).sort([*by, *own])
    joined = (
        counts.join(people, on=own, how="left", nulls_equal=True)
        if own else counts.join(people.select("_person_years"), how="cross")
    )  # fmt: skip
    verdicts = [
        asdict(rarity_rule(cases, person_years, level=plan.level))
        if person_years > 0 or not own else {"cases": cases, "person_years": 0.0}
        for cases, person_years in joined.select("_cases", "_person_years").iter_rows()
    ]  # fmt: skip
    return pl.concat(
        [joined.select(*by, *own), pl.DataFrame(verdicts, schema=_VERDICT)], how="horizontal"
    )


def _check_strata(
    tally: Tally, plan: IncidencePlan, *, by: Sequence[str], apart: Sequence[str],
    shared: Sequence[str], periods: Sequence[tuple[int, int]],
) -> None:  # fmt: skip
    wrong = [column for column in by if column not in plan.case_strata]
    if wrong or not by:
        raise UsageError(
            "rarity is judged by strata that only the cases have",
            value=wrong[0] if wrong else None,
            allowed=plan.case_strata,
            remedy="The rule is for both sexes together and the pooled population.",
        )
    places = [name for name in shared if name not in (SEX, *([YEAR] if periods else []))]
    other = next((name for name in apart if name not in places), None)
    if other is not None:
        raise UsageError(
            "rarity cannot be judged apart by this", value=other, allowed=places,
            remedy="The rule is for both sexes together; years are given as periods.",
        )  # fmt: skip
    if periods and YEAR not in shared:
        raise UsageError("there are no years to make periods of", value=plan.strata)
    sexes = tally.strata[SEX].unique().to_list() if SEX in tally.strata.columns else []
    if len(sexes) == 1:
        raise UsageError(
            "the rule is for both sexes together", value=sexes[0], allowed="male, female"
        )
