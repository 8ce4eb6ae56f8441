"""Age-period-cohort models of rates, and the ways of writing their effects.

    log rate(a, p) = f(a) + g(p) + h(p − a)

Only f, g and h without their straight lines are told apart by the data, and one slope, the drift.
Source: Carstensen, *Statistics in Medicine* 2007;26:3018-3045; drift and the sequence of tests:
Clayton & Schifflers, *Statistics in Medicine* 1987;6:469-481. The conventions (knots, references,
sequential models) are those of ``apc.fit`` in R's package Epi, found by running it, save two.
Its periods of "Ad-C-P" take the age-drift model as given (those of "Ad-P-C"), against its manual;
ours take the cohorts too. With factors and a reference that is no mid-point its ratios depend on
the order of the columns; ours take the nearest mid-point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from rarecare.errors import UsageError
from rarecare.projection.curvature import (
    AXES,
    Axis,
    Cells,
    Drift,
    Knots,
    Model,
    References,
    coincident,
    knots_of,
    mid_points,
)
from rarecare.rates.glm import RateFit, fit_rates
from rarecare.rates.intervals import tail_probability
from rarecare.results import NOT_ESTIMABLE, OK

Floats = NDArray[np.float64]
Parametrisation = Literal["ACP", "APC", "AdCP", "AdPC", "Ad-C-P", "Ad-P-C", "AC-P", "AP-C"]
Effect = tuple[Floats, Floats]

_BLOCKS = ("constant", "age", "time", "cohort", "period")
_SEQUENCE = (
    ("Age", _BLOCKS[:2], None),
    ("Age-drift", _BLOCKS[:3], "no drift"),
    ("Age-Cohort", _BLOCKS[:4], "no cohort effect but drift"),
    ("Age-Period-Cohort", _BLOCKS, "no period effect, given cohort"),
    ("Age-Period", (*_BLOCKS[:3], "period"), "no cohort effect, given period"),
    ("Age-drift", _BLOCKS[:3], "no period effect but drift"),
)
_ESTIMATES = dict.fromkeys(("estimate", "lower", "upper", "level"), pl.Float64)
_TESTS = {
    "term": pl.String, "df": pl.Int64, "deviance": pl.Float64, "aic": pl.Float64,
    "test_df": pl.Int64, "test_deviance": pl.Float64, "p_value": pl.Float64,
    "hypothesis": pl.String,
}  # fmt: skip
_LOOSE, _ROUNDING = 30.0, 1e-15
"""Standard error of a logarithm above which the cases do not bound an effect; rounding."""


@dataclass(frozen=True, slots=True)
class AgePeriodCohort:
    """The effects of an age-period-cohort model.

    Attributes
    ----------
    age
        ``age``, ``estimate`` (rate at the reference), ``lower``, ``upper``, ``level``.
    period, cohort
        ``period`` or ``cohort``, ``estimate`` (rate ratio), ``lower``, ``upper``, ``level``.
    drift
        ``kind`` ("age-period-cohort", where the model is fitted at once, and "age-drift"),
        ``estimate`` (per cent per year), ``lower``, ``upper``, ``level``.
    tests
        ``term``, ``df``, ``deviance``, ``aic``; against the row above: ``test_df``,
        ``test_deviance``, ``p_value`` (χ²) and the ``hypothesis`` tested.
    fitted
        Cases expected in each cell, shape (n_cells,), 0 in cells left out: of the
        age-period-cohort model, or of the last of the sequential ones.
    knots
        Of age, period and cohort, as ``knots`` gives them; none for factors.
    reference_cohort, reference_period
        As used; None where not used.
    dispersion
        Pearson's χ² of the age-period-cohort model over its degrees of freedom.
    n, person_years
        Cases and person-years.
    status, reason
        ``"ok"``, or ``"not estimable"`` and why; the tables and ``fitted`` are empty then.
    notes
        What a reader must know: cells left out, knots that coincide, references moved.
    """

    age: pl.DataFrame
    period: pl.DataFrame
    cohort: pl.DataFrame
    drift: pl.DataFrame
    tests: pl.DataFrame
    fitted: Floats
    knots: tuple[tuple[float, ...], ...]
    reference_cohort: float | None
    reference_period: float | None
    dispersion: float | None
    n: int
    person_years: float
    status: str
    reason: str | None
    notes: tuple[str, ...]


def age_period_cohort(
    ages: ArrayLike, periods: ArrayLike, cases: ArrayLike, person_years: ArrayLike, *,
    model: Model = "natural spline", parametrisation: Parametrisation = "ACP",
    knots: tuple[Knots, Knots, Knots] = (5, 5, 5), reference_cohort: float | None = None,
    reference_period: float | None = None, drift: Drift | float = "person-years",
    level: float = 0.95, per: float = 100_000,
) -> AgePeriodCohort:  # fmt: skip
    """Fit an age-period-cohort model to cases and person-years.

    Parameters
    ----------
    ages, periods
        Mean age, in years, and mean calendar time of each cell, shape (n_cells,). The cohort
        (date of birth) is their difference. Cells may have any shape and width.
    cases, person_years
        Of each cell, shape (n_cells,).
    model
        Of each effect. ``"factor"``: one level per age, period and cohort. ``"natural
        spline"``: cubic, linear beyond the outer knots. ``"b-spline"``, ``"linear spline"``:
        cubic or linear pieces. Factors need cases in every period and cohort.
    parametrisation
        A for age, P for period, C for cohort, d for drift. ``"ACP"``: ages are rates in the
        reference cohort, cohorts carry the drift, periods have neither mean nor slope.
        ``"APC"``: the same with the reference period, and the drift with the periods.
        ``"AdCP"``, ``"AdPC"``: neither carries the drift, which stands by itself. These four
        write one fit. ``"Ad-C-P"`` and the others with hyphens fit in sequence: each effect
        after a hyphen by itself, given the expected cases of the models before it.
    knots
        For age, period and cohort. A natural spline with k has them at the quantiles
        (i − ½)/k of the cases; a spline of the other kinds has k columns beside the constant,
        and inner knots at equal quantiles of the cells. Or the knots themselves: all of a
        natural spline, the inner ones of the others. Factors have none.
    reference_cohort, reference_period
        Where the rate ratio is 1 and the rates of the ages hold; of a factor, the nearest
        mid-point. Where one is not given the ages refer to the median of the cases, and the
        effect without trend keeps its mean 0. Sequential models use the reference of their
        first model; an effect after a hyphen keeps its level and slope beside that model.
    drift
        Weights of the cells in the straight lines taken out of period and cohort:
        ``"person-years"`` y; ``"rate"`` y²/d; ``"cases"`` d; ``"equal"``; a number w: d + w·y.
        The fit is the same for all. In sequential models it changes nothing but ``"AC-P"`` and
        ``"AP-C"`` without a reference.
    level
        Confidence level of the limits, by the normal distribution of the logarithm.
    per
        Person-years the rates refer to.

    Raises
    ------
    UsageError
        A choice is not among its choices, a number is out of range, shapes differ, or knots
        are too few, do not rise, or (inner ones) are not within the data.
    CaseError
        Cases are negative or no whole numbers.
    PopulationError
        Person-years are negative, or lacking where there are cases.
    ModelError
        A model did not converge.

    Examples
    --------
    The rate doubles from one age to the next and grows by a tenth each year:

    >>> ages, periods = np.tile([40, 50], 3), np.repeat([2000, 2001, 2002], 2)
    >>> cases = np.array([100, 200, 110, 220, 121, 242])
    >>> fit = age_period_cohort(ages, periods, cases, np.full(6, 1e6), model="factor",
    ...                         parametrisation="Ad-P-C", reference_period=2000)
    >>> fit.age["estimate"].round(6).to_list(), round(fit.drift["estimate"][0], 6)
    ([10.0, 20.0], 10.0)
    """
    given: References = {"cohort": reference_cohort, "period": reference_period}
    _choose(model, parametrisation, drift, given, per)
    z = NormalDist().inv_cdf(1 - tail_probability(level))
    cells = Cells.of(ages, periods, cases, person_years, model=model)
    own = {n: knots_of(model, n, k, cells) for n, k in zip(AXES, knots, strict=True)}
    found: _Written | str = cells.lacking(model, drift, own) or ""
    notes = (*cells.notes, *coincident(model, knots, own))
    if not found:
        weights = cells.weights(drift)
        axes = {name: Axis.of(model, cells.x[name], own[name], weights) for name in AXES}
        if model == "factor":
            given, moved = mid_points(given, axes)
            notes += moved
        found = _written(cells, axes, parametrisation, given)
    fitted = np.zeros(len(cells.on))
    if isinstance(found, str):
        tables = {name: pl.DataFrame(schema={name: pl.Float64, **_ESTIMATES}) for name in AXES}
        tables["drift"] = pl.DataFrame(schema={"kind": pl.String, **_ESTIMATES})
        tables["tests"] = pl.DataFrame(schema=_TESTS)
        fitted, dispersion, reason = np.empty(0), None, found
    else:
        tables = {
            name: _table({name: axes[name].levels}, found.effects[name], z, level, scale)
            for name, scale in zip(AXES, (per, 1.0, 1.0), strict=True)
        }
        tables["drift"] = _table({"kind": found.kinds}, found.drift, z, level, None)
        tables["tests"] = _tests(found.models)
        fitted[cells.on] = found.fitted
        given, dispersion, reason = found.references, found.dispersion, None
    return AgePeriodCohort(
        tables["age"], tables["period"], tables["cohort"], tables["drift"], tables["tests"],
        fitted, tuple(own.values()), given["cohort"], given["period"], dispersion,
        int(cells.d.sum()), float(cells.y.sum()), NOT_ESTIMABLE if reason else OK, reason, notes,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A fitted model: columns of each block, and a root of the covariance, R Rᵀ.

    The root is of the singular values of √mean × columns, none of them left out: a coefficient
    that runs away keeps its great standard error, which a pseudo-inverse would take for none.
    """

    sizes: Mapping[str, int]
    fit: RateFit
    aic: float
    root: Floats

    @classmethod
    def of(cls, blocks: Mapping[str, Floats], d: Floats, y: Floats) -> _Fitted:
        from scipy.special import gammaln  # noqa: PLC0415 - slow to import

        x = np.hstack(list(blocks.values()))
        fit = fit_rates(x, d, y)
        own = x[:, fit.kept] * np.sqrt(fit.fitted)[:, None]
        _, found, turn = np.linalg.svd(own, full_matrices=False)
        root = np.zeros((x.shape[1], len(found)))
        root[fit.kept] = turn.T / np.maximum(found, _ROUNDING * found[0])
        likelihood = d @ np.log(fit.fitted) - fit.fitted.sum() - gammaln(d + 1).sum()
        aic = 2 * (int(fit.kept.sum()) - float(likelihood))
        return cls({name: block.shape[1] for name, block in blocks.items()}, fit, aic, root)

    def effect(self, parts: Mapping[str, Floats]) -> Effect:
        """Return a sum of blocks at given rows and its standard error, each of shape (n,)."""
        n = len(next(iter(parts.values())))
        rows = np.hstack(
            [parts.get(name, np.zeros((n, size))) for name, size in self.sizes.items()]
        )
        return rows @ self.fit.coefficients, np.linalg.norm(rows @ self.root, axis=1)


@dataclass(frozen=True, slots=True)
class _Written:
    """The effects as a parametrisation writes them, with the models they are from."""

    effects: Mapping[str, Effect]
    references: References
    kinds: list[str]
    drift: Effect
    fitted: Floats
    models: Mapping[tuple[str, ...], _Fitted]

    @property
    def dispersion(self) -> float | None:
        fit = self.models[_BLOCKS].fit
        return fit.dispersion if fit.df > 0 else None


def _choose(
    model: str, parametrisation: str, drift: str | float, given: References, per: float
) -> None:
    choices: list[tuple[str, str, tuple[str, ...]]] = [
        ("model", model, get_args(Model)),
        ("parametrisation", parametrisation, get_args(Parametrisation)),
    ]
    if isinstance(drift, str):
        choices.append(("drift", drift, get_args(Drift)))
    elif not 0 <= drift < np.inf:
        raise UsageError("a weight of person-years is out of range", value=drift, allowed="from 0")
    for name, value, allowed in choices:
        if value not in allowed:
            raise UsageError(f"there is no such {name}", value=value, allowed=allowed)
    for name, reference in given.items():
        if reference is not None and not np.isfinite(reference):
            raise UsageError(f"the reference {name} is no number", value=reference)
    if not 0 < per < np.inf:
        raise UsageError("person-years of a rate are out of range", value=per, allowed="above 0")


def _written(
    cells: Cells, axes: Mapping[str, Axis], parametrisation: str, given: References
) -> _Written | str:
    """Return the effects, or why there are none."""
    for name, axis in axes.items():
        if axis.curves + 2 < axis.size:
            return (
                f"{axis.size} columns for {name}, and its {len(axis.levels)} values tell "
                f"{axis.curves + 2} apart: ask for fewer knots"
            )  # fmt: skip
    head, *rest = parametrisation.split("-")
    carrier = "cohort" if parametrisation.replace("-", "").lstrip("Ad")[0] == "C" else "period"
    origin = {name: cells.median(name) if v is None else v for name, v in given.items()}
    models = _models(cells, axes, origin["period"])
    first = models[_BLOCKS[:3] + tuple(n for n in ("cohort", "period") if n[0].upper() in head)]
    effects = _at_once(first, axes, carrier, origin, given, carried="d" not in head)
    written, fitted = [first], first.fit.fitted
    for letter in rest:
        name = {"C": "cohort", "P": "period"}[letter]
        model = _Fitted.of(_own(axes[name], cells.x[name]), cells.d, fitted)
        effects[name] = model.effect(_own(axes[name], axes[name].levels))
        fitted = model.fit.fitted
        written.append(model)
    if not all(model.fit.kept.all() for model in written):
        return (
            f"{len(cells.d)} cells do not tell the effects apart: ask for fewer knots, or take "
            "classes of one width"
        )  # fmt: skip
    kinds = ["age-period-cohort", "age-drift"][len(rest) > 0 :]
    sources = [first, models[_BLOCKS[:3]]][len(rest) > 0 :]
    slopes = [model.effect({"time": np.ones((1, 1))}) for model in sources]
    loose = max(float(se.max()) for _, se in (*effects.values(), *slopes))
    if not loose < _LOOSE:
        return "the cases do not bound an effect: merge cells, or ask for fewer knots"
    references = {name: given[name] if name in first.sizes else None for name in given}
    references[carrier] = origin[carrier]
    drift = (np.concatenate([s for s, _ in slopes]), np.concatenate([s for _, s in slopes]))
    return _Written(effects, references, kinds, drift, fitted, models)


def _own(axis: Axis, x: Floats) -> dict[str, Floats]:
    """Return the blocks of one effect by itself."""
    return {"constant": np.ones((len(x), 1)), "line": axis.straight(x), "curve": axis.curve(x)}


def _models(
    cells: Cells, axes: Mapping[str, Axis], origin: float
) -> dict[tuple[str, ...], _Fitted]:
    """Return the models of the sequence of tests, by their blocks."""
    age, x = axes["age"], cells.x
    blocks = {
        "constant": np.ones((len(cells.d), 1)),
        "age": np.hstack([age.straight(x["age"]), age.curve(x["age"])]),
        "time": x["period"][:, None] - origin,
        "cohort": axes["cohort"].curve(x["cohort"]), "period": axes["period"].curve(x["period"]),
    }  # fmt: skip
    return {
        names: _Fitted.of({name: blocks[name] for name in names}, cells.d, cells.y)
        for names in dict.fromkeys(names for _, names, _ in _SEQUENCE)
    }


def _at_once(
    model: _Fitted, axes: Mapping[str, Axis], carrier: str, origin: Mapping[str, float],
    given: References, *, carried: bool,
) -> dict[str, Effect]:  # fmt: skip
    """Return the effects of one model: the carrier's reference is that of the ages.

    With the time counted from the reference period p₀, that of an age at the reference cohort
    c₀ is a + c₀ − p₀; of a later cohort at the same age, c − c₀ more.
    """
    age = axes["age"]
    shift = age.levels + origin["cohort"] - origin["period"] if carrier == "cohort" else (
        np.zeros(len(age.levels))
    )  # fmt: skip
    parts = {
        "constant": np.ones((len(shift), 1)), "time": shift[:, None],
        "age": np.hstack([age.straight(age.levels), age.curve(age.levels)]),
    }  # fmt: skip
    effects = {}
    for name in (n for n in ("cohort", "period") if n in model.sizes):
        axis, reference = axes[name], given[name]
        own = {name: axis.curve(axis.levels)}
        if reference is not None:
            there = axis.curve(np.array([reference]))
            own[name] = own[name] - there
            parts[name] = np.repeat(there, len(shift), axis=0)
        if carried and name == carrier:
            own["time"] = axis.levels[:, None] - origin[name]
        effects[name] = model.effect(own)
    return effects | {"age": model.effect(parts)}


def _table(
    index: Mapping[str, Floats | list[str]], effect: Effect, z: float, level: float,
    scale: float | None,
) -> pl.DataFrame:  # fmt: skip
    """Return exp of the effect and its limits; with no scale, as per cent of change."""
    log, se = effect
    limits = {
        name: 100 * np.expm1(value) if scale is None else scale * np.exp(value)
        for name, value in (("estimate", log), ("lower", log - z * se), ("upper", log + z * se))
    }
    return pl.DataFrame({**index, **limits}).with_columns(level=pl.lit(level))


def _tests(models: Mapping[tuple[str, ...], _Fitted]) -> pl.DataFrame:
    from scipy.special import chdtrc  # noqa: PLC0415 - slow to import

    rows: list[dict[str, object]] = []
    before: RateFit | None = None
    for term, names, hypothesis in _SEQUENCE:
        own = models[names]
        row: dict[str, object] = {
            "term": term, "df": own.fit.df, "deviance": own.fit.deviance, "aic": own.aic,
            "hypothesis": hypothesis,
        }  # fmt: skip
        if before is not None:
            df, deviance = abs(before.df - own.fit.df), abs(before.deviance - own.fit.deviance)
            row |= {"test_df": df, "test_deviance": deviance}
            row["p_value"] = float(chdtrc(df, deviance)) if df else None
        rows.append(row)
        before = own.fit
    return pl.DataFrame(rows, schema=_TESTS)
