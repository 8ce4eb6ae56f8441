"""After the fit: crude probabilities, conditional survival, fit beside the life table, tests."""

from datetime import date
from math import exp, log

import numpy as np
import polars as pl
import pytest

from rarecare.errors import UsageError
from rarecare.models import (
    crude_probabilities,
    excess_cells,
    fit_poisson,
    flexible_excess_hazard,
    goodness,
    hazard_model,
)
from rarecare.survival import crude_mortality, net_survival
from tests.models.test_decomposition import CHOICES, LEVEL, invented
from tests.survival.invented import D


@pytest.fixture(scope="module")
def cases():
    return invented(20_000, 21)


@pytest.fixture(scope="module")
def cells(cases):
    return excess_cells(cases, LEVEL, covariates=["stage", "sex"], **CHOICES)


def test_crude_probabilities_by_hand(cells):
    """Constant hazards a (women's) and h: F_C = h / (h + a) · (1 − e^−(a + h)t)."""
    fit = fit_poisson(cells, "~ 1")
    h, a = float(np.exp(fit.coefficients[0])), 0.1
    one = pl.DataFrame({"sex": ["female"], "age": [61.0], "incidence_date": [date(2000, 1, 1)]})
    table = crude_probabilities(fit, one, LEVEL, [1, 4], days_per_year=D)
    for t in (1, 4):
        rows = {row["cause"]: row for row in table.filter(time_years=t).iter_rows(named=True)}
        whole = 1 - exp(-(a + h) * t)
        assert rows["cancer"]["estimate"] == pytest.approx(h / (a + h) * whole, rel=1e-5)
        assert rows["other"]["estimate"] == pytest.approx(a / (a + h) * whole, rel=1e-5)
        assert rows["alive"]["estimate"] == pytest.approx(1 - whole, rel=1e-9)
        assert sum(row["estimate"] for row in rows.values()) == pytest.approx(1)
        # the delta method, by differences of the closed form
        step = 1e-5

        def cancer(b, t=t):
            e = exp(b)
            return e / (a + e) * (1 - exp(-(a + e) * t))

        slope = (cancer(log(h) + step) - cancer(log(h) - step)) / (2 * step)
        se = abs(slope) * fit.covariance[0, 0] ** 0.5
        assert rows["cancer"]["se"] == pytest.approx(se, rel=1e-4)
        assert rows["cancer"]["lower"] < rows["cancer"]["estimate"] < rows["cancer"]["upper"]


def test_crude_probabilities_beside_the_life_table_estimates(cases, cells):
    """Averaged over those diagnosed, the model's are Cronin and Feuer's."""
    fit = fit_poisson(cells, "~ C(interval) * stage + C(interval) * sex")
    groups = cases.group_by("stage", "sex").agg(pl.len().alias("n"), pl.col("age_days").first())
    profiles = groups.with_columns(
        age=pl.col("age_days") / D, incidence_date=pl.lit(date(2000, 1, 1))
    )
    table = crude_probabilities(fit, profiles, LEVEL, [5], days_per_year=D)
    model = table.filter(cause="cancer")
    mean = (model["estimate"] * model["n"]).sum() / model["n"].sum()
    own = crude_mortality(cases, LEVEL, at=[5], days_per_year=D, allow_outside=1).table
    row = own.filter(method="crude-cancer").row(0, named=True)
    assert abs(mean - row["estimate"]) < 2 * row["se"]


def test_conditional_survival_is_the_ratio(cells):
    fit = fit_poisson(cells, "~ C(interval) + stage")
    profiles = pl.DataFrame({"stage": ["early", "late"]})
    at = fit.net_survival(profiles, [1, 4])
    own = fit.conditional_survival(profiles, given=1, ahead=[3])
    for place in range(2):
        ratio = at["estimate"][2 * place + 1] / at["estimate"][2 * place]
        assert own["estimate"][place] == pytest.approx(ratio, rel=1e-12)
        assert own["lower"][place] < ratio < own["upper"][place]


def test_a_good_model_lies_on_the_life_table_and_a_bad_one_does_not(cases, cells):
    observed = net_survival(
        cases, LEVEL, by=["stage"], at=[1, 3, 5], days_per_year=D, allow_outside=1
    ).table
    good = goodness(fit_poisson(cells, "~ C(interval) * stage"), observed, by=["stage"])
    bad = goodness(fit_poisson(cells, "~ C(interval) + stage:sex"), observed, by=["stage"])
    assert good["standardised"].abs().max() < 1
    assert (good["residual"] - (good["estimate"] - good["model"])).abs().max() < 1e-15
    poor = fit_poisson(excess_cells(cases, LEVEL, covariates=["stage"], **CHOICES), "~ 1")
    assert goodness(poor, observed, by=["stage"])["standardised"].abs().max() > 10
    assert bad.height == 6
    with pytest.raises(UsageError, match="no covariate"):
        goodness(poor, observed, by=["region"])


def test_likelihood_ratio_score_and_wald_agree(cells):
    """Three tests of one small effect, the same in large samples."""
    smaller = fit_poisson(cells, "~ C(interval) + stage")
    larger = fit_poisson(cells, "~ C(interval) + stage + sex")
    ratio = larger.likelihood_ratio(smaller)
    score = smaller.score("~ C(interval) + stage + sex")
    wald = larger.wald(["sex"])
    assert ratio["df"] == score["df"] == wald["df"] == 1
    assert score["statistic"] == pytest.approx(ratio["statistic"], abs=0.05)
    assert wald["statistic"] == pytest.approx(ratio["statistic"], abs=0.05)
    with pytest.raises(UsageError, match="does not hold"):
        smaller.score("~ C(interval) + sex")


def waning(n=6_000, *, effect, seed=5):
    """A binary covariate that multiplies the hazard up to a year, and (or not) beyond."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2, n)
    first = 0.3 * np.where(x == 1, 3.0, 1.0)
    later = 0.3 * np.where(x == 1, effect, 1.0)
    e = rng.exponential(size=n)
    t = np.where(e < first, e / first, 1 + (e - first) / later)
    stop = rng.uniform(3, 6, n)
    return pl.DataFrame(
        {"x": x, "z": rng.normal(size=n), "time_years": np.minimum(t, stop), "died": t <= stop,
         "expected_hazard": np.full(n, 1e-4)}
    )  # fmt: skip


def test_proportionality():
    """An effect that wanes is found; one that does not is rejected as often as chance has it."""
    data = waning(effect=1.0)
    table = flexible_excess_hazard(data, "~ x + z").proportionality(data)
    assert table["term"].to_list() == ["x", "z", "all"]
    assert table["p_value"][0] < 1e-6
    assert table["p_value"][1] > 0.01
    steady = waning(effect=3.0)
    fit = flexible_excess_hazard(steady, "~ x + z")
    assert fit.proportionality(steady)["p_value"].min() > 0.01
    # score and likelihood ratio, the larger model fitted, are close where the effect is small
    larger = flexible_excess_hazard(steady, "~ x + z", varying={"x": 2})
    score = fit.score(steady, "~ x + z", varying={"x": 2})
    assert score["statistic"] == pytest.approx(larger.likelihood_ratio(fit)["statistic"], abs=0.3)


def test_proportionality_on_cells(cases):
    frame = cases.with_columns(
        died=pl.col("died") & ~((pl.col("stage") == "late") & (pl.col("follow_up_days") > 2 * D))
    )
    cells = excess_cells(frame, LEVEL, covariates=["stage", "sex"], **CHOICES)
    fit = fit_poisson(cells, "~ C(interval) + stage + sex")
    assert fit.proportionality("stage")["p_value"] < 1e-6
    assert fit.proportionality("stage")["df"] == 4


def test_predictions_of_the_spline_hazard_are_its_integral():
    data = waning(3_000, effect=2.0)
    fit = hazard_model(data, "~ x + z", knots=(1.0,))
    grid = np.linspace(1e-6, 2.5, 4_001)
    one = pl.DataFrame({"x": [1], "z": [0.4]})
    table = fit.net_survival(one, grid.tolist())
    h = table["excess_hazard"].to_numpy()
    assert -log(table["estimate"][-1]) == pytest.approx(np.trapezoid(h, grid), rel=1e-5)
    with pytest.raises(UsageError, match="beyond the longest"):
        fit.net_survival(one, [20])


def test_flat_splines_leave_no_excess_after_the_last_knot():
    rng = np.random.default_rng(3)
    n = 8_000
    cured = rng.random(n) < 0.4
    t = np.where(cured, np.inf, rng.exponential(1.0, n))
    other = rng.exponential(1 / 0.02, n)
    stop = np.minimum(12.0, other)
    data = pl.DataFrame(
        {"time_years": np.minimum(t, stop), "died": (t <= stop) | (other <= 12.0),
         "expected_hazard": np.full(n, 0.02)}
    ).with_columns(died=pl.col("died") & (pl.col("time_years") < 12.0))  # fmt: skip
    fit = flexible_excess_hazard(data, "~ 1", cure=True, df=4)
    nobody = pl.DataFrame({"_": [1]})
    share = fit.cured_share(nobody).row(0, named=True)
    assert abs(share["estimate"] - 0.4) < 3 * share["se"]
    later = fit.net_survival(nobody, [12.0, 20.0])
    assert later["excess_hazard"][1] == pytest.approx(0, abs=1e-12)
    assert later["estimate"][1] == pytest.approx(share["estimate"], rel=1e-9)
    with pytest.raises(UsageError, match="no cure"):
        flexible_excess_hazard(data, "~ 1").cured_share(nobody)
