"""From a file to the canonical case table."""

import csv
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare.errors import UsageError
from rarecare.registry import FIELDS, read_cases


def write(folder, text, name="cases.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_cohort_is_read_whole(cohort):
    cases = read_cases(cohort / "cases.csv", required=("age_days", "follow_up_days", "sex"))
    with (cohort / "cases.csv").open(encoding="utf-8") as file:
        records = list(csv.DictReader(file))
    assert cases.rejects.is_empty()
    assert cases.notes == ()
    assert cases.table.height == len(records) == 3000
    table = cases.table
    for column in ("vital_status", "sex", "stage", "region"):
        counted = dict(table[column].value_counts().iter_rows())
        for value in {record[column] for record in records}:
            assert counted[value or None] == sum(r[column] == value for r in records)
    assert table["follow_up_days"].to_list() == [int(r["follow_up_days"]) for r in records]
    ages = [
        (date.fromisoformat(r["incidence_date"]) - date.fromisoformat(r["birth_date"])).days
        for r in records
    ]
    assert table["age_days"].to_list() == ages
    assert table["row"].to_list() == list(range(2, 3002))
    assert (table["last_date"] - table["incidence_date"]).dt.total_days().to_list() == table[
        "follow_up_days"
    ].to_list()


def test_columns_come_in_canonical_order_with_the_rest_carried_along(tmp_path):
    path = write(tmp_path, "site,SEX,born,Ward\nrectum,2,1950-03-01,7\n")
    cases = read_cases(path, columns={"birth_date": "born", "subsite": "site"})
    assert cases.table.columns == ["row", "sex", "birth_date", "subsite", "Ward"]
    assert cases.table.row(0) == (2, "female", date(1950, 3, 1), "rectum", "7")
    assert cases.file_columns == {"sex": "SEX", "birth_date": "born"}


def test_a_mapped_column_frees_its_own_name(tmp_path):
    # the file's "age" is in days, so completed years are to be worked out
    path = write(tmp_path, "age\n23004\n")
    table = read_cases(path, columns={"age_days": "age"}).table
    assert table.select("age", "age_days").row(0) == (62, 23004.0)  # 23004 / 365.2425 = 62.98


def test_typed_columns_carried_along_keep_their_types():
    frame = pl.DataFrame({"incidence_date": [date(2001, 5, 3)], "dose": [2.5], "seen": [True]})
    table = read_cases(frame).table
    assert table.schema["dose"] == pl.Float64
    assert table.schema["seen"] == pl.Boolean


def test_a_case_table_read_again_is_the_same(cohort):
    once = read_cases(cohort / "cases.csv")
    part = once.table.filter(pl.col("row") % 7 == 0)
    again = read_cases(part)
    assert again.table.equals(part)
    assert again.rejects.is_empty()


def test_a_frame_and_its_file_give_the_same_table(cohort):
    frame = pl.read_csv(cohort / "cases.csv", try_parse_dates=True)
    assert read_cases(frame).table.equals(read_cases(cohort / "cases.csv").table)


def test_age_in_days_from_full_dates():
    frame = pl.DataFrame({"birth_date": ["1950-03-01"], "incidence_date": ["1990-03-01"]})
    cases = read_cases(frame)
    # 40 years with 10 leap days (1952 … 1988): 40 x 365 + 10
    assert cases.table.select("age", "age_days").row(0) == (40, 14610.0)
    assert cases.notes == ()


def test_completed_years_are_counted_by_birthdays():
    frame = pl.DataFrame(
        {
            "birth_date": ["1957-03-01", "1957-03-02", "1956-02-29"],
            "incidence_date": ["1959-03-01", "1959-03-01", "1957-02-28"],
        }
    )
    assert read_cases(frame).table["age"].to_list() == [2, 1, 0]


def test_age_in_days_from_completed_years_says_so():
    frame = pl.DataFrame(
        {
            "age": ["60", None],
            "birth_date": ["1940", "1950-03-01"],
            "incidence_date": ["2001-05-03", "1990-03-01"],
        }
    )
    cases = read_cases(frame)
    assert cases.table["age_days"].to_list() == [60.5 * 365.2425, 14610.0]
    assert cases.table["age"].to_list() == [60, 40]
    assert cases.notes[-1] == (
        "1 of 2 ages in days are (completed age + 0.5) x 365.2425, for want of full dates"
    )
    other = read_cases(frame, days_per_year=365.241)
    assert other.table["age_days"][0] == 60.5 * 365.241


def test_age_in_days_from_imputed_dates_says_so():
    frame = pl.DataFrame({"birth_date": ["1940-99-99"], "incidence_date": ["1941-07-01"]})
    cases = read_cases(frame)
    assert cases.table.select("age", "age_days").row(0) == (1, 365.0)
    assert cases.notes[-1] == "1 of 1 ages in days are counted from imputed dates"


def test_given_ages_win_over_dates():
    frame = pl.DataFrame(
        {
            "birth_date": ["1950-03-01"],
            "incidence_date": ["1990-03-01"],
            "age": [39],
            "age_days": [14000.0],
        }
    )
    assert read_cases(frame).table.select("age", "age_days").row(0) == (39, 14000.0)


@pytest.mark.parametrize(
    ("birth", "age"), [("1991-01-01", None), ("1869-02-28", None), ("1869-03-02", 120)]
)
def test_impossible_ages_are_rejected(birth, age):
    frame = pl.DataFrame({"birth_date": [birth], "incidence_date": ["1990-03-01"]})
    cases = read_cases(frame)
    assert cases.table["age"].item() == age
    assert (cases.table["age_days"].item() is None) == (age is None)
    rejected = [] if age else [("birth_date", birth)]
    assert cases.rejects.select("column", "value").rows() == rejected


def test_follow_up_given_decides_the_last_date():
    frame = pl.DataFrame(
        {
            "incidence_date": ["2001-05-01", "2001-05-01", "2001-05-01", None],
            "last_date": ["2001-06-01", "2001-05-11", "2001-06-01", "2001-06-01"],
            "follow_up_days": [10, 10, None, 10],
        }
    )
    cases = read_cases(frame)
    assert cases.table["follow_up_days"].to_list() == [10, 10, 31, 10]
    assert cases.table["last_date"].to_list() == [
        date(2001, 5, 11),
        date(2001, 5, 11),
        date(2001, 6, 1),
        date(2001, 6, 1),
    ]
    assert cases.notes == (
        "1 of 4 last dates differ from incidence date + follow_up_days: the days were taken",
    )


def test_the_morphology_fills_behaviour_only_where_there_is_no_such_column():
    given = pl.DataFrame({"morphology": ["9180/3", "8500/2", "8140"]})
    assert read_cases(given).table["behaviour"].to_list() == [3, 2, None]
    both = given.with_columns(behaviour=pl.Series([None, 3, 3]))
    assert read_cases(both).table["behaviour"].to_list() == [None, 3, 3]
    assert "behaviour" not in read_cases(pl.DataFrame({"morphology": ["9180"]})).table.columns


def test_values_not_read_are_noted_and_rejected_by_line(tmp_path):
    path = write(tmp_path, "id,sex,age\n1,male,60\n2,femal,61\n3,female,6o\n")
    cases = read_cases(path)
    assert cases.table["sex"].to_list() == ["male", None, "female"]
    assert cases.rejects.select("row", "column", "value").rows() == [
        (3, "sex", "femal"),
        (4, "age", "6o"),
    ]
    assert cases.notes[0].startswith("1 of 3 values of sex were not read, the first in line 3: ")


def test_dates_must_be_a_positive_number_of_days_per_year():
    with pytest.raises(UsageError, match="days_per_year is out of range: got 0"):
        read_cases(pl.DataFrame({"age": [60]}), days_per_year=0)


def test_a_frame_without_records_keeps_its_types():
    frame = pl.DataFrame(schema={"sex": pl.String, "incidence_date": pl.Date, "age": pl.Int64})
    table = read_cases(frame).table
    types = {field.name: field.dtype for field in FIELDS}
    assert table.height == 0
    assert all(table.schema[n] == types[n] for n in ("sex", "incidence_date", "age", "age_days"))


@given(
    st.lists(
        st.tuples(
            st.dates(date(1900, 1, 1), date(1960, 1, 1)),
            st.dates(date(1961, 1, 1), date(2019, 12, 31)),
            st.integers(0, 9000),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_dates_and_days_say_the_same(records):
    births, incidences, follow_ups = zip(*records, strict=True)
    by_days = read_cases(
        pl.DataFrame(
            {"birth_date": births, "incidence_date": incidences, "follow_up_days": follow_ups}
        )
    ).table
    by_dates = read_cases(by_days.select(pl.col(pl.Date).cast(pl.String))).table
    assert by_dates.equals(by_days)
    for age, birth, incidence in zip(by_days["age"], births, incidences, strict=True):
        had = (incidence.month, incidence.day) >= (birth.month, birth.day)
        assert age == incidence.year - birth.year - (not had)
