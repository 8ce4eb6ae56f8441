"""Cases and person-years by stratum and age group: the tally of an incidence analysis.

Tallies of parts add to the tally of the whole when the population of each part is that
of the part alone: the registry's, the area's. Person-years of a stratum that only the
cases have (entity, stage) are those of the part, once per level.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import CaseError, ColumnError, DisagreementError, PopulationError
from rarecare.population.population import Population
from rarecare.rates.plan import IncidencePlan, canonical_levels
from rarecare.tally.plan import ALL
from rarecare.tally.tally import Tally


def tally_incidence(cases: pl.DataFrame, population: Population, plan: IncidencePlan) -> Tally:
    """Count cases and sum person-years in each stratum and age group.

    Parameters
    ----------
    cases
        One row per case: ``age`` (completed years, null when unknown), ``incidence_date``
        where the population has years, the plan's strata. A column named as a key of the
        population is compared with it. ``row``, the line of the file, serves messages.
    population
        That of exactly these cases' area and period.
    plan
        The choices.

    Returns
    -------
    Tally
        ``cases`` int64 and ``person_years`` float64, shape (n_strata, n_ages);
        ``cases_age_unknown`` int64, shape (n_strata,). Every stratum with person-years is
        there, with 0 cases where it has none.

    Raises
    ------
    PopulationError
        A case lies outside the population: its year, a level, its age, or an age group
        without person-years.
    CaseError
        A column is not what it must be, or a level is not in the plan.
    ColumnError
        A column is missing.
    DisagreementError
        The population is not one of the plan's, or its ages end elsewhere.
    """
    _check_population(population, plan)
    shared = [column for column in plan.strata if column not in plan.case_strata]
    pop_levels, sums = population.person_years_by(shared, age_lower=plan.age_lower)
    frame = _prepare(cases, population, plan)
    case_levels = _case_levels(plan, frame)
    own = pl.int_range(pl.len(), dtype=pl.Int64).alias("_own")
    strata = case_levels.join(pop_levels.with_columns(own), how="cross")
    strata = strata.select(*plan.strata, "_own").sort(plan.strata)
    person_years = sums[strata["_own"].to_numpy()]
    strata = strata.drop("_own")
    counts, unknown = _count(frame, strata, person_years, plan)
    return Tally(
        plan.hash,
        strata if plan.strata else pl.DataFrame({ALL: ["all"]}),
        {"cases": counts, "person_years": person_years, "cases_age_unknown": unknown},
    )


def _check_population(population: Population, plan: IncidencePlan) -> None:
    if plan.populations and population.sha256 not in plan.populations:
        raise DisagreementError(
            "the population is not one of the plan's",
            file=population.source.name,
            value=population.sha256[:12],
            allowed=[each[:12] for each in plan.populations],
            remedy="Use the population of the plan, or make the plan with this one.",
        )
    if population.age_end != plan.age_end:
        raise DisagreementError(
            "the ages of the population end elsewhere than the plan's",
            file=population.source.name,
            value=population.age_end or "open",
            allowed=str(plan.age_end or "open"),
        )


def _prepare(cases: pl.DataFrame, population: Population, plan: IncidencePlan) -> pl.DataFrame:
    """Return ``_case``, ``_line``, ``age`` and the strata, every case within the population."""
    year = ["incidence_date"] if population.years else []
    for column in ("age", *year, *(s for s in plan.strata if s != "year")):
        if column not in cases.columns:
            raise ColumnError("the cases have no such column", value=column, allowed=cases.columns)
    lines = cases["row"] if "row" in cases.columns else pl.Series([None] * cases.height)
    columns = {"_line": lines.cast(pl.Int64), "age": _ages(cases, lines)}
    keys = [key for key in population.keys if key in cases.columns]
    columns |= {key: cases[key].cast(pl.String) for key in keys}
    columns |= {column: canonical_levels(cases[column]) for column in plan.case_strata}
    if year:
        date = cases["incidence_date"]
        if date.dtype not in (pl.Date, pl.Datetime):
            raise CaseError("incidence_date is not a date", value=str(date.dtype), allowed="Date")
        columns["year"] = date.dt.year().cast(pl.Int64)
    frame = pl.DataFrame(columns).with_row_index("_case", offset=1)
    for column in (*keys, *(["year"] if year else [])):
        _refuse_outside(frame, column, population, unknown=column not in (*plan.strata, "year"))
    joint = [*keys, *(["year"] if year else [])]
    if len(joint) > 1:
        known = frame.drop_nulls(joint)
        absent = known.join(population.table.select(joint).unique(), on=joint, how="anti")
        _refuse(absent, joint, "the population has no such combination", "those of the population")
    low, end = plan.age_lower[0], plan.age_end
    outside = (pl.col("age") < low) | (pl.col("age") >= end if end is not None else False)
    allowed = f"{low} to {end - 1}" if end is not None else f"{low} or more"
    _refuse(frame.filter(outside), ["age"], "the population has no such age", allowed)
    return frame


def _ages(cases: pl.DataFrame, lines: pl.Series) -> pl.Series:
    values = cases["age"]
    if not (values.dtype.is_numeric() or values.dtype == pl.Null):
        raise CaseError(
            "age is not a number", column="age", value=str(values.dtype), allowed="whole numbers"
        )
    numbers = values.cast(pl.Float64).fill_nan(None)
    part = (numbers != numbers.floor()).arg_true()
    if len(part):
        raise CaseError(
            "age is not in completed years",
            row=lines[int(part[0])],
            column="age",
            value=numbers[int(part[0])],
            allowed="whole numbers",
            remedy="Round down.",
        )
    return numbers.cast(pl.Int64)


def _refuse_outside(
    frame: pl.DataFrame, column: str, population: Population, *, unknown: bool
) -> None:
    """Refuse cases whose level the population lacks; unknown ones where that matters."""
    levels = population.table[column].unique().sort()
    name = "incidence_date" if column == "year" else column
    if not unknown:
        problem = f"{name} is unknown, and the population is divided by {column}"
        _refuse(frame.filter(pl.col(column).is_null()), [column], problem, levels)
    outside = frame.filter(pl.col(column).is_not_null() & ~pl.col(column).is_in(levels.implode()))
    _refuse(outside, [column], f"the population has no such {column}", levels)


def _refuse(
    bad: pl.DataFrame, columns: Sequence[str], problem: str, allowed: pl.Series | str
) -> None:
    if bad.is_empty():
        return
    first = bad.sort("_case").row(0, named=True)
    line = first["_line"]
    value = ", ".join(str(first[column]) for column in columns if first[column] is not None)
    if isinstance(allowed, pl.Series):
        whole = allowed.dtype.is_integer()
        span = f"{allowed[0]} to {allowed[-1]}" if whole else allowed.to_list()
    raise PopulationError(
        problem if line is not None else f"{problem} (case {first['_case']} of the table)",
        row=line,
        column=", ".join(columns),
        value=value or None,
        allowed=allowed if isinstance(allowed, str) else span,
        remedy=f"Leave such cases out (there are {bad.height}), or give their population.",
    )


def _case_levels(plan: IncidencePlan, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the plan's levels of the strata that only the cases have, one row each."""
    if not plan.case_strata:
        return pl.DataFrame(height=1)
    columns = {}
    for position, column in enumerate(plan.case_strata):
        values = [levels[position] for levels in plan.case_levels]
        columns[column] = _typed(column, values)
        given = frame[column].dtype
        if given not in (columns[column].dtype, pl.Null):
            raise CaseError(
                "a stratum is of another type than in the plan",
                column=column,
                value=str(given),
                allowed=str(columns[column].dtype),
            )
    return pl.DataFrame(columns)


def _typed(column: str, values: Sequence[object]) -> pl.Series:
    known = {type(value) for value in values if value is not None}
    dtype = {frozenset({bool}): pl.Boolean, frozenset({int}): pl.Int64}.get(
        frozenset(known), pl.String
    )
    return pl.Series(column, values, dtype=dtype)


def _count(
    frame: pl.DataFrame,
    strata: pl.DataFrame,
    person_years: NDArray[np.float64],
    plan: IncidencePlan,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return cases by stratum and age group, and those of unknown age by stratum."""
    if plan.strata:
        numbered = strata.with_columns(_stratum=pl.int_range(pl.len(), dtype=pl.Int64))
        typed = frame.with_columns(pl.col(c).cast(t) for c, t in strata.schema.items())
        frame = typed.join(
            numbered, on=strata.columns, how="left", nulls_equal=True, maintain_order="left"
        )
    else:
        frame = frame.with_columns(_stratum=pl.lit(0, dtype=pl.Int64))
    stray = frame.filter(pl.col("_stratum").is_null())
    if stray.height:
        row = stray.row(0, named=True)
        raise CaseError(
            "a case has a level that the plan does not have",
            row=row["_line"],
            column=", ".join(plan.case_strata),
            value=", ".join(str(row[column]) for column in plan.case_strata),
            allowed=[", ".join(map(str, levels)) for levels in plan.case_levels],
            remedy="Make the plan with every level, once, before the parts are tallied.",
        )
    known = frame.drop_nulls("age")
    group = np.searchsorted(plan.age_lower, known["age"].to_numpy(), side="right") - 1
    stratum, n_ages = known["_stratum"].to_numpy(), len(plan.age_lower)
    alone = known.filter(person_years[stratum, group] == 0)
    _refuse(alone, ["age"], "a case has an age at which the population has nobody", "ages with "
            "person-years")  # fmt: skip
    cells = np.bincount(stratum * n_ages + group, minlength=strata.height * n_ages)
    unknown = frame.filter(pl.col("age").is_null())["_stratum"].to_numpy()
    return (
        cells.astype(np.int64).reshape(-1, n_ages),
        np.bincount(unknown, minlength=len(cells) // n_ages).astype(np.int64),
    )
