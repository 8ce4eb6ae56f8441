"""Checks of the tumour's codes: their validity, and with sex, site, behaviour and basis."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_

import polars as pl

from rarecare.codes.icdo3 import histology_numbers, morphologies
from rarecare.registry.checks.check import ENCR, IARC, Check
from rarecare.registry.checks.remedies import CONFIRM, CORRECT

Codes = Sequence[int | tuple[int, int]]


def among(values: pl.Expr, codes: Codes) -> pl.Expr:
    """Return whether values are among codes; a pair is a range with both ends."""
    single = [code for code in codes if isinstance(code, int)]
    parts = [values.is_between(*ends) for ends in codes if isinstance(ends, tuple)]
    parts += [values.is_in(single)] if single else []
    return reduce(or_, parts)


def at(*groups: int | tuple[int, int]) -> pl.Expr:
    """Return whether the site is in groups of three characters: 44, or (51, 58) for C51-C58."""
    ends = [(group, group) if isinstance(group, int) else group for group in groups]
    return among(pl.col("_site"), [(first * 10, last * 10 + 9) for first, last in ends])


sex, morphology = pl.col("sex"), pl.col("morphology")
behaviour, basis = pl.col("behaviour"), pl.col("basis_of_diagnosis")

FEMALE_MORPHOLOGY: Codes = (
    8905, (8930, 8931), 8442, 8444, 8451, (8462, 8463), (8472, 8473), (8600, 8602), 8610, 8660,
    8670, 9000, 9060, (9090, 9091), 8384, 8482, 8933, 8950, (9103, 9105),
)  # fmt: skip
"""Families 22 to 26 of IARC: genital rhabdomyoma, endometrial stroma, ovary, placenta, female
genital organs. Members from the terms of ICD-O-3; those the testis has too are left out."""

MALE_MORPHOLOGY: Codes = (8080, (9061, 9063), 9102)
"""Families 27 and 28 of IARC: Queyrat, testis."""

CLINICAL: Codes = (
    8000, (8150, 8154), 8170, (8270, 8281), 8800, 8960, 9050, 9100, 9140, 9350, 9380, 9384, 9500,
    9510, (9530, 9539), 9590, 9732, 9761, 9800,
)  # fmt: skip
"""Morphologies that may be known without a microscope; also 8720 of skin and eye."""

MARKED: Codes = (8000, 8170, 8970, (9100, 9105), 9500, 8700, (8270, 8281), 9732, 9761)
"""Morphologies that a tumour marker can tell; also 8140 of the prostate."""

_FEMALE_ORGANS, _MALE_ORGANS = at((51, 58)), at((60, 63))
_WITHOUT_MICROSCOPE = among(morphology, CLINICAL) | ((morphology == 8720) & at(44, 69))
_BY_MARKER = among(morphology, MARKED) | ((morphology == 8140) & at(61))
_LISTED = morphologies().select(
    code=pl.col("morphology") * 10 + pl.col("behaviour").cast(pl.Int32)
)["code"]  # fmt: skip
_KNOWN = list(histology_numbers())
_RARE = "The two hardly ever occur together; often one of the codes is a slip."

TUMOUR = (
    Check(
        "topography-invalid", "ICD-O-3 codes", "error", "record", ("topography",),
        pl.col("topography").is_not_null() & pl.col("_site").is_null(), f"{IARC}; {ENCR}", "A",
        "The topography is not in ICD-O-3", "Without a valid code the tumour has no entity.",
        CORRECT,
    ),
    Check(
        "morphology-invalid", "ICD-O-3 codes", "error", "record", ("morphology",),
        ~morphology.is_in(_KNOWN), f"{IARC}; {ENCR}", "A",
        "The morphology is not in ICD-O-3, edition 3.1 or 3.2",
        "Without a valid code the tumour has no entity.", CORRECT,
    ),
    Check(
        "behaviour-not-listed", "ICD-O-3 codes", "warning", "record", ("morphology", "behaviour"),
        morphology.is_in(_KNOWN) & ~(morphology * 10 + behaviour).is_in(_LISTED.implode()),
        ENCR, "C",
        "ICD-O-3 does not list this behaviour with this morphology",
        "Its matrix rule allows it where the pathologist says so; more often it is a slip.",
        CONFIRM,
    ),
    Check(
        "behaviour-not-primary", "ICD-O-3 codes", "error", "record", ("morphology", "behaviour"),
        ~behaviour.is_in([0, 1, 2, 3]) & ~((behaviour == 6) & (morphology == 8480)), ENCR, "A",
        "The behaviour is not one of a primary tumour",
        "Registries count primary tumours; 6 and 9 are of metastases. Pseudomyxoma 8480/6 is the "
        "exception.", CORRECT,
    ),
    Check(
        "sex-site", "sex and site", "error", "record", ("sex", "topography"),
        ((sex == "male") & _FEMALE_ORGANS) | ((sex == "female") & _MALE_ORGANS),
        f"{IARC}; {ENCR}", "A",
        "A person of this sex does not have this organ",
        "Men have no tumours of C51 to C58, women none of C60 to C63.", CORRECT,
    ),
    Check(
        "sex-morphology", "sex and morphology", "warning", "record",
        ("sex", "morphology", "behaviour"),
        (
            (sex == "male")
            & (among(morphology, FEMALE_MORPHOLOGY) | ((morphology == 9084) & (behaviour == 3)))
        )
        | ((sex == "female") & among(morphology, MALE_MORPHOLOGY)),
        f"{IARC}, families 22 to 28; their members from the terms of ICD-O-3", "D",
        "This morphology is unlikely in a person of this sex", _RARE, CONFIRM,
    ),
    Check(
        "site-morphology", "site and morphology", "warning", "record",
        ("topography", "morphology"), pl.col("_unlikely"),
        f"{IARC}, names of the families; their members and sites from ICD-O-3", "D",
        "This morphology is unlikely at this site", _RARE, CONFIRM,
    ),
    Check(
        "behaviour-site", "behaviour and site", "warning", "record", ("topography", "behaviour"),
        (behaviour == 2) & (at((40, 42), 47, 49, (70, 72), 77, 80)), f"{IARC}; {ENCR}", "A",
        "In situ at a site without an epithelium",
        "A tumour in situ needs an epithelium to stay in.", CONFIRM,
    ),
    Check(
        "behaviour-morphology", "behaviour and morphology", "error", "record",
        ("morphology", "behaviour"), (behaviour == 2) & (morphology >= 9590), ENCR, "C",
        "A lymphoma or leukaemia in situ", "Diseases of blood and lymph have no behaviour 2.",
        CORRECT,
    ),
    Check(
        "basis-morphology", "basis and morphology", "warning", "record",
        ("basis_of_diagnosis", "morphology", "topography"),
        basis.is_in([0, 1, 2]) & ~_WITHOUT_MICROSCOPE, f"{IARC}; {ENCR}", "A",
        "A specific morphology without a microscope",
        "Few morphologies can be known from images, operation or death certificate.", CONFIRM,
    ),
    Check(
        "marker-morphology", "basis and morphology", "warning", "record",
        ("basis_of_diagnosis", "morphology", "topography"),
        (basis == 4) & ~(_WITHOUT_MICROSCOPE | _BY_MARKER), ENCR, "C",
        "A morphology that no tumour marker can tell",
        "Only some tumours have a marker that is specific enough.", CONFIRM,
    ),
)  # fmt: skip
