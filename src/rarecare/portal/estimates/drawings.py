"""The figures of a cancer: which rows each shows, and its drawing from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from rarecare.figures import (
    Figure,
    age_curve_figure,
    fan,
    prevalence_bars,
    rates_figure,
    survival_figure,
)
from rarecare.portal.opened import Entity, OpenedRelease
from rarecare.results import OK
from rarecare.study import schema
from rarecare.study.listing import THRESHOLD_OF_RARITY

Rows = Sequence[dict[str, Any]]
WIDE, NARROW = 640, 340
"""Widths a figure is drawn at, in px: a page, a phone."""

ADULTS, CHILDREN = "15-99", "0-14"
_STACKED = (1, 5, 10)
_MOST = 40
FEWEST = 10
"""No percentage of fewer people is drawn."""

_NUMBERS = dict.fromkeys(("estimate", "lower", "upper", "level"), pl.Float64)
_KEPT = ("estimate", "lower", "upper", "level", "status", "reason", "n")


@dataclass(frozen=True, slots=True)
class Paper:
    """What a figure is drawn on.

    Attributes
    ----------
    width
        In px.
    bare
        Without title and place: the page around it says them.
    """

    width: float
    bare: bool = False

    def head(self, release: OpenedRelease, title: str, subtitle: str) -> dict[str, Any]:
        """Return the head of a figure, as its function wants it."""
        words = {} if self.bare else {"subtitle": subtitle}
        return {"title": "" if self.bare else title, **words,
                "synthetic": release.synthetic, "width": self.width}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Drawn:
    """A kind of figure.

    Attributes
    ----------
    name
        In addresses: ``survival``.
    rows
        The rows of a release it shows, in order; empty where the release has none.
    drawable
        Whether something of these rows can be drawn; quick.
    draw
        The drawing of drawable rows.
    """

    name: str
    rows: Callable[[OpenedRelease, Entity], Rows]
    drawable: Callable[[Rows], bool]
    draw: Callable[[OpenedRelease, Entity, Rows, Paper], Figure]

    def figure(self, release: OpenedRelease, entity: Entity, paper: Paper) -> Figure | None:
        """Return the drawing of a cancer, or None where there is nothing to draw."""
        rows = self.rows(release, entity)
        if not self.drawable(rows):
            return None
        made = self.draw(release, entity, rows, paper)
        return replace(made, title=f"{entity.name}: {self.name}") if paper.bare else made


def main_ages(release: OpenedRelease, entity: Entity) -> str:
    """Return the ages survival is spoken of: adults, or children where most are children."""
    most = {ADULTS: 0, CHILDREN: 0}
    for row in release.rows(entity.entity_id).get(schema.NET_SURVIVAL, ()):
        if row["area"] == schema.ALL and row["sex"] == schema.ALL and row["age_group"] in most:
            most[row["age_group"]] = max(most[row["age_group"]], row["n"] or 0)
    return CHILDREN if most[CHILDREN] > most[ADULTS] else ADULTS


def survival_rows(release: OpenedRelease, entity: Entity) -> Rows:
    """Return net survival of all areas on its grid of times."""
    ages = main_ages(release, entity)
    rows = [
        row
        for row in release.rows(entity.entity_id).get(schema.NET_SURVIVAL, ())
        if (row["area"], row["sex"], row["standard"], row["age_group"])
        == (schema.ALL, schema.ALL, schema.NONE, ages)
    ]
    return sorted(rows, key=lambda row: float(row["time_years"]))


def _some_followed(rows: Rows) -> bool:
    return any(_enough(row) for row in rows)


def _survival(release: OpenedRelease, entity: Entity, rows: Rows, paper: Paper) -> Figure:
    first = next(row for row in rows if row["status"] == OK)
    start = {**first, "time_years": 0.0, "estimate": 1.0, "se": 0.0, "lower": 1.0, "upper": 1.0,
             "at_risk": first["n"], "events": 0, "reason": None}  # fmt: skip
    table = pl.DataFrame([start, *rows], schema=schema.ESTIMATES).with_columns(
        cancer=pl.lit(entity.name)
    )
    return survival_figure(
        table, by=["cancer"],
        **paper.head(
            release, f"{entity.name}: net survival",
            f"{_places(release)}, diagnosed {_dash(first['period'])}, "
            f"ages {_dash(first['age_group'])}",
        ),
    )  # fmt: skip


def age_rows(release: OpenedRelease, entity: Entity) -> Rows:
    """Return rates by five-year ages: of each sex, or of both where there is no choice."""
    rows = _by_age(release, entity)
    both = [row for row in rows if row["sex"] == schema.ALL]
    by_sex = [row for row in rows if row["sex"] != schema.ALL]
    shown, known = (
        sum(row["status"] == OK and bool(row["n"]) for row in some) for some in (by_sex, both)
    )
    # by sex where that leaves as many ages to see; a rarer cancer is seen better as one line
    chosen = by_sex if shown and shown >= 1.5 * known else both
    return sorted(chosen, key=lambda row: (row["sex"], _age(row["age_group"])))


def age_rows_of_both(release: OpenedRelease, entity: Entity) -> Rows:
    """Return rates by five-year ages of both sexes together."""
    rows = [row for row in _by_age(release, entity) if row["sex"] == schema.ALL]
    return sorted(rows, key=lambda row: _age(row["age_group"]))


def _by_age(release: OpenedRelease, entity: Entity) -> Rows:
    return [
        row
        for row in release.rows(entity.entity_id).get(schema.INCIDENCE, ())
        if row["area"] == schema.ALL
        and row["age_group"] != schema.ALL
        and row["standard"] == schema.NONE
    ]


def _some_ages(rows: Rows) -> bool:
    return len([row for row in rows if row["status"] == OK and row["n"]]) >= 2


def _ages(release: OpenedRelease, entity: Entity, rows: Rows, paper: Paper) -> Figure:
    words = {"male": "male", "female": "female", schema.ALL: "both sexes"}
    table = pl.DataFrame(
        [
            {"sexes": words[row["sex"]], "age_group": row["age_group"]}
            | {name: row[name] for name in _KEPT}
            for row in rows
        ],
        schema_overrides=_NUMBERS | {"reason": pl.String, "n": pl.Int64},
    )
    return age_curve_figure(
        table, by=["sexes"], value_label="New cases per 100\u00a0000 people of that age a year",
        **paper.head(
            release, f"{entity.name}: age at diagnosis",
            f"{_places(release)}, diagnosed {_dash(rows[0]['period'])}",
        ),
    )  # fmt: skip


def trend_rows(release: OpenedRelease, entity: Entity) -> Rows:
    """Return age-standardised rates of each year."""
    rows = [
        row
        for row in release.rows(entity.entity_id).get(schema.INCIDENCE, ())
        if (row["area"], row["sex"], row["age_group"]) == (schema.ALL,) * 3
        and row["standard"] != schema.NONE
        and "-" not in row["period"]
    ]
    return sorted(rows, key=lambda row: str(row["period"]))


def _some_years(rows: Rows) -> bool:
    return len([row for row in rows if row["status"] == OK]) >= 2


def _trend(release: OpenedRelease, entity: Entity, rows: Rows, paper: Paper) -> Figure:
    table = pl.DataFrame(
        [{"year": int(row["period"])} | {name: row[name] for name in _KEPT} for row in rows],
        schema_overrides=_NUMBERS | {"reason": pl.String, "n": pl.Int64},
    )
    return rates_figure(
        table, by=["year"], value_label="New cases per 100\u00a0000 people, age-standardised",
        **paper.head(
            release, f"{entity.name}: new cases by year",
            f"{_places(release)}, standard population {rows[0]['standard']}",
        ),
    )  # fmt: skip


def prevalence_rows(release: OpenedRelease, entity: Entity) -> Rows:
    """Return people alive by the longest time since diagnosis, then ever diagnosed."""
    found = release.rows(entity.entity_id)
    rows = [
        row
        for measure in (schema.PREVALENT, schema.COMPLETE_PERSONS)
        for row in found.get(measure, ())
        if row["area"] == schema.ALL and row["sex"] == schema.ALL
    ]
    return sorted(
        rows,
        key=lambda row: (row["measure"] == schema.COMPLETE_PERSONS, length(row["period"])),
    )


def _windows(rows: Rows) -> list[tuple[str, dict[str, Any]]]:
    """Return the windows that are laid on one another, by the name the drawing wants."""
    return [
        (f"0-{length(row['period'])}" if row["measure"] == schema.PREVALENT else "complete", row)
        for row in rows
        if row["measure"] != schema.PREVALENT or length(row["period"]) in _STACKED
    ]


def _nested(rows: Rows) -> bool:
    """Return whether longer windows hold more, and none is known beyond one that is not."""
    drawn = _windows(rows)
    known = [row["status"] == OK for _, row in drawn]
    values = [row["estimate"] for _, row in drawn if row["status"] == OK]
    return any(known) and known == sorted(known, reverse=True) and values == sorted(values)


def _prevalence(release: OpenedRelease, entity: Entity, rows: Rows, paper: Paper) -> Figure:
    drawn = _windows(rows)
    table = pl.DataFrame(
        [{"window": window} | {name: row[name] for name in _KEPT} for window, row in drawn],
        schema_overrides=_NUMBERS | {"reason": pl.String, "n": pl.Int64},
    )
    return prevalence_bars(
        table, value_label=f"People alive on {index_day(rows)}",
        **paper.head(
            release, f"{entity.name}: people alive after the diagnosis", _places(release)
        ),
    )  # fmt: skip


def country_rows(release: OpenedRelease, entity: Entity, measure: str, **where: object) -> Rows:
    """Return one measure of the whole and of each country, in the order of their names."""
    order = {
        area: (row["kind"] != "all", row["name"])
        for area, row in release.areas.items()
        if row["kind"] in ("all", "country")
    }
    rows = [
        row
        for row in release.rows(entity.entity_id).get(measure, ())
        if row["area"] in order
        and row["sex"] == schema.ALL
        and all(row[name] == value for name, value in where.items())
    ]
    return sorted(rows, key=lambda row: order[row["area"]])


def incidence_by_country(release: OpenedRelease, entity: Entity) -> Rows:
    """Return age-standardised rates by country over the whole period."""
    standard = standard_of(release, entity)
    return country_rows(
        release, entity, schema.INCIDENCE, age_group=schema.ALL, standard=standard,
        period=release.period,
    )  # fmt: skip


def survival_by_country(release: OpenedRelease, entity: Entity) -> Rows:
    """Return net survival by country at the time the pages speak of."""
    return country_rows(
        release, entity, schema.NET_SURVIVAL, standard=schema.NONE,
        age_group=main_ages(release, entity), time_years=spoken_of(release),
    )  # fmt: skip


def _countries(
    rows: Rows, release: OpenedRelease, *, label: str, head: dict[str, Any], factor: float = 1.0,
    threshold: float | None = None,
) -> Figure:  # fmt: skip
    drawn = [row for row in rows if (row["status"] == OK if factor == 1 else _enough(row))]
    left = [release.areas[row["area"]]["name"] for row in rows if row not in drawn]
    note = f"Not shown, withheld or too few people: {', '.join(left)}." if left else None
    table = pl.DataFrame(
        [
            {"name": "all" if row["area"] == schema.ALL else release.areas[row["area"]]["name"]}
            | {name: row[name] for name in ("level", "status", "reason", "n")}
            | {name: row[name] and row[name] * factor for name in ("estimate", "lower", "upper")}
            for row in drawn[:_MOST]
        ],
        schema_overrides=_NUMBERS | {"reason": pl.String, "n": pl.Int64},
    )
    return rates_figure(
        table, by=["name"], value_label=label, note=note, threshold=threshold, **head,
    )  # fmt: skip


def _some_countries(rows: Rows) -> bool:
    return any(row["area"] != schema.ALL and row["status"] == OK for row in rows)


def _some_countries_followed(rows: Rows) -> bool:
    return any(row["area"] != schema.ALL and _enough(row) for row in rows)


def _incidence_by_country(
    release: OpenedRelease, entity: Entity, rows: Rows, paper: Paper
) -> Figure:
    highest = max((row["upper"] for row in rows if row["status"] == OK), default=0.0)
    return _countries(
        rows, release, label="New cases per 100\u00a0000 people, age-standardised",
        head=paper.head(
            release, f"{entity.name}: new cases by country", f"Diagnosed {_dash(release.period)}"
        ),
        threshold=THRESHOLD_OF_RARITY if highest > THRESHOLD_OF_RARITY / 2 else None,
    )  # fmt: skip


def _survival_by_country(
    release: OpenedRelease, entity: Entity, rows: Rows, paper: Paper
) -> Figure:
    years = spoken_of(release)
    return _countries(
        rows, release, label=f"Net survival at {years:g} years (%)", factor=100.0,
        head=paper.head(
            release, f"{entity.name}: net survival by country",
            f"Diagnosed {_dash(release.period)}, ages {_dash(main_ages(release, entity))}",
        ),
    )  # fmt: skip


def projection_rows(release: OpenedRelease, entity: Entity) -> Rows:
    """Return the cases of each year observed, then those projected."""
    found = release.rows(entity.entity_id)
    ahead = [
        row for row in found.get(schema.PROJECTED, ())
        if (row["area"], row["sex"]) == (schema.ALL, schema.ALL)
    ]  # fmt: skip
    if not ahead:
        return []
    seen = [
        row for row in found.get(schema.INCIDENCE, ())
        if (row["area"], row["sex"], row["age_group"]) == (schema.ALL,) * 3
        and row["standard"] == schema.NONE and "-" not in row["period"]
    ]  # fmt: skip
    return sorted([*seen, *ahead], key=lambda row: (row["measure"] != schema.INCIDENCE,
                                                   row["period"]))  # fmt: skip


def _some_ahead(rows: Rows) -> bool:
    return {True, False} == {row["measure"] == schema.INCIDENCE for row in rows} and any(
        row["status"] == OK for row in rows if row["measure"] != schema.INCIDENCE
    )


def _projection(release: OpenedRelease, entity: Entity, rows: Rows, paper: Paper) -> Figure:
    seen = [row for row in rows if row["measure"] == schema.INCIDENCE]
    ahead = [row for row in rows if row["measure"] != schema.INCIDENCE]

    def made(row: dict[str, Any]) -> dict[str, Any]:
        first, _, last = row["period"].partition("-")
        own = {name: row[name] for name in _KEPT if name != "n"}
        return {"period": row["period"], "first": int(first), "last": int(last or first), **own}

    types = _NUMBERS | {"reason": pl.String}
    observed = [made(row) | {"estimate": row["n"] if row["status"] == OK else None}
                for row in seen]  # fmt: skip
    return fan(
        pl.DataFrame([made(row) for row in ahead], schema_overrides=types),
        pl.DataFrame(observed, schema_overrides=types),
        by=[], value_label="New cases a year",
        **paper.head(release, f"{entity.name}: observed and projected", _places(release)),
    )  # fmt: skip


DRAWN = (
    Drawn("survival", survival_rows, _some_followed, _survival),
    Drawn("age", age_rows, _some_ages, _ages),
    Drawn("trend", trend_rows, _some_years, _trend),
    Drawn("prevalence", prevalence_rows, _nested, _prevalence),
    Drawn("incidence-by-country", incidence_by_country, _some_countries, _incidence_by_country),
    Drawn(
        "survival-by-country", survival_by_country, _some_countries_followed, _survival_by_country
    ),
    Drawn("projection", projection_rows, _some_ahead, _projection),
)
"""Every figure of a cancer; ``BY_NAME`` finds one by its address."""

BY_NAME = {drawn.name: drawn for drawn in DRAWN}


def spoken_of(release: OpenedRelease) -> float:
    """Return the time since diagnosis that pages speak of: 5 years, or the last there is."""
    years = release.manifest["choices"]["survival"]["at"]
    return 5.0 if 5.0 in years else float(years[-1])


def standard_of(release: OpenedRelease, entity: Entity) -> str:
    """Return the standard population of the rates, or none."""
    for row in release.rows(entity.entity_id).get(schema.INCIDENCE, ()):
        if row["standard"] != schema.NONE:
            return str(row["standard"])
    return schema.NONE


def index_day(rows: Rows) -> str:
    """Return the day on which the living are counted: the last of their period."""
    return f"31 December {rows[0]['period'].rpartition('-')[2]}"


def length(period: str) -> int:
    """Return how many years a period holds.

    >>> length("2007"), length("2003-2007")
    (1, 5)
    """
    first, _, last = period.partition("-")
    return int(last or first) - int(first) + 1


def _enough(row: dict[str, Any]) -> bool:
    """Return whether a percentage is of enough people to be drawn."""
    return row["status"] == OK and (row["n"] or 0) >= FEWEST


def _age(group: str) -> int:
    return int(group.partition("-")[0].rstrip("+"))


def _dash(text: str) -> str:
    return text.replace("-", "–")


def _places(release: OpenedRelease) -> str:
    number = sum(row["kind"] == "country" for row in release.areas.values())
    return f"{number} countries" if number != 1 else "1 country"
