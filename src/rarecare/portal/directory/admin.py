"""The directory in the admin site: entries are kept here, the workflow is on pages of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db import models

from rarecare.portal.admin_bases import ModelAdmin, TabularInline
from rarecare.portal.audit.admin import ReadOnly
from rarecare.portal.directory.models import (
    Coverage,
    Document,
    Evidence,
    Membership,
    Nomination,
    Organisation,
    Review,
    Trial,
    Voice,
)

SECURE: Mapping[type[models.Field[Any, Any]], Mapping[str, Any]] = {
    models.URLField: {"assume_scheme": "https"}
}
"""Addresses given without a scheme are taken as https."""


class CoverageInline(TabularInline):
    """Cancers covered."""

    model = Coverage
    extra = 1


@admin.register(Organisation)
class OrganisationAdmin(ModelAdmin):
    """Organisations with the cancers they cover."""

    formfield_overrides = SECURE
    list_display = ("name", "kind", "country", "city", "listed", "invented", "updated")
    list_filter = ("kind", "listed", "country")
    search_fields = ("name", "city")
    prepopulated_fields = {"slug": ("name",)}  # noqa: RUF012 - Django's own
    readonly_fields = ("invented", "updated")
    inlines = (CoverageInline,)


@admin.register(Membership)
class MembershipAdmin(ModelAdmin):
    """Who speaks for which organisation."""

    list_display = ("account", "organisation")
    autocomplete_fields = ("account", "organisation")


@admin.register(Trial)
class TrialAdmin(ModelAdmin):
    """Trials as dated links."""

    formfield_overrides = SECURE
    list_display = ("number", "title", "entity_id", "register", "status", "seen")
    list_filter = ("register", "seen")
    search_fields = ("number", "title")


@admin.register(Voice)
class VoiceAdmin(ReadOnly):
    """What patient organisations said; moderated on a page of its own."""

    list_display = ("organisation", "saying", "centre", "day", "state")
    list_filter = ("state", "saying")


@admin.register(Nomination)
class NominationAdmin(ReadOnly):
    """Nominations."""

    list_display = ("centre", "criteria", "nominated_by", "day", "state")
    list_filter = ("state",)


@admin.register(Evidence)
class EvidenceAdmin(ReadOnly):
    """Evidence."""

    list_display = ("nomination", "criterion", "value", "kind", "date", "source")


@admin.register(Review)
class ReviewAdmin(ReadOnly):
    """Reviews."""

    list_display = ("nomination", "reviewer", "recommendation", "day")


@admin.register(Document)
class DocumentAdmin(ReadOnly):
    """Documents, without their contents."""

    list_display = ("name", "media_type", "nomination", "added", "sha256")
    exclude = ("content",)
