"""Rounded counts, against the reader who knows what every shown count can be."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from rarecare.disclosure import audit_rounded, rounded
from rarecare.errors import DisagreementError, UsageError

from . import tables
from .strongest import DIMENSIONS
from .test_audit import survival
from .test_protect import NUMBERS, by_area, incidence, shown
from .test_strongest_reader import UNIONS, atoms_of, one_breakdown

AREAS, ENTITIES = tables.areas(), tables.entities()


def released(rows, threshold=5, **choices):
    return rounded(rows, areas=AREAS, entities=ENTITIES, threshold=threshold, **choices).estimates


@pytest.mark.parametrize(
    ("n", "expected"), [(0, 0), (2, 0), (3, 5), (7, 5), (8, 10), (12, 10), (13, 15), (100, 100)]
)
def test_counts_are_the_nearest_multiple(n, expected):
    assert released(by_area(AA=n))["n"].to_list() == [expected]


def test_ties_go_up():
    rows = by_area(AA=9, BB=3)
    assert released(rows, 6)["n"].to_list() == [12, 6]


def test_a_crude_rate_is_that_of_the_rounded_count():
    # 12 cases in 10 000: shown as 10, so 100 per 100 000; se 1/10000 * sqrt(12) -> sqrt(10)
    rows = by_area(AA=12).with_columns(
        estimate=pl.lit(120.0), se=pl.lit(12**0.5 * 10), lower=pl.lit(62.0), upper=pl.lit(209.6)
    )
    row = released(rows).row(0, named=True)
    assert row["estimate"] == pytest.approx(100, rel=1e-12)
    assert row["se"] == pytest.approx(10**0.5 * 10, rel=1e-12)
    # 100 exp(-1.959964 * sqrt(10) / 10) = 53.806...; upper 185.85...
    assert row["lower"] == pytest.approx(100 * np.exp(-1.959963985 / 10**0.5), rel=1e-9)
    assert row["upper"] == pytest.approx(100 * np.exp(1.959963985 / 10**0.5), rel=1e-9)
    assert row["person_years"] == 1e4


def test_every_count_behind_a_shown_one_gives_the_same_row():
    rows = [
        by_area(AA=n).with_columns(estimate=pl.lit(10.0 * n), se=pl.lit(10.0 * n**0.5))
        for n in range(18, 23)
    ]
    first, *others = (released(one).select("n", *NUMBERS).row(0) for one in rows)
    for other in others:
        assert other == pytest.approx(first, rel=1e-12)


@pytest.mark.parametrize("n", range(8))
def test_rows_that_may_rest_on_few_are_withheld_alike(n):
    row = released(by_area(AA=n)).row(0, named=True)
    assert [row[name] for name in NUMBERS] == [None] * 4
    assert row["status"] == "withheld"
    assert row["reason"].startswith("cases, deaths or persons at risk are rounded to 5 or less")


def test_survival_and_its_limits_are_multiples():
    # 52 cases, shown as 50: multiples of 5/50; 0.5 from 0.4 to 0.6 stays, 0.53 from 0.41 to 0.68
    rows = survival(52, [(24, 22), (24, 22)]).with_columns(
        estimate=pl.Series([0.5, 0.53]), lower=pl.Series([0.4, 0.41]),
        upper=pl.Series([0.6, 0.68]), se=pl.Series([0.0512, 0.0707]),
    )  # fmt: skip
    out = released(rows)
    assert out["estimate"].to_list() == pytest.approx([0.5, 0.5], abs=1e-12)
    assert out["lower"].to_list() == pytest.approx([0.4, 0.4], abs=1e-12)
    assert out["upper"].to_list() == pytest.approx([0.6, 0.7], abs=1e-12)
    assert out["se"].to_list() == pytest.approx([0.052, 0.071], abs=1e-12)
    assert out.select("n", "events", "at_risk").rows() == [(50, 25, 20)] * 2


def test_a_share_is_that_of_the_two_rounded_counts():
    # 28 of 52 is 30 of 50
    rows = survival(60, [(28, 52)]).with_columns(
        unit=pl.lit("share"), time_years=pl.lit(None, pl.Float64), estimate=pl.lit(28 / 52),
        lower=pl.lit(0.41), upper=pl.lit(0.66),
    )  # fmt: skip
    row = released(rows).row(0, named=True)
    assert [row[name] for name in ("estimate", "lower", "upper")] == pytest.approx([0.6, 0.4, 0.7])


def test_a_standardised_rate_has_two_digits_and_a_remark_tells_no_count():
    rows = by_area(AA=42).with_columns(
        standard=pl.lit("esp2013"), estimate=pl.lit(41.2345), se=pl.lit(6.789),
        reason=pl.lit("age unknown in 3 of 45 cases: left out"),
    )  # fmt: skip
    row = released(rows).row(0, named=True)
    # 41.2345 * 40 / 42 = 39.27; 6.789 * sqrt(40 / 42) = 6.63, upwards
    assert (row["estimate"], row["se"]) == (39.0, 6.7)
    assert row["reason"] == "some cases are of unknown age"


def test_two_parts_that_their_total_narrows_go_with_it():
    # 3 and 3 of 6: shown as 5, 5 and 5 the parts would be 3 or 4
    rows = incidence(*(("01", "all", sex, "all", n)
                       for sex, n in [("all", 6), ("female", 3), ("male", 3)]))  # fmt: skip
    assert shown(released(rows), "sex") == {"all": None, "female": None, "male": None}


def test_parts_that_their_total_leaves_wide_stay():
    # 3 to 7 and 8 to 12 of 13 to 17
    rows = incidence(*(("01", "all", sex, "all", n)
                       for sex, n in [("all", 14), ("female", 4), ("male", 10)]))  # fmt: skip
    assert shown(released(rows), "sex") == {"all": 15, "female": 5, "male": 10}


def test_deaths_and_persons_at_risk_are_not_above_the_cases():
    # 12 cases, 4 dead, 8 at risk: shown as 10, 5, 10 the deaths are 3 or 4
    out = released(survival(12, [(4, 8)]))
    assert out.select("n", "events", "at_risk").rows() == [(10, None, None)]
    found = audit_rounded(
        out.with_columns(events=pl.lit(5, pl.Int64), at_risk=pl.lit(10, pl.Int64)), AREAS, ENTITIES
    )
    assert found.select("count", "least", "greatest").rows() == [("events", 3, 4)]


def test_the_audit_finds_what_is_not_rounded_and_what_stands_beside():
    found = audit_rounded(by_area(AA=12, BB=5), AREAS, ENTITIES)
    assert found.select("area", "how").rows() == [
        ("AA", "it is not rounded"), ("BB", "a statistic stands beside it"),
    ]  # fmt: skip


def test_the_audit_finds_narrow_windows_and_contradictions():
    def table(*counts):
        rows = zip(("all", "female", "male"), counts, strict=True)
        made = incidence(*(("01", "all", sex, "all", n) for sex, n in rows))
        gone = {name: pl.lit(None, pl.Float64) for name in NUMBERS}
        return made.with_columns(status=pl.lit("withheld"), reason=pl.lit("rounded"), **gone)

    found = audit_rounded(table(5, 5, 5), AREAS, ENTITIES)
    assert set(found.select("sex", "least", "greatest").rows()) == {
        ("female", 3, 4), ("male", 3, 4),
    }  # fmt: skip
    assert audit_rounded(table(10, 5, 5), AREAS, ENTITIES).is_empty()
    assert audit_rounded(table(0, 0, 0), AREAS, ENTITIES).is_empty()


def small_table(seed, mean):
    rows = tables.estimates(seed, mean, measures=("incidence",), keep=one_breakdown)
    return rows.filter(standard="none")


def pinned(rows, out, threshold):
    """Return counts shown as 0 or the threshold that all windows leave two values or one.

    Every table of cases by atom that agrees is looked at; relations are not known here.
    """
    held = np.array([atoms_of(tuple(r)) for r in rows.select(DIMENSIONS).iter_rows()], dtype=float)
    seen = out["n"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    known = ~np.isnan(seen)
    least = np.maximum(seen - threshold // 2, 0)[known]
    greatest = (seen + (threshold - 1) // 2)[known]
    matrix, limit = np.vstack([held[known], -held[known]]), np.concatenate([greatest, -least])
    wrong = []
    for place in np.flatnonzero(known & (seen <= threshold)):
        ends = []
        for sign in (1, -1):
            found = linprog(sign * held[place], A_ub=matrix, b_ub=limit, method="highs")
            assert found.status == 0, found.message
            ends.append(sign * found.fun)
        least_one, most = np.ceil(ends[0] - 1e-6), np.floor(ends[1] + 1e-6)
        if most - least_one < 2 and most >= 1 and least_one < threshold:
            wrong.append((rows.select(DIMENSIONS).row(place), least_one, most))
    return wrong


@pytest.mark.parametrize("seed", range(20))
def test_no_count_is_pinned_in_random_tables(seed):
    rng = np.random.default_rng(seed)
    rows, threshold = small_table(seed, rng.uniform(0.3, 3)), int(rng.integers(5, 9))
    out = released(rows, threshold, unions=UNIONS)
    assert pinned(rows, out, threshold) == []
    assert audit_rounded(out, AREAS, ENTITIES, threshold).is_empty()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20, 100))
def test_no_count_is_pinned_in_a_hundred_tables(seed):
    test_no_count_is_pinned_in_random_tables(seed)


def test_the_slow_reader_pins_what_is_rounded_alone():
    rows = small_table(1, 0.5)
    alone = rows.with_columns(n=(2 * pl.col("n") + 5) // 10 * 5)
    assert len(pinned(rows, alone, 5)) > 5


@given(st.integers(0, 10**6), st.floats(0.3, 8), st.integers(5, 12))
@settings(max_examples=10)
def test_laws(seed, mean, threshold):
    def keep(_entity, area, sex, age, period):
        cuts = (area != "all", sex != "all", age not in {"all", "15-99"})
        return "-" in period and sum(cuts) <= 1

    rows = tables.estimates(seed, mean, keep=keep)
    out = released(rows, threshold)
    for name in ("n", "events", "at_risk"):
        both = pl.DataFrame({"truth": rows[name], "seen": out[name]}).drop_nulls()
        assert (both["seen"] % threshold == 0).all()
        assert ((both["seen"] - both["truth"]).abs() * 2 <= threshold).all()
        assert (both.filter(truth=0)["seen"] == 0).all()  # zero stays zero
    ok = out.filter(status="ok")
    assert ((ok["lower"] <= ok["estimate"]) & (ok["estimate"] <= ok["upper"])).all()
    assert (ok["n"] > threshold).all()
    assert out.filter(pl.col("status") != "ok").select(pl.col(NUMBERS).is_null().all()).row(0) == (
        (True,) * 4
    )
    assert out["person_years"].equals(rows["person_years"])


@given(st.integers(0, 10**6), st.integers(5, 12))
@settings(max_examples=15)
def test_what_is_rounded_stays(seed, threshold):
    one = ("all", "all", "all", "75+", "2000")
    rows = tables.estimates(seed, 3, keep=lambda *cell: cell == one)
    once = released(rows, threshold)
    twice = released(once, threshold)
    assert twice.drop(NUMBERS).equals(once.drop(NUMBERS))
    for name in NUMBERS:  # the same products in another order
        one, other = (table[name].fill_null(0.0).to_numpy() for table in (once, twice))
        np.testing.assert_allclose(one, other, rtol=1e-9)


def test_a_threshold_of_one_changes_nothing():
    rows = by_area(AA=3, BB=12)
    assert released(rows, 1).equals(rows)


@pytest.mark.parametrize("threshold", [0, 2, 4, 2.5, True])
def test_thresholds_that_hide_too_little_are_refused(threshold):
    with pytest.raises(UsageError, match="from 5"):
        released(by_area(AA=3), threshold)


def test_parts_that_exceed_their_total_are_refused():
    with pytest.raises(DisagreementError, match="exceed"):
        released(by_area(AA=30, North=20))
