"""Limits of shares and times: R beside ours, by hand, coverage, weights.

R 4.2.2: prop.test(x, n, correct = FALSE), binom.test(x, n), quantile(type = 2), qbinom, and
survival 3.5-3: quantile(survfit(Surv(v, s) ~ 1, conf.type = "log-log")).
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rarecare.care.limits import (
    censored_quantiles,
    effective,
    exact,
    quantiles,
    share_limits,
    wilson,
)
from rarecare.errors import UsageError

R = {  # x, n: Wilson, exact; 12 digits were printed
    (0, 10): (0, 0.277532799863, 0, 0.308497107819),
    (1, 10): (0.0178762130951, 0.404150026795, 0.00252857854446, 0.445016117028),
    (5, 10): (0.236593090513, 0.763406909487, 0.187086028447, 0.812913971553),
    (10, 10): (0.722467200137, 1, 0.691502892181, 1),
    (37, 120): (0.232727369889, 0.395829977238, 0.227255119634, 0.399136764532),
}
DAYS = np.array([3, 5, 5, 8, 12, 13, 13, 21, 30, 31, 44, 45, 60, 61, 90, 120], dtype=float)
SEEN = np.array([1, 1, 0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 0, 1, 1, 0], dtype=bool)
AT = (0.5, 0.25, 0.75, 0.9)


@pytest.mark.parametrize("case", R)
def test_limits_of_shares_as_r_has_them(case):
    x, n = case
    got = [float(limit) for limit in (*wilson(x / n, n), *exact(x / n, n))]
    assert got == pytest.approx(R[case], abs=1e-11)


def test_quantiles_and_their_ranks_as_r_has_them():
    # ranks by qbinom: 4 and 13, 1 and 9, 8 and 16, 12 and 17 of 16
    assert quantiles(DAYS, np.ones(16), AT) == [
        (25.5, 8.0, 60.0), (10.0, 3.0, 30.0), (52.5, 21.0, 120.0), (90.0, 45.0, None)
    ]  # fmt: skip


def test_product_limit_quantiles_as_r_has_them():
    found = censored_quantiles(DAYS, SEEN, np.ones(16), AT)
    assert [row[0] for row in found] == [44.0, 12.0, 61.0, None]
    assert [row[1] for row in found[:3]] == [12.0, 3.0, 30.0]
    assert [row[2] for row in found[:3]] == [90.0, 30.0, None]


def test_median_of_follow_up_by_hand():
    # S is 1/2 from the third time on and 0 at the fourth: the middle
    days = np.array([1.0, 2.0, 10.0, 30.0])
    seen = np.array([False, False, True, True])
    assert censored_quantiles(days, seen, np.ones(4), (0.5,))[0][0] == 20.0
    none = censored_quantiles(days, np.zeros(4, dtype=bool), np.ones(4), (0.5,))
    assert none == [(None, None, None)]


def test_the_limits_of_a_median_hold_their_level(rng):
    """5 000 samples of 25: at least 95 % hold the true median, and not all of them."""
    held = 0
    for _ in range(5000):
        _, lower, upper = quantiles(np.sort(rng.exponential(size=25)), np.ones(25), (0.5,))[0]
        held += lower <= np.log(2) <= upper
    assert 0.95 <= held / 5000 < 0.985  # 1 - 2 P(B <= 7) = 0.957, B of 25 halves


@given(arrays(float, st.integers(1, 40), elements=st.floats(0.1, 50)))
def test_the_effective_number_is_that_of_equal_weights(weights):
    n = effective(weights)
    assert 1 - 1e-9 <= n <= len(weights) + 1e-9
    assert effective(3 * weights) == pytest.approx(n, rel=1e-9)
    assert effective(np.full(len(weights), 7.0)) == pytest.approx(len(weights))


@given(st.integers(1, 200), st.floats(0, 1), st.sampled_from(["wilson", "exact"]))
def test_limits_hold_the_share_and_mirror(n, share, interval):
    lower, upper = map(float, share_limits(share, n, interval=interval))
    assert -1e-12 <= lower <= share + 1e-9
    assert share - 1e-9 <= upper <= 1 + 1e-12
    other = tuple(map(float, share_limits(1 - share, n, interval=interval)))
    assert (1 - other[1], 1 - other[0]) == pytest.approx((lower, upper), abs=1e-6)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=30), st.integers(1, 4))
def test_quantiles_are_values_in_order_and_repeats_are_weights(values, times):
    days = np.sort(np.array(values, dtype=float))
    found = quantiles(days, np.ones(len(days)), (0.25, 0.5, 0.9))
    centres = [row[0] for row in found]
    assert centres == sorted(centres)
    assert days[0] <= centres[0] <= days[-1]
    weighted = quantiles(days, np.full(len(days), float(times)), (0.25, 0.5, 0.9))
    assert [row[0] for row in weighted] == centres
    repeated = quantiles(np.repeat(days, times), np.ones(times * len(days)), (0.25, 0.5, 0.9))
    assert [row[0] for row in repeated] == centres


def test_nothing_and_wrong_choices():
    assert np.isnan(wilson(0.0, 0)).all()
    assert np.isnan(exact(0.0, 0)).all()
    assert quantiles(np.array([4.0]), np.ones(1), (0.5,)) == [(4.0, None, None)]
    assert effective(np.zeros(3)) == 0
    with pytest.raises(UsageError, match="allowed: wilson, exact"):
        share_limits(0.5, 10, interval="wald")
    with pytest.raises(UsageError, match="between 0 and 1"):
        wilson(0.5, 10, level=95)
