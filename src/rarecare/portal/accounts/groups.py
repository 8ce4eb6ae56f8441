"""Groups of the database, made to hold what ``roles.PERMISSIONS`` says, after each migration."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db.models import Q

from rarecare.errors import CodeError
from rarecare.portal.accounts.roles import PERMISSIONS


def make_groups(*, using: str = "default", **_: Any) -> None:
    """Make each role's group, with the permissions of the table and no others.

    Raises
    ------
    CodeError
        The table names a permission that no model has.
    """
    for config in apps.get_app_configs():
        create_permissions(config, verbosity=0, using=using)
    for role, names in PERMISSIONS.items():
        group, _made = Group.objects.using(using).get_or_create(name=role.value)
        wanted = Q(pk__in=[])
        for name in names:
            app, codename = name.split(".")
            wanted |= Q(content_type__app_label=app, codename=codename)
        found = list(Permission.objects.using(using).filter(wanted).select_related("content_type"))
        held = {f"{one.content_type.app_label}.{one.codename}" for one in found}
        missing = sorted(set(names) - held)
        if missing:
            raise CodeError(f"the role {role.value} names a permission there is not",
                            value=missing[0])  # fmt: skip
        group.permissions.set(found)


def make_limits(*, using: str = "default", **_: Any) -> None:
    """Make the table in which tries to sign in are counted."""
    call_command("createcachetable", database=using, verbosity=0)
