"""What protection leaves, by hand."""

import pytest

from .test_protect import AREAS, ENTITIES, by_area, incidence, protect


def test_by_hand():
    # AA is small and BB goes with it: two of four cells; CC and the total are shown
    left = protect(by_area(AA=3, BB=7, CC=9, all=19), areas=AREAS, entities=ENTITIES).utility
    row = left.row(0, named=True)
    assert (row["measure"], row["cells"]) == ("incidence", 4)
    assert (row["small"], row["withheld"], row["whole_rows"]) == (0.25, 0.5, 0.75)
    assert row["cases_shown"] == pytest.approx(28 / 38)


def test_cells_of_nobody_are_not_counted():
    left = protect(by_area(AA=0, BB=7, all=7), areas=AREAS, entities=ENTITIES).utility
    assert left.select("cells", "withheld", "cases_shown", "whole_rows").row(0) == (2, 0, 1, 0)


def test_only_the_breakdown_with_a_small_count_would_go_whole():
    rows = incidence(
        ("01", "all", "all", "all", 40), ("01", "AA", "all", "all", 3),
        ("01", "BB", "all", "all", 37), ("01", "all", "male", "all", 20),
        ("01", "all", "female", "all", 20),
    )  # fmt: skip
    left = protect(rows, areas=AREAS, entities=ENTITIES).utility.row(0, named=True)
    assert left["whole_rows"] == pytest.approx(2 / 5)
