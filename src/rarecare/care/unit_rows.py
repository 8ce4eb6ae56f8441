"""From cases and events to treatments with person, group, year and place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from rarecare.errors import CaseError, ColumnError
from rarecare.files import Source, read_table
from rarecare.registry import Cases, ExclusionRules
from rarecare.registry.preparation import as_it_stands, prepare

KEYS = ("registry", "patient_id", "tumour_id")
PRECISION = "incidence_date_precision"
HOME, ABROAD, UNKNOWN = 0, 1, 2
"""Places of a hospital, as numbers."""

COUNTED = ExclusionRules(purpose="incidence", needed=())
"""Who counts among cases as read: behaviour 3, all ages."""


@dataclass(frozen=True, slots=True)
class Joined:
    """Treatments of cases.

    Attributes
    ----------
    cases
        The columns asked for, ``row``, ``person`` (numbers), ``diagnosed`` (year), and once
        grouped ``group``.
    treatments
        ``row``, ``treatment``, ``date``, ``precision``, ``hospital_id``.
    exclusions
        ``reason``, ``records``: what became of the events.
    """

    cases: pl.DataFrame
    treatments: pl.DataFrame
    exclusions: pl.DataFrame
    inputs: tuple[Source, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """Treatments in whole numbers, and what these stand for.

    Attributes
    ----------
    table
        ``row``, ``cell``, ``kind``, ``person``, ``hospital`` (null: unknown), ``place``, ``year``
        (of treatment), ``diagnosed``, ``date``, ``incidence_date``.
    cases
        Of ``Joined``, with ``cell``.
    cells
        Areas and group by the number of their row.
    hospitals
        Their ids, by number.
    findings
        ``finding``, ``value``, ``records``.
    """

    table: pl.DataFrame
    cases: pl.DataFrame
    cells: pl.DataFrame
    hospitals: pl.Series
    findings: pl.DataFrame


def events_of_cases(
    cases: Cases | Any, events: pl.DataFrame | Any, columns: Sequence[str], *,
    kinds: Mapping[str, str],
) -> Joined:  # fmt: skip
    """Return the treatments of the cases, joined on the ids that both have.

    Raises
    ------
    ColumnError
        A column is missing, or the two share neither patient nor tumour.
    CaseError
        There are no cases.
    """
    found = prepare(cases, COUNTED) if isinstance(cases, Cases) else as_it_stands(cases)
    table, dated = found.table, read_table(events)
    on = [name for name in KEYS if name in table.columns and name in dated.frame.columns]
    if not {"patient_id", "tumour_id"} & set(on):
        raise ColumnError(
            "cases and events share neither patient_id nor tumour_id", value=table.columns[:6],
            allowed=KEYS,
        )  # fmt: skip
    for name, frame in (
        *((name, table) for name in (*columns, "incidence_date")),
        *((name, dated.frame) for name in ("event", "date", "hospital_id")),
    ):
        if name not in frame.columns:
            raise ColumnError("a column is missing", value=name, allowed=frame.columns)
    if table.is_empty():
        raise CaseError("there are no cases", value="0 rows")
    who = [name for name in ("registry", "patient_id") if name in on] if "patient_id" in on else on
    precise = [name for name in (PRECISION,) if name in table.columns]
    country = [name for name in ("country",) if name in table.columns]
    people = table.select(
        *dict.fromkeys([*columns, *country, *on, "incidence_date", *precise]),
        diagnosed=pl.col("incidence_date").dt.year(),
    ).with_row_index("row").with_columns(
        person=pl.struct(who).rank("dense").cast(pl.UInt32) if len(who) > 1
        else pl.col(who[0]).rank("dense").cast(pl.UInt32)
    )  # fmt: skip
    known = people.unique(on, keep="first", maintain_order=True) if not people.select(
        on
    ).is_unique().all() else people  # fmt: skip
    treated = dated.frame.lazy().filter(pl.col("event").is_in(list(kinds))).select(
        *on, "date", "hospital_id", treatment=pl.col("event").replace_strict(kinds),
        precision=pl.col("date_precision") if "date_precision" in dated.frame.columns
        else pl.lit("day"),
    ).collect()  # fmt: skip
    matched = treated.lazy().join(known.lazy().select(*on, "row"), on=on, how="inner").select(
        "row", "treatment", "date", "precision", "hospital_id"
    ).collect()  # fmt: skip
    notes = [*found.notes]
    if known.height < people.height:
        notes.append(
            f"{people.height - known.height:,} cases share {', '.join(on)} with another: the "
            "treatments are those of the first"
        )
    accounting = pl.DataFrame(
        {
            "reason": ["events read", "no treatment", "treatment of no case here"],
            "records": [dated.frame.height, dated.frame.height - treated.height,
                        treated.height - matched.height],
        }
    )  # fmt: skip
    return Joined(
        people.drop([name for name in on if name not in columns]), matched, accounting,
        (found.source, dated.source), tuple(notes),
    )  # fmt: skip


def in_groups(joined: Joined, entity: str, groups: Mapping[str, str] | None) -> Joined:
    """Return the cases with their referral group, those in none left out and counted.

    Raises
    ------
    CaseError
        All are in none.
    """
    own = pl.col(entity).cast(pl.String)
    group = (
        own if groups is None else own.replace_strict(groups, default=None, return_dtype=pl.String)
    )
    cases = joined.cases.with_columns(group=group)
    kept = cases.filter(pl.col("group").is_not_null())
    if kept.is_empty():
        raise CaseError(
            "no case is in a referral group", column=entity,
            value=cases[entity].cast(pl.String).drop_nulls().first() or "all unknown",
            allowed="any entity" if groups is None else list(groups),
        )  # fmt: skip
    treatments = joined.treatments.join(kept.select("row"), on="row", how="semi")
    left = joined.treatments.height - treatments.height
    notes = list(joined.notes)
    if kept.height < cases.height:
        names = cases.filter(pl.col("group").is_null())[entity].drop_nulls().unique().sort()
        said = f": {', '.join(map(str, names[:8]))}" if len(names) else ""
        notes.append(
            f"cases in no referral group, left out: {cases.height - kept.height:,}{said}"
            + (" …" if len(names) > 8 else "")
        )
    row = pl.DataFrame({"reason": ["entity in no referral group"], "records": [left]})
    return replace(
        joined, cases=kept, treatments=treatments, exclusions=pl.concat([joined.exclusions, row]),
        notes=tuple(notes),
    )  # fmt: skip


def placed(
    joined: Joined, areas: Sequence[str], hospitals: pl.DataFrame | None, kinds: Sequence[str]
) -> Placed:
    """Return treatments with cell, year and place, and what is to be checked.

    A blank hospital, and one not in the list, is unknown.

    Raises
    ------
    ColumnError
        The list of hospitals, or the cases, lack a column.
    CaseError
        A hospital stands twice in the list.
    """
    own = [*areas, "group"]
    cells = joined.cases.select(own).unique().sort(own).with_row_index("cell")
    cases = joined.cases.join(cells, on=own, how="left", nulls_equal=True, maintain_order="left")
    blank = pl.col("hospital_id").is_null() | (pl.col("hospital_id") == "")
    ids = joined.treatments.filter(~blank)["hospital_id"].unique().sort()
    held = [name for name in ("country", PRECISION) if name in cases.columns]
    wide = joined.treatments.lazy().with_columns(
        hospital=pl.when(~blank).then("hospital_id").cast(pl.Enum(ids)).to_physical()
        .cast(pl.UInt64),
        kind=pl.col("treatment").cast(pl.Enum(kinds)).to_physical().cast(pl.UInt64),
        year=pl.col("date").dt.year(),
    ).drop("hospital_id", "treatment").join(
        cases.lazy().select("row", "cell", "person", "diagnosed", "incidence_date", *held),
        on="row", how="left",
    )  # fmt: skip
    if hospitals is None:
        known = pl.col("hospital").is_not_null()
        wide = wide.with_columns(place=pl.when(known).then(HOME).otherwise(UNKNOWN).cast(pl.UInt64))
        unlisted = pl.DataFrame(schema={"hospital": pl.UInt64})
    else:
        _check_list(hospitals, joined.cases)
        given = hospitals.select(
            pl.col("hospital_id").cast(pl.String), _at=pl.col("country").cast(pl.String)
        )
        listed = pl.DataFrame({"hospital_id": ids}).with_row_index("hospital").join(
            given, on="hospital_id", how="left", maintain_order="left"
        ).select(pl.col("hospital").cast(pl.UInt64), "_at")  # fmt: skip
        unlisted = listed.filter(pl.col("_at").is_null())
        at_home = pl.col("_at") == pl.col("country").cast(pl.String)
        wide = wide.join(listed.lazy(), on="hospital", how="left").with_columns(
            place=pl.when(pl.col("_at").is_null()).then(UNKNOWN)
            .when(at_home.fill_null(value=False)).then(HOME).otherwise(ABROAD).cast(pl.UInt64)
        )  # fmt: skip
    table = wide.collect()
    findings = _findings(table, unlisted, ids)
    table = table.with_columns(hospital=pl.when(pl.col("place") != UNKNOWN).then("hospital"))
    return Placed(table, cases, cells.drop("cell"), ids, findings)


def _check_list(hospitals: pl.DataFrame, cases: pl.DataFrame) -> None:
    for name, frame, whose in (
        ("hospital_id", hospitals, "the list of hospitals has"),
        ("country", hospitals, "the list of hospitals has"), ("country", cases, "the cases have"),
    ):  # fmt: skip
        if name not in frame.columns:
            raise ColumnError(f"{whose} no column {name}", value=name, allowed=frame.columns)
    twice = hospitals.filter(hospitals["hospital_id"].is_duplicated())
    if twice.height:
        raise CaseError("a hospital stands twice in the list", value=twice["hospital_id"][0])


def _findings(table: pl.DataFrame, unlisted: pl.DataFrame, ids: pl.Series) -> pl.DataFrame:
    """Return hospitals not in the list, blank ones, and treatments before diagnosis, counted."""
    schema = {"finding": pl.String, "value": pl.String, "records": pl.Int64}
    named = (
        table.join(unlisted.select("hospital"), on="hospital", how="semi")
        .group_by("hospital").agg(records=pl.len()).sort("hospital")
    )  # fmt: skip
    missing = pl.DataFrame(
        {"finding": ["hospital not in the list, taken as unknown"] * named.height,
         "value": ids.gather(named["hospital"]), "records": named["records"].cast(pl.Int64)},
        schema=schema,
    )  # fmt: skip
    blank = table["hospital"].null_count()
    early = table.filter(_before(table)).height
    undated = table["date"].null_count()
    rows = [
        (finding, None, records)
        for finding, records in (
            ("hospital not known", blank),
            ("treatment dated before diagnosis, counted all the same", early),
            ("date of treatment not known", undated),
        )
        if records
    ]
    return pl.concat([missing, pl.DataFrame(rows, schema=schema, orient="row")])


def _before(table: pl.DataFrame) -> pl.Expr:
    """Return whether a treatment is before diagnosis, as far as both dates are known."""
    day, month = pl.lit(value=True), pl.lit(value=True)
    for name in ("precision", PRECISION):
        if name in table.columns:
            word = pl.col(name).fill_null("day")
            day, month = day & (word == "day"), month & (word != "year")

    def earlier(unit: str) -> pl.Expr:
        return pl.col("date").dt.truncate(unit) < pl.col("incidence_date").dt.truncate(unit)

    return (
        pl.when(day).then(earlier("1d")).when(month).then(earlier("1mo")).otherwise(earlier("1y"))
    )
