"""Indicators of care: from cases, events and definitions to estimates by stratum.

Every case is counted once for each indicator: excluded (under the first reason that applies), not
in the denominator, not known whether, its answer not known, its time negative, or in the estimate.
Proportions have Wilson's or exact limits, times median, quartiles and 90th percentile with limits
by order statistics, potential follow-up the reverse Kaplan–Meier method (Schemper & Smith,
*Controlled Clinical Trials* 1996;17:343-346).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from rarecare.care.answering import DERIVED, Asked, derived, strata_of, typed, weights_of
from rarecare.care.definitions import (
    GIVEN,
    SURENESS,
    Definition,
    Definitions,
    read_definitions,
)
from rarecare.care.evaluation import Evaluation
from rarecare.care.limits import SHARE_INTERVALS, ShareInterval
from rarecare.care.linking import Linked
from rarecare.care.measures import (
    COUNTED,
    NEGATIVE,
    Choices,
    Row,
    excluded_rows,
    rows_of,
)
from rarecare.errors import ColumnError, UsageError
from rarecare.files import Source, read_table
from rarecare.rates.intervals import tail_probability
from rarecare.registry.cases import Cases
from rarecare.results import Provenance, Result

if TYPE_CHECKING:
    from rarecare.figures import Figure

STATISTIC = "Indicators of care"
_ABOUT: Mapping[str, type[pl.DataType]] = {
    "indicator": pl.String, "version": pl.String, "set": pl.String, "pillar": pl.String,
    "cancer": pl.String, "group": pl.String, "title": pl.String, "kind": pl.String,
}  # fmt: skip
_MADE: Mapping[str, type[pl.DataType]] = {
    "measure": pl.String, "category": pl.String, "n": pl.Int64, "excluded": pl.Int64,
    "not_eligible": pl.Int64, "eligibility_unknown": pl.Int64, "unknown": pl.Int64,
    "negative": pl.Int64, "denominator": pl.Int64, "numerator": pl.Int64,
    "effective_n": pl.Float64, "estimate": pl.Float64, "se": pl.Float64, "lower": pl.Float64,
    "upper": pl.Float64, "level": pl.Float64, "unit": pl.String, "method": pl.String,
    "threshold": pl.Float64, "threshold_unit": pl.String, "direction": pl.String,
    "verdict": pl.String,
    "sureness": pl.String, "source": pl.String, "threshold_source": pl.String,
    "comparators": pl.String, "status": pl.String, "reason": pl.String,
}  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class Indicators(Result):
    """Indicators with what was left out, what was wrong, and what to compare with.

    Attributes
    ----------
    excluded
        One row per stratum, indicator and reason: ``kind``, ``reason``, ``records``.
    negative
        One row per negative time: stratum, indicator, the case's key, ``days``.
    comparators
        Published values: ``indicator``, ``measure``, ``value``, ``unit``, ``lower``, ``upper``,
        ``limits``, ``population``, ``source``, ``sureness``.
    """

    excluded: pl.DataFrame = None  # type: ignore[assignment]
    negative: pl.DataFrame = None  # type: ignore[assignment]
    comparators: pl.DataFrame = None  # type: ignore[assignment]


def indicators(
    cases: Cases | Any, events: Any | None,
    definitions: Definitions | str | Path | Sequence[Definitions | str | Path], *,
    by: Sequence[str] = ("country",), level: float = 0.95, weights: str | None = None,
    interval: ShareInterval = "wilson", closing_date: date | None = None,
    designated: Collection[str] | None = None, recorded: Collection[str] = (),
) -> Indicators:  # fmt: skip
    """Return indicators of care by stratum.

    Parameters
    ----------
    cases
        Cases, one row per tumour, with the variables of the study's kit; null is not known.
    events
        Dated events (``read_events``), or None.
    definitions
        Sets of indicators, their files, or names of those of the package.
    by
        Strata: columns of the cases, ``year`` (of diagnosis), ``treated_at`` (the hospital of the
        first treatment).
    level
        Confidence level.
    weights
        Column of weights of a sample; by default every case counts 1. Counts stay counts, only
        estimates and limits are weighted.
    interval
        Of shares: ``"wilson"`` or ``"exact"``.
    closing_date, designated
        What definitions call by these names: the date up to which vital status was sought, and
        the hospitals that are designated.
    recorded
        Events that all registries record. By default a registry records those it has any of, and
        the others are not known.

    Returns
    -------
    Indicators
        One row per stratum, indicator and measure: ``n`` cases of the cancer = ``excluded`` +
        ``not_eligible`` + ``eligibility_unknown`` + ``unknown`` + ``negative`` +
        ``denominator``; ``numerator``, ``estimate`` (shares from 0 to 1), ``se``, ``lower``,
        ``upper``, ``threshold`` and ``verdict`` (``"met"``, ``"not met"``, ``"not sure"``: by
        the interval, of a time by the median's), ``sureness``, ``source``, ``comparators``.

    Raises
    ------
    ColumnError
        A stratum or the weights are not among the columns.
    CaseError
        A weight is negative or not known, or two cases have one key.
    UsageError
        A choice is not among its choices, or a definition does not fit the cases.
    """
    tail_probability(level)
    if interval not in SHARE_INTERVALS:
        raise UsageError("there is no such interval", value=interval, allowed=SHARE_INTERVALS)
    by = (by,) if isinstance(by, str) else tuple(dict.fromkeys(by))
    sets = [_set(one) for one in _listed(definitions)]
    _distinct(sets)
    asked, sources = _asked(cases, events, sets, by, weights, closing_date, designated, recorded)
    plan = {
        "definitions": {one.id: one.model_dump(mode="json") for one in sets}, "by": list(by),
        "level": level, "weights": weights, "interval": interval, "closing_date": closing_date,
        "designated": sorted(designated) if designated is not None else None,
        "recorded": sorted(recorded),
    }  # fmt: skip
    return _result(asked, Choices(level, interval), sets, by, plan, sources)


def outcomes(
    cases: Cases | Any, events: Any | None, definitions: Definitions | str | Path, *,
    indicator: str, closing_date: date | None = None,
    designated: Collection[str] | None = None, recorded: Collection[str] = (),
) -> pl.DataFrame:  # fmt: skip
    """Return the cases that count for one indicator, with the answer of each.

    What ``adjusted_comparison`` compares, and what shows a result case by case.

    Parameters
    ----------
    cases, events, definitions, closing_date, designated, recorded
        As ``indicators``.
    indicator
        Its id.

    Returns
    -------
    DataFrame
        The columns of the cases, ``hospital_first_treatment`` (null where not known) and
        ``answer``: true or false, days, a count, or a text.

    Raises
    ------
    UsageError
        There is no such indicator, or none that cases can tell.
    """
    of = _set(definitions)
    one = next((each for each in of.indicators if each.id == indicator), None)
    if one is None or one.not_computed is not None:
        raise UsageError(
            "there is no such indicator" if one is None else "cases cannot tell the indicator",
            value=indicator,
            allowed=[each.id for each in of.indicators if each.not_computed is None],
        )  # fmt: skip
    asked, _ = _asked(cases, events, [of], (), None, closing_date, designated, recorded)
    got = asked.answers(of, one, asked.base(of)[0])
    names = [name for name in asked.on.frame.columns if not name.startswith("_")]
    treated = asked.on.compiled("hospital(first(treatment))", "text")
    held = pl.Series(got.state == COUNTED)
    if got.category is not None:
        value = got.category.filter(held)
    else:
        kind = pl.Boolean if one.kind == "proportion" else pl.Int64
        value = pl.Series(got.value).filter(held).cast(kind)
    made = asked.on.frame.select(*names, treated.alias("hospital_first_treatment"))
    return made.filter(held).with_columns(value.alias("answer"))


def _asked(  # noqa: PLR0917 - the parts of one call
    cases: Any, events: Any | None, sets: Sequence[Definitions], by: Sequence[str],
    weights: str | None, closing_date: date | None, designated: Collection[str] | None,
    recorded: Collection[str],
) -> tuple[Asked, tuple[Source, ...]]:  # fmt: skip
    """Return the cases with their events, ready to be asked, and the sources."""
    if closing_date is not None and not isinstance(closing_date, date):
        raise UsageError("the closing date is no date", value=closing_date, allowed="a date")
    if isinstance(designated, str):
        raise UsageError("designated hospitals are several", value=designated, allowed="a list")
    table, source = (cases.table, cases.source) if isinstance(cases, Cases) else _read(cases)
    facts, sources = (None, (source,)) if events is None else _events(events, source)
    made = [name for name in by if name in DERIVED and name not in table.columns]
    for name in (*by, *([weights] if weights is not None else [])):
        if name not in table.columns and name not in made:
            raise ColumnError("the cases lack a column", value=name,
                              allowed=[*table.columns, *DERIVED])  # fmt: skip
    given = dict.fromkeys(GIVEN) | {"closing_date": closing_date, "designated": designated}
    vocabulary = {name: kind for one in sets for name, kind in one.vocabulary.items()}
    linked = Linked.of(table, facts, recorded=recorded)
    on = Evaluation(typed(table, vocabulary), linked, vocabulary, given)
    table = table.with_columns(derived(on, name) for name in made)
    return Asked(on, *strata_of(table, by), weights_of(table, weights)), sources


def _result(  # noqa: PLR0917 - the parts of one result
    asked: Asked, choices: Choices, sets: Sequence[Definitions], by: Sequence[str],
    plan: dict[str, Any], sources: tuple[Source, ...],
) -> Indicators:  # fmt: skip
    """Answer every indicator of every set."""
    rows: list[Row] = []
    excluded: list[Row] = []
    negative: list[pl.DataFrame] = []
    notes = [*_linking_notes(asked.on.linked), *(f"{one.id}: {one.note}" for one in sets
                                               if one.note)]  # fmt: skip
    for one in sets:
        base, unsure = asked.base(one)
        if unsure:
            notes.append(f"{one.id}: {unsure} cases of which the cancer is not known are taken")
        for each in one.indicators:
            got = asked.answers(one, each, base)
            about = _about(one, each)
            rows += [about | row for row in rows_of(each, got, choices)]
            excluded += [{"indicator": each.id} | row for row in excluded_rows(got)]
            if (got.state == NEGATIVE).any():
                negative.append(asked.negative(each, got))
    schema: dict[str, Any] = {"_stratum": pl.Int64, **_ABOUT, **_MADE}
    made = pl.DataFrame(rows, schema=schema, orient="row").with_columns(level=pl.lit(choices.level))
    left = pl.DataFrame(excluded, schema={"_stratum": pl.Int64, "indicator": pl.String,
                        "kind": pl.String, "reason": pl.String, "records": pl.Int64})  # fmt: skip
    listed = pl.concat(negative) if negative else asked.no_negative()
    if not listed.is_empty():
        notes.append(f"{listed.height} negative intervals are listed and left out")
    told = json.dumps(plan, sort_keys=True, default=str)
    provenance = Provenance(
        STATISTIC, sources, plan, hashlib.sha256(told.encode()).hexdigest(),
        _all_excluded(left, asked.on.linked), (*notes, *_sureness(sets)),
    )  # fmt: skip
    table, apart, wrong = (_placed(x, asked.strata, by) for x in (made, left, listed))
    return Indicators(table, provenance, _drawn(table, by, sets), apart, wrong,
                      comparator_table(sets))  # fmt: skip


def _placed(table: pl.DataFrame, strata: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Return a table with its strata in words in place of their numbers."""
    own = table.join(strata, on="_stratum", how="left", maintain_order="left",
                     suffix="_of_stratum")  # fmt: skip
    renamed = [name for name in by if f"{name}_of_stratum" in own.columns]
    own = own.drop(renamed).rename({f"{name}_of_stratum": name for name in renamed})
    rest = [name for name in own.columns if name not in {*by, "_stratum"}]
    return own.select(*by, *rest)


def comparator_table(sets: Sequence[Definitions]) -> pl.DataFrame:
    """Return the published values of sets of indicators, one row each."""
    return pl.DataFrame(
        [
            {"indicator": one.id, **each.model_dump()}
            for of in sets for one in of.indicators for each in one.comparators
        ],
        schema={"indicator": pl.String, "measure": pl.String, "value": pl.Float64,
                "unit": pl.String, "lower": pl.Float64, "upper": pl.Float64, "limits": pl.String,
                "population": pl.String, "source": pl.String, "sureness": pl.String},
    )  # fmt: skip


def _read(cases: Any) -> tuple[pl.DataFrame, Source]:
    raw = read_table(cases)
    return raw.frame, raw.source


def _events(events: Any, source: Source) -> tuple[pl.DataFrame, tuple[Source, ...]]:
    frame, own = _read(events)
    return frame, (source, own)


def _listed(definitions: Any) -> Sequence[Any]:
    one = isinstance(definitions, Definitions | str | Path)
    return [definitions] if one else list(definitions)


def _set(one: Definitions | str | Path) -> Definitions:
    return one if isinstance(one, Definitions) else read_definitions(one)


def _distinct(sets: Sequence[Definitions]) -> None:
    """Refuse two indicators of one name, and no sets at all."""
    ids = [each.id for one in sets for each in one.indicators]
    double = next((one for one in ids if ids.count(one) > 1), None)
    if double is not None or not ids:
        raise UsageError(
            "two indicators have the same id" if double else "there are no indicators",
            value=double, allowed="sets of indicators of which each has its own id",
        )  # fmt: skip


def _about(of: Definitions, one: Definition) -> Row:
    threshold = one.threshold
    said = f"{threshold.sureness}: {threshold.source}" if threshold is not None else None
    return {
        "indicator": one.id, "version": one.version, "set": of.id, "pillar": one.pillar,
        "cancer": one.cancer, "group": one.group or None, "title": one.title, "kind": one.kind,
        "sureness": one.sureness, "source": one.source, "threshold_source": said,
        "comparators": "; ".join(
            f"{each.value:g} {each.unit}{f', {each.measure}' if each.measure else ''} "
            f"({each.population}; {each.source})" for each in one.comparators
        ) or None,
    }  # fmt: skip


def _linking_notes(linked: Linked) -> list[str]:
    notes = []
    if linked.unlinked:
        notes.append(f"{linked.unlinked} events belong to no case and are left out")
    for row in linked.unknown.iter_rows(named=True):
        notes.append(f"{row['records']} events {row['event']!r} are not in the list of events")
    return notes


def _all_excluded(left: pl.DataFrame, linked: Linked) -> pl.DataFrame:
    """Return events left out, and reasons by indicator, over all strata."""
    events = [("events of no case", linked.unlinked)] if linked.unlinked else []
    events += [(f"event {row['event']!r} not in the list", row["records"])
               for row in linked.unknown.iter_rows(named=True)]  # fmt: skip
    first = pl.DataFrame(events, schema={"reason": pl.String, "records": pl.Int64}, orient="row")
    own = (
        left.filter(pl.col("kind").is_in(["excluded", "error"]))
        .group_by("indicator", "reason", maintain_order=True)
        .agg(pl.col("records").sum())
        .select(pl.format("{}: {}", "indicator", "reason").alias("reason"), "records")
    )
    return pl.concat([first, own])


def _sureness(sets: Sequence[Definitions]) -> list[str]:
    used = {one.sureness for of in sets for one in of.indicators}
    used |= {one.threshold.sureness for of in sets for one in of.indicators if one.threshold}
    return ["Sureness: " + "; ".join(f"{k} {words}" for k, words in SURENESS.items() if k in used)]


def _drawn(table: pl.DataFrame, by: Sequence[str], sets: Sequence[Definitions]) -> Any:
    """Return what draws one indicator of a result."""
    published = comparator_table(sets)

    def draw(*, indicator: str, **choices: Any) -> Figure:
        from rarecare.figures.indicators import (  # noqa: PLC0415 - figures are not always wanted
            indicator_figure,
        )

        return indicator_figure(table, by=by, indicator=indicator, comparators=published, **choices)

    return draw


__all__ = ["Indicators", "comparator_table", "indicators", "outcomes"]
