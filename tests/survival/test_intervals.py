"""Breaks and interval life tables: by hand, against the slow twin, additive, never silent."""

from datetime import date
from math import exp, inf, isfinite, log, sqrt

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare import net_survival
from rarecare.errors import CaseError, ColumnError, UsageError
from rarecare.survival import interval_survival
from rarecare.survival.breaks import checked_breaks, parse_breaks
from rarecare.tally.engines import LocalEngine
from rarecare.tally.intervals import IntervalPlan, tally_intervals
from tests.reference import interval_twin
from tests.survival.invented import AGES, SEXES, STEEP, D, frame_of, life_table, some
from tests.survival.invented import YEARS as CALENDAR

TABLE = life_table(STEEP)
ALL = ("observed", "ederer2", "ederer1", "hakulinen", "pohar-perme")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0(1)3", (0, 1, 2, 3)),
        ("0(.5)1,1(1)3", (0, 0.5, 1, 2, 3)),
        ("0(1/12)0.25", (0, 1 / 12, 2 / 12, 0.25)),
        ("0 1 2 5", (0, 1, 2, 5)),
        ("0, 1/12, 1/4, 1", (0, 1 / 12, 0.25, 1)),
    ],
)
def test_breaks_as_strs_writes_them(text, expected):
    assert parse_breaks(text) == expected


def test_twelve_twelfths_are_one():
    assert parse_breaks("0(1/12)1,1(1)10") == (*(k / 12 for k in range(12)), *range(1, 11))


@pytest.mark.parametrize(
    "text", ["", "1(1)3", "0(0.3)1", "0(0)1", "0(1/0)1", "0(1)", "a", "0 2 1", "0", "0(-1)3"]
)
def test_breaks_that_cannot_be(text):
    with pytest.raises(UsageError, match=r"breaks|step"):
        parse_breaks(text)


def test_numbers_are_checked_too():
    with pytest.raises(UsageError, match="rise from 0"):
        checked_breaks([0, inf])


FOUR = pl.DataFrame(
    {
        "sex": ["male", "male", "female", "female"],
        "time_years": [0.5, 1.0, 1.5, 2.0],
        "age_years": [60.0, 60.0, 61.0, 61.0],
        "diagnosis_year": [2000.0] * 4,
        "died": [True, False, False, True],
    }
)


def test_a_life_table_by_hand():
    table = interval_survival(FOUR, TABLE, breaks="0(1)2", method=ALL[:2]).table
    first, second = table.filter(method="observed").rows(named=True)
    # n 4, one dead; the one censored at 1.0 has not withdrawn in the first year
    assert (first["n"], first["deaths"], first["withdrawn"], first["person_years"]) == (
        4,
        1,
        0,
        3.5,
    )
    assert (second["n"], second["deaths"], second["withdrawn"]) == (2, 1, 1)
    assert first["observed"] == 3 / 4
    assert second["observed"] == pytest.approx(1 - 1 / 1.5)
    man, woman = STEEP["male", 60, 2000], STEEP["female", 61, 2000]
    p_star = (2 * exp(-man) + 2 * exp(-woman)) / 4
    assert first["expected"] == pytest.approx(p_star, rel=1e-14)
    relative = table.filter(method="ederer2").row(0, named=True)
    assert relative["estimate"] == pytest.approx(0.75 / p_star, rel=1e-14)
    greenwood = 1 / (4 * 3)
    assert relative["se"] == pytest.approx(0.75 * sqrt(greenwood) / p_star, rel=1e-14)
    power = exp(-1.959963984540054 * sqrt(greenwood) / abs(log(0.75)))
    assert relative["upper"] == pytest.approx(0.75**power / p_star, rel=1e-12)


@pytest.mark.parametrize("method", ["observed", "ederer2", "ederer1"])
def test_no_deaths_no_interval(method):
    table = interval_survival(
        FOUR.with_columns(died=pl.lit(value=False)), TABLE, breaks="0(1)2", method=method
    ).table
    assert table["lower"].null_count() == table["upper"].null_count() == 2
    assert table["reason"].to_list() == ["no deaths: no interval"] * 2


def test_popepi_goes_on_when_everyone_has_died():
    one = FOUR.head(1)
    row = interval_survival(
        one, TABLE, breaks="0(1)1", convention="popepi", method="ederer2"
    ).table.row(0, named=True)
    expected = 0.5 * STEEP["male", 60, 2000]  # d*, of half a year
    assert row["estimate"] == pytest.approx(expected, rel=1e-12)  # 1 - (1 - d*)/1
    assert row["reason"] is not None


def test_limits_of_an_estimate_just_below_one():
    cases = pl.DataFrame(
        {"sex": ["female"] * 3, "age_years": [60.0] * 3, "diagnosis_year": [1999.0] * 3,
         "time_years": [1.0, 1.0, 0.5], "died": [False, False, True]}
    )  # fmt: skip
    stay = 2.5
    level = STEEP["female", 60, 1999] * stay  # as many expected as died, all but 1e-9
    table = life_table({key: value * (1 - 1e-9) / level for key, value in STEEP.items()})
    row = interval_survival(
        cases, table, breaks="0(1)1", convention="popepi", form="hazard", method="ederer2"
    ).table.row(0, named=True)
    assert 0.999 < row["estimate"] < 1
    assert (row["lower"], row["upper"]) == (0, 1)


@st.composite
def tabulated(draw):
    return {
        "sex": draw(st.sampled_from(SEXES)),
        "age_years": float(draw(st.integers(AGES[0], AGES[-1]))),
        "diagnosis_year": draw(st.sampled_from([float(y) for y in CALENDAR] + [2000.5])),
        "time_years": draw(st.sampled_from([0.1, 0.5, 1.0, 1.25, 2.0, 2.5, 3.0])),
        "died": draw(st.booleans()),
        "entry_years": draw(st.sampled_from([0.0, 0.0, 0.25, 1.0])),
        "area": draw(st.sampled_from(["north", "south"])),
    }


@given(
    st.lists(tabulated(), min_size=1, max_size=10),
    st.sampled_from(["0(1)3", "0(0.5)1,1(1)3"]),
    st.sampled_from(["actuarial", "hazard"]),
)
@settings(max_examples=80)
def test_the_slow_twin_agrees(cases, breaks, form):
    if form == "actuarial":
        cases = [{**case, "entry_years": 0.0} for case in cases]
    points = parse_breaks(breaks)
    rows = interval_twin.life_table(cases, STEEP, points, form=form)
    table = interval_survival(
        pl.DataFrame(cases), TABLE, breaks=breaks, form=form,
        method=("observed", "ederer2", "pohar-perme"), allow_outside=1,
    ).table  # fmt: skip
    parts = {m: t for (m,), t in table.group_by("method", maintain_order=True)}
    for place, row in enumerate(rows):
        observed, e2, pp = (
            parts[m].row(place, named=True) for m in ("observed", "ederer2", "pohar-perme")
        )
        for name in ("n", "deaths", "withdrawn", "person_years", "observed", "expected"):
            assert observed[name] == pytest.approx(row[name], rel=1e-9, abs=1e-12)
        assert observed["estimate"] == pytest.approx(row["cp"], rel=1e-9, abs=1e-12)
        assert e2["estimate"] == pytest.approx(row["cr_e2"], rel=1e-9, abs=1e-12)
        assert pp["estimate"] == pytest.approx(row["cns_pp"], rel=1e-9, abs=1e-12)
        if row["cns_pp"] > 1e-9:
            assert pp["se"] == pytest.approx(row["cns_pp"] * sqrt(row["var_pp"]), rel=1e-8)
        if row["cp"] > 1e-9:
            assert observed["se"] == pytest.approx(row["cp"] * sqrt(row["var_cp"]), rel=1e-8)


@given(
    st.lists(tabulated(), min_size=1, max_size=6),
    st.sampled_from(["strs", "popepi"]),
    st.sampled_from(["actuarial", "hazard"]),
    st.sampled_from(["log", "log-log", "plain"]),
    st.sampled_from([None, {0: 1, 65: 1}]),
    st.sampled_from([(), ("area",)]),
)
@settings(max_examples=80)
def test_nothing_is_missing_without_a_reason(cases, convention, form, interval, standard, by):
    if form == "actuarial":
        cases = [{**case, "entry_years": 0.0} for case in cases]
    late = any(case["entry_years"] > 0 for case in cases)
    whole = convention == "strs" and not late
    methods = ALL if whole else ("observed", "ederer2", "pohar-perme")
    frame = pl.DataFrame(cases).with_columns(potential_years=pl.lit(3.0))
    table = interval_survival(
        frame, TABLE, breaks="0(0.5)3", convention=convention, form=form, interval=interval,
        method=methods, standard=standard, by=by, allow_outside=1,
    ).table  # fmt: skip
    for row in table.iter_rows(named=True):
        numbers = [row[name] for name in ("estimate", "se", "lower", "upper")]
        assert all(x is None or isfinite(x) for x in numbers)
        assert (row["status"] == "ok") == (row["estimate"] is not None)
        if None in numbers:
            assert row["reason"], row


def test_tallies_add_and_engines_agree():
    frame = pl.DataFrame(
        [{"sex": s, "age_years": 60.0 + k, "diagnosis_year": 2000.0, "time_years": 0.3 * k + 0.1,
          "died": k % 2 == 0, "area": "north" if k < 5 else "south"}
         for k in range(10) for s in SEXES]
    )  # fmt: skip
    plan = IntervalPlan(strata=("sex",), breaks=parse_breaks("0(1)3"), life_table=TABLE.hash)
    whole = tally_intervals(frame, plan, life_table=TABLE)
    parts = [tally_intervals(part, plan, life_table=TABLE) for part in frame.partition_by("area")]
    added = parts[0] + parts[1]
    for name, array in whole.arrays.items():
        assert added.arrays[name] == pytest.approx(array, rel=1e-13)
    one = tally_intervals(frame, plan, life_table=TABLE, engine=LocalEngine(workers=1))
    assert all((one.arrays[name] == array).all() for name, array in whole.arrays.items())


@given(some)
@settings(max_examples=20)
def test_narrow_intervals_come_to_the_exact_estimate(cases):
    """The hazard form at every day is the daily estimator, up to its step of a day."""
    day = pl.col("incidence_date").dt
    frame = frame_of(cases).with_columns(
        age_years=pl.col("age_days") / D,
        time_years=pl.col("follow_up_days") / D,
        diagnosis_year=day.year() + (day.ordinal_day() - 1) / D,
    )
    days = 60
    exact = net_survival(
        frame, TABLE, at_days=[days], days_per_year=D, method="pohar-perme", allow_outside=1
    ).table.row(0, named=True)
    table = interval_survival(
        frame, TABLE, breaks=[k / D for k in range(days + 1)], form="hazard", days_per_year=D,
        convention="popepi", method="pohar-perme", allow_outside=1,
    ).table  # fmt: skip
    row = table.row(days - 1, named=True)
    assert (row["estimate"] is None) == (exact["estimate"] is None)
    if row["estimate"]:
        assert row["estimate"] == pytest.approx(exact["estimate"], rel=2e-3)


def test_cases_of_a_registry_need_nothing_more():
    frame = pl.DataFrame(
        {
            "sex": ["male", "female"], "age": [61, 62], "incidence_date": date(2000, 5, 1),
            "follow_up_days": [400, 300], "died": [True, False],
        }
    )  # fmt: skip
    table = interval_survival(frame, TABLE, breaks="0(1)2", method=ALL).table
    assert table.filter(method="ederer2")["n"].to_list() == [2, 1]


@pytest.mark.parametrize(
    ("choices", "error", "words"),
    [
        ({"form": "actuarialx"}, UsageError, "Did you mean 'actuarial'"),
        ({"convention": "stata"}, UsageError, "strs, popepi"),
        ({"convention": "popepi", "method": "hakulinen"}, UsageError, "no such methods"),
        ({"method": "hakulinen"}, ColumnError, "potential_years"),
        ({"interval": "loglog"}, UsageError, "Did you mean 'log-log'"),
        ({"level": 95}, UsageError, "0 to 1"),
        ({"entry": 0.5}, UsageError, "form='hazard'"),
        ({"drop": "age_years"}, ColumnError, "needs age_years"),
        ({"time": -1.0}, CaseError, "negative"),
        ({"entry": 0.25, "form": "hazard", "method": "ederer1"}, UsageError, "late entry"),
        ({"potential": 0.1, "method": "hakulinen"}, CaseError, "ends before"),
        ({"died": [2, 0, 0, 1]}, CaseError, "true or false"),
        ({"died": [True, None, False, True]}, CaseError, "1 unknown"),
    ],
)
def test_what_is_refused(choices, error, words):
    given_choices = dict(choices)
    frame = FOUR
    if "entry" in given_choices:
        frame = frame.with_columns(entry_years=pl.lit(given_choices.pop("entry")))
    if "drop" in given_choices:
        frame = frame.drop(given_choices.pop("drop"))
    if "potential" in given_choices:
        frame = frame.with_columns(potential_years=pl.lit(given_choices.pop("potential")))
    if "died" in given_choices:
        frame = frame.with_columns(died=pl.Series(given_choices.pop("died")))
    if "time" in given_choices:
        frame = frame.with_columns(time_years=pl.lit(given_choices.pop("time")))
    with pytest.raises(error, match=words):
        interval_survival(frame, TABLE, breaks="0(1)2", **given_choices)
