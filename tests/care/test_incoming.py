"""Incoming data: by hand, round trips, the slow twin, real data, faults and garbage."""

import re
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare.care.dictionary_reading import kits, study_kit
from rarecare.care.incoming import read_incoming
from rarecare.care.incoming_checks import FINDINGS, RULES
from rarecare.care.template import blank_template
from rarecare.errors import ColumnError, FileError, RarecareError, UsageError
from rarecare.registry.dates import DateReading
from tests.reference.kit_twin import findings, full_record

CORE = study_kit("core")
ID = {"registry": "IT", "patient_id": "1", "tumour_id": "a"}


def read(*records, kit=CORE, **choices):
    """Read records given as dictionaries of text."""
    frame = pl.DataFrame([ID | {"tumour_id": f"t{i}"} | r for i, r in enumerate(records)],
                         infer_schema_length=None)  # fmt: skip
    return read_incoming(frame, kit, **choices)


def found(incoming, *, rule=None):
    """Findings on values, those of absent columns apart."""
    table = incoming.findings.filter(pl.col("row").is_not_null())
    return (table.filter(rule=rule) if rule else table)["row", "variable", "rule"].rows()


def test_values_by_hand():
    x = read(
        {"sex": "Male", "age": "34", "surgery": "yes", "margins": "r0", "n_revisions": "99",
         "incidence_date": "2012-03", "stage": "metastatic", "radiotherapy": "9", "rt_dose": ""},
    )  # fmt: skip
    row = x.data.row(0, named=True)
    assert (row["sex"], row["age"], row["surgery"]) == ("male", 34, True)
    assert (row["margins"], row["n_revisions"], row["stage"]) == ("R0", None, "distant")
    assert (row["radiotherapy"], row["rt_dose"]) == (None, None)
    assert (row["incidence_date"], row["incidence_date_precision"]) == (date(2012, 3, 15), "month")
    assert row["row"] == 2
    assert x.data.schema["n_revisions"] == pl.Int64
    assert x.data.schema["surgery"] == pl.Boolean
    assert x.data.schema["rt_dose"] == pl.Float64
    assert found(x) == []
    assert x.data.columns[1:5] == ["registry", "country", "patient_id", "tumour_id"]


def test_every_fault_is_named_row_by_row():
    x = read(
        {"sex": "femal", "margins": "R9", "surgery": "1", "age": "130", "rt_dose": "many",
         "n_revisions": "1.5", "last_date": "2012-13-01"},
        {"sex": "female", "surgery": "0", "margins": "R0", "age": "-1", "last_date": "9999"},
    )  # fmt: skip
    assert set(found(x)) == {
        (2, "sex", "not a code"),
        (2, "margins", "not a code"),
        (2, "age", "out of range"),
        (2, "rt_dose", "not a number"),
        (2, "n_revisions", "not a number"),
        (2, "last_date", "not a date"),
        (3, "age", "out of range"),
        (3, "margins", "not asked"),
        # blank in the second record, and asked of no one but the operated
    }
    assert x.data["margins"].to_list() == [None, "R0"]
    assert x.data["age"].to_list() == [None, None]
    sex = x.findings.filter(variable="sex", rule="not a code").row(0, named=True)
    assert (sex["value"], sex["severity"]) == ("femal", "error")
    assert sex["remedy"] == "Allowed: male, female, unknown."
    said = x.findings.filter(variable="margins", rule="not asked")["remedy"][0]
    assert said.startswith("Asked only where Surgery of the tumour is yes: correct surgery")
    absent = x.findings.filter(rule="column missing")["variable"].to_list()
    assert "country" in absent
    assert "mdt" not in absent  # recommended
    assert not x.clean


def test_required_where_it_is_asked():
    columns = {
        "treated": "1",
        "date_first_treatment": None,
        "surgery": "1",
        "hospital_surgery": None,
    }
    x = read(columns, columns | {"treated": "9", "surgery": None}, columns | {"treated": "0"})
    assert found(x) == [
        (2, "date_first_treatment", "required"),
        (2, "hospital_surgery", "required"),
        (3, "surgery", "required"),
        (4, "hospital_surgery", "required"),
    ]
    said = x.findings.filter(variable="surgery", rule="required")["remedy"][0]
    assert said == "Enter it, or 9 where it is unknown."
    row = x.completeness.filter(variable="date_first_treatment").row(0, named=True)
    assert (row["asked"], row["known"], row["missing"]) == (1, 0, 1)
    row = x.completeness.filter(variable="treated").row(0, named=True)
    assert (row["asked"], row["known"], row["unknown"]) == (3, 2, 1)


def test_dates_out_of_order_are_named_with_their_interval():
    way = {
        "birth_date": "1960-01-01", "incidence_date": "2012-03-01",
        "date_path_confirm": "2012-04-01", "treated": "1", "date_first_treatment": "2012-03-20",
        "surgery": "1", "adjuvant": "1", "date_adjuvant_start": "2012-05-01",
        "last_date": "2012-06-01",
    }  # fmt: skip
    x = read(
        way,
        way | {"date_path_confirm": None, "date_first_treatment": "2012-02-28"},
        way | {"date_first_treatment": "2012-04-01", "birth_date": "2013"},
        way | {"date_path_confirm": "2012-03", "last_date": "2012-04-30"},
    )
    wrong = x.findings.filter(rule="date order")
    assert wrong["row", "variable", "value"].rows() == [
        (2, "date_first_treatment",
         "date_first_treatment 2012-03-20, date_path_confirm 2012-04-01: -12 days"),
        # without the confirmation the next known date before it speaks: 28 February to 1 March
        (3, "date_first_treatment",
         "date_first_treatment 2012-02-28, incidence_date 2012-03-01: -2 days"),
        (4, "incidence_date", "incidence_date 2012-03-01, birth_date 2013-07-01: -487 days"),
        # confirmed some day of March: no fault; the adjuvant treatment after the end is one
        (5, "last_date", "last_date 2012-04-30, date_adjuvant_start 2012-05-01: -1 days"),
    ]  # fmt: skip
    assert x.data.height == 4


def test_records_are_read_rejected_or_listed():
    frame = pl.DataFrame(
        {
            "registry": ["IT", "IT", None, "IT", "SI", None],
            "patient_id": ["1", "1", "2", "", "1", None],
            "tumour_id": ["a", "a", "b", "c", "a", None],
            "sex": ["male", "female", "male", "male", "male", None],
        }
    )
    x = read_incoming(frame, CORE)
    assert x.data["row"].to_list() == [2, 6]
    out = x.findings.filter(severity="rejected")
    assert out["row", "variable", "rule"].rows() == [
        (3, "tumour_id", "doubled record"),
        (4, "registry", "no id"),
        (5, "patient_id", "no id"),
        (7, "patient_id", "empty record"),
    ]
    assert out["remedy"][0] == "The tumour stands on line 2 too."
    assert dict(x.accounting["reason", "records"].rows()) == {
        "records read": 6, "empty record": 1, "no id": 2, "doubled record": 1,
        "records in analysis": 2,
    }  # fmt: skip


def test_unknown_columns_are_named_with_the_nearest():
    x = read(
        {"marginz": "R0", "Path Report": "1", "zzz": "1", "record_id": "7", "patient_complete": "2"}
    )
    rows = x.findings.filter(rule="unknown column")
    assert rows["variable"].to_list() == ["marginz", "zzz"]
    assert rows["remedy"].to_list() == [
        "Did you mean 'margins'? Then rename the column.",
        "Rename the column as in the dictionary, or leave it out.",
    ]
    assert set(rows["severity"]) == {"warning"}
    assert x.data["path_report"][0] is True
    assert "record_id, patient_complete" in x.notes[0]


def test_columns_and_dates_of_another_kind():
    x = read(
        {"geb": "31/12/1960", "margins": "R1", "surgery": "1"},
        columns={"birth_date": "geb"}, dates=DateReading("%d/%m/%Y"),
    )  # fmt: skip
    assert x.data["birth_date"][0] == date(1960, 12, 31)
    with pytest.raises(UsageError, match="Did you mean 'margins'"):
        read({"a": "1"}, columns={"margin": "a"})
    with pytest.raises(UsageError, match="a column that is not there: got 'b'"):
        read({"a": "1"}, columns={"margins": "b"})


def test_dates_after_the_closing_date():
    x = read({"last_date": "2020-01-01"}, {"last_date": "2019-12-31"}, {"last_date": "2020"},
             closing=date(2019, 12, 31))  # fmt: skip
    assert found(x, rule="after closing") == [(2, "last_date", "after closing"),
                                              (4, "last_date", "after closing")]  # fmt: skip
    assert found(read({"last_date": "2020-01"}, closing=date(2020, 1, 2))) == []


def test_typed_frames_are_read_as_text_is():
    frame = pl.DataFrame(
        ID | {"age": 34.0, "surgery": True, "margins": "R0", "last_date": date(2020, 1, 1),
              "n_revisions": 0, "rt_dose": 50.4, "radiotherapy": 1}
    )  # fmt: skip
    x = read_incoming(frame, CORE)
    assert found(x) == []
    row = x.data.row(0, named=True)
    assert (row["age"], row["surgery"], row["last_date"]) == (34, True, date(2020, 1, 1))
    assert (row["rt_dose"], row["radiotherapy"], row["n_revisions"]) == (50.4, True, 0)


@pytest.mark.parametrize("name", list(kits()))
def test_the_template_filled_in_is_read_without_a_fault(name, tmp_path):
    kit = study_kit(name)
    rng = np.random.default_rng(4)
    records = [full_record(kit, rng) | {"tumour_id": str(i)} for i in range(25)]
    lines = [",".join(record.get(n, "") for n in kit.names) for record in records]
    (tmp_path / "data.csv").write_text(blank_template(kit) + "\n".join(lines) + "\n")
    x = read_incoming(tmp_path / "data.csv", kit)
    assert x.findings.is_empty()
    assert x.clean
    assert x.data.height == 25
    for record, row in zip(records, x.data.iter_rows(named=True), strict=True):
        for v in kit.variables:
            given, got = record.get(v.name), row[v.name]
            if given is None or given in v.unknown:
                assert got is None
            elif v.type == "yesno":
                assert got is (given == "1")
            elif v.type == "date":
                assert got.isoformat() == given
            else:
                assert str(got) == given or float(got) == float(given)
    # what was read and written again is read the same
    again = read_incoming(x.data.drop("row"), kit)
    assert again.data.equals(x.data)


def test_an_empty_template_has_no_records(tmp_path):
    (tmp_path / "core.csv").write_text(blank_template(CORE))
    with pytest.raises(FileError, match="a header and no records"):
        read_incoming(tmp_path / "core.csv", CORE)


SMALL = [n for n in CORE.names if n in {
    "registry", "patient_id", "tumour_id", "birth_date", "incidence_date", "date_path_confirm",
    "treated", "date_first_treatment", "surgery", "date_surgery", "margins", "n_revisions",
    "date_revision_1", "date_revision_2", "adjuvant", "date_adjuvant_start", "last_date", "stage",
}]  # fmt: skip
dates = st.sampled_from(["2012-01-10", "2012-02-10", "2012-02", "2012", "2012-03-01", "2013-01-01"])


def value(v):
    if v.type == "date":
        return st.none() | dates
    if v.type in ("code", "yesno"):
        return st.none() | st.sampled_from(list(v.codes))
    return st.none() | st.sampled_from(["0", "1", "2", "99"])


@settings(max_examples=50)
@given(
    st.lists(st.fixed_dictionaries({n: value(CORE[n]) for n in SMALL[3:]}), min_size=1, max_size=4)
)
def test_findings_are_those_of_the_twin(records):
    x = read(*records)
    variables = [
        {
            "name": v.name, "required": v.need, "unknown": v.unknown, "not_before": v.not_before,
            "condition": v.condition.text if v.condition else "",
        }
        for v in CORE.variables
    ]  # fmt: skip
    own = [{k: v for k, v in record.items() if v is not None} | ID for record in records]
    expected = [f for f in findings(own, variables) if f[1] in SMALL[3:]]
    assert sorted(found(x)) == expected


@settings(max_examples=10)
@given(st.permutations(range(6)))
def test_the_order_of_records_does_not_matter(order):
    rng = np.random.default_rng(1)
    records = []
    for i in range(6):
        record = full_record(CORE, rng) | {"tumour_id": str(i), "margins": ["R0", "R9"][i % 2]}
        records.append(record)
    frame = pl.DataFrame(records, schema=dict.fromkeys(CORE.names, pl.String))
    x, y = read_incoming(frame, CORE), read_incoming(frame[list(order)], CORE)
    assert x.data.drop("row").sort("tumour_id").equals(y.data.drop("row").sort("tumour_id"))
    assert sorted(x.findings["rule"]) == sorted(y.findings["rule"])


def test_groningen(shared_data):
    """Larynx and hypopharynx: the faults found are those counted by other means."""
    raw = pl.read_csv(
        shared_data / "head_and_neck" / "hnscc_groningen_followup.csv", infer_schema=False
    )
    frame = raw.drop("age").with_columns(
        registry=pl.lit("UMCG"), tumour_id=pl.lit("1"), radiotherapy=pl.lit("1"),
    )  # fmt: skip
    columns = {"patient_id": "id", "date_path_confirm": "date_pathology", "last_date": "date_term"}
    x = read_incoming(frame, study_kit("head_neck"), columns=columns)
    assert x.data.height == raw.height == 983
    day = {c: pl.col(c).str.to_date(strict=False) for c in raw.columns if c.startswith("date_")}
    ends_first = raw.filter(day["date_rt_end"] < day["date_rt_start"]).height
    assert ends_first > 0
    order = x.findings.filter(rule="date order")
    assert order.filter(variable="date_rt_end").filter(
        pl.col("value").str.contains("date_rt_start")
    ).height == ends_first  # fmt: skip
    beyond = raw.filter(day["date_pathology"].dt.year() > 2100)
    assert found(x, rule="not a date") == [
        (2 + row, "date_path_confirm", "not a date")
        for row in raw["id"].is_in(beyond["id"].implode()).arg_true()
    ]
    blank = int(raw["date_pathology"].is_null().sum())
    assert x.findings.filter(variable="date_path_confirm", rule="required").height == blank
    assert x.data["date_rt_start"].null_count() == raw["date_rt_start"].null_count()


def test_every_rule_is_known():
    assert {severity for severity, _ in RULES.values()} == {"rejected", "error", "warning"}
    x = read({"sex": "x"})
    assert x.findings.schema == pl.Schema(FINDINGS)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (pl.DataFrame({"registry": ["a"], "patient_id": ["1"]}), "no column tumour_id"),
        (pl.DataFrame(ID | {"margins": [["R0"]]}), "no single values"),
        (pl.DataFrame(ID | {"margins": [b"R0"]}), "no single values"),
        (pl.DataFrame(ID | {"margins": "R0", "Margins": "R0"}), "two columns are margins"),
    ],
)
def test_what_cannot_be_read_is_refused(frame, said):
    with pytest.raises(ColumnError, match=said):
        read_incoming(frame, CORE)
    with pytest.raises(UsageError, match="neither a path nor a data frame"):
        read_incoming(3, CORE)


GARBAGE = [
    *("", '"', "é", "\x01", "1e400", "-0", "NaN", "inf", "2012-02-30", "0000-00-00", "R0,R0"),
    *("9" * 20, " ", "\t", "unknown", "N/A", "'; drop", "२०१२", "2012-1-1", "9" * 400),
]


SEEDS = [*range(40), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(40, 200))]


@pytest.mark.parametrize("seed", SEEDS)
def test_garbage_never_gives_a_traceback(seed, tmp_path):
    rng = np.random.default_rng(seed)
    kit = study_kit(str(rng.choice(list(kits()))))
    records = [full_record(kit, rng) | {"tumour_id": str(i)} for i in range(4)]
    cells = [list(kit.names), *([r.get(n, "") for n in kit.names] for r in records)]
    for _ in range(int(rng.integers(1, 20))):
        row = cells[int(rng.integers(0 if rng.random() < 0.2 else 1, len(cells)))]
        row[int(rng.integers(len(row)))] = str(rng.choice(GARBAGE))
    text = bytearray("\n".join(",".join(row) for row in cells).encode())
    if seed % 3 == 0:
        for _ in range(int(rng.integers(1, 8))):
            text[int(rng.integers(len(text)))] = int(rng.integers(0, 256))
    if seed % 10 == 0:
        text = text[: int(rng.integers(0, len(text)))]
    path = tmp_path / "data.csv"
    path.write_bytes(bytes(text))
    try:
        x = read_incoming(path, kit, closing=date(2030, 1, 1))
    except RarecareError as error:
        assert re.search(r"\w", str(error))  # noqa: PT017 - most garbage is read
        return
    read_rows, kept = x.accounting["records"][0], x.accounting["records"][-1]
    assert kept == x.data.height == x.data["row"].n_unique()
    assert read_rows - kept == x.findings.filter(severity="rejected").height
    assert set(x.findings["rule"]) <= set(RULES)
