"""Log excess hazard by B-splines of time, with a normal random intercept for groups.

ln h_E(t | x, u) = Σ B_j(t) γ_j + xβ + u_g, u_g ~ N(0, σ²). Of degree 0 the hazard is constant
between knots. Cumulative hazards by Gauss–Legendre quadrature on each piece between knots, once for
each distinct time. Source: Charvat, Remontet, Bossard, Roche, Dejardin, Rachet, Launoy, Belot,
*Statistics in Medicine* 2016;35:3066-3084.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import UsageError
from rarecare.models import mixed
from rarecare.models.design import Design
from rarecare.models.fitted import Fitted, Hazards, coefficient_rows, people_of
from rarecare.models.flexible import observed_times
from rarecare.models.newton import Point, inverse, maximum

Floats = NDArray[np.float64]
_NODES = 20
_MOST = 100.0
"""Of log h, beyond which no step goes."""


@dataclass(frozen=True, slots=True)
class LogSplines:
    """The baseline: B-splines of time, the first column being 1 instead of its spline.

    Attributes
    ----------
    knots
        Boundary and inner knots, in years.
    degree
        Of the pieces; 0: constant.
    """

    knots: tuple[float, ...]
    degree: int

    @property
    def size(self) -> int:
        """Number of columns."""
        return len(self.knots) - 1 + self.degree

    def basis(self, t: Floats) -> Floats:
        """Return the columns at times, shape (n, size); a knot belongs to the piece before it."""
        if self.degree == 0:
            piece = np.searchsorted(self.knots[1:-1], t, side="left")
            columns = np.zeros((len(t), self.size))
            columns[np.arange(len(t)), piece] = 1.0
        else:
            from scipy.interpolate import BSpline  # noqa: PLC0415 - slow to import

            first, *inner, last = self.knots
            whole = np.array([first] * (self.degree + 1) + inner + [last] * (self.degree + 1))
            columns = BSpline.design_matrix(np.clip(t, first, last), whole, self.degree).toarray()
        columns[:, 0] = 1.0
        return np.asarray(columns)


@dataclass(frozen=True, slots=True)
class HazardFit(Fitted):
    """A fitted model.

    Attributes
    ----------
    design
        Formula and columns of the covariates; its intercept is the level of the baseline.
    names
        Baseline (``"baseline[0]"`` the level), covariates, and ``"log sd"`` with groups.
    coefficients, covariance, loglik
        At the maximum.
    baseline
        Splines of time.
    groups
        With groups: one row each: the group, ``n``, ``deaths``, ``effect`` (the shrunken log
        hazard ratio), ``se``, ``lower``, ``upper``, ``level``.
    people
        Covariates of the cases fitted, with ``n``.
    """

    design: Design
    names: tuple[str, ...]
    coefficients: Floats
    covariance: Floats
    loglik: float
    baseline: LogSplines
    groups: pl.DataFrame | None
    people: pl.DataFrame
    deaths: int
    iterations: int

    @property
    def remarks(self) -> tuple[str, ...]:
        """Whether the spread of the groups is at its bound."""
        bound = self.groups is not None and self.coefficients[-1] <= mixed.LEAST
        return (mixed.NO_GROUPS,) if bound else ()

    def table(self, level: float = 0.95) -> pl.DataFrame:
        """Return one row per coefficient.

        ``term``, ``coefficient``, ``se``, ``ratio``, ``lower``, ``upper`` (covariates),
        ``level``, ``p_value``, ``status``, ``reason``.
        """
        ratio = [name in self.design.names[1:] for name in self.names]
        return coefficient_rows(self, level, ratio, "of the baseline, or of the groups")

    def hazards(self, rows: pl.DataFrame, times: Floats) -> Hazards:
        """Return excess hazards of rows, each at its time in years; of an average group.

        Raises
        ------
        UsageError
            A time is beyond the last knot.
        ModelError
            A profile has a level that the model has not.
        """
        if len(times) and times.max() > self.baseline.knots[-1] + 1e-9:
            raise UsageError(
                "a time is beyond the longest follow-up", value=float(times.max()),
                allowed=f"up to {self.baseline.knots[-1]:g} years",
            )  # fmt: skip
        x = self.design.matrix(rows)[:, 1:]
        clock = _Clock.of(times, self.baseline)
        size = self.baseline.size
        gamma, slope = self.coefficients[:size], self.coefficients[size : size + x.shape[1]]
        ratio = np.exp(x @ slope)
        total, moved, _ = clock.integrals(gamma)
        hazard = ratio * np.exp(clock.at_exit @ gamma)
        whole = ratio * total[clock.place]
        rest = np.zeros((rows.height, len(self.names) - size - x.shape[1]))
        return Hazards(
            total=whole,
            hazard=hazard,
            of_total=np.hstack([ratio[:, None] * moved[clock.place], whole[:, None] * x, rest]),
            of_hazard=np.hstack([hazard[:, None] * clock.at_exit, hazard[:, None] * x, rest]),
        )


@dataclass(frozen=True, slots=True)
class _Clock:
    """The baseline's basis at exit, and at the nodes of each distinct time.

    Pieces between knots that a case has lived through are the same for all: ``whole`` holds their
    nodes once. ``own`` are those of the piece in which a time ends.
    """

    at_exit: Floats
    place: NDArray[np.int64]
    piece: NDArray[np.int64]
    whole: Floats
    whole_weights: Floats
    own: Floats
    own_weights: Floats

    @classmethod
    def of(cls, t: Floats, baseline: LogSplines) -> _Clock:
        points, share = np.polynomial.legendre.leggauss(_NODES)
        begins = np.array(baseline.knots[:-1])
        times, place = np.unique(t, return_inverse=True)
        piece = np.searchsorted(begins, times, side="left") - 1
        halves = np.diff(begins) / 2
        whole = baseline.basis((begins[:-1, None] + halves[:, None] * (points + 1)).ravel())
        half = (times - begins[piece]) / 2
        own = baseline.basis((begins[piece][:, None] + half[:, None] * (points + 1)).ravel())
        return cls(
            at_exit=baseline.basis(times)[place], place=place, piece=piece,
            whole=whole.reshape(len(halves), _NODES, baseline.size),
            whole_weights=halves[:, None] * share,
            own=own.reshape(len(times), _NODES, baseline.size),
            own_weights=half[:, None] * share,
        )  # fmt: skip

    def integrals(self, gamma: Floats) -> tuple[Floats, Floats, _Nodes]:
        """Return ∫h₀ and ∫B·h₀ to each distinct time, and h₀·weight at the nodes."""
        whole, own = (
            weights * np.exp(np.minimum(basis @ gamma, _MOST))
            for basis, weights in (
                (self.whole, self.whole_weights), (self.own, self.own_weights)
            )
        )  # fmt: skip
        moved = np.einsum("pk,pkj->pj", whole, self.whole)
        passed = np.vstack([np.zeros(len(gamma)), np.cumsum(moved, axis=0)])[self.piece]
        total = np.concatenate([[0.0], np.cumsum(whole.sum(axis=1))])[self.piece]
        return (
            total + own.sum(axis=1),
            passed + np.matmul(own[:, None, :], self.own)[:, 0, :],
            _Nodes(whole, own),
        )

    def bent(self, nodes: _Nodes, weights: Floats) -> Floats:
        """Return the sum over distinct times, with weights, of ∫BB'·h₀."""
        size = self.own.shape[2]
        ends = mixed.by_group(self.piece, weights, len(nodes.whole) + 1)
        later = np.cumsum(ends[::-1])[::-1][1:]  # who lived through each piece
        bent = np.zeros((size, size))
        for basis, own, times in (
            (self.whole, nodes.whole, later), (self.own, nodes.own, weights)
        ):  # fmt: skip
            flat = basis.reshape(-1, size)
            bent += flat.T @ ((times[:, None] * own).reshape(-1, 1) * flat)
        return bent


@dataclass(frozen=True, slots=True)
class _Nodes:
    whole: Floats
    own: Floats


@dataclass(frozen=True, slots=True)
class _Data:
    """What the likelihood is made of."""

    clock: _Clock
    x: Floats
    dead: NDArray[np.bool_]
    background: Floats
    z: Floats
    """∂ log h of the dead."""

    @classmethod
    def of(
        cls, t: Floats, dead: NDArray[np.bool_], background: Floats, x: Floats,
        baseline: LogSplines,
    ) -> _Data:  # fmt: skip
        clock = _Clock.of(t, baseline)
        return cls(clock, x, dead, background[dead], np.hstack([clock.at_exit[dead], x[dead]]))

    def cumulative(self, beta: Floats) -> tuple[Floats, Floats, _Second]:
        """Return H of each case, ∂H, and what its second derivatives are made of."""
        size = self.clock.at_exit.shape[1]
        ratio = np.exp(np.minimum(self.x @ beta[size:], _MOST))
        total, moved, nodes = self.clock.integrals(beta[:size])
        own = ratio * total[self.clock.place]
        baseline = ratio[:, None] * moved[self.clock.place]
        gradient = np.hstack([baseline, own[:, None] * self.x])
        return own, gradient, _Second(self, ratio, own, baseline, nodes)

    def hazard(self, beta: Floats) -> Floats:
        """Return h of the dead."""
        return np.asarray(np.exp(np.minimum(self.z @ beta, _MOST)))


@dataclass(frozen=True, slots=True)
class _Second:
    """Second derivatives of H, summed with weights of cases."""

    data: _Data
    ratio: Floats
    own: Floats
    baseline: Floats
    nodes: _Nodes

    def __call__(self, weights: Floats) -> Floats:
        x, clock = self.data.x, self.data.clock
        at_times = mixed.by_group(clock.place, weights * self.ratio, len(self.nodes.own))
        first = clock.bent(self.nodes, at_times)
        mixed_ = (weights[:, None] * self.baseline).T @ x
        last = x.T @ ((weights * self.own)[:, None] * x)
        return np.block([[first, mixed_], [mixed_.T, last]])


def hazard_model(
    data: pl.DataFrame,
    formula: str,
    *,
    knots: Sequence[float] = (1.0, 5.0),
    degree: int = 3,
    group: str | None = None,
    time: str = "time_years",
    died: str = "died",
    expected: str = "expected_hazard",
    level: float = 0.95,
) -> HazardFit:
    """Fit the model, with a random intercept where ``group`` is given.

    By Newton's method with the analytic Hessian.

    Parameters
    ----------
    data
        One row per case; see ``flexible_excess_hazard`` for ``time``, ``died``, ``expected``.
    formula
        Right-hand side, its intercept being the level of the baseline.
    knots, degree
        Inner knots in years (those beyond the longest time are left out), and degree, of the
        B-splines of time between 0 and the longest time; degree 0: constant between knots.
    group
        Column: country, registry, hospital.
    level
        Of the limits of the groups' effects.

    Returns
    -------
    HazardFit

    Raises
    ------
    UsageError
        A column is missing, the formula has no intercept, or knots do not rise.
    ModelError
        No deaths, an impossible value, fewer than two groups, or no convergence.
    """
    t, dead, background, _ = observed_times(data, time, died, expected, None)
    design, covariates = Design.of(formula, data)
    if design.names[0] != "Intercept":
        raise UsageError("the formula needs its intercept", value=formula)
    if degree not in range(6):
        raise UsageError("the degree is out of range", value=degree, allowed="0 to 5")
    inner = [float(knot) for knot in knots if knot < t.max()]
    if inner != sorted(set(inner)) or (inner and inner[0] <= 0):
        raise UsageError("knots must rise from above 0", value=list(knots))
    baseline = LogSplines((0.0, *inner, float(t.max())), degree)
    made = _Data.of(t, dead, background, covariates[:, 1:], baseline)
    names = (*(f"baseline[{k}]" for k in range(baseline.size)), *design.names[1:])
    begin = np.zeros(len(names))
    excess = max(dead.sum() - (background * t).sum(), 0.1 * dead.sum())
    begin[0] = np.log(excess / t.sum())
    beta, point, steps = maximum(lambda b: _plain(b, made), begin, names)
    effects = None
    if group is None:
        covariance = inverse(point.information, names)
    else:
        names = (*names, mixed.LOG_SD)
        levels, of_group = mixed.numbered(data, group)
        order = np.argsort(of_group[dead], kind="stable")

        def at(b: Floats) -> mixed.Integral:
            return _grouped(b, made, of_group, order, len(levels))

        least = np.full(len(names), -np.inf)
        least[-1] = mixed.LEAST
        beta, point, steps = maximum(
            lambda b: at(b).point, np.append(beta, mixed.START), names, least=least,
            slack=mixed.SLACK,
        )  # fmt: skip
        covariance = mixed.covariance_of(point, beta[-1], names)
        counted = pl.DataFrame(
            {
                "n": np.bincount(of_group, minlength=len(levels)),
                "deaths": np.bincount(of_group[dead], minlength=len(levels)),
            }
        )
        effects = mixed.effects(group, levels, at(beta), covariance, counted, level)
    return HazardFit(
        design=design, names=names, coefficients=beta, covariance=covariance, loglik=point.value,
        baseline=baseline, groups=effects, people=people_of(data, [formula]),
        deaths=int(dead.sum()), iterations=steps,
    )  # fmt: skip


def _plain(beta: Floats, made: _Data) -> Point:
    """Return the log-likelihood without groups."""
    h = made.hazard(beta)
    total, gradient, second = made.cumulative(beta)
    sum_ = made.background + h
    q = h / sum_
    value = float(np.log(sum_).sum() - total.sum())
    score = made.z.T @ q - gradient.sum(axis=0)
    fisher = second(np.ones(len(total)))
    information = fisher - made.z.T @ ((q * (1 - q))[:, None] * made.z)
    return Point(value, score, information, fisher)


def _grouped(
    beta: Floats, made: _Data, of_group: NDArray[np.int64], order: NDArray[np.int64], size: int
) -> mixed.Integral:
    """Return the log-likelihood with groups; ``order`` sorts the dead by group."""
    total, gradient, second = made.cumulative(beta[:-1])
    whole, of_whole = (mixed.by_group(of_group, part, size) for part in (total, gradient))
    events = mixed.Events(
        of_group[made.dead][order], made.z[order], np.ones(len(order)), made.background[order]
    )
    return mixed.integrated(
        events, made.hazard(beta[:-1])[order], whole, of_whole,
        lambda factor: second(factor[of_group]), float(beta[-1]),
    )  # fmt: skip
