"""Pathways: by hand, beside plain loops, laws, disclosure, bad input, real data."""

import math
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare.care.limits import quantiles
from rarecare.care.pathway_facts import (
    AFTER_DEATH,
    AFTER_END,
    NOT_DATED,
    OUT_OF_ORDER,
    REASONS,
)
from rarecare.care.pathway_flows import END, OTHER_STEPS, hidden_flows, pathway_flows, pooled
from rarecare.care.pathway_steps import COLUMNS, default_steps, read_steps
from rarecare.care.pathway_tables import (
    OTHERS,
    frequent_paths,
    grouped_name,
    grouped_quantile,
    waiting_times,
)
from rarecare.care.pathways import NO_STEP, pathways
from rarecare.errors import CodeError, ColumnError, InputError, UsageError
from rarecare.results import OK, WITHHELD
from tests.reference import pathways_twin as twin

ZERO = date(2015, 1, 1)


def events_of(patients, *, hospital="H1"):
    rows = [
        {"patient_id": str(k), "event": event,
         "date": None if day is None else ZERO + timedelta(days=day),
         "date_precision": None if day is None else "day", "hospital_id": hospital}
        for k, events in enumerate(patients)
        for event, day in events
    ]  # fmt: skip
    schema = {"patient_id": pl.String, "event": pl.String, "date": pl.Date,
              "date_precision": pl.String, "hospital_id": pl.String}  # fmt: skip
    return pl.DataFrame(rows, schema=schema)


def cases_of(ends, *, died=None, countries=None, start=0):
    n = len(ends)
    return pl.DataFrame(
        {"patient_id": [str(k) for k in range(n)],
         "incidence_date": [ZERO + timedelta(days=start)] * n,
         "last_date": [None if end is None else ZERO + timedelta(days=end) for end in ends],
         "died": died or [False] * n, "country": countries or ["IT"] * n},
        schema_overrides={"last_date": pl.Date},
    )  # fmt: skip


def paths_of(patients, **choices):
    return pathways(events_of(patients), **choices).patients["path"].to_list()


def test_a_path_by_hand():
    # two starts of radiotherapy 40 days apart are one course, the third 100 days later another
    own = [("surgery", 20), ("diagnosis", 0), ("radiotherapy", 50), ("radiotherapy", 90),
           ("imaging", 5), ("imaging", 60), ("radiotherapy", 190)]  # fmt: skip
    made = pathways(events_of([own]))
    assert made.patients["path"].to_list() == [
        "diagnosis > imaging > surgery > radiotherapy > radiotherapy"
    ]
    start = (ZERO - date(1970, 1, 1)).days
    assert (made.courses["first_day"] - start).to_list() == [0, 5, 20, 50, 190]
    assert (made.courses["last_day"] - start).to_list()[3:] == [90, 190]
    assert made.patients["treated_at"].to_list() == ["H1"]


def test_the_length_of_a_course_is_its_last_day_included():
    for gap, number in ((30, 1), (31, 2)):
        own = [("surgery", 0), ("surgery", gap)]
        assert paths_of([own])[0].count("surgery") == number


def test_same_day_in_the_order_of_the_table_or_together():
    own = [("chemotherapy", 9), ("radiotherapy", 9), ("diagnosis", 9), ("surgery", 12)]
    assert paths_of([own]) == ["diagnosis > radiotherapy > systemic > surgery"]
    assert paths_of([own], same_day="together") == ["diagnosis + radiotherapy + systemic > surgery"]
    assert paths_of([own], only=["surgery", "systemic"]) == ["systemic > surgery"]


def test_cases_give_diagnosis_death_and_those_without_events():
    events = events_of([[("surgery", 10)], [], [("diagnosis", 0)]])
    cases = cases_of([100, 50, None], died=[True, False, False])
    made = pathways(events, cases)
    assert made.patients["path"].to_list() == [
        "diagnosis > surgery > death", "diagnosis", "diagnosis"
    ]  # fmt: skip
    assert any("2 diagnoses are the incidence date" in note for note in made.notes)
    bare = pathways(events, cases.drop("incidence_date", "died"))
    assert bare.patients["path"].to_list() == ["surgery", NO_STEP, "diagnosis"]
    told = pathways(
        events,
        cases.drop("died", "last_date").with_columns(
            vital_status=pl.Series(["dead", None, "alive"]), follow_up_days=pl.lit(70)
        ),
    )
    assert told.patients["path"].to_list()[0] == "diagnosis > surgery > death"
    assert told.patients["died"].to_list() == [True, None, False]
    assert any("1 patients whose death is not known" in note for note in told.notes)


def test_what_cannot_be_is_listed_left_out_and_counted():
    patients = [
        [("diagnosis", 10), ("surgery", 4)],
        [("diagnosis", 0), ("surgery", 60)],
        [("diagnosis", 0), ("recurrence", 90)],
        [("diagnosis", 0), ("surgery", None)],
        [("diagnosis", 0), ("surgery", 50)],
        [("diagnosis", 0), ("re_excision", 10), ("surgery", 30)],
    ]
    cases = cases_of([99, 50, 80, 99, 50, 99], died=[False, True, False, False, True, False])
    made = pathways(events_of(patients), cases)
    assert made.patients["patient_id"].to_list() == ["4"]  # a step on the day of death may be
    assert made.patients["path"].to_list() == ["diagnosis > surgery > death"]
    assert dict(made.exclusions.iter_rows()) == {
        NOT_DATED: 1, OUT_OF_ORDER: 2, AFTER_DEATH: 1, AFTER_END: 1
    }  # fmt: skip
    listed = made.problems.sort("patient_id").select(
        "patient_id", "reason", "step", "other", "days"
    )
    assert listed.rows() == [
        ("0", OUT_OF_ORDER, "surgery", "diagnosis", -6),
        ("1", AFTER_DEATH, "surgery", "death", 10),
        ("2", AFTER_END, "recurrence", None, 10),
        ("3", NOT_DATED, "surgery", None, None),
        ("5", OUT_OF_ORDER, "re-excision", "surgery", -20),
    ]


def test_dates_not_known_to_the_day_are_left_out_or_used():
    events = events_of([[("diagnosis", 0), ("surgery", 9)]]).with_columns(
        date_precision=pl.Series(["day", "month"])
    )
    assert pathways(events).patients.is_empty()
    assert pathways(events, imprecise="use").patients["path"].to_list() == ["diagnosis > surgery"]
    # a step that is not asked for may have any date
    assert pathways(events, only=["diagnosis"]).patients["path"].to_list() == ["diagnosis"]


def test_dates_of_cases_that_stand_in_for_a_month():
    # surgery on day 20, death 25 days after diagnosis, in a file that says "in January"
    events = events_of([[("diagnosis", 0), ("surgery", 20)], [("surgery", 20)], [("surgery", 40)]])
    cases = cases_of([14] * 3, died=[True, True, False], start=14).with_columns(
        incidence_date_precision=pl.lit("month"), last_date_precision=pl.lit("month")
    )
    known = pathways(events, cases.with_columns(follow_up_days=pl.Series([25, None, None])))
    assert known.patients["patient_id"].to_list() == ["0"]
    start = (ZERO - date(1970, 1, 1)).days
    assert known.courses["first_day"].to_list() == [start, start + 20, start + 25]
    assert dict(known.exclusions.iter_rows()) == {
        NOT_DATED: 2, OUT_OF_ORDER: 0, AFTER_DEATH: 0, AFTER_END: 0
    }  # fmt: skip
    # as they stand: moved within the month, so that death is on the day of surgery
    used = pathways(events, cases, imprecise="use")
    assert used.patients["path"].to_list() == ["diagnosis > surgery > death"] * 2
    assert (used.patients["end_day"] - start).to_list() == [20, 20]
    # day 40 is in February, after the month of the end
    assert used.problems.select("patient_id", "reason").rows() == [("2", AFTER_END)]
    alone = (
        cases[:2].drop("last_date", "last_date_precision").with_columns(died=pl.lit(value=False))
    )
    early = events_of([[("surgery", 3)], [("surgery", -1)]])
    before = pathways(early, alone, imprecise="use")
    assert (before.patients["start_day"] - start).to_list() == [3]
    assert before.problems.select("patient_id", "reason").rows() == [("1", OUT_OF_ORDER)]


def test_events_of_no_step_or_no_case_are_counted():
    events = events_of([[("diagnosis", 0), ("marker", 1), ("referral", 2)], [("surgery", 1)]])
    made = pathways(events, cases_of([9]))
    assert "Events that are no step: marker 1, referral 1" in made.notes
    assert "1 events have no case" in made.notes


KINDS = ["diagnosis", "imaging", "pathology", "pathology_review", "surgery", "re_excision",
         "radiotherapy", "chemotherapy", "hormonal", "recurrence", "surveillance"]  # fmt: skip
HISTORY = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(-20, 300)), max_size=12)


@settings(max_examples=60)
@given(st.lists(HISTORY, min_size=1, max_size=5), st.booleans(), st.randoms())
def test_paths_are_those_of_the_twin_in_any_order_of_rows(patients, together, random):
    ends = [random.choice([None, 50, 200, 400]) for _ in patients]
    died = [end is not None and random.random() < 0.5 for end in ends]
    events = events_of(patients)
    order = list(range(events.height))
    random.shuffle(order)
    cases = cases_of(ends, died=died).drop("incidence_date")
    made = pathways(
        events[order], cases, same_day="together" if together else "order"
    )  # fmt: skip
    found = dict(made.patients.select("patient_id", "path").iter_rows())
    steps = default_steps().rows
    counts = dict.fromkeys(REASONS, 0)
    for k, own in enumerate(patients):
        whole = own + ([("death", ends[k])] if died[k] else [])
        reason = twin.wrong(whole, steps, end=ends[k], died=died[k])
        if reason is None:
            assert found.pop(str(k)) == twin.path(whole, steps, together=together)
        else:
            counts[REASONS[reason]] += 1
    assert not found
    assert dict(made.exclusions.iter_rows()) == counts
    assert made.problems.select("patient_id").n_unique() == sum(counts.values())


def several(numbers):
    """Patients by path of treatments, so many of each."""
    return [
        [("diagnosis", 0), *((event, 10 * (k + 1)) for k, event in enumerate(path))]
        for path, number in numbers.items()
        for _ in range(number)
    ]


def test_frequent_paths_by_hand():
    made = pathways(events_of(several({("surgery",): 12, ("radiotherapy",): 7,
                                       ("surgery", "radiotherapy"): 6, ("chemotherapy",): 4,
                                       ("hormonal", "surgery"): 3})))  # fmt: skip
    table = frequent_paths(made).table
    assert table["path"].to_list() == [
        "diagnosis > surgery", "diagnosis > radiotherapy", "diagnosis > surgery > radiotherapy",
        grouped_name(5),
    ]  # fmt: skip
    assert table["n"].to_list() == [12, 7, 6, 7]
    assert table["paths"].to_list() == [1, 1, 1, 2]
    assert table["rank"].to_list() == [1, 2, 3, None]
    assert table["estimate"][0] == 12 / 32
    assert table["se"][0] == pytest.approx(math.sqrt(12 * 20 / 32**3), rel=1e-12)
    short = frequent_paths(made, most=1).table
    assert short["path"].to_list() == ["diagnosis > surgery", OTHERS, grouped_name(5)]
    assert short["n"].to_list() == [12, 13, 7]
    assert frequent_paths(made, smallest=1).table["n"].to_list() == [12, 7, 6, 4, 3]


def test_a_group_too_small_is_withheld_with_the_smallest_other():
    made = pathways(events_of(several({("surgery",): 12, ("radiotherapy",): 7, (): 3})))
    table = frequent_paths(made).table
    assert table["n"].to_list() == [12, None, None]
    assert table["status"].to_list() == [OK, WITHHELD, WITHHELD]
    assert table["path"].to_list()[1:] == ["diagnosis > radiotherapy", grouped_name(5)]
    hidden = table.filter(status=WITHHELD).select("n", "paths", "estimate", "se", "lower", "upper")
    assert hidden.null_count().sum_horizontal()[0] == hidden.height * hidden.width
    few = frequent_paths(pathways(events_of(several({("surgery",): 4})))).table
    assert few.select("n", "denominator", "estimate").row(0) == (None, None, None)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=7), st.integers(1, 4), st.integers(1, 8))
def test_no_small_number_of_a_path_can_be_told(numbers, most, smallest):
    kinds = [("surgery",), ("radiotherapy",), ("chemotherapy",), (), ("recurrence",),
             ("surgery", "recurrence"), ("surveillance",)]  # fmt: skip
    made = pathways(events_of(several(dict(zip(kinds, numbers, strict=False)))))
    table = frequent_paths(made, most=most, smallest=smallest).table
    total, shown = sum(numbers), table["n"].sum()
    assert all(n >= smallest for n in table["n"].drop_nulls())
    if total < smallest:
        assert table["denominator"].to_list() == [None]
        return
    assert set(table["denominator"]) == {total}
    hidden = table.filter(status=WITHHELD)
    # what the rows shown leave of the total is none, or enough in two rows or more
    assert total - shown == 0 or (total - shown >= smallest and hidden.height >= 2)
    assert table["paths"].sum() + 0 <= len(numbers)
    if hidden.is_empty():
        assert table["paths"].sum() == len(numbers)
        assert table["estimate"].sum() == pytest.approx(1, abs=1e-12)


def test_strata_are_those_of_the_columns():
    patients = several({("surgery",): 6, ("radiotherapy",): 8})
    cases = cases_of([99] * 14, countries=["IT"] * 10 + [None] * 4)
    made = pathways(events_of(patients), cases)
    table = frequent_paths(made, by=["country"], smallest=1).table
    counts = {(row["country"], row["path"]): row["n"] for row in table.to_dicts()}
    assert counts == {(None, "diagnosis > radiotherapy"): 4, ("IT", "diagnosis > surgery"): 6,
                      ("IT", "diagnosis > radiotherapy"): 4}  # fmt: skip
    assert set(table.filter(country="IT")["denominator"]) == {10}


def test_waiting_times_by_hand():
    # waits of 1 to 10 days: median 5.5, quartiles 3 and 8, 90th percentile 9.5
    patients = [[("diagnosis", 0), ("surgery", k), ("radiotherapy", 50)] for k in range(1, 11)]
    table = waiting_times(pathways(events_of(patients))).table
    own = table.filter(from_step="diagnosis", step="surgery")
    assert dict(own.select("measure", "estimate").iter_rows()) == {
        "median": 5.5, "lower quartile": 3.0, "upper quartile": 8.0, "90th percentile": 9.5
    }  # fmt: skip
    # Conover's table: of 10 values the 2nd and 9th hold the median with at least 95 %
    assert own.filter(measure="median").select("lower", "upper").row(0) == (2.0, 9.0)
    assert set(own["n"]) == {10}
    since = waiting_times(pathways(events_of(patients)), since="diagnosis").table
    late = since.filter(step="radiotherapy", measure="median")
    assert late.select("estimate", "n", "denominator", "before").row(0) == (50.0, 10, 10, 0)


def test_steps_that_came_earlier_are_counted_and_no_waiting_time():
    patients = [[("diagnosis", 0), ("surgery", 20), ("radiotherapy", 5)]] * 6 + [
        [("diagnosis", 0), ("surgery", 20), ("radiotherapy", 40 + k)] for k in range(7)
    ] + [[("diagnosis", 0), ("surgery", 20)]] * 5  # fmt: skip
    table = waiting_times(pathways(events_of(patients)), since="surgery").table
    row = table.filter(step="radiotherapy", measure="median").row(0, named=True)
    assert (row["n"], row["before"], row["denominator"], row["estimate"]) == (7, 6, 18, 23.0)
    never = table.filter(step="diagnosis", measure="median").row(0, named=True)
    assert (never["n"], never["estimate"], never["status"]) == (0, None, "not estimable")
    few = waiting_times(pathways(events_of(patients)), since="surgery", smallest=8).table
    row = few.filter(step="radiotherapy", measure="median").row(0, named=True)
    assert (row["n"], row["before"], row["estimate"], row["status"]) == (None, None, None, WITHHELD)


@given(st.lists(st.lists(st.integers(0, 50), max_size=30), min_size=1, max_size=5),
       st.sampled_from([0.25, 0.5, 0.75, 0.9]))  # fmt: skip
def test_quantiles_of_groups_are_those_of_one_group(groups, share):
    values = np.array([value for group in groups for value in sorted(group)], dtype=float)
    found = grouped_quantile(values, np.array([len(group) for group in groups]), share)
    for k, group in enumerate(groups):
        if not group:
            assert all(math.isnan(part[k]) for part in found)
            continue
        own = np.array(sorted(group), dtype=float)
        (expected,) = quantiles(own, np.ones(len(own)), (share,))
        got = [None if math.isnan(part[k]) else part[k] for part in found]
        assert got == list(expected)


def test_flows_by_hand():
    made = pathways(events_of(several({("surgery",): 8, ("surgery", "radiotherapy"): 6,
                                       ("radiotherapy",): 7})))  # fmt: skip
    rows = pathway_flows(made, places=4).table
    flows = {(r["place"], r["from_step"], r["step"]): r["n"] for r in rows.to_dicts()}
    assert flows == {
        (1, "diagnosis", "surgery"): 14, (1, "diagnosis", "radiotherapy"): 7,
        (2, "surgery", "radiotherapy"): 6, (2, "surgery", END): 8, (2, "radiotherapy", END): 7,
        (3, "radiotherapy", END): 6,
    }  # fmt: skip
    ended = rows.filter(place=3, step=END)  # those that ended before are in its total
    assert ended.select("from_n", "step_n").row(0) == (6, 21)
    assert rows["estimate"].to_list() == [n / 21 for n in rows["n"]]


def test_flows_draw_themselves():
    patients = several({("surgery",): 8, ("radiotherapy",): 7})
    made = pathways(events_of(patients), cases_of([99] * 15, countries=["IT"] * 15))
    figure = pathway_flows(made, by=["country"]).plot()
    assert "IT: First step of 15 patients: diagnosis 15 (100%)" in figure.description


def test_rare_steps_are_pooled_until_there_are_enough():
    assert pooled({"a": 9, "b": 6, "c": 2, END: 3}, most=9, smallest=5) == {
        "a": "a", "b": "b", "c": OTHER_STEPS, END: OTHER_STEPS
    }  # fmt: skip
    assert pooled({"a": 9, "b": 6, "c": 2}, most=9, smallest=5) == {
        "a": "a", "b": OTHER_STEPS, "c": OTHER_STEPS
    }  # fmt: skip
    assert pooled({"a": 9, "b": 8, "c": 7}, most=1, smallest=5)["b"] == OTHER_STEPS


@settings(max_examples=80)
@given(st.integers(2, 3), st.integers(2, 3), st.integers(1, 5), st.data())
def test_no_withheld_flow_can_be_told(rows, columns, smallest, data):
    cell = st.one_of(st.just(0), st.integers(0, 9))
    table = np.array([[data.draw(cell) for _ in range(columns)] for _ in range(rows)])
    for side in (0, 1):  # every step that is shown has enough patients, by pooling
        if (table.sum(axis=side) < smallest).any():
            table[np.eye(rows, columns, dtype=bool)] += smallest
            table[:, -1] += smallest * (rows < columns)
            table[-1] += smallest * (columns < rows)
    hidden = hidden_flows(table, smallest=smallest, fixed=np.zeros(rows, dtype=bool))
    assert not ((table > 0) & (table < smallest) & ~hidden).any()
    if not ((table > 0) & (table < smallest)).any():
        assert not hidden.any()
    for values in twin.possible(table.tolist(), hidden.tolist()).values():
        assert len(values) >= 2


def test_flows_of_few_are_withheld_and_strata_of_few_too():
    numbers = {("surgery", "radiotherapy"): 20, ("surgery", "chemotherapy"): 3,
               ("hormonal", "radiotherapy"): 9, ("hormonal", "surgery", "radiotherapy"): 9,
               ("radiotherapy", "chemotherapy"): 12}  # fmt: skip
    table = pathway_flows(pathways(events_of(several(numbers))), places=3).table
    second = table.filter(place=2)
    shown = second.filter(status=OK)
    assert (shown["n"] >= 5).all()
    assert second.filter(from_step="surgery", step="systemic")["status"].to_list() == [WITHHELD]
    for source in second["from_step"].unique():
        own = second.filter(from_step=source)
        left = own["from_n"][0] - own["n"].sum()
        assert left == 0 or own["n"].null_count() >= 2
    few = pathway_flows(pathways(events_of(several({("surgery",): 3}))))
    assert few.table["status"].to_list() == [WITHHELD]
    assert few.table.select("place", "n", "denominator").row(0) == (None, None, None)


def test_definitions_stand_in_the_provenance():
    made = frequent_paths(pathways(events_of(several({("surgery",): 6}))))
    steps = made.provenance.plan["steps"]
    assert {row["sureness"] for row in steps} == {"D"}
    assert any("surgery 30 days (D)" in note for note in made.provenance.notes)
    assert made.provenance.to_json()
    other = frequent_paths(pathways(events_of(several({("surgery",): 6}))), most=3)
    assert other.provenance.plan_hash != made.provenance.plan_hash


def steps_frame(**change):
    row = {"step": "surgery", "kind": "treatment", "events": "surgery; re_excision",
           "course_days": "14", "not_before": "", "source": "own", "sureness": "D"}  # fmt: skip
    return pl.DataFrame([row | change], schema=dict.fromkeys(COLUMNS, pl.String))


def test_steps_can_be_edited():
    steps = read_steps(steps_frame())
    own = [("diagnosis", 0), ("surgery", 3), ("re_excision", 15), ("surgery", 40)]
    assert paths_of([own], steps=steps) == ["surgery > surgery"]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"kind": "therapy"}, CodeError, "no known kind"),
        ({"events": "surgry"}, CodeError, "Did you mean 'surgery'"),
        ({"course_days": "a week"}, InputError, "no whole number"),
        ({"course_days": "-3"}, UsageError, "negative"),
        ({"course_days": ""}, UsageError, "has no length"),
        ({"not_before": "diagnosis"}, CodeError, "unknown step"),
        ({"not_before": "surgery"}, UsageError, "before itself"),
        ({"step": "a > b"}, UsageError, "cannot name a step"),
    ],
)
def test_steps_refuse(change, error, words):
    with pytest.raises(error, match=words):
        read_steps(steps_frame(**change))


def test_steps_refuse_columns_and_repeats():
    with pytest.raises(ColumnError, match="a column too many"):
        read_steps(steps_frame().with_columns(colour=pl.lit("red")))
    with pytest.raises(ColumnError, match="lack a column"):
        read_steps(steps_frame().drop("source"))
    with pytest.raises(UsageError, match="a step comes twice"):
        read_steps(pl.concat([steps_frame(), steps_frame(events="radiotherapy")]))
    with pytest.raises(UsageError, match="an event is of two steps"):
        read_steps(pl.concat([steps_frame(), steps_frame(step="again")]))


def test_calls_that_cannot_be():
    events = events_of([[("diagnosis", 0)]])
    for choices in ({"same_day": "any"}, {"imprecise": "guess"}, {"only": ["surgry"]},
                    {"only": []}):  # fmt: skip
        with pytest.raises(UsageError):
            pathways(events, **choices)
    made = pathways(events)
    with pytest.raises(ColumnError, match="no such column"):
        frequent_paths(made, by=["region"])
    with pytest.raises(UsageError, match="smallest is too small"):
        frequent_paths(made, smallest=0)
    with pytest.raises(UsageError, match="no such step"):
        waiting_times(made, since="surgry")
    with pytest.raises(UsageError):
        pathway_flows(made, places=1)


def test_nobody_and_nothing():
    made = pathways(events_of([]), cases_of([]))
    assert made.patients.is_empty()
    assert frequent_paths(made).table.is_empty()
    assert waiting_times(made).table.is_empty()
    assert pathway_flows(made).table.is_empty()
    alone = pathways(events_of([]), cases_of([9] * 6).drop("incidence_date"))
    assert frequent_paths(alone).table["path"].to_list() == [NO_STEP]
    assert waiting_times(alone).table.is_empty()


def groningen(shared_data):
    raw = pl.read_csv(
        shared_data / "head_and_neck/hnscc_groningen_followup.csv", try_parse_dates=True
    )
    kinds = {"date_pathology": "pathology", "date_rt_start": "radiotherapy",
             "date_neck_surgery": "surgery", "date_local_rec": "recurrence",
             "date_reg_rec": "recurrence", "date_mets": "recurrence"}  # fmt: skip
    parts = [
        raw.select(patient_id="id", event=pl.lit(kind), date=pl.col(name).cast(pl.Date),
                   date_precision=pl.lit("day"), hospital_id=pl.lit("UMCG"))
        for name, kind in kinds.items()
    ]  # fmt: skip
    # the meaning of the status is inferred in the data's own description: 3 and 4 are dead
    died = pl.col("status_code").cast(pl.Int64, strict=False).is_in([3, 4])
    cases = raw.select(
        patient_id="id", country="country", last_date=pl.col("date_term").cast(pl.Date),
        died=died,
    )  # fmt: skip
    return raw, pl.concat(parts).drop_nulls("date"), cases


def test_groningen(shared_data):
    raw, events, cases = groningen(shared_data)
    made = pathways(events, cases)
    assert made.patients.height + made.exclusions["records"].sum() == raw.height == 983
    # counted from the file itself: from pathology to the start of radiotherapy
    rt, seen = pl.col("date_rt_start"), pl.col("date_pathology")
    ids = made.patients.select(id="patient_id")
    days = raw.join(ids, on="id").select((rt - seen).dt.total_days()).to_series().drop_nulls()
    table = waiting_times(made, since="pathology").table
    row = table.filter(step="radiotherapy", measure="median").row(0, named=True)
    assert row["n"] == (days >= 0).sum()
    assert row["before"] == (days < 0).sum() or row["before"] is None
    assert row["estimate"] == days.filter(days >= 0).median()
    share = frequent_paths(made).table
    assert share["n"].sum() == made.patients.height
