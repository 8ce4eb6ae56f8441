"""Age, period and cohort of the cells of a table: knots, columns, and curves without a trend.

The straight line taken out of the columns of an effect is the weighted least-squares line over
the cells. Source: Holford, *Biometrics* 1983;39:311-324; Carstensen, *Statistics in Medicine*
2007;26:3018-3045. Knots as in ``apc.fit`` of R's package Epi, found by running it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rarecare.errors import CaseError, PopulationError, UsageError
from rarecare.models.splines import RestrictedCubic

Floats = NDArray[np.float64]
Model = Literal["factor", "natural spline", "b-spline", "linear spline"]
Drift = Literal["person-years", "rate", "cases", "equal"]
Knots = int | Sequence[float]
References = Mapping[str, float | None]

AXES = ("age", "period", "cohort")
_DEGREES = {"b-spline": 3, "linear spline": 1}
_FEWEST = {"factor": 0, "natural spline": 2, "b-spline": 3, "linear spline": 1}
_DECIMALS, _ZERO = 9, 1e-9


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells a model is fitted to.

    Attributes
    ----------
    x
        Age, period and cohort, each of shape (n_cells,).
    d, y
        Cases and person-years, shape (n_cells,).
    on
        Which of the cells given they are, shape (n_given,).
    notes
        Why others are left out.
    """

    x: Mapping[str, Floats]
    d: Floats
    y: Floats
    on: NDArray[np.bool_]
    notes: tuple[str, ...]

    @classmethod
    def of(
        cls, ages: ArrayLike, periods: ArrayLike, cases: ArrayLike, person_years: ArrayLike, *,
        model: Model,
    ) -> Cells:  # fmt: skip
        """Return the cells with person-years; of factors, at ages with cases only.

        An age without cases has the rate 0 and adds nothing to the likelihood of any model with
        a factor for age.

        Raises
        ------
        UsageError
            Shapes differ, or an age or period is no finite number.
        CaseError
            Cases are negative or no whole numbers.
        PopulationError
            Person-years are negative, or lacking where there are cases.
        """
        a, p, d, y = (
            np.asarray(part, dtype=np.float64) for part in (ages, periods, cases, person_years)
        )
        _check(a, p, d, y)
        on, notes = y > 0, []
        if n := int((~on).sum()):
            notes.append(f"{n} cells without person-years are left out")
        if model == "factor" and d.any():
            empty = np.setdiff1d(a[on], a[d > 0])
            if len(empty):
                notes.append(
                    f"no case at age {_listed(empty)}: left out, the rate estimated is 0"
                )  # fmt: skip
                on &= ~np.isin(a, empty)
        x = {"age": a, "period": p, "cohort": p - a}
        return cls(
            {name: np.round(own[on], _DECIMALS) for name, own in x.items()}, d[on], y[on], on,
            tuple(notes),
        )  # fmt: skip

    def levels(self, name: str) -> Floats:
        """Return the distinct values of an axis, rising."""
        return np.unique(self.x[name])

    def median(self, name: str) -> float:
        """Return the value of an axis by which more than half of the cases have come."""
        x, of = np.unique(self.x[name], return_inverse=True)
        share = np.cumsum(np.bincount(of, self.d)) / self.d.sum()
        return float(x[np.argmax(share > 0.5)])

    def weights(self, drift: Drift | float) -> Floats:
        """Return the weights of the cells in straight lines, shape (n_cells,), mean 1."""
        if drift == "rate":
            own = self.y**2 / self.d
        elif drift == "person-years":
            own = self.y
        elif drift == "cases":
            own = self.d
        elif drift == "equal":
            own = np.ones(len(self.d))
        else:
            own = self.d + float(drift) * self.y
        weights: Floats = own / own.mean()
        return weights

    def lacking(
        self, model: Model, drift: Drift | float, knots: Mapping[str, Sequence[float]]
    ) -> str | None:
        """Return why there is no model of these cells; None where there may be one."""
        if not len(self.y):
            return "no person-years"
        if not self.d.any():
            return "no case"
        for name in AXES:
            x, of = np.unique(self.x[name], return_inverse=True)
            found = np.bincount(of, self.d) > 0
            if found.sum() == 1:
                return f"cases {'at' if name == 'age' else 'in'} one {name} only"
            if model == "factor" and not found.all():
                return (
                    f"no case in {name} {_listed(x[~found])}: merge with a neighbour, or take a "
                    "spline"
                )  # fmt: skip
            if model == "natural spline" and len(knots[name]) < 2:
                return f"the knots of {name} coincide: nearly all cases at one"
        line = np.column_stack([np.ones(len(self.y)), self.x["age"], self.x["period"]])
        line[:, 1:] -= line[:, 1:].mean(axis=0)
        if np.linalg.matrix_rank(line) < 3:
            return "ages and periods of the cells lie on one line"
        if drift == "rate" and not self.d.all():
            return "y²/d has no value in a cell without cases: take another drift"
        return None


def _check(a: Floats, p: Floats, d: Floats, y: Floats) -> None:
    if a.ndim != 1 or not a.shape == p.shape == d.shape == y.shape:
        raise UsageError(
            "ages, periods, cases and person-years differ in shape",
            value=f"{a.shape}, {p.shape}, {d.shape}, {y.shape}", allowed="one length",
        )  # fmt: skip
    if not np.isfinite(a + p).all():
        raise UsageError("an age or a period is no number", allowed="finite numbers")
    wrong = ~((d >= 0) & (d == np.floor(d)) & np.isfinite(d))
    if wrong.any():
        raise CaseError(
            "cases are no counts", column="cases", value=float(d[wrong][0]),
            allowed="whole numbers from 0",
        )  # fmt: skip
    wrong = ~((y >= 0) & np.isfinite(y)) | ((y == 0) & (d > 0))
    if wrong.any():
        raise PopulationError(
            "person-years are negative, or lacking where there are cases", column="person_years",
            value=float(y[wrong][0]), allowed="from 0, and above 0 in a cell with cases",
        )  # fmt: skip


def _listed(x: Floats) -> str:
    shown = ", ".join(f"{value:g}" for value in x[:5])
    return shown + (f" and {len(x) - 5} more" if len(x) > 5 else "")


def knots_of(model: Model, name: str, knots: Knots, cells: Cells) -> tuple[float, ...]:
    """Return the knots of an effect: all of a natural spline, the inner ones of the others.

    Raises
    ------
    UsageError
        There are too few; or the ones given do not rise, or inner ones are not within the data.
    """
    x = cells.x[name]
    if not isinstance(knots, int | np.integer):
        return _given(model, name, tuple(float(knot) for knot in knots), x)
    if knots < _FEWEST[model]:
        raise UsageError(
            f"there are too few knots for {name}", value=int(knots),
            allowed=f"{_FEWEST[model]} or more for a {model}",
        )  # fmt: skip
    if model == "factor" or not cells.d.any():
        return ()
    if model == "natural spline":
        at = np.repeat(x, cells.d.astype(np.int64))
        own = np.quantile(at, (np.arange(knots) + 0.5) / knots)
        return tuple(float(knot) for knot in np.unique(own))
    inner = int(knots) - _DEGREES[model]
    own = np.unique(np.quantile(x, np.arange(1, inner + 1) / (inner + 1)))
    return tuple(float(knot) for knot in own[(own > x.min()) & (own < x.max())])


def _given(model: Model, name: str, knots: tuple[float, ...], x: Floats) -> tuple[float, ...]:
    if not np.isfinite(knots).all() or any(b <= a for a, b in pairwise(knots)):
        raise UsageError(f"the knots of {name} must rise", value=knots, allowed="rising numbers")
    if model == "natural spline" and len(knots) < 2:
        raise UsageError(
            f"there are too few knots for {name}", value=knots, allowed="2 or more, the outer ones"
        )
    inner = model in _DEGREES and len(knots) > 0 and len(x) > 0
    if inner and not x.min() < knots[0] <= knots[-1] < x.max():
        raise UsageError(
            f"the inner knots of {name} do not lie within the data", value=knots,
            allowed=f"more than {x.min():g}, less than {x.max():g}",
            remedy="The ends of the data are no inner knots: leave them out.",
        )  # fmt: skip
    return () if model == "factor" else knots


def coincident(
    model: Model, asked: Sequence[Knots], own: Mapping[str, tuple[float, ...]]
) -> tuple[str, ...]:
    """Return a note of each effect with fewer knots than were asked for."""
    notes = []
    for name, knots in zip(AXES, asked, strict=True):
        if model == "factor" or not isinstance(knots, int | np.integer):
            continue
        n = int(knots) - _DEGREES.get(model, 0)
        if 0 < len(own[name]) < n:
            notes.append(f"knots of {name} coincide: {len(own[name])} of {n} are left")
    return tuple(notes)


@dataclass(frozen=True, slots=True)
class Axis:
    """The effect of age, period or cohort: a straight line, and curves without one.

    Attributes
    ----------
    levels
        Distinct values, rising, shape (n_levels,).
    centre, half
        Of the range, by which values are scaled.
    size
        Columns of the effect, the constant among them, by its knots.
    columns
        Returns the columns at values, shape (n, n_columns); their span, with the constant, holds
        the straight line.
    line
        Constant and slope of each column, shape (2, n_columns).
    turn
        Makes of the columns without their lines independent ones, shape (n_columns, n_curves).
    """

    levels: Floats
    centre: float
    half: float
    size: int
    columns: Callable[[Floats], Floats]
    line: Floats
    turn: Floats

    @classmethod
    def of(cls, model: Model, x: Floats, knots: Sequence[float], weights: Floats) -> Axis:
        """Return the axis of the cells x with weights, both of shape (n_cells,)."""
        levels = np.unique(x)
        centre, half = float(levels[0] + levels[-1]) / 2, float(levels[-1] - levels[0]) / 2
        columns, size = _columns(model, (levels - centre) / half, (np.array(knots) - centre) / half)
        root = np.sqrt(weights)[:, None]
        u = (x - centre) / half
        line = np.asarray(np.linalg.lstsq(_straight(u) * root, columns(u) * root)[0], np.float64)
        own = (levels - centre) / half
        raw = columns(own)
        _, found, turn = np.linalg.svd(raw - _straight(own) @ line, full_matrices=False)
        kept = found > _ZERO * np.linalg.norm(raw)
        curves: Floats = turn[kept].T / found[kept]
        return cls(levels, centre, half, size, columns, line, curves)

    @property
    def curves(self) -> int:
        """Number of curves."""
        return int(self.turn.shape[1])

    def nearest(self, x: float) -> float:
        """Return the level nearest to x."""
        return float(self.levels[np.abs(self.levels - x).argmin()])

    def straight(self, x: Floats) -> Floats:
        """Return the straight line at x, shape (n, 1)."""
        return ((x - self.centre) / self.half)[:, None]

    def curve(self, x: Floats) -> Floats:
        """Return the columns without their straight lines, shape (n, n_curves)."""
        u = (x - self.centre) / self.half
        curves: Floats = (self.columns(u) - _straight(u) @ self.line) @ self.turn
        return curves


def mid_points(given: References, axes: Mapping[str, Axis]) -> tuple[References, tuple[str, ...]]:
    """Return the mid-points nearest to the references, and notes of those moved."""
    near = {name: v if v is None else axes[name].nearest(v) for name, v in given.items()}
    return near, tuple(
        f"reference {name} {given[name]:g} is no mid-point: {value:g} is used"
        for name, value in near.items()
        if value is not None and value != given[name]
    )


def _straight(u: Floats) -> Floats:
    return np.column_stack([np.ones(len(u)), u])


def _columns(model: Model, levels: Floats, knots: Floats) -> tuple[Callable[[Floats], Floats], int]:
    """Return what makes the columns of an effect, and how many they are with the constant."""
    if model == "factor":
        return (lambda u: _nearest(u, levels)), len(levels)
    if model == "natural spline":
        return RestrictedCubic.on(levels, knots.tolist()).basis, len(knots)
    from scipy.interpolate import BSpline  # noqa: PLC0415 - slow to import

    degree = _DEGREES[model]
    ends = [np.repeat(end, degree + 1) for end in (levels[0], levels[-1])]
    size = len(knots) + degree + 1
    spline = BSpline(np.concatenate([ends[0], knots, ends[1]]), np.eye(size), degree)
    return (lambda u: np.asarray(spline(u), dtype=np.float64)), size


def _nearest(u: Floats, levels: Floats) -> Floats:
    """Return 1 in the column of the level nearest to each value, shape (n, n_levels)."""
    at = np.abs(u[:, None] - levels).argmin(axis=1)
    columns: Floats = np.eye(len(levels))[at]
    return columns
