"""Treatments, hospitals and the dated facts of ``events.parquet``.

A referral group's cases are treated in its reference hospitals (a tenth of those in the area,
at least one) with the country's share of centralisation, and otherwise in the others, evenly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.demo.model import europe
from rarecare.demo.tables import STAGES, TREATMENTS, Floats, Ints

if TYPE_CHECKING:
    from rarecare.demo.draw import Drawn
    from rarecare.demo.registry import Registry

DIAGNOSIS = "diagnosis"
PATHOLOGY, REVIEW = "pathology", "pathology_review"
EVENTS = (DIAGNOSIS, PATHOLOGY, REVIEW, *TREATMENTS)
"""The values of ``event``, in the order in which they stand on one day."""

_SURGERY_ODDS: Floats = np.array([2.0, 1.0, 0.3, 1.0])  # by stage
_MEAN_DELAY = {"surgery": 30.0, "radiotherapy": 75.0, "systemic": 45.0}  # days, exponential
_SAME_HOSPITAL = 0.5  # cases diagnosed where they are treated
_HOSPITAL_STREAM = 2_000
_VERIFIED, _LAST_BASIS = 5, 8  # basis of diagnosis with pathology
_REPORTED = 0.97  # of the verified, with a dated report
_REPORT_DELAY = 6.0  # days, exponential, never after the first treatment
_REVIEWED = {True: 0.6, False: 0.15}  # of reports, at a reference hospital or not
_MARGINS = ("R0", "R1", "R2", "RX")
_MARGIN_SHARES = {True: (0.72, 0.15, 0.05, 0.08), False: (0.58, 0.2, 0.07, 0.15)}


@cache
def treatment_shares() -> Floats:
    """Return the share treated by entity, stage and kind, shape (n_entities, 4, 3).

    Surgery has its odds multiplied by stage and is rescaled, by bisection on the odds, to the
    entity's share in a European case mix.
    """
    own = europe().entities
    shares = np.repeat(own.treated[:, None, :], len(STAGES), axis=1)
    tilt = np.where(own.staged[:, None], _SURGERY_ODDS, 1.0)
    low, high = np.full(len(tilt), -25.0), np.full(len(tilt), 25.0)  # log odds
    for _ in range(60):
        middle = (low + high) / 2
        odds = np.exp(middle)[:, None] * tilt
        more = (own.stage * odds / (1 + odds)).sum(axis=1) < own.treated[:, 0]
        low, high = np.where(more, middle, low), np.where(more, high, middle)
    odds = np.exp(high)[:, None] * tilt
    shares[:, :, 0] = odds / (1 + odds)
    return shares


def treatments(
    entity: Ints, stage: Ints, dco: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return whether each case is given each treatment, shape (n, 3); DCO cases none."""
    shares = treatment_shares().reshape(-1, len(TREATMENTS))
    given = rng.random((len(entity), len(TREATMENTS))) < shares[entity * len(STAGES) + stage]
    return np.asarray(given & ~dco[:, None], dtype=np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class Hospitals:
    """The hospitals of a registry, and which are the reference of each referral group.

    Attributes
    ----------
    order
        Hospitals by referral group, the ``n_reference`` reference ones first, shape
        (n_groups, n_hospitals).
    group
        Referral group of each entity.
    centralisation
        Share of cases treated in a reference hospital.
    """

    labels: tuple[str, ...]
    order: Ints
    n_reference: int
    group: Ints
    centralisation: float

    @classmethod
    def of(cls, registry: Registry, seed: int) -> Hospitals:
        """Return the hospitals of a registry, drawn by the seed and the country."""
        model = europe()
        names = sorted(set(model.entities.referral))
        rng = np.random.default_rng([seed, registry.index, _HOSPITAL_STREAM])
        n = registry.hospitals
        return cls(
            labels=tuple(f"{registry.code}-H{number:03d}" for number in range(1, n + 1)),
            order=np.stack([rng.permutation(n) for _ in names]),
            n_reference=max(1, n // 10),
            group=np.array([names.index(name) for name in model.entities.referral]),
            centralisation=float(model.countries.values["centralisation"][registry.index]),
        )

    def draw(self, entity: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """Return the hospital of treatment and that of diagnosis of each case."""
        n, size = len(entity), len(self.labels)
        others = size - self.n_reference
        central = (rng.random(n) < self.centralisation) | (others == 0)
        within = rng.random(n) * np.where(central, self.n_reference, others)
        place = within.astype(np.int64) + np.where(central, 0, self.n_reference)
        treating = self.order.ravel()[self.group[entity] * size + place]
        elsewhere = rng.integers(0, size, n)
        return treating, np.where(rng.random(n) < _SAME_HOSPITAL, treating, elsewhere)

    def is_reference(self, entity: Ints, hospital: Ints) -> NDArray[np.bool_]:
        """Return whether a hospital is one of reference for the entity's group."""
        listed = np.zeros(self.order.shape, dtype=bool)
        which = np.arange(len(self.order))[:, None]
        listed[which, self.order[:, : self.n_reference]] = True
        return np.asarray(listed[self.group[entity], hospital])


def event_table(
    drawn: Drawn,
    hospitals: Hospitals,
    *,
    patients: pl.Series,
    tumours: pl.Series,
    rng: np.random.Generator,
) -> pl.DataFrame:
    """Return the events of a part: diagnosis (DCO apart), pathology and treatments, with hospitals.

    A treatment starts an exponential time after incidence, and never after the last day of
    follow-up; the report of pathology comes before the first treatment. Surgery has its margins as
    value. Reviews and free margins are more frequent in reference hospitals. All dates are known
    to the day. What is told of pathology and margins is drawn apart from all else.
    """
    treating, diagnosing = hospitals.draw(drawn.entity, rng)
    known = np.flatnonzero(drawn.basis != 0)
    rows, kinds, days, places = [known], [0], [drawn.incidence[known]], [diagnosing[known]]
    first = drawn.follow_up.astype(np.int64).copy()
    for kind, name in enumerate(TREATMENTS):
        own = np.flatnonzero(drawn.treated[:, kind])
        delay = (rng.standard_exponential(len(own)) * _MEAN_DELAY[name]).astype(np.int64)
        delay = np.minimum(delay, drawn.follow_up[own])
        first[own] = np.minimum(first[own], delay)
        rows.append(own)
        kinds.append(EVENTS.index(name))
        days.append(drawn.incidence[own] + delay)
        places.append(treating[own])
    apart = rng.spawn(1)[0]
    reference = hospitals.is_reference(drawn.entity, treating)
    verified = np.flatnonzero((drawn.basis >= _VERIFIED) & (drawn.basis <= _LAST_BASIS))
    reported = verified[apart.random(len(verified)) < _REPORTED]
    wait = (apart.standard_exponential(len(reported)) * _REPORT_DELAY).astype(np.int64)
    report_day = drawn.incidence[reported] + np.minimum(wait, first[reported])
    share = np.where(reference[reported], _REVIEWED[True], _REVIEWED[False])
    again = apart.random(len(reported)) < share
    for own, day, name, place in (
        (reported, report_day, PATHOLOGY, diagnosing), (reported[again], report_day[again],
                                                        REVIEW, treating),
    ):  # fmt: skip
        rows.append(own)
        kinds.append(EVENTS.index(name))
        days.append(day)
        places.append(place[own])
    operated = rows[1]
    drawn_margin = apart.random(len(operated))
    bounds = np.where(
        reference[operated, None], np.cumsum(_MARGIN_SHARES[True]),
        np.cumsum(_MARGIN_SHARES[False]),
    )  # fmt: skip
    margin = np.minimum((drawn_margin[:, None] >= bounds).sum(axis=1), len(_MARGINS) - 1)
    sizes = [len(each) for each in rows]
    row = np.concatenate(rows)
    event = np.repeat(kinds, sizes)
    value = np.full(len(row), len(_MARGINS))
    value[sizes[0] : sizes[0] + sizes[1]] = margin
    order = np.lexsort((event, row))
    row = row[order]
    return pl.DataFrame(
        {
            "registry": pl.repeat(drawn.registry.code, len(row), eager=True),
            "patient_id": patients.gather(row),
            "tumour_id": tumours.gather(row),
            "event": pl.Series(EVENTS).gather(event[order]),
            "date": pl.Series(np.concatenate(days)[order].astype(np.int32)).cast(pl.Date),
            "date_precision": pl.repeat("day", len(row), eager=True),
            "hospital_id": pl.Series(hospitals.labels).gather(np.concatenate(places)[order]),
            "value": pl.Series([*_MARGINS, None], dtype=pl.String).gather(value[order]),
        }
    )
