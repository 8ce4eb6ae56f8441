"""What R's popEpi 0.5.0 (survtab, both forms) computes, replayed with plain arrays.

Person-time is continuous in years. The expected hazard of a stay in an interval is that of its
middle. Four things are its own. In its Pohar Perme weights the half interval is taken away from
the cumulative hazard where it should be added, and the interval ends √ε early. A death exactly at
the end of a calendar window is counted but not weighted. Someone censored exactly at the end of
an interval has withdrawn in it.
"""

from itertools import pairwise
from math import sqrt
from statistics import NormalDist

import numpy as np

NORMAL_975 = NormalDist().inv_cdf(0.975)
EARLY = sqrt(2.0**-52)
"""Years by which its weights put the ends of intervals too early."""


def hazards(rates, cases):
    """Return f(who, time): annual hazards of cases so many years after diagnosis.

    ``rates`` is a ``relsurv_twin.RateTable`` of whole calendar years, ``cases`` a dict of arrays
    with ``level``, ``age`` and ``year`` (with their fractions).
    """
    first = int(1970 + np.round(rates.starts[0] / 365.2425))
    cells = rates.cells * rates.days_per_year

    def at(who, time):
        age = np.clip(np.floor(cases["age"][who] + time + 1e-10).astype(int), 0, cells.shape[1] - 1)
        year = np.floor(cases["year"][who] + time + 1e-10).astype(int) - first
        return cells[cases["level"][who], age, np.clip(year, 0, cells.shape[2] - 1)]

    return at


def survtab(cases, at, breaks, *, form, half=-0.5, early=EARLY, from_entry=False, left_at_end=True):
    """Return its columns, arrays over the intervals in which someone is.

    Parameters
    ----------
    cases
        Arrays ``entry``, ``time`` (years) and ``died``, with what ``at`` needs; ``unweighted``,
        if given, marks deaths that are counted and not weighted.
    at
        From ``hazards``.
    form
        ``"hazard"`` or ``"lifetable"``.
    half, early
        The half interval in the weights and the shift of their breaks; 0.5 and 0 are right.
    from_entry
        Whether weights start at entry, as when the person-time before it was dropped.
    left_at_end
        Whether someone censored at the very end of an interval has withdrawn in it.
    """
    entry, time, died = cases["entry"], cases["time"], cases["died"]
    unweighted = cases.get("unweighted", np.zeros(len(time), dtype=bool))
    before = np.zeros(len(time))
    rows = []
    for start, end in pairwise(breaks):
        length = end - start
        who = np.flatnonzero((time > start + 1e-10) & (entry < end - 1e-10))
        if not len(who):
            break
        late = np.flatnonzero((time > start + 1e-10) & (entry > start)) if not from_entry else []
        if len(late):
            gap = np.minimum(entry[late], end) - start
            before[late] += gap * at(late, start + gap / 2)
        first, last = np.maximum(entry[who], start), np.minimum(time[who], end)
        stay = last - first
        hazard = at(who, first + stay / 2)
        dead = died[who] & (time[who] <= end + 1e-10)
        left = ~died[who] & (time[who] < end + (1e-10 if left_at_end else -1e-10))
        weight = np.exp(before[who] + half * hazard * (end - early - first))
        before[who] += hazard * stay
        n, d, c = len(who), dead.sum(), left.sum()
        dead = dead & ~unweighted[who]
        pyrs, expected = stay.sum(), (hazard * stay).sum()
        excess = (weight * dead).sum() - (weight * hazard * stay).sum()
        if form == "hazard":
            steps = (
                np.exp(-length * d / pyrs),
                length**2 * d / pyrs**2,
                np.exp(-length * (d - expected) / pyrs),
                np.exp(-length * excess / (weight * stay).sum()),
                length**2 * (weight**2 * dead).sum() / (weight * stay).sum() ** 2,
                np.exp(-length * expected / pyrs),
            )
        else:
            effective = n - c / 2
            weighted = weight.sum() - (weight * left).sum() / 2
            steps = (
                1 - d / effective,
                d / (effective * (effective - d)),
                1 - (d - expected) / effective,
                1 - excess / weighted,
                (weight**2 * dead).sum() / effective**2,
                1 - expected / n,
            )
        rows.append((pyrs, n, d, c, expected, (weight * hazard * stay).sum(), *steps))
    pyrs, n, d, c, expected, expected_pp, p, var_p, e2, pp, var_pp, p_exp = np.transpose(rows)
    observed, expected_survival = np.cumprod(p), np.cumprod(p_exp)
    se_observed = observed * np.sqrt(np.cumsum(var_p))
    answer = {"pyrs": pyrs, "n": n, "d": d, "n.cens": c, "d.exp": expected, "d.exp.pp": expected_pp}
    for name, value, se in (
        ("surv.obs", observed, se_observed),
        ("e2", np.cumprod(e2), se_observed / expected_survival),
        ("pp", np.cumprod(pp), np.cumprod(pp) * np.sqrt(np.cumsum(var_pp))),
    ):
        with np.errstate(invalid="ignore"):  # no limits before the first death
            spread = np.exp(NORMAL_975 * se / (value * np.abs(np.log(value))))
        answer |= {
            name: value, f"{name}.lo": value**spread, f"{name}.hi": value ** (1 / spread),
            f"SE.{name}": se,
        }  # fmt: skip
    return answer
