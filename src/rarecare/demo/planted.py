"""Planted errors: 1 % of the incidence files' records, each with one error of a known kind.

The kinds are families of the ENCR-JRC checks (JRC132486, 2023); a new one is an entry in
``KINDS``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.demo.encr import site_labels
from rarecare.demo.follow_up import ALIVE
from rarecare.demo.persons import tumour_ids
from rarecare.demo.tables import Ints

SHARE = 0.01
INCIDENCE_FILE = "incidence.csv"

Arrays = Mapping[str, Ints]

_OLD = 90


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of error.

    Attributes
    ----------
    name
        As ``planted_errors.csv`` names it.
    column
        The column changed.
    wrong
        The wrong values of these records, from the columns as they were.
    possible
        Whether a record can have it; by default every one.
    """

    name: str
    column: str
    wrong: Callable[[Arrays, Ints], Ints]
    possible: Callable[[Arrays, Ints], NDArray[np.bool_]] = lambda _, at: np.ones(len(at), bool)


def _constant(value: int) -> Callable[[Arrays, Ints], Ints]:
    return lambda _, at: np.full(len(at), value)


def _one_sex(arrays: Arrays, at: Ints) -> NDArray[np.bool_]:
    own = [label[:3] in ("C60", "C61", "C62", "C63") or "C51" <= label[:3] <= "C58"
           for label in site_labels()]  # fmt: skip
    return np.array(own)[arrays["Topo"][at]]


KINDS = (
    Kind("sex: not a code", "Sex", _constant(7)),
    Kind("sex and site do not go together", "Sex", lambda a, at: 3 - a["Sex"][at], _one_sex),
    Kind("month of incidence: not a month", "MoI", _constant(13)),
    Kind("year of incidence: unknown", "YoI", _constant(9999)),
    Kind("birth after incidence", "YoB", lambda a, at: a["YoI"][at] + 1),
    Kind(
        "age is not incidence less birth",
        "Age",
        lambda a, at: a["Age"][at] + np.where(a["Age"][at] < _OLD, 10, -10),
    ),
    Kind("site: not a code", "Topo", lambda _, at: np.full(len(at), len(site_labels()) - 1)),
    Kind("morphology: not a code", "Morpho", _constant(1234)),
    Kind("behaviour: not a code", "Beh", _constant(5)),
    Kind("vital status: not a code", "Vit_stat", _constant(7)),
    Kind("follow-up is negative", "Surv_time", _constant(-30)),
    Kind("last follow-up before incidence", "YoF", lambda a, at: a["YoI"][at] - 1),
    Kind(
        "death certificate only, yet alive",
        "BoD",
        _constant(0),
        lambda a, at: a["Vit_stat"][at] == ALIVE,
    ),
    Kind("tumour number used twice", "TUM", lambda a, at: a["TUM"][at - 1], lambda _, at: at > 0),
)
"""The kinds of error. Where a record cannot have the kind drawn, it has the first."""


def plant(
    arrays: dict[str, Ints], registry: str, rng: np.random.Generator, *, first_line: int
) -> pl.DataFrame:
    """Plant errors in the columns of a part, in place, and return their list.

    Parameters
    ----------
    arrays
        As from ``encr.incidence_arrays``.
    registry
        Its code.
    first_line
        Line of the part's first record in the file; the header is line 1.

    Returns
    -------
    pl.DataFrame
        One row per record: ``registry, file, line, tumour_id`` (the true one), ``kind, column,
        true_value, planted_value, synthetic``.
    """
    n = len(arrays["TUM"])
    rows = np.flatnonzero(rng.random(n) < SHARE)
    rows = rows[np.diff(rows, prepend=-2) > 1]  # so that a doubled number is the neighbour's own
    kind = rng.integers(0, len(KINDS), len(rows))
    for number, each in enumerate(KINDS):
        own = kind == number
        kind[own] = np.where(each.possible(arrays, rows[own]), number, 0)
    tumours = tumour_ids(arrays["TUM"][rows])
    tables = []
    wrong = [each.wrong(arrays, rows[kind == number]) for number, each in enumerate(KINDS)]
    for number, each in enumerate(KINDS):
        at = rows[kind == number]
        tables.append(
            pl.DataFrame(
                {
                    "registry": pl.repeat(registry, len(at), eager=True),
                    "file": pl.repeat(INCIDENCE_FILE, len(at), eager=True),
                    "line": at + first_line,
                    "tumour_id": tumours.filter(pl.Series(kind == number)),
                    "kind": pl.repeat(each.name, len(at), eager=True),
                    "column": pl.repeat(each.column, len(at), eager=True),
                    "true_value": _text(each.column, arrays[each.column][at]),
                    "planted_value": _text(each.column, wrong[number]),
                    "synthetic": pl.repeat(value=True, n=len(at), eager=True),
                }
            )
        )
    for number, each in enumerate(KINDS):
        arrays[each.column][rows[kind == number]] = wrong[number]
    return pl.concat(tables).sort("line")


def _text(column: str, values: Ints) -> pl.Series:
    if column == "Topo":
        return pl.Series(site_labels()).gather(values)
    return tumour_ids(values) if column == "TUM" else pl.Series(values).cast(pl.String)
