"""A text file line by line: each line is a record read, or rejected with its reason.

One line is one record, so a quotation mark that is never closed cannot swallow the rest of the
file. Behind the last column of every line stands a mark of our own while it is read: where the
mark is not found behind the last column of the header, the line has another number of fields.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.encoded import Encoding, check_file, count, decoded
from rarecare.errors import ColumnError, FileError

DELIMITERS = ",;\t|"
"""What may stand between the columns of a text file."""

NOT_READ = {
    "row": pl.Int64,
    "column": pl.String,
    "value": pl.String,
    "reason": pl.String,
    "allowed": pl.String,
}
"""Columns of what was not read: of a whole line, ``column`` is null."""

BLOCK = 32 << 20
"""Bytes read at once."""

_MARK = "\x1f"
_MARK_COLUMN = "\x1f"
_CONTROL = r"[\x00-\x08\x0b-\x1f]"
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class TextFile:
    """A text file whose header has been read.

    Attributes
    ----------
    path
        Where it is.
    names
        Its columns.
    delimiter
        What stands between them.
    encoding
        How its text is encoded.
    header
        Whether its first line holds the names.
    """

    path: Path
    names: tuple[str, ...]
    delimiter: str
    encoding: Encoding = "utf-8"
    header: bool = True


@dataclass(frozen=True, slots=True)
class Block:
    """Some lines of a file.

    Attributes
    ----------
    frame
        One row per line read: text, or numbers where they were asked for and every value fits.
    rows
        Line of the file of each row, the first being line 1; Int64, shape (n_rows,).
    rejects
        One row per line not read: the columns of ``NOT_READ``.
    """

    frame: pl.DataFrame
    rows: pl.Series
    rejects: pl.DataFrame


def open_text(
    path: Path,
    *,
    delimiter: str | None = None,
    encoding: Encoding = "utf-8",
    names: tuple[str, ...] | None = None,
) -> TextFile:
    """Return a text file with its columns, read from its first line unless ``names`` are given.

    Raises
    ------
    FileError
        It is missing, empty, binary, or in another encoding.
    ColumnError
        A column has no name, or two have one.
    """
    check_file(path)
    first = next(decoded(path, encoding, 1 << 16), b"")
    line = first[: first.find(b"\n")].decode().strip("\r")
    if not line.strip():
        raise FileError("the first line is blank", file=path.name, remedy="Begin with the header.")
    if line.lower().startswith("sep=") and names is None:
        raise FileError(
            "the first line is a note for Excel, not the header",
            file=path.name,
            row=1,
            value=line[:_SHOWN],
            remedy="Remove the line.",
        )
    found = delimiter or max(DELIMITERS, key=line.count)
    if names is None:
        _refuse_control(line, path.name)
        try:
            names = tuple(name.strip() for name in next(csv.reader([line], delimiter=found)))
        except csv.Error as error:
            raise FileError(
                f"the header cannot be read ({error})", file=path.name, row=1, value=line[:_SHOWN]
            ) from None
        _check_names(names, path.name)
        return TextFile(path, names, found, encoding)
    return TextFile(path, names, found, encoding, header=False)


def blocks(
    file: TextFile,
    *,
    numbers: Mapping[str, type[pl.DataType]] | None = None,
    strip: bool = True,
    size: int = BLOCK,
) -> Iterator[Block]:
    """Yield the records of a file, some lines at a time, in their order.

    Blank lines are no records. Every other line below the header is a row of a frame or of
    ``rejects``.

    Parameters
    ----------
    numbers
        Columns that should hold whole numbers, and their types: they come so in each block where
        every value of all of them fits or is blank, and as text like all others elsewhere.
    strip
        Whether blanks around values go.
    size
        Bytes read at once; a longer line is read whole.

    Raises
    ------
    FileError
        The file is in another encoding, damaged, or its quotation marks defy reading.
    """
    row = 1
    for number, block in enumerate(decoded(file.path, file.encoding, size)):
        lines = block
        if number == 0 and file.header:
            lines = block[block.find(b"\n") + 1 :]
            row += 1
        n_lines = count(lines, b"\n")
        if n_lines:
            read = _quick(lines, n_lines, file, numbers or {}, row)
            read = read or _line_by_line(lines, file, numbers or {}, row)
            yield Block(stripped(read.frame) if strip else read.frame, read.rows, read.rejects)
        row += n_lines


def _quick(
    lines: bytes, n_lines: int, file: TextFile, numbers: Mapping[str, type[pl.DataType]], row: int
) -> Block | None:
    """Return the lines when there is nothing amiss with any of them, else None."""
    quotes = b'"' in lines
    codes = np.frombuffer(lines, np.uint8)
    if np.count_nonzero(codes < 32) > n_lines + count(lines, b"\t"):  # control characters
        return None
    if quotes and not _quoted_well(codes, file.delimiter):
        return None
    frame = _parsed(lines, file, numbers, quotes=quotes)
    if frame is None or frame.height != n_lines or not _whole(frame).all():
        return None
    frame = frame.drop(_MARK_COLUMN)
    if _may_be_empty(frame):
        return None
    rows = pl.int_range(row, row + n_lines, dtype=pl.Int64, eager=True)
    return Block(frame, rows, pl.DataFrame(schema=NOT_READ))


def _quoted_well(codes: NDArray[np.uint8], delimiter: str) -> bool:
    """Return whether each quotation mark opens a field, closes it on its line, or is doubled.

    ``codes`` are the bytes of whole lines, shape (n_bytes,). Counted from 0, marks of even number
    open and of odd number close; a doubled one closes and opens again.
    """
    newline, mark = ord("\n"), ord('"')
    marks = np.flatnonzero(codes == mark)
    ends = np.flatnonzero(codes == newline)
    if (np.searchsorted(marks, ends) % 2).any():
        return False  # a line ends within a field
    before = codes[marks[::2] - 1]
    after = codes[marks[1::2] + 1]
    between = [newline, mark, ord(delimiter)]
    return bool(np.isin(before, between).all() and np.isin(after, between).all())


def stripped(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame without blanks around its text; text that is blank is null."""
    if pl.String not in frame.dtypes:
        return frame
    frame = frame.with_columns(pl.col(pl.String).str.strip_chars())
    blank = frame.select((pl.col(pl.String) == "").any()).row(0, named=True)
    return frame.with_columns(pl.col(c).replace("", None) for c in blank if blank[c])


def _may_be_empty(frame: pl.DataFrame) -> bool:
    """Return whether every field of some line is blank."""
    first = frame.columns[0]
    blank = pl.col(first).cast(pl.String).str.strip_chars().fill_null("") == ""
    doubtful = frame.filter(blank).select(pl.all().cast(pl.String).str.strip_chars().fill_null(""))
    return bool(doubtful.select(pl.all_horizontal(pl.all() == "").any()).item())


def _line_by_line(
    block: bytes, file: TextFile, numbers: Mapping[str, type[pl.DataType]], row: int
) -> Block:
    """Return the lines that can be read, and say of each of the others why not."""
    lines = pl.DataFrame({"line": block.decode().split("\n")[:-1]}).with_row_index("row", row)
    lines = lines.with_columns(pl.col("row").cast(pl.Int64)).filter(
        pl.col("line").str.strip_chars() != ""
    )
    delimiter, width = file.delimiter, len(file.names)
    line = pl.col("line")
    bare = line.str.replace_all(r'"(?:[^"]|"")*"', "q")
    between = "".join(f"\\x{{{ord(each):x}}}" for each in delimiter)
    well_formed = line.str.contains(
        rf'^(?:[^"{between}]*|"(?:[^"]|"")*")(?:{between}(?:[^"{between}]*|"(?:[^"]|"")*"))*$'
    )
    fields = bare.str.count_matches(delimiter, literal=True) + 1
    nothing = (
        line.str.replace_all(delimiter, "", literal=True)
        .str.replace_all('"', "", literal=True)
        .str.strip_chars()
        == ""
    )
    lines = lines.with_columns(
        reason=pl.when(line.str.contains(_CONTROL))
        .then(pl.lit("the line holds a NUL byte, a carriage return or another control character"))
        .when(line.str.contains('"', literal=True) & ~well_formed)
        .then(pl.lit("a quotation mark is not closed on the line, or stands within a field"))
        .when(fields != width)
        .then(pl.format("the line has {} fields, the header " + str(width), fields))
        .when(nothing)
        .then(pl.lit("every field of the line is empty"))
    )
    good = lines.filter(pl.col("reason").is_null())
    text = "\n".join([*good["line"], ""]).encode()
    frame = _parsed(text, file, numbers, quotes=True)
    if frame is None or frame.height != good.height or not _whole(frame).all():
        first = 0 if frame is None else int([*(~_whole(frame)).arg_true(), 0][0])
        raise FileError(
            f"the file cannot be read with the delimiter {delimiter!r}",
            file=file.path.name,
            row=good["row"][first] if good.height else row,
            remedy="Give the delimiter, or export the file again without quotation marks.",
        )
    rejects = lines.filter(pl.col("reason").is_not_null()).select(
        "row",
        column=pl.lit(None, pl.String),
        value=line.str.slice(0, _SHOWN).str.replace_all(_CONTROL, "?"),
        reason="reason",
        allowed=pl.lit(f"{width} fields divided by {delimiter!r}"),
    )
    return Block(frame.drop(_MARK_COLUMN), good["row"].rename(""), rejects)


def _parsed(
    lines: bytes, file: TextFile, numbers: Mapping[str, type[pl.DataType]], *, quotes: bool
) -> pl.DataFrame | None:
    """Return the fields of some lines and the mark behind them; None where polars refuses."""
    text: dict[str, type[pl.DataType]] = dict.fromkeys((*file.names, _MARK_COLUMN), pl.String)
    if not lines:
        return pl.DataFrame(schema=text)
    marked = lines.replace(b"\n", f"{file.delimiter}{_MARK}\n".encode())
    typed = text | {name: kind for name, kind in numbers.items() if name in text}
    for schema in [typed, text] if typed != text else [text]:
        try:
            return pl.read_csv(
                marked,
                separator=file.delimiter,
                schema=schema,
                has_header=False,
                quote_char='"' if quotes else None,
                truncate_ragged_lines=True,
            )
        except pl.exceptions.PolarsError:
            continue  # a value that is no number, or a line of another width
    return None


def _whole(frame: pl.DataFrame) -> pl.Series:
    """Return whether each line has as many fields as the header."""
    return (frame[_MARK_COLUMN] == _MARK).fill_null(value=False)


def _refuse_control(line: str, file: str) -> None:
    if re.search(_CONTROL, line):
        raise FileError(
            "the header holds control characters, such as a carriage return within a name: "
            "the file is binary, or damaged",
            file=file,
            row=1,
            allowed="text, Excel (.xlsx), Parquet (.parquet) or Stata (.dta)",
            remedy="Give it the suffix of what it is, or export it as text.",
        )


def _check_names(names: tuple[str, ...], file: str) -> None:
    for place, name in enumerate(names, start=1):
        if not name:
            raise ColumnError(f"column {place} has no name", file=file, row=1)
        if names.index(name) != place - 1:
            raise ColumnError("two columns have one name", file=file, row=1, value=name)
