"""The data behind a release, a registry, a cancer: what arrived, what was left out, checks."""

from __future__ import annotations

from typing import Any

import polars as pl
from django.utils.translation import gettext as _

from rarecare.portal import numbers
from rarecare.portal.comparing.ways import Ways
from rarecare.portal.estimates import words
from rarecare.portal.estimates.behind import behind_facts
from rarecare.portal.estimates.definition import definition_of
from rarecare.portal.estimates.facts import Facts
from rarecare.portal.opened import Entity, OpenedRelease
from rarecare.portal.places import Places
from rarecare.results import NOT_ESTIMABLE, OK, WITHHELD
from rarecare.study import schema
from rarecare.study.report.content import accounting_by_registry


def registries(release: OpenedRelease) -> list[str]:
    """Return the registries, by name."""
    tables = release.release.quality, release.release.exclusions
    named = {str(name) for table in tables for name in table["registry"].unique()}
    return sorted(named - {schema.ALL})


def of_release(release: OpenedRelease, places: Places) -> dict[str, Any]:
    """Return what a page says of the data of a release."""
    manifest, ways = release.manifest, Ways(places)
    quality = _whole(release)
    indicators = quality["indicator"].unique(maintain_order=True).to_list()
    by = {(row["registry"], row["indicator"]): row for row in quality.iter_rows(named=True)}
    checks = {
        "caption": _("Checks by registry, percent; all cancers of the list together"),
        "columns": indicators, "first": _("Registry"), "english": True,
        "lines": [{"name": name, "address": ways.registry(name),
                   "cells": [_share(by.get((name, one))) for one in indicators]}
                  for name in registries(release)],
    }  # fmt: skip
    accounts = []
    for purpose in release.release.exclusions["purpose"].unique(maintain_order=True):
        reasons, rows = accounting_by_registry(release.release, purpose)
        accounts.append({
            "purpose": purpose,
            "table": {
                "caption": _("Records read, left out by the first reason that holds, and kept"),
                "columns": reasons, "first": _("Registry"), "english": True,
                "lines": [{"name": row[0], "cells": [{"value": numbers.number(one or 0)}
                                                     for one in row[1:]]} for row in rows],
            },
        })  # fmt: skip
    rule = manifest["disclosure"]
    withheld = {
        "caption": _("Numbers of this release, and those that are not shown"),
        "columns": [_("Rows"), _("Withheld: few people"), _("Withheld: else few could be "
                                                            "worked out")],
        "first": _("Measure"),
        "lines": [{"name": row["measure"], "lang": "en", "cells": [
            {"value": numbers.number(row[name])} for name in ("rows", "primary", "secondary")]}
            for row in rule.get("summary", [])],
    }  # fmt: skip
    return {
        "checks": checks, "accounts": accounts, "rule": rule.get("words", ""),
        "withheld": withheld,
        "methods": behind_facts(release, lambda text: text)["methods"],
        "inputs": manifest.get("inputs", []), "notes": manifest.get("notes", []),
        "registries": registries(release),
    }  # fmt: skip


def of_registry(release: OpenedRelease, name: str) -> dict[str, Any]:
    """Return what a page says of a registry."""
    quality = _whole(release).filter(registry=name)
    checks = _checks(quality, _("Checks, all cancers of the list together"))
    accounts = [
        {"purpose": purpose, "table": {
            "caption": _("Records read, left out by the first reason that holds, and kept"),
            "columns": [_("Records"), _("Remark")], "first": _("Reason"),
            "lines": [{"name": row["reason"], "lang": "en", "cells": [
                {"value": numbers.number(row["records"])}, {"value": row["note"] or "–"}]}
                for row in part.sort("order").iter_rows(named=True)],
        }}
        for (purpose,), part in release.release.exclusions.filter(registry=name).group_by(
            "purpose", maintain_order=True
        )
    ]  # fmt: skip
    notes = [text.partition(": ")[2] for text in release.manifest.get("notes", [])
             if text.startswith(f"{name}: ")]  # fmt: skip
    return {"checks": checks, "accounts": accounts, "notes": notes,
            "inputs": [one for one in release.manifest.get("inputs", [])
                       if one.get("registry") == name]}  # fmt: skip


def of_entity(release: OpenedRelease, entity: Entity) -> dict[str, Any]:
    """Return what a page says of the data behind a cancer."""
    frame = release.frame(entity.entity_id)
    counts = frame.group_by("measure", maintain_order=True).agg(
        *((pl.col("status") == status).sum().alias(status)
          for status in (OK, WITHHELD, NOT_ESTIMABLE))
    )  # fmt: skip
    shown = {
        "caption": _("Numbers of this cancer in the release"),
        "columns": [_("Shown"), _("Withheld"), _("Not estimable")], "first": _("Measure"),
        "lines": [{"name": row["measure"], "lang": "en", "cells": [
            {"value": numbers.number(row[status])} for status in (OK, WITHHELD, NOT_ESTIMABLE)]}
            for row in counts.iter_rows(named=True)],
    }  # fmt: skip
    reasons = (
        frame.filter(pl.col("reason").is_not_null())
        .group_by("status", "reason").len().sort("len", descending=True)
    )  # fmt: skip
    why = {
        "caption": _("Why numbers are not shown, and remarks on those that are"),
        "columns": [_("Numbers")], "first": _("Reason"),
        "lines": [{"name": f"{row['status']}: {row['reason']}", "lang": "en",
                   "cells": [{"value": numbers.number(row["len"])}]}
                  for row in reasons.head(20).iter_rows(named=True)],
    }  # fmt: skip
    facts = Facts.of(release, entity)
    own = release.release.quality.filter(entity_id=entity.entity_id, period=schema.ALL)
    checks = _checks(own, _("Checks of the cases of this cancer, all registries together"))
    return {"shown": shown, "why": why, "checks": checks if own.height else None,
            "definition": definition_of(release, entity, facts),
            "behind": behind_facts(
                release, lambda text: words.said(text, synthetic=release.synthetic)
            )}  # fmt: skip


def _whole(release: OpenedRelease) -> pl.DataFrame:
    """Return the rows of quality of all cancers together and all years."""
    return release.release.quality.filter(entity_id=schema.ALL, period=schema.ALL)


def _checks(quality: pl.DataFrame, caption: str) -> dict[str, Any]:
    """Return a table of checks: a line each, the share with what it is a share of."""
    return {
        "caption": caption,
        "columns": [_("Percent"), _("Records"), _("Of")], "first": _("Check"),
        "lines": [{"name": row["indicator"], "lang": "en", "cells": [
            _share(row), *({"value": numbers.number(row[one])} if row[one] is not None
                           else {"state": words.state(None)}
                           for one in ("numerator", "denominator"))]}
            for row in quality.iter_rows(named=True)],
    }  # fmt: skip


def _share(row: dict[str, Any] | None) -> dict[str, Any]:
    if row is None or row["value"] is None:
        return {"state": words.state(row), "reason": row["reason"] if row else ""}
    return {"value": numbers.number(row["value"], decimals=1)}
