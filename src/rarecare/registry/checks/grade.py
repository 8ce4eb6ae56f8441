"""Checks of grade and immunophenotype with behaviour and morphology."""

from __future__ import annotations

from functools import reduce
from operator import or_

import polars as pl

from rarecare.registry.checks.check import ENCR, IARC, Check
from rarecare.registry.checks.remedies import CONFIRM
from rarecare.registry.checks.tumour import Codes, among, behaviour, morphology

_grade = pl.col("grade")

GRADES_OF: tuple[tuple[Codes, tuple[int, ...]], ...] = (
    ((8331, 9187, 9511), (1,)),
    ((8249, 8332, 9083, 9243, 9372), (2,)),
    ((8631, 8634), (3,)),
    ((8020, 8021, 8805, 9062, 9082, 9392, 9401, 9451, 9505, 9512), (4,)),
)
"""Solid tumours whose name says their grade."""

LINEAGE_OF: tuple[tuple[Codes, tuple[int, ...]], ...] = (
    ((9702, 9705, 9708, 9709, (9716, 9718), 9724, 9726, 9729, 9827, 9834, 9837), (5,)),
    ((9714,), (4, 5, 7)),
    (((9700, 9701), (9703, 9704), (9706, 9707), (9710, 9711), 9713, 9715, 9719), (5, 8)),
    (
        ((9670, 9699), 9712, 9728, (9737, 9738), (9811, 9818), 9823, 9833, 9836),
        (6,),
    ),
    ((9948,), (8,)),
)
"""Lymphomas and leukaemias whose name says their cell. The source has 9719 both with T-cell alone
and with T-cell or NK-cell: the wider is taken."""


def _other(known: tuple[tuple[Codes, tuple[int, ...]], ...]) -> pl.Expr:
    return reduce(or_, (among(morphology, codes) & ~_grade.is_in(right) for codes, right in known))


GRADES = (
    Check(
        "grade-behaviour", "grade", "warning", "record", ("grade", "behaviour"),
        _grade.is_not_null() & (behaviour != 3),
        f"{ENCR}; an error in {IARC}", "C",
        "A grade although the tumour is not malignant",
        "Grade describes malignant tumours.", "Send 9, or correct the behaviour.",
    ),
    Check(
        "grade-morphology", "grade", "warning", "record", ("grade", "morphology"),
        _other(GRADES_OF), f"{IARC} (an error there); {ENCR}", "A",
        "The name of this tumour says another grade",
        "The morphology and the grade contradict one another.", CONFIRM,
    ),
    Check(
        "immunophenotype-solid", "grade", "warning", "record", ("grade", "morphology"),
        _grade.is_between(5, 8) & (morphology < 9590), f"{IARC} (an error there); {ENCR}", "A",
        "An immunophenotype although the tumour is solid",
        "5 to 8 are T-cell, B-cell, null cell and NK-cell: of lymphomas and leukaemias only.",
        CONFIRM,
    ),
    Check(
        "immunophenotype-morphology", "grade", "warning", "record", ("grade", "morphology"),
        _other(LINEAGE_OF), f"{IARC} (an error there)", "A",
        "The name of this lymphoma or leukaemia says another cell",
        "The morphology and the immunophenotype contradict one another.", CONFIRM,
    ),
)  # fmt: skip
