"""Histories in the admin site, to read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from rarecare.portal.admin_bases import ModelAdmin
from rarecare.portal.audit.models import Entry


class ReadOnly(ModelAdmin):
    """What is read here and changed elsewhere, or never."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return that nothing is added here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return that nothing is changed here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return that nothing is removed here."""
        return False


@admin.register(Entry)
class EntryAdmin(ReadOnly):
    """Entries by book."""

    list_display = ("book", "number", "day", "kind", "content")
    list_filter = ("book", "kind", "day")
    search_fields = ("kind", "content")
    ordering = ("book", "-number")
