"""The second disclosure rule: every count rounded, those that their neighbours tell withheld.

1. Counts (``n``, ``events``, ``at_risk``) are shown as the nearest multiple of the threshold, ties
   up. With a threshold of 5 a count shown as 0 is 0, 1 or 2, one shown as 5 is 3 to 7.
2. Statistics stand only where every count of their row is shown as twice the threshold or more.
   Were they withheld where the true count is small and shown where it is not, they would say
   which of the numbers behind a shown 0 or 5 it is.
3. Statistics that stand are those of the rounded count, so that none gives the count back. With R
   the rounded and n the true count: a rate or number is multiplied by R/n and its standard error
   by √(R/n), its limits are made from both on the log scale; so are crude ones the same for every
   n that is shown as R. A share of two counts is that of the rounded two. Survival and other
   shares are rounded to multiples of threshold/R, their limits outward. All other numbers have as
   many significant digits as R/threshold has, two at least. Person-years are public and stay.
4. Each count lies in a window, and totals hold their parts: together they can say more than one
   window (3 and 3 of 6 are shown as 5, 5 and 5; the parts can only be 3 or 4). A count shown as 0
   or as the threshold that all windows narrow to two values or one is withheld, with the total
   that narrows it, until none is left. Windows are narrowed relation after relation; in tables of
   up to 1 000 counts that hang together a linear programme looks at all relations at once.

The reader of 4. knows where parts make up their total, and that nobody is both dead and at risk;
he is told no count. Another takes parts by sex, area, age and period to make up their total
everywhere, as long as some table agrees.

Limits. Measures are looked at one by one, but that a count withheld in one goes with it in those
linked to it. Which counts are withheld tells that they were narrowed;
it does not tell to what, for 0 and 5 are withheld alike. Survival rounded to its multiples can say
a little of deaths whose window it cuts. Tables of a release that are not estimates (quality,
hospitals, pathways) are not rounded: they are withheld by their own rules.
Source of the idea: deterministic rounding, Hundepool et al., Statistical Disclosure Control (2012).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import polars as pl

from rarecare.disclosure.attack import CLEAR, Reader
from rarecare.disclosure.cells import measure_of
from rarecare.disclosure.linked import Link
from rarecare.disclosure.protect import (
    _COUNTS,
    CELL,
    Protected,
    _check_counts,
    _check_sums,
    _in_order,
    _summary,
)
from rarecare.disclosure.rounded_numbers import with_rounded_numbers
from rarecare.disclosure.rule import DEFAULT_THRESHOLD, DisclosureRule
from rarecare.disclosure.utility import utility
from rarecare.disclosure.web import Flags, Integers, Reals
from rarecare.disclosure.windows import Windows, tightened

_MOST = 1_000
"""Counts that hang together and are looked at by a linear programme; of more, relation after
relation narrows the windows, which sees less."""
_WIDE = 2.0
"""Greatest less least of a count that may be small, at the least."""


def rounded(
    estimates: pl.DataFrame,
    *,
    areas: pl.DataFrame,
    entities: pl.DataFrame,
    threshold: int = DEFAULT_THRESHOLD,
    overlapping: Collection[str] = (),
    links: Collection[Link] = (),
    unions: Mapping[str, Sequence[str]] | None = None,
) -> Protected:
    """Return a release's estimates with rounded counts.

    Parameters
    ----------
    estimates, areas, entities, overlapping, links, unions
        As ``protect``.
    threshold
        What counts are rounded to multiples of.

    Raises
    ------
    UsageError
        The threshold is not 1, which changes nothing, or 5 or more.
    DisagreementError
        As ``protect``.
    """
    rule = DisclosureRule.rounding(threshold)
    _check_counts(estimates)
    cases, follow_up = (np.zeros(estimates.height, dtype=bool) for _ in range(2))
    gone: dict[str, pl.DataFrame] = {}
    names = estimates["measure"].unique().sort().to_list()
    for name in _in_order(names, links) if threshold > 1 else []:
        place = np.flatnonzero((estimates["measure"] == name).to_numpy())
        rows = estimates[place]
        measure = measure_of(rows, areas=areas, entities=entities, unions=unions)
        for lattice in measure.lattices if name not in overlapping else ():
            unknown = measure.follow_up_hidden if lattice.timed else measure.n_hidden
            for family in lattice.families:
                _check_sums(family, lattice.values, unknown, name)
        taken = np.zeros(len(place), dtype=bool)
        for link in links:
            if link.measure == name and link.base in gone:
                taken |= link.rows(rows, gone[link.base]).to_numpy()
        windows = Windows.of_truth(measure, rows, threshold)
        windows.withhold_cells(measure.cell[taken])
        while len(pinned := narrowed(windows)[0]):
            windows.withhold(pinned)
        while len(pinned := narrowed(
            guess := Windows.agreeing(measure, rows, threshold, like=windows), known=False
        )[0]):  # fmt: skip
            guess.withhold(pinned)  # of these windows too: they share what is withheld
        cases[place] = windows.cells_gone[measure.cell]
        if len(measure.unit):
            follow_up[place] = windows.units_gone[measure.unit]
        gone[name] = rows.filter(pl.Series(cases[place])).select(CELL).unique()
    shown = with_rounded_numbers(estimates, rule, cases=cases, follow_up=follow_up)
    own = ((estimates[name] > 0) & (estimates[name] < threshold) for name in _COUNTS)
    small = np.any([one.fill_null(value=False).to_numpy() for one in own], axis=0)
    left = utility(estimates, shown, threshold)
    marks = {"cases": cases, "follow_up": follow_up, "own": small}
    return Protected(shown, rule, _summary(estimates, shown, small), left, marks)


def narrowed(windows: Windows, *, known: bool = True) -> tuple[Integers, Reals, Reals]:
    """Return the counts that the windows of all narrow too far, their least and greatest.

    ``known``: whether the values of the web are a table that agrees. Then, where one relation after
    the other narrows some, these are returned alone: they are to be withheld before others.
    """
    web = tightened(windows.web())
    asked = windows.may_be_small()
    least, greatest = web.lower.copy(), web.upper.copy()
    found = asked & _too_far(least, greatest, windows.threshold)
    if not (known and found.any()):
        asked &= ~found
        for piece in web.pieces(np.ones(len(asked), dtype=bool)):
            own = np.flatnonzero(asked[piece])
            if len(own) and len(piece) <= _MOST:
                reader = Reader(web.part(piece), known=known)
                _look(reader, own)
                least[piece[own]] = np.ceil(reader.least_seen[own] - CLEAR)
                greatest[piece[own]] = np.floor(reader.greatest_seen[own] + CLEAR)
        found |= asked & _too_far(least, greatest, windows.threshold)
    place = np.flatnonzero(found)
    return place, least[place], greatest[place]


def _too_far(least: Reals, greatest: Reals, threshold: int) -> Flags:
    """Return which counts may be small and have two values or one."""
    few: Flags = (greatest - least < _WIDE) & (greatest >= 1) & (least < threshold)
    return few


def _look(reader: Reader, counts: Integers) -> None:
    """Search tables until every count has been seen far enough apart, or as far as it can be."""
    low = reader.web.lower
    reader.look(counts, low, low + _WIDE)
    for count in counts:
        for sign in (1.0, -1.0):
            least = np.ceil(reader.least_seen[count] - CLEAR)
            if np.floor(reader.greatest_seen[count] + CLEAR) - least >= _WIDE:
                break
            reader.extreme(int(count), sign)


def audit_rounded(
    estimates: pl.DataFrame,
    areas: pl.DataFrame,
    entities: pl.DataFrame,
    threshold: int = DEFAULT_THRESHOLD,
) -> pl.DataFrame:
    """Return every count that a rounded table narrows too far; empty is good.

    Parameters
    ----------
    estimates, areas, entities, threshold
        As ``audit``; counts are shown as multiples of the threshold, or withheld.

    Returns
    -------
    DataFrame
        In the columns of ``audit``. A count is listed where it is no multiple of the threshold,
        where a statistic stands beside one shown as the threshold or less, and where it may be
        small and all windows together leave it two values or one.

    Raises
    ------
    UsageError
        As ``rounded``.
    DisagreementError
        The counts contradict one another.
    """
    from rarecare.disclosure.audit import _FOUND, _NUMBERS  # noqa: PLC0415

    DisclosureRule.rounding(threshold)
    found = [pl.DataFrame(schema=_FOUND).drop("certain")]
    small = (pl.col("greatest") < threshold) & (pl.col("greatest") > 0)
    columns = [
        (small.alias(name) if name == "certain" else pl.col(name)).cast(dtype)
        for name, dtype in _FOUND.items()
    ]
    place = ("measure", *CELL, "time_years")
    for count in _COUNTS:
        value = pl.col(count)
        numbers = pl.any_horizontal(pl.col(_NUMBERS).is_not_null())
        for wrong, how in (
            (value % threshold != 0, "it is not rounded"),
            ((value <= threshold) & numbers, "a statistic stands beside it"),
        ):
            if threshold > 1:
                found.append(
                    estimates.filter(wrong).select(
                        *place, count=pl.lit(count), least=value, greatest=value, how=pl.lit(how)
                    )
                )
    if any(table.height for table in found) or threshold == 1:
        return pl.concat([table.select(columns) for table in found])
    for rows in estimates.partition_by("measure", maintain_order=True):
        measure = measure_of(rows, areas=areas, entities=entities)
        windows = Windows.agreeing(measure, rows, threshold)
        where, least, greatest = narrowed(windows, known=False)
        found += [
            rows[windows.row_of(int(one))].select(
                *place,
                count=pl.lit(windows.name_of(int(one))),
                least=pl.lit(int(low)),
                greatest=pl.lit(int(high)),
                how=pl.lit("the windows of its totals and parts leave no more"),
            )
            for one, low, high in zip(where, least, greatest, strict=True)
        ]
    return pl.concat([table.select(columns) for table in found])
