"""Standardised figures beside withheld age groups are rounded to what few cases weigh."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare.disclosure.coarse import coarsened

from . import tables

NUMBERS = ("estimate", "se", "lower", "upper")
WHOLE = "2000-2001"


def rate(n, numbers, *, standard="esp2013", age="all", sex="all", reason=None):
    return ("incidence", "01", "all", sex, age, WHOLE, None, standard, "exact", n, None, None, 1e4,
            "per 100 000", *numbers, 0.95, "withheld" if n is None else "ok",
            reason or ("too few" if n is None else None), "derived", True)  # fmt: skip


def survival(n, numbers, *, standard="icss1", age="15-99", time=5.0):
    return ("net survival", "01", "all", "all", age, WHOLE, time, standard, "pohar-perme", n, None,
            None, None, "proportion", *numbers, 0.95, "withheld" if n is None else "ok",
            "too few" if n is None else None, "derived", True)  # fmt: skip


def table(*rows):
    return pl.DataFrame(rows, schema=tables.COLUMNS, orient="row")


ASKED = rate(200, (12.3456, 0.87654, 10.123, 14.987))
GONE = rate(None, (None,) * 4, standard="none", age="0-14")


def test_a_rate_by_hand():
    # five of 200 cases are 12.3456 x 5 / 200 = 0.31 of the rate: steps of 0.2
    row = coarsened(table(ASKED, GONE), 5).row(0, named=True)
    assert [row[name] for name in NUMBERS] == pytest.approx([12.4, 0.8, 10.2, 15.0])
    assert row["reason"] == "rounded to 0.2: some age groups are withheld"
    assert (row["n"], row["status"]) == (200, "ok")


def test_a_remark_stays():
    remarked = rate(200, (12.3456, 0.87654, 10.123, 14.987), reason="some cases are of unknown age")
    row = coarsened(table(remarked, GONE), 5).row(0, named=True)
    assert row["reason"].startswith("some cases are of unknown age; rounded to 0.2")


@pytest.mark.parametrize(
    "beside",
    [
        rate(80, (9.0, 1.0, 7.0, 11.0), standard="none", age="0-14"),  # shown
        rate(None, (None,) * 4, standard="none", age="0-14", sex="male"),  # of men alone
        rate(None, (None,) * 4, standard="none"),  # the crude rate is no age group
    ],
)
def test_nothing_is_rounded_beside_other_rows(beside):
    rows = table(ASKED, beside)
    assert coarsened(rows, 5).equals(rows)


def test_a_crude_rate_is_not_rounded():
    crude = rate(200, (12.3456, 0.87654, 10.123, 14.987), standard="none")
    rows = table(crude, GONE)
    assert coarsened(rows, 5).equals(rows)


def test_survival_by_hand():
    # five of 60 persons are 0.083: steps of 0.05; at 10 years no age group is withheld
    numbers = (0.7312, 0.0634, 0.6021, 0.8397)
    rows = table(
        survival(60, numbers), survival(60, numbers, time=10.0),
        survival(None, (None,) * 4, standard="none", age="45-54"),
        survival(None, (None,) * 4, standard="none", age="0-14", time=10.0),  # not of 15-99
    )  # fmt: skip
    out = coarsened(rows, 5)
    assert out.select(NUMBERS).row(0) == pytest.approx((0.75, 0.05, 0.6, 0.85))
    assert out.select(NUMBERS).row(1) == numbers


def test_twice_is_once():
    once = coarsened(table(ASKED, GONE), 5)
    assert coarsened(once, 5).equals(once)


def test_a_threshold_of_one_rounds_nothing():
    rows = table(ASKED, GONE)
    assert coarsened(rows, 1).equals(rows)


@given(st.integers(5, 10**6), st.floats(1e-4, 1e4), st.integers(2, 9))
def test_laws(n, estimate, threshold):
    numbers = (estimate, estimate * n**-0.5, estimate * 0.8, estimate * 1.3)
    row = coarsened(table(rate(n, numbers), GONE), threshold).row(0, named=True)
    grain = threshold * estimate / n
    for name, before in zip(NUMBERS, numbers, strict=True):
        assert abs(row[name] - before) <= grain / 2 * (1 + 1e-9)
    assert row["lower"] <= row["estimate"] <= row["upper"]
    step = float(row["reason"].split()[2].rstrip(":"))
    assert 0.4 * grain * (1 - 1e-9) <= step <= grain * (1 + 1e-9)
