"""Restricted cubic splines: linear beyond the outer knots.

Source: Royston & Parmar, *Statistics in Medicine* 2002;21:2175-2197.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rarecare.errors import UsageError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RestrictedCubic:
    """A basis on given knots: u, and one curved column per inner knot, centred and scaled.

    Attributes
    ----------
    knots
        Ascending, the outer ones first and last.
    centre, scale
        Mean and standard deviation of the training data, per curved column.
    """

    knots: tuple[float, ...]
    centre: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    @classmethod
    def of(cls, u: Floats, events: Floats, *, df: int) -> RestrictedCubic:
        """Return the basis with knots at the ends and equal quantiles (type 7) of the events.

        Parameters
        ----------
        u, events
            Training values, and those at which there was an event.
        df
            Columns, 1 or more.

        Raises
        ------
        UsageError
            ``df`` is below 1, or there are too few distinct events.
        """
        if df < 1:
            raise UsageError("degrees of freedom are out of range", value=df, allowed="1 or more")
        knots = tuple(float(q) for q in np.quantile(events, np.linspace(0, 1, df + 1)))
        return cls.on(u, knots)

    @classmethod
    def on(cls, u: Floats, knots: Sequence[float]) -> RestrictedCubic:
        """Return the basis on given knots, centred and scaled by the training values.

        Raises
        ------
        UsageError
            The knots do not rise.
        """
        own = tuple(float(knot) for knot in knots)
        if len(own) < 2 or any(b <= a for a, b in pairwise(own)):
            raise UsageError(
                "knots must rise", value=own, allowed="two or more distinct values",
                remedy="Ask for fewer degrees of freedom.",
            )  # fmt: skip
        raw = cls(own)._curved(u)
        spread = raw.std(axis=0)
        return cls(
            own, tuple(raw.mean(axis=0).tolist()),
            tuple(np.where(spread > 0, spread, 1.0).tolist()),
        )  # fmt: skip

    @property
    def size(self) -> int:
        """Number of columns."""
        return len(self.knots) - 1

    def basis(self, u: Floats) -> Floats:
        """Return the columns at u, shape (n, size)."""
        curved = (self._curved(u) - np.array(self.centre)) / np.array(self.scale)
        return np.column_stack([u, curved]) if self.size > 1 else u[:, None].copy()

    def slope(self, u: Floats) -> Floats:
        """Return their derivatives in u, shape (n, size)."""
        if self.size == 1:
            return np.ones((len(u), 1))
        first, last = self.knots[0], self.knots[-1]
        columns = [np.ones(len(u))]
        for knot, scale in zip(self.knots[1:-1], self.scale, strict=True):
            share = (last - knot) / (last - first)
            own = 3 * np.maximum(u - knot, 0) ** 2
            own -= 3 * share * np.maximum(u - first, 0) ** 2
            own -= 3 * (1 - share) * np.maximum(u - last, 0) ** 2
            columns.append(own / scale)
        return np.column_stack(columns)

    def _curved(self, u: Floats) -> Floats:
        first, last = self.knots[0], self.knots[-1]
        columns = []
        for knot in self.knots[1:-1]:
            share = (last - knot) / (last - first)
            own = np.maximum(u - knot, 0) ** 3
            own -= share * np.maximum(u - first, 0) ** 3
            own -= (1 - share) * np.maximum(u - last, 0) ** 3
            columns.append(own)
        return np.column_stack(columns) if columns else np.zeros((len(u), 0))
