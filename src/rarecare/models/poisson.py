"""Grouped Poisson excess-hazard model: d ~ Poisson(μ), μ = d* + y·exp(xβ).

Sources: Dickman, Sloggett, Hills, Hakulinen, *Statistics in Medicine* 2004;23:51-64; Estève,
Benhamou, Croasdale, Raymond, *Statistics in Medicine* 1990;9:529-538. Standard errors are from the
observed information.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import lgamma, log
from statistics import NormalDist
from typing import Any, Unpack

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import ModelError, UsageError
from rarecare.models.cells import Cells, excess_cells
from rarecare.models.design import Design
from rarecare.models.newton import Point, maximum
from rarecare.population.life_table import LifeTable
from rarecare.registry import Cases
from rarecare.results import NOT_ESTIMABLE, OK, Provenance, Result
from rarecare.survival.analysis import Choices

Floats = NDArray[np.float64]
_FLOOR = -25.0
_CEILING = 30.0


@dataclass(frozen=True, slots=True)
class PoissonFit:
    """A fitted model.

    Attributes
    ----------
    design
        Formula and columns.
    coefficients
        Shape (n_columns,).
    covariance
        Inverse of the observed information, shape (n_columns, n_columns).
    loglik, deviance
        At the maximum; log-likelihood with its constant.
    cells
        Cells fitted.
    deaths
        All of them: the n of the BIC.
    no_excess
        Columns whose cells have no more deaths than expected: their ratio runs to 0.
    iterations
        Steps taken.
    """

    design: Design
    coefficients: Floats
    covariance: Floats
    loglik: float
    deviance: float
    cells: pl.DataFrame
    deaths: int
    no_excess: tuple[str, ...]
    iterations: int
    breaks: tuple[float, ...]
    people: pl.DataFrame

    @property
    def df(self) -> int:
        """Residual degrees of freedom."""
        return self.cells.height - len(self.coefficients)

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return 2 * len(self.coefficients) - 2 * self.loglik

    @property
    def bic(self) -> float:
        """Bayesian criterion, with the number of deaths."""
        return len(self.coefficients) * log(self.deaths) - 2 * self.loglik

    def table(self, level: float = 0.95) -> pl.DataFrame:
        """Return one row per column of the design.

        ``term``, ``coefficient``, ``se``, ``ratio`` (of excess hazards) with ``lower`` and
        ``upper``, ``level``, ``p_value`` (Wald), ``status``, ``reason``.
        """
        z = NormalDist().inv_cdf(0.5 + level / 2)
        rows = []
        for place, name in enumerate(self.design.names):
            value = float(self.coefficients[place])
            se = float(np.sqrt(self.covariance[place, place]))
            missing = name in self.no_excess
            wald = 2 * NormalDist().cdf(-abs(value / se)) if se > 0 else None
            rows.append(
                {
                    "term": name,
                    "coefficient": None if missing else value,
                    "se": None if missing else se,
                    "ratio": None if missing else float(np.exp(value)),
                    "lower": None if missing else float(np.exp(value - z * se)),
                    "upper": None if missing else float(np.exp(value + z * se)),
                    "level": level,
                    "p_value": None if missing else wald,
                    "status": NOT_ESTIMABLE if missing else OK,
                    "reason": "no excess: no more deaths than expected" if missing else None,
                }
            )
        return pl.DataFrame(rows, infer_schema_length=None)

    def net_survival(self, profiles: pl.DataFrame, *, level: float = 0.95) -> pl.DataFrame:
        """Return net survival of profiles at the ends of the intervals.

        S = exp(−Σ δ·exp(xβ)), with the delta method on log(−log S).

        Parameters
        ----------
        profiles
            One row per profile: the covariates of the model.
        level
            Confidence level.

        Returns
        -------
        DataFrame
            Per profile and interval: the covariates, ``time_years``, ``estimate``, ``se``,
            ``lower``, ``upper``, ``level``, ``status``, ``reason``.

        Raises
        ------
        ModelError
            A profile has a level that the model has not.
        """
        z = NormalDist().inv_cdf(0.5 + level / 2)
        cumulative, slope = self.cumulative(profiles)
        variance = np.einsum("pti,ij,ptj->pt", slope, self.covariance, slope)
        survival, spread = np.exp(-cumulative), np.sqrt(variance) / cumulative
        times = len(self.breaks) - 1
        return profiles[np.repeat(np.arange(profiles.height), times)].with_columns(
            time_years=pl.Series(np.tile(np.array(self.breaks[1:]), profiles.height)),
            estimate=pl.Series(survival.ravel()),
            se=pl.Series((survival * np.sqrt(variance)).ravel()),
            lower=pl.Series(np.exp(-cumulative * np.exp(z * spread)).ravel()),
            upper=pl.Series(np.exp(-cumulative * np.exp(-z * spread)).ravel()),
            level=pl.lit(level),
            status=pl.lit(OK),
            reason=pl.lit(None, dtype=pl.String),
        )

    def standardised(
        self, over: pl.DataFrame | None = None, *, fixed: dict[str, Any] | None = None,
        level: float = 0.95,
    ) -> pl.DataFrame:  # fmt: skip
        """Return regression-standardised net survival: the mean over a covariate distribution.

        Parameters
        ----------
        over
            Covariates and ``n``, the weight of each row; by default the cases fitted.
        fixed
            Covariates set to one value for all: ``{"country": "SI"}``.
        level
            Confidence level; limits on the log(−log) scale by the delta method.

        Returns
        -------
        DataFrame
            Per interval: ``time_years``, ``n``, ``estimate``, ``se``, ``lower``, ``upper``,
            ``level``, ``status``, ``reason``.
        """
        value, gradient, n = self._standardised(over, fixed)
        z = NormalDist().inv_cdf(0.5 + level / 2)
        se = np.sqrt(np.einsum("ti,ij,tj->t", gradient, self.covariance, gradient))
        spread = se / (value * np.abs(np.log(value)))
        return pl.DataFrame(
            {
                "time_years": self.breaks[1:],
                "n": [n] * len(value),
                "estimate": value,
                "se": se,
                "lower": value ** np.exp(z * spread),
                "upper": value ** np.exp(-z * spread),
                "level": [level] * len(value),
                "status": [OK] * len(value),
                "reason": pl.Series([None] * len(value), dtype=pl.String),
            }
        )

    def contrast(
        self, fixed: dict[str, Any], reference: dict[str, Any], *,
        over: pl.DataFrame | None = None, level: float = 0.95,
    ) -> pl.DataFrame:  # fmt: skip
        """Return differences of standardised net survival between two settings.

        Both are taken over the same covariates, so that they differ in what is fixed alone.
        """
        one, slope, n = self._standardised(over, fixed)
        other, slope_other, _ = self._standardised(over, reference)
        gradient = slope - slope_other
        se = np.sqrt(np.einsum("ti,ij,tj->t", gradient, self.covariance, gradient))
        z = NormalDist().inv_cdf(0.5 + level / 2)
        value = one - other
        return pl.DataFrame(
            {
                "time_years": self.breaks[1:], "n": [n] * len(value), "estimate": value, "se": se,
                "lower": value - z * se, "upper": value + z * se, "level": [level] * len(value),
                "status": [OK] * len(value),
                "reason": pl.Series([None] * len(value), dtype=pl.String),
            }
        )  # fmt: skip

    def _standardised(
        self, over: pl.DataFrame | None, fixed: dict[str, Any] | None
    ) -> tuple[Floats, Floats, int]:
        table = self.people if over is None else over
        if "n" not in table.columns:
            raise UsageError("a covariate distribution needs the column n", allowed=table.columns)
        weight = table["n"].to_numpy().astype(float)
        profiles = table.drop("n").with_columns(
            **{name: pl.lit(value) for name, value in (fixed or {}).items()}
        )
        cumulative, slope = self.cumulative(profiles)
        survival = np.exp(-cumulative)
        total = weight.sum()
        value = weight @ survival / total
        gradient = -np.einsum("p,pt,pti->ti", weight, survival, slope) / total
        return value, gradient, int(total)

    def cumulative(self, profiles: pl.DataFrame) -> tuple[Floats, Floats]:
        """Return cumulative excess hazards at the ends of the intervals, and their gradients.

        Shapes (n_profiles, n_intervals) and (n_profiles, n_intervals, n_columns).

        Raises
        ------
        ModelError
            A profile has a level that the model has not.
        """
        length = np.diff(self.breaks)
        people, times = profiles.height, len(length)
        rows = profiles[np.repeat(np.arange(people), times)].with_columns(
            interval=pl.Series(np.tile(np.arange(1, times + 1), people)),
            start=pl.Series(np.tile(np.array(self.breaks[:-1]), people)),
            end=pl.Series(np.tile(np.array(self.breaks[1:]), people)),
        )
        matrix = self.design.matrix(rows).reshape(people, times, -1)
        hazard = np.exp(matrix @ self.coefficients) * length
        slope = np.cumsum(hazard[:, :, None] * matrix, axis=1)
        return np.cumsum(hazard, axis=1), np.asarray(slope)

    def likelihood_ratio(self, smaller: PoissonFit) -> dict[str, float]:
        """Return the likelihood-ratio test against a nested model.

        Raises
        ------
        UsageError
            The other is not smaller, or was fitted to other cells.
        """
        df = len(self.coefficients) - len(smaller.coefficients)
        if df <= 0 or smaller.cells.height != self.cells.height:
            raise UsageError(
                "the likelihood-ratio test needs a smaller model of the same cells",
                value=f"{len(smaller.coefficients)} columns, {smaller.cells.height} cells",
                allowed=f"fewer than {len(self.coefficients)} columns, {self.cells.height} cells",
            )
        from scipy.special import chdtrc  # noqa: PLC0415 - slow to import

        statistic = 2 * (self.loglik - smaller.loglik)
        return {"statistic": statistic, "df": df, "p_value": float(chdtrc(df, max(statistic, 0)))}

    def wald(self, terms: Sequence[str]) -> dict[str, float]:
        """Return the Wald test that all columns beginning with these terms are 0.

        Raises
        ------
        UsageError
            No column begins so.
        """
        places = [
            place for place, name in enumerate(self.design.names)
            if any(name == term or name.startswith(f"{term}[") for term in terms)
        ]  # fmt: skip
        if not places:
            raise UsageError("no such term", value=list(terms), allowed=self.design.names)
        from scipy.special import chdtrc  # noqa: PLC0415 - slow to import

        own = self.coefficients[places]
        statistic = float(own @ np.linalg.solve(self.covariance[np.ix_(places, places)], own))
        df = len(places)
        return {"statistic": statistic, "df": df, "p_value": float(chdtrc(df, statistic))}


def poisson_excess_hazard(
    cases: Cases | Any,
    life_table: LifeTable,
    formula: str,
    *,
    covariates: Sequence[str],
    breaks: str | Sequence[float] = "0(1)5",
    **choices: Unpack[Choices],
) -> tuple[PoissonFit, Result]:
    """Fit a grouped Poisson excess-hazard model to cases.

    Parameters
    ----------
    cases, life_table, covariates, breaks, **choices
        See ``excess_cells``.
    formula
        Right-hand side, as ``"~ C(interval) + sex + age_group + stage"``: the covariates
        and ``interval``, ``start``, ``end``.

    Returns
    -------
    PoissonFit, Result
        The fit, and its coefficients with their provenance.

    Raises
    ------
    ModelError
        See ``fit_poisson``.
    UsageError, InputError
        See ``excess_cells``.
    """
    cells = excess_cells(cases, life_table, covariates=covariates, breaks=breaks, **choices)
    fit = fit_poisson(cells, formula)
    told: Provenance = replace(
        cells.provenance,
        statistic=f"Grouped Poisson excess-hazard model, {formula}",
        plan={**cells.provenance.plan, "breaks": list(cells.breaks), "formula": formula},
        notes=(
            *cells.provenance.notes,
            f"{fit.cells.height:,} cells, {fit.deaths:,} deaths; deviance {fit.deviance:.4f} on "
            f"{fit.df} df; log-likelihood {fit.loglik:.4f}; AIC {fit.aic:.2f}",
        ),
    )
    return fit, Result(fit.table(choices.get("level", 0.95)), told)


def fit_poisson(cells: Cells | pl.DataFrame, formula: str) -> PoissonFit:
    """Fit the model to cells.

    Newton's method with the observed information (Fisher's scoring where that is not positive
    definite) from a weighted least-squares start; steps are damped while the likelihood falls.

    Parameters
    ----------
    cells
        As ``excess_cells`` makes them; or a frame with ``deaths``, ``expected``,
        ``person_years``, ``start``, ``end`` and the covariates.
    formula
        Right-hand side.

    Raises
    ------
    ModelError
        No deaths, columns that are collinear, or no convergence: nothing is returned then.
    UsageError
        The formula cannot be read.
    """
    table = cells.table if isinstance(cells, Cells) else cells
    lacking = [name for name in ("deaths", "expected", "person_years") if name not in table.columns]
    if lacking:
        raise ModelError("cells lack a column", value=lacking[0], allowed=table.columns)
    table = table.filter(pl.col("person_years") > 0)
    d, expected, y = (
        table[name].cast(pl.Float64).to_numpy() for name in ("deaths", "expected", "person_years")
    )
    if table.is_empty() or not d.sum():
        raise ModelError("there are no deaths to explain", value=f"{table.height} cells")
    if not (np.isfinite(expected) & (expected >= 0)).all():
        raise ModelError("expected deaths are missing or negative", allowed="0 or more")
    design, matrix = Design.of(formula, table)
    coefficients, steps = _maximum(matrix, d, expected, np.log(y), design)
    mu, excess = _mean(matrix @ coefficients, expected, np.log(y))
    information = _information(matrix, d, mu, excess)
    covariance = np.linalg.pinv(information, hermitian=True)
    constant = sum(lgamma(x + 1) for x in d.tolist())
    if isinstance(cells, Cells):
        breaks, people = cells.breaks, cells.cases
    else:
        edges = sorted({*table["start"].to_list(), *table["end"].to_list()})
        breaks, people = tuple(float(edge) for edge in edges), table
    return PoissonFit(
        design=design,
        coefficients=coefficients,
        covariance=np.asarray(covariance, dtype=np.float64),
        loglik=_likelihood(d, mu) - constant,
        deviance=_deviance(d, mu),
        cells=table,
        deaths=int(d.sum()),
        no_excess=_no_excess(design, matrix, coefficients),
        iterations=steps,
        breaks=breaks,
        people=people,
    )


def _mean(eta: Floats, expected: Floats, offset: Floats) -> tuple[Floats, Floats]:
    """Return μ and the excess g = μ − d*."""
    excess = np.exp(np.clip(eta, _FLOOR, _CEILING) + offset)
    return expected + excess, excess


def _likelihood(d: Floats, mu: Floats) -> float:
    return float((d * np.log(np.where(d > 0, mu, 1.0)) - mu).sum())


def _deviance(d: Floats, mu: Floats) -> float:
    ratio = np.log(np.where(d > 0, d / mu, 1.0))
    return float(2 * (d * ratio - (d - mu)).sum())


def _information(matrix: Floats, d: Floats, mu: Floats, excess: Floats) -> Floats:
    weight = d * excess**2 / mu**2 - (d / mu - 1) * excess
    return np.asarray(matrix.T @ (weight[:, None] * matrix))


def _maximum(
    matrix: Floats, d: Floats, expected: Floats, offset: Floats, design: Design
) -> tuple[Floats, int]:
    """Return the coefficients at the maximum and the steps taken.

    A term that runs to no excess flattens the likelihood: its score goes to 0 there.
    """

    def at(beta: Floats) -> Point:
        mu, excess = _mean(matrix @ beta, expected, offset)
        return Point(
            value=_likelihood(d, mu),
            score=matrix.T @ ((d / mu - 1) * excess),
            information=_information(matrix, d, mu, excess),
            scoring=matrix.T @ ((excess**2 / mu)[:, None] * matrix),
        )

    beta, _, steps = maximum(at, _start(matrix, d, expected, offset), design.names)
    return beta, steps


def _start(matrix: Floats, d: Floats, expected: Floats, offset: Floats) -> Floats:
    """Return least squares of the log excess rate, smoothed, each cell weighed by its deaths."""
    excess = np.maximum(d - expected, 0.1 * (d + 0.5))
    weight = excess**2 / np.maximum(d, expected + excess)
    return _weighted(matrix, weight, np.log(excess) - offset)


def _weighted(matrix: Floats, weight: Floats, response: Floats) -> Floats:
    root = np.sqrt(weight)
    return np.asarray(np.linalg.lstsq(matrix * root[:, None], response * root)[0])


def _no_excess(design: Design, matrix: Floats, coefficients: Floats) -> tuple[str, ...]:
    """Return columns that are present only where the excess has run to nothing."""
    gone = matrix @ coefficients < _FLOOR / 2
    return tuple(
        name
        for place, name in enumerate(design.names)
        if (matrix[:, place] != 0).any() and gone[matrix[:, place] != 0].all()
    )
