"""Referral pattern: from which hospital of diagnosis patients go to which hospital of treatment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from rarecare.care.definitions import project_columns
from rarecare.care.evaluation import Evaluation
from rarecare.care.linking import Linked
from rarecare.errors import ColumnError

FROM, TO = "hospital_diagnosis", "hospital_treatment"


def referral_matrix(
    cases: pl.DataFrame, events: pl.DataFrame | Any, *, by: Sequence[str] = ("country",)
) -> pl.DataFrame:
    """Return the treated cases by hospital of diagnosis and of first treatment.

    Parameters
    ----------
    cases, events
        As for ``indicators``.
    by
        Strata.

    Returns
    -------
    DataFrame
        ``by``, ``hospital_diagnosis``, ``hospital_treatment`` (null: not known), ``n``,
        ``diagnosed`` (treated cases of the hospital of diagnosis), ``share`` of them. Small
        numbers are for the disclosure rule to withhold.

    Raises
    ------
    ColumnError
        A stratum is not among the columns of the cases.
    """
    by = list(by)
    for name in by:
        if name not in cases.columns:
            raise ColumnError("the cases lack a column", value=name, allowed=cases.columns)
    on = Evaluation(cases, Linked.of(cases, events), project_columns())
    treated = on.compiled("exists(treatment)", "truth")
    diagnosis = on.compiled("coalesce(hospital(first(diagnosis)), hospital_dx)", "text")
    treatment = on.compiled("hospital(first(treatment))", "text")
    own = on.frame.filter(treated).select(
        *by, diagnosis.cast(pl.String).alias(FROM), treatment.cast(pl.String).alias(TO)
    )
    counted = own.group_by(*by, FROM, TO).agg(n=pl.len().cast(pl.Int64))
    return counted.with_columns(diagnosed=pl.col("n").sum().over(*by, FROM)).with_columns(
        share=pl.col("n") / pl.col("diagnosed")
    ).sort(*by, FROM, TO, nulls_last=True)  # fmt: skip
