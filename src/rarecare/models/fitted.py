"""What every fitted excess-hazard model can say: predictions, standardised survival, tests.

A model gives the cumulative excess hazard H and the excess hazard h of any profile at any time,
with their gradients in the coefficients. The rest is here, once. Limits are by the delta method:
of survival on log(−log S), of hazards on their log, of differences as they are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from statistics import NormalDist
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import ModelError, UsageError
from rarecare.models.design import named_in
from rarecare.results import OK

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Hazards:
    """Excess hazards of rows, each at its time.

    Attributes
    ----------
    total, hazard
        H and h per year, shape (n,).
    of_total, of_hazard
        Their gradients, shape (n, n_coefficients).
    """

    total: Floats
    hazard: Floats
    of_total: Floats
    of_hazard: Floats


class Fitted(ABC):
    """A fitted model; its attributes are those of the model's own class."""

    __slots__ = ()

    coefficients: Floats
    covariance: Floats
    loglik: float
    deaths: int
    people: pl.DataFrame
    names: tuple[str, ...]

    @abstractmethod
    def hazards(self, rows: pl.DataFrame, times: Floats) -> Hazards:
        """Return the excess hazards of rows of covariates, each at its time in years."""

    @property
    def own_times(self) -> Sequence[float]:
        """Times at which predictions are made where none are asked."""
        raise UsageError("a prediction needs its times", allowed="years above 0: at=[1, 5]")

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is to be known of every number of this model."""
        return ()

    @property
    def n(self) -> int:
        """Cases fitted."""
        return int(self.people["n"].sum())

    @property
    def size(self) -> tuple[int, int]:
        """What two models of the same data share."""
        return self.n, self.deaths

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return 2 * len(self.coefficients) - 2 * self.loglik

    @property
    def bic(self) -> float:
        """Bayesian criterion, with the number of deaths."""
        return len(self.coefficients) * log(self.deaths) - 2 * self.loglik

    def net_survival(
        self, profiles: pl.DataFrame, at: Sequence[float] | None = None, *, level: float = 0.95
    ) -> pl.DataFrame:
        """Return net survival and excess hazards of profiles.

        Parameters
        ----------
        profiles
            One row per profile: the covariates of the model.
        at
            Years; of a model by intervals, by default their ends.
        level
            Confidence level.

        Returns
        -------
        DataFrame
            Per profile and time: the covariates, ``time_years``, ``estimate``, ``se``, ``lower``,
            ``upper`` (net survival); ``excess_hazard`` per year with ``hazard_se``,
            ``hazard_lower`` and ``hazard_upper``; ``level``, ``status``, ``reason``.

        Raises
        ------
        UsageError
            A time is not above 0, or a profile lacks a covariate.
        ModelError
            A profile has a level that the model has not.
        """
        rows, times = crossed(profiles, self.own_times if at is None else at)
        made = self.hazards(rows, times)
        survival = np.exp(-made.total)
        se = _deviation(made.of_total, self.covariance)
        lower, upper = _limits(made.total, se, level)
        hazard_se = _deviation(made.of_hazard, self.covariance)
        low, high = _limits(made.hazard, hazard_se, level)
        remark = "; ".join(self.remarks) or None
        said = [
            "no excess hazard: no interval" if missing else remark for missing in np.isnan(lower)
        ]
        return rows.with_columns(
            time_years=pl.Series(times),
            estimate=pl.Series(survival),
            se=pl.Series(survival * se),
            lower=_known(np.exp(-upper)),
            upper=_known(np.exp(-lower)),
            excess_hazard=pl.Series(made.hazard),
            hazard_se=pl.Series(hazard_se),
            hazard_lower=_known(low),
            hazard_upper=_known(high),
            level=pl.lit(level),
            status=pl.lit(OK),
            reason=pl.Series(said, dtype=pl.String),
        )

    def conditional_survival(
        self, profiles: pl.DataFrame, *, given: float, ahead: Sequence[float], level: float = 0.95
    ) -> pl.DataFrame:
        """Return net survival so many years ahead of those who have lived ``given`` years.

        S(s + t) / S(s), limits on log(−log). Columns as ``net_survival`` without hazards, with
        ``given_years`` and ``ahead_years``.
        """
        rows, times = crossed(profiles, ahead)
        if given < 0:
            raise UsageError("a time is below 0", value=given, allowed="years")
        late = self.hazards(rows, times + given)
        total, gradient = late.total, late.of_total
        if given > 0:
            early = self.hazards(rows, np.full(len(times), float(given)))
            total, gradient = total - early.total, gradient - early.of_total
        se = _deviation(gradient, self.covariance)
        lower, upper = _limits(total, se, level)
        return rows.with_columns(
            given_years=pl.lit(float(given)),
            ahead_years=pl.Series(times),
            estimate=pl.Series(np.exp(-total)),
            se=pl.Series(np.exp(-total) * se),
            lower=_known(np.exp(-upper)),
            upper=_known(np.exp(-lower)),
            level=pl.lit(level),
            status=pl.lit(OK),
            reason=pl.lit("; ".join(self.remarks) or None, dtype=pl.String),
        )

    def standardised(
        self,
        at: Sequence[float] | None = None,
        *,
        over: pl.DataFrame | None = None,
        fixed: Mapping[str, Any] | None = None,
        level: float = 0.95,
    ) -> pl.DataFrame:
        """Return regression-standardised net survival: the mean over a covariate distribution.

        Parameters
        ----------
        at
            As for ``net_survival``.
        over
            Covariates and ``n``, the weight of each row; by default the cases fitted.
        fixed
            Covariates set to one value for all: ``{"country": "SI"}``.
        level
            Confidence level.

        Returns
        -------
        DataFrame
            Per time: ``time_years``, ``n``, ``estimate``, ``se``, ``lower``, ``upper``,
            ``level``, ``status``, ``reason``.

        Raises
        ------
        UsageError
            ``over`` lacks ``n`` or a covariate, or a time is not above 0.
        """
        times = checked_times(self.own_times if at is None else at)
        value, gradient, n = self.mean_survival(times, over, fixed)
        se = _deviation(gradient, self.covariance)
        held = (value > 0) & (value < 1)
        spread = np.where(held, se / np.where(held, -value * np.log(value), 1.0), np.nan)
        z = NormalDist().inv_cdf(0.5 + level / 2)
        remark = "; ".join(self.remarks) or None
        return pl.DataFrame(
            {
                "time_years": times, "n": [n] * len(times), "estimate": value, "se": se,
                "lower": _known(value ** np.exp(z * spread)),
                "upper": _known(value ** np.exp(-z * spread)),
                "level": [level] * len(times), "status": [OK] * len(times),
                "reason": pl.Series(
                    [remark if ok else "no excess hazard: no interval" for ok in held],
                    dtype=pl.String,
                ),
            }
        )  # fmt: skip

    def contrast(
        self,
        fixed: Mapping[str, Any],
        reference: Mapping[str, Any],
        at: Sequence[float] | None = None,
        *,
        over: pl.DataFrame | None = None,
        level: float = 0.95,
    ) -> pl.DataFrame:
        """Return differences of standardised net survival between two settings.

        Both are taken over the same covariates, so that they differ in what is fixed alone.
        Columns as ``standardised``.
        """
        times = checked_times(self.own_times if at is None else at)
        one, slope, n = self.mean_survival(times, over, fixed)
        other, slope_other, _ = self.mean_survival(times, over, reference)
        se = _deviation(slope - slope_other, self.covariance)
        z = NormalDist().inv_cdf(0.5 + level / 2)
        value = one - other
        return pl.DataFrame(
            {
                "time_years": times, "n": [n] * len(times), "estimate": value, "se": se,
                "lower": value - z * se, "upper": value + z * se, "level": [level] * len(times),
                "status": [OK] * len(times),
                "reason": pl.Series(["; ".join(self.remarks) or None] * len(times),
                                    dtype=pl.String),
            }
        )  # fmt: skip

    def mean_survival(
        self, times: Floats, over: pl.DataFrame | None, fixed: Mapping[str, Any] | None
    ) -> tuple[Floats, Floats, int]:
        """Return standardised net survival at times, its gradient, and the n it is over."""
        table = self.people if over is None else over
        if "n" not in table.columns:
            raise UsageError("a covariate distribution needs the column n", allowed=table.columns)
        weight = table["n"].to_numpy().astype(float)
        profiles = table.drop("n").with_columns(
            **{name: pl.lit(value) for name, value in (fixed or {}).items()}
        )
        values, gradients = [], []
        for time in times:
            made = self.hazards(profiles, np.full(profiles.height, time))
            share = weight * np.exp(-made.total) / weight.sum()
            values.append(share.sum())
            gradients.append(-share @ made.of_total)
        return np.array(values), np.array(gradients), int(weight.sum())

    def likelihood_ratio(self, smaller: Fitted) -> dict[str, float]:
        """Return the likelihood-ratio test against a nested model of the same data.

        Raises
        ------
        UsageError
            The other is not smaller, or was fitted to other data.
        """
        df = len(self.coefficients) - len(smaller.coefficients)
        if df <= 0 or smaller.size != self.size:
            raise UsageError(
                "the likelihood-ratio test needs a smaller model of the same data",
                value=f"{len(smaller.coefficients)} coefficients, {smaller.size[0]} cases or "
                f"cells, {smaller.size[1]} deaths",
                allowed=f"fewer than {len(self.coefficients)} coefficients, {self.size[0]} cases "
                f"or cells, {self.size[1]} deaths",
            )
        return tested(2 * (self.loglik - smaller.loglik), df)

    def wald(self, terms: Sequence[str]) -> dict[str, float]:
        """Return the Wald test that all coefficients beginning with these terms are 0.

        Raises
        ------
        UsageError
            No coefficient begins so.
        """
        places = [
            place for place, name in enumerate(self.names)
            if any(name == term or name.startswith((f"{term}[", f"{term}:")) for term in terms)
        ]  # fmt: skip
        if not places:
            raise UsageError("no such term", value=list(terms), allowed=self.names)
        own = self.coefficients[places]
        statistic = own @ np.linalg.solve(self.covariance[np.ix_(places, places)], own)
        return tested(float(statistic), len(places))


def tested(statistic: float, df: int) -> dict[str, float]:
    """Return a chi-squared test."""
    from scipy.special import chdtrc  # noqa: PLC0415 - slow to import

    return {"statistic": statistic, "df": df, "p_value": float(chdtrc(df, max(statistic, 0)))}


def score_test(score: Floats, information: Floats, df: int) -> dict[str, float]:
    """Return the score test, from both at the coefficients of the smaller model.

    Raises
    ------
    ModelError
        The information there is not positive definite.
    """
    if np.linalg.eigvalsh(information)[0] <= 0:
        raise ModelError(
            "the score test is not defined: the likelihood bends upwards there", value=f"{df} df",
            remedy="Fit the larger model and use likelihood_ratio.",
        )  # fmt: skip
    return tested(float(score @ np.linalg.solve(information, score)), df)


def grown(fit: Fitted, names: Sequence[str]) -> Floats:
    """Return the coefficients of a fit among those of a larger model, whose others are 0.

    Raises
    ------
    UsageError
        The larger lacks one of the smaller's, or has no other.
    """
    lacking = [name for name in fit.names if name not in names]
    if lacking or len(names) <= len(fit.names):
        raise UsageError(
            "the larger model does not hold the smaller one", value=lacking[:3] or list(names)[:3],
            allowed=f"a formula with the columns {', '.join(fit.names[:6])} and more",
        )  # fmt: skip
    larger = np.zeros(len(names))
    larger[[list(names).index(name) for name in fit.names]] = fit.coefficients
    return larger


def checked_times(at: Sequence[float]) -> Floats:
    """Return times as an array.

    Raises
    ------
    UsageError
        There is none, or one is not above 0.
    """
    times = np.array([float(time) for time in at])
    if not len(times) or not (times > 0).all():
        raise UsageError("times are not above 0", value=list(at), allowed="years")
    return times


def crossed(profiles: pl.DataFrame, at: Sequence[float]) -> tuple[pl.DataFrame, Floats]:
    """Return every profile at every time."""
    times = checked_times(at)
    rows = profiles[np.repeat(np.arange(profiles.height), len(times))]
    return rows, np.tile(times, profiles.height)


def people_of(data: pl.DataFrame, formulas: Sequence[str]) -> pl.DataFrame:
    """Return the covariates of formulas as they occur among cases, with ``n``."""
    used = [name for name in data.columns if any(named_in(name, own) for own in formulas)]
    if not used:
        return pl.DataFrame({"n": [data.height]})
    return data.select(used).group_by(used, maintain_order=True).agg(pl.len().alias("n"))


def coefficient_rows(
    fit: Fitted, level: float, ratio: Sequence[bool], why: str, missing: Sequence[str] = ()
) -> pl.DataFrame:
    """Return the table of coefficients: ratios where they are hazard ratios, else ``why`` not."""
    z = NormalDist().inv_cdf(0.5 + level / 2)
    value, se = fit.coefficients, np.sqrt(np.diag(fit.covariance))
    shown = np.array(ratio) & ~np.isin(fit.names, missing)
    gone = [name in missing for name in fit.names]
    no = "no excess: no more deaths than expected"
    said = [
        no if absent else "; ".join([*([] if own else [why]), *fit.remarks]) or None
        for absent, own in zip(gone, ratio, strict=True)
    ]
    with np.errstate(over="ignore"):
        return pl.DataFrame(
            {
                "term": fit.names,
                "coefficient": _where(~np.array(gone), value),
                "se": _where(~np.array(gone), se),
                "ratio": _where(shown, np.exp(value)),
                "lower": _where(shown, np.exp(value - z * se)),
                "upper": _where(shown, np.exp(value + z * se)),
                "level": [level] * len(value),
                "p_value": _where(~np.array(gone) & (se > 0), _wald(value, se)),
                "status": ["not estimable" if absent else OK for absent in gone],
                "reason": pl.Series(said, dtype=pl.String),
            }
        )


def _wald(value: Floats, se: Floats) -> Floats:
    normal = NormalDist()
    return np.array(
        [2 * normal.cdf(-abs(v / s)) if s > 0 else np.nan for v, s in zip(value, se, strict=True)]
    )


def _where(shown: NDArray[np.bool_], values: Floats) -> pl.Series:
    return _known(np.where(shown, values, np.nan))


def _known(values: Floats) -> pl.Series:
    return pl.Series(values).fill_nan(None)


def _deviation(gradient: Floats, covariance: Floats) -> Floats:
    return np.asarray(np.sqrt(np.einsum("ni,ij,nj->n", gradient, covariance, gradient)))


def _limits(value: Floats, se: Floats, level: float) -> tuple[Floats, Floats]:
    """Return limits on the log scale; nan where the value is not above 0."""
    z = NormalDist().inv_cdf(0.5 + level / 2)
    held = value > 0
    spread = np.where(held, se / np.where(held, value, 1.0), np.nan)
    return value * np.exp(-z * spread), value * np.exp(z * spread)
