"""Poisson models of rates: closed forms, and effects without cases."""

import numpy as np
import pytest

from rarecare.errors import ModelError, UsageError
from rarecare.rates.glm import fit_rates, rate_of

TWO = np.kron(np.eye(2), np.ones((3, 1)))


@pytest.mark.parametrize("link", ["log", "power5"])
def test_two_groups_by_hand(link):
    d, y = np.array([3.0, 5, 4, 10, 12, 8]), np.full(6, 1e5)
    fit = fit_rates(TWO, d, y, link=link)
    assert rate_of(fit.coefficients, link) == pytest.approx([12 / 3e5, 30 / 3e5], rel=1e-7)
    # information of log r is the cases; of r^(1/5) it is (5 Y r^0.8)²/(Y r) = 25 Y r^0.6
    known = [12, 30] if link == "log" else 25 * 3e5 * np.array([12 / 3e5, 30 / 3e5]) ** 0.6
    assert 1 / np.diag(fit.covariance) == pytest.approx(known, rel=1e-6)
    assert fit.df == 4
    assert fit.pearson == pytest.approx(2 / 4 + 8 / 10)


def test_an_effect_without_cases_has_a_large_error_not_none():
    d, y = np.array([0.0, 0, 0, 10, 12, 8]), np.full(6, 1e5)
    fit = fit_rates(TWO, d, y)
    assert np.sqrt(fit.covariance[0, 0]) > 100
    assert np.sqrt(fit.covariance[1, 1]) == pytest.approx(30**-0.5, rel=1e-6)
    floored = fit_rates(TWO, d, y, least=0.1)
    assert np.sqrt(floored.covariance[0, 0]) == pytest.approx(0.3**-0.5, rel=1e-6)


def test_a_dependent_column_has_no_coefficient():
    d, y = np.array([3.0, 5, 4, 10, 12, 8]), np.full(6, 1e5)
    fit = fit_rates(np.column_stack([np.ones(6), TWO]), d, y)
    assert fit.kept.tolist() == [True, True, False]
    assert fit.coefficients[2] == 0
    assert fit.covariance[2].tolist() == [0, 0, 0]


def test_a_perfect_fit_has_deviance_0_and_p_1():
    fit = fit_rates(TWO, np.array([1.0, 1, 1, 7, 7, 7]), np.full(6, 1e3))
    assert fit.deviance == pytest.approx(0, abs=1e-12)
    assert fit.p_value == pytest.approx(1)


@pytest.mark.parametrize(
    ("d", "y", "link", "error", "words"),
    [
        ([0.0] * 6, [1.0] * 6, "log", ModelError, "no case"),
        ([1.0] * 6, [1.0] * 5 + [0.0], "log", ModelError, "lacks person-years"),
        ([1.0] * 5, [1.0] * 5, "log", UsageError, "differ in number"),
        ([1.0] * 6, [1.0] * 6, "logit", UsageError, "no such link"),
    ],
)
def test_what_is_refused(d, y, link, error, words):
    with pytest.raises(error, match=words):
        fit_rates(TWO, np.array(d), np.array(y), link=link)
