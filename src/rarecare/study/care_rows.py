"""The indicator rows of a release: one area's answers, by group of the list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.care.definitions import Definition, Definitions
from rarecare.care.limits import censored_quantiles, quantiles, share_limits
from rarecare.care.measures import (
    COUNTED,
    FIRST_REASON,
    NEGATIVE,
    OTHER,
    QUANTILES,
    UNKNOWN,
    UNSURE,
    WITHIN,
    why_none,
)
from rarecare.results import NOT_ESTIMABLE, OK
from rarecare.study import schema
from rarecare.study.care_tally import HOSPITAL, REGISTRY, STAGE, YEAR, Answered, Asking
from rarecare.study.config import Study
from rarecare.study.entities import Groups
from rarecare.study.incidence import study_period

Row = dict[str, Any]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
NOT_KNOWN = "share not known"
"""Statistic that every indicator has beside its own."""

OF_STRATUM = r" of (?:stage .+|\d{4})$"
"""The end of a statistic of the cases of one stage, or of one year of diagnosis."""

_BY_STRATUM = ("share", "median", "mean", WITHIN)

_KIND = {"proportion": ("share", "share"), "time": ("median", "days"),
         "count": ("mean", "per case"), "distribution": ("share", "share")}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Counts:
    """The answers of one group: cases by state, and answers with how often each was given."""

    states: Ints
    value: Floats
    category: NDArray[np.object_]
    censored: NDArray[np.bool_]
    n: Ints

    @property
    def denominator(self) -> int:
        """Cases whose answer counts."""
        return int(self.states[COUNTED])

    @property
    def cases(self) -> int:
        """Cases of the cancer."""
        return int(self.states.sum() - self.states[OTHER])


def measure_name(indicator: str, statistic: str, category: str | None, data: str) -> str:
    """Return the measure of a statistic of an indicator: ``"D4: median"``."""
    said = f"{indicator}: {statistic}" + (f", {category}" if category is not None else "")
    return said if data == REGISTRY else f"{said} (kit {data})"


def indicator_rows(
    answered: Answered, asking: Asking, groups: Groups, wanted: Sequence[str], study: Study, *,
    area: str,
) -> pl.DataFrame:  # fmt: skip
    """Return the rows of one area in the schema's columns, ``wanted`` groups only."""
    rows: list[Row] = []
    for data, of, one in _indicators(answered, asking):
        frame = _frame(answered, data, one)
        entities = wanted if data == REGISTRY else (answered.entity[data],)
        for entity in entities:
            held = frame
            if data == REGISTRY:
                held = frame.filter(_members(groups, entity)[frame["leaf"].to_numpy()])
            reasons = len(of.base) + len(one.exclusions)
            lacking = answered.lacking.get((data, one.id), "")
            for row in (
                *_rows(one, _counts(held, reasons), study, lacking),
                *_by_stratum(one, held, reasons, study, lacking),
            ):
                name = measure_name(one.id, row.pop("statistic"), row.pop("category", None), data)
                rows.append({"measure": name, "entity_id": entity, **row})
    return in_estimates(rows, study, area=area)


def _by_stratum(
    one: Definition, frame: pl.DataFrame, reasons: int, study: Study, lacking: str
) -> Iterator[Row]:
    """Yield the main statistic of each stage and year of diagnosis, where they were asked for."""
    for name, word in ((STAGE, "stage "), (YEAR, "")):
        for (value,), part in frame.drop_nulls(name).sort(name).group_by(name, maintain_order=True):
            for row in _rows(one, _counts(part, reasons), study, lacking):
                if row["statistic"] not in _BY_STRATUM or row.get("category") is not None:
                    continue
                period = {"period": str(value)} if name == YEAR else {}
                yield row | period | {"statistic": f"{row['statistic']} of {word}{value}"}


def in_estimates(rows: Sequence[Row], study: Study, *, area: str) -> pl.DataFrame:
    """Return rows of care in the columns of ``estimates``; what is not given is null."""
    held = {name: dtype for name, dtype in schema.ESTIMATES.items()
            if name != "classification_confidence"}  # fmt: skip
    fixed = {
        "area": area, "sex": schema.ALL, "age_group": schema.ALL, "standard": schema.NONE,
        "period": study_period(study), "level": study.level, "synthetic": study.study.synthetic,
    }  # fmt: skip
    return pl.DataFrame([fixed | row for row in rows], schema=held, orient="row")


def _indicators(
    answered: Answered, asking: Asking
) -> Iterator[tuple[str, Definitions, Definition]]:
    for data in dict.fromkeys(data for data, _ in answered.counts):
        for of in asking.definitions(data):
            for one in of.indicators:
                yield data, of, one


def _frame(answered: Answered, data: str, one: Definition) -> pl.DataFrame:
    if not answered.counts.get((data, one.id)):
        types = {"leaf": pl.Int32, HOSPITAL: pl.String, STAGE: pl.String, YEAR: pl.String,
                 "state": pl.Int16, "value": pl.Float64, "category": pl.String,
                 "censored": pl.Boolean, "n": pl.Int64}  # fmt: skip
        return pl.DataFrame(schema=types)
    return answered.of((data, one.id))


def _members(groups: Groups, entity: str) -> NDArray[np.bool_]:
    place = groups.table["entity_id"].to_list().index(entity)
    return np.asarray(groups.members[place], dtype=np.bool_)


def _counts(frame: pl.DataFrame, reasons: int) -> Counts:
    state, n = frame["state"].to_numpy().astype(np.int64), frame["n"].to_numpy()
    states = np.bincount(state, weights=n, minlength=FIRST_REASON + reasons).astype(np.int64)
    own = frame.filter(state == COUNTED).sort("value", "category")
    return Counts(
        states, own["value"].to_numpy(), own["category"].to_numpy(), own["censored"].to_numpy(),
        own["n"].to_numpy(),
    )  # fmt: skip


def _rows(one: Definition, got: Counts, study: Study, lacking: str) -> Iterator[Row]:
    assert study.care is not None
    common: Row = {"n": got.cases, "events": 0, "at_risk": got.denominator, "status": OK}
    if one.not_computed is not None or not got.denominator:
        statistic, unit = _KIND[one.kind]
        why = one.not_computed or why_none(got.states, lacking)
        none: Row = {"method": schema.NONE, "status": NOT_ESTIMABLE, "reason": why}
        if one.kind != "distribution":
            yield common | none | {"statistic": statistic, "unit": unit}
        if one.kind == "time" and one.threshold is not None and one.not_computed is None:
            yield common | none | {"statistic": WITHIN, "unit": "share"}
    else:
        made = {"proportion": _share, "time": _time, "count": _mean, "distribution": _categories}
        for row in made[one.kind](one, got, study):
            yield common | row
    if one.not_computed is None:
        unknown = int(got.states[UNKNOWN] + got.states[UNSURE])
        asked = unknown + got.denominator + int(got.states[NEGATIVE])
        row = _limited(unknown, asked, study) if asked else {
            "status": NOT_ESTIMABLE, "reason": why_none(got.states, ""), "method": schema.NONE,
            "unit": "share",
        }  # fmt: skip
        yield common | {"statistic": NOT_KNOWN, "events": unknown, "at_risk": asked} | row


def _limited(hits: int, of: int, study: Study) -> Row:
    """Return a share with its limits."""
    assert study.care is not None
    share = hits / of
    lower, upper = share_limits(share, of, interval=study.care.interval, level=study.level)
    return {
        "events": hits, "at_risk": of, "unit": "share", "method": study.care.interval,
        "estimate": share, "se": float(np.sqrt(share * (1 - share) / of)),
        "lower": float(lower), "upper": float(upper),
    }  # fmt: skip


def _share(_: Definition, got: Counts, study: Study) -> Iterator[Row]:
    yield {"statistic": "share"} | _limited(int(got.n[got.value == 1].sum()), got.denominator,
                                            study)  # fmt: skip


def _categories(_: Definition, got: Counts, study: Study) -> Iterator[Row]:
    for name in sorted(set(got.category.tolist())):
        hits = int(got.n[got.category == name].sum())
        yield {"statistic": "share", "category": name} | _limited(hits, got.denominator, study)


def _time(one: Definition, got: Counts, study: Study) -> Iterator[Row]:
    days, at = np.repeat(got.value, got.n), tuple(QUANTILES.values())
    weight = np.ones(len(days))
    if one.censored is None:
        method, seen = "order statistics", got.denominator
        found: Sequence[tuple[float | None, float | None, float | None]]
        found = quantiles(days, weight, at, level=study.level)
    else:
        method, seen = "product-limit", int(got.n[~got.censored].sum())
        ended = np.repeat(~got.censored, got.n)
        found = censored_quantiles(days, ended, weight, at, level=study.level)
    for name, (value, lower, upper) in zip(QUANTILES, found, strict=True):
        row: Row = {"statistic": name, "unit": "days", "method": method, "events": seen}
        if value is None:
            row |= {"status": NOT_ESTIMABLE,
                    "reason": "so few reach the time that it is not seen"}  # fmt: skip
        else:
            row |= {"estimate": value, "lower": lower, "upper": upper}
            if lower is None or upper is None:
                row["reason"] = "too few cases for a limit"
        yield row
    if one.threshold is not None and one.censored is None:
        hits = int(got.n[got.value <= one.threshold.value].sum())
        yield {"statistic": WITHIN} | _limited(hits, got.denominator, study)


def _mean(_: Definition, got: Counts, study: Study) -> Iterator[Row]:
    from scipy.special import ndtri  # noqa: PLC0415 - slow to import

    n = got.denominator
    mean = float((got.value * got.n).sum() / n)
    row: Row = {"statistic": "mean", "unit": "per case", "method": "normal", "estimate": mean,
                "events": n}  # fmt: skip
    if n > 1:
        spread = float((got.n * (got.value - mean) ** 2).sum() / (n - 1))
        se = float(np.sqrt(spread / n))
        half = float(ndtri(0.5 + study.level / 2)) * se
        row |= {"se": se, "lower": max(mean - half, 0.0), "upper": mean + half}
    else:
        row["reason"] = "too few cases for a limit"
    yield row
    for least in (1, 2):
        hits = int(got.n[got.value >= least].sum())
        yield {"statistic": f"share with {least} or more"} | _limited(hits, n, study)


def explained(answered: Answered, asking: Asking, made: pl.DataFrame) -> pl.DataFrame:
    """Return what the measures of ``made`` mean, in the columns of ``schema.CARE``."""
    rows: list[Row] = []
    present = made["measure"].unique(maintain_order=True).to_list()
    for data, of, one in _indicators(answered, asking):
        start = f"{one.id}: "
        kit = "" if data == REGISTRY else f" (kit {data})"
        for name in present:
            own = name.startswith(start) and name.endswith(kit) and (kit or "(kit " not in name)
            if not own:
                continue
            statistic, _, category = name[len(start) : len(name) - len(kit)].partition(", ")
            rows.append(_explained(of, one, data) | {
                "measure": name, "statistic": statistic, "category": category or None,
                "unit": _unit(one, statistic),
            } | _threshold(one, statistic))  # fmt: skip
    return pl.DataFrame(rows, schema=schema.CARE, orient="row")


def _unit(one: Definition, statistic: str) -> str:
    if statistic.startswith("share"):
        return "share"
    return "days" if one.kind == "time" else "per case"


def _threshold(one: Definition, statistic: str) -> Row:
    """Return the threshold, beside what it is held against."""
    if one.threshold is None or re.sub(OF_STRATUM, "", statistic) not in _BY_STRATUM:
        return {}
    percent = one.threshold.unit == "percent"
    return {
        "threshold": one.threshold.value / (100 if percent else 1),
        "threshold_unit": "share" if percent else one.threshold.unit,
        "threshold_source": f"{one.threshold.sureness}: {one.threshold.source}",
    }


def _explained(of: Definitions, one: Definition, data: str) -> Row:
    parts = [f"{name.replace('_', ' ')}: {text}" for name, text, _ in one.expressions()
             if not name.startswith("exclusions")]  # fmt: skip
    reasons = [each.reason for each in (*of.base, *one.exclusions)]
    parts += [f"left out: {'; '.join(reasons)}"] if reasons else []
    if one.window is not None:
        parts.append(f"window: {one.window.value:g} {one.window.unit} ({one.window.sureness}: "
                     f"{one.window.source})")  # fmt: skip
    return {
        "topic": "indicator", "indicator": one.id, "version": one.version, "set": of.id,
        "pillar": one.pillar, "cancer": one.cancer, "group": one.group or None,
        "title": one.title, "treatment": None, "direction": one.direction,
        "definition": one.not_computed or ". ".join(parts), "sureness": one.sureness,
        "source": one.source, "note": one.note or None, "data": data,
    }  # fmt: skip


def with_all_categories(made: pl.DataFrame, care: pl.DataFrame, study: Study) -> pl.DataFrame:
    """Return rows with those of categories that no case of a cancer and area is of: a share of 0.

    Without them a reader, and the rule of disclosure, could not tell none from not asked.
    """
    own = care.filter(pl.col("category").is_not_null(), topic="indicator")
    parts = [made]
    for _, of in own.group_by("indicator", "data", maintain_order=True):
        rows = made.filter(pl.col("measure").is_in(of["measure"].implode()))
        cells = rows.unique(["entity_id", "area"], maintain_order=True)
        lacking = cells.drop("measure").join(of.select("measure"), how="cross").join(
            rows, on=["measure", "entity_id", "area"], how="anti"
        )  # fmt: skip
        none = [row | _limited(0, row["at_risk"], study) for row in lacking.iter_rows(named=True)]
        parts.append(pl.DataFrame(none, schema=made.schema, orient="row"))
    return pl.concat(parts)


def parts_of(made: pl.DataFrame, care: pl.DataFrame) -> Mapping[str, Sequence[str]]:
    """Return the measures that divide the cases of one denominator, by indicator and data.

    The stages of an indicator divide its cases too, and so do the years.
    """
    by = pl.col("statistic").str.extract(f"({OF_STRATUM})")
    what = (
        pl.when(by.is_null()).then(pl.lit("of all"))
        .when(by.str.starts_with(" of stage")).then(pl.lit("by stage")).otherwise(pl.lit("by year"))
    )  # fmt: skip
    told = care.with_columns(_what=what, _of=pl.col("statistic").str.replace(OF_STRATUM, ""))
    of_all = pl.col("category").is_not_null() | pl.col("statistic").str.starts_with("share with")
    shares = told.filter((pl.col("_what") != "of all") | of_all, topic="indicator").with_columns(
        _of=pl.when(pl.col("_what") != "of all").then("_of")
    )
    own = shares.filter(pl.col("measure").is_in(made["measure"].unique().implode()))
    keys = ("indicator", "data", "_what", "_of")
    return {
        " ".join(str(part) for part in key): part["measure"].to_list()
        for key, part in own.group_by(keys, maintain_order=True)
    }
