"""Survival worked by hand, at the edges, and its laws."""

from datetime import date
from math import exp, log, sqrt

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare import LifeTable, net_survival, observed_survival
from rarecare.errors import CaseError, ColumnError, LifeTableError, RarecareError, UsageError
from rarecare.survival import Standard

D = 365.0
H = 0.0365 / D  # the daily hazard of everyone: 0.0365 a year


def life_table(rate=0.0365, years=range(1999, 2012)):
    return LifeTable.read(
        pl.DataFrame(
            [
                {"sex": sex, "age": age, "year": year, "mx": rate}
                for sex in ("male", "female")
                for age in range(100)
                for year in years
            ]
        )
    )


def cases_of(*follow_up, age=60):
    """Cases as (days, died)."""
    return pl.DataFrame(
        {
            "sex": "male",
            "incidence_date": date(2000, 1, 1),
            "age": age,
            "age_days": age * D,
            "follow_up_days": [days for days, _ in follow_up],
            "died": [died for _, died in follow_up],
        }
    )


FOUR = cases_of((1, True), (2, False), (3, True), (3, False))


def estimate(cases, days, **choices):
    return net_survival(cases, life_table(), at_days=days, days_per_year=D, **choices).table


def test_with_one_hazard_for_all_pohar_perme_is_nelson_aalen_less_the_hazard():
    # 4, 3, 2 at risk on days 1, 2, 3; one dies on day 1, one on day 3; everyone has weight exp(H t)
    table = estimate(FOUR, [1, 2, 2.5, 3])
    expected = [exp(-1 / 4 + H), exp(-1 / 4 + 2 * H), exp(-1 / 4 + 2.5 * H), exp(-3 / 4 + 3 * H)]
    assert table["estimate"].to_list() == pytest.approx(expected, rel=1e-12)
    se = (table["se"] / table["estimate"]).to_list()
    assert se == pytest.approx([1 / 4, 1 / 4, 1 / 4, sqrt(1 / 16 + 1 / 4)], rel=1e-12)
    assert table["at_risk"].to_list() == [4, 3, 2, 2]
    assert table["events"].to_list() == [1, 1, 1, 2]
    assert table["n"].to_list() == [4, 4, 4, 4]


@pytest.mark.parametrize(
    ("method", "form", "at_three"),
    [
        ("pohar-perme", "product", (1 - 1 / 4 + H) * (1 + H) * (1 - 1 / 2 + H)),
        ("ederer2", "exponential", exp(-3 / 4 + 3 * H)),
        ("ederer2", "product", (1 - 1 / 4 + H) * (1 + H) * (1 - 1 / 2 + H)),
        ("ederer1", "exponential", (3 / 4) * (1 / 2) / exp(-3 * H)),
        ("hakulinen", "exponential", (3 / 4) * (1 / 2) / exp(-3 * H)),
    ],
)
def test_the_other_forms_by_hand(method, form, at_three):
    choices = {"closing_date": date(2000, 12, 31)} if method == "hakulinen" else {}
    table = estimate(FOUR, [3], method=method, form=form, **choices)
    assert table["estimate"][0] == pytest.approx(at_three, rel=1e-12)
    assert table["se"][0] / table["estimate"][0] == pytest.approx(sqrt(1 / 16 + 1 / 4), rel=1e-12)


@pytest.mark.parametrize(
    ("variance", "of_log"),
    [("greenwood", 1 / (4 * 3) + 1 / (2 * 1)), ("tsiatis", 1 / 16 + 1 / 4)],
)
def test_observed_survival_by_hand(variance, of_log):
    table = observed_survival(FOUR, at_days=[3], variance=variance).table
    assert table["estimate"][0] == pytest.approx(3 / 8, rel=1e-15)
    assert table["se"][0] == pytest.approx(3 / 8 * sqrt(of_log), rel=1e-12)


def test_weights_differ_where_hazards_do():
    # two at risk: one with hazard 0, one with H; the second dies on day 2 with weight exp(2H)
    table = LifeTable.read(
        pl.DataFrame(
            [
                {"sex": sex, "age": age, "year": year, "mx": 0.0365 if sex == "male" else 0.0}
                for sex in ("male", "female")
                for age in range(100)
                for year in range(1999, 2005)
            ]
        )
    )
    cases = cases_of((2, True), (5, False)).with_columns(sex=pl.Series(["male", "female"]))
    w1, w2 = exp(H), exp(2 * H)
    cumulative = w2 / (w2 + 1) - log((w1 + 1) / 2) - log((w2 + 1) / (w1 + 1))
    found = net_survival(cases, table, at_days=[2], days_per_year=D).table
    assert found["estimate"][0] == pytest.approx(exp(-cumulative), rel=1e-12)
    assert found["se"][0] / found["estimate"][0] == pytest.approx(w2 / (w2 + 1), rel=1e-12)


def test_limits_of_each_kind():
    s, se = exp(-3 / 4 + 3 * H), exp(-3 / 4 + 3 * H) * sqrt(5) / 4
    z = 1.959963984540054
    limits = {
        "plain": (s - z * se, s + z * se),
        "log": (s * exp(-z * se / s), s * exp(z * se / s)),
        "log-log": (
            s ** exp(z * se / (s * -log(s))),
            s ** exp(-z * se / (s * -log(s))),
        ),
    }
    for interval, expected in limits.items():
        row = estimate(FOUR, [3], interval=interval).row(0, named=True)
        assert (row["lower"], row["upper"]) == pytest.approx(expected, rel=1e-12)


def test_survival_above_one_has_no_log_log_limits():
    row = estimate(cases_of((9, False), (9, False)), [9], interval="log-log").row(0, named=True)
    assert row["estimate"] == pytest.approx(exp(9 * H), rel=1e-12)
    assert (row["lower"], row["upper"], row["status"]) == (None, None, "ok")
    assert "not between 0 and 1" in row["reason"]


def test_beyond_the_last_at_risk_nothing_is_estimable():
    table = estimate(cases_of((3, True), (5, False)), [5, 6])
    assert table["status"].to_list() == ["ok", "not estimable"]
    assert table["reason"].to_list() == [None, "no one at risk from day 6"]
    assert table["estimate"].to_list()[1] is None


def test_when_all_have_died_the_product_stays_zero_without_limits():
    row = observed_survival(cases_of((1, True), (2, True)), at_days=[2]).table.row(0, named=True)
    assert (row["estimate"], row["se"], row["lower"], row["upper"]) == (0.0, None, None, None)
    assert row["status"] == "ok"
    assert "everyone had died" in row["reason"]


HALVES = Standard(name="halves", age_lower=(15, 60), weights=(0.25, 0.75))


def test_standardised_by_classes_by_hand():
    young = cases_of((1, True), (4, False), age=40)
    old = cases_of((2, True), (4, False), (4, False), age=70)
    table = estimate(pl.concat([young, old]), [2], standard=HALVES)
    s = [exp(-1 / 2 + 2 * H), exp(-1 / 3 + 2 * H)]
    row = table.row(0, named=True)
    assert row["estimate"] == pytest.approx(0.25 * s[0] + 0.75 * s[1], rel=1e-12)
    se = sqrt((0.25 * s[0] / 2) ** 2 + (0.75 * s[1] / 3) ** 2)
    assert row["se"] == pytest.approx(se, rel=1e-12)
    assert (row["standard"], row["n"], row["at_risk"], row["events"]) == ("halves", 5, 4, 2)


def test_standardised_individually_by_hand():
    young = cases_of((1, True), (4, False), age=40)
    old = cases_of((2, True), (4, False), (4, False), age=70)
    table = estimate(pl.concat([young, old]), [2], standard=HALVES, standardisation="individual")
    b, c = 0.25 / (2 / 5), 0.75 / (3 / 5)  # weights of the young and of the old
    first, second = b / (2 * b + 3 * c), c / (b + 3 * c)
    row = table.row(0, named=True)
    assert row["estimate"] == pytest.approx(exp(-first - second + 2 * H), rel=1e-12)
    assert row["se"] / row["estimate"] == pytest.approx(sqrt(first**2 + second**2), rel=1e-12)


def test_a_class_without_anyone_is_named_and_never_rescaled():
    cases = pl.concat([cases_of((9, False), age=40), cases_of((2, True), (3, False), age=70)])
    table = estimate(cases, [3, 4], standard=HALVES)
    assert table["reason"].to_list() == [None, "no one at risk in ages 60+ from day 4"]
    alone = estimate(cases_of((5, False), age=70), [3], standard=HALVES)
    assert alone["status"][0] == "not estimable"
    assert "15-59" in alone["reason"][0]
    weighed = estimate(
        cases_of((5, False), age=70), [3], standard=HALVES, standardisation="individual"
    )
    assert weighed["reason"][0] == "no cases in ages 15-59"


many = st.lists(st.tuples(st.integers(1, 400), st.booleans()), min_size=1, max_size=12)


@given(many)
@settings(max_examples=30)
def test_without_background_mortality_net_survival_is_observed(follow_up):
    cases = cases_of(*follow_up)
    table = net_survival(
        cases, life_table(0.0), at_days=[100, 300], days_per_year=D, form="product",
        method=["pohar-perme", "ederer2", "observed"],
    ).table  # fmt: skip
    for day in (100, 300):
        own = table.filter(time_days=day)["estimate"].to_list()
        if own[0] is not None:
            assert own[:2] == pytest.approx([own[2]] * 2, rel=1e-10, abs=1e-12)


@given(many, st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_order_and_doubling(follow_up, random):
    cases = cases_of(*follow_up)
    table = estimate(cases, [50, 200])
    shuffled = list(follow_up)
    random.shuffle(shuffled)
    assert estimate(cases_of(*shuffled), [50, 200]).equals(table)
    twice = estimate(pl.concat([cases, cases]), [50, 200])
    for one, two in zip(table.iter_rows(named=True), twice.iter_rows(named=True), strict=True):
        if one["estimate"] is not None:
            assert two["estimate"] == pytest.approx(one["estimate"], rel=1e-12)
            assert two["se"] == pytest.approx(one["se"] / sqrt(2), rel=1e-9, abs=1e-15)


@given(many, many)
@settings(max_examples=30)
def test_strata_are_those_of_their_own_cases(first, second):
    a = cases_of(*first).with_columns(area=pl.lit("a"))
    b = cases_of(*second).with_columns(area=pl.lit("b"))
    whole = estimate(pl.concat([b, a]), [30, 90.5], by=["area"])
    for name, own in (("a", a), ("b", b)):
        alone = estimate(own, [30, 90.5], by=["area"])
        assert whole.filter(area=name).equals(alone)


def test_several_times_methods_and_years():
    table = net_survival(
        FOUR, life_table(), at=[2 / D, 1 / D], days_per_year=D, method=["ederer2", "pohar-perme"]
    ).table
    assert table["time_days"].to_list() == [1, 2, 1, 2]
    assert table["method"].to_list() == ["ederer2"] * 2 + ["pohar-perme"] * 2
    assert table["level"].unique().to_list() == [0.95]


def test_a_period_counts_both_its_days():
    # incidence 1 January 2000; the window is days 2 and 3 of January: days of follow-up 2 and 3
    cases = cases_of((1, True), (2, True), (2, False), (3, True), (9, True))
    window = (date(2000, 1, 2), date(2000, 1, 4))
    row = estimate(cases, [3], window=window).row(0, named=True)
    assert (row["n"], row["events"]) == (5, 3)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: estimate(FOUR, [3], at=[1]), UsageError, "one of the two"),
        (lambda: estimate(FOUR, [-3]), UsageError, "missing or negative"),
        (
            lambda: estimate(FOUR, [3], method="pohar-perm"),
            UsageError,
            "Did you mean 'pohar-perme'",
        ),
        (lambda: estimate(FOUR, [3], level=95), UsageError, "0 to 1"),
        (lambda: estimate(FOUR, [3], by=["stage"]), ColumnError, "stage"),
        (lambda: net_survival(FOUR, "lives.csv"), UsageError, "LifeTable.read"),
        (lambda: net_survival("cases.csv", life_table()), UsageError, "read_cases"),
        (lambda: estimate(FOUR, [3], standard="icss4"), RarecareError, "icss"),
        (lambda: estimate(cases_of((5, True), age=5), [3], standard="icss1"), CaseError, "from 15"),
        (lambda: estimate(cases_of((0, True)), [3]), CaseError, "less than one day"),
        (
            lambda: net_survival(
                cases_of((5000, True)), life_table(years=range(1999, 2002)), days_per_year=D, at=[9]
            ),
            LifeTableError,
            r"lie outside the life table.*up to 5%.*--allow-outside",
        ),
    ],
)
def test_what_cannot_be_estimated_is_said(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_the_provenance_says_how():
    result = net_survival(FOUR, life_table(), at_days=[3], days_per_year=D)
    assert result.provenance.statistic == "Net survival (Pohar Perme)"
    assert result.provenance.plan["form"] == "exponential"
    assert len(result.provenance.inputs) == 2
    assert result.provenance.exclusions["records"].to_list() == [4, 4]
    again = net_survival(FOUR, life_table(), at_days=[3], days_per_year=D)
    assert again.provenance.plan_hash == result.provenance.plan_hash
    assert "Net survival" in str(result)
    assert result.plot().to_svg().startswith("<svg")
