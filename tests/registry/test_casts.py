"""Each cast with good, bad and unknown values."""

from datetime import date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare.errors import UsageError
from rarecare.registry.cases import BY_NAME, CODE_SETS, FIELDS
from rarecare.registry.casts import as_text, code_map, read_column


def cast(name, values, **options):
    """Values of a column as read, and the texts rejected."""
    reading = read_column(pl.Series(values), BY_NAME[name], **options)
    return reading.values["value"].to_list(), reading.rejects["value"].to_list()


GOOD = [
    ("sex", ["male", "Female", "M", "f", "1", "2"], ["male", "female"] * 3),
    ("vital_status", ["alive", "DEAD", "Lost"], ["alive", "dead", "lost"]),
    ("stage", ["Localised", "localized", "distant"], ["localised", "localised", "distant"]),
    ("resident", ["yes", "No"], ["yes", "no"]),
    ("topography", ["C40.2", "c402", "402", "C809"], ["C40.2", "C40.2", "C40.2", "C80.9"]),
    ("morphology", ["9180", "8500/3", "9999/9"], [9180, 8500, 9999]),
    ("behaviour", ["0", "3", "9"], [0, 3, 9]),
    ("age", ["0", "62", "62.0", "120"], [0, 62, 62, 120]),
    ("age_days", ["0", "23004.5", "44194"], [0.0, 23004.5, 44194.0]),
    ("follow_up_days", ["0", "7305", "-5"], [0, 7305, -5]),
    ("weight", ["0", "1.25"], [0.0, 1.25]),
    ("basis_of_diagnosis", ["0", "7"], [0, 7]),
    ("birth_date", ["1932-08-14", "19320814"], [date(1932, 8, 14)] * 2),
    ("region", ["NA", "FI1B"], ["NA", "FI1B"]),  # free text: nothing means "unknown" but a blank
]


@pytest.mark.parametrize(("name", "values", "expected"), GOOD, ids=[case[0] for case in GOOD])
def test_good_values_take_their_canonical_form(name, values, expected):
    assert cast(name, values) == (expected, [])


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("sex", ["femal", "0", "4"]),
        ("vital_status", ["gone", "aliv"]),
        ("stage", ["1", "II"]),
        ("topography", ["C81.0", "C40", "C4O.2", "4022"]),
        ("morphology", ["7999", "918", "9180/33", "M9180"]),
        ("behaviour", ["3.5", "10", "x"]),
        ("age", ["-1", "121", "6o", "62.5"]),
        ("age_days", ["-1", "44195", "inf"]),
        ("follow_up_days", ["12.5", "50000", "five"]),
        ("weight", ["-1", "inf", "x"]),
        ("basis_of_diagnosis", ["10", "x"]),
        ("birth_date", ["2001-02-30", "2001-13-01", "01/02/2001", "1700-01-01", "2101-01-01"]),
    ],
)
def test_bad_values_are_null_and_rejected_as_they_stood(name, bad):
    assert cast(name, bad) == ([None] * len(bad), bad)


@pytest.mark.parametrize(
    ("name", "unknown"),
    [
        ("sex", ["9", "3"]),
        ("vital_status", ["9"]),
        ("stage", ["9", "99", "X"]),
        ("age", ["999"]),
        ("follow_up_days", ["99999"]),
        ("grade", ["9"]),
        ("basis_of_diagnosis", ["9"]),
        ("birth_date", ["9999-99-99", "99999999", "9999"]),
    ],
)
def test_declared_unknowns_are_null_and_no_fault(name, unknown):
    both = [*unknown, "unknown", "Unknown", "NA", ".", " ", "", None]
    assert cast(name, both) == ([None] * len(both), [])


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_field_has_its_type_even_when_all_is_blank(field):
    reading = read_column(pl.Series([None, ""], dtype=pl.String), field)
    assert reading.values["value"].dtype == field.dtype
    assert reading.values["value"].null_count() == 2


def test_typed_columns_are_taken_as_they_are():
    assert cast("birth_date", [date(1950, 3, 1), None]) == ([date(1950, 3, 1), None], [])
    assert cast("birth_date", [datetime(1950, 3, 1, 14, 30)]) == ([date(1950, 3, 1)], [])
    assert cast("birth_date", [date(9999, 12, 31), date(201, 5, 3), date(1950, 3, 1)]) == (
        [None, None, date(1950, 3, 1)],
        ["0201-05-03"],
    )
    assert cast("birth_date", [19500301]) == ([date(1950, 3, 1)], [])
    assert cast("sex", [1.0, 2.0, float("nan"), None]) == (["male", "female", None, None], [])
    assert cast("age", [62, 999, 130]) == ([62, None, None], ["130"])
    assert cast("age_days", [22678.25]) == ([22678.25], [])
    assert cast("hospital_id", [7, None]) == (["7", None], [])
    status = pl.Series(["Alive", "dead"], dtype=pl.Categorical)
    assert cast("vital_status", status) == (["alive", "dead"], [])


def test_a_morphology_brings_its_behaviour():
    values = read_column(pl.Series(["9180/3", "8500", "8140/2"]), BY_NAME["morphology"]).values
    assert values["behaviour"].to_list() == [3, None, 2]


def test_a_map_of_codes_comes_first_and_silences_the_numbers_it_does_not_name():
    # 1 is male elsewhere: in a file that says 0 = male it must not be
    codes = {"0": "male"}
    assert cast("sex", ["0", "1", "female", "9"], codes=codes) == (
        ["male", None, "female", None],
        ["1"],
    )
    assert cast("age", ["-1", "40"], codes={"-1": "unknown"}) == ([None, 40], [])
    assert cast("region", ["1", "2"], codes={"1": "north"}) == (["north", "2"], [])
    assert cast("sex", ["M", "V"], codes={"M": "", "V": "female"}) == ([None, "female"], [])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("encr", ["unreadable", "alive", "dead", "lost", "unreadable", None]),
        ("stata", ["alive", "dead", "dead", "unreadable", "lost", None]),
        ("event", ["alive", "dead", "unreadable", "unreadable", "unreadable", None]),
    ],
)
def test_named_sets_of_vital_status(name, expected):
    field = BY_NAME["vital_status"]
    given = ["0", "1", "2", "3", "4", "9"]
    reading = read_column(pl.Series(given), field, codes=code_map(field, name))
    values = reading.values["value"].to_list()
    rejected = set(reading.rejects["value"])
    assert ["unreadable" if g in rejected else v for g, v in zip(given, values, strict=True)] == (
        expected
    )


def test_maps_of_codes_are_checked():
    status = BY_NAME["vital_status"]
    with pytest.raises(UsageError, match=r"got 'encrr'; allowed: encr, stata, event.*'encr'"):
        code_map(status, "encrr")
    with pytest.raises(UsageError, match=r"got 'alife'; allowed: alive, .*Did you mean 'alive'"):
        code_map(status, {"1": "alife"})
    with pytest.raises(UsageError, match=r"no set of codes of that name for sex.*code=meaning"):
        code_map(BY_NAME["sex"], "encr")
    for name in CODE_SETS["vital_status"]:
        assert code_map(status, CODE_SETS["vital_status"][name]) == code_map(status, name)


def test_rejects_name_the_position_and_what_is_allowed():
    reading = read_column(pl.Series(["male", "femal", None, "x"]), BY_NAME["sex"])
    assert reading.rejects.rows() == [
        (1, "sex", "femal", "sex is not a known code", "male, female, m, f, 1, 2, unknown"),
        (3, "sex", "x", "sex is not a known code", "male, female, m, f, 1, 2, unknown"),
    ]


@given(st.lists(st.text(max_size=8) | st.none(), min_size=1, max_size=30))
def test_every_value_is_read_unknown_or_rejected_in_its_place(values):
    for field in FIELDS:
        series = pl.Series(values, dtype=pl.String)
        reading = read_column(series, field)
        assert reading.values.height == len(values)
        text = as_text(series)
        for i, value in reading.rejects.select("row", "value").iter_rows():
            assert reading.values["value"][i] is None
            assert text[i] == value


@given(st.integers(-200, 200))
def test_completed_ages_are_read_between_0_and_120_only(age):
    expected = ([age], []) if 0 <= age <= 120 else ([None], [str(age)])
    assert cast("age", [str(age)]) == expected
    assert cast("age", [age]) == expected
