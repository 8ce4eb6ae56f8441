"""Deaths and persons at risk of two cells at 1, 5 and 10 years, by hand."""

import numpy as np
import polars as pl
import pytest

from rarecare.disclosure.cells import measure_of
from rarecare.disclosure.times import Times

from . import tables
from .test_audit import survival

FREE = 2.0 * 40 + 1000
"""What a count may be of whose cases nothing is known: twice the most cases and 1000."""


def times(cases_hidden, *, falling):
    """Women with 40 cases: 2, 6, 9 deaths; men with 30: 5, 5, 20 (positions 3 to 5)."""
    rows = pl.concat([
        survival(40, [(2, 38), (6, 30), (9, 12)], sex="female"),
        survival(30, [(5, 20), (5, 20), (20, 3)], sex="male"),
    ])  # fmt: skip
    measure = measure_of(rows, areas=tables.areas(), entities=tables.entities())
    values = measure.follow_up[:, 1 if falling else 0]
    return Times(values, measure, np.array(cases_hidden), falling=falling)


def bounds(own, hidden):
    low, high = own.bounds(np.isin(np.arange(6), hidden), np.arange(6))
    return list(zip(low.tolist(), high.tolist(), strict=True))


def test_deaths_lie_between_those_before_and_after():
    own = times([False, False], falling=False)
    assert own.values.tolist() == [2, 6, 9, 5, 5, 20]
    # the first from 0, the last up to all cases; never the other cell's
    assert bounds(own, []) == [(0, 6), (2, 9), (6, 40), (0, 5), (5, 20), (5, 30)]
    # at 5 years withheld: 1 and 10 years look past it
    assert bounds(own, [1, 4]) == [(0, 9), (2, 9), (2, 40), (0, 20), (5, 20), (5, 30)]
    assert bounds(own, [0, 1, 2]) == [(0, 40)] * 3 + [(0, 5), (5, 20), (5, 30)]


def test_persons_at_risk_lie_between_those_after_and_before():
    own = times([False, False], falling=True)
    assert own.values.tolist() == [38, 30, 12, 20, 20, 3]
    assert bounds(own, []) == [(30, 40), (12, 38), (0, 30), (20, 30), (3, 20), (0, 20)]
    assert bounds(own, [4]) == [(30, 40), (12, 38), (0, 30), (3, 30), (3, 20), (0, 20)]


def test_cases_that_are_withheld_are_no_limit():
    own = times([True, False], falling=False)
    assert bounds(own, [])[2] == (6, FREE)
    low, high = own.free(np.arange(6))
    assert (low.tolist(), high.tolist()) == ([0] * 6, [FREE] * 3 + [30] * 3)


@pytest.mark.parametrize(
    ("falling", "count", "value", "gone"),
    [
        (False, 0, 6, []),  # 6 deaths at 1 year agree with 6 at 5 years
        (False, 0, 7, [1]),
        (False, 0, 10, [1, 2]),  # of women only
        (False, 2, 6, []),  # downwards those before
        (False, 2, 1, [0, 1]),
        (False, 4, 21, [5]),
        (False, 3, 0, []),
        (True, 1, 39, [0]),  # more at risk at 5 years than 38 at 1 year
        (True, 1, 12, []),
        (True, 0, 11, [1, 2]),
        (True, 3, 4, [4]),
    ],
)
def test_times_that_keep_a_count_from_a_value_go(falling, count, value, gone):
    own = times([False, False], falling=falling)
    hidden = np.zeros(6, dtype=bool)
    own.stretch(hidden, count, value)
    assert np.flatnonzero(hidden).tolist() == gone
    # what goes is enough: the value is possible now
    hidden[count] = True
    low, high = own.bounds(hidden, np.array([count]))
    assert low[0] <= value <= high[0]
