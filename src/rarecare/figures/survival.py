"""Survival curves with their bands and the people still followed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl

from rarecare.figures.figure import Figure
from rarecare.figures.followed import (
    NEAR,
    at_year,
    end_of,
    followed,
    marked_years,
    people,
    time_of,
)
from rarecare.figures.lines import Axes, Line, Point, draw_lines, x_title
from rarecare.figures.look import (
    KEY,
    KEY_EDGE,
    SYNTHETIC,
    capital,
    listed,
    percent,
    text_width,
    whole,
)
from rarecare.figures.page import (
    Canvas,
    View,
    check_width,
    head_canvas,
    sheet,
    text_mark,
)
from rarecare.figures.tables import (
    Row,
    check_table,
    drawable,
    in_brackets,
    level_of,
    not_shown,
    strata,
    why_missing,
)
from rarecare.figures.words import digits, say

FEWEST_FOLLOWED = 10
"""A curve ends where fewer people are at risk."""

HIGHEST = 1.5
"""The axis goes no higher than 150 %; bands beyond it are cut, and a note says so."""

_NEEDED = (
    "method", "time_years", "n", "at_risk", "estimate", "lower", "upper", "level", "status",
)  # fmt: skip
_SLIGHT = 0.005
_EPS = 1e-6


def survival_figure(
    table: pl.DataFrame,
    *,
    by: Sequence[str],
    title: str,
    subtitle: str | None = None,
    note: str | None = None,
    synthetic: bool = False,
    width: float = 600,
) -> Figure:
    """Return survival curves with bands and the people still followed.

    A curve is drawn through the rows that are ok and have 10 people or more at risk; it ends
    at the first row with fewer. Other rows are gaps. Up to 6 strata share one plot; more
    become small multiples.

    Parameters
    ----------
    table
        Survival on a fine grid of times, in the columns of ``estimate_survival``: the strata,
        ``method``, ``time_years``, ``n``, ``at_risk``, ``estimate``, ``lower``, ``upper``
        (shares), ``level``, ``status``, ``reason``. People still followed at a year are those
        of the last row up to 0.05 years before it.
    by
        Strata. Several methods in one table are strata of their own.
    title
        What the figure shows.
    subtitle
        Who, where and when; method, people and level of the interval are added to it.
    note
        Sentence below the drawing.
    synthetic
        Whether the data are made up: the drawing then says so.
    width
        In px: 600 on a page, 340 on a phone.

    Raises
    ------
    ColumnError
        The table lacks a column.
    UsageError
        The table is empty or has several rows for one time, there are more than 40 strata,
        or the width is below 300.
    """
    check_width(width)
    methods = list(dict.fromkeys(table["method"].to_list())) if "method" in table.columns else []
    several = len(methods) > 1
    keys = [*by, *(["method"] if several else [])]
    check_table(table, [*keys, *_NEEDED], unique=[*keys, "time_years"])
    words = _methods_in_words(methods)
    table = table.with_columns(method=pl.Series([words[name] for name in table["method"]]))
    named = [(name, sorted(rows, key=time_of)) for name, rows in strata(table, keys)]
    last = end_of(max(time_of(row) for _, rows in named for row in rows))
    years = marked_years(last)
    lines = [_line(name, rows, years) for name, rows in named]
    method, level = listed(list(dict.fromkeys(words.values()))), level_of(table)
    axes = _axes(lines, method, years, last)

    people = sum(max(row["n"] or 0 for row in rows) for _, rows in named)
    people //= len(set(words.values()))
    who = say("%(method)s, %(people)s people, band: %(level)s interval") % {
        "method": method, "people": whole(people), "level": level,
    }  # fmt: skip
    head = head_canvas(
        width, title=title, subtitle=[subtitle, who] if subtitle else [who], synthetic=synthetic
    )
    body = draw_lines(lines, axes, head, width=width)
    if len(lines) == 1 and lines[0].points:
        body.view["layer"][0]["layer"] += _spoken_year(lines[0], axes, body.plot)
    foot = Canvas(head.width, body.below)
    x_title(foot, axes, body)
    followed(foot, named, years, body, last)
    remarks = _remarks(named, lines, axes)
    return sheet(
        head, body, foot, width=width, title=title, notes=[*remarks, *([note] if note else [])],
        description=[*([f"{say(SYNTHETIC)}."] if synthetic else []),
                     *_words(lines, method, level), *remarks],
    )  # fmt: skip


def _methods_in_words(methods: Sequence[str]) -> dict[str, str]:
    from rarecare.survival.methods import METHODS  # noqa: PLC0415 - figures need no estimators

    words = {str(method): say(estimator.title) for method, estimator in METHODS.items()}
    return {method: words.get(method, method) for method in methods}


def _line(name: str, rows: Sequence[Row], years: Sequence[float]) -> Line:
    """Return the runs of rows that may be drawn, up to the first with too few at risk."""
    marked = {id(row) for year in years if year > 0 and (row := at_year(rows, year))}
    runs: list[list[Point]] = [[]]
    for row in rows:
        few = row["at_risk"] is not None and row["at_risk"] < FEWEST_FOLLOWED
        if few and any(runs):
            break
        if few or row["at_risk"] is None or not drawable(row):
            runs.append([])
            continue
        runs[-1].append(
            Point(
                time_of(row), row["estimate"], row["lower"], row["upper"], id(row) in marked,
                tip=_at(row["estimate"], row["lower"], row["upper"], time_of(row)),
            )
        )  # fmt: skip
    return Line(name, tuple(tuple(run) for run in runs if run))


def _axes(lines: Sequence[Line], method: str, years: Sequence[float], last: float) -> Axes:
    points = [point for line in lines for point in line.points]
    values = [max(p.y, p.upper if p.upper is not None else p.y) for p in points]
    estimates = max((p.y for p in points), default=1.0)
    highest = max(estimates, min(max(values, default=1.0), HIGHEST))
    top = 1.0 if highest < 1 + _SLIGHT else math.ceil(highest * 20 - _EPS) / 20
    ticks = [k / 4 for k in range(int(top * 4 + _EPS) + 1)]
    while len(ticks) > 7:
        ticks = ticks[::2]
    return Axes(
        x_title=say("Years since diagnosis"),
        y_title=f"{capital(method.split(' (', maxsplit=1)[0])} (%)",
        x_ticks=years,
        y_ticks=ticks,
        x_domain=(0.0, last),
        y_domain=(0.0, top),
        y_labels="round(100 * datum.value)",
        full=1.0 if top > 1 else None,
    )


def _spoken_year(line: Line, axes: Axes, space: float) -> list[View]:
    """Return the value at 5 years, or the last marked year, as a dot with its text."""
    marked = [point for point in line.points if point.marked]
    if not marked:
        return []
    point = next((p for p in marked if abs(p.x - 5) < 2 * NEAR), marked[-1])
    text = _at(point.y, point.lower, point.upper, point.x)
    x = space * point.x / axes.x_domain[1]
    shift = min(8.0, space + 10 - text_width(text) * 1.05 - x)
    begin, end = (axes.x_domain[1] * (x + shift + w) / space for w in (0, text_width(text)))
    under = [p for p in line.points if begin <= p.x <= end or p is point]
    upper = max(p.y if p.upper is None else p.upper for p in under)
    lower = min(p.y if p.lower is None else p.lower for p in under)
    above = upper < 0.85 * axes.y_domain[1]
    xy = {"x": {"field": "x", "type": "quantitative"}, "y": {"field": "y", "type": "quantitative"}}
    row = {"x": round(point.x, 4), "y": round(point.y, 5)}
    beside = {"x": round(point.x, 4), "y": round(upper if above else lower, 5), "text": text}
    dot = {"type": "point", "filled": True, "size": 130, "opacity": 1, "color": KEY,
           "stroke": KEY_EDGE, "strokeWidth": 1.75}  # fmt: skip
    words = text_mark("strong", dx=shift, dy=-10 if above else 22)
    return [
        {"layer": [
            {"data": {"values": [row]}, "mark": dot, "encoding": xy},
            {"data": {"values": [beside]}, "mark": words,
             "encoding": xy | {"text": {"field": "text", "type": "nominal"}}},
        ]}
    ]  # fmt: skip


def _limits(lower: float | None, upper: float | None) -> str:
    if lower is None or upper is None:
        return ""
    limits = {"lower": f"{100 * lower:.0f}", "upper": f"{100 * upper:.0f}"}
    return f" ({say('%(lower)s to %(upper)s') % limits})"


def _at(share: float, lower: float | None, upper: float | None, years: float) -> str:
    """Return a value with its limits and its time in words."""
    value, near = f"{percent(share)}{_limits(lower, upper)}", round(years, 1)
    if near == 1:
        return say("%(value)s at 1 year") % {"value": value}
    return say("%(value)s at %(n)s years") % {"value": value, "n": digits(f"{near:g}")}


def _remarks(
    named: Sequence[tuple[str, list[Row]]], lines: Sequence[Line], axes: Axes
) -> list[str]:
    """Return what the drawing does not show, and why."""
    remarks = []
    ended = 0
    for (name, rows), line in zip(named, lines, strict=True):
        last = line.points[-1].x if line.points else math.inf
        missing = [row for row in rows if not drawable(row) and time_of(row) < last]
        if line.points and missing:
            remarks.append(
                say("Gap in %(name)s: %(why)s.") % {"name": name, "why": why_missing(missing[0])}
            )
        elif not line.points and len(missing) == len(rows):
            remarks.append(not_shown(name, why_missing(missing[0])))
        elif not line.points:
            few = say("fewer than %(n)s people followed") % {"n": FEWEST_FOLLOWED}
            remarks.append(not_shown(name, few))
        ended += bool(line.points) and last < time_of(rows[-1])
    if ended:
        end = (
            say("Curves end where fewer than %(n)s people are followed.")
            if len(lines) > 1
            else say("The curve ends where fewer than %(n)s people are followed.")
        )
        remarks.append(end % {"n": FEWEST_FOLLOWED})
    if any(
        p.upper is not None and p.upper > axes.y_domain[1] + _SLIGHT
        for x in lines
        for p in x.points
    ):
        remarks.append(say("Bands are cut at %(limit)s.") % {"limit": percent(axes.y_domain[1])})
    if any(people(at_year(rows, year)) == "–" for _, rows in named for year in axes.x_ticks):
        remarks.append(say("–: withheld or not known."))
    return remarks


def _words(lines: Sequence[Line], method: str, level: str) -> list[str]:
    """Return the finding: the estimates at 1 and 5 years of each stratum."""
    words = [in_brackets(method, level)]
    for line in lines:
        marked = [point for point in line.points if point.marked]
        spoken = [p for p in marked if any(abs(p.x - y) < 2 * NEAR for y in (1, 5))] or marked[-1:]
        if spoken:
            said = [_at(p.y, p.lower, p.upper, p.x) for p in spoken]
            words.append(f"{line.name}: {listed(said)}.")
        if line.points and line.points[-1].x < 5 - NEAR:
            end = digits(f"{line.points[-1].x:.1f}")
            words.append(say("The curve of %(name)s ends at %(years)s years.")
                         % {"name": line.name, "years": end})  # fmt: skip
    return words
