"""The language of indicators: what it says, where it is wrong, and that it never breaks."""

from contextlib import suppress
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare.care.definitions import project_columns
from rarecare.care.evaluation import Evaluation
from rarecare.care.expression_nodes import Compare, Joined, Member
from rarecare.care.expressions import FUNCTIONS, GROUPS, LONGEST, parse
from rarecare.care.linking import Linked
from rarecare.errors import RarecareError, UsageError
from rarecare.registry.events import EVENTS

CASES = pl.DataFrame(
    {
        "patient_id": ["a", "b", "c"], "stage": ["I", "IV", None], "age": [40, 60, None],
        "ill": [True, False, None], "seen": [date(2010, 1, 31), None, date(2011, 1, 1)],
        "ki67": [1.5, float("nan"), 20.0],
    }
)  # fmt: skip
HAPPENED = pl.DataFrame(
    [
        ("a", "surgery", date(2010, 1, 1), "day", "H1", "R1"),
        ("a", "re_excision", date(2010, 6, 30), "day", "H1", "R0"),  # day 180
        ("a", "re_excision", date(2010, 7, 1), "day", "H2", "R0"),  # day 181
        ("b", "surgery", date(2010, 1, 1), "month", "H2", None),
        ("b", "radiotherapy", date(2010, 1, 1), "day", "H2", "adjuvant"),
        ("c", "surgery", date(2010, 5, 5), "day", None, "R0"),
        ("c", "radiotherapy", date(2010, 5, 5), "day", "H3", None),  # the same day: surgery first
    ],
    schema=["patient_id", "event", "date", "date_precision", "hospital_id", "value"], orient="row",
)  # fmt: skip
GIVEN = {"closing_date": date(2010, 12, 31), "designated": ["H1"], "none_given": None}


def ask(text, kind="truth", **words):
    on = Evaluation(CASES, Linked.of(CASES, HAPPENED), project_columns(), GIVEN)
    expr = on.compiled(text, kind, **words)
    return on.frame.with_columns(expr.alias("_answer"))["_answer"].to_list()


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('stage in {"I", "II"}', [True, False, None]),
        ('stage not in {"I", "II"}', [False, True, None]),
        ("stage == 'I'", [True, False, None]),
        ("18 <= age < 60", [True, False, None]),
        ("age in {40, 41}", [True, False, None]),
        ("ki67 > 3", [False, None, True]),  # NaN is not known
        ("ill or age > 50", [True, True, None]),
        ("ill and age > 50", [False, False, None]),
        ("not ill", [False, True, None]),
        ("not not ill", [True, False, None]),
        ("known(stage)", [True, True, False]),
        ("known(margins)", [None, None, None]),  # cases have no such column
        ("collected(margins)", [None, None, None]),
        # what nobody collects is not known: it was not left blank
        ("known(margins in {'R0'})", [None, None, None]),
        ("not known(coalesce(margins == 'R0', rt_dose >= 1))", [None, None, None]),
        ("not known(coalesce(margins == 'R0', age >= 1))", [False, False, True]),
        ("known(exists(imaging))", [None, None, None]),  # no registry records imaging
        ("known(days(first(imaging), seen))", [None, None, None]),
        ("collected(stage)", [True, True, True]),
        ("yes(ill)", [True, False, None]),
        ("coalesce(ill, age > 50)", [True, False, None]),
        ("starts(stage, {'I'})", [True, True, None]),
        ("true", [True, True, True]),
        ("seen <= closing_date", [True, None, False]),
        ("seen < date('2010-02-01')", [True, None, False]),
        ("year(seen) == 2011", [False, None, True]),
        ("known(none_given)", [None, None, None]),
        ("stage in none_given", [None, None, None]),
        ("count(re_excision, within 180 days after first(surgery)) >= 1", [True, False, False]),
        ("count(re_excision, within 180 days after first(surgery)) == 1", [True, False, False]),
        ("count(re_excision, after surgery) == 2", [True, False, False]),
        ('value(last(surgery)) == "R0"', [False, None, True]),
        ('value(last(surgery, re_excision)) == "R0"', [True, None, True]),
        ("hospital(first(treatment)) in designated", [True, None, None]),
        ("exists(surgery)", [True, True, True]),  # b's month is enough for that
        ("exists(surgery, until date('2010-01-31'))", [True, None, False]),
        ("exists(radiotherapy, value == 'adjuvant')", [False, True, None]),
        ("exists(radiotherapy, value != 'adjuvant')", [False, False, None]),
        ("exists(surgery, value starts {'r'})", [True, None, True]),  # capitals do not matter
        ("exists(imaging)", [None, None, None]),  # nobody records it
        ("known(first(surgery))", [True, False, True]),
        ("known(first(imaging))", [None, None, None]),
        ("first(surgery) == first(radiotherapy)", [None, None, True]),
        ("hospitals(surgery, re_excision) == 2", [True, False, None]),
    ],
)  # fmt: skip
def test_answers_by_hand(text, answer):
    assert ask(text) == answer


def test_days_of_events_by_hand():
    assert ask("days(first(surgery), last(re_excision))", "number") == [181, None, None]
    assert ask("days(surgery, seen)", "number") == [30, None, 241]
    assert ask("hospital(first(surgery))", "text") == ["H1", "H2", None]  # the only one of b
    assert ask("first(treatment)", "date") == [date(2010, 1, 1), None, date(2010, 5, 5)]


# by days after the date: whether the ends of a window, and the day itself, are within
ENDS = (-91, -90, -1, 0, 1, 90, 91)


@pytest.mark.parametrize(
    ("window", "within"),
    [
        ("within 90 days before", {-90, -1, 0}),
        ("within 90 days after", {0, 1, 90}),
        ("within 90 days of", {-90, -1, 0, 1, 90}),
        ("before", {-91, -90, -1}),
        ("after", {1, 90, 91}),
        ("until", {-91, -90, -1, 0}),
        ("since", {0, 1, 90, 91}),
    ],
)
def test_the_ends_of_windows(window, within):
    cases = pl.DataFrame({"patient_id": [str(day) for day in ENDS]})
    events = cases.with_columns(
        event=pl.lit("imaging"), date=pl.Series([date(2010, 6, 1) + timedelta(d) for d in ENDS])
    )
    on = Evaluation(cases, Linked.of(cases, events), {}, {})
    inside = on.compiled(f"exists(imaging, {window} date('2010-06-01'))", "truth")
    assert set(on.frame.filter(inside)["patient_id"].cast(pl.Int64)) == within


def test_of_two_on_a_day_the_list_of_events_decides():
    assert ask("value(first(treatment))", "text")[2] == "R0"
    assert ask("value(last(treatment))", "text")[2] is None  # radiotherapy's


def test_words_and_terms_stand_for_others():
    text = "count(re_excision, within window days after surgery) >= threshold"
    assert ask(text, window_days=181, threshold=2) == [True, False, False]
    assert ask("old and ill", terms={"old": "age > 30 or ill"}) == [True, False, None]


def test_and_binds_before_or_and_chains_join():
    node = parse("a or b and not c")
    assert isinstance(node, Joined)
    assert node.word == "or"
    assert parse("1 <= age < 3") == Joined(0, "and", (parse("1 <= age"), parse("age < 3")))
    assert isinstance(parse("a in {1}"), Member)
    assert isinstance(parse("(a) == 1"), Compare)
    assert parse("a  ==\n1") == parse("a == 1")  # places do not count


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "an expression is empty"),
        ("stage = 'I'", r"at character 7 .* Write == for equality"),
        ("stage == 'I", "no closing quotation mark at character 10"),
        ("stage ==", "a value should stand at character 9"),
        ("(age > 3", r"something else should stand at character 9 .*allowed: \)"),
        ("age > 3 4", "something is left over at character 9"),
        ("age + 1 > 3", "there is a sign that the language has not at character 5"),
        ("frist(surgery)", "no such function at character 1 .*Did you mean 'first'"),
        ("exists(surgry)", "no such event at character 8 .*Did you mean 'surgery'"),
        ("exists(surgery, within days after first(surgery))", "a number of days should stand"),
        ("exists(surgery, within 3 weeks after seen)", "allowed: days"),
        ("exists(surgery, within 3 days upon seen)", "allowed: before, after, of"),
        ("exists(surgery, value == 1)", "values of events are texts"),
        ("exists(surgery, value in designated)", "values of events need a set in braces"),
        ("stge == 'I'", "no such column, event or name given at character 1 .*'stage'"),
        ("age == 'I'", "a number is compared with a text at character 5"),
        ("stage < 'I'", "a text has no order"),
        ("stage", "this is a text.*allowed: true or false"),
        ("age and ill", "this is a number"),
        ("days(age, seen) > 1", "this is a number.*allowed: a date"),
        ("days(seen) > 1", "days has a wrong number of parts"),
        ("value(seen) == 'a'", "this is a date.*allowed: an event"),
        ("coalesce(age, stage) == 1", "parts of one kind"),
        ("coalesce(surgery, re_excision) == seen", "Write date"),
        ("stage in {1, 'a'}", "a set holds numbers or texts, not both"),
        ("stage in {1}", "this is a text"),
        ("stage in elsewhere", "there is no such set .*allowed: closing_date, designated"),
        ("stage in closing_date", "this is a date"),
        ("designated == 'H1'", "this is a set"),
        ("starts(stage, {1})", "starts needs texts"),
        ("count(imaging, within window days after seen) > 1", "the indicator has no window"),
        ("seen == date('2010-02-30')", "this is no date"),
        ("(" * 60 + "ill" + ")" * 60, "brackets lie too deep"),
        ("ill" + " " * LONGEST, "an expression is too long"),
        ("__import__('os')", "there is no such function"),
        ("ill.__class__", "a sign that the language has not"),
    ],
)  # fmt: skip
def test_an_error_names_the_place_and_what_is_allowed(text, words):
    with pytest.raises(UsageError, match=words):
        ask(text)


def test_a_long_chain_is_no_deep_one():
    assert ask(" or ".join(["ill"] * 300)) == [True, False, None]
    assert ask("not " * 301 + "ill") == [False, True, None]


WORDS = [*FUNCTIONS, *list(EVENTS)[:6], *GROUPS, "stage", "age", "ill", "seen", "margins", "and",
         "or", "not", "in", "within", "days", "before", "after", "until", "since", "of", "value",
         "window", "true", "{", "}", "(", ")", ",", "==", "<", ">=", "-", '"I"', "'", "30",
         "designated", "closing_date"]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join))
@settings(max_examples=300)
def test_random_words_are_answered_or_refused(text):
    for kind in ("truth", "number", "text", "date"):
        with suppress(RarecareError):
            assert len(ask(text, kind)) == 3


@given(st.text(max_size=60))
@settings(max_examples=300)
def test_random_text_is_answered_or_refused(text):
    with suppress(RarecareError):
        assert len(ask(text)) == 3


GOOD = ["stage in {'I'}", "exists(surgery, within 30 days after seen)", "age >= 3",
        "known(margins)", "value(last(surgery)) == 'R0'"]  # fmt: skip


@given(st.sampled_from(GOOD), st.integers(0, 50), st.sampled_from([*WORDS, "", "\n", "\u00e9"]))
@settings(max_examples=200)
def test_a_good_expression_with_a_slip_is_answered_or_refused(text, place, slip):
    with suppress(RarecareError):
        assert len(ask(text[:place] + slip + text[place + 1 :])) == 3


def test_a_word_for_an_event_means_the_event_whatever_the_columns_are_called():
    # kits have a yes-or-no item "surgery"; a: surgery 1 Jan 2010, seen on 31 Jan
    named = CASES.with_columns(surgery=pl.Series([False, False, False]))
    on = Evaluation(named, Linked.of(named, HAPPENED), project_columns(), GIVEN)
    found = on.compiled("days(date(surgery), seen) == 30", "truth")
    assert on.frame.select(found).to_series().to_list() == [True, None, False]
