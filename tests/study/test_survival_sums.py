"""Daily sums of areas, added and rolled up to groups."""

import numpy as np
import polars as pl

from rarecare.study.entities import Groups
from rarecare.study.survival import Sums, _rolled_up


def sums(*codes, deaths):
    return Sums(np.array(codes), {"deaths": np.array(deaths)})


def test_areas_add_stratum_by_stratum():
    whole = Sums()
    whole.add(sums(1, 14, deaths=[[1, 2], [3, 4]]))
    whole.add(sums(2, 14, deaths=[[5, 6], [7, 8]]))
    whole.add(sums(1, deaths=[[10, 20]]))
    assert whole.codes.tolist() == [1, 2, 14]
    assert whole.arrays["deaths"].tolist() == [[11, 22], [5, 6], [10, 12]]


def test_groups_hold_the_sums_of_their_leaves():
    """Codes are (leaf · 2 + sex) · 6 + class: leaf 0 women of classes 1 and 2; leaf 1 men of 1."""
    groups = Groups(
        pl.DataFrame({"entity_id": ["all", "a", "b", "c"]}), ("a", "b", "c"),
        np.array([[True, True, True], *np.eye(3, dtype=bool).tolist()]),
    )  # fmt: skip
    of = sums(1, 2, 19, deaths=[[1, 2], [3, 4], [5, 6]])
    arrays, held = _rolled_up(of, groups, range(1, 3))
    assert held.table["entity_id"].to_list() == ["all", "a", "b"]
    assert arrays["deaths"].tolist() == [
        [[6, 8], [3, 4]], [[1, 2], [3, 4]], [[5, 6], [0, 0]],
    ]  # fmt: skip
    arrays, held = _rolled_up(of, groups, range(1, 3), sexes=(1,))
    assert held.table["entity_id"].to_list() == ["all", "b"]
    assert arrays["deaths"].tolist() == [[[5, 6], [0, 0]], [[5, 6], [0, 0]]]
