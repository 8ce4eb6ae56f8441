"""Ratings of proposed criteria in two rounds, by role: how they are spread from 1 to 9."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from rarecare.errors import UsageError
from rarecare.figures.figure import Figure
from rarecare.figures.look import (
    INK,
    INK_SOFT,
    LINE,
    MISSING,
    NARROW,
    NOT_ESTIMABLE_SHAPE,
    RULE,
    SERIES,
    SYNTHETIC,
    WITHHELD_SHAPE,
    capital,
    text_width,
    whole,
    wrap,
)
from rarecare.figures.page import Body, Canvas, check_width, head_canvas, px, sheet
from rarecare.figures.tables import Row, check_table, drawable, why_missing
from rarecare.results import WITHHELD

_COUNTS = tuple(f"rated_{k}" for k in range(1, 10))
_NEEDED = (
    "round", "criterion", "title", "role", "n", *_COUNTS, "estimate", "q1", "q3", "disagreement",
    "status", "reason",
)  # fmt: skip
_MOST, _TALL = 12, 24
_ALL = "all"
_REGIONS = (("1 to 3", SERIES[3]), ("4 to 6", "#9aa5a0"), ("7 to 9", SERIES[0]))


def delphi_figure(
    table: pl.DataFrame,
    *,
    criteria: Sequence[str] | None = None,
    title: str = "Ratings of proposed criteria",
    subtitle: str | None = None,
    note: str | None = None,
    synthetic: bool = False,
    width: float = 600,
) -> Figure:
    """Return bars of the ratings of each criterion, a column per round and a row per role.

    Parameters
    ----------
    table
        Of ``rarecare.care.consensus.rounds``; of more than two rounds the last two are drawn.
    criteria
        Those to draw; by default all.
    title, subtitle, note, synthetic, width
        As for ``survival_figure``.

    Raises
    ------
    ColumnError
        The table lacks a column.
    UsageError
        There are no rows, several for one place, an unknown criterion or more than 12, or the
        width is below 300.
    """
    check_width(width)
    check_table(table, _NEEDED, unique=["round", "criterion", "role"])
    known = table["criterion"].unique(maintain_order=True).to_list()
    chosen = known if criteria is None else list(criteria)
    for name in chosen:
        if name not in known:
            raise UsageError("the table has no such criterion", value=name, allowed=known)
    if not 0 < len(chosen) <= _MOST:
        raise UsageError("too many criteria for one figure, or none", value=len(chosen),
                         allowed=f"1 to {_MOST}", remedy="Name some in criteria.")  # fmt: skip
    at = sorted(table["round"].unique())[-2:]
    line = ("Bars: share of a group that gave each rating, to one scale. Tick and numbers: median "
            "(quartiles), and how many rated")  # fmt: skip
    head = head_canvas(
        width, title=title, subtitle=[*([subtitle] if subtitle else []), line], synthetic=synthetic
    )
    _legend(head)
    canvas = Canvas(head.width)
    drawn = table.filter(pl.col("criterion").is_in(chosen), pl.col("round").is_in(at)).to_dicts()
    shown = [row for row in drawn if drawable(row)]
    room = max((text_width(_numbers(row)) for row in shown), default=0.0) + 14
    highest = max((row[name] / row["n"] for row in shown for name in _COUNTS), default=1.0)
    for name in chosen:
        own = [row for row in drawn if row["criterion"] == name]
        _criterion(canvas, own, at, room=room, highest=highest, narrow=width < NARROW)
    hidden = [f"Withheld: {row['reason']}." for row in drawn if row["status"] == WITHHELD][:1]
    return sheet(
        head, Body(canvas.view(0), 0, 0), Canvas(head.width, 1), width=width, title=title,
        notes=[*hidden, *([note] if note else [])],
        description=[*([f"{SYNTHETIC}."] if synthetic else []), *map(_told, drawn)],
    )  # fmt: skip


def _legend(head: Canvas) -> None:
    head.height += LINE + 4
    x = 0.0
    for name, colour in _REGIONS:
        head.box(x, head.height - 15, x + 12, head.height - 3, color=colour)
        head.text(x + 18, head.height - 4, name, "soft")
        x += text_width(name) + 40
    head.height += 2


def _criterion(
    canvas: Canvas, rows: Sequence[Row], at: Sequence[int], *, room: float, highest: float,
    narrow: bool,
) -> None:  # fmt: skip
    """Draw one criterion: its title, the rounds' names, and a row per role."""
    canvas.height += 10
    canvas.line(1, canvas.height, canvas.width - 1, canvas.height, color=RULE)
    canvas.height += 2
    canvas.paragraph(f"{rows[0]['criterion']}  {rows[0]['title']}", "strong")
    roles = list(dict.fromkeys(row["role"] for row in rows))
    left = 0.0 if narrow else max(text_width(capital(role)) for role in roles) + 16
    each = (canvas.width - left) / len(at)
    step = min((each - room) / 9, 13.0)
    asked = {row["round"] for row in rows}
    canvas.height += LINE
    for k, number in enumerate(at):
        said = [row for row in rows if row["round"] == number and row["role"] == _ALL]
        apart = bool(said) and bool(said[0]["disagreement"])
        words = f"Round {number}" + (", disagreement" if apart else "")
        words += "" if number in asked else ", not asked"
        canvas.text(left + k * each, canvas.height - 4, words, "soft")
    bars: dict[str, list[dict[str, float]]] = {}
    for role in roles:
        canvas.height += LINE + 6 if narrow else 4
        base = canvas.height + _TALL
        canvas.text(0, canvas.height - 4 if narrow else base - 5, capital(role),
                    "strong" if role == _ALL else "plain")  # fmt: skip
        for k, number in enumerate(at):
            x = left + k * each
            own = [row for row in rows if row["round"] == number and row["role"] == role]
            for row in own:
                _bars(canvas, row, bars, x=x, base=base, step=step, highest=highest, room=each)
        canvas.height = base + 2
    canvas.marks += [_layer(colour, drawn) for colour, drawn in bars.items()]
    for k, number in enumerate(at):
        for rating in (1, 5, 9) if number in asked else ():
            x = left + k * each + step * (rating - 0.5)
            canvas.text(x, canvas.height + 14, str(rating), "soft", "center")
    canvas.height += LINE


def _bars(
    canvas: Canvas, row: Row, bars: dict[str, list[dict[str, float]]], *,
    x: float, base: float, step: float, highest: float, room: float,
) -> None:  # fmt: skip
    if not drawable(row):
        shape = WITHHELD_SHAPE if row["status"] == WITHHELD else NOT_ESTIMABLE_SHAPE
        canvas.sign(x + 8, base - 9, shape=shape, color=MISSING, size=130, strokeWidth=1.2)
        words = row["status"] if row["status"] == WITHHELD else row["reason"] or row["status"]
        canvas.text(x + 22, base - 5, wrap(words, width=room - 26)[0], "soft")
        return
    canvas.line(x, base, x + 9 * step, base, color=INK_SOFT)
    for k, name in enumerate(_COUNTS):
        tall = (_TALL - 2) * row[name] / (row["n"] * highest)
        if tall:
            box = {"x": x + k * step + 0.5, "x2": x + (k + 1) * step - 0.5,
                   "y": base - max(tall, 1.0), "y2": base}  # fmt: skip
            bars.setdefault(_REGIONS[k // 3][1], []).append(box)
    middle = x + step * (row["estimate"] - 0.5)
    canvas.line(middle, base, middle, base + 5, color=INK, strokeWidth=2)
    canvas.text(x + 9 * step + 8, base - 5, _numbers(row), "plain")


def _numbers(row: Row) -> str:
    middle, q1, q3 = (f"{row[k]:.1f}".removesuffix(".0") for k in ("estimate", "q1", "q3"))
    return f"{middle} ({q1}–{q3}), {whole(row['n'])}"


def _layer(colour: str, boxes: list[dict[str, float]]) -> dict[str, object]:
    return {
        "data": {"values": boxes}, "mark": {"type": "rect", "color": colour},
        "encoding": {"x": px("x"), "y": px("y"), "x2": {"field": "x2"}, "y2": {"field": "y2"}},
    }  # fmt: skip


def _told(row: Row) -> str:
    where = f"{row['criterion']}, round {row['round']}, {row['role']}"
    if not drawable(row):
        return f"{where}: {why_missing(row)}."
    low, middle, high = (sum(row[name] for name in _COUNTS[k : k + 3]) for k in (0, 3, 6))
    apart = ", disagreement" if row["disagreement"] else ""
    return (f"{where}: median {row['estimate']:.3g}, {low} rated 1 to 3, {middle} 4 to 6, "
            f"{high} 7 to 9{apart}.")  # fmt: skip
