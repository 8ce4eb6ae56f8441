"""What is counted as a cancer: its codes, how sure they are, and whether it is rare."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.utils.translation import gettext as _

from rarecare.codes import default_list
from rarecare.portal import numbers
from rarecare.portal.estimates.facts import Facts, ok
from rarecare.portal.estimates.search import synonyms_by_entity
from rarecare.portal.opened import Entity, OpenedRelease
from rarecare.study.listing import THRESHOLD_OF_RARITY


@dataclass(frozen=True, slots=True)
class Definition:
    """A cancer as the list has it.

    Attributes
    ----------
    entity
        Which.
    tier
        What kind of group it is, in words.
    line
        Its parents, the family first.
    rules
        Topography, morphology, behaviour and sex of each rule; empty where the release was made
        with another list than the one at hand, or the group has no rules of its own.
    notes
        The list's remark on its codes.
    rare
        Whether it is rare by the rule of this release, with the number.
    statement, version
        What the list is and is not.
    known
        Whether the codes of the release's list are at hand.
    also
        Everyday names.
    """

    entity: Entity
    tier: str
    line: tuple[Entity, ...]
    rules: tuple[tuple[str, str, str, str], ...]
    notes: str
    rare: str
    statement: str
    version: str
    known: bool
    also: tuple[str, ...]


def definition_of(release: OpenedRelease, entity: Entity, facts: Facts) -> Definition:
    """Return the definition of a cancer."""
    listed = default_list()
    known = release.manifest["list_sha256"] == listed.hash
    rules, notes = [], ""
    if known:
        for row in _rules().get(entity.entity_id, ()):
            rules.append(
                (_spaced(row["topography"]), _spaced(row["morphology"]),
                 _spaced(row["behaviour"]), row["sex"] or "")
            )  # fmt: skip
        notes = _notes().get(entity.entity_id) or ""
    tiers = {2: _("tier 2, for clinical decisions"), 1: _("tier 1, for the organisation of care"),
             0: _("a family")}  # fmt: skip
    return Definition(
        entity, tiers.get(entity.tier, _("several families together")),
        tuple(release.line(entity)), tuple(rules), notes, _rare(entity, facts),
        listed.statement if known else _("The codes of this release's list are not at hand."),
        release.manifest["list_version"], known, synonyms_by_entity().get(entity.entity_id, ()),
    )  # fmt: skip


@cache
def _rules() -> dict[str, list[dict[str, Any]]]:
    """Return the rules of the list at hand, by entity."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in default_list().rules.to_dicts():
        found.setdefault(row["entity_id"], []).append(row)
    return found


@cache
def _notes() -> dict[str, str | None]:
    """Return the remarks of the list at hand, by entity."""
    listed = default_list().entities
    if "notes" not in listed.columns:
        return {}
    return dict(zip(listed["entity_id"], listed["notes"], strict=True))


def _rare(entity: Entity, facts: Facts) -> str:
    limit = numbers.number(THRESHOLD_OF_RARITY)
    crude = facts.crude
    if crude is None or not ok(crude) or entity.rare is None:
        return _("The rate cannot be shown, so this release does not say.")
    number = {
        "limit": limit,
        "value": numbers.rate(crude["estimate"]),
        "interval": numbers.span(crude["lower"], crude["upper"], numbers.rate),
    }
    if entity.rare == "rare":
        return _(
            "Yes: fewer than %(limit)s new cases per 100 000 people a year (%(value)s; "
            "%(interval)s)."
        ) % number  # fmt: skip
    if entity.rare == "common":
        return _(
            "No: %(limit)s or more new cases per 100 000 people a year (%(value)s; %(interval)s)."
        ) % number  # fmt: skip
    return _(
        "Not certain: the interval of its rate holds %(limit)s per 100 000 (%(value)s; "
        "%(interval)s)."
    ) % number  # fmt: skip


def _spaced(text: str) -> str:
    """Return a rule's list of codes with room to break."""
    return (text or "").replace(";", "; ")
