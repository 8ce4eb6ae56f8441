"""What became of the findings of the last check."""

from collections import Counter
from datetime import date

import polars as pl
import pytest

from rarecare.errors import FileError, UsageError
from rarecare.registry.report import check, compare, read_earlier, write_outside, write_own
from rarecare.registry.report.comparison import OUTCOMES, outcomes

TODAY = date(2014, 1, 31)
MAN_WITH_OVARY = (
    "PAT-7399,TUM-88299,male,1950-01-01,2010-06-01,60,2012-12-31,,alive,,C56.9,8441,3,2,7,0"
)


@pytest.fixture
def earlier(report, tmp_path):
    write_own(report, tmp_path / "own")
    return read_earlier(tmp_path / "own")


def became(found):
    return sorted(found.comparison.select("outcome", "tumour_id", "code").rows())


def test_the_same_submission_has_nothing_new(invented, earlier):
    found = check(invented, today=TODAY, previous=earlier)
    assert Counter(found.comparison["outcome"]) == {"still there": 11}
    assert found.comparison["row_before"].equals(found.comparison["row_now"], null_equal=True)


def test_fixed_gone_confirmed_silenced_and_new_by_hand(changed, earlier):
    """Line 7 corrected; line 9 no longer sent; a record added; the rest as it was.

    Lines after 9 move up by one, which is no change.
    """
    folder = changed(
        replaced=[(7, "male", "female"), (9, None, None)],
        added=[MAN_WITH_OVARY],
    )
    confirmed = pl.DataFrame(
        {"tumour_id": ["TUM-88213"], "code": ["age-above-105"], "who": ["A.B."], "when": ["2013"]}
    )
    found = check(
        folder, today=TODAY, previous=earlier, confirmed=confirmed, silenced=["age-site-morphology"]
    )
    stays = [
        ("TUM-88207", "last-before-incidence"),
        ("TUM-88207", "follow-up-negative"),
        ("TUM-88207", "alive-before-closing"),
        ("TUM-88209", "tumour-id-doubled"),
        ("TUM-88209", "tumour-id-doubled"),
        ("TUM-88214", "value-not-read"),
    ]
    assert became(found) == sorted(
        [
            ("fixed", "TUM-88206", "sex-site"),
            ("record no longer sent", "TUM-88208", "value-not-read"),
            ("confirmed since", "TUM-88213", "age-above-105"),
            ("silenced now", "TUM-88211", "age-site-morphology"),
            ("silenced now", "=TUM-88212", "age-site-morphology"),
            ("new", "TUM-88299", "sex-site"),
            *(("still there", *which) for which in stays),
        ]
    )
    counts = {row["code"]: row for row in outcomes(found.comparison).rows(named=True)}
    assert (counts["sex-site"]["fixed"], counts["sex-site"]["new"]) == (1, 1)


def test_one_of_two_is_fixed(changed, earlier):
    """A number no longer used twice is fixed at both records."""
    folder = changed(replaced=[(11, "TUM-88209", "TUM-88210")])
    found = check(folder, today=TODAY, previous=earlier)
    fixed = found.comparison.filter(outcome="fixed")
    assert fixed.select("tumour_id", "code").rows() == [("TUM-88209", "tumour-id-doubled")] * 2


def test_a_check_that_cannot_be_run_fixes_nothing(changed, earlier):
    folder = changed()
    text = (folder / "cases.csv").read_text(encoding="utf-8")
    text = text.replace("follow_up_days", "other").replace("last_date", "another")
    (folder / "cases.csv").write_text(text, encoding="utf-8")
    found = check(folder, today=TODAY, previous=earlier)
    was = {r["code"]: r["outcome"] for r in found.comparison.rows(named=True)}
    assert was["last-before-incidence"] == was["follow-up-negative"] == "not checked now"


def test_every_finding_is_in_the_comparison_once(changed, earlier, report):
    folder = changed(replaced=[(7, "male", "female")], added=[MAN_WITH_OVARY])
    found = check(folder, today=TODAY, previous=earlier)
    counts = Counter(found.comparison["outcome"])
    assert set(counts) <= set(OUTCOMES)
    assert sum(counts.values()) - counts["new"] == report.findings.table.height
    assert counts["new"] + counts["still there"] == found.findings.table.height


def test_without_tumour_numbers_values_tell(report, earlier):
    """Nothing is gone for want of a number, and a value that changed is another finding."""
    blank = earlier.findings.with_columns(tumour_id=pl.lit(None, pl.String))
    nameless = type(earlier)(blank, earlier.registry, earlier.checked)
    now = type(report.findings)(
        blank.with_columns(values=pl.col("values").replace("106", "107")),
        report.findings.counts,
        report.findings.confirmations,
        14,
    )
    found = compare(nameless, now, None, registry="INVENTED")
    assert Counter(found["outcome"]) == {"still there": 10, "fixed": 1, "new": 1}


def test_another_registry_is_refused(report, earlier):
    with pytest.raises(UsageError, match="another registry"):
        compare(earlier, report.findings, None, registry="OTHER")


def test_files_for_outside_cannot_be_compared(report, tmp_path):
    write_outside(report, tmp_path / "out")
    with pytest.raises(FileError, match=r"no findings\.parquet.*--own"):
        read_earlier(tmp_path / "out")
    with pytest.raises(FileError, match="no such folder"):
        read_earlier(tmp_path / "nowhere")


def test_a_damaged_summary_is_named(report, tmp_path):
    write_own(report, tmp_path)
    (tmp_path / "summary.json").write_text("{", encoding="utf-8")
    with pytest.raises(FileError, match="not the summary of a check"):
        read_earlier(tmp_path)
    write_own(report, tmp_path)
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "findings.parquet")
    with pytest.raises(FileError, match="not the findings of a check"):
        read_earlier(tmp_path)
