"""What can be compared: which rows of a release each measure takes, and its words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
from django.utils.translation import gettext as _

from rarecare.portal import numbers
from rarecare.portal.estimates import words
from rarecare.portal.estimates.drawings import per_100_000
from rarecare.portal.estimates.rows import length, main_ages, standard_of
from rarecare.portal.opened import Entity, OpenedRelease
from rarecare.study import schema

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure of comparisons.

    Attributes
    ----------
    code
        In addresses: ``incidence``, ``survival-5y``.
    title, unit
        In words of the language; ``unit`` stands behind a number.
    label
        Of the axis of a drawing.
    where
        Columns and values of its rows for a cancer, but for the area.
    write
        A number in words.
    factor
        Of a drawing's numbers.
    survival
        Whether it tells of survival: patients choose to see it.
    caution
        What to bear in mind.
    shrunken
        The same of shrunken rows, where there can be such.
    """

    code: str
    title: str
    unit: str
    label: str
    where: Callable[[OpenedRelease, Entity], Mapping[str, object]]
    write: Callable[[float], str]
    factor: float = 1.0
    survival: bool = False
    caution: str = ""
    shrunken: bool = False

    def rows(self, release: OpenedRelease, entity: Entity) -> dict[str, Row]:
        """Return the rows of the whole and of each country, by area, the whole first."""
        return _by_area(release, entity, self.where(release, entity))

    def row(self, release: OpenedRelease, entity: Entity, area: str) -> Row | None:
        """Return the row of one area, or None."""
        wanted = {"area": area, "sex": schema.ALL, **self.where(release, entity)}
        measure = str(wanted.pop("measure"))
        return release.row(entity.entity_id, measure, **wanted)


def _by_area(
    release: OpenedRelease, entity: Entity, where: Mapping[str, object]
) -> dict[str, Row]:  # fmt: skip
    wanted = {"sex": schema.ALL, **where}
    measure = str(wanted.pop("measure"))
    found = {
        row["area"]: row
        for row in release.rows(entity.entity_id).get(measure, ())
        if all(row[name] == value for name, value in wanted.items())
    }
    return {area: found[area] for area in compared_areas(release) if area in found}


def compared_areas(release: OpenedRelease) -> list[str]:
    """Return the whole, then the countries by their English names."""
    kinds = {"all": 0, "country": 1}
    shown = [row for row in release.areas.values() if row["kind"] in kinds]
    return [
        str(row["area"]) for row in sorted(shown, key=lambda row: (kinds[row["kind"]], row["name"]))
    ]


def shrunken_rows(release: OpenedRelease, entity: Entity) -> dict[str, Row]:
    """Return shrunken rates by country; empty where the release has none."""
    return _by_area(release, entity, {"measure": schema.SHRUNKEN})


def measures(release: OpenedRelease) -> dict[str, Measure]:
    """Return what can be compared in a release, by code, in words of the language."""
    period = release.period
    found = [
        Measure(
            "incidence", _("New cases, age-standardised"), _("per 100 000 people a year"),
            per_100_000(_("New cases per 100 000 people, age-standardised")),
            lambda r, e: {"measure": schema.INCIDENCE, "age_group": schema.ALL, "period": period,
                          "standard": standard_of(r, e)},
            numbers.rate, shrunken=True,
        ),
        Measure(
            "crude-incidence", _("New cases, crude"), _("per 100 000 people a year"),
            per_100_000(_("New cases per 100 000 people, crude")),
            lambda _r, _e: {"measure": schema.INCIDENCE, "age_group": schema.ALL,
                            "period": period, "standard": schema.NONE},
            numbers.rate,
            caution=_("Crude rates depend on how old the people of a country are."),
        ),
    ]  # fmt: skip
    window = longest_window(release)
    if window is not None:
        found.append(Measure(
            "prevalence",
            _("People alive, diagnosed in %(period)s") % {"period": numbers.years(window)},
            _("per 100 000 people"),
            per_100_000(_("People alive per 100 000, diagnosed in %(period)s")
                        % {"period": numbers.years(window)}),
            lambda _r, _e: {"measure": schema.PREVALENCE, "period": window}, numbers.rate,
            caution=_("Prevalence depends on how old the people of a country are."),
        ))  # fmt: skip
    for years in (release.manifest["choices"].get("survival") or {}).get("at", ()):
        found += _survival(float(years))
    return {measure.code: measure for measure in found}


def _survival(years: float) -> list[Measure]:
    after = {"years": words.in_years(years)}
    return [
        Measure(
            f"survival-{years:g}y", _("Net survival at %(years)s") % after, unit="%",
            label=_("Net survival at %(years)s (%%)") % after,
            where=lambda r, e: {"measure": schema.NET_SURVIVAL, "standard": schema.NONE,
                                "time_years": years, "age_group": main_ages(r, e)},
            caution=_("Not standardised for age: part of a difference may come from the ages of "
                      "the people."),
            write=numbers.percent, factor=100.0, survival=True,
        ),
        Measure(
            f"survival-{years:g}y-standardised",
            _("Net survival at %(years)s, age-standardised") % after, unit="%",
            label=_("Net survival at %(years)s (%%), age-standardised") % after,
            where=lambda r, e: {"measure": schema.NET_SURVIVAL, "time_years": years,
                                "standard": age_standard(r, e), "age_group": main_ages(r, e)},
            write=numbers.percent, factor=100.0, survival=True,
        ),
    ]  # fmt: skip


def age_standard(release: OpenedRelease, entity: Entity) -> str:
    """Return the age standard of a cancer's survival, or none."""
    for row in release.rows(entity.entity_id).get(schema.NET_SURVIVAL, ()):
        if row["standard"] != schema.NONE:
            return str(row["standard"])
    return "no standard"


def longest_window(release: OpenedRelease) -> str | None:
    """Return the longest window of prevalence, or None."""
    periods = (
        release.release.estimates.filter(pl.col("measure") == schema.PREVALENCE)["period"]
        .unique()
        .to_list()
    )
    return max(periods, key=length, default=None)
