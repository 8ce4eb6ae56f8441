"""Every kind of bad input: what was wrong, the value, what is allowed, the remedy."""

import polars as pl
import pytest

from rarecare.errors import CodeError, ColumnError, FileError, UsageError
from rarecare.registry import ExclusionRules, exclude, read_cases, read_column_map

HEADER = "sex,age,incidence_date,last_date,vital_status\n"
GOOD = "male,60,2001-05-03,2003-05-03,dead\n"
NEEDED = ("sex", "age_days", "incidence_date", "follow_up_days", "vital_status")


@pytest.fixture
def file(tmp_path):
    """Write text or bytes to cases.csv and return its path."""

    def write(content, name="cases.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def says(caught, *parts):
    message = str(caught.value)
    for part in parts:
        assert part in message, message
    return True


def test_a_missing_file_names_its_neighbours(file):
    path = file(HEADER + GOOD)
    with pytest.raises(FileError) as caught:
        read_cases(path.with_name("case.csv"))
    assert says(caught, "there is no such file", "'case.csv'", "Did you mean 'cases.csv'?")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("", "the file is empty"),
        (HEADER, "a header and no records"),
        (b"PK\x03\x04\x00\x00\x08\x00" * 20, "not text"),
        (HEADER + GOOD + "male,60,2001-05-03,2003-05-03,dead,extra\n", "6 fields, the header 5"),
        (HEADER.encode() + "mâle,60,2001-05-03,2003-05-03,dead\n".encode("latin-1"), "not UTF-8"),
        ("sex,sex\nmale,male\n", "two columns have one name"),
    ],
    ids=["empty", "header only", "binary", "ragged", "latin-1", "doubled"],
)
def test_a_file_that_is_no_table_is_refused_by_name(file, content, part):
    with pytest.raises((FileError, ColumnError)) as caught:
        read_cases(file(content))
    assert says(caught, part, "cases.csv")


def test_a_byte_order_mark_and_other_delimiters_are_no_matter(file):
    text = "\ufeff" + (HEADER + GOOD).replace(",", ";")
    table = read_cases(file(text), required=NEEDED).table
    assert table.select("sex", "age", "follow_up_days").row(0) == ("male", 60, 730)


def test_the_wrong_delimiter_is_named_as_the_likely_cause(file):
    with pytest.raises(ColumnError) as caught:
        read_cases(file(HEADER + GOOD), required=NEEDED, delimiter=";")
    assert says(
        caught, "there is no column for sex (cases.csv)", "read as one column", "--delimiter"
    )


def test_a_missing_column_names_the_nearest_and_the_remedy(file):
    path = file((HEADER + GOOD).replace("incidence_date", "incidence_dat"))
    with pytest.raises(ColumnError) as caught:
        read_cases(path, required=("incidence_date",))
    assert says(
        caught,
        "there is no column for incidence_date (cases.csv)",
        "allowed: sex, age, incidence_dat, last_date, vital_status",
        "Did you mean 'incidence_dat'?",
        "--columns incidence_date=incidence_dat.",
    )


def test_a_missing_column_that_can_be_derived_says_from_what(file):
    path = file("sex,incidence_date\nmale,2001-05-03\n")
    with pytest.raises(ColumnError) as caught:
        read_cases(path, required=("follow_up_days",))
    assert says(caught, "--columns follow_up_days=COLUMN", "give incidence_date and last_date.")
    with pytest.raises(ColumnError) as caught:
        read_cases(path, required=("age_days",))
    assert says(caught, "or give age, or age_years, or birth_date and incidence_date.")
    morphology = file("morphology\n9180\n")
    with pytest.raises(ColumnError, match="no column for behaviour"):
        read_cases(morphology, required=("behaviour",))


def test_a_mapped_column_must_be_in_the_file(file):
    with pytest.raises(ColumnError) as caught:
        read_cases(file(HEADER + GOOD), columns={"birth_date": "incidence"})
    assert says(
        caught, "mapped to birth_date is not in the file", "'incidence'", "'incidence_date'"
    )


@pytest.mark.parametrize("slip", ["incidence_dat", "vital_stat", "tumor_id", "behavior"])
def test_a_map_with_a_slip_for_a_canonical_name_is_refused(file, slip):
    with pytest.raises(UsageError) as caught:
        read_cases(file(HEADER + GOOD), columns={slip: "age"})
    assert says(caught, "almost a canonical one", repr(slip), "Did you mean")


def test_names_of_their_own_rename_what_is_carried_along(file):
    names = {"stage_tnm": "age", "hospital_surgery": "last_date"}
    table = read_cases(file(HEADER + GOOD), columns=names).table
    assert table.select("stage_tnm", "hospital_surgery").row(0) == ("60", "2003-05-03")


def test_two_columns_for_one_name_are_refused(file):
    path = file("age,Age,row\n60,61,1\n")
    with pytest.raises(ColumnError, match=r"claim to be age: 'age' and 'Age'.*age_in_file=Age"):
        read_cases(path)
    with pytest.raises(ColumnError, match=r"row is kept for the line.*--columns row_in_file=row"):
        read_cases(path, columns={"age_2": "Age"})


def test_codes_for_no_canonical_column_are_refused(file):
    with pytest.raises(UsageError, match="not a canonical column: got 'vital'"):
        read_cases(file(HEADER + GOOD), codes={"vital": {"0": "alive"}})


@pytest.mark.parametrize("status", ["1", "0", "2"])
def test_a_vital_status_in_numbers_is_refused_with_the_remedy(file, status):
    path = file((HEADER + GOOD + GOOD.replace("dead", status)).replace("vital_status", "STAT"))
    with pytest.raises(CodeError) as caught:
        read_cases(path, columns={"vital_status": "STAT"})
    assert says(
        caught,
        "1 is alive in ENCR files, dead in Stata and R files",
        "(cases.csv, line 3, column 'STAT')",
        f"got {status!r}; allowed: alive, dead, lost",
        "--codes vital_status:0=alive,1=dead",
        "--codes vital_status=encr|stata|event",
    )


def test_a_typed_vital_status_in_numbers_is_refused_too():
    frame = pl.DataFrame({"vital_status": [None, 9.0, 1.0]})
    with pytest.raises(CodeError, match=r"line 4, column 'vital_status'.*got '1'"):
        read_cases(frame)


def test_an_unknown_vital_status_of_9_is_no_ambiguity():
    table = read_cases(pl.DataFrame({"vital_status": ["9", "alive"]})).table
    assert table["vital_status"].to_list() == [None, "alive"]


BAD = {
    "sex": (
        GOOD.replace("male", "femal"),
        "sex is not a known code (cases.csv, line 3, column 'sex'): got 'femal'",
        "allowed: male, female, m, f, 1, 2, unknown",
        "Did you mean 'female'?",
        "--codes sex:femal=MEANING",
    ),
    "status": (
        GOOD.replace("dead", "gone"),
        "vital_status is not a known code (cases.csv, line 3, column 'vital_status'): got 'gone'",
        "allowed: alive, dead, lost, unknown",
        "--codes vital_status:gone=MEANING",
    ),
    "date": (
        GOOD.replace("2001-05-03", "2001-02-30"),
        "incidence_date is not a date (cases.csv, line 3, column 'incidence_date')",
        "got '2001-02-30'",
        "allowed: YYYY-MM-DD or YYYYMMDD",
    ),
    "age": (
        GOOD.replace("60", "6o"),
        "age is not a number in its range (cases.csv, line 3, column 'age'): got '6o'",
        "allowed: whole numbers from 0 to 120",
    ),
    "order": (
        GOOD.replace("2003-05-03", "2001-05-02"),
        "last_date is before incidence_date (cases.csv, line 3, column 'last_date')",
        "got '2001-05-02'; allowed: dates from 2001-05-03 on",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_row_stops_with_one_message_that_counts_the_rest(file, kind):
    row, *parts = BAD[kind]
    cases = read_cases(file(HEADER + GOOD + row + GOOD + row + row), required=NEEDED)
    with pytest.raises(CodeError if kind in ("sex", "status") else ValueError) as caught:
        exclude(cases, ExclusionRules())
    assert says(
        caught, *parts, "Correct the file", "--bad-rows exclude", "2 more records cannot be used"
    )
    kept, accounting = exclude(cases, ExclusionRules(), bad_rows="exclude")
    reason = "follow-up missing or negative" if kind == "order" else "unreadable"
    assert dict(accounting.select("reason", "records").iter_rows())[reason] == 3
    assert kept["row"].to_list() == [2, 4]


def test_negative_days_name_the_days(file):
    path = file("dx,days,stat,sex,age\n2001-05-03,-4,dead,male,60\n")
    cases = read_cases(
        path,
        columns={"incidence_date": "dx", "follow_up_days": "days", "vital_status": "stat"},
    )
    with pytest.raises(ValueError, match="follow_up_days is negative") as caught:
        exclude(cases, ExclusionRules())
    assert says(caught, "line 2, column 'days'", "got '-4'; allowed: whole days from 0")


@pytest.fixture
def column_map(tmp_path):
    def write(text):
        path = tmp_path / "columns.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_column_map_is_read_and_used(column_map, file):
    given = read_column_map(
        column_map(
            '[columns]\nsex = "geslacht"\nvital_status = "stat"\n'
            '[codes]\nvital_status = "event"\n[codes.sex]\n"V" = "female"\n"M" = "male"\n'
        )
    )
    table = read_cases(
        file("geslacht,stat\nV,1\nM,0\n"), columns=given.columns, codes=given.codes
    ).table
    assert table.select("sex", "vital_status").rows() == [("female", "dead"), ("male", "alive")]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[column]\nsex = 's'\n", ["unknown table", "'column'", "Did you mean 'columns'?"]),
        ("[codes.sexe]\n1 = 'male'\n", ["not a canonical column", "'sexe'", "Did you mean 'sex'?"]),
        ("[codes.sex]\nmale = 1\n", ["sex: male is not text", "got 1", 'Write male = "1"']),
        ("[columns]\nsex = 3\n", ["columns: sex is not text", "got 3"]),
        ("columns = 'x'\n", ["columns is not a table", "'x'"]),
        ("[columns\n", ["the column map is not TOML", "[codes.FIELD]"]),
    ],
)
def test_a_faulty_column_map_says_where(column_map, text, parts):
    with pytest.raises((UsageError, FileError)) as caught:
        read_column_map(column_map(text))
    assert says(caught, *parts, "columns.toml")


def test_a_missing_column_map_is_named(tmp_path):
    with pytest.raises(FileError, match=r"no such file.*nowhere\.toml"):
        read_column_map(tmp_path / "nowhere.toml")
