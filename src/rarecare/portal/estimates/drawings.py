"""The figures of a cancer: the drawing of its rows, in the language of the request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
from django.utils.translation import gettext as _

from rarecare.figures import (
    Figure,
    age_curve_figure,
    fan,
    prevalence_bars,
    rates_figure,
    survival_figure,
)
from rarecare.portal import numbers
from rarecare.portal.estimates import words
from rarecare.portal.estimates.countries import places_of
from rarecare.portal.estimates.rows import (
    FEWEST,
    Rows,
    age_rows,
    incidence_by_country,
    length,
    main_ages,
    prevalence_rows,
    projection_rows,
    spoken_of,
    survival_by_country,
    survival_rows,
    trend_rows,
)
from rarecare.portal.names import name_text
from rarecare.portal.opened import Entity, OpenedRelease
from rarecare.results import OK
from rarecare.study import schema
from rarecare.study.listing import THRESHOLD_OF_RARITY

WIDE, NARROW = 640, 340
"""Widths a figure is drawn at, in px: a page, a phone."""

_STACKED = (1, 5, 10)
_MOST = 40
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
    title
        What it shows, in the language of the request.
    """

    name: str
    rows: Callable[[OpenedRelease, Entity], Rows]
    drawable: Callable[[Rows], bool]
    draw: Callable[[OpenedRelease, Entity, Rows, Paper], Figure]
    title: Callable[[], str]

    def figure(self, release: OpenedRelease, entity: Entity, paper: Paper) -> Figure | None:
        """Return the drawing of a cancer, or None where there is nothing to draw."""
        rows = self.rows(release, entity)
        if not self.drawable(rows):
            return None
        made = self.draw(release, entity, rows, paper)
        return replace(made, title=_headed(entity, self.title())) if paper.bare else made


def _some_followed(rows: Rows) -> bool:
    return any(_enough(row) for row in rows)


def _survival(release: OpenedRelease, entity: Entity, rows: Rows, paper: Paper) -> Figure:
    first = next(row for row in rows if row["status"] == OK)
    start = {**first, "time_years": 0.0, "estimate": 1.0, "se": 0.0, "lower": 1.0, "upper": 1.0,
             "at_risk": first["n"], "events": 0, "reason": None}  # fmt: skip
    table = pl.DataFrame([start, *rows], schema=schema.ESTIMATES).with_columns(
        cancer=pl.lit(name_text(entity.name))
    )
    return survival_figure(
        table, by=["cancer"],
        **paper.head(
            release, _headed(entity, _("Net survival")),
            f"{_diagnosed(release, first['period'])}, {_of_ages(first['age_group'])}",
        ),
    )  # fmt: skip


def _some_ages(rows: Rows) -> bool:
    return len([row for row in rows if row["status"] == OK and row["n"]]) >= 2


def _ages(release: OpenedRelease, entity: Entity, rows: Rows, paper: Paper) -> Figure:
    sexes = {"male": _("Males"), "female": _("Females"), schema.ALL: _("Both sexes")}
    table = pl.DataFrame(
        [
            {"sexes": sexes[row["sex"]], "age_group": row["age_group"]}
            | {name: row[name] for name in _KEPT}
            for row in rows
        ],
        schema_overrides=_NUMBERS | {"reason": pl.String, "n": pl.Int64},
    )
    label = per_100_000(_("New cases per 100 000 people of that age a year"))
    return age_curve_figure(
        table, by=["sexes"], value_label=label,
        **paper.head(
            release, _headed(entity, _("Age at diagnosis")),
            _diagnosed(release, rows[0]["period"]),
        ),
    )  # fmt: skip


def _some_years(rows: Rows) -> bool:
    return len([row for row in rows if row["status"] == OK]) >= 2


def _trend(release: OpenedRelease, entity: Entity, rows: Rows, paper: Paper) -> Figure:
    table = pl.DataFrame(
        [{"year": int(row["period"])} | {name: row[name] for name in _KEPT} for row in rows],
        schema_overrides=_NUMBERS | {"reason": pl.String, "n": pl.Int64},
    )
    return rates_figure(
        table, by=["year"], value_label=_standardised(),
        **paper.head(
            release, _headed(entity, _("New cases by year")),
            f"{places_of(release)}, {words.standard_name(rows[0]['standard'])}",
        ),
    )  # fmt: skip


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
        table, value_label=_("People alive on %(day)s") % {"day": index_day(rows)},
        **paper.head(
            release, _headed(entity, _("People alive after the diagnosis")), places_of(release)
        ),
    )  # fmt: skip


def _countries(
    rows: Rows, release: OpenedRelease, *, label: str, head: dict[str, Any], factor: float = 1.0,
    threshold: float | None = None,
) -> Figure:  # fmt: skip
    drawn = [row for row in rows if (row["status"] == OK if factor == 1 else _enough(row))]
    left = [country_name(release, row["area"]) for row in rows if row not in drawn]
    note = _("Not shown, withheld or too few people: %(names)s.") % {"names": ", ".join(left)}
    table = pl.DataFrame(
        [
            {"name": country_name(release, row["area"])}
            | {name: row[name] for name in ("level", "status", "reason", "n")}
            | {name: row[name] and row[name] * factor for name in ("estimate", "lower", "upper")}
            for row in drawn[:_MOST]
        ],
        schema_overrides=_NUMBERS | {"reason": pl.String, "n": pl.Int64},
    )
    return rates_figure(
        table, by=["name"], value_label=label, note=note if left else None, threshold=threshold,
        **head,
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
        rows, release, label=_standardised(),
        head=paper.head(
            release, _headed(entity, _("New cases by country")),
            _diagnosed(release, release.period),
        ),
        threshold=THRESHOLD_OF_RARITY if highest > THRESHOLD_OF_RARITY / 2 else None,
    )  # fmt: skip


def _survival_by_country(
    release: OpenedRelease, entity: Entity, rows: Rows, paper: Paper
) -> Figure:
    years = words.in_years(spoken_of(release))
    return _countries(
        rows, release, label=_("Net survival at %(years)s (%%)") % {"years": years}, factor=100.0,
        head=paper.head(
            release, _headed(entity, _("Net survival by country")),
            f"{_diagnosed(release, release.period)}, {_of_ages(main_ages(release, entity))}",
        ),
    )  # fmt: skip


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
        by=[], value_label=_("New cases a year"),
        **paper.head(
            release, _headed(entity, _("New cases observed and projected")), places_of(release)
        ),
    )  # fmt: skip


DRAWN = (
    Drawn("survival", survival_rows, _some_followed, _survival, lambda: _("Net survival")),
    Drawn("age", age_rows, _some_ages, _ages, lambda: _("Age at diagnosis")),
    Drawn("trend", trend_rows, _some_years, _trend, lambda: _("New cases by year")),
    Drawn(
        "prevalence", prevalence_rows, _nested, _prevalence,
        lambda: _("People alive after the diagnosis"),
    ),
    Drawn(
        "incidence-by-country", incidence_by_country, _some_countries, _incidence_by_country,
        lambda: _("New cases by country"),
    ),
    Drawn(
        "survival-by-country", survival_by_country, _some_countries_followed, _survival_by_country,
        lambda: _("Net survival by country"),
    ),
    Drawn(
        "projection", projection_rows, _some_ahead, _projection,
        lambda: _("New cases observed and projected"),
    ),
)  # fmt: skip
"""Every figure of a cancer; ``BY_NAME`` finds one by its address."""


BY_NAME = {drawn.name: drawn for drawn in DRAWN}


def index_day(rows: Rows) -> str:
    """Return the day on which the living are counted: the last of their period."""
    return numbers.day(f"{rows[0]['period'].rpartition('-')[2]}-12-31")


def _enough(row: dict[str, Any]) -> bool:
    """Return whether a percentage is of enough people to be drawn."""
    return row["status"] == OK and (row["n"] or 0) >= FEWEST


def _headed(entity: Entity, title: str) -> str:
    """Return the title of a file: of which cancer, and what."""
    return f"{name_text(entity.name)}: {words.inside(title)}"


def _diagnosed(release: OpenedRelease, period: str) -> str:
    return _("%(place)s, diagnosed %(period)s") % {
        "place": places_of(release), "period": numbers.years(period),
    }  # fmt: skip


def _of_ages(group: str) -> str:
    return _("ages %(ages)s") % {"ages": numbers.ages(group)}


def _standardised() -> str:
    return per_100_000(_("New cases per 100 000 people, age-standardised"))


def per_100_000(label: str) -> str:
    """Return a label whose number no line breaks."""
    return label.replace("100 000", "100\u00a0000")


def country_name(release: OpenedRelease, area: str) -> str:
    """Return a country's name in a drawing; the whole has the name that drawings set apart."""
    if area == schema.ALL:
        return "all"
    row = release.areas[area]
    return numbers.country(row["country"] or area, row["name"])
