"""The parameters of the synthetic Europe, read from ``demo/tables``.

Nothing in these tables is an estimate of anything, population apart (United Nations, *World
Population Prospects 2024*, rounded). Arrays run over entities, then countries, then sex
(men, women), then completed age 0-99.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

N_AGES = 100
SEXES = ("male", "female")
STAGES = ("localised", "regional", "distant", "unknown")
TREATMENTS = ("surgery", "radiotherapy", "systemic")

TOLD_BY_SITE_AND_SEX = ("04.01.07",)
"""Entities that unspecified codes still name: carcinoma of the breast in men."""

_WOMEN = tuple(f"C5{digit}" for digit in range(1, 9))
_MEN = ("C60", "C61", "C62", "C63")
_BELOW_ONE = 1 - 2.0**-30  # keeps row + u within its row
_AGE_BANDS = (0, 15, 45, 65, 80, N_AGES)


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """Codes and their shares, one list per row, for drawing by the inverse of their sum.

    Attributes
    ----------
    upper
        Row number + cumulative share of each entry, ascending.
    codes
        Position of each entry's code in ``labels``.
    labels
        Every code once.
    """

    upper: Floats
    codes: Ints
    labels: tuple[str, ...]

    @classmethod
    def of(cls, rows: Sequence[Sequence[tuple[str, float]]]) -> Choices:
        """Return the choices of these rows of (code, share); shares are rescaled to 1.

        >>> choices = Choices.of([[("a", 1.0)], [("a", 1.0), ("b", 3.0)]])
        >>> choices.draw(np.array([0, 1, 1]), np.array([0.9, 0.2, 0.3])).tolist()
        [0, 0, 1]
        """
        labels = sorted({code for row in rows for code, _ in row})
        place = {code: index for index, code in enumerate(labels)}
        upper = []
        for number, row in enumerate(rows):
            sums = np.cumsum([share for _, share in row])
            sums /= sums[-1]
            sums[-1] = 1.0
            upper.append(number + sums)
        codes = [place[code] for row in rows for code, _ in row]
        return cls(np.concatenate(upper), np.array(codes, dtype=np.int64), tuple(labels))

    def draw(self, rows: Ints, u: Floats) -> Ints:
        """Return the code drawn in each row by ``u``, uniform on 0 to 1."""
        at = np.searchsorted(self.upper, rows + u * _BELOW_ONE, side="right")
        return self.codes[at]


@dataclass(frozen=True, slots=True, eq=False)
class Entities:
    """The 215 tier-2 entities. Rates per person-year of both sexes, shares and survival 0-1.

    Attributes
    ----------
    rate
        Shape (n,), without unspecified codes.
    ages
        Mean and standard deviation of both components and weight of the second, shape (n, 5).
    survival
        Net survival at 1, 5 and 10 years and cure fraction, shape (n, 4).
    stage
        Share of each of ``STAGES``, shape (n, 4); all unknown where ``staged`` is false.
    treated
        Share ever given each of ``TREATMENTS``, shape (n, 3).
    unspecified
        Share of the cases drawn from the entity that have codes of its tier-1 entity alone.
    told_anyway
        Whether such codes name the entity all the same.
    topography, morphology
        Rows (entity · 2 + sex) · 2 + unspecified.
    """

    ids: tuple[str, ...]
    rate: Floats
    male_share: Floats
    shape: tuple[str, ...]
    ages: Floats
    survival: Floats
    stage: Floats
    staged: NDArray[np.bool_]
    unspecified: Floats
    told_anyway: NDArray[np.bool_]
    topography: Choices
    morphology: Choices
    treated: Floats
    referral: tuple[str, ...]

    @property
    def tier1(self) -> tuple[str, ...]:
        """The tier-1 entity of each: the first two numbers of its id."""
        return tuple(entity.rsplit(".", 1)[0] for entity in self.ids)


@dataclass(frozen=True, slots=True, eq=False)
class Countries:
    """The 31 countries.

    Attributes
    ----------
    persons
        Inhabitants, shape (n, 2, 100).
    values
        The columns from ``hospitals`` on, by name, shape (n,); percentages as shares.
    """

    codes: tuple[str, ...]
    names: tuple[str, ...]
    regions: tuple[str, ...]
    persons: Floats
    values: dict[str, Floats]


def _read(name: str, text: Sequence[str] = ()) -> pl.DataFrame:
    content = (files("rarecare.demo") / "tables" / name).read_bytes()
    return pl.read_csv(
        content, infer_schema_length=None, schema_overrides=dict.fromkeys(text, pl.String)
    )


@cache
def entities() -> Entities:
    """Return the entities of ``demo_entities.csv``."""
    codes = ("entity_id", "topography", "morphology", "nos_topography", "nos_morphology")
    table = _read("demo_entities.csv", codes)
    stage = table.select(f"stage_{name}" for name in STAGES)
    staged = stage["stage_localised"].is_not_null().to_numpy()
    shares = stage.fill_null(0.0).to_numpy().copy()
    shares[~staged, STAGES.index("unknown")] = 1.0
    columns = ("age_mean", "age_sd", "age_mean2", "age_sd2", "weight2")
    survival = ("net_survival_1y", "net_survival_5y", "net_survival_10y", "cure_fraction")
    return Entities(
        ids=tuple(table["entity_id"]),
        rate=table["crude_rate_per_100000"].to_numpy() / 1e5,
        male_share=table["male_share"].to_numpy().astype(float),
        shape=tuple(table["age_shape"]),
        ages=table.select(pl.col(columns).cast(pl.Float64).fill_null(0.0)).to_numpy(),
        survival=table.select(survival).to_numpy(),
        stage=shares,
        staged=staged,
        unspecified=table["nos_share"].to_numpy().astype(float),
        told_anyway=table["entity_id"].is_in(TOLD_BY_SITE_AND_SEX).to_numpy(),
        topography=_choices(table, "topography"),
        morphology=_choices(table, "morphology"),
        treated=table.select(TREATMENTS).to_numpy().astype(float),
        referral=tuple(table["referral_group"]),
    )


def _choices(table: pl.DataFrame, column: str) -> Choices:
    rows = []
    for own, unspecified in table.select(column, f"nos_{column}").iter_rows():
        for other in (_WOMEN, _MEN):  # sites that men, then women, do not have
            for text in (own, unspecified or own):
                pairs = [(c, float(p)) for c, p in (e.rsplit(":", 1) for e in text.split(";"))]
                possible = [pair for pair in pairs if pair[0][:3] not in other]
                rows.append(possible or pairs)  # a sex that has no such site has no such cases
    return Choices.of(rows)


@cache
def countries() -> Countries:
    """Return the countries of ``demo_countries.csv``.

    The five age shares are spread over single years: evenly to 64, then falling by 4 % a
    year to 79 and by 15 % a year from 80.
    """
    table = _read("demo_countries.csv", ("country",))
    age = np.arange(N_AGES)
    profile = np.exp(-0.04 * np.clip(age - 65, 0, 14) - 0.15 * np.clip(age - 80, 0, None))
    persons = np.zeros((table.height, 2, N_AGES))
    for sex, name in enumerate(SEXES):
        shares = table.select(pl.col(f"^share_{name}_.*$")).to_numpy()
        shares = shares / shares.sum(axis=1, keepdims=True)
        total = 1000.0 * table[f"population_2010_{name}_thousands"].to_numpy()
        for band, (start, stop) in enumerate(pairwise(_AGE_BANDS)):
            own = profile[start:stop] / profile[start:stop].sum()
            persons[:, sex, start:stop] = (total * shares[:, band])[:, None] * own
    names = table.columns[table.columns.index("hospitals") :]
    return Countries(
        codes=tuple(table["country"]),
        names=tuple(table["name"]),
        regions=tuple(table["region"]),
        persons=persons,
        values={
            name.replace("_percent", ""): table[name].to_numpy().astype(float)
            / (100.0 if name.endswith("_percent") else 1.0)
            for name in names
        },
    )


def death_probabilities(country: str, years: Sequence[int]) -> Floats:
    """Return q(x), the probability of dying within a year, shape (2, 100, n_years).

    log m(x) = log_mx + k1·b1 + k2·b2 + k3·b3, k linear in the year from 2007; all four age
    columns are interpolated linearly between the ages tabulated; q = 1 − exp(−m).
    """
    by_age = _read("mortality_age.csv")
    by_country = _read("mortality_country.csv", ("country",))
    time = np.asarray(years, dtype=float) - 2007.0
    q = np.empty((2, N_AGES, len(time)))
    for sex, name in enumerate(SEXES):
        rows = by_age.filter(pl.col("sex") == name)
        level = by_country.filter((pl.col("country") == country) & (pl.col("sex") == name))
        log_m: Floats = np.zeros((N_AGES, len(time)))
        for column in ("log_mx", "b1", "b2", "b3"):
            profile = np.interp(np.arange(N_AGES), rows["age"], rows[column])
            k: Floats = np.ones(len(time))
            if column != "log_mx":
                start = level[f"k{column[1]}_2007"].item()
                k = start + level[f"k{column[1]}_per_year"].item() * time
            log_m += profile[:, None] * k
        q[sex] = -np.expm1(-np.exp(log_m))
    return q
