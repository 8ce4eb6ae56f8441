"""Invented centres and what is said of them for criteria: none exists, nothing is an assessment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from rarecare.care.criteria import Criterion, read_criteria
from rarecare.demo.care import Hospitals
from rarecare.demo.model import europe
from rarecare.demo.registry import CLOSING_DATE, Registry

SETS = ("general", "sarcoma")
INVENTED = "invented for the synthetic Europe"
_KINDS = ("self-declared", "certified")
_KNOWN, _YES, _CERTIFIED = 0.85, 0.8, 0.25  # shares
_STREAM = 3_000
_VALID_YEARS = 4


def evidence_table(registries: Sequence[Registry], seed: int) -> pl.DataFrame:
    """Return the evidence of one invented centre of each country, in the columns of evidence.

    Not every criterion has evidence; numbers are drawn about their threshold. Volumes are declared,
    never certified: those that the study can compute are computed. Everything here is drawn by the
    seed and the country alone.
    """
    rows = []
    for registry in registries:
        rng = np.random.default_rng([seed, registry.index, _STREAM])
        centre = centre_name(registry)
        for name in SETS:
            for one in read_criteria(name).criteria:
                known, yes, certified = rng.random(3) < (_KNOWN, _YES, _CERTIFIED)
                number, months = rng.random(), int(rng.integers(1, 36))
                if not known:
                    continue
                day = _earlier(CLOSING_DATE, months)
                rows.append(
                    {
                        "centre": centre,
                        "criterion": one.id,
                        "value": _value(one, number, yes=bool(yes)),
                        "met": ("yes" if yes else "no") if one.type == "text" else None,
                        "kind": _KINDS[int(certified and not one.volume)],
                        "date": day.isoformat(),
                        "source": INVENTED,
                        "expires": day.replace(year=day.year + _VALID_YEARS).isoformat(),
                    }
                )  # fmt: skip
    return pl.DataFrame(rows, schema_overrides={"met": pl.String})


def centre_name(registry: Registry) -> str:
    """Return the name of a country's centre: ``"Invented centre of Denmark"``."""
    return f"Invented centre of {registry.name.replace(' (synthetic)', '')}"


def centre_table(registries: Sequence[Registry], seed: int) -> pl.DataFrame:
    """Return the hospital of each centre: the first of reference for soft-tissue sarcoma.

    ``centre``, ``country``, ``hospital_id``.
    """
    rows = []
    own = europe().entities
    sarcoma = list(own.referral).index("soft tissue sarcoma")
    for registry in registries:
        hospitals = Hospitals.of(registry, seed)
        place = int(hospitals.order[hospitals.group[sarcoma], 0])
        rows.append((centre_name(registry), registry.code, hospitals.labels[place]))
    return pl.DataFrame(rows, schema=["centre", "country", "hospital_id"], orient="row")


def _value(one: Criterion, number: float, *, yes: bool) -> str:
    if one.type == "boolean":
        return "yes" if yes else "no"
    if one.type == "text":
        return f"a statement ({INVENTED})"
    if one.type == "proportion":
        return f"{60 + 40 * number:.0f}"
    about = one.threshold.value if one.threshold else 10.0
    return f"{about * (0.4 + 1.2 * number):.0f}"


def _earlier(day: date, months: int) -> date:
    whole = day.year * 12 + day.month - 1 - months
    return date(whole // 12, whole % 12 + 1, 15)
