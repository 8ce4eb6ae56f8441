"""Models of the future: what they give where the answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import nbinom

from rarecare.errors import ModelError, UsageError
from rarecare.projection import (
    constant_rates,
    nordpred,
    one_drift,
    project_nordpred,
    project_single_years,
    share_of_family,
)
from rarecare.projection.estimate import CASES, CRUDE, STANDARDISED, simulated
from rarecare.rates.glm import rate_of

AGES, PERIODS = 8, 6
EXACT = 1e-6
"""The fits stop at a relative change of the deviance of 1e-10: coefficients to its root."""

levels = st.lists(st.floats(-9.5, -6.5), min_size=AGES, max_size=AGES)
slopes = st.floats(-0.2, 0.2)


def tables(age, over, link="log"):
    """Expected cases and person-years of rates that are a sum of age and period."""
    eta = np.array(age)[:, None] + np.array(over)
    y = np.full(eta.shape, 4e6)
    return rate_of(eta, link) * y, y


# --- by hand -----------------------------------------------------------------------------------


def test_constant_rates_by_hand():
    d, y = np.array([[9.0, 4, 6], [30, 10, 20]]), np.array([[1e5, 1e5, 3e5], [1e4, 1e4, 2e4]])
    found = constant_rates(d, y, 2, last=2)
    np.testing.assert_allclose(found.rates, [[10 / 4e5] * 2, [30 / 3e4] * 2], rtol=1e-15)
    assert found.notes == ("rates of the last 2 periods, 40 cases",)


def test_a_drift_that_doubles_is_damped():
    d = np.array([[8.0, 16, 32], [2, 4, 8]])
    found = one_drift(d, np.full((2, 3), 1e5), 3, last=3, cut=(0, 0.25, 0.5))
    steps = np.array([1, 1.75, 2.25])
    np.testing.assert_allclose(found.rates, np.outer([32e-5, 8e-5], 2**steps), rtol=1e-9)
    assert "drift 100.00 % per period over the last 3" in found.notes[0]


def test_ages_without_cases_stay_without():
    d = np.array([[0.0, 0, 0], [2, 4, 8]])
    assert one_drift(d, np.full((2, 3), 1e5), 2, last=3).rates[0].tolist() == [0, 0]


def test_share_of_the_family_by_hand():
    d, whole, y = np.array([[1.0, 2], [0, 3]]), np.array([[10.0, 20], [20, 30]]), np.ones((2, 2))
    family = constant_rates(whole, 1e4 * y, 2, last=2)
    found = share_of_family(d, 1e4 * y, whole, family, last=1)
    np.testing.assert_allclose(found.rates, family.rates * 5 / 50, rtol=1e-15)
    assert found.notes[0] == "5 of the family's 50 cases in the last 1 periods"


def test_the_limits_of_constant_rates_are_those_of_a_negative_binomial():
    n, seen, future = 20, 2e6, 5e5
    projected = constant_rates(np.array([[n]]), np.array([[seen]]), 1, last=1)
    draws = 40_000
    estimate, drawn = simulated(
        projected, np.array([[future]]), np.ones(1), width=1, draws=draws, seed=1
    )[CASES]  # fmt: skip
    assert estimate[0] == pytest.approx(n * future / seen, rel=1e-12)
    known = nbinom(n, seen / (seen + future))
    below = np.bincount(drawn[:, 0].astype(int), minlength=30)[:30].cumsum() / draws
    error = 4 * np.sqrt(0.25 / draws)  # four Monte Carlo standard errors
    np.testing.assert_allclose(below, known.cdf(np.arange(30)), atol=error)


def test_measures_of_a_simulation_agree():
    d, y = np.array([[40.0], [10.0]]), np.array([[1e6], [5e5]])
    found = simulated(constant_rates(d, y, 1, last=1), 2 * y, np.array([0.25, 0.75]), width=5)
    assert found[CASES][0][0] == pytest.approx(100 / 5, rel=1e-12)
    assert found[CRUDE][0][0] == pytest.approx(50 / 1.5e6, rel=1e-12)
    assert found[STANDARDISED][0][0] == pytest.approx(0.25 * 4e-5 + 0.75 * 2e-5, rel=1e-12)
    np.testing.assert_allclose(found[CASES][1] * 5, found[CRUDE][1] * 3e6, rtol=1e-12)


# --- laws --------------------------------------------------------------------------------------


@given(levels, slopes)
def test_a_straight_line_goes_on(age, slope):
    d, y = tables(age, slope * np.arange(PERIODS))
    model = nordpred(d, y, start=0, use=0)
    assert not model.recent  # nothing bends
    log = nordpred(d, y, start=0, use=0, link="log", recent=False)
    found = project_nordpred(d, y, log, 3, cut=(0, 0, 0)).rates
    known = np.exp(np.array(age)[:, None] + slope * (PERIODS + np.arange(3)))
    np.testing.assert_allclose(found, known, rtol=EXACT)


@given(levels, st.lists(st.floats(-0.3, 0.3), min_size=PERIODS, max_size=PERIODS))
def test_recent_and_whole_drift(age, over):
    d, y = tables(age, over)
    steps = np.cumsum([1, 0.75, 0.5])
    for recent, slope in ((True, over[-1] - over[-2]), (False, (over[-1] - over[0]) / 5)):
        model = nordpred(d, y, start=0, use=0, link="log", recent=recent)
        found = project_nordpred(d, y, model, 3).rates
        known = np.exp(np.array(age)[:, None] + over[-1] + slope * steps)
        np.testing.assert_allclose(found, known, rtol=EXACT)


@given(st.lists(st.floats(0.08, 0.25), min_size=AGES, max_size=AGES), st.floats(-0.004, 0.004))
def test_the_fifth_root_goes_on(age, slope):
    d, y = tables(age, slope * np.arange(PERIODS), "power5")
    model = nordpred(d, y, start=0, use=0, recent=False)
    found = project_nordpred(d, y, model, 2, cut=(0, 0)).rates
    known = (np.array(age)[:, None] + slope * (PERIODS + np.arange(2))) ** 5
    np.testing.assert_allclose(found, known, rtol=1e-5)


@given(levels, slopes, st.floats(0.2, 5))
def test_person_years_scale_rates(age, slope, k):
    d, y = tables(age, slope * np.arange(PERIODS))
    first, second = (
        project_nordpred(d, own, nordpred(d, own, start=1, use=2, link="log", recent=False), 2)
        for own in (y, k * y)
    )
    np.testing.assert_allclose(second.rates * k, first.rates, rtol=EXACT)


@given(levels, slopes)
def test_single_years_go_on(age, slope):
    d, y = tables(age, slope * np.arange(20))
    middle = 5 * np.arange(AGES) + 2.5
    found = project_single_years(
        d, y, middle, 10, start=0, use=0, link="log", recent=True, cut=(0, 0.5)
    ).rates
    steps = np.cumsum([1.0] * 5 + [0.5] * 5)
    known = np.exp(np.array(age)[:, None] + slope * (19 + steps))
    np.testing.assert_allclose(found, known, rtol=1e-4)


@given(st.integers(0, 2**31), st.integers(1, 6))
def test_draws_scatter_around_the_rates(seed, cases):
    rng = np.random.default_rng(seed)
    d = rng.poisson(20.0 * cases, (AGES, PERIODS)).astype(float)
    y = np.full(d.shape, 1e6)
    for projected in (
        constant_rates(d, y, 2, last=2),
        one_drift(d, y, 2, last=4),
        project_nordpred(d, y, nordpred(d, y, start=0, use=1), 2),
    ):
        drawn = projected.draw(np.random.default_rng(1), 400)
        assert drawn.shape == (400, AGES, 2)
        assert (drawn >= 0).all()
        total, spread = drawn.sum(axis=1).mean(axis=0), drawn.sum(axis=1).std(axis=0)
        assert (abs(total - projected.rates.sum(axis=0)) < spread).all()


# --- where nothing was seen --------------------------------------------------------------------


def test_cohorts_without_cases_do_not_run_away():
    # the youngest have no case: the effects of their cohorts have next to no
    # information, and draws of them must not say millions
    d, y = tables(np.linspace(-17, -9, AGES), np.zeros(PERIODS))
    d = np.round(d)
    assert (d[0] == 0).all()
    for link in ("power5", "log"):
        projected = project_nordpred(d, y, nordpred(d, y, start=0, use=1, link=link), 3)
        drawn = projected.draw(np.random.default_rng(1), 2_000) * 4e6
        assert np.quantile(drawn.sum(axis=1), 0.999, axis=0).max() < 10 * d[:, -1].sum()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda d, y: nordpred(d, y[:, 1:], start=0, use=0), UsageError, "differ in shape"),
        (lambda d, y: nordpred(d, y, start=3, use=2), UsageError, "out of order"),
        (lambda d, y: nordpred(d[:, :3], y[:, :3], start=0, use=1), UsageError, "four periods"),
        (lambda d, y: nordpred(0 * d, y, start=0, use=1), ModelError, "no case"),
        (lambda d, y: nordpred(d, 0 * y, start=0, use=1), ModelError, "lacks person-years"),
        (lambda d, y: constant_rates(d, y, 2, last=7), UsageError, "not among those"),
        (lambda d, y: constant_rates(d, 0 * y, 2, last=1), ModelError, "no person-years"),
        (lambda d, y: constant_rates(0 * d, y, 2, last=2), ModelError, "no case in the last 2"),
        (lambda d, y: one_drift(d, y, 2, last=1), UsageError, "two periods or more"),
        (lambda d, y: one_drift(0 * d, y, 2, last=2), ModelError, "no case"),
        (lambda d, y: share_of_family(d, y, d - 1, constant_rates(d, y, 1, last=1), last=1),
         UsageError, "at least the cases of its member"),
        (lambda d, y: share_of_family(0 * d, y, 0 * d, constant_rates(d, y, 1, last=1), last=1),
         ModelError, "the family has no case"),
        (lambda d, y: project_single_years(d, y, np.arange(8), 2, start=0, use=1), UsageError,
         "takes more years"),
        (lambda d, y: simulated(constant_rates(d, y, 1, last=1), y, None, width=5), UsageError,
         "person-years of its ages"),
    ],
)  # fmt: skip
def test_what_cannot_be_projected_is_refused(call, error, words):
    d, y = tables(np.full(AGES, -8.0), np.zeros(PERIODS))
    with pytest.raises(error, match=words):
        call(d, y)
