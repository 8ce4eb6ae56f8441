"""What counts at one time say of those at another: deaths rise with time, those at risk fall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rarecare.disclosure.cells import Integers, Measure
from rarecare.disclosure.web import Flags, Reals


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """One count by cell and time.

    Attributes
    ----------
    values
        Deaths or persons at risk, sorted by cell and time.
    measure
        Whose they are.
    cases
        Which cells have their cases withheld.
    falling
        Whether the count falls with time.
    """

    values: Integers
    measure: Measure
    cases: Flags
    falling: bool

    def bounds(self, hidden: Flags) -> tuple[Reals, Reals]:
        """Return the least and the greatest of each count, as the times shown and the cases say.

        ``hidden``: which (cells, times) are withheld.
        """
        values, cell = self.values, self.measure.unit_cell
        size = len(values)
        place = np.arange(size)
        shown = ~hidden
        before = np.maximum.accumulate(np.where(shown, place, -1))
        after = np.minimum.accumulate(np.where(shown, place, size)[::-1])[::-1]
        has_before = (before >= 0) & (cell[before] == cell)
        inside = np.minimum(after, size - 1)
        has_after = (after < size) & (cell[inside] == cell)
        first, last = (has_after, has_before) if self.falling else (has_before, has_after)
        low, high = (inside, before) if self.falling else (before, inside)
        lower = np.where(first, values[low], 0.0)
        upper = np.where(last, values[high], self._most())
        return np.where(values > 0, np.minimum(lower, values), lower), np.maximum(upper, values)

    def free(self) -> tuple[Reals, Reals]:
        """Return the same if no other time were shown."""
        return np.zeros(len(self.values)), np.maximum(self._most(), self.values)

    def stretch(self, hidden: Flags, count: int, value: float) -> None:
        """Withhold, in place, the times that keep a count from taking a value."""
        cell = self.measure.unit_cell
        up = value > self.values[count]
        step = 1 if up != self.falling else -1
        place = count + step
        while 0 <= place < len(cell) and cell[place] == cell[count]:
            other = self.values[place]
            if (other < value) if up else (other > value):
                hidden[place] = True
            place += step

    def _most(self) -> Reals:
        most = 2.0 * float(self.values.sum()) + 1000.0
        cell = self.measure.unit_cell
        return np.where(self.cases[cell], most, self.measure.n[cell].astype(float))
