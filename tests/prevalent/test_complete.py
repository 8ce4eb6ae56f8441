"""Complete prevalence: a known truth found again, two kinds of error, unknown ages, refusals."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from rarecare.errors import CaseError, ColumnError, PopulationError, UsageError
from rarecare.population.life_table import LifeTable
from rarecare.population.population import Population
from rarecare.prevalent.complete import complete_prevalence
from rarecare.prevalent.empirical import empirical_complete_prevalence

INDEX = date(2009, 12, 31)
YEAR = 365.2425
BIRTHS, OLDEST = 20_000.0, 101
SINGLE = np.arange(OLDEST)
HAZARD = 1e-4 + 3e-5 * np.exp(0.095 * (SINGLE + 0.5))
CUMULATIVE = np.append(0.0, np.cumsum(HAZARD))
SHAPE = 0.9


def background(age):
    """Cumulative hazard of the others' deaths up to exact ages."""
    return np.interp(age, np.arange(OLDEST + 1), CUMULATIVE)


def incidence(age):
    """Per person-year: no spline of age, with a bend at 50 and a top near 75."""
    return np.exp(-8.4 - 0.5 * ((age - 72) / 20) ** 2 + 0.5 * np.tanh((age - 50) / 15))


def cured(age):
    return 1 / (1 + np.exp(-(0.4 - 0.3 * (age / 10 - 6))))


def net(age, years):
    own = cured(age)
    return own + (1 - own) * np.exp(-np.exp(-0.6 + 0.15 * (age / 10 - 6)) * years**SHAPE)


def truth(drift, of=net):
    """Persons alive on the index date, Σ births × survival × incidence × net survival.

    By age and years since diagnosis, in steps of half a year and 0.05 years.
    """
    age, back = np.meshgrid(np.arange(0.25, OLDEST, 0.5), np.arange(0.025, OLDEST, 0.05))
    there = age > back
    first = np.where(there, age - back, 1.0)
    density = BIRTHS * np.exp(-background(age)) * incidence(first) * np.exp(-drift * back)
    return float((density * of(first, back) * there).sum() * 0.5 * 0.05)


def drawn(rng, drift, years=100):
    """All who get the cancer in the years before the index date, with their lifetimes."""
    age, back = (own.ravel() for own in np.meshgrid(SINGLE, np.arange(years)))
    most = BIRTHS * np.exp(-background(age) - drift * back)
    most = most * 1.1 * np.maximum(incidence(age), incidence(age + 1))
    n = rng.poisson(most)
    first, since = (np.repeat(own, n) + rng.random(n.sum()) for own in (age, back))
    rate = BIRTHS * np.exp(-background(first) - drift * since) * incidence(first)
    kept = rng.random(n.sum()) * np.repeat(most, n) < rate
    first, since = first[kept], since[kept]
    weibull = rng.exponential(size=len(first)) / np.exp(-0.6 + 0.15 * (first / 10 - 6))
    own = np.where(rng.random(len(first)) < cured(first), np.inf, weibull ** (1 / SHAPE))
    until = background(first) + rng.exponential(size=len(first))
    other = np.interp(until, CUMULATIVE, np.arange(OLDEST + 1), right=OLDEST) - first
    return first, since, np.minimum(own, other)


def registered(rng, drift, years, *, lost=0.0):
    """A registry's cases of the last years, followed to the index date; some are lost."""
    first, since, life = drawn(rng, drift, years)
    gap = np.floor(since * YEAR).astype(int)
    days = np.maximum(np.ceil(life * YEAR).astype(int), 1)
    last = np.maximum(gap, 1)
    if lost:
        gone = np.ceil(rng.exponential(1 / lost, len(gap)) * YEAR).astype(int)
        last = np.minimum(last, np.maximum(gone, 1))
    return pl.DataFrame({
        "incidence_date": [INDEX - timedelta(days=int(k)) for k in gap],
        "follow_up_days": np.minimum(days, last), "died": days <= last,
        "age_days": np.floor(first * YEAR).astype(int),
    })  # fmt: skip


YEARS = np.arange(1985, 2012)
LIFE_TABLE = LifeTable.read(
    pl.DataFrame({
        "age": np.tile(SINGLE, len(YEARS)), "year": np.repeat(YEARS, OLDEST),
        "mx": np.tile(HAZARD, len(YEARS)),
    })
)  # fmt: skip
PERSONS = BIRTHS * np.exp(-background(SINGLE + 0.5))


def population_of(**keys):
    frame = pl.DataFrame({
        "age": np.tile(SINGLE, len(YEARS)), "year": np.repeat(YEARS, OLDEST),
        "pop": np.tile(PERSONS, len(YEARS)),
    })  # fmt: skip
    for name, levels in keys.items():
        frame = frame.join(pl.DataFrame({name: levels}), how="cross")
    return Population.read(frame, age_groups="lower")


POPULATION = population_of()


def complete(cases, years=10, *, population=POPULATION, **choices):
    choices = {"registered_since": date(2010 - years, 1, 1), "drift": False} | choices
    return complete_prevalence(
        cases, population, LIFE_TABLE, index_date=INDEX, years=years, **choices
    )


def row(found, window="complete", measure="prevalent persons", **labels):
    table = found.result.table
    measure = "completeness" if window == "completeness" else measure
    return table.filter(window=window, measure=measure, **labels).row(0, named=True)


@pytest.fixture(scope="module")
def cases():
    return registered(np.random.default_rng(1), 0.0, 10)


@pytest.fixture(scope="module")
def found(cases):
    return complete(cases)


def test_the_truth_is_what_is_alive_in_the_invented_world():
    """Counted in 20 worlds of all who ever had the cancer: within 3 errors of the integral."""
    alive = []
    for number in range(20):
        _, since, life = drawn(np.random.default_rng([3, number]), 0.02)
        alive.append(int((life > since).sum()))
    known = truth(0.02)
    assert abs(np.mean(alive) - known) < 3 * np.sqrt(known / 20)


def recovered(replicates, years, drift, modelled, lost=0.0):
    """Return estimates and whether limits hold the truth, of the complete and the cured.

    Where cases are lost, registration is two years longer than the window: somebody must be
    followed as long as those for whom he stands in.
    """
    begun = years + 2 * (lost > 0)
    whole, own = truth(drift), truth(drift, lambda age, _: cured(age))
    shown, held, errors = [], [], []
    for number in range(replicates):
        data = registered(np.random.default_rng([5, number]), drift, begun, lost=lost)
        found = complete(data, years, drift=modelled, registered_since=date(2010 - begun, 1, 1))
        rows = [row(found, window) for window in ("complete", "cured")]
        shown.append([a["estimate"] / b for a, b in zip(rows, (whole, own), strict=True)])
        errors.append([a["se"] / b for a, b in zip(rows, (whole, own), strict=True)])
        held.append([
            a["lower"] <= b <= a["upper"] for a, b in zip(rows, (whole, own), strict=True)
        ])  # fmt: skip
    return np.array(shown), np.array(errors), np.mean(held, axis=0)


def check_recovery(replicates, years, drift, modelled, lost=0.0):
    """Bias within 1 % and chance, errors those of repeated samples, 95 % limits that hold.

    1 %: the curve of incidence is a spline of as many columns as the BIC asks, the truth is not.
    """
    shown, errors, held = recovered(replicates, years, drift, modelled, lost)
    spread = shown.std(axis=0, ddof=1)
    assert (np.abs(shown.mean(axis=0) - 1) < 0.01 + 3 * spread / np.sqrt(replicates)).all()
    of_spread = 3 / np.sqrt(2 * (replicates - 1))
    assert (np.abs(errors.mean(axis=0) / spread - 1) < 0.05 + of_spread).all()
    assert (np.abs(held - 0.95) < 0.01 + 3 * np.sqrt(0.95 * 0.05 / replicates)).all()


def test_a_known_truth_twenty_times():
    check_recovery(20, 10, 0.0, modelled=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("years", "drift", "modelled", "lost"),
    [(10, 0.0, False, 0.0), (15, 0.02, True, 0.0), (15, 0.0, True, 0.0), (15, 0.02, True, 0.03)],
)
def test_a_known_truth_three_hundred_times(years, drift, modelled, lost):
    check_recovery(300, years, drift, modelled, lost=lost)


def test_the_limited_is_counted_and_the_rest_follows(cases, found):
    """Alive by the cases themselves; N = counted / share; the cured are fewer than the alive."""
    alive = int((~cases["died"]).sum())
    window, whole, share = (row(found, name) for name in ("0-10", "complete", "completeness"))
    assert (window["estimate"], window["n"]) == (alive, cases.height)
    assert whole["estimate"] == pytest.approx(alive / share["estimate"], rel=1e-12)
    assert row(found, "cured")["estimate"] < whole["estimate"]
    assert whole["lower"] * whole["upper"] == pytest.approx(whole["estimate"] ** 2, rel=1e-12)
    assert 0 < share["lower"] < share["estimate"] < share["upper"] < 1
    assert whole["reason"].startswith("more than half is estimated beyond the registry's years")
    proportion = row(found, measure="prevalence")
    assert proportion["population"] == pytest.approx(PERSONS.sum(), rel=1e-12)
    assert proportion["upper"] == pytest.approx(1e5 * whole["upper"] / PERSONS.sum(), rel=1e-12)


def test_persons_over_completeness_at_their_age(cases, found):
    """Σ over those alive of 1/R at their completed age + 1/2, from the published curve of R."""
    gap = pl.lit(INDEX) - pl.col("incidence_date")
    age = ((pl.col("age_days") + gap.dt.total_days()) / YEAR).floor().cast(pl.Int64)
    living = cases.filter(~pl.col("died")).select(age=age)
    by_age = found.completeness
    assert by_age["age"].to_list() == list(range(105))
    joined = living.join(by_age, on="age", how="left")
    assert row(found)["estimate"] == pytest.approx((1 / joined["estimate"]).sum(), rel=1e-10)
    inside = by_age.filter(pl.col("age") < 10)
    assert inside["estimate"].to_list() == pytest.approx([1.0] * 10, abs=1e-12)
    beyond = by_age.filter(pl.col("age") > 30)
    assert (beyond["lower"] < beyond["estimate"]).all()
    assert (beyond["estimate"] < beyond["upper"]).all()


def check_draws(cases, number, drift):
    """Draws have a Monte Carlo error of 1/√(2·number) of their standard deviation; and of what is
    curved in the models, which the delta method leaves out, 4 %.
    """
    delta = complete(cases, drift=drift)
    draws = complete(cases, drift=drift, errors="draws", draws=number)
    for window in ("complete", "cured", "completeness"):
        assert row(draws, window)["estimate"] == row(delta, window)["estimate"]
        close = 0.04 + 3 / np.sqrt(2 * number)
        assert row(draws, window)["se"] == pytest.approx(row(delta, window)["se"], rel=close)


def test_two_hundred_draws_give_the_error_of_the_delta_method(cases):
    check_draws(cases, 200, drift=True)


@pytest.mark.slow
@pytest.mark.parametrize("drift", [False, True])
def test_a_thousand_draws_give_the_error_of_the_delta_method(cases, drift):
    check_draws(cases, 1000, drift=drift)


def test_draws_are_decided_by_their_seed(cases):
    first, again, other = (
        complete(cases, errors="draws", draws=10, seed=seed) for seed in (1, 1, 2)
    )
    assert row(again)["se"] == row(first)["se"]
    assert row(other)["se"] != row(first)["se"]


def test_unknown_ages_get_the_mean_factor_of_the_known(cases):
    """A fifth without age: those known give N/N_L, the others count by it; the note says so."""
    unknown = np.random.default_rng(8).random(cases.height) < 0.2
    blank = cases.with_columns(
        age_days=pl.when(~pl.Series(unknown)).then("age_days")
    )  # fmt: skip
    known = complete(cases.filter(~pl.Series(unknown)))
    found = complete(blank)
    # the models are those of the known alone
    assert found.completeness.equals(known.completeness)
    share = row(known)["estimate"] / row(known, "0-10")["estimate"]
    alive = int((~cases["died"]).sum())
    assert row(found, "0-10")["estimate"] == alive
    assert row(found)["estimate"] == pytest.approx(alive * share, rel=1e-12)
    assert row(found, "completeness")["estimate"] == pytest.approx(1 / share, rel=1e-12)
    assert row(found)["se"] > row(known)["se"]
    left = int((~cases["died"]).to_numpy()[unknown].sum())
    notes = [note for note in found.result.provenance.notes if "unknown age" in note]
    assert notes == [
        "counted of unknown age, each with the mean factor of the known of the stratum: "
        + str(left)
    ]
    assert not any("unknown age" in note for note in known.result.provenance.notes)


def test_nobody_of_known_age_alive_is_not_estimable(cases):
    blank = cases.with_columns(age_days=pl.when(pl.col("died")).then("age_days"))
    found = complete(blank)
    assert row(found)["status"] == "not estimable"
    assert row(found)["reason"] == "no age of those counted is known"
    assert row(found, "0-10")["estimate"] == int((~cases["died"]).sum())


def test_completed_years_serve_where_days_are_not_given(cases, found):
    """Ages by completed years are half a year off at most: the number moves by less than 1 %."""
    years = cases.select(
        pl.exclude("age_days"), age=(pl.col("age_days") / YEAR).floor().cast(pl.Int64)
    )
    assert row(complete(years))["estimate"] == pytest.approx(row(found)["estimate"], rel=0.01)


def test_strata_are_what_they_are_alone(cases, found):
    """Two sexes of the same cases, each half of the population: each as alone."""
    both = pl.concat([
        cases.with_columns(sex=pl.lit("female")), cases.with_columns(sex=pl.lit("male"))
    ])  # fmt: skip
    seen = []
    split = complete(
        both, by=["sex"], population=population_of(sex=["female", "male"]),
        progress=lambda done, of: seen.append((done, of)),
    )  # fmt: skip
    assert seen == [(0, 2), (1, 2)]
    assert list(split.models) == [("female",), ("male",)]
    for sex in ("female", "male"):
        for window in ("0-10", "complete", "cured", "completeness"):
            own, alone = row(split, window, sex=sex), row(found, window)
            assert own["estimate"] == pytest.approx(alone["estimate"], rel=1e-6)
            assert own["se"] == pytest.approx(alone["se"], rel=1e-6)
    assert split.completeness["sex"].unique().sort().to_list() == ["female", "male"]


def all_refused(found, match, windows=("complete", "cured", "completeness")):
    table = found.result.table.filter(pl.col("window").is_in(windows))
    assert table.height > 0
    assert table["status"].unique().to_list() == ["not estimable"]
    for name in ("estimate", "se", "lower", "upper"):
        assert table[name].null_count() == table.height
    assert all(match in reason for reason in table["reason"])
    numbers = found.result.table.select(pl.col(pl.Float64).is_nan().any())
    assert not any(numbers.row(0))


EVERY = ("0-10", "complete", "cured", "completeness")


def test_an_index_date_after_the_end_of_follow_up(cases):
    found = complete_prevalence(
        cases, POPULATION, LIFE_TABLE, index_date=date(2010, 12, 31), years=10,
        registered_since=date(2000, 1, 1),
    )  # fmt: skip
    all_refused(found, "nobody is followed to the index date: follow-up ends on", EVERY)
    assert found.completeness.is_empty()
    assert found.completeness.columns[-5:] == ["age", "estimate", "se", "lower", "upper"]


def test_a_window_before_registration(cases):
    found = complete(cases, registered_since="2001-01-01")
    all_refused(found, "registration begins on 2001-01-01, 10 years are asked", EVERY)
    assert found.models == {("all",): None}


def test_a_model_that_cannot_be_fitted_leaves_the_count(cases):
    """Three cases, one alive: no curve of incidence."""
    few = pl.concat([cases.filter("died").head(2), cases.filter(~pl.col("died")).head(1)])
    found = complete(few)
    assert row(found, "0-10")["estimate"] == 1
    all_refused(found, "too few cases for a curve of incidence by age")
    nobody_dies = cases.filter(~pl.col("died"))
    all_refused(complete(nobody_dies), "no deaths")


def test_few_cases_are_estimated_with_limits_or_refused_with_a_reason(cases):
    """Samples of 5 to 69 cases: numbers in order and finite, or none and why; both occur."""
    statuses = set()
    for number in range(24):
        rng = np.random.default_rng([9, number])
        size = int(rng.integers(5, 70))
        few = cases[np.sort(rng.choice(cases.height, size, replace=False))]
        found = complete(few, drift=bool(number % 2))
        table = found.result.table
        ok = table.filter(status="ok")
        assert ok.select((pl.col("lower") <= pl.col("estimate")).all()).item()
        assert ok.select((pl.col("estimate") <= pl.col("upper")).all()).item()
        assert ok.select(pl.col("lower", "upper", "se").is_finite().all()).row(0) == (True,) * 3
        whole = ok.filter(window="complete")
        assert (whole["se"] <= whole["estimate"]).all()
        none = table.filter(pl.col("status") != "ok")
        assert none["reason"].null_count() == none["estimate"].count() == none["se"].count() == 0
        assert row(found, "0-10")["status"] == "ok"
        statuses.add(row(found)["status"])
    assert statuses == {"ok", "not estimable"}


def test_what_the_models_leave_open_is_refused(cases, monkeypatch):
    """A standard error above the estimate, here 100 times that of the models, is no estimate."""
    from rarecare.prevalent import complete as module  # noqa: PLC0415

    fit_beyond = module.fit_beyond

    def vague(*arguments, **choices):
        beyond = fit_beyond(*arguments, **choices)
        fit = replace(beyond.fit, covariance=1e4 * beyond.fit.covariance)
        return replace(beyond, fit=fit)

    monkeypatch.setattr(module, "fit_beyond", vague)
    found = complete(cases)
    all_refused(found, "the models leave it open: its standard error exceeds it")
    assert row(found, "0-10")["status"] == "ok"


def test_nobody_counted_is_no_zero(cases):
    dead = cases.filter(pl.col("died"))
    last = dead.head(1).with_columns(
        incidence_date=pl.lit(date(1990, 1, 1)), follow_up_days=pl.lit(9000),
        died=pl.lit(value=False),
    )  # fmt: skip
    found = complete(pl.concat([dead, last.cast(dead.schema)]))
    own = row(found, "0-10")
    assert own["estimate"] == 0
    assert own["upper"] == pytest.approx(-np.log(0.025))
    all_refused(found, "nobody was counted")


def test_a_population_of_one_age_group_or_of_other_years(cases):
    one = Population.read(pl.DataFrame({"age": ["0+"] * 27, "year": YEARS, "pop": [1e6] * 27}))
    all_refused(complete(cases, population=one), "all cases are of one age group")
    late = Population.read(pl.DataFrame({
        "age": ["0-49", "50+"] * 2, "year": [2010, 2010, 2011, 2011], "pop": [5e5] * 4,
    }))  # fmt: skip
    all_refused(complete(cases, population=late), "no whole year is both registered")
    grown = POPULATION.table.filter(pl.col("age_lower") >= 60).rename({"age_lower": "age"})
    adult = Population.read(grown, age_groups="lower")
    all_refused(complete(cases, population=adult), "the population has no such age")


def test_a_stratum_that_the_population_lacks(cases):
    both = pl.concat([
        cases.with_columns(area=pl.lit("north")), cases.with_columns(area=pl.lit("south"))
    ])  # fmt: skip
    found = complete(both, by=["area"], population=population_of(area=["north", "west"]))
    assert row(found, area="north")["status"] == "ok"
    assert "the population has no such area: got 'south'" in row(found, area="south")["reason"]
    lost = row(found, "0-10", measure="prevalence", area="south")
    assert lost["status"] == "not estimable"
    assert lost["reason"] == "the population has nobody of these"


def test_the_lost_whom_nobody_stands_in_for(cases):
    gone = pl.DataFrame({
        "incidence_date": [date(2000, 6, 1), date(2009, 12, 31)], "follow_up_days": [5, 1],
        "died": [False, False], "age_days": [20_000, 20_000],
    }).cast(cases.schema)  # fmt: skip
    all_refused(complete(gone), "nobody at risk to stand in for them", EVERY)


@pytest.mark.parametrize(
    ("choice", "error", "match"),
    [
        ({"errors": "bootstrap"}, UsageError, "errors has no such choice: got 'bootstrap'"),
        ({"errors": "draws", "draws": 1}, UsageError, "draws are out of range: got 1"),
        ({"years": 0, "registered_since": None}, UsageError, "years are out of range"),
        ({"by": ["stage"]}, ColumnError, "no such column: got 'stage'"),
        ({"registered_since": "1.1.2000"}, UsageError, "this is no date: got '1.1.2000'"),
        ({"cured": "~ stage"}, UsageError, "stage"),
        ({"level": 95}, UsageError, "between 0 and 1"),
    ],
)
def test_wrong_choices_are_refused(cases, choice, error, match):
    with pytest.raises(error, match=match):
        complete(cases, **choice)


def test_wrong_data_are_refused(cases):
    with pytest.raises(CaseError, match="no case"):
        complete(cases.clear())
    with pytest.raises(ColumnError, match="the cases have no ages"):
        complete(cases.drop("age_days"))
    with pytest.raises(UsageError, match="this is no date"):
        complete_prevalence(cases, POPULATION, LIFE_TABLE, index_date="31.12.2009", years=10)
    with pytest.raises(PopulationError, match="no year next to the index date"):
        complete_prevalence(cases, POPULATION, LIFE_TABLE, index_date="2019-12-31", years=10)
    with pytest.raises(UsageError, match="takes a life table"):
        complete_prevalence(cases, POPULATION, None, index_date=INDEX, years=10)


AT = date(2010, 12, 31)
PLACE = Population.read(pl.DataFrame({"age_group": ["0-64", "65+"], "pop": [900.0, 100.0]}))


def alive(gaps, ages):
    """Cases alive on 31 December 2010, diagnosed so many years before, of that age on the date."""
    days = [round(gap * YEAR) for gap in gaps]
    return pl.DataFrame({
        "incidence_date": [AT - timedelta(days=own) for own in days],
        "follow_up_days": [own + 10 for own in days], "died": [False] * len(days),
        "age_days": [round((age + 0.5) * YEAR) - own for age, own in zip(ages, days, strict=True)],
    })  # fmt: skip


# 1 of 4 alive below 65 is of the last 5 years, 2 of 4 above
LONG = alive([1, 8, 12, 18, 2, 3, 9, 19], [40] * 4 + [70] * 4)
SHORT = alive([1, 2, 3, 1, 2, 3, 4, 4], [40] * 3 + [70] * 5)


def empirical(cases, long_cases=LONG, **choices):
    choices = {
        "index_date": AT, "years": 5, "long_years": 20, "age_groups": [0, 65],
        "registered_since": "2000-01-01", "long_registered_since": "1990-01-01",
    } | choices  # fmt: skip
    return empirical_complete_prevalence(cases, PLACE, long_cases=long_cases, **choices)


def test_a_long_registry_by_hand():
    """R = 1/4, 1/2: 3·4 + 5·2 = 22. Var = 3·16 + 5·4 of the count, and (N_L/R²)² R(1 − R)/n:
    48²·0.1875/4 = 108, 20²·0.25/4 = 25.
    """
    found = empirical(SHORT)
    whole = row(found)
    assert whole["estimate"] == pytest.approx(22, rel=1e-12)
    assert whole["se"] ** 2 == pytest.approx(68 + 108 + 25, rel=1e-12)
    assert row(found, "0-5")["estimate"] == 8
    share = row(found, "completeness")
    assert share["estimate"] == pytest.approx(8 / 22, rel=1e-12)
    # Σ (1 − share·w)² of the count, share² · 133 of R, over N²
    of_count = 3 * (1 - 4 * 8 / 22) ** 2 + 5 * (1 - 2 * 8 / 22) ** 2
    assert share["se"] ** 2 == pytest.approx((of_count + (8 / 22) ** 2 * 133) / 22**2, rel=1e-9)
    assert row(found, measure="prevalence")["estimate"] == pytest.approx(2200, rel=1e-12)
    assert found.completeness["age_group"].to_list() == ["0-64", "65+"]
    assert found.completeness["estimate"].to_list() == [0.25, 0.5]
    assert found.completeness["n"].to_list() == [4, 4]
    assert found.completeness["se"].to_list() == pytest.approx([0.1875**0.5 / 2, 0.25])
    assert found.models == {}
    warning = "those diagnosed more than 20 years ago are missed: too low for cancers of the young"
    assert warning in whole["reason"]
    assert any("too low for cancers of the young" in n for n in found.result.provenance.notes)


def test_the_same_registry_gives_its_own_long_count(cases):
    """N_L/R over the same cases is n: counted in the long window, with its error."""
    long = registered(np.random.default_rng(2), 0.0, 30)
    found = empirical_complete_prevalence(
        long, POPULATION, index_date=INDEX, years=10, long_years=30,
        registered_since=date(1980, 1, 1), age_groups=range(0, 100, 5),
    )  # fmt: skip
    known = int((~long["died"]).sum())
    assert row(found)["estimate"] == known
    assert row(found)["se"] == pytest.approx(known**0.5, rel=1e-12)
    seen = int((~long["died"] & (long["incidence_date"] > date(1999, 12, 31))).sum())
    assert row(found, "completeness")["estimate"] == pytest.approx(seen / known, rel=1e-12)
    other = empirical_complete_prevalence(
        cases, POPULATION, index_date=INDEX, years=10, long_years=30, long_cases=long,
        registered_since=date(2000, 1, 1), age_groups=(0, 40, 60, 80),
    )  # fmt: skip
    both = row(other)
    assert abs(both["estimate"] - known) < 3 * np.hypot(both["se"], known**0.5)


def test_a_long_registry_misses_those_before_it():
    """Sixty worlds: the mean is that of the thirty years, not of all, within 3 errors."""
    early = truth(0.0) - truth(0.0, lambda age, back: net(age, back) * (back < 30))
    within = truth(0.0) - early
    assert early > 0.05 * within
    shown, errors = [], []
    for number in range(60):
        data, long = (
            registered(np.random.default_rng([6, number, k]), 0.0, years)
            for k, years in enumerate((10, 30))
        )
        found = empirical_complete_prevalence(
            data, POPULATION, index_date=INDEX, years=10, long_years=30, long_cases=long,
            registered_since=date(2000, 1, 1), long_registered_since=date(1980, 1, 1),
            age_groups=(0, 30, 40, 50, 60, 70, 80, 90),
        )  # fmt: skip
        shown.append(row(found)["estimate"])
        errors.append(row(found)["se"])
    spread = np.std(shown, ddof=1)
    # 1 %: incidence and so R differ within a group of ten years of age
    assert abs(np.mean(shown) - within) < 0.01 * within + 3 * spread / np.sqrt(60)
    assert abs(np.mean(errors) / spread - 1) < 0.05 + 3 / np.sqrt(2 * 59)


def test_unknown_ages_of_a_long_registry():
    blank = SHORT.with_columns(age_days=pl.Series([None, *SHORT["age_days"][1:]]))
    found = empirical(blank)
    # 2·4 + 5·2 of seven known, times 8/7
    assert row(found)["estimate"] == pytest.approx(18 * 8 / 7, rel=1e-12)
    assert any(note.endswith("of the stratum: 1") for note in found.result.provenance.notes)


def test_what_a_long_registry_cannot_say():
    late = empirical(SHORT, long_registered_since="2000-01-01")
    assert row(late, "0-5")["estimate"] == 8
    own = ("complete", "completeness")
    all_refused(late, "the long registry: registration begins on 2000-01-01, 20 years", own)
    same = empirical(LONG, None, long_registered_since=None)
    all_refused(same, "the long registry: registration begins on 2000-01-01", own)
    old = empirical(SHORT, LONG.tail(4))
    all_refused(old, "the long registry has nobody of age 0-64 in the window", own)
    nobody = empirical(LONG.filter(pl.col("incidence_date") < date(2004, 1, 1)))
    all_refused(nobody, "nobody was counted", own)
    blank = empirical(SHORT.with_columns(age_days=pl.lit(None, dtype=pl.Int64)))
    all_refused(blank, "no age of those counted is known", own)
    early = empirical(SHORT, registered_since="2009-01-01")
    all_refused(early, "registration begins on 2009-01-01, 5 years are asked", ("0-5", *own))
    with pytest.raises(UsageError, match="not longer than the window: got 5"):
        empirical(SHORT, long_years=5)
    assert empirical(SHORT, LONG.tail(4)).completeness["estimate"].to_list() == [None, 0.5]
