"""A high-resolution study as a sample of a registry's cases: drawing it, keeping its weights.

Source: Cochran, *Sampling Techniques*, 3rd ed. 1977, chapter 5 (stratified random sampling);
Särndal, Swensson, Wretman, *Model Assisted Survey Sampling* 1992, sections 7.6 (post-
stratification) and 15.6 (non-response within strata). Estimates: ``sample_estimates``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.care.dictionary import IDS
from rarecare.errors import CaseError, ColumnError, UsageError
from rarecare.files import Source, read_table

Ints = NDArray[np.int64]
SEED = 20261124
LEAST = 2
"""Cases drawn from a stratum that has so many: the fewest that show its variance."""

STRATUM, PROBABILITY, WEIGHT, POST = (
    "stratum", "inclusion_probability", "weight", "post_stratum",
)  # fmt: skip
POPULATION, DRAWN, COLLECTED = "population", "drawn", "collected"
_OWN = (STRATUM, PROBABILITY, WEIGHT, POST)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Cases drawn, and what they stand for.

    Attributes
    ----------
    table
        The columns of the cases, then ``stratum`` (1, 2, …), ``inclusion_probability``, ``weight``
        (cases of the population that this one stands for) and, once post-stratified,
        ``post_stratum``.
    strata
        One row per stratum: its columns, ``stratum``, ``population`` (cases), ``drawn`` and
        ``collected``.
    by
        Columns that make the strata.
    allocation
        How the number drawn was shared out.
    seed
        Of the draw.
    source
        The population, for provenance.
    post
        Columns that make the post-strata; none until post-stratified.
    notes
        What a reader must know.
    """

    table: pl.DataFrame
    strata: pl.DataFrame
    by: tuple[str, ...]
    allocation: str
    seed: int
    source: Source
    post: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def draw_sample(
    cases: str | Path | Any, *, by: Sequence[str] = (), size: int | None = None,
    fraction: float | None = None, each: int | Mapping[Any, int] | None = None,
    least: int = LEAST, seed: int = SEED,
) -> Sample:  # fmt: skip
    """Return a stratified random sample of cases, without replacement.

    Parameters
    ----------
    cases
        The population: one row per tumour with registry, patient_id and tumour_id.
    by
        Columns that make the strata; unknown values are a stratum of their own.
    size, fraction, each
        One of them. ``size``: so many cases in all, in proportion to the strata; ``fraction``: so
        large a share of all; ``each``: so many of each stratum, or by stratum (the value of the
        column, or a tuple of values), all of one that has fewer.
    least
        With ``size`` and ``fraction``, the fewest of a stratum.
    seed
        The same seed and cases give the same sample, in whatever order the cases come.

    Raises
    ------
    UsageError
        Not one of the three, a number that cannot be drawn, or a stratum that is not there.
    ColumnError
        A column is missing.
    CaseError
        A tumour stands twice.
    """
    raw = read_table(cases)
    frame = raw.frame
    for name in (*IDS, *by):
        if name not in frame.columns:
            raise ColumnError(
                f"cases have no column {name}", file=raw.source.name, value=name,
                allowed=frame.columns,
            )  # fmt: skip
    for name in _OWN:
        if name in frame.columns:
            raise ColumnError(
                "cases have a column that a sample makes itself", file=raw.source.name, value=name,
                remedy="Rename it, or sample the cases before they are weighted.",
            )  # fmt: skip
    twice = frame.filter(frame.select(IDS).is_duplicated())
    if twice.height:
        raise CaseError(
            "a tumour stands twice", file=raw.source.name, value=str(twice["tumour_id"][0]),
            allowed="one row per tumour",
        )  # fmt: skip
    frame, strata = _stratified(frame, tuple(by))
    population = strata[POPULATION].to_numpy()
    drawn, allocation = _numbers(
        strata, tuple(by), population, size=size, fraction=fraction, each=each, least=least
    )
    rng = np.random.default_rng(seed)
    shares = pl.Series(drawn / population)
    strata = strata.with_columns(
        pl.Series(DRAWN, drawn, dtype=pl.Int64), pl.Series(COLLECTED, drawn, dtype=pl.Int64)
    )
    chosen = (
        frame.with_columns(_key=pl.Series(rng.random(frame.height)))
        .with_columns(_place=pl.col("_key").rank("ordinal").over(STRATUM))
        .filter(pl.col("_place") <= pl.Series(drawn).gather(frame[STRATUM] - 1))
        .drop("_key", "_place")
    )
    probability = shares.gather(chosen[STRATUM] - 1)
    table = chosen.with_columns(probability.alias(PROBABILITY), (1 / probability).alias(WEIGHT))
    return Sample(table, strata, tuple(by), allocation, seed, raw.source)


def collected(sample: Sample, data: pl.DataFrame) -> Sample:
    """Return the sample with the data collected of it, weighted for what was not collected.

    Cases without data are taken as a random part of their stratum: the weight of the others is
    the stratum's population over the number collected.

    Parameters
    ----------
    sample
        As drawn.
    data
        One row per case collected, as ``Incoming.data``; columns of the sample give way to those
        of the same name.

    Raises
    ------
    ColumnError
        The columns that tell records apart are missing.
    CaseError
        A record is not of the sample, or stands twice.
    """
    for name in IDS:
        if name not in data.columns:
            raise ColumnError(f"data have no column {name}", value=name, allowed=data.columns)
    own = data.with_columns(pl.col(name).cast(sample.table[name].dtype) for name in IDS)
    own = own.drop([name for name in _OWN if name in own.columns])
    if own.select(IDS).is_duplicated().any():
        doubled = own.filter(own.select(IDS).is_duplicated())["tumour_id"][0]
        raise CaseError("a record stands twice", value=str(doubled), allowed="one row per tumour")
    stray = own.join(sample.table, on=IDS, how="anti")
    if stray.height:
        raise CaseError(
            "a record is not of the sample", value=str(stray["tumour_id"][0]),
            allowed="cases that were drawn",
            remedy=f"{stray.height} records are not: collect what was drawn, or draw again.",
        )  # fmt: skip
    kept = [c for c in sample.table.columns if c in IDS or c not in own.columns]
    table = sample.table.select(kept).join(own, on=IDS, how="inner", maintain_order="left")
    counts = table.group_by(STRATUM).agg(pl.len().cast(pl.Int64).alias(COLLECTED))
    strata = sample.strata.drop(COLLECTED).join(
        counts, on=STRATUM, how="left", maintain_order="left"
    ).with_columns(pl.col(COLLECTED).fill_null(0))  # fmt: skip
    weights = strata.select(STRATUM, (pl.col(POPULATION) / pl.col(COLLECTED)).alias(WEIGHT))
    table = table.drop(WEIGHT).join(weights, on=STRATUM, how="left", maintain_order="left")
    return replace(sample, table=table, strata=strata, notes=(*sample.notes, *_lost(strata)))


def post_stratify(
    sample: Sample, totals: str | Path | Any, *, by: Sequence[str]
) -> Sample:  # fmt: skip
    """Return the sample with weights that add up to known numbers of cases.

    Parameters
    ----------
    sample
        As drawn, or as collected.
    totals
        The columns ``by`` and ``population``, the cases of each group in the whole population.
    by
        Columns of the sample that make the groups.

    Raises
    ------
    ColumnError
        A column is missing.
    UsageError
        There are no columns to group by, a group of the sample is not among the totals, stands
        twice, or has no cases; or a group of the totals has no one in the sample.
    """
    if not by:
        raise UsageError("post-strata need a column", value="none", allowed=sample.table.columns)
    raw = read_table(totals).frame
    for name, frame, what in (
        *((name, sample.table, "the sample") for name in by),
        *((name, raw, "the totals") for name in (*by, POPULATION)),
    ):  # fmt: skip
        if name not in frame.columns:
            raise ColumnError(f"{what} have no column {name}", value=name, allowed=frame.columns)
    known = raw.select(
        *(pl.col(name).cast(sample.table[name].dtype) for name in by),
        _known=pl.col(POPULATION).cast(pl.Float64, strict=False),
    )
    if known.select(by).is_duplicated().any():
        raise UsageError("a group of the totals stands twice", value=_words(known, by, [0]))
    summed = sample.table.group_by(by, maintain_order=True).agg(_sum=pl.col(WEIGHT).sum())
    groups = summed.join(known, on=by, how="full", nulls_equal=True, coalesce=True).sort(by)
    _check_groups(groups, by)
    groups = groups.filter(pl.col("_sum").is_not_null()).with_row_index(POST, offset=1)
    table = (
        sample.table.drop(POST, strict=False)
        .join(
            groups.with_columns(pl.col(POST).cast(pl.Int64)), on=by, how="left", nulls_equal=True,
            maintain_order="left",
        )
        .with_columns(pl.col(WEIGHT) * pl.col("_known") / pl.col("_sum"))
        .drop("_known", "_sum")
    )  # fmt: skip
    note = f"weights post-stratified by {', '.join(by)}"
    return replace(sample, table=table, post=tuple(by), notes=(*sample.notes, note))


def _check_groups(groups: pl.DataFrame, by: Sequence[str]) -> None:
    """Refuse groups without a total and totals without a group."""
    bad = pl.col("_known").is_null() | (pl.col("_known") <= 0) | pl.col("_known").is_nan()
    without = groups.filter(pl.col("_sum").is_not_null() & bad)
    if without.height:
        raise UsageError(
            "a group of the sample has no total", value=_words(without, by, [0]),
            allowed="a number of cases above 0 for each group",
        )  # fmt: skip
    empty = groups.filter(pl.col("_sum").is_null() & (pl.col("_known") > 0))
    if empty.height:
        raise UsageError(
            "a group of the totals has no one in the sample", value=_words(empty, by, [0]),
            allowed="groups that the sample reached", remedy="Merge it with another group.",
        )  # fmt: skip


def _words(frame: pl.DataFrame, by: Sequence[str], rows: Sequence[int]) -> str:
    values = frame.select(by)[rows].row(0)
    return ", ".join(
        f"{n} {'unknown' if v is None else v}" for n, v in zip(by, values, strict=True)
    )


def _stratified(frame: pl.DataFrame, by: tuple[str, ...]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the cases in an order of their own, with their stratum, and the strata."""
    ordered = frame.sort([*by, *IDS], nulls_last=True)
    if not by:
        strata = pl.DataFrame({STRATUM: [1], POPULATION: [frame.height]})
        return ordered.with_columns(pl.lit(1, pl.Int64).alias(STRATUM)), strata
    strata = ordered.group_by(by, maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias(POPULATION)
    )
    number = pl.int_range(1, strata.height + 1, dtype=pl.Int64, eager=True).alias(STRATUM)
    strata = strata.select(*by, number, POPULATION)
    places = number.gather(np.repeat(np.arange(strata.height), strata[POPULATION].to_numpy()))
    return ordered.with_columns(places), strata


def _numbers(
    strata: pl.DataFrame, by: tuple[str, ...], population: Ints, *, size: int | None,
    fraction: float | None, each: int | Mapping[Any, int] | None, least: int,
) -> tuple[Ints, str]:  # fmt: skip
    """Return how many are drawn of each stratum, and how that was decided."""
    if sum(given is not None for given in (size, fraction, each)) != 1:
        raise UsageError(
            "how many to draw is told in one way", value="none or several",
            allowed="one of size, fraction, each",
        )  # fmt: skip
    total = int(population.sum())
    if each is not None:
        return _of_each(strata, by, population, each)
    if fraction is not None and not 0 < fraction <= 1:
        raise UsageError("this is no share", value=fraction, allowed="above 0, up to 1")
    wanted = int(size) if size is not None else round((fraction or 0.0) * total)
    fewest = np.minimum(least, population)
    if least < 1 or not int(fewest.sum()) <= wanted <= total:
        raise UsageError(
            "so many cases cannot be drawn", value=wanted if least >= 1 else least,
            allowed=f"{int(fewest.sum())} to {total}, with at least {max(least, 1)} of each of "
            f"{len(population)} strata",
        )  # fmt: skip
    return proportional(population, wanted, fewest), f"{wanted} of {total} in proportion"


def proportional(population: Ints, size: int, fewest: Ints) -> Ints:
    """Return numbers in proportion to the strata, none below its fewest, that add to ``size``.

    Strata whose share is below their fewest get that; the rest is shared out among the others, by
    the largest remainders.

    >>> proportional(np.array([90, 9, 1]), 10, np.array([2, 2, 1]))
    array([7, 2, 1])
    """
    fixed = np.zeros(len(population), dtype=bool)
    while True:
        left, among = size - int(fewest[fixed].sum()), int(population[~fixed].sum())
        share = [Fraction(int(n) * left, among) if among else Fraction(0) for n in population]
        short = ~fixed & np.array([s < int(f) for s, f in zip(share, fewest, strict=True)])
        if not short.any():
            break
        fixed |= short
    whole = np.array([int(s) for s in share], dtype=np.int64)
    whole[fixed] = fewest[fixed]
    rests = [(-float(s - int(s)), i) for i, s in enumerate(share) if not fixed[i]]
    for _, place in sorted(rests)[: size - int(whole.sum())]:
        whole[place] += 1
    return whole


def _of_each(
    strata: pl.DataFrame, by: tuple[str, ...], population: Ints, each: int | Mapping[Any, int]
) -> tuple[Ints, str]:
    if not isinstance(each, Mapping):
        wanted = np.full(len(population), int(each))
        said = f"{each} of each stratum"
    else:
        rows = strata.select(by).rows() if by else [()]
        names = [row[0] if len(row) == 1 else row for row in rows]
        strange = [name for name in each if name not in names]
        lacking = [name for name in names if name not in each]
        if strange or lacking:
            raise UsageError(
                "a stratum is not among the cases" if strange else "a stratum has no number",
                value=str((strange or lacking)[0]), allowed=[str(name) for name in names],
            )  # fmt: skip
        wanted = np.array([int(each[name]) for name in names])
        said = "by stratum, as told"
    if (wanted < 1).any():
        raise UsageError(
            "a stratum without cases in the sample cannot be weighted back",
            value=int(wanted.min()), allowed="whole numbers from 1",
        )  # fmt: skip
    return np.minimum(wanted, population).astype(np.int64), said


def _lost(strata: pl.DataFrame) -> list[str]:
    """Say how much was not collected."""
    drawn, got = int(strata[DRAWN].sum()), int(strata[COLLECTED].sum())
    notes = []
    if got < drawn:
        notes.append(
            f"{drawn - got} of {drawn} cases drawn were not collected; they are taken as a random "
            "part of their stratum"
        )
    empty = strata.filter(pl.col(COLLECTED) == 0)
    if empty.height:
        notes.append(
            f"{empty.height} strata with {int(empty[POPULATION].sum())} cases have no data: the "
            "estimates do not speak for them"
        )
    return notes
