"""Scenario: distances by hand, the best set by trying all, what is moved, bad input."""

import math
from datetime import date
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare.care.distance import EARTH_RADIUS_KM, great_circle
from rarecare.care.scenario import (
    AT_THRESHOLD,
    DISTANCE,
    EXACT,
    FAR,
    GREEDY,
    LARGEST,
    LEAST,
    MEAN,
    MEDIAN,
    MOVED,
    PATIENT,
    TODAY,
    concentrate,
)
from rarecare.care.thresholds import Threshold
from rarecare.care.volumes import treatment_units
from rarecare.errors import CaseError, ColumnError, UsageError
from tests.care.test_volumes import cases_of, events_of
from tests.reference import volumes_twin

DEGREE = math.pi / 180 * EARTH_RADIUS_KM  # of the equator, or of a meridian
points = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


def test_distances_by_hand():
    assert great_circle(0, 0, 0, 1) == pytest.approx(DEGREE)
    assert great_circle(0, 10, 90, 77) == pytest.approx(90 * DEGREE)  # to the pole
    assert great_circle(12, 34, -12, -146) == pytest.approx(180 * DEGREE)  # the antipode
    assert great_circle(0, 179.5, 0, -179.5) == pytest.approx(DEGREE)  # over the date line
    # at 60° a degree of longitude is half as long, the great circle a little shorter still
    step = 2 * EARTH_RADIUS_KM * math.asin(0.5 * math.sin(math.radians(0.5)))
    assert great_circle(60, 0, 60, 1) == pytest.approx(step)


@given(points, points)
def test_distances_are_those_of_vectors(one, other):
    found = float(great_circle(*one, *other))
    # the haversine loses digits near the antipode: √eps radians
    assert found == pytest.approx(volumes_twin.chord_distance(*one, *other), abs=1e-6 + 2e-4)
    assert found == pytest.approx(float(great_circle(*other, *one)), abs=1e-9)
    assert 0 <= found <= math.pi * EARTH_RADIUS_KM + 1e-9


# three hospitals on the equator at 0°, 1° and 3°; an area at each
LINE = pl.DataFrame({"hospital_id": ["A", "B", "C"], "latitude": [0.0] * 3,
                     "longitude": [0.0, 1.0, 3.0]})  # fmt: skip
AREAS = LINE.rename({"hospital_id": "area"}).with_columns(pl.col("area").str.to_lowercase())
FLOWS = pl.DataFrame(
    [("a", "A", 10), ("b", "B", 20), ("c", "C", 6), ("c", "B", 4)],
    schema=["area", "hospital_id", "n"], orient="row",
)  # fmt: skip


def value(made, measure, k, column="estimate", *, today=False):
    own = made.result.table.filter(
        (pl.col("measure") == measure) & (pl.col("hospitals") == k)
        & ((pl.col("method") == TODAY) == today)
    )  # fmt: skip
    assert own.height == 1
    return own[column][0]


def chosen(made, k):
    return made.hospitals.filter(pl.col("chosen"), k=k)["hospital_id"].to_list()


def test_scenario_by_hand():
    made = concentrate(
        FLOWS, LINE, AREAS, years=2, threshold=Threshold(10, "patients per year", source="made up")
    )
    # today: 4 patients of c travel 2° to B; volumes 5, 12 and 3 a year
    assert value(made, DISTANCE, 3, today=True) == pytest.approx(4 * 2 * DEGREE / 40)
    assert value(made, LEAST, 3, today=True) == 3
    assert value(made, PATIENT, 3, today=True) == pytest.approx((25 + 144 + 9) / 20)
    assert value(made, AT_THRESHOLD, 3, today=True) == 24 / 40
    # one: B, for 10 patients of a travel 1° and 10 of c 2°
    assert chosen(made, 1) == ["B"]
    assert value(made, DISTANCE, 1) == pytest.approx(30 * DEGREE / 40)
    assert value(made, MOVED, 1) == 16 / 40
    assert value(made, MOVED, 1, "n") == 16
    assert value(made, LEAST, 1) == value(made, MEAN, 1) == 20
    assert value(made, MEDIAN, 1) == 0
    assert value(made, FAR, 1) == pytest.approx(2 * DEGREE)
    # two, in patients × degrees: A and B 12 + 8, A and C 20, B and C 10 + 8
    assert chosen(made, 2) == ["B", "C"]
    assert value(made, DISTANCE, 2) == pytest.approx((10 + 8) * DEGREE / 40)
    assert value(made, MOVED, 2) == 10 / 40
    # three, and nobody must move: as today
    for measure in (LEAST, MEAN, PATIENT, DISTANCE, MEDIAN, FAR, AT_THRESHOLD):
        assert value(made, measure, 3) == pytest.approx(value(made, measure, 3, today=True))
    assert value(made, MOVED, 3) == 0
    assert "source made up" in made.result.provenance.notes[-1]
    volumes = made.hospitals.filter(k=2)
    assert volumes["volume"].to_list() == [0, 17, 3]
    assert volumes["volume_today"].to_list() == [5, 12, 3]


def test_everyone_to_the_nearest():
    made = concentrate(FLOWS, LINE, AREAS, years=2, assignment="nearest")
    assert value(made, DISTANCE, 3) == 0
    assert value(made, MOVED, 3, "n") == 4
    assert value(made, DISTANCE, 3, today=True) > 0


def test_by_largest_volume():
    made = concentrate(FLOWS, LINE, AREAS, years=2, choose="volume")
    assert [chosen(made, k) for k in (1, 2)] == [["B"], ["A", "B"]]
    assert value(made, DISTANCE, 2, "method") == LARGEST


@st.composite
def places(draw):
    """Hospitals, areas and flows of a small country."""
    spot = st.tuples(st.integers(40, 50), st.integers(0, 10))
    hospitals = draw(st.lists(spot, min_size=2, max_size=5, unique=True))
    areas = draw(st.lists(spot, min_size=1, max_size=4, unique=True))
    flows = {}
    for a in range(len(areas)):
        for h in range(len(hospitals)):
            n = draw(st.integers(0, 5))
            if n:
                flows[f"a{a}", f"h{h}"] = n
    flows[("a0", "h0")] = flows.get(("a0", "h0"), 0) + 1
    return (
        flows, {f"h{k}": own for k, own in enumerate(hospitals)},
        {f"a{k}": own for k, own in enumerate(areas)},
    )  # fmt: skip


def frames(flows, hospitals, areas):
    def table(places, name):
        return pl.DataFrame(
            [(key, float(a), float(b)) for key, (a, b) in places.items()],
            schema=[name, "latitude", "longitude"], orient="row",
        )  # fmt: skip

    moves = pl.DataFrame(
        [(*key, n) for key, n in flows.items()], schema=["area", "hospital_id", "n"], orient="row"
    )
    return moves, table(hospitals, "hospital_id"), table(areas, "area")


@settings(max_examples=40)
@given(places(), st.booleans())
def test_every_set_tried_is_the_best_and_the_search_is_never_better(country, stay):
    flows, hospitals, areas = country
    total = sum(flows.values())
    choices = {"years": 1, "assignment": "stay" if stay else "nearest"}
    exact = concentrate(*frames(*country), **choices)
    greedy = concentrate(*frames(*country), work=0, **choices)
    for k in range(1, len(hospitals) + 1):
        best, _ = volumes_twin.best_set(flows, hospitals, areas, k, stay=stay)
        found = value(exact, DISTANCE, k) * total
        assert found == pytest.approx(best, abs=1e-6)
        assert value(greedy, DISTANCE, k) * total >= best - 1e-6
        assert value(greedy, DISTANCE, k, "method") == GREEDY
        assert value(exact, DISTANCE, k, "method") == EXACT
        # nobody is lost
        assert exact.hospitals.filter(k=k)["volume"].sum() == pytest.approx(total)
        assert value(exact, MEAN, k) >= value(exact, LEAST, k)
        assert value(exact, PATIENT, k) >= value(exact, MEAN, k) * (1 - 1e-12)


@settings(max_examples=25)
@given(places())
def test_more_hospitals_are_never_farther_when_all_go_to_the_nearest(country):
    made = concentrate(*frames(*country), years=1, assignment="nearest")
    way = [value(made, DISTANCE, k) for k in range(1, len(country[1]) + 1)]
    assert all(b <= a + 1e-9 for a, b in pairwise(way))


def test_the_search_finds_the_best_of_a_middling_country():
    rng = np.random.default_rng(7)
    hospitals = {f"h{k}": (float(a), float(b)) for k, (a, b) in
                 enumerate(rng.uniform([45, 5], [50, 12], (9, 2)))}  # fmt: skip
    areas = {f"a{k}": (float(a), float(b)) for k, (a, b) in
             enumerate(rng.uniform([45, 5], [50, 12], (15, 2)))}  # fmt: skip
    flows = {(a, h): int(rng.integers(1, 9)) for a in areas for h in hospitals}
    tables = frames(flows, hospitals, areas)
    exact = concentrate(*tables, years=1, assignment="nearest")
    greedy = concentrate(*tables, years=1, assignment="nearest", work=0)
    for k in (1, 2, 3, 8, 9):
        assert value(greedy, DISTANCE, k) == pytest.approx(value(exact, DISTANCE, k))


def test_candidates_and_hospitals_that_treat_nobody_today():
    fourth = pl.DataFrame({"hospital_id": ["D"], "latitude": [0.0], "longitude": [2.9]})
    places = pl.concat([LINE, fourth])
    made = concentrate(FLOWS, places, AREAS, years=1, candidates=["A", "D"], assignment="nearest")
    assert made.result.table["hospitals"].max() == 3  # of today; two may be chosen
    assert chosen(made, 2) == ["A", "D"]
    assert value(made, MOVED, 2) == 30 / 40


def test_patients_who_cannot_be_placed_are_counted():
    flows = pl.concat([FLOWS, pl.DataFrame(
        [("z", "A", 3), (None, "A", 2), ("a", "Z", 5)], schema=FLOWS.schema, orient="row"
    )])  # fmt: skip
    made = concentrate(flows, LINE, AREAS, years=1)
    assert made.result.provenance.exclusions.rows() == [
        ("patients", 50), ("area unknown or without coordinates", 5),
        ("hospital unknown or without coordinates", 5), ("patients placed", 40),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"years": 0}, UsageError, "the years are not above 0: got 0"),
        ({"years": -5}, UsageError, "the years are not above 0"),
        ({"largest": 4}, UsageError, "cannot be chosen: got 4; allowed: 1 to 3"),
        ({"choose": "luck"}, UsageError, "no such choice: got 'luck'"),
        ({"assignment": "far"}, UsageError, "no such choice: got 'far'"),
        ({"candidates": ["Q"]}, UsageError, "no hospital with coordinates: got 'Q'"),
        ({"patients": FLOWS.drop("n")}, ColumnError, "the patients lack a column: got 'n'"),
        ({"patients": FLOWS.with_columns(n=-pl.col("n"))}, CaseError, "missing or negative"),
        ({"patients": FLOWS.with_columns(area=pl.lit("?"))}, CaseError, "no patient can be placed"),
        ({"hospitals": LINE.drop("latitude")}, ColumnError, "hospitals lack a column"),
        ({"hospitals": pl.concat([LINE, LINE])}, CaseError, "hospitals stands twice: got 'A'"),
        ({"areas": AREAS.with_columns(latitude=95.0)}, CaseError, "a latitude is none"),
    ],
)
def test_bad_input_is_named(change, error, words):
    given_ = {"patients": FLOWS, "hospitals": LINE, "areas": AREAS, "years": 1} | change
    tables = [given_.pop(name) for name in ("patients", "hospitals", "areas")]
    with pytest.raises(error, match=words):
        concentrate(*tables, **given_)


def test_flows_come_from_units_by_area_of_residence():
    cases = cases_of([(f"p{k}", "08.01", 2001) for k in range(40)])
    homes = [row["area"] for row in FLOWS.iter_rows(named=True) for _ in range(row["n"])]
    at = [row["hospital_id"] for row in FLOWS.iter_rows(named=True) for _ in range(row["n"])]
    events = events_of(cases, [(k, "surgery", at[k], date(2001, 8, 1)) for k in range(40)])
    units = treatment_units(cases.with_columns(area=pl.Series(homes)), events, areas=("area",))
    flows = units.volumes().filter(treatment="surgery")
    made = concentrate(flows, LINE, AREAS, years=units.n_years)
    assert made.result.table.equals(concentrate(FLOWS, LINE, AREAS, years=1).result.table)
