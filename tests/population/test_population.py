"""Reading populations, refusing faulty ones, and summing their person-years."""

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare.errors import CodeError, ColumnError, PopulationError
from rarecare.population.population import Population

HEADER = "sex,year,age_group,person_years\n"
GOOD = HEADER + "".join(
    f"{sex},{year},{age},{count}\n"
    for count, (sex, year, age) in enumerate(
        itertools.product(("male", "female"), (2000, 2001), ("0-4", "5-9", "10+")), start=100
    )
)


def written(tmp_path, text):
    path = tmp_path / "population.csv"
    path.write_text(text, encoding="utf-8")
    return path


def frame(**columns):
    return pl.DataFrame({"person_years": [10.0] * len(next(iter(columns.values()))), **columns})


def test_a_tidy_file(tmp_path):
    population = Population.read(written(tmp_path, GOOD))
    assert population.keys == ("sex",)
    assert population.years == (2000, 2001)
    assert population.age_lower == (0, 5, 10)
    assert population.age_end is None
    assert population.source.name == "population.csv"
    assert population.table.columns == ["sex", "year", "age_lower", "person_years"]
    assert population.table.row(0) == ("female", 2000, 0, 106.0)
    assert population.table["person_years"].sum() == sum(range(100, 112))
    assert population.notes == ("population population.csv: person-years from column "
                                "'person_years'",)  # fmt: skip


def test_the_order_of_rows_is_irrelevant():
    rows = pl.DataFrame({"age": ["0-9", "10+"] * 2, "sex": [1, 1, 2, 2], "pop": [1.5, 2, 3, 4]})
    one, other = Population.read(rows), Population.read(rows.reverse())
    assert one.sha256 == other.sha256
    assert one.table.equals(other.table)


@pytest.mark.parametrize(
    "change",
    [
        {"pop": [1.5, 2, 3, 5]},
        {"age": ["0-4", "5+"] * 2},
        {"age": ["0-9", "10-19"] * 2},
        {"area": ["a"] * 4},
    ],
)
def test_the_hash_sees_every_change_of_numbers(change):
    rows = pl.DataFrame({"age": ["0-9", "10+"] * 2, "sex": [1, 1, 2, 2], "pop": [1.5, 2, 3, 4]})
    changed = rows.with_columns(**{name: pl.Series(values) for name, values in change.items()})
    assert Population.read(changed).sha256 != Population.read(rows).sha256


@pytest.mark.parametrize(
    ("ages", "lower", "end"),
    [
        (["0-4", "5-9", "10+"], (0, 5, 10), None),
        (["0–4", "5 - 9", "10 +"], (0, 5, 10), None),
        (["00-04", "05-09", "10-14"], (0, 5, 10), 15),
        (["[0,5)", "[5,10)", "[10,Inf)"], (0, 5, 10), None),
        (["[0,5)", "[5, 10)", "[10,15)"], (0, 5, 10), 15),
        (["0", "1-4", "5+"], (0, 1, 5), None),
        (["0", "5", "10"], (0, 5, 10), None),
        ([0, 5, 10], (0, 5, 10), None),
        ([0.0, 15.0, 30.0], (0, 15, 30), None),
        (["15-44", "45-54", "55+"], (15, 45, 55), None),
    ],
)
def test_age_labels(ages, lower, end):
    population = Population.read(frame(age_group=ages))
    assert (population.age_lower, population.age_end) == (lower, end)


def test_an_open_end_is_noted_only_where_it_is_taken():
    taken, said = (Population.read(frame(age=ages)) for ages in (["0", "5"], ["0-4", "5+"]))
    assert any("from 5, is taken as open" in note for note in taken.notes)
    assert not any("open" in note for note in said.notes)
    closed = Population.read(frame(age=["0-4", "5-14"]))
    assert any("ages end before 15" in note for note in closed.notes)


def test_numbers_of_age_groups_must_be_said():
    numbered = frame(age_group=list(range(1, 19)))
    with pytest.raises(PopulationError, match=r"may be single years or numbers.*age_groups='num"):
        Population.read(numbered)
    population = Population.read(numbered, age_groups="number")
    assert population.age_lower == tuple(range(0, 90, 5))
    assert Population.read(numbered, age_groups="lower").age_lower == tuple(range(1, 19))
    fewer = Population.read(frame(age_group=list(range(1, 17))), age_groups="number")
    assert fewer.age_lower[-1] == 75
    with pytest.raises(PopulationError, match=r"line 20, column 'age_group'\): got '19'.*1 to 18"):
        Population.read(frame(age_group=list(range(1, 20))), age_groups="number")


def test_single_ages_to_a_hundred_are_no_numbers_of_groups():
    assert Population.read(frame(age=list(range(101)))).age_lower == tuple(range(101))


@pytest.mark.parametrize(
    "age", ["all", "5-", "9-5", "-1", "unknown", "[5,10]", "(5,10)", "85 to 89"]
)
def test_what_is_no_age_group_is_refused_with_its_line(age):
    with pytest.raises(PopulationError, match=r"no age group \(data frame, line 3, column 'age'\)"):
        Population.read(frame(age=["0-4", age]))


def test_groups_that_overlap_or_leave_a_gap_are_refused():
    with pytest.raises(PopulationError, match="age groups 0-4 and 6-9 overlap or leave a gap"):
        Population.read(frame(age=["0-4", "6-9", "10+"]))
    with pytest.raises(PopulationError, match=r"0-9 and 5-9 overlap.*line 3"):
        Population.read(frame(age=["0-9", "5-9", "10+"]))
    with pytest.raises(PopulationError, match=r"75\+ and 80\+ overlap"):
        Population.read(frame(age=["0-74", "75+", "80+"]))


@pytest.mark.parametrize(
    ("count", "problem"),
    [
        ("-3", "a count of persons is negative .*line 4, column 'person_years'.*got '-3'"),
        ("", r"a count of persons is missing \(population.csv, line 4"),
        ("12k", "a count of persons is no number .*line 4.*got '12k'; allowed: numbers from 0"),
        ("inf", "a count of persons is no number .*line 4"),
    ],
)
def test_counts_that_cannot_be_are_refused(tmp_path, count, problem):
    text = GOOD.replace("male,2000,10+,102", f"male,2000,10+,{count}", 1)
    with pytest.raises(PopulationError, match=problem):
        Population.read(written(tmp_path, text))


def test_a_doubled_cell_is_refused(tmp_path):
    with pytest.raises(PopulationError, match=r"occurs twice \(population.csv, line 14\): got "
                       "'sex male, year 2000, age_lower 5'.*Remove one"):  # fmt: skip
        Population.read(written(tmp_path, GOOD + "male,2000,5-9,7\n"))


def test_a_missing_cell_is_refused(tmp_path):
    lines = GOOD.splitlines(keepends=True)
    with pytest.raises(PopulationError, match=r"is missing \(population.csv\): got "
                       "'year 2000, sex male, age_lower 5'.*Add the 1 missing"):  # fmt: skip
        Population.read(written(tmp_path, "".join(lines[:2] + lines[3:])))


def test_a_missing_year_in_the_middle_is_refused():
    with pytest.raises(PopulationError, match="year 2001, age_lower 0"):
        Population.read(frame(year=[2000, 2002], age=["0+", "0+"]))


def test_areas_may_have_their_own_years_but_not_the_sexes():
    cells = [("north", y, s) for y in (2000, 2001) for s in "mf"]
    cells += [("south", 2001, s) for s in "mf"]
    area, year, sex = zip(*cells, strict=True)
    both = frame(area=area, year=year, sex=sex, age=["0+"] * 6)
    population = Population.read(both)
    assert population.years == (2000, 2001)
    assert any("north 2000-2001; south 2001-2001" in note for note in population.notes)
    with pytest.raises(PopulationError, match="area south, year 2001, sex female"):
        Population.read(both.slice(0, 5))


def test_sex_in_codes(tmp_path):
    coded = GOOD.replace("female", "2").replace("male", "1")
    words = Population.read(written(tmp_path, GOOD))
    assert Population.read(written(tmp_path, coded)).sha256 == words.sha256
    finnish = coded.replace("\n1,", "\n0,").replace("\n2,", "\n1,")
    with pytest.raises(CodeError, match=r"sex is not a known code \(population.csv, line 2\)"):
        Population.read(written(tmp_path, finnish))
    mapped = Population.read(
        written(tmp_path, finnish), codes={"sex": {"0": "male", "1": "female"}}
    )
    assert mapped.sha256 == words.sha256


def test_a_total_beside_its_parts_is_refused():
    with pytest.raises(PopulationError, match=r"a total stands beside its parts .*line 4"):
        Population.read(frame(area=["a", "b", "Total"], age=["0+"] * 3))
    with pytest.raises(CodeError, match="got 'both'"):
        Population.read(frame(sex=["male", "female", "both"], age=["0+"] * 3))


def test_a_blank_key_is_refused():
    with pytest.raises(PopulationError, match=r"area is blank .*line 3, column 'area'"):
        Population.read(frame(area=["a", None], age=["0+"] * 2))


@pytest.mark.parametrize("name", ["regoin", "yaer", "person_yeras", "sexe", "countries"])
def test_a_misspelt_column_is_refused_with_the_nearest(name):
    rows = frame(age=["0-4", "5+"]).with_columns(pl.lit("1").alias(name))
    with pytest.raises(ColumnError, match=f"nearly .*got '{name}'"):
        Population.read(rows)


@pytest.mark.parametrize("second", ["gender", "age", "calendar year"])
def test_a_second_column_of_one_kind_is_refused(second):
    rows = frame(sex=["male"] * 2, year=[2000] * 2, age_group=["0-4", "5+"])
    rows = rows.with_columns(pl.lit("1").alias(second))
    with pytest.raises(ColumnError, match=f"two columns say the same .*got '{second}'"):
        Population.read(rows)


def test_other_columns_are_keys_unless_the_keys_are_named():
    rows = frame(nuts=["a", "a"], label=["A", "A"], age=["0-4", "5+"])
    assert Population.read(rows).keys == ("nuts", "label")
    assert Population.read(rows, keys=["nuts"]).keys == ("nuts",)
    assert Population.read(rows, columns={"area": "nuts"}, keys=["area"]).keys == ("area",)


def test_the_column_of_persons_is_chosen_in_order_and_noted():
    rows = pl.DataFrame({"age": ["0-4", "5+"], "pop_endofyear": [3, 4], "pop_midyear": [1, 2]})
    population = Population.read(rows)
    assert population.table["person_years"].to_list() == [1, 2]
    assert "from column 'pop_midyear'" in population.notes[0]
    with pytest.raises(ColumnError, match="no column for person_years"):
        Population.read(rows.drop("pop_midyear"))
    named = Population.read(rows.drop("pop_midyear"), columns={"person_years": "pop_endofyear"})
    assert named.table["person_years"].to_list() == [3, 4]


def test_the_encr_population_file(tmp_path):
    text = "Calendar year;Sex;Age Unit;Number of residents\n2000;1;0;5\n2000;1;5;6\n"
    population = Population.read(written(tmp_path, text + "2000;2;0;7\n2000;2;5;8\n"))
    assert population.keys == ("sex",)
    assert population.table["person_years"].to_list() == [7, 8, 5, 6]


def test_without_years_it_stands_for_the_whole_period():
    population = Population.read(frame(age=["0-4", "5+"]))
    assert population.years == ()
    assert "year" not in population.table.columns
    assert any("whole period" in note for note in population.notes)


def test_sums_by_hand():
    population = Population.read(
        pl.DataFrame(
            {
                "sex": ["male", "male", "female", "female"] * 2,
                "area": ["a"] * 4 + ["b"] * 4,
                "age": ["0-4", "5+"] * 4,
                "pop": [1, 2, 3, 4, 5, 6, 7, 8],
            }
        )
    )
    levels, sums = population.person_years_by(["sex"])
    assert levels["sex"].to_list() == ["female", "male"]
    assert sums.tolist() == [[10, 12], [6, 8]]
    levels, sums = population.person_years_by([], age_lower=[0])
    assert levels.shape == (1, 0)
    assert sums.tolist() == [[36]]
    assert population.part(area="b").person_years_by([])[1].tolist() == [[12, 14]]
    assert population.part(area=["a", "b"]).sha256 == population.sha256
    assert population.grouped([0]).table["person_years"].to_list() == [7, 15, 3, 11]


def test_wider_groups_must_nest():
    population = Population.read(frame(age=["0-4", "5-9", "10-14"]))
    wider = population.grouped([0, 10])
    assert (wider.age_lower, wider.age_end) == ((0, 10), 15)
    assert wider.table["person_years"].to_list() == [20, 10]
    with pytest.raises(
        PopulationError, match=r"cannot be made .* got 7; allowed: 0 and any of 5, 10"
    ):
        population.grouped([0, 7])
    with pytest.raises(PopulationError, match=r"got \[5\]"):
        population.grouped([5, 10])


def test_columns_and_levels_it_lacks_are_refused():
    population = Population.read(frame(sex=["male", "male"], age=["0-4", "5+"]))
    with pytest.raises(PopulationError, match=r"no such column .*got 'aera'; allowed: sex"):
        population.person_years_by(["aera"])
    with pytest.raises(PopulationError, match="no such sex: got 'femal'; allowed: male"):
        population.part(sex="femal")


@given(
    st.lists(st.floats(0, 1e6), min_size=12, max_size=12),
    st.sets(st.sampled_from([5, 10, 15, 20, 25])),
)
def test_grouping_keeps_every_total(counts, bounds):
    rows = {"sex": ["male"] * 6 + ["female"] * 6, "age": [0, 5, 10, 15, 20, 25] * 2}
    population = Population.read(pl.DataFrame(rows | {"pop": counts}))
    wider = population.grouped([0, *bounds])
    _, before = population.person_years_by(["sex"])
    _, after = wider.person_years_by(["sex"])
    assert wider.age_lower == (0, *sorted(bounds))
    np.testing.assert_allclose(after.sum(axis=1), before.sum(axis=1), rtol=1e-12)


def test_real_populations(shared_data):
    finland = Population.read(
        shared_data / "popEpi_meanpop_fi.csv", codes={"sex": {"0": "male", "1": "female"}}
    )
    assert (finland.age_lower[-1], finland.years[0], finland.years[-1]) == (100, 1981, 2016)
    five = finland.grouped(range(0, 90, 5))
    reference = pl.read_csv(shared_data / "incidence_sire_meanpop_fi.csv", comment_prefix="#")
    women = five.part(sex="female", year=range(1993, 2013)).table.sort("year", "age_lower")
    theirs = reference.sort("year", "agegroup")["pyrs"].to_numpy()
    np.testing.assert_allclose(women["person_years"].to_numpy(), theirs, rtol=1e-14)
    rcan = Population.read(shared_data / "iarc_rcan_population_example.csv", age_groups="number")
    assert rcan.age_lower == tuple(range(0, 80, 5))
    assert rcan.table.row(0) == ("female", 2008, 0, 69361.0)
