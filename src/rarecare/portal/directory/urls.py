"""Addresses of the directory."""

from __future__ import annotations

from django.urls import path

from rarecare.portal.directory import views, work

app_name = "directory"
urlpatterns = [
    path("centres/", views.listing, name="list"),
    path("centres/decisions/", views.history, name="history"),
    path("centres/<slug:slug>/", views.organisation, name="organisation"),
    path("centres/<slug:slug>/speak/", work.speak, name="speak"),
    path("trials/", views.trials, name="trials"),
    path("nominations/new/", work.nominate, name="nominate"),
    path("nominations/<int:number>/", work.nomination, name="nomination"),
    path("nominations/<int:number>/evidence/", work.evidence, name="evidence"),
    path("nominations/<int:number>/documents/<int:document>/", work.document, name="document"),
    path("nominations/<int:number>/submit/", work.submit, name="submit"),
    path("nominations/<int:number>/take-back/", work.take_back, name="take-back"),
    path("nominations/<int:number>/review/", work.review, name="review"),
    path("nominations/<int:number>/decide/", work.decide, name="decide"),
    path("voices/", work.waiting, name="voices"),
    path("voices/<int:number>/", work.moderate, name="moderate"),
]
