"""Age groups as files label them: ``0-4``, ``85+``, ``[5,10)``, single years, numbers 1 to 18."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import pairwise
from typing import Literal

import numpy as np
import polars as pl

from rarecare.errors import PopulationError

AgeGroups = Literal["lower", "number"]

_LABELS = (
    re.compile(r"(?P<lower>\d+)"),
    re.compile(r"(?P<lower>\d+)\s*[-–]\s*(?P<last>\d+)"),
    re.compile(r"(?P<lower>\d+)\s*(?P<open>\+)"),
    re.compile(r"\[\s*(?P<lower>\d+)\s*,\s*(?:(?P<end>\d+)|(?P<open>[Ii]nf))\s*\)"),
)


def age_bounds(
    values: pl.Series, age_groups: AgeGroups | None, column: str, file: str
) -> tuple[pl.Series, int | None, list[str]]:
    """Return each row's lower bound, the end of the last group, and notes.

    Parameters
    ----------
    values
        Labels: ``0-4``, ``85+``, ``[5,10)``, or bare whole numbers.
    age_groups
        What bare numbers are, where that can be read two ways; see ``Population.read``.
    column, file
        For messages.

    Raises
    ------
    PopulationError
        A label is no age group, or groups overlap or leave a gap.
    """
    text = values.cast(pl.String).str.strip_chars().str.replace(r"^(\d+)\.0$", "$1")

    def refusal(problem: str, label: str | None, allowed: str) -> PopulationError:
        row = text.to_list().index(label) + 2
        remedy = "Correct the file; leave out totals and unknown ages."
        return PopulationError(
            problem, file=file, row=row, column=column, value=label, allowed=allowed, remedy=remedy
        )

    ends: dict[str, tuple[int, float | None]] = {}
    for label in text.unique(maintain_order=True):
        group = _read_label(label or "", age_groups)
        if group is None:
            numbers = age_groups == "number"
            allowed = "1 to 18" if numbers else "whole numbers, 0-4, 85+, [5,10)"
            raise refusal("this is no age group" if label else "an age is missing", label, allowed)
        ends[label] = group
    if age_groups is None and _ambiguous(ends):
        raise refusal(
            "these ages may be single years or numbers of age groups",
            min(ends, key=int),
            "age_groups='lower' for ages, age_groups='number' for 1 = 0-4 to 18 = 85+",
        )
    ordered = sorted(ends, key=lambda label: ends[label][0])
    for label, following in pairwise(ordered):
        if ends[label][1] not in (None, ends[following][0]):
            problem = f"the age groups {label} and {following} overlap or leave a gap"
            raise refusal(problem, following, "groups that follow one another")
    lower = text.replace_strict({k: v[0] for k, v in ends.items()}, return_dtype=pl.Int64)
    start, end = ends[ordered[-1]]
    if end is None:
        return lower, None, [f"the last age group, from {start}, is taken as open"]
    if end == np.inf:
        return lower, None, []
    return lower, int(end), [f"ages end before {int(end)}"]


def first_age(label: str, age_groups: AgeGroups | None) -> int | None:
    """Return the first age of a group by its label, None where it is no age group.

    >>> first_age("85+", None), first_age("2", "number"), first_age("x", None)
    (85, 5, None)
    """
    group = _read_label(label, age_groups)
    return None if group is None else group[0]


def may_be_numbers(labels: Collection[str]) -> bool:
    """Return whether bare numbers may be single years of age or numbers of age groups."""
    return _ambiguous(labels)


def _read_label(label: str, age_groups: AgeGroups | None) -> tuple[int, float | None] | None:
    """Return the first age of a group and its end: None when unsaid, infinite when open."""
    if age_groups == "number":
        return (5 * int(label) - 5, None) if label in map(str, range(1, 19)) else None
    for pattern in _LABELS:
        match = pattern.fullmatch(label)
        if match:
            part = match.groupdict()
            lower = int(part["lower"])
            if part.get("open"):
                return lower, np.inf
            end = int(part["last"]) + 1 if part.get("last") else part.get("end")
            return (lower, int(end) if end else None) if not end or int(end) > lower else None
    return None


def _ambiguous(labels: Collection[str]) -> bool:
    """Whether these are bare numbers in an unbroken run that numbers of groups could be."""
    if len(labels) < 2 or not all(label.isdigit() for label in labels):
        return False
    ages = sorted(map(int, labels))
    return ages[0] <= 1 and ages[-1] <= 21 and ages == list(range(ages[0], ages[-1] + 1))
