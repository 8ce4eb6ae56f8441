"""Log hazard by B-splines with a random intercept: mexhaz beside it, quadrature, refusals."""

import numpy as np
import polars as pl
import pytest

from rarecare.errors import ModelError, UsageError
from rarecare.models import hazard_model
from rarecare.models.hazard import LogSplines, _Data, _grouped, _plain

COLUMNS = {"time": "t", "died": "ev", "expected": "bhaz"}


def read(path):
    return pl.read_csv(path, comment_prefix="#", infer_schema_length=None)


@pytest.fixture(scope="module")
def invented(cohort):
    agec = pl.col("agec").cast(pl.String).str.strip_chars().cast(pl.Float64)
    return read(cohort / "model_input.csv").with_columns(agec=agec)


@pytest.fixture(scope="module")
def mexhaz(cohort):
    lines = (cohort / "models.csv").read_text().splitlines()
    cells = [line.split(",") for line in lines if line.startswith("mexhaz_")]
    return {(own[0], own[1]): [float(x) for x in own[2:]] for own in cells}


NAMES = {"Intercept": "baseline[0]", **{f"BS3.{k}": f"baseline[{k}]" for k in range(1, 6)},
         "hosp [log(sd)]": "log sd"}  # fmt: skip


@pytest.mark.parametrize(
    ("model", "group", "close"),
    [("mexhaz_bs3_knots1_3", None, 1e-6), ("mexhaz_random_hospital", "hospital_id", 1e-4)],
)
def test_the_invented_cases_beside_mexhaz(invented, mexhaz, model, group, close):
    """With hospitals mexhaz stops a little early: its likelihood is not above ours."""
    fit = hazard_model(
        invented, "~ agec + fem + si + reg + dis", knots=(1.0, 3.0), group=group, **COLUMNS
    )
    ours = {row["term"]: row for row in fit.table().iter_rows(named=True)}
    rows = {term: values for (own, term), values in mexhaz.items() if own == model}
    assert len(rows) == len(ours)
    for term, (coefficient, se, loglik) in rows.items():
        row = ours[NAMES.get(term, term)]
        assert row["coefficient"] == pytest.approx(coefficient, abs=close)
        assert row["se"] == pytest.approx(se, abs=close)
        assert fit.loglik == pytest.approx(loglik, abs=2e-6)
        assert fit.loglik > loglik - 1e-6
    if group:
        assert fit.groups.height == invented[group].n_unique()
        assert fit.groups["deaths"].sum() == invented["ev"].sum()


@pytest.mark.parametrize("data", ["simdatn1"])
def test_the_likelihood_at_the_coefficients_of_mexhaz(shared_data, shared_reference, data):
    frame = read(shared_data / "mexhaz_simdatn1.csv")
    rows = read(shared_reference / "mexhaz_simdatn_coef.csv").filter(data=data, base="exp.bs")
    t, dead = frame["timesurv"].to_numpy(), frame["vstat"].to_numpy() == 1
    x = frame.select("agecr", "IsexH", "depindex").to_numpy().astype(float)
    baseline = LogSplines((0.0, 1.0, 5.0, float(t.max())), 3)
    made = _Data.of(t, dead, frame["popmrate"].to_numpy(), x, baseline)
    levels = {value: place for place, value in enumerate(frame["clust"].unique().sort().to_list())}
    of_group = np.array([levels[value] for value in frame["clust"].to_list()])
    for random in ("none", "clust"):
        own = rows.filter(random=random)
        beta = own["coef"].to_numpy()
        if random == "none":
            point = _plain(beta, made)
        else:
            point = grouped(beta, made, of_group, len(levels)).point
        assert point.value == pytest.approx(own["loglik"][0], abs=1e-6)
        # near its maximum: the score is small beside its standard error
        assert np.abs(point.score * own["se"].to_numpy()).max() < 0.05


def grouped(beta, made, of_group, size):
    order = np.argsort(of_group[made.dead], kind="stable")
    return _grouped(beta, made, of_group, order, size)


def small(n=80, groups=6, seed=1):
    rng = np.random.default_rng(seed)
    of_group = rng.integers(0, groups, n)
    effect = rng.normal(scale=0.5, size=groups)
    cancer = rng.exponential(1 / (0.4 * np.exp(effect[of_group])))
    stop = rng.uniform(2, 8, n)
    return pl.DataFrame(
        {
            "time_years": np.minimum(cancer, stop), "died": cancer <= stop,
            "expected_hazard": np.full(n, 0.03), "x": rng.normal(size=n), "hospital": of_group,
        }
    )  # fmt: skip


def parts(frame, degree=3):
    t, dead = frame["time_years"].to_numpy(), frame["died"].to_numpy()
    x = frame.select("x").to_numpy()
    baseline = LogSplines((0.0, 1.0, float(t.max())), degree)
    return baseline, _Data.of(t, dead, frame["expected_hazard"].to_numpy(), x, baseline)


@pytest.mark.parametrize(("degree", "close"), [(3, 1e-7), (0, 1e-3)])
def test_the_cumulative_hazard_by_a_fine_grid(degree, close):
    """A step of a constant baseline falls between two points of the grid."""
    frame = small(20)
    baseline, made = parts(frame, degree)
    beta = np.array([*[-1.0, 0.4, -0.7, 0.5, 0.2][: baseline.size], 0.3])
    total, _, _ = made.cumulative(beta)
    for place, end in enumerate(frame["time_years"]):
        grid = np.linspace(0, end, 20_001)
        h = np.exp(baseline.basis(grid) @ beta[:-1] + 0.3 * frame["x"][place])
        assert total[place] == pytest.approx(np.trapezoid(h, grid), rel=close)


def test_derivatives_by_differences():
    frame = small()
    of_group = frame["hospital"].to_numpy()
    _, made = parts(frame)
    beta = np.array([-1.0, 0.1, -0.2, 0.1, 0.05, 0.3, np.log(0.4)])
    step = 1e-5
    for point_of, b, close in (
        (lambda b: _plain(b, made), beta[:-1], 1e-6),
        # derivatives are those of the integral: what 20 nodes leave of it
        (lambda b: grouped(b, made, of_group, 6).point, beta, 1e-5),
    ):
        point = point_of(b)
        for place in range(len(b)):
            move = np.eye(len(b))[place] * step
            up, down = point_of(b + move), point_of(b - move)
            slope = (up.value - down.value) / (2 * step)
            assert point.score[place] == pytest.approx(slope, rel=close, abs=close)
            bend = (down.score - up.score) / (2 * step)
            assert point.information[place] == pytest.approx(bend, rel=1e-4, abs=1e-4)


def test_the_random_effect_by_a_fine_grid():
    frame = small()
    of_group = frame["hospital"].to_numpy()
    _, made = parts(frame)
    beta = np.array([-1.0, 0.1, -0.2, 0.1, 0.05, 0.3, np.log(0.4)])
    total, _, _ = made.cumulative(beta[:-1])
    h = made.hazard(beta[:-1])
    u = np.linspace(-4, 4, 8001)
    sigma, whole = 0.4, 0.0
    for group in range(6):
        held = of_group == group
        dead = held[made.dead]
        logs = np.log(made.background[dead][:, None] + h[dead][:, None] * np.exp(u)).sum(axis=0)
        logs -= total[held].sum() * np.exp(u)
        density = np.exp(-(u**2) / (2 * sigma**2)) / (sigma * np.sqrt(2 * np.pi))
        whole += np.log(np.trapezoid(np.exp(logs) * density, u))
    assert grouped(beta, made, of_group, 6).point.value == pytest.approx(whole, abs=1e-9)


def test_planted_hospitals_are_found_and_shrunken():
    frame = small(4_000, 12, seed=4)
    fit = hazard_model(frame, "~ x", knots=(1.0,), group="hospital")
    row = fit.table().row(by_predicate=pl.col("term") == "log sd", named=True)
    assert abs(row["coefficient"] - np.log(0.5)) < 4 * row["se"]
    effects = fit.groups["effect"].to_numpy()
    rng = np.random.default_rng(4)
    rng.integers(0, 12, 4_000)
    planted = rng.normal(scale=0.5, size=12)
    assert np.corrcoef(effects, planted)[0, 1] > 0.95
    assert (fit.groups["lower"] < fit.groups["effect"]).all()


@pytest.mark.parametrize(
    ("choices", "error", "words"),
    [
        ({"group": "country"}, UsageError, "no such column"),
        ({"knots": (2.0, 1.0)}, UsageError, "knots must rise"),
        ({"formula": "~ 0 + x"}, UsageError, "needs its intercept"),
        ({"group": "one"}, ModelError, "there is one one"),
    ],
)
def test_refusals(choices, error, words):
    frame = small().with_columns(one=pl.lit("a"))
    formula = choices.pop("formula", "~ x")
    with pytest.raises(error, match=words):
        hazard_model(frame, formula, **choices)
