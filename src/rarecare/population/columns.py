"""Columns that life tables and populations share: finding and casting them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from rarecare.errors import CodeError, ColumnError

_SEX = {"male": "male", "female": "female", "m": "male", "f": "female", "1": "male", "2": "female"}


def find_column(frame: pl.DataFrame, names: Iterable[str | None], wanted: str, file: str) -> str:
    """Return the first column whose name is one of ``names``, whatever its case.

    Raises
    ------
    ColumnError
        None of them is there.
    """
    present = {column.lower().replace("_", " ").strip(): column for column in frame.columns}
    asked = [name for name in names if name]
    for name in asked:
        found = present.get(name.lower().replace("_", " ").strip())
        if found:
            return found
    raise ColumnError(
        f"there is no column for {wanted}",
        file=file,
        value=asked[0],
        allowed=frame.columns,
        remedy=f"Name it: {wanted}=COLUMN.",
    )


def canonical_sex(values: pl.Series, codes: Mapping[str, str] | None, file: str) -> pl.Series:
    """Return ``"male"``/``"female"`` from words, initials, or the codes 1 and 2.

    Raises
    ------
    CodeError
        A value is none of these and ``codes`` does not map it.
    """
    lookup = {**_SEX, **(codes or {})}
    text = values.cast(pl.String)
    sexes = text.str.to_lowercase().replace_strict(lookup, default=None, return_dtype=pl.String)
    bad = (~sexes.is_in(["male", "female"])).fill_null(value=True).arg_true()
    if len(bad):
        raise CodeError(
            "sex is not a known code",
            file=file,
            row=int(bad[0]) + 2,
            value=text[int(bad[0])],
            allowed=list(lookup),
            remedy="Map it, for example sex:0=male,1=female.",
        )
    return sexes


def whole_numbers(values: pl.Series, column: str, file: str) -> pl.Series:
    """Return int64 values.

    Raises
    ------
    CodeError
        A value is not a whole number.
    """
    numbers = values.cast(pl.Float64, strict=False)
    bad = (numbers.is_null() | (numbers != numbers.round())).fill_null(value=True).arg_true()
    if len(bad):
        raise CodeError(
            f"{column} is not a whole number",
            file=file,
            row=int(bad[0]) + 2,
            column=column,
            value=values[int(bad[0])],
            allowed="whole numbers",
            remedy=f"Correct {len(bad)} such rows.",
        )
    return numbers.cast(pl.Int64)
