"""The referral matrix by hand."""

import pytest

from rarecare.care.referral import referral_matrix
from rarecare.errors import ColumnError
from tests.care.test_indicators import CASES, EVENTS


def test_matrix_by_hand():
    table = referral_matrix(CASES, EVENTS)
    assert table.rows() == [
        ("IT", "H1", "H1", 2, 3, 2 / 3),  # P2, P6
        ("IT", "H1", "H2", 1, 3, 1 / 3),  # P1
        ("IT", "H2", "H2", 1, 1, 1.0),  # P3
    ]
    whole = referral_matrix(CASES, EVENTS, by=())
    assert whole["n"].sum() == 4


def test_a_missing_stratum_is_named():
    with pytest.raises(ColumnError, match="Did you mean 'country'"):
        referral_matrix(CASES, EVENTS, by=("contry",))
