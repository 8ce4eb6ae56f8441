"""The cancers of a country side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from rarecare.figures import Figure
from rarecare.portal import numbers
from rarecare.portal.comparing import drawing
from rarecare.portal.comparing.comparison import cell, line_of, name_of, people_cell
from rarecare.portal.comparing.measures import Measure, Row, measures
from rarecare.portal.comparing.ways import Ways, area_slug
from rarecare.portal.estimates import words
from rarecare.portal.estimates.drawings import NARROW, WIDE
from rarecare.portal.estimates.facts import ok
from rarecare.portal.estimates.figures import FigureBlock
from rarecare.portal.estimates.pictures import on_disk, spec_of
from rarecare.portal.estimates.sizes import Size, size_of
from rarecare.portal.names import name_text, named
from rarecare.portal.opened import Entity, OpenedRelease, once
from rarecare.study import schema

CANCERS = "cancers"


@dataclass(frozen=True, slots=True)
class Side:
    """Cancers of a country by one measure.

    Attributes
    ----------
    figure, table
        The drawing with its table; people and values, with addresses of the cancers.
    overlap
        What may be said of differences.
    """

    figure: FigureBlock
    table: dict[str, Any]
    overlap: str


def cancers(release: OpenedRelease, family: str | None) -> list[Entity]:
    """Return the families, or what lies below one: groups and the entities in them."""
    if family is None:
        return [one for one in release.children.get(schema.ALL, []) if one.tier == 0]
    found = []
    for group in release.children.get(family, []):
        found += [group, *release.children.get(group.entity_id, [])]
    return found or [release.entities[family]]


def side_by_side(
    release: OpenedRelease, area: str, measure: Measure, family: str | None, *, ways: Ways,
    reader: str,
) -> Side:  # fmt: skip
    """Return the cancers of a country side by side."""
    rows = [(entity, measure.row(release, entity, area)) for entity in cancers(release, family)]
    parts = [measure.code, *([family] if family else [])]
    here, drawn_at = (way.country(area, *parts) for way in (ways, ways.spoken()))
    title = _("Cancers side by side")
    place = name_of(release, area)
    known = [(entity, row) for entity, row in rows if row is not None]
    sub = f"{measure.title}, {measure.unit}; {place}; " + _("diagnosed %(period)s") % {
        "period": numbers.years(release.period)
    } + "."  # fmt: skip
    study = release.manifest["study"]["title"]
    kind = _("invented data") if release.synthetic else _("release")
    figure = FigureBlock(
        CANCERS, title, sub,
        _("A dot on its 95%% interval. %(caution)s") % {"caution": measure.caution},
        words.said(
            _("%(measure)s of %(number)s cancers in %(place)s. The table has every number.") % {
                "measure": measure.title, "number": numbers.number(sum(ok(r) for _e, r in known)),
                "place": place,
            }, synthetic=release.synthetic),
        [_("Cancer"), f"{measure.title} ({measure.unit})", _("95% interval"), _("People")],
        [line_of(measure, named(entity.name), row) for entity, row in known],
        permanent=ways.permanent(f"{here}#{CANCERS}"),
        cite=_("%(place)s: %(title)s. In: %(study)s. Rarecare, %(kind)s %(release)s.") % {
            "place": place, "title": measure.title, "study": study, "kind": kind,
            "release": release.name},
        number=1,
    )  # fmt: skip
    if known:
        figure.files = [("CSV", f"{drawn_at}{CANCERS}.csv")]
    if any(drawing.drawable(measure, row) for _entity, row in rows):
        figure.wide, figure.narrow = (f"{drawn_at}{CANCERS}-{w}.svg" for w in ("wide", "narrow"))
        figure.wide_size, figure.narrow_size = (
            size(release, area, measure.code, family, narrow=narrow) for narrow in (False, True)
        )
        figure.files = [*figure.files, *((s.upper(), f"{drawn_at}{CANCERS}.{s}")
                                         for s in ("svg", "png"))]  # fmt: skip
    else:
        held = next((row for _entity, row in rows if row is not None and not ok(row)), None)
        figure.missing = words.missing(reader, held)
        figure.look = {"withheld": "hatch-withheld", "not estimable": "hatch-ne"}.get(
            held["status"] if held else "", "nodata"
        )
    strong = 0 if family is None else 1
    lines = [
        {"name": named(entity.name), "strong": entity.tier == strong,
         "address": ways.country(area, measure.code, entity.entity_id) if entity.tier == 0
         else ways.comparison(entity, measure.code),
         "cells": [people_cell(row), cell(measure, row)]}
        for entity, row in rows
    ]  # fmt: skip
    table = {
        "caption": _("%(measure)s in %(place)s, 95%% interval in brackets") % {
            "measure": measure.title, "place": place},
        "columns": [_("People"), f"{measure.title} ({measure.unit})"], "lines": lines,
        "first": _("Cancer"),
    }  # fmt: skip
    return Side(figure, table, _(
        "Where the intervals of two cancers overlap, the figures do not show a difference "
        "between them. Families and groups hold the cancers below them: their people are "
        "counted in both."
    ))  # fmt: skip


def rows_of(
    release: OpenedRelease, area: str, code: str, family: str | None
) -> list[tuple[Entity, Row]]:  # fmt: skip
    """Return the cancers that have a row, in the order of the list."""
    measure = measures(release)[code]
    rows = ((entity, measure.row(release, entity, area)) for entity in cancers(release, family))
    return [(entity, row) for entity, row in rows if row is not None]


def drawn(
    release: OpenedRelease, area: str, code: str, family: str | None, *, narrow: bool, bare: bool
) -> str | None:  # fmt: skip
    """Return the drawing as SVG, or None where there is nothing to draw."""
    kind = f"{'narrow' if narrow else 'wide'}{'-bare' if bare else ''}"
    name = f"{area_slug(area)}-{code}-{family or 'families'}-{kind}"
    width = NARROW if narrow else WIDE
    return on_disk(
        release, name, lambda: _figure(release, area, code, family, width, bare=bare)
    )  # fmt: skip


@once
def size(
    release: OpenedRelease, area: str, code: str, family: str | None, *, narrow: bool
) -> Size | None:  # fmt: skip
    """Return width and height that a page keeps for the drawing, or None."""
    width = NARROW if narrow else WIDE
    return size_of(lambda: _figure(release, area, code, family, width, bare=True), width)


def specification(
    release: OpenedRelease, area: str, code: str, family: str | None, *, narrow: bool, bare: bool
) -> bytes | None:  # fmt: skip
    """Return the drawing to explore as Vega-Lite in JSON, or None without anything to draw."""
    width = NARROW if narrow else WIDE
    return spec_of(lambda: _figure(release, area, code, family, width, bare=bare))


def _figure(
    release: OpenedRelease, area: str, code: str, family: str | None, width: float, *, bare: bool
) -> Figure | None:  # fmt: skip
    measure = measures(release)[code]
    rows = rows_of(release, area, code, family)
    if not any(drawing.drawable(measure, row) for _entity, row in rows):
        return None
    title = f"{name_of(release, area)}: {words.inside(measure.label)}"
    head: dict[str, Any] = {"title": "" if bare else title, "synthetic": release.synthetic,
                            "width": width}  # fmt: skip
    if not bare:
        head["subtitle"] = _("Diagnosed %(period)s") % {"period": numbers.years(release.period)}
    lines = [(f"{entity.entity_id} {name_text(entity.name)}", row) for entity, row in rows]
    made = drawing.dots(measure, lines, head)
    return replace(made, title=title) if bare else made
