"""The synthetic Europe's parameters: totals, average curves, life tables, populations."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare.demo.model import average_survival, europe
from rarecare.demo.registry import registries
from rarecare.demo.tables import Choices, death_probabilities
from rarecare.errors import CodeError, UsageError
from tests.reference import demo_twin as twin

WHOLE = 31_800_000  # about what all 31 countries have
ENTITIES = {row["entity_id"]: row for row in twin.rows("demo_entities.csv")}


@pytest.fixture(scope="module")
def model():
    return europe()


def totals(model):
    """Cases per person of the pooled countries, by entity, without and with unspecified ones."""
    persons = model.countries.persons.sum(axis=0)
    own = (model.rate * persons).sum(axis=(1, 2)) / persons.sum()
    return own, (model.rate_with_unspecified * persons).sum(axis=(1, 2)) / persons.sum()


def test_rates_of_all_entities_add_up_to_the_totals_of_the_specification(model):
    own, with_unspecified = totals(model)
    rare = model.entities.rate < 6e-5
    assert (rare.sum(), (~rare).sum()) == (198, 17)
    assert 1e5 * own[rare].sum() == pytest.approx(112.8, abs=0.05)  # printed with one decimal
    assert 1e5 * own[~rare].sum() == pytest.approx(312.9, abs=0.05)
    assert 1e5 * (with_unspecified - own).sum() == pytest.approx(53.2, abs=0.05)
    assert 1e5 * with_unspecified.sum() == pytest.approx(478.9, abs=0.05)


def test_survival_of_all_entities_averages_to_the_totals_of_the_specification(model):
    own, _ = totals(model)
    rare = model.entities.rate < 6e-5
    for group, expected in ((rare, (71.1, 47.8, 40.8)), (~rare, (81.5, 64.7, 58.3))):
        mean = own[group] @ model.entities.survival[group, :3] / own[group].sum()
        assert 100 * mean == pytest.approx(expected, abs=0.05)


def mean_survival(model, row, month, *, region=None):
    """A region's mean of exp(−φ Λ0), in arrays; Europe's by default."""
    nations = model.countries
    persons = nations.persons.sum(axis=0)
    cases = model.rate[row] * persons
    weight = nations.persons.sum(axis=(1, 2)) * nations.values["incidence_factor"]
    weight *= np.array([region in (None, own) for own in nations.regions])
    place = nations.values["excess_hazard_factor"][:, None] * model.stage_factor[row]
    person = np.array([[1.05], [0.95]]) * model.age_factor[row]
    alive = np.exp(-np.multiply.outer(place, person) * model.baseline[row, month])
    shares = np.multiply.outer(weight[:, None] * model.stage[row], cases)
    return (alive * shares).sum() / shares.sum()


def test_mean_over_europe_is_the_average_curve(model):
    curves = average_survival(model.entities.survival, np.array([1.0, 5.0, 10.0]))
    means = [
        [mean_survival(model, row, 12 * t) for t in (1, 5, 10)]
        for row in range(len(model.entities.ids))
    ]
    assert np.array(means) == pytest.approx(curves, abs=1e-5, rel=0)  # what the specification asks
    table = model.entities.survival[:, :3]
    assert curves[:, :2] == pytest.approx(table[:, :2], abs=1e-12, rel=0)
    assert curves == pytest.approx(table, abs=5.1e-5, rel=0)  # S10 is printed with four decimals


@pytest.mark.parametrize(
    ("region", "percent"),
    [
        ("Northern Europe", 50.8),
        ("Central Europe", 50.5),
        ("Southern Europe", 48.8),
        ("UK and Ireland", 47.2),
        ("Eastern Europe", 40.1),
    ],
)
def test_rare_cancers_survive_five_years_by_region_as_specified(model, region, percent):
    rare = np.flatnonzero(model.entities.rate < 6e-5)
    means = [mean_survival(model, row, 60, region=region) for row in rare]
    share = np.average(means, weights=model.entities.rate[rare])
    assert 100 * share == pytest.approx(percent, abs=0.06)  # printed with one decimal


@pytest.mark.parametrize("entity_id", ["01.01.01", "04.01.07", "11.01.01", "12.01.01", "13.01.03"])
def test_mean_over_europe_by_plain_loops(model, entity_id):
    entity, row = ENTITIES[entity_id], model.entities.ids.index(entity_id)
    cases = model.rate[row] * model.countries.persons.sum(axis=0)
    cases /= cases.sum()
    shares = {(s, a): cases[i, a] for i, s in enumerate(("male", "female")) for a in range(100)}
    assert sum(v for (s, _), v in shares.items() if s == "male") == pytest.approx(
        float(entity["male_share"]), abs=1e-12
    )
    for years, column in ((1, "net_survival_1y"), (5, "net_survival_5y")):
        mean = twin.mean_survival(entity, shares, model.baseline[row, 12 * years])
        assert mean == pytest.approx(float(entity[column]), abs=1e-5)


@pytest.mark.parametrize("entity_id", ["01.01.01", "06.08.01", "08.02.01", "13.01.03"])
def test_ages_at_diagnosis_follow_the_density_up_to_84(model, entity_id):
    row = model.entities.ids.index(entity_id)
    cases = (model.rate[row] * model.countries.persons.sum(axis=0)).sum(axis=0)
    shares = np.array(twin.age_shares(ENTITIES[entity_id]))
    # 85+ is held and rescaled, so that shares below 85 agree up to one factor
    assert cases[:85] / cases[:85].sum() == pytest.approx(shares[:85] / shares[:85].sum(), abs=2e-4)


def test_rates_are_held_from_85(model):
    persons = model.countries.persons.sum(axis=0)
    held = model.rate[:, :, 85:]
    at_80 = (model.rate[:, :, 80:85] * persons[:, 80:85]).sum(axis=2) / persons[:, 80:85].sum(
        axis=1
    )
    assert held == pytest.approx(np.broadcast_to(at_80[:, :, None], held.shape), rel=1e-9)


@given(cure=st.floats(0.0, 0.6), five=st.floats(0.05, 0.9), one=st.floats(0.05, 0.9))
def test_average_survival_passes_through_its_points_and_falls_to_the_cure_fraction(cure, five, one):
    s5 = cure + (1 - cure) * five
    s1 = s5 + (1 - s5) * one
    times = np.array([0.0, 0.5, 1.0, 5.0, 20.0, 1e6])
    curve = average_survival(np.array([[s1, s5, 0.0, cure]]), times)[0]
    assert curve[[0, 2, 3]] == pytest.approx([1.0, s1, s5], abs=1e-12)  # rounding alone
    assert (np.diff(curve) <= 0).all()
    assert curve[-1] >= cure - 1e-12


def test_stage_shift_moves_localised_to_distant_and_stops_at_0(model):
    for entity_id in ("01.01.01", "02.04.01"):
        row = model.entities.ids.index(entity_id)
        for index, country in enumerate(twin.rows("demo_countries.csv")):
            shares = twin.stage_shares(ENTITIES[entity_id], float(country["stage_shift"]))
            assert model.stage[row, index] == pytest.approx(list(shares.values()), abs=1e-12)
    assert (model.stage >= 0).all()
    assert model.stage.sum(axis=2) == pytest.approx(1.0, abs=0.011)  # shares are printed rounded


@pytest.mark.parametrize(
    ("country", "sex", "age", "year"),
    [("AT", "male", 0, 2007), ("BG", "female", 42, 1995), ("SE", "male", 97, 2008)],
)
def test_death_probabilities_by_hand(country, sex, age, year):
    q = death_probabilities(country, range(1995, 2009))
    found = q[("male", "female").index(sex), age, year - 1995]
    assert found == pytest.approx(twin.death_probability(country, sex, age, year), rel=1e-12)


def test_death_probability_worked_out():
    # Austria, men of 40 in 2007: log m = -6.258 - 0.948·0.2482 + 0.043·0.1964 - 0.038·0.1564
    m = math.exp(-6.258 - 0.948 * 0.2482 + 0.043 * 0.1964 - 0.038 * 0.1564)
    assert death_probabilities("AT", [2007])[0, 40, 0] == pytest.approx(1 - math.exp(-m), rel=1e-12)


def test_populations_keep_the_five_age_shares(model):
    for index, row in enumerate(twin.rows("demo_countries.csv")):
        men = 1000 * float(row["population_2010_male_thousands"])
        persons = model.countries.persons[index, 0]
        shares = [persons[a:b].sum() / men for a, b in ((0, 15), (15, 45), (45, 65), (65, 80))]
        names = ("0_14", "15_44", "45_64", "65_79")
        # shares are printed with three decimals and add up to 1 within 0.001
        assert shares == pytest.approx([float(row[f"share_male_{n}"]) for n in names], abs=1e-3)


@pytest.mark.parametrize("cases", [100_000, 2_000_000, 20_000_000])
def test_registries_together_have_the_cases_asked_for(cases):
    chosen = registries(cases=cases)
    assert len(chosen) == 31
    # whole persons by age: half a person in each of 6 200 cells at most
    assert sum(each.expected_cases for each in chosen) == pytest.approx(cases, rel=2e-3)
    assert all(0 < each.coverage <= 1 for each in chosen)
    for each in chosen:
        assert each.expected().sum() == pytest.approx(each.expected_cases, rel=1e-9)


def test_impossible_registries_are_refused():
    with pytest.raises(UsageError, match="cannot be drawn"):
        registries(cases=10)
    with pytest.raises(UsageError, match="cannot be drawn"):
        registries(cases=WHOLE * 2)
    with pytest.raises(CodeError, match="'XX'"):
        registries(cases=100_000, countries=["AT", "XX"])


def test_choices_are_drawn_by_their_shares():
    choices = Choices.of([[("a", 0.2), ("b", 0.6)], [("c", 1.0)]])
    labels = np.array(choices.labels)
    u = np.array([0.0, 0.2499, 0.2501, 0.9999999999])
    assert labels[choices.draw(np.zeros(4, dtype=np.int64), u)].tolist() == ["a", "a", "b", "b"]
    assert labels[choices.draw(np.ones(4, dtype=np.int64), u)].tolist() == ["c"] * 4
