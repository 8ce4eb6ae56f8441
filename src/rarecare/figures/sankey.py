"""Flows of patients from step to step: a column per place of the path, bands between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from rarecare.errors import UsageError
from rarecare.figures.figure import Figure
from rarecare.figures.lexis import void
from rarecare.figures.look import (
    LINE,
    MISSING,
    OTHERS,
    PAPER,
    SERIES,
    SYNTHETIC,
    listed,
    percent,
    share_label,
    whole,
    wrap,
)
from rarecare.figures.page import Body, Canvas, check_width, head_canvas, px, sheet
from rarecare.figures.tables import Row, check_table, strata, why_missing
from rarecare.results import OK, WITHHELD

_NEEDED = ("place", "from_step", "step", "from_n", "step_n", "n", "denominator", "status")
END, OTHER, NO_STEP = "no further step", "other steps", "no step recorded"
MOST_STRATA = 6
_COLUMN, _NODE, _APART, _TALL, _STUB = 108.0, 9.0, 10.0, 260.0, 12.0
_POINTS = 17
_NAMED = 6
_NAMES = ("First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth")


def sankey_figure(
    table: pl.DataFrame,
    *,
    by: Sequence[str] = (),
    title: str,
    subtitle: str | None = None,
    note: str | None = None,
    synthetic: bool = False,
    width: float = 600,
) -> Figure:
    """Return the flows between the first steps of paths, as many as the width has room for.

    The height of a bar and of a band is its number of patients. Withheld flows are hatched where
    they leave and arrive, and named below.

    Parameters
    ----------
    table
        Of ``rarecare.care.pathway_flows``: one row per flow.
    by
        Strata, up to 6, below one another.
    title, subtitle, note, synthetic, width
        As for ``rates_figure``.

    Raises
    ------
    ColumnError
        The table lacks a column.
    UsageError
        A flow has several rows, there are too many strata, nothing can be drawn, or the width is
        below 300.
    """
    check_width(width)
    check_table(table, [*by, *_NEEDED], unique=[*by, "place", "from_step", "step"])
    named = list(strata(table, by))
    if len(named) > MOST_STRATA:
        raise UsageError("the figure has too many strata", value=len(named),
                         allowed=f"{MOST_STRATA} or fewer")  # fmt: skip
    head = head_canvas(
        width, title=title, subtitle=[subtitle] if subtitle else [], synthetic=synthetic
    )
    head.height += 6
    canvas = Canvas(head.width)
    colours = _colours(table)
    told: list[str] = []
    remarks: list[str] = []
    drawn = 0
    for name, rows in named:
        of = f"{name}: " if by else ""
        if by:
            canvas.height += 8
            canvas.paragraph(name, "strong")
        if rows[0]["place"] is None:
            remarks.append(f"{of}{why_missing(rows[0])}")
            continue
        columns = _columns(rows, canvas.width)
        _draw(canvas, columns, colours)
        told += [of + words for words in _told(columns)]
        remarks += [of + words for words in _remarks(rows, columns)]
        drawn += 1
    if not drawn:
        raise UsageError("nothing can be drawn", value=remarks[:3], allowed="a stratum shown")
    return sheet(
        head, Body(canvas.view(0), 0, 0), Canvas(head.width, 1), width=width, title=title,
        notes=[*remarks, *([note] if note else [])],
        description=[*([f"{SYNTHETIC}."] if synthetic else []), *told, *remarks],
    )  # fmt: skip


@dataclass(slots=True)
class _Node:
    """A step at a place: its patients, and where it stands, in px."""

    name: str
    n: int
    share: float
    label: list[str]
    top: float = 0.0
    used_right: float = 0.0
    used_left: float = 0.0


@dataclass(slots=True)
class _Columns:
    """Nodes by place and name, the flows shown, by place, and the patients of the stratum.

    ``step`` is the distance of two places, ``scale`` the height of a patient, in px.
    """

    nodes: list[dict[str, _Node]]
    flows: list[dict[tuple[str, str], int]]
    total: int
    none: int
    cut: bool
    step: float
    scale: float


def _columns(rows: Sequence[Row], width: float) -> _Columns:
    total = int(rows[0]["denominator"])
    last = max(int(row["place"]) for row in rows) + 1
    shown = min(last, max(int(width // _COLUMN), 2))
    counts: list[dict[str, int]] = [{} for _ in range(shown)]
    flows: list[dict[tuple[str, str], int]] = [{} for _ in range(shown - 1)]
    none = next((int(row["from_n"]) for row in rows if row["from_step"] == NO_STEP), 0)
    for row in rows:
        place = int(row["place"]) - 1
        if row["from_step"] == NO_STEP or place >= shown - 1:
            continue
        counts[place][row["from_step"]] = int(row["from_n"])
        counts[place + 1][row["step"]] = int(row["step_n"])
        if row["n"] is not None and row["status"] == OK:
            flows[place][(row["from_step"], row["step"])] = int(row["n"])
    ended = none  # a path ends once: those that ended before are not drawn again
    for column in counts[1:]:
        if END in column:
            column[END], ended = column[END] - ended, column[END]
            if not column[END]:
                del column[END]
    nodes = [
        {name: _Node(name, n, n / total, []) for name, n in sorted(column.items(), key=_rank)}
        for column in counts
    ]
    step, scale = (width - _COLUMN - 8) / (shown - 1), _TALL / max(total - none, 1)
    return _Columns(nodes, flows, total, none, last > shown, step, scale)


def _rank(item: tuple[str, int]) -> tuple[int, int, str]:
    name, n = item
    return (2 if name == END else int(name == OTHER), -n, name)


def _colours(table: pl.DataFrame) -> dict[str, str]:
    """Return the colours of the steps met most; the others are grey."""
    own = table.filter(pl.col("from_step").is_not_null()).group_by(
        "place", step="from_step"
    ).agg(pl.max("from_n")).group_by("step").agg(pl.sum("from_n"))  # fmt: skip
    names = own.filter(~pl.col("step").is_in([END, OTHER, NO_STEP])).sort(
        ["from_n", "step"], descending=[True, False]
    )["step"]
    return dict(zip(names, SERIES, strict=False))


def _draw(canvas: Canvas, columns: _Columns, colours: dict[str, str]) -> None:
    step, scale = columns.step, columns.scale
    canvas.height += LINE + 6
    top = canvas.height
    bottom = top
    for place, nodes in enumerate(columns.nodes):
        x = place * step
        canvas.text(x, top - 10, f"{_NAMES[place]} step" if place < len(_NAMES) else "", "soft")
        y = top
        for node in nodes.values():
            words = f"{node.name} {share_label(node.share)}"
            room = min(step, canvas.width - x) - _NODE - 8
            node.label = wrap(words, width=room)
            slot = max(node.n * scale, LINE * len(node.label))
            node.top = y + (slot - node.n * scale) / 2
            y += slot + _APART
        bottom = max(bottom, y)
    for place in range(len(columns.flows)):
        _bands(canvas, columns, place, colours)
    for place, nodes in enumerate(columns.nodes):
        x = place * step
        for node in nodes.values():
            tall = max(node.n * scale, 1.0)
            colour = colours.get(node.name, OTHERS if node.name == END else MISSING)
            canvas.box(x, node.top, x + _NODE, node.top + tall, color=colour)
            middle = node.top + tall / 2
            first = middle + 4.5 - LINE * (len(node.label) - 1) / 2
            for k, words in enumerate(node.label):
                _halo(canvas, x + _NODE + 5, first + LINE * k, words)
    canvas.height = bottom + 4


def _bands(canvas: Canvas, columns: _Columns, place: int, colours: dict[str, str]) -> None:
    """Draw the flows from one place to the next, then what is withheld at both ends."""
    left, right = columns.nodes[place], columns.nodes[place + 1]
    flows, scale = columns.flows[place], columns.scale
    x, x2 = place * columns.step + _NODE, (place + 1) * columns.step
    for source in left.values():
        for target in right.values():
            n = flows.get((source.name, target.name), 0)
            if not n:
                continue
            tall = n * scale
            ends = (source.top + source.used_right, target.top + target.used_left)
            source.used_right += tall
            target.used_left += tall
            end = target.name == END
            _band(canvas, (x, x2), ends, tall,
                  color=OTHERS if end else colours.get(source.name, MISSING),
                  opacity=0.45 if end else 0.38)  # fmt: skip
    stubs = []
    for node, used, side in (
        *((node, node.used_right, 0) for node in left.values() if node.name != END),
        *((node, node.used_left, 1) for node in right.values()),
    ):
        rest = node.n * scale - used
        if rest > 0.5 * scale:
            start = x if side == 0 else x2 - _STUB
            stubs.append((start, node.top + used, start + _STUB, node.top + used + rest))
    void(canvas, WITHHELD, stubs)


def _band(
    canvas: Canvas, xs: tuple[float, float], ys: tuple[float, float], tall: float, **look: Any
) -> None:
    """Draw a band that leaves and arrives level."""
    rows = []
    for k in range(_POINTS):
        t = k / (_POINTS - 1)
        y = ys[0] + (ys[1] - ys[0]) * t * t * (3 - 2 * t)
        rows.append({"x": round(xs[0] + (xs[1] - xs[0]) * t, 1), "y": round(y, 1),
                     "y2": round(y + tall, 1)})  # fmt: skip
    canvas.marks.append(
        {"data": {"values": rows}, "mark": {"type": "area", **look},
         "encoding": {"x": px("x"), "y": px("y"), "y2": {"field": "y2"}}}
    )  # fmt: skip


def _halo(canvas: Canvas, x: float, y: float, words: str) -> None:
    """Write a text on an edge of paper, legible over bands."""
    look = {"stroke": PAPER, "strokeWidth": 3.5, "strokeJoin": "round", "opacity": 0.85}
    under = Canvas(canvas.width)
    under.text(x, y, words, "plain")
    for layer in under.view(0)["layer"][1:]:
        layer["mark"] = layer["mark"] | look
        canvas.marks.append(layer)
    canvas.text(x, y, words, "plain")


def _told(columns: _Columns) -> list[str]:
    said = []
    for place, nodes in enumerate(columns.nodes):
        each = [f"{node.name} {whole(node.n)} ({percent(node.share)})" for node in nodes.values()]
        name = _NAMES[place] if place < len(_NAMES) else f"Place {place + 1}"
        said.append(f"{name} step of {whole(columns.total)} patients: {', '.join(each)}.")
    return said


def _remarks(rows: Sequence[Row], columns: _Columns) -> list[str]:
    remarks = []
    if columns.none:
        share = percent(columns.none / columns.total)
        remarks.append(f"No step recorded, not drawn: {whole(columns.none)} ({share})")
    places = len(columns.nodes) - 1
    hidden = [row for row in rows if row["n"] is None and row["place"] <= places]
    if hidden:
        each = [f"{row['from_step']} to {row['step']} ({_NAMES[row['place'] - 1].lower()})"
                for row in hidden[:_NAMED]]  # fmt: skip
        more = len(hidden) - _NAMED
        each += [f"{more} more"] if more > 0 else []
        remarks.append(f"Withheld, hatched: {listed(each)}; some may be none")
    if columns.cut:
        remarks.append(f"Steps after the {_NAMES[places].lower()} are not drawn at this width")
    return remarks
