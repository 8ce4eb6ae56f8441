"""Opening tables: one door for CSV, Parquet and Stata files and for data frames.

Every column is read as text, so that nothing is guessed; the rooms above cast
what they need and name what does not fit.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from rarecare.errors import ColumnError, FileError, UsageError

SUFFIXES = (".csv", ".csv.gz", ".txt", ".tsv", ".parquet", ".dta")
DELIMITERS = ",;\t|"
"""What may stand between the columns of a text file."""

_NOT_BLANK = re.compile(rb"\S")


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

    Raises
    ------
    FileError
        The file is missing, empty, binary, not UTF-8, or its lines do not match its header.
    ColumnError
        A column has no name or a name occurs twice.
    UsageError
        ``source`` is neither a path nor a data frame.
    """
    if isinstance(source, RawTable):
        return source
    if isinstance(source, str | Path):
        return _read_file(Path(source), delimiter, numbers or {}, strip=strip)
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
    if not path.exists():
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise FileError(
            "there is no such file",
            value=path.name,
            allowed=sorted(s for s in siblings if s.endswith(SUFFIXES)) or "an existing file",
            remedy=f"Looked in {path.parent}.",
        )
    if path.is_dir():
        raise FileError("this is a folder, not a file", value=str(path), allowed="a file")
    size = path.stat().st_size
    if size == 0:
        raise FileError("the file is empty", file=path.name, remedy="Export it again.")
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


def _read_text(
    path: Path, delimiter: str | None, numbers: Mapping[str, type[pl.DataType]], *, strip: bool
) -> RawTable:
    raw = path.read_bytes()
    with ThreadPoolExecutor(1) as pool:
        digest = pool.submit(hashlib.sha256, raw)
        frame, found = _text_frame(raw, path, delimiter, numbers)
        sha256 = digest.result().hexdigest()
    frame = stripped(frame) if strip else frame
    return RawTable(frame, Source(path.name, sha256, frame.height, found))


def stripped(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame without blanks around its text; text that is blank is null."""
    if pl.String not in frame.dtypes:
        return frame
    frame = frame.with_columns(pl.col(pl.String).str.strip_chars())
    blank = frame.select((pl.col(pl.String) == "").any()).row(0, named=True)
    return frame.with_columns(pl.col(c).replace("", None) for c in blank if blank[c])


def _text_frame(
    raw: bytes, path: Path, delimiter: str | None, numbers: Mapping[str, type[pl.DataType]]
) -> tuple[pl.DataFrame, str]:
    """Return the records of a text file and its delimiter."""
    if raw[:2] == b"\x1f\x8b":
        import gzip  # noqa: PLC0415 - only compressed files need it

        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError) as error:
            raise FileError(f"the gzip file is damaged ({error})", file=path.name) from None
    if b"\x00" in raw[:65536]:
        raise FileError(
            "the file is binary, not text",
            file=path.name,
            allowed="CSV text in UTF-8, Parquet (.parquet) or Stata (.dta)",
            remedy="Give it the suffix of what it is, or export it as text.",
        )
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    end = raw.find(b"\n")
    header_line = raw[:end] if end >= 0 else raw
    try:
        (header_line if raw.isascii() else raw).decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileError(
            "the file is not UTF-8",
            file=path.name,
            row=raw.count(b"\n", 0, error.start) + 1,
            value=raw[error.start : error.start + 1],
            remedy="Save it as UTF-8 (from Latin-1: iconv -f latin1 -t utf-8).",
        ) from None
    header = header_line.decode("utf-8").rstrip("\r")
    found = delimiter or max(DELIMITERS, key=header.count)
    try:
        names = next(csv.reader([header], delimiter=found))
    except csv.Error as error:
        raise FileError(
            f"the header cannot be read ({error})",
            file=path.name,
            row=1,
            remedy="Look for a carriage return within a name.",
        ) from None
    _check_names(names, path.name)
    if end < 0 or not _NOT_BLANK.search(raw, end):
        raise FileError("the file has a header and no records", file=path.name)
    return _parse(raw, found, names, numbers, path.name), found


def _parse(
    raw: bytes,
    delimiter: str,
    names: list[str],
    numbers: Mapping[str, type[pl.DataType]],
    file: str,
) -> pl.DataFrame:
    text: dict[str, type[pl.DataType]] = dict.fromkeys(names, pl.String)
    typed = text | {name: numbers[name] for name in names if name in numbers}
    for schema in [typed, text] if typed != text else [text]:
        try:
            return pl.read_csv(raw, separator=delimiter, schema=schema).rechunk()
        except pl.exceptions.PolarsError:
            continue  # a value that is no number, or a line of another width
    raise _ragged(raw, delimiter, file)


def _check_names(names: list[str], file: str) -> None:
    for position, name in enumerate(names, start=1):
        if not name.strip():
            raise ColumnError(f"column {position} has no name", file=file, row=1)
        if names.index(name) != position - 1:
            raise ColumnError("two columns have one name", file=file, row=1, value=name)


def _ragged(raw: bytes, delimiter: str, file: str) -> FileError:
    """Find the first line whose number of fields differs from the header's."""
    lines = csv.reader(raw.decode("utf-8").splitlines(), delimiter=delimiter)
    width = len(next(lines))
    for fields in lines:
        if len(fields) > width:
            return FileError(
                f"the line has {len(fields)} fields, the header {width}",
                file=file,
                row=lines.line_num,
                value=delimiter.join(fields)[:80],
                remedy=f"The delimiter taken is {delimiter!r}: give another, or quote the field.",
            )
    return FileError(
        f"the file cannot be read with the delimiter {delimiter!r}",
        file=file,
        remedy="Give the delimiter, or export the file again.",
    )
