"""What visitors see of the directory."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from rarecare.care.designation import decisions
from rarecare.errors import UsageError
from rarecare.portal.audit.books import DESIGNATIONS, read
from rarecare.portal.directory import standing
from rarecare.portal.directory.entities import entity_names, within
from rarecare.portal.directory.forms import FindForm
from rarecare.portal.directory.map import HEIGHT, WIDTH, land, points
from rarecare.portal.directory.models import Kind, Organisation, Trial
from rarecare.portal.directory.search import Found, Place, find, place_of
from rarecare.portal.releases import store

SECTION = "centres"
PER_PAGE = 50


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """Show organisations, found by words, kind, country, cancer and distance, with a map."""
    form = FindForm(request.GET or None)
    every = standing.shown_organisations()
    found: list[Found] = []
    near: Place | None = None
    status = 200
    if not form.is_bound or form.is_valid():
        asked = form.cleaned_data if form.is_bound else {}
        try:
            near = place_of(asked["near"], list(every)) if asked.get("near") else None
            found = find(
                every, words=asked.get("q", ""), kind=asked.get("kind", ""),
                country=asked.get("country", ""), entity=asked.get("entity", ""), near=near,
                within_km=asked.get("km"),
            )  # fmt: skip
        except UsageError as error:
            form.add_error("near", str(error))
    if form.is_bound and form.errors:
        status = 400
    pages = Paginator(found, PER_PAGE)
    number = (form.cleaned_data.get("page") or 1) if form.is_bound and not form.errors else 1
    if number > pages.num_pages:
        raise Http404(_("There is no such page; the last is %(n)d.") % {"n": pages.num_pages})
    shown = pages.page(number)
    standings = standing.standings(timezone.localdate())
    rows = [
        {"organisation": one.organisation, "km": one.km,
         "designated": standing.in_force(standings.get(one.organisation.name, []))}
        for one in shown.object_list
    ]  # fmt: skip
    context = {
        "section": SECTION, "form": form, "rows": rows, "n": len(found), "page": shown,
        "query": _without_page(request), "kinds": Kind.choices,
        "near": near, "entity_name": _entity_name(request.GET.get("entity", "")),
        "map": _map(rows, near),
    }  # fmt: skip
    return render(request, "directory/list.html", context, status=status)


def _without_page(request: HttpRequest) -> str:
    query = request.GET.copy()
    query.pop("page", None)
    return query.urlencode()


def _entity_name(number: str) -> str:
    return entity_names().get(number, "")


def _map(rows: list[dict[str, Any]], near: Place | None) -> dict[str, Any]:
    placed = [
        (one["organisation"].latitude, one["organisation"].longitude, one)
        for one in rows if one["organisation"].latitude is not None
    ]  # fmt: skip
    placed.sort(key=lambda one: bool(one[2]["designated"]))  # designated centres on top
    here = points([(*near, None)]) if near else []
    return {"land": land(), "points": points(placed), "here": here, "width": WIDTH,
            "height": HEIGHT, "without": len(rows) - len(placed)}  # fmt: skip


@require_safe
def organisation(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one organisation; of a centre also its criteria, voices and history."""
    one = get_object_or_404(standing.shown_organisations(), slug=slug)
    today = timezone.localdate()
    context: dict[str, Any] = {
        "section": SECTION, "organisation": one, "names": entity_names(),
        "covered": [(each.entity_id, entity_names().get(each.entity_id, each.entity_id))
                    for each in one.coverage.all()],
    }  # fmt: skip
    if one.kind == Kind.CENTRE:
        rows = standing.standings(today).get(one.name, [])
        context |= {
            "standings": rows, "designated": standing.in_force(rows),
            "profiles": standing.profiles(one, on=today), "events": standing.history_of(one),
            "voices": standing.voices_of(one),
            "pending": any(each.open for each in one.nominations.all()),
        }  # fmt: skip
    return render(request, "directory/organisation.html", context)


@require_safe
def trials(request: HttpRequest) -> HttpResponse:
    """Show clinical trials as dated links, of one cancer or all."""
    number = request.GET.get("entity", "")
    if number and number not in entity_names():
        raise UsageError("this is no number of the list of rare cancers", value=number,
                         allowed=list(entity_names()))  # fmt: skip
    return render(request, "directory/trials.html", {
        "section": SECTION, "trials": trials_of(number), "entity": number,
        "entity_name": _entity_name(number),
    })  # fmt: skip


def trials_of(number: str) -> list[Trial]:
    """Return the trials for a cancer, for what it belongs to, or for a part of it."""
    shown = Trial.objects.all()
    if not store().current().synthetic:
        shown = shown.filter(invented=False)
    return list(shown.filter(entity_id__in=within(number)) if number else shown)


@require_safe
def history(request: HttpRequest) -> HttpResponse:
    """Show every decision on centres, the latest first, with the hash that stands for them all."""
    book = read(DESIGNATIONS)
    shown = {one.name: one for one in standing.shown_organisations().filter(kind=Kind.CENTRE)}
    taken = [(one, shown[one.centre]) for one in decisions(book) if one.centre in shown]
    return render(request, "directory/history.html", {
        "section": SECTION, "decisions": taken[::-1], "head": book.head,
        "n": len(taken), "title": _("Decisions on centres"),
    })  # fmt: skip


def centres_for(number: str) -> list[Organisation]:
    """Return the centres and patient organisations for a cancer, as a page on it shows them."""
    return [one.organisation for one in find(standing.shown_organisations(), entity=number)]
