"""A report made part by part is the report of the submission as a whole."""

from datetime import date
from functools import partial

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from rarecare.registry.report import check, contents
from rarecare.registry.report import files as report_files
from rarecare.registry.report.gathering import merged_notes
from rarecare.registry.submission import read_submission, submission_parts
from rarecare.writing import csv_text

TODAY = date(2014, 1, 31)


@pytest.mark.parametrize("size", [200, 700])
def test_parts_make_the_report_of_the_whole(invented, monkeypatch, size):
    whole = check(read_submission(invented), today=TODAY)
    assert len(list(submission_parts(invented, size=size))) > 2
    monkeypatch.setattr(contents, "submission_parts", partial(submission_parts, size=size))
    made = check(invented, today=TODAY)
    order = ["file", "row", "code"]
    assert_frame_equal(made.findings.table.sort(order), whole.findings.table.sort(order))
    assert_frame_equal(made.findings.counts, whole.findings.counts)
    for name in ("exclusions", "quality", "changes", "long_survivors"):
        assert_frame_equal(getattr(made, name), getattr(whole, name))
    assert_frame_equal(made.rejects.sort("row"), whole.rejects.sort("row"))
    assert (made.counts, made.sources) == (whole.counts, whole.sources)
    assert made.facts == whole.facts


def test_notes_of_parts_add_up_by_hand():
    parts = [
        ("2 of 9 values of sex were not read, the first in line 3: 'Q'; allowed: male", "no month"),
        ("imputed dates of 1 cases were moved so that", "no month"),
        (
            "3 of 7 values of sex were not read, the first in line 12: 'R'; allowed: male",
            "imputed dates of 4 cases were moved so that",
        ),
    ]
    assert merged_notes(parts) == (
        "5 values of sex were not read, the first in line 3: 'Q'; allowed: male",
        "no month",
        "imputed dates of 5 cases were moved so that",
    )
    assert merged_notes(parts[:1]) == parts[0]


def test_every_finding_is_in_the_csv_however_it_is_cut(report, monkeypatch):
    findings, checks = report.findings.table, report.messages()
    said = checks.select("code", "family", "title", "remedy")
    whole = csv_text(findings.join(said, on="code", how="left", maintain_order="left"))
    for at_once in (1, 3, 100):
        monkeypatch.setattr(report_files, "_AT_ONCE", at_once)
        pieces = b"".join(report_files._findings_csv(findings, checks))
        assert pieces.decode() == whole
    nothing = b"".join(report_files._findings_csv(findings.clear(), checks)).decode()
    assert pl.read_csv(nothing.encode(), infer_schema=False).height == 0
