"""Tallies: sums over cases, or over person-years, that add.

Where the records are, a tally is made; anywhere, tallies are added; where the
numbers are wanted, an estimator turns the sum into a table.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import DisagreementError, FileError
from rarecare.tally.plan import Plan

_MAGIC = b"rarecare-tally-1\n"


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums by stratum.

    Attributes
    ----------
    plan_hash
        Hash of the plan that made it; only tallies of one plan add.
    strata
        One row per stratum, distinct, sorted by its columns in order (nulls first).
    arrays
        Named sums; axis 0 of each array is the stratum. Counts are int64, sums float64.
    """

    plan_hash: str
    strata: pl.DataFrame
    arrays: Mapping[str, NDArray[Any]]

    def __post_init__(self) -> None:
        for name, array in self.arrays.items():
            if array.shape[0] != self.strata.height:
                raise DisagreementError(
                    f"the array {name!r} has {array.shape[0]} strata, the table of strata "
                    f"{self.strata.height}"
                )

    def check_plan(self, plan: Plan) -> None:
        """Refuse a plan other than the one the tally was made with.

        Raises
        ------
        DisagreementError
            It is another.
        """
        if self.plan_hash != plan.hash:
            raise DisagreementError(
                "the tally was made with another plan",
                value=self.plan_hash[:12],
                allowed=plan.hash[:12],
                remedy="Give the plan the tally was made with.",
            )

    def __add__(self, other: Tally) -> Tally:
        """Return the tally of both parts: strata united, absent ones zero."""
        if self.plan_hash != other.plan_hash:
            raise DisagreementError(
                "tallies of two plans cannot be added",
                value=other.plan_hash[:12],
                allowed=self.plan_hash[:12],
                remedy="Make both with one plan.",
            )
        if self.strata.schema != other.strata.schema or set(self.arrays) != set(other.arrays):
            raise DisagreementError("tallies of one plan have different columns or arrays")
        if self.strata.equals(other.strata):
            return Tally(
                self.plan_hash,
                self.strata,
                {name: array + other.arrays[name] for name, array in self.arrays.items()},
            )
        strata = pl.concat([self.strata, other.strata]).unique().sort(self.strata.columns)
        arrays = {}
        for name, array in self.arrays.items():
            total = np.zeros((strata.height, *array.shape[1:]), dtype=array.dtype)
            total[_positions(self.strata, strata)] += array
            total[_positions(other.strata, strata)] += other.arrays[name]
            arrays[name] = total
        return Tally(self.plan_hash, strata, arrays)

    def to_bytes(self) -> bytes:
        """Return the tally as bytes: exact, versioned, readable by ``from_bytes``."""
        table = io.BytesIO()
        self.strata.write_ipc(table)
        strata = table.getvalue()
        names = sorted(self.arrays)
        arrays = [np.ascontiguousarray(self.arrays[name]) for name in names]
        header = json.dumps(
            {
                "plan_hash": self.plan_hash,
                "strata": len(strata),
                "arrays": [
                    [name, array.dtype.str, list(array.shape)]
                    for name, array in zip(names, arrays, strict=True)
                ],
            }
        ).encode()
        parts = [_MAGIC, len(header).to_bytes(8, "little"), header, strata]
        return b"".join(parts + [array.tobytes() for array in arrays])

    @classmethod
    def from_bytes(cls, data: bytes) -> Tally:
        """Return the tally that ``to_bytes`` wrote.

        Raises
        ------
        FileError
            The bytes are no tally, are of another version, or are cut short.
        """
        if not data.startswith(_MAGIC):
            raise FileError(
                "these bytes are not a tally of this version",
                value=data[: len(_MAGIC)],
                allowed=f"bytes that begin with {_MAGIC!r}",
                remedy="Make the tally again with this version.",
            )
        start = len(_MAGIC) + 8
        size = int.from_bytes(data[len(_MAGIC) : start], "little")
        try:
            header = json.loads(data[start : start + size])
            position = start + size + header["strata"]
            strata = pl.read_ipc(io.BytesIO(data[start + size : position]))
            arrays = {}
            for name, dtype, shape in header["arrays"]:
                count = int(np.prod(shape))
                array = np.frombuffer(data, np.dtype(dtype), count, position).reshape(shape)
                arrays[name] = array
                position += array.nbytes
        except (ValueError, KeyError, pl.exceptions.PolarsError) as error:
            raise FileError(f"the tally is damaged ({error})", remedy="Send it again.") from None
        if position != len(data):
            raise FileError("the tally is damaged (bytes left over)", remedy="Send it again.")
        return cls(header["plan_hash"], strata, arrays)


def add_pairwise(tallies: Iterable[Tally]) -> Tally:
    """Return the sum of tallies, added in pairs in their order.

    The order of summation depends on the order of the parts alone, so that every
    engine gets the same bits.

    Raises
    ------
    DisagreementError
        There is no tally, or two have different plans.
    """
    parts = list(tallies)
    if not parts:
        raise DisagreementError("there is no tally to add", remedy="Give at least one.")
    while len(parts) > 1:
        pairs = [a + b for a, b in zip(parts[::2], parts[1::2], strict=False)]
        parts = pairs + parts[len(pairs) * 2 :]
    return parts[0]


def _positions(part: pl.DataFrame, whole: pl.DataFrame) -> Sequence[int]:
    numbered = whole.with_row_index("_position")
    joined = part.join(
        numbered, on=part.columns, how="left", nulls_equal=True, maintain_order="left"
    )
    return joined["_position"].to_list()
