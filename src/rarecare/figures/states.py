"""In which state patients are at some times: a bar per time, the states beside one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from rarecare.errors import UsageError
from rarecare.figures.figure import Figure
from rarecare.figures.lexis import void
from rarecare.figures.look import (
    INK,
    LINE,
    PAPER,
    SERIES,
    SYNTHETIC,
    percent,
    share_label,
    text_width,
)
from rarecare.figures.occupancy import state_colours
from rarecare.figures.page import Body, Canvas, check_width, head_canvas, sheet
from rarecare.figures.tables import Row, check_table, drawable, why_missing
from rarecare.results import WITHHELD

_NEEDED = ("time_years", "state", "n", "estimate", "status")
TOGETHER = "withheld, together"
_BAR, _APART, _SAME = 24.0, 10.0, 5e-4


def states_figure(
    table: pl.DataFrame,
    *,
    title: str,
    subtitle: str | None = None,
    note: str | None = None,
    synthetic: bool = False,
    width: float = 600,
) -> Figure:
    """Return the share in each state at each time, as parts of a bar.

    States that are withheld are one hatched part: what the others leave of the whole.

    Parameters
    ----------
    table
        One row per time and state of one group of patients: ``time_years``, ``state``, ``n``,
        ``estimate``, ``status``; the states in their order from the left.
    title, subtitle, note, synthetic, width
        As for ``rates_figure``.

    Raises
    ------
    ColumnError
        The table lacks a column.
    UsageError
        A state has several rows at one time, nothing can be drawn, or the width is below 300.
    """
    check_width(width)
    check_table(table, _NEEDED, unique=["time_years", "state"])
    times: dict[float, list[Row]] = {}
    for row in table.sort("time_years", maintain_order=True).iter_rows(named=True):
        times.setdefault(float(row["time_years"]), []).append(row)
    drawn = {time: rows for time, rows in times.items() if any(map(drawable, rows))}
    if not drawn:
        raise UsageError("nothing can be drawn", value=f"{table.height} rows",
                         allowed="a time with a state that is ok")  # fmt: skip
    head = head_canvas(
        width, title=title, synthetic=synthetic,
        subtitle=[*([subtitle] if subtitle else []), "Of 100 patients, by time since diagnosis"],
    )  # fmt: skip
    colours = state_colours(table["state"].unique(maintain_order=True).to_list())
    met = [name for name in colours if any(
        row["state"] == name and drawable(row) and row["estimate"] > _SAME
        for rows in drawn.values() for row in rows
    )]  # fmt: skip
    ordered = [name for name in table["state"].unique(maintain_order=True) if name in met]
    _key(head, ordered, colours, hidden=any(_rest(rows) > _SAME for rows in drawn.values()))
    canvas = Canvas(head.width)
    for time, rows in drawn.items():
        _bar(canvas, time, rows, colours)
    told = [_told(time, rows) for time, rows in drawn.items()]
    remarks = [
        f"{when(time)}: {why_missing(rows[0])}" for time, rows in times.items()
        if time not in drawn
    ]  # fmt: skip
    return sheet(
        head, Body(canvas.view(0), 0, 0), Canvas(head.width, 1), width=width, title=title,
        notes=[*remarks, *([note] if note else [])],
        description=[*([f"{SYNTHETIC}."] if synthetic else []), *told, *remarks],
    )  # fmt: skip


def _key(
    head: Canvas, states: Sequence[str], colours: Mapping[str, str], *, hidden: bool
) -> None:  # fmt: skip
    """Draw what the colours mean, in lines as wide as the figure."""
    head.height += 8
    x, y = 0.0, head.height
    for name in [*states, *([TOGETHER] if hidden else [])]:
        wide = 20 + text_width(name) + 16
        if x and x + wide > head.width:
            x, y = 0.0, y + LINE + 4
        if name == TOGETHER:
            void(head, WITHHELD, [(x, y + 3, x + 14, y + 15)])
        else:
            head.box(x, y + 3, x + 14, y + 15, color=colours[name])
        head.text(x + 20, y + 14, name, "plain")
        x += wide
    head.height = y + LINE + 10


def _bar(canvas: Canvas, time: float, rows: Sequence[Row], colours: Mapping[str, str]) -> None:
    """Draw the bar of one time, with its name above, and the shares that it has room for."""
    canvas.height += LINE
    canvas.text(0, canvas.height - 4, when(time), "strong")
    top, x = canvas.height + 2, 0.0
    inks: list[tuple[float, str, str]] = []
    for row in rows:
        if not drawable(row) or row["estimate"] <= 0:
            continue
        wide = canvas.width * min(float(row["estimate"]), 1.0)
        colour, words = colours[row["state"]], share_label(row["estimate"])
        canvas.box(
            round(x, 1), top, round(x + wide, 1), top + _BAR, color=colour,
            told=f"{when(time)}: {row['state']} {words}",
        )  # fmt: skip
        if text_width(words) + 8 <= wide:
            inks.append((x + wide / 2, words, PAPER if colour in SERIES else INK))
        x += wide
        canvas.line(round(x, 1), top, round(x, 1), top + _BAR, color=PAPER, strokeWidth=1)
    if _rest(rows) > _SAME:
        void(canvas, WITHHELD, [(round(x, 1), top, canvas.width, top + _BAR)])
    for at, words, ink in inks:
        _write(canvas, at, top + _BAR / 2 + 4.5, words, ink)
    canvas.height = top + _BAR + _APART


def _write(canvas: Canvas, x: float, y: float, words: str, ink: str) -> None:
    """Write a share within its part of the bar, over it, in a colour that stands out."""
    over = Canvas(canvas.width)
    over.text(x, y, words, "plain", "center")
    for layer in over.view(0)["layer"][1:]:
        layer["mark"] = layer["mark"] | {"color": ink}
        canvas.marks.append(layer)


def _rest(rows: Sequence[Row]) -> float:
    """Return the share of those states that are withheld."""
    if not any(row["status"] == WITHHELD for row in rows):
        return 0.0
    return 1.0 - sum(float(row["estimate"]) for row in rows if drawable(row))


def when(time: float) -> str:
    """Return a time in words.

    >>> when(0.25), when(0.5), when(1), when(2.5)
    ('3 months', '6 months', '1 year', '2.5 years')
    """
    months = round(12 * time)
    if time < 1 and abs(12 * time - months) < 1e-6:
        return f"{months} month{'s' * (months != 1)}"
    return f"{time:g} year{'s' * (time != 1)}"


def _told(time: float, rows: Sequence[Row]) -> str:
    each = [f"{row['state']} {percent(row['estimate'])}" for row in rows
            if drawable(row) and row["estimate"] > _SAME]  # fmt: skip
    rest = _rest(rows)
    each += [f"{TOGETHER} {percent(rest)}"] if rest > _SAME else []
    return f"After {when(time)}: {', '.join(each)}."
