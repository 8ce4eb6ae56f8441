"""Silencing, confirming, parts, rejects: what the run makes of the findings."""

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from rarecare.errors import ColumnError, UsageError
from rarecare.registry.checks import CHECKS, read_confirmed, run_checks
from tests.registry.checks.examples import ANOTHER, CLEAN, MAN, RECORDS, tumour
from tests.registry.checks.submissions import FACTS, TODAY, submitted

WRONG_SITE = CLEAN | tumour("C34.1", 8170)  # a warning: site-morphology
WRONG_SEX = CLEAN | MAN | tumour("C53.9", 8070)  # an error: sex-site


def rows(findings, code):
    return findings.table.filter(code=code)


def test_a_finding_says_where_and_what():
    findings = run_checks(submitted(WRONG_SEX), today=TODAY)
    assert rows(findings, "sex-site").to_dicts() == [
        {
            **{"file": "cases", "row": 2, "patient_id": "p1", "tumour_id": "t1"},
            **{"code": "sex-site", "severity": "error", "columns": "sex; topography"},
            **{"values": "male; C53.9", "status": "open"},
        }
    ]


def test_dates_are_shown_as_far_as_they_are_known():
    bad, _ = RECORDS["age-dates"]
    year = {"incidence_date_precision": "year", "birth_date_precision": "day"}
    findings = run_checks(submitted(CLEAN | bad | year), today=TODAY)
    assert rows(findings, "age-dates")["values"].to_list() == ["62; 1950-05-15; 2010"]
    findings = run_checks(submitted(CLEAN | bad), today=TODAY)
    assert rows(findings, "age-dates")["values"].to_list() == ["62; 1950-05; 2010-06"]


def test_silenced_checks_stay_in_sight():
    findings = run_checks(submitted(WRONG_SITE), today=TODAY, silenced=["site-morphology"])
    assert rows(findings, "site-morphology")["status"].to_list() == ["silenced"]
    count = findings.counts.row(by_predicate=pl.col("code") == "site-morphology", named=True)
    assert (count["found"], count["open"], count["silenced"]) == (1, 0, 1)
    assert findings.warnings == 0


def test_there_is_no_silencing_what_is_no_check():
    with pytest.raises(UsageError, match="Did you mean 'sex-site'"):
        run_checks(submitted(CLEAN), silenced=["sex-sites"])


def confirmations(*lines):
    return pl.DataFrame(lines, schema=["tumour_id", "code", "who", "when"], orient="row")


def test_confirmed_records_stay_in_sight():
    confirmed = confirmations(
        ("t1", "site-morphology", "A. Registrar", "2013-05-01"),
        ("t2", "site-morphology", "A. Registrar", "2013-05-01"),
        ("t1", "site-morphologie", "A. Registrar", "2013-05-01"),
        ("t1", "sex-site", "A. Registrar", "2013-05-01"),
        ("t1", "age-site", None, "2013-05-01"),
    )
    findings = run_checks(submitted(WRONG_SITE), today=TODAY, confirmed=confirmed)
    assert rows(findings, "site-morphology")["status"].to_list() == ["confirmed"]
    assert findings.warnings == 0
    assert findings.confirmations["outcome"].to_list() == [
        "used",
        "the check finds nothing in this tumour",
        "there is no such check",
        "an error cannot be confirmed, only corrected",
        "who confirmed it, or when, is blank",
    ]


def test_an_error_stays_open_whoever_confirms_it():
    confirmed = confirmations(("t1", "sex-site", "A. Registrar", "2013-05-01"))
    findings = run_checks(submitted(WRONG_SEX), today=TODAY, confirmed=confirmed)
    assert rows(findings, "sex-site")["status"].to_list() == ["open"]
    assert findings.errors == 1 + 4  # and four years without cases


def test_confirmations_are_read_from_a_file(tmp_path):
    path = tmp_path / "confirmed.csv"
    path.write_text("tumour_id,code,who,when\nt1,site-morphology,A. Registrar,2013-05-01\n")
    assert read_confirmed(path).rows() == [("t1", "site-morphology", "A. Registrar", "2013-05-01")]
    path.write_text("tumour_id,code,who\nt1,site-morphology,A. Registrar\n")
    with pytest.raises(ColumnError, match="when"):
        read_confirmed(path)


def test_what_reading_rejected_is_found_and_not_missing_too():
    reject = ("cases", 2, "morphology", "85x0", "morphology is not an ICD-O-3 morphology", "8000")
    findings = run_checks(submitted(CLEAN | {"morphology": None}, rejects=[reject]), today=TODAY)
    (found,) = rows(findings, "value-not-read").to_dicts()
    assert (found["columns"], found["values"], found["tumour_id"]) == ("morphology", "85x0", "t1")
    assert rows(findings, "missing-morphology").is_empty()


def test_a_record_not_read_is_found():
    reject = ("cases", 9, None, "a;b", "too few columns", "39 columns")
    findings = run_checks(submitted(CLEAN, rejects=[reject]), today=TODAY)
    assert rows(findings, "record-not-read")["row"].to_list() == [9]


def test_rejects_of_other_files_are_found():
    reject = ("population", 4, "persons", "many", "persons is not a number", "numbers")
    findings = run_checks(submitted(CLEAN, rejects=[reject]), today=TODAY)
    (found,) = rows(findings, "value-not-read").to_dicts()
    assert (found["file"], found["row"], found["tumour_id"]) == ("population", 4, None)


def test_a_check_without_its_column_is_not_run_and_says_so():
    record = {name: value for name, value in CLEAN.items() if name != "stage_type"}
    findings = run_checks(submitted(record), today=TODAY)
    count = findings.counts.row(by_predicate=pl.col("code") == "dukes", named=True)
    assert (count["ran"], count["reason"]) == (False, "the file has no column stage_type")
    count = findings.counts.row(by_predicate=pl.col("code") == "population-doubled", named=True)
    assert (count["ran"], count["reason"]) == (False, "there is no file of population")


def test_without_a_closing_date_what_needs_it_is_not_run():
    facts = replace(FACTS, closing_date=None)
    bad, _ = RECORDS["last-after-closing"]
    findings = run_checks(submitted(CLEAN | bad, facts=facts), today=TODAY)
    for code in ("last-after-closing", "alive-before-closing"):
        count = findings.counts.row(by_predicate=pl.col("code") == code, named=True)
        assert (count["ran"], count["found"]) == (False, 0)
        assert count["reason"] == "the submission has no closing date"


def test_a_column_of_the_protocol_that_is_absent_is_an_error():
    record = {name: value for name, value in CLEAN.items() if name != "autopsy"}
    findings = run_checks(submitted(record), today=TODAY)
    assert rows(findings, "column-missing")["values"].to_list() == ["autopsy"]


def test_every_check_is_counted():
    findings = run_checks(submitted(CLEAN), today=TODAY)
    assert findings.counts["code"].to_list() == [check.code for check in CHECKS]
    assert findings.records == 1


def test_parts_find_what_the_whole_finds():
    """A person's records and a doubled number are compared across parts."""
    records = [
        CLEAN,
        WRONG_SITE | {"row": 3, "patient_id": "p2", "tumour_id": "t2", "age_given": 63},
        CLEAN | ANOTHER | MAN | {"row": 4, "tumour_id": "t3"},
        CLEAN | {"row": 5, "patient_id": "p3", "incidence_date": date(2009, 6, 15)},
    ]
    whole = run_checks(submitted(*records), today=TODAY)
    parts = [submitted(record, part=i) for i, record in enumerate(records)]
    split = run_checks(iter(parts), today=TODAY)
    keys = ["code", "row"]
    assert split.table.sort(keys).equals(whole.table.sort(keys))
    assert split.counts.equals(whole.counts)
    assert split.records == whole.records == 4
    assert {"patient-sex", "tumour-id-doubled", "age-dates"} <= set(whole.table["code"])


def test_nothing_to_check():
    with pytest.raises(UsageError, match="nothing to check"):
        run_checks([])


def test_an_empty_file_runs_through():
    empty = submitted(CLEAN)
    none = run_checks(type(empty)(empty.facts, empty.cases.clear(), empty.rejects), today=TODAY)
    assert set(none.table["code"]) == {"year-without-cases"}
    assert none.table.height == 5
