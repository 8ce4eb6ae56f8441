"""How rare it is: a rate as people in a million, in a practice, in a region."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, exp, sqrt
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from rarecare.portal import numbers

Row = Mapping[str, Any]
MILLION, PER = 1_000_000, 100_000
PRACTICE = 2_000
"""Patients of a family doctor in the sentence on how rarely one is met."""
REGION = 10_000_000
"""People a health authority is taken to plan for."""


def told_each_year(row: Row) -> str:
    """Return a rate as people in a million."""
    per_million = row["estimate"] * MILLION / PER
    low, high = (row[limit] * MILLION / PER for limit in ("lower", "upper"))
    if row["n"] == 0:
        return _("No one was told in these years that they have it.")
    if per_million < 0.95:
        return _(
            "Fewer than 1 person in a million is told each year that they have it; likely no "
            "more than %(high)s."
        ) % {"high": numbers.number(ceil(high))}
    about = ngettext(
        "About %(count)s person in a million is told each year that they have it",
        "About %(count)s people in a million are told each year that they have it",
        round(per_million),
    ) % {"count": whole(per_million)}
    return _("%(about)s; likely %(interval)s.") % {
        "about": about,
        "interval": numbers.between(low, high, whole),
    }


def in_a_practice(row: Row) -> str:
    """Return how rarely a family doctor meets it."""
    rate = row["estimate"] * PRACTICE / PER
    if not row["n"] or rate <= 0:
        return _("No case in these years; a family doctor will very rarely meet it.")
    years, low = 1 / rate, PER / PRACTICE / row["upper"]
    high = PER / PRACTICE / row["lower"] if row["lower"] > 0 else None
    if years < 1:
        return _("In a practice of %(practice)s people: about %(count)s new people a year.") % {
            "practice": numbers.number(PRACTICE), "count": numbers.two_digits(rate),
        }  # fmt: skip
    interval = (
        numbers.span(low, high, numbers.two_digits)
        if high is not None
        else _("%(years)s or more") % {"years": numbers.two_digits(low)}
    )
    return _(
        "In a practice of %(practice)s people: one new person in about %(years)s years "
        "(%(interval)s)."
    ) % {
        "practice": numbers.number(PRACTICE),
        "years": numbers.two_digits(years),
        "interval": interval,
    }


def in_ten_million(row: Row) -> str:
    """Return a rate as cases a year among ten million, with the spread of chance alone."""
    mean = row["estimate"] * REGION / PER
    low, high = poisson_range(mean)
    if round(mean) == 0:
        return _("Fewer than 1 a year in 10 million people, most years 0 to %(high)s.") % {
            "high": numbers.number(high)
        }
    return _("%(mean)s a year in 10 million people, most years %(low)s to %(high)s.") % {
        "mean": whole(mean), "low": numbers.number(low), "high": numbers.number(high),
    }  # fmt: skip


def poisson_range(mean: float) -> tuple[int, int]:
    """Return the counts between which 95 of 100 years fall, by chance alone.

    The 2.5% and 97.5% quantiles of a Poisson count; above 500 by its normal approximation.

    >>> poisson_range(24)
    (15, 34)
    """
    if mean > 500:
        half = 1.959964 * sqrt(mean)
        return round(mean - half), round(mean + half)
    term = total = exp(-mean)
    low, k = None, 0
    while True:
        if low is None and total >= 0.025:
            low = k
        if total >= 0.975:
            return low or 0, k
        k += 1
        term *= mean / k
        total += term


def whole(value: float) -> str:
    """Return a number of people, whole; below one in words."""
    return _("fewer than 1") if 0 < value < 0.5 else numbers.number(round(value))
