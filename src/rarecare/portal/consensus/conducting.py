"""Conducting a consensus: proposing criteria, opening, rating, closing rounds, publishing.

Every rule is that of ``rarecare.care``; here rows of the database become what it reads.
"""

from __future__ import annotations

import datetime as dt

import polars as pl
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from rarecare.care.consensus import feedback
from rarecare.care.consensus_model import MEDIAN_RULE, SHARE_RULE, consensus_of
from rarecare.care.consensus_model import Consensus as Plan
from rarecare.care.criteria import PACKAGED, criteria_of, read_criteria
from rarecare.care.publication import close_round, open_consensus, publish
from rarecare.care.ratings import COLUMNS, Ratings
from rarecare.errors import UsageError
from rarecare.portal.accounts.models import Account
from rarecare.portal.audit.books import CRITERIA, extend, read, record
from rarecare.portal.consensus.models import (
    Consensus,
    CriteriaVersion,
    Participant,
    Rating,
    Round,
)
from rarecare.toml_files import parsed

LONGEST_COMMENT = 2000


def _need(account: Account, permission: str) -> None:
    if not account.has_perm(permission):
        raise PermissionDenied(_("Your account does not have the role that this step asks for."))


def store_packaged() -> None:
    """Keep the criteria that come with the package as versions one can propose."""
    for name in PACKAGED:
        criteria = read_criteria(name)
        if not CriteriaVersion.objects.filter(sha256=criteria.sha256).exists():
            CriteriaVersion.of(criteria).save()


@transaction.atomic
def propose(account: Account, text: str) -> CriteriaVersion:
    """Return a new proposed version from a TOML text.

    Raises
    ------
    PermissionDenied
        The account does not conduct consensuses.
    FileError, UsageError
        The text is not TOML, has faults, calls itself agreed, or there is such a version.
    """
    _need(account, "consensus.conduct")
    criteria = criteria_of(parsed(text, "criteria"), file="criteria")
    if criteria.status != "proposed":
        raise UsageError("only a consensus makes a version agreed", value=criteria.status,
                         allowed=["proposed"])  # fmt: skip
    if CriteriaVersion.objects.filter(set_id=criteria.id, version=criteria.version).exists():
        raise UsageError("there is such a version", value=f"{criteria.id} {criteria.version}",
                         remedy="Give a new version.")  # fmt: skip
    made = CriteriaVersion.of(criteria)
    made.save()
    record(account, "proposed criteria", f"criteria {criteria.id} {criteria.version}",
           sha256=made.sha256)  # fmt: skip
    return made


def plan_of(consensus: Consensus) -> Plan:
    """Return the consensus as ``care`` defines it: as it was opened, or as it stands before.

    Raises
    ------
    UsageError
        It lacks participants or rounds, or these have faults.
    """
    if consensus.opened:
        return consensus_of(parsed(consensus.text, consensus.slug), file=consensus.slug)
    version = consensus.proposed
    rounds = [
        {"number": one.number, "opens": one.opens, "closes": one.closes,
         "criteria": [name.strip() for name in one.criteria.split(",") if name.strip()]}
        for one in consensus.rounds.order_by("number")
    ]  # fmt: skip
    rule = {"by": MEDIAN_RULE} if consensus.share is None else {
        "by": SHARE_RULE, "share": consensus.share}  # fmt: skip
    return consensus_of({
        "id": consensus.slug, "title": consensus.title, "rule": rule, "rounds": rounds,
        "smallest_group": consensus.smallest_group,
        "proposed": {"id": version.set_id, "version": version.version, "sha256": version.sha256},
        "participants": [
            {"id": one.code, "role": one.role, "organisation": one.organisation,
             "invited": one.invited} for one in consensus.participants.all()
        ],
    }, file=consensus.slug)  # fmt: skip


@transaction.atomic
def open_rounds(account: Account, consensus: Consensus, *, on: dt.date) -> None:
    """Fix rule, participants and rounds, and say so in the history of criteria.

    Raises
    ------
    PermissionDenied
        The account does not conduct consensuses.
    UsageError
        What ``plan_of`` and ``care.publication.open_consensus`` refuse.
    """
    _need(account, "consensus.conduct")
    if consensus.opened:
        raise UsageError("the consensus was opened before", value=consensus.slug)
    plan = plan_of(consensus)
    extend(
        CRITERIA, open_consensus(plan, consensus.proposed.criteria, on=on, history=read(CRITERIA))
    )
    consensus.text = plan.to_toml()
    consensus.save(update_fields=("text",))
    record(account, "opened", f"consensus {consensus.slug}", sha256=plan.sha256)


def ratings_of(consensus: Consensus) -> Ratings:
    """Return every rating as ``care`` reads it."""
    rows = [
        {"round": str(one.round.number), "participant": one.participant.code,
         "criterion": one.criterion, "rating": None if one.rating is None else str(one.rating),
         "comment": one.comment or None}
        for one in Rating.objects.filter(round__consensus=consensus)
        .select_related("round", "participant")
        .order_by("round__number", "participant_id", "criterion")
    ]  # fmt: skip
    frame = pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String))
    return plan_of(consensus).read_ratings(frame, consensus.proposed.criteria)


def current_round(consensus: Consensus, *, on: dt.date) -> Round | None:
    """Return the round that takes ratings on a day."""
    if not consensus.opened:
        return None
    return consensus.rounds.filter(opens__lte=on, closes__gte=on, closed=None).first()


def participant_of(consensus: Consensus, account: Account) -> Participant:
    """Return how an account takes part.

    Raises
    ------
    PermissionDenied
        It was not invited.
    """
    found = consensus.participants.filter(account=account).first()
    if found is None:
        raise PermissionDenied(_("You are not invited to this consensus."))
    return found


def asked_in(consensus: Consensus, one: Round) -> list[str]:
    """Return the criteria that a round asks for."""
    asked = plan_of(consensus).asked(consensus.proposed.criteria)
    return list(asked.filter(round=one.number)["criterion"])


@transaction.atomic
def rate(
    account: Account, consensus: Consensus, given: dict[str, tuple[int | None, str]], *,
    on: dt.date,
) -> int:  # fmt: skip
    """Keep the ratings and comments of a participant in the current round; say how many.

    Parameters
    ----------
    given
        Rating from 1 to 9, or None, and comment, by criterion. Rating again replaces.

    Raises
    ------
    PermissionDenied
        The account was not invited.
    UsageError
        No round is open, or a criterion, a rating or a comment is none.
    """
    _need(account, "consensus.rate")
    who = participant_of(consensus, account)
    now = current_round(consensus, on=on)
    if now is None:
        raise UsageError("no round is open today", value=on.isoformat())
    asked = asked_in(consensus, now)
    for name, (rating, comment) in given.items():
        if name not in asked:
            raise UsageError("this criterion is not asked for", value=name, allowed=asked)
        if rating is not None and rating not in range(1, 10):
            raise UsageError("a rating is not on the scale", value=rating,
                             allowed="whole numbers from 1 to 9")  # fmt: skip
        if len(comment) > LONGEST_COMMENT:
            raise UsageError("a comment is too long", value=f"{len(comment)} characters",
                             allowed=f"up to {LONGEST_COMMENT}")  # fmt: skip
    for name, (rating, comment) in given.items():
        Rating.objects.update_or_create(
            participant=who, round=now, criterion=name,
            defaults={"rating": rating, "comment": " ".join(comment.split())},
        )  # fmt: skip
    # the log says that someone rated, not how
    record(account, "rated", f"consensus {consensus.slug}", round=now.number)
    return sum(rating is not None for rating, _comment in given.values())


@transaction.atomic
def close(account: Account, consensus: Consensus, *, number: int, on: dt.date) -> None:
    """Close a round that is over; its ratings are fixed by their hash.

    Raises
    ------
    PermissionDenied
        The account does not conduct consensuses.
    UsageError, DisagreementError
        What ``care.publication.close_round`` refuses.
    """
    _need(account, "consensus.conduct")
    history = close_round(
        read(CRITERIA), plan_of(consensus), ratings_of(consensus), number=number, on=on
    )
    extend(CRITERIA, history)
    consensus.rounds.filter(number=number).update(closed=on)
    record(account, f"closed round {number}", f"consensus {consensus.slug}")


@transaction.atomic
def publish_version(
    account: Account, consensus: Consensus, *, version: str, on: dt.date
) -> CriteriaVersion:
    """Return the agreed version that came out, published with its dissent.

    Raises
    ------
    PermissionDenied
        The account does not conduct consensuses.
    UsageError, DisagreementError
        What ``care.publication.publish`` refuses.
    """
    _need(account, "consensus.conduct")
    if consensus.result is not None:
        raise UsageError("this consensus has published its version", value=str(consensus.result))
    criteria, history = publish(
        read(CRITERIA), plan_of(consensus), ratings_of(consensus), consensus.proposed.criteria,
        version=version.strip(), on=on,
    )  # fmt: skip
    made = CriteriaVersion.of(criteria)
    made.save()
    extend(CRITERIA, history)
    consensus.result = made
    consensus.save(update_fields=("result",))
    record(account, "published criteria", f"criteria {made.set_id} {made.version}",
           sha256=made.sha256, consensus=consensus.slug)  # fmt: skip
    return made


def own_feedback(consensus: Consensus, account: Account, *, number: int) -> pl.DataFrame:
    """Return what a participant sees of a closed round before rating again.

    Raises
    ------
    PermissionDenied
        The account was not invited.
    UsageError
        The round is not closed.
    """
    who = participant_of(consensus, account)
    if not consensus.rounds.filter(number=number).exclude(closed=None).exists():
        raise UsageError("this round is not closed", value=number)
    return feedback(plan_of(consensus), ratings_of(consensus), consensus.proposed.criteria,
                    number=number, participant=who.code)  # fmt: skip
