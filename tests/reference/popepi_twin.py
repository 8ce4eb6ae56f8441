"""What R's popEpi 0.5.0 (survtab, hazard form) computes, replayed with plain arrays.

Person-time is continuous in fractional years; the expected hazard of an interval is that of
the middle of the case's stay in it. Its Pohar Perme weights lower the cumulative hazard at the
interval's start by half the interval's hazard, where the half should be added.
"""

from itertools import pairwise

import numpy as np
import polars as pl

POPEPI_YEAR = 365.242199


def fractional_year(dates):
    """Dates as calendar years with a fraction."""
    return dates.dt.year().to_numpy() + (dates.dt.ordinal_day().to_numpy() - 1) / POPEPI_YEAR


def years_between(cases):
    """Follow-up as the difference of two fractional calendar years."""
    incidence = cases["incidence_date"]
    last = cases.select(pl.col("incidence_date") + pl.duration(days="follow_up_days")).to_series()
    return fractional_year(last) - fractional_year(incidence)


def survtab(cases, rates, breaks, *, half=-0.5, time=None):
    """Return {end of interval: {"observed", "e2", "pp", and their "se_..."}}.

    Parameters
    ----------
    cases
        ``age_days``, ``incidence_date``, ``follow_up_days``, ``died``, the keys of ``rates``.
    rates
        A ``relsurv_twin.RateTable``; its years are counted from ``rates.starts``.
    half
        The half interval in the weight: −0.5 as popEpi has it, 0.5 as it should be.
    time
        Follow-up in years; by default days over the table's days per year.
    """
    year_length = rates.days_per_year
    numbers = {level: i for i, level in enumerate(rates.levels)}
    level = np.array([numbers[row] for row in cases.select(rates.keys).iter_rows()])
    age = cases["age_days"].to_numpy() / year_length
    calendar = fractional_year(cases["incidence_date"])
    if time is None:
        time = cases["follow_up_days"].to_numpy() / year_length
    died = cases["died"].to_numpy()
    first_years = np.array([int(1970 + np.round(start / 365.2425)) for start in rates.starts])
    cells = rates.cells * year_length
    cumulative = np.zeros(len(time))
    hazard = {"observed": 0.0, "e2": 0.0, "pp": 0.0}
    variance = {"observed": 0.0, "pp": 0.0}
    answers = {}
    for start, end in pairwise(breaks):
        who = np.flatnonzero(time > start + 1e-12)
        stay = np.minimum(time[who], end) - start
        middle = start + stay / 2
        row = np.minimum((age[who] + middle).astype(int), cells.shape[1] - 1)
        year = np.searchsorted(first_years, np.floor(calendar[who] + middle), side="right") - 1
        expected = cells[level[who], row, np.maximum(year, 0)]
        dead = died[who] & (time[who] <= end + 1e-12)
        length = end - start
        weight = np.exp(cumulative[who] + half * expected * length)
        hazard["observed"] += length * dead.sum() / stay.sum()
        hazard["e2"] += length * (dead.sum() - (expected * stay).sum()) / stay.sum()
        excess = (weight * dead).sum() - (weight * expected * stay).sum()
        hazard["pp"] += length * excess / (weight * stay).sum()
        variance["observed"] += length**2 * dead.sum() / stay.sum() ** 2
        variance["pp"] += length**2 * (weight**2 * dead).sum() / (weight * stay).sum() ** 2
        cumulative[who] += expected * stay
        values = {name: float(np.exp(-value)) for name, value in hazard.items()}
        spread = {"e2": variance["observed"], **variance}
        values |= {f"se_{n}": values[n] * float(np.sqrt(v)) for n, v in spread.items()}
        answers[round(float(end), 9)] = values
    return answers
