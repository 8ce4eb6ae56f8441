"""Views of the estimates: read a release, give a page."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import get_language_from_request, override
from django.utils.translation import gettext as _

from rarecare.errors import UsageError, nearest
from rarecare.portal import errors
from rarecare.portal.estimates.facts import Facts
from rarecare.portal.estimates.front import front
from rarecare.portal.estimates.search import LONGEST, index_of
from rarecare.portal.estimates.sheet import Asked
from rarecare.portal.kept import kept, only_read, with_release
from rarecare.portal.opened import Entity, OpenedRelease
from rarecare.portal.readers import reader_of, words_language

SHOWN = ("show",)
"""Values of ``?survival=``."""


@only_read
@with_release
@kept()
def home(request: Any) -> HttpResponse:
    """Show the start page."""
    with override(words_language(request)):
        told = front(request.release)
    return render(request, "estimates/home.html", {"section": "home", **told})


@only_read
@with_release
@kept()
def cancers(request: Any) -> HttpResponse:
    """Show the tree of cancers."""
    release: OpenedRelease = request.release
    families = [
        (family, [(one, release.children.get(one.entity_id, []))
                  for one in release.children.get(family.entity_id, [])])
        for family in release.children.get("all", []) if family.tier == 0
    ]  # fmt: skip
    together = [entity for entity in release.entities.values() if entity.tier < 0]
    context = {"section": "cancers", "families": families, "together": together}
    return render(request, "estimates/cancers.html", context)


@only_read
@with_release
def search(request: Any) -> HttpResponse:
    """Show what a question finds; with htmx, its first results while it is typed."""
    asked = request.GET.get("q", "")
    quick = bool(request.htmx) and request.headers.get("HX-Target") == "suggestions"
    answer = index_of(request.release).search(asked, at_most=8 if quick else 40)
    context = {"section": "cancers", "answer": answer, "longest": LONGEST,
               "cut": len(asked) > LONGEST}  # fmt: skip
    template = "estimates/suggestions.html" if quick else "estimates/search.html"
    response = render(request, template, context)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@only_read
@with_release
@kept("survival")
def cancer(request: Any, name: str) -> HttpResponse:
    """Show the sheet of a cancer, in the words of the reader."""
    entity = entity_of(request.release, name)
    if entity is None:
        return no_such_cancer(request, name)
    survival = request.GET.get("survival")
    if survival is not None and survival not in SHOWN:
        error = UsageError("survival is not understood", value=survival, allowed=SHOWN)
        return errors.page(
            request, status=400, error=error,
            near=[(request.places.cancer(entity), entity.name)],
        )  # fmt: skip
    reader = reader_of(request)
    asked = Asked(
        request.release, entity, request.places, reader.code,
        show_survival=survival in SHOWN, facts=Facts.of(request.release, entity),
    )  # fmt: skip
    context = {
        "section": "cancers",
        "asked": asked,
        "entity": entity,
        "line": request.release.line(entity),
        "below": request.release.children.get(entity.entity_id, []),
        "canonical": request.places.cancer(entity),
    }
    return render(request, "estimates/cancer.html", context)


@only_read
def permanent(request: HttpRequest, release: str, rest: str = "") -> HttpResponse:
    """Lead a permanent address, which has no language, to the visitor's language."""
    language = get_language_from_request(request)
    query = request.META.get("QUERY_STRING", "")
    return HttpResponseRedirect(f"/{language}/r/{release}/{rest}" + (f"?{query}" if query else ""))


def entity_of(release: OpenedRelease, name: str) -> Entity | None:
    """Return the cancer an address names: its code decides, the rest may change."""
    return release.entities.get(name.partition("-")[0])


def no_such_cancer(request: Any, name: str) -> HttpResponse:
    """Say that there is no such cancer, and which are near."""
    release: OpenedRelease = request.release
    code, _dash, rest = name.partition("-")
    near = [hit.entity for hit in index_of(release).search(rest.replace("-", " ") or code).hits[:5]]
    alike = nearest(code, list(release.entities))
    if alike is not None and release.entities[alike] not in near:
        near.insert(0, release.entities[alike])
    return errors.page(
        request, status=404,
        error=_("The list of this release has no cancer with the code “%(code)s”.")
        % {"code": code[:40]},
        near=[(request.places.cancer(one), f"{one.entity_id} {one.name}") for one in near],
    )  # fmt: skip


def found(release: OpenedRelease, name: str) -> Entity:
    """Return the cancer an address of a file names.

    Raises
    ------
    Http404
        There is none.
    """
    entity = entity_of(release, name)
    if entity is None:
        raise Http404(_("The list of this release has no such cancer."))
    return entity
