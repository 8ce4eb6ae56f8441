"""Whatever the data, a number or a reason: no nan, no traceback."""

from datetime import date
from math import isfinite

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare import read_cases
from rarecare.errors import CaseError, LifeTableError, RarecareError
from rarecare.survival import (
    Standard,
    cause_specific_survival,
    conditional_survival,
    crude_mortality,
    expected_survival,
    interval_survival,
    life_years,
    net_survival,
    net_survival_test,
    observed_survival,
    survival_contrasts,
)
from rarecare.survival.methods import NET
from tests.survival.invented import NONE, STEEP, D, a_case, frame_of, life_table, some

TABLES = (life_table(STEEP), life_table(NONE))
NUMBERS = ("estimate", "se", "lower", "upper", "statistic", "p_value", "expected", "observed")

few = st.lists(a_case(), min_size=1, max_size=4)
fates = st.sampled_from(["as drawn", "all dead", "all alive", "all on one day", "one case"])
at_days = st.lists(
    st.one_of(st.sampled_from([0.0, 0.5, 1.0, 60.0, 61.0, 400.0]), st.floats(0, 80)),
    min_size=1, max_size=4, unique=True,
)  # fmt: skip


def assert_told(table):
    """Nothing is nan; what is missing has a reason; what has a status has one of the words."""
    for row in table.iter_rows(named=True):
        assert row["status"] in ("ok", "not estimable")
        given_numbers = [row[name] for name in NUMBERS if name in row]
        assert all(x is None or isfinite(x) for x in given_numbers), row
        if row["status"] == "not estimable" or None in given_numbers:
            assert row["reason"], row
        if row["status"] == "not estimable" and "estimate" in row:
            assert row["estimate"] is None


def fated(cases, fate):
    frame = frame_of(cases).with_columns(died_of_cancer=pl.col("died"))
    if fate == "all dead":
        return frame.with_columns(died=pl.lit(value=True), died_of_cancer=pl.lit(value=False))
    if fate == "all alive":
        return frame.with_columns(died=pl.lit(value=False), died_of_cancer=pl.lit(value=False))
    if fate == "all on one day":
        return frame.with_columns(died=pl.lit(value=True), follow_up_days=pl.lit(1))
    return frame.head(1) if fate == "one case" else frame


@given(
    few, fates, at_days, st.sampled_from(TABLES), st.sampled_from([(), ("sex",), ("area", "sex")]),
    st.sampled_from(["log", "log-log", "plain", None]),
    st.sampled_from(["exponential", "product"]),
    st.sampled_from(["not estimable", "collapse", "individual"]),
    st.sampled_from([None, Standard(name="two", age_lower=(0, 65), weights=(0.5, 0.5))]),
    st.sampled_from([0, 2]),
)  # fmt: skip
@settings(max_examples=150)
def test_every_door_says_why(
    cases, fate, at, table, by, interval, form, when_empty, standard, min_at_risk
):
    frame = fated(cases, fate)
    choices = {
        "by": by, "days_per_year": D, "interval": interval, "standard": standard,
        "min_at_risk": min_at_risk, "allow_outside": 1.0,
    }  # fmt: skip
    timed = {**choices, "at_days": at, "when_empty": when_empty, "form": form}
    assert_told(net_survival(frame, table, method=NET, **timed).table)
    assert_told(observed_survival(frame, **timed).table)
    assert_told(cause_specific_survival(frame, **timed).table)
    assert_told(crude_mortality(frame, table, **timed).table)
    assert_told(crude_mortality(frame, causes="recorded", **timed).table)
    assert_told(life_years(frame, table, **timed).table)
    assert_told(conditional_survival(frame, table, given=[0, 0.1], ahead=[0.05], **choices).table)
    assert_told(
        conditional_survival(frame, method="observed", given=[0.1], ahead=[0.05], **choices).table
    )


@given(few, fates, at_days, st.sampled_from(TABLES))
@settings(max_examples=40)
def test_expected_test_and_contrasts_say_why(cases, fate, at, table):
    frame = fated(cases, fate)
    choices = {"days_per_year": D, "allow_outside": 1.0}
    assert_told(expected_survival(frame, table, at_days=at, **choices).table)
    by_sex = net_survival(frame, table, by="sex", at_days=at, method=NET, **choices)
    assert_told(survival_contrasts(by_sex, across="sex").table)
    for horizon in (None, 0.1):
        try:
            result = net_survival_test(frame, table, groups="sex", horizon=horizon, **choices)
        except RarecareError as error:
            assert "two groups or more" in str(error)  # noqa: PT017 - the only legal refusal
        else:
            assert_told(result.table)


@given(some, st.data())
@settings(max_examples=60)
def test_windows_anywhere_give_rows_or_a_named_error(cases, data):
    first = data.draw(st.dates(date(1997, 1, 1), date(2005, 1, 1)))
    last = data.draw(st.dates(first, date(2006, 1, 1)))
    choices = {"window": (first, last), "days_per_year": D, "allow_outside": 1.0}
    if data.draw(st.booleans()):
        start = data.draw(st.dates(date(1997, 1, 1), last))
        choices["incidence"] = (start, data.draw(st.dates(start, date(2006, 1, 1))))
    if data.draw(st.booleans()):
        choices["when_empty"] = "widen"
    try:
        assert_told(net_survival(frame_of(cases), TABLES[0], at_days=[1, 30], **choices).table)
    except CaseError as error:
        assert any(  # noqa: PT017 - one of two named refusals
            words in str(error)
            for words in ("no case was followed within the window", "no case was diagnosed")
        )


def raw(**columns):
    base = {
        "sex": ["1", "2", "1"],
        "age": ["61", "62", "63"],
        "incidence_date": ["2000-01-10", "2000-02-10", "2000-03-10"],
        "last_date": ["2001-01-10", "2001-02-10", "2001-03-10"],
        "vital_status": ["dead", "alive", "dead"],
        "topography": ["C40"] * 3,
        "morphology": ["9180"] * 3,
        "behaviour": ["3"] * 3,
    }
    return read_cases(pl.DataFrame(base | columns))


def test_follow_up_before_incidence_is_refused_or_counted():
    cases = raw(last_date=["1999-01-10", "2001-02-10", "2001-03-10"])
    with pytest.raises(CaseError, match="last_date is before incidence_date"):
        net_survival(cases, TABLES[0], at=[0.5], days_per_year=D)
    result = net_survival(cases, TABLES[0], at=[0.5], days_per_year=D, bad_rows="exclude")
    assert_told(result.table)
    assert result.table["n"][0] == 2
    counted = result.provenance.exclusions.filter(pl.col("reason").str.contains("follow-up"))
    assert counted["records"].sum() == 1


def test_a_missing_last_date_is_counted():
    cases = raw(last_date=[None, "2001-02-10", "2001-03-10"])
    result = net_survival(cases, TABLES[0], at=[0.5], days_per_year=D)
    assert result.table["n"][0] == 2
    assert result.provenance.exclusions["records"].to_list()[0] == 3


def test_a_life_table_that_lacks_a_key_names_it():
    men = TABLES[0]
    from rarecare.population.life_table import LifeTable  # noqa: PLC0415

    only_men = LifeTable.read(
        pl.DataFrame(
            [{"sex": "male", "age": a, "year": y, "mx": 0.1}
             for a in range(60, 72) for y in range(1999, 2004)]
        )
    )  # fmt: skip
    assert men.keys == only_men.keys
    with pytest.raises(LifeTableError, match=r"no rows for a case.*sex female.*Add them"):
        net_survival(raw(), only_men, at=[0.5], days_per_year=D)


@pytest.mark.parametrize("days", [[-5, 3, 3], [0, 3, 3]])
def test_follow_up_of_no_day_is_refused(days):
    frame = pl.DataFrame(
        {
            "sex": ["male"] * 3,
            "incidence_date": date(2000, 1, 1),
            "age_days": 61 * D,
            "follow_up_days": days,
            "died": [True, False, True],
        }
    )
    with pytest.raises(CaseError, match=f"got {days[0]}|less than one day"):
        net_survival(frame, TABLES[0], at=[0.5], days_per_year=D)


def test_no_case_at_all_is_named():
    nobody = frame_of([{"sex": "male", "incidence_date": date(2000, 1, 1), "age_days": 61 * D,
                        "follow_up_days": 3, "died": True}], without=()).clear()  # fmt: skip
    with pytest.raises(CaseError, match="no cases to follow"):
        net_survival(nobody, TABLES[0], at=[0.5], days_per_year=D)
    with pytest.raises(CaseError, match="no cases to follow"):
        interval_survival(nobody, TABLES[0], breaks="0(1)2")
