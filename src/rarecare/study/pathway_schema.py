"""Columns and rules of ``pathways.parquet``: ways through care in a release."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from rarecare.errors import DisagreementError
from rarecare.results import NOT_ESTIMABLE, OK, WITHHELD
from rarecare.study.faults import Fault, first_of, refuse

PATH, WAIT, STATE = "path", "waiting time", "state"
KINDS = (PATH, WAIT, STATE)
"""What a row tells: how many went a path, how long they waited, in which state they are."""

PATHWAYS: Mapping[str, Any] = {
    "entity_id": pl.String,
    "area": pl.String,
    "period": pl.String,
    "kind": pl.String,
    "order": pl.Int64,
    "from_step": pl.String,
    "step": pl.String,
    "statistic": pl.String,
    "time_years": pl.Float64,
    "n": pl.Int64,
    "events": pl.Int64,
    "unit": pl.String,
    "estimate": pl.Float64,
    "se": pl.Float64,
    "lower": pl.Float64,
    "upper": pl.Float64,
    "level": pl.Float64,
    "method": pl.String,
    "status": pl.String,
    "reason": pl.String,
    "synthetic": pl.Boolean,
}
"""Columns of ``pathways.parquet``.

``kind``: ``path``, ``waiting time`` or ``state``. ``order``: the place of a path by frequency in
all areas, of a step or state among its definitions; of the other paths null. ``step``: the path
(its steps, with ``" > "`` between them, or ``other paths``), the step waited for from
``from_step``, or the state ``time_years`` after diagnosis. ``statistic``: share, or the quantile of
the days. ``n``: patients with a path, with the step from, or followed from diagnosis; ``events``:
those of the path, those who came to the step afterwards, those in the state and still followed.
"""

KEY = ("entity_id", "area", "kind", "from_step", "step", "statistic", "time_years")
_NUMBERS = ("estimate", "se", "lower", "upper")
_NAMED = ("entity_id", "area", "period", "kind", "step", "statistic", "unit", "method")
_WAITS = pl.col("kind") == WAIT
FAULTS = (
    Fault("a name is null", pl.any_horizontal(pl.col(_NAMED).is_null())),
    Fault("a kind is none of path, waiting time, state", ~pl.col("kind").is_in(KINDS)),
    Fault(
        "a status is none of ok, withheld, not estimable",
        ~pl.col("status").is_in([OK, WITHHELD, NOT_ESTIMABLE]),
    ),
    Fault(
        "a row that is ok has no estimate",
        (pl.col("status") == OK) & pl.col("estimate").is_null(),
    ),
    Fault(
        "a row that is not ok has a number or no reason",
        (pl.col("status") != OK)
        & (pl.any_horizontal(pl.col(_NUMBERS).is_not_null()) | pl.col("reason").is_null()),
    ),
    Fault(
        "a row that is withheld has a count",
        (pl.col("status") == WITHHELD) & pl.col("events").is_not_null(),
    ),
    Fault(
        "a waiting time has no step from, or another row has one",
        pl.col("from_step").is_not_null() != _WAITS,
    ),
    Fault(
        "a state has no time, or another row has one",
        (pl.col("kind") == STATE) != pl.col("time_years").is_not_null(),
    ),
    Fault(
        "limits do not enclose the estimate",
        (pl.col("lower") > pl.col("estimate") + 1e-12)
        | (pl.col("upper") < pl.col("estimate") - 1e-12),
    ),
    Fault("a number is nan", pl.any_horizontal(pl.col(_NUMBERS).is_nan().fill_null(value=False))),
    Fault("a count is negative", pl.any_horizontal(pl.col("n", "events") < 0)),
    Fault("a count is above its total", pl.col("events") > pl.col("n")),
)  # fmt: skip
"""Rules of each row; null counts as "cannot tell", not broken."""


def check_pathways(table: pl.DataFrame) -> None:
    """Refuse ways through care that break a rule.

    Raises
    ------
    DisagreementError
        A row breaks one, two rows have one key, or the paths of an area do not add up.
    """
    refuse(table, FAULTS, file="pathways", key=KEY)
    doubled = table.filter(table.select(KEY).is_duplicated())
    if doubled.height:
        raise DisagreementError(
            "two rows have one key", value=first_of(doubled, KEY), file="pathways"
        )
    paths = table.filter(kind=PATH).group_by("entity_id", "area", maintain_order=True).agg(
        apart=pl.col("status").n_unique() > 1, left=pl.col("events").sum() != pl.col("n").first(),
        shown=(pl.col("status") == OK).all(),
    )  # fmt: skip
    wrong = paths.filter(pl.col("apart") | (pl.col("shown") & pl.col("left")))
    if wrong.height:
        raise DisagreementError(
            "paths of one area do not add up to its patients",
            value=first_of(wrong, ("entity_id", "area")), file="pathways",
        )  # fmt: skip
