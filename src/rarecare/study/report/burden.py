"""What the report says of prevalence, trends, projections and expected cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from rarecare.results import OK
from rarecare.study import schema
from rarecare.study.release import Release

Row = Mapping[str, Any]
MOST = 10
"""Rising, and falling, groups that the report lists."""


@dataclass(frozen=True, slots=True)
class Prevalence:
    """Prevalence by the years of diagnosis, and complete prevalence.

    Attributes
    ----------
    windows
        Years of diagnosis, from the shortest.
    persons, shares
        Persons alive, and per 100 000, by (entity, area, window).
    complete, complete_shares
        Complete prevalence by (entity, area); empty where it is not asked for.
    areas
        The whole and the countries, with their names.
    """

    windows: tuple[str, ...]
    persons: Mapping[tuple[str, str, str], Row]
    shares: Mapping[tuple[str, str, str], Row]
    complete: Mapping[tuple[str, str], Row]
    complete_shares: Mapping[tuple[str, str], Row]
    areas: Mapping[str, str]

    @classmethod
    def of(cls, release: Release) -> Prevalence | None:
        """Return the prevalence of a release, or None."""
        counted = release.estimates.filter(measure=schema.PREVALENT)
        if counted.is_empty():
            return None
        windows = sorted(counted["period"].unique().to_list(), key=length)
        complete, shares = (
            {(row["entity_id"], row["area"]): row for row in rows_of(release, measure)}
            for measure in (schema.COMPLETE_PERSONS, schema.COMPLETE)
        )
        return cls(
            tuple(windows),
            by_place(release, schema.PREVALENT),
            by_place(release, schema.PREVALENCE),
            complete,
            shares,
            areas_of(release, schema.PREVALENT),
        )

    @property
    def widest(self) -> str:
        """The longest window."""
        return self.windows[-1]

    @property
    def day(self) -> str:
        """The day on which the living are counted."""
        return f"31 December {self.widest.rpartition('-')[2]}"

    @property
    def estimated(self) -> list[str]:
        """Entities of which complete prevalence is estimated."""
        return list(dict.fromkeys(entity for entity, _ in self.complete))

    def share_counted(self, entity: str, area: str) -> float | None:
        """Return the share of complete prevalence that was counted; None where not shown."""
        row = self.complete.get((entity, area))
        if row is None or row["status"] != OK or not row["estimate"] or row["n"] is None:
            return None
        return float(min(1.0, row["n"] / row["estimate"]))

    def reasons(self, entity: str) -> list[str]:
        """Return in words why complete prevalence is not shown of areas, each reason once."""
        found: dict[str, list[str]] = {}
        for area, name in self.areas.items():
            row = self.complete.get((entity, area))
            if row is not None and row["status"] != OK:
                found.setdefault(_why(row), []).append(name)
        return [f"{', '.join(names)}: {reason}." for reason, names in found.items()]


@dataclass(frozen=True, slots=True)
class Trends:
    """Annual changes over the years of the study, all areas together.

    Attributes
    ----------
    rows
        By entity.
    period
        Years of the study.
    rising, falling
        Entities of tiers 1 and 2 whose limits exclude 0, the largest change first.
    shown, outside
        How many entities of these tiers have limits, and limits that exclude 0.
    level
        Of the limits.
    """

    rows: Mapping[str, Row]
    period: str
    rising: tuple[Row, ...]
    falling: tuple[Row, ...]
    shown: int
    outside: int
    level: float

    @classmethod
    def of(cls, release: Release) -> Trends | None:
        """Return the trends of a release, or None."""
        rows = {row["entity_id"]: row for row in rows_of(release, schema.TREND, area=schema.ALL)}
        if not rows:
            return None
        single = release.entities.filter(pl.col("tier") >= 1)["entity_id"]
        ok = [rows[e] for e in single if e in rows and rows[e]["status"] == OK]
        limited = [row for row in ok if row["lower"] is not None]
        first = next(iter(rows.values()))
        rising = [row for row in limited if row["lower"] > 0]
        falling = [row for row in limited if row["upper"] < 0]
        return cls(
            rows,
            first["period"],
            tuple(_largest(rising)),
            tuple(_largest(falling)),
            len(limited),
            len(rising) + len(falling),
            first["level"],
        )

    @property
    def by_chance(self) -> float:
        """How many limits would exclude 0 if no rate changed."""
        return (1 - self.level) * self.shown


@dataclass(frozen=True, slots=True)
class Projections:
    """Projected cases and rates, and the cases of each year observed.

    Attributes
    ----------
    cases, rates
        By (entity, area, period).
    entities
        In the order of the study.
    periods
        In order of time.
    areas
        The whole and the countries, with their names.
    observed
        Crude incidence of each year, all areas together, by entity.
    """

    cases: Mapping[tuple[str, str, str], Row]
    rates: Mapping[tuple[str, str, str], Row]
    entities: tuple[str, ...]
    periods: tuple[str, ...]
    areas: Mapping[str, str]
    observed: Mapping[str, Sequence[Row]]

    @classmethod
    def of(cls, release: Release) -> Projections | None:
        """Return the projections of a release, or None."""
        cases = by_place(release, schema.PROJECTED)
        if not cases:
            return None
        made = {entity for entity, _, _ in cases}
        asked = (release.manifest["choices"].get("projection") or {}).get("entities", ())
        entities = tuple(dict.fromkeys([*(e for e in asked if e in made), *sorted(made)]))
        observed = {
            entity: [
                row
                for row in rows_of(
                    release, schema.INCIDENCE, area=schema.ALL, entity_id=entity,
                    age_group=schema.ALL, standard=schema.NONE,
                )
                if "-" not in row["period"]
            ]
            for entity in entities
        }  # fmt: skip
        return cls(
            cases,
            by_place(release, schema.PROJECTED_RATE),
            entities,
            tuple(sorted({period for _, _, period in cases})),
            areas_of(release, schema.PROJECTED),
            observed,
        )

    def rate(self, entity: str, area: str, period: str) -> Row | None:
        """Return a projected rate; where there is none, the row of cases that says why."""
        key = entity, area, period
        return self.rates.get(key) or self.cases.get(key)

    def rows(self, area: str) -> list[tuple[str, list[Row]]]:
        """Return the rows of cases of one area, by entity."""
        found = [
            (e, [self.cases[e, area, p] for p in self.periods if (e, area, p) in self.cases])
            for e in self.entities
        ]
        return [(entity, rows) for entity, rows in found if rows]

    def reasons(self, area: str, names: Mapping[str, str]) -> list[str]:
        """Return in words why projections of an area are not shown, each reason once."""
        found: dict[str, list[str]] = {}
        for entity, rows in self.rows(area):
            for reason in dict.fromkeys(_why(row) for row in rows if row["status"] != OK):
                found.setdefault(reason, []).append(names[entity])
        return [f"{', '.join(who)}: {reason}." for reason, who in found.items()]

    @property
    def countries(self) -> list[tuple[str, str]]:
        """The areas without the whole, with their names."""
        return [(area, name) for area, name in self.areas.items() if area != schema.ALL]


@dataclass(frozen=True, slots=True)
class Expected:
    """New cases a year expected at the rates of all areas, in the countries of a target.

    Attributes
    ----------
    rows
        By (entity, area).
    whole
        The area of all countries together.
    countries
        Names by area, in order of name.
    period
        Year of the population, or the years of the study.
    """

    rows: Mapping[tuple[str, str], Row]
    whole: str
    countries: Mapping[str, str]
    period: str

    @classmethod
    def of(cls, release: Release) -> Expected | None:
        """Return the expected cases of a release, or None."""
        rows = {(row["entity_id"], row["area"]): row for row in rows_of(release, schema.EXPECTED)}
        if not rows:
            return None
        names = areas_of(release, schema.EXPECTED)
        countries = release.areas.filter(kind="country")["area"].to_list()
        return cls(
            rows,
            next(area for area in names if area not in countries),
            {area: name for area, name in names.items() if area in countries},
            next(iter(rows.values()))["period"],
        )

    @property
    def parts(self) -> list[dict[str, str]]:
        """The whole, and the countries: names by area."""
        return [{self.whole: f"{self.whole}, all countries"}, dict(self.countries)]


@dataclass(frozen=True, slots=True)
class Burden:
    """The four, each None where the release does not hold it."""

    prevalence: Prevalence | None
    trends: Trends | None
    projections: Projections | None
    expected: Expected | None

    @classmethod
    def of(cls, release: Release) -> Burden:
        """Return what a release holds of them."""
        return cls(
            Prevalence.of(release),
            Trends.of(release),
            Projections.of(release),
            Expected.of(release),
        )


def groups(release: Release) -> list[list[dict[str, Any]]]:
    """Return all groups of a release: those of several families, then family by family."""
    listed = release.entities.sort("entity_id")
    above = listed.filter(pl.col("tier") < 0).to_dicts()
    families = [
        part.to_dicts()
        for _, part in listed.filter(pl.col("tier") >= 0).group_by("family", maintain_order=True)
    ]
    return [rows for rows in (above, *families) if rows]


def rows_of(release: Release, measure: str, **values: str) -> Iterator[dict[str, Any]]:
    """Return the rows of a measure, both sexes together."""
    own = release.estimates.filter(measure=measure, sex=schema.ALL, **values)
    return own.sort("entity_id", "period").iter_rows(named=True)


def by_place(release: Release, measure: str) -> dict[tuple[str, str, str], Row]:
    """Return the rows of a measure by (entity, area, period)."""
    return {
        (row["entity_id"], row["area"], row["period"]): row for row in rows_of(release, measure)
    }


def areas_of(release: Release, measure: str) -> dict[str, str]:
    """Return the names of the areas of a measure: the whole, then the countries by name.

    Without the regions between them, unless they are the whole of a target.
    """
    own = release.estimates.filter(measure=measure)["area"].unique()
    target = (release.manifest["choices"].get("expected") or {}).get("name")
    whole = pl.col("kind") == "all"
    if measure == schema.EXPECTED:
        whole = pl.col("area") == target
    areas = release.areas.filter(
        pl.col("area").is_in(own.implode()), whole | (pl.col("kind") == "country")
    ).sort(pl.col("kind") == "country", "name")
    names = dict(areas.select("area", "name").iter_rows())
    return {area: "All areas" if area == schema.ALL else name for area, name in names.items()}


def length(period: str) -> int:
    """Return how many years a period holds.

    >>> length("2007"), length("2003-2007")
    (1, 5)
    """
    first, _, last = period.partition("-")
    return int(last or first) - int(first) + 1


def _why(row: Row) -> str:
    return f"{row['status']}: {str(row['reason']).rstrip('.')}"


def _largest(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (-abs(row["estimate"]), row["entity_id"]))[:MOST]
