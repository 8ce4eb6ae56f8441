"""Flexible parametric excess hazard: splines of log time for the log cumulative excess hazard.

Sources: Nelson, Lambert, Squire, Jones, *Statistics in Medicine* 2007;26:5486-5498; Royston &
Parmar, *Statistics in Medicine* 2002;21:2175-2197 (links). With u = log t and η = xβ + s(u):
proportional hazards (PH): H = exp η; proportional odds (PO): H = log(1 + exp η).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from statistics import NormalDist
from typing import Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import ModelError, UsageError
from rarecare.models.design import Design, named_in
from rarecare.models.newton import Point, maximum
from rarecare.models.splines import RestrictedCubic
from rarecare.results import OK

Floats = NDArray[np.float64]
Link = Literal["PH", "PO"]
_HIGHEST = 100.0
"""Of log H, beyond which no step goes: its square stays a number."""
_LEAST = 1e-10
"""Total hazard per year below which the model is not defined at a death."""


@dataclass(frozen=True, slots=True)
class FlexibleFit:
    """A fitted model.

    Attributes
    ----------
    design
        Formula and columns of the covariates.
    names
        Of all coefficients: covariates, spline of log time, time-varying terms.
    coefficients, covariance
        Shape (k,) and (k, k); the inverse of the observed information.
    loglik
        Without the constant of the expected hazards.
    spline, varying
        The basis of log time, and those of the terms whose effect varies.
    link
        ``"PH"`` or ``"PO"``.
    people
        Covariates of the cases fitted, with ``n``.
    n, deaths
        Cases and deaths fitted.
    negative
        Cases whose excess hazard at exit is below 0.
    """

    design: Design
    names: tuple[str, ...]
    coefficients: Floats
    covariance: Floats
    loglik: float
    spline: RestrictedCubic
    varying: tuple[tuple[str, RestrictedCubic], ...]
    link: Link
    people: pl.DataFrame
    n: int
    deaths: int
    negative: int
    iterations: int

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return 2 * len(self.coefficients) - 2 * self.loglik

    @property
    def bic(self) -> float:
        """Bayesian criterion, with the number of deaths."""
        return len(self.coefficients) * log(self.deaths) - 2 * self.loglik

    def table(self, level: float = 0.95) -> pl.DataFrame:
        """Return one row per coefficient.

        ``term``, ``coefficient``, ``se``, ``ratio`` with ``lower`` and ``upper`` (of excess
        hazards, or of odds; covariates whose effect does not vary), ``level``, ``p_value``
        (Wald), ``status``, ``reason``.
        """
        z = NormalDist().inv_cdf(0.5 + level / 2)
        changing = {name for name, _ in self.varying}
        rows = []
        for place, name in enumerate(self.names):
            value = float(self.coefficients[place])
            se = float(np.sqrt(self.covariance[place, place]))
            ratio = name in self.design.names[1:] and name not in changing
            rows.append(
                {
                    "term": name, "coefficient": value, "se": se,
                    "ratio": float(np.exp(value)) if ratio else None,
                    "lower": float(np.exp(value - z * se)) if ratio else None,
                    "upper": float(np.exp(value + z * se)) if ratio else None,
                    "level": level, "p_value": 2 * NormalDist().cdf(-abs(value / se)),
                    "status": OK,
                    "reason": None if ratio else "its effect varies, or it is of the baseline",
                }
            )  # fmt: skip
        return pl.DataFrame(rows, infer_schema_length=None)

    def net_survival(
        self, profiles: pl.DataFrame, at: Sequence[float], *, level: float = 0.95
    ) -> pl.DataFrame:
        """Return net survival and excess hazards of profiles at times in years.

        Limits of survival by the delta method on log H, of the hazard on its log.

        Raises
        ------
        UsageError
            A time is not above 0, or a profile lacks a covariate.
        ModelError
            A profile has a level that the model has not.
        """
        z = NormalDist().inv_cdf(0.5 + level / 2)
        rows, times = _crossed(profiles, at)
        basis, slope = self._matrices(rows, times)
        total, hazard, of_total, of_hazard = self._hazards(basis, slope, times)
        of_log = of_total / total[:, None]
        spread = np.sqrt(np.einsum("ni,ij,nj->n", of_log, self.covariance, of_log))
        of_log_hazard = of_hazard / hazard[:, None]
        wide = np.sqrt(np.einsum("ni,ij,nj->n", of_log_hazard, self.covariance, of_log_hazard))
        return rows.with_columns(
            time_years=pl.Series(times),
            estimate=pl.Series(np.exp(-total)),
            se=pl.Series(np.exp(-total) * total * spread),
            lower=pl.Series(np.exp(-total * np.exp(z * spread))),
            upper=pl.Series(np.exp(-total * np.exp(-z * spread))),
            excess_hazard=pl.Series(hazard),
            hazard_lower=pl.Series(hazard * np.exp(-z * wide)),
            hazard_upper=pl.Series(hazard * np.exp(z * wide)),
            level=pl.lit(level),
            status=pl.lit(OK),
            reason=pl.lit(None, dtype=pl.String),
        )

    def standardised(
        self, at: Sequence[float], *, over: pl.DataFrame | None = None,
        fixed: Mapping[str, object] | None = None, level: float = 0.95,
    ) -> pl.DataFrame:  # fmt: skip
        """Return regression-standardised net survival at times in years.

        ``over``: covariates and ``n``; by default the cases fitted. ``fixed``: covariates set to
        one value for all. Limits by the delta method on log(−log).
        """
        table = self.people if over is None else over
        weight = table["n"].to_numpy().astype(float)
        profiles = table.drop("n").with_columns(
            **{name: pl.lit(value) for name, value in (fixed or {}).items()}
        )
        z = NormalDist().inv_cdf(0.5 + level / 2)
        answers = []
        for time in at:
            rows, times = _crossed(profiles, [time])
            basis, slope = self._matrices(rows, times)
            total, _, of_total, _ = self._hazards(basis, slope, times)
            survival = np.exp(-total)
            value = float(weight @ survival / weight.sum())
            gradient = -(weight * survival) @ of_total / weight.sum()
            se = float(np.sqrt(gradient @ self.covariance @ gradient))
            spread = se / (value * abs(log(value)))
            answers.append(
                {
                    "time_years": float(time), "n": int(weight.sum()), "estimate": value,
                    "se": se, "lower": value ** float(np.exp(z * spread)),
                    "upper": value ** float(np.exp(-z * spread)), "level": level,
                    "status": OK, "reason": None,
                }
            )  # fmt: skip
        return pl.DataFrame(answers, schema_overrides={"reason": pl.String})

    def _matrices(self, rows: pl.DataFrame, times: Floats) -> tuple[Floats, Floats]:
        return _columns(self.design.matrix(rows), self.design, np.log(times), self.spline,
                        self.varying)  # fmt: skip

    def _hazards(
        self, basis: Floats, slope: Floats, times: Floats
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Return H, h and their gradients."""
        eta, change = basis @ self.coefficients, slope @ self.coefficients
        total, one, two, _ = _link(eta, self.link)
        hazard = one * change / times
        of_hazard = (two * change / times)[:, None] * basis + (one / times)[:, None] * slope
        return total, hazard, one[:, None] * basis, of_hazard


def flexible_excess_hazard(
    data: pl.DataFrame,
    formula: str,
    *,
    df: int = 4,
    knots: Sequence[float] | None = None,
    varying: Mapping[str, int] | None = None,
    link: Link = "PH",
    time: str = "time_years",
    died: str = "died",
    expected: str = "expected_hazard",
    entry: str | None = None,
) -> FlexibleFit:
    """Fit a flexible parametric excess-hazard model.

    ℓ = Σ d·log(h_P + h_E(t)) − H_E(t) + H_E(entry), by Newton's method with the analytic Hessian.

    Parameters
    ----------
    data
        One row per case: the covariates and the columns named below.
    formula
        Right-hand side: ``"~ sex + stage + bs(age, df=4)"``.
    df, knots
        Columns of the spline of log time; or its knots, in log years, the outer ones included.
        By default knots are at equal quantiles of the log times of deaths.
    varying
        Terms of the design whose effect varies with time, and the columns of each.
    link
        ``"PH"`` or ``"PO"``.
    time, died, expected, entry
        Columns: years of follow-up, above 0; whether it ended in death; the general
        population's hazard per year at exit; years at entry, where late.

    Returns
    -------
    FlexibleFit

    Raises
    ------
    UsageError
        A choice is not among its choices, a column is missing, or knots do not rise.
    ModelError
        No deaths, a missing or impossible value, collinear columns, or no convergence.
    """
    if link not in get_args(Link):
        raise UsageError("link has no such choice", value=link, allowed=get_args(Link))
    t, dead, background, start = observed_times(data, time, died, expected, entry)
    design, covariates = Design.of(formula, data)
    u = np.log(t)
    spline = (
        RestrictedCubic.of(u, u[dead], df=df) if knots is None else RestrictedCubic.on(u, knots)
    )
    terms = []
    for name, own in (varying or {}).items():
        if name not in design.names:
            raise UsageError(
                "a varying term is not a column of the design", value=name, allowed=design.names
            )
        terms.append((name, RestrictedCubic.of(u, u[dead], df=own)))
    changing = tuple(terms)
    basis, slope = _columns(covariates, design, u, spline, changing)
    names = (
        *design.names,
        *(f"spline[{k + 1}]" for k in range(spline.size)),
        *(f"{name}:spline[{k + 1}]" for name, own in changing for k in range(own.size)),
    )
    late = None
    if start is not None and (start > 0).any():
        held = start > 0
        late, _ = _columns(covariates[held], design, np.log(start[held]), spline, changing)
    years = t - (0 if start is None else start)
    excess = max(dead.sum() - (background * years).sum(), 0.1 * dead.sum())
    begin = np.zeros(len(names))
    intercept = names.index("Intercept") if "Intercept" in names else 0
    begin[intercept], begin[len(design.names)] = log(excess / years.sum()), 1.0

    def at(beta: Floats) -> Point:
        return _point(beta, basis, slope, t, dead, background, late, link)

    beta, point, steps = maximum(at, begin, names)
    eta, change = basis @ beta, slope @ beta
    _, one, _, _ = _link(eta, link)
    used = [name for name in data.columns if named_in(name, formula)]
    people = (
        data.select(used).group_by(used, maintain_order=True).agg(pl.len().alias("n"))
        if used
        else pl.DataFrame({"n": [data.height]})
    )
    return FlexibleFit(
        design=design, names=names, coefficients=beta,
        covariance=np.asarray(np.linalg.inv(point.information)), loglik=point.value,
        spline=spline, varying=changing, link=link, people=people, n=data.height,
        deaths=int(dead.sum()), negative=int((one * change < 0).sum()), iterations=steps,
    )  # fmt: skip


def observed_times(
    data: pl.DataFrame, time: str, died: str, expected: str, entry: str | None
) -> tuple[Floats, NDArray[np.bool_], Floats, Floats | None]:
    """Return times, deaths, expected hazards and entries of cases, checked.

    Raises
    ------
    UsageError
        A column is missing.
    ModelError
        A value is impossible, or there are no deaths.
    """
    for name in (time, died, expected, *((entry,) if entry else ())):
        if name not in data.columns:
            raise UsageError("the data have no such column", value=name, allowed=data.columns)
    t = data[time].cast(pl.Float64).to_numpy()
    background = data[expected].cast(pl.Float64).to_numpy()
    dead = data[died].cast(pl.Boolean).fill_null(value=False).to_numpy()
    start = data[entry].cast(pl.Float64).to_numpy() if entry else None
    if not (np.isfinite(t) & (t > 0)).all():
        raise ModelError("a time is missing or not above 0", value=time)
    if not (np.isfinite(background) & (background >= 0)).all():
        raise ModelError("an expected hazard is missing or negative", value=expected)
    if start is not None and not ((start >= 0) & (start < t)).all():
        raise ModelError("an entry is negative, or not before the exit", value=entry)
    if not dead.any():
        raise ModelError("there are no deaths to explain", value=f"{len(t)} cases")
    return t, dead, background, start


def _columns(
    covariates: Floats,
    design: Design,
    u: Floats,
    spline: RestrictedCubic,
    varying: Sequence[tuple[str, RestrictedCubic]],
) -> tuple[Floats, Floats]:
    """Return z and ∂z/∂u of all coefficients."""
    values, slopes = [covariates, spline.basis(u)], [np.zeros_like(covariates), spline.slope(u)]
    for name, own in varying:
        column = covariates[:, [design.names.index(name)]]
        values.append(column * own.basis(u))
        slopes.append(column * own.slope(u))
    return np.hstack(values), np.hstack(slopes)


def _crossed(profiles: pl.DataFrame, at: Sequence[float]) -> tuple[pl.DataFrame, Floats]:
    times = np.array([float(time) for time in at])
    if not len(times) or not (times > 0).all():
        raise UsageError("times are not above 0", value=list(at), allowed="years")
    rows = profiles[np.repeat(np.arange(profiles.height), len(times))]
    return rows, np.tile(times, profiles.height)


def _link(eta: Floats, link: Link) -> tuple[Floats, Floats, Floats, Floats]:
    """Return H as a function of η and its first three derivatives."""
    if link == "PH":
        total = np.exp(np.minimum(eta, _HIGHEST))
        return total, total, total, total
    share = 1 / (1 + np.exp(-eta))
    return np.logaddexp(0, eta), share, share * (1 - share), share * (1 - share) * (1 - 2 * share)


def _point(  # noqa: PLR0917 - the parts of one likelihood
    beta: Floats,
    basis: Floats,
    slope: Floats,
    t: Floats,
    dead: NDArray[np.bool_],
    background: Floats,
    late: Floats | None,
    link: Link,
) -> Point:
    eta = basis @ beta
    total, one, two, _ = _link(eta, link)
    z, dz, years = basis[dead], slope[dead], t[dead]
    _, e_one, e_two, e_three = _link(eta[dead], link)
    change = (dz @ beta) / years
    hazard = background[dead] + e_one * change
    size = len(beta)
    if not np.isfinite(total).all() or (hazard <= _LEAST).any():
        return Point(-np.inf, np.zeros(size), np.eye(size))
    value = float(np.log(hazard).sum() - total.sum())
    of_hazard = (e_two * change)[:, None] * z + (e_one / years)[:, None] * dz
    score = (of_hazard / hazard[:, None]).sum(axis=0) - one @ basis
    cross = z.T @ ((e_two / years / hazard)[:, None] * dz)
    second = z.T @ ((e_three * change / hazard)[:, None] * z) + cross + cross.T
    second -= (of_hazard / hazard[:, None] ** 2).T @ of_hazard
    second -= basis.T @ (two[:, None] * basis)
    if late is not None:
        entered, first, bend, _ = _link(late @ beta, link)
        value += float(entered.sum())
        score += first @ late
        second += late.T @ (bend[:, None] * late)
    return Point(value, score, -second, basis.T @ (one[:, None] * basis))
