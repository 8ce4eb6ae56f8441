"""Survival simulated with a known net survival: the estimator finds it, its interval covers it."""

from datetime import date
from math import sqrt

import numpy as np
import polars as pl
import pytest

from rarecare.population.life_table import LifeTable
from rarecare.survival import net_survival

D = 365.25
EXCESS = 0.25  # excess hazard per year, the same for all
YEARS = (1, 3, 5)
DAYS = [int(years * D) for years in YEARS]
TRUE = np.exp(-EXCESS * np.array(DAYS) / D)
FIRST, LAST = 50, 100
MORTALITY = 0.004 * np.exp(0.095 * np.arange(LAST - FIRST + 1))  # by completed age from 50

LIFE_TABLE = LifeTable.read(
    pl.DataFrame(
        [
            {"age": FIRST + i, "year": year, "mx": float(rate)}
            for i, rate in enumerate(MORTALITY)
            for year in range(2000, 2007)
        ]
    ),
    keys=[],
)


def draw(rng, n):
    """A frame of n cases with deaths from either cause and censoring that depends on age."""
    horizon = DAYS[-1] + 30
    age_days = rng.integers(int(FIRST * D), int(85 * D), n)
    ages = ((age_days[:, None] + np.arange(horizon)) / D).astype(int) - FIRST
    cumulative = np.cumsum(MORTALITY[ages] / D, axis=1)
    hazard = rng.exponential(size=n)
    other = 1 + (cumulative < hazard[:, None]).sum(axis=1)  # day of death; beyond if none
    cancer = np.ceil(rng.exponential(D / EXCESS, n))
    old = age_days > 70 * D
    followed = np.where(old, rng.uniform(2 * D, 12 * D, n), horizon).astype(int)
    last = np.minimum(np.minimum(cancer, other), np.minimum(followed, horizon))
    return pl.DataFrame(
        {
            "incidence_date": date(2000, 1, 1),
            "age_days": age_days.astype(float),
            "follow_up_days": np.maximum(last, 1).astype(np.int64),
            "died": np.minimum(cancer, other) <= np.minimum(followed, horizon),
        }
    )


def replicate(seed, n_runs, n_cases):
    """Estimates, standard errors and whether the interval covers, each (n_runs, n_times)."""
    rng = np.random.default_rng(seed)
    parts = []
    for run in range(n_runs):
        parts.append(draw(rng, n_cases).with_columns(run=pl.lit(run)))
    table = net_survival(
        pl.concat(parts), LIFE_TABLE, by=["run"], at_days=DAYS, days_per_year=D
    ).table.sort("run", "time_days")
    shape = (n_runs, len(DAYS))
    values = {name: table[name].to_numpy().reshape(shape) for name in ("estimate", "se")}
    lower, upper = (table[name].to_numpy().reshape(shape) for name in ("lower", "upper"))
    covers = (lower <= TRUE) & (upper >= TRUE)
    return values["estimate"], values["se"], covers


def check(seed, n_runs, n_cases):
    estimate, se, covers = replicate(seed, n_runs, n_cases)
    error = estimate.mean(axis=0) - TRUE
    spread = estimate.std(axis=0, ddof=1)
    # four standard errors of the mean: a false alarm once in 16 000 at each time
    assert (np.abs(error) < 4 * spread / sqrt(n_runs)).all()
    # the mean standard error is that of the estimates: relative error of a SD is 1/√(2 runs)
    assert se.mean(axis=0) == pytest.approx(spread, rel=5 / sqrt(2 * n_runs) + 0.02)
    # coverage of 95 %: binomial, four standard deviations
    slack = 4 * sqrt(0.95 * 0.05 / n_runs)
    assert (np.abs(covers.mean(axis=0) - 0.95) < slack + 0.005).all()


def test_net_survival_is_found_and_covered():
    check(seed=20260101, n_runs=60, n_cases=400)


@pytest.mark.slow
def test_net_survival_is_found_and_covered_in_many_runs():
    check(seed=20260102, n_runs=1000, n_cases=400)
