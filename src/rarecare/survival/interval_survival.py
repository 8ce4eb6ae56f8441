"""Survival by interval: from cases to a life table, as Stata strs and popEpi make it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
import polars as pl

from rarecare.errors import CaseError, ColumnError, UsageError
from rarecare.population.life_table import LifeTable
from rarecare.registry import Cases, ExclusionRules
from rarecare.registry.preparation import Prepared, as_it_stands
from rarecare.results import NOT_ESTIMABLE, OK, Provenance, Result
from rarecare.survival.analysis import outside_of
from rarecare.survival.breaks import checked_breaks, parse_breaks
from rarecare.survival.cases import prepared_cases
from rarecare.survival.curves import INTERVALS, Interval
from rarecare.survival.intervals import (
    FORMS,
    METHODS,
    IntervalCurve,
    IntervalForm,
    IntervalMethod,
    interval_curve,
    interval_parts,
    listed,
)
from rarecare.survival.plan import AGE_CLASS, Standard
from rarecare.survival.standards import (
    INTERNAL,
    Given,
    internal_standard,
    named_standard,
    with_age_classes,
)
from rarecare.survival.survival import needed
from rarecare.tally.engines import Engine
from rarecare.tally.intervals import Convention, IntervalPlan, tally_intervals
from rarecare.tally.tally import Tally

MONTHLY = "0(1/12)10"
_POPEPI_YEAR = 365.242199
TOLERANCE = 1e-9
"""Years by which times may differ by rounding."""
_COLUMNS = (
    "method", "standard", "start", "end", "n", "deaths", "withdrawn", "person_years", "observed",
    "expected", "relative", "estimate", "se", "lower", "upper", "level", "status", "reason",
)  # fmt: skip


def interval_survival(
    cases: Cases | Any,
    life_table: LifeTable,
    *,
    by: Sequence[str] = (),
    breaks: str | Sequence[float] = MONTHLY,
    method: IntervalMethod | Sequence[IntervalMethod] = ("ederer2", "pohar-perme"),
    form: IntervalForm = "actuarial",
    convention: Convention = "strs",
    level: float = 0.95,
    interval: Interval = "log-log",
    standard: Given = None,
    closing_date: date | None = None,
    days_per_year: float = 365.24,
    allow_outside: float = 0.05,
    rules: ExclusionRules | None = None,
    bad_rows: Literal["refuse", "exclude"] = "refuse",
    engine: Engine | None = None,
) -> Result:
    """Return a life table by interval, for comparison with published ones and for tabulated data.

    ``net_survival`` is exact by day; this is what strs and popEpi compute.

    Parameters
    ----------
    cases
        As for ``net_survival``. A data frame with ``time_years``, ``age_years`` and
        ``diagnosis_year`` is taken as it stands, with ``died``; ``entry_years`` and
        ``potential_years`` where they apply.
    life_table
        Hazard of the general population.
    by
        Strata: columns, or the name of one.
    breaks
        In years, in the notation of strs: ``"0(1/12)1,1(1)10"``; or numbers rising from 0.
    method
        ``"observed"``, ``"ederer2"``, ``"ederer1"``, ``"hakulinen"``, ``"pohar-perme"``.
    form
        ``"actuarial"``: withdrawals count half. ``"hazard"``: deaths over person-time (strs
        ``ht``), the only one with late entry.
    convention
        ``"strs"``: one expected survival per interval, at the completed age and the year at
        its start; diagnosis year as given, else that of the incidence date. ``"popepi"``: the
        expected hazard at the middle of each stay, times and dates with their fractions.
    level, interval
        Confidence level and scale. In strs's convention the limits of relative survival are
        those of observed survival, divided by expected survival.
    standard
        Weights of age classes, as for ``net_survival``; by classes.
    closing_date
        Last day of follow-up of the study (Hakulinen); by default the last seen.
    days_per_year
        Length of a year of follow-up; strs' examples have 365.24.
    allow_outside
        Largest share of person-time at ages or in years that the life table has not; up to it
        the nearest is taken, with a note.
    rules, bad_rows, engine
        See ``net_survival``.

    Returns
    -------
    Result
        One row per stratum, method and interval: ``start``, ``end`` (years), ``n`` at risk,
        ``deaths``, ``withdrawn``, ``person_years``; ``observed``, ``expected`` and
        ``relative`` survival of the interval; ``estimate``, ``se``, ``lower``, ``upper``,
        cumulative to its end; ``level``, ``status``, ``reason``.

    Raises
    ------
    UsageError, InputError
        See ``net_survival``; late entry without the hazard form, or with Ederer I or
        Hakulinen; potential follow-up that ends before a death.
    """
    lives = needed(life_table, "a life table by interval")
    by = (by,) if isinstance(by, str) else tuple(by)
    methods = _chosen(method, convention)
    for name, value, allowed in (("form", form, FORMS), ("interval", interval, INTERVALS)):
        if value not in allowed:
            raise UsageError(f"{name} has no such choice", value=value, allowed=allowed)
    for name, share in (("level", level), ("allow_outside", allow_outside)):
        if not 0 <= share <= 1 or (name == "level" and share in (0, 1)):
            raise UsageError(f"{name} is out of range", value=share, allowed="0 to 1")
    prepared = _prepared(
        cases, lives, rules=rules, by=by, days_per_year=days_per_year, bad_rows=bad_rows
    )
    table, notes = _timed(prepared, convention, days_per_year)
    late = "entry_years" in table.columns and bool((table["entry_years"] > 0).any())
    if late and {"ederer1", "hakulinen"} & set(methods):
        raise UsageError(
            "Ederer I and Hakulinen are not defined for late entry", value="entry_years above 0",
            allowed=["observed", "ederer2", "pohar-perme"],
        )  # fmt: skip
    if "hakulinen" in methods:
        table = _with_potential(table, closing_date, days_per_year)
    if form == "actuarial" and late:
        raise UsageError(
            "the actuarial form has no late entry", value="entry_years above 0",
            allowed="form='hazard'",
        )  # fmt: skip
    weights = (
        internal_standard(np.floor(table["age_years"].to_numpy()))
        if isinstance(standard, str) and standard == INTERNAL
        else named_standard(standard)
    )
    if weights is not None:
        table = with_age_classes(
            table.with_columns(age=pl.col("age_years").floor()), weights, days_per_year
        )
    plan = IntervalPlan(
        strata=(*by, AGE_CLASS) if weights is not None else by,
        breaks=parse_breaks(breaks) if isinstance(breaks, str) else checked_breaks(breaks),
        convention=convention,
        life_table=lives.hash,
        days_per_year=days_per_year,
    )
    tally = tally_intervals(table, plan, life_table=lives, engine=engine)
    total, outside = (float(tally.arrays[a].sum()) for a in ("person_years", "years_outside"))
    notes += outside_of(lives, outside, total, allow_outside, "person-years")
    answer = estimate_intervals(
        tally, plan, methods=methods, form=form, level=level, interval=interval, standard=weights
    )
    return Result(
        answer,
        Provenance(
            statistic=f"Survival by interval, {form} form, as {convention}",
            inputs=(prepared.source, lives.source),
            plan={**plan.to_dict(), "methods": list(methods), "form": form, "level": level,
                  "interval": interval, "standard": weights.name if weights else None},
            plan_hash=plan.hash,
            exclusions=prepared.exclusions,
            notes=(*prepared.notes, *lives.notes, *notes),
        ),
    )  # fmt: skip


def estimate_intervals(
    tally: Tally,
    plan: IntervalPlan,
    *,
    methods: Sequence[IntervalMethod],
    form: IntervalForm,
    level: float = 0.95,
    interval: Interval = "log-log",
    standard: Standard | None = None,
) -> pl.DataFrame:
    """Return the life table of a tally; see ``interval_survival``.

    Raises
    ------
    DisagreementError
        The tally was made with another plan.
    """
    tally.check_plan(plan)
    z = NormalDist().inv_cdf(0.5 + level / 2)
    if standard is None:
        strata = tally.strata
        groups = [np.array([place]) for place in range(strata.height)]
    else:
        numbered = tally.strata.with_row_index("_row")
        names = [name for name in tally.strata.columns if name != AGE_CLASS] or ["group"]
        keyed = numbered.with_columns(group=pl.lit("all")) if names == ["group"] else numbered
        parts = keyed.partition_by(names, maintain_order=True)
        strata = pl.concat([part.select(names).head(1) for part in parts])
        groups = [part["_row"].to_numpy() for part in parts]
    rows = []
    for place, members in enumerate(groups):
        arrays = {name: array[members] for name, array in tally.arrays.items()}
        weights = None
        if standard is not None:
            weights = _weights(standard, tally.strata[AGE_CLASS].to_numpy()[members])
        for method in methods:
            own = _rows(arrays, plan, form, method, z=z, interval=interval, standard=weights)
            rows.append(own.with_columns(_stratum=pl.lit(place)))
    numbered = strata.with_row_index("_stratum").with_columns(pl.col("_stratum").cast(pl.Int32))
    return (
        numbered.join(pl.concat(rows), on="_stratum", how="inner", maintain_order="left_right")
        .with_columns(
            pl.col(pl.Float64).fill_nan(None),
            standard=pl.lit(standard.name if standard else "none"),
            level=pl.lit(level),
        )
        .with_columns(
            status=pl.when(pl.col("estimate").is_null())
            .then(pl.lit(NOT_ESTIMABLE))
            .otherwise(pl.lit(OK))
        )
        .select(*strata.columns, *_COLUMNS)
    )


def _weights(standard: Standard, classes: Any) -> tuple[Any, bool]:
    """Return the weight of each class present, and whether all that weigh are present."""
    own = np.array(standard.weights)[classes]
    return own, bool(abs(own.sum() - 1) < 1e-9)


def _rows(
    arrays: dict[str, Any],
    plan: IntervalPlan,
    form: IntervalForm,
    method: IntervalMethod,
    *,
    z: float,
    interval: Interval,
    standard: tuple[Any, bool] | None,
) -> pl.DataFrame:
    curve = interval_curve(arrays, plan, form, method)
    pooled = {name: array.sum(axis=0, keepdims=True) for name, array in arrays.items()}
    if standard is not None:
        curve = _weighted(curve, *standard)
    lower, upper = (limit[0] for limit in curve.limits(z, interval))
    observed, expected, relative = (part[0] for part in interval_parts(pooled, plan, form))
    some = listed(pooled)[0]
    said: list[str | None] = []
    for place, value in enumerate(curve.value[0]):
        if np.isnan(value):
            entered = pooled["n"][0, : place + 1].any()
            who = " in an age class" if some[place] else ""
            word = f"no one at risk{who} after {plan.breaks[place]:g} years"
            said.append(word if entered else "no one had entered")
        elif value == 0:
            said.append("everyone had died: no interval")
        elif np.isnan(lower[place]):
            said.append(_no_limits(value, interval, died=pooled["deaths"][0, : place + 1].any()))
        elif value > 1:
            said.append("above 1: the cases died less than the general population; not cut")
        else:
            said.append(None)
    return pl.DataFrame(
        {
            "method": [method] * len(observed),
            "start": plan.breaks[:-1],
            "end": plan.breaks[1:],
            "n": pooled["n"][0],
            "deaths": pooled["deaths"][0],
            "withdrawn": pooled["withdrawn"][0],
            "person_years": pooled["person_years"][0],
            "observed": observed,
            "expected": expected,
            "relative": relative,
            "estimate": curve.value[0],
            "se": curve.se[0],
            "lower": lower,
            "upper": upper,
            "reason": pl.Series(said, dtype=pl.String),
        }
    )


def _no_limits(value: float, interval: Interval, *, died: bool) -> str:
    if not died:
        return "no deaths: no interval"
    if interval == "log" or (interval == "log-log" and 0 < value < 1):
        return f"no {interval} interval: the standard error is too large"
    return f"no {interval} interval: the estimate is not between 0 and 1"


def _weighted(curve: IntervalCurve, weights: Any, whole: bool) -> IntervalCurve:
    """Return Σ w S of the age classes; missing where one that weighs is missing."""
    used = weights > 0
    share = weights[used, None]
    value = (share * curve.value[used]).sum(axis=0, keepdims=True)
    own = np.where(curve.value[used] == 0, 0.0, curve.se[used])
    se = np.sqrt((share**2 * own**2).sum(axis=0, keepdims=True))
    value = value if whole else np.full_like(value, np.nan)
    return IntervalCurve(value, np.where(value == 0, np.nan, se), np.ones_like(value))


def _chosen(
    method: IntervalMethod | Sequence[IntervalMethod], convention: Convention
) -> tuple[IntervalMethod, ...]:
    if convention not in METHODS:
        raise UsageError("convention has no such choice", value=convention, allowed=list(METHODS))
    methods: tuple[IntervalMethod, ...] = (method,) if isinstance(method, str) else tuple(method)
    unknown = next((name for name in methods if name not in METHODS[convention]), None)
    if unknown is not None or not methods or len(set(methods)) < len(methods):
        raise UsageError(
            f"a life table as {convention} has no such methods",
            value=unknown or list(methods),
            allowed=METHODS[convention],
        )
    return methods


def _prepared(
    cases: Cases | Any,
    life_table: LifeTable,
    *,
    rules: ExclusionRules | None,
    by: tuple[str, ...],
    days_per_year: float,
    bad_rows: Literal["refuse", "exclude"],
) -> Prepared:
    if not isinstance(cases, Cases):
        given = as_it_stands(cases)
        if "time_years" in given.table.columns:
            return given
    return prepared_cases(
        cases, rules, by=by, keys=life_table.keys, days_per_year=days_per_year, bad_rows=bad_rows
    )


def _timed(
    prepared: Prepared, convention: Convention, days_per_year: float
) -> tuple[pl.DataFrame, list[str]]:
    """Add time, age and year of diagnosis as the convention has them, where they are not given."""
    table, file = prepared.table, prepared.source.name
    exact = convention == "popepi"
    incidence = pl.col("incidence_date").cast(pl.Date)
    derived = {
        "time_years": pl.col("follow_up_days") / days_per_year,
        "age_years": pl.col("age_days") / days_per_year,
        "diagnosis_year": incidence.dt.year().cast(pl.Float64),
        "entry_years": pl.col("entry_days").cast(pl.Float64).fill_null(0) / days_per_year,
    }
    if exact:  # times are differences of fractional dates, whose year restarts on 1 January
        last = incidence + pl.duration(days=pl.col("follow_up_days"))
        derived["diagnosis_year"] = _fractional(incidence)
        derived["time_years"] = _fractional(last) - _fractional(incidence)
        birth = incidence - pl.duration(days=pl.col("age_days").cast(pl.Int64))
        derived["age_years"] = _fractional(incidence) - _fractional(birth)
        if "entry_days" in table.columns:
            entered = incidence + pl.duration(days=pl.col("entry_days").fill_null(0))
            derived["entry_years"] = _fractional(entered) - _fractional(incidence)
    else:
        derived["age_years"] = (
            pl.col("age").cast(pl.Float64) if "age" in table.columns
            else derived["age_years"].floor()
        )  # fmt: skip
    notes = []
    for name, value in derived.items():
        if name in table.columns:
            continue
        sources = set(value.meta.root_names())
        if not sources <= set(table.columns):
            if name == "entry_years":
                continue
            raise ColumnError(
                f"a life table by interval needs {name}",
                file=file, value=name, allowed=table.columns,
                remedy=f"Give it, or {' and '.join(sorted(sources))}.",
            )  # fmt: skip
        table = table.with_columns(value.alias(name))
    if (table["time_years"] < 0).any():
        raise CaseError("a time is negative", file=file, value=float(table["time_years"].min()))  # type: ignore[arg-type]
    none = int((table["time_years"] == 0).sum())
    if none:
        notes.append(f"{none:,} cases with no time of follow-up add nothing")
    return table, notes


def _fractional(day: pl.Expr) -> pl.Expr:
    """Return a date as popEpi writes it in years: 1 January is the whole year."""
    return day.dt.year().cast(pl.Float64) + (day.dt.ordinal_day() - 1) / _POPEPI_YEAR


def _with_potential(
    table: pl.DataFrame, closing_date: date | None, days_per_year: float
) -> pl.DataFrame:
    """Add the follow-up that the dead could have had, to the closing date."""
    if "potential_years" in table.columns:
        return _checked_potential(table, "potential_years below time_years")
    if not {"incidence_date", "follow_up_days"} <= set(table.columns):
        raise ColumnError(
            "Hakulinen's method needs potential_years, or incidence_date and follow_up_days",
            allowed=table.columns,
        )
    incidence = pl.col("incidence_date").cast(pl.Date)
    last = incidence + pl.duration(days=pl.col("follow_up_days"))
    closing = pl.lit(closing_date) if closing_date else last.max()
    years = (closing - incidence).dt.total_days() / days_per_year
    return _checked_potential(
        table.with_columns(potential_years=pl.when("died").then(years).otherwise("time_years")),
        closing_date.isoformat() if closing_date else None,
    )


def _checked_potential(table: pl.DataFrame, value: str | None) -> pl.DataFrame:
    """Refuse a potential follow-up that ends before the death it is in place of."""
    short = table.filter(pl.col("potential_years") < pl.col("time_years") - TOLERANCE).height
    if short:
        raise CaseError(
            f"the potential follow-up of {short} cases ends before their own",
            value=value,
            allowed="time_years or more: to the closing date of the whole study",
        )
    return table
