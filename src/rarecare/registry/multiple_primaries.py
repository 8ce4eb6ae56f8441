"""Which tumours of a person are new primaries, by the international rules.

Source: International Rules for Multiple Primary Cancers (ICD-O third edition), IARC/ENCR/IACR
2004, Internal Report 2004/02. Time plays no part (rule 1); one tumour in an organ, a pair of
organs or a tissue (rule 3, Table 1) unless its histology differs (rule 4.2, Table 2); Kaposi
sarcoma and haematopoietic neoplasms count once in a person's life (rule 4.1). A histology that is
unspecified does not differ from a specific one. Of the histologies of one primary the specific
one is reported, among specific ones the highest code.

So a person's tumours fall into primaries, whatever their order: each specific histology group
in each topography group is one (once in life where rule 4.1 holds); an unspecified tumour joins
the earliest it does not differ from, and is a primary of its own where there is none.

Programs differ where the rules leave room; ``VARIANTS`` has each as a set of choices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, overload

import polars as pl

from rarecare.codes.iarc_groups import (
    NO_GROUP,
    UNKNOWN_PRIMARY,
    histology_group_of,
    topography_groups,
)
from rarecare.errors import ColumnError, UsageError
from rarecare.files import read_table
from rarecare.registry.cases import Cases

PRIMARY, DUPLICATE = "primary", "not a new primary"
UNDECIDED, NOT_COMPARED = "undecided", "not compared"
STATUSES = (PRIMARY, DUPLICATE, UNDECIDED, NOT_COMPARED)
"""Values of ``primary``; an undecided tumour counts as a primary."""

_SYSTEMIC = range(8, 14)
_CARCINOMAS = range(1, 5)
_CARCINOMA_NOS, _SYSTEMIC_NOS, _NOS = 5, 14, 17
_RULE_4_1 = (*range(8, 16),)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrimaryRules:
    """The choices that the rules leave open.

    Attributes
    ----------
    tables
        Tables of histology groups (``codes.iarc_groups``): a histology has the group of the
        first that holds it.
    once
        Histology groups that count once in a person's life, wherever they are.
    unspecified_joins_systemic
        Whether a tumour of unspecified type (17) is the same as a haematopoietic one (8-14)
        of the same site. The rules: not different from any group.
    unknown_primary
        A tumour of unknown primary site beside another whose histology does not differ:
        ``"undecided"``, or ``"different"`` as any other site.
    bladder
        Tumours of the bladder: ``"any behaviour"``, or those of ``behaviours``, as elsewhere.
    behaviours
        ICD-O-3 behaviours compared. The rules are about malignant tumours.
    """

    tables: tuple[str, ...] = ("icdo-3.2", "icdo-3.1")
    once: tuple[int, ...] = _RULE_4_1
    unspecified_joins_systemic: bool = True
    unknown_primary: Literal["undecided", "different"] = "undecided"
    bladder: Literal["any behaviour", "as elsewhere"] = "as elsewhere"
    behaviours: tuple[int, ...] = (3,)


VARIANTS: Mapping[str, PrimaryRules] = {
    "iarc": PrimaryRules(),
    "canreg5": PrimaryRules(tables=("canreg5",), once=(7, *_RULE_4_1)),
    "msspchelpr": PrimaryRules(tables=("icdo-3.1",)),
    "imsweb": PrimaryRules(
        tables=("imsweb",),
        unspecified_joins_systemic=False,
        unknown_primary="different",
        bladder="any behaviour",
    ),
}
"""The rules as written (groups of ICD-O-3.2, codes gone since 3.1 by the groups of 3.1), and as
programs read them: CanReg5 counts mesothelioma once in a life too; msSPChelpR gives only the
groups of ICD-O-3.1 (9811-9816 unspecified), here with the rules as written; the SEER program of
imsweb keeps 17 apart from 8-14, takes C80 as a site and compares bladder of any behaviour. It
goes through the tumours by date, so that an unspecified tumour between two of one systemic group
can give it one primary more than the rules do."""

_COLUMNS = ("patient_id", "topography", "morphology", "behaviour")
_KEY = ("registry", "patient_id")
_REPORTED = ("primary", "primary_row", "primary_morphology", "primary_topography")


@overload
def find_primaries(cases: Cases, *, rules: PrimaryRules | str = "iarc") -> Cases: ...
@overload
def find_primaries(cases: Any, *, rules: PrimaryRules | str = "iarc") -> pl.DataFrame: ...
def find_primaries(
    cases: Cases | Any, *, rules: PrimaryRules | str = "iarc"
) -> Cases | pl.DataFrame:
    """Return the cases with what the rules for multiple primaries make of each.

    Parameters
    ----------
    cases
        Cases as read, or a data frame with ``patient_id``, ``topography``, ``morphology``,
        ``behaviour`` and, where there are such, ``registry``, ``incidence_date``,
        ``tumour_id`` and ``row``.
    rules
        The choices, or the name of a variant.

    Returns
    -------
    Cases or DataFrame
        As given, with ``histology_group`` (int8, 0 for none), ``topography_group``,
        ``primary`` (see ``STATUSES``), ``primary_row`` (int64: ``row`` of the first tumour of
        the same primary, or its place from 0 where there is no ``row``),
        ``primary_morphology`` (int32) and ``primary_topography``: what to report of that primary.
        The first tumour is that of the earliest date, then the smallest ``tumour_id``, then
        the first row; without a date it comes last. Null where a tumour is not compared.

    Raises
    ------
    ColumnError
        A column is missing.
    UsageError
        There is no such variant.

    Examples
    --------
    A carcinoma of the left breast, unspecified, then a lobular one of the right; a myeloma,
    then a plasmacytoma; each two are one primary:

    >>> cases = pl.DataFrame({
    ...     "patient_id": ["A", "A", "B", "B"],
    ...     "topography": ["C50.1", "C50.4", "C42.1", "C41.2"],
    ...     "morphology": [8010, 8520, 9732, 9731],
    ...     "behaviour": [3, 3, 3, 3],
    ... })
    >>> found = find_primaries(cases)
    >>> found["primary"].to_list()
    ['primary', 'not a new primary', 'primary', 'not a new primary']
    >>> found["primary_morphology"].to_list()
    [8520, 8520, 9732, 9732]
    """
    chosen = rules_of(rules)
    if isinstance(cases, Cases):
        found = primary_columns(cases.table, chosen, cases.source.name)
        return replace(cases, table=cases.table.with_columns(found))
    raw = read_table(cases)
    return raw.frame.with_columns(primary_columns(raw.frame, chosen, raw.source.name))


def rules_of(rules: PrimaryRules | str) -> PrimaryRules:
    """Return the choices, or those of the variant named.

    Raises
    ------
    UsageError
        There is no such variant.
    """
    if isinstance(rules, PrimaryRules):
        return rules
    if rules not in VARIANTS:
        raise UsageError(
            "there is no such variant of the rules for multiple primaries",
            value=rules,
            allowed=VARIANTS,
        )
    return VARIANTS[rules]


def primary_columns(table: pl.DataFrame, rules: PrimaryRules, file: str) -> pl.DataFrame:
    """Return the columns that ``find_primaries`` adds; ``file`` is named in errors."""
    for name in _COLUMNS:
        if name not in table.columns:
            raise ColumnError(
                "the rules for multiple primaries need a column",
                file=file,
                value=name,
                allowed=table.columns,
            )
    own = [name for name in _KEY if name in table.columns]
    working = table.select(
        *own,
        "topography",
        pl.col("morphology").cast(pl.Int32),
        _row=(pl.col("row") if "row" in table.columns else pl.int_range(pl.len())).cast(pl.Int64),
        _compared=_compared(rules),
        histology_group=_histology_group(table, rules.tables),
        topography_group=_topography_group(),
    ).with_row_index("_place")
    several = working.filter("_compared", pl.col("patient_id").is_not_null())
    several = several.filter(several.select(own).is_duplicated())
    dates, names = (name in table.columns for name in ("incidence_date", "tumour_id"))
    places = several["_place"]
    several = several.with_columns(
        _date=table["incidence_date"][places] if dates else pl.lit(None, dtype=pl.Date),
        _tumour=table["tumour_id"][places] if names else pl.lit(None, dtype=pl.String),
    ).sort("_date", "_tumour", "_place", nulls_last=True)
    persons = several.select(own).unique().with_row_index("_person")
    several = several.join(persons, on=own, maintain_order="left").drop(own)
    several = _reported(_primaries(several, rules), rules).select("_place", *_REPORTED)
    alone = pl.when("_compared")
    return working.join(several, on="_place", how="left", maintain_order="left").select(
        histology_group=alone.then("histology_group"),
        topography_group=alone.then("topography_group"),
        primary=alone.then(pl.coalesce("primary", _status_alone())).otherwise(pl.lit(NOT_COMPARED)),
        primary_row=alone.then(pl.coalesce("primary_row", "_row")),
        primary_morphology=alone.then(pl.coalesce("primary_morphology", "morphology")),
        primary_topography=alone.then(pl.coalesce("primary_topography", "topography")),
    )


def _status_alone() -> pl.Expr:
    """Return the status of a person's only tumour: without a person it cannot be told."""
    return pl.when(pl.col("patient_id").is_null()).then(pl.lit(UNDECIDED)).otherwise(
        pl.lit(PRIMARY)
    )  # fmt: skip


def _compared(rules: PrimaryRules) -> pl.Expr:
    compared = pl.col("behaviour").is_in(rules.behaviours)
    if rules.bladder == "any behaviour":
        compared |= pl.col("topography").str.starts_with("C67")
    return compared.fill_null(value=False)


def _histology_group(table: pl.DataFrame, tables: tuple[str, ...]) -> pl.Series:
    groups = histology_group_of(tables)
    codes = table["morphology"].cast(pl.Int64).fill_null(0)
    outside = (codes < 0) | (codes >= len(groups))
    return pl.Series(groups[codes.set(outside, 0).to_numpy()])


def _topography_group() -> pl.Expr:
    table = topography_groups()
    return (
        pl.col("topography")
        .str.slice(0, 3)
        .replace_strict(table["site"], table["topography_group"], default=None)
    )


def _primaries(several: pl.DataFrame, rules: PrimaryRules) -> pl.DataFrame:
    """Add ``_site`` and ``_kind``: tumours of a person alike in both are one primary.

    ``several`` is sorted, the earliest tumour first. ``_site`` is the first place in Table 1, a
    number of its own where the site is unknown, 0 for what counts once.
    """
    sites = topography_groups()["topography_group"].unique(maintain_order=True)
    numbers = pl.int_range(1, len(sites) + 1, dtype=pl.Int64, eager=True)
    site = pl.col("topography_group").replace_strict(
        sites, numbers, default=None, return_dtype=pl.Int64
    )
    place = pl.col("_place").cast(pl.Int64)
    group = pl.col("histology_group").cast(pl.Int64)
    several = several.with_columns(
        _site=pl.coalesce(site, -1 - place),
        _kind=pl.when(group == NO_GROUP)  # only its own code is the same
        .then(pl.coalesce(-pl.col("morphology").cast(pl.Int64), -10_000 - place))
        .otherwise(group),
    )
    kind, here = pl.col("_kind"), ("_person", "_site")
    several = _join_earliest(several, kind == _CARCINOMA_NOS, kind.is_in(_CARCINOMAS), here)
    several = _join_earliest(several, kind == _SYSTEMIC_NOS, kind.is_in(_SYSTEMIC), ("_person",))
    specified = (kind > NO_GROUP) & (kind != _NOS)
    if not rules.unspecified_joins_systemic:
        specified &= ~kind.is_in([*_SYSTEMIC, _SYSTEMIC_NOS])
    several = _join_earliest(several, kind == _NOS, specified, here)
    return several.with_columns(_site=pl.when(kind.is_in(rules.once)).then(0).otherwise("_site"))


def _join_earliest(
    several: pl.DataFrame, joining: pl.Expr, specified: pl.Expr, keys: tuple[str, ...]
) -> pl.DataFrame:
    """Give the joining tumours the kind of the earliest specified one with the same keys."""
    earliest = several.filter(specified).unique(keys, keep="first", maintain_order=True)
    found = several.filter(joining).join(
        earliest.select(*keys, _earliest="_kind"), on=keys, how="inner"
    )
    several = several.join(
        found.select("_place", "_earliest"), on="_place", how="left", maintain_order="left"
    )
    return several.with_columns(_kind=pl.coalesce("_earliest", "_kind")).drop("_earliest")


def _reported(several: pl.DataFrame, rules: PrimaryRules) -> pl.DataFrame:
    """Add status and what to report, from ``_site`` and ``_kind``."""
    key = ["_person", "_site", "_kind"]
    own_group = pl.col("histology_group") == pl.col("_kind")
    several = several.with_columns(_specific=pl.when(own_group).then("morphology"))
    firsts = several.unique(key, keep="first", maintain_order=True).select(
        *key, _first="_place", primary_row="_row", _first_site="topography", _first_date="_date"
    )
    several = several.join(firsts, on=key, how="left", maintain_order="left")
    at_first = pl.col("_date") == pl.col("_first_date")
    other_site = pl.col("topography").str.slice(0, 3) != pl.col("_first_site").str.slice(0, 3)
    several = several.with_columns(
        _several_sites=at_first & other_site & (pl.col("_site") != 0),
        _is_first=pl.col("_place") == pl.col("_first"),
    )
    whole = several.group_by(key).agg(
        pl.coalesce(pl.col("_specific").max(), pl.col("morphology").max()).alias(
            "primary_morphology"
        ),
        pl.col("_several_sites").any(),
    )
    times = topography_groups().select("topography_group", "same_time_code").unique()
    several = (
        several.drop("_several_sites")
        .join(whole, on=key, how="left", maintain_order="left")
        .join(times, on="topography_group", how="left", maintain_order="left")
    )
    doubtful = _doubtful(several.filter("_is_first"), rules)
    return several.with_columns(
        primary_topography=pl.coalesce(
            pl.when("_several_sites").then("same_time_code"), "_first_site"
        ),
        primary=pl.when(~pl.col("_is_first"))
        .then(pl.lit(DUPLICATE))
        .when(pl.col("_place").is_in(doubtful.implode()))
        .then(pl.lit(UNDECIDED))
        .otherwise(pl.lit(PRIMARY)),
    )


def _doubtful(firsts: pl.DataFrame, rules: PrimaryRules) -> pl.Series:
    """Return the places of first tumours that may be another's duplicate, for want of a code.

    Their site is unknown, or their histology stands in no group, and nothing else tells them
    from another primary of the person.
    """
    unknown_site = pl.col("topography_group").is_null()
    if rules.unknown_primary == "undecided":
        unknown_site |= pl.col("topography_group") == UNKNOWN_PRIMARY
    firsts = firsts.select("_person", "_place", "_site", "_kind", _unknown=unknown_site)
    pairs = firsts.filter(pl.col("_unknown") | (pl.col("_kind") < 0)).join(
        firsts, on="_person", suffix="_other"
    )
    kind, other = pl.col("_kind"), pl.col("_kind_other")
    unspecified = pl.lit(value=False)
    for one, two in ((kind, other), (other, kind)):
        unspecified |= (one == _CARCINOMA_NOS) & two.is_in(_CARCINOMAS)
        unspecified |= (one == _NOS) & (
            pl.lit(value=True)
            if rules.unspecified_joins_systemic
            else ~two.is_in([*_SYSTEMIC, _SYSTEMIC_NOS])
        )
    same_site = (
        pl.col("_unknown") | pl.col("_unknown_other") | (pl.col("_site") == pl.col("_site_other"))
    )
    same_kind = (kind < 0) | (other < 0) | (kind == other) | unspecified
    return pairs.filter(
        pl.col("_place") != pl.col("_place_other"), same_site, same_kind
    )["_place"].unique()  # fmt: skip
