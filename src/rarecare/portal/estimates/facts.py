"""What a release holds of one cancer: its rows, named once. Nothing is computed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rarecare.portal.estimates.rows import (
    FEWEST,
    length,
    main_ages,
    prevalence_rows,
    spoken_of,
    standard_of,
)
from rarecare.portal.opened import Entity, OpenedRelease, once
from rarecare.results import OK
from rarecare.study import schema

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """The rows of a cancer that pages speak of; None where the release has none.

    Attributes
    ----------
    crude, standardised
        Incidence of all areas, both sexes, all ages, the whole period.
    crude_by_sex
        The same by sex.
    standard
        Name of the standard population.
    survival
        Net survival of all areas by the study's own times, of ``ages``.
    survival_standardised
        The same, age-standardised.
    survival_by_age, survival_by_sex
        Rows by (age group or sex, years).
    years
        The study's own times, in years.
    spoken_of
        The time that pages speak of.
    ages
        Ages survival is spoken of.
    trend
        Annual percentage change.
    prevalent
        People alive by window, the shortest first.
    prevalence
        The same per 100 000.
    complete
        People ever diagnosed.
    projected
        Projected cases a year by period.
    expected
        Expected cases by area.
    """

    crude: Row | None
    standardised: Row | None
    crude_by_sex: Mapping[str, Row]
    standard: str
    survival: Mapping[float, Row]
    survival_standardised: Mapping[float, Row]
    survival_by_age: Mapping[tuple[str, float], Row]
    survival_by_sex: Mapping[tuple[str, float], Row]
    years: Sequence[float]
    spoken_of: float
    ages: str
    trend: Row | None
    prevalent: Sequence[Row]
    prevalence: Sequence[Row]
    complete: Row | None
    projected: Sequence[Row]
    expected: Sequence[Row]

    @staticmethod
    @once
    def of(release: OpenedRelease, entity: Entity) -> Facts:
        """Return the facts of a cancer."""
        found = release.rows(entity.entity_id)
        ages, years = (
            main_ages(release, entity),
            tuple(release.manifest["choices"]["survival"]["at"]),
        )
        standard = standard_of(release, entity)
        period = release.period
        whole = [
            row for row in found.get(schema.INCIDENCE, ())
            if (row["area"], row["age_group"], row["period"]) == (schema.ALL, schema.ALL, period)
        ]  # fmt: skip
        rates = {(row["sex"], row["standard"]): row for row in whole}
        curve = [
            row for row in found.get(schema.NET_SURVIVAL, ())
            if row["area"] == schema.ALL and row["time_years"] in years
        ]  # fmt: skip
        both = [row for row in curve if row["sex"] == schema.ALL]
        alive = prevalence_rows(release, entity)
        return Facts(
            crude=rates.get((schema.ALL, schema.NONE)),
            standardised=None if standard == schema.NONE else rates.get((schema.ALL, standard)),
            crude_by_sex={s: rates[s, schema.NONE] for s in ("male", "female")
                          if (s, schema.NONE) in rates},
            standard=standard,
            survival={row["time_years"]: row for row in both
                      if row["age_group"] == ages and row["standard"] == schema.NONE},
            survival_standardised={row["time_years"]: row for row in both
                                   if row["age_group"] == ages and row["standard"] != schema.NONE},
            survival_by_age={(row["age_group"], row["time_years"]): row for row in both
                             if row["age_group"] != ages and row["standard"] == schema.NONE},
            survival_by_sex={(row["sex"], row["time_years"]): row for row in curve
                             if row["sex"] != schema.ALL and row["age_group"] == ages
                             and row["standard"] == schema.NONE},
            years=years,
            spoken_of=spoken_of(release),
            ages=ages,
            trend=release.row(entity.entity_id, schema.TREND, age_group=schema.ALL),
            prevalent=[row for row in alive if row["measure"] == schema.PREVALENT],
            prevalence=sorted(
                (row for row in found.get(schema.PREVALENCE, ())
                 if row["area"] == schema.ALL and row["sex"] == schema.ALL),
                key=lambda row: length(row["period"]),
            ),
            complete=next(
                (row for row in alive if row["measure"] == schema.COMPLETE_PERSONS), None
            ),
            projected=sorted(
                (row for row in found.get(schema.PROJECTED, ())
                 if (row["area"], row["sex"]) == (schema.ALL, schema.ALL)),
                key=lambda row: str(row["period"]),
            ),
            expected=sorted(found.get(schema.EXPECTED, ()), key=lambda row: str(row["area"])),
        )  # fmt: skip

    @property
    def at(self) -> Row | None:
        """Net survival at the time spoken of."""
        return self.survival.get(self.spoken_of)


def ok(row: Row | None) -> bool:
    """Return whether a row has a number."""
    return row is not None and row["status"] == OK


def few(row: Row) -> bool:
    """Return whether a share is of so few people that it is neither drawn nor said."""
    return ok(row) and (row["n"] or 0) < FEWEST


def peak_age(rows: Sequence[Row]) -> Row | None:
    """Return the age with the highest rate of those shown; None of fewer than three with cases."""
    shown = [row for row in rows if ok(row) and row["n"]]
    return max(shown, key=lambda row: float(row["estimate"])) if len(shown) >= 3 else None
