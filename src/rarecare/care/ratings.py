"""Ratings of a consensus: reading them, and their spread by the RAND/UCLA method.

Source: Fitch et al., *The RAND/UCLA Appropriateness Method User's Manual*, RAND 2001, ch. 8
(formula and constants also in BMJ Open 2012;2:e001431, table 1): with p30 and p70 the 30th and
70th percentiles of the ratings, IPR = p70 − p30, asymmetry AI = |5 − (p30 + p70)/2|, and
IPRAS = 2.35 + 1.5 AI; there is disagreement where IPR > IPRAS. Percentiles are interpolated
between order statistics at 1 + (n − 1)p (type 7 of Hyndman and Fan 1996), which is a choice of this
project; all is worked out in fractions, so that ties are exact.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl

from rarecare.care.evidence import as_texts, counted, findings_of
from rarecare.errors import ColumnError, UsageError
from rarecare.files import Source, read_table

LOWEST, HIGHEST = 1, 9
SCALE = range(LOWEST, HIGHEST + 1)
COLUMNS = ("round", "participant", "criterion", "rating", "comment")
_SYMMETRIC, _CORRECTION, _MIDDLE = Fraction(235, 100), Fraction(3, 2), 5


@dataclass(frozen=True, slots=True)
class Spread:
    """Middle and spread of ratings from 1 to 9.

    Attributes
    ----------
    n
        Ratings, 1 or more.
    median, q1, q3, p30, p70
        Percentiles.
    ipr, ipras
        Inter-percentile range, and the range that would be disagreement at this asymmetry.
    disagreement
        Whether ``ipr`` is above ``ipras``.
    """

    n: int
    median: float
    q1: float
    q3: float
    p30: float
    p70: float
    ipr: float
    ipras: float
    disagreement: bool


def spread(counts: Sequence[int]) -> Spread:
    """Return the spread of ratings from how many there are of each.

    Parameters
    ----------
    counts
        Of ratings 1 to 9, shape (9,).

    Raises
    ------
    UsageError
        There are not nine whole numbers from 0, or no rating.

    Examples
    --------
    Three low ratings, five of 7, five of 8, two of 9 (BMJ Open 2012;2:e001431, table 1):

    >>> found = spread([0, 0, 1, 1, 0, 1, 5, 5, 2])
    >>> found.median, found.ipr, found.ipras, found.disagreement
    (7.0, 1.0, 6.1, False)
    """
    if len(counts) != HIGHEST or any(k != int(k) or k < 0 for k in counts) or not sum(counts):
        raise UsageError("counts of ratings cannot be used", value=str(list(counts)),
                         allowed="nine whole numbers from 0, one of them above 0")  # fmt: skip
    ordered = [rating for rating, k in zip(SCALE, counts, strict=True) for _ in range(int(k))]

    def percentile(share: Fraction) -> Fraction:
        place = (len(ordered) - 1) * share
        below = int(place)
        above = min(below + 1, len(ordered) - 1)
        return ordered[below] + (place - below) * (ordered[above] - ordered[below])

    p30, p70 = percentile(Fraction(3, 10)), percentile(Fraction(7, 10))
    ipr = p70 - p30
    ipras = _SYMMETRIC + _CORRECTION * abs(_MIDDLE - (p30 + p70) / 2)
    q1, median, q3 = (float(percentile(Fraction(k, 4))) for k in (1, 2, 3))
    return Spread(len(ordered), median, q1, q3, float(p30), float(p70), float(ipr), float(ipras),
                  ipr > ipras)  # fmt: skip


def ipras(ratings: Sequence[int]) -> Spread:
    """Return the spread of single ratings, whole numbers from 1 to 9.

    Raises
    ------
    UsageError
        There is none, or one is not from 1 to 9.
    """
    for rating in ratings:
        if rating not in SCALE:
            raise UsageError("a rating is not on the scale", value=rating,
                             allowed="whole numbers from 1 to 9")  # fmt: skip
    given = list(ratings)
    return spread([given.count(rating) for rating in SCALE])


@dataclass(frozen=True, slots=True)
class Ratings:
    """Ratings that were read.

    Attributes
    ----------
    table
        ``round``, ``participant``, ``criterion``, ``rating`` (null: left blank), ``comment``.
    findings
        What is wrong with other records: ``row``, ``column``, ``value``, ``finding``.
    exclusions
        Records left out by reason.
    source
        The file.
    """

    table: pl.DataFrame
    findings: pl.DataFrame
    exclusions: pl.DataFrame
    source: Source

    def to_csv(self, number: int | None = None) -> bytes:
        """Return the usable ratings, of one round or all, as the one CSV there is of them."""
        table = self.table if number is None else self.table.filter(round=number)
        out = io.StringIO(newline="")
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(table.select(COLUMNS).sort(COLUMNS[:3]).iter_rows())
        return out.getvalue().encode()


def read_ratings(
    source: str | Path | Any, asked: pl.DataFrame, participants: Sequence[str]
) -> Ratings:
    """Return the ratings of a table, its faults listed and what has one left out.

    Parameters
    ----------
    source
        CSV, Parquet or data frame with ``COLUMNS``; ``comment`` may be absent. A blank rating
        is a missing one, not a fault.
    asked
        ``round`` and ``criterion``: what was put to the participants.
    participants
        Those invited.

    Raises
    ------
    ColumnError
        A column is missing or not known.
    """
    raw = read_table(source, line_breaks=True)
    columns = raw.frame.columns
    for name in COLUMNS[:-1]:
        if name not in columns:
            raise ColumnError("the ratings lack a column", value=name, allowed=columns)
    for name in columns:
        if name not in COLUMNS:
            raise ColumnError("the ratings have an unknown column", value=name, allowed=COLUMNS)
    rows = as_texts(raw.frame, COLUMNS).with_columns(
        number=pl.col("round").cast(pl.Int64, strict=False),
        whole=pl.col("rating").cast(pl.Int64, strict=False),
    ).join(
        asked.select(number="round", criterion="criterion", put=pl.lit(value=True)),
        on=["number", "criterion"], how="left", maintain_order="left",
    )  # fmt: skip
    found = findings_of(rows, _checks(asked, participants))
    used = rows.join(found.select("row").unique(), on="row", how="anti").select(
        round="number", participant="participant", criterion="criterion", rating="whole",
        comment="comment",
    )  # fmt: skip
    return Ratings(used.sort(COLUMNS[:3]), found, counted(found), raw.source)


def _checks(asked: pl.DataFrame, participants: Sequence[str]) -> list[tuple[str, pl.Expr, str]]:
    rounds, criteria = asked["round"].unique().to_list(), asked["criterion"].unique().to_list()
    vote = pl.struct("number", "participant", "criterion")
    same = pl.struct("number", "participant", "criterion", "whole")
    known_round = pl.col("number").is_in(rounds).fill_null(value=False)
    known = pl.col("criterion").is_in(criteria).fill_null(value=False)
    differ = vote.is_duplicated() & (pl.col("whole").n_unique().over(vote) > 1)
    return [
        ("round", ~known_round, "no such round"),
        ("participant", ~pl.col("participant").is_in(list(participants)).fill_null(value=False),
         "not invited"),
        ("criterion", ~known, "no such criterion"),
        ("criterion", known_round & known & pl.col("put").is_null(), "not asked in this round"),
        ("rating", pl.col("rating").is_not_null()
         & ~pl.col("whole").is_between(LOWEST, HIGHEST).fill_null(value=False),
         "not a whole number from 1 to 9"),
        ("rating", differ, "several different ratings of one criterion: none is taken"),
        ("rating", ~differ & vote.is_duplicated() & ~same.is_first_distinct(),
         "the same rating again: taken once"),
    ]  # fmt: skip
