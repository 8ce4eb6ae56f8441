"""What became of people: died of the cancer, died of another cause, alive; stacked over time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import polars as pl

from rarecare.errors import UsageError
from rarecare.figures.figure import Figure
from rarecare.figures.followed import at_year, end_of, followed, marked_years, time_of
from rarecare.figures.lines import check_number
from rarecare.figures.look import INK, LINE, NARROW, PAPER, SERIES, SYNTHETIC, TEXT, percent, wrap
from rarecare.figures.page import Body, Canvas, View, check_width, head_canvas, margin, sheet
from rarecare.figures.page import text_mark as words_mark
from rarecare.figures.tables import Row, check_table, drawable, level_of, strata, why_missing

CANCER, OTHER, ALIVE = "Died of the cancer", "Died of another cause", "Alive"
COLOURS = {CANCER: SERIES[3], OTHER: SERIES[1], ALIVE: "#e3ebe6"}
_PAIRS = (("crude-cancer", "crude-other"), ("recorded-cancer", "recorded-other"))
_NEEDED = ("method", "time_years", "n", "at_risk", "estimate", "lower", "upper", "level", "status")
_AXIS, _GAP, _LEFT = 44, 24, 40.0


def probabilities_figure(
    table: pl.DataFrame,
    *,
    by: Sequence[str],
    title: str,
    subtitle: str | None = None,
    note: str | None = None,
    synthetic: bool = False,
    width: float = 600,
) -> Figure:
    """Return the crude probabilities of death as areas on one another, alive above them.

    Several strata are panels. Below stand the probabilities at 5 years (or the last marked
    year) with their limits, and the people still followed.

    Parameters
    ----------
    table
        Crude probabilities on a fine grid of times, both causes, in the columns of
        ``estimate_survival``.
    by
        Strata.
    title, subtitle, note, synthetic, width
        As for ``survival_figure``.

    Raises
    ------
    ColumnError
        The table lacks a column.
    UsageError
        The table is empty, has several rows for one time or not both causes of one kind,
        there are more than 40 strata, or the width is below 300.
    """
    check_width(width)
    check_table(table, [*by, *_NEEDED], unique=[*by, "method", "time_years"])
    pair = next((p for p in _PAIRS if set(p) == set(table["method"].unique())), None)
    if pair is None:
        raise UsageError(
            "stacked probabilities need the deaths of both causes",
            value=sorted(table["method"].unique().to_list()),
            allowed=" or ".join(" and ".join(p) for p in _PAIRS),
        )
    level = level_of(table)
    named = [(name, sorted(rows, key=time_of)) for name, rows in strata(table, by)]
    check_number([name for name, _ in named])
    last = end_of(max(time_of(row) for _, rows in named for row in rows))
    years = marked_years(last)
    panels = [(name, _areas(rows, pair)) for name, rows in named]
    head = head_canvas(
        width, title=title, subtitle=[subtitle] if subtitle else [], synthetic=synthetic
    )
    _key(head)
    body = _panels(panels, years, last, head=head, width=width)
    foot = Canvas(head.width, body.below)
    middle = body.left + (body.plot or foot.width - body.left) / 2
    foot.text(middle, body.below - 6, "Years since diagnosis", "plain", "center")
    told = _told(named, pair, years)
    foot.height += 10
    for sentence in told:
        foot.paragraph(sentence, "plain")
    alone = [(name, [row for row in rows if row["method"] == pair[0]]) for name, rows in named]
    followed(foot, alone, years, body, last)
    remarks = [f"In brackets the {level} interval.", *_remarks(named, pair)]
    return sheet(
        head, body, foot, width=width, title=title, notes=[*remarks, *([note] if note else [])],
        description=[*([f"{SYNTHETIC}."] if synthetic else []), *told, *remarks],
    )  # fmt: skip


def _areas(rows: Sequence[Row], pair: tuple[str, str]) -> list[dict[str, float]]:
    """Return time and the tops of both areas, as far as both are known."""
    both: dict[float, dict[str, Row]] = {}
    for row in rows:
        both.setdefault(time_of(row), {})[row["method"]] = row
    points = []
    for time, own in sorted(both.items()):
        if set(own) != set(pair) or not all(drawable(row) for row in own.values()):
            break
        cancer = max(own[pair[0]]["estimate"], 0.0)
        total = min(cancer + max(own[pair[1]]["estimate"], 0.0), 1.0)
        points.append({"x": round(time, 4), "cancer": round(cancer, 5), "dead": round(total, 5)})
    return points


def _key(head: Canvas) -> None:
    """Draw what the colours mean, in their order from above."""
    head.height += 8
    for name in (ALIVE, OTHER, CANCER):
        head.box(0, head.height + 3, 14, head.height + 15, color=COLOURS[name])
        head.text(22, head.height + 14, name, "plain")
        head.height += LINE + 2
    head.height += 4
    head.paragraph("Of 100 people", "soft")
    head.height += 8


def _panels(
    panels: Sequence[tuple[str, list[dict[str, float]]]],
    years: Sequence[float],
    last: float,
    *,
    head: Canvas,
    width: float,
) -> Body:
    inner = width - 2 * margin(width) - _LEFT - 12
    if len(panels) == 1:
        view = _panel(panels[0][1], (inner, 240.0), years, last)
        return Body(view, _LEFT, _AXIS, inner)
    columns = 2 if width < NARROW else 3
    size = ((inner - (columns - 1) * _GAP) / columns, 120.0)
    titles = [wrap(name, width=size[0], size=TEXT * 1.05) for name, _ in panels]
    top = max(map(len, titles)) * LINE + 4
    head.height += top
    views: list[View] = []
    for i, (_, points) in enumerate(panels):
        view = _panel(points, size, years, last, y_labels=i % columns == 0)
        heading: View = {
            "data": {"values": [{"text": "\n".join(titles[i])}]},
            "mark": words_mark("strong", x=0, y=-8 - LINE * (len(titles[i]) - 1)),
            "encoding": {"text": {"field": "text", "type": "nominal"}},
        }
        view["layer"].append(heading)
        views.append(view)
    rows: list[View] = [
        {"hconcat": views[i : i + columns], "spacing": _GAP, "bounds": "flush"}
        for i in range(0, len(views), columns)
    ]
    between = top + 26
    tall = len(rows) * size[1] + (len(rows) - 1) * between
    stacked: View = {"vconcat": rows, "spacing": size[1] + between, "bounds": "flush"}
    return Body(stacked, _LEFT, tall + _AXIS)


def _panel(
    points: Sequence[dict[str, float]],
    size: tuple[float, float],
    years: Sequence[float],
    last: float,
    *,
    y_labels: bool = True,
) -> View:
    x: dict[str, Any] = {
        "field": "x", "type": "quantitative",
        "scale": {"domain": [0, last], "nice": False},
        "axis": {"values": _ticks(years, size[0] / last if last else math.inf), "format": ".4~g",
                 "grid": False, "title": None, "labelFlush": False, "labelOverlap": False},
    }  # fmt: skip
    y: dict[str, Any] = {
        "type": "quantitative", "scale": {"domain": [0, 1], "nice": False},
        "axis": {"values": [0, 0.25, 0.5, 0.75, 1], "labelExpr": "round(100 * datum.value)",
                 "title": None, "domain": False, "ticks": False, "labels": y_labels,
                 "grid": False},
    }  # fmt: skip
    rows = [{**point, "zero": 0, "all": 1} for point in points]
    layers: list[View] = []
    for lower, upper, name in (
        ("dead", "all", ALIVE), ("cancer", "dead", OTHER), ("zero", "cancer", CANCER)
    ):  # fmt: skip
        layers.append(
            {
                "data": {"values": rows},
                "mark": {"type": "area", "color": COLOURS[name], "opacity": 1,
                         "line": {"color": PAPER if name == CANCER else COLOURS[name],
                                  "strokeWidth": 1}},
                "encoding": {"x": x, "y": {"field": upper, **y}, "y2": {"field": lower}},
            }
        )  # fmt: skip
    if not rows:
        layers.append(
            {
                "data": {"values": [{"text": "not shown, see below"}]},
                "mark": words_mark("soft", x=8, y=size[1] / 2),
                "encoding": {"text": {"field": "text", "type": "nominal"}},
            }
        )
    layers.append(
        {
            "data": {"values": [{"x": 0, "y": 0}]},
            "mark": {"type": "rule", "color": INK, "strokeWidth": 1},
            "encoding": {"y": {"field": "y", **y}},
        }
    )
    return {"width": size[0], "height": size[1], "layer": layers}


def _ticks(years: Sequence[float], px_per_year: float) -> list[float]:
    ticks: list[float] = []
    for year in years:
        if not ticks or (year - ticks[-1]) * px_per_year >= 15:
            ticks.append(year)
    return ticks


def _told(
    named: Sequence[tuple[str, list[Row]]], pair: tuple[str, str], years: Sequence[float]
) -> list[str]:
    """Return the probabilities at 5 years, or at the last year that has them, in words."""
    sentences = []
    for name, rows in named:
        for year in sorted(years[1:], key=lambda y: (y != 5, -y)):
            own = [at_year([r for r in rows if r["method"] == method], year) for method in pair]
            if all(row is not None and drawable(row) for row in own):
                cancer, other = (_limits(row) for row in own if row is not None)
                when = "1 year" if year == 1 else f"{year:g} years"
                of = f"{name}: by" if len(named) > 1 else "By"
                sentences.append(
                    f"{of} {when}, {cancer} have died of the cancer and {other} of another cause."
                )
                break
    return sentences


def _limits(row: Row) -> str:
    said = percent(row["estimate"])
    if row["lower"] is None or row["upper"] is None:
        return said
    return f"{said} ({100 * row['lower']:.0f} to {100 * row['upper']:.0f})"


def _remarks(named: Sequence[tuple[str, list[Row]]], pair: tuple[str, str]) -> list[str]:
    remarks = []
    for name, rows in named:
        missing = next((row for row in rows if not drawable(row)), None)
        if missing is not None:
            when = f"from {time_of(missing):.1f} years"
            remarks.append(f"Not shown: {name} {when}, {why_missing(missing)}.")
        own = (row["estimate"] for row in rows if row["method"] == pair[0] and drawable(row))
        if min(own, default=0.0) < -0.005:
            remarks.append(f"{name}: probabilities below 0 are drawn as 0.")
    return remarks
