"""Addresses of criteria and consensuses."""

from __future__ import annotations

from django.urls import path

from rarecare.portal.consensus import views

app_name = "consensus"
urlpatterns = [
    path("criteria/", views.listing, name="list"),
    path("criteria/new/", views.propose, name="propose"),
    path("criteria/consensus/<slug:slug>/", views.consensus, name="consensus"),
    path("criteria/consensus/<slug:slug>/rate/", views.rate, name="rate"),
    path("criteria/consensus/<slug:slug>/open/", views.open_rounds, name="open"),
    path("criteria/consensus/<slug:slug>/close/<int:number>/", views.close, name="close"),
    path("criteria/consensus/<slug:slug>/publish/", views.publish, name="publish"),
    path("criteria/<str:set_id>/<str:version>/", views.criteria, name="criteria"),
    path("criteria/<str:set_id>/<str:version>/criteria.toml", views.criteria_text,
         name="criteria-text"),
]  # fmt: skip
