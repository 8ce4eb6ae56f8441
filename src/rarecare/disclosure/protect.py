"""Small counts withheld, and those that would reveal them.

A *cell* is an entity, area, sex, age group and period of one measure. Its cases ``n`` stand
in every row of the cell: crude and standardised, at each time. ``events`` and ``at_risk``
stand in the rows of one time, whatever the standard.

1. Primary. A cell whose ``n`` is 1 to threshold − 1 is withheld in all its rows, with every
   count and number; person-years stay, they are public. Where ``events`` or ``at_risk`` is
   that small, both are withheld with the numbers of that time, and ``n`` stays: either would
   give the other where nobody was lost to follow-up, as n − events − at_risk.
2. Between measures. Where the cases of a cell are withheld in one measure, the rows of another
   that show them, or nearly them, go with it (``linked``).
3. Secondary. More counts are withheld until a reader who knows all totals and parts that are
   shown, and every count one level up in the tree of entities, can narrow no small count to less
   than 0 to twice the threshold, or to the smallest total that it is part of (``settle``).
   What an entity has beside its listed parts is protected as a part.
4. Standardised figures beside withheld age groups are rounded (``coarse``).
5. ``audit`` then looks at the answer with other equations.

Decisions. A count of 0 is shown: it speaks of nobody; it is never withheld to protect another
but goes where its row goes. One sentence is the reason of all withheld rows, because telling
primary from secondary would narrow the counts. Missing information is not protected:
cases of unknown age, persons lost to follow-up; but where the cases of a cell are withheld,
so is the remark that says how many of them have no age.

Limits. The other table that hides a count need not be of whole numbers (in tables of more than two
ways such a table may not exist), and each count of each time is protected by itself, within what
other times say. Which counts are withheld says something to who knows the rule: that a withheld
count of the top of its tree is not 0. What two measures say together is bounded by point 2 alone.
The steps of a survival curve show when deaths fell; published times are few and coarse.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.disclosure.cells import Family, Measure, measure_of
from rarecare.disclosure.coarse import coarsened
from rarecare.disclosure.earlier import told_before
from rarecare.disclosure.linked import ALL, Link, Together
from rarecare.disclosure.rule import DEFAULT_THRESHOLD, DisclosureRule
from rarecare.disclosure.settle import settle
from rarecare.disclosure.times import Times
from rarecare.disclosure.utility import utility
from rarecare.errors import DisagreementError
from rarecare.results import WITHHELD

_NUMBERS = ("estimate", "se", "lower", "upper")
_COUNTS = ("n", "events", "at_risk")
CELL = ("entity_id", "area", "sex", "age_group", "period")
AGES_UNKNOWN = "some cases are of unknown age"
"""Remark instead of one that would give a withheld total."""
_MARKS = ("cases", "follow_up", "own")

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
    utility
        What is left of each measure, as ``utility`` says.
    marks
        Which rows are withheld: their ``cases``; their deaths and persons at risk (``follow_up``);
        for a small count of their own (``own``).
    """

    estimates: pl.DataFrame
    rule: DisclosureRule
    summary: pl.DataFrame
    utility: pl.DataFrame
    marks: dict[str, Flags]


def protect(
    estimates: pl.DataFrame,
    *,
    areas: pl.DataFrame,
    entities: pl.DataFrame,
    threshold: int = DEFAULT_THRESHOLD,
    overlapping: Collection[str] = (),
    links: Collection[Link] = (),
    together: Collection[Together] = (),
    unions: Mapping[str, Sequence[str]] | None = None,
    earlier: Sequence[pl.DataFrame] = (),
) -> Protected:
    """Return a release's estimates with small counts withheld.

    Parameters
    ----------
    estimates, areas, entities
        Tables of a release, in the columns of ``study.schema``. Rows whose status is "withheld"
        lose their deaths and persons at risk, whatever these are.
    threshold
        The smallest positive count that is shown.
    overlapping
        Measures whose parts may together exceed their total.
    links
        Rows that show the count of a cell of another measure, or a part of it, and go with it.
    together
        Measures whose rows of one entity and area are shown together or not at all.
    unions
        Of a group that overlaps the tree of entities, the entities that make it up.
    earlier
        Estimates of earlier releases. What one of them withheld is withheld; what it showed with
        the same count is known and protects nothing.

    Raises
    ------
    UsageError
        The threshold is not a whole number from 1.
    DisagreementError
        A count is negative, parts of a measure exceed their total, measures are linked in a
        circle, or a row speaks of an area or entity that is not listed.
    """
    rule = DisclosureRule.of(threshold)
    _check_counts(estimates)
    tables = {
        name: _Rows(
            rows=part.drop("_place"), place=part["_place"].to_numpy(),
            links=[link for link in links if link.measure == name],
            before=[one.filter(measure=name) for one in earlier],
            checked=name not in overlapping,
        )
        for (name,), part in estimates.with_row_index("_place").group_by(
            "measure", maintain_order=True
        )
    }  # fmt: skip
    marks = {name: np.zeros(estimates.height, dtype=bool) for name in _MARKS}
    gone: dict[str, pl.DataFrame] = {}

    for name in _in_order(sorted(tables), links):
        own = _marked(tables[name], threshold, gone, areas=areas, entities=entities, unions=unions)
        for kind, flags in own.items():
            marks[kind][tables[name].place] = flags
        rows = tables[name].rows
        gone[name] = rows.filter(pl.Series(own["cases"])).select(CELL).unique()
    for group in together:
        _joined(estimates, marks, group)
    return _protected(estimates, marks, rule)


def withheld_too(
    done: Protected, estimates: pl.DataFrame, more: pl.Series, *,
    links: Collection[Link] = (), together: Collection[Together] = (),
) -> Protected:  # fmt: skip
    """Return protected estimates with more rows withheld, and what hangs on them.

    What hid a count still hides it: a table that agrees with what was shown agrees with less.

    Parameters
    ----------
    done, estimates
        The answer of ``protect``, and what it was given.
    more
        Which rows go, with all of their cells; booleans, one for each.
    links, together
        As for ``protect``.
    """
    marks = {name: flags.copy() for name, flags in done.marks.items()}
    cells = estimates.select("measure", *CELL, _gone=more)
    whole = cells.select(pl.col("_gone").any().over("measure", *CELL)).to_series()
    marks["cases"] |= whole.to_numpy()
    for name in _in_order(estimates["measure"].unique().to_list(), links):
        own = (estimates["measure"] == name).to_numpy()
        for link in (one for one in links if one.measure == name):
            gone = estimates.filter(pl.Series(marks["cases"]), measure=link.base)
            marks["cases"][own] |= link.rows(estimates.filter(own), gone).to_numpy()
    for group in together:
        _joined(estimates, marks, group)
    return _protected(estimates, marks, done.rule)


def _protected(estimates: pl.DataFrame, marks: dict[str, Flags], rule: DisclosureRule) -> Protected:
    shown = coarsened(_written(estimates, marks, rule), rule.threshold)
    summary = _summary(estimates, shown, marks["own"])
    return Protected(shown, rule, summary, utility(estimates, shown, rule.threshold), marks)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The rows of one measure, where they stand, and what is said of them."""

    rows: pl.DataFrame
    place: NDArray[np.int64]
    links: list[Link]
    before: list[pl.DataFrame]
    checked: bool


def _marked(
    table: _Rows, threshold: int, gone: Mapping[str, pl.DataFrame], *, areas: pl.DataFrame,
    entities: pl.DataFrame, unions: Mapping[str, Sequence[str]] | None,
) -> dict[str, Flags]:  # fmt: skip
    """Return which rows of one measure are withheld, by why; ``gone``: cells of other measures."""
    rows, size = table.rows, table.rows.height
    taken = np.zeros(size, dtype=bool)
    for link in table.links:
        if link.base in gone:
            taken |= link.rows(rows, gone[link.base]).to_numpy()
    told = [told_before(rows, frame) for frame in table.before]
    measure = measure_of(rows, areas=areas, entities=entities, unions=unions)
    cell, unit = measure.cell, measure.unit
    few = _small(np.column_stack([measure.n, measure.known]), threshold)
    few_followed = _small(measure.follow_up, threshold)
    cases = measure.n_hidden | few | (measure.rest & (measure.n + measure.known > 0))
    cases[cell[taken]] = True
    fixed = np.zeros(len(cases), dtype=bool)
    follow_up = measure.follow_up_hidden | few_followed
    fixed_followed = np.zeros(len(follow_up), dtype=bool)
    for one in told:
        cases[cell[one.cases_withheld]] = True
        fixed[cell[one.cases_shown]] = True
        if len(unit):
            follow_up[unit[one.follow_up_withheld]] = True
            fixed_followed[unit[one.follow_up_shown]] = True
    if len(unit):
        follow_up[unit[(rows["status"] == WITHHELD).to_numpy()]] = True
    cases, follow_up = _suppress(
        measure, (cases, follow_up), (fixed, fixed_followed), threshold,
        alone=any(link.same for link in table.links),
        checked=rows["measure"][0] if table.checked else None,
    )  # fmt: skip
    own = {
        "cases": cases[cell], "own": few[cell], "follow_up": np.zeros(size, dtype=bool),
    }  # fmt: skip
    if len(unit):
        own |= {"follow_up": follow_up[unit], "own": own["own"] | few_followed[unit]}
    return own


def _joined(estimates: pl.DataFrame, marks: dict[str, Flags], group: Together) -> None:
    """Mark, in place, all rows of a group where one of the same entity and area is withheld."""
    either = marks["cases"] | marks["follow_up"]
    cells = estimates.select("entity_id", "area", "time_years").with_columns(
        _own=estimates["measure"].is_in(list(group.measures)),
        _cases=pl.Series(marks["cases"] if group.timed else either),
        _either=pl.Series(either),
    )
    own, place = pl.col("_own"), ["entity_id", "area"]
    at = [*place, "time_years"] if group.timed else place
    flags = cells.select(
        _cases=own & (own & pl.col("_cases")).any().over(place),
        _either=own & (own & pl.col("_either")).any().over(at),
    )
    marks["follow_up"] |= flags["_either"].to_numpy()
    if group.cases:
        marks["cases"] |= flags["_cases"].to_numpy()


def _in_order(measures: list[str], links: Collection[Link]) -> Iterator[str]:
    """Yield the measures, those that others are linked to before these."""
    bases: dict[str, set[str]] = {name: set() for name in measures}
    for link in links:
        if link.measure in bases and link.base in bases:
            bases[link.measure].add(link.base)
    left = list(measures)
    while left:
        ready = [name for name in left if not bases[name] & set(left)]
        if not ready:
            raise DisagreementError("measures are linked in a circle", value=", ".join(left))
        yield from ready
        left = [name for name in left if name not in ready]


def _check_counts(estimates: pl.DataFrame) -> None:
    wrong = estimates.filter(pl.any_horizontal(pl.col(_COUNTS) < 0))
    if wrong.height:
        row = wrong.row(0, named=True)
        raise DisagreementError(
            f"{wrong.height} rows have a negative count",
            value=", ".join(f"{name} {row[name]}" for name in ("measure", *CELL, *_COUNTS)),
            allowed="whole numbers from 0",
        )


def _small(counts: NDArray[np.int64], threshold: int) -> Flags:
    """Return which rows of counts, shape (n_rows, 2), hold a small one."""
    return np.asarray(((counts > 0) & (counts < threshold)).any(axis=1))


def _suppress(
    measure: Measure, hidden: tuple[Flags, Flags], fixed: tuple[Flags, Flags], threshold: int, *,
    alone: bool, checked: str | None,
) -> tuple[Flags, Flags]:  # fmt: skip
    """Return which cells and which (cell, time) are withheld.

    ``hidden``: those withheld already; ``fixed``: those that are known, of both. ``alone``:
    whether the cases are those of another measure, and protected there. ``checked``: the measure,
    where parts must not exceed their total.
    """
    cases, follow_up = hidden
    asked = [one for one in measure.lattices if one.timed or not alone]
    for lattice in asked if checked is not None else ():
        before = measure.follow_up_hidden if lattice.timed else measure.n_hidden
        for family in lattice.families:
            _check_sums(family, lattice.values, before, checked or "")
    if threshold == 1:
        return cases, follow_up
    for lattice in asked:
        if not lattice.timed:
            cases = settle(lattice, cases, measure.n_hidden, threshold, fixed=fixed[0])
    if not len(follow_up):
        return cases, follow_up
    rest = measure.rest[measure.unit_cell] & (measure.follow_up > 0).any(axis=1)
    follow_up = follow_up | cases[measure.unit_cell] | rest
    for lattice in asked:
        if lattice.timed:
            falling = lattice is measure.lattices[-1]
            times = Times(lattice.values, measure, cases, falling=falling)
            follow_up = settle(
                lattice, follow_up, measure.follow_up_hidden, threshold, fixed=fixed[1],
                times=times,
            )  # fmt: skip
    return cases, follow_up


def _check_sums(family: Family, values: NDArray[np.int64], unknown: Flags, name: str) -> None:
    """Refuse totals below the sum of their parts; of those unknown nothing is asked."""
    known = np.where(unknown[family.part], 0, values[family.part])
    sums = np.bincount(family.relation, weights=known, minlength=len(family.total))
    left = values[family.total] - sums.astype(np.int64)
    wrong = np.flatnonzero(~unknown[family.total] & (left < 0))
    if len(wrong):
        total = values[family.total[wrong[0]]]
        raise DisagreementError(
            f"{name}: the parts of {len(wrong)} totals by {family.name} exceed them",
            value=int(total - left[wrong[0]]),
            allowed=f"up to the total, {int(total)}",
            remedy="Parts must not overlap, and all must count the same cases.",
        )


def _written(
    estimates: pl.DataFrame, marks: dict[str, Flags], rule: DisclosureRule
) -> pl.DataFrame:
    """Return the estimates with everything marked made null."""
    cases, follow_up = pl.Series(marks["cases"]), pl.Series(marks["follow_up"])
    either = cases | follow_up
    remark = _of_whole(estimates, cases) & estimates["reason"].str.contains("unknown")
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


def _of_whole(estimates: pl.DataFrame, gone: pl.Series) -> pl.Series:
    """Return which rows are of a cell whose cases of all ages are withheld."""
    whole = estimates.select("measure", *CELL, _gone=gone & (estimates["age_group"] == ALL))
    others = [name for name in CELL if name != "age_group"]
    return whole.select(pl.col("_gone").any().over("measure", *others)).to_series()


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
