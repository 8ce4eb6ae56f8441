"""Pages in the admin site: to change a text is to write a new version of it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from rarecare.portal.admin_bases import ModelAdmin, ModelForm, TabularInline
from rarecare.portal.knowledge.catalogue import forget
from rarecare.portal.knowledge.models import CatalogueReview, Kind, Page, Version
from rarecare.portal.knowledge.writing import write

_TEXT = ("title", "text", "sources", "publish")


class PageForm(ModelForm):
    """A page and its text; a changed text becomes a new version."""

    title = forms.CharField(label=_("Title"), max_length=200)
    text = forms.CharField(
        label=_("Text"), min_length=20, widget=forms.Textarea(attrs={"rows": 24}),
        help_text=_("Markdown. Pictures are not loaded; HTML is shown as text."),
    )  # fmt: skip
    sources = forms.CharField(
        label=_("Sources, one on each line"), required=False, widget=forms.Textarea
    )
    publish = forms.BooleanField(label=_("Published"), required=False)

    class Meta:
        """What is asked of the page itself."""

        model = Page
        fields = ("kind", "subject", "audience", "language")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        last = self.instance.versions.order_by("-number").first() if self.instance.pk else None
        if last is not None:
            for name in ("title", "text", "sources"):
                self.fields[name].initial = getattr(last, name)
            self.fields["publish"].initial = last.published

    def clean(self) -> dict[str, Any]:
        """Refuse a published medical page without sources."""
        found = super().clean() or {}
        medical = found.get("publish") and found.get("kind") != Kind.GLOSSARY
        if medical and not (found.get("sources") or "").strip():
            self.add_error("sources", _("A page is published with its sources."))
        return found


class VersionInline(TabularInline):
    """Versions so far, to read."""

    model = Version
    extra = 0
    can_delete = False
    fields = ("number", "title", "author_name", "written", "reviewer_name", "reviewed",
              "review_due", "published")  # fmt: skip
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return that versions come from the page's own form."""
        return False


@admin.register(Page)
class PageAdmin(ModelAdmin):
    """Pages."""

    form = PageForm
    inlines = (VersionInline,)
    list_display = ("subject", "kind", "audience", "language", "state")
    list_filter = ("kind", "audience", "language")
    search_fields = ("subject", "versions__title")

    @admin.display(description=_("state"))
    def state(self, page: Page) -> Any:
        """Say what visitors see."""
        shown = page.shown
        if shown is None:
            return _("not published")
        return _("reviewed") if shown.reviewed else _("not reviewed")

    def save_model(self, request: HttpRequest, obj: Page, form: Any, change: Any) -> None:
        """Save the page, and its text as a new version where it changed."""
        super().save_model(request, obj, form, change)
        if not change or set(form.changed_data) & set(_TEXT):
            user: Any = request.user
            given = {name: form.cleaned_data[name] for name in _TEXT}
            write(user, obj, **given, on=timezone.localdate())


@admin.register(CatalogueReview)
class CatalogueReviewAdmin(ModelAdmin):
    """Who has read the portal's texts in a language."""

    list_display = ("language", "reviewer_name", "organisation", "reviewed", "digest")
    readonly_fields = ("digest", "recorded_by")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Keep who recorded it."""
        if not change:
            obj.recorded_by = request.user
        super().save_model(request, obj, form, change)
        forget()

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Remove it, at once."""
        super().delete_model(request, obj)
        forget()
