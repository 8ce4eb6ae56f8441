"""Annual percentage change: by hand, against the slow twin, and its laws."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare.errors import UsageError
from rarecare.rates.change import annual_change
from tests.reference.trends_twin import poisson_slope, segmented

T_3 = 3.182446305284263  # Student's t, 3 degrees of freedom, 97.5 %


def test_doubling_is_a_hundred_per_cent():
    row = annual_change([2000, 2001, 2002], [10, 20, 40], [1e5] * 3).row(0, named=True)
    assert row["estimate"] == pytest.approx(100, rel=1e-9)
    assert (row["first"], row["last"], row["n"]) == (2000, 2002, 70)
    assert row["dispersion"] == pytest.approx(0, abs=1e-12)
    assert row["status"] == "ok"


def test_poisson_form_is_that_of_the_twin():
    random = np.random.default_rng(5)
    years = np.arange(2000, 2005)
    y = random.uniform(1e4, 1e5, (5, 3))
    d = random.poisson(y * [1e-4, 5e-4, 2e-3])
    slope, se = poisson_slope(years, d, y)
    row = annual_change(years, d, y).row(0, named=True)
    assert row["estimate"] == pytest.approx(100 * math.expm1(slope), rel=1e-9)
    assert row["lower"] == pytest.approx(100 * math.expm1(slope - T_3 * se), rel=1e-8)
    assert row["upper"] == pytest.approx(100 * math.expm1(slope + T_3 * se), rel=1e-8)
    scaled = annual_change(years, d, y, scale=True).row(0, named=True)
    grow = math.sqrt(max(1, row["dispersion"]))
    assert scaled["se"] == pytest.approx(row["se"] * grow, rel=1e-12)


def test_weighted_form_by_least_squares():
    years, d, y = np.arange(2000, 2005), np.array([10, 14, 13, 20, 25]), np.full(5, 1e5)
    beta, sse = segmented(years - 2000.0, np.log(d / y), d.astype(float), [])
    row = annual_change(years, d, y, form="weighted").row(0, named=True)
    assert row["estimate"] == pytest.approx(100 * math.expm1(beta[1]), rel=1e-9)
    assert row["dispersion"] == pytest.approx(sse / 3, rel=1e-9)
    assert row["method"] == "weighted"


def test_a_year_without_cases_takes_the_poisson_form():
    row = annual_change([1, 2, 3, 4], [0, 2, 3, 4], [10.0] * 4, form="weighted").row(0, named=True)
    assert row["method"] == "poisson"
    assert "no log rate" in row["reason"]


@pytest.mark.parametrize(
    ("years", "cases", "reason"),
    [([2000, 2001], [3, 4], "fewer than 3 years"), ([2000, 2001, 2002], [0, 0, 0], "no case"),
     ([2000, 2001, 2002], [0, 5, 0], "cases in one year only")],
)  # fmt: skip
def test_too_little_is_not_estimable(years, cases, reason):
    row = annual_change(years, cases, [1e5] * len(years)).row(0, named=True)
    assert row["status"] == "not estimable"
    assert row["reason"] == reason
    assert row["estimate"] is None
    assert row["n"] == sum(cases)


def test_refused():
    with pytest.raises(UsageError, match="twice"):
        annual_change([2000, 2000, 2001], [1, 1, 1], [1.0] * 3)
    with pytest.raises(UsageError, match="no such form"):
        annual_change([2000, 2001, 2002], [1, 1, 1], [1.0] * 3, form="log")
    with pytest.raises(UsageError, match="no weights"):
        annual_change([2000, 2001, 2002], np.ones((3, 2)), np.ones((3, 2)), form="weighted")
    with pytest.raises(UsageError, match="lack person-years"):
        annual_change([2000, 2001, 2002], [1, 1, 1], [1.0, 0.0, 1.0])


@given(st.lists(st.integers(1, 60), min_size=4, max_size=12), st.floats(0.01, 100))
def test_scale_of_person_years_does_not_matter(cases, scale):
    years = list(range(1990, 1990 + len(cases)))
    one = annual_change(years, cases, [1e5] * len(cases)).row(0, named=True)
    other = annual_change(years, cases, [1e5 * scale] * len(cases)).row(0, named=True)
    assert other["estimate"] == pytest.approx(one["estimate"], rel=1e-6, abs=1e-7)
    assert other["upper"] == pytest.approx(one["upper"], rel=1e-6, abs=1e-7)


def test_a_planted_change_is_recovered():
    random = np.random.default_rng(11)
    years = np.arange(1990, 2010)
    y = np.full((20, 4), 2e5)
    mean = y * [1e-5, 1e-4, 4e-4, 8e-4] * np.exp(0.03 * (years - 1990))[:, None]
    rows = [annual_change(years, random.poisson(mean), y).row(0, named=True) for _ in range(200)]
    truth = 100 * math.expm1(0.03)
    covered = np.mean([row["lower"] <= truth <= row["upper"] for row in rows])
    error = [row["estimate"] - truth for row in rows]
    assert abs(np.mean(error)) < 3 * np.std(error) / math.sqrt(200)
    assert 0.95 - 3 * math.sqrt(0.95 * 0.05 / 200) < covered  # t limits are a little wide
