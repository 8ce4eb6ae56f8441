"""Whole submissions: the synthetic registry with its planted errors, and a real file."""

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from rarecare.demo import write_demo
from rarecare.registry import read_cases
from rarecare.registry.checks import CHECKS, run_checks
from rarecare.registry.submission import Facts, Submitted, read_submission, submission_parts
from rarecare.registry.submission.records import REJECTS

TODAY = date(2026, 1, 31)
DESCRIBED = """\
[submission]
registry = "SYNTHETIC-SI"
country = "SI"
period = [1995, 2007]
closing_date = 2008-12-31
[cases]
file = "incidence.csv"
format = "encr"
delimiter = ";"
[population]
file = "population.csv"
age_groups = "lower"
[life_table]
file = "lifetable.csv"
"""


@pytest.fixture(scope="module")
def call(tmp_path_factory):
    folder = write_demo(
        tmp_path_factory.mktemp("demo") / "call", cases=8000, seed=3, countries=["SI"], workers=1
    )
    (folder / "SI" / "submission.toml").write_text(DESCRIBED, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def findings(call):
    return run_checks(read_submission(call / "SI"), today=TODAY)


@pytest.fixture(scope="module")
def planted(call):
    return pl.read_csv(call / "planted_errors.csv")


def test_every_planted_error_is_found(findings, planted):
    errors = set(findings.table.filter(severity="error")["row"])
    assert planted.height > 20
    assert planted.filter(~pl.col("line").is_in(list(errors)))["kind"].to_list() == []


def test_nothing_else_is_an_error(findings, planted):
    """Errors beside the planted ones are of records that a planted one contradicts."""
    errors = findings.table.filter(severity="error")
    is_planted = pl.col("row").is_in(planted["line"].to_list())
    others, contradicting = errors.filter(~is_planted), errors.filter(is_planted)
    same = pl.col("patient_id").is_in(contradicting["patient_id"].to_list())
    same |= pl.col("tumour_id").is_in(contradicting["tumour_id"].to_list())
    assert others.height > 0
    assert others.filter(~same).is_empty()
    between = {check.code for check in CHECKS if check.applies_to in ("patient", "tumours")}
    assert set(others["code"]) <= between
    assert set(findings.table["file"]) == {"cases"}


def test_months_are_shown_without_a_day(findings):
    shown = findings.table.filter(code="follow-up-dates")["values"]
    assert shown.len() > 0
    assert shown.str.contains(r"^-?\d+; \d{4}-\d\d; \d{4}-\d\d$").all()


def in_parts(given, size):
    """The submission in parts of so many records, each with its own rejects."""
    for number in range(0, given.cases.height, size):
        part = given.cases.slice(number, size)
        rejects = given.rejects.filter(pl.col("row").is_in(part["row"].to_list()))
        yield replace(given, cases=part, rejects=rejects, part=number // size)


def test_parts_of_a_file_as_the_whole(call, findings):
    split = run_checks(in_parts(read_submission(call / "SI"), 3000), today=TODAY)
    streamed = run_checks(submission_parts(call / "SI"), today=TODAY)
    keys = ["file", "row", "code", "columns"]
    for other in (split, streamed):
        assert other.counts.equals(findings.counts)
        assert other.table.sort(keys).equals(findings.table.sort(keys))


def test_the_example_file_of_a_real_program(shared_data):
    """IARC's Rcan example: 19 284 records; whether they are real is not stated."""
    raw = pl.read_csv(shared_data / "iarc_rcan_individual_example.csv.gz", infer_schema=False)
    names = {"doi": "incidence_date", "site": "topography", "histo": "morphology"}
    names |= {"beh": "behaviour", "basis": "basis_of_diagnosis", "regcode": "registry"}
    cases = read_cases(raw.rename(names))
    rejects = cases.rejects.with_columns(file=pl.lit("cases")).select(list(REJECTS))
    facts = Facts("REG", "XX", 2008, 2012)
    found = run_checks(Submitted(facts, cases.table, rejects), today=TODAY)
    assert found.records == 19_284
    counts = dict(found.counts.filter(pl.col("found") > 0).select("code", "found").iter_rows())
    assert counts.pop("column-missing") == 7
    assert counts == {
        **{"missing-age": 60, "missing-basis-of-diagnosis": 1, "age-above-105": 2},
        **{"site-morphology": 26, "basis-morphology": 181, "marker-morphology": 9},
        **{"age-site": 8, "age-morphology": 17, "age-site-morphology": 7},
        **{"prostate-young": 2, "carcinoma-child": 4},
    }
