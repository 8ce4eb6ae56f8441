"""Writing files whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from rarecare.errors import UsageError


def write_whole(path: str | Path, content: bytes) -> None:
    """Write a file so that a reader sees all of it or what stood there before.

    The bytes go to a temporary file in the same folder, which then takes the name.

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
            file.write(content)
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
