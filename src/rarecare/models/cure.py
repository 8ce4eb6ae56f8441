"""Cure models: a share of the patients has no excess hazard.

Mixture S_N = π + (1 − π) S_u, non-mixture S_N = π^(1 − S_u); logit π = xα; S_u Weibull,
exponential or log-normal, with covariates zβ. Sources: De Angelis, Capocaccia, Hakulinen,
Soderman, Verdecchia, *Statistics in Medicine* 1999;18:441-454; Lambert, Thompson, Weston,
Dickman, *Biostatistics* 2007;8:576-594. The one implementation: others import it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import ModelError, UsageError
from rarecare.models.design import Design
from rarecare.models.fitted import Fitted, Hazards, coefficient_rows, crossed, people_of
from rarecare.results import NOT_ESTIMABLE, OK

Floats = NDArray[np.float64]
Uncured = Literal["weibull", "exponential", "lognormal"]
Kind = Literal["mixture", "non-mixture"]
Negative = Callable[[Floats], tuple[float, Floats]]
"""Minus the log-likelihood and its gradient."""

_GRADIENT = 1e-5
_AGREE = 1e-4
_FEWEST = 10
_PLATEAU = 0.05
_LEAST = 1e-10


@dataclass(frozen=True, slots=True)
class CureFit(Fitted):
    """A fitted cure model.

    Attributes
    ----------
    cured, uncured
        Designs of π and of S_u.
    names
        ``"cured: …"``, ``"uncured: …"`` and ``"log shape"``.
    coefficients, covariance, loglik
        At the maximum.
    people
        Covariates of the cases fitted, with ``n``.
    warnings
        What is to be known: starts that ended elsewhere, a share at its bound, follow-up short
        of the plateau.
    """

    cured: Design
    uncured: Design
    kind: Kind
    distribution: Uncured
    names: tuple[str, ...]
    coefficients: Floats
    covariance: Floats
    loglik: float
    people: pl.DataFrame
    deaths: int
    starts: int
    warnings: tuple[str, ...]

    @property
    def remarks(self) -> tuple[str, ...]:
        """The warnings."""
        return self.warnings

    def table(self, level: float = 0.95) -> pl.DataFrame:
        """Return one row per coefficient.

        ``term``, ``coefficient``, ``se``, ``ratio``, ``lower``, ``upper`` (odds ratios of cure),
        ``level``, ``p_value``, ``status``, ``reason`` (the remarks).
        """
        first = f"cured: {self.cured.names[0]}"
        ratio = [name.startswith("cured: ") and name != first for name in self.names]
        return coefficient_rows(self, level, ratio, "of the baseline, or of the uncured")

    def hazards(self, rows: pl.DataFrame, times: Floats) -> Hazards:
        """Return excess hazards of rows, each at its time in years.

        Raises
        ------
        ModelError
            A profile has a level that the model has not.
        """
        parts = _parts(
            self.coefficients, self.cured.matrix(rows), self.uncured.matrix(rows), times,
            self.kind, self.distribution,
        )  # fmt: skip
        return Hazards(
            total=-np.log(parts.survival),
            hazard=parts.excess,
            of_total=-parts.of_survival / parts.survival[:, None],
            of_hazard=parts.of_excess,
        )

    def cured_share(self, profiles: pl.DataFrame, *, level: float = 0.95) -> pl.DataFrame:
        """Return the cured share π of profiles, limits on the logit scale."""
        matrix = self.cured.matrix(profiles)
        size = matrix.shape[1]
        eta = matrix @ self.coefficients[:size]
        se = np.sqrt(np.einsum("ni,ij,nj->n", matrix, self.covariance[:size, :size], matrix))
        z = NormalDist().inv_cdf(0.5 + level / 2)
        share = _expit(eta)
        return profiles.with_columns(
            estimate=pl.Series(share),
            se=pl.Series(share * (1 - share) * se),
            lower=pl.Series(_expit(eta - z * se)),
            upper=pl.Series(_expit(eta + z * se)),
            level=pl.lit(level),
            status=pl.lit(OK),
            reason=pl.lit("; ".join(self.remarks) or None, dtype=pl.String),
        )

    def time_to_cure(
        self, profiles: pl.DataFrame, *, threshold: float = 0.95, longest: float = 50.0
    ) -> pl.DataFrame:
        """Return the first time from which all but few of those alive are cured.

        The smallest t with π / S_N(t) ≥ ``threshold``: net survival from then on, for ever.
        """
        share = _expit(self.cured.matrix(profiles) @ self.coefficients[: len(self.cured.names)])
        rows, times = crossed(profiles, np.linspace(0.01, longest, 5_000).tolist())
        survival = np.exp(-self.hazards(rows, times).total).reshape(profiles.height, -1)
        reached = share[:, None] / survival >= threshold
        first = [float(times[own.argmax()]) if own.any() else None for own in reached]
        return profiles.with_columns(
            time_years=pl.Series(first, dtype=pl.Float64),
            threshold=pl.lit(threshold),
            status=pl.Series([NOT_ESTIMABLE if x is None else OK for x in first]),
            reason=pl.Series(
                [f"not within {longest:g} years" if x is None else None for x in first],
                dtype=pl.String,
            ),
        )


@dataclass(frozen=True, slots=True)
class _Parts:
    survival: Floats
    excess: Floats
    of_survival: Floats
    of_excess: Floats


def cure_model(
    data: pl.DataFrame,
    cured: str = "~ 1",
    uncured: str = "~ 1",
    *,
    kind: Kind = "mixture",
    distribution: Uncured = "weibull",
    time: str = "time_years",
    died: str = "died",
    expected: str = "expected_hazard",
    starts: int = 6,
    seed: int = 20261123,
) -> CureFit:
    """Fit a cure model by maximum likelihood, from several starts: the likelihood is flat.

    ℓ = Σ d·log(h_P + h_E) + log S_N(t), with the analytic gradient.

    Parameters
    ----------
    data
        One row per case; see ``flexible_excess_hazard`` for ``time``, ``died``, ``expected``.
    cured, uncured
        Formulas of the cured share (logit) and of the survival of the uncured.
    kind
        ``"mixture"`` or ``"non-mixture"``.
    distribution
        Of the uncured: ``"weibull"``, ``"exponential"``, ``"lognormal"``.
    starts, seed
        How many starts, and the seed of the random ones. A Weibull model starts also from the
        maxima of the exponential one within it.

    Returns
    -------
    CureFit

    Raises
    ------
    UsageError
        A choice is not among its choices, a formula cannot be read.
    ModelError
        No deaths, an impossible value, collinear columns, or no start that converged.
    """
    for name, value, allowed in (
        ("kind", kind, get_args(Kind)), ("distribution", distribution, get_args(Uncured))
    ):  # fmt: skip
        if value not in allowed:
            raise UsageError(f"{name} has no such choice", value=value, allowed=allowed)
    if starts < 1:
        raise UsageError("starts are out of range", value=starts, allowed="1 or more")
    from rarecare.models.flexible import observed_times  # noqa: PLC0415

    t, dead, background, _ = observed_times(data, time, died, expected, None)
    share_design, x = Design.of(cured, data)
    time_design, z = Design.of(uncured, data)
    names = (
        *(f"cured: {name}" for name in share_design.names),
        *(f"uncured: {name}" for name in time_design.names),
        *(() if distribution == "exponential" else ("log shape",)),
    )

    def negative_of(own: Uncured) -> Negative:
        def negative(beta: Floats) -> tuple[float, Floats]:
            with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
                value, gradient = _likelihood(beta, x, z, t, dead, background, kind, own)
            if not np.isfinite(value) or not np.isfinite(gradient).all():
                return 1e12, np.zeros_like(beta)
            return -value, -gradient

        return negative

    negative = negative_of(distribution)
    begins = _begins(x, z, t, dead, distribution, starts=starts, seed=seed)
    if distribution == "weibull":  # each maximum of the exponential within it is a start too
        nested = _maxima(negative_of("exponential"), [begin[:-1] for begin in begins])
        begins += [np.append(beta, 0.0) for _, beta in nested]
    maxima = _maxima(negative, begins)
    ends = [-value for value, _ in maxima]
    best = min(maxima, key=lambda one: one[0])[1] if maxima else None
    if best is None:
        raise ModelError(
            "the cure model did not converge from any start", value=f"{starts} starts",
            remedy="Leave covariates out, or use a flexible model without cure.",
        )  # fmt: skip
    information = _information(negative, best)
    try:
        covariance = np.linalg.inv(information)
        np.linalg.cholesky(information)
    except np.linalg.LinAlgError:
        raise ModelError(
            "the cured share cannot be told from the survival of the uncured",
            value=", ".join(names), remedy="Leave covariates out, or take longer follow-up.",
        ) from None  # fmt: skip
    loglik = -negative(best)[0]
    remarks = _remarks(best, x, z, t, ends, loglik, distribution=distribution)
    return CureFit(
        cured=share_design, uncured=time_design, kind=kind, distribution=distribution, names=names,
        coefficients=best, covariance=np.asarray(covariance), loglik=loglik,
        people=people_of(data, [cured, uncured]), deaths=int(dead.sum()), starts=len(ends),
        warnings=remarks,
    )  # fmt: skip


def _begins(
    x: Floats, z: Floats, t: Floats, dead: NDArray[np.bool_], distribution: Uncured, *,
    starts: int, seed: int,
) -> list[Floats]:  # fmt: skip
    """Return starts: three shares of cured, then the same with every coefficient moved."""
    rng = np.random.default_rng(seed)
    size = x.shape[1] + z.shape[1] + (distribution != "exponential")
    centre = np.zeros(size)
    mean = float(np.log(t[dead].mean())) if dead.any() else 0.0
    centre[x.shape[1]] = mean if distribution == "lognormal" else -mean
    begins = []
    for number in range(starts):
        begin = centre.copy()
        begin[0] = (-1.0, 0.0, 1.0)[number % 3]
        if number >= 3:
            begin = begin + rng.normal(scale=0.5, size=size)
        begins.append(begin)
    return begins


def _maxima(negative: Negative, begins: Sequence[Floats]) -> list[tuple[float, Floats]]:
    """Return where each start ended, with minus the log-likelihood there, if at a maximum."""
    from scipy.optimize import minimize  # noqa: PLC0415 - slow to import

    maxima = []
    for begin in begins:
        found = minimize(negative, begin, jac=True, method="BFGS", options={"gtol": 1e-7})
        beta = _polished(negative, found.x)
        value, gradient = negative(beta)
        if value < 1e12 and np.abs(gradient).max() <= _GRADIENT * max(1.0, abs(value) * 1e-3):
            maxima.append((value, beta))
    return maxima


def _polished(negative: Negative, beta: Floats) -> Floats:
    """Return the point after a few Newton steps, each kept only if it rises."""
    value, gradient = negative(beta)
    for _ in range(20):
        if np.abs(gradient).max() < _GRADIENT / 10:
            break
        try:
            step = np.linalg.solve(_information(negative, beta), gradient)
        except np.linalg.LinAlgError:
            break
        now, slope = negative(beta - step)
        if not now <= value:
            break
        beta, value, gradient = beta - step, now, slope
    return beta


def _information(negative: Negative, beta: Floats) -> Floats:
    """Return the observed information, by central differences of the analytic gradient."""
    step = 1e-5
    rows = []
    for place in range(len(beta)):
        move = np.zeros_like(beta)
        move[place] = step
        rows.append((negative(beta + move)[1] - negative(beta - move)[1]) / (2 * step))
    whole = np.array(rows)
    return np.asarray((whole + whole.T) / 2)


def _likelihood(  # noqa: PLR0917
    beta: Floats, x: Floats, z: Floats, t: Floats, dead: NDArray[np.bool_], background: Floats,
    kind: Kind, distribution: Uncured,
) -> tuple[float, Floats]:  # fmt: skip
    parts = _parts(beta, x, z, t, kind, distribution)
    total = background + parts.excess
    if (total[dead] <= _LEAST).any() or (parts.survival <= 0).any():
        return -np.inf, np.zeros_like(beta)
    value = float(np.log(total[dead]).sum() + np.log(parts.survival).sum())
    gradient = (parts.of_excess[dead] / total[dead, None]).sum(axis=0)
    gradient = gradient + (parts.of_survival / parts.survival[:, None]).sum(axis=0)
    return value, gradient


def _parts(  # noqa: PLR0917
    beta: Floats, x: Floats, z: Floats, t: Floats, kind: Kind, distribution: Uncured
) -> _Parts:
    """Return net survival and excess hazard with their gradients in all coefficients."""
    share = _expit(x @ beta[: x.shape[1]])
    su, fu, dsu, dfu = _uncured(beta[x.shape[1] :], z, t, distribution)
    slope = (share * (1 - share))[:, None] * x
    if kind == "mixture":
        survival = share + (1 - share) * su
        density = (1 - share) * fu
        of_survival = np.hstack([slope * (1 - su)[:, None], (1 - share)[:, None] * dsu])
        of_density = np.hstack([-slope * fu[:, None], (1 - share)[:, None] * dfu])
        excess = density / survival
        of_excess = (of_density - excess[:, None] * of_survival) / survival[:, None]
        return _Parts(survival, excess, of_survival, of_excess)
    log_share = np.log(share)
    survival = np.exp(log_share * (1 - su))
    of_log = slope / share[:, None]
    of_survival = survival[:, None] * np.hstack(
        [of_log * (1 - su)[:, None], -log_share[:, None] * dsu]
    )
    excess = -log_share * fu
    of_excess = np.hstack([-of_log * fu[:, None], -log_share[:, None] * dfu])
    return _Parts(survival, excess, of_survival, of_excess)


def _uncured(
    beta: Floats, z: Floats, t: Floats, distribution: Uncured
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return S_u, its density, and their gradients."""
    eta = z @ beta[: z.shape[1]]
    log_t = np.log(t)
    if distribution == "lognormal":
        from scipy.special import log_ndtr  # noqa: PLC0415 - slow to import

        kappa = beta[-1]
        w = (log_t - eta) * np.exp(-kappa)
        su = np.exp(log_ndtr(-w))
        phi = np.exp(-(w**2) / 2) / np.sqrt(2 * np.pi)
        fu = phi * np.exp(-kappa) / t
        # ∂w/∂η = −e^(−κ), ∂w/∂κ = −w; ∂S = −φ ∂w; ∂log f = −w ∂w − [κ]
        dw = np.hstack([-np.exp(-kappa) * z, -w[:, None]])
        dsu = -phi[:, None] * dw
        dfu = fu[:, None] * (-w[:, None] * dw)
        dfu[:, -1] -= fu
        return su, fu, dsu, dfu
    kappa = 0.0 if distribution == "exponential" else beta[-1]
    shape = np.exp(kappa)
    cumulative = np.exp(eta + shape * log_t)
    su = np.exp(-cumulative)
    fu = cumulative * shape / t * su
    dsu = -(su * cumulative)[:, None] * z
    dfu = (fu * (1 - cumulative))[:, None] * z
    if distribution == "weibull":
        grown = shape * log_t
        dsu = np.hstack([dsu, -(su * cumulative * grown)[:, None]])
        dfu = np.hstack([dfu, (fu * (1 + grown * (1 - cumulative)))[:, None]])
    return su, fu, dsu, dfu


def _remarks(  # noqa: PLR0917
    beta: Floats, x: Floats, z: Floats, t: Floats, ends: Sequence[float], value: float,
    *, distribution: Uncured,
) -> tuple[str, ...]:  # fmt: skip
    remarks = []
    apart = sum(end < value - _AGREE for end in ends)
    if apart:
        remarks.append(f"{apart} of {len(ends)} starts ended at a lower likelihood")
    share = _expit(x @ beta[: x.shape[1]])
    if share.min() < 1e-3 or share.max() > 1 - 1e-3:
        remarks.append("the cured share is at its bound")
    su, _, _, _ = _uncured(beta[x.shape[1] :], z, t, distribution)
    if (su < _PLATEAU).sum() < _FEWEST:
        remarks.append(
            f"follow-up is short of the plateau: fewer than {_FEWEST} are followed to where "
            f"{_PLATEAU:.0%} of the uncured are left"
        )
    return tuple(remarks)


def _expit(eta: Floats) -> Floats:
    from scipy.special import expit  # noqa: PLC0415 - slow to import

    return np.asarray(expit(eta))
