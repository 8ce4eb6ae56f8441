"""The files of a report: those for outside, which name no record, and the registry's own."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from rarecare.errors import UsageError
from rarecare.registry.report.comparison import FINDINGS_FILE, SUMMARY_FILE, outcomes
from rarecare.registry.report.contents import Report
from rarecare.registry.report.page import page
from rarecare.registry.report.texts import (
    outside_findings,
    outside_quality,
    summary_json,
    summary_text,
)
from rarecare.writing import csv_text, write_whole

_AT_ONCE = 100_000
_COMPARISON = "comparison.csv"
"""The one file that is not always written: an old one must not stay beside a new report."""


def write_outside(report: Report, folder: str | Path) -> list[Path]:
    """Write what may leave the registry: of a record its line and the rule, no more.

    ``report.html``, ``findings.csv``, ``checks.csv``, ``exclusions.csv``, ``quality.csv``,
    ``summary.json``, ``summary.txt`` and, where there is a last check, ``comparison.csv``.

    Raises
    ------
    UsageError
        The folder cannot be made, for a file has its name.
    """
    checks = report.messages()
    findings = outside_findings(report)
    texts = {
        "report.html": page(report, own=False),
        "checks.csv": csv_text(checks),
        "exclusions.csv": csv_text(report.exclusions),
        "quality.csv": csv_text(outside_quality(report)),
        SUMMARY_FILE: summary_json(report),
        "summary.txt": summary_text(report),
    }
    if report.comparison is not None:
        texts[_COMPARISON] = csv_text(outcomes(report.comparison))
    contents = {name: text.encode() for name, text in texts.items()}
    return _written(folder, {**contents, "findings.csv": _findings_csv(findings, checks)})


def write_own(report: Report, folder: str | Path) -> list[Path]:
    """Write what stays in the registry: findings with their identifiers and values.

    ``report.html``, ``findings.csv``, ``findings.parquet`` and ``summary.json`` (which the next
    check is compared with), ``not_read.csv``, ``confirmations.csv``, ``long_survivors.csv``,
    ``quality.csv`` (also by cancer), ``notes.txt`` and, where there is a last check,
    ``comparison.csv``.

    Raises
    ------
    UsageError
        As ``write_outside``.
    """
    checks = report.messages()
    findings = report.findings.table
    texts = {
        "report.html": page(report, own=True),
        "not_read.csv": csv_text(report.rejects),
        "confirmations.csv": csv_text(report.findings.confirmations),
        "long_survivors.csv": csv_text(report.long_survivors),
        "quality.csv": csv_text(report.quality),
        "notes.txt": "".join(f"{note}\n" for note in report.notes),
        SUMMARY_FILE: summary_json(report),
    }
    if report.comparison is not None:
        texts[_COMPARISON] = csv_text(report.comparison)
    exact = io.BytesIO()
    findings.write_parquet(exact)
    contents = {name: text.encode() for name, text in texts.items()}
    return _written(
        folder,
        {
            **contents,
            "findings.csv": _findings_csv(findings, checks),
            FINDINGS_FILE: exact.getvalue(),
        },
    )


def check_apart(outside: Path, own: Path | None) -> None:
    """Refuse folders of which one lies in the other: own files must not leave by mistake.

    Raises
    ------
    UsageError
        They are the same, or one is inside the other.
    """
    if own is None:
        return
    first, second = outside.resolve(), own.resolve()
    if first == second or first in second.parents or second in first.parents:
        raise UsageError(
            "the registry's own files and those for outside share a folder",
            value=str(own),
            allowed="a folder apart from that of --out",
            remedy="Own files name people's records; keep them where nothing is sent from.",
        )


def _findings_csv(findings: pl.DataFrame, checks: pl.DataFrame) -> Iterator[bytes]:
    """Yield the findings as CSV, with what each check says, some lines at a time."""
    words = checks.select("code", "family", "title", "remedy")
    for start in range(0, max(findings.height, 1), _AT_ONCE):
        part = findings[start : start + _AT_ONCE]
        said = part.join(words, on="code", how="left", maintain_order="left")
        yield csv_text(said, header=start == 0).encode()


def _written(folder: str | Path, contents: Mapping[str, bytes | Iterator[bytes]]) -> list[Path]:
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UsageError(
            "a file has the name of the folder", value=str(folder), remedy="Name another folder."
        ) from None
    for name, content in contents.items():
        write_whole(folder / name, content)
    if _COMPARISON not in contents:
        (folder / _COMPARISON).unlink(missing_ok=True)
    return [folder / name for name in contents]
