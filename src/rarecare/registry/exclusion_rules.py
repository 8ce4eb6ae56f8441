"""The reasons for which a record is left out, as data, and the choices they depend on.

Source: METHODS section 0, which fixes their order.
A reason is one entry in ``RULES``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

import polars as pl

from rarecare.errors import UsageError

Purpose = Literal["survival", "incidence", "prevalence"]

UNREADABLE = "_unreadable"
"""Working column: the value of a needed column was rejected on reading, or is unknown."""

LATER = "_later_primary"
"""Working column: another tumour of the same person came first, or it is the same primary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExclusionRules:
    """Who is counted.

    Attributes
    ----------
    purpose
        ``"survival"`` also needs follow-up, and leaves out DCO and autopsy-only cases;
        ``"prevalence"`` too, but a case lost on the day of incidence was alive on it.
    behaviours
        ICD-O-3 behaviours counted. None: all.
    period
        First and last date of incidence counted, both included; None leaves an end open,
        or both.
        Cases without an incidence date are never counted where there is such a column.
    ages
        Lowest and highest completed age counted; None: all, unknown ages too.
        By purpose: 15-99 for survival, None for incidence and prevalence.
    needed
        Further columns whose value must be known: unknown counts as unreadable.
    strata
        Columns whose values must be readable, while unknown is a group of its own.
    classified
        Leave out cases whose ``entity_tier1`` is null.
    first_primary_only
        Count a person's first tumour only: the earliest date of incidence, then the first
        line, among tumours of the behaviours counted, whatever their period, entity or area.
    multiple_primaries
        Count new primaries only, by this variant of the international rules (see
        ``registry.multiple_primaries``), among tumours of the behaviours counted, whatever
        their period, entity or area. None: every record is one.
    drop_dco, drop_autopsy
        Leave out death-certificate-only and autopsy-only cases from survival.
    """

    purpose: Purpose = "survival"
    behaviours: tuple[int, ...] | None = (3,)
    period: tuple[date | None, date | None] | None = None
    ages: tuple[int, int] | Literal["by purpose"] | None = "by purpose"
    needed: tuple[str, ...] = ("sex",)
    strata: tuple[str, ...] = ()
    classified: bool = True
    first_primary_only: bool = False
    multiple_primaries: str | None = None
    drop_dco: bool = True
    drop_autopsy: bool = True

    def __post_init__(self) -> None:
        if self.purpose not in get_args(Purpose):
            raise UsageError("purpose is not known", value=self.purpose, allowed=get_args(Purpose))
        start, end = self.period or (None, None)
        youngest, oldest = self.age_range or (0, 0)
        if (start is not None and end is not None and start > end) or youngest > oldest:
            raise UsageError(
                "a range of the exclusion rules ends before it begins",
                value=f"period {start} to {end}, ages {youngest} to {oldest}",
                allowed="the lower end first",
            )

    @property
    def follow_up(self) -> bool:
        """Whether follow-up is needed."""
        return self.purpose != "incidence"

    @property
    def one_record_for_each(self) -> bool:
        """Whether a person's tumours are compared."""
        return self.first_primary_only or self.multiple_primaries is not None

    @property
    def age_range(self) -> tuple[int, int] | None:
        """Lowest and highest completed age counted, or None."""
        if self.ages == "by purpose":
            return (15, 99) if self.purpose == "survival" else None
        return self.ages


@dataclass(frozen=True, slots=True)
class Rule:
    """One reason to leave a record out.

    Attributes
    ----------
    reason
        As the accounting names it.
    column
        The column it looks at; without it the rule is not applied.
    excludes
        The expression that is true for a record left out (null counts as false),
        or None where the rule is off.
    asked
        Whether the caller asked for it by name, so that a missing column is an error.
    """

    reason: str
    column: str
    excludes: Callable[[ExclusionRules], pl.Expr | None]
    asked: Callable[[ExclusionRules], bool] = lambda _: False


def _outside_period(rules: ExclusionRules) -> pl.Expr:
    start, end = rules.period or (None, None)
    incidence = pl.col("incidence_date")
    outside = incidence.is_null()
    if start is not None:
        outside |= incidence < start
    if end is not None:
        outside |= incidence > end
    return outside


def not_among(column: str, allowed: tuple[int, ...] | None) -> pl.Expr | None:
    """Return what is true where the value is none of those allowed; None when all are."""
    if allowed is None:
        return None
    return ~pl.col(column).is_in(allowed).fill_null(value=False)


def _outside_ages(rules: ExclusionRules) -> pl.Expr | None:
    if rules.age_range is None:
        return None
    return ~pl.col("age").is_between(*rules.age_range).fill_null(value=False)


_follow_up, _status = pl.col("follow_up_days"), pl.col("vital_status")

RULES = (
    Rule("unreadable", UNREADABLE, lambda _: pl.col(UNREADABLE)),
    Rule("not resident", "resident", lambda _: pl.col("resident") == "no"),
    Rule("behaviour", "behaviour", lambda rules: not_among("behaviour", rules.behaviours)),
    Rule(
        "outside the period",
        "incidence_date",
        _outside_period,
        lambda rules: rules.period is not None,
    ),
    Rule(
        "entity not classified",
        "entity_tier1",
        lambda rules: pl.col("entity_tier1").is_null() if rules.classified else None,
    ),
    Rule(
        "duplicate or not a new primary",
        "patient_id",
        lambda rules: pl.col(LATER) if rules.one_record_for_each else None,
        lambda rules: rules.one_record_for_each,
    ),
    Rule("age unknown or outside", "age", _outside_ages),
    Rule(
        "DCO",
        "basis_of_diagnosis",
        lambda rules: (
            pl.col("basis_of_diagnosis") == 0 if rules.follow_up and rules.drop_dco else None
        ),
    ),
    Rule(
        "autopsy only",
        "autopsy",
        lambda rules: pl.col("autopsy") == 1 if rules.follow_up and rules.drop_autopsy else None,
    ),
    Rule(
        "follow-up missing or negative",
        "follow_up_days",
        lambda rules: _follow_up.is_null() | (_follow_up < 0) if rules.follow_up else None,
    ),
    Rule(
        "vital status unknown",
        "vital_status",
        lambda rules: _status.is_null() if rules.follow_up else None,
    ),
    Rule(
        "zero follow-up alive",
        "follow_up_days",
        lambda rules: (
            (_follow_up == 0) & (_status != "dead") if rules.purpose == "survival" else None
        ),
    ),
)
"""The reasons in the order applied: a record counts under the first that holds."""
