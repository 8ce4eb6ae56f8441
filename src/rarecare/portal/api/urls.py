"""Addresses of the interface for programs; it has no language."""

from __future__ import annotations

from django.urls import path

from rarecare.portal.api.views import api, nothing

urlpatterns = [
    path("", api.urls),
    path("", nothing, name="api-nothing"),
    path("<path:rest>", nothing, name="api-nothing"),
]
