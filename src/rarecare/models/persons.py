"""Cases one by one for parametric models: time, death, and the expected hazard at exit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
import polars as pl

from rarecare.errors import UsageError
from rarecare.population.life_table import LifeTable
from rarecare.registry import Cases
from rarecare.results import Provenance
from rarecare.survival.analysis import Choices, analyse
from rarecare.survival.survival import needed
from rarecare.tally.follow_up import life_table_levels


def persons(
    cases: Cases | Any,
    life_table: LifeTable,
    *,
    covariates: Sequence[str],
    until: float | None = None,
    **choices: Unpack[Choices],
) -> tuple[pl.DataFrame, Provenance]:
    """Return the cases as ``flexible_excess_hazard`` and the cure models take them.

    Parameters
    ----------
    cases, life_table, **choices
        As for ``net_survival``; without times and windows.
    covariates
        Columns carried along.
    until
        Years at which follow-up is cut; by default all of it counts.

    Returns
    -------
    DataFrame, Provenance
        The covariates, ``time_years``, ``died``, ``expected_hazard`` (per year, on the day of
        exit), and ``age`` in years with its fraction.

    Raises
    ------
    UsageError, InputError
        See ``net_survival``.
    """
    lives = needed(life_table, "an excess-hazard model")
    unused = [name for name in ("at", "at_days", "window", "by", "standard") if choices.get(name)]
    if unused:
        raise UsageError("a model of single cases has no such choice", value=unused[0])
    year = choices.get("days_per_year", 365.2425)
    analysis = analyse(cases, lives, ("observed", "ederer2"), {**choices, "at": (1,)})
    table = analysis.table
    lacking = [name for name in covariates if name not in table.columns]
    if lacking:
        raise UsageError("the cases have no such column", value=lacking[0], allowed=table.columns)
    days = table["follow_up_days"].cast(pl.Float64).to_numpy()
    last = np.inf if until is None else until * year
    out = np.minimum(days, last)
    day = np.ceil(out).astype(np.int64) - 1  # the hazard of the day on which follow-up ends
    incidence = table["incidence_date"].cast(pl.Date).to_physical().to_numpy()
    age = table["age_days"].cast(pl.Float64).to_numpy()
    completed = np.floor((age + day) / year).astype(np.int64) - lives.first_age
    calendar = np.searchsorted(lives.year_starts(), incidence + day, side="right") - 1
    hazard = lives.daily_hazard(year)[
        life_table_levels(table, lives),
        np.clip(completed, 0, lives.n_ages - 1),
        np.maximum(calendar, 0),
    ]
    made = table.select(
        *covariates,
        time_years=pl.Series(out / year),
        died=pl.Series(table["died"].to_numpy() & (days <= last)),
        expected_hazard=pl.Series(hazard * year),
    )
    if "age" not in covariates:
        made = made.with_columns(age=pl.Series(age / year))
    return made, analysis.provenance("Cases one by one")
