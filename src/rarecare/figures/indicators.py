"""An indicator of care by country or hospital: dots on intervals, threshold, published values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import polars as pl

from rarecare.errors import UsageError
from rarecare.figures.dots import Scale, draw_dots
from rarecare.figures.figure import Figure
from rarecare.figures.lines import check_number
from rarecare.figures.look import LINE, NARROW, SYNTHETIC, wrap
from rarecare.figures.page import Canvas, check_width, head_canvas, sheet
from rarecare.figures.plane import round_ticks
from rarecare.figures.tables import Row, check_table, drawable, level_of, strata, why_missing

_NEEDED = (
    "indicator", "title", "measure", "denominator", "unknown", "estimate", "lower", "upper",
    "level", "unit", "threshold", "direction", "sureness", "source", "status", "reason",
)  # fmt: skip
_SURE = {
    "P": "named by the project's poster; formula own proposal",
    "A": "from an abstract",
    "X": "from a published source",
    "D": "own proposal",
    "M": "from memory, unchecked",
}


def indicator_figure(
    table: pl.DataFrame,
    *,
    indicator: str,
    by: Sequence[str],
    measure: str | None = None,
    category: str | None = None,
    comparators: pl.DataFrame | None = None,
    title: str | None = None,
    subtitle: str | None = None,
    note: str | None = None,
    synthetic: bool = False,
    width: float = 600,
) -> Figure:
    """Return one dot on its interval per stratum, with the threshold and published values named.

    Parameters
    ----------
    table
        Of ``rarecare.care.indicators``.
    indicator
        Its id.
    by
        Strata.
    measure
        By default the share, median or mean.
    category
        Of a distribution.
    comparators
        Published values, said below the drawing with their populations.
    title
        By default the indicator's.
    subtitle, note, synthetic, width
        As for ``survival_figure``.

    Raises
    ------
    ColumnError
        The table lacks a column.
    UsageError
        There is no such indicator or measure, several rows fall on one stratum, there are more
        than 40 strata, or the width is below 300.
    """
    check_width(width)
    check_table(table, [*by, *_NEEDED], unique=list(table.columns))
    own = _rows_of(table, indicator, measure, category)
    check_table(own, [*by, *_NEEDED], unique=list(by))
    rows = [(name, {**part[0], "n": part[0]["denominator"]}) for name, part in strata(own, by)]
    check_number([name for name, _ in rows])
    first = own.row(0, named=True)
    level = level_of(own)
    label = _label(first, category)
    head = head_canvas(
        width, title=title or first["title"], synthetic=synthetic,
        subtitle=[*([subtitle] if subtitle else []),
                  f"Dot: {label[0].lower()}{label[1:]}; line: {level} interval"
                  f"{'' if width < NARROW else '; cases: those counted'}"],
    )  # fmt: skip
    said = _said(first["unit"])
    body = draw_dots(rows, head, _scale(rows, first, said), width=width)
    foot = Canvas(head.width, body.below)
    for k, words in enumerate(wrap(label, width=head.width - body.left)):
        foot.text(body.left, 38 + k * LINE, words, "plain")
        foot.height += LINE if k else 0
    notes = [*_published(comparators, indicator), _origin(first), *_unknown(rows),
             *([note] if note else [])]  # fmt: skip
    told = [f"{name}: {said(row, ' to ')}." for name, row in rows if drawable(row)]
    told += [f"{name}: {why_missing(row)}." for name, row in rows if not drawable(row)]
    return sheet(
        head, body, foot, width=width, title=title or first["title"], notes=notes,
        description=[*([f"{SYNTHETIC}."] if synthetic else []),
                     f"{label}, in brackets the {level} interval.", *told,
                     *_told_threshold(first), *notes],
    )  # fmt: skip


def _rows_of(
    table: pl.DataFrame, indicator: str, measure: str | None, category: str | None
) -> pl.DataFrame:
    """Return the rows of one measure of one indicator."""
    own = table.filter(pl.col("indicator") == indicator)
    if own.is_empty():
        known = table["indicator"].unique(maintain_order=True).to_list()
        raise UsageError("there is no such indicator", value=indicator, allowed=known)
    measures = own["measure"].unique(maintain_order=True).to_list()
    wanted = measure if measure is not None else measures[0]
    if wanted not in measures:
        raise UsageError("the indicator has no such measure", value=wanted, allowed=measures)
    own = own.filter(pl.col("measure") == wanted)
    if "category" in own.columns and own["category"].drop_nulls().len():
        names = own["category"].drop_nulls().unique().sort().to_list()
        if category not in names:
            raise UsageError("the distribution is drawn one category at a time", value=category,
                             allowed=names)  # fmt: skip
        own = own.filter((pl.col("category") == category) | pl.col("category").is_null())
    return own


def _label(row: Row, category: str | None) -> str:
    unit = {"share": "%", "days": "days"}.get(row["unit"], row["unit"])
    words = row["measure"] if category is None else f"{row['measure']} {category}"
    return f"{words[0].upper()}{words[1:]} ({unit})"


def _said(unit: str) -> Callable[[Row, str], str]:
    scale, digits = (100, 0) if unit == "share" else (1, 0 if unit == "days" else 2)

    def number(value: float | None) -> str:
        if value is None:
            return ""
        half = unit == "days" and value % 1 != 0  # a median between two days
        return f"{scale * value:.{digits + half}f}"

    def said(row: Row, between: str) -> str:
        value, lower, upper = (number(row[name]) for name in ("estimate", "lower", "upper"))
        return f"{value} ({lower}{between}{upper})" if lower and upper else value

    return said


def _scale(rows: Sequence[tuple[str, Row]], first: Row, said: Callable[[Row, str], str]) -> Scale:
    threshold = first["threshold"] if first["measure"] != "share within threshold" else None
    line = None if threshold is None else (threshold, _threshold(first))
    if first["unit"] == "share":
        ticks = [0.0, 0.25, 0.5, 0.75, 1.0]
        return Scale(1.0, lambda _: ticks, said, labels={"labelExpr": "round(100 * datum.value)"},
                     line=line)  # fmt: skip
    values = [
        row[name] for _, row in rows if drawable(row)
        for name in ("estimate", "upper") if row[name] is not None
    ]  # fmt: skip
    high = max([*values, threshold or 0.0], default=0.0) * 1.04 or 1.0
    return Scale(high, lambda most: round_ticks(0.0, high, most), said, line=line)


def _threshold(row: Row) -> str:
    value = f"{100 * row['threshold']:g} %" if row["unit"] == "share" else (
        f"{row['threshold']:g} {row['unit']}"
    )  # fmt: skip
    return f"Threshold {value}"


def _told_threshold(row: Row) -> list[str]:
    if row["threshold"] is None:
        return []
    return [f"{_threshold(row)}; {row['direction']} is better."]


def _published(comparators: pl.DataFrame | None, indicator: str) -> list[str]:
    """Return the published values in words, each with its population and source."""
    if comparators is None:
        return []
    own = comparators.filter(pl.col("indicator") == indicator)
    return [f"Published: {_published_value(row)}." for row in own.iter_rows(named=True)]


def _published_value(row: Row) -> str:
    unit = "%" if row["unit"] == "percent" else row["unit"]
    limits = ""
    if row["lower"] is not None and row["upper"] is not None:
        limits = (
            f" ({row['limits'] + ' ' if row['limits'] else ''}{row['lower']:g}–{row['upper']:g})"
        )
    what = f"{row['measure']}, " if row["measure"] else ""
    return f"{row['value']:g} {unit}{limits}; {what}{row['population']}; {row['source']}"


def _origin(row: Row) -> str:
    own = row.get("threshold_source")
    more = f" Threshold, {own}." if own else ""
    return f"Definition {row['sureness']} ({_SURE[row['sureness']]}): {row['source']}.{more}"


def _unknown(rows: Sequence[tuple[str, Row]]) -> list[str]:
    """Return the share of which the answer is not known, by stratum, where there is one."""
    told: list[str] = []
    for name, row in rows:
        among: Any = row["unknown"] + row["denominator"]
        if row["unknown"] and among:
            told.append(f"{name} {100 * row['unknown'] / among:.0f} %")
    return [f"Answer not known, left out: {', '.join(told)}."] if told else []
