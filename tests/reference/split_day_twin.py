"""Daily sums of follow-up with the hazard of a birthday's day split, as R's relsurv has it.

cmp.rel, nessie and rs.diff take f·h_old + (1 − f)·h_new on the day on which age changes, f being
the part of the day before the birthday; the product takes the hazard at the day's start. The sums
have the names of a follow-up tally, so that the product's own formulas can be put on them.
"""

import numpy as np
import polars as pl


def hazards(cases, life_table, days_per_year, first, last):
    """Daily hazards of each case on days first+1..last, shape (n, last − first)."""
    rows = {level: i for i, level in enumerate(life_table.levels[life_table.keys[0]].to_list())}
    level = np.array([rows[value] for value in cases[life_table.keys[0]].to_list()])[:, None]
    start = cases["age_days"].to_numpy()[:, None] + np.arange(first, last)
    before, after = np.floor(start / days_per_year), np.floor((start + 1) / days_per_year)
    part = np.where(after > before, np.clip(after * days_per_year - start, 0, 1), 1.0)
    day = cases["incidence_date"].cast(pl.Date).to_physical().to_numpy()[:, None]
    day = day + np.arange(first, last)
    year = np.clip(np.searchsorted(life_table.year_starts(), day, side="right") - 1, 0, None)
    cube = life_table.daily_hazard(days_per_year)
    top = cube.shape[1] - 1

    def of(age):
        return cube[level, np.clip(age - life_table.first_age, 0, top).astype(int), year]

    return part * of(before) + (1 - part) * of(after)


def daily_sums(cases, life_table, *, horizon, days_per_year, chunk=200):
    """Arrays of one stratum, shape (1, horizon), as ``tally_follow_up`` names them."""
    names = ("at_risk", "deaths", "expected", "s_all", "w_end", "w_start", "death_w", "death_w2")
    sums = {name: np.zeros(horizon) for name in (*names, "w_hazard")}
    for start in range(0, cases.height, chunk):
        own = cases[start : start + chunk]
        hazard = hazards(own, life_table, days_per_year, 0, horizon)
        cumulative = np.cumsum(hazard, axis=1)
        day = np.arange(1, horizon + 1)
        leaves = own["follow_up_days"].to_numpy()[:, None]
        here = day <= leaves
        dead = (day == leaves) & own["died"].to_numpy()[:, None]
        weight = np.exp(np.where(here, cumulative, 0.0)) * here
        sums["at_risk"] += here.sum(axis=0)
        sums["deaths"] += dead.sum(axis=0)
        sums["expected"] += (hazard * here).sum(axis=0)
        sums["s_all"] += np.exp(-cumulative).sum(axis=0)
        sums["w_end"] += weight.sum(axis=0)
        sums["w_start"] += (weight * np.exp(-hazard)).sum(axis=0)
        sums["w_hazard"] += (weight * hazard).sum(axis=0)
        sums["death_w"] += (weight * dead).sum(axis=0)
        sums["death_w2"] += (weight**2 * dead).sum(axis=0)
    for name in ("at_risk", "deaths"):
        sums[name] = sums[name].astype(np.int64)
    arrays = {name: value[None, :] for name, value in sums.items()}
    return arrays | {
        "cases": np.array([cases.height]), "weight": np.array([float(cases.height)]),
        "w_at": np.zeros((1, 0)), "s_all_at": np.zeros((1, 0)),
    }  # fmt: skip


def life_expectancy(cases, life_table, *, days_per_year, years=100, chunk=400):
    """nessie's conditional expected survival time: half-year steps, the hazard mean in a step."""
    total = 0.0
    step = days_per_year / 2
    for start in range(0, cases.height, chunk):
        own = cases[start : start + chunk]
        horizon = int(np.ceil(years * days_per_year))
        hazard = hazards(own, life_table, days_per_year, 0, horizon)
        cumulative = np.hstack([np.zeros((own.height, 1)), np.cumsum(hazard, axis=1)])
        at = np.arange(2 * years + 1) * step
        day = np.minimum(at.astype(int), horizon - 1)
        points = cumulative[:, day] + hazard[:, day] * (at - day)
        grown = np.diff(points, axis=1)
        area = np.exp(-points[:, :-1]) * np.where(
            grown > 0, -np.expm1(-grown) / np.where(grown > 0, grown, 1) * step, step
        )
        total += area.sum()
    return total / days_per_year / cases.height
