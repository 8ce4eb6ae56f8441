"""An indicator of hospitals against their number of cases, in a funnel of binomial limits."""

from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl

from rarecare.errors import UsageError
from rarecare.figures.dodge import dodge
from rarecare.figures.figure import Figure
from rarecare.figures.look import INK, INK_SOFT, LINE, NARROW, SYNTHETIC, text_width
from rarecare.figures.page import Body, Canvas, check_width, head_canvas, sheet
from rarecare.figures.plane import Plane, dot, in_percent, round_ticks
from rarecare.figures.tables import Row, check_table, drawable, level_of, why_missing

_NEEDED = (
    "n", "numerator", "estimate", "lower", "upper", "target", "lower_95", "upper_95", "lower_998",
    "upper_998", "verdict", "method", "level", "status",
)  # fmt: skip
_LINES = (("95", [6, 4]), ("998", [1, 0]))
_LIMITS = ("lower_95", "upper_95", "lower_998", "upper_998")
_MOST_NAMED, _NEAR = 12, 1e-9


def indicator_funnel_figure(
    table: pl.DataFrame,
    *,
    unit: str,
    curve: pl.DataFrame,
    title: str,
    subtitle: str | None = None,
    note: str | None = None,
    synthetic: bool = False,
    width: float = 600,
) -> Figure:
    """Return each unit's share against its number of cases, with the limits of chance.

    Parameters
    ----------
    table
        Of ``rarecare.care.comparison.indicator_funnel``, one row per unit.
    unit
        Its column of units.
    curve
        The limits by number of cases: ``n``, ``lower_95``, ``upper_95``, ``lower_998``,
        ``upper_998``, in order (``funnel_curve``).
    title, subtitle, note, synthetic, width
        As for ``survival_figure``.

    Raises
    ------
    ColumnError
        The table lacks a column.
    UsageError
        There are no rows, several for one unit, none can be drawn, or the width is below 300.
    """
    check_width(width)
    check_table(table, [unit, *_NEEDED], unique=[unit])
    check_table(curve, ["n", *_LIMITS], unique=["n"])
    rows = [(str(row[unit]), row) for row in table.iter_rows(named=True)]
    shown = [(name, row) for name, row in rows if drawable(row)]
    if not shown:
        raise UsageError("no unit can be drawn", value=f"{len(rows)} units", allowed="status ok")
    first = shown[0][1]
    how = "" if first["method"] == "none" else f", over-dispersion {first['method']}"
    head = head_canvas(
        width, title=title, synthetic=synthetic,
        subtitle=[*([subtitle] if subtitle else []),
                  "Dot: share of a unit (%), not adjusted. Of units with the middle share, 95 % "
                  "lie within the dashed and 99.8 % within the outer curves "
                  f"(exact binomial{how})"],
    )  # fmt: skip
    head.height += 8
    canvas = _drawn(head.width, shown, curve, narrow=width < NARROW)
    missing = [f"{name}: {why_missing(row)}" for name, row in rows if not drawable(row)]
    for words in missing:
        canvas.paragraph(words, "soft")
    beyond = [name for name, row in shown if row["verdict"] != "within"]
    level = level_of(table)
    told = [
        f"{name} {_number(row['estimate'])} ({_number(row['lower'])} to {_number(row['upper'])}) "
        f"of {row['n']}, {row['verdict']}" for name, row in shown
    ]  # fmt: skip
    return sheet(
        head, Body(canvas.view(0), 0, 0), Canvas(head.width, 1), width=width, title=title,
        notes=[note] if note else [],
        description=[
            *([f"{SYNTHETIC}."] if synthetic else []),
            f"Shares in percent, with {level} intervals; target {_number(first['target'])}. "
            f"Beyond the limits: {', '.join(beyond) or 'none'}.",
            *(f"{words}." for words in (*told, *missing)),
        ],
    )  # fmt: skip


def _drawn(
    width: float, shown: Sequence[tuple[str, Row]], curve: pl.DataFrame, *, narrow: bool
) -> Canvas:
    """Return the plane: limits, target, units, and the names of those furthest out."""
    canvas = Canvas(width)
    target = shown[0][1]["target"]
    most = 1.04 * max(row["n"] for _, row in shown)
    beyond = [(name, row) for name, row in shown if row["verdict"] != "within"]
    beyond.sort(key=lambda item: (item[1]["verdict"] != "beyond 99.8 %",
                                  -abs(item[1]["estimate"] - target)))  # fmt: skip
    named = beyond[: _MOST_NAMED // 2 if narrow else _MOST_NAMED]
    room = max((text_width(name) for name, _ in named), default=0.0) + 14 if named else 40.0
    room = max(min(room, 0.3 * width), 44.0)
    usual = sorted((row for _, row in shown), key=lambda row: row["n"])[len(shown) // 3]
    values = [
        target,
        usual["lower_998"],
        usual["upper_998"],
        *(row["estimate"] for _, row in shown),
    ]
    low = max(math.floor((min(values) - 0.02) * 10) / 10, 0.0)
    high = min(math.ceil((max(values) + 0.02) * 10) / 10, 1.0)
    plane = Plane(
        canvas, 34, 8, width - 34 - room, 250 if narrow else 330, (0.0, most),
        (low, max(high, low + 0.1)),
    )  # fmt: skip
    plane.rows(round_ticks(*plane.y, 7), in_percent)
    held = curve.filter(pl.col("n") <= most)
    for name, dash in _LINES:
        for side in ("lower", "upper"):
            points = held.select("n", f"{side}_{name}").rows()
            plane.curve(points, color=INK_SOFT, strokeDash=dash, strokeWidth=1.3)
    y = plane.at_y(target)
    right = plane.left + plane.width
    canvas.line(plane.left, y, right, y, color=INK, strokeWidth=1.4)
    for _, row in shown:
        dot(canvas, plane.at_x(row["n"]), plane.at_y(row["estimate"]), size=50)
    hits, cases = (sum(row[name] for _, row in shown) for name in ("numerator", "n"))
    middle = "All" if abs(hits / cases - target) < _NEAR else "Target"
    labels = [(middle, y), *((name, plane.at_y(row["estimate"])) for name, row in named)]
    places = dodge(
        [at for _, at in labels], [16.0] * len(labels), low=0, high=plane.top + plane.height
    )
    rows = dict(named)
    for (name, at), place in zip(labels, places, strict=True):
        canvas.text(right + 10, place + 4.5, name, "strong" if name == middle else "plain")
        if name in rows:
            canvas.line(plane.at_x(rows[name]["n"]) + 5, at, right + 7, place, color=INK_SOFT,
                        strokeWidth=0.7, opacity=0.7)  # fmt: skip
    bottom = plane.top + plane.height
    canvas.line(plane.left, bottom, right, bottom, color=INK_SOFT)
    plane.columns(round_ticks(0, most, 4 if narrow else 6), lambda v: f"{v:g}")
    canvas.height = bottom + 22
    canvas.paragraph("Cases in the denominator", "plain")
    if len(beyond) > len(named):
        canvas.paragraph(f"Named: the {len(named)} furthest of {len(beyond)} beyond the limits",
                         "soft")  # fmt: skip
    canvas.height += LINE / 3
    return canvas


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{100 * value:.1f}"
