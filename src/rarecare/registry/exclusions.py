"""Leaving records out, each once and under one reason, and the accounting of it.

Source: METHODS sections 0 and 1. The reasons and their order are in ``exclusion_rules``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import polars as pl

from rarecare.errors import CaseError, CodeError, ColumnError, DisagreementError, UsageError
from rarecare.registry.cases import BY_NAME, Cases
from rarecare.registry.exclusion_rules import (
    LATER,
    RULES,
    UNREADABLE,
    ExclusionRules,
    Rule,
    not_among,
)
from rarecare.registry.multiple_primaries import DUPLICATE, primary_columns, rules_of

__all__ = ["KEPT", "READ", "ExclusionRules", "exclude"]

READ = "records read"
KEPT = "records in analysis"

_SOURCES: Mapping[str, tuple[str, ...]] = {
    "age": ("age", "age_days", "age_years", "birth_date"),
    "age_days": ("age", "age_days", "age_years", "birth_date"),
    "follow_up_days": ("follow_up_days", "last_date"),
    "last_date": ("follow_up_days", "last_date"),
}
_follow_up, _status = pl.col("follow_up_days"), pl.col("vital_status")
_NEGATIVE = _follow_up < 0
_FOLLOW_UP_RULE = [rule.reason for rule in RULES].index("follow-up missing or negative")


def exclude(
    cases: Cases,
    rules: ExclusionRules,
    *,
    bad_rows: Literal["refuse", "exclude"] = "refuse",
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the records counted and the accounting of those left out.

    For survival a boolean column ``died`` is added (lost and alive are censored), and a
    death on the day of incidence gets a follow-up of 1 day, so that every case kept has
    ``follow_up_days`` of at least 1.

    Parameters
    ----------
    cases
        Cases as read.
    rules
        Who is counted.
    bad_rows
        ``"refuse"``: stop at values that could not be read and at negative follow-up.
        ``"exclude"``: leave such records out and count them. Unknown values never stop.

    Returns
    -------
    kept, accounting
        ``accounting`` has the columns ``order``, ``reason``, ``records`` and ``note``: the
        records read, one line per reason, the records in analysis.

    Raises
    ------
    CodeError, CaseError
        A needed value could not be read, or follow-up is negative, and ``bad_rows`` is
        ``"refuse"``.
    ColumnError
        Survival without follow-up or vital status, or a rule asked for lacks its column.
    UsageError
        ``bad_rows`` is neither word.
    """
    if bad_rows not in ("refuse", "exclude"):
        raise UsageError("bad_rows is not known", value=bad_rows, allowed=["refuse", "exclude"])
    for name in ("follow_up_days", "vital_status") if rules.follow_up else ():
        if name not in cases.table.columns:
            raise ColumnError(
                f"{rules.purpose} needs {name}",
                file=cases.source.name,
                value=name,
                allowed=cases.table.columns,
                remedy=f"Name it: --columns {name}=COLUMN.",
            )
    unreadable = _unreadable(cases, rules)
    unknown = [pl.col(name).is_null() for name in rules.needed if name in cases.table.columns]
    table = cases.table.with_columns(
        pl.any_horizontal(pl.col("row").is_in(unreadable["row"].implode()), *unknown).alias(
            UNREADABLE
        )
    )
    if rules.one_record_for_each:
        table = _mark_later_primaries(table, rules, cases.source.name)
    applied = {
        i: found
        for i, rule in enumerate(RULES)
        if (found := _condition(rule, rules, cases)) is not None
    }
    table = table.with_columns(
        pl.coalesce(pl.when(found).then(pl.lit(i)) for i, found in applied.items()).alias("_rule")
    )
    if bad_rows == "refuse":
        negative = _negative(cases, table) if rules.follow_up else unreadable.clear()
        _refuse(cases, pl.concat([unreadable, negative]))
    kept = table.filter(pl.col("_rule").is_null())
    last_note = ""
    if rules.follow_up:
        kept, last_note = _follow_up_of_deaths(kept)
    accounting = _account(table, rules, kept.height, last_note)
    return kept.drop("_rule", UNREADABLE, LATER, strict=False), accounting


def _condition(rule: Rule, rules: ExclusionRules, cases: Cases) -> pl.Expr | None:
    """Return the rule's expression, or None where it is off or has no column."""
    if rule.column in cases.table.columns or rule.column == UNREADABLE:
        return rule.excludes(rules)
    if rule.asked(rules):
        raise ColumnError(
            f"the exclusion {rule.reason!r} needs {rule.column}",
            file=cases.source.name,
            value=rule.column,
            allowed=cases.table.columns,
            remedy=f"Name it: --columns {rule.column}=COLUMN.",
        )
    return None


def _unreadable(cases: Cases, rules: ExclusionRules) -> pl.DataFrame:
    """Rejects that leave a needed value null: an unread birth date is no matter with an age."""
    names = {"age", "incidence_date", *rules.needed, *rules.strata}
    if rules.follow_up:
        names |= {"age_days"}
    names |= {rule.column for rule in RULES if rule.excludes(rules) is not None}
    if rules.classified and "entity_tier1" in cases.table.columns:
        names |= {"topography", "morphology"}
    found = [cases.rejects.clear()]
    for name in sorted(names & set(cases.table.columns)):
        rejects = cases.rejects.filter(pl.col("column").is_in(_SOURCES.get(name, (name,))))
        if rejects.height:
            null = cases.table.filter(pl.col(name).is_null())
            found.append(rejects.join(null, on="row", how="semi"))
    return pl.concat(found).unique()


def _negative(cases: Cases, table: pl.DataFrame) -> pl.DataFrame:
    """Negative follow-up among the records no earlier rule leaves out, as rejects."""
    negative = table.filter(pl.col("_rule") == _FOLLOW_UP_RULE).filter(_NEGATIVE)
    if "follow_up_days" in cases.file_columns or "last_date" not in cases.table.columns:
        value, reason = pl.col("follow_up_days"), pl.lit("follow_up_days is negative")
        allowed, column = pl.lit("whole days from 0"), "follow_up_days"
    else:
        value, reason = pl.col("last_date"), pl.lit("last_date is before incidence_date")
        allowed = pl.format("dates from {} on", pl.col("incidence_date").cast(pl.String))
        column = "last_date"
    return negative.select(
        "row",
        column=pl.lit(column),
        value=value.cast(pl.String),
        reason=reason,
        allowed=allowed,
    )


def _refuse(cases: Cases, problems: pl.DataFrame) -> None:
    """Stop at the first bad record, saying how many there are."""
    if problems.is_empty():
        return
    first = problems.sort("row", "column").row(0, named=True)
    more = problems["row"].n_unique() - 1
    coded = BY_NAME[first["column"]].kind == "word"
    error: type[CodeError | CaseError] = CodeError if coded else CaseError
    remedy = "Correct the file"
    if coded:
        remedy += f", or map the code (--codes {first['column']}:{first['value']}=MEANING)"
    remedy += ", or leave such records out with --bad-rows exclude."
    if more:
        remedy += f" {more} more record{'s' * (more > 1)} cannot be used as they stand."
    raise error(
        first["reason"],
        file=cases.source.name,
        row=first["row"],
        column=cases.file_columns.get(first["column"], first["column"]),
        value=first["value"],
        allowed=first["allowed"].split(", ") if coded else first["allowed"],
        remedy=remedy,
    )


def _mark_later_primaries(table: pl.DataFrame, rules: ExclusionRules, file: str) -> pl.DataFrame:
    """Add a column that is true for a person's tumours after the first, or of one primary."""
    if rules.multiple_primaries is not None and "patient_id" in table.columns:
        behaviours = rules.behaviours
        chosen = replace(
            rules_of(rules.multiple_primaries),
            behaviours=tuple(range(10)) if behaviours is None else behaviours,
            bladder="as elsewhere",
        )
        same = primary_columns(table, chosen, file)["primary"] == DUPLICATE
        table = table.with_columns(same.alias(LATER))
    if not rules.first_primary_only:
        return table
    keys = [name for name in ("registry", "patient_id") if name in table.columns]
    if "patient_id" not in keys or "incidence_date" not in table.columns:
        return table  # the rule itself refuses for want of the column
    counted = pl.col("patient_id").is_not_null() & pl.col("incidence_date").is_not_null()
    other = not_among("behaviour", rules.behaviours)
    if other is not None and "behaviour" in table.columns:
        counted &= ~other
    table = table.with_row_index("_place")
    candidates = table.filter(counted).sort("incidence_date", "_place")
    first = candidates.unique(keys, keep="first")["_place"]
    later = counted & ~pl.col("_place").is_in(first.implode())
    return table.with_columns(later.alias(LATER)).drop("_place")


def _follow_up_of_deaths(kept: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    """Add ``died`` and give deaths on the day of incidence one day."""
    died = _status == "dead"
    on_the_day = died & (_follow_up == 0)
    count = int(kept.select(on_the_day.sum()).item())
    follow_up = pl.when(on_the_day).then(pl.lit(1, pl.Int32)).otherwise(_follow_up)
    kept = kept.with_columns(died=died, follow_up_days=follow_up.cast(pl.Int32))
    return kept, f"deaths on the day of incidence, counted as day 1: {count}" if count else ""


def _account(table: pl.DataFrame, rules: ExclusionRules, kept: int, last_note: str) -> pl.DataFrame:
    """Return the accounting table, after checking that it adds up."""
    counts = dict(table["_rule"].value_counts().iter_rows())
    lines = [(READ, table.height, "")]
    for i, rule in enumerate(RULES):
        lines.append((rule.reason, counts.get(i, 0), _note(rule, i, table, rules)))
    lines.append((KEPT, kept, last_note))
    left_out = sum(records for _, records, _ in lines[1:-1])
    if table.height - left_out != kept:
        raise DisagreementError(
            "the accounting of exclusions does not add up",
            value=f"{table.height} read - {left_out} left out",
            allowed=f"{kept} in analysis",
            remedy="This is a fault of the program: please report it.",
        )
    return pl.DataFrame(
        [(i, *line) for i, line in enumerate(lines)],
        schema={"order": pl.Int64, "reason": pl.String, "records": pl.Int64, "note": pl.String},
        orient="row",
    )


def _note(rule: Rule, place: int, table: pl.DataFrame, rules: ExclusionRules) -> str:
    if rule.column not in table.columns:
        return f"no column {rule.column}: not applied"
    if rule.excludes(rules) is None:
        return "not asked: not applied"
    columns = rules.needed if rule.column == UNREADABLE else (rule.column,)
    absent = [f"no column {name}: not applied" for name in columns if name not in table.columns]
    out = table.filter(pl.col("_rule") == place)
    nulls = [(name, out[name].null_count()) for name in columns if name in table.columns]
    return "; ".join([f"{n} without {name}" for name, n in nulls if n] + absent)
