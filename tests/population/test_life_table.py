"""Life tables: what each quantity becomes, and what is refused."""

from math import log

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare import LifeTable
from rarecare.errors import ColumnError, LifeTableError, RarecareError, UsageError


def table(quantity="mx", value=0.01, ages=range(3), years=(2000, 2001), **keys):
    """One value in every cell; ``keys`` are columns with their levels."""
    keys = keys or {"sex": ["female", "male"]}
    frame = pl.DataFrame({"age": list(ages)}).join(pl.DataFrame({"year": list(years)}), how="cross")
    for name, levels in keys.items():
        frame = frame.join(pl.DataFrame({name: levels}), how="cross")
    return frame.with_columns(pl.lit(float(value)).alias(quantity))


def changed(frame, age, value, *, quantity="mx", year=2000, sex="male"):
    """The table with another value in one cell."""
    here = (pl.col("age") == age) & (pl.col("year") == year) & (pl.col("sex") == sex)
    return frame.with_columns(pl.when(here).then(value).otherwise(quantity).alias(quantity))


@pytest.mark.parametrize(
    ("quantity", "value", "hazard"),
    [
        ("mx", 0.02, 0.02),
        ("hazard", 0.02, 0.02),
        ("rate", 0.02, 0.02),
        ("qx", 0.02, -log(0.98)),
        ("px", 0.98, -log(0.98)),
        ("prob", 0.98, -log(0.98)),
    ],
)
def test_the_hazard_of_each_quantity(quantity, value, hazard):
    read = LifeTable.read(table(quantity, value))
    assert read.hazard == pytest.approx(hazard, rel=1e-14)
    assert read.hazard.shape == (2, 3, 2)
    assert read.daily_hazard(365.25) == pytest.approx(hazard / 365.25, rel=1e-14)
    assert read.quantity in read.notes[0]


def test_a_hazard_per_day_stands_whatever_the_length_of_a_year():
    read = LifeTable.read(table("haz_per_day", 1e-4))
    assert read.per_day
    assert read.daily_hazard(365.25) == pytest.approx(1e-4)


def test_the_order_of_preference_is_stated():
    both = table("mx", 0.02).with_columns(qx=pl.lit(0.0198))
    assert LifeTable.read(both).hazard == pytest.approx(0.02)
    assert "rate" in LifeTable.read(both).notes[0]


@pytest.mark.parametrize(("quantity", "certain"), [("qx", 1.0), ("px", 0.0)])
def test_certain_death_in_the_last_age_takes_the_age_before(quantity, certain):
    value = 0.3 if quantity == "qx" else 0.7
    frame = changed(table(quantity, value), 2, certain, quantity=quantity)
    read = LifeTable.read(frame)
    assert read.hazard == pytest.approx(-log(0.7))
    assert any("1 cells of the last age (2) had certain death" in note for note in read.notes)


def test_certain_death_elsewhere_is_refused():
    frame = changed(table("qx", 0.3), 1, 1.0, quantity="qx")
    with pytest.raises(LifeTableError, match=r"before the last age of the table \(2\).*age 1"):
        LifeTable.read(frame)


def test_irregular_years_hold_until_the_next_in_hazards_per_day_alone():
    years = (1930, 1948, 1952)
    read = LifeTable.read(table("haz_per_day", 1e-4, years=years))
    assert read.years.tolist() == list(years)
    assert read.year_starts().tolist() == [-14610, -8036, -6575]  # days since 1970-01-01
    with pytest.raises(LifeTableError, match=r"lacks calendar years.*1931"):
        LifeTable.read(table("mx", 0.01, years=years))


def test_any_further_column_is_a_key():
    read = LifeTable.read(table(sex=["male", "female"], region=["N", "S"], deprivation=["1", "2"]))
    assert set(read.keys) == {"sex", "region", "deprivation"}
    assert read.levels.height == 8
    plain = LifeTable.read(table(sex=["1", "2"]), keys=["sex"])
    assert plain.levels["sex"].to_list() == ["female", "male"]


def cell_missing(frame):
    return frame.filter(~((pl.col("age") == 1) & (pl.col("year") == 2001)))


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (lambda: cell_missing(table()), r"cell.*missing.*age 1, year 2001.*Add the 2 missing"),
        (
            lambda: pl.concat([table(), table().head(1)]),
            r"occurs twice.*line 14.*age 0, year 2000.*Remove one",
        ),
        (lambda: changed(table(), 1, -0.1), r"outside its range.*-0\.1.*0 or more"),
        (lambda: changed(table("qx"), 1, 1.2, quantity="qx"), r"outside.*1\.2.*0 to 1"),
        (lambda: changed(table("px", 0.99), 1, -0.2, quantity="px"), r"-0\.2.*0 to 1"),
        (lambda: table(ages=(0, 2, 3)), r"cell.*missing.*age 1"),
        (lambda: table(years=(2000, 2002)), r"lacks calendar years.*2001.*2000 to 2002"),
        (lambda: table("qx", 0.999, ages=range(15, 25)), r"at age.*it cannot be.*px or prob"),
        (lambda: table("prob", 0.001, ages=range(15, 25)), r"it cannot be.*column qx"),
        (lambda: table("mx", 50.0, ages=range(15, 25)), r"per 1 000.*per person"),
        (lambda: table("haz_per_day", 0.01, ages=range(15, 25)), r"hazards per year.*mx"),
        (lambda: table().with_columns(mx=pl.lit("a")), r"no number.*line 2.*'a'"),
        (lambda: table().with_columns(mx=pl.lit(None)), "no number"),
        (lambda: changed(table(), 1, float("nan")), r"no number.*Correct 1 such"),
    ],
)
def test_a_faulty_table_is_refused_with_its_row_and_remedy(frame, words):
    with pytest.raises(LifeTableError, match=words):
        LifeTable.read(frame())


@pytest.mark.parametrize(
    ("frame", "error", "words"),
    [
        (lambda: table("mortality"), ColumnError, r"which quantity.*mx=YOUR_COLUMN"),
        (lambda: table().drop("age"), ColumnError, "age"),
        (lambda: table().drop("year"), ColumnError, "year"),
        (lambda: table(sex=["m", "x"]), RarecareError, r"sex.*'x'"),
        (lambda: table().with_columns(age=pl.lit("young")), RarecareError, r"age.*young"),
    ],
)
def test_a_table_that_cannot_be_read(frame, error, words):
    with pytest.raises(error, match=words):
        LifeTable.read(frame())


def test_columns_and_codes_can_be_named():
    frame = table(sex=["0", "1"]).rename({"age": "alder", "mx": "tal"})
    read = LifeTable.read(
        frame, columns={"age": "alder", "mx": "tal"}, codes={"sex": {"0": "male", "1": "female"}}
    )
    assert read.levels["sex"].to_list() == ["female", "male"]


@given(st.randoms(use_true_random=False), st.lists(st.floats(0.001, 0.4), min_size=12, max_size=12))
@settings(max_examples=30)
def test_the_order_of_rows_is_no_matter(random, values):
    frame = table().with_columns(mx=pl.Series(values))
    order = list(range(frame.height))
    random.shuffle(order)
    one, other = LifeTable.read(frame), LifeTable.read(frame[order])
    assert one.hash == other.hash
    assert np.array_equal(one.hazard, other.hazard)
    moved = frame.with_columns(mx=pl.col("mx") + 1e-9)
    assert LifeTable.read(moved).hash != one.hash


def test_the_invented_life_table(cohort):
    read = LifeTable.read(cohort / "lifetable.csv")
    assert read.keys == ("region", "sex")
    assert read.hazard.shape == (4, 101, 18)
    first = pl.read_csv(cohort / "lifetable.csv").row(0, named=True)
    level = read.levels.rows().index((first["region"], first["sex"]))
    assert read.hazard[level, 0, 0] == first["mx"]


def test_the_slovene_table_of_relsurv(slopop):
    assert slopop.per_day
    assert slopop.hazard.shape[1] == 104
    assert slopop.years[0] == 1930
    assert slopop.years[-1] == 2022


@pytest.mark.parametrize(
    ("name", "choices", "quantity"),
    [
        ("popEpi_popmort.csv", {"columns": {"age": "agegroup"}}, "hazard"),
        ("biostat3_popmort.csv", {}, "rate"),  # it has prob as well: a rate comes first
    ],
)
def test_tables_of_other_programs(shared_data, name, choices, quantity):
    codes = {"sex": {"0": "male", "1": "female"}} if name.startswith("popEpi") else None
    read = LifeTable.read(shared_data / name, codes=codes, **choices)
    assert quantity in read.quantity
    assert np.isfinite(read.hazard).all()
    assert 1e-5 < read.hazard[:, 30 - read.first_age, :].max() < 0.02


def gap_table(**choices):
    rows = [
        {"sex": "male", "age": age, "year": year, "mx": rate * (1 + age / 100)}
        for age in range(60, 63)
        for year, rate in ((2000, 0.01), (2004, 0.16), (2005, 0.2))
    ]
    return LifeTable.read(pl.DataFrame(rows), **choices)


def test_missing_years_follow_the_rule_asked():
    with pytest.raises(LifeTableError, match=r"2001, 2002, 2003.*missing_years='carry'"):
        gap_table()
    with pytest.raises(UsageError, match="Did you mean 'carry'"):
        gap_table(missing_years="cary")
    carried = gap_table(missing_years="carry")
    assert carried.years.tolist() == [2000, 2001, 2002, 2003, 2004, 2005]
    assert carried.hazard[0, 0] == pytest.approx([0.016] * 4 + [0.256, 0.32])
    assert any("2001, 2002, 2003 are missing: the year before" in note for note in carried.notes)
    straight = gap_table(missing_years="interpolate")
    # from 0.01 to 0.16 in four years: doubling each year
    assert straight.hazard[0, 0] == pytest.approx(
        [0.016, 0.032, 0.064, 0.128, 0.256, 0.32], rel=1e-14
    )
    assert any("interpolated on the log scale" in note for note in straight.notes)


def test_a_table_is_rescaled_by_a_further_key_or_one_of_its_own():
    table = gap_table(missing_years="carry")
    by_group = table.rescaled("deprivation", {"1": 0.5, "5": 2.0})
    assert by_group.keys == ("sex", "deprivation")
    assert by_group.levels.rows() == [("male", "1"), ("male", "5")]
    assert by_group.hazard[0] == pytest.approx(table.hazard[0] / 2)
    assert by_group.hazard[1] == pytest.approx(table.hazard[0] * 2)
    assert by_group.hash != table.hash
    assert by_group.notes[-1].endswith("multiplied by deprivation (1 0.5, 5 2)")
    own = table.rescaled("sex", {"male": 1.5})
    assert own.hazard == pytest.approx(table.hazard * 1.5)
    with pytest.raises(LifeTableError, match=r"'male'.*allowed: female"):
        table.rescaled("sex", {"female": 1.5})
    for wrong in ({}, {"1": 0.0}, {"1": float("nan")}):
        with pytest.raises(LifeTableError, match="factors of deprivation"):
            table.rescaled("deprivation", wrong)
