"""Checks of treatment, the first course."""

from __future__ import annotations

from functools import reduce
from operator import or_

import polars as pl

from rarecare.registry.checks.check import ENCR, Check
from rarecare.registry.checks.columns import CARRIED
from rarecare.registry.checks.remedies import CONFIRM, CORRECT
from rarecare.registry.checks.tumour import at, basis, morphology

TREATMENTS = tuple(name for name in CARRIED if name.startswith("treatment_"))
_treated = reduce(or_, ((pl.col(name) >= 1).fill_null(value=False) for name in TREATMENTS))

TREATMENT = (
    Check(
        "no-surgery-pathological", "treatment", "warning", "record",
        ("treatment_surgery", "tnm_pt", "tnm_pn"),
        (pl.col("treatment_surgery") == 0)
        & (pl.col("tnm_pt").is_not_null() | pl.col("tnm_pn").is_not_null()), ENCR, "C",
        "A pathological T or N without surgery",
        "They are known from what was removed.", CONFIRM,
    ),
    Check(
        "stem-cell-solid", "treatment", "warning", "record",
        ("treatment_stem_cell", "morphology", "age"),
        (pl.col("treatment_stem_cell") == 1) & (morphology < 9590) & (pl.col("_age") >= 20),
        ENCR, "C",
        "Stem cell transplantation of an adult with a solid tumour",
        "It is given for diseases of blood and lymph, and to children.", CONFIRM,
    ),
    Check(
        "hormones-site", "treatment", "warning", "record", ("treatment_hormonal", "topography"),
        (pl.col("treatment_hormonal") == 1) & ~at(50, 54, 61, 73), ENCR, "C",
        "Hormonal therapy outside breast, uterus, prostate and thyroid",
        "Few other tumours respond to it.", CONFIRM,
    ),
    Check(
        "dco-treated", "death certificate only", "warning", "record",
        ("basis_of_diagnosis", *TREATMENTS), (basis == 0) & _treated, ENCR, "C",
        "Known from a death certificate only, but treated",
        "Who was treated was known before death, so the basis of diagnosis is another.", CORRECT,
    ),
)  # fmt: skip
