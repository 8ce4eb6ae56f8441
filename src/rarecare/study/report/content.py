"""What the report says: the release's numbers, found once and named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from rarecare.registry.exclusions import KEPT, READ
from rarecare.results import OK
from rarecare.study import schema
from rarecare.study.entities import RARE
from rarecare.study.release import Release

ADULTS, CHILDREN = "15-99", "0-14"
Row = Mapping[str, Any]
_PURPOSES = {
    schema.INCIDENCE: "incidence",
    schema.PREVALENCE: "prevalence",
    schema.NET_SURVIVAL: "survival",
}


@dataclass(frozen=True, slots=True)
class Numbers:
    """The rows the report speaks of, by what tells them apart.

    Attributes
    ----------
    crude, standardised
        Incidence of both sexes, all ages and the whole period, by (entity, area).
    survival
        Net survival of both sexes by (entity, area, age group, years, standard).
    years
        The study's own times.
    standard
        Name of the standard population of rates.
    of_children
        Entities whose people are mostly children, over all areas.
    """

    crude: Mapping[tuple[str, str], Row]
    standardised: Mapping[tuple[str, str], Row]
    survival: Mapping[tuple[str, str, str, float, str], Row]
    years: tuple[float, ...]
    standard: str
    of_children: frozenset[str]

    @classmethod
    def of(cls, release: Release) -> Numbers:
        """Return the numbers of a release."""
        both = release.estimates.filter(sex=schema.ALL)
        rates = both.filter(
            pl.col("period").str.contains("-"), measure=schema.INCIDENCE, age_group=schema.ALL
        )
        standards = rates.filter(pl.col("standard") != schema.NONE)["standard"].unique().sort()
        standard = standards[0] if len(standards) else schema.NONE
        by_place = {
            (row["entity_id"], row["area"], row["standard"]): row
            for row in rates.iter_rows(named=True)
        }
        years = tuple(release.manifest["choices"]["survival"]["at"])
        survival = both.filter(pl.col("time_years").is_in(years), measure=schema.NET_SURVIVAL)
        return cls(
            {(e, a): row for (e, a, s), row in by_place.items() if s == schema.NONE},
            {(e, a): row for (e, a, s), row in by_place.items() if s == standard != schema.NONE},
            {
                (
                    row["entity_id"], row["area"], row["age_group"], row["time_years"],
                    "none" if row["standard"] == schema.NONE else "icss",
                ): row
                for row in survival.iter_rows(named=True)
            },
            years,
            standard,
            _of_children(survival),
        )  # fmt: skip

    def at(self, entity: str, area: str, years: float, *, standard: str = "none") -> Row | None:
        """Return net survival of adults; of children where most of its people are children."""
        adults = self.survival.get((entity, area, ADULTS, years, standard))
        if entity in self.of_children:
            return self.survival.get((entity, area, CHILDREN, years, standard))
        return adults

    @property
    def spoken_of(self) -> float:
        """The time the report speaks of: 5 years, or else the last."""
        return 5.0 if 5.0 in self.years else self.years[-1]


def _of_children(survival: pl.DataFrame) -> frozenset[str]:
    pooled = survival.filter(area=schema.ALL, standard=schema.NONE)
    n = pooled.group_by("entity_id", "age_group").agg(pl.col("n").max().fill_null(0))
    wide = {(e, a): count for e, a, count in n.iter_rows()}
    return frozenset(
        entity
        for entity, age_group in wide
        if age_group == CHILDREN and wide[entity, CHILDREN] > wide.get((entity, ADULTS), 0)
    )


def main_group(release: Release) -> str:
    """Return the group the headline is about: all rare cancers, or the first there is."""
    known = release.entities["entity_id"].to_list()
    return RARE if RARE in known else known[0]


def families(release: Release) -> list[tuple[str, list[Row]]]:
    """Return families with their entities, each tier 1 followed by its tier 2."""
    listed = release.entities.filter(pl.col("tier") >= 1).sort("entity_id")
    return [
        (str(name), list(part.iter_rows(named=True)))
        for (name,), part in listed.group_by("family", maintain_order=True)
    ]


def drawn_entities(release: Release, numbers: Numbers, *, at_most: int) -> list[Row]:
    """Return the entities that get figures of their own: rare tier 1, most cases first."""
    entities = release.entities.filter(tier=1)
    rare = entities.filter(pl.col("rare").is_in(["rare", "straddles 6"]))
    chosen = rare if rare.height else release.entities.filter(pl.col("tier") >= 1)
    cases = []
    for row in chosen.iter_rows(named=True):
        at = numbers.at(row["entity_id"], schema.ALL, numbers.spoken_of)
        rate = numbers.crude.get((row["entity_id"], schema.ALL))
        shown = [r for r in (at, rate) if r is not None and r["status"] == OK]
        if shown:
            cases.append((-max(r["n"] for r in shown), row["entity_id"], row))
    return [row for _, _, row in sorted(cases)[:at_most]]


def places(release: Release, kind: str) -> list[Row]:
    """Return areas of a kind that registries lie in, by name.

    Those that are only the target of expected cases are left out.
    """
    own = release.estimates.filter(pl.col("measure") != schema.EXPECTED)["area"].unique()
    areas = release.areas.filter(pl.col("area").is_in(own.implode()), kind=kind)
    return list(areas.sort("name").iter_rows(named=True))


def accounting(release: Release) -> dict[str, list[tuple[str, int, str]]]:
    """Return for each purpose the records read, left out by reason, and kept."""
    tables = {}
    asked = release.manifest["study"]["measures"]
    for measure, purpose in _PURPOSES.items():
        if measure not in asked:
            continue
        own = release.exclusions.filter(purpose=purpose)
        if own.is_empty():
            continue
        lines = own.group_by("order", "reason").agg(pl.col("records").sum()).sort("order")
        tables[purpose] = [
            (row["reason"], row["records"], _kind(row["reason"]))
            for row in lines.iter_rows(named=True)
            if row["records"] or row["reason"] in (READ, KEPT)
        ]
    return tables


def accounting_by_registry(release: Release, purpose: str) -> tuple[list[str], list[list[Any]]]:
    """Return the reasons that occur, and one row of counts per registry."""
    own = release.exclusions.filter(purpose=purpose)
    reasons = (
        (own.group_by("order", "reason").agg(pl.col("records").sum()).filter(pl.col("records") > 0))
        .sort("order")["reason"]
        .to_list()
    )
    wide = own.pivot("reason", index="registry", values="records", aggregate_function="sum")
    rows = [[row["registry"], *(row[r] for r in reasons)] for row in wide.iter_rows(named=True)]
    return reasons, rows


def quality(release: Release) -> list[dict[str, Any]]:
    """Return each indicator over all registries, with the lowest and highest registry."""
    rows = []
    whole = release.quality.filter(
        pl.col("registry") != schema.ALL, entity_id=schema.ALL, period=schema.ALL
    )
    for (name,), part in whole.group_by("indicator", maintain_order=True):
        known = part.filter(status=OK)
        if known.is_empty():
            rows.append({"name": name, "value": None, "reason": part["reason"][0]})
            continue
        low, high = known.sort("value").row(0, named=True), known.sort("value").row(-1, named=True)
        found, counted = (int(known[k].sum()) for k in ("numerator", "denominator"))
        total = 100 * found / max(1, counted)
        rows.append(
            {
                "name": name,
                "value": total,
                "low": low,
                "high": high,
                "n": known.height,
                "published": low["benchmark"],
                "source": low["benchmark_source"],
                "by": (low["benchmark_source"] or "").split(":")[0],
            }
        )
    return rows


@dataclass(frozen=True, slots=True)
class Modelled:
    """What the report says of one entity's model.

    Attributes
    ----------
    entity
        Its identifier.
    reference
        The country others are compared with; None where there is one country.
    survival, difference
        Rows by (area, years).
    shares
        Rows by (determinant, years), in the order of the study.
    """

    entity: str
    reference: str | None
    survival: Mapping[tuple[str, float], Row]
    difference: Mapping[tuple[str, float], Row]
    shares: Mapping[tuple[str, float], Row]

    @property
    def years(self) -> list[float]:
        """Times, in order."""
        return sorted({years for _, years in self.survival})

    @property
    def areas(self) -> list[str]:
        """Countries, without the whole."""
        return sorted({area for area, _ in self.survival} - {schema.ALL})

    @property
    def determinants(self) -> list[str]:
        """Names, as the study orders them."""
        return list(dict.fromkeys(name for name, _ in self.shares))


def modelled(release: Release) -> list[Modelled]:
    """Return the entities that have a model, with the rows of it that the report shows."""
    found = []
    for entity in release.entities["entity_id"].to_list():
        own = release.estimates.filter(pl.col("entity_id") == entity)
        survival = own.filter(measure=schema.MODEL_SURVIVAL)
        if survival.is_empty():
            continue
        difference = own.filter(measure=schema.MODEL_DIFFERENCE)
        against = difference["method"].to_list()
        shares = own.filter(
            pl.col("method").str.starts_with("Shapley: "), measure=schema.SHARE_EXPLAINED
        )
        found.append(
            Modelled(
                entity,
                against[0].rpartition(" against ")[2] if against else None,
                {(row["area"], row["time_years"]): row for row in survival.iter_rows(named=True)},
                {(row["area"], row["time_years"]): row for row in difference.iter_rows(named=True)},
                {
                    (row["method"].removeprefix("Shapley: "), row["time_years"]): row
                    for row in shares.iter_rows(named=True)
                },
            )
        )
    return found


def _kind(reason: str) -> str:
    return {READ: "read", KEPT: "kept"}.get(reason, "less")
