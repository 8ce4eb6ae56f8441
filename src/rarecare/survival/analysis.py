"""From cases to a tally with its plan: what every door of this room begins with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal, TypedDict

import polars as pl

from rarecare.errors import CaseError, LifeTableError, UsageError
from rarecare.files import Source
from rarecare.population.life_table import LifeTable
from rarecare.registry import Cases, ExclusionRules
from rarecare.registry.preparation import Prepared
from rarecare.results import Provenance
from rarecare.survival.cases import (
    batches,
    check_columns,
    check_window,
    closing_date_of,
    followed_within,
    of_days,
    one_of,
    prepared_cases,
)
from rarecare.survival.causes import UnknownCause, with_cause
from rarecare.survival.curves import Form, Interval
from rarecare.survival.estimate import estimate_survival
from rarecare.survival.methods import METHODS, Method
from rarecare.survival.plan import Approach, Standardisation, SurvivalPlan, WhenEmpty
from rarecare.survival.plan import survival_plan as plan_of
from rarecare.survival.standards import (
    BY_ENTITY,
    INTERNAL,
    Given,
    ages_of,
    entity_standards,
    internal_standard,
    named_standard,
    with_age_classes,
)
from rarecare.tally.engines import Engine
from rarecare.tally.follow_up import tally_follow_up
from rarecare.tally.tally import Tally

Days = tuple[date, date] | None


class Choices(TypedDict, total=False):
    """What every door takes beside cases and life table; see ``net_survival``."""

    by: Sequence[str]
    at: Sequence[float] | None
    at_days: Sequence[float] | None
    form: Form
    level: float
    interval: Interval | None
    standard: Given
    standardisation: Standardisation
    when_empty: WhenEmpty
    approach: Approach | None
    window: Days
    incidence: Days
    closing_date: date | None
    min_at_risk: int
    max_se: float | None
    unknown_cause: UnknownCause
    days_per_year: float
    weighted: bool
    allow_outside: float
    rules: ExclusionRules | None
    bad_rows: Literal["refuse", "exclude"]
    engine: Engine | None


@dataclass(frozen=True, slots=True)
class Analysis:
    """A tally, the plan that made it, and how the cases came about.

    Attributes
    ----------
    tally, plan
        The sums and every choice.
    table
        The cases counted; empty where they were read in batches.
    inputs, exclusions, notes
        For the provenance.
    """

    tally: Tally
    plan: SurvivalPlan
    table: pl.DataFrame
    inputs: tuple[Source, ...]
    exclusions: pl.DataFrame
    notes: tuple[str, ...]

    def provenance(self, statistic: str, *notes: str) -> Provenance:
        """Return where the numbers of this analysis come from."""
        return Provenance(
            statistic=statistic,
            inputs=self.inputs,
            plan=self.plan.to_dict(),
            plan_hash=self.plan.hash,
            exclusions=self.exclusions,
            notes=(*self.notes, *notes),
        )


def analyse(
    cases: Cases | Any,
    life_table: LifeTable | None,
    methods: Sequence[Method],
    choices: Choices,
    *,
    strata: Sequence[str] = (),
) -> Analysis:
    """Return the tally from which methods are estimated.

    Parameters
    ----------
    cases
        Cases as read, a data frame, or a polars LazyFrame with a column ``died``, which is
        read in batches.
    life_table
        None for what needs none.
    methods
        Of ``METHODS``.
    choices
        See ``net_survival``.
    strata
        Strata beside ``by``.

    Raises
    ------
    UsageError, InputError
        See ``net_survival``.
    """
    given: Choices = choices.copy()
    by = given.pop("by", ())
    by = (by,) if isinstance(by, str) else tuple(by)
    by = (*by, *(name for name in strata if name not in by))
    rules = given.pop("rules", None)
    bad_rows = given.pop("bad_rows", "refuse")
    engine = given.pop("engine", None)
    unknown_cause = given.pop("unknown_cause", "refuse")
    allow_outside = given.pop("allow_outside", 0.05)
    if not 0 <= allow_outside <= 1:
        raise UsageError("allow_outside is no share", value=allow_outside, allowed="0 to 1")
    days_per_year = given.get("days_per_year", 365.2425)
    keys = life_table.keys if life_table is not None else ()
    causes = any(METHODS[method].causes for method in methods if method in METHODS)

    lazy = isinstance(cases, pl.LazyFrame)
    parts: Iterator[Any] = batches(cases) if isinstance(cases, pl.LazyFrame) else iter([cases])
    plan: SurvivalPlan | None = None
    kept: list[Prepared] = []
    tally: Tally | None = None
    notes: list[str] = []
    followed: list[tuple[int, date, date]] = []
    for part in parts:
        prepared = prepared_cases(
            part, rules, by=by, keys=keys, days_per_year=days_per_year, bad_rows=bad_rows
        )
        if plan is None:
            plan = _plan(prepared.table, methods, by, life_table, given, lazy=lazy)
        prepared = of_days(prepared, plan)
        table = prepared.table
        if causes:
            table, said = with_cause(table, unknown_cause, prepared.source.name)
            notes += said
        if plan.standard is not None:
            table = with_age_classes(table, plan.standard, days_per_year)
        check_columns(table, plan, life_table, prepared.source.name)
        if plan.window is not None:
            followed.append(followed_within(table, plan))
        own = tally_follow_up(table, plan, life_table=life_table, engine=engine)
        tally = own if tally is None else tally + own
        kept.append(replace(prepared, table=table.clear() if lazy else table))
    if plan is None or tally is None:
        raise CaseError("there is no case to analyse", value="no rows")
    whole = one_of(kept)
    check_window(followed, plan, whole.source.name)
    notes = [*whole.notes, *notes]
    if life_table is not None:
        notes += [*life_table.notes, *_outside(tally, life_table, allow_outside)]
    return Analysis(
        tally=tally,
        plan=plan,
        table=whole.table,
        inputs=(whole.source, *((life_table.source,) if life_table is not None else ())),
        exclusions=whole.exclusions,
        notes=(*notes, *_approach(plan)),
    )


def estimated(
    analysis: Analysis,
    cases: Cases | Any,
    life_table: LifeTable | None,
    methods: Sequence[Method],
    choices: Choices,
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return the estimates of an analysis, its window widened where the plan says so, and notes."""
    table = estimate_survival(analysis.tally, analysis.plan)
    if analysis.plan.when_empty != "widen":
        return table, ()
    notes = []
    for wider, words in _wider(analysis.plan, choices):
        missing = table["estimate"].is_null()
        if not missing.any():
            break
        own = analyse(cases, life_table, methods, wider)
        keys = [*analysis.plan.columns, "method", "time_days"]
        other = estimate_survival(own.tally, own.plan).filter(pl.col("estimate").is_not_null())
        found = table.filter(missing).select(keys, told="reason").join(
            other, on=keys, how="inner", nulls_equal=True
        )  # fmt: skip
        if found.is_empty():
            continue
        found = found.with_columns(
            reason=pl.concat_str(
                "told", pl.lit(f": {words}"), pl.lit("; ") + pl.col("reason"), ignore_nulls=True
            )
        ).select(table.columns)
        order = table.select(keys)
        left = table.join(found.select(keys), on=keys, how="anti", nulls_equal=True)
        table = order.join(
            pl.concat([left, found]), on=keys, how="left", nulls_equal=True, maintain_order="left"
        ).select(table.columns)
        notes.append(f"{found.height:,} estimates from a wider window: {words}")
    return table, tuple(notes)


def _wider(plan: SurvivalPlan, choices: Choices) -> Iterator[tuple[Choices, str]]:
    """Yield the choices of wider windows: hybrid, one window's length longer; complete."""
    base: Choices = {**choices, "when_empty": "not estimable"}
    assert plan.window is not None
    first, last = (date.fromisoformat(day) for day in plan.window)
    begin = plan.from_diagnosis
    start = (date.fromisoformat(begin) if begin else first) - (last - first) - timedelta(days=1)
    yield (
        {**base, "approach": "hybrid", "window": (first, last), "incidence": (start, last)},
        f"hybrid, those diagnosed from {start} followed from diagnosis",
    )
    yield (
        {**base, "approach": "complete", "window": None, "incidence": None},
        "complete, everyone followed from diagnosis",
    )


def _plan(
    table: pl.DataFrame,
    methods: Sequence[Method],
    by: tuple[str, ...],
    life_table: LifeTable | None,
    given: Choices,
    *,
    lazy: bool,
) -> SurvivalPlan:
    """Return the plan, with what the data must decide filled in."""
    choices: dict[str, Any] = dict(given)
    days_per_year = choices.get("days_per_year", 365.2425)
    standard = choices.pop("standard", None)
    entity: dict[str, Any] = {}
    if standard == INTERNAL:
        _needs_all(lazy, "internal weights", "give them: standard={15: 0.07, ...}")
        standard = internal_standard(ages_of(table, days_per_year))
    elif standard == BY_ENTITY:
        column, own = entity_standards(by)
        entity = {"entity_column": column, "entity_standards": own}
        standard = named_standard("icss1")
    window, incidence = _days(choices.pop("window", None)), _days(choices.pop("incidence", None))
    approach = choices.pop("approach", None)
    if approach is None:
        approach = "complete" if not window else "hybrid" if incidence else "period"
    closing = choices.pop("closing_date", None)
    if "hakulinen" in methods or approach == "cohort":
        if closing is None:
            _needs_all(lazy, "the closing date", "give closing_date")
        closing = closing_date_of(table, closing)
    if approach == "cohort" and incidence is None:
        _needs_all(lazy, "the days of diagnosis of a cohort", "give incidence")
        days = table["incidence_date"].cast(pl.Date)
        incidence = (str(days.min()), str(days.max()))
    if choices.get("when_empty") == "widen" and approach not in ("period", "hybrid"):
        raise UsageError(
            "there is no window to widen", value=approach, allowed=["period", "hybrid"]
        )
    return plan_of(
        by=by,
        methods=tuple(methods),
        standard=named_standard(standard),
        life_table=life_table.hash if life_table is not None else None,
        approach=approach,
        window=window,
        incidence=incidence,
        from_diagnosis=incidence[0] if approach == "hybrid" and incidence else None,
        closing_date=closing and closing.isoformat(),
        **entity,
        **choices,
    )


def _needs_all(lazy: bool, what: str, remedy: str) -> None:
    if lazy:
        raise UsageError(
            f"{what} cannot be known before all batches are read", remedy=f"{remedy.capitalize()}."
        )


def _days(days: Days) -> tuple[str, str] | None:
    if days is None:
        return None
    if len(days) != 2 or not all(
        isinstance(day, date) and not isinstance(day, datetime) for day in days
    ):
        raise UsageError("the window is not two dates", value=days, allowed="datetime.date")
    return days[0].isoformat(), days[1].isoformat()


def _approach(plan: SurvivalPlan) -> list[str]:
    if plan.approach == "complete":
        return []
    if plan.approach == "cohort":
        assert plan.incidence is not None
        return [f"cohort approach: diagnosed {' to '.join(plan.incidence)}"]
    assert plan.window is not None
    said = f"{plan.approach} analysis, {plan.window[0]} to {plan.window[1]}"
    if plan.from_diagnosis:
        said += f"; those diagnosed from {plan.from_diagnosis} count from diagnosis"
    return [said]


def _outside(tally: Tally, life_table: LifeTable, allowed: float) -> list[str]:
    outside = float(tally.arrays["person_days_outside"].sum())
    return outside_of(life_table, outside, float(tally.arrays["person_days"].sum()), allowed)


def outside_of(
    life_table: LifeTable, outside: float, total: float, allowed: float, unit: str = "person-days"
) -> list[str]:
    """Return what is to be said of follow-up at ages or in years that the life table has not.

    Raises
    ------
    LifeTableError
        Its share is more than allowed.
    """
    if outside <= 0:
        return []
    share = outside / total
    shown = [f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in (outside, total)]
    said = f"{' of '.join(shown)} {unit} ({share:.2%}) lie outside the life table"
    if share > allowed:
        raise LifeTableError(
            said,
            file=life_table.source.name,
            value=f"{share:.2%}",
            allowed=f"up to {allowed:.0%}; the table has ages from {life_table.first_age}, years "
            f"{life_table.years[0]} to {life_table.years[-1]}",
            remedy="Give a longer life table, or allow it (--allow-outside).",
        )
    return [f"{said}: the nearest age or year was taken"]
