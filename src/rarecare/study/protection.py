"""The rule of disclosure of a study, and the one place where it is asked."""

from __future__ import annotations

from typing import Any

import polars as pl

from rarecare.disclosure import (
    Protected,
    audit_rounded,
    narrowed_small,
    protect,
    refuse_narrowed,
    rounded,
    withheld_too,
)
from rarecare.errors import DisagreementError
from rarecare.study import schema
from rarecare.study.care import CareTables
from rarecare.study.config import Study
from rarecare.study.entities import RARE, Groups
from rarecare.study.listing import links
from rarecare.study.release import open_release
from rarecare.study.stages import TOGETHER
from rarecare.study.survival import ADULTS, CHILDREN

_ROUNDS = 4
"""How often more is withheld before a release is refused."""


def protected(
    estimates: pl.DataFrame, groups: Groups, study: Study, *, areas: pl.DataFrame,
    entities: pl.DataFrame, care: CareTables | None,
) -> tuple[Protected, dict[str, Any]]:  # fmt: skip
    """Return a study's estimates as they may be published, and what the manifest says of that.

    Raises
    ------
    DisagreementError
        What would be shown gives a small count away.
    """
    threshold = study.disclosure.threshold
    given: dict[str, Any] = {
        "areas": areas, "entities": entities, "threshold": threshold,
        "overlapping": (*schema.OVERLAPPING, *(care.overlapping if care else ())),
    }  # fmt: skip
    also: dict[str, Any] = {
        "links": [*links(study), *(care.links(study) if care else ())],
        "unions": {RARE: groups.rare_parts()},
    }
    earlier = [open_release(folder) for folder in study.disclosure.earlier]
    if study.disclosure.mode == "rounding":
        shown = rounded(estimates, **given, **also)
        found = audit_rounded(shown.estimates, areas, entities, threshold)
        if found.height:
            raise DisagreementError(
                f"what is shown would give away {found.height} counts that are rounded",
                value=str(found.row(0, named=True)),
                remedy="Leave out the breakdown that tells it, or raise the threshold.",
            )
    else:
        also |= {
            "together": [TOGETHER, *(care.together if care else ())],
            "earlier": [one.estimates for one in earlier],
        }
        shown = _audited(estimates, given, also)
    return shown, {
        "threshold": threshold,
        "mode": shown.rule.mode,
        "words": shown.rule.words,
        "summary": shown.summary.to_dicts(),
        "utility": shown.utility.to_dicts(),
        "overlapping": list(given["overlapping"]),
        "unions": also["unions"],
        "earlier": [
            {"study": one.manifest["study"]["name"], "created": one.manifest["created"]}
            for one in earlier
        ],
    }


def _audited(estimates: pl.DataFrame, given: dict[str, Any], also: dict[str, Any]) -> Protected:
    """Return protected estimates that the audit passes.

    Where it still finds a small count, the rows of that cancer and its siblings, and of all below
    them, in the same breakdown are withheld too, which hides it among them.
    """
    estimates = estimates.sort(schema.KEY)
    shown = protect(estimates, **given, **also)
    found = narrowed_small(shown.estimates, estimates, **given)
    for _ in range(_ROUNDS):
        if found.is_empty():
            return shown
        more = _beside(found, estimates, given["entities"])
        shown = withheld_too(shown, estimates, more, links=also["links"], together=also["together"])
        measures = _affected(found["measure"].unique().to_list(), also)
        own, around = _around(estimates.filter(more), estimates, measures, given["entities"])
        found = narrowed_small(
            shown.estimates.filter(own), estimates.filter(own), **given, asked=around.filter(own)
        )
    refuse_narrowed(shown.estimates, estimates, **given)
    return shown


def _affected(measures: list[str], also: dict[str, Any]) -> list[str]:
    """Return measures, and all that are linked to them or shown together with them."""
    found = list(measures)
    for name in found:  # grows on the way
        beside = [one.measure for one in also["links"] if one.base == name]
        beside += [
            one for group in also["together"] if name in group.measures for one in group.measures
        ]
        found += [one for one in dict.fromkeys(beside) if one not in found]
    return found


def _around(
    gone: pl.DataFrame, estimates: pl.DataFrame, measures: list[str], entities: pl.DataFrame
) -> tuple[pl.Series, pl.Series]:
    """Return the rows of some measures, and those of them whose counts may have been narrowed.

    Those of the cancers of which rows are ``gone`` now, and of the one above these.
    """
    own = estimates["measure"].is_in(measures)
    near = entities.filter(pl.col("entity_id").is_in(gone["entity_id"].unique().implode()))
    names = pl.concat([near["entity_id"], near["parent_id"].drop_nulls()]).unique()
    return own, own & estimates["entity_id"].is_in(names.implode())


def _beside(found: pl.DataFrame, estimates: pl.DataFrame, entities: pl.DataFrame) -> pl.Series:
    """Return the rows of cancers found, their siblings and all below, in the same breakdown."""
    up = entities.select("entity_id", _parent=pl.col("parent_id").fill_null(""))
    higher = up.rename({"entity_id": "_parent", "_parent": "_above"})
    below = last = up
    while last.height:
        last = last.join(higher, on="_parent").select("entity_id", _parent="_above")
        below = pl.concat([below, last])
    survival = pl.col("measure").str.starts_with(schema.NET_SURVIVAL)
    whole = (pl.col("age_group") == schema.ALL) | (
        survival & pl.col("age_group").is_in([ADULTS, CHILDREN])
    )
    kind = (
        pl.when(pl.col("area") != schema.ALL).then(pl.lit("area"))
        .when(pl.col("period").str.len_chars() == 4).then(pl.lit("year"))
        .when(pl.col("sex") != schema.ALL).then(pl.lit("sex"))
        .when(~whole).then(pl.lit("age"))
        .otherwise(pl.lit("whole")).alias("_kind")
    )  # fmt: skip
    wanted = found.join(up, on="entity_id").select("measure", "_parent", kind).unique()
    wanted = wanted.join(below, on="_parent").select("measure", "entity_id", "_kind").unique()
    marked = estimates.select("measure", "entity_id", kind).join(
        wanted.with_columns(_wanted=pl.lit(value=True)),
        on=["measure", "entity_id", "_kind"], how="left", maintain_order="left",
    )  # fmt: skip
    return marked["_wanted"].fill_null(value=False)
