"""The synthetic Europe's incidence and survival, as arrays.

Incidence: rates by entity, sex and age, times a country's factor and 1.005 a year. Survival:
a Weibull curve with cure is each entity's average over Europe; a case's excess hazard is the
entity's baseline times φ = stage × age × sex × country × 0.99 a year. The baseline is
the inverse of M(x) = mean of exp(−xφ), so that the mean over Europe is the average curve.
The formulas are this project's own, in its specification of the demo; the mixture cure model
is that of De Angelis et al., *Statistics in Medicine* 18 (1999) 441.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from rarecare.demo.tables import N_AGES, STAGES, Countries, Entities, Floats, countries, entities

FIRST_YEAR, LAST_YEAR = 1995, 2007
YEARS = tuple(range(FIRST_YEAR, LAST_YEAR + 1))
DAYS_PER_YEAR = 365.2425
MONTHS = 12 * 14
"""The baseline's grid: follow-up ends on 31 December 2008, within 14 years of any diagnosis."""

SEX_FACTOR: Floats = np.array([1.05, 0.95])
UNSPECIFIED_FACTOR = 1.3
_AGE_SLOPE = {"childhood": 0.0, "young_adult": 0.25, "adult": 0.25, "bimodal": 0.4, "elderly": 0.2}
_STAGE_POWER: Floats = np.array([-1.0, 0.0, 1.0, 0.2])
_AGES_HELD = 85  # rates stay at their 80-84 value from here
_BIN = 0.01  # width of bins of log φ in M; moves the mean curve by less than 2e-6


@dataclass(frozen=True, slots=True, eq=False)
class Europe:
    """Everything the synthetic Europe is drawn from.

    Attributes
    ----------
    rate
        Cases per person-year in 2004, unspecified codes left out, factor 1, shape
        (n_entities, 2, 100).
    stage
        Share of each stage by country, shape (n_entities, n_countries, 4).
    stage_factor, age_factor
        Parts of φ, shapes (n_entities, 4) and (n_entities, 100).
    baseline
        Cumulative baseline excess hazard Λ0 at each month, shape (n_entities, 169).
    """

    entities: Entities
    countries: Countries
    rate: Floats
    stage: Floats
    stage_factor: Floats
    age_factor: Floats
    baseline: Floats

    @property
    def rate_with_unspecified(self) -> Floats:
        """Rates with the unspecified cases that are drawn from each entity, as ``rate``."""
        return self.rate / (1 - self.entities.unspecified)[:, None, None]


def year_incidence_factor(year: Floats) -> Floats:
    """Return 1.005^(year − 2004)."""
    return np.asarray(1.005 ** (year - 2004.0))


def year_hazard_factor(year: Floats) -> Floats:
    """Return 0.99^(year − 2004)."""
    return np.asarray(0.99 ** (year - 2004.0))


def average_survival(survival: Floats, years: Floats) -> Floats:
    """Return the Weibull curve with cure through survival at 1 and 5 years.

    Parameters
    ----------
    survival
        Net survival at 1, 5, 10 years (the last is not used) and cure fraction, shape (n, 4).
    years
        Times in years, shape (n_times,).

    Returns
    -------
    Floats
        S(t) = π + (1 − π) exp(−α t^γ), shape (n, n_times).

    Examples
    --------
    Exponential without cure, half dead in the first year:

    >>> average_survival(np.array([[0.5, 0.5**5, 0.0, 0.0]]), np.array([0.0, 1.0, 2.0])).round(6)
    array([[1.  , 0.5 , 0.25]])
    """
    cure = survival[:, 3]
    alive_1 = (survival[:, 0] - cure) / (1 - cure)
    alive_5 = (survival[:, 1] - cure) / (1 - cure)
    alpha = -np.log(alive_1)
    gamma = np.log(np.log(alive_5) / np.log(alive_1)) / np.log(5.0)
    dying = np.exp(-alpha[:, None] * years ** gamma[:, None])
    return np.asarray(cure[:, None] + (1 - cure[:, None]) * dying)


def age_density(ages: Floats) -> Floats:
    """Return the share of each completed age 0-99, shape (n, 100).

    Each component is integrated over the year of age and rescaled to 0-99: gamma where its
    mean is below 45, otherwise normal. ``ages`` as in ``Entities``.
    """
    from scipy.special import gammainc, ndtr  # noqa: PLC0415 - slow to import

    edges = np.arange(N_AGES + 1, dtype=float)
    total: Floats = np.zeros((len(ages), N_AGES))
    for first in (0, 2):
        for row, (mean, sd) in enumerate(ages[:, first : first + 2]):
            weight = ages[row, 4] if first else 1 - ages[row, 4]
            if not weight:
                continue
            shape = (mean / sd) ** 2 if sd else 0.0
            below = (
                gammainc(shape, edges * shape / mean) if mean < 45 else ndtr((edges - mean) / sd)
            )
            share = np.diff(below)
            total[row] += weight * share / share.sum()
    return total


@cache
def europe() -> Europe:
    """Return the synthetic Europe; made once."""
    group, nations = entities(), countries()
    persons = nations.persons.sum(axis=0)
    density = persons / persons.sum(axis=1, keepdims=True)
    sex_share = np.stack([group.male_share, 1 - group.male_share], axis=1)
    wanted = age_density(group.ages)
    shape = wanted[:, None, :] / density
    band = slice(80, _AGES_HELD)
    at_80 = wanted[:, None, band].sum(axis=2) / density[:, band].sum(axis=1)
    shape[:, :, _AGES_HELD:] = at_80[:, :, None]
    drawn = shape * density
    drawn /= drawn.sum(axis=2, keepdims=True)
    cases = group.rate[:, None, None] * sex_share[:, :, None] * drawn  # per person and age
    rate = cases * persons.sum() / persons
    stage = _shifted(group.stage, group.staged, nations.values["stage_shift"])
    k = 0.45 + 1.6 * group.survival[:, 1]
    stage_factor = np.exp(k[:, None] * _STAGE_POWER) * group.staged[:, None]
    stage_factor[~group.staged] = 1.0
    slope = np.array([_AGE_SLOPE[name] for name in group.shape])
    centre = np.clip(group.ages[:, 0], 15, 90)
    age = np.clip(np.arange(N_AGES), 15, 90)
    age_factor = np.exp(slope[:, None] * (age - centre[:, None]) / 10)
    curve = average_survival(group.survival, np.arange(MONTHS + 1) / 12)
    weight = nations.persons.sum(axis=(1, 2)) * nations.values["incidence_factor"]
    weight = weight / weight.sum()
    excess = nations.values["excess_hazard_factor"]
    baseline = np.empty_like(curve)
    for row in range(len(curve)):
        place = np.log(excess)[:, None] + np.log(stage_factor[row])
        person = np.log(SEX_FACTOR)[:, None] + np.log(age_factor[row])
        baseline[row] = _inverse_mean(
            np.add.outer(place, person).ravel(),
            np.multiply.outer(
                weight[:, None] * stage[row], sex_share[row, :, None] * drawn[row]
            ).ravel(),
            curve[row],
        )
    return Europe(group, nations, rate, stage, stage_factor, age_factor, baseline)


def _shifted(stage: Floats, staged: np.ndarray, shift: Floats) -> Floats:
    """Move the share ``shift`` from localised to distant; a negative one back; stop at 0."""
    local, distant = STAGES.index("localised"), STAGES.index("distant")
    shares = np.repeat(stage[:, None, :], len(shift), axis=1)
    moved = np.clip(shift, -shares[:, :, distant], shares[:, :, local]) * staged[:, None]
    shares[:, :, local] -= moved
    shares[:, :, distant] += moved
    return np.clip(shares, 0.0, 1.0)


def _inverse_mean(log_phi: Floats, weight: Floats, survival: Floats) -> Floats:
    """Return x with Σ weight · exp(−x φ) = survival, by Newton's method on log M."""
    bins = np.floor((log_phi - log_phi.min()) / _BIN).astype(np.int64)
    total = np.bincount(bins, weight)
    held = total > 0
    phi = np.bincount(bins, weight * np.exp(log_phi))[held] / total[held]
    share = total[held] / weight.sum()

    def mean(x: Floats) -> Floats:
        return np.asarray(np.exp(-np.outer(x, phi)) @ share)

    reached = np.log(np.geomspace(1e-7, 500.0, 64))
    level = np.log(-np.log(mean(np.exp(reached))))
    target = np.log(survival[1:])
    x = np.exp(np.interp(np.log(-target), level, reached))
    for _ in range(3):
        terms = np.exp(-np.outer(x, phi))
        value = terms @ share
        x += value * (np.log(value) - target) / (terms @ (share * phi))
    return np.concatenate([[0.0], x])
