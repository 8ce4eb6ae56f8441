"""The groups that a study reports on, and which cases each one holds.

A case falls in one leaf of the list: its tier 2 or, where its codes say no more, its
tier 1. Every other group is a union of leaves: tier 1, family, all rare cancers by the
list, all cancers of the list. Sums of leaves are therefore sums of cases, each once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import ClassificationError, UsageError

LEAF = "entity"
"""Stratum column of a tally: the leaf of each case."""

ALL = "all"
RARE = "rare"
GROUPS = {ALL: "All cancers of the list", RARE: "All rare cancers of the list"}
"""Groups beside the list's own, with their names."""


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of a study.

    Attributes
    ----------
    table
        One row per group: ``entity_id``, ``parent_id`` (null for ``all``), ``family``,
        ``tier`` (2, 1, 0 for a family, -1 for ``all`` and ``rare``), ``name``, ``listed_rare``,
        ``codes_confidence``, ``icss_standard``.
    leaves
        Identifiers a case can have, sorted.
    members
        Boolean, shape (n_groups, n_leaves): which leaves a group holds.
    """

    table: pl.DataFrame
    leaves: tuple[str, ...]
    members: NDArray[np.bool_]

    @classmethod
    def of(cls, entities: pl.DataFrame, wanted: Sequence[str] = ()) -> Groups:
        """Return the groups of a list of entities; ``wanted`` keeps some of them.

        Raises
        ------
        UsageError
            A wanted group is not in the list.
        """
        listed = entities.select(
            "entity_id", "parent_id", "family", "tier", "name", "rare",
            "codes_confidence", "icss_standard",
        ).sort("entity_id")  # fmt: skip
        rows = list(listed.iter_rows(named=True))
        leaves = tuple(row["entity_id"] for row in rows)
        families: dict[str, str] = {}
        for row in rows:
            families.setdefault(row["entity_id"][:2], row["family"])
        groups = [_group(ALL, None, -1, GROUPS[ALL]), _group(RARE, ALL, -1, GROUPS[RARE])]
        members = [np.ones(len(leaves), bool), np.array([bool(row["rare"]) for row in rows])]
        for number, name in families.items():
            groups.append(_group(number, ALL, 0, name) | {"family": name})
            members.append(np.array([leaf.startswith(f"{number}.") for leaf in leaves]))
        for row in rows:
            own = row["entity_id"]
            parent = row["parent_id"] or own[:2]
            groups.append({**row, "parent_id": parent, "listed_rare": bool(row["rare"])})
            members.append(np.array([leaf == own or leaf.startswith(f"{own}.") for leaf in leaves]))
        table = pl.DataFrame(groups, schema=_SCHEMA)
        kept = np.ones(table.height, bool)
        if wanted:
            known = table["entity_id"].to_list()
            for name in wanted:
                if name not in known:
                    raise UsageError(
                        "the study asks for an entity the list does not have",
                        value=name,
                        allowed=known,
                    )
            kept = np.array([name in wanted for name in known])
        return cls(table, leaves, np.array(members)).only(kept)

    def only(self, kept: NDArray[np.bool_]) -> Groups:
        """Return some of the groups."""
        return Groups(self.table.filter(kept), self.leaves, self.members[kept])

    def rare_parts(self) -> list[str]:
        """Return the largest groups that lie within all rare cancers, and make them up."""
        names = self.table["entity_id"].to_list()
        if RARE not in names:
            return []
        rare = self.members[names.index(RARE)]
        inside = {
            name: not (members & ~rare).any() and name != RARE and bool(members.any())
            for name, members in zip(names, self.members, strict=True)
        }
        parents = self.table["parent_id"].to_list()
        return [
            name for name, parent in zip(names, parents, strict=True)
            if inside[name] and not inside.get(parent, False)
        ]  # fmt: skip

    def summed(self, by_leaf: NDArray[Any]) -> NDArray[Any]:
        """Return each group's sums of an array by leaf, shape (n_groups, ...)."""
        from scipy.sparse import csc_array  # noqa: PLC0415 - slow to import

        flat = by_leaf.reshape(len(self.leaves), math.prod(by_leaf.shape[1:]))
        sums: NDArray[Any] = csc_array(self.members.astype(by_leaf.dtype)) @ flat
        return sums.reshape(len(self.members), *by_leaf.shape[1:])

    def standard_of(self, standards: Sequence[str]) -> NDArray[np.int64]:
        """Return the position of each group's ICSS among ``standards``, the first by default."""
        wanted = self.table["icss_standard"].to_list()
        return np.array([standards.index(s) if s in standards else 0 for s in wanted])

    def leaf_codes(self, cases: pl.DataFrame) -> pl.Series:
        """Return each case's leaf, an enumeration in the order of ``leaves``.

        Raises
        ------
        ClassificationError
            A case has an entity that the list does not hold.
        """
        leaf = cases.select(pl.coalesce("entity_tier2", "entity_tier1").alias(LEAF)).to_series()
        unknown = leaf.filter(~leaf.is_in(list(self.leaves)))
        if len(unknown):
            raise ClassificationError(
                "a case has an entity that the list does not hold",
                value=unknown[0],
                allowed=self.leaves,
            )
        return leaf.cast(pl.Enum(self.leaves))


_SCHEMA = {
    "entity_id": pl.String,
    "parent_id": pl.String,
    "family": pl.String,
    "tier": pl.Int64,
    "name": pl.String,
    "listed_rare": pl.Boolean,
    "codes_confidence": pl.String,
    "icss_standard": pl.String,
}


def _group(entity: str, parent: str | None, tier: int, name: str) -> dict[str, object]:
    return {
        "entity_id": entity,
        "parent_id": parent,
        "family": "",
        "tier": tier,
        "name": name,
        "listed_rare": entity == RARE,
        "codes_confidence": "derived",
        "icss_standard": "1",
    }
