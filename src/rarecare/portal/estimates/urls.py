"""Addresses of the estimates; the same under ``r/RELEASE/``, for good."""

from __future__ import annotations

from django.urls import path, re_path

from rarecare.portal.estimates import files, views

app_name = "estimates"
urlpatterns = [
    path("", views.home, name="home"),
    path("search/", views.search, name="search"),
    path("cancers/", views.cancers, name="cancers"),
    re_path(r"^cancers/(?P<name>[^/]+)/$", views.cancer, name="cancer"),
    re_path(
        r"^cancers/(?P<name>[^/]+)/figures/(?P<figure>[a-z-]+)\.(?P<suffix>svg|png|csv|json)$",
        files.figure,
        name="figure",
    ),
    re_path(
        r"^cancers/(?P<name>[^/]+)/estimates\.(?P<suffix>csv|json|parquet)$",
        files.estimates,
        name="estimates",
    ),
]
