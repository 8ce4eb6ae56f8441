"""Addresses of comparisons, countries, the data and questions."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from rarecare.portal.opened import Entity, OpenedRelease, slug
from rarecare.portal.places import Places
from rarecare.study import schema


@dataclass(frozen=True, slots=True)
class Ways:
    """Where the pages are.

    Attributes
    ----------
    places
        Language and release.
    """

    places: Places

    def spoken(self) -> Ways:
        """Return the ways in the language that is spoken now: drawings are in it."""
        return Ways(self.places.spoken())

    @property
    def compare(self) -> str:
        """The start of comparisons."""
        return f"{self.places.home}compare/"

    @property
    def countries(self) -> str:
        """The list of countries."""
        return f"{self.places.home}countries/"

    @property
    def quality(self) -> str:
        """The data behind a release."""
        return f"{self.places.home}quality/"

    @property
    def query(self) -> str:
        """The page that builds questions."""
        return f"{self.places.home}query/"

    @property
    def interface(self) -> str:
        """The page on the interface for programs."""
        return f"{self.places.home}interface/"

    @property
    def names(self) -> str:
        """All names, A to Z."""
        return f"{self.places.home}names/"

    def comparison(self, entity: Entity, code: str, tail: str = "") -> str:
        """Return the countries of a cancer side by side, or a figure of that page."""
        return f"{self.compare}{entity.slug}/{code}/{tail}"

    def country(self, area: str, *parts: str) -> str:
        """Return the page of a country; with a measure, its cancers side by side."""
        return f"{self.countries}{area_slug(area)}/" + "".join(f"{part}/" for part in parts)

    def data_of(self, entity: Entity) -> str:
        """Return the data behind a cancer."""
        return f"{self.quality}{entity.slug}/"

    def registry(self, name: str) -> str:
        """Return the data of a registry."""
        return f"{self.quality}registry/{quote(name, safe='')}/"

    def permanent(self, address: str) -> str:
        """Return the permanent address of one of these pages; it has no language."""
        return f"/r/{self.places.release}/{address.removeprefix(self.places.home)}"


def area_slug(area: str) -> str:
    """Return a country or region for addresses.

    >>> area_slug("SI"), area_slug("Central Europe")
    ('si', 'central-europe')
    """
    return slug(area)


def area_of(release: OpenedRelease, name: str) -> str | None:
    """Return the area an address names: the whole, a country or a region."""
    for area, row in release.areas.items():
        if row["kind"] != "registry" and area_slug(area) == name:
            return area
    return schema.ALL if name == schema.ALL else None
