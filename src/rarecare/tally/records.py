"""Packed records: the few numbers a kernel needs of each case, in canonical order.

Each case becomes one 64-bit word (two where the ranges are wide): stratum first,
then the fields of the kernel. Sorting the words sorts the cases by everything that
can influence a sum, so that ties are interchangeable and the order of summation
depends on the data alone, not on the order of rows or on the engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

BLOCK_ROWS = 1 << 18
"""Cases summed serially; larger strata are cut and the parts added pairwise."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each field stands in the words: word, shift, mask and offset, one per field."""

    word: NDArray[np.int64]
    shift: NDArray[np.uint64]
    mask: NDArray[np.uint64]
    base: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Field:
    """Non-negative whole numbers to be packed; ``base`` is added back on reading."""

    values: NDArray[Any]
    base: int = 0

    @property
    def bits(self) -> int:
        """Width of the largest value."""
        return int(self.values.max()).bit_length() if len(self.values) else 0


def offset_field(values: NDArray[Any]) -> Field:
    """Return the field of whole numbers counted from their smallest."""
    base = int(values.min()) if len(values) else 0
    return Field((values - base) if base else values, base)


def pack(fields: Sequence[Field]) -> tuple[NDArray[np.uint64], Layout]:
    """Return the sorted words, shape (n_words, n_cases), and where each field stands.

    The first field is the most significant.
    """
    places: list[tuple[int, int]] = []  # word, bits used before this field
    word, used = 0, 0
    for field in fields:
        if used + field.bits > 64:
            word, used = word + 1, 0
        places.append((word, used))
        used += field.bits
    words = np.zeros((word + 1, len(fields[0].values)), dtype=np.uint64)
    shifts = []
    for field, (at, before) in zip(fields, places, strict=True):
        shift = 64 - before - field.bits
        shifts.append(shift if field.bits else 0)
        if field.bits:
            words[at] |= field.values.astype(np.uint64) << np.uint64(shift)
    layout = Layout(
        word=np.array([at for at, _ in places], dtype=np.int64),
        shift=np.array(shifts, dtype=np.uint64),
        mask=np.array([(1 << field.bits) - 1 for field in fields], dtype=np.uint64),
        base=np.array([field.base for field in fields], dtype=np.int64),
    )
    if len(words) == 1:
        words[0].sort()
    else:
        words = np.ascontiguousarray(words[:, np.lexsort(words[::-1])])
    return words, layout


def unpack(words: NDArray[np.uint64], layout: Layout, field: int) -> NDArray[np.int64]:
    """Return one field of every record, int64."""
    values = (words[layout.word[field]] >> layout.shift[field]) & layout.mask[field]
    whole: NDArray[np.int64] = values.astype(np.int64) + layout.base[field]
    return whole


def codes_of(values: pl.Series) -> tuple[NDArray[np.int64], pl.Series]:
    """Return each value's position among the sorted distinct values, and those values.

    Nulls are a value of their own and come first.
    """
    levels = values.unique().sort()
    if len(levels) == 1:
        return np.zeros(len(values), dtype=np.int64), levels
    has_null = levels[0] is None
    if values.dtype == pl.String:
        enum = pl.Enum(levels.drop_nulls())
        codes = values.cast(enum).to_physical().cast(pl.Int64)
        codes = (codes + 1).fill_null(0) if has_null else codes
    else:
        numbered = pl.DataFrame({"v": levels}).with_row_index("code")
        codes = (
            values.alias("v")
            .to_frame()
            .join(numbered, on="v", how="left", maintain_order="left", nulls_equal=True)["code"]
            .cast(pl.Int64)
        )
    return codes.to_numpy(), levels


@dataclass(frozen=True, slots=True)
class Strata:
    """Every combination of levels, as mixed-radix codes in the order of the columns."""

    columns: tuple[str, ...]
    levels: tuple[pl.Series, ...]
    codes: NDArray[np.int64]

    @classmethod
    def of(cls, cases: pl.DataFrame, columns: Sequence[str]) -> Strata:
        """Return the strata of the cases; no columns give one stratum."""
        codes: NDArray[np.int64] = np.zeros(cases.height, dtype=np.int64)
        levels = []
        for column in columns:
            own, own_levels = codes_of(cases[column])
            codes = codes * len(own_levels) + own
            levels.append(own_levels)
        return cls(tuple(columns), tuple(levels), codes)

    @property
    def size(self) -> int:
        """Number of combinations, present or not."""
        return int(np.prod([len(levels) for levels in self.levels], dtype=np.int64))

    def table(self, codes: NDArray[np.int64]) -> pl.DataFrame:
        """Return the strata of these codes, one row each."""
        columns = []
        rest = codes.copy()
        for name, levels in zip(reversed(self.columns), reversed(self.levels), strict=True):
            columns.append(levels.gather(rest % len(levels)).alias(name))
            rest //= len(levels)
        return pl.DataFrame(columns[::-1])
