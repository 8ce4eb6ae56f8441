"""Laws that survival estimates obey, whatever the cases."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from rarecare.survival import Standard, net_survival, observed_survival
from rarecare.survival.methods import NET
from tests.survival.invented import NONE, STEEP, D, frame_of, life_table, some

STEEP_TABLE = life_table(STEEP)
NO_HAZARD = life_table(NONE)
AT = (10.0, 20.5, 40.0)
NUMBERS = ("estimate", "se", "lower", "upper")
few = settings(max_examples=30)


def table_of(cases, table=STEEP_TABLE, *, at_days=AT, **choices):
    choices = {"method": ("pohar-perme", "ederer2"), "allow_outside": 1} | choices
    return net_survival(cases, table, at_days=at_days, days_per_year=D, **choices).table


@given(some, st.randoms(use_true_random=False))
@few
def test_the_order_of_rows_does_not_change_a_bit(cases, random):
    shuffled = list(cases)
    random.shuffle(shuffled)
    assert table_of(frame_of(shuffled), method=NET).equals(
        table_of(frame_of(cases), method=NET, closing_date=None)
    )


@given(some)
@few
def test_strata_are_the_tables_of_their_cases(cases):
    whole = table_of(frame_of(cases), by=["area", "sex"])
    for (area, sex), part in whole.group_by("area", "sex"):
        own = [case for case in cases if (case["area"], case["sex"]) == (area, sex)]
        assert_frame_equal(
            part, table_of(frame_of(own), by=["area", "sex"]), check_row_order=False, rel_tol=1e-12
        )


@given(some)
@few
def test_without_expected_deaths_all_methods_give_observed_survival(cases):
    choices = {"method": NET, "form": "product"}
    table = table_of(frame_of(cases), NO_HAZARD, **choices).filter(status="ok")
    for _, part in table.group_by("time_days"):
        observed = part.filter(method="observed")["estimate"][0]
        assert part["estimate"].to_list() == pytest.approx([observed] * 5, rel=1e-12, abs=1e-14)


@given(some)
@few
def test_without_expected_deaths_the_exponential_form_is_nelson_aalen(cases):
    table = table_of(frame_of(cases), NO_HAZARD)
    for row in table.filter(status="ok").iter_rows(named=True):
        hazard = 0.0
        for day in range(1, int(row["time_days"]) + 1):
            at_risk = [case for case in cases if case["follow_up_days"] >= day]
            dead = [case for case in at_risk if case["died"] and case["follow_up_days"] == day]
            hazard += len(dead) / len(at_risk)
        assert row["estimate"] == pytest.approx(np.exp(-hazard), rel=1e-12)


@given(some, st.sampled_from(["exponential", "product"]))
@few
def test_doubling_every_case_halves_the_variance(cases, form):
    # without Greenwood's, whose terms dN / (Y (Y − dN)) halve as well
    choices = {"form": form, "method": NET}
    once = table_of(frame_of(cases), **choices)
    twice = table_of(frame_of(cases + cases), **choices)
    for one, two in zip(once.iter_rows(named=True), twice.iter_rows(named=True), strict=True):
        assert (two["n"], two["at_risk"], two["events"]) == (
            2 * one["n"], 2 * one["at_risk"], 2 * one["events"],
        )  # fmt: skip
        if one["estimate"] is None:
            assert two["estimate"] is None
            continue
        assert two["estimate"] == pytest.approx(one["estimate"], rel=1e-11, abs=1e-14)
        if one["se"] is not None and two["se"] is not None:
            assert two["se"] == pytest.approx(one["se"] / np.sqrt(2), rel=1e-9, abs=1e-14)


@given(some)
@few
def test_equal_weights_change_nothing(cases):
    weighted = [{**case, "weight": 2.5} for case in cases]
    plain = table_of(frame_of(cases), method=NET)
    other = table_of(frame_of(weighted, without=("entry_days",)), method=NET, weighted=True)
    assert_frame_equal(plain, other, rel_tol=1e-9, abs_tol=1e-13)


@given(some, st.sampled_from(["log", "log-log", "plain"]))
@few
def test_a_higher_level_is_wider_and_holds_the_estimate(cases, interval):
    levels = [
        table_of(frame_of(cases), interval=interval, level=level) for level in (0.5, 0.9, 0.99)
    ]
    for narrow, wide in pairwise(levels):
        assert narrow["estimate"].equals(wide["estimate"])
        for a, b in zip(narrow.iter_rows(named=True), wide.iter_rows(named=True), strict=True):
            if a["lower"] is None or a["estimate"] <= 0:  # a product below 0 turns them round
                continue
            assert b["lower"] <= a["lower"] <= a["estimate"] + 1e-15
            assert a["estimate"] <= a["upper"] + 1e-15 <= b["upper"] + 2e-15
            if a["se"] > 0 and a["events"]:
                assert b["lower"] < a["lower"]
                assert a["upper"] < b["upper"]


@given(some)
@few
def test_nothing_is_estimable_beyond_the_last_day_at_risk(cases):
    last = max(case["follow_up_days"] for case in cases)
    at = [last - 0.5, last, last + 0.25, last + 1]
    table = table_of(frame_of(cases), at_days=at, method=NET)
    for row in table.iter_rows(named=True):
        beyond = row["time_days"] > last
        assert (row["estimate"] is None) == beyond
        assert row["status"] == ("not estimable" if beyond else "ok")
        if beyond:
            assert row["reason"] == f"no one at risk from day {last + 1}"
            assert row["at_risk"] == 0


@given(some, st.permutations(NET), st.permutations(AT))
@few
def test_methods_keep_their_order_and_times_rise(cases, methods, at):
    table = table_of(frame_of(cases), method=methods, at_days=at)
    assert table["method"].to_list() == [method for method in methods for _ in AT]
    assert table["time_days"].to_list() == list(AT) * len(methods)
    alone = table_of(frame_of(cases), method=methods[0])
    assert table.filter(method=methods[0]).equals(alone)


@given(some)
@few
def test_one_class_of_all_weight_is_no_standard(cases):
    standard = Standard(name="one", age_lower=(0, 150), weights=(1.0, 0.0))
    plain = table_of(frame_of(cases), method=NET)
    for standardisation in ("classes", "individual"):
        one = table_of(
            frame_of(cases), method=NET, standard=standard, standardisation=standardisation
        )
        same = ("method", "time_days", "n", "at_risk", "events", "status", *NUMBERS)
        assert_frame_equal(one.select(same), plain.select(same), rel_tol=1e-9, abs_tol=1e-13)


@given(some)
@few
def test_observed_survival_needs_no_life_table_and_is_the_same(cases):
    frame = frame_of(cases)
    net = table_of(frame, method="observed")
    observed = observed_survival(frame.drop("sex", "age_days"), at_days=AT, days_per_year=D).table
    assert net.equals(observed)
