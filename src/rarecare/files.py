"""Opening tables: one door for CSV, Parquet and Stata files and for data frames.

Every column is read as text, so that nothing is guessed; the rooms above cast
what they need and name what does not fit. Every line of a text file is a record that is read,
or the file is refused with the line that cannot be.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from rarecare.encoded import check_file, decoded
from rarecare.errors import FileError, UsageError
from rarecare.lines import BLOCK, TextFile, blocks, open_text, stripped

SUFFIXES = (".csv", ".csv.gz", ".txt", ".tsv", ".parquet", ".dta")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a table came from, for provenance.

    Attributes
    ----------
    name
        File name without its folder, or ``"data frame"``.
    sha256
        Hash of the file's bytes, or of the frame's rows in order.
    rows
        Number of records read.
    delimiter
        The delimiter found, for text files.
    """

    name: str
    sha256: str
    rows: int
    delimiter: str | None = None


@dataclass(frozen=True, slots=True)
class RawTable:
    """A table as it stands in its file: every column text unless it came typed.

    Attributes
    ----------
    frame
        The records.
    source
        Where they came from.
    rows
        Line of the file of each record, the header being line 1; None: 2, 3, 4, …
    """

    frame: pl.DataFrame
    source: Source
    rows: pl.Series | None = None

    @property
    def lines(self) -> pl.Series:
        """Line of the file of each record; Int64."""
        if self.rows is not None:
            return self.rows
        return pl.int_range(2, self.frame.height + 2, dtype=pl.Int64, eager=True)


def read_table(
    source: str | Path | Any,
    *,
    delimiter: str | None = None,
    numbers: Mapping[str, type[pl.DataType]] | None = None,
    strip: bool = True,
    line_breaks: bool = False,
) -> RawTable:
    """Return the records of a file or of a data frame, every text column stripped.

    Parameters
    ----------
    source
        Path of a CSV (plain or gzip), Parquet or Stata file, any data frame that narwhals
        knows (polars, pandas, PyArrow, …), or a table read before, which is returned as it is.
    delimiter
        The character between columns of a text file. By default it is the one of
        comma, semicolon, tab and bar that the header line holds most of.
    numbers
        Columns of a text file that should hold whole numbers, and their types: they come so
        when every value of all of them fits or is blank, and as text like all others when any
        does not.
    strip
        Whether the text of a text file is stripped; where not, blanks around values stay.
    line_breaks
        Whether a quoted field may hold line breaks, as remarks of people do. Every record must
        then have the fields of the header, and every quotation mark its pair.

    Raises
    ------
    FileError
        The file is missing, empty, binary, not UTF-8, or one of its lines is no record: it has
        another number of fields than the header, a quotation mark that is not closed on it, a
        control character, or nothing at all though records follow.
    ColumnError
        A column has no name or a name occurs twice.
    UsageError
        ``source`` is neither a path nor a data frame.
    """
    if isinstance(source, RawTable):
        return source
    if isinstance(source, str | Path):
        path = Path(source)
        if line_breaks and path.suffix not in (".parquet", ".dta"):
            return _read_remarks(path, delimiter)
        return _read_file(path, delimiter, numbers or {}, strip=strip)
    import narwhals as nw  # noqa: PLC0415 - only data frames need it

    try:
        frame = nw.from_native(source, eager_only=True).to_polars()
    except TypeError:
        raise UsageError(
            "this is neither a path nor a data frame",
            value=type(source).__name__,
            allowed="a path, or a polars, pandas or PyArrow table",
        ) from None
    rows = frame.hash_rows(seed=0)
    digest = hashlib.sha256(rows.to_numpy().tobytes()).hexdigest()
    return RawTable(frame, Source("data frame", digest, frame.height))


def _read_file(
    path: Path, delimiter: str | None, numbers: Mapping[str, type[pl.DataType]], *, strip: bool
) -> RawTable:
    check_file(path)
    if path.suffix not in (".parquet", ".dta"):
        return _read_text(path, delimiter, numbers, strip=strip)
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    read = _read_parquet if path.suffix == ".parquet" else _read_stata
    return read(path, digest)


def _read_parquet(path: Path, digest: str) -> RawTable:
    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise FileError(
            f"the file is not Parquet ({str(error).splitlines()[0]})",
            file=path.name,
            remedy="Write it again, or give it the suffix of what it is.",
        ) from None
    return RawTable(frame, Source(path.name, digest, frame.height))


def _read_stata(path: Path, digest: str) -> RawTable:
    try:
        import pandas as pd  # noqa: PLC0415 - optional, and slow to import
    except ImportError:
        raise UsageError(
            "Stata files need pandas", file=path.name, remedy="Install 'rarecare[stata]'."
        ) from None
    try:
        frame = pl.from_pandas(pd.read_stata(path, convert_categoricals=False))
    except ValueError as error:
        raise FileError(f"the file is not Stata's .dta ({error})", file=path.name) from None
    return RawTable(frame, Source(path.name, digest, frame.height))


def _read_remarks(path: Path, delimiter: str | None) -> RawTable:
    """Return the records of a text file whose quoted fields may hold line breaks."""
    file = open_text(path, delimiter=delimiter)
    text = b"".join(decoded(path, "utf-8", BLOCK)).decode()
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=file.delimiter, strict=True)
    width, records = len(file.names), []
    try:
        next(lines)
        for fields in lines:
            if len(fields) != width and fields:
                raise FileError(
                    f"the record has {len(fields)} fields, the header {width}",
                    file=path.name,
                    row=lines.line_num,
                )
            if fields:
                records.append(fields)
    except csv.Error as error:
        raise FileError(
            f"a quotation mark has no pair ({error})", file=path.name, row=lines.line_num
        ) from None
    if not records:
        raise FileError("the file has a header and no records", file=path.name)
    frame = pl.DataFrame(records, schema=dict.fromkeys(file.names, pl.String), orient="row")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return RawTable(stripped(frame), Source(path.name, digest, frame.height, file.delimiter))


def _read_text(
    path: Path, delimiter: str | None, numbers: Mapping[str, type[pl.DataType]], *, strip: bool
) -> RawTable:
    file = open_text(path, delimiter=delimiter)
    with ThreadPoolExecutor(1) as pool, path.open("rb") as handle:
        digest = pool.submit(hashlib.file_digest, handle, "sha256")
        frames = _all_records(file, numbers, strip=strip)
        if len({tuple(frame.dtypes) for frame in frames}) > 1:  # some block had text for numbers
            frames = _all_records(file, {}, strip=strip)
        sha256 = digest.result().hexdigest()
    if not frames:
        raise FileError("the file has a header and no records", file=path.name)
    frame = pl.concat(frames, rechunk=True)
    return RawTable(frame, Source(path.name, sha256, frame.height, file.delimiter))


def _all_records(
    file: TextFile, numbers: Mapping[str, type[pl.DataType]], *, strip: bool
) -> list[pl.DataFrame]:
    """Return the records in some frames; refuse the file when any line is no record."""
    frames, expected = [], 2
    for block in blocks(file, numbers=numbers, strip=strip, size=BLOCK):
        lost, found = block.rejects, block.rows
        blank = _first_gap(pl.concat([found, lost["row"]]).sort(), expected)
        if blank is not None:
            raise FileError(
                "the line is blank, and records follow it",
                file=file.path.name,
                row=blank,
                remedy="Remove the line.",
            )
        if lost.height:
            first = lost.row(0, named=True)
            raise FileError(
                first["reason"],
                file=file.path.name,
                row=first["row"],
                value=first["value"],
                allowed=first["allowed"],
                remedy="Correct the line, quote the field, or give another delimiter.",
            )
        if found.len():
            frames.append(block.frame)
            expected = int(found[-1]) + 1
    return frames


def _first_gap(rows: pl.Series, expected: int) -> int | None:
    """Return the first line that is missing between those of a block and those before it."""
    if rows.is_empty() or int(rows[-1]) - expected + 1 == rows.len():
        return None
    places = pl.int_range(expected, expected + rows.len(), dtype=pl.Int64, eager=True)
    return int(places.filter(places != rows)[0])
