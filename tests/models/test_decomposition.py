"""What explains differences between countries: planted, absent, refused."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from rarecare.errors import ModelError, UsageError
from rarecare.models import decompose, excess_cells
from rarecare.models.decomposition import ASSOCIATION, _shapley
from tests.survival.invented import STEEP, D, life_table

LEVEL = life_table({key: 0.2 if key[0] == "male" else 0.1 for key in STEEP})
CHOICES = {"days_per_year": D, "allow_outside": 1.0}
COUNTRIES = ("A", "B", "C", "D")
LATE = {"A": 0.2, "B": 0.35, "C": 0.5, "D": 0.65}


def invented(n, seed, *, late=LATE, effect=4.0, country=None):
    """Cases of four countries: late stage multiplies the excess hazard, and so may a country."""
    rng = np.random.default_rng(seed)
    where = rng.choice(COUNTRIES, n)
    stage = np.where(rng.random(n) < [late[c] for c in where], "late", "early")
    sex = rng.choice(["male", "female"], n)
    excess = 0.15 * np.where(stage == "late", effect, 1.0)
    excess = excess * np.array([(country or {}).get(c, 1.0) for c in where])
    hazard = np.where(sex == "male", 0.2, 0.1) + excess
    days = np.ceil(rng.exponential(1 / hazard) * D).astype(int)
    stop = rng.integers(int(3 * D), int(6 * D), n)
    return pl.DataFrame(
        {
            "country": where, "stage": stage, "sex": sex, "incidence_date": date(2000, 1, 1),
            "age_days": np.full(n, 61 * D), "follow_up_days": np.minimum(days, stop),
            "died": days <= stop,
        }
    )  # fmt: skip


def shares_of(cases, **choices):
    cells = excess_cells(
        cases, LEVEL, covariates=["country", "stage", "sex"], breaks="0(1)5", **CHOICES
    )
    return decompose(
        cells, unit="country", determinants={"sex": ["sex"], "stage": ["stage"]},
        **({"bootstrap": 20} | choices),
    )  # fmt: skip


def of(made, name, years=5, column="shapley"):
    return made.shares.filter(determinant=name, time_years=years)[column][0]


def test_a_planted_determinant_explains_the_differences_and_an_unrelated_one_nothing():
    made = shares_of(invented(12_000, 1))
    assert of(made, "stage") > 0.9
    assert abs(of(made, "sex")) < 0.05
    assert abs(of(made, "unexplained")) < 0.1
    assert of(made, "stage", column="lower") < of(made, "stage") < 1.05
    # after stage the countries are alike
    last = made.units.filter(step="stage", time_years=5)["estimate"]
    first = made.units.filter(step="as observed", time_years=5)["estimate"]
    assert last.std() < 0.3 * first.std()


def test_a_difference_of_the_countries_themselves_stays_unexplained():
    same = dict.fromkeys(COUNTRIES, 0.4)
    made = shares_of(invented(12_000, 2, late=same, country={"A": 0.5, "D": 2.0}))
    assert of(made, "unexplained") > 0.85
    assert abs(of(made, "stage")) < 0.15
    # no more deaths can be avoided in the best country
    best = made.avoidable.filter(time_years=5).sort("estimate")
    assert best["estimate"][0] == 0
    assert best["country"][0] == best["reference"][0] == "A"
    assert best["country"][-1] == "D"


def test_shares_add_up_and_shapley_is_the_mean_over_orders():
    variances = {
        (): np.array([10.0]), ("a",): np.array([4.0]), ("b",): np.array([7.0]),
        ("a", "b"): np.array([3.0]),
    }  # fmt: skip
    shares = _shapley(variances, ("a", "b"))
    # a first takes 6, second 7 − 3 = 4; b first 3, second 1
    assert shares["a"][0] == pytest.approx(0.5)
    assert shares["b"][0] == pytest.approx(0.2)
    assert shares["unexplained"][0] == pytest.approx(0.3)


def test_the_stated_order_and_the_draws_are_kept():
    made = shares_of(invented(3_000, 3), bootstrap=5, seed=1)
    again = shares_of(invented(3_000, 3), bootstrap=5, seed=1)
    assert made.shares.equals(again.shares)
    total = made.shares.filter(time_years=1)["in_order"].sum()
    assert total == pytest.approx(1)
    assert made.units["step"].unique(maintain_order=True).to_list() == [
        "as observed", "sex", "stage"
    ]  # fmt: skip


def test_what_is_decided_after_diagnosis_is_an_association():
    cases = invented(3_000, 4).with_columns(treatment="stage")
    cells = excess_cells(cases, LEVEL, covariates=["country", "treatment"], **CHOICES)
    made = decompose(cells, unit="country", determinants={"treatment": ["treatment"]}, bootstrap=2)
    assert made.shares.filter(determinant="treatment")["reason"].unique().to_list() == [ASSOCIATION]


@pytest.mark.parametrize(
    ("choices", "error", "words"),
    [
        ({"unit": "region"}, UsageError, "no such stratum"),
        ({"determinants": {"grade": ["grade"]}}, UsageError, "no such stratum"),
        ({"determinants": {}}, UsageError, "each determinant"),
        ({"determinants": {"a": ["stage"], "b": ["stage"]}}, UsageError, "each determinant"),
        ({"at": [7]}, UsageError, "not the end of an interval"),
    ],
)
def test_refusals(choices, error, words):
    cells = excess_cells(invented(300, 5), LEVEL, covariates=["country", "stage"], **CHOICES)
    asked = {"unit": "country", "determinants": {"stage": ["stage"]}, "bootstrap": 0} | choices
    with pytest.raises(error, match=words):
        decompose(cells, **asked)


def test_a_country_without_deaths_is_named():
    cases = invented(300, 6).with_columns(died=pl.col("died") & (pl.col("country") != "B"))
    cells = excess_cells(cases, LEVEL, covariates=["country", "stage"], **CHOICES)
    with pytest.raises(ModelError, match="a country has no deaths: got 'B'"):
        decompose(cells, unit="country", determinants={"stage": ["stage"]}, bootstrap=0)
