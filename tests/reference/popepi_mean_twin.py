"""What R's popEpi 0.5.0 (survmean, survtab by cause) computes, replayed with plain arrays.

Time is continuous in fractional years. survmean does not continue the observed curve: its curve
is relative survival by intervals (e2, the last interval's for ever after, capped at 1) times the
expected survival of **all who were diagnosed** (Ederer I), from the first interval on.
"""

from itertools import pairwise

import numpy as np

from tests.reference import popepi_twin

CAUSES = {1: "canD", 2: "othD"}
TIED = 1e-12  # years: a follow-up that ends on a break belongs to the interval before it
NORMAL_975 = 1.959963984540054


def ederer1(cases, rates, breaks):
    """Mean of exp(−Λ) over all cases at each break after the first, as if none ever died.

    Each case's time is cut at the breaks and at its birthdays; the hazard of a piece is that of
    its middle.
    """
    numbers = {level: i for i, level in enumerate(rates.levels)}
    levels = np.array([numbers[row] for row in cases.select(rates.keys).iter_rows()])
    ages = cases["age_days"].to_numpy() / rates.days_per_year
    starts = popepi_twin.fractional_year(cases["incidence_date"])
    cells, first_years = _yearly(rates)
    total = np.zeros(len(breaks) - 1)
    for level, age, start in zip(levels, ages, starts, strict=True):
        birthdays = np.arange(np.floor(age) + 1, age + breaks[-1]) - age
        edges = np.union1d(breaks, birthdays)
        middle = (edges[1:] + edges[:-1]) / 2
        row = np.minimum(np.floor(age + middle).astype(int), cells.shape[1] - 1)
        year = np.searchsorted(first_years, np.floor(start + middle), side="right") - 1
        grown = np.cumsum(cells[level, row, np.maximum(year, 0)] * np.diff(edges))
        total += np.exp(-grown[np.searchsorted(edges, breaks[1:]) - 1])
    return total / len(levels)


def survmean(cases, rates, breaks, later, *, time):
    """Return the mean survival, the expected one (years) and the years of potential life lost.

    Relative survival is known on ``breaks``; ``later`` are the breaks that follow. The areas are
    trapezia between all of them.
    """
    table = popepi_twin.survtab(cases, rates, breaks, time=time)
    relative = np.array([values["e2"] for values in table.values()])
    own = relative / np.concatenate([[1.0], relative[:-1]])
    per_year = min(own[-1] ** (1 / (breaks[-1] - breaks[-2])), 1.0)
    edges = np.concatenate([breaks, later])
    lengths = np.diff(edges)
    expected = ederer1(cases, rates, edges)
    relative = np.cumprod(np.concatenate([own, per_year ** lengths[len(own) :]]))
    curve = relative * expected
    mean, mean_expected = (
        float(lengths @ (values + np.concatenate([[1.0], values[:-1]])) / 2)
        for values in (curve, expected)
    )
    return mean, mean_expected, (mean_expected - mean) * len(time)


def by_cause(cases, rates, breaks, *, time, cause):
    """Return {end of interval: {name: value}}, the names those of survtab's columns.

    ``cause`` is 0 for the censored and otherwise a key of ``CAUSES``. An interval's 1 − p is
    shared out by deaths (cif.obs) or by the deaths beyond those expected (cif.rel, which is
    missing from the first interval on in which more deaths are expected than seen). surv.cause
    censors at deaths from another cause; limits are log-log.
    """
    expected = _expected_deaths(cases, rates, breaks, time)
    survival, share = 1.0, dict.fromkeys([*CAUSES.values(), "CIF.rel"], 0.0)
    hazard = dict.fromkeys(["", *CAUSES.values()], 0.0)
    variance = dict(hazard)
    answers = {}
    for (start, end), expects in zip(pairwise(breaks), expected, strict=True):
        here = time > start + TIED
        years = (np.minimum(time[here], end) - start).sum()
        ends = cause[here & (time <= end + TIED)]
        dead = {name: int((ends == code).sum()) for code, name in CAUSES.items()}
        dead[""] = sum(dead.values())
        length = end - start
        lost = survival * -np.expm1(-length * dead[""] / years)
        survival -= lost
        for name in CAUSES.values():
            share[name] += lost * dead[name] / dead[""] if dead[""] else 0.0
        excess = (dead[""] - expects) / dead[""] if dead[""] else 0.0
        share["CIF.rel"] += lost * excess if expects <= dead[""] else np.nan
        row = {f"CIF_{name}": share[name] for name in CAUSES.values()}
        row["CIF.rel"] = share["CIF.rel"]
        for name, deaths in dead.items():
            hazard[name] += length * deaths / years
            variance[name] += length**2 * deaths / years**2
            row |= _with_limits(f"surv.obs{'.' * bool(name)}{name}", hazard[name], variance[name])
        answers[round(float(end), 9)] = row
    return answers


def _expected_deaths(cases, rates, breaks, time):
    """Deaths expected in each interval: the hazard of the middle of each stay, times the stay."""
    numbers = {level: i for i, level in enumerate(rates.levels)}
    level = np.array([numbers[row] for row in cases.select(rates.keys).iter_rows()])
    age = cases["age_days"].to_numpy() / rates.days_per_year
    calendar = popepi_twin.fractional_year(cases["incidence_date"])
    cells, first_years = _yearly(rates)
    deaths = []
    for start, end in pairwise(breaks):
        who = np.flatnonzero(time > start + TIED)
        stay = np.minimum(time[who], end) - start
        middle = start + stay / 2
        row = np.minimum(np.floor(age[who] + middle).astype(int), cells.shape[1] - 1)
        year = np.searchsorted(first_years, np.floor(calendar[who] + middle), side="right") - 1
        deaths.append(float(cells[level[who], row, np.maximum(year, 0)] @ stay))
    return deaths


def _yearly(rates):
    """Hazards per year, and the calendar years they begin in."""
    first_years = np.array([int(1970 + np.round(start / 365.2425)) for start in rates.starts])
    return rates.cells * rates.days_per_year, first_years


def _with_limits(name, hazard, variance):
    value = np.exp(-hazard)
    row = {name: value, f"SE.{name}": value * np.sqrt(variance)}
    if hazard > 0:
        factor = np.exp(NORMAL_975 * np.sqrt(variance) / hazard)
        row |= {f"{name}.lo": value**factor, f"{name}.hi": value ** (1 / factor)}
    return row
