"""Key figures: a number on its interval, with people and period, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from rarecare.portal import numbers
from rarecare.portal.estimates import words
from rarecare.portal.estimates.behind import CERTIFICATE, LOST, MICROSCOPE
from rarecare.portal.estimates.countries import places_of
from rarecare.portal.estimates.facts import Row, few, ok
from rarecare.study import schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from rarecare.portal.estimates.sheet import Asked


@dataclass(frozen=True, slots=True)
class Ruler:
    """The drawing of a value on its interval, from 0 to an end; in units of the drawing.

    Attributes
    ----------
    at, low, high
        Places on the line, which begins at 8.
    size
        Radius of the dot: it shrinks rather than hide its interval.
    end
        What the line ends at, in words.
    """

    at: str
    low: str
    high: str
    size: str
    end: str


@dataclass(frozen=True, slots=True)
class Key:
    """A key figure; without a value, ``missing`` says why.

    Attributes
    ----------
    title, value, unit
        What it is; the number; its unit.
    interval, people
        Its interval in words; how many people, where and when.
    ruler
        Its drawing.
    state, missing
        That there is no number, in a word, and why.
    uncertain
        Whether the codes of this cancer are uncertain: said beside the number.
    badge, data
        What the checks say of the data behind it, and the page that says more.
    """

    title: str
    value: str = ""
    unit: str = ""
    interval: str = ""
    people: str = ""
    ruler: Ruler | None = None
    state: str = ""
    missing: str = ""
    uncertain: bool = False
    badge: str = ""
    data: str = ""

    @classmethod
    def of_rate(cls, asked: Asked, title: str, row: Row | None) -> Key:
        """Return a rate per 100 000."""
        return cls._made(
            asked, title, row, numbers.rate, _("per 100 000 people"),
            end=round_end(row["upper"]) if row is not None and ok(row) else 1.0,
        )  # fmt: skip

    @classmethod
    def of_people(cls, asked: Asked, title: str, row: Row | None) -> Key:
        """Return a number of people."""
        return cls._made(
            asked, title, row, numbers.people, _("people"),
            end=round_end(row["upper"]) if row is not None and ok(row) else 1.0,
        )  # fmt: skip

    @classmethod
    def of_share(cls, asked: Asked, title: str, row: Row | None) -> Key:
        """Return a share in percent."""
        if row is not None and few(row):
            return cls(title, state=_("Too few people"), missing=words.few_people(),
                       uncertain=asked.entity.codes_confidence == "uncertain")  # fmt: skip
        end = max(1.0, row["upper"]) if row is not None and ok(row) else 1.0
        return cls._made(asked, title, row, numbers.percent, "%", end=end)

    @classmethod
    def _made(
        cls, asked: Asked, title: str, row: Row | None, write: Callable[[float], str], unit: str,
        *, end: float,
    ) -> Key:  # fmt: skip
        uncertain = asked.entity.codes_confidence == "uncertain"
        if row is None or not ok(row):
            return cls(
                title, state=words.state(row).capitalize(),
                missing=words.missing(asked.reader, row), uncertain=uncertain,
            )  # fmt: skip
        low, high = row["lower"], row["upper"]
        if low is None or high is None:
            return cls(
                title, state=_("No interval"), missing=_("A number without its interval is not "
                "shown."), uncertain=uncertain,
            )  # fmt: skip
        interval = (numbers.between if asked.reader == words.PATIENT else numbers.span)(
            low, high, write
        )
        return cls(
            title, write(row["estimate"]), unit,
            _("%(level)s interval: %(interval)s") % {
                "level": words.level(row), "interval": interval,
            },
            _people(asked, row),
            ruler_of(row["estimate"], low, high, end, unit=100 if write is numbers.percent else 1),
            uncertain=uncertain, badge=_badge(asked, row),
            data=f"{asked.places.home}quality/{asked.entity.slug}/",
        )  # fmt: skip


def _badge(asked: Asked, row: Row) -> str:
    """Return the checks that matter to a number: of survival, who was lost; else the diagnosis."""
    checks = asked.release.checks.get(asked.entity.entity_id, {})

    def percent(name: str) -> str:
        check = checks.get(name)
        if check is None or check["value"] is None:
            return words.state(check)
        return f"{numbers.number(check['value'], decimals=1)}%"

    if row["measure"] == schema.NET_SURVIVAL:
        return _("Data: lost to follow-up %(lost)s") % {"lost": percent(LOST)}
    return _("Data: confirmed under the microscope %(mv)s, death certificate only %(dco)s") % {
        "mv": percent(MICROSCOPE), "dco": percent(CERTIFICATE),
    }  # fmt: skip


def _people(asked: Asked, row: Row) -> str:
    """Return how many people a number is of, where and when, and whether they are invented."""
    parts = []
    counted = row["measure"] in (schema.PREVALENT, schema.COMPLETE_PERSONS)
    if row["n"] is not None and not counted:  # of prevalence the number itself are people
        form = _("%(n)s invented people") if asked.release.synthetic else _("%(n)s people")
        parts.append(form % {"n": numbers.number(row["n"])})
    elif asked.release.synthetic:
        parts.append(_("invented"))
    parts.append(places_of(asked.release))
    parts.append(numbers.years(row["period"]))
    if row["age_group"] != "all":
        parts.append(_("ages %(ages)s") % {"ages": numbers.ages(row["age_group"])})
    if row["standard"] != "none":
        parts.append(words.standard_name(row["standard"]))
    return ", ".join(parts)


def ruler_of(
    at: float, low: float, high: float, end: float, *, unit: float = 1.0, length: float = 224
) -> Ruler:  # fmt: skip
    """Return the drawing of a value on its interval, on a line of a length in px."""
    scale = length / end
    dot, left, right = (8 + scale * min(max(0.0, value), end) for value in (at, low, high))
    size = "4.5" if right - left > 12 else "3.5"
    return Ruler(
        f"{dot:.1f}", f"{left:.1f}", f"{right:.1f}", size, numbers.short(unit * end)
    )  # fmt: skip


def round_end(value: float) -> float:
    """Return a round number that is not below a value.

    >>> round_end(0.269), round_end(1100), round_end(0.0)
    (0.3, 1200.0, 1.0)
    """
    if value <= 0:
        return 1.0
    power = 10.0 ** floor(log10(value))
    for step in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10):
        if value <= step * power * (1 + 1e-9):
            return float(round(step * power, 10))
    raise AssertionError(value)  # the last step is above every value of this power
