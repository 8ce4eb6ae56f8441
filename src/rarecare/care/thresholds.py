"""Volumes that hospitals are asked to reach, with their unit and where they are from.

None comes with the package: a threshold is its source's, and is shown with it.
"""

from __future__ import annotations

from dataclasses import dataclass

from rarecare.errors import UsageError

PER_YEAR = "patients per year"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A volume that a hospital is asked to reach, as its source gives it.

    Attributes
    ----------
    value, unit
        Above 0, in ``"patients per year"``.
    group, treatment
        Referral group and kind of treatment it is for; None: all of them.
    above
        Whether the volume must be above the value; by default at or above.
    source, sureness
        Shown beside every result.

    Raises
    ------
    UsageError
        The unit is missing or another, or the value is not above 0.
    """

    value: float
    unit: str
    group: str | None = None
    treatment: str | None = None
    above: bool = False
    source: str = ""
    sureness: str = ""

    def __post_init__(self) -> None:
        if self.unit != PER_YEAR:
            raise UsageError(
                "a threshold has no unit" if not self.unit else "a threshold has another unit",
                value=self.unit or self.value, allowed=PER_YEAR,
            )  # fmt: skip
        if not 0 < self.value < float("inf"):
            raise UsageError("a threshold is not above 0", value=self.value, allowed=PER_YEAR)

    @property
    def label(self) -> str:
        """The threshold in words: ``"at least 20 patients per year"``."""
        return f"{'above' if self.above else 'at least'} {self.value:g} {self.unit}"
