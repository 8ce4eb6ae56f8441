"""``rarecare model``: from a file of cases to a fitted model's table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from rarecare.cli import values
from rarecare.errors import UsageError
from rarecare.models import (
    cure_model,
    excess_cells,
    explain_differences,
    fit_poisson,
    flexible_excess_hazard,
    hazard_model,
    persons,
)
from rarecare.models.fitted import Fitted
from rarecare.population.life_table import LifeTable
from rarecare.registry import Cases
from rarecare.results import Provenance, Result
from rarecare.survival.analysis import Choices

if TYPE_CHECKING:
    from rarecare.figures import Figure

Kind = Literal["poisson", "flexible", "hazard", "cure", "flexible-cure"]
Show = Literal["shares", "survival", "ratios", "avoidable", "complete-cases"]
_GROUPED = ("poisson", "hazard")


def fitted(
    cases: Cases,
    life_table: LifeTable,
    kind: Kind,
    formula: str,
    *,
    covariates: tuple[str, ...],
    breaks: str,
    df: int,
    varying: str,
    group: str | None,
    knots: tuple[float, ...] | None,
    degree: int,
    uncured: str,
    until: float | None,
    choices: Choices,
) -> Result:
    """Return the coefficients of a model, with what was fitted in the notes.

    Raises
    ------
    UsageError
        A choice does not fit the kind of model.
    ModelError
        The model cannot be fitted.
    """
    if group is not None and kind not in _GROUPED:
        raise UsageError(
            f"--kind {kind} has no random intercept", value=f"--group {group}",
            allowed=" or ".join(f"--kind {name}" for name in _GROUPED),
        )  # fmt: skip
    level = choices.get("level", 0.95)
    carried = covariates if group is None or group in covariates else (*covariates, group)
    if kind == "poisson":
        own = {name: value for name, value in choices.items() if name != "level"}
        cells = excess_cells(cases, life_table, covariates=carried, breaks=breaks, **own)  # type: ignore[arg-type]
        poisson = fit_poisson(cells, formula, group=group, level=level)
        said = (
            f"{poisson.cells.height:,} cells, {poisson.deaths:,} deaths; deviance "
            f"{poisson.deviance:.4f} on {poisson.df} df"
        )
        title = f"Grouped Poisson excess-hazard model, {formula}"
        notes = (said, _likelihood(poisson), *_effects(poisson.groups, group))
        return _result(poisson.table(level), cells.provenance, title, notes)
    own = {name: value for name, value in choices.items() if name not in ("level", "by")}
    data, provenance = persons(
        cases, life_table, covariates=tuple(name for name in carried if name != "age"),
        until=until, **own,  # type: ignore[arg-type]
    )  # fmt: skip
    if kind == "cure":
        cure = cure_model(data, formula, uncured)
        notes = (_likelihood(cure), f"{cure.starts} starts ended at a maximum", *cure.remarks)
        return _result(cure.table(level), provenance, f"Cure model, {formula}", notes)
    if kind == "hazard":
        hazard = hazard_model(
            data, formula, knots=knots or (), degree=degree, group=group, level=level
        )
        at = ", ".join(f"{knot:g}" for knot in hazard.baseline.knots)
        notes = (_likelihood(hazard), f"knots in years: {at}", *_effects(hazard.groups, group))
        title = f"Log excess hazard by splines of time, {formula}"
        return _result(hazard.table(level), provenance, title, notes)
    terms = {}
    for part in values.words(varying):
        name, _, columns = part.partition("=")
        if not columns.isdigit():
            raise UsageError("--varying takes pairs", value=part, allowed="TERM=COLUMNS, as sex=2")
        terms[name] = int(columns)
    flexible = flexible_excess_hazard(
        data, formula, df=df, varying=terms, cure=kind == "flexible-cure"
    )
    at = ", ".join(f"{knot:.4f}" for knot in flexible.spline.knots)
    notes = (_likelihood(flexible), f"knots of log years: {at}", *flexible.remarks)
    title = f"Flexible parametric excess-hazard model, {formula}"
    if kind == "flexible-cure":
        title += ", no excess after the last knot"
    return _result(flexible.table(level), provenance, title, notes)


def explained(
    cases: Cases, life_table: LifeTable, show: Show, *, unit: str, **choices: Any
) -> Result:
    """Return one table of what explains the differences between units.

    Raises
    ------
    UsageError
        See ``explain_differences``; complete cases are asked where all are complete.
    ModelError
        A model cannot be fitted.
    """
    made = explain_differences(cases, life_table, unit=unit, **choices)
    if show == "complete-cases" and made.complete_cases is None:
        raise UsageError("everything is known of all cases", value="--show complete-cases")
    tables = {
        "shares": made.decomposition.shares,
        "survival": made.decomposition.units,
        "ratios": made.decomposition.coefficients,
        "avoidable": made.decomposition.avoidable,
    }
    table = made.complete_cases.shares if made.complete_cases and show not in tables else (
        tables[show]
    )  # fmt: skip
    told = made.provenance
    last = max(made.decomposition.units["time_years"])

    def draw(title: str = "What explains the differences in survival", **look: Any) -> Figure:
        from rarecare.figures import decomposition_figure  # noqa: PLC0415 - drawn when asked

        return decomposition_figure(
            made.decomposition.units, unit=unit, time_years=last, title=title, **look
        )

    return Result(
        table,
        replace(told, statistic=f"Differences in net survival by {unit}, explained: {show}"),
        draw,
    )


def _likelihood(fit: Fitted) -> str:
    return f"log-likelihood {fit.loglik:.4f}; AIC {fit.aic:.2f}; BIC {fit.bic:.2f}"


def _effects(groups: pl.DataFrame | None, group: str | None) -> tuple[str, ...]:
    """Return each group's shrunken ratio in words."""
    if groups is None or group is None:
        return ()
    rows = groups.select(
        pl.col(group).cast(pl.String), pl.col("effect", "lower", "upper").exp()
    ).rows()
    said = "; ".join(f"{name} {a:.3f} ({b:.3f} to {c:.3f})" for name, a, b, c in rows)
    return (f"shrunken excess-hazard ratios by {group}: {said}",)


def _result(
    table: pl.DataFrame, provenance: Provenance, statistic: str, notes: tuple[str, ...]
) -> Result:
    return Result(
        table, replace(provenance, statistic=statistic, notes=(*provenance.notes, *notes))
    )
