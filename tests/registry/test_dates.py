"""Partial dates: what stands in for the unknown part, and the order of dates."""

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare.errors import CaseError, UsageError
from rarecare.registry import DateImputation, read_cases
from rarecare.registry.cases import BY_NAME
from rarecare.registry.casts import read_column
from rarecare.registry.dates import DateReading, keep_order


def dated(values, **options):
    reading = read_column(
        pl.Series(values, dtype=pl.String), BY_NAME["incidence_date"], dates=DateReading(**options)
    )
    return list(reading.values.select("value", "precision").iter_rows())


@pytest.mark.parametrize("text", ["2001-05-99", "2001-05-00", "2001-05", "20010599", "20010500"])
def test_an_unknown_day_is_the_15th(text):
    assert dated([text]) == [(date(2001, 5, 15), "month")]


@pytest.mark.parametrize(
    "text", ["2001-99-99", "2001-00-00", "2001", "20019999", "2001-99", "2001-99-12"]
)
def test_an_unknown_month_is_the_first_of_july(text):
    assert dated([text]) == [(date(2001, 7, 1), "year")]


def test_what_stands_in_can_be_chosen():
    rule = DateImputation(day=1, month=6, month_day=28)
    assert dated(["2001-02-99", "2001"], imputation=rule) == [
        (date(2001, 2, 1), "month"),
        (date(2001, 6, 28), "year"),
    ]
    with pytest.raises(UsageError, match=r"day of the date imputation.*got 31; allowed: .*1 to 28"):
        DateImputation(day=31)


def test_a_time_of_day_is_dropped():
    assert (
        dated(["2001-05-03 00:00:00", "2001-05-03T14:22:01.5"]) == [(date(2001, 5, 3), "day")] * 2
    )


def test_a_stated_layout_replaces_iso():
    assert dated(["3/5/2001", "99/05/2001", "99/99/2001"], layout="%d/%m/%Y") == [
        (date(2001, 5, 3), "day"),
        (date(2001, 5, 15), "month"),
        (date(2001, 7, 1), "year"),
    ]
    values, _ = zip(
        *dated(["04mar1977", "4DEC1977", "04XXX1977", "2001-05-03"], layout="%d%b%Y"), strict=True
    )
    assert values == (date(1977, 3, 4), date(1977, 12, 4), None, None)
    assert dated(["05.2001"], layout="%m.%Y") == [(date(2001, 5, 15), "month")]


@pytest.mark.parametrize("layout", ["%d/%m/%y", "%d/%m", "%Y-%m-%m", "%H %Y"])
def test_a_layout_without_a_four_digit_year_is_refused(layout):
    with pytest.raises(UsageError, match=r"date_format is not a layout of dates.*allowed: %Y with"):
        DateReading(layout)


@pytest.mark.parametrize("text", ["31/12/2001", "12.31.2001", "2001/12/31", "04mar1977"])
def test_another_layout_is_refused_with_the_remedy(text):
    frame = pl.DataFrame({"dx": [None, text]})
    with pytest.raises(CaseError) as caught:
        read_cases(frame, columns={"incidence_date": "dx"})
    message = str(caught.value)
    assert "its dates have another layout (data frame, line 3, column 'dx')" in message
    assert repr(text) in message
    assert "YYYY-MM-DD" in message
    assert "--date-format %d/%m/%Y" in message


def test_a_single_slip_among_good_dates_is_a_reject():
    cases = read_cases(pl.DataFrame({"incidence_date": ["2001-12-31", "31/12/2001"]}))
    assert cases.rejects.rows()[0][:4] == (
        3,
        "incidence_date",
        "31/12/2001",
        "incidence_date is not a date",
    )


def read(**columns):
    cases = read_cases(pl.DataFrame({name: [value] for name, value in columns.items()}))
    return cases.table.row(0, named=True), cases.notes


def test_an_imputed_last_date_is_never_before_incidence():
    row, notes = read(incidence_date="2001-05-20", last_date="2001-05-99")
    assert (row["last_date"], row["follow_up_days"]) == (date(2001, 5, 20), 0)
    assert row["last_date_precision"] == "month"
    assert "imputed dates of 1 cases were moved" in notes[-1]


def test_an_imputed_incidence_date_gives_way_to_a_known_last_date():
    row, _ = read(incidence_date="2001-99-99", last_date="2001-03-03")
    assert (row["incidence_date"], row["follow_up_days"]) == (date(2001, 3, 3), 0)


def test_an_imputed_birth_date_is_never_after_incidence():
    row, _ = read(birth_date="2001", incidence_date="2001-03-03")
    assert (row["birth_date"], row["age"], row["age_days"]) == (date(2001, 3, 3), 0, 0.0)


def test_a_contradiction_beyond_what_is_unknown_stays():
    row, _ = read(incidence_date="2001-05-20", last_date="1999-99-99")
    assert row["last_date"] == date(1999, 7, 1)  # even the end of 1999 would be too early
    assert row["follow_up_days"] == -(
        31 + 31 + 30 + 31 + 30 + 31 - 1 + 366 + 31 + 28 + 31 + 30 + 20
    )
    row, _ = read(incidence_date="2001-05-20", last_date="2001-05-19")
    assert row["follow_up_days"] == -1


def test_dates_known_to_the_day_leave_no_precision_column():
    row, notes = read(incidence_date="2001-05-20", last_date="2001-06-20")
    assert not [name for name in row if name.endswith("_precision")]
    assert notes == ()


def test_the_notes_count_imputed_dates():
    frame = pl.DataFrame({"incidence_date": ["2001-05-99", "2001", "2001-05", "20010503", None]})
    cases = read_cases(frame)
    assert cases.notes == (
        "2 of 5 incidence dates had no day: day 15 taken",
        "1 of 5 incidence dates had no month: 1 July taken",
    )
    assert cases.table["incidence_date_precision"].to_list() == [
        "month",
        "year",
        "month",
        "day",
        None,
    ]


days = st.integers(0, 3000).map(lambda n: date(1995, 1, 1) + timedelta(days=n))
precisions = st.sampled_from(["day", "month", "year"])


def partial(day, precision):
    return str(day)[: {"day": 10, "month": 7, "year": 4}[precision]]


@given(
    st.lists(st.tuples(days, days, days), min_size=1, max_size=20),
    precisions,
    precisions,
    precisions,
)
def test_true_dates_in_order_stay_in_order_and_within_what_is_known(truth, p1, p2, p3):
    columns = {"birth_date": p1, "incidence_date": p2, "last_date": p3}
    truth = [sorted(triple) for triple in truth]
    frame = pl.DataFrame(
        {
            name: [partial(triple[i], precision) for triple in truth]
            for i, (name, precision) in enumerate(columns.items())
        }
    )
    table = read_cases(frame).table
    assert (table["birth_date"] <= table["incidence_date"]).all()
    assert (table["incidence_date"] <= table["last_date"]).all()
    for i, (name, precision) in enumerate(columns.items()):
        for got, triple in zip(table[name], truth, strict=True):
            assert partial(got, precision) == partial(triple[i], precision)


def test_what_cannot_be_brought_into_order_does_not_move():
    table = pl.DataFrame(
        {
            "birth_date": [date(2000, 1, 1)],
            "incidence_date": [date(1999, 1, 1)],
            "last_date": [date(1998, 7, 1)],
            "last_date_precision": ["year"],
        }
    )
    kept, moved = keep_order(table)
    assert kept["birth_date"].item() == date(2000, 1, 1)
    assert kept["incidence_date"].item() == date(1999, 1, 1)
    assert kept["last_date"].item() == date(1998, 7, 1)
    assert moved == 0
