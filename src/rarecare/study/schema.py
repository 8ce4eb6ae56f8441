"""What a release holds: the columns of its tables, and the one validator.

It guards writing and opening alike; later measures add rows, not columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from rarecare.errors import DisagreementError
from rarecare.registry.quality import QUALITY
from rarecare.results import NOT_ESTIMABLE, OK, OWN_WITHHELD, WITHHELD
from rarecare.study.faults import Fault, first_of, refuse
from rarecare.study.pathway_schema import PATHWAYS, check_pathways

VERSION = 3
"""Version of the schema; a release of another version is refused."""

ALL = "all"
"""The whole of a dimension: all areas, both sexes, all ages. Never null."""

NONE = "none"
"""No standard, no method's choice: the dimension does not apply."""

ESTIMATES: Mapping[str, Any] = {
    "measure": pl.String,
    "entity_id": pl.String,
    "area": pl.String,
    "sex": pl.String,
    "age_group": pl.String,
    "period": pl.String,
    "time_years": pl.Float64,
    "standard": pl.String,
    "method": pl.String,
    "n": pl.Int64,
    "events": pl.Int64,
    "at_risk": pl.Int64,
    "person_years": pl.Float64,
    "unit": pl.String,
    "estimate": pl.Float64,
    "se": pl.Float64,
    "lower": pl.Float64,
    "upper": pl.Float64,
    "level": pl.Float64,
    "status": pl.String,
    "reason": pl.String,
    "classification_confidence": pl.String,
    "synthetic": pl.Boolean,
}
"""Columns of ``estimates.parquet``.

``area``: a registry's area, a country, a EUROCARE region, or ``all``. ``period``: years of
diagnosis, of prevalence those of its window, of a projection those to come. ``time_years``: since
diagnosis, null where the measure has no time. ``n``: cases, in prevalence persons known to be
alive; ``events``: deaths up to the time (survival); ``at_risk``: cases still followed then.
``person_years``: of the rate, or the persons that prevalence or expected cases refer to.
``reason``: why a number is withheld or not estimable, or a remark on one that is ok. A shrunken
rate whose ``method`` is ``results.OWN_WITHHELD`` is ok without ``n``: it rests on other areas.
"""

KEY = (
    *("measure", "entity_id", "area", "sex", "age_group", "period", "time_years"),
    *("standard", "method"),
)
"""What tells the rows of ``estimates.parquet`` apart."""

ENTITIES: Mapping[str, Any] = {
    "entity_id": pl.String,
    "parent_id": pl.String,
    "family": pl.String,
    "tier": pl.Int64,
    "name": pl.String,
    "rare": pl.String,
    "codes_confidence": pl.String,
    "icss_standard": pl.String,
}
"""Columns of ``entities.parquet``: the entities of the list that the release speaks of.

``rare``: by the rule of this release, ``rare``, ``common``, or ``straddles 6``: the interval of
the crude rate holds 6 per 100 000.
"""

AREAS: Mapping[str, Any] = {
    "area": pl.String,
    "kind": pl.String,
    "name": pl.String,
    "country": pl.String,
    "region": pl.String,
}
"""Columns of ``areas.parquet``; ``kind``: ``registry``, ``country``, ``region`` or ``all``."""

EXCLUSIONS: Mapping[str, Any] = {
    "registry": pl.String,
    "purpose": pl.String,
    "order": pl.Int64,
    "reason": pl.String,
    "records": pl.Int64,
    "note": pl.String,
}
"""Columns of ``exclusions.parquet``; ``purpose``: ``incidence``, ``prevalence`` or ``survival``, or
an indicator of care by its id."""

CARE: Mapping[str, Any] = {
    "measure": pl.String,
    "topic": pl.String,
    "indicator": pl.String,
    "version": pl.String,
    "set": pl.String,
    "pillar": pl.String,
    "cancer": pl.String,
    "group": pl.String,
    "title": pl.String,
    "statistic": pl.String,
    "category": pl.String,
    "treatment": pl.String,
    "unit": pl.String,
    "direction": pl.String,
    "threshold": pl.Float64,
    "threshold_unit": pl.String,
    "threshold_source": pl.String,
    "definition": pl.String,
    "sureness": pl.String,
    "source": pl.String,
    "note": pl.String,
    "data": pl.String,
}
"""Columns of ``care.parquet``: what each measure of care in ``estimates`` means, and who says so.

``topic``: ``indicator``, ``centralisation`` or ``needs``. ``statistic``: share, median, quartiles,
90th percentile, ... of the indicator, or the measure of centralisation. ``definition``: numerator,
denominator, exclusions and window in words and expressions. ``sureness``: P, A, X, D or M, of the
definition; ``threshold_source`` carries its own. ``data``: ``registry``, or the study kit. In the
estimates of a measure of care ``n`` are cases of the cancer, ``at_risk`` those of the denominator,
``events`` those of the numerator (of a time, those of whom its end was seen).
"""

COMPARATORS: Mapping[str, Any] = {
    "indicator": pl.String,
    "measure": pl.String,
    "value": pl.Float64,
    "unit": pl.String,
    "lower": pl.Float64,
    "upper": pl.Float64,
    "limits": pl.String,
    "population": pl.String,
    "source": pl.String,
    "sureness": pl.String,
}
"""Columns of ``comparators.parquet``: published values, each of its own population."""

HOSPITALS: Mapping[str, Any] = {
    "measure": pl.String,
    "entity_id": pl.String,
    "area": pl.String,
    "period": pl.String,
    "hospital": pl.String,
    "hospitals": pl.Int64,
    "n": pl.Int64,
    "events": pl.Int64,
    "unit": pl.String,
    "estimate": pl.Float64,
    "lower": pl.Float64,
    "upper": pl.Float64,
    "level": pl.Float64,
    "status": pl.String,
    "reason": pl.String,
    "synthetic": pl.Boolean,
}
"""Columns of ``hospitals.parquet``: hospitals without names.

``hospital`` is a rank by the number of patients, given anew in each measure, entity and area, so
that rows cannot be put together into one hospital. Hospitals of few patients are one row,
``"smaller hospitals"``: ``hospitals`` says how many.
"""

CRITERIA: Mapping[str, Any] = {
    "centre": pl.String,
    "criteria": pl.String,
    "version": pl.String,
    "criterion": pl.String,
    "title": pl.String,
    "scope": pl.String,
    "tumour": pl.String,
    "pillar": pl.String,
    "type": pl.String,
    "state": pl.String,
    "value": pl.String,
    "estimate": pl.Float64,
    "unit": pl.String,
    "threshold": pl.Float64,
    "direction": pl.String,
    "evidence": pl.String,
    "date": pl.Date,
    "source": pl.String,
    "expires": pl.Date,
    "disputed": pl.Boolean,
    "volume": pl.Boolean,
    "required": pl.Boolean,
    "weight": pl.Float64,
    "either": pl.String,
    "sureness": pl.String,
    "criterion_source": pl.String,
    "n": pl.Int64,
    "status": pl.String,
    "reason": pl.String,
    "synthetic": pl.Boolean,
}
"""Columns of ``criteria.parquet``: a centre and a criterion, as ``profile_table`` gives them.

``state``: met, not met, not known; ``evidence``: self-declared, computed or certified.
"""

TABLES: Mapping[str, Mapping[str, Any]] = {
    "estimates": ESTIMATES,
    "entities": ENTITIES,
    "areas": AREAS,
    "exclusions": EXCLUSIONS,
    "quality": QUALITY,
    "care": CARE,
    "comparators": COMPARATORS,
    "hospitals": HOSPITALS,
    "criteria": CRITERIA,
    "pathways": PATHWAYS,
}
"""Tables of a release by name; each is NAME.parquet in its folder."""

INCIDENCE = "incidence"
NET_SURVIVAL = "net survival"
ALIVE_AFTER = f"{NET_SURVIVAL} of those alive after"
"""Begin of the measures of conditional survival; the years lived follow."""
HAZARD_RATIO = "excess hazard ratio"
MODEL_SURVIVAL = "model net survival"
MODEL_DIFFERENCE = "difference of model net survival"
SHARE_EXPLAINED = "share of differences explained"
SHRUNKEN = "shrunken incidence"
PREVALENT = "prevalent persons"
PREVALENCE = "prevalence"
COMPLETE_PERSONS = "complete prevalent persons"
COMPLETE = "complete prevalence"
TREND_ASKED = "trend"
"""How a study asks for trends."""
TREND = "annual percentage change"
PROJECTED = "projected new cases"
PROJECTED_RATE = "projected incidence"
EXPECTED = "expected new cases"
MEASURES = (
    INCIDENCE, NET_SURVIVAL, HAZARD_RATIO, MODEL_SURVIVAL, MODEL_DIFFERENCE, SHARE_EXPLAINED,
    SHRUNKEN, PREVALENT, PREVALENCE, COMPLETE_PERSONS, COMPLETE, TREND, PROJECTED, PROJECTED_RATE,
    EXPECTED,
)  # fmt: skip
"""Measures this version writes; ``unit`` and ``standard`` tell crude from standardised rates."""

OVERLAPPING = (
    PREVALENT, PREVALENCE, COMPLETE_PERSONS, COMPLETE, PROJECTED, PROJECTED_RATE, EXPECTED,
)  # fmt: skip
"""Measures whose parts may exceed their total: a person with two cancers is one person of both,
a projection rests on the years that its model takes, expected cases on the rates of all areas."""


def of_stage(stage: str) -> str:
    """Return the measure of the net survival of one stage."""
    return f"{NET_SURVIVAL} of stage {stage}"


STATUSES = (OK, WITHHELD, NOT_ESTIMABLE)
_NUMBERS = ("estimate", "se", "lower", "upper")
_DIMENSIONS = ("measure", "entity_id", "area", "sex", "age_group", "period", "standard", "method")


FAULTS = (
    Fault("a dimension is null", pl.any_horizontal(pl.col(_DIMENSIONS).is_null())),
    Fault("a status is none of ok, withheld, not estimable", ~pl.col("status").is_in(STATUSES)),
    Fault(
        "a row that is ok has no estimate",
        (pl.col("status") == OK) & pl.col("estimate").is_null(),
    ),
    Fault(
        "a row that is not ok has a number",
        (pl.col("status") != OK) & pl.any_horizontal(pl.col(_NUMBERS).is_not_null()),
    ),
    Fault(
        "a row that is not ok has no reason",
        (pl.col("status") != OK) & pl.col("reason").is_null(),
    ),
    Fault(
        "limits do not enclose the estimate",
        (pl.col("lower") > pl.col("estimate") + 1e-12)
        | (pl.col("upper") < pl.col("estimate") - 1e-12),
    ),
    Fault(
        "a shrunken rate does not say whether its own count is in it",
        (pl.col("measure") == SHRUNKEN)
        & (pl.col("status") == OK)
        & (pl.col("n").is_null() != (pl.col("method") == OWN_WITHHELD)),
    ),
    Fault("a number is nan", pl.any_horizontal(pl.col(_NUMBERS).is_nan().fill_null(value=False))),
    Fault("a count is negative", pl.any_horizontal(pl.col("n", "events", "at_risk") < 0)),
)
"""Rules of ``estimates.parquet``; null counts as "cannot tell", not broken."""

_NOT_OF_STATUS = pl.col("status") != OK
HOSPITAL_FAULTS = (
    Fault("a status is none of ok, withheld, not estimable", ~pl.col("status").is_in(STATUSES)),
    Fault("a row that is not ok has a number", _NOT_OF_STATUS & pl.col("estimate").is_not_null()),
    Fault("a row that is not ok has no reason", _NOT_OF_STATUS & pl.col("reason").is_null()),
    Fault("a hospital has a name", ~pl.col("hospital").str.contains(r"^(\d+|smaller hospitals)$")),
    Fault("a count is negative", pl.any_horizontal(pl.col("n", "events", "hospitals") < 0)),
)
"""Rules of ``hospitals.parquet``."""


def validate(tables: Mapping[str, pl.DataFrame]) -> None:
    """Check the tables of a release.

    Parameters
    ----------
    tables
        By name, as in ``TABLES``.

    Raises
    ------
    DisagreementError
        A table or column is missing, has another type, a rule is broken, two estimates have
        one key, or an estimate speaks of an entity or area that is not listed.
    """
    for name, columns in TABLES.items():
        if name not in tables:
            raise DisagreementError("the release lacks a table", value=name, allowed=list(TABLES))
        found = dict(tables[name].schema)
        if found != dict(columns):
            wrong = sorted(
                key for key in {*found, *columns} if found.get(key) != columns.get(key)
            ) or ["the order of columns"]
            raise DisagreementError(
                f"{name} does not have the columns of schema {VERSION}",
                value=", ".join(wrong),
                allowed=list(columns),
            )
    estimates = tables["estimates"]
    refuse(estimates, FAULTS, file="estimates", key=KEY)
    doubled = estimates.filter(estimates.select(KEY).is_duplicated())
    if doubled.height:
        raise DisagreementError("two estimates have one key", value=first_of(doubled, KEY))
    _validate_care(tables)
    check_pathways(tables["pathways"])
    for column, table in (("entity_id", "entities"), ("area", "areas")):
        known = tables[table][column]
        for name, what in (("estimates", "an estimate"), ("pathways", "a pathway")):
            unknown = tables[name].filter(~pl.col(column).is_in(known.implode()))
            if unknown.height:
                raise DisagreementError(
                    f"{what} speaks of a {column} that {table} does not list",
                    value=unknown[column][0],
                    allowed=known.to_list(),
                )


def _validate_care(tables: Mapping[str, pl.DataFrame]) -> None:
    """Check that measures of care are explained, once each, and that hospitals have no names."""
    care, hospitals = tables["care"], tables["hospitals"]
    twice = care.filter(care["measure"].is_duplicated())
    if twice.height:
        raise DisagreementError(
            "a measure of care is explained twice", value=twice["measure"][0], file="care"
        )
    for name in ("estimates", "hospitals"):
        known = [*MEASURES, *care["measure"]]
        of_survival = pl.col("measure").str.starts_with(f"{NET_SURVIVAL} of ")
        unknown = tables[name].filter(~pl.col("measure").is_in(known), ~of_survival)
        if unknown.height:
            raise DisagreementError(
                f"{name} hold a measure that care does not explain", value=unknown["measure"][0],
                allowed=known,
            )  # fmt: skip
    refuse(hospitals, HOSPITAL_FAULTS, file="hospitals", key=("measure", "entity_id", "area"))
