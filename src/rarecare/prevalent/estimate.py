"""Prevalence by counting: from tallies to persons and proportions with their limits.

Source: METHODS_DETAIL 11; Gigli, Mariotto, Clegg, Tavilla, Corazziari, Capocaccia, Hachey, Scoppa,
*Statistical Methods in Medical Research* 2006;15:235-253 is the published derivation of a variance
for the same estimator.
"""

from __future__ import annotations

from datetime import date, timedelta
from statistics import NormalDist

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import DisagreementError
from rarecare.prevalent.counting import Counted, count_phases, count_window, curves_of
from rarecare.prevalent.members import PrevalenceTally
from rarecare.prevalent.plan import PrevalencePlan, Window, window_label
from rarecare.rates.intervals import poisson_exact
from rarecare.results import NOT_ESTIMABLE, OK

Floats = NDArray[np.float64]
PERSONS, PROPORTION = "prevalent persons", "prevalence"
METHOD = "counted, lost by observed survival"
EXACT = 1e-9
SHORT_DAYS = 31
"""A window may begin this much before the first case and still count as registered."""


def estimate_prevalence(
    tally: PrevalenceTally,
    plan: PrevalencePlan,
    persons_at_risk: pl.DataFrame | None = None,
    *,
    registered_since: str | None = None,
) -> pl.DataFrame:
    """Return prevalent persons, and proportions where the population is given.

    Parameters
    ----------
    tally
        Of one registry or the sum of several.
    plan
        The choices.
    persons_at_risk
        Persons on the index date: the plan's strata that the population has, ``age_group``
        (``"all"`` too), ``population``.
    registered_since
        ISO date on which registration began; by default the first date of incidence.

    Returns
    -------
    DataFrame
        The strata; ``measure`` (``"prevalent persons"``, ``"prevalence"``); ``window``
        (``"0-5"``); ``age_group`` on the index date; ``phase``; ``n``, ``alive``, ``lost``;
        ``population``; ``unit``; ``estimate``, ``se``, ``lower``, ``upper``, ``level``;
        ``method``; ``status``; ``reason``.

    Raises
    ------
    DisagreementError
        The tally was made with another plan.
    """
    if tally.plan_hash != plan.hash:
        raise DisagreementError(
            "the tally was made with another plan", value=tally.plan_hash[:12],
            allowed=plan.hash[:12],
        )  # fmt: skip
    curves = curves_of(tally, plan)
    since = registered_since or tally.first.isoformat()
    parts = []
    for window in plan.windows:
        counted = count_window(tally, plan, window, curves)
        parts.append(_rows(counted, plan, tally, window, since))
    if plan.phases:
        widest = max(plan.windows, key=lambda window: (window[1], -window[0]))
        counted = count_phases(tally, plan, widest, curves)
        parts.append(_rows(counted, plan, tally, widest, since))
    rows = pl.concat(parts)
    if persons_at_risk is not None:
        rows = pl.concat([rows, _proportions(rows, plan, persons_at_risk)])
    return rows.sort(
        *plan.columns, pl.col("measure") == PROPORTION, maintain_order=True, nulls_last=False
    )


def _rows(
    counted: Counted, plan: PrevalencePlan, tally: PrevalenceTally, window: Window, since: str
) -> pl.DataFrame:
    """Return rows of persons with their limits, and why there is none."""
    se = np.sqrt(counted.variance)
    lower, upper = prevalence_limits(counted.estimate, se, lost=counted.lost, level=plan.level)
    why = _refused(plan, tally, window, since)
    blind = [
        f"{k} lost before the index date, and nobody at risk to stand in for them" if k else None
        for k in counted.blind
    ]
    remarks = [
        f"the survival of a wider group stands in for {k} of {lost} lost" if k else None
        for k, lost in zip(counted.widened, counted.lost, strict=True)
    ]
    reason = [why or b or r for b, r in zip(blind, remarks, strict=True)]
    ok = np.array([why is None and b is None for b in blind])

    def shown(values: Floats) -> pl.Series:
        return pl.Series(np.where(ok, values, np.nan)).fill_nan(None)

    return counted.keys.select(
        *plan.columns,
        measure=pl.lit(PERSONS),
        window=pl.lit(window_label(window)),
        age_group="age_group",
        phase="phase",
        n=pl.Series(counted.n),
        alive=pl.Series(counted.alive),
        lost=pl.Series(counted.lost),
        population=pl.lit(None, dtype=pl.Float64),
        unit=pl.lit("persons" if plan.persons else "tumours"),
        estimate=shown(counted.estimate),
        se=shown(se),
        lower=shown(lower),
        upper=shown(upper),
        level=pl.lit(plan.level),
        method=pl.lit(METHOD),
        status=pl.Series(np.where(ok, OK, NOT_ESTIMABLE)),
        reason=pl.Series(reason, dtype=pl.String),
    )


def prevalence_limits(
    persons: Floats, se: Floats, *, lost: NDArray[np.int64], level: float
) -> tuple[Floats, Floats]:
    """Return limits: exact Poisson where nobody was lost, else on the scale of the logarithm."""
    z = NormalDist().inv_cdf(0.5 + level / 2)
    exact = (lost == 0) & (np.abs(persons - np.round(persons)) < EXACT)
    low, high = poisson_exact(np.round(persons), level=level)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.exp(z * se / persons)
        own = (
            np.where(persons > 0, persons / factor, 0.0),
            np.where(persons > 0, persons * factor, high),
        )
    return np.where(exact, low, own[0]), np.where(exact, high, own[1])


def _refused(
    plan: PrevalencePlan, tally: PrevalenceTally, window: Window, since: str
) -> str | None:
    """Return why a window cannot be counted: the data do not reach that far."""
    if tally.last < plan.index:
        return f"nobody is followed to the index date: follow-up ends on {tally.last}"
    start = plan.since(window[1])
    if start + timedelta(days=SHORT_DAYS) < date.fromisoformat(since):
        return f"registration begins on {since}, the window on {start + timedelta(days=1)}"
    return None


def _proportions(rows: pl.DataFrame, plan: PrevalencePlan, people: pl.DataFrame) -> pl.DataFrame:
    """Return the rows over the persons of the population on the index date."""
    keys = [name for name in (*plan.columns, "age_group") if name in people.columns]
    own = rows.drop("population").join(
        people.select(*keys, "population"), on=keys, how="left", maintain_order="left"
    )
    none = pl.col("population").fill_null(0) <= 0
    scale = pl.when(~none).then(plan.per / pl.col("population"))
    numbers = ("estimate", "se", "lower", "upper")
    nobody = pl.lit("the population has nobody of these")
    return own.with_columns(
        *(pl.col(name) * scale for name in numbers),
        measure=pl.lit(PROPORTION),
        unit=pl.lit(f"per {plan.per:,.0f} persons".replace(",", " ")),
        status=pl.when(none).then(pl.lit(NOT_ESTIMABLE)).otherwise("status"),
        reason=pl.when(none & (pl.col("status") == OK)).then(nobody).otherwise("reason"),
    ).select(rows.columns)
