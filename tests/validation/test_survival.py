"""Every check of survival holds; the page of the documentation prints the same objects."""

import pytest

from tests.validation.check import SHARED, Real
from tests.validation.survival import CHECKS, REAL


@pytest.fixture(scope="module")
def real():
    return Real()


@pytest.mark.parametrize("made", CHECKS, ids=lambda function: function.__name__)
def test_within_its_tolerance(real, made):
    if made in REAL and not SHARED.is_dir():
        pytest.skip("real data are absent: set RARECARE_SHARED")
    checks = list(made(real))
    assert checks
    for check in checks:
        assert check.holds, check
