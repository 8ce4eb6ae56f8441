"""The table of quality of a release: by registry and year, and by entity of all registries.

The rows by entity are protected as the estimates are: the cases an indicator counts and those it
does not are each a count, with the same totals and parts, and a row goes where either does, or
where the cases of the entity are withheld in incidence. A year of a registry with few cases goes,
and another with it, so that the whole period does not give it away; shares of all cancers of a
registry and year are otherwise shown as they are.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.disclosure import protect
from rarecare.disclosure.rule import DisclosureRule
from rarecare.registry.quality import INDICATORS
from rarecare.registry.quality.table import Margin, count_by, prepared, quality, shares
from rarecare.results import OK, WITHHELD
from rarecare.study import schema
from rarecare.study.entities import LEAF, Groups

_COUNTED, _OTHERS = "counted: ", "others: "
_NUMBERS = ("numerator", "denominator", "value", "lower", "upper")
_AREA = pl.DataFrame(
    [(schema.ALL, schema.ALL, "All areas", None, None)], schema=schema.AREAS, orient="row"
)


def quality_rows(
    registry: str, cases: pl.DataFrame, *, closing_date: date | None, level: float, threshold: int
) -> pl.DataFrame:
    """Return the indicators of the cases of one registry that incidence counts, and by year."""
    by: list[Margin] = ["all"]
    if "incidence_date" in cases.columns:
        by.append("year")
    rows = quality(cases, registry=registry, by=by, closing_date=closing_date, level=level)
    gone = rows.filter(period=schema.ALL).clear()
    for _, years in rows.filter(pl.col("period") != schema.ALL).group_by("indicator"):
        gone = pl.concat([gone, _few(years, threshold)])
    found = pl.struct("period", "indicator").is_in(
        gone.select(pl.struct("period", "indicator")).to_series().implode()
    )
    return _hidden(rows, found, DisclosureRule.of(threshold).reason)


def _few(years: pl.DataFrame, threshold: int) -> pl.DataFrame:
    """Return the years of few cases, and those that would give them away."""
    some = years.filter(pl.col("denominator") > 0).sort("denominator")
    few = some.filter(pl.col("denominator") < threshold).height
    if not few:
        return some.clear()
    gone = max(few, 2)
    while gone < some.height and some["denominator"].head(gone).sum() < max(threshold, gone + 1):
        gone += 1
    return some.head(gone)


def _hidden(rows: pl.DataFrame, gone: pl.Expr, reason: str) -> pl.DataFrame:
    return rows.with_columns(
        *(pl.when(~gone).then(pl.col(name)).alias(name) for name in _NUMBERS),
        status=pl.when(gone).then(pl.lit(WITHHELD)).otherwise("status"),
        reason=pl.when(gone).then(pl.lit(reason)).otherwise("reason"),
    )


@dataclass(slots=True)
class QualityCounts:
    """Cases counted and looked at, by indicator and leaf, to which registries are added.

    Attributes
    ----------
    counted, looked_at
        int64, shape (n_indicators, n_leaves).
    registries
        How many registries have each indicator, int64, shape (n_indicators,).
    """

    counted: NDArray[np.int64]
    looked_at: NDArray[np.int64]
    registries: NDArray[np.int64] = field(
        default_factory=lambda: np.zeros(len(INDICATORS), dtype=np.int64)
    )

    @classmethod
    def of(cls, groups: Groups) -> QualityCounts:
        """Return no cases yet."""
        shape = (len(INDICATORS), len(groups.leaves))
        return cls(np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64))

    def add(self, cases: pl.DataFrame, groups: Groups, *, closing_date: date | None) -> None:
        """Add the cases of a registry, which have their leaf."""
        table, _ = prepared(cases, closing_date)
        rows = count_by(table, entity=LEAF).filter(pl.col("numerator").is_not_null())
        leaves = {leaf: i for i, leaf in enumerate(groups.leaves)}
        for i, indicator in enumerate(INDICATORS):
            own = rows.filter(indicator=indicator.name)
            place = [leaves[leaf] for leaf in own["entity_id"]]
            self.counted[i, place] += own["numerator"].to_numpy()
            self.looked_at[i, place] += own["denominator"].to_numpy()
            self.registries[i] += own.height > 0


def entity_rows(
    counts: QualityCounts,
    groups: Groups,
    entities: pl.DataFrame,
    *,
    withheld: Collection[str] = (),
    threshold: int,
    level: float,
) -> pl.DataFrame:
    """Return the indicators of each entity, all registries that have them together, protected.

    ``entities``: those that the release lists; ``withheld``: those whose cases of all areas it
    withholds.
    """
    kept = groups.table["entity_id"].is_in(entities["entity_id"].implode()).to_numpy()
    held = groups.only(kept)
    members = held.members.T.astype(np.int64)
    counted, looked_at = counts.counted @ members, counts.looked_at @ members
    size = len(held.table)
    table = pl.DataFrame(
        {
            "entity_id": np.tile(held.table["entity_id"].to_numpy(), len(INDICATORS)),
            "period": schema.ALL,
            "indicator": np.repeat([one.name for one in INDICATORS], size),
            "numerator": counted.ravel(),
            "denominator": looked_at.ravel(),
            "_registries": np.repeat(counts.registries, size),
        }
    )
    table = table.filter(pl.col("_registries") > 0, pl.col("denominator") > 0)
    found, reason = _withheld(table, entities, threshold)
    rows = shares(table.drop("_registries"), registry=schema.ALL, level=level)
    gone = pl.struct("entity_id", "indicator").is_in(found.implode())
    gone |= pl.col("entity_id").is_in(list(withheld))
    return _hidden(rows, gone, reason)


def _withheld(table: pl.DataFrame, entities: pl.DataFrame, threshold: int) -> tuple[pl.Series, str]:
    """Return which entities and indicators are withheld, and why."""
    one = pl.concat(
        [
            table.select(
                "entity_id",
                measure=pl.format("{}{}", pl.lit(_COUNTED), "indicator"),
                n=pl.col("numerator"),
            ),
            table.select(
                "entity_id",
                measure=pl.format("{}{}", pl.lit(_OTHERS), "indicator"),
                n=pl.col("denominator") - pl.col("numerator"),
            ),
        ]
    )
    dimensions = {
        **dict.fromkeys(("area", "sex", "age_group", "period"), schema.ALL),
        **dict.fromkeys(("standard", "method"), schema.NONE),
    }
    given = one.with_columns(
        **{name: pl.lit(value) for name, value in dimensions.items()},
        estimate=pl.col("n").cast(pl.Float64),
        status=pl.lit(OK),
        unit=pl.lit("cases"),
    )
    rows = given.select(
        (pl.col(name) if name in given.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in schema.ESTIMATES.items()
    )
    shown = protect(rows, areas=_AREA, entities=entities, threshold=threshold)
    gone = shown.estimates.filter(pl.col("status") != OK).select(
        "entity_id",
        indicator=pl.col("measure").str.strip_prefix(_COUNTED).str.strip_prefix(_OTHERS),
    )
    return gone.unique().to_struct("gone"), shown.rule.reason
