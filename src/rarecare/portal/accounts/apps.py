"""The application of accounts."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """Accounts; makes the groups of the roles after migrating."""

    name = "rarecare.portal.accounts"
    label = "accounts"
    verbose_name = _("Accounts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Keep the groups as the table of roles has them."""
        from rarecare.portal.accounts.groups import make_groups, make_limits  # noqa: PLC0415

        post_migrate.connect(make_groups, sender=self, dispatch_uid="groups of roles")
        post_migrate.connect(make_limits, sender=self, dispatch_uid="table of limits")
