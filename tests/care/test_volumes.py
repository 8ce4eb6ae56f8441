"""Volumes of hospitals: patients counted by hand, the slow twin, laws, bad input."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rarecare as rc
from rarecare.care.centralisation import centralisation
from rarecare.care.centralisation_trend import centralisation_trend
from rarecare.care.packed import Packed
from rarecare.care.thresholds import Threshold
from rarecare.care.volumes import (
    ANY,
    TREATMENTS,
    hospital_volumes,
    treatment_units,
)
from rarecare.demo import registries
from rarecare.demo.care import Hospitals, event_table
from rarecare.demo.draw import parts
from rarecare.demo.model import europe
from rarecare.demo.persons import patient_ids, tumour_ids
from rarecare.errors import CaseError, ColumnError, UsageError
from rarecare.registry.events import EVENTS
from tests.reference import volumes_twin

COLUMNS = {
    "registry": pl.String, "patient_id": pl.String, "tumour_id": pl.String, "country": pl.String,
    "entity_tier1": pl.String, "incidence_date": pl.Date,
}  # fmt: skip
DATED = {
    "registry": pl.String, "patient_id": pl.String, "tumour_id": pl.String, "event": pl.String,
    "date": pl.Date, "date_precision": pl.String, "hospital_id": pl.String, "value": pl.String,
}  # fmt: skip


def cases_of(rows):
    """Rows of patient, entity, year and country, which is X unless told."""
    return pl.DataFrame(
        [("R", row[0], f"{row[0]}.{k}", row[3] if len(row) > 3 else "X", row[1],
          date(row[2], 5, 1)) for k, row in enumerate(rows)],
        schema=COLUMNS, orient="row",
    )  # fmt: skip


def events_of(cases, rows):
    """Rows of the case's number, event, hospital and date."""
    return pl.DataFrame(
        [("R", cases["patient_id"][k], cases["tumour_id"][k], event, when, "day", hospital, None)
         for k, event, hospital, when in rows],
        schema=DATED, orient="row",
    )  # fmt: skip


CASES = cases_of([("a", "08.01", 2001), ("b", "08.01", 2001), ("c", "08.01", 2002),
                  ("d", "07.01", 2002), ("e", "08.01", 2002)])  # fmt: skip
DAY = date(2002, 6, 1)
TREATED = [
    (0, "surgery", "H1", DAY), (0, "re_excision", "H1", DAY), (0, "surgery", "H2", DAY),
    (0, "chemotherapy", "H1", DAY), (0, "targeted", "H1", DAY), (1, "surgery", "H1", DAY),
    (1, "radiotherapy", None, DAY), (2, "surgery", "H9", DAY), (3, "surgery", "H1", DAY),
    (3, "surveillance", "H1", DAY), (4, "diagnosis", "H2", DAY),
]  # fmt: skip


def counts(units, **where):
    own = units.volumes().filter(**where)
    return dict(own.select("hospital_id", "n").rows())


def test_units_by_hand():
    units = treatment_units(CASES, events_of(CASES, TREATED))
    # a in both hospitals, once in each; b in H1; c in H9
    assert counts(units, group="08.01", treatment="surgery") == {"H1": 2, "H2": 1, "H9": 1}
    assert counts(units, group="08.01", treatment="systemic") == {"H1": 1}
    assert counts(units, group="08.01", treatment=ANY) == {"H1": 2, "H2": 1, "H9": 1}
    assert counts(units, group="07.01", treatment="surgery") == {"H1": 1}
    assert units.patients.rows() == [("X", "07.01", 1), ("X", "08.01", 4)]
    assert units.years == (2001, 2002)
    accounted = dict(units.exclusions.rows())
    # surgery and revision in H1 are one, chemotherapy and targeted therapy too
    assert accounted == {
        "events read": 11, "no treatment": 2, "treatment of no case here": 0,
        "entity in no referral group": 0, "year of diagnosis not known": 0,
        "year of diagnosis outside 2001 to 2002": 0,
        "the same patient, hospital and kind again": 2, "units": 7,
    }  # fmt: skip
    assert units.findings.rows() == [("hospital not known", None, 1)]


def test_volumes_are_per_year_with_exact_limits_and_the_unknown_apart():
    units = treatment_units(CASES, events_of(CASES, TREATED), years=(2001, 2004))
    table = hospital_volumes(units).table
    own = table.filter(group="08.01", treatment="surgery")
    assert own["hospital_id"].to_list() == ["H1", "H2", "H9"]
    assert own["estimate"].to_list() == [0.5, 0.25, 0.25]
    assert own["share"].to_list() == [0.5, 0.25, 0.25]
    # exact limits of 2: 0.2422093, 7.2246877 (Garwood 1936), over 4 years
    assert own["lower"][0] == pytest.approx(0.2422093 / 4, abs=1e-7)
    assert own["upper"][0] == pytest.approx(7.2246877 / 4, abs=1e-7)
    blank = table.filter(treatment="radiotherapy")
    assert blank.select("place", "hospital_id", "n").rows() == [("unknown", None, 1)]


def test_hospitals_abroad_and_not_in_the_list_stand_apart():
    listed = pl.DataFrame({"hospital_id": ["H1", "H2"], "country": ["X", "Y"]})
    units = treatment_units(CASES, events_of(CASES, TREATED), hospitals=listed)
    own = units.table.filter(group="08.01", treatment="surgery")
    assert sorted(own["place"]) == ["abroad", "home", "home", "unknown"]
    assert units.findings.rows() == [
        ("hospital not in the list, taken as unknown", "H9", 1), ("hospital not known", None, 1),
    ]  # fmt: skip


def test_the_country_is_found_where_it_is_no_area():
    listed = pl.DataFrame({"hospital_id": ["H1", "H2"], "country": ["X", "Y"]})
    units = treatment_units(CASES, events_of(CASES, TREATED), hospitals=listed, areas=("registry",))
    assert counts(units, group="08.01", treatment="surgery") == {"H1": 2}


def test_groups_are_data_and_entities_in_none_are_counted():
    units = treatment_units(
        CASES, events_of(CASES, TREATED), groups={"08.01": "sarcoma"}, entity="entity_tier1"
    )
    assert units.table["group"].unique().to_list() == ["sarcoma"]
    assert units.exclusions.filter(reason="entity in no referral group")["records"][0] == 1
    assert "cases in no referral group, left out: 1: 07.01" in units.notes


def test_years_of_treatment_and_of_diagnosis():
    rows = [(0, "surgery", "H1", date(2003, 1, 5)), (2, "surgery", "H1", date(2002, 9, 1)),
            (4, "surgery", "H1", None)]  # fmt: skip
    events = events_of(CASES, rows)
    by_treatment = treatment_units(CASES, events, years=(2001, 2002), year_of="treatment")
    assert counts(by_treatment, treatment="surgery") == {"H1": 1}
    accounted = dict(by_treatment.exclusions.rows())
    assert accounted["year of treatment outside 2001 to 2002"] == 1
    assert accounted["year of treatment not known"] == 1
    by_diagnosis = treatment_units(CASES, events, years=(2001, 2002))
    assert counts(by_diagnosis, treatment="surgery") == {"H1": 3}
    assert ("date of treatment not known", None, 1) in by_diagnosis.findings.rows()


def test_a_treatment_before_diagnosis_is_named_as_far_as_dates_are_known():
    rows = [(0, "surgery", "H1", date(2001, 4, 30)), (1, "surgery", "H1", date(2001, 5, 1))]
    found = treatment_units(CASES, events_of(CASES, rows)).findings
    early = ("treatment dated before diagnosis, counted all the same", None, 1)
    assert found.rows() == [early]
    month = CASES.with_columns(incidence_date_precision=pl.lit("year"))
    assert treatment_units(month, events_of(CASES, rows)).findings.is_empty()


def test_a_second_tumour_of_the_group_does_not_count_its_patient_twice():
    cases = cases_of([("a", "08.01", 2001), ("a", "08.01", 2003), ("a", "07.01", 2003)])
    rows = [(k, "surgery", "H1", date(2003, 8, 1)) for k in range(3)]
    units = treatment_units(cases, events_of(cases, rows))
    own = units.table.filter(treatment="surgery").sort("group")
    assert own.select("group", "year").rows() == [("07.01", 2003), ("08.01", 2001)]


def test_cases_without_tumour_ids_are_joined_by_patient():
    units = treatment_units(CASES.drop("tumour_id"), events_of(CASES, TREATED))
    assert counts(units, group="08.01", treatment="surgery") == {"H1": 2, "H2": 1, "H9": 1}


def test_no_treatments_is_said():
    units = treatment_units(CASES, events_of(CASES, []))
    assert units.table.is_empty()
    assert "no treatments" in units.notes
    assert hospital_volumes(units).table.is_empty()


ids = st.sampled_from(["a", "b", "c", "d"])
some_rows = st.lists(
    st.tuples(ids, st.sampled_from(["07.01", "08.01", None]), st.integers(2000, 2002),
              st.sampled_from(["X", "Y"])), min_size=1, max_size=8,
)  # fmt: skip
case_rows = some_rows.filter(lambda rows: any(row[1] for row in rows))
event_rows = st.lists(
    st.tuples(st.integers(0, 7), st.sampled_from(sorted(EVENTS)),
              st.sampled_from(["H1", "H2", "H3", "H9", None, ""])), max_size=25,
)  # fmt: skip
COUNTRIES = {"H1": "X", "H2": "X", "H3": "Y"}


def random_units(rows, given_events, *, listed):
    cases = cases_of(rows)
    events = events_of(cases, [(k % cases.height, event, hospital, DAY)
                               for k, event, hospital in given_events])  # fmt: skip
    hospitals = pl.DataFrame(
        {"hospital_id": list(COUNTRIES), "country": list(COUNTRIES.values())}
    )  # fmt: skip
    units = treatment_units(cases, events, hospitals=hospitals if listed else None)
    twin = volumes_twin.units_of(
        cases.to_dicts(), events.to_dicts(), countries=COUNTRIES if listed else None
    )
    return units, twin


@settings(max_examples=60)
@given(case_rows, event_rows, st.booleans())
def test_units_are_those_of_the_twin(rows, given_events, listed):
    units, twin = random_units(rows, given_events, listed=listed)
    found = {}
    for row in units.table.iter_rows(named=True):
        key = (row["country"], row["group"], row["treatment"])
        found.setdefault(key, []).append((row["hospital_id"] or "", row["place"]))
    expected = {key: sorted((h or "", place) for _, h, place in own) for key, own in twin.items()}
    assert {key: sorted(own) for key, own in found.items()} == expected


@settings(max_examples=40)
@given(case_rows, event_rows)
def test_parts_of_a_country_add(rows, given_events):
    units, _ = random_units(rows, given_events, listed=False)
    table = hospital_volumes(units).table
    sums = table.group_by(units.keys).agg(pl.col("n", "share").sum(), pl.col("denominator").first())
    assert (sums["n"] == sums["denominator"]).all()
    assert sums["share"].to_list() == pytest.approx([1.0] * sums.height)
    kinds = units.table.filter(pl.col("treatment") != ANY)
    accounted = dict(units.exclusions.rows())
    assert accounted["units"] == kinds.height
    parts = [n for reason, n in accounted.items() if reason != "events read"]
    assert accounted["events read"] == sum(parts)


def test_a_threshold_names_its_unit():
    assert Threshold(20, "patients per year", above=True).label == "above 20 patients per year"
    with pytest.raises(UsageError, match=r"a threshold has no unit: got 20; allowed: patients per"):
        Threshold(20, "")
    with pytest.raises(UsageError, match="a threshold has another unit: got 'patients'"):
        Threshold(20, "patients")
    with pytest.raises(UsageError, match="a threshold is not above 0: got 0"):
        Threshold(0, "patients per year")


@pytest.mark.parametrize(
    ("choices", "error", "words"),
    [
        ({"years": (2002, 2001)}, UsageError, "years are not in order"),
        ({"years": (-3, 2001)}, UsageError, "years are not in order"),
        ({"year_of": "birth"}, UsageError, "there is no such year"),
        ({"entity": "entity_tier9"}, ColumnError, "a column is missing"),
        ({"areas": ("land",)}, ColumnError, "a column is missing"),
        ({"treatments": {"surgery": ()}}, UsageError, "no events of its own"),
        ({"treatments": {"a": ("surgery",), "b": ("surgery",)}}, UsageError, "two kinds"),
        ({"hospitals": pl.DataFrame({"hospital_id": ["H1"]})}, ColumnError, "no column country"),
        ({"hospitals": pl.DataFrame({"hospital_id": ["H1", "H1"], "country": ["X", "Y"]})},
         CaseError, "stands twice"),
    ],
)  # fmt: skip
def test_bad_choices_are_named(choices, error, words):
    with pytest.raises(error, match=words):
        treatment_units(CASES, events_of(CASES, TREATED), **choices)


def test_cases_and_events_need_an_id_in_common():
    with pytest.raises(ColumnError, match="share neither patient_id nor tumour_id"):
        treatment_units(CASES.drop("patient_id", "tumour_id"), events_of(CASES, TREATED))
    with pytest.raises(CaseError, match="there are no cases"):
        treatment_units(CASES[:0], events_of(CASES, TREATED))
    with pytest.raises(UsageError, match="a level is a share"):
        hospital_volumes(treatment_units(CASES, events_of(CASES, TREATED)), level=95)


def test_cases_in_no_group_at_all_are_refused():
    with pytest.raises(CaseError, match=r"no case is in a referral group .*got '08.01'"):
        treatment_units(CASES, events_of(CASES, TREATED), groups={"99": "other"})
    undated = CASES.with_columns(incidence_date=pl.lit(None, dtype=pl.Date))
    with pytest.raises(CaseError, match="no case has a known year of diagnosis"):
        treatment_units(undated, events_of(CASES, TREATED))


def test_every_treatment_of_the_list_has_a_kind():
    assert {event for own in TREATMENTS.values() for event in own} == set(volumes_twin.KINDS)
    assert set(volumes_twin.KINDS) < set(EVENTS)


def test_units_too_many_for_one_number_are_refused():
    with pytest.raises(UsageError, match="too many units"):
        Packed({"person": 2**40, "hospital": 2**24})
    table = pl.DataFrame({"a": [2, 0], "b": [3, 4]}).lazy()
    packed = Packed({"a": 3, "b": 5})
    again = packed.unpacked(table.select(key=packed.key)).collect()
    assert again.rows() == [(2, 3), (0, 4)]


def test_the_centralisation_planted_in_the_synthetic_europe_is_found():
    finland = registries(cases=60_000, countries=["FI"])[0]
    drawn, rng = next(parts(finland, 3))
    hospitals, own = Hospitals.of(finland, 3), europe().entities
    patients, tumours = patient_ids(drawn.patient), tumour_ids(drawn.tumour)
    events = event_table(drawn, hospitals, patients=patients, tumours=tumours, rng=rng)
    cases = pl.DataFrame(
        {
            "registry": "FI", "patient_id": patients, "tumour_id": tumours, "country": "FI",
            "entity_tier2": pl.Series(own.ids).gather(drawn.entity),
            "incidence_date": pl.Series(drawn.incidence.astype("int32")).cast(pl.Date),
        }
    )  # fmt: skip
    units = treatment_units(
        cases, events, entity="entity_tier2", groups=dict(zip(own.ids, own.referral, strict=True))
    )
    table = hospital_volumes(units).table.filter(treatment="surgery")
    names = sorted(set(own.referral))
    n = reference = 0
    for (group,), rows in table.group_by("group"):
        first = hospitals.order[names.index(group), : hospitals.n_reference]
        held = rows["hospital_id"].is_in([hospitals.labels[k] for k in first])
        reference, n = reference + rows.filter(held)["n"].sum(), n + rows["n"].sum()
    planted = 0.62  # Finland's centralisation
    assert n > 5_000
    assert reference / n == pytest.approx(planted, abs=4 * (planted * (1 - planted) / n) ** 0.5)


def test_volumes_in_one_call_are_those_of_two():
    cases = pl.DataFrame({"patient_id": ["a", "b", "c"], "country": "X", "entity_tier1": "08.01",
                          "incidence_date": [date(2010, 1, 1)] * 3})  # fmt: skip
    events = pl.DataFrame({"patient_id": ["a", "b", "c"], "event": "surgery",
                           "date": [date(2010, 2, 1)] * 3,
                           "hospital_id": ["H1", "H1", "H2"]})  # fmt: skip
    units = treatment_units(cases, events)
    for show, made in (
        ("hospitals", hospital_volumes(units)), ("centralisation", centralisation(units)),
        ("trend", centralisation_trend(units)),
    ):  # fmt: skip
        found = rc.volumes(cases, events, show=show)
        assert found.table.equals(made.table)
        assert found.provenance.plan_hash == made.provenance.plan_hash
    by_hospital = rc.volumes(cases, events, show="hospitals").table
    surgery = by_hospital.filter(treatment="surgery").select("hospital_id", "n").rows()
    assert sorted(surgery) == [("H1", 2), ("H2", 1)]
