"""Indicators of care as sums: how many cases of each leaf gave which answer. Areas add.

Each registry's cases are asked once, with its own events. What is kept are counts by leaf of the
list, state (excluded, not known, ...), answer and, where asked for, hospital, so that every group
and every area is a sum, and quantiles are those of all its cases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from rarecare.care.answering import Asked, derived, typed
from rarecare.care.definitions import GIVEN, Definition, Definitions, read_definitions
from rarecare.care.evaluation import Evaluation
from rarecare.care.kit_events import to_events
from rarecare.care.linking import Linked
from rarecare.care.measures import COUNTED, FIRST_REASON, NOT_ELIGIBLE, Answers, Ints
from rarecare.errors import UsageError
from rarecare.study.care_config import Care
from rarecare.study.entities import LEAF
from rarecare.study.sources import Submission

if TYPE_CHECKING:
    from rarecare.study.config import Study

REGISTRY = "registry"
"""Where the answers are from: the registry's cases; otherwise the name of a kit."""

HOSPITAL, STAGE, YEAR = "hospital", "stage", "year"
"""What answers are also counted by, where the study asks."""

NO_STAGE = "not known"
_BY = ("leaf", HOSPITAL, STAGE, YEAR, "state", "value", "category", "censored")


@dataclass(frozen=True, slots=True)
class Asking:
    """The sets of indicators of a study.

    Attributes
    ----------
    sets
        Those for registries' cases, without what ``only`` leaves out.
    care
        What the study asks.
    """

    sets: tuple[Definitions, ...]
    care: Care

    @classmethod
    def of(cls, care: Care) -> Asking:
        """Return the sets that a study asks for.

        Raises
        ------
        UsageError
            Two indicators have one id, or ``only``, ``hospitals``, ``stages`` or ``years`` name
            one that there is not.
        """
        sets = tuple(read_definitions(one) for one in care.indicators)
        known = [one.id for of in sets for one in of.indicators]
        double = next((one for one in known if known.count(one) > 1), None)
        if double is not None:
            raise UsageError("two indicators of [care] have the same id", value=double)
        lists = {"only": care.only, "hospitals": care.hospitals, "stages": care.stages,
                 "years": care.years}  # fmt: skip
        for key, names in lists.items():
            for name in names:
                if name not in known:
                    raise UsageError(
                        f"[care] {key} names an indicator that there is not", value=name,
                        allowed=known,
                    )  # fmt: skip
        return cls(tuple(_only(one, care.only) for one in sets), care)

    def definitions(self, data: str) -> tuple[Definitions, ...]:
        """Return the sets asked of the registries' cases, or those of a kit."""
        if data == REGISTRY:
            return self.sets
        names = ("core",) if data == "core" else ("core", data)
        return tuple(read_definitions(name) for name in names)


def _only(of: Definitions, names: Sequence[str]) -> Definitions:
    kept = tuple(one for one in of.indicators if not names or one.id in names)
    return of.model_copy(update={"indicators": kept})


@dataclass(slots=True)
class Answered:
    """Counts of answers; ``add`` adds those of another registry.

    Attributes
    ----------
    counts
        By data and indicator: frames of ``leaf`` (number of the leaf; of a kit 0), ``hospital``,
        ``stage`` and ``year`` of diagnosis (null where they are not asked for), ``state``,
        ``value``, ``category``, ``censored``, ``n``.
    entity
        Of each kit: the entity it is reported for.
    lacking
        By data and indicator: what the data do not have, in words.
    """

    counts: dict[tuple[str, str], list[pl.DataFrame]] = field(default_factory=dict)
    entity: dict[str, str] = field(default_factory=dict)
    lacking: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, other: Answered) -> None:
        """Add the counts of another registry.

        Raises
        ------
        UsageError
            A kit is reported for another entity there.
        """
        for key, frames in other.counts.items():
            self.counts.setdefault(key, []).extend(frames)
        for kit, entity in other.entity.items():
            if self.entity.setdefault(kit, entity) != entity:
                raise UsageError(
                    f"the kit {kit} is reported for another entity in another registry",
                    value=entity, allowed=self.entity[kit],
                )  # fmt: skip
        for key, words in other.lacking.items():
            self.lacking[key] = self.lacking.get(key) or words

    def of(self, key: tuple[str, str]) -> pl.DataFrame:
        """Return the counts of one indicator, each answer once."""
        whole = pl.concat(self.counts[key], how="vertical_relaxed")
        return whole.group_by(_BY).agg(pl.col("n").sum()).sort(_BY)


@dataclass(frozen=True, slots=True)
class Given:
    """One registry's answers, with what was left out of each indicator."""

    answered: Answered
    exclusions: pl.DataFrame
    notes: list[str]


def ask(submission: Submission, cases: pl.DataFrame, study: Study, asking: Asking) -> Given:
    """Return the answers of one registry: of its counted cases, with its events, and of its kits.

    ``cases`` have the column ``entity``, their leaf.
    """
    made = Answered()
    notes: list[str] = []
    left: list[tuple[str, str, int]] = []
    leaf = cases[LEAF].to_physical().cast(pl.Int64).to_numpy()
    notes += _answer(
        made,
        left,
        cases.drop(LEAF),
        submission.events,
        leaf,
        data=REGISTRY,
        study=study,
        asking=asking,
    )
    for files, incoming, dictionary in submission.kits:
        data = incoming.data.drop("row", strict=False)
        made.entity[files.kit] = files.entity
        told = _answer(
            made, left, data, to_events(data, dictionary), np.zeros(data.height, dtype=np.int64),
            data=files.kit, study=study, asking=asking,
        )  # fmt: skip
        wrong = incoming.findings.filter(pl.col("severity") != "warning").height
        notes += [f"kit {files.kit}: {one}" for one in told]
        if wrong:
            notes.append(f"kit {files.kit}: {wrong:,} values or records with errors were left out")
    table = pl.DataFrame(left, schema=["purpose", "reason", "records"], orient="row")
    return Given(made, table, notes)


def _answer(
    made: Answered, left: list[tuple[str, str, int]], cases: pl.DataFrame,
    events: pl.DataFrame | None, leaf: Ints, *, data: str, study: Study, asking: Asking,
) -> list[str]:  # fmt: skip
    """Add the answers of one table of cases; return what is to be said."""
    sets = asking.definitions(data)
    vocabulary = {name: kind for one in sets for name, kind in one.vocabulary.items()}
    linked = Linked.of(cases, events, recorded=asking.care.recorded)
    given: Mapping[str, object] = dict.fromkeys(GIVEN) | {
        "closing_date": study.study.closing_date,
        "designated": list(asking.care.designated) or None,
    }
    on = Evaluation(typed(cases, vocabulary), linked, vocabulary, given)  # type: ignore[arg-type]
    strata = pl.DataFrame({"_stratum": [0]})
    asked = Asked(on, np.zeros(cases.height, dtype=np.int64), strata, None)
    apart = _strata(on, asking.care)
    for of in sets:
        base, _ = asked.base(of)
        for one in of.indicators:
            if one.not_computed is not None:
                made.counts.setdefault((data, one.id), [])
                continue
            got = asked.answers(of, one, base)
            frame = _counted(got, leaf, apart.get(one.id, {}))
            made.counts.setdefault((data, one.id), []).append(frame)
            made.lacking[data, one.id] = got.lacking
            left += _left_out(one, data, got.reasons, frame)
    return [f"{linked.unlinked:,} events belong to no case counted"] if linked.unlinked else []


def _strata(on: Evaluation, care: Care) -> dict[str, dict[str, pl.Series]]:
    """Return by indicator what its answers are also counted by, of each case."""
    made: dict[str, dict[str, pl.Series]] = {}
    for name, indicators in (
        (HOSPITAL, care.hospitals), (STAGE, care.stages), (YEAR, care.years)
    ):  # fmt: skip
        if not indicators:
            continue
        if name != STAGE:
            values = derived(on, "treated_at" if name == HOSPITAL else "year")
        elif "stage" in on.frame.columns:
            values = on.frame["stage"].cast(pl.String).fill_null(NO_STAGE)
        else:
            values = pl.repeat(NO_STAGE, on.frame.height, eager=True)
        for one in indicators:
            made.setdefault(one, {})[name] = values.cast(pl.String)
    return made


def _counted(got: Answers, leaf: Ints, strata: Mapping[str, pl.Series]) -> pl.DataFrame:
    held = got.state == COUNTED
    value = np.where(held, got.value, 0.0)
    size = len(leaf)
    none = pl.repeat(None, size, dtype=pl.String, eager=True)
    frame = pl.DataFrame(
        {
            "leaf": leaf.astype(np.int32),
            **{name: strata.get(name, none) for name in (HOSPITAL, STAGE, YEAR)},
            "state": got.state.astype(np.int16),
            "value": value,
            "category": none if got.category is None else got.category.cast(pl.String),
            "censored": np.zeros(size, dtype=bool) if got.censored is None else got.censored & held,
        }
    )
    texts = pl.when(pl.col("state") == COUNTED).then("category")
    return frame.with_columns(category=texts).group_by(_BY).agg(n=pl.len().cast(pl.Int64)).sort(_BY)


def _left_out(
    one: Definition, data: str, reasons: Sequence[str], frame: pl.DataFrame
) -> list[tuple[str, str, int]]:
    """Return the cases left out of an indicator, by reason."""
    counts = dict(frame.group_by("state").agg(pl.col("n").sum()).iter_rows())
    purpose = one.id if data == REGISTRY else f"{one.id}, kit {data}"
    rows = [(purpose, why, counts.get(FIRST_REASON + k, 0)) for k, why in enumerate(reasons)]
    return [*rows, (purpose, "not in the denominator", counts.get(NOT_ELIGIBLE, 0))]
