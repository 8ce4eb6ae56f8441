"""The portal as a Django application: its templates, static files and start."""

from __future__ import annotations

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Base templates, static files and the tags they use."""

    name = "rarecare.portal"
    label = "portal"
    verbose_name = "Portal"
