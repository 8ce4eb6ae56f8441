"""T, N and M as numbers: ten times the digit plus a number for the letter, T1b as 12.

Codes that are no digit have numbers above all others.
"""

from __future__ import annotations

import re

import polars as pl

TA, IN_SITU, UNKNOWN, INVALID = 50, 60, 90, 99
"""Ta, Tis, X or 9, and what is no code of T, N or M."""

LETTERS = {"A": 1, "B": 2, "C": 3, "D": 4, "E": 5, "M": 9}
"""Number of each letter behind a digit; ``mi`` and ``mic`` are ``M``."""

_TNM_CODES = {
    "T": r"0|A|IS(PU|PD)?|[1-4]([A-E][1-3]?|MIC?)?",
    "N": r"0|[1-3]([A-D](I{1,3}|IV)?|MI)?",
    "M": r"0|1[A-E]?",
}


def tnm_number(values: pl.Series) -> pl.Series:
    """Return a part of TNM, named by the last letter of the column, as numbers; Int8."""
    part = values.name[-1].upper()
    numbers = {text: _number_of(text, part) for text in values.drop_nulls().unique()}
    return values.replace_strict(numbers, default=None, return_dtype=pl.Int8)


def _number_of(text: str, part: str) -> int:
    """Return one code as a number; ``T1a``, ``ypT1a``, ``1A`` and ``1a(m)`` are one."""
    code = re.sub(r"\(.*\)$", "", text.strip().upper())
    code = re.sub(f"^[CPYRA]*{part}", "", code)
    if code in {"X", "9"}:
        return UNKNOWN
    if not re.fullmatch(_TNM_CODES[part], code):
        return INVALID
    if part == "T" and code[0] in "AI":
        return TA if code == "A" else IN_SITU
    return int(code[0]) * 10 + LETTERS.get(code[1:2], 0)
