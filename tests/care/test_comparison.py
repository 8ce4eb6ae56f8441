"""Funnels and case-mix adjusted comparison: by hand, R beside ours, known truths."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare.care.comparison import (
    DISPERSIONS,
    adjusted_comparison,
    binomial_limits,
    funnel_curve,
    funnel_limits,
    indicator_funnel,
    spread,
)
from rarecare.errors import ColumnError, ModelError, UsageError

CASES = pl.read_csv(Path(__file__).parent.parent / "reference" / "mixed_logistic_cases.csv")
R_LIMITS = [0.2420149132, 0.2863237849, 0.4482405129, 0.4959522073]
UNITS = pl.DataFrame(
    {"hospital": ["A", "B", "C", "D", "E"], "numerator": [5, 20, 60, 0, None],
     "denominator": [10, 40, 80, 10, 0]}
)  # fmt: skip


def test_exact_limits_by_hand():
    # n = 4, one half: F(0) = 1/16, F(1) = 5/16. p = 0.025: r = 0, a = (1/16 - 0.025)/(1/16) = 0.6,
    # limit (0 - 0.6)/4, below 0: 0. At 20 % (p = 0.1): r = 1, a = (5/16 - 0.1)/(4/16) = 0.85,
    # limit 0.15/4; the upper: F(2) = 11/16, F(3) = 15/16, r = 3, a = (15/16 - 0.9)/(4/16) = 0.15
    lower, upper = binomial_limits([4], 0.5, share=0.95)
    assert (lower[0], upper[0]) == (0.0, pytest.approx((4 - 0.4) / 4))
    lower, upper = binomial_limits([4], 0.5, share=0.8)
    assert (lower[0], upper[0]) == pytest.approx((0.15 / 4, 2.85 / 4), abs=1e-12)


def test_exact_limits_as_r_has_them():
    """R 4.2.2: p <- c(.001,.025,.975,.999); r <- qbinom(p, 137, .37);

    (r - (pbinom(r, 137, .37) - p) / dbinom(r, 137, .37)) / 137, to 10 digits.
    """
    wanted = R_LIMITS
    low95, high95 = (float(v) for v in binomial_limits(137, 0.37, share=0.95))
    low998, high998 = (float(v) for v in binomial_limits(137, 0.37, share=0.998))
    assert [low998, low95, high95, high998] == pytest.approx(wanted, abs=1e-9)


@given(st.integers(1, 500), st.floats(0.01, 0.99), st.sampled_from([0.95, 0.998]))
def test_limits_hold_the_target_and_mirror(n, target, share):
    lower, upper = binomial_limits(n, target, share=share)
    assert 0 <= lower <= target + 0.5 / n
    assert target - 0.5 / n <= upper <= 1
    other = binomial_limits(n, 1 - target, share=share)
    assert float(other[0]) == pytest.approx(1 - float(upper), abs=1.0001 / n)


def test_spread_by_hand():
    # target 1/2, n = 100: s = 0.05; z = -4, 0, 0, 4 -> phi = 8; nothing winsorised
    found = spread([30, 50, 50, 70], [100] * 4, 0.5, winsorised=0)
    assert found.phi == pytest.approx(8)
    # tau^2 = (4 * 8 - 3)/(1600 - 400) = 29/1200
    assert found.tau == pytest.approx(np.sqrt(29 / 1200))
    # 10 % of four at each end: quantiles -2.8 and 2.8
    assert spread([30, 50, 50, 70], [100] * 4, 0.5).phi == pytest.approx(2 * 2.8**2 / 4)
    assert spread([50, 50], [100, 100], 0.5).tau == 0.0


def test_over_dispersion_widens_by_its_factor():
    n, target = np.array([50.0, 400.0]), 0.3
    found = spread([5, 30, 10, 150], [50, 50, 50, 400], target, winsorised=0)
    plain = funnel_limits(n, target)
    wide = funnel_limits(n, target, dispersion="multiplicative", found=found)
    more = funnel_limits(n, target, dispersion="additive", found=found)
    for name in plain:
        far = plain[name] - target
        factor = np.sqrt(found.phi)
        assert wide[name] == pytest.approx(np.clip(target + factor * far, 0, 1))
        factor = np.sqrt(1 + found.tau**2 * n / (target * (1 - target)))
        assert more[name] == pytest.approx(np.clip(target + factor * far, 0, 1))
    # spread between units does not shrink with size: the large unit's factor is the larger one
    added, plain_width = more["upper_95"] - target, plain["upper_95"] - target
    assert added[1] / plain_width[1] > added[0] / plain_width[0]


def test_a_funnel_by_hand():
    found = indicator_funnel(UNITS, unit="hospital")
    rows = {row["hospital"]: row for row in found.table.iter_rows(named=True)}
    assert rows["A"]["target"] == pytest.approx(85 / 140)
    assert rows["D"]["verdict"] == "beyond 99.8 %"  # (1 - 0.607)^10 is 0.00009
    assert rows["A"]["verdict"] == "within"
    assert rows["E"]["status"] == "not estimable"
    assert rows["E"]["lower_95"] is None
    assert rows["E"]["reason"] == "no case in the denominator"
    assert found.provenance.notes == ("Limits are exact binomial, without over-dispersion",)


@pytest.mark.parametrize("dispersion", DISPERSIONS)
def test_units_alike_are_within_as_often_as_they_should(dispersion):
    rng = np.random.default_rng(3)
    n = rng.integers(20, 400, 2000)
    table = pl.DataFrame({"unit": np.arange(2000), "numerator": rng.binomial(n, 0.3),
                          "denominator": n})  # fmt: skip
    found = indicator_funnel(table, unit="unit", target=0.3, dispersion=dispersion).table
    # 2 000 units: a standard error of half a per cent
    assert 0.935 < (found["verdict"] == "within").mean() < 0.975
    assert (found["verdict"] == "beyond 99.8 %").mean() < 0.006


def test_over_dispersed_units_are_within_once_it_is_asked_for():
    rng = np.random.default_rng(4)
    n = rng.integers(100, 400, 500)
    p = np.clip(rng.normal(0.4, 0.08, 500), 0, 1)
    table = pl.DataFrame({"unit": np.arange(500), "numerator": rng.binomial(n, p),
                          "denominator": n})  # fmt: skip
    beyond = {d: (indicator_funnel(table, unit="unit", dispersion=d).table["verdict"] != "within")
              .mean() for d in DISPERSIONS}  # fmt: skip
    assert beyond["none"] > 0.3
    assert beyond["additive"] < 0.16  # what winsorising takes away
    assert beyond["multiplicative"] < 0.16
    found = indicator_funnel(table, unit="unit", dispersion="additive").table["tau"][0]
    # 10 % winsorised at each end takes part of the spread away
    assert 0.055 < found < 0.085


def test_the_curve_meets_the_limits_of_the_units():
    for dispersion in DISPERSIONS:
        found = indicator_funnel(UNITS[:4], unit="hospital", dispersion=dispersion)
        phi = spread([5, 20, 60, 0], [10, 40, 80, 10], 85 / 140)
        curve = funnel_curve(found.table, phi)
        held = found.table.filter(hospital="C").row(0, named=True)
        near = curve.filter((pl.col("n") - 80).abs() < 1.1).sort("n")
        assert near["upper_95"].min() - 0.01 < held["upper_95"] < near["upper_95"].max() + 0.01


def test_adjustment_by_hand_on_a_planted_case_mix():
    """Two kinds of hospital that differ by their patients only."""
    rng = np.random.default_rng(7)
    rows = []
    for unit in range(30):
        severe = 0.9 if unit < 15 else 0.1
        x = rng.random(120) < severe
        y = rng.random(120) < np.where(x, 0.2, 0.8)
        rows += [{"unit": f"H{unit:02d}", "x": bool(a), "y": bool(b)}
                 for a, b in zip(x, y, strict=True)]  # fmt: skip
    data = pl.DataFrame(rows).with_columns(pl.col("x").cast(pl.Int8))
    table = adjusted_comparison(data, unit="unit", outcome="y", formula="~ x").table
    spread_of = {name[0]: part["estimate"].std() for name, part in table.group_by("model")}
    assert spread_of["unadjusted"] > 0.2
    assert spread_of["adjusted"] < 0.03
    own = table.filter(model="adjusted")
    assert own["observed"].to_list() == table.filter(model="unadjusted")["observed"].to_list()
    # all ranks are possible where hospitals do not differ
    wide = own["rank_upper"] - own["rank_lower"]
    assert wide.min() > 10
    sharp = table.filter(model="unadjusted")
    assert sharp.filter(pl.col("unit") < "H15")["rank_lower"].min() > 10


def test_comparison_on_the_cases_lme4_was_given():
    table = adjusted_comparison(CASES, unit="hospital", outcome="y", formula="~ age + stage").table
    assert table["model"].to_list() == ["unadjusted"] * 24 + ["adjusted"] * 24
    lme4 = pl.read_csv(Path(__file__).parent.parent / "reference" / "mixed_logistic_lme4.csv",
                       null_values="NA").filter(model="effect").sort("term")  # fmt: skip
    own = table.filter(model="adjusted").sort("hospital")
    assert np.log(own["odds_ratio"].to_numpy()) == pytest.approx(
        lme4["estimate"].to_numpy(), abs=2e-5
    )
    order = (-own["estimate"].to_numpy()).argsort().argsort() + 1
    assert own["rank"].to_list() == order.tolist()
    assert (own["rank_lower"] <= own["rank"]).all()
    assert (own["rank"] <= own["rank_upper"]).all()
    assert (own["lower"] < own["estimate"]).all()
    assert (own["estimate"] < own["upper"]).all()
    again = adjusted_comparison(CASES, unit="hospital", outcome="y", formula="~ age + stage").table
    assert again.equals(table)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"unit": "hospitl"}, ColumnError, "Did you mean"),
        ({"table": pl.concat([UNITS, UNITS])}, UsageError, "a unit has several rows"),
        ({"table": UNITS[4:]}, UsageError, "counts are not hits of cases"),
        ({"table": UNITS.with_columns(numerator=pl.lit(900))}, UsageError, "hits of cases"),
        ({"dispersion": "poisson"}, UsageError, "allowed: none, multiplicative, additive"),
        ({"target": 60.0}, UsageError, "the target is a share"),
        ({"winsorised": 0.5, "dispersion": "additive"}, UsageError, "be winsorised"),
        ({"table": UNITS[:1], "dispersion": "additive"}, UsageError, "two units"),
        ({"level": 95}, UsageError, "between 0 and 1"),
    ],
)  # fmt: skip
def test_wrong_input_is_named(change, error, words):
    given_ = {"table": UNITS, "unit": "hospital"} | change
    with pytest.raises(error, match=words):
        indicator_funnel(given_.pop("table"), **given_)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"formula": "~ hospital"}, UsageError, "the unit stands in the formula"),
        ({"draws": 5}, UsageError, "so few draws"),
        ({"unit": "hospitl"}, UsageError, "Did you mean 'hospital'"),
        ({"outcome": "age"}, UsageError, "true or false"),
        ({"data": CASES.with_columns(hospital=pl.lit("A"))}, ModelError, "there is one hospital"),
    ],
)  # fmt: skip
def test_wrong_comparisons_are_named(change, error, words):
    given_ = {"data": CASES, "unit": "hospital", "outcome": "y", "formula": "~ age"} | change
    with pytest.raises(error, match=words):
        adjusted_comparison(given_.pop("data"), **given_)
