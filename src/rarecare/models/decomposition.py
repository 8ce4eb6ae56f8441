"""What explains the differences in net survival between countries (or hospitals, registries).

For each set of determinants the model has units, intervals, their interaction and the determinants;
each unit's net survival is standardised to the determinants of all cases together. What a
determinant explains is by how much it brings the variance between units down. Hazard ratios are not
used: they move when a determinant is added even if it has nothing to do with the units.
Source: METHODS section 7 of the project's methods page; Shapley's mean over all orders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import factorial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import ModelError, UsageError
from rarecare.models.cells import Cells
from rarecare.models.poisson import PoissonFit, fit_poisson
from rarecare.results import NOT_ESTIMABLE, OK

Floats = NDArray[np.float64]
LEFT = "unexplained"
MEDIATORS = ("treatment", "hospital_volume", "volume")
ASSOCIATION = "an association: what is decided after diagnosis may follow from how a patient fared"


@dataclass(frozen=True, slots=True)
class Decomposition:
    """What explains differences between units.

    Attributes
    ----------
    units
        One row per step of the stated order, unit and time: ``step``, the unit, ``time_years``,
        ``n``, ``estimate`` (standardised net survival), ``se``, ``status``, ``reason``.
    shares
        One row per determinant and time, and ``"unexplained"``: ``in_order`` and ``shapley``,
        shares of the variance between units, with ``lower`` and ``upper`` of the latter,
        ``level``, ``status``, ``reason``.
    avoidable
        One row per unit and time: ``n``, ``estimate``: excess deaths there would not have been
        with the net survival of the reference, of the same age, stage and whatever else is a
        determinant; ``reference``.
    """

    units: pl.DataFrame
    shares: pl.DataFrame
    avoidable: pl.DataFrame


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked: the units, the determinants' columns, and where the times stand."""

    unit: str
    units: tuple[object, ...]
    columns: Mapping[str, Sequence[str]]
    at: tuple[float, ...]
    places: tuple[int, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.columns)

    @property
    def sets(self) -> list[tuple[str, ...]]:
        size = len(self.columns)
        return [own for k in range(size + 1) for own in combinations(self.names, k)]


def decompose(
    cells: Cells,
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
        With the unit and all determinants among their strata.
    unit
        ``"country"``, ``"registry"``, ``"hospital"``.
    determinants
        In the stated order: name and its columns, ``{"age and sex": ["age_group", "sex"],
        "stage": ["stage"]}``.
    at
        Years, ends of intervals of the cells.
    bootstrap
        Draws of the cells' deaths from the full model, for the intervals of the shares.
    seed
        Of the draws.
    level
        Confidence level.
    progress
        Called with (draws done, draws in all).

    Raises
    ------
    UsageError
        The unit or a column is not among the strata, or a time is not a break.
    ModelError
        A unit has no deaths, or a model cannot be fitted.
    """
    _check(cells, unit, determinants, at)
    asked = _Question(
        unit=unit,
        units=tuple(cells.cases[unit].unique().sort().to_list()),
        columns={name: tuple(own) for name, own in determinants.items()},
        at=tuple(float(year) for year in at),
        places=tuple(cells.breaks.index(float(year)) - 1 for year in at),
    )
    names, columns = asked.names, asked.columns
    found = {own: _standardised(cells, asked, own) for own in asked.sets}
    variances = {own: value.var(axis=0) for own, (_, value, _) in found.items()}
    shares, in_order = _shapley(variances, names), _in_order(variances, names)
    draws = _draws(cells, found[names][0], asked, bootstrap=bootstrap, seed=seed, progress=progress)
    rows = []
    for name in (*names, LEFT):
        for k, year in enumerate(asked.at):
            own = np.array([draw[name][k] for draw in draws])
            lower, upper = (
                (float(q) for q in np.quantile(own, [(1 - level) / 2, (1 + level) / 2]))
                if len(own)
                else (None, None)
            )
            mediator = any(column in MEDIATORS for column in columns.get(name, ()))
            known = bool(variances[()][k] > 0)
            rows.append(
                {
                    "determinant": name, "time_years": year,
                    "in_order": float(in_order[name][k]) if known else None,
                    "shapley": float(shares[name][k]) if known else None,
                    "lower": lower if known else None, "upper": upper if known else None,
                    "level": level, "draws": len(own), "status": OK if known else NOT_ESTIMABLE,
                    "reason": ASSOCIATION if mediator else
                    None if known else "the units do not differ",
                }
            )  # fmt: skip
    return Decomposition(
        units=_unit_rows(found, asked, cells),
        shares=pl.DataFrame(rows, infer_schema_length=None),
        avoidable=_avoidable(found[names][1], asked, cells),
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
    deaths = cells.table.group_by(unit).agg(pl.col("deaths").sum())
    none = deaths.filter(pl.col("deaths") == 0)[unit].to_list()
    if none or deaths.height < 2:
        raise ModelError(
            f"a {unit} has no deaths" if none else f"there is one {unit}",
            value=none[0] if none else deaths[unit][0],
            remedy="Leave it out, or pool it with another.",
        )


def _formula(unit: str, columns: Sequence[str]) -> str:
    return " + ".join([f"~ C(interval) * {unit}", *columns])


def _standardised(
    cells: Cells, asked: _Question, own: Sequence[str]
) -> tuple[PoissonFit, Floats, Floats]:
    """Return the fit, and values and SE, each (n_units, n_times), over all cases' determinants."""
    unit, columns = asked.unit, asked.columns
    used = [column for name in own for column in columns[name]]
    fit = fit_poisson(cells, _formula(unit, used))
    over = (
        cells.cases.group_by(used).agg(pl.col("n").sum()).sort(used)
        if used
        else pl.DataFrame({"n": [int(cells.cases["n"].sum())]})
    )
    values, errors = [], []
    places = list(asked.places)
    for one in asked.units:
        table = fit.standardised(over=over.with_columns(pl.lit(one).alias(unit)))
        values.append(table["estimate"].to_numpy()[places])
        errors.append(table["se"].to_numpy()[places])
    return fit, np.array(values), np.array(errors)


def _shapley(
    variances: Mapping[tuple[str, ...], Floats], names: tuple[str, ...]
) -> dict[str, Floats]:
    """Return the mean over orders of what each determinant takes off the variance, as shares."""
    whole = variances[()]
    size = len(names)
    shares = {}
    for name in names:
        others = [other for other in names if other != name]
        total = np.zeros(len(whole))
        for count in range(size):
            weight = factorial(count) * factorial(size - count - 1) / factorial(size)
            for own in combinations(others, count):
                with_it = tuple(n for n in names if n in own or n == name)
                total += weight * (variances[own] - variances[with_it])
        shares[name] = np.divide(total, whole, out=np.zeros_like(total), where=whole > 0)
    shares[LEFT] = 1 - np.sum([shares[name] for name in names], axis=0)
    return shares


def _in_order(
    variances: Mapping[tuple[str, ...], Floats], names: tuple[str, ...]
) -> dict[str, Floats]:
    whole = variances[()]
    shares = {}
    for place, name in enumerate(names):
        taken = variances[names[:place]] - variances[names[: place + 1]]
        shares[name] = np.divide(taken, whole, out=np.zeros_like(taken), where=whole > 0)
    shares[LEFT] = 1 - np.sum([shares[name] for name in names], axis=0)
    return shares


def _draws(
    cells: Cells,
    full: PoissonFit,
    asked: _Question,
    *,
    bootstrap: int,
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> list[dict[str, Floats]]:
    """Return the shares of so many draws of the deaths from the full model."""
    rng = np.random.default_rng(seed)
    table = full.cells
    matrix = full.design.matrix(table)
    excess = np.exp(matrix @ full.coefficients) * table["person_years"].to_numpy()
    mean = table["expected"].to_numpy() + excess
    answers = []
    for number in range(bootstrap):
        drawn = replace(
            cells, table=table.with_columns(deaths=pl.Series(rng.poisson(mean), dtype=pl.Int64))
        )
        try:
            variances = {own: _standardised(drawn, asked, own)[1].var(axis=0) for own in asked.sets}
        except ModelError:
            continue  # counted: draws are fewer than asked
        answers.append(_shapley(variances, asked.names))
        if progress is not None:
            progress(number + 1, bootstrap)
    return answers


def _unit_rows(
    found: Mapping[tuple[str, ...], tuple[PoissonFit, Floats, Floats]],
    asked: _Question,
    cells: Cells,
) -> pl.DataFrame:
    """Return each unit's standardised net survival after each step of the stated order."""
    people = _people(cells, asked.unit)
    rows = []
    for place in range(len(asked.names) + 1):
        _, values, errors = found[asked.names[:place]]
        step = asked.names[place - 1] if place else "as observed"
        for u, one in enumerate(asked.units):
            for k, year in enumerate(asked.at):
                rows.append(
                    {
                        "step": step, asked.unit: one, "time_years": year, "n": people[one],
                        "estimate": float(values[u, k]), "se": float(errors[u, k]),
                        "status": OK, "reason": None,
                    }
                )  # fmt: skip
    return pl.DataFrame(rows, schema_overrides={"reason": pl.String})


def _people(cells: Cells, unit: str) -> dict[object, int]:
    return dict(cells.cases.group_by(unit).agg(pl.col("n").sum()).iter_rows())


def _avoidable(values: Floats, asked: _Question, cells: Cells) -> pl.DataFrame:
    """Return excess deaths beyond those at the best unit's survival, all determinants alike."""
    people = _people(cells, asked.unit)
    best = values.argmax(axis=0)
    rows = [
        {
            asked.unit: one, "time_years": year, "n": people[one],
            "estimate": float(people[one] * (values[best[k], k] - values[u, k])),
            "reference": str(asked.units[best[k]]),
        }
        for u, one in enumerate(asked.units)
        for k, year in enumerate(asked.at)
    ]  # fmt: skip
    return pl.DataFrame(rows)
