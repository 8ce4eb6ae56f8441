"""Checks of the TNM classification: codes by edition, and where it applies.

Years of the editions: 4th 1987, 5th 1997, 6th 2002, 7th 2009 (in use from 2010), 8th 2016 (in use
from 2017), of the UICC; from memory.
"""

from __future__ import annotations

from functools import reduce
from operator import or_

import polars as pl

from rarecare.registry.checks.check import ENCR, Check
from rarecare.registry.checks.remedies import CONFIRM, CORRECT
from rarecare.registry.checks.tumour import at, behaviour, morphology

PARTS = ("tnm_ct", "tnm_cn", "tnm_cm", "tnm_pt", "tnm_pn", "tnm_pm")
FIRST_YEAR = {4: 1987, 5: 1997, 6: 2002, 7: 2009, 8: 2016}

T_CODES = r"^(?i)(X|0|A|IS|[1-4]([A-E][1-3]?|MI(C)?)?)$"
N_CODES = r"^(?i)(X|0|[1-3]([A-D]|MI)?)$"
M_CODES = r"^(?i)(X|0|1([A-E])?)$"

_edition = pl.col("tnm_edition")
_year = pl.col("_found_to") // 10_000
_any = reduce(or_, (pl.col(name).is_not_null() for name in PARTS))


def text(name: str) -> pl.Expr:
    """Return a part of TNM in capitals without its own letter: ``T1a`` and ``1A`` are one."""
    own = name[-1].upper()
    return pl.col(name).str.to_uppercase().str.strip_prefix(own)


def _listed(part: str, codes: str) -> pl.Expr:
    clinical, pathological = text(f"tnm_c{part}"), text(f"tnm_p{part}")
    wrong = (~clinical.str.contains(codes)).fill_null(value=False)
    return wrong | (~pathological.str.contains(codes)).fill_null(value=False)


def starts(part: str, digits: str) -> pl.Expr:
    """Return whether the clinical or the pathological part begins with one of these digits."""
    pattern = f"^[{digits}]"
    return text(f"tnm_c{part}").str.contains(pattern).fill_null(value=False) | text(
        f"tnm_p{part}"
    ).str.contains(pattern).fill_null(value=False)


_LIST = "The codes of TNM are a closed list."

TNM = (
    Check(
        "t-invalid", "TNM", "error", "record", ("tnm_ct", "tnm_pt"), _listed("t", T_CODES),
        ENCR, "C", "The T is not a code of TNM", _LIST, CORRECT,
    ),
    Check(
        "n-invalid", "TNM", "error", "record", ("tnm_cn", "tnm_pn"), _listed("n", N_CODES),
        ENCR, "C", "The N is not a code of TNM", _LIST, CORRECT,
    ),
    Check(
        "m-invalid", "TNM", "error", "record", ("tnm_cm", "tnm_pm"), _listed("m", M_CODES),
        ENCR, "C", "The M is not a code of TNM", _LIST, CORRECT,
    ),
    Check(
        "m-edition", "TNM", "warning", "record", ("tnm_edition", "tnm_cm", "tnm_pm"),
        ((_edition < 8) & (text("tnm_cm").str.contains("^1D") | text("tnm_pm").str.contains("^1D")))
        | ((_edition < 4) & _any),
        ENCR, "C",
        "This edition of TNM does not have this M",
        "M1d came with the eighth edition.", CONFIRM,
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
        "tnm-in-situ", "TNM", "warning", "record", ("behaviour", "tnm_ct", "tnm_pt"),
        (behaviour == 3) & text("tnm_pt").is_in(["IS"]) & ~at((65, 68)), ENCR, "D",
        "T in situ although the behaviour is malignant",
        "A tumour that invades is T1 or more.", CONFIRM,
    ),
    Check(
        "in-situ-spread", "TNM", "warning", "record",
        ("behaviour", "tnm_ct", "tnm_cn", "tnm_cm", "tnm_pt", "tnm_pn", "tnm_pm"),
        (behaviour == 2) & (starts("t", "1-4") | starts("n", "1-3") | starts("m", "1")),
        ENCR, "D",
        "In situ although TNM says invasion or spread",
        "A tumour in situ has neither invaded nor spread.", CONFIRM,
    ),
)  # fmt: skip
