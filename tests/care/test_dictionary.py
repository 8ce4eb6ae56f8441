"""Study kits: what they hold, conditions, reading, changes, and what is refused."""

import csv
import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare.care.conditions import parse_condition
from rarecare.care.dictionary import COLUMNS, GRADES, IDS, differences
from rarecare.care.dictionary_reading import kits, read_dictionary, study_kit
from rarecare.errors import CodeError, ColumnError, InputError, RarecareError, UsageError
from rarecare.registry.events import EVENTS
from tests.reference.kit_twin import holds

KITS = ("core", "sarcoma", "testis", "head_neck", "gep_net")


def table(*rows):
    """A small dictionary: the ids, then the rows given."""
    ids = [{"variable": name, "type": "text", "required": "required"} for name in IDS]
    return pl.DataFrame(
        [dict.fromkeys(COLUMNS, "") | {"required": "optional", "grade": "D"} | row
         for row in [*ids, *rows]]
    )  # fmt: skip


def test_there_are_the_five_kits():
    assert tuple(kits()) == KITS


@pytest.mark.parametrize("name", KITS)
def test_every_kit_is_whole(name):
    kit = study_kit(name)
    assert re.fullmatch(r"\d+\.\d+\.\d+", kit.version)
    assert kit.names[: len(study_kit("core").names)] == study_kit("core").names
    for place, each in enumerate(kit.variables):
        assert each.grade in GRADES
        assert each.source
        assert each.label
        assert each.type not in ("integer", "number") or each.minimum is not None
        # the form and the reader ask in this order
        asked = each.condition.variables if each.condition else ()
        assert all(kit.names.index(one) < place for one in asked)
        if each.event is not None and each.event.event is not None:
            assert each.event.event in EVENTS


def test_the_items_of_the_poster_are_in_the_core():
    # named by the poster; those of two parts are two variables, others have the case table's name
    renamed = {"stage_dx": ("stage", "stage_tnm"), "date_last_fu": ("last_date",)}
    poster = [
        *("imaging_specific", "stage_dx", "path_report", "path_reviewed", "date_path_confirm"),
        *("date_first_treatment", "hospital_dx", "hospital_surgery", "hospital_rt"),
        *("hospital_syst", "margins", "n_revisions", "date_adjuvant_start", "vital_status"),
        *("cause_of_death", "date_last_fu"),
    ]
    core = study_kit("core")
    for item in poster:
        for name in renamed.get(item, (item,)):
            assert core[name].grade == "P"
            assert core[name].need == "required"


def test_every_item_of_the_list_is_in_a_kit(shared_data):
    folder = shared_data.parent / "spec"
    with (folder / "high_resolution_dictionary.csv").open(encoding="utf-8") as file:
        listed = [row for row in csv.DictReader(file) if row["variable"] != "."]
    names = {k: set(study_kit(k).names) for k in KITS}
    mapped = {each for k in KITS for v in study_kit(k).variables for each in v.mapping.split(" + ")}
    kit = {"testis": "testis", "GEP-NET": "gep_net"}
    # one item of the list, several of the kit
    parts = {"histology": ["histology_group"], "targeted_chemo": ["everolimus_sunitinib", "chemo"]}
    aside = {"Patient.KarnofsyIndexLabel"}  # the index in words
    keys = ("Reference", "EpisodeEvent", "Patient")  # keys between tables of that model
    for row in listed:
        name = row["variable"]
        if row["study"] in kit:
            for part in parts.get(name, [name]):
                assert part in names[kit[row["study"]]], name
        elif row["source"].startswith("EURACAN"):
            key = any(row["type"].endswith(k) for k in keys)
            assert name in mapped | aside or key, name


def test_pairs_of_dates_follow_the_pathway():
    pairs = {(early, late): between for early, late, between in study_kit("core").date_pairs()}
    way = ["birth_date", "incidence_date", "date_path_confirm", "date_first_treatment",
           "date_adjuvant_start", "last_date"]  # fmt: skip
    for i, early in enumerate(way):
        for late in way[i + 1 :]:
            assert (early, late) in pairs
            assert (late, early) not in pairs
    assert set(way[1:3]) <= set(pairs["birth_date", "date_first_treatment"])


@pytest.mark.parametrize("name", KITS)
def test_a_kit_written_is_read_again(name, tmp_path):
    kit = study_kit(name)
    kit.table().write_csv(tmp_path / "kit.csv")
    again = read_dictionary(tmp_path / "kit.csv", kit=name, title=kit.title, version=kit.version)
    assert again.variables == kit.variables
    assert differences(kit, again).is_empty()


def test_differences_are_named():
    old = read_dictionary(
        table({"variable": "a", "type": "text"}, {"variable": "b", "type": "date"})
    )
    new = read_dictionary(
        table({"variable": "b", "type": "text", "label": "B"}, {"variable": "c", "type": "text"})
    )
    assert differences(old, new).rows() == [
        ("a", "removed", None, None, None),
        ("b", "changed", "label", "b", "B"),
        ("b", "changed", "type", "date", "text"),
        ("c", "added", None, None, None),
    ]


def test_a_condition_in_every_language():
    found = parse_condition("stage in III, IV and mdt != 0 or n >= 2")
    assert found.variables == ("stage", "mdt", "n")
    assert found.redcap() == (
        "(([stage] = 'III' or [stage] = 'IV') and ([mdt] <> '' and [mdt] <> '0')) or [n] >= 2"
    )
    said = found.plain({"mdt": "meeting"}, {"mdt": {"0": "no"}})
    assert said == "stage is one of III or IV and meeting is not no, or n is at least 2"
    assert found.json_schema(["n"]) == {
        "anyOf": [
            {
                "allOf": [
                    {"properties": {"stage": {"enum": ["III", "IV"]}}, "required": ["stage"]},
                    {"properties": {"mdt": {"not": {"enum": ["0", None]}}}, "required": ["mdt"]},
                ]
            },
            {"properties": {"n": {"type": "number", "minimum": 2.0}}, "required": ["n"]},
        ]
    }
    assert found.to_json()[1] == [["n", ">=", ["2"]]]


values = st.sampled_from([None, "0", "1", "2", "9"])
clauses = st.builds(
    lambda name, sign, value: f"{name} {sign} {value}",
    st.sampled_from(["a", "b", "c"]), st.sampled_from(["=", "!=", ">=", "<=", ">", "<"]),
    st.sampled_from(["0", "1", "2"]),
) | st.builds(lambda name: f"{name} in 0, 2", st.sampled_from(["a", "b"]))  # fmt: skip
conditions = st.lists(
    st.lists(clauses, min_size=1, max_size=3).map(" and ".join), min_size=1, max_size=3
).map(" or ".join)


@given(conditions, st.lists(st.tuples(values, values, values), min_size=1, max_size=5))
def test_conditions_are_those_of_the_twin(text, rows):
    frame = pl.DataFrame(rows, schema=dict.fromkeys("abc", pl.String), orient="row")
    found = frame.select(x=parse_condition(text).expression(), n=pl.int_range(pl.len()))["x"]
    assert found.to_list() == [holds(text, dict(zip("abc", row, strict=True))) for row in rows]


@pytest.mark.parametrize(
    ("rows", "error", "said"),
    [
        ([{"variable": "Margins", "type": "text"}], InputError, "no name of a variable"),
        ([{"variable": "a", "type": "txt"}], CodeError, "Did you mean 'text'"),
        ([{"variable": "a", "type": "text", "required": "yes"}], CodeError, "required is not in"),
        ([{"variable": "a", "type": "text", "grade": "Z"}], CodeError, "grade is not in its list"),
        ([{"variable": "a", "type": "code"}], CodeError, "type code has codes"),
        ([{"variable": "a", "type": "date", "codes": "1=x"}], CodeError, "date has no codes"),
        ([{"variable": "a", "type": "code", "codes": "1=x;1=y"}], CodeError, "got '1=y'"),
        ([{"variable": "a", "type": "code", "codes": "1"}], CodeError, "code=meaning"),
        ([{"variable": "a", "type": "code", "codes": "1=a|b"}], CodeError, "these are no codes"),
        ([{"variable": "a", "type": "yesno", "codes": "1=yes"}], CodeError, "codes of its own"),
        ([{"variable": "a", "type": "number", "minimum": "x"}], InputError, "no number"),
        (
            [{"variable": "a", "type": "number", "minimum": "2", "maximum": "1"}],
            InputError, "ends before it begins",
        ),
        ([{"variable": "a", "type": "text"}] * 2, ColumnError, "two variables have one name"),
        ([{"variable": "a", "type": "text", "condition": "b = 1"}], ColumnError, "does not have"),
        (
            [{"variable": "a", "type": "text", "condition": "patient_id = 1"}],
            CodeError, "what patient_id cannot be",
        ),
        (
            [{"variable": "s", "type": "code", "codes": "1=x"},
             {"variable": "a", "type": "text", "condition": "s = 2"}],
            CodeError, "got '2'; allowed: 1",
        ),
        (
            [{"variable": "s", "type": "code", "codes": "1=x"},
             {"variable": "a", "type": "text", "condition": "s > 1"}],
            CodeError, "no more or less",
        ),
        ([{"variable": "a", "type": "text", "condition": "a == 1"}], UsageError, "no condition"),
        ([{"variable": "a", "type": "text", "condition": "if a"}], UsageError, "no condition"),
        (
            [{"variable": "a", "type": "text", "not_before": "b"}],
            ColumnError, "only a date has an order",
        ),
        (
            [{"variable": "d", "type": "date", "not_before": "e"}],
            ColumnError, "d refers to a variable that is not there",
        ),
        (
            [{"variable": "d", "type": "date", "not_before": "e"},
             {"variable": "e", "type": "date", "not_before": "d"}],
            InputError, "a date comes before itself",
        ),
        ([{"variable": "d", "type": "date", "event": "operation"}], CodeError, "event is not in"),
        ([{"variable": "d", "type": "date", "event": "surgery; where x"}], CodeError, "hospital"),
        (
            [{"variable": "d", "type": "date", "event": "surgery; hospital h"}],
            ColumnError, "refers to a variable",
        ),
    ],
)  # fmt: skip
def test_a_faulty_dictionary_is_refused(rows, error, said):
    with pytest.raises(error, match=re.escape(said)):
        read_dictionary(table(*rows))


def test_columns_and_ids_are_asked_for():
    with pytest.raises(ColumnError, match="no column unit"):
        read_dictionary(table().drop("unit"))
    with pytest.raises(ColumnError, match=r"a column too many.*'units'.*Did you mean 'unit'"):
        read_dictionary(table().with_columns(units=pl.lit("")))
    with pytest.raises(ColumnError, match="lacks what tells records apart"):
        read_dictionary(table()[1:])
    with pytest.raises(UsageError, match="Did you mean 'testis'"):
        study_kit("testes")
    with pytest.raises(UsageError, match="Did you mean 'margins'"):
        study_kit("core")["margin"]


@pytest.mark.parametrize("seed", range(60))
def test_a_garbled_dictionary_never_gives_a_traceback(seed):
    rng = np.random.default_rng(seed)
    frame = study_kit("core").table().to_dicts()
    garbage = ["", "surgery = 1 and", "1=", ";;=;", "in a,", "date_surgery", "nan", "é", "=" * 9]
    for _ in range(int(rng.integers(1, 6))):
        row, column = frame[int(rng.integers(len(frame)))], str(rng.choice(COLUMNS))
        row[column] = str(rng.choice(garbage))
    try:
        found = read_dictionary(pl.DataFrame(frame))
    except RarecareError:
        return
    assert len(found.variables) == len(frame)
