"""Ways for a table of a release to break its rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from rarecare.errors import DisagreementError


@dataclass(frozen=True, slots=True)
class Fault:
    """A way for a table to break the schema, and the rows that do.

    Attributes
    ----------
    says
        The rule broken, as the beginning of a sentence.
    offending
        True for a row that breaks it.
    """

    says: str
    offending: pl.Expr


def refuse(
    table: pl.DataFrame, faults: Sequence[Fault], *, file: str, key: Sequence[str]
) -> None:  # fmt: skip
    """Refuse a table with a row that breaks a rule; the error names its ``key``.

    Raises
    ------
    DisagreementError
        There is one.
    """
    for fault in faults:
        broken = table.filter(fault.offending)
        if broken.height:
            raise DisagreementError(
                f"{fault.says} ({broken.height} rows)", value=first_of(broken, key), file=file
            )


def first_of(rows: pl.DataFrame, key: Sequence[str]) -> str:
    """Return the key of the first row, in words."""
    row = rows.row(0, named=True)
    return ", ".join(f"{name} {row[name]}" for name in key)
