"""From ICD-O-3 to ICD-10: the code of a tumour by its site, histology and behaviour.

ICD-O-3 took its sites from ICD-10, so that most malignant tumours keep their site. ICD-10 puts
some by histology (melanoma of skin C43, mesothelioma C45, Kaposi sarcoma C46, lymphoid and
haematopoietic C81-C96, D45-D47), and those not malignant by chapter: in situ D00-D09, benign
D10-D36, uncertain D37-D48, secondary C77-C79. Sources: ICD-10 (WHO), edition in force from 2010;
SEER Training, "ICD-10 categories not used in ICD-O-3"; the liver as IARC's conversion has it.

The rules are a table, read in order, each with its sureness: A the category of ICD-10 or a
published conversion says so; B the fourth character from what the category includes, not
compared with a published conversion; C uncertain, or conversions differ: verify before use.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.codes.code_rules import (
    NO_RULE,
    histology_positions,
    site_positions,
    spread,
)
from rarecare.codes.icdo3 import site_numbers
from rarecare.codes.packaged import packaged_table
from rarecare.errors import ColumnError
from rarecare.files import read_table

BEHAVIOURS = (0, 1, 2, 3, 6)
"""Behaviours that ICD-10 has a place for; 9, primary or metastatic, has none."""

REASONS = (
    "a code is missing",
    "the topography is not an ICD-O-3 site",
    "the histology is not in ICD-O-3",
    "the behaviour has no ICD-10 category",
    "no rule for these codes",
)
"""Why a tumour has no ICD-10 code."""

_UNDIVIDED = (
    *("C01", "C07", "C12", "C19", "C20", "C23", "C33", "C37", "C52", "C55", "C56", "C58"),
    *("C61", "C64", "C65", "C66", "C73"),
)
"""Categories of ICD-10 without fourth characters."""

_NEEDED = ("topography", "morphology", "behaviour")


@cache
def icd10_rules() -> pl.DataFrame:
    """Return the rules in their order, one row each.

    Columns: ``rule`` (from 0), ``behaviour`` (int8), ``topography``, ``morphology``, ``icd10``
    (a code, ``site`` for the site itself, ``*`` for the last digit of the site), ``sureness``
    (A, B, C), ``note``.
    """
    table = packaged_table("tables/icd10_rules.csv").with_row_index("rule")
    return table.with_columns(pl.col("behaviour").cast(pl.Int8))


def to_icd10(cases: Any) -> pl.DataFrame:
    """Return the ICD-10 code of each tumour.

    Parameters
    ----------
    cases
        A data frame with ``topography`` ("C40.2"), ``morphology`` (four digits) and
        ``behaviour``.

    Returns
    -------
    DataFrame
        One row for each, in their order: ``icd10`` ("C43.5", "C61"), ``icd10_sureness``
        (A, B, C), ``icd10_rule`` (its place in ``icd10_rules``) and ``icd10_reason``, why there
        is none (one of ``REASONS``); null where it does not apply.

    Raises
    ------
    ColumnError
        A column is missing.

    Examples
    --------
    Melanoma of the trunk, of the vulva, in situ, a naevus; Kaposi sarcoma of skin:

    >>> cases = pl.DataFrame({
    ...     "topography": ["C44.5", "C51.0", "C44.5", "C44.5", "C44.7"],
    ...     "morphology": [8720, 8720, 8720, 8720, 9140],
    ...     "behaviour": [3, 3, 2, 0, 3],
    ... })
    >>> to_icd10(cases)["icd10"].to_list()
    ['C43.5', 'C51.0', 'D03.5', 'D22.5', 'C46.0']
    """
    raw = read_table(cases)
    for name in _NEEDED:
        if name not in raw.frame.columns:
            raise ColumnError(
                "ICD-10 codes need a column",
                file=raw.source.name,
                value=name,
                allowed=raw.frame.columns,
            )
    table = raw.frame.select(_NEEDED)
    decided, codes, answers = _space()
    site, histology = site_positions(table["topography"]), histology_positions(table["morphology"])
    behaviour = table["behaviour"].cast(pl.Int64)
    places = {value: i for i, value in enumerate(BEHAVIOURS)}
    known = behaviour.replace_strict(places, default=-1, return_dtype=pl.Int64).fill_null(-1)
    behaviours = known.to_numpy()
    missing = table.select(pl.any_horizontal(pl.all().is_null())).to_series().to_numpy()
    outside = (site < 0) | (histology < 0) | (behaviours < 0)
    rule = np.where(outside, NO_RULE, decided[behaviours, site, histology]).astype(np.int64)
    found = rule != NO_RULE
    reasons = np.select(
        [found, missing, site < 0, histology < 0, behaviours < 0],
        [-1, 0, 1, 2, 3],
        len(REASONS) - 1,
    )
    code = np.where(found, codes[rule, site], -1)
    sureness = icd10_rules()["sureness"]
    return pl.DataFrame(
        {
            "icd10": answers.gather(pl.Series(code).replace(-1, None)),
            "icd10_sureness": sureness.gather(pl.Series(rule).replace(-1, None)),
            "icd10_rule": pl.Series(rule, dtype=pl.Int64).replace(-1, None),
            "icd10_reason": pl.Series(REASONS).gather(pl.Series(reasons).replace(-1, None)),
        }
    )


@cache
def _space() -> tuple[NDArray[np.int16], NDArray[np.int64], pl.Series]:
    """Return the rule of each behaviour, site and histology, and the answer of each rule and site.

    Shapes (n_behaviours, n_sites, n_histologies) and (n_rules, n_sites); the answers are
    positions in the last, all codes there are.
    """
    rules, sites = icd10_rules(), list(site_numbers())
    parts = []
    for behaviour in BEHAVIOURS:
        own = rules.filter(behaviour=behaviour)
        first = spread(own.select("topography", "morphology").iter_rows())
        places = np.append(own["rule"].to_numpy().astype(np.int16), np.int16(NO_RULE))
        parts.append(places[first])
    texts = [[_answer(icd10, site) for site in sites] for icd10 in rules["icd10"]]
    answers, places = np.unique(np.array(texts), return_inverse=True)
    return np.stack(parts), places.reshape(len(texts), len(sites)), pl.Series(answers)


def _answer(icd10: str, site: str) -> str:
    code = site if icd10 == "site" else icd10.replace("*", site[-1])
    return code[:3] if code[:3] in _UNDIVIDED else code
