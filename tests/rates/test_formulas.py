"""Rates from arrays: by hand, against other programs, and their laws."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare.errors import PopulationError, UsageError
from rarecare.rates.formulas import (
    age_specific_rates,
    crude_rate,
    cumulative_risk,
    cumulative_weights,
    standard_weights,
    truncated_weights,
    weighted_rate,
)
from rarecare.rates.intervals import dobson, fay_feuer, poisson_exact, tiwari

PRINTED = 1e-11  # the reference files print 12 significant digits
AGES = tuple(range(0, 90, 5))
SEGI = [12, 10, 9, 9, 8, 8, 6, 6, 6, 6, 5, 4, 4, 3, 2, 1, 0.5, 0.5]
ESP1976 = [8, *[7] * 10, 6, 5, 4, 3, 2, 1, 1]
ESP2013 = [5, 5.5, 5.5, 5.5, 6, 6, 6.5, 7, 7, 7, 7, 6.5, 6, 5.5, 5, 4, 2.5, 2.5]
NORDIC = [5.9, 6.6, 6.2, 5.8, 6.1, 6.8, 7.3, 7.3, 7, 6.9, 7.4, 6.1, 4.8, 4.1, 3.9, 3.5, 2.4, 1.9]


def read(path):
    return pl.read_csv(path, comment_prefix="#")


def one_stratum(table, count, person_years):
    """Cases and person-years of a table summed to one stratum, shape (1, n_ages)."""
    summed = table.group_by("agegroup").agg(pl.col(count, person_years).sum()).sort("agegroup")
    return summed[count].to_numpy()[None], summed[person_years].to_numpy()[None]


def test_rates_by_hand():
    # rates 0.01 and 0.03; weights 1/4 and 3/4: 0.0025 + 0.0225 = 0.025;
    # a = 0.00025, 0.00075: variance 10a² + 30a² = 6.25e-7 + 168.75e-7 = 1.75e-5
    cases, years = [[10, 30]], [[1e3, 1e3]]
    assert crude_rate(cases, years)[0] == pytest.approx(0.02, rel=1e-15)
    assert age_specific_rates(cases, years)[0].tolist() == pytest.approx([0.01, 0.03], rel=1e-15)
    result = weighted_rate(cases, years, standard_weights([1, 3]))
    assert result.rate[0] == pytest.approx(0.025, rel=1e-14)
    assert result.variance[0] == pytest.approx(1.75e-5, rel=1e-14)
    assert result.se[0] == pytest.approx(1.75e-5**0.5, rel=1e-14)
    assert result.largest[0] == pytest.approx(0.00075, rel=1e-14)
    assert result.mean[0] == pytest.approx(0.0005, rel=1e-14)
    assert result.mean_square[0] == pytest.approx((6.25e-8 + 56.25e-8) / 2, rel=1e-14)
    assert result.cases[0] == 40


def test_cumulative_rate_and_risk_by_hand():
    # groups 0, 1-4, 5-74, 75+: 1·0.001 + 4·0.002 + 70·0.0001 = 0.016; the last is not used
    widths = cumulative_weights((0, 1, 5, 75))
    assert widths.tolist() == [1, 4, 70, 0]
    result = weighted_rate([[1, 2, 1, 50]], [[1e3, 1e3, 1e4, 1e2]], widths)
    assert result.rate[0] == pytest.approx(0.016, rel=1e-14)
    assert result.variance[0] == pytest.approx(1e-6 + 32e-6 + 49e-6, rel=1e-14)
    assert cumulative_risk(0.016) == pytest.approx(1 - np.exp(-0.016), rel=1e-13)


def test_truncated_rate_by_hand():
    # ages 35-49 and 50-64 with weights 3 and 1 of them: 0.75·0.01 + 0.25·0.02 = 0.0125
    weights = truncated_weights([9, 3, 1, 7], (0, 35, 50, 65))
    assert weights.tolist() == [0, 0.75, 0.25, 0]
    result = weighted_rate([[5, 1, 2, 5]], [[1e2, 1e2, 1e2, 1e2]], weights)
    assert result.rate[0] == pytest.approx(0.0125, rel=1e-14)
    assert result.cases[0] == 3


@pytest.mark.parametrize(
    ("bounds", "end"), [((0, 50), None), ((5, 75), None), ((0, 30, 70), 74), ((35, 75), None)]
)
def test_ages_that_the_groups_do_not_make_up_have_no_weights(bounds, end):
    assert cumulative_weights(bounds, age_end=end) is None
    assert truncated_weights([1] * len(bounds), bounds, age_end=end) is None


def test_a_population_that_ends_at_75_has_a_cumulative_rate():
    assert cumulative_weights((0, 35, 65), age_end=75).tolist() == [35, 30, 10]
    assert truncated_weights([1, 2], (0, 35), age_end=65).tolist() == [0, 1]


def test_an_age_group_without_person_years():
    cases, years = [[1, 0], [1, 0]], [[10.0, 0.0], [10.0, 5.0]]
    assert np.isnan(age_specific_rates(cases, years)).tolist() == [[False, True], [False, False]]
    weighted = weighted_rate(cases, years, [0.5, 0.5])
    assert np.isnan(weighted.rate).tolist() == [True, False]
    assert np.isnan(weighted.variance).tolist() == [True, False]
    assert weighted_rate(cases, years, [1, 0]).rate.tolist() == pytest.approx([0.1, 0.1])


def test_cases_without_person_years_are_refused():
    with pytest.raises(
        PopulationError, match=r"no person-years: got '3 cases at position \(0, 1\)"
    ):
        age_specific_rates([[1, 3]], [[10.0, 0.0]])


@pytest.mark.parametrize("weights", [[1], [0, 0], [-1, 2], [[1, 1]]])
def test_weights_that_do_not_fit_are_refused(weights):
    with pytest.raises(UsageError, match="the weights do not fit the age groups"):
        weighted_rate([[1, 3]], [[10.0, 10.0]], weights)


def test_shapes_that_differ_are_refused():
    with pytest.raises(UsageError, match="different shapes"):
        crude_rate([[1, 2]], [[1.0]])


def test_popepi_rates(shared_data, shared_reference):
    data = read(shared_data / "incidence_sire_meanpop_fi.csv")
    reference = read(shared_reference / "popEpi_rate_direct.csv").filter(pl.col("data") == "sire")
    standards = {"world_1966_18of5": SEGI, "europe_1976_18of5": ESP1976}
    standards["nordic_2000_18of5"] = NORDIC
    assert reference.height == 63
    for row in reference.iter_rows(named=True):
        part = data if row["year"] is None else data.filter(pl.col("year") == row["year"])
        cases, years = one_stratum(part, "from0to1", "pyrs")
        result = weighted_rate(cases, years, standard_weights(standards[row["weights"]]))
        assert crude_rate(cases, years)[0] == pytest.approx(row["rate"], rel=PRINTED)
        assert result.rate[0] == pytest.approx(row["rate.adj"], rel=PRINTED)
        assert result.se[0] == pytest.approx(row["SE.rate.adj"], rel=PRINTED)
        # its limits are log-normal with z = 1.96, not a form we offer; reproduced from ours
        spread = np.exp(1.96 * result.se[0] / result.rate[0])
        assert result.rate[0] / spread == pytest.approx(row["rate.adj.lo"], rel=PRINTED)
        assert result.rate[0] * spread == pytest.approx(row["rate.adj.hi"], rel=PRINTED)


def test_danish_testis_cancer_by_year(shared_data, shared_reference):
    data = read(shared_data / "testisDK_18groups.csv")
    reference = read(shared_reference / "Epi_testisDK_ASR_by_year.csv")
    standards = {"world": SEGI, "segi1960": SEGI, "europe": ESP1976}
    standards |= {"nordic": NORDIC, "ESP2013_18": ESP2013}
    assert reference.height == 270
    for row in reference.iter_rows(named=True):
        cases, years = one_stratum(data.filter(pl.col("year") == row["year"]), "cases", "pyrs")
        result = weighted_rate(cases, years, standard_weights(standards[row["weights"]]))
        cumulative = weighted_rate(cases, years, cumulative_weights(AGES, age_end=90))
        found = {
            "D": cases.sum(),
            "Y": years.sum(),
            "crude": crude_rate(cases, years)[0] * 1e5,
            "asr": result.rate[0] * 1e5,
            "se": result.se[0] * 1e5,
            "cumrate0_74": cumulative.rate[0] * 100,
            "cumrisk0_74": cumulative_risk(cumulative.rate)[0] * 100,
        }
        for name, limits in (
            ("ff", fay_feuer(result)),
            ("tiwari", tiwari(result)),
            ("dobson.byar", dobson(result, interval="byar")),
        ):
            found |= {f"{name}.lo": limits[0][0] * 1e5, f"{name}.hi": limits[1][0] * 1e5}
        expected = {name: row[name] for name in found}
        assert found == pytest.approx(expected, rel=PRINTED)


def test_danish_testis_cancer_in_children(shared_data, shared_reference):
    # weights: Segi's at 0-14; calendar classes by their first year; per million
    data = read(shared_data / "testisDK_18groups.csv").filter(pl.col("agegroup") <= 3)
    data = data.with_columns(P5=pl.col("year") // 5 * 5)
    reference = read(shared_reference / "Epi_testisDK_ASR_children.csv")
    assert reference.height == 12
    for row in reference.iter_rows(named=True):
        cases, years = one_stratum(data.filter(pl.col("P5") == row["P5"]), "cases", "pyrs")
        result = weighted_rate(cases, years, standard_weights(SEGI[:3]))
        found = {"D": cases.sum(), "Y": years.sum(), "asr": result.rate[0] * 1e6}
        for name, limits, scale in (
            ("ff", fay_feuer(result), 1e6),
            ("tiwari", tiwari(result), 1e6),
            ("pois", poisson_exact(cases.sum(axis=1)), 1),
        ):
            found |= {f"{name}.lo": limits[0][0] * scale, f"{name}.hi": limits[1][0] * scale}
        assert found == pytest.approx({name: row[name] for name in found}, rel=PRINTED)


tables = st.lists(
    st.tuples(st.integers(0, 1000), st.floats(1.0, 1e6), st.floats(0.01, 1)),
    min_size=1,
    max_size=18,
)


@given(tables, st.floats(0.001, 1e6))
def test_the_scale_of_the_standard_is_irrelevant(cells, scale):
    cases, years, weights = (np.array(each) for each in zip(*cells, strict=True))
    one = weighted_rate(cases[None], years[None], standard_weights(weights))
    other = weighted_rate(cases[None], years[None], standard_weights(scale * weights))
    assert other.rate[0] == pytest.approx(one.rate[0], rel=1e-12)
    assert other.variance[0] == pytest.approx(one.variance[0], rel=1e-12)
    assert other.largest[0] == pytest.approx(one.largest[0], rel=1e-12)


@given(tables)
def test_a_standardised_rate_lies_among_the_rates(cells):
    cases, years, weights = (np.array(each) for each in zip(*cells, strict=True))
    rates = age_specific_rates(cases, years)
    rate = weighted_rate(cases[None], years[None], standard_weights(weights)).rate[0]
    assert rates.min() * (1 - 1e-12) <= rate <= rates.max() * (1 + 1e-12)


@given(tables)
def test_the_population_as_its_own_standard_gives_the_crude_rate(cells):
    cases, years, _ = (np.array(each) for each in zip(*cells, strict=True))
    result = weighted_rate(cases[None], years[None], standard_weights(years))
    assert result.rate[0] == pytest.approx(crude_rate(cases, years), rel=1e-12)


@given(tables, st.floats(0.01, 100))
def test_rates_scale_with_person_years(cells, scale):
    cases, years, weights = (np.array(each) for each in zip(*cells, strict=True))
    one = weighted_rate(cases[None], years[None], weights)
    other = weighted_rate(cases[None], scale * years[None], weights)
    assert other.rate[0] * scale == pytest.approx(one.rate[0], rel=1e-12)
    assert other.se[0] * scale == pytest.approx(one.se[0], rel=1e-12)
