"""What patient organisations say of centres, and its moderation."""

from __future__ import annotations

import datetime as dt

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from rarecare.errors import UsageError
from rarecare.portal.accounts.models import Account
from rarecare.portal.audit.books import record
from rarecare.portal.directory.models import Kind, Organisation, Voice
from rarecare.portal.directory.nominations import need, speaks_for


@transaction.atomic
def speak(account: Account, centre: Organisation, *, saying: str, text: str, on: dt.date) -> Voice:
    """Return an endorsement or a comment, which waits for moderation.

    Raises
    ------
    PermissionDenied
        The account does not speak for a patient organisation.
    UsageError
        It is said of no centre, is neither of the two, a comment has no text, or this
        organisation endorses the centre already.
    """
    need(account, "directory.speak")
    own = speaks_for(account)
    if own is None or own.kind != Kind.PATIENTS:
        raise PermissionDenied(_("Only patient organisations endorse centres or comment on them."))
    if centre.kind != Kind.CENTRE:
        raise UsageError("only centres of care are endorsed", value=str(centre))
    if saying not in Voice.Saying.values:
        raise UsageError("an organisation endorses or comments", value=saying,
                         allowed=Voice.Saying.values)  # fmt: skip
    text = text.strip()
    if saying == Voice.Saying.COMMENTS and not text:
        raise UsageError("a comment has a text", value=text)
    if len(text) > 1000:
        raise UsageError("the text is too long", value=f"{len(text)} characters",
                         allowed="up to 1000")  # fmt: skip
    standing = centre.voices.filter(organisation=own, saying=Voice.Saying.ENDORSES)
    if saying == Voice.Saying.ENDORSES and standing.exclude(state=Voice.State.REFUSED).exists():
        raise UsageError("your organisation endorses this centre already", value=str(centre))
    made = Voice.objects.create(centre=centre, organisation=own, account=account, saying=saying,
                                text=text, day=on)  # fmt: skip
    record(account, saying, f"centre {centre.slug}", voice=made.pk, by=own.slug)
    return made


@transaction.atomic
def moderate(account: Account, voice: Voice, *, publish: bool, reasons: str, on: dt.date) -> None:
    """Publish what was said, or refuse it with reasons.

    Raises
    ------
    PermissionDenied
        The account is no editor, or is of either organisation.
    UsageError
        It was moderated before, or is refused without reasons.
    """
    need(account, "directory.moderate")
    if speaks_for(account) in (voice.organisation, voice.centre):
        raise PermissionDenied(_("Who moderates is of neither organisation."))
    if voice.state != Voice.State.WAITING:
        raise UsageError("this was moderated before", value=voice.get_state_display())
    reasons = reasons.strip()
    if not publish and not reasons:
        raise UsageError("a refusal has reasons", value=reasons)
    voice.state = Voice.State.PUBLISHED if publish else Voice.State.REFUSED
    voice.moderated, voice.reasons = on, reasons[:300]
    voice.save(update_fields=("state", "moderated", "reasons"))
    record(account, f"moderated: {voice.state}", f"centre {voice.centre.slug}", voice=voice.pk)
