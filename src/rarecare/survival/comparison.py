"""Comparing groups: a test of equal net survival, and differences and ratios at a time.

Source of the test: Grafféo, Castell, Belot, Giorgi, *Biometrics* 2016;72:760-768, with the
exact daily expected part of this package.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import ColumnError, UsageError
from rarecare.population.life_table import LifeTable
from rarecare.registry import Cases
from rarecare.results import NOT_ESTIMABLE, OK, Result
from rarecare.survival.analysis import Choices, analyse
from rarecare.survival.curves import Arrays
from rarecare.survival.methods import METHODS
from rarecare.survival.survival import needed
from rarecare.tally.tally import Tally

if TYPE_CHECKING:
    from rarecare.figures import Figure

TEST_YEARS = 10.0
FEWEST_AT_RISK = 10
"""By default the test ends on the last day with as many at risk in every group."""

CONTRASTS = ("difference", "ratio")

Floats = NDArray[np.float64]


def net_survival_test(
    cases: Cases | Any,
    life_table: LifeTable,
    *,
    groups: str | Sequence[str],
    strata: str | Sequence[str] = (),
    horizon: float | None = None,
    **choices: Unpack[Choices],
) -> Result:
    """Test whether net survival is the same in all groups (log-rank type).

    Parameters
    ----------
    cases, life_table, **choices
        See ``net_survival``; without times, standard and ``by``.
    groups
        Columns that make the groups compared.
    strata
        Columns within whose levels groups are compared; sums are added over them.
    horizon
        Years after diagnosis to which deaths are compared. By default 10, or the last day with
        10 at risk in every group where that is earlier: later a few very old cases decide.

    Returns
    -------
    Result
        One row per group: ``n``, ``events``, ``observed`` and ``expected`` (weighted excess
        deaths, the latter were net survival equal), and of the test, on every row, its
        ``statistic``, ``df``, ``p_value``, horizon in ``time_years`` and ``time_days``,
        ``status`` and ``reason``.

    Raises
    ------
    UsageError
        There is one group, or a choice that a test does not have.
    InputError
        See ``net_survival``.
    """
    lives = needed(life_table, "a test of net survival")
    groups = (groups,) if isinstance(groups, str) else tuple(groups)
    strata = (strata,) if isinstance(strata, str) else tuple(strata)
    unused = [name for name in ("by", "at", "at_days", "standard") if choices.get(name)]
    if unused:
        raise UsageError(
            "a test of net survival has no such choice",
            value=unused[0],
            allowed="groups, strata, horizon",
        )
    if horizon is not None and not 0 < horizon < np.inf:
        raise UsageError("the horizon is out of range", value=horizon, allowed="years, above 0")
    own: Choices = {
        **choices,
        "by": (*strata, *groups),
        "at": (TEST_YEARS if horizon is None else horizon,),
        "at_days": None,
    }
    analysis = analyse(cases, lives, ("pohar-perme",), own)
    table = compare(analysis.tally, groups, last_day=None if horizon is None else _INFINITE)
    year = analysis.plan.days_per_year
    table = table.with_columns(time_years=(pl.col("time_days") / year).round(12))
    said = ", ".join(groups) + (f", within {', '.join(strata)}" if strata else "")
    return Result(table, analysis.provenance(f"Test of equal net survival by {said}"))


_INFINITE = 1 << 40


def compare(tally: Tally, groups: Sequence[str], *, last_day: int | None) -> pl.DataFrame:
    """Return the test from a tally by strata and groups; see ``net_survival_test``.

    Z_g = Σ {O_g − E_g − p_g Σ_h (O_h − E_h)}, with O_g the weights of the dead, E_g the growth
    of Σw over the day, p_g the group's share of Σw, and Cov_gh = Σ Σ_k (δ_gk − p_g)(δ_hk − p_h)
    Σ_dead w². ``last_day``: None for the last with enough at risk in every group.
    """
    arrays = tally.arrays
    named = tally.strata.select(groups).unique(maintain_order=True).sort(groups)
    size = named.height
    if size < 2:
        raise UsageError(
            "a test needs two groups or more",
            value=", ".join(str(cell) for cell in named.row(0)) if size else "none",
        )
    group = _places(tally.strata, named, groups)
    others = [name for name in tally.strata.columns if name not in groups]
    stratum: NDArray[np.int64] = np.zeros(len(group), dtype=np.int64)
    if others:
        stratum = _places(tally.strata, tally.strata.select(others).unique().sort(others), others)
    at_risk = _by_group(arrays["at_risk"], group, size)
    horizon = at_risk.shape[1]
    last = horizon if last_day is None else min(last_day, horizon)
    if last_day is None:
        few = (at_risk < FEWEST_AT_RISK).any(axis=0)
        last = int(few.argmax()) if few.any() else horizon
    score, covariance = np.zeros(size), np.zeros((size, size))
    observed = np.zeros(size)
    for level in np.unique(stratum):
        z, cov, seen = _one_stratum(arrays, np.flatnonzero(stratum == level), group, size, last)
        score, covariance, observed = score + z, covariance + cov, observed + seen
    statistic, df, p_value = _chi_square(score, covariance)
    deaths = _by_group(arrays["deaths"], group, size)[:, :last].sum(axis=1)
    reason = None if df else "no deaths while two groups were at risk"
    if last == 0:
        reason = f"fewer than {FEWEST_AT_RISK} at risk in a group from the first day"
    return named.with_columns(
        method=pl.lit("net-survival-test"),
        n=pl.Series(_by_group(arrays["cases"], group, size)),
        events=pl.Series(deaths),
        observed=pl.Series(observed),
        expected=pl.Series(observed - score),
        statistic=pl.lit(statistic if df else None, dtype=pl.Float64),
        df=pl.lit(df, dtype=pl.Int64),
        p_value=pl.lit(p_value if df else None, dtype=pl.Float64),
        time_years=pl.lit(None, dtype=pl.Float64),
        time_days=pl.lit(last, dtype=pl.Int64),
        status=pl.lit(OK if df else NOT_ESTIMABLE),
        reason=pl.lit(reason, dtype=pl.String),
    )


def _places(table: pl.DataFrame, named: pl.DataFrame, columns: Sequence[str]) -> NDArray[np.int64]:
    numbered = named.with_row_index("_place")
    joined = table.join(
        numbered, on=list(columns), how="left", nulls_equal=True, maintain_order="left"
    )
    return joined["_place"].to_numpy().astype(np.int64)


def _by_group(array: NDArray[Any], group: NDArray[np.int64], size: int) -> NDArray[Any]:
    total = np.zeros((size, *array.shape[1:]), dtype=array.dtype)
    np.add.at(total, group, array)
    return total


def _one_stratum(
    arrays: Arrays, rows: NDArray[np.int64], group: NDArray[np.int64], size: int, last: int
) -> tuple[Floats, Floats, Floats]:
    """Return Z, its covariance and the weighted excess deaths of one stratum."""

    def of(name: str) -> Floats:
        return _by_group(arrays[name][rows, :last], group[rows], size)

    end, start, deaths, squares = of("w_end"), of("w_start"), of("death_w"), of("death_w2")
    excess = deaths - (end - start)
    total = end.sum(axis=0)
    share = np.divide(end, total, out=np.zeros_like(end), where=total > 0)
    score = (excess - share * excess.sum(axis=0)).sum(axis=1)
    mixed = share @ squares.T  # p_g against the squares of h
    covariance = (
        np.diag(squares.sum(axis=1)) - mixed - mixed.T + (share * squares.sum(axis=0)) @ share.T
    )
    return score, covariance, excess.sum(axis=1)


def _chi_square(score: Floats, covariance: Floats) -> tuple[float, int, float]:
    """Return Z'C⁻¹Z without the last group, the rank of C, and the probability beyond."""
    from scipy.special import chdtrc  # noqa: PLC0415 - slow to import

    z, own = score[:-1], covariance[:-1, :-1]
    df = int(np.linalg.matrix_rank(own, hermitian=True))
    statistic = float(z @ np.linalg.pinv(own, hermitian=True) @ z)
    return statistic, df, float(chdtrc(df, statistic)) if df else 1.0


def survival_contrasts(result: Result, *, across: str, reference: object = None) -> Result:
    """Return differences and ratios between the levels of a stratum at each time.

    The groups are independent: the variance of a difference is the sum of both, that of the
    logarithm of a ratio the sum of both relative variances.

    Parameters
    ----------
    result
        Of a function of this room: survival, probabilities of death or years, by ``across``
        and whatever other strata.
    across
        The stratum whose levels are compared.
    reference
        The level compared with; by default the first.

    Returns
    -------
    Result
        Per other stratum, method, time, level but the reference, and contrast: ``contrast``
        (``"difference"``: level − reference, plain limits; ``"ratio"``: level / reference,
        limits on the log scale), ``estimate``, ``se`` (on the scale of the estimate),
        ``lower``, ``upper``, ``level``, ``p_value``, ``status``, ``reason``.

    Raises
    ------
    ColumnError
        The result has no such stratum, or holds no estimates with standard errors.
    UsageError
        It has no such level.
    """
    table = result.table
    lacking = [
        name for name in (across, "estimate", "se", "time_days") if name not in table.columns
    ]
    if lacking:
        raise ColumnError(
            "the result cannot be compared", value=lacking[0], allowed=table.columns,
            remedy=f"Ask for it by {across}.",
        )  # fmt: skip
    levels = table[across].unique(maintain_order=True).to_list()
    base = levels[0] if reference is None else reference
    if base not in levels:
        raise UsageError(
            f"{across} has no such level",
            value=str(base),
            allowed=[str(level) for level in levels],
        )
    before = table.columns[: table.columns.index("method")]
    keys = [name for name in before if name != across]
    keys += [
        name for name in ("method", "standard", "time_years", "time_days") if name in table.columns
    ]
    values = ["n", "estimate", "se", "status", "reason"]
    level = float(table["level"][0])
    z = NormalDist().inv_cdf(0.5 + level / 2)
    pairs = (
        table.filter(pl.col(across) != base)
        .select(*keys, across, *values)
        .join(
            table.filter(pl.col(across) == base).select(
                *keys, *(pl.col(name).alias(f"{name}_base") for name in values)
            ),
            on=keys,
            how="left",
            nulls_equal=True,
            maintain_order="left",
        )
    )
    rows = pl.concat([_contrast(pairs, name, z, str(base)) for name in CONTRASTS])
    measured = {METHODS[name].measure for name in table["method"].unique() if name in METHODS}
    order = {name: position for position, name in enumerate(CONTRASTS)}
    answer = rows.with_columns(
        reference=pl.lit(str(base)), level=pl.lit(level)
    ).select(
        *[name for name in before if name != across], across, "reference", "method",
        *[name for name in ("standard", "time_years", "time_days") if name in table.columns],
        "contrast", "n", "estimate", "se", "lower", "upper", "level", "p_value", "status", "reason",
    ).sort(
        *[name for name in before if name != across], across, "method", "time_days",
        pl.col("contrast").replace_strict(order, return_dtype=pl.Int64), maintain_order=True,
    )  # fmt: skip
    words = " and ".join(sorted(measured)) or "estimates"
    provenance = replace(
        result.provenance,
        statistic=f"Differences and ratios of {words} across {across}, against {base}: "
        f"{result.provenance.statistic}",
    )

    def draw(title: str = "Differences between groups", **choices: Any) -> Figure:
        from rarecare.figures import forest_figure  # noqa: PLC0415 - drawn when asked

        own = answer.filter(contrast="difference")
        last = own["time_years"].max()
        return forest_figure(
            own, by=(*[name for name in before if name != across], across), measure="difference",
            **({"time_years": last, "title": title, "subtitle": f"Each less {base}"} | choices),
        )  # fmt: skip

    return Result(answer, provenance, draw)


def _contrast(pairs: pl.DataFrame, name: str, z: float, base: str) -> pl.DataFrame:
    ours, theirs = pl.col("estimate"), pl.col("estimate_base")
    se, se_base = pl.col("se"), pl.col("se_base")
    if name == "difference":
        value = ours - theirs
        spread = (se**2 + se_base**2).sqrt()
        test = value / spread
        lower, upper = value - z * spread, value + z * spread
    else:
        value = ours / theirs
        of_log = ((se / ours) ** 2 + (se_base / theirs) ** 2).sqrt()
        spread = value.abs() * of_log
        test = value.log() / of_log
        lower, upper = value * (-z * of_log).exp(), value * (z * of_log).exp()
    defined = ours.is_not_null() & theirs.is_not_null() & se.is_not_null() & se_base.is_not_null()
    possible = defined & (spread > 0)
    if name == "ratio":
        possible &= (ours > 0) & (theirs > 0)
    none = "no deaths in either group" if name == "difference" else "a value is not above 0"
    why = (
        pl.when(ours.is_null())
        .then(pl.format("not estimable: {}", pl.col("reason").fill_null("no estimate")))
        .when(theirs.is_null())
        .then(
            pl.format("the reference ({}) is not estimable: {}", pl.lit(base),
                      pl.col("reason_base").fill_null("it has no such row"))
        )
        .when(~defined)
        .then(pl.lit("a standard error is missing"))
        .when(~possible)
        .then(pl.lit(none))
    )  # fmt: skip
    answer = pairs.with_columns(
        contrast=pl.lit(name),
        estimate=pl.when(possible).then(value),
        se=pl.when(possible).then(spread),
        lower=pl.when(possible).then(lower),
        upper=pl.when(possible).then(upper),
        _z=pl.when(possible).then(test),
        status=pl.when(possible).then(pl.lit(OK)).otherwise(pl.lit(NOT_ESTIMABLE)),
        reason=why,
        n=pl.col("n") + pl.col("n_base").fill_null(0),
    )
    sides = [None if x is None else 2 * NormalDist().cdf(-abs(x)) for x in answer["_z"].to_list()]
    return answer.with_columns(p_value=pl.Series(sides, dtype=pl.Float64))
