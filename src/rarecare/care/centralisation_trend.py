"""Trend of centralisation: the yearly change of its measures, by least squares on the years.

Ordinary least squares of the yearly values with Student's t on n − 2 degrees of freedom: the
spread about the line is that of the years themselves. Source: METHODS 8 asks for the trend; the
line is this project's choice.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from rarecare.care.centralisation import AT_THRESHOLD, GINI, HHI, MET, centralisation
from rarecare.care.thresholds import Threshold
from rarecare.care.volumes import Units
from rarecare.errors import UsageError
from rarecare.results import NOT_ESTIMABLE, OK, Result

TRENDED = ("hospitals", MET, AT_THRESHOLD, GINI, HHI)
LEAST_YEARS = 4


def centralisation_trend(
    units: Units, *, thresholds: Sequence[Threshold] = (), measures: Sequence[str] = TRENDED,
    level: float = 0.95,
) -> Result:  # fmt: skip
    """Return the mean yearly change of measures of centralisation.

    Parameters
    ----------
    units, thresholds, level
        As for ``centralisation``; a volume is that of a year.
    measures
        Those of ``centralisation`` by year.

    Returns
    -------
    Result
        The areas, ``group``, ``treatment``, ``measure``, ``threshold``, ``first``, ``last``,
        ``years`` (with a value), ``n``, ``estimate`` (change per year), ``se``, ``lower``,
        ``upper``, ``level``, ``unit``, ``method``, ``status``, ``reason``.

    Raises
    ------
    UsageError
        A measure is not among those by year; see ``centralisation``.
    """
    from scipy.special import stdtrit  # noqa: PLC0415 - slow to import

    yearly = centralisation(units, thresholds=thresholds, by_year=True, level=level)
    table = yearly.table
    known = table["measure"].unique().sort().to_list()
    wanted = [name for name in measures if name != AT_THRESHOLD or thresholds]
    for name in wanted:
        if name not in known:
            raise UsageError("there is no such yearly measure", value=name, allowed=known)
    keys = [*units.keys, "measure", "threshold"]
    x, y = pl.col("year").cast(pl.Float64), pl.col("estimate")
    # a year without treatment has no hospitals, which is no measure of how care is spread
    held = (pl.col("status") == OK) & (pl.col("n").fill_null(0) + pl.col("denominator").fill_null(0)
                                       > 0)  # fmt: skip
    table = table.filter(pl.col("measure").is_in(wanted))
    cells = table.select(*keys, "unit").unique(keys, maintain_order=True)
    across = ((x - x.mean()) ** 2).sum()
    slope = ((x - x.mean()) * y).sum() / across
    rest = ((y - y.mean() - slope * (x - x.mean())) ** 2).sum()
    fitted = table.filter(held).group_by(keys).agg(
        first=pl.col("year").min(), last=pl.col("year").max(), years=pl.len().cast(pl.Int64),
        n=pl.col("n").sum(), estimate=slope,
        se=(rest.clip(0) / (pl.len() - 2).cast(pl.Float64) / across).sqrt(),
    )  # fmt: skip
    made = cells.join(fitted, on=keys, how="left", nulls_equal=True, maintain_order="left")
    enough = pl.col("years").fill_null(0) >= LEAST_YEARS
    df = made["years"].fill_null(LEAST_YEARS).clip(LEAST_YEARS).to_numpy() - 2
    reach = pl.Series(-stdtrit(df, (1 - level) / 2)) * pl.col("se")
    varies = enough & (pl.col("se") > 1e-10 * pl.max_horizontal(pl.col("estimate").abs(), 1.0))
    made = made.with_columns(
        pl.when(enough).then("estimate").alias("estimate"),
        pl.when(varies).then("se").alias("se"),
        pl.col("years", "n").fill_null(0),
    ).select(
        *keys, "first", "last", "years", "n", "estimate", "se",
        lower=pl.col("estimate") - reach, upper=pl.col("estimate") + reach, level=pl.lit(level),
        unit=pl.when(pl.col("unit") == "0 to 1").then(pl.lit("per year"))
        .otherwise(pl.col("unit") + " per year"), method=pl.lit("least squares, Student's t"),
        status=pl.when(enough).then(pl.lit(OK)).otherwise(pl.lit(NOT_ESTIMABLE)),
        reason=pl.when(~enough).then(pl.lit(f"fewer than {LEAST_YEARS} years with treatments"))
        .when(pl.col("se").is_null()).then(pl.lit("the years lie on a line: no limits")),
    )  # fmt: skip
    plan = {"measures": list(wanted), "level": level}
    provenance = units.provenance(
        "Yearly change of centralisation", yearly.provenance.plan | plan, *yearly.provenance.notes
    )
    return Result(made, provenance)
