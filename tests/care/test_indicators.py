"""Indicators of care: patients worked out by hand, laws, wrong input."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from rarecare.care.compute import indicators, outcomes
from rarecare.care.definitions import definitions_of, packaged, read_definitions
from rarecare.errors import CaseError, ColumnError, UsageError

D = date
CASES = pl.DataFrame(
    {
        "registry": "R", "country": "IT", "patient_id": [f"P{k}" for k in range(1, 7)],
        "stage_tnm": ["I", "IV", None, "II", None, "III"], "morphology": 8805, "behaviour": 3,
        "basis_of_diagnosis": [7, 7, 7, 0, 5, 7],
        "incidence_date": [D(2010, 1, 1), D(2010, 2, 1), D(2010, 2, 1), D(2010, 3, 1),
                           D(2010, 5, 1), D(2010, 5, 25)],
        "last_date": [D(2016, 1, 1), D(2012, 2, 1), D(2010, 10, 1), D(2010, 3, 1), D(2012, 5, 1),
                      D(2011, 5, 25)],
        "vital_status": ["alive", "dead", "dead", "dead", "alive", "dead"],
        "cause_of_death": [None, "C49.1", "R99", "C49", None, "C49.2"],
        "treatment_intent": [None, "curative", "palliative", None, None, "curative"],
    }
)  # fmt: skip
EVENTS = pl.DataFrame(
    [
        ("P1", "diagnosis", D(2010, 1, 1), "H1", None),
        ("P1", "imaging", D(2009, 12, 20), "H1", "MRI"),
        ("P1", "pathology", D(2010, 1, 5), "H1", None),
        ("P1", "pathology_review", D(2010, 1, 10), "H3", None),
        ("P1", "surgery", D(2010, 1, 25), "H2", "R1"),
        ("P1", "re_excision", D(2010, 3, 1), "H2", "R0"),
        ("P1", "radiotherapy", D(2010, 4, 12), "H3", "adjuvant"),
        ("P2", "diagnosis", D(2010, 2, 1), "H1", None),
        ("P2", "imaging", D(2010, 3, 15), "H1", "CT"),  # after treatment
        ("P2", "pathology", D(2010, 3, 1), "H1", None),  # on the resected piece
        ("P2", "surgery", D(2010, 3, 1), "H1", "R0"),
        ("P3", "diagnosis", D(2010, 2, 1), "H2", None),
        ("P3", "pathology", D(2010, 2, 10), "H2", None),
        ("P3", "radiotherapy", D(2010, 4, 1), "H2", "definitive"),
        ("P5", "diagnosis", D(2010, 5, 1), "H1", None),
        ("P5", "pathology", D(2010, 5, 1), "H1", None),
        ("P5", "pathology_review", D(2010, 5, 20), "H3", "8890/3"),  # changed
        ("P6", "diagnosis", D(2010, 5, 25), "H1", None),
        ("P6", "chemotherapy", D(2010, 6, 1), "H1", "neoadjuvant"),
        ("P6", "pathology", D(2010, 6, 10), "H1", None),  # after treatment: an error
        ("P6", "surgery", D(2010, 9, 1), "H1", "RX"),
        ("P9", "surgery", D(2010, 9, 1), "H1", "R0"),  # of no case
    ],
    schema=["patient_id", "event", "date", "hospital_id", "value"], orient="row",
).with_columns(
    registry=pl.lit("R"), tumour_id=pl.lit("1"), date_precision=pl.lit("day")
)  # fmt: skip
CLOSING = D(2015, 12, 31)


def made(cases=CASES, events=EVENTS, sets="core", **choices):
    given = {"by": (), "closing_date": CLOSING, "designated": ["H2"]} | choices
    return indicators(cases, events, sets, **given)


RESULT = made()
# excluded (P4 by death certificate always), not in the denominator, not known, negative, counted,
# hits, estimate of the first measure
BY_HAND = {
    "D1": (1, 1, 0, 0, 4, 1, 1 / 4),  # P1; P2's came after treatment
    "D2a": (1, 0, 0, 0, 5, 3, 3 / 5),
    "D2c": (1, 0, 2, 0, 3, 2, 2 / 3),  # II and IV
    "D3a": (2, 0, 0, 0, 4, 4, 1.0),  # P5 cytology only
    "D3b": (1, 0, 0, 0, 5, 2, 2 / 5),
    "D3b-strict": (1, 1, 0, 0, 4, 1, 1 / 4),
    "D3c": (1, 3, 0, 0, 2, 1, 1 / 2),  # P5's diagnosis
    "D4": (3, 1, 0, 1, 1, None, 20.0),  # P2 resected, P3 palliative, P6 negative
    "T1a": (1, 1, 0, 0, 4, 1, 1 / 4),
    "T1b": (1, 1, 0, 0, 4, 6, 6 / 4),  # 3 + 1 + 1 + 1 hospitals
    "T1c": (1, 1, 0, 0, 4, 2, 2 / 4),
    "T2a": (3, 2, 0, 0, 1, 1, 1.0),  # P2 stage IV, P6 RX; P1 after its revision
    "T2b": (1, 2, 0, 0, 3, 1, 1 / 3),
    "T3": (1, 4, 0, 0, 1, None, 42.0),  # from the revision on 1 March to 12 April
    "F1": (1, 0, 0, 0, 5, 4, 4 / 5),
    "F2": (1, 2, 0, 0, 3, 2, 2 / 3),  # P3: R99
    "F3a": (1, 0, 0, 0, 5, None, (731 + 2191) / 2),  # two alive: S is a half from 731 to 2191 days
    "F3b": (1, 0, 0, 0, 5, 1, 1 / 5),
}
COUNTS = ("excluded", "not_eligible", "unknown", "negative", "denominator", "numerator")


@pytest.mark.parametrize("name", BY_HAND)
def test_poster_indicator_by_hand(name):
    row = RESULT.table.filter(indicator=name).row(0, named=True)
    *counts, estimate = BY_HAND[name]
    assert [row[key] for key in COUNTS] == counts
    assert row["estimate"] == pytest.approx(estimate, abs=1e-12)
    assert (row["n"], row["eligibility_unknown"], row["status"]) == (6, 0, "ok")
    assert row["sureness"] == "P"


def test_every_poster_indicator_is_worked_by_hand():
    ids = {one.id for one in read_definitions("core").indicators}
    assert ids == {*BY_HAND, "D2b", "T2a-all"}


def test_distributions_by_hand():
    for name, shares in (("D2b", {"I": 1 / 3, "III": 1 / 3, "IV": 1 / 3}),
                         ("T2a-all", {"R0": 1 / 2, "RX": 1 / 2})):  # fmt: skip
        own = RESULT.table.filter(indicator=name)
        assert dict(own.select("category", "estimate").rows()) == pytest.approx(shares)


def test_more_measures_by_hand():
    own = RESULT.table.filter(indicator="T1b")
    assert dict(own.select("measure", "estimate").rows()) == {
        "mean": 1.5, "share with 1 or more": 1.0, "share with 2 or more": 0.25
    }  # fmt: skip
    within = RESULT.table.filter(indicator="D4", measure="share within threshold").row(
        0, named=True
    )
    assert (within["numerator"], within["denominator"], within["threshold"]) == (1, 1, 30.0)
    assert RESULT.table.filter(indicator="D4", measure="median")["verdict"][0] == "not sure"


def test_what_is_left_out_is_named_and_counted():
    own = RESULT.excluded.filter(indicator="D4").filter(pl.col("records") > 0)
    assert dict(own.select("reason", "records").rows()) == {
        "death certificate only": 1, "diagnosis made on the resected piece": 1,
        "palliative only": 1, "not in the denominator": 1, "negative interval": 1,
    }  # fmt: skip
    assert RESULT.negative.rows() == [("R", "P6", "D4", -9)]
    assert "1 events belong to no case and are left out" in RESULT.provenance.notes
    exclusions = dict(RESULT.provenance.exclusions.rows())
    assert exclusions["events of no case"] == 1
    assert exclusions["D4: negative interval"] == 1


def test_parts_add_up_to_the_cases():
    table = made(sets=list(packaged())).table
    parts = table.select(
        pl.sum_horizontal("excluded", "not_eligible", "eligibility_unknown", "unknown", "negative",
                          "denominator")
    ).to_series()  # fmt: skip
    assert parts.to_list() == table["n"].to_list()
    assert not table.select(pl.col(pl.Float64).is_nan().any()).row(0).count(True)


KIT = {"registry": "R", "patient_id": ["A", "B", "C"], "behaviour": 3}


@pytest.mark.parametrize(
    ("kit", "columns", "expected"),
    [
        ("sarcoma",
         {"treated": [True, True, False], "cancer": "sarcoma", "topography": "C49.2",
          "mri_part": [True, False, None], "basis_of_diagnosis": 7,
          "histology_name": ["leiomyosarcoma"] * 3, "histology_group": "other",
          "grade_fnclcc": ["3", None, "2"], "tumour_size_cm": 4.0, "depth": "deep",
          "site_group": "limbs", "margins": "R0", "mitoses_specimen": 3.0, "mitoses_biopsy": None},
         {"STS-D1a": (1, 2), "STS-D3a": (2, 3), "STS-grade": (1, 3)}),
        ("testis",
         {"treated": [True, True, False], "topography": "C62.9", "us_testis": [True, None, True],
          "ct_abd_chest": [True, True, True], "basis_of_diagnosis": 7,
          "histology_group": ["seminoma", "non_seminoma", "seminoma"], "p_t": "pT1",
          "lvi": "absent", "rete_testis": ["absent", None, None],
          "afp": ["before", "not_done", None], "hcg": "before", "ldh": "after", "mdt": [1, 0, None],
          "stage_tnm": ["I", "IB", "II"], "post_orch_strategy": ["surveillance", "rplnd", None]},
         {"TT-D1a": (1, 1), "TT-D1b": (2, 2), "TT-D3a": (2, 3), "TT-markers": (1, 2),
          "TT-mdt": (1, 2), "TT-surveillance": (1, 2)}),
        ("head_neck",
         {"treated": [True, True, True], "topography": ["C10.9", "C32.0", "C62.9"],
          "mri_ct_neck": [True, False, True], "stage_tnm": ["III", None, "I"],
          "hpv": ["positive", None, None], "p_t": ["pT2", "pT2", None]},
         {"HN-D1": (1, 2), "HN-stage": (1, 2), "HN-p16": (1, 1)}),
        ("gep_net",
         {"treated": [True, True, True], "topography": "C25.1", "morphology": [8240, 8246, 8500],
          "ct_mri": True, "ssr_imaging": [True, False, True], "who_grade": ["G1", "G2", "G1"],
          "ki67": [1.5, None, 2.0], "primary_site": ["pancreas", "unknown", "pancreas"],
          "structured_path": [True, False, True], "mdt": "1", "distant_mets": ["M0", "MX", "M0"],
          "differentiation": ["well", "well", "well"]},
         {"NET-D1": (1, 2), "NET-ki67": (1, 2), "NET-site": (1, 2), "NET-structured": (1, 2),
          "NET-mdt": (2, 2), "NET-mets": (1, 2), "NET-differentiation": (2, 2)}),
    ],
)  # fmt: skip
def test_indicators_of_a_kit_by_hand(kit, columns, expected):
    found = made(pl.DataFrame(KIT | columns), None, kit).table
    rows = {row["indicator"]: row for row in found.iter_rows(named=True)}
    got = {name: (rows[name]["numerator"], rows[name]["denominator"]) for name in expected}
    assert got == expected


def test_survival_without_local_relapse_by_hand():
    """Days from treatment: A relapses locally at 365, B dies at 100; C and D are censored.

    C is alive at 200, D at 300 with a distant recurrence. Of 4, 3/4 are left after 100; at 365 the
    one at risk relapses, so the median is 365. E was not treated.
    """
    start = D(2010, 1, 1)
    ends = {"A": 900, "B": 100, "C": 200, "D": 300, "E": 50}
    cases = pl.DataFrame({
        "registry": "R", "country": "IT", "patient_id": list(ends), "tumour_id": "1",
        "cancer": "sarcoma", "basis_of_diagnosis": 7, "behaviour": 3, "incidence_date": start,
        "treated": [True, True, True, True, False],
        "last_date": [start + timedelta(days=days) for days in ends.values()],
        "vital_status": ["dead", "dead", "alive", "alive", "dead"],
    })  # fmt: skip
    told = [(who, "surgery", start, None) for who in "ABCD"]
    told += [("A", "recurrence", start + timedelta(days=365), "local"),
             ("D", "recurrence", start + timedelta(days=150), "distant")]  # fmt: skip
    events = pl.DataFrame(
        [("R", who, "1", what, day, "day", None, value) for who, what, day, value in told],
        schema=["registry", "patient_id", "tumour_id", "event", "date", "date_precision",
                "hospital_id", "value"], orient="row",
    )  # fmt: skip
    answers = outcomes(cases, events, "sarcoma", indicator="STS-relapse")
    assert answers.select("patient_id", "answer").rows() == [
        ("A", 365), ("B", 100), ("C", 200), ("D", 300),
    ]  # fmt: skip
    rows = made(cases, events, "sarcoma").table.filter(indicator="STS-relapse")
    found = {row["measure"]: row["estimate"] for row in rows.iter_rows(named=True)}
    assert found["median"] == 365
    assert found["lower quartile"] == (100 + 365) / 2  # three quarters are left between these


def test_items_of_a_centre_and_what_the_data_lack_are_not_estimable():
    table = made(CASES.drop("last_date"), EVENTS.filter(pl.col("event") != "imaging"),
                 ["core", "head_neck"], closing_date=None).table  # fmt: skip
    reasons = dict(table.filter(status="not estimable").select("indicator", "reason").rows())
    assert reasons["HN-1"] == "an item of the centre, not of its cases"
    assert "events imaging" in reasons["D1"]
    assert "the closing date" in reasons["F1"]
    assert "column last_date" in reasons["F3a"]
    assert table.filter(indicator="D1")["unknown"].to_list() == [4]  # not nought of four


def test_an_event_of_no_registry_is_not_known_unless_it_is_recorded():
    events = EVENTS.filter(pl.col("event") != "imaging")
    assert made(events=events).table.filter(indicator="D1")["denominator"].item() == 0
    found = made(events=events, recorded=["imaging"]).table.filter(indicator="D1")
    assert found.select("numerator", "denominator").row(0) == (0, 4)


def test_registries_that_record_an_event_are_told_apart():
    other = CASES.with_columns(registry=pl.lit("S"))
    table = made(pl.concat([CASES, other]), by=("registry",)).table.filter(indicator="D1")
    assert dict(table.select("registry", "denominator").rows()) == {"R": 4, "S": 0}


def test_an_item_a_registry_never_fills_in_is_not_known():
    other = CASES.with_columns(registry=pl.lit("S"), stage_tnm=pl.lit(None, dtype=pl.String))
    table = made(pl.concat([CASES, other]), by=("registry",)).table.filter(indicator="D2a")
    rows = {row["registry"]: row for row in table.iter_rows(named=True)}
    assert rows["R"]["estimate"] == 3 / 5
    assert (rows["S"]["unknown"], rows["S"]["status"]) == (5, "not estimable")


def test_weights_of_one_change_nothing_and_weights_are_repeats():
    rng = np.random.default_rng(5)
    table = made().table
    ones = made(CASES.with_columns(w=1.0), weights="w").table
    assert table.equals(ones)
    number = rng.integers(1, 4, CASES.height)
    weighted = made(CASES.with_columns(w=pl.Series(number)), weights="w").table
    again = CASES.select(pl.all().repeat_by(pl.Series(number)).explode())
    ids = pl.Series([f"{name}-{k}" for k, name in enumerate(again["patient_id"])])
    copies = again.select("registry", "patient_id").with_columns(copy=ids)
    repeated = made(
        again.with_columns(patient_id=ids),
        EVENTS.join(copies, on=["registry", "patient_id"])
        .with_columns(patient_id="copy").drop("copy"),
    ).table  # fmt: skip
    kinds = ["proportion", "count", "distribution"]
    for own, other in ((weighted, repeated),):
        a = own.filter(pl.col("kind").is_in(kinds))["estimate"].to_list()
        b = other.filter(pl.col("kind").is_in(kinds))["estimate"].to_list()
        assert a == pytest.approx(b, abs=1e-12)


def test_strata_add_up_and_order_does_not_matter():
    cases = CASES.with_columns(country=pl.Series(["IT", "NL", "IT", "NL", None, "IT"]))
    parts = made(cases, by=("country",))
    whole = RESULT.table.filter(kind="proportion").sort("indicator")
    summed = (
        parts.table.filter(kind="proportion").group_by("indicator")
        .agg(pl.col("denominator", "numerator", "n", "unknown").sum()).sort("indicator")
    )  # fmt: skip
    for name in ("denominator", "numerator", "n", "unknown"):
        assert summed[name].to_list() == whole[name].to_list()
    turned = made(CASES[::-1], EVENTS[::-1]).table
    assert turned.equals(RESULT.table)


def test_a_date_known_to_the_month_is_no_date_for_days():
    events = EVENTS.with_columns(
        date_precision=pl.when(pl.col("event") == "pathology").then(pl.lit("month"))
        .otherwise("date_precision")
    )  # fmt: skip
    row = made(events=events).table.filter(indicator="D4").row(0, named=True)
    assert (row["denominator"], row["unknown"]) == (0, 3)  # P1, P2, P6; P3 is palliative


def test_unknown_events_are_counted_and_left_out():
    odd = EVENTS.with_columns(event=pl.col("event").replace("re_excision", "reexcision"))
    found = made(events=odd)
    assert "1 events 'reexcision' are not in the list of events" in found.provenance.notes
    assert ("event 'reexcision' not in the list", 1) in found.provenance.exclusions.rows()


def test_text_of_a_file_is_read_as_what_it_is(tmp_path):
    CASES.write_csv(tmp_path / "cases.csv")
    EVENTS.write_csv(tmp_path / "events.csv")
    assert made(tmp_path / "cases.csv", tmp_path / "events.csv").table.equals(RESULT.table)


PROPORTION = {"id": "X", "version": "1", "pillar": "treatment", "cancer": "all", "title": "T",
              "kind": "proportion", "numerator": "age >= 50", "sureness": "D",
              "source": "test"}  # fmt: skip


def own_set(**more):
    return definitions_of({"id": "own", "version": "1", "title": "T",
                           "indicators": [PROPORTION | more]})  # fmt: skip


@pytest.mark.parametrize(
    ("hits", "direction", "verdict"),
    [(95, "higher", "met"), (80, "higher", "not sure"), (50, "higher", "not met"),
     (95, "lower", "not met"), (50, "lower", "met")],
)  # fmt: skip
def test_a_threshold_is_met_only_where_the_interval_says_so(hits, direction, verdict):
    cases = pl.DataFrame({"patient_id": [str(k) for k in range(100)],
                          "age": [60] * hits + [40] * (100 - hits)})  # fmt: skip
    of = own_set(threshold={"value": 80, "unit": "percent"}, direction=direction)
    row = indicators(cases, None, of, by=()).table.row(0, named=True)
    assert (row["verdict"], row["threshold"], row["threshold_unit"]) == (verdict, 0.8, "share")


def test_comparators_stand_beside_the_result():
    found = made(sets="head_neck")
    row = found.table.filter(indicator="HN-D1").row(0, named=True)
    assert row["comparators"].startswith("82.5 percent (all HNSCC 2009-14, Belgium")
    own = found.comparators.filter(indicator="HN-3a").row(0, named=True)
    assert (own["value"], own["lower"], own["upper"], own["unit"]) == (32, 19, 46, "days")


def test_outcomes_case_by_case():
    made_ = outcomes(CASES, EVENTS, "core", indicator="T1a")
    rows = made_.select("patient_id", "answer", "hospital_first_treatment").rows()
    assert rows == [("P1", True, "H2"), ("P2", False, "H1"), ("P3", False, "H2"),
                    ("P6", False, "H1")]  # fmt: skip
    days = outcomes(CASES, EVENTS, "core", indicator="D4")
    assert days.select("patient_id", "answer").rows() == [("P1", 20)]
    assert outcomes(CASES, EVENTS, "core", indicator="T2a-all")["answer"].to_list() == ["R0", "RX"]
    with pytest.raises(UsageError, match="there is no such indicator"):
        outcomes(CASES, EVENTS, "core", indicator="D9")
    with pytest.raises(UsageError, match="cases cannot tell the indicator"):
        outcomes(CASES, EVENTS, "head_neck", indicator="HN-1")


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"by": ("contry",)}, ColumnError, "Did you mean 'country'"),
        ({"weights": "w"}, ColumnError, "the cases lack a column"),
        ({"cases": CASES.with_columns(w=-1.0), "weights": "w"}, CaseError, "no number from 0"),
        ({"cases": CASES.with_columns(w=pl.lit("a")), "weights": "w"}, CaseError, "are numbers"),
        ({"interval": "wald"}, UsageError, "allowed: wilson, exact"),
        ({"level": 95}, UsageError, "For 95 per cent give 0.95"),
        ({"sets": ["core", "core"]}, UsageError, "two indicators have the same id"),
        ({"sets": []}, UsageError, "there are no indicators"),
        ({"closing_date": "2015-12-31"}, UsageError, "closing date is no date"),
        ({"designated": "H1"}, UsageError, "designated hospitals are several"),
        ({"recorded": ["imagin"]}, UsageError, "Did you mean 'imaging'"),
        ({"cases": pl.concat([CASES, CASES])}, CaseError, "two cases have the same key"),
        ({"cases": CASES.drop("patient_id")}, ColumnError, "share neither patients nor tumours"),
        ({"events": EVENTS.drop("date")}, ColumnError, "events lack a column"),
    ],
)  # fmt: skip
def test_wrong_input_is_named(change, error, words):
    with pytest.raises(error, match=words):
        made(**change)


def test_no_cases_and_no_events():
    for cases in (CASES[:0], CASES):
        table = made(cases, None, list(packaged())).table
        assert table["n"].max() == (6 if cases.height else 0)
        assert table.filter(status="ok")["estimate"].null_count() == 0
    assert set(made(CASES[:0], None).table["status"]) == {"not estimable"}


def test_provenance_holds_the_definitions():
    plan = made().provenance.plan
    assert plan["definitions"]["core"]["indicators"][0]["numerator"].startswith("coalesce")
    assert len(made().provenance.plan_hash) == 64
    assert made().provenance.to_json()


def test_year_and_hospital_of_first_treatment_are_strata_that_need_no_column():
    """P1 and P3 were first treated at H2, P2 and P6 at H1, P4 and P5 nowhere that is known."""
    treated = made(by=["treated_at"]).table.filter(indicator="D1").select("treated_at", "n")
    assert treated.rows() == [("H1", 2), ("H2", 2), (None, 2)]
    later = CASES.with_columns(
        incidence_date=pl.when(patient_id="P6").then(D(2011, 5, 25)).otherwise("incidence_date")
    )
    years = made(later, by=["year"]).table.filter(indicator="D1").select("year", "n")
    assert years.rows() == [(2010, 5), (2011, 1)]
    own = CASES.with_columns(year=pl.lit("mine"))
    assert set(made(own, by=["year"]).table["year"]) == {"mine"}
    with pytest.raises(ColumnError, match="treated_at"):
        made(by=["treated"])
