"""Follow-up tallies: from cases and a life table to daily sums by stratum.

Conventions of days, entry, exit and expected hazard: docs/methods.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import CaseError, LifeTableError, UsageError
from rarecare.population.life_table import LifeTable
from rarecare.tally.engines import Engine, LocalEngine
from rarecare.tally.plan import ALL, Plan
from rarecare.tally.records import BLOCK_ROWS, Field, Strata, codes_of, offset_field, pack, unpack
from rarecare.tally.tally import Tally, add_pairwise

Estimator = Literal["pohar-perme", "ederer2", "ederer1", "hakulinen"]
ESTIMATORS: tuple[Estimator, ...] = ("pohar-perme", "ederer2", "ederer1", "hakulinen")
_EPOCH = date(1970, 1, 1)
_LONG_AGO = -(10**6)
_TASK_ROWS = 1 << 16


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
        First and last calendar day of a period analysis, both included.
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
class _Tables:
    """What every block needs beside its records."""

    ages: NDArray[np.float64]
    weights: NDArray[np.float64]
    hazard: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    polynomial: NDArray[np.float64]
    n_ages: int
    first_age: int
    year_starts: NDArray[np.int64]
    table_end: int
    layout: tuple[NDArray[Any], ...]


@dataclass(frozen=True, slots=True)
class _Task:
    """Blocks to be summed in one go: (first, last) rows of ``words``, each a block."""

    words: NDArray[np.uint64]
    blocks: tuple[tuple[int, int], ...]
    tables: _Tables
    plan: FollowUpPlan


Sums = Mapping[str, NDArray[Any]]


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
        ``at_risk_weighted``, ``deaths_weighted``, ``deaths_weighted2`` when weighted; those of
        ``kernels.SUMS`` that the estimators need. By fractional time, shape (n_strata,
        n_fractional): ``w_at``, ``s_all_at``, ``s_at``. By stratum: ``cases``, ``weight``,
        ``person_days``, ``person_days_outside`` (outside the life table).

    Raises
    ------
    CaseError
        A column is missing or holds a null, or a weight is not positive.
    LifeTableError
        The life table is not the plan's, or lacks a key of a case.
    """
    _check_inputs(cases, plan, life_table)
    if cases.is_empty():
        raise CaseError("there are no cases to follow", allowed="at least one case")
    registries = Strata.of(cases, ["registry"] if "registry" in cases.columns else [])
    strata = Strata.of(cases, plan.strata)
    fields, ages, weights = _fields(cases, plan, life_table)
    words, layout = pack([Field(registries.codes * strata.size + strata.codes), *fields])
    unit = unpack(words, layout, 0)
    tables = _tables(life_table, plan, ages, weights, layout)
    starts = np.flatnonzero(np.diff(unit, prepend=-1))
    stops = np.append(starts[1:], len(unit))
    units = unit[starts]
    blocks = [
        [(row, min(row + BLOCK_ROWS, stop)) for row in range(start, stop, BLOCK_ROWS)]
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)
    ]
    sums = _sum_units(words, blocks, tables, plan, engine or LocalEngine())
    parts = []
    for registry in np.unique(units // strata.size):
        own = units[units // strata.size == registry] % strata.size
        arrays = _stack([next(sums) for _ in own])
        table = strata.table(own) if plan.strata else pl.DataFrame({ALL: ["all"]})
        parts.append(Tally(plan.hash, table, arrays))
    return add_pairwise(parts)


def _check_inputs(cases: pl.DataFrame, plan: FollowUpPlan, life_table: LifeTable | None) -> None:
    if (life_table.hash if life_table else None) != plan.life_table:
        raise LifeTableError("the life table is not the one of the plan")
    needed = ["incidence_date", "follow_up_days", "died", *plan.strata]
    if life_table is not None:
        needed += ["age_days", *life_table.keys]
    if plan.weighted:
        needed.append("weight")
    for column in needed:
        if column not in cases.columns:
            raise CaseError("the cases have no such column", value=column, allowed=cases.columns)
    for column in needed[:3] + (["age_days"] if life_table is not None else []):
        if cases[column].null_count():
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
        window_end = (date.fromisoformat(plan.window[1]) - _EPOCH).days
        exit_day = np.minimum(exit_day, np.maximum(window_end - incidence, 0))
    died = cases["died"].to_numpy() & (exit_day == follow_up)
    entry = np.zeros(1, dtype=np.int64).repeat(len(incidence))
    if "entry_days" in cases.columns:
        entry = cases["entry_days"].cast(pl.Int64).fill_null(0).to_numpy()
        entry = np.clip(entry, 0, plan.horizon)
    level, ages = np.zeros(len(incidence), dtype=np.int64), np.zeros(1)
    age_code = level
    if life_table is not None:
        level = _levels(cases, life_table)
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
        Field(died.astype(np.int64)),
        Field(weight_code),
    ]
    return fields, ages, weights


def _levels(cases: pl.DataFrame, life_table: LifeTable) -> NDArray[np.int64]:
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


def _tables(
    life_table: LifeTable | None,
    plan: FollowUpPlan,
    ages: NDArray[np.float64],
    weights: NDArray[np.float64],
    layout: Any,
) -> _Tables:
    from rarecare.tally import kernels  # noqa: PLC0415 - numba is slow to import

    hazard = np.zeros((1, 1, 1))
    year_starts = np.array([_LONG_AGO], dtype=np.int64)
    first_age, table_end = 0, -_LONG_AGO
    if life_table is not None:
        hazard = np.ascontiguousarray(life_table.daily_hazard(plan.days_per_year))
        year_starts = life_table.year_starts()
        first_age = life_table.first_age
        table_end = (date(int(life_table.years[-1]) + 1, 1, 1) - _EPOCH).days
    return _Tables(
        ages=ages,
        weights=weights,
        hazard=hazard.ravel(),
        coefficients=kernels.bessel_coefficients(hazard),
        polynomial=kernels.chebyshev_values(np.linspace(-1.0, 1.0, kernels.BLOCK + 1)),
        n_ages=hazard.shape[1],
        first_age=first_age,
        year_starts=year_starts,
        table_end=table_end,
        layout=(layout.word[1:], layout.shift[1:], layout.mask[1:], layout.base[1:]),
    )


def _sum_units(
    words: NDArray[np.uint64],
    units: Sequence[Sequence[tuple[int, int]]],
    tables: _Tables,
    plan: FollowUpPlan,
    engine: Engine,
) -> Iterator[Sums]:
    """Yield the sums of each unit (a stratum of a registry), its blocks added pairwise."""
    tasks = []
    pending: list[tuple[int, int]] = []
    for block in (block for unit in units for block in unit):
        pending.append(block)
        if pending[-1][1] - pending[0][0] >= _TASK_ROWS:
            tasks.append(_task(words, pending, tables, plan))
            pending = []
    if pending:
        tasks.append(_task(words, pending, tables, plan))
    sums = (one for answer in engine.map(_sum_blocks, tasks) for one in answer)
    for unit in units:
        parts = [next(sums) for _ in unit]
        while len(parts) > 1:
            pairs = [
                {name: a[name] + b[name] for name in a}
                for a, b in zip(parts[::2], parts[1::2], strict=False)
            ]
            parts = [*pairs, *parts[len(pairs) * 2 :]]
        yield parts[0]


def _task(
    words: NDArray[np.uint64],
    blocks: Sequence[tuple[int, int]],
    tables: _Tables,
    plan: FollowUpPlan,
) -> _Task:
    first, last = blocks[0][0], blocks[-1][1]
    own = tuple((start - first, stop - first) for start, stop in blocks)
    return _Task(words[:, first:last], own, tables, plan)


def _sum_blocks(task: _Task) -> list[Sums]:
    from rarecare.tally import kernels  # noqa: PLC0415 - numba is slow to import

    plan, tables = task.plan, task.tables
    window_start, closing = _LONG_AGO, 0
    if plan.window:
        window_start = (date.fromisoformat(plan.window[0]) - _EPOCH).days - 1
    if plan.closing_date:
        closing = (date.fromisoformat(plan.closing_date) - _EPOCH).days
    wants = tuple(name in plan.estimators for name in ESTIMATORS)
    answers: list[Sums] = []
    for start, stop in task.blocks:
        at_risk = np.zeros(plan.horizon, dtype=np.int64)
        deaths = np.zeros(plan.horizon, dtype=np.int64)
        weighted = np.zeros((3, plan.horizon if plan.weighted else 0))
        sums = np.zeros((len(kernels.SUMS) + 1, plan.horizon))
        at = np.zeros((3, len(plan.fractional)))
        cases, weight, person_days, outside = kernels.follow_up(  # type: ignore[call-arg]
            task.words, start, stop, *tables.layout, tables.ages, tables.weights,
            tables.hazard, tables.coefficients, tables.polynomial, tables.n_ages,
            tables.first_age, tables.year_starts, tables.table_end, plan.days_per_year,
            window_start, closing, plan.fractional, *wants, at_risk, deaths, weighted, sums, at,
        )  # fmt: skip
        pohar_perme, ederer2, ederer1, hakulinen = wants
        named = dict(zip(kernels.SUMS, sums, strict=False))
        answer: dict[str, NDArray[Any]] = {"at_risk": at_risk, "deaths": deaths}
        if plan.weighted:
            names = ("at_risk_weighted", "deaths_weighted", "deaths_weighted2")
            answer |= dict(zip(names, weighted, strict=True))
        if pohar_perme:
            answer |= {name: named[name] for name in kernels.SUMS[:4]} | {"w_at": at[0]}
        if ederer2:
            answer["expected"] = named["expected"]
        if ederer1:
            answer |= {"s_all": named["s_all"], "s_all_at": at[1]}
        if hakulinen:
            answer |= {"s_end": named["s_end"], "s_start": named["s_start"], "s_at": at[2]}
        answer |= {
            "cases": np.array(cases, dtype=np.int64),
            "weight": np.array(weight, dtype=np.float64),
            "person_days": np.array(person_days, dtype=np.int64),
            "person_days_outside": np.array(outside, dtype=np.int64),
        }
        answers.append(answer)
    return answers


def _stack(sums: Sequence[Sums]) -> dict[str, NDArray[Any]]:
    return {name: np.stack([one[name] for one in sums]) for name in sums[0]}
