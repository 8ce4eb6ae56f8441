"""The records of any file of a submission, whatever it is written in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from rarecare.encoded import check_file
from rarecare.errors import ColumnError, FileError
from rarecare.files import RawTable, Source, read_table
from rarecare.lines import BLOCK, TextFile, blocks, open_text, stripped
from rarecare.registry.cases import REJECTS
from rarecare.registry.submission.config import TableFile

TYPED = (".parquet", ".dta")
EXCEL = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
_PART = 1 << 20


@dataclass(frozen=True, slots=True)
class Records:
    """Some records of a file, or all.

    Attributes
    ----------
    table
        Those read.
    rejects
        Those not read, as ``Cases.rejects`` without a column.
    """

    table: RawTable
    rejects: pl.DataFrame

    @property
    def count(self) -> int:
        """Records in the file, read or not."""
        return self.table.frame.height + self.rejects.height


def parts(
    folder: Path,
    own: TableFile,
    *,
    numbers: Mapping[str, type[pl.DataType]] | None = None,
    strip: bool = True,
    text: TextFile | None = None,
    size: int = BLOCK,
) -> Iterator[Records]:
    """Yield the records of a file in their order, some at a time; at least once.

    Parameters
    ----------
    own
        How the submission says the file is read.
    numbers, strip
        As in ``rarecare.files.read_table``.
    text
        The file opened before; None: by its header.
    size
        Bytes of a text file read at once.

    Raises
    ------
    InputError
        The file cannot be used, or none of its lines is a record that can be read.
    """
    path = folder / own.file
    check_file(path)
    if path.suffix.lower() in (*TYPED, *EXCEL):
        yield from _of_table(path, own)
        return
    file = text or open_text(path, delimiter=own.delimiter, encoding=own.encoding)
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    any_read, first = False, None
    for block in blocks(file, numbers=numbers, strip=strip, size=size):
        source = Source(path.name, digest, block.frame.height, file.delimiter)
        any_read = any_read or block.frame.height > 0
        first = block.rejects if first is None and block.rejects.height else first
        yield Records(RawTable(block.frame, source, block.rows), block.rejects)
    if not any_read:
        raise _nothing(path, first)


def whole(
    folder: Path,
    own: TableFile,
    *,
    numbers: Mapping[str, type[pl.DataType]] | None = None,
    strip: bool = True,
    text: TextFile | None = None,
) -> Records:
    """Return all records of a file; see ``parts``."""
    read = list(parts(folder, own, numbers=numbers, strip=strip, text=text))
    frames = [each.table.frame for each in read]
    if len({tuple(frame.schema.items()) for frame in frames}) > 1:  # one block had text for numbers
        frames = [frame.cast(pl.String) for frame in frames]
    table = RawTable(
        pl.concat(frames, rechunk=True),
        Source(
            read[0].table.source.name,
            read[0].table.source.sha256,
            sum(frame.height for frame in frames),
            read[0].table.source.delimiter,
        ),
        pl.concat([each.table.lines for each in read], rechunk=True),
    )
    return Records(table, pl.concat([each.rejects for each in read]))


def _of_table(path: Path, own: TableFile) -> Iterator[Records]:
    raw = read_excel(path, own.sheet) if path.suffix.lower() in EXCEL else read_table(path)
    empty = raw.frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
    rejects = pl.DataFrame(schema=REJECTS)
    if empty.any():
        rejects = pl.DataFrame({"row": raw.lines.filter(empty)}).select(
            "row",
            column=pl.lit(None, pl.String),
            value=pl.lit(""),
            reason=pl.lit("every field of the record is empty"),
            allowed=pl.lit(None, pl.String),
        )
        raw = RawTable(raw.frame.filter(~empty), raw.source, raw.lines.filter(~empty))
    if raw.frame.is_empty():
        raise _nothing(path, rejects if rejects.height else None)
    for start in range(0, raw.frame.height, _PART):
        table = RawTable(
            raw.frame[start : start + _PART], raw.source, raw.lines[start : start + _PART]
        )
        yield Records(table, rejects if start == 0 else rejects.clear())


def read_excel(path: Path, sheet: str | None) -> RawTable:
    """Return one sheet of a workbook: every cell as text, dates as ISO dates.

    Raises
    ------
    FileError
        It is no workbook, or several of its sheets hold something and none is named.
    ColumnError
        A column has no name, or two have one.
    """
    import fastexcel  # noqa: PLC0415 - only workbooks need it

    try:
        book = fastexcel.read_excel(path)
        names = [sheet] if sheet in book.sheet_names else book.sheet_names
        loaded = {
            name: book.load_sheet(name, header_row=None, skip_rows=0, dtypes="string").to_polars()
            for name in names
        }
    except fastexcel.FastExcelError as error:
        raise FileError(
            f"the file is no Excel workbook ({str(error).splitlines()[0]})",
            file=path.name,
            remedy="Give it the suffix of what it is, or save it again.",
        ) from None
    filled = [name for name, frame in loaded.items() if frame.height]
    if (sheet is not None and sheet not in loaded) or len(filled) > 1:
        raise FileError(
            "the workbook has no such sheet" if sheet else "the workbook has several sheets",
            file=path.name,
            value=sheet,
            allowed=book.sheet_names,
            remedy='Say which: sheet = "…".',
        )
    if not filled:
        raise FileError("the workbook is empty", file=path.name)
    frame = stripped(loaded[filled[0]])
    header = frame.row(0)
    for place, name in enumerate(header, start=1):
        if name is None:
            raise ColumnError(
                f"column {place} has no name",
                file=path.name,
                row=1,
                remedy="The first row of the sheet is the header; nothing stands above or beside.",
            )
        if header.index(name) != place - 1:
            raise ColumnError("two columns have one name", file=path.name, row=1, value=name)
    frame = frame.rename(dict(zip(frame.columns, header, strict=True)))[1:]
    rows = pl.int_range(2, frame.height + 2, dtype=pl.Int64, eager=True)
    blank = frame.select(
        pl.all_horizontal(pl.all().is_null())
    ).to_series()  # no records, as in text
    frame, rows = frame.filter(~blank), rows.filter(~blank)
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    return RawTable(frame, Source(path.name, digest, frame.height), rows)


def _nothing(path: Path, rejects: pl.DataFrame | None) -> FileError:
    if rejects is None:
        return FileError("the file has a header and no records", file=path.name)
    first = rejects.row(0, named=True)
    return FileError(
        f"no record of the file can be read: {first['reason']}",
        file=path.name,
        row=first["row"],
        value=first["value"],
        allowed=first["allowed"],
        remedy="Correct the delimiter, or export the file again.",
    )
