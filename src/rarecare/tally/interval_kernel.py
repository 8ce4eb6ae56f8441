"""The kernel of interval life tables: sums over cases by interval.

Formulas and conventions: docs/methods.md; the slow twin is tests/reference/interval_twin.py.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

TOLERANCE = 1e-10
"""Years by which two times count as one."""

# Order of the fields in a packed record.
LEVEL, AGE, YEAR, ENTRY, TIME, POTENTIAL, DIED = range(7)

COUNTS = ("n", "deaths", "withdrawn")
SUMS = (
    "person_years",  # in the interval, from entry
    "p_star",  # Σp*, expected survival of the interval, of those at risk
    "expected",  # Σh·person-years
    "w_deaths",  # Σω of the dead
    "w2_deaths",  # Σω² of the dead
    "w",  # Σω
    "w_withdrawn",  # Σω of the withdrawn
    "w_half",  # Σωc, c = ½ for those who die or withdraw
    "w_half_hazard",  # Σωcλ
    "w_years",  # Σωỹ
    "w_years_hazard",  # Σωhỹ
    "s_all",  # ΣΠp* of all cases to the end of the interval (Ederer I)
    "l",  # Hakulinen: Σl of those with potential follow-up, l = Πp* of earlier intervals
    "l_part",  # Σl√p* of those not followed to the end
    "l_part_lost",  # Σl(1 − √p*) of the same
    "l_full",  # Σlp* of those followed to the end
    "years_outside",  # of person_years: at ages or in years that the life table has not
)


@njit(nogil=True, cache=True, error_model="numpy")
def _rate(hazard, level, age, year, first_age, first_year):  # type: ignore[no-untyped-def]
    """Return the annual hazard at an age and year, the nearest where the table ends."""
    _, n_ages, n_years = hazard.shape
    a = int(math.floor(age + TOLERANCE)) - first_age
    y = int(math.floor(year + TOLERANCE)) - first_year
    a = 0 if a < 0 else (n_ages - 1 if a >= n_ages else a)
    y = 0 if y < 0 else (n_years - 1 if y >= n_years else y)
    return hazard[level, a, y]


@njit(nogil=True, cache=True, error_model="numpy")
def _outside(hazard, age, year, first_age, first_year):  # type: ignore[no-untyped-def]
    """Return whether the life table lacks an age or year."""
    _, n_ages, n_years = hazard.shape
    a = int(math.floor(age + TOLERANCE)) - first_age
    y = int(math.floor(year + TOLERANCE)) - first_year
    return a < 0 or a >= n_ages or y < 0 or y >= n_years


@njit(nogil=True, cache=True, error_model="numpy")
def interval_sums(  # type: ignore[no-untyped-def]
    words, start, stop, word_of, shift_of, mask_of, base_of, ages, years, entries, times,
    potentials, hazard, first_age, first_year, breaks, middle, counts, sums,
):  # fmt: skip
    """Sum the records ``start..stop``; returns the number of cases with person-time.

    ``hazard``: annual, (n_levels, n_ages, n_years), every calendar year. ``middle``: expected
    hazards are those of the middle of each stay (popEpi), not of the interval's start (strs).
    ``counts``: int64 (3, n_intervals); ``sums``: float64 (17, n_intervals), as named above.
    """
    n_intervals = len(breaks) - 1
    field = np.empty(7, dtype=np.int64)
    cases = 0
    for i in range(start, stop):
        for f in range(7):
            field[f] = base_of[f] + np.int64((words[word_of[f], i] >> shift_of[f]) & mask_of[f])
        level = field[LEVEL]
        age, year = ages[field[AGE]], years[field[YEAR]]
        entry, time = entries[field[ENTRY]], times[field[TIME]]
        potential = potentials[field[POTENTIAL]]
        died = field[DIED] == 1
        if time <= entry + TOLERANCE:
            continue
        cases += 1
        before = 0.0
        for j in range(n_intervals):
            u, v = breaks[j], breaks[j + 1]
            followed = time > u + TOLERANCE and entry < v - TOLERANCE
            first, last = max(u, entry), min(time, v)
            dead = followed and died and time <= v + TOLERANCE
            left = followed and not died and time < v - TOLERANCE
            if middle:
                if time <= u + TOLERANCE:
                    break
                if entry > u:  # before entry the hazard runs from diagnosis
                    until = min(entry, v)
                    before += (until - u) * _rate(
                        hazard, level, age + (u + until) / 2, year + (u + until) / 2,
                        first_age, first_year,
                    )  # fmt: skip
                if not followed:
                    continue
                looked = (first + last) / 2
                h = _rate(hazard, level, age + looked, year + looked, first_age, first_year)
                stay = last - first
                own = h * stay
                weight = math.exp(before + h * (v - first) / 2)
                years_at_risk = stay
            else:
                looked = u
                h = _rate(hazard, level, age + u, year + u, first_age, first_year)
                own = h * (v - u)
                weight = math.exp(before + own / 2)
                years_at_risk = (v - first) * (0.5 if dead or left else 1.0)
                survival = math.exp(-own)
                alive = math.exp(-before)
                sums[11, j] += alive * survival
                if potential > u + TOLERANCE:
                    sums[12, j] += alive
                    if potential >= v - TOLERANCE:
                        sums[15, j] += alive * survival
                    else:
                        sums[13, j] += alive * math.sqrt(survival)
                        sums[14, j] += alive * (1.0 - math.sqrt(survival))
            if followed:
                half = 0.5 if dead or left else 1.0
                counts[0, j] += 1
                sums[0, j] += last - first
                sums[1, j] += math.exp(-own)
                sums[2, j] += h * (last - first)
                sums[5, j] += weight
                sums[7, j] += weight * half
                sums[8, j] += weight * half * own
                sums[9, j] += weight * years_at_risk
                sums[10, j] += weight * h * years_at_risk
                if _outside(hazard, age + looked, year + looked, first_age, first_year):
                    sums[16, j] += last - first
                if dead:
                    counts[1, j] += 1
                    sums[3, j] += weight
                    sums[4, j] += weight * weight
                elif left:
                    counts[2, j] += 1
                    sums[6, j] += weight
            before += own
    return cases
