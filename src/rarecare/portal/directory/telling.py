"""Messages to reviewers: a nomination awaits them."""

from __future__ import annotations

import logging
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse
from django.utils.translation import override

from rarecare.portal.accounts.models import Account
from rarecare.portal.accounts.roles import Role
from rarecare.portal.directory.models import Nomination
from rarecare.portal.directory.nominations import nominators
from rarecare.portal.languages import FALLBACK

log = logging.getLogger("rarecare.portal")

_TEXT = """\
{name},

the nomination of {centre} under the criteria {criteria} awaits your review.

Its evidence and the form of the review are here, after signing in:
{address}

Two reviewers or more, from neither the centre nor its nominator, recommend; an editor decides.
"""


def reviewers_of(nomination: Nomination) -> list[Account]:
    """Return who may review a nomination: active reviewers of neither side, by address."""
    found = Account.objects.filter(groups__name=Role.REVIEWER.value, is_active=True)
    return [
        one for one in found.distinct().order_by("email")
        if one != nomination.account and not nominators(one, nomination)
    ]  # fmt: skip


def tell_reviewers(nomination: Nomination) -> int:
    """Send each reviewer a message of their own; return how many were sent.

    A mail server that fails stops no nomination: it is said in the log, and the nomination stands
    among those that await a review.
    """
    with override(FALLBACK):
        address = _whole(reverse("directory:nomination", args=[nomination.pk]))
    sent = 0
    for one in reviewers_of(nomination):
        message = EmailMessage(
            f"Rarecare: a nomination of {nomination.centre.name} awaits your review",
            _TEXT.format(name=one.name, centre=nomination.centre.name,
                         criteria=nomination.criteria, address=address),
            to=[one.email],
        )  # fmt: skip
        try:
            sent += message.send()
        except (SMTPException, OSError) as error:
            log.error("a reviewer of nomination %s was not told: %s", nomination.pk, error)
    return sent


def _whole(path: str) -> str:
    """Return an address with the first host that the portal answers to."""
    host = next((one for one in settings.ALLOWED_HOSTS if not one.startswith((".", "*"))), "")
    return f"{'https' if settings.HTTPS else 'http'}://{host}{path}" if host else path
