"""What a file's bytes say of how it is written: encoding, delimiter, dates, columns.

Everything found comes with its reason and how sure it is. Where two readings fit, nothing is
chosen: the caller must say.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

import polars as pl

from rarecare.encoded import Encoding
from rarecare.errors import ColumnError, UsageError
from rarecare.files import read_table
from rarecare.lines import DELIMITERS, blocks, open_text
from rarecare.registry.cases import BY_NAME
from rarecare.registry.casts import as_text, code_map, read_column
from rarecare.registry.dates import DateReading
from rarecare.registry.submission.raw import EXCEL, TYPED, read_excel

Sureness = Literal["sure", "likely", "check"]
LAYOUTS = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d", "%d%b%Y", "%Y.%m.%d")
"""Layouts of dates tried where they are not ISO dates."""

_HEAD = 1 << 20
_LINES = 200
_LATIN: tuple[Encoding, ...] = ("windows-1252", "windows-1250", "windows-1251")
_FITS = 0.9


@dataclass(frozen=True, slots=True)
class Guess:
    """One thing proposed.

    Attributes
    ----------
    file, what, value
        Of which file, what, and what is proposed.
    why
        The reason.
    sureness
        ``sure``: the file says so; ``likely``: everything seen fits; ``check``: look at it.
    """

    file: str
    what: str
    value: str
    why: str
    sureness: Sureness


@dataclass(frozen=True, slots=True)
class Sniffed:
    """A file as far as its first lines tell.

    Attributes
    ----------
    name
        Its name in the folder.
    sample
        Its first records, every column text.
    guesses
        How it is written.
    encoding, delimiter
        Of a text file.
    """

    name: str
    sample: pl.DataFrame
    guesses: tuple[Guess, ...] = ()
    encoding: Encoding | None = None
    delimiter: str | None = None
    lower: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        lower = {name.lower().replace("_", " ").strip(): name for name in self.sample.columns}
        object.__setattr__(self, "lower", lower)

    def has(self, *names: str) -> str | None:
        """Return the file's column of the first of these names, whatever case and ``_``."""
        plain = (name.replace("_", " ") for name in names)
        return next((self.lower[name] for name in plain if name in self.lower), None)


def sniffed(
    folder: Path, name: str, *, encoding: Encoding | None, delimiter: str | None
) -> Sniffed:
    """Return what the first lines of a file tell.

    Raises
    ------
    UsageError
        Two encodings or two delimiters fit.
    InputError
        The file cannot be read.
    """
    path = folder / name
    suffix = path.suffix.lower()
    if suffix in EXCEL:
        return Sniffed(name, read_excel(path, None).frame.head(10 * _LINES))
    if suffix in TYPED:
        frame = read_table(path).frame.head(10 * _LINES)
        return Sniffed(name, pl.DataFrame([as_text(frame[column]) for column in frame.columns]))
    guesses = []
    if encoding is None:
        encoding, why, how = _encoding(path)
        guesses.append(Guess(name, "encoding", encoding, why, how))
    if delimiter is None:
        delimiter, why, how = _delimiter(path, encoding)
        guesses.append(Guess(name, "delimiter", repr(delimiter), why, how))
    file = open_text(path, delimiter=delimiter, encoding=encoding)
    sample = next(blocks(file, size=_HEAD), None)
    frame = pl.DataFrame(schema=dict.fromkeys(file.names, pl.String))
    return Sniffed(
        name, frame if sample is None else sample.frame, tuple(guesses), encoding, delimiter
    )


def _encoding(path: Path) -> tuple[Encoding, str, Sureness]:
    raw = path.read_bytes()
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", "the file begins with UTF-16's mark", "sure"
    if raw.startswith(b"\x1f\x8b"):
        return "utf-8", "a compressed file; its text is taken as UTF-8", "check"
    if raw.isascii():
        return "utf-8", "all letters are plain (ASCII)", "sure"
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        start = raw.rfind(b"\n", 0, error.start) + 1
        end = raw.find(b"\n", error.start)
        line = raw[
            max(start, error.start - 20) : min(end if end > 0 else len(raw), error.start + 20)
        ]
        readings = [f"{each} {line.decode(each, errors='replace').strip()!r}" for each in _LATIN]
        raise UsageError(
            "the file is not UTF-8, and which encoding it has only its reader can tell",
            file=path.name,
            row=raw.count(b"\n", 0, error.start) + 1,
            allowed="; ".join(readings),
            remedy="Say --encoding with the one whose letters are right.",
        ) from None
    return "utf-8", "its letters beyond ASCII are UTF-8", "sure"


def _delimiter(path: Path, encoding: Encoding) -> tuple[str, str, Sureness]:
    """Return the delimiter that divides every line into as many fields as the header."""
    fits = {}
    for each in DELIMITERS:
        try:
            file = open_text(path, delimiter=each, encoding=encoding)
        except ColumnError:  # a column without a name: not this one
            continue
        if len(file.names) < 2:
            continue
        block = next(blocks(file, size=_HEAD), None)
        read = block.frame.height if block is not None else 0
        seen = read + (block.rejects.height if block is not None else 0)
        if read >= _FITS * seen and seen:
            fits[each] = (len(file.names), read, seen)
    if len(fits) != 1:
        said = [f"{each!r} makes {n[0]} columns" for each, n in fits.items()]
        raise UsageError(
            "two delimiters fit the file" if fits else "no delimiter fits the file",
            file=path.name,
            allowed="; ".join(said) or [repr(each) for each in DELIMITERS],
            remedy="Say --delimiter.",
        )
    ((found, (columns, read, seen)),) = fits.items()
    why = f"{read} of {seen} lines looked at have {columns} fields, as the header"
    return found, why, "sure" if read == seen else "check"


def fit(
    values: pl.Series,
    name: str,
    *,
    date_format: str | None = None,
    codes: Mapping[str, str] | str | None = None,
) -> tuple[int, int]:
    """Return how many values a canonical column can take, and how many there are."""
    text = as_text(values).drop_nulls()
    if not text.len():
        return 0, 0
    field = BY_NAME[name]
    dates = DateReading(date_format)
    read = read_column(text, field, codes=code_map(field, codes), dates=dates)
    return text.len() - read.rejects.height, text.len()


def unread(
    values: pl.Series,
    name: str,
    *,
    date_format: str | None = None,
    codes: Mapping[str, str] | str | None = None,
) -> list[str]:
    """Return the values that a canonical column cannot take, each once."""
    field = BY_NAME[name]
    text = as_text(values).drop_nulls().unique()
    read = read_column(text, field, codes=code_map(field, codes), dates=DateReading(date_format))
    return sorted(set(read.rejects["value"]))


def date_layout(
    columns: Mapping[str, pl.Series], file: str, given: str | None
) -> tuple[str | None, Guess | None]:
    """Return the layout of dates that fits all columns, None for ISO or YYYYMMDD.

    Raises
    ------
    UsageError
        Several fit, as 01/02/2003 does for day and month, or none.
    """
    filled = {name: each for name, each in columns.items() if as_text(each).drop_nulls().len()}
    if given is not None or not filled:
        return given, None
    layouts: Sequence[str | None] = (None, *LAYOUTS)
    good = [
        layout
        for layout in layouts
        if all(
            read >= _FITS * seen
            for read, seen in (fit(each, name, date_format=layout) for name, each in filled.items())
        )
    ]
    if len(good) == 1:
        shown = good[0] or "YYYY-MM-DD or YYYYMMDD"
        why = f"the first {sum(each.len() for each in filled.values())} dates are so"
        return good[0], Guess(file, "dates", shown, why, "likely")
    first = next(iter(filled.items()))
    raise UsageError(
        "two layouts fit the dates" if good else "no layout known fits the dates",
        file=file,
        column=first[1].name,
        value=as_text(first[1]).drop_nulls()[0],
        allowed=[cast(str, each) for each in good] or list(LAYOUTS),
        remedy="Say --date-format.",
    )
