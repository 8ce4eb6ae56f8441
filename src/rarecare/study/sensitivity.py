"""How a study's main estimates move when doubtful records are treated otherwise.

Source: RARECARE's review of its data, *Tumori* 2017;103:22-32: death certificates, unspecified
morphology and suspicious long survivors are what estimates of rare cancers hang on. Each variant
changes the records of every registry and estimates anew; it is one entry in ``VARIANTS``. The
numbers are for those who judge the data: nothing is withheld.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl

from rarecare.codes.rare_cancers import chosen_list
from rarecare.errors import UsageError
from rarecare.registry.quality.suspicious import SUSPICIOUS, suspicious_columns
from rarecare.results import NOT_ESTIMABLE, OK
from rarecare.study import schema
from rarecare.study.config import Study, read_study
from rarecare.study.entities import LEAF, Groups
from rarecare.study.incidence import Counts, count, incidence_rows
from rarecare.study.sources import Submission, read_submission
from rarecare.study.survival import Sums, survival_rows, tally_registry

AS_COUNTED = "as counted"
SEED = 20261128
"""Of the order in which unspecified cases are re-allocated."""

_AGE_BANDS = (45, 65)
_TIERS = ("entity_tier1", "entity_tier2")
_DETAIL = ("measure", "entity_id", "sex", "age_group", "period", "time_years", "standard", "unit")


@dataclass(frozen=True, slots=True)
class Variant:
    """Another way to treat some records.

    Attributes
    ----------
    name
        As the table says it.
    columns
        The columns it looks at; a registry without one of them stays as it is, which is said.
    changed
        The records as the variant has them.
    meaning
        What is done, in a sentence.
    """

    name: str
    columns: tuple[str, ...]
    changed: Callable[[pl.DataFrame], pl.DataFrame]
    meaning: str


def without_death_certificates(table: pl.DataFrame) -> pl.DataFrame:
    """Return the records without those known from a death certificate only."""
    return table.filter((pl.col("basis_of_diagnosis") != 0).fill_null(value=True))


def without_suspicious(table: pl.DataFrame) -> pl.DataFrame:
    """Return the records without suspicious long survivors of highly fatal tumours."""
    return table.filter(~suspicious_columns(table)[SUSPICIOUS])


def reallocated(table: pl.DataFrame) -> pl.DataFrame:
    """Return the records with every case of a tier 1 only given one of its tier 2.

    The shares are those of the registry's specified cases of the same tier 1, sex and age (to
    44, 45-64, from 65, unknown); where it has none of that sex and age, of the same tier 1;
    where none at all, the case stays. The m cases of a group, in an order drawn with a fixed
    seed, are divided at the cumulative shares, so that each tier 2 gets its share of m to
    within one case.

    Examples
    --------
    3 of 4 specified cases are 01.01.01, so of 4 unspecified ones 3 become it:

    >>> cases = pl.DataFrame({
    ...     "entity_tier1": ["01.01"] * 8,
    ...     "entity_tier2": ["01.01.01"] * 3 + ["01.01.02"] + [None] * 4,
    ... })
    >>> reallocated(cases)["entity_tier2"].value_counts().sort("entity_tier2").rows()
    [('01.01.01', 6), ('01.01.02', 2)]
    """
    band = pl.lit(-1)
    if "age" in table.columns:
        band = sum((pl.col("age") >= lower).cast(pl.Int32) for lower in _AGE_BANDS)  # type: ignore[assignment]
    sex = pl.col("sex") if "sex" in table.columns else pl.lit(schema.ALL)
    placed = table.select(
        *_TIERS,
        _sex=sex.cast(pl.String).fill_null("unknown"),
        _band=band.fill_null(-1),
    ).with_row_index("_place")
    general = pl.col("entity_tier1").is_not_null() & pl.col("entity_tier2").is_null()
    specified = placed.filter(pl.col("entity_tier2").is_not_null())
    left = placed.filter(general)
    order = np.random.default_rng(SEED).permutation(left.height)
    left = left.with_columns(_order=pl.Series(order, dtype=pl.UInt32))
    given = []
    for keys in (["entity_tier1", "_sex", "_band"], ["entity_tier1"]):
        part = left.join(specified.select(keys).unique(), on=keys, how="semi")
        given.append(_divided(part, specified, keys))
        left = left.join(part.select("_place"), on="_place", how="anti")
    found = pl.concat(given)
    whole = placed.join(found, on="_place", how="left", maintain_order="left")
    tier2 = pl.coalesce("_given", pl.col("entity_tier2").cast(pl.String))
    return table.with_columns(whole.select(entity_tier2=tier2)["entity_tier2"])


def _divided(part: pl.DataFrame, specified: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Return ``_place`` and ``_given``: the tier 2 of each unspecified case."""
    shares = (
        specified.group_by(*keys, "entity_tier2")
        .len()
        .sort(*keys, "entity_tier2")
        .with_columns(
            _upto=pl.col("len").cum_sum().over(keys) / pl.col("len").sum().over(keys),
            _given=pl.col("entity_tier2").cast(pl.String),
        )
    )
    ranked = part.sort("_order").select(
        "_place", *keys, _at=(pl.int_range(pl.len()) + 0.5).over(keys) / pl.len().over(keys)
    )
    pairs = ranked.join(shares.select(*keys, "_upto", "_given"), on=keys)
    reached = pairs.filter(pl.col("_upto") >= pl.col("_at") - 1e-12)
    return (
        reached.sort("_place", "_upto")
        .unique("_place", keep="first", maintain_order=True)
        .select("_place", "_given")
    )


VARIANTS = (
    Variant(
        "without death certificate only",
        ("basis_of_diagnosis",),
        without_death_certificates,
        "Cases known from a death certificate only are left out of incidence; survival never "
        "has them.",
    ),
    Variant(
        "unspecified re-allocated",
        _TIERS,
        reallocated,
        "Cases whose codes say no more than a tier 1 get a tier 2, in the registry's own shares "
        "by sex and age.",
    ),
    Variant(
        "without suspicious survivors",
        ("topography", "morphology", "follow_up_days"),
        without_suspicious,
        "Long survivors of highly fatal tumours are left out.",
    ),
)
"""One entry, one way to treat doubtful records."""


@dataclass(frozen=True, slots=True, eq=False)
class Sensitivity:
    """How the main estimates move.

    Attributes
    ----------
    table
        One row per variant, estimate: ``variant``, ``measure``, ``entity_id``, ``name``,
        ``sex``, ``age_group``, ``period``, ``time_years``, ``standard``, ``unit``, ``n`` and
        ``estimate`` as counted with its ``lower`` and ``upper``, ``n_variant``,
        ``estimate_variant``, ``difference``, ``percent`` (difference in per cent of the
        estimate), ``outside`` (whether it leaves the interval), ``status``, ``reason``.
    changes
        One row per registry and variant: ``registry``, ``variant``, ``records`` left out or
        changed, ``reason`` why a registry stays as it is.
    """

    table: pl.DataFrame
    changes: pl.DataFrame


@dataclass(slots=True)
class _Pool:
    """All registries under one variant."""

    counts: Counts | None = None
    sums: Sums = field(default_factory=Sums)

    def rows(self, groups: Groups, study: Study) -> pl.DataFrame:
        """Return the estimates of all areas."""
        parts = []
        if self.counts is not None:
            parts.append(
                incidence_rows(self.counts, groups, study, area=schema.ALL, margins=("whole",))
            )
        if self.sums.arrays:
            parts.append(
                survival_rows(self.sums, groups, study, area=schema.ALL, margins=("whole",))
            )
        if not parts:
            raise UsageError(
                "the study has no incidence or net survival to look at",
                value=", ".join(study.study.measures),
                allowed="incidence, net survival",
            )
        wanted = [*_DETAIL, "n", "estimate", "lower", "upper", "status", "reason"]
        return pl.concat(
            part.select(pl.col(name).cast(schema.ESTIMATES[name]) for name in wanted)
            for part in parts
        )


def sensitivity(study: Study | str | Path) -> Sensitivity:
    """Return how the main estimates of a study move under each variant.

    Incidence and net survival of all areas, whole period, both sexes; crude and standardised.

    Parameters
    ----------
    study
        The study, or the path of its ``study.toml``.

    Raises
    ------
    InputError
        A file cannot be used.
    UsageError
        The study asks for neither incidence nor net survival.
    """
    if not isinstance(study, Study):
        study, _ = read_study(study)
    entities = chosen_list(study.study.classification)
    groups = Groups.of(entities.entities, study.wanted_entities)
    pools = {name: _Pool() for name in (AS_COUNTED, *(one.name for one in VARIANTS))}
    changes: list[tuple[str, str, int | None, str | None]] = []
    for registry in study.registries:
        submission = read_submission(registry, study, entities)
        _add(submission, groups, study, pools[AS_COUNTED])
        table = submission.cases.table
        for one in VARIANTS:
            lacking = [name for name in one.columns if name not in table.columns]
            if lacking:
                why = f"the file has no {' or '.join(lacking)}"
                changes.append((registry.id, one.name, None, why))
                changed = submission
            else:
                new = one.changed(table)
                changes.append((registry.id, one.name, _difference(table, new), None))
                changed = replace(submission, cases=replace(submission.cases, table=new))
            _add(changed, groups, study, pools[one.name])
    return Sensitivity(
        _compared(pools, groups, study),
        pl.DataFrame(
            changes,
            schema={
                "registry": pl.String,
                "variant": pl.String,
                "records": pl.Int64,
                "reason": pl.String,
            },
            orient="row",
        ),
    )


def _difference(old: pl.DataFrame, new: pl.DataFrame) -> int:
    """Return how many records were left out, or else given another entity."""
    if new.height != old.height:
        return old.height - new.height
    before, after = old["entity_tier2"].cast(pl.String), new["entity_tier2"]
    return int(before.ne_missing(after).sum())


def _add(submission: Submission, groups: Groups, study: Study, pool: _Pool) -> None:
    if schema.INCIDENCE in study.study.measures and submission.population is not None:
        counted, _ = submission.counted(study)
        counted = counted.with_columns(groups.leaf_codes(counted).alias(LEAF))
        own = count(counted, submission.population, groups, study)
        pool.counts = own if pool.counts is None else pool.counts + own
    if schema.NET_SURVIVAL in study.study.measures and submission.life_table is not None:
        followed, _ = submission.followed(study)
        if followed.height:
            followed = followed.with_columns(groups.leaf_codes(followed).alias(LEAF))
            pool.sums.add(tally_registry(followed, submission.life_table, study))


def _compared(pools: dict[str, _Pool], groups: Groups, study: Study) -> pl.DataFrame:
    names = groups.table.select("entity_id", "name")
    base = pools[AS_COUNTED].rows(groups, study)
    parts = []
    for one in VARIANTS:
        rows = pools[one.name].rows(groups, study).select(
            *_DETAIL, n_variant="n", estimate_variant="estimate", _status="status",
            _reason="reason",
        )  # fmt: skip
        parts.append(
            base.join(
                rows, on=_DETAIL, how="full", coalesce=True, nulls_equal=True
            ).with_columns(variant=pl.lit(one.name))
        )  # fmt: skip
    difference = pl.col("estimate_variant") - pl.col("estimate")
    both_ok = (pl.col("status") == OK) & (pl.col("_status") == OK)
    reason = pl.coalesce("_reason", "reason", pl.lit("no such estimate with or without the change"))
    return (
        pl.concat(parts)
        .join(names, on="entity_id", how="left", maintain_order="left")
        .select(
            "variant",
            *_DETAIL[:2],
            "name",
            *_DETAIL[2:],
            pl.col("n").fill_null(0),
            "estimate",
            "lower",
            "upper",
            pl.col("n_variant").fill_null(0),
            "estimate_variant",
            difference=difference,
            percent=pl.when(pl.col("estimate") != 0).then(100 * difference / pl.col("estimate")),
            outside=(pl.col("estimate_variant") < pl.col("lower"))
            | (pl.col("estimate_variant") > pl.col("upper")),
            status=pl.when(both_ok).then(pl.lit(OK)).otherwise(pl.lit(NOT_ESTIMABLE)),
            reason=pl.when(~both_ok).then(reason),
        )
        .sort("variant", *_DETAIL, nulls_last=False)
    )
