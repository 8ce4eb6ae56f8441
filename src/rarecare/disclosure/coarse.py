"""Standardised figures beside withheld age groups: rounded, or they could be solved for these.

A standardised rate or survival is a weighted sum over ages; at full precision it and the age groups
that are shown give one that is not, or, for several, one of few whole-numbered answers. Rounded to
what ``threshold`` cases weigh, it says no more than the total does.
"""

from __future__ import annotations

import polars as pl

from rarecare.disclosure.cells import NO_STANDARD
from rarecare.disclosure.families import ALL, within
from rarecare.results import OK, WITHHELD

_SAID = "some age groups are withheld"
_NUMBERS = ("estimate", "se", "lower", "upper")
_SAME = ["measure", "entity_id", "area", "sex", "period", "time_years"]


def coarsened(shown: pl.DataFrame, threshold: int) -> pl.DataFrame:
    """Return protected estimates, standardised ones rounded where an age group is withheld.

    To the largest of 1, 2, 5 times a power of ten that is at most ``threshold`` cases' part of the
    figure; a remark says so. Limits go the same way, so that they enclose the estimate.

    Parameters
    ----------
    shown
        In the columns of ``study.schema``.
    threshold
        The smallest positive count that is shown.
    """
    if threshold == 1:
        return shown
    rows = shown.with_row_index("_row")
    done = pl.col("reason").str.contains(_SAID, literal=True).fill_null(value=False)
    whole = rows.filter(pl.col("standard") != NO_STANDARD, pl.col("n") > 0, ~done, status=OK)
    gone = rows.filter(standard=NO_STANDARD, status=WITHHELD).select(*_SAME, _part="age_group")
    pairs = whole.select("_row", "age_group", *_SAME).join(gone, on=_SAME, nulls_equal=True)
    inside = {
        (part, label): part not in {label, ALL} and (label == ALL or within(part, label))
        for part, label in pairs.select("_part", "age_group").unique().iter_rows()
    }
    held = [inside[pair] for pair in pairs.select("_part", "age_group").iter_rows()]
    chosen = pairs.filter(pl.Series(held, dtype=pl.Boolean))["_row"].unique()
    if chosen.is_empty():
        return shown
    weight = pl.when(pl.col("unit") == "proportion").then(1.0).otherwise(pl.col("estimate"))
    grain = threshold * weight / pl.col("n")
    power = pl.lit(10.0).pow(grain.log10().floor())
    times = grain / power
    step = power * pl.when(times >= 5).then(5.0).when(times >= 2).then(2.0).otherwise(1.0)
    told = pl.format(f"rounded to {{}}: {_SAID}", step.round_sig_figs(1))
    mine = pl.col("_row").is_in(chosen.implode()) & (grain > 0)
    return rows.with_columns(
        *(
            pl.when(mine)
            .then(((pl.col(name) / step).round() * step).round_sig_figs(12))  # 0.95, not 0.9500…01
            .otherwise(name)
            .alias(name)
            for name in _NUMBERS
        ),
        reason=pl.when(mine)
        .then(pl.concat_str("reason", told, separator="; ", ignore_nulls=True))
        .otherwise("reason"),
    ).drop("_row")
