"""Every question ``rarecare survival`` answers, and the styles of other programs."""

import io
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from rarecare import ExclusionRules, LifeTable, exclude, read_cases
from rarecare.cli import main, output
from rarecare.survival import (
    cause_specific_survival,
    conditional_survival,
    crude_mortality,
    expected_survival,
    interval_survival,
    life_years,
    life_years_lost,
    net_survival,
    net_survival_test,
    survival_contrasts,
)
from rarecare.survival.styles import in_style, seer_text

COHORT = Path(__file__).parent.parent / "cohort"


@pytest.fixture
def survival(cohort):
    def run(*arguments):
        return main(
            ["survival", str(cohort / "cases.csv"), "--life-table", str(cohort / "lifetable.csv"),
             *arguments]
        )  # fmt: skip

    return run


@pytest.fixture
def cases(cohort):
    return read_cases(cohort / "cases.csv")


@pytest.fixture
def lives(cohort):
    return LifeTable.read(cohort / "lifetable.csv")


QUESTIONS = {
    "crude": (["--method", "crude", "--at", "5"], lambda c, t: crude_mortality(c, t, at=[5])),
    "recorded": (
        ["--method", "recorded", "--at", "5"],
        lambda c, _: crude_mortality(c, causes="recorded", at=[5]),
    ),
    "cause-specific": (
        ["--method", "cause-specific", "--at", "5", "--interval", "log-log"],
        lambda c, _: cause_specific_survival(c, at=[5], interval="log-log"),
    ),
    "years": (["--method", "years", "--at", "5"], lambda c, t: life_years(c, t, at=[5])),
    "lifetime": (["--method", "lifetime"], life_years_lost),
    "expected": (
        ["--method", "expected", "--at", "5", "--by", "region"],
        lambda c, t: expected_survival(c, t, at=[5], by="region"),
    ),
    "conditional": (
        ["--given", "1,5", "--ahead", "5", "--by", "sex"],
        lambda c, t: conditional_survival(c, t, given=[1, 5], ahead=[5], by="sex"),
    ),
    "test": (
        ["--test", "sex", "--by", "region", "--at", "5"],
        lambda c, t: net_survival_test(c, t, groups="sex", strata="region", horizon=5),
    ),
    "contrast": (
        ["--by", "sex", "--contrast", "sex=male", "--at", "5"],
        lambda c, t: survival_contrasts(
            net_survival(c, t, by="sex", at=[5]), across="sex", reference="male"
        ),
    ),
    "breaks": (
        ["--breaks", "0(0.5)1,1(1)5", "--method", "ederer2,observed", "--by", "sex"],
        lambda c, t: interval_survival(
            c, t, breaks="0(0.5)1,1(1)5", method=("ederer2", "observed"), by="sex"
        ),
    ),
    "weights": (
        ["--at", "5", "--standard", "15:7,45:12,55:23,65:29,75:29", "--min-at-risk", "10"],
        lambda c, t: net_survival(
            c, t, at=[5], standard={15: 7, 45: 12, 55: 23, 65: 29, 75: 29}, min_at_risk=10
        ),
    ),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_is_that_of_the_library(survival, cases, lives, capsys, question):
    arguments, ask = QUESTIONS[question]
    assert survival(*arguments, "--format", "csv") == 0
    printed = pl.read_csv(io.StringIO(capsys.readouterr().out), infer_schema_length=None)
    expected = ask(cases, lives).table
    assert printed.columns == [*expected.columns, "disclosure"]
    for name in expected.columns:
        if expected[name].dtype.is_numeric():
            ours, theirs = (t[name].cast(pl.Float64).fill_null(-9.0) for t in (printed, expected))
            assert ours.to_list() == pytest.approx(theirs.to_list(), rel=1e-12)
        else:
            assert (
                printed[name].cast(pl.String).fill_null("").to_list()
                == expected[name].cast(pl.String).fill_null("").to_list()
            )
    assert survival(*arguments) == 0
    assert "unprotected" in capsys.readouterr().out


def test_a_hybrid_analysis_is_said(survival, capsys):
    arguments = ["--window", "2003-01-01:2005-12-31", "--incidence", "2002-01-01:2005-12-31"]
    assert survival(*arguments, "--at", "1") == 0
    shown = capsys.readouterr().out
    assert "hybrid analysis, 2003-01-01 to 2005-12-31" in shown
    assert "2002-01-01 count from diagnosis" in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--given", "1", "--test", "sex"], "two questions are asked at once"),
        (["--method", "crude,ederer2"], "crude is asked for alone"),
        (["--method", "pohar"], "Did you mean 'pohar-perme'"),
        (["--test", "sex", "--at", "1,5"], "one horizon"),
        (["--columns", "strs,seer"], "two styles"),
        (["--columns", "strsx"], "NAME=COLUMN"),
        (["--columns", "seer", "--out", "x.csv"], ".txt"),
        (["--standard", "15:a"], "--standard cannot be read"),
        (["--contrast", "area", "--by", "sex"], "Ask for it by area"),
    ],
)
def test_questions_that_cannot_be_answered(survival, capsys, arguments, words):
    assert survival(*arguments) in (1, 2)
    assert words in capsys.readouterr().err


def test_a_file_may_be_read_in_batches(survival, cases, lives, tmp_path, capsys):
    kept, _ = exclude(cases, ExclusionRules())
    path = tmp_path / "kept.parquet"
    kept.write_parquet(path)
    arguments = ["--at", "5", "--by", "sex", "--format", "csv"]
    lives_file = ["--life-table", str(COHORT / "lifetable.csv")]
    assert main(["survival", str(path), *lives_file, "--in-batches", *arguments]) == 0
    batches = pl.read_csv(io.StringIO(capsys.readouterr().out))
    expected = net_survival(cases, lives, at=[5], by="sex").table
    assert batches["estimate"].to_list() == pytest.approx(expected["estimate"].to_list(), rel=1e-12)
    assert main(["survival", "cases.csv", *lives_file, "--in-batches"]) == 2
    assert "Parquet" in capsys.readouterr().err


def test_a_life_table_may_be_rescaled(survival, cases, lives, capsys):
    assert survival("--at", "5", "--life-table-factors", "region:FI=1.1,SI=0.9") == 0
    shown = capsys.readouterr().out
    assert "hazards multiplied by region (FI 1.1, SI 0.9)" in shown
    own = net_survival(cases, lives.rescaled("region", {"FI": 1.1, "SI": 0.9}), at=[5]).table
    assert f"{own['estimate'][0]:.4f}" in shown


def test_behaviours_may_all_be_counted(survival, capsys):
    assert survival("--behaviours", "all", "--at", "1") == 0
    assert "3,000 in analysis" in capsys.readouterr().out


def test_strs_columns_stand_side_by_side(cases, lives):
    result = net_survival(
        cases, lives, by="sex", at=[1, 5], method=["pohar-perme", "ederer2", "observed"]
    )
    wide = in_style(result.table, "strs")
    assert wide.height == 4
    assert {"cp", "lo_cp", "hi_cp", "cr_e2", "se_cr_e2", "cns_pp", "hi_cns_pp"} <= set(wide.columns)
    narrow = result.table.filter(sex="male", method="ederer2", time_years=5)
    assert wide.filter(sex="male", time_years=5)["cr_e2"].to_list() == narrow["estimate"].to_list()


def test_popepi_columns_say_when_standardised(cases, lives):
    result = net_survival(cases, lives, at=[1], standard="icss1", method=["ederer2"])
    wide = in_style(result.table, "popepi")
    assert {"Tstop", "r.e2.as", "r.e2.as.lo", "SE.r.e2.as"} <= set(wide.columns)


def test_a_style_keeps_why_a_number_is_missing(cases, lives):
    result = net_survival(cases, lives, at=[5, 16])
    wide = in_style(result.table, "strs")
    assert wide["status"].to_list() == ["ok", "not estimable"]
    assert wide["reason"][1].startswith("no one at risk")


def test_seer_text_reads_as_a_page(cases, lives):
    text = seer_text(net_survival(cases, lives, by="sex", at=[1, 16]))
    lines = text.splitlines()
    assert lines[0] == "Net survival (Pohar Perme)"
    assert "sex female" in lines
    row = next(line for line in lines if line.startswith("1 "))
    assert row.split()[3] == "pohar-perme"
    assert "–" in text
    assert "no one at risk" in text


def test_stata_files_hold_the_same_numbers(survival, cases, lives, tmp_path, capsys):
    pd = pytest.importorskip("pandas", reason="Stata files need pandas")
    out = tmp_path / "result.dta"
    assert survival("--at", "1,16", "--columns", "popepi", "--out", str(out)) == 0
    assert "written" in capsys.readouterr().err
    read = pd.read_stata(out)
    expected = net_survival(cases, lives, at=[1, 16]).table
    assert read["r_pp"][0] == expected["estimate"][0]
    assert bool(pd.isna(read["r_pp"][1]))
    assert read["status"].tolist() == ["ok", "not estimable"]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_narrow_terminal_cuts_no_number_and_drops_no_column(monkeypatch, capsys, width):
    table = pl.DataFrame(
        {"sex": ["female", "male"], "time_years": [1.0, 16.0], "n": [1609, 1391],
         "at_risk": [1159, 0], "events": [436, 956], "estimate": [0.7123, None],
         "se": [0.0114, None], "lower": [0.6, None], "upper": [0.8, None],
         "reason": [None, "no one at risk from day 5800"]}
    )  # fmt: skip
    monkeypatch.setattr(output, "out", Console(width=width))
    output.print_table(table)
    shown = capsys.readouterr().out
    words = " ".join(shown.split())
    assert "…" not in shown
    for word in ("sex", "female", "male", "1,609", "0.7123", "0.0114", "reason", "risk"):
        assert word in words
    assert output.out.width == width
