"""Which pages a reader sees: in their language where there is one, else in English."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from rarecare.portal.directory.entities import within
from rarecare.portal.knowledge.models import Audience, Kind, Page, Version
from rarecare.portal.languages import FALLBACK


@dataclass(frozen=True, slots=True)
class Shown:
    """A page as it is shown.

    Attributes
    ----------
    page, version
        What is shown.
    language
        The language asked for; ``fallback`` where the page is in another.
    overdue
        Whether it should have been read again.
    """

    page: Page
    version: Version
    language: str
    overdue: bool

    @property
    def fallback(self) -> bool:
        """Whether the page is not in the language asked for."""
        return self.page.language != self.language

    @property
    def reviewed(self) -> bool:
        """Whether someone other than its author has read it."""
        return self.version.reviewed is not None


def shown(page: Page, language: str, *, on: dt.date) -> Shown | None:
    """Return a page as it is shown, or None where nothing is published."""
    version = page.shown
    if version is None:
        return None
    overdue = version.review_due is not None and version.review_due < on
    return Shown(page, version, language, overdue)


def pages_on(
    number: str, language: str, *, on: dt.date, audience: str | None = None
) -> list[Shown]:
    """Return the pages on a cancer, or on what it belongs to: kind by kind, nearest subject first.

    Parameters
    ----------
    audience
        Code of a reader: pages for them and for everyone; None: all pages.
    """
    above = [one for one in within(number) if number.startswith(one)]
    found = Page.objects.filter(subject__in=above).exclude(kind=Kind.GLOSSARY)
    if audience is not None:
        found = found.filter(audience__in=(audience, Audience.ALL))
    return _by_language(list(found.prefetch_related("versions")), language, on)


def glossary(language: str, *, on: dt.date) -> list[Shown]:
    """Return the words of the glossary by alphabet."""
    found = Page.objects.filter(kind=Kind.GLOSSARY).prefetch_related("versions")
    words = _by_language(list(found), language, on)
    return sorted(words, key=lambda one: one.version.title.casefold())


def _by_language(pages: Sequence[Page], language: str, on: dt.date) -> list[Shown]:
    best: dict[tuple[str, str, str], Shown] = {}
    order = {kind: k for k, kind in enumerate(Kind.values)}
    for page in pages:
        if page.language not in (language, FALLBACK):
            continue
        one = shown(page, language, on=on)
        key = (page.kind, page.subject, page.audience)
        if one is not None and (key not in best or not one.fallback):
            best[key] = one
    return sorted(
        best.values(),
        key=lambda one: (order[one.page.kind], -len(one.page.subject), one.page.audience),
    )
