"""A known truth: how often prediction intervals hold what is then counted.

By default a seeded sixty, with the bounds that sixty allow; three hundred with ``make test-all``.
"""

import numpy as np
import pytest

from rarecare.projection import (
    constant_rates,
    nordpred,
    one_drift,
    project_nordpred,
    project_single_years,
)
from rarecare.projection.estimate import CASES, simulated
from rarecare.rates.glm import rate_of

AGES, PERIODS, FUTURE = 14, 6, 3


def truth(link, width):
    """Rates by age and period, observed and to come, that the model holds for."""
    n = (PERIODS + FUTURE) * (5 // width)
    age = np.linspace(-11.5, -7.5, AGES) if link == "log" else np.linspace(0.10, 0.22, AGES)
    step = (0.06 if link == "log" else 0.003) * width / 5
    return rate_of(age[:, None] + step * np.arange(n), link)


def once(number, model, link):
    rng = np.random.default_rng([7, number])
    width = 1 if model == "single years" else 5
    rates = truth(link, width)
    if model == "constant":
        rates = np.repeat(rates[:, :1], rates.shape[1], axis=1)
    y = np.full(rates.shape, 2e5 * width)
    counts = rng.poisson(rates * y).astype(float)
    seen = PERIODS * (5 // width)
    d, own = counts[:, :seen], y[:, :seen]
    later = rates.shape[1] - seen
    if model == "nordpred":
        fit = nordpred(d, own, start=1, use=2, link=link, recent=False)
        projected = project_nordpred(d, own, fit, later, cut=(0,))
        # ages below the first projected keep the mean of the last two periods: not in the truth
        counts[:2, seen:] = rng.poisson(
            (d[:2, -2:].mean(axis=1) / own[:2, 0])[:, None] * y[:2, seen:]
        )
    elif model == "single years":
        middle = 5 * np.arange(AGES) + 2.5
        projected = project_single_years(
            d, own, middle, later, start=0, use=0, link=link, recent=False, cut=(0,)
        )
    elif model == "drift":
        projected = one_drift(d, own, later, last=PERIODS, cut=(0,))
    else:
        projected = constant_rates(d, own, later, last=2)
    _, drawn = simulated(projected, y[:, seen:], None, width=width, draws=1_000)[CASES]
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    then = counts[:, seen:].sum(axis=0) / width
    return (low <= then) & (then <= high)


MODELS = [
    ("nordpred", "log"), ("nordpred", "power5"), ("drift", "log"), ("constant", "log"),
    ("single years", "log"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "link"), MODELS)
def test_intervals_hold_what_is_counted(model, link):
    share = np.mean([once(k, model, link).mean() for k in range(60)])
    # the periods of a replicate go together: 4 standard errors of 60 independent shares
    assert abs(share - 0.95) < 4 * (0.95 * 0.05 / 60) ** 0.5


@pytest.mark.slow
@pytest.mark.parametrize(("model", "link"), MODELS)
def test_intervals_hold_what_is_counted_three_hundred_times(model, link):
    share = np.mean([once(k, model, link).mean() for k in range(300)])
    assert abs(share - 0.95) < 3 * (0.95 * 0.05 / 300) ** 0.5
