"""Conditional survival, the test of equal net survival, differences and ratios."""

from datetime import date
from math import exp, log, sqrt

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare.errors import ColumnError, UsageError
from rarecare.survival import (
    Standard,
    conditional_survival,
    net_survival,
    net_survival_test,
    observed_survival,
    survival_contrasts,
)
from tests.reference import survival_twin
from tests.survival.invented import NONE, STEEP, D, frame_of, life_table, some
from tests.survival.test_probabilities import FOUR, HALVING

STEEP_TABLE = life_table(STEEP)
NO_HAZARD = life_table(NONE)
LEVEL = life_table({key: 0.4 if key[0] == "male" else 0.1 for key in STEEP})
OWN = Standard(name="own", age_lower=(0, 62), weights=(0.4, 0.6))


def invented(n, seed=1, *, sex_effect=1.0):
    """Cases followed for up to two years; LEVEL and an excess, men's ``sex_effect`` times."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["male", "female"], n)
    hazard = np.where(sex == "male", 0.4 + 0.7 * sex_effect, 0.1 + 0.7)
    days = np.ceil(rng.exponential(1 / hazard) * D).astype(int)
    stop = rng.integers(300, 730, n)
    return pl.DataFrame(
        {
            "sex": sex,
            "incidence_date": date(2000, 1, 1),
            "age_days": rng.integers(60 * 366, 71 * 365, n).astype(float),
            "follow_up_days": np.minimum(days, stop),
            "died": days <= stop,
            "stage": rng.choice(["1", "2"], n),
        }
    )


def test_conditional_survival_by_hand():
    # Kaplan–Meier 1, 2/3, 1/3: of those alive after day 2, half live on; Greenwood of day 3 alone
    table = conditional_survival(
        FOUR, given=[2 / 365.25], ahead=[1 / 365.25], method="observed", days_per_year=365.25
    ).table
    row = table.row(0, named=True)
    assert row["estimate"] == pytest.approx(1 / 2, rel=1e-14)
    assert row["se"] == pytest.approx(1 / 2 * sqrt(1 / 2), rel=1e-14)
    assert (row["given_days"], row["time_days"], row["n"], row["events"]) == (2, 3, 3, 1)
    # net: the weights of day 3, 5 to 9, A dead with 8
    net = conditional_survival(
        FOUR, HALVING, given=[2 / 365.25], ahead=[1 / 365.25], days_per_year=365.25
    ).table.row(0, named=True)
    assert net["estimate"] == pytest.approx(exp(-8 / 9) * 9 / 5, rel=1e-13)
    assert net["se"] / net["estimate"] == pytest.approx(8 / 9, rel=1e-13)


def test_conditional_on_nothing_is_survival():
    cases = invented(300)
    choices = {"by": "sex", "days_per_year": D, "allow_outside": 1}
    plain = net_survival(cases, STEEP_TABLE, at=[1], **choices).table
    given_none = conditional_survival(cases, STEEP_TABLE, given=[0], ahead=[1], **choices).table
    for name in ("estimate", "se", "lower", "upper", "n", "at_risk", "events"):
        assert given_none[name].to_list() == pytest.approx(plain[name].to_list(), rel=1e-12)


def test_conditional_standardised_variance_by_the_delta_method():
    cases = invented(400)
    choices = {"at": [0.5, 1], "days_per_year": D, "allow_outside": 1}
    row = conditional_survival(
        cases, STEEP_TABLE, given=[0.5], ahead=[0.5], standard=OWN, days_per_year=D,
        allow_outside=1,
    ).table.row(0, named=True)  # fmt: skip
    young = pl.col("age_days") < 62 * D
    early = late = variance = 0.0
    parts = []
    for weight, who in ((0.4, young), (0.6, ~young)):
        s, t = net_survival(cases.filter(who), STEEP_TABLE, **choices).table.rows(named=True)
        v = [(r["se"] / r["estimate"]) ** 2 for r in (s, t)]
        parts.append((weight, s["estimate"], t["estimate"], *v))
        early, late = early + weight * s["estimate"], late + weight * t["estimate"]
    for weight, s, t, v_s, v_t in parts:
        # log S(t) − log S(s) moves by a = w S_k(t)/S(t) per increment after s, and by a − b before
        a, b = weight * t / late, weight * s / early
        variance += (a - b) ** 2 * v_s + a**2 * (v_t - v_s)
    assert row["estimate"] == pytest.approx(late / early, rel=1e-13)
    assert row["se"] == pytest.approx(row["estimate"] * sqrt(variance), rel=1e-12)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"given": []}, "out of range"),
        ({"given": [-1]}, "out of range"),
        ({"ahead": [0]}, "above 0"),
        ({"at": [1]}, "years lived and years ahead"),
        ({"when_empty": "collapse"}, "no rule for empty"),
        ({"method": "crude-cancer"}, "no such choice"),
    ],
)
def test_conditional_refusals(choices, words):
    with pytest.raises(UsageError, match=words):
        conditional_survival(FOUR, HALVING, **choices)


def test_no_one_left_to_condition_on():
    row = conditional_survival(FOUR, HALVING, given=[1], ahead=[1], days_per_year=365.25).table.row(
        0, named=True
    )
    assert (row["status"], row["reason"]) == ("not estimable", "no one at risk from day 4")


def slow_test(cases, groups, strata, last):
    """The statistic by loops over strata, days and groups."""
    names = sorted({tuple(c[g] for g in groups) for c in cases})
    size = len(names)
    z, cov = [0.0] * size, np.zeros((size, size))
    for level in sorted({tuple(c[s] for s in strata) for c in cases}):
        own = [c for c in cases if tuple(c[s] for s in strata) == level]
        for day in range(1, last + 1):
            excess, weight, squares = [0.0] * size, [0.0] * size, [0.0] * size
            for c in own:
                if not c["entry"] < day <= c["exit"]:
                    continue
                g = names.index(tuple(c[name] for name in groups))
                w = exp(survival_twin.cumulative_hazard(c, day))
                excess[g] -= w - exp(survival_twin.cumulative_hazard(c, day - 1))
                weight[g] += w
                if c["died"] and c["exit"] == day:
                    excess[g] += w
                    squares[g] += w * w
            if not sum(weight):
                continue
            p = [w / sum(weight) for w in weight]
            for g in range(size):
                z[g] += excess[g] - p[g] * sum(excess)
                for h in range(size):
                    cov[g, h] += sum(
                        ((g == k) - p[g]) * ((h == k) - p[h]) * squares[k] for k in range(size)
                    )
    own = cov[:-1, :-1]
    return float(np.array(z[:-1]) @ np.linalg.pinv(own) @ np.array(z[:-1])), own


@given(some, st.sampled_from([(), ("sex",)]))
@settings(max_examples=40)
def test_the_test_agrees_with_loops(cases, strata):
    plain = [{**case, "weight": 1.0, "entry_days": 0} for case in cases]
    kept = survival_twin.prepare(plain, STEEP, horizon=80, days_per_year=D)
    kept = [{**case, **own} for case, own in zip(plain, kept, strict=True)]
    choices = {"groups": "area", "strata": strata, "horizon": 62 / D, "days_per_year": D}
    if len({case["area"] for case in cases}) < 2:
        with pytest.raises(UsageError, match="two groups or more"):
            net_survival_test(frame_of(cases), STEEP_TABLE, allow_outside=1, **choices)
        return
    table = net_survival_test(frame_of(cases), STEEP_TABLE, allow_outside=1, **choices).table
    statistic, cov = slow_test(kept, ("area",), strata, 62)
    if np.linalg.matrix_rank(cov, hermitian=True) == 0:
        assert table["status"].unique().to_list() == ["not estimable"]
        assert table["reason"][0] == "no deaths while two groups were at risk"
        return
    assert table["statistic"][0] == pytest.approx(statistic, rel=1e-8, abs=1e-10)


def test_without_expected_deaths_it_is_the_log_rank_test():
    # O − E = Σ (d_g − d Y_g/Y), as in the log-rank test; the variance is that of the dead,
    # Σ (δ − p)², whose mean under equality is the log-rank's Σ p (1 − p)
    cases = pl.DataFrame(
        {
            "sex": ["male", "female", "male", "female", "male"],
            "incidence_date": date(2000, 1, 1),
            "age_days": 61 * D,
            "follow_up_days": [1, 2, 3, 4, 5],
            "died": [True, True, True, True, False],
        }
    )
    table = net_survival_test(cases, NO_HAZARD, groups="sex", horizon=5 / D, days_per_year=D).table
    shares = [2 / 5, 2 / 4, 1 / 3, 1 / 2]  # women at risk
    z = 2 - sum(shares)
    assert table["statistic"][0] == pytest.approx(
        z**2 / (shares[0] ** 2 + (1 - shares[1]) ** 2 + shares[2] ** 2 + (1 - shares[3]) ** 2)
    )
    women = table.row(by_predicate=pl.col("sex") == "female", named=True)
    assert women["observed"] == pytest.approx(2)
    assert women["expected"] == pytest.approx(sum(shares))
    assert women["df"] == 1


def test_by_default_it_ends_where_ten_are_left_in_each_group():
    cases = invented(200)
    table = net_survival_test(cases, STEEP_TABLE, groups="sex", days_per_year=D).table
    last = table["time_days"][0]
    for part in cases.partition_by("sex"):
        assert (part["follow_up_days"] >= last).sum() >= 10
    left = [(part["follow_up_days"] >= last + 1).sum() for part in cases.partition_by("sex")]
    assert min(left) < 10


@pytest.mark.slow
def test_under_equal_survival_the_test_rejects_one_in_twenty():
    rejected = 0
    for seed in range(1000):
        table = net_survival_test(
            invented(150, seed), LEVEL, groups="sex", strata="stage", days_per_year=D
        ).table
        rejected += table["p_value"][0] < 0.05
    assert 30 <= rejected <= 72  # 50 ± 3 standard errors of a binomial


def test_it_finds_a_difference():
    table = net_survival_test(
        invented(400, sex_effect=2.0), LEVEL, groups="sex", days_per_year=D
    ).table
    assert table["p_value"][0] < 1e-4
    men = table.row(by_predicate=pl.col("sex") == "male", named=True)
    assert men["observed"] > men["expected"]


def test_contrasts_by_hand():
    result = observed_survival(invented(300), by="sex", at=[0.5, 1], days_per_year=D)
    table = survival_contrasts(result, across="sex", reference="female").table
    at_one = {row["sex"]: row for row in result.table.filter(time_years=1).rows(named=True)}
    men, women = at_one["male"], at_one["female"]
    rows = {row["contrast"]: row for row in table.filter(time_years=1).rows(named=True)}
    difference, ratio = rows["difference"], rows["ratio"]
    assert difference["estimate"] == pytest.approx(men["estimate"] - women["estimate"], rel=1e-14)
    se = sqrt(men["se"] ** 2 + women["se"] ** 2)
    assert difference["se"] == pytest.approx(se, rel=1e-14)
    assert difference["upper"] == pytest.approx(difference["estimate"] + 1.959964 * se, rel=1e-6)
    assert ratio["estimate"] == pytest.approx(men["estimate"] / women["estimate"], rel=1e-14)
    of_log = sqrt((men["se"] / men["estimate"]) ** 2 + (women["se"] / women["estimate"]) ** 2)
    assert log(ratio["upper"] / ratio["estimate"]) == pytest.approx(1.959964 * of_log, rel=1e-6)
    assert table["sex"].unique().to_list() == ["male"]
    assert (table["reference"] == "female").all()


def test_contrasts_say_why_they_are_missing():
    cases = invented(60).with_columns(
        follow_up_days=pl.when(pl.col("sex") == "male").then(20).otherwise("follow_up_days")
    )
    result = observed_survival(cases, by="sex", at=[1], days_per_year=D)
    table = survival_contrasts(result, across="sex").table
    assert table["status"].unique().to_list() == ["not estimable"]
    assert table["reason"][0] == "not estimable: no one at risk from day 21"
    with pytest.raises(UsageError, match=r"sex has no such level.*Did you mean 'male'"):
        survival_contrasts(result, across="sex", reference="mal")
    with pytest.raises(ColumnError, match="Ask for it by area"):
        survival_contrasts(result, across="area")
