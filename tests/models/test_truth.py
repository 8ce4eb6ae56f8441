"""A known truth, 1 000 times: cure models and the random intercept.

Bias is in empirical standard errors; coverage of 95 % limits. By default a seeded hundred, with the
bounds that a hundred allow; all of them with ``make test-all``.
"""

import numpy as np
import polars as pl
import pytest

from rarecare.models import cure_model, excess_cells, fit_poisson, hazard_model
from tests.models.test_decomposition import CHOICES, LEVEL
from tests.models.test_funnel import hospitals

SHARE, ODDS, SHAPE, SLOPE = -0.4, 0.8, 1.2, 0.5


def cured_cases(n, rng):
    """A cured share of logit −0.4 + 0.8 x; the others Weibull; deaths of others 3 % a year."""
    x = rng.integers(0, 2, n)
    cured = rng.random(n) < 1 / (1 + np.exp(-(SHARE + ODDS * x)))
    own = rng.weibull(SHAPE, n)
    t = np.where(cured, np.inf, own)
    other = rng.exponential(1 / 0.03, n)
    stop = rng.uniform(8, 15, n)
    out = np.minimum(np.minimum(t, other), stop)
    return pl.DataFrame(
        {"x": x, "time_years": np.maximum(out, 1e-4), "died": out < stop,
         "expected_hazard": np.full(n, 0.03)}
    )  # fmt: skip


def cure_once(number):
    data = cured_cases(1_000, np.random.default_rng([11, number]))
    fit = cure_model(data, "~ x", starts=3)
    return fit.coefficients[:2], np.sqrt(np.diag(fit.covariance))[:2]


def hospital_cases(n, groups, rng):
    """A covariate of log ratio 0.5, hospitals of spread 0.4, a constant hazard of 0.3."""
    x, of_group = rng.normal(size=n), rng.integers(0, groups, n)
    effect = rng.normal(scale=0.4, size=groups)
    t = rng.exponential(1 / (0.3 * np.exp(SLOPE * x + effect[of_group])))
    other, stop = rng.exponential(1 / 0.03, n), rng.uniform(3, 6, n)
    out = np.minimum(np.minimum(t, other), stop)
    return pl.DataFrame(
        {"x": x, "hospital": of_group, "time_years": np.maximum(out, 1e-4), "died": out < stop,
         "expected_hazard": np.full(n, 0.03)}
    )  # fmt: skip


def hospital_once(number):
    data = hospital_cases(1_500, 30, np.random.default_rng([12, number]))
    fit = hazard_model(data, "~ x", knots=(), degree=0, group="hospital")
    return fit.coefficients[1:], np.sqrt(np.diag(fit.covariance))[1:]


def recovered(once, truth, replicates):
    made = [once(number) for number in range(replicates)]
    values, errors = (np.array([one[k] for one in made]) for k in (0, 1))
    bias = (values.mean(axis=0) - truth) / values.std(axis=0, ddof=1)
    covered = (np.abs(values - truth) < 1.959964 * errors).mean(axis=0)
    return bias, covered


def bound(replicates):
    return 3 * np.sqrt(0.95 * 0.05 / replicates)


def test_cure_a_hundred_times():
    bias, covered = recovered(cure_once, [SHARE, ODDS], 100)
    assert (np.abs(bias) < 0.3).all()  # 3 Monte Carlo SE of a mean of 100
    assert (np.abs(covered - 0.95) < bound(100)).all()


@pytest.mark.slow
def test_cure_a_thousand_times():
    bias, covered = recovered(cure_once, [SHARE, ODDS], 1000)
    assert (np.abs(bias) < 0.1).all()
    assert (np.abs(covered - 0.95) < bound(1000)).all()


def check_hospitals(replicates, close):
    """The spread is estimated by maximum likelihood: low by 1/(2G) and more, G = 30 hospitals."""
    bias, covered = recovered(hospital_once, [SLOPE, np.log(0.4)], replicates)
    assert abs(bias[0]) < close
    assert abs(covered[0] - 0.95) < bound(replicates)
    assert -0.5 < bias[1] < close
    assert covered[1] > 0.90 - bound(replicates)


def test_hospitals_a_hundred_times():
    check_hospitals(100, 0.3)


@pytest.mark.slow
def test_hospitals_a_thousand_times():
    check_hospitals(1000, 0.1)


def test_the_cells_find_the_hospitals_that_single_cases_find():
    """The same spread and effects from cells (a constant hazard by year) as from single cases."""
    frame, effect = hospitals(25, 200, seed=9, spread=0.4)
    cells = excess_cells(frame, LEVEL, covariates=["hospital"], **CHOICES)
    fit = fit_poisson(cells, "~ C(interval)", group="hospital")
    assert abs(fit.coefficients[-1] - np.log(effect.std())) < 3 * fit.covariance[-1, -1] ** 0.5
    assert np.corrcoef(fit.groups["effect"], effect)[0, 1] > 0.9
    single = frame.with_columns(
        time_years=pl.col("follow_up_days") / 365.25, expected_hazard=pl.lit(0.1)
    ).with_columns(
        died=pl.col("died") & (pl.col("time_years") <= 5),
        time_years=pl.col("time_years").clip(upper_bound=5),
    )
    other = hazard_model(single, "~ 1", knots=(1, 2, 3, 4), degree=0, group="hospital")
    np.testing.assert_allclose(fit.groups["effect"], other.groups["effect"], atol=0.01)
    assert fit.coefficients[-1] == pytest.approx(other.coefficients[-1], abs=0.02)


def test_groups_that_do_not_differ_are_said_to_be_alike():
    frame, _ = hospitals(6, 50, seed=1)
    even = frame.with_row_index().with_columns(
        hospital=pl.col("index").cast(pl.Int64) % 6
    )  # alike, and fewer deaths apart than chance would have
    even = pl.concat(
        [even.filter(hospital=0).with_columns(hospital=pl.lit(k, dtype=pl.Int64)) for k in range(6)]
    )
    cells = excess_cells(even, LEVEL, covariates=["hospital"], **CHOICES)
    fit = fit_poisson(cells, "~ C(interval)", group="hospital")
    assert any("do not differ by more than chance" in remark for remark in fit.remarks)
    assert fit.groups["effect"].abs().max() < 1e-3
    assert "do not differ" in fit.table()["reason"][0]
