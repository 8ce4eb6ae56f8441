"""Expected new cases: by hand, by their laws, and where they cannot be had."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare import Population
from rarecare.errors import PopulationError, UsageError
from rarecare.rates.expected import expected_cases
from rarecare.rates.intervals import poisson_exact

COLUMNS = {"age": pl.Int64, "incidence_date": pl.Date, "sex": pl.String, "entity": pl.String}


def cases(*counts, unknown=0, entity="E"):
    """Cases of counts by (sex, age): males under and over 50, females likewise."""
    cells = [("male", 20), ("male", 70), ("female", 20), ("female", 70)]
    rows = [
        (age, date(2010, 1, 1), sex, entity)
        for (sex, age), n in zip(cells, counts, strict=True)
        for _ in range(n)
    ]
    rows += [(None, date(2010, 1, 1), "male", entity)] * unknown
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def persons(*counts, area=None, year=2010):
    cells = [("male", 0), ("male", 50), ("female", 0), ("female", 50)]
    return pl.DataFrame(
        [
            {"sex": sex, "age": age, "person_years": float(n), "year": year}
            | ({} if area is None else {"area": area})
            for (sex, age), n in zip(cells, counts, strict=True)
        ]
    )


REGISTRIES = Population.read(persons(1e6, 5e5, 1e6, 5e5))
BASE = {"age_groups": [0, 50]}


def test_by_hand():
    target = Population.read(persons(2e6, 2e6, 1e6, 3e6))
    row = expected_cases(cases(10, 20, 5, 0), REGISTRIES, target, **BASE).table.row(0, named=True)
    # 10/1e6·2e6 + 20/5e5·2e6 + 5/1e6·1e6 + 0 = 20 + 80 + 5
    assert row["estimate"] == pytest.approx(105, rel=1e-12)
    assert row["se"] == pytest.approx((10 * 2**2 + 20 * 4**2 + 5 * 1**2) ** 0.5, rel=1e-12)
    assert (row["n"], row["person_years"], row["population"]) == (35, 3e6, 8e6)
    assert row["lower"] < 105 < row["upper"]


def test_108_per_100_000_of_500_9_million_are_541_000():
    # Gatta et al. 2011: 108 new cases per 100 000 a year, 541 000 in the EU
    frame = pl.DataFrame({"age": [0], "person_years": [1e8]})
    registries = Population.read(frame)
    target = Population.read(frame.with_columns(person_years=pl.lit(500.9e6)))
    table = expected_cases(
        pl.DataFrame({"age": [40] * 108_000}), registries, target, age_groups=[0]
    ).table
    assert table["estimate"][0] == pytest.approx(541_000, abs=50)
    # one weight: the limits are those of the count
    low, high = poisson_exact(108_000)
    assert table["lower"][0] == pytest.approx(low * 5.009, rel=1e-9)
    assert table["upper"][0] == pytest.approx(high * 5.009, rel=1e-9)


counts = st.lists(st.integers(0, 40), min_size=4, max_size=4).filter(any)
people = st.lists(st.integers(1, 5_000_000), min_size=4, max_size=4)


@given(counts)
def test_the_own_population_gives_back_the_cases(found):
    table = expected_cases(cases(*found), REGISTRIES, REGISTRIES, **BASE).table
    assert table["estimate"][0] == pytest.approx(sum(found), rel=1e-12)
    assert table["se"][0] == pytest.approx(sum(found) ** 0.5, rel=1e-12)


@given(counts, people, people)
def test_countries_add_up(found, first, second):
    both = pl.concat([persons(*first, area="A"), persons(*second, area="B")])
    target = Population.read(both)
    parts = expected_cases(cases(*found), REGISTRIES, target, target_by=["area"], **BASE).table
    whole = expected_cases(cases(*found), REGISTRIES, target, **BASE).table
    assert parts["area"].to_list() == ["A", "B"]
    assert parts["estimate"].sum() == pytest.approx(whole["estimate"][0], rel=1e-9)


def test_entities_stand_apart_and_the_sex_of_a_rate_is_kept():
    both = pl.concat([cases(10, 0, 0, 0, entity="M"), cases(0, 0, 0, 10, entity="F")])
    target = Population.read(persons(1e6, 1e6, 0, 0))
    table = expected_cases(both, REGISTRIES, target, by=["entity"], **BASE).table
    assert dict(table.select("entity", "estimate").rows()) == pytest.approx({"M": 10.0, "F": 0.0})


def test_unknown_ages():
    found = cases(10, 0, 0, 0, unknown=2)
    shared = expected_cases(found, REGISTRIES, REGISTRIES, **BASE)
    left = expected_cases(found, REGISTRIES, REGISTRIES, unknown_age="exclude", **BASE)
    assert shared.table["estimate"][0] == pytest.approx(12)
    assert left.table["estimate"][0] == pytest.approx(10)
    assert "cases of unknown age, distributed like the known: 2" in shared.provenance.notes
    assert "cases of unknown age, left out: 2" in left.provenance.notes


def test_no_case_of_known_age_is_not_estimable():
    table = expected_cases(cases(0, 0, 0, 0, unknown=3), REGISTRIES, REGISTRIES, **BASE).table
    assert table.select("n", "estimate", "status", "reason").row(0) == (
        3, None, "not estimable", "no case of known age",
    )  # fmt: skip


def test_no_person_years_where_the_target_has_persons():
    registries = Population.read(persons(1e6, 0, 1e6, 5e5))
    table = expected_cases(cases(10, 0, 5, 5), registries, REGISTRIES, **BASE).table
    assert table["estimate"][0] is None
    assert table["reason"][0] == "no person-years at an age"


@pytest.mark.parametrize(
    ("target", "change", "error", "words"),
    [
        (REGISTRIES, {"by": ["sex"]}, UsageError, "no strata that the population has"),
        (Population.read(pl.concat([persons(1, 1, 1, 1), persons(1, 1, 1, 1, year=2011)])), {},
         PopulationError, "several years"),
        (Population.read(persons(1, 1, 1, 1).filter(sex="male")), {}, PopulationError,
         "lacks a sex"),
        (Population.read(persons(1, 1, 1, 1).filter(age=0)), {}, PopulationError,
         "lacks an age group"),
        (Population.read(persons(0, 0, 0, 0)), {}, PopulationError, "nobody"),
    ],
)  # fmt: skip
def test_what_is_refused(target, change, error, words):
    with pytest.raises(error, match=words):
        expected_cases(cases(1, 1, 1, 1), REGISTRIES, target, **(BASE | change))
