"""The sheet of a cancer: its sections, in the order and depth of a reader.

A section is data for a template: sentences from ``words``, numbers from ``facts``, figures from
``drawings``. One that has nothing to say is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from rarecare.portal import numbers
from rarecare.portal.estimates import figures, words
from rarecare.portal.estimates.behind import behind_facts
from rarecare.portal.estimates.care import CENTRALISATION, INDICATOR, NEEDS, care_parts
from rarecare.portal.estimates.countries import country_table, places_of
from rarecare.portal.estimates.definition import definition_of
from rarecare.portal.estimates.facts import Facts, few, ok, peak_age
from rarecare.portal.estimates.figures import FigureBlock
from rarecare.portal.estimates.keys import Key
from rarecare.portal.estimates.rows import age_rows_of_both, length, stage_survival
from rarecare.portal.estimates.tables import prevalence_table, survival_table
from rarecare.portal.estimates.words import (
    AUTHORITY,
    GP,
    ONCOLOGIST,
    PATIENT,
    RESEARCHER,
    Row,
)
from rarecare.portal.opened import Entity, OpenedRelease
from rarecare.portal.places import Places


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for: a cancer, for a reader, with or without survival.

    Attributes
    ----------
    release, entity, places
        The cancer and where its pages are.
    reader
        Code of the reader.
    show_survival
        Whether survival is shown: for patients only when they chose so.
    facts
        What the release holds of it.
    """

    release: OpenedRelease
    entity: Entity
    places: Places
    reader: str
    show_survival: bool
    facts: Facts

    @property
    def chosen(self) -> bool:
        """Whether numbers on survival may stand on the page."""
        return self.show_survival or self.reader != PATIENT

    def said(self, sentence: str) -> str:
        """Return a sentence that says itself when its number is invented."""
        return words.said(sentence, synthetic=self.release.synthetic)

    def survival(self, row: Row | None, years: float) -> str:
        """Return the sentence on survival at a time, or why there is none."""
        if row is not None and few(row) and self.reader != RESEARCHER:
            return words.few_people()
        return self.says(row, lambda: words.survival(self.reader, row or {}, years))

    def says(self, row: Row | None, sentence: Callable[[], str]) -> str:
        """Return a sentence on a row, or why there is none."""
        return self.said(sentence()) if ok(row) else words.missing(self.reader, row)


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a sheet.

    Attributes
    ----------
    name
        Its address on the page, and its template.
    title
        Its heading.
    data
        What its template shows.
    """

    name: str
    title: str
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def template(self) -> str:
        """Path of the template."""
        return f"estimates/sections/{self.name}.html"


def sections_of(asked: Asked) -> list[Section]:
    """Return the sections of a sheet in the order of its reader; figures are numbered through."""
    made = [section for make in ORDER[asked.reader] if (section := make(asked)) is not None]
    number = 0
    for section in made:
        for block in section.data.get("figures", ()):
            number += 1
            block.number = number
    return made


def in_short(asked: Asked) -> Section:
    """Make the first section: the finding and the key figures."""
    facts, reader = asked.facts, asked.reader
    crude = facts.crude
    lead = asked.says(crude, lambda: words.new_cases(reader, crude or {}, facts.standardised))
    return Section("short", _("In short"), {"lead": lead, "keys": list(_keys(asked))})


def _keys(asked: Asked) -> list[Key]:
    facts, reader = asked.facts, asked.reader
    first = facts.standardised if reader == RESEARCHER else facts.crude
    title = _("New cases a year, age-standardised") if reader == RESEARCHER else _(
        "New cases a year"
    )  # fmt: skip
    keys = [Key.of_rate(asked, title, first)]
    if facts.prevalent:
        widest = facts.prevalent[-1]
        keys.append(Key.of_people(
            asked,
            _("Alive, diagnosed in the last %(years)s years") % {"years": length(widest["period"])},
            widest,
        ))  # fmt: skip
    if reader == ONCOLOGIST:
        keys.insert(0, Key.of_share(
            asked, _("Net survival at %(years)s") % {"years": words.in_years(facts.spoken_of)},
            facts.at,
        ))  # fmt: skip
    elif reader in (RESEARCHER, GP, AUTHORITY):
        keys.append(Key.of_share(
            asked, _("Net survival at %(years)s") % {"years": words.in_years(facts.spoken_of)},
            facts.at,
        ))  # fmt: skip
    if reader == AUTHORITY and facts.projected:
        keys.append(Key.of_people(
            asked,
            _("New cases a year, projected for %(period)s")
            % {"period": numbers.years(facts.projected[0]["period"])},
            facts.projected[0],
        ))  # fmt: skip
    return keys


def living(asked: Asked) -> Section:
    """Make the section on survival: for patients, hidden until they choose."""
    facts, reader = asked.facts, asked.reader
    title = _("Living after the diagnosis") if reader == PATIENT else _("Survival")
    data: dict[str, Any] = {"chosen": asked.chosen, "patient": reader == PATIENT}
    data["show"] = asked.places.cancer(asked.entity, **{"for": PATIENT, "survival": "show"})
    data["hide"] = asked.places.cancer(asked.entity, **{"for": PATIENT})
    if not asked.chosen:
        return Section("living", title, data)
    row = facts.at
    data["lead"] = asked.survival(row, facts.spoken_of)
    blocks: list[FigureBlock] = []
    if reader == PATIENT:
        data["small_print"] = _(
            "It describes many people together. It cannot tell what will happen to one person. "
            "Age, stage and treatment matter, and care may have changed since."
        )
        if row is not None and ok(row) and not few(row):
            blocks.append(figures.people_block(asked))
        data["years"] = [
            asked.survival(facts.survival.get(years), years)
            for years in facts.years
            if years != facts.spoken_of
        ]
    else:
        if reader == GP:
            data["remark"] = words.above_all([row], decimals=2)
        else:
            data["table"] = table = survival_table(asked)
            data["remark"] = table["remark"]
            if not stage_survival(asked.release, asked.entity):
                data["absent"] = _("This release holds no survival by stage of this cancer.")
        blocks.append(figures.block(asked, "survival"))
    data["figures"] = blocks
    return Section("living", title, data)


def who(asked: Asked) -> Section:
    """Make the section on who gets it: ages and sexes."""
    facts, reader = asked.facts, asked.reader
    lines = []
    peak = peak_age(age_rows_of_both(asked.release, asked.entity))
    if peak is not None:
        lines.append(asked.said(words.most_often(reader, peak)))
    male, female = (facts.crude_by_sex.get(sex) for sex in ("male", "female"))
    if male and female and ok(male) and ok(female) and male["n"] and female["n"]:
        lines.append(asked.said(words.sexes(reader, male, female, facts.crude)))
    return Section(
        "who", _("Who gets it"), {"lines": lines, "figures": [figures.block(asked, "age")]}
    )


def with_it(asked: Asked) -> Section | None:
    """Make the section on how many people live with it."""
    facts, reader = asked.facts, asked.reader
    if not facts.prevalent:
        return None
    place = places_of(asked.release)
    lines = []
    widest, complete = facts.prevalent[-1], facts.complete
    lines.append(asked.says(widest, lambda: words.alive(reader, widest, place=place)))
    if complete is not None:
        lines.append(
            asked.says(
                complete, lambda: words.alive(reader, complete or {}, place=place, ever=True)
            )
        )
    data: dict[str, Any] = {"lines": lines}
    if reader in (ONCOLOGIST, RESEARCHER, AUTHORITY):
        data["table"] = prevalence_table(asked)
    if any(ok(row) for row in facts.prevalent):
        data["figures"] = [figures.block(asked, "prevalence")]
    return Section("with_it", _("How many people live with it"), data)


def over_time(asked: Asked) -> Section | None:
    """Make the section on the trend and what is projected."""
    facts, reader = asked.facts, asked.reader
    row, lines = facts.trend, []
    if row is not None:
        lines.append(
            asked.says(row, lambda: words.trend(reader, row))
            if row["lower"] is not None or not ok(row)
            else words.missing(reader, None)
        )
    blocks = [figures.block(asked, "trend")]
    if reader in (AUTHORITY, RESEARCHER) and facts.projected:
        lines += [asked.said(words.projected(one)) for one in facts.projected if ok(one)]
        blocks.append(figures.block(asked, "projection"))
    return Section("over_time", _("Over the years"), {"lines": lines, "figures": blocks})


def by_country(asked: Asked) -> Section | None:
    """Make the section on countries."""
    table = country_table(asked.release, asked.entity, asked.facts)
    if table is None:
        return None
    blocks = [figures.block(asked, "incidence-by-country")]
    if asked.reader != GP:
        blocks.append(figures.block(asked, "survival-by-country"))
    note = _(
        "Countries stand in the order of their names. Where an interval overlaps that of all "
        "countries together, the figures do not show a difference."
    )
    return Section("by_country", _("By country"), {"table": table, "note": note, "figures": blocks})


def care(asked: Asked) -> Section:
    """Make the section on care: what the release holds of it, and the directory."""
    topics = TOPICS.get(asked.reader, ())
    parts = care_parts(asked.release, asked.entity, topics)
    return Section(
        "care", _("Care, and where to find it") if topics else _("Where people are cared for"),
        {"entity": asked.entity, "parts": parts},
    )  # fmt: skip


def know(asked: Asked) -> Section:
    """Make the section on signs, tests, treatment: reviewed text, or that there is none."""
    return Section("know", _("Signs, tests, treatment"), {"entity": asked.entity})


def definition(asked: Asked) -> Section:
    """Make the section on what is counted."""
    return Section(
        "definition", _("What is counted here"),
        {"defined": definition_of(asked.release, asked.entity, asked.facts),
         "full": asked.reader in (ONCOLOGIST, RESEARCHER)},
    )  # fmt: skip


def behind(asked: Asked) -> Section:
    """Make the section on how sure the figures are."""
    return Section(
        "behind", _("How sure are these figures"),
        {"behind": behind_facts(asked.release, asked.said),
         "full": asked.reader in (RESEARCHER, AUTHORITY), "methods": asked.reader != PATIENT},
    )  # fmt: skip


def downloads(asked: Asked) -> Section:
    """Make the section of files."""
    places, entity = asked.places, asked.entity
    return Section(
        "downloads", _("Tables and files"),
        {"files": [(suffix.upper(), places.rows(entity, suffix))
                   for suffix in ("csv", "json", "parquet")],
         "rows": asked.release.frame(entity.entity_id).height,
         "permanent": places.permanent(entity)},
    )  # fmt: skip


TOPICS = {
    ONCOLOGIST: ("stage", INDICATOR),
    AUTHORITY: (NEEDS, CENTRALISATION, INDICATOR, "stage"),
}
"""Tables of care by reader."""

Make = Callable[[Asked], Section | None]
ORDER: dict[str, Sequence[Make]] = {
    PATIENT: (in_short, living, who, with_it, care, know, definition, behind),
    GP: (in_short, who, care, know, living, with_it, definition, behind),
    ONCOLOGIST: (
        in_short, living, care, by_country, who, with_it, over_time, know, definition, behind,
        downloads,
    ),
    RESEARCHER: (
        in_short, living, who, over_time, with_it, by_country, definition, behind, downloads,
    ),
    AUTHORITY: (
        in_short, over_time, by_country, with_it, care, who, living, definition, behind, downloads,
    ),
}  # fmt: skip
"""Sections by reader; the same numbers stand in all of them."""
