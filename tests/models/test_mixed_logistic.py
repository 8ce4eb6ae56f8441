"""Mixed logistic regression: lme4 beside ours, integrals by brute force, a known truth."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare.errors import ModelError, UsageError
from rarecare.models import mixed
from rarecare.models.mixed_logistic import _Data, _grouped, mixed_logistic

FOLDER = Path(__file__).parent.parent / "reference"
CASES = pl.read_csv(FOLDER / "mixed_logistic_cases.csv")
LME4 = pl.read_csv(FOLDER / "mixed_logistic_lme4.csv", null_values="NA")
FORMULA = "~ age + stage"


def fitted(data=CASES, formula=FORMULA, **choices):
    given_ = {"outcome": "y", "group": "hospital"} | choices
    return mixed_logistic(data, formula, **given_)


def lme4(model):
    return {row["term"]: row for row in LME4.filter(model=model).iter_rows(named=True)}


def test_coefficients_as_lme4_has_them():
    """glmer with nAGQ = 20 stops at its optimiser's tolerance, about 1e-6."""
    fit, wanted = fitted(), lme4("mixed")
    names = ["(Intercept)", "age", "stageII", "stageIII"]
    assert fit.beta[:-1] == pytest.approx([wanted[n]["estimate"] for n in names], abs=2e-6)
    se = fit.coefficients()["se"].to_list()[:-1]
    assert se == pytest.approx([wanted[n]["se"] for n in names], rel=1e-4)
    assert fit.sd == pytest.approx(wanted["sd"]["estimate"], rel=1e-5)
    assert fit.loglik == pytest.approx(wanted["loglik"]["estimate"], abs=1e-5)
    effects = dict(fit.groups.select("hospital", "effect").rows())
    own = lme4("effect")
    assert effects == pytest.approx({name: own[name]["estimate"] for name in own}, abs=2e-5)
    # lme4's is that of u given the coefficients; ours adds theirs
    assert all(row["se"] > own[row["hospital"]]["se"] for row in fit.groups.iter_rows(named=True))
    assert fit.spread.scale == pytest.approx([row["se"] for row in own.values()], rel=1e-4)


def test_without_groups_as_glm():
    fit, wanted = fitted(group=None), lme4("plain")
    names = ["(Intercept)", "age", "stageII", "stageIII"]
    assert fit.beta == pytest.approx([wanted[n]["estimate"] for n in names], abs=1e-8)
    se = fit.coefficients()["se"].to_list()
    assert se == pytest.approx([wanted[n]["se"] for n in names], rel=1e-6)
    assert fit.loglik == pytest.approx(wanted["loglik"]["estimate"], abs=1e-6)
    assert fit.sd is None
    assert fit.groups is None


def brute(b, data):
    """The log-likelihood by a sum over 4 001 points from −12 σ to 12 σ."""
    sd = np.exp(b[-1])
    u = np.linspace(-12 * sd, 12 * sd, 4001)
    total = 0.0
    for group in range(data.size):
        held = data.group == group
        at = (data.matrix[held] @ b[:-1])[:, None] + u
        logs = (data.y[held, None] * at - data.m[held, None] * np.logaddexp(0, at)).sum(axis=0)
        logs += -(u**2) / (2 * sd**2) - np.log(sd) - 0.5 * np.log(2 * np.pi)
        top = logs.max()
        total += top + np.log(np.exp(logs - top).sum() * (u[1] - u[0]))
    return total


numbers = st.lists(st.floats(-1.0, 1.0), min_size=3, max_size=3)


@given(numbers, st.floats(-1.5, 0.8), st.integers(0, 2**16))
@settings(max_examples=8)
def test_the_integral_and_its_slopes_by_brute_force(beta, log_sd, seed):
    rng = np.random.default_rng(seed)
    n, size = 40, 5
    group = np.sort(np.concatenate([np.arange(size), rng.integers(0, size, n - size)]))
    m = rng.integers(1, 6, n).astype(float)
    matrix = np.column_stack([np.ones(n), rng.normal(size=(n, 2))])
    data = _Data(matrix, rng.binomial(m.astype(int), 0.4).astype(float), m, group, size)
    b = np.append(beta, log_sd)
    found = _grouped(b, data).point
    # 20 nodes: the integrand is close to normal around its mode
    assert found.value == pytest.approx(brute(b, data), abs=1e-6)
    for k in range(4):
        step = np.zeros(4)
        step[k] = 1e-4
        slope = (brute(b + step, data) - brute(b - step, data)) / 2e-4
        assert found.score[k] == pytest.approx(slope, abs=1e-4)
        ahead, behind = (_grouped(b + sign * step, data).point.score for sign in (1, -1))
        assert -found.information[k] == pytest.approx((ahead - behind) / 2e-4, abs=1e-3)


def test_groups_alike_have_no_spread():
    rng = np.random.default_rng(4)
    n = 400
    data = pl.DataFrame({"hospital": [f"H{k % 4}" for k in range(n)],
                         "y": [(k // 4) % 2 for k in range(n)],
                         "x": rng.normal(size=n)})  # fmt: skip
    fit = fitted(data, "~ x")
    assert fit.remarks == (mixed.NO_GROUPS,)
    assert fit.groups["effect"].abs().max() < 1e-3


def test_rows_in_another_order_and_cells_give_the_same():
    turned = fitted(CASES.sample(fraction=1.0, shuffle=True, seed=1))
    assert turned.beta == pytest.approx(fitted().beta, abs=1e-7)
    assert fitted(formula="~ stage").cells.height < 24 * 3 + 1
    assert fitted(formula="~ stage").n == CASES.height


def test_a_standardised_share_is_the_mean_over_all_cases():
    fit = fitted()
    share, se = fit.standardised()
    place = fit.groups["hospital"].to_list().index("H05")
    x = np.column_stack([np.ones(700), CASES["age"], CASES["stage"] == "II",
                         CASES["stage"] == "III"])  # fmt: skip
    eta = x @ fit.beta[:-1] + fit.groups["effect"][place]
    assert share[place] == pytest.approx((1 / (1 + np.exp(-eta))).mean(), abs=1e-10)
    assert (se > 0).all()
    assert (fit.chances() < 1).all()
    draws = fit.drawn(20_000, seed=1)
    # their spread is the delta method's: 20 000 draws tell it to about half a per cent
    assert draws.std(axis=0) == pytest.approx(fit.groups["se"].to_numpy(), rel=0.03)
    assert draws.mean(axis=0) == pytest.approx(fit.groups["effect"].to_numpy(), abs=0.02)
    assert np.array_equal(draws[:5], fit.drawn(20_000, seed=1)[:5])


def simulated(seed, n=1200, size=40, sd=0.6):
    rng = np.random.default_rng(seed)
    where, x = rng.integers(0, size, n), rng.normal(size=n)
    u = rng.normal(scale=sd, size=size)
    y = rng.random(n) < 1 / (1 + np.exp(-(-0.4 + 0.5 * x + u[where])))
    return pl.DataFrame({"hospital": where, "x": np.round(x, 1), "y": y})


def coverage(runs):
    held, sds = 0, []
    for seed in range(runs):
        fit = fitted(simulated(seed), "~ x")
        row = fit.coefficients().row(1, named=True)
        held += row["lower"] <= 0.5 <= row["upper"]
        sds.append(fit.sd)
    return held / runs, float(np.mean(sds))


def test_known_truth_is_found():
    held, sd = coverage(12)
    assert held >= 10 / 12
    assert sd == pytest.approx(0.6, abs=0.1)


@pytest.mark.slow
def test_limits_hold_their_level():
    held, sd = coverage(300)
    assert 0.92 <= held <= 0.98
    assert sd == pytest.approx(0.6, abs=0.03)


def test_no_difference_in_sight_is_said():
    data = pl.DataFrame({"y": [0] * 20 + [1] * 20, "x": [0.0] * 20 + [1.0] * 20})
    with pytest.raises(ModelError, match="collinear"):
        fitted(data.with_columns(x=pl.lit(1.0)), "~ x", group=None)
    fit = fitted(data, "~ x", group=None)
    assert "runs to infinity" in fit.remarks[0]


@pytest.mark.parametrize(
    ("data", "choices", "error", "words"),
    [
        (CASES, {"outcome": "z"}, UsageError, "no such column"),
        (CASES, {"group": "hospitl"}, UsageError, "Did you mean 'hospital'"),
        (CASES, {"outcome": "age"}, UsageError, "the outcome is true or false"),
        (CASES.with_columns(y=pl.lit(1)), {}, ModelError, "all outcomes are the same"),
        (CASES.with_columns(y=pl.lit(None, dtype=pl.Int64)), {}, ModelError, "y is missing"),
        (CASES.with_columns(hospital=pl.lit("H")), {}, ModelError, "there is one hospital"),
        (CASES.with_columns(stage=pl.lit(None, dtype=pl.String)), {}, ModelError, "is missing"),
        (CASES, {"level": 95}, UsageError, "between 0 and 1"),
        (CASES, {"formula": "~ age + age2"}, UsageError, "formula"),
    ],
)  # fmt: skip
def test_wrong_input_is_named(data, choices, error, words):
    with pytest.raises(error, match=words):
        fitted(data, **choices)
    with pytest.raises(UsageError, match="the model has no groups"):
        fitted(group=None).drawn(10, seed=1)
