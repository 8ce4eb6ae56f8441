"""Complete prevalence of a real registry: windows of any length must say the same."""

import polars as pl
import pytest

from rarecare import LifeTable, Population, complete_prevalence, empirical_complete_prevalence

SEX = {"sex": {"0": "male", "1": "female"}}


@pytest.fixture(scope="module")
def finland(shared_data):
    """Rectal cancer of women, Finland, diagnosed 1993-2012; persons; life table."""
    raw = pl.read_csv(shared_data / "popEpi_sire.csv", try_parse_dates=True)
    days = pl.col("ex_date") - pl.col("dg_date")
    cases = raw.select(
        sex=pl.lit("female"), incidence_date="dg_date",
        age_days=(pl.col("dg_date") - pl.col("bi_date")).dt.total_days(),
        follow_up_days=days.dt.total_days(), died=pl.col("status") != 0,
    ).with_columns(age=(pl.col("age_days") / 365.2425).floor().cast(pl.Int64))  # fmt: skip
    people = Population.read(shared_data / "popEpi_meanpop_fi.csv", codes=SEX).part(sex="female")
    return cases, people, LifeTable.read(shared_data / "popEpi_popmort.csv", codes=SEX)


def test_windows_of_5_10_and_15_years_agree(finland):
    cases, people, lives = finland
    found = [
        complete_prevalence(cases, people, lives, index_date="2012-12-31", years=years)
        .result.table.filter(measure="prevalent persons", window="complete")
        .row(0, named=True)
        for years in (5, 10, 15)
    ]  # fmt: skip
    longest = found[-1]
    for row in found[:-1]:
        # the longer window holds the shorter's cases, so that their difference is less uncertain
        assert abs(row["estimate"] - longest["estimate"]) < 2 * row["se"]
    assert [row["se"] for row in found] == sorted((row["se"] for row in found), reverse=True)


def test_the_empirical_one_misses_those_before_registration(finland):
    cases, people, lives = finland
    modelled, empirical = (
        made.result.table.filter(measure="prevalent persons", window="complete")
        for made in (
            complete_prevalence(cases, people, lives, index_date="2012-12-31", years=10),
            empirical_complete_prevalence(
                cases, people, index_date="2012-12-31", years=10, long_years=19
            ),
        )
    )
    assert empirical["estimate"][0] < modelled["lower"][0]
    assert "too low for cancers of the young" in empirical["reason"][0]
