"""Checks of the TNM classification: codes by edition, and where it applies.

Years of the editions: 4th 1987, 5th 1997, 6th 2002, 7th 2009 (in use from 2010), 8th 2016 (in use
from 2017), of the UICC; from memory.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import or_

import polars as pl

from rarecare.registry.checks.check import ENCR, Check
from rarecare.registry.checks.remedies import CONFIRM, CORRECT
from rarecare.registry.checks.stage_tables import highest
from rarecare.registry.checks.tnm_codes import IN_SITU, INVALID, TA
from rarecare.registry.checks.tumour import at, behaviour, morphology

PARTS = ("tnm_ct", "tnm_cn", "tnm_cm", "tnm_pt", "tnm_pn", "tnm_pm")
FIRST_YEAR = {4: 1987, 5: 1997, 6: 2002, 7: 2009, 8: 2016}

_edition = pl.col("tnm_edition")
_year = pl.col("_found_to") // 10_000
_any = reduce(or_, (pl.col(name).is_not_null() for name in PARTS))


def _invalid(part: str) -> pl.Expr:
    return _either(part, lambda number: number == INVALID)


def starts(part: str, first: int, last: int) -> pl.Expr:
    """Return whether the clinical or the pathological T, N or M is from first to last."""
    return _either(part, lambda number: (number // 10).is_between(first, last))


def _either(part: str, holds: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    parts = (holds(pl.col(f"_tnm_{side}{part}")).fill_null(value=False) for side in "cp")
    return reduce(or_, parts)


def _beyond(part: str) -> pl.Expr:
    """Return whether T or N is beyond the highest of the site in the edition."""
    place = pl.col("_stage_site").cast(pl.Int32) * 10 + _edition
    most = place.replace_strict(highest(part), default=None, return_dtype=pl.Int32)
    return _either(part, lambda number: (number < TA) & (number // 10 > most))


_LIST = "The codes of TNM are a closed list."

TNM = (
    Check(
        "t-invalid", "TNM", "error", "record", ("tnm_ct", "tnm_pt"), _invalid("t"),
        ENCR, "C", "The T is not a code of TNM", _LIST, CORRECT,
    ),
    Check(
        "n-invalid", "TNM", "error", "record", ("tnm_cn", "tnm_pn"), _invalid("n"),
        ENCR, "C", "The N is not a code of TNM", _LIST, CORRECT,
    ),
    Check(
        "m-invalid", "TNM", "error", "record", ("tnm_cm", "tnm_pm"), _invalid("m"),
        ENCR, "C", "The M is not a code of TNM", _LIST, CORRECT,
    ),
    Check(
        "m-edition", "TNM", "warning", "record", ("tnm_edition", "tnm_cm", "tnm_pm"),
        (_edition < 8) & _either("m", lambda number: number.is_in([14, 15])),
        ENCR, "C",
        "This edition of TNM does not have this M",
        "M1d came with the eighth edition.", CONFIRM,
    ),
    Check(
        "tnm-site-edition", "TNM", "warning", "record",
        ("tnm_edition", "topography", "morphology", "tnm_ct", "tnm_pt", "tnm_cn", "tnm_pn"),
        _beyond("t") | _beyond("n"), f"UICC TNM, from memory; {ENCR}", "C",
        "This T or N does not exist at this site in this edition of TNM",
        "The highest T and N differ by site and edition; often the edition is another.", CONFIRM,
    ),
    Check(
        "tnm-edition-year", "TNM", "warning", "record", ("tnm_edition", "incidence_date"),
        _year < _edition.replace_strict(FIRST_YEAR, default=None, return_dtype=pl.Int32),
        f"{ENCR}; years of the editions from memory", "C",
        "This edition of TNM did not yet exist in the year of incidence",
        "Stage is recorded by the edition in force at diagnosis.", CONFIRM,
    ),
    Check(
        "tnm-no-edition", "TNM", "warning", "record", ("tnm_edition", *PARTS),
        _edition.is_null() & _any, ENCR, "C",
        "A TNM without its edition",
        "The same letters mean different things in different editions.",
        "Add the edition, or the code for unknown.",
    ),
    Check(
        "tnm-not-applicable", "TNM", "warning", "record", ("topography", "morphology", *PARTS),
        _any & ((morphology >= 9590) | at(42, (70, 72), 76, 77, 80)), ENCR, "C",
        "TNM does not apply to this tumour",
        "There is no TNM of blood, lymph nodes, brain or an unknown primary.", CONFIRM,
    ),
    Check(
        "tnm-in-situ", "TNM", "warning", "record", ("behaviour", "tnm_pt", "topography"),
        (behaviour == 3) & (pl.col("_tnm_pt") == IN_SITU) & ~at((65, 68)), ENCR, "D",
        "T in situ although the behaviour is malignant",
        "A tumour that invades is T1 or more.", CONFIRM,
    ),
    Check(
        "in-situ-spread", "TNM", "warning", "record",
        ("behaviour", "tnm_ct", "tnm_cn", "tnm_cm", "tnm_pt", "tnm_pn", "tnm_pm"),
        (behaviour == 2) & (starts("t", 1, 4) | starts("n", 1, 3) | starts("m", 1, 1)),
        ENCR, "D",
        "In situ although TNM says invasion or spread",
        "A tumour in situ has neither invaded nor spread.", CONFIRM,
    ),
)  # fmt: skip
