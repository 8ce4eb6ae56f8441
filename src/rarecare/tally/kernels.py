"""The follow-up kernel: daily sums over cases, exact, in one pass over the cases.

Within one cell of the life table (age, calendar year, keys) the hazard h is
constant, so a case's weight on day t is C·exp(h (t - c)) about the middle c of a
block of ``BLOCK`` days. By the generating function of the modified Bessel functions,
exp(x u) = I_0(x) + 2 Σ I_k(x) T_k(u) for u in [-1, 1] (Abramowitz & Stegun 9.6.34):
with x = h·BLOCK/2 <= 0.5 and 12 terms the remainder is below 2 I_12(0.5) < 3e-16. A case
therefore adds 12 coefficients to the row of the last day of each stretch and takes
them off at the row before its first; summing the rows backwards within a block and
evaluating the polynomial gives Σw on every day, at its end and at its start, at a
cost of O(cases × years), whatever the number of life-table cells or strata. Summing
backwards keeps full relative accuracy when few cases are left, because the set at
risk grows towards earlier days; where cases enter late the same sum is run forwards
(``_from_start``). Hazards above ``STEEPEST`` are summed day by day.

Formulas: docs/methods.md; the slow twin is tests/reference/follow_up_twin.py.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

BLOCK = 512
TERMS = 12
STEEPEST = 0.5 / (BLOCK / 2)
"""Steepest hazard per day that the expansion carries (0.71 a year)."""

# Order of the fields in a packed record; the stratum stands above them and is not read here.
LEVEL, AGE, INCIDENCE, ENTRY, EXIT, DEATH, WEIGHT = range(7)

SUMS = (
    "death_w",  # deaths·w, w at the end of the day
    "death_w2",  # deaths·w²
    "w_end",  # Σw of those at risk on the day, at its end
    "w_start",  # the same cases at its start
    "expected",  # Σλ of those at risk on the day
    "s_all",  # ΣS of all cases at the end of the day (Ederer I)
    "s_end",  # ΣS of those with potential follow-up, at the end of the day (Hakulinen)
    "s_start",  # the same cases at its start
)
_NEVER = 1 << 40
_SERIES = 9
FALLING = (-1.0) ** np.arange(TERMS)


def bessel_coefficients(hazard: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return I_0(x) and 2 I_k(x), k < TERMS, of x = hazard·BLOCK/2, shape (n_cells, TERMS).

    The power series Σ_m (x/2)^(2m+k) / (m! (m+k)!) is exact to double precision for
    x <= 0.5 after nine terms.
    """
    half = np.minimum(hazard.ravel(), STEEPEST) * (BLOCK / 4)
    powers = np.ones((2 * _SERIES + TERMS, len(half)))
    for p in range(1, len(powers)):
        np.multiply(powers[p - 1], half, out=powers[p])
    factors = np.zeros((TERMS, len(powers)))
    for k in range(TERMS):
        for m in range(_SERIES):
            term = 1 / (math.factorial(m) * math.factorial(m + k))
            factors[k, 2 * m + k] = term if k == 0 else 2 * term
    return np.ascontiguousarray((factors @ powers).T)


def chebyshev_values(u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return T_k(u), k < TERMS, shape (n, TERMS)."""
    values = np.ones((len(u), TERMS))
    values[:, 1] = u
    for k in range(2, TERMS):
        values[:, k] = 2 * u * values[:, k - 1] - values[:, k - 2]
    return values


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _add_stretch(  # type: ignore[no-untyped-def]
    rows, coefficients, cell, height, block, first, last
):
    """Add one case's weights on days first+1..last of one block and one cell.

    ``height`` is the weight at the middle of the block. Row 0 of a block takes off what
    begins with the block; it is never read.
    """
    top = block * (BLOCK + 1) + last - block * BLOCK
    below = block * (BLOCK + 1) + first - block * BLOCK
    for k in range(TERMS):
        rows[top, k] += height * coefficients[cell, k]
    for k in range(TERMS):
        rows[below, k] -= height * coefficients[cell, k]


@njit(nogil=True, cache=True, error_model="numpy")
def _add_days(direct, at, times, height, h, first, last):  # type: ignore[no-untyped-def]
    """Add one case's weights day by day; ``height`` is the weight at the end of day first.

    ``h`` is the hazard with its sign; ``at`` takes the weights at the fractional ``times``.
    """
    for t in range(len(times)):
        if first <= times[t] < last:
            at[t] += height * math.exp(h * (times[t] - first))
    growth = math.exp(h)
    for day in range(first + 1, last + 1):
        direct[1, day] += height
        height *= growth
        direct[0, day] += height


@njit(nogil=True, cache=True, error_model="numpy")
def _from_start(at_risk, width):  # type: ignore[no-untyped-def]
    """Tell for each day whether its sum is better run up from the start of its block.

    A running sum keeps the rounding of the largest set at risk it has passed: the way
    with the smaller peak is taken, within blocks of ``width`` days.
    """
    horizon = len(at_risk)
    forward = np.zeros(horizon, dtype=np.bool_)
    for begin in range(0, horizon, width):
        end = min(begin + width, horizon)
        later = np.zeros(end - begin + 1, dtype=np.int64)
        for day in range(end - 1, begin - 1, -1):
            later[day - begin] = max(later[day - begin + 1], at_risk[day])
        peak = 0
        for day in range(begin, end):
            peak = max(peak, at_risk[day])
            forward[day] = peak < later[day - begin]
    return forward


@njit(nogil=True, cache=True, error_model="numpy")
def _polynomial_sums(total, sign, polynomial, j):  # type: ignore[no-untyped-def]
    """Return the sum at the end and start of day j of a block."""
    at_end = 0.0
    at_start = 0.0
    for k in range(TERMS):
        at_end += total[k] * polynomial[j, k]
        at_start += total[k] * polynomial[j - 1, k]
    return sign * at_end, sign * at_start


@njit(nogil=True, cache=True, error_model="numpy")
def _add_within(total, sign, j, u_times, at):  # type: ignore[no-untyped-def]
    """Add the sums at those of ``u_times`` that fall within day j of a block."""
    for t in range(len(u_times)):
        u = u_times[t]
        if (j - 1) / (BLOCK / 2) - 1.0 < u < j / (BLOCK / 2) - 1.0:
            before, now = 1.0, u
            at[t] += sign * total[0]
            for k in range(1, TERMS):
                at[t] += sign * total[k] * now
                before, now = now, 2.0 * u * now - before


@njit(nogil=True, cache=True, error_model="numpy")
def _evaluate(  # type: ignore[no-untyped-def]
    rows, direct, polynomial, forward, times, at_end, at_start, at
):
    """Turn the rows into sums at the end and start of each day and at fractional times.

    The rows of a block add up to nothing, so a day's sum is that of the rows from its own
    on, or minus that of the rows before it: ``forward`` says which.
    """
    horizon = len(at_end)
    divided = np.zeros(horizon, dtype=np.bool_)  # days with a time within
    for time in times:
        divided[int(time)] = True
    for begin in range(0, horizon, BLOCK):
        end = min(begin + BLOCK, horizon)
        first_row = begin // BLOCK * (BLOCK + 1)
        u_times = (times - begin) / (BLOCK / 2) - 1.0
        total = np.zeros(TERMS)
        for j in range(end - begin, 0, -1):
            total += rows[first_row + j]
            if not forward[begin + j - 1]:
                last, first = _polynomial_sums(total, 1.0, polynomial, j)
                if divided[begin + j - 1]:
                    _add_within(total, 1.0, j, u_times, at)
                at_end[begin + j - 1] = last + direct[0, begin + j]
                at_start[begin + j - 1] = first + direct[1, begin + j]
        total[:] = 0.0
        for j in range(1, end - begin + 1):
            total += rows[first_row + j - 1]
            if forward[begin + j - 1]:
                last, first = _polynomial_sums(total, -1.0, polynomial, j)
                if divided[begin + j - 1]:
                    _add_within(total, -1.0, j, u_times, at)
                at_end[begin + j - 1] = last + direct[0, begin + j]
                at_start[begin + j - 1] = first + direct[1, begin + j]


@njit(nogil=True, cache=True, error_model="numpy")
def _run_up(change, at_risk, sums):  # type: ignore[no-untyped-def]
    """Turn changes by day (index 0..horizon, adding up to nothing) into daily sums."""
    forward = _from_start(at_risk, len(at_risk))
    total = 0.0
    for day in range(len(at_risk), 0, -1):
        total = total + change[day] if at_risk[day - 1] else 0.0
        if not forward[day - 1]:
            sums[day - 1] = total
    total = 0.0
    for day in range(1, len(at_risk) + 1):
        total -= change[day - 1]
        if forward[day - 1]:
            sums[day - 1] = total if at_risk[day - 1] else 0.0


@njit(nogil=True, cache=True, error_model="numpy")
def follow_up(  # type: ignore[no-untyped-def]
    words,
    start,
    stop,
    word_of,
    shift_of,
    mask_of,
    base_of,
    ages,
    weights,
    hazard,
    coefficients,
    polynomial,
    n_ages,
    first_age,
    year_starts,
    table_end,
    days_per_year,
    window_start,
    from_diagnosis,
    closing,
    times,
    want_pohar_perme,
    want_ederer2,
    want_ederer1,
    want_hakulinen,
    at_risk,
    deaths,
    weighted,
    sums,
    at,
):
    """Write the sums of the records ``start..stop`` by day; day d stands at index d - 1.

    ``at_risk``: int64 (horizon,). ``deaths``: int64 (1 or 2, horizon), all and of the cancer.
    ``weighted``: float64 (3 or 5, horizon) for the weighted number at risk, deaths and squared
    deaths (and those of the cancer), or (3, 0) when all weights are 1.
    ``sums``: float64 (9, horizon), rows as in ``SUMS``. ``at``: float64 (3, n_times): Σw of
    those at risk, ΣS of all, ΣS of those with potential follow-up, at the fractional
    ``times``. Returns cases, their weights, person-days, person-days outside the table.
    """
    deaths[:] = 0
    weighted[:] = 0.0
    sums[:2] = 0.0
    at[:] = 0.0
    horizon = len(at_risk)
    n_years = len(year_starts)
    last_age = n_ages - 1
    is_weighted = weighted.shape[1] > 0
    size = horizon + 1
    n_rows = (BLOCK + 1) * ((horizon - 1) // BLOCK + 1)
    rows = np.zeros((n_rows if want_pohar_perme else 0, TERMS))
    rows_all = np.zeros((n_rows if want_ederer1 else 0, TERMS))
    rows_potential = np.zeros((n_rows if want_hakulinen else 0, TERMS))
    direct = np.zeros((2, size))
    direct_all = np.zeros((2, size))
    direct_potential = np.zeros((2, size))
    falling = coefficients * FALLING if want_ederer1 or want_hakulinen else coefficients
    expected = np.zeros(size)
    change = np.zeros(size, dtype=np.int64)
    weighted_change = np.zeros(size if is_weighted else 0)
    field = np.empty(7, dtype=np.int64)
    cases = 0
    total_weight = 0.0
    person_days = 0
    outside_days = 0
    year = 0
    for i in range(start, stop):
        for f in range(7):
            field[f] = base_of[f] + np.int64((words[word_of[f], i] >> shift_of[f]) & mask_of[f])
        incidence = field[INCIDENCE]
        exit_day = field[EXIT]
        entry = field[ENTRY]
        if incidence < from_diagnosis:
            entry = max(entry, window_start - incidence)
        if entry >= exit_day:
            continue
        age_days = ages[field[AGE]]
        weight = weights[field[WEIGHT]]
        died = field[DEATH] >= 1
        of_cancer = field[DEATH] == 2
        cases += 1
        total_weight += weight
        person_days += exit_day - entry
        change[exit_day] += 1
        change[entry] -= 1
        if is_weighted:
            weighted_change[exit_day] += weight
            weighted_change[entry] -= weight

        potential = exit_day
        if want_hakulinen and died:
            potential = min(closing - incidence, horizon)
        limit = horizon if want_ederer1 else max(exit_day, potential)

        # where in the life table the case stands on day 1
        age = int(math.floor(age_days / days_per_year)) - first_age
        age = 0 if age < 0 else (last_age if age > last_age else age)
        next_age = _NEVER
        if age < last_age:
            next_age = int(math.ceil((age + first_age + 1) * days_per_year - age_days))
        while year > 0 and year_starts[year] > incidence:
            year -= 1
        while year < n_years - 1 and year_starts[year + 1] <= incidence:
            year += 1
        y = year
        next_year = year_starts[y + 1] - incidence if y < n_years - 1 else _NEVER

        # person-days before the table's first or after its last age or year
        too_old = int(math.ceil((last_age + first_age + 1) * days_per_year - age_days))
        covered_from = max(
            year_starts[0] - incidence, int(math.ceil(first_age * days_per_year - age_days)), entry
        )
        covered_to = min(too_old, table_end - incidence, exit_day)
        outside_days += (exit_day - entry) - max(0, covered_to - covered_from)

        level_start = field[LEVEL] * n_ages * n_years
        day = 0
        cumulative = 0.0
        block = 0
        while day < limit:
            end = min(
                next_age, next_year, (block + 1) * BLOCK, exit_day if day < exit_day else limit
            )
            cell = level_start + age * n_years + y
            h = hazard[cell]
            middle = cumulative + h * (block * BLOCK + BLOCK / 2 - day)
            if day < exit_day and end > entry:
                first = max(day, entry)
                if want_pohar_perme:
                    if h <= STEEPEST:
                        height = weight * math.exp(middle)
                        _add_stretch(rows, coefficients, cell, height, block, first, end)
                    else:
                        height = weight * math.exp(cumulative + h * (first - day))
                        _add_days(direct, at[0], times, height, h, first, end)
                if want_ederer2:
                    expected[end] += weight * h
                    expected[first] -= weight * h
            if want_hakulinen and day < potential:
                last = min(end, potential)
                if h <= STEEPEST:
                    height = weight * math.exp(-middle)
                    _add_stretch(rows_potential, falling, cell, height, block, day, last)
                else:
                    height = weight * math.exp(-cumulative)
                    _add_days(direct_potential, at[2], times, height, -h, day, last)
            if want_ederer1:
                if h <= STEEPEST:
                    height = weight * math.exp(-middle)
                    _add_stretch(rows_all, falling, cell, height, block, day, end)
                else:
                    height = weight * math.exp(-cumulative)
                    _add_days(direct_all, at[1], times, height, -h, day, end)
            cumulative += h * (end - day)
            day = end
            if day == exit_day and died:
                deaths[0, day - 1] += 1
                if of_cancer:
                    deaths[1, day - 1] += 1
                if is_weighted:
                    weighted[1, day - 1] += weight
                    weighted[2, day - 1] += weight * weight
                    if of_cancer:
                        weighted[3, day - 1] += weight
                        weighted[4, day - 1] += weight * weight
                if want_pohar_perme:
                    w = weight * math.exp(cumulative)
                    sums[0, day - 1] += w
                    sums[1, day - 1] += w * w
            if day == (block + 1) * BLOCK:
                block += 1
            if day == next_age:
                age += 1
                next_age = _NEVER
                if age < last_age:
                    next_age = int(math.ceil((age + first_age + 1) * days_per_year - age_days))
            if day == next_year:
                y += 1
                next_year = year_starts[y + 1] - incidence if y < n_years - 1 else _NEVER

    left = 0
    for day in range(horizon, 0, -1):
        left += change[day]
        at_risk[day - 1] = left
    backward = np.zeros(horizon, dtype=np.bool_)
    if want_pohar_perme:
        forward = _from_start(at_risk, BLOCK)
        _evaluate(rows, direct, polynomial, forward, times, sums[2], sums[3], at[0])
        for day in range(horizon):
            if at_risk[day] == 0:  # nothing is left of sums but rounding
                sums[2:4, day] = 0.0
    if want_ederer1:
        _evaluate(rows_all, direct_all, polynomial, backward, times, sums[5], sums[8], at[1])
    if want_hakulinen:
        _evaluate(
            rows_potential, direct_potential, polynomial, backward, times, sums[6], sums[7], at[2]
        )
    _run_up(expected, at_risk, sums[4])
    if is_weighted:
        _run_up(weighted_change, at_risk, weighted[0])
    return cases, total_weight, person_days, outside_days
