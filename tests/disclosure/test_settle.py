"""The tree of entities by hand: rests, totals that are told, groups that overlap the tree."""

import numpy as np
import pytest

from rarecare.disclosure.cells import measure_of
from rarecare.disclosure.settle import settle

from . import tables
from .test_protect import incidence

UNIONS = {"rare": ["01.02", "02.01"]}


def settled(counts, threshold=5, unions=None):
    """Return what is withheld of counts by entity, of all areas, sexes, and ages."""
    rows = incidence(*((e, "all", "all", "all", n) for e, n in counts.items()))
    measure = measure_of(rows, areas=tables.areas(), entities=tables.entities(), unions=unions)
    lattice = measure.lattices[0]
    hidden = measure.rest & (measure.n > 0)
    hidden |= (measure.n > 0) & (measure.n < threshold)
    out = settle(lattice, hidden, measure.n_hidden, threshold)
    assert (out | ~hidden).all()
    return {e for e, gone in zip(rows["entity_id"], out[measure.cell], strict=True) if gone}


@pytest.mark.parametrize(
    ("counts", "gone"),
    [
        # 30 - 20 - 3 leave 7 that no row shows: 3 may be 0 to 10
        ({"01.01": 30, "01.01.01": 20, "01.01.02": 3}, {"01.01.02"}),
        # 30 - 27 - 3 leave nothing: the other part goes
        ({"01.01": 30, "01.01.01": 27, "01.01.02": 3}, {"01.01.01", "01.01.02"}),
        # 30 - 26 - 3 leave 1: 3 may be 0 to 4 and not 10, the other part goes
        ({"01.01": 30, "01.01.01": 26, "01.01.02": 3}, {"01.01.01", "01.01.02"}),
        # 30 - 15 - 13 leave 2, small itself: the cheaper part goes
        ({"01.01": 30, "01.01.01": 15, "01.01.02": 13}, {"01.01.02"}),
        # two small parts of 1 + 4, and 9 are left
        ({"01.01": 14, "01.01.01": 1, "01.01.02": 4}, {"01.01.01", "01.01.02"}),
    ],
)
def test_a_rest_is_a_part(counts, gone):
    assert settled(counts) == gone


def test_a_total_that_tells_its_only_part_goes():
    # 02 holds 02.01 and nothing else: 3 of both. Of all, 01 goes beside 02, and its parts with it.
    counts = {"all": 23, "01": 20, "02": 3, "02.01": 3, "01.01": 12, "01.02": 8}
    assert settled(counts) == {"01", "02", "02.01", "01.01", "01.02"}


def test_a_total_stays_where_only_a_reader_who_is_told_too_much_needs_it():
    # Of 10 cases 2 are young, all of 01.01.01. A reader who is told them cannot make the 3 of
    # 01.01.01 fewer than 2; one who sees the 10 alone can: all 10 old, and of 01.01.02.
    cells = {
        ("01.01", "0-14"): 2, ("01.01", "15-74"): 8, ("01.01", "all"): 10,
        ("01.01.01", "0-14"): 2, ("01.01.01", "15-74"): 1, ("01.01.01", "all"): 3,
        ("01.01.02", "15-74"): 7, ("01.01.02", "all"): 7,
    }  # fmt: skip
    rows = incidence(*((e, "all", "all", age, n) for (e, age), n in cells.items()))
    measure = measure_of(rows, areas=tables.areas(), entities=tables.entities())
    out = settle(measure.lattices[0], measure.n < 4, measure.n_hidden, 4)
    gone = {cell for cell, one in zip(cells, out[measure.cell], strict=True) if one}
    assert ("01.01", "all") not in gone
    assert {("01.01", "0-14"), ("01.01", "15-74"), ("01.01.02", "15-74")} <= gone


def test_a_part_may_be_as_large_as_its_total():
    # 01.01 has 3 of one kind and 6 of no kind listed, 9 in all: withheld beside its rest the 3 may
    # be 0 to 9, which is its total: enough. Of 01 nothing else goes.
    assert settled({"01": 40, "01.01": 9, "01.01.01": 3, "01.02": 31}) == {"01.01.01"}
    # with 4 of its kind and 1 of none, 5 is the total, so that 5 is enough as well
    assert settled({"01": 40, "01.01": 5, "01.01.01": 4, "01.02": 35}) == {"01.01.01"}


def test_a_group_that_tells_one_of_its_parts_goes():
    # 33 rare are 3 of 01.02 and 30 of 02.01: with 30 shown the group tells the 3. Of 01 the other
    # part goes too.
    counts = {"all": 100, "rare": 33, "01": 60, "01.01": 57, "01.02": 3, "02": 40, "02.01": 30}
    assert settled(counts, unions=UNIONS) == {"rare", "01.01", "01.02"}
    # without it nothing withholds the group: 33 - 30 = 3
    assert settled(counts) == {"01.01", "01.02"}


def test_a_group_stays_where_nothing_of_it_is_withheld():
    counts = {"all": 100, "rare": 42, "01": 60, "01.01": 48, "01.02": 12, "02": 40, "02.01": 30}
    assert settled(counts, unions=UNIONS) == set()


def test_what_was_withheld_before_is_asked_nothing():
    rows = incidence(*((e, "all", "all", "all", n) for e, n in
                       {"01": 30, "01.01": 8, "01.02": 22}.items()))  # fmt: skip
    rows = rows.with_columns(n=rows["n"].set(rows["entity_id"] == "01.01", None))
    measure = measure_of(rows, areas=tables.areas(), entities=tables.entities())
    out = settle(measure.lattices[0], measure.n_hidden, measure.n_hidden, 5)
    assert np.array_equal(out, measure.n_hidden)
