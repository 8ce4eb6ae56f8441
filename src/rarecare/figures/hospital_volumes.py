"""Volumes of hospitals in the order of their size, with a threshold and whom they cover."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from rarecare.errors import UsageError
from rarecare.figures.dots import ticks
from rarecare.figures.fan import axis_width, batch, said_limit
from rarecare.figures.figure import Figure
from rarecare.figures.look import INK, INK_SOFT, LINE, NARROW, SERIES, SYNTHETIC, text_width, whole
from rarecare.figures.page import Body, Canvas, check_width, head_canvas, sheet
from rarecare.figures.plane import Plane
from rarecare.figures.tables import Row, check_table, drawable
from rarecare.results import WITHHELD

_NEEDED = ("hospital_id", "place", "n", "estimate", "unit", "status")
_BELOW = "#b9c4be"
HOME, ABROAD, UNKNOWN = "home", "abroad", "unknown"


def hospital_volumes_figure(
    table: pl.DataFrame,
    *,
    title: str,
    threshold: float | None = None,
    threshold_label: str | None = None,
    cover: Sequence[float] = (0.5, 0.75, 0.9),
    subtitle: str | None = None,
    note: str | None = None,
    synthetic: bool = False,
    width: float = 600,
) -> Figure:
    """Return a column per hospital, the largest first, without their names.

    Parameters
    ----------
    table
        Of ``hospital_volumes``, of one area, group and kind of treatment: ``hospital_id``,
        ``place``, ``n``, ``estimate``, ``unit``, ``status``. Patients treated abroad or in an
        unknown hospital are told below.
    threshold, threshold_label
        A volume to mark, and its words: columns that reach it are darker.
    cover
        Shares of the patients (units) at home: a bracket spans the hospitals that treat them.
    title, subtitle, note, synthetic, width
        As for ``rates_figure``.

    Raises
    ------
    ColumnError
        The table lacks a column.
    UsageError
        A hospital has several rows, no hospital can be drawn, or the width is below 300.
    """
    check_width(width)
    check_table(table, _NEEDED, unique=["hospital_id", "place"])
    rows = table.to_dicts()
    home = [row for row in rows if row["place"] == HOME]
    shown = sorted((row for row in home if drawable(row)), key=lambda row: -row["estimate"])
    if not shown:
        raise UsageError("no hospital can be drawn", value=f"{len(home)} hospitals",
                         allowed="status ok")  # fmt: skip
    hidden = [row for row in home if not drawable(row)]
    # with some hospitals hidden it is not known whom the others cover
    brackets = [] if hidden else [(share, _covering(shown, share)) for share in cover]
    label = f"Volume of each hospital, {shown[0]['unit']}"
    said = [f"{100 * share:g}% of patients are treated in {k} of {len(shown)}"
            for share, k in brackets]  # fmt: skip
    head = head_canvas(
        width, title=title, synthetic=synthetic,
        subtitle=[*([subtitle] if subtitle else []), "A column: one hospital, the largest first"],
    )  # fmt: skip
    head.height += 8
    head.paragraph(label, "plain")
    canvas = Canvas(head.width)
    mark = None if threshold is None else (threshold, threshold_label or f"Threshold {threshold:g}")
    _draw(canvas, shown, brackets, mark, narrow=width < NARROW)
    remarks = _remarks(rows, hidden)
    reached = sum(row["estimate"] >= threshold for row in shown) if threshold else None
    return sheet(
        head, Body(canvas.view(0), 0, 0), Canvas(head.width, 1), width=width, title=title,
        notes=[*remarks, *([note] if note else [])],
        description=[
            *([f"{SYNTHETIC}."] if synthetic else []),
            f"{label}: {len(shown)} hospitals, from {shown[0]['estimate']:.3g} to "
            f"{shown[-1]['estimate']:.3g}.", *(f"{words} hospitals." for words in said),
            *([f"{reached} reach {threshold:g}."] if threshold else []), *remarks,
        ],
    )  # fmt: skip


def _covering(rows: Sequence[Row], share: float) -> int:
    """Return how many of the rows, in their order, hold a share of the patients."""
    total, held = sum(row["n"] for row in rows), 0
    for k, row in enumerate(rows):
        held += row["n"]
        if held >= share * total * (1 - 1e-12):
            return k + 1
    return len(rows)


def _remarks(rows: Sequence[Row], hidden: Sequence[Row]) -> list[str]:
    words = []
    for place, what in ((ABROAD, "treated abroad"), (UNKNOWN, "whose hospital is unknown")):
        own = [row for row in rows if row["place"] == place]
        if any(row["status"] == WITHHELD for row in own):
            words.append(f"Patients {what}: withheld")
        elif own:
            words.append(f"Patients {what}: {whole(sum(row['n'] for row in own))}")
    if hidden:
        words.append(f"Hospitals withheld or not estimable: {len(hidden)}")
    return words


def _draw(
    canvas: Canvas, shown: Sequence[Row], brackets: Sequence[tuple[float, int]],
    mark: tuple[float, str] | None, *, narrow: bool,
) -> None:  # fmt: skip
    top = max([shown[0]["estimate"], *([mark[0]] if mark else [])]) * 1.06
    left = axis_width([top], 5)
    plane = Plane(canvas, left, 14, canvas.width - left - 6, 200 if narrow else 260,
                  (0.0, float(len(shown))), (0.0, top))  # fmt: skip
    plane.rows(ticks(top, 6), said_limit)
    bottom = plane.top + plane.height
    gap = min(2.0, 0.15 * plane.width / len(shown))
    boxes = [
        {"x": plane.at_x(k) + gap / 2, "x2": plane.at_x(k + 1) - gap / 2,
         "y": plane.at_y(row["estimate"]), "y2": bottom,
         "fill": SERIES[0] if mark is None or row["estimate"] >= mark[0] else _BELOW}
        for k, row in enumerate(shown)
    ]  # fmt: skip
    batch(canvas, "rect", boxes)
    canvas.line(plane.left, bottom, plane.left + plane.width, bottom, color=INK_SOFT)
    if mark:
        y = plane.at_y(mark[0])
        canvas.line(plane.left, y, plane.left + plane.width, y, color=INK, strokeDash=[2, 3])
        canvas.text(plane.left + plane.width, y - 5, mark[1], "plain", "right")
    y = bottom + 10
    for share, k in brackets:
        end = plane.at_x(k)
        for x, x2, y1, y2 in ((plane.left, end, y, y), (plane.left, plane.left, y - 4, y + 4),
                              (end, end, y - 4, y + 4)):  # fmt: skip
            canvas.line(x, y1, x2, y2, color=INK_SOFT, strokeWidth=1.3)
        words = f"{100 * share:g}% of patients: {k} hospital{'s' if k != 1 else ''}"
        wide = text_width(words)
        if end + 8 + wide <= canvas.width:
            canvas.text(end + 8, y + 4.5, words, "plain")
            y += LINE + 4
        else:
            canvas.text(canvas.width, y + LINE, words, "plain", "right")
            y += 2 * LINE + 4
    canvas.height = y + 2
