"""Webs of counts by hand: relations, pieces, parts."""

import numpy as np
import pytest

from rarecare.disclosure.cells import Family
from rarecare.disclosure.web import Web

INF = np.inf


def family(name, *relations):
    """Relations (total, parts), by position."""
    return Family(
        name,
        np.concatenate([np.array(parts) for _, parts in relations]),
        np.repeat(np.arange(len(relations)), [len(parts) for _, parts in relations]),
        np.array([total for total, _ in relations]),
    )


def equations(web):
    """Return each relation as its least, {position: sign} and greatest."""
    found = []
    for i, (least, greatest) in enumerate(zip(web.least, web.greatest, strict=True)):
        own = web.row == i
        signs = dict(zip(web.column[own].tolist(), web.sign[own].tolist(), strict=True))
        found.append((least, signs, greatest))
    return found


def test_parts_that_make_up_their_total_are_an_equation():
    web = Web.of(np.array([3, 7, 10]), (family("sex", (2, [0, 1])),))
    assert equations(web) == [(0.0, {0: 1.0, 1: 1.0, 2: -1.0}, 0.0)]
    assert web.ceiling.tolist() == [10, 10, INF]
    assert web.lower.tolist() == [0, 0, 0]


def test_parts_that_leave_something_are_at_most_their_total():
    web = Web.of(np.array([3, 5, 10]), (family("age_group", (2, [0, 1])),))
    assert equations(web) == [(-INF, {0: 1.0, 1: 1.0, 2: -1.0}, 0.0)]


def test_totals_of_the_tree_of_entities_are_told():
    # 3 + 7 = 10 is told; of 20 the 3 leave 17 that are listed nowhere
    families = (family("entity_id", (2, [0, 1])), family("sex", (3, [0])))
    web = Web.of(np.array([3, 7, 10, 20]), families)
    assert equations(web) == [(10.0, {0: 1.0, 1: 1.0}, 10.0), (-INF, {0: 1.0, 3: -1.0}, 0.0)]
    # the smallest of the totals 10 and 20
    assert web.ceiling.tolist() == [10, 10, INF, INF]


@pytest.mark.parametrize("gone", [0, 2])
def test_a_relation_with_a_count_not_known_is_left_out(gone):
    values = np.array([3, 7, 10])
    values[gone] = 0
    web = Web.of(values, (family("sex", (2, [0, 1])),), unknown=np.arange(3) == gone)
    assert equations(web) == []
    assert web.ceiling.tolist() == [INF] * 3


def test_a_part_takes_what_is_shown_at_its_value():
    # rows 3 + 7 = 10 and 4 + 6 = 10; of the first 3 and 10 are shown: x = 7. Of the second nothing
    # is chosen, so that it says nothing.
    values = np.array([3, 7, 10, 4, 6, 10])
    web = Web.of(values, (family("sex", (2, [0, 1]), (5, [3, 4])),))
    part = web.part(np.array([1]))
    assert equations(part) == [(7.0, {0: 1.0}, 7.0)]
    assert (part.values.tolist(), part.ceiling.tolist()) == ([7], [10])
    # a total that is chosen: 3 + 7 - y = 0
    assert equations(web.part(np.array([2]))) == [(-10.0, {0: -1.0}, -10.0)]
    # a relation that holds a count neither chosen nor known says nothing either
    open_ = web.part(np.array([1, 3]), np.arange(6) == 0)
    assert equations(open_) == [(4.0, {1: 1.0}, 4.0)]


def test_pieces_hang_together_by_relations():
    # 0 + 1 = 2, 3 + 4 = 5, and 1 + 6 = 7: with 1 and 2 chosen 0 and 6 hang together, else not
    values = np.array([1, 2, 3, 1, 2, 3, 5, 7])
    web = Web.of(values, (family("sex", (2, [0, 1]), (5, [3, 4])), family("area", (7, [1, 6]))))

    def pieces(*places):
        return sorted(piece.tolist() for piece in web.pieces(np.isin(np.arange(8), places)))

    assert pieces(0, 1, 2, 3, 4, 5, 6, 7) == [[0, 1, 2, 6, 7], [3, 4, 5]]
    assert pieces(0, 1, 6) == [[0, 1, 6]]
    assert pieces(0, 2, 6, 3) == [[0, 2], [3], [6]]
    assert pieces() == []
