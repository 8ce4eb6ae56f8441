"""Logistic regression with a normal random intercept for groups: hospitals, countries.

L_g = ∫ Π exp{y·(xβ + u) − m·log(1 + e^{xβ + u})} φ(u; σ) du by adaptive Gauss–Hermite quadrature
on 20 nodes (Liu & Pierce, *Biometrika* 1994;81:624-629); y of m are hits. Score and information are
posterior means at the nodes (Louis, *Journal of the Royal Statistical Society B* 1982;44:226-233),
as in ``rarecare.models.mixed``. Without a group it is plain logistic regression.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import ModelError, UsageError
from rarecare.models import mixed
from rarecare.models.design import Design
from rarecare.models.newton import Point, inverse, maximum
from rarecare.rates.intervals import tail_probability

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
HITS, TRIALS = "hits", "trials"
_NODES, _STEPS, _START, _FAR = 20, 60, -1.0, 15.0


@dataclass(frozen=True, slots=True, eq=False)
class LogisticFit:
    """A logistic model at its maximum.

    Attributes
    ----------
    design
        The formula and its columns.
    beta, covariance
        Coefficients, and with a group log σ last; their covariance.
    groups
        One row per group: the group, ``n``, ``effect`` (log odds ratio to the average group,
        shrunken), ``se``, ``lower``, ``upper``, ``level``; None without a group.
    loglik
        Of the model, binomial coefficients left out.
    n, steps
        Cases, and Newton steps taken.
    remarks
        What the maximum is worth a word.
    cells
        The data by covariates and group: ``hits`` of ``trials``.
    level
        Confidence level.
    spread
        Where the groups' integrals are highest and how wide; None without a group.
    """

    design: Design
    beta: Floats
    covariance: Floats
    groups: pl.DataFrame | None
    loglik: float
    n: int
    steps: int
    remarks: tuple[str, ...]
    cells: pl.DataFrame
    level: float
    spread: mixed.Integral | None = None

    @property
    def sd(self) -> float | None:
        """σ of the groups, None without a group."""
        return None if self.groups is None else float(np.exp(self.beta[-1]))

    def coefficients(self) -> pl.DataFrame:
        """Return log odds ratios with limits: ``term``, ``estimate``, ``se``, ``lower``, ...

        ``odds_ratio`` with its limits stands beside them; log σ is the row ``log sd``.
        """
        names = [*self.design.names, *([mixed.LOG_SD] if self.groups is not None else [])]
        se = np.sqrt(np.diag(self.covariance))
        z = NormalDist().inv_cdf(1 - tail_probability(self.level))
        low, high = self.beta - z * se, self.beta + z * se
        ratio = [name != mixed.LOG_SD for name in names]
        return pl.DataFrame(
            {"term": names, "estimate": self.beta, "se": se, "lower": low, "upper": high,
             "odds_ratio": np.exp(self.beta), "odds_lower": np.exp(np.minimum(low, 700.0)),
             "odds_upper": np.exp(np.minimum(high, 700.0)), "level": self.level}
        ).with_columns(
            pl.when(pl.Series(ratio)).then(pl.col(name))
            for name in ("odds_ratio", "odds_lower", "odds_upper")
        )  # fmt: skip

    def drawn(self, draws: int, *, seed: int) -> Floats:
        """Return draws of the groups' effects, shape (draws, n_groups).

        Coefficients are drawn from their normal distribution, effects from theirs given them.

        Raises
        ------
        UsageError
            The model has no groups.
        """
        if self.spread is None:
            raise UsageError("the model has no groups", allowed="a model with a group")
        rng = np.random.default_rng(seed)
        width = np.linalg.eigh(self.covariance)
        root = width.eigenvectors * np.sqrt(np.maximum(width.eigenvalues, 0.0))
        off = rng.standard_normal((draws, len(self.beta))) @ root.T
        own = rng.standard_normal((draws, len(self.spread.mode))) * self.spread.scale
        return np.asarray(self.spread.mode + off @ self.spread.moves.T + own)

    def standardised(self) -> tuple[Floats, Floats]:
        """Return each group's share if it had all cases, and its standard error (delta method).

        Raises
        ------
        UsageError
            The model has no groups.
        """
        if self.spread is None:
            raise UsageError("the model has no groups", allowed="a model with a group")
        trials = self.cells[TRIALS].to_numpy()
        matrix = self.design.matrix(self.cells)
        weight = trials / trials.sum()
        eta = matrix @ self.beta[:-1]
        shares, deviations = [], []
        for mode, scale, moves in zip(
            self.spread.mode, self.spread.scale, self.spread.moves, strict=True
        ):
            p = _expit(eta + mode)
            slope = weight * p * (1 - p)
            of_effect = slope.sum()
            gradient = np.append(slope @ matrix, 0.0) + of_effect * moves
            variance = gradient @ self.covariance @ gradient + (of_effect * scale) ** 2
            shares.append(float(weight @ p))
            deviations.append(float(np.sqrt(variance)))
        return np.array(shares), np.array(deviations)

    def chances(self, cells: pl.DataFrame | None = None, effect: float = 0.0) -> Floats:
        """Return the probability in cells, by default its own, of a group with this effect."""
        matrix = self.design.matrix(self.cells if cells is None else cells)
        return _expit(matrix @ self.beta[: matrix.shape[1]] + effect)


def mixed_logistic(
    data: pl.DataFrame, formula: str, *, outcome: str, group: str | None = None,
    level: float = 0.95,
) -> LogisticFit:  # fmt: skip
    """Fit a logistic model, with a random intercept for groups where one is named.

    Parameters
    ----------
    data
        One row per case.
    formula
        The fixed part: ``"~ age + stage"``.
    outcome
        Column of true and false, or 1 and 0.
    group
        Column of hospitals or countries.
    level
        Confidence level.

    Raises
    ------
    UsageError
        A column does not exist or is no outcome, or the formula cannot be read.
    ModelError
        A value is missing, all outcomes are the same, there is one group, columns are collinear,
        or there is no convergence.
    """
    tail_probability(level)
    cells = _cells(data, formula, outcome, group)
    design, matrix = Design.of(formula, cells)
    y, m = (cells[name].cast(pl.Float64).to_numpy() for name in (HITS, TRIALS))
    if not 0 < y.sum() < m.sum():
        raise ModelError("all outcomes are the same", value=f"{y.sum():g} of {m.sum():g}")
    start = np.zeros(matrix.shape[1])
    beta, point, steps = maximum(lambda b: _plain(b, matrix, y, m), start, design.names)
    n = int(m.sum())
    remarks = _separated(matrix @ beta)
    if group is None:
        covariance = inverse(point.information, design.names)
        return LogisticFit(design, beta, covariance, None, point.value, n, steps, remarks, cells,
                           level)  # fmt: skip
    levels, of_group = mixed.numbered(cells, group)
    order = np.argsort(of_group, kind="stable")
    held = _Data(matrix[order], y[order], m[order], of_group[order], len(levels))
    names = [*design.names, mixed.LOG_SD]
    least = np.full(len(names), -np.inf)
    least[-1] = mixed.LEAST
    best, _, steps = maximum(
        lambda b: _grouped(b, held).point, np.append(beta, _START), names, least=least,
        slack=mixed.SLACK,
    )  # fmt: skip
    found = _grouped(best, held)
    covariance = mixed.covariance_of(found.point, float(best[-1]), names)
    if best[-1] <= mixed.LEAST:
        remarks = (*remarks, mixed.NO_GROUPS)
    counted = pl.DataFrame({"n": mixed.by_group(of_group, m, len(levels)).astype(np.int64)})
    groups = mixed.effects(group, levels, found, covariance, counted, level)
    return LogisticFit(design, best, covariance, groups, found.point.value, n, steps, remarks,
                       cells, level, found)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Data:
    """Cells sorted by group: design, hits of trials, number of the group."""

    matrix: Floats
    y: Floats
    m: Floats
    group: Ints
    size: int


def _cells(data: pl.DataFrame, formula: str, outcome: str, group: str | None) -> pl.DataFrame:
    """Return hits and trials by all covariates."""
    from rarecare.models.design import named_in  # noqa: PLC0415 - one name

    for name in (outcome, *([group] if group is not None else [])):
        if name not in data.columns:
            raise UsageError("there is no such column", value=name, allowed=data.columns)
    values = data[outcome]
    if values.null_count():
        raise ModelError(f"{outcome} is missing", value=f"{values.null_count()} rows",
                         remedy="Leave these cases out, and say how many.")  # fmt: skip
    if not (values.dtype == pl.Boolean or values.dtype.is_numeric()) or not (
        values.cast(pl.Float64).is_in([0.0, 1.0]).all()
    ):
        raise UsageError("the outcome is true or false", value=outcome, allowed="1 and 0")
    by = [name for name in data.columns if name != outcome and (
        named_in(name, formula) or name == group)]  # fmt: skip
    for name in by:
        if data[name].null_count():
            raise ModelError(f"{name} is missing", value=f"{data[name].null_count()} rows",
                             remedy="Make it a level of its own, or impute.")  # fmt: skip
    whole = data.with_columns(pl.col(outcome).cast(pl.Float64).alias("_hit"))
    made = [pl.col("_hit").sum().alias(HITS), pl.len().cast(pl.Float64).alias(TRIALS)]
    return whole.group_by(by).agg(made).sort(by) if by else whole.select(made)


def _expit(eta: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(eta / 2)))


def _plain(beta: Floats, matrix: Floats, y: Floats, m: Floats) -> Point:
    eta = matrix @ beta
    p = _expit(eta)
    return Point(
        float((y * eta - m * np.logaddexp(0, eta)).sum()),
        matrix.T @ (y - m * p),
        matrix.T @ ((m * p * (1 - p))[:, None] * matrix),
    )


def _grouped(b: Floats, data: _Data) -> mixed.Integral:
    """Return Σ log L_g with its derivatives."""
    beta, log_sd = b[:-1], float(b[-1])
    k, size = len(beta), data.size
    variance = float(np.exp(2 * log_sd))
    eta = data.matrix @ beta
    mode, curvature = _modes(eta, data, variance)
    scale = 1 / np.sqrt(curvature)
    points, weights = np.polynomial.hermite.hermgauss(_NODES)
    u = mode[:, None] + np.sqrt(2) * scale[:, None] * points  # (n_groups, n_nodes)
    at = eta[:, None] + u[data.group]  # (n_cells, n_nodes)
    logs = -(u**2) / (2 * variance) - log_sd + np.log(weights) + points**2 - 0.5 * np.log(np.pi)
    own = data.y[:, None] * at - data.m[:, None] * np.logaddexp(0, at)
    starts = np.searchsorted(data.group, np.arange(size))
    logs += np.add.reduceat(own, starts, axis=0)
    top = logs.max(axis=1, keepdims=True)
    part = np.exp(logs - top)
    value = float((top[:, 0] + np.log(part.sum(axis=1)) + np.log(scale)).sum())
    share = part / part.sum(axis=1, keepdims=True)

    p = _expit(at)
    left = data.y[:, None] - data.m[:, None] * p
    score, spread = np.zeros(k + 1), np.zeros((k + 1, k + 1))
    ends = np.append(starts, len(eta))
    for group in range(size):
        held = slice(ends[group], ends[group + 1])
        slope = np.empty((_NODES, k + 1))
        slope[:, :k] = left[held].T @ data.matrix[held]
        slope[:, k] = u[group] ** 2 / variance - 1
        mean = share[group] @ slope
        score += mean
        spread += (slope * share[group][:, None]).T @ slope - np.outer(mean, mean)
    bend = (share[data.group] * p * (1 - p)).sum(axis=1) * data.m
    complete = np.zeros((k + 1, k + 1))
    complete[:k, :k] = data.matrix.T @ (bend[:, None] * data.matrix)
    complete[k, k] = 2 * float((share * u**2).sum()) / variance

    at_mode = _expit(eta + mode[data.group])
    weight = data.m * at_mode * (1 - at_mode)
    moves = np.zeros((size, k + 1))
    moves[:, :k] = -mixed.by_group(data.group, weight[:, None] * data.matrix, size)
    moves[:, k] = 2 * mode / variance
    moves /= curvature[:, None]
    return mixed.Integral(Point(value, score, complete - spread, complete), mode, scale, moves)


def _modes(eta: Floats, data: _Data, variance: float) -> tuple[Floats, Floats]:
    """Return where each group's integrand is highest, and its curvature there, by Newton."""
    mode = np.zeros(data.size)
    curvature = np.ones(data.size)
    for _ in range(_STEPS):
        p = _expit(eta + mode[data.group])
        first = mixed.by_group(data.group, data.y - data.m * p, data.size) - mode / variance
        bent = mixed.by_group(data.group, data.m * p * (1 - p), data.size)
        curvature = bent + 1 / variance
        step = np.clip(first / curvature, -1.0, 1.0)
        mode = mode + step
        if np.abs(step).max() < 1e-12:
            break
    return mode, curvature


def _separated(eta: Floats) -> tuple[str, ...]:
    """Return a remark where some cases are all hits or all misses."""
    if np.abs(eta).max(initial=0.0) < _FAR:
        return ()
    return ("a term tells outcomes apart without error: its coefficient runs to infinity",)
