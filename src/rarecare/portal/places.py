"""Addresses of a release's pages: of the current one, or of one that is named for good."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.utils.translation import get_language

from rarecare.portal.opened import Entity


@dataclass(frozen=True, slots=True)
class Places:
    """Where the pages are, in a language.

    Attributes
    ----------
    language
        Of the pages.
    release
        Name of the release in permanent addresses.
    pinned
        Whether the page read has a permanent address; then so have those it leads to.
    """

    language: str
    release: str
    pinned: bool = False

    def spoken(self) -> Places:
        """Return the places in the language that is spoken now.

        A part of a page may be in another language than the page, and so are its drawings.
        """
        language = get_language() or self.language
        return self if language == self.language else replace(self, language=language)

    @property
    def home(self) -> str:
        """The start page."""
        return f"/{self.language}/" + (f"r/{self.release}/" if self.pinned else "")

    @property
    def search(self) -> str:
        """The results of a search."""
        return f"{self.home}search/"

    @property
    def cancers(self) -> str:
        """The tree."""
        return f"{self.home}cancers/"

    def cancer(self, entity: Entity, **query: str) -> str:
        """Return the sheet of a cancer."""
        tail = f"?{urlencode(query)}" if query else ""
        return f"{self.cancers}{entity.slug}/{tail}"

    def figure(self, entity: Entity, name: str, suffix: str) -> str:
        """Return a figure of a cancer, in the language spoken: ``svg``, ``png``, ``csv``."""
        return f"{self.spoken().cancers}{entity.slug}/figures/{name}.{suffix}"

    def rows(self, entity: Entity, suffix: str) -> str:
        """Return all estimates of a cancer: ``csv``, ``json`` or ``parquet``."""
        return f"{self.cancers}{entity.slug}/estimates.{suffix}"

    def permanent(self, entity: Entity, tail: str = "") -> str:
        """Return the permanent address of a cancer or of a part of it; it has no language."""
        return f"/r/{self.release}/cancers/{entity.slug}/{tail}"
