"""Every check of burden holds; the documentation prints the same objects."""

import re
from functools import cache

import numpy as np
import polars as pl
import pytest

from tests.reference import nordpred_twin
from tests.validation.burden import CHECKS, FOLLOWED, lexis
from tests.validation.check import SHARED, Real

FILES = {
    "Epi_testisDK_ASR_by_year.csv", "Epi_testisDK_ASR_children.csv", "Epi_apc.fit_testisDK.csv",
    "Epi_apc.fit_testisDK_anova.csv", "epitools_ageadjust_indirect.csv", "epitools_pois_ci.csv",
    "popEpi_rate_direct.csv", "popEpi_sir_mortality.csv",
    "popEpi_counted_prevalence_by_hand.csv", "prevsim_counted_by_hand.csv",
    "rprev_prevsim.csv", "nordpred_colon_men_norway.csv", "published_figures.csv",
}  # fmt: skip


@cache
def checks_of(made):
    """The checks that a function makes, made once."""
    if not SHARED.is_dir():
        pytest.skip("real data are absent: set RARECARE_SHARED")
    return list(made(Real()))


@pytest.mark.parametrize("made", CHECKS, ids=lambda function: function.__name__)
def test_within_its_tolerance(made):
    checks = checks_of(made)
    assert checks
    for check in checks:
        assert check.holds, check


def test_every_file_is_on_the_page():
    assert {check.file for made in CHECKS for check in checks_of(made)} == FILES


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Epi_testisDK_ASR_by_year.csv", "counts, crude"),
        ("popEpi_rate_direct.csv", "crude rate and SE"),
        ("popEpi_sir_mortality.csv", "ratio$"),
        ("Epi_testisDK_ASR_children.csv", "rates"),
        ("epitools_pois_ci.csv", "pois.exact"),
        ("epitools_ageadjust_indirect.csv", "observed|replayed"),
        ("prevsim_counted_by_hand.csv", "cases"),
        ("nordpred_colon_men_norway.csv", "replayed|observed rates"),
        ("Epi_apc.fit_testisDK.csv", "replayed"),
        ("Epi_apc.fit_testisDK_anova.csv", "p-values"),
    ],
)
def test_every_row_of_a_file_is_compared(name, label):
    of_file = [check for made in CHECKS for check in checks_of(made) if check.file == name]
    rows = sum(check.rows for check in of_file if re.search(label, check.what))
    assert rows == Real().reference(name).height


def test_a_wrong_number_is_seen():
    """Comparisons with a file fail when its numbers are a thousandth larger."""
    if not SHARED.is_dir():
        pytest.skip("real data are absent: set RARECARE_SHARED")

    class Wrong(Real):
        def reference(self, name):
            numbers = [n for n in ("rate", "asr", "sir", "est", "value") if n in self._read(name)]
            return self._read(name).with_columns(pl.col(numbers).cast(pl.Float64) * 1.001)

        def _read(self, name):
            return super().reference(name)

    seen = {made.__name__ for made in CHECKS if any(not c.holds for c in made(Wrong()))}
    assert seen >= {"testis_by_year", "testis_of_children", "direct", "counts",
                    "mortality_ratios", "rprev", "norway", "denmark"}  # fmt: skip


def test_the_stays_of_one_person_by_hand():
    """Born 1950.25, diagnosed 2000.5, died 2001.75: stays cut at 2001, 51.25 and one year.

    2000.5 to 2001: half a year at age 50 in 2000; to 2001.25 a quarter at age 50 in 2001; to
    2001.5 a quarter at age 51; then a quarter in the second interval.
    """
    hazard = {(2000, 50): 0.01, (2001, 50): 0.02, (2001, 51): 0.04}
    deaths, expected, lived = lexis([(1950.25, 2000.5, 2001.75, True)], hazard)
    assert FOLLOWED[:3] == (0, 1, 2)
    assert deaths.tolist() == [0, 1, 0, 0, 0]
    np.testing.assert_allclose(lived, [1, 0.25, 0, 0, 0], rtol=1e-15)
    np.testing.assert_allclose(expected, [0.005 + 0.005 + 0.01, 0.01, 0, 0, 0], rtol=1e-12)
    cut, *_ = lexis([(1950.25, 2000.5, 2001.75, True)], hazard, oldest=51)
    assert cut.sum() == 0


@pytest.mark.parametrize("link", ["log", "power5"])
def test_the_twin_of_nordpred_goes_on_with_constant_rates(link):
    cases = [[20.0 * (age + 1)] * 5 for age in range(6)]
    years = [[1e5] * 5 for _ in range(6)]
    rates = nordpred_twin.project(
        cases, years, 2, start=1, use=2, m=4, link=link, recent=False, stop=1e-10
    )
    np.testing.assert_allclose(rates, np.array(cases)[:, :2] / 1e5, rtol=1e-9)


def test_the_twin_of_glm_by_hand():
    """One constant: the rate is cases over person-years, its information the cases."""
    beta, covariance, means = nordpred_twin.fit(
        [[1.0], [1.0]], [30.0, 10.0], [3e3, 1e3], "log", stop=1e-10
    )
    assert beta[0] == pytest.approx(np.log(0.01), rel=1e-12)
    assert covariance[0, 0] == pytest.approx(1 / 40, rel=1e-9)
    assert means == pytest.approx([30, 10], rel=1e-12)
