"""What the report of the invented submission holds, counted by hand."""

import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from rarecare.errors import UsageError
from rarecare.registry.report import check
from rarecare.registry.report.texts import outside_findings, outside_quality
from rarecare.registry.submission import Count

TODAY = date(2014, 1, 31)

# Lines of cases.csv; 2 to 6 are clean.
PLANTED = [
    (7, "sex-site"),  # a man with a tumour of the ovary
    (8, "last-before-incidence"),  # last seen ten days before incidence,
    (8, "follow-up-negative"),  # so follow-up is -10 days,
    (8, "alive-before-closing"),  # and he is alive, not seen to the closing date
    (9, "value-not-read"),  # sex Q
    (10, "tumour-id-doubled"),  # TUM-88209 twice
    (11, "tumour-id-doubled"),
    (12, "age-site-morphology"),  # adenocarcinoma of the prostate at 35
    (13, "age-site-morphology"),  # and at 32
    (14, "age-above-105"),  # 106
    (15, "value-not-read"),  # topography X99
]


def test_each_planted_fault_is_found_and_nothing_else(report):
    assert sorted(report.findings.table.select("row", "code").rows()) == sorted(PLANTED)


def test_totals_by_hand(report):
    # warnings: alive-before-closing, age-site-morphology twice, age-above-105
    assert (report.findings.errors, report.findings.warnings) == (7, 4)
    assert report.findings.records == 14
    assert report.records_with_findings == 9  # lines 7 to 15
    assert report.counts == (Count("cases", records=14, read=14, rejected=0),)


def test_who_is_left_out_by_hand(report):
    counted = {
        purpose: {row["reason"]: row["records"] for row in part.rows(named=True) if row["records"]}
        for (purpose,), part in report.exclusions.group_by("purpose")
    }
    assert counted == {
        # lines 9 and 15: sex and topography not read
        "incidence": {"records read": 14, "unreadable": 2, "records in analysis": 12},
        # line 14 is 106 years old, line 8 has negative follow-up
        "survival": {
            **{"records read": 14, "unreadable": 2, "age unknown or outside": 1},
            **{"follow-up missing or negative": 1, "records in analysis": 10},
        },
    }


def test_quality_by_hand(report):
    whole = report.quality.filter(entity_id="all", period="all")
    verified = whole.filter(indicator="microscopically verified").row(0, named=True)
    assert (verified["numerator"], verified["denominator"], verified["value"]) == (12, 12, 100.0)
    stage = whole.filter(indicator="stage unknown").row(0, named=True)
    assert (stage["status"], stage["reason"]) == ("not estimable", "the file has no stage")
    assert report.long_survivors.is_empty()


def test_of_a_record_nothing_but_its_line_and_rule_goes_outside(report):
    outside = outside_findings(report)
    assert outside["values"].null_count() == outside.height == 11
    assert not {"patient_id", "tumour_id"} & set(outside.columns)


def test_what_a_whole_file_lacks_goes_outside(changed):
    folder = changed()
    text = (folder / "cases.csv").read_text(encoding="utf-8")
    (folder / "cases.csv").write_text(text.replace("autopsy", "other"), encoding="utf-8")
    outside = outside_findings(check(folder, today=TODAY)).filter(code="column-missing")
    assert outside.select("row", "values").rows() == [(None, "autopsy")]


def test_where_a_year_has_few_cases_no_year_goes_outside(report):
    """Twelve cases in five years: some year has 1 to 4."""
    years = pl.col("period").str.contains(r"^\d{4}$")
    assert report.quality.filter(years).height > 0
    assert set(outside_quality(report)["period"]) == {"all"}
    assert set(outside_quality(report)["entity_id"]) == {"all"}


def test_years_of_many_cases_go_outside(changed):
    line = "P{0},T{0},male,1940-01-01,{1}-06-01,{2},2012-12-31,,alive,,C18.7,8140,3,2,7,0"
    years = [2008, 2009, 2010, 2011, 2012]
    added = [line.format(k, year, year - 1940) for k, year in enumerate(years * 5)]
    outside = outside_quality(check(changed(added=added), today=TODAY))
    assert set(outside["period"]) == {"all", *map(str, years)}


def test_messages_are_in_the_language_asked_for(invented):
    german = check(invented, today=TODAY, language="de").messages()
    english = check(invented, today=TODAY).messages()
    assert german["code"].equals(english["code"])
    assert (german["title"] != english["title"]).all()
    with pytest.raises(UsageError, match="no messages in this language"):
        check(invented, language="xx")


def test_silenced_and_confirmed_stay_in_sight(invented):
    confirmed = pl.DataFrame(
        {"tumour_id": ["TUM-88213"], "code": ["age-above-105"], "who": ["A.B."], "when": ["2013"]}
    )
    found = check(invented, today=TODAY, silenced=["age-site-morphology"], confirmed=confirmed)
    assert (found.findings.errors, found.findings.warnings) == (7, 1)
    assert found.findings.table.height == len(PLANTED)
    assert found.records_with_findings == 6  # lines 12, 13 and 14 are no longer open


def test_progress_names_each_step(invented):
    steps = []
    check(invented, today=TODAY, progress=lambda *step: steps.append(step))
    assert [done for _, done, _ in steps] == list(range(len(steps)))
    assert steps[0][0] == "reading and checking"


def test_the_example_of_a_real_program(shared_data, tmp_path):
    """IARC's Rcan example, by the submission.toml of ``examples``; findings as in the docs."""
    example = Path(__file__).parents[3] / "examples" / "submissions" / "iarc-rcan"
    for path in (
        example / "submission.toml",
        shared_data / "iarc_rcan_individual_example.csv.gz",
        shared_data / "iarc_rcan_population_example.csv",
    ):
        shutil.copy(path, tmp_path)
    found = check(tmp_path, today=TODAY)
    assert (found.findings.records, found.findings.errors, found.findings.warnings) == (
        19_284, 7, 317,
    )  # fmt: skip
    assert found.messages()["ran"].sum() == 41  # 33 of the cases, 8 of the population
    kept = found.exclusions.filter(reason="records in analysis", purpose="incidence")
    assert kept["records"].item() == 19_284 - 1593 - 510  # not malignant; of no entity
    dco = found.quality.filter(entity_id="all", period="all", indicator="death certificate only")
    assert dco.select("numerator", "denominator").row(0) == (882, 17_181)
