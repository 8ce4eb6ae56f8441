"""Net survival known beforehand: bias and coverage of Pohar Perme, and Ederer II beside it.

The excess hazard grows with age, so that who is left of the cohort changes over time: the case for
which Pohar Perme was made, and in which Ederer II is biased.
``python -m tests.validation.simulation docs/validation_simulation.md`` writes the page.
"""

import sys
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from rarecare import LifeTable, net_survival

SEED, RUNS, CASES = 20261123, 5000, 2000
D = 365.25
YEARS = (1, 5, 10)
DAYS = [int(years * D) for years in YEARS]
YOUNGEST, OLDEST, LAST = 40, 85, 115
FOLLOW_UP = 15 * D  # administrative censoring, between 5 and 15 years
METHODS = ("pohar-perme", "ederer2")
BATCH = 100

MORTALITY = np.minimum(3e-5 * np.exp(0.098 * np.arange(LAST + 1)), 1.0)  # Gompertz, per year
LIFE_TABLE = LifeTable.read(
    pl.DataFrame(
        [
            {"age": age, "year": year, "mx": float(MORTALITY[age])}
            for age in range(LAST + 1)
            for year in range(2000, 2021)
        ]
    ),
    keys=[],
)
_DAILY = MORTALITY[np.minimum((np.arange(int((LAST + 1) * D)) / D).astype(int), LAST)] / D
CUMULATIVE = np.concatenate([[0.0], np.cumsum(_DAILY)])
SLOPES = {"grows with age": 0.0385, "is the same for all": 0.0}


def excess(age_days, slope):
    """Excess hazard per year at an age at diagnosis: 0.05 to 0.28 with the slope, or 0.14."""
    if slope == 0:
        return np.full(np.shape(age_days), 0.14)
    return 0.05 * np.exp(slope * (age_days / D - YOUNGEST))


def ages(rng, n):
    """Ages at diagnosis in days: most of them old, as in cancer."""
    spread = rng.beta(2.4, 1.6, n)
    return np.floor((YOUNGEST + spread * (OLDEST - YOUNGEST)) * D)


def truth(slope):
    """Marginal net survival: the mean of exp(−excess · t) over the ages, by a fine quadrature."""
    points = (np.arange(200_000) + 0.5) / 200_000
    weight = points**1.4 * (1 - points) ** 0.6
    hazard = excess(np.floor((YOUNGEST + points * (OLDEST - YOUNGEST)) * D), slope)
    return np.array([(weight * np.exp(-hazard * day / D)).sum() / weight.sum() for day in DAYS])


def draw(rng, n, slope):
    """A frame of n cases, dead of either cause or censored at an independent day."""
    age = ages(rng, n)
    at = age.astype(int)
    other = np.searchsorted(CUMULATIVE, CUMULATIVE[at] + rng.exponential(size=n)) - at
    cancer = np.ceil(rng.exponential(D / excess(age, slope)))
    followed = rng.uniform(FOLLOW_UP / 3, FOLLOW_UP, n).astype(int)
    last = np.minimum(np.minimum(cancer, other), followed)
    return pl.DataFrame(
        {
            "incidence_date": date(2000, 1, 1),
            "age_days": age,
            "follow_up_days": np.maximum(last, 1).astype(np.int64),
            "died": np.minimum(cancer, other) <= followed,
        }
    )


def simulate(runs, *, slope=0.0385, cases=CASES, seed=SEED):
    """Per method: estimates, standard errors and whether each interval covers, (runs, times)."""
    rng = np.random.default_rng(seed)
    true = truth(slope)
    parts = {method: [] for method in METHODS}
    for start in range(0, runs, BATCH):
        size = min(BATCH, runs - start)
        frame = draw(rng, size * cases, slope).with_columns(
            run=pl.Series(np.repeat(np.arange(size), cases))
        )
        table = net_survival(
            frame, LIFE_TABLE, by=["run"], at_days=DAYS, days_per_year=D, method=METHODS,
            allow_outside=1.0,
        ).table.sort("run", "time_days")  # fmt: skip
        for method in METHODS:
            own = table.filter(method=method)
            columns = [
                own[name].cast(pl.Float64).fill_null(np.nan).to_numpy().reshape(size, len(DAYS))
                for name in ("estimate", "se", "lower", "upper")
            ]
            parts[method].append(np.stack(columns))
    return {method: _summary(np.concatenate(p, axis=1), true) for method, p in parts.items()}


def _summary(values, true):
    estimate, se, lower, upper = values
    return {
        "bias": estimate.mean(axis=0) - true,
        "mc": estimate.std(axis=0, ddof=1) / np.sqrt(len(estimate)),
        "spread": estimate.std(axis=0, ddof=1),
        "se": se.mean(axis=0),
        "coverage": ((lower <= true) & (upper >= true)).mean(axis=0),
        "true": true,
    }


HEAD = """# A known truth, recovered

Made by `make simulation`: {runs:,} replicates of {cases:,} cases, seed {seed}. Ages at diagnosis
40 to 84; general mortality after Gompertz; censoring independent, between 5 and 15 years. Limits
are those of the default, on the log scale, at 95 %. The bounds: a bias below 0.002, and 94 to 96 %
of the intervals covering the truth.

"""
TABLE = """## The excess hazard {what}

| method | years | true value | bias | Monte Carlo error | SD of estimates | mean SE | coverage |
|---|---:|---:|---:|---:|---:|---:|---:|
"""
FOOT = """
## What it shows

Pohar Perme is unbiased in both. Where the excess hazard is the same for all, its standard error is
that of the estimates and its intervals cover as they say. Where it grows with age the standard
error is too large, by {more:.0f} % at ten years, and the intervals cover {over:.1f} % there rather
than 95: Σw²dN/(Σw)² is the variance given who is at risk. Chance that leaves more of the frail at
risk raises the deaths of a day and lowers those of later days; the two partly cancel over time, and
the formula does not count that. The error is on the safe side. Ederer II estimates something else
when the excess depends on age: its bias grows to {ederer:.3f} at ten years.
"""


def main(path):
    """Run it in full and write the page."""
    text = HEAD.format(runs=RUNS, cases=CASES, seed=SEED)
    for what, slope in SLOPES.items():
        found = simulate(RUNS, slope=slope)
        text += TABLE.format(what=what) + "".join(_lines(found)) + "\n"
        if slope:
            own, ederer = found["pohar-perme"], found["ederer2"]["bias"][-1]
            more, over = 100 * (own["se"] / own["spread"] - 1)[-1], 100 * own["coverage"][-1]
    text += FOOT.format(more=more, over=over, ederer=ederer).lstrip()
    Path(path).write_text(text, encoding="utf-8")
    print(text)


def _lines(found):
    for method, own in found.items():
        for k, years in enumerate(YEARS):
            yield (
                f"| {method} | {years} | {own['true'][k]:.4f} | {own['bias'][k]:+.5f} "
                f"| {own['mc'][k]:.5f} | {own['spread'][k]:.4f} | {own['se'][k]:.4f} "
                f"| {100 * own['coverage'][k]:.1f} % |\n"
            )


if __name__ == "__main__":
    main(sys.argv[1])
