"""Every estimator of this room by name: what it gives, what it needs, how it is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rarecare.survival.curves import (
    SURVIVAL,
    Arrays,
    Floats,
    Form,
    Interval,
    expected_alive,
    running,
)
from rarecare.survival.probabilities import (
    crude,
    expected_years,
    recorded,
    restricted_mean,
    years_difference,
    years_lost,
)
from rarecare.tally.follow_up import Estimator as Sums
from rarecare.tally.follow_up import FollowUpPlan

Method = Literal[
    "pohar-perme", "ederer2", "ederer1", "hakulinen", "observed", "observed-tsiatis",
    "cause-specific", "crude-cancer", "crude-other", "recorded-cancer", "recorded-other",
    "restricted-mean", "years-lost-cancer", "years-lost-other", "years-difference",
    "expected", "expected-alive", "expected-years",
]  # fmt: skip

Measure = Literal["survival", "probability of death", "years", "people"]
_AT_ONCE = 8
"""Strata whose days stay in a processor's cache."""

Compute = Callable[[Arrays, FollowUpPlan, Floats, Form], tuple[Floats, Floats]]


@dataclass(frozen=True, slots=True)
class Estimator:
    """One estimator.

    Attributes
    ----------
    title
        In words.
    measure
        ``"survival"``, ``"probability of death"``, ``"years"`` or ``"people"``.
    compute
        Gives values and standard errors at times, shape (n_strata, n_times).
    sums
        Which of the tally's sums it needs beside the counts.
    causes
        Whether it needs causes of death.
    closes, goes_on
        Whether it goes on as it stands after the last death, when everyone has died; whether
        it goes on after the last case.
    interval
        Scale of its limits unless another is asked.
    known
        Whether it follows from the life table alone, without standard error.
    """

    title: str
    measure: Measure
    compute: Compute
    sums: tuple[Sums, ...] = ()
    causes: bool = False
    closes: bool = False
    goes_on: bool = False
    interval: Interval = "log"
    known: bool = False


@dataclass(frozen=True, slots=True)
class Curve:
    """Estimates of several strata at several times.

    Attributes
    ----------
    value, se
        Shape (n_strata, n_times); nan where not estimable. ``se`` is nan where there is none.
    at_risk, events
        Number at risk on the day of the time, deaths up to it; int64, same shape.
    last_day
        Last day of the first unbroken run of days with someone at risk, int64 (n_strata,).
    """

    value: Floats
    se: Floats
    at_risk: NDArray[np.int64]
    events: NDArray[np.int64]
    last_day: NDArray[np.int64]

    def part(self, strata: slice) -> Curve:
        """Return the estimates of some strata."""
        return Curve(*(getattr(self, one.name)[strata] for one in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence[Curve]) -> Curve:
        """Return the estimates of several parts, one after another."""
        names = [one.name for one in fields(cls)]
        return cls(*(np.concatenate([getattr(one, name) for one in parts]) for name in names))


def _survival(method: str) -> Compute:
    def compute(
        arrays: Arrays, plan: FollowUpPlan, times: Floats, form: Form
    ) -> tuple[Floats, Floats]:
        survival, variance = SURVIVAL[method](arrays, plan, times, form)
        alive = np.where(survival == 0, np.nan, survival)  # its variance is not finite there
        return survival, alive * np.sqrt(variance)

    return compute


def _by_cause(function: Callable[..., tuple[Floats, Floats]], cause: str) -> Compute:
    part = partial(function, cause)
    return lambda arrays, plan, times, _form: part(arrays, plan, times)


def _expected(what: Literal["share", "people"]) -> Compute:
    def compute(
        arrays: Arrays, plan: FollowUpPlan, times: Floats, _form: Form
    ) -> tuple[Floats, Floats]:
        people = expected_alive(arrays, plan, times)
        value = people / arrays["weight"][:, None] if what == "share" else people
        return value, np.full_like(value, np.nan)

    return compute


def _expected_years(
    arrays: Arrays, plan: FollowUpPlan, times: Floats, _form: Form
) -> tuple[Floats, Floats]:
    value = expected_years(arrays, plan, times)
    return value, np.full_like(value, np.nan)


METHODS: dict[Method, Estimator] = {
    "pohar-perme": Estimator(
        "Net survival (Pohar Perme)", "survival", _survival("pohar-perme"), ("pohar-perme",)
    ),
    "ederer2": Estimator(
        "Relative survival (Ederer II)", "survival", _survival("ederer2"), ("ederer2",)
    ),
    "ederer1": Estimator(
        "Relative survival (Ederer I)", "survival", _survival("ederer1"), ("ederer1",)
    ),
    "hakulinen": Estimator(
        "Relative survival (Hakulinen)", "survival", _survival("hakulinen"), ("hakulinen",)
    ),
    "observed": Estimator("Observed survival", "survival", _survival("observed")),
    "observed-tsiatis": Estimator(
        "Observed survival", "survival", _survival("observed-tsiatis")
    ),
    "cause-specific": Estimator(
        "Cause-specific survival", "survival", _survival("cause-specific"), causes=True
    ),
    "crude-cancer": Estimator(
        "Probability of death from the cancer", "probability of death",
        _by_cause(crude, "cancer"), ("ederer2",), closes=True, interval="plain",
    ),
    "crude-other": Estimator(
        "Probability of death from other causes", "probability of death",
        _by_cause(crude, "other"), ("ederer2",), closes=True, interval="plain",
    ),
    "recorded-cancer": Estimator(
        "Probability of death from the cancer, by recorded cause", "probability of death",
        _by_cause(recorded, "cancer"), causes=True, closes=True, interval="plain",
    ),
    "recorded-other": Estimator(
        "Probability of death from other causes, by recorded cause", "probability of death",
        _by_cause(recorded, "other"), causes=True, closes=True, interval="plain",
    ),
    "restricted-mean": Estimator(
        "Years lived (restricted mean)", "years", restricted_mean, closes=True, interval="plain"
    ),
    "years-lost-cancer": Estimator(
        "Years lost to the cancer", "years", _by_cause(years_lost, "cancer"), ("ederer2",),
        closes=True, interval="plain",
    ),
    "years-lost-other": Estimator(
        "Years lost to other causes", "years", _by_cause(years_lost, "other"), ("ederer2",),
        closes=True, interval="plain",
    ),
    "years-difference": Estimator(
        "Years lived fewer than expected", "years", years_difference, ("ederer1",),
        closes=True, interval="plain",
    ),
    "expected": Estimator(
        "Expected survival of the general population", "survival", _expected("share"),
        ("ederer1",), goes_on=True, known=True,
    ),
    "expected-alive": Estimator(
        "People expected to be alive as the general population", "people", _expected("people"),
        ("ederer1",), goes_on=True, known=True,
    ),
    "expected-years": Estimator(
        "Years lived by the general population", "years", _expected_years, ("ederer1",),
        goes_on=True, known=True,
    ),
}  # fmt: skip
"""In output order."""

NET: tuple[Method, ...] = ("pohar-perme", "ederer2", "ederer1", "hakulinen", "observed")
OBSERVED: tuple[Method, ...] = ("observed", "observed-tsiatis", "cause-specific")
CRUDE: tuple[Method, ...] = ("crude-cancer", "crude-other", "recorded-cancer", "recorded-other")
YEARS: tuple[Method, ...] = (
    "restricted-mean", "years-lost-cancer", "years-lost-other", "years-difference",
)  # fmt: skip
EXPECTED: tuple[Method, ...] = ("expected-alive", "expected", "expected-years")


def curve(
    arrays: Arrays,
    plan: FollowUpPlan,
    times: Floats,
    *,
    method: Method,
    form: Form = "exponential",
) -> Curve:
    """Return the estimates at ``times`` (days, ascending, within the plan's horizon).

    Fractional times must be among the plan's.
    """
    n = len(arrays["at_risk"])
    parts = [
        {name: array[start : start + _AT_ONCE] for name, array in arrays.items()}
        for start in range(0, max(n, 1), _AT_ONCE)
    ]
    return Curve.joined([_curve(part, plan, times, method, form) for part in parts])


def _curve(arrays: Arrays, plan: FollowUpPlan, times: Floats, method: Method, form: Form) -> Curve:
    at_risk, deaths = arrays["at_risk"], arrays["deaths"]
    horizon = at_risk.shape[1]
    empty = at_risk == 0
    last_day = np.where(empty.any(axis=1), empty.argmax(axis=1), horizon)
    with np.errstate(divide="ignore", invalid="ignore"):
        value, se = METHODS[method].compute(arrays, plan, times, form)
    beyond = (times[None, :] > last_day[:, None]) & (not METHODS[method].goes_on)
    if METHODS[method].closes:
        last = np.maximum(last_day - 1, 0)[:, None]
        nobody_later = (~empty).sum(axis=1) == last_day
        everyone = np.take_along_axis(at_risk == deaths, last, axis=1)[:, 0] & nobody_later
        beyond &= ~(everyone & (last_day > 0))[:, None]
    value[beyond], se[beyond] = np.nan, np.nan
    on_day = np.clip(np.ceil(times).astype(int), 1, horizon) - 1
    return Curve(
        value=value,
        se=se,
        at_risk=at_risk[:, on_day],
        events=running(np.cumsum(deaths, axis=1), times),
        last_day=last_day,
    )
