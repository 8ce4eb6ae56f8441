"""What a reader can work out from a published table: other code than what protected it.

It sees only what is shown, and takes the reader to know that every count that is not listed
is 0. It looks for one step of reasoning; ``protect`` says what that leaves out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from rarecare.disclosure.families import Dimension, dimensions
from rarecare.disclosure.rule import DEFAULT_THRESHOLD, DisclosureRule

_KEY = ("entity_id", "area", "sex", "age_group", "period")
_COUNTS = ("n", "events", "at_risk")
_NUMBERS = ("estimate", "se", "lower", "upper")
_FOUND: dict[str, Any] = {
    **dict.fromkeys(("measure", *_KEY), pl.String),
    "time_years": pl.Float64,
    "count": pl.String,
    "value": pl.Int64,
    "how": pl.String,
}


def audit(
    estimates: pl.DataFrame,
    areas: pl.DataFrame,
    entities: pl.DataFrame,
    threshold: int = DEFAULT_THRESHOLD,
) -> pl.DataFrame:
    """Return every withheld count that one step gives away; empty is good.

    Parameters
    ----------
    estimates, areas, entities
        Tables of a release, in the columns of ``study.schema``; a null count is withheld, but for
        ``events`` and ``at_risk`` of a measure that has none.
    threshold
        The smallest positive count that may be shown.

    Returns
    -------
    DataFrame
        ``measure``, ``entity_id``, ``area``, ``sex``, ``age_group``, ``period``, ``time_years``:
        where; for a family whose withheld parts are given away, its total. ``count``: ``n``,
        ``events`` or ``at_risk``. ``value``: what follows, null where the row is not looked
        into; for a family, what its withheld parts are together. ``how``, in words.

    Raises
    ------
    UsageError
        The threshold is not a whole number from 1.
    DisagreementError
        As ``protect``.
    """
    DisclosureRule.of(threshold)
    found = [pl.DataFrame(schema=_FOUND)]
    for name in estimates["measure"].unique().sort():
        rows = estimates.filter(measure=name)
        trees = dimensions(rows, areas=areas, entities=entities)
        timed = rows.select(pl.col("events", "at_risk").is_not_null().any()).row(0)
        counts = ["n", *(c for c, held in zip(_COUNTS[1:], timed, strict=True) if held)]
        parts = [*_shown(rows, counts, threshold), *_across_rows(rows, counts)]
        parts += _between_times(rows) if "events" in counts else []
        parts += _by_families(rows, trees, counts, threshold)
        found += [part.with_columns(measure=pl.lit(name)) for part in parts if part.height]
    columns = [pl.col(name).cast(dtype) for name, dtype in _FOUND.items()]
    return pl.concat([part.select(columns) for part in found]).unique(maintain_order=True)


def _shown(rows: pl.DataFrame, counts: list[str], threshold: int) -> Iterator[pl.DataFrame]:
    """Yield small counts that are shown, and numbers beside a withheld count."""
    for count in counts:
        value = pl.col(count)
        yield rows.filter(value.is_between(1, threshold - 1)).select(
            *_KEY, "time_years", count=pl.lit(count), value=value, how=pl.lit("it is shown")
        )
        numbers = pl.any_horizontal(pl.col(_NUMBERS).is_not_null())
        guess = pl.col("estimate") * pl.col("person_years") / 100_000
        yield rows.filter(value.is_null() & numbers).select(
            *_KEY,
            "time_years",
            count=pl.lit(count),
            value=guess.round() if count == "n" else pl.lit(None),
            how=pl.lit("a statistic built on it is shown: rate × person-years is cases"),
        )
    if len(counts) == 3:
        one, other = pl.col("events"), pl.col("at_risk")
        yield rows.filter(one.is_null() != other.is_null(), pl.col("n").is_not_null()).select(
            *_KEY,
            "time_years",
            count=pl.when(one.is_null()).then(pl.lit("events")).otherwise(pl.lit("at_risk")),
            value=pl.col("n") - pl.coalesce(one, other),
            how=pl.lit("n less the other is shown, and nobody may have been lost"),
        )


def _across_rows(rows: pl.DataFrame, counts: list[str]) -> Iterator[pl.DataFrame]:
    """Yield counts withheld in one row and shown in another of the same cell."""
    for count in counts:
        by = [*_KEY] if count == "n" else [*_KEY, "time_years"]
        if not rows[count].null_count():
            continue
        missing = rows.filter(pl.col(count).is_null()).select(by).unique()
        both = rows.filter(pl.col(count).is_not_null()).join(
            missing, on=by, how="semi", nulls_equal=True
        )
        yield both.select(
            *_KEY,
            "time_years",
            count=pl.lit(count),
            value=pl.col(count),
            how=pl.lit("another row of the same cell shows it"),
        )
    remark = pl.col("reason").str.extract(r" of (\d+) cases", 1).cast(pl.Int64)
    told = rows.filter(remark.is_not_null()).with_columns(_told=remark)
    if told.height:
        whole = rows.filter(pl.col("n").is_null(), age_group="all").select(_KEY).unique()
        yield (
            told.drop("age_group")
            .join(whole, on=[k for k in _KEY if k != "age_group"])
            .select(
                *_KEY,
                "time_years",
                count=pl.lit("n"),
                value="_told",
                how=pl.lit("a remark on unknown ages tells it"),
            )
        )


def _between_times(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield deaths withheld between two times with equal deaths, or after all had died."""
    if not rows["events"].null_count():
        return
    cell = [*_KEY, "standard", "method"]
    cells = rows.filter(pl.col("events").is_null(), pl.col("n").is_not_null()).select(cell)
    ordered = rows.join(cells.unique(), on=cell, how="semi").sort(*cell, "time_years")
    before = pl.col("events").forward_fill().over(cell)
    after = pl.coalesce(pl.col("events").backward_fill().over(cell), "n")
    yield (
        ordered.with_columns(_before=before, _after=after)
        .filter(pl.col("events").is_null(), pl.col("_before") == pl.col("_after"), before > 0)
        .select(
            *_KEY,
            "time_years",
            count=pl.lit("events"),
            value="_after",
            how=pl.lit("deaths before and after are equal"),
        )
    )


def _by_families(
    rows: pl.DataFrame, trees: tuple[Dimension, ...], counts: list[str], threshold: int
) -> Iterator[pl.DataFrame]:
    """Yield the relations of totals and parts that give something away."""
    stride, strides, key = 1, [], pl.lit(0, dtype=pl.Int64)
    for tree in trees:
        strides.append(stride)
        code = pl.col(tree.name).cast(pl.Enum(tree.values)).to_physical().cast(pl.Int64)
        key += code * stride
        stride *= len(tree.values)
    whole = rows.filter(pl.col("standard") == "none") if len(counts) == 1 else rows
    known = rows.with_columns(_known=pl.col("standard") != "none")
    known = known.filter(pl.col("_known") == pl.col("_known").max().over(_KEY))
    for count, table in [("n", whole), ("n", known), *((c, rows) for c in counts[1:])]:
        by = ["_cell"] if count == "n" else ["_cell", "time_years"]
        cells = (
            table.with_columns(_cell=key)
            .group_by(by)
            .agg(pl.col(count).max().alias("value"), pl.col(count).is_null().any().alias("gone"))
            .with_columns(pl.when(~pl.col("gone")).then("value").alias("value"))
        )
        for tree, step in zip(trees, strides, strict=True):
            if table is whole and count == "n" and tree.name == "age_group":
                continue  # cases of unknown age are in the crude count alone
            wrong = _relations(cells, by, tree, step, threshold, cases=count == "n")
            names = {
                name.name: pl.lit(pl.Series(name.values)).gather(
                    pl.col("_cell") // at % len(name.values)
                )
                for name, at in zip(trees, strides, strict=True)
            }
            time = pl.col("time_years") if "time_years" in wrong.columns else pl.lit(None)
            yield wrong.select(
                *(e.alias(n) for n, e in names.items()),
                time.cast(pl.Float64).alias("time_years"),
                pl.lit(count).alias("count"),
                "value",
                (pl.lit(f"{tree.name}: ") + pl.col("how")).alias("how"),
            )


def _relations(
    cells: pl.DataFrame, by: list[str], tree: Dimension, step: int, threshold: int, *, cases: bool
) -> pl.DataFrame:
    """Return the totals of one dimension at fault: ``_cell``, time, ``value``, ``how``."""
    size = len(tree.values)
    parents = pl.Series(tree.parent)
    code = (cells["_cell"] // step % size).to_numpy()
    pending = cells.with_columns(
        _own=pl.Series(code), _up=pl.Series(tree.parent[code]), _apart=pl.Series(tree.apart[code])
    ).filter(pl.col("_up") >= 0)
    total = cells.rename({"value": "_total", "gone": "_total_gone"}).with_columns(_in=True)
    linked = []
    while pending.height:
        moved = pending.with_columns(
            _part=pl.col("_cell"), _cell=pl.col("_cell") + (pl.col("_up") - pl.col("_own")) * step
        ).join(total, on=by, how="left", nulls_equal=True)
        linked.append(moved.filter("_in"))
        lost = moved.filter(pl.col("_in").is_null())
        pending = (
            lost.with_columns(_cell="_part", _up=parents.gather(lost["_up"]))
            .select(pending.columns)
            .filter(pl.col("_up") >= 0)
        )
    if not linked:
        return cells.clear().with_columns(how=pl.lit(""))
    h, left = pl.col("_hidden"), pl.col("_left")
    pinned = (left <= h) & (h >= 2) if cases else pl.lit(value=False)
    small = f"the total less its shown parts is fewer than {threshold}"
    return (
        pl.concat(linked)
        .group_by(*by, "_apart")
        .agg(
            pl.col("value").sum().alias("_sum"),
            pl.col("gone").sum().cast(pl.Int64).alias("_hidden"),
            pl.col("_total").first(),
        )
        .with_columns(_left=pl.col("_total") - pl.col("_sum"))
        .with_columns(
            how=pl.when(pl.col("_total").is_null() & (h == 0) & (pl.col("_sum") > 0))
            .then(pl.lit("the total is the sum of its parts, all shown"))
            .when((left > 0) & (h == 1))
            .then(pl.lit("the total less its other parts, all shown"))
            .when((left > 0) & (left < threshold))
            .then(pl.lit(small))
            .when((left > 0) & pinned)
            .then(pl.lit("each withheld part must be 1")),
            value=pl.coalesce("_left", "_sum"),
        )
        .filter(pl.col("how").is_not_null())
    )
