"""Who is whose: second primaries, and the ids of persons and tumours."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.demo.follow_up import CLOSING_DAY, DEAD, LOST
from rarecare.demo.tables import Ints

SECOND = 0.05
"""Share of persons who have a later second primary."""

_MONTH_ORIGIN = np.datetime64("1880-01", "M")
_DAY_ORIGIN = (date(1880, 1, 1) - date(1970, 1, 1)).days
_MONTHS = (
    np.arange(_DAY_ORIGIN, CLOSING_DAY + 400, dtype=np.int64)
    .astype("datetime64[D]")
    .astype("datetime64[M]")
    - _MONTH_ORIGIN
).astype(np.int64)


def patient_numbers(
    *,
    sex: Ints,
    birth: Ints,
    incidence: Ints,
    last: Ints,
    status: Ints,
    dco: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Ints:
    """Return patient numbers from 1; 5 % of persons have two cases.

    Two cases become one person's when they agree in sex, month of birth, vital status and month
    of last follow-up, as the files of one person must, and differ in the day of incidence.
    Survival of each case is left as drawn, so that truth stays exact; those who have died agree
    seldom, so that most second primaries are in persons alive at the closing date.
    """
    n = len(sex)
    fit = np.flatnonzero((status != LOST) & ~dco)
    key = (month_number(birth[fit]) * 2 + sex[fit]) * 4096 + month_number(last[fit])
    key = key * 2 + (status[fit] == DEAD)
    order = np.lexsort((incidence[fit], key))
    fit, key = fit[order], key[order]
    place = np.arange(len(fit)) - np.searchsorted(key, key, side="left")
    first = np.flatnonzero(
        (place[:-1] % 2 == 0) & (key[1:] == key[:-1]) & (incidence[fit[1:]] > incidence[fit[:-1]])
    )
    wanted = round(n * SECOND / (1 + SECOND))
    first = rng.permutation(first)
    dead = status[fit[first]] == DEAD
    first = np.concatenate([first[dead], first[~dead]])[:wanted]
    joined: NDArray[np.bool_] = np.zeros(n, dtype=bool)
    joined[fit[first + 1]] = True
    number: Ints = np.cumsum(~joined).astype(np.int64)
    number[fit[first + 1]] = number[fit[first]]
    return number


def month_number(day: Ints) -> Ints:
    """Return months since January 1880 of days since 1970-01-01."""
    return np.asarray(_MONTHS[day - _DAY_ORIGIN])


def patient_ids(numbers: Ints) -> pl.Series:
    """Return ``"pat0000001"`` and so on."""
    return _ids("pat", numbers)


def tumour_ids(numbers: Ints) -> pl.Series:
    """Return ``"tum0000001"`` and so on."""
    return _ids("tum", numbers)


def _ids(prefix: str, numbers: Ints) -> pl.Series:
    digits = pl.Series("n", numbers).cast(pl.String).str.zfill(7)
    return pl.select(pl.concat_str(pl.lit(prefix), digits)).to_series()
