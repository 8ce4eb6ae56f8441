"""Age, period and cohort: a table by hand, R's apc.fit, the slow twin, laws, and recovery."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare.errors import CaseError, PopulationError, UsageError
from rarecare.projection.age_period_cohort import age_period_cohort
from tests.reference.age_period_cohort_twin import written

MODELS = {"factor": "factor", "ns": "natural spline", "bs": "b-spline", "ls": "linear spline"}
AT_ONCE = ("ACP", "APC", "AdCP", "AdPC")
SEQUENTIAL = ("Ad-C-P", "Ad-P-C", "AC-P", "AP-C")
ESTIMATES, LIMITS = 1e-9, 5e-6
"""R's coefficients agree to rounding. Its covariance is of the step before the last, which its
stopping rule (a relative change of the deviance of 1e-8) leaves up to 3e-6 away."""
TWIN = 1e-6
"""The fits stop at a relative change of the deviance of 1e-10; the twin goes on to rounding."""


def table(seed=1, *, ages=7, periods=6, width=5.0, years=2e5, slope=0.02):
    """Counts of a smooth rate by ages and periods of one width."""
    random = np.random.default_rng(seed)
    a, p = (part.ravel() for part in np.meshgrid(
        30 + width * np.arange(ages), 1980 + width * np.arange(periods)
    ))  # fmt: skip
    y = years * random.uniform(0.5, 1.5, len(a))
    rate = np.exp(-8 + 0.05 * (a - 45) - 0.001 * (a - 45) ** 2 + slope * (p - 1990))
    return a, p, random.poisson(rate * y), y


def tables(fit):
    return [fit.age, fit.period, fit.cohort, fit.drift, fit.tests]


def ratios(fit, name):
    return dict(zip(getattr(fit, name)[name], getattr(fit, name)["estimate"], strict=True))


# --- by hand -----------------------------------------------------------------------------------

HAND = ([40, 50, 40, 50], [2000, 2000, 2010, 2010], [100, 300, 200, 400], [1e5] * 4)
"""Two ages and two periods, so three cohorts: a saturated table. Of two periods there is no
curve, so the rates are age × cohort."""


def test_a_saturated_table_by_hand_with_a_reference_cohort():
    fit = age_period_cohort(*HAND, model="factor", reference_cohort=1960, drift="equal")
    assert (fit.status, fit.reference_cohort, fit.reference_period) == ("ok", 1960, None)
    assert fit.age["estimate"].to_list() == pytest.approx([100, 400])
    assert fit.cohort["cohort"].to_list() == [1950, 1960, 1970]
    assert fit.cohort["estimate"].to_list() == pytest.approx([300 / 400, 1, 200 / 100])
    assert fit.period["estimate"].to_list() == pytest.approx([1, 1])
    # the standard error of a logarithm of a ratio of counts is √(1/a + 1/b)
    reach = 1.959963984540054 * math.sqrt(1 / 100 + 1 / 200)
    assert fit.cohort["upper"][2] == pytest.approx(2 * math.exp(reach))
    assert fit.age["lower"][0] == pytest.approx(100 * math.exp(-1.959963984540054 / 10))
    # slope over the cells, cohorts 1950, 1960 twice, 1970: (ln 2 − ln ¾)/20
    slope = math.log(2 / 0.75) / 20
    reach = 1.959963984540054 * math.sqrt(1 / 100 + 1 / 200 + 1 / 300 + 1 / 400) / 20
    row = fit.drift.row(0, named=True)
    assert row["kind"] == "age-period-cohort"
    assert row["estimate"] == pytest.approx(100 * math.expm1(slope))
    assert row["upper"] == pytest.approx(100 * math.expm1(slope + reach))
    assert fit.fitted.tolist() == pytest.approx([100, 300, 200, 400])
    assert (fit.dispersion, fit.n, fit.person_years, fit.knots) == (None, 1000, 4e5, ((),) * 3)


def test_a_saturated_table_by_hand_without_reference():
    fit = age_period_cohort(
        *HAND, model="factor", parametrisation="APC", reference_period=2000, drift="equal"
    )
    # ln of the cohorts (ln ¾, 0, 0, ln 2 over the cells) less their line: m, −m, −m, m
    m = (math.log(0.75) + math.log(2)) / 4
    assert fit.cohort["estimate"].to_list() == pytest.approx(np.exp([m, -m, m]).tolist())
    assert fit.period["estimate"].to_list() == pytest.approx([1, math.sqrt(8 / 3)])
    assert fit.age["estimate"].to_list() == pytest.approx([100 * math.exp(m), 300 * math.exp(-m)])


# --- R -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def testis(shared_data):
    """Testis cancer, Denmark, ages 15-64 and years 1943-92 in classes of 5."""
    frame = pl.read_csv(shared_data / "testisDK_apc_input.csv")
    return tuple(frame[name].to_numpy() for name in "APDY")


@pytest.fixture(scope="module")
def r_effects(shared_reference):
    return pl.read_csv(shared_reference / "Epi_apc.fit_testisDK.csv", comment_prefix="#")


def of_r(frame, model, parametrisation, effect):
    return frame.filter(
        (pl.col("model") == model) & (pl.col("parm") == parametrisation)
        & pl.col("effect").str.starts_with(effect)
    )  # fmt: skip


def same(own, theirs, *, names=("estimate", "lower", "upper")):
    for name, column in zip(("estimate", "lower", "upper"), ("est", "lo", "hi"), strict=True):
        if name in names:
            rel = ESTIMATES if name == "estimate" else LIMITS
            assert own[name].to_list() == pytest.approx(theirs[column].to_list(), rel=rel)


@pytest.mark.parametrize("parametrisation", ["ACP", "APC", "Ad-C-P", "Ad-P-C"])
def test_natural_splines_are_those_of_r(testis, r_effects, parametrisation):
    fit = age_period_cohort(
        *testis, parametrisation=parametrisation, reference_cohort=1928, reference_period=1970
    )
    same(fit.age, of_r(r_effects, "ns", parametrisation, "Age"))
    same(fit.cohort, of_r(r_effects, "ns", parametrisation, "Cohort"))
    if parametrisation != "Ad-C-P":
        same(fit.period, of_r(r_effects, "ns", parametrisation, "Period"))
    else:  # R's are given the age-drift model alone: our periods of Ad-P-C
        other = age_period_cohort(*testis, parametrisation="Ad-P-C")
        same(other.period, of_r(r_effects, "ns", parametrisation, "Period"))
    drift = fit.drift.with_columns(pl.col("estimate", "lower", "upper") / 100 + 1)
    same(drift, of_r(r_effects, "ns", parametrisation, "Drift"))


@pytest.mark.parametrize("parametrisation", ["ACP", "APC", "Ad-C-P", "Ad-P-C"])
def test_factors_are_those_of_r(testis, r_effects, parametrisation):
    # 1970 is no mid-point: R's ages and periods hold up to one factor, which its columns' order
    # decides; ours take 1970.5
    fit = age_period_cohort(
        *testis, model="factor", parametrisation=parametrisation, reference_cohort=1928,
        reference_period=1970,
    )  # fmt: skip
    same(fit.cohort, of_r(r_effects, "factor", parametrisation, "Cohort"))
    age = of_r(r_effects, "factor", parametrisation, "Age")["est"].to_numpy()
    period = of_r(r_effects, "factor", parametrisation, "Period")["est"].to_numpy()
    if parametrisation in AT_ONCE:
        assert any("reference period 1970 is no mid-point: 1970.5" in note for note in fit.notes)
        own = np.outer(fit.age["estimate"], fit.period["estimate"])
        assert own == pytest.approx(np.outer(age, period), rel=ESTIMATES)
        own = fit.age["estimate"].to_numpy()
        assert own / own[0] == pytest.approx(age / age[0], rel=ESTIMATES)
    elif parametrisation == "Ad-P-C":
        same(fit.period, of_r(r_effects, "factor", parametrisation, "Period"))
    drift = fit.drift.with_columns(pl.col("estimate", "lower", "upper") / 100 + 1)
    same(drift, of_r(r_effects, "factor", parametrisation, "Drift"))


@pytest.mark.parametrize("model", ["factor", "ns"])
def test_the_sequence_of_tests_is_that_of_r(testis, shared_reference, model):
    theirs = pl.read_csv(
        shared_reference / "Epi_apc.fit_testisDK_anova.csv", comment_prefix="#"
    ).filter((pl.col("model") == model) & (pl.col("parm") == "ACP"))
    own = age_period_cohort(*testis, model=MODELS[model]).tests
    pairs = {
        "df": "Mod..df.", "deviance": "Mod..dev.", "aic": "AIC", "test_df": "Test.df.",
        "test_deviance": "Test.dev.", "p_value": "Pr..Chi.",
    }  # fmt: skip
    assert own["term"].to_list() == theirs["term"].to_list()
    for name, column in pairs.items():
        assert own[name].is_null().to_list() == [name.startswith(("test", "p_"))] + [False] * 5
        values = theirs[column].cast(pl.Float64)[-5:].to_list()
        # the deviance is at its smallest, so rounding of R's file is all that is left; a p-value
        # of 1e-214 magnifies it by the deviance of 977
        rel = 1e-8 if name == "p_value" else 1e-10
        assert own[name].to_list()[-5:] == pytest.approx(values, rel=rel)


FACTORS_OF_R = {
    "ACP": (
        (9.625749899535, 8.510093390001, 10.887666783687),
        (0.887619516100, 0.784808172929, 1.003899338129),
        (0.573497381579, 0.453585588429, 0.725109560505),
    ),
    "APC": (
        (14.434902177229, 12.782429833298, 16.301000950803),
        (0.517115807399, 0.453037509731, 0.590257434580),
        (1.289703809489, 1.031787111579, 1.612092162756),
    ),
    "AdCP": (
        (9.625749899535, 8.510093390001, 10.887666783687),
        (0.887619516100, 0.784808172929, 1.003899338129),
        (1.289703809489, 1.031787111579, 1.612092162756),
    ),
    "AdPC": (
        (14.434902177229, 12.782429833298, 16.301000950803),
        (0.887619516100, 0.784808172929, 1.003899338129),
        (1.289703809489, 1.031787111579, 1.612092162756),
    ),
    "AC-P": (
        (9.382856562174, 8.462986606830, 10.402710219970),
        (0.952370721652, 0.858027384500, 1.057087463460),
        (0.542039986208, 0.429651491954, 0.683827130013),
    ),
    "AP-C": (
        (14.295048785221, 13.083960906230, 15.618238332899),
        (0.559041603269, 0.491889759524, 0.635360887544),
        (1.223895690971, 0.990733807113, 1.511930502042),
    ),
}
"""Age 27.5, period 1950.5 and cohort 1898 of apc.fit(tt, model = "factor", parm = <name>,
ref.c = 1928, ref.p = 1970.5, scale = 1e5), Epi 2.47, R 4.2.2, on the same table."""


@pytest.mark.parametrize("parametrisation", FACTORS_OF_R)
def test_factors_at_mid_points_are_those_of_r(testis, parametrisation):
    fit = age_period_cohort(
        *testis, model="factor", parametrisation=parametrisation, reference_cohort=1928,
        reference_period=1970.5,
    )  # fmt: skip
    rows = (fit.age, 27.5), (fit.period, 1950.5), (fit.cohort, 1898)
    for (own, at), theirs in zip(rows, FACTORS_OF_R[parametrisation], strict=True):
        (row,) = own.filter(pl.nth(0) == at).select("estimate", "lower", "upper").rows()
        assert row[0] == pytest.approx(theirs[0], rel=ESTIMATES)
        assert row[1:] == pytest.approx(theirs[1:], rel=LIMITS)


NO_REFERENCE_OF_R = {
    "AdCP": (1943, None, 14.847868713214, 0.952903221262, 1.091851570923),
    "AdPC": (None, 1975.5, 17.055192070173, 0.952903221262, 1.091851570923),
    "APC": (None, 1975.5, 17.055192070173, 0.476525686623, 1.091851570923),
    "AC-P": (1943, None, 14.921318713794, 0.945453128722, 0.311346238517),
    "AP-C": (None, 1975.5, 17.036251863166, 0.497080692351, 1.068378696932),
}
"""Reference cohort and period chosen; age 27.5, period 1950.5, cohort 1898 of apc.fit(tt,
model = "ns", parm = <name>, scale = 1e5), Epi 2.47, R 4.2.2, on the same table."""


@pytest.mark.parametrize("parametrisation", NO_REFERENCE_OF_R)
def test_references_chosen_are_those_of_r(testis, parametrisation):
    fit = age_period_cohort(*testis, parametrisation=parametrisation)
    cohort, period, *theirs = NO_REFERENCE_OF_R[parametrisation]
    assert (fit.reference_cohort, fit.reference_period) == (cohort, period)
    own = [ratios(fit, "age")[27.5], ratios(fit, "period")[1950.5], ratios(fit, "cohort")[1898]]
    assert own == pytest.approx(theirs, rel=ESTIMATES)


DRIFTS_OF_R = [
    ("bs", "person-years", 1.0275838143455, 0.5219789993448, 4.9950349445068, 0.9152570637118),
    ("bs", "rate", 1.0271647348263, 0.4898914768826, 4.8595810950341, 0.9341601254675),
    ("bs", "cases", 1.0274765292372, 0.5649052769678, 5.1690610083168, 0.8922438938795),
    ("bs", "equal", 1.0268791246405, 0.5131335142563, 4.9581772604108, 0.9203114643245),
    ("bs", 1e-5, 1.0274424496572, 0.5596213913023, 5.1480538836430, 0.8949498056385),
    ("ls", "person-years", 1.0275402683238, 0.4266479475582, 5.4742786771497, 0.9269433245469),
    ("ls", "rate", 1.0270262699648, 0.4024761400519, 5.3376583975882, 0.9445281718906),
    ("ls", "cases", 1.0274430833089, 0.4598370568317, 5.6549022399767, 0.9048360700187),
    ("ls", "equal", 1.0269267685534, 0.4198931584871, 5.4365517761863, 0.9317222333270),
    ("ls", 1e-5, 1.0274094091122, 0.4557398815513, 5.6330131404468, 0.9074492803410),
]
"""Drift, first cohort, second age and third period of apc.fit(tt, model = <name>, parm = "ACP",
ref.c = 1928, ref.p = 1970, npar = c(A=6, P=4, C=5), dr.extr = <"Y", "R", "D", "1", 1e-5>,
scale = 1e5), Epi 2.47, R 4.2.2, on the same table."""


@pytest.mark.parametrize(("model", "drift", "slope", "cohort", "age", "period"), DRIFTS_OF_R)
def test_other_splines_and_drifts_are_those_of_r(testis, model, drift, slope, cohort, age, period):
    fit = age_period_cohort(
        *testis, model=MODELS[model], knots=(6, 4, 5), drift=drift, reference_cohort=1928,
        reference_period=1970,
    )  # fmt: skip
    assert 1 + fit.drift["estimate"][0] / 100 == pytest.approx(slope, rel=ESTIMATES)
    own = fit.cohort["estimate"][0], fit.age["estimate"][1], fit.period["estimate"][2]
    assert own == pytest.approx((cohort, age, period), rel=ESTIMATES)


# --- the twin ----------------------------------------------------------------------------------

INNER = {"age": (40.0, 50.0), "period": (1990.0,), "cohort": (1940.0, 1960.0)}
OUTER = {"age": (32.0, 42, 58), "period": (1982.0, 1990, 2002), "cohort": (1930.0, 1945, 1965)}


@pytest.mark.parametrize("parametrisation", AT_ONCE)
@pytest.mark.parametrize("model", MODELS.values())
def test_the_twin_agrees(model, parametrisation):
    a, p, d, y = table(3)
    knots = OUTER if model == "natural spline" else INNER
    fit = age_period_cohort(
        a, p, d, y, model=model, parametrisation=parametrisation, knots=tuple(knots.values()),
        reference_cohort=1950, reference_period=1995, drift=2e-4, level=0.8, per=1,
    )  # fmt: skip
    found, mean = written(
        a, p, d, y, model=model, parametrisation=parametrisation, knots=knots, cohort=1950,
        period=1995, weights=d + 2e-4 * y,
    )  # fmt: skip
    assert fit.fitted == pytest.approx(mean, rel=TWIN)
    assert fit.knots == (((),) * 3 if model == "factor" else tuple(knots.values()))
    z = 1.2815515655446004
    for name in ("age", "period", "cohort"):
        log, se = found[name]
        own = getattr(fit, name)
        assert np.log(own["estimate"]).to_numpy() == pytest.approx(log, abs=TWIN)
        assert np.log(own["lower"]).to_numpy() == pytest.approx(log - z * se, abs=TWIN)
        assert np.log(own["upper"]).to_numpy() == pytest.approx(log + z * se, abs=TWIN)
    (log,), (se,) = found["drift"]
    assert np.log1p(fit.drift["estimate"][0] / 100) == pytest.approx(log, abs=TWIN)
    assert np.log1p(fit.drift["upper"][0] / 100) == pytest.approx(log + z * se, abs=TWIN)


# --- laws --------------------------------------------------------------------------------------

models = st.sampled_from(list(MODELS.values()))
seeds = st.integers(0, 1000)
few = settings(max_examples=25)
KNOTS = (4, 3, 4)


@few
@given(models, seeds)
def test_the_four_write_one_fit_and_multiply_to_it(model, seed):
    a, p, d, y = table(seed)
    by = {
        name: age_period_cohort(a, p, d, y, model=model, parametrisation=name, knots=KNOTS, per=1)
        for name in AT_ONCE
    }
    for name, fit in by.items():
        assert fit.fitted == pytest.approx(by["ACP"].fitted, rel=1e-12)
        age, period, cohort = (ratios(fit, axis) for axis in ("age", "period", "cohort"))
        rate = np.array([age[i] * period[j] * cohort[j - i] for i, j in zip(a, p, strict=True)])
        slope = math.log1p(fit.drift["estimate"][0] / 100)
        if name == "AdCP":
            rate = rate * np.exp(slope * (p - a - fit.reference_cohort))
        if name == "AdPC":
            rate = rate * np.exp(slope * (p - fit.reference_period))
        assert rate * y == pytest.approx(fit.fitted, rel=1e-9)
        assert fit.drift.equals(by["ACP"].drift)
        assert fit.tests.equals(by["ACP"].tests)


@few
@given(models, seeds, st.sampled_from(SEQUENTIAL))
def test_the_sequential_ones_multiply_to_their_last_fit(model, seed, parametrisation):
    a, p, d, y = table(seed)
    fit = age_period_cohort(
        a, p, d, y, model=model, parametrisation=parametrisation, knots=KNOTS, per=1
    )
    age, period, cohort = (ratios(fit, axis) for axis in ("age", "period", "cohort"))
    rate = np.array([age[i] * period[j] * cohort[j - i] for i, j in zip(a, p, strict=True)])
    slope = math.log1p(fit.drift["estimate"][0] / 100)
    if parametrisation == "Ad-C-P":
        rate = rate * np.exp(slope * (p - a - fit.reference_cohort))
    if parametrisation == "Ad-P-C":
        rate = rate * np.exp(slope * (p - fit.reference_period))
    assert rate * y == pytest.approx(fit.fitted, rel=1e-9)
    assert fit.fitted.sum() == pytest.approx(d.sum(), rel=TWIN)
    assert fit.drift["kind"].to_list() == ["age-drift"]


@few
@given(models, seeds, st.sampled_from(AT_ONCE))
def test_ratios_are_1_at_the_references(model, seed, parametrisation):
    fit = age_period_cohort(
        *table(seed), model=model, parametrisation=parametrisation, knots=KNOTS,
        reference_cohort=1950, reference_period=1995,
    )  # fmt: skip
    for own, at in ((fit.cohort, 1950), (fit.period, 1995)):
        (row,) = own.filter(pl.nth(0) == at).select("estimate", "lower", "upper").rows()
        assert row == pytest.approx((1, 1, 1), rel=1e-9)


@few
@given(models, seeds, st.floats(1e-3, 1e3), st.sampled_from(AT_ONCE + SEQUENTIAL))
def test_the_scale_of_person_years_does_not_matter(model, seed, scale, parametrisation):
    a, p, d, y = table(seed)
    one, other = (
        age_period_cohort(
            a, p, d, y * k, model=model, parametrisation=parametrisation, knots=KNOTS, per=k
        )
        for k in (1, scale)
    )  # fmt: skip
    # the rates per `scale` times as many person-years are the same
    rows = [own["estimate"].to_numpy() for own in (other.age, other.period, other.cohort)]
    again = [own["estimate"].to_numpy() for own in (one.age, one.period, one.cohort)]
    for left, right in zip(rows, again, strict=True):
        assert left == pytest.approx(right, rel=TWIN)
    assert other.fitted == pytest.approx(one.fitted, rel=TWIN)


@few
@given(models, seeds, st.floats(-0.1, 0.1))
def test_a_drift_more_moves_the_drift_and_no_curve(model, seed, more):
    a, p, d, y = table(seed)
    one, other = (
        age_period_cohort(
            a, p, d, years, model=model, parametrisation="AdCP", knots=KNOTS, drift="cases"
        )
        for years in (y, y * np.exp(-more * (p - 1990)))
    )  # fmt: skip
    for name in ("period", "cohort"):
        left, right = getattr(one, name), getattr(other, name)
        for column in ("estimate", "lower", "upper"):
            assert left[column].to_numpy() == pytest.approx(right[column].to_numpy(), rel=TWIN)
    slopes = [np.log1p(fit.drift["estimate"].to_numpy() / 100) for fit in (one, other)]
    assert slopes[1] == pytest.approx(slopes[0] + more, abs=TWIN)


@few
@given(models, seeds)
def test_curves_have_neither_mean_nor_slope(model, seed):
    a, p, d, y = table(seed)
    fit = age_period_cohort(a, p, d, y, model=model, parametrisation="AdPC", knots=KNOTS)
    for name, x in (("period", p), ("cohort", p - a)):
        own = ratios(fit, name)
        log = np.log([own[value] for value in x])
        assert y @ log / y.sum() == pytest.approx(0, abs=1e-9)
        assert y @ (log * (x - x.mean())) / y.sum() == pytest.approx(0, abs=1e-7)


@few
@given(models, seeds, st.randoms(use_true_random=False))
def test_the_order_of_the_cells_does_not_matter(model, seed, random):
    cells = np.array(table(seed))
    order = list(range(cells.shape[1]))
    random.shuffle(order)
    one = age_period_cohort(*cells, model=model, knots=KNOTS)
    other = age_period_cohort(*cells[:, order], model=model, knots=KNOTS)
    assert other.fitted == pytest.approx(one.fitted[order], rel=TWIN)
    assert other.cohort["upper"].to_list() == pytest.approx(one.cohort["upper"].to_list(), rel=TWIN)


def test_splitting_cells_leaves_a_drift_of_cases_and_person_years_alone():
    a, p, d, y = table(5)
    half = d // 2
    twice = (np.tile(a, 2), np.tile(p, 2), np.concatenate([half, d - half]), np.tile(y / 2, 2))
    for drift in ("person-years", "cases", 1e-4):
        one = age_period_cohort(a, p, d, y, drift=drift)
        other = age_period_cohort(*twice, drift=drift)
        for left, right in zip(tables(one)[:4], tables(other)[:4], strict=True):
            for column in ("estimate", "lower", "upper"):
                assert right[column].to_list() == pytest.approx(left[column].to_list(), rel=TWIN)
        assert other.tests["test_deviance"].to_list()[1:] == pytest.approx(
            one.tests["test_deviance"].to_list()[1:], rel=1e-6, abs=1e-6
        )


# --- degenerate --------------------------------------------------------------------------------


def refused(reason, *cells, **choices):
    fit = age_period_cohort(*cells, **choices)
    assert fit.status == "not estimable"
    assert reason in fit.reason
    assert all(own.is_empty() for own in tables(fit))
    assert len(fit.fitted) == 0
    assert fit.dispersion is None


def test_not_estimable():
    a, p, d, y = table()
    refused("no person-years", a, p, 0 * d, 0 * y)
    refused("no case", a, p, 0 * d, y)
    refused("no case", a, p, 0 * d, y, model="factor")
    for model in MODELS.values():
        one = p == 1990
        refused("cases in one period only", a[one], p[one], d[one], y[one], model=model)
        refused("cases in one period only", a, p, d * one, y, model=model)
        one = a == 45
        refused("cases at one age only", a[one], p[one], d[one], y[one], model=model)
    for model in ("factor", "linear spline"):
        one = p - a == 1950
        refused("cases in one cohort only", a[one], p[one], d[one], y[one], model=model)
    line = (np.arange(6) + 40, 1990 + 2 * np.arange(6), np.full(6, 9), np.full(6, 1e4))
    refused("lie on one line", *line)
    gap = d * (p - a != 1975)
    refused("no case in cohort 1975: merge", a, p, gap, y, model="factor")
    refused("no value in a cell without cases", a, p, gap, y, drift="rate")


def test_too_many_knots():
    a, p, d, y = table()
    refused("columns for period, and its 6 values tell 6 apart", a, p, d, y, knots=(
        5, tuple(np.linspace(1980, 2005, 9)), 5
    ))  # fmt: skip
    refused("ask for fewer knots", a, p, d, y, model="b-spline", knots=(5, 9, 5))
    refused("ask for fewer knots", a, p, d, y, model="linear spline", knots=(5, 4, 14))


def test_a_table_of_few_cells():
    # 4 ages, 3 periods, 6 cohorts as factors: 4 + 3 + 6 − 3 = 10 columns for 12 cells
    fit = age_period_cohort(*table(ages=4, periods=3), model="factor")
    assert fit.tests["df"].to_list() == [8, 7, 3, 2, 6, 7]


def test_factors_of_unequal_classes_are_not_told_apart():
    # with single years of age and periods of five, cohorts of one remainder never meet another's
    a, p = (part.ravel() for part in np.meshgrid(np.arange(40.0, 50), np.arange(1980.0, 2001, 5)))
    d, y = np.full(len(a), 20), np.full(len(a), 1e4)
    refused("do not tell the effects apart", a, p, d, y, model="factor")
    one = age_period_cohort(a, p, d, y, model="factor", parametrisation="AC-P")
    assert one.status == "not estimable"
    own = age_period_cohort(a, p, d, y, model="factor", parametrisation="AP-C")
    assert own.status == "ok"
    assert own.fitted == pytest.approx(d, rel=1e-9)
    # AIC is the deviance + 2·(cells − df) and what all models share, though columns are redundant
    shared = (own.tests["aic"] - own.tests["deviance"] + 2 * own.tests["df"]).to_numpy()
    assert shared == pytest.approx(np.full(6, shared[0]), rel=1e-9)


def test_cells_without_person_years_are_left_out():
    a, p, d, y = table()
    on = np.arange(len(a)) % 5 > 0
    fit = age_period_cohort(a, p, d * on, y * on)
    assert any("9 cells without person-years" in note for note in fit.notes)
    other = age_period_cohort(a[on], p[on], d[on], y[on])
    assert fit.cohort.equals(other.cohort)
    assert fit.fitted[on].tolist() == other.fitted.tolist()
    assert not fit.fitted[~on].any()


def test_ages_without_cases_add_nothing_to_factors():
    a, p, d, y = table()
    d = d * (a != 30)
    fit = age_period_cohort(a, p, d, y, model="factor")
    assert any("no case at age 30: left out" in note for note in fit.notes)
    assert fit.age["age"].to_list() == [35, 40, 45, 50, 55, 60]
    on = a != 30
    other = age_period_cohort(a[on], p[on], d[on], y[on], model="factor")
    assert fit.tests.equals(other.tests)
    assert fit.cohort.equals(other.cohort)
    assert not fit.fitted[~on].any()


def test_knots_that_coincide():
    a, p, d, y = table()
    d = np.where(a == 45, 3 * d, d)
    fit = age_period_cohort(a, p, d, y, knots=(6, 4, 4))
    # by hand: the cases at each age, and the six quantiles among them
    at = np.sort(np.repeat(a, d))
    own = sorted({float(at[round((i + 0.5) / 6 * (len(at) - 1))]) for i in range(6)})
    assert list(fit.knots[0]) == own
    assert f"knots of age coincide: {len(own)} of 6 are left" in fit.notes
    assert fit.status == "ok"
    refused("the knots of age coincide", a, p, 100 * d * (a == 45) + d, y, knots=(2, 4, 4))


def test_an_effect_the_cases_do_not_bound():
    # no case beyond the last knot of age: the steeper the fall there, the greater the likelihood
    a, p, d, y = table()
    refused(
        "the cases do not bound an effect", a, p, d * (a <= 50), y, model="linear spline",
        knots=([40, 50], 4, 4),
    )  # fmt: skip
    fit = age_period_cohort(a, p, d * (a <= 50), y, model="linear spline", knots=([40], 4, 4))
    assert fit.status == "ok"


def test_two_knots_are_a_straight_line():
    a, p, d, y = table()
    fit = age_period_cohort(a, p, d, y, knots=(4, 2, 2))
    assert fit.period["lower"].to_list() == pytest.approx([1] * 6, rel=1e-9)
    assert fit.tests["test_df"].to_list() == [None, 1, 0, 0, 0, 0]
    assert fit.tests["p_value"].null_count() == 5
    assert fit.drift["estimate"][0] == pytest.approx(fit.drift["estimate"][1], rel=1e-9)


def test_no_nan_leaves():
    for model in MODELS.values():
        for name in AT_ONCE + SEQUENTIAL:
            fit = age_period_cohort(*table(), model=model, parametrisation=name, knots=KNOTS)
            assert fit.status == "ok"
            for own in tables(fit):
                numbers = own.select(pl.selectors.float()).to_numpy().astype(float)
                held = own.select(pl.selectors.float().is_null()).to_numpy()
                assert np.isfinite(numbers[~held]).all()


# --- errors ------------------------------------------------------------------------------------


def test_errors():
    a, p, d, y = table()
    with pytest.raises(UsageError, match=r"no such model.*'spline'.*natural spline"):
        age_period_cohort(a, p, d, y, model="spline")
    with pytest.raises(UsageError, match=r"no such parametrisation.*'CAP'"):
        age_period_cohort(a, p, d, y, parametrisation="CAP")
    with pytest.raises(UsageError, match=r"no such drift.*'Y'"):
        age_period_cohort(a, p, d, y, drift="Y")
    with pytest.raises(UsageError, match="weight of person-years is out of range"):
        age_period_cohort(a, p, d, y, drift=-1)
    with pytest.raises(UsageError, match="differ in shape"):
        age_period_cohort(a[1:], p, d, y)
    with pytest.raises(UsageError, match="age or a period is no number"):
        age_period_cohort(np.where(a == 30, np.nan, a), p, d, y)
    with pytest.raises(UsageError, match="reference cohort is no number"):
        age_period_cohort(a, p, d, y, reference_cohort=math.inf)
    with pytest.raises(UsageError, match="person-years of a rate"):
        age_period_cohort(a, p, d, y, per=0)
    with pytest.raises(UsageError, match=r"too few knots for period: got 1; allowed: 2 or more"):
        age_period_cohort(a, p, d, y, knots=(4, 1, 4))
    with pytest.raises(UsageError, match=r"too few knots for age.*3 or more for a b-spline"):
        age_period_cohort(a, p, d, y, model="b-spline", knots=(2, 4, 4))
    with pytest.raises(UsageError, match="too few knots for cohort"):
        age_period_cohort(a, p, d, y, knots=(4, 4, [1950]))
    with pytest.raises(UsageError, match="knots of age must rise"):
        age_period_cohort(a, p, d, y, knots=([40, 40, 50], 4, 4))
    with pytest.raises(UsageError, match=r"inner knots of age .* more than 30, less than 60"):
        age_period_cohort(a, p, d, y, model="b-spline", knots=([30, 40], 4, 4))
    with pytest.raises(CaseError, match="whole numbers"):
        age_period_cohort(a, p, d + 0.5, y)
    with pytest.raises(CaseError, match="whole numbers"):
        age_period_cohort(a, p, -1 - d, y)
    with pytest.raises(PopulationError, match="lacking where there are cases"):
        age_period_cohort(a, p, d + 1, np.where(a == 30, 0, y))
    with pytest.raises(PopulationError, match="negative"):
        age_period_cohort(a, p, d, -y)


# --- recovery ----------------------------------------------------------------------------------


def recovered(replicates):
    """Share of 95 % limits that hold the truth: drift, and the first cohort against 1950.

    The truth is a parabola in cohort, less its line over the cells; factors take any curve.
    """
    held = np.zeros(2)
    for seed in range(replicates):
        random = np.random.default_rng(seed)
        a, p, _, y = table(0)
        c = p - a
        curve = -0.002 * (c - 1950) ** 2
        rate = np.exp(-7.5 + 0.05 * (a - 45) + 0.03 * (p - 1990) + curve)
        fit = age_period_cohort(
            a, p, random.poisson(rate * y), y, model="factor", parametrisation="AdCP",
            reference_cohort=1950, drift="equal",
        )  # fmt: skip
        slope, _ = np.polyfit(c, curve, 1)
        first = 1920.0
        flat = (-0.002 * (first - 1950) ** 2) - slope * (first - 1950)
        truth = (100 * math.expm1(0.03 + slope), math.exp(flat))
        rows = fit.drift.row(0, named=True), fit.cohort.row(0, named=True)
        held += [
            row["lower"] <= value <= row["upper"] for row, value in zip(rows, truth, strict=True)
        ]
    return held / replicates


def within(share, n):
    return abs(share - 0.95) <= 4 * math.sqrt(0.95 * 0.05 / n)


def test_limits_hold_the_truth():
    assert all(within(share, 60) for share in recovered(60))


@pytest.mark.slow
def test_limits_hold_the_truth_in_1500():
    assert all(within(share, 1500) for share in recovered(1500))
