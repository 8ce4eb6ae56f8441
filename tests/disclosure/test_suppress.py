"""What a reader narrows and what must be withheld, in tables small enough to be worked out."""

import numpy as np
import pytest

from rarecare.disclosure.attack import Reader
from rarecare.disclosure.suppress import Need, narrow, protect_block
from rarecare.disclosure.web import Web

from .test_web import family

ROW, COLUMN, WHOLE = (9, 10, 11), (12, 13, 14), 15
FAMILIES = (
    family("area", *((ROW[i], [3 * i, 3 * i + 1, 3 * i + 2]) for i in range(3)), (WHOLE, COLUMN)),
    family("sex", *((COLUMN[i], [i, 3 + i, 6 + i]) for i in range(3)), (WHOLE, ROW)),
)


def grid(table, threshold):
    """A table of 3 × 3 with its margins: the web, what is small, and its need."""
    cells = np.array(table)
    margins = [cells.sum(axis=1), cells.sum(axis=0), [cells.sum()]]
    values = np.concatenate([cells.ravel(), *margins])
    web = Web.of(values, FAMILIES)
    small = (values > 0) & (values < threshold)
    return web, small, Need.of(web, small, threshold)


def withheld(*places):
    return np.isin(np.arange(16), places)


def intervals(web, hidden):
    place = np.flatnonzero(hidden)
    reader = Reader(web.part(place))
    return {
        int(p): (round(reader.extreme(i, 1.0), 6) + 0.0, round(reader.extreme(i, -1.0), 6))
        for i, p in enumerate(place)
    }


SQUARE = [[2, 20, 6], [20, 8, 30], [7, 30, 40]]
"""Of the squares of four that hold the 2, that with 6 and 7 costs least."""


def test_a_square_of_four_hides_a_count():
    # A cell x moves with one of its row, one of its column and the one opposite, in turn up and
    # down. 2 -> 0: 6 -> 8, 7 -> 9, 40 -> 38. Up: 6 and 7 go down, to 0 and 1 when 2 is 8 = 2 + 6.
    web, small, need = grid(SQUARE, 4)
    assert need.counts.tolist() == [0]
    assert (need.least[0], need.greatest[0]) == (0, 8)
    # cost 1 + ln(1 + n): 6, 7, 40 have 2.9 + 3.1 + 4.7 = 10.7; 20, 20, 8 have 4.0 + 4.0 + 3.2 =
    # 11.2; and a total costs as four
    cost = 1.0 + np.log1p(web.values)
    cost[9:] *= 4
    done = protect_block(web, small, need, cost)
    assert np.flatnonzero(done.hidden).tolist() == [0, 2, 6, 8]
    assert (done.beyond, done.stretched) == ({}, {})
    assert intervals(web, done.hidden) == {0: (0, 8), 2: (0, 8), 6: (1, 9), 8: (38, 46)}


def test_a_count_alone_in_its_line_is_narrowed():
    web, _, need = grid(SQUARE, 4)
    for hidden in (withheld(0), withheld(0, 2), withheld(0, 2, 6)):  # each stands alone in a line
        above, below = narrow(web, hidden, need)
        assert (above.tolist(), below.tolist()) == ([0], [0])
    above, below = narrow(web, withheld(0, 2, 6, 8), need)
    assert (above.tolist(), below.tolist()) == ([], [])


def test_a_partner_that_is_too_small_takes_another():
    # With 3 and 2 instead of 6 and 7 the 2 can be 0, but not above 4: 8 asks for more.
    table = [[2, 20, 3], [20, 8, 30], [2, 30, 40]]
    web, _, need = grid(table, 4)
    need = Need(np.array([0]), need.least, need.greatest)
    above, below = narrow(web, withheld(0, 2, 6, 8), need)
    assert (above.tolist(), below.tolist()) == ([], [0])
    assert intervals(web, withheld(0, 2, 6, 8))[0] == (0, 4)
    done = protect_block(web, withheld(0, 2, 6, 8), need, 1.0 + np.log1p(web.values))
    low, high = intervals(web, done.hidden)[0]
    assert low == 0
    assert high >= 8


def test_one_total_by_hand():
    # parts of 10: 2 (of 0 to 3) and 8: the first is 0 to 3, the second what it leaves, 7 to 10
    web = Web.of(
        np.array([2, 8, 10]), (family("sex", (2, [0, 1])),),
        bounds=(np.zeros(3), np.array([3.0, 20.0, 20.0])),
    )  # fmt: skip
    hidden = np.array([True, True, False])

    def narrowed(least, greatest):
        need = Need(np.array([0, 1]), np.array([*least, 0.0]), np.array([*greatest, 10.0]))
        return tuple(found.tolist() for found in narrow(web, hidden, need))

    assert narrowed((0, 7), (3, 10)) == ([], [])
    assert narrowed((0, 6), (3, 10)) == ([1], [])
    assert narrowed((0, 7), (4, 11)) == ([], [0, 1])


def test_need_is_twice_the_threshold_or_the_smallest_total():
    web = Web.of(np.array([3, 5, 8, 2, 40, 42]), (family("sex", (2, [0, 1]), (5, [3, 4])),))
    need = Need.of(web, np.array([1, 0, 0, 1, 0, 0], dtype=bool), 5)
    assert need.greatest[need.counts].tolist() == [8, 10]
    # another time says that the second is 4 at most; below its own value no need can be
    most = np.array([1.0, 99, 99, 4, 99, 99])
    need = Need.of(web, np.array([1, 0, 0, 1, 0, 0], dtype=bool), 5, most)
    assert need.greatest[need.counts].tolist() == [3, 4]


def test_need_grows_with_a_count_that_is_told():
    _, _, need = grid(SQUARE, 4)
    whole = np.array([WHOLE])
    once, first = need.also(whole, np.array([160.0]), np.array([170.0]))
    more, new = once.also(whole, np.array([161.0]), np.array([175.0]))
    same, none = more.also(whole, np.array([162.0]), np.array([163.0]))
    assert (first.tolist(), new.tolist(), none.tolist()) == ([WHOLE], [WHOLE], [])
    assert (same.least[WHOLE], same.greatest[WHOLE]) == (160, 175)
    assert more.counts.tolist() == [0, WHOLE]
    assert (more.least[WHOLE], more.greatest[WHOLE]) == (160, 175)
    assert need.counts.tolist() == [0]
    inside = more.within(np.array([3, WHOLE]))
    assert (inside.counts.tolist(), inside.greatest.tolist()) == ([1], [need.greatest[3], 175])


@pytest.mark.parametrize(("rest", "beyond"), [(0, {0: -2.0}), (4, {})])
def test_what_no_withholding_achieves_is_said(rest, beyond):
    # 2 + rest = told total. Alone it is known, beside a rest of 4 it may be 0 to 6.
    values = np.array([2, rest, 2 + rest])
    web = Web.of(values, (family("entity_id", (2, [0, 1])),))
    need = Need(np.array([0]), np.zeros(3), np.array([6.0, 0, 0]) if rest else values.astype(float))
    done = protect_block(web, np.array([True, False, False]), need, np.ones(3))
    assert done.beyond == beyond
    assert done.hidden.tolist() == [True, rest > 0, False]
