"""Standard populations brought to the age groups of a plan."""

import polars as pl
import pytest

from rarecare.population.population import Population
from rarecare.rates import incidence_plan

CASES = pl.DataFrame({"age": [3]})
FIVES = [f"{age}-{age + 4}" for age in range(0, 85, 5)]
ESP2013 = [5, 5.5, 5.5, 5.5, 6, 6, 6.5, 7, 7, 7, 7, 6.5, 6, 5.5, 5, 4, 2.5, 2.5]


def shares(ages, standard="esp2013"):
    """Each age group's weight as a share of the weights used."""
    population = Population.read(pl.DataFrame({"age": ages, "pop": [1.0] * len(ages)}))
    plan = incidence_plan(CASES, population, standards=[standard])
    ((name, weights),) = plan.standards
    assert name == standard
    return [weight / sum(weights) for weight in weights]


def test_the_european_standard_of_2013_is_the_default():
    population = Population.read(pl.DataFrame({"age": [*FIVES, "85+"], "pop": [1.0] * 18}))
    ((name, weights),) = incidence_plan(CASES, population).standards
    assert name == "esp2013"
    share = [weight / sum(weights) for weight in weights]
    assert share == pytest.approx([w / 100 for w in ESP2013], rel=1e-12)


def test_the_rounded_who_standard_is_divided_by_its_own_sum():
    # it adds to 100 030
    assert shares([*FIVES, "85+"], "who2000_rounded")[0] == pytest.approx(8860 / 100_030, rel=1e-12)


def test_an_open_group_from_75_takes_the_weights_above():
    assert shares([*FIVES[:15], "75+"])[-1] == pytest.approx(0.09, rel=1e-12)


def test_wide_groups_take_the_sum_of_their_weights():
    assert shares(["0-14", "15-44", "45+"]) == pytest.approx([0.16, 0.38, 0.46], rel=1e-12)


def test_a_population_of_children_has_their_weights_alone():
    # 5, 5.5 and 5.5 of 16: nothing of what is above 14
    expected = [5 / 16, 5.5 / 16, 5.5 / 16]
    assert shares(FIVES[:3]) == pytest.approx(expected, rel=1e-12)


def test_a_population_from_15_has_no_weight_of_children():
    assert shares(["15-44", "45+"]) == pytest.approx([38 / 84, 46 / 84], rel=1e-12)


def test_a_population_that_ends_at_90_has_the_weight_of_the_open_group():
    assert shares([*FIVES, "85-89"]) == pytest.approx([w / 100 for w in ESP2013], rel=1e-12)
