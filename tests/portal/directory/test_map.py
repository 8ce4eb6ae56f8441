"""The map of the directory: land drawn, places where they belong, cancers above and below."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare.portal.directory.entities import entity_names, within
from rarecare.portal.directory.map import HEIGHT, WIDTH, country_places, land, points
from rarecare.portal.directory.search import folded

latitudes, longitudes = st.floats(34, 72), st.floats(-25, 45)


def test_land_is_drawn_within_and_around_the_frame():
    paths = land()
    for path in (paths.countries, paths.around):
        numbers = [float(one) for one in re.findall(r"-?\d+\.\d", path)]
        assert len(numbers) > 1000
    assert paths.countries.count("M") == paths.countries.count("Z") > 30


def test_places_stand_where_they_do_in_europe():
    middle = {name: points([(*place, name)]) for name, place in country_places().items()}
    x = {name: found[0].x for name, found in middle.items() if found}
    y = {name: found[0].y for name, found in middle.items() if found}
    assert x["Portugal"] < x["Spain"] < x["Italy"] < x["Bulgaria"]
    assert y["Norway"] < y["Denmark"] < y["Germany"] < y["Italy"] < y["Malta"]
    assert points([(40.7, -74.0, "New York")]) == []


@given(latitudes, longitudes)
def test_points_lie_in_the_frame(latitude, longitude):
    for one in points([(latitude, longitude, None)]):
        assert 0 <= one.x <= WIDTH
        assert 0 <= one.y <= HEIGHT


@given(latitudes)
def test_north_is_up_at_the_middle_meridian(latitude):
    lower, upper = points([(latitude, 11.0, None)]), points([(latitude + 0.5, 11.0, None)])
    if lower and upper:
        assert upper[0].y < lower[0].y


@pytest.mark.parametrize("number", ["08", "08.02", "08.02.01"])
def test_what_speaks_for_a_cancer_is_above_or_below_it(number):
    found = within(number)
    assert number in found
    assert len(set(found)) == len(found)
    assert set(found) == {
        one for one in entity_names()
        if one == number or one.startswith(f"{number}.") or number.startswith(f"{one}.")
    }  # fmt: skip


@given(st.text(max_size=30))
def test_folding_twice_is_folding_once(text):
    assert folded(folded(text)) == folded(text)
