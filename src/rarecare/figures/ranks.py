"""Ranks of hospitals or countries, each on its interval: how little a rank alone says."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from rarecare.figures.dots import Scale, draw_dots, said_value
from rarecare.figures.figure import Figure
from rarecare.figures.lines import check_number
from rarecare.figures.look import SYNTHETIC, capital
from rarecare.figures.page import Canvas, check_width, head_canvas, sheet
from rarecare.figures.tables import Row, check_table, level_of

_NEEDED = ("n", "rank", "rank_lower", "rank_upper", "level", "status")


def ranks_figure(
    table: pl.DataFrame,
    *,
    unit: str,
    title: str,
    subtitle: str | None = None,
    note: str | None = None,
    synthetic: bool = False,
    width: float = 600,
) -> Figure:
    """Return one dot on the interval of its rank per unit, the first rank above.

    Parameters
    ----------
    table
        Of one model of ``adjusted_comparison``: one row per unit.
    unit
        Column of the unit.
    title, subtitle, note, synthetic, width
        As for ``rates_figure``.

    Raises
    ------
    ColumnError
        The table lacks a column.
    UsageError
        A unit has several rows, there are more than 40, or the width is below 300.
    """
    check_width(width)
    check_table(table, [unit, *_NEEDED], unique=[unit])
    rows = [
        (capital(str(row[unit])), row | {
            "estimate": row["rank"], "lower": row["rank_lower"], "upper": row["rank_upper"],
            "reason": None,
        })
        for row in table.sort("rank", "rank_lower", "rank_upper").iter_rows(named=True)
    ]  # fmt: skip
    check_number([name for name, _ in rows])
    level, last = level_of(table), len(rows)
    head = head_canvas(
        width, title=title, synthetic=synthetic,
        subtitle=[*([subtitle] if subtitle else []),
                  f"Rank 1 has the highest share. Line: {level} interval of the rank"],
    )  # fmt: skip
    body = draw_dots(
        rows, head, Scale(last + 0.5, lambda most: _ticks(last, most), said_value, lowest=0.5),
        width=width,
    )  # fmt: skip
    foot = Canvas(head.width, body.below)
    foot.text(body.left, 38, f"Rank among {last}", "plain")
    told = [f"{name}: {said_value(row, ' to ')}." for name, row in rows]
    remarks = []
    if last >= 4:
        remarks = [f"In the first or the last quarter with the whole interval: {_apart(rows)} of "
                   f"{last}"]  # fmt: skip
    return sheet(
        head, body, foot, width=width, title=title, notes=[*remarks, *([note] if note else [])],
        description=[*([f"{SYNTHETIC}."] if synthetic else []),
                     f"Rank, in brackets the {level} interval.", *told, *remarks],
    )  # fmt: skip


def _ticks(last: int, most: int) -> list[float]:
    """Return the first rank and round ones up to the last.

    >>> _ticks(24, 6), _ticks(3, 6)
    ([1.0, 5.0, 10.0, 15.0, 20.0], [1.0, 2.0, 3.0])
    """
    for step in (1, 2, 5, 10, 20):
        found = [1, *range(step if step > 1 else 2, last + 1, step)]
        if len(found) <= most:
            break
    return [float(rank) for rank in found]


def _apart(rows: Sequence[tuple[str, Row]]) -> int:
    """Return how many units are surely among the first or the last quarter."""
    low, high = 0.25 * len(rows) + 0.5, 0.75 * len(rows) + 0.5
    return sum(row["upper"] <= low or row["lower"] >= high for _, row in rows)
