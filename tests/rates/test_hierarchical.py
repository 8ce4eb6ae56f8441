"""The hierarchical model of countries: chain, dense sum, by hand, coverage, laws, degenerate."""

import json
import math
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import gamma, nbinom

from rarecare.errors import DisagreementError, PopulationError, UsageError
from rarecare.population.population import Population
from rarecare.rates.between_countries import draw_log_ratios, integrate
from rarecare.rates.countries import estimate_hierarchical, hierarchical_incidence
from rarecare.rates.gamma_poisson import NO_VARIANCE, gamma_poisson
from rarecare.rates.hierarchical import NO_CASE, ONE, shrunken_rates
from rarecare.rates.intervals import poisson_exact
from rarecare.rates.plan import incidence_plan
from rarecare.rates.tally import tally_incidence
from tests.reference.hierarchical_twin import (
    BOUNDS,
    EIGHT,
    EXAMPLES,
    dense,
    gamma_log_likelihood,
    recorded,
    run,
)

CASES, EXPECTED = EIGHT
ESTIMATES = ("estimate", "se", "lower", "upper")


def between(found, measure):
    return found.between.filter(measure=measure).row(0, named=True)


def figures(found):
    """Our figures under the names of the chain's."""
    a, s = between(found, "mean log ratio"), between(found, "standard deviation between countries")
    own = {}
    for name, row in (("a", a), ("s", s)):
        own |= {name: row["estimate"], f"{name} sd": row["se"]}
        own |= {f"{name} 2.5": row["lower"], f"{name} 97.5": row["upper"]}
    model = found.models.row(0, named=True)
    own |= {"lppd": model["lppd"], "p_waic": model["p_waic"]}
    # DIC = -2·E[log p] + p_D
    own["mean log"] = -(model["dic"] - model["p_d"]) / 2
    for c, row in enumerate(found.countries.iter_rows(named=True)):
        own |= {f"ratio {c}": row["estimate"], f"sd {c}": row["se"]}
        own |= {f"lower {c}": row["lower"], f"upper {c}": row["upper"]}
    return own


# METHODS_DETAIL 13: printed with 3 or 4 decimals


def test_the_worked_example_of_the_methods():
    found = shrunken_rates(CASES, EXPECTED)
    a = between(found, "mean log ratio")
    assert a["estimate"] == pytest.approx(0.1004, abs=6e-5)
    assert a["se"] == pytest.approx(0.3558, abs=6e-5)
    # its lattice had the step 0.005, so its quantiles are good to the third decimal
    assert [a["lower"], a["upper"]] == pytest.approx([-0.730, 0.689], abs=1.1e-3)
    s = between(found, "standard deviation between countries")
    assert s["estimate"] == pytest.approx(0.4666, abs=6e-5)
    ratios = [0.997, 1.273, 1.263, 1.519, 1.042, 1.141, 1.578, 1.183]
    assert found.countries["estimate"].to_list() == pytest.approx(ratios, abs=6e-4)
    model = found.models.row(0, named=True)
    assert model["lppd"] == pytest.approx(-11.831, abs=6e-4)
    assert model["p_waic"] == pytest.approx(1.871, abs=6e-4)
    assert model["waic"] == pytest.approx(-2 * (model["lppd"] - model["p_waic"]), rel=1e-12)


@pytest.mark.parametrize("integration", ["grid", "gauss-hermite"])
@pytest.mark.parametrize("example", EXAMPLES)
def test_quadrature_is_the_recorded_chain(example, integration):
    own = figures(shrunken_rates(*EXAMPLES[example], integration=integration))
    chain = recorded()[example]
    off = {name: (own[name] - chain[name][0]) / chain[name][1] for name in own}
    # of some hundred figures the largest of as many normal deviates; errors are below 1 per cent
    assert max(abs(z) for z in off.values()) < 4, off
    assert np.sqrt(np.mean(np.square(list(off.values())))) < 1.7
    assert all(chain[name][1] < 0.01 * max(1, abs(chain[name][0])) for name in own)


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES)
def test_another_chain_is_the_recorded_one(example):
    again, first = run(example, seed=1), recorded()[example]
    for name, (value, error) in again.items():
        assert abs(value - first[name][0]) < 4.5 * math.hypot(error, first[name][1]), name


def test_quadrature_is_the_dense_sum_of_three_countries():
    cases, expected = [0, 4, 1], [2.0, 1.5, 0.7]
    # s from 0.2: the twin's step of theta must resolve it. Its cut of a at e-10 costs most
    twin = dense(cases, expected, 0.2, 1.0, a_range=(-7.0, 5.0))
    for integration in ("grid", "gauss-hermite"):
        own = shrunken_rates(cases, expected, lower=0.2, upper=1.0, integration=integration)
        model = own.models.row(0, named=True)
        assert between(own, "mean log ratio")["estimate"] == pytest.approx(twin["a"], abs=5e-5)
        spread = between(own, "standard deviation between countries")
        assert spread["estimate"] == pytest.approx(twin["s"], abs=5e-5)
        assert own.countries["estimate"].to_list() == pytest.approx(twin["ratio"], rel=5e-5)
        assert model["lppd"] == pytest.approx(twin["lppd"], abs=5e-5)
        assert model["p_waic"] == pytest.approx(twin["p_waic"], abs=5e-5)


@pytest.mark.parametrize(
    ("cases", "expected"),
    [
        (CASES, EXPECTED),
        ([1, 0], [0.3, 5.0]),
        ([60, 90, 0, 40, 100], [50.0, 120.0, 2.0, 33.0, 60.0]),
        ([400, 250, 0, 3, 900], [350.0, 300.0, 30.0, 8.0, 700.0]),
    ],
)
def test_both_integrations_agree(cases, expected):
    own, other = (
        shrunken_rates(cases, expected, integration=way) for way in ("grid", "gauss-hermite")
    )
    one, two = figures(own), figures(other)
    for name in one:  # cells of 1 per cent of the range, interpolated; the rest is rounding
        assert one[name] == pytest.approx(two[name], rel=3e-4, abs=3e-5), name
    assert own.prefers == other.prefers


def test_gauss_hermite_takes_over_above_100():
    assert shrunken_rates([100, 3], [90.0, 4.0]).countries["method"][0].endswith("grid")
    large = shrunken_rates([101, 3], [90.0, 4.0])
    assert large.countries["method"][0].endswith("gauss-hermite")


def test_many_cases_are_normal_theory():
    # counts so large that log y/λ is normal with variance 1/y: a's posterior mean, given s, is the
    # mean weighted by 1/(s² + 1/y), and all are alike, so it is their mean whatever s
    cases, expected = [40_000, 42_000, 39_000, 41_500], [40_000.0] * 4
    found = shrunken_rates(cases, expected)
    logs = np.log(np.array(cases) / 40_000)
    assert between(found, "mean log ratio")["estimate"] == pytest.approx(logs.mean(), abs=2e-4)
    # next to nothing is drawn: 1/y is 2.5e-5, s² about 1e-3
    assert found.countries["estimate"].to_list() == pytest.approx(np.exp(logs), rel=3e-3)
    assert found.prefers == "hierarchical"


# one common rate


def test_common_rate_by_numerical_integration():
    cases, expected = [0, 3, 1], [1.0, 1.5, 2.0]
    found = shrunken_rates(cases, expected)
    common = between(found, "common ratio")
    posterior = gamma(4, scale=1 / 4.5)
    assert common["estimate"] == pytest.approx(4 / 4.5, rel=1e-12)
    assert common["se"] == pytest.approx(2 / 4.5, rel=1e-12)
    assert common["lower"] == pytest.approx(posterior.ppf(0.025), rel=1e-9)
    assert common["upper"] == pytest.approx(posterior.ppf(0.975), rel=1e-9)
    lppd = p_waic = total = 0.0
    for k, e in zip(cases, expected, strict=True):

        def log(r, k=k, e=e):
            return k * math.log(e * r) - e * r - math.lgamma(k + 1)

        moments = [
            quad(lambda r, f=f: posterior.pdf(r) * f(r), 0, 15)[0]
            for f in (lambda r, log=log: math.exp(log(r)), log, lambda r, log=log: log(r) ** 2)
        ]
        lppd += math.log(moments[0])
        p_waic += moments[2] - moments[1] ** 2
        total += moments[1]
    model = found.models.row(1, named=True)
    assert model["model"] == "common rate"
    assert model["lppd"] == pytest.approx(lppd, abs=1e-7)
    assert model["p_waic"] == pytest.approx(p_waic, abs=1e-6)
    assert model["dic"] - model["p_d"] == pytest.approx(-2 * total, abs=1e-6)
    # p_D = 2·(log p at exp E[log r] - E[log p]) = 2·Σλ·(mean - exp E[log r])
    centre = quad(lambda r: posterior.pdf(r) * math.log(r), 0, 15)[0]
    assert model["p_d"] == pytest.approx(2 * 4.5 * (4 / 4.5 - math.exp(centre)), abs=1e-6)


def test_the_models_are_told_apart():
    assert shrunken_rates([2, 3, 2, 3], [2.5] * 4).prefers == "common rate"
    assert shrunken_rates([0, 30, 1, 25], [12.0] * 4).prefers == "hierarchical"


# the gamma distribution of rates


def test_gamma_poisson_is_at_the_top_of_its_likelihood():
    cases, expected = [0, 9, 1, 14, 2, 3], [1.2, 2.5, 0.8, 4.0, 3.1, 1.1]
    found = gamma_poisson(cases, expected)
    top = gamma_log_likelihood(found.shape, found.mean, cases, expected)
    for k, mean in ((1.02, 1), (0.98, 1), (1, 1.02), (1, 0.98), (0.1, 1), (10, 1)):
        other = gamma_log_likelihood(found.shape * k, found.mean * mean, cases, expected)
        assert other < top
    flat = [
        gamma_log_likelihood(found.shape * k, found.mean, cases, expected) for k in (0.999, 1.001)
    ]
    assert flat == pytest.approx([top, top], abs=1e-5)
    # given k and μ: Gamma(k + y, k/μ + λ)
    posterior = gamma(found.shape + 9, scale=1 / (found.shape / found.mean + 2.5))
    row = found.table.row(1, named=True)
    assert row["estimate"] == pytest.approx(posterior.mean(), rel=1e-12)
    assert row["se"] == pytest.approx(posterior.std(), rel=1e-12)
    assert row["lower"] == pytest.approx(posterior.ppf(0.025), rel=1e-9)
    assert row["upper"] == pytest.approx(posterior.ppf(0.975), rel=1e-9)
    assert row["method"] == "gamma-Poisson"


def test_gamma_of_equal_countries_by_hand():
    # equal λ: μ is the mean ratio, and k alone is searched
    found = gamma_poisson([0, 8, 1, 7], [2.0] * 4)
    assert found.mean == pytest.approx(2.0, rel=1e-9)
    ks = np.exp(np.linspace(-3, 3, 6001))
    log = sum(nbinom.logpmf(k, ks, ks / (ks + 4)) for k in (0, 8, 1, 7))
    assert found.shape == pytest.approx(ks[log.argmax()], rel=1.1e-3)


def test_without_variance_the_quick_form_is_the_common_rate():
    found = gamma_poisson([3, 2, 3, 2], [2.0] * 4)
    assert math.isinf(found.shape)
    assert found.mean == pytest.approx(10 / 8)
    assert found.table["method"].unique().to_list() == [NO_VARIANCE]
    assert found.table["upper"].to_list() == pytest.approx([gamma(10, scale=1 / 8).ppf(0.975)] * 4)
    none = gamma_poisson([0, 0], [1.0, 2.0])
    assert none.table["estimate"].to_list() == pytest.approx([0.5 / 3] * 2)
    part = gamma_poisson([4, 0], [2.0, 0.0]).table
    assert part["status"].to_list() == ["ok", "not estimable"]
    assert part["estimate"].to_list() == [pytest.approx(2.0), None]


# what is foretold


def test_new_cases_are_the_recorded_chain():
    found = shrunken_rates(CASES, EXPECTED, target=EXPECTED)
    chain = recorded()["eight"]
    total = found.new_cases.row(-1, named=True)
    assert total["name"] == "all"
    # 20 000 draws: errors of the mean 4.5/√20000 = 0.03, of the limits about 0.1 and 0.2
    assert total["estimate"] == pytest.approx(chain["total"][0], abs=0.13)
    assert total["se"] == pytest.approx(chain["total sd"][0], abs=0.15)
    assert total["lower"] == pytest.approx(chain["total 2.5"][0], abs=0.3)
    assert total["upper"] == pytest.approx(chain["total 97.5"][0], abs=0.6)
    for own, row in zip(
        found.countries.iter_rows(named=True), found.new_cases.iter_rows(named=True), strict=False
    ):
        error = 4 * own["se"] * own["expected"] / math.sqrt(20_000)
        assert row["estimate"] == pytest.approx(own["estimate"] * own["expected"], abs=error)
        assert row["lower"] == pytest.approx(own["lower"] * own["expected"], rel=0.06)
        assert row["upper"] == pytest.approx(own["upper"] * own["expected"], rel=0.04)
        assert row["count_lower"] <= row["lower"]
        assert row["count_upper"] >= row["upper"]
    again = shrunken_rates(CASES, EXPECTED, target=EXPECTED)
    assert again.new_cases.equals(found.new_cases)


def test_draws_have_the_distribution_of_the_cells():
    y, lam = np.array(CASES, dtype=float), np.array(EXPECTED)
    q = integrate(y, lam, lower=0.01, upper=1.5, integration="grid")
    drawn = draw_log_ratios(q, y, lam, draws=20_000, seed=1)
    for p in (0.05, 0.25, 0.5, 0.75, 0.95):
        share = (drawn < q.log_ratio_quantile(p)).mean(axis=0)
        np.testing.assert_allclose(share, p, atol=4.5 * math.sqrt(p * (1 - p) / 20_000))


def test_a_new_country_by_simulation():
    y, lam = np.array(CASES, dtype=float), np.array(EXPECTED)
    found = between(shrunken_rates(y, lam), "ratio of a new country")
    q = integrate(y, lam, lower=0.01, upper=1.5, integration="grid")
    # a country with nothing expected is drawn as a new one
    drawn = draw_log_ratios(q, np.append(y, 0), np.append(lam, 0.0), draws=40_000, seed=2)[:, -1]
    for limit, p in ((found["lower"], 0.025), (found["upper"], 0.975)):
        share = (drawn < math.log(limit)).mean()
        assert share == pytest.approx(p, abs=4.5 * math.sqrt(0.025 * 0.975 / 40_000))
    assert found["estimate"] == pytest.approx(
        np.exp(drawn).mean(), abs=4 * found["se"] / math.sqrt(40_000)
    )


# coverage: truth drawn from the model


def coverage(replicates, seed):
    """Shares of 95 % intervals that hold the truth: of one country each, of all, of s."""
    random = np.random.default_rng(seed)
    held = []
    for _ in range(replicates):
        expected = random.uniform(0.5, 8, 8)
        s = random.uniform(*BOUNDS)
        theta = random.normal(random.normal(0, 0.5), s, 8)
        cases = random.poisson(expected * np.exp(theta))
        if not cases.any():
            continue
        found = shrunken_rates(cases, expected, integration="gauss-hermite")
        low, high = (found.countries[name].to_numpy() for name in ("lower", "upper"))
        inside = (low <= np.exp(theta)) & (np.exp(theta) <= high)
        spread = between(found, "standard deviation between countries")
        held.append([inside[0], inside.mean(), spread["lower"] <= s <= spread["upper"]])
    return np.mean(held, axis=0)


def test_intervals_hold_the_truth():
    _, all_countries, _ = coverage(15, 1)
    # 120 intervals, taken as independent: 4 standard errors
    assert all_countries >= 0.95 - 4 * math.sqrt(0.05 * 0.95 / 120)


@pytest.mark.slow
def test_intervals_hold_the_truth_in_1000():
    one, all_countries, spread = coverage(1000, 2)
    error = math.sqrt(0.05 * 0.95 / 1000)
    assert one == pytest.approx(0.95, abs=3.3 * error)
    assert all_countries == pytest.approx(0.95, abs=3.3 * error)
    assert spread == pytest.approx(0.95, abs=3.3 * error)


# laws

COUNTRIES = st.lists(
    st.tuples(st.integers(0, 30), st.floats(0.2, 20)), min_size=2, max_size=6
).filter(lambda rows: any(count for count, _ in rows))
FEW = settings(max_examples=8)


@FEW
@given(COUNTRIES, st.floats(0.01, 100))
def test_scale_of_the_expected_divides_the_ratios(rows, k):
    cases, expected = (np.array(part) for part in zip(*rows, strict=True))
    one = shrunken_rates(cases, expected)
    other = shrunken_rates(cases, k * expected)
    for name in ESTIMATES:  # the lattice lies elsewhere: the error of both integrations
        np.testing.assert_allclose(
            other.countries[name].to_numpy() * k, one.countries[name].to_numpy(), rtol=2e-4
        )
    np.testing.assert_allclose(other.models["waic"], one.models["waic"], atol=1e-4)


@FEW
@given(COUNTRIES, st.randoms(use_true_random=False))
def test_the_order_of_countries_does_not_matter(rows, random):
    shuffled = list(enumerate(rows))
    random.shuffle(shuffled)
    cases, expected = zip(*rows, strict=True)
    one = shrunken_rates(cases, expected)
    cases, expected = zip(*(row for _, row in shuffled), strict=True)
    other = shrunken_rates(cases, expected, names=[str(k + 1) for k, _ in shuffled])
    again = other.countries.sort(pl.col("name").cast(pl.Int64))
    for name in ESTIMATES:
        np.testing.assert_allclose(again[name], one.countries[name], rtol=1e-9)


@FEW
@given(COUNTRIES)
def test_numbers_are_numbers_and_in_order(rows):
    cases, expected = zip(*rows, strict=True)
    found = shrunken_rates(cases, expected)
    for table in (found.countries, found.between):
        assert table["status"].unique().to_list() == ["ok"]
        values = table.select(ESTIMATES).to_numpy()
        assert np.isfinite(values).all()
        assert (values[:, 2] < values[:, 3]).all()
    assert (found.countries["estimate"] > 0).all()


def test_the_mode_of_drawing_lies_between_raw_and_common():
    # with equal expected numbers ratios are drawn towards one place and keep their order
    found = shrunken_rates([1, 4, 9, 16], [5.0] * 4).countries
    raw, own = found["raw"].to_numpy(), found["estimate"].to_numpy()
    assert (np.diff(own) > 0).all()
    assert np.ptp(own) < np.ptp(raw)
    assert raw[0] < own[0] < 1.5 < own[-1] < raw[-1]  # 30/20 = 1.5 is the common ratio


def test_fewer_expected_are_drawn_more():
    found = shrunken_rates([1, 10, 100, 105], [0.5, 5.0, 50.0, 105.0]).countries
    raw, own = found["raw"].to_numpy(), found["estimate"].to_numpy()
    assert raw[:3].tolist() == [2, 2, 2]
    assert own[0] < own[1] < own[2] < 2


def test_wide_differences_leave_the_raw_ratios():
    # s fixed near 10: N(a, s²) is flat over any likelihood to 1/s², E[exp θ] is that of the prior
    # dθ, y/λ
    found = shrunken_rates([3, 8, 5, 20], [2.0, 3.0, 4.0, 5.0], lower=9.9, upper=10).countries
    assert found["estimate"].to_list() == pytest.approx(found["raw"].to_list(), rel=1e-2)
    # and its quantiles are those of Gamma(y, λ)
    assert found["upper"][3] == pytest.approx(gamma(20, scale=1 / 5).ppf(0.975), rel=5e-3)


def test_no_differences_leave_the_common_rate():
    found = shrunken_rates([3, 8, 1, 20], [2.0, 3.0, 4.0, 5.0], lower=0, upper=1e-3)
    common = between(found, "common ratio")
    for name in ESTIMATES:  # s² is at most 1e-6
        assert found.countries[name].to_list() == pytest.approx([common[name]] * 4, rel=1e-4)
    waic = found.models["waic"]
    assert waic[0] == pytest.approx(waic[1], abs=1e-3)


def test_a_rate_is_the_ratio_times_its_reference():
    found = shrunken_rates(CASES, EXPECTED, reference=3.5).countries
    for rate, ratio in (("rate", "estimate"), ("rate_lower", "lower"), ("rate_upper", "upper")):
        assert found[rate].to_list() == pytest.approx((3.5 * found[ratio]).to_list(), rel=1e-15)
    assert "rate" not in shrunken_rates(CASES, EXPECTED).countries.columns


# what cannot be estimated


def test_no_case_at_all():
    found = shrunken_rates([0, 0], [1.0, 2.0], target=[1.0, 1.0])
    assert found.countries["status"].to_list() == ["not estimable"] * 2
    assert found.countries["reason"].unique().to_list() == [NO_CASE]
    assert found.countries.select(ESTIMATES).null_count().row(0) == (2,) * 4
    assert found.countries["raw_upper"][0] == pytest.approx(-math.log(0.025))
    assert found.new_cases["status"].unique().to_list() == ["not estimable"]
    assert found.new_cases["estimate"].null_count() == 3
    # the common rate still has Gamma(½, 3)
    assert between(found, "common ratio")["estimate"] == pytest.approx(0.5 / 3)
    assert between(found, "common ratio")["status"] == "ok"
    assert found.models["waic"].is_null().to_list() == [True, False]
    assert found.prefers is None


def test_one_country_alone():
    found = shrunken_rates([3, 0], [2.0, 0.0])
    assert found.countries["reason"].unique().to_list() == [ONE]
    assert found.countries["raw"].to_list() == [1.5, None]
    assert between(found, "mean log ratio")["status"] == "not estimable"
    assert between(found, "common ratio")["estimate"] == pytest.approx(1.5)


def test_a_country_without_expected_cases_has_no_part():
    with_it, without = shrunken_rates([3, 0, 1], [2.0, 0, 1]), shrunken_rates([3, 1], [2.0, 1])
    assert with_it.countries["status"].to_list() == ["ok", "not estimable", "ok"]
    assert with_it.countries["reason"].to_list() == [None, "no case is expected", None]
    assert with_it.countries["estimate"].to_list()[::2] == without.countries["estimate"].to_list()
    assert with_it.models.equals(without.models)
    none = shrunken_rates([0, 0], [0.0, 0.0])
    assert none.between["status"].unique().to_list() == ["not estimable"]
    assert between(none, "common ratio")["reason"] == "no case is expected"


@pytest.mark.parametrize(
    ("cases", "expected"),
    [
        ([1, 0], [1e-6, 1e-6]),
        ([0, 1], [5000.0, 1e-3]),
        ([100_000, 0], [1.0, 1.0]),
        ([2] * 60, [2] * 60),
    ],
)
def test_extremes_have_finite_numbers(cases, expected):
    found = shrunken_rates(cases, expected)
    for table, names in (
        (found.countries, ESTIMATES), (found.between, ESTIMATES), (found.models, ("waic", "dic")),
    ):  # fmt: skip
        assert table["status"].unique().to_list() == ["ok"]
        assert np.isfinite(table.select(names).to_numpy()).all()


def test_refused():
    with pytest.raises(UsageError, match="differ in shape"):
        shrunken_rates([1, 2], [1.0])
    with pytest.raises(UsageError, match="count of cases"):
        shrunken_rates([1, 2.5], [1.0, 2])
    with pytest.raises(PopulationError, match="0 where cases were observed"):
        shrunken_rates([1, 2], [1.0, 0])
    with pytest.raises(UsageError, match="infinite"):
        shrunken_rates([1, 2], [1.0, math.inf])
    with pytest.raises(UsageError, match=r"out of order: got '1.5 to 0.01'; allowed: 0 to 10"):
        shrunken_rates([1, 2], [1.0, 2], lower=1.5, upper=0.01)
    with pytest.raises(UsageError, match=r"no such integration.*gauss-hermite"):
        shrunken_rates([1, 2], [1.0, 2], integration="gauss-hermit")
    with pytest.raises(UsageError, match="one name each"):
        shrunken_rates([1, 2], [1.0, 2], names=["a", "a"])
    with pytest.raises(UsageError, match="one number of expected cases per country"):
        shrunken_rates([1, 2], [1.0, 2], target=[1.0])
    with pytest.raises(UsageError, match="between 0 and 1"):
        shrunken_rates([1, 2], [1.0, 2], level=95)


# from cases and a population

AREAS = {"at": 1e6, "be": 2e6, "cy": 5e5}
POPULATION = Population.read(
    pl.DataFrame(
        [
            {"area": area, "sex": sex, "age": age, "year": 2010, "pop": persons * part}
            for area, persons in AREAS.items()
            for sex in ("male", "female")
            for age, part in (("0-64", 1.0), ("65+", 0.5 if area == "be" else 0.2))
        ]
    )
)
RECORDS = [("at", "male", 40, "a")] * 3 + [("at", "female", 70, "a"), ("be", "male", 70, "a")]
RECORDS += [("be", "female", None, "a"), ("be", "female", 30, "b")]


def records(rows=RECORDS):
    return pl.DataFrame(
        rows, orient="row",
        schema={"area": pl.String, "sex": pl.String, "age": pl.Int64, "entity": pl.String},
    ).with_columns(incidence_date=pl.lit(date(2010, 5, 1)))  # fmt: skip


def test_incidence_by_hand():
    result = hierarchical_incidence(records(), POPULATION, by=["entity"])
    # entity a, rates by sex and age of all three, of 5 cases of known age; 6 in all.
    # men 0-64: 3/3.5e6; men 65+: 1/1.3e6 (200 000, 1 000 000, 100 000); women 65+: the same
    young, old = 3 / 3.5e6, 1 / 1.3e6
    expected = {
        "at": young * 1e6 + 2 * old * 2e5,
        "be": young * 2e6 + 2 * old * 1e6,
        "cy": young * 5e5 + 2 * old * 1e5,
    }
    lam = [6 / 5 * value for value in expected.values()]
    pooled = 1e5 * 6 / (2 * 3.5e6 + 2 * 1.3e6)
    own = shrunken_rates([4, 2, 0], lam)
    table = result.table.filter(entity="a")
    raw, shrunken = (table.filter(measure=name) for name in ("raw rate", "shrunken rate"))
    assert raw["area"].to_list() == shrunken["area"].to_list() == ["at", "be", "cy"]
    assert raw["n"].to_list() == [4, 2, 0]
    assert raw["person_years"].to_list() == pytest.approx([2.4e6, 6e6, 1.2e6])
    ratios = [pooled * n / e for n, e in zip([4, 2, 0], lam, strict=True)]
    assert raw["estimate"].to_list() == pytest.approx(ratios, rel=1e-12)
    assert raw["se"][0] == pytest.approx(pooled * 2 / lam[0], rel=1e-12)
    assert raw["upper"][2] == pytest.approx(pooled * float(poisson_exact(0)[1]) / lam[2])
    for name in ESTIMATES:
        assert shrunken[name].to_list() == pytest.approx(
            (pooled * own.countries[name]).to_list(), rel=1e-9
        )
    rest = {row["measure"]: row for row in table.filter(pl.col("area").is_null()).to_dicts()}
    assert rest["common rate"]["estimate"] == pytest.approx(pooled, rel=1e-9)
    assert rest["common rate"]["upper"] == pytest.approx(
        pooled * between(own, "common ratio")["upper"], rel=1e-9
    )
    spread = between(own, "standard deviation between countries")["estimate"]
    row = rest["standard deviation between countries"]
    assert (row["estimate"], row["unit"]) == (pytest.approx(spread, rel=1e-9), "log ratio")
    typical = between(own, "ratio of the typical country")["estimate"]
    assert rest["rate of the typical country"]["estimate"] == pytest.approx(pooled * typical)
    new = between(own, "ratio of a new country")["upper"]
    assert rest["rate of a new country"]["upper"] == pytest.approx(pooled * new, rel=1e-9)
    for k, model in enumerate(("hierarchical", "common rate")):
        for name in ("WAIC", "DIC"):
            assert rest[f"{name}, {model}"]["estimate"] == pytest.approx(
                own.models[name.lower()][k]
            )
        lower = rest[f"WAIC, {model}"]["reason"] == "the lower WAIC"
        assert lower == (own.prefers == model)
    assert table["status"].unique().to_list() == ["ok"]
    rates = table.filter(pl.col("measure").str.contains("rate") & pl.col("level").is_not_null())
    assert rates["unit"].unique().to_list() == ["per 100 000 person-years"]


def test_unknown_ages_may_be_left_out():
    table = hierarchical_incidence(
        records(), POPULATION, by=["entity"], unknown_age="exclude"
    ).table.filter(entity="a", measure="raw rate")  # fmt: skip
    assert table["n"].to_list() == [4, 1, 0]
    pooled = hierarchical_incidence(records(), POPULATION, unknown_age="exclude").table
    common = pooled.filter(measure="common rate").row(0, named=True)
    assert common["estimate"] == pytest.approx(1e5 * 6 / 9.6e6)
    assert common["n"] == 6


def test_a_stratum_without_cases():
    men = records([row for row in RECORDS if row[1] == "male"])
    table = hierarchical_incidence(men, POPULATION, by=["sex"]).table.filter(sex="female")
    shrunken = table.filter(measure="shrunken rate")
    assert shrunken["status"].unique().to_list() == ["not estimable"]
    assert shrunken["reason"].unique().to_list() == [NO_CASE]
    raw = table.filter(measure="raw rate")
    # exact limits of no case in 1.2 million person-years, per 100 000
    assert raw["estimate"].to_list() == [0, 0, 0]
    assert raw["upper"][0] == pytest.approx(-math.log(0.025) / 12)
    common = table.filter(measure="common rate").row(0, named=True)
    assert common["estimate"] == pytest.approx(1e5 * 0.5 / 4.8e6)
    assert table.filter(measure="WAIC, hierarchical")["status"].to_list() == ["not estimable"]


def test_only_unknown_ages_are_set_against_person_years():
    rows = [("at", "male", None, "a"), ("be", "male", None, "a")]
    table = hierarchical_incidence(records(rows), POPULATION).table.filter(measure="raw rate")
    assert table["estimate"].to_list() == pytest.approx([1e5 / 2.4e6, 1e5 / 6e6, 0])


def test_equal_age_structures_have_crude_rates():
    population = Population.read(
        pl.DataFrame({"area": ["x", "y"], "age": ["0+"] * 2, "pop": [2e5, 6e5]})
    )
    cases = pl.DataFrame({"area": ["x"] * 2 + ["y"], "age": [3, 5, 7]})
    raw = hierarchical_incidence(cases, population).table.filter(measure="raw rate")
    assert raw["estimate"].to_list() == pytest.approx([1.0, 1 / 6])


def test_provenance_and_refusals():
    result = hierarchical_incidence(records(), POPULATION, by=["entity"], upper=2)
    told = json.loads(result.provenance.to_json())
    assert (told["plan"]["by_unit"], told["plan"]["upper"]) == ("area", 2)
    notes = "\n".join(told["notes"])
    assert "between countries: uniform from 0.01 to 2 beforehand" in notes
    assert "cases of unknown age, distributed like the known: 1" in notes
    assert "rates of all by age and sex" in notes
    with pytest.raises(UsageError, match=r"key of the population.*got 'country'"):
        hierarchical_incidence(records(), POPULATION, by_unit="country")
    with pytest.raises(UsageError, match="no stratum"):
        hierarchical_incidence(records(), POPULATION, by=["area"])
    with pytest.raises(UsageError, match="out of order"):
        hierarchical_incidence(records(), POPULATION, lower=3)


def test_a_tally_of_another_plan_is_refused():
    plan, other = (
        incidence_plan(records(), POPULATION, by=["area"], standards=(), per=per)
        for per in (1000, 1)
    )
    tally = tally_incidence(records(), POPULATION, plan)
    with pytest.raises(DisagreementError, match="made with another plan"):
        estimate_hierarchical(tally, other)
