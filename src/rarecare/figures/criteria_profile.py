"""A centre's criteria: met, not met or not known, marked by the kind of evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from rarecare.errors import UsageError
from rarecare.figures.figure import Figure
from rarecare.figures.look import (
    LINE,
    MISSING,
    NARROW,
    NOT_ESTIMABLE_SHAPE,
    RULE,
    SERIES,
    SYNTHETIC,
    capital,
    text_width,
    wrap,
)
from rarecare.figures.page import Body, Canvas, check_width, head_canvas, sheet
from rarecare.figures.tables import Row, check_table

_NEEDED = (
    "centre", "criteria", "version", "criterion", "title", "pillar", "type", "state", "value",
    "unit", "threshold", "direction", "evidence", "date", "disputed", "either", "sureness",
    "reason",
)  # fmt: skip
_MOST = 40
_PILLARS = {"S": "Structure", "P": "Process", "O": "Outcome", "N": "Network"}
_SHAPES = {"self-declared": "circle", "computed": "square", "certified": "diamond"}
_KINDS = {"self-declared": "self-declared", "computed": "computed from registry data",
          "certified": "externally certified"}  # fmt: skip
_LOOK: Mapping[str, Mapping[str, Any]] = {
    "met": {"color": SERIES[0], "filled": True, "size": 130, "opacity": 1},
    "not met": {"color": SERIES[3], "filled": False, "size": 110, "strokeWidth": 2, "opacity": 1},
    "not known": {"color": MISSING, "shape": NOT_ESTIMABLE_SHAPE, "size": 130, "strokeWidth": 1.2},
}
_NOTE = "A profile describes a centre; it does not designate one."


def criteria_profile_figure(
    table: pl.DataFrame,
    *,
    centre: str | None = None,
    title: str | None = None,
    subtitle: str | None = None,
    note: str | None = None,
    synthetic: bool = False,
    width: float = 600,
) -> Figure:
    """Return one line per criterion of a centre, by pillar: state, value, threshold, evidence.

    Parameters
    ----------
    table
        Of ``rarecare.care.profile.profile_table``.
    centre
        The one to draw; needed where the table has several.
    title, subtitle, note, synthetic, width
        As for ``survival_figure``; the title is by default the centre's name.

    Raises
    ------
    ColumnError
        The table lacks a column.
    UsageError
        There are no rows, several for one criterion, more than 40 criteria, no such centre or
        several and none named, or the width is below 300.
    """
    check_width(width)
    check_table(table, _NEEDED, unique=["centre", "criterion"])
    centres = table["centre"].unique(maintain_order=True).to_list()
    if centre not in centres if centre is not None else len(centres) > 1:
        raise UsageError("one centre is drawn at a time", value=centre or f"{len(centres)} centres",
                         allowed=centres, remedy="Name it in centre.")  # fmt: skip
    rows = table.filter(pl.col("centre") == (centre or centres[0])).to_dicts()
    if len(rows) > _MOST:
        raise UsageError(
            "too many criteria for one figure", value=len(rows), allowed=f"up to {_MOST}"
        )
    title = title or f"{rows[0]['centre']}: criteria"
    counts = {state: sum(row["state"] == state for row in rows) for state in _LOOK}
    said = (f"{counts['met']} met, {counts['not met']} not met, {counts['not known']} not known of "
            f"{len(rows)} criteria ({rows[0]['criteria']} {rows[0]['version']})")  # fmt: skip
    head = head_canvas(
        width, title=title, subtitle=[*([subtitle] if subtitle else []), said], synthetic=synthetic
    )
    _legend(head)
    canvas = Canvas(head.width)
    for letter, pillar in _PILLARS.items():
        own = [row for row in rows if row["pillar"][0] == letter]
        if own:
            canvas.height += LINE + 8
            canvas.text(0, canvas.height - 6, pillar, "strong")
        for row in own:
            same = [one["criterion"] for one in rows if one["either"] == row["either"] is not None]
            other = [name for name in same if name != row["criterion"]]
            _line(canvas, row, other, narrow=width < NARROW)
    canvas.height += 4
    unsure = [row["criterion"] for row in rows if row["sureness"] == "M"]
    notes = [*([note] if note else []), *([f"Thresholds from memory, unchecked: "
             f"{', '.join(unsure)}."] if unsure else []), _NOTE]  # fmt: skip
    told = [f"{row['criterion']}, {row['title']}: {'; '.join(_evidence(row))}." for row in rows]
    return sheet(
        head, Body(canvas.view(0), 0, 0), Canvas(head.width, 1), width=width, title=title,
        notes=notes, description=[*([f"{SYNTHETIC}."] if synthetic else []), f"{said}.", *told],
    )  # fmt: skip


def _legend(head: Canvas) -> None:
    head.height += LINE + 6
    signs = [(state, {"shape": "circle", **look}) for state, look in _LOOK.items()]
    signs += [(_KINDS[kind], {"shape": shape, **_LOOK["met"]}) for kind, shape in _SHAPES.items()]
    x = 0.0
    for name, look in signs:
        room = text_width(name) + 34
        if x and (x + room - 14 > head.width or name == "self-declared"):
            x, head.height = 0.0, head.height + LINE + 2
        head.sign(x + 7, head.height - 8.5, **look)
        head.text(x + 20, head.height - 4, name, "soft")
        x += room
    head.height += 4


def _line(canvas: Canvas, row: Row, other: list[str], *, narrow: bool) -> None:
    """Write one criterion: sign and title, and beside or below them what is known."""
    split = canvas.width if narrow else 0.56 * canvas.width
    wide = split - 24 - (0 if narrow else 14)
    names = wrap(f"{row['criterion']}  {row['title']}", width=wide)
    said = _asked(row) + (f"; or {' or '.join(other)}" if other else "")
    asked = wrap(said, width=wide) if said else []
    room = canvas.width - (24 if narrow else split)
    known = [line for part in _evidence(row) for line in wrap(capital(part), width=room)]
    top = canvas.height
    canvas.line(1, top + 1, canvas.width - 1, top + 1, color=RULE)
    look = {"shape": _SHAPES.get(row["evidence"] or "", "circle"), **_LOOK[row["state"]]}
    canvas.sign(8, top + LINE - 3.5, **look)
    for k, text in enumerate(names + asked):
        canvas.text(24, top + LINE * (k + 1) + 1, text, "plain" if k < len(names) else "soft")
    start = len(names) + len(asked) if narrow else 0
    for k, text in enumerate(known):
        canvas.text(24 if narrow else split, top + LINE * (start + k + 1) + 1, text,
                    "strong" if not k and row["state"] != "not known" else "soft")  # fmt: skip
    canvas.height = top + LINE * max(len(names) + len(asked), start + len(known)) + 8


def _asked(row: Row) -> str:
    if row["threshold"] is None:
        return ""
    return f"Asked: {row['direction']} {row['threshold']:g} {row['unit']}"


def _shortened(row: Row) -> str:
    """Return a value with two decimals, with all where two would put it on the threshold."""
    value = str(row["value"])
    if len(value.partition(".")[2]) <= 2:
        return value
    short = f"{float(value):.2f}"
    return value if float(short) == row["threshold"] else short


def _evidence(row: Row) -> list[str]:
    """Return the state, and on what it rests: ``["met: 24", "self-declared 2024-05-01"]``."""
    number = row["type"] in ("number", "proportion") and row["value"] is not None
    value = _shortened(row) if number else row["value"]
    value = f"{value} percent" if row["type"] == "proportion" else value
    on = [f"{_KINDS[row['evidence']]} {row['date']}"] if row["evidence"] else []
    if row["state"] == "not known":
        return [f"not known: {row['reason']}", *([f"value {value}"] if number else []), *on]
    differ = ["other evidence differs"] if row["disputed"] else []
    return [f"{row['state']}: {value}" if number else row["state"], *on, *differ]
