"""Consensuses in the admin site: prepared here; once opened, only read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from rarecare.portal.admin_bases import ModelAdmin, TabularInline
from rarecare.portal.audit.admin import ReadOnly
from rarecare.portal.consensus.models import Consensus, CriteriaVersion, Participant, Round


def _still_prepared(consensus: Consensus | None) -> bool:
    return consensus is None or not consensus.opened


class _Prepared(TabularInline):
    """A part of a consensus, which is fixed with it."""

    extra = 1

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the consensus is still prepared."""
        return _still_prepared(obj) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the consensus is still prepared."""
        return _still_prepared(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the consensus is still prepared."""
        return _still_prepared(obj) and super().has_change_permission(request, obj)


class ParticipantInline(_Prepared):
    """Who is asked."""

    model = Participant
    autocomplete_fields = ("account",)


class RoundInline(_Prepared):
    """When."""

    model = Round


@admin.register(Consensus)
class ConsensusAdmin(ModelAdmin):
    """Consensuses with participants and rounds."""

    list_display = ("title", "proposed", "result", "invented")
    prepopulated_fields = {"slug": ("title",)}  # noqa: RUF012 - Django's own
    inlines = (RoundInline, ParticipantInline)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether it is still prepared."""
        return _still_prepared(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether it is still prepared."""
        return _still_prepared(obj) and super().has_delete_permission(request, obj)

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return none of what can only be read."""
        can = self.has_change_permission(request, obj)
        return super().get_prepopulated_fields(request, obj) if can else {}


@admin.register(CriteriaVersion)
class CriteriaVersionAdmin(ReadOnly):
    """Versions of criteria; proposed on a page of their own."""

    list_display = ("set_id", "version", "title", "status", "published")
    list_filter = ("status",)
