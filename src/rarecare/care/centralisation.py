"""Centralisation: how the treatment of a group of rare cancers is spread over hospitals.

Source: METHODS 8, after Gatta et al. 2017 (RARECAREnet). Shares are of patients, with Wilson's
limits; measures of the hospitals describe those of the period, Gini and Herfindahl with
bootstrap limits over patients where asked for. "The hospitals that together treat 75 %" are the
fewest, the largest first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from rarecare.care.concentration import (
    checked_level,
    corrected_limits,
    ginis,
    resampled,
)
from rarecare.care.limits import wilson
from rarecare.care.packed import Packed
from rarecare.care.thresholds import PER_YEAR, Threshold
from rarecare.care.unit_rows import ABROAD, HOME, UNKNOWN
from rarecare.care.volumes import Units
from rarecare.errors import ColumnError, UsageError
from rarecare.results import NOT_ESTIMABLE, OK, Result

SEED = 20261123
PER_INHABITANTS = 10_000_000
COVER = (0.5, 0.75, 0.9)
AT_THRESHOLD = "share treated at or above the threshold"
HOSPITALS_AT = "hospitals at or above the threshold"
MET, GINI, HHI = "volume as a patient meets it", "Gini", "Herfindahl-Hirschman"
NO_TREATMENT = "no treatments"
_TABLE = (
    "measure", "threshold", "hospitals", "n", "denominator", "estimate", "se", "lower", "upper",
    "level", "unit", "method", "status", "reason",
)  # fmt: skip
_TYPES: Mapping[str, type[pl.DataType]] = {
    "hospitals": pl.Int64, "n": pl.Int64, "denominator": pl.Int64, "estimate": pl.Float64,
    "se": pl.Float64, "lower": pl.Float64, "upper": pl.Float64, "level": pl.Float64,
}  # fmt: skip


def centralisation(
    units: Units, *, thresholds: Sequence[Threshold] = (), inhabitants: pl.DataFrame | None = None,
    cover: Sequence[float] = COVER, by_year: bool = False, bootstrap: int = 0, seed: int = SEED,
    level: float = 0.95,
) -> Result:  # fmt: skip
    """Return measures of centralisation by area, group and kind of treatment.

    Parameters
    ----------
    units
        Of ``treatment_units``.
    thresholds
        Volumes asked for, each with its unit, its source and how sure that is. The share at a
        threshold is of patients treated at home in known hospitals, one of whose hospitals
        reaches it.
    inhabitants
        The areas and ``inhabitants``, of the area that the cases cover.
    cover
        Shares of the units, for the hospitals that cover them.
    by_year
        Whether each year has rows of its own, a volume then being that of the year.
    bootstrap, seed
        Samples of patients for the limits of Gini and Herfindahl; 0: these describe the
        hospitals of the period and have no limits.
    level
        Confidence level.

    Returns
    -------
    Result
        The areas, ``group``, ``treatment``, with ``by_year`` ``year``, ``measure``,
        ``threshold``, ``hospitals`` (at home; null for shares), ``n`` (units at home, or the
        patients of a share), ``denominator`` (patients), ``estimate``, ``se``, ``lower``,
        ``upper``, ``level``, ``unit``, ``method``, ``status``, ``reason``.

    Raises
    ------
    UsageError
        A share to cover is not above 0 and at most 1, or the level not between 0 and 1.
    ColumnError
        The inhabitants lack a column, or have an area twice.
    """
    checked_level(level)
    if bootstrap < 0 or bootstrap == 1:
        raise UsageError("samples are too few", value=bootstrap, allowed="0, or 2 or more")
    bad = [share for share in cover if not 0 < share <= 1]
    if bad:
        raise UsageError("this is no share to cover", value=bad[0], allowed="above 0, at most 1")
    years = ["year"] if by_year else []
    keys = ["cell", "kind", *years]
    volumes = units.counted(by_year=by_year).with_columns(
        v=pl.col("n") / (1 if by_year else units.n_years)
    )
    frame = _frame(units, by_year=by_year)
    spread = frame.join(_spread(volumes, keys, cover), on=keys, how="left")
    parts = [
        _spread_rows(spread, keys, cover),
        _shares(units, frame, keys, level),
        *(_at_threshold(units, volumes, frame, keys, own, level) for own in thresholds),
    ]
    if inhabitants is not None:
        parts.append(_per_inhabitants(units, spread, keys, inhabitants))
    table = pl.concat(parts, how="diagonal")
    if bootstrap:
        limits = _bootstrap(units, volumes, keys, bootstrap, seed, level)
        table = table.join(limits, on=[*keys, "measure"], how="left").with_columns(
            *(pl.coalesce(f"_{name}", name).alias(name) for name in ("se", "lower", "upper",
                                                                      "level", "method")),
        )  # fmt: skip
    table = units.named(table.sort(keys, maintain_order=True)).select(
        *units.keys, *(pl.col(name).cast(pl.Int32) for name in years),
        *(pl.col(name).cast(_TYPES.get(name, pl.String)) for name in _TABLE),
    )  # fmt: skip
    plan = {
        "cover": list(cover), "by_year": by_year, "bootstrap": bootstrap, "seed": seed,
        "level": level, "thresholds": [_told(own) for own in thresholds],
    }  # fmt: skip
    notes = [
        f"threshold {own.label}: source {own.source or 'not given'}, "
        f"sureness {own.sureness or 'not given'}"
        for own in thresholds
    ]
    if not bootstrap:
        notes.append("Gini and Herfindahl-Hirschman describe the hospitals: no limits")
    else:
        notes.append(
            "limits of Gini and Herfindahl-Hirschman are approximate: too short with few patients, "
            "and those of Gini do not hold where hospitals are nearly equal"
        )
    return Result(table, units.provenance("Centralisation of treatment", plan, *notes))


def _told(threshold: Threshold) -> dict[str, Any]:
    return {name: getattr(threshold, name) for name in threshold.__slots__}


def _frame(units: Units, *, by_year: bool) -> pl.DataFrame:
    """Return every cell and kind, with its patients, treated or not; years crossed."""
    whole = pl.Series("kind", range(len(units.kinds)), dtype=pl.UInt64)
    cells = units.cells.with_row_index("cell").join(
        units.patients, on=units.cells.columns, how="left", nulls_equal=True, maintain_order="left"
    )
    held = pl.col("n").is_not_null() | pl.col("cell").is_in(units.coded["cell"].unique().implode())
    frame = cells.filter(held).select(
        pl.col("cell").cast(pl.UInt64), patients=pl.col("n").fill_null(0)
    ).join(whole.to_frame(), how="cross")  # fmt: skip
    if not by_year:
        return frame
    first, last = units.years
    years = pl.Series("year", range(first, last + 1), dtype=pl.UInt64)
    return frame.join(years.to_frame(), how="cross")


def _packed(units: Units, keys: Sequence[str], last: str) -> Packed:
    """Return the keys with, last, the person or the hospital, in one number."""
    sizes = {
        "cell": units.cells.height, "kind": len(units.kinds), "year": units.years[1] + 1,
        "hospital": len(units.hospital_ids) + 1, "person": units.n_persons,
    }  # fmt: skip
    return Packed({name: sizes[name] for name in (*keys, last)})


def _spread(volumes: pl.DataFrame, keys: Sequence[str], cover: Sequence[float]) -> pl.DataFrame:
    """Return the measures of the hospitals at home of each cell."""
    total, n = pl.col("n").sum(), pl.col("n")
    before = n.cum_sum() - n
    place = pl.int_range(pl.len(), 0, -1)  # ascending, of values sorted descending

    def covers(share: float) -> pl.Expr:
        return before < share * total * (1 - 1e-12)

    wide: dict[str, pl.Expr] = {}
    for k, share in enumerate(cover):
        wide[f"cover{k}"] = covers(share).sum().cast(pl.Float64)
        wide[f"mean{k}"] = pl.col("v").filter(covers(share)).mean()
        wide[f"least{k}"] = pl.col("v").filter(covers(share)).last()
    return (
        volumes.lazy().sort([*keys, "n", "hospital"],
                            descending=[False] * len(keys) + [True, False])
        .group_by(keys, maintain_order=True)
        .agg(
            units=total, hospitals=pl.len().cast(pl.Int64),
            q1=pl.col("v").quantile(0.25, "linear"), median=pl.col("v").median(),
            q3=pl.col("v").quantile(0.75, "linear"),
            met=(pl.col("v") ** 2).sum() / pl.col("v").sum(),
            gini=((2 * place - pl.len().cast(pl.Int64) - 1) * n).sum() / (pl.len() * total),
            hhi=((n / total) ** 2).sum(), **wide,
        )
        .collect()
    )  # fmt: skip


def _spread_rows(spread: pl.DataFrame, keys: Sequence[str], cover: Sequence[float]) -> pl.DataFrame:
    named = [
        ("hospitals", "hospitals", "hospitals"),
        ("lower quartile of volume", "q1", PER_YEAR), ("median volume", "median", PER_YEAR),
        ("upper quartile of volume", "q3", PER_YEAR), (MET, "met", PER_YEAR),
        (GINI, "gini", "0 to 1"), (HHI, "hhi", "0 to 1"),
    ]  # fmt: skip
    for k, share in enumerate(cover):
        whom = f"the hospitals that together treat {100 * share:g} %"
        named += [
            (f"hospitals that together treat {100 * share:g} %", f"cover{k}", "hospitals"),
            (f"mean volume of {whom}", f"mean{k}", PER_YEAR),
            (f"smallest volume of {whom}", f"least{k}", PER_YEAR),
        ]
    rows = []
    for measure, column, unit in named:
        known = pl.col("units").is_not_null()
        value = pl.col(column).cast(pl.Float64)
        value = value.fill_null(0.0) if column == "hospitals" else value
        ok = known | pl.lit(column == "hospitals")
        rows.append(
            spread.select(
                *keys, measure=pl.lit(measure), threshold=pl.lit(None, dtype=pl.String),
                hospitals=pl.col("hospitals").fill_null(0), n=pl.col("units").fill_null(0),
                estimate=value, unit=pl.lit(unit), method=pl.lit("descriptive"),
                status=pl.when(ok).then(pl.lit(OK)).otherwise(pl.lit(NOT_ESTIMABLE)),
                reason=pl.when(~ok).then(pl.lit(NO_TREATMENT)),
            )
        )  # fmt: skip
    return pl.concat(rows)


def _share_rows(
    counts: pl.DataFrame, keys: Sequence[str], measure: str, level: float, why: str
) -> pl.DataFrame:
    """Return rows of a share from ``n`` and ``denominator``; not estimable without patients."""
    counts = counts.with_columns(pl.col("n", "denominator").fill_null(0).cast(pl.Int64))
    n, of = counts["n"].to_numpy(), counts["denominator"].to_numpy()
    lower, upper = wilson(n / np.maximum(of, 1), of, level=level)
    some = pl.col("denominator") > 0
    p = pl.when(some).then(pl.col("n") / pl.col("denominator"))
    return counts.select(
        *keys, *(["threshold"] if "threshold" in counts.columns else []), "n", "denominator",
        measure=pl.lit(measure), estimate=p, se=(p * (1 - p) / pl.col("denominator")).sqrt(),
        lower=pl.Series(lower).fill_nan(None), upper=pl.Series(upper).fill_nan(None),
        level=pl.lit(level), unit=pl.lit("share of patients"), method=pl.lit("Wilson"),
        status=pl.when(some).then(pl.lit(OK)).otherwise(pl.lit(NOT_ESTIMABLE)),
        reason=pl.when(~some).then(pl.lit(why)),
    ).with_columns(se=pl.col("se").fill_nan(None))  # fmt: skip


def _shares(units: Units, frame: pl.DataFrame, keys: Sequence[str], level: float) -> pl.DataFrame:
    """Return shares of patients: treated, abroad, with no known hospital, in several hospitals."""
    packed = _packed(units, keys, "person")
    place = pl.col("place")
    persons = packed.unpacked(
        units.coded.lazy().select(packed.key.alias("key"), "place").group_by("key")
        .agg(abroad=(place == ABROAD).any(), unknown=(place == UNKNOWN).all(),
             several=(place != UNKNOWN).sum() > 1)
    ).group_by(keys).agg(
        treated=pl.len(), abroad=pl.col("abroad").sum(), unknown=pl.col("unknown").sum(),
        several=pl.col("several").sum(),
    ).collect()  # fmt: skip
    counts = frame.join(persons, on=keys, how="left").with_columns(
        pl.col("treated", "abroad", "unknown", "several").fill_null(0).cast(pl.Int64)
    )
    known = pl.col("treated") - pl.col("unknown")
    listed = units.plan["hospital_list"] is not None
    told = known if listed else pl.lit(0)
    counts = counts if listed else counts.with_columns(abroad=pl.lit(0, dtype=pl.Int64))
    rows = [
        ("share whose hospital is unknown", "unknown", pl.col("treated"), NO_TREATMENT),
        ("share treated abroad", "abroad", told,
         "no patient with a known hospital" if listed else "no list of hospitals"),
        ("share treated in several hospitals", "several", known,
         "no patient with a known hospital"),
    ]  # fmt: skip
    if "year" not in keys and units.year_of == "diagnosis":  # else other patients are treated
        rows.insert(0, ("share treated", "treated", pl.col("patients"), "no patients"))
    return pl.concat(
        [
            _share_rows(counts.with_columns(n=pl.col(n), denominator=of), keys, measure, level, why)
            for measure, n, of, why in rows
        ]
    )


def _at_threshold(  # noqa: PLR0917 - the parts of one cell
    units: Units, volumes: pl.DataFrame, frame: pl.DataFrame, keys: Sequence[str],
    threshold: Threshold, level: float,
) -> pl.DataFrame:  # fmt: skip
    """Return the hospitals that reach a threshold, and the share of patients treated there."""
    words = units.named(frame.select("cell", "kind"))
    mine = pl.repeat(value=True, n=frame.height, eager=True)
    for name in ("group", "treatment"):
        if getattr(threshold, name) is not None:
            mine &= words[name] == getattr(threshold, name)
    cells = frame.filter(mine).with_columns(threshold=pl.lit(threshold.label))
    if cells.is_empty():
        name = "group" if threshold.group not in (None, *words["group"]) else "treatment"
        raise UsageError(
            "a threshold is for a group or treatment that there is not",
            value=getattr(threshold, name), allowed=words[name].unique().sort().to_list(),
        )  # fmt: skip
    enough = pl.col("v") > threshold.value if threshold.above else (
        pl.col("v") >= threshold.value * (1 - 1e-12)
    )  # fmt: skip
    reached = volumes.with_columns(reached=enough)
    hospitals = reached.group_by(keys).agg(
        n=pl.col("n").sum(), hospitals=pl.len().cast(pl.Int64),
        estimate=pl.col("reached").sum().cast(pl.Float64),
    )  # fmt: skip
    packed, unit = _packed(units, keys, "person"), _packed(units, keys, "hospital").key
    patients = packed.unpacked(
        units.coded.lazy().filter(pl.col("place") == HOME)
        .select(packed.key.alias("key"), unit=unit)
        .join(reached.lazy().select("reached", unit=unit), on="unit")
        .group_by("key").agg(pl.col("reached").any())
    ).group_by(keys).agg(
        n=pl.col("reached").sum().cast(pl.Int64), denominator=pl.len().cast(pl.Int64)
    ).collect()  # fmt: skip
    count = cells.join(hospitals, on=keys, how="left").select(
        *keys, "threshold", pl.col("n", "hospitals").fill_null(0),
        pl.col("estimate").fill_null(0.0), measure=pl.lit(HOSPITALS_AT), unit=pl.lit("hospitals"),
        method=pl.lit("descriptive"), status=pl.lit(OK),
    )  # fmt: skip
    share = _share_rows(
        cells.join(patients, on=keys, how="left"), keys, AT_THRESHOLD, level,
        "no patient treated at home in a known hospital",
    )  # fmt: skip
    return pl.concat([count, share], how="diagonal")


def _per_inhabitants(
    units: Units, spread: pl.DataFrame, keys: Sequence[str], inhabitants: pl.DataFrame
) -> pl.DataFrame:
    """Return hospitals per 10 million inhabitants."""
    areas = units.areas
    for name in (*areas, "inhabitants"):
        if name not in inhabitants.columns:
            raise ColumnError("the inhabitants lack a column", value=name,
                              allowed=inhabitants.columns)  # fmt: skip
    twice = inhabitants.filter(inhabitants.select(areas).is_duplicated())
    if twice.height:
        raise ColumnError("an area has inhabitants twice", value=str(twice.row(0)[0]))
    people = inhabitants.select(*areas, _people=pl.col("inhabitants").cast(pl.Float64))
    known = pl.col("_people") > 0
    hospitals = pl.col("hospitals").fill_null(0)
    where = units.cells.select(areas)[spread["cell"].cast(pl.UInt32)]
    wide = spread.with_columns(where.get_columns())
    return wide.join(people, on=list(areas), how="left", maintain_order="left").select(
        *keys, measure=pl.lit("hospitals per 10 million inhabitants"), hospitals=hospitals,
        n=pl.col("units").fill_null(0), denominator=pl.col("_people").round().cast(pl.Int64),
        estimate=pl.when(known).then(hospitals / pl.col("_people") * PER_INHABITANTS),
        unit=pl.lit("hospitals per 10 million inhabitants"), method=pl.lit("descriptive"),
        status=pl.when(known).then(pl.lit(OK)).otherwise(pl.lit(NOT_ESTIMABLE)),
        reason=pl.when(~known | known.is_null()).then(pl.lit("no inhabitants given")),
    )  # fmt: skip


def _bootstrap(  # noqa: PLR0917 - the parts of one sample
    units: Units, volumes: pl.DataFrame, keys: Sequence[str], draws: int, seed: int, level: float
) -> pl.DataFrame:
    """Return the limits of Gini and Herfindahl, one sample of patients per draw."""
    number = volumes.select(*keys, "hospital", _h=pl.int_range(pl.len()).over(keys))
    packed, unit = _packed(units, keys, "person"), _packed(units, keys, "hospital").key
    patterns = packed.unpacked(
        units.coded.lazy().filter(pl.col("place") == HOME)
        .select(packed.key.alias("key"), unit=unit)
        .join(number.lazy().select("_h", unit=unit), on="unit")
        .group_by("key").agg(pl.col("_h").sort())
    ).group_by([*keys, "_h"]).agg(patients=pl.len()).sort([*keys, "_h"]).collect()  # fmt: skip
    rows: list[tuple[Any, ...]] = []
    for key, own in patterns.group_by(keys, maintain_order=True):
        rng = np.random.default_rng([seed, len(rows)])
        flat = own.select(pattern=pl.int_range(pl.len()), h="_h").explode("h")
        each = flat["pattern"].to_numpy(), flat["h"].to_numpy()
        patients = own["patients"].to_numpy()
        seen = np.zeros(int(each[1].max()) + 1)
        np.add.at(seen, each[1], patients[each[0]].astype(np.float64))
        samples = resampled(*each, patients, draws=draws, rng=rng)
        shares = samples / samples.sum(axis=1, keepdims=True)
        found = seen / seen.sum()
        size = len(seen)
        for measure, value, drawn, ends in (
            (GINI, float(ginis(seen[None, :])[0]), ginis(samples), (0.0, (size - 1) / size)),
            (HHI, float((found**2).sum()), (shares**2).sum(axis=1), (1 / size, 1.0)),
        ):
            se, lower, upper = corrected_limits(value, drawn, level, ends)
            rows.append((*key, measure, se, lower, upper, level, f"bootstrap, {draws} samples"))
    schema = {name: patterns.schema[name] for name in keys} | {
        "measure": pl.String, "_se": pl.Float64, "_lower": pl.Float64, "_upper": pl.Float64,
        "_level": pl.Float64, "_method": pl.String,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")
