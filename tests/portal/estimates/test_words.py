"""Sentences: the same number in five voices, none without its number."""

import math

import pytest
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from rarecare.portal.estimates import rarity, words
from rarecare.portal.estimates.words import AUTHORITY, GP, ONCOLOGIST, PATIENT, RESEARCHER
from rarecare.portal.readers import BY_CODE


@pytest.fixture(autouse=True)
def english():
    with override("en"):
        yield


def a_row(estimate, lower, upper, **more):
    return {
        "estimate": estimate, "lower": lower, "upper": upper, "level": 0.95, "n": 3214,
        "status": "ok", "reason": None, "standard": "esp2013", "method": "pohar-perme",
        "period": "2010-2016", "age_group": "all", **more,
    }  # fmt: skip


SURVIVAL = a_row(0.569, 0.550, 0.588)
RATE = a_row(0.24, 0.23, 0.25, n=3273)


@pytest.mark.parametrize(
    ("reader", "sentence"),
    [
        (
            PATIENT,
            "About 57 of 100 people are alive after five years, leaving aside other causes of "
            "death; likely between 55 and 59.",
        ),
        (GP, "Net survival at five years is 57% (55 to 59)."),
        (ONCOLOGIST, "57% (55 to 59) at five years."),
        (RESEARCHER, "0.569 (95% CI 0.550–0.588), Pohar-Perme, n = 3,214."),
        (AUTHORITY, "57% (55 to 59) at five years."),
    ],
)
def test_survival_in_five_voices(reader, sentence):
    assert words.survival(reader, SURVIVAL, 5.0) == sentence


@pytest.mark.parametrize(
    ("reader", "sentence"),
    [
        # 0.24 per 100 000 is 2.4 per million, 0.23 to 0.25 is 2.3 to 2.5
        (PATIENT, "About 2 people in a million are told each year that they have it; likely "
                  "between 2 and 3."),
        # 2 000 people see 0.24 / 100 000 x 2 000 = 0.0048 a year: one in 208 years; 200 to 217
        (GP, "In a practice of 2,000 people: one new person in about 210 years (200 to 220)."),
        (ONCOLOGIST, "0.24 new cases per 100 000 people a year (0.23 to 0.25)."),
        (RESEARCHER, "ASR(E2013) 0.24 (95% CI 0.23–0.25) per 100 000 person-years, 3,273 "
                     "tumours."),
        # 24 a year; Poisson: P(X <= 14) = 0.0198, P(X <= 33) = 0.9686, P(X <= 34) = 0.9802
        (AUTHORITY, "24 a year in 10 million people, most years 15 to 34."),
    ],
)  # fmt: skip
def test_new_cases_in_five_voices(reader, sentence):
    row = a_row(0.24, 0.23, 0.2549, n=3273) if reader == PATIENT else RATE
    assert words.new_cases(reader, row, RATE) == sentence


def test_a_rate_below_one_in_a_million_is_said_so():
    row = a_row(0.05, 0.03, 0.08, n=40)
    assert rarity.told_each_year(row) == (
        # 0.5 in a million, 0.3 to 0.8
        "Fewer than 1 person in a million is told each year that they have it; likely no more "
        "than 1."
    )


def test_no_case_is_not_a_rate():
    assert rarity.told_each_year(a_row(0.0, 0.0, 0.01, n=0)).startswith("No one was told")
    assert rarity.in_a_practice(a_row(0.0, 0.0, 0.01, n=0)).startswith("No case")


def test_more_than_all_is_all():
    row = a_row(1.02, 0.96, 1.08)
    assert "About 100 of 100 people" in words.survival(PATIENT, row, 1.0)
    assert "between 96 and 100" in words.survival(PATIENT, row, 1.0)
    assert words.survival(ONCOLOGIST, row, 1.0) == "102% (96 to 108) at one year."


@pytest.mark.parametrize("reader", BY_CODE)
@pytest.mark.parametrize(
    ("status", "said"), [("withheld", "ithheld"), ("not estimable", "estimable")]
)
def test_what_is_missing_is_said_to_each_reader(reader, status, said):
    row = {"status": status, "reason": "fewer than 5 cases"}
    sentence = words.missing(reader, row)
    if reader == PATIENT:
        assert "does not mean zero" in sentence
    else:
        assert said in sentence
    assert "%(" not in sentence
    assert not any(digit in sentence for digit in "0" if reader == PATIENT)


def test_no_row_is_no_figure():
    assert words.missing(GP, None) == "This release holds no such figure."


def test_an_invented_number_says_so_inside_its_sentence():
    assert words.said("57% (55 to 59).", synthetic=True) == "Invented figure: 57% (55 to 59)."
    assert words.said("57% (55 to 59).", synthetic=False) == "57% (55 to 59)."


def test_a_difference_is_claimed_only_where_intervals_lie_apart():
    low, high = a_row(0.5, 0.4, 0.6), a_row(0.9, 0.8, 1.0)
    assert words.sexes(GP, high, low, a_row(0.7, 0.6, 0.8)).startswith("More often in males")
    assert words.sexes(GP, low, high, a_row(0.7, 0.6, 0.8)).startswith("More often in females")
    near = a_row(0.55, 0.45, 0.65)
    assert "do not show a difference" in words.sexes(GP, low, near, a_row(0.52, 0.5, 0.6))
    # they overlap, but the rate of both lies outside one of them: no verdict
    assert words.sexes(GP, a_row(0.8, 0.59, 0.9), low, a_row(0.65, 0.6, 0.7)).startswith("By sex")


def test_a_trend_is_claimed_only_where_its_interval_excludes_none():
    flat = a_row(-2.45, -8.18, 3.63)
    assert "neither a rise nor a fall" in words.trend(ONCOLOGIST, flat)
    assert words.trend(ONCOLOGIST, a_row(1.2, 0.5, 1.9)) == (
        "2010–2016: the rate rose by +1.2% a year (+0.5 to +1.9)."
    )
    assert "fell by \u22121.2% a year" in words.trend(GP, a_row(-1.2, -1.9, -0.5))


@given(st.floats(0.01, 900))
def test_most_years_hold_95_of_100(mean):
    low, high = rarity.poisson_range(mean)
    assert low <= mean + 1
    assert high >= mean - 1
    # the obvious twin: sum the terms of the distribution
    terms = [math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(high + 1)]
    inside = sum(terms[low:])
    assert inside >= (0.94 if mean > 500 else 0.95 - 1e-9)
    if low and mean <= 500:
        assert sum(terms[:low]) < 0.025


@given(st.floats(0, 1), st.floats(0, 0.2), st.floats(0, 0.2))
def test_every_voice_of_survival_holds_the_same_number(value, below, above):
    low, high = max(0.0, value - below), min(1.0, value + above)
    row = a_row(value, low, high)
    with override("en"):
        shown = f"{100 * value:.0f}"
        patient = words.survival(PATIENT, row, 5.0)
        assert f"About {words.of_hundred(value)} of 100" in patient
        assert f"{shown}%" in words.survival(GP, row, 5.0)
        assert f"{shown}%" in words.survival(ONCOLOGIST, row, 5.0)
        assert f"{value:.3f}" in words.survival(RESEARCHER, row, 5.0)
        assert words.of_hundred(value) == shown


@pytest.mark.parametrize(("estimates", "decimals", "said"), [
    ([0.4, 1.0], 2, False), ([0.4, 1.004], 2, False), ([0.4, 1.006], 2, True),
    ([1.0004], 3, False), ([1.001], 3, True), ([], 2, False),
])  # fmt: skip
def test_more_than_all_is_explained_where_the_page_shows_it(estimates, decimals, said):
    rows = [a_row(one, 0.9 * one, 1.1 * one) for one in estimates]
    withheld = a_row(None, None, None, status="withheld")
    remark = words.above_all([None, withheld, *rows], decimals=decimals)
    assert bool(remark) == said
    assert not said or "above 100%" in remark


def test_a_title_inside_a_sentence_begins_small_but_in_german():
    assert words.inside("Net survival, ICSS") == "net survival, ICSS"
    with override("de"):
        assert words.inside("Netto-Überleben nach Land") == "Netto-Überleben nach Land"
