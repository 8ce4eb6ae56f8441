"""Reading a submission: every record is read or rejected with its reason, or the reading fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from rarecare.errors import CaseError, InputError
from rarecare.files import RawTable
from rarecare.lines import BLOCK, TextFile, open_text
from rarecare.registry.cases import Cases
from rarecare.registry.encr import read_encr
from rarecare.registry.encr_columns import NUMBERS
from rarecare.registry.formats import FORMATS
from rarecare.registry.formats.seerstat import Dictionary, labelled, read_dictionary
from rarecare.registry.submission.config import CaseFile, Submission
from rarecare.registry.submission.counts import READERS
from rarecare.registry.submission.mangled import name_mangled, refuse_rounded_ids
from rarecare.registry.submission.raw import Records, parts, whole
from rarecare.registry.submission.records import REJECTS, Count, Facts, Kind, Submitted


def read_submission(folder: str | Path) -> Submitted:
    """Return what a registry submitted: the files that ``submission.toml`` in a folder names.

    Raises
    ------
    FileError
        A file is missing, empty, damaged, in another encoding, or none of its records can be read.
    ColumnError
        A column that is needed is missing.
    CodeError, CaseError
        As ``read_cases``.
    UsageError
        ``submission.toml`` is faulty, or is a proposal that nobody has confirmed.
    """
    folder = Path(folder)
    submission = Submission.read(folder)
    how = _how(folder, submission.cases)
    records = whole(folder, submission.cases, **how.arguments)
    return _with_tables(_submitted(records, submission, how), folder, submission)


def submission_parts(folder: str | Path, *, size: int = BLOCK) -> Iterator[Submitted]:
    """Yield what a registry submitted, part by part; the parts together hold every record once.

    Each part is read by itself, so that memory does not grow with the file of cases. Each carries
    the population, life table and mortality; their rejects, counts and notes stand in part 0.
    A part has no column ``…_precision`` of dates that are all whole in it.

    Parameters
    ----------
    folder
        Folder with a ``submission.toml``.
    size
        Bytes of a text file read at once.

    Raises
    ------
    InputError, UsageError
        As ``read_submission``; a fault far down the file shows when its part is read.
    """
    folder = Path(folder)
    submission = Submission.read(folder)
    how = _how(folder, submission.cases)
    first: Submitted | None = None
    for number, records in enumerate(parts(folder, submission.cases, size=size, **how.arguments)):
        read = replace(_submitted(records, submission, how), part=number)
        if first is None:
            first = read = _with_tables(read, folder, submission)
        yield replace(
            read,
            population=first.population,
            life_table=first.life_table,
            mortality=first.mortality,
            sources=first.sources,
        )


@dataclass(frozen=True, slots=True)
class _How:
    """How the file of cases is read."""

    arguments: dict[str, Any]
    dictionary: Dictionary | None = None


def _how(folder: Path, own: CaseFile) -> _How:
    if own.format == "encr":
        return _How({"numbers": NUMBERS, "strip": False})
    if own.dictionary is None:
        return _How({})
    said = read_dictionary(folder / own.dictionary)
    text: TextFile = open_text(
        folder / own.file, delimiter=said.delimiter, encoding=own.encoding, names=said.names
    )
    return _How({"text": replace(text, header=said.header)}, said)


def _submitted(records: Records, submission: Submission, how: _How) -> Submitted:
    """Return the cases of some records and what was rejected."""
    cases = _cases(records.table, submission.cases, submission.facts, how.dictionary)
    table, refused = refuse_rounded_ids(cases.table)
    rejects = name_mangled(pl.concat([records.rejects, cases.rejects, refused]))
    count = Count("cases", records.count, table.height, records.rejects.height)
    notes = list(cases.notes)
    if count.rejected:
        first = records.rejects.row(0, named=True)
        notes.insert(
            0,
            f"{count.rejected} of {count.records} records were not read, the first in line "
            f"{first['row']}: {first['reason']}",
        )
    return Submitted(
        facts=submission.facts,
        cases=table,
        rejects=rejects.select(pl.lit("cases").alias("file"), *list(REJECTS)[1:]).sort(
            "row", maintain_order=True
        ),
        counts=(count,),
        sources={"cases": cases.source},
        notes=tuple(notes),
        file_columns=cases.file_columns,
    )


def _cases(table: RawTable, own: CaseFile, facts: Facts, dictionary: Dictionary | None) -> Cases:
    if own.format == "encr":
        return read_encr(table, registry=facts.registry, keep_given=True)
    if dictionary is not None:
        table = RawTable(labelled(table.frame, dictionary), table.source, table.lines)
    cases = FORMATS[own.format].read(
        table, columns=own.columns, codes=own.codes, date_format=own.date_format
    )
    if "incidence_date" not in cases.table.columns:
        raise CaseError(
            "the file of cases has no date of incidence",
            file=table.source.name,
            allowed=table.frame.columns,
            remedy='Name its column in [cases.columns]: incidence_date = "…".',
        )
    if "registry" in cases.table.columns:
        return cases
    named = cases.table.select("row", pl.lit(facts.registry).alias("registry"), pl.exclude("row"))
    return replace(cases, table=named)


def _with_tables(read: Submitted, folder: Path, submission: Submission) -> Submitted:
    """Return the submission with its population, life table and mortality."""
    kinds: tuple[Kind, ...] = ("population", "life_table", "mortality")
    for kind in kinds:
        own = getattr(submission, kind)
        if own is None:
            continue
        records = whole(folder, own)
        try:
            made = READERS[kind](records.table, own)
        except InputError as error:
            raise type(error)(f"[{kind}] {error}") from None
        lost = records.rejects.select(pl.lit(kind).alias("file"), *list(REJECTS)[1:])
        tables: dict[str, Any] = {kind: made.table}
        read = replace(
            read,
            **tables,
            rejects=pl.concat([read.rejects, lost, name_mangled(made.rejects)]),
            counts=(*read.counts, Count(kind, records.count, made.table.height, lost.height)),
            sources={**read.sources, kind: records.table.source},
            notes=(*read.notes, *made.notes),
        )
    return read
