"""Limits of counts and rates: by hand, against other programs, and their laws."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rarecare.errors import UsageError
from rarecare.rates.formulas import standard_weights, weighted_rate
from rarecare.rates.intervals import (
    COUNT_INTERVALS,
    RATE_INTERVALS,
    count_limits,
    dobson,
    fay_feuer,
    poisson_byar,
    poisson_exact,
    rate_limits,
    tiwari,
)
from tests.reference import rates_twin

PRINTED = 1e-11  # the reference files print 12 significant digits
Z = 1.959963984540054  # Φ⁻¹(0.975)

groups = st.lists(
    st.tuples(st.integers(0, 40), st.floats(1e2, 1e6), st.floats(0.01, 1.0)),
    min_size=1,
    max_size=6,
)
levels = st.floats(0.8, 0.999)


def rate_of(cells):
    cases, person_years, weights = zip(*cells, strict=True)
    return weighted_rate([cases], [person_years], standard_weights(weights))


def test_exact_limits_by_hand():
    # none: e^-U = 0.025; one: 1 - e^-L = 0.025; and (1 + U)e^-U = 0.025 above one
    lower, upper = poisson_exact([0, 1])
    assert lower[0] == 0
    assert upper[0] == pytest.approx(-math.log(0.025), rel=1e-14)
    assert lower[1] == pytest.approx(-math.log(0.975), rel=1e-14)
    assert (1 + upper[1]) * math.exp(-upper[1]) == pytest.approx(0.025, rel=1e-12)


def test_byar_by_hand():
    # O = 9: 9(1 - 1/81 - 1.96/9)³ and 10(1 - 1/90 + 1.96/(3√10))³
    lower, upper = poisson_byar(9)
    assert lower == pytest.approx(9 * (1 - 1 / 81 - Z / 9) ** 3, rel=1e-14)
    assert upper == pytest.approx(10 * (1 - 1 / 90 + Z / (3 * math.sqrt(10))) ** 3, rel=1e-14)


def test_byar_of_no_case_and_of_one_at_a_high_level_begin_at_zero():
    lower, _ = poisson_byar([0, 1], level=0.999)
    np.testing.assert_array_equal(lower, [0, 0])


def test_one_age_group_reduces_to_the_count():
    # with a single weight a = 1/y: Fay-Feuer, Tiwari and Dobson are the exact limits over y
    rate = rate_of([(7, 1000.0, 1.0)])
    expected = [limit / 1000 for limit in poisson_exact(7)]
    for limits in (fay_feuer(rate), tiwari(rate), dobson(rate)):
        assert [float(limit[0]) for limit in limits] == pytest.approx(expected, rel=1e-12)


def test_epitools_exact_limits(shared_reference):
    # the columns `lower` and `upper` of the file come from a root finder good to 3e-8 (see
    # its README); `daly` from chi-square quantiles, except that for 0 it is one-sided
    file = pl.read_csv(shared_reference / "epitools_pois_ci.csv", comment_prefix="#")
    some = file.filter(pl.col("x") > 0)
    lower, upper = poisson_exact(some["x"].to_numpy())
    np.testing.assert_allclose(lower / 1000, some["daly.lower"].to_numpy(), rtol=PRINTED)
    np.testing.assert_allclose(upper / 1000, some["daly.upper"].to_numpy(), rtol=PRINTED)
    lower, upper = poisson_exact(file["x"].to_numpy())
    np.testing.assert_allclose(lower / 1000, file["lower"].to_numpy(), rtol=0, atol=3e-8)
    np.testing.assert_allclose(upper / 1000, file["upper"].to_numpy(), rtol=0, atol=3e-8)
    none = file.filter(pl.col("x") == 0)
    assert none["daly.upper"][0] * 1000 == pytest.approx(-math.log(0.05), rel=PRINTED)


def test_epitools_byar_is_the_same_formula_at_half_a_case_more(shared_reference):
    file = pl.read_csv(shared_reference / "epitools_pois_ci.csv", comment_prefix="#")
    half = file["x"].to_numpy() + 0.5
    for name, sign in (("byar.lower", -1), ("byar.upper", 1)):
        theirs = half * (1 - 1 / (9 * half) + sign * Z / (3 * np.sqrt(half))) ** 3 / 1000
        np.testing.assert_allclose(theirs, file[name].to_numpy(), rtol=PRINTED)
    # ours at a count one lower and one upper step away brackets theirs
    lower, upper = poisson_byar(file["x"].to_numpy())
    assert (lower[1:] / 1000 < file["byar.lower"].to_numpy()[1:]).all()
    assert (upper / 1000 > file["byar.upper"].to_numpy()).all()


@given(groups, levels)
@settings(max_examples=60, deadline=None)
def test_every_interval_agrees_with_the_twin(cells, level):
    twin = rates_twin.weighted(*zip(*cells, strict=True), level)
    rate = weighted_rate(
        [[d for d, _, _ in cells]], [[y for _, y, _ in cells]], [w for *_, w in cells]
    )
    for method, limits in (
        ("fay-feuer", fay_feuer(rate, level=level)),
        ("tiwari", tiwari(rate, level=level)),
        ("dobson", dobson(rate, level=level)),
        ("dobson-byar", dobson(rate, interval="byar", level=level)),
    ):
        if twin[method] is None:
            assert np.isnan(limits).all()
        else:  # bisection and series: 1e-10 relative, of the rate where a limit is near 0
            expected = pytest.approx(twin[method], rel=1e-9, abs=1e-10 * twin["rate"])
            assert [float(limit[0]) for limit in limits] == expected


@given(st.integers(0, 500), levels, st.sampled_from(COUNT_INTERVALS))
def test_limits_of_counts_contain_the_count_and_rise_with_it(count, level, interval):
    lower, upper = count_limits([count, count + 1], interval=interval, level=level)
    assert lower[0] <= count <= upper[0]
    assert lower[0] <= lower[1]
    assert upper[0] < upper[1]


@given(groups, levels, st.sampled_from(RATE_INTERVALS))
@settings(deadline=None)
def test_limits_of_rates_contain_the_rate(cells, level, interval):
    rate = rate_of(cells)
    lower, upper, _ = rate_limits(rate, interval=interval, level=level)
    assert lower[0] <= rate.rate[0] <= upper[0]


@given(groups, st.sampled_from(RATE_INTERVALS), levels, levels)
@settings(deadline=None)
def test_a_higher_level_is_wider(cells, interval, one, other):
    low, high = sorted((one, other))
    assume(high - low > 1e-6)
    rate = rate_of(cells)
    narrow, wide = (rate_limits(rate, interval=interval, level=level) for level in (low, high))
    assert wide[0][0] <= narrow[0][0]
    assert wide[1][0] > narrow[1][0]


@given(groups)
@settings(deadline=None)
def test_tiwari_is_never_above_fay_and_feuer_at_95_percent(cells):
    rate = rate_of(cells)
    assert tiwari(rate)[1][0] <= fay_feuer(rate)[1][0] * (1 + 1e-12)
    assert tiwari(rate)[0][0] == fay_feuer(rate)[0][0]


def test_few_cases_and_none_fall_back_and_say_so():
    nine, ten, none = (rate_of([(d, 1e5, 0.5), (0, 2e5, 0.5)]) for d in (9, 10, 0))
    assert rate_limits(nine)[2] == ["fay-feuer"]
    assert rate_limits(ten)[2] == ["tiwari"]
    assert rate_limits(none, interval="dobson")[2] == ["fay-feuer"]
    assert rate_limits(nine, interval="dobson")[2] == ["dobson"]
    assert rate_limits(nine, interval="dobson-byar")[2] == ["dobson-byar"]
    assert rate_limits(ten, interval="fay-feuer")[2] == ["fay-feuer"]
    assert rate_limits(nine)[1] == fay_feuer(nine)[1]
    # no case: r = v = 0, so upper = a/2 · χ²(0.975; 2) with a the largest weight, 0.5 / 1e5
    assert rate_limits(none)[1][0] == pytest.approx(0.5e-5 * -math.log(0.025), rel=1e-13)
    assert rate_limits(none)[0][0] == 0


@pytest.mark.parametrize("level", [0, 1, 95, -0.5, math.nan])
def test_a_level_outside_0_to_1_is_refused(level):
    with pytest.raises(UsageError, match="confidence level lies between 0 and 1"):
        poisson_exact(3, level=level)


def test_a_level_in_per_cent_is_told_what_to_give():
    with pytest.raises(UsageError, match=r"give 0\.95"):
        poisson_exact(3, level=95)


def test_unknown_intervals_are_refused_with_the_nearest():
    with pytest.raises(UsageError, match="Did you mean 'fay-feuer'"):
        rate_limits(rate_of([(1, 1e3, 1.0)]), interval="fay feuer")
    with pytest.raises(UsageError, match="allowed: exact, byar"):
        count_limits(1, interval="wald")


def coverage(rng, samples, expected, weights, person_years):
    """Share of samples whose Fay-Feuer interval holds the true rate."""
    cases = rng.poisson(expected, size=(samples, len(expected)))
    years = np.broadcast_to(person_years, cases.shape)
    rate = weighted_rate(cases, years, weights)
    lower, upper = fay_feuer(rate)
    truth = float(np.sum(weights * expected / person_years))
    return float(np.mean((lower <= truth) & (truth <= upper)))


# expected cases by age group, and weights: few cases, and the cases where the weight is small
HARD = [
    ([0.2, 0.3, 0.5], [0.6, 0.3, 0.1]),
    ([2.0, 1.0, 0.1], [0.1, 0.2, 0.7]),
    ([8.0, 4.0, 1.0], [1 / 3, 1 / 3, 1 / 3]),
]


@pytest.mark.parametrize(("expected", "weights"), HARD)
def test_fay_and_feuer_hold_their_level(rng, expected, weights):
    # 20 000 samples: standard error of a share of 0.95 is 0.0015; three of them are allowed
    args = np.array(expected), np.array(weights), np.array([1e5, 2e5, 5e4])
    assert coverage(rng, 20_000, *args) >= 0.95 - 3 * 0.0015


@pytest.mark.slow
@pytest.mark.parametrize(("expected", "weights"), HARD)
def test_fay_and_feuer_hold_their_level_in_many_samples(rng, expected, weights):
    # 2 000 000 samples: standard error 0.00015
    args = np.array(expected), np.array(weights), np.array([1e5, 2e5, 5e4])
    assert coverage(rng, 2_000_000, *args) >= 0.95 - 3 * 0.00015
