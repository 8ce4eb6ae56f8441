"""What the report says of care: indicators, centralisation, needs, and centres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from markupsafe import Markup

from rarecare.care.definitions import SURENESS
from rarecare.care.evidence import MET, NOT_MET
from rarecare.care.evidence import NOT_KNOWN as NOT_KNOWN_STATE
from rarecare.results import OK
from rarecare.study import schema
from rarecare.study.care_rows import NOT_KNOWN
from rarecare.study.release import Release
from rarecare.study.report.numbers import count, percent, rate

Row = Mapping[str, Any]
_MAIN = ("share", "median", "mean", "share within threshold")
CENTRALISATION = (
    ("Hospitals", "hospitals"), ("Median volume", "median volume"),
    ("As a patient meets it", "volume as a patient meets it"),
    ("Treat half of the patients", "hospitals that together treat 50 %"),
    ("Treat 90 %", "hospitals that together treat 90 %"), ("Gini", "Gini"),
    ("Per 10 million people", "hospitals per 10 million inhabitants"),
)  # fmt: skip
"""Columns of the table: their heads, and the statistic."""

TREATMENTS = ("surgery", "radiotherapy", "systemic")
_STAGES = ("localised", "regional", "distant")


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator of one group, over all areas.

    Attributes
    ----------
    about
        Its row of ``care``: title, pillar, sureness, source, definition.
    values
        Statistic and row, the main ones.
    unknown
        Row of the share not known.
    comparators
        Published values, in words.
    """

    about: Row
    values: Sequence[tuple[str, Row]]
    unknown: Row | None
    comparators: Sequence[str]

    @property
    def sureness(self) -> str:
        """How sure the definition is, in words."""
        return f"{self.about['sureness']}: {SURENESS[self.about['sureness']]}"


@dataclass(frozen=True, slots=True)
class Strata:
    """Indicators by stage, or by year, over all areas.

    Attributes
    ----------
    by
        What divides the cases, in words.
    heads
        Title and statistic of each column.
    rows
        Name of the stratum, and its row of each column.
    """

    by: str
    heads: Sequence[tuple[str, str]]
    rows: Sequence[tuple[str, Sequence[Row | None]]]


@dataclass(frozen=True, slots=True)
class Care:
    """The care of a release.

    Attributes
    ----------
    entity
        The group that the report speaks of.
    indicators
        Over all areas, in the order of the sets.
    rows
        All rows of care of the group, by (measure, area).
    countries
        Names of countries by area.
    treatments
        Kinds of treatment of which there are hospitals.
    needs
        Areas, with names, that have needs.
    centres
        Rows of criteria by centre.
    thresholds
        Of volumes.
    strata
        Indicators by stage, and by year of diagnosis, where the study asks for them.
    """

    entity: str
    indicators: Sequence[Indicator]
    rows: Mapping[tuple[str, str], Row]
    countries: Mapping[str, str]
    treatments: Sequence[str]
    needs: Mapping[str, str]
    centres: Mapping[str, Sequence[Row]]
    thresholds: Sequence[Row]
    strata: Sequence[Strata]

    @classmethod
    def of(cls, release: Release, main: str) -> Care | None:
        """Return the care of a release, or None; of ``main``, or the first group there is."""
        known = release.estimates.filter(pl.col("measure").is_in(release.care["measure"].implode()))
        groups = known["entity_id"].unique().sort().to_list()
        if not groups:
            return None
        entity = main if main in groups else groups[0]
        rows = {
            (row["measure"], row["area"]): row
            for row in known.filter(entity_id=entity).iter_rows(named=True)
        }
        names = release.areas.filter(kind="country").sort("name").select("area", "name").rows()
        held = {area for _, area in rows}
        treatments = [t for t in (*TREATMENTS, "any treatment")
                      if any(m == f"hospitals: {t}" for m, _ in rows)]  # fmt: skip
        places = {schema.ALL: "All areas", **dict(names)}
        needs = {
            area: name
            for area, name in places.items()
            if any((f"patients to be treated: {t}", area) in rows for t in TREATMENTS)
        }
        centres = {
            str(name): part.to_dicts()
            for (name,), part in release.criteria.group_by("centre", maintain_order=True)
        }
        marked = release.care.filter(pl.col("threshold").is_not_null(), topic="centralisation")
        return cls(
            entity, _indicators(release, rows), rows,
            {area: name for area, name in names if area in held}, treatments, needs, centres,
            marked.unique("threshold_source", maintain_order=True).to_dicts(),
            [one for one in (_strata(release, rows, "stage at diagnosis", r" of stage (.+)$"),
                             _strata(release, rows, "year of diagnosis", r" of (\d{4})$")) if one],
        )  # fmt: skip

    def centralised(self, area: str, treatment: str) -> list[Row | None]:
        """Return the row of each column of the table of centralisation."""
        return [self.rows.get((f"{name}: {treatment}", area)) for _, name in CENTRALISATION]

    def need(self, area: str, treatment: str) -> Row | None:
        """Return the patients to be treated in a year."""
        return self.rows.get((f"patients to be treated: {treatment}", area))

    def states(self, centre: str) -> list[tuple[str, int, int, int]]:
        """Return per set of criteria how many are met, not met and not known."""
        own: dict[str, list[str]] = {}
        for row in self.centres[centre]:
            own.setdefault(f"{row['criteria']} {row['version']}", []).append(row["state"])
        return [
            (name, states.count(MET), states.count(NOT_MET), states.count(NOT_KNOWN_STATE))
            for name, states in own.items()
        ]


def _indicators(release: Release, rows: Mapping[tuple[str, str], Row]) -> list[Indicator]:
    told = release.care.filter(topic="indicator", data="registry")
    found = []
    for (name,), part in told.group_by("indicator", maintain_order=True):
        values = [
            (row["category"] or row["statistic"], rows[row["measure"], schema.ALL])
            for row in part.iter_rows(named=True)
            if (row["statistic"] in _MAIN or row["category"])
            and (row["measure"], schema.ALL) in rows
        ]
        unknown = rows.get((f"{name}: {NOT_KNOWN}", schema.ALL))
        published = release.comparators.filter(pl.col("indicator") == name)
        if values:
            words = [_compared(row) for row in published.iter_rows(named=True)]
            first = part.filter(pl.col("statistic") != NOT_KNOWN)
            about = (first if first.height else part).row(0, named=True)
            limits = part.filter(pl.col("threshold").is_not_null())
            about = about if limits.is_empty() else limits.row(0, named=True)
            found.append(Indicator(about, values, unknown, words))
    return found


def _strata(
    release: Release, rows: Mapping[tuple[str, str], Row], by: str, pattern: str
) -> Strata | None:
    """Return the indicators whose statistics end as the pattern says, by what it holds."""
    told = release.care.filter(topic="indicator", data="registry").with_columns(
        _stratum=pl.col("statistic").str.extract(pattern),
        _statistic=pl.col("statistic").str.replace(pattern, ""),
    ).drop_nulls("_stratum")  # fmt: skip
    found = {
        (row["title"], row["_statistic"], row["_stratum"]): rows[row["measure"], schema.ALL]
        for row in told.iter_rows(named=True)
        if (row["measure"], schema.ALL) in rows
    }
    heads = list(dict.fromkeys((title, statistic) for title, statistic, _ in found))
    names = sorted({name for _, _, name in found}, key=_stage_order)
    made = [(name, [found.get((*head, name)) for head in heads]) for name in names]
    return Strata(by, heads, made) if made else None


def _stage_order(name: str) -> tuple[int, str]:
    """Return the place of a stage; a year, and a stage not known, after them by name."""
    return (_STAGES.index(name) if name in _STAGES else len(_STAGES), name)


def _compared(row: Row) -> str:
    unit = {"percent": " %"}.get(row["unit"], f" {row['unit']}")
    limits = ""
    if row["lower"] is not None:
        limits = f" ({row['limits'] or 'limits'} {row['lower']:g} to {row['upper']:g})"
    measure = f"{row['measure']} " if row["measure"] else ""
    return f"{measure}{row['value']:g}{unit}{limits}: {row['population']} ({row['source']})"


def number(row: Row | None) -> str:
    """Return a number of care in its unit; where there is none, its status.

    >>> number({"status": "ok", "unit": "patients per year", "estimate": 12.34})
    '12.3'
    """
    if row is None or row["status"] != OK:
        return "–" if row is None else str(row["status"])
    return f"{_in_unit(row['estimate'], row['unit'])}{_UNITS.get(row['unit'], '')}"


def interval(row: Row | None) -> Markup:
    """Return its interval."""
    if row is None or row["status"] != OK or row["lower"] is None or row["upper"] is None:
        return Markup("–")
    text = f"{_in_unit(row['lower'], row['unit'])} to {_in_unit(row['upper'], row['unit'])}"
    return Markup('<span class="int">{}</span>').format(text)


def threshold(about: Row) -> str:
    """Return a threshold with its direction and source, or that there is none."""
    if about["threshold"] is None:
        return "no threshold"
    unit = about["threshold_unit"]
    side = {"higher": "at least ", "lower": "at most "}.get(about["direction"], "")
    said = f"{side}{_in_unit(about['threshold'], unit)}{_UNITS.get(unit, f' {unit}')}"
    return f"threshold {said} ({about['threshold_source']})"


_UNITS = {"share": "\u00a0%", "days": "\u00a0days", "per case": "\u00a0per case"}


def _in_unit(value: float, unit: str) -> str:
    if unit == "share":
        return percent(value)
    if unit == "days":
        return count(round(value))
    return f"{value:.2f}" if unit in {"per case", "0 to 1"} else (
        count(round(value)) if value == round(value) else rate(value)
    )  # fmt: skip
