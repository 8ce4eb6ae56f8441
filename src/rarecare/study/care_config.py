"""``[care]`` of ``study.toml``: what a study asks of care, and where each registry's facts are."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Treatment = Literal["surgery", "radiotherapy", "systemic", "any treatment"]
Kit = Literal["core", "sarcoma", "testis", "head_neck", "gep_net"]
Text = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class EventFiles(_Part):
    """The dated facts of a registry's cases, in the columns of ``events.parquet``."""

    path: Path


class KitFiles(_Part):
    """The data of a high-resolution study of a registry.

    They are reported for ``entity``. ``columns``: our variables to the file's.
    """

    kit: Kit
    path: Path
    entity: Text
    columns: dict[str, str] = {}


class VolumeThreshold(_Part):
    """A volume of a hospital, in patients per year, and where it comes from."""

    value: float = Field(gt=0)
    unit: Literal["patients per year"]
    treatment: Treatment | None = None
    entity: str | None = None
    above: bool = False
    source: Text
    sureness: Literal["P", "A", "X", "D", "M"]


class Volumes(_Part):
    """``[care.volumes]``: hospitals by country, entity and kind of treatment.

    ``hospitals`` is a table of all hospitals, ``hospital_id`` and ``country``: with it, residents
    treated abroad are told apart, and count in no hospital of their own country.
    """

    hospitals: Path | None = None
    thresholds: tuple[VolumeThreshold, ...] = ()
    cover: tuple[Annotated[float, Field(gt=0, le=1)], ...] = (0.5, 0.75, 0.9)


class TreatedShare(_Part):
    """A share of the new cases that need a treatment, with its limits and its source."""

    entity: Text
    treatment: Literal["surgery", "radiotherapy", "systemic"]
    estimate: float = Field(ge=0, le=1)
    lower: float = Field(ge=0, le=1)
    upper: float = Field(ge=0, le=1)
    source: Text

    @model_validator(mode="after")
    def _ordered(self) -> TreatedShare:
        if not self.lower <= self.estimate <= self.upper:
            raise ValueError("the limits of the share do not enclose it")
        return self


class Needs(_Part):
    """``[care.needs]``: new cases a year times shares treated; by default the study's own."""

    shares: tuple[TreatedShare, ...] = ()


class CentreCriteria(_Part):
    """``[care.criteria]``: centres against sets of criteria, by the evidence on a day.

    ``hospitals`` is a table that says which hospital a centre is: ``centre``, ``country``,
    ``hospital_id``. The volumes of these answer criteria too, of the set named in ``entities`` for
    the entity that it speaks of.
    """

    sets: tuple[str, ...] = Field(default=("general",), min_length=1)
    evidence: Path
    on: date
    hospitals: Path | None = None
    entities: dict[str, str] = {}

    @model_validator(mode="after")
    def _whole(self) -> CentreCriteria:
        if bool(self.entities) != (self.hospitals is not None):
            raise ValueError("hospitals and entities go together: whose volumes, of which cancer")
        unknown = sorted(set(self.entities) - set(self.sets))
        if unknown:
            raise ValueError(f"entities names {unknown[0]!r}, which is none of the sets")
        return self


class Ways(_Part):
    """``[care.pathways]``: ways through care of entities, none of which lies within another.

    ``steps``: those of the table ``definitions`` (by default the package's) that make a path, by
    default all but work-up and death. Waiting times are from the steps ``since``; states are told
    ``at`` years since diagnosis. ``most``: paths shown one by one, in all areas and by country.
    """

    entities: tuple[Text, ...] = Field(min_length=1)
    steps: tuple[Text, ...] = ()
    definitions: Path | None = None
    since: tuple[Text, ...] = ("diagnosis",)
    at: tuple[Annotated[float, Field(ge=0, le=100)], ...] = Field(
        default=(0.25, 0.5, 1.0, 2.0, 5.0), min_length=1
    )
    most: int = Field(default=10, ge=1)
    most_by_country: int = Field(default=5, ge=1)

    @model_validator(mode="after")
    def _whole(self) -> Ways:
        for key in ("entities", "steps", "since", "at"):
            values = getattr(self, key)
            if len(set(values)) < len(values):
                raise ValueError(f"[care.pathways] {key} names one twice")
        return self


class Care(_Part):
    """``[care]``.

    ``indicators`` are sets that come with the package, or files of one's own; ``only`` keeps some
    of their indicators by id. ``entities``: by default families and the groups above them.
    ``hospitals``: indicators that are also shown by hospital, without names; ``stages`` and
    ``years``: by stage at diagnosis, and by year of diagnosis. ``recorded``: events that all
    registries record, also where they have none.
    """

    indicators: tuple[Text, ...] = ("core",)
    only: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    hospitals: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    years: tuple[str, ...] = ()
    interval: Literal["wilson", "exact"] = "wilson"
    recorded: tuple[str, ...] = ()
    designated: tuple[str, ...] = ()
    volumes: Volumes | None = Volumes()
    needs: Needs | None = Needs()
    criteria: CentreCriteria | None = None
    pathways: Ways | None = None

    @model_validator(mode="after")
    def _whole(self) -> Care:
        if self.needs is not None and self.volumes is None and not self.needs.shares:
            raise ValueError("[care.needs] takes its shares from the volumes, or gives them")
        return self
