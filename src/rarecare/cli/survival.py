"""Which question about survival is asked, and the function that answers it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl

from rarecare.cli import values
from rarecare.errors import UsageError
from rarecare.population.life_table import LifeTable
from rarecare.registry import Cases
from rarecare.results import Result
from rarecare.survival import (
    cause_specific_survival,
    conditional_survival,
    crude_mortality,
    expected_survival,
    interval_survival,
    life_years,
    life_years_lost,
    net_survival_test,
    observed_survival,
    survival_contrasts,
)
from rarecare.survival.analysis import Choices
from rarecare.survival.intervals import METHODS, IntervalForm
from rarecare.survival.methods import NET
from rarecare.survival.survival import survival_result
from rarecare.tally.intervals import Convention

INTERVAL_METHODS = METHODS["strs"]

_REMEDY = "Add --life-table FILE, or ask for --method observed."
WITHOUT_TABLE: dict[str, Callable[..., Result]] = {
    "observed": observed_survival,
    "cause-specific": cause_specific_survival,
    "recorded": partial(crude_mortality, causes="recorded"),
}
WITH_TABLE: dict[str, Callable[..., Result]] = {
    "crude": crude_mortality,
    "years": life_years,
    "expected": expected_survival,
    "lifetime": life_years_lost,
}


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked beside the choices that all answers share."""

    method: str
    breaks: str | None
    form: IntervalForm
    convention: Convention
    given: tuple[float, ...] | None
    ahead: tuple[float, ...]
    test: tuple[str, ...]
    contrast: str | None


def answer(
    cases: Cases | pl.LazyFrame, life_table: LifeTable | None, asked: Question, choices: Choices
) -> Result:
    """Return the answer.

    Raises
    ------
    UsageError
        Two questions at once, or one that needs a life table and has none.
    """
    kinds = [
        name
        for name, value in (
            ("--breaks", asked.breaks), ("--given", asked.given), ("--test", asked.test)
        )
        if value
    ]  # fmt: skip
    if len(kinds) > 1:
        raise UsageError("two questions are asked at once", value=" ".join(kinds))
    result = _answer(cases, life_table, asked, choices)
    if asked.contrast is None:
        return result
    across, _, reference = asked.contrast.partition("=")
    return survival_contrasts(result, across=across, reference=reference or None)


def _answer(
    cases: Cases | pl.LazyFrame, life_table: LifeTable | None, asked: Question, choices: Choices
) -> Result:
    name = asked.method
    if asked.breaks is not None:
        return _by_interval(cases, life_table, asked, choices)
    if asked.given is not None:
        methods = values.chosen(name, (*NET, "cause-specific"), "--method")
        _check_table(methods, life_table)
        return conditional_survival(
            cases, life_table, given=asked.given, ahead=asked.ahead, method=methods, **choices
        )
    without = WITHOUT_TABLE.get(name)
    if without is not None and not asked.test:
        return without(cases, **choices)
    if life_table is None:
        _check_table((name,), None)
        raise UsageError("net survival needs a life table", remedy=_REMEDY)
    if asked.test:
        return _test(cases, life_table, asked.test, choices)
    with_table = WITH_TABLE.get(name)
    if with_table is not None:
        return with_table(cases, life_table, **choices)
    alone = {*WITHOUT_TABLE, *WITH_TABLE} - set(NET)
    several = next((word for word in values.words(name) if word in alone), None)
    if several is not None:
        raise UsageError(f"{several} is asked for alone", value=name, allowed=several)
    return survival_result(cases, life_table, values.chosen(name, NET, "--method"), choices)


_INTERVAL = (
    "by", "level", "standard", "closing_date", "allow_outside", "rules", "bad_rows", "engine",
)  # fmt: skip


def _by_interval(
    cases: Cases | pl.LazyFrame, life_table: LifeTable | None, asked: Question, choices: Choices
) -> Result:
    if life_table is None:
        raise UsageError("a life table by interval needs a life table", remedy=_REMEDY)
    own: dict[str, Any] = {name: value for name, value in choices.items() if name in _INTERVAL}
    if choices.get("interval"):
        own["interval"] = choices["interval"]
    assert asked.breaks is not None
    methods = values.chosen(asked.method, INTERVAL_METHODS, "--method")
    return interval_survival(
        cases, life_table, breaks=asked.breaks, method=methods, form=asked.form,
        convention=asked.convention, **own,
    )  # fmt: skip


def _check_table(methods: Sequence[str], life_table: LifeTable | None) -> None:
    if life_table is None and not set(methods) <= set(WITHOUT_TABLE):
        raise UsageError("net survival needs a life table", remedy=_REMEDY)


def _test(
    cases: Cases | pl.LazyFrame, life_table: LifeTable, groups: Sequence[str], choices: Choices
) -> Result:
    strata = choices.pop("by", ())
    horizons = choices.pop("at", None)
    if horizons is not None and len(horizons) != 1:
        raise UsageError("a test has one horizon", value=horizons, allowed="--at YEARS, one number")
    horizon = horizons[0] if horizons else None
    return net_survival_test(
        cases, life_table, groups=groups, strata=strata, horizon=horizon, **choices
    )
