"""Classifying many cases: each distinct combination of codes once.

Topography, histology, behaviour and sex become positions in the ICD-O-3 tables, packed in one
whole number; the distinct numbers are looked up among the deciding rules and the answers
gathered back to the cases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.codes.icdo3 import (
    behaviour_numbers,
    canonical_site,
    histology_numbers,
    site_numbers,
)
from rarecare.codes.rare_cancer_rules import SEXES, Rule
from rarecare.errors import CaseError, CodeError, ColumnError

REASONS: Mapping[str, str] = {
    "topography missing": "the case has no topography",
    "morphology missing": "the case has no morphology",
    "behaviour missing": "the case has no behaviour",
    "topography unknown": "the topography is not an ICD-O-3 site",
    "morphology unknown": "the histology is not in ICD-O-3",
    "behaviour unknown": "the behaviour is not in ICD-O-3",
    "behaviour not covered": "no rule takes this behaviour with this site and histology",
    "topography outside": "rules take this histology and behaviour, but not at this site",
    "morphology outside": "no rule takes this histology with this behaviour, at any site",
    "sex missing": "the entity depends on the sex, which is missing",
    "no tier 2": "the codes are those of a tier 1, but of none of its tier 2",
}
"""Why a case has no entity or, the last two, no tier 2."""

NEEDED = ("topography", "morphology", "behaviour")
_NO_SEX = len(SEXES)
_TEXT = (pl.String, pl.Categorical, pl.Enum)


@dataclass(frozen=True, slots=True)
class Classifier:
    """Rules of a list, ready for cases.

    Attributes
    ----------
    decided
        Deciding rule of each code, as ``deciding_rules`` returns it.
    facts
        One row per rule, and a last row of nulls for "no rule" (position -1): ``line``,
        ``entity_id``, ``family``, ``rare``, ``confidence``.
    site_histology, histology_behaviour
        Whether any rule takes the two together, bool, shapes (n_sites, n_histologies) and
        (n_histologies, n_behaviours).
    """

    decided: NDArray[np.int16]
    facts: pl.DataFrame
    site_histology: NDArray[np.bool_]
    histology_behaviour: NDArray[np.bool_]

    @classmethod
    def of(
        cls, decided: NDArray[np.int16], rules: list[Rule], entities: pl.DataFrame
    ) -> Classifier:
        """Return the classifier of checked rules."""
        taken = (decided[0] >= 0).any(axis=0)
        facts = pl.DataFrame(
            {
                "line": [*(rule.line for rule in rules), None],
                "entity_id": [*(rule.entity_id for rule in rules), None],
            },
            schema_overrides={"line": pl.Int32},
        ).join(
            entities.select("entity_id", "family", "rare", confidence="codes_confidence"),
            on="entity_id",
            how="left",
            maintain_order="left",
        )
        return cls(decided, facts, taken.any(axis=2), taken.any(axis=0))

    def classify(self, cases: pl.DataFrame) -> pl.DataFrame:
        """Return the cases with the columns of ``RareCancerList.classify``."""
        axes = (site_numbers(), histology_numbers(), behaviour_numbers())
        numbers = [
            _positions(cases, NEEDED[0], axes[0], canonical_site),
            _positions(cases, NEEDED[1], axes[1], int),
            _positions(cases, NEEDED[2], axes[2], int),
            _sex_positions(cases),
        ]
        shape = (*(len(axis) + 2 for axis in axes), _NO_SEX + 1)
        packed = np.zeros(cases.height, np.int32)
        for size, positions in zip(shape, numbers, strict=True):
            packed *= size
            packed += positions
        distinct = pl.Series(packed).unique().to_numpy()
        slot = np.empty(int(np.prod(shape)), np.int32)
        slot[distinct] = np.arange(len(distinct), dtype=np.int32)
        outcomes = self._outcomes(*np.unravel_index(distinct, shape))
        return cases.with_columns(outcomes[pl.Series(slot[packed])])

    def _outcomes(
        self,
        site: NDArray[np.intp],
        histology: NDArray[np.intp],
        behaviour: NDArray[np.intp],
        sex: NDArray[np.intp],
    ) -> pl.DataFrame:
        """Return the added columns of combinations given by position, one row each.

        The position after the last means missing, the one after that unknown.
        """
        codes = np.stack([site, histology, behaviour])
        beyond = codes - np.array(self.decided.shape[2:])[:, None]
        known = (beyond < 0).all(axis=0)
        at = tuple(np.where(known, codes, 0))
        row = np.arange(len(site))

        # third column: what both sexes share
        rule = np.where(known, self.decided[:, :, *at], -1)
        shared = np.where(rule[:, 0] == rule[:, 1], rule[:, 0], -1)
        tier1, tier2 = np.concatenate([rule, shared[:, None]], axis=1)[:, sex, row]
        rare = self._rare(np.where(rule[1] >= 0, rule[1], rule[0]))
        rare = np.vstack([rare, np.where(rare[0] == rare[1], rare[0], -1)])[sex, row]

        covered = np.asarray(self.histology_behaviour.any(axis=0))[at[2]]
        reasons: dict[str, NDArray[np.bool_]] = {
            **dict(zip(REASONS, (*(beyond == 0), *(beyond == 1)), strict=False)),
            "sex missing": (sex == _NO_SEX) & (rule[:, 0] != rule[:, 1]).any(axis=0),
            "": tier2 >= 0,
            "no tier 2": tier1 >= 0,
            "behaviour not covered": ~covered | self.site_histology[at[0], at[1]],
            "topography outside": self.histology_behaviour[at[1], at[2]],
        }
        words = pl.Series([word or None for word in reasons] + ["morphology outside"])
        which = np.select(list(reasons.values()), range(len(reasons)), len(reasons))

        deciding = np.where(tier2 >= 0, tier2, tier1)
        return pl.DataFrame(
            {
                "family": self._fact("family", deciding),
                "entity_tier1": self._fact("entity_id", tier1),
                "entity_tier2": self._fact("entity_id", tier2),
                "rare": pl.Series(rare).replace(-1, None).cast(pl.Boolean),
                "classification_rule": self._fact("line", deciding),
                "classification_confidence": self._fact("confidence", deciding),
                "classification_reason": words.gather(which),
            }
        )

    def _fact(self, column: str, rule: NDArray[np.int16]) -> pl.Series:
        return self.facts[column].gather(rule % self.facts.height)

    def _rare(self, rule: NDArray[np.int16]) -> NDArray[np.int8]:
        """Return 1, 0, or -1 where there is no rule."""
        values = self.facts["rare"].cast(pl.Int8).fill_null(-1).to_numpy()
        return np.asarray(values[rule], np.int8)


def _positions(
    cases: pl.DataFrame, column: str, known: Mapping[Any, int], canonical: Callable[[Any], Any]
) -> NDArray[np.int32]:
    """Return each value's position in the codes known; their number if null, one more if not."""
    if column not in cases.columns:
        raise ColumnError(
            f"the cases have no column {column}",
            value=", ".join(cases.columns),
            allowed=NEEDED,
            remedy="Rename it, or read the file with a column map.",
        )
    values = cases[column]
    whole = column != "topography"
    if values.dtype == pl.Null:
        return np.full(len(values), len(known), np.int32)
    if whole != values.dtype.is_integer() or not (whole or values.dtype in _TEXT):
        raise CaseError(
            f"the column {column} is of the wrong type",
            value=str(values.dtype),
            allowed="whole numbers, as 9180 and 3" if whole else "text, as C40.2",
            remedy="Read the file with read_cases, or cast the column.",
        )
    distinct = values.unique()
    found = [
        len(known) if value is None else known.get(canonical(value), len(known) + 1)
        for value in distinct
    ]
    return _replace(values, distinct, found)


def _sex_positions(cases: pl.DataFrame) -> NDArray[np.int32]:
    if "sex" not in cases.columns or cases["sex"].dtype == pl.Null:
        return np.full(cases.height, _NO_SEX, np.int32)
    values = cases["sex"]
    distinct = values.unique()
    for value in distinct:
        if value is not None and value not in SEXES:
            raise CodeError(
                "sex is not a known code",
                column="sex",
                value=value,
                allowed=SEXES,
                remedy="Read the file with read_cases, or map the code; unknown is null.",
            )
    return _replace(
        values, distinct, [_NO_SEX if sex is None else SEXES.index(sex) for sex in distinct]
    )


def _replace(values: pl.Series, distinct: pl.Series, by: list[int]) -> NDArray[np.int32]:
    found = values.replace_strict(distinct, by, return_dtype=pl.Int32)
    return found.to_numpy().astype(np.int32, copy=False)
