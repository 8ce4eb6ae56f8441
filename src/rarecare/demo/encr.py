"""The files of a registry in the formats of the ENCR-JRC call for data (JRC132486, 2023).

Columns, their order, codes and unknown values: the incidence file of 39 columns, the
population file and the life table file.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import polars as pl

from rarecare.demo.draw import Drawn
from rarecare.demo.follow_up import CANCER, DEAD, OTHER
from rarecare.demo.model import YEARS, europe
from rarecare.demo.persons import month_number
from rarecare.demo.registry import Registry
from rarecare.demo.tables import SEXES, Ints

# fmt: off
INCIDENCE_COLUMNS = (
    "PAT", "MoB", "YoB", "Age", "Sex", "Geo_Code", "Geo_Label", "TUM", "MoI", "YoI", "BoD",
    "Topo", "Morpho", "Beh", "Grade", "Autopsy", "Vit_stat", "MoF", "YoF", "Surv_time", "ICD",
    "CoD", "TNM_ed", "cT", "cN", "cM", "pT", "pN", "pM", "ToS", "Stage", "Surgery", "Rt", "Cht",
    "Tt", "It", "Ht", "Ot", "SCT",
)
# fmt: on
"""The incidence file's header."""

POPULATION_COLUMNS = ("Calendar year", "Sex", "Age Unit", "Number of residents")
LIFE_TABLE_AGE_NAMES = ("Age_Unit", "Age Unit", "Annual age")
"""The three spellings of a life table's age column; registries take them in turn."""

SEPARATOR = ";"
WRONG_TOPOGRAPHY = "C999"
"""What stands in place of a site in a record with a planted error."""

_STAGE: Ints = np.array([1, 3, 4, 9])  # I, III, IV, unknown
_OTHER_CAUSE = "I25"
_NO_SITE = {"C42": "C80", "C77": "C80"}
_BLOOD = (  # last morphology and ICD-10 code of each group; none up to the first
    (9589, None),
    (9649, "C85"),
    (9667, "C81"),
    (9729, "C85"),
    (9734, "C90"),
    (9799, "C96"),
    (9948, "C95"),
    (9999, "D47"),
)
_UNKNOWN = {
    **{"Grade": 9, "Autopsy": 0, "TNM_ed": 99},
    **dict.fromkeys(("cT", "cN", "cM", "pT", "pN", "pM"), 9),
}
_NOT_GIVEN = ("Tt", "It", "Ht", "Ot", "SCT")
_ORIGIN_YEAR = 1880


def incidence_arrays(drawn: Drawn) -> dict[str, Ints]:
    """Return the columns of the incidence file that differ between cases, as whole numbers.

    ``TUM`` and ``PAT`` are the numbers of the ids, ``Topo`` is the position among
    ``site_labels``. Localised is stage 1, regional 3, distant 4; systemic treatment is
    given as chemotherapy; DCO cases have unknown treatment.
    """
    birth, incidence, last = (
        month_number(day) for day in (drawn.birth, drawn.incidence, drawn.last)
    )
    staged = europe().entities.staged[drawn.entity]
    codes = np.array([int(code[:4]) for code in europe().entities.morphology.labels])
    dco = drawn.basis == 0
    given = np.where(dco[:, None], 9, drawn.treated)
    return {
        "PAT": drawn.patient,
        "MoB": birth % 12 + 1,
        "YoB": birth // 12 + _ORIGIN_YEAR,
        "Age": drawn.age,
        "Sex": drawn.sex + 1,
        "TUM": drawn.tumour,
        "MoI": incidence % 12 + 1,
        "YoI": incidence // 12 + _ORIGIN_YEAR,
        "BoD": drawn.basis,
        "Topo": drawn.topography,
        "Morpho": codes[drawn.morphology],
        "Beh": np.full(len(drawn), 3),
        "Vit_stat": drawn.status,
        "MoF": last % 12 + 1,
        "YoF": last // 12 + _ORIGIN_YEAR,
        "Surv_time": drawn.follow_up.copy(),
        "ICD": np.where(drawn.status == DEAD, 10, 99),
        "Stage": np.where(staged, _STAGE[drawn.stage], 9),
        "Surgery": given[:, 0],
        "Rt": given[:, 1],
        "Cht": given[:, 2],
    }


@cache
def site_labels() -> tuple[str, ...]:
    """Return the sites as the files write them, ``"C509"``, the wrong one last."""
    labels = europe().entities.topography.labels
    return (*(label.replace(".", "") for label in labels), WRONG_TOPOGRAPHY)


def incidence_table(
    drawn: Drawn, arrays: dict[str, Ints], *, patients: pl.Series, tumours: pl.Series
) -> pl.DataFrame:
    """Return the incidence file's records.

    Parameters
    ----------
    drawn
        The cases.
    arrays
        As from ``incidence_arrays``, with whatever errors are planted in it.
    patients, tumours
        The ids.
    """
    staged = arrays["Stage"] != 9
    registry = drawn.registry
    labels = pl.Series(site_labels())
    varying = {name: pl.Series(values.astype(np.int32)) for name, values in arrays.items()} | {
        "PAT": patients,
        "TUM": tumours,
        "Topo": labels.gather(arrays["Topo"]),
        "CoD": _causes_of_death(drawn),
        "ToS": pl.Series(["9", "E"]).gather(staged.astype(np.int64)),
    }
    constant: dict[str, int | str] = {
        **_UNKNOWN,
        **dict.fromkeys(_NOT_GIVEN, 0),
        "Geo_Code": registry.code,
        "Geo_Label": f"{registry.name} (synthetic)",
    }
    return (
        pl.DataFrame(varying)
        .with_columns(pl.lit(value).alias(name) for name, value in constant.items())
        .select(INCIDENCE_COLUMNS)
    )


def _causes_of_death(drawn: Drawn) -> pl.Series:
    """Return ICD-10 codes of three characters: the site, or the group of a blood cancer."""
    own = europe().entities
    sites = [_NO_SITE.get(label[:3], label[:3]) for label in own.topography.labels]
    kinds = [int(label[:4]) for label in own.morphology.labels]
    blood = [next((icd for last, icd in _BLOOD if kind <= last), None) for kind in kinds]
    words = pl.Series([None, _OTHER_CAUSE, *sites, *blood])
    is_blood = np.array(kinds) > _BLOOD[0][0]
    cancer = np.where(
        is_blood[drawn.morphology], 2 + len(sites) + drawn.morphology, 2 + drawn.topography
    )
    return words.gather(np.where(drawn.cause == CANCER, cancer, (drawn.cause == OTHER).astype(int)))


def population_table(registry: Registry, years: Sequence[int] = YEARS) -> pl.DataFrame:
    """Return the population file: single years of age, the last one open."""
    table = registry.population(years).with_columns(_sex_code())
    return table.rename(dict(zip(table.columns, POPULATION_COLUMNS, strict=True)))


def life_table(registry: Registry, *, spelling: int) -> pl.DataFrame:
    """Return the life table file, its age column spelt in one of the three ways.

    Probabilities have every digit of a double, so that reading them gives back the hazards that
    cases were drawn with.
    """
    age = LIFE_TABLE_AGE_NAMES[spelling % len(LIFE_TABLE_AGE_NAMES)]
    names = ("Calendar year", "Sex", age, "All causes death probability")
    table = registry.life_table().with_columns(_sex_code())
    return table.rename(dict(zip(table.columns, names, strict=True)))


def _sex_code() -> pl.Expr:
    return pl.col("sex").replace_strict(list(SEXES), [1, 2], return_dtype=pl.Int32)
