"""Joinpoints: exact data, the slow twin, the size of the permutation test, and laws."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare.errors import UsageError
from rarecare.rates.change import annual_change
from rarecare.rates.joinpoint import joinpoint
from tests.reference.trends_twin import best_joinpoints, segmented

YEARS = np.arange(1990, 2010)


def noisy(seed, *, kink=2000, sd=0.02, n=20):
    random = np.random.default_rng(seed)
    x = np.arange(n)
    line = 0.03 * x - 0.06 * np.maximum(x - (kink - 1990), 0)
    rate = np.exp(line + random.normal(0, sd, n))
    return 1990 + x, rate, sd * rate


def test_a_straight_line_has_no_joinpoint():
    rate = 5 * 1.02 ** (YEARS - 1990.0)
    for selection in ("bic", "permutation"):
        found = joinpoint(YEARS, rate, rate / 10, selection=selection, permutations=99)
        assert found.joinpoints == ()
        assert found.segments["estimate"].to_list() == pytest.approx([2.0], rel=1e-9)


def test_an_exact_kink_is_found():
    x = YEARS - 1990.0
    rate = np.exp(0.03 * x - 0.06 * np.maximum(x - 8, 0))
    found = joinpoint(YEARS, rate, rate / 10)
    assert found.joinpoints == (1998,)
    percent = [100 * math.expm1(0.03), 100 * math.expm1(-0.03)]
    assert found.segments["estimate"].to_list() == pytest.approx(percent, rel=1e-7)
    assert found.segments["first"].to_list() == [1990, 1998]
    # 8 years up, 11 down: the average slope is (8·0.03 - 11·0.03)/19
    mean = 100 * math.expm1((8 * 0.03 - 11 * 0.03) / 19)
    assert found.average()["estimate"][0] == pytest.approx(mean, rel=1e-7)
    assert found.average(1990, 1998)["estimate"][0] == pytest.approx(percent[0], rel=1e-7)


@pytest.mark.parametrize("seed", range(4))
def test_search_is_that_of_the_twin(seed):
    years, rate, se = noisy(seed)
    se = se * np.random.default_rng(seed).uniform(0.5, 2, len(se))
    found = joinpoint(years, rate, se, max_joinpoints=2)
    for k in (0, 1, 2):
        sse, at = best_joinpoints(years.tolist(), np.log(rate), (rate / se) ** 2, k)
        assert found.choice["sse"][k] == pytest.approx(sse, rel=1e-7)
        assert found.choice["years"][k] == ", ".join(str(year) for year in at)
        bic = math.log(sse / 20) + 2 * (k + 1) * math.log(20) / 20
        assert found.choice["bic"][k] == pytest.approx(bic, rel=1e-7)


def test_slopes_and_limits_are_those_of_least_squares():
    years, rate, se = noisy(1)
    found = joinpoint(years, rate, se, max_joinpoints=1)
    assert len(found.joinpoints) == 1
    x = years - 1990.0
    beta, sse = segmented(x, np.log(rate), (rate / se) ** 2, [found.joinpoints[0] - 1990])
    slopes = [beta[1], beta[1] + beta[2]]
    percent = [100 * math.expm1(slope) for slope in slopes]
    assert found.segments["estimate"].to_list() == pytest.approx(percent, rel=1e-7)
    # 20 - 2·1 - 2 = 16 degrees of freedom: t is 2.1199
    columns = np.column_stack([np.ones(20), x, np.maximum(x - (found.joinpoints[0] - 1990), 0)])
    inverse = np.linalg.inv(columns.T @ np.diag((rate / se) ** 2) @ columns)
    reach = 2.1199052992210112 * math.sqrt(inverse[1, 1] * sse / 16)
    assert found.segments["upper"][0] == pytest.approx(
        100 * math.expm1(slopes[0] + reach), rel=1e-7
    )


def test_without_joinpoints_it_is_the_weighted_change():
    d, y = np.random.default_rng(3).poisson(50, 20), np.full(20, 1e5)
    rate, se = d / y, np.sqrt(d) / y
    found = joinpoint(YEARS, rate, se, max_joinpoints=0)
    row = annual_change(YEARS, d, y, form="weighted").row(0, named=True)
    for name in ("estimate", "se", "lower", "upper", "p_value"):
        assert found.segments[name][0] == pytest.approx(row[name], rel=1e-7)
    whole = found.average()
    assert whole["lower"][0] == pytest.approx(row["lower"], rel=1e-7)


@given(st.integers(0, 50), st.floats(1e-6, 1e6))
def test_scale_does_not_matter(seed, scale):
    years, rate, se = noisy(seed, n=12, kink=1996)
    one = joinpoint(years, rate, se)
    other = joinpoint(years, rate * scale, se * scale)
    assert other.joinpoints == one.joinpoints
    assert other.segments["estimate"].to_list() == pytest.approx(
        one.segments["estimate"].to_list(), rel=1e-6, abs=1e-6
    )


def test_permutation_test_finds_the_kink_and_keeps_its_seed():
    years, rate, se = noisy(2)
    one = joinpoint(years, rate, se, selection="permutation", permutations=499)
    assert len(one.joinpoints) == 1
    assert abs(one.joinpoints[0] - 2000) <= 1
    first = one.tests.row(0, named=True)
    assert (first["null"], first["alternative"]) == (0, 3)
    assert first["p_value"] == pytest.approx(1 / 500)
    assert first["reject_below"] == pytest.approx(0.05 / 3)
    again = joinpoint(years, rate, se, selection="permutation", permutations=499)
    assert again.tests.equals(one.tests)


def size(replicates, permutations):
    found = 0
    for seed in range(replicates):
        random = np.random.default_rng(seed)
        rate = np.exp(0.01 * np.arange(15) + random.normal(0, 0.05, 15))
        own = joinpoint(
            np.arange(15), rate, 0.05 * rate, selection="permutation", permutations=permutations
        )
        found += bool(own.joinpoints)
    return found / replicates


def test_permutation_test_keeps_its_size():
    assert size(100, 199) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 100)


@pytest.mark.slow
def test_permutation_test_keeps_its_size_in_1000():
    assert size(1000, 499) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1000)


def test_refused():
    rate = np.full(20, 1.0)
    zero = rate.copy()
    zero[3] = 0
    with pytest.raises(UsageError, match="0 has no logarithm"):
        joinpoint(YEARS, zero, rate)
    with pytest.raises(UsageError, match="degree of freedom"):
        joinpoint(YEARS[:8], rate[:8], rate[:8], max_joinpoints=3)
    with pytest.raises(UsageError, match="in order"):
        joinpoint(YEARS[::-1], rate, rate)
    with pytest.raises(UsageError, match="no such way"):
        joinpoint(YEARS, rate, rate, selection="aic")
    with pytest.raises(UsageError, match="one year of the trend"):
        joinpoint(YEARS, rate, rate).average(2005, 1995)
