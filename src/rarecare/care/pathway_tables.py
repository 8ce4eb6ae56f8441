"""What pathways say: the most frequent paths, waiting times, and flows from step to step.

Shares have Wilson's limits; quantiles are those of ``limits.quantiles``, their limits by order
statistics (Conover, *Practical Nonparametric Statistics*, 3rd ed. 1999, section 3.2). Numbers of
1 to ``smallest`` − 1 patients are grouped or withheld within each stratum.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.care.limits import wilson
from rarecare.care.measures import QUANTILES
from rarecare.care.pathways import Pathways
from rarecare.disclosure.rule import DEFAULT_THRESHOLD
from rarecare.errors import UsageError
from rarecare.rates.intervals import tail_probability
from rarecare.results import NOT_ESTIMABLE, OK, WITHHELD, Result

Ints = NDArray[np.int64]
DISCLOSURE_THRESHOLD = DEFAULT_THRESHOLD
OTHERS = "other paths"
PREVIOUS = "step before"
_SAME = 1e-9
_LONGEST = 2**22  # days; longer than any two dates are apart


def grouped_name(smallest: int) -> str:
    """Return the name of the paths too small to be listed alone."""
    return f"other paths, fewer than {smallest} each"


def check_counts(*, smallest: int, most: int = 1, level: float = 0.95) -> None:
    """Refuse a threshold, a number of rows or a level that cannot be.

    Raises
    ------
    UsageError
        One is below 1, or the level is not between 0 and 1.
    """
    for name, value in (("smallest", smallest), ("most", most)):
        if value < 1:
            raise UsageError(f"{name} is too small", value=value, allowed="1 or more")
    tail_probability(level)


def frequent_paths(
    pathways: Pathways, *, by: Sequence[str] = (), most: int = 20,
    smallest: int = DISCLOSURE_THRESHOLD, level: float = 0.95,
) -> Result:  # fmt: skip
    """Return the most frequent paths.

    Paths of fewer than ``smallest`` patients are one row. Where that row has fewer itself, it is
    withheld with the smallest other row, from which it could be told; a stratum of fewer patients
    is withheld whole.

    Parameters
    ----------
    pathways
        Of ``pathways``.
    by
        Columns of its patients: ``country``, ``treated_at``.
    most
        Paths listed of each stratum; those after them are one row.
    smallest
        Smallest number of patients that may be shown.
    level
        Confidence level.

    Returns
    -------
    Result
        ``by``, ``rank`` (null for rows of several paths), ``path``, ``steps``, ``paths`` (different
        paths in the row), ``n``, ``denominator``, ``estimate``, ``se``, ``lower``, ``upper``,
        ``level``, ``unit``, ``method``, ``status``, ``reason``.

    Raises
    ------
    UsageError
        ``most`` or ``smallest`` is below 1, or the level is not between 0 and 1.
    ColumnError
        Patients have no column of ``by``.
    """
    check_counts(smallest=smallest, most=most, level=level)
    pathways.strata(by)
    keys, group = list(by), grouped_name(smallest)
    over = _over(keys)
    counted = (
        pathways.patients.group_by([*keys, "path"])
        .agg(n=pl.len().cast(pl.Int64), steps=pl.first("steps"))
        .sort([*keys, "n", "path"], descending=[False] * len(keys) + [True, False])
        .with_columns(
            pl.int_range(1, pl.len() + 1).over(over).alias("rank"),
            pl.col("n").sum().over(over).alias("denominator"),
        )
    )
    label = (
        pl.when(pl.col("n") < smallest).then(pl.lit(group))
        .when(pl.col("rank") > most).then(pl.lit(OTHERS)).otherwise("path")
    )  # fmt: skip
    alone = pl.len() == 1
    rows = counted.with_columns(label.alias("path")).group_by(
        [*keys, "path", "denominator"], maintain_order=True
    ).agg(
        pl.when(alone).then(pl.first("rank")).alias("rank"),
        pl.when(alone).then(pl.first("steps")).alias("steps"),
        paths=pl.len().cast(pl.Int64), n=pl.col("n").sum(),
    )  # fmt: skip
    several = pl.col("path").is_in([group, OTHERS])
    rows = rows.with_columns(
        pl.when(~several).then("rank").alias("rank"), pl.when(~several).then("steps").alias("steps")
    )
    hidden = _withheld_rows(rows, keys, group, smallest)
    rows = rows.with_columns(hidden.alias("_hidden"))
    few = pl.col("denominator") < smallest
    rows = rows.with_columns(
        pl.when(~pl.col("_hidden")).then("n").alias("n"),
        pl.when(~pl.col("_hidden")).then("paths").alias("paths"),
        pl.when(~few).then("denominator").alias("denominator"),
    )
    made = shares(rows, level, f"fewer than {smallest} patients, or could be told from the others")
    plan = {"by": keys, "most": most, "smallest": smallest, "level": level}
    return Result(
        made.select(*keys, "rank", "path", "steps", "paths", "n", "denominator", "estimate", "se",
                    "lower", "upper", "level", "unit", "method", "status", "reason"),
        pathways.provenance("Most frequent paths", plan, within(smallest)),
    )  # fmt: skip


def _over(keys: list[str]) -> list[pl.Expr]:
    return [pl.col(name) for name in keys] or [pl.lit(1)]


def _withheld_rows(rows: pl.DataFrame, keys: list[str], group: str, smallest: int) -> pl.Series:
    """Return whether each row is withheld: too small a group, and the smallest other with it."""
    over = _over(keys)
    own = pl.col("path") == group
    small = (own & (pl.col("n") < smallest)).any().over(over)
    # of the others the smallest; of several of one size the last
    order = pl.when(own).then(None).otherwise(pl.col("n") * 2**20 - pl.int_range(pl.len()))
    least = (order == order.min().over(over)).fill_null(value=False)
    return rows.select(hidden=small & (own | least)).to_series()


def within(smallest: int) -> str:
    """Return what is withheld, as a sentence."""
    return (f"Fewer than {smallest} patients are withheld within each stratum; tables of other "
            "strata or of the whole may tell them, and are protected together")  # fmt: skip


def shares(rows: pl.DataFrame, level: float, reason: str) -> pl.DataFrame:
    """Return rows of ``n`` of ``denominator`` with share, limits, status; null n is withheld."""
    shown = rows["n"].is_not_null() & (rows["denominator"].fill_null(0) > 0)
    share = pl.select(
        pl.when(shown).then(rows["n"] / rows["denominator"]).otherwise(float("nan"))
    ).to_series()
    p, size = share.to_numpy(), rows["denominator"].fill_null(0).to_numpy()
    lower, upper = wilson(p, size, level=level)
    with np.errstate(divide="ignore", invalid="ignore"):
        se = np.sqrt(p * (1 - p) / size)
    return rows.with_columns(
        pl.Series("estimate", p), pl.Series("se", se), pl.Series("lower", lower),
        pl.Series("upper", upper), pl.lit(level).alias("level"), pl.lit("0 to 1").alias("unit"),
        pl.lit("Wilson").alias("method"),
        pl.when(shown).then(pl.lit(OK)).otherwise(pl.lit(WITHHELD)).alias("status"),
        pl.when(~shown).then(pl.lit(reason)).alias("reason"),
    ).with_columns(pl.col("estimate", "se", "lower", "upper").fill_nan(None))  # fmt: skip


def waiting_times(
    pathways: Pathways, *, since: str = PREVIOUS, by: Sequence[str] = (),
    smallest: int = DISCLOSURE_THRESHOLD, level: float = 0.95,
) -> Result:  # fmt: skip
    """Return the days that patients wait for each step.

    A day is the first of a course. Steps that a patient never had are no waiting times: these are
    times of those who had both.

    Parameters
    ----------
    pathways
        Of ``pathways``.
    since
        ``"step before"``: from each step to the next of the path. Otherwise a step: from its first
        time to the first time of every other.
    by, smallest, level
        As for ``frequent_paths``.

    Returns
    -------
    Result
        ``by``, ``from_step``, ``step``, ``measure`` (median, lower and upper quartile, 90th
        percentile), ``n``, ``denominator`` (patients, or for the step before times, that have the
        step from), ``before`` (patients who had the step earlier, left out), ``estimate``, ``se``
        (null), ``lower``, ``upper``, ``level``, ``unit``, ``method``, ``status``, ``reason``. A
        limit is null where there are too few times.

    Raises
    ------
    UsageError
        There is no such step, or as for ``frequent_paths``.
    ColumnError
        Patients have no column of ``by``.
    """
    check_counts(smallest=smallest, level=level)
    if since != PREVIOUS and since not in pathways.steps.names:
        raise UsageError("there is no such step", value=since,
                         allowed=(PREVIOUS, *pathways.steps.names))  # fmt: skip
    keys = list(by)
    number, strata = numbered_strata(pathways, by)
    names, size = pathways.steps.names, len(pathways.steps.names)
    patient, pair, days, had = (
        _since_previous(pathways) if since == PREVIOUS else _since(pathways, names.index(since))
    )
    cell = number[patient] * size**2 + pair
    early = days < 0
    held = pl.Series(cell[~early] * _LONGEST + days[~early]).sort().to_numpy()
    own, sizes = np.unique(held // _LONGEST, return_counts=True)
    before = pl.DataFrame(dict(zip(("_cell", "before"), np.unique(cell[early], return_counts=True),
                                   strict=True)))  # fmt: skip
    base = np.unique(number[had[0]] * size + had[1], return_counts=True)
    whole = (
        pl.DataFrame({"_cell": own, "n": sizes})
        .join(before, on="_cell", how="full", coalesce=True)
        .with_columns(pl.col("_cell") // size // size, pl.col("_cell").alias("_own"))
        .rename({"_cell": "_stratum"})
        .with_columns(_from=pl.col("_own") // size)
        .join(pl.DataFrame({"_from": base[0], "denominator": base[1]}), on="_from", how="left")
        .with_columns(pl.col("n", "before").fill_null(0)).sort("_own")
    )  # fmt: skip
    listed, at = pl.Series(names), pl.col("_own")
    whole = whole.select(
        *(strata[name].gather(whole["_stratum"]).alias(name) for name in keys),
        listed.gather(whole.select(at // size % size).to_series()).alias("from_step"),
        listed.gather(whole.select(at % size).to_series()).alias("step"),
        "n", "denominator", "before",
    )  # fmt: skip
    values = (held % _LONGEST).astype(np.float64)
    sizes = whole["n"].to_numpy().astype(np.int64)
    parts = []
    for measure, share in QUANTILES.items():
        value, lower, upper = grouped_quantile(values, sizes, share, level=level)
        parts.append(
            whole.with_columns(
                pl.lit(measure).alias("measure"), pl.Series("estimate", value),
                pl.Series("lower", lower), pl.Series("upper", upper),
                pl.int_range(pl.len()).alias("_row"),
            )
        )  # fmt: skip
    made = pl.concat(parts).sort("_row", maintain_order=True)
    plan = {"since": since, "by": keys, "smallest": smallest, "level": level}
    return Result(
        _told(made, smallest, level).select(
            *keys, "from_step", "step", "measure", "n", "denominator", "before", "estimate", "se",
            "lower", "upper", "level", "unit", "method", "status", "reason",
        ),
        pathways.provenance("Waiting times", plan, within(smallest)),
    )  # fmt: skip


def _told(made: pl.DataFrame, smallest: int, level: float) -> pl.DataFrame:
    """Hide what is too small, and say which rows have an estimate."""

    def small(name: str) -> pl.Expr:
        return (pl.col(name) > 0) & (pl.col(name) < smallest)

    few = small("n")
    shown = ~few & (pl.col("n") > 0)
    numbers = ("estimate", "lower", "upper")
    return made.with_columns(
        pl.lit(None, dtype=pl.Float64).alias("se"), pl.lit(level).alias("level"),
        pl.lit("days").alias("unit"), pl.lit("order statistics").alias("method"),
        *(pl.when(shown).then(pl.col(name).fill_nan(None)).alias(name) for name in numbers),
        pl.when(few).then(pl.lit(WITHHELD)).when(pl.col("n") == 0).then(pl.lit(NOT_ESTIMABLE))
        .otherwise(pl.lit(OK)).alias("status"),
        pl.when(few).then(pl.lit(f"fewer than {smallest} patients"))
        .when(pl.col("n") == 0).then(pl.lit("all had the step before")).alias("reason"),
        *(pl.when(~small(name)).then(pl.col(name).cast(pl.Int64)).alias(name)
          for name in ("n", "before", "denominator")),
    )  # fmt: skip


def numbered_strata(pathways: Pathways, by: Sequence[str]) -> tuple[Ints, pl.DataFrame]:
    """Return the number of each patient's stratum, and the strata in order.

    Raises
    ------
    ColumnError
        Patients have no column of ``by``.
    """
    strata = pathways.strata(by)
    if not by:
        return np.zeros(pathways.patients.height, dtype=np.int64), strata
    own = strata.unique().sort(strata.columns)
    numbered = own.with_row_index("_number")
    found = strata.join(numbered, on=strata.columns, how="left", nulls_equal=True,
                        maintain_order="left")  # fmt: skip
    return found["_number"].cast(pl.Int64).to_numpy(), own


_Times = tuple[Ints, Ints, Ints, tuple[Ints, Ints]]
"""Patient, pair of steps (from · size + to) and days of each time; patient, step of each from."""


def _arrays(pathways: Pathways) -> tuple[Ints, Ints, Ints]:
    own = pathways.courses
    columns = (own["patient"], own["step"].to_physical(), own["first_day"])
    patient, step, day = (each.cast(pl.Int64).to_numpy() for each in columns)
    return patient, step, day


def _since_previous(pathways: Pathways) -> _Times:
    patient, step, day = _arrays(pathways)
    next_ = np.flatnonzero(patient[1:] == patient[:-1]) + 1
    pair = step[next_ - 1] * len(pathways.steps.names) + step[next_]
    return patient[next_], pair, day[next_] - day[next_ - 1], (patient, step)


def _since(pathways: Pathways, since: int) -> _Times:
    patient, step, day = _arrays(pathways)
    size = len(pathways.steps.names)
    first = np.full((pathways.patients.height, size), _LONGEST, dtype=np.int64)
    np.minimum.at(first.reshape(-1), patient * size + step, day)
    own = first[:, since]
    both = (first != _LONGEST) & (own != _LONGEST)[:, None]
    both[:, since] = False
    row, to = np.nonzero(both)
    had = np.flatnonzero(own != _LONGEST)
    return row, since * size + to, first[row, to] - own[row], (had, np.full(len(had), since))


def grouped_quantile(
    values: NDArray[np.float64], sizes: Ints, share: float, *, level: float = 0.95
) -> tuple[Any, Any, Any]:
    """Return a quantile of each group with its limits by order statistics, nan where none.

    Parameters
    ----------
    values
        Sorted within each group, groups after one another, shape (Σ sizes,).
    sizes
        Values of each group, shape (n_groups,); a group may be empty.
    share, level
        As for ``limits.quantiles``, of which this is the form for many groups.

    Examples
    --------
    >>> value, lower, upper = grouped_quantile(np.arange(1.0, 11.0), np.array([10, 0]), 0.5)
    >>> value.tolist(), lower.tolist(), upper.tolist()
    ([5.5, nan], [2.0, nan], [9.0, nan])
    """
    from scipy.stats import binom  # noqa: PLC0415 - slow to import

    tail = tail_probability(level)
    different, which = np.unique(sizes, return_inverse=True)
    n = np.maximum(different, 1)
    low = np.asarray(binom.ppf(tail, n, share), dtype=np.int64)
    high = np.asarray(binom.ppf(1 - tail, n, share), dtype=np.int64) + 1
    place = np.ceil(n * share - _SAME).astype(np.int64)  # from 1
    middle = (np.abs(place - n * share) <= _SAME) & (place < n)
    padded = np.append(values, np.nan)
    begin = np.cumsum(sizes) - sizes

    def at(rank: Ints) -> NDArray[np.float64]:
        own, good = rank[which], (rank >= 1) & (rank <= different)
        return np.where(good[which], padded[np.where(good[which], begin + own - 1, -1)], np.nan)

    value = at(place)
    return np.where(middle[which], (value + at(place + 1)) / 2, value), at(low), at(high)
