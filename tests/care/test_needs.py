"""Needs: by hand, limits against simulation, centres, follow-up, bad input."""

from statistics import NormalDist

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare import Population, expected_cases
from rarecare.care.centralisation import centralisation
from rarecare.care.limits import wilson
from rarecare.care.needs import (
    CENTRES,
    NEED,
    care_needs,
    centres_needed,
    follow_up_loads,
    product,
    summed,
)
from rarecare.care.thresholds import Threshold
from rarecare.errors import CaseError, ColumnError, UsageError
from rarecare.rates.intervals import poisson_exact
from tests.care.test_centralisation import units_with
from tests.rates.test_expected import BASE, REGISTRIES, cases, persons

EXPECTED = pl.DataFrame(
    [("IT", "a", 100.0, 90.0, 111.0), ("IT", "b", 50.0, 44.0, 57.0), ("SI", "a", 8.0, 6.0, 10.0),
     ("SI", "b", 3.0, 2.0, 4.5)],
    schema=["country", "entity_tier1", "estimate", "lower", "upper"], orient="row",
).with_columns(level=0.95, status=pl.lit("ok"))  # fmt: skip
SHARES = pl.DataFrame(
    [("surgery", 0.8, 0.7, 0.9, "study 1"), ("systemic", 0.25, 0.2, 0.31, "study 1")],
    schema=["treatment", "estimate", "lower", "upper", "source"], orient="row",
).with_columns(level=0.95)  # fmt: skip
BY_ENTITY = pl.concat(
    [SHARES.with_columns(entity_tier1=pl.lit(name)) for name in ("a", "b")]
)  # fmt: skip
YEARLY = "patients per year"


def value(table, column="estimate", **where):
    own = table.filter(**where)
    assert own.height == 1
    return own[column][0]


def test_needs_by_hand():
    made = care_needs(EXPECTED, SHARES)
    table = made.table
    assert set(table["measure"]) == {NEED}
    assert value(table, country="IT", treatment="surgery") == pytest.approx(120)
    assert value(table, country="SI", treatment="systemic") == pytest.approx(2.75)
    # cases of IT: 150, from 150 - √(10² + 6²); with the share on the log scale
    low = 150 - np.sqrt(136)
    far = np.hypot(np.log(low / 150), np.log(0.7 / 0.8))
    lower = value(table, "lower", country="IT", treatment="surgery")
    assert lower == pytest.approx(120 * np.exp(-far), rel=1e-12)
    assert any("study 1" in note for note in made.provenance.notes)


def test_shares_of_entities_are_their_own():
    shares = BY_ENTITY.with_columns(
        pl.when(entity_tier1="b", treatment="surgery").then(pl.col(name) / 2).otherwise(name)
        .alias(name) for name in ("estimate", "lower", "upper")
    )  # fmt: skip
    table = care_needs(EXPECTED, shares, entity="entity_tier1").table
    assert value(table, country="IT", treatment="surgery") == pytest.approx(80 + 20)
    pair = [product((100.0, 90.0, 111.0), (0.8, 0.7, 0.9)),
            product((50.0, 44.0, 57.0), (0.4, 0.35, 0.45))]  # fmt: skip
    lower = 100 - np.sqrt((80 - pair[0][1]) ** 2 + (20 - pair[1][1]) ** 2)
    assert value(table, "lower", country="IT", treatment="surgery") == pytest.approx(lower)


def test_a_certain_share_leaves_the_limits_of_the_cases():
    certain = SHARES.with_columns(lower=pl.col("estimate"), upper=pl.col("estimate"))
    table = care_needs(EXPECTED.filter(entity_tier1="a"), certain).table
    row = table.filter(country="IT", treatment="surgery")
    assert row.select("lower", "upper").row(0) == pytest.approx((72.0, 88.8))


def test_limits_are_those_of_drawn_numbers():
    # log-normal cases and shares: quantiles of the drawn product, to the error of 400 000 draws
    rng = np.random.default_rng(11)
    z = NormalDist().inv_cdf(0.975)
    number = np.exp(rng.normal(np.log(100), 0.1, 400_000))
    share = np.exp(rng.normal(np.log(0.4), 0.15, 400_000))
    drawn = np.quantile(number * share, [0.025, 0.975])
    limits = product(
        (100.0, 100 * np.exp(-0.1 * z), 100 * np.exp(0.1 * z)),
        (0.4, 0.4 * np.exp(-0.15 * z), 0.4 * np.exp(0.15 * z)),
    )
    assert limits[1:] == pytest.approx(drawn, rel=0.005)
    # a sum of three normal numbers
    drawn = np.quantile(rng.normal([10, 20, 30], [1, 2, 3], (400_000, 3)).sum(axis=1),
                        [0.025, 0.975])  # fmt: skip
    parts = np.array([10.0, 20.0, 30.0]), np.array([1.0, 2.0, 3.0]) * z
    assert summed(parts[0], parts[0] - parts[1], parts[0] + parts[1])[1:] == pytest.approx(
        drawn, rel=0.005
    )


def coverage(runs, seed):
    """How often the limits hold the need, of Poisson cases and a binomial share."""
    rng = np.random.default_rng(seed)
    truth = (40 + 15) * 0.3
    d, k = rng.poisson([40, 15], (runs, 2)), rng.binomial(120, 0.3, runs)
    lower, upper = poisson_exact(d)
    low, high = wilson(k / 120, np.full(runs, 120))
    inside = 0
    for row in range(runs):
        number = summed(d[row].astype(float), lower[row], upper[row])
        found = product(number, (k[row] / 120, low[row], high[row]))
        inside += found[1] <= truth <= found[2]
    return inside / runs


def test_limits_hold_the_truth():
    # the limits of the counts are exact, which is wide: between 94 and 98 % of 4 000
    assert 0.94 <= coverage(4000, 3) <= 0.98


limited = st.tuples(st.floats(0.1, 100), st.floats(0, 1), st.floats(0, 3)).map(
    lambda t: (t[0], t[0] * t[1], t[0] * (1 + t[2]))
)


@given(limited, limited, st.floats(0.1, 10))
def test_laws_of_products_and_sums(one, other, scale):
    whole = product(one, other)
    assert whole == pytest.approx(product(other, one))
    assert whole[1] <= whole[0] * (1 + 1e-12)
    assert whole[0] <= whole[2] * (1 + 1e-12)
    scaled = product(tuple(scale * v for v in one), other)
    assert scaled == pytest.approx(tuple(scale * v for v in whole))
    # no wider than the product of the limits
    assert whole[2] <= one[2] * other[2] * (1 + 1e-9)
    columns = [np.array(pair) for pair in zip(one, other, strict=True)]
    total = summed(*columns)
    assert total[0] == pytest.approx(one[0] + other[0])
    assert total[1] >= one[1] + other[1] - 1e-9
    assert total[2] <= one[2] + other[2] + 1e-9


def test_nothing_and_everything():
    shares = SHARES.with_columns(
        pl.Series("estimate", [0.0, 1.0]), pl.Series("lower", [0.0, 0.9]),
        pl.Series("upper", [0.1, 1.0]),
    )  # fmt: skip
    table = care_needs(EXPECTED.filter(country="SI", entity_tier1="a"), shares).table
    assert table.select("estimate", "lower", "upper").row(0) == (0.0, 0.0, 1.0)
    assert table["upper"][1] == pytest.approx(10.0)


def test_what_is_not_estimable_stays_so():
    gone = EXPECTED.with_columns(
        status=pl.when(entity_tier1="b", country="SI").then(pl.lit("not estimable"))
        .otherwise("status")
    )  # fmt: skip
    table = care_needs(gone, SHARES).table
    assert value(table, "status", country="SI", treatment="surgery") == "not estimable"
    assert value(table, "reason", country="SI", treatment="surgery") == (
        "expected cases are not estimable"
    )
    assert value(table, "status", country="IT", treatment="surgery") == "ok"
    unknown = SHARES.with_columns(
        pl.when(treatment="systemic").then(None).otherwise(name).alias(name)
        for name in ("estimate", "lower", "upper")
    )
    made = care_needs(EXPECTED, unknown)
    assert value(made.table, "reason", country="IT", treatment="systemic") == (
        "the share treated is not known"
    )
    centres = centres_needed(made, [Threshold(10, YEARLY)]).table
    assert value(centres, country="IT", treatment="systemic") is None


def test_centres_are_rounded_up():
    centres = centres_needed(
        care_needs(EXPECTED, SHARES),
        [Threshold(40, YEARLY, treatment="surgery", source="made up", sureness="M")],
    )
    row = centres.table.filter(country="IT").row(0, named=True)
    assert row["measure"] == CENTRES
    # 120 patients, 102 to 138 or so: 3 centres, 3 to 4
    assert (row["estimate"], row["lower"], row["upper"]) == (3, 3, 4)
    small = centres.table.filter(country="SI").row(0, named=True)
    assert small["estimate"] == 1
    assert small["reason"] == "fewer patients than one centre should treat"
    assert "source made up, sureness M" in centres.provenance.notes[-1]
    with pytest.raises(UsageError, match="centres need a threshold"):
        centres_needed(care_needs(EXPECTED, SHARES), [])
    with pytest.raises(UsageError, match="the needs have no such treatment: got 'surgeri'"):
        centres_needed(care_needs(EXPECTED, SHARES),
                       [Threshold(4, YEARLY, treatment="surgeri")])  # fmt: skip


@pytest.mark.parametrize(
    ("expected", "shares", "choices", "error", "words"),
    [
        (EXPECTED.drop("lower"), SHARES, {}, ColumnError, "expected cases lack a column"),
        (EXPECTED, SHARES.drop("treatment"), {}, ColumnError, "the shares lack a column"),
        (EXPECTED, SHARES.with_columns(level=0.9), {}, UsageError, "another level: got 0.9"),
        (EXPECTED, pl.concat([SHARES, SHARES]), {}, CaseError, "a share stands twice"),
        (EXPECTED, SHARES.with_columns(upper=80.0), {}, CaseError, "Give shares, not percent"),
        (EXPECTED.with_columns(lower=-1.0), SHARES, {}, CaseError, "negative, or not within"),
        (EXPECTED, SHARES.with_columns(lower=0.99), {}, CaseError, "not within their limits"),
        (EXPECTED, BY_ENTITY.filter(entity_tier1="a"), {"entity": "entity_tier1"}, CaseError,
         "an entity has no share treated: got 'b'"),
    ],
)  # fmt: skip
def test_bad_input_is_named(expected, shares, choices, error, words):
    with pytest.raises(error, match=words):
        care_needs(expected, shares, **choices)


PREVALENT = pl.DataFrame(
    [("IT", "0-1", 10.0), ("IT", "1-5", 30.0), ("IT", "5-20", None), ("IT", "0-20", 90.0)],
    schema=["country", "window", "estimate"], orient="row",
).with_columns(
    measure=pl.lit("prevalent persons"), se=1.0, lower=pl.col("estimate") - 2,
    upper=pl.col("estimate") + 2, level=0.95, age_group=pl.lit("all"),
    status=pl.when(pl.col("estimate").is_null()).then(pl.lit("not estimable")).otherwise(
        pl.lit("ok")),
    reason=pl.when(pl.col("estimate").is_null()).then(pl.lit("registered too short")),
)  # fmt: skip


def test_follow_up_by_time_since_diagnosis():
    table = follow_up_loads(PREVALENT).table
    assert table["window"].to_list() == ["0-1", "1-5", "5-20"]
    assert table["estimate"].to_list() == [10, 30, None]
    assert table["reason"][2] == "registered too short"
    visits = follow_up_loads(
        PREVALENT, visits={"0-1": 4, "1-5": 2, "5-20": 1}, visits_source="made up"
    )
    own = visits.table.filter(unit="visits per year")
    assert own["estimate"].to_list() == [40, 60, None]
    assert own["upper"].to_list()[:2] == [48, 64]
    assert visits.provenance.notes == ("visits a year: made up",)


def test_follow_up_refuses_windows_and_visits_that_are_none():
    with pytest.raises(CaseError, match="the prevalence lacks a window: got '5-15'"):
        follow_up_loads(PREVALENT, windows=("0-1", "5-15"))
    with pytest.raises(CaseError, match="a stratum and window stand twice"):
        follow_up_loads(pl.concat([PREVALENT, PREVALENT]))
    with pytest.raises(ColumnError, match="'country'"):
        follow_up_loads(PREVALENT.drop("country"))
    with pytest.raises(UsageError, match="visits lack a window or their source"):
        follow_up_loads(PREVALENT, visits={"0-1": 4, "1-5": 2, "5-20": 1})
    with pytest.raises(UsageError, match=r"visits .*got '1-5'"):
        follow_up_loads(PREVALENT, visits={"0-1": 4, "1-5": -2, "5-20": 1}, visits_source="x")


def test_needs_take_the_rows_of_expected_cases_and_of_centralisation():
    target = Population.read(
        pl.concat([persons(2e6, 2e6, 1e6, 3e6, area="IT"), persons(1e5, 1e5, 1e5, 2e5, area="SI")])
    )
    expected = expected_cases(cases(10, 20, 5, 0), REGISTRIES, target, target_by=["area"], **BASE)
    shares = centralisation(units_with({"A": 30, "B": 10}, untreated=10)).table.filter(
        measure="share treated"
    )
    table = care_needs(expected.table, shares, by=["area"]).table
    # 105 cases in IT, by hand in the tests of expected cases; 40 of 50 operated on
    assert value(table, area="IT", treatment="surgery") == pytest.approx(105 * 0.8)
    assert value(table, area="IT", treatment="radiotherapy") == 0
    row = table.filter(area="SI", treatment="surgery").row(0, named=True)
    assert row["lower"] < row["estimate"] < row["upper"]
