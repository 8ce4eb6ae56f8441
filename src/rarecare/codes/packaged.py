"""Tables that come with the package."""

from __future__ import annotations

from importlib.resources import as_file, files

import polars as pl

from rarecare.files import read_table


def packaged_table(name: str) -> pl.DataFrame:
    """Return a table of the package, ``"tables/icss.csv"``; every column is text."""
    with as_file(files("rarecare.codes") / name) as path:
        return read_table(path).frame


def packaged_text(name: str) -> str:
    """Return a text file of the package, ``"tables/europe.topojson"``."""
    return (files("rarecare.codes") / name).read_text(encoding="utf-8")
