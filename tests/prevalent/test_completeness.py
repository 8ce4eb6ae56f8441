"""Completeness: closed forms, a twin that sums over steps, gradients by differences, laws."""

from dataclasses import dataclass, replace
from datetime import date
from math import exp

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rarecare.models import cure_model
from rarecare.models.fitted import Fitted, Hazards
from rarecare.models.splines import RestrictedCubic
from rarecare.prevalent.completeness import (
    DECADES,
    empirical_completeness,
    integrals,
    logit_limits,
)
from rarecare.rates.curve import IncidenceCurve
from rarecare.rates.glm import RateFit
from tests.reference.completeness_twin import by_steps, cure_survival

INDEX = date(2010, 1, 1)  # 2010.0: years back and calendar time are one
AGES = np.array([0.5, 5.0, 10.0, 20.0, 60.0, 104.5])


@dataclass(frozen=True, slots=True)
class Constant(Fitted):
    """An excess hazard k per year that all have, at all times."""

    coefficients: np.ndarray
    covariance: np.ndarray
    loglik: float = 0.0
    deaths: int = 0
    people: pl.DataFrame | None = None
    names: tuple[str, ...] = ("k",)

    def hazards(self, rows, times):  # noqa: ARG002
        k = self.coefficients[0]
        return Hazards(
            total=k * times, hazard=np.full(len(times), k), of_total=times[:, None],
            of_hazard=np.ones((len(times), 1)),
        )  # fmt: skip


def constant(k):
    return Constant(np.array([float(k)]), np.eye(1))


def curve_of(coefficients, knots=(0.0, 100.0), *, drift=True):
    spline = RestrictedCubic.on(np.arange(0.0, 100.0), knots)
    beta = np.array(coefficients, dtype=float)
    fit = RateFit(
        beta, np.eye(len(beta)) * 1e-4, np.ones(len(beta), dtype=bool), np.ones(1), 0.0, 1, "log",
        0.0,
    )  # fmt: skip
    return IncidenceCurve(spline, 2005.0, drift, fit, 0.0)


def of(curve, fit, years, ages=AGES):
    return integrals(curve, fit, ages=np.asarray(ages, dtype=float), years=years, index=INDEX)


@pytest.fixture(scope="module")
def cure():
    """A cure model with its designs; the coefficients are set by each test."""
    rng = np.random.default_rng(1)
    n = 400
    age = rng.uniform(30, 90, n)
    time = np.minimum(rng.exponential(2, n), 8.0)
    died = (time < 8) & (rng.random(n) < 0.6)
    data = pl.DataFrame({
        DECADES: age / 10, "time_years": np.maximum(time, 1e-3), "died": died,
        "expected_hazard": np.full(n, 0.02),
    })  # fmt: skip
    return cure_model(data, f"~ {DECADES}", f"~ {DECADES}", starts=1)


def cured(fit, alpha, beta, shape):
    return replace(fit, coefficients=np.array([*alpha, *beta, np.log(shape)]))


# α, β of decades of age, shape
STEEP = ((2.0, -0.35), (-2.0, 0.25), 0.7)
LATE = ((0.0, 0.1), (-3.0, 0.1), 1.4)
CURVED = (-11.0, 0.06, -0.8, 0.4, 0.02)
KNOTS = (20.0, 45.0, 60.0, 85.0)


def test_of_those_whom_nobody_dies_of_the_share_is_that_of_the_years():
    """Constant incidence, no excess deaths: R = L/x, and 1 up to L."""
    own = of(curve_of([-9, 0, 0]), constant(0), 10)
    assert own.completeness == pytest.approx(np.minimum(10 / AGES, 1), rel=1e-12)
    assert own.alive == pytest.approx(exp(-9) * AGES, rel=1e-12)
    assert own.seen == pytest.approx(exp(-9) * np.minimum(AGES, 10), rel=1e-12)
    assert (own.cured == 0).all()  # a model without cure


@pytest.mark.parametrize(("slope", "drift", "k"), [(0, 0, 0.1), (0.05, 0, 0.2), (0.04, 0.03, 0.05)])
def test_exponential_survival_in_closed_form(slope, drift, k):
    """R = (1 − e^(−cL))/(1 − e^(−cx)), c = k + slope of incidence by age + drift by year."""
    own = of(curve_of([-9, slope, drift]), constant(k), 7)
    c = k + slope + drift
    wanted = np.minimum((1 - np.exp(-c * 7)) / (1 - np.exp(-c * AGES)), 1)
    assert own.completeness == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("model", [STEEP, LATE])
@pytest.mark.parametrize("years", [1, 15])
def test_sums_over_steps_of_a_cure_model_agree(cure, model, years):
    """Incidence with three curved columns and a drift; the twin's steps are off by 3e-4."""
    alpha, beta, shape = model
    curve = curve_of(CURVED, KNOTS)
    ages = [3.0, 40.0, 90.0]
    own = of(curve, cured(cure, alpha, beta, shape), years, ages)

    def incidence(age, back):
        return float(curve.rate(np.array([age]), np.array([2010.0 - back]))[0])

    def survival(age, since):
        return cure_survival(age, since, cured=alpha, uncured=beta, shape=shape)

    for k, age in enumerate(ages):
        slow = by_steps(age, years, incidence, survival)
        assert (own.seen[k], own.alive[k], own.cured[k]) == pytest.approx(slow, rel=3e-4)
        assert own.completeness[k] == pytest.approx(slow[0] / slow[1], rel=3e-4)


def test_gradients_are_those_of_differences(cure):
    """Central differences of step 1e-6 agree to 1e-6 of the largest."""
    curve, fit = curve_of(CURVED, KNOTS), cured(cure, *STEEP)
    first = len(curve.fit.coefficients)
    own = of(curve, fit, 12)
    size = first + len(fit.coefficients)
    assert own.of_alive.shape == (len(AGES), size)
    for place in range(size):
        ends = []
        for step in (1e-6, -1e-6):
            move = np.zeros(size)
            move[place] = step
            moved = replace(curve, fit=replace(
                curve.fit, coefficients=curve.fit.coefficients + move[:first]
            ))  # fmt: skip
            other = replace(fit, coefficients=fit.coefficients + move[first:])
            ends.append(of(moved, other, 12))
        for name, gradient in (
            ("seen", own.of_seen), ("alive", own.of_alive), ("cured", own.of_cured),
            ("completeness", own.gradient),
        ):  # fmt: skip
            slope = (getattr(ends[0], name) - getattr(ends[1], name)) / 2e-6
            close = 1e-6 * max(np.abs(slope).max(), np.abs(gradient).max(), 1e-12)
            assert gradient[:, place] == pytest.approx(slope, abs=close)


def test_the_covariance_is_that_of_both_models_apart(cure):
    curve, fit = curve_of(CURVED, KNOTS), cured(cure, *STEEP)
    found = of(curve, fit, 12).covariance
    assert (found[:5, :5] == curve.fit.covariance).all()
    assert (found[5:, 5:] == fit.covariance).all()
    assert not found[:5, 5:].any()


@given(
    st.floats(-0.05, 0.08), st.floats(-0.03, 0.05), st.floats(0.0, 1.0), st.floats(0.5, 40),
    st.floats(0.5, 40),
)  # fmt: skip
@settings(max_examples=60)
def test_more_years_see_more_and_a_registry_of_a_lifetime_all(slope, drift, k, years, more):
    curve, fit = curve_of([-9, slope, drift]), constant(k)
    share = of(curve, fit, years).completeness
    assert ((share > 0) & (share <= 1 + 1e-12)).all()
    assert share[years >= AGES] == pytest.approx(1, abs=1e-12)
    assert (of(curve, fit, years + more).completeness >= share - 1e-12).all()
    assert of(curve, fit, 105).completeness == pytest.approx(1, abs=1e-12)


@given(st.floats(0.0, 0.1), st.floats(0.0, 0.05), st.floats(0, 0.5), st.floats(0.5, 30))
@settings(max_examples=60)
def test_the_older_the_less_is_seen_and_scale_is_free(slope, drift, k, years):
    """With R as a function of x alone: seen stays in ratio to its last years, alive gains."""
    assume(slope + drift + k < 0.5)  # else all is 1 to rounding
    ages = np.linspace(1, 100, 25)
    share = of(curve_of([-9, slope, drift]), constant(k), years, ages).completeness
    assert (np.diff(share) <= 1e-12).all()
    tenfold = of(curve_of([-9 + np.log(10), slope, drift]), constant(k), years, ages)
    assert tenfold.completeness == pytest.approx(share, rel=1e-12)


def test_the_cured_are_the_alive_of_a_model_where_all_others_die(cure):
    """With a hazard of e^6 a year, whoever is alive is cured but for hours."""
    own = of(curve_of([-9, 0.02, 0.0]), cured(cure, (0.5, -0.1), (6.0, 0.0), 1.0), 10)
    assert own.alive[1:] == pytest.approx(own.cured[1:], rel=2e-2)
    assert (own.cured <= own.alive).all()
    assert (own.seen <= own.alive).all()


def test_shares_counted_by_a_long_registry():
    """25 of 100: 0.25 and 0.25·0.75/100; with nobody there is neither."""
    share, variance = empirical_completeness([25, 0, 7, 0], [100, 4, 7, 0])
    assert share[:3].tolist() == [0.25, 0, 1]
    assert variance[:3].tolist() == [0.001875, 0, 0]
    assert np.isnan(share[3])
    assert np.isnan(variance[3])


def test_limits_on_the_logit_scale():
    """ln odds ± 1.96·se/(p(1 − p)): at 1/2 with se 1/8 they are ± 0.98; without error, itself."""
    lower, upper = logit_limits(np.array([0.5, 1.0]), np.array([0.125, 0.0]), 0.95)
    half = 1.959963984540054 * 0.125 / 0.25
    assert lower.tolist() == pytest.approx([1 / (1 + exp(half)), 1], rel=1e-12)
    assert upper.tolist() == pytest.approx([1 / (1 + exp(-half)), 1], rel=1e-12)
    lower, upper = logit_limits(np.array([0.999]), np.array([0.5]), 0.95)
    assert 0 <= lower[0] < 0.999 < upper[0] <= 1
