"""Volumes of hospitals and centralisation, from cases and events in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import polars as pl

from rarecare.care.centralisation import centralisation
from rarecare.care.centralisation_trend import centralisation_trend
from rarecare.care.thresholds import Threshold
from rarecare.care.volumes import hospital_volumes, treatment_units
from rarecare.registry import Cases
from rarecare.results import Result

Show = Literal["centralisation", "trend", "hospitals"]


def volumes(
    cases: Cases | Any, events: pl.DataFrame | Any, *, by: Sequence[str] = ("country",),
    entity: str = "entity_tier1", groups: Mapping[str, str] | None = None,
    years: tuple[int, int] | None = None, hospitals: pl.DataFrame | None = None,
    thresholds: Sequence[Threshold] = (), inhabitants: pl.DataFrame | None = None,
    show: Show = "centralisation", level: float = 0.95,
) -> Result:  # fmt: skip
    """Return how far care is centralised, its yearly change, or the volume of each hospital.

    Parameters
    ----------
    cases, events, entity, groups, years, hospitals
        As ``rarecare.care.volumes.treatment_units``.
    by
        Areas.
    thresholds
        Volumes asked for: the share of patients treated where they are reached.
    inhabitants
        The areas and ``inhabitants``: hospitals per 10 million of them as well.
    show
        Measures of centralisation, their mean yearly change (``"trend"``), or one row per
        hospital (``"hospitals"``).
    level
        Confidence level.

    Returns
    -------
    Result
        As ``centralisation``, ``centralisation_trend`` or ``hospital_volumes``.

    Raises
    ------
    UsageError, ColumnError, CaseError
        As ``treatment_units`` and ``centralisation``.
    """
    units = treatment_units(
        cases, events, areas=by, entity=entity, groups=groups, years=years, hospitals=hospitals
    )
    if show == "hospitals":
        return hospital_volumes(units, level=level)
    if show == "trend":
        return centralisation_trend(units, thresholds=thresholds, level=level)
    return centralisation(units, thresholds=thresholds, inhabitants=inhabitants, level=level)
