"""Writing versions of pages and reviewing them."""

from __future__ import annotations

import datetime as dt

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from rarecare.errors import UsageError
from rarecare.portal.accounts.models import Account
from rarecare.portal.audit.books import record
from rarecare.portal.knowledge.models import Page, Version

LONGEST_REVIEW_DAYS = 3 * 366
"""A page is read again within three years."""


def _need(account: Account, permission: str) -> None:
    if not account.has_perm(permission):
        raise PermissionDenied(_("Your account does not have the role that this step asks for."))


@transaction.atomic
def write(
    account: Account, page: Page, *, title: str, text: str, sources: str, publish: bool,
    on: dt.date,
) -> Version:  # fmt: skip
    """Return a new version of a page; it is unreviewed.

    Raises
    ------
    PermissionDenied
        The account does not write pages.
    ValidationError
        The text is too short, or a medical page is published without sources.
    """
    _need(account, "knowledge.write")
    Page.objects.select_for_update().get(pk=page.pk)  # one version at a time
    last = page.versions.order_by("-number").first()
    made = Version(
        page=page, number=last.number + 1 if last else 1, title=title.strip(), text=text.strip(),
        sources=sources.strip(), author=account, author_name=account.name, written=on,
        published=publish,
    )  # fmt: skip
    made.full_clean(exclude=["author", "reviewer"])
    made.save()
    record(account, "wrote", f"page {page.pk}", version=made.number, published=publish)
    return made


@transaction.atomic
def approve(account: Account, version: Version, *, on: dt.date, due: dt.date) -> None:
    """Note that someone other than the author has read a version and stands by it.

    Parameters
    ----------
    due
        The day by which it has to be read again, at most three years later.

    Raises
    ------
    PermissionDenied
        The account does not review pages, or wrote this one.
    UsageError
        It is not published, was reviewed before, or the day is none.
    """
    _need(account, "knowledge.approve")
    if version.author_id == account.pk:
        raise PermissionDenied(_("A page is reviewed by someone other than its author."))
    if not version.published:
        raise UsageError("only a published version is reviewed", value=str(version))
    if version.reviewed is not None:
        raise UsageError("this version was reviewed before", value=version.reviewed.isoformat())
    if not on < due <= on + dt.timedelta(days=LONGEST_REVIEW_DAYS):
        raise UsageError("a page is read again after this day and within three years",
                         value=due.isoformat())  # fmt: skip
    version.reviewer, version.reviewer_name = account, account.name
    version.reviewed, version.review_due = on, due
    version.save()
    record(account, "reviewed", f"page {version.page_id}", version=version.number)
