"""Reviewing a nomination and deciding on it: two reviewers or more, then an editor, all others.

The decision is made and checked by ``rarecare.care.designation`` and added to the history of
designations.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from rarecare.care.designation import DESIGNATED, designate
from rarecare.errors import UsageError
from rarecare.portal.accounts.models import Account
from rarecare.portal.audit.books import CRITERIA, DESIGNATIONS, extend, read, record
from rarecare.portal.directory.models import Nomination, Review
from rarecare.portal.directory.nominations import (
    evidence_of,
    need,
    nominators,
    speaks_for,
)

REVIEWERS = 2


@transaction.atomic
def review(
    account: Account, nomination: Nomination, *, recommendation: str, reasons: str,
    found: Mapping[str, bool], on: dt.date,
) -> Review:  # fmt: skip
    """Return a review added to a nomination.

    Parameters
    ----------
    found
        For criteria that are texts: whether the evidence shows them met.

    Raises
    ------
    PermissionDenied
        The account is no reviewer, or is of the centre or its nominator.
    UsageError
        The nomination is not in review, was reviewed by this account before, the reviewer has no
        organisation, or the review has a fault.
    """
    need(account, "directory.review")
    nomination = Nomination.objects.select_for_update().get(pk=nomination.pk)
    if nominators(account, nomination) or nomination.account == account:
        raise PermissionDenied(_("A reviewer is neither of the centre nor of its nominator."))
    if nomination.state != Nomination.State.REVIEW:
        raise UsageError("this nomination is not in review", value=nomination.get_state_display())
    own = speaks_for(account)
    if own is None:
        raise UsageError("a reviewer belongs to an organisation", value=account.name,
                         remedy="Ask an administrator to enter it.")  # fmt: skip
    if nomination.reviews.filter(reviewer=account).exists():
        raise UsageError("you have reviewed this nomination", value=account.name)
    if recommendation not in Review.Recommendation.values:
        raise UsageError("a review recommends one of two things", value=recommendation,
                         allowed=Review.Recommendation.values)  # fmt: skip
    if len(reasons.strip()) < 20:
        raise UsageError("reasons are missing or too short", value=reasons.strip(),
                         allowed="20 characters or more")  # fmt: skip
    texts = [one.id for one in nomination.criteria.criteria.criteria if one.type == "text"]
    for name in found:
        if name not in texts:
            raise UsageError("a reviewer judges only criteria that are texts", value=name,
                             allowed=texts)  # fmt: skip
    made = Review.objects.create(
        nomination=nomination, reviewer=account, organisation=own.name, day=on,
        recommendation=recommendation, reasons=reasons.strip(), found=dict(found),
    )  # fmt: skip
    record(account, "reviewed", f"nomination {nomination.pk}", recommends=recommendation)
    return made


@transaction.atomic
def decide(
    account: Account, nomination: Nomination, *, decision: str, reasons: str, on: dt.date,
    expires: dt.date | None = None,
) -> None:  # fmt: skip
    """Decide on a nomination; the decision joins the history of designations.

    Parameters
    ----------
    decision
        "designated", "not designated" or "withdrawn" (of a designation in force).
    expires
        Last day of a designation.

    Raises
    ------
    PermissionDenied
        The account is no editor, or took part as nominator or reviewer.
    UsageError
        There are not two reviews, reviewers are against it, or what ``designate`` refuses.
    """
    need(account, "directory.decide")
    nomination = Nomination.objects.select_for_update().get(pk=nomination.pk)
    if nominators(account, nomination) or nomination.account == account:
        raise PermissionDenied(_("Who decides is neither of the centre nor of its nominator."))
    if nomination.state != Nomination.State.REVIEW:
        raise UsageError("this nomination is not in review", value=nomination.get_state_display())
    reviews = list(nomination.reviews.select_related("reviewer"))
    if any(one.reviewer == account for one in reviews):
        raise PermissionDenied(_("Who reviewed does not decide."))
    if len(reviews) < REVIEWERS:
        raise UsageError("a decision needs two reviews", value=len(reviews))
    against = [one for one in reviews if one.recommendation == Review.Recommendation.REFUSE]
    if decision == DESIGNATED and against:
        raise UsageError(
            "a reviewer recommends not to designate", value=against[0].reviewer.name,
            remedy="Decide otherwise, or ask the nominator for a new nomination.",
        )  # fmt: skip
    history = designate(
        read(DESIGNATIONS), nomination.criteria.criteria, evidence_of(nomination),
        centre=nomination.centre.name, decision=decision, reasons=reasons, on=on, expires=expires,
        reviewers=[{"name": one.reviewer.name, "organisation": one.organisation}
                   for one in reviews],
        published=read(CRITERIA),
    )  # fmt: skip
    extend(DESIGNATIONS, history)
    nomination.state, nomination.ended = Nomination.State.DECIDED, on
    nomination.save(update_fields=("state", "ended"))
    record(account, "decided", f"nomination {nomination.pk}", decision=decision,
           entry=history.head)  # fmt: skip
