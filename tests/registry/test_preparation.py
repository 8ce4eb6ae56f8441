"""From whatever a caller has to the cases that count."""

from datetime import date

import polars as pl
import pytest

from rarecare.errors import CaseError, ColumnError, UsageError
from rarecare.registry import ExclusionRules, read_cases
from rarecare.registry.exclusions import KEPT, READ
from rarecare.registry.preparation import as_it_stands, prepare

SURVIVAL = ExclusionRules()
FRAME = pl.DataFrame(
    {
        "sex": ["male", "female", "male", "female"],
        "incidence_date": [date(2000, 1, day) for day in (1, 2, 3, 4)],
        "age": [50, 101, 70, 60],
        "follow_up_days": [10, 20, 0, 0],
        "vital_status": ["dead", "alive", "dead", "alive"],
    }
)
COUNTED = FRAME.head(2).with_columns(died=pl.Series([True, False]))


def test_a_frame_is_read_and_exclusions_are_accounted_for():
    prepared = prepare(FRAME, SURVIVAL)
    # 101 is above 99; alive with no follow-up is left out; dead on day 0 counts as day 1
    assert prepared.table["follow_up_days"].to_list() == [10, 1]
    assert prepared.table["died"].to_list() == [True, True]
    records = dict(prepared.exclusions.select("reason", "records").rows())
    assert (records[READ], records[KEPT]) == (4, 2)
    assert records["age unknown or outside"] == records["zero follow-up alive"] == 1
    assert sum(records.values()) == 2 * records[READ]
    assert prepared.source.name == "data frame"


def test_cases_as_read_give_the_same_and_keep_their_notes():
    cases = read_cases(FRAME)
    prepared = prepare(cases, SURVIVAL)
    assert prepared.table.equals(prepare(FRAME, SURVIVAL).table)
    assert prepared.notes == cases.notes
    assert prepared.source == cases.source


def test_days_per_year_is_that_of_the_ages():
    ages = [
        prepare(FRAME, SURVIVAL, days_per_year=year).table["age_days"][0]
        for year in (365.241, 365.25)
    ]
    assert ages == pytest.approx([50.5 * 365.241, 50.5 * 365.25])


def test_a_frame_with_died_is_taken_as_it_stands():
    prepared = prepare(COUNTED, SURVIVAL)
    assert prepared.table.equals(COUNTED)  # the case aged 101 as well
    assert prepared.exclusions.rows() == [
        (0, READ, 2, ""),
        (1, KEPT, 2, "prepared by the caller"),
    ]
    assert prepared.notes == ()


def test_died_means_nothing_for_incidence():
    prepared = prepare(COUNTED, ExclusionRules(purpose="incidence", needed=()))
    assert prepared.exclusions.height > 2
    assert prepared.table["age"].to_list() == [50, 101]


def test_died_in_words_or_numbers_is_not_a_status():
    with pytest.raises(ColumnError, match="survival needs vital_status"):
        prepare(COUNTED.drop("vital_status").with_columns(pl.col("died").cast(int)), SURVIVAL)


@pytest.mark.parametrize("path", ["cases.csv", "folder/cases.parquet"])
def test_a_path_is_refused(path, tmp_path):
    for given in (path, tmp_path / path):
        with pytest.raises(UsageError, match=r"not the path of a file.*read_cases\(path\)"):
            prepare(given, SURVIVAL)
        with pytest.raises(UsageError, match="not the path of a file"):
            as_it_stands(given)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"follow_up_days": [10, 0]}, r"line 3\): got 0; allowed: whole days from 1.*vital_status"),
        ({"follow_up_days": [-3, 1]}, r"less than one day.*line 2\): got -3"),
        ({"follow_up_days": [10.0, 3.5]}, r"not whole.*line 3\): got 3\.5.*whole days from inc"),
        ({"follow_up_days": ["10", "3"]}, "follow_up_days are not numbers.*String.*vital_status"),
        ({"incidence_date": ["2000-01-01"] * 2}, "incidence_date are not dates.*vital_status"),
    ],
)
def test_cases_that_cannot_count_are_refused(columns, words):
    frame = COUNTED.with_columns(**{k: pl.Series(v, strict=False) for k, v in columns.items()})
    with pytest.raises(CaseError, match=words):
        prepare(frame, SURVIVAL)


def test_follow_up_is_needed():
    with pytest.raises(ColumnError, match="survival needs follow_up_days"):
        prepare(COUNTED.drop("follow_up_days"), SURVIVAL)


def test_whole_numbers_in_decimals_are_taken():
    frame = COUNTED.with_columns(pl.col("follow_up_days").cast(float))
    assert prepare(frame, SURVIVAL).table["follow_up_days"].to_list() == [10.0, 20.0]


def test_an_empty_analysis_names_its_main_reason():
    with pytest.raises(CaseError) as raised:
        prepare(FRAME, ExclusionRules(ages=(0, 15)))
    for words in ("no case is left", "data frame", "4 read", "age unknown or outside"):
        assert words in str(raised.value)


def test_bad_rows_are_refused_or_counted():
    frame = FRAME.with_columns(follow_up_days=pl.Series([10, 20, -5, 30]))
    with pytest.raises(CaseError, match=r"follow_up_days is negative.*got '-5'"):
        prepare(frame, SURVIVAL)
    prepared = prepare(frame, SURVIVAL, bad_rows="exclude")
    records = dict(prepared.exclusions.select("reason", "records").rows())
    assert records["follow-up missing or negative"] == 1
