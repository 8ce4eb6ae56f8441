"""Observed survival that stands in for cases lost before the index date.

Kaplan and Meier by stratum, from sums by day that add over registries; a stratum with too few at
risk is widened by dropping its last column. Source: METHODS_DETAIL 11.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
_DAYS = 1 << 20
"""More days than anybody is followed."""
_SUMMED = ("day", "deaths", "exits")


def survival_sums(table: pl.DataFrame, strata: Sequence[str]) -> pl.DataFrame:
    """Return deaths and exits by stratum and day of follow-up: these add over parts."""
    # words are grouped and sorted by number, which is quicker, and are words again in the sums
    words = [name for name in strata if table.schema[name] == pl.String]
    numbers = [
        pl.col(name).cast(pl.Enum(table[name].unique().drop_nulls().sort())) for name in words
    ]
    return (
        table.select(*strata, "died", day=pl.col("follow_up_days").cast(pl.Int64))
        .with_columns(numbers)
        .group_by(*strata, "day")
        .agg(deaths=pl.col("died").sum().cast(pl.Int64), exits=pl.len().cast(pl.Int64))
        .sort(*strata, "day", nulls_last=False)
        .with_columns(pl.col(words).cast(pl.String))
    )


def add_sums(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return the sums of several parts together."""
    keys = [name for name in parts[0].columns if name not in ("deaths", "exits")]
    whole = pl.concat(parts).group_by(keys).agg(pl.col("deaths", "exits").sum())
    return whole.sort(keys, nulls_last=False)


@dataclass(frozen=True, slots=True)
class KaplanMeier:
    """Observed survival of strata at any day.

    Attributes
    ----------
    strata
        One row per stratum, with ``_stratum``, its number.
    keys
        Stratum · 2²⁰ + day of the rows, ascending.
    at_risk, log_survival, information
        Of each row: at risk on the day, log S after it, and the sum of d/Y² up to it.
    size
        Cases of each stratum.
    """

    strata: pl.DataFrame
    keys: Whole
    at_risk: Whole
    log_survival: Floats
    information: Floats
    size: Whole

    @classmethod
    def of(cls, sums: pl.DataFrame, strata: Sequence[str]) -> KaplanMeier:
        """Return the survival of these columns' strata, summed over the other columns."""
        listed, number = _numbered(sums, strata)
        own = sums.select(pl.Series("_stratum", number), "day", "deaths", "exits")
        if len(strata) < len(sums.columns) - len(_SUMMED):
            own = own.group_by("_stratum", "day").agg(pl.col("deaths", "exits").sum())
        own = own.sort("_stratum", "day")
        stratum, day = own["_stratum"].to_numpy(), own["day"].to_numpy()
        deaths, exits = own["deaths"].to_numpy(), own["exits"].to_numpy()
        size = np.bincount(stratum, weights=exits, minlength=listed.height).astype(np.int64)
        first = np.searchsorted(stratum, np.arange(listed.height))
        gone = np.cumsum(exits) - exits
        at_risk = size[stratum] - (gone - gone[first][stratum])
        with np.errstate(divide="ignore"):
            step = np.log1p(-deaths / at_risk)
        return cls(
            listed, stratum * _DAYS + day, at_risk,
            _running(step, first, stratum), _running(deaths / at_risk**2.0, first, stratum), size,
        )  # fmt: skip

    def at(self, stratum: Whole, day: Whole) -> tuple[Floats, Floats]:
        """Return log survival and the sum of d/Y² after given days."""
        place = _place(self.keys, stratum * _DAYS + day, side="right") - 1
        inside = (place >= 0) & (self.keys[np.maximum(place, 0)] // _DAYS == stratum)
        place = np.maximum(place, 0)
        return (
            np.where(inside, self.log_survival[place], 0.0),
            np.where(inside, self.information[place], 0.0),
        )

    def risk(self, stratum: Whole, day: Whole) -> Whole:
        """Return how many are at risk on given days."""
        place = _place(self.keys, stratum * _DAYS + day, side="left")
        inside = place < len(self.keys)
        place = np.minimum(place, len(self.keys) - 1)
        inside &= self.keys[place] // _DAYS == stratum
        return np.where(inside, self.at_risk[place], 0)


def _numbered(sums: pl.DataFrame, strata: Sequence[str]) -> tuple[pl.DataFrame, Whole]:
    """Return the strata of these columns with their numbers, and the number of each row.

    The rows are sorted by all strata, so that those of one stand together.
    """
    every = [name for name in sums.columns if name not in _SUMMED]
    if not every or not strata:
        listed = pl.DataFrame({"_stratum": [0]}, schema={"_stratum": pl.Int64})
        return listed, np.zeros(sums.height, dtype=np.int64)
    run = sums.select(pl.struct(every).rle_id().cast(pl.Int64)).to_series()
    first = np.flatnonzero(np.diff(run.to_numpy(), prepend=-1))
    finest = sums.select(every)[first]
    listed = finest.select(strata).unique().sort(strata, nulls_last=False)
    listed = listed.with_row_index("_stratum").cast({"_stratum": pl.Int64})
    of_finest = finest.join(
        listed, on=list(strata), how="left", nulls_equal=True, maintain_order="left"
    )["_stratum"]
    return listed, of_finest.to_numpy()[run.to_numpy()]


def _place(keys: Whole, asked: Whole, *, side: Literal["left", "right"]) -> Whole:
    """Return where values stand among keys; in rising order, which the memory likes better."""
    order = np.argsort(asked)
    place = np.empty(len(asked), dtype=np.int64)
    place[order] = np.searchsorted(keys, asked[order], side=side)
    return place


def _running(step: Floats, first: Whole, stratum: Whole) -> Floats:
    """Return running sums that begin anew in each stratum; −inf stays within its own."""
    finite = np.where(np.isfinite(step), step, 0.0)
    total = np.cumsum(finite)
    own: Floats = total - (total - finite)[first][stratum]
    ended = np.cumsum(~np.isfinite(step))
    own[ended - (ended - ~np.isfinite(step))[first][stratum] > 0] = -np.inf
    return own


@dataclass(frozen=True, slots=True)
class StoodIn:
    """What stands in for cases lost.

    Attributes
    ----------
    level
        How many columns of the stratum were kept, per case.
    stratum
        Its number among the strata with that many columns.
    alive
        Probability of being alive at the day asked, given alive at the day lost.
    at_risk
        In the stratum, on the day asked; 0 where nobody is.
    """

    level: Whole
    stratum: Whole
    alive: Floats
    at_risk: Whole


def stand_in(
    lost: pl.DataFrame, curves: dict[int, KaplanMeier], strata: Sequence[str], *, asked: str,
    fewest: int,
) -> StoodIn:  # fmt: skip
    """Return the probability of being alive at the days in ``asked`` of cases lost at ``_time``.

    The stratum with all columns where enough are at risk on that day, and so on by dropping the
    last column; all cases together at the end, whoever is at risk.
    """
    n = lost.height
    level = np.full(n, -1)
    stratum, at_risk = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    alive = np.ones(n)
    lost_on = lost["_time"].to_numpy().astype(np.int64)
    until = lost[asked].to_numpy().astype(np.int64)
    for kept in range(len(strata), -1, -1):
        curve = curves[kept]
        names = list(strata[:kept])
        if names:
            own = (
                lost.select(names)
                .join(curve.strata, on=names, how="left", nulls_equal=True, maintain_order="left")[
                    "_stratum"
                ]
                .to_numpy()
            )
        else:
            own = np.zeros(n, dtype=np.int64)
        risk = curve.risk(own, until)
        take = (level < 0) & ((risk >= fewest) | (kept == 0))
        if take.any():
            after, _ = curve.at(own[take], until[take])
            before, _ = curve.at(own[take], lost_on[take])
            alive[take] = np.exp(after - before)
            level[take], stratum[take], at_risk[take] = kept, own[take], risk[take]
        if (level >= 0).all():
            break
    return StoodIn(level, stratum, alive, at_risk)


def shared_variance(
    row: Whole,
    level: Whole,
    stratum: Whole,
    *,
    days: Whole,
    jumps: Floats,
    n_rows: int,
    curves: dict[int, KaplanMeier],
) -> Floats:
    """Return ΣΣ wᵢwⱼCᵢⱼ of each row, with Cᵢⱼ = Σ d/Y² over the days that both share.

    Parameters
    ----------
    row
        Row each jump belongs to.
    level, stratum
        Whose survival stands in.
    days, jumps
        Where the weight W of those whose survival is being borrowed changes, and by how much;
        the jumps of a case sum to 0. The value is Σ W² ΔG over the stretches between jumps.
    n_rows
        Rows in all.
    curves
        By level.
    """
    variance = np.zeros(n_rows)
    for kept in np.unique(level):
        own = level == kept
        n_strata = int(stratum[own].max()) + 1
        order = np.argsort((row[own] * n_strata + stratum[own]) * _DAYS + days[own])
        of_row, of_stratum = row[own][order], stratum[own][order]
        _, information = curves[int(kept)].at(of_stratum, days[own][order])
        weight = np.cumsum(jumps[own][order])
        same = (of_row[1:] == of_row[:-1]) & (of_stratum[1:] == of_stratum[:-1])
        pieces = np.where(same, weight[:-1] ** 2 * np.diff(information), 0.0)
        variance += np.bincount(of_row[:-1], weights=pieces, minlength=n_rows)
    return variance
