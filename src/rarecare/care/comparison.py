"""Hospitals and countries beside one another: funnels, case mix, ranks and how sure they are.

Sources: Spiegelhalter, *Statistics in Medicine* 2005;24:1185-1202 (funnel; exact limits by
interpolation, appendix A.1.1; over-dispersion); Marshall & Spiegelhalter, *BMJ*
1998;316:1701-1704 (intervals of ranks). Hospitals are compared by the funnel only: a rank alone
says little, and here never stands without its interval.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from rarecare.care.limits import wilson
from rarecare.errors import ColumnError, UsageError
from rarecare.files import read_table
from rarecare.models.mixed_logistic import LogisticFit, mixed_logistic
from rarecare.rates.intervals import tail_probability
from rarecare.results import NOT_ESTIMABLE, OK, Provenance, Result

if TYPE_CHECKING:
    from rarecare.figures import Figure

Floats = NDArray[np.float64]
Dispersion = Literal["none", "multiplicative", "additive"]
DISPERSIONS: tuple[Dispersion, ...] = ("none", "multiplicative", "additive")
WITHIN, BEYOND_95, BEYOND_998 = "within", "beyond 95 %", "beyond 99.8 %"
WINSORISED = 0.1
SEED, DRAWS = 20261124, 10_000


def binomial_limits(n: ArrayLike, target: float, *, share: float) -> tuple[Floats, Floats]:
    """Return exact limits between which a share of units like all lie, interpolated.

    With r the smallest count whose probability of being reached or not exceeded is p, the limit
    is (r − a)/n, a = (F(r) − p)/(F(r) − F(r − 1)).

    Parameters
    ----------
    n
        Denominators, any shape, from 1.
    target
        The share in the middle, from 0 to 1.
    share
        0.95 or 0.998.

    Returns
    -------
    lower, upper
        Shares from 0 to 1.

    Examples
    --------
    >>> lower, upper = binomial_limits(20, 0.5, share=0.95)
    >>> round(float(lower), 4), round(float(upper), 4)
    (0.2558, 0.6942)
    """
    from scipy.stats import binom  # noqa: PLC0415 - slow to import

    size = np.asarray(n, dtype=np.float64)
    tail = tail_probability(share)
    found = []
    for p in (tail, 1 - tail):
        r = binom.ppf(p, size, target)
        at, before = binom.cdf(r, size, target), binom.cdf(r - 1, size, target)
        step = np.where(at > before, at - before, 1.0)
        found.append(np.clip((r - (at - p) / step) / size, 0.0, 1.0))
    return found[0], found[1]


@dataclass(frozen=True, slots=True)
class Spread:
    """How much units differ beyond chance.

    Attributes
    ----------
    phi
        Mean square of the winsorised z scores; 1 where chance is all.
    tau
        Standard deviation between units, of shares.
    units
        Units it comes from.
    """

    phi: float
    tau: float
    units: int


def spread(
    hits: ArrayLike, n: ArrayLike, target: float, *, winsorised: float = WINSORISED
) -> Spread:
    """Return the over-dispersion of shares around a target.

    z = (y/n − θ)/s, s² = θ(1 − θ)/n, the lowest and highest ``winsorised`` of them set to the
    values at those quantiles; φ = Σz²/I; τ² = (Iφ − (I − 1))/(Σw − Σw²/Σw), w = 1/s², not below 0.

    Raises
    ------
    UsageError
        Fewer than 2 units, a target of 0 or 1, or ``winsorised`` is not from 0 to below 0.5.
    """
    y, size = np.asarray(hits, dtype=np.float64), np.asarray(n, dtype=np.float64)
    if not 0 <= winsorised < 0.5:
        raise UsageError("so much cannot be winsorised", value=winsorised, allowed="0 to below 0.5")
    if len(y) < 2 or not 0 < target < 1:
        raise UsageError(
            "the spread needs two units and a target between 0 and 1",
            value=f"{len(y)} units, target {target:g}", allowed="2 units or more",
        )  # fmt: skip
    s = np.sqrt(target * (1 - target) / size)
    z = (y / size - target) / s
    low, high = np.quantile(z, [winsorised, 1 - winsorised])
    z = np.clip(z, low, high)
    units, w = len(z), 1 / s**2
    phi = float((z**2).mean())
    tau2 = (units * phi - (units - 1)) / (w.sum() - (w**2).sum() / w.sum())
    return Spread(phi, float(np.sqrt(max(tau2, 0.0))), units)


def indicator_funnel(
    table: pl.DataFrame, *, unit: str, target: float | None = None,
    dispersion: Dispersion = "none", winsorised: float = WINSORISED, level: float = 0.95,
) -> Result:  # fmt: skip
    """Return the shares of units beside funnel limits.

    Parameters
    ----------
    table
        One row per unit: the unit, ``numerator``, ``denominator``; of ``indicators``, the rows of
        one proportion. Rows without a share are kept and have no limits.
    unit
        Its column: hospital, registry, country.
    target
        The share in the middle; by default that of all units together.
    dispersion
        ``"multiplicative"``: distances from the target times √φ where φ is above 1;
        ``"additive"``: times √(1 + τ²/s²).
    winsorised
        See ``spread``.
    level
        Of the units' own (Wilson's) limits.

    Returns
    -------
    Result
        One row per unit: ``n``, ``numerator``, ``estimate``, ``lower``, ``upper``, ``target``,
        ``lower_95``, ``upper_95``, ``lower_998``, ``upper_998``, ``verdict``, ``phi``, ``tau``,
        ``method``, ``level``, ``status``, ``reason``.

    Raises
    ------
    ColumnError
        A column is missing.
    UsageError
        A unit has two rows, there is no case, a count is no count, or a choice is not among its
        choices.
    """
    if dispersion not in DISPERSIONS:
        raise UsageError("there is no such choice", value=dispersion, allowed=DISPERSIONS)
    for name in (unit, "numerator", "denominator"):
        if name not in table.columns:
            raise ColumnError("the funnel needs a column", value=name, allowed=table.columns)
    if table[unit].is_duplicated().any():
        raise UsageError("a unit has several rows", value=unit, allowed="one indicator at a time")
    y = table["numerator"].cast(pl.Float64).fill_null(0.0).to_numpy()
    n = table["denominator"].cast(pl.Float64).fill_null(0.0).to_numpy()
    if not (n > 0).any() or (y > n).any() or (y < 0).any() or not np.isfinite(n).all():
        raise UsageError("counts are not hits of cases", value=f"{y.sum():g} of {n.sum():g}",
                         allowed="0 to the denominator, and one case at least")  # fmt: skip
    held = n > 0
    middle = float(y.sum() / n.sum()) if target is None else float(target)
    if not 0 <= middle <= 1:
        raise UsageError("the target is a share", value=middle, allowed="0 to 1")
    found = None
    if dispersion != "none":
        found = spread(y[held], n[held], middle, winsorised=winsorised)
    limits = funnel_limits(n[held], middle, dispersion=dispersion, found=found)
    own = y[held] / n[held]
    lower, upper = wilson(own, n[held], level=level)
    beyond = np.where(
        (own < limits["lower_998"]) | (own > limits["upper_998"]), BEYOND_998,
        np.where((own < limits["lower_95"]) | (own > limits["upper_95"]), BEYOND_95, WITHIN),
    )  # fmt: skip
    made = pl.DataFrame(
        {"estimate": own, "lower": lower, "upper": upper, **limits, "verdict": beyond}
    )
    place = pl.Series(np.where(held, np.cumsum(held) - 1, -1)).set(pl.Series(~held), None)
    rows = table.select(unit, n="denominator", numerator="numerator").with_columns(
        *(made[name].gather(place).alias(name) for name in made.columns),
        target=pl.lit(middle), phi=pl.lit(found.phi if found else None, dtype=pl.Float64),
        tau=pl.lit(found.tau if found else None, dtype=pl.Float64), method=pl.lit(dispersion),
        level=pl.lit(level),
        status=pl.when(pl.Series(held)).then(pl.lit(OK)).otherwise(pl.lit(NOT_ESTIMABLE)),
        reason=pl.when(~pl.Series(held)).then(pl.lit("no case in the denominator")),
    )  # fmt: skip
    plan = {"unit": unit, "target": target, "dispersion": dispersion, "winsorised": winsorised,
            "level": level}  # fmt: skip
    notes = [_said(dispersion, found, winsorised)]
    return Result(rows, _provenance("Funnel of an indicator", table, plan, notes),
                  _drawn(rows, unit, found))  # fmt: skip


def funnel_limits(
    n: Floats, target: float, *, dispersion: Dispersion = "none", found: Spread | None = None
) -> dict[str, Floats]:
    """Return limits at 95 and 99.8 % by name, widened for over-dispersion.

    Exact limits are moved away from the target by the factor of the method, and kept from 0 to 1.
    """
    factor = np.ones_like(n)
    if dispersion == "multiplicative" and found is not None:
        factor = np.full_like(n, np.sqrt(max(found.phi, 1.0)))
    if dispersion == "additive" and found is not None:
        factor = np.sqrt(1 + found.tau**2 * n / (target * (1 - target)))
    limits = {}
    for name, share in (("95", 0.95), ("998", 0.998)):
        for side, exact in zip(
            ("lower", "upper"), binomial_limits(n, target, share=share), strict=True
        ):
            limits[f"{side}_{name}"] = np.clip(target + factor * (exact - target), 0.0, 1.0)
    return limits


def adjusted_comparison(
    data: pl.DataFrame, *, unit: str, outcome: str, formula: str, level: float = 0.95,
    draws: int = DRAWS, seed: int = SEED,
) -> Result:  # fmt: skip
    """Return each unit's share unadjusted and adjusted for case mix, with ranks.

    Two mixed logistic models, without and with the case mix, each with a random intercept of the
    units. The adjusted share is what the unit would have with the cases of all.

    Parameters
    ----------
    data
        One row per case with known outcome, as of ``outcomes``.
    unit, outcome
        Columns.
    formula
        The case mix, without the unit: ``"~ age + stage"``.
    level
        Confidence level, also of ranks.
    draws, seed
        Of the ranks: rank 1 has the highest share.

    Returns
    -------
    Result
        Two rows per unit, ``model`` ``"unadjusted"`` first, then ``"adjusted"``: ``n``,
        ``numerator``, ``observed`` with Wilson's ``observed_lower`` and ``observed_upper``;
        ``estimate``, ``se``, ``lower``, ``upper``: the shrunken share; ``odds_ratio`` to the
        average unit with ``odds_lower``, ``odds_upper``; ``rank``, ``rank_lower``,
        ``rank_upper``; ``level``, ``status``, ``reason``.

    Raises
    ------
    UsageError, ModelError
        See ``mixed_logistic``; or the unit stands in the formula.
    """
    from rarecare.models.design import named_in  # noqa: PLC0415 - one name

    if named_in(unit, formula):
        raise UsageError("the unit stands in the formula of the case mix", value=formula)
    if draws < 100:
        raise UsageError("so few draws tell no interval of ranks", value=draws, allowed="from 100")
    fits = {
        "unadjusted": mixed_logistic(data, "~ 1", outcome=outcome, group=unit, level=level),
        "adjusted": mixed_logistic(data, formula, outcome=outcome, group=unit, level=level),
    }
    counted = (
        data.group_by(unit).agg(n=pl.len(), numerator=pl.col(outcome).cast(pl.Int64).sum())
        .sort(unit)
    )  # fmt: skip
    observed = counted["numerator"].to_numpy() / counted["n"].to_numpy()
    lower, upper = wilson(observed, counted["n"].to_numpy(), level=level)
    seen = counted.with_columns(
        observed=pl.Series(observed), observed_lower=pl.Series(lower),
        observed_upper=pl.Series(upper),
    )  # fmt: skip
    rows = [
        seen.with_columns(_shrunken(fit, level, draws, seed), model=pl.lit(name),
                          level=pl.lit(level), status=pl.lit(OK),
                          reason=pl.lit("; ".join(fit.remarks) or None, dtype=pl.String))
        for name, fit in fits.items()
    ]  # fmt: skip
    plan = {"unit": unit, "outcome": outcome, "formula": formula, "level": level, "draws": draws,
            "seed": seed}  # fmt: skip
    notes = [f"log-odds between units have a standard deviation of {fit.sd:.3g} ({name})"
             for name, fit in fits.items()]  # fmt: skip
    first = [unit, "model"]
    table = pl.concat(rows).select(*first, pl.exclude(first))
    statistic = f"Comparison by {unit}, unadjusted and adjusted for case mix"
    return Result(table, _provenance(statistic, data, plan, notes), _ranked(table, unit))


def _ranked(table: pl.DataFrame, unit: str) -> Any:
    def draw(*, title: str = "Ranks after adjustment for case mix", **choices: Any) -> Figure:
        from rarecare.figures.ranks import ranks_figure  # noqa: PLC0415 - not always wanted

        return ranks_figure(table.filter(model="adjusted"), unit=unit, title=title, **choices)

    return draw


def _shrunken(fit: LogisticFit, level: float, draws: int, seed: int) -> list[pl.Series]:
    """Return shares, odds ratios and ranks of the groups of a model."""
    z = NormalDist().inv_cdf(1 - tail_probability(level))
    share, se = fit.standardised()
    logit, width = np.log(share / (1 - share)), z * se / (share * (1 - share))
    assert fit.groups is not None
    odds = {name: np.exp(fit.groups[of].to_numpy())
            for name, of in (("odds_ratio", "effect"), ("odds_lower", "lower"),
                             ("odds_upper", "upper"))}  # fmt: skip
    drawn = fit.drawn(draws, seed=seed)
    ranks = (-drawn).argsort(axis=1).argsort(axis=1) + 1
    tail = tail_probability(level)
    low, high = np.quantile(ranks, [tail, 1 - tail], axis=0, method="closest_observation")
    found = {
        "estimate": share, "se": se, "lower": 1 / (1 + np.exp(width - logit)),
        "upper": 1 / (1 + np.exp(-width - logit)), **odds,
        "rank": (-share).argsort().argsort() + 1, "rank_lower": low.astype(np.int64),
        "rank_upper": high.astype(np.int64),
    }  # fmt: skip
    return [pl.Series(name, values) for name, values in found.items()]


def _said(dispersion: Dispersion, found: Spread | None, winsorised: float) -> str:
    if found is None:
        return "Limits are exact binomial, without over-dispersion"
    how = "multiplied by √φ" if dispersion == "multiplicative" else "widened by τ²"
    used = "" if dispersion == "additive" or found.phi > 1 else " (not above 1: not used)"
    return (
        f"Over-dispersion, {dispersion}: φ {found.phi:.2f}{used}, τ {found.tau:.3f}, of "
        f"{found.units} units with {100 * winsorised:g} % winsorised at each end; exact limits "
        f"{how}"
    )


def _provenance(
    statistic: str, table: pl.DataFrame, plan: dict[str, Any], notes: list[str]
) -> Provenance:
    none = pl.DataFrame(schema={"reason": pl.String, "records": pl.Int64})
    told = hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()
    return Provenance(statistic, (read_table(table).source,), plan, told, none, tuple(notes))


def funnel_curve(table: pl.DataFrame, found: Spread | None = None) -> pl.DataFrame:
    """Return the limits of a funnel by number of cases, for its figure.

    Parameters
    ----------
    table
        Of ``indicator_funnel``.
    found
        The over-dispersion of its limits.
    """
    held = table.filter(pl.col("status") == OK)
    most = float(held["n"].cast(pl.Float64).max() or 1.0)  # type: ignore[arg-type]
    n = np.unique(np.round(np.geomspace(1.0, 1.05 * most + 1, 160))).astype(np.float64)
    target, method = float(held["target"][0]), held["method"][0]
    return pl.DataFrame({"n": n, **funnel_limits(n, target, dispersion=method, found=found)})


def _drawn(rows: pl.DataFrame, unit: str, found: Spread | None) -> Any:
    def draw(*, title: str = "Units within the limits of chance", **choices: Any) -> Figure:
        from rarecare.figures.indicator_funnel import (  # noqa: PLC0415 - not always wanted
            indicator_funnel_figure,
        )

        curve = funnel_curve(rows, found)
        return indicator_funnel_figure(rows, unit=unit, curve=curve, title=title, **choices)

    return draw
