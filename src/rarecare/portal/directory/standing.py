"""What is known of a centre: where it stands, its criteria, its history, who speaks for it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.db.models import QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from rarecare.care.designation import DESIGNATED, Decision, decisions, designations
from rarecare.care.profile import profile_table
from rarecare.portal.audit.books import DESIGNATIONS, read
from rarecare.portal.audit.models import Entry
from rarecare.portal.directory.models import Nomination, Organisation, Voice
from rarecare.portal.directory.nominations import evidence_of
from rarecare.portal.releases import store


def shown_organisations() -> QuerySet[Organisation]:
    """Return the organisations a visitor sees: invented ones only over a synthetic release."""
    listed = Organisation.objects.filter(listed=True)
    return listed if store().current().synthetic else listed.filter(invented=False)


def standings(on: dt.date) -> dict[str, list[dict[str, Any]]]:
    """Return where each centre stands on a day, by name; one entry per set of criteria."""
    last = Entry.objects.filter(book=DESIGNATIONS).last()
    return _standings(last.hash if last else "", on)


@lru_cache(maxsize=8)
def _standings(head: str, on: dt.date) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in designations(read(DESIGNATIONS), on=on).to_dicts() if head else []:
        found.setdefault(row["centre"], []).append(row)
    return found


def in_force(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the designations in force among where a centre stands."""
    return [row for row in rows if row["standing"] == DESIGNATED]


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of a centre for one version of criteria, from one nomination."""

    nomination: Nomination
    rows: list[dict[str, Any]]

    @property
    def summary(self) -> str:
        """How many criteria are met, in words, without a score."""
        states = [row["state"] for row in self.rows]
        return _(
            "Criteria: %(n)d; met: %(met)d, not met: %(not_met)d, not known: %(unknown)d."
        ) % {
            "n": len(states), "met": states.count("met"), "not_met": states.count("not met"),
            "unknown": states.count("not known"),
        }  # fmt: skip


def profiles(centre: Organisation, *, on: dt.date) -> list[Profile]:
    """Return the profile behind the last decision under each set of criteria."""
    found: dict[str, Nomination] = {}
    decided = centre.nominations.filter(state=Nomination.State.DECIDED).order_by("ended", "pk")
    for one in decided.select_related("criteria", "centre"):
        found[one.criteria.set_id] = one
    return [profile_of(one, on=on) for one in found.values()]


def profile_of(nomination: Nomination, *, on: dt.date) -> Profile:
    """Return the profile of a nomination's evidence on a day."""
    table = profile_table(
        nomination.criteria.criteria, evidence_of(nomination), on=on,
        centres=[nomination.centre.name],
    ).table  # fmt: skip
    return Profile(nomination, table.to_dicts())


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a public history."""

    day: dt.date
    title: str
    words: list[str] = field(default_factory=list)


def history_of(centre: Organisation) -> list[Event]:
    """Return what has happened to a centre, the latest first. Reviews are told without a verdict.

    Decisions come from the history of designations, whose chain is checked on reading.
    """
    events = [_decided(one) for one in decisions(read(DESIGNATIONS)) if one.centre == centre.name]
    for one in centre.nominations.select_related("nominated_by", "criteria"):
        named = {"by": one.nominated_by.name, "criteria": str(one.criteria)}
        events.append(Event(one.day, _("Nominated by %(by)s") % named, [named["criteria"]]))
        if one.submitted:
            events.append(Event(one.submitted, _("Evidence submitted for review")))
        events += [Event(each.day, _("Reviewed")) for each in one.reviews.all()]
        if one.state == Nomination.State.TAKEN_BACK and one.ended:
            events.append(Event(one.ended, _("Nomination taken back")))
    return sorted(events, key=lambda event: event.day)[::-1]


def _decided(one: Decision) -> Event:
    titles = {
        "designated": _("Designated a centre of expertise"),
        "not designated": _("Not designated"), "withdrawn": _("Designation withdrawn"),
    }  # fmt: skip
    by = _("Reviewed by %(names)s.") % {
        "names": ", ".join(f"{who.name} ({who.organisation})" for who in one.reviewers)
    }
    under = _("Criteria %(id)s, version %(version)s.") % {
        "id": one.criteria.id, "version": one.criteria.version}  # fmt: skip
    until = [_("Until %(day)s.") % {"day": date_format(one.expires)}] if one.expires else []
    return Event(one.decided, titles[one.decision], [one.reasons, *until, under, by])


def voices_of(centre: Organisation) -> QuerySet[Voice]:
    """Return what patient organisations say of a centre, as published."""
    return centre.voices.filter(state=Voice.State.PUBLISHED).select_related("organisation")
