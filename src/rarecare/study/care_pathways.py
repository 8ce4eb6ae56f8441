"""Ways through care in a study: what is asked for, and the paths of each registry's patients."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.care.pathway_steps import DEATH, WORK_UP, Steps, default_steps, read_steps
from rarecare.care.pathways import Pathways, pathways
from rarecare.errors import UsageError
from rarecare.files import read_table
from rarecare.study.config import Study
from rarecare.study.entities import LEAF, Groups
from rarecare.study.sources import Submission

AREA = "area"
"""Column of the patients: country."""

_KEPT = (AREA, "path", "steps", "start_day", "end_day", "died")


@dataclass(frozen=True, slots=True)
class AskedPathways:
    """What a study asks of ways through care.

    Attributes
    ----------
    entities
        Those asked for, none within another.
    members
        Which leaves each holds, shape (n_entities, n_leaves).
    steps
        The definitions of the steps asked for.
    inputs
        The file of the definitions, where the study gives one.
    """

    entities: tuple[str, ...]
    members: NDArray[np.bool_]
    steps: Steps
    inputs: list[dict[str, Any]]

    @classmethod
    def of(cls, study: Study, groups: Groups) -> AskedPathways | None:
        """Return what a study asks for, or None.

        Raises
        ------
        UsageError
            An entity is not in the study or lies within another, or there is no such step.
        FileError, InputError
            The table of steps cannot be read.
        """
        asked = study.care and study.care.pathways
        if not asked:
            return None
        listed = groups.table["entity_id"].to_list()
        for one in asked.entities:
            if one not in listed:
                raise UsageError("[care.pathways] speaks of an entity that the study does not "
                                 "report on", value=one, allowed=listed)  # fmt: skip
        members = groups.members[[listed.index(one) for one in asked.entities]]
        twice = np.argwhere(np.triu(members.astype(int) @ members.astype(int).T, 1))
        if len(twice):
            raise UsageError(
                "two entities of [care.pathways] share cancers",
                value=" and ".join(asked.entities[k] for k in twice[0]),
                allowed="entities of which none lies within another",
                remedy="Small paths of the one could be told from those of the other: ask for one.",
            )
        table, inputs = default_steps(), []
        if asked.definitions is not None:
            source = read_table(asked.definitions).source
            table = read_steps(asked.definitions)
            inputs = [{"registry": "pathways", "name": source.name, "sha256": source.sha256,
                       "records": source.rows}]  # fmt: skip
        wanted = asked.steps or tuple(
            row.name for row in table.rows if row.kind not in {WORK_UP, DEATH}
        )
        for key, names, known in (("steps", wanted, table.names), ("since", asked.since, wanted)):
            for name in names:
                if name not in known:
                    raise UsageError(f"[care.pathways] {key} names a step that there is not",
                                     value=name, allowed=known)  # fmt: skip
        return cls(asked.entities, members, _only(table, wanted), inputs)


def _only(table: Steps, wanted: Collection[str]) -> Steps:
    """Return some steps of a table; orders speak of these alone."""
    return Steps(tuple(
        replace(row, not_before=tuple(name for name in row.not_before if name in wanted))
        for row in table.rows if row.name in wanted
    ))  # fmt: skip


@dataclass(slots=True)
class Traced:
    """The paths of patients so far, by entity."""

    parts: dict[str, list[Pathways]] = field(default_factory=dict)

    def add(
        self, submission: Submission, cases: pl.DataFrame, asked: AskedPathways
    ) -> tuple[pl.DataFrame, list[str]]:
        """Trace one registry's counted cases; return who has no path, and what is to be said.

        ``cases`` have the column ``entity``, their leaf.
        """
        registry, events = submission.registry, submission.events
        if events is None:
            none = pl.DataFrame(schema={"reason": pl.String, "records": pl.Int64})
            return none, ["no events, so not in pathways"]
        held = asked.members[:, cases[LEAF].to_physical().to_numpy()]
        place = pl.Series("_asked", np.where(held.any(axis=0), held.argmax(axis=0), -1))
        own = cases.drop(LEAF).with_columns(pl.lit(registry.country).alias(AREA), place)
        found = pathways(events, own.filter(pl.col("_asked") >= 0), steps=asked.steps)
        for k, entity in enumerate(asked.entities):
            part = _part(found, (found.patients["_asked"] == k).to_numpy())
            self.parts.setdefault(entity, []).append(part)
        return found.exclusions, []


def _part(of: Pathways, held: NDArray[np.bool_]) -> Pathways:
    """Return the paths of some patients."""
    number = pl.Series(np.cumsum(held, dtype=np.int32) - 1)
    courses = of.courses.filter(pl.Series(held).gather(of.courses["patient"]))
    return replace(
        of, patients=of.patients.filter(pl.Series(held)).select(_KEPT),
        courses=courses.with_columns(number.gather(courses["patient"]).alias("patient")),
    )  # fmt: skip


def joined(parts: Sequence[Pathways]) -> Pathways:
    """Return the paths of several registries as one."""
    before = np.cumsum([0, *(one.patients.height for one in parts[:-1])])
    courses = [
        one.courses.with_columns(pl.col("patient") + pl.lit(int(k), dtype=pl.Int32))
        for k, one in zip(before, parts, strict=True)
    ]
    return replace(parts[0], patients=pl.concat([one.patients for one in parts]),
                   courses=pl.concat(courses))  # fmt: skip
