"""Addresses of accounts: the door (allauth) and the page of those who work here."""

from __future__ import annotations

from django.urls import include, path

from rarecare.portal.accounts import views

urlpatterns = [
    path("work/", views.workplace, name="workplace"),
    path("accounts/", include("allauth.urls")),
]
