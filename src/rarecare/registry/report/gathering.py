"""The parts of a submission put together again, each record shrunk to what a report looks at.

Memory grows with the number of records, not with the columns of the file: about 100 bytes for
each record.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import polars as pl

from rarecare.errors import UsageError
from rarecare.registry.cases import BY_NAME
from rarecare.registry.submission import Count, Submitted

KEPT = (
    *("row", "registry", "patient_id", "tumour_id", "sex", "incidence_date", "age", "age_days"),
    *("follow_up_days", "vital_status", "topography", "morphology", "behaviour"),
    *("basis_of_diagnosis", "autopsy", "stage", "resident"),
)
"""What the accounting of exclusions, the entities and the quality are made of."""

_WORDS: Mapping[str, pl.Enum] = {
    name: pl.Enum([word for word in dict.fromkeys(BY_NAME[name].codes.values()) if word])
    for name in ("sex", "vital_status", "stage", "resident")
}
_COUNTED = re.compile(r"()(\d+) of \d+( .*)", re.DOTALL)
_MOVED = re.compile(r"(imputed dates of )(\d+)( cases were moved .*)", re.DOTALL)
_FIRST = ", the first in line "


class Gathered:
    """A submission, fed part by part."""

    def __init__(self) -> None:
        self._first: Submitted | None = None
        self._cases: list[pl.DataFrame] = []
        self._rejects: list[pl.DataFrame] = []
        self._counts: list[Count] = []
        self._notes: list[tuple[str, ...]] = []

    def through(self, parts: Iterable[Submitted]) -> Iterator[Submitted]:
        """Yield the parts as they come, keeping of each what a report needs."""
        for part in parts:
            self._first = self._first or replace(part, cases=part.cases.clear())
            self._cases.append(_shrunk(part.cases))
            self._rejects.append(part.rejects)
            self._counts += part.counts
            self._notes.append(part.notes)
            yield part

    def whole(self) -> Submitted:
        """Return what went through as one submission, with the columns of ``KEPT`` it has.

        Raises
        ------
        UsageError
            Nothing went through.
        """
        if self._first is None:
            raise UsageError("there is nothing to report on", allowed="a submission, or its parts")
        cases = pl.concat(self._cases, how="diagonal")
        self._cases.clear()
        sources = dict(self._first.sources)
        if "cases" in sources:
            sources["cases"] = replace(sources["cases"], rows=cases.height)
        return replace(
            self._first,
            cases=cases.select(name for name in KEPT if name in cases.columns),
            rejects=pl.concat(self._rejects),
            counts=tuple(_added(self._counts)),
            sources=sources,
            notes=merged_notes(self._notes),
            part=None,
        )


def _shrunk(cases: pl.DataFrame) -> pl.DataFrame:
    kept = cases.select(name for name in KEPT if name in cases.columns)
    return kept.with_columns(
        pl.col(name).cast(words) for name, words in _WORDS.items() if name in kept.columns
    )


def _added(counts: list[Count]) -> Iterator[Count]:
    """Yield one count of each file."""
    for file in dict.fromkeys(one.file for one in counts):
        own = [one for one in counts if one.file == file]
        yield Count(
            file,
            sum(one.records for one in own),
            sum(one.read for one in own),
            sum(one.rejected for one in own),
        )


def merged_notes(notes: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the notes of all parts as those of the whole.

    Notes alike but for "N of M" in front, M of the part, become one with the sum of N; M goes,
    for parts without the note do not say theirs. What the first part names as the first stays.

    Examples
    --------
    >>> merged_notes([("1 of 5 days were new", "no month"), ("2 of 4 days were new",)])
    ('3 days were new', 'no month')
    """
    parts = list(notes)
    if len(parts) == 1:
        return parts[0]
    counts: dict[tuple[str, str], int] = {}
    said: dict[tuple[str, str], str] = {}
    for note in (note for part in parts for note in part):
        found = _COUNTED.fullmatch(note) or _MOVED.fullmatch(note)
        before, count, text = found.groups() if found else (note, "0", "")
        key = (before, text.partition(_FIRST)[0])
        counts[key] = counts.get(key, 0) + int(count)
        said.setdefault(key, text)
    return tuple(f"{key[0]}{counts[key]}{text}" if text else key[0] for key, text in said.items())
