"""Where patients are over time: the share in each state, as areas on one another."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from rarecare.errors import UsageError
from rarecare.figures.figure import Figure
from rarecare.figures.look import (
    INK_SOFT,
    LINE,
    NARROW,
    OTHERS,
    PAPER,
    SERIES,
    SYNTHETIC,
    capital,
    percent,
    share_label,
    text_width,
    whole,
)
from rarecare.figures.page import Body, Canvas, check_width, head_canvas, px, sheet
from rarecare.figures.plane import Plane, in_percent
from rarecare.figures.tables import Row, check_table, drawable, strata, why_missing

_NEEDED = ("time_days", "state", "n", "estimate", "status")
MOST_STRATA = 6
DEAD, LOST, WAITING, AFTER = "dead", "lost", "waiting", "after treatment"
_PLAIN = {WAITING: "#e8d9b4", AFTER: "#cfe3da", DEAD: "#a9b2ad", LOST: OTHERS}
"""Colours of the states that are no treatment."""

_ORDER = (DEAD, LOST)


def occupancy_figure(
    table: pl.DataFrame,
    *,
    by: Sequence[str] = (),
    title: str,
    subtitle: str | None = None,
    note: str | None = None,
    synthetic: bool = False,
    width: float = 600,
) -> Figure:
    """Return the share in each state over time, stacked, each area named where it ends.

    Parameters
    ----------
    table
        Of ``rarecare.care.occupancy``, on a fine grid of times: one row per time and state, the
        states in the order of their first row from above, final states at the bottom.
    by
        Strata, up to 6, below one another.
    title, subtitle, note, synthetic, width
        As for ``rates_figure``.

    Raises
    ------
    ColumnError
        The table lacks a column.
    UsageError
        A state has several rows at one time, there are too many strata, nothing can be drawn, or
        the width is below 300.
    """
    check_width(width)
    check_table(table, [*by, *_NEEDED], unique=[*by, "time_days", "state"])
    named = list(strata(table, by))
    if len(named) > MOST_STRATA:
        raise UsageError("the figure has too many strata", value=len(named),
                         allowed=f"{MOST_STRATA} or fewer")  # fmt: skip
    head = head_canvas(
        width, title=title, synthetic=synthetic,
        subtitle=[*([subtitle] if subtitle else []), "Of 100 patients, by days since diagnosis"],
    )  # fmt: skip
    head.height += 6
    canvas = Canvas(head.width)
    colours = state_colours(table["state"].unique(maintain_order=True).to_list())
    told: list[str] = []
    remarks: list[str] = []
    drawn = 0
    for name, rows in named:
        of = f"{name}: " if by else ""
        if by:
            canvas.height += 8
            canvas.paragraph(name, "strong")
        times = _times(rows)
        missing = next((row for row in rows if not drawable(row)), None)
        if missing is not None:
            when = f"from day {missing['time_days']}, " if times else ""
            remarks.append(f"{of}not shown {when}{why_missing(missing)}")
        if len(times) < 2:
            continue
        _draw(canvas, times, colours, narrow=width < NARROW)
        told += [of + words for words in _told(rows, times)]
        drawn += 1
    if not drawn:
        raise UsageError("nothing can be drawn", value=f"{table.height} rows",
                         allowed="two times or more with status ok")  # fmt: skip
    remarks = [capital(words) for words in remarks]
    return sheet(
        head, Body(canvas.view(0), 0, 0), Canvas(head.width, 1), width=width, title=title,
        notes=[*remarks, *([note] if note else [])],
        description=[*([f"{SYNTHETIC}."] if synthetic else []), *told, *remarks],
    )  # fmt: skip


_Times = list[tuple[float, dict[str, float]]]
"""Days and the share of each state, in their order from above."""


def state_colours(states: Sequence[str]) -> dict[str, str]:
    """Return the colour of each state; those that are no treatment have their own."""
    others = [name for name in states if name not in _PLAIN]
    colours = {name: SERIES[k % len(SERIES)] for k, name in enumerate(others)}
    return colours | _PLAIN


def _times(rows: Sequence[Row]) -> _Times:
    """Return the times whose states are all known, up to the first that are not."""
    found: dict[float, dict[str, float]] = {}
    for row in sorted(rows, key=lambda row: float(row["time_days"])):
        if not drawable(row):
            break
        found.setdefault(float(row["time_days"]), {})[row["state"]] = float(row["estimate"])
    states = {state for shares in found.values() for state in shares}
    return [
        (day, dict(sorted(shares.items(), key=lambda item: item[0] in _ORDER)))
        for day, shares in found.items()
        if set(shares) == states
    ]


def _draw(canvas: Canvas, times: _Times, colours: dict[str, str], *, narrow: bool) -> None:
    states = list(times[0][1])
    met = [state for state in states if max(shares[state] for _, shares in times) > 0.0005]
    wide = max(text_width(_said(state, times)) for state in met)
    left = 34.0
    top, right = canvas.height + 10, wide + 14
    end = times[-1][0]
    plane = Plane(canvas, left, top, canvas.width - left - right, 220 if narrow else 280,
                  (times[0][0], end))  # fmt: skip
    upper = [1.0] * len(times)
    places = []
    for state in met:
        lower = [max(y - shares[state], 0.0) for y, (_, shares) in zip(upper, times, strict=True)]
        rows = [
            {"x": round(plane.at_x(day), 1), "y": round(plane.at_y(a), 1),
             "y2": round(plane.at_y(b), 1)}
            for (day, _), a, b in zip(times, upper, lower, strict=True)
        ]  # fmt: skip
        canvas.marks.append(
            {"data": {"values": rows},
             "mark": {"type": "area", "color": colours[state], "opacity": 1,
                      "line": {"color": PAPER, "strokeWidth": 1}},
             "encoding": {"x": px("x"), "y": px("y"), "y2": {"field": "y2"}}}
        )  # fmt: skip
        places.append((state, plane.at_y((upper[-1] + lower[-1]) / 2)))
        upper = lower
    plane.rows([0, 0.25, 0.5, 0.75, 1], in_percent)
    for day in _ticks(times[0][0], end, 3 if narrow else 6):
        x = plane.at_x(day)
        canvas.line(x, top + plane.height, x, top + plane.height + 4, color=INK_SOFT)
        canvas.text(x, top + plane.height + 18, f"{day:g}", "soft", "center")
    x = plane.left + plane.width
    for (state, y), at in zip(places, _apart([y for _, y in places], top), strict=True):
        canvas.line(x, y, x + 8, at, color=INK_SOFT, strokeWidth=0.8)
        canvas.box(x + 8, at - 6, x + 11, at + 6, color=colours[state])
        canvas.text(x + 14, at + 4.5, _said(state, times), "plain")
    lowest = max(
        [top + plane.height + 22, *(y + LINE for y in _apart([y for _, y in places], top))]
    )
    canvas.height = lowest + 4


def _said(state: str, times: _Times) -> str:
    return f"{state} {share_label(times[-1][1][state])}"


def _ticks(first: float, last: float, most: int) -> list[float]:
    """Return round days: whole years where there are several, else months of 30 days.

    >>> _ticks(0, 730, 5), _ticks(0, 90, 5)
    ([0, 365, 730], [0, 30, 60, 90])
    """
    months = (1, 7, 30, 60, 90, 180) if last - first < 730 else ()
    for step in (*months, 365, 730, 1826, 3652):
        if (last - first) / step <= most:
            return [day for day in range(0, int(last) + 1, step) if day >= first]
    return [first, last]


def _apart(wanted: Sequence[float], least: float) -> list[float]:
    """Return heights at least a line apart, rising, as near as can be to those wanted.

    >>> _apart([10, 12, 100], 0), _apart([10, 12, 100], 5)
    ([2.0, 20.0, 100.0], [5, 23, 100.0])
    """
    groups: list[list[float]] = []  # mean and number
    for y in wanted:
        groups.append([float(y), 1])
        while len(groups) > 1 and (
            groups[-1][0] - groups[-2][0] < LINE * (groups[-1][1] + groups[-2][1]) / 2
        ):
            mean, k = groups.pop()
            before, j = groups.pop()
            groups.append([(mean * k + before * j) / (j + k), j + k])
    heights: list[float] = []
    for mean, number in groups:
        for place in range(int(number)):
            free = heights[-1] + LINE if heights else least
            heights.append(max(mean + LINE * (place - (number - 1) / 2), free))
    return heights


def _told(rows: Sequence[Row], times: _Times) -> list[str]:
    n = whole(rows[0]["n"])
    said = []
    for day, shares in (times[0], times[len(times) // 2], times[-1]):
        each = [f"{state} {percent(share)}" for state, share in shares.items() if share > 0.0005]
        said.append(f"Day {day:g} of {n} patients: {', '.join(each)}.")
    return said
