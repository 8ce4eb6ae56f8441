"""Cure models: cuRe beside them, gradients, known truth, remarks and refusals."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from rarecare.errors import ModelError, UsageError
from rarecare.models import cure_model, flexible_excess_hazard, persons
from rarecare.models.cure import _likelihood
from tests.survival.invented import STEEP, D, life_table

COLUMNS = {"time": "t", "died": "ev", "expected": "bhaz"}


def read(path):
    return pl.read_csv(path, comment_prefix="#", infer_schema_length=None)


@pytest.fixture(scope="module")
def colon(shared_data):
    return read(shared_data / "model_input_colon_localised.csv")


@pytest.fixture(scope="module")
def reference(shared_reference):
    return read(shared_reference / "cuRe_fit.cure.model_colon_coef.csv")


@pytest.mark.parametrize(("dist", "off"), [("weibull", 2e-3), ("exponential", 2e-3)])
def test_cure_without_covariates(colon, reference, dist, off):
    """cuRe stops a little early: our likelihood is not below its, coefficients within 2e-3."""
    rows = reference.filter((pl.col("dist") == dist) & (pl.col("cov") == 0))
    fit = cure_model(colon, distribution=dist, **COLUMNS)
    assert fit.loglik >= rows["negloglik"][0]
    assert fit.loglik == pytest.approx(rows["negloglik"][0], abs=1e-3)
    assert fit.coefficients == pytest.approx(rows["coef"].to_numpy(), abs=off)
    assert fit.table()["se"].to_numpy() == pytest.approx(rows["se"].to_numpy(), rel=0.01)


def test_with_covariates_its_program_stopped_short(colon, reference):
    rows = reference.filter((pl.col("dist") == "weibull") & (pl.col("cov") == 1))
    fit = cure_model(colon, "~ fem + y8594 + a2 + a3 + a4", "~ fem + a4", starts=9, **COLUMNS)
    assert fit.loglik == pytest.approx(-8540.21635, abs=1e-4)
    # the same likelihood at its coefficients, which are not the maximum
    x = colon.select("fem", "y8594", "a2", "a3", "a4").to_numpy().astype(float)
    x = np.column_stack([np.ones(len(x)), x])
    z = np.column_stack([np.ones(len(x)), x[:, 1], x[:, 5]])
    value, gradient = _likelihood(
        rows["coef"].to_numpy(), x, z, colon["t"].to_numpy(), colon["ev"].to_numpy() == 1,
        colon["bhaz"].to_numpy(), "mixture", "weibull",
    )  # fmt: skip
    assert value == pytest.approx(rows["negloglik"][0], abs=1e-5)
    assert np.abs(gradient).max() > 1
    assert fit.loglik > value + 2


def test_a_log_normal_share_at_its_bound_is_said(colon):
    fit = cure_model(colon, distribution="lognormal", **COLUMNS)
    assert fit.loglik == pytest.approx(-8579.3153, abs=1e-3)
    assert "the cured share is at its bound" in fit.remarks
    assert "at its bound" in fit.table()["reason"][0]


@pytest.mark.parametrize("kind", ["mixture", "non-mixture"])
@pytest.mark.parametrize("distribution", ["weibull", "exponential", "lognormal"])
def test_gradients_by_differences(kind, distribution):
    rng = np.random.default_rng(2)
    n = 50
    x = np.column_stack([np.ones(n), rng.normal(size=n)])
    z = np.column_stack([np.ones(n), rng.normal(size=n)])
    t, dead = rng.uniform(0.2, 6, n), rng.random(n) < 0.6
    background = rng.uniform(0.01, 0.1, n)
    beta = np.array([0.3, -0.4, -0.8, 0.2, -0.2])[: 5 - (distribution == "exponential")]
    rest = (x, z, t, dead, background, kind, distribution)
    _, gradient = _likelihood(beta, *rest)
    step = 1e-6
    for place in range(len(beta)):
        move = np.eye(len(beta))[place] * step
        difference = (_likelihood(beta + move, *rest)[0] - _likelihood(beta - move, *rest)[0]) / (
            2 * step
        )
        assert gradient[place] == pytest.approx(difference, rel=1e-6, abs=1e-6)


def invented(n, seed, *, share=0.4):
    """Cured with the given share; the others after Weibull; hazard of the population 0.04."""
    rng = np.random.default_rng(seed)
    cured = rng.random(n) < share
    cancer = np.where(cured, np.inf, (rng.exponential(size=n) / 0.8) ** (1 / 1.2))
    other, stop = rng.exponential(1 / 0.04, n), rng.uniform(8, 15, n)
    return pl.DataFrame(
        {
            "time_years": np.minimum(np.minimum(cancer, other), stop),
            "died": np.minimum(cancer, other) <= stop,
            "expected_hazard": np.full(n, 0.04),
        }
    )


@pytest.mark.parametrize("kind", ["mixture"])
def test_a_planted_share_is_recovered(kind):
    found, covers = [], []
    for seed in range(40):
        fit = cure_model(invented(600, seed), kind=kind, starts=2)
        row = fit.cured_share(pl.DataFrame({"x": [1]})).row(0, named=True)
        found.append(row["estimate"])
        covers.append(row["lower"] <= 0.4 <= row["upper"])
    spread = np.std(found, ddof=1)
    assert abs(np.mean(found) - 0.4) < 4 * spread / np.sqrt(40)
    assert np.mean(covers) > 0.95 - 4 * np.sqrt(0.95 * 0.05 / 40)


def test_predictions_hang_together():
    fit = cure_model(invented(3_000, 1), starts=2)
    one = pl.DataFrame({"x": [1]})
    share = fit.cured_share(one)["estimate"][0]
    late = fit.net_survival(one, [1.0, 60.0])
    assert late["estimate"][1] == pytest.approx(share, abs=1e-6)
    assert late["estimate"][0] > late["estimate"][1]
    when = fit.time_to_cure(one)["time_years"][0]
    at = fit.net_survival(one, [when])["estimate"][0]
    assert share / at == pytest.approx(0.95, abs=0.003)
    assert fit.time_to_cure(one, longest=0.5)["reason"][0] == "not within 0.5 years"


def test_short_follow_up_is_said():
    short = invented(800, 3).with_columns(
        died=pl.col("died") & (pl.col("time_years") <= 1),
        time_years=pl.min_horizontal("time_years", pl.lit(1.0)),
    )
    fit = cure_model(short, starts=2)
    assert any("short of the plateau" in remark for remark in fit.remarks)


@pytest.mark.parametrize(
    ("choices", "error", "words"),
    [
        ({"kind": "mixtur"}, UsageError, "Did you mean 'mixture'"),
        ({"distribution": "gamma"}, UsageError, "weibull"),
        ({"starts": 0}, UsageError, "1 or more"),
        ({"cured": "~ x + y"}, UsageError, "cannot be read"),
    ],
)
def test_refusals(choices, error, words):
    with pytest.raises(error, match=words):
        cure_model(invented(50, 1), **choices)
    with pytest.raises(ModelError, match="no deaths"):
        cure_model(invented(50, 1).with_columns(died=pl.lit(value=False)))


def test_persons_carry_the_hazard_of_the_day_of_exit():
    table = life_table(STEEP)
    cases = pl.DataFrame(
        {
            "sex": ["male", "female"], "incidence_date": date(2000, 12, 30),
            "age_days": [61 * D - 1, 62.5 * D], "follow_up_days": [1, 400], "died": [True, True],
        }
    )  # fmt: skip
    data, provenance = persons(cases, table, covariates=["sex"], days_per_year=D)
    assert data["expected_hazard"].to_list() == pytest.approx(
        [STEEP["male", 60, 2000], STEEP["female", 63, 2002]]
    )
    assert data["time_years"].to_list() == pytest.approx([1 / D, 400 / D])
    cut, _ = persons(cases, table, covariates=["sex"], until=1, days_per_year=D)
    assert cut["died"].to_list() == [True, False]
    assert cut["time_years"][1] == pytest.approx(1)
    assert provenance.exclusions["records"].to_list() == [2, 2]


def test_persons_fit_as_the_file_does(cohort):
    from rarecare import LifeTable, read_cases  # noqa: PLC0415

    cases = read_cases(cohort / "cases.csv", days_per_year=365.241)
    data, _ = persons(
        cases, LifeTable.read(cohort / "lifetable.csv"), covariates=["sex", "stage"], until=5,
        days_per_year=365.241,
    )  # fmt: skip
    fit = flexible_excess_hazard(data, "~ age + sex + stage", df=4)
    # the file's model has the same covariates and region; its hazards are those at exit
    ours = {row["term"]: row["coefficient"] for row in fit.table().iter_rows(named=True)}
    assert ours["stage[T.localised]"] == pytest.approx(-1.9, abs=0.05)


def test_a_weibull_model_is_never_below_the_exponential_within_it(colon):
    """From few starts too: the exponential's maxima are starts."""
    formulas = ("~ fem + y8594 + a2 + a3 + a4", "~ fem + a4")
    nested = cure_model(colon, *formulas, distribution="exponential", **COLUMNS)
    fit = cure_model(colon, *formulas, starts=3, **COLUMNS)
    assert nested.loglik == pytest.approx(-8540.30820, abs=1e-4)
    assert fit.loglik > nested.loglik
