"""The countries of a cancer side by side: what the figures say, drawings, the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from rarecare.portal import numbers
from rarecare.portal.comparing import drawing
from rarecare.portal.comparing.measures import Measure, Row, shrunken_rows
from rarecare.portal.comparing.ways import Ways
from rarecare.portal.estimates import words
from rarecare.portal.estimates.facts import ok
from rarecare.portal.estimates.figures import FigureBlock, citation
from rarecare.portal.estimates.keys import Key
from rarecare.portal.estimates.sheet import Asked
from rarecare.portal.names import name_text
from rarecare.portal.opened import OpenedRelease
from rarecare.results import NOT_ESTIMABLE, WITHHELD
from rarecare.study import schema


@dataclass(frozen=True, slots=True)
class Comparison:
    """The countries of a cancer by one measure.

    Attributes
    ----------
    asked
        Of which cancer, for whom.
    measure, ways
        By what; where the pages are.
    rows
        By area, the whole first.
    """

    asked: Asked
    measure: Measure
    ways: Ways
    rows: Mapping[str, Row]

    @classmethod
    def of(cls, asked: Asked, measure: Measure) -> Comparison:
        """Return the comparison of a cancer's countries."""
        return cls(asked, measure, Ways(asked.places), measure.rows(asked.release, asked.entity))

    @property
    def whole(self) -> Row | None:
        """All countries together."""
        return self.rows.get(schema.ALL)

    @property
    def key(self) -> Key:
        """The number of all countries together."""
        make = Key.of_share if self.measure.survival else Key.of_rate
        return make(self.asked, _("All countries together"), self.whole)

    @property
    def findings(self) -> list[str]:
        """What the figures say of differences."""
        named = {name_of(self.asked.release, area): row for area, row in self.rows.items()
                 if area != schema.ALL}  # fmt: skip
        return [self.asked.said(line) for line in differences(named, self.whole)]

    @property
    def missing(self) -> list[str]:
        """Which countries have no number, and why."""
        found: dict[str, list[str]] = {}
        for area, row in self.rows.items():
            if area != schema.ALL and not ok(row):
                found.setdefault(words.state(row), []).append(name_of(self.asked.release, area))
        return [
            _("%(state)s: %(names)s.") % {"state": state.capitalize(), "names": listed(names)}
            for state, names in found.items()
        ]

    def blocks(self, shown: str) -> list[FigureBlock]:
        """Return the figures of the page: dots on their intervals, and a map.

        Parameters
        ----------
        shown
            ``observed`` or ``shrunken``.
        """
        first = self._block(
            drawing.COUNTRIES, _("Countries side by side"),
            _("A dot on its 95% interval. Where an interval holds the value of all countries "
              "together, the figures do not show a difference from it. This is no league table."),
        )  # fmt: skip
        shrunk = shown == "shrunken"
        shrunken = shrunken_rows(self.asked.release, self.asked.entity) if shrunk else {}
        second = self._block(
            drawing.SHRUNKEN if shrunk else drawing.OBSERVED, _("On the map"),
            _("Shrunken draws each country towards the mean, the more the fewer people it has, so "
              "that chance does not paint the extremes. ") + shrunken_told(shrunken) if shrunk
            else _("Observed is what was counted. In small countries chance paints the extremes."),
            part="map",
        )  # fmt: skip
        if shrunk and not shrunken:
            second.missing = _("This release holds no shrunken rates of this cancer.")
            second.look = "nodata"
        for number, block in enumerate((first, second), 1):
            block.number = number
        return [first, second]

    def _block(self, name: str, title: str, caption: str, *, part: str = "") -> FigureBlock:
        asked, entity, code = self.asked, self.asked.entity, self.measure.code
        rows = drawing.rows_of(asked.release, entity, self.measure, name)
        here = self.ways.comparison(entity, code)

        def at(tail: str) -> str:
            return self.ways.spoken().comparison(entity, code, tail)

        tail = "?map=shrunken" if name == drawing.SHRUNKEN else ""
        made = FigureBlock(
            part or name, title, self.sub, f"{caption} {self.measure.caution}".strip(),
            self._alternative(rows, title),
            [_("Country"), f"{self.measure.title} ({self.measure.unit})", _("95% interval"),
             _("People")],
            [line_of(self.measure, name_of(asked.release, area), row)
             for area, row in rows.items()],
            files=[("CSV", at(f"{name}.csv"))] if rows else [],
            permanent=self.ways.permanent(f"{here}{tail}#{part or name}"),
            cite=citation(asked, f"{self.measure.title}, {words.inside(title)}"),
        )  # fmt: skip
        if drawing.can_draw(asked.release, entity, self.measure, name):
            made = replace(
                made, wide=at(f"{name}-wide.svg"), narrow=at(f"{name}-narrow.svg"),
                wide_size=self._size(name, narrow=False), narrow_size=self._size(name, narrow=True),
                files=[*made.files, ("SVG", at(f"{name}.svg")), ("PNG", at(f"{name}.png"))],
            )  # fmt: skip
        else:
            held = next((row for row in rows.values() if not ok(row)), None)
            made.missing = words.missing(asked.reader, held) if held is not None or not rows else (
                _("Too few of its numbers can be shown to draw it.")
            )  # fmt: skip
            made.look = {WITHHELD: "hatch-withheld", NOT_ESTIMABLE: "hatch-ne"}.get(
                held["status"] if held else "", "nodata"
            )
        return made

    def _size(self, name: str, *, narrow: bool) -> tuple[int, int] | None:
        asked = self.asked
        return drawing.size(asked.release, asked.entity, self.measure.code, name, narrow=narrow)

    @property
    def sub(self) -> str:
        """What, who, when."""
        row = self.whole or next(iter(self.rows.values()), None)
        parts = [f"{self.measure.title}, {self.measure.unit}"]
        if row is not None and row["standard"] != schema.NONE:
            parts.append(words.standard_name(row["standard"]))
        if row is not None and row["age_group"] != schema.ALL:
            parts.append(_("ages %(ages)s") % {"ages": numbers.ages(row["age_group"])})
        if row is not None and row["measure"] != schema.PREVALENCE:
            parts.append(_("diagnosed %(period)s") % {"period": numbers.years(row["period"])})
        return "; ".join(parts) + "."

    def _alternative(self, rows: Mapping[str, Row], title: str) -> str:
        shown = [row for row in rows.values() if ok(row)]
        if not shown:
            return ""
        return self.asked.said(
            _("%(title)s: %(measure)s of %(number)s countries. The table below has every number.")
            % {"title": title, "measure": words.inside(self.measure.title),
               "number": numbers.number(sum(row["area"] != schema.ALL for row in shown))}
        )  # fmt: skip

    @property
    def table(self) -> dict[str, Any]:
        """People, observed and shrunken values by country."""
        release = self.asked.release
        shrunken = shrunken_rows(release, self.asked.entity) if self.measure.shrunken else {}
        columns = [_("People"), f"{self.measure.title} ({self.measure.unit})",
                   *([_("Shrunken towards the mean")] if shrunken else [])]  # fmt: skip
        lines = [
            {"name": name_of(release, area), "strong": area == schema.ALL,
             "address": self.ways.country(area),
             "cells": [people_cell(row), cell(self.measure, row),
                       *([_shrunken_cell(self.measure, shrunken, area)] if shrunken else [])]}
            for area, row in self.rows.items()
        ]  # fmt: skip
        caption = _("%(measure)s of %(name)s by country, 95%% interval in brackets.") % {
            "measure": self.measure.title, "name": name_text(self.asked.entity.name),
        }  # fmt: skip
        if shrunken:
            caption = f"{caption} {shrunken_told(shrunken)}"
        return {"caption": caption, "columns": columns, "lines": lines, "first": _("Country")}


def shrunken_told(rows: Mapping[str, Row]) -> str:
    """Return what shrunken rates are adjusted to, which is not what observed ones are.

    ``rows``: those of the cancer, some of which may be foretold.
    """
    return _(
        "Shrunken rates are adjusted for age and sex to the people of all countries together, "
        "observed ones to a standard population: compare the pattern, not the level."
    ) + words.foretold_told(rows.values())


def _shrunken_cell(measure: Measure, rows: Mapping[str, Row], area: str) -> dict[str, Any]:
    """Return a shrunken rate; the whole is what rates are drawn to and has none."""
    return {"value": "–"} if area == schema.ALL else cell(measure, rows.get(area))


def differences(named: Mapping[str, Row], whole: Row | None) -> list[str]:
    """Return whether the intervals of countries or cancers hold a value; no order of merit.

    Parameters
    ----------
    named
        Rows by name, in the order of the page.
    whole
        The row of all together.
    """
    if whole is None or not ok(whole):
        return []
    shown = {name: row for name, row in named.items() if ok(row) and row["lower"] is not None}
    if not shown:
        return []
    value = whole["estimate"]
    above = [name for name, row in shown.items() if row["lower"] > value]
    below = [name for name, row in shown.items() if row["upper"] < value]
    held = len(shown) - len(above) - len(below)
    lines = []
    if held == len(shown):
        lines.append(ngettext(
            "The interval of the one country with a number holds the value of all countries "
            "together: the figures do not show a difference.",
            "The intervals of all %(n)s countries with a number hold the value of all countries "
            "together: the figures do not show a difference.", held,
        ) % {"n": numbers.number(held)})  # fmt: skip
        return lines
    if held:
        lines.append(ngettext(
            "Of %(all)s countries with a number, the interval of %(n)s holds the value of all "
            "countries together: there the figures do not show a difference.",
            "Of %(all)s countries with a number, the intervals of %(n)s hold the value of all "
            "countries together: there the figures do not show a difference.", held,
        ) % {"n": numbers.number(held), "all": numbers.number(len(shown))})  # fmt: skip
    if above:
        lines.append(_("Wholly above that value lies the interval of: %(names)s.")
                     % {"names": listed(above)})  # fmt: skip
    if below:
        lines.append(_("Wholly below that value lies the interval of: %(names)s.")
                     % {"names": listed(below)})  # fmt: skip
    lines.append(_("Of intervals at 95%, about one in 20 lies apart by chance alone; coverage and "
                   "coding differ between countries too."))  # fmt: skip
    return lines


def name_of(release: OpenedRelease, area: str) -> str:
    """Return an area's name in the language."""
    if area == schema.ALL:
        return _("All countries together")
    row = release.areas[area]
    return numbers.country(row["country"], row["name"]) if row["country"] else str(row["name"])


def listed(names: Sequence[str]) -> str:
    """Return names with commas."""
    return ", ".join(names)


def cell(measure: Measure, row: Row | None) -> dict[str, Any]:
    """Return a cell of a table: a number with its interval, or why there is none."""
    if row is None or not ok(row):
        return {"state": words.state(row), "reason": row["reason"] if row else ""}
    interval = "" if row["lower"] is None else words.dashed(row, measure.write)
    return {"value": words.starred(row, measure.write(row["estimate"])), "interval": interval}


def people_cell(row: Row | None) -> dict[str, Any]:
    """Return a cell with the people a number is of."""
    if row is None or row["n"] is None:
        return {"state": words.state(row), "reason": row["reason"] if row else ""}
    return {"value": numbers.number(row["n"])}


def line_of(measure: Measure, name: str, row: Row) -> dict[str, Any]:
    """Return a line of the table of a figure."""
    if not ok(row):
        return {"name": name, "state": words.state(row), "reason": row["reason"]}
    interval = "–" if row["lower"] is None else words.dashed(row, measure.write)
    value = words.starred(row, measure.write(row["estimate"]))
    return {"name": name, "cells": [value, interval, words.people(row)]}
