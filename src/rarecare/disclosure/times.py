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

    def bounds(self, hidden: Flags, place: Integers) -> tuple[Reals, Reals]:
        """Return the least and the greatest of some counts, as the times shown and the cases say.

        ``hidden``: which (cells, times) are withheld.
        """
        before, after = self._nearest(hidden, place, -1), self._nearest(hidden, place, 1)
        low, high = (after, before) if self.falling else (before, after)
        values = self.values[place]
        lower = np.where(low >= 0, self.values[low], 0.0)
        upper = np.where(high >= 0, self.values[high], self._most(place))
        return np.where(values > 0, np.minimum(lower, values), lower), np.maximum(upper, values)

    def _nearest(self, hidden: Flags, place: Integers, step: int) -> Integers:
        """Return the position of the nearest time shown of the same cell, or -1."""
        cell = self.measure.unit_cell
        answer = np.full(len(place), -1, dtype=np.int64)
        at, index = place + step, np.arange(len(place))
        while len(index):
            inside = (at >= 0) & (at < len(cell))
            inside[inside] = cell[at[inside]] == cell[place[index[inside]]]
            at, index = at[inside], index[inside]
            found = ~hidden[at]
            answer[index[found]] = at[found]
            at, index = at[~found] + step, index[~found]
        return answer

    def free(self, place: Integers) -> tuple[Reals, Reals]:
        """Return the same if no other time were shown."""
        return np.zeros(len(place)), np.maximum(self._most(place), self.values[place])

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

    def _most(self, place: Integers) -> Reals:
        cell = self.measure.unit_cell[place]
        most = 2.0 * float(self.measure.n.max(initial=0)) + 1000.0
        return np.where(self.cases[cell], most, self.measure.n[cell].astype(float))
