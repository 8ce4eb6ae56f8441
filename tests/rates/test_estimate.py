"""Incidence tables: every row by hand or against another program."""

import dataclasses
import json
from datetime import date

import numpy as np
import polars as pl
import pytest

from rarecare.errors import DisagreementError, PopulationError, UsageError
from rarecare.population.population import Population
from rarecare.rates import (
    IncidencePlan,
    estimate_incidence,
    incidence,
    incidence_plan,
    incidence_table,
    tally_incidence,
)
from rarecare.rates.formulas import standard_weights, weighted_rate
from rarecare.rates.intervals import fay_feuer, poisson_byar, poisson_exact, tiwari
from rarecare.rates.table import MEASURES
from rarecare.registry import ExclusionRules, read_cases
from rarecare.tally import Tally, add_pairwise

SEGI = ("segi", [12, 10, 9, 9, 8, 8, 6, 6, 6, 6, 5, 4, 4, 3, 2, 1, 0.5, 0.5])
AGES = (0, 35, 65, 75)
LABELS = ["0-34", "35-64", "65-74", "75+"]
POPULATION = Population.read(
    pl.DataFrame({"age": LABELS, "year": [2010] * 4, "pop": [4000.0, 3000.0, 2000.0, 1000.0]})
)
COUNTS = [2, 6, 4, 3]
FOURTHS = ("fourths", (1, 1, 1, 1))
COLUMNS = ["measure", "age_group", "standard", "method", "n", "person_years", "unit"]
COLUMNS += ["estimate", "se", "lower", "upper", "level", "status", "reason"]


def cases_of(counts, unknown=0):
    ages = [age for age, n in zip(AGES, counts, strict=True) for _ in range(n)]
    ages += [None] * unknown
    return pl.DataFrame(
        {"age": ages, "incidence_date": [date(2010, 6, 1)] * len(ages)},
        schema={"age": pl.Int32, "incidence_date": pl.Date},
    )


def rows(table, measure, **equal):
    found = table.filter(pl.col("measure") == measure, **equal)
    return found.drop("group") if "group" in found.columns else found


def run(counts=COUNTS, unknown=0, **choices):
    settings = {"standards": [FOURTHS], "per": 1000} | choices
    return incidence(cases_of(counts, unknown), POPULATION, **settings).table


def test_the_columns_and_the_order_of_rows():
    table = run()
    assert table.columns == ["group", *COLUMNS]
    assert table["group"].unique().to_list() == ["all"]
    measures = ["crude rate", *["age-specific rate"] * 4, *MEASURES[2:]]
    assert table["measure"].to_list() == measures
    assert table["age_group"].to_list() == ["all", *LABELS, "all", "35-64", "0-74", "0-74"]
    assert table["standard"].to_list() == ["none"] * 5 + ["fourths"] * 2 + ["none"] * 2
    assert table["status"].to_list() == ["ok"] * 9
    assert table["reason"].to_list() == [None] * 9
    assert table["unit"].to_list() == ["per 1 000 person-years"] * 7 + ["percent"] * 2


def test_crude_and_age_specific_rates_by_hand():
    table = run()
    crude = rows(table, "crude rate").row(0, named=True)
    lower, upper = poisson_exact(15)
    expected = {"n": 15, "person_years": 10_000, "estimate": 1.5, "se": 15**0.5 / 10}
    expected |= {"lower": lower / 10, "upper": upper / 10, "level": 0.95}
    assert crude["method"] == "exact"
    assert {name: crude[name] for name in expected} == pytest.approx(expected, rel=1e-13)
    specific = rows(table, "age-specific rate")
    assert specific["n"].to_list() == COUNTS
    assert specific["person_years"].to_list() == [4000, 3000, 2000, 1000]
    assert specific["estimate"].to_list() == pytest.approx([0.5, 2, 2, 3], rel=1e-13)
    assert specific["se"][3] == pytest.approx(3**0.5, rel=1e-13)
    assert specific["upper"][3] == pytest.approx(float(poisson_exact(3)[1]), rel=1e-13)


def test_standardised_truncated_and_cumulative_rates_by_hand():
    table = run()
    # (0.5 + 2 + 2 + 3) / 4; variance Σ (0.25/y)²·d, per 1 000
    standard = rows(table, "standardised rate").row(0, named=True)
    variance = (0.25 / 4) ** 2 * 2 + (0.25 / 3) ** 2 * 6 + (0.25 / 2) ** 2 * 4 + 0.25**2 * 3
    assert standard["estimate"] == pytest.approx(1.875, rel=1e-13)
    assert standard["se"] == pytest.approx(variance**0.5, rel=1e-13)
    assert (standard["n"], standard["method"]) == (15, "tiwari")
    rate = weighted_rate([COUNTS], [[4.0, 3.0, 2.0, 1.0]], standard_weights([1, 1, 1, 1]))
    limits = [float(limit[0]) for limit in tiwari(rate)]
    assert [standard["lower"], standard["upper"]] == pytest.approx(limits, rel=1e-12)
    truncated = rows(table, "truncated rate 35-64").row(0, named=True)
    assert truncated["estimate"] == pytest.approx(2, rel=1e-13)
    assert (truncated["n"], truncated["person_years"]) == (6, 3000)
    assert truncated["method"] == "fay-feuer"  # fewer than 10 cases
    # one group alone: exact limits of 6 over its person-years
    assert truncated["upper"] == pytest.approx(float(poisson_exact(6)[1]) / 3, rel=1e-12)
    # 35·0.0005 + 30·0.002 + 10·0.002 = 0.0975; risk 1 - e^-0.0975
    cumulative = rows(table, "cumulative rate 0-74").row(0, named=True)
    assert cumulative["estimate"] == pytest.approx(9.75, rel=1e-13)
    variance = (35 / 4) ** 2 * 2 + 10**2 * 6 + 5**2 * 4
    assert cumulative["se"] == pytest.approx(variance**0.5 / 10, rel=1e-13)
    assert (cumulative["n"], cumulative["person_years"]) == (12, 9000)
    risk = rows(table, "cumulative risk 0-74").row(0, named=True)
    assert risk["estimate"] == pytest.approx(100 * (1 - np.exp(-0.0975)), rel=1e-12)
    assert risk["se"] == pytest.approx(cumulative["se"] * np.exp(-0.0975), rel=1e-12)
    for limit in ("lower", "upper"):
        from_rate = 100 * (1 - np.exp(-cumulative[limit] / 100))
        assert risk[limit] == pytest.approx(from_rate, rel=1e-12)


def test_intervals_are_those_asked_and_said():
    asked = run(interval="dobson-byar", count_interval="byar", level=0.9)
    assert asked["method"].to_list() == ["byar"] * 5 + ["dobson-byar"] * 4
    assert asked["level"].unique().to_list() == [0.9]
    crude = rows(asked, "crude rate").row(0, named=True)
    assert crude["lower"] == pytest.approx(float(poisson_byar(15, level=0.9)[0]) / 10, rel=1e-13)
    none = run([0, 0, 0, 0], interval="dobson")
    assert none["method"].to_list() == ["exact"] * 5 + ["fay-feuer"] * 4
    assert none["estimate"].to_list() == [0] * 9
    rate = weighted_rate([[0] * 4], [[4.0, 3.0, 2.0, 1.0]], [0.25] * 4)
    upper = rows(none, "standardised rate")["upper"][0]
    assert upper == pytest.approx(float(fay_feuer(rate)[1][0]), rel=1e-12)


def test_unknown_ages_are_left_out_and_reported():
    table = run(unknown=5)
    assert rows(table, "crude rate")["n"][0] == 20
    assert rows(table, "crude rate")["reason"][0] is None
    assert rows(table, "standardised rate")["estimate"][0] == pytest.approx(1.875, rel=1e-13)
    reasons = table.filter(pl.col("measure") != "crude rate")["reason"].unique().to_list()
    assert reasons == ["age unknown in 5 of 20 cases: left out"]


def test_unknown_ages_are_distributed_when_asked():
    # 15 cases of known age and 5 not: every other rate times 20/15
    plain, spread = run(), run(unknown=5, unknown_age="proportional")
    kept = ["crude rate", "cumulative risk 0-74"]  # the risk is no multiple of the rate
    for one, other in zip(plain.iter_rows(named=True), spread.iter_rows(named=True), strict=True):
        if one["measure"] not in kept:
            for name in ("estimate", "se", "lower", "upper"):
                assert other[name] == pytest.approx(one[name] * 20 / 15, rel=1e-12)
            assert other["n"] == one["n"]
            assert other["reason"] == "age unknown in 5 of 20 cases: rate multiplied by 1.33333"
    risk = rows(spread, "cumulative risk 0-74")["estimate"][0]
    assert risk == pytest.approx(100 * (1 - np.exp(-0.0975 * 20 / 15)), rel=1e-12)
    assert rows(spread, "crude rate")["estimate"][0] == pytest.approx(2.0, rel=1e-13)


def test_no_known_age_leaves_nothing_to_distribute_by():
    table = run([0, 0, 0, 0], unknown=3, unknown_age="proportional")
    assert rows(table, "crude rate")["status"][0] == "ok"
    others = table.filter(pl.col("measure") != "crude rate")
    assert others["status"].unique().to_list() == ["not estimable"]
    assert others["reason"].unique().to_list() == [
        "age unknown in 3 of 3 cases: nothing to distribute them by"
    ]
    assert others["estimate"].null_count() == others.height


def test_an_age_group_without_person_years_is_not_estimable():
    population = Population.read(
        pl.DataFrame({"age": LABELS, "pop": [4000.0, 3000.0, 2000.0, 0.0]})
    )
    cases = cases_of([2, 6, 4, 0])
    table = incidence(cases, population, standards=[FOURTHS]).table
    last = rows(table, "age-specific rate", age_group="75+").row(0, named=True)
    assert (last["status"], last["reason"]) == ("not estimable", "no person-years")
    assert [last[name] for name in ("estimate", "se", "lower", "upper")] == [None] * 4
    standard = rows(table, "standardised rate").row(0, named=True)
    assert standard["status"] == "not estimable"
    assert standard["reason"] == "no person-years at ages 75+"
    assert rows(table, "cumulative rate 0-74")["status"][0] == "ok"


def test_ages_that_the_groups_do_not_make_up_are_not_estimable():
    population = Population.read(pl.DataFrame({"age": ["0-49", "50+"], "pop": [9.0, 8.0]}))
    cases = pl.DataFrame({"age": [20, 60]})
    table = incidence(cases, population, standards=[("halves", (1, 1))]).table
    for measure, ages in (("truncated rate 35-64", "35-64"), ("cumulative risk 0-74", "0-74")):
        row = rows(table, measure).row(0, named=True)
        assert (row["status"], row["n"], row["estimate"]) == ("not estimable", 0, None)
        assert row["reason"] == f"no age groups make up ages {ages}"


def test_every_stratum_is_there_and_entities_share_the_person_years():
    population = Population.read(
        pl.DataFrame({"sex": ["male", "female"], "age": ["0+"] * 2, "pop": [10.0, 20.0]})
    )
    cases = pl.DataFrame({"sex": ["male", "male"], "entity": ["a", "b"], "age": [3, 4]})
    table = incidence(cases, population, by=["entity", "sex"], standards=[]).table
    crude = table.filter(pl.col("measure") == "crude rate")
    assert crude.select("entity", "sex", "n", "person_years").rows() == [
        ("a", "female", 0, 20.0),
        ("a", "male", 1, 10.0),
        ("b", "female", 0, 20.0),
        ("b", "male", 1, 10.0),
    ]
    assert crude["lower"].to_list()[::2] == [0, 0]


def test_a_table_of_parts_is_the_table_of_the_whole():
    areas = pl.DataFrame({"area": ["n", "s"]})
    population = Population.read(POPULATION.table.join(areas, how="cross"))
    cases = cases_of(COUNTS, unknown=2).with_columns(
        area=pl.Series(["n", "s"] * 9).head(17), entity=pl.Series(["a", "b", "a"] * 6).head(17)
    )
    plan = incidence_plan(cases, population, by=["entity"], standards=[FOURTHS])
    plan = dataclasses.replace(plan, populations=())
    parts = [
        tally_incidence(cases.filter(pl.col("area") == area), population.part(area=area), plan)
        for area in ("n", "s")
    ]
    sent = [Tally.from_bytes(part.to_bytes()) for part in parts]
    # the person-years are whole numbers, so even the sums are equal
    whole = incidence_table(cases, population, plan)
    assert estimate_incidence(add_pairwise(sent), plan).equals(whole)


def test_a_tally_of_another_plan_is_refused():
    cases = cases_of(COUNTS)
    plan = incidence_plan(cases, POPULATION, standards=[])
    tally = tally_incidence(cases, POPULATION, plan)
    with pytest.raises(DisagreementError, match="made with another plan"):
        estimate_incidence(tally, dataclasses.replace(plan, level=0.9))


def test_a_path_is_refused():
    with pytest.raises(UsageError, match="takes cases, not the path"):
        incidence("cases.csv", POPULATION)


def test_other_data_frames_are_taken():
    cases = cases_of(COUNTS)
    plain = incidence(cases, POPULATION, standards=[FOURTHS])
    arrow = incidence(cases.to_arrow(), POPULATION, standards=[FOURTHS])
    assert arrow.table.equals(plain.table)


def test_provenance_says_what_was_done():
    population = Population.read(
        pl.DataFrame({"sex": ["male", "female"] * 2, "age": ["0+"] * 4, "pop": [1.0, 2.0, 3.0, 4.0],
                      "year": [2010, 2010, 2011, 2011]})
    )  # fmt: skip
    cases = pl.DataFrame(
        {"age": [4, None], "incidence_date": [date(2010, 1, 1)] * 2, "entity": ["a", "b"]}
    )
    provenance = incidence(cases, population, by=["entity"], standards=[]).provenance
    text = "\n".join(provenance.notes)
    for said in (
        "person-years from column 'pop'",
        "person-years are summed over sex",
        "each entity shares the whole person-years",
        "person-years are of 2010-2011, cases of 2010-2010",
        "cases of unknown age, counted in crude rates only: 1",
        "fewer than 10 cases have Fay and Feuer's limits",
    ):
        assert said in text
    assert [source.rows for source in provenance.inputs] == [2, 4]
    assert provenance.plan["populations"] == (population.sha256,)
    assert json.loads(provenance.to_json())["plan"]["case_levels"] == [["a"], ["b"]]


def test_plans_of_equal_choices_are_equal():
    one = incidence_plan(cases_of(COUNTS), POPULATION, standards=[FOURTHS], per=1000)
    other = incidence_plan(cases_of([1, 0, 0, 0]), POPULATION, standards=[FOURTHS], per=1000.0)
    assert one.hash == other.hash
    assert dataclasses.replace(one, unknown_age="proportional").hash != one.hash


@pytest.mark.parametrize(
    ("per", "unit"),
    [
        (1, "per person-year"),
        (1000, "per 1 000 person-years"),
        (1e5, "per 100 000 person-years"),
        (0.5, "per 0.5 person-years"),
    ],
)
def test_units(per, unit):
    assert IncidencePlan(age_lower=(0,), per=per).unit == unit


def test_age_group_labels():
    assert IncidencePlan(age_lower=(0, 1, 5)).age_groups == ("0", "1-4", "5+")
    assert IncidencePlan(age_lower=(0, 5), age_end=15).age_groups == ("0-4", "5-14")


def test_the_period_of_the_rules_is_that_of_the_person_years_too(tmp_path):
    frame = pl.DataFrame(
        {"age": ["0+"] * 4, "year": [2008, 2009, 2010, 2011], "pop": [1e5, 2e5, 3e5, 4e5]}
    )
    (tmp_path / "cases.csv").write_text(
        "age,incidence_date,behaviour\n40,2009-02-01,3\n41,2010-03-01,3\n42,2011-03-01,3\n"
    )
    cases = read_cases(tmp_path / "cases.csv")

    def crude(first, last, held=frame):
        rules = ExclusionRules(purpose="incidence", needed=(), period=(first, last))
        table = incidence(cases, Population.read(held), standards=[], rules=rules).table
        return table.filter(measure="crude rate").row(0, named=True)

    row = crude(date(2009, 1, 1), date(2010, 12, 31))
    assert (row["n"], row["person_years"]) == (2, 5e5)
    with pytest.raises(UsageError, match="whole years"):
        crude(date(2009, 6, 1), date(2010, 12, 31))
    with pytest.raises(PopulationError, match="no year of the period"):
        crude(date(2009, 1, 1), date(2009, 12, 31), frame.filter(pl.col("year") > 2009))
    assert crude(None, date(2009, 12, 31))["person_years"] == 3e5


def test_finnish_rectal_cancer_from_records(shared_data, shared_reference):
    """From cases and single-year population to R's rates; every number printed to 12 digits."""
    population = Population.read(
        shared_data / "popEpi_meanpop_fi.csv", codes={"sex": {"0": "male", "1": "female"}}
    ).part(sex="female", year=range(1993, 2013))
    cases = pl.read_csv(shared_data / "popEpi_sire.csv", try_parse_dates=True).select(
        sex=pl.lit("female"),
        incidence_date="dg_date",
        age=pl.col("dg_age").floor().cast(pl.Int32),
    )
    table = incidence(cases, population, by=["year"], standards=[SEGI], per=1).table
    reference = pl.read_csv(shared_reference / "popEpi_rate_direct.csv", comment_prefix="#").filter(
        data="sire", weights="world_1966_18of5"
    )
    joined = table.join(reference.drop_nulls("year"), on="year", how="inner")
    crude = joined.filter(pl.col("measure") == "crude rate")
    standard = joined.filter(pl.col("measure") == "standardised rate")
    assert crude.height == standard.height == 20
    assert crude["n"].to_list() == crude["from0to1"].to_list()
    for rows_, ours, theirs in (
        (crude, "person_years", "pyrs"),
        (crude, "estimate", "rate"),
        (crude, "se", "SE.rate"),
        (standard, "estimate", "rate.adj"),
        (standard, "se", "SE.rate.adj"),
    ):
        np.testing.assert_allclose(
            rows_[ours].to_numpy(), rows_[theirs].to_numpy(), rtol=1e-11, err_msg=theirs
        )
