"""Complete prevalence: all who are alive after a diagnosis, however long ago.

N = Σ N_L(x) / R(x, L) over ages x on the index date, with N_L counted and R from incidence and a
cure model. Var N has that of the count and that of R's parameters, which all ages share. Source:
METHODS_DETAIL 11; Capocaccia & De Angelis, *Statistics in Medicine* 1997;16:425-440.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from statistics import NormalDist
from typing import Any, Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import ModelError, UsageError
from rarecare.models.cure import CureFit, cure_model
from rarecare.models.persons import persons
from rarecare.population.life_table import LifeTable
from rarecare.population.population import Population
from rarecare.prevalent.completeness import DECADES, OLDEST, Integrals, integrals
from rarecare.prevalent.counting import Counted, Curves, count_window, curves_of
from rarecare.prevalent.estimate import PERSONS, PROPORTION, SHORT_DAYS
from rarecare.prevalent.members import PrevalenceTally, tally_prevalence
from rarecare.prevalent.plan import AGE_CLASS, SEX, PrevalencePlan, window_label
from rarecare.prevalent.prevalence import COUNTED, population_on
from rarecare.rates.curve import IncidenceCurve, incidence_curve
from rarecare.rates.plan import canonical_levels, incidence_plan
from rarecare.rates.tally import tally_incidence
from rarecare.registry import Cases, ExclusionRules
from rarecare.registry.preparation import prepare
from rarecare.results import NOT_ESTIMABLE, OK, Provenance, Result

Floats = NDArray[np.float64]
Errors = Literal["delta", "draws"]
COMPLETE, CURED, SHARE = "complete", "cured", "completeness"
BEYOND = 0.5
FAR = "more than half is estimated beyond the registry's years"
NOBODY = "nobody was counted"
AGES: Floats = np.arange(OLDEST, dtype=np.float64) + 0.5


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
        As for ``prevalence``; ages and, where the population is divided by it, ``sex`` must be
        known.
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
    if not years > 0:
        raise UsageError("years are out of range", value=years, allowed="above 0")
    prepared = prepare(cases, rules, days_per_year=days_per_year, bad_rows=bad_rows)
    table = prepared.table.with_columns(
        canonical_levels(prepared.table[name]).alias(name) for name in by
    )
    own = [*by, *([SEX] if SEX in table.columns and SEX not in by else []), AGE_CLASS]
    plan = PrevalencePlan(
        strata=tuple(by), index_date=str(index_date), windows=((0.0, float(years)),),
        survival_strata=tuple(own), level=level, per=float(per), days_per_year=days_per_year,
    )  # fmt: skip
    people, note = population_on(population, plan)
    tally = tally_prevalence(table, plan)
    curves = curves_of(tally, plan)
    since = str(registered_since or tally.first)
    late = (date.fromisoformat(since) - plan.since(years)).days > SHORT_DAYS
    strata = []
    groups = tally.strata.sort(plan.columns, nulls_last=False)
    for number, labels in enumerate(groups.iter_rows(named=True)):
        if progress is not None:
            progress(number, groups.height)
        same = [pl.col(name).eq_missing(pl.lit(value)) for name, value in labels.items()]
        part = replace(tally, members=tally.members.filter(same), strata=groups[number])
        made = _Stratum(labels, count_window(part, plan, plan.windows[0], curves))
        strata.append(made)
        if late:
            made.why = f"registration begins on {since}, {years:g} years are asked"
            continue
        who = table.filter(same) if by else table
        try:
            made.beyond = _models(
                who, population, life_table, plan, (cured, uncured),
                since=date.fromisoformat(since), drift=drift, allow_outside=allow_outside,
            )  # fmt: skip
        except ModelError as error:
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
        ),
    )  # fmt: skip
    return CompletePrevalence(
        Result(_rows(strata, plan, people, late=late), provenance),
        _by_age_rows(strata, plan),
        {tuple(own.labels.values()): own.beyond for own in strata},
    )


@dataclass(slots=True)
class _Stratum:
    """One stratum: what was counted, its models, and what they say."""

    labels: dict[str, Any]
    counted: Counted
    beyond: tuple[IncidenceCurve, CureFit] | None = None
    why: str | None = None
    numbers: dict[str, tuple[float, float]] = field(default_factory=dict)
    completeness: Integrals | None = None

    def add(
        self, part: PrevalenceTally, plan: PrevalencePlan, curves: Curves, draws: int, seed: int
    ) -> None:
        """Add estimates and variances of the complete, the cured and the share counted."""
        assert self.beyond is not None
        window = plan.windows[0]
        own = integrals(*self.beyond, ages=AGES, years=window[1], index=plan.index)
        at_age = _counts_by_age(part, plan, curves)
        drawn = _draws(self.beyond, plan, at_age, draws=draws, seed=seed) if draws else {}
        for name, top, of_top in (
            (COMPLETE, own.alive, own.of_alive), (CURED, own.cured, own.of_cured)
        ):  # fmt: skip
            factor = _ratio(top, own.seen)
            weight = _at(pl.col("_age").clip(0, OLDEST - 1), factor)
            weighted = count_window(part, plan, window, curves, weight=weight)
            seen = np.where(own.seen > 0, own.seen, 1)[:, None]
            slope = at_age @ ((of_top - factor[:, None] * own.of_seen) / seen)
            models = drawn.get(name, float(slope @ own.covariance @ slope))
            self.numbers[name] = (
                float(weighted.estimate[0]), float(weighted.variance[0]) + models
            )  # fmt: skip
            if name == COMPLETE and weighted.estimate[0] > 0:
                share = float(self.counted.estimate[0] / weighted.estimate[0])
                of_share = share / float(weighted.estimate[0])
                self.numbers[SHARE] = (share, of_share**2 * models)
        self.completeness = own


def _rows(
    strata: Sequence[_Stratum], plan: PrevalencePlan, people: pl.DataFrame, *, late: bool
) -> pl.DataFrame:
    """Return the rows of all strata: persons, then proportions, with limits."""
    limited = window_label(plan.windows[0])
    lines = []
    for own in strata:
        counted = (float(own.counted.estimate[0]), float(own.counted.variance[0]))
        share = own.numbers.get(SHARE, (1.0, 0.0))[0]
        for window in (limited, COMPLETE, CURED, SHARE):
            value, variance = (
                (counted if not late else (None, None)) if window == limited
                else own.numbers.get(window, (None, None))
            )  # fmt: skip
            remark = FAR if window == COMPLETE and share < BEYOND else None
            lines.append(
                {
                    **own.labels, "measure": SHARE if window == SHARE else PERSONS,
                    "window": window, "n": int(own.counted.n[0]), "estimate": value,
                    "se": None if variance is None else variance**0.5,
                    "reason": remark if value is not None else own.why or NOBODY,
                }
            )  # fmt: skip
    numbers = dict.fromkeys(("estimate", "se"), pl.Float64)
    rows = pl.DataFrame(lines, infer_schema_length=None, schema_overrides={
        **numbers, "reason": pl.String,
    })  # fmt: skip
    keys = [name for name in plan.strata if name in people.columns]
    whole = people.filter(age_group="all").select(*keys, "population")
    rows = rows.join(whole, on=keys, how="left") if keys else rows.join(whole, how="cross")
    scale = plan.per / pl.col("population")
    proportions = rows.filter(pl.col("measure") == PERSONS, pl.col("population") > 0).with_columns(
        pl.col("estimate") * scale, pl.col("se") * scale, measure=pl.lit(PROPORTION)
    )
    z = NormalDist().inv_cdf(0.5 + plan.level / 2)
    found = pl.col("estimate")
    factor = pl.when(found > 0).then((z * pl.col("se") / found).exp()).otherwise(1.0)
    units = {
        PERSONS: "persons", SHARE: "share",
        PROPORTION: f"per {plan.per:,.0f} persons".replace(",", " "),
    }  # fmt: skip
    return pl.concat([rows, proportions]).select(
        *plan.columns, "measure", "window", "n", "population",
        unit=pl.col("measure").replace_strict(units),
        estimate=found, se="se", lower=found / factor, upper=found * factor,
        level=pl.lit(plan.level),
        method=pl.when(window=limited).then(pl.lit("counted")).otherwise(
            pl.lit("counted / completeness")
        ),
        status=pl.when(found.is_null()).then(pl.lit(NOT_ESTIMABLE)).otherwise(pl.lit(OK)),
        reason="reason",
    )  # fmt: skip


def _by_age_rows(strata: Sequence[_Stratum], plan: PrevalencePlan) -> pl.DataFrame:
    """Return completeness by age on the index date, limits on the logit scale."""
    z = NormalDist().inv_cdf(0.5 + plan.level / 2)
    parts = []
    for own in strata:
        if own.completeness is None:
            continue
        share, slope = own.completeness.completeness, own.completeness.gradient
        se = np.sqrt(np.einsum("ai,ij,aj->a", slope, own.completeness.covariance, slope))
        open_share = np.clip(share, 1e-12, 1 - 1e-12)
        odds = open_share / (1 - open_share)
        factor = np.exp(z * se / (open_share * (1 - open_share)))
        parts.append(
            pl.DataFrame(
                {
                    **{name: [value] * OLDEST for name, value in own.labels.items()},
                    "age": np.arange(OLDEST), "estimate": share, "se": se,
                    "lower": np.where(se > 0, odds / factor / (1 + odds / factor), share),
                    "upper": np.where(se > 0, 1 / (1 + 1 / (odds * factor)), share),
                }
            )
        )  # fmt: skip
    return pl.concat(parts) if parts else pl.DataFrame()


def _models(
    who: pl.DataFrame, population: Population, life_table: LifeTable, plan: PrevalencePlan,
    formulas: tuple[str, str], *, since: date, drift: bool, allow_outside: float,
) -> tuple[IncidenceCurve, CureFit]:  # fmt: skip
    """Fit incidence by age and net survival of one stratum."""
    fixed = {name: who[name][0] for name in population.keys if name in plan.strata and who.height}
    own = population.part(**fixed) if fixed else population
    dated = who.filter(pl.col("incidence_date") <= plan.index).with_columns(
        age=(pl.col("age_days") / plan.days_per_year).floor().cast(pl.Int64)
        if "age_days" in who.columns else pl.col("age")
    )  # fmt: skip
    if own.years:
        held = [year for year in own.years if _registered(year, since, plan.index)]
        if not held:
            raise ModelError(
                "no whole year is both registered and in the population",
                value=f"registered {since} to {plan.index}", allowed=f"years {own.years}",
            )  # fmt: skip
        own = own.part(year=held)
        dated = dated.filter(pl.col("incidence_date").dt.year().is_in(held))
    by = ["year"] if own.years else []
    rates = incidence_plan(dated, own, by=by, age_groups=own.age_lower, standards=())
    tally = tally_incidence(dated, own, rates)
    lower = np.array(rates.age_lower, dtype=float)
    upper = np.append(lower[1:], rates.age_end or max(90.0, lower[-1] + 5))
    n_years = tally.arrays["cases"].shape[0]
    when = tally.strata["year"].to_numpy() + 0.5 if by else np.full(n_years, plan.index.year + 0.0)
    curve = incidence_curve(
        np.tile(lower, n_years), np.tile(upper, n_years), np.repeat(when, len(lower)),
        tally.arrays["cases"].ravel().astype(float), tally.arrays["person_years"].ravel(),
        drift=drift,
    )  # fmt: skip
    followed = who.filter(pl.col("follow_up_days") >= 1)
    data, _ = persons(
        followed, life_table, covariates=[], days_per_year=plan.days_per_year,
        allow_outside=allow_outside,
    )  # fmt: skip
    fit = cure_model(data.with_columns((pl.col("age") / 10).alias(DECADES)), *formulas)
    return curve, fit


def _registered(year: int, since: date, index: date) -> bool:
    """Return whether a year is registered whole, or nearly."""
    slack = timedelta(days=SHORT_DAYS)
    return since - slack <= date(year, 1, 1) and date(year, 12, 31) <= index + slack


def _ratio(top: Floats, bottom: Floats) -> Floats:
    ratio: Floats = np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1), 0.0)
    return ratio


def _at(age: pl.Expr, factor: Floats) -> pl.Expr:
    """Return the factor of each member's age; that of the middle of life where it is unknown."""
    return pl.lit(pl.Series(factor)).gather(age.fill_null(OLDEST // 2).cast(pl.UInt32))


def _counts_by_age(part: PrevalenceTally, plan: PrevalencePlan, curves: Curves) -> Floats:
    """Return prevalent persons of the window by single year of age."""
    single = replace(plan, age_lower=tuple(range(OLDEST)))
    return count_window(part, single, plan.windows[0], curves).estimate[-OLDEST:]


def _draws(
    beyond: tuple[IncidenceCurve, CureFit], plan: PrevalencePlan, at_age: Floats, *,
    draws: int, seed: int,
) -> dict[str, float]:  # fmt: skip
    """Return variances of the complete and the cured over draws of all parameters."""
    curve, fit = beyond
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
