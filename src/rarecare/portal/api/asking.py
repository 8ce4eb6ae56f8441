"""A question to a table of a release: filters, page and format, read from an address.

The same for the interface for programs and for the page that builds such questions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Protocol
from urllib.parse import urlencode

import polars as pl

from rarecare.portal.api.refused import RefusedError
from rarecare.portal.opened import OpenedRelease, once
from rarecare.study import schema

FORMATS = ("json", "csv", "parquet")
PER_PAGE, MOST_PER_PAGE = 100, 1000
MOST_ROWS = 200_000
"""Rows of one file; more is in the release's own files."""

WITHIN = "within"
_LONGEST = 200
_OF_PAGES = ("page", "per_page", "format")


class Parameters(Protocol):
    """What Django gives of a query."""

    def __iter__(self) -> Any:
        """Yield the names."""

    def getlist(self, key: str) -> list[str]:
        """Return the values of a name."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which rows of a table are asked for.

    Attributes
    ----------
    table
        Of the release, by name.
    filters
        Values by column; a row has one of them in each.
    within
        A cancer: it and what lies below it; of tables with ``entity_id``.
    page, per_page
        From 1.
    format
        ``json`` gives a page, ``csv`` and ``parquet`` all rows.
    """

    table: str
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    within: str | None = None
    page: int = 1
    per_page: int = PER_PAGE
    format: str = "json"

    @classmethod
    def of(
        cls, release: OpenedRelease, table: str, query: Parameters, *, also: Sequence[str] = ()
    ) -> Question:
        """Return the question of an address.

        Parameters
        ----------
        release, table
            What is asked.
        query
            Names and values of the address; a name may stand several times. Empty values
            ask for nothing, but page, rows of a page and format have none.
        also
            Further names that are allowed and not looked at.

        Raises
        ------
        RefusedError
            A name or a value is not known; the message says which are.
        """
        columns = columns_of(table)
        names = [*columns, *([WITHIN] if "entity_id" in columns else []), *_OF_PAGES]
        filters: dict[str, tuple[str, ...]] = {}
        rest: dict[str, str] = {}
        for name in query:
            given = tuple(dict.fromkeys(value for value in query.getlist(name) if value != ""))
            if name in also:
                continue
            if name not in names:
                raise RefusedError(f"{table} cannot be asked for this", value=name[:_LONGEST],
                              allowed=names)  # fmt: skip
            if not given and name not in _OF_PAGES:
                continue
            if name in columns:
                known = values_of(release, table, name)
                for value in given:
                    if value not in known:
                        raise RefusedError(
                            f"{table} of this release have no such {name}", value=value[:_LONGEST],
                            allowed=known,
                        )  # fmt: skip
                filters[name] = given
            elif len(given) != 1:
                raise RefusedError(f"{name} is not given once", value=", ".join(given)[:_LONGEST],
                              allowed="one value")  # fmt: skip
            else:
                rest[name] = given[0]
        within = rest.get(WITHIN)
        if within is not None and within not in release.entities:
            raise RefusedError(
                "the list of this release has no such cancer", value=within[:_LONGEST],
                allowed=list(release.entities),
            )  # fmt: skip
        kind = rest.get("format", FORMATS[0])
        if kind not in FORMATS:
            raise RefusedError("there is no such format", value=kind[:_LONGEST], allowed=FORMATS)
        return cls(
            table, filters, within,
            _whole("page", rest.get("page", "1"), 10**9),
            _whole("per_page", rest.get("per_page", str(PER_PAGE)), MOST_PER_PAGE), kind,
        )  # fmt: skip

    def rows(self, release: OpenedRelease) -> pl.DataFrame:
        """Return all rows asked for, in the order of the release."""
        frame = release.release.tables[self.table]
        wanted = []
        for name, values in self.filters.items():
            column = pl.col(name)
            if frame.schema[name] == pl.String:
                wanted.append(column.is_in(values))
            else:
                kept = [
                    row for row in frame[name].unique() if row is not None and said(row) in values
                ]
                wanted.append(column.is_in(kept))
        if self.within is not None:
            wanted.append(pl.col("entity_id").is_in(below(release, self.within)))
        return frame.filter(*wanted) if wanted else frame

    def pages(self, total: int) -> int:
        """Return how many pages the rows fill; an empty answer is one page."""
        return max(1, ceil(total / self.per_page))

    def slice(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows of the page.

        Raises
        ------
        RefusedError
            There are not so many pages.
        """
        last = self.pages(rows.height)
        if self.page > last:
            raise RefusedError("there is no such page", value=self.page,
                          allowed=f"1 to {last}", status=404)  # fmt: skip
        return rows.slice((self.page - 1) * self.per_page, self.per_page)

    def query(self, **other: object) -> str:
        """Return the question as the end of an address, with other values where given."""
        pairs = [(name, value) for name, values in self.filters.items() for value in values]
        if self.within is not None:
            pairs.append((WITHIN, self.within))
        own = {"page": self.page, "per_page": self.per_page, "format": self.format} | other
        standard = {"page": 1, "per_page": PER_PAGE, "format": FORMATS[0]}
        pairs += [(name, str(value)) for name, value in own.items()
                  if value is not None and value != standard.get(name)]  # fmt: skip
        return f"?{urlencode(pairs)}" if pairs else ""


def columns_of(table: str) -> list[str]:
    """Return the columns a table can be asked by: words, not numbers."""
    own = schema.TABLES[table]
    left_out = ("reason", "note", "definition")
    return [name for name, kind in own.items()
            if (kind == pl.String and name not in left_out) or name == "time_years"]  # fmt: skip


@once
def values_of(release: OpenedRelease, table: str, column: str) -> tuple[str, ...]:
    """Return the values of a column, in order, as an address has them."""
    values = release.release.tables[table][column].unique().drop_nulls().sort()
    return tuple(map(said, values))


@once
def below(release: OpenedRelease, entity_id: str) -> tuple[str, ...]:
    """Return a cancer and all that lie below it."""
    found = [entity_id]
    for one in found:  # grows as it goes
        found += [child.entity_id for child in release.children.get(one, [])]
    return tuple(found)


def said(value: object) -> str:
    """Return a value as an address has it.

    >>> said(5.0), said("SI")
    ('5', 'SI')
    """
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _whole(name: str, text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and 1 <= int(text) <= most):
        raise RefusedError(f"{name} is not understood", value=text[:_LONGEST],
                      allowed=f"1 to {most}")  # fmt: skip
    return int(text)
