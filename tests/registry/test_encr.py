"""The ENCR-JRC incidence file: 39 columns to the canonical case table."""

import csv
import hashlib
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as few
from hypothesis import strategies as st

from rarecare.demo.encr import INCIDENCE_COLUMNS
from rarecare.errors import ColumnError, FileError, UsageError
from rarecare.files import read_table
from rarecare.registry import DateImputation, ExclusionRules, exclude, read_cases
from rarecare.registry.encr import read_encr
from rarecare.registry.encr_columns import COLUMNS, NAMES, NUMBERS

RECORD = {
    **{"PAT": "p1", "MoB": "3", "YoB": "1950", "Age": "51", "Sex": "2", "Geo_Code": "FI1B"},
    **{"Geo_Label": "Helsinki-Uusimaa", "TUM": "t1", "MoI": "5", "YoI": "2001", "BoD": "7"},
    **{"Topo": "C509", "Morpho": "8500", "Beh": "3", "Grade": "2", "Autopsy": "0"},
    **{"Vit_stat": "2", "MoF": "5", "YoF": "2003", "Surv_time": "745", "ICD": "10"},
    **{"CoD": "C50", "TNM_ed": "6", "cT": "2", "cN": "1", "cM": "0", "pT": "X", "pN": "9"},
    **{"pM": "", "ToS": "paS", "Stage": "2", "Surgery": "3", "Rt": "9", "Cht": "4", "Tt": "1"},
    **{"It": "0", "Ht": "1", "Ot": "0", "SCT": "0"},
}


def text_of(*records, names=NAMES, delimiter=";"):
    lines = [names, *([record[name] for name in names] for record in records)]
    return "\n".join(delimiter.join(line) for line in lines) + "\n"


def write(folder, *records, **layout):
    path = folder / "incidence.csv"
    path.write_text(text_of(*records, **layout), encoding="utf-8")
    return path


def one(folder, **changes):
    """The case table's only row and the rejects of RECORD with some values changed."""
    cases = read_encr(write(folder, RECORD | changes))
    return cases.table.row(0, named=True), cases.rejects


def test_the_columns_are_those_the_demo_writes():
    assert NAMES == INCIDENCE_COLUMNS
    assert len(set(NAMES)) == 39
    ours = [column.ours for column in COLUMNS]
    assert len(set(ours)) == 36  # three dates have two columns each


def test_a_record_by_hand(tmp_path):
    path = write(tmp_path, RECORD)
    cases = read_encr(path, registry="FI")
    row = cases.table.row(0, named=True)
    assert row == {
        "row": 2,
        "registry": "FI",
        "patient_id": "p1",
        "tumour_id": "t1",
        "sex": "female",
        "birth_date": date(1950, 3, 15),
        "incidence_date": date(2001, 5, 15),
        "age": 51,
        "age_days": 51.5 * 365.2425,
        "last_date": date(2003, 5, 30),  # 15 May 2001 + 745 days; the file's month agrees
        "follow_up_days": 745,
        "vital_status": "dead",
        "cause_of_death": "C50",
        "topography": "C50.9",
        "morphology": 8500,
        "behaviour": 3,
        "grade": 2,
        "basis_of_diagnosis": 7,
        "autopsy": 0,
        "stage": "regional",
        "region": "FI1B",
        "region_label": "Helsinki-Uusimaa",
        "birth_date_precision": "month",
        "incidence_date_precision": "month",
        "last_date_precision": "month",
        "cause_of_death_icd_edition": 10,
        "tnm_edition": 6,
        **{"tnm_ct": "2", "tnm_cn": "1", "tnm_cm": "0"},
        **{"tnm_pt": None, "tnm_pn": None, "tnm_pm": None},
        "stage_type": "paS",
        "stage_code": 2,
        "stage_tnm": "II",
        "treatment_surgery": 3,
        "treatment_radiotherapy": None,
        "treatment_chemotherapy": 4,
        "treatment_targeted": 1,
        "treatment_immunotherapy": 0,
        "treatment_hormonal": 1,
        "treatment_other": 0,
        "treatment_stem_cell": 0,
    }
    assert cases.rejects.is_empty()
    assert cases.source.name == "incidence.csv"
    assert cases.source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert cases.file_columns["sex"] == "Sex"
    assert cases.file_columns["incidence_date"] == "MoI, YoI"
    assert cases.notes[:3] == (
        "1 of 1 birth dates had no day: day 15 taken",
        "1 of 1 incidence dates had no day: day 15 taken",
        "1 of 1 last dates had no day: day 15 taken",
    )


UNKNOWN = {
    **dict.fromkeys(("MoB", "MoI", "MoF", "ICD", "TNM_ed"), "99"),
    **dict.fromkeys(("YoB", "YoF"), "9999"),
    **{"Age": "999", "Surv_time": "99999", "CoD": "R99"},
    **dict.fromkeys(("Sex", "BoD", "Grade", "Autopsy", "Vit_stat", "ToS", "Stage"), "9"),
    **dict.fromkeys(("cT", "cN", "cM", "pT", "pN", "pM"), "X"),
    **dict.fromkeys(("Surgery", "Rt", "Cht", "Tt", "It", "Ht", "Ot", "SCT"), "9"),
}
KNOWN = {"row", "patient_id", "tumour_id", "region", "region_label", "topography"}
KNOWN |= {"morphology", "behaviour", "incidence_date", "incidence_date_precision"}


@pytest.mark.parametrize("blank", [None, "", "NA", " . "])
def test_unknown_codes_and_blanks_are_null_and_no_fault(tmp_path, blank):
    changes = {name: code if blank is None else blank for name, code in UNKNOWN.items()}
    row, rejects = one(tmp_path, **changes)
    assert rejects.is_empty()
    assert {name for name, value in row.items() if value is not None} == KNOWN
    assert row["incidence_date"] == date(2001, 7, 1)  # month unknown
    assert row["incidence_date_precision"] == "year"


def test_other_days_may_stand_in(tmp_path):
    path = write(tmp_path, RECORD, RECORD | {"MoI": "99", "YoI": "2000"})
    rule = DateImputation(day=1, month=6, month_day=28)
    cases = read_encr(path, date_imputation=rule)
    assert cases.table["incidence_date"].to_list() == [date(2001, 5, 1), date(2000, 6, 28)]
    assert "1 of 2 incidence dates had no month: 28 June taken" in cases.notes


FAULTS = [
    ("MoB", "13", "birth_date", "birth_date"),
    ("YoB", "1869", "birth_date", "birth_date"),
    ("Age", "121", "age", None),  # counted from the dates instead
    ("Sex", "7", "sex", "sex"),
    ("MoI", "0", "incidence_date", "incidence_date"),
    ("YoI", "1900", "incidence_date", "incidence_date"),
    ("BoD", "3", "basis_of_diagnosis", "basis_of_diagnosis"),
    ("Topo", "C999", "topography", "topography"),
    ("Morpho", "1234", "morphology", "morphology"),
    ("Beh", "5", "behaviour", "behaviour"),
    ("Grade", "0", "grade", "grade"),
    ("Autopsy", "2", "autopsy", "autopsy"),
    ("Vit_stat", "0", "vital_status", "vital_status"),
    ("YoF", "20003", "last_date", "last_date_precision"),
    ("Surv_time", "2.5", "follow_up_days", None),
    ("ICD", "12", "cause_of_death_icd_edition", "cause_of_death_icd_edition"),
    ("TNM_ed", "0", "tnm_edition", "tnm_edition"),
    ("ToS", "Z", "stage_type", "stage_type"),
    ("Stage", "IIA", "stage_code", "stage"),
    ("Surgery", "4", "treatment_surgery", "treatment_surgery"),
    ("Cht", "5", "treatment_chemotherapy", "treatment_chemotherapy"),
    ("SCT", "yes", "treatment_stem_cell", "treatment_stem_cell"),
]


@pytest.mark.parametrize(("column", "value", "name", "null"), FAULTS, ids=str)
def test_a_value_outside_its_list_is_rejected(tmp_path, column, value, name, null):
    path = write(tmp_path, RECORD, RECORD | {"TUM": "t2", column: value}, RECORD)
    cases = read_encr(path)
    assert cases.rejects.select("row", "column", "value").rows() == [(3, name, value)]
    reason, allowed = cases.rejects.select("reason", "allowed").row(0)
    assert reason.startswith("topography is not" if column == "Topo" else f"{column} is not ")
    assert allowed
    if null:
        assert cases.table[null].is_null().to_list() == [False, True, False]
    assert any(
        note.startswith(f"1 of 3 values of {name} were not read, the first in line 3: {value!r}")
        for note in cases.notes
    )


def test_messages_of_rejects_say_what_is_allowed(tmp_path):
    path = write(tmp_path, RECORD | {"Sex": "7", "MoI": "13", "Surv_time": "45000"})
    rejects = read_encr(path).rejects.select("reason", "allowed").rows()
    assert rejects == [
        ("Sex is not a known code", "1, 2, 3, 9"),
        ("MoI is not a number in its range", "whole numbers from 1 to 12; unknown 99"),
        (
            "Surv_time is not a number in its range",
            "whole numbers from 0 to 44194; unknown 99999",
        ),
    ]


def test_every_code_fits_its_type():
    for column in COLUMNS:
        if column.numbers is not None:
            codes = [column.numbers[0], column.numbers[-1], *map(int, column.unknown)]
            assert pl.Series(codes).cast(NUMBERS[column.name]).to_list() == codes


def test_a_number_too_long_for_any_integer_is_rejected(tmp_path):
    row, rejects = one(tmp_path, Surv_time="9" * 30)
    assert row["follow_up_days"] == 730  # from the dates
    assert rejects["value"].to_list() == ["9" * 30]


def test_negative_follow_up_is_read_and_left_to_the_exclusions(tmp_path):
    cases = read_encr(write(tmp_path, RECORD, RECORD | {"TUM": "t2", "Surv_time": "-30"}))
    assert cases.table["follow_up_days"].to_list() == [745, -30]
    _, accounting = exclude(cases, ExclusionRules(ages=None, classified=False), bad_rows="exclude")
    counts = dict(accounting.select("reason", "records").rows())
    assert counts["follow-up missing or negative"] == 1


def test_an_unknown_follow_up_is_counted_from_the_dates(tmp_path):
    row, _ = one(tmp_path, Surv_time="99999")
    assert row["follow_up_days"] == 730  # 15 May 2001 to 15 May 2003
    assert row["last_date"] == date(2003, 5, 15)


def test_last_date_before_incidence_in_an_unknown_month_moves_incidence(tmp_path):
    row, _ = one(tmp_path, MoI="99", MoF="2", YoF="2001", Surv_time="99999")
    assert (row["incidence_date"], row["last_date"]) == (date(2001, 2, 28), date(2001, 2, 28))


@pytest.mark.parametrize(
    ("kind", "code", "stage", "stage_tnm"),
    [
        ("S", "1", "localised", "I"),
        ("cIS", "2", "regional", "II"),
        ("coS", "3", "regional", "III"),
        ("esS", "4", "distant", "IV"),
        ("E", "1", "localised", None),
        ("E", "2", "regional", None),
        ("F", "3", "regional", None),
        ("D", "4", "distant", None),
        ("9", "4", "distant", None),
        ("", "1", "localised", None),
        ("A", "2", None, None),
        ("T1", "4", None, None),
        ("8", "1", None, None),
        ("S", "0", None, None),
        ("S", "9", None, None),
    ],
)
def test_stage_by_type_and_number(tmp_path, kind, code, stage, stage_tnm):
    row, rejects = one(tmp_path, ToS=kind, Stage=code)
    assert (row["stage"], row["stage_tnm"]) == (stage, stage_tnm)
    assert rejects.is_empty()


def test_types_of_stage_in_another_case(tmp_path):
    row, rejects = one(tmp_path, ToS="CIS")
    assert (row["stage_type"], row["stage_tnm"]) == ("cIS", "II")
    assert rejects.is_empty()


def test_stages_that_are_no_extent_are_counted(tmp_path):
    path = write(tmp_path, RECORD, RECORD | {"ToS": "A"}, RECORD | {"ToS": "A", "Stage": "9"})
    assert any(note.startswith("1 of 2 stages are of types") for note in read_encr(path).notes)


def without(name):
    return tuple(each for each in NAMES if each != name)


def test_a_file_of_38_columns_says_which_is_missing(tmp_path):
    path = write(tmp_path, RECORD, names=without("SCT"))
    with pytest.raises(
        ColumnError,
        match=r"the file has 38 columns where an ENCR-JRC incidence file has 39: it lacks SCT "
        r"\(incidence\.csv, line 1\).*allowed: SCT",
    ):
        read_encr(path)


def test_a_misspelt_column_is_met_by_the_right_one(tmp_path):
    names = tuple("Vit_Stat" if name == "Vit_stat" else name for name in NAMES)
    path = write(tmp_path, RECORD | {"Vit_Stat": "1"}, names=names)
    with pytest.raises(
        ColumnError, match=r"lacks Vit_stat and has Vit_Stat too many.*Did you mean 'Vit_stat'\?"
    ):
        read_encr(path)


def test_a_column_too_many_is_named(tmp_path):
    path = write(tmp_path, RECORD | {"MPcode": "1"}, names=(*NAMES, "MPcode"))
    with pytest.raises(ColumnError, match=r"has 40 columns.*it has MPcode too many.*got 'MPcode'"):
        read_encr(path)


def test_the_first_column_out_of_place_is_named(tmp_path):
    names = (*NAMES[:2], "Age", "YoB", *NAMES[4:])
    with pytest.raises(
        ColumnError,
        match=r"not in the order of the protocol: column 3 is not YoB \(incidence\.csv, line 1\): "
        r"got 'Age'; allowed: YoB",
    ):
        read_encr(write(tmp_path, RECORD, names=names))


def test_the_first_protocol_is_recognised_by_its_45_columns(tmp_path):
    names = tuple(f"V{i}" for i in range(45))
    path = write(tmp_path, dict.fromkeys(names, "1"), names=names)
    with pytest.raises(ColumnError, match=r"45 columns are those of the first protocol \(2015\)"):
        read_encr(path)


def test_commas_between_columns_are_refused(tmp_path):
    path = write(tmp_path, RECORD, delimiter=",")
    with pytest.raises(FileError, match=r"divided by semicolons.*got ','; allowed: ;"):
        read_encr(path)


def test_a_header_alone_is_refused(tmp_path):
    with pytest.raises(FileError, match="a header and no records"):
        read_encr(write(tmp_path))


def test_a_line_of_another_width_is_named(tmp_path):
    path = tmp_path / "incidence.csv"
    path.write_text(text_of(RECORD, RECORD) + text_of(RECORD).splitlines()[1] + ";1\n")
    with pytest.raises(FileError, match=r"the line has 40 fields, the header 39.*line 4"):
        read_encr(path)


def test_days_per_year_must_be_positive(tmp_path):
    path = write(tmp_path, RECORD)
    with pytest.raises(UsageError, match="days_per_year is out of range: got 0"):
        read_encr(path, days_per_year=0)
    assert read_encr(path, days_per_year=365.25).table["age_days"][0] == 51.5 * 365.25


def test_whole_numbers_come_typed_only_when_all_are(tmp_path):
    numbers = read_table(write(tmp_path, RECORD), numbers=NUMBERS).frame
    assert {name: numbers.schema[name] for name in NUMBERS} == NUMBERS
    assert {numbers.schema[name] for name in NAMES if name not in NUMBERS} == {pl.String}
    path = write(tmp_path, RECORD, RECORD | {"Sex": "F"})
    assert set(read_table(path, numbers=NUMBERS).frame.dtypes) == {pl.String}


def mixed(name):
    """Codes of a column, right and wrong."""
    column = COLUMNS[NAMES.index(name)]
    if column.numbers is None:
        return st.sampled_from(["", *column.words, *column.unknown, "C509", "c50.9", "ü", "Z"])
    right = st.sampled_from([str(number) for number in column.numbers])
    return st.one_of(right, right, st.sampled_from(["", *column.unknown, "0", "-1", "500"]))


records = st.fixed_dictionaries({name: mixed(name) for name in NAMES})


@few(max_examples=30)
@given(st.lists(records, min_size=1, max_size=8))
def test_text_numbers_and_frames_read_alike(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("alike")
    typed = read_encr(write(folder, *rows))
    as_text = read_encr(pl.DataFrame(rows, schema=dict.fromkeys(NAMES, pl.String)))
    one_word = [rows[0] | {"SCT": "no"}, *rows[1:]]  # makes the whole file come as text
    slow = read_encr(write(folder, *one_word))
    assert as_text.table.equals(typed.table)
    assert as_text.rejects.equals(typed.rejects)
    assert as_text.notes == typed.notes
    assert slow.table.drop("treatment_stem_cell").equals(typed.table.drop("treatment_stem_cell"))


def tidy(record):
    """The same facts as a tidy file holds them, for ``read_cases``."""

    def day(part):
        year, month = record[f"Yo{part}"], record[f"Mo{part}"]
        return "" if not year else f"{year}-{int(month or 99):02}-99"

    return {
        "patient_id": record["PAT"],
        "tumour_id": record["TUM"],
        "sex": record["Sex"],
        "birth_date": day("B"),
        "incidence_date": day("I"),
        "age": record["Age"],
        "last_date": day("F"),
        "follow_up_days": record["Surv_time"],
        "vital_status": record["Vit_stat"],
        "topography": record["Topo"],
        "morphology": record["Morpho"],
        "behaviour": record["Beh"],
        "grade": record["Grade"],
        "basis_of_diagnosis": record["BoD"],
        "autopsy": record["Autopsy"],
        "region": record["Geo_Code"],
    }


def valid(name):
    column = COLUMNS[NAMES.index(name)]
    codes = [str(number) for number in column.numbers or ()] or list(column.words)
    free = {"PAT": ["p1", "p2"], "TUM": ["t1"], "Topo": ["C509", "C000", "C809"]}
    codes = free.get(name, codes or ["FI1B"])
    needed = name in ("PAT", "TUM", "Topo", "Morpho", "Beh")
    return st.sampled_from(codes if needed else [*codes, *column.unknown, ""])


@few(max_examples=30)
@given(st.lists(st.fixed_dictionaries({n: valid(n) for n in NAMES}), min_size=1, max_size=8))
def test_the_tidy_reader_agrees(tmp_path_factory, rows):
    cases = read_encr(write(tmp_path_factory.mktemp("tidy"), *rows))
    other = read_cases(
        pl.DataFrame([tidy(row) for row in rows]).with_columns(pl.all().replace("", None)),
        codes={"vital_status": "encr"},
    )
    names = [name for name in other.table.columns if not name.endswith("_precision")]
    assert cases.table.select(names).equals(other.table.select(names))
    assert cases.rejects["row"].to_list() == other.rejects["row"].to_list()


months = st.integers(1, 12)
canonical = st.fixed_dictionaries(
    {
        "sex": st.sampled_from(["male", "female", None]),
        "incidence": st.dates(date(1960, 1, 1), date(2020, 12, 31)),
        "age": st.one_of(st.none(), st.integers(0, 90)),
        "follow_up_days": st.integers(0, 10_000),
        "vital_status": st.sampled_from(["alive", "dead", "lost", None]),
        "topography": st.sampled_from(["C40.2", "C50.9", "C80.9"]),
        "morphology": st.integers(8000, 9999),
        "stage": st.sampled_from(["localised", "regional", "distant", None]),
    }
)
SEX = {"male": "1", "female": "2", None: "9"}
STATUS = {"alive": "1", "dead": "2", "lost": "3", None: "9"}
STAGE = {"localised": "1", "regional": "3", "distant": "4", None: "9"}


def as_encr(case, number):
    last = case["incidence"].replace(day=15) + timedelta(case["follow_up_days"])
    return RECORD | {
        "TUM": f"t{number}",
        "Sex": SEX[case["sex"]],
        **{"MoB": "99", "YoB": "9999", "Age": str(999 if case["age"] is None else case["age"])},
        **{"MoI": str(case["incidence"].month), "YoI": str(case["incidence"].year)},
        **{"MoF": str(last.month), "YoF": str(last.year)},
        "Surv_time": str(case["follow_up_days"]),
        "Vit_stat": STATUS[case["vital_status"]],
        "Topo": case["topography"].replace(".", ""),
        "Morpho": str(case["morphology"]),
        **{"ToS": "E", "Stage": STAGE[case["stage"]]},
    }


@few(max_examples=60)
@given(st.lists(canonical, min_size=1, max_size=6))
def test_written_and_read_back(tmp_path_factory, drawn):
    path = write(
        tmp_path_factory.mktemp("round"), *(as_encr(case, i) for i, case in enumerate(drawn))
    )
    cases = read_encr(path)
    assert cases.rejects.is_empty()
    for row, case in zip(cases.table.iter_rows(named=True), drawn, strict=True):
        middle = case.pop("incidence").replace(day=15)
        assert {name: row[name] for name in case} == case
        assert row["incidence_date"] == middle
        assert row["last_date"] == middle + timedelta(case["follow_up_days"])


def test_slovene_colorectal_cancer_as_an_encr_file(shared_data, tmp_path):
    with (shared_data / "relsurv_colrec.csv").open(encoding="utf-8") as file:
        real = list(csv.DictReader(file))
    rows = [
        RECORD
        | {
            "TUM": f"t{i}",
            "Sex": r["sex"],
            **{"MoB": "99", "YoB": "9999", "Age": str(int(float(r["age"]) // 365.241))},
            **{"MoI": str(int(r["diag"][5:7])), "YoI": r["diag"][:4]},
            **{"MoF": "99", "YoF": "9999", "Surv_time": r["time"]},
            "Vit_stat": str(1 + int(r["stat"])),
        }
        for i, r in enumerate(real)
    ]
    cases = read_encr(write(tmp_path, *rows))
    assert cases.rejects.is_empty()
    assert cases.table.height == 5971
    assert cases.table["follow_up_days"].to_list() == [int(r["time"]) for r in real]
    assert (cases.table["vital_status"] == "dead").sum() == sum(r["stat"] == "1" for r in real)
    assert cases.table["incidence_date"].dt.strftime("%Y-%m").to_list() == [
        r["diag"][:7] for r in real
    ]
