"""The application of histories."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AuditConfig(AppConfig):
    """Histories to which one can only add."""

    name = "rarecare.portal.audit"
    label = "audit"
    verbose_name = _("Histories")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listen for acts in the admin and at the door."""
        from rarecare.portal.audit import listening  # noqa: F401, PLC0415
