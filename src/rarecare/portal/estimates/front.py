"""The start page's numbers: the share of rare cancers, and the families."""

from __future__ import annotations

from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from rarecare.portal import numbers
from rarecare.portal.estimates import words
from rarecare.portal.estimates.facts import ok
from rarecare.portal.estimates.keys import Ruler, round_end, ruler_of
from rarecare.portal.opened import OpenedRelease, once
from rarecare.study import schema
from rarecare.study.entities import ALL, RARE

EXAMPLES = ("08.02.01", "08.02.03", "13.01.02")
"""Entities the hint below the search names, as far as the release has them."""


def front(release: OpenedRelease) -> dict[str, Any]:
    """Return what the start page shows."""
    return _front(release, get_language())


@once
def _front(release: OpenedRelease, language: str) -> dict[str, Any]:
    del language  # numbers and words follow the language of the request
    families = [entity for entity in release.children.get(ALL, []) if entity.tier == 0]
    rates = {
        one.entity_id: release.row(
            one.entity_id, schema.INCIDENCE, age_group=ALL, standard=schema.NONE,
            period=release.period,
        )
        for one in families
    }  # fmt: skip
    end = round_end(max((row["upper"] for row in rates.values() if row and ok(row)), default=1.0))
    rows = []
    for family in families:
        row = rates[family.entity_id]
        below = sum(one.family == family.family and one.tier > 0
                    for one in release.entities.values())  # fmt: skip
        drawn: Ruler | None = None
        if row is not None and ok(row):
            drawn = ruler_of(row["estimate"], row["lower"], row["upper"], end, length=104)
        rows.append({
            "entity": family, "below": below, "ruler": drawn,
            "value": numbers.number(row["estimate"], decimals=1) if row and ok(row) else "",
            "state": words.state(row),
        })  # fmt: skip
    return {
        "families": rows,
        "end": numbers.short(end),
        "share": _share(release),
        "examples": [release.entities[one] for one in EXAMPLES if one in release.entities],
        "doors": True,
    }


def _share(release: OpenedRelease) -> dict[str, Any] | None:
    """Return how many of 100 new cancers are rare, where the release holds both counts."""
    counts = {
        one: release.row(one, schema.INCIDENCE, age_group=ALL, standard=schema.NONE,
                         period=release.period)
        for one in (ALL, RARE)
    }  # fmt: skip
    whole, rare = counts[ALL], counts[RARE]
    if whole is None or rare is None or not ok(whole) or not ok(rare) or not whole["n"]:
        return None
    filled = round(100 * rare["n"] / whole["n"])
    return {
        "count": filled,
        "dots": [(14 + 20.6 * (k % 20), 14 + 20.6 * (k // 20), _is_filled(k, filled))
                 for k in range(100)],
        "sentence": words.said(
            _("%(rare)s of %(all)s new cancers of the list, diagnosed %(period)s, fall in rare "
              "entities.")
            % {"rare": numbers.number(rare["n"]), "all": numbers.number(whole["n"]),
               "period": numbers.years(release.period)},
            synthetic=release.synthetic,
        ),
    }  # fmt: skip


def _is_filled(place: int, filled: int) -> bool:
    """Return whether a dot is filled: column by column, so that a share is a block."""
    column, row = place % 20, place // 20
    return column * 5 + row < filled
