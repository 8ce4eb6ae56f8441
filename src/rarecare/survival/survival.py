"""Net and observed survival: from cases to a table with its figure and provenance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from math import inf, nan
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from rarecare.errors import CaseError, CodeError, ColumnError, LifeTableError, UsageError
from rarecare.population.life_table import LifeTable
from rarecare.registry import Cases, ExclusionRules
from rarecare.registry.exclusions import KEPT, READ
from rarecare.registry.preparation import Prepared, prepare
from rarecare.results import Provenance, Result
from rarecare.survival.curves import Form, Interval, Method, Variance
from rarecare.survival.estimate import estimate_survival
from rarecare.survival.plan import (
    AGE_CLASS,
    Standard,
    Standardisation,
    SurvivalPlan,
    survival_plan,
)
from rarecare.tally.engines import Engine
from rarecare.tally.follow_up import tally_follow_up
from rarecare.tally.tally import Tally

if TYPE_CHECKING:
    from rarecare.figures import Figure

EPOCH = date(1970, 1, 1)
FIGURE_POINTS = 400
FIGURE_YEARS = (1, 3, 5, 10)
NAMES: dict[Method, str] = {
    "pohar-perme": "Net survival (Pohar Perme)",
    "ederer2": "Relative survival (Ederer II)",
    "ederer1": "Relative survival (Ederer I)",
    "hakulinen": "Relative survival (Hakulinen)",
    "observed": "Observed survival",
}
"""Methods in words."""


def net_survival(
    cases: Cases | Any,
    life_table: LifeTable,
    *,
    by: Sequence[str] = (),
    at: Sequence[float] | None = None,
    at_days: Sequence[float] | None = None,
    method: Method | Sequence[Method] = "pohar-perme",
    form: Form = "exponential",
    level: float = 0.95,
    interval: Interval = "log",
    standard: str | Standard | None = None,
    standardisation: Standardisation = "classes",
    window: tuple[date, date] | None = None,
    closing_date: date | None = None,
    days_per_year: float = 365.2425,
    weighted: bool = False,
    allow_outside: float = 0.05,
    rules: ExclusionRules | None = None,
    bad_rows: Literal["refuse", "exclude"] = "refuse",
    engine: Engine | None = None,
) -> Result:
    """Return net or relative survival, exact by day.

    Parameters
    ----------
    cases
        Cases as read, or a data frame in canonical columns. A frame with a boolean column
        ``died`` is taken as cases that count: nothing is excluded.
    life_table
        Hazard of the general population; its keys must be columns of the cases.
    by
        Strata: columns, or the name of one.
    at, at_days
        Evaluation times, in years (times ``days_per_year``, not rounded) or in days; one
        of the two. By default 1 and 5 years.
    method
        ``"pohar-perme"``, ``"ederer2"``, ``"ederer1"``, ``"hakulinen"``, ``"observed"``; or
        several.
    form
        ``"exponential"`` or ``"product"`` (R relsurv's "kaplan-meier").
    level, interval
        Confidence level and scale: ``"log"``, ``"log-log"`` or ``"plain"``.
    standard
        Age standardisation: ``"icss1"``, ``"icss2"``, ``"icss3"``, ``"icss prostate"`` or a
        ``Standard``.
    standardisation
        ``"classes"``: weighted sum of the age classes' survival. ``"individual"``: each case
        weighs its class's share over the observed share.
    window
        First and last calendar day of a period analysis, both included.
    closing_date
        Last day of follow-up of the study (Hakulinen); by default the last seen.
    days_per_year
        D, in days.
    weighted
        Whether each case counts as its column ``weight`` says.
    allow_outside
        Largest share of person-days that may lie outside the life table's ages and years.
    rules
        Who is counted; by default behaviour 3, ages 15-99, neither DCO nor autopsy only.
    bad_rows
        ``"refuse"``: stop at values that cannot be read. ``"exclude"``: count them and go on.
    engine
        Where the sums are made; by default threads on this machine.

    Returns
    -------
    Result
        Its ``table`` is that of ``estimate_survival``.

    Raises
    ------
    InputError
        The cases or the life table cannot be used; the message says which row and why.
    UsageError
        A choice is not among its choices.
    """
    if not isinstance(life_table, LifeTable):
        raise UsageError(
            "net survival takes a life table",
            value=type(life_table).__name__,
            remedy="Read it first: LifeTable.read(path).",
        )
    methods: tuple[Method, ...] = (method,) if isinstance(method, str) else tuple(method)
    if not 0 <= allow_outside <= 1:
        raise UsageError("allow_outside is no share", value=allow_outside, allowed="0 to 1")
    by = (by,) if isinstance(by, str) else tuple(by)
    prepared = _prepared(
        cases, rules, by=by, keys=life_table.keys, days_per_year=days_per_year, bad_rows=bad_rows
    )
    if "hakulinen" in methods:
        closing_date = _closing_date(prepared.table, closing_date)
    plan = survival_plan(
        by=by,
        at=at,
        at_days=at_days,
        methods=methods,
        days_per_year=days_per_year,
        standard=named_standard(standard),
        standardisation=standardisation,
        form=form,
        level=level,
        interval=interval,
        life_table=life_table.hash,
        window=_window(window),
        closing_date=closing_date and closing_date.isoformat(),
        weighted=weighted,
    )
    return _survival(prepared, plan, life_table, allow_outside=allow_outside, engine=engine)


def observed_survival(
    cases: Cases | Any,
    *,
    by: Sequence[str] = (),
    at: Sequence[float] | None = None,
    at_days: Sequence[float] | None = None,
    variance: Variance = "greenwood",
    level: float = 0.95,
    interval: Interval = "log",
    standard: str | Standard | None = None,
    window: tuple[date, date] | None = None,
    days_per_year: float = 365.2425,
    weighted: bool = False,
    rules: ExclusionRules | None = None,
    bad_rows: Literal["refuse", "exclude"] = "refuse",
    engine: Engine | None = None,
) -> Result:
    """Return observed survival (Kaplan–Meier), from cases alone.

    Parameters and errors as ``net_survival``; ``variance`` is ``"greenwood"`` or
    ``"tsiatis"`` (Σ dN/Y²).
    """
    by = (by,) if isinstance(by, str) else tuple(by)
    prepared = _prepared(cases, rules, by=by, days_per_year=days_per_year, bad_rows=bad_rows)
    plan = survival_plan(
        by=by,
        at=at,
        at_days=at_days,
        methods=("observed",),
        days_per_year=days_per_year,
        standard=named_standard(standard),
        variance=variance,
        level=level,
        interval=interval,
        window=_window(window),
        weighted=weighted,
    )
    return _survival(prepared, plan, None, allow_outside=1.0, engine=engine)


def named_standard(standard: str | Standard | None) -> Standard | None:
    """Return the standard of this name: ``"icss1"`` to ``"icss3"``, ``"icss prostate"``.

    Raises
    ------
    CodeError
        There is no such standard.
    """
    if standard is None or isinstance(standard, Standard):
        return standard
    from rarecare.codes.standards import icss_classes  # noqa: PLC0415 - read when asked

    name = standard.lower().replace("-", " ").replace("icss", "").strip()
    if name not in ("1", "2", "3", "prostate"):
        raise CodeError(
            "there is no survival standard of this name",
            value=standard,
            allowed=["icss1", "icss2", "icss3", "icss prostate"],
            remedy="For other classes and weights give a Standard.",
        )
    weights = icss_classes(int(name) if name.isdigit() else name)
    total = sum(weights.weights)
    return Standard(
        name=standard.lower(),
        age_lower=tuple(int(age) for age in weights.age_lower),
        weights=tuple(float(weight) / total for weight in weights.weights),
    )


def _rules(rules: ExclusionRules | None, by: Sequence[str], keys: Sequence[str]) -> ExclusionRules:
    """Return the rules, with the strata to be readable and the life table's keys to be known."""
    rules = rules or ExclusionRules(needed=())
    if not rules.survival:
        raise UsageError(
            "survival needs exclusion rules for survival",
            value=rules.purpose,
            allowed="survival",
        )
    return replace(
        rules,
        strata=tuple(dict.fromkeys((*rules.strata, *by))),
        needed=tuple(dict.fromkeys((*rules.needed, *keys))),
    )


def _prepared(
    cases: Cases | Any,
    rules: ExclusionRules | None,
    *,
    by: tuple[str, ...],
    keys: Sequence[str] = (),
    **choices: Any,
) -> Prepared:
    prepared = prepare(cases, _rules(rules, by, keys), **choices)
    if rules is not None and prepared.exclusions["reason"].to_list() == [READ, KEPT]:
        raise UsageError(
            "exclusion rules are given for cases taken as they stand, with a column died",
            remedy="Leave the rules out, or give vital_status instead of died.",
        )
    return prepared


def _survival(
    prepared: Prepared,
    plan: SurvivalPlan,
    life_table: LifeTable | None,
    *,
    allow_outside: float,
    engine: Engine | None,
) -> Result:
    table = _with_age_classes(prepared.table, plan)
    _check_columns(table, plan, life_table, prepared.source.name)
    tally = tally_follow_up(table, plan, life_table=life_table, engine=engine)
    notes = [*prepared.notes]
    if life_table is not None:
        notes += [*life_table.notes, *_outside(tally, life_table, allow_outside)]
    if plan.window:
        notes.append(f"period analysis, {plan.window[0]} to {plan.window[1]}")
    provenance = Provenance(
        statistic=", ".join(NAMES[method] for method in plan.methods),
        inputs=(prepared.source, *((life_table.source,) if life_table else ())),
        plan=plan.to_dict(),
        plan_hash=plan.hash,
        exclusions=prepared.exclusions,
        notes=tuple(notes),
    )

    def draw(title: str = "Survival after diagnosis", **choices: Any) -> Figure:
        from rarecare.figures import survival_figure  # noqa: PLC0415 - drawn when asked

        step = max(1, plan.horizon // FIGURE_POINTS)
        years = [int(years * plan.days_per_year) for years in FIGURE_YEARS]
        marked = {day for day in years if day <= plan.horizon}
        days = sorted({*range(0, plan.horizon + 1, step), *marked, int(max(plan.times))})
        return survival_figure(
            estimate_survival(tally, plan, times=days),
            by=plan.by,
            title=title,
            subtitle=f"Age-standardised, {plan.standard.name}" if plan.standard else None,
            **choices,
        )

    return Result(estimate_survival(tally, plan), provenance, draw)


def _check_columns(
    table: pl.DataFrame, plan: SurvivalPlan, life_table: LifeTable | None, file: str
) -> None:
    needed = ["incidence_date", *plan.by, *(("weight",) if plan.weighted else ())]
    if life_table is not None:
        needed += ["age_days", *life_table.keys]
    for column in needed:
        if column not in table.columns:
            raise ColumnError(
                f"survival needs {column}",
                file=file,
                value=column,
                allowed=table.columns,
                remedy=f"Name it: --columns {column}=COLUMN.",
            )

    if plan.weighted and not (table["weight"].cast(pl.Float64).fill_null(nan) < inf).all():
        raise CaseError("weight is unknown for some cases", file=file, allowed="more than 0")
    if {"ederer1", "hakulinen"} & set(plan.methods) and "entry_days" in table.columns:
        late = int((table["entry_days"].cast(pl.Int64) > 0).sum())
        if late:
            raise CaseError(
                f"{late} cases enter late: Ederer I and Hakulinen are not defined for them",
                file=file,
                value="entry_days above 0",
                remedy="Use pohar-perme or ederer2.",
            )


def _with_age_classes(table: pl.DataFrame, plan: SurvivalPlan) -> pl.DataFrame:
    if plan.standard is None:
        return table
    if "age" in table.columns:
        ages = table["age"].to_numpy()
    elif "age_days" in table.columns:
        ages = np.floor(table["age_days"].to_numpy() / plan.days_per_year)
    else:
        raise ColumnError("age standardisation needs age", allowed=table.columns)
    unknown = int(np.isnan(ages).sum())
    if unknown:
        raise CaseError(
            f"age is unknown for {unknown} cases",
            remedy="Leave them out: ages in the exclusion rules.",
        )
    bounds = plan.standard.age_lower
    classes = np.searchsorted(bounds, ages, side="right") - 1
    young = int((classes < 0).sum())
    if young:
        raise CaseError(
            f"{young} cases are younger than the first age class of {plan.standard.name}",
            value=int(ages.min()),
            allowed=f"ages from {bounds[0]}",
            remedy="Leave them out: ages in the exclusion rules.",
        )
    return table.with_columns(pl.Series(AGE_CLASS, classes, dtype=pl.Int64))


def _window(window: tuple[date, date] | None) -> tuple[str, str] | None:
    if window is None:
        return None
    if not all(isinstance(day, date) and not isinstance(day, datetime) for day in window):
        raise UsageError("the window is not two dates", value=window, allowed="datetime.date")
    return window[0].isoformat(), window[1].isoformat()


def _closing_date(table: pl.DataFrame, given: date | None) -> date:
    """Return the closing date: the last day of follow-up of any case, or the one given."""
    last_date = pl.col("incidence_date").cast(pl.Date).to_physical() + pl.col("follow_up_days")
    if given is None:
        return EPOCH + timedelta(days=int(table.select(last_date.max()).item()))
    late = table.filter(pl.col("died"), last_date > (given - EPOCH).days).height
    if late:
        raise CaseError(
            f"{late} cases died after the closing date",
            value=given.isoformat(),
            remedy="Give the last day of follow-up of the whole study, or leave it out.",
        )
    return given


def _outside(tally: Tally, life_table: LifeTable, allowed: float) -> list[str]:
    outside = int(tally.arrays["person_days_outside"].sum())
    total = int(tally.arrays["person_days"].sum())
    if not outside:
        return []
    share = outside / total
    said = f"{outside:,} of {total:,} person-days ({share:.2%}) lie outside the life table"
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
