"""What explains the differences in net survival between countries (or hospitals, registries).

For each set of determinants the model has units, intervals, their interaction and the determinants;
each unit's net survival is standardised to the determinants of all cases together. What a
determinant explains is by how much it brings the variance between units down. Hazard ratios come
second: they move when a determinant is added even if it has nothing to do with the units.
Sources: METHODS section 7 of the project's methods page; Shapley's mean over all orders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import ModelError, UsageError
from rarecare.models.cells import Cells
from rarecare.models.imputation import pooled_rows
from rarecare.models.poisson import fit_poisson
from rarecare.models.shares import LEFT, Question, Step, draws, in_order, shapley
from rarecare.results import NOT_ESTIMABLE, OK

Floats = NDArray[np.float64]
MEDIATORS = ("treatment", "treated", "surgery", "hospital_volume", "volume")
LANDMARK = 90
"""Days after diagnosis from which what is decided after it is looked at."""

ASSOCIATION = "an association: what is decided after diagnosis may follow from how a patient fared"
NON_COLLAPSIBLE = (
    "a hazard ratio moves when a determinant is added even if it has nothing to do with the "
    "units: read the shares of net survival first"
)
OBSERVED = "as observed"
HIDES = "below 0: with it levelled the units would differ more, it hides differences"
_AVOIDABLE = "excess deaths beyond those at the net survival of the reference, other causes aside"


@dataclass(frozen=True, slots=True)
class Decomposition:
    """What explains differences between units.

    Attributes
    ----------
    units
        One row per step of the stated order, unit and time: ``step``, the unit, ``time_years``,
        ``n``, ``estimate`` (standardised net survival), ``se``, ``lower``, ``upper``, ``level``,
        ``status``, ``reason``.
    shares
        One row per determinant and time, and ``"unexplained"``: ``in_order`` and ``shapley``,
        shares of the variance between units, with ``lower`` and ``upper`` of the latter,
        ``level``, ``draws``, ``status``, ``reason``.
    coefficients
        One row per step and unit but the reference: ``ratio`` of excess hazards to the reference,
        ``lower``, ``upper``, ``drop``: the share of the log ratio that has gone since the first
        step; ``reason``: why this comes second.
    avoidable
        One row per unit and time: ``n``, ``estimate``: excess deaths there would not have been
        with the net survival of the reference, for its own cases; ``se``, ``lower``, ``upper``,
        ``level``, ``reference``, ``reason``.
    landmark
        Days after diagnosis from which follow-up counts.
    imputations
        Cells that were pooled, 1 where nothing was imputed.
    """

    units: pl.DataFrame
    shares: pl.DataFrame
    coefficients: pl.DataFrame
    avoidable: pl.DataFrame
    landmark: int
    imputations: int


def decompose(
    cells: Cells | Sequence[Cells],
    *,
    unit: str,
    determinants: Mapping[str, Sequence[str]],
    at: Sequence[float] = (1, 5),
    bootstrap: int = 200,
    seed: int = 20261123,
    level: float = 0.95,
    progress: Callable[[int, int], None] | None = None,
) -> Decomposition:
    """Return what each determinant explains of the differences in net survival between units.

    Parameters
    ----------
    cells
        With the unit and all determinants among their strata; several for imputations, which are
        pooled by Rubin's rules.
    unit
        ``"country"``, ``"registry"``, ``"hospital"``.
    determinants
        In the stated order: name and its columns, ``{"age and sex": ["age_group", "sex"],
        "stage": ["stage"]}``. Treatment and hospital volume need cells from a landmark.
    at
        Years, ends of intervals of the cells.
    bootstrap
        Draws of the cells' deaths from the full model, for the intervals of the shares; shared
        out among imputations.
    seed
        Of the draws.
    level
        Confidence level.
    progress
        Called with (draws done, draws in all).

    Raises
    ------
    UsageError
        The unit or a column is not among the strata, a time is not a break, or treatment or
        volume is a determinant from diagnosis on.
    ModelError
        A unit has no deaths, or a model cannot be fitted.
    """
    parts = [cells] if isinstance(cells, Cells) else list(cells)
    if not parts:
        raise UsageError("there are no cells to decompose")
    for part in parts:
        _check(part, unit, determinants, at)
    asked = Question(
        unit=unit,
        units=tuple(parts[0].cases[unit].unique().sort().to_list()),
        columns={name: tuple(own) for name, own in determinants.items()},
        at=tuple(float(year) for year in at),
        places=tuple(parts[0].breaks.index(float(year)) - 1 for year in at),
    )
    found = [{own: Step.of(part, asked, own) for own in asked.sets} for part in parts]
    each = -(-bootstrap // len(parts))
    drawn: list[dict[str, Floats]] = []
    for number, steps in enumerate(found):

        def told(done: int, _all: int, before: int = len(drawn)) -> None:
            if progress is not None:
                progress(before + done, each * len(parts))

        drawn += draws(steps, asked.names, bootstrap=each, seed=seed + number, progress=told)
    return Decomposition(
        units=_unit_rows(found, asked, parts[0], level),
        shares=_share_rows(found, drawn, asked, level),
        coefficients=_coefficient_rows(parts, asked, level),
        avoidable=_avoidable(found, parts, asked, level),
        landmark=parts[0].landmark,
        imputations=len(parts),
    )


def _check(
    cells: Cells, unit: str, determinants: Mapping[str, Sequence[str]], at: Sequence[float]
) -> None:
    wanted = [unit, *(column for own in determinants.values() for column in own)]
    missing = next((name for name in wanted if name not in cells.by), None)
    if missing is not None:
        raise UsageError("the cells have no such stratum", value=missing, allowed=cells.by)
    if not determinants or len(set(wanted)) < len(wanted) or LEFT in determinants:
        raise UsageError("give each determinant and column once", value=wanted)
    late = next((year for year in at if float(year) not in cells.breaks[1:]), None)
    if late is not None:
        raise UsageError(
            "a time is not the end of an interval", value=late,
            allowed=", ".join(f"{end:g}" for end in cells.breaks[1:]),
        )  # fmt: skip
    after = next((name for name in wanted if name in MEDIATORS), None)
    if after is not None and not cells.landmark:
        raise UsageError(
            f"{after} is decided after diagnosis: those who die early cannot have it", value=after,
            allowed="cells from a landmark", remedy=f"Make them with landmark={LANDMARK}.",
        )  # fmt: skip
    deaths = cells.table.group_by(unit).agg(pl.col("deaths").sum())
    none = deaths.filter(pl.col("deaths") == 0)[unit].to_list()
    if none or deaths.height < 2:
        raise ModelError(
            f"a {unit} has no deaths" if none else f"there is one {unit}",
            value=none[0] if none else deaths[unit][0],
            remedy="Leave it out, or pool it with another.",
        )


def _share_rows(
    found: Sequence[Mapping[tuple[str, ...], Step]],
    drawn: Sequence[Mapping[str, Floats]],
    asked: Question,
    level: float,
) -> pl.DataFrame:
    """Return the shares: means over imputations, limits from the draws of all of them."""
    variances = [{own: step.survival.var(axis=0) for own, step in steps.items()} for steps in found]
    mean = {
        kind: {name: np.mean([own[name] for own in made], axis=0) for name in (*asked.names, LEFT)}
        for kind, made in (
            ("shapley", [shapley(own, asked.names) for own in variances]),
            ("in_order", [in_order(own, asked.names) for own in variances]),
        )
    }
    known = np.array([own[()] for own in variances]).min(axis=0) > 0
    rows = []
    for name in (*asked.names, LEFT):
        limits = [None, None]
        own = np.array([draw[name] for draw in drawn])
        mediator = any(column in MEDIATORS for column in asked.columns.get(name, ()))
        for k, year in enumerate(asked.at):
            if len(own) and known[k]:
                limits = np.quantile(own[:, k], [(1 - level) / 2, (1 + level) / 2]).tolist()
            rows.append(
                {
                    "determinant": name, "time_years": year,
                    "in_order": float(mean["in_order"][name][k]) if known[k] else None,
                    "shapley": float(mean["shapley"][name][k]) if known[k] else None,
                    "lower": limits[0], "upper": limits[1], "level": level, "draws": len(own),
                    "status": OK if known[k] else NOT_ESTIMABLE,
                    "reason": _remark(float(mean["shapley"][name][k]), mediator=mediator)
                    if known[k] else "the units do not differ",
                }
            )  # fmt: skip
    return pl.DataFrame(rows, infer_schema_length=None)


def _remark(share: float, *, mediator: bool) -> str | None:
    """Return what a reader of a share must know."""
    said = [words for words, holds in ((ASSOCIATION, mediator), (HIDES, share < 0)) if holds]
    return "; ".join(said) or None


def _unit_rows(
    found: Sequence[Mapping[tuple[str, ...], Step]], asked: Question, cells: Cells, level: float
) -> pl.DataFrame:
    """Return each unit's standardised net survival after each step of the stated order."""
    people = _people(cells, asked.unit)
    keys, values, variances = [], [], []
    for place in range(len(asked.names) + 1):
        own = [steps[asked.names[:place]] for steps in found]
        for u, one in enumerate(asked.units):
            for k, year in enumerate(asked.at):
                keys.append(
                    {
                        "step": asked.names[place - 1] if place else OBSERVED,
                        asked.unit: one, "time_years": year, "n": people[one],
                    }
                )  # fmt: skip
                values.append([step.survival[u, k] for step in own])
                variances.append([step.variance[u, k] for step in own])
    return pooled_rows(pl.DataFrame(keys), np.array(values), np.array(variances), level)


def _coefficient_rows(parts: Sequence[Cells], asked: Question, level: float) -> pl.DataFrame:
    """Return each unit's excess-hazard ratio to the first, at each step."""
    keys, values, variances = [], [], []
    for place in range(len(asked.names) + 1):
        own = asked.names[:place]
        fits = [fit_poisson(part, asked.formula(own, by_interval=False)) for part in parts]
        for one in asked.units[1:]:
            at = fits[0].names.index(f"{asked.unit}[T.{one}]")
            keys.append(
                {
                    "step": own[-1] if own else OBSERVED, asked.unit: one,
                    "reference": str(asked.units[0]),
                }
            )  # fmt: skip
            values.append([float(fit.coefficients[at]) for fit in fits])
            variances.append([float(fit.covariance[at, at]) for fit in fits])
    rows = pooled_rows(
        pl.DataFrame(keys), np.array(values), np.array(variances), level, plain=True
    ).rename({"estimate": "coefficient"})
    first = rows.filter(step=OBSERVED).select(asked.unit, _first="coefficient")
    return rows.join(first, on=asked.unit, maintain_order="left").select(
        "step", asked.unit, "reference", "coefficient", "se",
        pl.col("coefficient").exp().alias("ratio"), pl.col("lower", "upper").exp(), "level",
        (1 - pl.col("coefficient") / pl.col("_first")).alias("drop"), "status",
        pl.lit(NON_COLLAPSIBLE).alias("reason"),
    )  # fmt: skip


def _people(cells: Cells, unit: str) -> dict[object, int]:
    return dict(cells.cases.group_by(unit).agg(pl.col("n").sum()).iter_rows())


def _avoidable(
    found: Sequence[Mapping[tuple[str, ...], Step]],
    parts: Sequence[Cells],
    asked: Question,
    level: float,
) -> pl.DataFrame:
    """Return excess deaths beyond those at the best unit's survival, for each unit's own cases."""
    people = _people(parts[0], asked.unit)
    fits = [steps[asked.names].fit for steps in found]
    whole = np.mean([steps[asked.names].survival for steps in found], axis=0)
    best = [asked.units[place] for place in whole.argmax(axis=0)]
    keys, values, variances = [], [], []
    for one in asked.units:
        for year, reference in zip(asked.at, best, strict=True):
            keys.append({asked.unit: one, "time_years": year, "n": people[one],
                         "reference": str(reference)})  # fmt: skip
            own = [
                fit.contrast({asked.unit: reference}, {asked.unit: one}, [year],
                             over=part.cases.filter(pl.col(asked.unit) == one))
                for fit, part in zip(fits, parts, strict=True)
            ]  # fmt: skip
            values.append([people[one] * table["estimate"][0] for table in own])
            variances.append([(people[one] * table["se"][0]) ** 2 for table in own])
    rows = pooled_rows(pl.DataFrame(keys), np.array(values), np.array(variances), level, plain=True)
    return rows.with_columns(reason=pl.lit(_AVOIDABLE))
