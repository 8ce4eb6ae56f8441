"""Net survival of countries or hospitals beside funnel limits, raw and shrunken.

The model without units expects so many excess deaths of each unit, given its case mix. A unit's
ratio e^θ to that is by maximum likelihood (raw) and with a normal prior of the spread that the
units have (shrunken). Its net survival is that of all cases together, standardised, to the power
of its ratio. Limits are those of a unit like all: the standard error of θ there is 1/√information,
with the information Σ g²/μ of its cells. Sources: Spiegelhalter, *Statistics in Medicine*
2005;24:1185-1202 (funnel); the project's methods page, section 7.
"""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import ModelError, UsageError
from rarecare.models import mixed
from rarecare.models.cells import Cells
from rarecare.models.poisson import PoissonFit, fit_poisson
from rarecare.results import NOT_ESTIMABLE, OK, Result

if TYPE_CHECKING:
    from rarecare.figures import Figure

Floats = NDArray[np.float64]
WITHIN, BEYOND_95, BEYOND_998 = "within", "beyond 95 %", "beyond 99.8 %"
_STEPS, _FAR = 100, 10.0


def funnel(
    cells: Cells, formula: str = "~ C(interval)", *, unit: str, at: float = 5,
    level: float = 0.95,
) -> Result:  # fmt: skip
    """Return each unit's net survival, raw and shrunken, beside funnel limits.

    Parameters
    ----------
    cells
        With the unit and the covariates among their strata.
    formula
        The case mix, without the unit: ``"~ C(interval) + age_group + stage"``.
    unit
        ``"country"``, ``"registry"``, ``"hospital"``.
    at
        Years.
    level
        Confidence level of the units' own limits.

    Returns
    -------
    Result
        One row per unit: ``n``, ``deaths``, ``expected_excess`` (deaths, given the case mix),
        ``information``, ``time_years``; ``estimate``, ``lower``, ``upper``: raw net survival;
        ``shrunken``, ``shrunken_lower``, ``shrunken_upper``; ``centre``: that of all;
        ``lower_95``, ``upper_95``, ``lower_998``, ``upper_998``: limits of the funnel;
        ``verdict``: ``"within"``, ``"beyond 95 %"`` or ``"beyond 99.8 %"``; ``level``,
        ``status``, ``reason``.

    Raises
    ------
    UsageError
        The unit is not among the strata, or stands in the formula.
    ModelError
        There is one unit, or the model cannot be fitted.
    """
    if unit not in cells.by:
        raise UsageError("the cells have no such stratum", value=unit, allowed=cells.by)
    whole = fit_poisson(cells, formula)
    if any(unit in name for name in whole.design.levels):
        raise UsageError("the unit stands in the formula of the case mix", value=formula)
    spread = fit_poisson(cells, formula, group=unit, level=level)
    assert spread.groups is not None
    centre = whole.standardised([at])["estimate"][0]
    z = NormalDist().inv_cdf(0.5 + level / 2)
    levels, of_group = mixed.numbered(whole.cells, unit)
    mu, excess = whole.expected_cells()
    size = len(levels)
    information = mixed.by_group(of_group, excess**2 / mu, size)
    theta, se = _own(whole, of_group, excess, size)
    # shrunken effects are ratios to the average unit; the centre is of all cases together
    shift = _shift(whole, spread)
    effect = spread.groups["effect"].to_numpy() + shift

    def survival(log_ratio: Floats) -> Floats:
        return np.asarray(centre ** np.exp(np.minimum(log_ratio, 50.0)))

    half = z * se
    shrunk = z * spread.groups["se"].to_numpy()
    people = cells.cases.group_by(unit).agg(pl.col("n").sum())
    table = pl.DataFrame({unit: levels}).join(people, on=unit, how="left", maintain_order="left")
    known = np.isfinite(theta)
    limits = {
        f"{side}_{name}": survival(sign * NormalDist().inv_cdf(0.5 + share / 2)
                                   / np.sqrt(information))
        for name, share in (("95", 0.95), ("998", 0.998))
        for side, sign in (("lower", 1), ("upper", -1))
    }  # fmt: skip
    raw = survival(np.where(known, theta, 0.0))
    verdict = np.select(
        [
            (raw < limits["lower_998"]) | (raw > limits["upper_998"]),
            (raw < limits["lower_95"]) | (raw > limits["upper_95"]),
        ],
        [BEYOND_998, BEYOND_95],
        WITHIN,
    )
    made = table.with_columns(
        deaths=spread.groups["deaths"],
        expected_excess=pl.Series(mixed.by_group(of_group, excess, size)),
        information=pl.Series(information),
        time_years=pl.lit(float(at)),
        estimate=pl.Series(np.where(known, raw, np.nan)),
        lower=pl.Series(np.where(known, survival(theta + half), np.nan)),
        upper=pl.Series(np.where(known, survival(theta - half), np.nan)),
        shrunken=pl.Series(survival(effect)),
        shrunken_lower=pl.Series(survival(effect + shrunk)),
        shrunken_upper=pl.Series(survival(effect - shrunk)),
        centre=pl.lit(centre),
        **{name: pl.Series(values) for name, values in limits.items()},
        verdict=pl.Series(
            [str(own) if ok else None for own, ok in zip(verdict, known, strict=True)],
            dtype=pl.String,
        ),
        level=pl.lit(level),
        status=pl.Series([OK if own else NOT_ESTIMABLE for own in known]),
        reason=pl.Series(
            ["; ".join(spread.remarks) or None if own else
             "no more deaths than expected: no ratio" for own in known], dtype=pl.String,
        ),
    ).with_columns(pl.col(pl.Float64).fill_nan(None))  # fmt: skip
    told = replace(
        cells.provenance,
        statistic=f"Net survival by {unit} at {at:g} years, beside funnel limits",
        plan={**cells.provenance.plan, "formula": formula, "unit": unit, "at": at, "level": level},
        notes=(
            *cells.provenance.notes,
            f"spread of the units' log excess-hazard ratios: {np.exp(spread.coefficients[-1]):.4f}",
        ),
    )

    def draw(title: str = f"Net survival by {unit}", **look: Any) -> Figure:
        from rarecare.figures import funnel_figure  # noqa: PLC0415 - drawn when asked

        return funnel_figure(made, unit=unit, title=title, **look)

    return Result(made, told, draw)


def _own(
    fit: PoissonFit, of_group: NDArray[np.int64], excess: Floats, size: int
) -> tuple[Floats, Floats]:
    """Return each unit's log ratio and its SE, by Newton; nan where it runs to no excess.

    d ~ Poisson(d* + e^θ g): one coefficient per unit, the case mix's being given.
    """
    d = fit.cells["deaths"].cast(pl.Float64).to_numpy()
    expected = fit.cells["expected"].cast(pl.Float64).to_numpy()
    theta = np.zeros(size)
    information = np.ones(size)
    for _ in range(_STEPS):
        grown = excess * np.exp(theta[of_group])
        mu = expected + grown
        score = mixed.by_group(of_group, (d / mu - 1) * grown, size)
        fisher = mixed.by_group(of_group, grown**2 / mu, size)
        observed = mixed.by_group(of_group, d * grown**2 / mu**2 - (d / mu - 1) * grown, size)
        information = np.where(observed > 0, observed, fisher)
        step = np.clip(score / np.maximum(information, 1e-300), -1.0, 1.0)
        theta = np.clip(theta + step, -_FAR, _FAR)
        if (np.abs(step) < 1e-10).all() or (np.abs(theta) >= _FAR).all():
            break
    found = np.abs(theta) < _FAR
    if not found.any():
        raise ModelError("no unit has more deaths than expected", value=f"{size} units")
    return np.where(found, theta, np.nan), 1 / np.sqrt(np.maximum(information, 1e-300))


def _shift(whole: PoissonFit, spread: PoissonFit) -> float:
    """Return the mean log excess of the average unit's model over that of all together."""
    _, one = whole.expected_cells()
    _, other = spread.expected_cells()
    return float(np.log(other.sum() / one.sum()))
