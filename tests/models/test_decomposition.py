"""What explains differences between countries: planted, absent, refused."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from rarecare.errors import ModelError, UsageError
from rarecare.models import decompose, excess_cells, fit_poisson, shares
from rarecare.models.decomposition import ASSOCIATION
from rarecare.models.shares import shapley
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
    shares = shapley(variances, ("a", "b"))
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


def test_what_is_decided_after_diagnosis_is_an_association_from_a_landmark():
    cases = invented(3_000, 4).with_columns(treatment="stage")
    asked = {"unit": "country", "determinants": {"treatment": ["treatment"]}, "bootstrap": 2}
    from_diagnosis = excess_cells(cases, LEVEL, covariates=["country", "treatment"], **CHOICES)
    with pytest.raises(UsageError, match=r"decided after diagnosis.*landmark=90"):
        decompose(from_diagnosis, **asked)
    cells = excess_cells(cases, LEVEL, covariates=["country", "treatment"], landmark=90, **CHOICES)
    made = decompose(cells, **asked)
    assert made.landmark == 90
    assert made.shares.filter(determinant="treatment")["reason"].unique().to_list() == [ASSOCIATION]


def test_cells_from_a_landmark_by_hand():
    """Of four cases one dies on day 90, one on day 91: it alone counts, with one day."""
    cases = invented(4, 1).with_columns(
        follow_up_days=pl.Series([90, 91, 400, 400]), died=pl.Series([True, True, False, False]),
        country=pl.lit("A"),
    )  # fmt: skip
    cells = excess_cells(cases, LEVEL, covariates=["country"], landmark=90, **CHOICES)
    first = cells.table.row(0, named=True)
    assert cells.cases["n"].to_list() == [3]
    assert (first["n"], first["deaths"]) == (3, 1)
    assert first["person_years"] == pytest.approx((1 + 2 * (D - 90)) / D)
    assert first["start"] == pytest.approx(90 / D)
    assert any("3 cases then followed; 1 were not" in note for note in cells.provenance.notes)
    with pytest.raises(UsageError, match="landmark"):
        excess_cells(cases, LEVEL, covariates=["country"], landmark=400, **CHOICES)


def test_one_newton_step_a_draw_is_as_good_as_fitting_each(monkeypatch):
    """The limits of the shares, beside draws that are fitted to the end."""
    cells = excess_cells(
        invented(6_000, 8), LEVEL, covariates=["country", "stage", "sex"], **CHOICES
    )
    asked = {
        "unit": "country", "determinants": {"sex": ["sex"], "stage": ["stage"]},
        "bootstrap": 60, "seed": 3,
    }  # fmt: skip
    steps = decompose(cells, **asked).shares

    def refitted(self, deaths):
        table = self.fit.cells.with_columns(deaths=pl.Series(deaths))
        whole = replace(cells, table=table)
        fit = fit_poisson(whole, self.fit.design.formula)
        return np.array([self._mean(matrix, fit.beta)[0] for matrix in self._matrices])

    monkeypatch.setattr(shares.Step, "drawn", refitted)
    whole = decompose(cells, **asked).shares
    for column in ("lower", "upper"):
        np.testing.assert_allclose(steps[column], whole[column], atol=0.02)
    assert (whole["upper"] - whole["lower"]).max() > 0.1


def test_hazard_ratios_come_second_and_say_why():
    made = shares_of(invented(6_000, 1))
    rows = made.coefficients.filter(country="D")
    assert rows["step"].to_list() == ["as observed", "sex", "stage"]
    assert rows["drop"][0] == 0
    assert rows["drop"][2] > 0.8
    assert rows["ratio"][0] == pytest.approx(np.exp(rows["coefficient"][0]))
    assert rows["reason"].str.contains("hazard ratio moves").all()


def test_avoidable_deaths_are_of_the_own_cases():
    """n·(S_best − S_own), each over the country's own covariates, by hand from the fit."""
    same = dict.fromkeys(COUNTRIES, 0.4)
    cases = invented(8_000, 9, late=same, country={"A": 0.5, "D": 2.0})
    cells = excess_cells(cases, LEVEL, covariates=["country", "stage"], **CHOICES)
    made = decompose(cells, unit="country", determinants={"stage": ["stage"]}, bootstrap=0)
    row = made.avoidable.row(by_predicate=(pl.col("country") == "D") & (pl.col("time_years") == 5),
                             named=True)  # fmt: skip
    fit = fit_poisson(cells, "~ C(interval) * country + stage")
    own = cells.cases.filter(country="D")
    survival = [
        fit.net_survival(own.drop("n").with_columns(country=pl.lit(c)), [5])["estimate"].to_numpy()
        for c in ("A", "D")
    ]
    by_hand = own["n"].to_numpy() @ (survival[0] - survival[1])
    assert row["reference"] == "A"
    assert row["estimate"] == pytest.approx(by_hand, rel=1e-9)
    assert row["lower"] < by_hand < row["upper"]


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
