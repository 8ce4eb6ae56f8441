"""Occupancy: the share of patients in each state at each time since diagnosis.

States are those of ``occupancy_states``, their lengths own definitions; the estimate is that of
``aalen_johansen``, with limits on the logit scale.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import Any, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.care.aalen_johansen import Occupancy, Variance, aalen_johansen
from rarecare.care.occupancy_states import DEAD, LOST, Lost, Stays, stays
from rarecare.care.pathway_tables import (
    DISCLOSURE_THRESHOLD,
    check_counts,
    numbered_strata,
)
from rarecare.care.pathways import Pathways
from rarecare.errors import UsageError
from rarecare.rates.intervals import tail_probability
from rarecare.results import NOT_ESTIMABLE, OK, WITHHELD, Result

Ints = NDArray[np.int64]
TIMES = (0, 30, 60, 90, 180, 365, 730, 1095, 1826)
_TINY = 1e-12
_FURTHEST = 36_525
_LENGTHS = ("A patient is in treatment from the start of a course to the end of its length "
            "(own definition, D), in the course that began last where several run")  # fmt: skip
_METHODS = {"robust": "Aalen-Johansen, infinitesimal jackknife",
            "greenwood": "Aalen-Johansen, Greenwood"}  # fmt: skip


def occupancy(
    pathways: Pathways, *, times: Sequence[int] = TIMES, by: Sequence[str] = (),
    lost: Lost = "censor", variance: Variance = "robust",
    smallest: int = DISCLOSURE_THRESHOLD, level: float = 0.95,
) -> Result:  # fmt: skip
    """Return the share of patients in each state at times since diagnosis.

    The shares of a stratum and a time sum to 1.

    Parameters
    ----------
    pathways
        Of ``pathways``, with all steps, made with cases that tell deaths and ends of follow-up.
    times
        Days since diagnosis, 0 or more.
    by
        Columns of its patients.
    lost
        ``"censor"``: patients alive at the end of follow-up are censored; ``"state"``: they are in
        the state lost from the day after, and the shares are those counted.
    variance
        ``"robust"``: the infinitesimal jackknife; ``"greenwood"``: quicker, for a Markov process.
    smallest
        Strata of fewer patients are withheld, and fewer at risk are null.
    level
        Confidence level.

    Returns
    -------
    Result
        ``by``, ``time_days``, ``state``, ``n``, ``at_risk`` (in the state and followed), then
        ``estimate``, ``se``, ``lower``, ``upper`` (null where the share is 0 or 1), ``level``,
        ``unit``, ``method``, ``status``, ``reason``.

    Raises
    ------
    UsageError
        There is no time or one is negative, a choice is not among its choices, the paths have not
        all their steps, or nobody is followed.
    ColumnError
        Patients have no column of ``by``.
    """
    days = np.unique(np.asarray(list(times), dtype=np.int64))
    _check(pathways, days, lost, variance)
    check_counts(smallest=smallest, level=level)
    number, strata = numbered_strata(pathways, by)
    whole, left = stays(pathways, lost=lost)
    if not len(whole.rows):
        raise UsageError(
            "no patient has a date of diagnosis and an end of follow-up",
            value=f"{pathways.patients.height} patients", allowed="one or more",
            remedy="Give the cases to pathways, with incidence_date, last_date and died.",
        )  # fmt: skip
    parts = []
    for stratum, own in _divided(whole, number):
        if len(own.rows) < smallest:
            rows = _withheld(own, days, smallest)
        else:
            rows = _rows(aalen_johansen(own, days, variance=variance), own, days, smallest)
        parts.append(rows.select(*(pl.lit(strata[name][stratum], dtype=strata.schema[name])
                                   .alias(name) for name in by), pl.all()))  # fmt: skip
    method = "counted" if lost == "state" else _METHODS[variance]
    table = pl.concat(parts).with_columns(pl.lit(method).alias("method"))
    plan = {"times": days.tolist(), "by": list(by), "lost": lost, "variance": variance,
            "smallest": smallest, "level": level}  # fmt: skip
    made = pathways.provenance("Occupancy of states", plan, _LENGTHS)
    provenance = replace(made, exclusions=pl.concat([made.exclusions, left]))
    return Result(_with_limits(table, list(by), level), provenance, _drawn(table, by, level))


def _drawn(table: pl.DataFrame, by: Sequence[str], level: float) -> Any:
    whole = _with_limits(table, list(by), level)

    def draw(**choices: Any) -> Any:
        from rarecare.figures.occupancy import occupancy_figure  # noqa: PLC0415 - for drawing alone

        return occupancy_figure(whole, by=by, **({"title": "Where patients are"} | choices))

    return draw


def _check(pathways: Pathways, days: Ints, lost: str, variance: str) -> None:
    if not len(days) or days.min() < 0 or days.max() > _FURTHEST:
        raise UsageError("these are no times", value=days.tolist()[:6],
                         allowed=f"days since diagnosis, 0 to {_FURTHEST}")  # fmt: skip
    for value, choices in ((lost, get_args(Lost)), (variance, get_args(Variance))):
        if value not in choices:
            raise UsageError("there is no such choice", value=value, allowed=choices)
    if pathways.plan["only"] is not None:
        raise UsageError("states need all steps of the paths", value=pathways.plan["only"],
                         allowed="only=None")  # fmt: skip


def _divided(whole: Stays, number: Ints) -> Iterator[tuple[int, Stays]]:
    """Yield the number and the stays of each stratum."""
    stratum = number[whole.rows]
    of_stay = stratum[whole.patient]
    order = np.argsort(of_stay, kind="stable")
    starts = np.flatnonzero(np.diff(of_stay[order], prepend=-1))
    for own in np.split(order, starts[1:]):
        who = whole.patient[own]
        new = np.append(True, who[1:] != who[:-1])
        yield int(of_stay[own[0]]), Stays(
            whole.states, np.cumsum(new) - 1, whole.state[own], whole.enter[own],
            whole.leave[own], whole.next[own], whole.rows[who[new]],
        )  # fmt: skip


def _rows(found: Occupancy, own: Stays, days: Ints, smallest: int) -> pl.DataFrame:
    size = len(own.states)
    some = found.at_risk.ravel()
    final = np.isin(own.states, (DEAD, LOST))
    # nobody is followed any more, and not all are in a final state: the shares stay as they were
    over = (days > found.last) & (found.share[:, ~final].sum(axis=1) > _TINY)
    beyond = np.repeat(over, size)
    return pl.DataFrame(
        {
            "time_days": np.repeat(days, size),
            "state": np.tile(own.states, len(days)),
            "n": np.full(len(days) * size, len(own.rows)),
            "at_risk": pl.Series(some).set(pl.Series((some > 0) & (some < smallest)), None),
            "estimate": found.share.ravel(),
            "se": found.se.ravel(),
            "status": np.where(beyond, NOT_ESTIMABLE, OK),
            "reason": pl.Series(np.where(beyond, "nobody is followed so long", "")).replace(
                "", None
            ),
        }
    )


def _withheld(own: Stays, days: Ints, smallest: int) -> pl.DataFrame:
    size = len(own.states)
    return pl.DataFrame(
        {"time_days": np.repeat(days, size), "state": np.tile(own.states, len(days))}
    ).with_columns(
        pl.lit(None, dtype=pl.Int64).alias("n"), pl.lit(None, dtype=pl.Int64).alias("at_risk"),
        pl.lit(None, dtype=pl.Float64).alias("estimate"),
        pl.lit(None, dtype=pl.Float64).alias("se"), pl.lit(WITHHELD).alias("status"),
        pl.lit(f"fewer than {smallest} patients").alias("reason"),
    )  # fmt: skip


def _with_limits(table: pl.DataFrame, keys: list[str], level: float) -> pl.DataFrame:
    reach = NormalDist().inv_cdf(1 - tail_probability(level))
    shown = pl.col("status") == OK
    p = pl.col("estimate").clip(0.0, 1.0)
    inner = shown & (p > _TINY) & (p < 1 - _TINY)
    odds, width = (p / (1 - p)).log(), reach * pl.col("se") / (p * (1 - p))
    limits = [(1 / (1 + (-(odds + sign * width)).exp())).alias(name)
              for sign, name in ((-1, "lower"), (1, "upper"))]  # fmt: skip
    return table.with_columns(limits).select(
        *keys, "time_days", "state", "n", "at_risk", pl.when(shown).then(p).alias("estimate"),
        pl.when(shown).then("se").alias("se"), pl.when(inner).then("lower").alias("lower"),
        pl.when(inner).then("upper").alias("upper"), level=pl.lit(level), unit=pl.lit("0 to 1"),
        method="method", status="status", reason="reason",
    )  # fmt: skip
