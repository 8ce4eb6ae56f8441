"""Writing files whole or not at all, and tables that no spreadsheet takes for programs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from rarecare.errors import UsageError

_FORMULA = r"^[=+\-@\t\r]"
_NUMBER = r"^[+-]?(?:\d[\d.,]*(?:[eE][+-]?\d+)?)?$"


def write_whole(path: str | Path, content: bytes | Iterable[bytes]) -> None:
    """Write a file so that a reader sees all of it or what stood there before.

    The bytes, whole or piece by piece, go to a temporary file in the same folder, which then
    takes the name.

    Raises
    ------
    UsageError
        The folder does not exist, or the path is a folder.
    """
    path = Path(path)
    folder = path.absolute().parent
    if not folder.is_dir():
        raise UsageError("there is no such folder", value=str(path.parent), remedy="Make it first.")
    if path.is_dir():
        raise UsageError("this is a folder", value=str(path), allowed="the name of a file")
    handle, name = tempfile.mkstemp(dir=folder, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines([content] if isinstance(content, bytes) else content)
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def csv_text(table: pl.DataFrame, *, separator: str = ",", header: bool = True) -> str:
    """Return a table as CSV in which no text is a formula to a spreadsheet.

    Text that begins as formulas do (``=``, ``+``, ``-``, ``@``, tab, carriage return) and is no
    number gets an apostrophe in front; so do names of columns.

    >>> print(csv_text(pl.DataFrame({"id": ["=1+2", "-7", "p1"], "n": [-1, 2, 3]})), end="")
    id,n
    '=1+2,-1
    -7,2
    p1,3
    """
    text = pl.col(pl.String)
    formula = text.str.contains(_FORMULA) & ~text.str.contains(_NUMBER)
    plain = table.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
    plain = plain.with_columns(pl.when(formula).then("'" + text).otherwise(text).name.keep())
    names = pl.Series(table.columns, dtype=pl.String)
    named = zip(table.columns, names.str.replace(f"({_FORMULA})", "'${1}"), strict=True)
    return plain.rename(dict(named)).write_csv(separator=separator, include_header=header)
