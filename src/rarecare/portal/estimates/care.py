"""Care of a cancer: stage at diagnosis, indicators, volumes and needs; nothing is computed here.

A release gives care for the entities of its study only, mostly families: where a cancer has none
of its own, the page says so and names the nearest of its parents that has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from rarecare.portal import numbers
from rarecare.portal.estimates import words
from rarecare.portal.estimates.facts import Row, ok
from rarecare.portal.estimates.rows import country_rows
from rarecare.portal.opened import Entity, OpenedRelease, once
from rarecare.study import schema
from rarecare.study.care_rows import OF_STRATUM

INDICATOR, CENTRALISATION, NEEDS = "indicator", "centralisation", "needs"
ANY = "any treatment"
VOLUMES = (
    "hospitals", "hospitals per 10 million inhabitants", "median volume",
    "volume as a patient meets it", "hospitals that together treat 75 %",
)  # fmt: skip
"""Statistics of a table of volumes, of all treatments together."""

_STAGE, _NOT_KNOWN = "Stage at diagnosis", "share not known"
_STAGES = ("localised", "regional", "distant", "I", "II", "III", "IV")
_WITHIN = "share within threshold"
_RANGE = ("lower quartile", "upper quartile", "90th percentile")
Write = Callable[[float], str]


def nearest_with_care(release: OpenedRelease, entity: Entity, topic: str) -> Entity | None:
    """Return the cancer itself if the release has care of it, else the nearest parent that has."""
    having = release.cared_for.get(topic, frozenset())
    line = (entity, *reversed(release.line(entity)))
    return next((one for one in line if one.entity_id in having), None)


def stage_table(release: OpenedRelease, entity: Entity) -> dict[str, Any] | None:
    """Return the stages at diagnosis of all countries together, or None without any."""
    found = {
        told["category"] or told["statistic"]: _whole(release, entity, measure)
        for measure, told in release.care.items()
        if told["title"] == _STAGE
    }
    stages = [name for name in _STAGES if found.get(name) is not None]
    if not stages:
        return None
    titles = {"localised": _("Localised"), "regional": _("Regional"), "distant": _("Distant")}
    lines = [
        {"name": titles.get(name, name), "cells": [cell(found[name]), people(found[name])]}
        for name in stages
    ]
    lines.append({"name": _("Stage not known, of all"), "cells": [
        cell(found.get(_NOT_KNOWN)), people(found.get(_NOT_KNOWN))]})  # fmt: skip
    return {
        "caption": _("Stage at diagnosis, percent of those whose stage is known; 95% interval in "
                     "brackets"),
        "columns": [_("Percent"), _("People")], "lines": lines,
    }  # fmt: skip


def indicator_table(release: OpenedRelease, entity: Entity) -> dict[str, Any] | None:
    """Return the indicators of care of all countries together, or None without any.

    Those of one stage or year stand in the release's report and tables alone.
    """
    lines = []
    explained = {
        measure: told for measure, told in release.care.items()
        if told["topic"] == INDICATOR and not re.search(OF_STRATUM, told["statistic"])
    }  # fmt: skip
    unknown = {
        told["indicator"]: _whole(release, entity, measure)
        for measure, told in explained.items()
        if told["statistic"] == _NOT_KNOWN
    }
    for measure, told in explained.items():
        row = _whole(release, entity, measure)
        if row is None or told["title"] == _STAGE or told["statistic"] in (_NOT_KNOWN, *_RANGE):
            continue
        lines.append({"name": _indicator_name(told), "cells": [
            cell(row), {"value": _unit(row)}, people(row), cell(unknown.get(told["indicator"])),
            {"value": _target(told)}, {"value": _english(f"{told['source']} ({told['sureness']})")},
        ]})  # fmt: skip
    if not lines:
        return None
    return {
        "caption": _("Indicators of care, all countries together; 95% interval in brackets"),
        "columns": [_("Value"), _("Unit"), _("People"), _("Not known (%)"), _("Aim"),
                    _("Source and how sure")],
        "lines": lines,
    }  # fmt: skip


def volume_table(release: OpenedRelease, entity: Entity) -> dict[str, Any] | None:
    """Return hospitals and their patients by country, or None without any."""
    columns = {told["statistic"]: measure for measure, told in release.care.items()
               if told["topic"] == CENTRALISATION and told["treatment"] == ANY}  # fmt: skip
    rows = {
        statistic: {row["area"]: row
                    for row in country_rows(release, entity, columns.get(statistic, ""))}
        for statistic in VOLUMES
    }  # fmt: skip
    areas = sorted(
        {area for own in rows.values() for area in own},
        key=lambda area: _area(release, area),
    )
    if not areas:
        return None
    return {
        "caption": _("Hospitals that treat it, by country; these counts have no interval"),
        "columns": volume_titles(),
        "lines": [
            {"name": _area(release, area),
             "cells": [cell(rows[statistic].get(area)) for statistic in VOLUMES]}
            for area in areas
        ],
    }  # fmt: skip


def volume_titles() -> list[str]:
    """Return the headings of ``VOLUMES``."""
    return [_("Hospitals"), _("Per 10 million inhabitants"), _("Patients a year, median hospital"),
            _("Patients a year, as a patient meets it"),
            _("Hospitals that together treat 75%")]  # fmt: skip


def needs_table(release: OpenedRelease, entity: Entity) -> dict[str, Any] | None:
    """Return patients to be treated and centres needed, all countries together, or None."""
    lines = []
    for measure, told in release.care.items():
        row = _whole(release, entity, measure) if told["topic"] == NEEDS else None
        if row is not None:
            source = {"value": _english(told["source"])}
            cells = [cell(row), {"value": _unit(row)}, source]
            lines.append({"name": needs_title(told), "cells": cells})
    if not lines:
        return None
    return {
        "caption": _("Needs a year, all countries together; 95% interval in brackets"),
        "columns": [_("Value"), _("Unit"), _("Source")], "lines": lines,
    }  # fmt: skip


def needs_title(told: Mapping[str, Any]) -> str:
    """Return what is needed, in words."""
    treatment = {
        "surgery": _("surgery"), "radiotherapy": _("radiotherapy"),
        "systemic": _("systemic treatment"), ANY: _("any treatment"),
    }.get(told["treatment"], told["treatment"] or "")  # fmt: skip
    if told["threshold"] is not None:
        return _("Centres needed for %(treatment)s, each with %(number)s patients a year") % {
            "treatment": treatment, "number": numbers.short(told["threshold"]),
        }  # fmt: skip
    return _("Patients to be treated: %(treatment)s") % {"treatment": treatment}


def cell(row: Row | None) -> dict[str, Any]:
    """Return a cell of care: shares in percent, other numbers as they are, or why there is none."""
    if row is None or not ok(row):
        return {"state": words.state(row), "reason": row["reason"] if row else ""}
    write = _writer(row)
    interval = "" if row["lower"] is None else words.dashed(row, write)
    return {"value": write(row["estimate"]), "interval": interval}


def people(row: Row | None) -> dict[str, Any]:
    """Return the people of a denominator."""
    if row is None or row["at_risk"] is None:
        return {"state": words.state(row), "reason": row["reason"] if row else ""}
    return {"value": numbers.number(row["at_risk"])}


def _writer(row: Row) -> Write:
    if row["unit"] == "share":
        return numbers.percent
    return numbers.people if row["unit"] == "days" else _short


def _short(value: float) -> str:
    return numbers.number(value, decimals=0 if value == round(value) or value >= 100 else 1)


def _unit(row: Row) -> str:
    return {
        "share": "%", "days": _("days"), "patients per year": _("patients a year"),
        "centres": _("centres"), "hospitals": _("hospitals"),
    }.get(row["unit"], str(row["unit"]))  # fmt: skip


def _whole(release: OpenedRelease, entity: Entity, measure: str) -> Row | None:
    return release.row(entity.entity_id, measure, age_group=schema.ALL)


def _indicator_name(told: Mapping[str, Any]) -> SafeString:
    """Return an indicator with its number; what it measures is English, as in the release."""
    title = told["title"]
    if told["statistic"] != "share":
        title = f"{title}: {told['statistic']}"
    return format_html('{} <span lang="en">{}</span>', told["indicator"], title)


def _target(told: Mapping[str, Any]) -> str:
    """Return which way is better, and the threshold where there is one."""
    within = told["statistic"] == _WITHIN  # a time is better short, a share within it better high
    direction = "higher" if within else told["direction"]
    way = {"higher": _("higher"), "lower": _("lower")}.get(direction, "–")
    if told["threshold"] is None:
        return way
    limit = f"{numbers.short(told['threshold'])} {told['threshold_unit'] or ''}".strip()
    return f"{way} ({limit})"


def _english(text: str) -> SafeString:
    return format_html('<span lang="en">{}</span>', text)


def _area(release: OpenedRelease, area: str) -> str:
    row = release.areas[area]
    return numbers.country(row["country"] or area, row["name"])


MAKERS: dict[str, tuple[str, Callable[[OpenedRelease, Entity], dict[str, Any] | None]]] = {
    "stage": (INDICATOR, stage_table), INDICATOR: (INDICATOR, indicator_table),
    CENTRALISATION: (CENTRALISATION, volume_table), NEEDS: (NEEDS, needs_table),
}  # fmt: skip
"""Topic of the measures, and the table, of what a page shows."""


@once
def _table(
    release: OpenedRelease, entity: Entity, name: str, language: str
) -> dict[str, Any] | None:  # fmt: skip
    """Return a table; all cancers of a family share those of the family."""
    del language  # of the request
    return MAKERS[name][1](release, entity)


def care_parts(
    release: OpenedRelease, entity: Entity, topics: Sequence[str]
) -> list[dict[str, Any]]:  # fmt: skip
    """Return the tables of some topics: each with the cancer it is of, or that there is none.

    Parameters
    ----------
    topics
        Of ``"stage"``, ``"indicator"``, ``"centralisation"``, ``"needs"``, in their order.
    """
    absent = {
        "stage": _("This release holds no stage at diagnosis of this cancer."),
        INDICATOR: _("This release holds no indicators of care of this cancer."),
        CENTRALISATION: _("This release holds no figures on the hospitals of this cancer."),
        NEEDS: _("This release holds no needs of care of this cancer."),
    }
    parts = []
    for topic in topics:
        of = nearest_with_care(release, entity, MAKERS[topic][0])
        table = _table(release, of, topic, get_language() or "") if of is not None else None
        parts.append({
            "name": topic, "table": table, "absent": absent[topic],
            "of": of if table is not None and of is not entity else None,
        })  # fmt: skip
    return parts
