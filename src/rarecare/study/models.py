"""The excess-hazard models of a release: cells by registry, one model per entity, their rows.

Cells are sums, so that each registry gives its own with its own life table and the model is fitted
to their sum; the country of a registry is a covariate. Cases of which a covariate is unknown are
left out, and counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from rarecare.errors import UsageError
from rarecare.models.cells import Cells, excess_cells
from rarecare.models.decomposition import Decomposition, decompose
from rarecare.models.poisson import PoissonFit, fit_poisson
from rarecare.population.life_table import LifeTable
from rarecare.results import Provenance
from rarecare.study import schema
from rarecare.study.config import Models, Study
from rarecare.study.entities import LEAF, Groups
from rarecare.survival.analysis import Choices
from rarecare.survival.breaks import parse_breaks

COUNTRY, AGE_GROUP = "country", "age_group"
METHOD = "poisson excess hazard"
OVER = "all cases of the model"
_KEYS = ("start", "end", "interval")
_SUMS = ("n", "deaths", "expected", "person_years")


@dataclass(slots=True)
class Gathered:
    """The cells of one entity, registry by registry."""

    tables: list[pl.DataFrame] = field(default_factory=list)
    people: list[pl.DataFrame] = field(default_factory=list)
    provenance: Provenance | None = None
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class ModelsMade:
    """Rows of ``estimates.parquet``, the models as JSON by file name, and what is to be said."""

    estimates: list[pl.DataFrame]
    files: dict[str, dict[str, Any]]
    notes: list[str]


def gather(
    into: dict[str, Gathered], cases: pl.DataFrame, life_table: LifeTable, groups: Groups,
    study: Study, *, country: str,
) -> None:  # fmt: skip
    """Add one registry's cells of every entity that is modelled."""
    asked = study.models
    assert asked is not None
    columns = tuple(name for name in asked.covariates if name != COUNTRY)
    window = study.survival.window
    choices: Choices = {
        "days_per_year": study.study.days_per_year, "allow_outside": 1.0,
    }  # fmt: skip
    if window is not None:
        choices["window"] = window
    if study.survival.incidence is not None:
        choices["incidence"] = study.survival.incidence
    leaves = groups.table["entity_id"].to_list()
    for entity in asked.entities:
        if entity not in leaves:
            raise UsageError(
                "a model is asked of an entity that the study does not report on", value=entity,
                allowed=leaves,
            )  # fmt: skip
        held = groups.members[leaves.index(entity)]
        own = cases.filter(pl.col(LEAF).to_physical().is_in(np.flatnonzero(held).tolist()))
        lacking = next((c for c in columns if c not in (*own.columns, AGE_GROUP)), None)
        if lacking is not None:
            raise UsageError(
                "a covariate of the models is no column of the cases", value=lacking,
                allowed=own.columns, remedy="Name it in [models] covariates as the cases have it.",
            )  # fmt: skip
        own = with_age_groups(own, asked)
        known = own.drop_nulls(columns)
        part = into.setdefault(entity, Gathered())
        part.unknown += own.height - known.height
        if known.is_empty():
            continue
        cells = excess_cells(known, life_table, covariates=columns, breaks=asked.breaks, **choices)
        part.tables.append(cells.table.with_columns(pl.lit(country).alias(COUNTRY)))
        part.people.append(cells.cases.with_columns(pl.lit(country).alias(COUNTRY)))
        part.provenance = cells.provenance


def with_age_groups(cases: pl.DataFrame, asked: Models) -> pl.DataFrame:
    """Return the cases with ``age_group``: from each lower bound of the study to the next."""
    lower = asked.age_groups
    labels = [f"{a}-{b - 1}" for a, b in pairwise(lower)] + [f"{lower[-1]}+"]
    place = np.searchsorted(lower, cases["age"].to_numpy(), side="right") - 1
    return cases.filter(pl.Series(place >= 0)).with_columns(
        pl.Series(labels).gather(place[place >= 0]).alias(AGE_GROUP)
    )


def model_rows(
    gathered: dict[str, Gathered], study: Study, *, period: str,
    progress: Callable[[str], None] | None = None,
) -> ModelsMade:  # fmt: skip
    """Fit each entity's model and return its rows.

    Raises
    ------
    ModelError
        A model cannot be fitted; the message names the columns.
    UsageError
        The formula names a column that there is not.
    """
    asked = study.models
    assert asked is not None
    made = ModelsMade([], {}, [])
    for entity, part in gathered.items():
        if progress is not None:
            progress(entity)
        if not part.tables or part.provenance is None:
            made.notes.append(f"model of {entity}: no case of which all covariates are known")
            continue
        cells = _summed(part, asked)
        fit = fit_poisson(cells, asked.formula)
        if part.unknown:
            made.notes.append(
                f"model of {entity}: {part.unknown:,} cases left out, of which a covariate is "
                "unknown or the age below the first group"
            )
        rows = [_coefficients(fit, study), _standardised(fit, asked, study)]
        if asked.determinants:
            rows += _explained(
                decompose(
                    cells, unit=COUNTRY, determinants=asked.determinants, at=asked.at,
                    bootstrap=asked.bootstrap, seed=asked.seed, level=study.level,
                ),
                fit.n,
            )  # fmt: skip
        whole = pl.concat(rows, how="diagonal_relaxed")
        made.estimates.append(_filled(whole, entity, period, study))
        made.files[f"{entity}.json"] = as_json(fit, asked)
    return made


def _summed(part: Gathered, asked: Models) -> Cells:
    by = tuple(dict.fromkeys((COUNTRY, *asked.covariates)))
    table = (
        pl.concat(part.tables).group_by(*by, *_KEYS).agg(pl.col(_SUMS).sum()).sort(*by, "interval")
    )
    people = pl.concat(part.people).group_by(by).agg(pl.col("n").sum()).sort(by)
    assert part.provenance is not None
    return Cells(table, by, parse_breaks(asked.breaks), people, part.provenance)


def _coefficients(fit: PoissonFit, study: Study) -> pl.DataFrame:
    """Return excess-hazard ratios, of terms that are not of the baseline."""
    table = fit.table(study.level).filter(
        ~pl.col("term").str.contains("Intercept") & ~pl.col("term").str.contains("interval")
    )
    return table.select(
        measure=pl.lit(schema.HAZARD_RATIO), area=pl.lit(schema.ALL),
        method=pl.concat_str(pl.lit(f"{METHOD}: "), "term"), standard=pl.lit(schema.NONE),
        n=pl.lit(fit.n), unit=pl.lit("ratio"), estimate="ratio",
        se=pl.col("se") * pl.col("ratio"), lower="lower", upper="upper", level="level",
        status="status", reason="reason",
    )  # fmt: skip


def _standardised(fit: PoissonFit, asked: Models, study: Study) -> pl.DataFrame:
    """Return each country's net survival over the case mix of all, and its contrast to all."""
    parts = []
    countries = fit.people[COUNTRY].unique().sort().to_list()
    for country in (None, *countries) if len(countries) > 1 else (None,):
        fixed = None if country is None else {COUNTRY: country}
        own = fit.standardised(asked.at, fixed=fixed, level=study.level)
        people = fit.n if country is None else int(
            fit.people.filter(pl.col(COUNTRY) == country)["n"].sum()
        )  # fmt: skip
        labels = {
            "area": pl.lit(country or schema.ALL), "method": pl.lit(METHOD),
            "standard": pl.lit(OVER), "n": pl.lit(people), "unit": pl.lit("proportion"),
        }  # fmt: skip
        parts.append(own.with_columns(measure=pl.lit(schema.MODEL_SURVIVAL), **labels))
        if country is not None:
            against = {COUNTRY: countries[0]}
            if country == countries[0]:
                continue
            difference = fit.contrast(fixed or {}, against, asked.at, level=study.level)
            labels["method"] = pl.lit(f"{METHOD}: against {countries[0]}")
            parts.append(difference.with_columns(measure=pl.lit(schema.MODEL_DIFFERENCE), **labels))
    return pl.concat(parts)


def _explained(made: Decomposition, n: int) -> list[pl.DataFrame]:
    """Return the shares of the variance between countries, Shapley's and in the stated order."""
    parts = []
    for column, words in (("shapley", "Shapley"), ("in_order", "in order")):
        own = made.shares.select(
            measure=pl.lit(schema.SHARE_EXPLAINED), area=pl.lit(schema.ALL),
            method=pl.concat_str(pl.lit(f"{words}: "), "determinant"), standard=pl.lit(OVER),
            time_years="time_years", n=pl.lit(n), unit=pl.lit("share of variance"),
            estimate=pl.col(column),
            lower=pl.col("lower") if column == "shapley" else pl.lit(None, dtype=pl.Float64),
            upper=pl.col("upper") if column == "shapley" else pl.lit(None, dtype=pl.Float64),
            level="level", status="status", reason="reason",
        )  # fmt: skip
        outside = (pl.col("lower") > pl.col("estimate")) | (pl.col("upper") < pl.col("estimate"))
        parts.append(
            own.with_columns(
                pl.when(outside).then(None).otherwise(pl.col(name)).alias(name)
                for name in ("lower", "upper")
            )
        )
    return parts


def _filled(rows: pl.DataFrame, entity: str, period: str, study: Study) -> pl.DataFrame:
    """Return rows in the columns of the schema."""
    missing = {
        name: pl.lit(None, dtype=dtype)
        for name, dtype in schema.ESTIMATES.items()
        if name not in rows.columns and name != "classification_confidence"
    }
    ok = pl.col("status") == "ok"
    return rows.with_columns(**missing).with_columns(
        pl.when(ok).then(pl.col(name)).alias(name) for name in ("estimate", "se", "lower", "upper")
    ).with_columns(
        entity_id=pl.lit(entity), sex=pl.lit(schema.ALL), age_group=pl.lit(schema.ALL),
        period=pl.lit(period), synthetic=pl.lit(study.study.synthetic),
    )  # fmt: skip


def as_json(fit: PoissonFit, asked: Models) -> dict[str, Any]:
    """Return a model as it can be used again: columns, coefficients, covariance, breaks."""
    return {
        "model": METHOD,
        "formula": asked.formula,
        "breaks_years": list(fit.breaks),
        "names": list(fit.names),
        "levels": {name: list(levels) for name, levels in fit.design.levels.items()},
        "coefficients": fit.coefficients.tolist(),
        "covariance": fit.covariance.tolist(),
        "loglik": fit.loglik,
        "deviance": fit.deviance,
        "aic": fit.aic,
        "bic": fit.bic,
        "n": fit.n,
        "deaths": fit.deaths,
        "cells": fit.cells.height,
        "no_excess": list(fit.no_excess),
    }
