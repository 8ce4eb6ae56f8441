"""Incidence as a curve of age: exact data, R beside it, laws of the likelihood, refusals."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare.errors import ModelError
from rarecare.rates.curve import MOST, incidence_curve

# R 4.2.2: glm(D ~ ns(m, knots, Boundary.knots) + I(P + 0.5), poisson, offset = log(Y)), m the
# middle of five-year groups to 85+, knots at the ends and at type 7 quantiles of the cases' ages,
# Epi::testisDK from 1987: residual deviance by columns of age, and of 4 columns the drift, its
# standard error and rates per 100 000 of 1990.5 at five ages
DEVIANCE = (2320.94514938, 735.597351762, 278.192804629, 253.170417644, 251.628289394,
            247.943589504)  # fmt: skip
DRIFT, DRIFT_SE = 0.01707427959, 0.006628504
RATES = {2.5: 0.107213740, 17.5: 5.343890686, 32.5: 28.380530413, 52.5: 7.074295091,
         82.5: 2.952599491}  # fmt: skip


def grid(years=(2001, 2002, 2003), step=5, until=90):
    """Cells by age and year: lower and upper ages, the middle of the year."""
    lower = np.arange(0.0, until, step)
    return (
        np.tile(lower, len(years)), np.tile(lower + step, len(years)),
        np.repeat(np.array(years) + 0.5, len(lower)),
    )  # fmt: skip


@pytest.fixture(scope="module")
def testis(shared_data):
    """Testis cancer in Denmark from 1987, by five-year group."""
    table = pl.read_csv(shared_data / "Epi_testisDK.csv").filter(pl.col("P") >= 1987)
    group = (pl.col("A") // 5 * 5).clip(upper_bound=85)
    own = table.group_by(group, "P").agg(pl.col("D", "Y").sum()).sort("P", "A")
    lower = own["A"].to_numpy().astype(float)
    return (
        lower, lower + 5, own["P"].to_numpy() + 0.5,
        own["D"].to_numpy().astype(float), own["Y"].to_numpy(),
    )  # fmt: skip


def test_an_exact_line_is_found_with_its_drift():
    """Rates exp(−9 + 0.04 a + 0.02 (y − 2002.5)), as many cases as expected: no curvature."""
    lower, upper, year = grid()
    person_years = np.full(len(lower), 1e6)
    rate = np.exp(-9 + 0.04 * (lower + 2.5) + 0.02 * (year - 2002.5))
    curve = incidence_curve(lower, upper, year, rate * 1e6, person_years)
    assert curve.spline.size == 1
    assert curve.centre == pytest.approx(2002.5)
    assert curve.fit.coefficients == pytest.approx([-9, 0.04, 0.02], abs=1e-8)
    assert curve.yearly_change == pytest.approx(np.expm1(0.02), abs=1e-8)
    found = curve.rate(np.array([40.0]), np.array([2010.0]))
    assert found == pytest.approx([np.exp(-9 + 1.6 + 0.02 * 7.5)], rel=1e-6)


def test_r_gives_the_same_curve(testis):
    """The deviance of R to 1e-8 (its own convergence), its rates and drift to 1e-6."""
    curve = incidence_curve(*testis)
    assert curve.spline.knots == (2.5, 27.5, 32.5, 42.5, 87.5)
    assert curve.fit.deviance == pytest.approx(DEVIANCE[3], rel=1e-8)
    assert curve.fit.coefficients[-1] == pytest.approx(DRIFT, rel=1e-6)
    assert curve.fit.covariance[-1, -1] ** 0.5 == pytest.approx(DRIFT_SE, rel=1e-5)
    ages = np.array(list(RATES))
    found = curve.rate(ages, np.full(len(ages), 1990.5)) * 1e5
    assert found == pytest.approx(list(RATES.values()), rel=1e-6)


def test_as_many_columns_as_the_bic_asks(testis):
    """Deviance of R + columns × log of the cases, smallest at 4 columns of age."""
    cases = testis[3].sum()
    bic = [own + (k + 3) * np.log(cases) for k, own in enumerate(DEVIANCE)]
    curve = incidence_curve(*testis)
    assert curve.spline.size == 1 + int(np.argmin(bic)) == 4
    assert curve.bic == pytest.approx(min(bic), rel=1e-8)


def test_finer_cells_of_the_same_rates_choose_the_same_columns(testis):
    """Each cell as two of the same middle and half the person-years: the same curve."""
    whole = incidence_curve(*testis)
    lower, upper, year, cases, person_years = (np.concatenate([own, own]) for own in testis)
    first = np.floor(testis[3] / 2)
    cases = np.concatenate([first, testis[3] - first])
    curve = incidence_curve(lower, upper, year, cases, person_years / 2)
    assert curve.spline.knots == whole.spline.knots
    assert curve.fit.coefficients == pytest.approx(whole.fit.coefficients, rel=1e-6, abs=1e-8)


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=25)
def test_expected_cases_add_up_as_the_likelihood_asks(seed, drift):
    """At the maximum, cases, their ages and years sum to those expected; scale is free."""
    rng = np.random.default_rng(seed)
    lower, upper, year = grid()
    person_years = rng.uniform(1e4, 1e5, len(lower))
    shape = np.exp(-8 - ((lower - 50) / 25) ** 2)
    cases = rng.poisson(shape * person_years).astype(float)
    if cases.sum() < 5 or len(np.unique(lower[cases > 0])) < 2:
        return
    curve = incidence_curve(lower, upper, year, cases, person_years, drift=drift)
    middle = lower + 2.5
    rest = cases - curve.rate(middle, year) * person_years
    assert abs(rest.sum()) < 1e-4 * cases.sum()
    assert abs(rest @ middle) < 1e-4 * (cases @ middle)
    if drift:
        assert abs(rest @ (year - 2002.5)) < 1e-4 * cases.sum()
    else:
        assert curve.yearly_change == 0
    assert 1 <= curve.spline.size <= MOST
    double = incidence_curve(lower, upper, year, cases, 2 * person_years, drift=drift)
    ages = np.linspace(0, 100, 30)
    when = np.full(30, 2001.0)
    assert double.rate(ages, when) == pytest.approx(curve.rate(ages, when) / 2, rel=1e-5)


def test_columns_are_the_gradient_of_the_log_rate():
    rng = np.random.default_rng(4)
    lower, upper, year = grid()
    cases = rng.poisson(30, len(lower)).astype(float)
    curve = incidence_curve(lower, upper, year, cases, np.full(len(lower), 1e5))
    at, when = np.array([3.0, 44.0, 97.0]), np.array([1950.0, 2002.0, 2030.0])
    columns = curve.columns(at, when)
    assert columns.shape == (3, curve.spline.size + 2)
    assert np.log(curve.rate(at, when)) == pytest.approx(columns @ curve.fit.coefficients)
    assert columns[:, -1] == pytest.approx(when - curve.centre)


def test_one_year_has_no_drift_and_empty_cells_say_nothing():
    lower, upper, year = grid(years=(2005,))
    cases = np.round(np.linspace(2, 40, len(lower)))
    person_years = np.full(len(lower), 1e5)
    curve = incidence_curve(lower, upper, year, cases, person_years)
    assert not curve.drift
    assert curve.yearly_change == 0
    holes = tuple(np.append(own, last) for own, last in zip(
        (lower, upper, year, cases, person_years), (90.0, 95.0, 2005.5, 0.0, 0.0), strict=True
    ))  # fmt: skip
    assert incidence_curve(*holes).fit.coefficients == pytest.approx(curve.fit.coefficients)


def test_what_has_no_curve_is_refused():
    lower, upper, year = grid()
    person_years = np.full(len(lower), 1e5)
    few = np.zeros(len(lower))
    few[:4] = 1
    with pytest.raises(ModelError, match="too few cases for a curve of incidence by age: got 4"):
        incidence_curve(lower, upper, year, few, person_years)
    few[:4] = 0
    few[lower == 40] = 9
    with pytest.raises(ModelError, match="all cases are of one age group"):
        incidence_curve(lower, upper, year, few, person_years)
    with pytest.raises(ModelError, match="too few cases"):
        incidence_curve(lower, upper, year, few, np.zeros(len(lower)))
