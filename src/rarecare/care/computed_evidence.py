"""Evidence for criteria computed from registry data: indicators and volumes of each hospital.

Which criterion an indicator or a volume answers is a table, ``criteria/computed.csv``, that can be
replaced. The evidence carries what it rests on: cases, interval, the hashes of the plan and of the
files. What cannot be computed gives no evidence, and is listed with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl

from rarecare.care.criteria import CriteriaSet, Criterion
from rarecare.care.evidence import COLUMNS
from rarecare.care.volumes import NEW
from rarecare.errors import ColumnError, UsageError
from rarecare.files import read_table
from rarecare.rates.intervals import poisson_exact
from rarecare.results import OK, Result

LINKS = ("criterion", "indicator", "treatment", "note")
_PERCENT = 100.0
_Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ComputedEvidence:
    """Evidence, and what gave none.

    Attributes
    ----------
    table
        The columns that ``read_evidence`` takes, of kind "computed".
    left
        ``centre``, ``criterion``, ``reason``.
    """

    table: pl.DataFrame
    left: pl.DataFrame


def default_links() -> pl.DataFrame:
    """Return which criterion of the packaged sets is computed from what.

    >>> default_links().filter(criterion="S3")["treatment"].item()
    'surgery'
    """
    content = (files("rarecare.care") / "criteria" / "computed.csv").read_bytes()
    return pl.read_csv(content, schema_overrides=dict.fromkeys(LINKS, pl.String))


def computed_evidence(
    criteria: CriteriaSet, *, on: date, indicators: Result | None = None,
    centre: str = "hospital", volumes: Result | None = None,
    new_cases: Result | None = None, group: str | None = None,
    links: str | Path | pl.DataFrame | None = None,
) -> ComputedEvidence:  # fmt: skip
    """Return the evidence that registry data give for the criteria of a version.

    Parameters
    ----------
    criteria
        The version.
    on
        Date of the evidence.
    indicators
        Of ``indicators``, by hospital alone: shares answer criteria in percent, in their direction.
    centre
        Its column of hospitals.
    volumes
        Of ``hospital_volumes``: a year's mean, over all areas a hospital's patients come from.
    new_cases
        Of ``new_case_volumes``: who is new in a hospital, treated there or not.
    group
        The group of cancers the criteria speak of; needed where the volumes have several.
    links
        ``criterion``, and ``indicator`` (its id) or ``treatment`` (a kind of the volumes, or
        ``"new cases"``), with a ``note``; by default those of the package.

    Returns
    -------
    ComputedEvidence
        Evidence in the unit of each criterion, its source naming the statistic, cases, interval,
        period or version, and hashes.

    Raises
    ------
    ColumnError
        A column is missing.
    UsageError
        A link names both or neither, or a criterion whose type it cannot answer; the volumes have
        several groups and none is named, or not the one named.
    """
    known = {one.id: one for one in criteria.criteria}
    rows: list[_Row] = []
    left: list[_Row] = []
    for link in _links(links).iter_rows(named=True):
        if link["criterion"] not in known:
            continue
        one = known[link["criterion"]]
        if link["indicator"] is not None and indicators is not None:
            found = _of_indicator(one, link, indicators, centre)
        elif link["treatment"] == NEW and new_cases is not None:
            found = _of_volume(one, link, new_cases, group)
        elif link["treatment"] not in {None, NEW} and volumes is not None:
            found = _of_volume(one, link, volumes, group)
        else:
            continue
        for row in found:
            (left if row["value"] is None else rows).append(row | {"criterion": one.id})
    made = pl.DataFrame(
        [{name: row.get(name) for name in COLUMNS} | {"kind": "computed", "date": on.isoformat()}
         for row in rows],
        schema=dict.fromkeys(COLUMNS, pl.String),
    )  # fmt: skip
    reasons = pl.DataFrame(left, schema=dict.fromkeys(("centre", "criterion", "reason"), pl.String))
    return ComputedEvidence(made, reasons)


def _links(given: str | Path | pl.DataFrame | None) -> pl.DataFrame:
    table = default_links() if given is None else read_table(given).frame
    for name in LINKS:
        if name not in table.columns:
            raise ColumnError("the links lack a column", value=name, allowed=list(LINKS))
    text = table.select(
        pl.col(name).cast(pl.String).str.strip_chars().replace("", None) for name in LINKS
    )
    for row in text.iter_rows(named=True):
        if (row["indicator"] is None) == (row["treatment"] is None):
            raise UsageError(
                "a criterion is linked to an indicator or to a kind of treatment",
                value=row["criterion"], allowed="one of the two",
            )  # fmt: skip
    return text


def _of_indicator(
    one: Criterion, link: _Row, indicators: Result, centre: str
) -> Iterator[_Row]:  # fmt: skip
    if one.type != "proportion":
        raise UsageError(f"the criterion {one.id} is no proportion", value=one.type,
                         allowed="proportion", remedy="An indicator gives a share.")  # fmt: skip
    if centre not in indicators.table.columns:
        raise ColumnError("the indicators lack a column", value=centre,
                          allowed=indicators.table.columns,
                          remedy="Compute them by hospital.")  # fmt: skip
    own = indicators.table.filter(pl.col("indicator") == link["indicator"], measure="share")
    if own[centre].is_duplicated().any():
        raise UsageError("a hospital has several rows of an indicator", value=link["indicator"],
                         allowed="indicators by hospital alone")  # fmt: skip
    for row in own.drop_nulls(centre).iter_rows(named=True):
        if row["status"] != OK:
            yield {"centre": str(row[centre]), "value": None, "reason": row["reason"]}
            continue
        said = (
            f"indicator {row['indicator']} {row['version']}: {row['numerator']} of "
            f"{row['denominator']} cases, {row['unknown']} not known; {_limits(row, _PERCENT, '%')}"
        )
        yield {"centre": str(row[centre]), "value": _number(_PERCENT * row["estimate"]),
               "source": _source(said, link, indicators)}  # fmt: skip


def _of_volume(
    one: Criterion, link: _Row, volumes: Result, group: str | None
) -> Iterator[_Row]:  # fmt: skip
    if not one.volume:
        raise UsageError(f"the criterion {one.id} is no volume", value=one.title,
                         allowed="a criterion with volume = true")  # fmt: skip
    groups = volumes.table["group"].unique().sort().to_list()
    wanted = groups[0] if group is None and len(groups) == 1 else group
    if wanted not in groups:
        raise UsageError("the group of cancers is not among those of the volumes", value=group,
                         allowed=groups)  # fmt: skip
    own = (
        volumes.table.filter(group=wanted, treatment=link["treatment"])
        .drop_nulls("hospital_id")
        .group_by("hospital_id", maintain_order=True)
        .agg(pl.col("n").sum(), pl.col("years", "level").first())
    )
    for row in own.iter_rows(named=True):
        low, high = (float(v) for v in poisson_exact(row["n"], level=row["level"]))
        years = row["years"]
        limits = {"lower": low / years, "upper": high / years, "level": row["level"]}
        said = (
            f"volume of {wanted}, {link['treatment']}: {row['n']} patients in {years} years; "
            f"{_limits(limits, 1.0, 'a year')}"
        )
        yield {"centre": str(row["hospital_id"]), "value": _number(row["n"] / years),
               "source": _source(said, link, volumes)}  # fmt: skip


def _number(value: float) -> str:
    """Return a number as text from which it is read again, to the sixth decimal."""
    return f"{round(value, 6):.15g}"


def _limits(row: _Row, factor: float, unit: str) -> str:
    low, high = (f"{factor * row[name]:.1f}" for name in ("lower", "upper"))
    return f"{_PERCENT * row['level']:g} % interval {low} to {high} {unit}"


def _source(said: str, link: _Row, result: Result) -> str:
    told = result.provenance
    inputs = ", ".join(f"{one.name} sha256 {one.sha256[:12]}" for one in told.inputs)
    note = f" ({link['note']})" if link["note"] else ""
    return f"{said}{note}; from {inputs}; plan {told.plan_hash[:12]}; {told.software}"
