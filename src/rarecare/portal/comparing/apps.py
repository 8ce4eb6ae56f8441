"""Comparisons as a Django application; it has no models."""

from __future__ import annotations

from django.apps import AppConfig


class ComparingConfig(AppConfig):
    """Read-only pages over a release."""

    name = "rarecare.portal.comparing"
    label = "comparing"
