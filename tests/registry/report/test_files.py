"""The files of a report: what leaves the registry names no record; its own files do."""

import csv
import io
import json
from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from rarecare.errors import UsageError
from rarecare.registry.report import check, write_outside, write_own
from rarecare.registry.report.files import check_apart

TODAY = date(2014, 1, 31)
OUTSIDE = {
    *("report.html", "findings.csv", "checks.csv", "exclusions.csv", "quality.csv"),
    *("summary.json", "summary.txt"),
}
OWN = {
    *("report.html", "findings.csv", "findings.parquet", "not_read.csv", "confirmations.csv"),
    *("long_survivors.csv", "quality.csv", "notes.txt", "summary.json"),
}
NOT_OF_ANYBODY = {"2012-12-31", ""}  # the closing date; a blank


@pytest.fixture(scope="module")
def outside(report, tmp_path_factory):
    folder = tmp_path_factory.mktemp("outside")
    write_outside(report, folder)
    return folder


@pytest.fixture(scope="module")
def own(report, tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    write_own(report, folder)
    return folder


@pytest.fixture(scope="module")
def identifiers(invented):
    """Numbers of people and tumours and every date of theirs, as they stand in the file."""
    with (invented / "cases.csv").open(encoding="utf-8") as file:
        records = list(csv.DictReader(file))
    names = ("patient_id", "tumour_id", "birth_date", "incidence_date", "last_date")
    found = {record[name] for record in records for name in names} - NOT_OF_ANYBODY
    assert len(found) == 14 + 13 + 14 + 13 + 3  # TUM-88209 and 2010-03-22 twice; three dates of end
    return found


def test_no_identifier_of_the_input_is_in_a_file_for_outside(outside, identifiers):
    names = {path.name for path in outside.iterdir()}
    assert names == OUTSIDE
    for name in names:
        text = (outside / name).read_text(encoding="utf-8")
        assert [each for each in identifiers if each in text] == [], name
        assert "X99" not in text  # nor a value that was not read


def test_own_files_have_them(own, identifiers):
    assert {path.name for path in own.iterdir()} == OWN
    text = (own / "findings.csv").read_text(encoding="utf-8")
    assert {"PAT-7306", "TUM-88206", "2009-06-01", "X99"} <= set(text.replace("; ", ",").split(","))
    page = (own / "report.html").read_text(encoding="utf-8")
    assert all(words in page for words in ("TUM-88206", "male; C56.9", "must not leave"))


def test_no_text_is_a_formula(own):
    rows = list(csv.reader(io.StringIO((own / "findings.csv").read_text(encoding="utf-8"))))
    cells = [cell for row in rows for cell in row]
    assert "'=TUM-88212" in cells
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "@")]


def test_the_exact_findings_are_kept_beside(own, report):
    assert pl.read_parquet(own / "findings.parquet").equals(report.findings.table)


def test_findings_for_outside_are_as_many(outside):
    table = pl.read_csv(outside / "findings.csv")
    assert table.height == 11
    assert table.filter(code="sex-site").select("file", "row", "severity").row(0) == (
        "cases", 7, "error",
    )  # fmt: skip


def test_the_summary_says_the_counts(outside, report):
    said = json.loads((outside / "summary.json").read_text(encoding="utf-8"))
    assert (said["errors"], said["warnings"], said["records"]) == (7, 4, 14)
    assert said["registry"]["code"] == "INVENTED"
    assert said["files"][0]["sha256"] == report.sources["cases"].sha256
    assert sum(each["found"] for each in said["checks"]) == 11
    assert said["comparison"] is None
    text = (outside / "summary.txt").read_text(encoding="utf-8")
    assert "7 errors and 4 warnings are open, in 9 of 14 records." in text
    line = next(line for line in text.splitlines() if line.startswith("tumour-id-doubled"))
    assert line.split()[1:5] == ["2", "2", "0", "0"]


def test_an_old_comparison_does_not_stay_beside_a_new_report(report, tmp_path):
    from rarecare.registry.report import read_earlier  # noqa: PLC0415

    write_own(report, tmp_path / "own")
    earlier = read_earlier(tmp_path / "own")
    compared = replace(
        report, comparison=_compared(report, earlier), earlier_day=earlier.checked
    )  # fmt: skip
    write_outside(compared, tmp_path / "out")
    assert (tmp_path / "out" / "comparison.csv").is_file()
    assert "Since the last check" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "COMPARED WITH THE CHECK OF 2014-01-31" in (tmp_path / "out" / "summary.txt").read_text(
        encoding="utf-8"
    )
    write_outside(report, tmp_path / "out")
    assert not (tmp_path / "out" / "comparison.csv").exists()


def _compared(report, earlier):
    from rarecare.registry.report import compare  # noqa: PLC0415

    return compare(earlier, report.findings, None, registry="INVENTED")


def test_a_comparison_for_outside_names_no_record(changed, own, identifiers, tmp_path):
    from rarecare.registry.report import read_earlier  # noqa: PLC0415

    folder = changed(replaced=[(7, "male", "female"), (9, None, None)])
    write_outside(check(folder, today=TODAY, previous=read_earlier(own)), tmp_path / "out")
    for path in (tmp_path / "out").iterdir():
        text = path.read_text(encoding="utf-8")
        assert [each for each in identifiers if each in text] == [], path.name


def test_own_files_lie_apart(tmp_path):
    for out, own in (("a", "a"), ("a", "a/b"), ("a/b", "a"), ("a/../c", "c")):
        with pytest.raises(UsageError, match="share a folder"):
            check_apart(tmp_path / out, tmp_path / own)
    check_apart(tmp_path / "a", tmp_path / "b")
    check_apart(tmp_path / "a", None)


def test_a_file_in_the_place_of_the_folder(report, tmp_path):
    (tmp_path / "out").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="a file has the name of the folder"):
        write_outside(report, tmp_path / "out")
