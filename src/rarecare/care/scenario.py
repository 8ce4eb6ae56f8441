"""Scenario: the care of a group concentrated in k hospitals, what it gains and what it costs.

The k hospitals are those of least total travel, a k-median problem: by trying every set where
there are few, else by adding the best one after another and then exchanging (Teitz & Bart,
*Operations Research* 1968;16:955-961), which finds a good set, not always the best; or those of the
largest volume. Distances are great-circle, from the patients' areas. Source: the scenario is this
project's; Hakimi, *Operations Research* 1964;12:450-459 for the k-median.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.care.distance import between, checked_places
from rarecare.care.thresholds import PER_YEAR, Threshold
from rarecare.care.volumes import hashed
from rarecare.errors import CaseError, ColumnError, UsageError
from rarecare.files import read_table
from rarecare.results import OK, Provenance, Result

if TYPE_CHECKING:
    from rarecare.figures import Figure

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Choose = Literal["travel", "volume"]
Assignment = Literal["stay", "nearest"]
EXACT, GREEDY, LARGEST, TODAY = (
    "every set tried", "one after another, then exchanged", "the largest", "today",
)  # fmt: skip
LEAST, MEAN, PATIENT = "smallest volume", "mean volume", "volume as a patient meets it"
MOVED, DISTANCE, FAR, MEDIAN = (
    "share of patients moved", "mean distance", "90th percentile of distance", "median distance",
)  # fmt: skip
AT_THRESHOLD = "share treated at or above the threshold"
_WORK, _BLOCK = 50_000_000, 4_000_000


@dataclass(frozen=True, slots=True)
class Scenario:
    """Care of a group in k hospitals.

    Attributes
    ----------
    result
        One row per number of hospitals and measure; its figure is the trade-off.
    hospitals
        One row per number of hospitals and hospital: ``k``, ``hospital_id``, ``chosen``,
        ``volume_today``, ``volume``, both in patients per year.
    """

    result: Result
    hospitals: pl.DataFrame


def concentrate(
    patients: pl.DataFrame, hospitals: pl.DataFrame, areas: pl.DataFrame, *, years: float,
    largest: int | None = None, choose: Choose = "travel", assignment: Assignment = "stay",
    candidates: Sequence[str] | None = None, threshold: Threshold | None = None,
    work: int = _WORK,
) -> Scenario:  # fmt: skip
    """Return volumes, patients moved and travel with the care in 1 to K hospitals, and today.

    Parameters
    ----------
    patients
        ``area`` (of residence), ``hospital_id`` (of treatment today), ``n`` (patients of the
        period): ``units.volumes()`` of units whose areas are those of residence, one group and
        kind of treatment. A patient of two hospitals counts in each.
    hospitals
        ``hospital_id``, ``latitude``, ``longitude`` in degrees.
    areas
        ``area``, ``latitude``, ``longitude``, of the middle of its people.
    years
        Length of the period.
    largest
        K; by default the number of candidates.
    choose
        ``"travel"``: least total distance; ``"volume"``: the largest volume today.
    assignment
        ``"stay"``: only patients whose hospital no longer treats are moved, to the nearest;
        ``"nearest"``: every patient goes to the nearest of the k.
    candidates
        Hospitals that may be chosen; by default all that treat someone today.
    threshold
        Volume asked for, with its unit and source.
    work
        Most distances to compare in trying every set; above it sets are found greedily.

    Returns
    -------
    Scenario
        ``hospitals`` (k; those of today last, ``method`` ``"today"``), ``measure``,
        ``threshold``, ``n``, ``denominator`` (patients), ``estimate``, ``unit``, ``method``,
        ``status``, ``reason``. No limits: it says what today's patients would have met.

    Raises
    ------
    UsageError
        A choice is not among its choices, years are not above 0, or K is out of range.
    ColumnError, CaseError
        A table lacks a column, a place stands twice or nowhere, or no patient can be placed.
    """
    for value, allowed in ((choose, get_args(Choose)), (assignment, get_args(Assignment))):
        if value not in allowed:
            raise UsageError("there is no such choice", value=value, allowed=allowed)
    if not years > 0:
        raise UsageError("the years are not above 0", value=years, allowed="length of the period")
    source = read_table(patients).source
    flows, own, exclusions = _placed(patients, hospitals, areas)
    ids = own["hospital_id"].to_list()
    pool = _pool(ids, candidates)
    size = len(pool) if largest is None else largest
    if not 1 <= size <= len(pool):
        raise UsageError("so many hospitals cannot be chosen", value=size,
                         allowed=f"1 to {len(pool)}")  # fmt: skip
    search = _Search.of(flows, own, stay=assignment == "stay")
    rows, kept = [], []
    today = search.volumes(search.today)
    before: Ints | None = None
    for k in range(1, size + 1):
        chosen, method = _chosen(search, pool, k, choose, today, before, work)
        before = chosen
        rows += _rows(search, search.assigned(chosen), k, method, years, threshold)
        kept.append(
            _hospitals(ids, chosen, today, search.volumes(search.assigned(chosen)), years, k)
        )
    used = int((today > 0).sum())
    rows += _rows(search, search.today, used, TODAY, years, threshold)
    schema = {
        "hospitals": pl.Int64, "measure": pl.String, "threshold": pl.String, "n": pl.Int64,
        "denominator": pl.Int64, "estimate": pl.Float64, "unit": pl.String, "method": pl.String,
    }  # fmt: skip
    table = pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        status=pl.lit(OK), reason=pl.lit(None, dtype=pl.String)
    )
    plan = {
        "years": years, "largest": size, "choose": choose, "assignment": assignment,
        "candidates": [ids[k] for k in pool], "work": work,
        "threshold": None if threshold is None else
        {name: getattr(threshold, name) for name in threshold.__slots__},
    }  # fmt: skip
    notes = [
        "distances are great-circle from the middle of each area; roads are longer",
        "what today's patients would have met: no limits, and no change in who is treated",
    ]
    if threshold is not None:
        notes.append(f"threshold {threshold.label}: source {threshold.source or 'not given'}, "
                     f"sureness {threshold.sureness or 'not given'}")  # fmt: skip
    told = Provenance(
        statistic="Scenario: care concentrated in k hospitals", inputs=(source,), plan=plan,
        plan_hash=hashed(plan), exclusions=exclusions, notes=tuple(notes),
    )  # fmt: skip
    return Scenario(Result(table, told, partial(_figure, table)), pl.concat(kept))


def _figure(
    table: pl.DataFrame, title: str = "Fewer hospitals: volume and distance", **look: Any
) -> Figure:
    from rarecare.figures.trade_off import trade_off_figure  # noqa: PLC0415 - drawn when asked

    return trade_off_figure(table, title=title, **look)


def _placed(
    patients: pl.DataFrame, hospitals: pl.DataFrame, areas: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return flows and hospitals with coordinates, and the patients left out, by reason."""
    for name in ("area", "hospital_id", "n"):
        if name not in patients.columns:
            raise ColumnError("the patients lack a column", value=name, allowed=patients.columns)
    whole = patients.select(
        pl.col("area", "hospital_id").cast(pl.String), pl.col("n").cast(pl.Int64)
    )
    if whole["n"].null_count() or (whole["n"] < 0).any():
        raise CaseError("patients are missing or negative", column="n", allowed="0 or more")
    homes = checked_places(areas, "area", "areas")
    places = checked_places(hospitals, "hospital_id", "hospitals")
    known_home = pl.col("area").is_in(homes["area"].implode()).fill_null(value=False)
    known_place = pl.col("hospital_id").is_in(places["hospital_id"].implode())
    known_place = known_place.fill_null(value=False)
    reasons = [("area unknown or without coordinates", ~known_home),
               ("hospital unknown or without coordinates", known_home & ~known_place)]  # fmt: skip
    total = int(whole["n"].sum())
    left = [int(whole.filter(bad)["n"].sum()) for _, bad in reasons]
    flows = whole.filter(known_home & known_place).group_by("area", "hospital_id").agg(
        pl.col("n").sum()
    ).filter(pl.col("n") > 0).sort("area", "hospital_id")  # fmt: skip
    if flows.is_empty():
        raise CaseError("no patient can be placed", value=f"{total} patients",
                        remedy="See the areas and hospitals that have coordinates.")  # fmt: skip
    exclusions = pl.DataFrame(
        {"reason": ["patients", *(name for name, _ in reasons), "patients placed"],
         "records": [total, *left, total - sum(left)]}
    )  # fmt: skip
    return flows.join(homes, on="area", maintain_order="left"), _sited(flows, places), exclusions


def _sited(flows: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """Return the hospitals that treat someone, then the others, each by name."""
    used = flows["hospital_id"].unique()
    return places.with_columns(_idle=~pl.col("hospital_id").is_in(used.implode())).sort(
        "_idle", "hospital_id"
    )


def _pool(ids: Sequence[str], candidates: Sequence[str] | None) -> Ints:
    if candidates is None:
        return np.arange(len(ids))
    for name in candidates:
        if name not in ids:
            raise UsageError("a candidate is no hospital with coordinates", value=name,
                             allowed=ids)  # fmt: skip
    return np.array(sorted({ids.index(name) for name in candidates}))


@dataclass(frozen=True, slots=True)
class _Search:
    """Distances and patients of flows, one row each: from an area, treated in a hospital today."""

    km: Floats
    n: Floats
    today: Ints
    stay: bool

    @classmethod
    def of(cls, flows: pl.DataFrame, hospitals: pl.DataFrame, *, stay: bool) -> _Search:
        ids = {name: k for k, name in enumerate(hospitals["hospital_id"])}
        today = np.array([ids[name] for name in flows["hospital_id"]])
        n = flows["n"].to_numpy().astype(np.float64)
        return cls(between(flows, hospitals), n, today, stay)

    def assigned(self, chosen: Ints) -> Ints:
        """Return the hospital of each flow."""
        nearest: Ints = chosen[self.km[:, chosen].argmin(axis=1)]
        if not self.stay:
            return nearest
        return np.where(np.isin(self.today, chosen), self.today, nearest)

    def volumes(self, assigned: Ints) -> Floats:
        """Return the patients of each hospital."""
        return np.bincount(assigned, self.n, minlength=self.km.shape[1]).astype(np.float64)

    def travel(self, sets: Ints) -> Floats:
        """Return the total distance of sets of hospitals, shape (m, k), in km."""
        total = np.zeros(len(sets))
        step = max(_BLOCK // max(self.km.shape[0] * sets.shape[1], 1), 1)
        own = self.km[np.arange(len(self.today)), self.today]
        for first in range(0, len(sets), step):
            part = sets[first : first + step]
            best = self.km[:, part[:, 0]]
            for column in part.T[1:]:
                best = np.minimum(best, self.km[:, column])
            if self.stay:
                stays = np.zeros((len(part), self.km.shape[1]), dtype=bool)
                stays[np.arange(len(part))[:, None], part] = True
                best = np.where(stays[:, self.today].T, own[:, None], best)
            total[first : first + step] = self.n @ best
        return total


def _chosen(  # noqa: PLR0917 - the state of one search
    search: _Search, pool: Ints, k: int, choose: Choose, today: Floats, before: Ints | None,
    work: int,
) -> tuple[Ints, str]:  # fmt: skip
    """Return k hospitals, ascending, and how they were found."""
    if choose == "volume":
        return np.sort(pool[np.argsort(-today[pool], kind="stable")[:k]]), LARGEST
    if comb(len(pool), k) * k * len(search.n) <= work:
        sets = np.array(list(combinations(pool.tolist(), k)))
        return sets[int(search.travel(sets).argmin())], EXACT
    held = [] if before is None else before.tolist()
    while len(held) < k:
        others = [h for h in pool.tolist() if h not in held]
        held.append(others[int(search.travel(np.array([[*held, h] for h in others])).argmin())])
    best = float(search.travel(np.array([held]))[0])
    while True:
        others = [h for h in pool.tolist() if h not in held]
        swaps = [[*held[:i], h, *held[i + 1 :]] for i in range(k) for h in others]
        if not swaps:
            break
        found = search.travel(np.array(swaps))
        if found.min() >= best * (1 - 1e-12):
            break
        best, held = float(found.min()), swaps[int(found.argmin())]
    return np.sort(np.array(held)), GREEDY


def _rows(  # noqa: PLR0917 - the parts of one scenario
    search: _Search, assigned: Ints, k: int, method: str, years: float,
    threshold: Threshold | None,
) -> list[tuple[object, ...]]:  # fmt: skip
    km = search.km[np.arange(len(assigned)), assigned]
    v = search.volumes(assigned)
    v = v[v > 0] / years
    n = int(search.n.sum())
    moved = int(search.n[assigned != search.today].sum())
    found: list[tuple[str, str | None, int, float, str]] = [
        (LEAST, None, n, float(v.min()), PER_YEAR), (MEAN, None, n, float(v.mean()), PER_YEAR),
        (PATIENT, None, n, float((v**2).sum() / v.sum()), PER_YEAR),
        (MOVED, None, moved, moved / n, "share of patients"),
        (DISTANCE, None, n, float(search.n @ km / n), "km"),
        (MEDIAN, None, n, quantile_of(km, search.n, 0.5), "km"),
        (FAR, None, n, quantile_of(km, search.n, 0.9), "km"),
    ]  # fmt: skip
    if threshold is not None:
        whole = search.volumes(assigned)[assigned] / years
        enough = whole > threshold.value if threshold.above else (
            whole >= threshold.value * (1 - 1e-12)
        )  # fmt: skip
        at = int(search.n[enough].sum())
        found.append((AT_THRESHOLD, threshold.label, at, at / n, "share of patients"))
    return [(k, name, of, own, n, value, unit, method) for name, of, own, value, unit in found]


def quantile_of(values: Floats, weights: Floats, share: float) -> float:
    """Return the smallest value that at least a share of the weight does not exceed.

    >>> quantile_of(np.array([5.0, 1.0, 9.0]), np.array([1.0, 2.0, 1.0]), 0.5)
    1.0
    """
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order]) >= share * weights.sum() * (1 - 1e-12)
    return float(values[order][int(reached.argmax())])


def _hospitals(  # noqa: PLR0917 - the columns of one table
    ids: Sequence[str], chosen: Ints, today: Floats, volumes: Floats, years: float, k: int
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "k": [k] * len(ids), "hospital_id": list(ids),
            "chosen": np.isin(np.arange(len(ids)), chosen), "volume_today": today / years,
            "volume": volumes / years,
        }
    )  # fmt: skip
