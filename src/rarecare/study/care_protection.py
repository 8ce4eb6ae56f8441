"""What is withheld of the care rows before the one rule of the release sees them.

The rule of the release (``disclosure.protect``) looks at cases, numerators and denominators. Three
more things would tell a small number: how many of a denominator are *not* in the numerator; the
categories of one distribution, which add up; and hospitals, of which few make a country.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.disclosure.rule import DisclosureRule
from rarecare.results import OK, WITHHELD

_CELL = ("entity_id", "area")
_NUMBERS = ("estimate", "se", "lower", "upper")


def hidden(rows: pl.DataFrame, where: pl.Expr, reason: str) -> pl.DataFrame:
    """Return rows with their numbers withheld where the expression is true.

    Numerator and denominator stay, for the rule of the release to withhold them: it must know what
    it hides.
    """
    gone = where.fill_null(value=False)
    return rows.with_columns(
        *(pl.when(~gone).then(pl.col(name)).alias(name) for name in _NUMBERS),
        status=pl.when(gone).then(pl.lit(WITHHELD)).otherwise("status"),
        reason=pl.when(gone).then(pl.lit(reason)).otherwise("reason"),
    )


def small_complements(rows: pl.DataFrame, rule: DisclosureRule) -> pl.DataFrame:
    """Return rows of shares, withheld where few of the denominator are not in the numerator."""
    rest = pl.col("at_risk") - pl.col("events")
    few = rest.is_between(1, rule.threshold - 1) & (pl.col("unit") == "share")
    return hidden(rows, few & (pl.col("status") == OK), rule.reason)


def withheld_parts(counts: NDArray[np.int64], of: NDArray[np.int64], threshold: int) -> (
    NDArray[np.bool_]
):  # fmt: skip
    """Return which of some parts are withheld, their total being known.

    ``counts`` of ``of`` in each part: neither these nor the others may be few; what is withheld is
    two parts or more, which hold ``threshold`` or more together, and more than one each.

    >>> withheld_parts(np.array([3, 9, 20]), np.array([30, 40, 50]), 5).tolist()
    [True, True, False]
    """
    rest = of - counts
    small = ((counts > 0) & (counts < threshold)) | ((rest > 0) & (rest < threshold))
    gone = small.copy()
    order = np.argsort(of, kind="stable")
    for side in (counts, rest):
        for place in order:
            together = int(side[gone].sum())
            alone = gone.sum() == 1 or together < threshold or together <= gone.sum()
            if not gone.any() or not alone or gone.all():
                break
            if not gone[place]:
                gone[place] = True
    return gone


def pooled(counts: NDArray[np.int64], threshold: int) -> int:
    """Return how many hospitals, of those sorted by falling counts, are shown one by one.

    The others are one row: two or more hospitals with ``threshold`` patients or more, and more
    than one each; or all are shown.

    >>> pooled(np.array([40, 12, 3, 1]), 5), pooled(np.array([40, 12, 9]), 5)
    (1, 3)
    """
    first = int(np.searchsorted(-counts, -threshold, side="right"))
    if first == len(counts):
        return first
    while first > 0:
        rest = counts[first:]
        if len(rest) >= 2 and rest.sum() >= threshold and rest.sum() > len(rest):
            break
        first -= 1
    return first
