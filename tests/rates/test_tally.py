"""Cases matched with person-years: against the slow twin, additive, and refusing strays."""

import dataclasses
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare.errors import (
    CaseError,
    ColumnError,
    DisagreementError,
    PopulationError,
    UsageError,
)
from rarecare.population.population import Population
from rarecare.rates import IncidencePlan, incidence_plan, tally_incidence
from rarecare.tally import add_pairwise
from tests.reference import rates_twin

AGES = (0, 15, 45, 75)
YEARS = (2010, 2011)
CELLS = [
    {
        "sex": sex,
        "area": area,
        "year": year,
        "age_lower": age,
        "person_years": 1000.0 + 10 * i + 0.1 * (len(area) + age),
    }
    for i, (sex, area, year, age) in enumerate(
        (s, a, y, g)
        for s in ("female", "male")
        for a in ("east", "north", "west")
        for y in YEARS
        for g in AGES
    )
]
POPULATION = Population.read(pl.DataFrame(CELLS))
EQUAL = [("equal", (1, 1, 1, 1))]

case = st.fixed_dictionaries(
    {
        "sex": st.sampled_from(["male", "female"]),
        "area": st.sampled_from(["east", "north", "west"]),
        "incidence_date": st.dates(date(2010, 1, 1), date(2011, 12, 31)),
        "age": st.one_of(st.integers(0, 110), st.sampled_from([0, 14, 15, 44, 45, 74, 75, None])),
        "entity": st.sampled_from(["a", "b", "c"]),
    }
)
SCHEMA = {
    "sex": pl.String,
    "area": pl.String,
    "incidence_date": pl.Date,
    "age": pl.Int64,
    "entity": pl.String,
}
many = st.lists(case, min_size=1, max_size=25)
some_strata = st.lists(st.sampled_from(["sex", "area", "year", "entity"]), unique=True, max_size=4)


def table(cases):
    return pl.DataFrame(cases, schema=SCHEMA)


def plan_of(cases, **choices):
    return incidence_plan(cases, POPULATION, **({"standards": EQUAL} | choices))


def one(**changes):
    values = {
        "sex": "male",
        "area": "north",
        "incidence_date": date(2010, 5, 1),
        "age": 50,
        "entity": "a",
    }
    return table([values | changes])


def test_by_hand():
    population = Population.read(
        pl.DataFrame({"sex": ["male", "male", "female", "female"], "age": ["0-49", "50+"] * 2,
                      "pop": [10.0, 20.0, 30.0, 40.0]})
    )  # fmt: skip
    cases = pl.DataFrame(
        {
            "sex": ["male", "male", "female", "male"],
            "age": [49, 50, None, 50],
            "entity": ["x", "x", "y", "y"],
        }
    )
    plan = incidence_plan(cases, population, by=["entity", "sex"], standards=[])
    tally = tally_incidence(cases, population, plan)
    strata = [("x", "female"), ("x", "male"), ("y", "female"), ("y", "male")]
    assert tally.strata.rows() == strata
    assert tally.arrays["cases"].tolist() == [[0, 0], [1, 1], [0, 0], [0, 1]]
    assert tally.arrays["cases_age_unknown"].tolist() == [0, 0, 1, 0]
    # entity is in the cases alone: both entities have the whole person-years of each sex
    assert tally.arrays["person_years"].tolist() == [[30, 40], [10, 20], [30, 40], [10, 20]]
    assert tally.arrays["cases"].dtype == np.int64


@given(many, some_strata)
@settings(deadline=None)
def test_it_agrees_with_the_twin(cases, strata):
    frame = table(cases)
    tally = tally_incidence(frame, POPULATION, plan_of(frame, by=strata))
    alone = [name for name in strata if name == "entity"]
    twin = rates_twin.tally(cases, CELLS, strata, AGES, alone)
    assert tally.strata.rows() == (sorted(twin) if strata else [("all",)])
    for row, key in enumerate(sorted(twin)):
        counts, years, unknown = twin[key]
        assert tally.arrays["cases"][row].tolist() == counts
        assert tally.arrays["cases_age_unknown"][row] == unknown
        # both sum in floating point: 12 cells at most
        assert tally.arrays["person_years"][row].tolist() == pytest.approx(years, rel=1e-14)


@given(many, some_strata)
@settings(deadline=None)
def test_tallies_of_areas_add_to_the_whole(cases, strata):
    frame = table(cases)
    parts = {area: POPULATION.part(area=area) for area in ("east", "north", "west")}
    hashes = tuple(part.sha256 for part in (POPULATION, *parts.values()))
    plan = dataclasses.replace(plan_of(frame, by=strata), populations=hashes)
    whole = tally_incidence(frame, POPULATION, plan)
    total = add_pairwise(
        tally_incidence(frame.filter(pl.col("area") == area), part, plan)
        for area, part in parts.items()
    )
    assert total.strata.equals(whole.strata)
    for name in ("cases", "cases_age_unknown"):
        np.testing.assert_array_equal(total.arrays[name], whole.arrays[name])
    peak = whole.arrays["person_years"].max()
    np.testing.assert_allclose(
        total.arrays["person_years"], whole.arrays["person_years"], rtol=0, atol=1e-12 * peak
    )


@given(many, st.randoms())
@settings(max_examples=25, deadline=None)
def test_the_order_of_cases_is_irrelevant(cases, random):
    frame, shuffled = table(cases), table(random.sample(cases, len(cases)))
    by = ["entity", "area"]
    assert plan_of(frame, by=by) == plan_of(shuffled, by=by)
    one_way = tally_incidence(frame, POPULATION, plan_of(frame, by=by))
    assert tally_incidence(shuffled, POPULATION, plan_of(frame, by=by)).to_bytes() == (
        one_way.to_bytes()
    )


def test_no_case_at_all_is_a_rate_of_zero():
    empty = table([])
    tally = tally_incidence(empty, POPULATION, plan_of(empty, by=["sex"]))
    assert tally.strata["sex"].to_list() == ["female", "male"]
    assert tally.arrays["cases"].sum() == 0
    assert tally.arrays["person_years"].sum() == pytest.approx(
        sum(cell["person_years"] for cell in CELLS), rel=1e-14
    )
    of_entities = tally_incidence(empty, POPULATION, plan_of(empty, by=["entity"]))
    assert of_entities.arrays["cases"].shape == (0, 4)


def test_unknown_levels_of_cases_are_a_level():
    frame = table([{**one().row(0, named=True), "entity": entity} for entity in ("a", None)])
    tally = tally_incidence(frame, POPULATION, plan_of(frame, by=["entity"]))
    assert tally.strata["entity"].to_list() == [None, "a"]
    assert tally.arrays["cases"].sum(axis=1).tolist() == [1, 1]


def test_whole_numbers_and_truth_values_keep_their_type():
    frame = pl.concat([one(), one()]).with_columns(
        grade=pl.Series([2, None], dtype=pl.Int32), screened=pl.Series([True, False])
    )
    plan = plan_of(frame, by=["grade", "screened"])
    tally = tally_incidence(frame, POPULATION, plan)
    assert tally.strata.rows() == [(None, False), (2, True)]
    part = tally_incidence(frame.slice(1, 1).cast({"grade": pl.Null}), POPULATION, plan)
    assert part.strata.equals(tally.strata)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"incidence_date": date(2012, 1, 1)},
            r"the population has no such year \(line 2, column 'year'\): got '2012'; "
            r"allowed: 2010 to 2011\. Leave such cases out \(there are 1\)",
        ),
        ({"incidence_date": None}, "incidence_date is unknown, and the population is divided"),
        ({"area": "nroth"}, r"no such area .*got 'nroth'.*Did you mean 'north'"),
        ({"sex": "other"}, "no such sex .*allowed: female, male"),
        ({"age": -1}, "no such age .*got '-1'; allowed: 0 or more"),
    ],
)
def test_cases_outside_the_population_are_refused_with_their_line(changes, problem):
    frame = one(**changes).with_columns(row=pl.lit(2))
    with pytest.raises(PopulationError, match=problem):
        tally_incidence(frame, POPULATION, plan_of(frame))


def test_without_lines_the_case_is_numbered():
    frame = pl.concat([one(), one(area="south")])
    with pytest.raises(PopulationError, match=r"no such area \(case 2 of the table\)"):
        tally_incidence(frame, POPULATION, plan_of(frame))


def test_an_unknown_key_matters_only_where_it_divides():
    frame = one(sex=None)
    assert tally_incidence(frame, POPULATION, plan_of(frame)).arrays["cases"].sum() == 1
    with pytest.raises(PopulationError, match="sex is unknown, and the population is divided"):
        tally_incidence(frame, POPULATION, plan_of(frame, by=["sex"]))


def test_a_year_that_an_area_lacks_is_refused():
    population = Population.read(
        pl.DataFrame({"area": ["n", "n", "s"], "year": [2010, 2011, 2011], "age": ["0+"] * 3,
                      "pop": [1.0, 2.0, 3.0]})
    )  # fmt: skip
    stray = one(area="s", incidence_date=date(2010, 1, 1)).drop("sex")
    plan = incidence_plan(stray, population, standards=[])
    with pytest.raises(PopulationError, match=r"no such combination .*got 's, 2010'"):
        tally_incidence(stray, population, plan)


def test_ages_beyond_a_population_that_ends_are_refused():
    children = Population.read(pl.DataFrame({"age": ["0-4", "5-14"], "pop": [1.0, 2.0]}))
    adult = pl.DataFrame({"age": [15]})
    with pytest.raises(PopulationError, match="got '15'; allowed: 0 to 14"):
        tally_incidence(adult, children, incidence_plan(adult, children, standards=[]))


def test_a_case_where_nobody_lives_is_refused():
    population = Population.read(pl.DataFrame({"age": ["0-74", "75+"], "pop": [5.0, 0.0]}))
    old = pl.DataFrame({"age": [80], "row": [7]})
    with pytest.raises(PopulationError, match=r"the population has nobody \(line 7"):
        tally_incidence(old, population, incidence_plan(old, population, standards=[]))


def test_faulty_ages_are_refused():
    frame = one().with_columns(age=pl.lit(50.4), row=pl.lit(3))
    with pytest.raises(CaseError, match=r"not in completed years \(line 3.*got 50.4.*Round down"):
        tally_incidence(frame, POPULATION, plan_of(frame))
    text = one().with_columns(age=pl.lit("50"))
    with pytest.raises(CaseError, match="age is not a number"):
        tally_incidence(text, POPULATION, plan_of(text))
    dates = one().with_columns(incidence_date=pl.lit("2010-05-01"))
    with pytest.raises(CaseError, match="incidence_date is not a date"):
        tally_incidence(dates, POPULATION, plan_of(dates))


def test_columns_that_lack_are_refused():
    with pytest.raises(ColumnError, match="no such column: got 'age'"):
        tally_incidence(one().drop("age"), POPULATION, plan_of(one()))
    with pytest.raises(CaseError, match=r"neither a column .* got 'entitty'.*'entity'"):
        plan_of(one(), by=["entitty"])
    with pytest.raises(ColumnError, match="no such column: got 'area'"):
        tally_incidence(one().drop("area"), POPULATION, plan_of(one(), by=["area"]))


def test_a_level_that_is_not_in_the_plan_is_refused():
    plan = plan_of(one(), by=["entity"])
    with pytest.raises(CaseError, match=r"a level that the plan does not have .*got 'b'"):
        tally_incidence(one(entity="b"), POPULATION, plan)
    with pytest.raises(CaseError, match="another type than in the plan"):
        tally_incidence(one().with_columns(entity=pl.lit(1)), POPULATION, plan)


def test_another_population_is_refused():
    plan = plan_of(one())
    other = POPULATION.part(area="north")
    with pytest.raises(DisagreementError, match="not one of the plan's"):
        tally_incidence(one(), other, plan)
    free = dataclasses.replace(plan, populations=())
    assert tally_incidence(one(), other, free).arrays["cases"].sum() == 1
    ended = Population.read(pl.DataFrame({"age": ["0-14", "15-44"], "pop": [1.0, 2.0]}))
    with pytest.raises(DisagreementError, match=r"end elsewhere .*got 45; allowed: open"):
        tally_incidence(one(), ended, free)


def test_years_are_no_stratum_of_a_population_without_years():
    population = Population.read(pl.DataFrame({"age": ["0-4", "5+"], "pop": [1.0, 2.0]}))
    with pytest.raises(UsageError, match="rates by year cannot be made"):
        incidence_plan(one(), population, by=["year"], standards=[])


@pytest.mark.parametrize(
    ("choice", "problem"),
    [
        ({"level": 95}, "confidence level"),
        ({"interval": "tiwary"}, "Did you mean 'tiwari'"),
        ({"count_interval": "exakt"}, "Did you mean 'exact'"),
        ({"unknown_age": "impute"}, "allowed: exclude, proportional"),
        ({"per": 0}, "person-years above 0"),
        ({"age_groups": (0, 45, 15)}, "must rise"),
        ({"age_groups": ()}, "must rise"),
        ({"standards": [("short", (1, 2))]}, "short has 2 weights: allowed: 4, one per age group"),
    ],
)
def test_choices_that_are_none_are_refused(choice, problem):
    with pytest.raises(UsageError, match=problem):
        plan_of(one(), **choice)


def test_case_strata_must_be_strata():
    with pytest.raises(UsageError, match="must be among the strata"):
        IncidencePlan(age_lower=(0,), case_strata=("entity",))


def test_default_age_groups_are_the_five_year_bounds_it_has():
    single = Population.read(pl.DataFrame({"age": range(101), "pop": [1.0] * 101}))
    assert incidence_plan(one(), single, standards=[]).age_lower == tuple(range(0, 90, 5))
    adults = Population.read(pl.DataFrame({"age": ["18-64", "65+"], "pop": [1.0, 2.0]}))
    assert incidence_plan(one(), adults, standards=[]).age_lower == (18, 65)
