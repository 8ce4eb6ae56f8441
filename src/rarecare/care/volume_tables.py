"""Volumes of hospitals and centralisation, from cases and events in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from rarecare.care.centralisation import centralisation
from rarecare.care.thresholds import Threshold
from rarecare.care.volumes import hospital_volumes, treatment_units
from rarecare.registry import Cases
from rarecare.results import Result


def volumes(
    cases: Cases | Any, events: pl.DataFrame | Any, *, by: Sequence[str] = ("country",),
    entity: str = "entity_tier1", groups: Mapping[str, str] | None = None,
    years: tuple[int, int] | None = None, hospitals: pl.DataFrame | None = None,
    thresholds: Sequence[Threshold] = (), per_hospital: bool = False, level: float = 0.95,
) -> Result:  # fmt: skip
    """Return how far care is centralised, or the yearly volume of each hospital.

    Parameters
    ----------
    cases, events, entity, groups, years, hospitals
        As ``rarecare.care.volumes.treatment_units``.
    by
        Areas.
    thresholds
        Volumes asked for: the share of patients treated where they are reached.
    per_hospital
        One row per hospital instead.
    level
        Confidence level.

    Returns
    -------
    Result
        As ``centralisation``, or as ``hospital_volumes``.

    Raises
    ------
    UsageError, ColumnError, CaseError
        As ``treatment_units``.
    """
    units = treatment_units(
        cases, events, areas=by, entity=entity, groups=groups, years=years, hospitals=hospitals
    )
    if per_hospital:
        return hospital_volumes(units, level=level)
    return centralisation(units, thresholds=thresholds, level=level)
