"""Evidence computed from registry data: by hand, and what cannot be computed."""

import math
from datetime import date

import polars as pl
import pytest

from rarecare.care.compute import indicators
from rarecare.care.computed_evidence import computed_evidence, default_links
from rarecare.care.criteria import PACKAGED, read_criteria
from rarecare.care.definitions import packaged, read_definitions
from rarecare.care.evidence import read_evidence
from rarecare.care.profile import profile_table
from rarecare.care.volumes import (
    NEW,
    TREATMENTS,
    hospital_volumes,
    new_case_volumes,
    treatment_units,
)
from rarecare.errors import ColumnError, UsageError
from rarecare.registry.events import COLUMNS

ON = date(2024, 6, 1)
SARCOMA = read_criteria("sarcoma")


def patients(hospital, treated, discussed, *, area="X"):
    """Cases and events: all operated in the hospital, the first ones discussed before."""
    ids = [f"{hospital}{area}{k}" for k in range(treated)]
    cases = pl.DataFrame({
        "patient_id": ids, "hospital": hospital, "country": area, "cancer": "sarcoma",
        "entity_tier1": "08.01",
        "incidence_date": [date(2010 + k % 2, 1, 1) for k in range(treated)],
    })  # fmt: skip
    events = pl.DataFrame(
        [(one, "surgery", date(2011, 3, 1), hospital) for one in ids]
        + [(one, "multidisciplinary_meeting", date(2011, 2, 1), hospital)
           for one in ids[:discussed]],
        schema=["patient_id", "event", "date", "hospital_id"], orient="row",
    )  # fmt: skip
    return cases, events


def both(*parts):
    cases, events = (pl.concat(tables) for tables in zip(*parts, strict=True))
    needed = {"registry": pl.lit(None, pl.String), "tumour_id": pl.col("patient_id"),
              "value": pl.lit(None, pl.String), "date_precision": pl.lit("day")}  # fmt: skip
    return cases.with_columns(tumour_id="patient_id"), events.with_columns(**needed)


def test_shares_and_volumes_by_hand():
    # North: 25 patients (20 of X, 5 of Y) in 2 years, 20 of them discussed: 80 %, 12.5 a year
    # South: 19 patients, all discussed: 100 %, 9.5 a year
    cases, events = both(patients("North", 20, 16), patients("North", 5, 4, area="Y"),
                         patients("South", 19, 19))  # fmt: skip
    shares = indicators(cases, events, ["core", "sarcoma"], by=["hospital"])
    units = treatment_units(cases, events, areas=["country"], entity="entity_tier1")
    made = computed_evidence(SARCOMA, on=ON, indicators=shares, volumes=hospital_volumes(units))
    values = {(row["centre"], row["criterion"]): row["value"]
              for row in made.table.iter_rows(named=True)}  # fmt: skip
    assert values == {
        ("North", "S4a"): "80", ("South", "S4a"): "100",
        ("North", "S3"): "12.5", ("South", "S3"): "9.5",
    }  # fmt: skip
    # no registry records reviews of pathology
    assert made.left.select("centre", "criterion").rows() == [("North", "S4b"), ("South", "S4b")]
    assert made.left["reason"].str.contains("not known").all()

    read = read_evidence(made.table, SARCOMA)
    assert read.findings.is_empty()
    profile = profile_table(SARCOMA, read, on=ON).table
    told = {(row["centre"], row["criterion"]): (row["state"], row["evidence"])
            for row in profile.iter_rows(named=True)}  # fmt: skip
    assert told["North", "S4a"] == ("not met", "computed")
    assert told["South", "S4a"] == ("met", "computed")
    assert told["North", "S3"] == ("met", "computed")
    assert told["South", "S3"] == ("not met", "computed")
    assert told["North", "S4b"] == ("not known", None)

    source = made.table.filter(centre="North", criterion="S4a")["source"].item()
    assert "20 of 25 cases" in source
    for one in shares.provenance.inputs:
        assert one.sha256[:12] in source
    assert shares.provenance.plan_hash[:12] in source
    # Wilson, 20 of 25: (0.8 + z²/50 ± z √(0.16/25 + z²/2500))/(1 + z²/25) with z = 1.959964
    z = 1.959964
    middle, half = 0.8 + z * z / 50, z * math.sqrt(0.16 / 25 + z * z / 2500)
    low, high = ((middle + sign * half) / (1 + z * z / 25) for sign in (-1, 1))
    assert f"{100 * low:.1f} to {100 * high:.1f} %" in source
    volume = made.table.filter(centre="North", criterion="S3")["source"].item()
    assert "25 patients in 2 years" in volume
    assert "re-excision" in volume


def test_links_of_the_package_lead_somewhere():
    criteria = {one.id: one for name in PACKAGED for one in read_criteria(name).criteria}
    ids = {one.id: one for name in packaged() for one in read_definitions(name).indicators}
    for row in default_links().iter_rows(named=True):
        one = criteria[row["criterion"]]
        if row["indicator"] is not None:
            assert one.type == "proportion"
            assert ids[row["indicator"]].kind == "proportion"
        else:
            assert one.volume
            assert row["treatment"] in {*TREATMENTS, NEW}


@pytest.mark.parametrize(("link", "change", "error", "words"), [
    (("S3", "STS-mdt", None), {}, UsageError, "is no proportion"),
    (("S4a", None, "surgery"), {}, UsageError, "is no volume"),
    (("S4a", "STS-mdt", "surgery"), {}, UsageError, "one of the two"),
    (("S4a", None, None), {}, UsageError, "one of the two"),
    (("S4a", "STS-mdt", None), {"centre": "clinic"}, ColumnError, "by hospital"),
    (("S3", None, "surgery"), {"group": "09.01"}, UsageError, "among those of the volumes"),
])  # fmt: skip
def test_links_that_cannot_be_are_refused(link, change, error, words):
    cases, events = both(patients("North", 5, 5))
    shares = indicators(cases, events, "sarcoma", by=["hospital"])
    units = treatment_units(cases, events, areas=["country"], entity="entity_tier1")
    links = pl.DataFrame([(*link, None)], schema=dict.fromkeys(
        ("criterion", "indicator", "treatment", "note"), pl.String), orient="row")  # fmt: skip
    with pytest.raises(error, match=words):
        computed_evidence(SARCOMA, on=ON, indicators=shares, volumes=hospital_volumes(units),
                          links=links, **change)  # fmt: skip


def test_a_hospital_in_several_strata_is_refused():
    cases, events = both(patients("North", 5, 5), patients("North", 5, 4, area="Y"))
    shares = indicators(cases, events, "sarcoma", by=["country", "hospital"])
    with pytest.raises(UsageError, match="several rows"):
        computed_evidence(SARCOMA, on=ON, indicators=shares)


def test_new_cases_are_those_seen_and_not_those_treated_alone():
    """Three patients in 2010 and 2011, two of them treated at South.

    North diagnosed a and b, and reviewed the slides of c: new there 2, in 2 years 1 a year; it
    treated none. South treated a and c: 2 new cases, 1 a year. A case of 2009 is not of the years.
    """
    ids = ["a", "b", "c", "old"]
    cases = pl.DataFrame({
        "registry": "R", "patient_id": ids, "tumour_id": ids, "country": "X", "group": "sarcoma",
        "incidence_date": [date(2010, 1, 1), date(2010, 1, 1), date(2011, 1, 1), date(2009, 1, 1)],
    })  # fmt: skip
    told = [
        ("a", "diagnosis", "North"), ("b", "diagnosis", "North"), ("a", "diagnosis", "North"),
        ("c", "pathology_review", "North"), ("old", "diagnosis", "North"),
        ("a", "surgery", "South"), ("c", "radiotherapy", "South"), ("a", "chemotherapy", "South"),
    ]  # fmt: skip
    events = pl.DataFrame(
        [("R", who, who, what, date(2011, 6, 1), "day", where, None) for who, what, where in told],
        schema=COLUMNS, orient="row",
    )  # fmt: skip
    asked = {"areas": ["country"], "entity": "group", "years": (2010, 2011)}
    treated = hospital_volumes(treatment_units(cases, events, **asked))
    new = new_case_volumes(cases, events, **asked)
    found = {}
    for name, criterion in (("sarcoma", "S1"), ("head_neck", "H7"), ("gep_net", "N1")):
        made = computed_evidence(read_criteria(name), on=ON, volumes=treated, new_cases=new).table
        own = made.filter(criterion=criterion)
        found[name] = dict(own.select("centre", "value").iter_rows())
        assert own["source"].str.contains("own definition").all()
        # what is not known is not made up from the patients treated
        assert computed_evidence(
            read_criteria(name), on=ON, volumes=treated
        ).table.filter(criterion=criterion).is_empty()  # fmt: skip
    assert found == {name: {"North": "1", "South": "1"} for name in found}
    assert "North" not in treated.table["hospital_id"].to_list()
