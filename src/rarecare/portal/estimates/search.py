"""Search of a cancer: by name, synonym, ICD-O-3 code or pair, family; typing errors forgiven.

A word typed and a word of a name are compared in a folded form (no accents, tumour = tumor,
Sarkom = sarcom, Cyrillic in Latin letters), whole, by beginning, by part, then by the share of
three-letter pieces they have in common (Dice, Ecology 1945;26:297-302) and, above a third, by
matching blocks (Ratcliff & Obershelp, as ``difflib`` has it). Synonyms are the terms of
ICD-O-3 that the list's rules lead to an entity; where the labels are left out, names remain.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from importlib.resources import files
from math import sqrt

import polars as pl

from rarecare.codes import Explanation, default_list, morphologies, topographies
from rarecare.codes.entity_names import names_of
from rarecare.errors import CodeError
from rarecare.portal.opened import Entity, OpenedRelease, once

FOUND = 0.7
"""A match this good is what was asked for; less is only near."""

LONGEST = 200
"""Characters of a question that are read."""

_SITE = re.compile(r"^c\d{2}(?:\.?\d)?$", re.IGNORECASE)
_HISTOLOGY = re.compile(r"^(\d{4})(?:/?(\d))?$")
_ENTITY = re.compile(r"^\d{2}(?:\.\d{2}){0,2}$")
_IDLE = frozenset(
    {"of", "and", "the", "with", "in", "or", "nos", "other", "all", "a", "di", "del", "della"}
    | {"von", "der", "den", "und", "et", "de", "du", "la", "le", "les", "van", "en", "el", "y"}
    | {"e", "s", "z", "na", "i"}
)
"""Words that say nothing of a cancer, in the languages of the portal."""

_CYRILLIC = dict(zip("абвгдезийклмнопрстуфхъь", "abvgdeziiklmnoprstufhai", strict=True)) | {
    "ж": "j", "ц": "c", "ч": "ch", "ш": "sh", "щ": "sht", "ю": "iu", "я": "ia",
}  # fmt: skip
_FOLDS = (
    ("ae", "e"), ("oe", "e"), ("ou", "o"), ("ph", "f"), ("th", "t"), ("y", "i"), ("k", "c"),
    ("z", "c"), ("w", "v"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hit:
    """An entity found.

    Attributes
    ----------
    entity
        What was found.
    score
        From 0 to 1; ``FOUND`` and above is a match.
    by
        The term that matched, where it is not the name.
    holds
        Whether that term is of ICD-O-3, one of several that the entity holds.
    """

    entity: Entity
    score: float
    by: str | None = None
    holds: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question found.

    Attributes
    ----------
    asked
        The question, as typed, cut at ``LONGEST`` characters.
    hits
        Entities, the best first.
    explanation
        Of a pair of codes: where it falls and why.
    problem
        Why a code is not understood, in words.
    codes
        Whether it was asked by code.
    """

    asked: str
    hits: tuple[Hit, ...] = ()
    explanation: Explanation | None = None
    problem: str | None = None
    codes: bool = False

    @property
    def found(self) -> bool:
        """Whether the best hit is what was asked for."""
        return bool(self.hits) and self.hits[0].score >= FOUND


@dataclass(frozen=True, slots=True)
class Term:
    """A name of an entity, in folded words."""

    entity_id: str
    text: str
    words: tuple[str, ...]
    weight: float
    name: bool
    holds: bool = False


class SearchIndex:
    """The names of a release's entities, ready to be searched."""

    def __init__(self, release: OpenedRelease) -> None:
        self.release = release
        self.listed = release.manifest["list_sha256"] == default_list().hash
        self.terms = [*_names(release), *(_labels(release) if self.listed else ())]
        vocabulary: dict[str, set[int]] = {}
        for place, term in enumerate(self.terms):
            for word in term.words:
                vocabulary.setdefault(word, set()).add(place)
        self.vocabulary = vocabulary
        self._pieces: dict[str, set[str]] = {}
        for word in vocabulary:
            for piece in _pieces(word):
                self._pieces.setdefault(piece, set()).add(word)
        self.alike = lru_cache(maxsize=4096)(self._alike)

    def search(self, asked: str, *, at_most: int = 20) -> Answer:
        """Return what a question finds; an empty one finds nothing."""
        text = " ".join(asked[:LONGEST].split())
        parts = text.replace(",", " ").split()
        if parts and all(_SITE.match(p) or _HISTOLOGY.match(p) or _ENTITY.match(p) for p in parts):
            return self._by_code(text, parts)
        return Answer(text, tuple(self._by_name(text)[:at_most]))

    def _by_name(self, text: str) -> list[Hit]:
        words = folded_words(text)
        if not words:
            return []
        scores: dict[int, list[float]] = {}
        for at, word in enumerate(words):
            for other, alike in self.alike(word):
                for place in self.vocabulary[other]:
                    own = scores.setdefault(place, [0.0] * len(words))
                    own[at] = max(own[at], alike)
        best: dict[str, tuple[float, Term]] = {}
        spread: dict[str, list[float]] = {}
        for place, own in scores.items():
            term = self.terms[place]
            matched = sum(own) / len(words)
            covered = min(1.0, sum(value > 0.5 for value in own) / len(term.words))
            score = term.weight * matched * (0.85 + 0.15 * covered)
            if score > best.get(term.entity_id, (0.0, term))[0]:
                best[term.entity_id] = score, term
            over = spread.setdefault(term.entity_id, [0.0] * len(words))
            for at, value in enumerate(own):
                over[at] = max(over[at], value * term.weight)
        # words of one question may stand in several names: leiomyosarcoma, and uterus
        for entity_id, over in spread.items():
            score, term = best[entity_id]
            best[entity_id] = max(score, 0.93 * sum(over) / len(words)), term
        hits = [
            Hit(self.release.entities[entity], score, None if term.name else term.text, term.holds)
            for entity, (score, term) in best.items()
            if score > 0.3
        ]
        hits.sort(key=lambda hit: (-round(hit.score, 3), hit.entity.tier < 1,
                                   hit.entity.entity_id))  # fmt: skip
        if hits and hits[0].score >= FOUND:
            hits = [hit for hit in hits if hit.score >= 0.6 * hits[0].score]
        return hits

    def _alike(self, word: str) -> tuple[tuple[str, float], ...]:
        """Return the words of the names that are like a word, and how much."""
        found = {}
        pieces = _pieces(word)
        counts: dict[str, int] = {}
        for piece in pieces:
            for other in self._pieces.get(piece, ()):
                counts[other] = counts.get(other, 0) + 1
        for other, shared in counts.items():
            dice = 2 * shared / (len(pieces) + len(_pieces(other)))
            if other == word:
                found[other] = 1.0
            elif len(word) >= 3 and other.startswith(word):
                found[other] = 0.9 + 0.1 * len(word) / len(other) - 0.02
            elif len(word) >= 4 and word in other:
                found[other] = 0.8
            elif dice > 0.3:
                ratio = SequenceMatcher(None, word, other, autojunk=False).ratio()
                if ratio > 0.7:
                    found[other] = 0.95 * ratio
        return tuple(found.items())

    def _by_code(self, text: str, parts: Sequence[str]) -> Answer:
        entities = self.release.entities
        if len(parts) == 1 and _ENTITY.match(parts[0]):
            own = entities.get(parts[0])
            if own is not None:
                return Answer(text, (Hit(own, 1.0),), codes=True)
        sites = [_site(part) for part in parts if _SITE.match(part)]
        histologies = [m for part in parts if (m := _HISTOLOGY.match(part))]
        if not self.listed:
            return Answer(
                text, problem="This release was made with another list than the one at hand.",
                codes=True,
            )  # fmt: skip
        if len(sites) > 1 or len(histologies) > 1 or len(sites) + len(histologies) < len(parts):
            return Answer(text, problem="One site and one histology at a time.", codes=True)
        codes = [f"{m[1]}/{m[2] or 3}" for m in histologies]
        if sites and codes and "." in sites[0]:
            try:
                explained = default_list().explain(sites[0], codes[0])
            except CodeError as error:
                return Answer(text, problem=str(error), codes=True)
            near = [rule.entity for rule in explained.nearest]
            ids = [e.entity_id for e in (explained.tier2, explained.tier1) if e is not None]
            hits = [Hit(entities[e], 1.0) for e in ids if e in entities]
            hits += [Hit(entities[e.entity_id], 0.5) for e in near if e.entity_id in entities]
            return Answer(text, tuple(hits), explained, codes=True)
        return self._by_one_code(text, sites, codes)

    def _by_one_code(self, text: str, sites: Sequence[str], codes: Sequence[str]) -> Answer:
        """Return the entities that hold a site or a histology, those with most pairs first."""
        pairs = _pairs()
        if sites:
            pairs = pairs.filter(pl.col("topography").str.starts_with(sites[0]))
        if codes:
            histology, _, behaviour = codes[0].partition("/")
            pairs = pairs.filter(morphology=int(histology), behaviour=int(behaviour))
        whole = _pairs().group_by("entity_id").agg(whole=pl.len())
        counts = (
            pairs.group_by("entity_id")
            .len()
            .join(whole, on="entity_id")
            .sort(pl.col("len") / pl.col("whole"), "entity_id", descending=[True, False])
        )
        hits = [
            Hit(self.release.entities[entity], 1.0)
            for entity in counts["entity_id"]
            if entity in self.release.entities
        ]
        problem = None
        if not hits:
            kind = "site" if sites else "histology"
            problem = f"No entity of the list has this {kind}; behaviour /3 is taken unless told."
        return Answer(text, tuple(hits[:40]), problem=problem, codes=True)


@once
def index_of(release: OpenedRelease) -> SearchIndex:
    """Return the index of a release."""
    return SearchIndex(release)


def folded_words(text: str) -> tuple[str, ...]:
    """Return the words of a text in the form they are compared in.

    >>> folded_words("Osteosarkom") == folded_words("osteosarcom")
    True
    >>> folded_words("Tumours of the thymus")
    ('tumors', 'timus')
    """
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    plain = "".join(_CYRILLIC.get(c, c) for c in plain)
    words = [word for word in re.split(r"[^a-z0-9]+", plain) if word]
    kept = [word for word in words if word not in _IDLE] or words
    return tuple(map(_fold, kept))


def _fold(word: str) -> str:
    for old, new in _FOLDS:
        word = word.replace(old, new)
    return re.sub(r"([a-z])\1+", r"\1", word)


@lru_cache(maxsize=8192)
def _pieces(word: str) -> frozenset[str]:
    """Return the three-letter pieces of a word, its ends marked."""
    marked = f" {word} "
    return frozenset(marked[k : k + 3] for k in range(len(marked) - 2))


def _site(text: str) -> str:
    """Return a site as ``C40.2``, or a group of sites as ``C40``."""
    plain = text.upper().replace(".", "")
    return plain if len(plain) == 3 else f"{plain[:3]}.{plain[3]}"


def _names(release: OpenedRelease) -> Iterable[Term]:
    for entity in release.entities.values():
        name = entity.name
        parts = [name, *re.findall(r"\(([^)]+)\)", name), re.sub(r"\s*\([^)]*\)", "", name)]
        for part in dict.fromkeys(parts):
            words = folded_words(part)
            if words:
                yield Term(entity.entity_id, part, words, 1.0, name=True)
        for other in names_of(name):
            yield Term(entity.entity_id, other.text, folded_words(other.text), 1.0, name=False)
    for entity_id, synonyms in synonyms_by_entity().items():
        if entity_id in release.entities:
            for text in synonyms:
                yield Term(entity_id, text, folded_words(text), 1.0, name=False)


@lru_cache(maxsize=1)
def synonyms_by_entity() -> dict[str, tuple[str, ...]]:
    """Return everyday names and abbreviations, in English, by entity."""
    text = (files("rarecare.portal.estimates") / "synonyms.csv").read_text(encoding="utf-8")
    found: dict[str, tuple[str, ...]] = {}
    for row in csv.DictReader(text.splitlines()):
        found[row["entity_id"]] = (*found.get(row["entity_id"], ()), row["synonym"])
    return found


def _labels(release: OpenedRelease) -> Iterable[Term]:
    """Return the terms of ICD-O-3 by the entities that their codes lead to.

    A term says more of an entity the larger its share of the entity's codes.
    """
    pairs = _pairs()
    whole = pairs.group_by("entity_id").agg(whole=pl.len())
    named = morphologies().drop_nulls("label").select("morphology", "behaviour", "label")
    rows = (
        pairs.join(named, on=["morphology", "behaviour"])
        .group_by("label", "entity_id")
        .len()
        .join(whole, on="entity_id")
        .with_columns(share=pl.col("len") / pl.col("whole"))
        .with_columns(best=pl.col("share").max().over("label"))
        .sort("label", "entity_id")
    )
    for label, entity_id, share, best in rows.select(
        "label", "entity_id", "share", "best"
    ).iter_rows():
        text = re.sub(r",?\s*NOS$", "", label)
        words = folded_words(text)
        if words and entity_id in release.entities:
            yield Term(entity_id, text, words, 0.55 + 0.42 * sqrt(share / best), name=False,
                       holds=True)  # fmt: skip


@lru_cache(maxsize=1)
def _pairs() -> pl.DataFrame:
    """Return each site and listed histology that fall in an entity of the list."""
    every = (
        morphologies()
        .filter(pl.col("behaviour") == 3)
        .select("morphology", "behaviour")
        .join(topographies().select("topography"), how="cross")
    )
    found = default_list().classify(every)
    return found.filter(pl.col("entity_tier1").is_not_null()).select(
        "topography",
        "morphology",
        "behaviour",
        entity_id=pl.coalesce("entity_tier2", "entity_tier1"),
    )
