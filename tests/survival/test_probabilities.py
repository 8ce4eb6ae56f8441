"""Probabilities of death and years: by hand, against the slow twin, and their laws."""

from datetime import date
from math import log, sqrt

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare.errors import CaseError, CodeError, ColumnError, UsageError
from rarecare.population.life_table import LifeTable
from rarecare.survival import (
    cause_specific_survival,
    crude_mortality,
    expected_survival,
    life_years,
    life_years_lost,
    observed_survival,
)
from tests.reference import survival_twin
from tests.survival.invented import DOUBLING as HALVING
from tests.survival.invented import FOUR as FOUR_CASES
from tests.survival.invented import STEEP, D, frame_of, life_table, some

STEEP_TABLE = life_table(STEEP)
L = log(2)
FOUR = FOUR_CASES.with_columns(died_of_cancer=pl.Series([True, False, False, False]))


def values(result):
    return {
        (row["method"], row["time_days"]): (row["estimate"], row["se"])
        for row in result.table.iter_rows(named=True)
    }


def test_crude_probabilities_by_hand():
    # Y = 4, 3, 2; dN/Y = 0, 1/3, 1/2; Σλ/Y = L·(1/2, 1/3, 1/2); S before = 1, 1, 2/3
    other = L * (1 / 2 + 1 / 3 + 2 / 3 / 2)
    dead = 1 / 3 + 2 / 3 / 2
    found = values(crude_mortality(FOUR, HALVING, at_days=[2.5, 3], days_per_year=365.25))
    assert found["crude-other", 3][0] == pytest.approx(other, rel=1e-14)
    assert found["crude-cancer", 3][0] == pytest.approx(dead - other, rel=1e-14)
    assert found["crude-other", 2.5][0] == pytest.approx(L * (1 / 2 + 1 / 3 + 1 / 6), rel=1e-14)
    # Var F_P(3) = (F_P(3) − F_P(2))²·1/9 + 0·1/4; F_E: (S(s) − (F_E(3) − F_E(s)))² dN/Y²
    later = L / 3
    assert found["crude-other", 3][1] == pytest.approx(later / 3, rel=1e-13)
    second = 2 / 3 - (1 / 3 - later)
    assert found["crude-cancer", 3][1] == pytest.approx(
        sqrt(second**2 / 9 + (1 / 3) ** 2 / 4), rel=1e-13
    )


def test_recorded_causes_by_hand():
    found = values(crude_mortality(FOUR, causes="recorded", at_days=[3]))
    # the woman dead on day 2 did not die of cancer, the man on day 3 did
    assert found["recorded-other", 3][0] == pytest.approx(1 / 3, rel=1e-15)
    assert found["recorded-cancer", 3][0] == pytest.approx(2 / 3 / 2, rel=1e-15)
    alone = values(cause_specific_survival(FOUR, at_days=[3]))
    assert alone["cause-specific", 3] == pytest.approx((1 / 2, 1 / 2 * sqrt(1 / 2)), rel=1e-14)


def test_years_by_hand():
    # S: 1 to day 2, 2/3 to day 3. Lived 2 + 2/3 days; lost to each cause: F(2) for one day.
    found = values(life_years(FOUR, HALVING, at_days=[3], days_per_year=365.25))
    assert found["restricted-mean", 3][0] * 365.25 == pytest.approx(8 / 3, rel=1e-14)
    other = L / 2 + (L / 2 + L / 3)
    assert found["years-lost-other", 3][0] * 365.25 == pytest.approx(other, rel=1e-14)
    assert found["years-lost-cancer", 3][0] * 365.25 == pytest.approx(1 / 3 - other, rel=1e-13)
    # lived after day 2: 2/3 of a day, times √(1/(3·2)); expected 1, 3/4, 5/8, 9/16 by trapezia
    assert found["restricted-mean", 3][1] * 365.25 == pytest.approx(2 / 3 / sqrt(6), rel=1e-14)
    lived = (1 + 3 / 4) / 2 + (3 / 4 + 5 / 8) / 2 + (5 / 8 + 9 / 16) / 2
    assert found["years-difference", 3][0] * 365.25 == pytest.approx(lived - 8 / 3, rel=1e-13)


def test_expected_survival_by_hand():
    table = expected_survival(FOUR, HALVING, at_days=[1, 2], days_per_year=365.25).table
    found = {(row["method"], row["time_days"]): row for row in table.iter_rows(named=True)}
    assert found["expected-alive", 1]["estimate"] == pytest.approx(3, rel=1e-14)
    assert found["expected-alive", 2]["estimate"] == pytest.approx(2.5, rel=1e-14)
    assert found["expected", 2]["estimate"] == pytest.approx(2.5 / 4, rel=1e-14)
    assert "fewer than 10" in found["expected-alive", 1]["reason"]
    # half live on for ever: 100 years; the others ∫ 2^−t by trapezia over days: 1/2 + Σ 2^−d
    last = found["expected-years", 36525]["estimate"]
    assert last == pytest.approx((100 + 1.5 / 365.25) / 2, rel=1e-9)
    assert table["status"].unique().to_list() == ["ok"]


@given(some, st.lists(st.integers(1, 62), min_size=1, max_size=3, unique=True), st.randoms())
@settings(max_examples=60)
def test_the_slow_twin_agrees(cases, at, random):
    plain = [
        {**case, "weight": 1.0, "entry_days": 0, "of_cancer": random.random() < 0.5}
        for case in cases
    ]
    frame = frame_of(cases).with_columns(
        died_of_cancer=pl.Series([case["of_cancer"] for case in plain])
    )
    kept = survival_twin.prepare(plain, STEEP, horizon=80, days_per_year=D)
    common = {"at_days": at, "days_per_year": D}
    found = values(crude_mortality(frame, STEEP_TABLE, allow_outside=1, **common))
    found |= values(crude_mortality(frame, causes="recorded", **common))
    for (method, t), (value, se) in found.items():
        expected, variance, _ = survival_twin.deaths_by_cause(kept, int(t), method=method)
        if value is None:
            continue
        assert value == pytest.approx(expected, rel=1e-9, abs=1e-12)
        assert se == pytest.approx(sqrt(max(variance, 0)), rel=1e-6, abs=1e-7)
    years = values(life_years(frame, STEEP_TABLE, allow_outside=1, **common))
    for (method, t), (value, se) in years.items():
        if value is None or method == "years-difference":
            continue
        expected, variance = survival_twin.years_until(kept, int(t), method=method, days_per_year=D)
        assert value == pytest.approx(expected, rel=1e-9, abs=1e-12)
        assert se == pytest.approx(sqrt(max(variance, 0)), rel=1e-6, abs=1e-7)


@given(some)
@settings(max_examples=40)
def test_deaths_and_survival_add_up(cases):
    at = [1, 7.25, 30, 61]
    frame = frame_of(cases)
    choices = {"at_days": at, "days_per_year": D}
    observed = values(observed_survival(frame, **choices))
    crude = values(crude_mortality(frame, STEEP_TABLE, allow_outside=1, **choices))
    years = values(life_years(frame, STEEP_TABLE, allow_outside=1, **choices))
    for t in map(float, at):
        alive = observed["observed", t][0]
        cancer, other = crude["crude-cancer", t][0], crude["crude-other", t][0]
        if alive is not None and cancer is not None:
            assert alive + cancer + other == pytest.approx(1, abs=1e-12)
        parts = [years[f"{name}", t][0] for name in (
            "restricted-mean", "years-lost-cancer", "years-lost-other")]  # fmt: skip
        if None not in parts and t == int(t):
            assert sum(parts) * D == pytest.approx(t, rel=1e-10)


def test_without_other_deaths_both_forms_agree():
    none = LifeTable.read(
        pl.DataFrame(
            [{"sex": s, "age": a, "year": 2000, "haz_per_day": 0.0}
             for s in ("male", "female") for a in range(60, 63)]
        )
    )  # fmt: skip
    all_cancer = FOUR.with_columns(died_of_cancer="died")
    relative = values(crude_mortality(FOUR, none, at_days=[2, 3], days_per_year=365.25))
    recorded = values(crude_mortality(all_cancer, causes="recorded", at_days=[2, 3]))
    for day in (2.0, 3.0):
        assert relative["crude-cancer", day][0] == recorded["recorded-cancer", day][0]
        assert recorded["recorded-other", day] == (0, 0)


@pytest.mark.parametrize(
    ("causes", "expected"),
    [
        (["cancer", "OTHER", None, None], [True, False]),
        (["C56", "I21.9", None, None], [True, False]),
        (["183", "410", None, None], [True, False]),
        (["C97", "D44.1", "", None], [True, False]),
        (["D46.2", "D48", "", None], [True, False]),
        (["238.7", "238", "", None], [True, False]),
    ],
)
def test_causes_of_death_are_read(causes, expected):
    frame = FOUR.drop("died_of_cancer").with_columns(cause_of_death=pl.Series(causes))
    found = values(crude_mortality(frame, causes="recorded", at_days=[3]))
    first, second = expected
    assert (found["recorded-cancer", 3][0] > 0, found["recorded-other", 3][0] > 0) == (
        first,
        not second,
    )


def test_unknown_causes_are_refused_or_said():
    frame = FOUR.drop("died_of_cancer").with_columns(
        cause_of_death=pl.Series(["C56", "R99", None, None])
    )
    with pytest.raises(CaseError, match=r"unknown for 1 of 2 deaths.*unknown_cause"):
        crude_mortality(frame, causes="recorded", at_days=[3])
    result = crude_mortality(frame, causes="recorded", at_days=[3], unknown_cause="cancer")
    assert values(result)["recorded-other", 3][0] == 0
    assert "1 of 2 deaths of unknown cause taken as from cancer" in result.provenance.notes
    with pytest.raises(CodeError, match=r"no cause.*'cardiac'"):
        crude_mortality(
            frame.with_columns(cause_of_death=pl.lit("cardiac")), causes="recorded", at_days=[3]
        )
    with pytest.raises(ColumnError, match="causes of death are needed"):
        cause_specific_survival(FOUR.drop("died_of_cancer"), at_days=[3])
    with pytest.raises(UsageError, match="relative, recorded"):
        crude_mortality(FOUR, causes="both", at_days=[3])
    with pytest.raises(UsageError, match="takes a life table"):
        crude_mortality(FOUR, at_days=[3])


def test_after_everyone_died_probabilities_stay_and_survival_ends():
    dead = FOUR.with_columns(died=pl.lit(value=True), died_of_cancer=pl.lit(value=True))
    table = crude_mortality(dead, causes="recorded", at_days=[3, 10]).table
    assert table.filter(method="recorded-cancer")["estimate"].to_list() == pytest.approx([1, 1])
    left = crude_mortality(FOUR, HALVING, at_days=[10], days_per_year=365.25).table
    assert left["status"].unique().to_list() == ["not estimable"]
    assert left["reason"].unique().to_list() == ["no one at risk from day 4"]


def test_a_probability_below_zero_is_shown_with_a_note():
    men = FOUR.head(1).with_columns(died=pl.lit(value=False))
    row = crude_mortality(men, HALVING, at_days=[3], days_per_year=365.25).table.row(0, named=True)
    assert row["estimate"] == pytest.approx(-3 * L, rel=1e-14)
    assert "below 0" in row["reason"]
    assert np.isfinite(row["se"])


LEVEL_RATES = {"male": 0.05, "female": 0.0}


def level_table():
    """Hazards that neither age nor year changes, men 0.05 a year, women none."""
    return LifeTable.read(
        pl.DataFrame(
            [{"sex": sex, "age": a, "year": y, "mx": rate}
             for sex, rate in LEVEL_RATES.items() for a in range(121) for y in range(2000, 2004)]
        )
    )  # fmt: skip


def two_years(n_dead, n):
    """Men of 60, of whom so many die on the first day; the others are followed for 1 000 days."""
    return pl.DataFrame(
        {
            "sex": "male", "incidence_date": date(2000, 1, 1), "age_days": 60 * 365.25,
            "follow_up_days": [1] * n_dead + [1000] * (n - n_dead),
            "died": [True] * n_dead + [False] * (n - n_dead),
        }
    )  # fmt: skip


def test_years_of_life_lost_by_hand():
    choices = {"until": 2, "relative": 1.0, "days_per_year": 365.25, "allow_outside": 1}
    table = life_years_lost(two_years(40, 100), level_table(), **choices).table
    expected, lived, lost = (table["estimate"][k] for k in range(3))
    whole = (1 - np.exp(-0.05 * 100)) / 0.05  # ∫ e^(−0.05 t) over 100 years
    assert expected == pytest.approx(whole, rel=1e-4)
    # one day for all, then 60 %; after 730 days the rest of a lifetime of the 98 years left
    days = 1 + 0.6 * 729
    later = 0.6 * (1 - np.exp(-0.05 * 98)) / 0.05
    assert lived == pytest.approx(days / 365.25 + later, rel=1e-4)
    assert lost == pytest.approx(expected - lived, rel=1e-12)
    # those who die lose all but a day: the SE of a share of 0.6 times the years after that day
    ahead = (0.6 * 729 / 365.25 + later) / 0.6
    assert table["se"][2] == pytest.approx(ahead * sqrt(0.6 * 0.4 / 100), rel=1e-4)


def test_the_last_year_sets_the_relative_survival_of_later_ones():
    # nobody dies in the second year though 5 % were expected to: relative survival is capped at 1
    choices = {"until": 2, "days_per_year": 365.25, "allow_outside": 1}
    capped = life_years_lost(two_years(40, 100), level_table(), **choices).table
    one = life_years_lost(two_years(40, 100), level_table(), relative=1.0, **choices).table
    assert capped["estimate"].to_list() == one["estimate"].to_list()
    assert "1.000" in capped["reason"][1]
    low = life_years_lost(two_years(40, 100), level_table(), relative=0.9, **choices).table
    assert low["estimate"][2] > one["estimate"][2]


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"until": 1}, "until is out of range"),
        ({"relative": 0}, "relative is out of range"),
        ({"at": [5]}, "no such choice"),
        ({"standard": "icss1"}, "no such choice"),
    ],
)
def test_years_of_life_lost_refuse(choices, words):
    with pytest.raises(UsageError, match=words):
        life_years_lost(two_years(4, 10), level_table(), **choices)


def test_no_one_followed_to_the_end_is_said():
    table = life_years_lost(
        two_years(4, 10), level_table(), until=5, days_per_year=365.25, allow_outside=1
    ).table
    assert table["status"].to_list() == ["ok", "not estimable", "not estimable"]
    assert table["reason"][2] == "no one is followed beyond 5 years in an age class"


def test_no_deaths_of_a_cause_is_a_probability_of_0_with_its_limits():
    cases = FOUR.with_columns(died_of_cancer=pl.col("died"))
    choices = {"causes": "recorded", "at_days": [3], "days_per_year": 365.25}
    for standard in (None, {0: 1, 61: 1}):
        # men of 60, women of 61: a class each, followed to day 3
        followed = cases.head(3).with_columns(
            age_days=pl.Series([60 * 365.25, 61 * 365.25, 61 * 365.25])
        )
        table = crude_mortality(followed, standard=standard, **choices).table
        row = table.filter(method="recorded-other").row(0, named=True)
        assert (row["estimate"], row["se"], row["lower"], row["reason"]) == (0, 0, 0, None)


def test_fewest_at_risk_do_not_hide_what_the_life_table_says():
    table = expected_survival(
        FOUR, HALVING, at_days=[2], days_per_year=365.25, min_at_risk=50
    ).table
    assert table["status"].unique().to_list() == ["ok"]
