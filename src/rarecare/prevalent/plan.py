"""The plan of a prevalence analysis: the index date, the windows before it, and who stands in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal, get_args

from rarecare.errors import UsageError
from rarecare.rates.intervals import tail_probability
from rarecare.tally.plan import Plan

Estimand = Literal["underlying", "registered"]
Window = tuple[float, float]
SEX, AGE_CLASS, PERIOD = "sex", "age_class", "period"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrevalencePlan(Plan):
    """What decides a prevalence table.

    Attributes
    ----------
    index_date
        ISO date; who is alive at its end is counted.
    windows
        Years before the index date, nearest and farthest: ``(0, 5)`` holds dates of incidence
        from the day after the same day five years before, to the index date.
    survival_strata
        Columns of the survival that stands in for cases lost, the last dropped first where too
        few are at risk. ``"age_class"`` (at diagnosis) and ``"period"`` are made here.
    class_lower
        First ages of the age classes.
    period_starts
        First years of the periods, where ``"period"`` is among the columns.
    age_lower
        First ages of the groups at the index date that get rows of their own; none: all ages.
    persons
        Whether a person counts once, by the first tumour of the stratum in the window; or every
        tumour counts.
    estimand
        ``"underlying"``: the error of the proportion behind it, with the chance of incidence.
        ``"registered"``: that of the number alive on that very date.
    phases
        Whether phases of care are counted in the widest window.
    min_at_risk
        Fewest at risk on the index date for a stratum's survival to stand in.
    level, per, days_per_year
        Confidence level, persons that a proportion refers to, D.
    """

    index_date: str
    windows: tuple[Window, ...]
    survival_strata: tuple[str, ...] = (SEX, AGE_CLASS)
    class_lower: tuple[int, ...] = (0, 15, 45, 55, 65, 75)
    period_starts: tuple[int, ...] = ()
    age_lower: tuple[int, ...] = ()
    persons: bool = True
    estimand: Estimand = "underlying"
    phases: bool = False
    min_at_risk: int = 10
    level: float = 0.95
    per: float = 100_000
    days_per_year: float = 365.2425

    def __post_init__(self) -> None:
        tail_probability(self.level)
        if self.estimand not in get_args(Estimand):
            raise UsageError(
                "estimand has no such choice", value=self.estimand, allowed=get_args(Estimand)
            )
        if not self.windows:
            raise UsageError("there is no window before the index date", allowed="years, as 1, 5")
        for near, far in self.windows:
            if not 0 <= near < far:
                raise UsageError(
                    "a window ends before it begins", value=(near, far),
                    allowed="years, the nearest first: (0, 5), (1, 5)",
                )  # fmt: skip
        for name, bounds in (("age_lower", self.age_lower), ("class_lower", self.class_lower)):
            if any(b <= a for a, b in pairwise(bounds)):
                raise UsageError(f"{name} must rise", value=bounds, allowed="as 0, 15, 45")
        if PERIOD in self.survival_strata and not self.period_starts:
            raise UsageError("survival by period needs period_starts", allowed="as 1995, 2000")

    @property
    def index(self) -> date:
        """The index date."""
        return date.fromisoformat(self.index_date)

    @property
    def age_groups(self) -> tuple[str, ...]:
        """Labels of the groups at the index date: ``"0-14"``, ``"65+"``."""
        return group_labels(self.age_lower)

    def since(self, years: float) -> date:
        """Return the day that many years before the index date, which a window leaves out."""
        return years_before(self.index, years)


def group_labels(lower: Sequence[int]) -> tuple[str, ...]:
    """Return labels of age groups from their first ages, the last one open.

    >>> group_labels([0, 15, 65])
    ('0-14', '15-64', '65+')
    """
    if not lower:
        return ()
    closed = (str(a) if b == a + 1 else f"{a}-{b - 1}" for a, b in pairwise(lower))
    return (*closed, f"{lower[-1]}+")


def window_label(window: Window) -> str:
    """Return how a window is named: ``"0-5"``."""
    return f"{window[0]:g}-{window[1]:g}"


def years_before(day: date, years: float) -> date:
    """Return the same day some years before; 29 February becomes the 28th.

    >>> years_before(date(2012, 2, 29), 1), years_before(date(2012, 7, 1), 0.5)
    (datetime.date(2011, 2, 28), datetime.date(2012, 1, 1))
    """
    whole, part = divmod(round(years * 12, 6), 12)
    if part % 1:
        return day - timedelta(days=round(years * 365.2425))
    month = day.month - int(part)
    year = day.year - int(whole) - (month < 1)
    month += 12 * (month < 1)
    for back in range(4):
        try:
            return date(year, month, day.day - back)
        except ValueError:  # a day that this month does not have
            continue
    raise UsageError("there is no such day before the index date", value=years)
