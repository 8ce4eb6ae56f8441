"""The application of the consensus."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy


class ConsensusConfig(AppConfig):
    """Names the application."""

    name = "rarecare.portal.consensus"
    label = "consensus"
    verbose_name = gettext_lazy("Consensus")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Keep the criteria that come with the package, after migrating."""
        post_migrate.connect(_store, sender=self, dispatch_uid="packaged criteria")


def _store(**_: Any) -> None:
    from rarecare.portal.consensus.conducting import store_packaged  # noqa: PLC0415

    store_packaged()
