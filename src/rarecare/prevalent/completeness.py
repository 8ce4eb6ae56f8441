"""Completeness: which share of all who are alive a registry of so many years can see.

R(x, L) = ∫₀ᴸ I(x−d) S(x−d, d) dd / ∫₀ˣ I(x−d) S(x−d, d) dd, with incidence I as a curve of age (and
year), and net survival S from a cure model: other causes of death take those with and without the
cancer alike, and cancel in proportions. Source: Capocaccia & De Angelis, *Statistics in Medicine*
1997;16:425-440.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from rarecare.errors import ModelError
from rarecare.models.cure import CureFit, cure_model
from rarecare.models.fitted import Fitted
from rarecare.models.persons import persons
from rarecare.population.life_table import LifeTable
from rarecare.population.population import Population
from rarecare.prevalent.estimate import SHORT_DAYS
from rarecare.prevalent.plan import PrevalencePlan
from rarecare.rates.curve import IncidenceCurve, incidence_curve
from rarecare.rates.plan import incidence_plan
from rarecare.rates.tally import tally_incidence

Floats = NDArray[np.float64]
OLDEST = 105
AGE, DECADES = "age", "age10"
_PANELS = (0.0, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0)
_NODES = 5


@dataclass(frozen=True, slots=True)
class Integrals:
    """Of incidence × survival over the time since diagnosis, by age x on the index date.

    Attributes
    ----------
    seen, alive, cured
        ∫₀ᴸ I S, ∫₀ˣ I S, ∫₀ˣ I π, shape (n_ages,).
    of_seen, of_alive, of_cured
        Their gradients in the parameters of incidence, then of survival, (n_ages, n_parameters).
    covariance
        Of these parameters.
    """

    seen: Floats
    alive: Floats
    cured: Floats
    of_seen: Floats
    of_alive: Floats
    of_cured: Floats
    covariance: Floats

    @property
    def completeness(self) -> Floats:
        """R(x, L); 1 where nobody can have had the cancer before."""
        return np.where(self.alive > 0, self.seen / np.where(self.alive > 0, self.alive, 1), 1.0)

    @property
    def gradient(self) -> Floats:
        """Of the completeness, shape (n_ages, n_parameters)."""
        alive = np.where(self.alive > 0, self.alive, 1)[:, None]
        own: Floats = (self.of_seen - self.completeness[:, None] * self.of_alive) / alive
        return own


def integrals(
    curve: IncidenceCurve, fit: Fitted, *, ages: Floats, years: float, index: date,
    fixed: Mapping[str, object] | None = None,
) -> Integrals:  # fmt: skip
    """Return the integrals for a registry of so many years.

    Parameters
    ----------
    curve
        Incidence by age and year.
    fit
        Net survival; its covariates may be ``age`` (years at diagnosis), ``age10`` (decades),
        and those fixed.
    ages
        Exact ages on the index date, in years.
    years
        L: how far the registry goes back.
    index
        The index date.
    fixed
        Values of other covariates.
    """
    now = index.year + (index.timetuple().tm_yday - 1) / 365.25
    places, back, width, within = _grid(tuple(ages.tolist()), years)
    at = ages[places] - back
    rate = curve.rate(at, now - back)
    rows = pl.DataFrame({AGE: at, DECADES: at / 10}).with_columns(
        pl.lit(value).alias(name) for name, value in (fixed or {}).items()
    )
    survival, of_survival = _survival(fit, rows, np.maximum(back, 1e-9))
    pi, of_pi = _cured(fit, rows)
    of_rate = curve.columns(at, now - back) * rate[:, None]
    first, second = of_rate.shape[1], of_survival.shape[1]

    def total(values: Floats) -> Floats:
        return np.bincount(places, weights=values, minlength=len(ages)).astype(np.float64)

    def totals(values: Floats) -> Floats:
        return np.column_stack([total(column) for column in values.T])

    def gradient(share: Floats, of_share: Floats, on: Floats) -> Floats:
        own = np.column_stack([of_rate * share[:, None], rate[:, None] * of_share])
        return totals(own * (width * on)[:, None])

    everyone = np.ones(len(places))
    covariance = np.zeros((first + second,) * 2)
    covariance[:first, :first] = curve.fit.covariance
    covariance[first:, first:] = fit.covariance
    return Integrals(
        seen=total(rate * survival * width * within),
        alive=total(rate * survival * width),
        cured=total(rate * pi * width),
        of_seen=gradient(survival, of_survival, within),
        of_alive=gradient(survival, of_survival, everyone),
        of_cured=gradient(pi, of_pi, everyone),
        covariance=covariance,
    )


@lru_cache(maxsize=4)
def _grid(
    ages: tuple[float, ...], years: float
) -> tuple[NDArray[np.int64], Floats, Floats, Floats]:
    """Return nodes of Gauss and Legendre: the age's place, time back, weight, within L or not.

    Short panels first, where survival falls; none crosses L.
    """
    node, weight = np.polynomial.legendre.leggauss(_NODES)
    places, back, width, within = [], [], [], []
    for place, age in enumerate(ages):
        ends = sorted({p for p in (*_PANELS, *range(15, OLDEST + 5, 5), years) if p < age} | {age})
        for low, high in pairwise(ends):
            half = (high - low) / 2
            places.append(np.full(_NODES, place))
            back.append(low + half * (node + 1))
            width.append(half * weight)
            within.append(np.full(_NODES, float(high <= years + 1e-12)))
    return tuple(np.concatenate(part) for part in (places, back, width, within))  # type: ignore[return-value]


def _survival(fit: Fitted, rows: pl.DataFrame, times: Floats) -> tuple[Floats, Floats]:
    """Return net survival and its gradient; both 0 where nobody can be left."""
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        hazards = fit.hazards(rows, times)
        survival = np.exp(-hazards.total)
        gradient = -survival[:, None] * hazards.of_total
    return survival, np.where(survival[:, None] > 0, gradient, 0.0)


def _cured(fit: Fitted, rows: pl.DataFrame) -> tuple[Floats, Floats]:
    """Return the share that is cured and its gradient; 0 for a model without cure."""
    size = len(fit.coefficients)
    if not isinstance(fit, CureFit):
        return np.zeros(rows.height), np.zeros((rows.height, size))
    matrix = fit.cured.matrix(rows)
    with np.errstate(over="ignore"):
        share = 1 / (1 + np.exp(-(matrix @ fit.coefficients[: matrix.shape[1]])))
    of = np.zeros((rows.height, size))
    of[:, : matrix.shape[1]] = matrix * (share * (1 - share))[:, None]
    return share, of


@dataclass(frozen=True, slots=True)
class Beyond:
    """What is known of those diagnosed before registration.

    Attributes
    ----------
    curve
        Incidence by age and year.
    fit
        Net survival.
    years
        Calendar years whose cases made the curve; none: all cases.
    """

    curve: IncidenceCurve
    fit: CureFit
    years: tuple[int, ...] = ()


def fit_beyond(
    who: pl.DataFrame, population: Population, life_table: LifeTable, plan: PrevalencePlan,
    formulas: tuple[str, str], *, since: date, drift: bool, allow_outside: float,
) -> Beyond:  # fmt: skip
    """Fit incidence by age and net survival to the cases of one stratum whose age is known.

    Raises
    ------
    ModelError
        No whole year is both registered and in the population, or a model cannot be fitted.
    PopulationError, UsageError, InputError
        As for ``incidence`` and ``net_survival``.
    """
    who = _aged(who, plan.days_per_year)
    dated = who.filter(pl.col("incidence_date") <= plan.index)
    held: tuple[int, ...] = ()
    if population.years:
        held = tuple(year for year in population.years if _registered(year, since, plan.index))
        if not held:
            raise ModelError(
                "no whole year is both registered and in the population",
                value=f"registered {since} to {plan.index}", allowed=f"years {population.years}",
            )  # fmt: skip
        population = population.part(year=held)
        dated = dated.filter(pl.col("incidence_date").dt.year().is_in(held))
    by = ["year"] if held else []
    rates = incidence_plan(
        dated, population, by=by, age_groups=population.age_lower, standards=()
    )  # fmt: skip
    tally = tally_incidence(dated, population, rates)
    lower = np.array(rates.age_lower, dtype=float)
    upper = np.append(lower[1:], rates.age_end or max(90.0, lower[-1] + 5))
    size = tally.arrays["cases"].shape[0]
    when = tally.strata["year"].to_numpy() + 0.5 if by else np.full(size, plan.index.year + 0.0)
    curve = incidence_curve(
        np.tile(lower, size), np.tile(upper, size), np.repeat(when, len(lower)),
        tally.arrays["cases"].ravel().astype(float), tally.arrays["person_years"].ravel(),
        drift=drift,
    )  # fmt: skip
    followed = who.filter(pl.col("follow_up_days") >= 1)
    if followed.is_empty():
        raise ModelError("nobody is followed for a day", value=0)
    data, _ = persons(
        followed, life_table, covariates=[], days_per_year=plan.days_per_year,
        allow_outside=allow_outside,
    )  # fmt: skip
    fit = cure_model(data.with_columns((pl.col(AGE) / 10).alias(DECADES)), *formulas)
    return Beyond(curve, fit, held)


def _aged(who: pl.DataFrame, days_per_year: float) -> pl.DataFrame:
    """Return the cases of known age: in days, and in completed years."""
    known = [
        pl.col("age_days").cast(pl.Float64) if "age_days" in who.columns else pl.lit(None),
        (pl.col("age").cast(pl.Float64) + 0.5) * days_per_year
        if "age" in who.columns else pl.lit(None),
    ]  # fmt: skip
    return (
        who.with_columns(age_days=pl.coalesce(known).floor().cast(pl.Int64))
        .filter(pl.col("age_days").is_not_null())
        .with_columns(age=(pl.col("age_days") / days_per_year).floor().cast(pl.Int64))
    )


def _registered(year: int, since: date, index: date) -> bool:
    """Return whether a year is registered whole, or nearly."""
    slack = timedelta(days=SHORT_DAYS)
    return since - slack <= date(year, 1, 1) and date(year, 12, 31) <= index + slack


def shared_gradient(beyond: Beyond, members: pl.DataFrame, plan: PrevalencePlan) -> Floats:
    """Return what each member, if alive on the index date, adds to the score of the models.

    To that of incidence its columns; to that of survival the gradient of log S at the time up
    to which it is known to be alive. 0 for unknown ages, and for years not in the curve.

    Parameters
    ----------
    beyond
        The models.
    members
        Of a ``PrevalenceTally``.
    plan
        The choices.

    Returns
    -------
    Floats
        Shape (n_members, n_parameters), of incidence, then of survival.
    """
    year = plan.days_per_year
    gap = members["_gap"].to_numpy() / year
    known = members["_age"].is_not_null().to_numpy()
    age = np.maximum(members["_age"].fill_null(0).to_numpy() + 0.5 - gap, 0.0)
    date_of = pl.lit(plan.index) - pl.duration(days=pl.col("_gap"))
    calendar = members.select(date_of.dt.year()).to_series().to_numpy()
    used = np.isin(calendar, beyond.years) if beyond.years else np.ones(len(gap), dtype=bool)
    of_incidence = beyond.curve.columns(age, calendar + 0.5) * (known & used)[:, None]
    time = np.maximum(np.minimum(gap, members["_time"].to_numpy() / year), 1e-9)
    rows = pl.DataFrame({AGE: age, DECADES: age / 10})
    survival, gradient = _survival(beyond.fit, rows, time)
    of_log = gradient / np.where(survival > 0, survival, 1)[:, None]
    return np.column_stack([of_incidence, of_log * known[:, None]])


def logit_limits(share: Floats, se: Floats, level: float) -> tuple[Floats, Floats]:
    """Return limits of shares on the logit scale; the share itself where its error is 0."""
    z = NormalDist().inv_cdf(0.5 + level / 2)
    inside = np.clip(share, 1e-12, 1 - 1e-12)
    odds = inside / (1 - inside)
    with np.errstate(over="ignore"):
        factor = np.exp(z * se / (inside * (1 - inside)))
    lower = np.where(se > 0, 1 / (1 + factor / odds), share)
    upper = np.where(se > 0, 1 / (1 + 1 / (odds * factor)), share)
    return lower, upper


def empirical_completeness(n_seen: ArrayLike, n_all: ArrayLike) -> tuple[Floats, Floats]:
    """Return R = n_L/n of a long registry and its variance R(1 − R)/n; nan with no one.

    For cancers of the young it is too high: those diagnosed before registration are not in n.
    """
    seen, everyone = np.asarray(n_seen, dtype=float), np.asarray(n_all, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        share: Floats = seen / everyone
        variance: Floats = share * (1 - share) / everyone
    return share, variance
