"""Designation of centres of expertise: a decision by people, on evidence, for a time.

A designation names an agreed version of criteria, has evidence for each criterion this requires,
not volumes alone, two reviewers from outside the centre, reasons and a day of expiry. Decisions
are entries of a history to which one can only add. After the EUCERD recommendations of 2011 on a
process of designation with evaluation over time; that there are two reviewers is this project's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import Field, ValidationError, model_validator

from rarecare.care.criteria import CriteriaSet, Id, Part, Text, Version
from rarecare.care.evidence import MET, NOT_KNOWN, Evidence
from rarecare.care.history import History, sha256
from rarecare.care.profile import profile_table, without_alternatives
from rarecare.care.publication import check_published
from rarecare.errors import UsageError
from rarecare.toml_files import faults

DESIGNATED, NOT_DESIGNATED, WITHDRAWN = "designated", "not designated", "withdrawn"
EXPIRED = "expired"
_KIND = "designation"
_REVIEWERS = 2


class Reviewer(Part):
    """Who reviewed, and for which organisation, which is not the centre's own."""

    name: Text
    organisation: Text


class Shown(Part):
    """What was known of a required criterion on the day of the decision."""

    criterion: Id
    state: Literal["met", "not met", "not known"]
    volume: bool
    value: str | None = None
    kind: Literal["self-declared", "computed", "certified"] | None = None
    date: dt.date | None = None
    source: str | None = None


class Decision(Part):
    """A decision on a centre; what it takes is checked here, also when it is read back."""

    centre: Text
    decision: Literal["designated", "not designated", "withdrawn"]
    criteria: Version
    reviewers: Annotated[tuple[Reviewer, ...], Field(min_length=_REVIEWERS)]
    reasons: Text
    decided: dt.date
    expires: dt.date | None = None
    required: tuple[Shown, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> Decision:
        names = {one.name.strip().casefold() for one in self.reviewers}
        if len(names) < _REVIEWERS:
            raise ValueError("two reviewers are needed, and these are one person")
        own = self.centre.strip().casefold()
        if any(one.organisation.strip().casefold() == own for one in self.reviewers):
            raise ValueError("a reviewer is of the centre itself")
        if not self.reasons.strip():
            raise ValueError("a decision needs reasons")
        if (self.expires is not None) != (self.decision == DESIGNATED):
            raise ValueError("a designation, and no other decision, has a day of expiry")
        if self.expires is not None and self.expires <= self.decided:
            raise ValueError("a designation expires after the day it is decided")
        if self.decision == DESIGNATED:
            self._supported()
        return self

    def _supported(self) -> None:
        if not self.required:
            raise ValueError("these criteria require nothing, so no one can be designated by them")
        open_ = [one.criterion for one in self.required if one.state == NOT_KNOWN]
        if open_:
            raise ValueError(f"there is no evidence for required criteria: {', '.join(open_)}")
        bare = [
            one.criterion for one in self.required if not (one.kind and one.date and one.source)
        ]
        if bare:
            raise ValueError(f"evidence lacks its kind, date or source: {', '.join(bare)}")
        unmet = [one.criterion for one in self.required if one.state != MET]
        if unmet:
            raise ValueError(f"required criteria are not met: {', '.join(unmet)}")
        if all(one.volume for one in self.required):
            raise ValueError("volume alone does not make a centre of expertise")


def designate(
    history: History, criteria: CriteriaSet, evidence: Evidence, *, centre: str,
    reviewers: Sequence[Mapping[str, str]], decision: str, reasons: str, on: dt.date,
    expires: dt.date | None = None, published: History | None = None,
) -> History:  # fmt: skip
    """Return the history with a decision on a centre added.

    Parameters
    ----------
    history
        Of decisions so far.
    criteria
        An agreed version.
    evidence
        Of ``read_evidence`` for this version; what counts on the day is kept with the decision.
    centre
        Its name in the evidence.
    reviewers
        Two or more: ``name`` and ``organisation``.
    decision
        ``"designated"``, ``"not designated"``, or ``"withdrawn"`` of a designation in force.
    reasons
        In words.
    on, expires
        Day of the decision, and of the end of a designation.
    published
        The history of the consensus: the version must be one that it published, exactly.

    Raises
    ------
    UsageError
        The version is not agreed; a required criterion lacks evidence or is not met; volume
        alone is required; reviewers, reasons or expiry are missing; or there is no designation
        to withdraw. The message names every fault.
    DisagreementError
        The version is not in the history ``published``.
    """
    if criteria.status != "agreed":
        raise UsageError(
            "a decision needs an agreed version of criteria",
            value=f"{criteria.id} {criteria.version}: {criteria.status}",
            remedy="Publish one by a consensus first.",
        )  # fmt: skip
    if published is not None:
        check_published(published, criteria)
    if criteria.published is not None and on < criteria.published:
        raise UsageError("the criteria were published after this day", value=on.isoformat(),
                         allowed=f"{criteria.published} or later")  # fmt: skip
    if decision == WITHDRAWN:
        _check_in_force(history, centre, criteria.id, on)
    given = {
        "centre": centre, "decision": decision, "reasons": reasons, "decided": on,
        "expires": expires, "reviewers": [dict(one) for one in reviewers],
        "criteria": {"id": criteria.id, "version": criteria.version, "sha256": criteria.sha256},
        "required": _required(criteria, evidence, centre, on),
    }  # fmt: skip
    try:
        made = Decision.model_validate(given)
    except ValidationError as error:
        raise faults(error, given, f"decision on {centre}", Decision) from None
    return history.add(_KIND, made.model_dump(mode="json"), on=on)


def _required(
    criteria: CriteriaSet, evidence: Evidence, centre: str, on: dt.date
) -> list[dict[str, Any]]:
    table = profile_table(criteria, evidence, on=on, centres=[centre]).table.filter("required")
    return (
        without_alternatives(table)
        .select(
            "criterion", "state", "volume", "value", kind="evidence", date="date", source="source"
        )
        .to_dicts()
    )


def _check_in_force(history: History, centre: str, criteria: str, on: dt.date) -> None:
    table = designations(history, on=on)
    found = table.filter(centre=centre, criteria=criteria, standing=DESIGNATED)
    if found.is_empty():
        raise UsageError("there is no designation in force to withdraw", value=centre,
                         allowed=table.filter(standing=DESIGNATED)["centre"].to_list())  # fmt: skip


def decisions(history: History) -> list[Decision]:
    """Return every decision of a history, each checked again.

    Raises
    ------
    UsageError
        An entry is no decision, or one that could not have been taken.
    """
    found = []
    for entry in history.entries:
        if entry.kind != _KIND:
            raise UsageError("an entry of the history is no decision", value=entry.kind,
                             allowed=[_KIND])  # fmt: skip
        try:
            found.append(Decision.model_validate(entry.content))
        except ValidationError as error:
            where = f"history, entry {entry.number}"
            raise faults(error, entry.content, where, Decision) from None
    return found


def designations(history: History, *, on: dt.date) -> pl.DataFrame:
    """Return where each centre stands on a day, by its last decision under each set of criteria.

    Returns
    -------
    DataFrame
        ``centre``, ``criteria``, ``version``, ``sha256``, ``standing`` ("designated", "expired",
        "withdrawn", "not designated"), ``decided``, ``expires``, ``reviewers``, ``reasons``,
        ``required`` (criteria), ``self_declared`` (of them, resting on the centre's own word),
        ``words``: a sentence, only of designations in force.

    Raises
    ------
    UsageError
        As ``decisions``.
    """
    last = {(one.centre, one.criteria.id): one for one in decisions(history) if one.decided <= on}
    rows = []
    for one in last.values():
        standing = EXPIRED if one.expires is not None and one.expires < on else one.decision
        by = " and ".join(f"{who.name} ({who.organisation})" for who in one.reviewers)
        words = (
            f"{one.centre} is designated a centre of expertise by the criteria {one.criteria.id} "
            f"{one.criteria.version} until {one.expires}; reviewed by {by}."
        )
        rows.append({
            "centre": one.centre, "criteria": one.criteria.id, "version": one.criteria.version,
            "sha256": one.criteria.sha256, "standing": standing, "decided": one.decided,
            "expires": one.expires, "reviewers": by, "reasons": one.reasons,
            "required": len(one.required),
            "self_declared": sum(shown.kind == "self-declared" for shown in one.required),
            "words": words if standing == DESIGNATED else None,
        })  # fmt: skip
    whole = dict.fromkeys(("required", "self_declared"), pl.Int64)
    schema: dict[str, type[pl.DataType]] = {
        **dict.fromkeys(("centre", "criteria", "version", "sha256", "standing"), pl.String),
        **dict.fromkeys(("decided", "expires"), pl.Date),
        **dict.fromkeys(("reviewers", "reasons"), pl.String), **whole, "words": pl.String,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema).sort("centre", "criteria")


def check_version(decision: Decision, criteria: CriteriaSet) -> None:
    """Refuse criteria that are not the very version a decision names.

    Raises
    ------
    UsageError
        Id, version or contents differ.
    """
    named = decision.criteria
    held = Version(id=criteria.id, version=criteria.version, sha256=sha256(criteria.to_toml()))
    if named != held:
        raise UsageError(
            "these are not the criteria that the decision names",
            value=f"{held.id} {held.version} {held.sha256[:12]}",
            allowed=f"{named.id} {named.version} {named.sha256[:12]}",
        )  # fmt: skip
