"""``rarecare check``: what is wrong with a submission, and what its data can support."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import polars as pl
from cyclopts import Parameter

from rarecare.cli import output, values

FAILED = 1


def check(
    submission: Path,
    *,
    out: Path,
    own: Path | None = None,
    previous: Path | None = None,
    confirmed: Path | None = None,
    silence: str = "",
    fail_on: Literal["error", "warning", "never"] = "error",
    language: str = "en",
    synthetic: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Check a registry's submission and write a report that the registry can act on.

    The exit status is 0 when it was done, 1 when the data have what --fail-on names, 2 when it
    was asked wrongly.

    Parameters
    ----------
    submission
        Folder with a submission.toml (see rarecare submission init).
    out
        Folder of the files that may leave the registry: report.html, findings.csv, checks.csv,
        exclusions.csv, quality.csv, summary.json, summary.txt. Of a record they give the line
        and the rule, nothing else.
    own
        Folder, apart from --out, of the registry's own files, with tumour numbers and values.
    previous
        The --own folder of the last check: what was fixed since, what is new, what stays.
    confirmed
        File of records looked at and found right: tumour_id, code, who, when.
    silence
        Codes of checks the registry does not act on, by commas; they are reported as silenced.
    fail_on
        What makes the exit status 1: an open error, an open warning too, or neither.
    language
        Of the messages: en, it, fr, de, es, nl, sl or bg.
    synthetic
        The data are made up: say so on every page.
    """
    from rarecare.registry.checks import read_confirmed  # noqa: PLC0415
    from rarecare.registry.report import (  # noqa: PLC0415
        check,
        read_earlier,
        write_outside,
        write_own,
    )
    from rarecare.registry.report.files import check_apart  # noqa: PLC0415

    check_apart(out, own)
    earlier = None if previous is None else read_earlier(previous)
    records = None if confirmed is None else read_confirmed(confirmed)
    with output.steps() as progress:
        report = check(
            submission,
            silenced=values.words(silence),
            confirmed=records,
            previous=earlier,
            language=language,
            synthetic=synthetic,
            progress=progress,
        )
        progress("writing", 1, 1)
        written = write_outside(report, out)
        if own is not None:
            written += write_own(report, own)
    found = report.messages().filter(pl.col("found") > 0)
    columns = ("severity", "code", "found", "open", "confirmed", "silenced", "title")
    if found.height:
        output.print_table(found.sort("severity", maintain_order=True).select(columns))
    findings = report.findings
    output.out.print(
        f"{findings.records:,} records of cases: {findings.errors:,} errors and "
        f"{findings.warnings:,} warnings open, in {report.records_with_findings:,} records",
        highlight=False,
        soft_wrap=True,
    )
    if report.comparison is not None:
        counts = report.comparison["outcome"].value_counts(sort=True).iter_rows()
        said = "; ".join(f"{outcome} {count:,}" for outcome, count in counts) or "nothing changed"
        output.out.print(
            f"since {report.earlier_day}: {said}", highlight=False, soft_wrap=True
        )  # fmt: skip
    for path in written:
        if path.suffix == ".html":
            output.out.print(str(path), highlight=False, soft_wrap=True)
    failing = {"error": findings.errors, "warning": findings.errors + findings.warnings}
    return FAILED if failing.get(fail_on, 0) else 0
