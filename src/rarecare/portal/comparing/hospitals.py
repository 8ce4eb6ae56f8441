"""Needs of care and hospitals of a country, by family; nothing is computed here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
from django.utils.translation import gettext as _

from rarecare.portal.comparing.ways import Ways
from rarecare.portal.estimates.care import (
    ANY,
    CENTRALISATION,
    NEEDS,
    VOLUMES,
    cell,
    needs_title,
    volume_titles,
)
from rarecare.portal.names import name_text, named
from rarecare.portal.opened import Entity, OpenedRelease
from rarecare.study import schema

_MOST = 60
"""Hospitals shown; the file of the release has the rest."""


def needs(
    release: OpenedRelease, own: Sequence[Entity], area: str, ways: Ways
) -> dict[str, Any] | None:  # fmt: skip
    """Return patients to be treated and centres needed by family, or None without any."""
    columns = {m: needs_title(told) for m, told in release.care.items() if told["topic"] == NEEDS}
    return _by_family(
        release,
        own,
        area,
        ways,
        columns=columns,
        caption=_("Needs a year, 95% interval in brackets"),
    )


def volumes(
    release: OpenedRelease, own: Sequence[Entity], area: str, ways: Ways
) -> dict[str, Any] | None:  # fmt: skip
    """Return hospitals and their patients by family, or None without any."""
    measures = {told["statistic"]: m for m, told in release.care.items()
                if told["topic"] == CENTRALISATION and told["treatment"] == ANY}  # fmt: skip
    columns = {
        measures[statistic]: title
        for statistic, title in zip(VOLUMES, volume_titles(), strict=True)
        if statistic in measures
    }
    return _by_family(
        release, own, area, ways, columns=columns,
        caption=_("Hospitals that treat them, any treatment; these counts have no interval"),
    )  # fmt: skip


def _by_family(
    release: OpenedRelease, own: Sequence[Entity], area: str, ways: Ways, *,
    columns: dict[str, str], caption: str,
) -> dict[str, Any] | None:  # fmt: skip
    found = {
        entity: {m: release.row(entity.entity_id, m, area=area, age_group=schema.ALL)
                 for m in columns}
        for entity in own
    }  # fmt: skip
    shown = [m for m in columns if any(rows[m] is not None for rows in found.values())]
    if not shown:
        return None
    lines = [
        {"name": named(entity.name), "strong": entity.tier < 0,
         "address": ways.places.cancer(entity), "cells": [cell(rows[m]) for m in shown]}
        for entity, rows in found.items()
    ]  # fmt: skip
    return {"caption": caption, "columns": [columns[m] for m in shown], "lines": lines,
            "first": _("Cancer")}  # fmt: skip


def each(release: OpenedRelease, entity: Entity | None, area: str) -> dict[str, Any] | None:
    """Return the patients a year of each hospital, without names, or None without any."""
    measure = next(
        (m for m, told in release.care.items()
         if told["statistic"] == "hospital volume" and told["treatment"] == ANY), None,
    )  # fmt: skip
    if entity is None or measure is None:
        return None
    rows = release.release.hospitals.filter(
        pl.col("area") == area, pl.col("measure") == measure,
        pl.col("entity_id") == entity.entity_id,
    )  # fmt: skip
    if rows.is_empty():
        return None
    smaller = _("Smaller hospitals, together")
    lines = [
        {"name": row["hospital"] if row["hospital"].isdigit() else smaller,
         "cells": [{"value": str(row["hospitals"])}, cell(row)]}
        for row in rows.head(_MOST).iter_rows(named=True)
    ]  # fmt: skip
    return {
        "caption": _("%(name)s: hospitals without names, by the number of their patients; interval "
                     "in brackets") % {"name": name_text(entity.name)},
        "columns": [_("Hospitals"), _("Patients a year")], "lines": lines,
        "first": _("Hospital"), "cut": rows.height > _MOST,
    }  # fmt: skip
