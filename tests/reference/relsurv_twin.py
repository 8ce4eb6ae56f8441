"""What R's relsurv 2.3-2 computes, replayed from its documented sums with plain arrays.

It differs from this package's definitions on purpose, in ways named at each function. Only
numpy, a table of cases and a table of hazards are used, no estimator of the package.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class RateTable:
    """Hazard per day, shape (n_levels, n_ages, n_years), and each year's first day."""

    keys: list
    levels: list
    cells: np.ndarray
    starts: np.ndarray
    days_per_year: float

    @classmethod
    def of(cls, frame, *, keys, hazard, days_per_year):
        """From one row per key, age and year; ``hazard`` names the column of daily hazards."""
        frame = frame.sort(*keys, "age", "year")
        levels = frame.select(keys).unique(maintain_order=True).rows()
        ages, years = frame["age"].unique().sort(), frame["year"].unique().sort()
        cells = frame[hazard].to_numpy().reshape(len(levels), len(ages), len(years))
        starts = np.array([(date(int(year), 1, 1) - EPOCH).days for year in years])
        return cls(keys, levels, cells, starts, days_per_year)


class Follow:
    """Cases as arrays, with their hazards from a rate table."""

    def __init__(self, cases, rates):
        numbers = {level: i for i, level in enumerate(rates.levels)}
        self.rates = rates
        self.level = np.array([numbers[row] for row in cases.select(rates.keys).iter_rows()])
        self.age = cases["age_days"].to_numpy().astype(float)
        self.start = cases["incidence_date"].to_physical().to_numpy()
        self.time = cases["follow_up_days"].to_numpy().astype(float)
        self.died = cases["died"].to_numpy()

    def __len__(self):
        return len(self.time)

    def hazard(self, who, time, *, later=0):
        """Hazard per day at a time; ``later`` years older, the calendar year the same."""
        cells = self.rates.cells
        age = ((self.age[who] + time) // self.rates.days_per_year).astype(int) + later
        year = np.searchsorted(self.rates.starts, self.start[who] + time, side="right") - 1
        return cells[self.level[who], np.minimum(age, cells.shape[1] - 1), np.maximum(year, 0)]

    def day_split(self, who, day):
        """Hazard of a day that begins at ``day``, the day of a birthday split in two."""
        rate = self.hazard(who, day)
        rest = -(self.age[who] + day) % self.rates.days_per_year  # days to the birthday
        birthday = (rest > 0) & (rest < 1)
        after = self.hazard(who[birthday], day, later=1)
        rate[birthday] += (1 - rest[birthday]) * (after - rate[birthday])
        return rate


def pohar_perme_by_time(follow, *, add_times=(), precision=1.0, until=np.inf):
    """Return {time: (product, exponential, SE of log, number at risk)}.

    In a gap between two distinct times the sums Σwh and Σw go on adding from one fine step to
    the next, so a running mean over the gap is integrated (trapezium of its values at the
    step's start and end). The product has one factor per distinct time.
    """
    added = np.minimum(add_times, follow.time.max()) if len(add_times) else []
    cumulative = np.zeros(len(follow))
    survival, hazard, variance, before = 1.0, 0.0, 0.0, 0.0
    answers = {}
    for time in np.union1d(follow.time, added):
        if time > until:
            break
        who = np.flatnonzero(follow.time >= time)
        integral = 0.0
        top, bottom = np.zeros(2), np.zeros(2)  # at the start and the end of each step
        while before < time:
            step = min(precision, time - before)
            rate = follow.hazard(who, before)
            start = np.exp(cumulative[who])
            cumulative[who] += rate * step
            end = np.exp(cumulative[who])
            top += [(start * rate).sum(), (end * rate).sum()]
            bottom += [start.sum(), end.sum()]
            integral += (top / bottom).mean() * step
            before = before + step if time - before > step else time
        weight = np.exp(cumulative[who])
        dead = weight * (follow.died[who] & (follow.time[who] == time))
        increment = dead.sum() / weight.sum() - integral
        survival *= 1 - increment
        hazard += increment
        variance += (dead**2).sum() / weight.sum() ** 2
        answers[float(time)] = (survival, np.exp(-hazard), np.sqrt(variance), len(who))
    return answers


def ederer_and_hakulinen(follow, *, closing_day, until=np.inf):
    """Return {method: {time: (product, exponential, SE of log, number at risk)}}.

    Ederer II has one factor per distinct time, not per day. Ederer I and Hakulinen split the
    day of a birthday; Hakulinen's expected part weighs a whole gap by the survival at its end.
    The exponential form of these two is exp(−ΣdN/Y) over the expected survival.
    """
    potential = np.where(follow.died, closing_day - follow.start, follow.time)
    last = follow.time.max()
    times = np.unique(np.minimum(np.concatenate([follow.time, potential]), last))
    daily, split = np.zeros(len(follow)), np.zeros(len(follow))
    everyone = np.arange(len(follow))
    product, hazard, kaplan_meier, deaths_hazard = 1.0, 0.0, 1.0, 0.0
    variance, expected, day = 0.0, 0.0, 0
    answers = {"ederer2": {}, "ederer1": {}, "hakulinen": {}}
    own = set(follow.time)
    daily_then = daily.copy()
    for time in times[times <= until]:
        gap_then = split.copy()
        while day < time:
            at_risk = np.flatnonzero(follow.time > day)
            daily[at_risk] += follow.hazard(at_risk, day)
            split += follow.day_split(everyone, day)
            day += 1
        reach = potential >= time
        surviving = np.exp(-split[reach])
        expected += (surviving * (split - gap_then)[reach]).sum() / surviving.sum()
        who = follow.time >= time
        n, dead = who.sum(), (follow.died & (follow.time == time)).sum()
        kaplan_meier *= 1 - dead / n
        deaths_hazard += dead / n
        variance += dead / n**2
        se = np.sqrt(variance)
        if time in own:  # Ederer I and II know the times of the cases alone
            increment = dead / n - (daily - daily_then)[who].sum() / n
            daily_then = daily.copy()
            product, hazard = product * (1 - increment), hazard + increment
            answers["ederer2"][float(time)] = (product, np.exp(-hazard), se, n)
            mean = np.exp(-split).mean()
            both = (kaplan_meier / mean, np.exp(-deaths_hazard) / mean, se, n)
            answers["ederer1"][float(time)] = both
        both = (kaplan_meier * np.exp(expected), np.exp(expected - deaths_hazard), se, n)
        answers["hakulinen"][float(time)] = both
    return answers
