"""What the report says of ways through care: paths, waiting times and states of each entity."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl
from markupsafe import Markup, escape

from rarecare.care.pathway_flows import END
from rarecare.care.pathway_tables import OTHERS
from rarecare.care.pathways import BETWEEN, NO_STEP
from rarecare.figures import Figure
from rarecare.figures.sankey import sankey_figure
from rarecare.figures.states import states_figure
from rarecare.results import OK
from rarecare.study import schema
from rarecare.study.pathway_schema import PATH, STATE, WAIT
from rarecare.study.release import Release
from rarecare.study.report.gallery import Drawing, Gallery
from rarecare.study.report.numbers import THIN, count, missing, percent

Row = Mapping[str, Any]
MEDIAN = "median"
_FLOWS = {"place": pl.Int64, "from_step": pl.String, "step": pl.String, "from_n": pl.Int64,
          "step_n": pl.Int64, "n": pl.Int64}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Waits:
    """Days from one step: by step over all areas, and medians by country.

    Attributes
    ----------
    since
        The step from.
    steps
        Rows by statistic, for each step.
    countries
        Name, and the median of each step.
    """

    since: str
    steps: Mapping[str, Mapping[str, Row]]
    countries: Sequence[tuple[str, Sequence[Row | None]]]


@dataclass(frozen=True, slots=True)
class Section:
    """The ways through care of one entity.

    Attributes
    ----------
    name
        Of the entity.
    period
        Years of diagnosis.
    paths
        Rows over all areas, most frequent first.
    by_country
        Paths named by country; name and row of each.
    waits
        From each step asked for.
    times, states
        Years since diagnosis, and the row of each state at each.
    figures
        Flows, and states.
    """

    name: str
    period: str
    paths: Sequence[Row]
    named: Sequence[str]
    by_country: Sequence[tuple[str, Sequence[Row | None]]]
    waits: Sequence[Waits]
    times: Sequence[float]
    states: Mapping[str, Sequence[Row]]
    figures: Sequence[Drawing]

    @property
    def shown(self) -> bool:
        """Whether anything is."""
        return any(row["status"] == OK for row in self.paths)

    @property
    def not_shown(self) -> Sequence[str]:
        """Countries whose paths are withheld."""
        return [name for name, rows in self.by_country
                if not any(row and row["status"] == OK for row in rows)]  # fmt: skip


def sections(release: Release, names: Mapping[str, str], gallery: Gallery) -> list[Section]:
    """Return the ways through care of each entity that the study asked for."""
    countries = release.areas.filter(kind="country").sort("name").select("area", "name").rows()
    found = []
    for (entity,), rows in release.pathways.group_by("entity_id", maintain_order=True):
        name = names[str(entity)]
        pooled, apart = rows.filter(area=schema.ALL), rows.filter(pl.col("area") != schema.ALL)
        paths = pooled.filter(kind=PATH).to_dicts()
        named = apart.filter(kind=PATH)["step"].unique(maintain_order=True).to_list()
        shares = _by_country(apart.filter(kind=PATH), countries, named)
        waits = [
            _waits(str(since), own, apart, countries)
            for (since,), own in pooled.filter(kind=WAIT).group_by("from_step", maintain_order=True)
        ]
        figures = [
            gallery.add(
                partial(_flows, release, paths, f"{name}: steps of care"),
                "Patients by the steps of their path, in order of time. The height of a bar is "
                "its number of patients.",
                intervals="",
            ),
            gallery.add(
                partial(_states, release, pooled.filter(kind=STATE),
                        f"{name}: where patients are"),
                "Shares by the Aalen–Johansen method. Waiting: no treatment has begun, nor may it "
                "ever.",
                intervals="",
            ),
        ]  # fmt: skip
        at = pooled.filter(kind=STATE).sort("time_years", "order")
        states = {str(step): own.to_dicts()
                  for (step,), own in at.group_by("step", maintain_order=True)}  # fmt: skip
        found.append(Section(
            name, rows["period"][0], paths, named, shares, waits,
            at["time_years"].unique(maintain_order=True).to_list(), states,
            [one for one in figures if one is not None],
        ))  # fmt: skip
    return found


def _by_country(
    rows: pl.DataFrame, countries: Sequence[tuple[str, str]], steps: Sequence[str]
) -> list[tuple[str, list[Row | None]]]:
    held = {(row["area"], row["step"]): row for row in rows.iter_rows(named=True)}
    met = {area for area, _ in held}
    return [(name, [held.get((area, step)) for step in steps])
            for area, name in countries if area in met]  # fmt: skip


def _waits(
    since: str, own: pl.DataFrame, apart: pl.DataFrame, countries: Sequence[tuple[str, str]]
) -> Waits:
    steps: dict[str, dict[str, Row]] = {}
    for row in own.iter_rows(named=True):
        steps.setdefault(row["step"], {})[row["statistic"]] = row
    medians = apart.filter(kind=WAIT, from_step=since, statistic=MEDIAN)
    return Waits(since, steps, _by_country(medians, countries, list(steps)))


def flows(paths: Sequence[Row]) -> pl.DataFrame:
    """Return the flows between the steps of the paths that are shown, from their numbers alone.

    Other paths are in none of them.

    >>> two = [{"step": "a > b", "events": 7, "n": 10}, {"step": "a", "events": 3, "n": 10}]
    >>> flows(two).select("place", "from_step", "step", "n").rows()
    [(1, 'a', 'b', 7), (1, 'a', 'no further step', 3), (2, 'b', 'no further step', 7)]
    """
    named = [(row["step"].split(BETWEEN), row["events"]) for row in paths if row["step"] != OTHERS]
    made = []
    for place in range(1, max(len(steps) for steps, _ in named) + 1):
        between: dict[tuple[str, str], int] = defaultdict(int)
        from_n: dict[str, int] = defaultdict(int)
        step_n: dict[str, int] = defaultdict(int)
        for steps, n in named:
            after = steps[place] if place < len(steps) else END
            step_n[after] += n  # of those that ended, all so far
            if place <= len(steps):
                from_n[steps[place - 1]] += n
                between[steps[place - 1], after] += n
        made += [(place, a, b, from_n[a], step_n[b], n) for (a, b), n in between.items()]
    return pl.DataFrame(made, schema=_FLOWS, orient="row").with_columns(
        denominator=pl.lit(paths[0]["n"]), status=pl.lit(OK), reason=pl.lit(None, pl.String)
    )


def _flows(release: Release, paths: Sequence[Row], title: str, width: float) -> Figure | None:
    shown = [row for row in paths if row["status"] == OK]
    if not any(row["step"] not in {OTHERS, NO_STEP} for row in shown):
        return None
    others = [row for row in shown if row["step"] == OTHERS]
    note = (
        f"Other paths, not drawn: {count(others[0]['events'])} ({percent(others[0]['estimate'])}%)"
        if others
        else None
    )
    return sankey_figure(
        flows(shown), title=title, subtitle=f"Diagnosed {shown[0]['period']}, all areas", note=note,
        synthetic=bool(release.manifest["study"]["synthetic"]), width=width,
    )  # fmt: skip


def _states(release: Release, rows: pl.DataFrame, title: str, width: float) -> Figure | None:
    if not (rows["status"] == OK).any():
        return None
    n = rows["n"].drop_nulls()[0]
    return states_figure(
        rows.select("time_years", "n", "estimate", "status", "reason", state="step"), title=title,
        subtitle=f"Diagnosed {rows['period'][0]}, all areas, {count(n)} patients followed",
        synthetic=bool(release.manifest["study"]["synthetic"]), width=width,
    )  # fmt: skip


def share(row: Row | None) -> Markup:
    """Return a share in percent, or why there is none."""
    if row is None or row["status"] != OK:
        return missing(row)
    return escape(percent(row["estimate"]))


def days(row: Row | None) -> Markup:
    """Return a number of days, or why there is none.

    >>> str(days({"status": "ok", "estimate": 20.0})), str(days({"status": "ok", "estimate": 7.5}))
    ('20', '7.5')
    """
    if row is None or row["status"] != OK:
        return missing(row)
    return escape(_day(row["estimate"]))


def days_interval(row: Row) -> Markup:
    """Return its interval, a dash for a limit that is not reached."""
    if row["status"] != OK or row["lower"] is None or row["upper"] is None:
        return Markup("–")
    return Markup('<span class="int">{} to {}</span>').format(
        _day(row["lower"]), _day(row["upper"])
    )


def _day(value: float) -> str:
    return f"{value:,.0f}".replace(",", THIN) if value == round(value) else f"{value:.1f}"
