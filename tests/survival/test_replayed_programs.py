"""R's relsurv, survival and popEpi replayed: every row met to the digits that are printed.

The replays (tests/reference) show by what conventions those programs differ from the exact daily
estimators of the package. The tolerances are half a unit of the last printed digit; each is
reasoned in ``tests.reference.replay_checks``. survexp's rows on survexp.us and survexp.fr are left
out: those tables are not among the data.
"""

from datetime import date

import numpy as np
import polars as pl
import pytest

from tests.reference import popepi_mean_twin as popepi
from tests.reference import popepi_twin, relsurv_twin
from tests.reference import relsurv_split_day_twin as relsurv
from tests.reference.replay_checks import REPLAYS, apart, columns, level_of, slovenia
from tests.validation.check import SHARED, Real

YEAR = 10.0  # days, in the cases worked by hand


@pytest.fixture(scope="module")
def real():
    if not SHARED.is_dir():
        pytest.skip("real data are absent: set RARECARE_SHARED")
    return Real()


@pytest.mark.parametrize("replay", REPLAYS, ids=lambda function: function.__name__)
def test_every_row_is_met_to_its_printed_digits(real, replay):
    checks = list(replay(real))
    assert checks
    for check in checks:
        assert check.holds, check


ROWS = {
    "relsurv_cmp.rel_colrec_overall.csv": 10,
    "relsurv_cmp.rel_colrec_sex.csv": 20,
    "relsurv_cmp.rel_colrec_stage.csv": 40,
    "relsurv_cmp.rel_colrec_agegr.csv": 50,
    "relsurv_nessie_colrec_agegr.csv": 5,
    "relsurv_nessie_colrec_site.csv": 2,
    "relsurv_nessie_colrec_stage.csv": 4,
    "relsurv_rs.diff_colrec.csv": 18,
    "relsurv_years_colrec.csv": 150,
    "relsurv_rs.surv_colrec_precision.csv": 35,
    "popEpi_survmean_sire.csv": 6,
    "popEpi_survtab_sire_cif.csv": 135,
}


def test_no_row_of_a_file_is_left_out(real):
    for name, rows in ROWS.items():
        assert real.reference(name).height == rows, name
    cohort = real.reference("survexp_cohort_colrec.csv")
    assert cohort.filter(table="slopop").height == 45
    single = real.reference("survexp_individual_h_colrec400.csv")
    assert single.filter(pl.col("table") == "slopop").height == 2000
    curves = {
        group: real.reference(f"relsurv_cmp.rel_colrec_{group}.csv")["curve"].unique()
        for group in ("sex", "stage", "agegr")
    }
    levels = {group: {level_of(name, group) for name in own} for group, own in curves.items()}
    assert levels == {
        "sex": {"male", "female"},
        "stage": {"1", "2", "3", "99"},
        "agegr": {"0-44", "45-54", "55-64", "65-74", "75+"},
    }


def test_a_hazard_of_0_is_1e_9_in_some_programs_and_0_in_others(real, monkeypatch):
    """With the other convention each measure misses its printed digits in the youngest group."""
    cases = real.members("agegr", "0-44")
    reference = real.reference("relsurv_years_colrec.csv").filter(level="0-44")
    rates = slovenia()

    def missed(measure, table):
        part = reference.filter(measure=measure)
        values, _ = relsurv.years(cases, table, measure, at=part["time"].to_numpy())
        return apart(values, columns(part, "est")[:, 0])

    raised = relsurv.raised(rates)
    assert missed("yl2013", raised) > 1e-9
    assert missed("yl2013", rates) < 1e-11
    monkeypatch.setattr(relsurv, "LEAST", 0.0)
    assert missed("yd", rates) > 1e-9
    assert missed("yl2017", rates) > 1e-9
    assert missed("yd", raised) < 1e-11
    assert missed("yl2017", raised) < 1e-11


def table_of(rates_by_age, years=(2000, 2001)):
    """A rate table with hazards per day by age, the second year's twice the first's."""
    frame = pl.DataFrame(
        [
            {"sex": "male", "age": age, "year": year, "daily": rate * (1 + i)}
            for i, year in enumerate(years)
            for age, rate in enumerate(rates_by_age)
        ]
    )
    return relsurv_twin.RateTable.of(frame, keys=["sex"], hazard="daily", days_per_year=YEAR)


def cases_of(*rows):
    """Men by age in days, follow-up in days and death; diagnosed on 1 February 2000."""
    age, follow_up, died = zip(*rows, strict=True)
    return pl.DataFrame(
        {
            "sex": "male",
            "age_days": age,
            "incidence_date": date(2000, 2, 1),
            "follow_up_days": follow_up,
            "died": died,
        }
    )


def test_the_day_of_a_birthday_is_split_by_hand():
    """A birthday 2.5 days after diagnosis: that day has half of each hazard."""
    walk = relsurv.Walk(cases_of((7.5, 4, True)), table_of([0.1, 0.2]), until=5)
    grown = walk.at([0, 1, 2, 2.5, 3, 4])[0]
    assert grown == pytest.approx([0, 0.1, 0.2, 0.25, 0.35, 0.55], abs=1e-15)


def test_a_new_year_changes_the_hazard_by_hand():
    """From 1 February to 1 January 2001 are 335 days of a leap year."""
    walk = relsurv.Walk(cases_of((0, 340, True)), table_of([0.001]), until=340)
    assert walk.at([335, 336])[0] == pytest.approx([0.335, 0.337], abs=1e-14)


def test_areas_of_two_people_by_hand():
    """Deaths on days 30 and 60, hazard 0.01 per day: steps of 30 days, KM 1/2 then 0."""
    cases, rates = cases_of((0, 30, True), (0, 60, True)), table_of([0.01])
    at = np.array([60.0])
    alive = np.exp(-0.3)
    yd, se = relsurv.years(cases, rates, "yd", at=at)
    assert yd == pytest.approx([30 * (1 / 2 - (1 - alive)) / YEAR], abs=1e-14)
    # Greenwood: the first death moves the 30 days that follow; 15² · 1/(2·1), nothing after
    assert se == pytest.approx([15 / np.sqrt(2) / YEAR], abs=1e-14)
    yl2017, none = relsurv.years(cases, rates, "yl2017", at=at)
    assert yl2017 == pytest.approx([(30 * (1 / 2 + 1) - 30 * (1 - alive)) / YEAR], abs=1e-14)
    assert np.isnan(none).all()
    yl2013, _ = relsurv.years(cases, rates, "yl2013", at=at)
    first = 1 / 2 * (1 / 2 - 0.3)
    assert yl2013 == pytest.approx([30 * (first + first + 0 * (1 - 0.3)) / YEAR], abs=1e-14)


def test_crude_probabilities_of_two_people_by_hand():
    cases, rates = cases_of((0, 1, True), (0, 2, False)), table_of([0.01])
    answers = relsurv.cmp_rel(cases, rates, tau=2.0, add_times=[1.0, 2.0])
    rows, area = answers["causeSpec"]
    assert rows[:, 0] == pytest.approx([0.49, 0.49 - 0.5 * 0.01], abs=1e-15)
    assert area == pytest.approx((0.49 + 0.485) / YEAR, abs=1e-15)
    # var: (S(1) + F(1) − F(t))² · 1/4; the limits beside day 1 are those of day 2
    spread = [0.5**2 / 4, (0.5 + 0.005) ** 2 / 4]
    assert rows[:, 1] == pytest.approx(spread, abs=1e-15)
    assert rows[0, 2] == pytest.approx(0.485 - 1.959963984540054 * np.sqrt(spread[1]), abs=1e-14)
    assert np.isnan(rows[1, 2:]).all()
    rows, _ = answers["population"]
    assert rows[:, 0] == pytest.approx([0.01, 0.01 + 0.5 * 0.01], abs=1e-15)
    assert rows[:, 1] == pytest.approx([0, 0.005**2 / 4], abs=1e-15)


def test_expected_numbers_and_lifetimes_by_hand():
    """A constant hazard of 0.01 per day: exp(−0.01 t), and 1/0.01 days, here 10 years."""
    alive, mean = relsurv.nessie(cases_of((0, 1, True)), table_of([0.01], years=(2000,)), years=[1])
    assert alive == pytest.approx([np.exp(-0.1)], abs=1e-14)
    # 100 years of 10 days end the integral at exp(−10)
    assert mean == pytest.approx(10 * (1 - np.exp(-10)), abs=1e-12)


def test_a_test_of_two_groups_by_hand():
    """Hazard 0: the log-rank test. One death of two on day 1, one of one on day 2."""
    cases = cases_of((0, 1, True), (0, 2, True))
    chi_square, df = relsurv.rs_diff([[cases[:1], cases[1:]]], table_of([0.0]), until=2)
    # day 1: O − E = 1 − 1/2, variance Σ (δ − 1/2)² = 1/4; on day 2 one group is left
    assert chi_square == pytest.approx(0.5**2 / 0.25, abs=1e-15)
    assert df == 1


def test_expected_survival_of_a_cohort_by_hand():
    """Ages 0 and 1 (hazards 0.1 and 0.3 per day), the older followed for one day of two."""
    cases, rates = cases_of((0, 2, False), (10, 1, False)), table_of([0.1, 0.3])
    at = np.array([1.0, 2.0])
    ederer, people = relsurv.survexp(cases, rates, "ederer", at=at)
    assert ederer == pytest.approx((np.exp(-0.1 * at) + np.exp(-0.3 * at)) / 2, abs=1e-15)
    assert people.tolist() == [2, 2]
    conditional, people = relsurv.survexp(cases, rates, "conditional", at=at)
    assert conditional == pytest.approx(np.exp([-0.2, -0.2 - 0.1]), abs=1e-15)
    assert people.tolist() == [2, 1]
    hakulinen, _ = relsurv.survexp(cases, rates, "hakulinen", at=at, potential=np.array([2.0, 1.0]))
    assert hakulinen == pytest.approx(ederer[0] * np.array([1, np.exp(-0.1)]), abs=1e-15)


def constant_hazard(rate):
    """Two people of 50 with a hazard per year whatever the age, one dead after half a year."""
    length = popepi_twin.POPEPI_YEAR
    frame = pl.DataFrame({"sex": 1, "age": 0, "year": 1951, "daily": rate / length})
    rates = relsurv_twin.RateTable.of(frame, keys=["sex"], hazard="daily", days_per_year=length)
    cases = pl.DataFrame(
        {
            "sex": 1,
            "age_days": [50 * length] * 2,
            "incidence_date": date(2000, 1, 1),
            "follow_up_days": [183, 365],
            "died": [True, False],
        }
    )
    return cases, rates, np.array([0.5, 1.0])


def test_mean_survival_goes_on_from_relative_survival_by_hand():
    """One interval, 1 death in 1.5 years: relative survival exp(0.1 − 1/1.5) of a year for ever."""
    cases, rates, time = constant_hazard(0.1)
    found = popepi.survmean(cases, rates, np.array([0.0, 1.0]), np.array([2.0]), time=time)
    mean, expected, lost = found
    assert expected == pytest.approx(0.5 + np.exp(-0.1) + np.exp(-0.2) / 2, abs=1e-14)
    assert mean == pytest.approx(0.5 + np.exp(-1 / 1.5) + np.exp(-2 / 1.5) / 2, abs=1e-14)
    assert lost == pytest.approx(2 * (expected - mean), abs=1e-14)


def test_relative_survival_is_not_continued_above_1_by_hand():
    """A hazard of 1 per year and 1 death in 1.5 years: relative survival above 1, then 1."""
    cases, rates, time = constant_hazard(1.0)
    mean, _, _ = popepi.survmean(cases, rates, np.array([0.0, 1.0]), np.array([2.0]), time=time)
    first = np.exp(-1 / 1.5)
    assert mean == pytest.approx(0.5 + first + first * np.exp(-1) / 2, abs=1e-14)


@pytest.mark.parametrize(("rate", "known"), [(0.1, True), (1.0, False)])
def test_shares_of_causes_by_hand(rate, known):
    cases, rates, time = constant_hazard(rate)
    row = popepi.by_cause(cases, rates, np.array([0.0, 1.0]), time=time, cause=np.array([1, 0]))[
        1.0
    ]
    lost = 1 - np.exp(-1 / 1.5)
    assert row["CIF_canD"] == pytest.approx(lost, abs=1e-15)
    assert row["CIF_othD"] == 0
    assert row["surv.obs.othD"] == 1
    assert row["SE.surv.obs"] == pytest.approx(np.exp(-1 / 1.5) / 1.5, abs=1e-15)
    # 0.15 deaths expected of 1; with 1.5 expected it is missing
    assert np.isfinite(row["CIF.rel"]) == known
    if known:
        assert row["CIF.rel"] == pytest.approx(lost * 0.85, abs=1e-14)
