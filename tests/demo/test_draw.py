"""Cases as drawn: marginals, follow-up, second primaries, and the truth behind them."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rarecare.codes.rare_cancers import default_list
from rarecare.demo import draw_cases, registries, truth
from rarecare.demo.draw import parts
from rarecare.demo.follow_up import excess_days, other_cause_days
from rarecare.demo.model import europe
from rarecare.demo.registry import CLOSING_DATE
from rarecare.demo.true_values import case_counts
from tests.reference import demo_twin as twin

SURELY = 1e-4  # a seeded draw is checked once: less likely than this is a fault
ENTITIES = {row["entity_id"]: row for row in twin.rows("demo_entities.csv")}
COUNTRIES = {row["country"]: row for row in twin.rows("demo_countries.csv")}


@pytest.fixture(scope="module")
def poland():
    return registries(cases=150_000, countries=["PL"])[0]


@pytest.fixture(scope="module")
def drawn(poland):
    return [part for part, _ in parts(poland, 7)]


@pytest.fixture(scope="module")
def cases(poland):
    return draw_cases(poland, seed=7)


@pytest.fixture(scope="module")
def all_parts(drawn):
    names = ("entity", "sex", "age", "stage", "phi", "incidence", "unspecified", "basis")
    return {name: np.concatenate([getattr(part, name) for part in drawn]) for name in names}


def chi_square_p(observed, expected):
    """P of the Poisson counts, cells of fewer than 5 expected cases put together."""
    few = expected < 5
    observed = np.append(observed[~few], observed[few].sum())
    expected = np.append(expected[~few], expected[few].sum())
    kept = expected > 0
    statistic = ((observed - expected)[kept] ** 2 / expected[kept]).sum()
    return stats.chi2.sf(statistic, kept.sum())


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (3,), (0, 1), (1, 2)])
def test_entities_sexes_ages_and_years_have_their_expected_numbers(poland, all_parts, axes):
    expected = poland.expected()
    year = all_parts["incidence"].astype("datetime64[D]").astype("datetime64[Y]").astype(int) - 25
    cell = (all_parts["entity"], all_parts["sex"], all_parts["age"], year)
    observed = np.zeros(expected.shape)
    np.add.at(observed, cell, 1)
    others = tuple(axis for axis in range(4) if axis not in axes)
    p = chi_square_p(observed.sum(axis=others).ravel(), expected.sum(axis=others).ravel())
    assert p > SURELY
    doubled = expected.sum(axis=others).ravel() * 1.05  # the test must be able to fail
    assert chi_square_p(observed.sum(axis=others).ravel(), doubled) < SURELY


def test_stages_have_their_shares(poland, all_parts):
    model = europe()
    shares = model.stage[:, poland.index]
    shares = shares / shares.sum(axis=1, keepdims=True)
    numbers = np.bincount(all_parts["entity"], minlength=len(shares))
    observed = np.zeros(shares.shape)
    np.add.at(observed, (all_parts["entity"], all_parts["stage"]), 1)
    assert chi_square_p(observed.ravel(), (numbers[:, None] * shares).ravel()) > SURELY
    assert (observed[~model.entities.staged][:, :3] == 0).all()


def test_relative_hazards_are_those_of_the_specification(drawn):
    part, own = drawn[0], europe().entities
    stages = ("localised", "regional", "distant", "unknown")
    for at in range(0, len(part), len(part) // 200):
        entity = ENTITIES[own.ids[part.entity[at]]]
        phi = twin.phi(
            entity,
            COUNTRIES["PL"],
            sex=("male", "female")[part.sex[at]],
            age=int(part.age[at]),
            stage=stages[part.stage[at]] if entity["stage_localised"] else None,
            year=twin.day(part.incidence[at]).year,
        )
        assert part.phi[at] == pytest.approx(phi * (1.3 if part.unspecified[at] else 1), rel=1e-12)


def test_excess_deaths_fall_on_the_day_the_baseline_is_reached():
    model = europe()
    row = model.entities.ids.index("02.07.01")
    grid = model.baseline[row]
    reached = np.array([grid[1] / 2, grid[1], grid[12] * (1 + 1e-12), grid[168] * 1.0001])
    days = excess_days(np.full(4, row), reached)
    month = 365.2425 / 12
    assert days[:3].tolist() == [
        np.ceil(month / 2),
        np.ceil(month),
        np.ceil(12 * month),
    ]
    assert days[3] > 14 * 366  # never: the case is cured


@given(
    sex=st.sampled_from([0, 1]),
    incidence=st.integers(9131, 13878),  # 1995-01-01 to 2007-12-31
    age=st.sampled_from([0, 1, 59, 64, 98, 99]),
    within=st.integers(0, 364),
    end_reached=st.tuples(st.integers(1, 366 * 2), st.floats(1e-6, 3.0)),
)
def test_other_causes_by_day(sex, incidence, age, within, end_reached):
    end_reached = (min(end_reached[0], 14244 - incidence), end_reached[1])  # to 2008-12-31
    end, reached = end_reached
    hazard = np.fromfunction(lambda s, a, y: 0.002 * (1 + s) * 1.06**a * 0.97**y, (2, 100, 14))
    age_days = int(np.ceil(age * twin.D)) + within
    found = other_cause_days(
        hazard,
        sex=np.array([sex]),
        incidence=np.array([incidence]),
        age_days=np.array([age_days]),
        end=np.array([end]),
        reached=np.array([reached]),
    )[0]
    expected = twin.other_cause_day(
        lambda s, a, y: hazard[s, a, y - 1995],
        sex=sex,
        incidence=twin.day(incidence),
        age_days=age_days,
        end=end,
        reached=reached,
    )
    assert found == expected or (expected is None and found > end)


def test_follow_up_is_possible(cases):
    known = cases.filter(pl.col("basis_of_diagnosis") != 0)
    assert (known["follow_up_days"] >= 1).all()
    assert cases["last_date"].max() == CLOSING_DATE
    alive = cases.filter(pl.col("vital_status") == "alive")
    assert (alive["last_date"] == CLOSING_DATE).all()
    lost = cases.filter(pl.col("vital_status") == "lost")
    assert (lost["last_date"] < CLOSING_DATE).all()
    reached = pl.col("incidence_date") + pl.duration(days="follow_up_days")
    assert cases.select((pl.col("last_date") == reached).all()).item()
    completed = (cases["age_days"] / twin.D).floor().cast(pl.Int32)
    assert (completed == cases["age"]).all()


def test_death_certificates_and_losses_have_their_shares(cases):
    n = cases.height
    dco = cases.filter(pl.col("basis_of_diagnosis") == 0)
    share = float(COUNTRIES["PL"]["dco_percent"]) / 100
    assert dco.height / n == pytest.approx(share, abs=4 * (share * (1 - share) / n) ** 0.5)
    assert (dco["follow_up_days"] == 0).all()
    assert (dco["vital_status"] == "dead").all()
    lost = (cases["vital_status"] == "lost").mean()
    given_a_day = float(COUNTRIES["PL"]["lost_to_follow_up_percent"]) / 100
    assert 0.4 * given_a_day < lost < given_a_day  # some die before that day


def test_five_percent_of_persons_have_a_second_primary_and_are_one_person(cases):
    same = ("sex", "birth_month", "vital_status", "last_month")
    persons = (
        cases.with_columns(
            birth_month=pl.col("birth_date").dt.strftime("%Y-%m"),
            last_month=pl.col("last_date").dt.strftime("%Y-%m"),
        )
        .group_by("patient_id")
        .agg(pl.len(), *(pl.col(name).n_unique() for name in (*same, "incidence_date")))
    )
    two = persons.filter(pl.col("len") == 2)
    assert persons["len"].max() == 2
    assert two.height / persons.height == pytest.approx(0.05, abs=1e-4)  # rounded by part
    for name in same:
        assert (two[name] == 1).all()
    assert (two["incidence_date"] == 2).all()


def test_every_case_is_classified_as_the_entity_it_was_drawn_from(cases):
    found = default_list().classify(cases)
    assert found.height == cases.height
    assert found["entity_tier1"].equals(cases["tier1"])
    assert found["entity_tier2"].equals(cases["entity_id"], null_equal=True)


def test_the_same_seed_draws_the_same_cases_and_another_others(poland, cases):
    assert draw_cases(poland, seed=7).equals(cases)
    assert not draw_cases(poland, seed=8).equals(cases)


def test_truth_is_the_mean_over_the_cases_drawn(poland, drawn, all_parts):
    counts = np.sum([case_counts(part) for part in drawn], axis=0)
    table = truth([poland], drawn=counts[None])
    own = (pl.col("area") == "PL") & (pl.col("period") == "1995-2007")
    table = table.filter(own, age_group="all", measure="net_survival")
    model = europe()
    deviations = []
    for (entity_id, sex, years), true, n in zip(
        table.select("entity_id", "sex", "time_years").iter_rows(),
        table["estimate"],
        table["cases_drawn"],
        strict=True,
    ):
        if entity_id not in model.entities.ids or n < 100:
            continue
        row = model.entities.ids.index(entity_id)
        chosen = all_parts["entity"] == row
        if not model.entities.told_anyway[row]:
            chosen &= ~all_parts["unspecified"]
        if sex != "all":
            chosen &= all_parts["sex"] == ("male", "female").index(sex)
        assert chosen.sum() == n
        alive = np.exp(-all_parts["phi"][chosen] * model.baseline[row, int(12 * years)])
        deviations.append((alive.mean() - true) / (alive.std() / n**0.5))
    deviations = np.array(deviations)
    assert len(deviations) > 500
    # about standard normal; those of one entity go together, hence the width
    assert np.abs(deviations).max() < 5
    assert 0.8 < deviations.std() < 1.2
    assert abs(deviations.mean()) < 0.15


def test_truth_of_one_group_by_plain_loops(poland):
    entity_id, years = "06.02.02", 5
    entity, model = ENTITIES[entity_id], europe()
    row = model.entities.ids.index(entity_id)
    drawn = np.zeros((1, *case_counts(next(parts(poland, 7))[0]).shape), dtype=np.int64)
    stages = twin.stage_shares(entity, float(COUNTRIES["PL"]["stage_shift"]))
    alive = total = 0.0
    expected = poland.expected()[row, 0] * (1 - float(entity["nos_share"]))
    for age in range(15, 100):
        for year in range(1995, 2008):
            for stage, share in stages.items():
                phi = twin.phi(entity, COUNTRIES["PL"], sex="male", age=age, stage=stage, year=year)
                weight = share * expected[age, year - 1995]
                alive += weight * np.exp(-phi * model.baseline[row, 12 * years])
                total += weight
    found = truth([poland], drawn=drawn).filter(
        entity_id=entity_id, area="PL", sex="male", age_group="15-99", period="1995-2007"
    )
    survival = found.filter(measure="net_survival", time_years=years)["estimate"].item()
    assert survival == pytest.approx(alive / total, rel=1e-10)
    rate = found.filter(measure="incidence")
    lived = 13 * poland.persons[0, 15:].sum()
    assert rate["person_years"].item() == lived
    assert rate["estimate"].item() == pytest.approx(1e5 * total / lived, rel=1e-10)


def test_truth_of_sums_is_the_sum_of_parts():
    chosen = registries(cases=20_000, countries=["DK", "MT"])
    shape = case_counts(next(parts(chosen[0], 1))[0]).shape
    table = truth(chosen, drawn=np.ones((2, *shape), dtype=np.int64))
    rates = table.filter(measure="incidence", period="1995-2007", age_group="all", sex="all")
    by_area = {
        area: rates.filter(entity_id="all", area=area)["cases_expected"].item()
        for area in ("DK", "MT", "Northern Europe", "Southern Europe", "all")
    }
    assert by_area["all"] == pytest.approx(by_area["DK"] + by_area["MT"], rel=1e-12)
    assert by_area["Northern Europe"] == by_area["DK"]
    tier1 = rates.filter(pl.col("entity_id").str.len_chars() == 5, area="all")
    assert tier1["cases_expected"].sum() == pytest.approx(by_area["all"], rel=1e-12)


def test_the_last_day_of_follow_up_gives_whole_years():
    # who is diagnosed by the end of 2003 (1998) is followed for 5 (10) whole years
    for year, years in ((2007, 1), (2003, 5), (1998, 10)):
        last_diagnosis = twin.day(0).replace(year=year, month=12, day=31)
        assert last_diagnosis + timedelta(days=years * twin.D) <= CLOSING_DATE
