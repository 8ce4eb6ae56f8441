"""The plan of a survival analysis: every choice that decides an estimate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import Any, Literal, get_args

from rarecare.errors import UsageError
from rarecare.survival.curves import FORMS, INTERVALS, Form, Interval
from rarecare.survival.methods import METHODS, Method
from rarecare.tally.follow_up import ESTIMATORS, FollowUpPlan

Standardisation = Literal["classes", "individual"]
WhenEmpty = Literal["not estimable", "collapse", "individual", "widen"]
Approach = Literal["complete", "cohort", "period", "hybrid"]

AGE_CLASS = "_age_class"
"""Stratum column of the age classes that a standard population weighs."""

TIME_DIGITS = 9
"""Decimals of evaluation times in days: the sums tell no closer times apart."""

RESULT_COLUMNS = (
    "method", "standard", "time_years", "time_days", "n", "at_risk", "events",
    "estimate", "se", "lower", "upper", "level", "status", "reason",
)  # fmt: skip
"""Columns of the table beside its strata, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """A standard population for survival: weights of age classes at diagnosis.

    Attributes
    ----------
    name
        Shown in the table: ``"icss1"``.
    age_lower
        First completed age of each class, ascending; the last is open.
    weights
        One per class, adding up to 1.
    """

    name: str
    age_lower: tuple[int, ...]
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.age_lower or any(b <= a for a, b in pairwise(self.age_lower)):
            raise UsageError(
                "the lower bounds of age classes must rise",
                value=self.age_lower,
                allowed="as 15, 45, 55, 65, 75",
            )
        if len(self.weights) != len(self.age_lower):
            raise UsageError(
                f"the standard {self.name} has {len(self.weights)} weights",
                allowed=f"{len(self.age_lower)}, one per age class",
            )
        if min(self.weights) < 0 or abs(sum(self.weights) - 1) > 1e-9:
            raise UsageError(
                f"the weights of {self.name} are no shares of 1",
                value=self.weights,
                allowed="numbers from 0 that add up to 1",
            )

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes: ``"15-44"``, ``"75+"``."""
        closed = [f"{a}-{b - 1}" for a, b in pairwise(self.age_lower)]
        return (*closed, f"{self.age_lower[-1]}+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SurvivalPlan(FollowUpPlan):
    """What decides a survival table; see ``FollowUpPlan`` for what decides its tally.

    Attributes
    ----------
    by
        The strata of the table; ``strata`` adds the age class where there is a standard.
    methods
        Of ``methods.METHODS``, in output order.
    form
        ``"exponential"``: exp(−Λ); ``"product"``: Π(1 − ΔΛ), day by day.
    level, interval
        Confidence level and scale: ``"log"``, ``"log-log"`` or ``"plain"``; None: each
        method's own.
    approach, incidence
        ``"complete"``, ``"cohort"``, ``"period"`` or ``"hybrid"``; first and last day of
        diagnosis, both included.
    entity_standards
        Standards by entity, in the stratum ``entity_column``; ``standard`` for the others.
    standard, standardisation
        Weights of age classes, and how they act: ``"classes"``: weighted sum of the
        classes' survival; ``"individual"``: each case weighs share / observed share of its
        class at diagnosis.
    when_empty
        Where an age class has no one left: ``"not estimable"``; ``"collapse"``: the class is
        merged with its neighbour; ``"individual"``: each case weighs as above; ``"widen"``:
        the window is widened, from period to hybrid to complete.
    min_at_risk
        Fewest people at risk with whom an estimate is given.
    max_se
        Largest standard error that is not remarked on.
    """

    by: tuple[str, ...] = ()
    methods: tuple[Method, ...] = ("pohar-perme",)
    form: Form = "exponential"
    level: float = 0.95
    interval: Interval | None = None
    approach: Approach = "complete"
    incidence: tuple[str, str] | None = None
    standard: Standard | None = None
    entity_column: str | None = None
    entity_standards: tuple[tuple[str, Standard], ...] = ()
    standardisation: Standardisation = "classes"
    when_empty: WhenEmpty = "not estimable"
    min_at_risk: int = 0
    max_se: float | None = None

    def __post_init__(self) -> None:
        FollowUpPlan.__post_init__(self)
        choices = (
            *(("method", method, METHODS) for method in self.methods),
            ("form", self.form, FORMS),
            *((("interval", self.interval, INTERVALS),) if self.interval else ()),
            ("approach", self.approach, get_args(Approach)),
            ("standardisation", self.standardisation, get_args(Standardisation)),
            ("when_empty", self.when_empty, get_args(WhenEmpty)),
        )
        for name, value, allowed in choices:
            if value not in allowed:
                raise UsageError(f"{name} has no such choice", value=value, allowed=list(allowed))
        if not 0 < self.level < 1:
            raise UsageError(
                "the confidence level is out of range", value=self.level, allowed="0 to 1"
            )
        if not self.times or not all(0 <= day < inf for day in self.times):
            raise UsageError(
                "evaluation times are missing or negative", value=self.times, allowed="0 or later"
            )
        if self.min_at_risk < 0 or (self.max_se is not None and not self.max_se > 0):
            raise UsageError(
                "min_at_risk or max_se is out of range",
                value=f"{self.min_at_risk}, {self.max_se}",
                allowed="0 or more people; above 0",
            )
        self._check_approach()
        if self.window and self.window[0] > self.window[1]:
            raise UsageError(
                "the window ends before it begins", value=self.window, allowed="the first day first"
            )
        for name, given in (("method", self.methods), ("stratum", self.by)):
            if len(set(given)) < len(given) or (name == "method" and not given):
                raise UsageError(f"give each {name} once", value=given)
        taken = sorted(set(self.by) & set(RESULT_COLUMNS))
        if taken:
            raise UsageError(
                "a stratum has the name of a column of the result",
                value=taken[0],
                remedy="Rename it first.",
            )

    def _check_approach(self) -> None:
        """Refuse windows that an approach does not have, or lacks."""
        needs = {"period": "window", "hybrid": "window"}.get(self.approach)
        if needs and not self.window:
            raise UsageError(
                f"the {self.approach} approach needs a window of follow-up",
                allowed="first and last day, both included",
            )
        if self.approach == "hybrid" and not self.incidence:
            raise UsageError(
                "the hybrid approach needs the days of diagnosis that count from diagnosis",
                allowed="first and last day, both included",
            )
        if self.approach == "cohort" and not (self.closing_date and self.incidence):
            raise UsageError("the cohort approach needs the closing date and the days of diagnosis")
        if self.window and self.approach not in ("period", "hybrid"):
            raise UsageError(
                "a window of follow-up belongs to the period or hybrid approach",
                value=self.approach,
            )
        if self.incidence and self.incidence[0] > self.incidence[1]:
            raise UsageError(
                "the days of diagnosis end before they begin",
                value=self.incidence,
                allowed="the first day first",
            )

    def standard_of(self, stratum: Mapping[str, Any]) -> Standard:
        """Return the standard by which a stratum is weighed."""
        assert self.standard is not None
        if self.entity_column is None:
            return self.standard
        return dict(self.entity_standards).get(str(stratum[self.entity_column]), self.standard)

    @property
    def columns(self) -> tuple[str, ...]:
        """The stratum columns of the table: ``by``, or ``("group",)``."""
        return self.by or ("group",)


def survival_plan(
    *,
    by: Sequence[str] = (),
    at: Sequence[float] | None = None,
    at_days: Sequence[float] | None = None,
    methods: Sequence[Method] = ("pohar-perme",),
    days_per_year: float = 365.2425,
    standard: Standard | None = None,
    **choices: object,
) -> SurvivalPlan:
    """Return the plan of a survival table.

    Parameters
    ----------
    by
        Strata: columns, or the name of one.
    at, at_days
        Evaluation times in years (times ``days_per_year``, not rounded to days) or in days,
        to 1e-9 of a day; one of the two. By default 1 and 5 years.
    methods
        Of ``methods.METHODS``.
    days_per_year
        D, in days.
    standard
        Age classes and their weights.
    **choices
        The other attributes of ``SurvivalPlan``.

    Raises
    ------
    UsageError
        A choice is not among its choices, or both kinds of times are given.
    """
    if at is not None and at_days is not None:
        raise UsageError(
            "times are given in years and in days",
            value=f"at {list(at)}, at_days {list(at_days)}",
            allowed="one of the two",
        )
    if not days_per_year > 0:
        raise UsageError(
            "days_per_year is out of range", value=days_per_year, allowed="days, above 0"
        )
    if at_days is None:
        at_days = [years * days_per_year for years in ((1, 5) if at is None else at)]
    by = (by,) if isinstance(by, str) else tuple(by)
    unknown = next((method for method in methods if method not in METHODS), None)
    if unknown is not None:
        raise UsageError("method has no such choice", value=unknown, allowed=list(METHODS))
    needed = {name for method in methods for name in METHODS[method].sums}
    strata = (*by, AGE_CLASS) if standard else by
    return SurvivalPlan(
        strata=strata,
        by=by,
        times=tuple(sorted({round(float(day), TIME_DIGITS) for day in at_days})),
        methods=tuple(methods),
        estimators=tuple(name for name in ESTIMATORS if name in needed),
        causes=any(METHODS[method].causes for method in methods),
        days_per_year=days_per_year,
        standard=standard,
        **choices,  # type: ignore[arg-type]
    )
