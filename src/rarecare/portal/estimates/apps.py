"""The estimates as a Django application; it has no models: a release is read, never written."""

from __future__ import annotations

from django.apps import AppConfig


class EstimatesConfig(AppConfig):
    """Read-only pages over a release."""

    name = "rarecare.portal.estimates"
    label = "estimates"
