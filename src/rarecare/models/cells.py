"""Cells of a grouped excess-hazard model: deaths, expected deaths and person-years.

Which cells there are decides the fit (METHODS_DETAIL 14 of the project: the link is additive), so
that intervals and covariates are in the plan; parts of the data sum to the same cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import CaseError, UsageError
from rarecare.population.life_table import LifeTable
from rarecare.registry import Cases
from rarecare.results import Provenance
from rarecare.survival.analysis import Choices, analyse
from rarecare.survival.breaks import checked_breaks, parse_breaks
from rarecare.survival.curves import running
from rarecare.survival.survival import needed
from rarecare.tally.tally import Tally

INTERVAL = "interval"
COUNTS = ("start", "end", "n", "deaths", "expected", "person_years")


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells with person-time, and where they come from.

    Attributes
    ----------
    table
        One row per stratum and interval in which someone was followed: the strata,
        ``interval`` (its number, from 1), ``start`` and ``end`` (years), ``n`` at risk at the
        start, ``deaths``, ``expected`` (deaths), ``person_years``.
    by
        The strata.
    breaks
        In years.
    cases
        One row per stratum: ``n``, cases at diagnosis, for standardisation.
    provenance
        Of the cases and the life table.
    landmark
        Days after diagnosis from which follow-up counts, of those then alive; 0: from diagnosis.
    """

    table: pl.DataFrame
    by: tuple[str, ...]
    breaks: tuple[float, ...]
    cases: pl.DataFrame
    provenance: Provenance
    landmark: int = 0


def excess_cells(
    cases: Cases | Any,
    life_table: LifeTable,
    *,
    covariates: Sequence[str],
    breaks: str | Sequence[float] = "0(1)5",
    landmark: int = 0,
    **choices: Unpack[Choices],
) -> Cells:
    """Return deaths, expected deaths and person-years by covariates and interval.

    Expected deaths are exact: the sum of each case's hazard over each day followed. A break
    within a day divides its person-time and expected deaths; deaths are at the end of theirs.

    Parameters
    ----------
    cases, life_table, **choices
        As for ``net_survival``; times come from ``breaks``. A window makes late entries.
    covariates
        Columns with few values, such as sex, age group, stage, country.
    breaks
        Years since diagnosis, in strs notation or as numbers rising from 0.
    landmark
        Days after diagnosis: follow-up counts from there, of those then followed. For what is
        decided after diagnosis, such as treatment: who lives to have it has lived so long.

    Raises
    ------
    UsageError
        A choice that cells have not, or a landmark that is no whole day before the first break.
    CaseError
        No case is followed to the landmark.
    InputError
        See ``net_survival``.
    """
    lives = needed(life_table, "an excess-hazard model")
    by = (covariates,) if isinstance(covariates, str) else tuple(covariates)
    unused = [name for name in ("by", "at", "at_days", "standard", "weighted") if choices.get(name)]
    if unused:
        raise UsageError("cells have no such choice", value=unused[0])
    years = parse_breaks(breaks) if isinstance(breaks, str) else checked_breaks(breaks)
    year = choices.get("days_per_year", 365.2425)
    own: Choices = {**choices, "by": by, "at": (years[-1],), "at_days": None}
    provenance: Provenance | None = None
    if landmark:
        if landmark != int(landmark) or not 0 < landmark < years[1] * year:
            raise UsageError(
                "the landmark is no day of the first interval", value=landmark,
                allowed=f"whole days, 1 to {int(years[1] * year)}",
            )  # fmt: skip
        whole = analyse(cases, lives, ("ederer2",), own)
        cases, note = _from_landmark(whole.table, landmark)
        years = (landmark / year, *years[1:])
        own = {**own, "rules": None, "incidence": None}
        provenance = whole.provenance("Cells of an excess-hazard model", note)
    analysis = analyse(cases, lives, ("ederer2",), own)
    table = _table(analysis.tally, by, years, year)
    counted = analysis.tally.strata.select(by or ["group"]).with_columns(
        n=pl.Series(analysis.tally.arrays["cases"])
    )
    told = provenance or analysis.provenance("Cells of an excess-hazard model")
    return Cells(table, by, years, counted, told, landmark)


def _from_landmark(table: pl.DataFrame, landmark: int) -> tuple[pl.DataFrame, str]:
    """Return those followed past the landmark, entering there, and what is to be said."""
    entry = pl.col("entry_days") if "entry_days" in table.columns else pl.lit(0)
    kept = table.filter(pl.col("follow_up_days") > landmark).with_columns(
        entry_days=pl.max_horizontal(entry.cast(pl.Int64), pl.lit(landmark, dtype=pl.Int64))
    )
    if kept.is_empty():
        raise CaseError("no case is followed to the landmark", value=f"day {landmark}")
    gone = table.height - kept.height
    return kept, (
        f"from day {landmark} after diagnosis, of {kept.height:,} cases then followed; "
        f"{gone:,} were not"
    )


def _table(
    tally: Tally, by: tuple[str, ...], years: tuple[float, ...], year: float
) -> pl.DataFrame:
    times = np.array(years) * year
    whole = np.floor(times + 1e-9).astype(int)
    if (np.diff(times) < 1).any():
        raise UsageError("intervals are at least a day long", value=list(years)[:6])

    def between(name: str, *, part: bool) -> NDArray[Any]:
        """Return the sum in each interval, with its part of a day that a break divides."""
        daily = tally.arrays[name]
        ends = running(np.cumsum(daily, axis=1), times)
        if part:
            padded = np.hstack([daily, np.zeros((len(daily), 1), dtype=daily.dtype)])
            ends = ends + padded[:, whole] * np.maximum(times - whole, 0)
        return np.asarray(np.diff(ends, axis=1))

    first = np.minimum(whole[:-1], tally.arrays["at_risk"].shape[1] - 1)
    size = tally.strata.height
    strata = tally.strata if by else pl.DataFrame({"group": ["all"]})
    repeated = strata[np.repeat(np.arange(size), len(first))]
    return repeated.with_columns(
        pl.Series(INTERVAL, np.tile(np.arange(1, len(times)), size)),
        pl.Series("start", np.tile(np.array(years[:-1]), size)),
        pl.Series("end", np.tile(np.array(years[1:]), size)),
        pl.Series("n", tally.arrays["at_risk"][:, first].ravel()),
        pl.Series("deaths", between("deaths", part=False).ravel()),
        pl.Series("expected", between("expected", part=True).ravel()),
        pl.Series("person_years", between("at_risk", part=True).ravel() / year),
    ).filter(pl.col("person_years") > 0)
