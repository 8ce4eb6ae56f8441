"""Grouped Poisson excess-hazard model: d ~ Poisson(μ), μ = d* + y·exp(xβ).

Sources: Dickman, Sloggett, Hills, Hakulinen, *Statistics in Medicine* 2004;23:51-64; Estève,
Benhamou, Croasdale, Raymond, *Statistics in Medicine* 1990;9:529-538. Standard errors are from the
observed information.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import lgamma
from typing import Any, Unpack

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import ModelError, UsageError
from rarecare.models import mixed
from rarecare.models.cells import Cells, excess_cells
from rarecare.models.design import Design
from rarecare.models.fitted import Fitted, Hazards, coefficient_rows, grown, score_test
from rarecare.models.newton import Point, maximum
from rarecare.population.life_table import LifeTable
from rarecare.registry import Cases
from rarecare.results import Provenance, Result
from rarecare.survival.analysis import Choices

Floats = NDArray[np.float64]
_FLOOR = -25.0
_CEILING = 30.0


@dataclass(frozen=True, slots=True)
class PoissonFit(Fitted):
    """A fitted model.

    Attributes
    ----------
    design
        Formula and columns.
    names
        Columns of the design and, with a random intercept, ``"log sd"``.
    coefficients
        Shape (n_names,).
    covariance
        Inverse of the observed information, shape (n_names, n_names).
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
    breaks
        Of the intervals, in years.
    people
        Covariates of the cases at diagnosis, with ``n``.
    groups
        With a random intercept: one row per group: ``n``, ``deaths``, ``effect`` (the shrunken
        log ratio), ``se``, ``lower``, ``upper``, ``level``; ``log sd`` is the last coefficient.
    """

    design: Design
    names: tuple[str, ...]
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
    groups: pl.DataFrame | None = None

    @property
    def beta(self) -> Floats:
        """Coefficients of the design."""
        return self.coefficients[: len(self.design.names)]

    @property
    def remarks(self) -> tuple[str, ...]:
        """Whether the spread of the groups is at its bound."""
        bound = self.groups is not None and self.coefficients[-1] <= mixed.LEAST
        return (mixed.NO_GROUPS,) if bound else ()

    @property
    def own_times(self) -> tuple[float, ...]:
        """Ends of the intervals, in years."""
        return self.breaks[1:]

    @property
    def df(self) -> int:
        """Residual degrees of freedom."""
        return self.cells.height - len(self.coefficients)

    @property
    def size(self) -> tuple[int, int]:
        """Cells and deaths fitted."""
        return self.cells.height, self.deaths

    def table(self, level: float = 0.95) -> pl.DataFrame:
        """Return one row per column of the design.

        ``term``, ``coefficient``, ``se``, ``ratio`` (of excess hazards) with ``lower`` and
        ``upper``, ``level``, ``p_value`` (Wald), ``status``, ``reason``.
        """
        return coefficient_rows(
            self, level, [name != mixed.LOG_SD for name in self.names], "of the groups",
            self.no_excess,
        )  # fmt: skip

    def hazards(self, rows: pl.DataFrame, times: Floats) -> Hazards:
        """Return excess hazards, constant within intervals, each row's at its time in years.

        Raises
        ------
        UsageError
            A time is beyond the last interval.
        ModelError
            A profile has a level that the model has not.
        """
        if len(times) and times.max() > self.breaks[-1] + 1e-9:
            raise UsageError(
                "a time is beyond the last interval", value=float(times.max()),
                allowed=f"up to {self.breaks[-1]:g} years",
            )  # fmt: skip
        starts, width = np.array(self.breaks[:-1]), np.diff(self.breaks)
        people, intervals = rows.height, len(width)
        matrix = self.matrices(rows)
        hazard = np.exp(matrix @ self.beta)
        lived = hazard * np.clip(times[:, None] - starts, 0, width)
        place = np.clip(np.searchsorted(starts, times, side="left") - 1, 0, intervals - 1)
        own = np.arange(people), place
        wide = ((0, 0), (0, len(self.names) - len(self.design.names)))
        return Hazards(
            total=lived.sum(axis=1),
            hazard=hazard[own],
            of_total=np.pad(np.einsum("pi,pik->pk", lived, matrix), wide),
            of_hazard=np.pad(hazard[own][:, None] * matrix[own], wide),
        )

    def matrices(self, rows: pl.DataFrame) -> Floats:
        """Return the design of rows in every interval, shape (n_rows, n_intervals, n_columns)."""
        people, intervals = rows.height, len(self.breaks) - 1
        crossed = rows[np.repeat(np.arange(people), intervals)].with_columns(
            interval=pl.Series(np.tile(np.arange(1, intervals + 1), people)),
            start=pl.Series(np.tile(np.array(self.breaks[:-1]), people)),
            end=pl.Series(np.tile(np.array(self.breaks[1:]), people)),
        )
        return self.design.matrix(crossed).reshape(people, intervals, -1)

    def expected_cells(self) -> tuple[Floats, Floats]:
        """Return the deaths that the model expects in its cells, and the excess among them."""
        _, expected, offset = _counts(self.cells)
        return _mean(self.design.matrix(self.cells) @ self.beta, expected, offset)

    def residuals(self) -> pl.DataFrame:
        """Return the cells with ``fitted`` deaths, ``pearson`` and ``deviance`` residuals."""
        d = self.cells["deaths"].to_numpy()
        mu, _ = self.expected_cells()
        part = 2 * (d * np.log(np.where(d > 0, d / mu, 1.0)) - (d - mu))
        return self.cells.with_columns(
            fitted=pl.Series(mu),
            pearson=pl.Series((d - mu) / np.sqrt(mu)),
            deviance=pl.Series(np.sign(d - mu) * np.sqrt(np.maximum(part, 0))),
        )

    def score(self, formula: str) -> dict[str, float]:
        """Return the score test of this model against a larger one, which is not fitted.

        Raises
        ------
        UsageError
            The formula cannot be read, or its model does not hold this one.
        ModelError
            Its columns are collinear.
        """
        design, matrix = Design.of(formula, self.cells)
        larger = grown(self, design.names)
        d, expected, offset = _counts(self.cells)
        mu, excess = _mean(matrix @ larger, expected, offset)
        return score_test(
            matrix.T @ ((d / mu - 1) * excess),
            matrix.T @ ((excess**2 / mu)[:, None] * matrix),  # expected
            len(design.names) - len(self.names),
        )

    def proportionality(self, term: str) -> dict[str, float]:
        """Return the score test that the effect of a term of the formula is alike in all intervals.

        Raises
        ------
        UsageError
            There is one interval, or no such term.
        """
        return self.score(f"{self.design.formula} + C(interval):{term}")


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


def fit_poisson(
    cells: Cells | pl.DataFrame, formula: str, *, group: str | None = None, level: float = 0.95
) -> PoissonFit:
    """Fit the model to cells, with a normal random intercept where ``group`` is given.

    Newton's method with the observed information (Fisher's scoring where that is not positive
    definite) from a weighted least-squares start; steps are damped while the likelihood falls.

    Parameters
    ----------
    cells
        As ``excess_cells`` makes them; or a frame with ``deaths``, ``expected``,
        ``person_years``, ``start``, ``end`` and the covariates.
    formula
        Right-hand side.
    group
        Column of the cells: country, registry, hospital.
    level
        Of the limits of the groups' effects.

    Raises
    ------
    ModelError
        No deaths, fewer than two groups, columns that are collinear, or no convergence: nothing
        is returned then.
    UsageError
        The formula cannot be read.
    """
    table = cells.table if isinstance(cells, Cells) else cells
    lacking = [name for name in ("deaths", "expected", "person_years") if name not in table.columns]
    if lacking:
        raise ModelError("cells lack a column", value=lacking[0], allowed=table.columns)
    table = table.filter(pl.col("person_years") > 0)
    d, expected, offset = _counts(table)
    if table.is_empty() or not d.sum():
        raise ModelError("there are no deaths to explain", value=f"{table.height} cells")
    if not (np.isfinite(expected) & (expected >= 0)).all():
        raise ModelError("expected deaths are missing or negative", allowed="0 or more")
    design, matrix = Design.of(formula, table)
    beta, steps = _maximum(matrix, d, expected, offset, design)
    names, effects = design.names, None
    constant = sum(lgamma(x + 1) for x in d.tolist())
    if group is None:
        mu, excess = _mean(matrix @ beta, expected, offset)
        information = _information(matrix, d, mu, excess)
        covariance = np.linalg.pinv(information, hermitian=True)
        loglik = _likelihood(d, mu) - constant
    else:
        names = (*names, mixed.LOG_SD)
        levels, of_group = mixed.numbered(table, group)
        beta, steps, found = _grouped(beta, matrix, table, of_group, names)
        covariance = mixed.covariance_of(found.point, beta[-1], names)
        loglik = found.point.value - constant
        people_in = cells.cases if isinstance(cells, Cells) else None
        effects = mixed.effects(
            group, levels, found, covariance, _counted(table, people_in, group), level
        )
        mu, _ = _mean(matrix @ beta[:-1], expected, offset)
    if isinstance(cells, Cells):
        breaks, people = cells.breaks, cells.cases
    else:
        edges = sorted({*table["start"].to_list(), *table["end"].to_list()})
        breaks, people = tuple(float(edge) for edge in edges), table
    return PoissonFit(
        design=design,
        names=names,
        coefficients=beta,
        covariance=np.asarray(covariance, dtype=np.float64),
        loglik=loglik,
        deviance=_deviance(d, mu),
        cells=table,
        deaths=int(d.sum()),
        no_excess=_no_excess(design, matrix, beta[: len(design.names)]),
        iterations=steps,
        breaks=breaks,
        people=people,
        groups=effects,
    )


def _counts(table: pl.DataFrame) -> tuple[Floats, Floats, Floats]:
    """Return deaths, expected deaths and the log of person-years of cells."""
    d, expected, y = (
        table[name].cast(pl.Float64).to_numpy() for name in ("deaths", "expected", "person_years")
    )
    return d, expected, np.log(y)


def _grouped(
    beta: Floats, matrix: Floats, table: pl.DataFrame, of_group: NDArray[np.int64],
    names: Sequence[str],
) -> tuple[Floats, int, mixed.Integral]:  # fmt: skip
    """Return the coefficients with log σ, the steps taken, and the likelihood there."""
    d, expected, offset = _counts(table)
    size = int(of_group.max()) + 1
    held = np.flatnonzero(d > 0)
    held = held[np.argsort(of_group[held], kind="stable")]
    events = mixed.Events(of_group[held], matrix[held], d[held], expected[held])

    def at(b: Floats) -> mixed.Integral:
        _, excess = _mean(matrix @ b[:-1], expected, offset)
        whole = mixed.by_group(of_group, excess, size)
        of_whole = mixed.by_group(of_group, excess[:, None] * matrix, size)

        def second(factor: Floats) -> Floats:
            return np.asarray(matrix.T @ ((factor[of_group] * excess)[:, None] * matrix))

        found = mixed.integrated(events, excess[held], whole, of_whole, second, float(b[-1]))
        point = replace(found.point, value=found.point.value - float(expected.sum()))
        return replace(found, point=point)

    least = np.full(len(names), -np.inf)
    least[-1] = mixed.LEAST
    best, _, steps = maximum(
        lambda b: at(b).point, np.append(beta, mixed.START), names, least=least, slack=mixed.SLACK
    )
    return best, steps, at(best)


def _counted(table: pl.DataFrame, people: pl.DataFrame | None, group: str) -> pl.DataFrame:
    """Return cases (where known) and deaths of each group, ascending."""
    deaths = table.group_by(group).agg(pl.col("deaths").sum()).sort(group)
    if people is None:
        return deaths.select("deaths")
    cases = people.group_by(group).agg(pl.col("n").sum())
    return deaths.join(cases, on=group, how="left").sort(group).select("n", "deaths")


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
