"""Interval life tables from dates: the edge of the life table, and popEpi's fractional years."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from rarecare import LifeTable
from rarecare.errors import LifeTableError
from rarecare.survival import interval_survival


@pytest.fixture(scope="module")
def lives():
    rows = [
        {"sex": "male", "age": age, "year": year, "hazard": 0.01 * (1 + age - 60)}
        for age in range(60, 63)
        for year in range(2000, 2003)
    ]
    return LifeTable.read(pl.DataFrame(rows))


def cases(ages, days, day=date(2000, 7, 1)):
    size = len(ages)
    return pl.DataFrame(
        {
            "sex": ["male"] * size, "incidence_date": [day] * size, "age": ages,
            "age_days": [int(age * 365.25) for age in ages], "follow_up_days": days,
            "died": [True] * size,
        }
    )  # fmt: skip


def test_years_outside_the_life_table_are_counted(lives):
    """One of 62 lives 2.5 years: 1.5 of them past the table's last age; one of 60 none."""
    frame = cases([62, 60], [913, 300])
    with pytest.raises(LifeTableError, match=r"person-years .* outside the life table") as caught:
        interval_survival(frame, lives, breaks="0(0.5)3")
    assert "allow-outside" in str(caught.value)
    result = interval_survival(frame, lives, breaks="0(0.5)3", allow_outside=1)
    outside, whole = 913 / 365.24 - 1, (913 + 300) / 365.24
    said = next(note for note in result.provenance.notes if "outside the life table" in note)
    assert f"({outside / whole:.2%})" in said


def test_no_word_where_the_table_covers_all(lives):
    result = interval_survival(cases([60, 61], [300, 200]), lives, breaks="0(0.5)1")
    assert not any("outside" in note for note in result.provenance.notes)


def test_popepi_takes_differences_of_fractional_dates(lives):
    """A day is 1/365.242199 of a year, and 1 January is the whole year."""
    frame = cases([60], [366])
    table = interval_survival(
        frame, lives, breaks="0(1)2", convention="popepi", form="hazard", method="ederer2"
    ).table  # 1 July 2000 to 2 July 2001: a year and a day less the day of February 29
    start = 2000 + 182 / 365.242199
    end = 2001 + 182 / 365.242199
    np.testing.assert_allclose(table["person_years"].sum(), end - start, rtol=1e-12)
    given = frame.select("sex", "died").with_columns(
        age_years=pl.lit(start - (1940 + 182 / 365.242199)), diagnosis_year=pl.lit(start),
        time_years=pl.lit(end - start),
    )  # fmt: skip
    same = interval_survival(
        given, lives, breaks="0(1)2", convention="popepi", form="hazard", method="ederer2"
    ).table
    np.testing.assert_allclose(table["estimate"][0], same["estimate"][0], rtol=1e-12)


def test_limits_too_wide_say_so(lives):
    """One death among two: the log limits leave every scale that numbers have, or say why."""
    frame = cases([60, 60], [200, 900])
    table = interval_survival(
        frame, lives, breaks="0(1)3", method="pohar-perme", interval="log"
    ).table
    told = table.filter(pl.col("estimate").is_not_null() & pl.col("lower").is_null())
    assert not told["reason"].str.contains("not between 0 and 1").any()
