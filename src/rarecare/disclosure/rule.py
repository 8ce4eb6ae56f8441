"""What is withheld, in a form that can be printed and stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rarecare.errors import UsageError

DEFAULT_THRESHOLD = 5
LEAST_BASE = 5
"""The smallest threshold whose multiples hide enough: a count shown as 0 has three values."""


@dataclass(frozen=True, slots=True)
class DisclosureRule:
    """The rule a release was protected by; ``dataclasses.asdict`` gives it as plain values.

    Attributes
    ----------
    threshold
        The smallest positive count that is shown.
    words
        The rule for people to read.
    mode
        ``suppression``: small counts are withheld; ``rounding``: all counts are rounded.
    """

    threshold: int
    words: str
    mode: Literal["suppression", "rounding"] = "suppression"

    @classmethod
    def of(cls, threshold: int) -> DisclosureRule:
        """Return the rule with its words.

        Raises
        ------
        UsageError
            The threshold is not a whole number from 1.

        Examples
        --------
        >>> DisclosureRule.of(1).words
        'No count is withheld.'
        """
        if isinstance(threshold, bool) or not isinstance(threshold, int) or threshold < 1:
            raise UsageError(
                "the threshold of disclosure control cannot be used",
                value=threshold,
                allowed="a whole number from 1, which withholds nothing",
            )
        if threshold == 1:
            return cls(threshold, "No count is withheld.")
        small = f"1 to {threshold - 1}" if threshold > 2 else "1"
        return cls(
            threshold,
            f"Counts of {small} are withheld with every statistic built on them, and so are others "
            f"from which one could be worked out to be above 0, or below {2 * threshold} and the "
            "totals it is part of. Counts of 0 are shown. Deaths and persons at risk at one time "
            "are withheld together.",
        )

    @classmethod
    def rounding(cls, threshold: int) -> DisclosureRule:
        """Return the rule that rounds to multiples of the threshold.

        Raises
        ------
        UsageError
            The threshold is not 1, which changes nothing, or 5 or more: a count shown as 0 would
            be 0 or 1.

        Examples
        --------
        >>> DisclosureRule.rounding(5).words[:71]
        'Counts are rounded to the nearest multiple of 5: one shown as 0 is 0 to'
        """
        if threshold == 1 and not isinstance(threshold, bool):
            return cls(1, cls.of(threshold).words, "rounding")
        if isinstance(threshold, bool) or not isinstance(threshold, int) or threshold < LEAST_BASE:
            raise UsageError(
                "counts cannot be rounded to multiples of this threshold",
                value=threshold,
                allowed=f"a whole number from {LEAST_BASE}, or 1, which changes nothing",
            )
        most, least = (threshold - 1) // 2, threshold - threshold // 2
        return cls(
            threshold,
            f"Counts are rounded to the nearest multiple of {threshold}: one shown as 0 is 0 to "
            f"{most}, one shown as {threshold} is {least} to {threshold + most}. Totals are not "
            "the sum of their parts. Statistics are those of the rounded counts, and withheld "
            f"where one of these is shown as {threshold} or less. A count is withheld where its "
            "totals and parts would tell it.",
            "rounding",
        )

    @property
    def reason(self) -> str:
        """Why a row is withheld; one sentence for all, or it would say which counts are small."""
        if self.mode == "rounding":
            return (
                f"cases, deaths or persons at risk are rounded to {self.threshold} or less, or a "
                "count is withheld that its totals or parts would tell"
            )
        return (
            f"fewer than {self.threshold} cases, deaths or persons at risk, here or in another "
            "count that this one would reveal"
        )
