"""Acts that others announce: changes in the admin, signing in and out, second factors."""

from __future__ import annotations

import json
from typing import Any

from allauth.account.signals import password_changed, password_reset
from allauth.mfa.signals import authenticator_added, authenticator_removed
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import post_save
from django.dispatch import receiver

from rarecare.portal.audit.books import record

_VERBS = {ADDITION: "added in the admin", CHANGE: "changed in the admin"}


@receiver(post_save, sender=LogEntry)
def _in_admin(instance: LogEntry, **_: Any) -> None:
    kind = instance.content_type.model if instance.content_type else "object"
    verb = _VERBS.get(instance.action_flag, "removed in the admin")
    record(instance.user, verb, f"{kind} {instance.object_id}",
           fields=_without_names(instance.change_message))  # fmt: skip


def _without_names(message: str) -> list[Any]:
    """Return which fields of which kinds changed, without what the objects are called."""
    try:
        told = json.loads(message)
    except ValueError:  # a text in words, of an action or an older version
        return []
    return [
        {verb: {key: value for key, value in what.items() if key != "object"}
         for verb, what in part.items()}
        for part in told
    ]  # fmt: skip


@receiver(user_logged_in)
def _in(user: Any, **_: Any) -> None:
    record(user, "signed in", f"account {user.pk}")


@receiver(user_logged_out)
def _out(user: Any, **_: Any) -> None:
    if user is not None:
        record(user, "signed out", f"account {user.pk}")


@receiver(user_login_failed)
def _failed(**_: Any) -> None:
    record(None, "failed to sign in", "an account")


@receiver(password_changed)
@receiver(password_reset)
def _password(user: Any, **_: Any) -> None:
    record(user, "changed the password", f"account {user.pk}")


@receiver(authenticator_added)
def _factor_added(user: Any, authenticator: Any, **_: Any) -> None:
    record(user, "added a second factor", f"account {user.pk}", kind=authenticator.type)


@receiver(authenticator_removed)
def _factor_removed(user: Any, authenticator: Any, **_: Any) -> None:
    record(user, "removed a second factor", f"account {user.pk}", kind=authenticator.type)
