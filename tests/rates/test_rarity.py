"""The rule for rare cancers."""

import math
from datetime import date

import polars as pl
import pytest

from rarecare.errors import DisagreementError, PopulationError, UsageError
from rarecare.population.population import Population
from rarecare.rates import incidence_plan, rarity_rule, rarity_table, tally_incidence
from rarecare.rates.intervals import poisson_exact

POPULATION_FRAME = pl.DataFrame(
    {
        "sex": ["male", "female"] * 2,
        "area": ["n", "n", "s", "s"],
        "age": ["0+"] * 4,
        "pop": [30_000.0, 30_000.0, 20_000.0, 20_000.0],
    }
)
POPULATION = Population.read(POPULATION_FRAME)
# 100 000 person-years: the counts are the rates
CASES = pl.DataFrame(
    {
        "entity": ["few"] * 2 + ["six"] * 6 + ["many"] * 30,
        "stage": ["local", None] * 19,
        "sex": ["male"] * 38,
        "area": ["n"] * 30 + ["s"] * 8,
        "age": [50] * 37 + [None],
    }
)


def tallied(by, population=POPULATION):
    plan = incidence_plan(CASES, population, by=by, standards=[])
    return tally_incidence(CASES, population, plan), plan


def test_by_hand():
    found = rarity_rule(2, 100_000)
    assert (found.verdict, found.rate, found.cases) == ("rare", 2, 2)
    # (1 + U + U²/2)e^-U = 0.025 for two cases; U = 7.2 lies above 6
    assert (1 + found.upper + found.upper**2 / 2) * math.exp(-found.upper) == pytest.approx(
        0.025, rel=1e-12
    )
    assert found.straddles_6
    assert rarity_rule(0, 100_000) == rarity_rule(0, 1e5)
    assert not rarity_rule(0, 100_000).straddles_6  # upper limit 3.69


def test_six_is_not_rare():
    assert rarity_rule(6, 100_000).verdict == "not rare"
    assert rarity_rule(5999, 1e8).verdict == "rare"
    assert rarity_rule(6, 100_000).straddles_6
    assert not rarity_rule(30, 100_000).straddles_6


def test_the_level_decides_the_limits_not_the_verdict():
    wide, narrow = (rarity_rule(9, 100_000, level=level) for level in (0.95, 0.5))
    assert wide.verdict == narrow.verdict == "not rare"
    assert wide.straddles_6
    assert not narrow.straddles_6
    lower, upper = poisson_exact(9, level=0.5)
    assert (narrow.lower, narrow.upper) == pytest.approx((float(lower), float(upper)))


def test_no_person_years_are_refused():
    with pytest.raises(PopulationError, match="needs person-years"):
        rarity_rule(3, 0)


@pytest.mark.parametrize("by", [["entity"], ["entity", "sex"], ["area", "entity", "stage", "sex"]])
def test_pooled_over_everything_else(by):
    # a case of unknown age counts; person-years count once however many stages there are
    table = rarity_table(*tallied(by), by=["entity"])
    assert table["entity"].to_list() == ["few", "many", "six"]
    assert table["cases"].to_list() == [2, 30, 6]
    assert table["person_years"].to_list() == [100_000] * 3
    assert table["verdict"].to_list() == ["rare", "not rare", "not rare"]
    assert table["straddles_6"].to_list() == [True, False, True]
    assert table["rate"].to_list() == pytest.approx([2, 30, 6], rel=1e-14)


def test_by_a_stratum_of_the_population_is_refused():
    tally, plan = tallied(["entity", "sex"])
    with pytest.raises(UsageError, match="only the cases have: got 'sex'; allowed: entity"):
        rarity_table(tally, plan, by=["sex"])
    with pytest.raises(UsageError, match="only the cases have"):
        rarity_table(tally, plan, by=[])


def test_apart_by_area():
    table = rarity_table(*tallied(["entity", "area", "sex"]), by=["entity"], apart=["area"])
    rows = {(row["entity"], row["area"]): row for row in table.iter_rows(named=True)}
    # few 2 and six 6 are the first eight cases, in the north, which holds 60 000
    assert rows["few", "n"]["rate"] == pytest.approx(2 / 0.6)
    assert rows["six", "n"]["rate"] == pytest.approx(10)
    assert rows["six", "s"]["cases"] == 0
    assert rows["many", "n"]["cases"] + rows["many", "s"]["cases"] == 30
    assert rows["many", "s"]["person_years"] == 40_000


def test_apart_by_period():
    rows = [
        {"sex": sex, "year": year, "age": "0+", "pop": 50_000.0}
        for sex in ("male", "female")
        for year in range(2000, 2006)
    ]
    people = Population.read(pl.DataFrame(rows))
    years = [2000] * 3 + [2001] * 2 + [2003] * 8 + [2005] * 7
    cases = pl.DataFrame(
        {"entity": ["E"] * 20, "sex": ["male"] * 20, "age": [40] * 20,
         "incidence_date": [date(year, 2, 2) for year in years]}
    )  # fmt: skip
    plan = incidence_plan(cases, people, by=["entity", "sex", "year"], standards=[])
    tally = tally_incidence(cases, people, plan)
    table = rarity_table(tally, plan, by=["entity"], periods=[(2000, 2001), (2002, 2003)])
    assert table.select("period", "cases", "person_years", "rate", "verdict").rows() == [
        ("2000-2001", 5, 200_000, 2.5, "rare"), ("2002-2003", 8, 200_000, 4.0, "rare"),
    ]  # fmt: skip
    with pytest.raises(UsageError, match="judged apart by this: got 'sex'"):
        rarity_table(tally, plan, by=["entity"], apart=["sex"])
    with pytest.raises(UsageError, match="no years"):
        rarity_table(*tallied(["entity"]), by=["entity"], periods=[(2000, 2001)])


def test_a_place_without_people_has_no_verdict():
    nobody = pl.col("pop") * (pl.col("area") != "s")
    people = Population.read(POPULATION_FRAME.with_columns(pop=nobody))
    north = CASES.with_columns(area=pl.lit("n"))
    plan = incidence_plan(north, people, by=["entity", "area"], standards=[])
    table = rarity_table(
        tally_incidence(north, people, plan), plan, by=["entity"], apart=["area"]
    ).filter(area="s")
    assert table["verdict"].to_list() == [None] * 3
    assert table["rate"].null_count() == 3


def test_one_sex_alone_is_refused():
    men = tallied(["entity", "sex"], POPULATION.part(sex="male"))
    with pytest.raises(UsageError, match="both sexes together: got 'male'"):
        rarity_table(*men, by=["entity"])


def test_another_plan_is_refused():
    tally, _ = tallied(["entity"])
    _, plan = tallied(["entity", "stage"])
    with pytest.raises(DisagreementError, match="another plan"):
        rarity_table(tally, plan, by=["entity"])
