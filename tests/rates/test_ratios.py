"""Standardised ratios and comparisons: by hand, against other programs, and their laws."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from rarecare.errors import PopulationError, UsageError
from rarecare.rates.ratios import compare_rates, compare_ratios, standardised_ratio
from tests.reference.trends_twin import binomial_cdf, clopper_pearson, poisson_cdf


def rows(path):
    return pl.read_csv(path, comment_prefix="#")


def test_ratio_by_hand():
    # 0 observed of 2: upper limit -ln(0.025)/2; P(X <= 0) = e^-2, twice that is the p-value
    row = standardised_ratio([0], [2.0]).row(0, named=True)
    assert row["estimate"] == 0
    assert row["lower"] == 0
    assert row["upper"] == pytest.approx(-math.log(0.025) / 2, rel=1e-12)
    assert row["p_value"] == pytest.approx(2 * math.exp(-2), rel=1e-12)


@given(st.integers(0, 40), st.floats(0.1, 60))
def test_ratio_is_that_of_the_twin(observed, expected):
    row = standardised_ratio([observed], [expected]).row(0, named=True)
    at_most = poisson_cdf(observed, expected)
    at_least = 1 - (poisson_cdf(observed - 1, expected) if observed else 0)
    assert row["p_value"] == pytest.approx(min(1, 2 * min(at_most, at_least)), rel=1e-6, abs=1e-12)
    if observed:
        assert poisson_cdf(observed - 1, row["lower"] * expected) == pytest.approx(0.975, rel=1e-9)
    assert poisson_cdf(observed, row["upper"] * expected) == pytest.approx(0.025, rel=1e-7)


def test_ratios_of_popepi_and_its_limits(shared_reference):
    # it prints profile-likelihood limits and Wald's test of the log ratio; ours are exact
    for row in rows(shared_reference / "popEpi_sir_mortality.csv").iter_rows(named=True):
        o, e = row["observed"], row["expected"]
        ours = standardised_ratio([o], [e]).row(0, named=True)
        assert ours["estimate"] == pytest.approx(row["sir"], abs=6e-5)

        def fall(ratio, o=o, e=e):
            return 2 * (o * math.log(o / (ratio * e)) - o + ratio * e) - 1.959963984540054**2

        assert brentq(fall, ours["estimate"] / 2, ours["estimate"]) == pytest.approx(
            row["sir.lo"], abs=6e-5
        )
        assert brentq(fall, ours["estimate"], ours["estimate"] * 2) == pytest.approx(
            row["sir.hi"], abs=6e-5
        )
        assert ours["lower"] < row["sir.lo"]
        assert ours["upper"] > row["sir.hi"]
        wald = math.erfc(abs(math.log(o / e)) * math.sqrt(o / 2))
        assert wald == pytest.approx(row["p_value"], abs=6e-6)


def test_ratio_of_epitools_and_its_limits(shared_reference):
    found = dict(rows(shared_reference / "epitools_ageadjust_indirect.csv").iter_rows())
    row = standardised_ratio([2362], [5269.0]).row(0, named=True)
    assert row["estimate"] == pytest.approx(found["sir"], rel=1e-11)
    # log-normal there: exp(± 1.96.../√O)
    reach = math.exp(1.959963984540054 / math.sqrt(2362))
    file = rows(shared_reference / "epitools_ageadjust_indirect.csv")["v"].to_list()
    assert row["estimate"] / reach == pytest.approx(file[3], rel=1e-9)
    assert row["estimate"] * reach == pytest.approx(file[4], rel=1e-9)
    assert row["lower"] == pytest.approx(file[3], rel=1e-3)


def test_nothing_expected_is_not_estimable():
    row = standardised_ratio([0, 3], [0.0, 1.0]).row(0, named=True)
    assert row["status"] == "not estimable"
    assert row["reason"] == "no case is expected"
    assert row["estimate"] is None
    assert row["upper"] is None


@pytest.mark.parametrize(
    ("observed", "expected", "error"),
    [([1.5], [1.0], UsageError), ([-1], [1.0], UsageError), ([1], [0.0], PopulationError),
     ([1], [-1.0], PopulationError), ([1], [float("nan")], PopulationError),
     ([1, 2], [1.0], UsageError)],
)  # fmt: skip
def test_refused(observed, expected, error):
    with pytest.raises(error):
        standardised_ratio(observed, expected)


def test_comparison_of_two_by_hand():
    # 8 of 4 expected against 2 of 4: ratio 4; 8 of 10 with an even share
    found = compare_ratios([8, 2], [4.0, 4.0])
    assert found["estimate"] == pytest.approx(4, rel=1e-14)
    low, high = clopper_pearson(8, 10)
    assert found["lower"] == pytest.approx(low / (1 - low), rel=1e-9)
    assert found["upper"] == pytest.approx(high / (1 - high), rel=1e-9)
    assert found["exact_p_value"] == pytest.approx(2 * (1 - binomial_cdf(7, 10, 0.5)), rel=1e-12)
    # 2[8 ln(8/5) + 2 ln(2/5)], one degree of freedom
    statistic = 2 * (8 * math.log(1.6) + 2 * math.log(0.4))
    assert found["statistic"] == pytest.approx(statistic, rel=1e-12)
    assert found["p_value"] == pytest.approx(math.erfc(math.sqrt(statistic / 2)), rel=1e-10)


def test_comparison_of_many():
    found = compare_ratios([10, 10, 10], [10.0, 10.0, 10.0])
    assert found["statistic"] == pytest.approx(0, abs=1e-12)
    assert found["df"] == 2
    assert "estimate" not in found
    with pytest.raises(PopulationError):
        compare_ratios([0, 0], [1.0, 1.0])
    with pytest.raises(UsageError):
        compare_ratios([1], [1.0])


@given(st.lists(st.integers(0, 30), min_size=2, max_size=6).filter(any), st.randoms())
def test_comparison_does_not_depend_on_the_order(observed, random):
    expected = [random.uniform(0.5, 20) for _ in observed]
    order = list(range(len(observed)))
    random.shuffle(order)
    found = compare_ratios(observed, expected)
    again = compare_ratios([observed[i] for i in order], [expected[i] for i in order])
    assert again["statistic"] == pytest.approx(found["statistic"], rel=1e-9, abs=1e-9)


def test_two_standardised_rates_by_hand():
    # rates 0.01, 0.03 and 0.02, 0.02 in 1 000 each, weights 1/2: 0.02 and 0.02
    table = compare_rates([10, 30], [1e3, 1e3], [20, 20], [1e3, 1e3], [1, 1])
    ratio, difference = table.iter_rows(named=True)
    v = 0.25 * (10 + 30) / 1e6
    se = math.sqrt(v / 0.02**2 * 2)
    assert ratio["method"] == "log-normal"
    assert ratio["estimate"] == pytest.approx(1, rel=1e-12)
    assert ratio["upper"] == pytest.approx(math.exp(1.959963984540054 * se), rel=1e-12)
    assert ratio["p_value"] == pytest.approx(1, rel=1e-12)
    assert difference["estimate"] == pytest.approx(0, abs=1e-16)
    assert difference["upper"] == pytest.approx(1.959963984540054 * math.sqrt(2 * v), rel=1e-12)


def test_few_cases_are_compared_exactly():
    table = compare_rates([2, 6], [1e3, 1e3], [1, 1], [2e3, 1e3], [1, 1])
    ratio = table.row(0, named=True)
    # pooled rates 3/3000 and 7/2000: expected 1 + 3.5 against 2 + 3.5
    assert ratio["method"] == "exact conditional"
    assert ratio["estimate"] == pytest.approx((8 / 4.5) / (2 / 5.5), rel=1e-12)
    low, high = clopper_pearson(8, 10)
    assert ratio["lower"] == pytest.approx(low / (1 - low) * 5.5 / 4.5, rel=1e-9)
    assert ratio["upper"] == pytest.approx(high / (1 - high) * 5.5 / 4.5, rel=1e-9)
    assert "fewer than 10" in ratio["reason"]


def test_no_case_in_the_second_has_no_ratio():
    ratio, difference = compare_rates([3], [1e3], [0], [1e3], [1]).iter_rows(named=True)
    assert ratio["status"] == "not estimable"
    assert ratio["estimate"] is None
    assert ratio["reason"] == "no case in the second: no ratio"
    assert difference["estimate"] == pytest.approx(0.003)
    empty = compare_rates([3, 0], [1e3, 0], [4, 1], [1e3, 10], [1, 1])
    assert empty["status"].to_list() == ["not estimable"] * 2
    assert empty["reason"][0] == "an age group of the standard has no person-years"


@given(
    st.lists(st.tuples(st.integers(5, 80), st.integers(5, 80)), min_size=2, max_size=5),
    st.floats(0.5, 20),
)
def test_the_ratio_turns_over_with_the_sides(cells, scale):
    one, two = np.array(cells).T
    y = np.linspace(1e3, 2e3, len(one)) * scale
    ratio = compare_rates(one, y, two, y, np.ones(len(one))).row(0, named=True)
    back = compare_rates(two, y, one, y, np.ones(len(one))).row(0, named=True)
    assert back["estimate"] == pytest.approx(1 / ratio["estimate"], rel=1e-9)
    assert back["lower"] == pytest.approx(1 / ratio["upper"], rel=1e-9)
    assert back["p_value"] == pytest.approx(ratio["p_value"], rel=1e-6, abs=1e-12)
