"""``rarecare kit``, ``indicators``, ``volumes`` and ``pathways``."""

import io
import json

import polars as pl
import pytest

from rarecare.cli import main

CASES = """registry,patient_id,tumour_id,country,incidence_date,topography,morphology,behaviour,\
basis_of_diagnosis,vital_status,follow_up_days,stage
R,P1,T1,SI,2005-03-01,C40.2,9180,3,7,alive,2000,localised
R,P2,T1,SI,2005-04-01,C40.2,9180,3,7,dead,300,distant
R,P3,T1,IT,2006-05-01,C40.2,9180,3,7,alive,1000,
"""
EVENTS = """registry,patient_id,tumour_id,event,date,date_precision,hospital_id,value
R,P1,T1,diagnosis,2005-03-01,day,H1,
R,P1,T1,pathology,2005-03-03,day,H1,
R,P1,T1,surgery,2005-03-23,day,H2,R0
R,P2,T1,diagnosis,2005-04-01,day,H1,
R,P2,T1,pathology,2005-04-02,day,H1,
R,P2,T1,surgery,2005-06-01,day,H1,R1
R,P3,T1,diagnosis,2006-05-01,day,H3,
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Cases and events in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cases.csv").write_text(CASES)
    (tmp_path / "events.csv").write_text(EVENTS)
    return tmp_path


def rows(capsys):
    return pl.read_csv(io.StringIO(capsys.readouterr().out), infer_schema_length=None)


def test_indicators_by_hand(folder, capsys):
    assert main(["indicators", "cases.csv", "--events", "events.csv", "--format", "csv"]) == 0
    table = rows(capsys).filter(country="SI")
    stage = table.filter(indicator="D2a").row(0, named=True)
    assert (stage["numerator"], stage["denominator"]) == (2, 2)
    moved = table.filter(indicator="T1a").row(0, named=True)
    assert (moved["numerator"], moved["denominator"], moved["estimate"]) == (1, 2, 0.5)
    waits = table.filter(indicator="D4", measure="median").row(0, named=True)
    assert waits["estimate"] == pytest.approx(40)  # 20 and 60 days
    assert table["sureness"].null_count() == 0
    assert set(table["disclosure"]) == {"unprotected"}


def test_indicators_by_each_stratum(folder, capsys):
    """Three patients: two of 2005 in SI, first treated at H2 and H1; one of IT, not treated."""
    expected = {
        "country": {"SI": 2, "IT": 1}, "registry": {"R": 3}, "year": {"2005": 2, "2006": 1},
        "stage": {"localised": 1, "distant": 1, None: 1}, "treated_at": {"H1": 1, "H2": 1, None: 1},
    }  # fmt: skip
    given = ["indicators", "cases.csv", "--events", "events.csv", "--format", "csv", "--by"]
    for by, cases in expected.items():
        assert main([*given, by]) == 0
        table = rows(capsys).filter(indicator="D2a").with_columns(pl.col(by).cast(pl.String))
        assert dict(table.select(by, "n").iter_rows()) == cases
    assert main([*given, "country,registry,treated_at,year,stage"]) == 0
    assert rows(capsys).filter(indicator="D2a")["n"].to_list() == [1, 1, 1]


def test_a_figure_is_of_one_indicator(folder, capsys):
    given = ["indicators", "cases.csv", "--events", "events.csv", "--figure", "f.svg"]
    assert main([*given, "--only", "D4"]) == 0
    assert "Pathological confirmation" in (folder / "f.svg").read_text()
    assert main([*given, "--by", "treated_at", "--funnel", "T1a"]) == 0
    assert "Treated in another hospital" in (folder / "f.svg").read_text()
    assert main([*given, "--funnel", "T1a", "--by", "treated_at", "--title", "Mine"]) == 0
    assert "Mine" in (folder / "f.svg").read_text()
    capsys.readouterr()
    for wrong in ([], ["--only", "D4,D2a"], ["--only", "D44"]):
        assert main([*given, *wrong]) == 2
        said = capsys.readouterr().err
        assert "of one indicator" in said or "no such indicator" in said
        assert "Traceback" not in said
    assert main([*given[:4], "--only", "D4,D2a", "--format", "csv"]) == 0
    assert set(rows(capsys)["indicator"]) == {"D4", "D2a"}


def test_referral_groups_and_treatment_abroad(folder, capsys):
    """P1 of SI was operated in H2, which is in IT: half of the two operated on."""
    (folder / "places.csv").write_text("hospital_id,country\nH1,SI\nH2,IT\nH3,IT\n")
    (folder / "groups.csv").write_text("entity,group\n08.02,bone\n08.01,other\n")
    given = ["volumes", "cases.csv", "--events", "events.csv", "--format", "csv"]
    assert main([*given, "--hospitals", "places.csv", "--groups", "groups.csv"]) == 0
    table = rows(capsys).filter(country="SI", treatment="surgery")
    assert set(table["group"]) == {"bone"}
    abroad = table.filter(measure="share treated abroad").row(0, named=True)
    assert (abroad["n"], abroad["denominator"], abroad["estimate"]) == (1, 2, 0.5)
    assert main(given) == 0
    unlisted = rows(capsys).filter(
        country="SI", treatment="surgery", measure="share treated abroad"
    )  # fmt: skip
    assert unlisted["status"].to_list() == ["not estimable"]
    for name, text, words in (
        ("places.csv", "hospital,country\nH1,SI\n", "lacks a column"),
        ("places.csv", "hospital_id,country\nH1,\n", "blank"),
        ("places.csv", "hospital_id,country\nH1,SI\nH1,IT\n", "twice"),
        ("groups.csv", "entity,group\n08.02,a\n08.02,b\n", "two groups"),
    ):
        (folder / name).write_text(text)
        option = "--hospitals" if name == "places.csv" else "--groups"
        assert main([*given, option, name]) == 1
        said = capsys.readouterr().err
        assert words in said
        assert "Traceback" not in said


def test_volumes_by_hand(folder, capsys):
    assert main(["volumes", "cases.csv", "--events", "events.csv", "--format", "csv",
                 "--threshold", "5", "--years", "2005-2006"]) == 0  # fmt: skip
    table = rows(capsys).filter(country="SI", treatment="surgery")
    found = dict(table.select("measure", "estimate").rows())
    assert found["hospitals"] == 2
    assert found["median volume"] == pytest.approx(0.5)  # one patient each in two years
    assert main(["volumes", "cases.csv", "--events", "events.csv", "--show", "hospitals"]) == 0
    assert "H2" in capsys.readouterr().out


def test_volumes_by_inhabitants_and_over_the_years(folder, capsys):
    (folder / "people.csv").write_text("country,inhabitants\nSI,2000000\n")
    given = ["volumes", "cases.csv", "--events", "events.csv", "--format", "csv"]
    assert main([*given, "--inhabitants", "people.csv"]) == 0
    table = rows(capsys).filter(country="SI", treatment="surgery")
    per = table.filter(pl.col("measure") == "hospitals per 10 million inhabitants")
    assert per["estimate"].to_list() == [pytest.approx(10)]  # 2 hospitals, 2 million people
    assert main([*given, "--show", "trend"]) == 0
    assert "hospitals" in rows(capsys)["measure"].to_list()
    (folder / "people.csv").write_text("country,inhabitants\nSI,about two million\n")
    assert main([*given, "--inhabitants", "people.csv"]) == 1
    assert "about two million" in capsys.readouterr().err


@pytest.mark.parametrize("show", ["paths", "waits", "flows", "occupancy"])
def test_pathways_are_traced(folder, capsys, show):
    assert main(["pathways", "cases.csv", "--events", "events.csv", "--show", show,
                 "--smallest", "1", "--format", "csv"]) == 0  # fmt: skip
    table = rows(capsys)
    if show == "paths":
        found = dict(table.select("path", "n").rows())
        assert found["diagnosis > pathology > surgery"] == 1
        assert found["diagnosis > pathology > surgery > death"] == 1
    if show == "waits":
        row = table.filter(step="surgery", measure="median").row(0, named=True)
        assert row["n"] == 2
        assert 20 <= row["estimate"] <= 60
    if show == "occupancy":
        shares = table.filter(time_days=0)["estimate"].sum()
        assert shares == pytest.approx(1)


def test_a_kit_is_written(folder, capsys):
    assert main(["kit", "sarcoma", "--out", "kit"]) == 0
    names = sorted(path.name for path in (folder / "kit").iterdir())
    assert names == [
        "sarcoma_documentation.html", "sarcoma_form.html", "sarcoma_redcap.csv",
        "sarcoma_schema.json", "sarcoma_template.csv",
    ]  # fmt: skip
    schema = json.loads((folder / "kit" / "sarcoma_schema.json").read_text())
    header = (folder / "kit" / "sarcoma_template.csv").read_text().strip().split(",")
    assert set(schema["properties"]) == set(header)


def test_data_for_a_kit_are_checked(folder, capsys):
    assert main(["kit", "core", "--out", "kit"]) == 0
    header = (folder / "kit" / "core_template.csv").read_text().strip()
    names = header.split(",")
    row = dict.fromkeys(names, "") | {
        "patient_id": "P1", "registry": "R", "tumour_id": "T1", "country": "SI", "margins": "R9",
    }  # fmt: skip
    (folder / "data.csv").write_text(header + "\n" + ",".join(row[name] for name in names) + "\n")
    assert main(["kit", "core", "--check", "data.csv", "--findings", "findings.csv"]) == 1
    found = pl.read_csv(folder / "findings.csv", infer_schema_length=None)
    assert found.filter(variable="margins")["value"].to_list() == ["R9"]
    assert "the data have errors" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["kit", "core"], "takes --out FOLDER, or --check FILE"),
        (["indicators", "cases.csv", "--use", "cores"], "cores"),
        (["indicators", "cases.csv", "--by", "hospital"], "hospital"),
        (["volumes", "cases.csv", "--events", "events.csv", "--threshold", "0"], "not above 0"),
    ],
)
def test_wrong_use_is_named(folder, capsys, arguments, words):
    assert main(arguments) in {1, 2}
    assert words in capsys.readouterr().err
