"""A projection: what was counted, what is expected, and the bands of what will be counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from rarecare.errors import UsageError
from rarecare.figures.dodge import dodge
from rarecare.figures.dots import between, said_value, spoken_name, ticks
from rarecare.figures.explore import tip, tipped
from rarecare.figures.figure import Figure
from rarecare.figures.look import (
    INK_SOFT,
    LINE,
    NARROW,
    PAPER,
    SERIES,
    SYNTHETIC,
    capital,
    listed,
    text_width,
    whole,
    wrap,
)
from rarecare.figures.page import Body, Canvas, check_width, head_canvas, px, sheet
from rarecare.figures.plane import Plane
from rarecare.figures.tables import Row, check_table, drawable, not_shown, strata, why_missing
from rarecare.figures.words import digits, say, tongue

_NEEDED = ("period", "first", "last", "estimate", "status")
_OTHERS = frozenset(
    ("measure", "n", "population", "unit", "se", "lower", "upper", "level", "method", "reason",
     *_NEEDED)
)  # fmt: skip
_MOST, _ALIKE = 12, 4.0
_OPACITY = (0.14, 0.2, 0.3, 0.3, 0.3)
Panel = tuple[str, list[Row], list[Row]]


def fan(
    table: pl.DataFrame,
    observed: pl.DataFrame,
    *,
    value_label: str,
    title: str,
    by: Sequence[str] | None = None,
    subtitle: str | None = None,
    note: str | None = None,
    synthetic: bool = False,
    width: float = 600,
) -> Figure:
    """Return a projection after what was observed, with a band per level; strata are panels.

    A vertical rule stands where the projection begins; the projected line is dashed.

    Parameters
    ----------
    table
        The projection, one row per stratum, period and level: the strata, ``period``
        (``"2010-2014"``, ``"2012"``), ``first``, ``last`` (years), ``estimate``, ``lower``,
        ``upper``, ``level``, ``status``, and where there is one, ``reason`` (also what a reader
        must know of the fit).
    observed
        The same columns of the periods observed; its limits and levels are not drawn.
    value_label
        What the numbers are, with their unit: "New cases per year".
    by
        Strata; by default every column of the table that is none of a projection's.
    title, subtitle, note, synthetic, width
        As for ``rates_figure``.

    Raises
    ------
    ColumnError
        A table lacks a column.
    UsageError
        A table is empty or has several rows for one stratum, period and level; nothing can be
        drawn, there are more than 12 strata, or the width is below 300.
    """
    check_width(width)
    by = [name for name in table.columns if name not in _OTHERS] if by is None else list(by)
    check_table(table, [*by, *_NEEDED, "lower", "upper", "level"], unique=[*by, "first", "level"])
    check_table(observed, [*by, *_NEEDED], unique=[*by, "first"])
    panels = _panels(table, observed, by)
    levels = sorted(table.filter(pl.col("lower").is_not_null())["level"].unique(), reverse=True)
    head = head_canvas(
        width, title=title, subtitle=_subtitle(subtitle, levels, panels), synthetic=synthetic
    )
    head.height += 8
    head.paragraph(value_label, "plain")
    canvas = Canvas(head.width)
    _draw(canvas, panels, narrow=width < NARROW)
    remarks = [words for panel in panels for words in _remarks(*panel, named=bool(by))]
    return sheet(
        head, Body(canvas.view(0), 0, 0), Canvas(head.width, 1), width=width, title=title,
        notes=[*remarks, *([note] if note else [])],
        description=[*([f"{say(SYNTHETIC)}."] if synthetic else []),
                     say("%(label)s, observed and projected.") % {"label": value_label},
                     *(words for panel in panels for words in _words(*panel)), *remarks],
    )  # fmt: skip


def _panels(table: pl.DataFrame, observed: pl.DataFrame, by: Sequence[str]) -> list[Panel]:
    """Return each stratum with its rows observed and projected, in the order of time."""
    future = dict(strata(table.sort("first", maintain_order=True), by))
    past = dict(strata(observed.sort("first", maintain_order=True), by))
    names = list(dict.fromkeys([name for name, _ in strata(table, by)] + list(past)))
    panels = [(name, past.get(name, []), future.get(name, [])) for name in names]
    if len(panels) > _MOST:
        raise UsageError("too many strata for one figure", value=len(panels),
                         allowed=f"up to {_MOST}")  # fmt: skip
    if not any(drawable(row) for _, *parts in panels for rows in parts for row in rows):
        raise UsageError("nothing can be drawn", value=f"{table.height} rows", allowed="status ok")
    return panels


def _subtitle(subtitle: str | None, levels: Sequence[float], panels: Sequence[Panel]) -> list[str]:
    words = listed([f"{100 * level:g}%" for level in levels[::-1]])
    bands = (
        say("Bands: %(levels)s prediction intervals")
        if len(levels) > 1
        else say("Band: %(levels)s prediction interval")
    ) % {"levels": words}
    own = "; " + say("each panel has its own axis") if len(set(tops(_highest(panels)))) > 1 else ""
    return [*([subtitle] if subtitle else []), *([bands + own] if levels else [])]


def _highest(panels: Sequence[Panel]) -> list[float]:
    return [
        max(
            (row.get(name) or 0.0 for rows in (past, future) for row in rows if drawable(row)
             for name in ("estimate", "upper")), default=0.0
        )
        for _, past, future in panels
    ]  # fmt: skip


def tops(highest: Sequence[float]) -> list[float]:
    """Return the ends of the axes of panels: one for all where none is above 4 times another.

    >>> tops([10, 30]), tops([1, 30])
    ([31.2, 31.2], [1.04, 31.2])
    """
    known = [value for value in highest if value > 0] or [1.0]
    if max(known) <= _ALIKE * min(known):
        return [round(1.04 * max(known), 10)] * len(highest)
    return [round(1.04 * (value or min(known)), 10) for value in highest]


def _draw(canvas: Canvas, panels: Sequence[Panel], *, narrow: bool) -> None:
    ends = tops(_highest(panels))
    left = axis_width(ends, 4)
    across = 2 if len(panels) > 1 and not narrow else 1
    each = (canvas.width - 14 * (across - 1)) / across
    right = max(_right(future) for _, _, future in panels)
    tall = 240.0 if across == 1 and not narrow else 180.0
    years = [row[name] for _, *parts in panels for rows in parts for row in rows
             for name in ("first", "last")]  # fmt: skip
    span = min(years) - 0.5, max(years) + 0.5
    y = 4.0 if len(panels) > 1 else 0.0
    for start in range(0, len(panels), across):
        row = panels[start : start + across]
        titles = [wrap(name, width=each) if len(panels) > 1 else [] for name, _, _ in row]
        top = y + LINE * max(map(len, titles)) + 10 + LINE
        for k, (_, past, future) in enumerate(row):
            x = k * (each + 14)
            for line, words in enumerate(titles[k]):
                canvas.text(x, y + LINE * (line + 1) - 2, words, "strong")
            plane = Plane(canvas, x + left, top, each - left - right, tall, span,
                          (0.0, ends[start + k]))  # fmt: skip
            _panel(plane, past, future, right, several=len(panels) > 1)
        y = top + tall + 34
    canvas.height = y - 6


def axis_width(ends: Sequence[float], most: int) -> float:
    """Return the px that the labels of y axes from 0 to each end take."""
    labels = [said_limit(tick) for end in ends for tick in ticks(end, most + 1)]
    return max(map(text_width, labels)) + 10


def year_axis(plane: Plane) -> None:
    """Draw the x axis with round years, as many as fit."""
    first, last = plane.x
    steps = (1, 2, 5, 10, 20, 50)
    step = next((k for k in steps if plane.width / (last - first) * k >= 44), 100)
    begin = -int(-first // step) * step
    bottom = plane.top + plane.height
    plane.canvas.line(plane.left, bottom, plane.left + plane.width, bottom, color=INK_SOFT)
    for year in range(begin, int(last) + 1, step):
        x = plane.at_x(year)
        plane.canvas.line(x, bottom, x, bottom + 5, color=INK_SOFT)
        plane.canvas.text(x, bottom + 19, str(year), "soft", "center")


def _right(future: Sequence[Row]) -> float:
    """Return the px beside a plane for the labels of its bands and of its last value."""
    shown = [row for row in future if drawable(row)]
    if not shown:
        return 17.0
    return max(text_width(said) for said in ("95%", _last(shown)[1])) * 1.05 + 20


def _last(shown: Sequence[Row]) -> tuple[Row, str]:
    """Return the last projected row, and its estimate in words."""
    row = max(shown, key=lambda row: (row["last"], row["level"]))
    return row, said_value({"estimate": row["estimate"], "lower": None, "upper": None})


def _panel(
    plane: Plane, past: Sequence[Row], future: Sequence[Row], right: float, *, several: bool
) -> None:
    plane.rows(ticks(plane.y[1], 4 if several else 6), said_limit)
    year_axis(plane)
    if future:
        _rule(plane, min(row["first"] for row in future) - 0.5, right,
              say("Projected") if any(map(drawable, future)) else say("Not projected"))  # fmt: skip
    shown = [row for row in future if drawable(row)]
    for k, level in enumerate(sorted({row["level"] for row in shown}, reverse=True)):
        own = [row for row in shown if row["level"] == level and row["lower"] is not None]
        band(plane, [(middle(row), row["lower"], row["upper"]) for row in own],
             half=_half(own), color=SERIES[0], opacity=_OPACITY[min(k, 4)])  # fmt: skip
    _lines(plane, past, shown)
    if shown:
        _labels(plane, shown)


def _rule(plane: Plane, start: float, right: float, words: str) -> None:
    """Draw the rule at which the projection begins, with what stands on either side."""
    plane.mark_column(start)
    x = plane.at_x(start)
    begins = plane.left + plane.width + right - x >= text_width(words) + 4
    plane.canvas.text(x + (4 if begins else -4), plane.top - 8, words, "plain",
                      "left" if begins else "right")  # fmt: skip
    before = say("Observed")
    if begins and x - plane.left > text_width(before) + 8:
        plane.canvas.text(x - 4, plane.top - 8, before, "plain", "right")


def said_limit(value: float) -> str:
    """Return a limit of a class, a tick or a value on an axis: ``"0.15"``, ``"2 000"``."""
    return whole(value) if abs(value) >= 1000 else digits(f"{value:g}").replace("-", "\u2212")


def batch(canvas: Canvas, kind: str, rows: Sequence[dict[str, Any]], **look: Any) -> None:
    """Draw many marks of one kind at px positions; ``fill`` is the colour of each."""
    if not rows:
        return
    encoding: dict[str, Any] = {"x": px("x"), "y": px("y")}
    encoding |= {name: {"field": name} for name in ("x2", "y2") if name in rows[0]}
    if "fill" in rows[0]:
        encoding["fill"] = {"field": "fill", "type": "nominal", "scale": None}
    rows = [{k: round(v, 1) if isinstance(v, float) else v for k, v in row.items()} for row in rows]
    canvas.marks.append({"data": {"values": rows}, "mark": {"type": kind, **look},
                         "encoding": tipped(encoding, rows)})  # fmt: skip


def period_spans(periods: Sequence[Any]) -> dict[str, tuple[float, float]]:
    """Return from when up to when each period goes, in years.

    Raises
    ------
    UsageError
        A period is not written as years.

    Examples
    --------
    >>> period_spans(["2010-2014", 2015])
    {'2010-2014': (2010.0, 2015.0), '2015': (2015.0, 2016.0)}
    """
    spans = {}
    for period in map(str, periods):
        parts = [part.strip() for part in period.replace("–", "-").split("-")]
        good = all(part.isdigit() for part in parts) and len(parts) <= 2
        if not good or float(parts[-1]) < float(parts[0]):
            raise UsageError(
                "this is no period", value=period, allowed='years such as "2012", "2010-2014"'
            )
        spans[period] = float(parts[0]), float(parts[-1]) + 1
    return dict(sorted(spans.items(), key=lambda item: item[1]))


def middle(row: Row) -> float:
    """Return the middle of a row's years; a single year stands at its own number."""
    return float(row["first"] + row["last"]) / 2


def _half(rows: Sequence[Row]) -> float:
    return 0.3 * (rows[0]["last"] - rows[0]["first"] + 1) if rows else 0.0


def band(
    plane: Plane, points: Sequence[tuple[float, float, float]], *, half: float = 0.0, **look: Any
) -> None:
    """Draw an area between lower and upper limits; a single point is a box of twice ``half``."""
    if len(points) == 1:
        x, low, high = points[0]
        points = [(x - half, low, high), (x + half, low, high)]
    if not points:
        return
    rows = [
        {"x": round(plane.at_x(x), 1), "y": round(plane.at_y(low), 1),
         "y2": round(plane.at_y(high), 1)}
        for x, low, high in points
    ]  # fmt: skip
    plane.canvas.marks.append(
        {"data": {"values": rows}, "mark": {"type": "area", **look},
         "encoding": {"x": px("x"), "y": px("y"), "y2": {"field": "y2"}}}
    )  # fmt: skip


def _lines(plane: Plane, past: Sequence[Row], shown: Sequence[Row]) -> None:
    """Draw what was observed, broken where it is not known, then the projection, dashed."""
    run: list[tuple[float, float]] = []
    before = None
    for row in past:
        if not drawable(row) or (before is not None and row["first"] != before + 1):
            plane.curve(run, color=SERIES[0], strokeWidth=2.25)
            run = []
        if drawable(row):
            run.append((middle(row), row["estimate"]))
        before = row["last"]
    plane.curve(run, color=SERIES[0], strokeWidth=2.25)
    ahead = sorted({(middle(row), row["estimate"]) for row in shown})
    joined = [*run[-1:], *ahead] if past and drawable(past[-1]) else ahead
    plane.curve(joined, color=SERIES[0], strokeWidth=2.25, strokeDash=[5, 4])
    look = {"filled": True, "opacity": 1, "stroke": PAPER, "strokeWidth": 1, "size": 48}
    dots = [{"x": plane.at_x(middle(row)), "y": plane.at_y(row["estimate"]),
             **tip(f"{row['period']}: {_said(row)}")}
            for row in past if drawable(row)]  # fmt: skip
    batch(plane.canvas, "point", dots, shape="circle", color=SERIES[0], **look)
    told = {middle(row): f"{row['period']}: {said_value(row, between())}" for row in shown}
    open_dots = [{"x": plane.at_x(x), "y": plane.at_y(y), **tip(told[x])} for x, y in ahead]
    batch(plane.canvas, "point", open_dots, shape="circle",
          **look | {"fill": PAPER, "stroke": SERIES[0], "strokeWidth": 1.8})  # fmt: skip


def _labels(plane: Plane, shown: Sequence[Row]) -> None:
    """Write beside the end of the projection its value, and at each band its level."""
    row, said = _last(shown)
    end = [own for own in shown if own["first"] == row["first"] and own["upper"] is not None]
    labels = [(f"{100 * own['level']:g}%", plane.at_y(own["upper"]), False) for own in end]
    labels.append((said, plane.at_y(row["estimate"]), True))
    places = dodge([at for _, at, _ in labels], [16.0] * len(labels), low=plane.top - 4,
                   high=plane.top + plane.height + 8)  # fmt: skip
    alone = len({own["first"] for own in shown}) == 1
    x = plane.at_x(middle(row) + (_half([row]) if alone else 0.0))
    right = plane.left + plane.width
    for (words, at, strong), place in zip(labels, places, strict=True):
        plane.canvas.line(x + (6 if strong else 2), at, right + 5, place, color=INK_SOFT,
                          strokeWidth=0.7, opacity=0.7)  # fmt: skip
        plane.canvas.text(right + 8, place + 4.5, words, "strong" if strong else "soft")


def _remarks(name: str, past: Sequence[Row], future: Sequence[Row], *, named: bool) -> list[str]:
    """Return the periods not shown with their reason, and what is to be known of the fit."""
    of = f"{name}, " if named else ""
    missing: dict[str, list[str]] = {}
    for row in (*past, *future):
        if not drawable(row):
            periods = missing.setdefault(why_missing(row), [])
            periods += [str(row["period"])] if str(row["period"]) not in periods else []
    words = [not_shown(f"{of}{listed(periods)}", why) for why, periods in missing.items()]
    if not tongue().reasons:
        return words
    known = dict.fromkeys(row["reason"] for row in future if drawable(row) and row.get("reason"))
    return words + [f"{name}: {why}." if named else f"{capital(why)}." for why in known]


def _words(name: str, past: Sequence[Row], future: Sequence[Row]) -> list[str]:
    """Return the first and last value observed, and each period's projection, in words."""
    seen = [row for row in past if drawable(row)]
    ends = seen[:1] + (seen[-1:] if len(seen) > 1 else [])
    told = [_in(_said(row), row) for row in ends]
    words = [say("%(name)s: observed %(values)s.")
             % {"name": spoken_name(name), "values": listed(told)}] if told else []  # fmt: skip
    ahead = [row for row in future if drawable(row)]
    if not ahead:
        return words
    widest = max(row["level"] for row in ahead)
    told = [_in(said_value(row, between()), row) for row in ahead if row["level"] == widest]
    ahead_words = say("%(name)s: projected, in brackets the %(level)s interval: %(values)s.") % {
        "name": spoken_name(name), "level": f"{100 * widest:g}%", "values": listed(told),
    }  # fmt: skip
    return [*words, ahead_words]


def _in(value: str, row: Row) -> str:
    return say("%(value)s in %(year)s") % {"value": value, "year": row["period"]}


def _said(row: Row) -> str:
    return said_value({"estimate": row["estimate"], "lower": None, "upper": None})
