"""Names of the list's families and first-tier groups in the languages of the portal.

A name is looked up by its English name in the list, so that a table never gives one entity the
name of another. What a table does not hold has no name in that language; nothing is guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from rarecare.codes.packaged import packaged_table


@dataclass(frozen=True, slots=True)
class EntityName:
    """A name in a language.

    Attributes
    ----------
    text
        The name.
    language
        Its language, ``"sl"``.
    reviewed
        Whether a named person of the field has read it; ``names/README.md`` says who.
    """

    text: str
    language: str
    reviewed: bool


def entity_name(english: str, language: str) -> EntityName | None:
    """Return the name of an entity in a language, or None where the tables have none.

    >>> entity_name("Bone sarcoma", "sl")
    EntityName(text='Kostni sarkom', language='sl', reviewed=False)
    >>> entity_name("Osteogenic sarcoma", "sl") is None
    True
    """
    return _names(language).get(english)


def names_of(english: str) -> tuple[EntityName, ...]:
    """Return the name of an entity in every language that has one."""
    found = (entity_name(english, language) for language in languages())
    return tuple(name for name in found if name is not None)


def language_of(name: str, prefer: str = "") -> str | None:
    """Return the language of a name of the tables, or None: then it is English, or unknown.

    A name of several languages is of the preferred one, else English, else of the first by code.

    >>> language_of("Kostni sarkom"), language_of("Bone sarcoma")
    ('sl', None)
    >>> language_of("Thorax"), language_of("Thorax", prefer="nl")
    ('de', 'nl')
    >>> language_of("Sarcomas", prefer="es"), language_of("Sarcomas", prefer="en")
    ('es', None)
    """
    known = _languages_by_name().get(name, ())
    if prefer in known:
        return prefer
    return known[0] if known and name not in _english() else None


@cache
def languages() -> tuple[str, ...]:
    """Return the languages with a table."""
    folder = files("rarecare.codes") / "names"
    return tuple(sorted(path.name[:-4] for path in folder.iterdir() if path.name.endswith(".csv")))


@cache
def _names(language: str) -> dict[str, EntityName]:
    if language not in languages():
        return {}
    return {
        row["english"]: EntityName(row["name"], language, reviewed=row["status"] == "reviewed")
        for row in packaged_table(f"names/{language}.csv").iter_rows(named=True)
    }


@cache
def _english() -> frozenset[str]:
    return frozenset(name for language in languages() for name in _names(language))


@cache
def _languages_by_name() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for language in languages():
        for text in {name.text for name in _names(language).values()}:
            found[text] = (*found.get(text, ()), language)
    return found
