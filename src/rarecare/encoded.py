"""The bytes of a text file, whatever its encoding: as UTF-8, some lines at a time."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal, cast, get_args

import numpy as np

from rarecare.errors import FileError

# fmt: off
Encoding = Literal[
    "utf-8", "utf-16", "windows-1250", "windows-1251", "windows-1252", "windows-1253",
    "windows-1254", "windows-1257", "iso-8859-1", "iso-8859-2", "iso-8859-5", "iso-8859-7",
    "iso-8859-15", "cp850", "cp852",
]
# fmt: on
"""How text may be encoded."""

_KINDS = {
    b"PK\x03\x04": "a zip archive or an Excel workbook (.xlsx)",
    b"PAR1": "Parquet (.parquet)",
}
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def check_file(path: Path) -> None:
    """Refuse what is no file with something in it.

    Raises
    ------
    FileError
        It is missing, a folder, or empty.
    """
    if not path.is_file():
        here = sorted(each.name for each in path.parent.glob("*") if each.is_file())
        raise FileError(
            "this is a folder, not a file" if path.is_dir() else "there is no such file",
            value=path.name,
            allowed=here or "an existing file",
            remedy=f"Looked in {path.parent}.",
        )
    if path.stat().st_size == 0:
        raise FileError("the file is empty", file=path.name, remedy="Export it again.")


def decoded(path: Path, encoding: Encoding, size: int) -> Iterator[bytes]:
    """Yield the file in UTF-8, cut between lines; each ends with a newline."""
    with path.open("rb") as handle:
        start = handle.read(4)
        handle.seek(0)
        for magic, kind in _KINDS.items():
            if start.startswith(magic):
                raise FileError(
                    f"the file is {kind}, not text",
                    file=path.name,
                    remedy="Give it the suffix of what it is, or export it as text.",
                )
        if start.startswith(_UTF_16) and encoding != "utf-16":
            raise FileError(
                f"the file is not {encoding.upper()}: it begins as UTF-16 does",
                file=path.name,
                remedy='Save it as UTF-8; or in a submission.toml, say encoding = "utf-16".',
            )
        zipped = start.startswith(b"\x1f\x8b")
        opened = gzip.GzipFile(fileobj=handle) if zipped else handle
        try:
            yield from _in_utf_8(cast(BinaryIO, opened), path.name, encoding, size)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise FileError(f"the gzip file is damaged ({error})", file=path.name) from None


def _in_utf_8(handle: BinaryIO, file: str, encoding: Encoding, size: int) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-16")() if encoding == "utf-16" else None
    rest, row, first = b"", 1, True
    ahead = handle.read(size)
    while ahead:
        block, ahead = ahead, handle.read(size)
        if decoder is not None:
            try:
                block = decoder.decode(block, final=not ahead).encode()
            except UnicodeError:
                raise _other_encoding(file, encoding, row, None) from None
        if first:
            block, first = block.removeprefix(codecs.BOM_UTF8), False
        end = block.rfind(b"\n") + 1 if ahead else len(block)
        if ahead and not end:
            rest += block  # a line longer than a block
            continue
        lines, rest = rest + block[:end], block[end:]
        if not lines:
            continue
        lines += b"\n" if not lines.endswith(b"\n") else b""
        if decoder is None:
            lines = _checked(lines, file, encoding, row)
        lines = lines.replace(b"\r\n", b"\n") if b"\r" in lines else lines
        yield lines
        row += count(lines, b"\n")


def _checked(lines: bytes, file: str, encoding: Encoding, row: int) -> bytes:
    """Return lines in UTF-8."""
    if lines.isascii():
        return lines
    try:
        text = lines.decode(encoding)
    except UnicodeDecodeError as error:
        row += lines.count(b"\n", 0, error.start)
        raise _other_encoding(file, encoding, row, lines[error.start : error.start + 1]) from None
    return lines if encoding == "utf-8" else text.encode()


def _other_encoding(file: str, encoding: str, row: int, value: bytes | None) -> FileError:
    return FileError(
        f"the file is not {encoding.upper()}",
        file=file,
        row=row,
        value=value,
        allowed=get_args(Encoding),
        remedy="Save it as UTF-8 (from Latin-1: iconv -f latin1 -t utf-8), or in a "
        "submission.toml say its encoding.",
    )


def count(lines: bytes, byte: bytes) -> int:
    """Return how often a byte occurs."""
    return int(np.count_nonzero(np.frombuffer(lines, np.uint8) == ord(byte)))
