"""Prevalence by time since diagnosis: durations on one another, or a bar per window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from rarecare.errors import UsageError
from rarecare.figures.dots import between, said_value, spoken_name, ticks
from rarecare.figures.fan import batch, said_limit
from rarecare.figures.figure import Figure
from rarecare.figures.lexis import SEQUENTIAL, Box, kind_of, void
from rarecare.figures.lines import check_number
from rarecare.figures.look import (
    INK,
    INK_SOFT,
    LINE,
    NARROW,
    PAPER,
    RULE,
    SYNTHETIC,
    capital,
    listed,
    text_width,
    wrap,
)
from rarecare.figures.page import Body, Canvas, check_width, head_canvas, sheet
from rarecare.figures.plane import Plane
from rarecare.figures.tables import (
    Row,
    check_table,
    drawable,
    in_brackets,
    interval_words,
    level_of,
    not_shown,
    strata,
    why_missing,
)
from rarecare.figures.words import say

WINDOW, COMPLETE = "window", "complete"
_NEEDED = (WINDOW, "estimate", "lower", "upper", "level", "status")
_BOUNDS = ("0-1", "0-5", "0-10", COMPLETE)
_COLOURS = {"0-1": SEQUENTIAL[5], "0-5": SEQUENTIAL[3], "0-10": SEQUENTIAL[1], COMPLETE: PAPER}
_PLAIN = SEQUENTIAL[3]
_ESTIMATED = {"fill": PAPER, "stroke": SEQUENTIAL[4], "strokeWidth": 1.2, "strokeDash": [3, 2]}
_BAR = 22


@dataclass(slots=True)
class _Bar:
    """One bar: parts as window, words and value; the row it ends with; what is missing of it."""

    name: str
    parts: list[tuple[str, str, float]] = field(default_factory=list)
    end: Row | None = None
    missing: list[tuple[str, Row]] = field(default_factory=list)


def prevalence_bars(
    table: pl.DataFrame,
    *,
    value_label: str,
    title: str,
    by: Sequence[str] = (),
    subtitle: str | None = None,
    note: str | None = None,
    synthetic: bool = False,
    width: float = 600,
) -> Figure:
    """Return prevalence as bars, by the years since diagnosis.

    Where a stratum has two or more of the windows 0-1, 0-5, 0-10 and complete, a bar has
    disjoint durations on one another: up to 1 year, 1 to 5, 5 to 10, and over 10, which is
    estimated and drawn with a dashed edge. The interval is that of all together. Otherwise each
    window is a bar with its own interval.

    Parameters
    ----------
    table
        Prevalence, one row per stratum and window: the strata, ``window`` (``"0-5"``,
        ``"complete"``), ``estimate``, ``lower``, ``upper``, ``level``, ``status``, and where
        there is one, ``reason``. One measure, all ages and all phases together.
    value_label
        What the numbers are, with their unit and date: "Persons alive on 1 January 2010".
    by
        Strata.
    title, subtitle, note, synthetic, width
        As for ``rates_figure``.

    Raises
    ------
    ColumnError
        The table lacks a column.
    UsageError
        The table is empty or has several rows for one stratum and window, nothing can be drawn,
        there are more than 40 bars, or the width is below 300.
    """
    check_width(width)
    check_table(table, [*by, *_NEEDED], unique=[*by, WINDOW])
    level = level_of(table)
    named = [(name, {row[WINDOW]: row for row in rows}) for name, rows in strata(table, by)]
    bounds = _durations(named)
    bars = [_stack(name, rows, bounds) for name, rows in named] if bounds else [
        _single(name, row, named=bool(by)) for name, rows in named for row in rows.values()
    ]  # fmt: skip
    check_number([bar.name for bar in bars])
    if not any(bar.end for bar in bars):
        raise UsageError("no bar can be drawn", value=f"{table.height} rows", allowed="status ok")
    stacked = bool(bounds)
    head = head_canvas(
        width, title=title, synthetic=synthetic,
        subtitle=[*([subtitle] if subtitle else []),
                  say("Line: %(level)s interval of all durations drawn") % {"level": level}
                  if stacked else interval_words(level, band=False)],
    )  # fmt: skip
    head.height += 8
    canvas = Canvas(head.width)
    if stacked:
        _key(canvas, bounds)
    _draw(canvas, bars, value_label, narrow=width < NARROW)
    noted = [words for bar in bars if bar.end for words in _remarks(bar, named=bool(by))]
    unnoted = [words for bar in bars if not bar.end for words in _remarks(bar, named=bool(by))]
    return sheet(
        head, Body(canvas.view(0), 0, 0), Canvas(head.width, 1), width=width, title=title,
        notes=[*noted, *([note] if note else [])],
        description=[*([f"{say(SYNTHETIC)}."] if synthetic else []),
                     in_brackets(value_label, level),
                     *(words for bar in bars for words in _words(bar)), *noted, *unnoted],
    )  # fmt: skip


def window_words(window: str, after: str | None = None) -> str:
    """Return a window in words; ``after`` another, what it has more.

    Examples
    --------
    >>> window_words("0-5"), window_words("0-5", "0-1"), window_words("complete", "0-10")
    ('Up to 5 years', '1 to 5 years', 'Over 10 years, estimated')
    """
    first = after.split("-")[1] if after else "0"
    if window == COMPLETE:
        if not after:
            return say("Any time, estimated")
        if first == "1":
            return say("Over 1 year, estimated")
        return say("Over %(n)s years, estimated") % {"n": first}
    parts = window.split("-")
    if len(parts) != 2:
        return capital(window)
    first = first if after else parts[0]
    if first != "0":
        return say("%(first)s to %(last)s years") % {"first": first, "last": parts[1]}
    if parts[1] == "1":
        return say("Up to 1 year")
    return say("Up to %(n)s years") % {"n": parts[1]}


def _durations(named: Sequence[tuple[str, dict[str, Row]]]) -> list[str]:
    """Return the windows whose differences are durations; none where they cannot be made.

    Each stratum has them all; what is known comes before what is not, and never decreases.
    """
    bounds = [window for window in _BOUNDS if any(window in rows for _, rows in named)]
    most = 0
    for _, rows in named:
        if not all(window in rows for window in bounds):
            return []
        known = [drawable(rows[window]) for window in bounds]
        values = [rows[window]["estimate"] for window in bounds[: sum(known)] if any(known)]
        if known != sorted(known, reverse=True) or values != sorted(values):
            return []
        most = max(most, len(values))
    return bounds if most > 1 else []


def _stack(name: str, rows: dict[str, Row], bounds: Sequence[str]) -> _Bar:
    """Return the bar of a stratum: what each window has more than the one before.

    Windows that are no part of it are said where they have no value.
    """
    bar, before = _Bar(name), 0.0
    for k, window in enumerate(bounds):
        row, words = rows[window], window_words(window, bounds[k - 1] if k else None)
        if not drawable(row):
            bar.missing.append((words, row))
            continue
        bar.parts.append((window, words, row["estimate"] - before))
        bar.end, before = row, row["estimate"]
    others = [row for window, row in rows.items() if window not in bounds]
    bar.missing += [(window_words(row[WINDOW]), row) for row in others if not drawable(row)]
    return bar


def _single(stratum: str, row: Row, *, named: bool) -> _Bar:
    words = window_words(row[WINDOW])
    bar = _Bar(f"{stratum}, {words[:1].lower()}{words[1:]}" if named else words)
    if drawable(row):
        window = COMPLETE if row[WINDOW] == COMPLETE else ""
        bar.parts, bar.end = [(window, words, row["estimate"])], row
    else:
        bar.missing = [(words, row)]
    return bar


def _key(canvas: Canvas, bounds: Sequence[str]) -> None:
    """Draw what the parts of a bar are, in their order, at the top of the canvas."""
    canvas.paragraph(say("Time since diagnosis"), "soft")
    x, y = 0.0, canvas.height + 4
    for k, window in enumerate(bounds):
        words = window_words(window, bounds[k - 1] if k else None)
        wide = 21 + text_width(words)
        if x > 0 and x + wide > canvas.width:
            x, y = 0.0, y + LINE + 2
        _part(canvas, window, (x, y, x + 14, y + 13))
        canvas.text(x + 20, y + 11.5, words, "plain")
        x += wide + 14
    canvas.height = y + LINE + 8


def _part(canvas: Canvas, window: str, box: Box, told: str = "") -> None:
    """Draw one part of a bar; what is estimated has a dashed edge and no fill."""
    look = _ESTIMATED if window == COMPLETE else {"fill": _COLOURS.get(window, _PLAIN)}
    canvas.box(*box, told=told, **look)


def _draw(canvas: Canvas, bars: Sequence[_Bar], label: str, *, narrow: bool) -> None:
    ends = [bar.end for bar in bars if bar.end is not None]
    highest = 1.04 * max(row["upper"] or row["estimate"] for row in ends) or 1.0
    longest = max(text_width(spoken_name(bar.name)) for bar in bars) * 1.05 + 12
    left = 6.0 if narrow else min(longest, 0.34 * canvas.width)
    numbers = max(text_width(said_value(row)) for row in ends) + 12
    right = 14.0 if narrow else numbers
    plane = Plane(canvas, left, canvas.height + 4, canvas.width - left - right, 0, (0.0, highest))
    rows, y = [], plane.top
    for bar in bars:
        names = wrap(spoken_name(bar.name), width=canvas.width - numbers if narrow else left - 10)
        said = [] if bar.end else _said_missing(bar, canvas.width - left - 30)
        above = LINE * len(names) if narrow else 0
        rows.append((bar, names, said, y + above))
        lines = len(said) if narrow else max(len(names), len(said))
        y += above + max(_BAR + 12, lines * LINE + 10) + (4 if narrow else 0)
    above = 2 if narrow else 6
    spans = [(top - above, top + _BAR + 6) for bar, _, _, top in rows if bar.end]
    _grid(plane, spans, y)
    for bar, names, said, top in rows:
        for k, words in enumerate(names):
            if narrow:
                canvas.text(0, top - LINE * (len(names) - k) + 12, words, "strong")
            else:
                canvas.text(left - 10, top + 15.5 + k * LINE, words, "plain", "right")
        if bar.end is None:
            kind = kind_of(bar.missing[0][1])
            void(canvas, kind, [(left, top + 3, left + 20, top + 17)])
            for k, words in enumerate(said):
                canvas.text(left + 28, top + 15 + k * LINE, words, "soft")
            continue
        _bar(plane, bar, top)
        x, base = (canvas.width, top - 6) if narrow else (canvas.width - numbers + 12, top + 15.5)
        canvas.text(x, base, said_value(bar.end), "plain", "right" if narrow else "left")
    canvas.height = y + 22
    for words in wrap(label, width=canvas.width - left):
        canvas.height += LINE
        canvas.text(left, canvas.height - 4, words, "plain")


def _grid(plane: Plane, spans: Sequence[tuple[float, float]], bottom: float) -> None:
    """Draw rules behind each bar, where there are no words, and their values below all."""
    at = ticks(plane.x[1], max(2, min(6, int(plane.width // 46))))
    rows = [{"x": plane.at_x(tick), "y": y, "y2": y2} for y, y2 in spans for tick in at]
    batch(plane.canvas, "rule", rows, color=RULE)
    zero = [row for row in rows if row["x"] == plane.left]
    batch(plane.canvas, "rule", zero, color=INK_SOFT)
    for tick in at:
        plane.canvas.text(plane.at_x(tick), bottom + 14, said_limit(tick), "soft", "center")


def _bar(plane: Plane, bar: _Bar, top: float) -> None:
    """Draw the parts of a bar, and the interval of its end."""
    total = 0.0
    assert bar.end is not None
    for window, words, value in bar.parts:
        x, total = plane.at_x(total), total + value
        own = bar.end if len(bar.parts) == 1 else _alone(value)
        told = f"{words}: {said_value(own, between())}"
        _part(plane.canvas, window, (x, top, plane.at_x(total), top + _BAR), told)
    lower, upper = bar.end["lower"], bar.end["upper"]
    if lower is None or upper is None:
        return
    x, x2, y = plane.at_x(lower), plane.at_x(upper), top + _BAR / 2
    lines = [{"x": x, "y": y, "x2": x2, "y2": y}]
    lines += [{"x": end, "y": y - 5, "x2": end, "y2": y + 5} for end in (x, x2)]
    batch(plane.canvas, "rule", lines, color=INK, strokeWidth=1.6)


def _said_missing(bar: _Bar, width: float) -> list[str]:
    return wrap(why_missing(bar.missing[0][1]), width=width)


def _remarks(bar: _Bar, *, named: bool) -> list[str]:
    """Return the durations of a bar that are not shown, with their reason."""
    of = f"{bar.name}, " if named else ""
    missing: dict[str, list[str]] = {}
    for words, row in bar.missing:
        missing.setdefault(why_missing(row), []).append(words[:1].lower() + words[1:])
    if bar.end is None:
        return [not_shown(bar.name, why) for why in missing]
    return [not_shown(f"{of}{listed(names)}", why) for why, names in missing.items()]


def _words(bar: _Bar) -> list[str]:
    """Return a bar in words: its end with the interval, and its parts."""
    if bar.end is None:
        return []
    said = f"{spoken_name(bar.name)}: {said_value(bar.end, between())}"
    if len(bar.parts) > 1:
        parts = [f"{said_value(_alone(value))} {words[:1].lower()}{words[1:]}"
                 for _, words, value in bar.parts]  # fmt: skip
        said += "; " + say("by time since diagnosis %(parts)s") % {"parts": listed(parts)}
    return [f"{said}."]


def _alone(value: float) -> Row:
    return {"estimate": value, "lower": None, "upper": None}
