"""Nominating a centre and giving evidence.

A nomination is made for an organisation: by a centre for itself, or by a patient organisation.
Each step is a function that checks who acts, does one thing and records it, all or nothing.
"""

from __future__ import annotations

import datetime as dt

import polars as pl
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from rarecare.care.evidence import COLUMNS, read_evidence
from rarecare.care.evidence import Evidence as ReadEvidence
from rarecare.errors import UsageError
from rarecare.portal.accounts.models import Account
from rarecare.portal.audit.books import record
from rarecare.portal.consensus.models import CriteriaVersion
from rarecare.portal.directory.models import (
    Document,
    Evidence,
    Kind,
    Membership,
    Nomination,
    Organisation,
)
from rarecare.portal.directory.uploads import Upload

SELF_DECLARED = "self-declared"
_YES_NO = {True: "yes", False: "no", None: None}


def need(account: Account, permission: str) -> None:
    """Refuse an account without a permission.

    Raises
    ------
    PermissionDenied
        It has not.
    """
    if not account.has_perm(permission):
        raise PermissionDenied(_("Your account does not have the role that this step asks for."))


def speaks_for(account: Account) -> Organisation | None:
    """Return the organisation an account speaks for."""
    member = Membership.objects.filter(account=account).select_related("organisation").first()
    return member.organisation if member else None


@transaction.atomic
def nominate(
    account: Account, centre: Organisation, criteria: CriteriaVersion, *, statement: str,
    on: dt.date,
) -> Nomination:  # fmt: skip
    """Return a new nomination of a centre under a version of criteria.

    Raises
    ------
    PermissionDenied
        The account speaks neither for this centre nor for a patient organisation.
    UsageError
        What is nominated is no centre, the criteria are only proposed, there is an open nomination
        under the same criteria, or there are no reasons.
    """
    need(account, "directory.nominate")
    own = speaks_for(account)
    if own is None or not (own == centre or own.kind == Kind.PATIENTS):
        raise PermissionDenied(_("A centre is nominated by itself or by a patient organisation."))
    if centre.kind != Kind.CENTRE:
        raise UsageError("only a centre of care is nominated", value=str(centre))
    if criteria.status != "agreed":
        raise UsageError(
            "a nomination needs criteria that were agreed", value=str(criteria),
            remedy="Wait until a consensus has published a version.",
        )  # fmt: skip
    Organisation.objects.select_for_update().get(pk=centre.pk)  # one nomination at a time
    before = Nomination.objects.filter(centre=centre, criteria__set_id=criteria.set_id)
    if any(one.open for one in before):
        raise UsageError(
            "this centre has an open nomination under these criteria", value=str(centre),
            remedy="Add to that one, or wait for its decision.",
        )  # fmt: skip
    made = Nomination(centre=centre, criteria=criteria, nominated_by=own, account=account,
                      statement=_text(statement), day=on)  # fmt: skip
    made.save()
    record(account, "nominated", f"nomination {made.pk}", centre=centre.slug, by=own.slug,
           criteria=criteria.set_id, version=criteria.version)  # fmt: skip
    return made


def _text(given: str) -> str:
    text = given.strip()
    if len(text) < 20:
        raise UsageError("reasons are missing or too short", value=text,
                         allowed="20 characters or more")  # fmt: skip
    return text


def takes_part(account: Account, nomination: Nomination) -> bool:
    """Return whether an account may see a nomination: one side of it, reviewers, editors."""
    if account.has_perm("directory.review") or account.has_perm("directory.decide"):
        return True
    own = speaks_for(account)
    return own is not None and own in (nomination.centre, nomination.nominated_by)


def nominators(account: Account, nomination: Nomination) -> bool:
    """Return whether an account speaks for the nominating organisation or the centre."""
    return speaks_for(account) in (nomination.centre, nomination.nominated_by)


@transaction.atomic
def add_evidence(
    account: Account, nomination: Nomination, *, criterion: str, value: str, kind: str,
    date: dt.date, source: str, on: dt.date, expires: dt.date | None = None,
    upload: Upload | None = None,
) -> Evidence:  # fmt: skip
    """Return a new piece of evidence, checked as ``rarecare.care.evidence`` reads it.

    Raises
    ------
    PermissionDenied
        The account takes no part, or may enter self-declared evidence only.
    UsageError
        Evidence is no longer gathered, or the piece has a fault; the message names every one.
    """
    if not takes_part(account, nomination):
        raise PermissionDenied(_("Your organisation takes no part in this nomination."))
    certifies = account.has_perm("directory.certify")
    if nomination.state != Nomination.State.GATHERING and not (
        certifies and nomination.state == Nomination.State.REVIEW
    ):
        raise UsageError("evidence is no longer gathered", value=nomination.get_state_display())
    if kind == SELF_DECLARED and not nominators(account, nomination):
        raise PermissionDenied(_("Only the centre or its nominator declares for it."))
    if kind != SELF_DECLARED and not certifies:
        raise PermissionDenied(
            _("Only reviewers and editors enter computed or certified evidence.")
        )
    if date > on:
        raise UsageError("evidence cannot be of a day to come", value=date.isoformat(),
                         allowed=f"up to {on.isoformat()}")  # fmt: skip
    made = Evidence(nomination=nomination, criterion=criterion, value=value.strip(), kind=kind,
                    date=date, source=source.strip(), expires=expires, account=account)  # fmt: skip
    every = evidence_of(nomination, more=made)
    if not every.findings.is_empty():
        said = [f"{row['column']} {row['finding']}" for row in every.findings.to_dicts()]
        raise UsageError("the evidence cannot be used: " + "; ".join(dict.fromkeys(said)))
    if upload is not None:
        made.document = Document.objects.create(
            nomination=nomination, account=account, name=upload.name, sha256=upload.sha256,
            media_type=upload.media_type, content=upload.content, added=on,
        )  # fmt: skip
    made.save()
    record(account, "gave evidence", f"nomination {nomination.pk}", criterion=criterion, kind=kind,
           document=upload.sha256 if upload else "")  # fmt: skip
    return made


def evidence_of(nomination: Nomination, *, more: Evidence | None = None) -> ReadEvidence:
    """Return the evidence of a nomination as ``care`` reads it.

    A text criterion is met when every review says so, and not met when one denies it.
    """
    met = text_criteria_met(nomination)
    pieces = [*nomination.evidence.all(), *([more] if more else [])]
    rows = [
        {"centre": nomination.centre.name, "criterion": one.criterion, "value": one.value or None,
         "met": _YES_NO[met.get(one.criterion)], "kind": one.kind, "date": one.date.isoformat(),
         "source": one.source, "expires": one.expires.isoformat() if one.expires else None}
        for one in pieces
    ]  # fmt: skip
    frame = pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String))
    return read_evidence(frame, nomination.criteria.criteria)


def text_criteria_met(nomination: Nomination) -> dict[str, bool | None]:
    """Return for each criterion that is a text whether reviewers agree that it is met."""
    texts = [one.id for one in nomination.criteria.criteria.criteria if one.type == "text"]
    reviews = [one.found for one in nomination.reviews.all()]
    found: dict[str, bool | None] = {}
    for name in texts:
        said = [one.get(name) for one in reviews]
        found[name] = (
            False if False in said else True if said and all(one is True for one in said) else None
        )  # fmt: skip
    return found


@transaction.atomic
def submit(account: Account, nomination: Nomination, *, on: dt.date) -> None:
    """End the gathering of evidence: reviewers may now review, and are told by e-mail.

    Raises
    ------
    PermissionDenied
        The account does not speak for the nominator.
    UsageError
        It was submitted before, or there is no evidence.
    """
    from rarecare.portal.directory.telling import tell_reviewers  # noqa: PLC0415 - it asks who sides

    _need_nominator(account, nomination)
    if nomination.state != Nomination.State.GATHERING:
        raise UsageError("this nomination was submitted before",
                         value=nomination.get_state_display())  # fmt: skip
    if not nomination.evidence.exists():
        raise UsageError("there is no evidence to review", remedy="Add evidence first.")
    nomination.state, nomination.submitted = Nomination.State.REVIEW, on
    nomination.save(update_fields=("state", "submitted"))
    record(account, "submitted", f"nomination {nomination.pk}")
    transaction.on_commit(lambda: tell_reviewers(nomination))


@transaction.atomic
def take_back(account: Account, nomination: Nomination, *, on: dt.date) -> None:
    """End a nomination before its decision.

    Raises
    ------
    PermissionDenied
        The account does not speak for the nominator.
    UsageError
        The nomination has ended.
    """
    _need_nominator(account, nomination)
    if not nomination.open:
        raise UsageError("this nomination has ended", value=nomination.get_state_display())
    nomination.state, nomination.ended = Nomination.State.TAKEN_BACK, on
    nomination.save(update_fields=("state", "ended"))
    record(account, "took back", f"nomination {nomination.pk}")


def _need_nominator(account: Account, nomination: Nomination) -> None:
    need(account, "directory.nominate")
    if speaks_for(account) != nomination.nominated_by:
        raise PermissionDenied(_("Only the organisation that nominated does this."))
