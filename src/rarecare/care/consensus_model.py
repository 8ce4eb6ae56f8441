"""Consensus on criteria by rounds of rating (Delphi): who is asked what, and what they agree on.

Participants rate each proposed criterion from 1 to 9, see how the group rated, and rate again.
A criterion is agreed by the RAND/UCLA rule (median from 7 to 9 without disagreement,
``rarecare.care.ratings``), or, as an option, where a given share of each role group rated it 7 to
9; that share has no default, for no agreed one is known. What was agreed becomes a version of
criteria that carries its dissent, and a history to which one can only add.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import Field, ValidationError, model_validator

from rarecare.care.criteria import (
    CriteriaSet,
    Id,
    Part,
    Text,
    Version,
)
from rarecare.care.history import sha256
from rarecare.care.ratings import Ratings, read_ratings
from rarecare.care.toml_text import toml_text
from rarecare.disclosure.rule import DEFAULT_THRESHOLD
from rarecare.errors import DisagreementError
from rarecare.toml_files import faults, parsed, toml_content

Role = Literal["scientific society", "patient organisation", "centre", "health authority"]
ROLES: tuple[Role, ...] = (
    "scientific society", "patient organisation", "centre", "health authority",
)  # fmt: skip
SMALLEST_GROUP = DEFAULT_THRESHOLD
"""Fewest ratings that are shown together, as in disclosure control."""
MEDIAN_RULE, SHARE_RULE = "median", "share"


class Participant(Part):
    """Who is asked: an id without a name, the role, the organisation and the day of invitation."""

    id: Id
    role: Role
    organisation: str = ""
    invited: date


class Round(Part):
    """A round: its number, first and last day, and the criteria it asks for; none: all."""

    number: Annotated[int, Field(ge=1)]
    opens: date
    closes: date
    criteria: tuple[Id, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> Round:
        if self.closes < self.opens:
            raise ValueError(f"round {self.number} closes before it opens")
        if len(set(self.criteria)) != len(self.criteria):
            raise ValueError(f"round {self.number} names a criterion twice")
        return self


class Rule(Part):
    """When a criterion is agreed.

    Attributes
    ----------
    by
        ``"median"``: median from 7 to 9 without disagreement. ``"share"``: at least ``share``
        percent of the ratings of every role group that was invited are from 7 to 9.
    share
        In percent, for ``"share"`` only.
    """

    by: Literal["median", "share"] = "median"
    share: Annotated[float, Field(gt=0, le=100)] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Rule:
        if (self.by == SHARE_RULE) != (self.share is not None):
            raise ValueError("the rule by share, and no other, has a share in percent")
        return self

    def words(self) -> str:
        """Return the rule as a sentence without its end."""
        if self.share is None:
            return "median rating from 7 to 9 without disagreement (IPR not above IPRAS)"
        return f"at least {self.share:g} percent rate 7 to 9 in every role group"


class Consensus(Part):
    """A consensus: the proposed version, who is asked, in which rounds, and the rule.

    Attributes
    ----------
    id, title
        Of the consensus.
    proposed
        The version put to the participants, exactly.
    rule
        Fixed before the first round.
    smallest_group
        Fewer ratings than these are not shown, and nothing is decided by them.
    participants, rounds
        Ids once each; rounds numbered from 1, one after the other.
    """

    id: Id
    title: Text
    smallest_group: Annotated[int, Field(ge=1)] = SMALLEST_GROUP
    proposed: Version
    rule: Rule = Rule()
    participants: Annotated[tuple[Participant, ...], Field(min_length=1)]
    rounds: Annotated[tuple[Round, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _whole(self) -> Consensus:
        ids = [one.id for one in self.participants]
        double = next((one for one in ids if ids.count(one) > 1), None)
        if double is not None:
            raise ValueError(f"two participants have the id {double!r}")
        if [one.number for one in self.rounds] != list(range(1, len(self.rounds) + 1)):
            raise ValueError("rounds are numbered from 1 in their order")
        for first, second in pairwise(self.rounds):
            if second.opens <= first.closes:
                raise ValueError(f"round {second.number} opens before round {first.number} is over")
        return self

    def to_toml(self) -> str:
        """Return the one way this consensus is written; reading it gives the same one."""
        return toml_text(self.model_dump(exclude_defaults=True))

    @property
    def sha256(self) -> str:
        """Hash of ``to_toml``."""
        return sha256(self.to_toml())

    def invited(self) -> pl.DataFrame:
        """Return ``participant`` and ``role``."""
        rows = {"participant": [one.id for one in self.participants],
                "role": [one.role for one in self.participants]}  # fmt: skip
        return pl.DataFrame(rows)

    def asked(self, criteria: CriteriaSet) -> pl.DataFrame:
        """Return ``round``, ``criterion`` and ``title``: what each round asks, in order.

        Raises
        ------
        DisagreementError
            These are not the criteria proposed.
        UsageError
            A round asks for a criterion there is not.
        """
        held = Version(id=criteria.id, version=criteria.version, sha256=criteria.sha256)
        if held != self.proposed:
            raise DisagreementError(
                "these are not the criteria that the consensus was asked about",
                value=f"{held.id} {held.version} {held.sha256[:12]}",
                allowed=f"{self.proposed.id} {self.proposed.version} {self.proposed.sha256[:12]}",
            )  # fmt: skip
        rows = [
            (one.number, name, criteria[name].title)
            for one in self.rounds
            for name in one.criteria or [each.id for each in criteria.criteria]
        ]
        schema = {"round": pl.Int64, "criterion": pl.String, "title": pl.String}
        return pl.DataFrame(rows, schema=schema, orient="row")

    def read_ratings(self, source: str | Path | Any, criteria: CriteriaSet) -> Ratings:
        """Return the ratings of a table, as ``rarecare.care.ratings.read_ratings``."""
        return read_ratings(source, self.asked(criteria), [one.id for one in self.participants])


def read_consensus(source: str | Path) -> Consensus:
    """Return a consensus from a TOML file.

    Raises
    ------
    FileError
        The file is missing or not TOML.
    UsageError
        Keys or values are not among those there can be; the message names every fault.
    """
    name = Path(source).name
    return consensus_of(parsed(toml_content(source, ["a .toml file"]), name), file=name)


def consensus_of(given: Mapping[str, Any], *, file: str = "consensus") -> Consensus:
    """Return the consensus that a dict describes.

    Raises
    ------
    UsageError
        As ``read_consensus``.
    """
    try:
        return Consensus.model_validate(dict(given))
    except ValidationError as error:
        raise faults(error, given, file, Consensus) from None
