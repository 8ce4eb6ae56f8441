"""Standard populations, survival standards, countries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare.codes import countries, icss, icss_classes, region_of, standard_population
from rarecare.errors import CodeError, UsageError

AGES = tuple(range(0, 90, 5))


@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("segi", 100_000),
        ("esp1976", 100_000),
        ("esp2013", 100_000),
        ("nordic2000", 100_000),
        # rounded weights add to more; the exact ones are in per cent with four decimals
        ("who2000_rounded", 100_030),
        ("who2000", pytest.approx(100, abs=1e-9)),
    ],
)
def test_a_standard_population_adds_to_its_published_total(name, total):
    standard = standard_population(name)
    assert standard.age_lower == AGES
    assert sum(standard.weights) == total
    assert standard.source


def test_the_two_forms_of_the_who_standard_agree_to_their_rounding():
    exact, rounded = (standard_population(name) for name in ("who2000", "who2000_rounded"))
    # the rounded one has two decimals of a per cent, and 0.63 for 0.6348
    for one, other in zip(exact.weights, rounded.weights, strict=True):
        assert one == pytest.approx(other / 1000, abs=0.005)


@pytest.mark.parametrize("standard", [1, 2, 3])
def test_the_five_classes_are_the_sums_of_the_five_year_groups(standard):
    five_year, classes = icss(standard), icss_classes(standard)
    assert sum(five_year.weights) == 100_000
    assert sum(classes.weights) == 100
    assert five_year.weights[:3] == (0, 0, 0)
    summed = five_year.collapse((0, 15, 45, 55, 65, 75)).weights
    assert summed == pytest.approx([0, *(1000 * w for w in classes.weights)], abs=1e-9)


def test_the_prostate_classes_are_those_of_icss_1_cut_later():
    prostate = icss_classes("prostate")
    assert prostate.age_lower == (15, 55, 65, 75, 85)
    assert sum(prostate.weights) == 100
    summed = icss(1).collapse((0, 15, 55, 65, 75, 85)).weights
    # the last two are rounded from 23.478 and 5.522
    assert summed == pytest.approx([0, *(1000 * w for w in prostate.weights)], abs=500)


@given(st.sampled_from(["segi", "esp2013", "who2000"]), st.sets(st.sampled_from(AGES[1:])))
def test_collapsing_loses_no_weight(name, bounds):
    whole = standard_population(name)
    part = whole.collapse((0, *sorted(bounds)))
    assert sum(part.weights) == pytest.approx(sum(whole.weights), rel=1e-12)
    assert part.collapse((0,)).weights == pytest.approx([sum(whole.weights)], rel=1e-12)


@pytest.mark.parametrize("bounds", [(), (15, 45), (0, 3), (0, 45, 15), (0, 15, 15), (0, 90)])
def test_bounds_that_would_lose_weight_are_refused(bounds):
    with pytest.raises(UsageError, match="cannot be brought to these age groups"):
        standard_population("segi").collapse(bounds)


def test_an_unknown_standard_names_the_nearest():
    with pytest.raises(CodeError, match="Did you mean 'esp2013'"):
        standard_population("esp2031")
    with pytest.raises(CodeError, match="got 'icss4'"):
        icss(4)
    with pytest.raises(CodeError, match="Did you mean 'icss prostate'"):
        icss_classes("prostata")


def test_regions_by_code_and_by_name():
    assert region_of("SI") == region_of("SVN") == region_of("slovenia") == "Southern Europe"
    assert region_of("EL") == region_of("GR")
    assert region_of("UK") == region_of("Ireland") == "UK and Ireland"
    with pytest.raises(CodeError, match="Did you mean 'Slovenia'"):
        region_of("Slovenja")
    with pytest.raises(CodeError, match="'XX'"):
        region_of("XX")


def test_the_countries_are_those_of_the_eu_the_uk_and_efta():
    table = countries()
    counts = dict(table["membership"].value_counts().rows())
    assert counts == {"EU": 27, "UK": 1, "EEA and EFTA": 3, "EFTA": 1}
    for column in ("iso2", "iso3", "eurostat", "name"):
        assert table[column].is_unique().all()
    assert set(table["eurocare_region"]) == {
        "Central Europe",
        "Eastern Europe",
        "Northern Europe",
        "Southern Europe",
        "UK and Ireland",
    }
    assert table.null_count().sum_horizontal()[0] == 0
