"""Which standard population survival is weighed by, and the age classes of cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import CaseError, CodeError, ColumnError, UsageError
from rarecare.survival.plan import AGE_CLASS, Standard

INTERNAL = "internal"
BY_ENTITY = "icss by entity"
NAMED = ("icss1", "icss2", "icss3", "icss prostate", BY_ENTITY, INTERNAL)
CLASSES = (15, 45, 55, 65, 75)
"""First completed age of each class of ICSS 1 to 3."""

ENTITIES = ("entity_tier2", "entity_tier1", "entity_id")
"""Strata that name an entity, the one that decides its standard first."""

Given = str | Standard | Mapping[int, float] | None


def named_standard(standard: Given) -> Standard | None:
    """Return a standard: ``"icss1"`` to ``"icss3"``, ``"icss prostate"``, or given weights.

    Parameters
    ----------
    standard
        A name, a ``Standard``, or weights on any scale by the first completed age of each
        class: ``{15: 7, 45: 12, 55: 23, 65: 29, 75: 29}``.

    Raises
    ------
    CodeError
        There is no such standard.
    UsageError
        The weights are not such.
    """
    if standard is None or isinstance(standard, Standard):
        return standard
    if isinstance(standard, Mapping):
        return _of_weights("given weights", standard)
    from rarecare.codes.standards import icss_classes  # noqa: PLC0415 - read when asked

    name = standard.lower().replace("-", " ").replace("icss", "").strip()
    if name not in ("1", "2", "3", "prostate"):
        raise CodeError(
            "there is no survival standard of this name",
            value=standard,
            allowed=NAMED,
            remedy="For other classes give weights: {15: 0.07, 45: 0.12, ...}.",
        )
    weights = icss_classes(int(name) if name.isdigit() else name)
    return _of_weights(standard.lower(), dict(zip(weights.age_lower, weights.weights, strict=True)))


def _of_weights(name: str, given: Mapping[int, float]) -> Standard:
    values = [float(weight) for weight in given.values()]
    if not values or not all(0 <= value < np.inf for value in values) or sum(values) <= 0:
        raise UsageError(
            "the weights of a standard are not such",
            value=dict(given),
            allowed="the first age of each class and its weight, as {15: 7, 45: 12, 55: 23}",
        )
    total = sum(values)
    return Standard(
        name=name,
        age_lower=tuple(int(age) for age in given),
        weights=tuple(value / total for value in values),
    )


def internal_standard(ages: NDArray[Any], bounds: Sequence[int] = CLASSES) -> Standard:
    """Return the age distribution of the cases themselves, all strata together."""
    counted = np.bincount(np.searchsorted(bounds, ages, side="right"), minlength=len(bounds) + 1)
    return _of_weights(INTERNAL, dict(zip(bounds, counted[1:].tolist(), strict=True)))


def entity_standards(by: Sequence[str]) -> tuple[str, tuple[tuple[str, Standard], ...]]:
    """Return the stratum that names the entity, and the standard of each entity.

    Raises
    ------
    UsageError
        No stratum names an entity.
    """
    from rarecare.codes.rare_cancers import default_list  # noqa: PLC0415 - read when asked

    column = next((name for name in ENTITIES if name in by), None)
    if column is None:
        raise UsageError(
            "a standard by entity needs strata of entities",
            value=list(by),
            allowed=ENTITIES,
            remedy="Add one to the strata, or name one standard for all.",
        )
    entities = default_list().entities
    own = {number: named_standard(f"icss{number}") for number in ("1", "2", "3")}
    chosen = zip(entities["entity_id"].to_list(), entities["icss_standard"].to_list(), strict=True)
    return column, tuple(
        (entity, standard)
        for entity, number in chosen
        if (standard := own.get(str(number))) is not None
    )


def ages_of(table: pl.DataFrame, days_per_year: float) -> NDArray[Any]:
    """Return ages at diagnosis, in completed years.

    Raises
    ------
    ColumnError
        The cases have neither age nor age in days.
    CaseError
        An age is unknown.
    """
    if "age" in table.columns:
        ages = table["age"].cast(pl.Float64).to_numpy()
    elif "age_days" in table.columns:
        ages = np.floor(table["age_days"].cast(pl.Float64).to_numpy() / days_per_year)
    else:
        raise ColumnError("age standardisation needs age", allowed=table.columns)
    unknown = int(np.isnan(ages).sum())
    if unknown:
        raise CaseError(
            f"age is unknown for {unknown} cases",
            remedy="Leave them out: ages in the exclusion rules.",
        )
    return ages


def with_age_classes(table: pl.DataFrame, standard: Standard, days_per_year: float) -> pl.DataFrame:
    """Add the age class of each case.

    Raises
    ------
    ColumnError, CaseError
        As ``ages_of``; a case is younger than the first class.
    """
    ages = ages_of(table, days_per_year)
    bounds = standard.age_lower
    classes = np.searchsorted(bounds, ages, side="right") - 1
    young = int((classes < 0).sum())
    if young:
        raise CaseError(
            f"{young} cases are younger than the first age class of {standard.name}",
            value=int(ages.min()),
            allowed=f"ages from {bounds[0]}",
            remedy="Leave them out: ages in the exclusion rules.",
        )
    return table.with_columns(pl.Series(AGE_CLASS, classes, dtype=pl.Int64))
