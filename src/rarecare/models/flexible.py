"""Flexible parametric excess hazard: splines of log time for the log cumulative excess hazard.

Sources: Nelson, Lambert, Squire, Jones, *Statistics in Medicine* 2007;26:5486-5498; Royston &
Parmar, *Statistics in Medicine* 2002;21:2175-2197 (links). With u = log t and η = xβ + s(u):
proportional hazards (PH): H = exp η; proportional odds (PO): H = log(1 + exp η). With cure the
splines are flat beyond the last knot, where no excess hazard is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from math import log
from typing import Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import ModelError, UsageError
from rarecare.models.design import Design
from rarecare.models.fitted import (
    Fitted,
    Hazards,
    coefficient_rows,
    grown,
    people_of,
    score_test,
)
from rarecare.models.newton import Point, inverse, maximum
from rarecare.models.splines import RestrictedCubic

Floats = NDArray[np.float64]
Link = Literal["PH", "PO"]
_HIGHEST = 100.0
"""Of log H, beyond which no step goes: its square stays a number."""
_LEAST = 1e-10
"""Total hazard per year below which the model is not defined at a death."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns of time, death, expected hazard, and entry where late."""

    time: str = "time_years"
    died: str = "died"
    expected: str = "expected_hazard"
    entry: str | None = None


@dataclass(frozen=True, slots=True)
class FlexibleFit(Fitted):
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
    deaths
        Deaths fitted.
    negative
        Cases whose excess hazard at exit is below 0.
    columns
        Of the data fitted.
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
    deaths: int
    negative: int
    iterations: int
    columns: Columns

    @property
    def remarks(self) -> tuple[str, ...]:
        """Whether excess hazards are negative somewhere."""
        if not self.negative:
            return ()
        return (f"the excess hazard is below 0 at the exit of {self.negative:,} cases",)

    def table(self, level: float = 0.95) -> pl.DataFrame:
        """Return one row per coefficient.

        ``term``, ``coefficient``, ``se``, ``ratio`` with ``lower`` and ``upper`` (of excess
        hazards, or of odds; covariates whose effect does not vary), ``level``, ``p_value``
        (Wald), ``status``, ``reason``.
        """
        changing = {name for name, _ in self.varying}
        ratio = [name in self.design.names[1:] and name not in changing for name in self.names]
        return coefficient_rows(self, level, ratio, "its effect varies, or it is of the baseline")

    def hazards(self, rows: pl.DataFrame, times: Floats) -> Hazards:
        """Return excess hazards of rows, each at its time in years.

        Raises
        ------
        ModelError
            A profile has a level that the model has not.
        """
        basis, slope = _columns(
            self.design.matrix(rows), self.design, np.log(times), self.spline, self.varying
        )
        eta, change = basis @ self.coefficients, slope @ self.coefficients
        total, one, two, _ = _link(eta, self.link)
        return Hazards(
            total=total,
            hazard=one * change / times,
            of_total=one[:, None] * basis,
            of_hazard=(two * change / times)[:, None] * basis + (one / times)[:, None] * slope,
        )

    def cured_share(self, profiles: pl.DataFrame, *, level: float = 0.95) -> pl.DataFrame:
        """Return net survival from the last knot on: the cured share of profiles.

        Raises
        ------
        UsageError
            The model was fitted without cure.
        """
        if not self.spline.flat:
            raise UsageError("the model has no cure", value="cure=False", allowed="cure=True")
        plateau = float(np.exp(self.spline.knots[-1]))
        made = self.net_survival(profiles, [plateau], level=level)
        return made.drop("excess_hazard", "hazard_se", "hazard_lower", "hazard_upper")

    def score(
        self, data: pl.DataFrame, formula: str, *, varying: Mapping[str, int] | None = None
    ) -> dict[str, float]:
        """Return the score test of this model against a larger one, which is not fitted.

        Parameters
        ----------
        data
            Those fitted.
        formula, varying
            Of the larger model; terms that vary in this one do so there.

        Raises
        ------
        UsageError
            The larger model does not hold this one.
        ModelError
            Its columns are collinear.
        """
        more = _varying(varying, np.log(_dead_times(data, self.columns)), flat=self.spline.flat)
        known = {name for name, _ in self.varying}
        terms = (*self.varying, *(own for own in more if own[0] not in known))
        model = _Model.of(data, formula, self.spline, terms, self.link, self.columns)
        point = model.at(grown(self, model.names))
        return score_test(point.score, point.information, len(model.names) - len(self.names))

    def proportionality(self, data: pl.DataFrame, *, df: int = 2) -> pl.DataFrame:
        """Return score tests that the effects do not vary with time: each term's, and all.

        One row per term: ``term``, ``statistic``, ``df``, ``p_value``.
        """
        known = {name for name, _ in self.varying}
        terms = [name for name in self.design.names[1:] if name not in known]
        if not terms:
            raise UsageError("no term has a constant effect", value=self.design.formula)
        formula = self.design.formula
        asked = {term: {term: df} for term in terms}
        if len(terms) > 1:
            asked["all"] = dict.fromkeys(terms, df)
        return pl.DataFrame(
            [
                {"term": term, **self.score(data, formula, varying=own)}
                for term, own in asked.items()
            ]
        )


@dataclass(frozen=True, slots=True)
class _Model:
    """A model with its data: the log-likelihood as a function of the coefficients."""

    design: Design
    names: tuple[str, ...]
    basis: Floats
    slope: Floats
    t: Floats
    dead: NDArray[np.bool_]
    background: Floats
    late: Floats | None
    link: Link

    @classmethod
    def of(  # noqa: PLR0917 - the parts of one model
        cls, data: pl.DataFrame, formula: str, spline: RestrictedCubic,
        varying: tuple[tuple[str, RestrictedCubic], ...], link: Link, columns: Columns,
    ) -> _Model:  # fmt: skip
        t, dead, background, start = observed_times(data, *astuple(columns))
        design, covariates = Design.of(formula, data)
        unknown = next((name for name, _ in varying if name not in design.names), None)
        if unknown is not None:
            raise UsageError(
                "a varying term is not a column of the design", value=unknown, allowed=design.names
            )
        basis, slope = _columns(covariates, design, np.log(t), spline, varying)
        names = (
            *design.names,
            *(f"spline[{k + 1}]" for k in range(spline.size)),
            *(f"{name}:spline[{k + 1}]" for name, own in varying for k in range(own.size)),
        )
        late = None
        if start is not None and (start > 0).any():
            held = start > 0
            late, _ = _columns(covariates[held], design, np.log(start[held]), spline, varying)
        return cls(design, names, basis, slope, t, dead, background, late, link)

    def at(self, beta: Floats) -> Point:
        """Return the log-likelihood with its derivatives."""
        return _point(
            beta, self.basis, self.slope, self.t, self.dead, self.background, self.late, self.link
        )


def flexible_excess_hazard(
    data: pl.DataFrame,
    formula: str,
    *,
    df: int = 4,
    knots: Sequence[float] | None = None,
    varying: Mapping[str, int] | None = None,
    link: Link = "PH",
    cure: bool = False,
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
        Right-hand side: ``"~ sex + stage + ns(age, 3)"``.
    df, knots
        Columns of the spline of log time; or its knots, in log years, the outer ones included.
        By default knots are at equal quantiles of the log times of deaths.
    varying
        Terms of the design whose effect varies with time, and the columns of each.
    link
        ``"PH"`` or ``"PO"``.
    cure
        Whether no excess hazard is left beyond the last knot; net survival there is the cured
        share.
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
    columns = Columns(time, died, expected, entry)
    t, dead, background, start = observed_times(data, *astuple(columns))
    u = np.log(t)
    spline = (
        RestrictedCubic.of(u, u[dead], df=df, flat=cure)
        if knots is None
        else RestrictedCubic.on(u, knots, flat=cure)
    )
    changing = _varying(varying, u[dead], flat=cure)
    model = _Model.of(data, formula, spline, changing, link, columns)
    years = t - (0 if start is None else start)
    excess = max(dead.sum() - (background * years).sum(), 0.1 * dead.sum())
    begin = np.zeros(len(model.names))
    intercept = model.names.index("Intercept") if "Intercept" in model.names else 0
    begin[intercept] = log(excess / years.sum())
    if cure:  # about the line log t, as far as a flat spline can follow it
        own = spline.basis(u[dead])
        fitted = np.linalg.lstsq(np.column_stack([np.ones(len(own)), own]), u[dead])[0]
        begin[intercept] += fitted[0]
        begin[len(model.design.names) :][: spline.size] = fitted[1:]
    else:
        begin[len(model.design.names)] = 1.0
    beta, point, steps = maximum(model.at, begin, model.names)
    eta, change = model.basis @ beta, model.slope @ beta
    _, one, _, _ = _link(eta, link)
    return FlexibleFit(
        design=model.design, names=model.names, coefficients=beta,
        covariance=inverse(point.information, model.names), loglik=point.value, spline=spline,
        varying=changing, link=link, people=people_of(data, [formula]), deaths=int(dead.sum()),
        negative=int((one * change < 0).sum()), iterations=steps, columns=columns,
    )  # fmt: skip


def _dead_times(data: pl.DataFrame, columns: Columns) -> Floats:
    t, dead, _, _ = observed_times(data, *astuple(columns))
    return t[dead]


def _varying(
    varying: Mapping[str, int] | None, events: Floats, *, flat: bool
) -> tuple[tuple[str, RestrictedCubic], ...]:
    return tuple(
        (name, RestrictedCubic.of(events, events, df=own, flat=flat))
        for name, own in (varying or {}).items()
    )


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
