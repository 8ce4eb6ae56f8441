"""Which morphologies are unlikely at which site.

Rebuilt from published facts, not copied: the families are named in IARC Technical Report 42 (2005);
their sites are the topographies ICD-O-3 prints with their terms, or follow from the name of
the family. ``sureness`` of each row says which: C from memory of ICD-O-3, D own definition. A
morphology in no family may stand at any site, so what is not covered is never called unlikely.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.codes.icdo3 import morphologies, site_numbers
from rarecare.codes.packaged import packaged_table
from rarecare.errors import ClassificationError

LIKELY, UNLIKELY, CANNOT_TELL = 0, 1, 2

_FILE = "tables/site_morphology.csv"
_FIRST, _LAST = 8000, 9999
_SITES = 1000  # C44.5 is 445
_NO_SITE = ("C26.8", "C26.9", "C39.0", "C39.8", "C39.9", "C76", "C80")  # ill-defined or unknown


@cache
def site_families() -> pl.DataFrame:
    """Return the families: ``family``, ``rule``, ``morphology``, ``topography``, ``sureness``.

    ``rule`` is "only" (the family's morphologies belong to these sites, and to those of their other
    families) or "never" (they do not).
    """
    return packaged_table(_FILE)


@cache
def _table() -> NDArray[np.uint8]:
    """Return LIKELY, UNLIKELY or CANNOT_TELL by site and morphology.

    Returns
    -------
    array
        uint8, shape (1000, 2000): site as C44.5 at 445, morphology less 8000.
    """
    placed = np.zeros((_SITES, _LAST - _FIRST + 1), bool)
    has_place = np.zeros(_LAST - _FIRST + 1, bool)
    barred = np.zeros_like(placed)
    for line, row in enumerate(site_families().iter_rows(named=True), start=2):
        histologies = _histologies(row["morphology"], line)
        sites = _sites(row["topography"], line)
        if row["rule"] == "only":
            placed[np.ix_(sites, histologies)] = True
            has_place[histologies] = True
        else:
            barred[np.ix_(sites, histologies)] = True
    table = np.where(barred | (has_place & ~placed), UNLIKELY, LIKELY).astype(np.uint8)
    told = [number for site, number in _numbers().items() if not site.startswith(_NO_SITE)]
    table[np.setdiff1d(np.arange(_SITES), told)] = CANNOT_TELL
    return table


@cache
def _flat() -> pl.Series:
    flat = pl.Series(_table().ravel())
    return pl.select(pl.when(flat != CANNOT_TELL).then(flat == UNLIKELY)).to_series()


def unlikely_morphology(site: pl.Expr, morphology: pl.Expr) -> pl.Expr:
    """Return whether a morphology is unlikely at a site; null where that cannot be told.

    Parameters
    ----------
    site
        Topography as a number, C44.5 as 445.
    morphology
        Four digits.

    Examples
    --------
    >>> cases = pl.DataFrame({"site": [220, 341, 809], "morphology": [8170, 8170, 8170]})
    >>> unlikely = unlikely_morphology(pl.col("site"), pl.col("morphology"))
    >>> cases.select(unlikely).to_series().to_list()
    [False, True, None]
    """
    place = site.cast(pl.Int32) * (_LAST - _FIRST + 1) + morphology - _FIRST
    return pl.lit(_flat()).gather(place)


def _numbers() -> dict[str, int]:
    return {site: int(site[1:3] + site[4]) for site in site_numbers()}


def _sites(text: str, line: int) -> NDArray[np.int64]:
    numbers = _numbers()
    found: set[int] = set()
    for part in text.split(";"):
        first, _, last = part.partition("-")
        inside = {n for site, n in numbers.items() if first <= site <= (last or first)}
        found |= _some(inside, "topography", part, line)
    return np.array(sorted(found))


def _histologies(text: str, line: int) -> NDArray[np.int64]:
    known = morphologies()["morphology"].to_list()
    found: set[int] = set()
    for part in text.split(";"):
        first, _, last = part.partition("-")
        inside = {code - _FIRST for code in known if int(first) <= code <= int(last or first)}
        found |= _some(inside, "morphology", part, line)
    return np.array(sorted(found))


def _some(found: set[int], column: str, part: str, line: int) -> set[int]:
    if not found:
        raise ClassificationError(
            f"the {column} is not in ICD-O-3",
            file=_FILE,
            row=line,
            column=column,
            value=part,
            allowed="codes and ranges with ; between them",
        )
    return found
