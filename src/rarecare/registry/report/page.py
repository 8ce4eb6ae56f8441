"""The report as a page that needs no network: for outside, or the registry's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from rarecare.figures import Figure, rates_figure
from rarecare.figures.figure import renamed
from rarecare.look import font_faces, style
from rarecare.registry.checks import SURENESS
from rarecare.registry.quality import INDICATORS
from rarecare.registry.quality.mortality_ratio import MI_RATIO
from rarecare.registry.report import words
from rarecare.registry.report.comparison import OUTCOMES, outcomes
from rarecare.registry.report.contents import ALL, Report
from rarecare.registry.report.texts import outside_findings, outside_quality
from rarecare.registry.report.words import Say, reason_in, say_in
from rarecare.results import OK

MOST_OF_A_CHECK = 50
"""Findings of one check that the page lists; the rest are in ``findings.csv``."""

WIDE, NARROW = 600, 340
"""Widths of drawings, in px."""

_OVER_YEARS = ("death certificate only", "unspecified morphology", "unknown primary site")
_THIN = "\u202f"


@dataclass(frozen=True, slots=True)
class _Drawing:
    """A drawing at the width of a desk and of a phone."""

    number: int
    wide: Markup
    narrow: Markup
    caption: str


def page(report: Report, *, own: bool) -> str:
    """Return the report as HTML.

    Parameters
    ----------
    report
        What was found.
    own
        With tumour numbers and values, for the registry itself; else of a record its line alone.
    """
    checks = report.messages()
    table = outside_quality(report)
    environment = Environment(
        loader=PackageLoader("rarecare.registry.report", "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    say = say_in(report.language)
    environment.filters |= {"count": _count, "percent": percent, "file": _file}
    environment.globals |= {"_": say, "said_reason": reason_in(say)}
    found = checks.filter(pl.col("found") > 0)
    became = [] if report.comparison is None else _became(report.comparison, checks)
    return environment.get_template("report.html").render(
        report=report,
        facts=report.facts,
        own=own,
        found=[_with_lines(row, report) for row in _errors_first(found)],
        listed=_listed(report.findings.table if own else outside_findings(report), checks),
        most=MOST_OF_A_CHECK,
        cut=bool((found["found"] > MOST_OF_A_CHECK).any()),
        verdict=_verdict(report, say),
        csv=Markup("<code>findings.csv</code>"),
        not_run=_not_run(checks),
        ran=checks.filter("ran").height,
        checks=checks.height,
        silent=checks.filter(pl.col("silenced") > 0).rows(named=True),
        confirmed=report.findings.confirmations.group_by("outcome", maintain_order=True)
        .len()
        .rows(),
        exclusions=_exclusions(report.exclusions),
        quality=_quality_rows(table, report.changes),
        deaths=table.filter(indicator=MI_RATIO, status=OK).rows(named=True),
        by_year=table.filter(pl.col("period") != ALL).height > 0,
        drawings=_drawings(table, report, say),
        compared=report.comparison is not None,
        outcomes=[name for name in OUTCOMES if any(row[name] for row in became)],
        became=became,
        sureness=SURENESS,
        ok=OK,
        tokens=Markup(style("tokens.css")),
        css=Markup(style("report.css") + _own("check.css")),
        script=Markup(_own("filter.js")),
        fonts=Markup(font_faces()),
    )


def _verdict(report: Report, say: Say) -> Markup:
    """Return what is to be done."""
    counts = ((words.ERRORS, report.findings.errors), (words.WARNINGS, report.findings.warnings))
    parts = [say(text, n=_count(count)) for text, count in counts if count]
    return Markup(" ").join(parts) or say(words.NOTHING)


def _errors_first(table: pl.DataFrame) -> list[dict[str, Any]]:
    rows = table.rows(named=True)
    return [row for s in ("error", "warning") for row in rows if row["severity"] == s]


def _with_lines(row: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Return a check that found something, with the file and the first lines."""
    own = report.findings.table.filter(code=row["code"])
    lines = own["row"].drop_nulls().unique().sort()
    return {**row, "file": own["file"][0], "lines": lines.head(10).to_list(), "of": len(lines)}


def _listed(findings: pl.DataFrame, checks: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the findings the page lists, the first of each check."""
    order = checks.select("code", "title").with_row_index("_order")
    table = findings.with_columns(
        _place=pl.int_range(pl.len()).over("code"), _error=pl.col("severity") != "error"
    ).filter(pl.col("_place") < MOST_OF_A_CHECK)
    return (
        table.join(order, on="code", how="left")
        .sort("_error", "_order", "row", nulls_last=True, maintain_order=True)
        .rows(named=True)
    )


def _not_run(checks: pl.DataFrame) -> list[tuple[str, list[str]]]:
    missing = checks.filter(~pl.col("ran"))
    return [
        (str(reason), part["title"].to_list())
        for (reason,), part in missing.group_by("reason", maintain_order=True)
    ]


def _exclusions(table: pl.DataFrame) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the accounting of each purpose: first and last lines, and reasons that counted."""
    accounts = []
    for (purpose,), part in table.group_by("purpose", maintain_order=True):
        rows = part.sort("order").rows(named=True)
        last = len(rows) - 1
        shown = [
            {**row, "sum": k in (0, last)}
            for k, row in enumerate(rows)
            if k in (0, last) or row["records"]
        ]
        accounts.append((str(purpose), shown))
    return accounts


def _quality_rows(table: pl.DataFrame, changes: pl.DataFrame) -> list[dict[str, Any]]:
    meanings = {one.name: one.meaning for one in INDICATORS}
    moved = {row["indicator"]: row for row in changes.filter(entity_id=ALL).rows(named=True)}
    whole = table.filter(pl.col("period") == ALL, unit="percent")
    return [
        {**row, "meaning": meanings[row["indicator"]], "change": moved.get(row["indicator"])}
        for row in whole.rows(named=True)
    ]


def _became(comparison: pl.DataFrame, checks: pl.DataFrame) -> list[dict[str, Any]]:
    """Return how many findings of each check had each outcome, in the order of the register."""
    titles = checks.select("code", "title")
    return titles.join(outcomes(comparison), on="code", maintain_order="left").rows(named=True)


def _drawings(table: pl.DataFrame, report: Report, say: Say) -> list[_Drawing]:
    """Return the indicators of all cases, and those of the years, as drawings."""
    facts, drawings = report.facts, list[_Drawing]()
    name, first, last = facts.name or facts.registry, facts.first_year, facts.last_year
    where = say(words.WHERE, name=name, first=first, last=last).unescape()
    shown = table.filter(status=OK, unit="percent").rename(
        {"value": "estimate", "denominator": "n"}
    )
    whole = shown.filter(pl.col("period") == ALL)
    years = shown.filter(
        pl.col("period").str.contains(r"^\d{4}$"), pl.col("indicator").is_in(_OVER_YEARS)
    ).with_columns(year=pl.col("period").cast(pl.Int64, strict=False))
    for rows, by, title, caption in (
        (whole, ["indicator"], words.QUALITY, words.QUALITY_CAPTION),
        (years, ["indicator", "year"], words.BY_YEAR, words.BY_YEAR_CAPTION),
    ):
        if rows.is_empty():
            continue
        number = len(drawings) + 1
        wide, narrow = (
            rates_figure(
                rows.with_columns(
                    pl.col("indicator").map_elements(
                        lambda each: say(each).unescape(), return_dtype=pl.String
                    )
                ),
                value_label=say(words.PER_CENT).unescape(),
                by=by,
                title=say(title).unescape(),
                subtitle=where,
                synthetic=report.synthetic,
                width=width,
            )
            for width in (WIDE, NARROW)
        )
        drawings.append(
            _Drawing(number, _svg(wide, f"w{number}"), _svg(narrow, f"n{number}"), caption)
        )
    return drawings


def _svg(figure: Figure, name: str) -> Markup:
    return Markup(renamed(figure.to_svg(), name))


def _count(value: int) -> str:
    return f"{value:,}".replace(",", _THIN)


def percent(value: float, size: float | None = None) -> str:
    """Return per cent with the decimals that its size, or another's, calls for."""
    size = abs(value if size is None else size)
    digits = 1 if size >= 1 or size == 0 else 2 if size >= 0.1 else 3
    text = f"{value:.{digits}f}"
    return (text if float(text) else text.lstrip("-")).replace("-", "\u2212")


def _file(name: str) -> str:
    return words.OF_FILES.get(name, name)


def _own(name: str) -> str:
    return (files("rarecare.registry.report") / "assets" / name).read_text(encoding="utf-8")
