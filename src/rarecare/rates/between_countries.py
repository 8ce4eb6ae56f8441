"""Posteriors of cases by country: rates that vary about a common level, or are one.

Cases of country c ~ Poisson(λ_c·exp θ_c), θ_c ~ N(a, s²), a flat, s uniform between two bounds.
Given (a, s) the countries are independent, so the posterior of (a, s) is a product of
one-dimensional integrals: sums over a lattice of θ, or adaptive Gauss-Hermite where counts are
large. As a function of a each is log-concave, so its window is found by bracketing. Source:
METHODS_DETAIL 13; Gelman, Hwang, Vehtari, *Statistics and Computing* 2014;24:997-1016 (WAIC, DIC).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integration = Literal["auto", "grid", "gauss-hermite"]
INTEGRATIONS: tuple[Integration, ...] = get_args(Integration)

LARGE = 100
"""Above this largest count Gauss-Hermite takes over from the lattice."""

CRITERIA = ("lppd", "p_waic", "waic", "p_d", "dic")

_NODES_S, _NODES_A, _NODES_GH = 40, 200, 20
_COARSE, _ROUGH = 33, 5  # nodes while looking for where the posterior lies
_DROP, _DROP_S = 25.0, 30.0  # log units from the peak at which a and s are cut off
_REACH = 8.5  # standard deviations of θ about a
_CELL, _POINTS = 0.02, 401
_ROUNDS = 80
_NEGLIGIBLE = 1e-10


@dataclass(frozen=True, slots=True)
class Posterior:
    """The posterior on its nodes.

    Attributes
    ----------
    a, weight
        Nodes of a and their posterior weights, shape (n_s, n_a); the weights sum to 1.
    s
        Nodes of s, shape (n_s,), Gauss-Legendre on ``s_range``.
    s_range
        The part of the prior's range that has any posterior.
    log_ratio, mass
        Cells of each country's θ and their posterior mass, shape (n_countries, n_cells); a cell
        reaches half-way to its neighbours.
    integration
        ``"grid"`` or ``"gauss-hermite"``.
    """

    a: Floats
    s: Floats
    s_range: tuple[float, float]
    weight: Floats
    log_ratio: Floats
    mass: Floats
    integration: str

    def mean(self, values: Floats) -> Floats:
        """Return each country's posterior mean of a function of θ, given on ``log_ratio``."""
        found: Floats = (self.mass * values).sum(axis=1)
        return found

    def log_ratio_quantile(self, p: float) -> Floats:
        """Return each country's quantile of θ."""
        found = [_quantile(t, m, p) for t, m in zip(self.log_ratio, self.mass, strict=True)]
        return np.array(found)

    def mean_of_a(self) -> tuple[float, float]:
        """Return the posterior mean and standard deviation of a."""
        return _moments(self.a, self.weight)

    def mean_of_s(self) -> tuple[float, float]:
        """Return the posterior mean and standard deviation of s."""
        return _moments(self.s, self.weight.sum(axis=1))

    def quantile_of_a(self, p: float) -> float:
        """Return a quantile of a: the distributions given each s, mixed."""
        step = self.a[:, 1] - self.a[:, 0]
        fine = np.linspace(self.a.min(), self.a.max(), 4001)
        total = np.zeros(len(fine))
        for nodes, own, h in zip(self.a, self.weight, step, strict=True):
            edges = np.concatenate([[nodes[0] - h / 2], nodes + h / 2])
            total += np.interp(fine, edges, np.concatenate([[0.0], np.cumsum(own)]))
        return float(np.interp(p, total, fine))

    def quantile_of_s(self, p: float) -> float:
        """Return a quantile of s, from the polynomial through its density at the nodes."""
        from numpy.polynomial import legendre  # noqa: PLC0415

        low, high = self.s_range
        x = 2 * (self.s - low) / (high - low) - 1
        # ∫ density·P_k, by the rule itself; weight is density times the rule's own weight
        k = np.arange(_NODES_S)
        series = (k + 0.5) * (legendre.legvander(x, _NODES_S - 1).T @ self.weight.sum(axis=1))
        fine = np.linspace(-1, 1, 4001)
        total = legendre.legval(fine, legendre.legint(series, lbnd=-1))
        total = np.maximum.accumulate(total)
        return float(low + (np.interp(p, total / total[-1], fine) + 1) * (high - low) / 2)

    def new_country(self, p: float) -> float:
        """Return a quantile of θ in a country not among these."""
        from scipy.special import ndtr  # noqa: PLC0415 - slow to import

        some = self.weight > 1e-12
        a, w = self.a[some], self.weight[some] / self.weight[some].sum()
        s = np.broadcast_to(self.s[:, None], self.a.shape)[some]
        low, high = float((a - 9 * s).min()), float((a + 9 * s).max())
        for _ in range(60):
            middle = (low + high) / 2
            below = float(w @ ndtr((middle - a) / s)) < p
            low, high = (middle, high) if below else (low, middle)
        return (low + high) / 2

    def new_country_ratio(self) -> tuple[float, float]:
        """Return the mean and standard deviation of exp θ in a country not among these."""
        square = self.s[:, None] ** 2
        mean = float((self.weight * np.exp(self.a + square / 2)).sum())
        second = float((self.weight * np.exp(2 * self.a + 2 * square)).sum())
        return mean, float(np.sqrt(max(second - mean**2, 0.0)))


def integrate(
    cases: Floats, expected: Floats, *, lower: float, upper: float, integration: Integration
) -> Posterior:
    """Return the posterior of a, s and every θ.

    Parameters
    ----------
    cases, expected
        y and λ of each country, shape (n_countries,); two or more, a case among them, λ above 0.
    lower, upper
        Bounds of s.
    integration
        ``"grid"``, ``"gauss-hermite"``, or ``"auto"``: the second with a count above 100.
    """
    y, lam = cases, expected
    s, rule, bounds, window = _range_of_s(y, lam, lower, upper)
    a = window[0][:, None] + (window[1] - window[0])[:, None] * np.linspace(0, 1, _NODES_A)
    prior = np.log(rule) + np.log(a[:, 1] - a[:, 0])
    use = integration
    if use == "auto":
        use = "gauss-hermite" if float(y.max()) > LARGE else "grid"
    by = _by_grid if use == "grid" else _by_hermite
    weight, log_ratio, mass = by(y, lam, a, s, prior)
    return Posterior(
        a, s, bounds, weight, log_ratio, mass / mass.sum(axis=1, keepdims=True), use
    )  # fmt: skip


def log_likelihood(log_ratio: Floats, cases: Floats, expected: Floats) -> Floats:
    """Return log Poisson(y_c; λ_c·exp θ), each country a row of θ."""
    from scipy.special import gammaln  # noqa: PLC0415 - slow to import

    y, lam = cases[:, None], expected[:, None]
    found: Floats = y * (np.log(lam) + log_ratio) - lam * np.exp(log_ratio) - gammaln(y + 1)
    return found


def draw_log_ratios(
    posterior: Posterior, cases: Floats, expected: Floats, *, draws: int, seed: int
) -> Floats:
    """Return joint draws of θ, shape (draws, n_countries).

    (a, s) from its nodes, then each θ by inversion on 65 cells about its mode. A country with
    λ = 0 is drawn from N(a, s²).
    """
    random = np.random.default_rng(seed)
    chosen = random.choice(posterior.weight.size, size=draws, p=posterior.weight.ravel())
    a = posterior.a.ravel()[chosen]
    s = posterior.s[chosen // posterior.a.shape[1]]
    found = np.empty((draws, len(cases)))
    x = np.linspace(-8, 8, 65)
    for start in range(0, draws, 1000):
        part = slice(start, start + 1000)
        own_a, own_s = a[part, None], s[part, None]
        mode, sd = _mode(own_a, own_s, cases, expected)
        theta = mode[..., None] + sd[..., None] * x
        log = cases[:, None] * theta - expected[:, None] * np.exp(theta)
        log -= (theta - own_a[..., None]) ** 2 / (2 * own_s[..., None] ** 2)
        mass = np.exp(log - log.max(axis=-1, keepdims=True))
        total = np.cumsum(mass, axis=-1)
        u = random.random(mode.shape)[..., None] * total[..., -1:]
        k = (total < u).sum(axis=-1, keepdims=True)
        within = (u - np.take_along_axis(total, k, -1)) / np.take_along_axis(mass, k, -1) + 0.5
        found[part] = mode + sd * (x[k] + within * (x[1] - x[0]))[..., 0]
    return found


def common_rate(
    cases: Floats, expected: Floats, tail: float
) -> tuple[tuple[float, float, float, float], dict[str, float]]:
    """Return the posterior of one common ratio and the criteria of its model, all in closed form.

    Gamma posterior with shape Σy (Σy + ½ when there is no case) and rate Σλ. The predictive
    probability of a count is negative binomial; Var(y log r − λr) = y²ψ'(α) + λ²α/β² − 2yλ/β.

    Returns
    -------
    numbers
        Mean, standard deviation and limits.
    criteria
        ``lppd``, ``p_waic``, ``waic``, ``p_d``, ``dic`` (at the posterior mean of log r).
    """
    from scipy.special import (  # noqa: PLC0415 - slow to import
        digamma,
        gammaincinv,
        gammaln,
        polygamma,
    )

    y, lam = cases, expected
    beta = float(lam.sum())
    if not beta > 0:
        return (np.nan,) * 4, dict.fromkeys(CRITERIA, np.nan)
    alpha = float(y.sum()) or 0.5
    limits = (gammaincinv(alpha, tail) / beta, gammaincinv(alpha, 1 - tail) / beta)
    log = y * np.log(lam) - gammaln(y + 1)
    each = log + gammaln(alpha + y) - gammaln(alpha)
    each += alpha * np.log(beta) - (alpha + y) * np.log(beta + lam)
    varying = y**2 * polygamma(1, alpha) + lam**2 * alpha / beta**2 - 2 * y * lam / beta
    centre = float(digamma(alpha)) - np.log(beta)
    mean_log = log + y * centre - lam * alpha / beta
    at_mean = log + y * centre - lam * np.exp(centre)
    numbers = (alpha / beta, alpha**0.5 / beta, float(limits[0]), float(limits[1]))
    return numbers, criteria(each, varying, mean_log, at_mean)


def criteria(
    log_mean: Floats, variance: Floats, mean_log: Floats, at_mean: Floats
) -> dict[str, float]:
    """Return WAIC and DIC from each country's terms.

    They are log E[p], Var[log p], E[log p], and log p at the posterior means.
    """
    lppd, p_waic = float(log_mean.sum()), float(variance.sum())
    deviance, p_d = -2 * float(mean_log.sum()), 2 * float((at_mean - mean_log).sum())
    return {
        "lppd": lppd, "p_waic": p_waic, "waic": -2 * (lppd - p_waic), "p_d": p_d,
        "dic": deviance + p_d,
    }  # fmt: skip


def _range_of_s(
    y: Floats, lam: Floats, lower: float, upper: float
) -> tuple[Floats, Floats, tuple[float, float], tuple[Floats, Floats]]:
    """Return nodes of s and their weights where s has any posterior, and the windows of a."""
    x, w = np.polynomial.legendre.leggauss(_NODES_S)
    low, high = lower, upper
    while True:
        s = low + (high - low) * (x + 1) / 2
        window = _windows(y, lam, s)
        a = window[0][:, None] + (window[1] - window[0])[:, None] * np.linspace(0, 1, _COARSE)
        log = _log_marginal(a, s[:, None], y, lam, nodes=_ROUGH).sum(axis=-1)
        evidence = _log_sum(log) + np.log(a[:, 1] - a[:, 0])
        kept = np.flatnonzero(evidence > evidence.max() - _DROP_S)
        first = low if kept[0] == 0 else float(s[kept[0] - 1])
        last = high if kept[-1] == _NODES_S - 1 else float(s[kept[-1] + 1])
        if last - first > 0.7 * (high - low):
            return s, w * (high - low) / 2, (low, high), window
        low, high = first, last


def _windows(y: Floats, lam: Floats, s: Floats) -> tuple[Floats, Floats]:
    """Return, for each s, the range of a outside which its density is below e⁻²⁵ of its peak."""
    centre, half = np.log(y.sum() / lam.sum()), 4 * np.sqrt(s**2 + 1 / y.sum())
    low, high, rows = centre - half, centre + half, np.arange(len(s))
    for _ in range(_ROUNDS):
        steps = np.linspace(0, 1, _COARSE)
        a = low[:, None] + (high - low)[:, None] * steps
        log = _log_marginal(a, s[:, None], y, lam, nodes=_ROUGH).sum(axis=-1)
        kept = log > log.max(axis=1, keepdims=True) - _DROP
        if kept[:, 0].any() or kept[:, -1].any():
            width = high - low
            low, high = low - width * kept[:, 0], high + width * kept[:, -1]
            continue
        first = kept.argmax(axis=1) - 1
        last = _COARSE - kept[:, ::-1].argmax(axis=1)
        low, high = a[rows, first], a[rows, last]
        if (last - first > _COARSE / 2).all():
            break
    return low, high


def _mode(a: Floats, s: Floats | float, y: Floats, lam: Floats) -> tuple[Floats, Floats]:
    """Return the mode of θ_c given (a, s) and 1/√ of the curvature there, shape (..., C).

    y − λe^θ = (θ − a)/s² is solved by Wright's ω: θ = a + ys² − ω(a + ys² + log λs²).
    """
    from scipy.special import wrightomega  # noqa: PLC0415 - slow to import

    shifted = a + y * s**2
    with np.errstate(divide="ignore"):
        mode: Floats = shifted - wrightomega(shifted + np.log(lam * s**2))
    sd: Floats = 1 / np.sqrt(lam * np.exp(mode) + 1 / s**2)
    return mode, sd


def _log_marginal(
    a: Floats, s: Floats | float, y: Floats, lam: Floats, *, nodes: int = _NODES_GH
) -> Floats:
    """Return log ∫ Poisson(y_c; λ_c e^θ) N(θ; a, s²) dθ by adaptive Gauss-Hermite, (..., C)."""
    from scipy.special import gammaln  # noqa: PLC0415 - slow to import

    x, w = np.polynomial.hermite.hermgauss(nodes)
    a, s = a[..., None], np.asarray(s)[..., None]
    mode, sd = _mode(a, s, y, lam)
    theta = mode[..., None] + np.sqrt(2) * sd[..., None] * x
    log = y[:, None] * theta - lam[:, None] * np.exp(theta)
    log -= ((theta - a[..., None]) / s[..., None]) ** 2 / 2
    found: Floats = _log_sum(log + np.log(w) + x**2) + np.log(sd / s) - np.log(np.pi) / 2
    return found + y * np.log(lam) - gammaln(y + 1)


def _by_grid(
    y: Floats, lam: Floats, a: Floats, s: Floats, prior: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return weights of (a, s), and the lattice and masses of θ, by sums over the lattice.

    On a lattice no wider than s the sum of a normal density times a smooth function is its integral
    to rounding; where s is less, ``_narrow`` serves. Above ``top`` every likelihood has fallen by
    e⁻⁴⁰.
    """
    cell = min(_CELL, 0.2 / float(np.sqrt(1 + y.max())))
    reach = y + (26.7 + np.sqrt(26.7**2 + 320 * y)) / 2
    top = float(np.log(reach / lam).max())
    starts = np.floor((a[:, 0] - _REACH * s) / cell).astype(int)
    ends = np.ceil(np.minimum(a[:, -1] + _REACH * s, top) / cell).astype(int)
    ends = np.maximum(ends, starts + 1)
    log_ratio = cell * np.arange(starts.min(), ends.max() + 1)
    whole = log_likelihood(np.broadcast_to(log_ratio, (len(y), len(log_ratio))), y, lam)
    peak = whole.max(axis=1, keepdims=True)
    mass, log = np.zeros((len(s), len(y), len(log_ratio))), np.empty(a.shape)
    for k, own in enumerate(s):
        part = slice(starts[k] - starts.min(), ends[k] - starts.min() + 1)
        likelihood, theta = np.exp(whole[:, part] - peak), log_ratio[part]
        if own < max(cell, a[k, 1] - a[k, 0]):
            marginal = _log_marginal(a[k], own, y, lam)
            log[k] = marginal.sum(axis=1) + prior[k]
            each = log[k, :, None] - log[k].max() - marginal
            found = likelihood * [_narrow(theta, a[k], own, one) for one in each.T]
        else:
            normal = np.exp(-(((theta - a[k][:, None]) / own) ** 2) / 2)
            normal *= cell / (own * np.sqrt(2 * np.pi))
            sums = normal @ likelihood.T
            with np.errstate(divide="ignore"):
                log[k] = np.log(sums).sum(axis=1) + peak.sum() + prior[k]
            weight = np.exp(log[k] - log[k].max())[:, None]
            found = likelihood * (
                np.divide(weight, sums, out=np.zeros_like(sums), where=sums > 0).T @ normal
            )
        mass[k, :, part] = found / found.sum(axis=1, keepdims=True)
    weight = _weights(log)
    total = np.einsum("k,kct->ct", weight.sum(axis=1), mass)
    return weight, np.broadcast_to(log_ratio, total.shape), total


def _by_hermite(
    y: Floats, lam: Floats, a: Floats, s: Floats, prior: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return the same by adaptive Gauss-Hermite; θ of each country on a lattice of its own."""
    marginal = np.stack([_log_marginal(own, s[k], y, lam) for k, own in enumerate(a)])
    log = marginal.sum(axis=-1) + prior[:, None]
    weight = _weights(log)
    low, high = np.full(len(y), np.inf), np.full(len(y), -np.inf)
    for k, own in enumerate(s):
        some = weight[k] > _NEGLIGIBLE
        if some.any():
            mode, sd = _mode(a[k][some, None], own, y, lam)
            low = np.minimum(low, (mode - 8 * sd).min(axis=0))
            high = np.maximum(high, (mode + 8 * sd).max(axis=0))
    log_ratio = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, _POINTS)
    likelihood = log_likelihood(log_ratio, y, lam)
    peak = likelihood.max(axis=1)
    mass = np.zeros(log_ratio.shape)
    for k, own in enumerate(s):
        some = weight[k] > _NEGLIGIBLE
        if not some.any():
            continue
        each = log[k, :, None] - log.max() + peak - marginal[k]
        for c, theta in enumerate(log_ratio):
            if own < a[k, 1] - a[k, 0]:
                mass[c] += _narrow(theta, a[k], own, each[:, c]) * np.exp(likelihood[c] - peak[c])
                continue
            z = (theta - a[k][some, None]) / own
            found = np.exp(each[some, c, None] + likelihood[c] - peak[c] - z**2 / 2).sum(axis=0)
            mass[c] += found / (own * np.sqrt(2 * np.pi))
    return weight, log_ratio, mass


def _narrow(theta: Floats, a: Floats, s: float, log_each: Floats) -> Floats:
    """Return Σ_a exp(log_each)·N(θ; a, s²) where s is less than the step of a.

    As the integral over a, by Gauss-Hermite about θ and a spline of ``log_each`` between its nodes.
    """
    from scipy.interpolate import CubicSpline  # noqa: PLC0415 - slow to import

    x, w = np.polynomial.hermite.hermgauss(_NODES_GH)
    at = theta[:, None] + np.sqrt(2) * s * x
    within = (at >= a[0]) & (at <= a[-1])
    log = CubicSpline(a, log_each)(np.clip(at, a[0], a[-1]))
    w = w / (np.sqrt(np.pi) * (a[1] - a[0]))
    found: Floats = np.exp(np.where(within, log, -np.inf)) @ w
    return found


def _weights(log: Floats) -> Floats:
    weight = np.exp(log - log.max())
    found: Floats = weight / weight.sum()
    return found


def _log_sum(log: Floats) -> Floats:
    """Return log Σ exp over the last axis."""
    peak = log.max(axis=-1, keepdims=True)
    found: Floats = np.log(np.exp(log - peak).sum(axis=-1)) + peak[..., 0]
    return found


def _moments(values: Floats, weight: Floats) -> tuple[float, float]:
    mean = float((weight * values).sum())
    return mean, float(np.sqrt((weight * (values - mean) ** 2).sum()))


def _quantile(points: Floats, mass: Floats, p: float) -> float:
    from scipy.interpolate import CubicSpline  # noqa: PLC0415 - slow to import

    some = mass > 1e-12 * mass.max()
    x, density = points[some], mass[some]
    fine = np.linspace(x[0], x[-1], 8 * len(x))
    total = np.maximum.accumulate(CubicSpline(x, density).antiderivative()(fine))
    return float(np.interp(p, total / total[-1], fine))
