"""Addresses of the portal. Each part of it brings its own."""

from __future__ import annotations

from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language

from rarecare.portal import pages, vega
from rarecare.portal.estimates.views import permanent

urlpatterns = [
    path("health/", pages.health, name="health"),
    path("robots.txt", pages.robots, name="robots"),
    path("favicon.svg", pages.favicon, name="favicon"),
    path("vega.js", vega.script, name="vega"),
    path("language/", set_language, name="set_language"),
    path("r/<slug:release>/", permanent, {"rest": ""}, name="permanent-release"),
    path("r/<slug:release>/<path:rest>", permanent, name="permanent"),
    path("api/v1/", include("rarecare.portal.api.urls")),
    path("admin/", admin.site.urls),
]

urlpatterns += i18n_patterns(
    path("", include("rarecare.portal.estimates.urls")),
    path("r/<slug:release>/", include("rarecare.portal.estimates.urls", namespace="named")),
    path("", include("rarecare.portal.comparing.urls")),
    path(
        "r/<slug:release>/",
        include("rarecare.portal.comparing.urls", namespace="named-comparing"),
    ),
    path("", include("rarecare.portal.directory.urls")),
    path("", include("rarecare.portal.consensus.urls")),
    path("", include("rarecare.portal.knowledge.urls")),
    path("", include("rarecare.portal.accounts.urls")),
)

handler400 = "rarecare.portal.errors.bad_request"
handler403 = "rarecare.portal.errors.forbidden"
handler404 = "rarecare.portal.errors.not_found"
handler500 = "rarecare.portal.errors.broken"
