"""``rarecare incidence``."""

import io
import json

import polars as pl
import pytest

from rarecare.cli import main

CASES = """age,sex,incidence_date,topography,morphology,behaviour
40,male,2000-02-03,C40.2,9180,3
70,female,2000-05-06,C40.2,9180,3
71,female,2001-01-01,C40.2,9180,3
72,female,2001-01-01,C40.2,9180,0
"""
POPULATION = "sex,year,age_group,population\n" + "".join(
    f"{sex},{year},{group},50000\n"
    for sex in ("male", "female")
    for year in (2000, 2001)
    for group in ("0-64", "65+")
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Cases and their population in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cases.csv").write_text(CASES)
    (tmp_path / "people.csv").write_text(POPULATION)
    return tmp_path


def incidence(*arguments):
    given = [] if "--standard" in arguments else ["--standard", "", "--age-groups", "0,65"]
    return main(["incidence", "cases.csv", "--population", "people.csv", *given, *arguments])


def rows(capsys):
    return pl.read_csv(io.StringIO(capsys.readouterr().out))


def test_crude_rates_by_hand(folder, capsys):
    # 3 malignant cases in 2 sexes x 2 years x 2 ages x 50 000 person-years
    assert incidence("--format", "csv") == 0
    crude = rows(capsys).filter(measure="crude rate").row(0, named=True)
    assert crude["n"] == 3
    assert crude["person_years"] == 400_000
    assert crude["estimate"] == pytest.approx(0.75, rel=1e-12)
    assert crude["disclosure"] == "unprotected"


def test_by_entity_the_cases_are_classified(folder, capsys):
    assert incidence("--by", "entity_tier2,sex", "--format", "csv") == 0
    crude = rows(capsys).filter(measure="crude rate")
    assert crude.select("entity_tier2", "sex", "n").rows() == [
        ("08.02.01", "female", 2),
        ("08.02.01", "male", 1),
    ]


def test_the_table_says_who_was_left_out(folder, capsys):
    assert incidence() == 0
    shown = capsys.readouterr().out
    assert "4 records read, 3 in analysis (left out: behaviour 1)" in shown
    assert "unprotected" in shown


def test_json_and_figure(folder, capsys):
    assert incidence("--by", "sex", "--format", "json", "--figure", "rates.svg") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["provenance"]["statistic"] == "incidence"
    assert (folder / "rates.svg").read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("2001-01-01,C40.2,9180,3", "2009-01-01,C40.2,9180,3"), ["2009", "2000 to 2001"]),
        (("40,male", "40,mal"), ["line 2", "'mal'", "Did you mean 'male'"]),
        (("40,male", "140,male"), ["line 2", "140"]),
    ],
)
def test_cases_that_do_not_fit_are_named(folder, capsys, change, words):
    (folder / "cases.csv").write_text(CASES.replace(*change))
    assert incidence("--by", "year", "--out", "rates.csv") == 1
    shown = capsys.readouterr()
    assert shown.err.startswith("error: ")
    for word in words:
        assert word in shown.err
    assert not (folder / "rates.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--standard", "esp2031"], 1, ["esp2031", "Did you mean 'esp2013'"]),
        (["--interval", "exactly"], 2, ["exactly"]),
        (["--age-groups", "0,x", "--standard", ""], 2, ["--age-groups", "'x'"]),
        (["--by", "yeer"], 1, ["yeer", "Did you mean 'year'"]),
    ],
)
def test_wrong_use(folder, capsys, arguments, status, words):
    assert incidence(*arguments) == status
    shown = capsys.readouterr().err
    assert shown.startswith("error: ")
    for word in words:
        assert word in shown
