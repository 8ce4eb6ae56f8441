"""Follow-up tallies: from cases and a life table to daily sums by stratum.

Conventions of days, entry, exit and expected hazard: docs/methods.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import CaseError, LifeTableError, UsageError
from rarecare.population.life_table import LifeTable
from rarecare.tally.blocks import Blocks, Records, Sums, tally_blocks
from rarecare.tally.engines import Engine
from rarecare.tally.plan import Plan
from rarecare.tally.records import Field, Strata, codes_of, offset_field
from rarecare.tally.tally import Tally

Estimator = Literal["pohar-perme", "ederer2", "ederer1", "hakulinen"]
ESTIMATORS: tuple[Estimator, ...] = ("pohar-perme", "ederer2", "ederer1", "hakulinen")
OF_CANCER = "died_of_cancer"
"""Boolean column of the cases: the death was from the cancer."""

_EPOCH = date(1970, 1, 1)
_LONG_AGO = -(10**6)
_WEIGHTED = (
    "at_risk_weighted", "deaths_weighted", "deaths_weighted2", "cancer_deaths_weighted",
    "cancer_deaths_weighted2",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpPlan(Plan):
    """What decides a follow-up tally.

    Attributes
    ----------
    estimators
        Whose sums are made, of ``ESTIMATORS``; observed survival comes with any, or alone.
    times
        Evaluation times in days since incidence, ascending, whole or fractional.
    days_per_year
        Length of a year in days, for ages and for hazards per year.
    life_table
        Hash of the life table, None for observed survival alone.
    window
        First and last calendar day of follow-up that counts, both included.
    from_diagnosis
        Cases diagnosed on this day or later count from their diagnosis, whatever the window's
        first day (hybrid analysis).
    causes
        Whether deaths from the cancer are summed apart.
    closing_date
        The study's last day of follow-up (Hakulinen).
    weighted
        Whether the cases carry a column ``weight``.
    """

    estimators: tuple[Estimator, ...]
    times: tuple[float, ...]
    days_per_year: float
    life_table: str | None = None
    window: tuple[str, str] | None = None
    from_diagnosis: str | None = None
    causes: bool = False
    closing_date: str | None = None
    weighted: bool = False

    def __post_init__(self) -> None:
        unknown = set(self.estimators) - set(ESTIMATORS)
        if unknown:
            raise UsageError(
                "there is no such estimator", value=min(unknown), allowed=list(ESTIMATORS)
            )
        if self.window and {"ederer1", "hakulinen"} & set(self.estimators):
            raise UsageError(
                "Ederer I and Hakulinen are not defined with late entry",
                value=self.window,
                allowed="no window",
                remedy="Use pohar-perme or ederer2 for a period analysis.",
            )
        if self.from_diagnosis and not self.window:
            raise UsageError("a hybrid analysis needs a window", value=self.from_diagnosis)
        if self.estimators and self.life_table is None:
            raise UsageError("net survival needs a life table", value=self.estimators)
        if "hakulinen" in self.estimators and self.closing_date is None:
            raise UsageError("Hakulinen's method needs the study's closing date")

    @property
    def horizon(self) -> int:
        """The last day summed: that of the latest evaluation time."""
        return max(1, int(np.ceil(max(self.times, default=0.0))))

    @property
    def fractional(self) -> NDArray[np.float64]:
        """The evaluation times that fall within a day, ascending."""
        return np.array(sorted({t for t in self.times if t != int(t)}), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Context:
    """What every block needs beside its records."""

    plan: FollowUpPlan
    ages: NDArray[np.float64]
    weights: NDArray[np.float64]
    hazard: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    polynomial: NDArray[np.float64]
    n_ages: int
    first_age: int
    year_starts: NDArray[np.int64]
    table_end: int


def tally_follow_up(
    cases: pl.DataFrame,
    plan: FollowUpPlan,
    *,
    life_table: LifeTable | None = None,
    engine: Engine | None = None,
) -> Tally:
    """Sum the follow-up of cases day by day, in each stratum.

    Parameters
    ----------
    cases
        Columns ``incidence_date``, ``follow_up_days`` (whole, at least 1), ``died`` (boolean);
        with a life table ``age_days`` and its keys; ``entry_days``, ``weight`` and
        ``registry`` where they apply; the plan's strata.
    plan
        The choices.
    life_table
        The one whose hash is in the plan.
    engine
        Where blocks are summed; by default threads on this machine.

    Returns
    -------
    Tally
        Arrays by day, shape (n_strata, horizon), int64 or float64: ``at_risk``, ``deaths``;
        ``cancer_deaths`` with causes; ``at_risk_weighted``, ``deaths_weighted``,
        ``deaths_weighted2`` (and those of the cancer) when weighted; those of
        ``kernels.SUMS`` that the estimators need. By fractional time, shape (n_strata,
        n_fractional): ``w_at``, ``s_all_at``, ``s_at``. By stratum: ``cases``, ``weight``,
        ``person_days``, ``person_days_outside`` (outside the life table).

    Raises
    ------
    CaseError
        There are no cases, a column is missing or holds a null, or a weight is not positive.
    LifeTableError
        The life table is not the plan's, or lacks a key of a case.
    """
    _check_inputs(cases, plan, life_table)
    fields, ages, weights = _fields(cases, plan, life_table)
    context = _context(life_table, plan, ages, weights)
    return tally_blocks(cases, plan, fields, _sum_blocks, context, engine=engine)


def _check_inputs(cases: pl.DataFrame, plan: FollowUpPlan, life_table: LifeTable | None) -> None:
    if cases.is_empty():
        raise CaseError("there are no cases to follow", allowed="at least one case")
    if (life_table.hash if life_table else None) != plan.life_table:
        raise LifeTableError("the life table is not the one of the plan")
    needed = ["incidence_date", "follow_up_days", "died", *plan.strata]
    if life_table is not None:
        needed += ["age_days", *life_table.keys]
    if plan.weighted:
        needed.append("weight")
    if plan.causes:
        needed.append(OF_CANCER)
    for column in needed:
        if column not in cases.columns:
            raise CaseError("the cases have no such column", value=column, allowed=cases.columns)
    for column in ("incidence_date", "follow_up_days", "died", "age_days", OF_CANCER):
        if column in needed and cases[column].null_count():
            raise CaseError(
                f"{column} is unknown for {cases[column].null_count()} cases",
                remedy="Exclude them first (registry.exclude).",
            )
    if plan.weighted and not (cases["weight"] > 0).all():
        raise CaseError("a case weight is not positive", allowed="more than 0")


def _fields(
    cases: pl.DataFrame, plan: FollowUpPlan, life_table: LifeTable | None
) -> tuple[list[Field], NDArray[np.float64], NDArray[np.float64]]:
    """Return the kernel's fields in its order, the table of ages and that of weights."""
    incidence = cases["incidence_date"].cast(pl.Date).to_physical().to_numpy().astype(np.int64)
    follow_up = cases["follow_up_days"].cast(pl.Int64).to_numpy()
    exit_day = np.minimum(follow_up, plan.horizon)
    if plan.window:
        window_end = day_number(plan.window[1])
        exit_day = np.minimum(exit_day, np.maximum(window_end - incidence, 0))
    died = cases["died"].to_numpy() & (exit_day == follow_up)
    of_cancer = cases[OF_CANCER].to_numpy() if plan.causes else np.zeros(1, dtype=np.bool_)
    entry = np.zeros(1, dtype=np.int64).repeat(len(incidence))
    if "entry_days" in cases.columns:
        entry = cases["entry_days"].cast(pl.Int64).fill_null(0).to_numpy()
        entry = np.clip(entry, 0, plan.horizon)
    level, ages = np.zeros(len(incidence), dtype=np.int64), np.zeros(1)
    age_code = level
    if life_table is not None:
        level = life_table_levels(cases, life_table)
        age_code, ages = _age_codes(cases["age_days"])
    weight_code, weights = level[:0], np.ones(1)
    if plan.weighted:
        weight_code, levels = codes_of(cases["weight"].cast(pl.Float64))
        weights = levels.to_numpy()
    else:
        weight_code = np.zeros(len(incidence), dtype=np.int64)
    fields = [
        Field(level),
        Field(age_code),
        offset_field(incidence),
        Field(entry),
        Field(exit_day),
        Field(died.astype(np.int64) + (died & of_cancer)),
        Field(weight_code),
    ]
    return fields, ages, weights


def day_number(day: date | str) -> int:
    """Return the days from 1 January 1970 to a day."""
    return ((date.fromisoformat(day) if isinstance(day, str) else day) - _EPOCH).days


def life_table_levels(cases: pl.DataFrame, life_table: LifeTable) -> NDArray[np.int64]:
    """Return the row of the life table's levels that each case belongs to.

    Raises
    ------
    LifeTableError
        The table has no rows for a case.
    """
    if not life_table.keys:
        return np.zeros(cases.height, dtype=np.int64)
    own = Strata.of(cases, life_table.keys)
    present = np.unique(own.codes)
    wanted = own.table(present).with_columns(pl.all().cast(pl.String))
    found = wanted.join(
        life_table.levels.with_row_index("_level"),
        on=life_table.keys,
        how="left",
        maintain_order="left",
    )["_level"]
    if found.null_count():
        code = present[found.is_null().arg_true()[0]]
        index = int(np.flatnonzero(own.codes == code)[0])
        row = cases.row(index, named=True)
        raise LifeTableError(
            f"the life table ({life_table.source.name}) has no rows for a case",
            row=row.get("row"),
            value=", ".join(f"{key} {row[key]}" for key in life_table.keys),
            allowed=[
                ", ".join(f"{k} {v}" for k, v in zip(life_table.keys, level, strict=True))
                for level in life_table.levels.rows()
            ],
            remedy=f"Add them to the table, or exclude the {int((own.codes == code).sum())} cases.",
        )
    lookup = np.zeros(own.size, dtype=np.int64)
    lookup[present] = found.to_numpy()
    return lookup[own.codes]


def _age_codes(age_days: pl.Series) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return codes into a table of ages in days, so that fractional ages pack as well."""
    ages = age_days.cast(pl.Float64).to_numpy()
    whole = ages.astype(np.int64)
    if (whole == ages).all():
        first, last = int(whole.min()), int(whole.max())
        return whole - first, np.arange(first, last + 1, dtype=np.float64)
    distinct, codes = np.unique(ages, return_inverse=True)
    return codes.astype(np.int64), distinct


def _context(
    life_table: LifeTable | None,
    plan: FollowUpPlan,
    ages: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> _Context:
    from rarecare.tally import kernels  # noqa: PLC0415 - numba is slow to import

    hazard = np.zeros((1, 1, 1))
    year_starts = np.array([_LONG_AGO], dtype=np.int64)
    first_age, table_end = 0, -_LONG_AGO
    if life_table is not None:
        hazard = np.ascontiguousarray(life_table.daily_hazard(plan.days_per_year))
        year_starts = life_table.year_starts()
        first_age = life_table.first_age
        table_end = day_number(date(int(life_table.years[-1]) + 1, 1, 1))
    return _Context(
        plan=plan,
        ages=ages,
        weights=weights,
        hazard=hazard.ravel(),
        coefficients=kernels.bessel_coefficients(hazard),
        polynomial=kernels.chebyshev_values(np.linspace(-1.0, 1.0, kernels.BLOCK + 1)),
        n_ages=hazard.shape[1],
        first_age=first_age,
        year_starts=year_starts,
        table_end=table_end,
    )


def _sum_blocks(records: Records, blocks: Blocks, context: _Context) -> Sums:
    from rarecare.tally import kernels  # noqa: PLC0415 - numba is slow to import

    plan = context.plan
    window_start = day_number(plan.window[0]) - 1 if plan.window else _LONG_AGO
    from_diagnosis = day_number(plan.from_diagnosis) if plan.from_diagnosis else -_LONG_AGO
    closing = day_number(plan.closing_date) if plan.closing_date else 0
    wants = tuple(name in plan.estimators for name in ESTIMATORS)
    horizon, n = plan.horizon, len(blocks)
    at_risk = np.empty((n, horizon), dtype=np.int64)
    deaths = np.empty((2 if plan.causes else 1, n, horizon), dtype=np.int64)
    weighted = np.empty((5 if plan.causes else 3, n, horizon if plan.weighted else 0))
    sums = np.empty((len(kernels.SUMS) + 1, n, horizon))
    at = np.empty((3, n, len(plan.fractional)))
    totals = [
        kernels.follow_up(  # type: ignore[call-arg]
            records.words, start, stop, *records.layout, context.ages, context.weights,
            context.hazard, context.coefficients, context.polynomial, context.n_ages,
            context.first_age, context.year_starts, context.table_end, plan.days_per_year,
            window_start, from_diagnosis, closing, plan.fractional, *wants, at_risk[block],
            deaths[:, block], weighted[:, block], sums[:, block], at[:, block],
        )
        for block, (start, stop) in enumerate(blocks)
    ]  # fmt: skip
    pohar_perme, ederer2, ederer1, hakulinen = wants
    named = dict(zip(kernels.SUMS, sums, strict=False))
    answer: dict[str, NDArray[Any]] = {"at_risk": at_risk, "deaths": deaths[0]}
    if plan.causes:
        answer["cancer_deaths"] = deaths[1]
    if plan.weighted:
        answer |= dict(zip(_WEIGHTED, weighted, strict=False))
    if pohar_perme:
        answer |= {name: named[name] for name in kernels.SUMS[:4]} | {"w_at": at[0]}
    if ederer2:
        answer["expected"] = named["expected"]
    if ederer1:
        answer |= {"s_all": named["s_all"], "s_all_at": at[1]}
    if hakulinen:
        answer |= {"s_end": named["s_end"], "s_start": named["s_start"], "s_at": at[2]}
    cases, weight, person_days, outside = zip(*totals, strict=True)
    return answer | {
        "cases": np.array(cases, dtype=np.int64),
        "weight": np.array(weight, dtype=np.float64),
        "person_days": np.array(person_days, dtype=np.int64),
        "person_days_outside": np.array(outside, dtype=np.int64),
    }
