"""Views of comparisons, countries and the data: read a release, give a page."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from rarecare.errors import UsageError, nearest
from rarecare.portal import errors
from rarecare.portal.comparing import areas, behind, sides
from rarecare.portal.comparing.comparison import Comparison, name_of
from rarecare.portal.comparing.measures import Measure, compared_areas, measures
from rarecare.portal.comparing.ways import Ways, area_of, area_slug
from rarecare.portal.estimates.facts import Facts
from rarecare.portal.estimates.search import synonyms_by_entity
from rarecare.portal.estimates.sheet import Asked
from rarecare.portal.estimates.views import SHOWN, entity_of, no_such_cancer
from rarecare.portal.kept import kept, with_release
from rarecare.portal.names import name_text
from rarecare.portal.opened import Entity, OpenedRelease
from rarecare.portal.readers import reader_of, words_language
from rarecare.study import schema

MAPS = ("observed", "shrunken")
SECTION, DATA = "compare", "data"


def readable(view: Any) -> Any:
    """Let a view be read and nothing else: another method is refused as such, not as a form."""
    return csrf_exempt(require_safe(with_release(view)))


def asked_of(request: Any, entity: Entity) -> Asked:
    """Return what is asked of a cancer."""
    return Asked(
        request.release, entity, request.places, reader_of(request).code,
        show_survival=request.GET.get("survival") in SHOWN,
        facts=Facts.of(request.release, entity),
    )  # fmt: skip


def wrong(
    request: Any, error: UsageError, near: list[tuple[str, str]], *, status: int = 404
) -> HttpResponse:
    """Say what was wrong, what is allowed and what is near."""
    return errors.page(request, status=status, error=error, near=near)


@readable
def start(request: Any) -> HttpResponse:
    """Show what can be compared; lead what a form asks to its page."""
    release: OpenedRelease = request.release
    ways, every = Ways(request.places), measures(release)
    cancer, country = request.GET.get("cancer"), request.GET.get("country")
    code = request.GET.get("measure") or next(iter(every))
    if cancer is not None or country is not None:
        if code not in every:
            return _no_such_measure(request, code, every, ways.compare)
        if cancer is not None:
            entity = entity_of(release, cancer)
            if entity is None:
                return no_such_cancer(request, cancer)
            return HttpResponseRedirect(ways.comparison(entity, code))
        area = area_of(release, area_slug(country or ""))
        if area is None:
            return no_such_country(request, country or "")
        family = request.GET.get("family")
        if family and family not in release.entities:
            return no_such_cancer(request, family)
        return HttpResponseRedirect(ways.country(area, code, *([family] if family else [])))
    context = {
        "section": SECTION, "ways": ways, "measures": every.values(),
        "families": _families(release),
        "areas": [(area_slug(area), name_of(release, area)) for area in compared_areas(release)],
        "examples": [(ways.comparison(one, code), one) for one in _examples(release)],
    }  # fmt: skip
    return render(request, "comparing/start.html", context)


def _examples(release: OpenedRelease) -> list[Entity]:
    """Return a few cancers to compare: the first groups with an own number of each family."""
    return [
        children[0] for family in release.children.get("all", []) if family.tier == 0
        if (children := release.children.get(family.entity_id, []))
    ][:6]  # fmt: skip


def _families(release: OpenedRelease) -> list[tuple[Entity, list[Entity]]]:
    found = []
    for family in release.children.get("all", []):
        if family.tier == 0:
            below = [one for group in release.children.get(family.entity_id, [])
                     for one in (group, *release.children.get(group.entity_id, []))]  # fmt: skip
            found.append((family, below))
    return found


@readable
@kept("survival", "map")
def compare(request: Any, name: str, code: str) -> HttpResponse:
    """Show the countries of a cancer side by side."""
    release: OpenedRelease = request.release
    entity = entity_of(release, name)
    if entity is None:
        return no_such_cancer(request, name)
    every, ways = measures(release), Ways(request.places)
    if code not in every:
        return _no_such_measure(request, code, every, ways.comparison(entity, next(iter(every))))
    here = ways.comparison(entity, code)
    shown = request.GET.get("map", MAPS[0])
    if shown not in MAPS:
        error = UsageError(_("there is no such map"), value=shown[:100], allowed=MAPS)
        return wrong(request, error, [(here, entity.name)], status=400)
    survival = request.GET.get("survival")
    if survival is not None and survival not in SHOWN:
        error = UsageError(_("survival is not understood"), value=survival[:100], allowed=SHOWN)
        return wrong(request, error, [(here, entity.name)], status=400)
    asked = asked_of(request, entity)
    with override(words_language(request)):
        comparison = Comparison.of(asked, measures(release)[code])
        blocks = comparison.blocks(shown)
    hidden = every[code].survival and not asked.chosen
    context = {
        "section": SECTION, "ways": ways, "entity": entity, "measure": every[code],
        "line": release.line(entity), "hidden": hidden, "here": here, "map": shown,
        "others": [(ways.comparison(entity, other.code), other.title, other.code == code)
                   for other in every.values()],
        "maps": _maps(here, shown, every[code], survival),
        "comparison": None if hidden else comparison,
        "blocks": () if hidden else blocks,
        "canonical": here, "permanent": ways.permanent(here),
    }  # fmt: skip
    return render(request, "comparing/compare.html", context)


def _maps(
    here: str, shown: str, measure: Measure, survival: str | None
) -> list[tuple[str, str, bool]]:  # fmt: skip
    """Return the choice between the maps: address, name, whether it is shown."""
    if not measure.shrunken:
        return []
    also = "&survival=show" if survival else ""
    names = {"observed": _("Observed"), "shrunken": _("Shrunken towards the mean")}
    return [(f"{here}?map={one}{also}#map", names[one], one == shown) for one in MAPS]


@readable
@kept()
def countries(request: Any) -> HttpResponse:
    """Show the countries of a release."""
    with override(words_language(request)):
        lines = areas.country_lines(request.release, request.places)
    context = {"section": SECTION, "ways": Ways(request.places), "lines": lines}
    return render(request, "comparing/countries.html", context)


@readable
@kept("survival")
def country(request: Any, name: str) -> HttpResponse:
    """Show a country for those who plan."""
    release: OpenedRelease = request.release
    area = area_of(release, name)
    if area is None:
        return no_such_country(request, name)
    with override(words_language(request)):
        page = areas.country_page(release, area, request.places, survival=_chosen(request))
    ways = Ways(request.places)
    context = {"section": SECTION, "ways": ways, "area": area, "here": ways.country(area),
               "name": name_of(release, area), "page": page}  # fmt: skip
    return render(request, "comparing/country.html", context)


@readable
@kept("survival")
def cancers_of(request: Any, name: str, code: str, family: str | None = None) -> HttpResponse:
    """Show the cancers of a country side by side: the families, or those of one family."""
    release: OpenedRelease = request.release
    area = area_of(release, name)
    if area is None:
        return no_such_country(request, name)
    every, ways = measures(release), Ways(request.places)
    if code not in every:
        return _no_such_measure(request, code, every, ways.country(area, next(iter(every))))
    if family is not None and family not in release.entities:
        return no_such_cancer(request, family)
    measure = every[code]
    hidden = measure.survival and not _chosen(request)
    with override(words_language(request)):
        side = None if hidden else sides.side_by_side(
            release, area, measures(release)[code], family, ways=ways,
            reader=reader_of(request).code,
        )  # fmt: skip
    context = {
        "section": SECTION, "ways": ways, "area": area, "name": name_of(release, area),
        "country_address": ways.country(area), "measure": measure,
        "family": release.entities.get(family or ""), "hidden": hidden,
        "here": ways.country(area, code, *([family] if family else [])),
        "others": [(ways.country(area, other.code, *([family] if family else [])), other.title,
                    other.code == code) for other in every.values()],
        "side": side,
    }  # fmt: skip
    return render(request, "comparing/cancers_of.html", context)


@readable
@kept()
def quality(request: Any) -> HttpResponse:
    """Show the data behind a release: checks, what was left out, choices, inputs."""
    with override(words_language(request)):
        page = behind.of_release(request.release, request.places)
    context = {"section": DATA, "ways": Ways(request.places), "page": page}
    return render(request, "comparing/quality.html", context)


@readable
@kept()
def registry(request: Any, registry: str) -> HttpResponse:
    """Show the data of a registry."""
    known = behind.registries(request.release)
    ways = Ways(request.places)
    if registry not in known:
        near = nearest(registry, known)
        error = UsageError(_("this release has no such registry"), value=registry[:100],
                           allowed=known)  # fmt: skip
        shown = [near] if near else known[:5]
        return wrong(request, error, [(ways.registry(one), one) for one in shown])
    with override(words_language(request)):
        page = behind.of_registry(request.release, registry)
    context = {"section": DATA, "ways": ways, "registry": registry, "page": page}
    return render(request, "comparing/registry.html", context)


@readable
@kept()
def data_of(request: Any, name: str) -> HttpResponse:
    """Show the data behind a cancer."""
    entity = entity_of(request.release, name)
    if entity is None:
        return no_such_cancer(request, name)
    ways = Ways(request.places)
    with override(words_language(request)):
        page = behind.of_entity(request.release, entity)
    context = {"section": DATA, "ways": ways, "entity": entity,
               "line": request.release.line(entity), "canonical": ways.data_of(entity),
               "page": page}  # fmt: skip
    return render(request, "comparing/data_of.html", context)


@readable
@kept()
def interface(request: Any) -> HttpResponse:
    """Show how programs read the release."""
    from rarecare.portal.api.views import RATE, api  # noqa: PLC0415 - the interface stands alone

    paths = [
        {"path": path, "words": operation["summary"], "parameters": [
            one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]}
        for path, methods in api.get_openapi_schema()["paths"].items()
        for operation in (methods["get"],)
    ]  # fmt: skip
    context = {"section": DATA, "ways": Ways(request.places), "paths": paths,
               "rate": RATE.removesuffix("/m")}  # fmt: skip
    return render(request, "comparing/interface.html", context)


@readable
@kept()
def names(request: Any) -> HttpResponse:
    """Show every name of the list, A to Z: an index that needs no search."""
    release: OpenedRelease = request.release
    found: dict[str, list[tuple[str, Entity, bool]]] = {}
    for entity in release.entities.values():
        own = [(name, True) for name in dict.fromkeys((name_text(entity.name), entity.name))]
        own += [(name, False) for name in synonyms_by_entity().get(entity.entity_id, ())]
        for text, main in own:
            found.setdefault(text[:1].upper(), []).append((text, entity, main))
    letters = [(letter, sorted(lines, key=lambda line: line[0].lower()))
               for letter, lines in sorted(found.items())]  # fmt: skip
    context = {"section": "cancers", "ways": Ways(request.places), "letters": letters}
    return render(request, "comparing/names.html", context)


def _chosen(request: Any) -> bool:
    return reader_of(request).code != "patient" or request.GET.get("survival") in SHOWN


def no_such_country(request: Any, name: str) -> HttpResponse:
    """Say that the release has no such country, and which it has."""
    release: OpenedRelease = request.release
    ways = Ways(request.places)
    known = {area_slug(area): area for area in (schema.ALL, *release.areas)
             if area == schema.ALL or release.areas[area]["kind"] != "registry"}  # fmt: skip
    close = nearest(name, list(known))
    shown = [known[close]] if close else compared_areas(release)[:8]
    error = UsageError(_("this release has no such country"), value=name[:100], allowed=known)
    return wrong(request, error, [(ways.country(area), name_of(release, area)) for area in shown])


def _no_such_measure(
    request: Any, code: str, every: dict[str, Measure], way_on: str
) -> HttpResponse:  # fmt: skip
    error = UsageError(_("this cannot be compared"), value=code[:100], allowed=every)
    return wrong(request, error, [(way_on, next(iter(every.values())).title)])
