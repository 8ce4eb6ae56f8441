"""The application of knowledge; keeps the glossary that comes with the package."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy


class KnowledgeConfig(AppConfig):
    """Pages and their review."""

    name = "rarecare.portal.knowledge"
    label = "knowledge"
    verbose_name = gettext_lazy("Knowledge")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Keep the glossary after migrating."""
        post_migrate.connect(_store, sender=self, dispatch_uid="glossary")


def _store(**_: Any) -> None:
    from rarecare.portal.knowledge.shipped import store_glossary  # noqa: PLC0415

    store_glossary()
