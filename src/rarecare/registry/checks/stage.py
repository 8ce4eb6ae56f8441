"""Checks of stage: with TNM, behaviour, site and the system it is of."""

from __future__ import annotations

import polars as pl

from rarecare.registry.checks.check import ENCR, Check
from rarecare.registry.checks.remedies import CONFIRM, CORRECT
from rarecare.registry.checks.stage_tables import STAGES
from rarecare.registry.checks.tnm import starts
from rarecare.registry.checks.tumour import among, at, behaviour, morphology
from rarecare.registry.encr_columns import TNM_TYPES

_stage, _type, _age = pl.col("stage_code"), pl.col("stage_type"), pl.col("_age")
_tnm_stage = _type.is_in(list(TNM_TYPES))
_spread = starts("m", 1, 1)
_THYROID = at(73) & (_age < 55) & among(morphology, [8050, (8260, 8263), (8290, 8350)])
_OTHER_TABLE = at(58, 62) | _THYROID
"""No stage IV by M1: testis (III), gestational tumours (III), differentiated thyroid of the
young (II)."""

_LYMPHOMA = among(morphology, [(9590, 9729), (9735, 9738), 9761, (9811, 9819), 9823, 9827, 9837])
_TABLE = "The table of stages gives another stage to this T, N and M."

STAGE = (
    Check(
        "m1-stage", "stage", "error", "record",
        ("stage_type", "stage_code", "tnm_cm", "tnm_pm", "topography", "morphology", "age"),
        _tnm_stage & _spread & _stage.is_between(0, 3) & ~_OTHER_TABLE, ENCR, "C",
        "Stage below IV although there are distant metastases", _TABLE, CORRECT,
    ),
    Check(
        "stage-tnm", "stage", "warning", "record",
        ("stage_type", "stage_code", "tnm_edition", "topography", "morphology",
         "tnm_ct", "tnm_cn", "tnm_cm", "tnm_pt", "tnm_pn", "tnm_pm"),
        (pl.col("_stages") > 0)
        & (_stage.replace_strict({k: 2**k for k in STAGES}, default=None, return_dtype=pl.Int8)
           & pl.col("_stages") == 0),
        f"UICC TNM, from memory; {ENCR}", "C",
        "T, N and M give another stage at this site", _TABLE, CONFIRM,
    ),
    Check(
        "stage-in-situ", "stage", "warning", "record", ("stage_code", "behaviour", "topography"),
        ((behaviour == 2) & (_stage >= 1))
        | ((behaviour == 3) & (_stage == 0) & ~at((65, 68))), ENCR, "D",
        "Stage and behaviour contradict one another",
        "Stage 0 is in situ; a tumour in situ has no other stage.", CONFIRM,
    ),
    Check(
        "stage-without-system", "stage", "warning", "record", ("stage_type", "stage_code"),
        _type.is_null() & _stage.is_not_null(), ENCR, "C",
        "A stage without its system",
        "A number is a stage only with the system it is of.",
        "Add the type of stage, or the code for unknown.",
    ),
    Check(
        "ann-arbor", "stage system", "warning", "record", ("stage_type", "morphology"),
        (_type == "A") & ~_LYMPHOMA, ENCR, "C",
        "Ann Arbor or Lugano stage of a tumour that is no lymphoma",
        "This system is for lymphomas only.", CONFIRM,
    ),
    Check(
        "figo", "stage system", "warning", "record", ("stage_type", "topography"),
        (_type == "F") & ~(at((51, 58)) | pl.col("_site").is_between(481, 482)),
        f"{ENCR}; the peritoneum added, which FIGO stages with the ovary", "C",
        "FIGO stage of a tumour outside the female genital organs",
        "This system is for C51 to C58 and the peritoneum only.", CONFIRM,
    ),
    Check(
        "dukes", "stage system", "warning", "record", ("stage_type", "topography"),
        (_type == "D") & ~at((18, 20)), ENCR, "C",
        "Dukes stage of a tumour outside colon and rectum",
        "This system is for C18 to C20 only.", CONFIRM,
    ),
    Check(
        "toronto", "stage system", "warning", "record", ("stage_type", "age"),
        _type.is_in(["T1", "T2"]) & (_age >= 20), ENCR, "C",
        "Toronto stage at 20 years or more",
        "This system is for children and adolescents.", CONFIRM,
    ),
)  # fmt: skip
