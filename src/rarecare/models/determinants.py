"""From cases to what explains the differences: landmark, imputation, complete cases beside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import polars as pl

from rarecare.errors import ModelError, UsageError
from rarecare.models.cells import Cells, excess_cells
from rarecare.models.decomposition import LANDMARK, MEDIATORS, Decomposition, decompose
from rarecare.models.imputation import impute
from rarecare.population.life_table import LifeTable
from rarecare.registry import Cases
from rarecare.results import Provenance
from rarecare.survival.analysis import Choices, analyse
from rarecare.survival.survival import needed


@dataclass(frozen=True, slots=True)
class Determinants:
    """What explains the differences in net survival between units.

    Attributes
    ----------
    decomposition
        Of all cases, what was unknown being imputed.
    complete_cases
        Of the cases of which everything is known; None where that is all of them.
    unknown
        Cases of which each column is unknown: ``column``, ``records``, ``n``, ``imputed``.
    provenance
        Of the cases, the life table and every choice.
    """

    decomposition: Decomposition
    complete_cases: Decomposition | None
    unknown: pl.DataFrame
    provenance: Provenance


def explain_differences(
    cases: Cases | Any,
    life_table: LifeTable,
    *,
    unit: str,
    determinants: Mapping[str, Sequence[str]],
    at: Sequence[float] = (1, 5),
    breaks: str = "0(1)5",
    landmark: int | None = None,
    imputations: int = 10,
    bootstrap: int = 200,
    seed: int = 20261123,
    level: float = 0.95,
    progress: Callable[[int, int], None] | None = None,
    **choices: Any,
) -> Determinants:
    """Return what each determinant explains of the differences in net survival between units.

    Parameters
    ----------
    cases, life_table, **choices
        As for ``net_survival``; a determinant that is null is unknown.
    unit, determinants, at, bootstrap, seed, level, progress
        See ``decompose``.
    breaks
        Intervals of the model; ``at`` are among their ends.
    landmark
        Days after diagnosis from which follow-up counts; by default 90 where treatment or volume
        is a determinant, else from diagnosis.
    imputations
        Of a column that is unknown for some, by ``impute``; one column at most may be.

    Returns
    -------
    Determinants

    Raises
    ------
    UsageError
        See ``decompose``, ``excess_cells``; two columns are unknown for some cases.
    ModelError
        See ``decompose``.
    InputError
        See ``net_survival``.
    """
    lives = needed(life_table, "an excess-hazard model")
    columns = tuple(column for own in determinants.values() for column in own)
    if landmark is None:
        landmark = LANDMARK if any(name in MEDIATORS for name in columns) else 0
    whole = analyse(cases, lives, ("ederer2",), cast("Choices", {**choices, "at": (1,)}))
    table = whole.table
    lacking = next((name for name in (unit, *columns) if name not in table.columns), None)
    if lacking is not None:
        raise UsageError("the cases have no such column", value=lacking, allowed=table.columns)
    unknown = [name for name in (unit, *columns) if table[name].null_count()]
    if unit in unknown:
        raise ModelError(f"the {unit} of some cases is unknown", value=table[unit].null_count())
    if len(unknown) > 1:
        raise UsageError(
            "two determinants are unknown for some cases", value=", ".join(unknown),
            allowed="one", remedy="Leave one out, or the cases of which it is unknown.",
        )  # fmt: skip
    own = {name: value for name, value in choices.items() if name not in ("rules", "bad_rows")}

    def cells_of(frame: pl.DataFrame) -> Cells:
        return excess_cells(
            frame, lives, covariates=(unit, *columns), breaks=breaks, landmark=landmark or 0, **own
        )

    def made(cells: Cells | Sequence[Cells]) -> Decomposition:
        return decompose(
            cells, unit=unit, determinants=determinants, at=at, bootstrap=bootstrap, seed=seed,
            level=level, progress=progress,
        )  # fmt: skip

    counted = pl.DataFrame(
        {
            "column": columns, "records": [table[name].null_count() for name in columns],
            "n": [table.height] * len(columns), "imputed": [name in unknown for name in columns],
        }
    )  # fmt: skip
    notes = [f"follow-up from day {landmark} after diagnosis"] if landmark else []
    if not unknown:
        answer, beside = made(cells_of(table)), None
    else:
        given = [name for name in (unit, *columns) if name not in unknown]
        frames = impute(table, unknown[0], given=given, times=imputations, seed=seed)
        answer = made([cells_of(frame) for frame in frames])
        beside = made(cells_of(table.filter(pl.col(unknown[0]).is_not_null())))
        records = table[unknown[0]].null_count()
        notes.append(
            f"{unknown[0]} is unknown for {records:,} of {table.height:,} cases: imputed "
            f"{imputations} times from {', '.join(given)}, death and the cumulative hazard at exit"
        )
    told = whole.provenance("What explains the differences in net survival", *notes)
    plan = {
        **told.plan, "unit": unit, "determinants": {k: list(v) for k, v in determinants.items()},
        "at": list(at), "breaks": breaks, "landmark": landmark, "imputations": imputations,
        "bootstrap": bootstrap, "seed": seed,
    }  # fmt: skip
    return Determinants(answer, beside, counted, replace(told, plan=plan))
