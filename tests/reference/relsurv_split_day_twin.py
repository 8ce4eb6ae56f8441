"""What R's relsurv 2.3-2 and survival 3.5-3 sum with the day of a birthday split in two.

cmp.rel, nessie, rs.diff, years and survexp walk a person through the cells of the rate table in
continuous time, so that a birthday or a new year falls where it falls. Plain numpy on a table of
cases and a ``relsurv_twin.RateTable``; no estimator of the package is used.

A hazard of 0 (slopop has it where none of an age and sex died in a year): two of relsurv's compiled
routines, behind nessie, yd, yl2017, ederer1 and hakulinen, put 1e-9 per day in its place, in the
rate table they are handed. The files of cmp.rel and of rs.surv's precisions have it too, those of
rs.diff, yl2013 and survexp have not; whether a table keeps it for later calls was not settled.
"""

from dataclasses import dataclass, replace

import numpy as np

CHUNK = 400
LEAST = 1e-9  # relsurv's hazard per day where the table has 0
EVERY = 30  # days between the regular steps of years()
NORMAL_975 = 1.959963984540054
LIFETIME = 100  # years of nessie's mean


def raised(rates):
    """The rate table with 1e-9 per day in place of 0."""
    return replace(rates, cells=np.where(rates.cells == 0, LEAST, rates.cells))


class Walk:
    """The expected cumulative hazard of each case, exact at any time.

    It is a broken line: its knots are the case's birthdays and the rate table's new years, in
    days since diagnosis.
    """

    def __init__(self, cases, rates, *, until):
        numbers = {level: i for i, level in enumerate(rates.levels)}
        level = np.array([numbers[row] for row in cases.select(rates.keys).iter_rows()])[:, None]
        age = cases["age_days"].to_numpy().astype(float)[:, None]
        start = cases["incidence_date"].to_physical().to_numpy()[:, None]
        length, (_, n_ages, _) = rates.days_per_year, rates.cells.shape
        birthdays = (np.floor(age / length) + np.arange(1, until / length + 2)) * length - age
        knots = np.hstack([birthdays, rates.starts - start, np.full_like(age, until)])
        knots = np.sort(np.clip(np.hstack([np.zeros_like(age), knots]), 0, until), axis=1)
        middle = (knots[:, 1:] + knots[:, :-1]) / 2
        row = np.minimum(np.floor((age + middle) / length), n_ages - 1).astype(int)
        year = np.maximum(np.searchsorted(rates.starts, start + middle, side="right") - 1, 0)
        grown = np.cumsum(rates.cells[level, row, year] * np.diff(knots, axis=1), axis=1)
        self.knots = knots
        self.values = np.hstack([np.zeros_like(age), grown])

    def __len__(self):
        return len(self.knots)

    def at(self, times, who=slice(None)):
        """Cumulative hazards at some times (days), shape (n, n_times)."""
        lines = zip(self.knots[who], self.values[who], strict=True)
        return np.array([np.interp(times, knots, values) for knots, values in lines])


@dataclass(frozen=True)
class Sums:
    """Sums over the cases at each of some times, or over the gap before it, shape (n_times,).

    ``hazard`` is Σ ΔΛ of those at risk, ``weighted`` Σ e^Λ at the time's end, ``weighted_hazard``
    Σ e^Λ ΔΛ; ``alive`` and ``alive_hazard`` are Σ e^-Λ and Σ e^-Λ ΔΛ of all who were diagnosed.
    """

    times: np.ndarray
    people: np.ndarray
    dead: np.ndarray
    hazard: np.ndarray
    weighted: np.ndarray
    weighted_hazard: np.ndarray
    weighted_dead: np.ndarray
    weighted_dead2: np.ndarray
    alive: np.ndarray
    alive_hazard: np.ndarray

    @classmethod
    def over(cls, cases, rates, times):
        """From cases followed from day 0; a death counts at its own time alone."""
        times = np.asarray(times, dtype=float)
        walk = Walk(cases, rates, until=times[-1])
        leaves = cases["follow_up_days"].to_numpy().astype(float)[:, None]
        died = cases["died"].to_numpy()[:, None]
        sums = np.zeros((9, len(times)))
        for first in range(0, len(walk), CHUNK):
            own = slice(first, first + CHUNK)
            cumulative = walk.at(times, own)
            gap = np.diff(cumulative, axis=1, prepend=0.0)
            here = leaves[own] >= times
            dead = (leaves[own] == times) & died[own]
            weight = np.exp(np.where(here, cumulative, 0.0)) * here
            alive = np.exp(-cumulative)
            sums += [
                term.sum(axis=0)
                for term in (here, dead, gap * here, weight, weight * gap, weight * dead,
                             weight**2 * dead, alive, alive * gap)
            ]  # fmt: skip
        return cls(times, *sums)


def divided(top, bottom):
    """top / bottom, 0 where no one is left."""
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)


def steps(cases, *, every, until=np.inf, add_times=()):
    """The distinct times of follow-up, a regular grid and the times asked for, up to ``until``."""
    leaves = cases["follow_up_days"].to_numpy().astype(float)
    grid = np.arange(1 if every == 1 else 0, leaves.max() + 1e-9, every)
    return np.unique(np.minimum(np.concatenate([leaves, grid, add_times]), until))


def before(values, first):
    """A step function's value just before each time; ``first`` before them all."""
    return np.concatenate([[first], values[:-1]])


def cmp_rel(cases, rates, *, tau, add_times):
    """Return {"causeSpec" | "population": (rows, area)}.

    ``rows`` has est, var, lower and upper at each of ``add_times`` (days), the area is in years.
    Steps are days and the times asked for. F adds S before a step times its hazard; the area is F
    at the end of each step times its length. The limits beside an estimate are those of the next
    step, because R puts a 0 before the estimates alone; the last row has none.
    """
    times = steps(cases, every=1, until=tau, add_times=add_times)
    sums = Sums.over(cases, raised(rates), times)
    population = divided(sums.hazard, sums.people)
    survival = np.cumprod(1 - divided(sums.dead, sums.people))
    start = before(survival, 1.0)
    variance = divided(sums.dead, sums.people**2)
    excess = np.cumsum(start * (divided(sums.dead, sums.people) - population))
    other = np.cumsum(start * population)
    answers = {}
    for curve, value, moves in (("causeSpec", excess, survival), ("population", other, 0.0)):
        pulls = moves + value  # how a death moves the value, less the value it moves
        spread = (np.cumsum(pulls**2 * variance) - 2 * value * np.cumsum(pulls * variance)
                  + value**2 * np.cumsum(variance))  # fmt: skip
        half = NORMAL_975 * np.sqrt(np.maximum(spread, 0.0))
        shown = [np.append(limit[1:], np.nan) for limit in (value - half, value + half)]
        rows = np.column_stack([value, spread, *shown])[np.searchsorted(times, add_times)]
        area = float(np.diff(times, prepend=0.0) @ value) / rates.days_per_year
        answers[curve] = rows, area
    return answers


def nessie(cases, rates, *, years):
    """Return the expected numbers alive after some years and the mean of expected survival times.

    A lifetime is cut into half years, the hazard the mean of each; it ends after 100 years.
    """
    length = rates.days_per_year
    half_years = np.arange(2 * LIFETIME + 1) * length / 2
    walk = Walk(cases, raised(rates), until=half_years[-1])
    alive = np.exp(-walk.at(np.asarray(years) * length)).sum(axis=0)
    points = walk.at(half_years)
    grown = np.diff(points, axis=1)
    lived = np.exp(-points[:, :-1]) * -np.expm1(-grown) / grown * length / 2
    return alive, float(lived.sum()) / length / len(walk)


def rs_diff(strata, rates, *, until):
    """Return the chi-square of equal net survival and its degrees of freedom.

    ``strata`` holds one list per stratum with the cases of each group. The expected part of a day
    is Σ w ΔΛ with the weights at its end; a hazard of 0 is taken as it is.
    """
    score, spread = 0.0, 0.0
    for frames in strata:
        longest = max(frame["follow_up_days"].max() for frame in frames)
        times = np.arange(1, min(until, longest) + 1)
        parts = [Sums.over(frame, rates, times) for frame in frames]
        weighted = np.array([part.weighted for part in parts])
        excess = np.array([part.weighted_dead - part.weighted_hazard for part in parts])
        squares = np.array([part.weighted_dead2 for part in parts])
        share = weighted / weighted.sum(axis=0)
        score = score + (excess - share * excess.sum(axis=0)).sum(axis=1)
        ways = np.eye(len(parts))[:, :, None] - share[:, None, :]  # of group g, for deaths in k
        spread = spread + np.einsum("gks,hks,ks->gh", ways, ways, squares)
    score, spread = score[:-1], spread[:-1, :-1]
    return float(score @ np.linalg.solve(spread, score)), len(score)


def years(cases, rates, measure, *, at):
    """Return the measure at times of ``at`` (days) in years, and its SE (nan but for yd).

    Steps are the distinct times of follow-up, every 30th day and ``at``. An area is a sum of
    rectangles, whose height is the curve at the step's start (left) or at its end (right):

    - yd: 1 − KM less 1 − exp(−Σ Σ S ΔΛ / Σ S) over all who were diagnosed, both left; S at the
      step's end. SE by Greenwood's terms.
    - yl2017: 1 − KM, right, less the mean of 1 − exp(−Λ), left.
    - yl2013: Σ KM (dN/Y − Σ ΔΛ/Y), KM after the step's deaths, right; a hazard of 0 as it is.
    """
    times = steps(cases, every=EVERY, add_times=at)
    sums = Sums.over(cases, rates if measure == "yl2013" else raised(rates), times)
    length = np.diff(times, prepend=0.0) / rates.days_per_year
    increment = divided(sums.dead, sums.people)
    survival = np.cumprod(1 - increment)
    rows = np.searchsorted(times, at)
    errors = np.full(len(rows), np.nan)
    if measure == "yl2013":
        lost = np.cumsum(survival * (increment - divided(sums.hazard, sums.people)))
        return np.cumsum(length * lost)[rows], errors
    if measure == "yl2017":
        observed = np.cumsum(length * (1 - survival))
        expected = 1 - sums.alive / len(cases)
        return (observed - np.cumsum(length * before(expected, 0.0)))[rows], errors
    expected = 1 - np.exp(-np.cumsum(sums.alive_hazard / sums.alive))
    gained = before(survival, 1.0) - before(1 - expected, 1.0)
    lived = np.cumsum(length * before(survival, 1.0))
    terms = divided(sums.dead, sums.people * (sums.people - sums.dead))
    spread = [((lived[row] - lived[: row + 1]) ** 2 @ terms[: row + 1]) for row in rows]
    return -np.cumsum(length * gained)[rows], np.sqrt(spread)


def survexp(cases, rates, method, *, at, potential=None):
    """Return the expected survival at times of ``at`` (days) and the number at risk.

    Ederer: the mean of exp(−Λ). Hakulinen and conditional: exp of minus a sum over the distinct
    times, Hakulinen's the log of the mean survival lost by those whose potential follow-up
    reaches the time, the conditional Σ ΔΛ / Y over those followed so long.
    """
    length = cases["follow_up_days"].to_numpy() if potential is None else potential
    if method == "ederer":
        length = np.full(len(cases), at[-1])
    times = np.union1d(length[length < at[-1]], at)
    walk = Walk(cases, rates, until=at[-1])
    cumulative = walk.at(times)
    gap = np.diff(cumulative, axis=1, prepend=0.0)
    here = length[:, None] >= times
    if method == "conditional":
        step = (gap * here).sum(axis=0) / here.sum(axis=0)
    else:
        alive = np.exp(-cumulative) * here
        step = -np.log(alive.sum(axis=0) / (alive * np.exp(gap)).sum(axis=0))
    rows = np.searchsorted(times, at)
    return np.exp(-np.cumsum(step))[rows], here.sum(axis=0)[rows]


def individual_hazards(cases, rates, times):
    """survexp's individual.h: the cumulative hazard of each case at its own time (days)."""
    walk = Walk(cases, rates, until=float(np.max(times)) + 1)
    lines = zip(times, walk.knots, walk.values, strict=True)
    return np.array([np.interp(time, knots, values) for time, knots, values in lines])
