"""``rarecare survival``: what it prints, writes and refuses."""

import io
import json

import polars as pl
import pytest

from rarecare import LifeTable, net_survival, read_cases
from rarecare.cli import main

HEADER = "patient_id,sex,region,birth_date,incidence_date,follow_up_days,vital_status"
GOOD = [
    "A,male,SI,1940-01-01,2000-03-01,700,dead",
    "B,female,SI,1950-05-05,2001-06-30,1200,alive",
    "C,male,FI,1930-01-01,1999-12-31,1,dead",
]


@pytest.fixture
def folder(tmp_path, cohort, monkeypatch):
    """A folder with a small file of cases and the invented life table, made the current one."""
    (tmp_path / "lives.csv").write_bytes((cohort / "lifetable.csv").read_bytes())
    (tmp_path / "cases.csv").write_text("\n".join([HEADER, *GOOD, ""]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def survival(*arguments, cases="cases.csv", life_table="lives.csv"):
    return main(["survival", cases, "--life-table", life_table, *arguments])


def refused(capsys, status, *words):
    """The only thing printed is one message with these words, and no traceback."""
    shown = capsys.readouterr()
    assert status in (1, 2)
    assert not shown.out
    assert shown.err.startswith("error: ")
    assert "Traceback" not in shown.err
    assert len(shown.err.strip().splitlines()) <= 2
    for word in words:
        assert word in shown.err, shown.err
    return status


def test_the_table_is_that_of_the_library(cohort, capsys):
    cases, lives = cohort / "cases.csv", cohort / "lifetable.csv"
    arguments = ["--by", "sex", "--at", "1,5,16", "--days-per-year", "365.241", "--format", "csv"]
    assert survival(*arguments, cases=str(cases), life_table=str(lives)) == 0
    printed = pl.read_csv(io.StringIO(capsys.readouterr().out))
    expected = net_survival(
        read_cases(cases, days_per_year=365.241),
        LifeTable.read(lives),
        by=["sex"],
        at=[1, 5, 16],
        days_per_year=365.241,
    ).table
    assert printed.height == 6
    assert printed["disclosure"].unique().to_list() == ["unprotected"]
    for name in ("n", "events", "estimate", "lower", "upper", "reason"):
        assert printed[name].cast(expected.schema[name]).to_list() == expected[name].to_list()
    assert printed.filter(time_years=16)["status"].unique().to_list() == ["not estimable"]


def test_the_printed_table_says_who_was_counted(folder, capsys):
    lines = [
        *GOOD,
        "D,male,SI,1940-01-01,2000-03-01,0,alive",
        "E,male,SI,1999-01-01,2000-03-01,9,dead",
    ]
    (folder / "cases.csv").write_text("\n".join([HEADER, *lines, ""]))
    assert survival("--at", "1", "--allow-outside", "1") == 0
    shown = capsys.readouterr().out
    assert "5 records read, 3 in analysis" in shown
    assert "zero follow-up alive 1" in shown
    assert "age unknown or outside 1" in shown
    assert "unprotected" in shown


def test_json_carries_the_provenance(folder, capsys):
    assert survival("--format", "json", "--at-days", "365") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["disclosure"] == "unprotected"
    assert answer["rows"][0]["n"] == 3
    assert [given["name"] for given in answer["provenance"]["inputs"]] == ["cases.csv", "lives.csv"]
    assert answer["provenance"]["plan"]["times"] == [365.0]


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
def test_files_are_written_whole_with_their_provenance(folder, suffix, capsys):
    out = folder / f"result{suffix}"
    assert survival("--out", str(out)) == 0
    assert capsys.readouterr().out == ""
    read = {".csv": pl.read_csv, ".parquet": pl.read_parquet, ".json": None}[suffix]
    rows = read(out).to_dicts() if read else json.loads(out.read_text())["rows"]
    assert [row["n"] for row in rows] == [3, 3]
    provenance = json.loads((folder / f"result{suffix}.provenance.json").read_text())
    assert provenance["statistic"] == "Net survival (Pohar Perme)"
    left = sorted(path.name for path in folder.iterdir())
    assert left == sorted(["cases.csv", "lives.csv", out.name, f"{out.name}.provenance.json"])


def test_several_methods_and_age_groups(folder, capsys):
    arguments = ["--method", "ederer2,observed", "--age-groups", "15,60", "--format", "csv"]
    assert survival(*arguments, "--at", "1") == 0
    printed = pl.read_csv(io.StringIO(capsys.readouterr().out))
    assert printed.select("age_group", "method").rows() == [
        ("15-59", "ederer2"),
        ("15-59", "observed"),
        ("60+", "ederer2"),
        ("60+", "observed"),
    ]


def test_observed_survival_needs_no_life_table(folder, capsys):
    assert main(["survival", "cases.csv", "--method", "observed", "--format", "csv"]) == 0
    printed = pl.read_csv(io.StringIO(capsys.readouterr().out))
    assert printed["estimate"][0] == pytest.approx(2 / 3, rel=1e-12)  # one of three died on day 1
    assert refused(capsys, main(["survival", "cases.csv"]), "life table", "--life-table") == 2


def test_maps_rename_and_recode(folder, capsys):
    text = (folder / "cases.csv").read_text().replace("vital_status", "stat")
    text = text.replace("dead", "2").replace("alive", "1").replace(",male", ",M1")
    (folder / "mine.csv").write_text(text)
    (folder / "map.toml").write_text('[columns]\nvital_status = "stat"\n[codes.sex]\nM1 = "male"\n')
    arguments = ["--map", "map.toml", "--codes", "vital_status=encr", "--format", "csv"]
    assert survival(*arguments, cases="mine.csv") == 0
    mapped = capsys.readouterr().out
    assert survival("--format", "csv") == 0
    assert capsys.readouterr().out == mapped


def change(folder, **replaced):
    """Write the cases with one value of the second line replaced, by column."""
    names = HEADER.split(",")
    row = dict(zip(names, GOOD[0].split(","), strict=True)) | replaced
    lines = [HEADER, ",".join(row[name] for name in names), *GOOD[1:], ""]
    (folder / "cases.csv").write_text("\n".join(lines))


@pytest.mark.parametrize(
    ("replaced", "words"),
    [
        ({"sex": "femal"}, ("cases.csv", "line 2", "'femal'", "Did you mean 'female'")),
        ({"vital_status": "ded"}, ("line 2", "'ded'", "Did you mean 'dead'", "--codes")),
        ({"follow_up_days": "-3"}, ("line 2", "negative", "-3", "--bad-rows exclude")),
        ({"region": "NO"}, ("lives.csv", "region NO", "region SI")),
        ({"incidence_date": "2000-13-01"}, ("line 2", "2000-13-01")),
    ],
    ids=["sex", "status", "negative follow-up", "life-table key", "date"],
)
def test_a_bad_value_is_named(folder, capsys, replaced, words):
    change(folder, **replaced)
    out = folder / "result.csv"
    assert refused(capsys, survival("--out", str(out)), *words) == 1
    assert not out.exists()
    assert sorted(path.name for path in folder.iterdir()) == ["cases.csv", "lives.csv"]


def test_bad_rows_can_be_left_out_and_are_counted(folder, capsys):
    change(folder, follow_up_days="-3")
    assert survival("--bad-rows", "exclude", "--at", "1") == 0
    assert "follow-up missing or negative 1" in capsys.readouterr().out


def test_cases_outside_the_life_tables_years_are_refused(folder, capsys):
    change(folder, incidence_date="2030-03-01")
    status = refused(
        capsys, survival("--at", "1"), "lives.csv", "%", "1995 to 2012", "--allow-outside"
    )
    assert status == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ("no such file", "Looked in")),
        (b"", ("empty",)),
        (b"PK\x03\x04\x00\x00\xff\xfe\x00", ("cases.csv",)),
        (HEADER.encode(), ("no records",)),
        ((HEADER.replace(",", ";") + "\n" + GOOD[0].replace(",", "\t")).encode(), ("cases.csv",)),
        (
            (HEADER.replace("follow_up_days", "folow_up_days") + "\n" + GOOD[0]).encode(),
            ("follow_up_days",),
        ),
    ],
    ids=["missing", "empty", "binary", "header only", "wrong delimiter", "misspelt column"],
)
def test_a_bad_file_is_refused(folder, capsys, content, words):
    (folder / "cases.csv").unlink()
    if content is not None:
        (folder / "cases.csv").write_bytes(content)
    assert refused(capsys, survival(), *words) == 1


def test_a_byte_order_mark_and_semicolons_are_no_matter(folder, capsys):
    assert survival("--format", "csv") == 0
    plain = capsys.readouterr().out
    text = (folder / "cases.csv").read_text().replace(",", ";")
    (folder / "cases.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert survival("--format", "csv") == 0
    assert capsys.readouterr().out == plain


def test_a_life_table_without_a_column_of_rates_is_refused(folder, capsys):
    text = (folder / "lives.csv").read_text().replace(",mx", ",something")
    (folder / "lives.csv").write_text(text)
    assert refused(capsys, survival(), "lives.csv", "mx") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--method", "pohar-perm"], ("pohar-perm", "Did you mean 'pohar-perme'")),
        (["--by", "sexx"], ("sexx", "Did you mean 'sex'")),
        (["--at", "1,five"], ("--at", "five", "a number")),
        (["--at", "1", "--at-days", "365"], ("one of the two",)),
        (["--window", "2000-01-01"], ("--window", "FIRST:LAST")),
        (["--window", "2001-01-01:2000-01-01"], ("ends before it begins",)),
        (["--level", "95"], ("level", "0 to 1")),
        (["--out", "result.xlsx"], ("result.xlsx", ".csv")),
        (["--out", "nowhere/result.csv"], ("no such folder", "nowhere")),
        (["--figure", "curve.bmp"], ("curve.bmp", ".svg")),
        (["--columns", "sex"], ("--columns", "NAME=COLUMN")),
        (["--bad-rows", "ignore"], ("ignore", "refuse")),
        (["--standard", "icss9"], ("icss",)),
        (["--no-such-flag"], ("--no-such-flag",)),
    ],
)
def test_wrong_use_is_told_apart_from_bad_data(folder, capsys, arguments, words):
    status = refused(capsys, survival(*arguments), *words)
    assert status == (1 if arguments[0] in ("--by", "--standard") else 2)
