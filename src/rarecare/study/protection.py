"""The rule of disclosure of a study, and the one place where it is asked."""

from __future__ import annotations

from typing import Any

import polars as pl

from rarecare.disclosure import (
    Protected,
    audit_rounded,
    protect,
    refuse_narrowed,
    rounded,
)
from rarecare.errors import DisagreementError
from rarecare.study import schema
from rarecare.study.care import CareTables
from rarecare.study.config import Study
from rarecare.study.entities import RARE, Groups
from rarecare.study.listing import links
from rarecare.study.release import open_release


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
        shown = protect(
            estimates, **given, **also, together=care.together if care else (),
            earlier=[one.estimates for one in earlier],
        )  # fmt: skip
        refuse_narrowed(shown.estimates, estimates, **given)
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
