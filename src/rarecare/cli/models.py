"""``rarecare model``: from a file of cases to a fitted model's table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import polars as pl

from rarecare.cli import values
from rarecare.errors import UsageError
from rarecare.models import (
    cure_model,
    flexible_excess_hazard,
    persons,
    poisson_excess_hazard,
)
from rarecare.population.life_table import LifeTable
from rarecare.registry import Cases
from rarecare.results import Provenance, Result
from rarecare.survival.analysis import Choices

Kind = Literal["poisson", "flexible", "cure"]


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
    if kind == "poisson":
        _, result = poisson_excess_hazard(
            cases, life_table, formula, covariates=covariates, breaks=breaks, **choices
        )
        return result
    own: dict[str, Any] = {
        name: value for name, value in choices.items() if name not in ("level", "by")
    }
    carried = tuple(name for name in covariates if name != "age")
    data, provenance = persons(cases, life_table, covariates=carried, until=until, **own)
    level = choices.get("level", 0.95)
    if kind == "cure":
        cure = cure_model(data, formula, uncured)
        notes = (
            f"log-likelihood {cure.loglik:.4f}; AIC {cure.aic:.2f}; {cure.starts} starts ended "
            f"at a maximum",
            *cure.remarks,
        )
        return _result(cure.table(level), provenance, f"Cure model, {formula}", notes)
    terms = {}
    for part in values.words(varying):
        name, _, columns = part.partition("=")
        if not columns.isdigit():
            raise UsageError("--varying takes pairs", value=part, allowed="TERM=COLUMNS, as sex=2")
        terms[name] = int(columns)
    flexible = flexible_excess_hazard(data, formula, df=df, varying=terms)
    knots = ", ".join(f"{knot:.4f}" for knot in flexible.spline.knots)
    notes = (
        f"log-likelihood {flexible.loglik:.4f}; AIC {flexible.aic:.2f}; BIC {flexible.bic:.2f}",
        f"knots of log years: {knots}",
    )
    title = f"Flexible parametric excess-hazard model, {formula}"
    return _result(flexible.table(level), provenance, title, notes)


def _result(
    table: pl.DataFrame, provenance: Provenance, statistic: str, notes: tuple[str, ...]
) -> Result:
    return Result(
        table, replace(provenance, statistic=statistic, notes=(*provenance.notes, *notes))
    )
