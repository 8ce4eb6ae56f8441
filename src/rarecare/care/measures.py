"""From who is counted to estimates: the rows of one indicator in each stratum."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.care.definitions import Definition, Quantity
from rarecare.care.limits import (
    ShareInterval,
    censored_quantiles,
    effective,
    quantiles,
    share_limits,
)
from rarecare.results import NOT_ESTIMABLE, OK

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Row = dict[str, Any]
Quantile = tuple[float | None, float | None, float | None]
MET, NOT_MET, NOT_SURE = "met", "not met", "not sure"
QUANTILES = {"median": 0.5, "lower quartile": 0.25, "upper quartile": 0.75,
             "90th percentile": 0.9}  # fmt: skip
WITHIN = "share within threshold"
_TOO_FEW = "too few cases for a limit"

OTHER, NOT_ELIGIBLE, UNSURE, UNKNOWN, NEGATIVE, COUNTED, FIRST_REASON = range(7)
"""What became of a case: of another cancer, not in the denominator, not known whether, answer not
known, a negative time, counted; reasons of exclusion follow."""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """One indicator of all cases.

    Attributes
    ----------
    stratum, state
        Of each case: number of its stratum, and what became of it.
    value
        1 or 0, days or a count, of each case counted; nan of others.
    category
        Texts of a distribution.
    censored
        Whether a time was cut short.
    weight
        Of each case.
    n_strata
        Number of strata.
    reasons
        Of exclusion, from ``FIRST_REASON`` on.
    lacking
        What the data do not have, in words.
    """

    stratum: Ints
    state: Ints
    value: Floats
    category: pl.Series | None
    censored: NDArray[np.bool_] | None
    weight: Floats | None
    n_strata: int
    reasons: tuple[str, ...]
    lacking: str

    def counted(self) -> Ints:
        """Return the number of cases by stratum and state, shape (n_strata, n_states)."""
        states = FIRST_REASON + len(self.reasons)
        flat = np.bincount(self.stratum * states + self.state, minlength=self.n_strata * states)
        return flat.reshape(self.n_strata, states).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Choices:
    """How estimates are made."""

    level: float
    interval: ShareInterval


def rows_of(one: Definition, got: Answers, choices: Choices) -> list[Row]:
    """Return the rows of an indicator, in the order of strata; ``_stratum`` is their number."""
    counts = got.counted()
    held = np.flatnonzero(got.state == COUNTED)
    if one.kind == "time":  # quantiles want the values in order
        order = held[np.lexsort((got.value[held], got.stratum[held]))]
    else:
        order = held[np.argsort(got.stratum[held], kind="stable")]
    ends = np.searchsorted(got.stratum[order], np.arange(got.n_strata + 1))
    made = {"proportion": _share_rows, "time": _time_rows, "count": _count_rows,
            "distribution": _category_rows}[one.kind]  # fmt: skip
    found: list[Row] = []
    for stratum in range(got.n_strata):
        own = order[ends[stratum] : ends[stratum + 1]]
        common = _common(one, counts[stratum], stratum)
        if one.not_computed is not None or not len(own):
            why = one.not_computed or why_none(counts[stratum], got.lacking)
            found.append(common | _nothing(one, why))
            continue
        weight = np.ones(len(own)) if got.weight is None else got.weight[own]
        n = effective(weight)
        if not n > 0:
            found.append(common | _nothing(one, "the weights of all cases are 0"))
            continue
        for row in made(one, got, own, weight, choices):
            found.append(common | {"effective_n": n, "status": OK, "reason": None} | row)
    return found


def _common(one: Definition, counts: Ints, stratum: int) -> Row:
    excluded = int(counts[FIRST_REASON:].sum())
    return {
        "_stratum": stratum,
        "n": int(counts.sum() - counts[OTHER]),
        "excluded": excluded,
        "not_eligible": int(counts[NOT_ELIGIBLE]),
        "eligibility_unknown": int(counts[UNSURE]),
        "unknown": int(counts[UNKNOWN]),
        "negative": int(counts[NEGATIVE]),
        "denominator": int(counts[COUNTED]),
        "direction": one.direction,
    }


def _nothing(one: Definition, why: str) -> Row:
    measure = {"proportion": "share", "time": "median", "count": "mean"}.get(one.kind, "share")
    unit = {"time": "days", "count": "per case"}.get(one.kind, "share")
    return {"measure": measure, "unit": unit, "status": NOT_ESTIMABLE, "reason": why,
            "effective_n": 0.0}  # fmt: skip


def why_none(counts: Ints, lacking: str) -> str:
    """Return in words why no case is counted."""
    said = f" (the data lack {lacking})" if lacking else ""
    if counts.sum() == counts[OTHER]:
        return "there are no cases of this cancer"
    if counts[UNKNOWN] or counts[UNSURE]:
        what = "answer is" if counts[UNKNOWN] else "denominator is"
        return f"the {what} not known for any case{said}"
    if counts[NEGATIVE]:
        return "all times are negative"
    return "no case is concerned" if counts[NOT_ELIGIBLE] else "all cases are excluded"


def _shares(hits: Floats, weight: Floats, choices: Choices) -> Row:
    """Return a share with its limits."""
    n = effective(weight)
    share = float((hits * weight).sum() / weight.sum())
    lower, upper = share_limits(share, n, interval=choices.interval, level=choices.level)
    return {
        "numerator": int(hits.sum()), "estimate": share,
        "se": float(np.sqrt(max(share * (1 - share), 0.0) / n)),
        "lower": float(lower), "upper": float(upper), "unit": "share", "method": choices.interval,
    }  # fmt: skip


def _share_rows(
    one: Definition, got: Answers, own: Ints, weight: Floats, choices: Choices
) -> Iterator[Row]:
    row = _shares(got.value[own], weight, choices)
    yield {"measure": "share"} | row | against(one.threshold, one.direction, row)


def _time_rows(
    one: Definition, got: Answers, own: Ints, weight: Floats, choices: Choices
) -> Iterator[Row]:
    days, at = got.value[own], tuple(QUANTILES.values())
    if got.censored is None:
        method = "order statistics"
        found: list[Quantile] = [*quantiles(days, weight, at, level=choices.level)]
    else:
        method = "product-limit"
        seen = ~got.censored[own]
        found = censored_quantiles(days, seen, weight, at, level=choices.level)
    for measure, (value, lower, upper) in zip(QUANTILES, found, strict=True):
        row: Row = {"measure": measure, "estimate": value, "lower": lower, "upper": upper,
                    "unit": "days", "method": method}  # fmt: skip
        if value is None:
            row |= {"status": NOT_ESTIMABLE, "reason": "so few reach the time that it is not seen"}
        elif lower is None or upper is None:
            row["reason"] = _TOO_FEW
        if measure == "median":
            row |= against(one.threshold, one.direction, row)
        yield row
    if one.threshold is not None and got.censored is None:
        row = _shares((days <= one.threshold.value).astype(np.float64), weight, choices)
        yield {"measure": WITHIN, "threshold": one.threshold.value, "threshold_unit": "days"} | row


def _count_rows(
    one: Definition, got: Answers, own: Ints, weight: Floats, choices: Choices
) -> Iterator[Row]:
    from scipy.special import ndtri  # noqa: PLC0415 - slow to import

    value, n = got.value[own], effective(weight)
    mean = float((value * weight).sum() / weight.sum())
    row: Row = {"measure": "mean", "numerator": int(value.sum()), "estimate": mean,
                "unit": "per case", "method": "normal"}  # fmt: skip
    if n > 1:
        spread = float((weight * (value - mean) ** 2).sum() / weight.sum()) * n / (n - 1)
        se = float(np.sqrt(spread / n))
        half = float(ndtri(0.5 + choices.level / 2)) * se
        row |= {"se": se, "lower": max(mean - half, 0.0), "upper": mean + half}
    else:
        row["reason"] = _TOO_FEW
    yield row | against(one.threshold, one.direction, row)
    for least in (1, 2):
        shares = _shares((value >= least).astype(np.float64), weight, choices)
        yield {"measure": f"share with {least} or more"} | shares


def _category_rows(
    _: Definition, got: Answers, own: Ints, weight: Floats, choices: Choices
) -> Iterator[Row]:
    assert got.category is not None
    values = got.category.gather(own)
    for name in sorted(set(values.to_list())):
        hits = (values == name).to_numpy().astype(np.float64)
        yield {"measure": "share", "category": name} | _shares(hits, weight, choices)


def against(threshold: Quantity | None, direction: str, row: Mapping[str, Any]) -> Row:
    """Return the threshold, and whether the interval says that it is met."""
    if threshold is None or row.get("estimate") is None:
        return {}
    value = threshold.value / (100 if threshold.unit == "percent" else 1)
    lower, upper = row.get("lower"), row.get("upper")
    if direction == "higher":
        met, failed = lower is not None and lower >= value, upper is not None and upper < value
    else:
        met, failed = upper is not None and upper <= value, lower is not None and lower > value
    return {
        "threshold": value,
        "threshold_unit": row["unit"],
        "verdict": MET if met else NOT_MET if failed else NOT_SURE,
    }


def excluded_rows(got: Answers) -> Sequence[Row]:
    """Return one row per stratum and reason, also for what is not known and negative times."""
    counts = got.counted()
    states = {
        **{FIRST_REASON + k: ("excluded", reason) for k, reason in enumerate(got.reasons)},
        NOT_ELIGIBLE: ("not in the denominator", "not in the denominator"),
        UNSURE: ("not known", "not known whether in the denominator"),
        UNKNOWN: ("not known", "answer not known"),
        NEGATIVE: ("error", "negative interval"),
    }
    return [
        {"_stratum": stratum, "kind": kind, "reason": reason,
         "records": int(counts[stratum, state])}
        for stratum in range(got.n_strata)
        for state, (kind, reason) in states.items()
        if counts[stratum, state] or kind == "excluded"
    ]  # fmt: skip
