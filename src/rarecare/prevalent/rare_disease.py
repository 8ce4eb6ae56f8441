"""The rule that says which disease is rare: fewer than 50 in 100 000 persons have it.

Source: Regulation (EC) No 141/2000 on orphan medicinal products, article 3: 5 in 10 000 persons;
for cancers, Gatta et al., *European Journal of Cancer* 2011;47:2493-2511.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import exp
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
import polars as pl

from rarecare.errors import PopulationError, UsageError
from rarecare.prevalent.estimate import EXACT, PERSONS
from rarecare.prevalent.plan import SEX
from rarecare.rates.intervals import poisson_exact, tail_probability
from rarecare.results import NOT_ESTIMABLE, OK

THRESHOLD = 50.0
"""Persons in 100 000; at the threshold a disease is not rare."""

PER = 100_000
COMPLETE = "complete"
_WIDEST = 600.0  # beyond which e^x is no number


@dataclass(frozen=True, slots=True)
class RareDisease:
    """What the rule says of one disease.

    Attributes
    ----------
    verdict
        By the prevalence alone.
    prevalence, lower, upper
        With its limits, per 100 000 persons.
    straddles_50
        Whether the limits lie on both sides of the threshold: chance may have decided.
    prevalent, persons
        What the prevalence is made of.
    level
        Confidence level.
    """

    verdict: Literal["rare", "not rare"]
    prevalence: float
    lower: float
    upper: float
    straddles_50: bool
    prevalent: float
    persons: float
    level: float


def rare_disease_rule(
    prevalent: float, persons: float, *, variance: float | None = None, level: float = 0.95
) -> RareDisease:
    """Apply the rule to one disease.

    Parameters
    ----------
    prevalent
        Persons alive with the disease, both sexes together, however long ago it was found.
    persons
        Of the population, both sexes, also for a cancer that one sex alone can have.
    variance
        Of ``prevalent``: limits are then on the scale of the logarithm. By default it is a count,
        with exact Poisson limits.
    level
        Confidence level of the interval.

    Raises
    ------
    PopulationError
        There are no persons.
    UsageError
        ``prevalent`` or its variance is negative or no number, or it is no count and has no
        variance.

    Examples
    --------
    >>> rare_disease_rule(490, 1_000_000).verdict, rare_disease_rule(490, 1_000_000).straddles_50
    ('rare', True)
    """
    if not persons > 0:
        raise PopulationError(
            "the rule for rare diseases needs persons", value=persons, allowed="above 0"
        )
    for name, value in (("prevalent", prevalent), ("variance", variance or 0.0)):
        if not (value >= 0 and np.isfinite(value)):
            raise UsageError(f"{name} is out of range", value=value, allowed="numbers from 0")
    tail = tail_probability(level)
    if variance is None and abs(prevalent - round(prevalent)) > EXACT:
        raise UsageError(
            "an estimate of prevalent persons needs its variance", value=prevalent,
            allowed="a whole number, or a variance",
        )  # fmt: skip
    if variance is None or prevalent == 0:
        lower, upper = (float(limit) for limit in poisson_exact(prevalent, level=level))
    else:
        width = NormalDist().inv_cdf(1 - tail) * variance**0.5 / prevalent
        factor = exp(min(width, _WIDEST))
        lower, upper = prevalent / factor, prevalent * factor
    scale = PER / persons
    return RareDisease(
        verdict="rare" if prevalent * scale < THRESHOLD else "not rare",
        prevalence=prevalent * scale,
        lower=lower * scale,
        upper=upper * scale,
        straddles_50=lower * scale < THRESHOLD <= upper * scale,
        prevalent=float(prevalent),
        persons=float(persons),
        level=level,
    )


def rare_disease_table(
    table: pl.DataFrame, *, by: Sequence[str], pooled: Sequence[str] = (), window: str = COMPLETE
) -> pl.DataFrame:
    """Apply the rule to each disease of a table of prevalence.

    Parameters
    ----------
    table
        Of ``complete_prevalence``, or of ``prevalence`` with all ages and phases.
    by
        Strata that name the diseases (entity).
    pooled
        The other strata, which divide the population (sex, area): persons, variances and
        population are summed over them. Strata that only the cases have cannot be.
    window
        ``"complete"``; or a window counted, whose prevalence is lower than the rule's.

    Returns
    -------
    DataFrame
        ``by``, the attributes of ``RareDisease``, ``status``, ``reason``. A disease with a part
        that is not estimable is not either.

    Raises
    ------
    UsageError
        A stratum is neither in ``by`` nor in ``pooled``, sex is in ``by`` or one is absent, or
        there is no such window.
    """
    strata = table.columns[: table.columns.index("measure")]
    wrong = [name for name in (*by, *pooled) if name not in strata]
    wrong += [name for name in strata if name not in (*by, *pooled) and table[name].n_unique() > 1]
    if wrong or not by or set(by) & set(pooled):
        raise UsageError(
            "each stratum of the table names the diseases, or is pooled",
            value=wrong[0] if wrong else None, allowed=strata,
        )  # fmt: skip
    if SEX in by or (SEX in pooled and table[SEX].n_unique() < 2):
        raise UsageError(
            "the rule is for both sexes together", value=SEX, allowed="by without sex",
            remedy="Pool the sexes, or leave them out of the strata.",
        )  # fmt: skip
    rows = table.filter(measure=PERSONS, window=window)
    rows = rows.filter(
        *(pl.col(name) == "all" for name in ("age_group", "phase") if name in rows.columns)
    )
    if rows.is_empty():
        raise UsageError(
            "the table has no such window", value=window,
            allowed=table["window"].unique().sort().to_list(),
        )  # fmt: skip
    whole = _populations(table, window, strata)
    rows = rows.drop("population").join(
        whole, on=strata, how="left", nulls_equal=True, maintain_order="left"
    )
    found = [
        dict(zip(by, key, strict=True)) | _verdict(own)
        for key, own in rows.group_by(by, maintain_order=True)
    ]
    schema = {name: table.schema[name] for name in by} | {"reason": pl.String}
    return pl.DataFrame(found, infer_schema_length=None, schema_overrides=schema)


def _populations(table: pl.DataFrame, window: str, strata: Sequence[str]) -> pl.DataFrame:
    """Return the persons of each stratum, which stand beside proportions."""
    known = table.filter(pl.col("population").is_not_null(), window=window)
    known = known.filter(pl.col("age_group") == "all") if "age_group" in known.columns else known
    return known.group_by(strata).agg(pl.col("population").max())


def _verdict(own: pl.DataFrame) -> dict[str, Any]:
    """Return what the rule says of the rows of one disease, summed."""
    level = float(own["level"][0])
    people = own["population"]
    lacking = own.filter(pl.col("status") != OK)
    nobody = people.null_count() or not people.sum() > 0
    if lacking.height or nobody:
        reason = lacking["reason"][0] if lacking.height else "the population has nobody of these"
        empty = dict.fromkeys(RareDisease.__dataclass_fields__)
        return {**empty, "level": level, "status": NOT_ESTIMABLE, "reason": reason}
    said = rare_disease_rule(
        float(own["estimate"].sum()), float(people.sum()),
        variance=float((own["se"] ** 2).sum()), level=level,
    )  # fmt: skip
    remarks = own["reason"].drop_nulls().unique(maintain_order=True).to_list()
    return {**asdict(said), "status": OK, "reason": "; ".join(remarks) or None}
