"""What is withheld, in a form that can be printed and stored."""

from __future__ import annotations

from dataclasses import dataclass

from rarecare.errors import UsageError

DEFAULT_THRESHOLD = 5


@dataclass(frozen=True, slots=True)
class DisclosureRule:
    """The rule a release was protected by; ``dataclasses.asdict`` gives it as plain values.

    Attributes
    ----------
    threshold
        The smallest positive count that is shown.
    words
        The rule for people to read.
    """

    threshold: int
    words: str

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

    @property
    def reason(self) -> str:
        """Why a row is withheld; one sentence for all, or it would say which counts are small."""
        return (
            f"fewer than {self.threshold} cases, deaths or persons at risk, here or in another "
            "count that this one would reveal"
        )
