"""Indicators against a slow twin: every patient alone, on random cases and events."""

from collections import Counter
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rarecare.care.compute import indicators
from rarecare.care.definitions import packaged, project_columns, read_definitions
from rarecare.care.evaluation import Evaluation
from rarecare.care.expressions import FUNCTIONS
from rarecare.care.linking import Linked
from rarecare.registry.events import EVENTS
from tests.reference.indicators_twin import answer, patients, states

KEYS = ("registry", "patient_id")
GIVEN = {"closing_date": date(2012, 6, 1), "designated": ["H1"]}
SETS = [read_definitions(name) for name in packaged()]

EXPRESSIONS = {
    'stage in {"localised", "regional"}': "truth",
    'stage not in {"distant"}': "truth",
    "age in {1, 50}": "truth",
    "40 <= age < 60": "truth",
    "age >= 50 or stage == 'distant' and not known(margins)": "truth",
    "not (age >= 50 and yes(path_reviewed))": "truth",
    "days(first(pathology), first(treatment))": "number",
    "days(diagnosis, last(surgery, re_excision))": "number",
    "days(incidence_date, last_date)": "number",
    "count(re_excision, within 180 days after first(surgery))": "number",
    "count(imaging, value starts {'mri', 'CT'}, within 90 days before first(treatment))": "number",
    "count(treatment, since incidence_date)": "number",
    "exists(surgery)": "truth",
    "exists(surgery, radiotherapy, value != 'adjuvant')": "truth",
    "exists(pathology_review, until first(treatment))": "truth",
    "exists(radiotherapy, after last(surgery), value == 'adjuvant')": "truth",
    "exists(imaging, within 10 days of diagnosis)": "truth",
    "exists(recurrence)": "truth",
    **{
        f"count(surgery, {window} date('2010-04-01'))": "number"
        for window in (
            "within 90 days before",
            "within 90 days after",
            "within 90 days of",
            "before",
            "after",
            "until",
            "since",
        )
    },  # the ninetieth day
    'value(last(surgery)) == "R0"': "truth",
    "hospital(first(treatment)) != hospital(diagnosis)": "truth",
    "hospital(first(treatment)) in designated": "truth",
    "hospitals(diagnosis, treatment)": "number",
    "known(first(surgery))": "truth",
    "known(first(recurrence))": "truth",
    "known(hospital(surgery))": "truth",
    "known(value(last(surgery)))": "truth",
    "known(coalesce(margins, stage))": "truth",
    "known(ki67)": "truth",
    "collected(last_date) and collected(ki67)": "truth",
    "known(margins in {'R0'})": "truth",
    "not known(coalesce(stage in {'localised'}, ki67 >= 1))": "truth",
    "known(ki67 > 3 and age >= 50)": "truth",
    "known(days(first(surgery), last_date))": "truth",
    "known(not exists(recurrence))": "truth",
    "collected(yes(path_reviewed))": "truth",
    "coalesce(date(first(pathology)), incidence_date) <= closing_date": "truth",
    "year(first(surgery)) == 2010": "truth",
    "first(surgery) == first(treatment)": "truth",
    "date('2010-06-01') <= first(surgery)": "truth",
    "starts(topography, {'C32', 'C0'})": "truth",
    "yes(path_reviewed)": "truth",
    "coalesce(margins, value(last(surgery, re_excision)))": "text",
}

# few days, so that events fall on one day and on the ends of windows
days = st.sampled_from([0, 1, 10, 30, 90, 91, 180, 181, 270]).map(
    lambda n: date(2010, 1, 1) + timedelta(days=n)
)
registries = st.sampled_from(["R1", "R1", "R1", "R2"])
ids = st.sampled_from(["P0", "P1", "P2"])


@st.composite
def case(draw):
    begin = draw(days)
    return {
        "registry": draw(registries), "patient_id": draw(ids),
        "country": draw(st.sampled_from(["IT", "NL", None])),
        "stage": draw(st.sampled_from(["localised", "regional", "distant", None])),
        "stage_tnm": draw(st.sampled_from(["I", "IIA", "III", "IVB", None])),
        "age": draw(st.sampled_from([1, 45, 50, 70, None])),
        "topography": draw(st.sampled_from(["C32.1", "C62.0", "C01.9", "C25.9", None])),
        "morphology": draw(st.sampled_from([8070, 8240, 9590, None])),
        "behaviour": draw(st.sampled_from([3, 3, 3, 1])),
        "basis_of_diagnosis": draw(st.sampled_from([0, 1, 5, 7, 7, None])),
        "incidence_date": begin,
        "last_date": draw(st.sampled_from([None, begin + timedelta(days=900)])),
        "vital_status": draw(st.sampled_from(["alive", "dead", None])),
        "cause_of_death": draw(st.sampled_from(["C32", "R99", None])),
        "margins": draw(st.sampled_from(["R0", "R1", "RX", None])),
        "path_reviewed": draw(st.sampled_from(["1", "0", None])),
        "treatment_intent": draw(st.sampled_from(["curative", "palliative", None])),
        "grade": draw(st.sampled_from([1, 2, 3, None])),
        "who_grade": draw(st.sampled_from(["G1", "G3", None])),
    }  # fmt: skip


@st.composite
def event(draw):
    precision = draw(st.sampled_from(["day", "day", "day", "month", None]))
    return {
        "registry": draw(registries), "patient_id": draw(ids), "tumour_id": "1",
        "event": draw(st.sampled_from(["diagnosis", "imaging", "pathology", "pathology_review",
                                       "surgery", "surgery", "re_excision", "radiotherapy",
                                       "chemotherapy", "surveillance"])),
        "date": draw(days) if precision else None, "date_precision": precision,
        "hospital_id": draw(st.sampled_from(["H1", "H2", None])),
        "value": draw(st.sampled_from(["R0", "R1", "adjuvant", "MRI", "ct", None])),
    }  # fmt: skip


WHOLE = ("age", "morphology", "grade", "basis_of_diagnosis", "behaviour")
TYPES = dict.fromkeys(WHOLE, pl.Int32) | {"incidence_date": pl.Date, "last_date": pl.Date}
case_lists = st.lists(case(), min_size=1, max_size=5, unique_by=lambda c: tuple(map(c.get, KEYS)))
frames = st.tuples(case_lists, st.lists(event(), min_size=8, max_size=30))


def tables(made):
    rows, happened = made
    names = list(rows[0])
    cases = pl.DataFrame(rows, schema={n: TYPES.get(n, pl.String) for n in names})
    texts = ("registry", "patient_id", "tumour_id", "event", "date_precision", "hospital_id",
             "value")  # fmt: skip
    events = pl.DataFrame(happened, schema={
        n: pl.String if n in texts else pl.Date for n in
        ("registry", "patient_id", "tumour_id", "event", "date", "date_precision", "hospital_id",
         "value")})  # fmt: skip
    return cases, events


@given(frames)
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_every_expression_is_as_the_twin_says(made):
    cases, events = tables(made)
    people = list(patients(cases, events, keys=KEYS, given=GIVEN))
    on = Evaluation(cases, Linked.of(cases, events), project_columns(), GIVEN)
    for text, kind in EXPRESSIONS.items():
        expr = on.compiled(text, kind)
        got = on.frame.with_columns(expr.alias("_got"))["_got"].to_list()
        assert got == answer(text, people), text


@given(frames)
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
def test_every_indicator_is_as_the_twin_says(made):
    cases, events = tables(made)
    people = list(patients(cases, events, keys=KEYS, given=GIVEN))
    found = indicators(cases, events, SETS, by=(), closing_date=GIVEN["closing_date"],
                       designated=GIVEN["designated"])  # fmt: skip
    rows = {name[0]: part for name, part in found.table.group_by("indicator")}
    left = {name[0]: part for name, part in found.excluded.group_by("indicator")}
    for of in SETS:
        for one in of.indicators:
            told = states(of, one, people)
            counted = [(value, cut) for state, value, cut in told if state == "counted"]
            row = rows[one.id].row(0, named=True)
            assert row["denominator"] == len(counted), one.id
            assert row["n"] == sum(state != "other cancer" for state, _, _ in told)
            reasons = Counter(state for state, _, _ in told)
            reasons = {k: n for k, n in reasons.items() if k not in {"counted", "other cancer"}}
            own = left[one.id].filter(pl.col("records") > 0) if one.id in left else None
            assert reasons == ({} if own is None else dict(own.select("reason", "records").rows()))
            if one.kind == "proportion" and counted:
                hits = sum(value for value, _ in counted)
                assert (row["numerator"], row["estimate"]) == (hits, hits / len(counted))
            if one.kind == "count" and counted:
                values = [value for value, _ in counted]
                assert row["estimate"] == pytest.approx(sum(values) / len(values), abs=1e-12)
            if one.kind == "distribution" and counted:
                names = Counter(value for value, _ in counted)
                part = rows[one.id]
                assert dict(part.select("category", "numerator").rows()) == names


def test_the_expressions_tried_name_every_function_and_window():
    joined = " ".join(EXPRESSIONS)
    assert all(f"{name}(" in joined for name in FUNCTIONS)
    assert all(f"{word} " in joined for word in ("before", "after", "of", "until", "since"))
    assert set(EVENTS) >= {"surgery", "imaging"}
