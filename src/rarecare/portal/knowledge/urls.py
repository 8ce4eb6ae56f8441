"""Addresses of knowledge."""

from __future__ import annotations

from django.urls import path

from rarecare.portal.knowledge import views

app_name = "knowledge"
urlpatterns = [
    path("glossary/", views.glossary, name="glossary"),
    path("knowledge/<str:number>/", views.cancer, name="cancer"),
    path("pages/<int:number>/", views.page, name="page"),
    path("pages/<int:number>/versions/<int:version>/", views.versions, name="versions"),
    path("reviews/", views.unreviewed, name="unreviewed"),
    path("reviews/<int:number>/", views.review, name="review"),
]
