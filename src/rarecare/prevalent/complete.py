"""Complete prevalence: all who are alive after a diagnosis, however long ago.

N = Σ N_L(x) / R(x, L) over ages x on the index date, with N_L counted and R from incidence and a
cure model. Var N has that of the count and that of R's parameters, which all ages share. Source:
METHODS_DETAIL 11; Capocaccia & De Angelis, *Statistics in Medicine* 1997;16:425-440.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import ModelError, PopulationError, UsageError
from rarecare.models.cure import CureFit
from rarecare.population.life_table import LifeTable
from rarecare.population.population import Population
from rarecare.prevalent.completeness import (
    OLDEST,
    Beyond,
    Integrals,
    fit_beyond,
    integrals,
    logit_limits,
    shared_gradient,
)
from rarecare.prevalent.counting import Curves, count_window, curves_of
from rarecare.prevalent.members import PrevalenceTally, in_window, tally_prevalence
from rarecare.prevalent.plan import PrevalencePlan
from rarecare.prevalent.prevalence import COUNTED, population_on
from rarecare.prevalent.windowed import (
    COMPLETE,
    CURED,
    NO_AGE,
    NOBODY,
    SHARE,
    Reckoned,
    alive_on_the_date,
    as_date,
    prevalence_rows,
    unknown_note,
    unreached_because,
    window_plan,
)
from rarecare.rates.curve import IncidenceCurve
from rarecare.registry import Cases, ExclusionRules
from rarecare.registry.preparation import prepare
from rarecare.results import Provenance, Result

__all__ = [
    "COMPLETE", "CURED", "SHARE", "CompletePrevalence", "complete_prevalence",
]  # fmt: skip

Floats = NDArray[np.float64]
Errors = Literal["delta", "draws"]
AGES: Floats = np.arange(OLDEST, dtype=np.float64) + 0.5
LARGEST = 1.0
"""Largest relative standard error of an estimate that is shown."""
OPEN = "the models leave it open: its standard error exceeds it"
_WEIGHT = "_weight"


@dataclass(frozen=True, slots=True)
class CompletePrevalence:
    """Complete prevalence with what it is made of.

    Attributes
    ----------
    result
        ``table``: one row per stratum and measure: ``window`` (``"0-10"``, counted;
        ``"complete"``; ``"cured"``: those of the complete who are cured; ``"completeness"``,
        the share counted), ``n``, ``estimate``, ``se``, limits, ``status``, ``reason``.
    completeness
        By stratum and age on the index date: ``age``, ``estimate``, ``se``, ``lower``,
        ``upper``.
    models
        By stratum: the curve of incidence and the cure model; None where there is none.
    """

    result: Result
    completeness: pl.DataFrame
    models: dict[tuple[object, ...], tuple[IncidenceCurve, CureFit] | None]


def complete_prevalence(
    cases: Cases | Any,
    population: Population,
    life_table: LifeTable,
    *,
    index_date: date | str,
    years: float,
    by: Sequence[str] = (),
    cured: str = "~ age10",
    uncured: str = "~ age10",
    drift: bool = True,
    errors: Errors = "delta",
    draws: int = 1000,
    seed: int = 20261123,
    registered_since: date | str | None = None,
    allow_outside: float = 0.05,
    level: float = 0.95,
    per: float = 100_000,
    days_per_year: float = 365.2425,
    rules: ExclusionRules = COUNTED,
    bad_rows: Literal["refuse", "exclude"] = "refuse",
    progress: Callable[[int, int], None] | None = None,
) -> CompletePrevalence:
    """Return complete prevalence on a date, from a count over some years and two models.

    Parameters
    ----------
    cases, population, index_date, by, registered_since, level, per, days_per_year, rules, bad_rows
        As for ``prevalence``; ``sex`` must be known where the population is divided by it. Models
        take cases of known age; one of unknown age counts with the mean factor of the others of
        its stratum.
    life_table
        Life table of the general population, for net survival.
    years
        L: the window that is counted.
    cured, uncured
        Formulas of the cure model; they may name ``age`` (years at diagnosis) and ``age10``
        (decades).
    drift
        Whether incidence changes by the same factor each year, also before registration.
    errors
        Of the models' part: ``"delta"``, or ``"draws"`` of all parameters.
    draws, seed
        Of them.
    allow_outside
        Largest share of person-days that may lie outside the life table.
    progress
        Called with (strata done, strata in all).

    Raises
    ------
    UsageError, InputError
        As for ``prevalence`` and ``net_survival``. A stratum whose models cannot be fitted is not
        estimable, and says why.
    """
    if errors not in get_args(Errors):
        raise UsageError("errors has no such choice", value=errors, allowed=get_args(Errors))
    if draws < 2:
        raise UsageError("draws are out of range", value=draws, allowed="2 or more")
    prepared = prepare(cases, rules, days_per_year=days_per_year, bad_rows=bad_rows)
    table, plan = window_plan(
        prepared.table, index_date=index_date, years=years, by=by, level=level, per=per,
        days_per_year=days_per_year,
    )  # fmt: skip
    people, note = population_on(population, plan)
    tally = tally_prevalence(table, plan)
    curves = curves_of(tally, plan)
    since = as_date(registered_since or tally.first)
    unreached = unreached_because(tally, plan, since, years)
    strata: list[_Stratum] = []
    groups = tally.strata.sort(plan.columns, nulls_last=False)
    for number, labels in enumerate(groups.iter_rows(named=True)):
        if progress is not None:
            progress(number, groups.height)
        same = [pl.col(name).eq_missing(pl.lit(value)) for name, value in labels.items()]
        part = replace(tally, members=tally.members.filter(same), strata=groups[number])
        made = _Stratum(labels, count_window(part, plan, plan.windows[0], curves))
        strata.append(made)
        if not made.check(unreached):
            continue
        who = table.filter(same) if by else table
        try:
            made.beyond = fit_beyond(
                who, _own_population(population, labels), life_table, plan, (cured, uncured),
                since=since, drift=drift, allow_outside=allow_outside,
            )  # fmt: skip
        except (ModelError, PopulationError) as error:
            made.why = str(error)
            continue
        made.add(part, plan, curves, draws if errors == "draws" else 0, seed)
    provenance = Provenance(
        statistic=f"complete prevalence on {plan.index_date}",
        inputs=(prepared.source, population.source, life_table.source),
        plan=plan.to_dict() | {"cured": cured, "uncured": uncured, "drift": drift,
                               "errors": errors, "draws": draws, "seed": seed},
        plan_hash=plan.hash,
        exclusions=prepared.exclusions,
        notes=(
            *prepared.notes, *note,
            "beyond the window: incidence as a curve of age"
            + (" that drifts by year" if drift else "")
            + f", net survival by a cure model (cured {cured}, uncured {uncured})",
            *unknown_note(sum(own.unknown for own in strata)),
        ),
    )  # fmt: skip
    return CompletePrevalence(
        Result(prevalence_rows(strata, plan, people, (COMPLETE, CURED, SHARE)), provenance),
        _by_age_rows(strata, plan),
        {tuple(own.labels.values()): own.models for own in strata},
    )


def _own_population(population: Population, labels: dict[str, Any]) -> Population:
    """Return the part of the population that a stratum is of.

    Raises
    ------
    PopulationError
        There is none.
    """
    fixed = {name: labels[name] for name in population.keys if name in labels}
    unknown = [name for name, level in fixed.items() if level is None]
    if unknown:
        raise PopulationError(
            "the population is divided by what is unknown of these cases", value=unknown[0]
        )
    return population.part(**fixed) if fixed else population


@dataclass(slots=True)
class _Stratum(Reckoned):
    """A stratum whose completeness is modelled."""

    beyond: Beyond | None = None
    completeness: Integrals | None = None

    @property
    def models(self) -> tuple[IncidenceCurve, CureFit] | None:
        return None if self.beyond is None else (self.beyond.curve, self.beyond.fit)

    def add(
        self, part: PrevalenceTally, plan: PrevalencePlan, curves: Curves, draws: int, seed: int
    ) -> None:
        """Add estimates and variances of the complete, the cured and the share counted."""
        assert self.beyond is not None
        own = integrals(
            self.beyond.curve, self.beyond.fit, ages=AGES, years=plan.windows[0][1],
            index=plan.index,
        )  # fmt: skip
        self.completeness, self.remarks = own, self.beyond.fit.remarks
        who = part.members.filter(in_window(plan, plan.windows[0]))
        alive = alive_on_the_date(who, plan, curves)
        known = who["_age"].is_not_null().to_numpy()
        self.unknown = int((alive[~known] > 0).sum())
        if not alive[known].sum() > 0:
            self.why = NO_AGE if alive.sum() > 0 else NOBODY
            return
        chance = _Chance(replace(part, members=who), alive, self.beyond, plan, curves, own)
        age = who["_age"].fill_null(0).clip(0, OLDEST - 1).to_numpy()
        at_age = np.bincount(age[known], weights=alive[known], minlength=OLDEST)
        at_age = at_age * (alive.sum() / alive[known].sum())  # the unknown, like the known
        drawn = _draws(self.beyond, plan, at_age, draws=draws, seed=seed) if draws else {}
        seen = np.where(own.seen > 0, own.seen, 1)[:, None]
        for name, top, of_top in (
            (COMPLETE, own.alive, own.of_alive), (CURED, own.cured, own.of_cured)
        ):  # fmt: skip
            factor = _ratio(top, own.seen)
            weight = np.where(known, factor[age], at_age @ factor / at_age.sum())
            slope = at_age @ ((of_top - factor[:, None] * own.of_seen) / seen)
            total = float(weight @ alive)
            variance = chance.variance(weight, slope, drawn.get(name))
            if not variance**0.5 <= LARGEST * total:
                self.why = "; ".join([OPEN, *self.remarks])
                continue
            self.numbers[name] = (total, variance)
            if name == COMPLETE:
                share = float(alive.sum() / total)
                models = None if name not in drawn else share**2 * drawn[name]
                spread = chance.variance(1 - share * weight, -share * slope, models)
                self.numbers[SHARE] = (share, spread / total**2)


class _Chance:
    """The variance of Σ weight × alive, where the weights come from models of the same cases.

    Var = that of the sum with its weights held + that of the models + twice their covariance.
    Cases come as a Poisson process, so the covariance of two sums over them is the sum of the
    products: what a member adds to the count × what it adds to the parameters. Nothing else
    links them: given the past, the score of survival has mean 0.
    """

    def __init__(  # noqa: PLR0917
        self, part: PrevalenceTally, alive: Floats, beyond: Beyond, plan: PrevalencePlan,
        curves: Curves, own: Integrals,
    ) -> None:  # fmt: skip
        self.part, self.plan, self.curves, self.own = part, plan, curves, own
        self.adds = alive[:, None] * shared_gradient(beyond, part.members, plan)

    def variance(self, weight: Floats, slope: Floats, models: float | None) -> float:
        """Return the variance; ``models`` takes the place of that of the delta method."""
        members = self.part.members.with_columns(pl.Series(_WEIGHT, weight))
        count = count_window(
            replace(self.part, members=members), self.plan, self.plan.windows[0], self.curves,
            weight=pl.col(_WEIGHT),
        )  # fmt: skip
        both = weight @ self.adds @ self.own.covariance @ slope
        if models is None:
            models = float(slope @ self.own.covariance @ slope)
        return max(float(count.variance[0] + models + 2 * both), 0.0)


def _by_age_rows(strata: Sequence[_Stratum], plan: PrevalencePlan) -> pl.DataFrame:
    """Return completeness by age on the index date, limits on the logit scale."""
    parts = [pl.DataFrame(schema=dict.fromkeys(("estimate", "se", "lower", "upper"), pl.Float64))]
    for own in strata:
        if own.completeness is None:
            continue
        share, slope = own.completeness.completeness, own.completeness.gradient
        se = np.sqrt(np.einsum("ai,ij,aj->a", slope, own.completeness.covariance, slope))
        lower, upper = logit_limits(share, se, plan.level)
        labels = own.counted.keys.select(plan.columns)
        ages = pl.DataFrame({
            "age": np.arange(OLDEST), "estimate": share, "se": se, "lower": lower, "upper": upper,
        })  # fmt: skip
        parts.append(labels.join(ages, how="cross", maintain_order="left_right"))
    columns = [*plan.columns, "age"]
    if len(parts) == 1:
        return parts[0].select(
            *(pl.lit(None, dtype=pl.Null).alias(name) for name in columns), pl.all()
        )
    return pl.concat(parts[1:])


def _ratio(top: Floats, bottom: Floats) -> Floats:
    ratio: Floats = np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1), 0.0)
    return ratio


def _draws(
    beyond: Beyond, plan: PrevalencePlan, at_age: Floats, *,
    draws: int, seed: int,
) -> dict[str, float]:  # fmt: skip
    """Return variances of the complete and the cured over draws of all parameters."""
    curve, fit = beyond.curve, beyond.fit
    rng = np.random.default_rng(seed)
    of_curve = rng.multivariate_normal(curve.fit.coefficients, curve.fit.covariance, draws)
    of_fit = rng.multivariate_normal(fit.coefficients, fit.covariance, draws)
    on = at_age > 0
    found: dict[str, list[float]] = {COMPLETE: [], CURED: []}
    for first, second in zip(of_curve, of_fit, strict=True):
        own = integrals(
            replace(curve, fit=replace(curve.fit, coefficients=first)),
            replace(fit, coefficients=second), ages=AGES[on], years=plan.windows[0][1],
            index=plan.index,
        )  # fmt: skip
        found[COMPLETE].append(float(at_age[on] @ _ratio(own.alive, own.seen)))
        found[CURED].append(float(at_age[on] @ _ratio(own.cured, own.seen)))
    return {name: float(np.var(values, ddof=1)) for name, values in found.items()}
