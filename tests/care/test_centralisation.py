"""Centralisation: by hand, against the slow twin, laws, limits by simulation, trend."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare.care.centralisation import AT_THRESHOLD, GINI, HHI, HOSPITALS_AT, MET, centralisation
from rarecare.care.centralisation_trend import centralisation_trend
from rarecare.care.concentration import covering, gini, herfindahl, volume_met
from rarecare.care.thresholds import Threshold
from rarecare.care.volumes import treatment_units
from rarecare.errors import ColumnError, UsageError
from tests.care.test_volumes import DATED, case_rows, cases_of, event_rows, events_of, random_units
from tests.reference import volumes_twin

YEARLY = "patients per year"
TEN = Threshold(10, YEARLY, source="invented", sureness="D")
volumes = st.lists(st.integers(1, 60), min_size=1, max_size=8)


def units_with(hospitals, *, years=(2001, 2001), untreated=0, cases=None):
    """Patients of one group, each operated on once: {hospital: patients}."""
    names = [name for name, n in hospitals.items() for _ in range(n)]
    rows = [(f"p{k}", "08.01", 2001) for k in range(len(names) + untreated)]
    cases = cases_of(rows)
    events = events_of(
        cases, [(k, "surgery", name, date(2001, 6, 1)) for k, name in enumerate(names)]
    )
    return treatment_units(cases, events, years=years)


def value(table, measure, column="estimate", **where):
    own = table.filter(measure=measure, **({"treatment": "surgery"} | where))
    assert own.height == 1
    return own[column][0]


def test_measures_by_hand():
    # volumes 50, 30, 15, 5 a year: the mean is 25, Σv²/Σv = (2500 + 900 + 225 + 25)/100
    units = units_with({"A": 50, "B": 30, "C": 15, "D": 5}, untreated=25)
    people = pl.DataFrame({"country": ["X"], "inhabitants": [2_000_000]})
    table = centralisation(units, thresholds=[Threshold(30, YEARLY)], inhabitants=people).table
    assert value(table, "hospitals") == 4
    assert value(table, MET) == pytest.approx(36.5)
    assert value(table, HHI) == pytest.approx(0.365)
    # Gini: (-3·5 - 1·15 + 1·30 + 3·50)/(4·100)
    assert value(table, GINI) == pytest.approx(0.375)
    quartiles = [value(table, f"{name} of volume") for name in ("lower quartile", "upper quartile")]
    assert quartiles == [12.5, 35.0]  # type 7: 5 + 0.75·10, 30 + 0.25·20
    assert value(table, "median volume") == 22.5
    for share, n, mean, least in ((50, 1, 50, 50), (75, 2, 40, 30), (90, 3, 95 / 3, 15)):
        whom = f"hospitals that together treat {share} %"
        assert value(table, whom) == n
        assert value(table, f"mean volume of the {whom}") == pytest.approx(mean)
        assert value(table, f"smallest volume of the {whom}") == least
    assert value(table, AT_THRESHOLD) == 0.8
    assert value(table, HOSPITALS_AT) == 2
    # Wilson's limits of 80 in 100: (0.8 + z²/200 ± z√(0.16/100 + z²/40000))/(1 + z²/100)
    z2 = 3.841458820694124
    half = (z2 * (0.16 / 100 + z2 / 40_000)) ** 0.5
    for column, sign in (("lower", -1), ("upper", 1)):
        wanted = (0.8 + z2 / 200 + sign * half) / (1 + z2 / 100)
        assert value(table, AT_THRESHOLD, column) == pytest.approx(wanted, rel=1e-9)
    assert value(table, "share treated") == 0.8
    assert value(table, "hospitals per 10 million inhabitants") == 20
    above = centralisation(units, thresholds=[Threshold(30, YEARLY, above=True)]).table
    assert value(above, AT_THRESHOLD) == 0.5


def test_a_patient_of_two_hospitals_counts_in_each_and_once_in_a_share():
    cases = cases_of([("a", "08.01", 2001), ("b", "08.01", 2001), ("c", "08.01", 2001)])
    day = date(2001, 7, 1)
    rows = [(0, "surgery", "A", day), (0, "surgery", "B", day), (1, "surgery", "A", day),
            (2, "surgery", "B", day), (2, "surgery", None, day)]  # fmt: skip
    units = treatment_units(cases, events_of(cases, rows))
    table = centralisation(units, thresholds=[Threshold(2, YEARLY)]).table
    assert value(table, "hospitals", "n") == 4
    assert (value(table, AT_THRESHOLD, "n"), value(table, AT_THRESHOLD, "denominator")) == (3, 3)
    assert value(table, "share treated in several hospitals") == pytest.approx(1 / 3)
    assert value(table, "share whose hospital is unknown", "n") == 0


def test_the_unknown_and_those_abroad_are_counted_apart():
    cases = cases_of([(name, "08.01", 2001) for name in "abcde"])
    day = date(2001, 7, 1)
    rows = [(0, "surgery", "A", day), (1, "surgery", "F", day), (2, "surgery", None, day),
            (3, "surgery", "?", day)]  # fmt: skip
    listed = pl.DataFrame({"hospital_id": ["A", "F"], "country": ["X", "Y"]})
    made = centralisation(treatment_units(cases, events_of(cases, rows), hospitals=listed))
    assert value(made.table, "hospitals") == 1
    unknown = "share whose hospital is unknown"
    assert [value(made.table, unknown, c) for c in ("n", "denominator")] == [2, 4]
    assert [value(made.table, "share treated abroad", c) for c in ("n", "denominator")] == [1, 2]
    blind = centralisation(treatment_units(cases, events_of(cases, rows)))
    assert value(blind.table, "share treated abroad", "status") == "not estimable"
    assert value(blind.table, "share treated abroad", "reason") == "no list of hospitals"


def test_without_treatments_rows_say_so():
    units = units_with({}, untreated=3)
    table = centralisation(units, thresholds=[TEN], bootstrap=10).table
    assert value(table, "hospitals") == 0
    for measure in (MET, GINI, HHI, "median volume"):
        assert value(table, measure) is None
        assert value(table, measure, "reason") == "no treatments"
    assert value(table, AT_THRESHOLD, "status") == "not estimable"
    assert value(table, "share treated") == 0
    floats = table.select(pl.col(pl.Float64))
    assert not floats.select(pl.any_horizontal(pl.all().is_nan().any())).item()


@settings(max_examples=60)
@given(volumes)
def test_formulas_are_those_of_the_twin(values):
    assert gini(values) == pytest.approx(volumes_twin.gini(values), abs=1e-12)
    assert herfindahl(values) == pytest.approx(volumes_twin.herfindahl(values), rel=1e-12)
    assert volume_met(values) == pytest.approx(volumes_twin.volume_met(values), rel=1e-12)
    for share in (0.5, 0.75, 0.9, 1.0):
        assert covering(values, share) == volumes_twin.covering(values, share)


@settings(max_examples=40)
@given(case_rows, event_rows, st.booleans(), st.sampled_from([0.3, 0.5, 1.0, 2.0]))
def test_tables_are_those_of_the_twin(rows, given_events, listed, threshold):
    units, twin = random_units(rows, given_events, listed=listed)
    table = centralisation(units, thresholds=[Threshold(threshold, YEARLY)]).table
    for key, own in twin.items():
        where = dict(zip(("country", "group", "treatment"), key, strict=True))
        found = volumes_twin.volumes_of(own, units.n_years)
        v = list(found.values())
        assert value(table, "hospitals", **where) == len(v)
        k, n = volumes_twin.at_threshold(own, units.n_years, threshold)
        assert value(table, AT_THRESHOLD, "n", **where) == k
        if not v:
            continue
        limits = [value(table, AT_THRESHOLD, side, **where) for side in ("lower", "upper")]
        assert limits == pytest.approx(volumes_twin.wilson(k, n), abs=1e-9)
        assert value(table, GINI, **where) == pytest.approx(volumes_twin.gini(v), abs=1e-9)
        assert value(table, HHI, **where) == pytest.approx(volumes_twin.herfindahl(v))
        whom = "hospitals that together treat 75 %"
        assert value(table, whom, **where) == volumes_twin.covering(v, 0.75)


@given(volumes, st.integers(2, 9))
def test_laws_of_concentration(values, factor):
    n = len(values)
    assert gini([values[0]] * n) == pytest.approx(0, abs=1e-12)
    assert gini([0] * (n - 1) + [5]) == pytest.approx((n - 1) / n)
    assert 1 / n - 1e-12 <= herfindahl(values) <= 1
    assert (herfindahl(values) == pytest.approx(1)) == (n == 1)
    mean = sum(values) / n
    assert volume_met(values) >= mean * (1 - 1e-12)
    # Σv²/Σv = mean·(1 + squared coefficient of variation), and is HHI·Σv
    assert volume_met(values) == pytest.approx(herfindahl(values) * sum(values))
    more = [factor * v for v in values]
    assert gini(more) == pytest.approx(gini(values), abs=1e-12)
    assert herfindahl(more) == pytest.approx(herfindahl(values))
    assert volume_met(more) == pytest.approx(factor * volume_met(values))
    # every hospital twice: as unequal, half as concentrated
    assert gini(values * 2) == pytest.approx(gini(values), abs=1e-12)
    assert herfindahl(values * 2) == pytest.approx(herfindahl(values) / 2)


def test_formulas_refuse_what_is_no_volume():
    for bad in ([], [0, 0], [1, -1], [float("nan")]):
        with pytest.raises(UsageError, match="volumes are missing, negative, or all 0"):
            gini(bad)
    with pytest.raises(UsageError, match="this is no share to cover: got 75"):
        covering([1, 2], 75)


def test_years_have_their_own_volumes():
    cases = cases_of([("a", "08.01", 2001), ("b", "08.01", 2001), ("c", "08.01", 2002)])
    events = events_of(cases, [(k, "surgery", "A", date(2002, 9, 1)) for k in range(3)])
    units = treatment_units(cases, events)
    by_year = centralisation(units, by_year=True, thresholds=[Threshold(2, YEARLY)]).table
    assert [value(by_year, MET, year=year) for year in (2001, 2002)] == [2, 1]
    assert [value(by_year, AT_THRESHOLD, year=year) for year in (2001, 2002)] == [1, 0]
    assert value(centralisation(units).table, MET) == 1.5


@pytest.mark.parametrize(
    ("choices", "error", "words"),
    [
        ({"cover": (75,)}, UsageError, "no share to cover"),
        ({"bootstrap": 1}, UsageError, "samples are too few"),
        ({"level": 95}, UsageError, "a level is a share"),
        ({"thresholds": [Threshold(5, YEARLY, group="8.1")]}, UsageError, r"'8.1'.*08.01"),
        ({"inhabitants": pl.DataFrame({"country": ["X"]})}, ColumnError, "'inhabitants'"),
        ({"inhabitants": pl.DataFrame({"country": ["X", "X"], "inhabitants": [1, 2]})},
         ColumnError, "twice"),
    ],
)  # fmt: skip
def test_bad_choices_are_named(choices, error, words):
    with pytest.raises(error, match=words):
        centralisation(units_with({"A": 3}), **choices)


def test_sources_of_thresholds_stand_in_the_provenance():
    made = centralisation(units_with({"A": 3}), thresholds=[TEN])
    assert "threshold at least 10 patients per year: source invented, sureness D" in (
        made.provenance.notes
    )
    assert made.provenance.plan["thresholds"][0]["unit"] == YEARLY
    other = centralisation(units_with({"A": 3}))
    assert other.provenance.plan_hash != made.provenance.plan_hash


def test_bootstrap_is_seeded_and_names_itself():
    units = units_with({"A": 40, "B": 20, "C": 10})
    one, same = (centralisation(units, bootstrap=50).table for _ in range(2))
    other = centralisation(units, bootstrap=50, seed=1).table
    assert one.equals(same)
    assert value(one, GINI, "method") == "bootstrap, 50 samples"
    assert value(one, GINI, "se") != value(other, GINI, "se")
    assert value(one, GINI, "lower") < value(one, GINI) < value(one, GINI, "upper")
    assert value(centralisation(units).table, GINI, "lower") is None


def coverage(runs, seed):
    """How often bootstrap limits hold Gini and Herfindahl of the shares that sent the patients."""
    rng = np.random.default_rng(seed)
    shares = np.array([0.4, 0.25, 0.15, 0.1, 0.06, 0.04])
    truth = {GINI: volumes_twin.gini(shares), HHI: volumes_twin.herfindahl(shares)}
    inside = dict.fromkeys(truth, 0)
    for run in range(runs):
        n = rng.multinomial(300, shares)
        units = units_with(dict(zip("ABCDEF", n.tolist(), strict=True)))
        table = centralisation(units, bootstrap=200, seed=run).table
        for measure, own in truth.items():
            lower, upper = (value(table, measure, side) for side in ("lower", "upper"))
            inside[measure] += lower <= own <= upper
    return {measure: held / runs for measure, held in inside.items()}


def test_bootstrap_limits_hold_the_truth():
    # 60 runs at 95 %: below 0.85 less often than once in 1 000
    assert min(coverage(60, 1).values()) >= 0.85


@pytest.mark.slow
def test_bootstrap_limits_hold_the_truth_nineteen_times_in_twenty():
    for held in coverage(1000, 2).values():
        assert 0.925 <= held <= 0.975


def yearly_units(per_year):
    """One hospital with so many patients in each year from 2001."""
    rows = [(f"p{y}.{k}", "08.01", 2001 + y) for y, n in enumerate(per_year) for k in range(n)]
    cases = cases_of(rows)
    events = [(k, "surgery", "A", date(row[2], 12, 1)) for k, row in enumerate(rows)]
    return treatment_units(cases, events_of(cases, events))


def test_trend_is_least_squares():
    per_year = [3, 5, 4, 8, 7, 9]
    made = centralisation_trend(yearly_units(per_year))
    x = np.arange(6)
    columns = np.column_stack([np.ones(6), x])
    beta, rest, *_ = np.linalg.lstsq(columns, np.array(per_year, dtype=float), rcond=None)
    se = np.sqrt(rest[0] / 4 * np.linalg.inv(columns.T @ columns)[1, 1])
    assert value(made.table, MET) == pytest.approx(beta[1], rel=1e-9)
    assert value(made.table, MET, "se") == pytest.approx(se, rel=1e-9)
    # Student's t at 97.5 % with 4 degrees of freedom is 2.776445
    assert value(made.table, MET, "upper") == pytest.approx(beta[1] + 2.776445105 * se, rel=1e-8)
    assert value(made.table, MET, "years") == 6
    assert value(made.table, "hospitals") == 0
    assert value(made.table, "hospitals", "reason") == "the years lie on a line: no limits"
    assert value(made.table, "hospitals", "lower") is None


def test_years_without_treatment_have_no_place_in_a_trend():
    made = centralisation_trend(yearly_units([3, 0, 5, 4]), thresholds=[TEN])
    assert value(made.table, MET, "years") == 3
    assert value(made.table, MET, "status") == "not estimable"
    assert value(made.table, MET, "reason") == "fewer than 4 years with treatments"
    assert value(made.table, AT_THRESHOLD, "years") == 3
    with pytest.raises(UsageError, match="there is no such yearly measure: got 'Ginni'"):
        centralisation_trend(yearly_units([3, 4]), measures=["Ginni"])


def test_the_order_of_rows_changes_nothing():
    cases = cases_of([(f"p{k}", "08.01", 2001 + k % 3) for k in range(30)])
    rng = np.random.default_rng(5)
    rows = [(int(k), "surgery", f"H{rng.integers(4)}", date(2003, 12, 1)) for k in range(30)]
    events = events_of(cases, rows)
    made = [
        centralisation(treatment_units(cases[order], own), bootstrap=20).table
        for order, own in ((slice(None), events), (slice(None, None, -1), events[::-1]))
    ]
    assert made[0].equals(made[1])
    assert events.schema == DATED
