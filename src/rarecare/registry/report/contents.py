"""What the report holds: findings, who is left out and why, quality, and what changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

import polars as pl

from rarecare.files import Source
from rarecare.registry.cases import REJECTS, Cases
from rarecare.registry.checks import Findings, run_checks
from rarecare.registry.checks.messages import message
from rarecare.registry.checks.register import CHECKS
from rarecare.registry.classification import classify
from rarecare.registry.exclusion_rules import ExclusionRules, Purpose
from rarecare.registry.exclusions import exclude
from rarecare.registry.quality import (
    mortality_incidence,
    quality,
    stability,
    suspicious_survivors,
)
from rarecare.registry.quality.table import Margin
from rarecare.registry.report.comparison import Earlier, compare
from rarecare.registry.report.gathering import Gathered
from rarecare.registry.submission import Count, Facts, Submitted, submission_parts
from rarecare.registry.submission.records import Kind

ALL = "all"
_CODES = {"topography", "morphology", "behaviour"}
_FOLLOWED = {"follow_up_days", "vital_status"}
_STEPS = ("reading and checking", "classifying", "counting who is left out", "quality")
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What was found in a submission.

    Attributes
    ----------
    facts, counts, sources, notes, rejects
        As read: see ``Submitted``.
    findings
        What the checks found.
    exclusions
        ``purpose`` ("incidence", "survival"), ``order``, ``reason``, ``records``, ``note``: from
        the records read to those counted.
    quality
        Every indicator of the cases counted in incidence, by year, entity, entity and year.
    changes
        Whether each indicator of all cases changes over the years: see ``stability``.
    long_survivors
        See ``suspicious_survivors``.
    comparison
        What became of the findings of the last check; None where there is none.
    earlier_day
        Day of the last check.
    day
        Day of this check.
    language
        Of the messages.
    synthetic
        Whether the data are made up.
    """

    facts: Facts
    counts: tuple[Count, ...]
    sources: Mapping[Kind, Source]
    notes: tuple[str, ...]
    rejects: pl.DataFrame
    findings: Findings
    exclusions: pl.DataFrame
    quality: pl.DataFrame
    changes: pl.DataFrame
    long_survivors: pl.DataFrame
    comparison: pl.DataFrame | None
    earlier_day: str | None
    day: date
    language: str = "en"
    synthetic: bool = False

    @property
    def software(self) -> str:
        """The program and its version."""
        return f"rarecare {version('rarecare')}"

    @property
    def records_with_findings(self) -> int:
        """Records of the cases with an open finding."""
        open_ = self.findings.table.filter(file="cases", status="open")
        return open_["row"].drop_nulls().n_unique()

    def messages(self) -> pl.DataFrame:
        """Return every check with its counts and its message, in the order of the register."""
        said = [(c.code, c.source, c.sureness, message(c, self.language)) for c in CHECKS]
        words = pl.DataFrame(
            [(code, m.title, m.why, m.remedy, source, sure) for code, source, sure, m in said],
            schema=["code", "title", "why", "remedy", "source", "sureness"],
            orient="row",
        )
        return self.findings.counts.join(words, on="code", how="left", maintain_order="left")


def check(
    submission: Submitted | str | Path,
    *,
    silenced: Collection[str] = (),
    confirmed: pl.DataFrame | None = None,
    previous: Earlier | None = None,
    language: str = "en",
    today: date | None = None,
    synthetic: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Return what is wrong with a submission, and what its data can support.

    Parameters
    ----------
    submission
        The submission, or its folder.
    silenced, confirmed, today
        As for ``run_checks``.
    previous
        The check of the last submission (``read_earlier``).
    language
        Of the messages: a language of ``checks.messages.LANGUAGES``.
    synthetic
        Whether the data are made up; every page then says so.
    progress
        Called with what is being done, the steps done and all steps.

    Raises
    ------
    FileError, ColumnError, CodeError, CaseError
        As ``read_submission``; ``confirmed`` lacks a column.
    UsageError
        As ``read_submission`` and ``run_checks``; the language is not known; the last check was
        of another registry.
    """
    message(CHECKS[0], language)  # an unknown language is refused before the work

    def step(number: int) -> None:
        if progress is not None:
            progress(_STEPS[number], number, len(_STEPS))

    step(0)
    day, gathered = today or date.today(), Gathered()
    parts = [submission] if isinstance(submission, Submitted) else submission_parts(submission)
    findings = run_checks(
        gathered.through(parts), silenced=silenced, confirmed=confirmed, today=day
    )
    read = gathered.whole()
    names = set(read.cases.columns)
    compared = None
    if previous is not None:
        tumours = read.cases["tumour_id"] if "tumour_id" in names else None
        compared = compare(previous, findings, tumours, registry=read.facts.registry)
    step(1)
    cases = _as_cases(read)
    if names >= _CODES:
        cases = classify(cases)
    step(2)
    kept, exclusions = _excluded(cases, read.facts)
    step(3)
    found = _quality(kept, read)
    years = found.filter(entity_id=ALL).filter(pl.col("period").str.contains(r"^\d{4}$"))
    survivors = {"topography", "morphology", "follow_up_days"} <= names
    return Report(
        facts=read.facts,
        counts=read.counts,
        sources=read.sources,
        notes=read.notes,
        rejects=read.rejects,
        findings=findings,
        exclusions=exclusions,
        quality=found,
        changes=stability(years),
        long_survivors=suspicious_survivors(kept) if survivors else _no_survivors(),
        comparison=compared,
        earlier_day=None if previous is None else previous.checked,
        day=day,
        language=language,
        synthetic=synthetic,
    )


def _as_cases(read: Submitted) -> Cases:
    rejects = read.rejects.filter(pl.col("column").is_not_null(), file="cases")
    source = read.sources.get("cases") or Source("cases", "", read.cases.height)
    return Cases(read.cases, rejects.select(list(REJECTS)), source, read.notes, read.file_columns)


def _excluded(cases: Cases, facts: Facts) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the cases counted in incidence, and the accounting of every purpose."""
    names = set(cases.table.columns)
    period = (date(facts.first_year, 1, 1), date(facts.last_year, 12, 31))

    def counted(purpose: Purpose) -> tuple[pl.DataFrame, pl.DataFrame]:
        rules = ExclusionRules(
            purpose=purpose, period=period, classified="entity_tier1" in names
        )  # fmt: skip
        kept, account = exclude(cases, rules, bad_rows="exclude")
        return kept, account.select(pl.lit(purpose).alias("purpose"), pl.all())

    kept, account = counted("incidence")
    if names >= _FOLLOWED:
        account = pl.concat([account, counted("survival")[1]])
    return kept, account


def _quality(kept: pl.DataFrame, read: Submitted) -> pl.DataFrame:
    registry = read.facts.registry
    by: list[Margin] = ["all", "year"]
    if "entity_tier1" in kept.columns:
        by += ["entity", "entity and year"]
    tables = [quality(kept, registry=registry, by=by, closing_date=read.facts.closing_date)]
    if read.mortality is not None and set(kept.columns) >= _CODES:
        tables.append(mortality_incidence(kept, read.mortality, registry=registry))
    return pl.concat(tables)


def _no_survivors() -> pl.DataFrame:
    schema = {"row": pl.Int64, "tumour_id": pl.String, "name": pl.String, "years": pl.Int64}
    return pl.DataFrame(schema={**schema, "follow_up_years": pl.Float64})
