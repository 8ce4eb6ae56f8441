"""Grouped Poisson excess-hazard model: by hand, published output, laws, truth, refusals."""

from dataclasses import replace
from datetime import date
from math import exp, log, sqrt

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare.errors import ModelError, UsageError
from rarecare.models import excess_cells, fit_poisson, poisson_excess_hazard
from rarecare.tally.intervals import IntervalPlan, tally_intervals
from tests.survival import test_strs as strs
from tests.survival.invented import STEEP, D, frame_of, life_table, some

TABLE = life_table(STEEP)
LEVEL = life_table({key: 0.4 if key[0] == "male" else 0.1 for key in STEEP})
CHOICES = {"days_per_year": D, "allow_outside": 1.0}


def cells(rows):
    names = ("group", "interval", "deaths", "expected", "person_years")
    table = pl.DataFrame(rows, schema=names, orient="row")
    return table.with_columns(
        start=(pl.col("interval") - 1).cast(pl.Float64), end=pl.col("interval").cast(pl.Float64)
    )


def test_a_saturated_model_by_hand():
    # excess rates (20 − 2)/100 and (9 − 3)/60; ratio 0.1/0.18
    table = cells([("a", 1, 20, 2.0, 100.0), ("b", 1, 9, 3.0, 60.0)])
    fit = fit_poisson(table, "~ group")
    assert fit.coefficients == pytest.approx([log(0.18), log(0.1 / 0.18)], rel=1e-10)
    # observed information of a cell that fits exactly: d (g/d)² with g = d − d*
    a, b = 20 * (18 / 20) ** 2, 9 * (6 / 9) ** 2
    assert np.sqrt(np.diag(fit.covariance)) == pytest.approx(
        [sqrt(1 / a), sqrt(1 / a + 1 / b)], rel=1e-9
    )
    assert fit.deviance == pytest.approx(0, abs=1e-9)
    assert (fit.df, fit.deaths) == (0, 29)
    survival = fit.net_survival(pl.DataFrame({"group": ["a", "b"]}))
    assert survival["estimate"].to_list() == pytest.approx([exp(-0.18), exp(-0.1)], rel=1e-9)
    se = exp(-0.18) * 0.18 * sqrt(1 / a)
    assert survival["se"][0] == pytest.approx(se, rel=1e-9)


def test_published_stata_output(shared_data, shared_reference):
    """Dickman's modelling page: localised colon cancer, deviance, log-likelihood, ratios, SE."""
    colon = strs.colon_cases(shared_data).filter(stage="Localised")
    popmort = strs.popmort_table(shared_data)
    plan = IntervalPlan(
        strata=("sex", "year8594", "agegrp"), breaks=tuple(map(float, range(6))),
        life_table=popmort.hash,
    )  # fmt: skip
    tally = tally_intervals(
        colon.with_columns(
            time_years="months", sex=pl.col("sex").cast(pl.Enum(["male", "female"]))
        ),
        plan, life_table=popmort,
    )  # fmt: skip
    rows = tally.strata[np.repeat(np.arange(tally.strata.height), 5)].with_columns(
        interval=pl.Series(np.tile(np.arange(1, 6), tally.strata.height)),
        **{name: pl.Series(tally.arrays[name].ravel())
           for name in ("deaths", "expected", "person_years")},
    )  # fmt: skip
    rows = rows.with_columns(start=pl.col("interval") - 1.0, end=pl.col("interval") * 1.0)
    fit = fit_poisson(rows, "~ C(interval) + sex + year8594 + agegrp")
    assert fit.deviance == pytest.approx(131.4342128, abs=5e-7)
    assert fit.loglik == pytest.approx(-245.9836017, abs=5e-7)
    assert fit.df == 70
    ours = {row["term"]: row for row in fit.table().iter_rows(named=True)}
    names = {f"end{k}": f"C(interval)[T.{k}]" for k in range(2, 6)} | {
        "female": "sex[T.female]", "year85-94": "year8594[T.Diagnosed 85-94]",
        "age45-59": "agegrp[T.45-59]", "age60-74": "agegrp[T.60-74]", "age75+": "agegrp[T.75+]",
        "cons": "Intercept",
    }  # fmt: skip
    reference = strs.read(shared_reference / "published_poisson_excess_dickman.csv")
    assert reference.height == len(names) == 10
    for row in reference.iter_rows(named=True):
        term = ours[names[row["term"]]]
        assert term["ratio"] == pytest.approx(row["exp_b"], abs=6e-7)
        # Stata prints the SE of the ratio, by the delta method; seven digits
        assert term["ratio"] * term["se"] == pytest.approx(row["se_exp_b"], abs=6e-7)
    larger = fit_poisson(rows, "~ C(interval) * agegrp + sex + year8594")
    assert larger.deviance == pytest.approx(62.68719872, abs=1e-5)
    assert larger.loglik == pytest.approx(-211.6100946, abs=5e-6)
    test = larger.likelihood_ratio(fit)
    assert test["statistic"] == pytest.approx(131.4342128 - 62.68719872, abs=1e-5)
    assert test["df"] == 12


@given(some, st.sampled_from(["0(0.05)0.15", "0,0.1,0.16"]))
@settings(max_examples=30)
def test_cells_are_sums_over_cases_and_days(cases, breaks):
    made = excess_cells(frame_of(cases), TABLE, covariates=["sex"], breaks=breaks, **CHOICES)
    for row in made.table.iter_rows(named=True):
        deaths = expected = years = 0.0
        for case in cases:
            if case["sex"] != row["sex"]:
                continue
            u, v = row["start"] * D, row["end"] * D
            for day in range(case["follow_up_days"]):
                inside = max(0.0, min(day + 1, v) - max(day, u))
                age = int((case["age_days"] + day) // D)
                when = date.fromordinal(case["incidence_date"].toordinal() + day).year
                rate = STEEP[case["sex"], min(max(age, 60), 71), min(max(when, 1999), 2003)]
                years += inside / D
                expected += inside * rate / D
            deaths += case["died"] and u < case["follow_up_days"] <= v
        assert row["deaths"] == deaths
        assert row["person_years"] == pytest.approx(years, rel=1e-9, abs=1e-12)
        assert row["expected"] == pytest.approx(expected, rel=1e-9, abs=1e-12)


def invented(n, seed, *, ratio=1.0):
    """Cases with an excess hazard of 0.6 a year, of group b times ``ratio``, on LEVEL."""
    rng = np.random.default_rng(seed)
    sex, group = rng.choice(["male", "female"], n), rng.choice(["a", "b"], n)
    hazard = np.where(sex == "male", 0.4, 0.1) + 0.6 * np.where(group == "b", ratio, 1.0)
    days = np.ceil(rng.exponential(1 / hazard) * D).astype(int)
    stop = rng.integers(500, 1200, n)
    return pl.DataFrame(
        {
            "sex": sex, "group_": group, "incidence_date": date(2000, 1, 1),
            "age_days": np.full(n, 61 * D), "follow_up_days": np.minimum(days, stop),
            "died": days <= stop, "registry": np.where(rng.random(n) < 0.5, "x", "y"),
        }
    )  # fmt: skip


def test_any_split_of_the_records_gives_the_same_fit():
    cases = invented(600, 1, ratio=1.5)
    fits = []
    for frame in (cases, cases.drop("registry"), cases.sample(fraction=1, shuffle=True, seed=2)):
        fit, _ = poisson_excess_hazard(
            frame, LEVEL, "~ C(interval) + group_", covariates=["sex", "group_"], breaks="0(1)3",
            **CHOICES,
        )  # fmt: skip
        fits.append(fit)
    for other in fits[1:]:
        assert other.coefficients == pytest.approx(fits[0].coefficients, rel=1e-10)
        assert other.covariance == pytest.approx(fits[0].covariance, rel=1e-9)


def recovered(runs):
    """Bias in empirical standard errors and coverage of the log ratio of group b."""
    truth, found, covers = log(1.5), [], []
    for seed in range(runs):
        fit, result = poisson_excess_hazard(
            invented(400, seed, ratio=1.5), LEVEL, "~ C(interval) + group_",
            covariates=["sex", "group_"], breaks="0(1)3", **CHOICES,
        )  # fmt: skip
        found.append(fit.coefficients[fit.design.names.index("group_[T.b]")])
        row = result.table.row(by_predicate=pl.col("term") == "group_[T.b]", named=True)
        covers.append(row["lower"] <= 1.5 <= row["upper"])
    spread = float(np.std(found, ddof=1))
    return (np.mean(found) - truth) / spread, float(np.mean(covers)), runs


def test_a_planted_ratio_is_recovered():
    bias, coverage, runs = recovered(60)
    assert abs(bias) < 4 / sqrt(runs)
    assert coverage > 0.95 - 4 * sqrt(0.95 * 0.05 / runs)


@pytest.mark.slow
def test_a_planted_ratio_is_recovered_in_1000_replicates():
    bias, coverage, runs = recovered(1000)
    assert abs(bias) < 0.1
    assert abs(coverage - 0.95) < 3 * sqrt(0.95 * 0.05 / runs)


def test_standardised_survival_is_the_mean_of_the_profiles():
    cases = invented(500, 3, ratio=2.0)
    fit, result = poisson_excess_hazard(
        cases, LEVEL, "~ C(interval) + group_ + sex", covariates=["sex", "group_"], breaks="0(1)3",
        **CHOICES,
    )  # fmt: skip
    profiles = fit.people
    each = fit.net_survival(profiles.drop("n")).filter(time_years=3)
    mean = (each["estimate"] * profiles["n"]).sum() / profiles["n"].sum()
    assert fit.standardised()["estimate"][2] == pytest.approx(mean, rel=1e-12)
    own = [fit.standardised(fixed={"group_": g})["estimate"][2] for g in "ab"]
    contrast = fit.contrast({"group_": "b"}, {"group_": "a"})
    assert contrast["estimate"][2] == pytest.approx(own[1] - own[0], rel=1e-12)
    # the gradient by differences of the coefficients
    step = 1e-6
    moved = []
    for place in range(len(fit.coefficients)):
        shifted = fit.coefficients.copy()
        shifted[place] += step
        moved.append(
            (replace(fit, coefficients=shifted).standardised()["estimate"][2] - mean) / step
        )
    gradient = np.array(moved)
    se = sqrt(gradient @ fit.covariance @ gradient)
    assert fit.standardised()["se"][2] == pytest.approx(se, rel=1e-4)
    assert "deviance" in " ".join(result.provenance.notes)


def test_a_group_without_excess_is_said_and_not_estimated():
    table = cells(
        [("a", 1, 20, 2.0, 100.0), ("a", 2, 12, 2.0, 80.0), ("b", 1, 1, 9.0, 60.0),
         ("b", 2, 1, 8.0, 50.0)]
    )  # fmt: skip
    row = fit_poisson(table, "~ group").table().row(1, named=True)
    assert (row["status"], row["ratio"]) == ("not estimable", None)
    assert row["reason"] == "no excess: no more deaths than expected"


@pytest.mark.parametrize(
    ("rows", "formula", "error", "words"),
    [
        ([("a", 1, 0, 1.0, 9.0)], "~ 1", ModelError, "no deaths"),
        ([("a", 1, 5, 1.0, 9.0), ("b", 1, 5, 1.0, 9.0)], "~ group + C(group)", ModelError,
         "collinear"),
        ([("a", 1, 5, float("nan"), 9.0)], "~ 1", ModelError, "missing or negative"),
        ([("a", 1, 5, 1.0, 9.0)], "~ stage", UsageError, "cannot be read"),
        ([("a", 1, 5, 1.0, 9.0)], "~ (", UsageError, "cannot be read"),
        ([("a", 1, 5, 1.0, 9.0), ("b", 2, 5, 1.0, 9.0)], "~ group * C(interval)", ModelError,
         "collinear"),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted_is_named(rows, formula, error, words):
    with pytest.raises(error, match=words):
        fit_poisson(cells(rows), formula)


def test_a_profile_of_another_level_is_refused():
    fit = fit_poisson(cells([("a", 1, 20, 2.0, 100.0), ("b", 1, 9, 3.0, 60.0)]), "~ group")
    with pytest.raises(ModelError, match="not seen this level of group: got 'c'; allowed: a, b"):
        fit.net_survival(pl.DataFrame({"group": ["c"]}))
