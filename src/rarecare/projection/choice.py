"""Which model projects one entity: asked for, or chosen by how many cases there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rarecare.errors import UsageError
from rarecare.projection.drawn import Projected
from rarecare.projection.nordpred import CANDIDATES, CUT, nordpred, project_nordpred
from rarecare.projection.simple import constant_rates, one_drift, share_of_family
from rarecare.projection.smooth import FEWEST_YEARS, project_single_years
from rarecare.rates.glm import Link

Floats = NDArray[np.float64]
Model = Literal["auto", "age-period-cohort", "one drift", "constant rates", "share of the family"]

ENOUGH, SOME, PER_AGE = 200, 50, 10
"""Cases for an age-period-cohort model, for a drift, and in the first age group of the former.

Our own choice.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """How to project.

    Attributes
    ----------
    model
        ``"auto"``: an age-period-cohort model from 200 cases, one drift from 50; below that the
        share of the family where the family has 200, else constant rates. An age-period-cohort
        model also needs a case in each age group from its first on.
    width
        Years in a period: 5, or 1.
    link, recent, cut, candidates
        As in ``nordpred``.
    start, use
        First age groups in years, or None: the first with 10 cases, and the next.
    last
        Periods that constant rates, the drift and the share come from; None: those of ten years
        for constant rates and the share, of twenty for the drift, where there are so many.
    """

    model: Model = "auto"
    width: int = 5
    link: Link = "power5"
    recent: bool | None = None
    cut: tuple[float, ...] = CUT
    candidates: tuple[int, ...] = CANDIDATES
    start: int | None = None
    use: int | None = None
    last: int | None = None

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("model", self.model, get_args(Model)), ("link", self.link, get_args(Link)),
            ("width", self.width, (1, 5)),
        ):  # fmt: skip
            if value not in allowed:
                raise UsageError(
                    f"{name} has no such choice", value=value, allowed=[str(a) for a in allowed]
                )
        if not self.cut or not all(0 <= each <= 1 for each in self.cut):
            raise UsageError(
                "the shares of the drift that are cut lie between 0 and 1", value=self.cut
            )


@dataclass(frozen=True, slots=True)
class Observed:
    """Cases and person-years by age group and period, shape (n_ages, n_periods).

    ``family`` are the cases of the entity's family, itself among them, where there is one.
    """

    cases: Floats
    person_years: Floats
    ages: tuple[int, ...]
    family: Floats | None = None


def projection_of(data: Observed, periods: int, choices: Choices) -> Projected:
    """Return the projection of one entity.

    Raises
    ------
    UsageError
        The model asked for needs more periods, or a family where there is none.
    ModelError
        No case, or no convergence.
    """
    model = choices.model if choices.model != "auto" else _chosen(data, choices)
    if model == "age-period-cohort":
        return _cohorts(data, periods, choices)
    n_periods = data.cases.shape[1]
    if model == "one drift":
        last = choices.last or min(20 // choices.width, n_periods)
        # a cut is given for five years; by single years each is repeated
        cut = [each for each in choices.cut for _ in range(5 // choices.width)]
        return one_drift(data.cases, data.person_years, periods, last=last, cut=cut)
    last = choices.last or min(10 // choices.width, n_periods)
    if model == "constant rates":
        return constant_rates(data.cases, data.person_years, periods, last=last)
    if data.family is None:
        raise UsageError(
            "there is no family to take a share of", value=model,
            remedy="Name the column of the family, or another model.",
        )  # fmt: skip
    family = Observed(data.family, data.person_years, data.ages)
    whole = _cohorts(family, periods, choices)
    return share_of_family(data.cases, data.person_years, data.family, whole, last=last)


def _chosen(data: Observed, choices: Choices) -> Model:
    cases = float(data.cases.sum())
    if cases >= ENOUGH and _fits(data, choices):
        return "age-period-cohort"
    if data.family is not None and cases < SOME:
        family = Observed(data.family, data.person_years, data.ages)
        if float(data.family.sum()) >= ENOUGH and _fits(family, choices):
            return "share of the family"
    if cases >= SOME and data.cases.shape[1] * choices.width >= 10:
        return "one drift"
    return "constant rates"


def _fits(data: Observed, choices: Choices) -> bool:
    """Return whether the last twenty years have a case at each age from the first on."""
    fewest = 4 if choices.width == 5 else FEWEST_YEARS
    start, _ = _ages(data, choices)
    recent = data.cases[start:, -(20 // choices.width) :].sum(axis=1)
    return data.cases.shape[1] >= fewest and len(recent) >= 4 and bool((recent > 0).all())


def _cohorts(data: Observed, periods: int, choices: Choices) -> Projected:
    start, use = _ages(data, choices)
    if choices.width == 1:
        ends = [*data.ages[1:], data.ages[-1] + 5]
        middle = [0.5 * (a + b) for a, b in zip(data.ages, ends, strict=True)]
        return project_single_years(
            data.cases, data.person_years, middle, periods, start=start, use=use,
            link=choices.link, recent=choices.recent, cut=choices.cut,
        )  # fmt: skip
    model = nordpred(
        data.cases, data.person_years, start=start, use=use, link=choices.link,
        candidates=choices.candidates, recent=choices.recent,
    )  # fmt: skip
    return project_nordpred(data.cases, data.person_years, model, periods, cut=choices.cut)


def _ages(data: Observed, choices: Choices) -> tuple[int, int]:
    """Return the numbers of the first age group modelled and the first projected."""
    if choices.start is not None:
        start = _number(choices.start, data.ages)
    else:
        last = max(choices.candidates) * 5 // choices.width
        shown = data.cases[:, -last:].sum(axis=1)
        enough = np.flatnonzero(shown >= PER_AGE)
        start = int(enough[0]) if len(enough) else len(data.ages)
    use = start + 1 if choices.use is None else _number(choices.use, data.ages)
    return start, use


def _number(age: int, ages: Sequence[int]) -> int:
    if age not in ages:
        raise UsageError(
            "no age group begins there", value=age, allowed=[str(each) for each in ages]
        )
    return tuple(ages).index(age)
