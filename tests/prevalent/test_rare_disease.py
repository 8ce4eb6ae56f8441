"""The rule for rare diseases: by hand, at the threshold, pooled tables, refusals."""

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare.errors import PopulationError, UsageError
from rarecare.prevalent.rare_disease import rare_disease_rule, rare_disease_table
from rarecare.rates.intervals import poisson_exact

Z = 1.959963984540054


def test_by_hand():
    """400 of a million are 40 of 100 000; the logarithm's limits are a factor e^(1.96·se/N)."""
    found = rare_disease_rule(400, 1_000_000, variance=1600)
    assert (found.verdict, found.prevalence) == ("rare", pytest.approx(40, rel=1e-14))
    factor = math.exp(Z * 40 / 400)
    assert (found.lower, found.upper) == pytest.approx((40 / factor, 40 * factor), rel=1e-12)
    assert not found.straddles_50  # 48.7
    assert rare_disease_rule(420, 1_000_000, variance=1600).straddles_50  # 50.6


def test_a_count_has_exact_limits():
    found = rare_disease_rule(45, 100_000)
    lower, upper = poisson_exact(45)
    assert (found.lower, found.upper) == (float(lower), float(upper))
    assert found.straddles_50
    none = rare_disease_rule(0, 100_000)
    assert (none.lower, none.verdict) == (0, "rare")
    assert none.upper == pytest.approx(-math.log(0.025), rel=1e-12)
    assert rare_disease_rule(0, 100_000, variance=0.0) == none


def test_fifty_is_not_rare():
    assert rare_disease_rule(50, 100_000).verdict == "not rare"
    assert rare_disease_rule(49_999, 1e8).verdict == "rare"


@given(st.floats(0.5, 1e5), st.floats(1e3, 1e9), st.floats(0, 1e6), st.sampled_from([0.5, 0.95]))
def test_limits_hold_the_prevalence_and_scale_is_free(prevalent, persons, variance, level):
    found = rare_disease_rule(prevalent, persons, variance=variance, level=level)
    assert found.lower <= found.prevalence * (1 + 1e-12)
    assert found.upper >= found.prevalence * (1 - 1e-12)
    twice = rare_disease_rule(2 * prevalent, 2 * persons, variance=4 * variance, level=level)
    assert twice.upper == pytest.approx(found.upper, rel=1e-9)
    assert twice.verdict == found.verdict


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"prevalent": 3, "persons": 0}, PopulationError, "needs persons"),
        ({"prevalent": -1, "persons": 9}, UsageError, "prevalent is out of range: got -1"),
        ({"prevalent": 3, "persons": 9, "variance": -1.0}, UsageError, "variance is out of range"),
        ({"prevalent": math.nan, "persons": 9}, UsageError, "prevalent is out of range"),
        ({"prevalent": 3.5, "persons": 9}, UsageError, "needs its variance: got 3.5"),
        ({"prevalent": 3, "persons": 9, "level": 95}, UsageError, "between 0 and 1"),
    ],
)
def test_wrong_numbers_are_refused(arguments, error, match):
    prevalent, persons = arguments.pop("prevalent"), arguments.pop("persons")
    with pytest.raises(error, match=match):
        rare_disease_rule(prevalent, persons, **arguments)


def table(rows, strata=("entity", "sex")):
    """Rows of persons and of the proportion beside them, as complete_prevalence has them."""
    made = []
    for *labels, estimate, se, population in rows:
        line = dict(zip(strata, labels, strict=True)) | {
            "measure": "prevalent persons", "window": "complete", "n": 9,
            "population": float(population), "estimate": estimate, "se": se, "level": 0.95,
            "status": "ok" if estimate is not None else "not estimable",
            "reason": None if estimate is not None else "too few cases",
        }  # fmt: skip
        made += [line, line | {"measure": "prevalence"}, line | {"window": "0-10"}]
    return pl.DataFrame(made, schema_overrides={"reason": pl.String})


TABLE = table([
    ("few", "female", 30.0, 3.0, 60_000), ("few", "male", 10.0, 4.0, 40_000),
    ("many", "female", 300.0, 9.0, 60_000), ("many", "male", 0.0, 0.0, 40_000),
    ("open", "female", 300.0, 9.0, 60_000), ("open", "male", None, None, 40_000),
])  # fmt: skip


def test_sexes_are_pooled_with_their_variances():
    found = rare_disease_table(TABLE, by=["entity"], pooled=["sex"])
    assert found["entity"].to_list() == ["few", "many", "open"]
    assert found["verdict"].to_list() == ["rare", "not rare", None]
    assert found["prevalence"].to_list() == [40, 300, None]
    assert found["persons"].to_list() == [100_000, 100_000, None]
    factor = math.exp(Z * 5 / 40)  # √(9 + 16) of 40
    assert found["upper"][0] == pytest.approx(40 * factor, rel=1e-12)
    assert found["straddles_50"].to_list() == [True, False, None]
    assert found["status"].to_list() == ["ok", "ok", "not estimable"]
    assert found["reason"].to_list() == [None, None, "too few cases"]


def test_both_sexes_as_one_need_no_pooling():
    own = table([("few", 40.0, 5.0, 100_000), ("none", 40.0, 5.0, 0)], strata=("entity",))
    found = rare_disease_table(own, by=["entity"])
    assert found["verdict"].to_list() == ["rare", None]
    assert found["reason"][1] == "the population has nobody of these"


@pytest.mark.parametrize(
    ("choice", "match"),
    [
        ({"by": ["entity"]}, "each stratum of the table names the diseases, or is pooled: got 's"),
        ({"by": []}, "each stratum"),
        ({"by": ["entity", "sex"]}, "both sexes together"),
        ({"by": ["stage"], "pooled": ["sex", "entity"]}, "each stratum.*got 'stage'"),
        ({"by": ["entity"], "pooled": ["sex"], "window": "0-5"}, "no such window: got '0-5'"),
    ],
)
def test_wrong_strata_are_refused(choice, match):
    with pytest.raises(UsageError, match=match):
        rare_disease_table(TABLE, **choice)


def test_one_sex_alone_is_refused():
    with pytest.raises(UsageError, match="both sexes together"):
        rare_disease_table(TABLE.filter(sex="male"), by=["entity"], pooled=["sex"])
