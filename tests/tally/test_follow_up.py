"""The follow-up tally against its slow twin, and its laws."""

import dataclasses
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare.errors import CaseError, DisagreementError, LifeTableError, UsageError
from rarecare.population.life_table import LifeTable
from rarecare.tally import Tally, add_pairwise
from rarecare.tally.engines import LocalEngine
from rarecare.tally.follow_up import ESTIMATORS, FollowUpPlan, tally_follow_up
from rarecare.tally.records import BLOCK_ROWS
from tests.reference import follow_up_twin

D = 365.25  # birthdays fall on whole days every four years: the hardest case for lookups
AGES, YEARS = range(60, 72), range(1999, 2004)
PEAK = 1e-12  # sums agree to this share of the peak whatever the order of summation


def hazard_of(sex, age, year):
    base = 0.02 * 1.25 ** (age - 60) * (1.1 if sex == "male" else 0.8)
    return base * (1 - 0.05 * (year - 1999))


TABLE = {(s, a, y): hazard_of(s, a, y) for s in ("male", "female") for a in AGES for y in YEARS}
LIFE_TABLE = LifeTable.read(
    pl.DataFrame([{"sex": s, "age": a, "year": y, "mx": m} for (s, a, y), m in TABLE.items()])
)


@st.composite
def a_case(draw):
    incidence = draw(
        st.one_of(
            st.dates(date(1998, 6, 1), date(2004, 6, 1)),
            st.sampled_from([date(2000, 2, 29), date(2000, 1, 1), date(1999, 12, 31)]),
        )
    )
    age_days = draw(
        st.one_of(
            st.integers(int(59 * D), int(73 * D)),
            st.sampled_from([int(64 * D), int(68 * D), int(68 * D) - 1, int(72 * D)]),
            st.integers(60, 70).map(lambda age: (age + 0.5) * D),
        )
    )
    follow_up = draw(st.one_of(st.integers(1, 900), st.sampled_from([1, 512, 513, 700, 701])))
    return {
        "sex": draw(st.sampled_from(["male", "female"])),
        "incidence_date": incidence,
        "age_days": float(age_days),
        "follow_up_days": follow_up,
        "died": draw(st.booleans()),
        "weight": draw(st.sampled_from([0.25, 1.0, 3.5])),
        "entry_days": draw(st.one_of(st.just(0), st.integers(0, 600))),
        "area": draw(st.sampled_from(["north", "south", None])),
    }


many = st.lists(a_case(), min_size=1, max_size=8)


def frame_of(cases):
    """The cases as a frame; an area that is null throughout is still text."""
    return pl.DataFrame(cases, schema_overrides={"area": pl.String})


def plan_for(**changes):
    settings_ = {
        "estimators": ESTIMATORS,
        "times": (30.0, 365.25, 511.75, 700.0),
        "days_per_year": D,
        "life_table": LIFE_TABLE.hash,
        "closing_date": "2006-12-31",
    }
    return FollowUpPlan(**(settings_ | changes))


def assert_same(tally, twin, *, tolerance=1e-10):
    """Counts equal; each sum within ``tolerance`` of the twin's, relative to its own size."""
    for name, array in tally.arrays.items():
        if name == "weight":
            continue
        expected = np.array(twin[name])
        if array.dtype == np.int64:
            np.testing.assert_array_equal(array[0], expected, err_msg=name)
        else:
            np.testing.assert_allclose(array[0], expected, rtol=tolerance, atol=1e-13, err_msg=name)


@given(many)
@settings(max_examples=120, deadline=None)
def test_cohort_agrees_with_the_twin(cases):
    frame = frame_of(cases).drop("entry_days", "weight")
    plain = [{**case, "entry_days": 0, "weight": 1.0} for case in cases]
    plan = plan_for()
    twin = follow_up_twin.follow_up(
        plain,
        TABLE,
        horizon=plan.horizon,
        days_per_year=D,
        closing_date=date(2006, 12, 31),
        times=plan.fractional,
    )
    assert_same(tally_follow_up(frame, plan, life_table=LIFE_TABLE), twin)


@given(many)
@settings(max_examples=120, deadline=None)
def test_late_entry_weights_and_window_agree_with_the_twin(cases):
    plan = plan_for(
        estimators=("pohar-perme", "ederer2"),
        window=("2000-02-29", "2001-12-31"),
        weighted=True,
    )
    twin = follow_up_twin.follow_up(
        cases,
        TABLE,
        horizon=plan.horizon,
        days_per_year=D,
        window=(date(2000, 2, 29), date(2001, 12, 31)),
        times=plan.fractional,
    )
    assert_same(tally_follow_up(frame_of(cases), plan, life_table=LIFE_TABLE), twin)


def test_steep_hazards_are_summed_day_by_day():
    # 1.5 a year is beyond the expansion (0.71 a year); half of 2 years' rows use each way
    table = {("male", a, y): 1.5 if a >= 61 else 0.3 for a in range(60, 63) for y in YEARS}
    life_table = LifeTable.read(
        pl.DataFrame([{"sex": s, "age": a, "year": y, "mx": m} for (s, a, y), m in table.items()])
    )
    cases = [
        {
            "sex": "male",
            "incidence_date": date(2000, 3, 1),
            "age_days": 60.4 * D,
            "follow_up_days": 690,
            "died": died,
        }
        for died in (True, False)
    ]
    plan = plan_for(life_table=life_table.hash, times=(365.25, 600.5, 690.0))
    twin = follow_up_twin.follow_up(
        cases,
        table,
        horizon=690,
        days_per_year=D,
        closing_date=date(2006, 12, 31),
        times=plan.fractional,
    )
    assert_same(tally_follow_up(frame_of(cases), plan, life_table=life_table), twin)


@pytest.mark.parametrize("late", [False, True], ids=["leaving", "entering"])
def test_one_case_left_after_thousands(late, rng):
    """All others leave within days of one another (or enter there): the sums of the one stay."""
    n = 200_000
    day = rng.integers(300, 310, n)
    one = {"age_days": 64 * D, "follow_up_days": 700, "entry_days": 0, "died": True}
    frame = pl.DataFrame(
        {
            "sex": "male",
            "incidence_date": date(2000, 1, 1),
            "age_days": np.append(rng.integers(int(60 * D), int(70 * D), n), one["age_days"]),
            "follow_up_days": np.append(np.full(n, 340) if late else day, 700),
            "entry_days": np.append(day if late else np.zeros(n, dtype=int), 0),
            "died": np.append(rng.random(n) < 0.5, True),
        }
    )
    plan = plan_for(estimators=("pohar-perme", "ederer2"), times=(700.0,))
    tally = tally_follow_up(frame, plan, life_table=LIFE_TABLE)
    alone = {**one, "sex": "male", "incidence_date": date(2000, 1, 1)}
    twin = follow_up_twin.follow_up([alone], TABLE, horizon=700, days_per_year=D)
    lonely = tally.arrays["at_risk"][0] == 1
    assert lonely[345:].all()
    assert not late or lonely[:299].all()
    for name in ("w_end", "w_start", "death_w", "death_w2"):
        np.testing.assert_allclose(
            tally.arrays[name][0][lonely], np.array(twin[name])[lonely], rtol=1e-10, err_msg=name
        )


@given(many, many, many)
@settings(max_examples=40, deadline=None)
def test_addition_is_associative_and_commutative(first, second, third):
    plan = plan_for(strata=("area",), estimators=("pohar-perme",))
    a, b, c = (
        tally_follow_up(frame_of(part).drop("entry_days"), plan, life_table=LIFE_TABLE)
        for part in (first, second, third)
    )
    for left, right in (((a + b) + c, a + (b + c)), (a + b, b + a)):
        assert left.strata.equals(right.strata)
        for name, array in left.arrays.items():
            if array.dtype == np.int64:
                np.testing.assert_array_equal(array, right.arrays[name])
            else:
                peak = np.abs(array).max(initial=0)
                assert np.abs(array - right.arrays[name]).max(initial=0) <= PEAK * peak


@given(many, many)
@settings(max_examples=40, deadline=None)
def test_the_whole_is_the_sum_of_its_parts(first, second):
    plan = plan_for(strata=("area", "sex"), estimators=("pohar-perme", "ederer2"))
    parts = [frame_of(part) for part in (first, second)]
    tallies = [tally_follow_up(part, plan, life_table=LIFE_TABLE) for part in parts]
    whole = tally_follow_up(pl.concat(parts), plan, life_table=LIFE_TABLE)
    total = add_pairwise(tallies)
    assert total.strata.equals(whole.strata)
    for name, array in whole.arrays.items():
        peak = np.abs(array).max(initial=0)
        np.testing.assert_allclose(total.arrays[name], array, rtol=0, atol=PEAK * peak)


@pytest.fixture(scope="module")
def large():
    """600 000 cases of two registries, more than one block in the larger one."""
    rng = np.random.default_rng(5)
    n = 600_000
    return pl.DataFrame(
        {
            "registry": np.where(rng.random(n) < 0.2, "A", "B"),
            "sex": np.where(rng.random(n) < 0.5, "male", "female"),
            "incidence_date": [date(1999, 1, 1) + timedelta(days=d) for d in range(1000)] * 600,
            "age_days": rng.integers(int(58 * D), int(74 * D), n),
            "follow_up_days": rng.integers(1, 1000, n),
            "died": rng.random(n) < 0.6,
        }
    )


@pytest.mark.parametrize(
    "engine",
    [LocalEngine(workers=2), LocalEngine(workers=7), LocalEngine(workers=2, processes=True)],
    ids=["2 threads", "7 threads", "2 processes"],
)
def test_engines_and_row_order_do_not_change_a_bit(large, engine):
    plan = plan_for(strata=("sex",), estimators=("pohar-perme", "ederer2"))
    alone = tally_follow_up(large, plan, life_table=LIFE_TABLE, engine=LocalEngine(workers=1))
    shuffled = large.sample(fraction=1, shuffle=True, seed=3)
    other = tally_follow_up(shuffled, plan, life_table=LIFE_TABLE, engine=engine)
    assert other.to_bytes() == alone.to_bytes()


def test_the_blocks_of_a_large_stratum_are_added(large):
    assert large.filter(registry="B").height > BLOCK_ROWS
    choices = {"estimators": ("pohar-perme",)}
    whole = tally_follow_up(large, plan_for(**choices), life_table=LIFE_TABLE)
    by_sex = tally_follow_up(large, plan_for(strata=("sex",), **choices), life_table=LIFE_TABLE)
    for name, array in by_sex.arrays.items():
        (own,) = whole.arrays[name]
        np.testing.assert_allclose(own, array.sum(axis=0), rtol=1e-11, err_msg=name)


def test_registries_apart_and_added_are_the_same_bits(large):
    plan = plan_for(strata=("sex",), estimators=("pohar-perme",))
    whole = tally_follow_up(large, plan, life_table=LIFE_TABLE)
    parts = [
        tally_follow_up(large.filter(registry=name), plan, life_table=LIFE_TABLE)
        for name in ("A", "B")
    ]
    assert add_pairwise(parts).to_bytes() == whole.to_bytes()


@given(many)
@settings(max_examples=20, deadline=None)
def test_bytes_give_the_tally_back(cases):
    plan = plan_for(strata=("area",))
    frame = frame_of(cases).drop("entry_days")
    tally = tally_follow_up(frame, plan, life_table=LIFE_TABLE)
    back = Tally.from_bytes(tally.to_bytes())
    assert back.plan_hash == tally.plan_hash
    assert back.strata.equals(tally.strata)
    for name, array in tally.arrays.items():
        np.testing.assert_array_equal(back.arrays[name], array)


def test_damaged_or_foreign_bytes_are_refused():
    tally = Tally("p", pl.DataFrame({"s": ["a"]}), {"n": np.array([1])})
    for data, words in [
        (b"PK\x03\x04", "not a tally of this version"),
        (tally.to_bytes()[:-3], "damaged"),
        (tally.to_bytes() + b"x", "bytes left over"),
    ]:
        with pytest.raises(ValueError, match=words):
            Tally.from_bytes(data)


def test_tallies_of_two_plans_do_not_add():
    one = Tally("p", pl.DataFrame({"s": ["a"]}), {"n": np.array([1])})
    with pytest.raises(DisagreementError, match="two plans"):
        one + dataclasses.replace(one, plan_hash="q")


def test_the_plan_hash_changes_with_every_choice():
    base = plan_for()
    others = [
        plan_for(strata=("sex",)),
        plan_for(times=(30.0,)),
        plan_for(days_per_year=365.2425),
        plan_for(closing_date="2007-12-31"),
        plan_for(weighted=True),
    ]
    assert len({base.hash, *(plan.hash for plan in others)}) == 6
    assert plan_for().hash == base.hash


def test_two_words_where_one_is_too_narrow(rng):
    """Wide ranges (ages of any fraction, dates over centuries, weights) take two words."""
    n = 500
    frame = pl.DataFrame(
        {
            "sex": "male",
            "incidence_date": [date(1800, 1, 1) + timedelta(days=int(d) * 150) for d in range(n)],
            "age_days": rng.uniform(60 * D, 70 * D, n),
            "follow_up_days": rng.integers(1, 700, n),
            "entry_days": 0,
            "died": rng.random(n) < 0.5,
            "weight": rng.uniform(0.5, 2, n),
            "id": rng.permutation(n),
            "more": rng.permutation(n),
        }
    )
    plan = plan_for(strata=("id", "more"), estimators=("pohar-perme",), weighted=True)
    tally = tally_follow_up(frame, plan, life_table=LIFE_TABLE)
    assert tally.strata.equals(frame.select("id", "more").sort("id", "more"))
    total = tally_follow_up(frame, plan_for(weighted=True), life_table=LIFE_TABLE)
    np.testing.assert_allclose(
        tally.arrays["w_end"].sum(axis=0), total.arrays["w_end"][0], rtol=1e-11
    )


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"sex": "other"}, LifeTableError, "no rows for a case.*sex other.*sex male"),
        ({"died": None}, CaseError, "died is unknown for 1 cases"),
        ({"weight": 0.0}, CaseError, "weight is not positive"),
    ],
)
def test_cases_that_cannot_be_followed_are_named(change, error, words):
    case = {
        "sex": "male",
        "incidence_date": date(2000, 1, 1),
        "age_days": 62 * D,
        "follow_up_days": 10,
        "died": True,
        "weight": 1.0,
    }
    frame = pl.DataFrame([case | change], schema_overrides={"died": pl.Boolean})
    plan = plan_for(estimators=("pohar-perme",), weighted=True)
    with pytest.raises(error, match=words):
        tally_follow_up(frame, plan, life_table=LIFE_TABLE)


def test_impossible_plans_are_refused():
    with pytest.raises(UsageError, match="late entry"):
        plan_for(window=("2000-01-01", "2000-12-31"))
    with pytest.raises(UsageError, match="Did you mean 'hakulinen'"):
        plan_for(estimators=("hakulinnen",))
    with pytest.raises(UsageError, match="closing date"):
        plan_for(closing_date=None)
    with pytest.raises(UsageError, match="life table"):
        plan_for(life_table=None)
