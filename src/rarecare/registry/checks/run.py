"""Running the checks: over a submission as a whole, or part by part as it is read.

What compares records of one person, or one id with all others, needs every part: of each record
the narrow columns of ``KEPT`` stay until the end, and everything else goes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date

import polars as pl

from rarecare.errors import UsageError
from rarecare.registry.cases import BY_NAME
from rarecare.registry.checks.check import Check, Files, Scope
from rarecare.registry.checks.columns import with_working
from rarecare.registry.checks.findings import (
    CONFIRMATIONS,
    DIVIDER,
    FINDINGS,
    Findings,
    judged,
)
from rarecare.registry.checks.register import BY_CODE, CHECKS
from rarecare.registry.multiple_primaries import primary_columns, rules_of
from rarecare.registry.submission import Submitted
from rarecare.registry.submission.records import LIFE_TABLE, MORTALITY, POPULATION

_BOUNDS = {
    "birth_date": "_born",
    "incidence_date": "_found",
    "last_date": "_seen",
    "last_date_given": "_seen",
}
KEPT = (
    *("row", "patient_id", "tumour_id", "sex", "topography", "morphology", "behaviour"),
    *("vital_status", "incidence_date", "_born_from", "_born_to", "_found_from", "_found_to"),
    *("_seen_from", "_seen_to"),
)
"""What is kept of every record until all parts are read."""

_NARROW = tuple(
    (name, pl.Enum([word for word in dict.fromkeys(BY_NAME[name].codes.values()) if word]))
    for name in ("sex", "vital_status")
)
"""Words of what is kept, in a byte each."""


def run_checks(
    submitted: Submitted | Iterable[Submitted],
    *,
    silenced: Collection[str] = (),
    confirmed: pl.DataFrame | None = None,
    today: date | None = None,
) -> Findings:
    """Return what is wrong with a submission, one row per broken rule.

    Parameters
    ----------
    submitted
        The submission, or its parts in their order.
    silenced
        Codes of checks whose findings the registry does not act on. They are reported as
        silenced.
    confirmed
        Records a registry has looked at and found right: ``tumour_id``, ``code``, ``who``,
        ``when``, as in ``confirmed.csv``. Only warnings can be confirmed.
    today
        The day of the checks; dates after it are wrong.

    Raises
    ------
    UsageError
        There is no check of a code in ``silenced``, or there is no submission.
    ColumnError
        ``confirmed`` lacks a column.
    """
    for code in silenced:
        if code not in BY_CODE:
            raise UsageError(
                "there is no check of this code to silence", value=code, allowed=list(BY_CODE)
            )
    day = today or date.today()
    run: _Run | None = None
    for part in [submitted] if isinstance(submitted, Submitted) else submitted:
        run = run or _Run(part, day)
        run.add(part)
    if run is None:
        raise UsageError("there is nothing to check", allowed="a submission, or its parts")
    return judged(
        run.found(),
        checks=CHECKS,
        not_run=run.not_run,
        records=run.records,
        silenced=silenced,
        confirmed=pl.DataFrame(schema=CONFIRMATIONS) if confirmed is None else confirmed,
    )


class _Run:
    """The checks of one submission, fed part by part."""

    def __init__(self, first: Submitted, today: date) -> None:
        self._last, self._today = first, today
        self._columns: set[str] = set()
        self.records = 0
        self.not_run: dict[str, str] = {}
        self._found: list[pl.DataFrame] = []
        self._kept: list[pl.DataFrame] = []
        self._years: list[pl.DataFrame] = []

    def add(self, part: Submitted) -> None:
        """Check each record of a part; keep what later ones are compared with."""
        self._last = part
        self._columns |= set(part.cases.columns)
        self.records += part.cases.height
        self._found.append(_rejected(part))
        table = with_working(part.cases, part.facts, self._today)
        rejects = part.rejects.filter(file="cases").select("row", "column").drop_nulls().unique()
        for check, rows in _broken(table, self._able("record")):
            found = _listed(_taken(table, rows, check), check)
            if check.family == "missing":  # a value that was rejected is said already
                rejected = rejects.filter(column=check.columns[0]).select("row")
                found = found.join(rejected, on="row", how="anti")
            self._found.append(found)
        self._kept.append(table.select(KEPT).with_columns(pl.col(n).cast(t) for n, t in _NARROW))
        by_year = table.group_by(pl.col("incidence_date").dt.year().alias("year"), "region")
        self._years.append(by_year.agg(cases=pl.len()))

    def found(self) -> pl.DataFrame:
        """Return the findings of all parts, then those between records and in other files."""
        tables = [*self._found, *self._between_records(), *self._in_files()]
        return pl.concat([pl.DataFrame(schema=FINDINGS), *tables])

    def _able(self, scope: Scope) -> list[Check]:
        """Return the checks of a scope that have their columns in some part; say which have not."""
        have = self._columns
        able = []
        for check in CHECKS:
            if check.applies_to != scope:
                continue
            self.not_run.pop(check.code, None)
            absent = [name for name in check.columns if name not in have]
            if self._last.facts.closing_date is None and _uses(check, "_closing"):
                self.not_run[check.code] = "the submission has no closing date"
            elif absent:
                self.not_run[check.code] = f"the file has no column {', '.join(absent)}"
            else:
                able.append(check)
        return able

    def _between_records(self) -> Iterator[pl.DataFrame]:
        kept = pl.concat(self._kept)
        self._kept.clear()
        for check, rows in _broken(kept, self._able("tumours")):
            yield _listed(_taken(kept, rows, check), check)
        several = kept.filter(
            pl.col("patient_id").is_not_null() & pl.col("patient_id").is_duplicated()
        )
        primaries = primary_columns(several, rules_of("iarc"), "cases")
        several = several.with_columns(_primary=primaries["primary"])
        for check, rows in _broken(several, self._able("patient")):
            yield _listed(_taken(several, rows, check), check)

    def _in_files(self) -> Iterator[pl.DataFrame]:
        last = self._last
        years = pl.concat(self._years).group_by("year", "region").agg(pl.col("cases").sum())
        tables: dict[str, pl.DataFrame | None] = {
            "population": last.population,
            "mortality": last.mortality,
            "life_table": last.life_table,
        }
        files = Files(
            last.facts,
            frozenset(self._columns),
            years,
            pl.DataFrame(schema=POPULATION) if last.population is None else last.population,
            pl.DataFrame(schema=MORTALITY) if last.mortality is None else last.mortality,
            pl.DataFrame(schema=LIFE_TABLE) if last.life_table is None else last.life_table,
            self._today,
        )
        for check in CHECKS:
            scope, offending = check.applies_to, check.offending
            if scope not in (*tables, "cases"):
                continue
            table = tables.get(scope)
            if scope != "cases" and table is None:
                self.not_run[check.code] = f"there is no file of {scope}"
            elif isinstance(offending, pl.Expr):
                if table is not None:
                    yield _listed(table.filter(offending), check)
            elif offending is not None:
                yield _placed(offending(files), check)


def _uses(check: Check, column: str) -> bool:
    return isinstance(check.offending, pl.Expr) and column in check.offending.meta.root_names()


def _broken(table: pl.DataFrame, checks: list[Check]) -> Iterator[tuple[Check, pl.Series]]:
    """Yield each check that some rows break, and the positions of these rows."""
    rules = {c.code: c.offending for c in checks if isinstance(c.offending, pl.Expr)}
    broken = table.select(**rules)
    for check in checks:
        rows = broken[check.code].arg_true()
        if len(rows):
            yield check, rows


def _taken(table: pl.DataFrame, rows: pl.Series, check: Check) -> pl.DataFrame:
    """Return the rows with what a finding of the check shows."""
    shown = {"row", "patient_id", "tumour_id", "_age", *check.columns}
    shown |= {f"{bound}_{end}" for bound in _BOUNDS.values() for end in ("from", "to")}
    return table.select(name for name in table.columns if name in shown)[rows]


def _listed(rows: pl.DataFrame, check: Check) -> pl.DataFrame:
    """Return the findings of a check: the rows that break it."""
    shown = [_shown(name, rows.columns) for name in check.columns]
    values = pl.concat_str(shown, separator=DIVIDER) if shown else pl.lit("")
    return _placed(rows.with_columns(values=values), check)


def _placed(rows: pl.DataFrame, check: Check) -> pl.DataFrame:
    """Return findings from ``row``, ``values`` and, of cases, the ids."""
    of_cases = ("record", "value", "tumours", "patient")
    file = "cases" if check.applies_to in of_cases else check.applies_to
    ids = [
        pl.col(name) if name in rows.columns else pl.lit(None, pl.String).alias(name)
        for name in ("patient_id", "tumour_id")
    ]
    return rows.select(
        pl.lit(file).alias("file"),
        pl.col("row").cast(pl.Int64),
        *ids,
        pl.lit(check.code).alias("code"),
        pl.lit(check.severity).alias("severity"),
        pl.lit(DIVIDER.join(check.columns)).alias("columns"),
        pl.col("values").cast(pl.String),
    )


def _shown(name: str, columns: Collection[str]) -> pl.Expr:
    """Return a column as text for a reader; dates only as far as they are known."""
    text = pl.col("_age" if name == "age" and "_age" in columns else name).cast(pl.String)
    if (bound := _BOUNDS.get(name)) and f"{bound}_from" in columns:
        first, last = pl.col(f"{bound}_from"), pl.col(f"{bound}_to")
        digits = first.cast(pl.String)
        year, month, day = (digits.str.slice(i, n) for i, n in ((0, 4), (4, 2), (6, 2)))
        text = (
            pl.when(first == last)
            .then(pl.concat_str(year, month, day, separator="-"))
            .when(first // 100 == last // 100)
            .then(pl.concat_str(year, month, separator="-"))
            .otherwise(year)
        )
    return text.fill_null("unknown")


def _rejected(part: Submitted) -> pl.DataFrame:
    """Return what reading rejected, as findings: no value that was sent is lost."""
    ids = part.cases.select(
        pl.lit("cases").alias("file"),
        "row",
        *(
            pl.col(name) if name in part.cases.columns else pl.lit(None, pl.String).alias(name)
            for name in ("patient_id", "tumour_id")
        ),
    )
    code = (
        pl.when(pl.col("column").is_null())
        .then(pl.lit("record-not-read"))
        .otherwise(pl.lit("value-not-read"))
    )
    rejects = part.rejects.join(ids, on=["file", "row"], how="left", maintain_order="left")
    return rejects.select(
        "file",
        "row",
        "patient_id",
        "tumour_id",
        code.alias("code"),
        pl.lit("error").alias("severity"),
        pl.col("column").fill_null("").alias("columns"),
        values=pl.col("value").fill_null(""),
    )
