"""The first disclosure rule: small counts withheld, and those that would reveal them.

A *cell* is an entity, area, sex, age group and period of one measure. Its cases ``n`` stand
in every row of the cell: crude and standardised, at each time. ``events`` and ``at_risk``
stand in the rows of one time, whatever the standard.

1. Primary. A cell whose ``n`` is 1 to threshold − 1 is withheld in all its rows, with every
   count and number; person-years stay, they are public. Where ``events`` or ``at_risk`` is
   that small, both are withheld with the numbers of that time, and ``n`` stays: either would
   give the other where nobody was lost to follow-up, as n − events − at_risk.
2. Secondary. In each family (a total and its parts, see ``families``) a total that is shown
   needs no part withheld, or two that together are at least the threshold, and more
   than their number, or each would be 1; a total that is withheld needs a part withheld.
   Else the smallest shown part that is not 0 is withheld, or the total where none is left.
   What the parts leave of a shown total must not be 1 to threshold − 1 either; it is never
   counted as one of the two, for a reader may know that it is 0.
3. Deaths at a time, withheld between two times with equal deaths, would follow from them:
   the later of the two is withheld as well.
4. Until nothing changes. ``audit`` then looks at the answer with other code.

Decisions. A count of 0 is shown: it speaks of nobody; it is never withheld to protect another
but goes where its row goes. One sentence is the reason of all withheld rows, because telling
primary from secondary would narrow the counts. Missing information is not protected:
cases of unknown age, persons lost to follow-up; but where the cases of a cell are withheld,
so is the remark that says how many of them have no age.

Limits. This is not yet full suppression by integer programming. It keeps a withheld count from
being computed by one subtraction, and in one dimension by any chain of them; it does not
bound what several dimensions, several times, several standards or incidence beside survival
give together. A standardised rate of full precision and all but a few of its age-specific
rates can be solved for whole numbers. The steps of a survival curve show when deaths fell.
Groups that overlap the list (all rare cancers) are checked against all cancers only. Releases
are not compared with earlier ones.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.disclosure.audit import audit
from rarecare.disclosure.cells import Family, Lattice, Measure, measure_of
from rarecare.disclosure.linked import Link, withhold_linked
from rarecare.disclosure.rule import DEFAULT_THRESHOLD, DisclosureRule
from rarecare.errors import DisagreementError
from rarecare.results import WITHHELD

_NUMBERS = ("estimate", "se", "lower", "upper")
_COUNTS = ("n", "events", "at_risk")
AGES_UNKNOWN = "some cases are of unknown age"
"""Remark instead of one that would give a withheld total."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Protected:
    """A table that may be published.

    Attributes
    ----------
    estimates
        Rows and columns as given; withheld counts and numbers are null.
    rule
        What was withheld, in words.
    summary
        One row per ``measure``: ``rows``, ``primary`` (rows withheld for a small count of
        their own), ``secondary`` (to protect others), ``before`` (already withheld).
    """

    estimates: pl.DataFrame
    rule: DisclosureRule
    summary: pl.DataFrame


def protect(
    estimates: pl.DataFrame,
    *,
    areas: pl.DataFrame,
    entities: pl.DataFrame,
    threshold: int = DEFAULT_THRESHOLD,
    overlapping: Collection[str] = (),
    links: Collection[Link] = (),
) -> Protected:
    """Return a release's estimates with small counts withheld.

    Parameters
    ----------
    estimates, areas, entities
        Tables of a release, in the columns of ``study.schema``.
    threshold
        The smallest positive count that is shown.
    overlapping
        Measures whose parts may together exceed their total.
    links
        Rows that show the count of a cell of another measure, and go with it.

    Raises
    ------
    UsageError
        The threshold is not a whole number from 1.
    DisagreementError
        Parts of another measure exceed their total, a row speaks of an area or entity that is
        not listed, or the answer fails the audit (a fault of the program).
    """
    rule = DisclosureRule.of(threshold)
    size = estimates.height
    marks = {name: np.zeros(size, dtype=bool) for name in ("cases", "follow_up", "own", "remark")}
    for name in estimates["measure"].unique().sort():
        place = np.flatnonzero((estimates["measure"] == name).to_numpy())
        measure = measure_of(estimates[place], areas=areas, entities=entities)
        few = _small(np.column_stack([measure.n, measure.known]), threshold)
        own = (few, _small(measure.follow_up, threshold))
        checked = None if name in overlapping else name
        cases, follow_up = _suppress(measure, own, threshold, checked=checked)
        marks["cases"][place] = cases[measure.cell]
        marks["remark"][place] = cases[measure.whole_cell]
        marks["own"][place] = own[0][measure.cell]
        if len(measure.follow_up):
            marks["follow_up"][place] = follow_up[measure.unit]
            marks["own"][place] |= own[1][measure.unit]
    shown = _written(estimates, marks, rule)
    left = audit(shown, areas=areas, entities=entities, threshold=threshold)
    if left.height:
        raise DisagreementError(
            f"disclosure control failed: {left.height} withheld counts can be worked out",
            value=str(left.row(0, named=True)),
            remedy="This is a fault of the program; do not publish, and report it.",
        )
    shown = withhold_linked(shown, links, rule.reason)
    return Protected(shown, rule, _summary(estimates, shown, marks["own"]))


def _small(counts: NDArray[np.int64], threshold: int) -> Flags:
    """Return which rows of counts, shape (n_rows, 2), hold a small one."""
    return np.asarray(((counts > 0) & (counts < threshold)).any(axis=1))


def _suppress(
    measure: Measure, own: tuple[Flags, Flags], threshold: int, *, checked: str | None
) -> tuple[Flags, Flags]:
    """Return which cells and which (cell, time) are withheld.

    ``checked``: the measure, where parts must not exceed their total.
    """
    cases = measure.n_hidden | own[0]
    follow_up = measure.follow_up_hidden | own[1]
    for lattice in measure.lattices if checked is not None else ():
        for family in lattice.families:
            _check_sums(
                family, lattice.values, follow_up if lattice.timed else cases, checked or ""
            )
    _settle([one for one in measure.lattices if not one.timed], cases, threshold)
    if not len(follow_up):
        return cases, follow_up
    follow_up |= cases[measure.unit_cell]
    timed = [one for one in measure.lattices if one.timed]
    while True:
        _settle(timed, follow_up, threshold)
        before = int(follow_up.sum())
        _break_sandwiches(measure, cases, follow_up)
        if int(follow_up.sum()) == before:
            return cases, follow_up


def _settle(lattices: list[Lattice], hidden: Flags, threshold: int) -> None:
    """Withhold, in place, until no family of these lattices gives a count away."""
    before = -1
    while before < (before := int(hidden.sum())):
        for lattice in lattices:
            for family in lattice.families:
                _withhold_more(
                    family, lattice.values, hidden, threshold, positive=not lattice.timed
                )


def _sums(
    family: Family, values: NDArray[np.int64], hidden: Flags
) -> tuple[Flags, NDArray[np.int64], NDArray[np.int64]]:
    """Return per relation: the total withheld, parts withheld, total minus shown parts."""
    size = len(family.total)
    gone = hidden[family.part]
    n_gone = np.bincount(family.relation[gone], minlength=size)
    sums = np.bincount(
        family.relation, weights=np.where(gone, 0, values[family.part]), minlength=size
    )
    return hidden[family.total], n_gone, values[family.total] - sums.astype(np.int64)


def _check_sums(family: Family, values: NDArray[np.int64], hidden: Flags, name: str) -> None:
    total_gone, _, left = _sums(family, values, hidden)
    wrong = np.flatnonzero(~total_gone & (left < 0))
    if len(wrong):
        total = values[family.total[wrong[0]]]
        raise DisagreementError(
            f"{name}: the parts of {len(wrong)} totals by {family.name} exceed them",
            value=int(total - left[wrong[0]]),
            allowed=f"up to the total, {int(total)}",
            remedy="Parts must not overlap, and all must count the same cases.",
        )


def _withhold_more(
    family: Family, values: NDArray[np.int64], hidden: Flags, threshold: int, *, positive: bool
) -> None:
    """Withhold, in place, one more count of each family that gives one away.

    ``positive``: withheld parts are known to be at least 1.
    """
    total_gone, n_gone, left = _sums(family, values, hidden)
    pinned = (left <= n_gone) if positive else np.zeros(len(left), dtype=bool)
    bad = ~total_gone & (left > 0) & ((n_gone == 1) | (left < threshold) | pinned)
    bad |= total_gone & (n_gone == 0)
    if threshold == 1 or not bad.any():
        return
    eligible = bad[family.relation] & ~hidden[family.part] & (values[family.part] > 0)
    candidates = np.flatnonzero(eligible)
    relations, first = np.unique(family.relation[candidates], return_index=True)
    hidden[family.part[candidates[first]]] = True
    bad[relations] = False
    hidden[family.total[bad]] = True


def _break_sandwiches(measure: Measure, cases: Flags, follow_up: Flags) -> None:
    """Withhold, in place, a time whose deaths give those withheld before it."""
    events, cell = measure.follow_up[:, 0], measure.unit_cell
    position = np.arange(len(events))
    while True:
        shown = ~follow_up
        before = np.maximum.accumulate(np.where(shown, position, -1))
        after = np.minimum.accumulate(np.where(shown, position, len(events))[::-1])[::-1]
        has_before = (before >= 0) & (cell[before] == cell)
        after_or_last = np.minimum(after, len(events) - 1)
        has_after = (after < len(events)) & (cell[after_or_last] == cell)
        bound = np.where(has_after, events[after_or_last], measure.n[cell])
        given = follow_up & ~cases[cell] & has_before & (events[before] == bound) & (bound > 0)
        if not given.any():
            return
        follow_up[np.where(has_after, after_or_last, before)[given]] = True


def _written(
    estimates: pl.DataFrame, marks: dict[str, Flags], rule: DisclosureRule
) -> pl.DataFrame:
    """Return the estimates with everything marked made null."""
    cases, follow_up = pl.Series(marks["cases"]), pl.Series(marks["follow_up"])
    either = cases | follow_up
    remark = pl.Series(marks["remark"]) & estimates["reason"].str.contains("unknown")
    return estimates.with_columns(
        pl.when(~cases).then(pl.col("n")).alias("n"),
        pl.when(~either).then(pl.col("events")).alias("events"),
        pl.when(~either).then(pl.col("at_risk")).alias("at_risk"),
        *(pl.when(~either).then(pl.col(name)).alias(name) for name in _NUMBERS),
        status=pl.when(either).then(pl.lit(WITHHELD)).otherwise("status"),
        reason=pl.when(either)
        .then(pl.lit(rule.reason))
        .when(remark)
        .then(pl.lit(AGES_UNKNOWN))
        .otherwise("reason"),
    )


def _summary(estimates: pl.DataFrame, shown: pl.DataFrame, own: Flags) -> pl.DataFrame:
    before = estimates["status"] == WITHHELD
    gone = (shown["status"] == WITHHELD) & ~before
    small = pl.Series(own)
    return (
        pl.DataFrame(
            {
                "measure": estimates["measure"],
                "primary": gone & small,
                "secondary": gone & ~small,
                "before": before,
            }
        )
        .group_by("measure")
        .agg(pl.len().cast(pl.Int64).alias("rows"), pl.exclude("measure").sum().cast(pl.Int64))
        .sort("measure")
    )
