"""Tables of rules over ICD-O-3 sites and histologies, read in order: the first that fits decides.

A rule names sites (``C22``, ``C71.0-C71.5;C72``) and histologies (``8170-8175;8180``) as codes
and ranges of ICD-O-3, or ``*`` for all. Every rule is spread over the whole code space once; a
case is then one look-up.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.codes.icdo3 import histology_numbers, site_numbers
from rarecare.errors import ClassificationError

NO_RULE = -1


def spread(rules: Iterable[tuple[str, str]]) -> NDArray[np.int16]:
    """Return which rule decides each site and histology.

    Parameters
    ----------
    rules
        Sites and histologies of each rule, in order.

    Returns
    -------
    array
        Position of the first rule that fits, or -1; int16, shape (n_sites, n_histologies).

    Raises
    ------
    ClassificationError
        A rule is not written as codes and ranges, or names none of ICD-O-3.
    """
    sites = list(site_numbers())
    histologies = [str(code) for code in histology_numbers()]
    decided = np.full((len(sites), len(histologies)), NO_RULE, np.int16)
    for number, (topography, morphology) in enumerate(rules):
        cells = np.ix_(_positions(topography, sites), _positions(morphology, histologies))
        part = decided[cells]
        decided[cells] = np.where(part == NO_RULE, number, part)
    return decided


def _positions(text: str, known: list[str]) -> NDArray[np.int64]:
    """Return the positions of the codes named; a code stands for all that begin with it."""
    if text == "*":
        return np.arange(len(known))
    found: set[int] = set()
    for part in text.split(";"):
        first, _, last = part.partition("-")
        last = last or first
        inside = [i for i, code in enumerate(known) if first <= code and code[: len(last)] <= last]
        if not inside:
            raise ClassificationError(
                "a rule names codes that ICD-O-3 does not have",
                value=part,
                allowed="codes and ranges with ; between them",
            )
        found.update(inside)
    return np.array(sorted(found), np.int64)


def site_positions(topography: pl.Series) -> NDArray[np.int64]:
    """Return the position of each site, as ``"C40.2"``; -1 where it is none."""
    numbers = site_numbers()
    return _looked_up(topography.cast(pl.String), list(numbers))


def histology_positions(morphology: pl.Series) -> NDArray[np.int64]:
    """Return the position of each four-digit histology; -1 where it is none."""
    numbers = histology_numbers()
    return _looked_up(morphology.cast(pl.Int64), list(numbers))


def _looked_up(values: pl.Series, known: list[str] | list[int]) -> NDArray[np.int64]:
    places = list(range(len(known)))
    found = values.replace_strict(known, places, default=-1, return_dtype=pl.Int64)
    return found.fill_null(-1).to_numpy()
