"""Checks of age with site and morphology."""

from __future__ import annotations

import polars as pl

from rarecare.registry.checks.check import ENCR, IARC, Check
from rarecare.registry.checks.remedies import CONFIRM
from rarecare.registry.checks.tumour import among, at, behaviour, morphology

_age = pl.col("_age")
_WHY = "Such a tumour is very rare at this age; often the age or a code is wrong."

OF_ADULTS = (9730, 9823, 9890)
OF_CHILDREN = (
    8910, 8960, 8961, 8962, 8970, 8981, 8991, 9072, 9470, 9490, 9500, 9687,
)  # fmt: skip
NOT_OF_CHILDREN = (9724, 9732, 9823)
CHILDRENS_CARCINOMAS = (
    8082, (8150, 8158), (8170, 8175), (8240, 8249), 8273, (8312, 8319), (8330, 8350), (8370, 8375),
    8430, 8452, (8580, 8589),
)  # fmt: skip

AGE = (
    Check(
        "age-site", "age and site", "warning", "record", ("age", "topography"),
        ((_age < 5) & at(53, 61))
        | ((_age < 20) & (at(15, (19, 21), (23, 24), 50, (53, 55)) | (pl.col("_site") == 384))),
        IARC, "A", "This site is unlikely at this age", _WHY, CONFIRM,
    ),
    Check(
        "age-morphology", "age and morphology", "warning", "record", ("age", "morphology"),
        ((_age <= 25) & among(morphology, OF_ADULTS))
        | ((_age >= 15) & among(morphology, OF_CHILDREN))
        | ((_age < 15) & among(morphology, NOT_OF_CHILDREN)),
        IARC, "A", "This morphology is unlikely at this age", _WHY, CONFIRM,
    ),
    Check(
        "age-site-morphology", "age, site and morphology", "warning", "record",
        ("age", "topography", "morphology"),
        ((_age < 40) & at(61) & among(morphology, [(8140, 8149)]))
        | ((_age < 20) & at(17) & (morphology < 9590))
        | ((_age < 20) & at(18, (33, 34)) & ~among(morphology, [(8240, 8249)]))
        | ((_age > 5) & at(69) & among(morphology, [9510, 9512]))
        | (((_age < 15) | (_age > 45)) & at(58) & (morphology == 9100)),
        IARC, "A", "This morphology at this site is unlikely at this age", _WHY, CONFIRM,
    ),
    Check(
        "prostate-young", "age and site", "warning", "record", ("age", "topography", "morphology"),
        (_age < 40) & at(61) & ~among(morphology, [(8140, 8149)]), ENCR, "C",
        "A tumour of the prostate under 40 years", _WHY, CONFIRM,
    ),
    Check(
        "carcinoma-child", "age and morphology", "warning", "record",
        ("age", "topography", "morphology", "behaviour"),
        (_age < 15)
        & (behaviour == 3)
        & among(morphology, [(8010, 8589)])
        & ~among(morphology, CHILDRENS_CARCINOMAS)
        & ~at((73, 74)),
        ENCR, "C", "A carcinoma under 15 years", _WHY, CONFIRM,
    ),
)  # fmt: skip
"""Retinoblastoma 9511 and 9513 and the age limits of each ICCC-3 group are not covered."""
