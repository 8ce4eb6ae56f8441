"""What estimates of complete prevalence share: one window, what was counted in it, and its rows.

Source: METHODS_DETAIL 11.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import ColumnError, UsageError
from rarecare.prevalent.completeness import logit_limits
from rarecare.prevalent.counting import Counted, Curves
from rarecare.prevalent.estimate import PERSONS, PROPORTION, SHORT_DAYS, prevalence_limits
from rarecare.prevalent.followed import stand_in
from rarecare.prevalent.members import PrevalenceTally, on_the_date
from rarecare.prevalent.plan import AGE_CLASS, SEX, PrevalencePlan, window_label
from rarecare.rates.plan import canonical_levels
from rarecare.results import NOT_ESTIMABLE, OK

Floats = NDArray[np.float64]
COMPLETE, CURED, SHARE = "complete", "cured", "completeness"
BEYOND = 0.5
FAR = "more than half is estimated beyond the registry's years"
NOBODY = "nobody was counted"
NO_AGE = "no age of those counted is known"
NO_PEOPLE = "the population has nobody of these"
BLIND = "lost before the index date, and nobody at risk to stand in for them"
_NUMBERS = ("estimate", "se", "lower", "upper")


@dataclass(slots=True)
class Reckoned:
    """One stratum: what was counted, and the estimates made of it.

    Attributes
    ----------
    labels
        Of the stratum.
    counted
        Of the window; one row.
    uncounted
        Why not even the window can be counted.
    why
        Why there is no estimate beyond the window.
    numbers
        Estimate and variance of the complete, the cured, the share counted.
    unknown
        How many of the window are of unknown age.
    remarks
        What is to be known of the complete.
    """

    labels: dict[str, Any]
    counted: Counted
    uncounted: str | None = None
    why: str | None = None
    numbers: dict[str, tuple[float, float]] = field(default_factory=dict)
    unknown: int = 0
    remarks: tuple[str, ...] = ()

    def check(self, unreached: str | None) -> bool:
        """Return whether the window can be counted; else say why not."""
        lost = int(self.counted.blind[0])
        self.uncounted = unreached or (f"{lost} {BLIND}" if lost else None)
        return self.uncounted is None


def as_date(day: date | str) -> date:
    """Return a date.

    Raises
    ------
    UsageError
        It is none.
    """
    try:
        return date.fromisoformat(day) if isinstance(day, str) else day
    except ValueError:
        raise UsageError("this is no date", value=day, allowed="YYYY-MM-DD") from None


def window_plan(
    cases: pl.DataFrame, *, index_date: date | str, years: float, by: Sequence[str], level: float,
    per: float, days_per_year: float,
) -> tuple[pl.DataFrame, PrevalencePlan]:  # fmt: skip
    """Return the cases with their strata, and the plan of one window before the index date.

    Raises
    ------
    UsageError
        The years are out of range, or the date is none.
    ColumnError
        There is no age, or no such stratum.
    """
    if not 0 < years < float("inf"):
        raise UsageError("years are out of range", value=years, allowed="above 0")
    for name in by:
        if name not in cases.columns:
            raise ColumnError("the cases have no such column", value=name, allowed=cases.columns)
    if not {"age_days", "age"} & set(cases.columns):
        raise ColumnError(
            "the cases have no ages", allowed="age_days, or age", remedy="Add one of them."
        )
    table = cases.with_columns(canonical_levels(cases[name]).alias(name) for name in by)
    own = [*by, *([SEX] if SEX in table.columns and SEX not in by else []), AGE_CLASS]
    return table, PrevalencePlan(
        strata=tuple(by), index_date=as_date(index_date).isoformat(),
        windows=((0.0, float(years)),), survival_strata=tuple(own), level=level, per=float(per),
        days_per_year=days_per_year,
    )  # fmt: skip


def unreached_because(
    tally: PrevalenceTally, plan: PrevalencePlan, since: date, years: float
) -> str | None:
    """Return why nobody can be counted: the data end before the date, or do not go so far back."""
    if tally.last < plan.index:
        return f"nobody is followed to the index date: follow-up ends on {tally.last}"
    if (since - plan.since(years)).days > SHORT_DAYS:
        return f"registration begins on {since}, {years:g} years are asked"
    return None


def alive_on_the_date(who: pl.DataFrame, plan: PrevalencePlan, curves: Curves) -> Floats:
    """Return each member's probability of being alive on the index date, shape (n,)."""
    known, lost = on_the_date(who, "_gap")
    share: Floats = np.where(known, 1.0, 0.0)
    gone = who.filter(pl.Series(lost))
    share[lost] = stand_in(
        gone, curves, plan.survival_strata, asked="_gap", fewest=plan.min_at_risk
    ).alive
    return share


def unknown_note(number: int) -> tuple[str, ...]:
    """Return how persons of unknown age were treated, where there are such."""
    if not number:
        return ()
    return (
        f"counted of unknown age, each with the mean factor of the known of the stratum: {number}",
    )


def prevalence_rows(
    strata: Sequence[Reckoned], plan: PrevalencePlan, people: pl.DataFrame,
    windows: Sequence[str],
) -> pl.DataFrame:  # fmt: skip
    """Return the rows of all strata: persons and shares, then proportions, with limits.

    Parameters
    ----------
    strata
        In the order of the table.
    plan
        Of one window.
    people
        As ``population_on`` returns them.
    windows
        Of ``COMPLETE``, ``CURED``, ``SHARE``; the window counted stands before them.
    """
    limited = window_label(plan.windows[0])
    lines = [
        {**own.labels, **_line(own, window, plan, limited)}
        for own in strata
        for window in (limited, *windows)
    ]
    schema: dict[str, Any] = dict.fromkeys(_NUMBERS, pl.Float64) | {"reason": pl.String}
    schema |= {name: own.dtype for name, own in zip(
        plan.columns, strata[0].counted.keys.select(plan.columns), strict=True
    )} if strata else {}  # fmt: skip
    rows = pl.DataFrame(lines, infer_schema_length=None, schema_overrides=schema)
    keys = [name for name in plan.strata if name in people.columns]
    whole = people.filter(age_group="all").select(*keys, "population")
    if keys:
        rows = rows.join(whole, on=keys, how="left", maintain_order="left")
    else:
        rows = rows.join(whole, how="cross", maintain_order="left")
    none = pl.col("population").fill_null(0) <= 0
    scale = pl.when(~none).then(plan.per / pl.col("population"))
    nobody = pl.when(none & pl.col("estimate").is_not_null()).then(pl.lit(NO_PEOPLE))
    proportions = rows.filter(measure=PERSONS).with_columns(
        *(pl.col(name) * scale for name in _NUMBERS),
        measure=pl.lit(PROPORTION),
        reason=nobody.otherwise("reason"),
    )
    units = {
        PERSONS: "persons", SHARE: "share",
        PROPORTION: f"per {plan.per:,.0f} persons".replace(",", " "),
    }  # fmt: skip
    found = pl.col("estimate").is_not_null()
    return pl.concat([rows, proportions]).select(
        *plan.columns, "measure", "window", "n", "population",
        pl.col("measure").replace_strict(units).alias("unit"),
        *_NUMBERS,
        pl.lit(plan.level).alias("level"),
        "method",
        pl.when(found).then(pl.lit(OK)).otherwise(pl.lit(NOT_ESTIMABLE)).alias("status"),
        "reason",
    )  # fmt: skip


def _line(own: Reckoned, window: str, plan: PrevalencePlan, limited: str) -> dict[str, Any]:
    """Return one row: a window of a stratum."""
    if window == limited:
        value, variance = float(own.counted.estimate[0]), float(own.counted.variance[0])
        numbers, reason = (value, variance), own.uncounted
        found = own.uncounted is None
    else:
        numbers = own.numbers.get(window, (0.0, 0.0))
        found = window in own.numbers
        share = own.numbers.get(SHARE, (1.0, 0.0))[0]
        remarks = [*([FAR] if share < BEYOND else []), *own.remarks]
        said = None if window == SHARE else "; ".join(remarks) or None
        reason = said if found else own.uncounted or own.why
    lower, upper = _limits(own.counted, *numbers, window, plan.level) if found else (None, None)
    return {
        "measure": SHARE if window == SHARE else PERSONS, "window": window,
        "n": int(own.counted.n[0]), "estimate": numbers[0] if found else None,
        "se": numbers[1] ** 0.5 if found else None, "lower": lower, "upper": upper,
        "method": "counted" if window == limited else "counted / completeness",
        "reason": reason,
    }  # fmt: skip


def _limits(
    counted: Counted, value: float, variance: float, window: str, level: float
) -> tuple[float, float]:
    """Return limits: of a share on the logit scale, of a count exact Poisson, else log."""
    found, se = np.array([value]), np.array([variance**0.5])
    if window == SHARE:
        low, high = logit_limits(found, se, level)
    else:
        lost = np.array([1]) if window in (COMPLETE, CURED) else counted.lost
        low, high = prevalence_limits(found, se, lost=lost, level=level)
    return float(low[0]), float(high[0])
