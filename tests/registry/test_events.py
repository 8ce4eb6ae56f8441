"""Dated facts about tumours: reading and refusing them."""

from datetime import date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare.demo.care import EVENTS as DRAWN
from rarecare.errors import CaseError, CodeError, ColumnError
from rarecare.registry.events import COLUMNS, EVENTS, PRECISIONS, read_events

ROW = {
    "registry": "FI",
    "patient_id": "p1",
    "tumour_id": "t1",
    "event": "surgery",
    "date": date(2001, 5, 3),
    "date_precision": "day",
    "hospital_id": "H1",
    "value": "R0",
}


def table(*changes):
    return pl.DataFrame([ROW | change for change in changes], infer_schema_length=None)


def test_a_table_comes_back_as_it_was(tmp_path):
    path = tmp_path / "events.parquet"
    table({}, {"hospital_id": None, "value": None}).write_parquet(path)
    events = read_events(path)
    assert dict(events.schema) == dict(COLUMNS)
    assert events.rows(named=True) == [ROW, ROW | {"hospital_id": None, "value": None}]


def test_columns_in_another_order_and_dates_as_text(tmp_path):
    path = tmp_path / "events.csv"
    names = list(reversed(ROW))
    table({}).select(names).write_csv(path)
    assert read_events(path).rows(named=True) == [ROW]


def test_dates_with_a_time_lose_it():
    assert read_events(table({"date": datetime(2001, 5, 3, 10)}))["date"][0] == date(2001, 5, 3)


def test_unknown_dates_are_null_with_their_precision():
    events = read_events(table({}, {"date": None, "date_precision": None}))
    assert events.row(1, named=True)["date"] is None


def test_the_demo_draws_known_events_only():
    assert set(DRAWN) <= set(EVENTS)


@pytest.mark.parametrize("name", COLUMNS)
def test_every_column_must_be_there(name):
    with pytest.raises(ColumnError, match=rf"events have no column {name} \(data frame\)"):
        read_events(table({}).drop(name))


def test_a_column_too_many_is_named():
    with pytest.raises(ColumnError, match=r"a column too many.*got 'hospital'.*'hospital_id'"):
        read_events(table({}).with_columns(hospital=pl.lit("H1")))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"tumour_id": None}, CaseError, r"tumour_id is blank \(data frame, line 3, column 'tum"),
        ({"patient_id": "  "}, CaseError, r"patient_id is blank .*line 3"),
        (
            {"event": "surgry"},
            CodeError,
            r"the event is not in the list .*line 3, column 'event'\): got 'surgry'.*"
            r"Did you mean 'surgery'\?",
        ),
        ({"event": None}, CodeError, "the event is not in the list.*line 3"),
        ({"date": date(1700, 1, 1)}, CaseError, r"no date .*line 3.*got '1700-01-01'.*1850"),
        ({"date_precision": "hour"}, CodeError, "precision of the date is not.*got 'hour'.*year"),
        ({"date_precision": None}, CaseError, "a date has no precision.*line 3"),
        ({"date": None}, CaseError, "a precision has no date.*line 3"),
    ],
)
def test_what_is_refused_and_where(change, error, message):
    with pytest.raises(error, match=message):
        read_events(table({}, change))


def test_text_that_is_no_date_is_refused():
    rows = table({}).with_columns(date=pl.lit("3/5/2001"))
    with pytest.raises(CaseError, match=r"no date .*got '3/5/2001'; allowed: YYYY-MM-DD"):
        read_events(rows)


def test_further_rows_of_a_kind_are_counted():
    with pytest.raises(CodeError, match=r"line 2.*2 more rows are so\."):
        read_events(table({"event": "x"}, {}, {"event": "y"}, {"event": "z"}))


events = st.fixed_dictionaries(
    {
        "registry": st.just("FI"),
        "patient_id": st.sampled_from(["p1", "p2"]),
        "tumour_id": st.sampled_from(["t1", "t2"]),
        "event": st.sampled_from(list(EVENTS)),
        "date": st.dates(date(1850, 1, 1), date(2100, 12, 31)),
        "date_precision": st.sampled_from(PRECISIONS),
        "hospital_id": st.one_of(st.none(), st.just("H1")),
        "value": st.one_of(st.none(), st.sampled_from(["R0", "adjuvant"])),
    }
)


@given(st.lists(events, min_size=1, max_size=5))
def test_reading_twice_changes_nothing(rows):
    once = read_events(pl.DataFrame(rows, schema=dict(COLUMNS)))
    assert once.rows(named=True) == rows
    assert read_events(once).equals(once)
