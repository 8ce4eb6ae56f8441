"""What registries add up to: what they have given so far, and one area under way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from rarecare.study import schema
from rarecare.study.care import CareArea, CareMade, close_area
from rarecare.study.care_pathways import AskedPathways, Traced
from rarecare.study.care_tally import Asking
from rarecare.study.complete import Registered, complete_rows
from rarecare.study.config import Study
from rarecare.study.entities import Groups
from rarecare.study.incidence import Counts, incidence_rows
from rarecare.study.models import Gathered
from rarecare.study.outlook import Ahead, projection_rows, trend_rows
from rarecare.study.prevalence import Alive, prevalence_rows
from rarecare.study.quality import QualityCounts
from rarecare.study.stages import StageSums
from rarecare.study.survival import Sums, survival_rows

_WHOLE = ("whole",)
_POOLED_INCIDENCE = ("whole", "sex", "age", "year")
_POOLED_SURVIVAL = ("whole", "curve", "sex", "age")


@dataclass(slots=True)
class Made:
    """What the registries have given so far."""

    estimates: list[pl.DataFrame] = field(default_factory=list)
    exclusions: list[pl.DataFrame] = field(default_factory=list)
    quality: list[pl.DataFrame] = field(default_factory=list)
    inputs: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    by_country: dict[str, Counts] = field(default_factory=dict)
    stages: StageSums = field(default_factory=StageSums)
    cells: dict[str, Gathered] = field(default_factory=dict)
    quality_counts: QualityCounts | None = None
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    asking: Asking | None = None
    care: CareMade = field(default_factory=CareMade)
    ways: AskedPathways | None = None
    traced: Traced = field(default_factory=Traced)


@dataclass(slots=True)
class Level:
    """One area under way: a country, a region, or the whole."""

    area: str
    counts: Counts | None = None
    ahead: Ahead = field(default_factory=Ahead)
    sums: Sums = field(default_factory=Sums)
    alive: Alive = field(default_factory=Alive)
    registered: Registered = field(default_factory=Registered)
    care: CareArea = field(default_factory=CareArea)

    def close(
        self, made: Made, groups: Groups, study: Study, *, within: Level | None = None
    ) -> None:
        """Estimate what the area holds; its daily sums go to the area that it lies within."""
        pooled = within is None
        if self.counts is not None:
            margins = _POOLED_INCIDENCE if pooled else _WHOLE
            rows = incidence_rows(self.counts, groups, study, area=self.area, margins=margins)
            made.estimates.append(rows)
            if not pooled and self.area in {r.country for r in study.registries}:
                made.by_country[self.area] = self.counts
            self._look_ahead(self.counts, made, groups, study, pooled=pooled)
        if self.sums.arrays:
            margins = _POOLED_SURVIVAL if pooled else _WHOLE
            made.estimates.append(
                survival_rows(self.sums, groups, study, area=self.area, margins=margins)
            )
            if within is not None:
                within.sums.add(self.sums)
                self.sums = Sums()
        if self.alive.sums:
            made.estimates.append(prevalence_rows(self.alive, groups, study, area=self.area))
            if study.prevalence.complete:
                made.estimates.append(complete_rows(self.registered, study, area=self.area))
        if made.asking is not None and self.care.answered.counts:
            country = self.area in {r.country for r in study.registries}
            close_area(
                self.care, made.care, made.asking, groups, study, area=self.area, country=country
            )
            if self.counts is not None:
                made.care.counts[self.area] = self.counts

    def _look_ahead(
        self, counts: Counts, made: Made, groups: Groups, study: Study, *, pooled: bool
    ) -> None:
        """Estimate trends and projections of the area."""
        if schema.TREND_ASKED in study.study.measures and pooled:
            made.estimates.append(trend_rows(counts, groups, study, area=self.area))
        if study.projection is None:
            return
        rows = projection_rows(counts, self.ahead, groups, study, area=self.area)
        if rows is not None:
            made.estimates.append(rows)
        elif pooled:
            lacking = ", ".join(self.ahead.lacking) or "all registries together"
            made.notes.append(f"no projection of all areas: no years to come of {lacking}")
