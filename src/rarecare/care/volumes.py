"""Volumes of hospitals: treatments per year in a group of entities with one referral pattern.

The unit is a patient, a hospital and a kind of treatment; a patient treated in two hospitals counts
in each. Sources: Gatta et al. 2017 (RARECAREnet) for the volume per group of rare cancers with the
same referral pattern; METHODS 8. The events that make a kind, and that units count once over the
whole period, are definitions of this project.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import polars as pl

from rarecare.care.concentration import checked_level
from rarecare.care.packed import Packed
from rarecare.care.thresholds import PER_YEAR
from rarecare.care.unit_rows import HOME, events_of_cases, in_groups, placed
from rarecare.errors import CaseError, UsageError
from rarecare.files import Source
from rarecare.rates.intervals import poisson_exact
from rarecare.registry import Cases
from rarecare.results import OK, Provenance, Result

YearOf = Literal["diagnosis", "treatment"]

TREATMENTS: Mapping[str, tuple[str, ...]] = {
    "surgery": ("surgery", "re_excision"),
    "radiotherapy": ("radiotherapy",),
    "systemic": (
        "systemic", "chemotherapy", "targeted", "immunotherapy", "hormonal", "stem_cell",
    ),
}  # fmt: skip
"""The events that make each kind of treatment; surveillance is none."""

NEW = "new cases"
SEEN: Mapping[str, tuple[str, ...]] = {
    NEW: ("diagnosis", "referral", "multidisciplinary_meeting", "surveillance",
          *(event for own in TREATMENTS.values() for event in own)),
}  # fmt: skip
"""The events by which a new case is one of a hospital: our own definition (D). Reading slides or
images for another hospital is none of them."""

ANY = "any treatment"
PLACES = ("home", "abroad", "unknown")
VOLUME = "hospital volume"


@dataclass(frozen=True, slots=True)
class Units:
    """Patients by hospital and kind of treatment.

    Attributes
    ----------
    coded
        One row per unit, in whole numbers: ``cell`` (row of ``cells``), ``kind`` (place among
        ``kinds``), ``year``, ``person``, ``hospital`` (place among ``hospital_ids``; null:
        unknown), ``place`` (0 at home, 1 abroad, 2 unknown).
    cells
        The areas and ``group``, sorted.
    kinds, hospital_ids
        Kinds of treatment, ``"any treatment"`` last; hospitals of any treatment.
    patients
        Patients of each area and group, treated or not: the areas, ``group``, ``n``.
    areas
        Columns within which a hospital's volume is counted.
    years
        First and last, both counted.
    year_of
        Whether ``year`` is that of diagnosis or of treatment.
    findings
        What a reader must check: ``finding``, ``value``, ``records``.
    hospitals
        The list given, None without one.
    """

    coded: pl.DataFrame
    cells: pl.DataFrame
    kinds: tuple[str, ...]
    hospital_ids: pl.Series
    patients: pl.DataFrame
    areas: tuple[str, ...]
    years: tuple[int, int]
    year_of: YearOf
    findings: pl.DataFrame
    exclusions: pl.DataFrame
    inputs: tuple[Source, ...]
    plan: dict[str, Any]
    notes: tuple[str, ...]
    hospitals: pl.DataFrame | None = None

    @property
    def n_years(self) -> int:
        """Years of the period."""
        return self.years[1] - self.years[0] + 1

    @property
    def n_persons(self) -> int:
        """One more than the largest number of a person."""
        return _size(self.coded["person"]) if self.coded.height else 1

    @property
    def keys(self) -> list[str]:
        """Areas, group and treatment."""
        return [*self.areas, "group", "treatment"]

    @property
    def table(self) -> pl.DataFrame:
        """One row per unit, in words.

        The areas, ``group``, ``treatment``, ``year``, ``person`` (a number), ``hospital_id``
        (null: unknown), ``place``: ``"home"``, ``"abroad"`` or ``"unknown"``.
        """
        return self.named(self.coded).select(*self.keys, "year", "person", "hospital_id", "place")

    def named(self, coded: pl.DataFrame) -> pl.DataFrame:
        """Return a table with the words of its numbers in their stead."""
        words = {
            "kind": ("treatment", pl.Series(self.kinds, dtype=pl.String)),
            "hospital": ("hospital_id", self.hospital_ids),
            "place": ("place", pl.Series(PLACES)),
        }
        held = [name for name in words if name in coded.columns]
        rest = coded.drop("cell", *held)
        return rest.with_columns(
            *self.cells[coded["cell"].cast(pl.UInt32)].get_columns(),
            *(words[name][1].gather(coded[name]).alias(words[name][0]) for name in held),
        )

    def counted(self, *, by_year: bool = False) -> pl.DataFrame:
        """Return units of each hospital at home: ``cell``, ``kind``, ``year``, ``hospital``, ``n``.

        Sorted.
        """
        home = self.coded.lazy().filter(pl.col("place") == HOME)
        sizes = {"cell": self.cells.height, "kind": len(self.kinds)}
        sizes |= {"year": self.years[1] + 1} if by_year else {}
        packed = Packed(sizes | {"hospital": len(self.hospital_ids)})
        return packed.unpacked(
            home.group_by(packed.key.alias("key")).agg(n=pl.len().cast(pl.Int64)).sort("key")
        ).collect()

    def volumes(self, *, by_year: bool = False) -> pl.DataFrame:
        """Return units of each hospital at home: the keys, ``year``, ``hospital_id``, ``n``."""
        years = ["year"] if by_year else []
        return self.named(self.counted(by_year=by_year)).select(
            *self.keys, *years, "hospital_id", "n"
        )

    def provenance(self, statistic: str, plan: Mapping[str, Any], *notes: str) -> Provenance:
        """Return the provenance of a statistic made from these units."""
        whole = self.plan | dict(plan)
        return Provenance(
            statistic=statistic, inputs=self.inputs, plan=whole, plan_hash=hashed(whole),
            exclusions=self.exclusions, notes=(*self.notes, *notes),
        )  # fmt: skip


def hashed(plan: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a plan."""
    import hashlib  # noqa: PLC0415 - with json, for this alone
    import json  # noqa: PLC0415

    text = json.dumps(plan, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def treatment_units(
    cases: Cases | Any, events: pl.DataFrame | Any, *,
    areas: Sequence[str] = ("country",), entity: str = "entity_tier1",
    groups: Mapping[str, str] | None = None, hospitals: pl.DataFrame | None = None,
    years: tuple[int, int] | None = None, year_of: YearOf = "diagnosis",
    treatments: Mapping[str, Sequence[str]] = TREATMENTS,
) -> Units:  # fmt: skip
    """Return the patients of each hospital by kind of treatment.

    Parameters
    ----------
    cases
        One row per tumour: those that count (DCO and autopsy-only cases have no treatment).
    events
        Dated facts, as ``read_events`` gives them.
    areas
        Columns of the cases within which hospitals are compared: country.
    entity, groups
        Column of entities, and the referral group of each; without groups each entity is one.
        Entities in no group are left out and counted.
    hospitals
        ``hospital_id`` and ``country``: residents treated in another country are then told
        apart, and hospitals not in the list count as unknown and are named.
    years
        First and last year counted; by default those of the cases.
    year_of
        ``"diagnosis"``: patients diagnosed in the years, treated whenever (cases of a period
        are then whole); ``"treatment"``: those treated in them.
    treatments
        Events that make each kind.

    Returns
    -------
    Units
        A patient counts once in each hospital and kind, by the first tumour of the group, and
        once in each hospital under ``"any treatment"``.

    Raises
    ------
    UsageError
        Years in the wrong order, a kind without events, or no choice of ``year_of``.
    ColumnError
        A column is missing.
    CaseError
        There are no cases, none is in a group, or the years of all are unknown.
    """
    if year_of not in get_args(YearOf):
        raise UsageError("there is no such year", value=year_of, allowed=get_args(YearOf))
    _check_kinds(treatments)
    joined = events_of_cases(
        cases, events, (*areas, entity), kinds={e: k for k, own in treatments.items() for e in own}
    )
    told = in_groups(joined, entity, groups)
    period = _period(told.cases, years)
    kinds = (*treatments, ANY)
    found = placed(told, areas, hospitals, kinds)
    table = found.table
    if year_of == "diagnosis":
        table = table.with_columns(year=pl.col("diagnosed"))
    table, left = _within(table, period, year_of)
    within = found.cases.lazy().filter(pl.col("diagnosed").is_between(*period))
    people = (
        within.group_by("cell").agg(n=pl.col("person").n_unique().cast(pl.Int64)).sort("cell")
        .collect()
    )  # fmt: skip
    patients = found.cells[people["cell"]].with_columns(people["n"])
    sizes = {
        "cell": found.cells.height, "kind": len(kinds), "person": _size(found.cases["person"]),
        "hospital": len(found.hospitals) + 1, "place": len(PLACES),
    }  # fmt: skip
    whole = _units(table, sizes)
    repeated = table.height - whole.height
    whatever = pl.lit(len(kinds) - 1, dtype=pl.UInt64)
    each = pl.concat([whole, _units(whole.with_columns(kind=whatever), sizes)])
    exclusions = pl.concat(
        [told.exclusions, left, _rows(("the same patient, hospital and kind again", repeated),
                                      ("units", whole.height))]
    )  # fmt: skip
    plan = {
        "areas": list(areas), "entity": entity, "groups": dict(groups) if groups else None,
        "years": list(period), "year_of": year_of,
        "treatments": {kind: list(own) for kind, own in treatments.items()},
        "hospital_list": None if hospitals is None else hospitals.height,
    }  # fmt: skip
    notes = [
        f"a unit is a patient, a hospital and a kind of treatment; {period[0]} to {period[1]} are "
        f"years of {year_of}",
        *told.notes,
    ]
    if hospitals is None:
        notes.append("no list of hospitals: residents treated abroad cannot be told apart")
    if not whole.height:
        notes.append("no treatments")
    return Units(
        each, found.cells, kinds, found.hospitals, patients, tuple(areas), period, year_of,
        found.findings, exclusions, told.inputs, plan,
        tuple(notes), hospitals,
    )  # fmt: skip


def new_case_volumes(
    cases: Cases | Any, events: pl.DataFrame | Any, *, areas: Sequence[str] = ("country",),
    entity: str = "entity_tier1", groups: Mapping[str, str] | None = None,
    hospitals: pl.DataFrame | None = None, years: tuple[int, int] | None = None,
    level: float = 0.95,
) -> Result:  # fmt: skip
    """Return the new cases a year of each hospital: those diagnosed, discussed or treated there.

    Parameters
    ----------
    cases, events, areas, entity, groups, hospitals, years
        As ``treatment_units``; years are those of diagnosis.
    level
        As ``hospital_volumes``.

    Returns
    -------
    Result
        As ``hospital_volumes``, with the one treatment ``"new cases"``. A patient counts once in
        each hospital of an event of ``SEEN``, so that a patient of two hospitals is new in both.

    Raises
    ------
    UsageError, ColumnError, CaseError
        As ``treatment_units``.
    """
    units = treatment_units(
        cases, events, areas=areas, entity=entity, groups=groups, hospitals=hospitals,
        years=years, treatments=SEEN,
    )  # fmt: skip
    found = hospital_volumes(units, level=level)
    return Result(found.table.filter(treatment=NEW), found.provenance)


def _check_kinds(treatments: Mapping[str, Sequence[str]]) -> None:
    twice: dict[str, str] = {}
    for kind, own in treatments.items():
        if not own or kind == ANY:
            raise UsageError("a kind of treatment has no events of its own", value=kind)
        for event in own:
            if event in twice:
                raise UsageError(
                    "an event makes two kinds of treatment", value=event,
                    allowed=f"one of {twice[event]}, {kind}",
                )  # fmt: skip
            twice[event] = kind


def _period(cases: pl.DataFrame, years: tuple[int, int] | None) -> tuple[int, int]:
    if years is None:
        first, last = cases["diagnosed"].min(), cases["diagnosed"].max()
        if first is None:
            raise CaseError("no case has a known year of diagnosis", value=f"{cases.height} cases")
        return int(str(first)), int(str(last))
    first, last = years
    if first != int(first) or last != int(last) or first > last or first < 1:
        raise UsageError(
            "years are not in order", value=f"{first} to {last}", allowed="a first and a last year"
        )
    return int(first), int(last)


def _within(
    table: pl.DataFrame, period: tuple[int, int], year_of: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    unknown = table["year"].null_count()
    known = table.filter(pl.col("year").is_not_null())
    kept = known.filter(pl.col("year").is_between(*period))
    rows = _rows(
        (f"year of {year_of} not known", unknown),
        (f"year of {year_of} outside {period[0]} to {period[1]}", known.height - kept.height),
    )
    return kept, rows


def _size(numbers: pl.Series) -> int:
    return int(str(numbers.max())) + 1


def _units(table: pl.DataFrame, sizes: Mapping[str, int]) -> pl.DataFrame:
    """Return a row per cell, kind, person, hospital and place, with the earliest year."""
    packed = Packed(sizes)
    unknown = sizes["hospital"] - 1
    rows = table.lazy().with_columns(pl.col("hospital").fill_null(unknown))
    made = rows.group_by(packed.key.alias("key")).agg(pl.col("year").min())
    hospital = pl.when(pl.col("hospital") != unknown).then("hospital")
    return packed.unpacked(made).with_columns(hospital=hospital).select(
        "cell", "kind", "year", "person", "hospital", "place"
    ).collect()  # fmt: skip


def _rows(*rows: tuple[str, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"reason": pl.String, "records": pl.Int64}, orient="row")


def hospital_volumes(units: Units, *, level: float = 0.95) -> Result:
    """Return the yearly volume of each hospital, by area, group and kind of treatment.

    Parameters
    ----------
    units
        Of ``treatment_units``.
    level
        Of the exact Poisson limits of the mean yearly volume.

    Returns
    -------
    Result
        The areas, ``group``, ``treatment``, ``place``, ``hospital_id``, ``measure``, ``n``
        (units), ``denominator`` (of the area, group and kind; of all places), ``years``,
        ``share``, ``estimate``, ``se``, ``lower``, ``upper``, ``level``, ``unit``, ``method``,
        ``status``, ``reason``; the largest first. Hospitals abroad, and the patients whose
        hospital is unknown (without ``hospital_id``), have rows of their own.
    """
    checked_level(level)
    keys, years = units.keys, units.n_years
    sizes = {
        "cell": units.cells.height, "kind": len(units.kinds), "place": len(PLACES),
        "hospital": len(units.hospital_ids) + 1,
    }  # fmt: skip
    packed, unknown = Packed(sizes), len(units.hospital_ids)
    numbered = units.coded.lazy().with_columns(pl.col("hospital").fill_null(unknown))
    counted = packed.unpacked(
        numbered.group_by(packed.key.alias("key")).agg(n=pl.len().cast(pl.Int64))
    ).sort("cell", "kind", "place", "n", "hospital",
           descending=[False, False, False, True, False]).collect()  # fmt: skip
    known = pl.when(pl.col("hospital") != unknown).then("hospital")
    counted = units.named(counted.with_columns(hospital=known))
    lower, upper = poisson_exact(counted["n"].to_numpy(), level=level)
    table = (
        counted.with_columns(
            measure=pl.lit(VOLUME),
            denominator=pl.col("n").sum().over(keys),
            years=pl.lit(years),
            estimate=pl.col("n") / years,
            se=pl.col("n").sqrt() / years,
            lower=pl.Series(lower / years),
            upper=pl.Series(upper / years),
            level=pl.lit(level),
            unit=pl.lit(PER_YEAR),
            method=pl.lit("exact Poisson"),
            status=pl.lit(OK),
            reason=pl.lit(None, dtype=pl.String),
        )
        .with_columns(share=pl.col("n") / pl.col("denominator"))
        .select(*keys, "place", "hospital_id", "measure", "n", "denominator", "years", "share",
                "estimate", "se", "lower", "upper", "level", "unit", "method", "status", "reason")
    )  # fmt: skip
    return Result(table, units.provenance("Volumes of hospitals", {"level": level}))
