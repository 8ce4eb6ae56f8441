"""Which main stages T, N and M can give, by site and edition of the UICC TNM classification.

Source: UICC TNM Classification of Malignant Tumours, 5th (1997) to 8th (2016) edition, from
memory (sureness C): only sites whose main stages follow from T, N and M alone, and only editions
in which they do. The rows are in ``stage_rows.csv``, the sites and morphologies in
``stage_sites.csv``, the highest T and N of a site in ``stage_limits.csv``. The row of condensed TNM
(all sites) is that of the ENCR's recommendations of 2002.

What is unknown can be anything: the stages of every row that may hold are possible.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import as_file, files
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.codes.code_rules import histology_positions, site_positions, spread
from rarecare.files import read_table
from rarecare.registry.checks.tnm_codes import IN_SITU, LETTERS, TA, UNKNOWN

STAGES = range(5)
ANY_STAGE = 2 ** len(STAGES) - 1
"""All of stages 0 to IV; a set of stages is the sum of two to the power of each."""

CONDENSED = "condensed TNM"
_NO_STAGE_FOUR = ("testis",)
_UNKNOWN_EDITION = 9


@cache
def sites() -> pl.DataFrame:
    """Return the sites with a table: ``name``, ``topography``, ``morphology``."""
    return _packaged("stage_sites.csv")


@cache
def rows() -> pl.DataFrame:
    """Return the tables: ``name``, ``editions``, ``t``, ``n`` and ``stages``, of M0."""
    return _packaged("stage_rows.csv")


@cache
def limits() -> pl.DataFrame:
    """Return the highest ``t`` and ``n`` of a site (``name``) in its ``editions``."""
    return _packaged("stage_limits.csv")


def _packaged(name: str) -> pl.DataFrame:
    with as_file(files("rarecare.registry.checks") / name) as path:
        return read_table(path).frame


def site_of(topography: pl.Series, morphology: pl.Series) -> pl.Series:
    """Return the place of each tumour among ``sites``, or -1; Int16."""
    site, histology = site_positions(topography), histology_positions(morphology)
    found = np.where((site < 0) | (histology < 0), -1, _decided()[site, histology])
    return pl.Series(found.astype(np.int16))


@cache
def _decided() -> NDArray[np.int16]:
    return spread(sites().select("topography", "morphology").iter_rows())


def stage_columns(table: pl.DataFrame) -> pl.DataFrame:
    """Return ``_stage_site`` and ``_stages`` of cases with the working numbers of T, N and M.

    A stage is clinical, pathological, or made of both: where the type of stage does not say, each
    of them may be meant.
    """
    kind, edition = table["stage_type"], table["tnm_edition"]
    clinical, pathological = ([table[f"_tnm_{side}{part}"] for part in "tnm"] for side in "cp")
    if all(part.count() == 0 for part in (*clinical, *pathological)):
        return table.select(
            pl.repeat(-1, pl.len(), dtype=pl.Int16).alias("_stage_site"),
            pl.repeat(0, pl.len(), dtype=pl.Int8).alias("_stages"),
        )
    place = site_of(table["topography"], table["morphology"])
    condensed = (kind == "coS").fill_null(value=False)
    of_stage = pl.Series([sites().height], dtype=pl.Int16).zip_with(condensed, place)
    best = [_known_or(second, first) for first, second in zip(clinical, pathological, strict=True)]
    spread_best = [*pathological[:2], best[2]]
    of_clinical, of_pathological, of_best = (
        possible(of_stage, edition, *parts) for parts in (clinical, spread_best, best)
    )
    either = of_best | _where_known(of_clinical, clinical) | _where_known(
        of_pathological, pathological
    )  # fmt: skip
    made = table.select(
        pl.when(kind == "cIS").then(of_clinical).when(kind == "paS").then(of_pathological)
        .when(kind.is_in(["S", "cpS", "coS"])).then(either)
        .otherwise(0).cast(pl.Int8).alias("_stages")
    )  # fmt: skip
    return made.with_columns(place.alias("_stage_site"))


def _where_known(sets: pl.Series, parts: list[pl.Series]) -> pl.Series:
    """Return the sets of one side, 0 where neither its T nor its N is known."""
    t, n = ((part < UNKNOWN).fill_null(value=False) for part in parts[:2])
    return sets.zip_with(t | n, pl.Series([0], dtype=pl.Int8))


def _known_or(first: pl.Series, second: pl.Series) -> pl.Series:
    """Return the first where it is known, else the second."""
    return first.zip_with((first < UNKNOWN).fill_null(value=False), second)


def possible(name: pl.Series, edition: pl.Series, t: pl.Series, n: pl.Series, m: pl.Series) -> (
    pl.Series
):  # fmt: skip
    """Return the stages that T, N and M can give, as sets; 0 where it cannot be told.

    Parameters
    ----------
    name
        Place among ``sites``, one more than the last for condensed TNM, -1 for none; Int16.
    edition
        Of TNM; null is any.
    t, n, m
        Working numbers of the parts (``tnm_codes``).
    """
    parts = [part.cast(pl.Int32).fill_null(UNKNOWN) for part in (t, n, m)]
    known = edition.cast(pl.Int32).fill_null(_UNKNOWN_EDITION).clip(0, _UNKNOWN_EDITION)
    key = name.cast(pl.Int32)
    for part, width in ((known, 10), (parts[0], 100), (parts[1], 100), (parts[2], 100)):
        key = key * width + part
    key = key.zip_with(name >= 0, pl.Series([-1], dtype=pl.Int32))
    distinct = key.unique()
    sets = {one: 0 if one < 0 else _unpacked(one) for one in distinct}
    return key.replace_strict(sets, return_dtype=pl.Int8)


def _unpacked(key: int) -> int:
    key, m = divmod(key, 100)
    key, n = divmod(key, 100)
    key, t = divmod(key, 100)
    name, edition = divmod(key, 10)
    return stages_of(name, edition, t, n, m)


@cache
def stages_of(name: int, edition: int, t: int, n: int, m: int) -> int:
    """Return the set of stages of one combination, as ``possible``."""
    names = [*sites()["name"], CONDENSED]
    if m // 10 == 1:  # stages below IV with M1 are another check's
        return 2**3 if names[name] in _NO_STAGE_FOUR else ANY_STAGE
    found = 0
    for editions, of_t, of_n, stages in _rows_of(names[name]):
        if edition in (*editions, _UNKNOWN_EDITION) and _holds(t, of_t) and _holds(n, of_n):
            found |= stages
    with_spread = 2**3 if names[name] in _NO_STAGE_FOUR else 2**4
    return found | with_spread if found and m >= UNKNOWN else found


@cache
def _rows_of(name: str) -> tuple[tuple[Any, ...], ...]:
    return tuple(
        (tuple(numbers(row["editions"])), row["t"], row["n"],
         sum(2 ** int(stage) for stage in row["stages"].split(";")))
        for row in rows().filter(name=name).iter_rows(named=True)
    )  # fmt: skip


def numbers(text: str) -> Iterator[int]:
    """Yield the whole numbers of ``"6-8"`` or ``"6"``."""
    first, _, last = text.partition("-")
    yield from range(int(first), int(last or first) + 1)


def _holds(number: int, text: str) -> bool:
    """Return whether a part of TNM may be one of those named; unknown may be any."""
    if text == "any" or number >= UNKNOWN:
        return True
    for code in text.split(";"):
        if code in ("is", "a"):
            if number == (IN_SITU if code == "is" else TA):
                return True
        elif code[-1].isdigit():
            if number // 10 in numbers(code) and number < TA:
                return True
        elif number in (int(code[0]) * 10, int(code[0]) * 10 + LETTERS[code[1].upper()]):
            return True
    return False


@cache
def highest(part: str) -> dict[int, int]:
    """Return the highest digit of T or N by place among ``sites`` times ten plus the edition."""
    names = sites()["name"].to_list()
    return {
        names.index(row["name"]) * 10 + edition: int(row[part])
        for row in limits().iter_rows(named=True)
        for edition in numbers(row["editions"])
    }
