"""What is part of what: the totals of a release and the parts that add up to them.

Each dimension (entity, area, sex, age group, period) is a tree: the parts of a total are
the values whose nearest published ancestor it is. Parts do not overlap, but need not make up
the whole: some cases have codes too broad for any part, some entities are not reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import DisagreementError

ALL = "all"
_EVERYTHING = (-1, 1_000_000)
_OLDEST = 99
"""Upper end of an open age group: 75+ is part of 15-99."""

_ABOVE = {"registry": ("country", "region"), "country": ("region",), "region": (), ALL: ()}
_PSEUDO = -1
"""Tier of ``all`` and ``rare``; ``rare`` overlaps the families, so it is a part by itself."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """The values of one dimension and the tree they form.

    Attributes
    ----------
    name
        Column of the release.
    values
        Those that occur, sorted.
    parent
        Position of the nearest published value that holds each, -1 where there is none.
    apart
        True for a value that overlaps its parent's other parts.
    """

    name: str
    values: tuple[str, ...]
    parent: NDArray[np.int64]
    apart: NDArray[np.bool_]

    def codes(self, column: pl.Series) -> NDArray[np.int64]:
        """Return the position of each value of a column."""
        return column.cast(pl.Enum(self.values)).to_physical().cast(pl.Int64).to_numpy()


def dimensions(
    rows: pl.DataFrame, *, areas: pl.DataFrame, entities: pl.DataFrame
) -> tuple[Dimension, ...]:
    """Return the trees of the rows of one measure.

    Raises
    ------
    DisagreementError
        A row speaks of an area or entity that is not listed, an age group or period cannot
        be read, or two of them overlap and neither holds the other.
    """

    def present(name: str) -> list[str]:
        return rows[name].unique().sort().to_list()

    own = {row["entity_id"]: row for row in entities.iter_rows(named=True)}
    ids = present("entity_id")
    _check_listed(ids, own, "entity_id", "entities")
    above = {name: _ancestors(name, own) for name in ids}
    rare = {name for name in ids if own[name]["tier"] == _PSEUDO and name != ALL}
    places = {row["area"]: row for row in areas.iter_rows(named=True)}
    names = present("area")
    _check_listed(names, places, "area", "areas")
    around = {name: [places[name][level] for level in _levels(places[name])] for name in names}
    return (
        _tree("entity_id", above, apart=rare),
        _tree("area", around),
        _tree("sex", {name: [] for name in present("sex")}),
        _nested("age_group", present("age_group")),
        _nested("period", present("period")),
    )


def _check_listed(names: Iterable[str], known: Mapping[str, object], what: str, table: str) -> None:
    for name in names:
        if name not in known:
            raise DisagreementError(
                f"an estimate speaks of a {what} that {table} does not list",
                value=name,
                allowed=list(known),
            )


def _levels(place: Mapping[str, str]) -> tuple[str, ...]:
    if place["kind"] not in _ABOVE:
        raise DisagreementError(
            "an area is of no known kind", value=place["kind"], allowed=list(_ABOVE)
        )
    return _ABOVE[place["kind"]]


def _ancestors(name: str, own: Mapping[str, Mapping[str, Any]]) -> list[str]:
    found: list[str] = []
    parent = own[name]["parent_id"]
    while parent is not None and parent not in found:
        found.append(parent)
        parent = own[parent]["parent_id"] if parent in own else None
    return found


def _tree(
    name: str, above: Mapping[str, list[str]], *, apart: Iterable[str] = frozenset()
) -> Dimension:
    """Return a dimension from each value's ancestors, nearest first; ``all`` holds everything."""
    position = {value: i for i, value in enumerate(above)}
    parents = []
    for value, ancestors in above.items():
        held = [one for one in (*ancestors, ALL) if one in position and one != value]
        parents.append(position[held[0]] if held and value != ALL else -1)
    alone = np.array([value in apart for value in above], dtype=bool)
    return Dimension(name, tuple(above), np.array(parents, dtype=np.int64), alone)


def _nested(name: str, values: list[str]) -> Dimension:
    """Return a dimension of intervals: each is part of the shortest that holds it."""
    spans = {value: _span(name, value) for value in values}
    position = {value: i for i, value in enumerate(values)}
    order = sorted(values, key=lambda v: (spans[v][1] - spans[v][0], len(v), v))
    parent = np.full(len(values), -1, dtype=np.int64)
    for i, value in enumerate(order):
        low, high = spans[value]
        for other in order[i + 1 :]:
            first, last = spans[other]
            if first <= low and high <= last:
                parent[position[value]] = position[other]
                break
            if first <= high and low <= last:
                raise DisagreementError(
                    f"two values of {name} overlap, so totals cannot be checked",
                    value=f"{value}, {other}",
                    allowed="values apart from one another, or one within the other",
                )
    return Dimension(name, tuple(values), parent, np.zeros(len(values), dtype=bool))


def within(age_group: str, other: str) -> bool:
    """Return whether an age group is part of another.

    >>> within("15-19", "15-44"), within("75+", "15-44")
    (True, False)
    """
    low, high = _span("age_group", age_group)
    first, last = _span("age_group", other)
    return first <= low and high <= last


def _span(name: str, value: str) -> tuple[int, int]:
    """Return the first and last age or year of a label.

    >>> _span("age_group", "75+"), _span("period", "2004"), _span("period", "2000-2004")
    ((75, 99), (2004, 2004), (2000, 2004))
    """
    if value == ALL:
        return _EVERYTHING
    read = re.fullmatch(r"(\d+)(?:-(\d+)|(\+))?", value)
    if read is None:
        raise DisagreementError(
            f"a value of {name} cannot be read, so totals cannot be checked",
            value=value,
            allowed="'all', '15-44', '75+' or '2004'",
        )
    low = int(read[1])
    high = int(read[2]) if read[2] else max(low, _OLDEST) if read[3] else low
    return low, high
