"""A release opened for pages: checked once, its rows at hand by entity."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, wraps
from hashlib import sha256
from pathlib import Path
from sys import intern
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import polars as pl

from rarecare.errors import FileError, RarecareError
from rarecare.study import schema
from rarecare.study.release import MANIFEST, Release, open_release

Row = Mapping[str, Any]
Rest = ParamSpec("Rest")
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Entity:
    """A cancer, a family, or all of them together.

    Attributes
    ----------
    entity_id, parent_id, family, name, icss_standard
        As in the release.
    tier
        2 and 1 as in the list, 0 for a family, -1 for all cancers or all rare cancers.
    rare
        ``rare``, ``common``, ``straddles 6``, or None where the rate is not shown.
    codes_confidence
        ``official``, ``derived`` or ``uncertain``.
    slug
        For addresses: identifier and name, ``08.02.01-osteogenic-sarcoma``.
    """

    entity_id: str
    parent_id: str | None
    family: str
    tier: int
    name: str
    rare: str | None
    codes_confidence: str
    icss_standard: str
    slug: str

    @classmethod
    def of(cls, row: Row) -> Entity:
        """Return the entity of a row of ``entities.parquet``."""
        own = {name: row[name] for name in schema.ENTITIES}
        return cls(**own, slug=f"{row['entity_id']}-{slug(row['name'])}")


class OpenedRelease:
    """A release with its tables indexed for pages.

    Parameters
    ----------
    release
        As ``open_release`` gives it.

    Attributes
    ----------
    name
        Study and the beginning of the manifest's hash: what permanent addresses name.
    entities, areas
        By identifier, in the order of the release.
    made
        What was made of the release by functions that do so ``once``.
    """

    def __init__(self, release: Release) -> None:
        assert release.folder is not None
        self.release = release
        self.manifest = release.manifest
        self.hash = sha256((release.folder / MANIFEST).read_bytes()).hexdigest()
        self.name = release_name(self.manifest, self.hash)
        self.synthetic = bool(self.manifest["study"]["synthetic"])
        self.entities = {
            row["entity_id"]: Entity.of(row) for row in release.entities.iter_rows(named=True)
        }
        self.areas: dict[str, Row] = {
            row["area"]: row for row in release.areas.iter_rows(named=True)
        }
        self.children: dict[str | None, list[Entity]] = {}
        for entity in sorted(self.entities.values(), key=lambda e: e.entity_id):
            self.children.setdefault(entity.parent_id, []).append(entity)
        self._sorted = release.estimates.sort("entity_id", maintain_order=True)
        lengths = self._sorted["entity_id"].rle().struct.unnest()
        starts = lengths["len"].cum_sum() - lengths["len"]
        self._places = dict(
            zip(lengths["value"], zip(starts, lengths["len"], strict=True), strict=True)
        )
        self._rows: dict[str, dict[str, list[dict[str, Any]]]] = {}
        self.made: dict[tuple[object, ...], Any] = {}

    @classmethod
    def open(cls, folder: Path) -> OpenedRelease:
        """Return a release after every check that ``open_release`` makes.

        Raises
        ------
        FileError, DisagreementError
            There is no release, or it is broken.
        """
        try:
            return cls(open_release(folder))
        except RarecareError:
            raise
        except (KeyError, TypeError, ValueError) as error:  # what a manifest lacks, or is not
            raise FileError(
                f"the manifest of the release is not whole ({error})",
                file=folder.name,
                value=MANIFEST,
                remedy="Get the release again.",
            ) from error

    def frame(self, entity_id: str) -> pl.DataFrame:
        """Return the estimates of an entity."""
        start, length = self._places.get(entity_id, (0, 0))
        return self._sorted.slice(start, length)

    def rows(self, entity_id: str) -> dict[str, list[dict[str, Any]]]:
        """Return the estimates of an entity by measure; they are read once."""
        if entity_id not in self._rows:
            found: dict[str, list[dict[str, Any]]] = {}
            for row in _dicts(self.frame(entity_id)):
                found.setdefault(row["measure"], []).append(row)
            self._rows[entity_id] = found
        return self._rows[entity_id]

    def row(self, entity_id: str, measure: str, **where: object) -> dict[str, Any] | None:
        """Return the one row that matches, or None; both sexes and all ages unless told."""
        wanted = {"area": schema.ALL, "sex": schema.ALL, **where}
        for row in self.rows(entity_id).get(measure, ()):
            if all(row[name] == value for name, value in wanted.items()):
                return row
        return None

    def line(self, entity: Entity) -> Sequence[Entity]:
        """Return an entity's parents, the family first."""
        found: list[Entity] = []
        parent = self.entities.get(entity.parent_id or "")
        while parent is not None and parent.tier >= 0:
            found.insert(0, parent)
            parent = self.entities.get(parent.parent_id or "")
        return found

    @cached_property
    def order(self) -> dict[str, tuple[bool, str]]:
        """The order of the whole and of the countries, by area."""
        return {
            area: (row["kind"] != "all", str(row["name"]))
            for area, row in self.areas.items()
            if row["kind"] in ("all", "country")
        }

    @cached_property
    def care(self) -> dict[str, Row]:
        """What each measure of care means, by measure."""
        return {row["measure"]: row for row in self.release.care.iter_rows(named=True)}

    @cached_property
    def cared_for(self) -> dict[str, frozenset[str]]:
        """The entities that have measures of care, by topic."""
        topics = self.release.care.select("measure", "topic")
        found = self.release.estimates.select("measure", "entity_id").unique().join(
            topics, on="measure"
        )  # fmt: skip
        return {
            str(topic): frozenset(found.filter(topic=topic)["entity_id"])
            for topic in found["topic"].unique()
        }

    @cached_property
    def checks(self) -> dict[str, dict[str, Row]]:
        """Checks of all registries and years together, by entity and indicator."""
        found: dict[str, dict[str, Row]] = {}
        whole = self.release.quality.filter(registry=schema.ALL, period=schema.ALL)
        for row in whole.iter_rows(named=True):
            found.setdefault(row["entity_id"], {})[row["indicator"]] = row
        return found

    @cached_property
    def period(self) -> str:
        """Years of diagnosis: ``1995-2007``."""
        first, last = (day[:4] for day in self.manifest["study"]["period"])
        return first if first == last else f"{first}-{last}"


def once(
    make: Callable[Concatenate[OpenedRelease, Rest], Made],
) -> Callable[Concatenate[OpenedRelease, Rest], Made]:
    """Make what a function makes of a release once; it goes with the release. No one changes it."""

    @wraps(make)
    def made(release: OpenedRelease, /, *rest: Rest.args, **options: Rest.kwargs) -> Made:
        key = make, rest, tuple(options.items())
        if key not in release.made:
            release.made[key] = make(release, *rest, **options)
        return cast("Made", release.made[key])

    return made


class _Line:
    """A row of a table: its instances share the names of the columns."""


def _dicts(frame: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table as small dicts: a sixth of what those of ``to_dicts`` take.

    The names of the columns are stored once (PEP 412), and so is each text.
    """
    names = frame.columns
    columns = [
        [text and intern(text) for text in column.to_list()]
        if column.dtype == pl.String
        else column.to_list()
        for column in frame
    ]
    for values in zip(*columns, strict=True):
        row = vars(_Line())
        row.update(zip(names, values, strict=True))
        yield row


def release_name(manifest: Mapping[str, Any], digest: str) -> str:
    """Return the name of a release in permanent addresses.

    >>> release_name({"study": {"name": "Rare cancers 2026"}}, "0123456789abcdef")
    'rare-cancers-2026-0123456789'
    """
    return f"{slug(manifest['study']['name'])}-{digest[:10]}"


def slug(name: str) -> str:
    """Return a name for addresses.

    >>> slug("Sarcoma of breast (all kinds)")
    'sarcoma-of-breast-all-kinds'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "cancer"
