"""Shrunken rates beside withheld counts: made after protection, of counts that are shown.

The model of ``outlook.shrunken_rows`` draws every country to a level that all of them make, so
its numbers tell of each count, also those of other countries. Where a count is withheld the model
is fitted again without it. A country whose count is withheld is then one that the model has not
seen, and gets what it foretells of such a country. Source: METHODS_DETAIL 13.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from rarecare.rates.hierarchical import NEW, shrunken_rates
from rarecare.results import OK, OWN_WITHHELD, WITHHELD
from rarecare.study import schema
from rarecare.study.config import Study
from rarecare.study.entities import Groups
from rarecare.study.incidence import Counts
from rarecare.study.outlook import PER, shrunken_rows

FEWEST = 3
"""Countries with a count that is shown, from which another one is foretold."""

REASON = (
    "from the other areas, not adjusted for age and sex; the count of this one is withheld and "
    "was not used"
)
_NUMBERS = ("estimate", "se", "lower", "upper")
_PLACE = ("entity_id", "area")


def of_what_is_shown(
    estimates: pl.DataFrame, by_country: Mapping[str, Counts], groups: Groups, study: Study
) -> pl.DataFrame:  # fmt: skip
    """Return protected estimates whose shrunken rates rest on no withheld count.

    Of an entity with a withheld country the rates of the others are fitted again to these others
    alone, and ``foretold`` gives that of the withheld one. What entities without a withheld country
    have stays as it is.

    Parameters
    ----------
    estimates
        As ``protect`` returns them.
    by_country
        What each country holds; of those withheld nothing is read.
    """
    parts = []
    for entity in study.incidence.shrunken:
        rows = estimates.filter(measure=schema.SHRUNKEN, entity_id=entity)
        shown = rows.filter(pl.col("status") != WITHHELD)["area"].to_list()
        if not shown or len(shown) == rows.height:
            continue
        own = {area: counts for area, counts in by_country.items() if area in shown}
        parts.append(shrunken_rows(own, groups, study, entities=[entity])[0])
        parts.append(foretold(rows))
    changed = (*_NUMBERS, "method", "status", "reason")
    if not parts:
        return estimates
    made = pl.concat([part.select("measure", *_PLACE, *changed) for part in parts])
    return estimates.update(made, on=["measure", *_PLACE], include_nulls=True)


def foretold(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the withheld ones of an entity's shrunken rates, foretold from those that are shown.

    The hierarchical model is fitted to ``n`` and ``person_years`` of the rows that are shown. A
    country that it has not seen has the ratio exp θ, θ ~ N(a, s²), with (a, s) from their
    posterior: its mean and quantiles, times the rate of the countries shown together. Nothing but
    the rows themselves is read, as they are published, and none of what is withheld: who has them
    can make the same numbers, so these tell no more than they do.

    Parameters
    ----------
    rows
        The shrunken rates of one entity, protected. Withheld rows stay as they are where fewer
        than ``FEWEST`` countries are shown, or none of these has a case.
    """
    withheld = rows.filter(status=WITHHELD)
    shown = rows.filter(
        pl.col("status") != WITHHELD, pl.col("n").is_not_null(), pl.col("person_years") > 0
    )
    cases, years = shown["n"].to_numpy(), shown["person_years"].to_numpy()
    if withheld.is_empty() or shown.height < FEWEST or not cases.any():
        return withheld
    level = shown["level"][0]
    rate = float(cases.sum() / years.sum())
    fitted = shrunken_rates(cases, years * rate, level=level)
    new = fitted.between.row(by_predicate=pl.col("measure") == NEW, named=True)
    return withheld.with_columns(
        *(pl.lit(PER * rate * new[name]).alias(name) for name in _NUMBERS),
        method=pl.lit(OWN_WITHHELD), status=pl.lit(OK), reason=pl.lit(REASON),
        level=pl.lit(level),
    )  # fmt: skip
