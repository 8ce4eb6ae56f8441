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

    Flat: constant beyond the last knot (Andersson, Dickman, Eloranta, Lambert, *BMC Medical
    Research Methodology* 2011;11:96): the columns of the curved part alone, run backwards.

    Attributes
    ----------
    knots
        Ascending, the outer ones first and last.
    centre, scale
        Mean and standard deviation of the training data, per curved column.
    flat
        Whether the basis is constant beyond the last knot.
    """

    knots: tuple[float, ...]
    centre: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    flat: bool = False

    @classmethod
    def of(cls, u: Floats, events: Floats, *, df: int, flat: bool = False) -> RestrictedCubic:
        """Return the basis with knots at the ends and equal quantiles (type 7) of the events.

        Parameters
        ----------
        u, events
            Training values, and those at which there was an event.
        df
            Columns, 1 or more.
        flat
            See the class; knots then stand at the ends and df − 1 quantiles and one at 95 %.

        Raises
        ------
        UsageError
            ``df`` is below 1, or there are too few distinct events.
        """
        if df < 1:
            raise UsageError("degrees of freedom are out of range", value=df, allowed="1 or more")
        shares = np.linspace(0, 1, df + 1)
        if flat:
            shares = np.sort([*shares, 0.95])
        knots = tuple(float(q) for q in np.quantile(events, shares))
        return cls.on(u, knots, flat=flat)

    @classmethod
    def on(cls, u: Floats, knots: Sequence[float], *, flat: bool = False) -> RestrictedCubic:
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
        if flat and len(own) < 3:
            raise UsageError("a flat spline needs an inner knot", value=own)
        raw = cls(own, flat=flat)._curved(u)
        spread = raw.std(axis=0)
        return cls(
            own, tuple(raw.mean(axis=0).tolist()),
            tuple(np.where(spread > 0, spread, 1.0).tolist()), flat,
        )  # fmt: skip

    @property
    def size(self) -> int:
        """Number of columns."""
        return len(self.knots) - (2 if self.flat else 1)

    def basis(self, u: Floats) -> Floats:
        """Return the columns at u, shape (n, size)."""
        curved = (self._curved(u) - np.array(self.centre)) / np.array(self.scale)
        if self.flat:
            return np.asarray(curved)
        return np.column_stack([u, curved]) if self.size > 1 else u[:, None].copy()

    def slope(self, u: Floats) -> Floats:
        """Return their derivatives in u, shape (n, size)."""
        columns = [] if self.flat else [np.ones(len(u))]
        sign = -1.0 if self.flat else 1.0
        for (knot, share, first, last), scale in zip(self._terms(), self.scale, strict=True):
            v = sign * u
            own = 3 * np.maximum(v - knot, 0) ** 2
            own -= 3 * share * np.maximum(v - first, 0) ** 2
            own -= 3 * (1 - share) * np.maximum(v - last, 0) ** 2
            columns.append(sign * own / scale)
        return np.column_stack(columns)

    def _terms(self) -> list[tuple[float, float, float, float]]:
        """Return each inner knot, its share, and the outer knots; from the end where flat."""
        knots = [-knot for knot in reversed(self.knots)] if self.flat else list(self.knots)
        first, last = knots[0], knots[-1]
        return [(knot, (last - knot) / (last - first), first, last) for knot in knots[1:-1]]

    def _curved(self, u: Floats) -> Floats:
        v = -u if self.flat else u
        columns = []
        for knot, share, first, last in self._terms():
            own = np.maximum(v - knot, 0) ** 3
            own -= share * np.maximum(v - first, 0) ** 3
            own -= (1 - share) * np.maximum(v - last, 0) ** 3
            columns.append(own)
        return np.column_stack(columns) if columns else np.zeros((len(u), 0))
