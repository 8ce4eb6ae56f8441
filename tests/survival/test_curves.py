"""Curves worked by hand with doubling weights, and against the slow twin."""

from datetime import date
from math import exp, inf, log, nan, sqrt

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare.errors import CaseError
from rarecare.survival import Standard, net_survival, observed_survival
from rarecare.survival.curves import limits
from rarecare.survival.methods import NET
from tests.reference import survival_twin
from tests.survival.invented import DOUBLING, FOUR, STEEP, D, frame_of, life_table, some

CLOSING = date(2003, 12, 31)
WINDOW = (date(2000, 2, 29), date(2001, 12, 31))
STEEP_TABLE = life_table(STEEP)

# Pohar Perme. Sums of weights (start, end of day): 4 to 6; A B C, 4 to 6; A C, 5 to 9. Deaths:
# B with 1 of 6, A with 8 of 9. Λ(3) = 1/6 + 8/9 − log(1.5 · 1.5 · 1.8); at day 2.5 the last
# factor is (4√2 + 1)/5 and A is not dead.
HALF = (4 * sqrt(2) + 1) / 5
# Ederer II. Y = 4, 3, 2; Σλ/Y = log 2 · (1/2, 1/3, 1/2); dN/Y = 0, 1/3, 1/2.
# Kaplan–Meier: 1, 2/3, 1/3. Ederer I: mean expected survival at 3: (1/8 + 1 + 1 + 1/8)/4.
# Hakulinen, all four followed to day 4 but for C (3) and D (1):
# (1/2 + 1 + 1 + 1/2)/4 · (1/4 + 1 + 1)/(1/2 + 1 + 1) · (1/8 + 1 + 1)/(1/4 + 1 + 1) = 0.6375
L = log(2)
BY_HAND = [
    ("pohar-perme", "exponential", 2.0, 2.25 * exp(-1 / 6)),
    ("pohar-perme", "exponential", 2.5, 2.25 * exp(-1 / 6) * HALF),
    ("pohar-perme", "exponential", 3.0, 4.05 * exp(-19 / 18)),
    ("pohar-perme", "product", 2.5, (1 + log(1.5)) * (5 / 6 + log(1.5)) * (1 + log(HALF))),
    ("pohar-perme", "product", 3.0, (1 + log(1.5)) * (5 / 6 + log(1.5)) * (1 / 9 + log(1.8))),
    ("ederer2", "exponential", 2.5, exp(-1 / 3) * 2 ** (1 / 2 + 1 / 3 + 1 / 4)),
    ("ederer2", "exponential", 3.0, exp(-5 / 6) * 2 ** (4 / 3)),
    ("ederer2", "product", 2.5, (1 + L / 2) * (2 / 3 + L / 3) * (1 + L / 4)),
    ("ederer2", "product", 3.0, (1 + L / 2) * (2 / 3 + L / 3) * (1 / 2 + L / 2)),
    ("ederer1", "exponential", 2.5, (2 / 3) / ((2 * 2**-2.5 + 2) / 4)),
    ("ederer1", "exponential", 3.0, (1 / 3) / (9 / 16)),
    ("hakulinen", "exponential", 2.5, (2 / 3) / (0.75 * 0.9 * (2**-2.5 + 2) / 2.25)),
    ("hakulinen", "exponential", 3.0, (1 / 3) / 0.6375),
    ("observed", "exponential", 2.5, 2 / 3),
    ("observed", "exponential", 3.0, 1 / 3),
]


@pytest.mark.parametrize(("method", "form", "day", "expected"), BY_HAND)
def test_four_cases_by_hand(method, form, day, expected):
    row = net_survival(
        FOUR, DOUBLING, at_days=[day], days_per_year=365.25, method=method, form=form,
        closing_date=date(2000, 3, 5),
    ).table.row(0, named=True)  # fmt: skip
    assert row["estimate"] == pytest.approx(expected, rel=1e-13)
    # deaths: B weighs 1 of 6 and A 8 of 9 (Pohar Perme), 1 of 3 and 1 of 2 (the others)
    terms = (1 / 6, 8 / 9) if method == "pohar-perme" else (1 / 3, 1 / 2)
    squares = [term**2 for term in terms]
    if method == "observed":  # Greenwood: 1 / (3 · 2), 1 / (2 · 1)
        squares = [1 / 6, 1 / 2]
    variance = sum(squares[: 2 if day == 3 else 1])
    assert row["se"] == pytest.approx(expected * sqrt(variance), rel=1e-13)
    assert (row["n"], row["at_risk"], row["events"]) == (
        4, 3 if day == 2 else 2, 2 if day == 3 else 1,
    )  # fmt: skip


def test_late_entry_by_hand():
    # window from 3 March: day 2 starts after entry at 1. A and C enter after day 1 with the
    # weights they have by then, 2 and 1; B too; D left on day 1 and does not count.
    # Λ(3) = 1/6 − log(6/4) + 8/9 − log(9/5), day 1 having no one at risk: not estimable
    window = (date(2000, 3, 3), date(2000, 3, 9))
    table = net_survival(FOUR, DOUBLING, at_days=[3], days_per_year=365.25, window=window).table
    assert table["reason"][0] == "no one at risk from day 1"
    # with one more woman, diagnosed on 3 March and at risk from day 1: Λ(1) = 0, then sums
    # 3 + 2 = 5 to 7 and, B gone, 6 to 10
    fifth = FOUR.tail(1).with_columns(
        incidence_date=date(2000, 3, 3), sex=pl.lit("female"), follow_up_days=pl.lit(3).cast(int)
    )
    row = net_survival(
        pl.concat([FOUR, fifth]), DOUBLING, at_days=[3], days_per_year=365.25, window=window
    ).table.row(0, named=True)
    cumulative = 1 / 7 - log(7 / 5) + 8 / 10 - log(10 / 6)
    assert row["estimate"] == pytest.approx(exp(-cumulative), rel=1e-13)
    assert row["se"] / row["estimate"] == pytest.approx(sqrt(1 / 49 + 64 / 100), rel=1e-13)
    assert (row["n"], row["at_risk"], row["events"]) == (4, 3, 2)


def test_weights_of_cases_by_hand():
    # A and B count twice
    cases = FOUR.with_columns(weight=pl.Series([2.0, 2.0, 1.0, 1.0]))
    row = net_survival(cases, DOUBLING, at_days=[2], days_per_year=365.25, weighted=True).table.row(
        0, named=True
    )
    # day 1: 2 + 2 + 1 + 1 = 6 to 4 + 2 + 1 + 2 = 9; day 2: 4 + 2 + 1 = 7 to 8 + 2 + 1 = 11
    cumulative = 2 / 11 - log(9 / 6) - log(11 / 7)
    assert row["estimate"] == pytest.approx(exp(-cumulative), rel=1e-13)
    assert row["se"] / row["estimate"] == pytest.approx(2 / 11, rel=1e-13)
    assert (row["n"], row["at_risk"], row["events"]) == (4, 3, 1)  # counts of cases


@pytest.mark.parametrize(
    ("survival", "interval", "expected"),
    [
        (0.5, "plain", (0.3, 0.7)),  # z = 2, SE = 0.1
        (0.5, "log", (0.5 * exp(-0.4), 0.5 * exp(0.4))),
        (0.5, "log-log", (0.5 ** exp(0.4 / log(2)), 0.5 ** exp(-0.4 / log(2)))),
        (1.2, "plain", (1.0, 1.4)),
        (1.2, "log", (1.2 * exp(-1 / 6), 1.2 * exp(1 / 6))),
        (1.2, "log-log", (nan, nan)),
        (1.0, "log", (exp(-0.2), exp(0.2))),
        (1.0, "log-log", (nan, nan)),
        (0.0, "plain", (-0.2, 0.2)),  # a probability of death, or years
        (0.0, "log", (nan, nan)),
        (-0.1, "log-log", (nan, nan)),
        (nan, "plain", (nan, nan)),
    ],
)
def test_limits(survival, interval, expected):
    found = limits(np.array([[survival]]), np.array([[0.1]]), 2.0, interval)
    assert [float(limit[0, 0]) for limit in found] == pytest.approx(
        expected, nan_ok=True, rel=1e-13
    )


@pytest.mark.parametrize("form", ["exponential", "product"])
def test_at_incidence_everyone_lives(form):
    table = net_survival(
        FOUR, DOUBLING, at_days=[0], days_per_year=365.25, method=NET, form=form
    ).table
    assert table["estimate"].to_list() == [1.0] * 5
    assert table["se"].to_list() == [0.0] * 5
    assert table["events"].to_list() == [0] * 5


def test_a_class_in_which_everyone_had_died_adds_nothing():
    # men, aged 61: both dead by day 3. Women, aged 62: of two one dies, SE = 1/2 · √(1/(2·1))
    cases = FOUR.head(3).with_columns(
        died=pl.Series([True, True, False]),
        age_days=pl.Series([61 * 365.25, 62 * 365.25, 62 * 365.25]),
    )
    standard = Standard(name="own", age_lower=(0, 62), weights=(0.4, 0.6))
    row = observed_survival(cases, at_days=[3], days_per_year=365.25, standard=standard).table.row(
        0, named=True
    )
    assert row["estimate"] == pytest.approx(0.6 * 0.5, rel=1e-15)
    assert row["se"] == pytest.approx(0.6 * 0.5 * sqrt(1 / 2), rel=1e-13)
    gone = observed_survival(
        cases.with_columns(died=pl.lit(value=True)), at_days=[3], standard=standard
    ).table.row(0, named=True)
    assert (gone["estimate"], gone["se"], gone["lower"], gone["status"]) == (0, None, None, "ok")
    assert gone["reason"] == "everyone had died: no interval"


def twin_rows(cases, times, *, form, methods, **choices):
    kept = survival_twin.prepare(cases, STEEP, horizon=80, days_per_year=D, **choices)
    return {
        (method, t): survival_twin.survival(kept, t, method=method, form=form)
        for method in methods
        for t in times
    }


def assert_same(table, expected):
    """Every estimate and variance of log as the twin has them; missing where it has none."""
    assert table.height == len(expected)
    for row in table.iter_rows(named=True):
        value = expected[row["method"], row["time_days"]]
        if value is None:
            assert row["status"] == "not estimable"
            assert (row["estimate"], row["se"], row["lower"], row["upper"]) == (None,) * 4
            continue
        survival, variance = value
        assert row["estimate"] == pytest.approx(survival, rel=1e-10, abs=1e-14)
        if abs(survival) < 1e-14 or variance == inf:
            continue  # a curve at 0: tested by hand
        assert row["se"] == pytest.approx(abs(survival) * sqrt(variance), rel=1e-9, abs=1e-13)


times = st.lists(
    st.one_of(st.integers(0, 62).map(float), st.floats(0.01, 62, allow_nan=False).map(
        lambda t: round(t, 3))), min_size=1, max_size=4, unique=True,
)  # fmt: skip


@given(some, times, st.sampled_from(["exponential", "product"]))
@settings(max_examples=60)
def test_five_methods_agree_with_the_twin(cases, at, form):
    plain = [{**case, "weight": 1.0, "entry_days": 0} for case in cases]
    table = net_survival(
        frame_of(cases), STEEP_TABLE, at_days=at, days_per_year=D, method=NET, form=form,
        closing_date=CLOSING, allow_outside=1,
    ).table  # fmt: skip
    assert_same(table, twin_rows(plain, at, form=form, methods=NET, closing_date=CLOSING))


@given(some, times, st.sampled_from(["exponential", "product"]), st.sampled_from([None, WINDOW]))
@settings(max_examples=60)
def test_late_entry_weights_and_window_agree_with_the_twin(cases, at, form, window):
    methods = ("pohar-perme", "ederer2", "observed")
    choices = {
        "at_days": at, "days_per_year": D, "method": methods, "form": form, "window": window,
        "weighted": True, "allow_outside": 1,
    }  # fmt: skip
    if window and not survival_twin.prepare(
        cases, STEEP, horizon=80, days_per_year=D, window=window
    ):
        with pytest.raises(CaseError, match="no case was followed within the window"):
            net_survival(frame_of(cases, without=()), STEEP_TABLE, **choices)
        return
    table = net_survival(frame_of(cases, without=()), STEEP_TABLE, **choices).table
    assert_same(table, twin_rows(cases, at, form=form, methods=methods, window=window))


@given(some, times)
@settings(max_examples=30)
def test_tsiatis_agrees_with_the_twin(cases, at):
    plain = [{**case, "weight": 1.0, "entry_days": 0} for case in cases]
    kept = survival_twin.prepare(plain, STEEP, horizon=80, days_per_year=D)
    expected = {
        ("observed-tsiatis", t): survival_twin.survival(
            kept, t, method="observed", variance="tsiatis"
        )
        for t in at
    }
    table = observed_survival(frame_of(cases), at_days=at, days_per_year=D, variance="tsiatis")
    assert_same(table.table, expected)
