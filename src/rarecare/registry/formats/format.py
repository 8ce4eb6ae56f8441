"""What a layout of case files is: its columns and codes as data, read by ``read_cases``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from rarecare.errors import ColumnError
from rarecare.files import RawTable
from rarecare.registry.cases import Cases
from rarecare.registry.dates import MID_PERIOD, DateImputation
from rarecare.registry.reading import read_cases

Codes = Mapping[str, Mapping[str, str] | str]


@dataclass(frozen=True, slots=True)
class Made:
    """What a format makes of a file before its columns are read.

    Attributes
    ----------
    columns
        Columns added to the file's, under our names.
    notes
        What was decided.
    """

    columns: tuple[pl.Series, ...] = ()
    notes: tuple[str, ...] = ()


def _nothing(raw: RawTable, taken: frozenset[str], coded: frozenset[str]) -> Made:  # noqa: ARG001
    return Made()


@dataclass(frozen=True, slots=True)
class Format:
    """A layout of case files.

    Attributes
    ----------
    name
        As ``submission.toml`` names it.
    title
        In words.
    columns
        Our name -> the names it may have in a file, in lower case.
    codes
        As in ``read_cases``; they give way to those of the submission.
    signs
        Columns, in lower case, that a file of this format has, all of them.
    source, sureness
        Where the layout comes from; A read in a public source, B in part, C from memory.
    make
        What else is made of the file's columns; it takes the file, and the names whose columns
        and whose codes the submission says itself.
    """

    name: str
    title: str
    columns: Mapping[str, tuple[str, ...]]
    codes: Codes
    signs: tuple[str, ...]
    source: str
    sureness: str
    make: Callable[[RawTable, frozenset[str], frozenset[str]], Made] = _nothing

    def matched(self, present: list[str], own: Mapping[str, str]) -> dict[str, str]:
        """Return the file's column of each name of ours, those the submission maps first.

        Raises
        ------
        ColumnError
            Two columns of the file could be one of ours.
        """
        lower = {name.lower(): name for name in present}
        found = dict(own)
        for ours, names in self.columns.items():
            there = [lower[name] for name in names if name in lower]
            there = [name for name in there if name not in own.values()]
            if ours in own or not there:
                continue
            if len(there) > 1:
                raise ColumnError(
                    f"two columns of the file may be {ours}",
                    value=" and ".join(there),
                    remedy=f'Say which: {ours} = "{there[0]}".',
                )
            found[ours] = there[0]
        return found

    def read(
        self,
        raw: RawTable,
        *,
        columns: Mapping[str, str] | None = None,
        codes: Codes | None = None,
        date_format: str | None = None,
        date_imputation: DateImputation = MID_PERIOD,
    ) -> Cases:
        """Return the cases of a file in this format.

        Parameters
        ----------
        raw
            The file.
        columns, codes, date_format, date_imputation
            As in ``read_cases``; they stand above the format's own.

        Raises
        ------
        InputError, UsageError
            As ``read_cases``.
        """
        own = self.matched(raw.frame.columns, columns or {})
        made = self.make(raw, frozenset(own), frozenset(codes or {}))
        frame = raw.frame.with_columns(made.columns)
        own |= {each.name: each.name for each in made.columns}
        cases = read_cases(
            RawTable(frame, raw.source, raw.lines),
            columns=own,
            codes={**self.codes, **(codes or {})},
            date_format=date_format,
            date_imputation=date_imputation,
            keep_given=True,
        )
        return Cases(
            cases.table,
            cases.rejects,
            cases.source,
            (*made.notes, *cases.notes),
            cases.file_columns,
        )
