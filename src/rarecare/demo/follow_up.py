"""How long each case lives: death from the cancer, from other causes, closing date, loss."""

from __future__ import annotations

from datetime import date

import numpy as np

from rarecare.demo.model import DAYS_PER_YEAR, MONTHS, europe
from rarecare.demo.registry import CLOSING_DATE, LIFE_TABLE_YEARS, Registry
from rarecare.demo.tables import N_AGES, Floats, Ints

ALIVE, DEAD, LOST = 1, 2, 3
NO_CAUSE, CANCER, OTHER = 0, 1, 2

_EPOCH = date(1970, 1, 1)
CLOSING_DAY = (CLOSING_DATE - _EPOCH).days
"""The closing date in days since 1970-01-01."""

YEAR_STARTS: Ints = np.array(
    [(date(y, 1, 1) - _EPOCH).days for y in (*LIFE_TABLE_YEARS, LIFE_TABLE_YEARS[-1] + 1)]
)
"""1 January of each year of the life tables and of the next, in days since 1970-01-01."""

_NEVER = 10**6


def excess_days(entity: Ints, reached: Floats) -> Ints:
    """Return the day of death from the cancer: the one in which Λ0 passes ``reached``.

    Λ0 is linear within a month of the grid, so that the true survival at a whole number of
    months is exact; whoever passes none of it within 14 years is never drawn to die of it.
    """
    size = MONTHS + 1
    grid = europe().baseline
    rows = np.arange(len(grid))[:, None] + grid / (1 + grid)  # ascending over all rows
    upper = np.searchsorted(rows.ravel(), entity + reached / (1 + reached), side="left")
    dies = upper < (entity + 1) * size
    upper = np.where(dies, np.maximum(upper, entity * size + 1), entity * size + 1)
    flat = grid.ravel()
    low, high = flat[upper - 1], flat[upper]
    months = upper - entity * size - 1 + (reached - low) / (high - low)
    days = np.ceil(np.where(dies, months, 0.0) * (DAYS_PER_YEAR / 12)).astype(np.int64)
    return np.where(dies, np.maximum(days, 1), _NEVER)


def follow(
    registry: Registry,
    *,
    sex: Ints,
    incidence: Ints,
    age_days: Ints,
    excess: Ints,
    rng: np.random.Generator,
) -> tuple[Ints, Ints, Ints]:
    """Return days of follow-up, vital status and cause of death; ``excess`` from ``excess_days``.

    The country's percentage is that of cases given a day of loss, even over the time to the
    closing date; those dead before it are not lost.
    """
    n = len(sex)
    share = europe().countries.values["lost_to_follow_up"][registry.index]
    closing = CLOSING_DAY - incidence
    lost = np.full(n, _NEVER)
    given = np.flatnonzero(rng.random(n) < share)
    lost[given] = 1 + (rng.random(len(given)) * closing[given]).astype(np.int64)
    end = np.minimum(np.minimum(excess, closing), lost)
    other = other_cause_days(
        registry.hazard,
        sex=sex,
        incidence=incidence,
        age_days=age_days,
        end=end,
        reached=rng.standard_exponential(n),
    )
    death = np.minimum(excess, other)
    dead = death <= np.minimum(closing, lost)
    follow_up = np.where(dead, death, np.minimum(closing, lost))
    status = np.where(dead, DEAD, np.where(lost < closing, LOST, ALIVE))
    cause = np.where(dead, np.where(other < excess, OTHER, CANCER), NO_CAUSE)
    return follow_up, status, cause


def other_cause_days(
    hazard: Floats, *, sex: Ints, incidence: Ints, age_days: Ints, end: Ints, reached: Floats
) -> Ints:
    """Return the day on which the cumulative hazard of the life table passes ``reached``.

    The hazard of day s is that of the completed age ⌊(age_days + s − 1)/D⌋, the last of the
    table beyond it, and of the calendar year of incidence + s − 1, over D = 365.2425: the very
    rule by which the estimators look it up.

    Parameters
    ----------
    hazard
        Per person-year, shape (2, 100, 14), years ``LIFE_TABLE_YEARS``.
    sex, incidence, age_days
        Of each case; days since 1970-01-01 and days since birth, shape (n,).
    end
        Last day looked at, within the years of the table; later deaths are given as a day
        that never comes.
    reached
        Cumulative hazard at death: exponential with mean 1.
    """
    n_years = hazard.shape[2]
    daily = (hazard / DAYS_PER_YEAR).ravel()
    result = np.full(len(sex), _NEVER)
    case = np.arange(len(sex))
    age = np.floor(age_days / DAYS_PER_YEAR).astype(np.int64)
    year = np.searchsorted(YEAR_STARTS, incidence, side="right") - 1
    elapsed = np.zeros(len(sex), dtype=np.int64)
    left = reached.copy()
    while len(case):
        birthday = np.ceil((age + 1) * DAYS_PER_YEAR).astype(np.int64) - age_days
        new_year = YEAR_STARTS[year + 1] - incidence
        stop = np.minimum(np.minimum(birthday, new_year), end)
        rate = daily[(sex * N_AGES + np.minimum(age, N_AGES - 1)) * n_years + year]
        used = rate * (stop - elapsed)
        dies = left <= used
        at = np.flatnonzero(dies)
        days = np.maximum(np.ceil(left[at] / rate[at]).astype(np.int64), 1)
        result[case[at]] = np.minimum(elapsed[at] + days, stop[at])
        on = np.flatnonzero(~dies & (stop < end))
        case, sex, incidence, age_days = case[on], sex[on], incidence[on], age_days[on]
        elapsed, left, end = stop[on], (left - used)[on], end[on]
        age = age[on] + (elapsed == birthday[on])
        year = year[on] + (elapsed == new_year[on])
    return result
