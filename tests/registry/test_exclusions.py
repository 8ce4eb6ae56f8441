"""The accounting: fixed order, each record once, the sums add up."""

from dataclasses import replace
from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare.errors import CaseError, CodeError, ColumnError, UsageError
from rarecare.registry import ExclusionRules, exclude, read_cases

ORDER = [
    "records read",
    "unreadable",
    "not resident",
    "behaviour",
    "outside the period",
    "entity not classified",
    "duplicate or not a new primary",
    "age unknown or outside",
    "DCO",
    "autopsy only",
    "follow-up missing or negative",
    "vital status unknown",
    "zero follow-up alive",
    "records in analysis",
]
CLEAN = {
    "patient_id": "P1",
    "sex": "female",
    "age": "60",
    "incidence_date": "2001-05-03",
    "last_date": "2003-05-03",
    "vital_status": "dead",
    "behaviour": "3",
    "basis_of_diagnosis": "7",
    "autopsy": "0",
    "resident": "yes",
    "entity_tier1": "Sarcoma",
}
PERIOD = (date(2000, 1, 1), date(2007, 12, 31))
RULES = ExclusionRules(period=PERIOD)

# one record for each reason; each also breaks a later rule, which must not count it again
LEFT_OUT = {
    "unreadable": {"sex": "femal", "resident": "no"},
    "not resident": {"resident": "no", "behaviour": "2"},
    "behaviour": {"behaviour": "2", "incidence_date": "1999-12-31"},
    "outside the period": {"incidence_date": "1999-12-31", "entity_tier1": ""},
    "entity not classified": {"entity_tier1": "", "age": "999"},
    "duplicate or not a new primary": {"patient_id": "P0", "age": "999"},
    "age unknown or outside": {"age": "14", "basis_of_diagnosis": "0"},
    "DCO": {"basis_of_diagnosis": "0", "autopsy": "1"},
    "autopsy only": {"autopsy": "1", "last_date": ""},
    "follow-up missing or negative": {"last_date": "", "vital_status": "9"},
    "vital status unknown": {"vital_status": "9", "last_date": "2001-05-03"},
    "zero follow-up alive": {"vital_status": "lost", "last_date": "2001-05-03"},
}


def frame(*records):
    """Records that differ from a clean one; each a person of its own unless said."""
    return pl.DataFrame([CLEAN | {"patient_id": f"P{100 + i}"} | r for i, r in enumerate(records)])


def account(records, rules=RULES, **options):
    kept, accounting = exclude(read_cases(frame(*records)), rules, **options)
    return kept, dict(accounting.select("reason", "records").iter_rows())


def test_a_clean_record_is_kept():
    kept, counts = account([{}])
    assert (kept.height, counts["records in analysis"]) == (1, 1)
    assert kept["died"].to_list() == [True]


@pytest.mark.parametrize("reason", LEFT_OUT)
def test_each_reason_has_a_record_counted_under_it_alone(reason):
    rules = replace(RULES, first_primary_only=True)
    first = {"patient_id": "P0", "incidence_date": "2000-02-01"}
    _, counts = account([first, LEFT_OUT[reason]], rules, bad_rows="exclude")
    assert {name: n for name, n in counts.items() if n} == {
        "records read": 2,
        reason: 1,
        "records in analysis": 1,
    }


def test_all_reasons_together_add_up():
    rules = replace(RULES, first_primary_only=True)
    first = {"patient_id": "P0", "incidence_date": "2000-02-01"}
    kept, counts = account([first, *LEFT_OUT.values()], rules, bad_rows="exclude")
    assert list(counts) == ORDER
    assert list(counts.values()) == [13] + [1] * 12 + [1]
    assert kept["row"].to_list() == [2]


def test_the_accounting_has_its_columns_and_working_columns_do_not_leak():
    kept, accounting = exclude(read_cases(frame({})), replace(RULES, first_primary_only=True))
    assert accounting.columns == ["order", "reason", "records", "note"]
    assert accounting["order"].to_list() == list(range(14))
    assert not [name for name in kept.columns if name.startswith("_")]


def test_incidence_keeps_what_only_survival_leaves_out():
    rules = replace(RULES, purpose="incidence")
    only_survival = [
        "age unknown or outside",
        "DCO",
        "autopsy only",
        "follow-up missing or negative",
        "vital status unknown",
        "zero follow-up alive",
    ]
    kept, counts = account([LEFT_OUT[reason] for reason in only_survival], rules)
    assert counts["records in analysis"] == 6
    assert "died" not in kept.columns


def test_incidence_takes_no_notice_of_bad_follow_up():
    backwards = {"last_date": "1999-01-01"}
    _, counts = account([backwards, {"vital_status": "gone"}], replace(RULES, purpose="incidence"))
    assert counts["records in analysis"] == 2


def test_rules_without_their_column_say_that_they_were_not_applied():
    cases = read_cases(frame({}).select("age", "incidence_date", "last_date", "vital_status"))
    _, accounting = exclude(cases, ExclusionRules())
    notes = dict(accounting.select("reason", "note").iter_rows())
    assert notes["unreadable"] == "no column sex: not applied"
    assert notes["behaviour"] == "no column behaviour: not applied"
    assert notes["DCO"] == "no column basis_of_diagnosis: not applied"
    assert notes["outside the period"] == ""
    _, accounting = exclude(read_cases(frame({})), replace(RULES, behaviours=None))
    notes = dict(accounting.select("reason", "note").iter_rows())
    assert notes["behaviour"] == "not asked: not applied"


def test_a_rule_asked_for_needs_its_column():
    cases = read_cases(
        frame({}).drop("patient_id", "incidence_date").with_columns(follow_up_days=pl.lit("5"))
    )
    with pytest.raises(ColumnError, match="'outside the period' needs incidence_date"):
        exclude(cases, RULES)
    with pytest.raises(ColumnError, match="'duplicate or not a new primary' needs patient_id"):
        exclude(cases, ExclusionRules(first_primary_only=True))


def test_survival_needs_follow_up_and_status():
    cases = read_cases(frame({}).drop("vital_status"))
    with pytest.raises(ColumnError, match=r"survival needs vital_status .*--columns vital_status="):
        exclude(cases, RULES)


def test_unknown_values_never_stop_and_are_noted():
    records = [{"sex": "9"}, {"sex": "unknown"}, {"age": "999"}, {"last_date": ""}, {}]
    kept, accounting = exclude(read_cases(frame(*records)), RULES)
    assert kept.height == 1
    lines = {reason: (n, note) for _, reason, n, note in accounting.iter_rows()}
    assert lines["unreadable"] == (2, "2 without sex")
    assert lines["age unknown or outside"] == (1, "1 without age")
    assert lines["follow-up missing or negative"] == (1, "1 without follow_up_days")


def test_a_death_on_the_day_of_incidence_counts_as_day_1():
    same_day = {"last_date": "2001-05-03"}
    records = [same_day, same_day | {"vital_status": "alive"}, {"last_date": "2001-05-04"}]
    kept, accounting = exclude(read_cases(frame(*records)), RULES)
    assert kept["follow_up_days"].to_list() == [1, 1]
    assert kept["died"].to_list() == [True, True]
    assert accounting["note"][-1] == "deaths on the day of incidence, counted as day 1: 1"
    assert dict(accounting.select("reason", "records").iter_rows())["zero follow-up alive"] == 1


def test_lost_and_alive_are_censored():
    kept, _ = account([{"vital_status": v} for v in ("alive", "lost", "dead")])
    assert kept["died"].to_list() == [False, False, True]


def test_the_ends_of_period_and_ages_count():
    days = [{"incidence_date": d} for d in ("1999-12-31", "2000-01-01", "2007-12-31", "2008-01-01")]
    kept, _ = account([d | {"last_date": "2010-01-01"} for d in days])
    assert kept["row"].to_list() == [3, 4]
    open_end = replace(RULES, period=(date(2000, 1, 1), None))
    assert account([d | {"last_date": "2010-01-01"} for d in days], open_end)[0].height == 3
    ages = [{"age": a} for a in ("14", "15", "99", "100")]
    assert account(ages)[0]["age"].to_list() == [15, 99]
    assert account(ages, replace(RULES, ages=(0, 14)))[0]["age"].to_list() == [14]
    assert account(ages, replace(RULES, ages=None))[0].height == 4


def test_the_first_primary_is_the_first_malignant_one_whenever_it_was():
    rules = replace(RULES, first_primary_only=True)
    person = {"patient_id": "P0"}
    kept, counts = account(
        [
            person | {"incidence_date": "2002-01-01"},
            person | {"incidence_date": "2001-01-01", "behaviour": "2"},
            person | {"incidence_date": "1998-01-01"},
            {"patient_id": ""},
            {"patient_id": ""},
            {"patient_id": "P9", "incidence_date": "2001-01-01", "behaviour": "2"},
            {"patient_id": "P9", "incidence_date": "2001-01-02"},
        ],
        rules,
    )
    assert counts["duplicate or not a new primary"] == 1
    assert counts["behaviour"] == 2
    assert counts["outside the period"] == 1
    assert kept["row"].to_list() == [5, 6, 8]  # those without an identity cannot be told


def test_the_same_identity_in_two_registries_is_two_persons():
    rules = replace(RULES, first_primary_only=True)
    table = frame({"patient_id": "P0"}, {"patient_id": "P0"})
    one = read_cases(table)
    two = read_cases(table.with_columns(registry=pl.Series(["FI", "SI"])))
    assert exclude(one, rules)[0].height == 1
    assert exclude(two, rules)[0].height == 2


def test_an_unread_value_that_nothing_needs_is_no_matter():
    # the birth date of the first cannot be read, but its age is given; no stratum is asked
    table = frame({}, {}).with_columns(
        birth_date=pl.Series(["1941-13-01", "1941-01-01"]), stage=pl.Series(["1", "distant"])
    )
    cases = read_cases(table)
    assert cases.rejects.select("column", "value").rows() == [
        ("birth_date", "1941-13-01"),
        ("stage", "1"),
    ]
    assert exclude(cases, RULES)[0].height == 2
    with pytest.raises(CodeError, match="stage is not a known code"):
        exclude(cases, replace(RULES, strata=("stage",)))
    kept, _ = exclude(cases, replace(RULES, strata=("stage",)), bad_rows="exclude")
    assert kept["stage"].to_list() == ["distant"]
    without_age = read_cases(table.drop("age"))
    with pytest.raises(CaseError, match="birth_date is not a date"):
        exclude(without_age, RULES)


def test_an_unknown_stratum_is_a_group_and_an_unknown_key_is_not():
    cases = read_cases(frame({}, {}).with_columns(region=pl.Series(["FI", ""])))
    assert exclude(cases, replace(RULES, strata=("region",)))[0].height == 2
    assert exclude(cases, replace(RULES, needed=("sex", "region")))[0].height == 1


def test_negative_follow_up_of_a_record_left_out_before_does_not_stop():
    benign = {"behaviour": "0", "last_date": "1999-01-01"}
    kept, counts = account([benign, {}])
    assert (kept.height, counts["behaviour"]) == (1, 1)


@pytest.mark.parametrize(
    ("rules", "part"),
    [
        ({"purpose": "mortality"}, "purpose is not known: got 'mortality'"),
        ({"ages": (99, 15)}, "ends before it begins.*ages 99 to 15"),
        ({"period": (date(2007, 1, 1), date(2000, 1, 1))}, "period 2007-01-01 to 2000-01-01"),
    ],
)
def test_rules_that_make_no_sense_are_refused(rules, part):
    with pytest.raises(UsageError, match=part):
        ExclusionRules(**rules)


def test_bad_rows_is_one_of_two_words():
    with pytest.raises(UsageError, match="got 'skip'; allowed: refuse, exclude"):
        exclude(read_cases(frame({})), RULES, bad_rows="skip")


values = {
    "sex": ["male", "9", "femal"],
    "age": ["60", "14", "999", "6o"],
    "incidence_date": ["2001-05-03", "1999-01-01", "2001-99-99", "", "2001-02-30"],
    "last_date": ["2003-05-03", "2001-05-03", "1990-01-01", "", "x"],
    "vital_status": ["dead", "alive", "lost", "9", "gone"],
    "behaviour": ["3", "2", "", "x"],
    "basis_of_diagnosis": ["7", "0", "9"],
    "autopsy": ["0", "1", ""],
    "resident": ["yes", "no", ""],
    "entity_tier1": ["Sarcoma", ""],
    "patient_id": ["P1", "P2", ""],
}
records = st.lists(
    st.fixed_dictionaries({k: st.sampled_from(v) for k, v in values.items()}),
    min_size=1,
    max_size=25,
)


def naive_reason(record, unread, later):
    """The first reason that holds for one record of the table, by plain conditions."""
    days, status = record["follow_up_days"], record["vital_status"]
    incidence, age = record["incidence_date"], record["age"]
    conditions = {
        "unreadable": unread or record["sex"] is None,
        "not resident": record["resident"] == "no",
        "behaviour": record["behaviour"] != 3,
        "outside the period": incidence is None or not PERIOD[0] <= incidence <= PERIOD[1],
        "entity not classified": not record["entity_tier1"],
        "duplicate or not a new primary": later,
        "age unknown or outside": age is None or not 15 <= age <= 99,
        "DCO": record["basis_of_diagnosis"] == 0,
        "autopsy only": record["autopsy"] == 1,
        "follow-up missing or negative": days is None or days < 0,
        "vital status unknown": status is None,
        "zero follow-up alive": days == 0 and status != "dead",
    }
    return next((reason for reason, holds in conditions.items() if holds), "kept")


@settings(deadline=None)
@given(records, st.booleans())
def test_random_files_are_accounted_for_as_record_by_record(given_records, first_only):
    cases = read_cases(pl.DataFrame(given_records))
    rules = replace(RULES, first_primary_only=first_only)
    kept, accounting = exclude(cases, rules, bad_rows="exclude")

    bad = {key: {"femal", "6o", "x", "gone", "2001-02-30"} & set(v) for key, v in values.items()}
    seen, expected = {}, []
    rows = cases.table.to_dicts()
    dated = [r for r in rows if r["incidence_date"] and r["behaviour"] == 3 and r["patient_id"]]
    for row in sorted(dated, key=lambda r: (r["incidence_date"], r["row"])):
        seen.setdefault(row["patient_id"], row["row"])
    for row, text in zip(rows, given_records, strict=True):
        unread = any(text[key] in bad[key] for key in values)
        later = first_only and row in dated and seen[row["patient_id"]] != row["row"]
        expected.append(naive_reason(row, unread, later))

    counts = dict(accounting.select("reason", "records").iter_rows())
    assert list(counts) == ORDER
    assert counts["records read"] == len(given_records)
    assert sum(list(counts.values())[1:-1]) + counts["records in analysis"] == len(given_records)
    for reason in ORDER[1:-1]:
        assert counts[reason] == expected.count(reason)
    assert kept["row"].to_list() == [
        row["row"] for row, reason in zip(rows, expected, strict=True) if reason == "kept"
    ]
    assert (kept["follow_up_days"] >= 1).all()


def test_the_cohort_is_kept_whole(cohort):
    kept, accounting = exclude(read_cases(cohort / "cases.csv"), ExclusionRules())
    assert kept.height == accounting["records"][-1] == 3000
    # deaths counted in the file by: cut -d, -f7 cases.csv | sort | uniq -c
    assert kept["died"].sum() == pl.read_csv(cohort / "cases.csv")["vital_status"].eq("dead").sum()
