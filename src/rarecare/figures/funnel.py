"""Net survival of countries or hospitals against precision, raw and shrunken, in a funnel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import polars as pl

from rarecare.errors import UsageError
from rarecare.figures.dodge import dodge
from rarecare.figures.figure import Figure
from rarecare.figures.look import INK, INK_SOFT, LINE, NARROW, SERIES, SYNTHETIC, text_width
from rarecare.figures.page import Body, Canvas, check_width, head_canvas, sheet
from rarecare.figures.plane import Plane, dot, in_percent, ring, round_ticks
from rarecare.figures.tables import Row, check_table, drawable, level_of, why_missing

_NEEDED = (
    "information", "time_years", "estimate", "lower", "upper", "shrunken", "centre", "verdict",
    "level", "status",
)  # fmt: skip
_LIMITS = (("95 %", 0.95, [6, 4]), ("99.8 %", 0.998, [1, 0]))
_X = "Precision: the more excess deaths were to be expected, the further right"


def funnel_figure(
    table: pl.DataFrame,
    *,
    unit: str,
    title: str,
    subtitle: str | None = None,
    note: str | None = None,
    synthetic: bool = False,
    width: float = 600,
) -> Figure:
    """Return each unit's net survival against its precision, with the limits of chance.

    Parameters
    ----------
    table
        Of ``rarecare.models.funnel``, one row per unit.
    unit
        Its column of units: country, registry, hospital.
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
    rows = [(str(row[unit]), row) for row in table.iter_rows(named=True)]
    shown = [(name, row) for name, row in rows if drawable(row) and row["information"] > 0]
    if not shown:
        raise UsageError("no unit can be drawn", value=f"{len(rows)} units", allowed="status ok")
    years = shown[0][1]["time_years"]
    after = f"{years:g} years" if years != 1 else "1 year"
    level = level_of(table)
    head = head_canvas(
        width, title=title, synthetic=synthetic,
        subtitle=[*([subtitle] if subtitle else []),
                  f"Net survival at {after} (%), adjusted for case mix. Dot: as observed; diamond: "
                  "shrunken towards all. Of units like all, 95 % lie within the dashed and 99.8 % "
                  "within the outer curves"],
    )  # fmt: skip
    head.height += 8
    canvas = _drawn(head.width, shown, narrow=width < NARROW)
    beyond = [name for name, row in shown if row["verdict"] != "within"]
    missing = [f"{name}: {why_missing(row)}" for name, row in rows if not drawable(row)]
    for words in missing:
        canvas.paragraph(words, "soft")
    told = [
        f"{name} {_number(row['estimate'])} ({_number(row['lower'])} to {_number(row['upper'])}), "
        f"shrunken {_number(row['shrunken'])}, {row['verdict']}"
        for name, row in shown
    ]
    return sheet(
        head, Body(canvas.view(0), 0, 0), Canvas(head.width, 1), width=width, title=title,
        notes=[note] if note else [],
        description=[
            *([f"{SYNTHETIC}."] if synthetic else []),
            f"Net survival at {after} in percent, with {level} intervals; all together "
            f"{_number(shown[0][1]['centre'])}. Beyond the limits: {', '.join(beyond) or 'none'}.",
            *(f"{words}." for words in (*told, *missing)),
        ],
    )  # fmt: skip


def _drawn(width: float, shown: Sequence[tuple[str, Row]], *, narrow: bool) -> Canvas:
    """Return the plane: limits, centre, units, and the names of those beyond the limits."""
    canvas = Canvas(width)
    centre = shown[0][1]["centre"]
    most = max(row["information"] for _, row in shown)
    least = min(row["information"] for _, row in shown)
    beyond = [(name, row) for name, row in shown if row["verdict"] != "within"]
    room = max((text_width(name) for name, _ in beyond), default=0.0) + 14 if beyond else 40.0
    room = max(min(room, 0.3 * width), 44.0)
    values = [v for _, row in shown for v in (row["estimate"], row["shrunken"])]
    z = NormalDist().inv_cdf(0.5 + _LIMITS[1][1] / 2)
    reach = [centre ** math.exp(sign * z / math.sqrt(least)) for sign in (1, -1)]
    low = math.floor(min([*values, max(reach[0], min(values) - 0.1)]) * 20) / 20
    high = math.ceil(max([*values, min(reach[1], max(values) + 0.1)]) * 20) / 20
    plane = Plane(
        canvas, 34, 8, width - 34 - room, 250 if narrow else 330,
        (0.0, most * 1.04), (max(low, 0.0), min(max(high, low + 0.1), 1.0)),
    )  # fmt: skip
    plane.rows(round_ticks(*plane.y, 7), in_percent)
    grid = [least * (most * 1.04 / least) ** (k / 80) for k in range(81)]
    for _, share, dash in _LIMITS:
        z = NormalDist().inv_cdf(0.5 + share / 2)
        for sign in (1, -1):
            plane.curve(
                [(x, centre ** math.exp(sign * z / math.sqrt(x))) for x in grid],
                color=INK_SOFT, strokeDash=dash, strokeWidth=1.3,
            )  # fmt: skip
    y = plane.at_y(centre)
    canvas.line(plane.left, y, plane.left + plane.width, y, color=INK, strokeWidth=1.4)
    for _, row in shown:
        x = plane.at_x(row["information"])
        canvas.line(x, plane.at_y(row["estimate"]), x, plane.at_y(row["shrunken"]), color=SERIES[0],
                    strokeWidth=1, opacity=0.6)  # fmt: skip
    for _, row in shown:
        x = plane.at_x(row["information"])
        ring(canvas, x, plane.at_y(row["shrunken"]))
        dot(canvas, x, plane.at_y(row["estimate"]))
    right = plane.left + plane.width
    labels = [("All", y), *((name, plane.at_y(row["estimate"])) for name, row in beyond)]
    places = dodge(
        [at for _, at in labels], [16.0] * len(labels), low=0, high=plane.top + plane.height
    )
    for (name, at), place in zip(labels, places, strict=True):
        canvas.text(right + 10, place + 4.5, name, "strong" if name == "All" else "plain")
        own = dict(beyond).get(name)
        if own is not None:
            canvas.line(plane.at_x(own["information"]) + 6, at, right + 7, place, color=INK_SOFT,
                        strokeWidth=0.7, opacity=0.7)  # fmt: skip
    bottom = plane.top + plane.height
    canvas.line(plane.left, bottom, right, bottom, color=INK_SOFT)
    plane.columns(round_ticks(0, most * 1.04, 4 if narrow else 6), lambda v: f"{v:g}")
    canvas.height = bottom + 22
    canvas.paragraph(_X, "plain")
    canvas.height += LINE / 3
    return canvas


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{100 * value:.1f}"
