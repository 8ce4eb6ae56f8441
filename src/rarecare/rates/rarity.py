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


def rarity_table(tally: Tally, plan: IncidencePlan, *, by: Sequence[str]) -> pl.DataFrame:
    """Apply the rule to each cancer of a tally, pooled over sexes, areas and years.

    Parameters
    ----------
    tally, plan
        The pooled tally of the whole study and its plan.
    by
        Strata that name the cancers (entity). They must be strata that only the cases have:
        those of the population are pooled.

    Returns
    -------
    DataFrame
        ``by``, then the attributes of ``Rarity``.

    Raises
    ------
    UsageError
        A column of ``by`` is not such a stratum, or the sexes are strata and one is absent.
    DisagreementError
        The tally was made with another plan.
    """
    tally.check_plan(plan)
    wrong = [column for column in by if column not in plan.case_strata]
    if wrong or not by:
        raise UsageError(
            "rarity is judged by strata that only the cases have",
            value=wrong[0] if wrong else None,
            allowed=plan.case_strata,
            remedy="The rule is for both sexes together and the pooled population.",
        )
    sexes = tally.strata["sex"].unique().to_list() if "sex" in tally.strata.columns else []
    if len(sexes) == 1:
        raise UsageError(
            "the rule is for both sexes together", value=sexes[0], allowed="male, female"
        )
    sums = tally.strata.with_columns(
        _cases=tally.arrays["cases"].sum(axis=1) + tally.arrays["cases_age_unknown"],
        _person_years=tally.arrays["person_years"].sum(axis=1),
    )
    shared = [column for column in plan.strata if column not in plan.case_strata]
    places = sums.group_by(shared, maintain_order=True).first() if shared else sums.head(1)
    person_years = float(places["_person_years"].sum())
    counts = sums.group_by(by, maintain_order=True).agg(pl.col("_cases").sum()).sort(by)
    verdicts = [
        asdict(rarity_rule(count, person_years, level=plan.level)) for count in counts["_cases"]
    ]
    return pl.concat([counts.drop("_cases"), pl.DataFrame(verdicts)], how="horizontal")
