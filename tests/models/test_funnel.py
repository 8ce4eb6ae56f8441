"""Funnel of net survival: limits and ratios by hand, shrinkage, a known truth."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from rarecare.errors import UsageError
from rarecare.models import excess_cells, fit_poisson, funnel
from rarecare.models.funnel import BEYOND_95, BEYOND_998, WITHIN
from tests.models.test_decomposition import CHOICES, LEVEL
from tests.survival.invented import D


def hospitals(n, size, *, seed=1, spread=0.0, worse=None):
    """Cases of hospitals alike but for a normal spread of their log ratios, and one planted."""
    rng = np.random.default_rng(seed)
    names = np.array([f"H{k:02d}" for k in range(n)])
    effect = rng.normal(scale=spread, size=n) if spread else np.zeros(n)
    if worse:
        effect[worse[0]] = worse[1]
    where = rng.integers(0, n, n * size) if size > 0 else np.zeros(0, dtype=int)
    hazard = 0.1 + 0.2 * np.exp(effect[where])
    days = np.ceil(rng.exponential(1 / hazard) * D).astype(int)
    stop = rng.integers(int(5 * D), int(6 * D), len(where))
    frame = pl.DataFrame(
        {
            "hospital": names[where], "sex": "female", "incidence_date": date(2000, 1, 1),
            "age_days": 61 * D, "follow_up_days": np.minimum(days, stop), "died": days <= stop,
        }
    )  # fmt: skip
    return frame, effect


def made(frame, **choices):
    cells = excess_cells(frame, LEVEL, covariates=["hospital"], **CHOICES)
    return cells, funnel(cells, unit="hospital", **choices).table


def test_limits_and_ratios_by_hand():
    frame, _ = hospitals(4, 400, worse=(3, np.log(2)))
    cells, table = made(frame)
    fit = fit_poisson(cells, "~ C(interval)")
    row = table.row(3, named=True)
    own = fit.residuals().filter(hospital="H03")
    g = own["fitted"] - own["expected"]
    information = (g**2 / own["fitted"]).sum()
    assert row["information"] == pytest.approx(information)
    assert row["expected_excess"] == pytest.approx(g.sum())
    centre = fit.standardised([5])["estimate"][0]
    assert row["centre"] == pytest.approx(centre)
    assert row["upper_998"] == pytest.approx(centre ** np.exp(-3.0902323 / information**0.5))
    assert row["lower_95"] == pytest.approx(centre ** np.exp(1.959964 / information**0.5))
    # the ratio: where the deaths of its cells are most likely
    grid = np.linspace(0.2, 1.2, 20_001)
    d, expected = own["deaths"].to_numpy(), own["expected"].to_numpy()
    mu = expected[:, None] + g.to_numpy()[:, None] * np.exp(grid)
    theta = grid[(d[:, None] * np.log(mu) - mu).sum(axis=0).argmax()]
    assert row["estimate"] == pytest.approx(centre ** np.exp(theta), abs=1e-4)
    assert row["verdict"] == BEYOND_998
    assert row["lower"] < row["estimate"] < row["upper"] < row["lower_998"]


def test_hospitals_alike_are_within_as_often_as_they_should():
    """200 hospitals without differences: 95 % within, give or take; shrunken to the centre."""
    frame, _ = hospitals(200, 100, seed=2)
    _, table = made(frame)
    share = (table["verdict"] == WITHIN).mean()
    assert 0.90 < share < 0.99
    assert table.height == 200
    assert table["shrunken"].std() < 0.3 * table["estimate"].std()
    assert (table["verdict"] == BEYOND_95).any()


def test_shrunken_survival_lies_nearer_the_truth():
    frame, effect = hospitals(60, 60, seed=3, spread=0.4)
    _, table = made(frame)
    truth = np.exp(-0.2 * 5 * np.exp(effect))
    raw = np.abs(table["estimate"].to_numpy() - truth).mean()
    shrunken = np.abs(table["shrunken"].to_numpy() - truth).mean()
    assert shrunken < raw
    covered = (table["shrunken_lower"].to_numpy() < truth) & (
        truth < table["shrunken_upper"].to_numpy()
    )
    assert covered.mean() > 0.85


def test_a_hospital_with_fewer_deaths_than_expected_says_so():
    frame, _ = hospitals(5, 300, seed=4)
    frame = frame.with_columns(
        died=pl.col("died") & (pl.col("hospital") != "H02"),
        follow_up_days=pl.when(pl.col("hospital") == "H02").then(2000).otherwise("follow_up_days"),
    )
    _, table = made(frame)
    row = table.row(by_predicate=pl.col("hospital") == "H02", named=True)
    assert (row["estimate"], row["status"]) == (None, "not estimable")
    assert "no more deaths than expected" in row["reason"]


def test_refusals():
    frame, _ = hospitals(3, 100)
    cells = excess_cells(frame, LEVEL, covariates=["hospital"], **CHOICES)
    with pytest.raises(UsageError, match="no such stratum"):
        funnel(cells, unit="country")
    with pytest.raises(UsageError, match="stands in the formula"):
        funnel(cells, "~ C(interval) + hospital", unit="hospital")
