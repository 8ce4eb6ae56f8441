"""What a fitted model says beyond net survival: crude probabilities, and how well it fits."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import ModelError, UsageError
from rarecare.models.fitted import Fitted, checked_times
from rarecare.population.life_table import LifeTable
from rarecare.results import OK
from rarecare.tally.follow_up import life_table_levels

Floats = NDArray[np.float64]


def crude_probabilities(
    fit: Fitted,
    profiles: pl.DataFrame,
    life_table: LifeTable,
    at: Sequence[float],
    *,
    level: float = 0.95,
    days_per_year: float = 365.2425,
) -> pl.DataFrame:
    """Return probabilities of death from the cancer and from other causes, by a model.

    F(t) = ∫ S_P S_N dH_E, day by day, S_P being the mean of a day's ends; the population's hazards
    are known, so that the delta method takes the model's coefficients alone. Sources: Cronin &
    Feuer, *Statistics in Medicine* 2000;19:1729-1740; Lambert, Dickman, Nelson, Royston,
    *Statistics in Medicine* 2010;29:885-895.

    Parameters
    ----------
    fit
        Any model of this room.
    profiles
        Its covariates; ``age`` at diagnosis in years, ``incidence_date``, the life table's keys.
    life_table
        Hazard of the general population.
    at
        Years.
    level, days_per_year
        Confidence level; length of a year.

    Returns
    -------
    DataFrame
        Per profile, time and ``cause`` (``"cancer"``, ``"other"``, and ``"alive"``): ``estimate``,
        ``se``, ``lower``, ``upper`` (on the logit scale), ``level``, ``status``, ``reason``. The
        three add up to 1.

    Raises
    ------
    UsageError
        A profile lacks its age, date or a key.
    LifeTableError
        The life table has no rows for a profile.
    ModelError
        A profile has a level that the model has not.
    """
    for name in ("age", "incidence_date", *life_table.keys):
        if name not in profiles.columns:
            raise UsageError("a profile lacks a column", value=name, allowed=profiles.columns)
    times = checked_times(at)
    ends = np.unique(np.concatenate([np.arange(1.0, times.max() * days_per_year),
                                     times * days_per_year]))  # fmt: skip
    edges = np.concatenate([[0.0], ends])
    places = np.searchsorted(edges, times * days_per_year)
    levels = life_table_levels(profiles, life_table)
    daily, starts = life_table.daily_hazard(days_per_year), life_table.year_starts()
    z = NormalDist().inv_cdf(0.5 + level / 2)
    rows = []
    for number in range(profiles.height):
        row = profiles.row(number, named=True)
        day = np.floor(edges[:-1])
        calendar = profiles["incidence_date"].cast(pl.Date).to_physical()[number] + day
        age = np.floor(row["age"] + day / days_per_year + 1e-9).astype(np.int64)
        hazard = daily[
            levels[number],
            np.clip(age - life_table.first_age, 0, life_table.n_ages - 1),
            np.maximum(np.searchsorted(starts, calendar, side="right") - 1, 0),
        ]
        expected = np.exp(-np.concatenate([[0.0], np.cumsum(hazard * np.diff(edges))]))
        made = fit.hazards(profiles[np.full(len(ends), number)], ends / days_per_year)
        net = np.concatenate([[1.0], np.exp(-made.total)])
        of_net = np.vstack([np.zeros(made.of_total.shape[1]), -net[1:, None] * made.of_total])
        middle = (expected[:-1] + expected[1:]) / 2
        cancer = np.cumsum(middle * -np.diff(net))
        of_cancer = np.cumsum(middle[:, None] * -np.diff(of_net, axis=0), axis=0)
        for time, place in zip(times, places, strict=True):
            alive, of_alive = expected[place] * net[place], expected[place] * of_net[place]
            own, of_own = cancer[place - 1], of_cancer[place - 1]
            for cause, value, gradient in (
                ("cancer", own, of_own),
                ("other", 1 - alive - own, -of_alive - of_own),
                ("alive", alive, of_alive),
            ):
                se = float(np.sqrt(gradient @ fit.covariance @ gradient))
                held = 0 < value < 1
                logit = np.log(value / (1 - value)) if held else np.nan
                half = z * se / (value * (1 - value)) if held else np.nan
                lower, upper = (1 / (1 + np.exp(-(logit + s * half))) for s in (-1, 1))
                rows.append(
                    {
                        **row, "time_years": float(time), "cause": cause, "estimate": float(value),
                        "se": se, "lower": float(lower) if held else None,
                        "upper": float(upper) if held else None, "level": level, "status": OK,
                        "reason": "; ".join(fit.remarks) or None,
                    }
                )  # fmt: skip
    return pl.DataFrame(rows, infer_schema_length=None)


def goodness(fit: Fitted, observed: pl.DataFrame, *, by: Sequence[str]) -> pl.DataFrame:
    """Return a model's net survival beside the life-table estimates of the same strata.

    Parameters
    ----------
    fit
        A model with the strata among its covariates; each stratum's survival is the mean over
        its own cases.
    observed
        As ``net_survival(..., by=by)`` returns it: one method, by the strata.
    by
        Strata.

    Returns
    -------
    DataFrame
        The strata, ``time_years``, ``n``, ``estimate``, ``lower``, ``upper`` (observed),
        ``model``, ``residual`` (observed − model), ``standardised`` (residual over the SE of the
        observed), ``level``, ``status``, ``reason``.

    Raises
    ------
    UsageError
        A stratum is no covariate of the model, or ``observed`` has several methods.
    ModelError
        The model has no cases of a stratum.
    """
    names = (by,) if isinstance(by, str) else tuple(by)
    lacking = next((name for name in names if name not in fit.people.columns), None)
    if lacking is not None:
        raise UsageError(
            "a stratum is no covariate of the model", value=lacking, allowed=fit.people.columns
        )
    if "method" in observed.columns and observed["method"].n_unique() > 1:
        raise UsageError(
            "the life table has several methods", value=observed["method"].unique().to_list(),
            allowed="one",
        )  # fmt: skip
    parts = []
    for key, own in observed.group_by(names, maintain_order=True):
        held = pl.all_horizontal(
            pl.col(name).cast(pl.String) == str(value)
            for name, value in zip(names, key, strict=True)
        )
        people = fit.people.filter(held)
        if people.is_empty():
            raise ModelError("the model has no cases of a stratum", value=", ".join(map(str, key)))
        times = own["time_years"].to_list()
        model = fit.standardised(times, over=people)["estimate"]
        parts.append(own.with_columns(model=model))
    keep = ("n", "estimate", "lower", "upper")
    return pl.concat(parts).select(
        *names, "time_years", *keep, "model",
        (pl.col("estimate") - pl.col("model")).alias("residual"),
        ((pl.col("estimate") - pl.col("model")) / pl.col("se")).alias("standardised"),
        "level", "status", "reason",
    )  # fmt: skip
