"""``rarecare model``: what it prints and refuses."""

import io

import polars as pl
import pytest

from rarecare import LifeTable, poisson_excess_hazard, read_cases
from rarecare.cli import main


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
