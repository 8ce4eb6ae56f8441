"""Flexible parametric model: rstpm2 beside it, derivatives, known truth, refusals."""

import numpy as np
import polars as pl
import pytest

from rarecare.errors import ModelError, UsageError
from rarecare.models import flexible_excess_hazard
from rarecare.models.flexible import _link, _point
from rarecare.models.splines import RestrictedCubic

COLON = "~ fem + y8594 + a2 + a3 + a4"
COLUMNS = {"time": "t", "died": "ev", "expected": "bhaz"}


def read(path):
    return pl.read_csv(path, comment_prefix="#", infer_schema_length=None)


@pytest.fixture(scope="module")
def colon(shared_data):
    return read(shared_data / "model_input_colon_localised.csv")


@pytest.mark.parametrize("df", [3, 4, 5])
def test_rstpm2(colon, shared_reference, df):
    """stpm2 with the same knots: its basis differs, the space it spans does not."""
    rows = read(shared_reference / "rstpm2_stpm2_colon_coef.csv").filter(model=f"stpm2 df={df}")
    fit = flexible_excess_hazard(colon, COLON, df=df, **COLUMNS)
    assert fit.loglik == pytest.approx(rows["loglik"][0], abs=1e-6)
    assert fit.aic == pytest.approx(rows["aic"][0], abs=1e-5)
    ours = {row["term"]: row for row in fit.table().iter_rows(named=True)}
    for row in rows.filter(pl.col("term").is_in(["fem", "y8594", "a2", "a3", "a4"])).rows(
        named=True
    ):
        # its optimiser stops at a gradient of 1e-5 or so
        assert ours[row["term"]]["coefficient"] == pytest.approx(row["coef"], abs=1e-5)
        assert ours[row["term"]]["se"] == pytest.approx(row["se"], abs=1e-6)
    predicted = read(shared_reference / "rstpm2_stpm2_colon_pred.csv").filter(df=df, tvc=0)
    profiles = predicted.select("fem", "y8594", "a2", "a3", "a4")
    for place, row in enumerate(predicted.iter_rows(named=True)):
        made = fit.net_survival(profiles[place], [row["t"]]).row(0, named=True)
        assert made["estimate"] == pytest.approx(row["surv"], abs=3e-6)
        assert made["excess_hazard"] == pytest.approx(row["exhaz"], abs=3e-6)
    assert predicted.height > 0


@pytest.mark.parametrize(("df", "ours"), [(3, -8527.18), (4, -8518.69), (5, -8509.02)])
def test_rstpm2_with_varying_effects_stops_short(colon, shared_reference, df, ours):
    name = f"stpm2 df={df} tvc a4=2 fem=2"
    rows = read(shared_reference / "rstpm2_stpm2_colon_coef.csv").filter(model=name)
    fit = flexible_excess_hazard(colon, COLON, df=df, varying={"a4": 2, "fem": 2}, **COLUMNS)
    assert fit.loglik == pytest.approx(ours, abs=0.01)
    assert fit.loglik > rows["loglik"][0] + 1


def test_delayed_entry(colon, shared_reference):
    reference = read(shared_reference / "rstpm2_delayed_entry_colon.csv")
    late = colon.filter(pl.col("t") > 1).with_columns(t0=pl.lit(1.0))
    fit = flexible_excess_hazard(late, COLON, df=3, entry="t0", **COLUMNS)
    expected = dict(reference.select("term", "coef").iter_rows())
    assert fit.loglik == pytest.approx(expected["loglik"], abs=1e-6)
    for row in fit.table().iter_rows(named=True):
        if row["term"] in expected:
            assert row["coefficient"] == pytest.approx(expected[row["term"]], abs=1e-5)


def test_the_invented_cases_beside_rstpm2(cohort):
    data = read(cohort / "model_input.csv").with_columns(
        agec=pl.col("agec").cast(pl.String).str.strip_chars().cast(pl.Float64)
    )
    lines = (cohort / "models.csv").read_text().splitlines()
    cells = [line.split(",") for line in lines if line.startswith("stpm2_df4,")]
    rows = {own[1]: [float(x) for x in own[-3:]] for own in cells}  # coef, se, loglik
    fit = flexible_excess_hazard(data, "~ agec + fem + si + reg + dis", df=4, **COLUMNS)
    assert fit.loglik == pytest.approx(rows["fem"][2], abs=1e-5)
    ours = {row["term"]: row for row in fit.table().iter_rows(named=True)}
    for term in ("agec", "fem", "si", "reg", "dis"):
        coefficient, se, _ = rows[term]
        assert ours[term]["coefficient"] == pytest.approx(coefficient, abs=1e-4)
        assert ours[term]["se"] == pytest.approx(se, abs=1e-4)


@pytest.mark.parametrize("link", ["PH", "PO"])
def test_derivatives_by_differences(link):
    rng = np.random.default_rng(3)
    n, k = 60, 4
    basis, slope = rng.normal(size=(n, k)), rng.normal(size=(n, k)) * 0.1
    basis[:, 0], slope[:, 0] = 1, 0
    slope[:, 1] = 1
    t, dead = rng.uniform(0.5, 4, n), rng.random(n) < 0.6
    background = rng.uniform(0.05, 0.2, n)
    late = rng.normal(size=(10, k)) - 1
    beta = np.array([-1.5, 0.8, 0.1, -0.1])

    def at(b):
        return _point(b, basis, slope, t, dead, background, late, link)

    point = at(beta)
    assert np.isfinite(point.value)
    step = 1e-6
    for place in range(k):
        move = np.eye(k)[place] * step
        up, down = at(beta + move), at(beta - move)
        assert point.score[place] == pytest.approx((up.value - down.value) / (2 * step), rel=1e-6)
        column = -(up.score - down.score) / (2 * step)
        assert point.information[:, place] == pytest.approx(column, rel=1e-6, abs=1e-6)


def test_links_and_their_derivatives():
    eta = np.linspace(-3, 3, 7)
    for link in ("PH", "PO"):
        values = _link(eta, link)
        step = 1e-6
        for position, upper in enumerate(values[1:]):
            difference = (_link(eta + step, link)[position] - _link(eta - step, link)[position]) / (
                2 * step
            )
            assert upper == pytest.approx(difference, rel=1e-6)


def test_splines_are_smooth_and_straight_outside():
    u = np.linspace(-2, 3, 2001)
    own = RestrictedCubic.on(u, [-1.0, 0.0, 0.5, 2.0])
    step = u[1] - u[0]
    differences = np.gradient(own.basis(u), step, axis=0)
    assert own.slope(u)[2:-2] == pytest.approx(differences[2:-2], abs=2e-4)
    for outside in (u < -1, u > 2):
        bend = np.diff(own.basis(u)[outside], n=2, axis=0)
        assert np.abs(bend).max() < 1e-9


def invented(n, seed, *, ratio=2.0):
    """Weibull excess of shape 0.8; the general population's hazard is 0.05 a year."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, n)
    scale = 0.4 * np.where(group == 1, ratio, 1.0)
    cancer = (rng.exponential(size=n) / scale) ** (1 / 0.8)
    other, stop = rng.exponential(1 / 0.05, n), rng.uniform(2, 8, n)
    last = np.minimum(np.minimum(cancer, other), stop)
    return pl.DataFrame(
        {
            "group": group, "time_years": last, "died": np.minimum(cancer, other) <= stop,
            "expected_hazard": np.full(n, 0.05),
        }
    )  # fmt: skip


def recovered(runs):
    found, covers = [], []
    for seed in range(runs):
        fit = flexible_excess_hazard(invented(500, seed), "~ group", df=3)
        row = fit.table().row(by_predicate=pl.col("term") == "group", named=True)
        found.append(row["coefficient"])
        covers.append(row["lower"] <= 2 <= row["upper"])
    bias = (np.mean(found) - np.log(2)) / np.std(found, ddof=1)
    return bias, np.mean(covers)


def test_a_planted_ratio_is_recovered():
    bias, coverage = recovered(60)
    assert abs(bias) < 4 / np.sqrt(60)
    assert coverage > 0.95 - 4 * np.sqrt(0.95 * 0.05 / 60)


@pytest.mark.slow
def test_a_planted_ratio_is_recovered_in_1000_replicates():
    bias, coverage = recovered(1000)
    assert abs(bias) < 0.1
    assert abs(coverage - 0.95) < 3 * np.sqrt(0.95 * 0.05 / 1000)


def test_standardised_survival_is_the_mean_of_the_profiles():
    data = invented(800, 5)
    fit = flexible_excess_hazard(data, "~ group", df=3)
    each = fit.net_survival(fit.people.drop("n"), [5.0])
    mean = (each["estimate"] * fit.people["n"]).sum() / data.height
    table = fit.standardised([1, 5])
    assert table["estimate"][1] == pytest.approx(mean, rel=1e-12)
    assert table["n"][0] == data.height
    fixed = fit.standardised([5], fixed={"group": 1})
    assert fixed["estimate"][0] == pytest.approx(each.filter(group=1)["estimate"][0], rel=1e-12)


@pytest.mark.parametrize(
    ("change", "choices", "error", "words"),
    [
        ({}, {"link": "AFT"}, UsageError, "PH, PO"),
        ({}, {"df": 0}, UsageError, "degrees of freedom"),
        ({}, {"knots": [1.0, 0.0]}, UsageError, "knots must rise"),
        ({}, {"varying": {"sex": 2}}, UsageError, "varying term"),
        ({}, {"expected": "bhaz"}, UsageError, "no such column"),
        ({"time_years": 0.0}, {}, ModelError, "not above 0"),
        ({"died": False}, {}, ModelError, "no deaths"),
        ({"expected_hazard": -1.0}, {}, ModelError, "missing or negative"),
        ({"group": 1}, {}, ModelError, "collinear"),
    ],
)
def test_refusals(change, choices, error, words):
    data = invented(100, 1).with_columns(**{name: pl.lit(v) for name, v in change.items()})
    with pytest.raises(error, match=words):
        flexible_excess_hazard(data, "~ group", **choices)
