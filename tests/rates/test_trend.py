"""Trends from records: rates of years, segments, and what cannot be said."""

from datetime import date

import polars as pl
import pytest

from rarecare import Population
from rarecare.errors import ColumnError, PopulationError, UsageError
from rarecare.rates.change import annual_change
from rarecare.rates.joinpoint import joinpoint
from rarecare.rates.plan import incidence_plan
from rarecare.rates.tally import tally_incidence
from rarecare.rates.trend import estimate_trend, trend

BASE = {"age_groups": [0, 50], "standard": ("half", (1, 1))}
YEARS = range(1996, 2011)


def records(counts, years=YEARS, **more):
    rows = []
    for year, (young, old) in zip(years, counts, strict=True):
        rows += [{"age": 30, "incidence_date": date(year, 3, 1), **more}] * young
        rows += [{"age": 60, "incidence_date": date(year, 3, 1), **more}] * old
    return pl.DataFrame(rows)


def people(years=YEARS, young=1e6, old=5e5):
    return Population.read(
        pl.DataFrame(
            [
                {"year": year, "age": age, "person_years": n}
                for year in years
                for age, n in ((0, young), (50, old))
            ]
        )
    )


RISING = [(20 + 2 * k, 30 + 3 * k) for k in range(15)]


def pick(table, measure):
    return table.filter(measure=measure)


def test_rates_of_years_by_hand():
    table = pick(trend(records(RISING), people(), **BASE).table, "standardised rate")
    assert table["first"].to_list() == list(YEARS)
    # halves of 20 per million and of 30 per half a million: 2 and 6 per 100 000
    assert table["estimate"][0] == pytest.approx(0.5 * 2 + 0.5 * 6)
    assert table["se"][0] == pytest.approx(0.5 * (20 * 0.1**2 + 30 * 0.2**2) ** 0.5)
    assert table["n"][0] == 50


def test_the_change_and_the_segments_are_those_of_the_functions():
    result = trend(records(RISING), people(), selection="permutation", permutations=99, **BASE)
    table = result.table
    cases = [list(row) for row in RISING]
    own = annual_change(list(YEARS), cases, [[1e6, 5e5]] * 15)
    row = pick(table, "annual percentage change").row(0, named=True)
    for name in ("estimate", "lower", "upper", "p_value", "n"):
        assert row[name] == pytest.approx(own[name][0], rel=1e-12)
    rates = pick(table, "standardised rate")
    fit = joinpoint(
        list(YEARS), rates["estimate"].to_numpy() / 1e5, rates["se"].to_numpy() / 1e5,
        selection="permutation", permutations=99,
    )  # fmt: skip
    segments = pick(table, "annual percentage change of a segment")
    assert segments["estimate"].to_list() == pytest.approx(fit.segments["estimate"].to_list())
    assert segments["n"].sum() >= sum(map(sum, RISING))  # a joinpoint's year is in both segments
    fitted = pick(table, "fitted rate")["estimate"].to_list()
    assert fitted == pytest.approx((1e5 * fit.fitted["fitted"]).to_list())
    assert pick(table, "average annual percentage change").height == 1
    assert result.provenance.plan["selection"] == "permutation"


def test_strata_stand_apart():
    both = pl.concat([records(RISING, entity="A"), records(RISING[::-1], entity="B")])
    table = trend(both, people(), by=["entity"], **BASE).table
    change = pick(table, "annual percentage change").sort("entity")
    assert change["estimate"][0] > 0 > change["estimate"][1]
    alone = trend(records(RISING), people(), **BASE).table
    same = table.filter(entity="A").drop("entity")
    assert same.equals(alone)


def test_a_year_without_cases_has_a_rate_and_no_joinpoint():
    counts = [*RISING[:7], (0, 0), *RISING[8:]]
    table = trend(records(counts), people(), **BASE).table
    row = pick(table, "standardised rate").row(7, named=True)
    assert (row["estimate"], row["lower"], row["status"]) == (0, 0, "ok")
    assert row["upper"] > 0
    none = pick(table, "average annual percentage change").row(0, named=True)
    assert (none["estimate"], none["status"]) == (None, "not estimable")
    assert "no log rate" in none["reason"]
    assert pick(table, "annual percentage change")["status"].to_list() == ["ok"]


def test_no_person_years_at_an_age():
    table = trend(records([(20, 0)] * 15), people(old=0.0), **BASE).table
    assert set(pick(table, "standardised rate")["status"]) == {"not estimable"}
    assert pick(table, "standardised rate")["estimate"].null_count() == 15
    reason = pick(table, "average annual percentage change")["reason"][0]
    assert "no person-years" in reason


def test_three_years_are_too_few_for_segments():
    table = trend(records(RISING[:3], YEARS[:3]), people(YEARS[:3]), **BASE).table
    assert pick(table, "average annual percentage change")["reason"][0] == "fewer than 4 years"
    assert pick(table, "annual percentage change")["status"][0] == "ok"


def test_unknown_ages_are_noted():
    cases = pl.concat(
        [records(RISING), pl.DataFrame({"age": [None], "incidence_date": [date(2000, 1, 1)]},
                                       schema={"age": pl.Int64, "incidence_date": pl.Date})]
    )  # fmt: skip
    assert "cases of unknown age, left out: 1" in trend(cases, people(), **BASE).provenance.notes


def test_what_is_refused():
    with pytest.raises(UsageError, match="no strata"):
        trend(records(RISING), people(), by=["year"], **BASE)
    timeless = Population.read(pl.DataFrame({"age": [0, 50], "person_years": [1e6, 5e5]}))
    with pytest.raises(PopulationError, match="with years"):
        trend(records(RISING), timeless, **BASE)
    plan = incidence_plan(records(RISING), people(), age_groups=[0, 50], standards=())
    with pytest.raises(ColumnError, match="by year"):
        estimate_trend(tally_incidence(records(RISING), people(), plan), plan)
