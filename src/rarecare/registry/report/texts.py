"""The summaries of a report: JSON for programs, text for a mail. No record is in either."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from rarecare.registry.checks import CHECKS
from rarecare.registry.report.comparison import OUTCOMES, outcomes
from rarecare.registry.report.contents import ALL, Report
from rarecare.results import OK

_SCHEMA = 1
FEW = 5
"""A year of fewer cases than this does not show outside, and with it no year."""


_OF_A_FILE = [one.code for one in CHECKS if one.applies_to == "cases"]


def outside_findings(report: Report) -> pl.DataFrame:
    """Return the findings as they may leave the registry: of a record its line and the rule.

    Columns ``file``, ``row``, ``code``, ``severity``, ``columns``, ``status`` and ``values``, which
    are those of a file as a whole (a missing column or year), and null of every record.
    """
    whole = pl.when(pl.col("code").is_in(_OF_A_FILE), pl.col("row").is_null()).then("values")
    return report.findings.table.select(
        "file", "row", "code", "severity", "columns", "status", whole.alias("values")
    )


def outside_quality(report: Report) -> pl.DataFrame:
    """Return the quality that may leave the registry: of all cases, and by year of diagnosis.

    Nothing by cancer; and where a year has 1 to 4 cases, no year, since the others would tell.
    """
    table = report.quality.filter(entity_id=ALL)
    by_year = pl.col("period").str.contains(r"^\d{4}$")
    few = table.filter(by_year, pl.col("denominator").is_between(1, FEW - 1))
    return table.filter(~by_year) if few.height else table


def summary_json(report: Report) -> str:
    """Return the report's counts as JSON."""
    findings, facts = report.findings, report.facts
    said: dict[str, Any] = {
        "schema": _SCHEMA,
        "software": report.software,
        "checked": report.day.isoformat(),
        "synthetic": report.synthetic,
        "language": report.language,
        "registry": {
            "code": facts.registry,
            "name": facts.name,
            "country": facts.country,
            "region": facts.region,
            "first_year": facts.first_year,
            "last_year": facts.last_year,
            "closing_date": facts.closing_date and facts.closing_date.isoformat(),
        },
        "files": [
            {
                "file": each.file,
                "records": each.records,
                "read": each.read,
                "rejected": each.rejected,
                "sha256": report.sources[each.file].sha256 if each.file in report.sources else None,
            }
            for each in report.counts
        ],
        "errors": findings.errors,
        "warnings": findings.warnings,
        "records": findings.records,
        "records_with_findings": report.records_with_findings,
        "checks": report.messages().select(
            "code", "family", "severity", "ran", "reason", "found", "open", "confirmed",
            "silenced", "title", "sureness",
        ).to_dicts(),
        "confirmations": dict(
            findings.confirmations["outcome"].value_counts(sort=True).iter_rows()
        ),
        "exclusions": report.exclusions.drop("note").to_dicts(),
        "quality": outside_quality(report).filter(period=ALL).to_dicts(),
        "comparison": _compared(report),
    }  # fmt: skip
    return json.dumps(said, indent=1, ensure_ascii=False) + "\n"


def _compared(report: Report) -> dict[str, Any] | None:
    if report.comparison is None:
        return None
    counts = dict(report.comparison["outcome"].value_counts().iter_rows())
    return {
        "with_check_of": report.earlier_day,
        "outcomes": {name: counts.get(name, 0) for name in OUTCOMES},
        "by_check": outcomes(report.comparison).to_dicts(),
    }


def summary_text(report: Report) -> str:
    """Return the report's counts as lines of text, after the summary of the QCS software."""
    facts, findings = report.facts, report.findings
    lines = [
        f"DATA CHECKS: {facts.registry} ({facts.country}) {facts.name}".rstrip(),
        *(["SYNTHETIC DATA: the people are invented."] if report.synthetic else []),
        f"Incidence {facts.first_year}-{facts.last_year}; checked {report.day} with "
        f"{report.software}",
        "",
        "FILES",
        *_columns(
            [("file", "records", "read", "rejected")]
            + [(c.file, c.records, c.read, c.rejected) for c in report.counts]
        ),
        "",
        "FINDINGS",
        f"{findings.errors} errors and {findings.warnings} warnings are open, "
        f"in {report.records_with_findings} of {findings.records} records.",
        "",
    ]
    checks = report.messages()
    for severity in ("error", "warning"):
        found = checks.filter(pl.col("found") > 0, severity=severity)
        lines.append(f"{severity.upper()}S")
        shown = found.select("code", "found", "open", "confirmed", "silenced", "title").rows()
        head = ("check", "found", "open", "confirmed", "silenced", "what is wrong")
        lines += [*(_columns([head, *shown]) if shown else ["none"]), ""]
    if report.comparison is not None:
        lines.append(f"COMPARED WITH THE CHECK OF {report.earlier_day}")
        rows = outcomes(report.comparison).select("code", *OUTCOMES).rows()
        lines += [*_columns([("check", *OUTCOMES), *rows]), ""]
    for (purpose,), part in report.exclusions.group_by("purpose", maintain_order=True):
        lines.append(f"WHO IS COUNTED IN {str(purpose).upper()}")
        lines += [*_columns(part.select("reason", "records").rows()), ""]
    lines.append("QUALITY (per cent of the cases counted in incidence, 95% limits)")
    quality = outside_quality(report).filter(period=ALL, unit="percent")
    measured = [_indicator(row) for row in quality.iter_rows(named=True)]
    lines += [*_columns([("indicator", "cases", "of", "percent", "from", "to"), *measured]), ""]
    missing = checks.filter(~pl.col("ran")).group_by("reason", maintain_order=True)
    lines.append("CHECKS THAT COULD NOT BE RUN")
    lines += [f"{reason}: {', '.join(part['code'])}" for (reason,), part in missing] or ["none"]
    return "\n".join(lines) + "\n"


def _indicator(row: dict[str, Any]) -> tuple[object, ...]:
    if row["status"] != OK:
        return (row["indicator"], "-", "-", row["status"], "", row["reason"] or "")
    percents = (f"{row[name]:.1f}" for name in ("value", "lower", "upper"))
    return (row["indicator"], row["numerator"], row["denominator"], *percents)


def _columns(rows: list[tuple[object, ...]]) -> list[str]:
    """Return rows as text in columns; numbers stand right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
    right = [all(isinstance(row[k], int) for row in rows[1:] or rows) for k in range(len(widths))]
    return [
        "  ".join(
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in cells
    ]
