"""Adding to histories and reading them: what was done, which criteria, which designations."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from rarecare.care.history import START, History
from rarecare.care.history import Entry as Link
from rarecare.care.history import plain as plain_json
from rarecare.errors import DisagreementError
from rarecare.portal.audit.models import Entry

ACTS, CRITERIA, DESIGNATIONS = "acts", "criteria", "designations"
"""The books: every editorial act, published criteria, decisions on centres."""
NOBODY = "nobody"
"""Who acts where no one is signed in."""


def read(book: str) -> History:
    """Return a history, its chain checked.

    Raises
    ------
    DisagreementError
        The chain is broken: the database was edited by other means.
    """
    return History(tuple(_link(one) for one in Entry.objects.filter(book=book)))


def _link(one: Entry) -> Link:
    return Link(one.number, one.day, one.kind, json.loads(one.content), one.previous, one.hash)


@transaction.atomic
def extend(book: str, history: History) -> None:
    """Store the entries of a history that follow those stored.

    Raises
    ------
    DisagreementError
        The history does not begin with what is stored: someone added in the meantime.
    """
    _lock()
    last = Entry.objects.filter(book=book).last()
    stored = last.number if last else 0
    head = last.hash if last else START
    if head != (history.entries[stored - 1].hash if 0 < stored <= len(history.entries) else START):
        raise DisagreementError(
            "the history was added to in the meantime", value=head[:12],
            remedy="Look at it again, then repeat the step.",
        )  # fmt: skip
    for link in history.entries[stored:]:
        _store(book, link)


def record(actor: Any, act: str, subject: str, **details: Any) -> None:
    """Add an act to the book of acts, in the transaction of the act itself.

    Parameters
    ----------
    actor
        An account, or None. Its number is kept, not its name, so that an account can be erased.
    act
        What was done, in words of the field: ``"nominated"``.
    subject
        What it was done to: ``"nomination 12"``.
    details
        Dates, numbers and short texts that say more.
    """
    now = timezone.now()
    content = {
        "actor": f"account {actor.pk}" if getattr(actor, "pk", None) else NOBODY,
        "at": now.astimezone(dt.UTC).isoformat(timespec="seconds"), "subject": subject, **details,
    }  # fmt: skip
    add(ACTS, act, content, on=timezone.localdate(now))


@transaction.atomic
def add(book: str, kind: str, content: Mapping[str, Any], *, on: dt.date) -> None:
    """Add one entry without reading the others; its day is never before that of the last."""
    _lock()
    last = Entry.objects.filter(book=book).last()
    held = json.loads(plain_json(dict(content)))
    number, previous = (last.number + 1, last.hash) if last else (1, START)
    day = max(on, last.day) if last else on
    made = Link(number, day, kind, held, previous, "")
    _store(book, Link(number, day, kind, held, previous, made.right_hash))


def _store(book: str, link: Link) -> None:
    Entry.objects.create(
        book=book, number=link.number, day=link.day, kind=link.kind,
        content=plain_json(link.content), previous=link.previous, hash=link.hash,
    )  # fmt: skip


def _lock() -> None:
    """Let one transaction at a time add; SQLite does so by itself (transactions are immediate)."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE audit_entry IN EXCLUSIVE MODE")
