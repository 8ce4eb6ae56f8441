"""Centres against criteria in a release: what is said of them, and what the volumes say."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from rarecare.care.computed_evidence import computed_evidence
from rarecare.care.criteria import read_criteria
from rarecare.care.evidence import read_evidence
from rarecare.care.profile import profile_table
from rarecare.disclosure.rule import DisclosureRule
from rarecare.errors import CaseError, ColumnError
from rarecare.files import read_table
from rarecare.results import Result
from rarecare.study import schema
from rarecare.study.care_volumes import Named
from rarecare.study.config import Study

_PLACES = ("centre", "country", "hospital_id")


def evidence_of_volumes(
    named: Mapping[str, Named], study: Study, *, area: str, rule: DisclosureRule
) -> list[pl.DataFrame]:
    """Return the evidence that one country's volumes give of the centres the study names.

    Hospitals of fewer patients than the disclosure rule shows give none.

    Parameters
    ----------
    named
        Volumes of hospitals, by entity.

    Raises
    ------
    ColumnError, CaseError
        The table of hospitals lacks a column, or names a hospital twice.
    """
    assert study.care is not None
    asked = study.care.criteria
    if asked is None or asked.hospitals is None:
        return []
    places = _places(study).filter(country=area)
    parts = []
    for name, entity in asked.entities.items():
        if entity not in named or places.is_empty():
            continue
        shown = [
            Result(each.table.filter(
                pl.col("n") >= rule.threshold,
                pl.col("hospital_id").is_in(places["hospital_id"].implode()),
            ), each.provenance)
            for each in (named[entity].volumes, named[entity].new_cases)
        ]  # fmt: skip
        volumes, new = (None if each.table.is_empty() else each for each in shown)
        found = computed_evidence(
            read_criteria(name), on=asked.on, volumes=volumes, new_cases=new, group=entity
        ).table
        parts.append(
            found.join(places, left_on="centre", right_on="hospital_id", maintain_order="left")
            .with_columns(centre="centre_right")
            .select(found.columns)
        )
    return parts


def _places(study: Study) -> pl.DataFrame:
    """Return which hospital each centre is."""
    assert study.care is not None
    assert study.care.criteria is not None
    assert study.care.criteria.hospitals is not None
    raw = read_table(study.care.criteria.hospitals)
    for name in _PLACES:
        if name not in raw.frame.columns:
            raise ColumnError("the table of centres' hospitals lacks a column", value=name,
                              file=raw.source.name, allowed=raw.frame.columns)  # fmt: skip
    table = raw.frame.select(pl.col(name).cast(pl.String) for name in _PLACES)
    twice = table.filter(table.select("country", "hospital_id").is_duplicated())
    if twice.height:
        raise CaseError("a hospital is two centres", value=twice["hospital_id"][0],
                        file=raw.source.name, allowed="one")  # fmt: skip
    return table


def criteria_rows(
    study: Study, computed: list[pl.DataFrame]
) -> tuple[pl.DataFrame, list[str]]:  # fmt: skip
    """Return centres against the sets of criteria asked for, and what was wrong with evidence."""
    assert study.care is not None
    asked = study.care.criteria
    none = pl.DataFrame(schema=schema.CRITERIA)
    if asked is None:
        return none, []
    given = pl.concat([read_table(asked.evidence).frame, *computed], how="diagonal")
    parts, notes, known = [none], [], set()
    for name in asked.sets:
        criteria = read_criteria(name)
        ids = [one.id for one in criteria.criteria]
        known |= set(ids)
        own = given
        if "criterion" in given.columns:
            own = given.filter(pl.col("criterion").is_in(ids))
        if own.is_empty():
            notes.append(f"criteria {criteria.id}: no evidence")
            continue
        evidence = read_evidence(own, criteria)
        notes += [
            f"criteria {criteria.id}: {records:,} pieces of evidence left out, {reason}"
            for reason, records in evidence.exclusions.select("reason", "records").iter_rows()
        ]
        if evidence.table.is_empty():
            continue
        table = profile_table(criteria, evidence, on=asked.on).table
        parts.append(
            table.with_columns(synthetic=pl.lit(study.study.synthetic)).select(
                [pl.col(name).cast(dtype) for name, dtype in schema.CRITERIA.items()]
            )
        )
    if "criterion" in given.columns:
        other = given.filter(~pl.col("criterion").is_in(list(known)))["criterion"]
        if len(other):
            notes.append(
                f"{len(other):,} pieces of evidence speak of no criterion asked for, such as "
                f"{other[0]}"
            )
    return pl.concat(parts), notes
