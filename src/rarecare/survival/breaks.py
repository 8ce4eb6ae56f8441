"""Breaks of interval life tables, in the notation of Stata's strs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from rarecare.errors import UsageError

_PIECE = re.compile(r"^([0-9./]+)(?:\(([0-9./]+)\)([0-9./]+))?$")
_ALLOWED = "0(1/12)1,1(1)10: from 0 by 1/12 to 1, then by 1 to 10; or numbers, as 0 0.5 1 5"


def parse_breaks(text: str) -> tuple[float, ...]:
    """Return the breaks in years of ``0(1/12)1,1(1)10``.

    Steps are exact fractions, so that twelve twelfths are one; each break is rounded once.

    Parameters
    ----------
    text
        Pieces ``start(step)end`` or single numbers, between commas or blanks; fractions as 1/12.

    Raises
    ------
    UsageError
        A piece cannot be read, a step does not lead to its end, or breaks do not rise from 0.

    Examples
    --------
    >>> parse_breaks("0(0.5)1,1(1)3")
    (0.0, 0.5, 1.0, 2.0, 3.0)
    """
    points: list[Fraction] = []
    for piece in text.replace(",", " ").split():
        match = _PIECE.match(piece)
        if match is None:
            raise UsageError("these breaks cannot be read", value=piece, allowed=_ALLOWED)
        start, step, end = (part and _fraction(part) for part in match.groups())
        assert isinstance(start, Fraction)
        if step is None or end is None:
            own = [start]
        else:
            assert isinstance(step, Fraction)
            assert isinstance(end, Fraction)
            own = _stepped(start, step, end, piece)
        points += own[1:] if points and own[0] == points[-1] else own
    return checked_breaks([float(point) for point in points])


def checked_breaks(breaks: Sequence[float]) -> tuple[float, ...]:
    """Return breaks that rise from 0.

    Raises
    ------
    UsageError
        They do not, or there are fewer than two.
    """
    values = tuple(float(value) for value in breaks)
    rising = len(values) > 1 and values[0] == 0 and all(a < b for a, b in pairwise(values))
    if not rising or not values[-1] < float("inf"):
        raise UsageError("breaks must rise from 0", value=list(values)[:6], allowed=_ALLOWED)
    return values


def _fraction(text: str) -> Fraction:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise UsageError("these breaks cannot be read", value=text, allowed=_ALLOWED) from None


def _stepped(start: Fraction, step: Fraction, end: Fraction, piece: str) -> list[Fraction]:
    count = (end - start) / step if step > 0 else Fraction(-1)
    if count.denominator != 1 or count < 1:
        raise UsageError(
            "a step does not lead to its end",
            value=piece,
            allowed=_ALLOWED,
            remedy="Choose a step that divides the piece.",
        )
    return [start + k * step for k in range(int(count) + 1)]
