"""From the dated items of a kit to events: by hand, and against the list of events."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from rarecare.care.dictionary_reading import kits, study_kit
from rarecare.care.incoming import read_incoming
from rarecare.care.kit_events import to_events
from rarecare.errors import ColumnError
from rarecare.registry.events import COLUMNS, read_events
from tests.reference.kit_twin import full_record

ID = {"registry": "IT", "patient_id": "1", "tumour_id": "a"}


def events(kit, *records):
    frame = pl.DataFrame([ID | record for record in records], infer_schema_length=None)
    return to_events(read_incoming(frame, study_kit(kit)).data, study_kit(kit))


def told(table):
    return table["event", "date", "hospital_id", "value"].rows()


def test_the_pathway_by_hand():
    table = events(
        "core",
        {"incidence_date": "2012-03", "hospital_dx": "H1", "date_path_confirm": "2012-03-12",
         "treated": "1", "date_first_treatment": "2012-04-01", "surgery": "1",
         "date_surgery": "2012-04-01", "hospital_surgery": "H2", "margins": "R1",
         "n_revisions": "2", "date_revision_1": "2012-04-20", "margins_revision_1": "R0",
         "radiotherapy": "1", "date_rt_start": "2012-06-01", "hospital_rt": "H3",
         "rt_setting": "adjuvant", "adjuvant": "1", "date_adjuvant_start": "2012-06-01",
         "adjuvant_kind": "radiotherapy", "systemic": "1", "syst_kind": "chemotherapy",
         "mdt": "1", "recurrence": "0", "last_date": "2015-01-01"},
    )  # fmt: skip
    assert table.schema == pl.Schema(COLUMNS)
    assert told(table) == [
        ("pathology", date(2012, 3, 12), None, None),
        ("diagnosis", date(2012, 3, 15), "H1", None),
        ("surgery", date(2012, 4, 1), "H2", "R1"),
        ("re_excision", date(2012, 4, 20), "H2", "R0"),
        # told by two items, once
        ("radiotherapy", date(2012, 6, 1), "H3", "adjuvant"),
        # done, but when is not known
        ("multidisciplinary_meeting", None, None, None),
        ("re_excision", None, "H2", None),
        ("chemotherapy", None, None, None),
    ]
    precision = dict(table["event", "date_precision"].rows())
    assert precision["diagnosis"] == "month"
    assert precision["surgery"] == "day"
    assert precision["chemotherapy"] is None


def test_what_contradicts_its_condition_is_no_event():
    record = {"surgery": "0", "date_surgery": "2012-04-01"}
    assert told(events("core", record)) == []
    # not told whether operated: the date speaks
    assert told(events("core", record | {"surgery": None})) == [
        ("surgery", date(2012, 4, 1), None, None)
    ]


def test_orchidectomy_and_surgery_are_one_event():
    record = {
        "surgery": "1",
        "date_surgery": "2012-04-01",
        "margins": "R0",
        "orchidectomy": "radical",
    }
    one = [("surgery", date(2012, 4, 1), None, "R0")]
    assert told(events("testis", record | {"date_orchidectomy": "2012-04-01"})) == one
    assert told(events("testis", record)) == one
    several = told(events("testis", record | {"date_orchidectomy": "2012-05-01"}))
    assert [row[1] for row in several] == [date(2012, 4, 1), date(2012, 5, 1)]


def test_kinds_of_systemic_treatment():
    found = events(
        "gep_net",
        {"systemic": "1", "syst_kind": "unknown", "date_syst_start": "2012-01-01", "ssa": "1",
         "date_ssa": "2012-02-01", "everolimus_sunitinib": "1", "liver_directed": "1",
         "ssr_imaging": "1", "date_ssr_imaging": "2011-12-01", "imaging_specific": "1"},
    )  # fmt: skip
    assert told(found) == [
        ("imaging", date(2011, 12, 1), None, "ssr"),
        ("systemic", date(2012, 1, 1), None, None),
        ("hormonal", date(2012, 2, 1), None, None),
        ("imaging", None, None, None),
        ("targeted", None, None, None),
    ]


@pytest.mark.parametrize("name", list(kits()))
def test_events_are_taken_by_their_reader(name):
    kit = study_kit(name)
    rng = np.random.default_rng(3)
    records = [full_record(kit, rng) | {"tumour_id": str(i)} for i in range(60)]
    frame = pl.DataFrame(records, schema=dict.fromkeys(kit.names, pl.String))
    data = read_incoming(frame, kit).data
    table = to_events(data, kit)
    assert read_events(table).equals(table)
    # one diagnosis of each; as many operations as were told, at the dates told
    assert table.filter(event="diagnosis").height == 60
    told_dates = data.filter(pl.col("surgery"))["tumour_id", "date_surgery"].sort("tumour_id")
    found = table.filter(event="surgery").join(
        told_dates,
        left_on=["tumour_id", "date"],
        right_on=["tumour_id", "date_surgery"],
        how="semi",
    )
    assert found.height == told_dates.height
    revised = int(data["n_revisions"].clip(0, 3).sum())
    assert table.filter(event="re_excision").height == revised


def test_a_record_without_dated_items_has_no_events():
    table = to_events(pl.DataFrame(ID), study_kit("core"))
    assert table.is_empty()
    assert table.schema == pl.Schema(COLUMNS)
    with pytest.raises(ColumnError, match="no column patient_id"):
        to_events(pl.DataFrame({"registry": ["IT"]}), study_kit("core"))
