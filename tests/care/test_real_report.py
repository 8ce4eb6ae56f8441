"""The page of real hospital data: what is derived from its columns, and what is withheld."""

import csv
import re
import statistics
import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="module")
def real_care():
    sys.path.insert(0, str(SCRIPTS))
    try:
        import real_care as module  # noqa: PLC0415 - a script, found only from here
    finally:
        sys.path.remove(str(SCRIPTS))
    return module


def row(numerator, denominator=100, category=None):
    return {"numerator": numerator, "denominator": denominator, "category": category,
            "estimate": numerator / denominator, "lower": 0.0, "upper": 1.0}  # fmt: skip


@pytest.mark.parametrize(("numerator", "shown"), [
    (0, True), (1, False), (4, False), (5, True), (95, True), (96, False), (99, False),
    (100, True),
])  # fmt: skip
def test_shares_of_one_to_four_are_withheld(real_care, numerator, shown):
    (made,) = real_care.withheld([row(numerator)])
    assert (made["estimate"] is not None) is shown
    assert (made["numerator"] is not None) is shown


def test_a_category_withheld_is_not_told_by_the_others(real_care):
    # 3 of 100 is withheld; 100 - 60 - 37 would tell it, so the next smallest goes too
    made = real_care.withheld([row(60, category="I"), row(3, category="II"),
                               row(37, category="III")])  # fmt: skip
    assert [one["numerator"] for one in made] == [60, None, None]
    two = real_care.withheld([row(93, category="I"), row(3, category="II"), row(4, category="III")])
    assert [one["numerator"] for one in two] == [93, None, None]


def test_groningen_from_surgery_to_radiotherapy(real_care, shared_data):
    data = real_care.groningen(shared_data)
    with (shared_data / "head_and_neck" / "hnscc_groningen_followup.csv").open() as file:
        days = []
        for line in csv.DictReader(file):
            cut, begun = line["date_neck_surgery"].strip(), line["date_rt_start"].strip()
            if "surgery" not in line["dataset"] or not cut or not begun:
                continue
            apart = (date.fromisoformat(begun) - date.fromisoformat(cut)).days
            if apart >= 0:
                days.append(apart)
    made = real_care.section(data, [])
    told = {one.about["indicator"]: one for one in made.told}["HN-3c"]
    assert told.main["denominator"] == len(days) == 98
    assert told.main["estimate"] == statistics.median_low(days) or (
        told.main["estimate"] == statistics.median(days)
    )
    within = told.rows["share within threshold"]
    assert within["numerator"] == sum(one <= 56 for one in days)


def test_radiotherapy_after_r1_in_sarcoma(real_care, shared_data):
    """Counted patient by patient from the tables."""

    def read(name):
        table = pl.read_csv(shared_data / "tcga" / name, infer_schema_length=0)
        return table.filter(cohort="SARC").to_dicts()

    people = {one["patient_id"]: one for one in read("tcga_rare_core.csv")}
    told, given = set(), {}
    for one in read("follow_ups_long.csv.gz"):
        if one["radiation_therapy"] is not None:
            told.add(one["patient_id"])
            if one["radiation_therapy"] == "yes":
                given.setdefault(one["patient_id"], set())
    relapse = {}
    for one in read("new_tumor_events_long.csv.gz"):
        day = one["days_to_new_tumor_event_after_initial_treatment"]
        if day is not None:
            known = relapse.get(one["patient_id"], 10**6)
            relapse[one["patient_id"]] = min(known, int(day))
    courses = set()
    for one in read("radiations_long.csv.gz"):
        who, start = one["patient_id"], one["days_to_radiation_therapy_start"]
        courses.add(who)
        if one["regimen_indication"] in {"recurrence", "progression"}:
            continue
        if start is not None and int(start) >= relapse.get(who, 10**6):
            continue
        adjuvant = one["regimen_indication"] == "adjuvant" or (
            start is not None and one["regimen_indication"] is None
            and one["regimen_indication_notes"] is None
        )  # fmt: skip
        given.setdefault(who, set()).add(adjuvant)
    yes = no = unknown = 0
    for who, one in people.items():
        if one["residual_tumor"] != "r1" or one["histology"] == "desmoid tumor":
            continue
        if one["radiation_therapy"] == "yes" and who not in courses:
            given.setdefault(who, set())
        known = who in told or who in courses or one["radiation_therapy"] is not None
        if True in given.get(who, set()):
            yes += 1
        elif who in given and (who not in courses or given[who]):
            unknown += 1  # radiotherapy of which it is not known when
        elif known:
            no += 1
        else:
            unknown += 1
    made = real_care.section(real_care.sarcoma(shared_data), [])
    main = {one.about["indicator"]: one for one in made.told}["STS-R1-RT"].main
    assert (main["numerator"], main["denominator"], main["unknown"]) == (yes, yes + no, unknown)


def test_stage_of_lydata_by_hand(real_care):
    """Against the tables of TNM, 7th and 8th edition, cell by cell."""
    import care_sources  # noqa: PLC0415 - a script

    grid = pl.DataFrame([(t, n, m) for t in range(1, 5) for n in range(4) for m in (0, 1)],
                        schema=["t", "n", "m"], orient="row")  # fmt: skip
    t, n, m1, m0 = pl.col("t"), pl.col("n"), pl.col("m") == 1, pl.col("m") == 0
    made = grid.select(
        "t", "n", "m", usual=care_sources._stage(t, n, m1, m0),
        clinical=care_sources._stage_hpv(t, n, m1, m0, pl.lit(value=False)),
        specimen=care_sources._stage_hpv(t, n, m1, m0, pl.lit(value=True)),
    )  # fmt: skip
    usual = {1: "I III IV IV", 2: "II III IV IV", 3: "III III IV IV", 4: "IV IV IV IV"}
    clinical = {1: "I I II III", 2: "I I II III", 3: "II II II III", 4: "III III III III"}
    specimen = {1: "I I II", 2: "I I II", 3: "II II III", 4: "II II III"}  # no pN3
    for one in made.iter_rows(named=True):
        if one["m"] == 1:
            assert (one["usual"], one["clinical"], one["specimen"]) == ("IV",) * 3
            continue
        assert one["usual"] == usual[one["t"]].split()[one["n"]]
        assert one["clinical"] == clinical[one["t"]].split()[one["n"]]
        if one["n"] < 3:
            assert one["specimen"] == specimen[one["t"]].split()[one["n"]]


def test_the_page_holds_no_date_and_every_reason(real_care, shared_data):
    sections = [real_care.section(read(shared_data), []) for read in real_care.SOURCES]
    page = real_care.page(sections)
    text = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    assert not re.search(r"\b(19|20)\d\d-\d\d-\d\d\b", text)
    assert "UMCG0" not in text
    assert "TCGA-" not in text
    for one in sections:
        whole = len(one.told) + sum(len(names) for names in one.silent.values())
        assert whole == {"head_neck": 37, "sarcoma": 37, "testis": 31}[one.data.sets[1]]
        assert all(why for why in one.silent)
    written = real_care.markdown(sections)
    assert "doi 10.3389/fonc.2019.01006" in written
