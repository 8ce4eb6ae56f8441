"""``rarecare model``: what it prints and refuses."""

import io

import polars as pl
import pytest

from rarecare import ExclusionRules, LifeTable, poisson_excess_hazard, read_cases
from rarecare.cli import main
from rarecare.models import explain_differences
from rarecare.registry.ages import add_age_groups


@pytest.fixture
def model(cohort):
    def run(*arguments):
        return main(
            ["model", str(cohort / "cases.csv"), "--life-table", str(cohort / "lifetable.csv"),
             *arguments]
        )  # fmt: skip

    return run


def printed(capsys):
    return pl.read_csv(io.StringIO(capsys.readouterr().out), infer_schema_length=None)


def test_a_poisson_model_is_that_of_the_library(model, cohort, capsys):
    formula = "~ C(interval) + sex + stage"
    arguments = ["--kind", "poisson", "--covariates", "sex,stage", "--formula", formula]
    assert model(*arguments, "--format", "csv") == 0
    table = printed(capsys)
    _, expected = poisson_excess_hazard(
        read_cases(cohort / "cases.csv"), LifeTable.read(cohort / "lifetable.csv"), formula,
        covariates=["sex", "stage"],
    )  # fmt: skip
    assert table["term"].to_list() == expected.table["term"].to_list()
    assert table["ratio"].to_list() == pytest.approx(expected.table["ratio"].to_list(), rel=1e-10)
    assert model(*arguments) == 0
    assert "deviance" in capsys.readouterr().out


def test_a_flexible_model_tells_its_knots(model, capsys):
    arguments = ["--covariates", "stage", "--formula", "~ age + stage", "--until", "5"]
    assert model(*arguments) == 0
    shown = capsys.readouterr().out
    assert "knots of log years" in shown
    assert "stage[T.localised]" in shown
    assert model(*arguments, "--varying", "age=2", "--format", "csv") == 0
    assert "age:spline[2]" in printed(capsys)["term"].to_list()


def test_a_cure_model_says_what_is_not_sure(model, capsys):
    assert model("--kind", "cure", "--covariates", "stage", "--formula", "~ stage") == 0
    assert "starts ended at a maximum" in capsys.readouterr().out


def test_age_groups_may_be_made(model, capsys):
    arguments = ["--kind", "poisson", "--covariates", "sex", "--age-groups", "15,55,75"]
    assert model(*arguments, "--formula", "~ C(interval) + age_group", "--format", "csv") == 0
    assert any(term.startswith("age_group") for term in printed(capsys)["term"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--covariates", "grade", "--formula", "~ grade"], "grade"),
        (["--covariates", "stage", "--formula", "~ stage +"], "cannot be read"),
        (["--covariates", "stage", "--formula", "~ stage", "--varying", "stage"], "TERM=COLUMNS"),
        (["--covariates", "stage", "--formula", "~ stage", "--df", "0"], "degrees of freedom"),
    ],
)
def test_refusals(model, capsys, arguments, words):
    assert model(*arguments) in (1, 2)
    shown = capsys.readouterr().err
    assert words in shown
    assert "Traceback" not in shown


def test_a_random_intercept_tells_each_groups_ratio(model, capsys):
    arguments = ["--covariates", "stage", "--group", "hospital_id"]
    assert model(*arguments, "--kind", "hazard", "--formula", "~ stage", "--knots", "1,3") == 0
    shown = capsys.readouterr().out
    assert "log sd" in shown
    assert "shrunken excess-hazard ratios by hospital_id: H00" in " ".join(shown.split())
    formula = "~ C(interval) + stage"
    assert model(*arguments, "--kind", "poisson", "--formula", formula, "--format", "csv") == 0
    assert printed(capsys)["term"].to_list()[-1] == "log sd"
    assert model(*arguments, "--kind", "flexible", "--formula", "~ stage") == 2
    assert "has no random intercept" in capsys.readouterr().err


def test_constant_hazards_and_flat_splines(model, capsys):
    arguments = ["--covariates", "stage", "--formula", "~ stage", "--format", "csv"]
    assert model(*arguments, "--kind", "hazard", "--degree", "0", "--knots", "1,3,5") == 0
    assert printed(capsys)["term"].to_list()[:4] == [f"baseline[{k}]" for k in range(4)]
    assert model(*arguments, "--kind", "flexible-cure") == 0
    assert "spline[4]" in printed(capsys)["term"].to_list()


@pytest.fixture
def determinants(cohort):
    def run(*arguments):
        return main(
            ["determinants", str(cohort / "cases.csv"), "--life-table",
             str(cohort / "lifetable.csv"), "--unit", "region", "--bootstrap", "10",
             "--imputations", "3", *arguments]
        )  # fmt: skip

    return run


def test_determinants_are_those_of_the_library(determinants, cohort, capsys):
    explain = ["--explain", "age and sex=age_group,sex", "stage", "--age-groups", "15,55,75"]
    assert determinants(*explain, "--format", "csv") == 0
    table = printed(capsys)
    assert table["determinant"].unique(maintain_order=True).to_list() == [
        "age and sex", "stage", "unexplained"
    ]  # fmt: skip
    for years in (1, 5):
        assert table.filter(time_years=years)["shapley"].sum() == pytest.approx(1)
    made = explain_differences(
        add_age_groups(read_cases(cohort / "cases.csv"), [15, 55, 75]),
        LifeTable.read(cohort / "lifetable.csv"), unit="region", bootstrap=10, imputations=3,
        determinants={"age and sex": ["age_group", "sex"], "stage": ["stage"]},
        rules=ExclusionRules(ages=(15, 99), needed=()),
    )  # fmt: skip
    own = made.decomposition.shares
    assert table["shapley"].to_list() == pytest.approx(own["shapley"].to_list(), rel=1e-9)
    for show in ("survival", "ratios", "avoidable"):
        assert determinants(*explain, "--show", show) == 0
        assert capsys.readouterr().out


def test_determinants_have_a_figure_and_a_model_has_none(determinants, model, tmp_path, capsys):
    assert determinants("--explain", "stage", "--figure", str(tmp_path / "d.svg")) == 0
    assert "+ stage" in (tmp_path / "d.svg").read_text(encoding="utf-8")
    arguments = ["--covariates", "stage", "--formula", "~ stage", "--figure"]
    assert model(*arguments, str(tmp_path / "m.svg")) == 2
    assert "has no figure" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--explain", "stage=sex", "stage"], "each once"),
        (["--explain", "grade"], "grade"),
        (["--explain", "stage", "--at", "7"], "not the end of an interval"),
    ],
)
def test_determinants_refuse(determinants, capsys, arguments, words):
    assert determinants(*arguments) in (1, 2)
    shown = capsys.readouterr().err
    assert words in shown
    assert "Traceback" not in shown
