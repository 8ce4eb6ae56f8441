"""Volumes, centralisation and needs of a release: one country's hospitals, by group of the list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from rarecare.care.centralisation import AT_THRESHOLD, HOSPITALS_AT, centralisation
from rarecare.care.limits import wilson
from rarecare.care.needs import CENTRES, METHOD, NEED, care_needs, centres_needed
from rarecare.care.thresholds import PER_YEAR, Threshold
from rarecare.care.unit_rows import HOME
from rarecare.care.volumes import (
    ANY,
    NEW,
    SEEN,
    Units,
    hospital_volumes,
    new_case_volumes,
    treatment_units,
)
from rarecare.errors import UsageError
from rarecare.files import Source, read_table
from rarecare.population.population import Population
from rarecare.rates.intervals import poisson_exact
from rarecare.registry.events import COLUMNS
from rarecare.results import OK, Result
from rarecare.study import schema
from rarecare.study.care_config import Volumes as AskedVolumes
from rarecare.study.care_config import VolumeThreshold
from rarecare.study.care_rows import in_estimates
from rarecare.study.config import Study
from rarecare.study.entities import LEAF, Groups
from rarecare.study.incidence import Counts
from rarecare.study.sources import Submission

VOLUME = "hospital volume"
TREATED = "share treated"
_DROPPED = ("mean volume of", "smallest volume of")
_OWN = "METHODS 8, after Gatta et al. 2017 (RARECAREnet); definition own (D)"


@dataclass(slots=True)
class Treated:
    """Cases and treatments of one country's registries, and how many people live there."""

    cases: list[pl.DataFrame] = field(default_factory=list)
    events: list[pl.DataFrame] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    inhabitants: float = 0.0
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Volumes:
    """What one country gives: rows, hospitals, and patients treated by entity and kind.

    ``named``: volumes of hospitals with their ids, of the entities that criteria speak of.
    """

    rows: pl.DataFrame
    hospitals: pl.DataFrame
    treated: pl.DataFrame
    named: dict[str, Named]


@dataclass(frozen=True, slots=True)
class Named:
    """Volumes of one entity's hospitals by their ids: of treatments, and of new cases."""

    volumes: Result
    new_cases: Result


def add_treated(
    into: Treated, cases: pl.DataFrame, submission: Submission, inhabitants: float | None
) -> None:
    """Add one registry's counted cases and its treatments; its id keeps them apart from others."""
    if inhabitants is None:
        into.complete = False
    else:
        into.inhabitants += inhabitants
    registry, events = submission.registry, submission.events
    if events is None:
        return
    into.sources += [submission.cases.source, *submission.facts]
    own = pl.lit(registry.id).alias("registry")
    keys = [name for name in ("patient_id", "tumour_id") if name in cases.columns]
    into.cases.append(
        cases.select(
            own, pl.col(keys).cast(pl.String), "incidence_date", LEAF,
            country=pl.lit(registry.country),
        )
    )  # fmt: skip
    held = events.filter(pl.col("event").is_in(SEEN[NEW])).with_columns(own)
    into.events.append(held.select(list(COLUMNS)))


def inhabitants(population: Population | None, study: Study) -> float | None:
    """Return the mean number of people that a registry covers in the years of the study."""
    if population is None:
        return None
    if not population.years:
        return float(population.table["person_years"].sum())
    first, last = (day.year for day in study.study.period)
    held = [year for year in population.years if first <= year <= last]
    return float(population.part(year=held).table["person_years"].sum()) / len(held)


def layers(groups: Groups, wanted: Sequence[str]) -> Iterator[Mapping[str, str]]:
    """Yield the wanted groups in layers that do not overlap: the group of each leaf."""
    listed = groups.table["entity_id"].to_list()
    left = list(wanted)
    while left:
        taken = np.zeros(len(groups.leaves), dtype=bool)
        layer: dict[str, str] = {}
        rest = []
        for entity in left:
            own = groups.members[listed.index(entity)]
            if (taken & own).any():
                rest.append(entity)
                continue
            taken |= own
            layer |= {groups.leaves[k]: entity for k in np.flatnonzero(own)}
        yield layer
        left = rest


def volume_rows(
    treated: Treated, groups: Groups, wanted: Sequence[str], study: Study, *, area: str
) -> Volumes | None:
    """Return the rows of one country; None where no registry of it has events."""
    assert study.care is not None
    if not treated.cases or study.care.volumes is None:
        return None
    cases = pl.concat(treated.cases).with_columns(pl.col(LEAF).cast(pl.String))
    events = pl.concat(treated.events)
    years = (study.study.period[0].year, study.study.period[1].year)
    asked = study.care.volumes
    people = pl.DataFrame({"country": [area], "inhabitants": [treated.inhabitants]})
    known = treated.complete and treated.inhabitants > 0
    listed = _listed(asked)
    tables, hospitals = [], []
    named: dict[str, Named] = {}
    criteria = study.care.criteria
    speak = set(criteria.entities.values()) if criteria else set()
    for layer in layers(groups, wanted):
        own = cases.filter(pl.col(LEAF).is_in(list(layer)))
        if own.is_empty():
            continue
        units = treatment_units(
            own, events, areas=("country",), entity=LEAF, groups=layer, years=years,
            hospitals=listed,
        )  # fmt: skip
        present = set(layer.values()) & set(units.cells["group"])
        limits = [_threshold(one) for one in asked.thresholds
                  if one.entity is None or one.entity in present]  # fmt: skip
        found = centralisation(
            units,
            thresholds=limits,
            cover=asked.cover,
            level=study.level,
            inhabitants=people if known else None,
        )
        tables.append(found.table)
        hospitals.append(_hospitals(units))
        if speak & present:
            whole_of = hospital_volumes(units, level=study.level)
            new = new_case_volumes(
                own, events, entity=LEAF, groups=layer, years=years, level=study.level,
                hospitals=listed,
            )  # fmt: skip
            for entity in sorted(speak & present):
                named[entity] = Named(*(
                    Result(each.table.filter(group=entity),
                           replace(each.provenance, inputs=tuple(treated.sources)))
                    for each in (whole_of, new)
                ))  # fmt: skip
    if not tables:
        return None
    whole = pl.concat(tables)
    rows = [_row(row) for row in whole.iter_rows(named=True)
            if not row["measure"].startswith(_DROPPED)]  # fmt: skip
    return Volumes(
        in_estimates(rows, study, area=area), pl.concat(hospitals),
        whole.filter(measure=TREATED).select(
            "treatment", "n", "denominator", entity_id="group"
        ),
        named,
    )  # fmt: skip


def _listed(asked: AskedVolumes) -> pl.DataFrame | None:
    """Return the hospitals that the study lists, None without a list.

    Raises
    ------
    InputError
        The table cannot be read; ``treatment_units`` says what it lacks.
    """
    return None if asked.hospitals is None else read_table(asked.hospitals).frame


def checked_thresholds(study: Study, groups: Groups) -> None:
    """Refuse a threshold, or a share, of an entity that the study does not report on.

    Raises
    ------
    UsageError
        There is one.
    """
    assert study.care is not None
    listed = groups.table["entity_id"].to_list()
    volumes, needs = study.care.volumes, study.care.needs
    named = [
        *((one.entity, "a threshold") for one in (volumes.thresholds if volumes else ())),
        *((one.entity, "a share treated") for one in (needs.shares if needs else ())),
        *((one.entity, "a kit") for registry in study.registries for one in registry.kits),
        *((entity, "the care section") for entity in study.care.entities),
        *(
            (entity, "a set of criteria")
            for entity in (study.care.criteria.entities.values() if study.care.criteria else ())
        ),
    ]
    for entity, what in named:
        if entity is not None and entity not in listed:
            raise UsageError(f"{what} speaks of an entity that the study does not report on",
                             value=entity, allowed=listed)  # fmt: skip


def _threshold(one: VolumeThreshold) -> Threshold:
    return Threshold(one.value, one.unit, one.entity, one.treatment, one.above, one.source,
                     one.sureness)  # fmt: skip


def volume_measure(statistic: str, treatment: str, threshold: str | None) -> str:
    """Return the measure of a statistic of hospitals: ``"median volume: surgery"``."""
    return f"{statistic}: {treatment}" + (f", {threshold}" if threshold else "")


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    share = row["unit"] == "share of patients"
    return {
        "measure": volume_measure(row["measure"], row["treatment"], row["threshold"]),
        "entity_id": row["group"], "method": row["method"],
        "n": row["denominator"] if share else row["n"],
        "events": row["n"] if share else None, "at_risk": row["denominator"] if share else None,
        "unit": "share" if share else row["unit"],
        **{name: row[name] for name in ("estimate", "se", "lower", "upper", "status", "reason")},
    }  # fmt: skip


def _hospitals(units: Units) -> pl.DataFrame:
    """Return the patients of each hospital: ``entity_id``, ``treatment``, ``n``, largest first."""
    counted = units.named(units.counted()).sort(
        "group", "treatment", "n", descending=[False, False, True]
    )
    assert HOME == 0
    return counted.select("treatment", "n", entity_id="group")


def need_rows(
    counts: Mapping[str, Counts], treated: pl.DataFrame, groups: Groups, wanted: Sequence[str],
    study: Study,
) -> pl.DataFrame:  # fmt: skip
    """Return the needs of each area: its new cases a year times the shares treated.

    ``counts``: incidence by area; ``treated``: patients treated in all countries.
    """
    assert study.care is not None
    asked = study.care.needs
    assert asked is not None
    shares = _shares(treated, study)
    known = set(shares["entity_id"])
    listed = groups.table["entity_id"].to_list()
    cases = []
    for area, own in counts.items():
        by_leaf = own.cases.sum(axis=(1, 2, 3)) + own.unknown.sum(axis=(1, 2))
        for entity in wanted:
            if entity in known:
                n = int(by_leaf[groups.members[listed.index(entity)]].sum())
                cases.append({"area": area, "entity_id": entity, "n": n})
    if not cases:
        return in_estimates([], study, area=schema.ALL)
    table = pl.DataFrame(cases)
    years = len(next(iter(counts.values())).years)
    lower, upper = poisson_exact(table["n"].to_numpy(), level=study.level)
    expected = table.with_columns(
        estimate=pl.col("n") / years, lower=pl.Series(lower / years),
        upper=pl.Series(upper / years), level=pl.lit(study.level), status=pl.lit(OK),
    )  # fmt: skip
    parts = []
    limits = study.care.volumes.thresholds if study.care.volumes else ()
    for (entity,), block in expected.group_by("entity_id", maintain_order=True):
        own_shares = shares.filter(entity_id=entity).drop("entity_id")
        needs = care_needs(block, own_shares, by=["area"], level=study.level)
        parts.append(needs.table.with_columns(entity_id=pl.lit(entity), threshold=pl.lit(None)))
        held = set(own_shares["treatment"])
        mine = [
            _threshold(one)
            for one in limits
            if one.entity in (None, entity) and (one.treatment in held or not one.treatment)
        ]
        if mine:
            centres = centres_needed(needs, mine).table
            parts.append(centres.with_columns(entity_id=pl.lit(entity)))
    whole = pl.concat(parts, how="diagonal_relaxed").join(
        table, on=["area", "entity_id"], how="left", maintain_order="left"
    )
    rows = [
        {
            "measure": volume_measure(row["measure"], row["treatment"], row["threshold"]),
            "method": METHOD if row["measure"] == NEED else row["method"],
            **{k: row[k] for k in ("area", "entity_id", "n", "unit", "estimate", "se", "lower",
                                   "upper", "status", "reason")},
        }
        for row in whole.iter_rows(named=True)
    ]  # fmt: skip
    return in_estimates(rows, study, area=schema.ALL)


def _shares(treated: pl.DataFrame, study: Study) -> pl.DataFrame:
    """Return the shares treated: those given, or those of all countries of the study."""
    assert study.care is not None
    given = study.care.needs.shares if study.care.needs else ()
    schema_ = {"entity_id": pl.String, "treatment": pl.String, "estimate": pl.Float64,
               "lower": pl.Float64, "upper": pl.Float64, "level": pl.Float64,
               "source": pl.String}  # fmt: skip
    if given:
        return pl.DataFrame(
            [{"entity_id": one.entity, **one.model_dump(exclude={"entity"}), "level": study.level}
             for one in given], schema=schema_,
        )  # fmt: skip
    pooled = (
        treated.filter(pl.col("treatment") != ANY)
        .group_by("entity_id", "treatment", maintain_order=True)
        .agg(pl.col("n", "denominator").sum())
        .filter(pl.col("denominator") > 0)
    )
    p = (pooled["n"] / pooled["denominator"]).to_numpy()
    lower, upper = wilson(p, pooled["denominator"].to_numpy(), level=study.level)
    return pooled.select(
        "entity_id", "treatment", estimate=pl.Series(p), lower=pl.Series(lower),
        upper=pl.Series(upper), level=pl.lit(study.level),
        source=pl.lit("share treated in the registries of this study with events"),
    )  # fmt: skip


def explained(made: pl.DataFrame, study: Study) -> pl.DataFrame:
    """Return what measures of volumes and needs mean, in the columns of ``schema.CARE``.

    ``made``: ``measure`` and ``unit``, each measure once.
    """
    assert study.care is not None
    labels = {_threshold(one).label: one for one in
              (study.care.volumes.thresholds if study.care.volumes else ())}  # fmt: skip
    rows = []
    for name, unit in made.select("measure", "unit").iter_rows():
        statistic, _, rest = name.partition(": ")
        treatment, _, label = rest.partition(", ")
        one = labels.get(label)
        need = statistic in {NEED, CENTRES}
        rows.append({
            "measure": name, "topic": "needs" if need else "centralisation", "title": statistic,
            "statistic": statistic, "treatment": treatment, "unit": unit,
            "pillar": "structure", "cancer": "all", "direction": "neither", "sureness": "D",
            "definition": _DEFINITIONS.get(statistic, _UNITS),
            "source": _OWN if not need else f"{METHOD}; shares: {_source(study)}",
            "data": "registry",
            "threshold": one.value if one else None, "threshold_unit": PER_YEAR if one else None,
            "threshold_source": f"{one.sureness}: {one.source}" if one else None,
        })  # fmt: skip
    return pl.DataFrame(rows, schema=schema.CARE, orient="row")


def _source(study: Study) -> str:
    assert study.care is not None
    given = study.care.needs.shares if study.care.needs else ()
    told = sorted({one.source for one in given})
    return "; ".join(told) or "share treated in the registries of this study with events"


_UNITS = ("a patient counts once in each hospital and kind of treatment; hospitals of the country, "
          "patients diagnosed in the period")  # fmt: skip
_DEFINITIONS = {
    NEED: "new cases a year of the area, the mean of the period, times the share treated; limits "
          "are those of the mean",
    CENTRES: "patients to be treated a year over the threshold, rounded up; it says how many "
             "centres the patients fill, not where they should be",
    AT_THRESHOLD: "patients with one hospital or more that reaches the threshold, among those "
                  f"treated at home in known hospitals; {_UNITS}",
    HOSPITALS_AT: _UNITS,
    TREATED: "patients with the treatment among all patients of the group; registries without "
             "events are left out",
}  # fmt: skip
