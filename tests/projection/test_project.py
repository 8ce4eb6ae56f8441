"""Projection from records, and back-tests of it."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from rarecare import Population
from rarecare.errors import CaseError, PopulationError, UsageError
from rarecare.projection import back_test, project
from rarecare.projection.choice import Choices, Observed, projection_of
from rarecare.projection.series import periods_of

BASE = {"draws": 400, "age_groups": [0, 40, 60]}
YEARS = range(1991, 2011)


def population(tmp_path, years=range(1991, 2021), doubled_after=3000):
    rows = [
        {"year": year, "age": age, "sex": sex, "population": people * (1 + (year > doubled_after))}
        for year in years
        for sex in ("male", "female")
        for age, people in ((0, 1e6), (40, 5e5), (60, 2e5))
    ]
    pl.DataFrame(rows).write_csv(tmp_path / "population.csv")
    return Population.read(tmp_path / "population.csv")


def records(per_year, years=YEARS, **more):
    """Cases of each age group in each year: ``per_year`` for one, or a function of the year."""
    rows = []
    for year in years:
        counts = per_year(year) if callable(per_year) else per_year
        for age, n in zip((20, 50, 70), counts, strict=True):
            rows += [{"age": age, "incidence_date": date(year, 5, 1), **more}] * n
    return pl.DataFrame(rows)


def pick(table, **values):
    return table.filter(*(pl.col(name) == value for name, value in values.items()))


# --- by hand -----------------------------------------------------------------------------------


def test_constant_rates_follow_the_population(tmp_path):
    people = population(tmp_path, doubled_after=2010)
    table = project(records((1, 1, 2)), people, model="constant rates", **BASE).table
    shown = pick(table, measure="observed new cases per year")
    assert shown["estimate"].to_list() == [4.0] * 4
    assert shown["n"].to_list() == [20] * 4
    found = pick(table, measure="new cases per year", level=0.95)
    assert found.select("first", "last").rows() == [(2011, 2015), (2016, 2020)]
    assert found["estimate"].to_list() == pytest.approx([8.0, 8.0], rel=1e-12)
    assert found["population"].to_list() == pytest.approx([2 * 5 * 3.4e6] * 2)
    crude = pick(table, measure="crude rate", level=0.95)["estimate"][0]
    assert crude == pytest.approx(1e5 * 4 / 3.4e6, rel=1e-12)
    assert set(table["status"]) == {"ok"}


def test_limits_nest_by_level(tmp_path):
    table = project(records((1, 2, 4)), population(tmp_path), model="one drift", **BASE).table
    own = pick(table, measure="new cases per year", first=2011).sort("level")
    assert own["level"].to_list() == [0.5, 0.8, 0.95]
    assert own["lower"].is_sorted(descending=True)
    assert own["upper"].is_sorted()
    assert own["estimate"].n_unique() == 1


def test_the_same_seed_gives_the_same_limits(tmp_path):
    people = population(tmp_path)
    first, second, other = (
        project(records((1, 2, 4)), people, **BASE, seed=seed).table for seed in (1, 1, 2)
    )
    assert first.equals(second)
    assert not first.equals(other)


def test_a_share_of_the_family(tmp_path):
    family = pl.concat(
        [records((3, 5, 10), entity="common", family="F"),
         records((0, 0, 1), entity="rare", family="F")]
    )  # fmt: skip
    result = project(
        family, population(tmp_path), by=["entity"], family="family", model="share of the family",
        start=0, use=0, last=1, draws=400, age_groups=[0, 40, 60],
    )  # fmt: skip
    table = pick(result.table, measure="new cases per year", level=0.95, first=2011)
    assert dict(table.select("entity", "estimate").rows()) == pytest.approx(
        {"common": 18.0, "rare": 1.0}
    )


# --- which model -------------------------------------------------------------------------------


def observed(cases, family=None, ages=8, periods=6):
    d = np.full((ages, periods), cases / ages / periods)
    own = None if family is None else np.full((ages, periods), family / ages / periods)
    return Observed(d, np.full(d.shape, 1e6), tuple(range(0, 5 * ages, 5)), own)


@pytest.mark.parametrize(
    ("data", "method"),
    [
        (observed(480), "age-period-cohort"),
        (observed(96), "one drift"),
        (observed(24), "constant rates"),
        (observed(24, family=960), "share of the family, age-period-cohort"),
        (observed(24, family=48), "constant rates"),
        (observed(96, family=960), "one drift"),
        (observed(480, periods=3), "one drift"),
        (observed(96, periods=1), "constant rates"),
    ],
)
def test_the_model_is_chosen_by_the_cases_and_said(data, method):
    assert projection_of(data, 2, Choices()).method.startswith(method)


def test_single_years_are_projected_by_splines():
    data = observed(960, periods=24)
    found = projection_of(data, 3, Choices(width=1))
    assert found.method.startswith("age-period-cohort splines")
    assert found.rates.sum(axis=0) == pytest.approx([8 * 5e-6] * 3, rel=0.02)


def test_a_damped_drift_of_single_years_is_cut_every_five():
    d = np.outer(np.ones(3), 2.0 ** np.arange(4))
    data = Observed(d, np.full(d.shape, 1e6), (0, 5, 10))
    own = Choices(width=1, model="one drift", cut=(0, 1))
    found = projection_of(data, 7, own).rates[0] * 1e6
    assert found == pytest.approx([16, 32, 64, 128, 256, 256, 256], rel=1e-8)


# --- back-test ---------------------------------------------------------------------------------


def test_back_test_of_what_never_changes(tmp_path):
    table = back_test(
        records((2, 4, 6)), population(tmp_path), model="constant rates", held_out=1, origins=2,
        **BASE,
    ).table  # fmt: skip
    own = pick(table, measure="new cases per year")
    assert own["origin"].to_list() == [2000, 2005]
    for column in ("observed", "estimate", "naive"):
        assert own[column].to_list() == pytest.approx([12.0, 12.0])
    values = {row["measure"]: row for row in table.iter_rows(named=True)}
    assert values["coverage of the prediction interval"]["estimate"] == 1
    assert values["coverage of the prediction interval"]["lower"] == pytest.approx(0.025**0.5)
    assert values["mean absolute error"]["estimate"] == pytest.approx(0, abs=1e-9)


def test_back_test_sees_a_trend_that_the_naive_forecast_misses(tmp_path):
    cases = records(lambda year: (2 + (year - 1991) // 2, 4 + (year - 1991), 6 + year - 1991))
    table = back_test(
        cases, population(tmp_path), model="one drift", held_out=1, cut=(0,), **BASE
    ).table
    values = {row["measure"]: row["estimate"] for row in table.iter_rows(named=True)}
    counted = sum(12 + 2 * (y - 1991) + (y - 1991) // 2 for y in range(2006, 2011)) / 5
    before = sum(12 + 2 * (y - 1991) + (y - 1991) // 2 for y in range(1996, 2006)) / 10
    naive = 100 * (counted - before) / counted
    assert values["naive mean absolute error"] == pytest.approx(naive, rel=1e-9)
    assert values["error over naive error"] < 0.8  # a log-linear drift overshoots a straight line
    row = pick(table, measure="new cases per year").row(0, named=True)
    assert row["observed"] == pytest.approx(counted)
    assert row["inside"]
    assert not row["naive_inside"]


def test_back_test_of_danish_testis_cancer(shared_data):
    rows = pl.read_csv(shared_data / "Epi_testisDK.csv")
    people = Population.read(rows.select(age="A", year="P", person_years="Y"))
    cases = rows.select(
        pl.col("A").cast(pl.Int64).alias("age"), incidence_date=pl.date("P", 7, 1),
        n=pl.col("D").cast(pl.Int64),
    )  # fmt: skip
    cases = cases.select(pl.exclude("n").repeat_by("n").explode())
    table = back_test(cases, people, held_out=2, origins=3, draws=2_000).table
    values = {row["measure"]: row["estimate"] for row in table.iter_rows(named=True)}
    # of six forecasts of a rising cancer none is off by more than its limits
    assert values["coverage of the prediction interval"] == 1
    assert values["naive coverage of the prediction interval"] == 0
    assert values["error over naive error"] < 0.3
    widths = pick(table, measure="new cases per year").select(
        (pl.col("upper") - pl.col("lower")) / pl.col("estimate")
    )
    assert widths.to_series().max() < 0.5


# --- what cannot be ----------------------------------------------------------------------------


def test_an_entity_without_cases_in_the_last_periods_is_not_estimable(tmp_path):
    cases = pl.concat(
        [records((1, 2, 4), entity="seen"), records((0, 0, 1), entity="gone", years=[1992])]
    )
    table = project(cases, population(tmp_path), by=["entity"], **BASE).table
    gone = pick(table, entity="gone", measure="new cases per year")
    assert gone["status"].to_list() == ["not estimable"] * 2
    assert gone["estimate"].null_count() == 2
    assert "no case in the last 2 periods" in gone["reason"][0]
    assert set(pick(table, entity="seen")["status"]) == {"ok"}


def test_limits_of_few_cases_hold_the_mean(tmp_path):
    table = project(
        records((0, 0, 1), years=[2009]), population(tmp_path), **BASE, model="constant rates",
        last_year=2010, levels=(0.5,),
    ).table  # fmt: skip
    row = pick(table, measure="new cases per year", first=2011).row(0, named=True)
    assert row["lower"] <= row["estimate"] == pytest.approx(0.1)
    assert row["upper"] >= row["estimate"]


def test_an_entity_without_cases_in_the_years_observed_says_so(tmp_path):
    cases = pl.concat(
        [records((1, 2, 4), entity="seen"), records((0, 0, 1), entity="old", years=[1990])]
    )
    people = population(tmp_path, years=range(1990, 2021))
    table = project(cases, people, by=["entity"], **BASE).table
    seen = pick(table, measure="new cases per year", level=0.95)
    assert set(seen["entity"]) == {"seen"}
    assert (
        "cases of other years, left out: 1"
        in project(cases, people, by=["entity"], **BASE).provenance.notes
    )


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"by": ["year"]}, UsageError, "no strata"),
        ({"model": "magic"}, UsageError, "no such choice"),
        ({"width": 2}, UsageError, "no such choice"),
        ({"cut": (2,)}, UsageError, "between 0 and 1"),
        ({"horizon": 3}, PopulationError, "lacks years observed, or years to come"),
        ({"last_year": 2030}, PopulationError, "lacks years observed"),
        ({"model": "share of the family"}, UsageError, "no family"),
        ({"family": "age"}, UsageError, "strata of the cases"),
        ({"draws": 10}, UsageError, "100 draws"),
    ],
)
def test_wrong_choices_are_refused(tmp_path, change, error, words):
    with pytest.raises(error, match=words):
        project(records((1, 2, 4)), population(tmp_path), **(BASE | change))


def test_no_case_at_all_is_refused(tmp_path):
    with pytest.raises(CaseError, match="no case to project from"):
        project(records((1, 1, 1)).clear(), population(tmp_path), **BASE)


def test_an_entity_of_two_families_is_refused(tmp_path):
    cases = pl.concat(
        [records((1, 0, 0), entity="E", family="F"), records((1, 0, 0), entity="E", family="G")]
    )
    with pytest.raises(CaseError, match="several families"):
        project(cases, population(tmp_path), by=["entity"], family="family", **BASE)


def test_a_back_test_needs_periods_before_the_first_origin(tmp_path):
    with pytest.raises(UsageError, match="too few periods"):
        back_test(records((1, 2, 4)), population(tmp_path), held_out=2, origins=3, **BASE)


def test_periods_end_at_the_last_year_observed(tmp_path):
    people = population(tmp_path, years=range(1993, 2013))
    seen, future = periods_of(people, 2006, width=5, horizon=None)
    assert seen == [(1997, 2001), (2002, 2006)]
    assert future == [(2007, 2011)]
