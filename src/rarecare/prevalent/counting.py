"""Counting in a window before the index date: who is alive, and how sure that is.

Source: METHODS_DETAIL 11. Each member contributes the probability of being alive: 1 or 0 where it
is known, that of the survival standing in where the member was lost. The variance has the chance
of incidence (Poisson), that of each member's fate, and the error of the survival they share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.prevalent.followed import KaplanMeier, StoodIn, shared_variance, stand_in
from rarecare.prevalent.members import PrevalenceTally, in_window, on_the_date
from rarecare.prevalent.plan import PrevalencePlan, Window

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]
Curves = dict[int, KaplanMeier]

ALL_AGES, ALL_PHASES = "all", "all"
INITIAL, MONITORING, LAST_YEAR = "initial", "monitoring", "last year of life"


@dataclass(frozen=True, slots=True)
class Counted:
    """Numbers of rows: one row per stratum, window, age group and phase.

    Attributes
    ----------
    keys
        Their labels.
    n, alive, lost
        Diagnosed in the window; known to be alive on the index date; lost before it.
    estimate, variance
        Persons alive, and the variance asked.
    widened
        Cases lost for whom a wider stratum's survival stood in.
    blind
        Cases lost that nobody at risk stands in for.
    """

    keys: pl.DataFrame
    n: Whole
    alive: Whole
    lost: Whole
    estimate: Floats
    variance: Floats
    widened: Whole
    blind: Whole


@dataclass(frozen=True, slots=True)
class Shares:
    """What each member contributes.

    Attributes
    ----------
    counts
        Whether the member stands among those counted.
    alive, lost
        Known to be alive on the index date, or lost before it.
    share
        Probability of being what is counted.
    weight
        Multiplies it: 1, or the inverse completeness of the member's age.
    borrowed
        Places of the members whose share is made of others' survival, and of whose.
    steps
        Days and jumps of the weight with which each of them borrows; see ``shared_variance``.
    """

    counts: Flags
    alive: Flags
    lost: Flags
    share: Floats
    weight: Floats
    borrowed: tuple[Whole, StoodIn]
    steps: Sequence[tuple[Whole, Floats]]


def curves_of(tally: PrevalenceTally, plan: PrevalencePlan) -> Curves:
    """Return observed survival with all survival strata, and with ever fewer of them."""
    strata = plan.survival_strata
    return {kept: KaplanMeier.of(tally.survival, strata[:kept]) for kept in range(len(strata) + 1)}


def count_window(
    tally: PrevalenceTally,
    plan: PrevalencePlan,
    window: Window,
    curves: Curves,
    *,
    weight: pl.Expr | None = None,
) -> Counted:
    """Return the numbers of one window by stratum and age group.

    ``weight``, of columns of the members, multiplies each of them; by default 1.
    """
    own = tally.members.filter(in_window(plan, window))
    alive, lost = on_the_date(own, "_gap")
    gone = own.filter(pl.Series(lost))
    stood = stand_in(gone, curves, plan.survival_strata, asked="_gap", fewest=plan.min_at_risk)
    w = np.ones(own.height) if weight is None else own.select(weight).to_series().to_numpy()
    share = np.where(alive, 1.0, 0.0)
    share[lost] = stood.alive
    jump = w[lost] * stood.alive
    shares = Shares(
        np.ones(own.height, dtype=bool), alive, lost, share, w, (np.flatnonzero(lost), stood),
        [(gone["_time"].to_numpy(), jump), (gone["_gap"].to_numpy(), -jump)],
    )  # fmt: skip
    rows, keys = _numbered(own, tally.strata, plan)
    return _summed(rows, keys, plan, shares, curves)


def count_phases(
    tally: PrevalenceTally, plan: PrevalencePlan, window: Window, curves: Curves
) -> Counted:
    """Return those of a window by phase of care, all ages.

    The last year of life: alive on the index date and dead a year later; whoever is followed that
    long is counted, others are expected. Of the rest, the initial phase is the first year after
    diagnosis, and monitoring what follows.
    """
    own = tally.members.filter(in_window(plan, window)).with_columns(
        _later=pl.col("_gap") + round(plan.days_per_year)
    )
    alive, lost = on_the_date(own, "_gap")
    later, unseen = on_the_date(own, "_later")
    gone = own.filter(pl.Series(unseen))
    # one stratum stands in for both days, so that fewer are alive on the second
    stood = stand_in(gone, curves, plan.survival_strata, asked="_later", fewest=plan.min_at_risk)
    then = np.where(later, 1.0, 0.0)
    then[unseen] = stood.alive
    now = np.where(alive, 1.0, 0.0)
    time, gap, year_on = (gone[name].to_numpy() for name in ("_time", "_gap", "_later"))
    at_gap = _alive_at(gap, time, stood, curves)
    now[unseen] = at_gap
    first_year = own["_gap"].to_numpy() < (plan.index - plan.since(1)).days
    near = at_gap - stood.alive
    rows, keys = _numbered(own, tally.strata, plan, ages=False)
    parts = []
    for phase in (INITIAL, MONITORING, LAST_YEAR):
        counts = np.ones(own.height, dtype=bool)
        share = now - then
        steps = [(time, near), (np.maximum(gap, time), -near - stood.alive), (year_on, stood.alive)]
        if phase != LAST_YEAR:
            counts = first_year == (phase == INITIAL)
            share = np.where(counts, then, 0.0)
            jump = np.where(counts[unseen], stood.alive, 0.0)
            steps = [(time, jump), (year_on, -jump)]
        shares = Shares(
            counts, alive & counts, lost & counts, share, np.ones(own.height),
            (np.flatnonzero(unseen), stood), steps,
        )  # fmt: skip
        labelled = keys.with_columns(phase=pl.lit(phase))
        parts.append(_summed(rows, labelled, plan, shares, curves))
    return Counted(
        pl.concat([part.keys for part in parts]),
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("n", "alive", "lost", "estimate", "variance", "widened", "blind")
        ),
    )


def _alive_at(day: Whole, since: Whole, stood: StoodIn, curves: Curves) -> Floats:
    """Return the probability of being alive at a day, by the survival that stands in; 1 before."""
    found = np.zeros(len(day))
    for kept in np.unique(stood.level):
        own = stood.level == kept
        until, _ = curves[int(kept)].at(stood.stratum[own], np.maximum(day[own], since[own]))
        before, _ = curves[int(kept)].at(stood.stratum[own], since[own])
        found[own] = until - before
    return np.exp(found)


def _numbered(
    own: pl.DataFrame, strata: pl.DataFrame, plan: PrevalencePlan, *, ages: bool = True
) -> tuple[list[Whole], pl.DataFrame]:
    """Return the row of each member (−1: none), one array per margin, and the rows' labels."""
    columns = list(plan.columns)
    listed = strata.sort(columns, nulls_last=False)
    numbered = listed.with_row_index("_row").cast({"_row": pl.Int64})
    joined = own.select(columns).join(
        numbered, on=columns, how="left", nulls_equal=True, maintain_order="left"
    )
    group = joined["_row"].to_numpy()
    keys = [listed.with_columns(age_group=pl.lit(ALL_AGES))]
    rows = [group]
    if ages and plan.age_lower:
        age = own["_age"].fill_null(-1).to_numpy()
        place = np.searchsorted(plan.age_lower, age, side="right") - 1
        rows.append(np.where(place >= 0, listed.height + group * len(plan.age_lower) + place, -1))
        labels = pl.DataFrame({"age_group": list(plan.age_groups)})
        keys.append(listed.join(labels, how="cross", maintain_order="left_right"))
    return rows, pl.concat(keys).with_columns(phase=pl.lit(ALL_PHASES))


def _summed(
    rows: Sequence[Whole], keys: pl.DataFrame, plan: PrevalencePlan, shares: Shares, curves: Curves
) -> Counted:
    """Return sums over members by row, with the variance of METHODS_DETAIL 11."""
    whose, stood = shares.borrowed
    p, w, size = shares.share, shares.weight, keys.height
    spread = w**2 * p * (1 - p)
    if plan.estimand == "underlying":
        spread += w**2 * p
    wide, blind = np.zeros((2, len(p)))
    wide[whose] = stood.level < len(plan.survival_strata)
    blind[whose] = stood.at_risk == 0
    members = (shares.counts, shares.alive, shares.lost, w * p, spread, wide, blind)
    sums = np.zeros((len(members), size))
    for row in rows:
        on = row >= 0
        sums += [np.bincount(row[on], weights=own[on], minlength=size) for own in members]
        inside = row[whose] >= 0
        times = len(shares.steps)
        sums[4] += shared_variance(
            np.tile(row[whose][inside], times),
            np.tile(stood.level[inside], times),
            np.tile(stood.stratum[inside], times),
            days=np.concatenate([day[inside] for day, _ in shares.steps]),
            jumps=np.concatenate([jump[inside] for _, jump in shares.steps]),
            n_rows=size,
            curves=curves,
        )
    n, alive, lost, _, _, widened, unseen = sums.astype(np.int64)
    return Counted(keys, n, alive, lost, sums[3], sums[4], widened, unseen)
