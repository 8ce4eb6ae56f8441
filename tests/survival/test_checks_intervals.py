"""R's popEpi by interval: every row met to its printed digits, by its own doings and no others."""

from math import exp, sqrt

import numpy as np
import pytest

from tests.reference import popepi_interval_twin as popepi
from tests.survival import checks_intervals
from tests.validation.check import SHARED, Real


@pytest.fixture(scope="module")
def real():
    if not SHARED.is_dir():
        pytest.skip("real data are absent: set RARECARE_SHARED")
    return Real()


ROWS = {
    checks_intervals.popepi_overall: 816,
    checks_intervals.popepi_by: 70,
    checks_intervals.popepi_period: 40,
}


@pytest.mark.parametrize("made", checks_intervals.CHECKS, ids=lambda made: made.__name__)
def test_every_row_and_every_cause(real, made):
    checks = list(made(real))
    for check in checks:
        assert check.holds, check
    replayed = [check for check in checks if check.what.endswith("replayed")]
    assert sum(check.rows for check in replayed) == ROWS[made]
    assert real.reference(replayed[0].file).height == ROWS[made]


# Each of popEpi's own doings is needed: without one, the file is missed by this much.
@pytest.mark.parametrize(
    ("choice", "form", "column", "bounds"),
    [
        ({"half": 0.5}, "hazard", "pp", (5e-3, 5e-2)),
        ({"early": 0.0}, "hazard", "pp", (2e-11, 2e-9)),
        ({"left_at_end": False}, "lifetable", "surv.obs", (1e-6, 2e-5)),
    ],
)
def test_no_cause_is_idle(real, choice, *, form, column, bounds):
    del real
    cases, rates, _ = checks_intervals.sire()
    at, breaks = popepi.hazards(rates, cases), checks_intervals.BREAKS["year"]
    theirs = popepi.survtab(cases, at, breaks, form=form)[column]
    without = popepi.survtab(cases, at, breaks, form=form, **choice)[column]
    assert bounds[0] < np.abs(without / theirs - 1).max() < bounds[1]


def constant(hazard):
    return lambda who, time: np.full(np.broadcast(who, time).shape, hazard)


FOUR = {
    "entry": np.array([0.0, 0.0, 0.0, 0.5]),
    "time": np.array([0.5, 1.0, 2.0, 2.0]),
    "died": np.array([True, False, True, False]),
}


def test_the_replay_by_hand():
    found = popepi.survtab(
        FOUR, constant(0.1), (0, 1, 2), form="hazard", early=0.0, from_entry=True
    )
    # stays 0.5, 1, 1 and 0.5; weights: minus half of 0.1 over what is left of the interval
    assert found["pyrs"].tolist() == [3.0, 2.0]
    assert found["surv.obs"] == pytest.approx([exp(-1 / 3), exp(-1 / 3 - 1 / 2)], rel=1e-14)
    assert found["e2"][0] == pytest.approx(exp(-(1 - 0.3) / 3), rel=1e-14)
    whole, late = exp(-0.05), exp(-0.025)
    years = whole * 2.5 + late * 0.5
    assert found["pp"][0] == pytest.approx(exp(-(whole - 0.1 * years) / years), rel=1e-14)
    assert found["SE.pp"][0] == pytest.approx(found["pp"][0] * whole / years, rel=1e-14)


def test_the_replay_of_the_lifetable_form_by_hand():
    three = {name: values[:3] for name, values in FOUR.items()}
    found = popepi.survtab(three, constant(0.1), (0, 1), form="lifetable")
    # the one censored at 1 has withdrawn in the first year: n' = 3 - 1/2
    assert found["n.cens"].tolist() == [1]
    assert found["surv.obs"][0] == pytest.approx(1 - 1 / 2.5, rel=1e-14)
    greenwood = 1 / (2.5 * 1.5)
    assert found["SE.surv.obs"][0] == pytest.approx(0.6 * sqrt(greenwood), rel=1e-14)
    other = popepi.survtab(three, constant(0.1), (0, 1), form="lifetable", left_at_end=False)
    assert other["n.cens"].tolist() == [0]


def test_a_death_may_be_counted_and_not_weighted():
    marked = FOUR | {"unweighted": np.array([True, False, False, False])}
    found = popepi.survtab(marked, constant(0.0), (0, 1), form="hazard", from_entry=True)
    assert found["d"].tolist() == [1]
    assert found["pp"].tolist() == [1.0]
    assert found["surv.obs"][0] < 1
