"""Addresses of the estimates, the same under ``/r/RELEASE/``."""

from __future__ import annotations

from django.urls import path

from rarecare.portal.estimates import views

app_name = "estimates"
urlpatterns = [
    path("", views.home, name="home"),
]
