"""Addresses of comparisons, countries, the data and questions; the same under ``r/RELEASE/``."""

from __future__ import annotations

from django.urls import path, re_path

from rarecare.portal.comparing import asking, files, views

_FILE = r"(?:-(?P<size>wide|narrow))?\.(?P<suffix>svg|png|csv|json)$"

app_name = "comparing"
urlpatterns = [
    path("compare/", views.start, name="start"),
    re_path(r"^compare/(?P<name>[^/]+)/(?P<code>[a-z0-9.-]+)/$", views.compare, name="compare"),
    re_path(
        r"^compare/(?P<name>[^/]+)/(?P<code>[a-z0-9.-]+)/(?P<figure>[a-z]+(?:-observed|-shrunken)?)"
        + _FILE,
        files.figure, name="figure",
    ),
    path("countries/", views.countries, name="countries"),
    path("countries/<str:name>/", views.country, name="country"),
    path("countries/<str:name>/<str:code>/", views.cancers_of, name="cancers"),
    path("countries/<str:name>/<str:code>/<str:family>/", views.cancers_of, name="family"),
    re_path(
        r"^countries/(?P<name>[^/]+)/(?P<code>[^/]+)/(?:(?P<family>[^/]+)/)?cancers" + _FILE,
        files.cancers, name="cancers-figure",
    ),
    path("quality/", views.quality, name="quality"),
    path("quality/registry/<str:registry>/", views.registry, name="registry"),
    path("quality/<str:name>/", views.data_of, name="data"),
    path("query/", asking.query, name="query"),
    path("interface/", views.interface, name="interface"),
    path("names/", views.names, name="names"),
]  # fmt: skip
