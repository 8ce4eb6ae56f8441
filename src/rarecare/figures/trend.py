"""Trends: the rate of each year, the segmented line, and what each segment changes by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from rarecare.errors import UsageError
from rarecare.figures.dodge import dodge
from rarecare.figures.dots import highest_of, said_value, ticks
from rarecare.figures.fan import axis_width, batch, said_limit, tops, year_axis
from rarecare.figures.figure import Figure
from rarecare.figures.look import (
    INK,
    INK_SOFT,
    LINE,
    NARROW,
    PAPER,
    SERIES,
    SYNTHETIC,
    listed,
    text_width,
    wrap,
)
from rarecare.figures.page import Body, Canvas, check_width, head_canvas, sheet
from rarecare.figures.plane import Plane, ring
from rarecare.figures.tables import Row, check_table, drawable, level_of, strata, why_missing

YEAR = "year"
_NEEDED = (YEAR, "estimate", "lower", "upper", "level", "status")
_CHANGES = ("first", "last", "estimate", "lower", "upper", "status")
_MOST = 12


@dataclass(frozen=True, slots=True)
class _Panel:
    """One stratum: its years, its segmented line, and its segments."""

    name: str
    years: list[Row]
    fitted: list[tuple[float, float]]
    segments: list[Row]


def trend_figure(
    table: pl.DataFrame,
    *,
    fitted: pl.DataFrame,
    changes: pl.DataFrame,
    by: Sequence[str],
    value_label: str,
    title: str,
    subtitle: str | None = None,
    note: str | None = None,
    synthetic: bool = False,
    width: float = 600,
) -> Figure:
    """Return rates of years as dots on their intervals, with the segmented line through them.

    The annual change of each segment stands above it, in words; where that does not fit, a
    number does, and the words stand above the plane. Joinpoints are diamonds. Strata are panels.

    Parameters
    ----------
    table
        Rates of years: the strata, ``year``, ``estimate``, ``lower``, ``upper``, ``level``,
        ``status``, and where there is one, ``reason``.
    fitted
        The segmented line: the strata, ``year``, ``fitted``; no rows where there is none.
    changes
        The segments: the strata, ``first``, ``last`` (years), ``estimate``, ``lower``,
        ``upper`` (percent per year), ``status``.
    by
        Strata, without the year.
    value_label
        What the numbers are, with their unit: "New cases per 100 000 person-years".
    title, subtitle, note, synthetic, width
        As for ``rates_figure``.

    Raises
    ------
    ColumnError
        A table lacks a column.
    UsageError
        There are no rates or several for one stratum and year, none can be drawn, there are
        more than 12 strata, or the width is below 300.
    """
    check_width(width)
    check_table(table, [*by, *_NEEDED], unique=[*by, YEAR])
    for own, needed, unique in ((fitted, (YEAR, "fitted"), YEAR), (changes, _CHANGES, "first")):
        if not own.is_empty():
            check_table(own, [*by, *needed], unique=[*by, unique])
    level = level_of(table)
    panels = _panels(table, fitted, changes, by)
    ends = tops([_highest(panel) for panel in panels])
    head = head_canvas(
        width, title=title, synthetic=synthetic,
        subtitle=[*([subtitle] if subtitle else []), _key(panels, level, ends)],
    )  # fmt: skip
    head.height += 8
    head.paragraph(value_label, "plain")
    canvas = Canvas(head.width)
    _draw(canvas, panels, ends, narrow=width < NARROW)
    remarks = [words for panel in panels for words in _remarks(panel, named=bool(by))]
    if any((row["upper"] or 0) > end for panel, end in zip(panels, ends, strict=True)
           for row in panel.years if drawable(row)):  # fmt: skip
        remarks.append("Intervals are cut where they go past the axis.")
    return sheet(
        head, Body(canvas.view(0), 0, 0), Canvas(head.width, 1), width=width, title=title,
        notes=[*remarks, *([note] if note else [])],
        description=[*([f"{SYNTHETIC}."] if synthetic else []),
                     f"{value_label} by year, in brackets the {level} interval.",
                     *(words for panel in panels for words in _words(panel)), *remarks],
    )  # fmt: skip


def said_change(row: Row) -> list[str]:
    """Return a segment's annual change in three parts: change, limits, years.

    Examples
    --------
    >>> said_change({"estimate": 4.21, "lower": 3.94, "upper": 4.5, "first": 1943, "last": 1990})
    ['+4.2% a year', '(3.9 to 4.5)', '1943-1990']
    """
    change = f"{row['estimate']:+.1f}".replace("-", "\u2212")
    change = "0.0" if change[1:] == "0.0" else change
    limits = [f"{row[name]:.1f}".replace("-", "\u2212") if row[name] is not None else ""
              for name in ("lower", "upper")]  # fmt: skip
    brackets = [f"({limits[0]} to {limits[1]})"] if all(limits) else []
    return [f"{change}% a year", *brackets, f"{row['first']:g}-{row['last']:g}"]


def _sentence(row: Row) -> str:
    *change, years = said_change(row)
    return f"{' '.join(change)}, {years}"


def _panels(
    table: pl.DataFrame, fitted: pl.DataFrame, changes: pl.DataFrame, by: Sequence[str]
) -> list[_Panel]:
    fitted = fitted if fitted.is_empty() else fitted.drop_nulls("fitted").sort(YEAR)
    lines = dict(strata(fitted, by)) if not fitted.is_empty() else {}
    segments = {} if changes.is_empty() else dict(strata(changes.sort("first"), by))
    panels = [
        _Panel(
            name, rows,
            [(row[YEAR], row["fitted"]) for row in lines.get(name, [])],
            [row for row in segments.get(name, []) if drawable(row)],
        )
        for name, rows in strata(table.sort(YEAR, maintain_order=True), by)
    ]  # fmt: skip
    if len(panels) > _MOST:
        raise UsageError("too many strata for one figure", value=len(panels),
                         allowed=f"up to {_MOST}")  # fmt: skip
    if not any(drawable(row) for panel in panels for row in panel.years):
        raise UsageError("no rate can be drawn", value=f"{table.height} rows", allowed="status ok")
    return panels


def _highest(panel: _Panel) -> float:
    """Return the highest value of a panel; intervals longer than 2.5 times all rates are cut."""
    shown = [row for row in panel.years if drawable(row)]
    values = [(row["estimate"], row["upper"] or row["estimate"]) for row in shown]
    if not values:
        return 0.0
    return max([highest_of(values, None) / 1.04, *(rate for _, rate in panel.fitted)])


def _key(panels: Sequence[_Panel], level: str, ends: Sequence[float]) -> str:
    words = f"Dot: a year, with its {level} interval"
    if any(panel.fitted for panel in panels):
        words += "; line: fitted"
    if any(len(panel.segments) > 1 for panel in panels):
        words += ", its joinpoints as diamonds"
    return words + ("; each panel has its own axis" if len(set(ends)) > 1 else "")


def _draw(canvas: Canvas, panels: Sequence[_Panel], ends: Sequence[float], *, narrow: bool) -> None:
    left = axis_width(ends, 4)
    across = 2 if len(panels) > 1 and not narrow else 1
    each = (canvas.width - 14 * (across - 1)) / across
    tall = 230.0 if across == 1 and not narrow else 160.0
    years = [row[YEAR] for panel in panels for row in panel.years]
    span = min(years) - 0.5, max(years) + 0.5
    y = 4.0 if len(panels) > 1 else 0.0
    for start in range(0, len(panels), across):
        row = panels[start : start + across]
        titles = [wrap(panel.name, width=each) if len(panels) > 1 else [] for panel in row]
        planes = [
            Plane(canvas, k * (each + 14) + left, 0, each - left - 17, tall, span,
                  (0.0, ends[start + k]))
            for k in range(len(row))
        ]  # fmt: skip
        strips = [_strip(panel, plane) for panel, plane in zip(row, planes, strict=True)]
        top = y + LINE * max(map(len, titles)) + max(strips) + 12
        for k, (panel, plane) in enumerate(zip(row, planes, strict=True)):
            for line, words in enumerate(titles[k]):
                canvas.text(k * (each + 14), y + LINE * (line + 1) - 2, words, "strong")
            own = Plane(canvas, plane.left, top, plane.width, tall, span, plane.y)
            _panel(own, panel, strips[k], several=len(panels) > 1)
        y = top + tall + 34
    canvas.height = y - 6


def _direct(panel: _Panel, plane: Plane) -> bool:
    """Return whether the words of all segments fit side by side above a plane."""
    wide = sum(_label_width(row) for row in panel.segments)
    return len(panel.segments) > 1 and wide <= plane.width + 17


def _label_width(row: Row) -> float:
    return max(map(text_width, said_change(row))) + 10


def _sentences(panel: _Panel, plane: Plane) -> list[str]:
    """Return the lines that tell the changes of a panel, numbered where there are several."""
    several = len(panel.segments) > 1
    told = [f"{k}: {_sentence(row)}" if several else _sentence(row)
            for k, row in enumerate(panel.segments, 1)]  # fmt: skip
    return [line for words in told for line in wrap(words, width=plane.width + 17)]


def _strip(panel: _Panel, plane: Plane) -> float:
    """Return the px above a plane that the words on its segments take."""
    if not panel.segments:
        return 0.0
    if _direct(panel, plane):
        return LINE * max(len(said_change(row)) for row in panel.segments) + 12
    brackets = LINE + 10 if len(panel.segments) > 1 else 0
    return LINE * len(_sentences(panel, plane)) + 4 + brackets


def _panel(plane: Plane, panel: _Panel, strip: float, *, several: bool) -> None:
    plane.rows(ticks(plane.y[1], 4 if several else 6), said_limit)
    year_axis(plane)
    shown = [row for row in panel.years if drawable(row)]
    close = plane.width / (plane.x[1] - plane.x[0])
    whiskers = [
        {"x": plane.at_x(row[YEAR]), "y": plane.at_y(row["lower"]), "y2": plane.at_y(row["upper"])}
        for row in shown
        if row["lower"] is not None and row["upper"] is not None
    ]
    batch(plane.canvas, "rule", whiskers, color=SERIES[0], strokeWidth=min(2, close / 4),
          opacity=0.55)  # fmt: skip
    dots = [{"x": plane.at_x(row[YEAR]), "y": plane.at_y(row["estimate"])} for row in shown]
    batch(plane.canvas, "point", dots, shape="circle", filled=True, color=SERIES[0], opacity=1,
          stroke=PAPER, strokeWidth=0.8, size=min(40, max(14, 3.5 * close)))  # fmt: skip
    plane.curve(panel.fitted, color=INK, strokeWidth=2, strokeJoin="round")
    rates = dict(panel.fitted)
    for before in panel.segments[:-1]:
        if before["last"] in rates:
            ring(plane.canvas, plane.at_x(before["last"]), plane.at_y(rates[before["last"]]))
    if panel.segments:
        _tell(plane, panel, plane.top - strip)


def _tell(plane: Plane, panel: _Panel, top: float) -> None:
    """Write what each segment changes by above the plane, and brackets over their years."""
    canvas = plane.canvas
    if not _direct(panel, plane):
        for k, words in enumerate(_sentences(panel, plane)):
            canvas.text(plane.left, top + LINE * (k + 1) - 6, words, "strong")
    if len(panel.segments) < 2:
        return
    y = plane.top - 8
    middles = [(plane.at_x(row["first"]) + plane.at_x(row["last"])) / 2 for row in panel.segments]
    for row in panel.segments:
        x, x2 = plane.at_x(row["first"]) + 1.5, plane.at_x(row["last"]) - 1.5
        canvas.line(x, y, x2, y, color=INK_SOFT)
        canvas.line(x, y, x, y + 5, color=INK_SOFT)
        canvas.line(x2, y, x2, y + 5, color=INK_SOFT)
    if not _direct(panel, plane):
        for k, x in enumerate(middles, 1):
            canvas.text(x, y - 5, str(k), "strong", "center")
        return
    widths = [_label_width(row) for row in panel.segments]
    places = dodge(middles, widths, low=plane.left - 4, high=plane.left + plane.width + 13)
    for row, x in zip(panel.segments, places, strict=True):
        parts = said_change(row)
        for k, words in enumerate(parts):
            line = y - 6 - LINE * (len(parts) - 1 - k)
            canvas.text(x, line, words, "soft" if k else "strong", "center")


def _remarks(panel: _Panel, *, named: bool) -> list[str]:
    """Return the years not shown with their reason, and that there is no line."""
    of = f"{panel.name}, " if named else ""
    missing: dict[str, list[str]] = {}
    for row in panel.years:
        if not drawable(row):
            missing.setdefault(why_missing(row), []).append(str(row[YEAR]))
    words = [f"Not shown: {of}{listed(years)}, {why}." for why, years in missing.items()]
    if not panel.fitted:
        words.append(f"{panel.name}: no line was fitted." if named else "No line was fitted.")
    return words


def _words(panel: _Panel) -> list[str]:
    """Return the change of each segment, then the first and the last rate, in words."""
    words = []
    for row in panel.segments:
        low, high = row["lower"], row["upper"]
        none = low is not None and high is not None and low <= 0 <= high
        words.append(f"{panel.name}: {_sentence(row)}{'; it may be no change' if none else ''}.")
    shown = [row for row in panel.years if drawable(row)]
    ends = shown[:1] + (shown[-1:] if len(shown) > 1 else [])
    told = [f"{said_value(row, ' to ')} in {row[YEAR]}" for row in ends]
    return words + ([f"{panel.name}: {listed(told)}."] if told else [])
