"""``rarecare classify``."""

import polars as pl
import pytest

from rarecare.cli import main

CASES = """topography,morphology,behaviour,sex,note
C40.2,9180,3,male,osteosarcoma
C50.1,8500,3,male,breast of a man
C50.1,8500,3,female,breast of a woman
C40.2,9180,0,female,benign
C61.9,8140,3,male,prostate
"""


@pytest.fixture
def cases(tmp_path, monkeypatch):
    """A small file of cases in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cases.csv").write_text(CASES)
    return tmp_path / "cases.csv"


def test_cases_get_their_entities(cases, capsys):
    assert main(["classify", str(cases), "--out", "classified.csv"]) == 0
    table = pl.read_csv(cases.parent / "classified.csv")
    assert table["entity_tier2"].to_list() == ["08.02.01", "04.01.07", "04.01.01", None, "06.01.01"]
    assert table["rare"].to_list() == [True, True, False, None, False]
    assert table["note"].to_list()[0] == "osteosarcoma"
    shown = capsys.readouterr()
    assert "Sarcomas" in shown.out
    assert "behaviour" in shown.out  # why the benign one falls nowhere
    assert "classified.csv" in shown.err


def test_the_rows_can_be_printed(cases, capsys):
    assert main(["classify", str(cases), "--format", "csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert "classification_rule" in lines[0]


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        (["C40.2", "9180/3"], ["08.02.01", "Osteogenic sarcoma", "rules.csv, line", "Unofficial"]),
        (["c402", "91803"], ["08.02.01"]),
        (["C40.2", "9180/0"], ["no entity", "behaviour"]),
        (["C50.1", "8500/3"], ["depends on the sex"]),
    ],
)
def test_a_pair_is_explained(pair, words, capsys):
    assert main(["classify", "--explain", *pair]) == 0
    shown = capsys.readouterr().out
    for word in words:
        assert word in shown


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ([], 2, ["--explain"]),
        (["--explain", "C40.2"], 2, ["--explain"]),
        (["--explain", "C99.2", "9180/3"], 1, ["C99.2", "not an ICD-O-3 site"]),
        (["--explain", "C40.2", "9999x"], 1, ["9999x"]),
        (["cases.csv", "--classification", "nowhere"], 1, ["nowhere"]),
        (["nofile.csv"], 1, ["no such file", "nofile.csv"]),
    ],
)
def test_wrong_use_and_bad_data(cases, capsys, arguments, status, words):
    assert main(["classify", *arguments]) == status
    shown = capsys.readouterr()
    assert not shown.out
    assert shown.err.startswith("error: ")
    for word in words:
        assert word in shown.err


def test_cases_without_codes_are_refused(tmp_path, capsys):
    (tmp_path / "cases.csv").write_text("sex,age\nmale,50\n")
    assert main(["classify", str(tmp_path / "cases.csv")]) == 1
    assert "topography" in capsys.readouterr().err
