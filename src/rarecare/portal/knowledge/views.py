"""Pages of knowledge: the glossary, what there is on a cancer, versions, and their review."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from rarecare.codes import default_list
from rarecare.errors import RarecareError, UsageError
from rarecare.portal.directory.entities import entity_names
from rarecare.portal.directory.forms import DayInput
from rarecare.portal.directory.models import Kind as OrganisationKind
from rarecare.portal.directory.views import centres_for, trials_of
from rarecare.portal.knowledge import choosing
from rarecare.portal.knowledge.markdown import html
from rarecare.portal.knowledge.models import Kind, Page, Version
from rarecare.portal.knowledge.writing import approve
from rarecare.portal.languages import FALLBACK
from rarecare.portal.releases import store

REFUSED = 422


def _language() -> str:
    return get_language() or FALLBACK


@require_safe
def glossary(request: HttpRequest) -> HttpResponse:
    """Show the words of the portal, explained."""
    words = choosing.glossary(_language(), on=timezone.localdate())
    return render(request, "knowledge/glossary.html", {
        "section": "methods", "words": [(one, html(one.version.text)) for one in words],
        "fallback": any(one.fallback for one in words),
        "unreviewed": any(not one.reviewed for one in words),
    })  # fmt: skip


@require_safe
def cancer(request: HttpRequest, number: str) -> HttpResponse:
    """Show what there is on a cancer beside its numbers: pages, organisations, trials."""
    names = entity_names()
    if number not in names:
        raise UsageError("this is no number of the list of rare cancers", value=number,
                         allowed=list(names))  # fmt: skip
    found = choosing.pages_on(number, _language(), on=timezone.localdate())
    kinds = [
        {"kind": kind.value, "name": kind.label,
         "pages": [one for one in found if one.page.kind == kind]}
        for kind in (Kind.DIAGNOSIS, Kind.MANAGEMENT, Kind.MATERIAL)
    ]  # fmt: skip
    organisations = centres_for(number)
    row = next((row for row in default_list().entities.iter_rows(named=True)
                if row["entity_id"] == number), None)  # fmt: skip
    above = [
        (one, names[one]) for one in (number[:2], number[:5]) if one != number and one in names
    ]
    depth = number.count(".") + 1
    parts = {one: name for one, name in names.items() if one.startswith(f"{number}.")}
    below = [(one, name) for one, name in parts.items() if one.count(".") == depth]
    return render(request, "knowledge/cancer.html", {
        "section": "cancers", "number": number, "name": names[number], "kinds": kinds, "row": row,
        "above": above, "below": below, "trials": trials_of(number),
        "entity": store().current().entities.get(number),
        "organisations": [
            (label, [one for one in organisations if one.kind == kind])
            for kind, label in OrganisationKind.choices
        ],
    })  # fmt: skip


@require_safe
def page(request: HttpRequest, number: int) -> HttpResponse:
    """Show one page, with who wrote it, who has read it, and its sources."""
    return _page(request, get_object_or_404(Page, pk=number), None)


@require_safe
def versions(request: HttpRequest, number: int, version: int) -> HttpResponse:
    """Show an earlier or later version of a page, which is not the one shown to visitors."""
    one = get_object_or_404(Page, pk=number)
    found = get_object_or_404(Version, page=one, number=version, published=True)
    return _page(request, one, found)


def _page(request: HttpRequest, one: Page, version: Version | None) -> HttpResponse:
    shown = choosing.shown(one, _language(), on=timezone.localdate())
    if shown is None:
        raise UsageError("nothing is published of this page yet", value=str(one))
    if version is not None and version != shown.version:
        shown = choosing.Shown(one, version, _language(), overdue=False)
    return render(request, "knowledge/page.html", {
        "section": "cancers", "shown": shown, "html": html(shown.version.text), "page": one,
        "name": entity_names().get(one.subject, one.subject),
        "current": one.shown, "versions": one.versions.filter(published=True),
    })  # fmt: skip


@require_safe
def unreviewed(request: HttpRequest) -> HttpResponse:
    """Show published versions that no one but their author has read."""
    found = Version.objects.filter(published=True, reviewed=None).select_related("page")
    return render(request, "knowledge/unreviewed.html", {"section": "cancers", "versions": found})


class ReviewForm(forms.Form):
    """That one has read a page and stands by it, until a day."""

    due = forms.DateField(
        label=gettext_lazy("To be read again by"), widget=DayInput(), input_formats=["%Y-%m-%d"]
    )
    stands = forms.BooleanField(
        label=gettext_lazy("I have read the whole text and its sources, and I stand by it with my"
                           " name.")
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
def review(request: HttpRequest, number: int) -> HttpResponse:
    """Review a version of a page."""
    version = get_object_or_404(Version.objects.select_related("page"), pk=number)
    user: Any = request.user
    today = timezone.localdate()
    form = ReviewForm(request.POST or None, initial={"due": today + dt.timedelta(days=365)})
    if form.is_valid():
        try:
            approve(user, version, on=today, due=form.cleaned_data["due"])
        except RarecareError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Your review is shown with the page."))
            return redirect("knowledge:page", version.page_id)
    return render(request, "knowledge/review.html", {
        "section": "cancers", "form": form, "version": version, "html": html(version.text),
    }, status=REFUSED if form.errors else 200)  # fmt: skip
