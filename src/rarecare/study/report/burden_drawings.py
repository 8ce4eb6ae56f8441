"""The drawings of prevalence, projections and expected cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import polars as pl

from rarecare.figures import Figure, fan, prevalence_bars, rates_figure
from rarecare.results import OK
from rarecare.study import schema
from rarecare.study.release import Release
from rarecare.study.report.burden import Burden, Expected, Prevalence, Projections, length
from rarecare.study.report.gallery import Drawing, Gallery
from rarecare.study.report.numbers import years

Row = Mapping[str, Any]
Bars = list[tuple[str, list[tuple[str, Row]]]]
_STACKED = (1, 5, 10)
"""Windows that are drawn on one another, in years."""

_PANELS, _MOST, _COMPLETE = 12, 40, 3
"""Entities of a fan, rows of a figure, entities with a figure of complete prevalence."""

_NUMBERS = dict.fromkeys(("estimate", "lower", "upper", "level"), pl.Float64)
_COLUMNS = ("estimate", "lower", "upper", "level", "status", "reason")


def burden_drawings(
    release: Release, burden: Burden, main: str, gallery: Gallery
) -> dict[str, list[Drawing]]:
    """Return the drawings of each section, in the order of the page."""
    names = dict(release.entities.select("entity_id", "name").iter_rows())
    made: dict[str, list[Drawing | None]] = {
        "prevalence": [], "complete": [], "projections": [], "expected": []
    }  # fmt: skip
    alive = burden.prevalence
    if alive is not None:
        families = release.entities.filter(tier=0).select("entity_id", "name").rows()
        made["prevalence"] = [
            _bars(release, alive, _by_family(alive, families), "People alive, by family", gallery),
            _bars(release, alive, _by_area(alive, main),
                  f"{names[main]}: people alive, by country", gallery),
        ]  # fmt: skip
        made["complete"] = [
            _bars(release, alive, _complete_by_area(alive, entity),
                  f"{names[entity]}: people alive, ever diagnosed", gallery)
            for entity in alive.estimated[:_COMPLETE]
            if length(alive.widest) in _STACKED
        ]  # fmt: skip
    if burden.projections is not None:
        draw = partial(_fan, release, burden.projections, names)
        made["projections"] = [
            gallery.add(
                draw,
                "All areas together. Dots are the cases of each year; the dashed line is the mean "
                "of a year of each projected period.",
                intervals="Bands are prediction intervals.",
            )
        ]
    if burden.expected is not None:
        draw = partial(_expected, release, burden.expected, main, names[main])
        made["expected"] = [
            gallery.add(
                draw,
                "At the rates of all areas of the study together.",
                intervals="Lines are intervals.",
            )
        ]
    return {name: [d for d in drawn if d is not None] for name, drawn in made.items()}


def _bars(
    release: Release, alive: Prevalence, bars: Bars, title: str, gallery: Gallery
) -> Drawing | None:
    """Return bars by the time since diagnosis; what cannot be laid on one another is named."""
    nested = [_nested([row for _, row in rows]) for _, rows in bars]
    drawn = [bar for bar, whole in zip(bars, nested, strict=True) if whole][:_MOST]
    left = [name for (name, _), whole in zip(bars, nested, strict=True) if not whole]
    if not any(_ok(row) for _, rows in drawn for _, row in rows):
        return None
    table = pl.DataFrame(
        [
            {"name": name, "window": window} | {column: row[column] for column in _COLUMNS}
            for name, rows in drawn
            for window, row in rows
        ],
        schema_overrides=_NUMBERS | {"reason": pl.String},
    )
    unit = drawn[0][1][0][1]["unit"]

    def draw(width: float) -> Figure:
        return prevalence_bars(
            table, by=["name"], title=title, synthetic=_synthetic(release), width=width,
            value_label=f"People alive on {alive.day}"
            + (" per 100\u00a0000" if "100" in unit else ""),
        )  # fmt: skip

    caption = "All areas together." if title.endswith("family") else "Both sexes, all ages."
    if left:
        caption += f" Not drawn, since a part of them is missing: {', '.join(left)}."
    return gallery.add(draw, caption, intervals="Lines are intervals.")


def _nested(rows: Sequence[Row]) -> bool:
    """Return whether longer windows hold more, and none is known beyond one that is not."""
    known = [_ok(row) for row in rows]
    values = [row["estimate"] for row, ok in zip(rows, known, strict=True) if ok]
    return known == sorted(known, reverse=True) and values == sorted(values)


def _ok(row: Row) -> bool:
    return bool(row["status"] == OK)


def _length(row: Row) -> float:
    """Return how long a bar is: none where the number is not shown."""
    return float(row["estimate"] or 0.0) if _ok(row) else 0.0


def _windows(alive: Prevalence) -> list[str]:
    """Return the windows to draw: those that lie on one another, or the widest."""
    stacked = [window for window in alive.windows if length(window) in _STACKED]
    return stacked if len(stacked) > 1 else [alive.widest]


def _rows(alive: Prevalence, entity: str, area: str, *, shares: bool) -> list[tuple[str, Row]]:
    rows = alive.shares if shares else alive.persons
    found = [(window, rows.get((entity, area, window))) for window in _windows(alive)]
    return [(f"0-{length(window)}", row) for window, row in found if row is not None]


def _by_family(alive: Prevalence, families: Sequence[tuple[str, str]]) -> Bars:
    """Return families over all areas, most people first; of one there is nothing to compare."""
    shares = any(area == schema.ALL for _, area, _ in alive.shares)
    bars = [(name, _rows(alive, entity, schema.ALL, shares=shares)) for entity, name in families]
    bars = [(name, rows) for name, rows in bars if rows]
    bars.sort(key=lambda bar: -_length(bar[1][-1][1]))
    return bars if len(bars) > 1 else []


def _by_area(alive: Prevalence, entity: str) -> Bars:
    bars = [(name, _rows(alive, entity, area, shares=True)) for area, name in alive.areas.items()]
    bars = [(name, rows) for name, rows in bars if rows]
    return bars if len(bars) > 2 else []


def _complete_by_area(alive: Prevalence, entity: str) -> Bars:
    """Return the windows of an entity by area, and what lies before them.

    Why it is not shown of an area stands below the table. One bar is nothing to compare.
    """
    bars: Bars = []
    for area, name in alive.areas.items():
        rows = _rows(alive, entity, area, shares=True)
        whole = alive.complete_shares.get((entity, area))
        if rows and whole is not None:
            bars.append((name, [*rows, ("complete", {**whole, "reason": None})]))
    known = [rows for _, rows in bars if _nested([row for _, row in rows]) and _ok(rows[-1][1])]
    return bars if len(known) > 1 else []


def _fan(
    release: Release, made: Projections, names: Mapping[str, str], width: float
) -> Figure | None:
    """Return the projection of all areas after the years observed; None where there is none."""
    ahead, seen = [], []
    shown = made.rows(schema.ALL)[:_PANELS]
    titles = [names[entity] for entity, _ in shown]
    for entity, rows in shown:
        twice = titles.count(names[entity]) > 1
        title = f"{names[entity]} ({entity})" if twice else names[entity]
        ahead += [_period(title, row) for row in rows]
        seen += [
            _period(title, row) | {"estimate": row["n"] if _ok(row) else None}
            for row in made.observed[entity]
        ]
    if not seen or not any(map(_ok, ahead)):
        return None
    types = _NUMBERS | {"reason": pl.String}
    return fan(
        pl.DataFrame(ahead, schema_overrides=types), pl.DataFrame(seen, schema_overrides=types),
        by=["name"], value_label="New cases a year", title="New cases observed and projected",
        synthetic=_synthetic(release), width=width,
    )  # fmt: skip


def _period(name: str, row: Row) -> dict[str, Any]:
    first, _, last = row["period"].partition("-")
    own = {column: row[column] for column in _COLUMNS}
    return {"name": name, "period": row["period"], "first": int(first),
            "last": int(last or first), **own}  # fmt: skip


def _expected(
    release: Release, made: Expected, entity: str, name: str, width: float
) -> Figure | None:
    """Return the countries with their expected cases; None of fewer than two."""
    rows = [(words, made.rows.get((entity, area))) for area, words in made.countries.items()]
    given = [(words, row) for words, row in rows if row is not None]
    given.sort(key=lambda item: -_length(item[1]))
    if sum(_ok(row) for _, row in given) < 2:
        return None
    table = pl.DataFrame(
        [{"name": words} | {column: row[column] for column in _COLUMNS}
         for words, row in given[:_MOST]],
        schema_overrides=_NUMBERS | {"reason": pl.String},
    )  # fmt: skip
    return rates_figure(
        table, by=["name"], value_label="Expected new cases a year",
        title=f"{name}: expected new cases by country",
        subtitle=f"Population of {years(made.period)}" if "-" not in made.period else None,
        synthetic=_synthetic(release), width=width,
    )  # fmt: skip


def _synthetic(release: Release) -> bool:
    return bool(release.manifest["study"]["synthetic"])
